//! Alerts in the list of all products: findings in the words of threats, and often a threat told once more.

use inventory::noun::{ConsoleScope, FindingNoun};
use sentinelone::{UnifiedAlert, UnifiedResult, UnifiedStatus, UnifiedVerdict};

use super::{at, id, joined, lower, plain_word, text};

pub(super) fn alert(alert: &UnifiedAlert<'_>) -> FindingNoun {
    let source = alert.detection_source.as_ref();
    let analytics = alert.analytics.as_ref();
    let machine = alert.assets.iter().flatten().next();
    let process = alert.process.as_ref();
    let file = process.and_then(|process| process.file.as_ref());
    let scope = alert.real_time.as_ref().and_then(|real_time| real_time.scope.as_ref());
    let place = |place: Option<&sentinelone::records::UnifiedPlace<'_>>| {
        (place.and_then(|place| id(place.id.as_ref())), place.and_then(|place| text(place.name.as_ref())))
    };
    let (account_id, account) = place(scope.and_then(|scope| scope.account.as_ref()));
    let (site_id, site) = place(scope.and_then(|scope| scope.site.as_ref()));
    let (group_id, group) = place(scope.and_then(|scope| scope.group.as_ref()));
    FindingNoun {
        name: super::name(alert.name.as_ref()),
        kind: Some("alert".to_owned()),
        severity: plain_word(alert.severity.as_ref(), |severity| severity.as_str()),
        product: source.and_then(|source| text(source.product.as_ref())),
        external_id: id(alert.external_id.as_ref()),
        asset_id: machine.and_then(|machine| id(machine.id.as_ref())),
        classification: text(alert.classification.as_ref()),
        detection_type: analytics.and_then(|analytics| lower(analytics.type_value.as_ref())),
        confidence: plain_word(alert.confidence_level.as_ref(), |level| level.as_str()),
        verdict: alert.analyst_verdict.as_ref().map(verdict),
        status: alert.status.as_ref().map(status),
        mitigation: alert.result.as_ref().map(mitigation),
        file_path: file.and_then(|file| text(file.path.as_ref())),
        sha1: file.and_then(|file| lower(file.sha1.as_ref())),
        sha256: file.and_then(|file| lower(file.sha256.as_ref())),
        md5: file.and_then(|file| lower(file.md5.as_ref())),
        process: process.and_then(|process| text(process.parent_name.as_ref())),
        command: process.and_then(|process| text(process.cmd_line.as_ref())),
        storyline: id(alert.storyline_id.as_ref()),
        ticket: id(alert.ticket_id.as_ref()),
        agent_uuid: machine.and_then(|machine| text(machine.agent_uuid.as_ref())),
        agent_name: machine.and_then(|machine| text(machine.name.as_ref())),
        agent_os: machine.and_then(|machine| joined(&[&text(machine.os_version.as_ref())])),
        agent_os_family: machine.and_then(|machine| lower(machine.os_type.as_ref())),
        agent_version: machine.and_then(|machine| text(machine.agent_version.as_ref())),
        console: ConsoleScope { account_id, account, site_id, site, group_id, group },
        identified_at: at(alert.detected_at),
        created_at: at(alert.created_at),
        updated_at: at(alert.updated_at),
        engines: source.and_then(|source| text(source.engine.as_ref())).into_iter().collect(),
        ..FindingNoun::default()
    }
}

/// The list says more closely what sort of true or false positive it is; verdicts of all collections are compared, so
/// the first two words are the verdict.
fn verdict(verdict: &UnifiedVerdict) -> String {
    let word = verdict.as_str().to_ascii_lowercase();
    let known = ["true_positive", "false_positive"].into_iter().find(|known| word.starts_with(known));
    known.map_or(word.clone(), str::to_owned)
}

fn status(status: &UnifiedStatus) -> String {
    match status {
        UnifiedStatus::New => "unresolved".to_owned(),
        other => other.as_str().to_ascii_lowercase(),
    }
}

fn mitigation(result: &UnifiedResult) -> String {
    match result {
        UnifiedResult::Unmitigated => "not_mitigated".to_owned(),
        UnifiedResult::Benign => "marked_as_benign".to_owned(),
        other => other.as_str().to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use inventory::noun::Noun;
    use sentinelone::Endpoint;

    use super::super::{Asked, translate};

    #[test]
    fn an_alert_of_all_products_is_a_finding_in_the_words_of_threats() {
        let raw = r#"{"id":"0198","externalId":"225","name":"A &amp; B","severity":"CRITICAL","status":"NEW",
            "analystVerdict":"TRUE_POSITIVE_MALWARE","confidenceLevel":null,"result":"BENIGN","detectedAt":"2026-01-01T00:00:00.000Z",
            "assets":[{"id":"efkzh4","name":"PC-1","agentUuid":null,"osType":"WINDOWS","osVersion":""}],
            "detectionSource":{"product":"STAR","vendor":"SentinelOne","engine":null},
            "realTime":{"scope":{"account":{"id":"1","name":"Acme"},"site":{"id":"2","name":"HQ"},"group":null}}}"#;
        let Ok((Noun::Finding(finding), _)) = translate(Endpoint::UnifiedAlerts, raw.as_bytes(), Asked::default())
        else {
            panic!("an alert is a finding")
        };
        let told = |text: &Option<String>| text.clone().unwrap_or_default();
        assert_eq!((told(&finding.external_id), told(&finding.asset_id)), ("225".into(), "efkzh4".into()));
        assert_eq!((told(&finding.name), told(&finding.verdict)), ("A & B".into(), "true_positive".into()));
        assert_eq!(
            (told(&finding.status), told(&finding.mitigation)),
            ("unresolved".into(), "marked_as_benign".into())
        );
        assert_eq!((finding.confidence, told(&finding.console.site)), (None, "HQ".into()));
    }

    #[test]
    fn a_note_belongs_to_the_threat_that_was_asked_about() {
        let asked = Asked { scope_id: Some("225"), ..Asked::default() };
        let raw =
            br#"{"id":"9","text":"Reinstalled","creator":"Ada","edited":true,"createdAt":"2026-01-01T00:00:00Z"}"#;
        let Ok((Noun::Event(note), Some(_))) = translate(Endpoint::ThreatNotes, raw, asked) else {
            panic!("a note is an event")
        };
        assert_eq!((note.finding_id.as_deref(), note.kind, note.edited), (Some("225"), "note", Some(true)));
        assert_eq!((note.text.as_deref(), note.author.as_deref()), (Some("Reinstalled"), Some("Ada")));
    }
}
