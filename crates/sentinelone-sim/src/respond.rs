//! From a request to an answer: tokens, faults, rate limits, routes and the words of errors.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::detections::Origin;
use crate::draw::Dice;
use crate::faults::{Fault, FaultPlan, Rate};
use crate::journal::{Asked, Journal, LOG_MAX, Refusal};
use crate::list::{Ask, Collection, Key, Position, Served, View, fingerprint, fingerprint_of, limit, seal, unseal};
use crate::params::{Query, activity_types, check, tables};
use crate::policy::Place;
use crate::state::{State, salt};
use crate::text::{MINUTE, SECOND, micros_text, seconds_text};
use crate::{Bearer, Config};

/// Where every path of the API begins.
pub(crate) const PREFIX: &str = "/web/api/v2.1";

/// Where questions in GraphQL go.
const GRAPHQL: &str = "/unifiedalerts/graphql";

/// How many unified alerts a page has when the question does not say.
const DEFAULT_FIRST: u64 = 10;

/// How long an answer takes that does not come.
pub(crate) const NEVER: Duration = Duration::from_secs(600);

/// How long an answer takes that is slow.
pub(crate) const SLOW: Duration = Duration::from_secs(12);

/// What nginx says when a client asks too often.
const TOO_MANY: &str = "<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body>\r\n\
    <center><h1>429 Too Many Requests</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
const UNAVAILABLE: &str = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n\
    <center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
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

/// Lists that exist and are always empty.
const EMPTY: [&str; 8] = [
    "/application-management/risks/aggregated-applications",
    "/application-management/risks/applications",
    "/application-management/risks/cves",
    "/application-management/risks/endpoints",
    "/unified-exclusions",
    "/tags",
    "/xdr/assets/tags",
    "/rogues/table-view",
];

/// The module that must be licensed for a path.
fn module(template: &str) -> Module {
    if template.starts_with("/application-management") {
        Module::Risks
    } else if template.starts_with("/cloud-detection") {
        Module::Star
    } else if template.starts_with("/ranger") {
        Module::Ranger
    } else if template.starts_with("/installed-applications") {
        Module::Installed
    } else if template.starts_with("/xdr") {
        Module::Xdr
    } else {
        Module::Core
    }
}

