//! What runs on the agents, and what of it is vulnerable. Nothing is kept for an agent that no change concerned: its list is a
//! function of the seed and its place in the fleet, so that twenty million rows cost no memory.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use crate::catalog::{MACHINES, PROFILES, html};
use crate::draw::mix;
use crate::state::{Agent, State};
use crate::text::{DAY, HOUR, Json, SECOND, seconds_text};
use crate::titles::{CORE, LINUX, MAC, Product, VERSIONS_EACH, WINDOWS};

/// Bits of a row's id below the agent's place.
const SLOT_BITS: u32 = 12;
/// Bits of a risk's id below the slot.
const CVE_BITS: u32 = 4;
/// Slots from here on are what was there before an upgrade in the history.
const PAST_SLOT: u16 = 2048;
/// Where the ids of installed applications begin.
const APPLICATION_BASE: u64 = 1_100_000_000_000_000_000;
/// Where the ids of applications on endpoints begin.
const ENDPOINT_BASE: u64 = 1_500_000_000_000_000_000;
/// Where the ids of risks begin.
const RISK_BASE: u64 = 1_300_000_000_000_000_000;
/// The index of the newest version of a product.
const NEWEST: u8 = VERSIONS_EACH as u8 - 1;
/// Where, among the bits of a title, the family is.
const FAMILY_BITS: u32 = 24;
/// Where the repetition is: how often the list of products was gone through before.
const ROUND_BITS: u32 = 12;
/// The family of products that a test brought.
const OWN_FAMILY: u32 = 3;
/// The most applications that an agent has.
pub(crate) const PER_AGENT_MAX: usize = 1000;

/// The collections that are made from the agents' software.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `GET /installed-applications`.
    Installed,
    /// `GET /application-management/inventory/endpoints`.
    Endpoints,
    /// `GET /application-management/risks`.
    Risks,
}

/// A known vulnerability of a product.
pub(crate) struct Cve {
    pub(crate) id: String,
    pub(crate) severity: &'static str,
    pub(crate) score: String,
    pub(crate) published: i64,
    /// The first version that does not have it.
    pub(crate) fixed_in: u8,
}

/// A product with everything that rows about it repeat.
pub(crate) struct Title {
    pub(crate) name: String,
    pub(crate) vendor: String,
    pub(crate) versions: Vec<String>,
    pub(crate) cves: Vec<Cve>,
    kind: &'static str,
    size: i64,
}

/// One installed application: which, since when, and until when if it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct App {
    pub(crate) slot: u16,
    pub(crate) title: u32,
    pub(crate) version: u8,
    pub(crate) installed: i64,
    pub(crate) removed: Option<i64>,
}

/// One row of a collection: an application, and for risks one of its vulnerabilities.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) app: App,
    pub(crate) cve: u8,
    pub(crate) detected: i64,
    /// When a risk changed last; of an application, when it was installed.
    pub(crate) updated: i64,
}

/// The products, and the agents whose software a change concerned.
pub(crate) struct Software {
    families: [Vec<Title>; 3],
    own: Vec<Title>,
    changed: BTreeMap<u32, Vec<App>>,
    per_agent: usize,
    /// Risks of which a test changed fields, and when.
    pub(crate) patched: HashMap<u64, (Map<String, Value>, i64)>,
}

fn hash_text(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| mix(hash ^ u64::from(byte)))
}

fn title(product: &Product, start: i64, salt: u64) -> Title {
    let (name, vendor, pattern, first) = *product;
    let versions = (0..VERSIONS_EACH).map(|nth| pattern.replace('#', &(first as usize + nth).to_string())).collect();
    let hash = mix(hash_text(name) ^ hash_text(vendor) ^ salt);
    let count = [0, 1, 2, 3, 4, 6, 0, 8][(hash & 7) as usize];
    let cves = (0..count).map(|nth| cve(mix(hash ^ (nth + 1)), start)).collect();
    let kind = if name.contains("Driver") { "patch" } else { "app" };
    Title {
        name: name.to_owned(),
        vendor: vendor.to_owned(),
        versions,
        cves,
        kind,
        size: ((hash >> 20) % 900_000) as i64,
    }
}

