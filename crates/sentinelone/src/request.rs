//! The allow-list: every request that this crate can send, and no way to express another.

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use std::fmt;

use crate::console::API_PATH;

/// What stays as it is in a query: the unreserved characters, and those that keep lists and times readable.
const QUERY_KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b',').remove(b':');

/// The longest id that is put into a path, in bytes. The vendor's ids have 18 or 19 digits.
const ID_BYTES_MAX: usize = 64;

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
    /// Applications per agent, the older form.
    InstalledApplications = GET "/installed-applications", List;
    /// Alerts of custom rules (module).
    CloudDetectionAlerts = GET "/cloud-detection/alerts", List;
    /// Custom detection rules (module).
    CloudDetectionRules = GET "/cloud-detection/rules", List;
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
    /// Whether the path names one record, so that a 404 concerns that record only.
    #[must_use]
    pub fn names_one_record(self) -> bool {
        self.template().contains("{id}")
    }

    /// Whether answers come in pages with a cursor.
    #[must_use]
    pub fn is_paged(self) -> bool {
        self.shape() != Shape::One && self != Endpoint::ActivityTypes
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
        cloud_detection_alerts CloudDetectionAlerts;
        cloud_detection_rules CloudDetectionRules;
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

    /// The request for an endpoint that takes no id; `None` if it takes one.
    #[must_use]
    pub fn to(endpoint: Endpoint) -> Option<Request> {
        (!endpoint.names_one_record()).then(|| Request::bare(endpoint))
    }

    fn bare(endpoint: Endpoint) -> Request {
        Request { endpoint, id: None, params: Vec::new() }
    }

    fn with_id(endpoint: Endpoint, id: &str) -> Result<Request, NotAnId> {
        let fits = !id.is_empty()
            && id.len() <= ID_BYTES_MAX
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits {
            return Err(NotAnId { text: id.chars().take(ID_BYTES_MAX).collect() });
        }
        Ok(Request { endpoint, id: Some(id.to_owned()), params: Vec::new() })
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

    /// The path below the host with the query, every value percent-encoded exactly once.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        let mut text = self.path();
        for (at, (name, value)) in self.params.iter().enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            text.extend(utf8_percent_encode(name, QUERY_KEPT));
            text.push('=');
            text.extend(utf8_percent_encode(value, QUERY_KEPT));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allow_list_holds_no_write_and_no_secret_read() {
        for endpoint in Endpoint::ALL {
            let template = endpoint.template();
            assert!(endpoint.method() == Method::GET || *endpoint == Endpoint::ApiTokenDetails, "{endpoint}");
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
}
