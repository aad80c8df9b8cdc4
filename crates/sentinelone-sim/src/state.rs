//! What exists on the console and what happened there. Everything here is plain data under one lock.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use serde_json::{Map, Value, json};

use crate::Config;
use crate::cases::{Arrival, Cases, Plant, Stranger, Surprise};
use crate::catalog::{ACCOUNTS, CITIES, FIRST, Family, GROUPS, LAST, MACHINES, PROFILES, SERVER, SITE_KINDS, weighted};
use crate::draw::{Dice, mix};
use crate::estate_more::Tag;
use crate::software::Software;
use crate::text::{DAY, HOUR, MINUTE, SECOND};

/// What a draw is for; part of the seed of its dice.
pub(crate) mod salt {
    pub(crate) const ACCOUNT: u64 = 1;
    pub(crate) const SITE: u64 = 2;
    pub(crate) const GROUP: u64 = 3;
    pub(crate) const USER: u64 = 4;
    pub(crate) const AGENT: u64 = 5;
    pub(crate) const AGENT_NAME: u64 = 6;
    pub(crate) const AGENT_BODY: u64 = 7;
    pub(crate) const THREAT: u64 = 8;
    pub(crate) const THREAT_BODY: u64 = 9;
    pub(crate) const ROUTINE: u64 = 10;
    pub(crate) const TICK: u64 = 11;
    pub(crate) const ACTIVITY: u64 = 12;
    pub(crate) const REQUEST: u64 = 13;
    pub(crate) const FAULT: u64 = 14;
    pub(crate) const TOKEN: u64 = 15;
    pub(crate) const ALERT: u64 = 16;
    pub(crate) const EXCLUSION: u64 = 17;
    pub(crate) const RESTRICTION: u64 = 18;
    pub(crate) const DEVICE: u64 = 19;
    pub(crate) const ASSET: u64 = 20;
    pub(crate) const HARDWARE: u64 = 21;
    pub(crate) const CASE: u64 = 22;
    pub(crate) const HOST: u64 = 23;
    pub(crate) const STRANGER: u64 = 24;
}

/// "No such index".
pub(crate) const NONE: u32 = u32::MAX;

/// 2017-01-01T00:00:00Z in milliseconds: ids count milliseconds from here in their upper bits.
const ID_EPOCH_MS: i64 = 1_483_228_800_000;
/// How many low bits of an id tell apart what was made in one millisecond.
const ID_SEQUENCE_BITS: u32 = 23;
/// How far back the enrolment of agents reaches.
const FLEET_AGE: i64 = 900 * DAY;
/// How far back threats and the routine of the console reach.
const HISTORY: i64 = 180 * DAY;

/// Kinds of ids, so that no two kinds share one.
#[derive(Clone, Copy)]
pub(crate) enum IdKind {
    Account = 1,
    Site,
    Group,
    User,
    Agent,
    Threat,
    Activity,
    Other,
}

/// An 18 or 19 digit id whose order is the order of creation.
pub(crate) fn make_id(at: i64, kind: IdKind, sequence: u64) -> u64 {
    let millis = u64::try_from((at.div_euclid(1000) - ID_EPOCH_MS).max(15_000_000_000)).unwrap_or(0);
    (millis << ID_SEQUENCE_BITS) | ((kind as u64) << 19) | (sequence & 0x7_ffff)
}

pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) policy: Option<Map<String, Value>>,
}

pub(crate) struct Site {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) code: &'static str,
    pub(crate) account: usize,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) deleted: bool,
    pub(crate) policy: Option<Map<String, Value>>,
}

pub(crate) struct Group {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) site: usize,
    pub(crate) default: bool,
    pub(crate) rank: Option<i64>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) deleted: bool,
    pub(crate) policy: Option<Map<String, Value>>,
}

/// Where a person or a service user may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Tenant,
    Account(usize),
    Site(usize),
}

pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) reach: Reach,
    pub(crate) role: &'static str,
    pub(crate) created: i64,
    pub(crate) last_login: i64,
    pub(crate) service: bool,
    /// When its token was made and when it ends.
    pub(crate) token: Option<(i64, i64)>,
    pub(crate) gone: bool,
    pub(crate) patch: Option<Box<Map<String, Value>>>,
}

