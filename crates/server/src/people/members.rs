//! Who works here: the list of an organization's people, one of them, and everything that an administrator does with them.

use access::{AccessError, Member, Permission, PersonState, Role};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kernel::{OrgId, PersonId, Random, Secret, Timestamp};
use store::Tx;
use ui::{
    Button, Card, Cell, Choice, Column, Dialog, Field, Flash, Foot, Kind, Layout, Light, Markup, Place, Row, Table,
    Tone, Weight, html,
};

use super::{HOME, Here, tabs};
use crate::fields::{Asked, Fields, Sent, address};
use crate::{App, Problem, Visitor, edit, respond};

/// People of a page of the list.
pub(super) const ROWS: u32 = 50;

/// Who has done what is only theirs to do: administers people here, and how far.
#[derive(Clone, Debug)]
pub(super) struct Hand {
    pub(super) org: OrgId,
    pub(super) by: String,
    pub(super) person: PersonId,
    /// Organizations that they administer.
    admin_of: Vec<OrgId>,
    /// They administer the installation.
    all: bool,
}

impl Hand {
    pub(super) fn of(visitor: &Visitor) -> Hand {
        let admin_of = visitor.orgs.iter().filter(|of| of.role == Role::Admin).map(|of| of.org);
        Hand {
            org: visitor.org,
            by: visitor.login.clone(),
            person: visitor.person,
            admin_of: admin_of.chain([visitor.org]).collect(),
            all: visitor.may(Permission::ManageInstallation),
        }
    }

    /// Whether they may do to a person what reaches into each of their organizations: a new password, another second
    /// factor, the end of every sign-in. Otherwise the administrator of one organization could become somebody in another.
    fn reaches(&self, tx: &mut Tx<'_>, who: PersonId) -> Result<bool, AccessError> {
        let orgs = access::memberships(tx, who)?;
        Ok(self.all || orgs.iter().all(|of| self.admin_of.contains(&of.org)))
    }

    fn check(&self, tx: &mut Tx<'_>, who: PersonId) -> Result<(), Problem> {
        match self.reaches(tx, who)? {
            true => Ok(()),
            false => Err(Problem::forbidden(
                "They belong to other organizations too, which this would reach into. You can change what they are here.",
            )
            .help("Who administers the first organization can do it.")),
        }
    }
}

/// A member of the organization, by the id in an address.
pub(super) fn member(tx: &mut Tx<'_>, org: OrgId, id: &str) -> Result<Member, Problem> {
    let missing = || Problem::missing("person");
    let who = PersonId::parse(id).ok_or_else(missing)?;
    let role = access::role_of(tx, org, who)?.ok_or_else(missing)?;
    let person = access::person(tx, who)?.ok_or_else(missing)?;
    Ok(Member { since: person.created_at, person, role })
}

/// `GET /people`
pub(super) async fn list(State(app): State<App>, visitor: Visitor, Asked(asked): Asked) -> Result<Response, Problem> {
    drawn(&app, &visitor, asked.get("after"), &Fields::default(), None).await
}

async fn drawn(
    app: &App,
    visitor: &Visitor,
    after: &str,
    sent: &Fields,
    wrong: Option<&str>,
) -> Result<Response, Problem> {
    let (org, now, from) = (visitor.org, app.world.now(), after.to_owned());
    let mut members = app.store.read(move |tx| access::members(tx, org, &from, ROWS + 1)).await?;
    let more = members.len() > ROWS as usize;
    members.truncate(ROWS as usize);
    let next = members.last().filter(|_| more).map(|last| address(HOME, &[("after", &last.person.login)]));
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! { "Who may sign in to " (ui::name(&visitor.org_name)) ", and as what. Times in UTC." },
        layout: Layout::List,
        body: html! {
            (tabs("people"))
            (table(&members, next.as_deref(), after, now))
            (invite_card(visitor, sent, wrong))
        },
        ..visitor.page(&shell, Place::People, "People")
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, respond::page(page.render())).into_response())
}