fn cve(hash: u64, start: i64) -> Cve {
    let published = start - (25 + (hash >> 8) % 800) as i64 * DAY - (hash % 80_000) as i64 * SECOND;
    let (severity, low, high) = match (hash >> 32) % 100 {
        0..10 => ("CRITICAL", 900, 1000),
        10..50 => ("HIGH", 700, 899),
        50..89 => ("MEDIUM", 400, 699),
        89..97 => ("LOW", 100, 399),
        // A word that other parts of the console do not have.
        97 => ("NONE", 0, 0),
        _ => ("UNKNOWN", 0, 0),
    };
    let score = low + (hash >> 40) % (high - low + 1);
    let year = &seconds_text(published)[0..4];
    Cve {
        id: format!("CVE-{year}-{}", 1000 + (hash >> 16) % 58_000),
        severity,
        score: format!("{}.{:02}", score / 100, score % 100),
        published,
        fixed_in: 1 + ((hash >> 50) % u64::from(NEWEST)) as u8,
    }
}

impl Software {
    pub(crate) fn new(start: i64, per_agent: usize) -> Software {
        let family =
            |list: &[Product], salt| list.iter().map(|product| title(product, start, salt)).collect::<Vec<Title>>();
        Software {
            // The same product has the same vulnerabilities on every system.
            families: [family(&WINDOWS, 0), family(&MAC, 0), family(&LINUX, 0)],
            own: Vec::new(),
            changed: BTreeMap::new(),
            per_agent: per_agent.min(PER_AGENT_MAX),
            patched: HashMap::new(),
        }
    }

    pub(crate) fn title(&self, title: u32) -> &Title {
        let index = (title & ((1 << ROUND_BITS) - 1)) as usize;
        match title >> FAMILY_BITS {
            OWN_FAMILY => &self.own[index],
            family => &self.families[family as usize][index],
        }
    }

    /// How often the list of products was gone through before this one.
    fn round(title: u32) -> u32 {
        title >> ROUND_BITS & ((1 << (FAMILY_BITS - ROUND_BITS)) - 1)
    }

    /// The name of a product, as installed.
    pub(crate) fn name(&self, title: u32) -> String {
        match Software::round(title) {
            0 => self.title(title).name.clone(),
            round => format!("{} - component {round}", self.title(title).name),
        }
    }

    pub(crate) fn version(&self, app: &App) -> &str {
        let versions = &self.title(app.title).versions;
        &versions[usize::from(app.version).min(versions.len() - 1)]
    }

    /// Vulnerabilities of a product; a component has none.
    pub(crate) fn cves(&self, title: u32) -> &[Cve] {
        if Software::round(title) == 0 { &self.title(title).cves } else { &[] }
    }

    /// Every product that a fleet may have, by family.
    pub(crate) fn titles(&self) -> impl Iterator<Item = &Title> {
        self.families.iter().flatten().chain(&self.own)
    }

    /// The titles that are called so, as the console spells it.
    pub(crate) fn titles_called(&self, name: &str, vendor: &str) -> Vec<u32> {
        let (name, round) = match name.rsplit_once(" - component ") {
            Some((name, round)) => (name, round.parse().unwrap_or(0)),
            None => (name, 0),
        };
        let lists = self.families.iter().chain([&self.own]).enumerate();
        lists
            .flat_map(|(family, list)| list.iter().enumerate().map(move |(index, title)| (family, index, title)))
            .filter(|(_, _, title)| html(&title.name) == name && html(&title.vendor) == vendor)
            .map(|(family, index, _)| (family as u32) << FAMILY_BITS | round << ROUND_BITS | index as u32)
            .collect()
    }
}

/// Which of the three lists an agent's software comes from.
fn family_of(agent: &Agent) -> usize {
    match PROFILES[usize::from(agent.profile)].os_type {
        "macos" => 1,
        "linux" => 2,
        _ => 0,
    }
}

/// What every row about one agent repeats, written once for all of them.
pub(crate) struct Fragment {
    agent: usize,
    middle: Vec<u8>,
    end: Vec<u8>,
    last_scan: i64,
    scan_failed: bool,
    os_type: &'static str,
    scores: bool,
}

