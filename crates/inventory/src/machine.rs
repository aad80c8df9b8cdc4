//! What one record says about one machine: an agent, a scanner, a neighbour that saw it, or a list that somebody keeps.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kernel::{Timestamp, Value};
use sha2::{Digest, Sha256};

use crate::catalogue::SENTINELONE;
use crate::noun::{ConsoleScope, Interface, Mac, Name, Reach, Tag, ip_bytes, sorted};
use crate::out::{Child, Out, folded_name};

/// What one record says about one machine. Several of them may be one asset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineNoun {
    /// How the source knows what it says.
    pub grade: Grade,
    /// Who says it, as `source:` understands it: `sentinelone`, `scan`, `custom`, `netbox`.
    pub source: Cow<'static, str>,
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
    /// Who made the hardware, as the source says it in a field of its own: a serial number is unique for its maker only.
    pub manufacturer: Option<String>,
    /// The model alone.
    pub model: Option<String>,
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
    /// The tag that somebody stuck on it.
    pub asset_tag: Option<String>,
    /// The domain or work group.
    pub domain: Option<String>,
    /// Who logged in last.
    pub user: Option<String>,
    /// The machine's distinguished name in the directory.
    pub directory_name: Option<String>,
    /// The cloud it runs in: `AWS`.
    pub cloud: Option<String>,
    /// Its place in that cloud.
    pub cloud_id: Option<CloudId>,
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
    /// The agent's state. Volatile as far as active and offline are concerned.
    pub state: Option<AgentState>,
    /// The agent's version.
    pub agent_version: Option<String>,
    /// The agent's uuid; may be shared by clones, hence no identity.
    pub agent_uuid: Option<String>,
    /// The console's id of the agent that this record says is on the machine; nothing for the agent's own record.
    pub agent_id: Option<String>,
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
    /// Addresses that belong to no interface, and those that were measured.
    pub addresses: Vec<Address>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// What it asks of its user: `reboot_needed`.
    pub needs: Vec<String>,
    /// What answered on its ports.
    pub services: Vec<ServiceNoun>,
    /// Columns of a list that are ours in no other way: key and value, in the list's order.
    pub custom: Vec<(String, String)>,
    /// Whether what it says does not take the place of what another source says.
    pub yields: bool,
}

/// How a source knows what it says about a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// An agent on the machine itself.
    #[default]
    Agent,
    /// A scanner that asked the machine over the network: it measures addresses.
    Scan,
    /// A list that people or other programs keep.
    List,
    /// Somebody who saw it on the network, such as a neighbouring agent.
    Discovery,
}

impl Grade {
    /// Every grade.
    pub const ALL: [Grade; 4] = [Grade::Agent, Grade::Scan, Grade::List, Grade::Discovery];

    /// The number that is stored in `inventory_machine.grade`.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Grade::Agent => 1,
            Grade::Scan => 2,
            Grade::List => 3,
            Grade::Discovery => 4,
        }
    }

    /// The grade behind a stored number; what is unknown is a list, which may claim least.
    #[must_use]
    pub const fn from_code(code: i64) -> Grade {
        match code {
            1 => Grade::Agent,
            2 => Grade::Scan,
            4 => Grade::Discovery,
            _ => Grade::List,
        }
    }

    /// The word that people read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Grade::Agent => "agent",
            Grade::Scan => "scan",
            Grade::List => "list",
            Grade::Discovery => "discovery",
        }
    }
}

/// What names a machine in its cloud, all over the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudId {
    /// The provider: `aws`.
    pub provider: String,
    /// The account, subscription or project there.
    pub account: Option<String>,
    /// The instance's id.
    pub instance: String,
}

/// An address of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Whether it answered: then it is primary. What is merely reported is secondary.
    pub measured: bool,
    /// When it was seen; if nothing is said, when the record was last seen.
    pub observed_at: Option<Timestamp>,
}

impl Address {
    /// An address that a source merely reports.
    #[must_use]
    pub const fn reported(ip: IpAddr) -> Address {
        Address { ip, measured: false, observed_at: None }
    }
}

/// Something that answered on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceNoun {
    /// The address that answered.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// `tcp`, `udp`, `sctp`.
    pub transport: String,
    /// What is spoken there: `http`, `ssh`.
    pub protocol: Option<String>,
    /// The program that answers.
    pub product: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it said.
    pub banner: Option<String>,
    /// When it was seen.
    pub seen_at: Option<Timestamp>,
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
    /// No longer known to its console.
    Retired,
}

