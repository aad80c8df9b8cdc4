//! The pages of saved credentials.

use access::{CREDENTIAL_KINDS, Custodian, Permission, Reference};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kernel::{OrgId, Secret, Timestamp};
use sync::{Overview, scan};
use ui::{
    Button, Card, Cell, Choice, Column, Dialog, Empty, Field, Flash, Kind, Layout, Markup, Place, Row, Tab, Table,
    Tone, Weight, html,
};

use super::{Fault, Known, Rotation, Shown, ends, hidden_words, keeper, kind_title};
use crate::fields::{Fields, Sent};
use crate::problem::sentence;
use crate::{App, Problem, Visitor, edit, respond};

/// The tabs of the page.
pub(crate) fn tabs(visitor: &Visitor, links: bool) -> Markup {
    let mut all = vec![Tab { label: "Saved", href: "/credentials", count: None, current: !links }];
    if visitor.may(Permission::ManageLinks) {
        all.push(Tab { label: "Connection links", href: "/credentials/links", count: None, current: links });
    }
    ui::tabs("Credentials", &all)
}

/// `GET /credentials`
pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, person, now) = (visitor.org, visitor.person, app.world.now());
    let read = app.store.read(move |tx| {
        let known = super::known(tx, org, Some(person))?;
        let mut uses = Vec::new();
        for of in &known.usable {
            uses.push(sync::uses(tx, of.id)?.len());
        }
        Ok::<_, Problem>((known, uses, sync::overviews(tx, org, now)?))
    });
    let (known, uses, overviews) = read.await?;
    let shell = visitor.shell();
    let own: Vec<&Overview> = overviews
        .iter()
        .filter(|of| !of.integration.connector.is_file() && of.integration.credential.is_none())
        .collect();
    let hidden = hidden_words(&known.hidden, &visitor.org_name);
    let body = html! {
        (tabs(&visitor, false))
        (saved(&known, &uses, &visitor, now))
        @if let Some(words) = hidden { p.muted { (words) } }
        @if !own.is_empty() { (ui::section("own", "Tokens of one integration", "Kept with the integration, and used by nothing else.", &tokens(&own, now))) }
    };
    let actions = html! {
        @if visitor.may(Permission::ManageLinks) {
            (ui::link_button("/credentials/links/new", &Button { words: "Ask somebody for a token", ..Button::default() }))
        }
        @if visitor.may(Permission::ManageCredentials) {
            (ui::link_button("/credentials/new", &Button { words: "Save a credential", weight: Weight::Main, ..Button::default() }))
        }
    };
    let page = ui::Page {
        lead: html! { "Saved once, used by any number of integrations. Nobody can read a secret here again." },
        actions,
        body,
        ..visitor.page(&shell, Place::Credentials, "Credentials")
    };
    Ok(respond::page(page.render()))
}

fn saved(known: &Known, uses: &[usize], visitor: &Visitor, now: Timestamp) -> Markup {
    let ids: Vec<(String, String)> =
        known.usable.iter().map(|of| (of.id.to_string(), format!("/credentials/{}", of.id))).collect();
    let rows = known.usable.iter().zip(&ids).zip(uses).map(|((of, (id, href)), uses)| Row {
        id,
        name: &of.name,
        icon: Some((ui::Icon::Key, "Credential")),
        href: Some(href),
        cells: vec![
            Cell::new(html! { (kind_title(&of.kind)) }),
            if of.url.is_empty() { Cell::new(ui::absent("no address")) } else { Cell::text(host(&of.url)) },
            Cell::new(html! { (keeper(&of.custodian, &known.explorers)) }),
            Cell::new(match (of.org == visitor.org, of.global) {
                (_, true) => html! { "Every organization" },
                (true, false) => html! { "This organization" },
                (false, false) => html! { "Granted to this one" },
            }),
            Cell::new(role_and_scope(&of.facts)),
            Cell::new(ends(of.facts.expires_at, now)),
            Cell::number(html! { (uses) }),
        ],
        ..Row::default()
    });
    let empty = Empty {
        heading: "No credential is saved yet",
        why: html! { "Save one to use it in several integrations, or to keep its secret in a Vault." },
        link: visitor.may(Permission::ManageCredentials).then_some(("Save a credential", "/credentials/new")),
    };
    Table {
        caption: "Saved credentials, by name. Dates in UTC.",
        columns: vec![
            Column::new("Credential"),
            Column::new("Type"),
            Column::new("Address"),
            Column::new("Kept by"),
            Column::new("Used by"),
            Column::new("Role and scope"),
            Column::new("Ends"),
            Column::number("Integrations"),
        ],
        instead: known.usable.is_empty().then(|| empty.render()),
        rows: rows.collect(),
        ..Table::default()
    }
    .render()
}

