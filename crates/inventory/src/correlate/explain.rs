//! Why an asset has its records, and why another record or asset is not one with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kernel::{AssetId, IntegrationId, OrgId, RecordId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Keys, Tx};

use super::decisions::{self, Made, Said};
use super::deeds::{self, Deed, Objection, Pin};
use super::directive::{self, DirectiveError, asset_today, records_of};
use super::fact::{Fact, Key, Kind, names_conflict};
use super::hygiene::{self, Junk};
use super::remainder::{self, Remainder};
use super::review::{self, Review};
use super::rules::{Asked, Followed, Rule, is_same_agent};
use super::sharing::{Shared, SharedWhy};
use super::veto::{Grounds, Veto};
use super::{identify, settle};
use crate::noun::{Grade, Mac, ip_from_bytes};
use crate::pending::DISCOVERED;
use crate::project;

/// An asset, or a record of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All records of an asset.
    Asset(AssetId),
    /// One record.
    Record(RecordId),
}

impl Subject {
    /// Reads `ast_..` or `rec_..`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Subject> {
        AssetId::parse(text).map(Subject::Asset).or_else(|| RecordId::parse(text).map(Subject::Record))
    }
}

/// Why an asset is what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The asset, as it is called today.
    pub asset: AssetId,
    /// The id that was asked for, if that asset was merged into this one since.
    pub asked: Option<AssetId>,
    /// Where that id led since, the oldest step first.
    pub way: Vec<Deed>,
    /// The record that was asked for; it stands first.
    pub record: Option<RecordId>,
    /// What it is called: what questions find as its name.
    pub name: Option<String>,
    /// What is known of what it is.
    pub nature: Nature,
    /// Its records, the oldest first.
    pub records: Vec<Linked>,
    /// What splits left in it that may be the machine that left, or left elsewhere of it.
    pub remainders: Vec<Remainder>,
    /// From what people split it.
    pub parted: Vec<PartedFrom>,
    /// What people decided about its records, the oldest first.
    pub decisions: Vec<Made>,
    /// What people decided that brought records here or took some away, the oldest first.
    pub deeds: Vec<Deed>,
    /// Rules that say of records that a person put together that they are two machines.
    pub objections: Vec<Objection>,
    /// Whether a person pinned it.
    pub pinned: bool,
    /// Who did.
    pub pin: Option<Pin>,
    /// Its tags, by key, each with the record that says it.
    pub tags: Vec<Tagged>,
    /// Values of its records that say nothing, and why.
    pub ignored: Vec<Ignored>,
    /// Assets with another system on the same hardware.
    pub same_hardware: Vec<AssetId>,
    /// Open questions about its records.
    pub reviews: Vec<Review>,
}

/// What sort of machine an asset is, as far as its sources say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nature {
    /// Its type: `printer`.
    pub kind: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// The address that was measured last, or else the one that was reported last; of several agents that are not at one
    /// address, that of each.
    pub places: Vec<At>,
}

/// An address of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The address.
    pub ip: IpAddr,
    /// What the agent is called that has it; nothing if it is simply the asset's.
    pub of: Option<String>,
}

/// So many agents are told with the address of each.
const PLACES_MAX: usize = 3;

impl Nature {
    /// What it is and where: `a printer (Brother HL-5370DW printer) at 10.0.0.7`.
    #[must_use]
    pub fn words(&self) -> String {
        let Nature { kind, os, .. } = self;
        let kind = kind.as_deref().map(str::to_lowercase).filter(|kind| kind != "unknown");
        let kind = kind.unwrap_or_else(|| if os.is_some() { "machine" } else { "machine of unknown type" }.to_owned());
        let article = if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
        let os = os.as_ref().map(|os| format!(" ({os})")).unwrap_or_default();
        format!("{article} {kind}{os}{}", self.at())
    }

    /// Where it is, as the end of what it is: ` at 10.0.0.7`.
    fn at(&self) -> String {
        let place = |at: &At| match &at.of {
            Some(of) => format!("{} ({of}'s)", at.ip),
            None => at.ip.to_string(),
        };
        let mut places: Vec<String> = self.places.iter().take(PLACES_MAX).map(place).collect();
        let more = self.places.len() - places.len();
        if more > 0 {
            places.push(format!("{more} more"));
        }
        if places.is_empty() { String::new() } else { format!(" at {}", enumerated(&places)) }
    }
}

/// Where an asset is whose addresses these are, the best first, and whose agents these are, each with its own addresses.
fn places(addresses: &[IpAddr], agents: &[(String, Vec<IpAddr>)]) -> Vec<At> {
    let own = |(name, own): &(String, Vec<IpAddr>)| {
        let ip = addresses.iter().find(|ip| own.contains(ip))?;
        Some(At { ip: *ip, of: Some(name.clone()) })
    };
    let mut places: Vec<At> = Vec::new();
    for at in agents.iter().filter_map(own) {
        if !places.iter().any(|known| known.ip == at.ip) {
            places.push(at);
        }
    }
    match places.len() {
        0 | 1 => addresses.first().map(|ip| At { ip: *ip, of: None }).into_iter().collect(),
        _ => places,
    }
}

/// So many names or records stand in one line; more are counted there, or have a line each.
pub const IN_LINE_MAX: usize = 6;

impl Explained {
    /// What it is and who knows it, in a line: `a printer at 10.0.0.7, known from a scan alone (office)`.
    #[must_use]
    pub fn what(&self, integrations: &BTreeMap<IntegrationId, String>) -> String {
        format!("{}, known from {}", self.nature.words(), self.known_from(integrations))
    }

    /// The sorts of its sources, each with the integrations: `an agent (acme) and 2 lists (cmdb, audit)`.
    fn known_from(&self, integrations: &BTreeMap<IntegrationId, String>) -> String {
        let of = |grade: Grade| {
            let records: Vec<&Linked> = self.records.iter().filter(|linked| linked.grade == grade).collect();
            let mut from: Vec<&str> = Vec::new();
            for linked in &records {
                let name = integrations.get(&linked.integration).map_or("an integration that is gone", String::as_str);
                if !from.contains(&name) {
                    from.push(name);
                }
            }
            // Each record of an agent is an agent; a scan or a list may have several of one machine.
            let count = if grade == Grade::Agent { records.len() } else { from.len() };
            (count > 0).then(|| (sort_of(grade, count), in_line(&from, "integrations")))
        };
        let sorts: Vec<(String, String)> = Grade::ALL.into_iter().filter_map(of).collect();
        let alone = match (sorts.len(), self.records.first()) {
            (1, Some(linked)) if linked.grade != Grade::Agent => " alone",
            _ => "",
        };
        let sorts: Vec<String> = sorts.into_iter().map(|(sort, from)| format!("{sort}{alone} ({from})")).collect();
        enumerated(&sorts)
    }

    /// Values that say nothing, each once with all records that have it, by why; a reason is there once.
    #[must_use]
    pub fn not_used(&self) -> Vec<(&Why, Vec<NotUsed<'_>>)> {
        let mut all: Vec<(&Why, Vec<NotUsed<'_>>)> = Vec::new();
        for Ignored { record, kind, value, why } in &self.ignored {
            let at = all.iter().position(|(known, _)| *known == why).unwrap_or(all.len());
            if at == all.len() {
                all.push((why, Vec::new()));
            }
            let values = &mut all[at].1;
            match values.iter_mut().find(|of| (of.kind, of.value) == (*kind, value.as_str())) {
                Some(known) => known.records.push(*record),
                None => values.push(NotUsed { kind, value, records: vec![*record] }),
            }
        }
        all
    }

    /// Whether a record may be of a machine that was split off.
    #[must_use]
    pub fn is_doubtful(&self, record: RecordId) -> bool {
        self.remainders.iter().any(|remainder| remainder.left.iter().any(|left| left.record == record))
    }

    /// What becomes of the machine's next records while it is pinned, as a sentence; nothing if it is not.
    #[must_use]
    pub fn while_pinned(&self) -> Option<&'static str> {
        self.pinned.then_some(
            "Until it is unpinned, a new record of this machine becomes an asset of its own, and no question is asked \
             about it; then the rules decide.",
        )
    }

