//! A small estate for questions: every odd value that the language has to answer for, from a seed.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kernel::{IntegrationId, OrgId, Random, SiteId, SweepId, Timestamp};
use serde_json::{Value as Json, json};
use store::Store;

use inventory::noun::{
    AccountNoun, ActivityNoun, AgentState, ConsoleGroupNoun, ConsoleScope, ConsoleSiteNoun, FindingAction, FindingNoun,
    Interface, Mac, MachineNoun, Name, PolicyEngine, PolicyNoun, Tag, Technique,
};
use inventory::{Context, Incoming, InventoryError, Memory, Noun, Translation};

#[path = "programs.rs"]
mod programs;

/// The organization that is asked.
pub const ORG: OrgId = OrgId(1);

/// An organization with the same records, which no answer may mention.
pub const OTHER: OrgId = OrgId(2);

/// Records of a page: as many as a console's page has.
const PAGE_RECORDS: usize = 1000;

/// What "now" is: 2026-11-21T03:00:00Z.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_230_000);

/// One record: its id, its JSON, what it means.
pub struct Said {
    pub id: String,
    pub raw: Json,
    pub noun: Noun,
}

const SYSTEMS: [(&str, &str, &str, &str); 8] = [
    ("windows", "Windows 10 Pro", "19045", "desktop"),
    ("windows", "Windows 11 Pro", "22631", "laptop"),
    ("windows", "Windows Server 2016", "14393", "server"),
    ("windows_legacy", "Windows XP", "2600", "desktop"),
    ("macos", "macOS Sonoma", "14.4.1 (23E224)", "laptop"),
    ("linux", "Linux", "Ubuntu 22.04.3 LTS 5.15.0-86", "server"),
    ("linux", "Linux Server", "Debian 12", "kubernetes node"),
    ("windows", "windows 10 pro", "19044", "laptop"),
];

const NAMES: [&str; 8] = ["LT", "wks", "SRV", "PC-É", "пк", "50%_off", "Straße", "a\\b"];

fn pick<'a, T>(random: &mut Random, all: &'a [T]) -> &'a T {
    &all[random.below(all.len() as u64) as usize]
}

fn maybe(random: &mut Random, percent: u64) -> bool {
    random.below(100) < percent
}

fn ago(random: &mut Random, days: u64) -> Timestamp {
    let seconds = random.below(days * 86_400);
    NOW.plus_seconds(-seconds.cast_signed())
}

fn scope(random: &mut Random) -> ConsoleScope {
    let site = random.below(3);
    let text = |text: String| Some(text);
    ConsoleScope {
        account_id: text("433241117337583618".to_owned()),
        account: text("Acme".to_owned()),
        site_id: text(format!("47548242136672777{site}")),
        site: text(["London", "Köln", "Default site"][site as usize].to_owned()),
        group_id: text(format!("4754824213751163{:02}", site * 3 + random.below(3))),
        group: maybe(random, 90).then(|| pick(random, &["Default Group", "Kiosks", "servers"]).to_string()),
    }
}

/// Agents, some of them strange.
pub fn agents(count: usize, seed: u64) -> Vec<Said> {
    let random = &mut Random::seeded(seed);
    (0..count).map(|number| agent(random, number)).collect()
}

