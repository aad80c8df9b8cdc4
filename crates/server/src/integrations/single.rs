//! One integration: its page, what it leaves out, how far a reading is, and what is done with it.

use access::Permission;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kernel::{OrgId, Timestamp};
use store::Tx;
use sync::explorers::Explorer;
use sync::health::{Light as Health, Why};
use sync::schedule::{Next, interval_words};
use sync::{LeftOutCount, LeftOutRecord, OptionsChange, Overview, Progress, StreamStanding, StreamStatus};
use ui::{Button, Card, Flash, Icon, Light, Markup, Place, Row, Table, Tone, Weight, html};

use super::{ask_one, at, catalogue, choices, found, light, missing, place, remedy_at};
use crate::fields::{Asked, Sent, address};
use crate::inventories::{quoted, to};
use crate::problem::capital;
use crate::{App, Problem, Visitor, edit, respond};

/// The part of its page that says how far a reading is.
const PROGRESS: &str = "progress";
/// The badge beside its name.
const STATE: &str = "state";
/// The sentence below its name.
const MEANING: &str = "meaning";
/// What stands between the stamps of the parts that a page shows.
const STAMPS: &str = ".";

/// Records that are left out which one page lists.
const LEFT_OUT_MAX: u32 = 200;

/// Collections that have other words than their names.
const LABELS: [(&str, &str); 8] = [
    ("risks", "Vulnerabilities"),
    ("applications", "Software"),
    ("sites", "Console sites"),
    ("groups", "Console groups"),
    ("xdr_assets", "Other assets"),
    ("ranger_devices", "Devices without an agent"),
    ("hosts", "Hosts"),
    ("tenant_policy", "Policy of the tenant"),
];

/// Inventories in which the records of a collection are found.
const RECORDS: [(&str, &str); 14] = [
    ("agents", "assets"),
    ("hosts", "assets"),
    ("ranger_devices", "assets"),
    ("xdr_assets", "assets"),
    ("threats", "findings"),
    ("custom_alerts", "findings"),
    ("unified_alerts", "findings"),
    ("activities", "activities"),
    ("applications", "software"),
    ("risks", "vulnerabilities"),
    ("users", "users"),
    ("service_users", "users"),
    ("sites", "console_sites"),
    ("groups", "console_groups"),
];

/// What a collection is called.
pub(crate) fn stream_label(name: &str) -> String {
    let known = LABELS.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| crate::inventories::label(name), |(_, label)| (*label).to_owned())
}

/// Where the records of a collection are found, if anywhere.
pub(crate) fn records_at(stream: &str) -> Option<String> {
    let (_, inventory) = RECORDS.iter().find(|(known, _)| *known == stream)?;
    inventory::catalogue().inventory(inventory).filter(|inventory| inventory.listed)?;
    Some(to(inventory, ""))
}

/// The log of its task.
pub(crate) fn log_of(of: &Overview) -> String {
    format!("/tasks/{}", of.integration.id)
}

/// All that its page tells.
struct Seen {
    of: Overview,
    ours: Vec<(String, u64)>,
    left_out: Vec<LeftOutCount>,
    unknown: Vec<sync::UnknownGroup>,
    progress: Option<Progress>,
    credential: Option<String>,
    /// Other integrations that read the same console.
    also: Vec<sync::Integration>,
    /// The Explorer that it runs at.
    explorer: Option<Explorer>,
}

fn seen(tx: &mut Tx<'_>, org: OrgId, id: &str, now: Timestamp) -> Result<Seen, Problem> {
    let of = found(tx, org, id, now)?;
    let (id, import) = (of.integration.id, &of.integration.options.import);
    let explorer = match of.integration.explorer {
        Some(id) => sync::explorers::explorer(tx, org, id)?,
        None => None,
    };
    let credential = match of.integration.credential {
        Some(saved) => Some(access::credential(tx, org, saved)?.map_or_else(String::new, |of| of.name)),
        None => None,
    };
    let also = sync::overviews(tx, org, now)?.into_iter().map(|of| of.integration);
    let also = also.filter(|other| super::reads_the_same(&of.integration, other)).collect();
    Ok(Seen {
        also,
        ours: sync::examine::record_counts(tx, org, id)?,
        left_out: sync::left_out_counts(tx, org, id, import)?,
        unknown: sync::unknown_groups(tx, org, id, import)?,
        progress: sync::progress(tx, org, id)?,
        credential,
        explorer,
        of,
    })
}