    /// What rules say against a decision that was taken then by that person.
    pub fn objections_to(&self, said: &Said) -> impl Iterator<Item = &Objection> {
        self.objections.iter().filter(move |of| (of.at, &of.by) == (said.at, &said.by))
    }
}

fn sort_of(grade: Grade, count: usize) -> String {
    let (one, several) = match grade {
        Grade::Agent => ("an agent", "agents"),
        Grade::Scan => ("a scan", "scans"),
        Grade::List => ("a list", "lists"),
        Grade::Discovery => return DISCOVERY.to_owned(),
    };
    if count == 1 { one.to_owned() } else { format!("{count} {several}") }
}

/// What finds devices beside its agents. A scan is ours, and this is not.
const DISCOVERY: &str = "the console's network discovery";

/// How a record is known, and from which integration: `an agent (integration acme)`.
#[must_use]
pub fn seen(grade: Grade, integration: Option<&str>) -> String {
    let seen = match grade {
        Grade::Agent => "an agent".to_owned(),
        Grade::Scan => "seen by a scan".to_owned(),
        Grade::List => "in a list".to_owned(),
        Grade::Discovery => format!("found by {DISCOVERY}"),
    };
    let from =
        integration.map_or_else(|| "an integration that is gone".to_owned(), |name| format!("integration {name}"));
    format!("{seen} ({from})")
}

/// Things with commas between them, or how many there are if that is a long row.
pub fn in_line<T: ToString>(all: &[T], what: &str) -> String {
    match all.len() {
        0..=IN_LINE_MAX => all.iter().map(T::to_string).collect::<Vec<_>>().join(", "),
        number => format!("{number} {what}"),
    }
}

/// `one`, `one and two`, `one, two and three`.
#[must_use]
pub fn enumerated(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// A record, and why it belongs to its asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The record.
    pub record: RecordId,
    /// Its integration.
    pub integration: IntegrationId,
    /// The source's own id of it.
    pub native_id: String,
    /// Who says it: `sentinelone`, `scan`.
    pub source: String,
    /// How the source knows.
    pub grade: Grade,
    /// What it calls the machine.
    pub name: Option<String>,
    /// What the machine is by it alone. Addresses are those of records that a person merged.
    pub nature: Nature,
    /// The rule by which it belongs here.
    pub rule: Rule,
    /// What it has in common with the record that it joined: kind and value.
    pub evidence: Vec<(&'static str, String)>,
    /// The record that it joined.
    pub partner: Option<RecordId>,
    /// Since when.
    pub since: Timestamp,
    /// Who linked it: `correlation`, or the person.
    pub by: String,
    /// Why, in the person's words; empty if no person did or gave a reason.
    pub reason: String,
    /// Of an older agent of the machine: the record of the one that took its place.
    pub replaced_by: Option<RecordId>,
    /// What differs from the record that it joined, and why that does not part them.
    pub against: Vec<Against>,
    /// Of an agent that came after another one of the machine: which, and when.
    pub followed: Option<Followed>,
}

impl Linked {
    /// Why it is here, as a clause that goes on from "because".
    #[must_use]
    pub fn because(&self) -> &'static str {
        let has_name = self.evidence.iter().any(|(kind, _)| *kind == Kind::Name.words());
        match self.rule {
            Rule::MacName if !has_name => "they share a MAC address, and their host names agree",
            Rule::SameAgent if self.is_discovered() => "both have the id that network discovery gave to one device",
            rule => rule.words(),
        }
    }

    /// The same with the code of the rule behind it, if a rule decided it.
    #[must_use]
    pub fn told(&self) -> String {
        self.rule.with_code(self.because())
    }

    /// What differs from the record that it joined, as the line above the values; nothing if nothing does. Whether each
    /// value says by itself why it does not part them.
    ///
    /// Of a `doubtful` record nothing is explained away.
    #[must_use]
    pub fn differs(&self, doubtful: bool) -> Option<(String, bool)> {
        let with = self.partner.map_or_else(|| "the other".to_owned(), |partner| partner.to_string());
        if doubtful {
            let may = "It may be of the machine that was split off, as said above";
            let head =
                if self.against.is_empty() { format!("{may}.") } else { format!("{may}; this differs from {with}:") };
            return Some((head, false));
        }
        let but = self.against.first()?.but;
        if self.rule.is_by_people() {
            return Some((format!("Of what both say, this differs from {with}:"), false));
        }
        Some(match self.against.iter().all(|against| against.but == but) {
            true => (format!("What differs from {with} does not part them, because {but}:"), false),
            false => (format!("What differs from {with}, and why that does not part them:"), true),
        })
    }

    /// What the machine is by it alone, if a person merged it: somebody who looks later sees what was put together.
    #[must_use]
    pub fn itself(&self) -> Option<String> {
        (self.rule == Rule::Merged).then(|| format!("By itself it is {}.", self.nature.words()))
    }

    fn is_discovered(&self) -> bool {
        self.evidence.iter().any(|(kind, _)| *kind == DISCOVERY_ID)
    }
}

/// What an id is called that network discovery gave to a device.
const DISCOVERY_ID: &str = "device's id in network discovery";

/// What people call a value of this kind.
pub(super) fn called(kind: Kind, value: &str) -> &'static str {
    match kind {
        Kind::Agent if value.starts_with(DISCOVERED) => DISCOVERY_ID,
        kind => kind.words(),
    }
}

/// What differs between two records of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Against {
    /// What differs; `one` is the record's own.
    pub differing: Differing,
    /// Why they are one machine all the same.
    pub but: &'static str,
}

impl Against {
    /// Its value, and the other's.
    #[must_use]
    pub fn values(&self) -> String {
        let [one, other] = [&self.differing.one, &self.differing.other].map(|values| in_line(values, "values"));
        format!("{one} here; {other} there")
    }
}

/// A split that an asset comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartedFrom {
    /// What it was split from, as that is called today; nothing if that is left out or gone.
    pub asset: Option<AssetId>,
    /// Who split them.
    pub by: String,
    /// Why, in that person's words; may be empty.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A tag, and who says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The record that says it.
    pub record: RecordId,
    /// Its key as that source spells it.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// A value that says nothing about which machine it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Whose it is.
    pub record: RecordId,
    /// What it is: `serial number`.
    pub kind: &'static str,
    /// The value.
    pub value: String,
    /// Why it says nothing.
    pub why: Why,
}

/// A value that says nothing, with all records of an asset that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUsed<'a> {
    /// What it is: `serial number`.
    pub kind: &'static str,
    /// The value.
    pub value: &'a str,
    /// Whose it is.
    pub records: Vec<RecordId>,
}

/// Why a value says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its kind of value never does.
    Junk(Junk),
    /// Two live records of one source have it.
    Two(RecordId, RecordId),
    /// Too many records have it.
    Crowd,
}

impl Why {
    /// Why, as a clause.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Why::Junk(junk) => format!("it {}", junk.words()),
            Why::Two(one, other) => format!(
                "{one} and {other} both report it and are both alive, so it tells nothing until one of them has not \
                 reported it for 30 days"
            ),
            Why::Crowd => "more than fifty records have it, so it tells nothing".to_owned(),
        }
    }
}

