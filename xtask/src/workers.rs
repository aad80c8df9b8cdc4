//! `cargo xtask workers`: real workers on one PostgreSQL database and many simulated consoles; one of them is killed.
//!
//! Every stream must have one owner at a time, what the killed worker held must go on elsewhere within two lease times, and
//! in the end everything that the consoles count must be there, once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use testkit::{Database, TestDir};

use crate::WorkersOptions as Options;
use crate::running::Running;

/// How long a lease lasts without a sign of life; the program's own.
const LEASE: Duration = sync::LEASE;

/// How often the leases are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long the whole may take.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Runs it, and says what came of it.
#[expect(clippy::disallowed_methods, reason = "other processes are killed and waited for in the machine's own time")]
pub fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    ensure!(options.workers >= 2, "one worker has nobody to be replaced by");
    let muster = match &options.binary {
        Some(file) => file.clone(),
        None => {
            let mut build = Command::new("cargo");
            build.args(["build", "--release", "--package", "muster"]).current_dir(root);
            ensure!(build.status()?.success(), "the program does not build");
            root.join("target/release/muster")
        }
    };
    let (database, folder) = (Database::postgres(), TestDir::new());
    let at = |arguments: &[&str]| {
        let mut command = Command::new(&muster);
        command.args(arguments).env("MUSTER_DATABASE_URL", database.text()).env("MUSTER_DATA_DIR", folder.path());
        command
    };

    println!("starting {} consoles of {} agents", options.consoles, options.agents);
    let mut consoles = Vec::new();
    for number in 0..options.consoles {
        consoles.push(connected(&muster, number, options.agents, &at)?);
    }

    println!("starting {} workers; lease {} s", options.workers, LEASE.as_secs());
    let start = |number: u32| -> anyhow::Result<Running> {
        let log = std::fs::File::create(folder.join(&format!("worker{number}.log")))?;
        let mut command = at(&["serve", "--role", "worker"]);
        Ok(Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?))
    };
    let mut workers = (0..options.workers).map(start).collect::<anyhow::Result<Vec<_>>>()?;
    let began = Instant::now();
    let mut seen = Seen::default();
    let mut killed: Option<(Instant, String)> = None;
    loop {
        ensure!(began.elapsed() < PATIENCE, "it takes longer than {} minutes", PATIENCE.as_secs() / 60);
        seen.look(&database)?;
        if killed.is_none() && began.elapsed() > Duration::from_secs(options.kill_after) {
            let victim = workers.remove(0);
            let name = format!("/{}/", victim.0.id());
            let held = seen.present.values().filter(|owner| owner.contains(&name)).count();
            println!(
                "killed worker {} after {:.1} s; it held {held} streams",
                victim.0.id(),
                began.elapsed().as_secs_f64()
            );
            // `kill` is SIGKILL.
            drop(victim);
            seen.orphans =
                seen.present.iter().filter(|(_, owner)| owner.contains(&name)).map(|(key, _)| key.clone()).collect();
            killed = Some((Instant::now(), name));
        }
        if let Some((at, name)) = &killed {
            let left = seen.present.iter().filter(|(key, owner)| seen.orphans.contains(*key) && owner.contains(name));
            let left: BTreeSet<_> = left.map(|(key, _)| key.clone()).collect();
            if left.is_empty() && !seen.orphans.is_empty() {
                println!("all of them were taken over after {:.1} s", at.elapsed().as_secs_f64());
                seen.orphans.clear();
            }
            ensure!(
                left.is_empty() || at.elapsed() < 2 * LEASE,
                "{} streams were not taken over within two lease times, such as {:?}",
                left.len(),
                left.first()
            );
            if left.is_empty() && all_complete(&database)? {
                break;
            }
        }
        pause(LOOK_EVERY);
    }
    let took = began.elapsed();

    let expected = u64::from(options.consoles) * u64::from(options.agents);
    let number = |sql: &str| -> anyhow::Result<u64> { Ok(database.run_on_server(sql).trim().parse()?) };
    let agents = number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents' AND state = 'present'")?;
    let twice = number(
        "SELECT count(*) FROM (SELECT 1 FROM inventory_source_record GROUP BY integration_id, stream, native_id \
         HAVING count(*) > 1) AS twice",
    )?;
    let records = number("SELECT count(*) FROM inventory_source_record WHERE state = 'present'")?;
    println!("{agents} agents of {expected}, {records} records, {twice} twice, in {:.0} s", took.as_secs_f64());
    println!("{} looks, {} changes of owner, most streams at once {}", seen.looks, seen.changes, seen.most);
    ensure!(twice == 0, "something is there twice");
    if agents < expected {
        bail!("{} agents are missing", expected - agents);
    }
    println!("each stream had one owner at a time, and nothing was lost");
    Ok(())
}

