//! What happens on the console: enrolments, threats and what becomes of them, people at work. Each event changes the state and
//! leaves its line in the diary.

use serde_json::json;

use crate::catalog::{MALWARE, PROFILES, VERSIONS, weighted};
use crate::draw::Dice;
use crate::policy::Place;
use crate::state::{
    Activity, Event, IdKind, Mitigation, NONE, Note, Reach, State, Threat, make_id, salt, version_family,
};
use crate::text::{DAY, HOUR, MINUTE, SECOND};

/// Activity codes that the simulator writes, by name (vendor spec, `GET /activities`).
pub(crate) mod code {
    pub(crate) const AGENT_SUBSCRIBED: u16 = 17;
    pub(crate) const THREAT_MITIGATED: u16 = 18;
    pub(crate) const THREAT_NOT_MITIGATED: u16 = 19;
    pub(crate) const LOGIN: u16 = 27;
    pub(crate) const LOGOUT: u16 = 33;
    pub(crate) const AGENT_UPDATED: u16 = 43;
    pub(crate) const DECOMMISSIONED: u16 = 47;
    pub(crate) const UNINSTALLED: u16 = 51;
    pub(crate) const MODE_CHANGED: u16 = 69;
    pub(crate) const SCAN_INITIATED: u16 = 71;
    pub(crate) const SNAPSHOTS_CHANGED: u16 = 78;
    pub(crate) const SCAN_STARTED: u16 = 90;
    pub(crate) const SCAN_COMPLETED: u16 = 92;
    pub(crate) const POLICY_CHANGED: u16 = 116;
    pub(crate) const AGENT_ENABLED: u16 = 120;
    pub(crate) const LOGIN_FAILED: u16 = 133;
    pub(crate) const ISOLATED: u16 = 1001;
    pub(crate) const RECONNECTED: u16 = 1002;
    pub(crate) const KILLED: u16 = 2001;
    pub(crate) const QUARANTINED: u16 = 2004;
    pub(crate) const INCIDENT: u16 = 2028;
    pub(crate) const VERDICT: u16 = 2030;
    pub(crate) const USER_ADDED: u16 = 23;
    pub(crate) const USER_MODIFIED: u16 = 24;
    pub(crate) const USER_DELETED: u16 = 25;
    pub(crate) const TAG_ADDED: u16 = 3650;
    pub(crate) const NOTE_UPDATED: u16 = 4022;
    pub(crate) const NOTE_DELETED: u16 = 4021;
    pub(crate) const GROUP_DELETED: u16 = 5006;
    pub(crate) const EXCLUSION_DELETED: u16 = 3016;
    pub(crate) const RULE_ALERT: u16 = 3608;
    pub(crate) const SUSPICIOUS: u16 = 4003;
    pub(crate) const MITIGATION_STATUS: u16 = 4008;
    pub(crate) const NOTE_ADDED: u16 = 4020;
    pub(crate) const GROUP_CHANGED: u16 = 5009;
    pub(crate) const SITE_DELETED: u16 = 5022;
    pub(crate) const FIREWALL: u16 = 5232;
}

/// The id of the alert that an activity announces.
pub(crate) const fn alert_id(activity: u64) -> u64 {
    activity.wrapping_sub(0x1234_5678) & 0x7fff_ffff_ffff_ffff
}

impl State {
    /// Writes a line about an agent, and about a threat if there is one.
    pub(crate) fn tell_agent(&mut self, at: i64, kind: u16, agent: u32, threat: u32, user: u32, detail: u64) -> u64 {
        let group = self.agents[agent as usize].group;
        let site = self.groups[group as usize].site;
        let account = self.sites[site].account;
        let id = self.tell(Activity {
            id: 0,
            created: at,
            detail,
            agent,
            threat,
            user,
            group,
            site: site as u32,
            account: account as u16,
            kind,
            hidden: false,
        });
        if threat != NONE {
            self.threats[threat as usize].timeline.push(id);
        }
        id
    }

