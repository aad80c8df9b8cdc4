//! A large estate without a console: nouns made from numbers, pushed through the door that a sync uses.
//!
//! Everything is a function of a record's number, so that pages need no state and every run sees the same estate. Bodies
//! of agents are those of the simulated console's agents, each with an identity of its own, so that they compress alike.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use inventory::noun::{
    ActivityNoun, Address, AgentState, ConsoleScope, Grade, Interface, Mac, MachineNoun, Name, Noun, ServiceNoun,
    SoftwareNoun, VulnerabilityNoun,
};
use kernel::{IntegrationId, Timestamp};

/// What "now" is: 2026-11-21T03:00:00Z.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_230_000);

/// Software rows and vulnerabilities of each agent.
pub const SOFTWARE_EACH: u64 = 20;
pub const VULNERABILITIES_EACH: u64 = 5;

/// Of ten agents, so many were scanned or stand for a machine that only the scan knows.
const SCANNED_OF_TEN: u64 = 3;

/// Of a hundred scan records, so many are of machines without an agent.
const UNMANAGED_PERCENT: u64 = 20;

/// Titles in the estate, versions of each, and public vulnerabilities.
const TITLES: u64 = 4_000;
const VERSIONS: u64 = 6;
const CVES: u64 = 5_000;

const AGENT: u64 = 1_900_000_000_000_000_000;

/// The streams that are filled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Agents,
    Scan,
    Applications,
    Risks,
    Activities,
}

impl Stream {
    pub const ALL: [Stream; 5] =
        [Stream::Agents, Stream::Scan, Stream::Applications, Stream::Risks, Stream::Activities];

    pub const fn name(self) -> &'static str {
        match self {
            Stream::Agents => "agents",
            Stream::Scan => "hosts",
            Stream::Applications => "applications",
            Stream::Risks => "risks",
            Stream::Activities => "activities",
        }
    }

    /// How many records it has, of an estate of so many agents.
    pub const fn records(self, agents: u64) -> u64 {
        match self {
            Stream::Agents | Stream::Activities => agents,
            Stream::Scan => agents * SCANNED_OF_TEN / 10,
            Stream::Applications => agents * SOFTWARE_EACH,
            Stream::Risks => agents * VULNERABILITIES_EACH,
        }
    }

    pub const fn integration(self) -> IntegrationId {
        match self {
            Stream::Scan => IntegrationId(2),
            _ => IntegrationId(1),
        }
    }

    /// One record: its id, its JSON and what it means. A version above 0 is the agent after its machine got another
    /// network card.
    pub fn record(self, estate: &Estate, number: u64, version: u64) -> (String, Vec<u8>, Noun) {
        match self {
            Stream::Agents => estate.agent(number, version),
            Stream::Scan => estate.scanned(number),
            Stream::Applications => software(number),
            Stream::Risks => vulnerability(number),
            Stream::Activities => activity(number),
        }
    }
}

/// An estate of so many agents.
pub struct Estate {
    pub agents: u64,
    /// Bodies of simulated agents, each without its opening brace.
    pub bodies: Vec<String>,
}

/// A number that looks like chance, always the same for the same two.
fn mixed(number: u64, what: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(what.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn percent(number: u64, what: u64, share: u64) -> bool {
    mixed(number, what) % 100 < share
}

/// Mostly the first ones: a few titles are on most machines, and most titles on few.
fn skewed(number: u64, what: u64, of: u64) -> u64 {
    let share = (mixed(number, what) >> 11) as f64 / (1_u64 << 53) as f64;
    ((share * share * share) * of as f64) as u64
}

fn ago(number: u64, what: u64, days: u64) -> Timestamp {
    NOW.plus_seconds(-(mixed(number, what) % (days * 86_400)).cast_signed())
}

const SYSTEMS: [(&str, &str, &str, &str, &str); 10] = [
    ("windows", "Windows 11 Pro", "22631", "laptop", "LT"),
    ("windows", "Windows 11 Pro", "26100", "laptop", "LT"),
    ("windows", "Windows 11 Pro", "22631", "laptop", "LAP"),
    ("windows", "Windows 10 Pro", "19045", "desktop", "WKS"),
    ("windows", "Windows 10 Pro", "19045", "desktop", "WKS"),
    ("windows", "Windows Server 2022", "20348", "server", "SRV"),
    ("macos", "macOS", "14.4.1 (23E224)", "laptop", "MAC"),
    ("macos", "macOS", "15.1 (24B83)", "laptop", "MAC"),
    ("linux", "Linux", "Ubuntu 22.04.3 LTS 5.15.0-86", "server", "LNX"),
    ("linux", "Linux", "Debian GNU/Linux 12 6.1.0-18", "server", "LNX"),
];

const MODELS: [&str; 5] = [
    "Dell Inc. - Latitude 7420",
    "HP - EliteBook 840 G8",
    "LENOVO - 20XW004AGE",
    "VMware, Inc. - VMware20,1",
    "Apple Inc. - MacBookPro18,3",
];

fn pick<T: Copy>(all: &[T], number: u64, what: u64) -> T {
    all[(mixed(number, what) % all.len() as u64) as usize]
}

/// The network card of a machine.
fn mac(number: u64, version: u64) -> Mac {
    let [.., a, b, c, d] = (number + (version << 28)).to_be_bytes();
    Mac([0x3c, 0x52, a, b, c, d])
}

/// Sixty-four networks of /16, filled evenly.
fn ip(number: u64) -> IpAddr {
    let [.., c, d] = (number / 64).to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, (number % 64) as u8, c, d))
}