/// When an agent was alive, as far as its source says: `rec_1 from 2026-05-01T08:00:00Z until now`.
fn lifetime(fact: &Fact, now: Timestamp) -> String {
    let from = fact.life.from.map(|from| format!(" from {}", second(from))).unwrap_or_default();
    let until = if fact.life.active { "now".to_owned() } else { second(fact.life.end(now)).to_string() };
    format!("{}{from} until {until}", fact.record)
}

/// Why two assets or records are not one, or why they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The assets on the two sides; none for a record that is left out.
    pub assets: (Option<AssetId>, Option<AssetId>),
    /// What those are called.
    pub names: (Option<String>, Option<String>),
    /// Values that both sides have, each once.
    pub common: Vec<Common>,
    /// Values of one kind that both sides have and that differ.
    pub differing: Vec<Differing>,
    /// The strongest rule that nearly joins them, and its evidence.
    pub nearest: Option<Nearest>,
    /// What forbids it, if anything does: the strongest veto, and the two records that it is about.
    pub veto: Option<(Veto, RecordId, RecordId)>,
    /// When the agents of those two records were alive, in words, if that is what forbids it.
    pub alive: Option<String>,
    /// The sites that those two records are in, by name.
    pub sites: Option<(String, String)>,
    /// Other records that the nearest rule fits as well, each with its asset; a few of them.
    pub rivals: Vec<(RecordId, AssetId)>,
    /// Where people said that they are two machines: who, when and why, and the decision.
    pub decided: Option<(Said, Option<Made>)>,
    /// Which of the assets are pinned, and by whom.
    pub pins: Vec<(AssetId, Pin)>,
    /// Whether something changed since correlation last looked at them.
    pub is_news: bool,
}

impl Compared {
    /// Why they are two assets today, or what will make them one, in sentences.
    #[must_use]
    pub fn verdict(&self) -> String {
        if self.assets.0.is_some() && self.assets.0 == self.assets.1 {
            return "They are one asset.".to_owned();
        }
        if let Some((said, made)) = &self.decided {
            let what = match made.as_ref().map(|made| made.what) {
                Some(decisions::What::Dismissed) => "dismissed the question and said that they are two machines",
                Some(decisions::What::Split) => "split them",
                _ => "said that they are two machines",
            };
            return format!("{} on {}{}.", capital_person(&said.by, what), second(said.at), because_of(&said.reason));
        }
        match (&self.veto, &self.nearest) {
            (Some((Veto::Pinned, ..)), _) => self.pinned(),
            (Some((Veto::Site, ..)), _) => {
                let sites = self.sites.as_ref().map(|(one, other)| format!(" ({one} and {other})")).unwrap_or_default();
                let words = Veto::Site.words().replacen("two sites", &format!("two sites{sites}"), 1);
                format!("The rules do not join them: {words} ({}).", Veto::Site.code())
            }
            (Some((veto, ..)), _) => {
                let alive = self.alive.as_ref().map(|alive| format!(" ({alive})")).unwrap_or_default();
                let words = veto.words().replacen("at the same time", &format!("at the same time{alive}"), 1);
                format!("The rules never join them, only a person can: {words} ({}).", veto.code())
            }
            (None, Some(Nearest { but: Some(But::Shared), .. })) => {
                "Nothing speaks against it, but other machines have what these two share, so it proves nothing.".to_owned()
            }
            (None, Some(Nearest { but: Some(But::Names), .. })) => {
                "Nothing forbids it, but no rule decides it: they share one MAC address, and their host names contradict each other. It may be one machine that was renamed, or a network adapter that went to another one."
                    .to_owned()
            }
            (None, Some(Nearest { but: Some(But::Known), .. })) => {
                "Nothing forbids it, but no rule decides it: they share one MAC address, which is enough only where one of the two is known from the network alone."
                    .to_owned()
            }
            (None, Some(nearest)) if !self.rivals.is_empty() => format!(
                "Nothing forbids it, but what they share fits another machine as well, so you have to say which: {}.",
                nearest.rule.told()
            ),
            (None, Some(nearest)) if self.is_news => {
                format!("Something changed since the last reading, and the next one will join them: {}.", nearest.rule.told())
            }
            (None, Some(nearest)) => format!(
                "Nothing forbids it, but no rule decides it: {}, and yet joining them would join others too that are not the same machine.",
                nearest.rule.told()
            ),
            (None, None) if self.is_news => {
                "One of them is new, or changed since they were last compared; the next reading decides.".to_owned()
            }
            (None, None) => {
                "Nothing forbids it, but no rule decides it: what they have in common is too little to be sure.".to_owned()
            }
        }
    }

    /// Who pinned which of them, in sentences.
    #[must_use]
    pub fn pinned(&self) -> String {
        let one = |(asset, pin): &(AssetId, Pin)| {
            let what = format!("pinned {asset}");
            let (who, reason) = (capital_person(&pin.by, &what), because_of(&pin.reason));
            format!(
                "{who} on {}{reason}, so nothing joins it or leaves it until the pin is taken back.",
                second(pin.at)
            )
        };
        self.pins.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

/// Who it was, as a sentence names people.
#[must_use]
pub fn person(by: &str) -> &str {
    if by == "command line" { "somebody at the command line" } else { by }
}

fn capital_person(by: &str, what: &str) -> String {
    match by {
        "command line" => format!("Somebody at the command line {what}"),
        by => format!("{by} {what}"),
    }
}

/// What a person gave as the reason, as the end of a sentence.
#[must_use]
pub fn because_of(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(", saying \"{reason}\"") }
}

/// An instant as sentences tell it: to the second.
#[must_use]
pub fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.micros().div_euclid(1_000_000))
}

/// A value that both sides have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Common {
    /// What it is.
    pub kind: &'static str,
    /// The value.
    pub value: String,
    /// Why it says nothing; nothing if it says something.
    pub ignored: Option<Why>,
}

/// Values that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// What they are.
    pub kind: &'static str,
    /// One side's.
    pub one: Vec<String>,
    /// The other side's.
    pub other: Vec<String>,
}

/// A rule that nearly joins two records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The rule.
    pub rule: Rule,
    /// One record.
    pub one: RecordId,
    /// The other record.
    pub other: RecordId,
    /// Why it does not join them after all.
    pub but: Option<But>,
}

/// Why a rule that fits two records does not join them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum But {
    /// Their names contradict each other, where the rule goes by one address of a thing that only the network saw.
    Names,
    /// None of the two machines is known from the network alone, which that rule asks for.
    Known,
    /// Others have what they share.
    Shared,
}

/// Explains the asset that is meant: itself, or that of a record, which then stands first.
///
/// # Errors
/// There is no such asset or record, the record is left out, or the database fails.
pub fn explain_of(tx: &mut Tx, org: OrgId, subject: Subject) -> Result<Explained, DirectiveError> {
    let record = match subject {
        Subject::Asset(asset) => return explain(tx, org, asset),
        Subject::Record(record) => record,
    };
    let (_, asset) = records(tx, org, subject)?;
    let Some(asset) = asset else {
        let left = crate::left_out::left_out(tx, org, &[record])?.pop();
        let option = left.map_or_else(|| "an option".to_owned(), |left| left.option);
        return Err(DirectiveError::LeftOut { record, option });
    };
    let mut told = explain(tx, org, asset)?;
    told.record = Some(record);
    told.records.sort_by_key(|linked| linked.record != record);
    Ok(told)
}