impl State {
    /// How many applications an agent has now.
    pub(crate) fn application_count(&self, agent: usize) -> u64 {
        match self.software.changed.get(&(agent as u32)) {
            Some(apps) => apps.iter().filter(|app| app.removed.is_none()).count() as u64,
            None => self.drawn_count(self.software_hash(agent)) as u64,
        }
    }

    fn software_hash(&self, agent: usize) -> u64 {
        mix(mix(self.seed ^ 0x50f7) ^ agent as u64)
    }

    fn drawn_count(&self, hash: u64) -> usize {
        let average = self.software.per_agent;
        if average == 0 { 0 } else { average * 3 / 4 + (hash % (average as u64 / 2 + 1)) as usize }
    }

    /// The software of an agent in the order of its slots, what is gone included.
    pub(crate) fn applications(&self, agent: usize, out: &mut Vec<App>) {
        out.clear();
        if let Some(apps) = self.software.changed.get(&(agent as u32)) {
            out.extend_from_slice(apps);
            return;
        }
        let row = &self.agents[agent];
        let hash = self.software_hash(agent);
        let family = family_of(row);
        let products = self.software.families[family].len();
        let beyond = (products - CORE) as u64;
        let (stride, offset) = (1 + (hash >> 16) % (beyond - 1), (hash >> 40) % beyond);
        let old = row.created < self.start;
        let span = (self.start - row.created - SECOND).max(1) as u64;
        let mut past = [(0_u16, 0_u32, 0_u8, 0_i64); 32];
        let mut pasts = 0;
        for slot in 0..self.drawn_count(hash) {
            let (round, place) = (slot / products, slot % products);
            let index =
                if place < CORE { place } else { CORE + ((stride * (place - CORE) as u64 + offset) % beyond) as usize };
            let draw = mix(hash ^ (slot as u64 + 1).wrapping_mul(0x9e37_79b9));
            let version = match draw & 0xff {
                0..140 => NEWEST,
                140..190 => 3,
                190..220 => 2,
                220..242 => 1,
                _ => 0,
            };
            let title = (family as u32) << FAMILY_BITS | (round as u32) << ROUND_BITS | index as u32;
            let installed = match draw >> 8 & 3 {
                _ if !old => row.created,
                0 => row.created + ((draw >> 12) % span.min(HOUR as u64)) as i64,
                _ => row.created + ((draw >> 12) % span) as i64,
            };
            let app = App { slot: slot as u16, title, version, installed, removed: None };
            out.push(app);
            if old && version > 0 && draw >> 60 < 2 && installed > row.created && pasts < past.len() {
                past[pasts] = (PAST_SLOT + slot as u16, title, version - 1, installed);
                pasts += 1;
            }
        }
        for &(slot, title, version, removed) in &past[..pasts] {
            out.push(App { slot, title, version, installed: row.created, removed: Some(removed) });
        }
    }

    /// Whether the console tells of an agent's software: it is there, or so long gone that only its risks are left.
    pub(crate) fn tells_software(&self, agent: usize, kind: Kind, decommissioned: (bool, bool)) -> bool {
        let row = &self.agents[agent];
        if row.gone {
            return row.ghost && kind == Kind::Risks;
        }
        if row.uninstalled.is_some() {
            return false;
        }
        match (kind, row.decommissioned.is_some()) {
            (Kind::Installed, true) => decommissioned.0,
            (Kind::Installed, false) => decommissioned.1,
            (_, is) => !is,
        }
    }

    /// Whether nothing about an agent's software changed after the console's start.
    pub(crate) fn software_is_as_drawn(&self, agent: usize) -> bool {
        self.agents[agent].created < self.start && !self.software.changed.contains_key(&(agent as u32))
    }

