//! The page.

use std::sync::Arc;

use access::Permission;
use axum::extract::State;
use axum::response::Response;
use inventory::correlate::review;
use kernel::{OrgId, Timestamp};
use store::Tx;
use sync::{FirstReading, Integration, Overview};
use ui::{
    Button, Card, Fill, Histogram, Icon, Light, Line, Markup, Part, Place, Row, Slot, Table, Tally, Task, Tile, Weight,
    html,
};

use crate::inventories::{count, to};
use crate::past::{ByDay, by_day};
use crate::problem::capital;
use crate::{App, Problem, Visitor, integrations, respond};

/// Every asset that a source has now.
const ALL: &str = "removed:f";
/// Those that have an agent, and in which it finds nothing: the protected and the silent ones together. History knows as much,
/// and not when an agent was last in touch.
const GUARDED: &str = "removed:f and edr.name:SentinelOne and infected:f";
/// Those in which an agent finds something.
const INFECTED: &str = "removed:f and infected:t";

/// The part whose agents are in touch and find nothing; some of them stop nothing either.
const PROTECTED: &str = "Protected";

/// A part of the tally. The parts have nothing in common, and the rest is named apart.
struct PartOf {
    label: &'static str,
    question: String,
    fill: Fill,
    note: String,
    count: u64,
}

/// The parts, where an agent is silent that was not in touch for longer than `age`.
fn parts(age: &str) -> [PartOf; 5] {
    let part = |label, question: String, fill| PartOf { label, question, fill, note: String::new(), count: 0 };
    let protected = format!("{GUARDED} and last_seen:<{age}");
    let silent = part("Silent", format!("{GUARDED} and not last_seen:<{age}"), Fill::Warn);
    [
        part(PROTECTED, protected, Fill::Ok),
        PartOf { note: format!("not in touch for over {age}"), ..silent },
        part("Infected", INFECTED.to_owned(), Fill::Bad),
        part(
            "Agent is gone",
            "removed:f and has:agent.state and not edr.name:SentinelOne and infected:f".to_owned(),
            Fill::WarnHatch,
        ),
        part("No agent", "removed:f and no:agent.state".to_owned(), Fill::Hatch),
    ]
}

/// How many agents of a part stop nothing of what they find; nothing if none does so.
fn only_report(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => "1 of them only reports".to_owned(),
        more => format!("{} of them only report", ui::count(more)),
    }
}

/// So long an agent may be out of touch before it is silent, unless the organization says otherwise.
const SILENT_AFTER: &str = "14d";
/// The saved query that says it, and its parameter.
const STALE: (&str, &str) = ("stale-agents", "age");

/// So long an agent may be out of touch before it is silent: as the saved query of such agents has it here.
fn silent_after(tx: &mut Tx<'_>, org: OrgId) -> Result<String, Problem> {
    let saved = inventory::saved::saved_query(tx, org, STALE.0)?;
    let age = saved.parameters.into_iter().find(|parameter| parameter.name == STALE.1);
    Ok(age.and_then(|age| age.default).unwrap_or_else(|| SILENT_AFTER.to_owned()))
}

/// The tiles: label, inventory, question, and the question whose answer it is a part of with the words for that.
const TILES: [(&str, &str, &str, (&str, &str)); 4] = [
    ("Assets", "assets", ALL, ("removed:f and created_at:<7d", "new in 7 days")),
    ("Open findings", "findings", "not status:resolved", ("not status:resolved and result:fail", "of them fail")),
    (
        "Critical vulnerabilities",
        "vulnerabilities",
        "severity:critical",
        ("severity:critical and detected_at:<7d", "found in 7 days"),
    ),
    ("Software", "software", "removed:f", ("removed:f and installed_at:<7d", "installed in 7 days")),
];

