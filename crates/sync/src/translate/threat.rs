//! Threats.

use inventory::noun::{ConsoleScope, FindingAction, FindingNoun, Technique};
use sentinelone::Threat;
use sentinelone::records::{AgentDetectionInfo, AgentRealtimeInfo, ThreatInfo};

use super::{at, id, joined, lower, text, word};

pub(super) fn threat(threat: &Threat<'_>) -> FindingNoun {
    let info = threat.threat_info.clone().unwrap_or_default();
    let then = threat.agent_detection_info.clone().unwrap_or_default();
    let now = threat.agent_realtime_info.clone().unwrap_or_default();
    let os = joined(&[&text(then.agent_os_name.as_ref()), &text(then.agent_os_revision.as_ref())])
        .or_else(|| joined(&[&text(now.agent_os_name.as_ref()), &text(now.agent_os_revision.as_ref())]));
    FindingNoun {
        name: text(info.threat_name.as_ref()),
        kind: Some("threat".to_owned()),
        classification: text(info.classification.as_ref()),
        classification_source: word(info.classification_source.as_ref(), |source| source.as_str()),
        detection_type: word(info.detection_type.as_ref(), |kind| kind.as_str()),
        confidence: word(info.confidence_level.as_ref(), |level| level.as_str()),
        verdict: word(info.analyst_verdict.as_ref(), |verdict| verdict.as_str()),
        status: word(info.incident_status.as_ref(), |status| status.as_str()),
        mitigation: word(info.mitigation_status.as_ref(), |status| status.as_str()),
        initiated_by: word(info.initiated_by.as_ref(), |by| by.as_str()),
        fileless: info.is_fileless,
        auto_resolved: info.automatically_resolved,
        failed_actions: info.failed_actions,
        pending_actions: info.pending_actions,
        reboot_required: info.reboot_required,
        file_path: text(info.file_path.as_ref()),
        file_size: info.file_size,
        sha1: lower(info.sha1.as_ref()),
        sha256: lower(info.sha256.as_ref()),
        md5: lower(info.md5.as_ref()),
        publisher: text(info.publisher_name.as_ref()),
        signature: text(info.file_verification_type.as_ref()),
        process: text(info.originator_process.as_ref()),
        process_user: text(info.process_user.as_ref()),
        command: text(info.malicious_process_arguments.as_ref()),
        storyline: text(info.storyline.as_ref()),
        ticket: id(info.external_ticket_id.as_ref()),
        agent_id: id(now.agent_id.as_ref()),
        agent_uuid: text(then.agent_uuid.as_ref()).or_else(|| text(now.agent_uuid.as_ref())),
        agent_name: text(now.agent_computer_name.as_ref()),
        agent_os: os,
        agent_os_family: word(now.agent_os_type.as_ref(), |family| family.as_str()),
        agent_type: word(now.agent_machine_type.as_ref(), |kind| kind.as_str()),
        agent_version: text(then.agent_version.as_ref()).or_else(|| text(now.agent_version.as_ref())),
        agent_mode: word(then.agent_mitigation_mode.as_ref(), |mode| mode.as_str()),
        console: finding_scope(&then, &now),
        identified_at: at(info.identified_at),
        created_at: at(info.created_at),
        updated_at: at(info.updated_at),
        engines: engines(&info),
        techniques: techniques(threat),
        actions: threat
            .mitigation_status
            .iter()
            .flatten()
            .map(|taken| FindingAction {
                action: word(taken.action.as_ref(), |action| action.as_str()),
                status: word(taken.status.as_ref(), |status| status.as_str()),
                updated_at: at(taken.last_update),
            })
            .collect(),
        ..FindingNoun::default()
    }
}

/// Where it was found: as it was then, or, for old threats whose detection info is all null, where the agent is now.
fn finding_scope(then: &AgentDetectionInfo<'_>, now: &AgentRealtimeInfo<'_>) -> ConsoleScope {
    ConsoleScope {
        account_id: id(then.account_id.as_ref()).or_else(|| id(now.account_id.as_ref())),
        account: text(then.account_name.as_ref()).or_else(|| text(now.account_name.as_ref())),
        site_id: id(then.site_id.as_ref()).or_else(|| id(now.site_id.as_ref())),
        site: text(then.site_name.as_ref()).or_else(|| text(now.site_name.as_ref())),
        group_id: id(then.group_id.as_ref()).or_else(|| id(now.group_id.as_ref())),
        group: text(then.group_name.as_ref()).or_else(|| text(now.group_name.as_ref())),
    }
}

/// Keys of the engines; consoles of an older kind send only their display titles.
fn engines(info: &ThreatInfo<'_>) -> Vec<String> {
    let keys: Vec<String> =
        info.detection_engines.iter().flatten().filter_map(|engine| text(engine.key.as_ref())).collect();
    if keys.is_empty() {
        return info.engines.iter().flatten().filter_map(|title| text(Some(title))).collect();
    }
    keys
}

/// Tactics and techniques of all indicators, each once, in order.
fn techniques(threat: &Threat<'_>) -> Vec<Technique> {
    let mut found = Vec::new();
    for tactic in threat.indicators.iter().flatten().flat_map(|indicator| indicator.tactics.iter().flatten()) {
        let Some(name) = text(tactic.name.as_ref()) else { continue };
        let techniques: Vec<_> =
            tactic.techniques.iter().flatten().filter_map(|technique| text(technique.name.as_ref())).collect();
        if techniques.is_empty() {
            found.push(Technique { tactic: name, technique: None });
        } else {
            let all =
                techniques.into_iter().map(|technique| Technique { tactic: name.clone(), technique: Some(technique) });
            found.extend(all);
        }
    }
    found.sort();
    found.dedup();
    found
}
