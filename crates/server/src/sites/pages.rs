//! The page of sites, custom fields and rules for owners.

use access::Permission;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use inventory::field::{CustomField, FieldKind};
use inventory::owner::OwnerRule;
use inventory::site::Site;
use ui::{Button, Card, Cell, Choice, Column, Dialog, Empty, Field, Kind, Markup, Place, Row, Table, Tone, html};

use super::HOME;
use crate::fields::{Fields, Sent};
use crate::inventories::{quoted, to};
use crate::{App, Problem, Visitor, respond};

/// A mistake in one of its forms: which field, and what to say.
type Wrong<'a> = Option<(&'static str, &'a Problem, &'a Fields)>;

/// `GET /fields`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    drawn(&app, &visitor, None).await
}

async fn drawn(app: &App, visitor: &Visitor, wrong: Wrong<'_>) -> Result<Response, Problem> {
    let org = visitor.org;
    let read = app.store.read(move |tx| {
        let (sites, fields) = (inventory::site::sites(tx, org)?, inventory::field::fields(tx, org)?);
        Ok::<_, store::StoreError>((sites, fields, inventory::owner::owners(tx, org)?))
    });
    let (sites, fields, rules) = read.await?;
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! { "Where assets live, what else you want to know of them, and who answers for which. Times in UTC." },
        body: html! {
            (sites_card(visitor, &sites, wrong))
            (fields_card(visitor, &fields, wrong))
            (owners_card(visitor, &rules, wrong))
        },
        ..visitor.page(&shell, Place::Sites, "Sites and fields")
    };
    let status = wrong.map_or(StatusCode::OK, |(_, problem, _)| problem.status());
    Ok((status, respond::page(page.render())).into_response())
}

/// What is wrong with a field.
fn error<'a>(wrong: Wrong<'a>, field: &str) -> Option<&'a str> {
    wrong.filter(|(name, ..)| *name == field).map(|(_, problem, _)| problem.detail())
}

/// What was sent in a field of the form that has the mistake.
fn given<'a>(wrong: Wrong<'a>, form: &str, field: &str) -> &'a str {
    wrong.filter(|(name, ..)| *name == form).map_or("", |(_, _, sent)| sent.get(field))
}

/// Who may only read sees no forms.
fn may(visitor: &Visitor) -> bool {
    visitor.may(Permission::ManageOrg)
}

fn counted(number: u64, question: &str) -> Cell {
    Cell::number(html! { a href=(to("assets", question)) { (ui::count(number)) } })
}

fn sites_card(visitor: &Visitor, sites: &[Site], wrong: Wrong<'_>) -> Markup {
    let rows = sites.iter().map(|site| Row {
        id: &site.name,
        name: &site.name,
        cells: vec![
            counted(site.assets, &format!("site:{}", quoted(&site.name))),
            Cell::new(ui::moment(site.created_at)),
        ],
        ..Row::default()
    });
    let none = Empty {
        heading: "No site yet",
        why: html! { "Connecting a console makes one; or make one here." },
        link: None,
    };
    let table = Table {
        caption: "Sites by name. Times in UTC.",
        columns: vec![Column::new("Site"), Column::number("Assets"), Column::new("Made")],
        rows: rows.collect(),
        instead: sites.is_empty().then(|| none.render()),
        ..Table::default()
    };
    let names: Vec<Choice<'_>> =
        sites.iter().map(|site| Choice { value: &site.name, label: &site.name, help: "", on: false }).collect();
    let new = field("site", "Name of a new site", "", error(wrong, "site"), Kind::Text(given(wrong, "site", "site")));
    let which = field("which", "Site", "", None, Kind::Select(&names));
    let renamed = field(
        "to",
        "Another name",
        "Everywhere; its assets stay.",
        error(wrong, "to"),
        Kind::Text(given(wrong, "to", "to")),
    );
    let body = html! {
        (table.render())
        @if may(visitor) {
            (form(visitor, "/fields/sites/add", "Make a site", &[new]))
            @if !sites.is_empty() { (form(visitor, "/fields/sites/rename", "Rename", &[which, renamed])) }
        }
    };
    let aside = html! { a href="/sites" { "Ask about sites" } };
    Card { id: "sites", heading: "Sites", aside, body, ..Card::default() }.render()
}

