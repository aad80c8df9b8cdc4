//! What a record says, in our words. `sync` builds nouns from the console's records; [`crate::apply`] stores them.
//!
//! `None` means that the source does not say: it is stored as nothing, never as zero, no or the empty text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use crate::activity::{ActivityNoun, ActivityTypeNoun};
pub use crate::console::{AccountNoun, ConsoleGroupNoun, ConsoleSiteNoun, Licence};
pub use crate::finding::{EventNoun, FindingAction, FindingNoun, Technique};
pub use crate::machine::{Address, AgentState, CloudId, Grade, MachineNoun, ServiceNoun};
pub use crate::policy::{PolicyEngine, PolicyNoun};
pub use crate::software::SoftwareNoun;
pub use crate::user::{UserNoun, UserRole};
pub use crate::vulnerability::VulnerabilityNoun;

use crate::out::Out;

/// One record's meaning. The variant says which inventory it belongs to.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one noun at a time is made, written and dropped: a box would cost more")]
pub enum Noun {
    /// What one record says about one machine; it becomes an asset, or joins one.
    Machine(MachineNoun),
    /// An EDR threat, or an alert of a custom rule.
    Finding(FindingNoun),
    /// Something that happened around a finding, or a note about it.
    Event(EventNoun),
    /// Something that happened on the console.
    Activity(ActivityNoun),
    /// A type of activity.
    ActivityType(ActivityTypeNoun),
    /// The settings of one level of the console.
    Policy(PolicyNoun),
    /// A console account.
    Account(AccountNoun),
    /// A console site.
    ConsoleSite(ConsoleSiteNoun),
    /// A console group.
    ConsoleGroup(ConsoleGroupNoun),
    /// A program on a machine.
    Software(SoftwareNoun),
    /// A vulnerability of a program on a machine.
    Vulnerability(VulnerabilityNoun),
    /// A user of the console.
    User(UserNoun),
    /// A record that is kept, compared and logged, and of which nothing is projected: its body is all there is to ask.
    Plain,
}

/// Sorted, without repetition: the order of a child table's key.
pub(crate) fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values
}

/// Where in the console something is: its account, site and group, by native id and by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleScope {
    /// Native id of the console account.
    pub account_id: Option<String>,
    /// Name of the console account.
    pub account: Option<String>,
    /// Native id of the console site.
    pub site_id: Option<String>,
    /// Name of the console site.
    pub site: Option<String>,
    /// Native id of the console group.
    pub group_id: Option<String>,
    /// Name of the console group.
    pub group: Option<String>,
}

impl ConsoleScope {
    pub(crate) fn write(self, out: &mut Out) {
        out.term("console_account_id_term", "console_account_id", self.account_id);
        out.term("console_account_term", "console_account", self.account);
        out.term("console_site_id_term", "console_site_id", self.site_id);
        out.term("console_site_term", "console_site", self.site);
        out.term("console_group_id_term", "console_group_id", self.group_id);
        out.term("console_group_term", "console_group", self.group);
    }
}

/// A name by which a source knows a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// What sort of name: `computer`, `fqdn`.
    pub kind: &'static str,
    /// The name as sent.
    pub text: String,
}

/// A network interface as a source reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// The interface's name: `eth0`.
    pub name: Option<String>,
    /// Its own hardware address.
    pub mac: Option<Mac>,
    /// Its addresses. Those of an agent are secondary, always.
    pub addresses: Vec<IpAddr>,
    /// The gateway's address.
    pub gateway_ip: Option<IpAddr>,
    /// The gateway's hardware address: it says where the machine is, and is never taken for the machine's own.
    pub gateway_mac: Option<Mac>,
}

/// A tag that a source put on a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// The tag's key.
    pub key: String,
    /// Its value; the empty text if it has none.
    pub value: String,
}

/// A hardware address of 48 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Reads any common spelling: `00-00-5E-00-53-00`, `bc:24:11:..`, `0000.5e00.5300`, twelve digits without separators.
    ///
    /// `None` for anything else, and for the addresses that say nothing: all zeros and all ones.
    #[must_use]
    pub fn parse(text: &str) -> Option<Mac> {
        let mut bytes = [0; 6];
        let mut digits = 0;
        for character in text.trim().chars() {
            match character {
                ':' | '-' | '.' => {}
                _ if digits < 12 => {
                    let digit = u8::try_from(character.to_digit(16)?).ok()?;
                    bytes[digits / 2] = bytes[digits / 2] << 4 | digit;
                    digits += 1;
                }
                _ => return None,
            }
        }
        (digits == 12 && bytes != [0; 6] && bytes != [0xff; 6]).then_some(Mac(bytes))
    }
}

