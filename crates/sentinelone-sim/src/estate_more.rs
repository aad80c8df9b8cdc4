//! Roles, tags, exclusions, the blocklist, devices without an agent, and the wider list of assets.

use serde_json::{Map, Value, json};

use crate::agent::dotted;
use crate::catalog::{Family, PROFILES, TAGS, html};
use crate::draw::{Dice, mix};
use crate::hardware::{self, Maker, card, gateway_mac, mac_text, seat};
use crate::list::{Ask, Key, Page, Position, View, choose, leaves, test};
use crate::nmap::at;
use crate::params::{Query, range};
use crate::state::{IdKind, State, make_id, salt};
use crate::text::{DAY, HOUR, hex, micros_text, millis_text, seconds_text};

/// The most exclusions that follow from the size of a fleet.
const EXCLUSIONS_MAX: u64 = 1500;
/// The most blocked hashes that follow from the size of a fleet.
const RESTRICTIONS_MAX: u64 = 5000;

/// Roles that every console has.
const ROLES: [(&str, &str); 6] = [
    ("Admin", "Full access to everything in its scope"),
    ("Viewer", "Sees everything, changes nothing"),
    ("C-Level", "Dashboards &amp; reports"),
    ("IT", "Agents and updates"),
    ("SOC", "Threats and incidents"),
    ("Incident Response", ""),
];

/// Where the ids of predefined roles begin; a user's role id follows from the role's name.
pub(crate) const ROLE_BASE: u64 = 433_241_117_337_583_700;

/// The id of a role, as users name it.
pub(crate) fn role_id(role: &str) -> u64 {
    ROLE_BASE + role.len() as u64
}

/// A tag that can be put on agents.
pub(crate) struct Tag {
    pub(crate) id: u64,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) created: i64,
    /// The account that has it, or the whole console.
    pub(crate) account: Option<usize>,
    pub(crate) gone: bool,
}

/// A kind of device that is seen on a network.
pub(crate) struct DeviceKind {
    type_: &'static str,
    function: &'static str,
    os: &'static str,
    vendor: &'static str,
    state: &'static str,
    /// What a scan makes of it.
    pub(crate) system: usize,
    maker: Maker,
}