fn tokens(own: &[&Overview], now: Timestamp) -> Markup {
    let hrefs: Vec<(String, String)> =
        own.iter().map(|of| (of.integration.id.to_string(), format!("/integrations/{}", of.integration.id))).collect();
    let rows = own.iter().zip(&hrefs).map(|(of, (id, href))| Row {
        id,
        name: &of.integration.name,
        href: Some(href),
        cells: vec![
            Cell::text(&of.integration.console_host),
            Cell::new(html! {
                (ui::words::name(of.integration.role.as_deref().unwrap_or("role not said"))) ", "
                (of.integration.scope.as_deref().unwrap_or("scope not said"))
            }),
            Cell::new(ends(of.integration.token_expires_at, now)),
        ],
        ..Row::default()
    });
    Table {
        caption: "Tokens that belong to one integration, by its name.",
        columns: vec![
            Column::new("Integration"),
            Column::new("Console"),
            Column::new("Role and scope"),
            Column::new("Ends"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
    .render()
}

fn role_and_scope(facts: &access::Facts) -> Markup {
    match (&facts.role, &facts.scope) {
        (None, None) => ui::absent("not tried yet"),
        (role, scope) => html! {
            (ui::words::name(role.as_deref().unwrap_or("role not said"))) ", " (scope.as_deref().unwrap_or("scope not said"))
        },
    }
}

fn host(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

// Saving one.

/// `GET /credentials/new`
pub(super) async fn new(visitor: Visitor) -> Response {
    respond::page(new_page(&visitor, &Fields::default(), None))
}

/// What is wrong with a form: about which field, and what to do.
struct Wrong {
    field: &'static str,
    words: String,
    /// It may pass, so it may be saved all the same.
    passes: bool,
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Wrong {
        let words = format!("{} {}", fault.what, fault.help);
        Wrong { field: fault.field, words: words.trim_end().to_owned(), passes: fault.passes }
    }
}

/// `POST /credentials/new`
pub(super) async fn new_sent(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let keep = match sent.get("keeper") {
        "reference" => {
            super::may_refer(&visitor)?;
            super::Kept::Reference(sent.get("reference").to_owned())
        }
        _ => super::Kept::Secret(secret(&sent, sent.get("kind"))),
    };
    let order = super::Order {
        name: sent.get("name").to_owned(),
        kind: sent.get("kind").to_owned(),
        url: sent.get("url").to_owned(),
        keep,
        untried: sent.opt("untried").is_some(),
    };
    match super::save(&app, visitor.org, &visitor.login, order).await {
        Ok((id, Some(probe))) => {
            let role = probe.role.clone().unwrap_or_default();
            let more = probe.role.as_deref() != Some(sync::ROLE_ENOUGH);
            let (tone, then) = match more {
                true => (
                    Tone::Warn,
                    format!(
                        "It works, and can do more than read: its role is {role}. {} is enough.",
                        sync::ROLE_ENOUGH
                    ),
                ),
                false => (Tone::Ok, "The console accepts it. Integrations can use it now.".to_owned()),
            };
            Ok(respond::see_other_saying(&format!("/credentials/{id}"), tone, "Saved.", &then))
        }
        Ok((id, None)) => {
            let then = "It has not been tried on anything yet.";
            Ok(respond::see_other_saying(&format!("/credentials/{id}"), Tone::Ok, "Saved.", then))
        }
        Err(super::Unsaved::Fault(fault)) => Ok(refused(new_page(&visitor, &sent, Some(&fault.into())))),
        Err(super::Unsaved::Field(field, words)) => {
            Ok(refused(new_page(&visitor, &sent, Some(&Wrong { field, words, passes: false }))))
        }
        Err(super::Unsaved::Problem(problem)) => Err(problem),
    }
}

/// The secret that a form brings: one text, or the parts of a user of SNMP v3.
fn secret(sent: &Fields, kind: &str) -> Secret {
    let of = |field: &str| sent.get(field).trim().to_owned();
    if kind != scan::USER || of("user").is_empty() {
        return Secret::new(of("secret"));
    }
    let hash = if of("hash") == "sha1" { scan::Hash::Sha1 } else { scan::Hash::Sha256 };
    let (auth, privacy) = (Secret::new(of("auth_secret")), Secret::new(of("privacy_secret")));
    scan::User { name: of("user"), hash, auth, privacy }.written()
}

/// The fields of a user of SNMP v3.
fn user_fields(user: &str, hash: &str) -> Markup {
    let hashes = [("sha256", "SHA-256"), ("sha1", "SHA-1")].map(|(value, label)| Choice {
        value,
        label,
        help: "",
        on: hash == value,
    });
    let plain = |name, label, help, kind| Field { name, label, help, error: None, required: false, kind }.render();
    html! {
        (plain("user", "SNMP v3: user name", "As the agent knows it. Both of its secrets have 8 characters or more.", Kind::Text(user)))
        (plain("hash", "SNMP v3: authentication", "Encryption is AES-128.", Kind::Select(&hashes)))
        (plain("auth_secret", "SNMP v3: authentication secret", "", Kind::Secret("off")))
        (plain("privacy_secret", "SNMP v3: privacy secret", "", Kind::Secret("off")))
    }
}

fn refused(markup: Markup) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, respond::page(markup)).into_response()
}

fn new_page(visitor: &Visitor, sent: &Fields, wrong: Option<&Wrong>) -> Markup {
    let of = |field: &str| wrong.filter(|wrong| wrong.field == field).map(|wrong| wrong.words.as_str());
    let kinds: Vec<Choice<'_>> = CREDENTIAL_KINDS
        .iter()
        .map(|kind| Choice { value: kind.word, label: kind.title, help: "", on: sent.get("kind") == kind.word })
        .collect();
    let refers = visitor.may(Permission::ManageInstallation);
    let elsewhere = sent.get("keeper") == "reference";
    let keepers = [
        Choice {
            value: "server",
            label: "This server",
            help: "Sealed under a key that lies apart from the database. Write-only.",
            on: !elsewhere,
        },
        Choice {
            value: "reference",
            label: "Another place",
            help: "Vault or OpenBao, a variable or a file of this server. It is fetched when it is needed.",
            on: elsewhere,
        },
    ];
    let fields = [
        Field {
            name: "name",
            label: "Name",
            help: "As pickers show it.",
            error: of("name"),
            required: true,
            kind: Kind::Text(sent.get("name")),
        },
        Field { name: "kind", label: "Type", help: "", error: of("kind"), required: true, kind: Kind::Select(&kinds) },
        Field {
            name: "url",
            label: "Address of the console",
            help: "As in your browser, for example acme.sentinelone.net. A path is cut off. Leave it empty for types without one.",
            error: of("url"),
            required: false,
            kind: Kind::Mono(sent.get("url")),
        },
        Field {
            name: "keeper",
            label: "Who keeps the secret",
            help: "",
            error: None,
            required: true,
            kind: Kind::Radio(&keepers),
        },
        Field {
            name: "secret",
            label: "Secret",
            help: "The API token, which is tried before it is saved, or the SNMP community. Nobody can read it here again.",
            error: of("secret"),
            required: false,
            kind: Kind::Secret("off"),
        },
        Field {
            name: "reference",
            label: "Reference",
            help: "Instead of the secret: vault://mount/path#key, env:MUSTER_SECRET_NAME, or file:///folder/name.",
            error: of("reference"),
            required: false,
            kind: Kind::Mono(sent.get("reference")),
        },
    ];
    let untried = Field {
        name: "untried",
        label: "Save it although it could not be tried",
        help: "The console did not answer just now.",
        error: None,
        required: false,
        kind: Kind::Switch(false),
    };
    let inside = html! {
        div.body.flow {
            (ui::errors(&fields))
            @for field in fields.iter().filter(|field| refers || !["keeper", "reference"].contains(&field.name)) {
                (field.render())
                @if field.name == "secret" { (user_fields(sent.get("user"), sent.get("hash"))) }
            }
            @if wrong.is_some_and(|wrong| wrong.passes) { (untried.render()) }
        }
        footer {
            (ui::button(&Button { words: "Try and save", weight: Weight::Main, ..Button::default() }))
            (ui::link_button("/credentials", &Button { words: "Cancel", ..Button::default() }))
        }
    };
    let shell = visitor.shell();
    let body = html! { form.card method="post" action="/credentials/new" { (visitor.csrf().field()) (inside) } };
    ui::Page {
        layout: Layout::Narrow,
        crumbs: &[("Credentials", "/credentials")],
        body,
        ..visitor.page(&shell, Place::Credentials, "Save a credential")
    }
    .render()
}

// One of them.

/// `GET /credentials/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let found = app.store.read(move |tx| super::shown(tx, org, &id)).await?;
    Ok(respond::page(shown_page(&visitor, &found, now, None)))
}

fn shown_page(visitor: &Visitor, found: &Shown, now: Timestamp, wrong: Option<&Wrong>) -> Markup {
    let of = &found.of;
    let owns = of.org == visitor.org;
    let manages = owns && visitor.may(Permission::ManageCredentials);
    let facts = [
        ("Type", html! { (kind_title(&of.kind)) }),
        ("Address", if of.url.is_empty() { ui::absent("none") } else { ui::mono(&of.url) }),
        (
            "Kept by",
            html! { (keeper(&of.custodian, &found.explorers)) @if let Custodian::Reference(reference) = &of.custodian { " " (ui::mono(&reference.to_string())) } },
        ),
        ("Role and scope", role_and_scope(&of.facts)),
        ("Ends", ends(of.facts.expires_at, now)),
        ("Fingerprint", of.fingerprint.as_deref().map_or_else(|| ui::absent("not kept here"), ui::mono)),
        ("Belongs to", ui::words::name(&found.owner)),
        ("Saved", ui::moment(of.created_at)),
        ("Changed", ui::moment(of.changed_at)),
    ];
    let body = html! {
        @if let Some(wrong) = wrong {
            (Flash { tone: Tone::Bad, what: "Not changed.", then: &wrong.words, link: None }.render())
        }
        div.cols {
            div.flow.wide {
                (Card { id: "about", heading: "What is known of it", body: ui::facts(&facts), ..Card::default() }.render())
                (used(found, visitor))
            }
            @if manages { div.flow.wide { (rotation(visitor, found, wrong)) (sharing(visitor, found)) @if visitor.may(Permission::ManageInstallation) { (custody(visitor, found)) } (change_card(visitor, found)) } }
            @else if !owns { p.muted { "Only " (ui::words::name(&found.owner)) " changes it." } }
        }
        @if manages { (removal(visitor, found).render()) }
    };
    let remove = removal(visitor, found);
    let actions = html! {
        @if manages && found.uses.is_empty() {
            (remove.opener(&Button { words: "Remove", weight: Weight::Danger, ..Button::default() }))
        } @else if manages {
            (ui::barred("Remove", "Integrations use it."))
        }
    };
    let shell = visitor.shell();
    ui::Page {
        crumbs: &[("Credentials", "/credentials")],
        lead: html! { "Its secret is write-only: it can be replaced, and never read." },
        actions,
        body,
        ..visitor.page(&shell, Place::Credentials, &of.name)
    }
    .render()
}

fn used(found: &Shown, visitor: &Visitor) -> Markup {
    let elsewhere = found.uses.iter().filter(|one| one.org != visitor.org).count();
    let body = html! {
        @if found.uses.is_empty() { p { "Nothing uses it yet. It can be chosen where a console is connected." } }
        ul.listed {
            @for one in found.uses.iter().filter(|one| one.org == visitor.org) {
                li { a href={ "/integrations/" (one.integration) } { (ui::words::name(&one.name)) } }
            }
            @if elsewhere > 0 { li { (ui::noun(elsewhere as u64, "integration", "integrations")) " of other organizations" } }
        }
    };
    Card { id: "used", heading: "What uses it", body, ..Card::default() }.render()
}

fn rotation(visitor: &Visitor, found: &Shown, wrong: Option<&Wrong>) -> Markup {
    if let Custodian::Explorer(_) = found.of.custodian {
        let body = html! {
            p { "Type the new one at the Explorer's machine; this server never has it:" }
            p.mono { "muster explorer credential add '" (found.of.name) "'" }
        };
        return Card { id: "rotate", heading: "A new secret", body, ..Card::default() }.render();
    }
    if found.of.custodian != Custodian::Server {
        let body = html! { p { "Change the secret where it is kept. What is read there is believed for five minutes at most." } };
        return Card { id: "rotate", heading: "A new secret", body, ..Card::default() }.render();
    }
    let help = match found.of.url.is_empty() {
        true => "It takes the old one's place at once.",
        false => "It is tried on the console first. Until it works, the old one stays in use.",
    };
    let error = wrong.filter(|wrong| wrong.field == "secret").map(|wrong| wrong.words.as_str());
    let field = Field { name: "secret", label: "New secret", help, error, required: true, kind: Kind::Secret("off") };
    let inside = html! {
        div.flow {
            @if found.of.kind == scan::USER { @if let Some(error) = error { p.error { (error) } } (user_fields("", "")) } @else { (field.render()) }
            div.line { (ui::button(&Button { words: "Try and use it", weight: Weight::Main, ..Button::default() })) }
        }
    };
    let form = ui::post(visitor.csrf(), &format!("/credentials/{}/rotate", found.of.id), &inside);
    Card { id: "rotate", heading: "A new secret", body: form, ..Card::default() }.render()
}

fn sharing(visitor: &Visitor, found: &Shown) -> Markup {
    let others: Vec<_> = visitor.orgs.iter().filter(|of| of.org != visitor.org).collect();
    let ids: Vec<String> = others.iter().map(|of| of.org.0.to_string()).collect();
    let choices: Vec<Choice<'_>> = others
        .iter()
        .zip(&ids)
        .map(|(of, id)| Choice { value: id, label: &of.org_name, help: "", on: found.grants.contains(&of.org) })
        .collect();
    let unseen = found.grants.iter().filter(|org| !others.iter().any(|of| of.org == **org)).count();
    let installs = visitor.may(Permission::ManageInstallation);
    let global = Field {
        name: "global",
        label: "Every organization may use it",
        help: "A global credential. Only its own organization can change or remove it.",
        error: None,
        required: false,
        kind: Kind::Switch(found.of.global),
    };
    let granted = Field {
        name: "org",
        label: "Organizations that may use it",
        help: "Beside this one.",
        error: None,
        required: false,
        kind: Kind::Check(&choices),
    };
    let inside = html! {
        div.flow {
            (edit::carries(&shared_as(found)))
            @if installs { (global.render()) } @else if found.of.global { p { "Every organization may use it." } }
            @if choices.is_empty() { p.muted { "You are a member of no other organization to grant it to." } } @else { (granted.render()) }
            @if unseen > 0 { p.muted { "It is granted to " (ui::noun(unseen as u64, "organization", "organizations")) " that you are no member of. That stays." } }
            @if installs || !choices.is_empty() { div.line { (ui::button(&Button { words: "Save who may use it", ..Button::default() })) } }
        }
    };
    let form = ui::post(visitor.csrf(), &format!("/credentials/{}/share", found.of.id), &inside);
    Card { id: "share", heading: "Who may use it", body: form, ..Card::default() }.render()
}

/// Tells one state of who may use it from another.
fn shared_as(found: &Shown) -> String {
    let grants: Vec<String> = found.grants.iter().map(|org| org.0.to_string()).collect();
    edit::stamp(&[&found.of.global.to_string(), &grants.join(" ")])
}

fn custody(visitor: &Visitor, found: &Shown) -> Markup {
    let now = match &found.of.custodian {
        Custodian::Reference(reference) => reference.to_string(),
        _ => String::new(),
    };
    let field = Field {
        name: "reference",
        label: "Reference",
        help: "vault://mount/path#key, env:MUSTER_SECRET_NAME, or file:///folder/name. What this server had sealed is destroyed once it can be read there.",
        error: None,
        required: true,
        kind: Kind::Mono(&now),
    };
    let inside = html! {
        div.flow { (field.render()) div.line { (ui::button(&Button { words: "Keep it there", ..Button::default() })) } }
    };
    let form = ui::post(visitor.csrf(), &format!("/credentials/{}/keep", found.of.id), &inside);
    Card { id: "keep", heading: "Keep it elsewhere", body: form, ..Card::default() }.render()
}

/// Tells one state of name and address from another.
fn stamp_of(found: &Shown) -> String {
    edit::stamp(&[&found.of.name, &found.of.url])
}

fn change_card(visitor: &Visitor, found: &Shown) -> Markup {
    let name =
        Field { name: "name", label: "Name", help: "", error: None, required: true, kind: Kind::Text(&found.of.name) };
    let url = Field {
        name: "url",
        label: "Address",
        help: "Where it is tried. Integrations keep their own address.",
        error: None,
        required: false,
        kind: Kind::Mono(&found.of.url),
    };
    let inside = html! {
        (edit::carries(&stamp_of(found)))
        div.flow { (name.render()) (url.render()) div.line { (ui::button(&Button { words: "Save", ..Button::default() })) } }
    };
    let form = ui::post(visitor.csrf(), &format!("/credentials/{}/change", found.of.id), &inside);
    Card { id: "change", heading: "Name and address", body: form, ..Card::default() }.render()
}

fn removal<'a>(visitor: &'a Visitor, found: &Shown) -> Removal<'a> {
    Removal { action: format!("/credentials/{}/remove", found.of.id), name: found.of.name.clone(), visitor }
}

