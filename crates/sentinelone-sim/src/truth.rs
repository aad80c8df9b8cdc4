//! What the console itself knows to be the right answers, computed from its own state and from nothing a client does.

use std::collections::{BTreeMap, HashSet};

use crate::World;
use crate::list::View;
use crate::params::{Query, activity_types};
use crate::software::Kind;
use crate::state::{NONE, State};

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
    /// Machines with at least one agent; fewer than agents if [`crate::Config::cases`] puts several on one machine.
    pub machines: u64,
    /// Ids of the Windows agents that are no servers and whose machine has no agent that is neither decommissioned nor
    /// uninstalled, in ascending order, one for each machine: the part that agents have in the answer to
    /// `os:windows and not type:server and not edr.name:SentinelOne`.
    pub unprotected_workstations: Vec<String>,
    /// Devices that network discovery sees and that never had an agent.
    pub devices_without_agent: u64,
    /// Windows workstations that network discovery sees and that have no agent: the part that devices have in it.
    pub unprotected_devices: u64,
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
    /// Applications that `GET /installed-applications` lists.
    pub applications: u64,
    /// The same with those of decommissioned agents.
    pub applications_with_decommissioned: u64,
    /// Products that `GET /application-management/inventory` lists.
    pub application_titles: u64,
    /// Applications on the endpoints of all these products together.
    pub application_endpoints: u64,
    /// Risks that are open.
    pub risks: u64,
    /// Risks that were removed: told with `includeRemovals` only.
    pub risks_removed: u64,
    /// Open risks by `severity`.
    pub risks_by_severity: BTreeMap<String, u64>,
    /// Open risks whose endpoint `GET /agents` does not know, or that name none.
    pub risks_unmapped: u64,
    /// Alerts of custom rules.
    pub alerts: u64,
    /// Custom rules, scheduled ones included.
    pub rules: u64,
    /// Alerts in the list of all products.
    pub unified_alerts: u64,
    /// Roles.
    pub roles: u64,
    /// Tags for agents.
    pub tags: u64,
    /// Exclusions.
    pub exclusions: u64,
    /// Hashes on the blocklist.
    pub restrictions: u64,
    /// Devices that the network discovery sees.
    pub devices: u64,
    /// Rows of the wider asset inventory.
    pub assets: u64,
    /// Lines in the timelines of all threats.
    pub timeline: u64,
    /// Notes on all threats.
    pub notes: u64,
    /// Kinds of activity.
    pub activity_types: u64,
}

impl World {
    /// The right answers as `token` sees them now; all empty for a token that opens nothing.
    #[must_use]
    pub fn truth(&self, token: &str) -> Truth {
        let mut room = self.room();
        let room = &mut *room;
        let Some(record) = room.tokens.get(token).filter(|t| !t.revoked && t.ends > room.state.now) else {
            return Truth::default();
        };
        let view = room.view(record);
        let state = &mut room.state;
        let mut truth = Truth::default();
        state.tell_collections(&view, &mut truth);
        let state = &*state;
        let seen = |site: usize| view.sites[site] && !state.sites[site].deleted;
        truth.accounts = (!view.only_sites).then(|| view.accounts.iter().filter(|a| **a).count() as u64);
        truth.sites = (0..state.sites.len()).filter(|&s| seen(s)).count() as u64;
        let groups = || state.groups.iter().filter(|g| !g.deleted && seen(g.site));
        truth.groups = groups().count() as u64;
        truth.groups_not_inheriting = groups().filter(|g| g.policy.is_some()).count() as u64;
        let here = |index: usize| {
            let agent = &state.agents[index];
            !agent.gone && seen(state.site_of(agent))
        };
        let guards = |index: &usize| {
            let agent = &state.agents[*index];
            agent.decommissioned.is_none() && agent.uninstalled.is_none()
        };
        let agents = || (0..state.agents.len()).filter(|&index| here(index));
        let guarded: HashSet<u32> = agents().filter(guards).map(|index| state.machine_of(index)).collect();
        let mut counted = HashSet::new();
        truth.machines = agents().map(|index| state.machine_of(index)).collect::<HashSet<_>>().len() as u64;
        for index in agents() {
            let agent = &state.agents[index];
            let (os, machine) = (state.os_type(agent), state.machine_type(agent));
            let absent = agent.decommissioned.is_some() || agent.uninstalled.is_some();
            let windows = os.starts_with("windows") || state.os_name(agent).to_lowercase().contains("windows");
            truth.agents += 1;
            truth.agents_present += u64::from(!absent);
            truth.decommissioned += u64::from(agent.decommissioned.is_some());
            truth.uninstalled += u64::from(agent.uninstalled.is_some());
            truth.infected += u64::from(agent.active_threats > 0);
            *truth.agents_by_os.entry(os.to_owned()).or_default() += 1;
            *truth.agents_by_machine_type.entry(machine.to_owned()).or_default() += 1;
            let alone = !guarded.contains(&state.machine_of(index));
            if windows && machine != "server" && alone && counted.insert(state.machine_of(index)) {
                truth.unprotected_workstations.push(agent.id.to_string());
            }
            if state.mode(agent) == "detect" {
                truth.detect_mode.push(agent.id.to_string());
                if !absent {
                    truth.detect_mode_present.push(agent.id.to_string());
                }
            }
        }
        let mut names: BTreeMap<String, u64> = BTreeMap::new();
        for (index, threat) in state.threats.iter().enumerate() {
            if threat.gone
                || !state.is_visible(threat.id, threat.created)
                || !seen(state.site_of(&state.agents[threat.agent as usize]))
            {
                continue;
            }
            truth.threats += 1;
            truth.threats_unresolved += u64::from(state.threat_incident(index) == "unresolved");
            *truth.threats_by_verdict.entry(state.threat_verdict(index).to_owned()).or_default() += 1;
            truth.notes += threat.notes.len() as u64;
            truth.timeline += threat.timeline.len() as u64;
            *names.entry(state.threat_name(index).to_owned()).or_default() += 1;
        }
        truth.busiest_threats = names.into_iter().collect();
        truth.busiest_threats.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for activity in &state.activities {
            let placed = if activity.site == NONE {
                view.accounts[usize::from(activity.account)] && !view.only_sites
            } else {
                view.sites[activity.site as usize]
            };
            if placed && state.is_visible(activity.id, activity.created) {
                truth.activities_with_hidden += 1;
                truth.activities += u64::from(!activity.hidden);
                *truth.activities_by_type.entry(i64::from(activity.kind)).or_default() += 1;
            }
        }
        for (index, user) in state.users.iter().enumerate() {
            if state.sees_user(&view, index) {
                *if user.service { &mut truth.service_users } else { &mut truth.users } += 1;
            }
        }
        truth
    }
}

