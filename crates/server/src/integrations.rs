//! Integrations: what Muster can read, what is connected, how each fares, and everything that is done with one.

mod api;
mod catalogue;
mod choices;
mod connecting;
mod forms;
mod pages;
mod single;

use access::Permission;
use axum::http::Method;
use kernel::{IntegrationId, OrgId, Timestamp};
use sentinelone::Console;
use serde_json::json;
use store::Tx;
use sync::health::{Light as Health, Remedy, Why};
use sync::{Beside, FirstReading, IntegrationState, Overview, Run, SyncError};
use ui::{Light, Markup, Tone, html};

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, form, page};
use crate::{App, Problem, Visitor};

pub(crate) use single::{log_of, next, progress_bar, records_at, status_light, stream_label};

/// The glyph of a connector, the same on every page.
pub(crate) fn icon_of(connector: sync::Connector) -> ui::Icon {
    catalogue::of(connector).icon
}

/// Names that are tried for a new integration.
const NAMES_MAX: u32 = 100;

/// Where they all are.
pub(crate) const HOME: &str = "/integrations";

/// Its routes.
pub fn routes() -> Vec<Route> {
    let read = Who::May(Permission::ReadIntegrations);
    let run = Who::May(Permission::RunSync);
    let manage = Who::May(Permission::ManageIntegrations);
    let mut all = vec![
        page(HOME, read, pages::list),
        page("/integrations/about/{connector}", read, pages::about),
        form("/integrations/about/{connector}/enrol", manage, pages::enrol),
        form("/integrations/about/{connector}/allow", Who::May(Permission::ManageOrg), pages::allow),
        form("/integrations/sync", run, pages::sync_all),
        page("/integrations/connect", manage, connecting::connect),
        form("/integrations/connect", manage, connecting::connect_sent),
        page("/integrations/{id}", read, single::show),
        page("/integrations/{id}/progress", read, single::progress),
        page("/integrations/{id}/left-out", read, single::left_out),
        form("/integrations/{id}/sync", run, single::sync),
        form("/integrations/{id}/switch", manage, single::switch),
        page("/integrations/{id}/test", manage, connecting::test_saved),
        page("/integrations/{id}/edit", manage, forms::edit),
        form("/integrations/{id}/edit", manage, forms::edit_sent),
        page("/integrations/{id}/reconnect", manage, connecting::reconnect),
        form("/integrations/{id}/reconnect", manage, connecting::reconnect_sent),
        page("/integrations/{id}/delete", manage, single::delete),
        form("/integrations/{id}/delete", manage, single::delete_sent),
    ];
    all.extend(interface(read, run, manage));
    all
}