/// `GET /integrations/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let seen = app.store.read(move |tx| seen(tx, org, &id, now)).await?;
    let of = &seen.of;
    let name = of.integration.name.clone();
    let shell = visitor.shell();
    let rate = &of.integration.options;
    let [badge, meaning, troubled, nothing, open] = moving(&seen, &visitor, now).map(|part| part.shown(false));
    let body = html! {
        @if of.assessment().why != Some(Why::CredentialGone) { (ungranted(&seen, &visitor)) }
        (troubled)
        (how_far(&seen, &visitor, now))
        div.cols {
            div.flow.wide { (nothing) (streams(&seen, now)) (open) }
            div.flow.wide { (token(&seen, &visitor, now)) (chosen(&seen, &visitor)) (end(of, &visitor)) }
        }
    };
    let entry = catalogue::of(of.integration.connector);
    let host = of.integration.connector.files().unwrap_or(&of.integration.console_host);
    let mut strip = vec![
        ("Connector", html! { (entry.name) }),
        ("Reads", ui::words::name(host)),
        ("Site", ui::words::name(&of.integration.site_name)),
        ("How often", html! { (choices::rhythm(rate)) }),
        ("Since", ui::near(of.integration.since, now)),
    ];
    if !seen.also.is_empty() {
        strip.push((
            "Also read by",
            html! {
                @for (place, other) in seen.also.iter().enumerate() {
                    @if place > 0 { ", " } a href=(at(other.id)) { (ui::words::name(&other.name)) }
                }
            },
        ));
    }
    if let Some(explorer) = &seen.explorer {
        let (state, word) = crate::explorers::light(explorer, now);
        let home = format!("{}/{}", crate::explorers::HOME, explorer.id);
        let told = html! { a href=(home) { (ui::words::name(&explorer.name)) } " " (ui::light(state, word)) };
        strip.push(("Runs at", told));
    }
    let page = ui::Page {
        crumbs: &[("Integrations", super::HOME)],
        badges: badge,
        lead: meaning,
        facts: ui::strip(&strip),
        actions: verbs(of, &visitor),
        body,
        ..visitor.page(&shell, Place::Integrations, &name)
    };
    Ok(respond::page(page.render()))
}

/// A part of its page that follows a reading: its identifier, what it shows, and what tells whether it shows something else.
struct Moving {
    id: &'static str,
    shows: Markup,
    stamp: String,
}

impl Moving {
    fn new(id: &'static str, shows: Markup) -> Moving {
        let stamp = edit::stamp(&[&shows.0]);
        Moving { id, shows, stamp }
    }

    /// The part, on its page or, `anew`, in what replaces it.
    fn shown(&self, anew: bool) -> Markup {
        match self.id {
            STATE | MEANING => ui::following_words(self.id, anew, &self.shows),
            _ => ui::following(self.id, anew, &self.shows),
        }
    }
}

/// The parts of its page that follow a reading, beside the rows of its collections and the bar.
fn moving(seen: &Seen, visitor: &Visitor, now: Timestamp) -> [Moving; 5] {
    let of = &seen.of;
    let (state, word) = light(of, now);
    let first = is_first(of);
    // Its buttons carry a token that is another one each time.
    let held_of: Vec<u64> = of.streams.iter().map(|stream| stream.held).collect();
    let left = left(seen);
    let open = Moving {
        id: "open",
        stamp: edit::stamp(&[&format!("{held_of:?}"), &left.0]),
        shows: html! { (held(seen, visitor)) (left) },
    };
    [
        Moving::new(STATE, super::badge(state, word)),
        // While it is read for the first time, the message below says it, and once is enough.
        Moving::new(MEANING, html! { @if !first { (capital(of.meaning())) } }),
        Moving::new("trouble", trouble(of, visitor)),
        Moving::new("none-here", html! { @if !first { (nothing(seen, now)) } }),
        open,
    ]
}

/// What tells whether the page of an integration shows what there is: of each part, and of the rows.
fn shown_now(parts: &[Moving], rows: &Table<'_>) -> String {
    let rows = edit::stamp(&[&rows.anew().0]);
    parts.iter().map(|part| part.stamp.as_str()).chain([rows.as_str()]).collect::<Vec<_>>().join(STAMPS)
}

/// How far a reading is: what the page asks for again and again while there is one.
fn how_far(seen: &Seen, visitor: &Visitor, now: Timestamp) -> Markup {
    let of = &seen.of;
    let shown = with_rows(seen, now, |rows| shown_now(&moving(seen, visitor, now), rows));
    let poll = address(&format!("{}/progress", at(of.integration.id)), &[("shown", &shown)]);
    let bar = bar(of, seen.progress.as_ref(), now, &poll, Some(PROGRESS));
    let inside = html! { @if is_first(of) { (begun(of, &bar)) } @else { (bar) } };
    ui::following(PROGRESS, false, &inside)
}

/// What is done with it, for who may.
fn verbs(of: &Overview, visitor: &Visitor) -> Markup {
    let home = at(of.integration.id);
    let (csrf, file) = (visitor.csrf(), of.integration.connector.is_file());
    let on = of.integration.options.enabled;
    let plain = |words, icon| Button { words, icon: Some(icon), ..Button::default() };
    html! {
        @if visitor.may(Permission::RunSync) && on && !file {
            (ui::post_button(csrf, &format!("{home}/sync"), &plain("Sync now", Icon::Sync), &[]))
        }
        @if visitor.may(Permission::ManageIntegrations) {
            @if !file { (ui::link_button(&format!("{home}/test"), &Button { words: "Test connection", ..Button::default() })) }
            (ui::link_button(&format!("{home}/edit"), &plain("Edit", Icon::Pencil)))
            (switch_button(of, visitor, false))
        }
        (ui::link_button(&log_of(of), &Button { words: "Log", weight: Weight::Quiet, ..Button::default() }))
    }
}

