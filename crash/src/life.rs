//! One run: a program that is killed and started again, until it is left alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kernel::Random;
use sentinelone_sim::tokens;
use testkit::{Cluster, TestDir};

use crate::check::{self, Verdict};
use crate::console::{Console, Ends, Hold};
use crate::{Options, Tally};

/// Kills in one run.
const KILLS: std::ops::Range<u64> = 4..8;

/// The longest that a program lives before it is killed by time, at first; later it is what it needs to finish.
const LIFE_MAX: Duration = Duration::from_millis(1200);

/// After so long a program that should have ended hangs. What a dead one's server had still to do may renew its lease after
/// it was made to run out, and whoever comes then waits for it: that is no hanging.
const HANGS_AFTER: Duration = Duration::from_secs(2 * sync::LEASE.as_secs() + 30);

/// How often it is looked whether a program ended or an answer is held back.
const LOOK: Duration = Duration::from_millis(2);

/// Passes that a program left alone may need until everything is complete.
const CLEAN_PASSES_MAX: usize = 4;

/// One run in so many reads every stream; the others leave out those that cost many requests and are stored like the rest.
const READS_ALL_ONE_IN: u64 = 4;
const COSTLY: &str = "applications,application_inventory,application_settings,detection_rules,exclusions,restrictions,\
    ranger_devices,roles,service_users,tags,threat_notes,threat_timeline,unified_alerts,xdr_assets";

/// One life in so many looks for what was removed from the console.
const REMOVES_ONE_IN: u64 = 5;

/// Minutes that pass on the console between two lives of the program, at most.
const MINUTES_MAX: u64 = 40;

/// Places in transactions where the program dies: the point, how often at most it is passed before, and the row of the table of
/// faults that it stands for.
const POINTS: &[(&str, u64, &str)] = &[
    ("begin:", 30, "3 before the page's transaction"),
    ("statement:INTO signals_artifact", 12, "4 between statements"),
    ("statement:sync_stream SET", 30, "4 between statements"),
    ("statement:inventory_source_record", 40, "4 between statements"),
    ("commit:signals_artifact", 12, "4 between statements"),
    ("committed:signals_artifact", 12, "5 after COMMIT, before return"),
    ("committed:sync_stream", 30, "5 after COMMIT, before return"),
];

/// Places that only a sweep passes that does not find a record any more, or again.
const POINTS_OF_RECONCILE: &[&str] =
    &["statement:missing_since:1", "statement:missing_since:2", "commit:missing_since:1", "committed:missing_since:1"];

/// Places that only a delivery passes.
const POINTS_OF_SINKS: &[(&str, u64, &str)] = &[
    ("at:sink-written", 2, "6 after a sink's write, before its acknowledgement"),
    ("statement:signals_sink SET acked", 2, "7 after the acknowledgement, before the cursor"),
    ("commit:signals_sink SET acked", 2, "7 after the acknowledgement, before the cursor"),
    ("committed:signals_sink SET acked", 2, "5 after COMMIT, before return"),
];

/// Places that only the first opening passes.
const POINTS_OF_MIGRATION: &[&str] = &[
    "statement:CREATE TABLE",
    "statement:INSERT INTO store_migration",
    "commit:store_migration",
    "committed:store_migration",
];

/// How a program dies.
#[derive(Clone, Debug)]
enum Death {
    /// After so long.
    Time(Duration),
    /// At a place in a transaction; the row of the table that it stands for.
    Point(String, &'static str),
    /// When the n-th request has arrived.
    BeforeAnswer(u64),
    /// When half of the n-th body has arrived.
    MidBody(u64),
    /// The database's server dies instead, after so long.
    Server(Duration),
}

/// Where a run keeps its data.
pub enum Home<'a> {
    /// In a SQLite file.
    Sqlite,
    /// In a schema of a server that may be killed.
    Postgres(&'a Cluster),
}

struct Life<'a> {
    options: &'a Options,
    home: &'a Home<'a>,
    dir: TestDir,
    database: String,
    console: Console,
    random: Random,
    /// How long a pass takes that nobody disturbs, as far as known.
    usual: Duration,
    kills: BTreeMap<String, u64>,
    /// An agent was removed from the console.
    removed: bool,
    broken: Vec<String>,
}

