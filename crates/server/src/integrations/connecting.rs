//! Connecting a console: the form, the test before saving, and a new token, permission or address for one that is known.

use std::borrow::Cow;
use std::time::Duration;

use access::{Credential, Credentials, Permission};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use explorer::seal::SEALED_BYTES_MAX;
use kernel::{CredentialId, Secret, Timestamp};
use sentinelone::{Console, Probe, Token};
use sync::examine::{Step, failed_step};
use sync::explorers::{At, Explorer, ExplorerError};
use sync::health::{self, Remedy, Trouble};
use sync::{Beside, Integration, IntegrationState, Options, SyncError};
use ui::{Button, Card, Choice, Flash, Icon, Kind, Light, Markup, Place, Tone, Weight, html};

use super::choices::{Values, Wrong, errors, field};
use super::{at, found, missing, place};
use crate::explorers::enrolled;
use crate::fields::{Asked, Fields, Sent, address};
use crate::problem::{capital, sentence};
use crate::{App, Problem, Visitor, respond};

/// How long a test may take, which a person waits for: a little less than any request.
const TRY_TIME: Duration = Duration::from_secs(25);

/// Days before the end of a token from which on they are counted.
const NEAR_DAYS: i64 = 60;

/// How a test ended: what the token sees, or the step that failed and why.
pub(super) type Outcome = Result<Probe, (Step, Trouble)>;

/// What a form to connect holds.
struct Filled {
    url: String,
    name: String,
    /// What its task is called; empty for the integration's name.
    task: String,
    site: String,
    credential: String,
    /// The Explorer that it runs at, by its id; empty for this server.
    at: String,
    /// The Explorer that keeps the token, by its id; empty if none does.
    keep: String,
    /// The token, sealed to that Explorer by the browser.
    sealed: String,
    /// The token, sealed, once it was tried.
    carried: Option<String>,
    values: Values,
}

impl Filled {
    fn empty() -> Filled {
        Filled {
            url: String::new(),
            name: String::new(),
            task: String::new(),
            site: sync::SITE_DEFAULT.to_owned(),
            credential: String::new(),
            at: String::new(),
            keep: String::new(),
            sealed: String::new(),
            carried: None,
            values: Values::of(&Options::default()),
        }
    }

    fn sent(sent: &Fields) -> Filled {
        let text = |name: &str| sent.get(name).trim().to_owned();
        Filled {
            url: text("url"),
            name: text("name"),
            task: text("task"),
            site: text("site"),
            credential: text("credential"),
            at: text("at"),
            keep: text("keep"),
            sealed: text("sealed"),
            carried: sent.opt("carried").map(str::to_owned),
            values: Values::sent(sent),
        }
    }

    /// A token that was verified before does not count beside one that failed, or was just entered.
    fn forget_verified(&mut self) {
        self.carried = None;
    }
}

impl Filled {
    /// Where it runs, and the token for there.
    fn runs_at(&self, explorers: &[Explorer]) -> Result<At, Wrong> {
        let wanted = if self.keep.is_empty() { &self.at } else { &self.keep };
        if wanted.is_empty() {
            return Ok(At::default());
        }
        let known = explorers.iter().find(|of| of.id.to_string() == *wanted);
        let error = "Choose one of the Explorers that are listed.";
        let of = known.ok_or_else(|| Wrong::new("at", "Runs at", error))?;
        let sealed = (!self.keep.is_empty() && !self.sealed.is_empty()).then(|| self.sealed.clone());
        Ok(At { explorer: Some(of.id), sealed })
    }
}

/// What each step is called, for people.
fn step_words(step: Step) -> &'static str {
    match step {
        Step::Dns => "The name has an address",
        Step::Port => "Something listens there",
        Step::Tls => "The connection is encrypted",
        Step::Http => "A console answers",
        Step::Token => "It accepts the token",
        Step::Permission => "The token may read what is needed",
    }
}

/// Whose token a test was of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tested {
    /// One that was just entered, and is nowhere yet.
    Entered,
    /// The one that is kept.
    Kept,
    /// The same, of an integration that is switched off.
    Paused,
    /// The one of a demo's console, which nobody simulates just now.
    Demo,
}

impl Tested {
    /// What there is to do about a step that failed.
    fn help(self, step: Step, trouble: &Trouble) -> Cow<'static, str> {
        let remedy = match self {
            Tested::Demo => Remedy::StartDemo,
            _ => health::remedy(trouble.state, trouble.why),
        };
        match (self, step, remedy) {
            (Tested::Entered, Step::Token, _) => format!("{}; nothing was saved", health::TOKEN_AGAIN).into(),
            // Nobody tries what is not kept, or what is switched off.
            (Tested::Entered | Tested::Paused, _, Remedy::Wait) => {
                "nothing is wrong with what was entered, and nothing tries it again by itself: wait a moment, then test it again"
                    .into()
            }
            (_, _, remedy) => remedy.words().into(),
        }
    }
}

