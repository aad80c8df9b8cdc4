//! [`Fact`]: what correlation needs to know of one record, and nothing else.

use std::net::IpAddr;

use kernel::{IntegrationId, RecordId, SiteId, Timestamp};
use sha2::{Digest, Sha256};

use crate::noun::{Grade, Mac, ip_bytes, ip_from_bytes};

/// What one record says that tells which machine it speaks of. Values that say nothing have been left out already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The stream it comes from: two streams of one console are two sources.
    pub stream: String,
    /// The console's id of the agent: an agent's own, or the one that a device is said to carry.
    pub agent: Option<String>,
    /// Provider, account and instance id in a cloud.
    pub cloud: Option<String>,
    /// The agent's uuid.
    pub uuid: Option<String>,
    /// The serial number, folded.
    pub serial: Option<String>,
    /// Who made it, as one word: `dell`, `hp`.
    pub maker: Option<String>,
    /// The model, folded.
    pub model: Option<String>,
    /// The distinguished name in the directory, folded.
    pub directory: Option<String>,
    /// Hardware addresses that a machine has for itself.
    pub macs: Vec<Mac>,
    /// Short host names, folded.
    pub names: Vec<String>,
    /// Host names with a real domain, folded.
    pub full_names: Vec<String>,
    /// The family of its operating system: `windows`, `macos`, `linux`.
    pub family: Option<String>,
    /// The console group's id as a number of the dictionary, for pools of machines that are made anew each day.
    pub group: Option<i64>,
    /// Addresses, each with the time in which it was claimed or measured.
    pub claims: Vec<Claim>,
}

/// An address that a record claims, or that a scan measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address.
    pub ip: IpAddr,
    /// Whether a scan measured it.
    pub measured: bool,
    /// Since when it is known to be so; `None`: only as of the record's last activity.
    pub since: Option<Timestamp>,
    /// Until when it was so; `None`: it still is.
    pub until: Option<Timestamp>,
}

/// What sort of value an identifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The console's id of an agent.
    Agent,
    /// Provider, account and instance of a cloud.
    Cloud,
    /// An agent's uuid.
    Uuid,
    /// A serial number. Numbers of two makers may be equal; see [`same_serial`].
    Serial,
    /// A distinguished name in the directory.
    Directory,
    /// A hardware address.
    Mac,
    /// A host name with its domain.
    FullName,
    /// A short host name.
    Name,
}

impl Kind {
    /// Every kind, strongest first.
    pub const ALL: [Kind; 8] =
        [Kind::Agent, Kind::Cloud, Kind::Uuid, Kind::Serial, Kind::Directory, Kind::Mac, Kind::FullName, Kind::Name];

    /// The word before the value in an evidence: `serial=5cg1234xyz`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Agent => "agent",
            Kind::Cloud => "cloud",
            Kind::Uuid => "uuid",
            Kind::Serial => "serial",
            Kind::Directory => "directory",
            Kind::Mac => "mac",
            Kind::FullName => "fqdn",
            Kind::Name => "name",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Kind::Agent => "agent's id in the console",
            Kind::Cloud => "cloud instance",
            Kind::Uuid => "agent's own id (UUID)",
            Kind::Serial => "serial number",
            Kind::Directory => "name in the directory (DN)",
            Kind::Mac => "MAC address",
            Kind::FullName => "full DNS name",
            Kind::Name => "host name",
        }
    }

    /// The kind behind the word of [`Kind::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// An identifier as blocks know it: its kind in the upper bits, and 58 bits of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub i64);

/// The bits of a key that are its value's.
const VALUE_BITS: u32 = 58;

impl Key {
    /// The key of a value.
    #[must_use]
    pub fn of(kind: Kind, value: &str) -> Key {
        if kind == Kind::Mac
            && let Some(mac) = Mac::parse(value)
        {
            return Key::of_mac(mac);
        }
        let digest: [u8; 32] = Sha256::digest(value.as_bytes()).into();
        let bits = u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
        Key::from_bits(kind, bits)
    }