/// What changed: label, inventory, and the questions for a day and for a week.
const CHANGED: [(&str, &str, [&str; 2]); 5] = [
    ("New assets", "assets", ["created_at:<1d", "created_at:<7d"]),
    ("Assets that no source has any more", "assets", ["retired_at:<1d", "retired_at:<7d"]),
    ("New findings", "findings", ["identified_at:<1d", "identified_at:<7d"]),
    ("Agents that registered", "assets", ["agent.registered_at:<1d", "agent.registered_at:<7d"]),
    ("Policies changed at the console", "policies", ["updated_at:<1d", "updated_at:<7d"]),
];

/// Days whose findings are drawn.
const DAYS: i64 = 30;

/// A day's findings: how many, and how many of them are not resolved.
struct Day {
    date: String,
    all: u64,
    open: u64,
}

/// What is counted, all of it at one moment.
pub(crate) struct Counts {
    at: Timestamp,
    days: Vec<Day>,
    parts: [PartOf; 5],
    /// When the first record was read that is known.
    first_read: Option<Timestamp>,
    assets: u64,
    tiles: Vec<(u64, u64)>,
    changed: Vec<[u64; 2]>,
    infected: u64,
    strayed: u64,
    /// Questions about which records are one machine.
    questions: u64,
    guarded: ByDay,
    all: ByDay,
    past: Vec<Vec<f64>>,
}

impl Counts {
    /// Rows of the tiles' inventories.
    pub(crate) fn rows(&self) -> u64 {
        self.tiles.iter().map(|(figure, _)| figure).sum()
    }

    /// When everything was read first, if that is within the age that a question asks of what Muster made: then nothing of
    /// it is new, and it was only not read before.
    fn first_read_within(&self, question: &str) -> Option<Timestamp> {
        let (_, age) = question.split_once("created_at:<")?;
        let days: i64 = age.strip_suffix('d')?.parse().ok()?;
        self.first_read.filter(|first| self.at.seconds_since(*first) < days * 86_400)
    }
}

async fn counted(app: App, org: OrgId) -> Result<Counts, Problem> {
    let now = app.world.now();
    let read = app.store.read(move |tx| {
        let mut parts = parts(&silent_after(tx, org)?);
        let first_read = inventory::ask::first_reading(tx, org)?;
        let mut counted = |inventory: &str, question: &str| count(tx, org, inventory, question, now);
        for part in &mut parts {
            part.count = counted("assets", &part.question)?;
            if part.label == PROTECTED {
                let only = counted("assets", &format!("{} and mitigation_mode:detect", part.question))?;
                part.note = only_report(only);
            }
        }
        let tiles = TILES
            .iter()
            .map(|(_, inventory, question, (part, _))| Ok((counted(inventory, question)?, counted(inventory, part)?)));
        let tiles: Vec<(u64, u64)> = tiles.collect::<Result<_, Problem>>()?;
        let changed =
            CHANGED.iter().map(|(_, inventory, [day, week])| Ok([counted(inventory, day)?, counted(inventory, week)?]));
        let changed = changed.collect::<Result<_, Problem>>()?;
        // The first tile asks for all of them.
        let assets = tiles.first().map_or(0, |(assets, _)| *assets);
        let strayed = counted("assets", crate::policies::STRAYED)?;
        let infected: u64 = parts.iter().filter(|part| part.question == INFECTED).map(|part| part.count).sum();
        let days = days(tx, org, now)?;
        let questions = review::count(tx, org)?;
        let (guarded, all, past) = (ByDay::new(), ByDay::new(), Vec::new());
        Ok::<_, Problem>(Counts {
            at: now,
            days,
            parts,
            first_read,
            assets,
            tiles,
            changed,
            infected,
            strayed,
            questions,
            guarded,
            all,
            past,
        })
    });
    let mut counts = read.await?;
    if counts.assets > 0 {
        counts.guarded = by_day(&app, org, ("assets", GUARDED), now).await;
        counts.all = by_day(&app, org, ("assets", ALL), now).await;
    }
    for ((_, inventory, question, _), (figure, _)) in TILES.iter().zip(&counts.tiles) {
        let days = if counts.assets == 0 { ByDay::new() } else { by_day(&app, org, (inventory, question), now).await };
        counts.past.push(crate::past::line(&days, *figure));
    }
    Ok(counts)
}