fn interface(read: Who, run: Who, manage: Who) -> [Route; 13] {
    const ID: &str = "The integration's id.";
    let answers = |shape: Shape, id: &str, summary: &str| Operation::new(id, "Integrations", summary, shape);
    let told = |id: &str, summary: &str| answers(Shape::of::<api::Integration>(), id, summary);
    let list = answers(
        Shape::of::<api::Integrations>(),
        "list_integrations",
        "Lists integrations, how each fares, and how far each collection is read.",
    )
    .paged();
    let show = told("show_integration", "Shows an integration and its options.").path("id", ID);
    let create = told("create_integration", "Tries a console and a token, and saves them if both work.")
        .sends(Shape::of::<api::New>());
    let change = told("change_integration", "Changes an integration; what is not named stays.")
        .path("id", ID)
        .sends(Shape::of::<api::Change>());
    let token = told("reconnect_integration", "Gives an integration a new token, if it works; checkpoints are kept.")
        .path("id", ID)
        .sends(Shape::of::<api::Token>());
    let test = answers(
        Shape::of::<api::Tested>(),
        "test_integration",
        "Looks at an integration's console step by step; nothing is written.",
    )
    .path("id", ID);
    let sync = answers(
        Shape::of::<api::Asked>(),
        "sync_integration",
        "Asks for a reading now; the task shows how far it is. Who manages integrations may accept removals with it.",
    )
    .path("id", ID)
    .sends(Shape::of::<api::Sync>());
    let sync_all = answers(
        Shape::of::<api::AskedAll>(),
        "sync_integrations",
        "Asks for a reading of every console that is switched on, now.",
    );
    let connectors = answers(
        Shape::of::<api::Connectors>(),
        "list_connectors",
        "Lists what Muster can read; of a connector on trial, who asked for it and who allowed it.",
    )
    .paged();
    let of_connector =
        |id: &str, summary: &str| answers(Shape::of::<api::Connector>(), id, summary).path("connector", "Its word.");
    let enrol = of_connector("enrol_connector", "Asks for a connector that is on trial; an administrator decides.");
    let allow = of_connector("allow_connector", "Allows a connector on trial that somebody asked for.");
    let left_out = answers(
        Shape::of::<api::LeftOut>(),
        "list_left_out",
        "Lists the records that an integration's options leave out, and why.",
    )
    .path("id", ID)
    .query("option", "Only those that this option leaves out.", json!({ "type": "string" }))
    .paged();
    let delete = answers(
        Shape::of::<api::Ended>(),
        "delete_integration",
        "Ends an integration: what only it said is retired, the log and the history stay.",
    )
    .path("id", ID)
    .query("confirm", "The integration's name, so that none ends by mistake.", json!({ "type": "string" }));
    [
        api(Method::GET, "/integrations", read, list, api::list),
        api(Method::POST, "/integrations", manage, create, api::create),
        api(Method::GET, "/integrations/{id}", read, show, api::show),
        api(Method::PATCH, "/integrations/{id}", manage, change, api::change),
        api(Method::PUT, "/integrations/{id}/token", manage, token, api::token),
        api(Method::POST, "/integrations/{id}/test", manage, test, api::test),
        api(Method::POST, "/integrations/{id}/sync", run, sync, api::sync),
        api(Method::POST, "/integrations/sync", run, sync_all, api::sync_all),
        api(Method::GET, "/connectors", read, connectors, api::connectors),
        api(Method::POST, "/connectors/{connector}/enrol", manage, enrol, api::enrol),
        api(Method::POST, "/connectors/{connector}/allow", Who::May(Permission::ManageOrg), allow, api::allow),
        api(Method::GET, "/integrations/{id}/left-out", read, left_out, api::left_out),
        api(Method::DELETE, "/integrations/{id}", manage, delete, api::delete),
    ]
}

/// An integration of an organization, by the id in an address.
pub(crate) fn found(tx: &mut Tx<'_>, org: OrgId, id: &str, now: Timestamp) -> Result<Overview, Problem> {
    let id = IntegrationId::parse(id).ok_or_else(|| Problem::missing("integration"))?;
    let of = sync::integration(tx, org, id).map_err(missing)?;
    Ok(sync::overview(tx, of, now)?)
}

/// What is not there is a page of its own; anything else as it is.
pub(crate) fn missing(error: SyncError) -> Problem {
    match error {
        SyncError::NoSuchIntegration { .. } => Problem::missing("integration"),
        other => other.into(),
    }
}

/// An integration's own page.
pub(crate) fn at(id: IntegrationId) -> String {
    format!("{HOME}/{id}")
}

/// Where a story about an organization's integrations takes place.
pub(crate) fn place<'a>(app: &'a App, visitor: &'a Visitor) -> sync::Place<'a> {
    sync::Place {
        store: &app.store,
        world: &app.world,
        org: visitor.org,
        keys: &app.keys,
        transport: &app.transport,
        who: &visitor.login,
    }
}

/// How an integration fares: the light, and its one word, the same on every page.
pub(crate) fn light(of: &Overview, now: Timestamp) -> (Light, &'static str) {
    use IntegrationState as S;
    let assessment = of.assessment();
    match assessment.state {
        S::Syncing | S::Connected if of.first_reading(now).is_some() => {
            (if of.is_being_read(now) { Light::Run } else { Light::Wait }, words(S::Syncing, None).1)
        }
        _ if of.is_a_demo_at_rest() => (Light::Pause, "Not running"),
        S::Syncing if of.is_being_read(now) => (Light::Run, "Running"),
        S::Syncing => (Light::Wait, "Waiting"),
        S::Connected if of.light(now) != Health::Green => (Light::Warn, "Behind"),
        state => words(state, assessment.why),
    }
}