impl AgentState {
    /// Every state, in the order of an agent's life.
    pub const ALL: [AgentState; 6] = [
        AgentState::Active,
        AgentState::Offline,
        AgentState::Pending,
        AgentState::Decommissioned,
        AgentState::Uninstalled,
        AgentState::Retired,
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
            AgentState::Retired => "retired",
        }
    }

    /// Whether the agent still guards its machine: `edr.name` names only such agents.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self, AgentState::Decommissioned | AgentState::Uninstalled | AgentState::Retired)
    }
}

impl MachineNoun {
    /// Writes the machine's row and the child rows of its record. What is the record's own comes first, then what the
    /// asset has too.
    pub(crate) fn write(self, out: &mut Out) {
        let (mut addresses, mut macs) = (BTreeMap::new(), BTreeSet::new());
        for (interface, position) in self.interfaces.iter().zip(0i64..) {
            for ip in &interface.addresses {
                let reported = Place { address: Address::reported(*ip), interface: Some(position) };
                addresses.entry(ip_bytes(*ip)).or_insert(reported);
            }
            macs.extend(interface.mac);
        }
        for address in &self.addresses {
            let place = addresses.entry(ip_bytes(address.ip));
            let place = place.or_insert(Place { address: *address, interface: None });
            if address.measured || !place.address.measured {
                place.address = *address;
            }
        }
        let reach = |wanted| addresses.values().any(|place| Reach::of(place.address.ip) == wanted);
        let is_v6 = |ip: IpAddr| ip.to_canonical().is_ipv6() && matches!(Reach::of(ip), Reach::Public | Reach::Private);
        let identity = self.identity(addresses.values().map(|place| &place.address), &macs);

        let live = self.state.map(AgentState::is_live);
        let edr = live.unwrap_or_default().then_some(self.edr).filter(|name| !name.is_empty());
        let source = if self.source.is_empty() { SENTINELONE.into() } else { self.source };
        out.derived("grade", self.grade.code());
        out.term("source_term", "source", Some(source.into_owned()));
        out.derived("identity", identity);
        out.derived("yields", i64::from(self.yields));
        out.id("agent_native_id", self.agent_id);
        out.name("name", "name_folded", self.name);
        out.term("type_term", "type", self.type_);
        out.term("os_term", "os", self.os);
        out.term("os_family_term", "os_family", self.os_family);
        out.term("os_name_term", "os_name", self.os_name);
        out.term("os_version_term", "os_version", self.os_version);
        out.term("os_arch_term", "os_arch", self.os_arch);
        out.term("hw_term", "hw", self.hw);
        out.term("hw_vendor_term", "hw_vendor", self.hw_vendor);
        out.term("cpu_term", "cpu", self.cpu);
        out.int("cpu_count", self.cpu_count);
        out.int("core_count", self.core_count);
        out.int("memory_mb", self.memory_mb);
        out.text("serial", "serial_folded", self.serial);
        out.term("domain_term", "domain", self.domain);
        out.text("user_name", "user_folded", self.user);
        out.text("directory_name", "directory_folded", self.directory_name);
        out.term("cloud_term", "cloud", self.cloud);
        out.time("first_seen", self.first_seen);
        out.volatile().time("last_seen", self.last_seen);
        out.volatile().time("booted_at", self.booted_at);
        out.volatile().flag("active", self.active);
        out.flag("infected", self.infected);
        out.int("active_threats", self.active_threats);
        out.word("edr_term", "edr", edr);
        out.flag("edr_live", live);
        // Active and offline alternate with every sleep; that an agent left for good is in `edr_live`, which has history.
        out.volatile().word("agent_state_term", "agent_state", self.state.map(AgentState::as_str));
        out.term("agent_version_term", "agent_version", self.agent_version);
        out.text("agent_uuid", "agent_uuid_folded", self.agent_uuid);
        out.time("agent_registered_at", self.registered_at);
        out.volatile().time("agent_updated_at", self.updated_at);
        out.flag("agent_current", self.current);
        out.term("mitigation_mode_term", "mitigation_mode", self.mitigation_mode);
        out.term("mitigation_mode_suspicious_term", "mitigation_mode", self.mitigation_mode_suspicious);
        out.term("detection_state_term", "detection_state", self.detection_state);
        out.term("operational_state_term", "operational_state", self.operational_state);
        out.term("network_status_term", "network_status", self.network_status);
        out.term("scan_status_term", "scan_status", self.scan_status);
        out.time("scan_started_at", self.scan_started_at);
        out.time("scan_finished_at", self.scan_finished_at);
        out.flag("firewall", self.firewall);
        out.flag("encrypted", self.encrypted);
        out.flag("remote_shell", self.remote_shell);
        out.flag("reboot_required", self.reboot_required);
        out.term("apps_status_term", "apps_status", self.apps_status);
        out.term("migration_status_term", "migration_status", self.migration_status);
        out.term("installer_term", "installer", self.installer);
        out.term("ranger_status_term", "ranger_status", self.ranger_status);
        out.term("ranger_version_term", "ranger_version", self.ranger_version);
        self.console.write(out);
        out.volatile().ip("external_ip", self.external_ip);
        let (cloud_account, cloud_instance) =
            self.cloud_id.map_or((None, None), |place| (place.account, Some(place.instance)));
        out.term("manufacturer_term", "manufacturer", self.manufacturer);
        out.term("model_term", "model", self.model);
        out.text("asset_tag", "asset_tag_folded", self.asset_tag);
        out.id("cloud_account", cloud_account);
        out.id("cloud_instance", cloud_instance);
        out.derived("address_count", addresses.len() as i64);
        out.derived("mac_count", macs.len() as i64);
        out.derived("tag_count", self.tags.len() as i64);
        out.derived("has_public", i64::from(reach(Reach::Public)));
        out.derived("has_private", i64::from(reach(Reach::Private)));
        out.derived("has_ipv6", i64::from(addresses.values().any(|place| is_v6(place.address.ip))));

        let mut names = BTreeMap::new();
        for Name { kind, text } in self.names {
            let text = out.clean_name(text);
            names.insert(folded_name(&text), (text, kind));
        }
        for (folded, (text, kind)) in names {
            out.child(Child::Name, [folded.into(), text.into(), kind.into(), true.into()]);
        }
        for (interface, position) in self.interfaces.into_iter().zip(0i64..) {
            let name = interface.name.map(|name| out.owned(name));
            let values = [
                position.into(),
                name.unwrap_or(Value::Null),
                interface.mac.map(|mac| mac.to_string()).into(),
                interface.gateway_ip.map(|ip| ip_bytes(ip).to_vec()).into(),
                interface.gateway_mac.map(|mac| mac.to_string()).into(),
            ];
            out.child(Child::Interface, values);
        }
        for (bytes, Place { address, interface }) in addresses {
            let values = [
                bytes.to_vec().into(),
                address.measured.into(),
                Reach::of(address.ip).as_str().into(),
                interface.into(),
                address.observed_at.into(),
            ];
            out.child(Child::Address, values);
        }
        for (tag, position) in self.tags.into_iter().zip(0i64..) {
            let (key, value) = (out.clean_name(tag.key), out.clean_name(tag.value));
            let (key_folded, value_folded) = (folded_name(&key), folded_name(&value));
            let values = [position.into(), key.into(), key_folded.into(), value.into(), value_folded.into()];
            out.child(Child::Tag, values);
        }
        let needs: Vec<i64> = self.needs.into_iter().filter_map(|need| out.intern("need", need)).collect();
        for need in sorted(needs) {
            out.child(Child::Need, [need.into()]);
        }
        crate::service::write(self.services, out);
    }