fn agent_id(number: u64) -> String {
    (AGENT + number * 7).to_string()
}

fn scope(number: u64) -> ConsoleScope {
    let site = mixed(number, 40) % 20;
    ConsoleScope {
        account_id: Some("433241117337583618".to_owned()),
        account: Some("Acme".to_owned()),
        site_id: Some(format!("4754824213667277{site:02}")),
        site: Some(format!("Site {site}")),
        group_id: Some(format!("4754824213751163{site:02}")),
        group: Some("Default Group".to_owned()),
    }
}

fn machine_name(number: u64) -> String {
    let (.., prefix) = pick(&SYSTEMS, number, 1);
    format!("{prefix}-{number:07}")
}

impl Estate {
    fn agent(&self, number: u64, version: u64) -> (String, Vec<u8>, Noun) {
        let id = agent_id(number);
        let name = machine_name(number);
        let (family, os_name, revision, machine, _) = pick(&SYSTEMS, number, 1);
        let state = match mixed(number, 2) % 100 {
            0..88 => AgentState::Active,
            88..96 => AgentState::Offline,
            96..98 => AgentState::Decommissioned,
            _ => AgentState::Uninstalled,
        };
        let infected = percent(number, 3, 2);
        let (mac, ip) = (mac(number, version), ip(number));
        let serial = format!("5CG{:08X}", mixed(number, 4) as u32);
        let uuid = format!("{:016x}{:016x}", mixed(number, 5), mixed(number, 6));
        let last_seen = if state == AgentState::Active { ago(number, 7, 1) } else { ago(number, 7, 90) };
        let (first_seen, updated_at) = (ago(number, 8, 700), ago(number, 9, 2));
        let mut raw = format!(
            r#"{{"id":"{id}","uuid":"{uuid}","computerName":"{name}","serialNumber":"{serial}","createdAt":"{first_seen}","lastActiveDate":"{last_seen}","updatedAt":"{updated_at}","networkInterfaces":[{{"id":"{}","name":"Ethernet","inet":["{ip}"],"inet6":[],"physical":"{mac}","gatewayIp":"10.0.0.1","gatewayMacAddress":"3c:fd:fe:00:00:01"}}],"#,
            AGENT / 2 + number,
        )
        .into_bytes();
        raw.extend(self.bodies[(mixed(number, 10) % self.bodies.len() as u64) as usize].as_bytes());
        let hw = pick(&MODELS, number, 11);
        let noun = MachineNoun {
            grade: Grade::Agent,
            source: inventory::catalogue::SENTINELONE.into(),
            names: vec![
                Name { kind: "computer", text: name.clone() },
                Name { kind: "fqdn", text: format!("{name}.corp.example.com") },
            ],
            name: Some(name),
            type_: Some(machine.to_owned()),
            os: Some(format!("{os_name} {revision}")),
            os_family: Some(family.to_owned()),
            os_name: Some(os_name.to_owned()),
            os_version: Some(revision.to_owned()),
            os_arch: Some("64 bit".to_owned()),
            hw: Some(hw.to_owned()),
            hw_vendor: hw.split_once(" - ").map(|(vendor, _)| vendor.to_owned()),
            cpu: Some("11th Gen Intel(R) Core(TM) i7-1185G7 @ 3.00GHz".to_owned()),
            cpu_count: Some(1),
            core_count: Some(8),
            memory_mb: Some(16_384),
            serial: Some(serial),
            domain: Some("corp.example.com".to_owned()),
            user: Some(format!("user{:06}", mixed(number, 12) % 1_000_000)),
            first_seen: Some(first_seen),
            last_seen: Some(last_seen),
            booted_at: Some(ago(number, 13, 30)),
            active: Some(state == AgentState::Active),
            infected: Some(infected),
            active_threats: Some(i64::from(infected)),
            edr: "SentinelOne",
            state: Some(state),
            agent_version: Some(pick(&["24.1.2.6", "24.2.3.471", "23.4.6.347"], number, 14).to_owned()),
            agent_uuid: Some(uuid),
            registered_at: Some(first_seen),
            updated_at: Some(updated_at),
            current: Some(percent(number, 15, 80)),
            mitigation_mode: Some("protect".to_owned()),
            mitigation_mode_suspicious: Some("detect".to_owned()),
            detection_state: Some("full_mode".to_owned()),
            operational_state: Some("na".to_owned()),
            network_status: Some("connected".to_owned()),
            scan_status: Some("finished".to_owned()),
            scan_started_at: Some(ago(number, 16, 60)),
            scan_finished_at: Some(ago(number, 17, 60)),
            firewall: Some(true),
            encrypted: Some(true),
            remote_shell: Some(false),
            reboot_required: Some(false),
            apps_status: Some("patch_required".to_owned()),
            migration_status: Some("N/A".to_owned()),
            installer: Some(".msi".to_owned()),
            ranger_status: Some("Enabled".to_owned()),
            ranger_version: Some("24.1.0.12".to_owned()),
            console: scope(number),
            external_ip: Some(IpAddr::V4(Ipv4Addr::new(81, 2, 69, (number % 64) as u8))),
            interfaces: vec![Interface {
                name: Some("Ethernet".to_owned()),
                mac: Some(mac),
                addresses: vec![ip],
                gateway_ip: Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))),
                gateway_mac: Some(Mac([0x3c, 0xfd, 0xfe, 0, 0, 1])),
            }],
            ..MachineNoun::default()
        };
        (id, raw, Noun::Machine(noun))
    }

    /// What the scan found: most of it is a machine that has an agent, by its network card and its name.
    fn scanned(&self, number: u64) -> (String, Vec<u8>, Noun) {
        let managed = !percent(number, 20, UNMANAGED_PERCENT);
        // The scan of every third machine or so, all over the estate; machines that it alone knows are numbered behind.
        let machine = if managed { number * 10 / SCANNED_OF_TEN } else { self.agents * 2 + number };
        let (ip, mac, name) = (ip(machine), mac(machine, 0), machine_name(machine));
        let (family, os_name, ..) = pick(&SYSTEMS, machine, 1);
        let id = format!("mac:{mac}");
        let raw = format!(
            r#"{{"source":"scan","name":"{name}","names":[{{"kind":"fqdn","name":"{name}.corp.example.com"}}],"macs":[{{"mac":"{mac}"}}],"addresses":[{{"ip":"{ip}","measured":true}}],"os":"{os_name}","services":[{{"ip":"{ip}","port":445,"transport":"tcp","protocol":"microsoft-ds"}}]}}"#,
        );
        let noun = MachineNoun {
            grade: Grade::Scan,
            source: "scan".into(),
            names: vec![Name { kind: "fqdn", text: format!("{name}.corp.example.com") }],
            name: Some(name),
            os: Some(os_name.to_owned()),
            os_family: Some(family.to_owned()),
            last_seen: Some(ago(number, 21, 5)),
            interfaces: vec![Interface { mac: Some(mac), ..Interface::default() }],
            addresses: vec![Address { ip, measured: true, observed_at: None }],
            services: vec![ServiceNoun {
                ip,
                port: if family == "windows" { 445 } else { 22 },
                transport: "tcp".to_owned(),
                protocol: Some(if family == "windows" { "microsoft-ds" } else { "ssh" }.to_owned()),
                product: None,
                version: None,
                banner: None,
                seen_at: None,
            }],
            ..MachineNoun::default()
        };
        (id, raw.into_bytes(), Noun::Machine(noun))
    }
}

