//! A person's own account: name, password, second factor, sessions, the keys of the page, and tokens for programs.

mod api;
mod factor;
mod pages;
mod provider;
mod tokens;

use access::{AccessError, ApiToken, Begun, NewApiToken, Permission, Reach, Role};
use axum::http::Method;
use kernel::{ApiTokenId, OrgId, PersonId, Random, Secret, Timestamp};
use store::Tx;

use crate::openapi::{Operation, Shape};
use crate::people::work_on_password;
use crate::problem::sentence;
use crate::route::{Route, Who, api, form, page};
use crate::{App, Problem, Visitor};

/// Where it is.
pub(crate) const HOME: &str = ui::page::paths::ACCOUNT;
/// Where the second factor is.
pub(crate) const FACTOR: &str = "/account/second-factor";
/// How long tokens may live, in days, and what is read of it.
const LIVES: [(i64, &str); 4] = [(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "365 days")];
/// How long a token lives unless something else is chosen, in days.
const LIVES_USUALLY: i64 = 90;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// Its routes.
pub fn routes() -> Vec<Route> {
    let own = Who::May(Permission::ManageOwnTokens);
    let all = Who::May(Permission::ManageTokens);
    let list = Operation::new(
        "list_tokens",
        "People",
        "Lists your API tokens; an administrator's list holds everybody's. For browsers: a token sees no tokens.",
        Shape::of::<api::Tokens>(),
    )
    .paged();
    let make = Operation::new(
        "create_token",
        "People",
        "Makes an API token, which is shown this once. For browsers: a token makes no tokens.",
        Shape::of::<api::Made>(),
    )
    .sends(Shape::of::<api::New>());
    let revoke = Operation::new("revoke_token", "People", "Revokes an API token.", Shape::of::<api::Revoked>())
        .path("id", "The token's id.");
    let mut routes = interface();
    routes.extend([
        page(HOME, Who::Person, pages::show),
        form("/account/name", Who::Person, pages::rename),
        form("/account/keys", Who::Person, pages::keys),
        form("/account/password", Who::Person, pages::password),
        form("/account/sessions/end", Who::Person, pages::end_session),
        form("/account/provider", Who::Person, provider::link),
        form("/account/provider/unlink", Who::Person, provider::unlink),
        page(FACTOR, Who::Person, factor::show),
        form(FACTOR, Who::Person, factor::begin),
        form("/account/second-factor/confirm", Who::Person, factor::confirm),
        form("/account/second-factor/codes", Who::Person, factor::codes),
        form("/account/second-factor/remove", Who::Person, factor::remove),
        form("/account/tokens", own, tokens::create),
        form("/account/tokens/revoke", own, tokens::revoke),
        page("/people/tokens", all, tokens::list),
        form("/people/tokens/revoke", all, tokens::revoke_any),
        api(Method::GET, "/tokens", own, list, api::list),
        api(Method::POST, "/tokens", own, make, api::create),
        api(Method::DELETE, "/tokens/{id}", own, revoke, api::revoke),
    ]);
    routes
}

/// One's own account, for programs with the session of a browser; a token only reads it. The second factor is set up and taken
/// away on its page alone, where a person has the telephone in hand; an account at the provider is linked by going there.
fn interface() -> Vec<Route> {
    const AT: &str = "/account";
    let one = |id: &str, summary: &str| Operation::new(id, "Account", summary, Shape::of::<api::Account>());
    let show = one(
        "show_account",
        "Shows your account. The second factor is set up on its page alone, and so is the link to an identity provider.",
    );
    let change = one("change_account", "Gives you another name; not for tokens.").sends(Shape::of::<api::Renamed>());
    let password = one("change_password", "Puts another password in the place of yours; not for tokens.")
        .sends(Shape::of::<api::Password>());
    let unlink = one("unlink_account", "Unlinks you from the identity provider; not for tokens.");
    let sessions =
        Operation::new("list_sessions", "Account", "Lists where you are signed in.", Shape::of::<api::Sessions>())
            .paged();
    let end = one("end_session", "Ends one of your sessions; not for tokens.").path("id", "The session's id.");
    let others = one("end_other_sessions", "Ends all of your sessions but this one; not for tokens.");
    vec![
        api(Method::GET, AT, Who::Person, show, api::show),
        api(Method::PATCH, AT, Who::Person, change, api::change),
        api(Method::PUT, "/account/password", Who::Person, password, api::password),
        api(Method::DELETE, "/account/provider", Who::Person, unlink, api::unlinked),
        api(Method::GET, "/account/sessions", Who::Person, sessions, api::sessions),
        api(Method::DELETE, "/account/sessions", Who::Person, others, api::end_others),
        api(Method::DELETE, "/account/sessions/{id}", Who::Person, end, api::end),
    ]
}

