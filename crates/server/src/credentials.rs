//! Saved credentials: named, kept once, used by any number of integrations. No page and no answer ever holds a secret.

mod api;
mod pages;

pub(crate) use pages::tabs;

use std::time::Duration;

use access::{
    AccessError, Credential, Custodian, Custody, HiddenCredential, Keep, NewCredential, Permission, Reference,
};
use axum::http::{HeaderMap, Method};
use kernel::{CredentialId, OrgId, PersonId, Secret, Timestamp};
use sentinelone::probe::Probe;
use sentinelone::{Advice, ApiError, Console, Token};
use store::Tx;
use sync::explorers::At;
use sync::{SyncError, Use};
use ui::{Light, Looked, Markup, html};

use crate::openapi::{Operation, Shape};
use crate::problem::{capital, sentence};
use crate::route::{Route, Who, api, form, page};
use crate::{App, Problem, Visitor, edit, respond};

/// How long a console has to answer while somebody waits for the page.
pub(crate) const TRY_TIME: Duration = Duration::from_secs(25);
/// How the sealed names of tokens begin that belong to one integration.
const OF_AN_INTEGRATION: &str = "sync/";
/// A token that ends sooner than this is spoken of, in days.
pub(crate) const ENDS_SOON_DAYS: i64 = 14;
/// A token that lives longer than this is spoken of, in days.
pub(crate) const LIVES_LONG_DAYS: i64 = 365;

/// Its routes.
pub fn routes() -> Vec<Route> {
    let see = Who::May(Permission::UseCredentials);
    let manage = Who::May(Permission::ManageCredentials);
    let told = |id: &str, summary: &str, response| Operation::new(id, "Credentials", summary, response);
    let one = Shape::of::<api::One>;
    let list =
        told("list_credentials", "Lists saved credentials, without their secrets.", Shape::of::<api::All>()).paged();
    let show = told("show_credential", "Shows a credential, without its secret.", one()).path("id", "The credential.");
    let make = told("save_credential", "Saves a credential; a console's token is tried first.", one())
        .sends(Shape::of::<api::New>());
    let rotate =
        told("rotate_credential", "Tries a new secret, and puts it in the old one's place if it works.", one())
            .path("id", "The credential.")
            .sends(Shape::of::<api::Rotate>());
    let share = told("share_credential", "Chooses which other organizations may use a credential.", one())
        .path("id", "The credential.")
        .sends(Shape::of::<api::Share>());
    let change = told("change_credential", "Gives a credential another name or address.", one())
        .path("id", "The credential.")
        .sends(Shape::of::<api::Change>());
    let refer = told("refer_credential", "Keeps a credential's secret elsewhere, once it can be had there.", one())
        .path("id", "The credential.")
        .sends(Shape::of::<api::Refer>());
    let remove = told("remove_credential", "Destroys a credential that nothing uses.", Shape::of::<api::Done>())
        .path("id", "The credential.");
    vec![
        page("/credentials", see, pages::list),
        page("/credentials/new", manage, pages::new),
        form("/credentials/new", manage, pages::new_sent),
        page("/credentials/{id}", see, pages::show),
        form("/credentials/{id}/change", manage, pages::change),
        form("/credentials/{id}/rotate", manage, pages::rotate),
        form("/credentials/{id}/keep", manage, pages::keep),
        form("/credentials/{id}/share", manage, pages::share),
        form("/credentials/{id}/remove", manage, pages::remove),
        api(Method::GET, "/credentials", see, list, api::list),
        api(Method::POST, "/credentials", manage, make, api::save),
        api(Method::GET, "/credentials/{id}", see, show, api::show),
        api(Method::PATCH, "/credentials/{id}", manage, change, api::change),
        api(Method::POST, "/credentials/{id}/rotate", manage, rotate, api::rotate),
        api(Method::PUT, "/credentials/{id}/reference", manage, refer, api::refer),
        api(Method::PUT, "/credentials/{id}/sharing", manage, share, api::share),
        api(Method::DELETE, "/credentials/{id}", manage, remove, api::remove),
    ]
}