pub(crate) struct Agent {
    pub(crate) id: u64,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) group: u32,
    /// The site it was enrolled in, which gave it its name.
    pub(crate) home: u32,
    pub(crate) profile: u8,
    pub(crate) machine: u8,
    /// Index into the versions of its family.
    pub(crate) version: u8,
    pub(crate) detect: bool,
    /// Its mode differs from its policy: the last change has not reached it.
    pub(crate) stale_policy: bool,
    pub(crate) decommissioned: Option<i64>,
    pub(crate) uninstalled: Option<i64>,
    /// Deleted from the console: a slot that only old threats and activities name.
    pub(crate) gone: bool,
    /// Gone since long before the start: only threats and risks are left of it.
    pub(crate) ghost: bool,
    /// Reports in at every heartbeat.
    pub(crate) alive: bool,
    pub(crate) last_seen: i64,
    pub(crate) isolated: bool,
    pub(crate) active_threats: u16,
    pub(crate) scan_started: i64,
    pub(crate) scan_finished: Option<i64>,
    /// Moves with every change that shows in a body, so that bodies which quote the agent are made anew.
    pub(crate) revision: u32,
    pub(crate) patch: Option<Box<Map<String, Value>>>,
    /// What makes it hard to say which machine it is on.
    pub(crate) plant: Option<Box<Plant>>,
    pub(crate) body: Option<Box<[u8]>>,
    /// Where the text of `lastActiveDate` and `updatedAt` begins in the body (0: nowhere).
    pub(crate) last_active_at: u32,
    pub(crate) updated_at: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mitigation {
    Not,
    Done,
    Benign,
}

pub(crate) struct Note {
    pub(crate) id: u64,
    pub(crate) at: i64,
    pub(crate) user: u32,
    /// When a test changed it.
    pub(crate) edited: Option<i64>,
}

pub(crate) struct Threat {
    pub(crate) id: u64,
    pub(crate) serial: u64,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) agent: u32,
    pub(crate) malware: u8,
    /// 0 malicious, 1 suspicious, 2 n/a.
    pub(crate) confidence: u8,
    pub(crate) mitigation: Mitigation,
    pub(crate) mitigated_at: Option<i64>,
    /// Index into [`VERDICTS`].
    pub(crate) verdict: u8,
    /// Index into [`INCIDENTS`].
    pub(crate) incident: u8,
    pub(crate) gone: bool,
    /// Counted in its agent's active threats.
    pub(crate) active: bool,
    pub(crate) notes: Vec<Note>,
    pub(crate) timeline: Vec<u64>,
    pub(crate) patch: Option<Box<Map<String, Value>>>,
    pub(crate) body: Option<Box<[u8]>>,
    pub(crate) body_revision: u32,
}

/// An alert of a custom rule.
pub(crate) struct Alert {
    pub(crate) id: u64,
    pub(crate) created: i64,
    pub(crate) reported: i64,
    pub(crate) updated: i64,
    pub(crate) agent: u32,
    /// Index into the rules.
    pub(crate) rule: u8,
    /// Index into [`VERDICTS`].
    pub(crate) verdict: u8,
    /// Index into [`INCIDENTS`].
    pub(crate) incident: u8,
    pub(crate) gone: bool,
    pub(crate) patch: Option<Box<Map<String, Value>>>,
}

pub(crate) const VERDICTS: [&str; 4] = ["undefined", "true_positive", "false_positive", "suspicious"];
pub(crate) const INCIDENTS: [&str; 3] = ["unresolved", "in_progress", "resolved"];

/// One line of the console's diary: small, since there are very many; its text is made when it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub(crate) id: u64,
    pub(crate) created: i64,
    pub(crate) detail: u64,
    pub(crate) agent: u32,
    pub(crate) threat: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) site: u32,
    pub(crate) account: u16,
    pub(crate) kind: u16,
    pub(crate) hidden: bool,
}