/// The question before a credential is destroyed.
struct Removal<'a> {
    action: String,
    name: String,
    visitor: &'a Visitor,
}

impl Removal<'_> {
    fn dialog(&self) -> Dialog<'_> {
        Dialog {
            id: "remove",
            question: "Remove this credential?",
            body: html! { p { (ui::words::name(&self.name)) " and its sealed secret are destroyed, in all versions. In the console the token stays valid until it is revoked there." } },
            safe: "Keep it",
            verb: "Remove",
            danger: true,
            action: &self.action,
            csrf: self.visitor.csrf(),
        }
    }

    fn render(&self) -> Markup {
        self.dialog().render()
    }

    fn opener(&self, what: &Button<'_>) -> Markup {
        self.dialog().opener(what)
    }
}

/// `POST /credentials/{id}/change`
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let url = match sent.get("url").trim() {
        "" => String::new(),
        text => {
            super::console(&app, text).await.map_err(|fault| Problem::invalid(fault.what).help(fault.help))?.origin()
        }
    };
    let (name, to, given) = (sent.get("name").to_owned(), format!("/credentials/{id}"), sent.clone());
    let changed = app.store.write(move |tx| {
        let found = super::owned(tx, org, &id)?;
        if edit::is_stale(&given, &stamp_of(&found)) {
            let detail = format!(
                "Somebody else changed it meanwhile, so nothing was saved. Stored now are the name {} and the address {}; \
                 you entered {name} and {}.",
                found.of.name,
                if found.of.url.is_empty() { "(none)" } else { &found.of.url },
                if url.is_empty() { "(none)" } else { &url },
            );
            return Err(Problem::conflict(detail).help("Open the credential again, and decide once more."));
        }
        Ok::<_, Problem>(access::change_credential(tx, org, found.of.id, &name, &url, &by, now)?)
    });
    changed.await?;
    Ok(respond::see_other_saying(&to, Tone::Ok, "Saved.", ""))
}