    /// Writes a line about a level of the console.
    pub(crate) fn tell_place(&mut self, at: i64, kind: u16, place: Place, user: u32, detail: u64) -> u64 {
        let (group, site, account) = match place {
            Place::Tenant => (NONE, NONE, 0),
            Place::Account(account) => (NONE, NONE, account),
            Place::Site(site) => (NONE, site as u32, self.sites[site].account),
            Place::Group(group) => {
                let site = self.groups[group].site;
                (group as u32, site as u32, self.sites[site].account)
            }
        };
        let hidden = matches!(kind, code::LOGIN_FAILED) && detail.is_multiple_of(3);
        let account = account as u16;
        let (agent, threat) = (NONE, NONE);
        self.tell(Activity { id: 0, created: at, detail, agent, threat, user, group, site, account, kind, hidden })
    }

    /// Gives a line its id and its place in time.
    pub(crate) fn tell(&mut self, mut activity: Activity) -> u64 {
        let serial = self.next_activity();
        activity.id = make_id(activity.created, IdKind::Activity, serial);
        let id = activity.id;
        if activity.kind == code::RULE_ALERT {
            self.raise(alert_id(id), activity.created, activity.agent);
        }
        match self.activities.last() {
            Some(last) if (last.created, last.id) > (activity.created, id) && self.now >= self.start => {
                let at = self.activities.partition_point(|a| (a.created, a.id) < (activity.created, id));
                self.activities.insert(at, activity);
            }
            _ => self.activities.push(activity),
        }
        id
    }

    fn present(&self, agent: u32) -> bool {
        let agent = &self.agents[agent as usize];
        !agent.gone && agent.decommissioned.is_none() && agent.uninstalled.is_none()
    }

    /// Somebody who may work where the agent is.
    fn someone(&self, account: usize, dice: &mut Dice) -> u32 {
        for _ in 0..8 {
            let index = dice.index(self.users.len());
            let user = &self.users[index];
            let reaches = match user.reach {
                Reach::Tenant => true,
                Reach::Account(a) => a == account,
                Reach::Site(s) => self.sites[s].account == account,
            };
            if reaches && !user.service && !user.gone {
                return index as u32;
            }
        }
        0
    }

    /// Lets one event take place at `at`.
    pub(crate) fn happen(&mut self, at: i64, event: Event) {
        self.changes += 1;
        match event {
            Event::Enrolled(agent) => {
                self.tell_agent(at, code::AGENT_SUBSCRIBED, agent, NONE, NONE, 0);
            }
            Event::ThreatBegins { agent, serial } => self.threat_begins(at, agent, serial),
            Event::Mitigated(threat) => self.mitigate(at, threat),
            Event::Verdict(threat) => self.judge(at, threat),
            Event::Incident { threat, to } => self.move_incident(at, threat, to),
            Event::Noted(threat) => self.annotate(at, threat),
            Event::ScanEnds(agent) => {
                if self.present(agent) {
                    self.agents[agent as usize].scan_finished = Some(at);
                    self.touch(agent, at);
                    self.tell_agent(at, code::SCAN_COMPLETED, agent, NONE, NONE, 0);
                }
            }
            Event::Reconnected(agent) => {
                if self.agents[agent as usize].isolated {
                    self.agents[agent as usize].isolated = false;
                    self.touch(agent, at);
                    self.tell_agent(at, code::RECONNECTED, agent, NONE, NONE, 0);
                }
            }
            Event::LoggedOut(user) => {
                let place = self.desk(user);
                self.tell_place(at, code::LOGOUT, place, user, 0);
            }
            Event::Decommissioned(agent) => self.retire(at, agent, false),
            Event::Uninstalled(agent) => self.retire(at, agent, true),
            Event::Surprise(number) => self.surprise_happens(at, number),
            Event::Arrives(number) => self.arrives(at, number),
            Event::Routine(number) => self.routine(at, &mut Dice::new(self.seed, salt::ROUTINE, number)),
            Event::Tick(number) => self.tick(at, &mut Dice::new(self.seed, salt::TICK, number)),
        }
    }