/// What is going to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Enrolled(u32),
    ThreatBegins { agent: u32, serial: u64 },
    Mitigated(u32),
    Verdict(u32),
    Incident { threat: u32, to: u8 },
    Noted(u32),
    ScanEnds(u32),
    Reconnected(u32),
    LoggedOut(u32),
    Decommissioned(u32),
    Uninstalled(u32),
    Surprise(u32),
    Arrives(u32),
    Routine(u64),
    Tick(u64),
}

pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) start: i64,
    pub(crate) oddities: bool,
    pub(crate) heartbeat: Option<i64>,
    pub(crate) tempo: Option<i64>,
    pub(crate) pace: i64,
    pub(crate) now: i64,
    pub(crate) accounts: Vec<Account>,
    pub(crate) sites: Vec<Site>,
    pub(crate) groups: Vec<Group>,
    pub(crate) users: Vec<User>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) agent_index: HashMap<u64, u32>,
    pub(crate) threats: Vec<Threat>,
    pub(crate) threat_index: HashMap<u64, u32>,
    pub(crate) activities: Vec<Activity>,
    pub(crate) tenant_policy: Map<String, Value>,
    pub(crate) software: Software,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) tags: Vec<Tag>,
    /// Hosts that only a scan sees, planted by hand.
    pub(crate) strangers: Vec<Stranger>,
    /// What happens to planted agents later.
    pub(crate) surprises: Vec<(u32, Surprise)>,
    /// Planted agents that come later.
    pub(crate) arrivals: Vec<Arrival>,
    /// How many devices without an agent there are.
    pub(crate) devices: u64,
    /// How many agents there were at the start.
    pub(crate) initial_agents: usize,
    /// Of new records so many of a thousand are seen only so long (µs) after they were made.
    pub(crate) late: Option<(u16, i64)>,
    /// Moves with everything that happens: what was counted before is counted anew.
    pub(crate) changes: u64,
    /// How many bytes of rendered agents are kept at most, and how many may be kept now.
    pub(crate) bodies_max: usize,
    pub(crate) bodies: usize,
    /// From which count of changes on they may be counted again.
    pub(crate) bodies_counted_at: u64,
    /// Orders of long lists that were asked for last.
    pub(crate) orders: Vec<crate::list::Order>,
    /// Counts of whole lists by what was asked, and the changes that they know.
    pub(crate) counts: HashMap<u64, (u64, u64)>,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    sequence: u64,
    next_tick: u64,
    threat_serial: u64,
    activity_serial: u64,
}

impl State {
    pub(crate) fn new(config: &Config) -> State {
        let mut state = State {
            seed: config.seed,
            start: config.start,
            oddities: config.oddities,
            heartbeat: config.heartbeat.map(|h| i64::try_from(h.as_micros()).unwrap_or(i64::MAX).max(1)),
            tempo: config.tempo.map(|h| i64::try_from(h.as_micros()).unwrap_or(i64::MAX).max(1000)),
            pace: i64::from(config.pace.max(1)),
            now: config.start - FLEET_AGE,
            accounts: Vec::new(),
            sites: Vec::new(),
            groups: Vec::new(),
            users: Vec::new(),
            agents: Vec::with_capacity(config.endpoints + config.orphan_threats),
            agent_index: HashMap::with_capacity(config.endpoints),
            threats: Vec::new(),
            threat_index: HashMap::new(),
            activities: Vec::new(),
            tenant_policy: crate::policy::tenant(config.start - FLEET_AGE),
            software: Software::new(config.start, config.applications_per_agent),
            alerts: Vec::new(),
            tags: Vec::new(),
            strangers: Vec::new(),
            surprises: Vec::new(),
            arrivals: Vec::new(),
            devices: config.devices.unwrap_or(config.endpoints / 10) as u64,
            initial_agents: config.endpoints,
            late: None,
            changes: 0,
            bodies_max: config.bodies_bytes_max,
            bodies: 0,
            bodies_counted_at: 0,
            orders: Vec::new(),
            counts: HashMap::new(),
            queue: BinaryHeap::new(),
            sequence: 0,
            next_tick: 1,
            threat_serial: 0,
            activity_serial: 0,
        };
        state.build_estate(config.endpoints);
        state.build_users(config.endpoints);
        state.build_agents(config.endpoints, config.orphan_threats, config.cases);
        state.build_tags();
        state.live_through_history(config);
        state
    }