/// Lives one run and answers what came of it.
pub fn live(seed: u64, options: &Options, home: &Home<'_>) -> Tally {
    let mut random = Random::seeded(seed);
    let endpoints = 15 + usize::try_from(random.below(12)).unwrap_or(0);
    let activities = 30 + usize::try_from(random.below(70)).unwrap_or(0);
    let page_max = [2, 3, 5, 10, 1000][usize::try_from(random.below(5)).unwrap_or(0)];
    let console = match Console::start(seed, endpoints, activities, page_max) {
        Ok(console) => console,
        Err(error) => return Tally::broken(format!("the console cannot listen: {error}")),
    };
    let _ends = Ends(console.clone());
    let dir = TestDir::new();
    let (database, schema) = match home {
        Home::Sqlite => (format!("sqlite:{}", dir.join("data/muster.db").display()), None),
        Home::Postgres(cluster) => {
            let schema = format!("crash_{seed:016x}");
            cluster.run(&format!("CREATE SCHEMA {schema}"));
            (cluster.url_of(&schema), Some(schema))
        }
    };
    let mut life = Life {
        options,
        home,
        dir,
        database,
        console,
        random,
        usual: LIFE_MAX,
        kills: BTreeMap::new(),
        removed: false,
        broken: Vec::new(),
    };
    let verdict = life.lived();
    let tally = Tally::of(seed, life.kills, verdict, life.broken);
    if let (Home::Postgres(cluster), Some(schema)) = (home, schema) {
        cluster.run(&format!("DROP SCHEMA {schema} CASCADE"));
    }
    tally
}

