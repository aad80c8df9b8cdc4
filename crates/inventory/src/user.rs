//! Users: people who may log in to a console, with the roles they hold there.

use kernel::Timestamp;

use crate::out::{Child, Out};

/// What a console says about one of its users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserNoun {
    /// The person's name.
    pub name: Option<String>,
    /// The mail address that the person logs in with.
    pub email: Option<String>,
    /// How far the person sees: `tenant`, `account`, `site`.
    pub scope: Option<String>,
    /// Where the person comes from: `mgmt`, `sso_saml`.
    pub source: Option<String>,
    /// The least of the person's roles.
    pub lowest_role: Option<String>,
    /// Whether a second factor is asked for.
    pub two_factor: Option<bool>,
    /// How far the second factor is set up: `configured`, `enrolled`.
    pub two_factor_status: Option<String>,
    /// Whether the mail address was verified.
    pub email_verified: Option<bool>,
    /// Whether the person may make API tokens.
    pub can_make_token: Option<bool>,
    /// Whether it is a user of the console's own.
    pub system: Option<bool>,
    /// When the person was added.
    pub joined_at: Option<Timestamp>,
    /// When the person first logged in.
    pub first_login: Option<Timestamp>,
    /// When the person last logged in.
    pub last_login: Option<Timestamp>,
    /// When the person's API token was made.
    pub token_made_at: Option<Timestamp>,
    /// When the person's API token ends.
    pub token_ends_at: Option<Timestamp>,
    /// The roles, in the console's order.
    pub roles: Vec<UserRole>,
}

/// A role that a user holds somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRole {
    /// The role's name: `Viewer`.
    pub role: Option<String>,
    /// The name of the account or site where the user has it.
    pub place: Option<String>,
    /// Native id of that place.
    pub place_id: Option<String>,
}

impl UserNoun {
    /// Writes the user's row and its child rows.
    pub(crate) fn write(self, out: &mut Out) {
        out.name("name", "name_folded", self.name);
        out.text("email", "email_folded", self.email);
        out.term("scope_term", "user_scope", self.scope);
        out.term("source_term", "user_source", self.source);
        out.term("lowest_role_term", "role", self.lowest_role);
        out.flag("two_factor", self.two_factor);
        out.term("two_factor_status_term", "two_factor_status", self.two_factor_status);
        out.flag("email_verified", self.email_verified);
        out.flag("can_make_token", self.can_make_token);
        out.flag("is_system", self.system);
        out.time("joined_at", self.joined_at);
        out.time("first_login", self.first_login);
        out.volatile().time("last_login", self.last_login);
        out.time("token_made_at", self.token_made_at);
        out.time("token_ends_at", self.token_ends_at);
        for (held, position) in self.roles.into_iter().zip(0i64..) {
            let role = held.role.and_then(|role| out.intern("role", role));
            let place = held.place.and_then(|place| out.intern("role_place", place));
            let place_id = held.place_id.and_then(|id| out.intern("role_place_id", id));
            out.child(Child::Role, [position.into(), role.into(), place.into(), place_id.into()]);
        }
    }
}
