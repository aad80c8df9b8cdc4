//! The pages of tasks.

use access::Permission;
use axum::extract::{Path, State};
use axum::response::Response;
use kernel::{IntegrationId, SweepId, Timestamp};
use sync::{Overview, Progress, Reading, ReadingFilter, Stream};
use ui::{Button, Card, Column, Flash, Foot, Icon, Light, Markup, Place, Row, Tab, Table, Tone, Weight, html};

use super::{Explained, HOME, LINES, RUNS, explained, line, upcoming};
use crate::fields::{Asked, address};
use crate::integrations::{self, light, next, progress_bar, records_at, status_light, stream_label};
use crate::problem::capital;
use crate::{App, Problem, Visitor, respond};

/// A view of the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Tasks,
    Scans,
    Runs,
}

/// The views of the page.
pub(crate) fn tabs(view: View) -> Markup {
    ui::tabs(
        "Tasks",
        &[
            Tab { label: "Tasks", href: HOME, count: None, current: view == View::Tasks },
            Tab { label: "Scans", href: crate::scans::HOME, count: None, current: view == View::Scans },
            Tab { label: "Runs", href: "/tasks/runs", count: None, current: view == View::Runs },
        ],
    )
}

/// The way to a new scan task, for who may make one.
pub(crate) fn new_scan(visitor: &Visitor) -> Markup {
    html! {
        @if visitor.may(Permission::ManageIntegrations) {
            (ui::link_button("/tasks/scans/new", &Button { words: "New scan", icon: Some(Icon::Radar), ..Button::default() }))
        }
    }
}

/// `GET /tasks`
pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let read = app.store.read(move |tx| {
        let mut known: Vec<(Overview, Option<Progress>)> = Vec::new();
        for of in sync::overviews(tx, org, now)? {
            let progress = sync::progress(tx, org, of.integration.id)?;
            known.push((of, progress));
        }
        Ok::<_, Problem>(known)
    });
    let known = read.await?;
    let hrefs: Vec<String> = known.iter().map(|(of, _)| integrations::log_of(of)).collect();
    let rows = known.iter().zip(&hrefs).map(|((of, progress), href)| {
        let (state, word) = light(of, now);
        let last = of.streams.iter().filter_map(|stream| stream.attempts.attempted_at).max();
        let bar = progress_bar(of, progress.as_ref(), now);
        Row {
            id: of.integration.task(),
            name: of.integration.task(),
            icon: Some((integrations::icon_of(of.integration.connector), "Connector")),
            href: Some(href),
            cells: vec![
                ui::Cell::new(ui::light(state, word)),
                ui::Cell::wrap(if bar.0.is_empty() {
                    html! { (current(of, now)) }
                } else {
                    bar
                }),
                ui::Cell::new(last.map_or_else(|| ui::absent("never"), |at| ui::near(at, now))),
                ui::Cell::new(match upcoming(of, now) {
                    Some((_, stream)) => {
                        html! { (stream_label(stream.stream.name).to_lowercase()) " " (next(stream, of, now)) }
                    }
                    None if of.integration.connector.is_file() => ui::absent("when a file is brought"),
                    None => ui::absent("not by itself"),
                }),
                ui::Cell::number(verbs(of, &visitor, true)),
            ],
            ..Row::default()
        }
    });
    let columns = ["Task", "State", "Progress", "Last run", "Next run"].into_iter().map(Column::new);
    let manages = visitor.may(Permission::ManageIntegrations);
    let instead = known.is_empty().then(|| {
        ui::Empty {
            heading: "There is no task yet",
            why: html! { "A console that is connected is read by a task, of its name unless another is chosen." },
            link: manages.then_some(("Connect SentinelOne", "/integrations/connect")),
        }
        .render()
    });
    let table = Table {
        caption: "Tasks, by name. Times in UTC.",
        columns: columns.chain([Column::verbs()]).collect(),
        rows: rows.collect(),
        instead,
        tall: true,
        ..Table::default()
    };
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! { "What is read, how far it is, and when it is read next. Times in UTC." },
        actions: html! {
            (new_scan(&visitor))
            @if manages { (ui::link_button("/integrations/connect", &Button { words: "Connect", icon: Some(Icon::Plus), ..Button::default() })) }
        },
        layout: ui::Layout::List,
        body: html! { (tabs(View::Tasks)) div #rows { (table.render()) } },
        ..visitor.page(&shell, Place::Tasks, "Tasks")
    };
    Ok(respond::page(page.render()))
}