fn table(members: &[Member], next: Option<&str>, after: &str, now: Timestamp) -> Markup {
    let keys: Vec<(String, String)> =
        members.iter().map(|of| (of.person.id.to_string(), format!("{HOME}/{}", of.person.id))).collect();
    let rows = members.iter().zip(&keys).map(|(of, (id, at))| Row {
        id,
        name: &of.person.name,
        href: Some(at),
        below: &of.person.login,
        cells: vec![
            Cell::new(html! { (of.role.word()) }),
            Cell::new(state(&of.person)),
            Cell::new(factor(&of.person)),
            Cell::new(of.person.signed_in_at.map_or_else(|| ui::absent("never"), |at| ui::near(at, now))),
        ],
        ..Row::default()
    });
    Table {
        caption: "People by e-mail address. Times in UTC.",
        columns: vec![
            Column::new("Person"),
            Column::new("Role"),
            Column::new("State"),
            Column::new("Second factor"),
            Column::new("Signed in"),
        ],
        rows: rows.collect(),
        tall: true,
        foot: Some(Foot {
            range: ui::noun(members.len() as u64, "person shown", "people shown"),
            previous: (!after.is_empty()).then_some(HOME),
            next,
            ..Foot::default()
        }),
        ..Table::default()
    }
    .render()
}

fn state(person: &access::Person) -> Markup {
    match person.state {
        PersonState::Disabled => ui::light(Light::Pause, "Disabled"),
        PersonState::Active if person.signed_in_at.is_none() && !person.has_password => {
            ui::light(Light::Wait, "Invited")
        }
        PersonState::Active => ui::light(Light::Ok, "Active"),
    }
}

fn factor(person: &access::Person) -> Markup {
    if person.has_second_factor {
        html! { "On" }
    } else {
        ui::absent("none")
    }
}

/// Roles to choose from, with what each may.
pub(super) fn roles(on: Role) -> Vec<Choice<'static>> {
    let help = |role| match role {
        Role::Viewer => "Reads the inventory, the log and the integrations; neither people, settings nor credentials.",
        Role::Operator => "Reads, works with assets, connects consoles, starts work.",
        Role::Admin => "May do all in this organization.",
        Role::Auditor => "Reads, the audit trail and evidence too, and changes nothing.",
    };
    Role::ALL
        .into_iter()
        .map(|role| Choice { value: role.word(), label: role.word(), help: help(role), on: role == on })
        .collect()
}

fn invite_card(visitor: &Visitor, sent: &Fields, wrong: Option<&str>) -> Markup {
    let roles = roles(Role::parse(sent.get("role")).unwrap_or(Role::Viewer));
    let of = |word: &str| wrong.filter(|wrong| wrong.contains(word));
    let name_wrong = of("name cannot");
    let fields = [
        Field {
            name: "login",
            label: "E-mail address",
            help: "They sign in with it. Nothing is sent to it: you get a link and hand it over.",
            error: wrong.filter(|_| name_wrong.is_none()),
            required: true,
            kind: Kind::Email(sent.get("login")),
        },
        Field {
            name: "name",
            label: "Name",
            help: "As others see it. Somebody who is here already keeps theirs.",
            error: name_wrong,
            required: true,
            kind: Kind::Text(sent.get("name")),
        },
        Field { name: "role", label: "Role", help: "", error: None, required: true, kind: Kind::Radio(&roles) },
    ];
    let body = ui::post(
        visitor.csrf(),
        "/people/invite",
        &html! {
            @for field in &fields { (field.render()) }
            div.line { (ui::button(&Button { words: "Invite", weight: Weight::Main, ..Button::default() })) }
        },
    );
    Card { id: "invite", heading: "Invite somebody", body, ..Card::default() }.render()
}

/// What became of an invitation.
pub(super) enum Invited {
    /// They choose a password by a link that begins with this token.
    Link(PersonId, String, Secret),
    /// They have a way to sign in already, and are a member now.
    Added(PersonId, String),
}

/// Makes somebody a member, and a person first if nobody has that login.
pub(super) fn invite(
    tx: &mut Tx<'_>,
    hand: &Hand,
    (login, name, role): (&str, &str, Role),
    fresh: &access::Fresh,
    now: Timestamp,
) -> Result<Invited, Problem> {
    let (who, new) = match access::person_by_login(tx, login)? {
        Some(found) if access::role_of(tx, hand.org, found.id)?.is_some() => {
            return Err(Problem::conflict(format!("{} is a member already.", found.login))
                .help("Open them in the list to change their role or to make a new link."));
        }
        Some(found) => (found.id, false),
        None => (access::add_person(tx, login, name, now)?, true),
    };
    access::set_member(tx, hand.org, who, role, &hand.by, now)?;
    let person = access::person(tx, who)?.ok_or(AccessError::NoSuch { what: "person" })?;
    if new {
        return Ok(Invited::Link(who, person.name, access::invite(tx, who, fresh, &hand.by, now)?));
    }
    Ok(Invited::Added(who, person.name))
}

