//! Users of the console.

use inventory::noun::{UserNoun, UserRole};
use sentinelone::{ScopeRole, User};

use super::{at, id, text, word};

pub(super) fn user(user: &User<'_>) -> UserNoun {
    let token = user.api_token.as_ref();
    let held = user.scope_roles.as_deref().filter(|roles| !roles.is_empty()).or(user.site_roles.as_deref());
    UserNoun {
        name: text(user.full_name.as_ref()),
        email: text(user.email.as_ref()),
        scope: word(user.scope.as_ref(), |scope| scope.as_str()),
        source: text(user.source.as_ref()),
        lowest_role: text(user.lowest_role.as_ref()),
        two_factor: user.two_fa_enabled,
        two_factor_status: word(user.two_fa_status.as_ref(), |status| status.as_str()),
        email_verified: user.email_verified,
        can_make_token: user.can_generate_api_token,
        system: user.is_system,
        joined_at: at(user.date_joined),
        first_login: at(user.first_login),
        last_login: at(user.last_login),
        token_made_at: token.and_then(|token| at(token.created_at)),
        token_ends_at: token.and_then(|token| at(token.expires_at)),
        roles: held.unwrap_or_default().iter().map(role).collect(),
    }
}

fn role(held: &ScopeRole<'_>) -> UserRole {
    let named = text(held.role_name.as_ref());
    UserRole {
        role: named.or_else(|| text(held.roles.as_ref().and_then(|roles| roles.first()))),
        place: text(held.name.as_ref()),
        place_id: id(held.id.as_ref()),
    }
}