/// The steps of a test of the console at an address, one below the other, and what the token sees.
fn steps(outcome: &Outcome, address: &str, tested: Tested, now: Timestamp) -> Markup {
    let failed = outcome.as_ref().err();
    let plain = Console::parse(address).is_ok_and(|console| console.origin().starts_with("http://"));
    let mut passed = true;
    let all: Vec<(&str, Markup)> = Step::ALL
        .into_iter()
        .map(|step| {
            let told = match failed {
                Some((at, trouble)) if *at == step => {
                    passed = false;
                    let help = tested.help(step, trouble);
                    html! { (ui::light(Light::Bad, "Failed")) " " (ui::words::cut(&capital(&trouble.detail), 400)) " " (capital(&help)) }
                }
                _ if passed && plain && step == Step::Tls => {
                    ui::light(Light::NotApplicable, "No: plain http, which stays on this machine")
                }
                _ if passed => ui::light(Light::Ok, "Passed"),
                _ => ui::light(Light::Idle, "Not tried"),
            };
            (step_words(step), told)
        })
        .collect();
    let body = html! { (ui::facts(&all)) @if let Ok(probe) = outcome { (sees(probe, now)) } };
    let heading = if failed.is_none() { "Verified just now" } else { "This is how far it went" };
    html! { div role="status" { (Card { id: "test", heading, body, ..Card::default() }.render()) } }
}

fn sees(probe: &Probe, now: Timestamp) -> Markup {
    let facts = sync::facts(probe);
    let (reads, not) = sync::modules(probe);
    let role = match facts.role.as_deref() {
        Some(role) if role == sync::ROLE_ENOUGH => html! { (ui::light(Light::Ok, role)) },
        Some(role) => html! {
            (ui::light(Light::Warn, "More than needed")) " " (ui::words::name(role)) ". " (sync::ROLE_ENOUGH)
            " is enough, and a stolen " (sync::ROLE_ENOUGH) " token could change nothing."
        },
        None => ui::absent("the console does not say"),
    };
    let end = match facts.expires_at {
        Some(end) if end <= now => ui::badge(Tone::Bad, "has ended"),
        Some(end) => {
            let days = end.seconds_since(now) / 86_400;
            html! { (ui::date(end)) @if days <= NEAR_DAYS { ", in " (ui::noun(days.unsigned_abs(), "day", "days")) } }
        }
        None => ui::absent("the console does not say"),
    };
    let missing: Vec<String> = not.iter().map(|(word, _)| (*word).to_owned()).collect();
    let all = [
        ("Role", role),
        ("Scope", facts.scope.as_deref().map_or_else(|| ui::absent("not said"), ui::words::name)),
        ("Ends", end),
        ("Reads", html! { (reads.join(", ")) }),
        (
            "Does not read",
            if missing.is_empty() {
                html! { "nothing is missing" }
            } else {
                html! { (missing.join(", ")) }
            },
        ),
    ];
    ui::facts(&all)
}

/// The address, as a console's that may be asked from here, or from an Explorer, which stands where the console does.
pub(super) async fn console(app: &App, url: &str, at: &At) -> Result<Console, Wrong> {
    let wrong = |error: String| Wrong::new("url", "Address of the console", error);
    let console = Console::parse(url).map_err(|problem| wrong(sentence(&problem)))?;
    if console.is_private() && at.explorer.is_none() && !app.private_consoles().await {
        let (what, help) = crate::credentials::fenced(&console);
        return Err(wrong(format!("{what} {help}")));
    }
    Ok(console)
}

