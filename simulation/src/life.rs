//! One life: a console, an engine, and what a seed does to both.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use access::Keyring;
use jobs::{Virtual, World};
use kernel::{OrgId, Random, Timestamp};
use sentinelone::{Token, Transport};
use sentinelone_sim::{Bearer, Config, Modules, Scope, tokens};
use store::{Image, Store, StoreError};
use sync::{Connect, Event, Place, Run, StreamReport, StreamStatus, SweepKind, SyncError};

use crate::console::{ADDRESS, Console, ConsoleClock, Ill, SECRETS, Weather, hash_of, row_of};
use crate::trace::Violation;
use crate::{SLICES, invariants};

/// When every life begins: 2026-11-21T03:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_795_230_000);

pub(crate) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

const NAME: &str = "acme";

/// No pass lasts longer than this, whatever the console does: bounded tries of bounded waits.
const PASS_MAX: Duration = Duration::from_secs(14 * 86_400);

/// Requests that one pass may make in worlds of this size, whatever goes wrong.
const REQUESTS_MAX: u64 = 30_000;

/// Rounds of a life, at most; most lives have one less, so that more of them can be lived.
const ROUNDS_MAX: u64 = 3;

/// One seed in so many may have all rounds, and every second of these a large fleet.
const LONG_EVERY: u64 = 8;

/// One seed in so many is read over and over once its faults stop; the others once, when everything is due again.
const THOROUGH_EVERY: u64 = 6;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How a life went.
#[derive(Clone, Debug)]
pub struct Life {
    /// What decided it.
    pub seed: u64,
    /// The same for the same seed, to the last request.
    pub hash: u64,
    /// Requests that the engine sent.
    pub requests: u64,
    /// Passes that ran.
    pub passes: u64,
    /// How often the process died.
    pub crashes: u64,
    /// Artifacts in the log at the end.
    pub artifacts: u64,
    /// Virtual seconds that passed.
    pub seconds: u64,
    /// What went wrong, by name, and how often.
    pub faults: BTreeMap<&'static str, u64>,
    /// The first invariant that was broken.
    pub violation: Option<Violation>,
    /// What happened, line by line; empty unless asked for.
    pub trace: Vec<String>,
}

impl Life {
    /// What went wrong, by row of the fault table.
    #[must_use]
    pub fn faults_by_row(&self) -> BTreeMap<u8, u64> {
        let mut rows = BTreeMap::new();
        for (name, times) in &self.faults {
            *rows.entry(row_of(name)).or_default() += times;
        }
        rows
    }
}

/// Lives the life of a seed; `told` keeps its trace.
#[must_use]
pub fn live(seed: u64, told: bool) -> Life {
    let said = Said::default();
    let subscriber = said.clone();
    tracing::subscriber::with_default(subscriber, || {
        let mut story = match Story::new(seed, told, said) {
            Ok(story) => story,
            Err(violation) => return Life::unborn(seed, violation),
        };
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| story.tell()));
        let violation = match ended {
            Ok(Ok(())) => None,
            Ok(Err(violation)) => Some(violation),
            Err(panic) => Some(Violation::new("panic", words_of(panic.as_ref()))),
        };
        story.end(violation)
    })
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

impl Life {
    fn unborn(seed: u64, violation: Violation) -> Life {
        Life {
            seed,
            hash: 0,
            requests: 0,
            passes: 0,
            crashes: 0,
            artifacts: 0,
            seconds: 0,
            faults: BTreeMap::new(),
            violation: Some(violation),
            trace: Vec::new(),
        }
    }
}

/// The migrated database that every life begins with.
fn image() -> Result<Image, StoreError> {
    static IMAGE: LazyLock<Result<Image, String>> = LazyLock::new(|| {
        let store = Store::in_memory(SLICES).map_err(|error| error.to_string())?;
        store.image().map_err(|error| error.to_string())?.ok_or_else(|| "a memory database has an image".to_owned())
    });
    IMAGE.clone().map_err(StoreError::Content)
}

/// What the engine said while it lived: log lines and events, as text.
#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<String>>);

impl Said {
    pub(crate) fn add(&self, text: &str) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(text);
        said.push('\n');
    }

    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Words<'a>(&'a mut String);