/// A simulated console in a process of its own, connected.
fn connected(muster: &Path, number: u32, agents: u32, at: &dyn Fn(&[&str]) -> Command) -> anyhow::Result<Running> {
    let mut console = Command::new(muster);
    console.args(["simulate", "--listen", "127.0.0.1:0", "--quiet", "--seed", &(number + 1).to_string()]);
    console.args(["--endpoints", &agents.to_string()]).stdout(Stdio::piped());
    let mut console = Running(console.spawn()?);
    let mut lines = BufReader::new(console.0.stdout.take().context("a pipe")?).lines();
    let first = lines.next().context("the console ended")??;
    let url = first.split_whitespace().find(|word| word.starts_with("http://")).context("an address")?.to_owned();
    let mut token = None;
    for line in lines.by_ref().take(3) {
        let line = line?;
        if line.contains("tenant scope") {
            token = line.split_whitespace().last().map(str::to_owned);
        }
    }
    // Whatever else it says is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    let name = format!("console{number}");
    let mut connect = at(&["connect", &url, "--name", &name, "--token-stdin"]);
    let mut connect = connect.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    connect.stdin.take().context("a pipe")?.write_all(token.context("a token")?.as_bytes())?;
    ensure!(connect.wait()?.success(), "connecting {url} failed");
    Ok(console)
}

type Key = (String, String);

/// What the leases showed so far.
#[derive(Default)]
struct Seen {
    present: BTreeMap<Key, String>,
    orphans: BTreeSet<Key>,
    looks: u64,
    changes: u64,
    most: usize,
}

impl Seen {
    /// One row holds a stream's lease, so it has one owner by construction; what must not happen is that an owner changes
    /// while the one before it is still alive, which the generations would tell.
    fn look(&mut self, database: &Database) -> anyhow::Result<()> {
        const LEASES: &str = "SELECT integration_id || ' ' || stream || ' ' || lease_owner FROM sync_stream \
            WHERE lease_owner IS NOT NULL";
        let mut present = BTreeMap::new();
        for line in database.run_on_server(LEASES).lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.trim().splitn(3, ' ');
            let (Some(id), Some(stream), Some(owner)) = (words.next(), words.next(), words.next()) else {
                bail!("a lease that cannot be read: {line}");
            };
            present.insert((id.to_owned(), stream.to_owned()), owner.to_owned());
        }
        self.looks += 1;
        self.most = self.most.max(present.len());
        self.changes +=
            present.iter().filter(|(key, owner)| self.present.get(*key).is_some_and(|was| was != *owner)).count()
                as u64;
        self.present = present;
        Ok(())
    }
}

/// Whether every stream of every console was complete once, or is not available.
fn all_complete(database: &Database) -> anyhow::Result<bool> {
    const OPEN: &str = "SELECT count(*) FROM sync_stream WHERE stream NOT LIKE '%.backfill' \
        AND COALESCE(status, '') NOT IN ('complete', 'not_available')";
    const KNOWN: &str = "SELECT min(streams) FROM (SELECT count(*) AS streams FROM sync_stream \
        WHERE stream NOT LIKE '%.backfill' GROUP BY integration_id) AS each";
    let open: u64 = database.run_on_server(OPEN).trim().parse()?;
    let known: usize = database.run_on_server(KNOWN).trim().parse().unwrap_or(0);
    Ok(open == 0 && known >= sync::STREAMS.len())
}

#[expect(clippy::disallowed_methods, reason = "other processes are waited for")]
fn pause(long: Duration) {
    std::thread::sleep(long);
}