/// What an organization may use, by name, and what it may not though the person may elsewhere.
pub(crate) struct Known {
    pub(crate) usable: Vec<Credential>,
    pub(crate) hidden: Vec<HiddenCredential>,
    /// Ids and names of the Explorers that may keep some of them.
    pub(crate) explorers: Vec<(String, String)>,
}

/// The credentials that a picker offers here. Tokens that belong to one integration are not among them.
pub(crate) fn known(tx: &mut Tx<'_>, org: OrgId, person: Option<PersonId>) -> Result<Known, Problem> {
    let found = access::credentials(tx, org, person)?;
    let usable = found.usable.into_iter().filter(|of| !of.sealed_as.starts_with(OF_AN_INTEGRATION)).collect();
    let hidden = found.hidden.into_iter().filter(|of| !of.name.starts_with(OF_AN_INTEGRATION)).collect();
    Ok(Known { usable, hidden, explorers: explorers(tx, org)? })
}

/// What a picker says about those that are not in it; nothing if all are.
pub(crate) fn hidden_words(hidden: &[HiddenCredential], org_name: &str) -> Option<String> {
    let (first, more) = hidden.split_first()?;
    let rest = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    let verb = if more.is_empty() { "is" } else { "are" };
    Some(format!(
        "{} of {}{rest} {verb} not listed, because {org_name} has no access. An administrator there can grant it.",
        first.name, first.org_name
    ))
}

/// One credential that the organization may use, and what reads with it.
pub(crate) struct Shown {
    pub(crate) of: Credential,
    pub(crate) uses: Vec<Use>,
    /// To whom it is granted; only its owner is told.
    pub(crate) grants: Vec<OrgId>,
    pub(crate) owner: String,
    /// Ids and names of the Explorers, one of which may keep it.
    pub(crate) explorers: Vec<(String, String)>,
}

