//! The allow-list: every request that this crate can send, and no way to express another.

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use std::fmt;

use crate::console::API_PATH;
use crate::records::ALERTS_QUERY;
use crate::time::Micros;

/// What stays as it is in a query: the unreserved characters, and those that keep lists and times readable.
const QUERY_KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b',').remove(b':');

/// The longest id that is put into a path, in bytes. The vendor's ids have 18 or 19 digits.
const ID_BYTES_MAX: usize = 64;

/// How many unified alerts are asked for at once if the caller does not say.
const ALERTS_FIRST: u32 = 100;

/// Where the records are in a successful answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `data` is an array of records.
    List,
    /// `data.sites` is the array of records (vendor spec, `GET /sites`).
    Sites,
    /// `data` is one object: the record.
    One,
}

macro_rules! endpoints {
    ($( $(#[$doc:meta])* $name:ident = $method:ident $template:literal, $shape:ident; )*) => {
        /// A (method, path template) that this crate can send. Every one is a read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Endpoint { $( $(#[$doc])* $name, )* }

        impl Endpoint {
            /// Every endpoint of the allow-list.
            pub const ALL: &'static [Endpoint] = &[ $( Endpoint::$name, )* ];

            /// The HTTP method.
            #[must_use]
            pub fn method(self) -> Method {
                match self { $( Endpoint::$name => Method::$method, )* }
            }

            /// The path below `/web/api/v2.1`, with `{id}` where an id belongs.
            #[must_use]
            pub const fn template(self) -> &'static str {
                match self { $( Endpoint::$name => $template, )* }
            }

            /// Where the records are in a successful answer.
            #[must_use]
            pub const fn shape(self) -> Shape {
                match self { $( Endpoint::$name => Shape::$shape, )* }
            }
        }
    };
}

endpoints! {
    /// Whether the API is up; needs no token and is always positive.
    SystemStatus = GET "/system/status", One;
    /// The console's version.
    SystemInfo = GET "/system/info", One;
    /// The owner of the token.
    User = GET "/user", One;
    /// When a token was made and when it expires. A POST that changes nothing.
    ApiTokenDetails = POST "/users/api-token-details", One;
    /// Accounts.
    Accounts = GET "/accounts", List;
    /// Sites.
    Sites = GET "/sites", Sites;
    /// Groups.
    Groups = GET "/groups", List;
    /// Agents.
    Agents = GET "/agents", List;
    /// Threats.
    Threats = GET "/threats", List;
    /// What happened around one threat.
    ThreatTimeline = GET "/threats/{id}/timeline", List;
    /// What people wrote about one threat.
    ThreatNotes = GET "/threats/{id}/notes", List;
    /// Activities: the console's own log.
    Activities = GET "/activities", List;
    /// The kinds of activity that this console knows.
    ActivityTypes = GET "/activities/types", List;
    /// The policy of the whole tenant.
    TenantPolicy = GET "/tenant/policy", One;
    /// The policy of one account.
    AccountPolicy = GET "/accounts/{id}/policy", One;
    /// The policy of one site.
    SitePolicy = GET "/sites/{id}/policy", One;
    /// The policy of one group.
    GroupPolicy = GET "/groups/{id}/policy", One;
    /// Vulnerable applications (module; exactly one scope id).
    Risks = GET "/application-management/risks", List;
    /// Applications (module; exactly one scope id).
    ApplicationInventory = GET "/application-management/inventory", List;
    /// The machines that have one application (module; exactly one scope id; name and vendor of the application).
    ApplicationEndpoints = GET "/application-management/inventory/endpoints", List;
    /// How a scope looks for vulnerabilities (module; exactly one scope id).
    ApplicationSettings = GET "/application-management/settings", One;
    /// Applications of all agents at once, the older form.
    InstalledApplications = GET "/installed-applications", List;
    /// Vulnerabilities of applications, the older form; which application has them is asked for by its id.
    InstalledApplicationCves = GET "/installed-applications/cves", List;
    /// The applications of one agent, the oldest form: rows do not say whose they are.
    AgentApplications = GET "/agents/applications", List;
    /// Alerts of custom rules (module).
    CloudDetectionAlerts = GET "/cloud-detection/alerts", List;
    /// Custom detection rules (module).
    CloudDetectionRules = GET "/cloud-detection/rules", List;
    /// Alerts of every product, in GraphQL. A POST that changes nothing: its text is one constant question.
    UnifiedAlerts = POST "/unifiedalerts/graphql", One;
    /// Exclusions.
    Exclusions = GET "/exclusions", List;
    /// The blocklist.
    Restrictions = GET "/restrictions", List;
    /// The tags that agents can carry.
    AgentTags = GET "/agents/tags", List;
    /// Console users.
    Users = GET "/users", List;
    /// Service users.
    ServiceUsers = GET "/service-users", List;
    /// Roles.
    Roles = GET "/rbac/roles", List;
    /// Devices seen on the network (module; exactly one scope id).
    RangerDevices = GET "/ranger/table-view", List;
    /// The wider asset inventory (module).
    XdrAssets = GET "/xdr/assets", List;
}

impl Endpoint {
    /// The endpoint with this method and path template; nothing if the allow-list has none.
    #[must_use]
    pub fn of(method: &str, template: &str) -> Option<Endpoint> {
        Endpoint::ALL.iter().copied().find(|of| of.template() == template && of.method().as_str() == method)
    }

    /// Whether the path names one record, so that a 404 concerns that record only.
    #[must_use]
    pub fn names_one_record(self) -> bool {
        self.template().contains("{id}")
    }

    /// Whether answers come in pages with a cursor.
    #[must_use]
    pub fn is_paged(self) -> bool {
        self.shape() != Shape::One && !matches!(self, Endpoint::ActivityTypes | Endpoint::AgentApplications)
    }

    /// Whether the endpoint takes exactly one account or site id, not a list (vendor spec, application management, ranger).
    #[must_use]
    pub fn wants_one_scope(self) -> bool {
        matches!(
            self,
            Endpoint::ApplicationInventory
                | Endpoint::ApplicationEndpoints
                | Endpoint::ApplicationSettings
                | Endpoint::Risks
                | Endpoint::RangerDevices
        )
    }

    /// Whether there is little to read on a console that does not answer this: agents, threats, activities, sites, groups.
    #[must_use]
    pub fn is_core(self) -> bool {
        matches!(self, Endpoint::Agents | Endpoint::Threats | Endpoint::Activities | Endpoint::Sites | Endpoint::Groups)
    }

    /// The path prefix on which the console counts requests, such as `/threats` or `/threats/*`.
    #[must_use]
    pub fn family(self) -> &'static str {
        match self {
            Endpoint::ThreatTimeline | Endpoint::ThreatNotes => "/threats/*",
            Endpoint::TenantPolicy | Endpoint::AccountPolicy | Endpoint::SitePolicy | Endpoint::GroupPolicy => {
                "/policy"
            }
            Endpoint::Activities | Endpoint::ActivityTypes => "/activities",
            Endpoint::Agents | Endpoint::AgentApplications | Endpoint::AgentTags => "/agents",
            Endpoint::ApplicationInventory | Endpoint::ApplicationEndpoints => "/application-management/inventory",
            other => other.template(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.template())
    }
}

/// A text that cannot stand in a path as an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id")]
pub struct NotAnId {
    text: String,
}

/// One request of the allow-list, with its parameters in the order given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    endpoint: Endpoint,
    id: Option<String>,
    params: Vec<(Cow<'static, str>, String)>,
    window: Option<AlertWindow>,
}

/// Which unified alerts are asked for: those with a time in a span, both ends included, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AlertWindow {
    /// The time that counts.
    pub by: AlertTime,
    /// The first moment; the console counts in milliseconds, so what is below that is cut off.
    pub from: Micros,
    /// The last moment, rounded likewise.
    pub until: Micros,
}