fn field<'a>(name: &'a str, label: &'a str, help: &'a str, error: Option<&'a str>, kind: Kind<'a>) -> Field<'a> {
    Field { name, label, help, error, required: true, kind }
}

fn form(visitor: &Visitor, action: &str, words: &str, fields: &[Field<'_>]) -> Markup {
    ui::post(
        visitor.csrf(),
        action,
        &html! {
            @for field in fields { (field.render()) }
            div.line { (ui::button(&Button { words, ..Button::default() })) }
        },
    )
}

fn fields_card(visitor: &Visitor, fields: &[CustomField], wrong: Wrong<'_>) -> Markup {
    let rows = fields.iter().map(|one| {
        let kind = match &one.kind {
            FieldKind::Choice(choices) => html! { "One of " (ui::name(&choices.join(", "))) },
            kind => html! { (kind.word()) },
        };
        Row {
            id: &one.key,
            name: &one.key,
            mono: true,
            cells: vec![
                Cell::new(kind),
                Cell::number(html! { (ui::count(one.filled)) }),
                Cell::text(&one.created_by),
                Cell::number(html! { @if may(visitor) { (removal(visitor, one)) } }),
            ],
            ..Row::default()
        }
    });
    let none = Empty {
        heading: "No custom field yet",
        why: html! { "A field takes its values from tags of the same name, and from what people enter." },
        link: None,
    };
    let table = Table {
        caption: "Custom fields by name.",
        columns: vec![
            Column::new("Field"),
            Column::new("Values"),
            Column::number("Assets"),
            Column::new("Made by"),
            Column::verbs(),
        ],
        rows: rows.collect(),
        instead: fields.is_empty().then(|| none.render()),
        ..Table::default()
    };
    let was = given(wrong, "key", "kind");
    let kinds = [("text", "Any text"), ("number", "A number"), ("date", "A date"), ("choice", "One of a few")]
        .map(|(value, label)| Choice { value, label, help: "", on: value == was });
    let of_choices = |problem: &Problem| problem.mistakes().iter().any(|mistake| mistake.field == "choices");
    let choices_wrong = wrong.filter(|(_, problem, _)| of_choices(problem)).map(|(_, problem, _)| problem.detail());
    let key = field(
        "key",
        "Name",
        "The key of the tags that fill it, letter by letter: cost-centre.",
        error(wrong, "key").filter(|_| choices_wrong.is_none()),
        Kind::Mono(given(wrong, "key", "key")),
    );
    let kind = field("kind", "Values", "", None, Kind::Select(&kinds));
    let choices = Field {
        name: "choices",
        label: "The few",
        help: "With commas between them; only of a field with one of a few.",
        error: choices_wrong,
        required: false,
        kind: Kind::Text(given(wrong, "key", "choices")),
    };
    let body = html! {
        (table.render())
        @if may(visitor) { (form(visitor, "/fields/add", "Make a field", &[key, kind, choices])) }
    };
    Card { id: "fields", heading: "Custom fields", body, ..Card::default() }.render()
}

/// The question before a field goes, with what people typed into it.
fn removal(visitor: &Visitor, one: &CustomField) -> Markup {
    let id = format!("remove-{}", one.id);
    let question = format!("Remove the field {}?", one.key);
    let dialog = Dialog {
        id: &id,
        question: &question,
        body: html! {
            input type="hidden" name="key" value=(one.key);
            p { "Its values go with it, those that people typed too. Tags stay as they are." }
        },
        safe: "Keep",
        verb: "Remove",
        danger: true,
        action: "/fields/remove",
        csrf: visitor.csrf(),
    };
    let opener = Button { words: "Remove", about: &one.key, small: true, ..Button::default() };
    html! { (dialog.opener(&opener)) (dialog.render()) }
}

fn owners_card(visitor: &Visitor, rules: &[OwnerRule], wrong: Wrong<'_>) -> Markup {
    let places: Vec<String> = rules.iter().map(|rule| rule.position.to_string()).collect();
    let rows = rules.iter().zip(&places).map(|(rule, place)| {
        let about = format!("rule {place}");
        let remove = Button { words: "Remove", about: &about, small: true, ..Button::default() };
        Row {
            id: place,
            name: &rule.name,
            cells: vec![
                Cell::number(html! { (place) }),
                Cell::new(html! { a.mono href=(to("assets", &rule.condition)) { (ui::name(&rule.condition)) } }),
                counted(rule.assets, &format!("owner:{}", quoted(&rule.name))),
                Cell::number(html! {
                    @if may(visitor) {
                        (ui::post_button(visitor.csrf(), "/fields/owners/remove", &remove, &[("position", place)]))
                    }
                }),
            ],
            ..Row::default()
        }
    });
    let none = Empty {
        heading: "No rule yet",
        why: html! { "Without one, an asset's owner is who a person names." },
        link: None,
    };
    let table = Table {
        caption: "Rules for owners, in their order: the first that matches counts.",
        columns: vec![
            Column::new("Owner"),
            Column::number("Rule"),
            Column::new("Assets that match"),
            Column::number("Has it by this"),
            Column::verbs(),
        ],
        rows: rows.collect(),
        instead: rules.is_empty().then(|| none.render()),
        ..Table::default()
    };
    let name = field(
        "owner",
        "Owner",
        "A team or a person.",
        error(wrong, "owner"),
        Kind::Text(given(wrong, "when", "owner")),
    );
    let when = field(
        "when",
        "Of which assets",
        "In the query language: os:windows and site:Berlin.",
        error(wrong, "when"),
        Kind::Mono(given(wrong, "when", "when")),
    );
    let body = html! {
        p.muted { "The first rule that matches gives an asset its owner. An owner whom a person named stays." }
        (table.render())
        @if may(visitor) { (form(visitor, "/fields/owners/add", "Add a rule", &[name, when])) }
    };
    Card { id: "owners", heading: "Rules for owners", body, ..Card::default() }.render()
}

/// The page again, saying what was done, or the form again, saying what is wrong.
async fn after(
    app: &App,
    visitor: &Visitor,
    done: Result<String, Problem>,
    field: &'static str,
    sent: &Fields,
) -> Result<Response, Problem> {
    match done {
        Ok(told) => Ok(respond::see_other_saying(HOME, Tone::Ok, "Done.", &told)),
        Err(problem) if matches!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT) => {
            drawn(app, visitor, Some((field, &problem, sent))).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /fields/sites/add`
pub(super) async fn add_site(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let done = super::add_site(&app, &visitor, sent.get("site").to_owned()).await;
    after(&app, &visitor, done, "site", &sent).await
}

/// `POST /fields/sites/rename`
pub(super) async fn rename_site(
    State(app): State<App>,
    visitor: Visitor,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let done = super::rename_site(&app, &visitor, sent.get("which").to_owned(), sent.get("to").to_owned()).await;
    after(&app, &visitor, done, "to", &sent).await
}

/// `POST /fields/add`
pub(super) async fn add_field(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let choices = sent.get("choices").split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned);
    let done = match super::kind(sent.get("kind"), choices.collect()) {
        Ok(kind) => super::add_field(&app, &visitor, sent.get("key").to_owned(), kind).await,
        Err(problem) => Err(problem),
    };
    after(&app, &visitor, done, "key", &sent).await
}

/// `POST /fields/remove`
pub(super) async fn remove_field(
    State(app): State<App>,
    visitor: Visitor,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let done = super::remove_field(&app, &visitor, sent.get("key").to_owned()).await;
    after(&app, &visitor, done, "key", &sent).await
}

/// `POST /fields/owners/add`
pub(super) async fn add_owner(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let done = super::add_owner(&app, &visitor, sent.get("owner").to_owned(), sent.get("when").to_owned()).await;
    after(&app, &visitor, done, "when", &sent).await
}

/// `POST /fields/owners/remove`
pub(super) async fn remove_owner(
    State(app): State<App>,
    visitor: Visitor,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let position = sent.get("position").parse().map_err(|_| Problem::missing("rule"))?;
    let done = super::remove_owner(&app, &visitor, position).await;
    after(&app, &visitor, done, "when", &sent).await
}