/// The token that a form names: typed, of a saved credential, or carried from the step before.
async fn token(
    app: &App,
    visitor: &Visitor,
    sent: &Fields,
    console: &Console,
) -> Result<(Token, Option<CredentialId>), Wrong> {
    let wrong = |error: String| Wrong::new("token", "API token", error);
    if !sent.get("keep").is_empty() {
        // It is inside what the browser sealed, and nobody here can open that.
        return match sent.get("sealed") {
            "" => Err(wrong("Enter the token; your browser seals it before it is sent.".to_owned())),
            sealed if sealed.len() > SEALED_BYTES_MAX => Err(wrong("The text is too long for a token.".to_owned())),
            _ => Ok((sync::explorers::absent(sent.get("keep")), None)),
        };
    }
    let read = |text: &str| Token::parse(text).map_err(|problem| wrong(sentence(&problem)));
    let typed = sent.get("token");
    let chosen = sent.get("credential");
    if typed.is_empty() && !chosen.is_empty() {
        return saved_token(app, visitor, chosen).await;
    }
    if !typed.is_empty() {
        return Ok((read(typed)?, None));
    }
    let purpose = purpose(visitor, console);
    let carried = access::carried(&app.keys, &purpose, sent.get("carried"), app.world.now());
    match carried {
        Some(secret) => Ok((read(secret.expose())?, None)),
        None if sent.opt("carried").is_some() => {
            Err(wrong("Enter the token again: it is kept for 15 minutes, and for one address.".to_owned()))
        }
        None => Err(wrong("Enter the token, or choose a saved credential.".to_owned())),
    }
}

/// Whether a form brings a token or a credential anew, instead of going on with one that was verified.
fn is_entered(sent: &Fields) -> bool {
    !sent.get("token").is_empty() || !sent.get("credential").is_empty()
}

/// The token of a saved credential.
pub(super) async fn saved_token(
    app: &App,
    visitor: &Visitor,
    chosen: &str,
) -> Result<(Token, Option<CredentialId>), Wrong> {
    let wrong = |error: String| Wrong::new("credential", "Credential", error);
    let id = CredentialId::parse(chosen).filter(|_| visitor.may(Permission::UseCredentials));
    let id = id.ok_or_else(|| wrong("Choose one of the credentials that are listed.".to_owned()))?;
    let token = sync::open_token(place(app, visitor), id).await;
    token.map(|token| (token, Some(id))).map_err(|error| wrong(sentence(&error)))
}

/// What a carried token is good for: this person, this organization, this console.
fn purpose(visitor: &Visitor, console: &Console) -> String {
    format!("integration {} {} {}", visitor.org, visitor.person, console.authority())
}

/// Tries a token on a console; nothing is stored.
pub(super) async fn tried(
    app: &App,
    visitor: &Visitor,
    console: &Console,
    token: &Token,
    at: &At,
    credential: Option<CredentialId>,
) -> Result<Outcome, Problem> {
    let private = app.private_consoles().await;
    let trying = sync::try_token(place(app, visitor), console, token, at, credential, private);
    // A form is not answered later than a browser waits.
    let Ok(tried) = app.world.timeout(TRY_TIME, trying).await else {
        let detail = format!("{} took longer than {} seconds to answer", console.host(), TRY_TIME.as_secs());
        return Ok(Err((Step::Http, Trouble { state: IntegrationState::Unreachable, why: None, detail })));
    };
    match tried {
        Ok(probe) => Ok(Ok(probe)),
        Err(error) => failure(error).map(Err),
    }
}

/// The step at which a console failed; anything else is no answer about the console.
fn failure(error: SyncError) -> Result<(Step, Trouble), Problem> {
    match error {
        SyncError::Console(error) => Ok((failed_step(&error), health::trouble(&error, false))),
        SyncError::Explorer(error) if !matches!(error, ExplorerError::Store(_)) => {
            let (state, why) = (IntegrationState::Unreachable, Some(health::Why::Explorer));
            Ok((Step::Dns, Trouble { state, why, detail: error.to_string() }))
        }
        other => Err(missing(other)),
    }
}

/// Pages on which a token was typed stay nowhere.
fn unkept(status: StatusCode, markup: Markup) -> Response {
    respond::unkept((status, respond::page(markup)).into_response())
}

async fn credentials(app: &App, visitor: &Visitor) -> Result<Credentials, Problem> {
    if !visitor.may(Permission::UseCredentials) {
        return Ok(Credentials::default());
    }
    let (org, person) = (visitor.org, visitor.person);
    Ok(app.store.read(move |tx| access::credentials(tx, org, Some(person))).await?)
}

/// Whether a credential opens consoles, and is not an integration's own.
fn is_offered(of: &Credential) -> bool {
    of.kind == "sentinelone_api_token" && !of.sealed_as.starts_with("sync/")
}