/// A time of a unified alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertTime {
    /// When it was detected.
    Detected,
    /// When it last changed.
    Updated,
}

macro_rules! constructors {
    ($( $name:ident $endpoint:ident; )*) => {
        $(
            #[doc = concat!("See [`Endpoint::", stringify!($endpoint), "`].")]
            #[must_use]
            pub fn $name() -> Request { Request::bare(Endpoint::$endpoint) }
        )*
    };
}

macro_rules! constructors_with_id {
    ($( $name:ident $endpoint:ident; )*) => {
        $(
            #[doc = concat!("See [`Endpoint::", stringify!($endpoint), "`].\n\n# Errors\nThe id is not made of letters, digits, `-` and `_`.")]
            pub fn $name(id: &str) -> Result<Request, NotAnId> { Request::with_id(Endpoint::$endpoint, id) }
        )*
    };
}

impl Request {
    constructors! {
        system_status SystemStatus;
        system_info SystemInfo;
        user User;
        api_token_details ApiTokenDetails;
        accounts Accounts;
        sites Sites;
        groups Groups;
        agents Agents;
        threats Threats;
        activities Activities;
        activity_types ActivityTypes;
        tenant_policy TenantPolicy;
        risks Risks;
        application_inventory ApplicationInventory;
        application_settings ApplicationSettings;
        installed_applications InstalledApplications;
        installed_application_cves InstalledApplicationCves;
        cloud_detection_alerts CloudDetectionAlerts;
        cloud_detection_rules CloudDetectionRules;
        unified_alerts UnifiedAlerts;
        exclusions Exclusions;
        restrictions Restrictions;
        agent_tags AgentTags;
        users Users;
        service_users ServiceUsers;
        roles Roles;
        ranger_devices RangerDevices;
        xdr_assets XdrAssets;
    }

