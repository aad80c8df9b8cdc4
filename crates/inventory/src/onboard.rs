//! The terms on which an integration's machines become assets, and which of a cluster's records stay outside.

use kernel::{IntegrationId, OrgId, Value};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use store::{StoreError, Tx};

use crate::left_out::{LeftOut, Onboard};
use crate::noun::Grade;
use crate::out::{Child, Column};

/// By what another source knows the same machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// By the rules of correlation alone.
    #[default]
    Correlation,
    /// Also by the computer's name: equal but for case, and on each side only once. It overrides no veto.
    ComputerName,
}

impl Identity {
    /// The word that is stored.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Identity::Correlation => "correlation",
            Identity::ComputerName => "computer_name",
        }
    }

    /// Reads the word back; hyphens will do.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Identity> {
        match word {
            "correlation" => Some(Identity::Correlation),
            "computer_name" | "computer-name" => Some(Identity::ComputerName),
            _ => None,
        }
    }
}

/// The terms of one integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Leaves out machines that no scan knows.
    pub exclude_unknown: bool,
    /// Takes in machines that no other source knows.
    pub auto_onboard: bool,
    /// By what another source knows the same machine.
    pub identity: Identity,
    /// Whether what it reports of an asset goes on being updated. If not, what it said before stays as it is and keeps
    /// its place; and a machine of which another source spoke before keeps what that one says.
    pub update_metadata: bool,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { exclude_unknown: false, auto_onboard: true, identity: Identity::Correlation, update_metadata: true }
    }
}

impl Terms {
    /// The option that leaves out what no scan knows.
    pub const EXCLUDE_UNKNOWN: &'static str = "exclude_unknown";
    /// The option that leaves out what no other source knows.
    pub const AUTO_ONBOARD: &'static str = "auto_onboard";

    /// What becomes of a machine of this integration that nobody has spoken of before.
    #[must_use]
    pub const fn onboard(&self) -> Onboard {
        if self.exclude_unknown {
            Onboard::WhenKnown(Terms::EXCLUDE_UNKNOWN)
        } else if !self.auto_onboard {
            Onboard::WhenKnown(Terms::AUTO_ONBOARD)
        } else {
            Onboard::Always
        }
    }
}

/// What matters of a record here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose it is.
    pub integration: IntegrationId,
    /// How good its word is.
    pub grade: Grade,
}

/// Every integration's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllTerms(FxHashMap<i64, Terms>);

impl AllTerms {
    /// The terms of an integration; the defaults if it never said.
    #[must_use]
    pub fn of(&self, integration: IntegrationId) -> Terms {
        self.0.get(&integration.0).copied().unwrap_or_default()
    }

    /// Whether every integration takes in whatever it hears of, and always did: then no machine waits outside.
    #[must_use]
    pub fn take_in_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Integrations that also go by computer names.
    #[must_use]
    pub fn by_computer_name(&self) -> Vec<IntegrationId> {
        let named = self.0.iter().filter(|(_, terms)| terms.identity == Identity::ComputerName);
        named.map(|(integration, _)| IntegrationId(*integration)).collect()
    }

    /// Which records of a cluster, all of one machine, stay outside: the answer has one entry for each, in order.
    #[must_use]
    pub fn outside(&self, cluster: &[Member]) -> Vec<Option<LeftOut>> {
        let scanned = cluster.iter().any(|member| member.grade == Grade::Scan);
        let of_one = |member: &Member| {
            let terms = self.of(member.integration);
            let alone = cluster.iter().all(|other| other.integration == member.integration);
            let option = if member.grade == Grade::Scan {
                return None;
            } else if terms.exclude_unknown && !scanned {
                Terms::EXCLUDE_UNKNOWN
            } else if !terms.auto_onboard && alone {
                Terms::AUTO_ONBOARD
            } else {
                return None;
            };
            Some(LeftOut { option, waits: true })
        };
        cluster.iter().map(of_one).collect()
    }
}

/// The terms of every integration that ever said any.
///
/// # Errors
/// The database fails.
pub fn terms(tx: &mut Tx<'_>, org: OrgId) -> Result<AllTerms, StoreError> {
    const READ: &str = "SELECT integration_id, exclude_unknown, auto_onboard, identity, update_metadata
        FROM inventory_terms WHERE org_id = $1";
    let rows = tx.query(READ, &[org.into()], |row| {
        let terms = Terms {
            exclude_unknown: row.int(1)? != 0,
            auto_onboard: row.int(2)? != 0,
            identity: Identity::from_word(row.text(3)?).unwrap_or_default(),
            update_metadata: row.int(4)? != 0,
        };
        Ok((row.int(0)?, terms))
    })?;
    Ok(AllTerms(rows.into_iter().collect()))
}