    fn build_estate(&mut self, endpoints: usize) {
        let born = self.start - FLEET_AGE - 30 * DAY;
        let account_count = (2 + endpoints / 30_000).min(ACCOUNTS.len());
        let site_count = (3 + endpoints / 300).clamp(3, 220).max(account_count);
        for (index, name) in ACCOUNTS.iter().enumerate().take(account_count) {
            let mut dice = Dice::new(self.seed, salt::ACCOUNT, index as u64);
            let created = born + dice.between(0, 5 * DAY);
            self.accounts.push(Account {
                id: make_id(created, IdKind::Account, index as u64),
                name: (*name).to_owned(),
                created,
                updated: created + dice.between(SECOND, 400 * DAY),
                policy: (index == 0).then(|| {
                    crate::policy::overrides(&json!({"autoDecommissionDays": 21, "scanNewAgents": true}), created + DAY)
                }),
            });
        }
        for index in 0..site_count {
            let mut dice = Dice::new(self.seed, salt::SITE, index as u64);
            // Most sites belong to the first account; every account has at least one.
            let account = if index < account_count {
                index
            } else if dice.per_mille(650) {
                0
            } else {
                dice.index(account_count)
            };
            let (city, code) = CITIES[index % CITIES.len()];
            let kind = SITE_KINDS[(index / CITIES.len()) % SITE_KINDS.len()];
            let created = self.accounts[account].created + dice.between(HOUR, 20 * DAY);
            let round = index / (CITIES.len() * SITE_KINDS.len());
            let name = if round == 0 { format!("{city} {kind}") } else { format!("{city} {kind} {}", round + 1) };
            self.sites.push(Site {
                id: make_id(created, IdKind::Site, index as u64),
                name,
                code,
                account,
                created,
                updated: created + dice.between(SECOND, 500 * DAY),
                deleted: false,
                policy: dice.per_mille(300).then(|| {
                    let mode = if dice.per_mille(250) { "detect" } else { "protect" };
                    let fields = json!({"mitigationMode": mode, "networkQuarantineOn": dice.per_mille(300)});
                    crate::policy::overrides(&fields, created + 2 * DAY)
                }),
            });
            let more = 1 + dice.index(4);
            for within in 0..=more {
                let number = self.groups.len();
                let mut dice = Dice::new(self.seed, salt::GROUP, number as u64);
                let (name, kind) =
                    if within == 0 { ("Default Group", "static") } else { GROUPS[(within - 1 + index) % GROUPS.len()] };
                let created = created + dice.between(1, 60 * SECOND) + i64::try_from(within).unwrap_or(0) * DAY;
                let own = within > 0 && dice.per_mille(300);
                // The second group of the first site never inherits and detects only: every console has one.
                let planted = index == 0 && within == 1;
                self.groups.push(Group {
                    id: make_id(created, IdKind::Group, number as u64),
                    name,
                    kind,
                    site: index,
                    default: within == 0,
                    rank: (kind != "static").then(|| i64::try_from(within).unwrap_or(0)),
                    created,
                    updated: created + dice.between(1, 300 * DAY),
                    deleted: false,
                    policy: (own || planted).then(|| {
                        let mode = if planted || dice.per_mille(350) { "detect" } else { "protect" };
                        let fields = json!({"mitigationMode": mode, "snapshotsOn": dice.per_mille(800)});
                        crate::policy::overrides(&fields, created + 3 * DAY)
                    }),
                });
            }
        }
    }

