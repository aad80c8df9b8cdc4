//! A source to test with: agents as small structs, their JSON, and what they mean.

use std::fmt::Write;
use std::sync::Arc;

use inventory::noun::{
    AccountNoun, ActivityNoun, Address, AgentState, ConsoleGroupNoun, ConsoleScope, ConsoleSiteNoun, FindingAction,
    FindingNoun, Interface, Mac, MachineNoun, Name, PolicyEngine, PolicyNoun, Tag, Technique,
};
use inventory::{Context, Incoming, InventoryError, Memory, Noun, Op, Outcome, Reason, Translation};
use kernel::{IntegrationId, OrgId, RecordId, SiteId, SweepId, Timestamp, Value};
use signals::Artifact;
use store::{Slice, Store, Tx};

/// The tables that these tests need.
pub const TABLES: [Slice; 2] = [signals::SLICE, inventory::SLICE];

/// An instant, in seconds.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// One agent of a console, as far as tests look at it.
#[derive(Clone)]
pub struct Agent {
    pub id: &'static str,
    pub name: &'static str,
    pub os: &'static str,
    pub state: AgentState,
    pub infected: bool,
    pub addresses: &'static [&'static str],
    pub tags: &'static [(&'static str, &'static str)],
    /// Volatile, in seconds.
    pub last_seen: i64,
    /// Volatile.
    pub active: bool,
    pub broken: bool,
    pub activity: bool,
}

impl Agent {
    pub fn new(id: &'static str) -> Agent {
        Agent {
            id,
            name: "",
            os: "Windows 10",
            state: AgentState::Active,
            infected: false,
            addresses: &["10.1.2.3", "2001:db8::7"],
            tags: &[],
            last_seen: 1_000,
            active: true,
            broken: false,
            activity: false,
        }
    }

    /// Not an agent but something that happened.
    pub fn activity(id: &'static str) -> Agent {
        Agent { activity: true, ..Agent::new(id) }
    }

    fn name(&self) -> String {
        if self.name.is_empty() { format!("PC-{}", self.id) } else { self.name.to_owned() }
    }

    fn meaning(&self) -> String {
        format!(
            r#""id":"{}","computerName":{:?},"osName":{:?},"state":"{}","infected":{},"addresses":{:?},"tags":{:?},"broken":{}"#,
            self.id,
            self.name(),
            self.os,
            self.state.as_str(),
            self.infected,
            self.addresses,
            self.tags,
            self.broken,
        )
    }

    /// Its JSON, more or less.
    pub fn raw(&self) -> Vec<u8> {
        format!(r#"{{{},"lastActiveDate":{},"isActive":{}}}"#, self.meaning(), self.last_seen, self.active).into_bytes()
    }

    fn noun(&self) -> Noun {
        if self.activity {
            let description = format!("{} happened", self.id);
            return Noun::Activity(ActivityNoun { description: Some(description), ..ActivityNoun::default() });
        }
        let interface = Interface {
            name: Some("eth0".to_owned()),
            mac: Mac::parse("00:00:5e:00:53:07"),
            addresses: self.addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
            ..Interface::default()
        };
        Noun::Machine(MachineNoun {
            name: Some(self.name()),
            names: vec![Name { kind: "computer", text: self.name() }],
            os: Some(self.os.to_owned()),
            os_family: Some("windows".to_owned()),
            last_seen: Some(at(self.last_seen)),
            active: Some(self.active),
            infected: Some(self.infected),
            edr: "SentinelOne",
            state: Some(self.state),
            interfaces: vec![interface],
            tags: self.tags.iter().map(|(key, value)| Tag { key: (*key).into(), value: (*value).into() }).collect(),
            ..MachineNoun::default()
        })
    }
}

/// An integration that reads one stream.
#[derive(Clone)]
pub struct Source {
    pub store: Store,
    pub memory: Arc<Memory>,
    pub org: OrgId,
    pub integration: i64,
    pub stream: &'static str,
    pub immutable: bool,
    pub body_in_log: bool,
    pub now: Timestamp,
}

/// A record ready to be applied.
struct Ready {
    id: String,
    raw: Vec<u8>,
    meaning_hash: [u8; 32],
    noun: Result<Noun, Reason>,
}

impl Source {
    pub fn agents(store: &Store) -> Source {
        Source {
            store: store.clone(),
            memory: Arc::default(),
            org: OrgId::DEFAULT,
            integration: 1,
            stream: "agents",
            immutable: false,
            body_in_log: false,
            now: at(1_000_000),
        }
    }

    /// The same, seconds later.
    pub fn later(&self, seconds: i64) -> Source {
        Source { now: self.now.plus_seconds(seconds), ..self.clone() }
    }