struct Seen {
    counts: Arc<Counts>,
    known: Vec<Overview>,
}

impl Seen {
    /// Sources that joined within [`JOINED_DAYS`] those that were there: all that they know counts as new.
    fn joined(&self) -> Vec<&Integration> {
        let since = self.counts.at.plus_seconds(-JOINED_DAYS * 86_400);
        let before = self.counts.first_read.is_some_and(|first| first < since);
        let all = self.known.iter().map(|of| &of.integration);
        all.filter(|of| before && of.created_at >= since).collect()
    }
}

/// The longest age that a question here asks of what Muster made.
const JOINED_DAYS: i64 = 7;

/// `GET /`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let again = app.clone();
    let counts = app.counts.get(&app.world, &org, move || counted(again.clone(), org)).await?;
    let known = app.store.read(move |tx| sync::overviews(tx, org, now)).await?;
    let seen = Seen { counts, known };
    let shell = visitor.shell();
    let manages = visitor.may(Permission::ManageIntegrations);
    if seen.known.is_empty() && seen.counts.tiles.iter().all(|(figure, _)| *figure == 0) {
        return Ok(respond::page(empty(&visitor)));
    }
    let body = html! {
        (coverage(&seen.counts))
        div.cols { (needs(&seen, manages, now)) (sources(&seen, now)) }
        (amounts(&seen))
        div.halves { (trend(&seen.counts)) (findings(&seen.counts).render()) }
        (changed(&seen))
    };
    let first: Vec<FirstReading> = seen.known.iter().filter_map(|of| of.first_reading(now)).collect();
    let lead = html! {
        "As of " (ui::moment(seen.counts.at)) " UTC, read from " (ui::noun(seen.known.len() as u64, "source", "sources"))
        @if first.is_empty() { "." } @else { ". Counts are so far: " (integrations::first_readings(&first, &visitor)) }
    };
    let page = ui::Page { lead, body, ..visitor.page(&shell, Place::Overview, "Overview") };
    Ok(respond::page(page.render()))
}

/// The page before anything is connected: zeros would say nothing, and the one thing to do is elsewhere.
fn empty(visitor: &Visitor) -> Markup {
    let may = visitor.may(Permission::ManageIntegrations);
    let why = html! {
        "Once a console is read, this page accounts for every machine that it knows, and says what needs you. "
        @if may { "A list in a file or a scan of a network makes a beginning too: " a href="/integrations#catalogue" { "all that can be read" } "." }
        @else { "Who manages integrations here connects one." }
    };
    let link = may.then_some(("Connect SentinelOne", "/integrations/connect"));
    let body = ui::Empty { heading: "No source is connected yet", why, link }.render();
    let connect = Button { words: "Connect", icon: Some(Icon::Plus), weight: Weight::Main, ..Button::default() };
    let shell = visitor.shell();
    let page = ui::Page {
        actions: html! { @if may { (ui::link_button("/integrations/connect", &connect)) } },
        body: html! { section.card { (body) } },
        ..visitor.page(&shell, Place::Overview, "Overview")
    };
    page.render()
}

