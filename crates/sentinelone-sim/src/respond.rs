//! From a request to an answer: tokens, faults, rate limits, routes and the words of errors.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::draw::Dice;
use crate::faults::{Fault, FaultPlan, Rate};
use crate::journal::{Journal, Refusal};
use crate::list::{Ask, Collection, Served, View, fingerprint, limit, seal, unseal};
use crate::params::{Query, activity_types, check, tables};
use crate::policy::Place;
use crate::state::{State, salt};
use crate::text::{micros_text, seconds_text};
use crate::{Bearer, Config};

/// Where every path of the API begins.
pub(crate) const PREFIX: &str = "/web/api/v2.1";

/// How long an answer takes that is slow.
pub(crate) const SLOW: Duration = Duration::from_secs(12);

/// What nginx says when a client asks too often.
const TOO_MANY: &str = "<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body>\r\n\
    <center><h1>429 Too Many Requests</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
const LOGIN_PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>SentinelOne - Management Console</title></head>\
    <body><div id=\"root\"></div></body></html>";

/// Requests a second and burst by path, longest first (vendor table as a vendor partner's client encodes it).
const RATES: [(&str, f64, f64); 14] = [
    ("/application-management/inventory", 3.0, 3.0),
    ("/cloud-detection/rules", 0.5, 30.0),
    ("/system/status", 1.0, 1.0),
    ("/service-users", 5.0, 10.0),
    ("/activities", 10.0, 30.0),
    ("/exclusions", 25.0, 25.0),
    ("/accounts", 100.0, 10.0),
    ("/threats/", 100.0, 1000.0),
    ("/threats", 10.0, 50.0),
    ("/agents", 25.0, 25.0),
    ("/sites", 100.0, 10.0),
    ("/rbac", 50.0, 100.0),
    ("/users", 40.0, 80.0),
    ("/user", 2.0, 5.0),
];

/// Requests a second and burst of every path that the vendor's table leaves out.
const OTHER_RATE: (f64, f64) = (3.0, 10.0);

/// Lists that exist and are empty for now, and the module that must be licensed for them.
const EMPTY: [(&str, Module); 19] = [
    ("/agents/tags", Module::Core),
    ("/agents/applications", Module::Core),
    ("/application-management/inventory", Module::Risks),
    ("/application-management/inventory/applications", Module::Risks),
    ("/application-management/inventory/endpoints", Module::Risks),
    ("/application-management/risks", Module::Risks),
    ("/application-management/risks/aggregated-applications", Module::Risks),
    ("/application-management/risks/applications", Module::Risks),
    ("/application-management/risks/cves", Module::Risks),
    ("/application-management/risks/endpoints", Module::Risks),
    ("/cloud-detection/alerts", Module::Star),
    ("/cloud-detection/rules", Module::Star),
    ("/exclusions", Module::Core),
    ("/restrictions", Module::Core),
    ("/installed-applications", Module::Core),
    ("/installed-applications/cves", Module::Core),
    ("/ranger/table-view", Module::Ranger),
    ("/rbac/roles", Module::Core),
    ("/unified-exclusions", Module::Core),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Module {
    Core,
    Risks,
    Star,
    Ranger,
}

/// What a token may see, by index.
#[derive(Clone, Debug)]
pub(crate) enum Scoped {
    Tenant,
    Accounts(Vec<usize>),
    Sites(Vec<usize>),
}

/// A token that the console knows.
#[derive(Clone, Debug)]
pub(crate) struct TokenRecord {
    pub(crate) user: usize,
    pub(crate) scoped: Scoped,
    pub(crate) bearer: Bearer,
    pub(crate) made: i64,
    pub(crate) ends: i64,
    pub(crate) revoked: bool,
    /// Sites that a cut took away.
    pub(crate) cut: Vec<usize>,
}

/// How a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Before any answer.
    Reset,
    /// After half of the body.
    Truncated,
}

/// An answer, and what the network does to it.
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) delay: Option<Duration>,
    pub(crate) broken: Option<Broken>,
}

