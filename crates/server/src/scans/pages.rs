//! The pages of scan tasks.

use access::Permission;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kernel::{ScanRunId, Timestamp};
use sync::scan::{self, ScanRun, ScanTask, Unit, When};
use sync::schedule::Next;
use ui::{Button, Card, Column, Dialog, Field, Flash, Icon, Kind, Markup, Place, Row, Table, Tone, Weight, html};

use super::{HOME, RUNS, Seen, Verb, act, at, found, run_light};
use crate::fields::{Asked, Sent, address};
use crate::problem::{capital, sentence};
use crate::{App, Problem, Visitor, integrations, inventories, respond};

/// `GET /tasks/scans`
pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let read = app.store.read(move |tx| {
        let mut all = Vec::new();
        for task in scan::tasks(tx, org)? {
            all.push(Seen::of(tx, task)?);
        }
        Ok::<_, Problem>((all, scan::allowed_text(&scan::allowed(tx, org)?)))
    });
    let (all, allowed) = read.await?;
    let hrefs: Vec<String> = all.iter().map(|seen| at(seen.task.id)).collect();
    let rows = all.iter().zip(&hrefs).map(|(seen, href)| {
        let (state, word) = seen.light(now);
        let targets = seen.task.wanted.scan.targets.text();
        Row {
            id: &seen.task.wanted.name,
            name: &seen.task.wanted.name,
            icon: Some((Icon::Radar, "Scan")),
            href: Some(href),
            cells: vec![
                ui::Cell::new(ui::light(state, word)),
                ui::Cell::wrap(html! { span.mono { (ui::words::cut(&targets, 80)) } }),
                ui::Cell::text(&seen.task.wanted.site),
                ui::Cell::new(seen.task.started_at.map_or_else(|| ui::absent("never"), |at| ui::near(at, now))),
                ui::Cell::new(next(&seen.task, now)),
                ui::Cell::number(verbs(seen, &visitor, true)),
            ],
            ..Row::default()
        }
    });
    let columns = ["Scan", "State", "What is scanned", "Site", "Last run", "Next run"].into_iter().map(Column::new);
    let manages = visitor.may(Permission::ManageIntegrations);
    let instead = all.is_empty().then(|| {
        ui::Empty {
            heading: "There is no scan task yet",
            why: html! { "A scan looks at networks that you name, and finds what no console knows of." },
            link: manages.then_some(("New scan", "/tasks/scans/new")),
        }
        .render()
    });
    let table = Table {
        caption: "Scan tasks, by name. Times in UTC.",
        columns: columns.chain([Column::verbs()]).collect(),
        rows: rows.collect(),
        instead,
        tall: true,
        ..Table::default()
    };
    let foot = html! {
        p.muted {
            "Scans may touch " span.mono { (allowed) } ". "
            @if visitor.may(Permission::ManageOrg) { a href="/tasks/scans/networks" { "Choose the networks" } "." }
        }
    };
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! { "Networks that are looked at, one scan at a time. Times in UTC." },
        actions: crate::tasks::new_scan(&visitor),
        layout: ui::Layout::List,
        body: html! { (crate::tasks::tabs(crate::tasks::View::Scans)) div #rows { (table.render()) } (foot) },
        ..visitor.page(&shell, Place::Tasks, "Tasks")
    };
    Ok(respond::page(page.render()))
}

/// When it runs next.
fn next(task: &ScanTask, now: Timestamp) -> Markup {
    match task.next(now) {
        Next::Now => html! { "now" },
        Next::At(at) => ui::near(at, now),
        Next::Never if !task.enabled => ui::absent("paused"),
        Next::Never => ui::absent("when somebody asks"),
    }
}

/// Its rhythm in words.
fn rhythm(when: When) -> Markup {
    match when {
        When::Asked => html! { "when somebody asks" },
        When::Once(at) => html! { "once, at " (ui::moment(Timestamp::from_seconds(at))) },
        When::Every { every, unit: Unit::Hours, at } => {
            html! { "every " (each(every, "hour", "hours")) ", at minute " (at % 60) }
        }
        When::Every { every, unit: Unit::Days, at } => {
            html! { "every " (each(every, "day", "days")) " at " (format!("{:02}:{:02}", at / 60, at % 60)) " UTC" }
        }
    }
}

/// `hour`, `6 hours`.
fn each(every: u32, one: &str, more: &str) -> String {
    if every == 1 { one.to_owned() } else { ui::noun(u64::from(every), one, more) }
}