    /// The key of a hardware address, which is short enough to be its own.
    #[must_use]
    pub fn of_mac(Mac([a, b, c, d, e, f]): Mac) -> Key {
        Key::from_bits(Kind::Mac, u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    fn from_bits(kind: Kind, bits: u64) -> Key {
        let kind = kind as u64 + 1;
        Key((kind << VALUE_BITS | bits & ((1 << VALUE_BITS) - 1)).cast_signed())
    }

    /// What sort of value it is of.
    #[must_use]
    pub fn kind(self) -> Kind {
        let at = (self.0.cast_unsigned() >> VALUE_BITS).saturating_sub(1) as usize;
        Kind::ALL[at.min(Kind::ALL.len() - 1)]
    }
}

/// An identifier that a record has, or had until not long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The identifier.
    pub key: Key,
    /// Since when; `None`: for as long as the record is known.
    pub since: Option<Timestamp>,
    /// Until when; `None`: it still has it.
    pub until: Option<Timestamp>,
}

/// From when to when a source saw the machine, by the source's own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// The first time; `None`: nobody knows, so perhaps always.
    pub from: Option<Timestamp>,
    /// The last time; `None`: as long as the source has the record.
    pub to: Option<Timestamp>,
    /// Whether it is in touch at this moment, as far as the source says.
    pub active: bool,
    /// Whether the source still has the record.
    pub present: bool,
}

/// Everything correlation knows of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The record.
    pub record: RecordId,
    /// Whose.
    pub integration: IntegrationId,
    /// How the source knows.
    pub grade: Grade,
    /// Our site.
    pub site: SiteId,
    /// What it says.
    pub identity: Identity,
    /// When it was alive.
    pub life: Life,
    /// Its identifiers, present and of late, in the order of their keys.
    pub held: Vec<Held>,
    /// Whether its integration was deleted: then it is history, and decides nothing about records that are not.
    pub ended: bool,
}

impl Fact {
    /// A fact whose identifiers have been there from the beginning.
    #[must_use]
    pub fn new(
        record: RecordId,
        integration: IntegrationId,
        grade: Grade,
        site: SiteId,
        identity: Identity,
        life: Life,
    ) -> Fact {
        let held = identity.keys().into_iter().map(|key| Held { key, since: None, until: None }).collect();
        Fact { record, integration, grade, site, identity, life, held, ended: false }
    }

    /// Whether the two come from one source: one list of one integration.
    #[must_use]
    pub fn same_source(&self, other: &Fact) -> bool {
        self.integration == other.integration
            && self.grade == other.grade
            && self.identity.stream == other.identity.stream
    }

    /// Whether the record has this identifier now.
    #[must_use]
    pub fn has(&self, key: Key) -> bool {
        self.held(key).is_some_and(|held| held.until.is_none())
    }

    /// When the record has or had this identifier.
    #[must_use]
    pub fn held(&self, key: Key) -> Option<&Held> {
        self.held.binary_search_by_key(&key, |held| held.key).ok().map(|at| &self.held[at])
    }

    /// Identifiers that it has now.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.held.iter().filter(|held| held.until.is_none()).map(|held| held.key)
    }
}

impl Identity {
    /// The keys of all values, in order, without repetition.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.values().map(|(kind, value)| Key::of(kind, value)).collect();
        keys.extend(self.macs.iter().map(|mac| Key::of_mac(*mac)));
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Every value but hardware addresses, with its kind.
    fn values(&self) -> impl Iterator<Item = (Kind, &str)> {
        let one = [
            (Kind::Agent, &self.agent),
            (Kind::Cloud, &self.cloud),
            (Kind::Uuid, &self.uuid),
            (Kind::Serial, &self.serial),
            (Kind::Directory, &self.directory),
        ];
        let one = one.into_iter().filter_map(|(kind, value)| Some((kind, value.as_deref()?)));
        let full_names = self.full_names.iter().map(|name| (Kind::FullName, name.as_str()));
        let names = self.names.iter().map(|name| (Kind::Name, name.as_str()));
        one.chain(full_names).chain(names)
    }