/// What a card calls a state, where nothing else is known of the integration.
pub(crate) fn words(state: IntegrationState, why: Option<Why>) -> (Light, &'static str) {
    use IntegrationState as S;
    match (state, why) {
        (S::Paused, _) => (Light::Pause, "Paused"),
        (S::Syncing, _) => (Light::Wait, "First reading"),
        (S::Connected, _) => (Light::Ok, "Healthy"),
        (S::AuthenticationFailed, _) => (Light::Bad, "Refused"),
        (S::PermissionMissing, _) | (S::Incomplete, Some(Why::CoreMissing)) => (Light::Bad, "Not allowed"),
        (S::Invalid, Some(Why::CredentialGone)) => (Light::Bad, "No credential"),
        (S::Invalid, _) => (Light::Bad, "Not validated"),
        (S::Unreachable, _) => (Light::Bad, "Unreachable"),
        (S::Incomplete, _) => (Light::Warn, "Incomplete"),
        (S::Degraded, Some(Why::RateLimited)) => (Light::Warn, "Slowed"),
        (S::Degraded, Some(Why::RemovalsHeld)) => (Light::Warn, "Held"),
        (S::Degraded, Some(Why::ScopeNarrowed)) => (Light::Warn, "Narrowed"),
        (S::Degraded, _) => (Light::Warn, "Needs a look"),
    }
}

/// How much its trouble matters.
pub(crate) fn tone(of: &Overview, now: Timestamp) -> Tone {
    match of.light(now) {
        _ if of.is_a_demo_at_rest() => Tone::Note,
        Health::Red => Tone::Bad,
        _ => Tone::Warn,
    }
}

/// The same as a badge, beside a heading.
pub(crate) fn badge(state: Light, word: &str) -> Markup {
    let tone = match state {
        Light::Ok => Tone::Ok,
        Light::Warn => Tone::Warn,
        Light::Bad => Tone::Bad,
        Light::Run | Light::Wait => Tone::Note,
        _ => Tone::Idle,
    };
    ui::badge(tone, word)
}

/// First readings that one page names; more are counted.
const FIRST_MAX: usize = 3;

/// What is said beside counts while consoles are read for the first time: which, how far, and the way to their tasks. Nothing
/// once all are, for then the counts are of everything.
pub(crate) fn first_readings(all: &[FirstReading], visitor: &Visitor) -> Markup {
    let may = visitor.may(Permission::ReadIntegrations);
    let said = |of: &FirstReading| {
        let how = match of.integration.state {
            _ if !of.integration.options.enabled => ", paused",
            IntegrationState::Connected | IntegrationState::Syncing => "",
            _ => ", held up",
        };
        format!("First reading of {}: {} of {} collections{how}", of.integration.name, of.done, of.all)
    };
    html! {
        @for of in all.iter().take(FIRST_MAX) {
            @if may { (ui::badge_link(Tone::Note, &said(of), &format!("/tasks/{}", of.integration.id))) }
            @else { (ui::badge(Tone::Note, &said(of))) }
        }
        @if all.len() > FIRST_MAX { span.muted { "and " (all.len() - FIRST_MAX) " more" } }
    }
}

/// Where the button of a remedy leads.
pub(crate) fn remedy_at(of: &Overview) -> Option<(&'static str, String)> {
    let remedy = of.remedy();
    let home = at(of.integration.id);
    let to = match remedy {
        Remedy::Reconnect | Remedy::ChooseCredential => format!("{home}/reconnect"),
        Remedy::Reauthorise | Remedy::Scope => format!("{home}/reconnect?step=permission"),
        Remedy::Reestablish => format!("{home}/reconnect?step=address"),
        Remedy::Decide => format!("{home}#held"),
        Remedy::SlowDown => format!("{home}/edit#schedule"),
        Remedy::LeaveOut => format!("{home}/edit#read"),
        Remedy::ReadAgain | Remedy::SwitchOn => home,
        Remedy::Nothing | Remedy::Wait | Remedy::Clock | Remedy::BringFile | Remedy::StartDemo => return None,
    };
    remedy.verb().map(|verb| (verb, to))
}

