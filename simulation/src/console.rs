//! The console as the engine meets it: the simulator, and before it a network and an operator with a seed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use jobs::World;
use kernel::{Random, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use sentinelone::{Service, Transport, TransportError};
use sentinelone_sim::{Fault, FaultPlan, Level, Rate, Rule, tokens};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sync::{STREAMS, Source};

use crate::life::below;
use crate::trace::Trace;

/// Texts that must be nowhere: what the simulated console gives away, and the tokens that open it.
pub const SECRETS: [&str; 3] = ["simulated-site-registration", "simulated-group-registration", "SimulatedConsoleToken"];

/// The address of every console here.
pub(crate) const ADDRESS: &str = "https://acme.sentinelone.net";

/// No answer takes longer than this many microseconds, but for those that are slow on purpose.
const LATENCY_MAX: u64 = 30_000;

/// How often a refused cursor may be tried: once by each process that finds it in the checkpoint.
const DEAD_TRIES_MAX: u32 = 8;

const PREFIX: &str = "/web/api/v2.1";

/// One thing that can be wrong with one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ill {
    /// One of the simulator's own faults.
    Sim(Fault),
    /// 503 without a body.
    Unavailable,
    /// 429 with `Retry-After` as a date.
    RetryDate,
    /// 429 that asks to wait for twelve years.
    RetryAbsurd,
    /// `{"errors": ..}` with status 200.
    ErrorsWith200,
    /// A body that is not UTF-8.
    NotUtf8,
    /// A body that nests ten thousand levels deep.
    TooDeep,
    /// The cursor of this request is refused, now and for ever.
    DeadCursor,
    /// A record has a field that nobody knows.
    NewField,
    /// A record has its id as a number.
    NumberId,
    /// A record has an enum value that nobody knows.
    OddValue,
    /// A record has lost its nested times.
    NestedMissing,
    /// A record is not an object.
    NotAnObject,
    /// A field stands twice in a record.
    TwiceTheField,
}

impl Ill {
    /// Everything that passes by itself.
    pub(crate) const PASSING: &[Ill] = &[
        Ill::Sim(Fault::Html429),
        Ill::Sim(Fault::Html429After),
        Ill::Sim(Fault::Truncated),
        Ill::Sim(Fault::Html200),
        Ill::Sim(Fault::Reset),
        Ill::Sim(Fault::Slow),
        Ill::Sim(Fault::Json500),
        Ill::Sim(Fault::Spring500),
        Ill::Sim(Fault::Html502),
        Ill::Sim(Fault::Text404),
        Ill::Unavailable,
        Ill::RetryDate,
        Ill::RetryAbsurd,
        Ill::ErrorsWith200,
        Ill::NotUtf8,
        Ill::TooDeep,
    ];

    /// What is wrong with pages.
    pub(crate) const PAGES: &[Ill] = &[
        Ill::Sim(Fault::Cursor400),
        Ill::Sim(Fault::RepeatCursor),
        Ill::Sim(Fault::EmptyPage),
        Ill::Sim(Fault::DuplicatePage),
        Ill::Sim(Fault::MissingPagination),
        Ill::Sim(Fault::Nonmonotone),
        Ill::Sim(Fault::NullData),
        Ill::DeadCursor,
    ];

    /// What is wrong with single records.
    pub(crate) const RECORDS: &[Ill] =
        &[Ill::NewField, Ill::NumberId, Ill::OddValue, Ill::NestedMissing, Ill::NotAnObject, Ill::TwiceTheField];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Ill::Sim(fault) => fault.name(),
            Ill::Unavailable => "503",
            Ill::RetryDate => "retry-after-date",
            Ill::RetryAbsurd => "retry-after-absurd",
            Ill::ErrorsWith200 => "errors-with-200",
            Ill::NotUtf8 => "not-utf8",
            Ill::TooDeep => "too-deep",
            Ill::DeadCursor => "dead-cursor",
            Ill::NewField => "new-field",
            Ill::NumberId => "number-id",
            Ill::OddValue => "odd-value",
            Ill::NestedMissing => "nested-missing",
            Ill::NotAnObject => "not-an-object",
            Ill::TwiceTheField => "twice-the-field",
        }
    }
}