/// Token or saved credential: the fields.
fn token_fields(visitor: &Visitor, known: &Credentials, filled: &Filled, wrong: &[Wrong]) -> Markup {
    let own = Choice { value: "", label: "A token that is entered below", help: "", on: filled.credential.is_empty() };
    let ids: Vec<String> = known.usable.iter().map(|of| of.id.to_string()).collect();
    let saved = known.usable.iter().zip(&ids).filter(|(of, _)| is_offered(of));
    let saved = saved.map(|(of, id)| Choice { value: id, label: &of.name, help: "", on: filled.credential == *id });
    let choices: Vec<Choice<'_>> = std::iter::once(own).chain(saved).collect();
    let help = match &filled.carried {
        Some(_) => "It was verified; leave this empty to save it.",
        None => "Of a service user with the role Viewer at account level. Nobody can read it here again.",
    };
    html! {
        @if choices.len() > 1 {
            (field("credential", "Credential", "Saved on its own, it is renewed in one place for all that use it.", wrong, true, Kind::Select(&choices)))
        }
        @for hidden in known.hidden.iter().take(5) {
            p.muted.small {
                (ui::words::name(&hidden.name)) " of " (ui::words::name(&hidden.org_name)) " is not listed: "
                (ui::words::name(&visitor.org_name)) " has no access to it."
            }
        }
        (field("token", "API token", help, wrong, filled.carried.is_none() && choices.len() == 1, Kind::Secret("off")))
        @if let Some(carried) = &filled.carried { input type="hidden" name="carried" value=(carried); }
    }
}

/// The buttons: test, and save once it was tested or at once.
fn verbs(verified: bool, (save, value): (&str, &str), back: &str) -> Markup {
    let weight = |main: bool| if main { Weight::Main } else { Weight::Normal };
    html! {
        div.line {
            (ui::button(&Button { words: "Test connection", icon: Some(Icon::Sync), value: Some(("do", "test")), weight: weight(!verified), ..Button::default() }))
            (ui::button(&Button { words: save, value: Some(("do", value)), weight: weight(verified), ..Button::default() }))
            (ui::link_button(back, &Button { words: "Cancel", weight: Weight::Quiet, ..Button::default() }))
        }
    }
}

/// `GET /integrations/connect`
pub(super) async fn connect(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let (known, explorers) = (credentials(&app, &visitor).await?, enrolled(&app, visitor.org).await?);
    let filled = Filled { keep: asked.get("keep").to_owned(), ..Filled::empty() };
    Ok(respond::page(connect_page(&visitor, (&known, &explorers), &filled, &[], (None, &[]), app.world.now())))
}

fn connect_page(
    visitor: &Visitor,
    (known, explorers): (&Credentials, &[Explorer]),
    filled: &Filled,
    wrong: &[Wrong],
    (outcome, beside): (Option<&Outcome>, &[Beside]),
    now: Timestamp,
) -> Markup {
    let again = beside.iter().find(|one| one.same);
    let suggested = match Console::parse(&filled.url) {
        Ok(console) => format!("Unique in the organization; left empty, it is {}.", sync::name_of(&console)),
        Err(_) => "Unique in the organization; left empty, it is the console's own.".to_owned(),
    };
    let form = html! {
        div.flow.wide {
            (errors(wrong))
            (Card {
                id: "console",
                heading: "Console and token",
                aside: html! { a href="/integrations/about/sentinelone" { "How to make a token" } },
                body: html! {
                    (field("url", "Address of the console", "As in your browser, such as organization.sentinelone.net. A path is cut off.", wrong, true, Kind::Mono(&filled.url)))
                    (keeper(explorers, filled))
                    @match explorers.iter().find(|of| of.id.to_string() == filled.keep) {
                        Some(of) => { (sealing(of, filled, wrong)) }
                        None => {
                            (runs_at(explorers, &filled.at, wrong))
                            (token_fields(visitor, known, filled, wrong))
                        }
                    }
                },
                ..Card::default()
            }.render())
            @if let Some(outcome) = outcome { (steps(outcome, &filled.url, Tested::Entered, now)) }
            @match again {
                Some(one) => (read_already(one, visitor)),
                None => @if !beside.is_empty() {
                    (Flash { tone: Tone::Note, what: &super::beside_words(beside), then: "Both are read, each for what it sees.", link: None }.render())
                }
            }
            (Card {
                id: "what",
                heading: "Name and place",
                body: html! {
                    (field("name", "Name", &suggested, wrong, false, Kind::Text(&filled.name)))
                    (field("site", "Site", "Where assets that only this console knows are made.", wrong, true, Kind::Text(&filled.site)))
                },
                ..Card::default()
            }.render())
            (super::forms::task_part(&filled.task, wrong))
            (super::forms::parts(&filled.values, wrong, false, false))
            @match again {
                Some(_) => (verbs(false, ("Connect it all the same", "again"), super::HOME)),
                None => (verbs(matches!(outcome, Some(Ok(_))), ("Save and read", "save"), super::HOME)),
            }
        }
    };
    let shell = visitor.shell();
    let page = ui::Page {
        crumbs: &[("Integrations", super::HOME)],
        lead: html! { "Muster only ever reads. Nothing is saved before console and token have worked." },
        layout: ui::Layout::Narrow,
        body: ui::post_folded(visitor.csrf(), "/integrations/connect", &form),
        ..visitor.page(&shell, Place::Integrations, "Connect SentinelOne")
    };
    page.render()
}