/// How many of its collections are as they should be.
fn current(of: &Overview, now: Timestamp) -> String {
    let read: Vec<_> = of.streams.iter().filter(|stream| stream.enabled).collect();
    let fresh = read.iter().filter(|stream| stream.is_fresh(now)).count();
    format!("{} of {} collections are current", ui::count(fresh as u64), ui::count(read.len() as u64))
}

fn verbs(of: &Overview, visitor: &Visitor, small: bool) -> Markup {
    let id = of.integration.id;
    let verb =
        |words, icon| Button { words, about: of.integration.task(), icon: Some(icon), small, ..Button::default() };
    let on = of.integration.options.enabled;
    html! {
        @if on && !of.integration.connector.is_file() && visitor.may(Permission::RunSync) {
            (ui::post_button(visitor.csrf(), &format!("/integrations/{id}/sync"), &verb("Sync now", Icon::Sync), &[("back", HOME)]))
        }
        @if visitor.may(Permission::ManageIntegrations) {
            (ui::post_button(visitor.csrf(), &format!("/integrations/{id}/switch"),
                &if on { verb("Pause", Icon::Pause) } else { verb("Resume", Icon::Run) },
                &[("on", if on { "no" } else { "yes" }), ("back", HOME)]))
        }
    }
}

/// `GET /tasks/runs?integration=..&troubled=..&before=..`
pub(super) async fn runs(State(app): State<App>, visitor: Visitor, Asked(asked): Asked) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let filter = filter(asked.get("integration"), asked.get("troubled") == "yes", asked.get("before"))?;
    let (wanted, of) = (filter.clone(), filter.integration);
    let found = app.store.read(move |tx| sync::readings(tx, org, &wanted, RUNS + 1)).await?;
    let more = found.len() as u64 > u64::from(RUNS);
    let shown = &found[..found.len().min(RUNS as usize)];
    let of = of.map(|id| id.to_string()).unwrap_or_default();
    let troubled = if filter.troubled { "yes" } else { "" };
    let last = shown.last().map(|run| run.id.to_string()).unwrap_or_default();
    let older =
        more.then(|| address("/tasks/runs", &[("integration", &of), ("troubled", troubled), ("before", &last)]));
    let latest = filter.before.map(|_| address("/tasks/runs", &[("integration", &of), ("troubled", troubled)]));
    let (all, bad) = (
        address("/tasks/runs", &[("integration", &of)]),
        address("/tasks/runs", &[("integration", &of), ("troubled", "yes")]),
    );
    let kinds = ui::tabs(
        "Which runs",
        &[
            Tab { label: "All runs", href: &all, count: None, current: !filter.troubled },
            Tab { label: "Not complete", href: &bad, count: None, current: filter.troubled },
        ],
    );
    let range = ui::noun(shown.len() as u64, "run", "runs");
    let foot = Foot { verbs: html! {}, range, previous: latest.as_deref(), next: older.as_deref() };
    let table = table(shown, Some(foot), now);
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! { "Each run reads one collection. The last 100 of each are remembered. Times in UTC." },
        layout: ui::Layout::List,
        body: html! { (tabs(View::Runs)) (kinds) div #rows { (table) } },
        ..visitor.page(&shell, Place::Tasks, "Tasks")
    };
    Ok(respond::page(page.render()))
}

/// Which runs are meant.
pub(super) fn filter(integration: &str, troubled: bool, before: &str) -> Result<ReadingFilter, Problem> {
    let integration = match integration {
        "" => None,
        id => Some(IntegrationId::parse(id).ok_or_else(|| Problem::missing("integration"))?),
    };
    let before = match before {
        "" => None,
        id => Some(SweepId::parse(id).ok_or_else(|| Problem::missing("run"))?),
    };
    Ok(ReadingFilter { integration, stream: None, troubled, before })
}

fn outcome(run: &Reading) -> (Light, &'static str) {
    let core = Stream::named(&run.stream).is_some_and(|stream| stream.core);
    match (run.status, run.finished_at) {
        (Some(status), Some(_)) => status_light(status, core),
        _ => (Light::Run, "Not over"),
    }
}

