//! Hygiene: which values say something about a machine, and which say nothing because many have them by nature.

use std::net::IpAddr;

use kernel::fold;

use crate::noun::{Mac, Reach};

/// Why a value says nothing about which machine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Junk {
    /// A maker or a firmware wrote it where a value should be: `To be filled by O.E.M.`
    Placeholder,
    /// Too short to be one machine's alone.
    TooShort,
    /// Digits or letters without meaning: `0000000`, `123456789`.
    Filler,
    /// It is the model.
    Model,
    /// Made up by the machine itself, and another one tomorrow: the locally administered bit is set.
    Randomised,
    /// A group address.
    Multicast,
    /// The same on every machine with this program or adapter.
    Constant,
    /// A name that thousands of machines have.
    Generic,
}

impl Junk {
    /// Why, as the end of a sentence that begins with the value.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Junk::Placeholder => "is what a maker writes when there is no number",
            Junk::TooShort => "is too short to tell machines apart",
            Junk::Filler => "is a filler",
            Junk::Model => "is the model, and every machine of that model has it",
            Junk::Randomised => "is made up by the machine and changes (locally administered)",
            Junk::Multicast => "is a group address",
            Junk::Constant => "is the same on every machine with that adapter or program",
            Junk::Generic => "is a name that many machines have",
        }
    }
}

/// What firmware says instead of a serial number or a uuid, folded, without blanks and points.
const PLACEHOLDERS: &[&str] = &[
    "assettag",
    "baseboardserialnumber",
    "boardserialnumber",
    "chassisserialnumber",
    "default",
    "defaultstring",
    "empty",
    "eval",
    "insyde",
    "invalid",
    "na",
    "n/a",
    "noassettag",
    "none",
    "noserial",
    "noserialnumber",
    "notapplicable",
    "notavailable",
    "notspecified",
    "notsettled",
    "null",
    "oem",
    "oemserial",
    "parallels",
    "productserial",
    "pssn",
    "qemu",
    "serial",
    "serialnumber",
    "sernum0",
    "standard",
    "systemserialnumber",
    "test",
    "tobefilledbyoem",
    "type1productserialnumber",
    "type2boardserialnumber",
    "undefined",
    "unknown",
    "virtual",
    "virtualbox",
    "vmware",
    "xen",
    "mb-1234567890",
    "nbv1234567890",
];

/// Uuids that firmware gives to many boards.
const COMMON_UUIDS: &[&str] = &[
    "03000200040005000006000700080009",
    "6ab5b300538d10149fb5b0684d007b53",
    "00020003000400050006000700080009",
    "12345678123456781234567812345678",
    "fefefefefefefefefefefefefefefefe",
];

/// Hardware addresses, or their beginnings, that programs and adapters give to every machine.
const CONSTANT_MACS: &[&[u8]] = &[
    &[0x00, 0x05, 0x9a, 0x3c, 0x7a, 0x00], // a VPN client's adapter
    &[0x00, 0x09, 0x0f, 0xaa, 0x00, 0x01], // a VPN client's adapter
    &[0x00, 0x09, 0x0f, 0xfe, 0x00, 0x01], // a VPN client's adapter
    &[0x00, 0x1c, 0x42, 0x00, 0x00, 0x08], // a hypervisor's host-only network
    &[0x00, 0x1c, 0x42, 0x00, 0x00, 0x09], // a hypervisor's host-only network
    &[0x00, 0x50, 0x56, 0xc0],             // a hypervisor's host-only network
    &[0x00, 0x53, 0x45],                   // dial-up
    &[0x00, 0xa0, 0xc6, 0x00, 0x00, 0x00], // mobile broadband
    &[0x00, 0xff],                         // TAP adapters
    &[0x00, 0x00, 0x5e, 0x00, 0x01],       // VRRP
    &[0x00, 0x00, 0x5e, 0x00, 0x02],       // VRRP
    &[0x00, 0x00, 0x0c, 0x07, 0xac],       // HSRP
    &[0x00, 0x07, 0xb4],                   // GLBP
    &[0x0a, 0x00, 0x27],                   // a hypervisor's host-only network
    &[0x20, 0x41, 0x53, 0x59, 0x4e, 0xff], // RAS
    &[0x44, 0x45, 0x53, 0x54],             // WAN miniport
    &[0x50, 0x50, 0x54, 0x50, 0x30, 0x30], // PPTP
    &[0x58, 0x2c, 0x80, 0x13, 0x92, 0x63], // mobile broadband
    &[0x00, 0x1e, 0x10, 0x1f, 0x00, 0x00], // mobile broadband
];

