//! One form for everything that is chosen of a scan task.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kernel::{CredentialId, ExplorerId, IntegrationId, OrgId, PersonId, ScanId, Timestamp};
use store::Tx;
use sync::scan::{self, EVERY_MAX, MINUTES_MAX, Ports, RATE_MAX, ScanTask, Targets, Unit, Wanted, When};
use sync::{Overview, SyncError};
use ui::{Button, Card, Choice, Field, Kind, Markup, Place, Tone, Weight, html};

use super::{HOME, at, found, missing, save};
use crate::credentials::{hidden_words, known};
use crate::fields::{Fields, Sent};
use crate::problem::sentence;
use crate::{App, Problem, Visitor, edit, respond};

/// What the fields hold, as it is chosen or as it was sent.
struct Values {
    name: String,
    site: String,
    targets: String,
    left_out: String,
    ports: String,
    rate: String,
    minutes: String,
    closely: bool,
    names: bool,
    snmp: bool,
    credentials: Vec<String>,
    syncs: Vec<String>,
    when: String,
    start: String,
    every: String,
    unit: String,
    at: String,
    explorer: String,
}

/// What is wrong with a field.
type Wrong = (&'static str, String);

impl Values {
    fn fresh() -> Values {
        Values {
            name: String::new(),
            site: sync::SITE_DEFAULT.to_owned(),
            targets: String::new(),
            left_out: String::new(),
            ports: String::new(),
            rate: scan::RATE_DEFAULT.to_string(),
            minutes: scan::MINUTES_DEFAULT.to_string(),
            closely: true,
            names: true,
            snmp: false,
            credentials: Vec::new(),
            syncs: Vec::new(),
            when: "asked".to_owned(),
            start: String::new(),
            every: "1".to_owned(),
            unit: "days".to_owned(),
            at: "01:15".to_owned(),
            explorer: String::new(),
        }
    }

    fn of(task: &ScanTask) -> Values {
        let Wanted { name, site, scan, credentials, syncs, when, explorer } = &task.wanted;
        let mut values = Values {
            name: name.clone(),
            site: site.clone(),
            targets: scan.targets.text(),
            left_out: scan.targets.left_out(),
            ports: scan.ports.to_string(),
            rate: scan.rate.to_string(),
            minutes: scan.minutes.to_string(),
            closely: scan.closely,
            names: scan.names,
            snmp: scan.snmp,
            credentials: credentials.iter().map(ToString::to_string).collect(),
            syncs: syncs.iter().map(ToString::to_string).collect(),
            explorer: explorer.map(|id| id.to_string()).unwrap_or_default(),
            ..Values::fresh()
        };
        match when {
            When::Asked => {}
            When::Once(at) => {
                values.when = "once".to_owned();
                values.start = Timestamp::from_seconds(*at).to_string().chars().take(16).collect();
            }
            When::Every { every, unit, at } => {
                values.when = "every".to_owned();
                values.every = every.to_string();
                values.unit = if *unit == Unit::Days { "days" } else { "hours" }.to_owned();
                values.at = format!("{:02}:{:02}", at / 60, at % 60);
            }
        }
        values
    }

    /// Each with its label, to tell one state of a task from another.
    fn labelled(&self) -> [(&'static str, String); 18] {
        let yes = |on: bool| if on { "yes" } else { "no" }.to_owned();
        [
            (label("name"), self.name.clone()),
            ("Site", self.site.clone()),
            (label("targets"), self.targets.clone()),
            (label("left_out"), self.left_out.clone()),
            (label("ports"), self.ports.clone()),
            (label("rate"), self.rate.clone()),
            (label("minutes"), self.minutes.clone()),
            ("Look closely", yes(self.closely)),
            ("Ask for names", yes(self.names)),
            ("SNMP", yes(self.snmp)),
            (label("credentials"), self.credentials.join(" ")),
            (label("syncs"), self.syncs.join(" ")),
            ("It runs", self.when.clone()),
            (label("start"), self.start.clone()),
            (label("every"), self.every.clone()),
            ("Hours or days", self.unit.clone()),
            (label("at"), self.at.clone()),
            (label("explorer"), self.explorer.clone()),
        ]
    }

    fn stamp(&self) -> String {
        edit::stamp(&self.labelled().each_ref().map(|(_, value)| value.as_str()))
    }

    fn sent(sent: &Fields) -> Values {
        let text = |name: &str| sent.get(name).trim().to_owned();
        let is_on = |name: &str| sent.opt(name).is_some_and(|value| value != "no" && !value.is_empty());
        Values {
            name: text("name"),
            site: text("site"),
            targets: text("targets"),
            left_out: text("left_out"),
            ports: text("ports"),
            rate: text("rate"),
            minutes: text("minutes"),
            closely: is_on("closely"),
            names: is_on("names"),
            snmp: is_on("snmp"),
            credentials: sent.all("credentials").map(str::to_owned).collect(),
            syncs: sent.all("syncs").map(str::to_owned).collect(),
            when: text("when"),
            start: text("start"),
            every: text("every"),
            unit: text("unit"),
            at: text("at"),
            explorer: text("explorer"),
        }
    }

    /// What they choose.
    fn wanted(&self) -> Result<Wanted, Wrong> {
        let targets = match Targets::parse(&self.targets, "") {
            Ok(_) => Targets::parse(&self.targets, &self.left_out).map_err(|error| ("left_out", sentence(&error)))?,
            Err(error) => return Err(("targets", sentence(&error))),
        };
        let ports = Ports::parse(&self.ports).map_err(|error| ("ports", sentence(&error)))?;
        let number = |field: &'static str, text: &str, max: u32| {
            let number = text.parse::<u32>().ok().filter(|number| (1..=max).contains(number));
            number.ok_or_else(|| (field, format!("Enter a number from 1 to {max}; you entered {text}.")))
        };
        let scan = scan::Scan {
            ports,
            rate: number("rate", &self.rate, RATE_MAX)?,
            minutes: number("minutes", &self.minutes, MINUTES_MAX)?,
            closely: self.closely,
            names: self.names,
            snmp: self.snmp,
            ..scan::Scan::of(targets)
        };
        let credentials: Option<Vec<CredentialId>> =
            self.credentials.iter().map(|id| CredentialId::parse(id)).collect();
        let syncs: Option<Vec<IntegrationId>> = self.syncs.iter().map(|id| IntegrationId::parse(id)).collect();
        Ok(Wanted {
            name: self.name.clone(),
            site: self.site.clone(),
            scan,
            credentials: credentials
                .ok_or_else(|| ("credentials", "Choose among those that are listed.".to_owned()))?,
            syncs: syncs.ok_or_else(|| ("syncs", "Choose among those that are listed.".to_owned()))?,
            when: self.when()?,
            explorer: match self.explorer.as_str() {
                "" => None,
                id => Some(
                    ExplorerId::parse(id)
                        .ok_or_else(|| ("explorer", "Choose among those that are listed.".to_owned()))?,
                ),
            },
        })
    }

    fn when(&self) -> Result<When, Wrong> {
        match self.when.as_str() {
            "once" => {
                let at = Timestamp::parse(&format!("{}:00Z", self.start));
                let at = at.map_err(|_| ("start", "Enter a date and a time, in UTC.".to_owned()))?;
                Ok(When::Once(at.micros().div_euclid(1_000_000)))
            }
            "every" => {
                let every = self.every.parse::<u32>().ok().filter(|every| (1..=EVERY_MAX).contains(every));
                let every = every.ok_or_else(|| ("every", format!("Enter a number from 1 to {EVERY_MAX}.")))?;
                let unit = if self.unit == "hours" { Unit::Hours } else { Unit::Days };
                let clock = || {
                    let (hour, minute) = self.at.split_once(':')?;
                    let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
                    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
                };
                let at = clock().ok_or_else(|| ("at", "Enter a time of the day, such as 02:30.".to_owned()))?;
                Ok(When::Every { every, unit, at })
            }
            _ => Ok(When::Asked),
        }
    }
}

/// The field that a refusal concerns.
fn field_of(error: &SyncError) -> Option<&'static str> {
    match error {
        SyncError::ScanTaken { .. }
        | SyncError::NameTaken { .. }
        | SyncError::BadName { .. }
        | SyncError::OtherSource { .. } => Some("name"),
        SyncError::Target(_) => Some("targets"),
        SyncError::ScanOrder(_) => Some("rate"),
        SyncError::Option { name: "the SNMP probe", .. } => Some("credentials"),
        SyncError::Option { .. } => Some("start"),
        SyncError::Access(access::AccessError::NoSuch { .. }) => Some("credentials"),
        SyncError::Explorer(_) => Some("explorer"),
        SyncError::NoSuchIntegration { .. } | SyncError::IsFile { .. } => Some("syncs"),
        _ => None,
    }
}