    /// The value behind a key, if it is one of this record's.
    #[must_use]
    pub fn value(&self, key: Key) -> Option<String> {
        if key.kind() == Kind::Mac {
            return self.macs.iter().find(|mac| Key::of_mac(**mac) == key).map(Mac::to_string);
        }
        let mut values = self.values().filter(|(kind, _)| *kind == key.kind());
        values.find(|(kind, value)| Key::of(*kind, value) == key).map(|(_, value)| value.to_owned())
    }
}

/// Whether two records mean one number by their serial numbers: equal, and not of two makers.
#[must_use]
pub fn same_serial(one: &Identity, other: &Identity) -> bool {
    // Without a maker a short number is anybody's.
    const ALONE_BYTES_MIN: usize = 6;
    let (Some(first), Some(second)) = (&one.serial, &other.serial) else { return false };
    first == second
        && match (&one.maker, &other.maker) {
            (Some(one), Some(other)) => one == other,
            _ => first.len() >= ALONE_BYTES_MIN,
        }
}

/// Whether two records may mean one machine by their names: a name of 15 characters may be a longer one, cut.
#[must_use]
pub fn names_agree(one: &Identity, other: &Identity) -> bool {
    one.names.iter().any(|name| other.names.iter().any(|with| name == with || is_cut(name, with) || is_cut(with, name)))
}

/// NetBIOS keeps so many characters of a name.
const NETBIOS_CHARACTERS: usize = 15;

fn is_cut(short: &str, long: &str) -> bool {
    long.len() > short.len() && long.starts_with(short) && short.chars().count() == NETBIOS_CHARACTERS
}

/// Whether both have names and none of them agree.
#[must_use]
pub fn names_conflict(one: &Identity, other: &Identity) -> bool {
    !one.names.is_empty() && !other.names.is_empty() && !names_agree(one, other)
}

/// The form in which an identity is stored: fields, each a number, a length and bytes. There is one for every machine, so
/// what follows from something else is left out: see [`Identity::encode`].
mod field {
    pub const STREAM: u8 = 1;
    pub const AGENT: u8 = 2;
    pub const CLOUD: u8 = 3;
    pub const UUID: u8 = 4;
    pub const SERIAL: u8 = 5;
    pub const MAKER: u8 = 6;
    pub const MODEL: u8 = 7;
    pub const DIRECTORY: u8 = 8;
    pub const MAC: u8 = 9;
    pub const NAME: u8 = 10;
    pub const FULL_NAME: u8 = 11;
    pub const FAMILY: u8 = 12;
    pub const CLAIM: u8 = 13;
    /// A uuid of 32 hexadecimal digits, as bytes.
    pub const UUID_BYTES: u8 = 14;
}

/// A length of so much stands for one of two bytes behind it.
const LONG: u8 = u8::MAX;

/// What is known of an address, as bits.
mod claimed {
    pub const MEASURED: u8 = 1;
    pub const V4: u8 = 2;
    pub const SINCE: u8 = 4;
    pub const UNTIL: u8 = 8;
}