    constructors_with_id! {
        threat_timeline ThreatTimeline;
        threat_notes ThreatNotes;
        account_policy AccountPolicy;
        site_policy SitePolicy;
        group_policy GroupPolicy;
    }

    /// See [`Endpoint::ApplicationEndpoints`]: the console answers only for one product, named by name and vendor.
    #[must_use]
    pub fn application_endpoints(name: &str, vendor: &str) -> Request {
        Request::bare(Endpoint::ApplicationEndpoints).param("applicationName", name).param("applicationVendor", vendor)
    }

    /// See [`Endpoint::AgentApplications`]: for one agent, because rows of several could not be told apart (vendor spec,
    /// `GET /agents/applications`).
    #[must_use]
    pub fn agent_applications(agent_id: &str) -> Request {
        Request::bare(Endpoint::AgentApplications).param("ids", agent_id)
    }

    /// The request for an endpoint that takes no id; `None` if it takes one.
    #[must_use]
    pub fn to(endpoint: Endpoint) -> Option<Request> {
        (!endpoint.names_one_record()).then(|| Request::bare(endpoint))
    }

    /// The request for an endpoint, with the id that its path names; nothing if it takes one and none fits, or takes none.
    #[must_use]
    pub fn of(endpoint: Endpoint, id: Option<&str>) -> Option<Request> {
        match (endpoint.names_one_record(), id) {
            (true, Some(id)) => Request::with_id(endpoint, id).ok(),
            (false, None) => Some(Request::bare(endpoint)),
            _ => None,
        }
    }

    fn bare(endpoint: Endpoint) -> Request {
        Request { endpoint, id: None, params: Vec::new(), window: None }
    }

    fn with_id(endpoint: Endpoint, id: &str) -> Result<Request, NotAnId> {
        let fits = !id.is_empty()
            && id.len() <= ID_BYTES_MAX
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits {
            return Err(NotAnId { text: id.chars().take(ID_BYTES_MAX).collect() });
        }
        Ok(Request { endpoint, id: Some(id.to_owned()), params: Vec::new(), window: None })
    }

    /// The same request with a parameter set; a parameter of that name is replaced.
    #[must_use]
    pub fn param(mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Request {
        let (name, value) = (name.into(), value.to_string());
        match self.params.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.params.push((name, value)),
        }
        self
    }

    /// The same request for pages of that many records (the console takes 1 to 1,000 and answers 10 if not told).
    #[must_use]
    pub fn limit(self, records: u32) -> Request {
        self.param("limit", records)
    }

    /// The same request continued at a cursor.
    #[must_use]
    pub fn cursor(self, cursor: &str) -> Request {
        self.param("cursor", cursor)
    }

    /// The same request for unified alerts of a span of time only; no other endpoint heeds it.
    #[must_use]
    pub fn window(mut self, window: AlertWindow) -> Request {
        self.window = Some(window);
        self
    }

    /// The span of time that unified alerts are asked for.
    #[must_use]
    pub fn asked_window(&self) -> Option<AlertWindow> {
        self.window
    }