/// Which integration sees the same of a console already, and what else there is to do.
fn read_already(one: &Beside, visitor: &Visitor) -> Markup {
    let of = &one.integration;
    let what = format!("{} reads {} already.", of.name, of.console_host);
    let then = "It sees the same accounts and sites, so a second integration would read everything twice. For a new token, \
                rotate the one that it has.";
    let to = format!("{}/reconnect", at(of.id));
    let link = visitor.may(Permission::ManageIntegrations).then_some(("Rotate its token", to.as_str()));
    Flash { tone: Tone::Warn, what: &what, then, link }.render()
}

/// Integrations of the organization that read a console which has answered.
async fn beside(app: &App, visitor: &Visitor, console: &Console, seen: &Probe) -> Result<Vec<Beside>, Problem> {
    let (org, console, seen) = (visitor.org, console.clone(), seen.clone());
    Ok(app.store.read(move |tx| sync::beside(tx, org, &console, &seen)).await?)
}

/// `POST /integrations/connect`
pub(super) async fn connect_sent(
    State(app): State<App>,
    visitor: Visitor,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let now = app.world.now();
    let known = credentials(&app, &visitor).await?;
    let mut filled = Filled::sent(&sent);
    let mut wrong = Vec::new();
    let explorers = enrolled(&app, visitor.org).await?;
    let runs_there = filled.runs_at(&explorers).map_err(|one| wrong.push(one)).unwrap_or_default();
    let console = console(&app, &filled.url, &runs_there).await.map_err(|one| wrong.push(one)).ok();
    let token = match &console {
        Some(console) => token(&app, &visitor, &sent, console).await.map_err(|one| wrong.push(one)).ok(),
        None => None,
    };
    if is_entered(&sent) || (console.is_some() && token.is_none()) {
        filled.forget_verified();
    }
    if filled.site.is_empty() {
        wrong.push(Wrong::new("site", "Site", "Enter the name of a site; one that is new is made."));
    }
    if !filled.name.is_empty() {
        let (org, name) = (visitor.org, filled.name.clone());
        let others = app.store.read(move |tx| sync::overviews(tx, org, now)).await?;
        if let Some(other) = others.iter().find(|of| kernel::fold(&of.integration.name) == kernel::fold(&name)) {
            let error =
                format!("{} has this name already. Choose another, or rotate its token.", other.integration.name);
            wrong.push(Wrong::new("name", "Name", error));
        }
    }
    let change = filled.values.change().map_err(|all| wrong.extend(all)).ok();
    let (Some(console), Some((token, credential)), Some(change), true) = (console, token, change, wrong.is_empty())
    else {
        let page = connect_page(&visitor, (&known, &explorers), &filled, &wrong, (None, &[]), now);
        return Ok(unkept(StatusCode::UNPROCESSABLE_ENTITY, page));
    };
    let all_the_same = sent.get("do") == "again";
    if sent.get("do") != "save" && !all_the_same {
        let outcome = tried(&app, &visitor, &console, &token, &runs_there, credential).await?;
        filled.carried = carry(&app, &visitor, &console, &token, credential, &runs_there, outcome.is_ok())?;
        let beside = match &outcome {
            Ok(seen) => beside(&app, &visitor, &console, seen).await?,
            Err(_) => Vec::new(),
        };
        let status = if outcome.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        let told = (Some(&outcome), beside.as_slice());
        return Ok(unkept(status, connect_page(&visitor, (&known, &explorers), &filled, &[], told, now)));
    }
    let mut options = Options::default();
    change.apply(&mut options).map_err(missing)?;
    let name = match filled.name.as_str() {
        "" => super::free_name(&app, visitor.org, &console).await?,
        name => name.to_owned(),
    };
    let what = (Some(name), Some(filled.site.clone()));
    let order = order(&app, console.clone(), token.clone(), credential, what, Some(options), runs_there.clone()).await;
    let order = sync::Connect { all_the_same, task: Some(filled.task.clone()), ..order };
    match sync::connect(place(&app, &visitor), order).await {
        Ok(connected) => {
            let of = connected.integration;
            if connected.beside.is_empty() {
                // Its page says that it is connected, and what comes next.
                return Ok(respond::see_other(&at(of.id)));
            }
            let told = super::beside_words(&connected.beside);
            Ok(respond::see_other_saying(&at(of.id), Tone::Ok, &format!("{} is connected.", of.name), &told))
        }
        Err(SyncError::ReadAlready(one)) => {
            // It has worked, so it need not be typed again.
            filled.carried = carry(&app, &visitor, &console, &token, credential, &runs_there, true)?;
            let page = connect_page(&visitor, (&known, &explorers), &filled, &[], (None, &[*one]), now);
            Ok(unkept(StatusCode::UNPROCESSABLE_ENTITY, page))
        }
        Err(error @ (SyncError::BadName { .. } | SyncError::NameTaken { .. } | SyncError::OtherSource { .. })) => {
            let wrong = super::forms::wrong_task(&error, &filled.task);
            let wrong = [wrong.unwrap_or_else(|| Wrong::new("name", "Name", sentence(&error)))];
            let page = connect_page(&visitor, (&known, &explorers), &filled, &wrong, (None, &[]), now);
            Ok(unkept(StatusCode::UNPROCESSABLE_ENTITY, page))
        }
        Err(error) => {
            let outcome = Err(failure(error)?);
            filled.forget_verified();
            let page = connect_page(&visitor, (&known, &explorers), &filled, &[], (Some(&outcome), &[]), now);
            Ok(unkept(StatusCode::UNPROCESSABLE_ENTITY, page))
        }
    }
}