/// What the form offers.
struct Offered {
    communities: Vec<(String, String)>,
    consoles: Vec<(String, String)>,
    explorers: Vec<(String, String)>,
    hidden: Option<String>,
    allowed: String,
    /// Whether the SNMP probe, which is on trial, may be chosen.
    snmp: bool,
}

fn offered(
    tx: &mut Tx<'_>,
    org: OrgId,
    person: Option<PersonId>,
    org_name: &str,
    now: Timestamp,
) -> Result<Offered, Problem> {
    let known = known(tx, org, person)?;
    let fits = |kind: &str| [scan::COMMUNITY, scan::USER].contains(&kind);
    let communities = known.usable.into_iter().filter(|of| fits(&of.kind));
    let hidden: Vec<_> = known.hidden.into_iter().filter(|of| fits(&of.kind)).collect();
    let consoles = sync::overviews(tx, org, now)?.into_iter().map(|of: Overview| of.integration);
    Ok(Offered {
        communities: communities.map(|of| (of.id.to_string(), of.name)).collect(),
        consoles: consoles.filter(|of| !of.connector.is_file()).map(|of| (of.id.to_string(), of.name)).collect(),
        explorers: sync::explorers::explorers(tx, org)?
            .into_iter()
            // One that never enrolled has no key to seal credentials to, and nobody runs it.
            .filter(|of| of.revoked_at.is_none() && of.public_key.is_some())
            .map(|of| (of.id.to_string(), of.name))
            .collect(),
        hidden: hidden_words(&hidden, org_name),
        allowed: scan::allowed_text(&scan::allowed(tx, org)?),
        snmp: sync::is_connector_allowed(tx, org, "snmp")?,
    })
}

