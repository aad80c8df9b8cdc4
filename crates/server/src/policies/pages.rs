//! The tree's page.

use axum::extract::State;
use axum::response::Response;
use kernel::Timestamp;
use ui::{Card, Empty, Light, Line, Markup, Node, Place, Task, Tone, html};

use super::{LEVELS_MAX, Level, Policy, STRAYED, load};
use crate::inventories::to;
use crate::past::ByDay;
use crate::{App, Problem, Visitor, respond};

/// Levels below this one are closed at first.
const OPEN_DEPTH: usize = 1;

/// `GET /policies/tree`
pub(super) async fn tree(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let tree = app.store.read(move |tx| load(tx, org, now)).await?;
    let before =
        if tree.roots.is_empty() { Vec::new() } else { crate::past::by_day(&app, org, ("assets", STRAYED), now).await };
    let shell = visitor.shell();
    let said: Vec<Said> = tree.roots.iter().map(Said::of).collect();
    let nodes: Vec<Node<'_>> = said.iter().map(|said| said.node(0)).collect();
    let strayed = ui::noun(tree.strayed, "agent only reports", "agents only report");
    let what = format!("{strayed} although their policy says Protect");
    let list = to("assets", STRAYED);
    let body = html! {
        (crate::inventories::family(Place::Policies, "/policies/tree"))
        @if tree.strayed > 0 {
            (Card {
                id: "drift",
                heading: "Drift",
                body: ui::todo(&[Task {
                    state: (Light::Warn, "Drift:"),
                    what: &what,
                    means: "What they find is not stopped. The agent's own mode, as it says itself, differs from its group's policy.",
                    verb: "See them",
                    href: &list,
                    main: false,
                }]),
                flush: true,
                ..Card::default()
            }.render())
        }
        @if nodes.is_empty() {
            (Empty {
                heading: "No accounts, sites or groups yet",
                why: html! { "They come with the first reading of a console whose token may see them." },
                link: Some(("Integrations", "/integrations")),
            }.render())
        } @else {
            (Card { id: "levels", heading: "Who obeys what", body: ui::tree(&nodes), ..Card::default() }.render())
        }
        @if !before.is_empty() { (drift(&before, tree.strayed, now)) }
        @if tree.more {
            p.muted { "More than " (ui::count(LEVELS_MAX as u64)) " levels of one kind: the lists have the rest." }
        }
    };
    let lead = html! { "Each level of the console with the policy that its agents obey. A level without settings of its own takes those above." };
    let page = visitor.page(&shell, Place::Policies, "Policies by level");
    Ok(respond::page(ui::Page { crumbs: &[("Policies", "/policies")], lead, body, ..page }.render()))
}

/// How many agents strayed at the end of each day, and now.
fn drift(before: &ByDay, strayed: u64, now: Timestamp) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "a height on a screen")]
    let height = |count: u64| count as f64;
    let mut points: Vec<(Timestamp, Option<f64>)> = before.iter().map(|(at, count)| (*at, count.map(height))).collect();
    let heading = "Drift, day by day";
    if points.iter().all(|(_, count)| count.is_none()) {
        return crate::past::begins("drift-by-day", heading);
    }
    points.push((now, Some(height(strayed))));
    Line {
        id: "drift-by-day",
        heading,
        says: "Agents that only report although their policy says Protect, at the end of each day, and now.",
        unit: "",
        points,
        second: None,
        marks: Vec::new(),
        from_zero: true,
    }
    .render()
}

/// A level, in words.
struct Said {
    name: String,
    says: String,
    badges: Markup,
    below: Vec<Said>,
}

impl Said {
    fn of(level: &Level) -> Said {
        let agents = ui::noun(level.agents.max(0).unsigned_abs(), "agent", "agents");
        let policy = match (&level.own, &level.above) {
            (Some(own), _) => format!("own policy: {}", words(own)),
            (None, Some((policy, whose))) => format!("inherits {} from {whose}", words(policy)),
            (None, None) => "its policy was not read".to_owned(),
        };
        let strays = match (&level.own, &level.above) {
            (Some(own), Some((above, whose))) if own != above => {
                Some(format!("Differs from {whose}: {}", words(above)))
            }
            _ => None,
        };
        let detect = level.own.as_ref().is_some_and(|own| own.mode == "detect");
        let badges = html! {
            @if detect { (ui::badge(Tone::Warn, "Detect")) " " }
            @if let Some(strays) = &strays { (ui::badge(Tone::Note, strays)) }
        };
        Said {
            name: if level.name.is_empty() { "without a name".to_owned() } else { level.name.clone() },
            says: format!("{}, {agents}, {policy}", level.kind),
            badges,
            below: level.below.iter().map(Said::of).collect(),
        }
    }

    fn node(&self, depth: usize) -> Node<'_> {
        Node {
            name: &self.name,
            says: &self.says,
            badges: self.badges.clone(),
            below: self.below.iter().map(|below| below.node(depth + 1)).collect(),
            open: depth <= OPEN_DEPTH,
        }
    }
}

/// `Protect; suspicious: Detect`
fn words(policy: &Policy) -> String {
    let mode = |word: &str| match word {
        "protect" => "Protect".to_owned(),
        "detect" => "Detect".to_owned(),
        "" => "not told".to_owned(),
        other => other.replace('_', " "),
    };
    match policy.suspicious.as_str() {
        "" => mode(&policy.mode),
        suspicious => format!("{}; suspicious: {}", mode(&policy.mode), mode(suspicious)),
    }
}
