//! What the console itself knows to be the right answers, computed from its own state and from nothing a client does.

use std::collections::BTreeMap;

/// The right answers, as one token sees the console at its present instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Accounts that `GET /accounts` lists; absent for a site's token, which may not ask.
    pub accounts: Option<u64>,
    /// Console sites.
    pub sites: u64,
    /// Console groups.
    pub groups: u64,
    /// Groups that do not inherit their policy.
    pub groups_not_inheriting: u64,
    /// Agents, decommissioned and uninstalled ones included.
    pub agents: u64,
    /// Agents that are neither decommissioned nor uninstalled.
    pub agents_present: u64,
    /// Agents that are decommissioned.
    pub decommissioned: u64,
    /// Agents that are uninstalled.
    pub uninstalled: u64,
    /// All agents by `osType`.
    pub agents_by_os: BTreeMap<String, u64>,
    /// All agents by `machineType`.
    pub agents_by_machine_type: BTreeMap<String, u64>,
    /// Ids of the Windows agents that are no servers and are decommissioned or uninstalled, in ascending order: the answer to
    /// `os:windows and not type:server and not edr.name:SentinelOne`.
    pub unprotected_workstations: Vec<String>,
    /// Ids of all agents whose `mitigationMode` is `detect`, in ascending order.
    pub detect_mode: Vec<String>,
    /// Ids of the agents among `detect_mode` that are neither decommissioned nor uninstalled.
    pub detect_mode_present: Vec<String>,
    /// Agents that are infected.
    pub infected: u64,
    /// Threats.
    pub threats: u64,
    /// Threats whose incident is unresolved.
    pub threats_unresolved: u64,
    /// Threats by `threatName`, most frequent first, then by name.
    pub busiest_threats: Vec<(String, u64)>,
    /// Threats by `analystVerdict`.
    pub threats_by_verdict: BTreeMap<String, u64>,
    /// Activities that `GET /activities` lists without `includeHidden` (not capped).
    pub activities: u64,
    /// Activities, hidden ones included (not capped).
    pub activities_with_hidden: u64,
    /// Activities by `activityType`, hidden ones included.
    pub activities_by_type: BTreeMap<i64, u64>,
    /// Console users.
    pub users: u64,
    /// Service users.
    pub service_users: u64,
}