fn verbs(seen: &Seen, visitor: &Visitor, small: bool) -> Markup {
    let home = at(seen.task.id);
    let verb =
        |words, icon| Button { words, about: &seen.task.wanted.name, icon: Some(icon), small, ..Button::default() };
    let post = |to: &str, button: &Button<'_>, fields: &[(&str, &str)]| {
        ui::post_button(visitor.csrf(), &format!("{home}/{to}"), button, fields)
    };
    html! {
        @if visitor.may(Permission::RunSync) {
            @if seen.is_running() { (post("stop", &verb("Stop", Icon::Pause), &[])) }
            @else if seen.task.enabled { (post("run", &verb("Run now", Icon::Radar), &[])) }
        }
        @if visitor.may(Permission::ManageIntegrations) {
            @if seen.task.enabled { (post("switch", &verb("Pause", Icon::Pause), &[("on", "no")])) }
            @else { (post("switch", &verb("Resume", Icon::Run), &[("on", "yes")])) }
        }
    }
}

/// The bar of a run that is under way, or waits; nothing otherwise.
fn bar(seen: &Seen, now: Timestamp) -> Markup {
    let poll = format!("{}/progress", at(seen.task.id));
    let (label, done) = match &seen.latest {
        Some(run) if run.status.is_none() => {
            let hosts = ui::noun(run.hosts, "machine", "machines");
            let percent = run.percent.map(|percent| format!("{percent} % of this step, ")).unwrap_or_default();
            let ends = if run.cancelled_by.is_some() { "; it is being stopped" } else { "" };
            (format!("Scanning: {percent}{hosts} done{ends}"), run.percent.map(|percent| (u64::from(percent), 100)))
        }
        _ if seen.task.enabled && seen.task.next(now) == Next::Now => ("Waiting for the worker".to_owned(), None),
        _ => return html! {},
    };
    ui::Progress { id: "scan", label: &label, done, poll: Some(&poll), within: None }.render()
}

/// `GET /tasks/scans/{id}/progress`: what replaces the bar.
pub(super) async fn progress(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let read = app.store.read(move |tx| {
        let task = found(tx, org, &id)?;
        Ok::<_, Problem>(Seen::of(tx, task)?)
    });
    let seen = read.await?;
    let bar = bar(&seen, now);
    let over = || {
        let (state, word) = seen.light(now);
        html! { p role="status" { (ui::light(state, word)) " " span.muted { "The run is over. " a href=(at(seen.task.id)) { "What it brought" } } } }
    };
    Ok(respond::page(if bar.0.is_empty() { over() } else { bar }))
}