    /// The same request without one of its parameters.
    #[must_use]
    pub fn without(mut self, name: &str) -> Request {
        self.params.retain(|(known, _)| known != name);
        self
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The id in the path, if the endpoint names one record.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The parameters, in the order given.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// The path below the host, without the query.
    #[must_use]
    pub fn path(&self) -> String {
        let template = self.endpoint.template();
        match &self.id {
            Some(id) => format!("{API_PATH}{}", template.replace("{id}", id)),
            None => format!("{API_PATH}{template}"),
        }
    }

    /// The question in GraphQL, for the one endpoint that takes one. `limit`, `cursor` and window are its variables.
    #[must_use]
    pub fn question(&self) -> Option<String> {
        if self.endpoint != Endpoint::UnifiedAlerts {
            return None;
        }
        let value = |name| self.params().find(|(known, _)| *known == name).map(|(_, value)| value);
        let mut text = format!(r#"{{"query":{},"variables":{{"#, quoted(ALERTS_QUERY));
        let first = value("limit").and_then(|limit| limit.parse::<u32>().ok());
        text.push_str(&format!(r#""first":{}"#, first.unwrap_or(ALERTS_FIRST)));
        if let Some(after) = value("cursor") {
            text.push_str(&format!(r#","after":{}"#, quoted(after)));
        }
        if let Some(AlertWindow { by, from, until }) = self.window {
            let field = match by {
                AlertTime::Detected => "detectedAt",
                AlertTime::Updated => "updatedAt",
            };
            let (start, end) = (from.0.div_euclid(1_000), until.0.div_euclid(1_000));
            text.push_str(&format!(
                r#","filters":[{{"fieldId":"{field}","dateTimeRange":{{"start":{start},"startInclusive":true,"end":{end},"endInclusive":true}}}}],"sort":{{"by":"{field}","order":"ASC"}}"#
            ));
        }
        text.push_str("}}");
        Some(text)
    }

    /// The path below the host with the query, every value percent-encoded exactly once; a question has no query.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        let mut text = self.path();
        if self.endpoint == Endpoint::UnifiedAlerts {
            return text;
        }
        for (at, (name, value)) in self.params.iter().enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            text.extend(utf8_percent_encode(name, QUERY_KEPT));
            text.push('=');
            text.extend(utf8_percent_encode(value, QUERY_KEPT));
        }
        text
    }
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c.is_control() => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allow_list_holds_no_write_and_no_secret_read() {
        for endpoint in Endpoint::ALL {
            let template = endpoint.template();
            let harmless_post = matches!(endpoint, Endpoint::ApiTokenDetails | Endpoint::UnifiedAlerts);
            assert!(endpoint.method() == Method::GET || harmless_post, "{endpoint}");
            for secret in ["passphrase", "registration-token", "generate", "revoke", "login", "uninstall", "export"] {
                assert!(!template.contains(secret), "{endpoint}");
            }
            assert!(!template.ends_with("/token"), "{endpoint}");
        }
    }

    #[test]
    fn a_cursor_is_encoded_exactly_once() {
        let request =
            Request::agents().limit(1000).cursor("YWdlbnRfaWQ6NTgwMjkzODE+/=").param("isDecommissioned", "true,false");
        assert_eq!(
            request.path_and_query(),
            "/web/api/v2.1/agents?limit=1000&cursor=YWdlbnRfaWQ6NTgwMjkzODE%2B%2F%3D&isDecommissioned=true,false"
        );
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_path() {
        assert_eq!(Request::threat_notes("123").unwrap().path(), "/web/api/v2.1/threats/123/notes");
        for id in ["", "..", "1/../2", "%2e%2e", "1?x=1", "1#", "a b", &"1".repeat(65)] {
            assert!(Request::threat_timeline(id).is_err(), "{id}");
        }
    }

    #[test]
    fn a_parameter_given_twice_is_replaced() {
        let request = Request::sites().limit(10).limit(1000);
        assert_eq!(request.path_and_query(), "/web/api/v2.1/sites?limit=1000");
        assert_eq!(request.without("limit").path_and_query(), "/web/api/v2.1/sites");
    }

    #[test]
    fn no_caller_can_turn_the_question_into_a_change() {
        assert!(ALERTS_QUERY.starts_with("query Alerts(") && !ALERTS_QUERY.to_lowercase().contains("mutation"));
        assert_eq!(ALERTS_QUERY.matches('{').count(), ALERTS_QUERY.matches('}').count());
        let hostile = "\"}},\"query\":\"mutation { deleteAlertNote(id: 1) { id } }\\\n\u{1}";
        let window = AlertWindow {
            by: AlertTime::Updated,
            from: Micros(1_700_000_000_123_999),
            until: Micros(1_700_000_001_000_000),
        };
        let request = Request::unified_alerts()
            .cursor(hostile)
            .param("query", "mutation { x }")
            .param("limit", "1}, \"query\":\"mutation\"")
            .window(window);
        assert_eq!(request.path_and_query(), "/web/api/v2.1/unifiedalerts/graphql");
        let body: serde_json::Value = serde_json::from_str(&request.question().unwrap()).unwrap();
        let expected = serde_json::json!({
            "query": ALERTS_QUERY,
            "variables": {
                "first": ALERTS_FIRST,
                "after": hostile,
                "filters": [{"fieldId": "updatedAt", "dateTimeRange": {
                    "start": 1_700_000_000_123_i64, "startInclusive": true,
                    "end": 1_700_000_001_000_i64, "endInclusive": true,
                }}],
                "sort": {"by": "updatedAt", "order": "ASC"},
            },
        });
        assert_eq!(body, expected);
        for endpoint in Endpoint::ALL.iter().filter(|endpoint| **endpoint != Endpoint::UnifiedAlerts) {
            assert_eq!(Request::bare(*endpoint).window(window).question(), None, "{endpoint}");
        }
    }
}