    /// Where a user's own logins are written down.
    fn desk(&self, user: u32) -> Place {
        match self.users[user as usize].reach {
            Reach::Tenant => Place::Tenant,
            Reach::Account(account) => Place::Account(account),
            Reach::Site(site) => Place::Site(site),
        }
    }

    pub(crate) fn retire(&mut self, at: i64, agent: u32, uninstalled: bool) {
        if !self.present(agent) {
            return;
        }
        let seen = self.last_seen(agent as usize, &self.agents[agent as usize]);
        let row = &mut self.agents[agent as usize];
        row.alive = false;
        let silent = if uninstalled { MINUTE } else { 21 * DAY };
        row.last_seen = seen.min(at - silent).max(row.created + MINUTE);
        if uninstalled {
            row.uninstalled = Some(at);
        } else {
            row.decommissioned = Some(at);
        }
        self.touch(agent, at + 40);
        let kind = if uninstalled { code::UNINSTALLED } else { code::DECOMMISSIONED };
        self.tell_agent(at, kind, agent, NONE, NONE, 0);
    }

    fn threat_begins(&mut self, at: i64, agent: u32, serial: u64) {
        if !self.present(agent) && !self.agents[agent as usize].gone {
            return;
        }
        let mut dice = Dice::new(self.seed, salt::THREAT, serial);
        let malware = weighted(&mut dice, &MALWARE, |m| m.weight);
        let confidence = [0, 0, 0, 0, 0, 0, 0, 1, 1, 2][dice.index(10)];
        let threat = self.threats.len() as u32;
        let id = make_id(at, IdKind::Threat, serial);
        let row = &mut self.agents[agent as usize];
        row.active_threats += 1;
        let protected = !row.detect && confidence == 0;
        self.threats.push(Threat {
            id,
            serial,
            created: at,
            // The clocks of two services differ: some threats are updated before they are created.
            updated: if self.oddities && serial % 5 == 2 { at - 4000 } else { at + 7000 },
            agent,
            malware: malware as u8,
            confidence,
            mitigation: Mitigation::Not,
            mitigated_at: None,
            verdict: 0,
            incident: 0,
            gone: false,
            active: true,
            notes: Vec::new(),
            timeline: Vec::new(),
            patch: None,
            body: None,
            body_revision: 0,
        });
        self.threat_index.insert(id, threat);
        self.touch(agent, at);
        let kind = match confidence {
            0 if protected => code::THREAT_MITIGATED,
            0 => code::THREAT_NOT_MITIGATED,
            _ => code::SUSPICIOUS,
        };
        self.tell_agent(at + 2000, kind, agent, threat, NONE, serial);
        if protected {
            let after = dice.between(2 * SECOND, 20 * SECOND);
            self.schedule(at + after, Event::Mitigated(threat));
        } else if dice.per_mille(450) {
            let after = dice.between(HOUR, 3 * DAY);
            self.schedule(at + after, Event::Mitigated(threat));
        }
        if dice.per_mille(600) {
            let after = dice.between(HOUR, 5 * DAY);
            self.schedule(at + after, Event::Verdict(threat));
            if dice.per_mille(350) {
                self.schedule(at + after / 2, Event::Incident { threat, to: 1 });
            }
            if dice.per_mille(850) {
                self.schedule(at + after + dice.between(SECOND, DAY), Event::Incident { threat, to: 2 });
            }
        }
        if dice.per_mille(150) {
            let after = dice.between(10 * MINUTE, 2 * DAY);
            self.schedule(at + after, Event::Noted(threat));
        }
    }