impl Identity {
    /// The form that is stored. An agent's own id and the console's group stand in the machine's row, and a short name
    /// that begins a full one follows from it: they are left out.
    #[must_use]
    pub fn encode(&self, is_agent: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        let mut put = |number: u8, bytes: &[u8]| {
            let length = bytes.len().min(usize::from(u16::MAX));
            out.push(number);
            match u8::try_from(length) {
                Ok(length) if length != LONG => out.push(length),
                _ => {
                    out.push(LONG);
                    out.extend((length as u16).to_le_bytes());
                }
            }
            out.extend(&bytes[..length]);
        };
        let uuid = self.uuid.as_deref().and_then(uuid_bytes);
        let texts = [
            (field::AGENT, self.agent.as_ref().filter(|_| !is_agent)),
            (field::CLOUD, self.cloud.as_ref()),
            (field::UUID, self.uuid.as_ref().filter(|_| uuid.is_none())),
            (field::SERIAL, self.serial.as_ref()),
            (field::MAKER, self.maker.as_ref()),
            (field::MODEL, self.model.as_ref()),
            (field::DIRECTORY, self.directory.as_ref()),
            (field::FAMILY, self.family.as_ref()),
        ];
        put(field::STREAM, self.stream.as_bytes());
        for (number, text) in texts {
            if let Some(text) = text {
                put(number, text.as_bytes());
            }
        }
        if let Some(uuid) = uuid {
            put(field::UUID_BYTES, &uuid);
        }
        for Mac(bytes) in &self.macs {
            put(field::MAC, bytes);
        }
        for name in self.names.iter().filter(|name| !self.full_names.iter().any(|full| short_of(full) == *name)) {
            put(field::NAME, name.as_bytes());
        }
        for name in &self.full_names {
            put(field::FULL_NAME, name.as_bytes());
        }
        for claim in &self.claims {
            put(field::CLAIM, &encode_claim(claim));
        }
        out
    }

    /// Reads the form that is stored; what it does not understand is left out.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Identity {
        let mut identity = Identity::default();
        let mut rest = bytes;
        while let [number, length, more @ ..] = rest {
            let (length, more) = match (*length, more) {
                (LONG, [low, high, more @ ..]) => (usize::from(u16::from_le_bytes([*low, *high])), more),
                (LONG, _) => break,
                (length, more) => (usize::from(length), more),
            };
            let (value, after) = more.split_at(length.min(more.len()));
            identity.take(*number, value);
            rest = after;
        }
        let short = identity.full_names.iter().map(|full| short_of(full).to_owned());
        identity.names.extend(short.collect::<Vec<_>>());
        identity.names.sort_unstable();
        identity.names.dedup();
        identity
    }

    fn take(&mut self, number: u8, value: &[u8]) {
        let text = || Some(String::from_utf8_lossy(value).into_owned());
        match number {
            field::STREAM => self.stream = text().unwrap_or_default(),
            field::AGENT => self.agent = text(),
            field::CLOUD => self.cloud = text(),
            field::UUID => self.uuid = text(),
            field::UUID_BYTES => self.uuid = Some(value.iter().map(|byte| format!("{byte:02x}")).collect()),
            field::SERIAL => self.serial = text(),
            field::MAKER => self.maker = text(),
            field::MODEL => self.model = text(),
            field::DIRECTORY => self.directory = text(),
            field::FAMILY => self.family = text(),
            field::MAC => self.macs.extend(<[u8; 6]>::try_from(value).map(Mac)),
            field::NAME => self.names.extend(text()),
            field::FULL_NAME => self.full_names.extend(text()),
            field::CLAIM => self.claims.extend(claim(value)),
            _ => {}
        }
    }
}

fn short_of(full: &str) -> &str {
    full.split('.').next().unwrap_or_default()
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    let plain = |digit: &u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit);
    if digits.len() != 32 || !digits.iter().all(plain) {
        return None;
    }
    Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
}

fn encode_claim(claim: &Claim) -> Vec<u8> {
    let ip = ip_bytes(claim.ip);
    let v4 = claim.ip.to_canonical().is_ipv4();
    let bit = |is: bool, bit: u8| if is { bit } else { 0 };
    let mut out = vec![
        bit(claim.measured, claimed::MEASURED)
            | bit(v4, claimed::V4)
            | bit(claim.since.is_some(), claimed::SINCE)
            | bit(claim.until.is_some(), claimed::UNTIL),
    ];
    out.extend(if v4 { &ip[12..] } else { &ip[..] });
    for at in [claim.since, claim.until].into_iter().flatten() {
        out.extend(at.micros().to_le_bytes());
    }
    out
}