/// `GET /tasks/scans/{id}?before=..`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let before = match asked.get("before") {
        "" => None,
        text => Some(ScanRunId::parse(text).ok_or_else(|| Problem::missing("run"))?),
    };
    let read = app.store.read(move |tx| {
        let task = found(tx, org, &id)?;
        let runs = scan::runs(tx, org, task.id, before, RUNS + 1)?;
        let mut probes = Vec::new();
        for id in &task.wanted.credentials {
            probes.extend(access::credential(tx, org, *id)?.map(|of| of.name));
        }
        let mut syncs = Vec::new();
        for id in &task.wanted.syncs {
            syncs.extend(sync::integration(tx, org, *id).ok().map(|of| (of.name, *id)));
        }
        let at = match task.wanted.explorer {
            Some(id) => sync::explorers::explorer(tx, org, id)?.map(|of| of.name),
            None => None,
        };
        Ok::<_, Problem>((Seen::of(tx, task)?, runs, probes, syncs, at))
    });
    let (seen, runs, probes, syncs, explorer) = read.await?;
    let (task, home) = (&seen.task, at(seen.task.id));
    let wanted = &task.wanted;
    let more = runs.len() > RUNS as usize;
    let shown = &runs[..runs.len().min(RUNS as usize)];
    let older = shown.last().filter(|_| more).map(|run| address(&home, &[("before", &run.id.to_string())]));
    let (state, word) = seen.light(now);
    let strip = [
        ("State", ui::light(state, word)),
        ("Last run", task.started_at.map_or_else(|| ui::absent("never"), |at| ui::near(at, now))),
        ("Next run", next(task, now)),
        ("Rhythm", rhythm(wanted.when)),
    ];
    let left_out = wanted.scan.targets.left_out();
    let ports = if wanted.scan.ports.is_top() {
        "the 100 that are open most often".to_owned()
    } else {
        wanted.scan.ports.to_string()
    };
    let facts = [
        ("Scans", html! { span.mono { (wanted.scan.targets.text()) } }),
        (
            "Leaves out",
            if left_out.is_empty() {
                ui::absent("nothing")
            } else {
                html! { span.mono { (left_out) } }
            },
        ),
        ("TCP ports", html! { (ports) }),
        (
            "At most",
            html! { (ui::count(u64::from(wanted.scan.rate))) " packets a second, " (ui::noun(u64::from(wanted.scan.minutes), "minute", "minutes")) },
        ),
        (
            "Probes",
            html! {
                @if wanted.scan.snmp { "SNMP with " (probes.join(", ")) } @else { span.muted { "ports only" } }
            },
        ),
        (
            "Then reads",
            html! {
                @if syncs.is_empty() { span.muted { "no console" } }
                @for (at, (name, id)) in syncs.iter().enumerate() {
                    @if at > 0 { ", " } a href=(integrations::at(*id)) { (ui::words::name(name)) }
                }
            },
        ),
        (
            "Runs at",
            explorer.map_or_else(|| html! { "this server" }, |name| html! { "the Explorer " (ui::words::name(&name)) }),
        ),
        ("Site", html! { (ui::words::name(&wanted.site)) }),
        ("Made by", html! { (task.created_by) ", " (ui::near(task.created_at, now)) }),
    ];
    let found_at = inventories::to("assets", &format!("integration:{}", inventories::quoted(&wanted.name)));
    let body = html! {
        (bar(&seen, now))
        @if let Some(told) = seen.latest.as_ref().and_then(told) { (told) }
        (Card { id: "choices", heading: "What is chosen", body: ui::facts(&facts), ..Card::default() }.render())
        (runs_card(shown, older.as_deref()))
        @if let Some(run) = shown.first() {
            (Card { id: "log", heading: "Log of the latest run", body: html! { pre tabindex="0" { (run.log) } }, ..Card::default() }.render())
        }
        p { a href=(found_at) { "The assets that it found" } }
    };
    let dialog = Dialog {
        id: "delete",
        question: &format!("Delete the scan task {}?", wanted.name),
        body: html! { p { "Its runs go with it. What it found stays in the inventory until its source is ended under Integrations." } },
        safe: "Keep",
        verb: "Delete",
        danger: true,
        action: &format!("{home}/delete"),
        csrf: visitor.csrf(),
    };
    let shell = visitor.shell();
    let page = ui::Page {
        crumbs: &[("Tasks", crate::tasks::HOME), ("Scans", HOME)],
        facts: ui::strip(&strip),
        actions: html! {
            (verbs(&seen, &visitor, false))
            @if visitor.may(Permission::ManageIntegrations) {
                (ui::link_button(&format!("{home}/edit"), &Button { words: "Edit", icon: Some(Icon::Pencil), ..Button::default() }))
                (dialog.opener(&Button { words: "Delete", weight: Weight::Quiet, ..Button::default() }))
                (dialog.render())
            }
        },
        body,
        ..visitor.page(&shell, Place::Tasks, &wanted.name)
    };
    Ok(respond::page(page.render()))
}

/// What to know of a run that did not go well.
fn told(run: &ScanRun) -> Option<Markup> {
    let tone = match run_light(run).0 {
        ui::Light::Bad => Tone::Bad,
        ui::Light::Ok | ui::Light::Run => Tone::Note,
        _ => Tone::Warn,
    };
    let reason = capital(run.reason.as_deref()?);
    Some(Flash { tone, what: &ui::words::cut(&reason, 600), then: "", link: None }.render())
}

