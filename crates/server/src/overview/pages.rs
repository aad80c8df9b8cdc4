//! The page.

use axum::extract::State;
use axum::response::Response;
use kernel::{OrgId, Timestamp};
use store::Tx;
use sync::Overview;
use sync::health::Light as Health;
use ui::{Card, Fill, Histogram, Light, Markup, Part, Place, Row, Slot, Table, Tally, Task, Tile, html};

use crate::inventories::{count, to};
use crate::problem::capital;
use crate::{App, Problem, Visitor, respond};

/// The parts of the tally: label, question, and how it looks. They have nothing in common, and the rest is named apart.
const PARTS: [(&str, &str, Fill); 3] = [
    ("Protected", "removed:f and has:agent.state and infected:f", Fill::Ok),
    ("Infected", "removed:f and infected:t", Fill::Bad),
    ("No agent", "removed:f and no:agent.state", Fill::Hatch),
];

/// The tiles: label, inventory and question.
const TILES: [(&str, &str, &str); 4] = [
    ("Assets", "assets", "removed:f"),
    ("Open findings", "findings", "not status:resolved"),
    ("Critical vulnerabilities", "vulnerabilities", "severity:critical"),
    ("Software", "software", ""),
];

/// Days whose findings are drawn.
const DAYS: i64 = 30;

/// A day's findings: how many, and how many of them are not resolved.
struct Day {
    date: String,
    all: u64,
    open: u64,
}

struct Seen {
    days: Vec<Day>,
    parts: Vec<u64>,
    assets: u64,
    tiles: Vec<u64>,
    known: Vec<Overview>,
}

/// `GET /`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let seen = app.store.read(move |tx| {
        let mut counted = |inventory: &str, question: &str| count(tx, org, inventory, question, now);
        let parts = PARTS.iter().map(|(_, question, _)| counted("assets", question)).collect::<Result<_, Problem>>()?;
        let tiles = TILES.iter().map(|(_, inventory, question)| counted(inventory, question));
        let tiles = tiles.collect::<Result<_, Problem>>()?;
        let assets = counted("assets", "removed:f")?;
        let days = days(tx, org, now)?;
        Ok::<_, Problem>(Seen { days, parts, assets, tiles, known: sync::overviews(tx, org, now)? })
    });
    let seen = seen.await?;
    let shell = visitor.shell();
    let body = html! {
        (needs(&seen))
        (coverage(&seen))
        (amounts(&seen))
        (findings(&seen).render())
        (sources(&seen, now))
    };
    let lead = html! { "As of " (ui::clock(now)) " UTC." };
    let page = ui::Page { lead, body, ..visitor.page(&shell, Place::Overview, "Overview") };
    Ok(respond::page(page.render()))
}

fn needs(seen: &Seen) -> Markup {
    let troubled: Vec<(&Overview, String, String)> = seen
        .known
        .iter()
        .filter(|of| !of.next_step().is_empty() && of.integration.options.enabled && of.next_step() != "nothing to do")
        .map(|of| {
            let state = of.assessment().state.word().replace('_', " ");
            (
                of,
                format!("{} is {state}", of.integration.name),
                format!("{} {}", capital(of.meaning()), capital(&of.next_step())),
            )
        })
        .collect();
    let tasks: Vec<Task<'_>> = troubled
        .iter()
        .map(|(of, what, means)| Task {
            state: light(of.light(Timestamp::default())),
            what,
            means,
            verb: "See it",
            href: "#sources",
            main: false,
        })
        .collect();
    let body = html! {
        @if seen.known.is_empty() {
            p { "No source is connected yet, so there is nothing to look at." }
        } @else if tasks.is_empty() {
            p { (ui::light(Light::Ok, "Nothing needs you")) }
        } @else { (ui::todo(&tasks)) }
    };
    ui::section("needs", "What needs you", "", &body)
}

fn coverage(seen: &Seen) -> Markup {
    let hrefs: Vec<String> = PARTS.iter().map(|(_, question, _)| to("assets", question)).collect();
    let parts = PARTS.iter().zip(&seen.parts).zip(&hrefs).map(|(((label, _, fill), count), href)| Part {
        label,
        count: *count,
        fill: *fill,
        href: Some(href),
        note: "",
    });
    let mut parts: Vec<Part<'_>> = parts.collect();
    // Whatever is none of these is said, so that the parts add up.
    let rest = seen.assets.saturating_sub(seen.parts.iter().sum());
    if rest > 0 {
        parts.push(Part { label: "Not said", count: rest, fill: Fill::Idle, href: None, note: "" });
    }
    let tally = Tally { noun: "assets", parts };
    ui::section("coverage", "Protection", "Every asset that a source has now.", &tally.render())
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

fn findings<'a>(seen: &Seen) -> Histogram<'a> {
    let slots = seen.days.iter().map(|day| Slot {
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
        slots: slots.collect(),
    }
}

fn amounts(seen: &Seen) -> Markup {
    let hrefs: Vec<String> = TILES.iter().map(|(_, inventory, question)| to(inventory, question)).collect();
    let tiles = TILES.iter().zip(&seen.tiles).zip(&hrefs).map(|(((label, ..), figure), href)| Tile {
        label,
        figure: *figure,
        of: "",
        href: Some(href),
        past: &[],
        fill: Fill::One,
    });
    let tiles: Vec<Tile<'_>> = tiles.collect();
    ui::section("amounts", "What there is", "", &ui::tiles(&tiles))
}

fn sources(seen: &Seen, now: Timestamp) -> Markup {
    let rows = seen.known.iter().map(|of| {
        let (state, word) = light(of.light(now));
        let read = of.streams.iter().filter_map(|stream| stream.complete_at).max();
        Row {
            id: &of.integration.name,
            name: &of.integration.name,
            cells: vec![
                ui::Cell::new(ui::light(state, word)),
                ui::Cell::text(&of.integration.console_host),
                ui::Cell::new(match read {
                    Some(at) => ui::near(at, now),
                    None => ui::absent("never read"),
                }),
                ui::Cell::wrap(html! { (capital(of.meaning())) }),
            ],
            ..Row::default()
        }
    });
    let columns = ["Integration", "State", "Host", "Last complete", "What it means"].map(ui::Column::new).to_vec();
    let instead = seen.known.is_empty().then(|| html! { p.muted { "None yet." } });
    let table = Table {
        caption: "Integrations and how each fares.",
        columns,
        rows: rows.collect(),
        instead,
        ..Table::default()
    };
    Card { id: "sources", heading: "Sources", body: table.render(), flush: true, ..Card::default() }.render()
}

/// How an integration fares, as a light and its word.
fn light(health: Health) -> (Light, &'static str) {
    match health {
        Health::Green => (Light::Ok, "Healthy"),
        Health::Amber => (Light::Warn, "Needs a look"),
        Health::Red => (Light::Bad, "Failed"),
        Health::Grey => (Light::Pause, "Paused"),
    }
}