/// The button that pauses or resumes.
pub(super) fn switch_button(of: &Overview, visitor: &Visitor, small: bool) -> Markup {
    let on = of.integration.options.enabled;
    let words = if on { "Pause" } else { "Resume" };
    let icon = if on { Icon::Pause } else { Icon::Run };
    let button = Button { words, about: &of.integration.name, icon: Some(icon), small, ..Button::default() };
    let to = format!("{}/switch", at(of.integration.id));
    ui::post_button(visitor.csrf(), &to, &button, &[("on", if on { "no" } else { "yes" })])
}

/// What is said instead of what happened, where that would lead astray.
pub(super) fn what(of: &Overview) -> Option<String> {
    of.is_a_demo_at_rest().then(|| "The console of this demo is not running.".to_owned())
}

/// What is wrong, what it means and what helps; nothing if nothing is.
pub(super) fn trouble(of: &Overview, visitor: &Visitor) -> Markup {
    let (assessment, remedy) = (of.assessment(), of.remedy());
    if assessment.detail.is_empty() {
        return html! {};
    }
    let tone = super::tone(of, Timestamp::default());
    let what = what(of).unwrap_or_else(|| capital(&assessment.detail));
    let then = format!("{} {}", capital(of.meaning()), capital(remedy.words()));
    let to = remedy_at(of).filter(|_| visitor.may(Permission::ManageIntegrations));
    let link = to.as_ref().map(|(verb, to)| (*verb, to.as_str()));
    Flash { tone, what: &what, then: &then, link }.render()
}

/// How far a request for a reading is, or that it is being read; nothing while it rests.
pub(crate) fn progress_bar(of: &Overview, progress: Option<&Progress>, now: Timestamp) -> Markup {
    bar(of, progress, now, &format!("{}/progress", at(of.integration.id)), None)
}

fn bar(of: &Overview, progress: Option<&Progress>, now: Timestamp, poll: &str, within: Option<&str>) -> Markup {
    let asked = progress.filter(|progress| !progress.is_over());
    let id = format!("of-{}", of.integration.id);
    if asked.is_none() && !of.is_being_read(now) {
        if !is_new(of, now) {
            return html! {};
        }
        let label = "The first reading goes on as soon as the worker comes to it";
        return ui::Progress { id: &id, label, done: None, poll: Some(poll), within }.render();
    }
    let (label, done) = match asked {
        Some(progress) => {
            let reading = progress.streams.iter().find(|asked| asked.ended.is_none() && asked.begun.is_some());
            let (done, all) = (progress.done() as u64, progress.streams.len() as u64);
            let what = match reading {
                Some(sync::AskedStream { stream, begun: Some((_, fetched, total)), .. }) => {
                    let total = total.map(|total| format!(" of {}", ui::count(total))).unwrap_or_default();
                    format!(", now {}: {}{total}", stream_label(stream).to_lowercase(), ui::count(*fetched))
                }
                _ if done == 0 => ", waiting for the worker".to_owned(),
                _ => String::new(),
            };
            (format!("Asked for by {}: {done} of {all} collections read{what}", progress.asked_by), Some((done, all)))
        }
        None => {
            let reading =
                of.streams.iter().filter(|stream| stream.lease.as_ref().is_some_and(|(_, until)| *until > now));
            let names: Vec<String> = reading.map(|stream| stream_label(stream.stream.name).to_lowercase()).collect();
            let all = of.streams.iter().filter(|stream| stream.enabled).count() as u64;
            let ended = of.streams.iter().filter(|stream| stream.enabled && stream.status.is_some()).count() as u64;
            // Later it is a handful that is due, of which nobody knows how many.
            match ended < all {
                true => {
                    (format!("Reading {}: {ended} of {all} collections read", names.join(", ")), Some((ended, all)))
                }
                false => (format!("Reading {}", names.join(", ")), None),
            }
        }
    };
    ui::Progress { id: &id, label: &label, done, poll: Some(poll), within }.render()
}

/// Whether it works, is to be read by itself, and what every console has was never read to its end.
pub(super) fn is_first(of: &Overview) -> bool {
    of.integration.options.enabled
        && !of.integration.connector.is_file()
        && of.assessment().detail.is_empty()
        && of.streams.iter().any(|stream| stream.stream.core && stream.complete_at.is_none())
}

/// The one thing that is said of an integration that was just connected: that it works, and what comes next.
fn begun(of: &Overview, bar: &Markup) -> Markup {
    html! {
        section.card.pad.flow aria-labelledby="first" {
            h2 #first { (ui::words::name(&of.integration.name)) " is connected" }
            p {
                "It is now read for the first time, by itself; that takes from a minute to some hours, as the console allows. Next: "
                a #machines href=(to("assets", &rows_of(of))) { "look at its machines" } ", which appear as they are read."
            }
            (bar)
        }
    }
}

/// What people look for in a console.
pub(super) const LOOKED_FOR: [&str; 3] = ["agents", "threats", "activities"];