async fn drawn(
    app: &App,
    visitor: &Visitor,
    of: Option<&ScanTask>,
    values: &Values,
    wrong: Option<&Wrong>,
    told: &Markup,
) -> Result<Markup, Problem> {
    let (org, now, person, org_name) = (visitor.org, app.world.now(), visitor.person, visitor.org_name.clone());
    let offered = app.store.read(move |tx| offered(tx, org, Some(person), &org_name, now)).await?;
    let home = of.map_or_else(|| HOME.to_owned(), |task| at(task.id));
    let action = of.map_or_else(|| format!("{HOME}/new"), |task| format!("{}/edit", at(task.id)));
    let title = of.map_or_else(|| "New scan".to_owned(), |task| format!("Edit {}", task.wanted.name));
    let cards = html! {
        (what(values, &offered, wrong))
        (how(values, wrong))
        (probes(values, &offered, wrong))
        (times(values, wrong))
    };
    let form = html! {
        div.flow.wide {
            @if let Some(task) = of { (edit::carries(&Values::of(task).stamp())) }
            (told)
            @if let Some((name, error)) = wrong { (ui::errors(&[Field { name, label: label(name), help: "", error: Some(error), required: false, kind: Kind::Text("") }])) }
            (cards)
            div.line {
                (ui::button(&Button { words: "Save", weight: Weight::Main, ..Button::default() }))
                (ui::button(&Button { words: "Save and run now", value: Some(("now", "yes")), ..Button::default() }))
                (ui::link_button(&home, &Button { words: "Leave it", weight: Weight::Quiet, ..Button::default() }))
            }
        }
    };
    let shell = visitor.shell();
    let page = ui::Page {
        crumbs: &[("Tasks", crate::tasks::HOME), ("Scans", HOME)],
        lead: html! { "nmap looks at networks of yours; what it finds becomes assets, as one source of this name." },
        layout: ui::Layout::Narrow,
        body: ui::post(visitor.csrf(), &action, &form),
        ..visitor.page(&shell, Place::Tasks, &title)
    };
    Ok(page.render())
}

fn label(name: &str) -> &'static str {
    match name {
        "name" => "Name",
        "targets" => "What is scanned",
        "left_out" => "What is left out",
        "ports" => "TCP ports",
        "rate" => "Packets a second",
        "minutes" => "Time limit, in minutes",
        "explorer" => "Where it runs",
        "credentials" => "Communities and users it may use",
        "syncs" => "Consoles read after each scan",
        "start" => "Begins at",
        "every" => "Every",
        "at" => "At, UTC",
        _ => "",
    }
}