fn runs_card(runs: &[ScanRun], older: Option<&str>) -> Markup {
    let ids: Vec<String> = runs.iter().map(|run| run.id.to_string()).collect();
    let names: Vec<String> = runs
        .iter()
        .map(|run| run.started_at.to_string().chars().take(16).collect::<String>().replace('T', " "))
        .collect();
    let rows = runs.iter().zip(&ids).zip(&names).map(|((run, id), name)| {
        let (state, word) = run_light(run);
        let took = run.finished_at.map(|at| at.seconds_since(run.started_at));
        let report = run.report.as_ref();
        let changed = report.map(|report| report.created + report.changed + report.removed);
        Row {
            id,
            name,
            cells: vec![
                ui::Cell::new(ui::light(state, word)),
                ui::Cell::new(run.asked_by.as_ref().map_or_else(|| html! { "its time" }, |who| html! { (who) })),
                ui::Cell::new(took.map_or_else(|| ui::absent("not over"), |took| html! { (ui::duration(took)) })),
                ui::Cell::number(html! { (ui::count(report.map_or(run.hosts, |report| report.fetched))) }),
                ui::Cell::number(changed.map_or_else(|| ui::absent("none"), |changed| html! { (ui::count(changed)) })),
                ui::Cell::wrap(html! {
                    @if let Some(reason) = &run.reason { (ui::words::cut(&capital(reason), 160)) } @else { span.muted { "nothing" } }
                }),
            ],
            ..Row::default()
        }
    });
    let columns = vec![
        Column::new("Began"),
        Column::new("Outcome"),
        Column::new("Asked for by"),
        Column::new("Took"),
        Column::number("Machines"),
        Column::number("Changed"),
        Column::new("What to know"),
    ];
    let instead = runs.is_empty().then(|| {
        ui::Empty { heading: "It has not run yet", why: html! { "Its runs stand here, the latest first." }, link: None }
            .render()
    });
    let table = Table {
        caption: "Runs, the latest first. Times in UTC.",
        columns,
        rows: rows.collect(),
        instead,
        ..Table::default()
    };
    let foot = html! { @if let Some(older) = older { a href=(older) { "Older runs" } } };
    Card { id: "runs", heading: "Runs", body: table.render(), foot, ..Card::default() }.render()
}

async fn done(app: &App, visitor: &Visitor, id: String, verb: Verb, to: &str) -> Result<Response, Problem> {
    let (what, then) = act(app, visitor, id, verb).await?;
    Ok(respond::see_other_saying(to, Tone::Ok, what, then))
}

/// `POST /tasks/scans/{id}/run`
pub(super) async fn run(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Problem> {
    let to = format!("{HOME}/{id}");
    done(&app, &visitor, id, Verb::Run, &to).await
}

/// `POST /tasks/scans/{id}/stop`
pub(super) async fn stop(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let to = format!("{HOME}/{id}");
    done(&app, &visitor, id, Verb::Stop, &to).await
}

/// `POST /tasks/scans/{id}/switch`
pub(super) async fn switch(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let to = format!("{HOME}/{id}");
    done(&app, &visitor, id, Verb::Switch(sent.get("on") == "yes"), &to).await
}

/// `POST /tasks/scans/{id}/delete`
pub(super) async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    done(&app, &visitor, id, Verb::Remove, HOME).await
}

/// `GET /tasks/scans/networks`
pub(super) async fn networks(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let org = visitor.org;
    let known = app.store.read(move |tx| scan::allowed(tx, org)).await?;
    Ok(respond::page(networks_drawn(&visitor, &scan::allowed_text(&known), None)))
}

fn networks_drawn(visitor: &Visitor, text: &str, error: Option<&str>) -> Markup {
    let field = Field {
        name: "networks",
        label: "Scans may touch",
        help: "Networks with commas or spaces between them; empty for none. Usual are the private ones: 10.0.0.0/8, \
            100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, fc00::/7.",
        error,
        required: false,
        kind: Kind::Area(text),
    };
    let body = ui::post(
        visitor.csrf(),
        "/tasks/scans/networks",
        &html! {
            (ui::errors(&[field]))
            (field.render())
            div.line {
                (ui::button(&Button { words: "Save", weight: Weight::Main, ..Button::default() }))
                (ui::link_button(HOME, &Button { words: "Leave it", weight: Weight::Quiet, ..Button::default() }))
            }
        },
    );
    let shell = visitor.shell();
    let page = ui::Page {
        crumbs: &[("Tasks", crate::tasks::HOME), ("Scans", HOME)],
        lead: html! { "A scan of anything else is refused, and a task whose targets are no longer among them does not run." },
        layout: ui::Layout::Narrow,
        body: Card { id: "networks-card", heading: "Networks", body, ..Card::default() }.render(),
        ..visitor.page(&shell, Place::Tasks, "Which networks scans may touch")
    };
    page.render()
}

/// `POST /tasks/scans/networks`
pub(super) async fn networks_sent(
    State(app): State<App>,
    visitor: Visitor,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let text = sent.get("networks");
    let chosen = match scan::networks(text) {
        Ok(chosen) => chosen,
        Err(error) => {
            let page = networks_drawn(&visitor, text, Some(&sentence(&error)));
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, respond::page(page)).into_response());
        }
    };
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let saved = app.store.write(move |tx| scan::allow(tx, org, &chosen, &by, now));
    saved.await.map_err(super::missing)?;
    Ok(respond::see_other_saying(HOME, Tone::Ok, "Saved.", "Runs from now on keep to it."))
}