/// What to look at where nothing of that is here, each question with its answer as it is now; nothing where something is.
fn nothing(seen: &Seen, now: Timestamp) -> Markup {
    let (of, it) = (&seen.of, &seen.of.integration);
    if it.connector.is_file() || seen.ours.iter().any(|(name, count)| LOOKED_FOR.contains(&name.as_str()) && *count > 0)
    {
        return html! {};
    }
    let enabled = || of.streams.iter().filter(|stream| stream.enabled);
    let (whole, all) = (enabled().filter(|stream| stream.complete_at.is_some()).count(), enabled().count());
    let left: u64 = seen.left_out.iter().map(|one| one.records).sum();
    let counts = LOOKED_FOR.iter().map(|name| {
        let stream = of.streams.iter().find(|stream| stream.stream.name == *name);
        let said = match stream {
            Some(stream) if !stream.enabled => "not asked for".to_owned(),
            Some(stream) => stream.counted.map_or_else(|| "not said yet".to_owned(), |(total, _)| ui::count(total)),
            None => "not asked for".to_owned(),
        };
        format!("{}: {said}", stream_label(name))
    });
    let facts = [
        (
            "Is it enabled?",
            if it.options.enabled {
                html! { "Yes" }
            } else {
                html! { "No: it is paused, and resuming it reads it" }
            },
        ),
        (
            "Is the host right?",
            html! { (ui::words::name(&it.console_host)) ". " a href={ (at(it.id)) "/test" } { "Test the connection" } },
        ),
        (
            "Is the first reading over?",
            match whole == all {
                _ if all == 0 => html! { "No: nothing of it is read now" },
                true => html! { "Yes: all " (all) " collections were read to their end" },
                false => {
                    html! { "No: " (whole) " of " (all) " collections were read to their end" @if of.is_being_read(now) { "; it is being read just now" } }
                }
            },
        ),
        (
            "Is it left out by an option?",
            html! { @if left > 0 { a href="#left-out" { (ui::noun(left, "record is", "records are")) } } @else { "Nothing is" } },
        ),
        (
            "What does the token see?",
            html! {
                (it.scope.as_deref().map_or_else(|| ui::absent("not said"), ui::words::name))
                @if let Some(narrowed) = &of.health.narrowed { "; " (ui::words::name(narrowed)) }
            },
        ),
        ("What does the console count?", html! { (counts.collect::<Vec<_>>().join(", ")) }),
    ];
    Card {
        id: "nothing",
        heading: "No agents, threats or activities are here",
        body: ui::facts(&facts),
        ..Card::default()
    }
    .render()
}

/// Whether it is healthy, and something of it that is due was never read.
fn is_new(of: &Overview, now: Timestamp) -> bool {
    let waits = |stream: &StreamStanding| {
        stream.enabled && stream.status.is_none() && matches!(stream.next(now, &of.integration), Next::Now)
    };
    of.integration.options.enabled && of.assessment().detail.is_empty() && of.streams.iter().any(waits)
}

