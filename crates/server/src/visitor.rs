//! [`Visitor`]: who asks, as the guard found out.

use access::{ApiToken, Membership, Permission, Role, Session, allowed};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use kernel::{OrgId, PersonId, Secret};
use ui::{Csrf, Density, Flash, Nav, Org, Person, Place, Shell, Theme, Tone};

use crate::Problem;
use crate::problem::MISTAKE;

/// Somebody who has signed in, and the organization that they look at. Only the guard makes one.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The organization. Every question that a handler asks takes it.
    pub org: OrgId,
    /// What it is called.
    pub org_name: String,
    /// Who it is.
    pub person: PersonId,
    /// Their login, for the trail.
    pub login: String,
    /// Their name.
    pub name: String,
    /// What they are in the organization; of a token, what it was made with. Administrators who have to set up a second
    /// factor first are viewers until they have.
    pub role: Role,
    /// They have to set up a second factor before they are administrators again.
    pub(crate) lacks_factor: bool,
    /// The browser's session; nothing if a token asks.
    pub session: Option<Session>,
    /// The token that asks; nothing if a browser does.
    pub token: Option<ApiToken>,
    /// Every organization that they are a member of.
    pub orgs: Vec<Membership>,
    /// Where they come from, for sign-in and the trail.
    pub origin: access::Origin,
    pub(crate) csrf: String,
    pub(crate) here: String,
    pub(crate) theme: Theme,
    pub(crate) density: Density,
    /// Single keys work.
    pub(crate) keys: bool,
    pub(crate) flash: Option<Message>,
    pub(crate) ids: Vec<String>,
}

/// The cookie that switches single keys off.
pub(crate) const KEYS: &str = "keys";

/// A message that waited for this page.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) tone: Tone,
    pub(crate) what: String,
    pub(crate) then: String,
}

/// Somebody whose password was right and who has not given the second factor, or who has: whoever has a session.
#[derive(Clone, Debug)]
pub struct HalfWay {
    /// The session.
    pub session: Session,
    /// Its token, as in the cookie.
    pub token: Secret,
    /// What its forms carry.
    pub(crate) csrf: String,
}

impl HalfWay {
    /// The token of its forms.
    #[must_use]
    pub fn csrf(&self) -> Csrf<'_> {
        Csrf(&self.csrf)
    }
}

/// Where a request comes from: known of everybody.
#[derive(Clone, Debug)]
pub struct Caller(pub access::Origin);

/// The Explorer that asks.
#[derive(Clone, Debug)]
pub struct Remote(pub sync::explorers::Explorer);

impl Visitor {
    /// Whether they may do this here.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        let token = self.token.as_ref().is_none_or(|token| token.may(permission));
        token && allowed(self.org, self.role, permission)
    }

    /// Refuses a program what would let whoever stole its token become a person: that is for somebody who has signed in. `what`
    /// is what a token does not do, `help` who does.
    pub(crate) fn by_hand(&self, what: &str, help: &str) -> Result<(), Problem> {
        match self.token {
            None => Ok(()),
            Some(_) => Err(Problem::forbidden(format!("A token does not {what}.")).help(help)),
        }
    }

    /// The token of their forms.
    #[must_use]
    pub fn csrf(&self) -> Csrf<'_> {
        Csrf(&self.csrf)
    }

    /// What is around their pages.
    #[must_use]
    pub fn shell(&self) -> Shell<'_> {
        let (own, others): (Vec<_>, Vec<_>) =
            self.orgs.iter().zip(&self.ids).partition(|(member, _)| member.org == self.org);
        let own = own.first().map_or("", |(_, id)| id.as_str());
        Shell {
            org: Org { id: own, name: &self.org_name },
            others: others.into_iter().map(|(member, id)| Org { id, name: &member.org_name }).collect(),
            person: Person { name: &self.name, role: self.role.word() },
            nav: crate::places()
                .iter()
                .filter(|(_, needs)| self.may(*needs))
                .map(|(place, _)| Nav::to(*place))
                .collect(),
            here: &self.here,
            csrf: self.csrf(),
            theme: self.theme,
            density: self.density,
            keys: self.keys,
        }
    }

    /// A page of theirs, to be filled: `Page { body, ..visitor.page(&shell, Place::Assets, "Assets") }`. A message that
    /// waited stands on it.
    #[must_use]
    pub fn page<'a>(&'a self, shell: &'a Shell<'a>, place: Place, title: &'a str) -> ui::Page<'a> {
        let waits = self.flash.as_ref().map(|message| Flash {
            tone: message.tone,
            what: &message.what,
            then: &message.then,
            link: None,
        });
        let flash = waits.or(self.lacks_factor.then_some(Flash {
            tone: Tone::Warn,
            what: "Administrators need a second factor here.",
            then: "Until you have set one up, you read and change nothing.",
            link: Some(("Set it up", crate::account::FACTOR)),
        }));
        ui::Page { flash, ..ui::Page::new(shell, place, title) }
    }
}

macro_rules! from_the_guard {
    ($($what:ty),+) => {$(
        impl<S: Sync> FromRequestParts<S> for $what {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<$what, Problem> {
                // A route whose list entry asks for less than its handler takes is a mistake of ours, and stays shut.
                let missing = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "A mistake of ours", MISTAKE);
                parts.extensions.get::<$what>().cloned().ok_or_else(missing)
            }
        }
    )+};
}

from_the_guard!(Visitor, HalfWay, Caller, Remote);
