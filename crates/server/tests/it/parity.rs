//! Whatever a page changes, a program can change: each form beside its request, or beside why it has none.

use std::collections::BTreeSet;

use server::{Kind, routes};

/// Why a form has no request.
#[derive(Clone, Copy, Debug)]
enum Without {
    /// It is a step of becoming somebody: a program has a token instead.
    SigningIn,
    /// It is proved to a person that they hold the telephone, before their eyes.
    SecondFactor,
    /// It is a cookie of this browser and changes nothing here.
    ThisBrowser,
    /// Who has a connection link has no account.
    Link,
}

use Without::{Link, SecondFactor, SigningIn, ThisBrowser};

/// Each form, and the request that does the same.
const ALL: &[(&str, Result<&str, Without>)] = &[
    ("/account/appearance", Err(ThisBrowser)),
    ("/account/keys", Err(ThisBrowser)),
    ("/account/name", Ok("PATCH /account")),
    ("/account/password", Ok("PUT /account/password")),
    ("/account/provider", Err(SigningIn)),
    ("/account/provider/unlink", Ok("DELETE /account/provider")),
    ("/account/second-factor", Err(SecondFactor)),
    ("/account/second-factor/codes", Err(SecondFactor)),
    ("/account/second-factor/confirm", Err(SecondFactor)),
    ("/account/second-factor/remove", Err(SecondFactor)),
    ("/account/sessions/end", Ok("DELETE /account/sessions/{id}")),
    ("/account/tokens", Ok("POST /tokens")),
    ("/account/tokens/revoke", Ok("DELETE /tokens/{id}")),
    ("/assets/field", Ok("POST /assets/field")),
    ("/assets/owner", Ok("POST /assets/owner")),
    ("/assets/review/{id}", Ok("POST /assets/review/{id}")),
    ("/assets/{id}/merge", Ok("POST /assets/{id}/merge")),
    ("/assets/{id}/pin", Ok("PUT /assets/{id}/pin")),
    ("/assets/{id}/split", Ok("POST /assets/{id}/split")),
    ("/assets/{id}/undo", Ok("POST /assets/{id}/undo")),
    ("/credentials/links/new", Ok("POST /links")),
    ("/credentials/links/{id}/revoke", Ok("DELETE /links/{id}")),
    ("/credentials/new", Ok("POST /credentials")),
    ("/credentials/{id}/change", Ok("PATCH /credentials/{id}")),
    ("/credentials/{id}/keep", Ok("PUT /credentials/{id}/reference")),
    ("/credentials/{id}/remove", Ok("DELETE /credentials/{id}")),
    ("/credentials/{id}/rotate", Ok("POST /credentials/{id}/rotate")),
    ("/credentials/{id}/share", Ok("PUT /credentials/{id}/sharing")),
    ("/explorers", Ok("POST /explorers")),
    ("/explorers/{id}/rename", Ok("PATCH /explorers/{id}")),
    ("/explorers/{id}/revoke", Ok("DELETE /explorers/{id}")),
    ("/explorers/{id}/token", Ok("POST /explorers/{id}/token")),
    ("/fields/add", Ok("POST /fields")),
    ("/fields/owners/add", Ok("POST /owner-rules")),
    ("/fields/owners/remove", Ok("DELETE /owner-rules/{position}")),
    ("/fields/remove", Ok("DELETE /fields/{key}")),
    ("/fields/sites/add", Ok("POST /sites")),
    ("/fields/sites/rename", Ok("PATCH /sites/{name}")),
    ("/integrations/about/{connector}/allow", Ok("POST /connectors/{connector}/allow")),
    ("/integrations/about/{connector}/enrol", Ok("POST /connectors/{connector}/enrol")),
    ("/integrations/connect", Ok("POST /integrations")),
    ("/integrations/sync", Ok("POST /integrations/sync")),
    ("/integrations/{id}/delete", Ok("DELETE /integrations/{id}")),
    ("/integrations/{id}/edit", Ok("PATCH /integrations/{id}")),
    ("/integrations/{id}/reconnect", Ok("PUT /integrations/{id}/token")),
    ("/integrations/{id}/switch", Ok("PATCH /integrations/{id}")),
    ("/integrations/{id}/sync", Ok("POST /integrations/{id}/sync")),
    ("/invitation", Err(SigningIn)),
    ("/link", Err(Link)),
    ("/orgs/new", Ok("POST /organizations")),
    ("/orgs/rename", Ok("PATCH /organizations/{id}")),
    // A token belongs to one organization.
    ("/orgs/switch", Err(SigningIn)),
    ("/people/invite", Ok("POST /people")),
    ("/people/tokens/revoke", Ok("DELETE /tokens/{id}")),
    ("/people/{id}/link", Ok("POST /people/{id}/link")),
    ("/people/{id}/remove", Ok("DELETE /people/{id}")),
    ("/people/{id}/role", Ok("PATCH /people/{id}")),
    ("/people/{id}/second-factor", Ok("DELETE /people/{id}/second-factor")),
    ("/people/{id}/sign-out", Ok("POST /people/{id}/sign-out")),
    ("/people/{id}/state", Ok("PATCH /people/{id}")),
    ("/queries", Ok("POST /queries")),
    ("/queries/{name}/remove", Ok("DELETE /queries/{name}")),
    ("/queries/{name}/rename", Ok("PATCH /queries/{name}")),
    ("/queries/{name}/set", Ok("PATCH /queries/{name}")),
    ("/set-up", Err(SigningIn)),
    ("/settings/admins", Ok("PATCH /settings")),
    ("/settings/consoles", Ok("PATCH /settings")),
    ("/settings/keep", Ok("PATCH /settings")),
    ("/settings/provider", Ok("PUT /settings/provider")),
    ("/settings/provider/remove", Ok("DELETE /settings/provider")),
    ("/settings/support", Ok("PATCH /settings")),
    ("/sign-in", Err(SigningIn)),
    ("/sign-in/code", Err(SigningIn)),
    ("/sign-out", Err(SigningIn)),
    ("/tasks/scans/networks", Ok("PUT /scan-networks")),
    ("/tasks/scans/new", Ok("POST /scans")),
    ("/tasks/scans/{id}/delete", Ok("DELETE /scans/{id}")),
    ("/tasks/scans/{id}/edit", Ok("PUT /scans/{id}")),
    ("/tasks/scans/{id}/run", Ok("POST /scans/{id}/run")),
    ("/tasks/scans/{id}/stop", Ok("POST /scans/{id}/stop")),
    ("/tasks/scans/{id}/switch", Ok("POST /scans/{id}/pause")),
];

#[test]
fn whatever_a_page_changes_a_program_can_change_or_it_is_said_why_not() {
    let routes = routes();
    let forms: BTreeSet<&str> = routes
        .iter()
        .filter(|route| route.kind == Kind::Page && route.method == "POST")
        .map(|route| route.path.as_ref())
        .collect();
    let named: BTreeSet<&str> = ALL.iter().map(|(form, _)| *form).collect();
    assert_eq!(forms, named, "a form and its request stand in the table");
    let requests: BTreeSet<String> = routes
        .iter()
        .filter_map(|route| Some(format!("{} {}", route.method, route.path.strip_prefix("/api/v1")?)))
        .collect();
    let missing: Vec<_> = ALL.iter().filter(|(_, of)| of.is_ok_and(|of| !requests.contains(of))).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