impl Life<'_> {
    fn lived(&mut self) -> Verdict {
        self.connect();
        let kills = KILLS.start + self.random.below(KILLS.end - KILLS.start);
        for _ in 0..kills {
            if !self.broken.is_empty() {
                return Verdict::default();
            }
            self.things_happen();
            let arguments: &[&str] = match self.random.below(8) {
                0..2 => &["sink", "run", "--once"],
                2 => &["sync", "--no-progress", "--full"],
                _ => &["sync", "--no-progress"],
            };
            let (arguments, death) = match self.removes() {
                true => {
                    let at = self.random.below(POINTS_OF_RECONCILE.len() as u64);
                    let point = POINTS_OF_RECONCILE[usize::try_from(at).unwrap_or(0)].to_owned();
                    (&["sync", "--no-progress", "--full"][..], Death::Point(point, "8 during reconcile"))
                }
                false => (arguments, self.death(arguments[0] == "sink")),
            };
            self.lives_until(arguments, &death);
            self.look_after(&format!("after {death:?}"));
        }
        self.things_happen();
        self.is_left_alone();
        if !self.broken.is_empty() {
            return Verdict::default();
        }
        let mut verdict = check::verdict(&self.database, &self.console);
        let killed: u64 = self.kills.values().sum();
        self.broken.extend(check::delivered(&self.sink(), &self.database, killed, &mut verdict));
        verdict
    }

    /// The file that artifacts are delivered to.
    fn sink(&self) -> PathBuf {
        self.dir.join("artifacts.ndjson")
    }

    /// Saves the console, and dies at it once: the first opening makes the tables.
    fn connect(&mut self) {
        let token = self.dir.write("token", tokens::GLOBAL).display().to_string();
        let url = self.console.url.clone();
        let mut arguments = vec!["connect", &url, "--name", "acme", "--site", "HQ", "--token-file", &token];
        if self.random.below(READS_ALL_ONE_IN) != 0 {
            arguments.extend(["--without", COSTLY]);
        }
        let point =
            POINTS_OF_MIGRATION[usize::try_from(self.random.below(POINTS_OF_MIGRATION.len() as u64)).unwrap_or(0)];
        let nth = 1 + self.random.below(4);
        let death = match self.options.has_points {
            true => Death::Point(format!("{point}:{nth}"), "during a migration"),
            false => Death::Time(Duration::from_millis(self.random.below(60))),
        };
        self.lives_until(&arguments, &death);
        let done = self.run(&arguments);
        self.ended(&done, &arguments, &[0]);
        let file = self.sink().display().to_string();
        let arguments = ["sink", "add", "ndjson", file.as_str()];
        let done = self.run(&arguments);
        self.ended(&done, &arguments, &[0]);
    }

    fn death(&mut self, of_sink: bool) -> Death {
        let usual = u64::try_from(self.usual.as_micros()).unwrap_or(u64::MAX).max(1);
        let time = Duration::from_micros(self.random.below(usual));
        // A delivery is over soon and asks nobody: by time it would hardly ever be met.
        match self.random.below(10) {
            0..4 if !of_sink => Death::Time(time),
            0 => Death::Time(time),
            4 if !of_sink => Death::BeforeAnswer(1 + self.random.below(40)),
            5 if !of_sink => Death::MidBody(1 + self.random.below(40)),
            6 if matches!(self.home, Home::Postgres(_)) => Death::Server(time),
            _ if !self.options.has_points => Death::Time(time),
            _ => {
                let points = if of_sink { POINTS_OF_SINKS } else { POINTS };
                let (point, most, row) = points[usize::try_from(self.random.below(points.len() as u64)).unwrap_or(0)];
                Death::Point(format!("{point}:{}", 1 + self.random.below(most)), row)
            }
        }
    }

    /// What people and agents do on the console while the program is dead.
    fn things_happen(&mut self) {
        let (console, random) = (&self.console, &mut self.random);
        console.pass_time(1_000_000 * (60 + random.below(60 * MINUTES_MAX)));
        let agents = console.world.agent_ids();
        let threats = console.world.threat_ids();
        let groups = console.world.group_ids();
        let one = |random: &mut Random, of: &[String]| {
            of.get(usize::try_from(random.below(of.len().max(1) as u64)).unwrap_or(0)).cloned().unwrap_or_default()
        };
        for _ in 0..random.below(8) {
            let agent = one(random, &agents);
            match random.below(7) {
                0 => drop(console.world.add_agent(&one(random, &groups))),
                1 => drop(console.world.add_threat(&agent)),
                2 => {
                    let name = format!("renamed-{}", random.below(1000));
                    console.world.patch_agent(&agent, &serde_json::json!({ "computerName": name }));
                }
                3 => {
                    let verdict = ["true_positive", "false_positive", "suspicious"]
                        [usize::try_from(random.below(3)).unwrap_or(0)];
                    let fields = serde_json::json!({ "analystVerdict": verdict });
                    console.world.patch_threat(&one(random, &threats), &fields);
                }
                4 => drop(console.world.move_agent(&agent, &one(random, &groups))),
                5 => drop(console.world.decommission(&agent)),
                _ => drop(console.world.add_late_activity(i64::try_from(random.below(480_000_000)).unwrap_or(0))),
            }
        }
    }

    /// Now and then something disappears from the console without a trace: few enough that nobody needs to agree.
    fn removes(&mut self) -> bool {
        if !self.options.has_points || self.random.below(REMOVES_ONE_IN) != 0 {
            return false;
        }
        if !self.removed {
            let agents = self.console.world.agent_ids();
            let at = usize::try_from(self.random.below(agents.len().max(1) as u64)).unwrap_or(0);
            self.removed = agents.get(at).is_some_and(|agent| self.console.world.remove_agent(agent));
        }
        self.removed
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.options.binary);
        for name in ["MUSTER_KEY", "MUSTER_KEY_FILE", "MUSTER_LOG", "CREDENTIALS_DIRECTORY", "MUSTER_CRASH_AT"] {
            command.env_remove(name);
        }
        command.env("HOME", self.dir.path()).env("MUSTER_DATA_DIR", self.dir.join("data"));
        command.env("MUSTER_DATABASE_URL", &self.database);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        ends(start(&mut self.command(arguments)), HANGS_AFTER)
    }

    /// Starts the program and lets it die.
    fn lives_until(&mut self, arguments: &[&str], death: &Death) {
        let mut command = self.command(arguments);
        let (mut deadline, mut row) = (HANGS_AFTER, "at a random time");
        match death {
            Death::Time(after) => deadline = *after,
            Death::Server(after) => (deadline, row) = (*after, "of the server"),
            Death::Point(point, of) => {
                command.env("MUSTER_CRASH_AT", point);
                row = of;
            }
            Death::BeforeAnswer(nth) => {
                self.console.hold(Hold::BeforeAnswer(*nth));
                row = "1 before a request is answered";
            }
            Death::MidBody(nth) => {
                self.console.hold(Hold::MidBody(*nth));
                row = "2 in the middle of a body";
            }
        }
        let started = now();
        let mut child = start(&mut command);
        let mut died = false;
        let is_server = matches!(death, Death::Server(_));
        loop {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            if self.console.holds() || started.elapsed() >= deadline {
                if let (true, Home::Postgres(cluster)) = (is_server, self.home) {
                    cluster.kill();
                } else {
                    let _ = child.kill();
                }
                died = true;
                break;
            }
            sleep(LOOK);
        }
        let done = ends(child, HANGS_AFTER);
        self.console.hold(Hold::Nowhere);
        if let (true, Home::Postgres(cluster)) = (is_server && died, self.home) {
            cluster.restart();
        }
        // A place in a transaction kills by itself.
        let by_signal = std::os::unix::process::ExitStatusExt::signal(&done.status).is_some();
        if died || by_signal {
            *self.kills.entry(row.to_owned()).or_default() += 1;
            if died && started.elapsed() >= HANGS_AFTER {
                self.broken.push(format!("{arguments:?} hung for {} s", HANGS_AFTER.as_secs()));
            }
        }
        match (by_signal, is_server && died) {
            (true, _) => {}
            (false, true) => self.ended(&done, arguments, &[0, 3, 6]),
            (false, false) => {
                if arguments[0] == "sync" {
                    self.usual = started.elapsed();
                }
                self.ended(&done, arguments, &[0, 3]);
            }
        }
    }

    /// A program that ended by itself ended as it should.
    fn ended(&mut self, done: &Output, arguments: &[&str], codes: &[i32]) {
        if !done.status.code().is_some_and(|code| codes.contains(&code)) {
            let said = String::from_utf8_lossy(&done.stderr);
            self.broken.push(format!("{arguments:?} ended with {:?}: {}", done.status.code(), said.trim()));
        }
    }

    /// What must hold whenever the program is dead.
    fn look_after(&mut self, when: &str) {
        // A dead worker's leases run out; there is no need to wait for it.
        let lapsed = check::lapse(&self.database).err();
        self.broken.extend(lapsed.map(|error| format!("{when}: {error}")));
        let found = check::standing(&self.database);
        self.broken.extend(found.into_iter().map(|what| format!("{when}: {what}")));
    }

    /// Nobody disturbs it any more: it must come to an end where all is complete, and then find nothing new.
    fn is_left_alone(&mut self) {
        const FULL: &[&str] = &["sync", "--no-progress", "--full"];
        for pass in 1..=CLEAN_PASSES_MAX {
            let goes_on = check::sweeps_open(&self.database);
            let done = self.run(FULL);
            match done.status.code() {
                // A sweep that was cut off has come to its end, and may have passed by what came meanwhile.
                Some(0) if goes_on => {}
                Some(0) => break,
                Some(3) if pass < CLEAN_PASSES_MAX => {}
                _ => return self.ended(&done, FULL, &[0]),
            }
        }
        self.console.look_anew();
        let before = check::logged(&self.database);
        let done = self.run(FULL);
        self.ended(&done, FULL, &[0]);
        const DELIVER: &[&str] = &["sink", "run", "--once"];
        let delivered = self.run(DELIVER);
        self.ended(&delivered, DELIVER, &[0]);
        let after = check::logged(&self.database);
        if let Some(new) = after.get(before.len()) {
            self.broken.push(format!("a pass over a console that stood still logged {new}"));
        }
    }
}

