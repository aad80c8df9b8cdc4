//! The rules by which two records are taken for one machine, strongest first.

use std::net::IpAddr;

use super::explain::second;
use super::fact::{Claim, Fact, Key, Kind, names_agree, same_serial};
use super::sharing::{OVERLAP_ELSEWHERE_SECONDS, OVERLAP_SECONDS};
use super::veto::Veto;
use crate::noun::Grade;
use kernel::{RecordId, Timestamp};

/// Full names count only if the two were seen at most so far apart.
const FULL_NAME_APART_SECONDS: i64 = 30 * 86_400;

/// An address is one only if it was measured and claimed within so long.
const ADDRESS_APART_SECONDS: i64 = 2 * 3600;

/// Why a record is linked to its asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// It is the first record of its asset.
    New,
    /// A person said so.
    Merged,
    /// No rule holds it here: a person kept it when they split others off.
    Kept,
    /// No rule holds it here: a person pinned the asset with it.
    Pinned,
    /// The console's id of the agent is the same: seen through two integrations, or named by the device.
    SameAgent,
    /// The same instance of the same account in the same cloud.
    Cloud,
    /// The same agent uuid, and not two agents alive.
    Uuid,
    /// The same serial number of the same maker.
    Serial,
    /// The same computer in the directory.
    Directory,
    /// Two hardware addresses in common.
    TwoMacs,
    /// One hardware address in common, and the name.
    MacName,
    /// The same full name, and the same family of systems.
    FullName,
    /// The same name in a pool whose machines are made anew each day.
    Pool,
    /// One hardware address in common with something that only the network saw.
    MacScan,
    /// The same name at the same address, measured and claimed at the same time.
    NameAddress,
    /// The same computer name, because the integration's identity setting says that this is enough.
    ByName,
}

impl Rule {
    /// The rules that need no person, strongest first.
    pub const AUTOMATIC: [Rule; 12] = [
        Rule::SameAgent,
        Rule::Cloud,
        Rule::Uuid,
        Rule::Serial,
        Rule::Directory,
        Rule::TwoMacs,
        Rule::MacName,
        Rule::FullName,
        Rule::Pool,
        Rule::MacScan,
        Rule::NameAddress,
        Rule::ByName,
    ];

    /// Every rule.
    pub const ALL: [Rule; 16] = [
        Rule::New,
        Rule::Merged,
        Rule::Kept,
        Rule::Pinned,
        Rule::SameAgent,
        Rule::Cloud,
        Rule::Uuid,
        Rule::Serial,
        Rule::Directory,
        Rule::TwoMacs,
        Rule::MacName,
        Rule::FullName,
        Rule::Pool,
        Rule::MacScan,
        Rule::NameAddress,
        Rule::ByName,
    ];