/// `GET /integrations/{id}/progress?shown=..`: what replaces the bar. A page of the integration says what it shows, and gets
/// whatever of that is another by now.
pub(super) async fn progress(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let over = |of: &Overview, then: Markup| {
        let (state, word) = light(of, now);
        html! { p role="status" { (ui::light(state, word)) " " span.muted { "The reading is over. " (then) } } }
    };
    let Some(shown) = asked.opt("shown").map(str::to_owned) else {
        let read = app.store.read(move |tx| {
            let of = found(tx, org, &id, now)?;
            let progress = sync::progress(tx, org, of.integration.id)?;
            Ok::<_, Problem>((of, progress))
        });
        let (of, progress) = read.await?;
        let bar = progress_bar(&of, progress.as_ref(), now);
        let brought = html! { a href=(at(of.integration.id)) { "What it brought" } };
        return Ok(respond::page(if bar.0.is_empty() { over(&of, brought) } else { bar }));
    };
    let seen = app.store.read(move |tx| seen(tx, org, &id, now)).await?;
    let known: Vec<&str> = shown.split(STAMPS).collect();
    let parts = moving(&seen, &visitor, now);
    let is_over = bar(&seen.of, seen.progress.as_ref(), now, "", None).0.is_empty();
    let machines = html! { a #machines href=(to("assets", &rows_of(&seen.of))) { "Look at its machines" } };
    let answer = html! {
        @if is_over { (ui::following(PROGRESS, false, &over(&seen.of, machines))) } @else { (how_far(&seen, &visitor, now)) }
        @for (at, part) in parts.iter().enumerate() {
            @if known.get(at) != Some(&part.stamp.as_str()) { (part.shown(true)) }
        }
        (with_rows(&seen, now, |rows| {
            let rows = rows.anew();
            html! { @if known.get(parts.len()) != Some(&edit::stamp(&[&rows.0]).as_str()) { (rows) } }
        }))
    };
    Ok(respond::page(answer))
}

fn streams(seen: &Seen, now: Timestamp) -> Markup {
    let aside = html! { span.muted { "Here: the records that the console still shows. Its own count is of the last reading of everything." } };
    let body = with_rows(seen, now, |rows| rows.render());
    Card { id: "streams", heading: "What is read", aside, body, flush: true, ..Card::default() }.render()
}

/// The table of its collections, for what is made of it.
fn with_rows<T>(seen: &Seen, now: Timestamp, make: impl FnOnce(&Table<'_>) -> T) -> T {
    let of = &seen.of;
    let labels: Vec<String> = of.streams.iter().map(|stream| stream_label(stream.stream.name)).collect();
    let links: Vec<Option<String>> = of.streams.iter().map(|stream| records_at(stream.stream.name)).collect();
    let notes: Vec<String> = of.streams.iter().map(note).collect();
    let rows = of.streams.iter().zip(&labels).zip(&links).zip(&notes).map(|(((stream, label), link), note)| {
        let ours = seen.ours.iter().find(|(name, _)| name == stream.stream.name).map_or(0, |(_, count)| *count);
        let (state, word) = stream_light(stream, now);
        Row {
            id: stream.stream.name,
            name: label,
            href: link.as_deref().filter(|_| ours > 0),
            below: note,
            cells: vec![
                ui::Cell::new(ui::light(state, word)),
                ui::Cell::number(html! { (ui::count(ours)) }),
                ui::Cell::number(match stream.counted.filter(|_| !stream.stream.is_enrichment()) {
                    Some((total, at)) => html! {
                        (ui::count(total))
                        // A reading of what changed counts nothing: then this number is older than what stands beside it.
                        @if stream.complete_at.is_some_and(|complete| complete > at) { small { (ui::near(at, now)) } }
                    },
                    None => ui::absent("not said"),
                }),
                ui::Cell::new(match stream.complete_at {
                    Some(at) => ui::near(at, now),
                    None => ui::absent("never"),
                }),
                ui::Cell::new(
                    html! { (next(stream, of, now)) span.muted { ", every " (interval_words(stream.interval)) } },
                ),
            ],
            ..Row::default()
        }
    });
    let columns = vec![
        ui::Column::new("Collection"),
        ui::Column::new("State"),
        ui::Column::number("Here"),
        ui::Column::number("Console counts"),
        ui::Column::new("Last complete"),
        ui::Column::new("Next"),
    ];
    let caption = "Collections in the order in which they are read. Times in UTC.";
    make(&Table { caption, columns, rows: rows.collect(), follows: "collections", ..Table::default() })
}

/// A collection's light and word.
pub(super) fn stream_light(stream: &StreamStanding, now: Timestamp) -> (Light, &'static str) {
    let reading = stream.lease.as_ref().is_some_and(|(_, until)| *until > now);
    match stream.status {
        _ if !stream.enabled => (Light::Pause, "Left out"),
        _ if reading => (Light::Run, "Running"),
        None => (Light::Wait, "Waiting"),
        Some(_) if stream.held > 0 => (Light::Warn, "Held"),
        Some(StreamStatus::Complete) if stream.light(now) == Health::Green => (Light::Ok, "Complete"),
        Some(StreamStatus::Complete) => (Light::Warn, "Behind"),
        Some(status) => status_light(status, stream.stream.core),
    }
}

/// The light and word of how a reading ended.
pub(crate) fn status_light(status: StreamStatus, core: bool) -> (Light, &'static str) {
    match status {
        StreamStatus::Complete => (Light::Ok, "Complete"),
        StreamStatus::Incomplete => (Light::Warn, "Incomplete"),
        StreamStatus::NotAvailable if core => (Light::Bad, "Not available"),
        StreamStatus::NotAvailable => (Light::Idle, "Not available"),
        StreamStatus::Unreachable => (Light::Bad, "Unreachable"),
        StreamStatus::AuthenticationFailed => (Light::Bad, "Refused"),
        StreamStatus::PermissionMissing => (Light::Bad, "Not allowed"),
        StreamStatus::NotTried => (Light::Wait, "Not tried"),
        StreamStatus::RateLimited => (Light::Warn, "Slowed"),
    }
}

/// When a collection is read next.
pub(crate) fn next(stream: &StreamStanding, of: &Overview, now: Timestamp) -> Markup {
    match stream.next(now, &of.integration) {
        Next::Never => ui::absent("not by itself"),
        Next::Now => html! { "now" },
        Next::At(at) => ui::near(at, now),
    }
}

/// What else to know of a collection; nothing where all is well.
fn note(stream: &StreamStanding) -> String {
    let mut said: Vec<String> = Vec::new();
    if !stream.enabled {
        said.push(capital(stream.stream.without));
    } else if let Some(reason) = stream.reason.as_deref().filter(|reason| !reason.is_empty()) {
        said.push(capital(reason));
        if stream.status == Some(StreamStatus::NotAvailable) && !stream.stream.without.is_empty() {
            said.push(capital(stream.stream.without));
        }
    }
    if stream.held > 0 {
        said.push(format!("{} vanished at once and are kept.", ui::noun(stream.held, "record", "records")));
    }
    if stream.quarantined > 0 {
        said.push(format!("{} kept aside, not understood.", ui::noun(stream.quarantined, "record", "records")));
    }
    if let Some(history) = &stream.history {
        said.push(format!("Its history is still being read: {} so far.", ui::noun(history.pages, "page", "pages")));
    }
    ui::words::cut(&said.join(" "), 400)
}

fn held(seen: &Seen, visitor: &Visitor) -> Markup {
    let held: Vec<(&str, u64)> =
        seen.of.streams.iter().filter(|of| of.held > 0).map(|of| (of.stream.name, of.held)).collect();
    if held.is_empty() {
        return html! {};
    }
    let to = format!("{}/sync", at(seen.of.integration.id));
    let body = html! {
        @for (stream, count) in &held {
            p {
                b { (ui::noun(*count, "record", "records")) } " of " (stream_label(stream).to_lowercase())
                " vanished from complete readings, more than a tenth at once. They are kept, and count as present, until \
                 you say that they are really gone. Look at the console first."
            }
            @if visitor.may(Permission::ManageIntegrations) && !seen.of.integration.connector.is_file() {
                (ui::post_button(visitor.csrf(), &to, &Button { words: "They are gone", about: stream, weight: Weight::Danger, small: true, ..Button::default() },
                    &[("stream", stream), ("accept", "yes")]))
            }
        }
    };
    Card { id: "held", heading: "Held for your word", body, ..Card::default() }.render()
}

fn left(seen: &Seen) -> Markup {
    if seen.left_out.is_empty() && seen.unknown.is_empty() {
        return html! {};
    }
    let home = at(seen.of.integration.id);
    let rows: Vec<(String, String, &LeftOutCount)> = seen
        .left_out
        .iter()
        .map(|one| (format!("{home}/left-out?option={}", one.option), stream_label(&one.stream), one))
        .collect();
    let table = Table {
        caption: "What options leave out, by option and collection.",
        columns: vec![ui::Column::new("Collection"), ui::Column::number("Records"), ui::Column::new("Why")],
        rows: rows
            .iter()
            .map(|(href, label, one)| Row {
                id: &one.option,
                name: label,
                href: Some(href),
                cells: vec![
                    ui::Cell::number(html! { (ui::count(one.records)) }),
                    ui::Cell::wrap(html! { (capital(sync::options::why(&one.option))) }),
                ],
                ..Row::default()
            })
            .collect(),
        ..Table::default()
    };
    let unknown = html! {
        @for group in &seen.unknown {
            p {
                (ui::light(Light::Warn, "Attention")) " The console has no group " b { (ui::words::name(&group.name)) } "."
                @if let Some(near) = &group.near { " Did you mean " b { (ui::words::name(near)) } "?" }
            }
        }
    };
    let foot =
        html! { span.muted { "Nothing is lost: an option that is taken back brings everything back." } (unknown) };
    Card { id: "left-out", heading: "Left out by options", body: table.render(), flush: true, foot, ..Card::default() }
        .render()
}

/// What is said where its credential was taken from the organization: nothing that the console answers could say it.
fn ungranted(seen: &Seen, visitor: &Visitor) -> Markup {
    if seen.credential.as_deref() != Some("") {
        return html! {};
    }
    let then = format!(
        "{} may no longer use it, so nothing is read. Have its owner grant it again, or give this integration another token.",
        visitor.org_name
    );
    let to = format!("{}/reconnect", at(seen.of.integration.id));
    let link = visitor.may(Permission::ManageIntegrations).then_some(("Choose another", to.as_str()));
    let what = "The credential that it reads with is not granted to this organization any more.";
    Flash { tone: Tone::Bad, what, then: &then, link }.render()
}

fn token(seen: &Seen, visitor: &Visitor, now: Timestamp) -> Markup {
    let of = &seen.of.integration;
    if of.connector.is_file() {
        return html! {};
    }
    let home = at(of.id);
    let facts = [
        (
            "Kept",
            match &seen.credential {
                Some(name) if name.is_empty() => html! { "In a credential that this organization may no longer use" },
                Some(name) => html! { "In the credential " (ui::words::name(name)) },
                None => html! { "With this integration, sealed" },
            },
        ),
        ("Role", of.role.as_deref().map_or_else(|| ui::absent("not said"), ui::words::name)),
        ("Scope", of.scope.as_deref().map_or_else(|| ui::absent("not said"), ui::words::name)),
        ("Ends", token_end(&seen.of, now)),
        ("Console", of.console_version.as_deref().map_or_else(|| ui::absent("not said"), ui::words::name)),
    ];
    let body = html! {
        (ui::facts(&facts))
        @if of.role.as_deref().is_some_and(|role| role != sync::ROLE_ENOUGH) {
            p.small { (ui::light(Light::Warn, "Attention")) " Its role can do more than read. " (sync::ROLE_ENOUGH) " is enough." }
        }
    };
    let by_link = address("/credentials/links/new", &[("integration", &of.id.to_string())]);
    let foot = html! {
        (ui::link_button(
            &format!("{home}/reconnect"),
            &Button { words: "Rotate token", icon: Some(Icon::Key), small: true, ..Button::default() },
        ))
        @if visitor.may(Permission::ManageLinks) {
            (ui::link_button(&by_link, &Button { words: "Ask somebody for a new one", small: true, ..Button::default() }))
        }
    };
    Card { id: "token", heading: "Token", body, foot, ..Card::default() }.render()
}

/// When its token ends, with a badge once that is near.
pub(super) fn token_end(of: &Overview, now: Timestamp) -> Markup {
    let Some(end) = of.integration.token_expires_at else { return ui::absent("the console does not say") };
    match sync::token_warning(&of.integration, now) {
        Some(warning) if warning.days < 0 => ui::badge(Tone::Bad, "has ended"),
        Some(warning) => {
            html! { (ui::badge(Tone::Warn, &format!("in {}", ui::noun(warning.days.unsigned_abs(), "day", "days")))) " " (ui::date(end)) }
        }
        None => ui::date(end),
    }
}

/// The question for what this very integration said.
pub(super) fn rows_of(of: &Overview) -> String {
    format!("integration:=={}", quoted(&of.integration.name))
}

/// Where what it said is in the log, as far back as that page looks. The log knows consoles: what another integration reads of
/// the same one is there too.
fn in_the_log(of: &sync::Integration) -> String {
    address("/signals", &[("q", &format!("console:=={}", quoted(&of.console_host))), ("last", "30d")])
}

fn chosen(seen: &Seen, visitor: &Visitor) -> Markup {
    let options = &seen.of.integration.options;
    let said = choices::settings(options);
    let body = html! {
        p { (choices::rhythm(options)) "." }
        @if said.is_empty() { p.muted { "Everything else is as usual: all is imported." } } @else { p { (capital(&said)) } }
    };
    let its = rows_of(&seen.of);
    let foot = html! {
        a href=(to("findings", &its)) { "Finding view" } a href=(to("assets", &its)) { "Asset view" }
        @if visitor.may(Permission::ReadSignals) { a href=(in_the_log(&seen.of.integration)) { "Its records in the log" } }
        @if let Some(documentation) = catalogue::vendor_at(&seen.of.integration) {
            a href=(documentation) rel="noreferrer" { "Its own API documentation" }
        }
    };
    Card { id: "options", heading: "Options", body, foot, ..Card::default() }.render()
}

fn end(of: &Overview, visitor: &Visitor) -> Markup {
    html! {
        @if visitor.may(Permission::ManageIntegrations) {
            p { a href=(format!("{}/delete", at(of.integration.id))) { "Delete this integration" } }
        }
    }
}

/// `GET /integrations/{id}/left-out?option=..`
pub(super) async fn left_out(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let option = match asked.get("option") {
        "" => None,
        name => Some(sync::options::option_named(name).ok_or_else(|| Problem::missing("option"))?),
    };
    let read = app.store.read(move |tx| {
        let of = found(tx, org, &id, now)?;
        let import = of.integration.options.import.clone();
        let records = sync::left_out(tx, org, of.integration.id, &import, option, LEFT_OUT_MAX)?;
        Ok::<_, Problem>((of, records))
    });
    let (of, records): (Overview, Vec<LeftOutRecord>) = read.await?;
    let rows = records.iter().map(|one| Row {
        id: &one.native_id,
        name: &one.name,
        cells: vec![
            ui::Cell::new(html! { (stream_label(&one.stream)) }),
            ui::Cell::wrap(html! { (capital(sync::options::why(&one.option))) }),
            ui::Cell::new(one.since.map_or_else(|| ui::absent("not left out"), |at| ui::near(at, now))),
        ],
        ..Row::default()
    });
    let full = records.len() as u64 >= u64::from(LEFT_OUT_MAX);
    let table = Table {
        caption: "Records that options leave out. Times in UTC.",
        columns: ["Record", "Collection", "Why", "Since"].map(ui::Column::new).to_vec(),
        instead: records.is_empty().then(|| html! { p.muted { "Nothing is left out." } }),
        rows: rows.collect(),
        ..Table::default()
    };
    let body = html! {
        (table.render())
        @if full { p.muted { "The first " (ui::count(LEFT_OUT_MAX.into())) " are listed; the counts on the integration's page are of all." } }
    };
    let (shell, home) = (visitor.shell(), at(of.integration.id));
    let page = ui::Page {
        crumbs: &[("Integrations", super::HOME), (&of.integration.name, &home)],
        body,
        ..visitor.page(&shell, Place::Integrations, "Left out by options")
    };
    Ok(respond::page(page.render()))
}

/// `POST /integrations/{id}/sync`
pub(super) async fn sync(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (accepts, now) = (sent.get("accept") == "yes", app.world.now());
    let streams: Vec<String> = sent.all("stream").map(str::to_owned).collect();
    let back = sent.get("back").to_owned();
    let of = app.store.write(move |tx| ask_one(tx, &visitor, &id, (streams, false, accepts), now)).await?;
    let to = if back.is_empty() { at(of.id) } else { back };
    let then = "It is read as soon as the worker comes to it.";
    Ok(respond::see_other_saying(&to, Tone::Ok, &format!("{} will be read now.", of.name), then))
}

/// `POST /integrations/{id}/switch`
pub(super) async fn switch(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, now, who) = (visitor.org, app.world.now(), visitor.login.clone());
    let (on, back) = (sent.get("on") == "yes", sent.get("back").to_owned());
    let written = app.store.write(move |tx| {
        let of = found(tx, org, &id, now)?;
        let change = OptionsChange { enabled: Some(on), ..OptionsChange::default() };
        sync::configure(tx, org, &of.integration.name, &change, &who, now).map_err(missing)
    });
    let of = written.await?;
    let (what, then) = match on {
        true => (format!("{} is read again.", of.name), "It goes on where it stopped."),
        false => (format!("{} is paused.", of.name), "Everything that was read is kept, and nothing new is read."),
    };
    let to = if back.is_empty() { at(of.id) } else { back };
    Ok(respond::see_other_saying(&to, Tone::Ok, &what, then))
}

/// What hangs on an integration.
pub(super) struct Hanging {
    of: Overview,
    records: Vec<(String, u64)>,
    links: u64,
    credential: bool,
}

/// Connection links that are looked at for one that belongs to an integration.
const LINKS_LOOKED_AT: u32 = 500;

pub(super) fn hanging(tx: &mut Tx<'_>, org: OrgId, id: &str, now: Timestamp) -> Result<Hanging, Problem> {
    let of = found(tx, org, id, now)?;
    let id = of.integration.id;
    let links = access::links(tx, org, None, LINKS_LOOKED_AT, now)?;
    let links = links.iter().filter(|link| link.integration == Some(id) && link.state.is_live()).count() as u64;
    let mut records = sync::examine::record_counts(tx, org, id)?;
    // What happened stays, whoever told of it.
    let goes = |name: &str| {
        let all = of.integration.connector.streams().iter();
        all.filter(|stream| stream.removal != sync::Removal::Never).any(|stream| stream.name == name)
    };
    records.retain(|(name, count)| *count > 0 && goes(name));
    records.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(Hanging { records, links, credential: of.integration.credential.is_some(), of })
}

/// `GET /integrations/{id}/delete`
pub(super) async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let hanging = app.store.read(move |tx| hanging(tx, org, &id, now)).await?;
    Ok(respond::page(delete_page(&visitor, &hanging, None)))
}