impl Outcome {
    fn json(status: u16, body: &Value) -> Outcome {
        let mut text = body.to_string();
        if status >= 400 {
            // Error bodies end with a line break.
            text.push('\n');
        }
        Outcome::raw(status, "application/json", text)
    }

    fn raw(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Outcome {
        let body = body.into();
        Outcome { status, content_type, body, headers: Vec::new(), delay: None, broken: None }
    }
}

/// An error answer of the console.
struct Failure {
    status: u16,
    title: &'static str,
    detail: Option<String>,
}

impl Failure {
    fn invalid(detail: impl Into<String>) -> Failure {
        Failure { status: 400, title: "Validation Error", detail: Some(detail.into()) }
    }

    fn forbidden(detail: Option<&str>) -> Failure {
        Failure { status: 403, title: "Insufficient permissions", detail: detail.map(str::to_owned) }
    }

    const fn missing() -> Failure {
        // The detail is an empty text here, not null.
        Failure { status: 404, title: "Requested resource was not found", detail: Some(String::new()) }
    }

    fn outcome(&self) -> Outcome {
        let code = u32::from(self.status) * 10_000 + 10;
        let error = json!({"errors": [{"code": code, "detail": self.detail, "title": self.title}]});
        Outcome::json(self.status, &error)
    }
}

/// Everything under the console's one lock.
pub(crate) struct Room {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) tokens: HashMap<String, TokenRecord>,
    pub(crate) journal: Journal,
    pub(crate) plan: FaultPlan,
    /// How many requests each rule of the plan has covered.
    pub(crate) covered: Vec<u64>,
    buckets: HashMap<(String, &'static str), (f64, i64)>,
    served: Served,
    requests: u64,
}

/// What of a request a route needs.
struct Call<'a> {
    template: &'static str,
    id: Option<&'a str>,
    query: Query,
    token: &'a TokenRecord,
    view: View,
    fault: Option<Fault>,
}

impl Room {
    pub(crate) fn new(config: Config, state: State, tokens: HashMap<String, TokenRecord>) -> Room {
        Room {
            config,
            state,
            tokens,
            journal: Journal::default(),
            plan: FaultPlan::none(),
            covered: Vec::new(),
            buckets: HashMap::new(),
            served: Served::new(),
            requests: 0,
        }
    }

    /// Moves on to the clock's present instant.
    pub(crate) fn catch_up(&mut self) {
        let now = (self.config.clock)();
        self.state.advance_to(now);
    }

    /// Answers one request.
    pub(crate) fn respond(&mut self, request: &Request<Bytes>) -> Outcome {
        self.catch_up();
        self.requests += 1;
        let number = self.requests;
        let mut outcome = self.answer(request);
        let mut dice = Dice::new(self.config.seed, salt::REQUEST, number);
        outcome.headers.extend([
            ("server", "nginx".to_owned()),
            ("date", crate::text::http_date(self.state.now)),
            ("x-rqid", crate::text::uuid(&mut dice)),
            ("vary", "Origin".to_owned()),
            ("strict-transport-security", "max-age=31536000; includeSubDomains".to_owned()),
            ("content-security-policy", "default-src 'self'".to_owned()),
            ("x-frame-options", "SAMEORIGIN".to_owned()),
        ]);
        outcome
    }

    fn answer(&mut self, request: &Request<Bytes>) -> Outcome {
        let path = request.uri().path();
        let query = request.uri().query().unwrap_or("");
        let method = request.method();
        self.journal.total += 1;
        *self.journal.requests.entry(format!("{method} {path}")).or_default() += 1;
        let shown = match query {
            "" => format!("{method} {path}"),
            query => format!("{method} {path}?{query}"),
        };
        if !allowed(request) {
            self.journal.forbidden.push(shown.clone());
        }
        let Some(route) = path.strip_prefix(PREFIX).filter(|r| r.starts_with('/')) else {
            return Outcome::raw(200, "text/html", LOGIN_PAGE);
        };
        let result = self.guarded(request, route, query);
        match result {
            Ok(outcome) => outcome,
            Err(failure) => {
                let detail = failure.detail.clone().unwrap_or_default();
                let refusal = Refusal { request: shown, status: failure.status, detail };
                if failure.status == 400 { &mut self.journal.refused } else { &mut self.journal.denied }.push(refusal);
                failure.outcome()
            }
        }
    }