    fn settle(&mut self, threat: u32, at: i64) {
        let row = &mut self.threats[threat as usize];
        if row.active {
            row.active = false;
            let agent = row.agent;
            let host = &mut self.agents[agent as usize];
            host.active_threats = host.active_threats.saturating_sub(1);
            self.touch(agent, at);
        }
    }

    fn change_threat(&mut self, threat: u32, at: i64) {
        let row = &mut self.threats[threat as usize];
        row.updated = row.updated.max(at);
        row.body = None;
    }

    fn mitigate(&mut self, at: i64, threat: u32) {
        let row = &mut self.threats[threat as usize];
        if row.gone || row.mitigation != Mitigation::Not {
            return;
        }
        row.mitigation = Mitigation::Done;
        row.mitigated_at = Some(at);
        let (agent, serial) = (row.agent, row.serial);
        self.settle(threat, at);
        self.change_threat(threat, at + 20_000);
        self.tell_agent(at, code::KILLED, agent, threat, NONE, serial);
        self.tell_agent(at + 11_000, code::QUARANTINED, agent, threat, NONE, serial);
        self.tell_agent(at + 18_000, code::MITIGATION_STATUS, agent, threat, NONE, serial);
    }

    fn judge(&mut self, at: i64, threat: u32) {
        let (agent, serial, gone) = {
            let row = &self.threats[threat as usize];
            (row.agent, row.serial, row.gone)
        };
        if gone {
            return;
        }
        let mut dice = Dice::new(self.seed, salt::THREAT ^ 0x77, serial);
        let verdict: u8 = [1, 1, 1, 2, 2, 3][dice.index(6)];
        self.threats[threat as usize].verdict = verdict;
        if verdict == 2 {
            self.threats[threat as usize].mitigation = Mitigation::Benign;
            self.settle(threat, at);
        }
        self.change_threat(threat, at);
        let account = self.sites[self.site_of(&self.agents[agent as usize])].account;
        let user = self.someone(account, &mut dice);
        self.tell_agent(at, code::VERDICT, agent, threat, user, u64::from(verdict));
    }

    fn move_incident(&mut self, at: i64, threat: u32, to: u8) {
        let row = &mut self.threats[threat as usize];
        if row.gone || row.incident >= to {
            return;
        }
        let from = row.incident;
        row.incident = to;
        let (agent, serial) = (row.agent, row.serial);
        if to == 2 {
            self.settle(threat, at);
        }
        self.change_threat(threat, at);
        let mut dice = Dice::new(self.seed, salt::THREAT ^ 0x99, serial);
        let account = self.sites[self.site_of(&self.agents[agent as usize])].account;
        let user = self.someone(account, &mut dice);
        self.tell_agent(at, code::INCIDENT, agent, threat, user, u64::from(from) << 8 | u64::from(to));
    }

    fn annotate(&mut self, at: i64, threat: u32) {
        let row = &self.threats[threat as usize];
        if row.gone {
            return;
        }
        let (agent, serial) = (row.agent, row.serial);
        let mut dice = Dice::new(self.seed, salt::THREAT ^ 0x55, serial);
        let account = self.sites[self.site_of(&self.agents[agent as usize])].account;
        let user = self.someone(account, &mut dice);
        let id = make_id(at, IdKind::Other, serial);
        self.threats[threat as usize].notes.push(Note { id, at, user, edited: None });
        // A note does not always move the threat's own time.
        if dice.per_mille(500) {
            self.change_threat(threat, at);
        }
        self.threats[threat as usize].body = None;
        self.tell_agent(at, code::NOTE_ADDED, agent, threat, user, serial);
    }

    /// An agent that is there, or nothing after a few tries.
    fn some_agent(&self, at: i64, dice: &mut Dice) -> Option<u32> {
        if self.agents.is_empty() {
            return None;
        }
        (0..4)
            .map(|_| dice.index(self.agents.len()) as u32)
            .find(|&a| self.present(a) && self.agents[a as usize].created + HOUR < at)
    }