fn claim(value: &[u8]) -> Option<Claim> {
    let (bits, rest) = value.split_first()?;
    let (ip, mut times) = match bits & claimed::V4 {
        0 => {
            let (ip, times) = rest.split_at_checked(16)?;
            (ip_from_bytes(ip)?, times)
        }
        _ => {
            let (ip, times) = rest.split_first_chunk::<4>()?;
            (IpAddr::from(*ip), times)
        }
    };
    let mut time = |bit: u8| {
        if bits & bit == 0 {
            return None;
        }
        let (micros, rest) = times.split_first_chunk::<8>()?;
        times = rest;
        Some(Timestamp::from_micros(i64::from_le_bytes(*micros)))
    };
    Some(Claim {
        ip,
        measured: bits & claimed::MEASURED != 0,
        since: time(claimed::SINCE),
        until: time(claimed::UNTIL),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_comes_back_as_it_was_stored() {
        let identity = Identity {
            stream: "agents".to_owned(),
            agent: Some("7".to_owned()),
            uuid: Some("1b4e28ba2fa111d2883f0016d3cca427".to_owned()),
            model: Some("m".repeat(300)),
            serial: Some("5cg1234xyz".to_owned()),
            maker: Some("dell".to_owned()),
            directory: Some("cn=pc-é,dc=corp".to_owned()),
            macs: vec![Mac([0, 1, 2, 3, 4, 5]), Mac([0, 1, 2, 3, 4, 6])],
            names: vec!["alias".to_owned(), "pc-é".to_owned()],
            full_names: vec!["pc-é.corp.example".to_owned()],
            claims: ["10.0.0.7", "2001:db8::7"]
                .map(|ip| Claim {
                    ip: ip.parse().unwrap(),
                    measured: ip.contains(':'),
                    since: Some(Timestamp::from_seconds(7)),
                    until: ip.contains('.').then(|| Timestamp::from_seconds(9)),
                })
                .to_vec(),
            ..Identity::default()
        };
        assert_eq!(Identity::decode(&identity.encode(false)), identity);
        let own = Identity { agent: None, ..identity.clone() };
        assert_eq!(Identity::decode(&identity.encode(true)), own, "an agent's own id is in its machine's row");
        let text = Identity { uuid: Some("uuid-aaaa-1".to_owned()), ..Identity::default() };
        assert_eq!(Identity::decode(&text.encode(false)), text);
        assert_eq!(Identity::decode(&[]), Identity::default());
        let cut = &identity.encode(false)[..20];
        assert_eq!(Identity::decode(cut).stream, "agents");
    }

    #[test]
    fn keys_know_their_kind_and_values_their_key() {
        for kind in Kind::ALL {
            let key = Key::of(kind, "value");
            assert_eq!(key.kind(), kind);
            assert!(key.0 > 0);
            assert_eq!(Kind::from_word(kind.as_str()), Some(kind));
        }
        let identity =
            Identity { macs: vec![Mac([0, 1, 2, 3, 4, 5])], names: vec!["lt-1".to_owned()], ..Identity::default() };
        let values: Vec<_> = identity.keys().into_iter().filter_map(|key| identity.value(key)).collect();
        assert_eq!(values, ["00:01:02:03:04:05", "lt-1"]);
        assert_eq!(Key::of(Kind::Mac, "00:01:02:03:04:05"), Key::of_mac(Mac([0, 1, 2, 3, 4, 5])));
    }

    #[test]
    fn a_name_of_fifteen_characters_may_be_cut() {
        let named = |name: &str| Identity { names: vec![name.to_owned()], ..Identity::default() };
        assert!(names_agree(&named("accounting-desk"), &named("accounting-desktop-07")));
        assert!(!names_agree(&named("accounting"), &named("accounting-desktop-07")));
        assert!(names_conflict(&named("a-1"), &named("a-2")));
        assert!(!names_conflict(&named("a-1"), &Identity::default()));
    }
}