impl State {
    /// The right answers about everything that is made from an index, counted from the parts and not from pages.
    fn tell_collections(&mut self, view: &View, truth: &mut Truth) {
        let all = Query::default();
        let seen = |state: &State, agent: usize| {
            let row = &state.agents[agent];
            let group = &state.groups[row.group as usize];
            view.sites[group.site] && !group.deleted && !state.sites[group.site].deleted
        };
        let (mut apps, mut rows) = (Vec::new(), Vec::new());
        for agent in (0..self.agents.len()).filter(|&agent| seen(self, agent)) {
            self.applications(agent, &mut apps);
            let live = apps.iter().filter(|app| app.removed.is_none()).count() as u64;
            let tells = |kind, decommissioned| self.tells_software(agent, kind, decommissioned);
            truth.applications += if tells(Kind::Installed, (false, true)) { live } else { 0 };
            truth.applications_with_decommissioned += if tells(Kind::Installed, (true, true)) { live } else { 0 };
            truth.application_endpoints += if tells(Kind::Endpoints, (false, true)) { live } else { 0 };
            if !tells(Kind::Risks, (false, true)) {
                continue;
            }
            rows.clear();
            apps.iter().for_each(|app| self.software_rows(Kind::Risks, agent, *app, &mut rows));
            for row in &rows {
                if row.app.removed.is_some() {
                    truth.risks_removed += 1;
                    continue;
                }
                truth.risks += 1;
                truth.risks_unmapped += u64::from(self.agents[agent].gone);
                let severity = self.software.cves(row.app.title)[usize::from(row.cve)].severity;
                let patched = self.software.patched.get(&row.id).and_then(|(fields, _)| fields.get("severity"));
                let severity = patched.and_then(serde_json::Value::as_str).unwrap_or(severity);
                *truth.risks_by_severity.entry(severity.to_owned()).or_default() += 1;
            }
        }
        truth.application_titles = self.inventory(view, &all).len() as u64;
        let alerts = self.alerts.iter().filter(|alert| !alert.gone && self.is_visible(alert.id, alert.created));
        truth.alerts = alerts.filter(|alert| seen(self, alert.agent as usize)).count() as u64;
        truth.rules = self.rule_rows(view, false).len() as u64;
        truth.unified_alerts = self.unified(view).len() as u64;
        truth.roles = self.role_rows(view, &all).len() as u64;
        truth.tags = self.tag_rows(view, &all).len() as u64;
        truth.exclusions = self.exclusion_rows(view, &all).len() as u64;
        truth.restrictions = self.restriction_rows(view, &all).len() as u64;
        truth.devices = self.device_rows(view, &all).len() as u64;
        (truth.devices_without_agent, truth.unprotected_devices) = self.devices_without_agent(view, &all);
        let agents = (0..self.agents.len())
            .filter(|&agent| seen(self, agent) && !self.agents[agent].gone && self.agents[agent].uninstalled.is_none());
        truth.assets = agents.count() as u64 + self.devices_of_their_own(view, &all);
        truth.activity_types = activity_types().len() as u64;
    }
}