fn agent(random: &mut Random, number: usize) -> Said {
    let id = format!("6576137301{number:08}");
    let (family, os_name, revision, machine) = *pick(random, &SYSTEMS);
    let prefix = *pick(random, &NAMES);
    let name = format!("{prefix}-{number:05}");
    let state = *pick(
        random,
        &[
            AgentState::Active,
            AgentState::Active,
            AgentState::Active,
            AgentState::Active,
            AgentState::Offline,
            AgentState::Pending,
            AgentState::Decommissioned,
            AgentState::Uninstalled,
        ],
    );
    let number64 = number as u64;
    let octets = [10, 20, (number64 / 200 % 256) as u8, (number64 % 200 + 1) as u8];
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::from(octets))];
    if maybe(random, 30) {
        addresses.push(IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, number as u16)));
    }
    if maybe(random, 5) {
        addresses.push(IpAddr::V4(Ipv4Addr::new(81, 2, 69, 144)));
    }
    let mac = Mac([0, 0, 0x5e, (number >> 16) as u8, (number >> 8) as u8, number as u8]);
    let mut interfaces = vec![Interface {
        name: Some("Ethernet".to_owned()),
        mac: Some(mac),
        addresses: addresses.clone(),
        gateway_ip: Some(IpAddr::V4(Ipv4Addr::new(10, 20, 0, 1))),
        gateway_mac: maybe(random, 50).then_some(Mac([2, 0, 0, 0, 0, 1])),
    }];
    if maybe(random, 20) {
        interfaces.push(Interface { name: Some("docker0".to_owned()), ..Interface::default() });
    }
    if maybe(random, 4) {
        interfaces.clear();
    }
    let tags: Vec<Tag> = match random.below(4) {
        0 => vec![
            Tag { key: "Owner".to_owned(), value: "Payroll".to_owned() },
            Tag { key: "tier".to_owned(), value: String::new() },
        ],
        1 => vec![Tag { key: "Owner".to_owned(), value: "Müller".to_owned() }],
        _ => Vec::new(),
    };
    let needs: Vec<String> = if maybe(random, 15) { vec!["reboot_needed".to_owned()] } else { Vec::new() };
    let console = scope(random);
    let last_seen = (!maybe(random, 5)).then(|| ago(random, 60));
    let infected = maybe(random, 10);
    let version = pick(random, &["22.3.4.612", "23.4.2.14", "23.4.2.14", "24.1.0.3", "N/A"]).to_string();
    let serial = match random.below(4) {
        0 => None,
        1 => Some("To Be Filled By O.E.M.".to_owned()),
        2 => Some(format!("5CÉ{number:05}")),
        _ => Some(format!("5CG{number:05}")),
    };
    let memory = maybe(random, 90).then(|| 4096 * (1 + random.below(8).cast_signed()));
    let firewall = maybe(random, 95).then(|| maybe(random, 80));
    let raw = json!({
        "id": id,
        "computerName": name,
        "osType": family,
        "osName": os_name,
        "machineType": machine,
        "agentVersion": version,
        "isActive": state == AgentState::Active,
        "isDecommissioned": state == AgentState::Decommissioned,
        "infected": infected,
        "activeThreats": i64::from(infected) * 2,
        "totalMemory": memory,
        "serialNumber": serial,
        "firewallEnabled": if maybe(random, 3) { json!("True") } else { json!(firewall) },
        "lastActiveDate": last_seen.map(|at| at.to_string()),
        "groupName": console.group,
        "siteName": console.site,
        "externalId": if number.is_multiple_of(3) { json!("") } else { json!(null) },
        "appsVulnerabilityStatus": if number.is_multiple_of(4) { "patch_required" } else { "up_to_date" },
        "networkInterfaces": interfaces.iter().enumerate().map(|(at, interface)| json!({
            "id": format!("{id}{at}"),
            "name": interface.name,
            "physical": interface.mac.map(|mac| mac.to_string().to_uppercase()),
            "inet": interface.addresses.iter().filter(|ip| ip.is_ipv4()).map(ToString::to_string).collect::<Vec<_>>(),
            "inet6": interface.addresses.iter().filter(|ip| ip.is_ipv6()).map(ToString::to_string).collect::<Vec<_>>(),
            "gatewayIp": interface.gateway_ip.map(|ip| ip.to_string()),
        })).collect::<Vec<_>>(),
        "tags": {"sentinelone": tags.iter().map(|tag| json!({"key": tag.key, "value": tag.value})).collect::<Vec<_>>()},
        "userActionsNeeded": needs,
        "locations": null,
        "cloudProviders": if number.is_multiple_of(7) { json!({"AWS": {"cloudAccount": "111", "awsSubnetIds": ["subnet-1"]}}) } else { json!({}) },
    });
    let noun = MachineNoun {
        name: (!maybe(random, 3)).then(|| name.clone()),
        names: vec![Name { kind: "computer", text: name }],
        type_: Some(machine.to_owned()),
        os: Some(format!("{os_name} {revision}")),
        os_family: Some(family.to_owned()),
        os_name: Some(os_name.to_owned()),
        os_version: Some(revision.to_owned()),
        os_arch: Some("64 bit".to_owned()),
        hw: (!maybe(random, 10))
            .then(|| pick(random, &["Dell Inc. - Latitude 7420", "HP - ZBook", "VMware, Inc."]).to_string()),
        cpu_count: Some(1 + random.below(4).cast_signed()),
        core_count: Some(2),
        memory_mb: memory,
        serial,
        domain: Some(pick(random, &["WORKGROUP", "corp.example.com", "unknown"]).to_string()),
        user: maybe(random, 60).then(|| pick(random, &["jdoe", "JDoe", "Øyvind", "root"]).to_string()),
        cloud: number.is_multiple_of(7).then(|| "AWS".to_owned()),
        first_seen: Some(ago(random, 400)),
        last_seen,
        booted_at: Some(ago(random, 40)),
        active: Some(state == AgentState::Active),
        infected: Some(infected),
        active_threats: Some(i64::from(infected) * 2),
        edr: "SentinelOne",
        state: Some(state),
        agent_version: Some(version),
        agent_uuid: Some(format!("F431B0A1A8744D2A8A92FC88{number:08X}")),
        registered_at: Some(ago(random, 400)),
        updated_at: Some(ago(random, 3)),
        current: Some(maybe(random, 70)),
        mitigation_mode: Some(pick(random, &["protect", "protect", "detect"]).to_string()),
        mitigation_mode_suspicious: Some("detect".to_owned()),
        network_status: Some(pick(random, &["connected", "connected", "disconnected"]).to_string()),
        scan_status: Some(pick(random, &["none", "finished", "aborted"]).to_string()),
        firewall,
        apps_status: Some(if number.is_multiple_of(4) { "patch_required" } else { "up_to_date" }.to_owned()),
        console,
        external_ip: Some(IpAddr::V4(Ipv4Addr::new(81, 2, 69, 142))),
        interfaces,
        tags,
        needs,
        ..MachineNoun::default()
    };
    Said { id, raw, noun: Noun::Machine(noun) }
}