    /// A digest of everything that tells which machine it is: when it moves, correlation looks at the record again.
    fn identity<'a>(&self, addresses: impl Iterator<Item = &'a Address>, macs: &BTreeSet<Mac>) -> i64 {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(&self.grade.code().to_le_bytes());
        let cloud = self.cloud_id.as_ref();
        for text in [
            self.name.as_deref(),
            self.domain.as_deref(),
            self.serial.as_deref(),
            self.manufacturer.as_deref(),
            self.hw.as_deref(),
            self.model.as_deref(),
            self.asset_tag.as_deref(),
            self.os_family.as_deref(),
            self.directory_name.as_deref(),
            self.agent_uuid.as_deref(),
            self.agent_id.as_deref(),
            cloud.map(|cloud| cloud.provider.as_str()),
            cloud.and_then(|cloud| cloud.account.as_deref()),
            cloud.map(|cloud| cloud.instance.as_str()),
        ] {
            add(text.unwrap_or_default().as_bytes());
        }
        for name in &self.names {
            add(name.text.as_bytes());
        }
        for mac in macs {
            add(&mac.0);
        }
        for address in addresses {
            add(&ip_bytes(address.ip));
            add(&[u8::from(address.measured)]);
        }
        let digest: [u8; 32] = hash.finalize().into();
        i64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
    }
}

/// An address, and the interface that has it.
struct Place {
    address: Address,
    interface: Option<i64>,
}
