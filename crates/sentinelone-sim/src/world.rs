//! The console: one state behind one lock, moved by its clock.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::{Config, FaultPlan, Journal, Truth};

/// A simulated console. Clones share one state.
#[derive(Clone)]
pub struct World {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    journal: Mutex<Journal>,
    faults: Mutex<FaultPlan>,
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

impl World {
    /// Builds a console. The same configuration always builds the same console.
    #[must_use]
    pub fn new(config: Config) -> World {
        World { inner: Arc::new(Inner { config, journal: Mutex::default(), faults: Mutex::default() }) }
    }

    /// The configuration it was built from.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// What it was asked so far.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.inner.journal.lock().expect("no holder panics").clone()
    }

    /// Forgets what it was asked so far.
    pub fn clear_journal(&self) {
        *self.inner.journal.lock().expect("no holder panics") = Journal::default();
    }

    /// Plays these faults from the next request on; requests are counted anew.
    pub fn set_faults(&self, plan: FaultPlan) {
        *self.inner.faults.lock().expect("no holder panics") = plan;
    }

    /// The right answers as `token` sees them now; all zero for a token that opens nothing.
    #[must_use]
    pub fn truth(&self, token: &str) -> Truth {
        let _ = token;
        Truth::default()
    }

    /// Issues a token. `expires_at` is in µs.
    #[must_use]
    pub fn issue(&self, scope: Scope, bearer: Bearer, expires_at: i64) -> String {
        let _ = (scope, bearer, expires_at);
        String::new()
    }

    /// Revokes a token: from now on it answers 401.
    pub fn revoke(&self, token: &str) {
        let _ = token;
    }

    /// Ids of all accounts.
    #[must_use]
    pub fn account_ids(&self) -> Vec<String> {
        Vec::new()
    }

    /// Ids of all sites that are not deleted.
    #[must_use]
    pub fn site_ids(&self) -> Vec<String> {
        Vec::new()
    }

    /// Ids of all groups.
    #[must_use]
    pub fn group_ids(&self) -> Vec<String> {
        Vec::new()
    }

    /// Ids of all agents, in ascending order.
    #[must_use]
    pub fn agent_ids(&self) -> Vec<String> {
        Vec::new()
    }

    /// Ids of all threats, in ascending order.
    #[must_use]
    pub fn threat_ids(&self) -> Vec<String> {
        Vec::new()
    }

    /// Enrols an agent in a group and returns its id; absent if the group does not exist.
    pub fn add_agent(&self, group: &str) -> Option<String> {
        let _ = group;
        None
    }

    /// Deletes an agent without a trace, as a console does. False if there is none.
    pub fn remove_agent(&self, id: &str) -> bool {
        let _ = id;
        false
    }

    /// Replaces top-level fields of an agent; `updatedAt` moves. False if there is none.
    pub fn patch_agent(&self, id: &str, fields: &Value) -> bool {
        let _ = (id, fields);
        false
    }

    /// Moves an agent to another group (and its site and account). False if one of the two does not exist.
    pub fn move_agent(&self, id: &str, group: &str) -> bool {
        let _ = (id, group);
        false
    }

    /// Decommissions an agent (activity 47).
    pub fn decommission(&self, id: &str) -> bool {
        let _ = id;
        false
    }

    /// Uninstalls an agent (activity 51).
    pub fn uninstall(&self, id: &str) -> bool {
        let _ = id;
        false
    }

    /// Moves a whole site, with groups and agents, to another account. False if one of the two does not exist.
    pub fn move_site(&self, site: &str, account: &str) -> bool {
        let _ = (site, account);
        false
    }

    /// Deletes a site with its groups and agents: they disappear, and activity 5022 announces it.
    pub fn remove_site(&self, site: &str) -> bool {
        let _ = site;
        false
    }

    /// Replaces top-level settings of a policy; a group or site that inherited gets its own.
    pub fn patch_policy(&self, level: &Level, fields: &Value) -> bool {
        let _ = (level, fields);
        false
    }

    /// Replaces fields of a threat's `threatInfo`; its `updatedAt` moves. False if there is none.
    pub fn patch_threat(&self, id: &str, fields: &Value) -> bool {
        let _ = (id, fields);
        false
    }

    /// Creates a threat on an agent and returns its id, with the activities that announce it.
    pub fn add_threat(&self, agent: &str) -> Option<String> {
        let _ = agent;
        None
    }

    /// Deletes a threat without a trace.
    pub fn remove_threat(&self, id: &str) -> bool {
        let _ = id;
        false
    }

    /// Adds an activity whose `createdAt` lies `age_micros` in the past: a row that becomes visible late. Returns its id.
    pub fn add_late_activity(&self, age_micros: i64) -> String {
        let _ = age_micros;
        String::new()
    }

    /// The console as a service in this process.
    #[must_use]
    pub fn service(&self) -> crate::Service {
        Arc::new(|_| Box::pin(async { Err(crate::TransportBreak::Reset) }))
    }
}

/// Serves a console over HTTP/1.1 until the listener fails.
pub async fn serve(world: World, listener: tokio::net::TcpListener) -> std::io::Result<()> {
    let _ = (world, listener);
    Ok(())
}