fn table(runs: &[Reading], foot: Option<Foot<'_>>, now: Timestamp) -> Markup {
    let hrefs: Vec<String> = runs.iter().map(|run| format!("/tasks/runs/{}", run.id)).collect();
    let labels: Vec<String> = runs.iter().map(|run| stream_label(&run.stream)).collect();
    let ids: Vec<String> = runs.iter().map(|run| run.id.to_string()).collect();
    let rows = runs.iter().zip(&hrefs).zip(&labels).zip(&ids).map(|(((run, href), label), id)| {
        let (state, word) = outcome(run);
        let changed = run.created + run.changed + run.removed;
        let took = run.finished_at.map(|at| at.seconds_since(run.started_at));
        Row {
            id,
            name: label,
            href: Some(href),
            cells: vec![
                ui::Cell::text(&run.name),
                ui::Cell::new(ui::light(state, word)),
                ui::Cell::new(ui::near(run.started_at, now)),
                ui::Cell::new(took.map_or_else(|| ui::absent("not over"), |took| html! { (ui::duration(took)) })),
                ui::Cell::number(html! { (ui::count(run.fetched)) }),
                ui::Cell::number(html! { (ui::count(changed)) }),
                ui::Cell::wrap(html! { @if let Some(reason) = &run.reason { (ui::words::cut(&capital(reason), 160)) } @else { span.muted { "nothing" } } }),
            ],
            ..Row::default()
        }
    });
    let columns = vec![
        Column::new("Collection"),
        Column::new("Task"),
        Column::new("Outcome"),
        Column::new("Started"),
        Column::new("Took"),
        Column::number("Read"),
        Column::number("Changed"),
        Column::new("What to know"),
    ];
    let instead = runs.is_empty().then(|| {
        ui::Empty {
            heading: "No run is like this",
            why: html! { "Nothing was read yet, or all of it ended well." },
            link: None,
        }
        .render()
    });
    Table {
        caption: "Runs, the latest first. Times in UTC.",
        columns,
        rows: rows.collect(),
        instead,
        foot,
        ..Table::default()
    }
    .render()
}

/// `GET /tasks/runs/{id}`
pub(super) async fn run(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let asked = SweepId::parse(&id).ok_or_else(|| Problem::missing("run"))?;
    let read = app.store.read(move |tx| {
        let run = sync::reading_of(tx, org, asked)?.ok_or_else(|| Problem::missing("run"))?;
        let of = sync::integration(tx, org, run.integration).map_err(integrations::missing)?;
        let left = sync::left_out_counts(tx, org, of.id, &of.options.import)?;
        Ok::<_, Problem>((run, left, of))
    });
    let (run, left, of) = read.await?;
    let connector = of.connector;
    let left: u64 = left.iter().filter(|one| one.stream == run.stream).map(|one| one.records).sum();
    let (state, word) = outcome(&run);
    let task = format!("{HOME}/{}", run.integration);
    let number = |count: u64| html! { (ui::count(count)) };
    let facts = [
        ("Asked for", html! { @if run.whole { "everything" } @else { "what changed" } }),
        ("Started", ui::moment(run.started_at)),
        ("Ended", run.finished_at.map_or_else(|| ui::absent("not yet"), ui::moment)),
        ("Read", number(run.fetched)),
        (
            if connector.is_file() { "The file counts" } else { "The console counts" },
            run.console_total.map_or_else(|| ui::absent("not said"), number),
        ),
        ("New", number(run.created)),
        ("Changed", number(run.changed)),
        ("Only seen again", number(run.touched + run.unchanged)),
        ("Retired", number(run.removed)),
        ("Kept aside", number(run.quarantined)),
        ("Pages", number(run.pages)),
    ];
    let reason = run.reason.as_deref().unwrap_or_default();
    let help = explained(reason);
    let records = records_at(&run.stream);
    let body = html! {
        div.flow.wide {
            @if !reason.is_empty() { (told(reason, help, run.enabled, state, &task)) }
            (Card { id: "figures", heading: "What it brought", body: ui::facts(&facts), ..Card::default() }.render())
            p {
                @if let Some(to) = &records { a href=(to) { "The records in the inventory" } ". " }
                @if left > 0 {
                    a href={ "/integrations/" (run.integration) "#left-out" } {
                        (ui::noun(left, "record is", "records are")) " left out by options"
                    } "."
                } @else { span.muted { "Options leave nothing of it out." } }
            }
            pre { (line(&run, connector.word())) }
        }
    };
    let shell = visitor.shell();
    let title = format!("{} of {}", stream_label(&run.stream), run.name);
    let page = ui::Page {
        crumbs: &[("Tasks", HOME), (&run.name, &task)],
        badges: integrations::badge(state, word),
        lead: html! { "A run of " (ui::near(run.started_at, now)) "." },
        layout: ui::Layout::Narrow,
        body,
        ..visitor.page(&shell, Place::Tasks, &title)
    };
    Ok(respond::page(page.render()))
}