    /// The rows of a kind that an application makes, in the order of their ids.
    pub(crate) fn software_rows(&self, kind: Kind, agent: usize, app: App, out: &mut Vec<Row>) {
        let place = (agent as u64) << SLOT_BITS | u64::from(app.slot);
        if kind != Kind::Risks {
            let base = if kind == Kind::Installed { APPLICATION_BASE } else { ENDPOINT_BASE };
            if app.removed.is_none() {
                out.push(Row { id: base + place, app, cve: 0, detected: app.installed, updated: app.installed });
            }
            return;
        }
        for (nth, cve) in self.software.cves(app.title).iter().enumerate() {
            if app.version >= cve.fixed_in {
                continue;
            }
            let id = RISK_BASE + (place << CVE_BITS | nth as u64);
            let draw = mix(self.seed ^ id);
            let earliest = app.installed.max(cve.published);
            let detected = if earliest < self.start {
                (earliest + (draw % (2 * DAY as u64)) as i64).min(self.start - SECOND)
            } else {
                earliest
            };
            let updated = match app.removed {
                Some(removed) if removed <= detected => continue,
                Some(removed) => removed,
                // Some were scored anew.
                None if draw >> 60 == 0 => (detected + 20 * DAY).min(self.start - SECOND).max(detected),
                None => detected,
            };
            let updated = self.software.patched.get(&id).map_or(updated, |(_, at)| *at);
            out.push(Row { id, app, cve: nth as u8, detected, updated });
        }
    }

    /// The agent of a row's id.
    pub(crate) fn agent_of_software(kind: Kind, id: u64) -> usize {
        (match kind {
            Kind::Installed => id.saturating_sub(APPLICATION_BASE) >> SLOT_BITS,
            Kind::Endpoints => id.saturating_sub(ENDPOINT_BASE) >> SLOT_BITS,
            Kind::Risks => id.saturating_sub(RISK_BASE) >> (SLOT_BITS + CVE_BITS),
        }) as usize
    }

    /// Where the rows of an agent begin.
    pub(crate) fn first_software_id(kind: Kind, agent: usize) -> u64 {
        match kind {
            Kind::Installed => APPLICATION_BASE + ((agent as u64) << SLOT_BITS),
            Kind::Endpoints => ENDPOINT_BASE + ((agent as u64) << SLOT_BITS),
            Kind::Risks => RISK_BASE + ((agent as u64) << (SLOT_BITS + CVE_BITS)),
        }
    }

    /// Writes what all rows about one agent repeat.
    pub(crate) fn software_fragment(&self, kind: Kind, agent: usize) -> Fragment {
        let row = &self.agents[agent];
        let face = self.face(agent);
        let profile = &PROFILES[usize::from(row.profile)];
        let machine = MACHINES[usize::from(row.machine)];
        let present = row.decommissioned.is_none() && row.uninstalled.is_none();
        let active = present && row.alive;
        let mut j = Json::with_capacity(640);
        let mut k = Json::with_capacity(320);
        // The pieces begin with a comma that the row before them needs.
        let group = &self.groups[row.group as usize];
        let site = &self.sites[group.site];
        let last_scan = match self.heartbeat {
            Some(_) if active && !row.gone => {
                let phase = (mix(self.seed ^ agent as u64 ^ 0xabc) % DAY as u64) as i64;
                (self.now - phase).div_euclid(DAY) * DAY + phase
            }
            _ => row.last_seen.min(self.start),
        }
        .max(row.created);
        let draw = mix(self.seed ^ agent as u64 ^ 0x5ca);
        j.out.push(b'x');
        match kind {
            Kind::Installed => {
                j.text("agentComputerName", &face.computer);
                j.text("agentDomain", &face.domain);
                j.id("agentId", row.id);
                j.bool("agentInfected", row.active_threats > 0);
                j.bool("agentIsActive", active);
                j.bool("agentIsDecommissioned", row.decommissioned.is_some());
                j.text("agentMachineType", machine);
                j.text("agentNetworkStatus", if active && !row.isolated { "connected" } else { "disconnected" });
                j.text("agentOperationalState", "na");
                j.text("agentOsType", profile.os_type);
                j.text("agentUuid", &face.uuid);
                j.text("agentVersion", self.version(row));
            }
            Kind::Endpoints => {
                j.int("coreCount", [2, 4, 6, 8, 10, 16][(draw % 6) as usize]);
                j.int("cpuCount", [1, 2, 4][(draw % 3) as usize]);
                k.out.push(b'x');
                k.id("endpointId", row.id);
                k.text("endpointName", &face.computer);
                k.text("endpointType", machine);
                k.text("endpointUuid", &face.uuid);
                k.text("groupName", group.name);
                k.text("osArch", profile.arch);
                k.text("osName", profile.os_name);
                k.text("osType", profile.os_type);
                k.text("osVersion", profile.revisions[0]);
                k.text("siteName", &site.name);
                j.text("accountName", &self.accounts[site.account].name);
            }
            Kind::Risks => {
                // Of an endpoint that is long gone the id is known, or not even that.
                if self.oddities && row.gone && agent.is_multiple_of(2) {
                    j.null("endpointId");
                } else {
                    j.id("endpointId", row.id);
                }
                j.text("endpointName", &face.computer);
                j.text("endpointType", machine);
            }
        }
        j.out.remove(0);
        if !k.out.is_empty() {
            k.out.remove(0);
        }
        Fragment {
            agent,
            middle: j.out,
            end: k.out,
            last_scan,
            scan_failed: draw >> 58 == 0,
            os_type: profile.os_type,
            // One account has bought more: its risks are scored.
            scores: site.account == 1,
        }
    }