/// Who keeps the token: this server, or an Explorer, for which the form has to be another.
fn keeper(explorers: &[Explorer], filled: &Filled) -> Markup {
    if explorers.is_empty() {
        return html! {};
    }
    let home = "/integrations/connect";
    html! {
        p {
            "Who keeps the token: "
            @if filled.keep.is_empty() { b { "this server, sealed" } } @else { a href=(home) { "this server, sealed" } }
            @for of in explorers {
                ", "
                @if filled.keep == of.id.to_string() { b { "the Explorer " (ui::words::name(&of.name)) } }
                @else { a href=(address(home, &[("keep", &of.id.to_string())])) { "the Explorer " (ui::words::name(&of.name)) } }
            }
            "."
        }
    }
}

/// Where it runs.
pub(super) fn runs_at(explorers: &[Explorer], at: &str, wrong: &[Wrong]) -> Markup {
    if explorers.is_empty() {
        return html! {};
    }
    let ids: Vec<String> = explorers.iter().map(|of| of.id.to_string()).collect();
    let here = Choice { value: "", label: "This server", help: "", on: at.is_empty() };
    let there =
        explorers.iter().zip(&ids).map(|(of, id)| Choice { value: id, label: &of.name, help: "", on: at == id });
    let choices: Vec<Choice<'_>> = std::iter::once(here).chain(there).collect();
    let help = "An Explorer asks the console from inside its own network.";
    field("at", "Runs at", help, wrong, true, Kind::Select(&choices))
}

/// The token, which the browser seals to an Explorer: its field has no name, so that no browser sends it.
fn sealing(of: &Explorer, filled: &Filled, wrong: &[Wrong]) -> Markup {
    let error = wrong.iter().find(|one| one.field == "token").map(|one| one.error.as_str());
    html! {
        input type="hidden" name="keep" value=(of.id.to_string());
        (ui::Sealing {
            key: &of.key_text().unwrap_or_default(),
            whom: &of.id.to_string(),
            keeper: &of.name,
            url: "url",
            into: "sealed",
            value: &filled.sealed,
            error,
        }.render())
    }
}

/// What is handed over to be tried and saved; name and site where they are new.
pub(super) async fn order(
    app: &App,
    console: Console,
    token: Token,
    credential: Option<CredentialId>,
    (name, site): (Option<String>, Option<String>),
    options: Option<Options>,
    at: At,
) -> sync::Connect {
    let private = app.private_consoles().await;
    let all_the_same = false;
    sync::Connect { console, token, credential, link: None, at, private, name, task: None, site, options, all_the_same }
}

/// Seals a token that has worked, so that the form can be saved without typing it again.
fn carry(
    app: &App,
    visitor: &Visitor,
    console: &Console,
    token: &Token,
    credential: Option<CredentialId>,
    at: &At,
    worked: bool,
) -> Result<Option<String>, Problem> {
    let token_is_absent = at.sealed.is_some();
    // What an Explorer keeps is sealed already, and what stands for it is no secret.
    if !worked || credential.is_some() || token_is_absent {
        return Ok(None);
    }
    let secret = Secret::new(token.expose().to_owned());
    Ok(Some(access::carry(&app.keys, &purpose(visitor, console), &secret, app.world.now())?))
}

/// Which step of reconnecting it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Token,
    Permission,
    Address,
}