/// `POST /credentials/{id}/rotate`
pub(super) async fn rotate(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, to) = (visitor.org, format!("/credentials/{id}"));
    let found = app.store.read(move |tx| super::owned(tx, org, &id)).await?;
    let secret = secret(&sent, &found.of.kind);
    if secret.expose().is_empty() {
        let wrong =
            Wrong { field: "secret", words: "Enter the new secret; nothing was entered.".to_owned(), passes: false };
        return Ok(refused(shown_page(&visitor, &found, app.world.now(), Some(&wrong))));
    }
    match super::rotated(&app, (org, &visitor.login), &found, secret, &HeaderMap::new()).await {
        Ok(_) => {
            let then = "The old secret is destroyed. What uses it goes on with the new one.";
            Ok(respond::see_other_saying(&to, Tone::Ok, "The new secret is in use.", then))
        }
        Err(Rotation::Fault(fault)) => {
            let mut wrong = Wrong::from(fault);
            wrong.words += " The old secret stays in use.";
            Ok(refused(shown_page(&visitor, &found, app.world.now(), Some(&wrong))))
        }
        Err(Rotation::Problem(problem)) => Err(problem),
    }
}

/// `POST /credentials/{id}/keep`
pub(super) async fn keep(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    super::may_refer(&visitor)?;
    let (org, by, now, to) = (visitor.org, visitor.login.clone(), app.world.now(), format!("/credentials/{id}"));
    let found = app.store.read(move |tx| super::owned(tx, org, &id)).await?;
    let wrong = |words: String| {
        let wrong = Wrong { field: "reference", words, passes: false };
        Ok(refused(shown_page(&visitor, &found, now, Some(&wrong))))
    };
    let reference = match Reference::parse(sent.get("reference")) {
        Ok(reference) => reference,
        Err(error) => return wrong(sentence(&error)),
    };
    match super::kept_at(&app, (org, &by), &found, reference, &HeaderMap::new()).await {
        Ok(()) => {}
        Err(Ok(words)) => return wrong(words),
        Err(Err(problem)) => return Err(problem),
    }
    let then = "It is fetched from there whenever it is needed.";
    Ok(respond::see_other_saying(&to, Tone::Ok, "Kept elsewhere from now on.", then))
}