/// Whether a path lies in a family: it is the path, or lies below it.
fn lies_in(route: &str, family: &str) -> bool {
    route.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Module {
    Core,
    Risks,
    Star,
    Ranger,
    Installed,
    Xdr,
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
    /// Paths, and all below them, that its role may not read.
    pub(crate) denied: Vec<String>,
}

/// How a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Before any answer.
    Reset,
    /// After half of the body.
    Truncated,
    /// After so many bytes of the body.
    After(usize),
    /// Never, but the body comes a few bytes a second.
    Dripping,
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
    /// How far (µs) the console's clock is from [`Config::clock`].
    pub(crate) skew: i64,
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
            skew: 0,
        }
    }

    /// Moves on to the clock's present instant.
    pub(crate) fn catch_up(&mut self) {
        let now = (self.config.clock)().saturating_add(self.skew);
        self.state.advance_to(now);
    }

    /// Answers one request.
    pub(crate) fn respond(&mut self, request: &Request<Bytes>) -> Outcome {
        self.catch_up();
        self.requests += 1;
        let number = self.requests;
        let (mut outcome, fault) = self.answer(request);
        let mut dice = Dice::new(self.config.seed, salt::REQUEST, number);
        let date = match fault {
            Some(Fault::DateAhead) => Some(crate::text::http_date(self.state.now + 10 * MINUTE)),
            Some(Fault::DateBehind) => Some(crate::text::http_date(self.state.now - 10 * MINUTE)),
            Some(Fault::DateMissing) => None,
            Some(Fault::DateGarbage) => Some("the day after tomorrow".to_owned()),
            _ => Some(crate::text::http_date(self.state.now)),
        };
        outcome.headers.extend(date.map(|date| ("date", date)));
        outcome.headers.extend([
            ("server", "nginx".to_owned()),
            ("x-rqid", crate::text::uuid(&mut dice)),
            ("vary", "Origin".to_owned()),
            ("strict-transport-security", "max-age=31536000; includeSubDomains".to_owned()),
            ("content-security-policy", "default-src 'self'".to_owned()),
            ("x-frame-options", "SAMEORIGIN".to_owned()),
        ]);
        outcome
    }

    fn answer(&mut self, request: &Request<Bytes>) -> (Outcome, Option<Fault>) {
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
            return (Outcome::raw(200, "text/html", LOGIN_PAGE), None);
        };
        let mut fault = None;
        let result = self.guarded(request, route, query, &mut fault);
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(failure) => {
                let detail = failure.detail.clone().unwrap_or_default();
                let refusal = Refusal { request: shown, status: failure.status, detail };
                if failure.status == 400 { &mut self.journal.refused } else { &mut self.journal.denied }.push(refusal);
                failure.outcome()
            }
        };
        if self.journal.log.len() < LOG_MAX {
            let family = find_route(route).map_or(posts(route), |(template, _)| template);
            self.journal.log.push(Asked { at: self.state.now, family, status: outcome.status });
        }
        (outcome, fault)
    }

    fn guarded(
        &mut self,
        request: &Request<Bytes>,
        route: &str,
        query: &str,
        met: &mut Option<Fault>,
    ) -> Result<Outcome, Failure> {
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
        let question = request.method() == Method::POST && route == GRAPHQL;
        let is_list = question || listed.as_ref().is_some_and(|(template, _)| is_list(template));
        let has_cursor = query.split('&').any(|p| p.starts_with("cursor=") && p.len() > 7)
            || question && request.body().windows(9).any(|window| window == b"\"after\":\"");
        let takes_gzip = request.headers().get(http::header::ACCEPT_ENCODING);
        let takes_gzip = takes_gzip.and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("gzip"));
        let fault = self.fault(route, is_list, has_cursor, takes_gzip);
        *met = fault;
        if let Some(outcome) = self.play(fault, text, route)? {
            return Ok(outcome);
        }
        if token.denied.iter().any(|family| lies_in(route, family)) {
            return Err(Failure::forbidden(Some("User does not have required permissions.")));
        }
        if self.config.rate_limits && !self.admit(text, route) {
            return Ok(Outcome::raw(429, "text/html", TOO_MANY));
        }
        if request.method() == Method::POST {
            return self.post(request, route, &token, fault);
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
            Some(Fault::SlowHead) => outcome.delay = Some(NEVER),
            Some(Fault::SlowBody) => outcome.broken = Some(Broken::Dripping),
            Some(Fault::ResetLate) => {
                let kib = Dice::new(self.plan.seed, salt::FAULT ^ 0xff, self.requests).below(64) as usize;
                outcome.broken = Some(Broken::After((kib * 1024).min(outcome.body.len() * 9 / 10)));
            }
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
    fn fault(&mut self, route: &str, is_list: bool, has_cursor: bool, takes_gzip: bool) -> Option<Fault> {
        self.covered.resize(self.plan.rules.len(), 0);
        let mut met = None;
        for (index, rule) in self.plan.rules.iter().enumerate() {
            let covers = rule.names(route)
                && match rule.fault {
                    fault if fault.is_of_cursors() => is_list && has_cursor,
                    fault if fault.is_of_lists() => is_list,
                    Fault::GraphqlErrors => route == GRAPHQL,
                    Fault::GzipBomb => takes_gzip,
                    _ => true,
                };
            if !covers {
                continue;
            }
            self.covered[index] += 1;
            let count = self.covered[index];
            let due = match rule.rate {
                Rate::Once(n) => count == n,
                Rate::Span { first, times } => count >= first && count - first < times,
                Rate::Between { from, until, per_mille } => {
                    (from..until).contains(&self.state.now)
                        && Dice::new(self.plan.seed, salt::FAULT ^ (index as u64) << 8, count)
                            .per_mille(u64::from(per_mille))
                }
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
            Fault::Html429Date => {
                let mut outcome = Outcome::raw(429, "text/html", TOO_MANY);
                outcome.headers.push(("retry-after", crate::text::http_date(self.state.now + 30 * SECOND)));
                outcome
            }
            Fault::Html429Absurd => {
                let mut outcome = Outcome::raw(429, "text/html", TOO_MANY);
                outcome.headers.push(("retry-after", "31536000".to_owned()));
                outcome
            }
            Fault::Html503 => Outcome::raw(503, "text/html", UNAVAILABLE),
            Fault::Html503After => {
                let mut outcome = Outcome::raw(503, "text/html", UNAVAILABLE);
                outcome.headers.push(("retry-after", "5".to_owned()));
                outcome
            }
            Fault::Json401 => Failure { status: 401, title: "Authentication Failed", detail: None }.outcome(),
            Fault::Json403 => Failure::forbidden(None).outcome(),
            Fault::Json501 => Failure { status: 501, title: "Not supported", detail: None }.outcome(),
            Fault::RoleCut => {
                let family =
                    find_route(route).map_or(route, |(template, _)| template.split("/{").next().unwrap_or(route));
                if let Some(record) = self.tokens.get_mut(token) {
                    record.denied.push(family.to_owned());
                }
                return Ok(None);
            }
            Fault::Errors200 => Outcome::json(
                200,
                &json!({"errors": [{"code": 5_000_010, "detail": "Server could not process the request.",
                    "title": "Internal server error"}]}),
            ),
            Fault::GraphqlErrors => Outcome::json(
                200,
                &json!({"data": null, "errors": [{"message": "Internal server error", "path": ["alerts"],
                    "extensions": {"classification": "INTERNAL_ERROR"}}]}),
            ),
            Fault::HugePage => Outcome::raw(200, "application/json", crate::tamper::huge_page()),
            Fault::GzipBomb => {
                let mut outcome = Outcome::raw(200, "application/json", crate::tamper::bomb());
                outcome.headers.push(("content-encoding", "gzip".to_owned()));
                outcome
            }
            Fault::Churn => {
                self.churn();
                return Ok(None);
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

    fn post(
        &mut self,
        request: &Request<Bytes>,
        route: &str,
        token: &TokenRecord,
        fault: Option<Fault>,
    ) -> Result<Outcome, Failure> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match route {
            "/users/api-token-details" => {
                let token = body["data"]["apiToken"].as_str().and_then(|t| self.tokens.get(t));
                let token = token.ok_or_else(|| Failure::invalid("apiToken: Missing data for required field."))?;
                Ok(Outcome::json(200, &json!({"data": dates(token.made, token.ends)})))
            }
            GRAPHQL => {
                let text = body["query"].as_str().ok_or_else(|| Failure::invalid("Must provide query string."))?;
                if text.trim_start().starts_with("mutation") {
                    self.journal.forbidden.push(format!("mutation {route}"));
                }
                if !self.config.modules.unified_alerts {
                    return Err(Failure::forbidden(Some("Feature Unified Alerts is not available for the scope")));
                }
                let view = self.view(token);
                self.question(&view, &body, fault)
            }
            "/xdr/assets" => Ok(Outcome::json(200, &empty_list())),
            _ => Err(Failure::forbidden(None)),
        }
    }

    /// Answers the question for unified alerts. A question that makes no sense is an error within an answer 200.
    fn question(&mut self, view: &View, body: &Value, fault: Option<Fault>) -> Result<Outcome, Failure> {
        let refused = |message: String| {
            Ok(Outcome::json(
                200,
                &json!({"data": null, "errors": [{"message": message, "extensions": {"classification": "ValidationError"}}]}),
            ))
        };
        let variables = &body["variables"];
        let text = body["query"].as_str().unwrap_or("");
        if !text.contains("alerts(") {
            return refused("Field 'alerts' is undefined".to_owned());
        }
        let first = variables["first"].as_u64().unwrap_or(DEFAULT_FIRST).min(self.config.page_max as u64) as usize;
        let ask = fingerprint_of(&["alerts", &variables["filters"].to_string(), &variables["sort"].to_string()]);
        let after = match variables["after"].as_str() {
            None | Some("") => None,
            Some(cursor) => match unseal(cursor, ask) {
                Some(cursor) => cursor.after,
                None => {
                    let shown = "POST /unifiedalerts/graphql".to_owned();
                    let detail = "Invalid cursor".to_owned();
                    self.journal.refused.push(Refusal { request: shown, status: 400, detail });
                    return refused("Invalid cursor".to_owned());
                }
            },
        };
        let mut windows = Vec::new();
        for filter in variables["filters"].as_array().into_iter().flatten() {
            let field = filter["fieldId"].as_str().unwrap_or("");
            let span = &filter["dateTimeRange"];
            if !matches!(field, "detectedAt" | "updatedAt" | "createdAt") || !span.is_object() {
                return refused(format!("Unknown filter field: {field}"));
            }
            let mut from = span["start"].as_i64().unwrap_or(i64::MIN);
            let mut until = span["end"].as_i64().unwrap_or(i64::MAX);
            from = if span["startInclusive"] == json!(false) { from.saturating_add(1) } else { from };
            until = if span["endInclusive"] == json!(false) { until.saturating_sub(1) } else { until };
            windows.push((field == "updatedAt", from, until));
        }
        let by_update = variables["sort"]["by"] == json!("updatedAt");
        let descending = variables["sort"]["order"].as_str().is_none_or(|order| order != "ASC");
        let state = &self.state;
        let mut rows: Vec<(i64, u64, Origin)> = Vec::new();
        for origin in state.unified(view) {
            let (moments, serial) = state.unified_moments(origin);
            let holds = windows.iter().all(|(updated, from, until)| {
                let at = if *updated { moments.updated } else { moments.detected };
                (*from..=*until).contains(&at.div_euclid(1000))
            });
            if holds {
                rows.push((if by_update { moments.updated } else { moments.detected }, serial, origin));
            }
        }
        rows.sort_unstable_by_key(|(at, serial, _)| (*at, *serial));
        if descending {
            rows.reverse();
        }
        let total = rows.len();
        let mut begin = 0;
        if let Some(after) = &after {
            let Key::Int(at) = after.key else { return refused("Invalid cursor".to_owned()) };
            let passed = |row: &(i64, u64, Origin)| {
                let order = (row.0, row.1).cmp(&(at, after.id));
                if descending { order.is_ge() } else { order.is_le() }
            };
            begin = rows.iter().take_while(|row| passed(row)).count();
        }
        let end = (begin + first).min(total);
        let here = after.as_ref().map(|position| seal(ask, Some(position), None));
        let place = |row: &(i64, u64, Origin)| seal(ask, Some(&Position { key: Key::Int(row.0), id: row.1 }), None);
        let mut edges: Vec<Value> = rows[begin..end]
            .iter()
            .map(|row| json!({"cursor": place(row), "node": state.unified_record(row.2)}))
            .collect();
        let mut page = json!({
            "hasNextPage": end < total,
            "endCursor": rows[begin..end].last().map(place),
        });
        let mut count = total;
        match fault {
            Some(Fault::EmptyPage) => {
                edges.clear();
                page = json!({"hasNextPage": true, "endCursor": seal(ask, after.as_ref(), Some(self.requests))});
            }
            Some(Fault::EndlessPage) => {
                page = json!({"hasNextPage": true, "endCursor": seal(ask, after.as_ref(), Some(self.requests))});
            }
            Some(Fault::RepeatCursor) => page = json!({"hasNextPage": true, "endCursor": here}),
            Some(Fault::Cursor400) => return refused("Invalid cursor".to_owned()),
            Some(Fault::Nonmonotone) => edges.reverse(),
            Some(Fault::LostRecord) => drop(edges.pop()),
            Some(Fault::TotalTooHigh) => count += 1,
            Some(Fault::TotalTooLow) => count = count.saturating_sub(1),
            Some(Fault::CursorEmptyText) if end == total => page["endCursor"] = json!(""),
            Some(Fault::NewField) => {
                edges.iter_mut().for_each(|edge| edge["node"]["verdictOfTheDay"] = json!({"score": 1}));
            }
            Some(Fault::NewEnum) => {
                edges.iter_mut().take(1).for_each(|edge| edge["node"]["severity"] = json!("APOCALYPTIC"));
            }
            Some(Fault::MissingTime) => edges.iter_mut().take(1).for_each(|edge| {
                if let Some(node) = edge["node"].as_object_mut() {
                    node.remove("updatedAt");
                    node.remove("detectedAt");
                }
            }),
            Some(Fault::StrangeRecord) => edges.push(json!({"cursor": null, "node": 7})),
            _ => {}
        }
        let mut alerts = json!({"edges": edges, "pageInfo": page, "totalCount": count});
        if fault == Some(Fault::MissingPagination) {
            alerts["pageInfo"] = Value::Null;
        }
        let answer =
            if fault == Some(Fault::NullData) { json!({"data": null}) } else { json!({"data": {"alerts": alerts}}) };
        let mut outcome = Outcome::json(200, &answer);
        match fault {
            Some(Fault::CutJson) => outcome.body.truncate(outcome.body.len() / 2),
            Some(Fault::Truncated) => outcome.broken = Some(Broken::Truncated),
            Some(Fault::Slow) => outcome.delay = Some(SLOW),
            Some(Fault::SlowHead) => outcome.delay = Some(NEVER),
            Some(Fault::SlowBody) => outcome.broken = Some(Broken::Dripping),
            Some(Fault::ResetLate) => outcome.broken = Some(Broken::After(outcome.body.len() / 3)),
            _ => {}
        }
        Ok(outcome)
    }

    /// Some records change while a client reads pages.
    fn churn(&mut self) {
        let at = self.state.now;
        for nth in 0..4 {
            let mut dice = Dice::new(self.plan.seed, salt::FAULT ^ 0xc4, self.requests * 4 + nth);
            if !self.state.agents.is_empty() {
                let agent = dice.index(self.state.agents.len()) as u32;
                self.state.touch(agent, at);
            }
            if !self.state.threats.is_empty() {
                let threat = dice.index(self.state.threats.len());
                let row = &mut self.state.threats[threat];
                row.updated = row.updated.max(at);
                row.body = None;
            }
        }
    }

    fn get(&mut self, call: &Call<'_>) -> Result<Outcome, Failure> {
        let site_user = call.view.only_sites;
        let object = |value: &Value| Ok(Outcome::json(200, &json!({ "data": value })));
        self.licensed(call.template)?;
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
            "/application-management/settings" => object(&self.state.application_settings(&call.query)),
            "/application-management/inventory" => self.list(call, Collection::Inventory),
            "/application-management/inventory/endpoints" => self.list(call, Collection::InventoryEndpoints),
            "/application-management/risks" => self.list(call, Collection::Risks),
            "/installed-applications" => self.list(call, Collection::InstalledApplications),
            "/installed-applications/cves" => self.list(call, Collection::Cves),
            "/agents/applications" | "/application-management/inventory/applications" => {
                let ids = call.query.values("ids").unwrap_or_default();
                let mut rows = Vec::new();
                for id in ids.iter().filter_map(|id| id.parse::<u64>().ok()) {
                    let Some(&agent) = self.state.agent_index.get(&id) else { continue };
                    let row = &self.state.agents[agent as usize];
                    let site = self.state.site_of(row);
                    if !row.gone && call.view.sites[site] && row.uninstalled.is_none() {
                        rows.extend(self.state.application_list(agent as usize));
                    }
                }
                object(&Value::Array(rows))
            }
            "/cloud-detection/alerts" => self.list(call, Collection::Alerts),
            "/cloud-detection/rules" => self.list(call, Collection::Rules),
            "/rbac/roles" => self.list(call, Collection::Roles),
            "/agents/tags" => self.list(call, Collection::Tags),
            "/exclusions" => self.list(call, Collection::Exclusions),
            "/restrictions" => self.list(call, Collection::Restrictions),
            "/ranger/table-view" => self.list(call, Collection::Devices),
            "/xdr/assets" => self.list(call, Collection::Assets),
            "/rogues/table-view" if call.query.values("accountIds").is_none() => {
                Err(Failure::invalid("User scope level is account. Please provide a valid account ID or site ID."))
            }
            other if EMPTY.contains(&other) => Ok(Outcome::json(200, &empty_list())),
            _ => Err(Failure::missing()),
        }
    }

    /// Whether the console has the module that a path belongs to.
    fn licensed(&self, template: &str) -> Result<(), Failure> {
        let modules = self.config.modules;
        let (has, words) = match module(template) {
            Module::Core => return Ok(()),
            Module::Risks => (modules.risks, "Feature Application Management is not available for the scope"),
            Module::Star => (modules.star, "This scope does not have Custom Rules enabled."),
            Module::Ranger => (modules.ranger, "Feature Ranger is not available for the scope"),
            Module::Installed => {
                (modules.installed_applications, "Feature Applications is not available for the scope")
            }
            Module::Xdr => (modules.xdr, "Feature Asset Inventory is not available for the scope"),
        };
        if has { Ok(()) } else { Err(Failure::forbidden(Some(words))) }
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
                "roleId": crate::estate_more::role_id("Viewer").to_string(), "roleName": "Viewer", "roles": ["Viewer"],
            })
        };
        // A user from whom sites were taken is one of the sites that are left.
        let left = (!token.cut.is_empty()).then(|| {
            let view = self.view(token);
            Scoped::Sites((0..view.sites.len()).filter(|&site| view.sites[site]).collect())
        });
        let (scope, roles): (&str, Vec<Value>) = match left.as_ref().unwrap_or(&token.scoped) {
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
            Some(Fault::EndlessPage) => next = Some(seal(ask.fingerprint, here.as_ref(), Some(self.requests))),
            Some(Fault::CursorEncoded) => next = next.map(|cursor| cursor.replace('=', "%3D").replace('+', "%2B")),
            Some(Fault::CursorEmptyText) if next.is_none() => next = Some(String::new()),
            Some(Fault::TotalTooHigh) => page.total += 1,
            Some(Fault::TotalTooLow) => page.total = page.total.saturating_sub(1),
            Some(Fault::Nonmonotone) => page.reverse(),
            Some(fault) => crate::tamper::tamper(fault, &mut page, self.state.now),
            None => {}
        }
        let mut body = page.records;
        match (fault, collection) {
            (Some(Fault::NullData), _) => body = b"{\"data\":null".to_vec(),
            (_, Collection::Sites) => body.extend_from_slice(b"]}"),
            _ => body.push(b']'),
        }
        if fault != Some(Fault::MissingPagination) {
            body.extend_from_slice(b",\"pagination\":{");
            if !(fault == Some(Fault::CursorAbsent) && next.is_none()) {
                let next = next.map_or(Value::Null, Value::String);
                body.extend_from_slice(format!("\"nextCursor\":{next}").as_bytes());
            }
            if !call.query.flag("skipCount") {
                let comma = if body.ends_with(b"{") { "" } else { "," };
                body.extend_from_slice(format!("{comma}\"totalItems\":{}", page.total).as_bytes());
            }
            body.push(b'}');
        }
        body.push(b'}');
        if fault == Some(Fault::CutJson) {
            body.truncate(body.len() / 2);
        }
        Ok(Outcome::raw(200, "application/json", body))
    }
}

fn empty_list() -> Value {
    json!({"data": [], "pagination": {"nextCursor": null, "totalItems": 0}})
}

fn dates(made: i64, ends: i64) -> Value {
    json!({"createdAt": micros_text(made), "expiresAt": seconds_text(ends)})
}

/// The family of a path that only a POST has.
fn posts(route: &str) -> &'static str {
    match route {
        GRAPHQL => GRAPHQL,
        "/users/api-token-details" => "/users/api-token-details",
        _ => "other",
    }
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
            | "/application-management/inventory"
            | "/application-management/inventory/endpoints"
            | "/application-management/risks"
            | "/installed-applications"
            | "/installed-applications/cves"
            | "/cloud-detection/alerts"
            | "/cloud-detection/rules"
            | "/rbac/roles"
            | "/agents/tags"
            | "/exclusions"
            | "/restrictions"
            | "/ranger/table-view"
            | "/xdr/assets"
    )
}