/// Whether they gave their own password, as often as sign-in lets anybody try; otherwise what to say.
async fn proved(app: &App, visitor: &Visitor, password: Secret) -> Result<Option<String>, Problem> {
    let (login, origin, now) = (visitor.login.clone(), visitor.origin.clone(), app.world.now());
    let attempt = match app.store.write(move |tx| access::begin_sign_in(tx, &login, &origin, now)).await? {
        Begun::Try(attempt) => attempt,
        Begun::Wait { seconds } => {
            return Ok(Some(format!("Too many attempts failed. Try again in {}.", ui::duration(seconds))));
        }
    };
    let tried = attempt.clone();
    let right = work_on_password(app, move || tried.is_right(&password)).await?;
    let now = app.world.now();
    let right = app.store.write(move |tx| access::confirm_password(tx, &attempt, right, now)).await?;
    Ok((!right).then(|| "This is not your password. Check whether capitals are locked.".to_owned()))
}

/// A mistake in what was entered.
#[derive(Clone, Debug, Default)]
struct Wrong {
    field: &'static str,
    words: String,
}

impl Wrong {
    /// What is wrong with a field.
    fn of(&self, field: &str) -> Option<&str> {
        (self.field == field).then_some(self.words.as_str())
    }
}

/// Puts another password in the place of one's own, which is proved first. Everywhere else they are signed out.
async fn change_password(
    app: &App,
    visitor: &Visitor,
    current: Secret,
    password: Secret,
) -> Result<Result<(), Wrong>, Problem> {
    if let Err(why) = access::check_password(&password, &visitor.login) {
        return Ok(Err(Wrong { field: "password", words: sentence(&why) }));
    }
    if let Some(words) = proved(app, visitor, current).await? {
        return Ok(Err(Wrong { field: "current", words }));
    }
    let salt = Random::secret_bytes();
    let hash = work_on_password(app, move || access::hash_password(&password, &salt)).await?;
    let (who, by, now) = (visitor.person, visitor.login.clone(), app.world.now());
    let keep = visitor.session.as_ref().map(|session| session.id.clone());
    app.store.write(move |tx| access::set_password(tx, who, &hash, keep.as_deref(), &by, now)).await?;
    Ok(Ok(()))
}

/// Ends one of their own sessions, by its id; without one, all but that which asks.
async fn end_sessions(app: &App, visitor: &Visitor, id: Option<String>) -> Result<(), Problem> {
    let (who, by, now) = (visitor.person, visitor.login.clone(), app.world.now());
    let keep = visitor.session.as_ref().map(|session| session.id.clone());
    let written = app.store.write(move |tx| match id {
        None => access::end_sessions(tx, who, keep.as_deref(), &by, now),
        Some(id) => match access::end_session(tx, who, &id, &by, now)? {
            true => Ok(()),
            false => Err(AccessError::NoSuch { what: "session" }),
        },
    });
    Ok(written.await?)
}

/// Unlinks their own account from the identity provider, unless it is their only way in.
async fn unlink(app: &App, visitor: &Visitor) -> Result<(), Problem> {
    let (who, by, now) = (visitor.person, visitor.login.clone(), app.world.now());
    let written = app.store.write(move |tx| {
        let person = access::person(tx, who)?.ok_or(AccessError::NoSuch { what: "person" })?;
        if !person.has_password {
            return Ok(false);
        }
        access::unlink_identities(tx, who, &by, now).map(|()| true)
    });
    if !written.await? {
        return Err(Problem::conflict("It is your only way in, so it stays linked.")
            .help("An administrator can give you a link to choose a password."));
    }
    Ok(())
}

/// A token as it is asked for.
struct Wanted {
    name: String,
    role: Option<Role>,
    reach: Reach,
    days: i64,
}

/// Makes a token of somebody's own.
async fn make(app: &App, visitor: &Visitor, wanted: Wanted) -> Result<(Secret, ApiToken), Problem> {
    let role = wanted.role.ok_or_else(|| Problem::invalid("A role is viewer, operator, admin or auditor."))?;
    if !(1..=366).contains(&wanted.days) {
        return Err(Problem::invalid(format!("A token lives for 1 to 366 days; you entered {}.", wanted.days)));
    }
    let (org, person, now) = (visitor.org, visitor.person, app.world.now());
    let expires_at = now.plus_seconds(wanted.days * DAY);
    let new = NewApiToken { name: wanted.name, role, reach: wanted.reach, expires_at };
    let fresh = Random::secret_bytes();
    Ok(app.store.write(move |tx| access::create_api_token(tx, org, person, &new, &fresh, now)).await?)
}

/// Revokes a token: one's own, or with `any` anybody's of the organization. What is not theirs is not there.
fn revoke(
    tx: &mut Tx<'_>,
    (org, person, any): (OrgId, PersonId, bool),
    id: &str,
    by: &str,
    now: Timestamp,
) -> Result<String, Problem> {
    let missing = || Problem::missing("token");
    let id = ApiTokenId::parse(id).ok_or_else(missing)?;
    let found = access::api_tokens(tx, org)?.into_iter().find(|token| token.id == id);
    let found = found.filter(|token| any || token.person == person).ok_or_else(missing)?;
    access::revoke_api_token(tx, org, id, by, now)?;
    Ok(found.name)
}

/// The roles that somebody may give a token: theirs, and what is below it.
fn roles_for(role: Role) -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(move |one| role.covers(*one))
}