/// The first titles are those of the questions; the others are many and rare.
const KNOWN: [(&str, &str, u64); 6] = [
    ("Microsoft Edge", "Microsoft Corporation", 131),
    ("Google Chrome", "Google LLC", 126),
    ("Microsoft 365 Apps for enterprise", "Microsoft Corporation", 16),
    ("Microsoft Visual C++ 2022 Redistributable", "Microsoft Corporation", 14),
    ("OpenSSL", "OpenSSL Software Foundation", 3),
    ("Mozilla Firefox", "Mozilla", 128),
];

fn title(at: u64) -> (Cow<'static, str>, Cow<'static, str>, u64) {
    match KNOWN.get(at as usize) {
        Some((product, vendor, version)) => ((*product).into(), (*vendor).into(), *version),
        None => (format!("Product {at:04}").into(), format!("Maker {:03} Inc.", at % 600).into(), at % 20),
    }
}

fn software(number: u64) -> (String, Vec<u8>, Noun) {
    let (agent, slot) = (number / SOFTWARE_EACH, number % SOFTWARE_EACH);
    // Five of six machines have each of the first titles but OpenSSL, which one of twelve has.
    let known = KNOWN.len() as u64;
    let share = if slot == 4 { 8 } else { 84 };
    let at = if slot < known && percent(number, 30, share) {
        slot
    } else {
        // One title in each slot's part: a machine has none twice.
        let part = (TITLES - known) / SOFTWARE_EACH;
        known + skewed(number, 31, part) * SOFTWARE_EACH + slot
    };
    let (product, vendor, major) = title(at);
    let version = format!("{}.0.{}", major + skewed(number, 32, VERSIONS), at % 50);
    let id = format!("{}:{:016x}", agent_id(agent), mixed(number, 33));
    let noun = SoftwareNoun {
        agent_id: Some(agent_id(agent)),
        product: Some(product.into_owned()),
        vendor: Some(vendor.into_owned()),
        version: Some(version),
        kind: Some("app".to_owned()),
        cpe: None,
        size: Some((mixed(at, 34) % 500_000_000).cast_signed()),
        installed_at: Some(ago(number, 35, 600)),
    };
    (id, Vec::new(), Noun::Software(noun))
}