    /// The word that is stored in `inventory_link.rule`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Rule::New => "new",
            Rule::Merged => "merged",
            Rule::Kept => "kept",
            Rule::Pinned => "pinned",
            Rule::SameAgent => "same-agent",
            Rule::Cloud => "R10",
            Rule::Uuid => "R20",
            Rule::Serial => "R30",
            Rule::Directory => "R40",
            Rule::TwoMacs => "R50",
            Rule::MacName => "R60",
            Rule::FullName => "R70",
            Rule::Pool => "R75",
            Rule::MacScan => "R80",
            Rule::NameAddress => "R90",
            Rule::ByName => "R95",
        }
    }

    /// The rule behind a stored word; earlier versions wrote `R00` for an agent of its own.
    #[must_use]
    pub fn from_code(code: &str) -> Rule {
        Rule::ALL.into_iter().find(|rule| rule.code() == code).unwrap_or(Rule::New)
    }

    /// Why, as a clause that goes on from "because".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Rule::New => "it was the first record of this asset",
            Rule::Merged => "a person merged them",
            Rule::Kept => "a person split others off and left these together",
            Rule::Pinned => "a person pinned the asset as it was",
            Rule::SameAgent => "both have the id that the console gave to one agent",
            Rule::Cloud => "both are the same instance in the cloud",
            Rule::Uuid => {
                "both have the same agent's own id (UUID), and they were never in touch with the console at the same time"
            }
            Rule::Serial => "both have the same serial number",
            Rule::Directory => "both have the same name in the directory (DN)",
            Rule::TwoMacs => "they share two MAC addresses",
            Rule::MacName => "they share a MAC address and the host name",
            Rule::FullName => {
                "they share the full DNS name and the kind of operating system, and were seen within 30 days of each other"
            }
            Rule::Pool => "they share the host name, in a group of the console whose machines are made anew each day",
            Rule::MacScan => "they share a MAC address, and one of them is known from the network alone",
            Rule::NameAddress => {
                "they share the host name, and a scan found it at the very IP address that the other source gives for it"
            }
            Rule::ByName => "they share the host name, and one of their integrations is set to take that as enough",
        }
    }

    /// What it goes by, in a few words.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Rule::New => "first record",
            Rule::Merged => "merged by a person",
            Rule::Kept => "kept by a person",
            Rule::Pinned => "pinned by a person",
            Rule::SameAgent => "the agent's id in the console",
            Rule::Cloud => "cloud instance",
            Rule::Uuid => "the agent's own id (UUID)",
            Rule::Serial => "serial number",
            Rule::Directory => "name in the directory (DN)",
            Rule::TwoMacs => "two MAC addresses",
            Rule::MacName => "MAC address + host name",
            Rule::FullName => "full DNS name + kind of system",
            Rule::Pool => "host name in a group made anew each day",
            Rule::MacScan => "MAC address of a thing on the network",
            Rule::NameAddress => "host name + IP address found by a scan",
            Rule::ByName => "host name, where it is set to be enough",
        }
    }

    /// Why, with its code for whoever looks the rule up: `both have the same serial number (R30)`.
    #[must_use]
    pub fn told(self) -> String {
        self.with_code(self.words())
    }

    /// A reason with the code of this rule behind it; what is no rule, or has no number, has none.
    #[must_use]
    pub fn with_code(self, words: &str) -> String {
        match self {
            Rule::New | Rule::Merged | Rule::Kept | Rule::Pinned | Rule::SameAgent => words.to_owned(),
            rule => format!("{words} ({})", rule.code()),
        }
    }

    /// Whether a person says so.
    #[must_use]
    pub const fn is_by_people(self) -> bool {
        matches!(self, Rule::Merged | Rule::Kept | Rule::Pinned)
    }

    /// Whether a person only forbade that the records part: as long as a rule tells why they are one, the rule does.
    #[must_use]
    pub const fn is_hold(self) -> bool {
        matches!(self, Rule::Kept | Rule::Pinned)
    }

    /// Whether it hangs on names and addresses, which two sites may both have.
    #[must_use]
    pub const fn is_weak(self) -> bool {
        matches!(self, Rule::FullName | Rule::Pool | Rule::MacScan | Rule::NameAddress | Rule::ByName)
    }

    /// Whether what it goes by is in the hardware, whatever system runs on it.
    #[must_use]
    pub const fn is_hardware(self) -> bool {
        matches!(self, Rule::Cloud | Rule::Serial | Rule::TwoMacs)
    }
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// An identifier that both have.
    Same(Key),
    /// An address that one measured and the other claimed.
    Address(IpAddr),
}

/// What a rule may ask.
pub struct Asked<'a> {
    /// One record.
    pub one: &'a Fact,
    /// The other record.
    pub other: &'a Fact,
    /// Identifiers that both have and that say something, in order.
    pub common: &'a [Key],
    /// The present instant.
    pub now: Timestamp,
    /// Whether the two are in one pool whose machines are made anew.
    pub pooled: bool,
    /// Whether one of their integrations goes by computer names.
    pub by_name: bool,
}

impl Rule {
    /// The evidence by which this rule takes the two records for one machine; nothing if it does not.
    #[must_use]
    pub fn evidence(self, asked: &Asked) -> Option<Vec<Evidence>> {
        let Asked { one, other, common, now, .. } = *asked;
        let of = |kind: Kind| common.iter().copied().filter(move |key| key.kind() == kind);
        let first = |kind: Kind| of(kind).next();
        let same = |key: Key| Some(vec![Evidence::Same(key)]);
        match self {
            Rule::New | Rule::Merged | Rule::Kept | Rule::Pinned => None,
            Rule::SameAgent => {
                let key = first(Kind::Agent)?;
                // Consoles number their agents each for themselves, so elsewhere the uuid must agree too.
                let here = one.integration == other.integration;
                (here || first(Kind::Uuid).is_some()).then(|| same(key))?
            }
            Rule::Cloud => same(first(Kind::Cloud)?),
            Rule::Uuid => {
                let key = first(Kind::Uuid)?;
                (!are_both_alive(one, other, now)).then(|| same(key))?
            }
            Rule::Serial => {
                let key = first(Kind::Serial)?;
                same_serial(&one.identity, &other.identity).then(|| same(key))?
            }
            Rule::Directory => same(first(Kind::Directory)?),
            Rule::TwoMacs => {
                let macs: Vec<Evidence> = of(Kind::Mac).map(Evidence::Same).collect();
                (macs.len() >= 2).then_some(macs)
            }
            Rule::MacName => {
                let key = first(Kind::Mac)?;
                if !names_agree(&one.identity, &other.identity) {
                    return None;
                }
                Some([Some(key), first(Kind::Name)].into_iter().flatten().map(Evidence::Same).collect())
            }
            Rule::FullName => {
                let key = first(Kind::FullName)?;
                let family = one.identity.family.is_some() && one.identity.family == other.identity.family;
                let near = one.life.gap(&other.life, now) <= FULL_NAME_APART_SECONDS;
                (family && near).then(|| same(key))?
            }
            Rule::Pool => {
                let name = one.identity.names.iter().find(|name| other.identity.names.contains(name))?;
                let key = Key::of(Kind::Name, name);
                (asked.pooled && !are_both_alive(one, other, now)).then(|| same(key))?
            }
            Rule::MacScan => same(first(Kind::Mac)?),
            Rule::NameAddress => {
                let name = first(Kind::Name)?;
                let ip = measured_and_claimed(one, other, now)?;
                Some(vec![Evidence::Same(name), Evidence::Address(ip)])
            }
            Rule::ByName => {
                let key = first(Kind::Name)?;
                asked.by_name.then(|| same(key))?
            }
        }
    }
}