/// The row of the fault table that a name belongs to.
#[must_use]
pub(crate) fn row_of(name: &str) -> u8 {
    match name {
        "crash" | "restart" => 4,
        "disk-full" => 10,
        "clock-jump" | "server-skew" => 13,
        "duplicate-page" | "repeat-cursor" | "empty-page" | "missing-pagination" => 14,
        "nonmonotone" | "changed-while-paging" => 15,
        "cursor400" | "dead-cursor" => 16,
        "revoke" | "role-cut" | "scope-cut" | "scope-widened" => 17,
        "html429" | "html429-after" | "retry-after-date" | "retry-after-absurd" | "503" | "json500" | "spring500"
        | "html502" | "text404" | "broken-path" => 18,
        "reset" | "slow" => 19,
        "truncated" | "not-utf8" | "too-deep" | "twice-the-field" | "not-an-object" => 20,
        "html200" | "errors-with-200" => 21,
        "new-field" | "number-id" | "odd-value" | "nested-missing" | "null-data" => 22,
        "late" | "late-at-the-edge" => 23,
        "hidden-once" | "agent-removed" | "agent-gone" | "site-moved" | "site-removed" | "threat-removed" => 24,
        "two-workers" | "restored" => 25,
        _ => 0,
    }
}

/// What is wrong with the console for now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    /// So many of a thousand requests meet one of `ills`.
    pub(crate) per_mille: u64,
    pub(crate) ills: Vec<Ill>,
    /// A path that fails every time, and how.
    pub(crate) broken: Option<(&'static str, Ill)>,
    /// A path that the token may not read.
    pub(crate) forbidden: Option<&'static str>,
    /// So many of a thousand requests meet somebody at work on the console.
    pub(crate) changes: u64,
    /// The token is revoked at this request, counted from the weather's beginning.
    pub(crate) revoke_at: Option<u64>,
}

/// A record that the console served.
pub(crate) struct Served {
    pub(crate) id: Option<String>,
    pub(crate) raw: Vec<u8>,
}