/// `POST /people/invite`: shows the link, this once.
pub(super) async fn invite_sent(
    State(app): State<App>,
    visitor: Visitor,
    Here(origin): Here,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let Some(role) = Role::parse(sent.get("role")) else {
        return drawn(&app, &visitor, "", &sent, Some("Choose a role.")).await;
    };
    let (hand, fresh, now) = (Hand::of(&visitor), Random::secret_bytes(), app.world.now());
    let (login, name) = (sent.get("login").trim().to_owned(), sent.get("name").trim().to_owned());
    let done = app.store.write(move |tx| invite(tx, &hand, (&login, &name, role), &fresh, now)).await;
    match done {
        Ok(Invited::Link(who, name, token)) => Ok(link_shown(&visitor, who, &name, &origin, &token)),
        Ok(Invited::Added(who, name)) => {
            let then = format!("{name} signs in as before and switches to {}.", visitor.org_name);
            Ok(respond::see_other_saying(&format!("{HOME}/{who}"), Tone::Ok, "Added.", &then))
        }
        Err(problem) if matches!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT) => {
            drawn(&app, &visitor, "", &sent, Some(problem.detail())).await
        }
        Err(problem) => Err(problem),
    }
}

/// The address of a link to choose a password.
pub(super) fn link(origin: &str, token: &Secret) -> String {
    format!("{origin}{}", address(super::INVITATION, &[("token", token.expose())]))
}

fn link_shown(visitor: &Visitor, who: PersonId, name: &str, origin: &str, token: &Secret) -> Response {
    let link = link(origin, token);
    let home = format!("{HOME}/{who}");
    let body = html! {
        (Flash { tone: Tone::Warn, what: "It is shown this once.", then: "Hand it over on a way that only they read. It works once, for three days.", link: None }.render())
        p.line { code.mono { (link) } (ui::copy_button(&link, "Copy")) }
        p { "Whoever opens it chooses the password of " (ui::name(name)) "." }
        p { (ui::link_button(&home, &Button { words: "I have it", ..Button::default() })) }
    };
    let shell = visitor.shell();
    let crumbs = [("People", HOME)];
    let page = ui::Page {
        crumbs: &crumbs,
        layout: Layout::Narrow,
        body,
        ..visitor.page(&shell, Place::People, "Link to hand over")
    };
    respond::once(StatusCode::OK, page.render())
}

/// `GET /people/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (hand, now) = (Hand::of(&visitor), app.world.now());
    let read = app.store.read(move |tx| {
        let of = member(tx, hand.org, &id)?;
        let orgs = access::memberships(tx, of.person.id)?;
        // Which others they belong to is only told to who belongs there too.
        let reaches = hand.reaches(tx, of.person.id)?;
        let tokens = access::api_tokens(tx, hand.org)?.iter().filter(|token| token.person == of.person.id).count();
        Ok::<_, Problem>((of, orgs.len(), reaches, tokens))
    });
    let (of, orgs, reaches, tokens) = read.await?;
    let shell = visitor.shell();
    let crumbs = [("People", HOME)];
    let person = &of.person;
    let facts = ui::strip(&[
        ("E-mail address", ui::name(&person.login)),
        ("State", state(person)),
        ("Second factor", factor(person)),
        ("Signed in", person.signed_in_at.map_or_else(|| ui::absent("never"), |at| ui::near(at, now))),
        ("Organizations", html! { (orgs) }),
        ("Tokens here", html! { a href="/people/tokens" { (tokens) } }),
    ]);
    let page = ui::Page {
        crumbs: &crumbs,
        facts,
        body: html! {
            (role_card(&visitor, &of))
            (sign_in_card(&visitor, &of, reaches))
            (removal_card(&visitor, &of))
        },
        ..visitor.page(&shell, Place::People, &person.name)
    };
    Ok(respond::page(page.render()))
}

fn at(of: &Member, verb: &str) -> String {
    format!("{HOME}/{}/{verb}", of.person.id)
}

fn role_card(visitor: &Visitor, of: &Member) -> Markup {
    let roles = roles(of.role);
    let label = format!("Role in {}", visitor.org_name);
    let field = Field { name: "role", label: &label, help: "", error: None, required: true, kind: Kind::Radio(&roles) };
    let body = ui::post(
        visitor.csrf(),
        &at(of, "role"),
        &html! {
            (edit::carries(&edit::stamp(&[of.role.word()])))
            (field.render())
            div.line { (ui::button(&Button { words: "Save role", ..Button::default() })) }
        },
    );
    Card { id: "role-card", heading: "What they may do", body, ..Card::default() }.render()
}