fn told(reason: &str, help: Option<&Explained>, enabled: bool, state: Light, task: &str) -> Markup {
    let tone = match state {
        Light::Bad => Tone::Bad,
        Light::Ok => Tone::Note,
        _ => Tone::Warn,
    };
    let then = help.map(|help| format!("{}: {} {}", help.code, help.means, help.fix(enabled))).unwrap_or_default();
    let integration = task.replace(HOME, integrations::HOME);
    let link = help.map(|_| ("To the integration", integration.as_str()));
    Flash { tone, what: &ui::words::cut(&capital(reason), 600), then: &then, link }.render()
}

/// `GET /tasks/{id}?before=..`: its log, the last lines first.
pub(super) async fn log(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let wanted = filter(&id, false, asked.get("before"))?;
    let read = app.store.read(move |tx| {
        let of = integrations::found(tx, org, &id, now)?;
        let progress = sync::progress(tx, org, of.integration.id)?;
        let runs = sync::readings(tx, org, &wanted, LINES + 1)?;
        Ok::<_, Problem>((of, progress, runs))
    });
    let (of, progress, runs) = read.await?;
    let home = integrations::log_of(&of);
    let more = runs.len() as u64 > u64::from(LINES);
    let shown = &runs[..runs.len().min(LINES as usize)];
    let last = shown.last().map(|run| run.id.to_string()).unwrap_or_default();
    let older = address(&home, &[("before", &last)]);
    let (state, word) = light(&of, now);
    let assessment = of.assessment();
    let runs_at = address("/tasks/runs", &[("integration", &of.integration.id.to_string())]);
    let facts = [
        ("State", ui::light(state, word)),
        ("How far", html! { (current(&of, now)) }),
        (
            "Next run",
            match upcoming(&of, now) {
                Some((_, stream)) => {
                    html! { (stream_label(stream.stream.name).to_lowercase()) " " (next(stream, &of, now)) }
                }
                None => ui::absent("not by itself"),
            },
        ),
        (
            "Integration",
            html! { a href=(integrations::at(of.integration.id)) { (ui::words::name(&of.integration.name)) } },
        ),
    ];
    let aside = html! { span.muted { "The last " (ui::count(shown.len() as u64)) " lines, the latest first." } a.end href=(runs_at) { "As a table" } };
    let lines = html! {
        @if shown.is_empty() { p.muted { "Nothing was read yet." } } @else {
            pre tabindex="0" { @for run in shown { (line(run, of.integration.connector.word())) "\n" } }
        }
    };
    let foot = html! { @if more { a href=(older) { "Older lines" } } };
    let trouble = explained(&assessment.detail);
    let body = html! {
        @if !assessment.detail.is_empty() { (told(&assessment.detail, trouble, of.integration.options.enabled, state, &home)) }
        div #progress { (progress_bar(&of, progress.as_ref(), now)) }
        (Card { id: "log", heading: "Log", aside, body: lines, foot, ..Card::default() }.render())
    };
    let shell = visitor.shell();
    let page = ui::Page {
        crumbs: &[("Tasks", HOME)],
        facts: ui::strip(&facts),
        actions: html! {
            (verbs(&of, &visitor, false))
            @if visitor.may(Permission::ManageIntegrations) {
                (ui::link_button(&format!("{}/edit", integrations::at(of.integration.id)), &Button { words: "Edit", icon: Some(Icon::Pencil), ..Button::default() }))
                (ui::link_button(&format!("{}/delete", integrations::at(of.integration.id)), &Button { words: "Delete", weight: Weight::Quiet, ..Button::default() }))
            }
        },
        body,
        ..visitor.page(&shell, Place::Tasks, of.integration.task())
    };
    Ok(respond::page(page.render()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_a_paused_task_is_not_said_to_be_tried_again() {
        let reason = "acme failed at agents (503)";
        let says = |enabled| told(reason, explained(reason), enabled, Light::Bad, "/tasks/1").0;
        assert!(says(true).contains("tried again by itself"));
        assert!(!says(false).contains("tried again by itself") && says(false).contains("resume it"), "{}", says(false));
    }
}