/// Explains an asset; an id that was merged away leads to the asset of today.
///
/// # Errors
/// The asset does not exist and never did, or the database fails.
pub fn explain(tx: &mut Tx, org: OrgId, asset: AssetId) -> Result<Explained, DirectiveError> {
    const ASSET: &str = "SELECT a.name, a.lead_record_id, k.text, o.text FROM inventory_asset a
        LEFT JOIN inventory_term k ON k.org_id = a.org_id AND k.term_id = a.type_term
        LEFT JOIN inventory_term o ON o.org_id = a.org_id AND o.term_id = a.os_term
        WHERE a.org_id = $1 AND a.asset_id = $2";
    const LINKS: &str =
        "SELECT m.record_id, m.integration_id, m.native_id, s.text, m.grade, m.name, l.rule, l.evidence,
            l.partner_id, l.since, l.linked_by, m.superseded, k.text, o.text
        FROM inventory_link l
        JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id
        LEFT JOIN inventory_term s ON s.org_id = m.org_id AND s.term_id = m.source_term
        LEFT JOIN inventory_term k ON k.org_id = m.org_id AND k.term_id = m.type_term
        LEFT JOIN inventory_term o ON o.org_id = m.org_id AND o.term_id = m.os_term
        WHERE l.org_id = $1 AND l.asset_id = $2 ORDER BY m.record_id";
    let today = asset_today(tx, org, asset)?.ok_or(DirectiveError::NoSuchAsset(asset))?;
    let row = tx.query_opt(ASSET, &[org.into(), today.into()], |row| {
        let text = |at: usize| Ok::<_, store::StoreError>(row.opt_text(at)?.map(str::to_owned));
        let nature = Nature { kind: text(2)?, os: text(3)?, places: Vec::new() };
        Ok((text(0)?, row.opt_int(1)?.map(RecordId), nature))
    })?;
    let (name, lead, nature) = row.unwrap_or_default();
    let mut records = tx.query(LINKS, &[org.into(), today.into()], |row| {
        Ok(Linked {
            record: RecordId(row.int(0)?),
            integration: IntegrationId(row.int(1)?),
            native_id: row.text(2)?.to_owned(),
            source: row.opt_text(3)?.unwrap_or_default().to_owned(),
            grade: Grade::from_code(row.int(4)?),
            name: row.opt_text(5)?.map(str::to_owned),
            nature: Nature {
                kind: row.opt_text(12)?.map(str::to_owned),
                os: row.opt_text(13)?.map(str::to_owned),
                places: Vec::new(),
            },
            rule: Rule::from_code(row.text(6)?),
            evidence: words(row.text(7)?),
            partner: row.opt_int(8)?.map(RecordId),
            since: Timestamp::from_micros(row.int(9)?),
            by: row.text(10)?.to_owned(),
            reason: String::new(),
            replaced_by: lead.filter(|_| row.int(11).is_ok_and(|superseded| superseded != 0)),
            against: Vec::new(),
            followed: None,
        })
    })?;
    let nature = Nature { places: where_is(tx, org, today, lead, &records)?, ..nature };
    find_places(tx, org, &mut records)?;
    directive::tell(tx, org, &mut records)?;
    let ids: Vec<RecordId> = records.iter().map(|linked| linked.record).collect();
    let directives = directive::read(tx, org)?;
    let values = raw(tx, org, &ids)?;
    let shared = shared(tx, org, values.iter().filter_map(|value| value.key))?;
    let keys: Vec<i64> = ids.iter().map(|record| record.0).collect();
    let facts: FxHashMap<RecordId, Fact> =
        identify::facts(tx, org, &keys)?.into_iter().map(|stood| (stood.fact.record, stood.fact)).collect();
    find_against(tx, org, &mut records, &facts, &values, &shared)?;
    find_followed(&mut records, &facts);
    let decisions = decisions::of_records(tx, org, &ids)?;
    let mut ignored = Vec::new();
    for value in values {
        let why = match (value.junk, value.key.and_then(|key| shared.get(&key))) {
            (Some(junk), _) => Why::Junk(junk),
            (None, Some(shared)) => shared_why(shared),
            (None, None) => continue,
        };
        ignored.push(Ignored { record: value.record, kind: value.kind.words(), value: value.text, why });
    }
    Ok(Explained {
        asset: today,
        asked: (today != asset).then_some(asset),
        way: if today == asset { Vec::new() } else { deeds::of_former(tx, org, asset)? },
        record: None,
        name,
        nature,
        parted: parted(tx, org, &ids)?,
        remainders: remainders(tx, org, &decisions, today)?,
        decisions,
        deeds: deeds::of_asset(tx, org, today, &ids)?,
        objections: deeds::objections(&records, &facts, &shared, &directives),
        pinned: ids.iter().any(|record| directives.pinned.contains_key(record)),
        pin: deeds::pin(tx, org, &ids)?,
        tags: tags(tx, org, today)?,
        ignored,
        same_hardware: same_hardware(tx, org, &ids)?,
        reviews: review::of_records(tx, org, &ids)?,
        records,
    })
}

/// The addresses that these records have themselves.
fn own_addresses(tx: &mut Tx, org: OrgId, records: &[i64]) -> Result<Vec<(RecordId, IpAddr)>, DirectiveError> {
    const OWN: &str =
        "SELECT record_id, ip FROM inventory_address WHERE org_id = $1 AND record_id IN KEYS ORDER BY record_id, ip";
    let own = tx.select_in(OWN, &[org.into()], Keys::Ints(records), |row| {
        Ok((RecordId(row.int(0)?), ip_from_bytes(row.bytes(1)?)))
    })?;
    Ok(own.into_iter().filter_map(|(record, ip)| Some((record, ip?))).collect())
}

/// Where records that a person merged are, each by itself.
fn find_places(tx: &mut Tx, org: OrgId, records: &mut [Linked]) -> Result<(), DirectiveError> {
    let merged: Vec<i64> = records.iter().filter(|of| of.rule == Rule::Merged).map(|of| of.record.0).collect();
    for (record, ip) in own_addresses(tx, org, &merged)? {
        let of = records.iter_mut().find(|linked| linked.record == record);
        if let Some(places) = of.map(|of| &mut of.nature.places) {
            places.push(At { ip, of: None });
        }
    }
    Ok(())
}

/// Where an asset is.
fn where_is(
    tx: &mut Tx,
    org: OrgId,
    asset: AssetId,
    lead: Option<RecordId>,
    records: &[Linked],
) -> Result<Vec<At>, DirectiveError> {
    // Which are old is not asked here.
    let addresses = project::addresses_of(tx, org, asset, Timestamp::from_micros(0))?;
    let addresses: Vec<IpAddr> = addresses.into_iter().map(|of| of.ip).collect();
    let lives = |linked: &&Linked| linked.grade == Grade::Agent && linked.replaced_by.is_none();
    let mut agents: Vec<&Linked> = records.iter().filter(lives).collect();
    agents.sort_by_key(|linked| Some(linked.record) != lead);
    let keys: Vec<i64> = if agents.len() > 1 { agents.iter().map(|of| of.record.0).collect() } else { Vec::new() };
    let own = own_addresses(tx, org, &keys)?;
    let of = |linked: &&Linked| {
        let ips = own.iter().filter(|(record, _)| *record == linked.record).map(|(_, ip)| *ip).collect();
        (linked.name.clone().unwrap_or_else(|| linked.record.to_string()), ips)
    };
    Ok(places(&addresses, &agents.iter().map(of).collect::<Vec<_>>()))
}