    /// Applies a page in a transaction of its own.
    pub fn apply(&self, page: &[Agent]) -> Vec<Outcome> {
        let (source, page) = (self.clone(), page.to_vec());
        self.store.write_blocking(move |tx| source.apply_in(tx, &page)).unwrap()
    }

    /// Applies a page in the caller's transaction.
    pub fn apply_in(&self, tx: &mut Tx, page: &[Agent]) -> Result<Vec<Outcome>, InventoryError> {
        self.apply_ready(tx, &page.iter().map(Agent::ready).collect::<Vec<_>>(), false)
    }

    /// Applies a page and logs what is new, as sync does.
    pub fn apply_and_record(&self, page: &[Agent]) -> Vec<Outcome> {
        let (source, page) = (self.clone(), page.to_vec());
        let work = move |tx: &mut Tx| source.apply_ready(tx, &page.iter().map(Agent::ready).collect::<Vec<_>>(), true);
        self.store.write_blocking(work).unwrap()
    }

    /// Applies nouns as they are: the id, the noun, and a word for what it means.
    pub fn apply_nouns(&self, nouns: Vec<(String, Noun, &'static str)>) -> Vec<Outcome> {
        let source = self.clone();
        let ready = nouns.into_iter().map(|(id, noun, meaning)| {
            let raw = format!("{noun:?}").into_bytes();
            Ready { id, raw, meaning_hash: digest(meaning.as_bytes()), noun: Ok(noun) }
        });
        let ready: Vec<Ready> = ready.collect();
        self.store.write_blocking(move |tx| source.apply_ready(tx, &ready, false)).unwrap()
    }

    /// Retires records in a transaction of its own.
    pub fn retire(&self, records: &[RecordId]) {
        let (source, records) = (self.clone(), records.to_vec());
        let work = move |tx: &mut Tx| inventory::retire(tx, &source.context(), &records).map(drop);
        self.store.write_blocking(work).unwrap();
    }

    fn context(&self) -> Context<'_> {
        Context {
            org: self.org,
            integration: IntegrationId(self.integration),
            site: SiteId(1),
            stream: self.stream,
            sweep: SweepId(1),
            now: self.now,
            immutable: self.immutable,
            body_in_log: self.body_in_log,
            memory: &self.memory,
            onboard: inventory::Onboard::Always,
        }
    }

    fn apply_ready(&self, tx: &mut Tx, page: &[Ready], log: bool) -> Result<Vec<Outcome>, InventoryError> {
        let ctx = self.context();
        let incoming: Vec<Incoming> = (page.iter())
            .map(|ready| Incoming {
                native_id: ready.id.as_str().into(),
                raw: &ready.raw,
                raw_hash: digest(&ready.raw),
            })
            .collect();
        let mut asked = vec![0; page.len()];
        let outcomes = inventory::apply(tx, &ctx, &incoming, &mut |at| {
            asked[at] += 1;
            let ready = &page[at];
            let translation =
                |noun| Translation { meaning_hash: ready.meaning_hash, updated_at: None, noun, left_out: None };
            ready.noun.clone().map(translation)
        })?;
        assert!(asked.iter().all(|times| *times <= 1), "nothing is translated twice");
        if log {
            let entries = page.iter().zip(&outcomes).filter_map(|(ready, outcome)| {
                let op = match outcome.op {
                    Op::Created => signals::Op::Create,
                    Op::Changed => signals::Op::Update,
                    _ => return None,
                };
                Some(signals::Entry {
                    native_id: ready.id.as_str().into(),
                    op,
                    version: outcome.version,
                    updated_at: outcome.updated_at,
                    meaning_hash: outcome.meaning_hash,
                    raw: &ready.raw,
                })
            });
            let page = signals::Page {
                org: self.org,
                integration: ctx.integration,
                console_host: "acme.example.net",
                stream: self.stream,
                now: self.now,
                entries: entries.collect(),
            };
            signals::record(tx, &page)?;
        }
        Ok(outcomes)
    }

    pub fn bodies(&self, records: &[RecordId]) -> Vec<Option<Vec<u8>>> {
        let (org, records) = (self.org, records.to_vec());
        self.store.read_blocking(move |tx| inventory::bodies(tx, org, &records)).unwrap()
    }