/// Something that needs a person, with words of its own.
struct Need {
    state: (Light, &'static str),
    what: String,
    means: String,
    verb: &'static str,
    href: String,
}

/// What an integration needs. Who may not manage integrations is led to its page, not to a form that is not theirs.
fn troubled(of: &Overview, manages: bool, now: Timestamp) -> Option<Need> {
    let name = &of.integration.name;
    if !of.integration.options.enabled {
        return None;
    }
    let home = integrations::at(of.integration.id);
    let mine = |(verb, href): (&'static str, String)| if manages { (verb, href) } else { ("See it", home.clone()) };
    let (verb, href) = mine(integrations::remedy_at(of).unwrap_or(("See it", home.clone())));
    let assessment = of.assessment();
    if !assessment.detail.is_empty() && of.next_step() != "nothing to do" {
        let (light, word) = integrations::light(of, now);
        if of.is_a_demo_at_rest() {
            return None;
        }
        return Some(Need {
            state: (light, word),
            what: format!("{name}: {}", word.to_lowercase()),
            means: format!("{} {}", capital(of.meaning()), capital(of.remedy().words())),
            verb,
            href,
        });
    }
    let warning = sync::token_warning(&of.integration, now)?;
    let (verb, href) = mine(("Rotate token", format!("{home}/reconnect")));
    Some(Need {
        state: (Light::Warn, "Attention"),
        what: capital(&warning.in_words(name)).trim_end_matches('.').to_owned(),
        means: "The old token keeps working until the new one has worked.".to_owned(),
        verb,
        href,
    })
}

/// All that needs somebody, the worst first.
fn wanted(seen: &Seen, manages: bool, now: Timestamp) -> Vec<Need> {
    let mut all: Vec<Need> = seen.known.iter().filter_map(|of| troubled(of, manages, now)).collect();
    if seen.counts.infected > 0 {
        all.push(Need {
            state: (Light::Bad, "Infected"),
            what: format!("{} infected", ui::noun(seen.counts.infected, "machine is", "machines are")),
            means: "Its agent says so now, and a threat on it is not dealt with.".to_owned(),
            verb: "See which",
            href: to("assets", "removed:f and infected:t"),
        });
    }
    if seen.counts.strayed > 0 {
        all.push(Need {
            state: (Light::Warn, "Drift"),
            what: format!(
                "{} although their policy says Protect",
                ui::noun(seen.counts.strayed, "agent only reports", "agents only report")
            ),
            means: "What they find is not stopped.".to_owned(),
            verb: "See drift",
            href: "/policies/tree".to_owned(),
        });
    }
    if seen.counts.questions > 0 {
        all.push(Need {
            state: (Light::Idle, "Open question"),
            what: format!(
                "{} open about which records are one machine",
                ui::noun(seen.counts.questions, "question is", "questions are")
            ),
            means: "Nothing is merged, because the evidence is short of a rule.".to_owned(),
            verb: "Answer",
            href: crate::assets::questions::HOME.to_owned(),
        });
    }
    all.sort_by_key(|need| match need.state.0 {
        Light::Bad => 0,
        Light::Warn => 1,
        _ => 2,
    });
    all
}

fn needs(seen: &Seen, manages: bool, now: Timestamp) -> Markup {
    let wanted = wanted(seen, manages, now);
    let tasks: Vec<Task<'_>> = wanted
        .iter()
        .enumerate()
        .map(|(at, need)| Task {
            state: need.state,
            what: &need.what,
            means: &need.means,
            verb: need.verb,
            href: &need.href,
            main: at == 0 && matches!(need.state.0, Light::Bad),
        })
        .collect();
    let body = html! {
        @if seen.known.is_empty() {
            div.body.flow {
                p { "No source is connected any more, so nothing here changes." }
                p { a href="/integrations" { "Connect a source" } }
            }
        } @else if tasks.is_empty() {
            div.body { p { (ui::light(Light::Ok, "Nothing needs you")) } }
        } @else { (ui::todo(&tasks)) }
    };
    let aside = html! { @if !tasks.is_empty() { span.muted { (ui::count(tasks.len() as u64)) } } };
    Card { id: "needs", heading: "What needs you", aside, body, flush: true, ..Card::default() }.render()
}

fn coverage(counts: &Counts) -> Markup {
    let hrefs: Vec<String> = counts.parts.iter().map(|part| to("assets", &part.question)).collect();
    let parts = counts.parts.iter().zip(&hrefs).map(|(part, href)| Part {
        label: part.label,
        count: part.count,
        fill: part.fill,
        href: Some(href),
        note: &part.note,
    });
    let mut parts: Vec<Part<'_>> = parts.collect();
    // Whatever is none of these is said, so that the parts add up.
    let rest = counts.assets.saturating_sub(counts.parts.iter().map(|part| part.count).sum());
    if rest > 0 {
        parts.push(Part { label: "Not said", count: rest, fill: Fill::Idle, href: None, note: "" });
    }
    let tally = Tally { noun: "assets", parts };
    let aside = html! {
        span.muted { a href=(to("assets", ALL)) { (ui::noun(counts.assets, "asset", "assets")) } " that a source has now" }
    };
    let body = tally.render();
    Card { id: "coverage", heading: "Every asset accounted for", aside, body, ..Card::default() }.render()
}

/// The share of assets with an agent that finds nothing, day by day, as history knows it, and now.
fn trend(counts: &Counts) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "a share on a screen")]
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 * 100.0 / whole as f64);
    let mut points: Vec<(Timestamp, Option<f64>)> = counts
        .guarded
        .iter()
        .zip(&counts.all)
        .map(|((at, part), (_, whole))| (*at, part.zip(*whole).and_then(|(part, whole)| share(part, whole))))
        .collect();
    let heading = "With an agent and not infected, day by day";
    if points.iter().all(|(_, share)| share.is_none()) {
        return crate::past::begins("trend", heading);
    }
    let guarded: u64 =
        counts.parts.iter().filter(|part| part.question.starts_with(GUARDED)).map(|part| part.count).sum();
    points.push((counts.at, share(guarded, counts.assets)));
    Line {
        id: "trend",
        heading,
        says: "Share of the assets that a source had at the end of each day, and now; agents that are silent included.",
        unit: " %",
        points,
        second: None,
        marks: Vec::new(),
        from_zero: false,
    }
    .render()
}