    fn build_users(&mut self, endpoints: usize) {
        let count = (8 + endpoints / 150).min(400);
        for index in 0..count {
            let mut dice = Dice::new(self.seed, salt::USER, index as u64);
            let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
            let service = index == 3 || (index > 7 && dice.per_mille(200));
            let reach = match index {
                0 => Reach::Tenant,
                1 | 3 | 4 | 5 => Reach::Account(0),
                2 => Reach::Site(0),
                _ => match dice.below(10) {
                    0 => Reach::Tenant,
                    1..=6 => Reach::Account(dice.index(self.accounts.len())),
                    _ => Reach::Site(dice.index(self.sites.len())),
                },
            };
            let created = self.start - dice.between(200 * DAY, FLEET_AGE);
            let has_token = index < 6 || dice.per_mille(250);
            let token = has_token.then(|| {
                let made = self.start - dice.between(DAY, 150 * DAY);
                let length = if service { 365 * DAY } else { 182 * DAY };
                // The end has no fraction and lies one second before the full length.
                (made, if index == 4 { self.start - DAY } else { (made + length - SECOND).div_euclid(SECOND) * SECOND })
            });
            self.users.push(User {
                id: make_id(created, IdKind::User, index as u64),
                name: if service { format!("svc-{}-{index}", last.to_lowercase()) } else { format!("{first} {last}") },
                email: format!("{}.{}{index}@example.com", ascii(first), ascii(last)),
                reach,
                role: if index < 6 { "Viewer" } else { ["Admin", "SOC", "IT", "Viewer", "C-Level"][dice.index(5)] },
                created,
                last_login: self.start - dice.between(HOUR, 90 * DAY),
                service,
                token,
                gone: false,
                patch: None,
            });
        }
    }

    fn build_agents(&mut self, endpoints: usize, orphans: usize, cases: Cases) {
        let total = endpoints + orphans;
        let slots = i64::try_from(total.max(1)).unwrap_or(i64::MAX);
        let step = (FLEET_AGE - 2 * DAY) / slots;
        for index in 0..total {
            let mut dice = Dice::new(self.seed, salt::AGENT, index as u64);
            let created =
                self.start - FLEET_AGE + DAY + step * i64::try_from(index).unwrap_or(0) + dice.between(0, step.max(1));
            self.enrol(created, None, &mut dice);
            let agent = self.agents.len() - 1;
            self.schedule(created, Event::Enrolled(agent as u32));
            // The orphans' slots are spread over the fleet's age; their agents were deleted long ago.
            if orphans > 0 && index % (total / orphans).max(1) == 0 && index / (total / orphans).max(1) < orphans {
                self.agents[agent].gone = true;
                self.agents[agent].ghost = true;
                continue;
            }
            if index % 31 == 7 {
                let at = dice.between(created + HOUR, self.start - HOUR);
                self.schedule(at, Event::Decommissioned(agent as u32));
            } else if index % 67 == 11 {
                let at = dice.between(created + HOUR, self.start - HOUR);
                self.schedule(at, Event::Uninstalled(agent as u32));
            }
        }
        self.plant_unprotected_workstation();
        let leaving = self.leaving();
        self.plant(cases, &|agent| leaving.contains(&agent));
    }

    /// The agents that are going to leave.
    fn leaving(&self) -> BTreeSet<u32> {
        let leaves = |event: &Event| match event {
            Event::Decommissioned(agent) | Event::Uninstalled(agent) => Some(*agent),
            _ => None,
        };
        self.queue.iter().filter_map(|Reverse((_, _, event))| leaves(event)).collect()
    }

    /// Whatever the size, the first site has a Windows workstation that was decommissioned, and the console one that was uninstalled.
    fn plant_unprotected_workstation(&mut self) {
        let leaving = self.leaving();
        let workstation = |state: &State, agent: &Agent| {
            !agent.gone
                && PROFILES[usize::from(agent.profile)].os_type.starts_with("windows")
                && agent.machine != SERVER
                && state.groups[agent.group as usize].site == 0
        };
        let free: Vec<u32> = (0..self.agents.len() as u32)
            .filter(|&a| !leaving.contains(&a) && workstation(self, &self.agents[a as usize]))
            .take(2)
            .collect();
        if let Some(&first) = free.first() {
            let at = self.start - 20 * DAY;
            self.schedule(at.max(self.agents[first as usize].created + HOUR), Event::Decommissioned(first));
        }
        if let Some(&second) = free.get(1) {
            let at = self.start - 9 * DAY;
            self.schedule(at.max(self.agents[second as usize].created + HOUR), Event::Uninstalled(second));
        }
    }