    /// Appends a row.
    pub(crate) fn write_software(&self, kind: Kind, fragment: &Fragment, row: &Row, out: &mut Vec<u8>) {
        let patch = (kind == Kind::Risks).then(|| self.software.patched.get(&row.id)).flatten();
        let Some((fields, _)) = patch else { return self.write_software_row(kind, fragment, row, out) };
        let mut plain = Vec::new();
        self.write_software_row(kind, fragment, row, &mut plain);
        let mut value: Value = serde_json::from_slice(&plain).expect("the simulator writes valid JSON");
        for (key, field) in fields {
            value[key.as_str()] = field.clone();
        }
        serde_json::to_writer(out, &value).expect("a value always serializes");
    }

    fn write_software_row(&self, kind: Kind, fragment: &Fragment, row: &Row, out: &mut Vec<u8>) {
        let app = &row.app;
        let title = self.software.title(app.title);
        let version = self.software.version(app);
        let round = Software::round(app.title);
        let long;
        let name = if round == 0 {
            title.name.as_str()
        } else {
            long = self.software.name(app.title);
            &long
        };
        let draw = mix(self.seed ^ row.id);
        let mut j = Json { out: std::mem::take(out) };
        j.out.push(b'{');
        match kind {
            Kind::Installed => {
                j.out.extend_from_slice(&fragment.middle[1..]);
                j.instant("createdAt", app.installed + (draw % SECOND as u64) as i64);
                j.id("id", row.id);
                j.text("installedAt", &seconds_text(app.installed));
                j.text("name", name);
                j.text("osType", fragment.os_type);
                j.text("publisher", &title.vendor);
                let level = self.risk_level(app);
                if level == "none" && self.oddities && draw & 7 == 0 {
                    j.null("riskLevel");
                } else {
                    j.text("riskLevel", level);
                }
                j.bool("signed", draw & 15 != 3);
                j.int("size", title.size + i64::from(app.version) * 731);
                j.text("type", title.kind);
                // The clocks of two services differ.
                j.instant("updatedAt", app.installed - (draw % 4000) as i64);
                j.text("version", version);
            }
            Kind::Endpoints => {
                j.out.extend_from_slice(&fragment.middle[1..fragment.middle.len()]);
                j.text("applicationInstallationDate", &seconds_text(app.installed));
                j.text("applicationInstallationPath", install_path(fragment.os_type, &title.name).as_str());
                escaped(&mut j, "applicationName", name);
                if draw & 3 == 0 {
                    j.text("cpe", "");
                } else {
                    j.null("cpe");
                }
                j.text("detectionDate", &seconds_text(app.installed + HOUR));
                j.out.extend_from_slice(&fragment.end);
                j.int("fileSize", title.size + i64::from(app.version) * 731);
                j.id("id", row.id);
                j.text("version", version);
            }
            Kind::Risks => {
                let cve = &title.cves[usize::from(row.cve)];
                // Name and version in one text, as a heading has it.
                escaped_pair(&mut j, "application", name, version);
                escaped(&mut j, "applicationName", name);
                escaped(&mut j, "applicationVendor", &title.vendor);
                j.text("applicationVersion", version);
                j.text("baseScore", &cve.score);
                j.text("cveId", &cve.id);
                j.text("cvssVersion", if draw & 15 == 0 { "2.0" } else { "3.1" });
                j.int("daysDetected", (self.now - row.detected).div_euclid(DAY).max(0));
                seconds(&mut j, "detectionDate", row.detected);
                j.out.extend_from_slice(&fragment.middle);
                if fragment.scores {
                    j.text(
                        "exploitCodeMaturity",
                        ["Not Defined", "Unproven", "Proof of Concept", "High"][(draw >> 8 & 3) as usize],
                    );
                }
                j.id("id", row.id);
                seconds(&mut j, "lastScanDate", fragment.last_scan.max(row.detected));
                j.text("lastScanResult", if fragment.scan_failed { "Failed" } else { "Succeeded" });
                match draw >> 16 & 63 {
                    0 if self.oddities => j.key("markType").object(|j| j.text("type", "False Positive")),
                    1..8 if self.oddities => j.null("markType"),
                    _ => j.text("markType", ""),
                }
                j.null("markedBy");
                j.null("markedDate");
                if fragment.scores {
                    j.text(
                        "mitigationStatus",
                        ["Not mitigated", "To be patched", "On hold"][(draw >> 24 & 31) as usize / 15],
                    );
                    j.text("mitigationStatusChangedBy", "");
                    j.text("mitigationStatusReason", "");
                    j.text("nvdBaseScore", &cve.score);
                    j.text("nvdCvssVersion", "3.1");
                }
                j.text("osType", fragment.os_type);
                if cve.severity == "UNKNOWN" && self.oddities {
                    j.null("publishedDate");
                } else {
                    seconds(&mut j, "publishedDate", cve.published);
                }
                j.null("reason");
                if fragment.scores {
                    j.text("remediationLevel", "Official Fix");
                    j.text("reportConfidence", "Confirmed");
                    j.text("riskScore", &cve.score);
                }
                j.text("severity", cve.severity);
                j.text("status", if app.removed.is_some() { "Removed" } else { "Detected" });
            }
        }
        j.out.push(b'}');
        *out = j.out;
        debug_assert!(fragment.agent < self.agents.len());
    }

