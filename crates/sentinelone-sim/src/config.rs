//! What a caller decides about a simulated console.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::Cases;

/// The present instant, in microseconds since 1970-01-01T00:00:00Z. A clock that stands still makes the console stand still.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How the in-process console lets time pass (the fault `slow` needs it). Absent: it answers at once.
pub type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// Which licensed modules the console has. One that is missing answers 403 with the text a real console sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modules {
    /// Application management: inventory and risks.
    pub risks: bool,
    /// Ranger: network discovery.
    pub ranger: bool,
    /// STAR: custom detection rules and their alerts.
    pub star: bool,
    /// Unified alert management, a GraphQL service.
    pub unified_alerts: bool,
    /// The older list of installed applications.
    pub installed_applications: bool,
    /// The wider asset inventory.
    pub xdr: bool,
}

impl Modules {
    /// Every module is licensed.
    pub const ALL: Modules = Modules {
        risks: true,
        ranger: true,
        star: true,
        unified_alerts: true,
        installed_applications: true,
        xdr: true,
    };
    /// No optional module is licensed.
    pub const NONE: Modules = Modules {
        risks: false,
        ranger: false,
        star: false,
        unified_alerts: false,
        installed_applications: false,
        xdr: false,
    };
}

/// Everything that decides what a simulated console contains and how it behaves. Two equal configurations make equal consoles.
#[derive(Clone)]
pub struct Config {
    /// Decides every drawn value.
    pub seed: u64,
    /// How many agents exist when the console starts, decommissioned and uninstalled ones included.
    pub endpoints: usize,
    /// When the console starts (µs). What happened before is its history; it moves on from here with its clock.
    pub start: i64,
    /// Where the console takes the present instant from.
    pub clock: Clock,
    /// How it lets time pass when it answers in process.
    pub sleep: Option<Sleep>,
    /// How many activities the history holds; absent: about eight for each endpoint.
    pub activities: Option<usize>,
    /// How many threats the history holds; absent: about one for every twelve endpoints.
    pub threats: Option<usize>,
    /// How many threats have no agent any more (their agent was deleted from the console).
    pub orphan_threats: usize,
    /// How many applications an agent has, on average (at most 1,000).
    pub applications_per_agent: usize,
    /// How many devices without an agent the network discovery sees; absent: one for every ten endpoints.
    pub devices: Option<usize>,
    /// How many bytes of rendered agents are kept, about; what is beyond is rendered each time.
    pub bodies_bytes_max: usize,
    /// Whether the odd values of real consoles appear: nulls, empty strings, unknown enum values, extra and missing fields.
    pub oddities: bool,
    /// What is planted that makes it hard to say which records are one machine. By default nothing: every agent is a machine
    /// of its own.
    pub cases: Cases,
    /// Which modules answer.
    pub modules: Modules,
    /// The most records that one page holds, whatever the request says (at most 1,000).
    pub page_max: usize,
    /// Where the count of activities stops, as on large consoles.
    pub activities_cap: u64,
    /// Whether the vendor's published request rates are enforced with an HTML 429.
    pub rate_limits: bool,
    /// Whether the HTTP front compresses for clients that accept gzip.
    pub gzip: bool,
    /// How often a live agent reports in; its `lastActiveDate` and `updatedAt` move then. Absent: never.
    pub heartbeat: Option<Duration>,
    /// How often something happens on the console (a login, a threat, a verdict, a scan, a removal). Absent: nothing new does,
    /// but what has begun goes on.
    pub tempo: Option<Duration>,
    /// How many times faster than in life things take their course once the console has started: what follows after an hour
    /// follows after a minute at 60. Dates stay those of the clock; the tempo is given by itself.
    pub pace: u32,
}

impl Config {
    /// A console of `endpoints` agents that starts now by `clock`, with the oddities of real consoles and no faults.
    #[must_use]
    pub fn new(seed: u64, endpoints: usize, clock: Clock) -> Config {
        let start = clock();
        Config {
            seed,
            endpoints,
            start,
            clock,
            sleep: None,
            activities: None,
            threats: None,
            orphan_threats: 2,
            applications_per_agent: 20,
            devices: None,
            bodies_bytes_max: 512 << 20,
            oddities: true,
            cases: Cases::NONE,
            modules: Modules::ALL,
            page_max: 1000,
            activities_cap: 50_000,
            rate_limits: false,
            gzip: true,
            heartbeat: Some(Duration::from_secs(15 * 60)),
            tempo: Some(Duration::from_secs((120_000 / (endpoints.max(1) as u64)).clamp(1, 600))),
            pace: 1,
        }
    }

    /// The same console, in which everything happens so many times faster: its tempo, and what follows from what happens.
    #[must_use]
    pub fn hurried(mut self, pace: u32) -> Config {
        let pace = pace.max(1);
        self.tempo = self.tempo.map(|tempo| tempo / pace);
        self.pace = self.pace.saturating_mul(pace);
        self
    }

    /// A console whose clock stands still at `at` (µs): byte-identical answers for ever.
    #[must_use]
    pub fn frozen(seed: u64, endpoints: usize, at: i64) -> Config {
        Config::new(seed, endpoints, Arc::new(move || at))
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("seed", &self.seed)
            .field("endpoints", &self.endpoints)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}
