//! Who is right about which records are one machine: the inventory after syncs and scans, held against the network that the
//! simulator made up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use access::Keyring;
use inventory::Ask;
use jobs::Virtual;
use kernel::{AssetId, Cell, OrgId};
use sentinelone::{Console, Token, Transport};
use sentinelone_sim::{CASES, Cases, Config, Host, Network, Where, World, tokens};
use store::Store;
use sync::import::{self, Format};
use sync::{Connect, Place, Run};
use testkit::TestDir;

use crate::SLICES;
use crate::console::ADDRESS;
use crate::life::{KEY, START};

/// The question whose answer is held against the truth.
pub const QUESTION: &str = "os:windows and not type:server and not edr.name:SentinelOne";

/// Endpoints of an estate: enough for a tenth of every case, few enough for fifty of them in a test.
pub const ESTATE: usize = 60;

/// The seed of the first estate.
pub const PRECISION_BASE: u64 = 1;

/// What tells of machines, and what those records refer to.
const STREAMS: [&str; 5] = ["sites", "groups", "agents", "xdr_assets", "ranger_devices"];

/// After which time everything is read a second time: what was planted for later has happened by then.
const LATER: Duration = Duration::from_secs(2 * 3600);

/// How long a scan may take to find an agent's last report, as everything here happens at once.
const SCAN_AFTER: Duration = Duration::from_secs(60);

/// How often a case was planted, and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Machines.
    pub planted: u64,
    /// Machines whose records are one asset, and nobody else's.
    pub right: u64,
    /// Machines of which something was left to a person.
    pub review: u64,
    /// The others.
    pub wrong: u64,
}

/// What one or more estates came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precision {
    /// Estates, each looked at twice.
    pub looks: u64,
    /// Records of agents, devices and hosts.
    pub records: u64,
    /// Hosts of scans.
    pub hosts: u64,
    /// Hosts of scans that the rules do not decide.
    pub undecidable: u64,
    /// Those of them about which nobody is asked.
    pub unasked: u64,
    /// Machines that answer [`QUESTION`] and should.
    pub found: u64,
    /// Assets that answer it and should not.
    pub false_found: u64,
    /// Machines that should answer it and do not.
    pub missed: u64,
    /// Pairs of records that are one asset and two machines.
    pub false_merges: u64,
    /// What became of each case; the empty label is every machine on which nothing was planted.
    pub cases: BTreeMap<&'static str, Tally>,
    /// What was wrong, a line each, with the seed.
    pub complaints: Vec<String>,
}

impl Precision {
    /// Of what answers the question, the share that should; 1 if nothing does.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.false_found)
    }

    /// Of what should answer the question, the share that does; 1 if nothing should.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.found, self.found + self.missed)
    }

    /// Adds another one's figures.
    pub fn add(&mut self, other: Precision) {
        self.looks += other.looks;
        self.records += other.records;
        self.hosts += other.hosts;
        self.undecidable += other.undecidable;
        self.unasked += other.unasked;
        self.found += other.found;
        self.false_found += other.false_found;
        self.missed += other.missed;
        self.false_merges += other.false_merges;
        for (label, tally) in other.cases {
            let all = self.cases.entry(label).or_default();
            all.planted += tally.planted;
            all.right += tally.right;
            all.review += tally.review;
            all.wrong += tally.wrong;
        }
        self.complaints.extend(other.complaints);
    }

    /// The table by case, as Markdown.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = "| Case | What | Planted | Right | Review | Wrong |\n|---|---|---|---|---|---|\n".to_owned();
        let plain = ("", "nothing planted");
        for (label, what) in CASES.iter().map(|case| (case.label, case.what)).chain([plain]) {
            let Tally { planted, right, review, wrong } = self.cases.get(label).copied().unwrap_or_default();
            out.push_str(&format!("| {label} | {what} | {planted} | {right} | {review} | {wrong} |\n"));
        }
        out.push_str(&format!(
            "\n{} looks at estates, {} records, {} of them hosts of scans. `{QUESTION}`: precision {:.4}, recall {:.4} ({} found, \
             {} too many, {} missed). {} false merges. {} hosts undecidable ({:.2} %), {} of them not in the review queue.\n",
            self.looks,
            self.records,
            self.hosts,
            self.precision(),
            self.recall(),
            self.found,
            self.false_found,
            self.missed,
            self.false_merges,
            self.undecidable,
            100.0 * (1.0 - share(self.hosts - self.undecidable, self.hosts)),
            self.unasked,
        ));
        out
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// A record as the truth knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    Agent(String),
    Device(String),
    Asset(String),
    Host(Where, String),
}

