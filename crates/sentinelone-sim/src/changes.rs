//! Changes that tests make to a console while it runs: to its records, to its time, and to what its tokens may do.

use std::borrow::Borrow;

use serde_json::Value;

use crate::draw::{Dice, mix};
use crate::estate_more::Tag;
use crate::happen::{alert_id, code};
use crate::policy::Place;
use crate::respond::{Room, Scoped};
use crate::software::Kind;
use crate::state::{IdKind, NONE, Note, Reach, State, User, make_id, salt};
use crate::text::DAY;
use crate::{Bearer, Scope, World};

/// A product that a fleet may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// What it is called.
    pub name: String,
    /// Who makes it; may be empty.
    pub vendor: String,
    /// Its versions, the newest last.
    pub versions: Vec<String>,
    /// Its vulnerabilities: the CVE's id, and the first version (an index) that does not have it.
    pub vulnerabilities: Vec<(String, usize)>,
}

/// An application on an agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Installed {
    /// What it is called, not escaped.
    pub name: String,
    /// Who makes it, not escaped; may be empty.
    pub vendor: String,
    /// Its version.
    pub version: String,
    /// The id of its row in the older list.
    pub id: String,
}

impl World {
    /// Does something to an agent that is there.
    fn with_agent(&self, id: &str, act: impl FnOnce(&mut State, u32)) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Some(slot) = id.parse().ok().and_then(|id: u64| state.agent_index.get(&id)).copied() else { return false };
        if state.agents[slot as usize].gone {
            return false;
        }
        state.changes += 1;
        act(state, slot);
        true
    }

    fn with_threat(&self, id: &str, act: impl FnOnce(&mut State, usize)) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Some(slot) = id.parse().ok().and_then(|id: u64| state.threat_index.get(&id)).copied() else { return false };
        if state.threats[slot as usize].gone {
            return false;
        }
        state.changes += 1;
        act(state, slot as usize);
        true
    }

    // -- software --

    /// The products that this console's fleet may run, those that tests brought included.
    #[must_use]
    pub fn products(&self) -> Vec<Product> {
        let room = self.room();
        let titles = room.state.software.titles();
        titles
            .map(|title| Product {
                name: title.name.clone(),
                vendor: title.vendor.clone(),
                versions: title.versions.clone(),
                vulnerabilities: title.cves.iter().map(|cve| (cve.id.clone(), usize::from(cve.fixed_in))).collect(),
            })
            .collect()
    }

    /// What an agent has installed now; empty if there is no such agent.
    #[must_use]
    pub fn installed(&self, agent: &str) -> Vec<Installed> {
        let room = self.room();
        let state = &room.state;
        let Some(&slot) = agent.parse().ok().and_then(|id: u64| state.agent_index.get(&id)) else { return Vec::new() };
        let mut apps = Vec::new();
        state.applications(slot as usize, &mut apps);
        let base = State::first_software_id(Kind::Installed, slot as usize);
        let apps = apps.iter().filter(|app| app.removed.is_none());
        apps.map(|app| Installed {
            name: state.software.name(app.title),
            vendor: state.software.title(app.title).vendor.clone(),
            version: state.software.version(app).to_owned(),
            id: (base + u64::from(app.slot)).to_string(),
        })
        .collect()
    }

    /// Installs an application. A version of one of [`World::products`] brings its vulnerabilities. False if there is no agent.
    pub fn install(&self, agent: &str, vendor: &str, name: &str, version: &str) -> bool {
        self.with_agent(agent, |state, slot| state.install(slot, vendor, name, version, state.now))
    }

    /// Brings an application to its newest version: the risks of the old one are removed, what is left open opens anew. False
    /// if the agent has none of that name, or already the newest.
    pub fn upgrade(&self, agent: &str, name: &str) -> bool {
        let mut done = false;
        self.with_agent(agent, |state, slot| done = state.upgrade(slot, name, state.now));
        done
    }

    /// Removes an application; its risks are removed. False if the agent has none of that name.
    pub fn uninstall_application(&self, agent: &str, name: &str) -> bool {
        let mut done = false;
        self.with_agent(agent, |state, slot| done = state.uninstall(slot, name, state.now));
        done
    }

    /// Replaces fields of a risk; it counts as updated now. False if no risk can have that id or `fields` is no object.
    pub fn patch_risk(&self, id: &str, fields: &Value) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let (Ok(id), Some(fields)) = (id.parse::<u64>(), fields.as_object()) else { return false };
        if State::agent_of_software(Kind::Risks, id) >= state.agents.len() {
            return false;
        }
        let at = state.now;
        let entry = state.software.patched.entry(id).or_default();
        entry.0.extend(fields.clone());
        entry.1 = at;
        state.changes += 1;
        true
    }

    // -- people --

    /// Adds a user (activity 23), or a service user, and returns the id; absent if the scope names nothing that exists.
    #[must_use]
    pub fn add_user(&self, scope: impl Borrow<Scope>, bearer: Bearer) -> Option<String> {
        let mut room = self.room();
        let state = &mut room.state;
        let reach = match scope.borrow() {
            Scope::Tenant => Reach::Tenant,
            Scope::Accounts(ids) => Reach::Account(state.account_by_id(ids.first()?)?),
            Scope::Sites(ids) => Reach::Site(state.site_by_id(ids.first()?)?),
        };
        let index = state.users.len();
        let at = state.now;
        let service = bearer == Bearer::ServiceUser;
        let id = make_id(at, IdKind::User, index as u64);
        state.users.push(User {
            id,
            name: if service { format!("svc-new-{index}") } else { format!("New Person {index}") },
            email: format!("new.person{index}@example.com"),
            reach,
            role: "Viewer",
            created: at,
            last_login: at,
            service,
            token: None,
            gone: false,
            patch: None,
        });
        state.changes += 1;
        state.tell_place(at, code::USER_ADDED, place_of(reach), index as u32, 0);
        Some(id.to_string())
    }

    fn with_user(&self, id: &str, act: impl FnOnce(&mut State, usize)) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Ok(id) = id.parse::<u64>() else { return false };
        let Some(index) = state.users.iter().position(|user| user.id == id && !user.gone) else { return false };
        state.changes += 1;
        act(state, index);
        true
    }

    /// Deletes a user or a service user (activity 25). False if there is none.
    pub fn remove_user(&self, id: &str) -> bool {
        self.with_user(id, |state, index| {
            state.tell_place(state.now, code::USER_DELETED, place_of(state.users[index].reach), index as u32, 0);
            state.users[index].gone = true;
        })
    }

    /// Replaces top-level fields of a user or a service user (activity 24). False if there is none.
    pub fn patch_user(&self, id: &str, fields: &Value) -> bool {
        let Some(fields) = fields.as_object() else { return false };
        self.with_user(id, |state, index| {
            state.users[index].patch.get_or_insert_default().extend(fields.clone());
            state.tell_place(state.now, code::USER_MODIFIED, place_of(state.users[index].reach), index as u32, 0);
        })
    }

    /// Ids of all users and service users.
    #[must_use]
    pub fn user_ids(&self) -> Vec<String> {
        self.room().state.users.iter().filter(|user| !user.gone).map(|user| user.id.to_string()).collect()
    }

    // -- places and tags --

    /// Deletes a group (activity 5006); its agents move to the default group of its site. False if there is none, or if it is
    /// the default group.
    pub fn remove_group(&self, id: &str) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Some(group) = state.group_by_id(id).filter(|g| !state.groups[*g].default) else { return false };
        let site = state.groups[group].site;
        let Some(default) = state.groups.iter().position(|g| g.site == site && g.default) else { return false };
        let at = state.now;
        state.tell_place(at, code::GROUP_DELETED, Place::Site(site), 0, 0);
        for agent in 0..state.agents.len() {
            if state.agents[agent].group as usize == group {
                state.put_into_group(at, agent as u32, default);
            }
        }
        state.groups[group].deleted = true;
        state.changes += 1;
        true
    }

    /// Adds a tag that agents can carry (activity 3650), to the whole console, and returns its id.
    #[must_use]
    pub fn add_tag(&self, key: &str, value: &str) -> String {
        let mut room = self.room();
        let state = &mut room.state;
        let at = state.now;
        let id = make_id(at, IdKind::Other, 0x500 + state.tags.len() as u64);
        let (key, value) = (key.to_owned(), value.to_owned());
        state.tags.push(Tag { id, key, value, created: at, account: None, gone: false });
        state.changes += 1;
        state.tell_place(at, code::TAG_ADDED, Place::Account(0), 0, 0);
        id.to_string()
    }

    /// Deletes a tag. False if there is none.
    pub fn remove_tag(&self, id: &str) -> bool {
        let mut room = self.room();
        let tag = room.state.tags.iter_mut().find(|tag| !tag.gone && tag.id.to_string() == id);
        tag.map(|tag| tag.gone = true).is_some()
    }

    /// Puts a tag on an agent, beside those that it has. False if one of the two does not exist.
    pub fn tag_agent(&self, agent: &str, tag: &str) -> bool {
        let found = {
            let room = self.room();
            let tag = room.state.tags.iter().find(|known| !known.gone && known.id.to_string() == tag);
            tag.map(|tag| (tag.key.clone(), tag.value.clone()))
        };
        let Some((key, value)) = found else { return false };
        let mut tags = Vec::new();
        if !self.with_agent(agent, |state, slot| {
            let mut body = Vec::new();
            state.write_agent(slot as usize, &mut body);
            let record: Value = serde_json::from_slice(&body).unwrap_or_default();
            tags = record["tags"]["sentinelone"].as_array().cloned().unwrap_or_default();
            let at = crate::text::micros_text(state.now);
            let person = &state.users[0];
            tags.push(serde_json::json!({
                "assignedAt": at, "assignedBy": person.name, "assignedById": person.id.to_string(), "id": tag,
                "key": key, "value": value,
            }));
        }) {
            return false;
        }
        self.patch_agent(agent, &serde_json::json!({"tags": {"sentinelone": tags}}))
    }

    /// Brings a deleted agent back, with its old id. False if there is no such agent, or it is there.
    pub fn restore_agent(&self, id: &str) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Some(&slot) = id.parse().ok().and_then(|id: u64| state.agent_index.get(&id)) else { return false };
        let row = &mut state.agents[slot as usize];
        if !row.gone || row.ghost {
            return false;
        }
        row.gone = false;
        let at = state.now;
        state.touch(slot, at);
        true
    }

    /// Lets an agent fall silent: it does not report in any more, and its machine counts as switched off. False if there is
    /// none that reports in.
    pub fn silence(&self, id: &str) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Some(&slot) = id.parse().ok().and_then(|id: u64| state.agent_index.get(&id)) else { return false };
        let seen = state.last_seen(slot as usize, &state.agents[slot as usize]);
        let row = &mut state.agents[slot as usize];
        if row.gone || !row.alive || row.plant.is_some() {
            return false;
        }
        (row.alive, row.last_seen) = (false, seen);
        let at = state.now;
        state.touch(slot, at);
        true
    }

    // -- changes that are hard to see --

    /// Replaces top-level fields of an agent while `updatedAt` stays. False if there is none or `fields` is no object.
    pub fn patch_agent_quietly(&self, id: &str, fields: &Value) -> bool {
        let Some(fields) = fields.as_object() else { return false };
        self.with_agent(id, |state, slot| {
            let row = &mut state.agents[slot as usize];
            row.patch.get_or_insert_default().extend(fields.clone());
            row.revision += 1;
            row.body = None;
        })
    }

    /// Replaces fields of a threat's `threatInfo` while `updatedAt` stays. False if there is none or `fields` is no object.
    pub fn patch_threat_quietly(&self, id: &str, fields: &Value) -> bool {
        let Some(fields) = fields.as_object() else { return false };
        self.with_threat(id, |state, slot| {
            let row = &mut state.threats[slot];
            row.patch.get_or_insert_default().extend(fields.clone());
            row.body = None;
        })
    }

    /// From now on so many of a thousand threats, alerts and activities are seen only so long (µs) after they were made.
    pub fn show_late(&self, per_mille: u16, by_micros: i64) {
        let mut room = self.room();
        room.state.late = (per_mille > 0).then_some((per_mille, by_micros));
        room.state.changes += 1;
    }

    /// Sets the console's clock so far (µs) ahead of [`crate::Config::clock`], or behind it. What the console has lived through it
    /// does not live through again: set behind, it stands still until its clock has caught up.
    pub fn set_skew(&self, micros: i64) {
        let mut room = self.room();
        room.skew = micros;
        room.catch_up();
    }

    /// Gives so many agents, as many as there are at most, one and the same `updatedAt`: now. They report in no more. Returns
    /// their ids.
    pub fn update_together(&self, count: usize) -> Vec<String> {
        let mut room = self.room();
        let state = &mut room.state;
        let at = state.now;
        let mut ids = Vec::new();
        for slot in 0..state.agents.len() as u32 {
            if ids.len() == count {
                break;
            }
            if state.agents[slot as usize].gone {
                continue;
            }
            let seen = state.last_seen(slot as usize, &state.agents[slot as usize]);
            let row = &mut state.agents[slot as usize];
            row.alive = false;
            row.last_seen = seen.min(at);
            ids.push(row.id.to_string());
            state.touch(slot, at);
            state.agents[slot as usize].updated = at;
        }
        ids
    }

    /// Adds so many activities of one and the same instant (µs) and returns their ids.
    pub fn add_activities_at(&self, at: i64, count: usize) -> Vec<String> {
        let mut room = self.room();
        let state = &mut room.state;
        (0..count)
            .map(|nth| {
                let line = crate::state::Activity {
                    id: 0,
                    created: at,
                    detail: nth as u64,
                    agent: NONE,
                    threat: NONE,
                    user: 1,
                    group: NONE,
                    site: NONE,
                    account: 0,
                    kind: code::LOGIN,
                    hidden: false,
                };
                state.tell(line).to_string()
            })
            .collect()
    }

    // -- threats and alerts --

    /// Writes a note on a threat (activity 4020) and returns its id. The threat's `updatedAt` stays.
    #[must_use]
    pub fn add_note(&self, threat: &str) -> Option<String> {
        let mut made = None;
        self.with_threat(threat, |state, slot| {
            let at = state.now;
            let nth = state.threats[slot].notes.len() as u64;
            let id = make_id(at, IdKind::Other, mix(state.threats[slot].serial ^ nth) & 0x7_ffff);
            state.threats[slot].notes.push(Note { id, at, user: 0, edited: None });
            let (agent, serial) = (state.threats[slot].agent, state.threats[slot].serial);
            state.tell_agent(at, code::NOTE_ADDED, agent, slot as u32, 0, serial);
            made = Some(id.to_string());
        });
        made
    }

    /// Changes the newest note of a threat (activity 4022). False if it has none.
    pub fn edit_note(&self, threat: &str) -> bool {
        let mut done = false;
        self.with_threat(threat, |state, slot| {
            let at = state.now;
            let (agent, serial) = (state.threats[slot].agent, state.threats[slot].serial);
            if let Some(note) = state.threats[slot].notes.last_mut() {
                note.edited = Some(at);
                done = true;
                state.tell_agent(at, code::NOTE_UPDATED, agent, slot as u32, 0, serial);
            }
        });
        done
    }

    /// Deletes the newest note of a threat (activity 4021). False if it has none.
    pub fn remove_note(&self, threat: &str) -> bool {
        let mut done = false;
        self.with_threat(threat, |state, slot| {
            let (agent, serial) = (state.threats[slot].agent, state.threats[slot].serial);
            if state.threats[slot].notes.pop().is_some() {
                done = true;
                state.tell_agent(state.now, code::NOTE_DELETED, agent, slot as u32, 0, serial);
            }
        });
        done
    }

    /// Adds a line to a threat's timeline, which is an activity (4008) too. The threat's `updatedAt` stays. False if there is
    /// no such threat.
    pub fn add_timeline_event(&self, threat: &str) -> bool {
        self.with_threat(threat, |state, slot| {
            let (agent, serial) = (state.threats[slot].agent, state.threats[slot].serial);
            state.tell_agent(state.now, code::MITIGATION_STATUS, agent, slot as u32, NONE, serial);
        })
    }

    /// Lets a custom rule find something on an agent (activity 3608) and returns the alert's id.
    #[must_use]
    pub fn add_alert(&self, agent: &str) -> Option<String> {
        let mut made = None;
        self.with_agent(agent, |state, slot| {
            let detail = Dice::new(state.seed, salt::ALERT, state.alerts.len() as u64).next();
            let activity = state.tell_agent(state.now, code::RULE_ALERT, slot, NONE, NONE, detail);
            made = Some(alert_id(activity).to_string());
        });
        made
    }

    fn with_alert(&self, id: &str, act: impl FnOnce(&mut State, usize)) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Ok(id) = id.parse::<u64>() else { return false };
        let Some(index) = state.alerts.iter().position(|alert| alert.id == id && !alert.gone) else { return false };
        state.changes += 1;
        act(state, index);
        true
    }

    /// Replaces fields of an alert's `alertInfo`; its `updatedAt` moves. False if there is none or `fields` is no object.
    pub fn patch_alert(&self, id: &str, fields: &Value) -> bool {
        let Some(fields) = fields.as_object() else { return false };
        self.with_alert(id, |state, index| {
            let at = state.now;
            let alert = &mut state.alerts[index];
            alert.patch.get_or_insert_default().extend(fields.clone());
            alert.updated = alert.updated.max(at);
        })
    }

    /// Deletes an alert without a trace. False if there is none.
    pub fn remove_alert(&self, id: &str) -> bool {
        self.with_alert(id, |state, index| state.alerts[index].gone = true)
    }

    /// Ids of all alerts of custom rules.
    #[must_use]
    pub fn alert_ids(&self) -> Vec<String> {
        self.room().state.alerts.iter().filter(|alert| !alert.gone).map(|alert| alert.id.to_string()).collect()
    }

    // -- tokens --

    fn with_token(&self, token: &str, act: impl FnOnce(&mut Room, &str)) -> bool {
        let mut room = self.room();
        if !room.tokens.contains_key(token) {
            return false;
        }
        act(&mut room, token);
        true
    }

    /// Gives a token another scope, narrower or wider than the one it has; what [`World::cut_scope`] took away comes back. False
    /// if there is no such token.
    pub fn set_scope(&self, token: &str, scope: impl Borrow<Scope>) -> bool {
        self.with_token(token, |room, token| {
            let scoped = room.scoped(scope.borrow());
            if let Some(record) = room.tokens.get_mut(token) {
                record.scoped = scoped;
                record.cut.clear();
            }
        })
    }

    /// Lets a token's role read these paths, and all below them, no more: they answer 403. False if there is no such token.
    pub fn deny(&self, token: &str, families: &[&str]) -> bool {
        self.with_token(token, |room, token| {
            if let Some(record) = room.tokens.get_mut(token) {
                record.denied.extend(families.iter().map(|family| (*family).to_owned()));
            }
        })
    }

    /// Gives a token's role back all that [`World::deny`] and the fault `role-cut` took. False if there is no such token.
    pub fn permit(&self, token: &str) -> bool {
        self.with_token(token, |room, token| {
            if let Some(record) = room.tokens.get_mut(token) {
                record.denied.clear();
            }
        })
    }

    /// Sets when a token ends (µs); an instant in the past lets it end now. False if there is no such token.
    pub fn set_expiry(&self, token: &str, expires_at: i64) -> bool {
        self.with_token(token, |room, token| {
            if let Some(record) = room.tokens.get_mut(token) {
                record.ends = expires_at;
            }
        })
    }

    /// Lets a token that was revoked or has ended open the console again for half a year. False if there is no such token.
    pub fn renew(&self, token: &str) -> bool {
        self.with_token(token, |room, token| {
            let ends = room.state.now + 182 * DAY;
            if let Some(record) = room.tokens.get_mut(token) {
                record.revoked = false;
                record.ends = record.ends.max(ends);
            }
        })
    }
}

impl Room {
    /// A scope by index; what does not exist is left out.
    pub(crate) fn scoped(&self, scope: &Scope) -> Scoped {
        let ids = |ids: &[String], find: &dyn Fn(&str) -> Option<usize>| ids.iter().filter_map(|id| find(id)).collect();
        match scope {
            Scope::Tenant => Scoped::Tenant,
            Scope::Accounts(accounts) => Scoped::Accounts(ids(accounts, &|id| self.state.account_by_id(id))),
            Scope::Sites(sites) => Scoped::Sites(ids(sites, &|id| self.state.site_by_id(id))),
        }
    }
}

fn place_of(reach: Reach) -> Place {
    match reach {
        Reach::Tenant => Place::Tenant,
        Reach::Account(account) => Place::Account(account),
        Reach::Site(site) => Place::Site(site),
    }
}