fn delete_page(visitor: &Visitor, hanging: &Hanging, wrong: Option<&str>) -> Markup {
    let of = &hanging.of.integration;
    let home = at(of.id);
    let total: u64 = hanging.records.iter().map(|(_, count)| count).sum();
    let field = ui::Field {
        name: "confirm",
        label: "The integration's name",
        help: "Type it as it stands above.",
        error: wrong,
        required: true,
        kind: ui::Kind::Text(""),
    };
    let form = html! {
        div.flow {
            (field.render())
            div.line {
                (ui::link_button(&home, &Button { words: "Keep it", ..Button::default() }))
                (ui::button(&Button { words: "Delete", about: &of.name, weight: Weight::Danger, ..Button::default() }))
            }
        }
    };
    let body = html! {
        div.flow {
            p { "What hangs on it, and what becomes of that:" }
            ul.listed {
                @for (stream, count) in &hanging.records {
                    li { (stream_label(stream)) ": " b { (ui::count(*count)) } }
                }
            }
            p {
                @if total > 0 { "They are retired: assets that only this integration knew count as gone, those that another source knows stay, and nothing is kept apart any more by what it said. " }
                "The log, the history and what happened stay, with the integration's id."
            }
            p {
                @if hanging.credential { "Its credential stays, for whatever else uses it." }
                @else { "Its token is destroyed here; revoke it in the console too." }
                @if hanging.links > 0 { " " (ui::noun(hanging.links, "connection link leads", "connection links lead")) " to it and will lead nowhere." }
            }
            p { "To stop reading and keep everything, " a href=(home) { "pause it" } " instead." }
            (ui::post(visitor.csrf(), &format!("{home}/delete"), &form))
        }
    };
    let shell = visitor.shell();
    let title = format!("Delete {}?", of.name);
    let page = ui::Page {
        crumbs: &[("Integrations", super::HOME), (&of.name, &home)],
        layout: ui::Layout::Narrow,
        body,
        ..visitor.page(&shell, Place::Integrations, &title)
    };
    page.render()
}

/// `POST /integrations/{id}/delete`
pub(super) async fn delete_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let hanging = app.store.read(move |tx| hanging(tx, org, &id, now)).await?;
    let of = &hanging.of.integration;
    let typed = sent.get("confirm").trim();
    if typed != of.name {
        let typed: String = typed.chars().take(80).collect();
        let wrong = format!("Enter {}; you entered {}.", of.name, if typed.is_empty() { "nothing" } else { &typed });
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, respond::page(delete_page(&visitor, &hanging, Some(&wrong))))
            .into_response());
    }
    let removed = sync::remove(place(&app, &visitor), of.id).await.map_err(missing)?;
    let then =
        format!("{} retired. The log and the history stay.", ui::noun(removed.records, "record was", "records were"));
    Ok(respond::see_other_saying(super::HOME, Tone::Ok, &format!("{} is deleted.", of.name), &then))
}