/// Findings by the day on which the console identified them; a day without any is a day that was counted.
fn days(tx: &mut Tx<'_>, org: OrgId, now: Timestamp) -> Result<Vec<Day>, Problem> {
    let dates = (0..DAYS).rev().map(|back| {
        let text = now.plus_seconds(-back * 86_400).to_string();
        text.get(..10).unwrap_or_default().to_owned()
    });
    // Most days have none, and one count tells so for all.
    let any = count(tx, org, "findings", &format!("identified_at:<{DAYS}d"), now)? > 0;
    dates
        .map(|date| {
            let mut counted = |question: &str| if any { count(tx, org, "findings", question, now) } else { Ok(0) };
            let all = counted(&on(&date))?;
            let open = if all > 0 { counted(&format!("{} and not status:resolved", on(&date)))? } else { 0 };
            Ok(Day { date, all, open })
        })
        .collect()
}

fn on(date: &str) -> String {
    format!("identified_at:{date}")
}

fn findings<'a>(counts: &Counts) -> Histogram<'a> {
    let slots = counts.days.iter().map(|day| Slot {
        label: day.date.clone(),
        count: Some(day.all),
        bad: day.open,
        href: (day.all > 0).then(|| to("findings", &on(&day.date))),
    });
    Histogram {
        id: "findings",
        heading: "Findings by day",
        says: "By the day on which the console identified them, UTC.",
        noun: ("finding", "findings"),
        bad: "not resolved",
        rest: "resolved",
        slots: slots.collect(),
    }
}