impl About {
    fn read(word: &str) -> About {
        match word {
            "permission" => About::Permission,
            "address" => About::Address,
            _ => About::Token,
        }
    }

    fn word(self) -> &'static str {
        match self {
            About::Token => "token",
            About::Permission => "permission",
            About::Address => "address",
        }
    }

    fn title(self, name: &str) -> String {
        match self {
            About::Token => format!("Reconnect {name}"),
            About::Permission => format!("Re-authorise {name}"),
            About::Address => format!("Re-establish {name}"),
        }
    }

    fn lead(self) -> &'static str {
        match self {
            About::Token => {
                "Enter a new token of the same console. The old one stays in use until the new one has worked, and reading \
                 goes on from where it stopped."
            }
            About::Permission => {
                "The token works, and its user may not read all that is needed. Give the user the role Viewer on what should \
                 be read, at the console; then test. The token itself can stay."
            }
            About::Address => {
                "What answers at the address is not the console that was connected, or nothing does. Compare it with the \
                 address in your browser, then test. A console moves to another name only with a token that works there."
            }
        }
    }
}

/// `GET /integrations/{id}/reconnect?step=..`
pub(super) async fn reconnect(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let of = known(&app, &visitor, &id).await?;
    let saved = credentials(&app, &visitor).await?;
    let filled = Filled { url: of.console_url.clone(), credential: chosen(&of), ..Filled::empty() };
    let about = About::read(asked.get("step"));
    Ok(respond::page(reconnect_page(&visitor, &saved, (&of, about), &filled, &[], None, app.world.now())))
}

fn chosen(of: &Integration) -> String {
    of.credential.map(|id| id.to_string()).unwrap_or_default()
}

async fn known(app: &App, visitor: &Visitor, id: &str) -> Result<Integration, Problem> {
    let (org, now, id) = (visitor.org, app.world.now(), id.to_owned());
    let of = app.store.read(move |tx| found(tx, org, &id, now)).await?.integration;
    match of.connector.files() {
        Some(files) => {
            Err(Problem::conflict(format!("{} is read from {files}; there is nothing to connect to.", of.name)))
        }
        None => Ok(of),
    }
}

fn reconnect_page(
    visitor: &Visitor,
    saved: &Credentials,
    (of, about): (&Integration, About),
    filled: &Filled,
    wrong: &[Wrong],
    outcome: Option<&Outcome>,
    now: Timestamp,
) -> Markup {
    let home = at(of.id);
    let test =
        ui::link_button(&format!("{home}/test"), &Button { words: "Test the token that is kept", ..Button::default() });
    let form = html! {
        div.flow.wide {
            input type="hidden" name="step" value=(about.word());
            (errors(wrong))
            (Card {
                id: "console",
                heading: "Console and token",
                aside: html! { a href="/integrations/about/sentinelone" { "How to make a token" } },
                body: html! {
                    @if about == About::Address {
                        (field("url", "Address of the console", "As in your browser. A path is cut off.", wrong, true, Kind::Mono(&filled.url)))
                    } @else {
                        (ui::facts(&[("Console", ui::mono(&of.console_host))]))
                        input type="hidden" name="url" value=(of.console_url);
                    }
                    (token_fields(visitor, saved, filled, wrong))
                },
                ..Card::default()
            }.render())
            @if let Some(outcome) = outcome { (steps(outcome, &filled.url, Tested::Entered, now)) }
            (verbs(matches!(outcome, Some(Ok(_))), ("Save", "save"), &home))
        }
    };
    let shell = visitor.shell();
    let title = about.title(&of.name);
    let page = ui::Page {
        crumbs: &[("Integrations", super::HOME), (&of.name, &home)],
        lead: html! { (about.lead()) },
        layout: ui::Layout::Narrow,
        actions: test,
        body: ui::post(visitor.csrf(), &format!("{home}/reconnect"), &form),
        ..visitor.page(&shell, Place::Integrations, &title)
    };
    page.render()
}

