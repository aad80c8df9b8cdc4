//! [`Host`]: one machine as a file tells of it. Its JSON is the record's body, whatever format the file had.

use std::collections::BTreeMap;
use std::net::IpAddr;

use inventory::noun::Mac;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The most bytes of one text that a file tells; longer ones are cut between characters.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// The most bytes of a service's banner.
pub const BANNER_BYTES_MAX: usize = 1024;

/// The most services of one machine that are kept. Who answers on more ports than this answers on all of them, which is
/// a trap for scanners and no list of services.
pub const SERVICES_MAX: usize = 2_000;

/// The most values of one kind (names, addresses, tags, columns) of one machine.
pub const VALUES_MAX: usize = 1_000;

/// One machine as a file tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// Who tells it, as `source:` understands it: `scan`, `custom`, `runzero`, `netbox`, `servicenow`, `cartography`.
    pub source: String,
    /// The id that the file declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The machine's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Every name, the one above included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<HostName>,
    /// Its addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<HostAddress>,
    /// Its hardware addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<HostMac>,
    /// The operating system as people say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// Its family: `windows`, `linux`, `macos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_family: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// How sure a scanner is of it, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_accuracy: Option<u8>,
    /// What sort of machine it is: `server`, `printer`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// The hardware as people say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hw: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The tag that somebody stuck on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_tag: Option<String>,
    /// Its domain or work group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Who uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its place in a cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud: Option<HostCloud>,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<HostTag>,
    /// What answered on its ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<HostService>,
    /// When the source first saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// What scripts that ask the whole machine said, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scripts: BTreeMap<String, String>,
    /// Columns that are none of the above, under their own names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// When the source last saw it. Moves without the record meaning anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// What else moves with every look at the machine: when it was started, how far away it is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub volatile: BTreeMap<String, String>,
}

/// A name of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostName {
    /// `computer`: the machine says so; `fqdn`: with its domain; `dns`: what its address resolves to; `given`: what the
    /// scanner was told to look at.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// An address of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAddress {
    /// The address.
    pub ip: IpAddr,
    /// Whether it answered.
    pub measured: bool,
}

/// A hardware address of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostMac {
    /// The address, lower case with colons.
    pub mac: String,
    /// Who made the interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The machine says so; the scanner has not seen it. Whether it does may change from scan to scan, so the record is never
    /// known by it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub said: bool,
}

/// A place in a cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostCloud {
    /// The provider: `aws`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The account there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The instance's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// A tag of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTag {
    /// Its key.
    pub key: String,
    /// Its value; the empty text if it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// Something that answered on a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostService {
    /// The address that answered.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// `tcp`, `udp`, `sctp`.
    pub transport: String,
    /// What is spoken there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The program that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<String>,
}

impl Host {
    /// Adds a name, unless it is there already.
    pub fn add_name(&mut self, kind: &str, name: &str) {
        let Some(name) = said(name) else { return };
        if self.names.len() < VALUES_MAX && !self.names.iter().any(|known| known.name == name) {
            self.names.push(HostName { kind: kind.to_owned(), name });
        }
    }

    /// Adds an address, unless it is there already; one that was measured stays measured.
    pub fn add_address(&mut self, ip: IpAddr, measured: bool) {
        if let Some(known) = self.addresses.iter_mut().find(|known| known.ip == ip) {
            known.measured |= measured;
        } else if self.addresses.len() < VALUES_MAX {
            self.addresses.push(HostAddress { ip, measured });
        }
    }

    /// Adds a hardware address, unless it is there already.
    pub fn add_mac(&mut self, mac: Mac, vendor: Option<String>) {
        let mac = mac.to_string();
        if self.macs.len() < VALUES_MAX && !self.macs.iter().any(|known| known.mac == mac) {
            self.macs.push(HostMac { mac, vendor, said: false });
        }
    }

