//! A console, a database and a virtual world: what every claim here begins with.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::Keyring;
use inventory::{Ask, Want};
use jobs::{Virtual, World};
use kernel::{OrgId, Timestamp, Value};
use sentinelone::{Console, Service, Token, Transport};
use sentinelone_sim::{Config, FaultPlan, tokens};
use store::{Slice, Store};
use sync::{Connect, Connected, Event, Integration, Place, Run, StreamReport, StreamStatus, SyncError};

pub const SLICES: &[Slice] = &[access::SLICE, signals::SLICE, inventory::SLICE, sync::SLICE];

/// When every console here begins: 2026-11-21T03:00:00Z.
pub const START: Timestamp = Timestamp::from_seconds(1_795_230_000);

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A console, a database, and the time they share.
pub struct Lab {
    pub time: Virtual,
    pub world: World,
    pub sim: sentinelone_sim::World,
    pub store: Store,
    pub transport: Transport,
    pub told: Arc<Mutex<Vec<Event>>>,
    keys: Keyring,
}

/// How a lab is built.
pub struct Build {
    pub seed: u64,
    pub endpoints: usize,
    /// Records on a page, at most.
    pub page_max: usize,
    /// False: the console's clock stands still, so that it never changes.
    pub alive: bool,
    /// Anything else about the console.
    pub with: fn(&mut Config),
}

impl Default for Build {
    fn default() -> Build {
        Build { seed: 7, endpoints: 40, page_max: 1_000, alive: false, with: |_| {} }
    }
}

impl Build {
    /// In memory, where everything runs in one order.
    pub fn in_memory(self) -> Lab {
        self.on(Store::in_memory(SLICES).unwrap())
    }

    pub fn on(self, store: Store) -> Lab {
        let time = Virtual::new(START, self.seed);
        let world = time.world();
        let clock = world.clock().clone();
        let alive = self.alive;
        let now = move || if alive { clock.now().micros() } else { START.micros() };
        let mut config = Config::new(self.seed, self.endpoints, Arc::new(now));
        let sleeper = world.clone();
        config.sleep = Some(Arc::new(move |wait| {
            let sleeper = sleeper.clone();
            Box::pin(async move { sleeper.sleep(wait).await })
        }));
        config.page_max = self.page_max;
        (self.with)(&mut config);
        let sim = sentinelone_sim::World::new(config);
        let transport = Transport::InProcess(with_latency(sim.service(), &world));
        let keys =
            Keyring::load(&|name| (name == access::KEY_VARIABLE).then(|| KEY.into()), std::path::Path::new("/nowhere"));
        Lab { time, world, sim, store, transport, told: Arc::default(), keys: keys.unwrap() }
    }
}

/// The console's answers take a while that chance decides, so that fetching and storing meet in every order.
fn with_latency(service: Service, world: &World) -> Service {
    let (world, random) = (world.clone(), Arc::new(Mutex::new(world.random())));
    Arc::new(move |request| {
        let wait = Duration::from_micros(random.lock().unwrap().below(30_000));
        let (world, service) = (world.clone(), service.clone());
        Box::pin(async move {
            world.sleep(wait).await;
            service(request).await
        })
    })
}