    /// The same, and nothing is planted on it: what is planted stays as it was planted.
    fn some_plain_agent(&self, at: i64, dice: &mut Dice) -> Option<u32> {
        self.some_agent(at, dice).filter(|&agent| self.agents[agent as usize].plant.is_none())
    }

    /// The ordinary work of a day.
    fn routine(&mut self, at: i64, dice: &mut Dice) {
        let roll = dice.below(1000);
        if roll < 260 {
            let user = dice.index(self.users.len()) as u32;
            if self.users[user as usize].gone {
                return;
            }
            if self.users[user as usize].service {
                return self.alert(at, dice);
            }
            let place = self.desk(user);
            self.users[user as usize].last_login = self.users[user as usize].last_login.max(at);
            self.tell_place(at, code::LOGIN, place, user, dice.next());
            if dice.per_mille(700) {
                let after = dice.between(5 * MINUTE, 3 * HOUR);
                self.schedule(at + after, Event::LoggedOut(user));
            }
            return;
        }
        if roll < 300 {
            let user = dice.index(self.users.len()) as u32;
            let place = self.desk(user);
            self.tell_place(at, code::LOGIN_FAILED, place, user, dice.next());
            return;
        }
        if roll < 330 {
            return self.alert(at, dice);
        }
        if roll < 345 {
            let group = dice.index(self.groups.len());
            let user = self.someone(self.sites[self.groups[group].site].account, dice);
            self.tell_place(at, code::EXCLUSION_DELETED, Place::Group(group), user, dice.next());
            return;
        }
        if roll < 352 {
            return self.change_some_policy(at, dice);
        }
        let Some(agent) = self.some_agent(at, dice) else { return };
        if roll < 640 {
            let detail = dice.next();
            if dice.per_mille(300) {
                self.tell_agent(at - 1000, code::SCAN_INITIATED, agent, NONE, NONE, detail);
            }
            let row = &mut self.agents[agent as usize];
            row.scan_started = at;
            row.scan_finished = None;
            self.touch(agent, at);
            self.tell_agent(at, code::SCAN_STARTED, agent, NONE, NONE, detail);
            self.schedule(at + dice.between(10 * MINUTE, 2 * HOUR), Event::ScanEnds(agent));
        } else if roll < 760 {
            let row = &mut self.agents[agent as usize];
            let newest = VERSIONS[version_family(usize::from(row.profile))].len() - 1;
            let before = row.version;
            row.version = (row.version + 1).min(newest as u8);
            self.touch(agent, at);
            self.tell_agent(at, code::AGENT_UPDATED, agent, NONE, NONE, u64::from(before));
        } else if roll < 800 {
            self.agents[agent as usize].isolated = true;
            self.touch(agent, at);
            self.tell_agent(at, code::ISOLATED, agent, NONE, NONE, 0);
            self.schedule(at + dice.between(MINUTE, 4 * HOUR), Event::Reconnected(agent));
        } else if roll < 830 {
            self.move_by_filter(at, agent, dice);
        } else if roll < 930 {
            self.tell_agent(at, code::FIREWALL, agent, NONE, NONE, dice.next());
        } else {
            self.tell_agent(at, code::AGENT_ENABLED, agent, NONE, NONE, dice.next());
        }
    }

    fn alert(&mut self, at: i64, dice: &mut Dice) {
        if let Some(agent) = self.some_agent(at, dice) {
            self.tell_agent(at, code::RULE_ALERT, agent, NONE, NONE, dice.next());
        }
    }

    /// A dynamic group takes an agent over from another group of its site.
    fn move_by_filter(&mut self, at: i64, agent: u32, dice: &mut Dice) {
        let from = self.agents[agent as usize].group;
        let site = self.groups[from as usize].site;
        let first = self.groups.partition_point(|g| g.site < site);
        let after = self.groups.partition_point(|g| g.site <= site);
        let to = first + dice.index(after - first);
        if to as u32 == from || self.groups[to].deleted {
            return;
        }
        self.put_into_group(at, agent, to);
        self.tell_agent(at, code::GROUP_CHANGED, agent, NONE, NONE, u64::from(from));
    }