fn explorers(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<(String, String)>, Problem> {
    let all = sync::explorers::explorers(tx, org)?;
    Ok(all.into_iter().map(|of| (of.id.to_string(), of.name)).collect())
}

pub(crate) fn shown(tx: &mut Tx<'_>, org: OrgId, id: &str) -> Result<Shown, Problem> {
    let missing = || Problem::missing("credential");
    let id = CredentialId::parse(id).ok_or_else(missing)?;
    let of = access::credential(tx, org, id)?.ok_or_else(missing)?;
    if of.sealed_as.starts_with(OF_AN_INTEGRATION) {
        return Err(missing());
    }
    let mut uses = sync::uses(tx, id)?;
    let owns = of.org == org;
    let grants = if owns { access::grants(tx, org, id)? } else { Vec::new() };
    if !owns {
        uses.retain(|one| one.org == org);
    }
    let owner = access::org(tx, of.org)?.map(|org| org.name).unwrap_or_default();
    Ok(Shown { of, uses, grants, owner, explorers: explorers(tx, org)? })
}

/// As [`shown`], for who changes it: it has to be the organization's own.
pub(crate) fn owned(tx: &mut Tx<'_>, org: OrgId, id: &str) -> Result<Shown, Problem> {
    let found = shown(tx, org, id)?;
    match found.of.org == org {
        true => Ok(found),
        false => {
            Err(Problem::forbidden(format!("This credential belongs to {}, which alone changes it.", found.owner)))
        }
    }
}

/// Tells one state of what can be changed of a credential from another.
pub(crate) fn stamp(of: &Shown) -> String {
    let Shown { of, grants, .. } = of;
    let grants: Vec<String> = grants.iter().map(|org| org.0.to_string()).collect();
    let (version, global) = (of.version.unwrap_or_default().to_string(), of.global.to_string());
    edit::stamp(&[&of.name, &of.kind, &of.url, &version, &format!("{:?}", of.custodian), &global, &grants.join(" ")])
}

/// Who keeps the secret, in words.
pub(crate) fn keeper(custodian: &Custodian, explorers: &[(String, String)]) -> String {
    match custodian {
        Custodian::Server => "This server, sealed".to_owned(),
        Custodian::Reference(Reference::Vault { .. }) => "Vault".to_owned(),
        Custodian::Reference(Reference::Env(_)) => "A variable of this server".to_owned(),
        Custodian::Reference(Reference::File(_)) => "A file on this server".to_owned(),
        Custodian::Reference(Reference::Unknown(_)) => "A place that this version does not know".to_owned(),
        Custodian::Explorer(id) => match explorers.iter().find(|(known, _)| known == id) {
            Some((_, name)) => format!("Explorer {name}"),
            None => "An Explorer that was revoked, or belongs to another organization".to_owned(),
        },
    }
}

/// The word for what a type of credential is.
pub(crate) fn kind_title(word: &str) -> &str {
    access::CREDENTIAL_KINDS.iter().find(|kind| kind.word == word).map_or(word, |kind| kind.title)
}

/// When a token ends, with a mark if that is soon.
pub(crate) fn ends(at: Option<Timestamp>, now: Timestamp) -> Markup {
    match at {
        None => ui::absent("not said"),
        Some(at) if at <= now => ui::badge(ui::Tone::Bad, "Has ended"),
        Some(at) => {
            let days = at.seconds_since(now) / 86_400;
            let soon = days < sync::TOKEN_WARNINGS[0];
            html! { (ui::date(at)) @if soon { " " (ui::badge(ui::Tone::Warn, &format!("Ends in {}", ui::noun(days.unsigned_abs(), "day", "days")))) } }
        }
    }
}

/// Removes a credential that nothing uses.
pub(crate) fn remove(tx: &mut Tx<'_>, org: OrgId, id: &str, by: &str, now: Timestamp) -> Result<String, Problem> {
    let found = owned(tx, org, id)?;
    if let Some(one) = found.uses.first() {
        let more = found.uses.len() - 1;
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        let name = if one.org == org { one.name.clone() } else { "an integration of another organization".to_owned() };
        return Err(Problem::conflict(format!("{} is used by {name}{rest}, so it was not removed.", found.of.name))
            .help("Give those integrations another credential or a token of their own first."));
    }
    if let Some(task) = sync::scan::tasks_with(tx, found.of.id)?.first() {
        let name = if task.org == org { task.wanted.name.as_str() } else { "one of another organization" };
        return Err(Problem::conflict(format!(
            "{} is used by the scan task {name}, so it was not removed.",
            found.of.name
        ))
        .help("Choose another one there first, under Tasks, Scans."));
    }
    sync::explorers::forget_there(tx, org, &found.of, now)?;
    access::remove_credential(tx, org, found.of.id, by, now)?;
    Ok(found.of.name)
}

/// Chooses which other organizations may use a credential: exactly those of `to`, or every one.
///
/// Only organizations that `may_see` names are touched, so that nobody takes away what they do not know of.
pub(crate) fn share(
    tx: &mut Tx<'_>,
    (org, id): (OrgId, &str),
    global: Option<bool>,
    to: &[OrgId],
    may_see: &[OrgId],
    by: &str,
    now: Timestamp,
) -> Result<String, Problem> {
    let found = owned(tx, org, id)?;
    if let Some(stranger) = to.iter().find(|one| !may_see.contains(one)) {
        return Err(Problem::invalid(format!("There is no organization {} that you are a member of.", stranger.0)));
    }
    for other in may_see.iter().filter(|other| **other != org) {
        let (was, is) = (found.grants.contains(other), to.contains(other));
        if was != is {
            access::set_grant(tx, org, found.of.id, *other, is, by, now)?;
        }
    }
    if let Some(global) = global.filter(|global| *global != found.of.global) {
        access::set_global(tx, org, found.of.id, global, by, now)?;
    }
    Ok(found.of.name)
}

/// Why a console did not take what was given.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// Which step failed, as its question: *Does the name have an address?*
    pub(crate) step: &'static str,
    /// What happened.
    pub(crate) what: String,
    /// What to do.
    pub(crate) help: String,
    /// Waiting may help: nothing is wrong with what was given.
    pub(crate) passes: bool,
    /// Which field it is about: `url` or `secret`.
    pub(crate) field: &'static str,
}

