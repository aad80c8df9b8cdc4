//! The public side: who has a link sees who asks and for what, consents, and hands the token over. Every step is one form that
//! works without a script; the link's token goes from form to form, and never into an address.

use access::{Link, LinkState};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use explorer::seal::SEALED_BYTES_MAX;
use kernel::{ExplorerId, Secret};
use sentinelone::{Console, Probe, Token};
use sync::explorers::{At, Explorer};
use sync::{Beside, Connect, Options, SyncError};
use ui::{Button, Card, Choice, Consent, Field, Flash, Kind, Looked, Markup, Tone, Weight, html};

use super::{LINK, READS, REQUIRED};
use crate::credentials::{self, Fault};
use crate::fields::{Fields, Sent};
use crate::problem::sentence;
use crate::visitor::Caller;
use crate::{App, Problem, respond};

/// The steps, as the stepper shows them.
const STEPS: [&str; 3] = ["What will be read", "Your consent", "Address and token"];

/// Somebody read that the console is connected already, and wants it all the same.
const ALL_THE_SAME: &str = "all_the_same";

/// What a step posts; anything else begins at the first.
mod steps {
    pub(super) const CONSENT: &str = "consent";
    pub(super) const ADDRESS: &str = "address";
    pub(super) const VERIFY: &str = "verify";
    pub(super) const CONNECT: &str = "connect";
    pub(super) const REFUSE: &str = "refuse";
}

/// `GET /link#token`: the fragment never comes here. A script posts it; without one it is pasted.
pub(super) async fn begin() -> Response {
    let field = Field {
        name: "token",
        label: "Your link",
        help: "Paste the whole link, or what follows the # in it.",
        error: None,
        required: true,
        kind: Kind::Secret("off"),
    };
    let body = html! {
        form.flow method="post" action=(LINK) data-fragment="token" {
            (field.render())
            div.line { (ui::button(&Button { words: "Open", weight: Weight::Main, ..Button::default() })) }
        }
    };
    let lead =
        html! { "You were sent a link to connect a console. Your browser opens it by itself where scripts may run." };
    respond::once(StatusCode::OK, ui::plain("Connect your SentinelOne console", &lead, ASIDE, &body))
}

const ASIDE: &str = "Request for a connection";

/// Everything that the pages show of a link.
struct Request {
    link: Link,
    token: String,
    org_name: String,
    person: String,
    host: String,
    /// What the integration is called that gets a new token.
    integration: Option<sync::Integration>,
    /// The Explorer that is to keep the token.
    explorer: Option<Explorer>,
}

