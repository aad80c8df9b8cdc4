//! Connection links: an operator asks somebody who has no account here for a console's token, and that person hands it over
//! with their consent. The token of the link stands in the address's fragment, which no proxy and no log sees.

mod api;
mod flow;
mod pages;

use access::{Link, LinkState, NewLink, Permission};
use axum::http::{HeaderMap, Method};
use kernel::{IntegrationId, OrgId, Random, Secret};
use store::Tx;
use ui::Tone;

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, form, page};
use crate::{App, Problem, Visitor};

/// The address of the page that a link leads to, without its token.
const LINK: &str = "/link";
/// The connector that links are made for.
const CONNECTOR: &str = "sentinelone";
/// How long a link may work, as it is offered: seconds, and what is read.
const VALIDITIES: [(i64, &str); 5] = [
    (3600, "1 hour"),
    (8 * 3600, "8 hours"),
    (access::LINK_SECONDS, "1 day"),
    (48 * 3600, "2 days"),
    (access::LINK_SECONDS_MAX, "3 days"),
];

/// Its routes.
pub fn routes() -> Vec<Route> {
    let may = Who::May(Permission::ManageLinks);
    let told = |id: &str, summary: &str, response| Operation::new(id, "Credentials", summary, response);
    let list =
        told("list_links", "Lists connection links, the newest first, without their tokens.", Shape::of::<api::All>())
            .paged();
    let make = told("create_link", "Makes a connection link; its address is answered once.", Shape::of::<api::Made>())
        .sends(Shape::of::<api::New>());
    let revoke = told("revoke_link", "Revokes a connection link.", Shape::of::<api::One>()).path("id", "The link.");
    vec![
        page("/credentials/links", may, pages::list),
        page("/credentials/links/new", may, pages::new),
        form("/credentials/links/new", may, pages::new_sent),
        form("/credentials/links/{id}/revoke", may, pages::revoke),
        page(LINK, Who::Anyone, flow::begin),
        form(LINK, Who::Anyone, flow::step),
        api(Method::GET, "/links", may, list, api::list),
        api(Method::POST, "/links", may, make, api::make),
        api(Method::DELETE, "/links/{id}", may, revoke, api::revoke),
    ]
}

/// What somebody asks for with a link.
struct Wanted {
    recipient: String,
    host: Option<String>,
    seconds: i64,
    integration: Option<IntegrationId>,
    /// The Explorer that is to keep the token, by its id or name; nothing for this server.
    keeper: Option<String>,
}

/// Makes a link, for a new connection or for one there is. Its token is answered once.
async fn made(app: &App, org: OrgId, by: &str, wanted: Wanted) -> Result<(Secret, Link), Problem> {
    let (fresh, now, by) = (Random::secret_bytes(), app.world.now(), by.to_owned());
    let write = app.store.write(move |tx| {
        let mut host = wanted.host;
        if let Some(id) = wanted.integration {
            let of = integration(tx, org, id)?;
            if of.connector.is_file() {
                return Err(Problem::conflict(format!("{} reads files, and needs no token.", of.name)));
            }
            host = Some(of.console_host);
        }
        let keeper = match wanted.keeper.as_deref() {
            Some(said) => crate::explorers::chosen(tx, org, said)?,
            None => None,
        };
        let new = NewLink {
            connector: CONNECTOR.to_owned(),
            host,
            recipient: wanted.recipient,
            seconds: wanted.seconds,
            explorer: keeper.map(|id| id.to_string()),
            integration: wanted.integration,
            credential: None,
        };
        Ok(access::create_link(tx, org, &new, &by, &fresh, now)?)
    });
    write.await
}

/// The integration of that id, if it is the organization's.
fn integration(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<sync::Integration, Problem> {
    let missing = |_| Problem::missing("integration");
    sync::integration(tx, org, id).map_err(missing)
}

/// Where the link leads, as a browser that came here by `headers` reaches this server.
fn address(app: &App, headers: &HeaderMap, token: &Secret) -> String {
    let host = headers.get(axum::http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = if app.settings.secure { "https" } else { "http" };
    format!("{scheme}://{host}{LINK}#{}", token.expose())
}

/// How far a link is, in words.
fn state(link: &Link) -> (Tone, &'static str) {
    match link.state {
        LinkState::Open => (Tone::Note, "Waiting"),
        LinkState::Opened => (Tone::Note, "Opened"),
        LinkState::Consumed => (Tone::Ok, "Connected"),
        LinkState::Refused => (Tone::Bad, "Refused"),
        LinkState::Revoked => (Tone::Idle, "Revoked"),
        LinkState::Expired => (Tone::Idle, "Expired"),
    }
}

/// Revokes a link of the organization; the same whether it was live or not.
async fn revoked(app: &App, visitor: &Visitor, id: String) -> Result<Link, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let write = app.store.write(move |tx| {
        access::revoke_link(tx, org, &id, &by, now)?;
        Ok::<_, Problem>(access::link(tx, org, &id, now)?)
    });
    write.await?.ok_or_else(|| Problem::missing("link"))
}

/// Reads that somebody is asked to allow. They are the same for every link.
struct Read {
    /// What is posted.
    word: &'static str,
    label: &'static str,
    what: &'static str,
    required: bool,
    /// What is not read where it is declined.
    streams: &'static [&'static str],
}

const READS: [Read; 8] = [
    Read {
        word: "agents",
        label: "Agents",
        what: "List every endpoint with its health, version and last contact.",
        required: true,
        streams: &["agents"],
    },
    Read {
        word: "threats",
        label: "Threats",
        what: "List threats and alerts with status, verdict and time to resolve.",
        required: true,
        streams: &["threats", "custom_alerts", "unified_alerts", "threat_timeline", "threat_notes"],
    },
    Read {
        word: "places",
        label: "Accounts, sites and groups",
        what: "Names and counts, to prove that nothing was missed.",
        required: true,
        streams: &["accounts", "sites", "groups"],
    },
    Read {
        word: "policies",
        label: "Policies",
        what: "Show where Detect is set but Protect is required. Without it, what hangs on policy is not available.",
        required: false,
        streams: &["tenant_policy", "account_policies", "site_policies", "group_policies"],
    },
    Read {
        word: "software",
        label: "Applications and vulnerabilities",
        what: "List software and what is known to be wrong with it. Without it, both are not available.",
        required: false,
        streams: &["applications", "application_inventory", "application_settings", "risks"],
    },
    Read {
        word: "activities",
        label: "Activities",
        what: "Say who changed what, and when. Without it, the history of the console is not available.",
        required: false,
        streams: &["activities", "activity_types"],
    },
    Read {
        word: "users",
        label: "Console users",
        what: "Find dormant and over-privileged accounts of the console. Without it, they are not available.",
        required: false,
        streams: &["users", "service_users", "roles"],
    },
    Read {
        word: "settings",
        label: "Exclusions, rules and devices without an agent",
        what: "Show what is left unwatched. Without it, that is not available.",
        required: false,
        streams: &["tags", "exclusions", "restrictions", "detection_rules", "xdr_assets", "ranger_devices"],
    },
];

/// Our words for what a token has to be able to read.
const REQUIRED: [&str; 4] = ["agents", "threats", "console sites", "console groups"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_of_a_console_is_one_that_somebody_is_asked_for() {
        for stream in sync::STREAMS {
            let asked = READS.iter().filter(|read| read.streams.contains(&stream.name)).count();
            assert_eq!(asked, 1, "{}", stream.name);
        }
        for read in &READS {
            assert!(read.streams.iter().all(|name| sync::Stream::named(name).is_some()), "{}", read.label);
        }
    }
}
