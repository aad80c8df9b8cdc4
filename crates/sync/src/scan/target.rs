//! What a scan looks at: addresses and networks, and nothing that could be taken for anything else.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Addresses that one scan looks at, at most: a /16, or a /112 of IPv6.
pub const ADDRESSES_MAX: u128 = 65_536;

/// Networks and addresses of one scan, and as many that it leaves out; at most.
pub const TARGETS_MAX: usize = 64;

/// Networks that scans may touch unless somebody chooses others: those that are nobody's on the internet. This machine itself
/// and its link are not among them, as much there listens for this machine alone.
pub const ALLOWED_DEFAULT: [&str; 5] = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// What a scan looks at, and what of it it leaves out; of one family, in canonical form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Targets {
    networks: Vec<IpNet>,
    left_out: Vec<IpNet>,
}

/// The same as texts, which are parsed and bounded again wherever they come from.
#[derive(Serialize, Deserialize)]
struct Written {
    networks: String,
    left_out: String,
}

impl TryFrom<Written> for Targets {
    type Error = TargetError;

    fn try_from(text: Written) -> Result<Targets, TargetError> {
        Targets::parse(&text.networks, &text.left_out)
    }
}

impl From<Targets> for Written {
    fn from(targets: Targets) -> Written {
        Written { networks: targets.text(), left_out: targets.left_out() }
    }
}

/// Why something cannot be scanned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing is named.
    #[error("no target is named; name addresses and networks, such as 10.20.0.5 10.30.0.0/24")]
    None,
    /// It is no address.
    #[error("{0:?} is no address and no network; write them like 10.20.0.5 or 10.30.0.0/24")]
    NoAddress(String),
    /// It is a name.
    #[error("{0:?} is a name, and what a name leads to may change; write the address")]
    Name(String),
    /// Nobody has such an address.
    #[error("{} is no address of a machine", written(.0))]
    NoMachine(IpNet),
    /// It is too wide.
    #[error("{what} has {count} addresses, and one scan looks at {ADDRESSES_MAX} at most; scan it in parts")]
    TooWide {
        /// What.
        what: String,
        /// Its addresses.
        count: u128,
    },
    /// There are too many words.
    #[error("these are {0} targets, and one scan takes {TARGETS_MAX} at most; name the network they are in")]
    TooMany(usize),
    /// Both families.
    #[error("{} and {} are of different families, and one scan looks at one; make two", written(.0), written(.1))]
    Families(IpNet, IpNet),
    /// It is not among what scans may touch.
    #[error("{} is not among the networks that scans may touch: {allowed}", written(network))]
    NotAllowed {
        /// Which.
        network: IpNet,
        /// What is.
        allowed: String,
    },
}

/// Reads words between spaces, commas or lines as addresses and networks, in canonical form, each once.
fn networks(text: &str) -> Result<Vec<IpNet>, TargetError> {
    let words = text.split(|letter: char| letter.is_whitespace() || letter == ',').filter(|word| !word.is_empty());
    let mut found = Vec::new();
    for word in words {
        let network = network(word)?;
        if !found.contains(&network) {
            found.push(network);
        }
    }
    if found.len() > TARGETS_MAX {
        return Err(TargetError::TooMany(found.len()));
    }
    Ok(found)
}

fn network(word: &str) -> Result<IpNet, TargetError> {
    let shown = || word.chars().filter(|letter| !letter.is_control()).take(80).collect::<String>();
    let parsed = match word.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => word.parse::<IpNet>().ok(),
    };
    if let Some(network) = parsed {
        return Ok(network.trunc());
    }
    let is_name = word.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && word.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'));
    Err(if is_name { TargetError::Name(shown()) } else { TargetError::NoAddress(shown()) })
}

/// Addresses of a network, those at its ends included; saturating.
fn size(network: &IpNet) -> u128 {
    let bits = u32::from(network.max_prefix_len() - network.prefix_len());
    1u128.checked_shl(bits).unwrap_or(u128::MAX)
}

impl Targets {
    /// Reads what to look at, and what of it to leave out.
    ///
    /// # Errors
    /// A word is no address or network, there are too many, they are too wide, or of both families.
    pub fn parse(targets: &str, left_out: &str) -> Result<Targets, TargetError> {
        let (networks, left_out) = (networks(targets)?, networks(left_out)?);
        let Some(first) = networks.first() else { return Err(TargetError::None) };
        let is_v4 = matches!(first, IpNet::V4(_));
        if let Some(other) = networks.iter().chain(&left_out).find(|other| matches!(other, IpNet::V4(_)) != is_v4) {
            return Err(TargetError::Families(*first, *other));
        }
        for network in &networks {
            let lowest = network.network();
            if lowest.is_unspecified() && network.prefix_len() > 0 || lowest.is_multicast() {
                return Err(TargetError::NoMachine(*network));
            }
            let count = size(network);
            if count > ADDRESSES_MAX {
                return Err(TargetError::TooWide { what: network.to_string(), count });
            }
        }
        let targets = Targets { networks, left_out };
        let count = targets.addresses();
        if count > ADDRESSES_MAX {
            return Err(TargetError::TooWide { what: "all of it together".to_owned(), count });
        }
        Ok(targets)
    }