    pub fn log(&self) -> Vec<Artifact> {
        let org = self.org;
        self.store.read_blocking(move |tx| signals::scan(tx, org, 0, 1000)).unwrap()
    }
}

impl Agent {
    fn ready(&self) -> Ready {
        let noun = if self.broken { Err(Reason("it is broken".to_owned())) } else { Ok(self.noun()) };
        Ready { id: self.id.to_owned(), raw: self.raw(), meaning_hash: digest(self.meaning().as_bytes()), noun }
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    <sha2::Sha256 as sha2::Digest>::digest(bytes).into()
}

/// Every kind of noun in three versions: one, a changed one, and that one again with a volatile difference.
pub fn every_noun() -> Vec<(&'static str, [Noun; 3])> {
    let text = |text: &str| Some(text.to_owned());
    let console = |word: &str| ConsoleScope { account: text("ACME"), site: text(word), ..ConsoleScope::default() };
    let agent = |word: &str, seen| {
        Noun::Machine(MachineNoun {
            name: text(word),
            names: vec![Name { kind: "computer", text: word.to_owned() }],
            serial: text("Série 7"),
            last_seen: Some(at(seen)),
            external_ip: "203.0.113.7".parse().ok(),
            addresses: vec![Address::reported("10.0.0.1".parse().unwrap()); 2],
            interfaces: vec![Interface { gateway_mac: Mac::parse("00:00:5e:00:53:01"), ..Interface::default() }],
            tags: vec![Tag { key: "k".to_owned(), value: word.to_owned() }],
            needs: vec!["reboot_needed".to_owned(), "reboot_needed".to_owned()],
            console: console(word),
            ..MachineNoun::default()
        })
    };
    let finding = |word: &str, seen| {
        Noun::Finding(FindingNoun {
            name: text(word),
            file_path: text("\\Device\\C:\\é.exe"),
            engines: vec!["pre_execution".to_owned()],
            techniques: vec![
                Technique { tactic: "Persistence".to_owned(), technique: text("T1547.001") },
                Technique { tactic: word.to_owned(), technique: None },
            ],
            actions: vec![FindingAction { action: text("kill"), status: text("success"), updated_at: Some(at(5)) }],
            updated_at: Some(at(seen)),
            console: console(word),
            ..FindingNoun::default()
        })
    };
    let activity = |word: &str, seen| {
        Noun::Activity(ActivityNoun {
            type_: Some(27),
            description: text(word),
            created_at: Some(at(seen)),
            ..ActivityNoun::default()
        })
    };
    let policy = |word: &str, seen| {
        Noun::Policy(PolicyNoun {
            level: text("site"),
            mitigation_mode: text(word),
            engines: vec![PolicyEngine { engine: "exploits".to_owned(), mode: word.to_owned() }],
            updated_at: Some(at(seen)),
            ..PolicyNoun::default()
        })
    };
    let account = |word: &str, seen| {
        Noun::Account(AccountNoun { name: text(word), updated_at: Some(at(seen)), ..AccountNoun::default() })
    };
    let site = |word: &str, seen| {
        Noun::ConsoleSite(ConsoleSiteNoun {
            name: text(word),
            updated_at: Some(at(seen)),
            ..ConsoleSiteNoun::default()
        })
    };
    let group = |word: &str, seen| {
        Noun::ConsoleGroup(ConsoleGroupNoun {
            name: text(word),
            updated_at: Some(at(seen)),
            ..ConsoleGroupNoun::default()
        })
    };
    let three = |make: &dyn Fn(&str, i64) -> Noun| [make("first", 1), make("changed", 1), make("changed", 2)];
    vec![
        ("agents", three(&agent)),
        ("threats", three(&finding)),
        ("activities", three(&activity)),
        ("site_policies", three(&policy)),
        ("accounts", three(&account)),
        ("sites", three(&site)),
        ("groups", three(&group)),
    ]
}

/// The first column of every row.
pub fn texts(store: &Store, sql: &str) -> Vec<String> {
    let sql = sql.to_owned();
    store.read_blocking(move |tx| tx.query(&sql, &[], |row| row.text(0).map(str::to_owned))).unwrap()
}

/// The text that a query has for its only answer.
pub fn one_text(store: &Store, sql: &str) -> String {
    texts(store, sql).remove(0)
}

/// The number that a query has for its only answer.
pub fn one_int(store: &Store, sql: &str) -> i64 {
    let sql = sql.to_owned();
    store.read_blocking(move |tx| tx.query_one(&sql, &[], |row| row.int(0))).unwrap()
}

/// Every row of every table of these slices as text, in an order that both databases share.
pub fn dump(store: &Store) -> Vec<String> {
    store
        .read_blocking(|tx| {
            let mut rows = Vec::new();
            for table in tx.tables()? {
                let ours = table.starts_with("inventory_") || table.starts_with("signals_");
                // A full-text index is the database's own.
                if !ours || table.starts_with("signals_text") {
                    continue;
                }
                rows.extend(tx.query(&format!("SELECT * FROM {table}"), &[], |row| {
                    let mut text = table.clone();
                    for at in 0..row.len() {
                        let value: Value = row.value(at)?;
                        let _ = write!(text, " {value:?}");
                    }
                    Ok(text)
                })?);
            }
            rows.sort();
            Ok::<_, store::StoreError>(rows)
        })
        .unwrap()
}