/// A name for a new integration that none has yet, made of its console's.
pub(crate) async fn free_name(app: &App, org: OrgId, console: &Console) -> Result<String, Problem> {
    let taken: Vec<String> = sync::integrations(&app.store, &app.world, org)
        .await?
        .into_iter()
        .map(|of| kernel::fold(&of.name).into_owned())
        .collect();
    let first = sync::name_of(console);
    let mut names = std::iter::once(first.clone()).chain((2..NAMES_MAX).map(|at| format!("{first}-{at}")));
    let free = names.find(|name| !taken.iter().any(|known| *known == kernel::fold(name)));
    free.ok_or_else(|| Problem::conflict("Too many connections have this console's name already."))
}

/// Whether two integrations read one console.
pub(crate) fn reads_the_same(one: &sync::Integration, other: &sync::Integration) -> bool {
    one.id != other.id
        && !one.connector.is_file()
        && !other.connector.is_file()
        && one.console_host == other.console_host
}

/// What is said where another integration reads a part of the same console.
pub(crate) fn beside_words(all: &[Beside]) -> String {
    all.iter().map(|one| format!("{}.", one.in_words())).collect::<Vec<_>>().join(" ")
}

/// Leaves a request for a reading of one integration; with `accepts`, of all of it, and whatever it does not show then is gone.
pub(crate) fn ask_one(
    tx: &mut Tx<'_>,
    visitor: &Visitor,
    id: &str,
    (streams, full, accepts): (Vec<String>, bool, bool),
    now: Timestamp,
) -> Result<sync::Integration, Problem> {
    if accepts && !visitor.may(Permission::ManageIntegrations) {
        return Err(Problem::forbidden("Your role does not include to say that records are gone."));
    }
    let of = found(tx, visitor.org, id, now)?.integration;
    // What is accepted has to be seen missing by a whole reading.
    let order = Run { names: vec![of.name.clone()], streams, full: full || accepts, accept_removals: accepts };
    ask(tx, visitor.org, &order, &visitor.login, now)?;
    Ok(of)
}

/// Asks for a connector on trial.
pub(crate) fn enrol(
    tx: &mut Tx<'_>,
    org: OrgId,
    word: &str,
    who: &str,
    now: Timestamp,
) -> Result<&'static str, Problem> {
    let entry = catalogue::on_trial(word)?;
    sync::enrol_connector(tx, org, entry.word, who, now)?;
    Ok(entry.name)
}

/// Allows a connector on trial that somebody asked for.
pub(crate) fn allow(
    tx: &mut Tx<'_>,
    org: OrgId,
    word: &str,
    who: &str,
    now: Timestamp,
) -> Result<&'static str, Problem> {
    let entry = catalogue::on_trial(word)?;
    if !sync::allow_connector(tx, org, entry.word, who, now)? {
        return Err(Problem::conflict("Nobody asks for it, or it is allowed already."));
    }
    Ok(entry.name)
}

/// Leaves a request for a reading of one integration, or of all that are switched on.
pub(crate) fn ask(tx: &mut Tx<'_>, org: OrgId, order: &Run, who: &str, now: Timestamp) -> Result<(), Problem> {
    sync::nudge(tx, org, order, who, now).map_err(|error| match error {
        SyncError::NoIntegration => Problem::conflict("No console is connected yet, so there is nothing to read."),
        SyncError::IsFile { .. } => Problem::conflict("Files are read when somebody brings one."),
        SyncError::Paused { name } => {
            Problem::conflict(format!("{name} is paused.")).help("Resume it, then read it again.")
        }
        other => missing(other),
    })?;
    let subject = if order.names.is_empty() { "all".to_owned() } else { order.names.join(", ") };
    let what = if order.accept_removals { "integration.accept-removals" } else { "integration.sync" };
    access::audit(tx, org, now, who, what, &subject, &order.streams.join(", "))?;
    Ok(())
}