    fn guarded(&mut self, request: &Request<Bytes>, route: &str, query: &str) -> Result<Outcome, Failure> {
        if route == "/system/status" && request.method() == Method::GET {
            return Ok(Outcome::json(200, &json!({"data": {"health": "ok"}})));
        }
        let unknown = || Failure { status: 401, title: "Authentication Failed", detail: None };
        let header = request.headers().get(http::header::AUTHORIZATION).and_then(|h| h.to_str().ok()).unwrap_or("");
        let (scheme, text) = header.split_once(' ').unwrap_or((header, ""));
        if !["apitoken", "token", "bearer"].iter().any(|s| scheme.eq_ignore_ascii_case(s)) {
            return Err(unknown());
        }
        let now = self.state.now;
        let token = self.tokens.get(text).filter(|t| !t.revoked && t.ends > now).cloned().ok_or_else(unknown)?;
        let listed = find_route(route);
        let is_list = listed.as_ref().is_some_and(|(template, _)| is_list(template));
        let has_cursor = query.split('&').any(|p| p.starts_with("cursor=") && p.len() > 7);
        let fault = self.fault(route, is_list, has_cursor);
        if let Some(outcome) = self.play(fault, text, route)? {
            return Ok(outcome);
        }
        if self.config.rate_limits && !self.admit(text, route) {
            return Ok(Outcome::raw(429, "text/html", TOO_MANY));
        }
        if request.method() == Method::POST {
            return self.post(request, route);
        }
        if request.method() != Method::GET {
            return Err(Failure::forbidden(None));
        }
        let Some((template, id)) = listed else {
            // A module that this console never had answers from another program.
            return if route.starts_with("/cnapp") || route.starts_with("/detection-library") {
                self.note_denied(request);
                Ok(Outcome::raw(404, "text/plain; charset=utf-8", "404 page not found\n"))
            } else {
                Err(Failure::missing())
            };
        };
        let query = check(template, query).map_err(Failure::invalid)?;
        let view = self.view(&token);
        let call = Call { template, id, query, token: &token, view, fault };
        let mut outcome = self.get(&call)?;
        match fault {
            Some(Fault::Truncated) => outcome.broken = Some(Broken::Truncated),
            Some(Fault::Slow) => outcome.delay = Some(SLOW),
            _ => {}
        }
        Ok(outcome)
    }

    fn note_denied(&mut self, request: &Request<Bytes>) {
        let shown = format!("{} {}", request.method(), request.uri());
        self.journal.denied.push(Refusal { request: shown, status: 404, detail: String::new() });
    }

    /// What a token sees now.
    pub(crate) fn view(&self, token: &TokenRecord) -> View {
        let state = &self.state;
        let mut sites: Vec<bool> = match &token.scoped {
            Scoped::Tenant => vec![true; state.sites.len()],
            Scoped::Accounts(accounts) => state.sites.iter().map(|s| accounts.contains(&s.account)).collect(),
            Scoped::Sites(own) => (0..state.sites.len()).map(|s| own.contains(&s)).collect(),
        };
        for &site in &token.cut {
            sites[site] = false;
        }
        let accounts = match &token.scoped {
            Scoped::Tenant => vec![true; state.accounts.len()],
            Scoped::Accounts(accounts) => (0..state.accounts.len()).map(|a| accounts.contains(&a)).collect(),
            Scoped::Sites(own) => {
                (0..state.accounts.len()).map(|a| own.iter().any(|&s| state.sites[s].account == a)).collect()
            }
        };
        let only_sites = matches!(token.scoped, Scoped::Sites(_));
        View { tenant: matches!(token.scoped, Scoped::Tenant), accounts, sites, only_sites }
    }

    // -- faults and rates --