    /// Puts an agent into a group, with the mode that its policy asks for.
    pub(crate) fn put_into_group(&mut self, at: i64, agent: u32, group: usize) {
        let detect = self.effective_mode(group) == "detect";
        let row = &mut self.agents[agent as usize];
        row.group = group as u32;
        if row.decommissioned.is_none() && row.uninstalled.is_none() {
            row.detect = detect != row.stale_policy;
        }
        self.touch(agent, at);
    }

    /// A setting that does not touch the mitigation mode is switched somewhere.
    fn change_some_policy(&mut self, at: i64, dice: &mut Dice) {
        let owners: Vec<usize> = (0..self.groups.len()).filter(|&g| self.groups[g].policy.is_some()).collect();
        let (place, account) = if !owners.is_empty() && dice.per_mille(700) {
            let group = owners[dice.index(owners.len())];
            (Place::Group(group), self.sites[self.groups[group].site].account)
        } else {
            (Place::Account(0), 0)
        };
        let user = self.someone(account, dice);
        let on = dice.per_mille(500);
        let (kind, fields) = if dice.per_mille(500) {
            (code::SNAPSHOTS_CHANGED, json!({ "snapshotsOn": on }))
        } else {
            (code::POLICY_CHANGED, json!({ "agentLoggingOn": on, "autoDecommissionDays": 14 + dice.below(30) }))
        };
        self.change_policy(place, &fields, at);
        self.tell_place(at, kind, place, user, u64::from(on));
    }

    /// What happens as the console's clock moves on: mostly routine, now and then something that matters.
    fn tick(&mut self, at: i64, dice: &mut Dice) {
        let roll = dice.below(100);
        match roll {
            0..55 => self.routine(at, dice),
            55..75 => {
                if let Some(agent) = self.some_agent(at, dice) {
                    let serial = self.next_threat();
                    self.threat_begins(at, agent, serial);
                }
            }
            75..82 => {
                let mut own = dice.clone();
                let agent = self.enrol(at, None, &mut own);
                let row = &mut self.agents[agent as usize];
                (row.alive, row.last_seen) = (true, at);
                self.tell_agent(at, code::AGENT_SUBSCRIBED, agent, NONE, NONE, 0);
            }
            82..86 => {
                if let Some(agent) = self.some_plain_agent(at, dice) {
                    self.retire(at, agent, false);
                }
            }
            86..89 => {
                if let Some(agent) = self.some_plain_agent(at, dice) {
                    self.retire(at, agent, true);
                }
            }
            89..91 => {
                let owners: Vec<usize> = (0..self.groups.len()).filter(|&g| self.groups[g].policy.is_some()).collect();
                if !owners.is_empty() {
                    let group = owners[dice.index(owners.len())];
                    let mode = if self.effective_mode(group) == "detect" { "protect" } else { "detect" };
                    self.change_policy(Place::Group(group), &json!({ "mitigationMode": mode }), at);
                    let user = self.someone(self.sites[self.groups[group].site].account, dice);
                    self.tell_place(at, code::MODE_CHANGED, Place::Group(group), user, u64::from(mode == "detect"));
                }
            }
            _ => {
                if !self.threats.is_empty() {
                    let threat = dice.index(self.threats.len()) as u32;
                    self.judge(at, threat);
                    self.move_incident(at + 1000, threat, 2);
                }
            }
        }
    }

    /// The operating system family as activities spell it.
    pub(crate) fn family_word(&self, agent: u32) -> &'static str {
        PROFILES[usize::from(self.agents[agent as usize].profile)].os_type
    }
}