impl Lab {
    pub fn place(&self) -> Place<'_> {
        Place {
            store: &self.store,
            world: &self.world,
            org: OrgId::DEFAULT,
            keys: &self.keys,
            transport: &self.transport,
            who: "test",
        }
    }

    pub fn faults(&self, plan: FaultPlan) {
        self.sim.set_faults(plan);
    }

    /// What connects the console with a token.
    pub fn order(&self, token: &str) -> Connect {
        order(token)
    }

    pub fn try_connect(&self, token: &str) -> Result<Connected, SyncError> {
        self.time.run(sync::connect(self.place(), self.order(token)))
    }

    /// Connects with the token that sees the whole console.
    pub fn connect(&self) -> Connected {
        self.try_connect(tokens::GLOBAL).unwrap()
    }

    pub fn try_run(&self, run: &Run) -> Result<Vec<StreamReport>, SyncError> {
        let told = self.told.clone();
        self.time.run(sync::run(self.place(), run, &move |event| told.lock().unwrap().push(event.clone())))
    }

    pub fn sync(&self) -> Vec<StreamReport> {
        self.try_run(&Run::default()).unwrap()
    }

    pub fn sync_streams(&self, streams: &[&str]) -> Vec<StreamReport> {
        let streams = streams.iter().map(|name| (*name).to_owned()).collect();
        self.try_run(&Run { streams, ..Run::default() }).unwrap()
    }

    /// Runs a pass and kills it after so long; `None` if it was.
    pub fn sync_for(&self, long: Duration) -> Option<Vec<StreamReport>> {
        let run = Run::default();
        self.time.run(async {
            let pass = sync::run(self.place(), &run, &|_| {});
            self.world.timeout(long, pass).await.ok().map(Result::unwrap)
        })
    }

    pub fn integration(&self) -> Integration {
        let all = self.time.run(sync::integrations(&self.store, &self.world, OrgId::DEFAULT));
        all.unwrap().remove(0)
    }

    pub fn pass_time(&self, long: Duration) {
        self.time.run(self.world.sleep(long));
    }

    /// The one number that a statement answers.
    pub fn number(&self, sql: &str) -> i64 {
        let sql = sql.to_owned();
        self.store
            .read_blocking::<_, store::StoreError, _>(move |tx| tx.query_one(&sql, &[], |row| row.int(0)))
            .unwrap()
    }

    /// Every value of the tables that `wanted` likes, as text, in a fixed order.
    pub fn dump(&self, wanted: fn(&str) -> bool) -> String {
        self.store
            .read_blocking::<_, store::StoreError, _>(move |tx| {
                let mut rows = Vec::new();
                for table in tx.tables()?.into_iter().filter(|table| wanted(table)) {
                    let mut of_table = tx.query(&format!("SELECT * FROM {table}"), &[], |row| {
                        let mut text = format!("{table}:");
                        for at in 0..row.len() {
                            text.push_str(&format!(" {:?}", row.value(at)?));
                        }
                        Ok(text)
                    })?;
                    of_table.sort();
                    rows.extend(of_table);
                }
                Ok(rows.join("\n"))
            })
            .unwrap()
    }

    /// Where a piece of text occurs in the database, in any table and column.
    pub fn places_of(&self, text: &str) -> Vec<String> {
        let text = text.to_owned();
        self.store
            .read_blocking::<_, store::StoreError, _>(move |tx| {
                let mut found = Vec::new();
                testkit::everything(tx, |table, column, value| {
                    let holds = match value {
                        Value::Text(value) => value.contains(&text),
                        Value::Bytes(value) => value.windows(text.len()).any(|piece| piece == text.as_bytes()),
                        _ => false,
                    };
                    if holds {
                        found.push(format!("{table}.{column}"));
                    }
                })?;
                Ok(found)
            })
            .unwrap()
    }
}

/// What connects a console with a token.
pub fn order(token: &str) -> Connect {
    Connect {
        site: Some("HQ".to_owned()),
        ..Connect::new(Console::parse("https://acme.sentinelone.net").unwrap(), Token::parse(token).unwrap())
    }
}

/// How many rows of an inventory answer a question.
pub fn count(store: &Store, inventory: &str, text: &str) -> u64 {
    let ask = Ask { want: Want::Count, ..Ask::new(inventory, text, START) };
    let answer = store.read_blocking(move |tx| inventory::ask_in(tx, OrgId::DEFAULT, &ask)).unwrap();
    assert!(answer.warnings.is_empty(), "{text}: {:?}", answer.warnings);
    answer.total.unwrap()
}

/// The report of one stream.
pub fn of<'a>(reports: &'a [StreamReport], stream: &str) -> &'a StreamReport {
    reports.iter().find(|report| report.stream == stream).unwrap()
}

/// Every stream ended complete, or the test says which did not.
pub fn all_complete(reports: &[StreamReport]) {
    for report in reports {
        assert_eq!(report.status, StreamStatus::Complete, "{report:?}");
    }
}
