//! How networks are looked at, and the command line that says so to nmap.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Targets;

/// Packets a second unless somebody chooses another rate: a network of offices does not notice them.
pub const RATE_DEFAULT: u32 = 300;

/// Packets a second, at most.
pub const RATE_MAX: u32 = 10_000;

/// How long a scan may take unless somebody says otherwise, in minutes.
pub const MINUTES_DEFAULT: u32 = 120;

/// How long a scan may take at most, in minutes: a day.
pub const MINUTES_MAX: u32 = 24 * 60;

/// How many TCP ports are looked at unless somebody names them: those that are open most often, by nmap's own list.
pub const PORTS_TOP: u32 = 100;

/// Ports and ranges that can be named.
const PORT_WORDS_MAX: usize = 100;

/// How often a packet is sent again.
const RETRIES: u32 = 2;

/// After how long one machine is given up, in minutes.
const HOST_MINUTES: u32 = 15;

/// Communities and users that one scan tries, at most: each costs a machine that does not answer some seconds.
pub const COMMUNITIES_MAX: usize = 8;

/// Names of files in the folder in which nmap runs. Relative, so that no path is part of what the scan says of itself.
pub(super) const XML: &str = "scan.xml";
pub(super) const SCRIPT: &str = "muster-snmp.nse";
/// What its findings are called.
pub(super) const SCRIPT_NAME: &str = "muster-snmp";
pub(super) const SCRIPT_ARGUMENTS: &str = "snmp.args";

/// A scan as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// What is looked at.
    pub targets: Targets,
    /// Which TCP ports.
    #[serde(default)]
    pub ports: Ports,
    /// Packets a second, at most; up to [`RATE_MAX`].
    pub rate: u32,
    /// How long it may take, in minutes; up to [`MINUTES_MAX`]. What was found until then is kept, as half a scan.
    pub minutes: u32,
    /// Asks open ports what they are, and looks which operating system answers.
    pub closely: bool,
    /// Asks the resolver for the names of what answers.
    pub names: bool,
    /// Asks by SNMP, with communities and users that are handed over beside it.
    pub snmp: bool,
}

/// Why a scan cannot be made so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A port is none.
    #[error("{0:?} is no port and no range of ports; write them like 22,80,8000-8100")]
    Ports(String),
    /// Out of bounds.
    #[error("the {what} is a number from 1 to {max}; {given} is not")]
    Bounds {
        /// What.
        what: &'static str,
        /// The most.
        max: u32,
        /// What was given.
        given: u32,
    },
}

impl Scan {
    /// A scan of these targets, with everything as is usual.
    #[must_use]
    pub fn of(targets: Targets) -> Scan {
        let (rate, minutes) = (RATE_DEFAULT, MINUTES_DEFAULT);
        Scan { targets, ports: Ports::default(), rate, minutes, closely: true, names: true, snmp: false }
    }

    /// Compares numbers with their bounds.
    ///
    /// # Errors
    /// One is out of them.
    pub fn check(&self) -> Result<(), OrderError> {
        for (what, given, max) in
            [("rate in packets a second", self.rate, RATE_MAX), ("time limit in minutes", self.minutes, MINUTES_MAX)]
        {
            if !(1..=max).contains(&given) {
                return Err(OrderError::Bounds { what, max, given });
            }
        }
        Ok(())
    }

    /// The words behind `nmap`. With `raw`, it may make its own packets, as root may; without, it connects as every program
    /// does, sees no hardware addresses and guesses no operating systems.
    #[must_use]
    pub fn arguments(&self, raw: bool) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut say = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        say(if raw { &["--privileged", "-sS"] } else { &["--unprivileged", "-sT"] });
        if self.targets.is_v6() {
            say(&["-6"]);
        }
        match self.ports.is_top() {
            true => say(&["--top-ports", &PORTS_TOP.to_string()]),
            false => say(&["-p", &self.ports.0]),
        }
        say(&["--max-rate", &self.rate.to_string(), "--max-retries", &RETRIES.to_string()]);
        say(&["--host-timeout", &format!("{HOST_MINUTES}m")]);
        if self.closely {
            say(&["-sV", "--version-light"]);
            if raw {
                say(&["-O", "--osscan-limit"]);
            }
        }
        if !self.names {
            say(&["-n"]);
        }
        if self.snmp {
            say(&["--script", &format!("./{SCRIPT}"), "--script-args-file", SCRIPT_ARGUMENTS]);
        }
        say(&["--stats-every", "2s", "-oX", XML]);
        let left_out = self.targets.left_out().replace(' ', "");
        if !left_out.is_empty() {
            say(&["--exclude", &left_out]);
        }
        words.extend(self.targets.words());
        words
    }

    /// The whole command line as people would type it.
    #[must_use]
    pub fn command(&self, raw: bool) -> String {
        format!("nmap {}", self.arguments(raw).join(" "))
    }
}

