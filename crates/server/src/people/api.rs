//! Who asks, as programs read it.

use access::Permission;
use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Visitor;

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Me {
    /// The login.
    login: String,
    /// The person's name; of a token, what it is for.
    name: String,
    /// The organization that is looked at.
    organization: String,
    /// viewer, operator, admin or auditor.
    role: &'static str,
    /// Whether a token asks, rather than a browser.
    token: bool,
    /// What may be done.
    permissions: Vec<String>,
}

/// `GET /api/v1/me`
pub(super) async fn me(visitor: Visitor) -> Json<Me> {
    let may = Permission::ALL.into_iter().filter(|permission| visitor.may(*permission));
    Json(Me {
        permissions: may.map(|permission| format!("{permission:?}")).collect(),
        token: visitor.token.is_some(),
        role: visitor.role.word(),
        login: visitor.login,
        name: visitor.name,
        organization: visitor.org_name,
    })
}