/// `POST /integrations/{id}/reconnect`
pub(super) async fn reconnect_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let now = app.world.now();
    let of = known(&app, &visitor, &id).await?;
    let saved = credentials(&app, &visitor).await?;
    let about = About::read(sent.get("step"));
    let mut filled = Filled::sent(&sent);
    let again = |filled: &Filled, wrong: &[Wrong], outcome: Option<&Outcome>| {
        let status = if matches!(outcome, Some(Ok(_))) { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        Ok(unkept(status, reconnect_page(&visitor, &saved, (&of, about), filled, wrong, outcome, now)))
    };
    // It stays where it runs, and what an Explorer keeps is renewed there.
    let runs_there = At { explorer: of.explorer, sealed: None };
    let console = match console(&app, &filled.url, &runs_there).await {
        Ok(console) => console,
        Err(wrong) => return again(&filled, &[wrong], None),
    };
    if console.authority() != of.console_host {
        let error = format!(
            "{} belongs to {}. Connect {} as an integration of its own: records of two consoles are never mixed.",
            of.name,
            of.console_host,
            console.authority()
        );
        return again(&filled, &[Wrong::new("url", "Address of the console", error)], None);
    }
    if is_entered(&sent) {
        filled.forget_verified();
    }
    let (token, credential) = match token(&app, &visitor, &sent, &console).await {
        Ok(both) => both,
        Err(wrong) => {
            filled.forget_verified();
            return again(&filled, &[wrong], None);
        }
    };
    if sent.get("do") != "save" {
        let outcome = tried(&app, &visitor, &console, &token, &runs_there, credential).await?;
        filled.carried = carry(&app, &visitor, &console, &token, credential, &runs_there, outcome.is_ok())?;
        return again(&filled, &[], Some(&outcome));
    }
    let order = order(&app, console, token, credential, (Some(of.name.clone()), None), None, runs_there).await;
    match sync::connect(place(&app, &visitor), order).await {
        Ok(_) => {
            let then = "Reading goes on from where it stopped.";
            Ok(respond::see_other_saying(&at(of.id), Tone::Ok, &format!("{} is connected again.", of.name), then))
        }
        Err(error) => {
            filled.forget_verified();
            again(&filled, &[], Some(&Err(failure(error)?)))
        }
    }
}

/// `GET /integrations/{id}/test`: the token that is kept, tried live, step by step. Writes nothing.
pub(super) async fn test_saved(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let of = known(&app, &visitor, &id).await?;
    let now = app.world.now();
    let outcome = examined(&app, &visitor, &id).await?;
    let home = at(of.id);
    let flash = match &outcome {
        Ok(_) => Flash { tone: Tone::Ok, what: "Console and token work.", then: "", link: None },
        Err(_) => Flash { tone: Tone::Bad, what: "It does not work just now.", then: "", link: None },
    };
    let tested = match of.simulates() {
        Some(_) => Tested::Demo,
        None if of.options.enabled => Tested::Kept,
        None => Tested::Paused,
    };
    let title = format!("Test of {}", of.name);
    let shell = visitor.shell();
    let body = html! {
        div.flow.wide {
            (steps(&outcome, &of.console_url, tested, now))
            div.line {
                (ui::link_button(&format!("{home}/test"), &Button { words: "Test again", icon: Some(Icon::Sync), ..Button::default() }))
                (ui::link_button(&home, &Button { words: "Back", weight: Weight::Quiet, ..Button::default() }))
            }
        }
    };
    let page = ui::Page {
        crumbs: &[("Integrations", super::HOME), (&of.name, &home)],
        layout: ui::Layout::Narrow,
        flash: Some(flash),
        body,
        ..visitor.page(&shell, Place::Integrations, &title)
    };
    Ok(respond::page(page.render()))
}

/// Looks at an integration that is kept.
pub(super) async fn examined(app: &App, visitor: &Visitor, id: &str) -> Result<Outcome, Problem> {
    let (org, now, id) = (visitor.org, app.world.now(), id.to_owned());
    let of = app.store.read(move |tx| found(tx, org, &id, now)).await?;
    if of.integration.connector.is_file() {
        return Err(Problem::conflict("Files are not asked for anything, so there is nothing to test."));
    }
    let seen = sync::examine::examine(place(app, visitor), &of).await.map_err(missing)?;
    match (seen.probe, seen.failed, seen.trouble) {
        (Some(probe), ..) => Ok(Ok(probe)),
        (None, Some(step), Some(trouble)) => Ok(Err((step, trouble))),
        _ => Err(Problem::conflict("The console gave no answer that says anything.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_tried_again_by_itself_is_said_to_be() {
        let trouble = |state, why| Trouble { state, why, detail: "acme failed at agents (503)".to_owned() };
        let passing = trouble(IntegrationState::Unreachable, Some(health::Why::Http));
        let says = |tested: Tested| tested.help(Step::Http, &passing).contains("it is tried again by itself");
        assert!(says(Tested::Kept));
        assert!(!says(Tested::Entered) && !says(Tested::Paused) && !says(Tested::Demo));
        let refused = trouble(IntegrationState::AuthenticationFailed, None);
        assert!(Tested::Entered.help(Step::Token, &refused).starts_with(health::TOKEN_AGAIN));
    }
}