fn field(name: &'static str, help: &str, wrong: Option<&Wrong>, required: bool, kind: Kind<'_>) -> Markup {
    let error = wrong.filter(|(field, _)| *field == name).map(|(_, error)| error.as_str());
    Field { name, label: label(name), help, error, required, kind }.render()
}

fn what(values: &Values, offered: &Offered, wrong: Option<&Wrong>) -> Markup {
    let targets =
        format!("Addresses and networks, such as 10.20.0.5 10.30.0.0/24. Scans may touch {}.", offered.allowed);
    let site = Field {
        name: "site",
        label: "Site",
        help: "Where machines land that only this source knows.",
        error: None,
        required: true,
        kind: Kind::Text(&values.site),
    };
    let here = Choice { value: "", label: "This server", help: "", on: values.explorer.is_empty() };
    let others =
        offered.explorers.iter().map(|(value, label)| Choice { value, label, help: "", on: values.explorer == *value });
    let places: Vec<Choice<'_>> = [here].into_iter().chain(others).collect();
    let body = html! {
        (field("name", "Unique in the organization; its source goes by it.", wrong, true, Kind::Text(&values.name)))
        (field("targets", &targets, wrong, true, Kind::Area(&values.targets)))
        (field("left_out", "Printers that print what they are asked, and what else should be left in peace.", wrong, false, Kind::Mono(&values.left_out)))
        (site.render())
        @if places.len() > 1 { (field("explorer", "An Explorer looks from inside its own network, with nmap of its machine.", wrong, false, Kind::Select(&places))) }
    };
    Card { id: "what", heading: "What and where", body, ..Card::default() }.render()
}

fn how(values: &Values, wrong: Option<&Wrong>) -> Markup {
    let switch = |name, label, help, on| {
        Field { name, label, help, error: None, required: false, kind: Kind::Switch(on) }.render()
    };
    let body = html! {
        (field("ports", "Such as 22,80,8000-8100; empty for the 100 that are open most often.", wrong, false, Kind::Mono(&values.ports)))
        (field("rate", "300 are not noticed in an office.", wrong, true, Kind::Number(&values.rate, 1, i64::from(RATE_MAX))))
        (field("minutes", "What was found until then is kept, and nothing is retired.", wrong, true, Kind::Number(&values.minutes, 1, i64::from(MINUTES_MAX))))
        (switch("closely", "Look closely", "Asks open ports what they are, and guesses operating systems.", values.closely))
        (switch("names", "Ask for names", "Asks the resolver what addresses are called.", values.names))
    };
    Card { id: "how", heading: "How", body, ..Card::default() }.render()
}

fn choices<'a>(all: &'a [(String, String)], chosen: &[String]) -> Vec<Choice<'a>> {
    all.iter().map(|(value, label)| Choice { value, label, help: "", on: chosen.contains(value) }).collect()
}

fn probes(values: &Values, offered: &Offered, wrong: Option<&Wrong>) -> Markup {
    let communities = choices(&offered.communities, &values.credentials);
    let consoles = choices(&offered.consoles, &values.syncs);
    let snmp = Field {
        name: "snmp",
        label: "SNMP",
        help: "Asks what answers for its name, what it is, and its hardware addresses: by v2c and v1 with a community, by v3 with a user.",
        error: None,
        required: false,
        kind: Kind::Switch(values.snmp),
    };
    let body = html! {
        (snmp.render())
        @if !offered.snmp { p.muted { "The SNMP probe is on trial. " a href="/integrations/about/snmp" { "Enrol" } " first, and let an administrator allow it." } }
        @if communities.is_empty() {
            p.muted { "No SNMP community or user is saved. " a href="/credentials/new" { "Save one" } " to use the probe." }
            @if let Some((_, error)) = wrong.filter(|(field, _)| *field == "credentials") { p.error { (error) } }
        } @else {
            (field("credentials", "Tried in this order. A community is handed to nmap in a file that nobody else can read; an Explorer gets them sealed.", wrong, false, Kind::Check(&communities)))
        }
        @if let Some(hidden) = &offered.hidden { p.muted { (hidden) } }
        @if consoles.is_empty() {
            p.muted { "No SentinelOne console is connected. " a href="/integrations/connect" { "Connect one" } " to read it with a scan." }
        } @else {
            (field("syncs", "The SentinelOne probe: each console that is chosen is read after the scan.", wrong, false, Kind::Check(&consoles)))
            p.muted {
                "What a console is read for (software, vulnerabilities, groups, unknown assets) is chosen once, with its integration, and holds for this task too, so that no task undoes what another one imported. Options of "
                @for (at, (id, name)) in offered.consoles.iter().enumerate() {
                    @if at > 0 { ", " }
                    a href={ "/integrations/" (id) "/edit" } { (ui::words::name(name)) }
                }
                "."
            }
        }
    };
    Card { id: "probes", heading: "Probes and credentials", body, ..Card::default() }.render()
}