fn sign_in_card(visitor: &Visitor, of: &Member, reaches: bool) -> Markup {
    let (csrf, person) = (visitor.csrf(), &of.person);
    let button = |words| Button { words, about: &person.name, ..Button::default() };
    let body = html! {
        @if !reaches {
            p { "They belong to other organizations too. What reaches into those is done by who administers the first organization." }
        } @else if person.state == PersonState::Disabled {
            p { "They cannot sign in, and their tokens do not work." }
            (ui::post_button(csrf, &at(of, "state"), &button("Let them sign in again"), &[("state", "active")]))
        } @else {
            p { "A link lets them choose a new password, once, within three days. Until then the old one works." }
            div.line {
                (ui::post_button(csrf, &at(of, "link"), &button("Make a link"), &[]))
                (ui::post_button(csrf, &at(of, "sign-out"), &button("Sign out everywhere"), &[]))
                @if person.has_second_factor {
                    (ui::post_button(csrf, &at(of, "second-factor"), &button("Remove second factor"), &[]))
                }
                @if person.id != visitor.person {
                    (ui::post_button(csrf, &at(of, "state"), &Button { weight: Weight::Danger, ..button("Disable") }, &[("state", "disabled")]))
                }
            }
        }
    };
    Card { id: "sign-in", heading: "How they sign in", body, ..Card::default() }.render()
}

fn removal_card(visitor: &Visitor, of: &Member) -> Markup {
    let question = format!("Remove {} from {}?", of.person.name, visitor.org_name);
    let action = at(of, "remove");
    let dialog = Dialog {
        id: "remove",
        question: &question,
        body: html! { p { "They see nothing here any more, and their tokens here work no longer. What they did stays in the trail." } },
        safe: "Keep",
        verb: "Remove",
        danger: true,
        action: &action,
        csrf: visitor.csrf(),
    };
    let body = html! {
        p { "Their other organizations are not touched." }
        (dialog.opener(&Button { words: "Remove from this organization", weight: Weight::Danger, ..Button::default() }))
        (dialog.render())
    };
    Card { id: "removal", heading: "Leave", body, ..Card::default() }.render()
}

/// Gives a member another role.
pub(super) fn set_role(tx: &mut Tx<'_>, hand: &Hand, id: &str, role: Role, now: Timestamp) -> Result<Member, Problem> {
    let of = member(tx, hand.org, id)?;
    access::set_member(tx, hand.org, of.person.id, role, &hand.by, now)?;
    Ok(of)
}

/// Lets a member sign in, or no longer.
pub(super) fn set_state(
    tx: &mut Tx<'_>,
    hand: &Hand,
    id: &str,
    state: PersonState,
    now: Timestamp,
) -> Result<Member, Problem> {
    let of = member(tx, hand.org, id)?;
    hand.check(tx, of.person.id)?;
    if of.person.id == hand.person && state == PersonState::Disabled {
        return Err(Problem::conflict("You would lock yourself out.").help("Another administrator can disable you."));
    }
    access::set_person_state(tx, of.person.id, state, &hand.by, now)?;
    Ok(of)
}

/// Makes a link by which a member chooses a (new) password.
pub(super) fn invite_again(
    tx: &mut Tx<'_>,
    hand: &Hand,
    id: &str,
    fresh: &access::Fresh,
    now: Timestamp,
) -> Result<(Member, Secret), Problem> {
    let of = member(tx, hand.org, id)?;
    hand.check(tx, of.person.id)?;
    let token = access::invite(tx, of.person.id, fresh, &hand.by, now)?;
    Ok((of, token))
}

/// Takes a member's second factor away.
pub(super) fn remove_factor(tx: &mut Tx<'_>, hand: &Hand, id: &str, now: Timestamp) -> Result<Member, Problem> {
    let of = member(tx, hand.org, id)?;
    hand.check(tx, of.person.id)?;
    access::remove_second_factor(tx, of.person.id, &hand.by, now)?;
    member(tx, hand.org, id)
}

/// Ends a member's sessions, but for the one that is kept.
pub(super) fn sign_out(
    tx: &mut Tx<'_>,
    hand: &Hand,
    id: &str,
    keep: Option<&str>,
    now: Timestamp,
) -> Result<Member, Problem> {
    let of = member(tx, hand.org, id)?;
    hand.check(tx, of.person.id)?;
    access::end_sessions(tx, of.person.id, keep, &hand.by, now)?;
    Ok(of)
}