/// What the inventory made of the records.
struct Made {
    /// The asset of every record.
    assets: BTreeMap<Known, i64>,
    /// Assets about which a person is asked whether they are one.
    questions: BTreeSet<(i64, i64)>,
    /// Assets that answer the question.
    answer: Vec<i64>,
}

/// Lets an estate of `endpoints` live for two hours, reads and scans it at the beginning and at the end, and holds the
/// inventory against the truth both times.
///
/// # Errors
/// What the engine answers, as a sentence.
pub fn precision(seed: u64, endpoints: usize, cases: Cases) -> Result<Precision, String> {
    let told = |error: &dyn std::fmt::Display| format!("seed {seed}: {error}");
    let time = Virtual::new(START, seed);
    let world = time.world();
    let clock = world.clock().clone();
    let mut config = Config::new(seed, endpoints, Arc::new(move || clock.now().micros()));
    config.cases = cases;
    config.activities = Some(endpoints);
    config.applications_per_agent = 1;
    config.tempo = None;
    let sim = World::new(config);
    let transport = Transport::InProcess(sim.service());
    let store = Store::in_memory(SLICES).map_err(|error| told(&error))?;
    let variable = |name: &str| (name == access::KEY_VARIABLE).then(|| KEY.into());
    let keys = Keyring::load(&variable, std::path::Path::new("/nowhere")).map_err(|error| told(&error))?;
    let org = OrgId::DEFAULT;
    let place = Place { store: &store, world: &world, org, keys: &keys, transport: &transport, who: "precision" };
    let order = Connect {
        site: Some(MAIN_SITE.to_owned()),
        ..Connect::new(
            Console::parse(ADDRESS).map_err(|error| told(&error))?,
            Token::parse(tokens::GLOBAL).map_err(|error| told(&error))?,
        )
    };
    time.run(sync::connect(place, order)).map_err(|error| told(&error))?;
    let dir = TestDir::new();
    let run = Run { streams: STREAMS.map(str::to_owned).to_vec(), ..Run::default() };
    let mut all = Precision::default();
    for look in 0..2 {
        if look > 0 {
            time.run(world.sleep(LATER));
        }
        time.run(sync::run(place, &run, &|_| {})).map_err(|error| told(&error))?;
        time.run(world.sleep(SCAN_AFTER));
        for at in [Where::Main, Where::Branch] {
            let scratch = dir.write("scratch", "");
            let scratch = File::options().read(true).write(true).open(scratch).map_err(|error| told(&error))?;
            let xml = sim.scan(at);
            let draft = import::read(Format::Nmap, Default::default(), xml.as_bytes(), scratch, import::FILE_BYTES_MAX)
                .map_err(|error| told(&error))?;
            let order = import::Order {
                source: source(at).to_owned(),
                site: Some(if at == Where::Main { MAIN_SITE } else { "Branch" }.to_owned()),
                accept_removals: true,
            };
            time.run(import::import(&store, &world, org, "precision", &order, draft, &|_| {}))
                .map_err(|error| told(&error))?;
        }
        let made = made(&store, org, world.now()).map_err(|error| told(&error))?;
        all.add(judge(seed, look, &sim.network(), &made));
    }
    Ok(all)
}

/// The same for `seeds` estates, everything planted.
///
/// # Errors
/// What the engine answers, as a sentence.
pub fn precisions(base: u64, seeds: u64, endpoints: usize) -> Result<Precision, String> {
    let mut all = Precision::default();
    for seed in base..base + seeds {
        all.add(precision(seed, endpoints, Cases::ALL)?);
    }
    Ok(all)
}

const MAIN_SITE: &str = "Headquarters";

const fn source(at: Where) -> &'static str {
    match at {
        Where::Main => "scan-main",
        Where::Branch => "scan-branch",
    }
}