fn times(values: &Values, wrong: Option<&Wrong>) -> Markup {
    let kinds = [
        ("asked", "When somebody asks", "Run now, on its page."),
        ("once", "Once", "At the time below."),
        ("every", "Again and again", "As below; a time that passed while nothing ran is made up for once."),
    ]
    .map(|(value, label, help)| Choice { value, label, help, on: values.when == value });
    let units = [("hours", "hours"), ("days", "days")].map(|(value, label)| Choice {
        value,
        label,
        help: "",
        on: values.unit == value,
    });
    let plain = |name, label, help, kind| Field { name, label, help, error: None, required: true, kind }.render();
    let body = html! {
        (plain("when", "It runs", "", Kind::Radio(&kinds)))
        (field("start", "Once: a date and a time, in UTC.", wrong, false, Kind::Moment(&values.start)))
        (field("every", "", wrong, false, Kind::Number(&values.every, 1, i64::from(EVERY_MAX))))
        (plain("unit", "Hours or days", "", Kind::Select(&units)))
        (field("at", "The time of the day; of hours, the minute of the hour.", wrong, false, Kind::Mono(&values.at)))
    };
    Card { id: "times", heading: "When", body, ..Card::default() }.render()
}

/// `GET /tasks/scans/new`
pub(super) async fn new(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    Ok(respond::page(drawn(&app, &visitor, None, &Values::fresh(), None, &html! {}).await?))
}

/// `GET /tasks/scans/{id}/edit`
pub(super) async fn edit(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let task = app.store.read(move |tx| found(tx, org, &id)).await?;
    Ok(respond::page(drawn(&app, &visitor, Some(&task), &Values::of(&task), None, &html! {}).await?))
}

/// `POST /tasks/scans/new`
pub(super) async fn new_sent(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    taken(&app, &visitor, None, &sent).await
}

/// `POST /tasks/scans/{id}/edit`
pub(super) async fn edit_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let task = app.store.read(move |tx| found(tx, org, &id)).await?;
    taken(&app, &visitor, Some(&task), &sent).await
}

async fn taken(app: &App, visitor: &Visitor, of: Option<&ScanTask>, sent: &Fields) -> Result<Response, Problem> {
    let values = Values::sent(sent);
    let stored = of.map(Values::of);
    if let Some(stored) = stored.filter(|stored| edit::is_stale(sent, &stored.stamp())) {
        let (stored, entered) = (stored.labelled(), values.labelled());
        let both = stored
            .iter()
            .zip(&entered)
            .map(|((label, stored), (_, entered))| (*label, stored.as_str(), entered.as_str()));
        let told = edit::both(&both.collect::<Vec<_>>());
        let page = drawn(app, visitor, of, &values, None, &told).await?;
        return Ok((StatusCode::CONFLICT, respond::page(page)).into_response());
    }
    let wrong = match values.wanted() {
        Ok(wanted) => {
            let id: Option<ScanId> = of.map(|task| task.id);
            match save(app, visitor, id, wanted, sent.get("now") == "yes").await {
                Ok(id) => {
                    let then =
                        if sent.get("now") == "yes" { "A run begins as soon as the worker comes to it." } else { "" };
                    return Ok(respond::see_other_saying(
                        &at(id),
                        Tone::Ok,
                        &format!("{} is saved.", values.name),
                        then,
                    ));
                }
                Err(error) => match field_of(&error) {
                    Some(field) => (field, sentence(&error)),
                    None => return Err(missing(error)),
                },
            }
        }
        Err(wrong) => wrong,
    };
    let page = drawn(app, visitor, of, &values, Some(&wrong), &html! {}).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, respond::page(page)).into_response())
}