impl tracing::field::Visit for Words<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write as _;
        // Writing to a text cannot fail.
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl tracing::Subscriber for Said {
    fn enabled(&self, about: &tracing::Metadata<'_>) -> bool {
        *about.level() <= tracing::Level::DEBUG
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        let mut text = String::new();
        values.record(&mut Words(&mut text));
        self.add(&text);
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = String::new();
        event.record(&mut Words(&mut text));
        self.add(&text);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// How a pass ended.
enum Ended {
    Told(Vec<StreamReport>),
    Failed(SyncError),
    Died,
}

/// Sweeps as the engine told of them.
#[derive(Default)]
pub(crate) struct Sweeps {
    /// The number of each stream's sweep under way, and what it asks for.
    open: BTreeMap<&'static str, (u64, SweepKind)>,
    /// What each stream's latest sweep asked for.
    pub(crate) kinds: BTreeMap<&'static str, SweepKind>,
    /// Numbers of complete sweeps of everything, by stream.
    pub(crate) complete: BTreeMap<&'static str, Vec<u64>>,
}

/// Whether the token sees less than it once did.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Narrowed {
    No,
    /// The console lists less and says nothing of it.
    Silently,
    /// `GET /user` says which places are left.
    Openly,
}

pub(crate) struct Story {
    seed: u64,
    pub(crate) random: Random,
    time: Virtual,
    pub(crate) world: World,
    pub(crate) console: Console,
    pub(crate) store: Store,
    transport: Transport,
    keys: Keyring,
    pub(crate) said: Said,
    pub(crate) sweeps: Arc<Mutex<Sweeps>>,
    /// Records that the log retired, as last looked at.
    pub(crate) retired: BTreeSet<(String, String)>,
    narrowed: Narrowed,
    /// Whether a token that sees more has not been used by any pass yet.
    widened_unused: bool,
    older: Option<(Image, String)>,
    pub(crate) tenant: bool,
    /// Streams that this life does without: a few are enough for one life, and all of them for all lives.
    without: Vec<String>,
    /// A token that sees the whole console and is never given to the engine.
    witness: String,
    pub(crate) passes: u64,
    /// How many of them had run when it was last looked what is retired.
    pub(crate) passes_looked_at: u64,
    crashes: u64,
    /// Whether another database took the place of the first.
    pub(crate) restored: bool,
}

impl Story {
    fn new(seed: u64, told: bool, said: Said) -> Result<Story, Violation> {
        let broken = |error: &dyn std::fmt::Display| Violation::new("setup", error.to_string());
        let mut random = Random::seeded(seed ^ 0x0011_fe0f_5eed_0000);
        let time = Virtual::new(START, seed);
        let world = time.world();
        let skew = [0, 0, 0, 3, -3, 10, -10][below(&mut random, 7)] * MINUTE * 1_000_000;
        let clock = ConsoleClock::new(world.clock().clone(), skew);
        let console_clock = clock.clone();
        let endpoints = 3 + below(&mut random, if seed.is_multiple_of(2 * LONG_EVERY) { 57 } else { 6 });
        let mut config = Config::new(seed, endpoints, Arc::new(move || console_clock.now()));
        let sleeper = world.clone();
        config.sleep = Some(Arc::new(move |wait| {
            let sleeper = sleeper.clone();
            Box::pin(async move { sleeper.sleep(wait).await })
        }));
        config.activities = Some(6 + below(&mut random, 20));
        config.threats = Some(2 + below(&mut random, 6));
        config.applications_per_agent = 1 + below(&mut random, 3);
        config.devices = Some(below(&mut random, 6));
        config.page_max = [4, 8, 20, 50, 1_000][below(&mut random, 5)];
        config.oddities = below(&mut random, 4) != 0;
        config.modules = if below(&mut random, 3) == 0 { Modules::NONE } else { Modules::ALL };
        config.heartbeat = Some(Duration::from_secs([300, 900, 3_600][below(&mut random, 3)]));
        config.tempo = Some(Duration::from_secs([3_600, 7_200, 14_400][below(&mut random, 3)]));
        let modules = config.modules;
        let sim = sentinelone_sim::World::new(config);
        let console = Console::new(sim, &world, clock, seed, told);
        let tenant = below(&mut random, 4) != 0;
        if !tenant {
            console.wire().whole = false;
            console.wire().token = [tokens::ACCOUNT, tokens::SERVICE, tokens::SITE][below(&mut random, 3)].to_owned();
        }
        let witness = console.sim.issue(&Scope::Tenant, Bearer::User, console.clock.now() + 3_000 * DAY * 1_000_000);
        let mut without = Vec::new();
        for stream in sync::STREAMS.iter().filter(|stream| !stream.core && stream.name != "accounts") {
            // Hundreds of rows that never change teach little.
            let odds = if stream.name == "activity_types" { 40 } else { 8 };
            if below(&mut random, odds) != 0 {
                without.push(stream.name.to_owned());
            }
        }
        let store = image().and_then(|image| Store::from_image(&image, SLICES)).map_err(|error| broken(&error))?;
        let transport = console.transport();
        let variable = |name: &str| (name == access::KEY_VARIABLE).then(|| KEY.into());
        let keys = Keyring::load(&variable, std::path::Path::new("/nowhere")).map_err(|error| broken(&error))?;
        if skew != 0 {
            console.played("server-skew", &format!("the console's clock differs by {} s", skew / 1_000_000));
        }
        console.say(&format!("a console of {endpoints} endpoints, {modules:?}"));
        Ok(Story {
            seed,
            random,
            time,
            world,
            console,
            store,
            transport,
            keys,
            said,
            sweeps: Arc::default(),
            retired: BTreeSet::new(),
            narrowed: Narrowed::No,
            widened_unused: false,
            older: None,
            tenant,
            without,
            witness,
            passes: 0,
            passes_looked_at: 0,
            crashes: 0,
            restored: false,
        })
    }

    fn end(mut self, violation: Option<Violation>) -> Life {
        if let Some(violation) = &violation {
            self.console.say(&format!("BROKEN {violation}"));
        }
        let artifacts = self
            .store
            .read_blocking::<_, signals::SignalsError, _>(|tx| signals::count(tx, OrgId::DEFAULT))
            .unwrap_or_default();
        let seconds = self.world.now().seconds_since(START).unsigned_abs();
        let mut wire = self.console.wire();
        let mut faults = wire.played.clone();
        if self.crashes > 0 {
            faults.insert("crash", self.crashes);
        }
        let life = Life {
            seed: self.seed,
            hash: wire.trace.hash(),
            requests: wire.requests,
            passes: self.passes,
            crashes: self.crashes,
            artifacts,
            seconds,
            faults,
            violation,
            trace: wire.trace.take(),
        };
        drop(wire);
        self.retired.clear();
        life
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.random.below(bound) == 0
    }

    fn tell(&mut self) -> Result<(), Violation> {
        self.connect()?;
        let most = if self.seed.is_multiple_of(LONG_EVERY) { ROUNDS_MAX } else { ROUNDS_MAX - 1 };
        let rounds = 1 + self.random.below(most);
        for round in 0..rounds {
            self.console.say(&format!("round {round}"));
            self.round()?;
        }
        self.settle()?;
        invariants::at_the_end(self)
    }

    /// One stretch of the life: time, weather, people, and a pass that may die.
    fn round(&mut self) -> Result<(), Violation> {
        self.wait()?;
        self.happen()?;
        let frozen = self.one_in(2);
        let mut weather = self.weather();
        if frozen {
            weather.changes = 0;
        }
        let shown = format!("weather: {weather:?}");
        self.console.say(&shown);
        if let Some((path, _)) = weather.broken {
            self.console.played("broken-path", &format!("{path} is broken"));
        }
        let (forbidden, broken) = (weather.forbidden, weather.broken);
        if let Some(path) = forbidden {
            self.console.played("role-cut", &format!("the role may no longer read {path}"));
        }
        let calm = weather.ills.is_empty() && forbidden.is_none() && broken.is_none() && weather.revoke_at.is_none();
        self.console.set_weather(weather);
        if frozen {
            self.console.clock.freeze();
            let edge = calm && self.one_in(3);
            if edge {
                self.late_at_the_edge()?;
            }
        }
        let before = if frozen { None } else { Some(invariants::Seen::now(self)) };
        let run = Run { full: self.one_in(6), ..Run::default() };
        let mut dies = self.random.below(3);
        loop {
            let polls = (dies > 0).then(|| self.mortality());
            dies = dies.saturating_sub(1);
            let ended = if self.one_in(12) { self.two_passes(&run, polls)? } else { self.pass(&run, polls)? };
            match ended {
                Ended::Died => {
                    self.crashes += 1;
                    self.console.say("the process dies");
                    invariants::after_a_crash(self)?;
                    self.reopen()?;
                }
                Ended::Failed(error) => {
                    self.expected(&error)?;
                    break;
                }
                Ended::Told(reports) => {
                    self.told(&reports, forbidden, broken.map(|(path, _)| path))?;
                    if frozen {
                        self.console.say("compared with a console that stood still");
                        invariants::compare(self, &reports, None)?;
                    } else {
                        invariants::compare(self, &reports, before.as_ref())?;
                    }
                    break;
                }
            }
        }
        self.console.clock.thaw();
        let mut wire = self.console.wire();
        // What was not listed for longer than the overlap is seen by the next sweep of everything.
        let sweep = wire.sweeps;
        let hidden: Vec<_> = wire.hidden.drain().collect();
        wire.spoilt.extend(hidden.into_iter().map(|(stream, id)| ((stream.to_owned(), id), sweep)));
        wire.weather.ills.clear();
        drop(wire);
        self.mend()
    }

    /// Time passes, and our clock may jump.
    fn wait(&mut self) -> Result<(), Violation> {
        let seconds = [30, 5 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 25 * HOUR][below(&mut self.random, 6)]
            + self.random.below(60).cast_signed();
        self.time.run(self.world.sleep(Duration::from_secs(seconds.unsigned_abs())));
        if self.one_in(8) {
            let jump = [HOUR, -HOUR, DAY, -DAY, 3 * MINUTE, -3 * MINUTE][below(&mut self.random, 6)];
            self.console.clock.jump(jump * 1_000_000);
            self.console.played("clock-jump", &format!("our clock jumps by {jump} s"));
        }
        Ok(())
    }

    /// What people do between two passes.
    fn happen(&mut self) -> Result<(), Violation> {
        for _ in 0..self.random.below(6) {
            self.console.change("changed");
        }
        match self.random.below(24) {
            0 if self.narrowed == Narrowed::No => self.narrow()?,
            1 | 2 => {
                let stream = ["agents", "threats"][below(&mut self.random, 2)];
                let ids = if stream == "agents" { self.console.sim.agent_ids() } else { self.console.sim.threat_ids() };
                if let Some(id) = ids.get(below(&mut self.random, ids.len())) {
                    self.console.wire().hidden.insert((stream, id.clone()));
                    self.console.played("hidden-once", &format!("{stream} {id} is not listed for once"));
                }
            }
            3 => {
                let image = self.store.image().ok().flatten();
                let token = self.console.wire().token.clone();
                self.older = image.map(|image| (image, token));
                self.console.say("a backup is made");
            }
            4 if self.older.is_some() => self.restore()?,
            5 => self.fill_the_disk()?,
            6 if self.random.below(3) == 0 => {
                let sites = self.console.sim.site_ids();
                if let (true, Some(site)) = (sites.len() > 3, sites.get(1)) {
                    self.console.sim.remove_site(site);
                    self.console.played("site-removed", &format!("site {site} is deleted with everything in it"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The token sees one site less from now on: a site is taken away, or another token takes its place.
    fn narrow(&mut self) -> Result<(), Violation> {
        // A cut token of the whole console calls itself one of sites, and yet is shown what belongs to none: who only
        // ever met a token of those sites could not tell the two apart.
        if self.widened_unused {
            return Ok(());
        }
        let sites = self.console.sim.site_ids();
        let Some((last, rest)) = sites.split_last().filter(|(_, rest)| rest.len() > 1) else { return Ok(()) };
        if self.tenant && self.one_in(2) {
            let scope = Scope::Sites(rest.to_vec());
            let token = self.console.sim.issue(&scope, Bearer::User, self.console.clock.now() + 300 * DAY * 1_000_000);
            self.console.wire().token = token;
            self.console.set_weather(Weather::default());
            self.connect()?;
            self.narrowed = Narrowed::Openly;
            self.console.wire().whole = false;
        } else {
            let token = self.console.wire().token.clone();
            self.console.sim.cut_scope(&token, std::slice::from_ref(last));
            self.narrowed = Narrowed::Silently;
        }
        self.console.played("scope-cut", &format!("the token no longer sees site {last}"));
        Ok(())
    }

    /// What the console never said that it hid may be older than all that is asked for once it is back.
    fn excuse_what_was_hidden(&self) {
        let token = self.console.wire().token.clone();
        for stream in sync::STREAMS {
            let (Some(seen), Some(all)) = (self.listed_to(stream, &token), self.listed_to(stream, &self.witness))
            else {
                continue;
            };
            let mut wire = self.console.wire();
            let sweep = wire.sweeps;
            for id in all.difference(&seen) {
                wire.spoilt.insert((stream.name.to_owned(), id.clone()), sweep);
            }
        }
    }

    fn weather(&mut self) -> Weather {
        let mut weather = Weather { changes: [0, 0, 20, 100][below(&mut self.random, 4)], ..Weather::default() };
        match self.random.below(10) {
            0..=2 => {}
            3..=5 => weather.ills = Ill::PASSING.to_vec(),
            6 => weather.ills = Ill::PAGES.to_vec(),
            7 => weather.ills = Ill::RECORDS.to_vec(),
            _ => weather.ills = [Ill::PASSING, Ill::PAGES, Ill::RECORDS].concat(),
        }
        weather.per_mille = [10, 50, 150, 300][below(&mut self.random, 4)];
        match self.random.below(20) {
            0 => weather.revoke_at = Some(1 + self.random.below(40)),
            1 => {
                weather.forbidden =
                    Some(["/agents", "/threats", "/groups", "/accounts", "/activities"][below(&mut self.random, 5)]);
            }
            2..=4 => {
                let paths = ["/timeline", "/timeline", "/notes", "/policy", "/users", "/rbac/roles", "/exclusions"];
                let path = paths[below(&mut self.random, paths.len())];
                let ills = [Ill::Unavailable, Ill::Sim(sentinelone_sim::Fault::Json500), Ill::ErrorsWith200];
                let ill = ills[below(&mut self.random, ills.len())];
                weather.broken = Some((path, ill));
                // Most often it is all that is wrong, so that it shows what else it breaks.
                if !self.one_in(3) {
                    weather.ills.clear();
                }
            }
            _ => {}
        }
        weather
    }

    /// At which turn the process dies: any await of a short pass, or one deep in a long one.
    fn mortality(&mut self) -> u64 {
        let most = [30, 120, 400, 1_500][below(&mut self.random, 4)];
        1 + self.random.below(most)
    }

    // -- what the engine is told to do --

    fn place(&self) -> Place<'_> {
        Place {
            store: &self.store,
            world: &self.world,
            org: OrgId::DEFAULT,
            keys: &self.keys,
            transport: &self.transport,
            who: "simulation",
        }
    }

    /// What is chosen when the integration is made, and kept from then on.
    fn first_options(&self) -> Option<sync::Options> {
        (self.passes == 0).then(|| sync::Options { without_streams: self.without.clone(), ..sync::Options::default() })
    }

    fn connect(&mut self) -> Result<(), Violation> {
        let token = self.console.wire().token.clone();
        let order = || -> Result<Connect, Violation> {
            Ok(Connect {
                name: Some(NAME.to_owned()),
                site: Some("HQ".to_owned()),
                options: self.first_options(),
                ..Connect::new(
                    sentinelone::Console::parse(ADDRESS).map_err(|error| Violation::new("setup", error.to_string()))?,
                    Token::parse(&token).map_err(|error| Violation::new("setup", error.to_string()))?,
                )
            })
        };
        let connected = self.time.run(sync::connect(self.place(), order()?));
        self.console.say(&format!("connect: {:?}", connected.as_ref().map(|connected| connected.rotated)));
        if let Err(error) = &connected {
            self.said.add(&format!("{error} {error:?}"));
            return Err(Violation::new("I7", format!("a healthy console could not be connected: {error}")));
        }
        Ok(())
    }

    /// One pass, which dies after so many turns if it is mortal.
    fn pass(&mut self, run: &Run, polls: Option<u64>) -> Result<Ended, Violation> {
        self.passes += 1;
        let requests = self.console.wire().requests;
        let tell = self.listener();
        let ended = self.time.run(async {
            let pass = Mortal { story: Box::pin(sync::run(self.place(), run, &tell)), polls };
            self.world.timeout(PASS_MAX, pass).await
        });
        let requests = self.console.wire().requests - requests;
        if requests > REQUESTS_MAX {
            return Err(Violation::new("I10", format!("one pass made {requests} requests")));
        }
        match ended {
            Err(_) => Err(Violation::new("I7", "a pass did not end within fourteen days")),
            Ok(None) => Ok(Ended::Died),
            Ok(Some(Ok(reports))) => Ok(Ended::Told(reports)),
            Ok(Some(Err(error))) => Ok(Ended::Failed(error)),
        }
    }

    /// Two processes at once on one database, which know nothing of each other.
    fn two_passes(&mut self, run: &Run, polls: Option<u64>) -> Result<Ended, Violation> {
        self.passes += 2;
        self.console.played("two-workers", "two processes at once");
        let tell = self.listener();
        let wait = Duration::from_millis(self.random.below(3_000));
        let ended = self.time.run(async {
            let one = Mortal { story: Box::pin(sync::run(self.place(), run, &tell)), polls };
            let two = async {
                self.world.sleep(wait).await;
                sync::run(self.place(), run, &tell).await
            };
            self.world.timeout(PASS_MAX, futures_util::future::join(one, two)).await
        });
        let Ok((one, two)) = ended else {
            return Err(Violation::new("I7", "two passes did not end within fourteen days"));
        };
        match (one, two) {
            (None, _) => Ok(Ended::Died),
            (_, Ok(reports)) | (Some(Ok(reports)), Err(SyncError::Fenced { .. })) => Ok(Ended::Told(reports)),
            (_, Err(error)) => Ok(Ended::Failed(error)),
        }
    }

    /// Listens to the engine: for secrets, and for sweeps.
    fn listener(&self) -> impl Fn(&Event) + Sync + use<> {
        let (said, console) = (self.said.clone(), self.console.clone());
        let sweeps = self.sweeps.clone();
        move |event: &Event| {
            said.add(&format!("{event:?}"));
            match event {
                Event::StreamStarted { stream, kind, resumed_pages, .. } => {
                    let number = {
                        let mut wire = console.wire();
                        if *resumed_pages == 0 {
                            wire.sweeps += 1;
                        }
                        wire.sweeps
                    };
                    // A sweep that goes on keeps its number: it began before what it now delivers.
                    let mut sweeps = sweeps.lock().unwrap_or_else(PoisonError::into_inner);
                    if *resumed_pages == 0 || !sweeps.open.contains_key(stream) {
                        sweeps.open.insert(stream, (number, *kind));
                    }
                    drop(sweeps);
                    console.say(&format!("{stream}: {kind:?}, {resumed_pages} pages before"));
                }
                Event::StreamFinished { report } => {
                    let mut sweeps = sweeps.lock().unwrap_or_else(PoisonError::into_inner);
                    let open = sweeps.open.get(report.stream).copied();
                    if let Some((_, kind)) = open {
                        sweeps.kinds.insert(report.stream, kind);
                    }
                    if report.complete {
                        // What is not there for once is there again for the next sweep.
                        let mut wire = console.wire();
                        let sweep = wire.sweeps;
                        let (shown, hidden): (Vec<_>, Vec<_>) =
                            wire.hidden.drain().partition(|(stream, _)| *stream == report.stream);
                        wire.hidden.extend(hidden);
                        let shown = shown.into_iter().map(|(stream, id)| ((stream.to_owned(), id), sweep));
                        wire.spoilt.extend(shown);
                        drop(wire);
                        sweeps.open.remove(report.stream);
                    }
                    if let (true, Some((number, SweepKind::Full))) = (report.complete, open) {
                        sweeps.complete.entry(report.stream).or_default().push(number);
                    }
                    drop(sweeps);
                    console.say(&format!(
                        "{}: {} fetched {} created {} changed {} touched {} unchanged {} removed {} quarantined {} of {:?} {}",
                        report.stream,
                        report.status.word(),
                        report.fetched,
                        report.created,
                        report.changed,
                        report.touched,
                        report.unchanged,
                        report.removed,
                        report.quarantined,
                        report.console_total,
                        report.reason.as_deref().unwrap_or(""),
                    ));
                }
                Event::Waiting { reason, wait_ms, .. } => console.say(&format!("waits {wait_ms} ms: {reason}")),
                _ => {}
            }
        }
    }

    /// A new process: nothing is left of the old one but what it committed.
    fn reopen(&mut self) -> Result<(), Violation> {
        if self.random.below(3) == 0 {
            let image = self.store.image().map_err(storage)?.ok_or_else(|| Violation::new("setup", "no image"))?;
            self.store = Store::from_image(&image, SLICES).map_err(storage)?;
        }
        Ok(())
    }

    /// Yesterday's backup takes the place of the database.
    fn restore(&mut self) -> Result<(), Violation> {
        let Some((image, token)) = self.older.take() else { return Ok(()) };
        self.store = Store::from_image(&image, SLICES).map_err(storage)?;
        self.restored = true;
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner).open.clear();
        self.retired = invariants::retired(self)?;
        self.passes_looked_at = self.passes;
        self.console.played("restored", "an older backup takes the database's place");
        let present = self.console.wire().token.clone();
        if token != present {
            self.console.set_weather(Weather::default());
            self.connect()?;
        }
        Ok(())
    }

    /// The disk is full for the length of one pass.
    fn fill_the_disk(&mut self) -> Result<(), Violation> {
        self.console.played("disk-full", "the disk is full");
        let room = self.random.below(12).cast_signed();
        let (pages, free) = (self.number("PRAGMA page_count")?, self.number("PRAGMA freelist_count")?);
        let limit = pages + (room - free).max(0);
        self.number(&format!("PRAGMA max_page_count = {limit}"))?;
        self.console.set_weather(Weather::default());
        let ended = self.pass(&Run::default(), None)?;
        if let Ended::Failed(error) = &ended {
            let full = matches!(error, SyncError::Store(StoreError::Full)) || format!("{error:?}").contains("Full");
            if !full {
                return Err(Violation::new("I7", format!("a full disk was told as: {error}")));
            }
            self.console.say(&format!("the pass stops: {error}"));
        }
        self.number("PRAGMA max_page_count = 1073741823")?;
        invariants::after_a_crash(self)
    }

    /// A record that becomes visible exactly as late as the overlap allows.
    fn late_at_the_edge(&mut self) -> Result<(), Violation> {
        let overlap = sync::Stream::named("activities").map_or(0, |stream| stream.overlap);
        let _newest = self.console.sim.add_late_activity(0);
        let Ended::Told(reports) = self.pass(&Run::default(), None)? else { return Ok(()) };
        if reports.iter().any(|report| report.stream == "activities" && report.complete) {
            let id = self.console.sim.add_late_activity(overlap * 1_000_000);
            self.console.played("late-at-the-edge", &format!("activity {id} is seen exactly {overlap} s late"));
        }
        Ok(())
    }

    /// Whether an error may end a pass at all here.
    fn expected(&mut self, error: &SyncError) -> Result<(), Violation> {
        self.said.add(&format!("{error} {error:?}"));
        self.console.say(&format!("the pass stops: {error}"));
        match error {
            SyncError::Fenced { .. } => Ok(()),
            error => Err(Violation::new("I7", format!("a pass stopped: {error}"))),
        }
    }

    /// Whether reports say what was really the matter.
    fn told(
        &mut self,
        reports: &[StreamReport],
        forbidden: Option<&str>,
        broken: Option<&str>,
    ) -> Result<(), Violation> {
        let works = self.console.wire().token_works;
        for report in reports {
            let stream = report.stream;
            let words = format!("{stream} is told as {}: {:?}", report.status.word(), report.reason);
            match report.status {
                StreamStatus::AuthenticationFailed if works => {
                    return Err(Violation::new("I2", format!("{words}, and the token works")));
                }
                StreamStatus::PermissionMissing if forbidden.is_none() => {
                    return Err(Violation::new("I2", format!("{words}, and nothing is forbidden")));
                }
                StreamStatus::Complete if !works && report.core && report.requests == 0 => {
                    return Err(Violation::new("I2", format!("{words}, and the token is revoked")));
                }
                StreamStatus::Incomplete | StreamStatus::Unreachable
                    if works
                        && forbidden.is_none()
                        && report.core
                        && broken.is_some()
                        && self.console.wire().weather.ills.is_empty()
                        && self.console.wire().hidden.is_empty() =>
                {
                    return Err(Violation::new("I7", format!("{words}, and only {broken:?} is broken")));
                }
                _ => {}
            }
        }
        self.said.add(&format!("{reports:?}"));
        self.widened_unused = false;
        invariants::retirements(self)
    }

    /// People set right what went wrong: a new token, a role.
    fn mend(&mut self) -> Result<(), Violation> {
        let works = self.console.wire().token_works;
        let widen = self.narrowed != Narrowed::No && self.one_in(2);
        self.console.set_weather(Weather::default());
        if !works || widen {
            if self.one_in(3) && !works {
                // Nobody noticed yet: the next pass must say what is the matter, and lose nothing.
                let ended = self.pass(&Run::default(), None)?;
                if let Ended::Told(reports) = ended
                    && !reports.iter().any(|report| report.status == StreamStatus::AuthenticationFailed)
                {
                    return Err(Violation::new("I7", "a revoked token was not told"));
                }
            }
            // What was retired so far is judged by what could be seen so far.
            invariants::retirements(self)?;
            if self.narrowed == Narrowed::Silently {
                self.excuse_what_was_hidden();
            }
            let token = self.new_token();
            let mut wire = self.console.wire();
            wire.token = token;
            wire.token_works = true;
            drop(wire);
            if widen {
                self.widened_unused = true;
                self.console.played("scope-widened", "the token sees everything again");
            }
            self.narrowed = Narrowed::No;
            self.connect()?;
        }
        Ok(())
    }

    fn new_token(&mut self) -> String {
        let sim = &self.console.sim;
        let scope = if self.tenant {
            Scope::Tenant
        } else {
            let old = self.console.wire().token.clone();
            if let Some(new) = sim.rotate(&old)
                && self.narrowed == Narrowed::No
            {
                return new;
            }
            Scope::Accounts(sim.account_ids().into_iter().take(1).collect())
        };
        sim.issue(&scope, Bearer::User, self.console.clock.now() + 300 * DAY * 1_000_000)
    }

    /// Faults stop, time passes, and everything must be well within two passes.
    fn settle(&mut self) -> Result<(), Violation> {
        self.console.say("all faults stop");
        self.console.set_weather(Weather::default());
        self.console.wire().hidden.clear();
        self.mend()?;
        let cut_off = self.number("SELECT count(*) FROM sync_stream WHERE cursor IS NOT NULL")? > 0;
        let thorough = self.seed.is_multiple_of(THOROUGH_EVERY);
        if cut_off || thorough {
            // Soon, while a sweep that was cut off still goes on.
            self.time.run(self.world.sleep(Duration::from_secs(600)));
            self.healthy(&Run::default())?;
        }
        // After the day in which everything is read again.
        self.time.run(self.world.sleep(Duration::from_secs(25 * 3600)));
        if thorough {
            self.healthy(&Run::default())?;
        }
        // A fresh record arrives within two passes.
        let groups = self.console.sim.group_ids();
        let agent = groups.first().and_then(|group| self.console.sim.add_agent(group));
        let threat = agent.as_ref().and_then(|agent| self.console.sim.add_threat(agent));
        let activity = self.console.sim.add_late_activity(60_000_000);
        self.time.run(self.world.sleep(Duration::from_secs(30)));
        self.console.clock.freeze();
        let reports = self.healthy(&Run::default())?;
        for (stream, id) in [("agents", agent), ("threats", threat), ("activities", Some(activity))] {
            let Some(id) = id else { continue };
            if self.sees(stream, &id) && !invariants::is_logged(self, stream, &id)? {
                return Err(Violation::new("I7", format!("the fresh record {id} of {stream} did not arrive")));
            }
        }
        invariants::compare(self, &reports, None)?;
        if !thorough {
            return Ok(());
        }
        let reports = self.healthy(&Run { full: true, ..Run::default() })?;
        invariants::compare(self, &reports, None)
    }

    /// Whether the present token sees a record.
    fn sees(&self, stream: &str, id: &str) -> bool {
        let token = self.console.wire().token.clone();
        let seen = sync::Stream::named(stream).and_then(|stream| self.console.snapshot(stream, &token));
        seen.is_some_and(|seen| seen.iter().any(|served| served.id.as_deref() == Some(id)))
    }

    /// A pass with nothing in its way.
    fn healthy(&mut self, run: &Run) -> Result<Vec<StreamReport>, Violation> {
        match self.pass(run, None)? {
            Ended::Told(reports) => {
                for report in &reports {
                    let fine = match report.status {
                        StreamStatus::Complete => true,
                        StreamStatus::NotAvailable => !report.core,
                        _ => false,
                    };
                    if !fine {
                        let why = format!(
                            "{} is {} on a healthy console: {:?}",
                            report.stream,
                            report.status.word(),
                            report.reason
                        );
                        return Err(Violation::new("I7", why));
                    }
                }
                self.said.add(&format!("{reports:?}"));
                invariants::retirements(self)?;
                Ok(reports)
            }
            Ended::Failed(error) => Err(Violation::new("I7", format!("a pass stopped on a healthy console: {error}"))),
            Ended::Died => Err(Violation::new("setup", "an immortal pass died")),
        }
    }

    /// The one number that a statement answers.
    pub(crate) fn number(&self, sql: &str) -> Result<i64, Violation> {
        let sql = sql.to_owned();
        self.store
            .write_blocking::<_, StoreError, _>(move |tx| tx.query_one(&sql, &[], |row| row.int(0)))
            .map_err(storage)
    }

    /// The latest request that the console answered with these bytes, if it ever did.
    pub(crate) fn last_shown(&self, raw: &[u8]) -> Option<u64> {
        self.console.wire().issued.get(&hash_of(raw)).copied()
    }

    /// Whether a record was spoilt on its way, and no complete sweep of everything has set that right since.
    pub(crate) fn is_spoilt(&self, stream: &str, id: &str) -> bool {
        let at = self.console.wire().spoilt.get(&(stream.to_owned(), id.to_owned())).copied();
        at.is_some_and(|at| self.complete_sweeps_after(stream, at) == 0)
    }

    /// How many sweeps of everything began after that one and were complete.
    pub(crate) fn complete_sweeps_after(&self, stream: &str, number: u64) -> usize {
        let sweeps = self.sweeps.lock().unwrap_or_else(PoisonError::into_inner);
        sweeps.complete.get(stream).map_or(0, |complete| complete.iter().filter(|sweep| **sweep > number).count())
    }

    /// Whether the latest sweep of a stream asked for changes only.
    pub(crate) fn asked_for_changes(&self, stream: &str) -> bool {
        let sweeps = self.sweeps.lock().unwrap_or_else(PoisonError::into_inner);
        sweeps.kinds.get(stream) == Some(&SweepKind::Changes)
    }

    /// Ids of everything that exists of a stream, as far as any answer could tell: whether it is listed at present or
    /// not, and whoever may see it. A console that keeps a place from a token and still tells it that it sees everything
    /// gives no sign by which what is there could be told from what is gone: it lists less, and counts as many.
    pub(crate) fn everything(&self, stream: &sync::Stream) -> Option<rustc_hash::FxHashSet<String>> {
        if self.narrowed == Narrowed::Silently {
            let token = self.console.wire().token.clone();
            return self.listed_to(stream, &token);
        }
        self.listed_to(stream, &self.witness)
    }

    /// Ids of what a token is shown of a stream, with what is left out of lists for now.
    fn listed_to(&self, stream: &sync::Stream, token: &str) -> Option<rustc_hash::FxHashSet<String>> {
        let hidden = std::mem::take(&mut self.console.wire().hidden);
        let seen = self.console.snapshot(stream, token);
        self.console.wire().hidden = hidden;
        Some(seen?.into_iter().filter_map(|served| served.id).collect())
    }

    /// Whether anything the engine or the database holds has a secret in it.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> = SECRETS.iter().map(|secret| (*secret).to_owned()).collect();
        secrets.push(self.console.wire().token.clone());
        secrets.push(KEY.to_owned());
        secrets
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
pub(crate) fn storage(error: StoreError) -> Violation {
    Violation::new("setup", format!("the database failed: {error}"))
}

/// Draws an index below a bound.
pub(crate) fn below(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap_or(0)
}

/// A story that dies after so many turns.
struct Mortal<F> {
    story: Pin<Box<F>>,
    polls: Option<u64>,
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if let Some(polls) = &mut self.polls {
            if *polls == 0 {
                return Poll::Ready(None);
            }
            *polls -= 1;
        }
        self.story.as_mut().poll(cx).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ_WHOLE: Duration = Duration::from_secs(25 * 3600);

    /// A life of a token of the whole console, with enough agents for one to be less than a tenth.
    fn story() -> Story {
        let large = |story: &Story| story.tenant && story.console.sim.agent_ids().len() > 40;
        let mut stories = (0..).step_by(16).map(|seed| Story::new(seed, false, Said::default()).unwrap());
        stories.find(|story| large(story) && story.console.sim.site_ids().len() > 1).unwrap()
    }

    fn pass(story: &mut Story) -> Result<(), Violation> {
        story.time.run(story.world.sleep(READ_WHOLE));
        story.healthy(&Run { full: true, ..Run::default() }).map(|_| ())
    }

    /// Retires agents as an engine that is wrong would.
    fn retire_wrongly(story: &Story, agents: usize) {
        let sql = format!(
            "UPDATE inventory_source_record SET state = 'retired' WHERE record_id IN (SELECT record_id \
             FROM inventory_source_record WHERE stream = 'agents' ORDER BY record_id LIMIT {agents}) RETURNING 1"
        );
        story.number(&sql).unwrap();
    }

    fn members(served: &crate::console::Served) -> serde_json::Value {
        serde_json::from_slice(&served.raw).unwrap()
    }

    #[test]
    fn what_moves_to_where_nothing_is_shown_any_more_may_be_retired() {
        let mut story = story();
        story.connect().unwrap();
        let site = story.console.sim.site_ids().pop().unwrap();
        story.console.sim.cut_scope(&story.console.wire().token.clone(), std::slice::from_ref(&site));
        story.narrowed = Narrowed::Silently;
        pass(&mut story).unwrap();
        let groups = story.console.snapshot(sync::Stream::named("groups").unwrap(), &story.witness).unwrap();
        let group = groups.iter().find(|group| members(group)["siteId"] == site.as_str()).unwrap();
        let token = story.console.wire().token.clone();
        let agents = story.console.snapshot(sync::Stream::named("agents").unwrap(), &token).unwrap();
        let agent = agents.first().and_then(|agent| agent.id.clone()).unwrap();
        assert!(story.console.sim.move_agent(&agent, group.id.as_ref().unwrap()));
        pass(&mut story).unwrap();
        pass(&mut story).unwrap();
        assert!(story.retired.contains(&("agents".to_owned(), agent)));
    }

    #[test]
    fn an_engine_that_retires_what_exists_is_noticed() {
        let mut story = story();
        story.connect().unwrap();
        pass(&mut story).unwrap();
        invariants::retirements(&mut story).unwrap();
        story.passes += 1;
        retire_wrongly(&story, 1);
        let noticed = invariants::retirements(&mut story).unwrap_err();
        assert_eq!(noticed.invariant, "I2");
        assert!(noticed.what.ends_with("is retired and exists"), "{noticed}");
    }

    #[test]
    fn an_engine_that_retires_many_at_once_unasked_is_noticed() {
        let mut story = story();
        story.connect().unwrap();
        pass(&mut story).unwrap();
        let token = story.console.wire().token.clone();
        let sites = story.console.sim.site_ids();
        story.console.sim.cut_scope(&token, &sites);
        story.narrowed = Narrowed::Silently;
        story.passes += 1;
        retire_wrongly(&story, 20);
        let noticed = invariants::retirements(&mut story).unwrap_err();
        assert!(noticed.what.starts_with("20 of "), "{noticed}");
    }
}