    /// The fault that this request meets, if the plan has one for it.
    fn fault(&mut self, route: &str, is_list: bool, has_cursor: bool) -> Option<Fault> {
        self.covered.resize(self.plan.rules.len(), 0);
        let mut met = None;
        for (index, rule) in self.plan.rules.iter().enumerate() {
            let covers = rule.path.as_ref().is_none_or(|path| route.ends_with(path.as_str()))
                && match rule.fault {
                    Fault::Cursor400 | Fault::RepeatCursor | Fault::DuplicatePage => is_list && has_cursor,
                    Fault::EmptyPage | Fault::MissingPagination | Fault::Nonmonotone | Fault::NullData => is_list,
                    _ => true,
                };
            if !covers {
                continue;
            }
            self.covered[index] += 1;
            let count = self.covered[index];
            let due = match rule.rate {
                Rate::Once(n) => count == n,
                Rate::PerMille(n) => {
                    Dice::new(self.plan.seed, salt::FAULT ^ (index as u64) << 8, count).per_mille(u64::from(n))
                }
                Rate::Every(0) => false,
                Rate::Every(n) => {
                    let peers: Vec<usize> = (0..self.plan.rules.len())
                        .filter(|&p| self.plan.rules[p].rate == rule.rate && self.plan.rules[p].path == rule.path)
                        .collect();
                    let turn = (count / n).wrapping_sub(1) % (peers.len() as u64).max(1);
                    count.is_multiple_of(n) && peers.get(turn as usize) == Some(&index)
                }
            };
            if due && met.is_none() {
                met = Some(rule.fault);
            }
        }
        if let Some(fault) = met {
            self.journal.faults.push((self.requests, fault.name().to_owned()));
        }
        met
    }

    /// Plays a fault that replaces the answer or changes the token.
    fn play(&mut self, fault: Option<Fault>, token: &str, route: &str) -> Result<Option<Outcome>, Failure> {
        let Some(fault) = fault else { return Ok(None) };
        let outcome = match fault {
            Fault::Html429 => Outcome::raw(429, "text/html", TOO_MANY),
            Fault::Html429After => {
                let mut outcome = Outcome::raw(429, "text/html", TOO_MANY);
                outcome.headers.push(("retry-after", "1".to_owned()));
                outcome
            }
            Fault::Html200 => Outcome::raw(200, "text/html", LOGIN_PAGE),
            Fault::Reset => {
                let mut outcome = Outcome::raw(200, "application/json", "");
                outcome.broken = Some(Broken::Reset);
                outcome
            }
            Fault::Json500 => {
                let detail = Some("Server could not process the request.".to_owned());
                Failure { status: 500, title: "Internal server error", detail }.outcome()
            }
            Fault::Spring500 => Outcome::json(
                500,
                &json!({"timestamp": micros_text(self.state.now), "status": 500, "error": "Internal Server Error",
                    "path": format!("{PREFIX}{route}")}),
            ),
            Fault::Html502 => Outcome::raw(502, "text/html", BAD_GATEWAY),
            Fault::Text404 => Outcome::raw(404, "text/plain; charset=utf-8", "404 page not found\n"),
            Fault::Cursor400 => Failure::invalid("Invalid cursor value received").outcome(),
            Fault::Revoke => {
                if let Some(record) = self.tokens.get_mut(token) {
                    record.revoked = true;
                }
                return Ok(None);
            }
            Fault::ScopeCut => {
                let seen = self.tokens.get(token).map(|record| self.view(record));
                // The last site that the token sees goes, as long as one is left.
                let sites: Vec<usize> =
                    seen.map(|v| (0..v.sites.len()).filter(|&s| v.sites[s]).collect()).unwrap_or_default();
                if let (Some(record), true) = (self.tokens.get_mut(token), sites.len() > 1) {
                    record.cut.extend(sites.last());
                }
                return Ok(None);
            }
            _ => return Ok(None),
        };
        Ok(Some(outcome))
    }