fn vulnerability(number: u64) -> (String, Vec<u8>, Noun) {
    let (agent, slot) = (number / VULNERABILITIES_EACH, number % VULNERABILITIES_EACH);
    let part = CVES / VULNERABILITIES_EACH;
    let cve = skewed(number, 50, part) * VULNERABILITIES_EACH + slot;
    let severity = match cve % 20 {
        7 => "CRITICAL",
        0..5 => "HIGH",
        15.. => "LOW",
        _ => "MEDIUM",
    };
    let (product, vendor, major) = title(cve % TITLES);
    let noun = VulnerabilityNoun {
        cve: Some(format!("CVE-2026-{cve:05}")),
        severity: Some(severity.to_owned()),
        score: Some((cve % 100) as f64 / 10.0),
        cvss_version: Some("3.1".to_owned()),
        exploit: Some("Functional".to_owned()),
        remediation: Some("official_fix".to_owned()),
        report: Some("confirmed".to_owned()),
        status: Some("detected".to_owned()),
        mitigation: Some("to_be_patched".to_owned()),
        product: Some(product.into_owned()),
        vendor: Some(vendor.into_owned()),
        version: Some(format!("{major}.0.{}", cve % 50)),
        agent_id: Some(agent_id(agent)),
        agent_name: Some(machine_name(agent)),
        agent_type: Some("laptop".to_owned()),
        agent_os_family: Some("windows".to_owned()),
        detected_at: Some(ago(number, 51, 90)),
        published_at: Some(ago(cve, 52, 900)),
        scanned_at: Some(ago(agent, 53, 2)),
        ..VulnerabilityNoun::default()
    };
    ((AGENT + AGENT / 10 + number).to_string(), Vec::new(), Noun::Vulnerability(noun))
}

const HAPPENED: [&str; 4] = [
    "subscribed and joined the group Default Group in the site",
    "was decommissioned by the management user",
    "changed its policy and reports the firewall",
    "found a threat with confidence level malicious: mimikatz.exe",
];

fn activity(number: u64) -> (String, Vec<u8>, Noun) {
    let agent = mixed(number, 60) % 1_000_000;
    let what = HAPPENED[(mixed(number, 61) % 100 / 33) as usize];
    let text = format!("Agent {} {what} {}", machine_name(agent), mixed(number, 62) % 100_000);
    let id = (AGENT / 3 + number).to_string();
    let at = ago(number, 63, 90);
    let raw = format!(
        r#"{{"id":"{id}","activityType":27,"agentId":"{}","createdAt":"{at}","primaryDescription":"{text}","siteName":"Site {}","data":{{"computerName":"{}"}}}}"#,
        agent_id(agent),
        number % 20,
        machine_name(agent),
    );
    let noun = ActivityNoun {
        type_: Some(27),
        description: Some(text),
        agent_id: Some(agent_id(agent)),
        console: scope(agent),
        created_at: Some(at),
        ..ActivityNoun::default()
    };
    (id, raw.into_bytes(), Noun::Activity(noun))
}