    /// The worst severity of an application's vulnerabilities, in the words of the older list.
    fn risk_level(&self, app: &App) -> &'static str {
        let open = self.software.cves(app.title).iter().filter(|cve| app.version < cve.fixed_in);
        let rank = |severity: &str| {
            ["NONE", "UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"].iter().position(|s| *s == severity)
        };
        let worst = open.filter_map(|cve| rank(cve.severity)).max().unwrap_or(0);
        ["none", "none", "low", "medium", "high", "critical"][worst]
    }

    /// The plain list of one agent's software, as two older endpoints answer it.
    pub(crate) fn application_list(&self, agent: usize) -> Vec<Value> {
        let mut apps = Vec::new();
        self.applications(agent, &mut apps);
        apps.iter()
            .filter(|app| app.removed.is_none())
            .map(|app| {
                let title = self.software.title(app.title);
                serde_json::json!({
                    "installedDate": seconds_text(app.installed),
                    "name": self.software.name(app.title),
                    "publisher": title.vendor,
                    "size": title.size + i64::from(app.version) * 731,
                    "version": self.software.version(app),
                })
            })
            .collect()
    }

    // -- changes --

    fn own_list(&mut self, agent: u32) -> &mut Vec<App> {
        let mut apps = Vec::new();
        if !self.software.changed.contains_key(&agent) {
            self.applications(agent as usize, &mut apps);
        }
        self.software.changed.entry(agent).or_insert(apps)
    }

    /// Installs a version of a product; one that no fleet has yet becomes known by it.
    pub(crate) fn install(&mut self, agent: u32, vendor: &str, name: &str, version: &str, at: i64) {
        let family = family_of(&self.agents[agent as usize]) as u32;
        let called = self.software.titles_called(&html(name), &html(vendor));
        // A product of another system will do, so that its vulnerabilities come with it.
        let known = |of: &dyn Fn(u32) -> bool| {
            called.iter().copied().find(|title| {
                of(title >> FAMILY_BITS) && self.software.title(*title).versions.iter().any(|v| v == version)
            })
        };
        let title = known(&|of| of == family).or_else(|| known(&|_| true)).unwrap_or_else(|| {
            self.software.own.push(Title {
                name: name.to_owned(),
                vendor: vendor.to_owned(),
                versions: vec![version.to_owned()],
                cves: Vec::new(),
                kind: "app",
                size: 4096,
            });
            OWN_FAMILY << FAMILY_BITS | (self.software.own.len() as u32 - 1)
        });
        let versions = &self.software.title(title).versions;
        let version = versions.iter().position(|v| v == version).unwrap_or(0) as u8;
        put_in(self.own_list(agent), title, version, at);
    }

    /// Moves an application of that name to the newest version. False if there is none, or nothing newer.
    pub(crate) fn upgrade(&mut self, agent: u32, name: &str, at: i64) -> bool {
        let Some(app) = self.installed(agent, name) else { return false };
        let newest = self.software.title(app.title).versions.len() as u8 - 1;
        if app.version >= newest {
            return false;
        }
        self.uninstall(agent, name, at);
        put_in(self.own_list(agent), app.title, newest, at);
        true
    }

    /// Removes an application of that name. False if there is none.
    pub(crate) fn uninstall(&mut self, agent: u32, name: &str, at: i64) -> bool {
        let Some(app) = self.installed(agent, name) else { return false };
        let row = self.own_list(agent).iter_mut().find(|row| row.slot == app.slot);
        row.map(|row| row.removed = Some(at)).is_some()
    }

    fn installed(&self, agent: u32, name: &str) -> Option<App> {
        let mut apps = Vec::new();
        self.applications(agent as usize, &mut apps);
        apps.into_iter().find(|app| app.removed.is_none() && self.software.name(app.title) == name)
    }

    /// As time passes, something outdated is brought up to date somewhere.
    pub(crate) fn update_some_software(&mut self, at: i64, agent: u32, draw: u64) {
        let mut apps = Vec::new();
        self.applications(agent as usize, &mut apps);
        apps.retain(|app| app.removed.is_none() && app.version < NEWEST && Software::round(app.title) == 0);
        if !apps.is_empty() {
            let name = self.software.name(apps[(draw % apps.len() as u64) as usize].title);
            self.upgrade(agent, &name, at);
        }
    }
}