const fn device(
    (type_, function, os): (&'static str, &'static str, &'static str),
    vendor: &'static str,
    state: &'static str,
    system: usize,
    maker: Maker,
) -> DeviceKind {
    DeviceKind { type_, function, os, vendor, state, system, maker }
}

const DEVICES: [DeviceKind; 8] = [
    device(("Workstation", "Workstation", "windows"), "Dell Inc.", "unmanaged", at::WINDOWS_11, [0x18, 0x66, 0xda]),
    device(
        ("Printer", "Printer", "unknown"),
        "Brother Industries, LTD.",
        "unsupported",
        at::PRINTER,
        [0x00, 0x80, 0x77],
    ),
    device(
        ("IP Phone", "IP Phone", "unknown"),
        "Yealink(Xiamen) Network Technology Co.,Ltd.",
        "unsupported",
        at::IP_PHONE,
        [0x80, 0x5e, 0xc0],
    ),
    device(("Server", "Server", "linux"), "VMware, Inc.", "unmanaged", at::LINUX, [0x00, 0x05, 0x69]),
    device(
        ("Mobile", "Mobile", "android"),
        "Samsung Electronics Co.,Ltd",
        "unsupported",
        at::ANDROID,
        [0x8c, 0xf5, 0xa3],
    ),
    device(("Network", "Switch", "unknown"), "Cisco Systems, Inc", "unsupported", at::SWITCH, [0x00, 0x1b, 0x54]),
    device(("Video", "Camera", "linux"), "Axis Communications AB <Lund>", "unknown", at::CAMERA, [0x00, 0x40, 0x8c]),
    device(("Unknown", "", "unknown"), "", "unknown", at::UNKNOWN, [0x24, 0x6f, 0x28]),
];

/// What is known of a device.
pub(crate) struct DeviceFacts {
    dice: Dice,
    pub(crate) kind: &'static DeviceKind,
    pub(crate) address: [u8; 4],
    pub(crate) mac: [u8; 6],
    first: i64,
    last: i64,
}

impl State {
    /// The tags of every console.
    pub(crate) fn build_tags(&mut self) {
        let born = self.start - 900 * DAY;
        self.tags = TAGS
            .iter()
            .enumerate()
            .map(|(nth, (key, value))| Tag {
                id: make_id(born, IdKind::Other, nth as u64),
                key: (*key).to_owned(),
                value: (*value).to_owned(),
                created: born,
                account: (nth % 3 == 2).then_some(0),
                gone: false,
            })
            .collect();
    }

    /// Rows of `GET /agents/tags`.
    pub(crate) fn tag_rows(&mut self, view: &View, query: &Query) -> Vec<(u64, Value)> {
        let counted = query.flag("includeEndpointCounters");
        let mut counts = vec![0_i64; self.tags.len()];
        if counted {
            for agent in 0..self.agents.len() {
                let row = &self.agents[agent];
                if !row.gone && view.sites[self.site_of(row)] {
                    for nth in self.tags_of(agent) {
                        counts[nth] += 1;
                    }
                }
            }
        }
        let seen = |tag: &Tag| !tag.gone && tag.account.is_none_or(|account| view.accounts[account]);
        let rows = self.tags.iter().enumerate().filter(|(_, tag)| seen(tag));
        rows.map(|(nth, tag)| {
            let account = tag.account.map(|a| &self.accounts[a]);
            let mut row = json!({
                "allowEdit": view.tenant || tag.account.is_some(),
                "createdAt": micros_text(tag.created),
                "createdBy": self.users[0].name,
                "description": if nth % 2 == 0 { Value::Null } else { json!("Set by the &lt;asset&gt; team") },
                "endpointsInCurrentScope": counts[nth],
                "id": tag.id.to_string(),
                "key": tag.key,
                "scopeId": account.map_or(Value::Null, |a| json!(a.id.to_string())),
                "scopeLevel": if account.is_some() { "account" } else { "global" },
                "scopePath": account.map_or("Global".to_owned(), |a| format!("Global / {}", a.name)),
                "type": "agents",
                "updatedAt": micros_text(tag.created),
                "updatedBy": self.users[0].name,
                "value": tag.value,
            });
            if counted {
                row["totalEndpoints"] = json!(counts[nth]);
            }
            (tag.id, row)
        })
        .collect()
    }

    /// Which tags an agent carries, as its record says.
    fn tags_of(&mut self, agent: usize) -> Vec<usize> {
        let mut body = Vec::new();
        self.write_agent(agent, &mut body);
        let record: Value = serde_json::from_slice(&body).unwrap_or_default();
        let carried = record["tags"]["sentinelone"].as_array().cloned().unwrap_or_default();
        let ids: Vec<&str> = carried.iter().filter_map(|tag| tag["id"].as_str()).collect();
        (0..self.tags.len()).filter(|&nth| ids.contains(&self.tags[nth].id.to_string().as_str())).collect()
    }

    /// Rows of `GET /rbac/roles`: the console's own ones, and one of each account. Roles above the token are seen unless
    /// `includeParents=false`.
    pub(crate) fn role_rows(&self, view: &View, query: &Query) -> Vec<(u64, Value)> {
        let parents = query.one("includeParents").is_none_or(|text| text.eq_ignore_ascii_case("true"));
        let born = self.start - 930 * DAY;
        let users = |name: &str| {
            let seen = (0..self.users.len()).filter(|&u| self.sees_user(view, u));
            seen.filter(|&u| self.users[u].role == name && !self.users[u].service).count()
        };
        let own = ROLES.iter().enumerate().filter(|_| view.tenant || parents).map(|(nth, (name, description))| {
            let row = json!({
                "accountName": null, "createdAt": micros_text(born), "creator": null, "creatorId": null,
                "description": description, "id": role_id(name).to_string(), "name": name, "predefinedRole": true,
                "scope": "tenant", "scopeId": null, "siteName": null,
                "updatedAt": micros_text(born - 1200 + nth as i64 * 900), "updatedBy": null, "updatedById": null,
                "usersInRoles": users(name),
            });
            (role_id(name), row)
        });
        let made = (0..self.accounts.len()).filter(|&a| view.accounts[a] && (!view.only_sites || parents)).map(|account| {
            let row = &self.accounts[account];
            let at = row.created + 40 * DAY;
            let id = make_id(at, IdKind::Other, 0x100 + account as u64);
            let record = json!({
                "accountName": row.name, "createdAt": micros_text(at), "creator": self.users[0].name,
                "creatorId": self.users[0].id.to_string(), "description": "Auditors &amp; friends", "id": id.to_string(),
                "name": format!("Auditor {}", row.name), "predefinedRole": false, "scope": "account",
                "scopeId": row.id.to_string(), "siteName": null, "updatedAt": micros_text(at + DAY),
                "updatedBy": self.users[0].name, "updatedById": self.users[0].id.to_string(), "usersInRoles": 0,
            });
            (id, record)
        });
        own.chain(made).collect()
    }

    /// Which scope the n-th exclusion or blocked hash has: 0 the console, 1 an account, 2 a site, 3 a group.
    fn scope_of(&self, draw: u64) -> (u8, usize) {
        match draw % 10 {
            0 => (0, 0),
            1..5 => (1, (draw >> 8) as usize % self.accounts.len()),
            5..9 => (2, (draw >> 8) as usize % self.sites.len()),
            _ => (3, (draw >> 8) as usize % self.groups.len()),
        }
    }

    fn scope_fields(&self, level: u8, index: usize) -> (Value, String, String) {
        match level {
            0 => (json!({"tenant": true}), "Global".to_owned(), "Global".to_owned()),
            1 => {
                let account = &self.accounts[index];
                (
                    json!({"accountIds": [account.id.to_string()]}),
                    account.name.clone(),
                    format!("Global\\{}", account.name),
                )
            }
            2 => {
                let site = &self.sites[index];
                let path = format!("Global\\{}\\{}", self.accounts[site.account].name, site.name);
                (json!({"siteIds": [site.id.to_string()]}), site.name.clone(), path)
            }
            _ => {
                let group = &self.groups[index];
                let site = &self.sites[group.site];
                let path = format!("Global\\{}\\{}\\{}", self.accounts[site.account].name, site.name, group.name);
                (json!({"groupIds": [group.id.to_string()]}), group.name.to_owned(), path)
            }
        }
    }

    /// Whether a token sees what belongs to a scope, and whether the request's own scope filters let it through.
    fn sees_scope(&self, view: &View, query: &Query, level: u8, index: usize) -> bool {
        let seen = match level {
            0 => view.tenant || query.flag("includeParents"),
            1 => view.accounts[index] && (!view.only_sites || query.flag("includeParents")),
            2 => view.sites[index] && !self.sites[index].deleted,
            _ => {
                let group = &self.groups[index];
                view.sites[group.site] && !group.deleted && !self.sites[group.site].deleted
            }
        };
        let (account, site, group) = match level {
            0 => (None, None, None),
            1 => (Some(index), None, None),
            2 => (Some(self.sites[index].account), Some(index), None),
            _ => {
                let site = self.groups[index].site;
                (Some(self.sites[site].account), Some(site), Some(index))
            }
        };
        let named = |name: &str, id: Option<u64>| {
            query.values(name).is_none_or(|ids| id.is_some_and(|id| ids.iter().any(|text| *text == id.to_string())))
        };
        seen && named("accountIds", account.map(|a| self.accounts[a].id))
            && named("siteIds", site.map(|s| self.sites[s].id))
            && named("groupIds", group.map(|g| self.groups[g].id))
    }

    /// Rows of `GET /exclusions`.
    pub(crate) fn exclusion_rows(&self, view: &View, query: &Query) -> Vec<(u64, Value)> {
        let count = 14 + (self.initial_agents as u64 / 60).min(EXCLUSIONS_MAX);
        let mut rows = Vec::new();
        for nth in 0..count {
            let mut dice = Dice::new(self.seed, salt::EXCLUSION, nth);
            let (level, index) = self.scope_of(dice.next());
            if !self.sees_scope(view, query, level, index) {
                continue;
            }
            let created = self.start - dice.between(DAY, 700 * DAY);
            let id = make_id(created, IdKind::Other, 0x1000 + nth);
            let (scope, name, path) = self.scope_fields(level, index);
            let kind = ["path", "path", "certificate", "white_hash", "file_type", "browser"][dice.index(6)];
            let value = match kind {
                "path" => format!("C:\\Program Files\\App {nth}\\*.exe"),
                "certificate" => html("M&S <Tools> LTD"),
                "white_hash" => hex(&mut dice, 40),
                "file_type" => ".log".to_owned(),
                _ => "Chrome".to_owned(),
            };
            let user = &self.users[dice.index(self.users.len())];
            let path_kind = (kind == "path").then(|| ["file", "folder", "subfolders"][dice.index(3)]);
            rows.push((
                id,
                json!({
                    "actions": ["upload", "detect"],
                    "applicationName": if nth % 4 == 0 { json!("Backup & Restore") } else { Value::Null },
                    "createdAt": micros_text(created),
                    "description": if nth % 3 == 0 { Value::Null } else { json!("Slow without it") },
                    "id": id.to_string(),
                    "imported": nth % 5 == 0,
                    "inAppInventory": false,
                    "includeChildren": level < 2,
                    "includeParents": false,
                    "inject": false,
                    "mode": if kind == "path" { json!("suppress") } else { Value::Null },
                    // A text, whatever its name says.
                    "notRecommended": if nth % 11 == 7 { "Not recommended" } else { "NONE" },
                    "osType": (["windows", "windows", "macos", "linux"][dice.index(4)]),
                    "pathExclusionType": path_kind,
                    "scope": scope,
                    "scopeName": name,
                    "scopePath": path,
                    "source": if nth % 6 == 1 { "action_from_threat" } else { "user" },
                    "type": kind,
                    "updatedAt": micros_text(created + dice.between(0, DAY)),
                    "userId": user.id.to_string(),
                    "userName": user.name,
                    "value": value,
                }),
            ));
        }
        rows
    }

    /// Rows of `GET /restrictions`.
    pub(crate) fn restriction_rows(&self, view: &View, query: &Query) -> Vec<(u64, Value)> {
        let count = 20 + (self.initial_agents as u64 / 20).min(RESTRICTIONS_MAX);
        let mut rows = Vec::new();
        for nth in 0..count {
            let mut dice = Dice::new(self.seed, salt::RESTRICTION, nth);
            let (level, index) = self.scope_of(dice.next());
            if !self.sees_scope(view, query, level, index) {
                continue;
            }
            let created = self.start - dice.between(DAY, 700 * DAY);
            let id = make_id(created, IdKind::Other, 0x2_0000 + nth);
            let (scope, name, path) = self.scope_fields(level, index);
            let user = &self.users[dice.index(self.users.len())];
            let sha1 = hex(&mut dice, 40);
            let both = dice.per_mille(400);
            rows.push((
                id,
                json!({
                    "createdAt": micros_text(created),
                    "description": if nth % 3 == 0 { json!("") } else { json!("Seen in the &lt;March&gt; incident") },
                    "id": id.to_string(),
                    "imported": nth % 2 == 0,
                    "includeChildren": level < 2,
                    "includeParents": false,
                    "notRecommended": "NONE",
                    "osType": (["windows", "macos", "linux"][dice.index(3)]),
                    "scope": scope,
                    "scopeName": name,
                    "scopePath": path,
                    "sha256Value": if both { json!(hex(&mut dice, 64)) } else { Value::Null },
                    "source": (["user", "cloud", "action_from_threat"][dice.index(3)]),
                    "type": "black_hash",
                    "updatedAt": micros_text(created + dice.between(0, DAY)),
                    "userId": user.id.to_string(),
                    "userName": user.name,
                    "value": sha1,
                }),
            ));
        }
        rows
    }

    // -- devices --

    /// The site that sees a device.
    pub(crate) fn device_site(&self, device: u64) -> usize {
        if let Some(agent) = self.managed_by(device) {
            return self.agents[agent].home as usize;
        }
        (mix(self.seed ^ device ^ 0xdec) % self.sites.len() as u64) as usize
    }

    pub(crate) fn device_id(&self, device: u64) -> u64 {
        let step = 300 * DAY / i64::try_from(self.devices.max(1)).unwrap_or(i64::MAX);
        make_id(self.start - 310 * DAY + step * device as i64, IdKind::Other, 0x3_0000 + (device & 0xffff))
    }

    /// The agent of a device that has one: discovery sees some machines that are managed. Nothing is planted on those.
    pub(crate) fn managed_by(&self, device: u64) -> Option<usize> {
        let agent = usize::try_from(device).ok()? * 10 + 3;
        let there = agent < self.initial_agents && device % 9 == 4;
        (there && !self.agents[agent].gone && self.agents[agent].plant.is_none()).then_some(agent)
    }

    /// The device that an agent's machine is, if discovery sees it.
    fn device_of(&self, agent: usize) -> Option<u64> {
        let device = (agent / 10) as u64;
        (device < self.devices && self.managed_by(device) == Some(agent)).then_some(device)
    }

    /// What is known of a device: its kind, its addresses, when it was seen first and last.
    pub(crate) fn device_facts(&self, device: u64) -> DeviceFacts {
        let mut dice = Dice::new(self.seed, salt::DEVICE, device);
        let mut kind = dice.pick(&DEVICES);
        let (mut address, mut mac) = (seat(hardware::DEVICES, device), card(kind.maker, self.seed, device));
        let first = self.start - dice.between(HOUR, 300 * DAY);
        let last = self.start - dice.between(0, (self.start - first).min(6 * DAY));
        if let Some(agent) = self.managed_by(device) {
            (address, mac) = (self.address(agent), self.hardware(agent).cards[0].mac);
            let profile = &PROFILES[usize::from(self.agents[agent].profile)];
            // What discovery makes of anything but a Windows workstation is anybody's guess.
            kind = if profile.os_type.starts_with("windows") && profile.family == Family::Workstation {
                &DEVICES[0]
            } else {
                &DEVICES[7]
            };
        }
        DeviceFacts { dice, kind, address, mac, first, last }
    }

    /// What a device is called; some have no name.
    pub(crate) fn device_name(&self, device: u64) -> Option<String> {
        if let Some(agent) = self.managed_by(device) {
            return Some(self.face(agent).computer);
        }
        let type_ = self.device_facts(device).kind.type_.to_lowercase().replace(' ', "-");
        (!device.is_multiple_of(5)).then(|| format!("{type_}-{device:05}"))
    }

    /// A row of `GET /ranger/table-view`.
    pub(crate) fn device_record(&self, device: u64) -> Value {
        let DeviceFacts { mut dice, kind, address: ip, mac, first, last } = self.device_facts(device);
        let site = &self.sites[self.device_site(device)];
        let DeviceKind { type_: device_type, function, os: system, vendor: maker, state, .. } = *kind;
        let subnet = format!("{}.{}.{}.0/24", ip[0], ip[1], ip[2]);
        let gateway = dotted([ip[0], ip[1], ip[2], 1]);
        let router_mac = mac_text(gateway_mac(ip), ':', false);
        let managed =
            self.managed_by(device).map(|agent| &self.agents[agent]).filter(|agent| agent.uninstalled.is_none());
        let guarded = managed.is_some_and(|agent| agent.decommissioned.is_none());
        json!({
            "agentId": managed.map_or(Value::Null, |agent| json!(agent.id.to_string())),
            "deviceFunction": function,
            "deviceReview": (["Not Reviewed", "Allowed", "Not Trusted"][dice.index(3)]),
            "deviceReviewLog": [],
            "deviceType": device_type,
            "discoveryMethods": ["ARP", "mDNS"],
            "domain": if device.is_multiple_of(4) { "" } else { "corp.example.com" },
            "externalIp": "203.0.113.77",
            "fingerPrintScore": dice.below(100),
            "firstSeen": micros_text(first),
            "gatewayIpAddress": gateway,
            "gatewayMacAddress": router_mac,
            "hasIdentity": false,
            "hasUserLabel": false,
            "hostnames": self.device_name(device).map_or_else(|| json!([]), |name| json!([name])),
            "id": self.device_id(device).to_string(),
            "ipAddresses": [dotted(ip)],
            "labelUpdatedAt": null,
            "labelUserName": null,
            "lastSeen": micros_text(last),
            "localIp": dotted(ip),
            "macAddress": mac_text(mac, ':', false),
            "managedState": if guarded { json!("managed") } else if device % 7 == 3 { Value::Null } else { json!(state) },
            "manufacturer": maker,
            "networkName": "Office",
            "networks": [{
                "externalIp": "203.0.113.77", "gatewayIpAddress": gateway, "gatewayMacAddress": router_mac,
                "ip": dotted(ip), "networkName": "Office", "subnetAddress": subnet,
            }],
            "osName": if system == "windows" { "Windows" } else { "" },
            "osType": system,
            "osVersion": "",
            "previousDeviceFunction": null,
            "previousOsType": null,
            "previousOsVersion": null,
            "siteName": site.name,
            "subnetAddress": subnet,
            "tags": [],
            "tcpPorts": [80, 443],
            "udpPorts": [5353],
        })
    }

    /// Rows of `GET /ranger/table-view`.
    pub(crate) fn device_rows(&self, view: &View, query: &Query) -> Vec<(u64, Value)> {
        let devices = (0..self.devices).filter(|&d| self.sees_scope(view, query, 2, self.device_site(d)));
        devices.map(|device| (self.device_id(device), self.device_record(device))).collect()
    }

    /// How many devices that a token sees have a row of their own in the wider asset inventory.
    pub(crate) fn devices_of_their_own(&self, view: &View, query: &Query) -> u64 {
        let seen = (0..self.devices).filter(|&d| self.sees_scope(view, query, 2, self.device_site(d)));
        seen.filter(|&device| self.is_asset_of_its_own(device)).count() as u64
    }

    /// How many devices that a token sees never had an agent, and how many of those are Windows workstations.
    pub(crate) fn devices_without_agent(&self, view: &View, query: &Query) -> (u64, u64) {
        let seen = (0..self.devices).filter(|&d| self.sees_scope(view, query, 2, self.device_site(d)));
        let alone: Vec<u64> = seen.filter(|&device| self.managed_by(device).is_none()).collect();
        let windows = alone.iter().filter(|&&device| self.device_facts(device).kind.os == "windows").count();
        (alone.len() as u64, windows as u64)
    }

    // -- assets --

    /// The id of the n-th asset: twenty-six lower-case letters and digits. Agents come first, then devices.
    pub(crate) fn asset_id(&self, asset: u64) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut dice = Dice::new(self.seed, salt::ASSET, asset);
        (0..26).map(|_| char::from(LETTERS[dice.index(32)])).collect()
    }

    /// The number of an asset as cursors and orders have it: devices lie behind any agent.
    const DEVICE_ASSETS: u64 = 1 << 40;

    /// The id of a device in the same list.
    pub(crate) fn device_asset_id(&self, device: u64) -> String {
        self.asset_id(State::DEVICE_ASSETS + device)
    }

    /// Whether a device has a row of its own in the same list; one with an agent is a part of the agent's row.
    pub(crate) fn is_asset_of_its_own(&self, device: u64) -> bool {
        self.managed_by(device).is_none_or(|agent| self.agents[agent].uninstalled.is_some())
    }

    fn asset_updated(&self, asset: u64) -> i64 {
        if asset >= State::DEVICE_ASSETS {
            self.device_facts(asset - State::DEVICE_ASSETS).last
        } else {
            self.agent_updated(asset as usize, &self.agents[asset as usize])
        }
    }

    /// Whether the list has an asset, as far as scope and quick filters say.
    fn has_asset(&self, groups: &[bool], view: &View, query: &Query, window: Option<(i64, i64)>, asset: u64) -> bool {
        let there = if asset >= State::DEVICE_ASSETS {
            let device = asset - State::DEVICE_ASSETS;
            self.is_asset_of_its_own(device) && self.sees_scope(view, query, 2, self.device_site(device))
        } else {
            let agent = &self.agents[asset as usize];
            !agent.gone && agent.uninstalled.is_none() && groups[agent.group as usize]
        };
        there && window.is_none_or(|(from, to)| (from..=to).contains(&self.asset_updated(asset)))
    }

    /// The next asset after one; nothing after the last.
    fn asset_after(&self, asset: Option<u64>) -> Option<u64> {
        let next = asset.map_or(0, |asset| asset + 1);
        if next < self.agents.len() as u64 {
            Some(next)
        } else if next < State::DEVICE_ASSETS {
            (self.devices > 0).then_some(State::DEVICE_ASSETS)
        } else {
            (next - State::DEVICE_ASSETS < self.devices).then_some(next)
        }
    }

    /// One page of `GET /xdr/assets`.
    pub(crate) fn page_of_assets(&mut self, ask: &Ask<'_>) -> Page {
        let groups = self.group_filter(ask.view, ask.query);
        let window = ask.query.one("s1UpdatedAt__between").and_then(range);
        let mut slow = Vec::new();
        let mut unheeded = Vec::new();
        for given in &ask.query.given {
            match given.name {
                "skip"
                | "limit"
                | "cursor"
                | "countOnly"
                | "skipCount"
                | "sortBy"
                | "sortOrder"
                | "siteIds"
                | "accountIds"
                | "groupIds"
                | "s1UpdatedAt__between" => {}
                _ => match test(ask.collection, given) {
                    Some(test) => slow.push(test),
                    None => unheeded.push(given.name),
                },
            }
        }
        let sort = ask.query.one("sortBy").unwrap_or("id");
        let by_id = sort == "id" && ask.query.one("sortOrder") != Some("desc");
        if by_id && slow.is_empty() {
            return self.assets_by_id(ask, &groups, window, unheeded);
        }
        let mut keyed = Vec::new();
        let mut assets = Vec::new();
        let mut at = None;
        while let Some(asset) = self.asset_after(at) {
            at = Some(asset);
            if !self.has_asset(&groups, ask.view, ask.query, window, asset) {
                continue;
            }
            let mut key = Key::Int(asset as i64);
            if !slow.is_empty() || sort != "id" {
                let record = self.asset_record(asset);
                if !slow.iter().all(|test| test.holds(&record)) {
                    continue;
                }
                if sort != "id" {
                    let mut found = Vec::new();
                    leaves(&record, sort, &mut found);
                    key = Key::of(found.first().copied());
                }
            }
            keyed.push((key, asset, assets.len() as u32));
            assets.push(asset);
        }
        let (chosen, next, total) = choose(keyed, ask);
        let page = Page::empty(ask, next, total, unheeded);
        self.with_assets(page, chosen.into_iter().map(|index| assets[index as usize]))
    }

    /// The same in the order of ids: a walk from the cursor's place.
    fn assets_by_id(
        &mut self,
        ask: &Ask<'_>,
        groups: &[bool],
        window: Option<(i64, i64)>,
        unheeded: Vec<&'static str>,
    ) -> Page {
        let key = ask.fingerprint ^ ask.view.signature();
        let known = self.counts.get(&key).filter(|(changes, _)| *changes == self.changes && window.is_none());
        let mut total = known.map_or(0, |(_, total)| *total);
        if known.is_none() && !ask.query.flag("skipCount") {
            let mut at = None;
            while let Some(asset) = self.asset_after(at) {
                at = Some(asset);
                total += u64::from(self.has_asset(groups, ask.view, ask.query, window, asset));
            }
            self.counts.insert(key, (self.changes, total));
        }
        let mut skip = if ask.cursor.is_some() { 0 } else { ask.query.number("skip").unwrap_or(0) };
        let mut at = ask.cursor.as_ref().and_then(|c| c.after.as_ref()).map(|position| position.id);
        let limit = if ask.query.flag("countOnly") { 0 } else { ask.limit };
        let mut chosen = Vec::new();
        let mut more = false;
        while limit > 0
            && let Some(asset) = self.asset_after(at)
        {
            at = Some(asset);
            if !self.has_asset(groups, ask.view, ask.query, window, asset) {
                continue;
            }
            if skip > 0 {
                skip -= 1;
            } else if chosen.len() == limit {
                more = true;
                break;
            } else {
                chosen.push(asset);
            }
        }
        let next = chosen.last().filter(|_| more).map(|last| Position { key: Key::Int(*last as i64), id: *last });
        let page = Page::empty(ask, next, total, unheeded);
        self.with_assets(page, chosen)
    }

    fn with_assets(&self, mut page: Page, chosen: impl IntoIterator<Item = u64>) -> Page {
        for asset in chosen {
            page.begin_record();
            serde_json::to_writer(&mut page.records, &self.asset_record(asset)).expect("a value always serializes");
        }
        page
    }

    fn asset_record(&self, asset: u64) -> Value {
        let mut record = Map::new();
        let mut put = |key: &str, value: Value| {
            record.insert(key.to_owned(), value);
        };
        // What there is none of is mostly an empty text.
        for key in [
            "assetEnvironment",
            "cloudProviderResourceGroup",
            "region",
            "legacyIdentityPolicyName",
            "eppUnsupportedUnknown",
            "networkName",
        ] {
            put(key, json!(""));
        }
        put("assetCriticality", json!(["--", "high", "medium", "low"][(asset % 4) as usize]));
        put("assetContactEmail", json!(""));
        put("adsEnabled", json!(false));
        put("isDcServer", json!(false));
        put("alerts", json!([]));
        put("alertsCount", json!([]));
        put("deviceReviewLog", json!([]));
        put("notes", json!([]));
        put("missingCoverage", json!([]));
        // Numbers, where other ids are texts.
        put("s1ManagementId", json!(1_259_119_070_812_474_070_i64));
        put("s1ScopeType", json!(3));
        let site;
        if asset >= State::DEVICE_ASSETS {
            let device = asset - State::DEVICE_ASSETS;
            let DeviceFacts { kind, address: ip, first, last, .. } = self.device_facts(device);
            site = self.device_site(device);
            put("activeCoverage", json!([]));
            put("assetStatus", json!("Active"));
            put("category", json!(if matches!(kind.type_, "Workstation" | "Server") { kind.type_ } else { "Device" }));
            put("detectedFromSite", json!(self.sites[site].name));
            put("deviceReview", json!("Not Reviewed"));
            put("discoveryMethods", json!(["ARP"]));
            put("firstSeenDt", json!(millis_text(first)));
            put("idSecondary", json!([format!("NDI:{}", self.device_id(device))]));
            put("infectionStatus", json!("Healthy"));
            put("lastActiveDt", json!(millis_text(last)));
            put("lastUpdateDt", json!(millis_text(last)));
            put("manufacturer", json!(kind.vendor));
            put("name", json!(dotted(ip)));
            put("resourceType", json!(kind.function));
            put("riskFactors", json!([]));
            put("s1UpdatedAt", json!(millis_text(last)));
            put("serialNumber", json!(""));
            put("subCategory", json!(if kind.type_ == "Unknown" { "Other Device" } else { kind.type_ }));
            put("surfaces", json!(["Network Discovery"]));
            put("tcpPorts", json!(["80", "443"]));
            put("id", json!(self.asset_id(asset)));
        } else {
            let index = asset as usize;
            let agent = &self.agents[index];
            let face = self.face(index);
            let profile = &PROFILES[usize::from(agent.profile)];
            let server = matches!(profile.family, Family::Server | Family::LinuxServer | Family::Node);
            site = self.site_of(agent);
            let group = &self.groups[agent.group as usize];
            let seen = self.last_seen(index, agent);
            let there = agent.decommissioned.is_none();
            put("activeCoverage", json!(["EPP"]));
            put(
                "agent",
                json!({
                    "agentVersion": self.version(agent), "antiTamperingStatus": "", "configurableNetworkQuarantine": true,
                    "consoleMigrationStatus": "N/A", "decommissioned": !there, "detectionState": "full_mode",
                    "diskEncryption": asset.is_multiple_of(2), "diskMetrics": [], "dvConnectivity": "connected",
                    "firewallStatus": true, "id": agent.id.to_string(), "installerType": profile.installer,
                    // Recorded, in no specification.
                    "lastReportedIp": dotted(face.address),
                    "location": [], "missingPermissions": [], "networkStatus": if agent.alive && there { "connected" } else { "disconnected" },
                    "operationalState": "na", "pendingActions": [], "pendingUninstall": false, "rangerStatus": "Enabled",
                    "rangerVersion": "25.1.0.12", "subscribeOnDt": millis_text(agent.created), "uninstalled": false,
                    "upToDate": true, "uuid": face.uuid, "vssProtectionStatus": "", "vssVolumes": [],
                }),
            );
            put("assetStatus", json!(if agent.alive && there { "Active" } else { "Inactive" }));
            put("category", json!(if server { "Server" } else { "Workstation" }));
            put("cpu", json!("Intel"));
            put("deviceReview", json!(""));
            put("firstSeenDt", json!(millis_text(agent.created)));
            // The agent's id is in the last part.
            let mut known_as = vec![format!("EPP:1259119070812474070:{}", agent.id)];
            let mut surfaces = vec!["Endpoint"];
            if let Some(device) = self.device_of(index) {
                known_as.push(format!("NDI:{}", self.device_id(device)));
                surfaces.push("Network Discovery");
            }
            put("idSecondary", json!(known_as));
            put("infectionStatus", json!(if agent.active_threats > 0 { "Infected" } else { "Healthy" }));
            put("lastActiveDt", json!(millis_text(seen)));
            put("lastRebootDt", json!(seconds_text(agent.created)));
            put("lastUpdateDt", json!(millis_text(self.agent_updated(index, agent))));
            put("modelName", json!(""));
            put("name", json!(face.computer));
            put("osUsername", json!(face.user));
            put(
                "resourceType",
                json!(match profile.os_type {
                    "macos" => "macOS",
                    "linux" => "Linux",
                    _ => "Windows",
                }),
            );
            put("riskFactors", if agent.active_threats > 0 { json!(["Unresolved Alerts"]) } else { json!([]) });
            put("s1GroupId", json!(group.id.to_string()));
            put("s1GroupName", json!(group.name));
            put("s1UpdatedAt", json!(millis_text(self.agent_updated(index, agent))));
            put("serialNumber", json!(self.hardware(index).serial.unwrap_or_default()));
            put("subCategory", json!(if server { "Other Server" } else { "Other Workstation" }));
            put("surfaces", json!(surfaces));
            put(
                "tags",
                json!([{
                    "id": "2", "key": "Owner", "key_value": "Owner:IT", "read_only": true, "reserved": false, "source": "System", "value": "IT",
                }]),
            );
            put("id", json!(self.asset_id(asset)));
        }
        let site = &self.sites[site];
        let account = &self.accounts[site.account];
        put("s1AccountId", json!(account.id.to_string()));
        put("s1AccountName", json!(account.name));
        put("s1ScopeId", json!(site.id.to_string()));
        put("s1ScopeLevel", json!("site"));
        put("s1ScopePath", json!(format!("Global/{}/{}", account.name, site.name)));
        put("s1SiteId", json!(site.id.to_string()));
        put("s1SiteName", json!(site.name));
        put("s1OnboardedAccountId", json!(account.id as i64));
        Value::Object(record)
    }

    /// `GET /application-management/settings` of a scope: an account's own, or what is inherited.
    pub(crate) fn application_settings(&self, query: &Query) -> Value {
        let (level, own) = match (query.values("siteIds"), query.values("accountIds")) {
            (Some(_), _) => (2, false),
            (_, Some(ids)) => (1, ids.first().and_then(|id| self.account_by_id(id)) == Some(0)),
            _ => (0, true),
        };
        json!({
            "extensiveLinuxScanEnabled": false,
            "extensiveScanEnabled": own,
            "hasBreakingInheritance": level == 1 && own,
            "inheritedFrom": if own { Value::Null } else { json!("global") },
            "isDefaultPolicy": level == 0,
            "scanSchedule": {"repeatOn": "Sunday", "scanEvery": 1, "time": "02:00", "timezone": "UTC"},
            "vulnerabilitiesScanEnabled": true,
        })
    }
}
