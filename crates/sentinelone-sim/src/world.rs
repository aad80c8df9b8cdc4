//! The console from outside: a handle that tests, tools and transports hold.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use sentinelone::{Service, TransportError};
use serde_json::Value;

use crate::draw::Dice;
use crate::happen::code;
use crate::policy::Place;
use crate::respond::{Broken, Outcome, Room, Scoped, TokenRecord};
use crate::state::{Activity, NONE, Reach, State, salt};
use crate::text::DAY;
use crate::{Config, FaultPlan, Journal, tokens};

/// How long an in-process body drips before the client gives up.
const DRIPPED: Duration = Duration::from_secs(60);
/// How many bytes a second of it come.
pub(crate) const DRIP: u64 = 16;

/// A simulated console. Clones share one state.
#[derive(Clone)]
pub struct World {
    config: Config,
    room: Arc<Mutex<Room>>,
}

/// What a token may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole console.
    Tenant,
    /// Some accounts, by id.
    Accounts(Vec<String>),
    /// Some sites, by id.
    Sites(Vec<String>),
}

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// A person who logs in to the console.
    User,
    /// A service user, which exists only to hold a token.
    ServiceUser,
}

/// A level at which a policy is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// The whole console.
    Tenant,
    /// One account, by id.
    Account(String),
    /// One console site, by id.
    Site(String),
    /// One console group, by id.
    Group(String),
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("config", &self.config).finish_non_exhaustive()
    }
}

impl World {
    /// Builds a console. The same configuration always builds the same console.
    #[must_use]
    pub fn new(config: Config) -> World {
        let state = State::new(&config);
        let mut known = HashMap::new();
        let names = [tokens::GLOBAL, tokens::ACCOUNT, tokens::SITE, tokens::SERVICE, tokens::EXPIRED, tokens::SPARE];
        for (user, name) in names.into_iter().enumerate() {
            let row = &state.users[user];
            let scoped = match row.reach {
                Reach::Tenant => Scoped::Tenant,
                Reach::Account(account) => Scoped::Accounts(vec![account]),
                Reach::Site(site) => Scoped::Sites(vec![site]),
            };
            let (made, ends) = row.token.unwrap_or((config.start - DAY, config.start + 180 * DAY));
            let bearer = if row.service { Bearer::ServiceUser } else { Bearer::User };
            let record =
                TokenRecord { user, scoped, bearer, made, ends, revoked: false, cut: Vec::new(), denied: Vec::new() };
            known.insert(name.to_owned(), record);
        }
        let room = Arc::new(Mutex::new(Room::new(config.clone(), state, known)));
        World { config, room }
    }

