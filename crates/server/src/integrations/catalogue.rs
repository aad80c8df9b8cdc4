//! What Muster can read: every connector, with what it needs.

use sync::import::Format;
use sync::{Connector, Integration};
use ui::Icon;

use crate::Problem;

/// A connector.
pub(super) struct Entry {
    /// Its word in addresses.
    pub(super) word: &'static str,
    pub(super) name: &'static str,
    pub(super) icon: Icon,
    pub(super) category: &'static str,
    pub(super) sign_in: &'static str,
    pub(super) intervals: &'static str,
    /// One sentence.
    pub(super) about: &'static str,
    /// What is needed before, in the order in which it is done; what is connected has the guide instead.
    pub(super) steps: &'static [&'static str],
    /// The vendor's own documentation of its interface.
    pub(super) vendor: Option<(&'static str, &'static str)>,
    pub(super) kind: Kind,
}

/// How one comes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A form on these pages.
    Connect,
    /// A command, which reads a file.
    File(Format),
    /// On trial: somebody enrols, an administrator allows; and what it waits for.
    Trial(&'static str),
}

/// All of them, in the order in which they are offered.
pub(super) const ENTRIES: [Entry; 5] = [
    Entry {
        word: "sentinelone",
        name: "SentinelOne",
        icon: Icon::SentinelOne,
        category: "Endpoint security",
        sign_in: "API token, role Viewer",
        intervals: "Threats 5 min, activities 10 min, agents 1 h, others 24 h",
        about: "Agents, threats, activities, software, vulnerabilities, users and policies of a Singularity console. \
            Muster only ever reads.",
        steps: &[],
        vendor: Some(("API documentation, in your console", "/api-doc/overview")),
        kind: Kind::Connect,
    },
    Entry {
        word: "nmap",
        name: "nmap scan",
        icon: Icon::Radar,
        category: "Network discovery",
        sign_in: "None: a file",
        intervals: "When a file is brought",
        about: "Hosts, addresses and services that a scan measured, from nmap's XML.",
        steps: &["Scan with nmap and keep its XML: nmap -sV -oX scan.xml 192.0.2.0/24.", "Import it on this server."],
        vendor: None,
        kind: Kind::File(Format::Nmap),
    },
    Entry {
        word: "csv",
        name: "CSV import",
        icon: Icon::Grid,
        category: "Asset lists",
        sign_in: "None: a file",
        intervals: "When a file is brought",
        about: "A list of machines that somebody keeps. Exports of runZero, NetBox and ServiceNow are known by their headers.",
        steps: &["Save the list as CSV with a line of headers.", "Import it on this server."],
        vendor: None,
        kind: Kind::File(Format::Csv),
    },
    Entry {
        word: "json",
        name: "JSON import",
        icon: Icon::Braces,
        category: "Asset lists",
        sign_in: "None: a file",
        intervals: "When a file is brought",
        about: "Machines as JSON, one array or one object a line.",
        steps: &["Save the machines as JSON.", "Import it on this server."],
        vendor: None,
        kind: Kind::File(Format::Json),
    },
    Entry {
        word: "snmp",
        name: "SNMP probe",
        icon: Icon::Nodes,
        category: "Network discovery",
        sign_in: "Community (v2c) or user (v3)",
        intervals: "With each scan",
        about: "Network devices, asked for their names and interfaces while a network is scanned.",
        steps: &["Enrol, and let an administrator allow it.", "It is then offered where a scan is made."],
        vendor: None,
        kind: Kind::Trial("It is not connected by itself: choose it where a scan is made, under Tasks."),
    },
];

/// The connector of that word.
pub(super) fn entry(word: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.word == word)
}

/// The connector of that word, which is on trial.
pub(super) fn on_trial(word: &str) -> Result<&'static Entry, Problem> {
    let entry = entry(word).ok_or_else(|| Problem::missing("connector"))?;
    match entry.kind {
        Kind::Trial(_) => Ok(entry),
        _ => Err(Problem::conflict(format!("{} is not on trial: connect it.", entry.name))),
    }
}

/// The entry that an integration belongs to.
pub(super) fn of(connector: Connector) -> &'static Entry {
    entry(connector.word()).unwrap_or(&ENTRIES[0])
}

/// Where the vendor's documentation is inside the console of an integration; nothing where no vendor has any, and for a simulated
/// console, which has no pages.
pub(super) fn vendor_at(of: &Integration) -> Option<String> {
    let (_, path) = self::of(of.connector).vendor?;
    of.simulates().is_none().then(|| format!("{}{path}", of.console_url))
}

impl Entry {
    /// Whether a search finds it.
    pub(super) fn matches(&self, find: &str) -> bool {
        let find = kernel::fold(find.trim());
        [self.name, self.category, self.word, self.about].iter().any(|text| kernel::fold(text).contains(find.as_ref()))
    }

    /// The command that brings a file, where one does.
    pub(super) fn command(&self) -> Option<String> {
        match self.kind {
            Kind::File(format) => Some(format!("muster import {} FILE --source NAME --site SITE", format.word())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connector_that_can_be_connected_has_an_entry() {
        let files = Format::ALL.into_iter().map(Connector::File);
        for connector in files.chain([Connector::SentinelOne]) {
            assert_eq!(of(connector).word, connector.word());
        }
    }

    #[test]
    fn a_search_finds_by_name_category_and_what_it_is_about() {
        let found = |find: &str| ENTRIES.iter().filter(|entry| entry.matches(find)).map(|entry| entry.word).collect();
        let cases: [(&str, Vec<&str>); 4] = [
            ("SENTINEL", vec!["sentinelone"]),
            ("network", vec!["nmap", "snmp"]),
            ("netbox", vec!["csv"]),
            ("nothing of the kind", vec![]),
        ];
        for (find, wanted) in cases {
            let found: Vec<&str> = found(find);
            assert_eq!(found, wanted, "{find}");
        }
    }
}
