//! Every page of the product, and the way there.

use crate::Tab;

/// A page: its name, where the way begins, and the links that are followed from there.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// What its pictures are called.
    pub name: &'static str,
    /// Where the way begins.
    pub path: &'static str,
    /// Selectors; the first link that each finds is followed.
    pub links: &'static [&'static str],
}

const fn at(name: &'static str, path: &'static str) -> Place {
    Place { name, path, links: &[] }
}

const fn from(name: &'static str, path: &'static str, links: &'static [&'static str]) -> Place {
    Place { name, path, links }
}

/// The first row's own page.
const ROW: &str = ".main .data tbody th a";

/// Pages for somebody who administers, over an inventory that holds something of everything.
pub const SIGNED_IN: &[Place] = &[
    at("overview", "/"),
    at("assets", "/assets"),
    at("assets-question", "/assets?q=os%3Awindows+and+not+type%3Aserver"),
    at("assets-nothing", "/assets?q=name%3Anothing-is-called-so"),
    at("assets-mistake", "/assets?q=os%3Awindows+and+edr.nam%3Ax"),
    from("asset", "/assets?q=has%3Aagent.state&sort=name", &[ROW]),
    from("asset-merge", "/assets?q=has%3Aagent.state&sort=name", &[ROW, ".actions a[href$='/merge']"]),
    at("assets-review", "/assets/review"),
    at("software", "/software"),
    at("vulnerabilities", "/vulnerabilities"),
    at("findings", "/findings"),
    from("finding", "/findings", &[ROW]),
    at("signals", "/signals"),
    from("signal", "/signals", &[ROW]),
    at("policies", "/policies"),
    at("policy-tree", "/policies/tree"),
    at("console-users", "/users"),
    at("integrations", "/integrations"),
    at("catalogue-entry", "/integrations/about/sentinelone"),
    at("connect", "/integrations/connect"),
    from("integration", "/integrations", &["#main .card h2 a, #main .card h3 a"]),
    from("integration-edit", "/integrations", &["#main .card h2 a, #main .card h3 a", "#main a[href$='/edit']"]),
    from(
        "integration-reconnect",
        "/integrations",
        &["#main .card h2 a, #main .card h3 a", "#main a[href*='/reconnect']"],
    ),
    from("integration-delete", "/integrations", &["#main .card h2 a, #main .card h3 a", "#main a[href$='/delete']"]),
    at("tasks", "/tasks"),
    from("task", "/tasks", &[ROW]),
    at("runs", "/tasks/runs"),
    from("run", "/tasks/runs", &[ROW]),
    at("scans", "/tasks/scans"),
    at("scan-new", "/tasks/scans/new"),
    at("scan-networks", "/tasks/scans/networks"),
    at("credentials", "/credentials"),
    at("credential-new", "/credentials/new"),
    at("links", "/credentials/links"),
    at("link-new", "/credentials/links/new"),
    at("explorers", "/explorers"),
    at("fields", "/fields"),
    at("people", "/people"),
    from("person", "/people", &[ROW]),
    at("program-tokens", "/people/tokens"),
    at("organizations", "/orgs"),
    at("account", "/account"),
    at("second-factor", "/account/second-factor"),
    at("audit", "/audit"),
    at("settings", "/settings"),
    at("sign-in-provider", "/settings/provider"),
    at("saved-queries", "/queries"),
    from("saved-query", "/queries", &[ROW]),
    at("help", "/help"),
    at("help-set-up", "/help/set-up"),
    at("help-token", "/help/token"),
    at("help-trouble", "/help/trouble"),
    at("not-found", "/assets/ast_0000000000000"),
];

/// Pages for who has no account here.
pub const OUTSIDE: &[Place] = &[at("sign-in", "/sign-in"), at("link", "/link"), at("link-over", "/set-up?token=over")];

impl Place {
    /// Goes there.
    ///
    /// # Panics
    /// A link on the way is missing.
    pub fn go(&self, tab: &Tab, origin: &str) {
        tab.go(&format!("{origin}{}", self.path));
        for link in self.links {
            let script = format!("document.querySelector({})?.href ?? ''", serde_json::json!(link));
            let next = tab.value(&script);
            let next = next.as_str().filter(|next| !next.is_empty());
            tab.go(next.unwrap_or_else(|| panic!("{}: no {link} at {}", self.name, tab.address())));
        }
    }
}