impl Fault {
    pub(crate) fn of(error: &ApiError) -> Fault {
        use sync::examine::Step;
        let (step, field) = match sync::examine::failed_step(error) {
            Step::Dns => ("The name has an address", "url"),
            Step::Port => ("Something listens there", "url"),
            Step::Tls => ("The connection is secure", "url"),
            Step::Http => ("What answers is a console", "url"),
            Step::Token => ("The console accepts the token", "secret"),
            Step::Permission => ("The token may read agents", "secret"),
        };
        // An Explorer that is away, or says no, is no mistake of whoever enters something.
        let relayed = error.advice() == Advice::MendRelay;
        let passes = relayed || matches!(error.advice(), Advice::Wait { .. });
        let help = if relayed {
            "The page Explorers shows how it fares.".to_owned()
        } else if passes {
            "Nothing is wrong with what you entered. Wait a moment, then verify again.".to_owned()
        } else {
            capital(&error.advice().to_string())
        };
        Fault { step, what: sentence(error), help, passes, field }
    }
}

/// The console of an address that somebody has typed, wherever it stands.
pub(crate) fn any_console(text: &str) -> Result<Console, Fault> {
    Console::parse(text).map_err(|problem| Fault {
        step: "The address is one",
        what: capital(&problem.to_string()),
        help: String::new(),
        passes: false,
        field: "url",
    })
}

/// The console of an address that somebody has typed. It may stand inside a private network only if that was allowed when this
/// server was started.
pub(crate) async fn console(app: &App, text: &str) -> Result<Console, Fault> {
    let wrong = |what: String, help: &str| Fault {
        step: "The address is one",
        what,
        help: help.to_owned(),
        passes: false,
        field: "url",
    };
    let console = any_console(text)?;
    if console.is_private() && !app.private_consoles().await {
        let (what, help) = fenced(&console);
        return Err(wrong(what, help));
    }
    Ok(console)
}

/// Why a console is not asked that stands where only this server comes, and what there is to do.
pub(crate) fn fenced(console: &Console) -> (String, &'static str) {
    let host = console.host();
    match console.is_loopback() {
        true => (
            format!("{host} is this machine itself, so nothing was sent."),
            "This server asks consoles by their public names. To try a simulated one, start it with \
                --allow-private-consoles; muster demo does that by itself.",
        ),
        false => (
            format!("{}.", console.private_words()),
            "This server asks consoles by their public names. Let an Explorer inside that network ask it, or have \
                private addresses allowed: in Settings by who manages the installation, or by --allow-private-consoles.",
        ),
    }
}

/// The token of a text that somebody has pasted.
pub(crate) fn token(text: &str) -> Result<Token, Fault> {
    Token::parse(text).map_err(|problem| Fault {
        step: "The token is whole",
        what: capital(&problem.to_string()),
        help: "Copy it again from the console.".to_owned(),
        passes: false,
        field: "secret",
    })
}

/// Tries a token on a console, live. Nothing is stored.
pub(crate) async fn tried(app: &App, org: OrgId, console: &Console, token: &Token, at: &At) -> Result<Probe, Fault> {
    let place = place(app, org, "");
    let trying = sync::try_token(place, console, token, at, None, app.private_consoles().await);
    match app.world.timeout(TRY_TIME, trying).await {
        Ok(Ok(probe)) => Ok(probe),
        Ok(Err(SyncError::Console(error))) => Err(Fault::of(&error)),
        Ok(Err(other)) => Err(Fault {
            step: "The console answers",
            what: sentence(&other),
            help: String::new(),
            passes: true,
            field: "url",
        }),
        Err(_) => Err(Fault {
            step: "The console answers in time",
            what: format!("{} took longer than {} seconds to answer.", console.host(), TRY_TIME.as_secs()),
            help: "Nothing is wrong with what you entered. Wait a moment, then verify again.".to_owned(),
            passes: true,
            field: "url",
        }),
    }
}

/// Where stories of `sync` take place.
pub(crate) fn place<'a>(app: &'a App, org: OrgId, who: &'a str) -> sync::Place<'a> {
    sync::Place { store: &app.store, world: &app.world, org, keys: &app.keys, transport: &app.transport, who }
}