/// TCP ports; by default the [`PORTS_TOP`] that are open most often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ports(String);

impl TryFrom<String> for Ports {
    type Error = OrderError;

    fn try_from(text: String) -> Result<Ports, OrderError> {
        Ports::parse(&text)
    }
}

impl From<Ports> for String {
    fn from(ports: Ports) -> String {
        ports.0
    }
}

impl Ports {
    /// Reads ports and ranges with commas between them; the empty text are the usual ones.
    ///
    /// # Errors
    /// A word is neither, or there are too many.
    pub fn parse(text: &str) -> Result<Ports, OrderError> {
        let wrong =
            |word: &str| OrderError::Ports(word.chars().filter(|letter| !letter.is_control()).take(80).collect());
        let mut found: Vec<String> = Vec::new();
        for word in text.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|word| !word.is_empty()) {
            let number = |text: &str| {
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                digits.then(|| text.parse::<u16>().ok()).flatten().filter(|port| *port > 0)
            };
            let one = match word.split_once('-') {
                None => number(word).map(|port| port.to_string()),
                Some((from, to)) => number(from)
                    .zip(number(to))
                    .filter(|(from, to)| from <= to)
                    .map(|(from, to)| format!("{from}-{to}")),
            };
            found.push(one.ok_or_else(|| wrong(word))?);
        }
        if found.len() > PORT_WORDS_MAX {
            return Err(wrong(text));
        }
        Ok(Ports(found.join(",")))
    }

    /// Whether they are the usual ones.
    #[must_use]
    pub fn is_top(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(targets: &str, left_out: &str) -> Scan {
        Scan::of(Targets::parse(targets, left_out).unwrap())
    }

    #[test]
    fn the_command_line_says_what_was_chosen_and_its_bounds() {
        let usual = scan("10.20.0.0/24 10.30.0.5", "10.20.0.1 10.20.0.2");
        assert_eq!(
            usual.command(true),
            "nmap --privileged -sS --top-ports 100 --max-rate 300 --max-retries 2 --host-timeout 15m -sV --version-light \
             -O --osscan-limit --stats-every 2s -oX scan.xml --exclude 10.20.0.1,10.20.0.2 10.20.0.0/24 10.30.0.5"
        );
        let other = Scan {
            ports: Ports::parse("22, 8000-8100").unwrap(),
            rate: 50,
            closely: false,
            names: false,
            snmp: true,
            ..scan("fd00::/120", "")
        };
        assert_eq!(
            other.command(false),
            "nmap --unprivileged -sT -6 -p 22,8000-8100 --max-rate 50 --max-retries 2 --host-timeout 15m -n --script \
             ./muster-snmp.nse --script-args-file snmp.args --stats-every 2s -oX scan.xml fd00::/120"
        );
    }

    #[test]
    fn numbers_have_bounds_and_ports_are_numbers() {
        let usual = scan("10.0.0.1", "");
        assert_eq!(usual.check(), Ok(()));
        assert!(Scan { rate: 0, ..usual.clone() }.check().is_err());
        assert!(Scan { rate: RATE_MAX + 1, ..usual.clone() }.check().is_err());
        assert!(Scan { minutes: MINUTES_MAX + 1, ..usual }.check().is_err());
        assert!(Ports::parse(" ").unwrap().is_top());
        for text in ["0", "65536", "9-1", "http", "-oN", "U:161", "22;reboot", "1-", "+1", "22,,x"] {
            assert!(Ports::parse(text).is_err(), "{text}");
        }
        assert!(Ports::parse(&vec!["1"; 101].join(",")).is_err());
    }
}