/// What the network and the operator know.
pub(crate) struct Wire {
    pub(crate) random: Random,
    pub(crate) weather: Weather,
    requests_in_weather: u64,
    /// Hashes of all records that were ever answered, redacted, and the latest request that each was answered to.
    pub(crate) issued: FxHashMap<u64, u64>,
    /// When a record was last on a delivered page: the number of sweeps that had begun.
    pub(crate) delivered: FxHashMap<(&'static str, String), u64>,
    /// The records of the page that a cursor ends.
    pub(crate) cursors: FxHashMap<String, (&'static str, Vec<String>)>,
    /// Cursors that are refused, and how often each was tried since.
    dead: FxHashMap<String, u32>,
    nonces: u64,
    /// Records that a list leaves out for now, as if they were gone.
    pub(crate) hidden: FxHashSet<(&'static str, String)>,
    /// Records that were spoilt on their way, and the sweep in which it happened.
    pub(crate) spoilt: FxHashMap<(String, String), u64>,
    /// Sweeps begun so far, over all streams.
    pub(crate) sweeps: u64,
    pub(crate) requests: u64,
    pub(crate) played: BTreeMap<&'static str, u64>,
    pub(crate) token: String,
    pub(crate) token_works: bool,
    /// Whether the token sees the whole console.
    pub(crate) whole: bool,
    pub(crate) trace: Trace,
    /// The first thing that a request had no right to ask.
    pub(crate) protocol: Option<String>,
    /// Threats and agents whose removal the operator caused.
    pub(crate) removed: FxHashSet<(&'static str, String)>,
}

/// The console, the network before it, and the people on it. Clones are one.
#[derive(Clone)]
pub(crate) struct Console {
    pub(crate) sim: sentinelone_sim::World,
    inner: Service,
    world: World,
    wire: Arc<Mutex<Wire>>,
    pub(crate) clock: ConsoleClock,
    paths: Arc<FxHashMap<&'static str, &'static str>>,
}

/// The console's clock: ours with an offset, or standing still.
#[derive(Clone)]
pub(crate) struct ConsoleClock {
    ours: kernel::Clock,
    offset: Arc<AtomicI64>,
    frozen: Arc<AtomicI64>,
}

impl ConsoleClock {
    pub(crate) fn new(ours: kernel::Clock, offset: i64) -> ConsoleClock {
        ConsoleClock { ours, offset: Arc::new(AtomicI64::new(offset)), frozen: Arc::default() }
    }

    pub(crate) fn now(&self) -> i64 {
        match self.frozen.load(Ordering::Relaxed) {
            0 => self.ours.now().micros() + self.offset.load(Ordering::Relaxed),
            frozen => frozen,
        }
    }

    /// Stands still from the next whole second on: the `Date` of an answer knows no parts of one.
    pub(crate) fn freeze(&self) {
        let second = (self.now() + 999_999).div_euclid(1_000_000) * 1_000_000;
        self.frozen.store(second, Ordering::Relaxed);
    }

    pub(crate) fn thaw(&self) {
        self.frozen.store(0, Ordering::Relaxed);
    }

    /// Our own clock jumps by so many microseconds; the console's does not.
    pub(crate) fn jump(&self, micros: i64) {
        self.ours.set(Timestamp::from_micros(self.ours.now().micros() + micros));
        self.offset.fetch_sub(micros, Ordering::Relaxed);
    }
}

impl Console {
    pub(crate) fn new(
        sim: sentinelone_sim::World,
        world: &World,
        clock: ConsoleClock,
        seed: u64,
        told: bool,
    ) -> Console {
        let wire = Wire {
            random: Random::seeded(seed ^ 0x5eed_0fc0_4501_e000),
            weather: Weather::default(),
            requests_in_weather: 0,
            issued: FxHashMap::default(),
            delivered: FxHashMap::default(),
            cursors: FxHashMap::default(),
            dead: FxHashMap::default(),
            nonces: 0,
            hidden: FxHashSet::default(),
            spoilt: FxHashMap::default(),
            sweeps: 0,
            requests: 0,
            played: BTreeMap::new(),
            token: tokens::GLOBAL.to_owned(),
            token_works: true,
            whole: true,
            trace: Trace::new(world.now(), told),
            protocol: None,
            removed: FxHashSet::default(),
        };
        let mut paths = FxHashMap::default();
        for stream in STREAMS {
            if let Source::Pages(endpoint) = stream.source {
                paths.insert(endpoint.template(), stream.name);
            }
        }
        let inner = sim.service();
        Console { sim, inner, world: world.clone(), wire: Arc::new(Mutex::new(wire)), clock, paths: Arc::new(paths) }
    }

    pub(crate) fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn say(&self, line: &str) {
        let now = self.world.now();
        self.wire().trace.say(now, line);
    }

    /// Counts something that went wrong, and says it.
    pub(crate) fn played(&self, name: &'static str, line: &str) {
        *self.wire().played.entry(name).or_default() += 1;
        self.say(line);
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        let mut wire = self.wire();
        wire.weather = weather;
        wire.requests_in_weather = 0;
    }

    /// The way that the engine takes.
    pub(crate) fn transport(&self) -> Transport {
        let console = self.clone();
        Transport::InProcess(Arc::new(move |request| {
            let console = console.clone();
            Box::pin(async move { console.answer(request).await })
        }))
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().strip_prefix(PREFIX).unwrap_or(request.uri().path()).to_owned();
        let query = request.uri().query().unwrap_or("").to_owned();
        let cursor = query.split('&').find_map(|part| part.strip_prefix("cursor=")).filter(|text| !text.is_empty());
        let (request, nonce) = without_nonce(request, cursor);
        let (latency, ill) = {
            let mut wire = self.wire();
            wire.requests += 1;
            wire.requests_in_weather += 1;
            let latency = Duration::from_micros(wire.random.below(LATENCY_MAX));
            if wire.weather.revoke_at == Some(wire.requests_in_weather) {
                let token = wire.token.clone();
                wire.token_works = false;
                drop(wire);
                self.sim.revoke(&token);
                self.played("revoke", "the token is revoked");
                wire = self.wire();
            }
            if wire.protocol.is_none() && query.split('&').any(|part| part.contains("__gt=") || part.contains("__lte="))
            {
                wire.protocol = Some(format!("{path}?{query} asks for a window that is open below"));
            }
            (latency, wire.ill_for(&path, cursor))
        };
        let changes = {
            let mut wire = self.wire();
            let odds = wire.weather.changes;
            wire.random.below(1_000) < odds
        };
        if changes {
            self.change("changed-while-paging");
        }
        self.world.sleep(latency).await;
        let forbidden = self.wire().weather.forbidden.is_some_and(|path_cut| path == path_cut);
        let answer = if forbidden {
            Ok(json_answer(
                403,
                &json!({"errors": [{"code": 4_030_010, "detail": null, "title": "Insufficient permissions"}]}),
            ))
        } else {
            let answer = self.send(request, &path, ill).await;
            // No two cursors of a console are alike, so one that died stays dead and a new one works.
            let repeats = ill == Some(Ill::Sim(Fault::RepeatCursor));
            answer.map(|answer| self.with_nonce(answer, nonce.filter(|_| repeats)))
        };
        let shown = match (&answer, ill) {
            (Ok(answer), None) => {
                format!("{path}?{query} -> {}, {} bytes", answer.status().as_u16(), answer.body().len())
            }
            (Ok(answer), Some(ill)) => {
                format!("{path}?{query} -> {} {}, {} bytes", ill.name(), answer.status().as_u16(), answer.body().len())
            }
            (Err(error), _) => format!("{path}?{query} -> {error}"),
        };
        self.say(&shown);
        let answer = answer?;
        Ok(self.note(&path, answer))
    }

    /// Asks the simulator, and spoils its answer.
    async fn send(
        &self,
        request: Request<Bytes>,
        path: &str,
        ill: Option<Ill>,
    ) -> Result<Response<Bytes>, TransportError> {
        let counted = |console: &Console| {
            if let Some(ill) = ill {
                *console.wire().played.entry(ill.name()).or_default() += 1;
            }
        };
        match ill {
            Some(Ill::Sim(fault)) => {
                let rule = Rule { fault, rate: Rate::Every(1), path: None };
                self.sim.set_faults(FaultPlan { seed: 0, rules: vec![rule] });
                let mut answer = (self.inner)(request);
                let first = futures_util::poll!(&mut answer);
                self.sim.set_faults(FaultPlan::none());
                counted(self);
                match first {
                    std::task::Poll::Ready(answer) => answer,
                    std::task::Poll::Pending => answer.await,
                }
            }
            Some(Ill::Unavailable) => {
                counted(self);
                Ok(with_status(503, "text/plain", Bytes::new()))
            }
            Some(Ill::RetryDate | Ill::RetryAbsurd) => {
                counted(self);
                let mut answer =
                    with_status(429, "text/html", Bytes::from_static(b"<html>429 Too Many Requests</html>"));
                let text = if ill == Some(Ill::RetryDate) { "Tue, 24 Nov 2026 08:00:00 GMT" } else { "378432000" };
                answer.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static(text));
                Ok(answer)
            }
            Some(Ill::ErrorsWith200) => {
                counted(self);
                Ok(json_answer(200, &json!({"errors": [{"code": 5_000_010, "detail": "Try again", "title": "Error"}]})))
            }
            Some(Ill::NotUtf8) => {
                counted(self);
                Ok(with_status(
                    200,
                    "application/json",
                    Bytes::from_static(b"{\"data\":[{\"id\":\"1\",\"a\":\"\xff\xfe\"}]}"),
                ))
            }
            Some(Ill::TooDeep) => {
                counted(self);
                let body = format!("{{\"data\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
                Ok(with_status(200, "application/json", Bytes::from(body)))
            }
            Some(Ill::DeadCursor) => {
                counted(self);
                Ok(json_answer(
                    400,
                    &json!({"errors": [{"code": 4_000_040, "detail": "Invalid cursor value received", "title": "Validation Error"}]}),
                ))
            }
            Some(ill) => {
                let answer = (self.inner)(request).await?;
                let answer = self.without_hidden(path, answer);
                Ok(self.with_a_spoilt_record(path, answer, ill))
            }
            None => Ok(self.without_hidden(path, (self.inner)(request).await?)),
        }
    }

    /// Makes the next cursor one that was never given before, or gives it the mark of an old one.
    fn with_nonce(&self, answer: Response<Bytes>, old: Option<String>) -> Response<Bytes> {
        const NEXT: &[u8] = b"\"nextCursor\":\"";
        let (head, body) = answer.into_parts();
        let end = memchr::memmem::rfind(&body, NEXT).map(|at| at + NEXT.len());
        let end = end.and_then(|at| Some(at + memchr::memchr(b'"', &body[at..])?));
        let Some(end) = end else { return Response::from_parts(head, body) };
        let nonce = old.unwrap_or_else(|| {
            let mut wire = self.wire();
            wire.nonces += 1;
            wire.nonces.to_string()
        });
        let marked = [&body[..end], b".", nonce.as_bytes(), &body[end..]].concat();
        Response::from_parts(head, Bytes::from(marked))
    }

    /// Leaves out what is hidden, from the records and from the count.
    fn without_hidden(&self, path: &str, answer: Response<Bytes>) -> Response<Bytes> {
        let Some(stream) = self.paths.get(path).copied() else { return answer };
        let wire = self.wire();
        if !wire.hidden.iter().any(|(of, _)| *of == stream) {
            return answer;
        }
        let Ok(mut body) = serde_json::from_slice::<Value>(answer.body()) else { return answer };
        let mut gone = 0;
        if let Some(records) = body.get_mut("data").and_then(Value::as_array_mut) {
            records.retain(|record| {
                let id = record.get("id").and_then(Value::as_str).unwrap_or_default();
                let kept = !wire.hidden.contains(&(stream, id.to_owned()));
                gone += u64::from(!kept);
                kept
            });
        }
        // The count is of everything, wherever on the pages it is.
        let hidden = wire.hidden.iter().filter(|(of, _)| *of == stream).count() as u64;
        if let Some(total) = body.pointer_mut("/pagination/totalItems") {
            *total = json!(total.as_u64().unwrap_or(0).saturating_sub(hidden.max(gone)));
        }
        let (mut head, _) = answer.into_parts();
        head.headers.remove(http::header::CONTENT_LENGTH);
        Response::from_parts(head, Bytes::from(body.to_string()))
    }

    /// Changes one record of a page on its way.
    fn with_a_spoilt_record(&self, path: &str, answer: Response<Bytes>, ill: Ill) -> Response<Bytes> {
        let (head, body) = answer.into_parts();
        let spoilt = spoil(&body, ill, &mut self.wire().random);
        match spoilt {
            Some((spoilt, id)) => {
                let mut wire = self.wire();
                *wire.played.entry(ill.name()).or_default() += 1;
                if let Some(stream) = self.paths.get(path) {
                    let sweep = wire.sweeps;
                    wire.spoilt.insert(((*stream).to_owned(), id), sweep);
                }
                Response::from_parts(head, Bytes::from(spoilt))
            }
            None => Response::from_parts(head, body),
        }
    }

    /// Remembers what the engine was given.
    fn note(&self, path: &str, answer: Response<Bytes>) -> Response<Bytes> {
        if answer.status() != StatusCode::OK {
            return answer;
        }
        let mut wire = self.wire();
        let Ok(body) = sentinelone::redact::redacted(answer.body().clone(), Some(&wire.token)) else { return answer };
        let stream = self.paths.get(path).copied();
        let (records, next) = records_of(&body);
        let (sweeps, request) = (wire.sweeps, wire.requests);
        let mut ids = Vec::new();
        for record in records {
            wire.issued.insert(hash_of(&record.raw), request);
            if let (Some(stream), Some(id)) = (stream, record.id) {
                wire.delivered.insert((stream, id.clone()), sweeps);
                ids.push(id);
            }
        }
        if let (Some(stream), Some(next)) = (stream, next) {
            // A cursor that is given twice still stands behind the page that it was given with first.
            wire.cursors.entry(next).or_insert((stream, ids));
        }
        answer
    }

    /// Everything that the present token sees of a list, as the console has it this instant, redacted.
    pub(crate) fn snapshot(&self, stream: &sync::Stream, token: &str) -> Option<Vec<Served>> {
        let Source::Pages(endpoint) = stream.source else { return None };
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = String::new();
            if endpoint.is_paged() {
                query.push_str("limit=1000");
            }
            for (name, value) in stream.params {
                query.push_str(&format!("&{name}={value}"));
            }
            if let Some(sort) = stream.sort {
                query.push_str(&format!("&sortBy={sort}&sortOrder=asc"));
            }
            if let Some(cursor) = &cursor {
                query.push_str(&format!(
                    "&cursor={}",
                    cursor.replace('+', "%2B").replace('=', "%3D").replace('/', "%2F")
                ));
            }
            let request = Request::builder()
                .uri(format!("{ADDRESS}{PREFIX}{}?{query}", endpoint.template()))
                .header(http::header::AUTHORIZATION, format!("ApiToken {token}"))
                .body(Bytes::new())
                .expect("a plain request");
            let mut answer = (self.inner)(request);
            // The simulator answers at once where nothing is slow on purpose.
            let std::task::Poll::Ready(Ok(answer)) =
                Future::poll(answer.as_mut(), &mut std::task::Context::from_waker(std::task::Waker::noop()))
            else {
                return None;
            };
            if answer.status() != StatusCode::OK {
                return None;
            }
            let answer = self.without_hidden(endpoint.template(), answer);
            let body = sentinelone::redact::redacted(answer.into_body(), Some(token)).ok()?;
            let (records, next) = records_of(&body);
            found.extend(records);
            match next {
                Some(next) => cursor = Some(next),
                None => return Some(found),
            }
        }
    }

    /// Somebody at work on the console.
    pub(crate) fn change(&self, name: &'static str) {
        let mut random = {
            let mut wire = self.wire();
            let seed = wire.random.next_u64();
            Random::seeded(seed)
        };
        let what = self.work(&mut random);
        if let Some(what) = what {
            self.played(name, &format!("on the console: {what}"));
        }
    }

    fn work(&self, random: &mut Random) -> Option<String> {
        let sim = &self.sim;
        let pick = |random: &mut Random, ids: Vec<String>| -> Option<String> {
            let at = usize::try_from(random.below(ids.len() as u64)).ok()?;
            ids.get(at).cloned()
        };
        Some(match random.below(20) {
            0 | 1 => {
                let group = pick(random, sim.group_ids())?;
                format!("agent {} is enrolled", sim.add_agent(&group)?)
            }
            2 => {
                let agent = pick(random, sim.agent_ids())?;
                sim.remove_agent(&agent);
                let mut wire = self.wire();
                *wire.played.entry("agent-gone").or_default() += 1;
                wire.removed.insert(("agents", agent.clone()));
                format!("agent {agent} is deleted")
            }
            3..=6 => {
                let agent = pick(random, sim.agent_ids())?;
                let fields = match random.below(4) {
                    0 if random.below(2) == 0 => json!({"mitigationMode": "detect"}),
                    0 => json!({"mitigationMode": "protect"}),
                    1 => json!({"computerName": format!("HOST-{}", random.below(1_000))}),
                    2 => json!({"osRevision": format!("{}", 10_000 + random.below(9_000))}),
                    _ => json!({"lastLoggedInUserName": format!("user{}", random.below(50))}),
                };
                sim.patch_agent(&agent, &fields);
                format!("agent {agent} becomes {fields}")
            }
            // Who sees a part of the console gets to see what moves there without any sign that it is new.
            7 | 17 if !self.wire().whole => return None,
            7 => {
                let (agent, group) = (pick(random, sim.agent_ids())?, pick(random, sim.group_ids())?);
                sim.move_agent(&agent, &group);
                format!("agent {agent} moves to group {group}")
            }
            8 => {
                let agent = pick(random, sim.agent_ids())?;
                sim.decommission(&agent);
                *self.wire().played.entry("agent-removed").or_default() += 1;
                format!("agent {agent} is decommissioned")
            }
            9 => {
                let agent = pick(random, sim.agent_ids())?;
                sim.uninstall(&agent);
                *self.wire().played.entry("agent-removed").or_default() += 1;
                format!("agent {agent} is uninstalled")
            }
            10 | 11 => {
                let agent = pick(random, sim.agent_ids())?;
                format!("threat {} begins on agent {agent}", sim.add_threat(&agent)?)
            }
            12..=14 => {
                let threat = pick(random, sim.threat_ids())?;
                let verdict = ["undefined", "true_positive", "false_positive", "suspicious"][below(random, 4)];
                sim.patch_threat(&threat, &json!({ "analystVerdict": verdict }));
                format!("threat {threat} is judged {verdict}")
            }
            15 => {
                let threat = pick(random, sim.threat_ids())?;
                sim.remove_threat(&threat);
                let mut wire = self.wire();
                *wire.played.entry("threat-removed").or_default() += 1;
                wire.removed.insert(("threats", threat.clone()));
                format!("threat {threat} is deleted")
            }
            16 => {
                let site = pick(random, sim.site_ids())?;
                sim.patch_policy(&Level::Site(site.clone()), &json!({"mitigationMode": "detect"}));
                format!("the policy of site {site} changes")
            }
            17 if random.below(4) == 0 => {
                let (site, account) = (pick(random, sim.site_ids())?, pick(random, sim.account_ids())?);
                sim.move_site(&site, &account);
                *self.wire().played.entry("site-moved").or_default() += 1;
                format!("site {site} moves to account {account}")
            }
            _ => {
                let age = i64::try_from(random.below(8 * 60_000_000)).ok()?;
                *self.wire().played.entry("late").or_default() += 1;
                format!("activity {} is seen {} s late", sim.add_late_activity(age), age / 1_000_000)
            }
        })
    }
}

/// Takes the mark off a request's cursor before the simulator sees it.
fn without_nonce(mut request: Request<Bytes>, cursor: Option<&str>) -> (Request<Bytes>, Option<String>) {
    let Some((plain, nonce)) = cursor.and_then(|cursor| cursor.rsplit_once('.')) else { return (request, None) };
    let (old, nonce) = (format!("cursor={plain}.{nonce}"), nonce.to_owned());
    if let Ok(uri) = request.uri().to_string().replace(&old, &format!("cursor={plain}")).parse() {
        *request.uri_mut() = uri;
    }
    (request, Some(nonce))
}

impl Wire {
    /// What goes wrong with this request, if anything.
    fn ill_for(&mut self, path: &str, cursor: Option<&str>) -> Option<Ill> {
        if let Some(tries) = cursor.and_then(|cursor| self.dead.get_mut(cursor)) {
            *tries += 1;
            if *tries > DEAD_TRIES_MAX && self.protocol.is_none() {
                self.protocol = Some(format!("{path} is asked with a cursor that was refused {tries} times"));
            }
            return Some(Ill::DeadCursor);
        }
        if let Some((broken, ill)) = self.weather.broken
            && (path == broken || path.ends_with(broken))
        {
            return Some(ill);
        }
        let (draw, which) = (self.random.below(1_000), self.random.next_u64());
        if draw >= self.weather.per_mille || self.weather.ills.is_empty() {
            return None;
        }
        let ill = self.weather.ills[usize::try_from(which % self.weather.ills.len() as u64).unwrap_or(0)];
        match (ill, cursor) {
            // How many records a window has without the hidden ones is not known here, and such pages are proven by it.
            (ill, _) if !self.hidden.is_empty() && Ill::PAGES.contains(&ill) => None,
            (Ill::DeadCursor, None) => None,
            (Ill::DeadCursor, Some(cursor)) => {
                self.dead.insert(cursor.to_owned(), 1);
                Some(ill)
            }
            _ => Some(ill),
        }
    }
}

/// The hash by which a served record is known again.
pub(crate) fn hash_of(raw: &[u8]) -> u64 {
    use std::hash::Hasher as _;
    let mut hash = rustc_hash::FxHasher::default();
    hash.write(raw);
    hash.write_usize(raw.len());
    hash.finish()
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// A page as most answers have it.
#[derive(serde::Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    pagination: Option<Value>,
}

/// Everything in an answer that may be a record, and the next cursor.
fn records_of(body: &[u8]) -> (Vec<Served>, Option<String>) {
    let Ok(text) = std::str::from_utf8(body) else { return (Vec::new(), None) };
    let next_of = |pagination: &Value| {
        pagination.get("nextCursor").and_then(Value::as_str).filter(|next| !next.is_empty()).map(str::to_owned)
    };
    if let Ok(listed) = serde_json::from_str::<Listed<'_>>(text) {
        return (listed.data.into_iter().map(served).collect(), listed.pagination.as_ref().and_then(next_of));
    }
    let Ok(top) = serde_json::from_str::<Members<'_>>(text) else { return (Vec::new(), None) };
    let mut found = Vec::new();
    if let Some(data) = top.get("data") {
        if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(data.get()) {
            found.extend(list.into_iter().map(served));
        } else if let Ok(members) = serde_json::from_str::<Members<'_>>(data.get()) {
            found.push(served(data));
            for member in members.values() {
                if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(member.get()) {
                    found.extend(list.into_iter().map(served));
                } else if let Ok(inside) = serde_json::from_str::<Members<'_>>(member.get())
                    && let Some(edges) = inside.get("edges")
                    && let Ok(edges) = serde_json::from_str::<Vec<Members<'_>>>(edges.get())
                {
                    found.extend(edges.iter().filter_map(|edge| edge.get("node").map(|node| served(node))));
                }
            }
        }
    }
    let pagination = top.get("pagination").and_then(|text| serde_json::from_str::<Value>(text.get()).ok());
    (found, pagination.as_ref().and_then(next_of))
}

/// A record with its id: the last one, where a field stands twice.
fn served(raw: &RawValue) -> Served {
    let raw = raw.get().as_bytes();
    let id = sentinelone::fields(raw).ok().and_then(|fields| {
        let ids = fields.map_while(Result::ok).filter(|(name, _)| name == "id");
        ids.last().and_then(|(_, id)| id.text().map(std::borrow::Cow::into_owned))
    });
    Served { id, raw: raw.to_vec() }
}

/// The body with one of its records changed, and which; `None` if it has none.
fn spoil(body: &[u8], ill: Ill, random: &mut Random) -> Option<(Vec<u8>, String)> {
    let top = serde_json::from_slice::<Members<'_>>(body).ok()?;
    let list = serde_json::from_str::<Vec<&RawValue>>(top.get("data")?.get()).ok()?;
    let record = list.get(usize::try_from(random.below(list.len() as u64)).ok()?)?.get();
    let mut value = serde_json::from_str::<Value>(record).ok()?;
    let fields = value.as_object_mut()?;
    let id = fields.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let text = match ill {
        Ill::NewField => {
            fields.insert("aFieldOfTomorrow".to_owned(), json!({"level": random.below(9)}));
            value.to_string()
        }
        Ill::NumberId => {
            let id = fields.get("id")?.as_str()?.to_owned();
            value.to_string().replace(&format!("\"id\":\"{id}\""), &format!("\"id\":{id}"))
        }
        Ill::OddValue => {
            let field = ["machineType", "osType", "mitigationMode", "primaryDescription", "type", "state"]
                .into_iter()
                .find(|name| fields.contains_key(*name))?;
            fields.insert(field.to_owned(), json!("a value of tomorrow"));
            value.to_string()
        }
        Ill::NestedMissing => {
            fields.get_mut("threatInfo")?.as_object_mut()?.remove("updatedAt")?;
            value.to_string()
        }
        Ill::NotAnObject => "\"a text\"".to_owned(),
        Ill::TwiceTheField => format!("{{\"id\":\"1\",{}", record.strip_prefix('{')?),
        _ => return None,
    };
    let at = record.as_ptr() as usize - body.as_ptr() as usize;
    let mut spoilt = body[..at].to_vec();
    spoilt.extend_from_slice(text.as_bytes());
    spoilt.extend_from_slice(&body[at + record.len()..]);
    Some((spoilt, id))
}

fn with_status(status: u16, kind: &'static str, body: Bytes) -> Response<Bytes> {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    answer.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn json_answer(status: u16, body: &Value) -> Response<Bytes> {
    with_status(status, "application/json", Bytes::from(body.to_string()))
}