    /// Adds a hardware address that the machine tells of, unless it is there already.
    pub fn add_mac_said(&mut self, mac: Mac) {
        let before = self.macs.len();
        self.add_mac(mac, None);
        self.macs[before..].iter_mut().for_each(|added| added.said = true);
    }

    /// Adds a tag.
    pub fn add_tag(&mut self, key: &str, value: &str) {
        let Some(key) = said(key) else { return };
        let tag = HostTag { key, value: said(value).unwrap_or_default() };
        if self.tags.len() < VALUES_MAX && !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
    }

    /// By what the record is known, the best first; see [`super`]. The last one names everything that could tell it
    /// from another. Empty if nothing does.
    #[must_use]
    pub fn identities(&self) -> Vec<String> {
        if let Some(id) = &self.id {
            return vec![format!("id:{id}")];
        }
        let (mac, ip) = (self.macs.iter().find(|mac| !mac.said), self.addresses.first());
        let mac = mac.map(|mac| format!("mac:{}", mac.mac));
        let ip = ip.map(|address| format!("ip:{}", address.ip));
        let join = |parts: &[&Option<String>]| {
            let parts: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        };
        let mut all = Vec::new();
        if self.source == super::SCAN {
            all.extend([mac.clone().or_else(|| ip.clone()), join(&[&mac, &ip])]);
        } else {
            let folded = |text: &Option<String>| text.as_ref().map(|text| kernel::fold(text).into_owned());
            let serial = folded(&self.serial).map(|serial| match folded(&self.manufacturer) {
                Some(maker) => format!("serial:{maker}/{serial}"),
                None => format!("serial:{serial}"),
            });
            let tag = folded(&self.asset_tag).map(|tag| format!("tag:{tag}"));
            let name = folded(&self.name).map(|name| format!("name:{name}"));
            let named = join(&[&name, &mac]).filter(|_| name.is_some());
            all.extend([serial.clone(), tag.clone(), named, mac.clone()]);
            all.push(join(&[&serial, &tag, &name, &mac, &ip]));
        }
        let mut all: Vec<String> = all.into_iter().flatten().collect();
        all.dedup();
        all
    }
}

/// A text without white space around it, cut to [`TEXT_BYTES_MAX`]; nothing for the empty text.
#[must_use]
pub fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| cut(text, TEXT_BYTES_MAX).to_owned())
}

/// The text, cut between characters to so many bytes.
#[must_use]
pub fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Reads an instant in the spellings that lists have: RFC 3339, with a space or without a zone (taken for UTC), a date
/// alone, and seconds, milliseconds or nanoseconds since 1970. `01/02/2026` is read by nobody: it is two days.
#[must_use]
pub fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = Timestamp::parse(text) {
        return Some(at);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            9..=10 => Some(Timestamp::from_seconds(number)),
            13 => Some(Timestamp::from_micros(number.checked_mul(1_000)?)),
            16 => Some(Timestamp::from_micros(number)),
            19 => Some(Timestamp::from_micros(number / 1_000)),
            _ => None,
        };
    }
    let is_date = |text: &str| {
        text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    };
    let date = text.get(..10).filter(|date| is_date(date))?;
    let time = text[10..].trim_start_matches(['T', ' ']).trim_end_matches(" UTC");
    let whole = match time.len() {
        0 => format!("{date}T00:00:00Z"),
        5 => format!("{date}T{time}:00Z"),
        _ if time.ends_with('Z') || time.get(8..).is_some_and(|rest| rest.contains(['+', '-'])) => {
            format!("{date}T{}", time.replace(' ', ""))
        }
        _ => format!("{date}T{time}Z"),
    };
    Timestamp::parse(&whole).ok()
}