/// What splits of these records left here.
fn remainders(tx: &mut Tx, org: OrgId, decisions: &[Made], today: AssetId) -> Result<Vec<Remainder>, DirectiveError> {
    let is_split = |made: &&Made| made.what == decisions::What::Split && made.undone.is_none();
    let mut all = Vec::new();
    for made in decisions.iter().filter(is_split) {
        // What joined since is no remainder.
        let mut stayed = decisions::about(tx, org, made.id)?;
        stayed.retain(|record| !made.records.contains(record));
        let assets = directive::assets_of(tx, org, &[&made.records[..], &stayed].concat())?;
        let asset = made.records.iter().find_map(|record| assets.get(record)).copied();
        // Who looks at the asset that left wants to hear too what of it stayed.
        let stays =
            if asset == Some(today) { stayed.iter().find_map(|record| assets.get(record)) } else { Some(&today) };
        let Some(stays) = stays.copied().filter(|stays| asset != Some(*stays)) else { continue };
        stayed.retain(|record| assets.get(record) == Some(&stays));
        let left = remainder::read(tx, org, &made.records, &stayed)?;
        if !left.is_empty() {
            let (off, decision, stands) = (made.records.clone(), made.id, made.stands);
            all.push(Remainder { left, stays, off, asset, decision, stands });
        }
    }
    Ok(all)
}

/// What an asset is and where, by the name of today: `a printer (Brother HL-5370DW printer) at 10.0.0.7`.
///
/// # Errors
/// There is no such asset, or the database fails.
pub fn nature(tx: &mut Tx, org: OrgId, asset: AssetId) -> Result<String, DirectiveError> {
    Ok(explain(tx, org, asset)?.nature.words())
}

/// Says of an asset that went by another name what it is called now, and why; nothing if it is called the same.
///
/// # Errors
/// The asset does not exist, or the database fails.
pub fn renamed(
    tx: &mut Tx,
    org: OrgId,
    asset: AssetId,
    was: Option<&str>,
    now: Timestamp,
) -> Result<Option<String>, DirectiveError> {
    let is = named(tx, org, Some(asset))?;
    if is.as_deref() == was {
        return Ok(None);
    }
    let why = project::winners(tx, org, asset, now)?.into_iter().find(|winner| winner.attribute == "name");
    let why = why.map(|winner| format!(", because its record {} calls it so ({})", winner.record, winner.why));
    Ok(Some(renaming(was, is.as_deref(), &why.unwrap_or_default())))
}

/// That something goes by another name, or has one now, or none, as a sentence; `why` is the end of it.
fn renaming(was: Option<&str>, is: Option<&str>, why: &str) -> String {
    match (was, is) {
        (Some(was), Some(is)) => format!("It is called {is} from now on, and no longer {was}{why}."),
        (None, Some(is)) => format!("It had no name, and is called {is} from now on{why}."),
        (was, None) => {
            let was = was.map(|was| format!("; it was called {was}")).unwrap_or_default();
            format!("It has no name from now on{was}{why}.")
        }
    }
}

/// Assets that go by this name, whatever its case; three are enough to know that it is not one's alone.
///
/// # Errors
/// The database fails.
pub fn assets_named(tx: &mut Tx, org: OrgId, name: &str) -> Result<Vec<AssetId>, DirectiveError> {
    const NAMED: &str = "SELECT asset_id FROM inventory_asset
        WHERE org_id = $1 AND name_folded = $2 ORDER BY asset_id LIMIT 3";
    let folded = kernel::fold(name.trim());
    Ok(tx.query(NAMED, &[org.into(), folded.as_ref().into()], |row| Ok(AssetId(row.int(0)?)))?)
}