/// Findings of agents of the same count.
pub fn findings(count: usize, agents: usize, seed: u64) -> Vec<Said> {
    let random = &mut Random::seeded(seed ^ 0xf1);
    (0..count).map(|number| finding(random, number, agents)).collect()
}

fn finding(random: &mut Random, number: usize, agents: usize) -> Said {
    let id = format!("1234567890{number:08}");
    let name = format!("{}-{number}.exe", pick(random, &["eicar", "Mimikatz", "päckchen"]));
    let verdict = pick(random, &["undefined", "true_positive", "false_positive", "suspicious"]).to_string();
    let agent = format!("6576137301{:08}", random.below(agents as u64 + 1));
    let at = ago(random, 30);
    let size = maybe(random, 80).then(|| random.below(5_000_000).cast_signed());
    let raw = json!({
        "id": id,
        "threatInfo": {"threatName": name, "analystVerdict": verdict, "fileSize": size, "sha256": null,
            "identifiedAt": at.to_string(), "detectionEngines": [{"key": "pre_execution", "title": "On-Write"}]},
        "agentRealtimeInfo": {"agentId": agent, "agentIsActive": maybe(random, 60)},
        "indicators": [],
        "whiteningOptions": ["hash"],
    });
    let noun = FindingNoun {
        name: Some(name),
        kind: Some("threat".to_owned()),
        classification: maybe(random, 90).then(|| pick(random, &["Malware", "Ransomware", "PUA"]).to_string()),
        confidence: Some(pick(random, &["malicious", "suspicious"]).to_string()),
        verdict: Some(verdict),
        status: Some(pick(random, &["unresolved", "in_progress", "resolved"]).to_string()),
        mitigation: Some(pick(random, &["not_mitigated", "mitigated"]).to_string()),
        fileless: Some(maybe(random, 10)),
        file_path: Some(pick(random, &["\\Device\\HarddiskVolume3\\Users\\Jürgen\\x.exe", "/tmp/a_b%c"]).to_string()),
        file_size: size,
        sha1: Some(format!("{number:040x}")),
        agent_id: Some(agent),
        agent_name: Some(format!("{}-{number}", pick(random, &NAMES))),
        agent_os: Some("Windows 10 Pro 19045".to_owned()),
        agent_type: Some("laptop".to_owned()),
        agent_version: Some("23.4.2.14".to_owned()),
        console: scope(random),
        identified_at: Some(at),
        created_at: Some(at.plus_seconds(1)),
        updated_at: Some(at.plus_seconds(60)),
        engines: vec!["pre_execution".to_owned()],
        techniques: if maybe(random, 50) {
            vec![Technique { tactic: "Persistence".to_owned(), technique: Some("T1547.001".to_owned()) }]
        } else {
            vec![Technique { tactic: "Evasion".to_owned(), technique: None }]
        },
        actions: if maybe(random, 70) {
            vec![
                FindingAction {
                    action: Some("kill".to_owned()),
                    status: Some("success".to_owned()),
                    updated_at: Some(at),
                },
                FindingAction {
                    action: Some("quarantine".to_owned()),
                    status: Some(pick(random, &["failed", "success"]).to_string()),
                    updated_at: None,
                },
            ]
        } else {
            Vec::new()
        },
        ..FindingNoun::default()
    };
    Said { id, raw, noun: Noun::Finding(noun) }
}