/// Adds what is installed now.
fn put_in(apps: &mut Vec<App>, title: u32, version: u8, at: i64) {
    // What is installed now comes after everything before it, so that no id is used twice.
    let used = apps.iter().map(|app| app.slot % PAST_SLOT).max().map_or(0, |slot| slot + 1);
    let slot = if used < PAST_SLOT { used } else { PAST_SLOT - 1 };
    let app = App { slot, title, version, installed: at, removed: None };
    let before = apps.partition_point(|app| app.slot < slot);
    apps.insert(before, app);
}

/// Writes a text as the console's pages escape it, without a copy where nothing needs it.
fn escaped(j: &mut Json, key: &str, text: &str) {
    if text.bytes().any(|b| matches!(b, b'&' | b'<' | b'>')) {
        j.text(key, &html(text));
    } else {
        j.text(key, text);
    }
}

fn escaped_pair(j: &mut Json, key: &str, name: &str, version: &str) {
    escaped(j, key, name);
    j.out.pop();
    j.out.push(b' ');
    j.out.extend_from_slice(version.as_bytes());
    j.out.push(b'"');
}

/// An instant without a fraction.
fn seconds(j: &mut Json, key: &str, at: i64) {
    j.key(key).out.push(b'"');
    j.out.extend_from_slice(&crate::text::micros(at)[..19]);
    j.out.extend_from_slice(b"Z\"");
}

fn install_path(os_type: &str, name: &str) -> String {
    match os_type {
        "linux" => "/usr/bin".to_owned(),
        "macos" => format!("/Applications/{name}.app"),
        _ => format!("C:\\Program Files\\{name}"),
    }
}