    /// Whether the rate of a path allows one more request now.
    fn admit(&mut self, token: &str, route: &str) -> bool {
        let (family, rate, burst) = RATES
            .iter()
            .find(|(prefix, _, _)| route.starts_with(prefix))
            .map_or(("", OTHER_RATE.0, OTHER_RATE.1), |&(prefix, rate, burst)| (prefix, rate, burst));
        let now = self.state.now;
        let (level, at) = self.buckets.entry((token.to_owned(), family)).or_insert((burst, now));
        let elapsed = (now - *at).max(0) as f64 / 1e6;
        *level = (*level + elapsed * rate).min(burst);
        *at = now;
        let admitted = *level >= 1.0;
        if admitted {
            *level -= 1.0;
        }
        admitted
    }

    // -- routes --

    fn post(&mut self, request: &Request<Bytes>, route: &str) -> Result<Outcome, Failure> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match route {
            "/users/api-token-details" => {
                let token = body["data"]["apiToken"].as_str().and_then(|t| self.tokens.get(t));
                let token = token.ok_or_else(|| Failure::invalid("apiToken: Missing data for required field."))?;
                Ok(Outcome::json(200, &json!({"data": dates(token.made, token.ends)})))
            }
            "/unifiedalerts/graphql" => {
                let text = body["query"].as_str().ok_or_else(|| Failure::invalid("Must provide query string."))?;
                if text.trim_start().starts_with("mutation") {
                    self.journal.forbidden.push(format!("mutation {route}"));
                }
                if !self.config.modules.unified_alerts {
                    return Err(Failure::forbidden(Some("Feature Unified Alerts is not available for the scope")));
                }
                let page = json!({"hasNextPage": false, "endCursor": null});
                Ok(Outcome::json(200, &json!({"data": {"alerts": {"edges": [], "pageInfo": page, "totalCount": 0}}})))
            }
            "/xdr/assets" => Ok(Outcome::json(200, &empty_list())),
            _ => Err(Failure::forbidden(None)),
        }
    }

    fn get(&mut self, call: &Call<'_>) -> Result<Outcome, Failure> {
        let site_user = call.view.only_sites;
        let object = |value: &Value| Ok(Outcome::json(200, &json!({ "data": value })));
        match call.template {
            "/system/info" => object(&json!({
                "release": "S-25.1.3", "version": "S-25.1.3#1", "build": "1", "patch": "SP0",
                "latestAgentVersion": crate::catalog::LATEST_AGENT,
            })),
            "/user" => object(&self.caller(call.token)),
            "/accounts" | "/accounts/{id}" | "/accounts/{id}/policy" if site_user => {
                Err(Failure::forbidden(Some("Action is not allowed to site users")))
            }
            "/accounts" => self.list(call, Collection::Accounts),
            "/sites" => self.list(call, Collection::Sites),
            "/groups" => self.list(call, Collection::Groups),
            "/users" => self.list(call, Collection::Users),
            "/service-users" => self.list(call, Collection::ServiceUsers),
            "/agents" => self.list(call, Collection::Agents),
            "/threats" => self.list(call, Collection::Threats),
            "/activities" => self.list(call, Collection::Activities),
            "/agents/count" => {
                let ask = self.ask(call, Collection::Agents)?;
                let total = self.state.count_agents(&ask);
                object(&json!({ "total": total }))
            }
            "/activities/types" => {
                let rows: Vec<Value> = activity_types()
                    .iter()
                    .map(|(code, name)| {
                        let id: u64 = code.parse().unwrap_or(0);
                        if name.is_empty() {
                            // Some types have only a number.
                            json!({ "id": id })
                        } else {
                            json!({"action": name, "descriptionTemplate": format!("{name}: {{{{ data }}}}"), "id": id})
                        }
                    })
                    .collect();
                object(&Value::Array(rows))
            }
            "/threats/{id}/timeline" => {
                let threat = self.threat(call)?;
                self.list(call, Collection::Timeline(threat))
            }
            "/threats/{id}/notes" => {
                let threat = self.threat(call)?;
                self.list(call, Collection::Notes(threat))
            }
            "/accounts/{id}" => {
                let account = self.known(call, |s, id| s.account_by_id(id), |_, v, a| v.accounts[a])?;
                object(&self.state.account_record(account, &self.state.headcount()))
            }
            "/sites/{id}" => {
                let site = self.known(call, |s, id| s.site_by_id(id), |_, v, s| v.sites[s])?;
                object(&self.state.site_record(site, &self.state.headcount()))
            }
            "/groups/{id}" => {
                let group = self.known(call, |s, id| s.group_by_id(id), |s, v, g| v.sites[s.groups[g].site])?;
                let mut record = self.state.group_record(group, &self.state.headcount());
                // The single record knows less than the list's.
                if let Some(map) = record.as_object_mut() {
                    for key in ["totalAgents", "inherits", "filterName"] {
                        map.remove(key);
                    }
                }
                object(&record)
            }
            "/tenant/policy" => object(&self.state.policy_at(Place::Tenant)),
            "/accounts/{id}/policy" => {
                let account = self.known(call, |s, id| s.account_by_id(id), |_, v, a| v.accounts[a])?;
                object(&self.state.policy_at(Place::Account(account)))
            }
            "/sites/{id}/policy" => {
                let site = self.known(call, |s, id| s.site_by_id(id), |_, v, s| v.sites[s])?;
                object(&self.state.policy_at(Place::Site(site)))
            }
            "/groups/{id}/policy" => {
                let group = self.known(call, |s, id| s.group_by_id(id), |s, v, g| v.sites[s.groups[g].site])?;
                object(&self.state.policy_at(Place::Group(group)))
            }
            "/users/{id}" | "/users/{id}/api-token-details" | "/service-users/{id}" => self.person(call),
            "/application-management/settings" if !self.config.modules.risks => Err(no_risks()),
            "/application-management/settings" => object(&json!({
                "extensiveLinuxScanEnabled": false, "extensiveScanEnabled": true, "vulnerabilitiesScanEnabled": true,
            })),
            "/rogues/table-view" => {
                if call.query.values("accountIds").is_none() {
                    return Err(Failure::invalid(
                        "User scope level is account. Please provide a valid account ID or site ID.",
                    ));
                }
                Ok(Outcome::json(200, &empty_list()))
            }
            "/tags" | "/xdr/assets" | "/xdr/assets/tags" => Ok(Outcome::json(200, &empty_list())),
            other => self.empty(other),
        }
    }

    /// A list of a module that is licensed or not, and that holds nothing.
    fn empty(&self, template: &str) -> Result<Outcome, Failure> {
        let (_, module) = EMPTY.iter().find(|(path, _)| *path == template).ok_or_else(Failure::missing)?;
        let modules = self.config.modules;
        match module {
            Module::Risks if !modules.risks => return Err(no_risks()),
            Module::Star if !modules.star => {
                return Err(Failure::forbidden(Some("This scope does not have Custom Rules enabled.")));
            }
            Module::Ranger if !modules.ranger => {
                return Err(Failure::forbidden(Some("Feature Ranger is not available for the scope")));
            }
            _ => {}
        }
        Ok(match template {
            "/agents/applications" | "/application-management/inventory/applications" => {
                Outcome::json(200, &json!({ "data": [] }))
            }
            _ => Outcome::json(200, &empty_list()),
        })
    }

    /// The record that a path names: 404 if there is none, 403 if the token does not see it.
    fn known(
        &self,
        call: &Call<'_>,
        find: impl Fn(&State, &str) -> Option<usize>,
        sees: impl Fn(&State, &View, usize) -> bool,
    ) -> Result<usize, Failure> {
        let index = call.id.and_then(|id| find(&self.state, id)).ok_or_else(Failure::missing)?;
        if sees(&self.state, &call.view, index) { Ok(index) } else { Err(Failure::forbidden(None)) }
    }

    /// A threat that a path names: 404 also for one that the token does not see.
    fn threat(&self, call: &Call<'_>) -> Result<usize, Failure> {
        let id = call.id.and_then(|id| id.parse::<u64>().ok());
        let index = id.and_then(|id| self.state.threat_index.get(&id)).copied().ok_or_else(Failure::missing)?;
        let threat = &self.state.threats[index as usize];
        let site = self.state.site_of(&self.state.agents[threat.agent as usize]);
        if threat.gone || !call.view.sites[site] {
            return Err(Failure::missing());
        }
        Ok(index as usize)
    }

    fn person(&self, call: &Call<'_>) -> Result<Outcome, Failure> {
        let id = call.id.and_then(|id| id.parse::<u64>().ok()).ok_or_else(Failure::missing)?;
        let service = call.template == "/service-users/{id}";
        let index = self.state.users.iter().position(|u| u.id == id && u.service == service);
        let index = index.filter(|&u| self.state.sees_user(&call.view, u)).ok_or_else(Failure::missing)?;
        let record = match call.template {
            "/users/{id}" => self.state.user_record(index, None),
            "/service-users/{id}" => self.state.service_user_record(index),
            _ => {
                let (made, ends) = self.state.users[index].token.ok_or_else(Failure::missing)?;
                dates(made, ends)
            }
        };
        Ok(Outcome::json(200, &json!({ "data": record })))
    }

    /// The caller itself, as `GET /user` tells it.
    fn caller(&self, token: &TokenRecord) -> Value {
        let state = &self.state;
        let mut record = state.user_record(token.user, Some((token.made, token.ends)));
        let role = |id: u64, name: &str, account: usize| {
            json!({
                "accountName": state.accounts[account].name, "id": id.to_string(), "name": name,
                "roleId": "433241117337583706", "roleName": "Viewer", "roles": ["Viewer"],
            })
        };
        let (scope, roles): (&str, Vec<Value>) = match &token.scoped {
            Scoped::Tenant => ("tenant", Vec::new()),
            Scoped::Accounts(own) => {
                ("account", own.iter().map(|&a| role(state.accounts[a].id, &state.accounts[a].name, a)).collect())
            }
            Scoped::Sites(own) => (
                "site",
                own.iter().map(|&s| &state.sites[s]).map(|site| role(site.id, &site.name, site.account)).collect(),
            ),
        };
        let mut site_roles = if scope == "site" { roles.clone() } else { Vec::new() };
        site_roles.iter_mut().filter_map(Value::as_object_mut).for_each(|role| {
            role.remove("accountName");
        });
        if let Some(map) = record.as_object_mut() {
            map.insert("scope".to_owned(), json!(scope));
            map.insert("siteRoles".to_owned(), json!(site_roles));
            map.insert("scopeRoles".to_owned(), json!(roles));
            map.insert("lowestRole".to_owned(), json!("Viewer"));
            map.insert("tenantRoles".to_owned(), if scope == "tenant" { json!(["Viewer"]) } else { json!([]) });
            map.insert("isExternalLoginUser".to_owned(), json!(false));
            map.insert("elevatedSessionDurationMinutes".to_owned(), json!(30));
            if token.bearer == Bearer::ServiceUser {
                map.insert("canGenerateApiToken".to_owned(), json!(false));
                map.insert("email".to_owned(), Value::Null);
            }
        }
        record
    }

    // -- lists --

    fn ask<'a>(&self, call: &'a Call<'a>, collection: Collection) -> Result<Ask<'a>, Failure> {
        let path = format!("{}#{}", call.template, call.id.unwrap_or(""));
        let fingerprint = fingerprint(&path, &call.query);
        let cursor = match call.query.one("cursor") {
            None | Some("") => None,
            Some(text) => {
                let opened = unseal(text, fingerprint);
                Some(opened.ok_or_else(|| Failure::invalid("Invalid cursor value received"))?)
            }
        };
        Ok(Ask {
            collection,
            query: &call.query,
            view: &call.view,
            fingerprint,
            cursor,
            limit: limit(&call.query, self.config.page_max),
            activities_cap: self.config.activities_cap,
            opening: Vec::new(),
        })
    }

    fn list(&mut self, call: &Call<'_>, collection: Collection) -> Result<Outcome, Failure> {
        let mut ask = self.ask(call, collection)?;
        let here = ask.cursor.as_ref().and_then(|c| c.after.clone());
        let before = self.served.insert(ask.fingerprint, here.clone());
        let fault = call.fault;
        if let (Some(Fault::DuplicatePage), Some(cursor), Some(before)) = (fault, &mut ask.cursor, before) {
            cursor.after = before;
        }
        ask.opening = if collection == Collection::Sites {
            format!("{{\"data\":{{\"allSites\":{},\"sites\":[", self.state.all_sites(&call.view)).into_bytes()
        } else {
            b"{\"data\":[".to_vec()
        };
        let mut page = self.state.page(&ask);
        for name in &page.unheeded {
            let note = format!("{} {name}", call.template);
            if !self.journal.unheeded.contains(&note) {
                self.journal.unheeded.push(note);
            }
        }
        let mut next = page.next.as_ref().map(|p| seal(ask.fingerprint, Some(p), None));
        match fault {
            Some(Fault::RepeatCursor) => next = call.query.one("cursor").map(str::to_owned),
            Some(Fault::EmptyPage) => {
                page.records.truncate(ask.opening.len());
                next = Some(seal(ask.fingerprint, here.as_ref(), Some(self.requests)));
            }
            Some(Fault::DuplicatePage) => next = Some(seal(ask.fingerprint, here.as_ref(), Some(self.requests))),
            Some(Fault::Nonmonotone) => page.reverse(),
            _ => {}
        }
        let mut body = page.records;
        match (fault, collection) {
            (Some(Fault::NullData), _) => body = b"{\"data\":null".to_vec(),
            (_, Collection::Sites) => body.extend_from_slice(b"]}"),
            _ => body.push(b']'),
        }
        if fault != Some(Fault::MissingPagination) {
            let next = next.map_or(Value::Null, Value::String);
            body.extend_from_slice(format!(",\"pagination\":{{\"nextCursor\":{next}").as_bytes());
            if !call.query.flag("skipCount") {
                body.extend_from_slice(format!(",\"totalItems\":{}", page.total).as_bytes());
            }
            body.push(b'}');
        }
        body.push(b'}');
        Ok(Outcome::raw(200, "application/json", body))
    }
}