/// Activities, some without a time.
pub fn activities(count: usize, agents: usize, seed: u64) -> Vec<Said> {
    let random = &mut Random::seeded(seed ^ 0xac);
    let activity = |number: usize, random: &mut Random| {
        let id = format!("sha256:{number:08}");
        let kind = *pick(random, &[(27, "login"), (33, "logout"), (47, "decommissioned")]);
        let agent = maybe(random, 60).then(|| format!("6576137301{:08}", random.below(agents as u64)));
        let user = pick(random, &["Jean Dupont", "ÉMILE", "root"]);
        let raw = json!({"id": null, "activityType": kind.0, "agentId": agent,
            "data": {"username": user, "ipAddress": "192.0.2.1", "role": "Contrôle Interne"}});
        let noun = ActivityNoun {
            type_: Some(kind.0),
            type_name: maybe(random, 70).then(|| kind.1.to_owned()),
            description: Some(format!("The management user {user} did {}", kind.1)),
            detail: maybe(random, 30).then(|| "from 192.0.2.1".to_owned()),
            agent_id: agent,
            console: scope(random),
            created_at: (!maybe(random, 5)).then(|| ago(random, 20)),
            ..ActivityNoun::default()
        };
        Said { id, raw, noun: Noun::Activity(noun) }
    };
    (0..count).map(|number| activity(number, random)).collect()
}

/// The console's levels and their policies.
pub fn levels() -> Vec<(&'static str, Vec<Said>)> {
    let account = Said {
        id: "433241117337583618".to_owned(),
        raw: json!({"id": "433241117337583618", "name": "Acme"}),
        noun: Noun::Account(AccountNoun {
            name: Some("Acme".to_owned()),
            state: Some("active".to_owned()),
            active_agents: Some(60),
            site_count: Some(3),
            ..AccountNoun::default()
        }),
    };
    let site = |number: usize, name: &str| Said {
        id: format!("47548242136672777{number}"),
        raw: json!({"name": name, "description": if number == 1 { json!("Büro KÖLN") } else { json!(null) },
            "licenses": {"bundles": [{"name": "complete", "surfaces": [{"count": -1}]}]}}),
        noun: Noun::ConsoleSite(ConsoleSiteNoun {
            name: Some(name.to_owned()),
            account: Some("Acme".to_owned()),
            state: Some("active".to_owned()),
            suite: Some("Complete".to_owned()),
            expires_at: (number > 0).then(|| NOW.plus_seconds(20 * 86_400)),
            total_licenses: Some(100),
            ..ConsoleSiteNoun::default()
        }),
    };
    let group = |number: usize, name: &str| Said {
        id: format!("4754824213751163{number:02}"),
        raw: json!({"name": name, "filterName": null}),
        noun: Noun::ConsoleGroup(ConsoleGroupNoun {
            name: Some(name.to_owned()),
            group_type: Some(if number == 0 { "static" } else { "dynamic" }.to_owned()),
            rank: (number > 0).then_some(3),
            inherits: Some(number == 0),
            is_default: Some(number == 0),
            total_agents: Some(7),
            ..ConsoleGroupNoun::default()
        }),
    };
    let policy = |level: &str, mode: &str| Said {
        id: format!("{level}:1"),
        raw: json!({"mitigationMode": mode, "engines": {"preExecution": "on"}, "agentUi": {"maxEventAgeDays": 30}}),
        noun: Noun::Policy(PolicyNoun {
            level: Some(level.to_owned()),
            name: Some(format!("{level} Kiosks")),
            mitigation_mode: Some(mode.to_owned()),
            anti_tampering: Some(level == "site"),
            auto_decommission_days: Some(21),
            updated_at: Some(NOW.plus_seconds(-86_400)),
            engines: vec![
                PolicyEngine { engine: "preExecution".to_owned(), mode: "on".to_owned() },
                PolicyEngine { engine: "exploits".to_owned(), mode: "off".to_owned() },
            ],
            ..PolicyNoun::default()
        }),
    };
    vec![
        ("accounts", vec![account]),
        ("sites", vec![site(0, "London"), site(1, "Köln"), site(2, "Default site")]),
        ("groups", vec![group(0, "Default Group"), group(1, "Kiosks")]),
        ("policies", vec![policy("tenant", "protect"), policy("site", "detect")]),
    ]
}