/// Names that a maker or an installer gives, folded.
const GENERIC_NAMES: &[&str] = &[
    "admin-pc",
    "administrator",
    "amazon",
    "android",
    "archlinux",
    "centos",
    "client",
    "computer",
    "debian",
    "default",
    "desktop",
    "device",
    "dhcp",
    "espressif",
    "fedora",
    "firewall",
    "galaxy",
    "gateway",
    "host",
    "imac",
    "ipad",
    "iphone",
    "ip",
    "kali",
    "laptop",
    "linux",
    "localhost",
    "mac",
    "mac-mini",
    "macbook",
    "macbook-air",
    "macbook-pro",
    "macbookair",
    "macbookpro",
    "mac-studio",
    "n/a",
    "na",
    "nas",
    "none",
    "null",
    "openwrt",
    "owner-pc",
    "pc",
    "printer",
    "raspberrypi",
    "rhel",
    "router",
    "server",
    "switch",
    "test",
    "ubuntu",
    "unknown",
    "user-pc",
    "vm",
    "win10",
    "win11",
    "windows",
    "workstation",
];

/// Those of them to which a network appends a number where there is another one: `iphone-2`. In others a number is what
/// somebody counts by: `pc-0471`.
const NUMBERED_NAMES: &[&str] = &[
    "android",
    "galaxy",
    "imac",
    "ipad",
    "iphone",
    "localhost",
    "mac-mini",
    "mac-studio",
    "macbook",
    "macbook-air",
    "macbook-pro",
    "macbookair",
    "macbookpro",
    "raspberrypi",
    "ubuntu",
];

/// Domains in which a name is nobody's.
const NO_DOMAINS: &[&str] = &["home.arpa", "in-addr.arpa", "ip6.arpa", "localhost.localdomain"];

/// Addresses that a hypervisor or a container engine gives to every host.
const HOST_ONLY: &[[u8; 4]] = &[
    [10, 0, 75, 1],
    [172, 17, 0, 1],
    [172, 18, 0, 1],
    [172, 19, 0, 1],
    [192, 168, 56, 1],
    [192, 168, 65, 1],
    [192, 168, 99, 1],
    [192, 168, 122, 1],
    [192, 168, 137, 1],
];

/// The least characters of a serial number that tells machines apart.
const SERIAL_CHARACTERS_MIN: usize = 4;

/// The least characters of a uuid.
const UUID_CHARACTERS_MIN: usize = 8;

/// The serial number, folded; or why it says nothing.
///
/// # Errors
/// It says nothing.
pub fn serial(text: &str, model: Option<&str>) -> Result<String, Junk> {
    let folded = fold(text.trim()).into_owned();
    let bare: String = folded.chars().filter(|letter| !letter.is_whitespace() && *letter != '.').collect();
    if PLACEHOLDERS.contains(&bare.as_str()) {
        return Err(Junk::Placeholder);
    }
    if bare.chars().count() < SERIAL_CHARACTERS_MIN {
        return Err(Junk::TooShort);
    }
    if is_filler(&bare) {
        return Err(Junk::Filler);
    }
    if model.is_some_and(|model| fold(model.trim()) == folded) {
        return Err(Junk::Model);
    }
    Ok(folded)
}

/// Digits in order, or nothing but zeros, ones, x and dashes, or one character over and over.
fn is_filler(bare: &str) -> bool {
    let letters: Vec<char> = bare.chars().filter(|letter| *letter != '-' && *letter != '_').collect();
    let Some(first) = letters.first() else { return true };
    let counts = "01234567890123456789".contains(bare) || "98765432109876543210".contains(bare);
    counts
        || letters.iter().all(|letter| letter == first)
        || letters.iter().all(|letter| matches!(letter, '0' | '1' | 'x'))
}

/// The uuid without dashes, folded; or why it says nothing.
///
/// # Errors
/// It says nothing.
pub fn uuid(text: &str) -> Result<String, Junk> {
    let bare: String = fold(text.trim()).chars().filter(|letter| !matches!(letter, '-' | '{' | '}' | ' ')).collect();
    if PLACEHOLDERS.contains(&bare.as_str()) {
        return Err(Junk::Placeholder);
    }
    if bare.chars().count() < UUID_CHARACTERS_MIN {
        return Err(Junk::TooShort);
    }
    if is_filler(&bare) || COMMON_UUIDS.contains(&bare.as_str()) {
        return Err(Junk::Filler);
    }
    Ok(bare)
}