/// `POST /link`: one step, whichever.
pub(super) async fn step(
    State(app): State<App>,
    Caller(origin): Caller,
    headers: HeaderMap,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let text = sent.get("token").trim();
    let token = text.rsplit_once('#').map_or(text, |(_, token)| token).to_owned();
    let (now, asked, from) = (app.world.now(), token.clone(), origin.address.clone());
    let opened = app.store.write(move |tx| {
        let Some(link) = access::open_link(tx, &asked, &from, now)? else { return Ok(None) };
        let org_name = access::org(tx, link.org)?.map(|org| org.name).unwrap_or_default();
        let person = access::person_by_login(tx, &link.made_by)?.map(|person| person.name);
        let integration = match link.integration {
            Some(id) => sync::integration(tx, link.org, id).ok(),
            None => None,
        };
        let explorer = match link.explorer.as_deref().and_then(ExplorerId::parse) {
            Some(id) => sync::explorers::explorer(tx, link.org, id)?.filter(|of| of.revoked_at.is_none()),
            None => None,
        };
        Ok::<_, Problem>(Some((link, org_name, person, integration, explorer)))
    });
    let Some((link, org_name, person, integration, explorer)) = opened.await? else { return Ok(unknown()) };
    let host = headers.get(axum::http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let person = person.unwrap_or_else(|| link.made_by.clone());
    let asks = Request { link, token, org_name, person, host, integration, explorer };
    if let Some(response) = over(&asks) {
        return Ok(response);
    }
    if asks.link.integration.is_some() && asks.integration.is_none() {
        let help = "Ask who sent it what to do instead.";
        return Ok(gone("This link leads nowhere any more", "What it was made for was removed.", help));
    }
    if asks.link.explorer.is_some() && asks.explorer.is_none() {
        let help = "Ask who sent it for a new link.";
        let what = "The Explorer that was to keep the token was revoked.";
        return Ok(gone("This link leads nowhere any more", what, help));
    }
    match sent.get("step") {
        steps::CONSENT => Ok(consent(&app, &asks, &sent, None)),
        steps::ADDRESS | steps::VERIFY | steps::CONNECT if sent.opt("may").is_none() => {
            Ok(consent(&app, &asks, &sent, Some("Say whether you may grant this access.")))
        }
        steps::ADDRESS => Ok(address(&app, &asks, &sent, StatusCode::OK, &html! {})),
        steps::VERIFY => verify(&app, &asks, &sent).await,
        steps::CONNECT => connect(&app, &asks, &sent).await,
        steps::REFUSE => refuse(&app, &asks, &sent).await,
        _ => Ok(reads(&app, &asks)),
    }
}

// Links that are over, each with its own words.

fn unknown() -> Response {
    let help =
        "Copy the whole link, with everything that follows the #. If it is whole, ask who sent it for a new one.";
    respond::once(
        StatusCode::NOT_FOUND,
        ended("This link is not known here", "It was copied in part, or made by another server.", help),
    )
}

fn over(asks: &Request) -> Option<Response> {
    let link = &asks.link;
    let again = format!("If a token is still needed, ask {} of {} for a new link.", asks.person, asks.org_name);
    let (title, what) = match link.state {
        LinkState::Open | LinkState::Opened => return None,
        LinkState::Consumed => ("This link was used", "A console was connected by it. A link works once.".to_owned()),
        LinkState::Refused => ("You refused", "Nobody gets anything by this link any more.".to_owned()),
        LinkState::Expired => ("This link has expired", format!("Its time was over on {} UTC.", day(link))),
        LinkState::Revoked => {
            let why = if link.why == "revoked" { String::new() } else { format!(" The reason: {}.", link.why) };
            ("This link was revoked", format!("It works no longer.{why}"))
        }
    };
    Some(gone(title, &what, &again))
}

fn day(link: &Link) -> String {
    link.expires_at.to_string().chars().take(16).collect::<String>().replace('T', " ")
}

fn gone(title: &str, what: &str, help: &str) -> Response {
    respond::once(StatusCode::GONE, ended(title, what, help))
}

fn ended(title: &str, what: &str, help: &str) -> Markup {
    let body = html! { div.flow { p { (what) } p { (help) } p.muted { "Nothing was sent to any console, and nothing was stored." } } };
    ui::plain(title, &html! {}, ASIDE, &body)
}

// The steps.

/// A page of the flow: the step in a card, and beside it who asks.
fn framed(app: &App, asks: &Request, step: usize, status: StatusCode, card: &Markup) -> Response {
    let lead = html! {
        (ui::words::name(&asks.org_name)) " asks you, who administer the console, for access to read it. It takes about five minutes. You need no account here."
    };
    let now = app.world.now();
    let link = &asks.link;
    let who = Card {
        id: "who",
        heading: "Who asks",
        body: ui::facts(&[
            ("Person", html! { (ui::words::name(&asks.person)) ", " (ui::words::name(&link.made_by)) }),
            ("Organization", ui::words::name(&asks.org_name)),
            ("Server", ui::mono(&asks.host)),
            (
                "For",
                match &asks.integration {
                    Some(of) => html! { (ui::words::name(&of.name)) ", a new token" },
                    None => html! { "A new connection" },
                },
            ),
            ("Console", link.host.as_deref().map_or_else(|| html! { "The one that you name" }, ui::mono)),
            ("Sent to", ui::words::name(&link.recipient)),
            ("Made", html! { (ui::moment(link.created_at)) " UTC" }),
            ("Ends", html! { (ui::near(link.expires_at, now)) ", or after one use" }),
        ]),
        ..Card::default()
    };
    let then = Card {
        id: "then",
        heading: "What happens then",
        body: html! {
            p { "Reading begins at once, at most " (ui::count(u64::from(sync::REQUESTS_PER_MINUTE))) " requests a minute and fewer if the console asks." }
            p { "You can end it at any time: revoke the token in your console. Muster stops and says so." }
            p.muted { "Not expected? Refuse, or close this page: without you, nothing happens." }
            (refusal(asks))
        },
        ..Card::default()
    };
    let body = html! {
        (ui::stepper(&STEPS, step))
        div.cols { div.flow.wide { (card) } div.flow.wide { (who.render()) (then.render()) } }
    };
    respond::once(status, ui::plain("Connect your SentinelOne console", &lead, ASIDE, &body))
}

/// The way to say no, with a reason for who asks.
fn refusal(asks: &Request) -> Markup {
    let reason = Field {
        name: "reason",
        label: "Why",
        help: "Whoever asked reads it.",
        error: None,
        required: false,
        kind: Kind::Text(""),
    };
    html! {
        details {
            summary { "Refuse" }
            form.flow method="post" action=(LINK) {
                (carried(asks, &Fields::default(), steps::REFUSE, false))
                (reason.render())
                div.line { (ui::button(&Button { words: "Refuse", about: "this request", weight: Weight::Danger, ..Button::default() })) }
            }
        }
    }
}

/// Says no for good: the link is over, and who made it reads why.
async fn refuse(app: &App, asks: &Request, sent: &Fields) -> Result<Response, Problem> {
    let (token, why, now) = (asks.token.clone(), sent.get("reason").to_owned(), app.world.now());
    app.store.write(move |tx| access::refuse_link(tx, &token, &why, now)).await?;
    let help = format!("{} of {} sees that you refused, and why.", asks.person, asks.org_name);
    Ok(gone("You refused", "Nobody gets anything by this link any more.", &help))
}

/// What every later form carries on from the steps before.
fn carried(asks: &Request, sent: &Fields, step: &str, consents: bool) -> Markup {
    html! {
        input type="hidden" name="token" value=(asks.token);
        input type="hidden" name="step" value=(step);
        @if consents {
            @for word in allowed(sent) { input type="hidden" name=(ui::card::CONSENT_NAME) value=(word); }
            @if sent.opt("may").is_some() && step != steps::ADDRESS { input type="hidden" name="may" value="on"; }
        }
    }
}

/// The optional reads that were allowed.
fn allowed(sent: &Fields) -> impl Iterator<Item = &'static str> {
    let chosen: Vec<&str> = sent.all(ui::card::CONSENT_NAME).collect();
    let chosen: Vec<&'static str> =
        READS.iter().filter(|read| !read.required && chosen.contains(&read.word)).map(|read| read.word).collect();
    chosen.into_iter()
}