/// A process that was just forked holds every lock of this one until it becomes another program: no run may start one while
/// another run's database is open for writing here.
pub static STARTING: Mutex<()> = Mutex::new(());

fn start(command: &mut Command) -> Child {
    let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap_or_else(|error| panic!("starting the program: {error}"))
}

/// Waits for a program's end; one that does not come to it is killed.
fn ends(mut child: Child, within: Duration) -> Output {
    let started = now();
    // Both pipes are read while it runs: a full one would stop it.
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut bytes);
            }
            bytes
        })
    };
    let out = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let err = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < within => sleep(LOOK),
            Ok(None) => drop(child.kill()),
            Err(error) => panic!("waiting for the program: {error}"),
        }
    };
    Output { status, stdout: out.join().unwrap_or_default(), stderr: err.join().unwrap_or_default() }
}

#[expect(clippy::disallowed_methods, reason = "the program under test is another process")]
fn sleep(long: Duration) {
    std::thread::sleep(long);
}

#[expect(clippy::disallowed_methods, reason = "the program under test is another process")]
fn now() -> Instant {
    Instant::now()
}

/// Where a binary is that the suite built: `muster` beside the test's own folder.
#[must_use]
pub fn built_binary() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?;
    folder.ancestors().map(|folder| folder.join("muster")).find(|path| path.is_file())
}