    /// Whether every target lies inside what is allowed.
    ///
    /// # Errors
    /// The first that does not.
    pub fn within(&self, allowed: &[IpNet]) -> Result<(), TargetError> {
        for network in &self.networks {
            if !allowed.iter().any(|whole| whole.contains(network)) {
                let allowed = if allowed.is_empty() { "none".to_owned() } else { listed(allowed) };
                return Err(TargetError::NotAllowed { network: *network, allowed });
            }
        }
        Ok(())
    }

    /// Addresses of all targets; of those that are left out none is taken off.
    #[must_use]
    pub fn addresses(&self) -> u128 {
        self.networks.iter().map(size).fold(0, u128::saturating_add)
    }

    /// Whether they are of IPv6.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        matches!(self.networks.first(), Some(IpNet::V6(_)))
    }

    /// What is looked at, as words of a command line: digits, points, colons, letters to f and a slash.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.networks.iter().map(written)
    }

    /// What is looked at, in words with commas.
    #[must_use]
    pub fn text(&self) -> String {
        listed(&self.networks)
    }

    /// What is left out, in words with commas; the empty text for nothing.
    #[must_use]
    pub fn left_out(&self) -> String {
        listed(&self.left_out)
    }
}

/// A single address is written without its length.
fn written(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() { network.addr().to_string() } else { network.to_string() }
}

fn listed(networks: &[IpNet]) -> String {
    networks.iter().map(written).collect::<Vec<_>>().join(", ")
}

/// Reads the networks that scans may touch. Nothing named allows nothing.
///
/// # Errors
/// A word is no address or network, or there are too many.
pub fn allowed(text: &str) -> Result<Vec<IpNet>, TargetError> {
    networks(text)
}

/// The same as text.
#[must_use]
pub fn allowed_text(allowed: &[IpNet]) -> String {
    listed(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_networks_are_taken_in_one_form() {
        let targets = Targets::parse("10.20.0.9/24, 10.30.0.5\n10.30.0.5/32", "10.20.0.1").unwrap();
        assert_eq!(targets.words().collect::<Vec<_>>(), ["10.20.0.0/24", "10.30.0.5"]);
        assert_eq!((targets.left_out().as_str(), targets.addresses()), ("10.20.0.1", 257));
        let six = Targets::parse("FD00:0::1 fd00::/120", "").unwrap();
        assert_eq!((six.text().as_str(), six.is_v6()), ("fd00::1, fd00::/120", true));
    }

    #[test]
    fn what_is_no_target_is_refused_in_a_sentence() {
        let mut told = String::new();
        for (text, left_out) in [
            ("", ""),
            (" , ", ""),
            ("0.0.0.0/0", ""),
            ("::/0", ""),
            ("0.0.0.0", ""),
            ("224.0.0.1", ""),
            ("10.0.0.0/8", ""),
            ("10.0.0.0/16 10.1.0.5", ""),
            ("fd00::/64", ""),
            ("10.0.0.1 fd00::1", ""),
            ("10.0.0.1", "fd00::1"),
            ("printer.office.example", ""),
            ("10.0.0.1-5", ""),
            ("10.0.0.*", ""),
            ("010.0.0.1", ""),
            ("10.0.0.1/33", ""),
            ("fe80::1%eth0", ""),
            ("-iL /etc/passwd", ""),
            ("--script=http-shellshock", ""),
            ("10.0.0.1;reboot", ""),
            ("$(reboot)", ""),
            ("10.0.0.1", "-oN/etc/cron.d/x"),
        ] {
            let error = Targets::parse(text, left_out).expect_err(text);
            told += &format!("{text:?} {left_out:?}: {error}\n");
        }
        let many: Vec<String> = (0..65).map(|at| format!("10.0.0.{at}")).collect();
        assert_eq!(Targets::parse(&many.join(" "), ""), Err(TargetError::TooMany(65)));
        for (part, count) in [(" is a name", 1), ("is no address and no network", 10), ("at most; scan it in parts", 5)]
        {
            assert_eq!(told.matches(part).count(), count, "{part}: {told}");
        }
    }

    #[test]
    fn only_private_networks_are_allowed_unless_somebody_says_otherwise() {
        let usual = allowed(&ALLOWED_DEFAULT.join(" ")).unwrap();
        for (text, fine) in [
            ("10.1.2.0/24 192.168.128.0/17", true),
            ("fd12::/112", true),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("10.0.0.1 8.8.8.8", false),
            ("172.32.0.1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(Targets::parse(text, "").unwrap().within(&usual).is_ok(), fine, "{text}");
        }
        let none = Targets::parse("10.0.0.1", "").unwrap().within(&[]).unwrap_err();
        assert_eq!(none.to_string(), "10.0.0.1 is not among the networks that scans may touch: none");
    }

    proptest! {
        /// Whatever somebody writes, what comes out of it are addresses: no word is an option, and none has a blank.
        #[test]
        fn nothing_but_addresses_comes_through(text in "[-0-9a-fA-F.:/ ,*;$(){}'\"\\\\\n%]{0,60}") {
            if let Ok(targets) = Targets::parse(&text, &text) {
                for word in targets.words().chain([targets.left_out()]) {
                    let plain = |letter: char| letter.is_ascii_hexdigit() || matches!(letter, '.' | ':' | '/' | ',' | ' ');
                    prop_assert!(word.chars().all(plain) && !word.starts_with('-'), "{word}");
                }
                prop_assert!(targets.addresses() <= ADDRESSES_MAX);
            }
        }
    }
}