/// The family of an operating system, by what its name says.
#[must_use]
pub fn family(os: &str) -> Option<&'static str> {
    const FAMILIES: [(&str, &str); 23] = [
        ("cisco ios", "cisco_ios"),
        ("windows", "windows"),
        ("mac os", "macos"),
        ("macos", "macos"),
        ("os x", "macos"),
        ("darwin", "macos"),
        ("ubuntu", "linux"),
        ("debian", "linux"),
        ("red hat", "linux"),
        ("rhel", "linux"),
        ("centos", "linux"),
        ("fedora", "linux"),
        ("suse", "linux"),
        ("rocky", "linux"),
        ("alma", "linux"),
        ("oracle linux", "linux"),
        ("amazon linux", "linux"),
        ("linux", "linux"),
        ("android", "android"),
        ("ios", "ios"),
        ("freebsd", "freebsd"),
        ("openbsd", "openbsd"),
        ("esxi", "esxi"),
    ];
    let folded = kernel::fold(os);
    let is_word = |at: usize, word: &str| {
        let before = folded[..at].chars().next_back();
        let after = folded[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphabetic) && !after.is_some_and(char::is_alphabetic)
    };
    let found = |word: &'static str| folded.match_indices(word).any(|(at, word)| is_word(at, word));
    FAMILIES.into_iter().find(|(word, _)| found(word)).map(|(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_spelling_that_means_one_instant() {
        let at = Timestamp::parse("2026-01-31T12:30:00Z").ok();
        for text in [
            "2026-01-31T12:30:00Z",
            "2026-01-31 12:30:00",
            "2026-01-31 12:30",
            "2026-01-31 12:30:00 UTC",
            "2026-01-31T13:30:00+01:00",
            "2026-01-31 13:30:00 +01:00",
            "1769862600",
            "1769862600000",
        ] {
            assert_eq!(instant(text), at, "{text}");
        }
        assert_eq!(instant("2026-01-31"), Timestamp::parse("2026-01-31T00:00:00Z").ok());
        for text in ["", "01/02/2026", "yesterday", "2026-02-30", "12", "2026-01-31é", "99999999999999999999"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn a_family_is_a_word_of_the_name() {
        for (os, family_of) in [
            ("Microsoft Windows Server 2019", Some("windows")),
            ("Ubuntu 22.04.3 LTS", Some("linux")),
            ("Apple Mac OS X 10.15", Some("macos")),
            ("macOS 14", Some("macos")),
            ("Cisco IOS 15.2", Some("cisco_ios")),
            ("Apple iOS 17", Some("ios")),
            ("Axios 3", None),
            ("", None),
        ] {
            assert_eq!(family(os), family_of, "{os}");
        }
    }

    #[test]
    fn a_record_is_known_by_its_id_else_by_the_best_that_it_has() {
        let mut host = Host { source: "custom".to_owned(), name: Some("PC-É".to_owned()), ..Host::default() };
        assert_eq!(host.identities(), ["name:pc-é"]);
        host.add_mac(Mac([0, 0, 0x5e, 0, 0x53, 1]), None);
        host.serial = Some("ABC123".to_owned());
        host.manufacturer = Some("Dell Inc.".to_owned());
        let all = host.identities();
        assert_eq!(all[0], "serial:dell inc./abc123");
        assert_eq!(all[1], "name:pc-é mac:00:00:5e:00:53:01");
        assert_eq!(all.last().unwrap(), "serial:dell inc./abc123 name:pc-é mac:00:00:5e:00:53:01");
        host.id = Some("42".to_owned());
        assert_eq!(host.identities(), ["id:42"]);
        assert!(Host::default().identities().is_empty());
    }

    #[test]
    fn a_scanned_host_is_known_by_its_hardware_and_else_by_its_address() {
        let mut host = Host { source: super::super::SCAN.to_owned(), ..Host::default() };
        host.add_address("10.0.0.7".parse().unwrap(), true);
        assert_eq!(host.identities(), ["ip:10.0.0.7"]);
        host.add_mac(Mac([0, 0, 0x5e, 0, 0x53, 1]), None);
        assert_eq!(host.identities(), ["mac:00:00:5e:00:53:01", "mac:00:00:5e:00:53:01 ip:10.0.0.7"]);
    }
}