    /// Makes an agent's slot. The group is drawn unless given.
    pub(crate) fn enrol(&mut self, created: i64, group: Option<usize>, dice: &mut Dice) -> u32 {
        let index = self.agents.len();
        let profile = weighted(dice, &PROFILES, |p| p.weight);
        let family = PROFILES[profile].family;
        let group = group.unwrap_or_else(|| {
            // A third of the fleet lives in the first three sites.
            let sites = self.sites.len();
            let site = if dice.per_mille(350) { dice.index(sites.min(3)) } else { dice.index(sites) };
            let first = self.groups.partition_point(|g| g.site < site);
            let after = self.groups.partition_point(|g| g.site <= site);
            let drawn = if dice.per_mille(450) { first } else { first + dice.index(after - first) };
            if self.groups[drawn].deleted { first } else { drawn }
        });
        let mut machine = match family {
            Family::Workstation | Family::Mac | Family::LinuxDesktop => u8::from(dice.per_mille(680)),
            Family::Server | Family::LinuxServer => SERVER,
            Family::Node => 3,
        };
        if self.oddities && family != Family::Server && dice.per_mille(6) {
            machine = [5, 6][dice.index(2)];
        }
        let detect = self.effective_mode(group) == "detect";
        let stale_policy = dice.per_mille(15);
        let dormant = dice.per_mille(55);
        let versions = crate::catalog::VERSIONS[version_family(profile)].len();
        let version = (versions - 1).saturating_sub(dice.index(versions).min(dice.index(versions)));
        let phase = i64::try_from(mix(self.seed ^ index as u64) % 900_000_000).unwrap_or(0);
        let last_seen = if dormant { self.start - dice.between(DAY, 40 * DAY) } else { self.start - phase };
        let scan_started = created + dice.between(20 * SECOND, 5 * MINUTE);
        let id = make_id(created, IdKind::Agent, index as u64);
        self.agents.push(Agent {
            id,
            created,
            updated: if dormant { last_seen.max(created + 30 * MINUTE) } else { created + 30 * MINUTE },
            group: group as u32,
            home: self.groups[group].site as u32,
            profile: profile as u8,
            machine,
            version: version as u8,
            detect: detect != stale_policy,
            stale_policy,
            decommissioned: None,
            uninstalled: None,
            gone: false,
            ghost: false,
            alive: !dormant,
            last_seen: last_seen.max(created + MINUTE),
            isolated: false,
            active_threats: 0,
            scan_started,
            scan_finished: (!dice.per_mille(60)).then(|| scan_started + dice.between(15 * MINUTE, 90 * MINUTE)),
            revision: 0,
            patch: None,
            plant: None,
            body: None,
            last_active_at: 0,
            updated_at: 0,
        });
        self.agent_index.insert(id, index as u32);
        self.changes += 1;
        index as u32
    }

