//! Policies: the settings of one level of the console.

use std::collections::BTreeMap;

use kernel::Timestamp;

use crate::out::{Child, Out};

/// What a console says about one level's settings. Policies have no id: sync makes one of the level and its scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyNoun {
    /// `tenant`, `account`, `site` or `group`.
    pub level: Option<String>,
    /// Native id of the account, site or group.
    pub scope_id: Option<String>,
    /// A name for people: the level, and the scope's name where known.
    pub name: Option<String>,
    /// The level whose settings apply here; `None` if it has its own.
    pub inherited_from: Option<String>,
    /// Whether these are the console's default settings.
    pub is_default: Option<bool>,
    /// What is done about malicious things: `protect`, `detect`.
    pub mitigation_mode: Option<String>,
    /// What is done about suspicious things.
    pub mitigation_mode_suspicious: Option<String>,
    /// How far mitigation goes by itself.
    pub auto_mitigation: Option<String>,
    /// Whether the agent resists being changed.
    pub anti_tampering: Option<bool>,
    /// Whether snapshots are taken.
    pub snapshots: Option<bool>,
    /// Whether infected machines are cut off.
    pub network_quarantine: Option<bool>,
    /// Whether new agents scan their disks.
    pub scan_new_agents: Option<bool>,
    /// Whether the cloud's verdict is asked.
    pub cloud_validation: Option<bool>,
    /// Whether a remote shell is allowed.
    pub remote_shell: Option<bool>,
    /// Whether silent agents are decommissioned.
    pub auto_decommission: Option<bool>,
    /// After how many days.
    pub auto_decommission_days: Option<i64>,
    /// Whether agents log.
    pub agent_logging: Option<bool>,
    /// Whether the agent shows a window.
    pub agent_ui: Option<bool>,
    /// Whether the agent notifies its user.
    pub agent_notification: Option<bool>,
    /// Whether execution is watched.
    pub monitor_on_execute: Option<bool>,
    /// Whether writing is watched.
    pub monitor_on_write: Option<bool>,
    /// Whether bad signed drivers are blocked.
    pub signed_driver_blocking: Option<bool>,
    /// Whether unsigned drivers are blocked.
    pub unsigned_driver_blocking: Option<bool>,
    /// Whether macros are removed.
    pub remove_macros: Option<bool>,
    /// Whether identity protection is on.
    pub identity: Option<bool>,
    /// Whether deep visibility collects events (the vendor's `ioc`).
    pub deep_visibility: Option<bool>,
    /// When the console made these settings.
    pub created_at: Option<Timestamp>,
    /// When the console changed them last.
    pub updated_at: Option<Timestamp>,
    /// Its engines.
    pub engines: Vec<PolicyEngine>,
}

/// One engine of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyEngine {
    /// The engine's key as the policy spells it: `preExecution`.
    pub engine: String,
    /// `on` or `off`.
    pub mode: String,
}

impl PolicyNoun {
    /// Writes the policy's row and its engines.
    pub(crate) fn write(self, out: &mut Out) {
        out.term("level_term", "level", self.level);
        out.id("scope_native_id", self.scope_id);
        out.name("name", "name_folded", self.name);
        out.term("inherited_from_term", "level", self.inherited_from);
        out.flag("is_default", self.is_default);
        out.term("mitigation_mode_term", "mitigation_mode", self.mitigation_mode);
        out.term("mitigation_mode_suspicious_term", "mitigation_mode", self.mitigation_mode_suspicious);
        out.term("auto_mitigation_term", "auto_mitigation", self.auto_mitigation);
        out.flag("anti_tampering", self.anti_tampering);
        out.flag("snapshots", self.snapshots);
        out.flag("network_quarantine", self.network_quarantine);
        out.flag("scan_new_agents", self.scan_new_agents);
        out.flag("cloud_validation", self.cloud_validation);
        out.flag("remote_shell", self.remote_shell);
        out.flag("auto_decommission", self.auto_decommission);
        out.int("auto_decommission_days", self.auto_decommission_days);
        out.flag("agent_logging", self.agent_logging);
        out.flag("agent_ui", self.agent_ui);
        out.flag("agent_notification", self.agent_notification);
        out.flag("monitor_on_execute", self.monitor_on_execute);
        out.flag("monitor_on_write", self.monitor_on_write);
        out.flag("signed_driver_blocking", self.signed_driver_blocking);
        out.flag("unsigned_driver_blocking", self.unsigned_driver_blocking);
        out.flag("remove_macros", self.remove_macros);
        out.flag("identity", self.identity);
        out.flag("deep_visibility", self.deep_visibility);
        out.time("created_at", self.created_at);
        out.volatile().time("updated_at", self.updated_at);

        let engines = self.engines.into_iter().filter_map(|engine| {
            Some((out.intern("policy_engine", engine.engine)?, out.intern("engine_mode", engine.mode)?))
        });
        for (engine, mode) in engines.collect::<BTreeMap<i64, i64>>() {
            out.child(Child::PolicyEngine, [engine.into(), mode.into()]);
        }
    }
}