/// Whether a hardware address is a machine's own.
///
/// # Errors
/// It is not.
pub fn mac(mac: Mac) -> Result<Mac, Junk> {
    let Mac(bytes) = mac;
    if CONSTANT_MACS.iter().any(|constant| bytes.starts_with(constant)) {
        return Err(Junk::Constant);
    }
    if bytes[0] & 1 != 0 {
        return Err(Junk::Multicast);
    }
    if bytes[0] & 2 != 0 {
        return Err(Junk::Randomised);
    }
    Ok(mac)
}

/// The short form of a host name, folded; or why it says nothing.
///
/// # Errors
/// It says nothing.
pub fn name(text: &str) -> Result<String, Junk> {
    let folded = fold(text.trim()).into_owned();
    let short = folded.split('.').next().unwrap_or_default();
    let base =
        short.trim_end_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '(' | ')' | '_' | ' '));
    if base.is_empty() || GENERIC_NAMES.contains(&short) || NUMBERED_NAMES.contains(&base) {
        return Err(Junk::Generic);
    }
    if short.chars().count() < 2 || holds_address(short) {
        return Err(Junk::Generic);
    }
    Ok(short.to_owned())
}

/// Whether a name is made of its address, as name servers do: `ip-10-0-0-7`, `dhcp-192-168-1-20`.
fn holds_address(short: &str) -> bool {
    let numbers = short.split(['-', '_']).filter(|part| part.parse::<u8>().is_ok()).count();
    numbers >= 4
}

/// The full form of a host name, folded, if it has a real domain.
///
/// # Errors
/// It has none, or says nothing.
pub fn full_name(text: &str) -> Result<String, Junk> {
    let folded = fold(text.trim().trim_end_matches('.')).into_owned();
    name(&folded)?;
    let Some((_, domain)) = folded.split_once('.') else { return Err(Junk::Generic) };
    let none = NO_DOMAINS.iter().any(|none| domain == *none || domain.ends_with(&format!(".{none}")));
    if !domain.contains('.') || none || folded.parse::<IpAddr>().is_ok() {
        return Err(Junk::Generic);
    }
    Ok(folded)
}

/// Whether an address can be one machine's in its network.
#[must_use]
pub fn is_own_address(ip: IpAddr) -> bool {
    let reachable = matches!(Reach::of(ip), Reach::Public | Reach::Private);
    let host_only = match ip.to_canonical() {
        IpAddr::V4(v4) => HOST_ONLY.contains(&v4.octets()),
        IpAddr::V6(_) => false,
    };
    reachable && !host_only
}

/// Names of makers, as they begin when folded, and the word that stands for each.
const MAKERS: &[(&str, &str)] = &[
    ("hewlett", "hp"),
    ("hp", "hp"),
    ("dell", "dell"),
    ("lenovo", "lenovo"),
    ("ibm", "ibm"),
    ("asus", "asus"),
    ("acer", "acer"),
    ("apple", "apple"),
    ("microsoft", "microsoft"),
    ("vmware", "vmware"),
    ("innotek", "virtualbox"),
    ("oracle", "virtualbox"),
    ("fujitsu", "fujitsu"),
    ("toshiba", "toshiba"),
    ("dynabook", "toshiba"),
    ("panasonic", "panasonic"),
    ("matsushita", "panasonic"),
    ("supermicro", "supermicro"),
    ("super micro", "supermicro"),
    ("samsung", "samsung"),
    ("gigabyte", "gigabyte"),
    ("giga-byte", "gigabyte"),
    ("micro-star", "msi"),
    ("msi", "msi"),
    ("cisco", "cisco"),
    ("qemu", "qemu"),
    ("xen", "xen"),
    ("amazon", "amazon"),
    ("google", "google"),
];

/// A maker as one word: what two sources spell `Dell Inc.` and `DELL` is one.
#[must_use]
pub fn maker(text: &str) -> Option<String> {
    let folded = fold(text.trim()).into_owned();
    if let Some((_, word)) = MAKERS.iter().find(|(begins, _)| folded.starts_with(begins)) {
        return Some((*word).to_owned());
    }
    let word = folded.split([' ', ',', '.']).next().unwrap_or_default();
    let bare: String = folded.chars().filter(|letter| !letter.is_whitespace() && *letter != '.').collect();
    (!word.is_empty() && !PLACEHOLDERS.contains(&bare.as_str())).then(|| word.to_owned())
}