/// `POST /credentials/{id}/share`
pub(super) async fn share(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, by, now, to) = (visitor.org, visitor.login.clone(), app.world.now(), format!("/credentials/{id}"));
    let global = visitor.may(Permission::ManageInstallation).then(|| sent.opt("global").is_some());
    let chosen: Vec<OrgId> = sent.all("org").filter_map(|id| id.parse().ok().map(OrgId)).collect();
    let seen: Vec<OrgId> = visitor.orgs.iter().map(|of| of.org).collect();
    let write = app.store.write(move |tx| {
        if edit::is_stale(&sent, &shared_as(&super::owned(tx, org, &id)?)) {
            return Err(Problem::conflict("Somebody else changed who may use it meanwhile, so nothing was saved.")
                .help("Open the credential again, and choose once more."));
        }
        super::share(tx, (org, &id), global, &chosen, &seen, &by, now)
    });
    write.await?;
    Ok(respond::see_other_saying(&to, Tone::Ok, "Saved who may use it.", ""))
}

/// `POST /credentials/{id}/remove`
pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let name = app.store.write(move |tx| super::remove(tx, org, &id, &by, now)).await?;
    Ok(respond::see_other_saying("/credentials", Tone::Ok, "Removed.", &format!("{name} is destroyed.")))
}