/// Sets the terms of an integration; answers whether they are others than before. What is stored is not looked at here.
///
/// # Errors
/// The database fails.
pub fn set_terms(tx: &mut Tx<'_>, org: OrgId, integration: IntegrationId, wanted: &Terms) -> Result<bool, StoreError> {
    const SET: &str = "INSERT INTO inventory_terms (org_id, integration_id, exclude_unknown, auto_onboard, identity,
        update_metadata) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (org_id, integration_id) DO UPDATE SET exclude_unknown = excluded.exclude_unknown,
        auto_onboard = excluded.auto_onboard, identity = excluded.identity, update_metadata = excluded.update_metadata";
    if terms(tx, org)?.of(integration) == *wanted {
        return Ok(false);
    }
    let values = [
        org.into(),
        integration.into(),
        wanted.exclude_unknown.into(),
        wanted.auto_onboard.into(),
        wanted.identity.word().into(),
        wanted.update_metadata.into(),
    ];
    tx.execute(SET, &values)?;
    Ok(true)
}

/// Columns of a machine that stay as they were taken in where metadata is not updated: its name, domain, operating
/// system, user and model, and what its reported addresses come to.
const METADATA: [&str; 20] = [
    "name",
    "name_folded",
    "os_term",
    "os_family_term",
    "os_name_term",
    "os_version_term",
    "os_arch_term",
    "hw_term",
    "hw_vendor_term",
    "manufacturer_term",
    "model_term",
    "domain_term",
    "user_name",
    "user_folded",
    "directory_name",
    "directory_folded",
    "address_count",
    "has_public",
    "has_private",
    "has_ipv6",
];

/// What hangs on a machine and stays with them.
pub(crate) const KEPT_CHILDREN: [Child; 2] = [Child::Name, Child::Address];

/// `yields` of a machine whose source updates metadata.
pub(crate) const UPDATES: i64 = 0;
/// `yields` of a machine that its source first spoke of when it did not update metadata: whoever spoke of the same
/// machine before goes before it.
pub(crate) const YIELDS: i64 = 1;
/// `yields` of a machine of which its source had spoken when somebody told it not to update metadata any more: its words
/// stay, in the place that they had.
pub(crate) const HOLDS: i64 = 2;

/// Whether a column is one of those that stay as they were taken in where metadata is not updated.
pub(crate) fn is_metadata(column: &str) -> bool {
    METADATA.contains(&column)
}

/// Keeps a machine's metadata as it is stored if its source no longer updates it; answers whether it does. The first thing
/// that a source says is taken in, and so is what it says once it updates again. What waits outside (`inside` is false)
/// has not spoken of any asset yet, so there is nothing to keep.
pub(crate) fn keep_metadata(
    columns: &[Column],
    before: &[Value<'static>],
    values: &mut [Value<'static>],
    inside: bool,
) -> bool {
    let yields = columns.iter().position(|column| column.name == "yields");
    let Some(yields) = yields.filter(|at| inside && values[*at] != Value::Int(UPDATES)) else { return false };
    for (at, _) in columns.iter().enumerate().filter(|(_, column)| is_metadata(column.name)) {
        values[at] = before[at].clone();
    }
    values[yields] = Value::Int(if before[yields] == Value::Int(YIELDS) { YIELDS } else { HOLDS });
    true
}

/// Lets correlation look at all machines of an integration again.
///
/// # Errors
/// The database fails.
pub fn unsettle(tx: &mut Tx<'_>, org: OrgId, integration: IntegrationId) -> Result<u64, StoreError> {
    const SET: &str = "UPDATE inventory_machine SET settled = 0 WHERE org_id = $1 AND integration_id = $2";
    tx.execute(SET, &[org.into(), integration.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: Member = Member { integration: IntegrationId(1), grade: Grade::Agent };
    const DEVICE: Member = Member { integration: IntegrationId(1), grade: Grade::Discovery };
    const SCAN: Member = Member { integration: IntegrationId(2), grade: Grade::Scan };
    const LIST: Member = Member { integration: IntegrationId(3), grade: Grade::List };

    fn options(terms: Terms, cluster: &[Member]) -> Vec<Option<&'static str>> {
        let all = AllTerms([(1, terms)].into_iter().collect());
        all.outside(cluster).into_iter().map(|left| left.map(|left| left.option)).collect()
    }

    #[test]
    fn a_machine_that_no_scan_knows_stays_outside() {
        let terms = Terms { exclude_unknown: true, ..Terms::default() };
        assert_eq!(options(terms, &[AGENT]), [Some("exclude_unknown")]);
        assert_eq!(options(terms, &[AGENT, DEVICE]), [Some("exclude_unknown"); 2], "discovery is no scan");
        assert_eq!(options(terms, &[AGENT, LIST]), [Some("exclude_unknown"), None], "the list's own record stays");
        assert_eq!(options(terms, &[AGENT, SCAN]), [None, None]);
    }

    #[test]
    fn a_machine_that_no_other_source_knows_is_not_onboarded() {
        let terms = Terms { auto_onboard: false, ..Terms::default() };
        assert_eq!(options(terms, &[AGENT]), [Some("auto_onboard")]);
        assert_eq!(options(terms, &[AGENT, DEVICE]), [Some("auto_onboard"); 2], "one console is one source");
        assert_eq!(options(terms, &[AGENT, LIST]), [None, None]);
        assert_eq!(options(Terms::default(), &[AGENT]), [None]);
    }

    #[test]
    fn what_a_scan_measured_is_known_by_itself() {
        let terms = Terms { exclude_unknown: true, auto_onboard: false, ..Terms::default() };
        let all = AllTerms([(2, terms)].into_iter().collect());
        assert_eq!(all.outside(&[SCAN]), [None]);
    }
}