/// Who split these records from others, and which assets those are.
fn parted(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<Vec<PartedFrom>, DirectiveError> {
    const OF: [&str; 2] = [
        "SELECT other_record, made_by, reason, made_at FROM inventory_directive
            WHERE org_id = $1 AND kind = 'apart' AND one_record IN KEYS",
        "SELECT one_record, made_by, reason, made_at FROM inventory_directive
            WHERE org_id = $1 AND kind = 'apart' AND other_record IN KEYS",
    ];
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let mut found: Vec<(RecordId, String, String, Timestamp)> = Vec::new();
    for sql in OF {
        found.extend(tx.select_in(sql, &[org.into()], Keys::Ints(&keys), |row| {
            let at = Timestamp::from_micros(row.int(3)?);
            Ok((RecordId(row.opt_int(0)?.unwrap_or_default()), row.text(1)?.to_owned(), row.text(2)?.to_owned(), at))
        })?);
    }
    let others: Vec<RecordId> = found.iter().map(|(record, ..)| *record).collect();
    let assets = directive::assets_of(tx, org, &others)?;
    let from = |(record, by, reason, at)| PartedFrom { asset: assets.get(&record).copied(), by, reason, at };
    let mut all: Vec<PartedFrom> = found.into_iter().map(from).collect();
    all.sort_by(|one, other| (one.at, one.asset, &one.by).cmp(&(other.at, other.asset, &other.by)));
    all.dedup();
    Ok(all)
}

/// What differs between each record and the one that it joined, and why that does not part them.
fn find_against(
    tx: &mut Tx,
    org: OrgId,
    records: &mut [Linked],
    facts: &FxHashMap<RecordId, Fact>,
    values: &[Raw],
    shared: &FxHashMap<Key, Shared>,
) -> Result<(), DirectiveError> {
    let keys: Vec<i64> = records.iter().map(|linked| linked.record.0).collect();
    let hardware = hardware(tx, org, &keys)?;
    let of = |record: RecordId| -> Vec<&Raw> { values.iter().filter(|value| value.record == record).collect() };
    for linked in records {
        let Some(partner) = linked.partner else { continue };
        let (Some(one), Some(other)) = (facts.get(&linked.record), facts.get(&partner)) else { continue };
        let but = |kind: &str| match (linked.rule, kind) {
            (rule, _) if rule.is_by_people() => "a person decided that they are one",
            _ if is_same_agent(one, other) => "both are one agent of the console",
            (Rule::Pool, _) => "machines of that group are made anew each day",
            (_, kind) if kind == Kind::Serial.words() && is_shared(one, other, shared) => {
                "one of the two numbers is not that machine's alone"
            }
            (_, kind) if kind == Kind::Serial.words() => {
                "one followed the other under one name on one model, as after a repair"
            }
            (_, kind) if kind == Kind::Name.words() => "machines are renamed",
            (_, kind) if kind == Kind::FullName.words() => "machines are renamed and move to other domains",
            (_, kind) if kind == Kind::Mac.words() => "machines have and get several",
            (_, PROCESSOR | MODEL) => {
                "no rule parts machines by processor or model, so if the hardware makes you doubt, split this record off"
            }
            _ => "no rule parts machines by it",
        };
        let mut differing = differing(&of(linked.record), &of(partner));
        if one.grade == Grade::Agent && other.grade == Grade::Agent {
            let both = hardware.get(&linked.record).zip(hardware.get(&partner));
            for (kind, one, other) in both.into_iter().flat_map(|(one, other)| one.iter().zip(other)).filter_map(
                |((kind, one), (_, other))| (one != other).then(|| Some((*kind, one.clone()?, other.clone()?)))?,
            ) {
                differing.push(Differing { kind, one: vec![one], other: vec![other] });
            }
        }
        linked.against =
            differing.into_iter().map(|differing| Against { but: but(differing.kind), differing }).collect();
    }
    Ok(())
}

/// Which agents came after another one of the machine.
fn find_followed(records: &mut [Linked], facts: &FxHashMap<RecordId, Fact>) {
    let now = deeds::as_of(records, facts);
    let agents = records.iter().filter(|linked| linked.grade == Grade::Agent);
    let agents: Vec<&Fact> = agents.filter_map(|linked| facts.get(&linked.record)).collect();
    for linked in records {
        linked.followed = facts.get(&linked.record).and_then(|fact| Followed::of(fact, &agents, now));
    }
}

/// Whether the serial number of one of them is others' too.
fn is_shared(one: &Fact, other: &Fact, shared: &FxHashMap<Key, Shared>) -> bool {
    let serials = [one, other].into_iter().filter_map(|fact| fact.identity.serial.as_deref());
    serials.into_iter().any(|serial| shared.contains_key(&Key::of(Kind::Serial, serial)))
}

type Hardware = [(&'static str, Option<String>); 2];

const PROCESSOR: &str = "processor";
const MODEL: &str = "model";

/// What agents say of their hardware that no rule goes by.
fn hardware(tx: &mut Tx, org: OrgId, records: &[i64]) -> Result<FxHashMap<RecordId, Hardware>, DirectiveError> {
    const READ: &str = "SELECT m.record_id, c.text, w.text FROM inventory_machine m
        LEFT JOIN inventory_term c ON c.org_id = m.org_id AND c.term_id = m.cpu_term
        LEFT JOIN inventory_term w ON w.org_id = m.org_id AND w.term_id = COALESCE(m.model_term, m.hw_term)
        WHERE m.org_id = $1 AND m.record_id IN KEYS";
    let rows = tx.select_in(READ, &[org.into()], Keys::Ints(records), |row| {
        let hardware = [(PROCESSOR, row.opt_text(1)?.map(str::to_owned)), (MODEL, row.opt_text(2)?.map(str::to_owned))];
        Ok((RecordId(row.int(0)?), hardware))
    })?;
    Ok(rows.into_iter().collect())
}

/// The same of those records that an agent on the machine told.
fn of_agents(tx: &mut Tx, org: OrgId, facts: &[Fact]) -> Result<Vec<Hardware>, DirectiveError> {
    let agents = facts.iter().filter(|fact| fact.grade == Grade::Agent).map(|fact| fact.record.0);
    Ok(hardware(tx, org, &agents.collect::<Vec<_>>())?.into_values().collect())
}

/// Where the agents of two sides say nothing of their hardware that both say.
fn in_hardware(ones: &[Hardware], others: &[Hardware]) -> Vec<Differing> {
    let said = |side: &[Hardware], at: usize| -> BTreeSet<String> {
        side.iter().filter_map(|hardware| hardware[at].1.clone()).collect()
    };
    let kinds = ones.first().into_iter().flatten().map(|(kind, _)| *kind).enumerate();
    let sides = kinds.map(|(at, kind)| (kind, said(ones, at), said(others, at)));
    sides
        .filter(|(_, one, other)| !one.is_empty() && !other.is_empty() && one.is_disjoint(other))
        .map(|(kind, one, other)| Differing {
            kind,
            one: one.into_iter().collect(),
            other: other.into_iter().collect(),
        })
        .collect()
}

fn tags(tx: &mut Tx, org: OrgId, asset: AssetId) -> Result<Vec<Tagged>, DirectiveError> {
    const READ: &str = "SELECT c.record_id, c.key, c.value FROM inventory_link l
        JOIN inventory_tag c ON c.org_id = l.org_id AND c.record_id = l.record_id
        WHERE l.org_id = $1 AND l.asset_id = $2 ORDER BY c.key_folded, c.record_id, c.position";
    Ok(tx.query(READ, &[org.into(), asset.into()], |row| {
        Ok(Tagged { record: RecordId(row.int(0)?), key: row.text(1)?.to_owned(), value: row.text(2)?.to_owned() })
    })?)
}

/// Explains why two assets or records are not one.
///
/// # Errors
/// One of them does not exist, or the database fails.
pub fn compare(
    tx: &mut Tx,
    org: OrgId,
    one: Subject,
    other: Subject,
    now: Timestamp,
) -> Result<Compared, DirectiveError> {
    let (first, one_asset) = records(tx, org, one)?;
    let (second, other_asset) = records(tx, org, other)?;
    let load = |tx: &mut Tx, records: &[RecordId]| -> Result<Vec<Fact>, DirectiveError> {
        let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
        let mut facts: Vec<Fact> = identify::facts(tx, org, &keys)?.into_iter().map(|stood| stood.fact).collect();
        facts.sort_unstable_by_key(|fact| fact.record);
        Ok(facts)
    };
    let (mut ones, mut others) = (load(tx, &first)?, load(tx, &second)?);
    for side in [&mut ones, &mut others] {
        // What is history decides nothing where something else is known.
        if side.iter().any(|fact| !fact.ended) {
            side.retain(|fact| !fact.ended);
        }
    }
    let is_news = unsettled(tx, org, first.iter().chain(&second))?;
    let keys: FxHashSet<Key> = ones.iter().chain(&others).flat_map(Fact::keys).collect();
    let shared = shared(tx, org, keys.into_iter())?;
    let directives = directive::read(tx, org)?;
    let grounds = Grounds { shared: &shared, apart: &directives.apart, pinned: &directives.pinned, now };
    let mut nearest: Option<Nearest> = None;
    let mut vetoes: Vec<(Veto, RecordId, RecordId)> = Vec::new();
    for one in &ones {
        for other in &others {
            let found = near(one, other, &shared, &directives, now);
            let but = |found: Nearest| Nearest { but: found.but.or(not_promoted(found.rule, &ones, &others)), ..found };
            if let Some(found) = found.map(but)
                && nearest.as_ref().is_none_or(|best| (found.but, found.rule) < (best.but, best.rule))
            {
                nearest = Some(found);
            }
        }
    }
    let rule = nearest.as_ref().map_or(Rule::Serial, |nearest| nearest.rule);
    for one in &ones {
        for other in &others {
            if let Some(veto) = grounds.veto(rule, one, other) {
                vetoes.push((veto, one.record, other.record));
            }
        }
    }
    vetoes.sort_unstable();
    let alive = match vetoes.first() {
        Some((Veto::BothAlive, one, other)) => {
            let of = |record: &RecordId| ones.iter().chain(&others).find(|fact| fact.record == *record);
            let lives = [one, other].map(|record| of(record).map(|fact| lifetime(fact, now)));
            Some(lives.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        _ => None,
    };
    let rivals = match &nearest {
        Some(nearest) if vetoes.is_empty() && !matches!(nearest.but, Some(But::Names | But::Known)) => {
            rivals(tx, org, nearest.rule, &ones, &others, &shared, &directives, now)?
        }
        _ => Vec::new(),
    };
    let (one_values, other_values) = (raw(tx, org, &first)?, raw(tx, org, &second)?);
    let decided = match vetoes.first() {
        Some((Veto::Split, one, other)) => decisions::apart(tx, org, (*one, *other))?,
        _ => None,
    };
    let mut differing = differing(&one_values.iter().collect::<Vec<_>>(), &other_values.iter().collect::<Vec<_>>());
    differing.extend(in_hardware(&of_agents(tx, org, &ones)?, &of_agents(tx, org, &others)?));
    let mut pins = Vec::new();
    for (asset, records) in [(one_asset, &first), (other_asset, &second)] {
        let pin = deeds::pin(tx, org, records)?;
        pins.extend(asset.zip(pin));
    }
    Ok(Compared {
        decided,
        alive,
        pins,
        is_news,
        assets: (one_asset, other_asset),
        names: (named(tx, org, one_asset)?, named(tx, org, other_asset)?),
        common: common(&one_values, &other_values, &shared),
        differing,
        nearest,
        sites: match vetoes.first() {
            Some((_, one, other)) => sites(tx, org, [*one, *other])?,
            None => None,
        },
        veto: vetoes.first().copied(),
        rivals,
    })
}

/// What an asset is called.
///
/// # Errors
/// The database fails.
pub fn named(tx: &mut Tx, org: OrgId, asset: Option<AssetId>) -> Result<Option<String>, DirectiveError> {
    const NAME: &str = "SELECT name FROM inventory_asset WHERE org_id = $1 AND asset_id = $2";
    let Some(asset) = asset else { return Ok(None) };
    let name = tx.query_opt(NAME, &[org.into(), asset.into()], |row| Ok(row.opt_text(0)?.map(str::to_owned)))?;
    Ok(name.flatten())
}

/// Why one MAC address is not enough, of two machines that the rule would join that goes by it.
fn not_promoted(rule: Rule, ones: &[Fact], others: &[Fact]) -> Option<But> {
    let seen_only = |facts: &[Fact]| facts.iter().all(|fact| matches!(fact.grade, Grade::Scan | Grade::Discovery));
    let conflict = || ones.iter().any(|one| others.iter().any(|other| names_conflict(&one.identity, &other.identity)));
    match rule {
        Rule::MacScan if conflict() => Some(But::Names),
        Rule::MacScan if !seen_only(ones) && !seen_only(others) => Some(But::Known),
        _ => None,
    }
}

/// Whether correlation has still to look at any of these records.
fn unsettled<'a>(tx: &mut Tx, org: OrgId, records: impl Iterator<Item = &'a RecordId>) -> Result<bool, DirectiveError> {
    const UNSETTLED: &str = "SELECT record_id FROM inventory_machine
        WHERE org_id = $1 AND settled = 0 AND record_id IN KEYS";
    let keys: Vec<i64> = records.map(|record| record.0).collect();
    Ok(!tx.select_in(UNSETTLED, &[org.into()], Keys::Ints(&keys), |row| row.int(0))?.is_empty())
}

/// So many records are named that a rule fits as well.
const RIVALS_MAX: usize = 5;

/// Records of other assets that this rule, or a stronger one, fits as well as it fits these.
#[expect(clippy::too_many_arguments, reason = "it is one step of comparing, named")]
fn rivals(
    tx: &mut Tx,
    org: OrgId,
    rule: Rule,
    ones: &[Fact],
    others: &[Fact],
    shared: &FxHashMap<Key, Shared>,
    directives: &super::Directives,
    now: Timestamp,
) -> Result<Vec<(RecordId, AssetId)>, DirectiveError> {
    const HOLDERS: &str = "SELECT record_id FROM inventory_identifier WHERE org_id = $1 AND hash IN KEYS";
    let of = || ones.iter().chain(others);
    let mut hashes: Vec<i64> = of().flat_map(Fact::keys).map(|key| key.0).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let mut holders = tx.select_in(HOLDERS, &[org.into()], Keys::Ints(&hashes), |row| row.int(0))?;
    holders.retain(|record| of().all(|fact| fact.record.0 != *record));
    holders.sort_unstable();
    holders.dedup();
    holders.truncate(super::sharing::BLOCK_RECORDS_MAX);
    let mut rivals: Vec<RecordId> = identify::facts(tx, org, &holders)?
        .into_iter()
        .map(|stood| stood.fact)
        .filter(|rival| !rival.ended)
        .filter(|rival| {
            of().any(|fact| near(fact, rival, shared, directives, now).is_some_and(|near| near.rule <= rule))
        })
        .map(|rival| rival.record)
        .collect();
    rivals.sort_unstable();
    let assets = directive::assets_of(tx, org, &rivals)?;
    let known = |record: RecordId| Some((record, *assets.get(&record)?));
    Ok(rivals.into_iter().filter_map(known).take(RIVALS_MAX).collect())
}

/// The names of the sites that two records are in.
fn sites(tx: &mut Tx, org: OrgId, of: [RecordId; 2]) -> Result<Option<(String, String)>, DirectiveError> {
    const SITE: &str = "SELECT s.name FROM inventory_machine m
        JOIN inventory_site s ON s.org_id = m.org_id AND s.site_id = m.site_id
        WHERE m.org_id = $1 AND m.record_id = $2";
    let mut site =
        |record: RecordId| tx.query_opt(SITE, &[org.into(), record.into()], |row| Ok(row.text(0)?.to_owned()));
    let (one, other) = (site(of[0])?, site(of[1])?);
    Ok(one.zip(other))
}

fn records(tx: &mut Tx, org: OrgId, subject: Subject) -> Result<(Vec<RecordId>, Option<AssetId>), DirectiveError> {
    const MACHINE: &str = "SELECT record_id FROM inventory_machine WHERE org_id = $1 AND record_id = $2";
    match subject {
        Subject::Asset(asset) => {
            let today = asset_today(tx, org, asset)?.ok_or(DirectiveError::NoSuchAsset(asset))?;
            Ok((records_of(tx, org, today)?, Some(today)))
        }
        Subject::Record(record) => {
            let known = tx.query_opt(MACHINE, &[org.into(), record.into()], |row| row.int(0))?;
            known.ok_or(DirectiveError::NoSuchRecord(record))?;
            let assets = directive::assets_of(tx, org, &[record])?;
            Ok((vec![record], assets.get(&record).copied()))
        }
    }
}

/// The strongest rule that joins two records, or would if what they share were theirs alone.
pub(super) fn near(
    one: &Fact,
    other: &Fact,
    shared: &FxHashMap<Key, Shared>,
    directives: &super::Directives,
    now: Timestamp,
) -> Option<Nearest> {
    let all: Vec<Key> = one.keys().filter(|key| other.has(*key)).collect();
    let own: Vec<Key> = all.iter().copied().filter(|key| !shared.contains_key(key)).collect();
    let group = one.identity.group.as_ref().filter(|_| one.identity.group == other.identity.group);
    let pooled = group.is_some_and(|group| directives.pools.contains(group));
    let by_name = [one, other].iter().any(|fact| directives.by_name.contains(&fact.integration));
    let seen_only = |fact: &Fact| matches!(fact.grade, Grade::Scan | Grade::Discovery);
    let fits = |rule: Rule, common: &[Key]| {
        let asked = Asked { one, other, common, now, pooled, by_name };
        let promotion = rule != Rule::MacScan || seen_only(one) || seen_only(other);
        promotion && rule.evidence(&asked).is_some()
    };
    let found = |common: &[Key]| Rule::AUTOMATIC.into_iter().find(|rule| fits(*rule, common));
    let (rule, but) = match (found(&own), found(&all)) {
        (Some(rule), _) => (rule, None),
        (None, Some(rule)) => (rule, Some(But::Shared)),
        (None, None) => return None,
    };
    Some(Nearest { rule, one: one.record, other: other.record, but })
}

/// A value as a source sent it, and what hygiene says of it.
struct Raw {
    record: RecordId,
    kind: Kind,
    text: String,
    key: Option<Key>,
    junk: Option<Junk>,
}

impl Raw {
    fn of(record: i64, kind: Kind, text: &str, judged: Result<String, Junk>) -> Raw {
        let key = judged.as_ref().ok().map(|value| Key::of(kind, value));
        let shown = judged.as_ref().map_or_else(|_| text.trim().to_owned(), String::clone);
        Raw { record: RecordId(record), kind, text: shown, key, junk: judged.err() }
    }
}

/// A name, and its full form if it has one.
fn names(record: i64, text: &str) -> Vec<Raw> {
    let mut names = vec![Raw::of(record, Kind::Name, text, hygiene::name(text))];
    if let Ok(full) = hygiene::full_name(text) {
        names.push(Raw::of(record, Kind::FullName, text, Ok(full)));
    }
    names
}

/// What records say of themselves that could tell which machine they are, junk included.
fn raw(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<Vec<Raw>, DirectiveError> {
    const MACHINES: &str = "SELECT m.record_id, m.name, m.serial, m.agent_uuid, m.directory_name, w.text
        FROM inventory_machine m
        LEFT JOIN inventory_term w ON w.org_id = m.org_id AND w.term_id = COALESCE(m.model_term, m.hw_term)
        WHERE m.org_id = $1 AND m.record_id IN KEYS";
    const NAMES: &str = "SELECT record_id, name FROM inventory_name
        WHERE org_id = $1 AND current = 1 AND record_id IN KEYS";
    const MACS: &str = "SELECT record_id, mac FROM inventory_interface
        WHERE org_id = $1 AND mac IS NOT NULL AND record_id IN KEYS";
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let mut all: Vec<Raw> = Vec::new();
    tx.select_in(MACHINES, &[org.into()], Keys::Ints(&keys), |row| {
        let record = row.int(0)?;
        if let Some(text) = row.opt_text(1)? {
            all.extend(names(record, text));
        }
        if let Some(text) = row.opt_text(2)?.filter(|text| !text.trim().is_empty()) {
            let judged = hygiene::serial(text, row.opt_text(5)?);
            all.push(Raw { text: text.trim().to_owned(), ..Raw::of(record, Kind::Serial, text, judged) });
        }
        if let Some(text) = row.opt_text(3)? {
            all.push(Raw::of(record, Kind::Uuid, text, hygiene::uuid(text)));
        }
        if let Some(text) = row.opt_text(4)? {
            all.push(Raw::of(record, Kind::Directory, text, Ok(kernel::fold(text.trim()).into_owned())));
        }
        Ok(())
    })?;
    let text = |row: &store::Row| Ok((row.int(0)?, row.text(1)?.to_owned()));
    for (record, text) in tx.select_in(NAMES, &[org.into()], Keys::Ints(&keys), text)? {
        all.extend(names(record, &text));
    }
    for (record, text) in tx.select_in(MACS, &[org.into()], Keys::Ints(&keys), text)? {
        let Some(mac) = Mac::parse(&text) else { continue };
        all.push(Raw::of(record, Kind::Mac, &text, hygiene::mac(mac).map(|mac| mac.to_string())));
    }
    all.sort_by(|one, other| (one.record, one.kind, &one.text).cmp(&(other.record, other.kind, &other.text)));
    all.dedup_by(|one, other| (one.record, one.kind, &one.text) == (other.record, other.kind, &other.text));
    Ok(all)
}

fn common(ones: &[Raw], others: &[Raw], shared: &FxHashMap<Key, Shared>) -> Vec<Common> {
    let mut found: Vec<(Kind, Common)> = Vec::new();
    for one in ones {
        let same = |other: &&Raw| other.kind == one.kind && kernel::fold(&other.text) == kernel::fold(&one.text);
        if !others.iter().any(|other| same(&other)) {
            continue;
        }
        let ignored = match (one.junk, one.key.and_then(|key| shared.get(&key))) {
            (Some(junk), _) => Some(Why::Junk(junk)),
            (None, Some(shared)) => Some(shared_why(shared)),
            (None, None) => None,
        };
        let common = Common { kind: one.kind.words(), value: one.text.clone(), ignored };
        if !found.iter().any(|(kind, known)| *kind == one.kind && known.value == common.value) {
            found.push((one.kind, common));
        }
    }
    found.sort_by(|one, other| (one.0, &one.1.value).cmp(&(other.0, &other.1.value)));
    found.into_iter().map(|(_, common)| common).collect()
}

fn differing(ones: &[&Raw], others: &[&Raw]) -> Vec<Differing> {
    let own = |all: &[&Raw], kind: Kind| -> Vec<(Key, String)> {
        let values = all.iter().filter(|one| one.kind == kind);
        let mut values: Vec<(Key, String)> = values.filter_map(|one| Some((one.key?, one.text.clone()))).collect();
        values.sort_unstable();
        values.dedup_by_key(|(key, _)| *key);
        values
    };
    let differ = |kind: Kind| {
        let (one, other) = (own(ones, kind), own(others, kind));
        let meet = one.iter().any(|(key, _)| other.iter().any(|(with, _)| key == with));
        let texts = |values: Vec<(Key, String)>| values.into_iter().map(|(_, text)| text).collect();
        let none = one.is_empty() || other.is_empty() || meet;
        (!none).then(|| Differing { kind: kind.words(), one: texts(one), other: texts(other) })
    };
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Uuid).filter_map(differ).collect()
}

pub(super) fn shared(
    tx: &mut Tx,
    org: OrgId,
    keys: impl Iterator<Item = Key>,
) -> Result<FxHashMap<Key, Shared>, DirectiveError> {
    const SHARED: &str = "SELECT hash, one_record, other_record, until FROM inventory_shared_identifier
        WHERE org_id = $1 AND hash IN KEYS";
    let mut hashes: Vec<i64> = keys.map(|key| key.0).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let rows = tx.select_in(SHARED, &[org.into()], Keys::Ints(&hashes), |row| {
        let why = match (row.opt_int(1)?, row.opt_int(2)?) {
            (Some(one), Some(other)) => SharedWhy::Two(RecordId(one), RecordId(other)),
            _ => SharedWhy::Crowd,
        };
        Ok((Key(row.int(0)?), Shared { until: Timestamp::from_micros(row.int(3)?), why }))
    })?;
    Ok(rows.into_iter().collect())
}

fn shared_why(shared: &Shared) -> Why {
    match shared.why {
        SharedWhy::Two(one, other) => Why::Two(one, other),
        SharedWhy::Crowd => Why::Crowd,
    }
}

fn same_hardware(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<Vec<AssetId>, DirectiveError> {
    const OTHERS: [&str; 2] = [
        "SELECT other_record FROM inventory_same_hardware WHERE org_id = $1 AND one_record IN KEYS",
        "SELECT one_record FROM inventory_same_hardware WHERE org_id = $1 AND other_record IN KEYS",
    ];
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let mut others: Vec<RecordId> = Vec::new();
    for sql in OTHERS {
        others.extend(tx.select_in(sql, &[org.into()], Keys::Ints(&keys), |row| Ok(RecordId(row.int(0)?)))?);
    }
    others.sort_unstable();
    others.dedup();
    let mut assets: Vec<AssetId> = directive::assets_of(tx, org, &others)?.into_values().collect();
    assets.sort_unstable();
    assets.dedup();
    Ok(assets)
}

/// What people call an address that one measured and another claimed.
const ADDRESS: &str = "IP address";

/// Stored evidence as kinds, in words, and values. What earlier versions wrote as evidence is a native id.
pub fn words(evidence: &str) -> Vec<(&'static str, String)> {
    let known = settle::read_evidence(evidence);
    let parts = evidence.split("; ").filter_map(|part| part.split_once('='));
    let named = parts.filter_map(|(word, value)| {
        let kind = if word == "address" { ADDRESS } else { called(Kind::from_word(word)?, value) };
        Some((kind, value.to_owned()))
    });
    if known.is_empty() { Vec::new() } else { named.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_is_told_in_a_sentence_whether_there_is_one_or_not() {
        let why = ", because its record rec_1 calls it so (the only one)";
        assert_eq!(renaming(Some("a"), Some("b"), ""), "It is called b from now on, and no longer a.");
        assert_eq!(renaming(None, Some("b"), why), format!("It had no name, and is called b from now on{why}."));
        assert_eq!(renaming(Some("a"), None, ""), "It has no name from now on; it was called a.");
    }

    #[test]
    fn hardware_differs_where_two_sides_say_nothing_alike() {
        let agent = |cpu: Option<&str>| [("processor", cpu.map(str::to_owned)), ("model", Some("5490".to_owned()))];
        let intel = [agent(Some("Intel i5"))];
        let both = [agent(Some("Intel i5")), agent(Some("AMD Ryzen"))];
        let (_, amd) = both.split_at(1);
        let silent = [agent(None)];
        let differing =
            Differing { kind: "processor", one: vec!["Intel i5".to_owned()], other: vec!["AMD Ryzen".to_owned()] };
        assert_eq!(in_hardware(&intel, amd), [differing]);
        assert_eq!([in_hardware(&both, amd), in_hardware(&silent, &intel), in_hardware(&[], &intel)], [[], [], []]);
    }
}
