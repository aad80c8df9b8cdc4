//! Policies.

use inventory::noun::{PolicyEngine, PolicyNoun};
use sentinelone::{Endpoint, Policy};

use super::{Asked, at, text, word};

pub(super) fn policy(policy: &Policy<'_>, endpoint: Endpoint, asked: Asked<'_>) -> PolicyNoun {
    let level = match endpoint {
        Endpoint::TenantPolicy => "tenant",
        Endpoint::AccountPolicy => "account",
        Endpoint::SitePolicy => "site",
        _ => "group",
    };
    let name = asked.scope_name.or(asked.scope_id).map_or_else(|| level.to_owned(), |scope| format!("{level} {scope}"));
    let ui = policy.agent_ui.as_ref();
    PolicyNoun {
        level: Some(level.to_owned()),
        scope_id: asked.scope_id.map(str::to_owned),
        name: Some(name),
        inherited_from: word(policy.inherited_from.as_ref(), |from| from.as_str()),
        is_default: policy.is_default,
        mitigation_mode: word(policy.mitigation_mode.as_ref(), |mode| mode.as_str()),
        mitigation_mode_suspicious: word(policy.mitigation_mode_suspicious.as_ref(), |mode| mode.as_str()),
        auto_mitigation: text(policy.auto_mitigation_action.as_ref()),
        anti_tampering: policy.anti_tampering_on,
        snapshots: policy.snapshots_on,
        network_quarantine: policy.network_quarantine_on,
        scan_new_agents: policy.scan_new_agents,
        cloud_validation: policy.cloud_validation_on,
        remote_shell: policy.allow_remote_shell,
        auto_decommission: policy.auto_decommission_on,
        auto_decommission_days: policy.auto_decommission_days,
        agent_logging: policy.agent_logging_on,
        agent_ui: policy.agent_ui_on.or_else(|| ui.and_then(|ui| ui.agent_ui_on)),
        agent_notification: policy.agent_notification,
        monitor_on_execute: policy.monitor_on_execute,
        monitor_on_write: policy.monitor_on_write,
        signed_driver_blocking: policy.signed_driver_blocking_on,
        unsigned_driver_blocking: policy.unsigned_driver_blocking_on,
        remove_macros: policy.remove_macros,
        identity: policy.identity_on,
        deep_visibility: policy.ioc,
        created_at: at(policy.created_at),
        updated_at: at(policy.updated_at),
        // Every engine the console names, those of a newer version too.
        engines: policy
            .engines
            .as_ref()
            .map(|engines| {
                let named = engines.raw.fields().filter_map(Result::ok);
                named
                    .filter_map(|(engine, mode)| {
                        Some(PolicyEngine { engine: text(Some(&engine))?, mode: text(mode.text().as_ref())? })
                    })
                    .collect()
            })
            .unwrap_or_default(),
    }
}