fn empty_list() -> Value {
    json!({"data": [], "pagination": {"nextCursor": null, "totalItems": 0}})
}

fn dates(made: i64, ends: i64) -> Value {
    json!({"createdAt": micros_text(made), "expiresAt": seconds_text(ends)})
}

fn no_risks() -> Failure {
    Failure::forbidden(Some("Feature Application Management is not available for the scope"))
}

/// Whether a read-only client may send this.
fn allowed(request: &Request<Bytes>) -> bool {
    let path = request.uri().path();
    let secret = path.contains("passphrases")
        || path.contains("registration-token")
        || path.contains("generate-api-token")
        || path.ends_with("/token");
    let posts = ["/users/api-token-details", "/unifiedalerts/graphql", "/xdr/assets"];
    let post = || path.strip_prefix(PREFIX).is_some_and(|route| posts.contains(&route));
    !secret && (request.method() == Method::GET || request.method() == Method::POST && post())
}

/// The template of a route, and the id in it.
fn find_route(route: &str) -> Option<(&'static str, Option<&str>)> {
    if let Some((template, _)) = tables().get_key_value(route) {
        return Some((template, None));
    }
    let mut parts = route.trim_start_matches('/').split('/');
    let (head, id, tail) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let template = tail.map_or_else(|| format!("/{head}/{{id}}"), |tail| format!("/{head}/{{id}}/{tail}"));
    tables().get_key_value(template.as_str()).map(|(template, _)| (*template, Some(id)))
}

/// Whether a route answers pages of records.
fn is_list(template: &str) -> bool {
    matches!(
        template,
        "/accounts"
            | "/sites"
            | "/groups"
            | "/users"
            | "/service-users"
            | "/agents"
            | "/threats"
            | "/activities"
            | "/threats/{id}/timeline"
            | "/threats/{id}/notes"
    )
}