    /// The state after a panic of another holder is as good as before: every change is made of complete steps.
    pub(crate) fn room(&self) -> MutexGuard<'_, Room> {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room.catch_up();
        room
    }

    /// The configuration it was built from.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What it was asked so far.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.room().journal.clone()
    }

    /// Forgets what it was asked so far.
    pub fn clear_journal(&self) {
        self.room().journal = Journal::default();
    }

    /// Plays these faults from the next request on; requests are counted anew.
    pub fn set_faults(&self, plan: FaultPlan) {
        let mut room = self.room();
        room.plan = plan;
        room.covered.clear();
    }

    /// Moves the console on to an instant (µs) without a request, as its clock would. It never goes back.
    pub fn advance_to(&self, now: i64) {
        self.room().state.advance_to(now);
    }

    // -- tokens --

    /// Issues a token that ends at `expires_at` (µs). The text of the n-th issued token is the same for the same seed.
    #[must_use]
    pub fn issue(&self, scope: impl Borrow<Scope>, bearer: Bearer, expires_at: i64) -> String {
        let mut room = self.room();
        let scoped = room.scoped(scope.borrow());
        let number = room.tokens.len() as u64;
        let text = crate::text::hex(&mut Dice::new(room.config.seed, salt::TOKEN, number), 80);
        let user = if bearer == Bearer::ServiceUser { 3 } else { 0 };
        let made = room.state.now;
        let record = TokenRecord {
            user,
            scoped,
            bearer,
            made,
            ends: expires_at,
            revoked: false,
            cut: Vec::new(),
            denied: Vec::new(),
        };
        room.tokens.insert(text.clone(), record);
        text
    }

    /// Revokes a token: from now on it answers 401. False if there is none.
    pub fn revoke(&self, token: &str) -> bool {
        self.room().tokens.get_mut(token).map(|record| record.revoked = true).is_some()
    }

    /// Makes a new token in the place of one, which is revoked, as generating one on a console does.
    #[must_use]
    pub fn rotate(&self, token: &str) -> Option<String> {
        let mut room = self.room();
        let mut record = room.tokens.get(token)?.clone();
        room.tokens.get_mut(token)?.revoked = true;
        let number = room.tokens.len() as u64;
        let text = crate::text::hex(&mut Dice::new(room.config.seed, salt::TOKEN, number), 80);
        record.revoked = false;
        record.made = room.state.now;
        record.ends = room.state.now + 182 * DAY;
        room.tokens.insert(text.clone(), record);
        Some(text)
    }

    /// Takes sites away from what a token sees. False if there is no such token.
    pub fn cut_scope(&self, token: &str, sites: &[String]) -> bool {
        let mut room = self.room();
        let cut: Vec<usize> = sites.iter().filter_map(|id| room.state.site_by_id(id)).collect();
        room.tokens.get_mut(token).map(|record| record.cut.extend(cut)).is_some()
    }

    // -- what exists --

    /// Ids of all accounts.
    #[must_use]
    pub fn account_ids(&self) -> Vec<String> {
        self.room().state.accounts.iter().map(|a| a.id.to_string()).collect()
    }

    /// Ids of all sites that are not deleted.
    #[must_use]
    pub fn site_ids(&self) -> Vec<String> {
        self.room().state.sites.iter().filter(|s| !s.deleted).map(|s| s.id.to_string()).collect()
    }

    /// Ids of all groups of sites that are not deleted.
    #[must_use]
    pub fn group_ids(&self) -> Vec<String> {
        let room = self.room();
        let state = &room.state;
        state.groups.iter().filter(|g| !g.deleted && !state.sites[g.site].deleted).map(|g| g.id.to_string()).collect()
    }

    /// Ids of all agents, in ascending order.
    #[must_use]
    pub fn agent_ids(&self) -> Vec<String> {
        self.room().state.agents.iter().filter(|a| !a.gone).map(|a| a.id.to_string()).collect()
    }

    /// Ids of all threats, in ascending order.
    #[must_use]
    pub fn threat_ids(&self) -> Vec<String> {
        let mut ids: Vec<u64> = self.room().state.threats.iter().filter(|t| !t.gone).map(|t| t.id).collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| id.to_string()).collect()
    }

    // -- changes that tests make --

    fn agent_slot(state: &State, id: &str) -> Option<u32> {
        let slot = *state.agent_index.get(&id.parse().ok()?)?;
        (!state.agents[slot as usize].gone).then_some(slot)
    }

    fn threat_slot(state: &State, id: &str) -> Option<u32> {
        let slot = *state.threat_index.get(&id.parse().ok()?)?;
        (!state.threats[slot as usize].gone).then_some(slot)
    }

    /// Enrols an agent in a group (activity 17) and returns its id; absent if the group does not exist.
    #[must_use]
    pub fn add_agent(&self, group: &str) -> Option<String> {
        let mut room = self.room();
        let state = &mut room.state;
        let group = state.group_by_id(group)?;
        let at = state.now;
        let mut dice = Dice::new(state.seed, salt::AGENT, state.agents.len() as u64);
        let agent = state.enrol(at, Some(group), &mut dice);
        let row = &mut state.agents[agent as usize];
        (row.alive, row.last_seen, row.updated) = (true, at, at);
        let id = row.id;
        state.tell_agent(at, code::AGENT_SUBSCRIBED, agent, NONE, NONE, 0);
        Some(id.to_string())
    }

    /// Deletes an agent without a trace, as a console does. False if there is none.
    pub fn remove_agent(&self, id: &str) -> bool {
        let mut room = self.room();
        let Some(slot) = Self::agent_slot(&room.state, id) else { return false };
        room.state.agents[slot as usize].gone = true;
        room.state.changes += 1;
        room.state.agents[slot as usize].body = None;
        true
    }

    /// Replaces top-level fields of an agent; `updatedAt` moves. `isDecommissioned` and `isUninstalled` also move the agent's
    /// state. False if there is none or `fields` is no object.
    pub fn patch_agent(&self, id: &str, fields: &Value) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let (Some(slot), Some(fields)) = (Self::agent_slot(state, id), fields.as_object()) else { return false };
        let at = state.now;
        let row = &mut state.agents[slot as usize];
        let mut patch = row.patch.take().unwrap_or_default();
        for (key, value) in fields {
            match (key.as_str(), value.as_bool()) {
                ("isDecommissioned", Some(flag)) => row.decommissioned = flag.then_some(at),
                ("isUninstalled", Some(flag)) => row.uninstalled = flag.then_some(at),
                _ => {
                    patch.insert(key.clone(), value.clone());
                }
            }
        }
        row.patch = (!patch.is_empty()).then_some(patch);
        state.touch(slot, at);
        true
    }

    /// Moves an agent to another group, and with it to that group's site and account. False if one of the two does not exist.
    pub fn move_agent(&self, id: &str, group: &str) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let (Some(slot), Some(group)) = (Self::agent_slot(state, id), state.group_by_id(group)) else { return false };
        let from = state.agents[slot as usize].group;
        let at = state.now;
        state.put_into_group(at, slot, group);
        state.tell_agent(at, code::GROUP_CHANGED, slot, NONE, NONE, u64::from(from));
        true
    }

    fn retire(&self, id: &str, uninstalled: bool) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Some(slot) = Self::agent_slot(state, id) else { return false };
        let at = state.now;
        state.retire(at, slot, uninstalled);
        true
    }

    /// Decommissions an agent (activity 47). False if there is none.
    pub fn decommission(&self, id: &str) -> bool {
        self.retire(id, false)
    }

    /// Uninstalls an agent (activity 51). False if there is none.
    pub fn uninstall(&self, id: &str) -> bool {
        self.retire(id, true)
    }

    /// Moves a whole site, with groups and agents, to another account. False if one of the two does not exist.
    pub fn move_site(&self, site: &str, account: &str) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let (Some(site), Some(account)) = (state.site_by_id(site), state.account_by_id(account)) else { return false };
        let at = state.now;
        state.changes += 1;
        state.sites[site].account = account;
        state.sites[site].updated = at;
        let groups: Vec<usize> = (0..state.groups.len()).filter(|&g| state.groups[g].site == site).collect();
        for agent in 0..state.agents.len() as u32 {
            if groups.contains(&(state.agents[agent as usize].group as usize)) {
                state.touch(agent, at);
            }
        }
        state.apply_modes(&groups, at);
        true
    }

    /// Deletes a site with its groups and agents: they disappear, and activity 5022 announces it. False if there is none.
    pub fn remove_site(&self, site: &str) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Some(site) = state.site_by_id(site) else { return false };
        let at = state.now;
        state.tell_place(at, code::SITE_DELETED, Place::Site(site), 0, 0);
        state.changes += 1;
        state.sites[site].deleted = true;
        state.sites[site].updated = at;
        for index in 0..state.agents.len() {
            if state.site_of(&state.agents[index]) == site {
                state.agents[index].gone = true;
            }
        }
        for index in 0..state.threats.len() {
            if state.site_of(&state.agents[state.threats[index].agent as usize]) == site {
                state.threats[index].gone = true;
            }
        }
        true
    }

    /// Replaces top-level settings of a policy (activity 116); a level that inherited gets its own. False if there is no such level.
    pub fn patch_policy(&self, level: &Level, fields: &Value) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let Some(place) = state.place(level) else { return false };
        let at = state.now;
        state.change_policy(place, fields, at);
        state.tell_place(at, code::POLICY_CHANGED, place, 0, 1);
        true
    }

    /// Replaces fields of a threat's `threatInfo`; its `updatedAt` moves. False if there is none or `fields` is no object.
    pub fn patch_threat(&self, id: &str, fields: &Value) -> bool {
        let mut room = self.room();
        let state = &mut room.state;
        let (Some(slot), Some(fields)) = (Self::threat_slot(state, id), fields.as_object()) else { return false };
        let at = state.now;
        let row = &mut state.threats[slot as usize];
        row.patch.get_or_insert_default().extend(fields.clone());
        row.updated = row.updated.max(at);
        row.body = None;
        true
    }

    /// Creates a threat on an agent, with the activity that announces it, and returns its id; absent if the agent is not there.
    #[must_use]
    pub fn add_threat(&self, agent: &str) -> Option<String> {
        let mut room = self.room();
        let state = &mut room.state;
        let slot = Self::agent_slot(state, agent)?;
        let before = state.threats.len();
        let serial = state.next_threat();
        let at = state.now;
        state.happen(at, crate::state::Event::ThreatBegins { agent: slot, serial });
        state.threats.get(before).map(|t| t.id.to_string())
    }

    /// Deletes a threat without a trace. False if there is none.
    pub fn remove_threat(&self, id: &str) -> bool {
        let mut room = self.room();
        let Some(slot) = Self::threat_slot(&room.state, id) else { return false };
        room.state.threats[slot as usize].gone = true;
        true
    }

    /// Adds an activity whose `createdAt` lies `age_micros` in the past: a row that becomes visible late. Returns its id.
    #[must_use]
    pub fn add_late_activity(&self, age_micros: i64) -> String {
        let mut room = self.room();
        let state = &mut room.state;
        let created = state.now - age_micros;
        let (agent, threat, group, site) = (NONE, NONE, NONE, NONE);
        let late = Activity {
            id: 0,
            created,
            detail: 1,
            agent,
            threat,
            user: 1,
            group,
            site,
            account: 0,
            kind: code::LOGIN,
            hidden: false,
        };
        state.tell(late).to_string()
    }

    // -- transports --

    /// Answers one request.
    pub(crate) fn respond(&self, request: &Request<Bytes>) -> Outcome {
        self.room().respond(request)
    }

    /// The console as a service in this process. A reset or a cut-off body becomes a transport error; a slow answer takes its
    /// time by [`Config::sleep`], or, without one, is a read time-out at once.
    #[must_use]
    pub fn service(&self) -> Service {
        let world = self.clone();
        Arc::new(move |request: Request<Bytes>| {
            let world = world.clone();
            Box::pin(async move {
                let outcome = world.respond(&request);
                if let Some(delay) = outcome.delay {
                    match &world.config.sleep {
                        Some(sleep) => sleep(delay).await,
                        None => return Err(TransportError::ReadTimeout { after: delay }),
                    }
                }
                match outcome.broken {
                    Some(Broken::Reset) => {
                        return Err(TransportError::Other { reason: "connection reset by peer".to_owned() });
                    }
                    Some(Broken::After(received)) => return Err(TransportError::Interrupted { received }),
                    Some(Broken::Dripping) => {
                        if let Some(sleep) = &world.config.sleep {
                            sleep(DRIPPED).await;
                        }
                        return Err(TransportError::TooSlow { bytes_per_second: DRIP });
                    }
                    Some(Broken::Truncated) => {
                        return Err(TransportError::Interrupted { received: outcome.body.len() / 2 });
                    }
                    None => {}
                }
                let mut response = Response::new(outcome.body);
                *response.status_mut() = StatusCode::from_u16(outcome.status).unwrap_or(StatusCode::OK);
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(outcome.content_type));
                for (name, value) in outcome.headers {
                    if let Ok(value) = HeaderValue::from_str(&value) {
                        headers.insert(name, value);
                    }
                }
                Ok(response)
            })
        })
    }
}