/// Applies records of one stream, page by page, and logs them as sync does.
pub fn apply(store: &Store, org: OrgId, memory: &'static Memory, stream: &'static str, records: Vec<Said>) {
    let mut records = records.into_iter();
    loop {
        let page: Vec<Said> = records.by_ref().take(PAGE_RECORDS).collect();
        if page.is_empty() {
            return;
        }
        store.write_blocking(move |tx| apply_page(tx, org, memory, stream, &page)).expect("the page can be applied");
    }
}

fn apply_page(
    tx: &mut store::Tx<'_>,
    org: OrgId,
    memory: &Memory,
    stream: &str,
    page: &[Said],
) -> Result<(), InventoryError> {
    inventory::integration::call(tx, org, IntegrationId(1), "acme EMEA")?;
    let site: SiteId = inventory::ensure_site(tx, org, if org == ORG { "HQ" } else { "Elsewhere" }, NOW)?;
    let context = Context {
        org,
        integration: IntegrationId(1),
        site,
        stream,
        sweep: SweepId(1),
        now: NOW,
        immutable: stream == "activities",
        body_in_log: false,
        memory,
        onboard: inventory::Onboard::Always,
    };
    let bytes: Vec<Vec<u8>> = page.iter().map(|said| said.raw.to_string().into_bytes()).collect();
    let incoming: Vec<Incoming> = page
        .iter()
        .zip(&bytes)
        .map(|(said, raw)| Incoming { native_id: Cow::Borrowed(&said.id), raw, raw_hash: hash(raw) })
        .collect();
    let mut nouns: Vec<Option<Noun>> = page.iter().map(|said| Some(said.noun.clone())).collect();
    let outcomes = inventory::apply(tx, &context, &incoming, &mut |at| {
        let noun = nouns[at].take().expect("asked once");
        Ok(Translation { meaning_hash: hash(&bytes[at]), updated_at: Some(NOW), noun, left_out: None })
    })?;
    let entries = outcomes.iter().zip(page.iter().zip(&bytes)).map(|(outcome, (said, raw))| signals::Entry {
        native_id: Cow::Borrowed(said.id.as_str()),
        op: signals::Op::Create,
        version: outcome.version,
        updated_at: outcome.updated_at,
        meaning_hash: outcome.meaning_hash,
        raw,
    });
    let page = signals::Page {
        org,
        integration: IntegrationId(1),
        console_host: "acme.example.net",
        stream,
        now: NOW,
        entries: entries.collect(),
    };
    signals::record(tx, &page)?;
    Ok(())
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    <sha2::Sha256 as sha2::Digest>::digest(bytes).into()
}

/// Fills a database with an estate of so many agents, and a smaller one of somebody else's.
pub fn fill(store: &Store, agents: usize, seed: u64) {
    let memory: &'static Memory = Box::leak(Box::default());
    for (org, agents, seed) in [(ORG, agents, seed), (OTHER, agents.min(20), seed + 1)] {
        for (stream, records) in levels() {
            apply(store, org, memory, stream, records);
        }
        apply(store, org, memory, "agents", self::agents(agents, seed));
        // What comes later waits for the full-text index, and is found all the same.
        store.write_blocking(move |tx| signals::index_in(tx, org)).expect("the log can be indexed");
        apply(store, org, memory, "threats", findings(agents / 2 + 1, agents, seed));
        apply(store, org, memory, "custom_alerts", programs::alerts(agents / 10, agents, seed));
        apply(store, org, memory, "applications", programs::software(agents, seed));
        apply(store, org, memory, "risks", programs::vulnerabilities(agents, seed));
        apply(store, org, memory, "users", programs::users());
        apply(store, org, memory, "activity_types", programs::activity_types());
        // As sync does after a large sweep: nobody has counted these tables yet.
        store
            .write_blocking(|tx| match tx.dialect() {
                store::Dialect::Postgres => tx.refresh_statistics(),
                store::Dialect::Sqlite => Ok(()),
            })
            .expect("tables can be counted");
        apply(store, org, memory, "activities", activities(agents, agents, seed));
    }
}
