//! Alerts of custom rules: findings like threats, told in other words.

use inventory::noun::{ConsoleScope, FindingNoun};
use kernel::Timestamp;
use sentinelone::{CloudAlert, Micros, TreatAsThreat};

use super::{at, id, joined, lower, plain_word, text, word};

pub(super) fn alert(alert: &CloudAlert<'_>) -> FindingNoun {
    let info = alert.alert_info.as_deref();
    let rule = alert.rule_info.as_ref();
    let then = alert.agent_detection_info.as_ref();
    let now = alert.agent_realtime_info.as_ref();
    let process = alert.source_process_info.as_deref();
    FindingNoun {
        name: rule.and_then(|rule| text(rule.name.as_ref())),
        kind: Some("alert".to_owned()),
        severity: rule.and_then(|rule| plain_word(rule.severity.as_ref(), |severity| severity.as_str())),
        confidence: rule.and_then(|rule| rule.treat_as_threat.as_ref()).and_then(confidence),
        verdict: info.and_then(|info| plain_word(info.analyst_verdict.as_ref(), |verdict| verdict.as_str())),
        status: info.and_then(|info| plain_word(info.incident_status.as_ref(), |status| status.as_str())),
        file_path: process.and_then(|process| text(process.file_path.as_ref())),
        sha1: process.and_then(|process| lower(process.file_hash_sha1.as_ref())),
        sha256: process.and_then(|process| lower(process.file_hash_sha256.as_ref())),
        md5: process.and_then(|process| lower(process.file_hash_md5.as_ref())),
        publisher: process.and_then(|process| text(process.file_signer_identity.as_ref())),
        process: process.and_then(|process| text(process.name.as_ref())),
        process_user: process.and_then(|process| text(process.user.as_ref())),
        command: process.and_then(|process| text(process.commandline.as_ref())),
        storyline: process.and_then(|process| text(process.storyline.as_ref())),
        agent_id: now.and_then(|now| id(now.id.as_ref())),
        agent_uuid: then
            .and_then(|then| text(then.uuid.as_ref()))
            .or_else(|| now.and_then(|now| text(now.uuid.as_ref()))),
        agent_name: now
            .and_then(|now| text(now.name.as_ref()))
            .or_else(|| then.and_then(|then| text(then.name.as_ref()))),
        agent_os: then.and_then(|then| joined(&[&text(then.os_name.as_ref()), &text(then.os_revision.as_ref())])),
        agent_os_family: now
            .and_then(|now| word(now.os.as_ref(), |family| family.as_str()))
            .or_else(|| then.and_then(|then| word(then.os_family.as_ref(), |family| family.as_str()))),
        agent_type: now
            .and_then(|now| word(now.machine_type.as_ref(), |kind| kind.as_str()))
            .or_else(|| then.and_then(|then| word(then.machine_type.as_ref(), |kind| kind.as_str()))),
        agent_version: then.and_then(|then| text(then.version.as_ref())),
        console: ConsoleScope {
            account_id: then.and_then(|then| id(then.account_id.as_ref())),
            site_id: then.and_then(|then| id(then.site_id.as_ref())),
            ..ConsoleScope::default()
        },
        identified_at: info.and_then(|info| instant(info.created_at)),
        created_at: info.and_then(|info| instant(info.reported_at)),
        updated_at: info.and_then(|info| instant(info.updated_at)),
        ..FindingNoun::default()
    }
}

/// When the console last changed it; one that never was has the time it was made.
pub(super) fn updated_at(alert: &CloudAlert<'_>) -> Option<Timestamp> {
    let info = alert.alert_info.as_deref()?;
    instant(info.updated_at).or_else(|| instant(info.created_at))
}

/// As what the rule wants its finds to be treated; `UNDEFINED` is no answer.
fn confidence(treat: &TreatAsThreat) -> Option<String> {
    plain_word(Some(treat), |treat| treat.as_str()).filter(|word| word != "undefined")
}

/// An instant; the beginning of 1970 stands for none (recorded).
fn instant(micros: Option<Micros>) -> Option<Timestamp> {
    at(micros.filter(|micros| micros.0 != 0))
}