impl std::fmt::Display for Mac {
    /// Lower case with colons, the form that is stored: `00:00:5e:00:53:00`.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

/// An address as 16 bytes, IPv4 mapped into IPv6: the form that is stored, and that sorts as addresses do.
#[must_use]
pub fn ip_bytes(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The address behind stored bytes; `None` unless there are 16.
#[must_use]
pub fn ip_from_bytes(bytes: &[u8]) -> Option<IpAddr> {
    let v6 = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
    Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4))
}

/// From where an address can be reached, as far as the address itself tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Any network: a global unicast address.
    Public,
    /// The organization's own networks: RFC 1918, carrier-grade NAT and unique local addresses.
    Private,
    /// One link: 169.254.0.0/16, fe80::/10.
    Link,
    /// The machine itself.
    Loopback,
    /// Nowhere: unspecified, multicast, broadcast, documentation.
    Special,
}

impl Reach {
    /// The word that is stored in `inventory_address.reach`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reach::Public => "public",
            Reach::Private => "private",
            Reach::Link => "link",
            Reach::Loopback => "loopback",
            Reach::Special => "special",
        }
    }

    /// Judges an address.
    #[must_use]
    pub fn of(ip: IpAddr) -> Reach {
        match ip {
            IpAddr::V4(v4) => Reach::of_v4(v4),
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| Reach::of_v6(v6), Reach::of_v4),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Reach {
        let [a, b, ..] = ip.octets();
        match () {
            () if ip.is_loopback() => Reach::Loopback,
            () if ip.is_link_local() => Reach::Link,
            () if ip.is_private() || (a == 100 && b & 0xc0 == 64) => Reach::Private,
            () if a == 0 || a >= 224 || ip.is_documentation() => Reach::Special,
            () => Reach::Public,
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Reach {
        let first = ip.segments()[0];
        match () {
            () if ip.is_loopback() => Reach::Loopback,
            () if first & 0xffc0 == 0xfe80 => Reach::Link,
            () if first & 0xfe00 == 0xfc00 => Reach::Private,
            () if first & 0xe000 == 0x2000 && !(first == 0x2001 && ip.segments()[1] == 0xdb8) => Reach::Public,
            () => Reach::Special,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_are_read_in_every_spelling_and_printed_in_one() {
        for text in ["00-00-5E-00-53-AF", "00:00:5e:00:53:af", "0000.5e00.53af", " 00005E0053AF "] {
            assert_eq!(Mac::parse(text).unwrap().to_string(), "00:00:5e:00:53:af", "{text}");
        }
        for text in ["", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:00:5e:00:53", "00:00:5e:00:53:af:01", "n/a"] {
            assert_eq!(Mac::parse(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_come_back_and_sort_as_numbers() {
        for text in ["10.0.0.1", "fe80::1", "2001:db8::1", "::1", "0.0.0.0"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(ip_from_bytes(&ip_bytes(ip)), Some(ip));
        }
        assert!(ip_bytes("9.255.0.1".parse().unwrap()) < ip_bytes("10.0.0.0".parse().unwrap()));
        assert_eq!(ip_from_bytes(&[1, 2, 3]), None);
    }

    #[test]
    fn reach_is_judged_by_the_address() {
        let reaches = [
            ("8.8.8.8", Reach::Public),
            ("172.31.0.1", Reach::Private),
            ("172.32.0.1", Reach::Public),
            ("100.64.0.1", Reach::Private),
            ("169.254.1.1", Reach::Link),
            ("127.0.0.1", Reach::Loopback),
            ("192.0.2.1", Reach::Special),
            ("224.0.0.1", Reach::Special),
            ("::1", Reach::Loopback),
            ("fe80::1", Reach::Link),
            ("fd00::1", Reach::Private),
            ("2a00::1", Reach::Public),
            ("2001:db8::1", Reach::Special),
            ("::ffff:10.0.0.1", Reach::Private),
        ];
        for (text, reach) in reaches {
            assert_eq!(Reach::of(text.parse().unwrap()), reach, "{text}");
        }
    }
}