/// What the inventory made of the records, read from its tables.
fn made(store: &Store, org: OrgId, now: kernel::Timestamp) -> Result<Made, String> {
    const LINKS: &str = "\
        SELECT i.name, r.stream, r.native_id, l.asset_id FROM inventory_link AS l \
        JOIN inventory_source_record AS r ON r.org_id = l.org_id AND r.record_id = l.record_id \
        JOIN sync_integration AS i ON i.org_id = r.org_id AND i.integration_id = r.integration_id \
        WHERE l.org_id = $1 AND r.state = 'present'";
    let read = move |tx: &mut store::Tx<'_>| {
        let mut made = Made { assets: BTreeMap::new(), questions: BTreeSet::new(), answer: Vec::new() };
        let rows = tx.query(LINKS, &[org.into()], |row| {
            Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned(), row.int(3)?))
        })?;
        for (integration, stream, native_id, asset) in rows {
            let known = match stream.as_str() {
                "agents" => Known::Agent(native_id),
                "ranger_devices" => Known::Device(native_id),
                "xdr_assets" => Known::Asset(native_id),
                _ if integration == source(Where::Branch) => Known::Host(Where::Branch, native_id),
                _ => Known::Host(Where::Main, native_id),
            };
            made.assets.insert(known, asset);
        }
        Ok::<_, store::StoreError>(made)
    };
    let mut made = store.read_blocking(read).map_err(|error: store::StoreError| error.to_string())?;
    made.questions = questions(store, org)?;
    let mut after = None;
    loop {
        let ask = Ask { fields: vec!["id".to_owned()], limit: 1000, after, ..Ask::new("assets", QUESTION, now) };
        let answer =
            store.read_blocking(move |tx| inventory::ask_in(tx, org, &ask)).map_err(|error| error.to_string())?;
        for row in &answer.table.rows {
            let id = match row.first() {
                Some(Cell::Text(text)) => AssetId::parse(text),
                _ => None,
            };
            made.answer.push(id.ok_or("an answer without an id")?.0);
        }
        after = answer.next;
        if after.is_none() {
            return Ok(made);
        }
    }
}

/// Pairs of assets about which a person is asked.
fn questions(store: &Store, org: OrgId) -> Result<BTreeSet<(i64, i64)>, String> {
    const PAIRS: &str = "\
        SELECT one.asset_id, other.asset_id FROM inventory_suggestion AS s \
        JOIN inventory_link AS one ON one.org_id = s.org_id AND one.record_id = s.one_record \
        JOIN inventory_link AS other ON other.org_id = s.org_id AND other.record_id = s.other_record \
        WHERE s.org_id = $1";
    let read = move |tx: &mut store::Tx<'_>| tx.query(PAIRS, &[org.into()], |row| Ok((row.int(0)?, row.int(1)?)));
    let pairs = store.read_blocking(read).map_err(|error: store::StoreError| error.to_string())?;
    Ok(pairs.into_iter().collect())
}

/// Under which of its possible names a host is in the inventory.
fn record_of(host: &Host, made: &Made) -> Option<Known> {
    let ip = format!("ip:{}", host.address);
    let names = match &host.mac {
        Some(mac) => vec![format!("mac:{mac} {ip}"), format!("mac:{mac}")],
        None => vec![ip],
    };
    names.into_iter().map(|name| Known::Host(host.at, name)).find(|known| made.assets.contains_key(known))
}

