//! Agents, and the assets that are projected from them.

use std::net::IpAddr;

use kernel::Timestamp;

use crate::noun::{ConsoleScope, Interface, Name, Tag};

/// What an agent says about itself and its machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentNoun {
    /// The machine's name.
    pub name: Option<String>,
    /// Every name of the machine, the one above included.
    pub names: Vec<Name>,
    /// The machine's type as the source calls it: `server`, `laptop`, `kubernetes node`.
    pub type_: Option<String>,
    /// The operating system as people say it, name and revision: `Windows 10 Pro 19045`.
    pub os: Option<String>,
    /// Its family: `windows`, `windows_legacy`, `macos`, `linux`.
    pub os_family: Option<String>,
    /// Its name without revision.
    pub os_name: Option<String>,
    /// Its revision or version.
    pub os_version: Option<String>,
    /// Its architecture: `64 bit`.
    pub os_arch: Option<String>,
    /// The hardware, vendor and model: `Dell Inc. - Latitude 7420`.
    pub hw: Option<String>,
    /// The hardware's vendor alone, where it can be told.
    pub hw_vendor: Option<String>,
    /// The processor's name.
    pub cpu: Option<String>,
    /// Number of processors.
    pub cpu_count: Option<i64>,
    /// Number of cores.
    pub core_count: Option<i64>,
    /// Memory in MB.
    pub memory_mb: Option<i64>,
    /// The serial number as sent.
    pub serial: Option<String>,
    /// The domain or work group.
    pub domain: Option<String>,
    /// Who logged in last.
    pub user: Option<String>,
    /// The machine's distinguished name in the directory.
    pub directory_name: Option<String>,
    /// The cloud it runs in: `AWS`.
    pub cloud: Option<String>,
    /// When the source first saw it, by the source's own clock.
    pub first_seen: Option<Timestamp>,
    /// When it was last active, by the source's own clock. Volatile.
    pub last_seen: Option<Timestamp>,
    /// When the machine was started. Volatile.
    pub booted_at: Option<Timestamp>,
    /// Whether the agent is in touch with its console now. Volatile.
    pub active: Option<bool>,
    /// Whether it has active threats.
    pub infected: Option<bool>,
    /// How many active threats it has.
    pub active_threats: Option<i64>,
    /// The product's name, as `edr.name` shows it while the agent is live.
    pub edr: &'static str,
    /// The agent's state.
    pub state: Option<AgentState>,
    /// The agent's version.
    pub agent_version: Option<String>,
    /// The agent's uuid; may be shared by clones, hence no identity.
    pub agent_uuid: Option<String>,
    /// When the agent registered.
    pub registered_at: Option<Timestamp>,
    /// When the console last changed the agent's row. Volatile.
    pub updated_at: Option<Timestamp>,
    /// Whether the console calls the agent's version up to date.
    pub current: Option<bool>,
    /// What it does about malicious things: `protect`, `detect`.
    pub mitigation_mode: Option<String>,
    /// What it does about suspicious things.
    pub mitigation_mode_suspicious: Option<String>,
    /// Its detection state: `full_mode`.
    pub detection_state: Option<String>,
    /// Its operational state: `na`.
    pub operational_state: Option<String>,
    /// Network isolation: `connected`, `disconnected`, and on the way there.
    pub network_status: Option<String>,
    /// The full disk scan: `none`, `started`, `aborted`, `finished`.
    pub scan_status: Option<String>,
    /// When that scan started.
    pub scan_started_at: Option<Timestamp>,
    /// When that scan finished.
    pub scan_finished_at: Option<Timestamp>,
    /// Whether the firewall is on.
    pub firewall: Option<bool>,
    /// Whether the disk is encrypted (the console's `encryptedApplications`).
    pub encrypted: Option<bool>,
    /// Whether a remote shell is allowed.
    pub remote_shell: Option<bool>,
    /// Whether a threat asks for a reboot.
    pub reboot_required: Option<bool>,
    /// Whether its applications need patches: `patch_required`, `up_to_date`.
    pub apps_status: Option<String>,
    /// Whether it moves to another console.
    pub migration_status: Option<String>,
    /// What it was installed with: `.msi`.
    pub installer: Option<String>,
    /// State of network discovery.
    pub ranger_status: Option<String>,
    /// Version of network discovery.
    pub ranger_version: Option<String>,
    /// Where in the console it is.
    pub console: ConsoleScope,
    /// The address from which the console hears it: an office's, often; never an identity. Volatile.
    pub external_ip: Option<IpAddr>,
    /// Its interfaces in the source's order.
    pub interfaces: Vec<Interface>,
    /// Addresses that belong to no interface.
    pub addresses: Vec<IpAddr>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// What it asks of its user: `reboot_needed`.
    pub needs: Vec<String>,
}

/// Where an agent is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// In touch with its console.
    Active,
    /// Out of touch.
    Offline,
    /// Asked to leave, and still there.
    Pending,
    /// Taken out of the console's care.
    Decommissioned,
    /// Removed from the machine.
    Uninstalled,
}

impl AgentState {
    /// Every state, in the order of an agent's life.
    pub const ALL: [AgentState; 5] = [
        AgentState::Active,
        AgentState::Offline,
        AgentState::Pending,
        AgentState::Decommissioned,
        AgentState::Uninstalled,
    ];

    /// The word that is stored, and that `agent.state` understands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            AgentState::Active => "active",
            AgentState::Offline => "offline",
            AgentState::Pending => "pending",
            AgentState::Decommissioned => "decommissioned",
            AgentState::Uninstalled => "uninstalled",
        }
    }

    /// Whether the agent still guards its machine: `edr.name` names only such agents.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self, AgentState::Decommissioned | AgentState::Uninstalled)
    }
}