/// The family of an operating system: `windows_legacy` is `windows`.
#[must_use]
pub fn family(text: &str) -> Option<String> {
    let folded = fold(text.trim()).into_owned();
    let family = match folded.as_str() {
        "" | "unknown" | "other" => return None,
        text if text.starts_with("windows") => "windows",
        text if text.starts_with("mac") || text.starts_with("darwin") || text.starts_with("os x") => "macos",
        text if text.starts_with("linux") => "linux",
        text => text,
    };
    Some(family.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_that_say_nothing_are_found_out() {
        let junk = [
            "To be filled by O.E.M.",
            "0",
            "None",
            "Default string",
            "System Serial Number",
            "  ",
            "00000000",
            "XXXXXXXX",
            "01010101",
            "123456789",
            "---",
            "ab1",
            "Not Specified",
            "EVAL",
        ];
        for text in junk {
            assert!(serial(text, None).is_err(), "{text:?}");
        }
        assert_eq!(serial("Latitude 7420", Some("latitude 7420")), Err(Junk::Model));
        let vm = "VMware-56 4d 1c 2e 90 aa 01 02-03 04 05 06 07 08 09 0a";
        assert_eq!(serial(vm, None), Ok(vm.to_lowercase()));
        assert_eq!(serial(" 5CG1234XYZ ", None), Ok("5cg1234xyz".to_owned()));
    }

    #[test]
    fn uuids_of_whole_product_lines_say_nothing() {
        for text in [
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
            "6AB5B300-538D-1014-9FB5-B0684D007B53",
            "01010101-0101-0101-0101-010101010101",
            "none",
        ] {
            assert!(uuid(text).is_err(), "{text}");
        }
        assert_eq!(uuid("{1B4E28BA-2FA1-11D2-883F-0016D3CCA427}"), Ok("1b4e28ba2fa111d2883f0016d3cca427".to_owned()));
    }

    #[test]
    fn hardware_addresses_that_many_have_say_nothing() {
        let of = |text: &str| mac(Mac::parse(text).unwrap());
        for text in [
            "20:41:53:59:4e:ff",
            "33:50:6f:45:30:30",
            "50:50:54:50:30:30",
            "02:00:4e:43:50:49",
            "0a:00:27:00:00:00",
            "00:50:56:c0:00:08",
            "01:00:5e:00:00:01",
            "da:a1:19:12:34:56",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
        for text in ["00:50:56:9a:12:34", "08:00:27:12:34:56", "bc:24:11:00:00:01"] {
            assert!(of(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn names_that_thousands_have_say_nothing() {
        for text in [
            "localhost",
            "iPhone",
            "iPhone-2",
            "MacBook-Pro",
            "MacBook-Pro-12",
            "ip-10-0-0-7",
            "",
            "42",
            "dhcp-192-168-1-20.corp.example",
        ] {
            assert!(name(text).is_err(), "{text}");
        }
        assert_eq!(name("LT-0471.corp.example"), Ok("lt-0471".to_owned()));
        assert_eq!(name("PC-0471"), Ok("pc-0471".to_owned()));
        assert_eq!(name("PC-\u{c9}"), name("pc-e\u{301}"));
        assert_eq!(full_name("LT-0471.Corp.Example."), Ok("lt-0471.corp.example".to_owned()));
        for text in ["lt-0471", "lt-0471.local", "lt-0471.workgroup", "10.0.0.7"] {
            assert!(full_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn makers_are_one_however_they_are_spelled() {
        assert_eq!(maker("Dell Inc."), maker("DELL"));
        assert_eq!(maker("Hewlett-Packard"), maker("HP"));
        assert_ne!(maker("Dell Inc."), maker("HP"));
        assert_eq!(maker("To be filled by O.E.M."), None);
        assert_eq!(family("windows_legacy"), family("Windows"));
    }

    #[test]
    fn addresses_that_every_host_has_are_nobodys() {
        for text in ["127.0.0.1", "169.254.1.1", "172.17.0.1", "192.168.56.1", "fe80::1", "::1"] {
            assert!(!is_own_address(text.parse().unwrap()), "{text}");
        }
        assert!(is_own_address("10.20.0.7".parse().unwrap()));
    }
}