/// What a token that works is like, step by step, with what should be otherwise. `wanted` are our words for what has to be
/// readable.
pub(crate) fn verdict(console: &Console, probe: &Probe, wanted: &[&str], now: Timestamp) -> Verdict {
    let passed = (Light::Ok, "Passed:");
    let warning = (Light::Warn, "Warning:");
    let mut steps = Vec::new();
    let version = probe.version.as_deref().unwrap_or("of a version that it does not tell");
    steps.push(Looked {
        state: passed,
        what: "The console answers",
        says: html! { (ui::words::name(console.host())) ", " (ui::words::name(version)) },
    });
    let whose = match probe.kind {
        sentinelone::probe::TokenKind::ServiceUser => "A service user's",
        sentinelone::probe::TokenKind::ConsoleUser => "A console user's",
        _ => "It does not say whose it is",
    };
    let end = probe.expires_at.map(|at| Timestamp::from_micros(at.0));
    let days = end.map(|end| end.seconds_since(now) / 86_400);
    steps.push(Looked {
        state: passed,
        what: "The token is accepted",
        says: html! {
            (whose) @if let Some(user) = &probe.user_name { ", " (ui::words::name(user)) }
            @match end {
                Some(end) => { "; ends on " (ui::date(end)) ", " (ui::near(end, now)) }
                None => { "; the console does not say when it ends" }
            }
        },
    });
    let scope = sync::facts(probe).scope.unwrap_or_default();
    steps.push(Looked {
        state: passed,
        what: match scope.as_str() {
            "tenant" => "It sees the whole console",
            "account" => "It sees an account",
            "site" => "It sees a console site",
            _ => "The console does not say what it sees",
        },
        says: html! {
            @if probe.places.is_empty() { "Every account and site." }
            @for (at, one) in probe.places.iter().take(PLACES_SHOWN).enumerate() {
                @if at > 0 { ", " } (ui::words::name(one.name.as_deref().unwrap_or(&one.id)))
            }
            @if probe.places.len() > PLACES_SHOWN { " and " (probe.places.len() - PLACES_SHOWN) " more" }
        },
    });
    let (reads, missing) = sync::modules(probe);
    let lacking: Vec<&(&str, String)> = missing.iter().filter(|(word, _)| wanted.contains(word)).collect();
    steps.push(match lacking.first() {
        None => Looked {
            state: passed,
            what: "Every required read works",
            says: html! { "It could read " (reads.join(", ")) "." },
        },
        Some((_, reason)) => Looked {
            state: (Light::Bad, "Failed:"),
            what: "A required read does not work",
            says: html! { (capital(&lacking.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "))) " " (capital(reason)) },
        },
    });
    let optional: Vec<&str> = missing.iter().map(|(word, _)| *word).filter(|word| !wanted.contains(word)).collect();
    if !optional.is_empty() {
        steps.push(Looked {
            state: (Light::Idle, "Not available:"),
            what: "Some of the console is not open to it",
            says: html! { (capital(&optional.join(", "))) " That is shown as not available, never as none." },
        });
    }
    match probe.role.as_deref() {
        Some(role) if role != sync::ROLE_ENOUGH => steps.push(Looked {
            state: warning,
            what: "Its role can do more than read",
            says: html! { "The role is " (ui::words::name(role)) ". " (sync::ROLE_ENOUGH) " is enough, and a stolen " (sync::ROLE_ENOUGH) " token could change nothing." },
        }),
        None => steps.push(Looked {
            state: warning,
            what: "The console does not say what its role may do",
            says: html! { "A user with the role " (sync::ROLE_ENOUGH) " is enough." },
        }),
        _ => {}
    }
    if days.is_some_and(|days| days < ENDS_SOON_DAYS) {
        steps.push(Looked {
            state: warning,
            what: "It ends soon",
            says: html! { "A new token will be needed within two weeks." },
        });
    }
    if days.is_some_and(|days| days > LIVES_LONG_DAYS) {
        steps.push(Looked {
            state: warning,
            what: "It lives for more than a year",
            says: html! { "Whoever gets hold of it has as long. Six months are usual." },
        });
    }
    let warns = steps.iter().any(|step| step.state.0 == Light::Warn);
    Verdict { steps, warns, enough: lacking.is_empty() }
}

/// Accounts and sites that are named; more are counted.
const PLACES_SHOWN: usize = 5;

/// What a live verification came to.
pub(crate) struct Verdict {
    pub(crate) steps: Vec<Looked<'static>>,
    /// Something should be otherwise.
    pub(crate) warns: bool,
    /// Everything that is required can be read.
    pub(crate) enough: bool,
}

/// A step that failed, as the list of a verification shows it.
pub(crate) fn failed(fault: &Fault) -> Looked<'_> {
    let state = if fault.passes { (Light::Wait, "Not now:") } else { (Light::Bad, "Failed:") };
    Looked { state, what: fault.step, says: html! { (fault.what) " " (fault.help) } }
}

/// What is said of a secret that is no user of SNMP v3.
fn no_user(error: sync::scan::UserError) -> String {
    format!("It is no user of SNMP v3: {error}.")
}

/// A new secret for a credential: sealed beside the old one, tried where it has a console, and only then in its place.
pub(crate) async fn rotated(
    app: &App,
    (org, by): (OrgId, &str),
    found: &Shown,
    secret: Secret,
    headers: &HeaderMap,
) -> Result<Option<Probe>, Rotation> {
    let (id, keys) = (found.of.id, app.keys.clone());
    if found.of.kind == sync::scan::USER
        && let Err(error) = sync::scan::User::parse(&secret)
    {
        let (step, what) = ("The secret is whole", no_user(error));
        return Err(Rotation::Fault(Fault { step, what, help: String::new(), passes: false, field: "secret" }));
    }
    let given = if found.of.url.is_empty() {
        None
    } else {
        let console = console(app, &found.of.url).await.map_err(Rotation::Fault)?;
        Some((console, token(secret.expose()).map_err(Rotation::Fault)?))
    };
    let secret = match &given {
        Some((_, token)) => Secret::new(token.expose().to_owned()),
        None => secret,
    };
    let known = headers.clone();
    let write = app.store.write(move |tx| {
        respond::if_unchanged(&known, &stamp(&owned(tx, org, &id.to_string())?))?;
        Ok::<_, Problem>(access::propose_secret(tx, &keys, org, id, &secret)?)
    });
    let version = write.await.map_err(Rotation::Problem)?;
    let probe = match &given {
        None => None,
        Some((console, token)) => match tried(app, org, console, token, &At::default()).await {
            Ok(probe) => Some(probe),
            Err(fault) => {
                let name = found.of.sealed_as.clone();
                let withdrawn = app.store.write(move |tx| access::withdraw(tx, org, &name)).await;
                withdrawn.map_err(|error| Rotation::Problem(error.into()))?;
                return Err(Rotation::Fault(fault));
            }
        },
    };
    let facts = probe.as_ref().map(sync::facts).unwrap_or_default();
    let (by, now) = (by.to_owned(), app.world.now());
    let put = app.store.write(move |tx| {
        access::activate_secret(tx, org, id, version, &facts, &by, now)?;
        sync::renewed(tx, id, now)
    });
    put.await.map_err(|error: SyncError| Rotation::Problem(error.into()))?;
    Ok(probe)
}

/// Keeps a credential elsewhere from now on: what is here is destroyed only once it can be had there. The words say why not.
pub(crate) async fn kept_at(
    app: &App,
    (org, by): (OrgId, &str),
    found: &Shown,
    reference: Reference,
    headers: &HeaderMap,
) -> Result<(), Result<String, Problem>> {
    let (id, now) = (found.of.id, app.world.now());
    let custody = Custody::Elsewhere(reference.clone());
    if let Err(error) = app.keys.secret(custody, &found.of.name, now).await {
        return Err(Ok(unfetched(&error)));
    }
    let (by, known) = (by.to_owned(), headers.clone());
    let moved = app.store.write(move |tx| {
        respond::if_unchanged(&known, &stamp(&owned(tx, org, &id.to_string())?))?;
        access::set_custodian(tx, org, id, &Custodian::Reference(reference), &by, now)?;
        Ok::<_, Problem>(sync::renewed(tx, id, now)?)
    });
    moved.await.map_err(Err)
}

/// Why a secret was not put in the old one's place.
pub(crate) enum Rotation {
    /// It did not work.
    Fault(Fault),
    /// Something else.
    Problem(Problem),
}

/// A credential that is to be saved.
pub(crate) struct Order {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) url: String,
    pub(crate) keep: Kept,
    /// Save it although it cannot be tried just now.
    pub(crate) untried: bool,
}

/// Where the secret of it is.
pub(crate) enum Kept {
    Secret(Secret),
    Reference(String),
}

/// Why it was not saved.
pub(crate) enum Unsaved {
    Fault(Fault),
    /// The field, and what is wrong with it.
    Field(&'static str, String),
    Problem(Problem),
}

impl From<Fault> for Unsaved {
    fn from(fault: Fault) -> Unsaved {
        Unsaved::Fault(fault)
    }
}

/// Whether somebody may have references followed. They are followed with this server's own rights, which are the same for all
/// organizations, so it takes who manages the installation.
pub(crate) fn may_refer(visitor: &Visitor) -> Result<(), Problem> {
    match visitor.may(Permission::ManageInstallation) {
        true => Ok(()),
        false => Err(Problem::forbidden("References are followed with this server's own rights.")
            .help("An administrator of the installation can save it, and grant it to this organization.")),
    }
}

/// What is said of a secret that cannot be fetched.
pub(crate) fn unfetched(error: &AccessError) -> String {
    let why = std::error::Error::source(error).map(|why| format!(" {}", capital(&why.to_string()))).unwrap_or_default();
    format!("{}{why}", sentence(error))
}

/// Saves a credential, once its secret has been had from where it is, and tried where it has a console.
pub(crate) async fn save(
    app: &App,
    org: OrgId,
    by: &str,
    order: Order,
) -> Result<(CredentialId, Option<Probe>), Unsaved> {
    let Some(kind) = access::CREDENTIAL_KINDS.iter().find(|kind| kind.word == order.kind) else {
        return Err(Unsaved::Field("kind", "Choose one of the types.".to_owned()));
    };
    let (secret, keep) = match order.keep {
        Kept::Secret(secret) if secret.expose().trim().is_empty() => {
            return Err(Unsaved::Field("secret", format!("Enter the {}; nothing was entered.", kind.secret)));
        }
        Kept::Secret(secret) => (Secret::new(secret.expose().trim().to_owned()), None),
        Kept::Reference(text) => {
            let reference = Reference::parse(&text).map_err(|error| Unsaved::Field("reference", sentence(&error)))?;
            let custody = Custody::Elsewhere(reference.clone());
            let fetched = app.keys.secret(custody, &order.name, app.world.now()).await;
            (fetched.map_err(|error| Unsaved::Field("reference", unfetched(&error)))?, Some(reference))
        }
    };
    if kind.word == sync::scan::USER {
        sync::scan::User::parse(&secret).map_err(|error| Unsaved::Field("secret", no_user(error)))?;
    }
    let (mut url, mut probe) = (String::new(), None);
    if kind.has_url {
        let console = console(app, &order.url).await?;
        let token = token(secret.expose())?;
        url = console.origin();
        match tried(app, org, &console, &token, &At::default()).await {
            Ok(found) => probe = Some(found),
            Err(fault) if fault.passes && order.untried => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    let keep = match keep {
        Some(reference) => Keep::Reference(reference),
        None => Keep::Secret(secret),
    };
    let new = NewCredential { name: order.name, kind: order.kind, url, keep };
    let (keys, by, now, facts) = (app.keys.clone(), by.to_owned(), app.world.now(), probe.as_ref().map(sync::facts));
    let saved = app.store.write(move |tx| {
        let id = access::save_credential(tx, &keys, org, &new, &by, now)?;
        if let Some(facts) = facts {
            access::learn(tx, org, id, &facts)?;
        }
        Ok::<_, AccessError>(id)
    });
    match saved.await {
        Ok(id) => Ok((id, probe)),
        Err(error @ (AccessError::Invalid { .. } | AccessError::Taken { .. })) => {
            Err(Unsaved::Field("name", sentence(&error)))
        }
        Err(other) => Err(Unsaved::Problem(other.into())),
    }
}