/// Takes a member out of the organization.
pub(super) fn remove(tx: &mut Tx<'_>, hand: &Hand, id: &str, now: Timestamp) -> Result<Member, Problem> {
    let of = member(tx, hand.org, id)?;
    access::remove_member(tx, hand.org, of.person.id, &hand.by, now)?;
    Ok(of)
}

/// `POST /people/{id}/role`
pub(super) async fn role_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let role = Role::parse(sent.get("role")).ok_or_else(|| Problem::invalid("Choose a role."))?;
    let (hand, now, asked, given) = (Hand::of(&visitor), app.world.now(), id.clone(), sent.clone());
    let written = app.store.write(move |tx| {
        let before = member(tx, hand.org, &asked)?.role;
        if edit::is_stale(&given, &edit::stamp(&[before.word()])) {
            let detail = format!(
                "Somebody else changed the role to {} meanwhile, so nothing was saved. You chose {}.",
                before.word(),
                role.word()
            );
            return Err(Problem::conflict(detail).help("Open the person again, and choose once more."));
        }
        set_role(tx, &hand, &asked, role, now)
    });
    let of = written.await?;
    // Who takes the right away from themselves does not see this page any more.
    let own = of.person.id == visitor.person && role != Role::Admin;
    let to = if own { "/".to_owned() } else { format!("{HOME}/{id}") };
    let then = format!("{} is {} now. It holds from the next page that they open.", of.person.name, role.word());
    Ok(respond::see_other_saying(&to, Tone::Ok, "Saved.", &then))
}

/// `POST /people/{id}/state`
pub(super) async fn state_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let state = if sent.get("state") == "active" { PersonState::Active } else { PersonState::Disabled };
    let (hand, now, asked) = (Hand::of(&visitor), app.world.now(), id.clone());
    let of = app.store.write(move |tx| set_state(tx, &hand, &asked, state, now)).await?;
    let (what, then) = match state {
        PersonState::Active => ("They may sign in again.", String::new()),
        PersonState::Disabled => ("Disabled.", format!("{} is signed out everywhere.", of.person.name)),
    };
    Ok(respond::see_other_saying(&format!("{HOME}/{id}"), Tone::Ok, what, &then))
}

/// `POST /people/{id}/link`: shows the link, this once.
pub(super) async fn link_sent(
    State(app): State<App>,
    visitor: Visitor,
    Here(origin): Here,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (hand, fresh, now) = (Hand::of(&visitor), Random::secret_bytes(), app.world.now());
    let (of, token) = app.store.write(move |tx| invite_again(tx, &hand, &id, &fresh, now)).await?;
    Ok(link_shown(&visitor, of.person.id, &of.person.name, &origin, &token))
}

/// `POST /people/{id}/second-factor`
pub(super) async fn factor_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (hand, now, asked) = (Hand::of(&visitor), app.world.now(), id.clone());
    app.store.write(move |tx| remove_factor(tx, &hand, &asked, now)).await?;
    let then = "Their password alone opens their account until they set one up again.";
    Ok(respond::see_other_saying(&format!("{HOME}/{id}"), Tone::Warn, "Second factor removed.", then))
}

/// `POST /people/{id}/sign-out`: ends all of their sessions; of one's own, all others.
pub(super) async fn sign_out_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (hand, now, asked) = (Hand::of(&visitor), app.world.now(), id.clone());
    let own = visitor.session.as_ref().map(|session| session.id.clone());
    let of = app.store.write(move |tx| sign_out(tx, &hand, &asked, own.as_deref(), now)).await?;
    let then = format!("{} has to sign in again. Tokens for programs go on working.", of.person.name);
    Ok(respond::see_other_saying(&format!("{HOME}/{id}"), Tone::Ok, "Signed out everywhere.", &then))
}

/// `POST /people/{id}/remove`
pub(super) async fn remove_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (hand, now) = (Hand::of(&visitor), app.world.now());
    let of = app.store.write(move |tx| remove(tx, &hand, &id, now)).await?;
    let to = if of.person.id == visitor.person { "/" } else { HOME };
    let then = format!("{} sees nothing of {} any more.", of.person.name, visitor.org_name);
    Ok(respond::see_other_saying(to, Tone::Ok, "Removed.", &then))
}