/// Holds what was made against the truth.
fn judge(seed: u64, look: u32, network: &Network, made: &Made) -> Precision {
    let mut out = Precision {
        looks: 1,
        records: made.assets.len() as u64,
        hosts: network.hosts() as u64,
        undecidable: network.undecidable() as u64,
        ..Precision::default()
    };
    let mut complain = |text: String| out.complaints.push(format!("seed {seed}, look {look}: {text}"));

    // Whose each decided record is, and where the others went.
    let mut owners: BTreeMap<i64, BTreeMap<usize, u64>> = BTreeMap::new();
    let mut homes: Vec<BTreeSet<i64>> = vec![BTreeSet::new(); network.machines.len()];
    let mut open: Vec<Vec<i64>> = vec![Vec::new(); network.machines.len()];
    let mut undecided: BTreeSet<i64> = BTreeSet::new();
    for (number, machine) in network.machines.iter().enumerate() {
        let agents = machine.agents.iter().map(|id| Known::Agent(id.clone()));
        let devices = machine.devices.iter().map(|id| Known::Device(id.clone()));
        let assets = machine.assets.iter().map(|id| Known::Asset(id.clone()));
        let hosts = machine.hosts.iter().filter(|host| host.undecidable.is_none());
        let hosts = hosts.filter_map(|host| {
            let known = record_of(host, made);
            if known.is_none() {
                complain(format!("the host {} of {} is in no asset", host.address, machine.name));
            }
            known
        });
        for known in agents.chain(devices).chain(assets).chain(hosts.collect::<Vec<_>>()) {
            let Some(&asset) = made.assets.get(&known) else {
                complain(format!("{known:?} of {} is in no asset", machine.name));
                continue;
            };
            *owners.entry(asset).or_default().entry(number).or_default() += 1;
            homes[number].insert(asset);
        }
        for host in machine.undecidable() {
            let Some(&asset) = record_of(host, made).and_then(|known| made.assets.get(&known)) else {
                complain(format!("the host {} of {} is in no asset", host.address, machine.name));
                continue;
            };
            open[number].push(asset);
            undecided.insert(asset);
        }
    }

    let named = |number: usize| {
        let machine = &network.machines[number];
        format!("{} (case {})", machine.name, machine.case.unwrap_or("none"))
    };
    for (asset, machines) in &owners {
        let counts: Vec<u64> = machines.values().copied().collect();
        let all: u64 = counts.iter().sum();
        let pairs = (all * all - counts.iter().map(|count| count * count).sum::<u64>()) / 2;
        if pairs > 0 {
            out.false_merges += pairs;
            let names: Vec<String> = machines.keys().map(|number| named(*number)).collect();
            complain(format!("asset {} is {}", AssetId(*asset), names.join(" and ")));
        }
    }

    let asked = |one: i64, other: i64| made.questions.contains(&(one, other)) || made.questions.contains(&(other, one));
    for (number, machine) in network.machines.iter().enumerate() {
        let tally = out.cases.entry(machine.case.unwrap_or_default()).or_default();
        tally.planted += 1;
        let home = &homes[number];
        let alone = home.iter().all(|asset| owners[asset].len() == 1);
        // An undecidable host stands by itself and somebody is asked, or it found home.
        for asset in &open[number] {
            let there = made.questions.iter().any(|(one, other)| one == asset || other == asset);
            if !home.contains(asset) && !there {
                out.unasked += 1;
                complain(format!("nobody is asked about the host of {}", named(number)));
            }
        }
        let left = open[number].iter().any(|asset| !home.contains(asset));
        let apart = home.len() > 1;
        let mut pairs = home.iter().flat_map(|one| home.iter().map(move |other| (*one, *other)));
        if !alone {
            tally.wrong += 1;
        } else if apart && !pairs.any(|(one, other)| asked(one, other)) {
            tally.wrong += 1;
            complain(format!("{} is {} assets", named(number), home.len()));
        } else if apart || left {
            tally.review += 1;
            if apart {
                complain(format!("{} is {} assets, and somebody is asked", named(number), home.len()));
            }
        } else {
            tally.right += 1;
        }
    }

    // The answer, asset by asset; an asset that only undecidable hosts make up is no part of it.
    let mut found: BTreeSet<usize> = BTreeSet::new();
    for asset in &made.answer {
        let machines = owners.get(asset).map(|machines| machines.keys().copied().collect::<Vec<_>>());
        match machines.as_deref() {
            Some([number]) if network.machines[*number].is_unprotected_workstation() && found.insert(*number) => {
                out.found += 1;
            }
            None | Some([]) if undecided.contains(asset) => {}
            machines => {
                out.false_found += 1;
                let names: Vec<String> = machines.unwrap_or_default().iter().map(|number| named(*number)).collect();
                complain(format!("asset {} answers and should not: {}", AssetId(*asset), names.join(" and ")));
            }
        }
    }
    for (number, machine) in network.machines.iter().enumerate() {
        let known = !homes[number].is_empty();
        if machine.is_unprotected_workstation() && known && !found.contains(&number) {
            out.missed += 1;
            complain(format!("{} does not answer and should", named(number)));
        }
    }
    out
}