fn amounts(seen: &Seen) -> Markup {
    let counts = &seen.counts;
    let since = match seen.joined().len() as u64 {
        0 => String::new(),
        joined => format!(", since {} joined", ui::noun(joined, "source", "sources")),
    };
    let hrefs: Vec<String> = TILES.iter().map(|(_, inventory, question, _)| to(inventory, question)).collect();
    let parts: Vec<(String, String)> = TILES
        .iter()
        .zip(&counts.tiles)
        .map(|((_, inventory, _, (part, words)), (_, count))| match counts.first_read_within(part) {
            Some(first) => (format!("first read on {}", ui::words::day(first)), String::new()),
            None => {
                let since = if part.contains("created_at") { since.as_str() } else { "" };
                (format!("{} {words}{since}", ui::count(*count)), to(inventory, part))
            }
        })
        .collect();
    let tiles = TILES.iter().zip(&counts.tiles).zip(hrefs.iter().zip(&parts)).zip(&counts.past).map(
        |((((label, ..), (figure, part)), (href, (of, of_href))), past)| Tile {
            label,
            figure: *figure,
            of,
            of_href: (*part > 0 && !of_href.is_empty()).then_some(of_href.as_str()),
            href: Some(href),
            past,
            fill: Fill::One,
        },
    );
    let tiles: Vec<Tile<'_>> = tiles.collect();
    html! { section aria-labelledby="amounts" { h2.sr #amounts { "What there is" } (ui::tiles(&tiles)) } }
}

fn changed(seen: &Seen) -> Markup {
    let counts = &seen.counts;
    let joined = seen.joined();
    let foot = html! {
        @if !joined.is_empty() {
            span.muted {
                @for (at, of) in joined.iter().enumerate() {
                    @if at > 0 { ", " }
                    a href=(integrations::at(of.id)) { (ui::words::name(&of.name)) } " joined on " (ui::words::day(of.created_at))
                }
                ": all that a source tells first counts as new."
            }
        }
    };
    let rows = CHANGED.iter().zip(&counts.changed).map(|((label, inventory, questions), found)| Row {
        id: label,
        name: label,
        cells: questions
            .iter()
            .zip(found)
            .map(|(question, count)| {
                ui::Cell::number(html! {
                    @if counts.first_read_within(question).is_some() { (ui::absent("first read then")) }
                    @else if *count > 0 { a href=(to(inventory, question)) { (ui::count(*count)) } } @else { "0" }
                })
            })
            .collect(),
        ..Row::default()
    });
    let table = Table {
        caption: "What changed within a day and within seven days.",
        columns: vec![ui::Column::new("What"), ui::Column::number("Last 24 hours"), ui::Column::number("Last 7 days")],
        rows: rows.collect(),
        ..Table::default()
    };
    let aside = html! { a.end href="/signals" { "Whole log" } };
    Card { id: "changed", heading: "What changed", aside, body: table.render(), foot, flush: true }.render()
}

fn sources(seen: &Seen, now: Timestamp) -> Markup {
    let hrefs: Vec<String> = seen.known.iter().map(|of| integrations::at(of.integration.id)).collect();
    let rows = seen.known.iter().zip(&hrefs).map(|(of, href)| {
        let (state, word) = integrations::light(of, now);
        let read = of.streams.iter().filter_map(|stream| stream.complete_at).max();
        Row {
            id: &of.integration.name,
            name: &of.integration.name,
            icon: Some((integrations::icon_of(of.integration.connector), "Connector")),
            href: Some(href),
            cells: vec![
                ui::Cell::new(ui::light(state, word)),
                ui::Cell::number(match read {
                    Some(at) => ui::near(at, now),
                    None => ui::absent("never read"),
                }),
            ],
            ..Row::default()
        }
    });
    let table = Table {
        caption: "Integrations and how each fares. Times in UTC.",
        columns: vec![ui::Column::new("Source"), ui::Column::new("State"), ui::Column::number("Last complete")],
        rows: rows.collect(),
        instead: seen.known.is_empty().then(|| html! { p.muted { "None yet." } }),
        ..Table::default()
    };
    let aside = html! { a.end href=(integrations::HOME) { "All integrations" } };
    Card { id: "sources", heading: "Sources", aside, body: table.render(), flush: true, ..Card::default() }.render()
}