    pub(crate) fn schedule(&mut self, at: i64, event: Event) {
        // History took its time; only what comes after the start is hurried.
        let at = if self.now > self.start { self.now + (at - self.now) / self.pace } else { at };
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence, event)));
    }

    fn live_through_history(&mut self, config: &Config) {
        let threats = config.threats.unwrap_or(config.endpoints / 12 + 3).max(config.orphan_threats);
        let begin = self.start - HISTORY;
        let gone: Vec<u32> = (0..self.agents.len() as u32).filter(|&a| self.agents[a as usize].gone).collect();
        for number in 0..threats {
            let serial = self.next_threat();
            let mut dice = Dice::new(self.seed, salt::THREAT, serial);
            let agent = match gone.get(number) {
                Some(&agent) => agent,
                None if self.agents.is_empty() => break,
                // Some agents attract more than their share.
                None if dice.per_mille(300) => dice.index(self.agents.len().div_ceil(20)) as u32,
                None => dice.index(self.agents.len()) as u32,
            };
            if self.agents[agent as usize].gone && number >= gone.len() {
                continue;
            }
            let earliest = begin.max(self.agents[agent as usize].created + HOUR);
            let at = dice.between(earliest, self.start.max(earliest + 1));
            self.schedule(at, Event::ThreatBegins { agent, serial });
        }
        let wanted = config.activities.unwrap_or(config.endpoints * 8);
        // What enrolment, removal and threats leave in the diary anyway.
        let anyway = self.agents.len() + self.agents.len() / 20 + threats * 5;
        // A piece of routine leaves about one line and a half: logins are followed by logouts, scans by their end.
        let routine = (wanted.saturating_sub(anyway) * 20 / 31).max(10);
        self.activities.reserve(wanted.max(anyway) + routine / 8);
        let step = (HISTORY / i64::try_from(routine).unwrap_or(i64::MAX)).max(1);
        let mut next = 0;
        while next < routine || self.queue.peek().is_some_and(|Reverse((at, _, _))| *at <= self.start) {
            let routine_at = begin + step * i64::try_from(next).unwrap_or(0);
            let due = self.queue.peek().map_or(i64::MAX, |Reverse((at, _, _))| *at);
            if next < routine && routine_at <= due {
                let jitter = i64::try_from(mix(self.seed ^ mix(next as u64)) % u64::try_from(step).unwrap_or(1).max(1));
                self.now = self.now.max(routine_at);
                self.happen(routine_at + jitter.unwrap_or(0).min(step - 1), Event::Routine(next as u64));
                next += 1;
            } else if due <= self.start {
                self.pop_and_happen();
            } else {
                break;
            }
        }
        // Everything above stays at or before the start.
        self.now = self.start;
        self.activities.sort_by_key(|a| (a.created, a.id));
    }

    pub(crate) fn next_threat(&mut self) -> u64 {
        self.threat_serial += 1;
        self.threat_serial
    }

    pub(crate) fn next_activity(&mut self) -> u64 {
        self.activity_serial += 1;
        self.activity_serial
    }

    fn pop_and_happen(&mut self) {
        if let Some(Reverse((at, _, event))) = self.queue.pop() {
            self.now = self.now.max(at);
            self.happen(at, event);
        }
    }

    /// Moves the console on to `now`: everything that is due happens, in order, the same however often this is called between.
    pub(crate) fn advance_to(&mut self, now: i64) {
        if now <= self.now {
            return;
        }
        loop {
            let tick = self.tempo.map_or(i64::MAX, |tempo| {
                self.start.saturating_add(tempo.saturating_mul(i64::try_from(self.next_tick).unwrap_or(i64::MAX)))
            });
            let due = self.queue.peek().map_or(i64::MAX, |Reverse((at, _, _))| *at);
            if tick.min(due) > now {
                break;
            }
            if tick <= due {
                let number = self.next_tick;
                self.next_tick += 1;
                self.now = self.now.max(tick);
                self.happen(tick, Event::Tick(number));
                // Beside everything else, every third time something is brought up to date.
                if number.is_multiple_of(3) && !self.agents.is_empty() {
                    let draw = mix(self.seed ^ mix(number) ^ 0x50f8);
                    let agent = (draw % self.agents.len() as u64) as u32;
                    let row = &self.agents[agent as usize];
                    if !row.gone && row.decommissioned.is_none() && row.uninstalled.is_none() {
                        self.update_some_software(tick, agent, draw >> 20);
                    }
                }
            } else {
                self.pop_and_happen();
            }
        }
        self.now = now;
    }

    // -- what follows from the state --

    /// When an agent reported in last.
    pub(crate) fn last_seen(&self, index: usize, agent: &Agent) -> i64 {
        match self.heartbeat {
            Some(period) if agent.alive => {
                let phase =
                    i64::try_from(mix(self.seed ^ index as u64) % u64::try_from(period).unwrap_or(1)).unwrap_or(0);
                let beat = (self.now - phase).div_euclid(period) * period + phase;
                beat.max(agent.created + MINUTE)
            }
            _ => agent.last_seen,
        }
    }

    /// When an agent's record changed last: a report moves it too.
    pub(crate) fn agent_updated(&self, index: usize, agent: &Agent) -> i64 {
        if agent.alive && self.heartbeat.is_some() {
            agent.updated.max(self.last_seen(index, agent) + 1500)
        } else {
            agent.updated
        }
    }

    pub(crate) fn os_type<'a>(&'a self, agent: &'a Agent) -> &'a str {
        patched(agent, "osType").unwrap_or(PROFILES[usize::from(agent.profile)].os_type)
    }

    pub(crate) fn os_name<'a>(&'a self, agent: &'a Agent) -> &'a str {
        patched(agent, "osName").unwrap_or(PROFILES[usize::from(agent.profile)].os_name)
    }

    pub(crate) fn machine_type<'a>(&'a self, agent: &'a Agent) -> &'a str {
        patched(agent, "machineType").unwrap_or(MACHINES[usize::from(agent.machine)])
    }

    pub(crate) fn mode<'a>(&'a self, agent: &'a Agent) -> &'a str {
        patched(agent, "mitigationMode").unwrap_or(if agent.detect { "detect" } else { "protect" })
    }

    pub(crate) fn site_of(&self, agent: &Agent) -> usize {
        self.groups[agent.group as usize].site
    }

    /// The mitigation mode that a group's policy asks for.
    pub(crate) fn effective_mode(&self, group: usize) -> &str {
        let site = &self.sites[self.groups[group].site];
        [
            self.groups[group].policy.as_ref(),
            site.policy.as_ref(),
            self.accounts[site.account].policy.as_ref(),
            Some(&self.tenant_policy),
        ]
        .into_iter()
        .flatten()
        .next()
        .and_then(|p| p.get("mitigationMode"))
        .or_else(|| self.tenant_policy.get("mitigationMode"))
        .and_then(Value::as_str)
        .unwrap_or("protect")
    }

    /// Whether a record is seen yet: some are seen late.
    pub(crate) fn is_visible(&self, id: u64, created: i64) -> bool {
        match self.late {
            Some((per_mille, by)) if mix(self.seed ^ id) % 1000 < u64::from(per_mille) => {
                self.now >= created.saturating_add(by)
            }
            _ => true,
        }
    }

    /// An agent's record changed at `at`.
    pub(crate) fn touch(&mut self, agent: u32, at: i64) {
        self.changes += 1;
        let agent = &mut self.agents[agent as usize];
        agent.updated = agent.updated.max(at);
        agent.revision += 1;
        agent.body = None;
    }

    /// Agents of these groups take over their policy's mode, but for those that a change has not reached.
    pub(crate) fn apply_modes(&mut self, groups: &[usize], at: i64) {
        let modes: HashMap<u32, bool> =
            groups.iter().map(|&g| (g as u32, self.effective_mode(g) == "detect")).collect();
        for index in 0..self.agents.len() as u32 {
            let agent = &self.agents[index as usize];
            let Some(&detect) = modes.get(&agent.group) else { continue };
            let detect = detect != agent.stale_policy;
            if agent.detect != detect && agent.decommissioned.is_none() && agent.uninstalled.is_none() {
                self.agents[index as usize].detect = detect;
                self.touch(index, at);
            }
        }
    }
}

/// A text that a test put in the place of a field.
fn patched<'a>(agent: &'a Agent, field: &str) -> Option<&'a str> {
    agent.patch.as_ref()?.get(field).map(|v| v.as_str().unwrap_or(""))
}

/// Which row of [`crate::catalog::VERSIONS`] a profile draws from.
pub(crate) fn version_family(profile: usize) -> usize {
    match PROFILES[profile].os_type {
        "windows" => 0,
        "macos" => 1,
        "linux" => 2,
        _ => 3,
    }
}

/// The letters of a name that are left when accents and marks are taken off.
pub(crate) fn ascii(name: &str) -> String {
    name.chars()
        .filter_map(|c| match c {
            'ö' => Some('o'),
            'ü' => Some('u'),
            'ó' => Some('o'),
            c if c.is_ascii_alphabetic() => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}