/// Whether the two are agents that were alive at the same time: then they are on two machines.
#[must_use]
pub fn are_both_alive(one: &Fact, other: &Fact, now: Timestamp) -> bool {
    let agents = one.grade == Grade::Agent && other.grade == Grade::Agent;
    agents && !is_same_agent(one, other) && one.life.overlaps(&other.life, slack(one, other), now)
}

/// Whether the two are one agent, seen through two integrations.
#[must_use]
pub fn is_same_agent(one: &Fact, other: &Fact) -> bool {
    let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    same(&one.identity.agent, &other.identity.agent)
        && (one.integration == other.integration || same(&one.identity.uuid, &other.identity.uuid))
}

/// Two agents of which one followed the other, so that they may be one machine that was set up anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Followed {
    /// When the older agent was in touch for the last time.
    pub ended: Timestamp,
    /// The record of the older agent.
    pub older: RecordId,
    /// When the newer agent was set up.
    pub began: Timestamp,
    /// For how many seconds two such agents may both be alive and yet follow each other.
    pub slack: i64,
}

impl Followed {
    /// Whether one of `agents` came before this one on its machine, and which: that which ended last.
    #[must_use]
    pub fn of(newer: &Fact, agents: &[&Fact], now: Timestamp) -> Option<Followed> {
        let before = |older: &&&Fact| {
            let agents = newer.grade == Grade::Agent && older.grade == Grade::Agent;
            let born = |fact: &Fact| (fact.life.from, fact.record);
            agents && born(older) < born(newer) && !is_same_agent(newer, older) && !are_both_alive(newer, older, now)
        };
        let followed = |older: &&Fact| {
            let (ended, began) = (older.life.end(now), newer.life.from?);
            Some(Followed { ended, older: older.record, began, slack: slack(newer, older) })
        };
        agents.iter().filter(before).filter_map(followed).max()
    }

    /// Why the two agents may be one machine, in sentences.
    #[must_use]
    pub fn words(&self) -> String {
        let Followed { ended, older, began, slack } = self;
        let together = match slack / 86_400 {
            _ if ended <= began => "never alive together".to_owned(),
            0 => "alive together for an hour at most".to_owned(),
            days => format!("alive together for {days} days at most"),
        };
        format!(
            "The older agent, {older}, was last active on {}, and this one was set up on {}. They were {together}, so they \
             can be one machine that was set up anew; alive at the same time they would be two ({}).",
            second(*ended),
            second(*began),
            Veto::BothAlive.code()
        )
    }
}

fn slack(one: &Fact, other: &Fact) -> i64 {
    if one.integration == other.integration { OVERLAP_SECONDS } else { OVERLAP_ELSEWHERE_SECONDS }
}

/// An address that a scan measured at one of the two while the other claimed it.
fn measured_and_claimed(one: &Fact, other: &Fact, now: Timestamp) -> Option<IpAddr> {
    let claims = |fact: &Fact| -> Vec<(Claim, i64, i64)> {
        // What gives no times claimed it when it was read, and nobody knows for how long.
        let end = (fact.life.to.is_some() || fact.life.active).then(|| fact.life.end(now));
        let span = |claim: &Claim| {
            let until = claim.until.or(end).or(claim.since).unwrap_or(now).micros();
            (*claim, claim.since.map_or(until, Timestamp::micros).min(until), until)
        };
        fact.identity.claims.iter().map(span).collect()
    };
    let (first, second) = (claims(one), claims(other));
    let near = |from: i64, to: i64| from.saturating_sub(to) <= ADDRESS_APART_SECONDS * 1_000_000;
    let found = first.iter().find(|(claim, from, to)| {
        second.iter().any(|(with, with_from, with_to)| {
            claim.ip == with.ip && claim.measured != with.measured && near(*from.max(with_from), *to.min(with_to))
        })
    });
    found.map(|(claim, ..)| claim.ip)
}