fn reads(app: &App, asks: &Request) -> Response {
    let consents: Vec<Consent<'_>> = READS
        .iter()
        .map(|read| Consent { value: read.word, label: read.label, what: read.what, required: read.required, on: true })
        .collect();
    let required = READS.iter().filter(|read| read.required).count();
    let card = html! {
        form.card method="post" action=(LINK) aria-labelledby="step" {
                (carried(asks, &Fields::default(), steps::CONSENT, false))
                header { h2 #step { "1. " (STEPS[0]) } span.muted { (required) " reads are required, " (READS.len() - required) " are yours to allow." } }
                (ui::consents(&consents))
                div.body.flow {
                    h3 { "Never read" }
                    p.muted { "Passphrases, uninstall passwords, registration tokens, files, remote shells. Muster contains no request for them, and none that changes anything in your console." }
                }
                footer { (ui::button(&Button { words: "Next: your consent", weight: Weight::Main, ..Button::default() })) }
        }
    };
    framed(app, asks, 0, StatusCode::OK, &card)
}

fn consent(app: &App, asks: &Request, sent: &Fields, wrong: Option<&'static str>) -> Response {
    let may = Field {
        name: "may",
        label: "Your right to grant this",
        help: "Kept with the time, for the audit trail. No name is asked.",
        error: wrong,
        required: true,
        kind: Kind::Check(&[Choice {
            value: "on",
            label: "I administer this console and may grant this access",
            help: "",
            on: false,
        }]),
    };
    let declined: Vec<&str> = READS
        .iter()
        .filter(|read| !read.required && !allowed(sent).any(|word| word == read.word))
        .map(|read| read.label)
        .collect();
    let card = html! {
        form.card method="post" action=(LINK) aria-labelledby="step" {
                (carried(asks, sent, steps::ADDRESS, true))
                header { h2 #step { "2. " (STEPS[1]) } }
                div.body.flow {
                    h3 { "Who keeps the token" }
                    @match &asks.explorer {
                        Some(of) => { p { "The Explorer " b { (ui::words::name(&of.name)) } ", a program inside their own network. Your browser seals the token so that only it can open it; the Muster server passes it on and never has it." } }
                        None => { p { "The Muster server, sealed under a key that lies apart from its database. Write-only: nobody can read it back." } }
                    }
                    @if !declined.is_empty() { p { "Not read, as you chose: " (declined.join(", ")) "." } }
                    (may.render())
                }
                footer { (ui::button(&Button { words: "Next: address and token", weight: Weight::Main, ..Button::default() })) }
        }
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    framed(app, asks, 1, status, &card)
}

/// The form for address and token; `verdict` is what the last attempt came to.
fn address(app: &App, asks: &Request, sent: &Fields, status: StatusCode, verdict: &Markup) -> Response {
    address_wrong(app, asks, sent, status, verdict, None)
}

fn address_wrong(
    app: &App,
    asks: &Request,
    sent: &Fields,
    status: StatusCode,
    verdict: &Markup,
    wrong: Option<&Fault>,
) -> Response {
    let of =
        |field: &str| wrong.filter(|fault| fault.field == field).map(|fault| format!("{} {}", fault.what, fault.help));
    let (url_wrong, secret_wrong) = (of("url"), of("secret"));
    let given =
        if sent.get("url").is_empty() { asks.link.host.as_deref().unwrap_or_default() } else { sent.get("url") };
    let url = Field {
        name: "url",
        label: "Address of the console",
        help: "As in your browser, for example organization.sentinelone.net. A path is cut off.",
        error: url_wrong.as_deref(),
        required: true,
        kind: Kind::Mono(given),
    };
    let secret = Field {
        name: "secret",
        label: "API token",
        help: "Of a service user with the role Viewer. Nobody can read it here again.",
        error: secret_wrong.as_deref(),
        required: true,
        kind: Kind::Secret("off"),
    };
    let card = html! {
        section.card aria-labelledby="step" {
            header { h2 #step { "3. " (STEPS[2]) } }
            form.body.flow method="post" action=(LINK) autocomplete="off" {
                (carried(asks, sent, steps::VERIFY, true))
                    (url.render())
                    @match &asks.explorer {
                        Some(of) => { (sealing(of, sent, secret_wrong.as_deref())) }
                        None => { (secret.render()) }
                    }
                    details { summary { "Where to get a token" } p.muted { "In the console: Settings, Users, Service Users, Create New Service User; role Viewer, for the account or site that shall be read. The token is shown once." } }
                    div.line { (ui::button(&Button { words: "Verify", icon: Some(ui::Icon::Sync), ..Button::default() })) }
            }
            (verdict)
        }
    };
    framed(app, asks, 2, status, &card)
}

/// The token, which the browser seals to the Explorer.
fn sealing(of: &Explorer, sent: &Fields, error: Option<&str>) -> Markup {
    let (key, whom) = (of.key_text().unwrap_or_default(), of.id.to_string());
    ui::Sealing {
        key: &key,
        whom: &whom,
        keeper: &of.name,
        url: "url",
        into: "sealed",
        value: sent.get("sealed"),
        error,
    }
    .render()
}

/// Where the console is asked from, and the token for there.
fn there(asks: &Request, sent: &Fields) -> At {
    let sealed = Some(sent.get("sealed").to_owned()).filter(|sealed| !sealed.is_empty());
    asks.explorer.as_ref().map_or_else(At::default, |of| At { explorer: Some(of.id), sealed })
}

/// The token that was typed; or what stands for the one that the browser sealed.
fn token(asks: &Request, sent: &Fields) -> Result<Token, Fault> {
    let Some(of) = &asks.explorer else { return credentials::token(sent.get("secret")) };
    let size = sent.get("sealed").len();
    if size > 0 && size <= SEALED_BYTES_MAX {
        return Ok(sync::explorers::absent(&of.id.to_string()));
    }
    Err(Fault {
        step: "The token is whole",
        what: "No token was entered.".to_owned(),
        help: "Enter it again; your browser seals it before it is sent.".to_owned(),
        passes: false,
        field: "secret",
    })
}

/// What was entered, if it can be meant at all.
async fn entered(app: &App, asks: &Request, sent: &Fields) -> Result<Console, Fault> {
    let console = match &asks.explorer {
        // An Explorer stands where the console does.
        Some(_) => credentials::any_console(sent.get("url"))?,
        None => credentials::console(app, sent.get("url")).await?,
    };
    match &asks.link.host {
        Some(host) if *host != console.authority() => Err(Fault {
            step: "The address is the one that was asked for",
            what: format!("This link is for {host} and for no other console."),
            help: "Enter that address, or ask for another link.".to_owned(),
            passes: false,
            field: "url",
        }),
        _ => Ok(console),
    }
}

fn purpose(link: &Link, console: &Console) -> String {
    format!("link {} {}", link.id, console.origin())
}

async fn verify(app: &App, asks: &Request, sent: &Fields) -> Result<Response, Problem> {
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let given = entered(app, asks, sent).await.and_then(|console| Ok((console, token(asks, sent)?)));
    let (console, token) = match given {
        Ok(given) => given,
        // Nothing was sent to anybody, so it is no attempt.
        Err(fault) => return Ok(address_wrong(app, asks, sent, refused, &html! {}, Some(&fault))),
    };
    match credentials::tried(app, asks.link.org, &console, &token, &there(asks, sent)).await {
        Err(fault) => failed(app, asks, sent, &fault).await,
        Ok(probe) => {
            let verdict = credentials::verdict(&console, &probe, &REQUIRED, app.world.now());
            let secret = Secret::new(token.expose().to_owned());
            let carry = access::carry(&app.keys, &purpose(&asks.link, &console), &secret, app.world.now())?;
            let beside = beside(app, asks, &console, &probe).await?;
            let told = html! {
                div.body role="status" { h3 { "Verified just now, nothing saved yet" } }
                (ui::looked(&verdict.steps))
                @if verdict.enough { (connect_form(asks, sent, &console, &carry, verdict.warns, &beside)) } @else {
                    div.body { p { "A required read is missing. Give the token's user the role Viewer on what shall be read, then verify again." } }
                }
            };
            let status = if verdict.enough { StatusCode::OK } else { refused };
            Ok(address(app, asks, sent, status, &told))
        }
    }
}

/// What else reads the console for who asks; a new token is asked for what is known, so that nothing is.
async fn beside(app: &App, asks: &Request, console: &Console, seen: &Probe) -> Result<Vec<Beside>, Problem> {
    if asks.integration.is_some() {
        return Ok(Vec::new());
    }
    let (org, console, seen) = (asks.link.org, console.clone(), seen.clone());
    Ok(app.store.read(move |tx| sync::beside(tx, org, &console, &seen)).await?)
}

fn connect_form(
    asks: &Request,
    sent: &Fields,
    console: &Console,
    carry: &str,
    warns: bool,
    beside: &[Beside],
) -> Markup {
    let twice = beside.iter().any(|one| one.same);
    let words = if twice { "Connect it all the same" } else { "Connect with this token" };
    html! {
        @if !beside.is_empty() {
            div.body {
                p { (ui::light(if twice { ui::Light::Warn } else { ui::Light::Ok }, if twice { "Attention" } else { "Note" })) " " (crate::integrations::beside_words(beside)) }
                @if twice {
                    p { "Connected again, everything would be read twice. If " (ui::words::name(&asks.org_name)) " only needs a new token for it, refuse, and " (ui::words::name(&asks.person)) " sends a link for that." }
                }
            }
        }
        @if warns { div.body { p { "The warnings keep nothing from working. You can connect with it, or make another token first." } } }
        footer {
            form method="post" action=(LINK) {
                (carried(asks, sent, steps::CONNECT, true))
                input type="hidden" name="url" value=(console.origin());
                input type="hidden" name="carried" value=(carry);
                @if asks.explorer.is_some() { input type="hidden" name="sealed" value=(sent.get("sealed")); }
                @if twice { input type="hidden" name=(ALL_THE_SAME) value="on"; }
                (ui::button(&Button { words, weight: if twice { Weight::Normal } else { Weight::Main }, ..Button::default() }))
            }
        }
    }
}

/// Says what failed, and counts it unless waiting helps.
async fn failed(app: &App, asks: &Request, sent: &Fields, fault: &Fault) -> Result<Response, Problem> {
    let mut left = None;
    if !fault.passes {
        let (token, why, now) = (asks.token.clone(), format!("{}: {}", fault.step, fault.what), app.world.now());
        left = app.store.write(move |tx| access::fail_link(tx, &token, &why, now)).await?;
        if left == Some(0) {
            let again = format!("Ask {} of {} for a new link.", asks.person, asks.org_name);
            return Ok(gone(
                "This link was revoked",
                &format!("{} That was the fifth attempt that failed.", fault.what),
                &again,
            ));
        }
    }
    let told = html! {
        div.body role="alert" { h3 { "Not connected, and nothing saved" } }
        (ui::looked(&[credentials::failed(fault)]))
        @if let Some(left) = left { div.body { p.muted { (ui::noun(left.unsigned_abs(), "attempt", "attempts")) " left with this link." } } }
    };
    Ok(address(app, asks, sent, StatusCode::UNPROCESSABLE_ENTITY, &told))
}

async fn connect(app: &App, asks: &Request, sent: &Fields) -> Result<Response, Problem> {
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let console = match entered(app, asks, sent).await {
        Ok(console) => console,
        Err(fault) => return Ok(address_wrong(app, asks, sent, refused, &html! {}, Some(&fault))),
    };
    let purpose = purpose(&asks.link, &console);
    let opened = access::carried(&app.keys, &purpose, sent.get("carried"), app.world.now());
    let Some(secret) = opened else {
        let told = html! { div.body { (Flash { tone: Tone::Warn, what: "That took longer than a quarter of an hour.", then: "Enter the token again, so that it can be verified afresh.", link: None }.render()) } };
        return Ok(address(app, asks, sent, refused, &told));
    };
    let token = match credentials::token(secret.expose()) {
        Ok(token) => token,
        Err(fault) => return Ok(address_wrong(app, asks, sent, refused, &html! {}, Some(&fault))),
    };
    let without: Vec<String> = READS
        .iter()
        .filter(|read| !read.required && !allowed(sent).any(|word| word == read.word))
        .flat_map(|read| read.streams.iter().map(|name| (*name).to_owned()))
        .collect();
    let (name, options) = match &asks.integration {
        Some(of) => {
            let mut options = of.options.clone();
            // Consent was asked for anew, and what it says holds.
            options.without_streams.retain(|name| !READS.iter().any(|read| read.streams.contains(&name.as_str())));
            options.without_streams.extend(without);
            (of.name.clone(), options)
        }
        None => {
            let name = crate::integrations::free_name(app, asks.link.org, &console).await?;
            (name, Options { without_streams: without, ..Options::default() })
        }
    };
    let order = Connect {
        console: console.clone(),
        token,
        credential: None,
        link: Some(Secret::new(asks.token.clone())),
        at: there(asks, sent),
        private: app.private_consoles().await,
        name: Some(name),
        task: None,
        site: None,
        options: Some(options),
        all_the_same: sent.opt(ALL_THE_SAME).is_some(),
    };
    let by = format!("link for {}", asks.link.recipient);
    match sync::connect(credentials::place(app, asks.link.org, &by), order).await {
        Ok(connected) => Ok(connected_page(asks, &connected)),
        Err(SyncError::LinkOver) => {
            let again = format!("Ask {} of {} for a new link.", asks.person, asks.org_name);
            Ok(gone("This link was used or revoked meanwhile", "Nothing was stored.", &again))
        }
        // Somebody connected it between the verification and this.
        Err(SyncError::ReadAlready(one)) => {
            let what = format!("{}.", one.in_words());
            let then = "Enter the token again to verify afresh, and to connect it all the same.";
            let flash = Flash { tone: Tone::Warn, what: &what, then, link: None };
            Ok(address(app, asks, sent, refused, &html! { div.body { (flash.render()) } }))
        }
        Err(SyncError::Console(error)) => failed(app, asks, sent, &Fault::of(&error)).await,
        Err(SyncError::NameTaken { host, .. }) => {
            let fault = Fault {
                step: "The address is the one that was asked for",
                what: format!("This link gives a new token to the connection of {host}, and that is another console."),
                help: "Enter the address of that console.".to_owned(),
                passes: false,
                field: "url",
            };
            Ok(address_wrong(app, asks, sent, refused, &html! {}, Some(&fault)))
        }
        Err(other) => {
            tracing::error!(error = %other, "connecting by a link failed");
            Err(Problem::conflict(sentence(&other)))
        }
    }
}

fn connected_page(asks: &Request, connected: &sync::Connected) -> Response {
    let of = &connected.integration;
    let steps = [
        Looked {
            state: (ui::Light::Ok, "Done:"),
            what: "The console is connected",
            says: html! { (ui::words::name(&of.console_host)) ", as " (ui::words::name(&of.name)) " of " (ui::words::name(&asks.org_name)) },
        },
        Looked {
            state: (ui::Light::Run, "Running:"),
            what: "Reading begins by itself",
            says: html! { "Agents and threats first. The first reading takes from minutes to hours, as the console allows." },
        },
        Looked {
            state: (ui::Light::Ok, "Done:"),
            what: "The link is used up",
            says: html! { "It opens nothing any more. " (ui::words::name(&asks.person)) " sees that you have connected it." },
        },
    ];
    let body = html! {
        section.card aria-labelledby="done" { header { h2 #done { "Connected" } } (ui::looked(&steps)) }
        p { "You can close this page. To end the access later, revoke the token in your console." }
    };
    respond::once(StatusCode::OK, ui::plain("Connected", &html! {}, ASIDE, &body))
}
