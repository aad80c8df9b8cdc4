//! From the console's words to ours: one record becomes one noun. The only place in the engine that knows both.

mod activity;
mod agent;
mod alert;
mod console;
mod device;
mod event;
pub mod host;
mod policy;
mod software;
mod threat;
mod unified;
mod user;
mod vulnerability;

use std::borrow::Cow;
use std::net::IpAddr;

use inventory::Reason;
use inventory::noun::Noun;
use kernel::Timestamp;
use sentinelone::{
    Account, Activity, ActivityType, Agent, Asset, CloudAlert, Endpoint, Group, Id, Micros, Policy, RangerDevice, Risk,
    Site, Threat, ThreatNote, TimelineEntry, UnifiedAlert, User, fields,
};

pub use software::{product_id, software_id, software_meaning};

/// What the engine tells about a record that the record itself does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Native id of the account, site, group, agent or threat that was asked about.
    pub scope_id: Option<&'a str>,
    /// Its name.
    pub scope_name: Option<&'a str>,
    /// The vendor of the product whose machines were asked for, as the console spells it.
    pub vendor: Option<&'a str>,
}

/// Translates one record of `endpoint`; also says when the source changed it.
///
/// # Errors
/// The record is not what the endpoint sends, or we have no noun for it.
pub fn translate(endpoint: Endpoint, raw: &[u8], asked: Asked<'_>) -> Result<(Noun, Option<Timestamp>), Reason> {
    let unreadable = |error: sentinelone::JsonError| Reason(error.to_string());
    Ok(match endpoint {
        Endpoint::Agents => {
            let agent = Agent::decode(raw).map_err(unreadable)?;
            (Noun::Machine(agent::agent(&agent)), at(agent.updated_at))
        }
        Endpoint::Threats => {
            let threat = Threat::decode(raw).map_err(unreadable)?;
            let updated_at = threat.threat_info.as_ref().and_then(|info| at(info.updated_at));
            (Noun::Finding(threat::threat(&threat)), updated_at)
        }
        Endpoint::Activities => {
            let activity = Activity::decode(raw).map_err(unreadable)?;
            (Noun::Activity(activity::activity(&activity)), at(activity.created_at))
        }
        Endpoint::Accounts => {
            let account = Account::decode(raw).map_err(unreadable)?;
            (Noun::Account(console::account(&account)), at(account.updated_at))
        }
        Endpoint::Sites => {
            let site = Site::decode(raw).map_err(unreadable)?;
            (Noun::ConsoleSite(console::site(&site)), at(site.updated_at))
        }
        Endpoint::Groups => {
            let group = Group::decode(raw).map_err(unreadable)?;
            (Noun::ConsoleGroup(console::group(&group)), at(group.updated_at))
        }
        Endpoint::TenantPolicy | Endpoint::AccountPolicy | Endpoint::SitePolicy | Endpoint::GroupPolicy => {
            let policy = Policy::decode(raw).map_err(unreadable)?;
            (Noun::Policy(policy::policy(&policy, endpoint, asked)), at(policy.updated_at))
        }
        Endpoint::CloudDetectionAlerts => {
            let alert = CloudAlert::decode(raw).map_err(unreadable)?;
            (Noun::Finding(alert::alert(&alert)), alert::updated_at(&alert))
        }
        Endpoint::UnifiedAlerts => {
            let alert = UnifiedAlert::decode(raw).map_err(unreadable)?;
            let updated_at = at(alert.updated_at).or(at(alert.created_at));
            (Noun::Finding(unified::alert(&alert)), updated_at)
        }
        Endpoint::ThreatTimeline => {
            let entry = TimelineEntry::decode(raw).map_err(unreadable)?;
            (Noun::Event(event::timeline(&entry, asked)), at(entry.updated_at).or(at(entry.created_at)))
        }
        Endpoint::ThreatNotes => {
            let note = ThreatNote::decode(raw).map_err(unreadable)?;
            (Noun::Event(event::note(&note, asked)), at(note.updated_at).or(at(note.created_at)))
        }
        Endpoint::RangerDevices => {
            let device = RangerDevice::decode(raw).map_err(unreadable)?;
            (Noun::Machine(device::device(&device)), changed_at(raw).map_err(unreadable)?)
        }
        Endpoint::XdrAssets => {
            let asset = Asset::decode(raw).map_err(unreadable)?;
            (device::asset(&asset), changed_at(raw).map_err(unreadable)?)
        }
        Endpoint::Risks => {
            let risk = Risk::decode(raw).map_err(unreadable)?;
            (Noun::Vulnerability(vulnerability::vulnerability(&risk)), None)
        }
        Endpoint::InstalledApplications | Endpoint::ApplicationEndpoints | Endpoint::AgentApplications => {
            (Noun::Software(software::software(endpoint, raw, asked)?), None)
        }
        Endpoint::Users => {
            let user = User::decode(raw).map_err(unreadable)?;
            (Noun::User(user::user(&user)), None)
        }
        Endpoint::ActivityTypes => {
            let kind = ActivityType::decode(raw).map_err(unreadable)?;
            (Noun::ActivityType(activity::activity_type(&kind)), None)
        }
        Endpoint::ServiceUsers
        | Endpoint::Roles
        | Endpoint::AgentTags
        | Endpoint::Exclusions
        | Endpoint::Restrictions
        | Endpoint::CloudDetectionRules
        | Endpoint::ApplicationInventory
        | Endpoint::ApplicationSettings => (Noun::Plain, changed_at(raw).map_err(unreadable)?),
        other => return Err(Reason(format!("there is no noun for {other}"))),
    })
}

/// When a record says that it was changed, or else made, or else when it happened.
fn changed_at(raw: &[u8]) -> Result<Option<Timestamp>, sentinelone::JsonError> {
    let (mut made, mut changed) = (None, None);
    for member in fields(raw)? {
        let (key, value) = member?;
        match &*key {
            "updatedAt" | "lastUpdateDt" => changed = value.text().and_then(|text| Micros::parse(&text)),
            "createdAt" => made = value.text().and_then(|text| Micros::parse(&text)),
            _ => {}
        }
    }
    Ok(at(changed.or(made)))
}

/// A text as we keep it: nothing for the empty text, which is the console's usual "none". U+0000 stays: it is replaced,
/// and counted, where nouns become rows.
fn text(value: Option<&Cow<'_, str>>) -> Option<String> {
    value.filter(|text| !text.is_empty()).map(|text| text.clone().into_owned())
}

fn id(value: Option<&Id<'_>>) -> Option<String> {
    text(value.map(|id| &id.0))
}

fn word<T>(value: Option<&T>, as_str: impl Fn(&T) -> &str) -> Option<String> {
    value.map(|word| as_str(word).to_owned())
}

fn at(micros: Option<Micros>) -> Option<Timestamp> {
    micros.map(|micros| Timestamp::from_micros(micros.0))
}

fn lower(value: Option<&Cow<'_, str>>) -> Option<String> {
    text(value).map(|text| text.to_ascii_lowercase())
}

/// An address; the console's `75.231.254.x` is none.
fn address(value: &str) -> Option<IpAddr> {
    value.trim().parse().ok()
}

/// Several texts as one, with a space between; nothing if all are nothing.
fn joined(parts: &[&Option<String>]) -> Option<String> {
    let parts: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// A word of the console's in the one form in which all its collections are compared: `True positive`,
/// `TRUE_POSITIVE` and `true-positive` are `true_positive`.
fn plain_word<T>(value: Option<&T>, as_str: impl Fn(&T) -> &str) -> Option<String> {
    value.map(|word| {
        as_str(word).chars().map(|c| if matches!(c, ' ' | '-') { '_' } else { c.to_ascii_lowercase() }).collect()
    })
}

/// The name of a product, a vendor or a version: without HTML's escapes and without white space around it.
fn name(value: Option<&Cow<'_, str>>) -> Option<String> {
    let name = unescaped(value?);
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The longest of HTML's escapes that is understood: `&#x10ffff;`.
const ESCAPE_BYTES_MAX: usize = 10;

/// A text without HTML's escapes, of which newer services make use in names. What is no escape stays as it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(ESCAPE_BYTES_MAX).position(|byte| byte == b';');
        match end.and_then(|end| Some((escape(&rest[1..end])?, end))) {
            Some((character, end)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The character of an escape without its ends.
fn escape(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16));
            char::from_u32(hexadecimal.unwrap_or_else(|| number.parse()).ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use inventory::noun::{AgentState, MachineNoun};

    use super::*;

    fn agent_of(raw: &str) -> MachineNoun {
        match translate(Endpoint::Agents, raw.as_bytes(), Asked::default()) {
            Ok((Noun::Machine(agent), _)) => agent,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn none_in_all_its_spellings_is_nothing() {
        let agent = agent_of(
            r#"{"id":"1","externalId":"","licenseKey":"","lastLoggedInUserName":"","serialNumber":null,"groupIp":"75.231.254.x",
                "externalIp":"75.231.254.x","cloudProviders":{},"userActionsNeeded":["none"],"infected":null,"coreCount":"four"}"#,
        );
        assert_eq!((agent.user, agent.serial, agent.cloud), (None, None, None));
        assert_eq!((agent.external_ip, agent.infected, agent.core_count), (None, None, None));
        assert!(agent.needs.is_empty());
        assert_eq!(agent.state, None, "neither yes nor no");
    }

    #[test]
    fn a_removed_agent_is_removed_whatever_else_it_says() {
        let of = |raw| agent_of(raw).state;
        assert_eq!(of(r#"{"isActive":true,"isDecommissioned":true}"#), Some(AgentState::Decommissioned));
        assert_eq!(
            of(r#"{"isActive":false,"isUninstalled":true,"isDecommissioned":true}"#),
            Some(AgentState::Uninstalled)
        );
        assert_eq!(of(r#"{"isActive":true,"isPendingUninstall":true}"#), Some(AgentState::Pending));
        assert_eq!(of(r#"{"isActive":false}"#), Some(AgentState::Offline));
    }

    #[test]
    fn an_unknown_word_is_kept_and_nul_is_left_for_the_inventory_to_count() {
        let agent = agent_of(r#"{"machineType":"toaster","computerName":"A\u0000B","domain":"corp.example.net"}"#);
        assert_eq!(agent.type_.as_deref(), Some("toaster"));
        assert_eq!(agent.name.as_deref(), Some("A\0B"));
        assert_eq!(agent.names.len(), 2);
    }

    #[test]
    fn a_threats_times_come_from_inside_and_its_engines_by_key() {
        let raw = r#"{"id":"7","threatInfo":{"updatedAt":"2026-01-01T00:00:00Z","sha1":"ABC","engines":["Static AI"],
            "detectionEngines":[{"key":"pre_execution","title":"Static AI"}]},"agentDetectionInfo":{"siteName":null},
            "agentRealtimeInfo":{"agentId":"9","siteName":"HQ"},
            "indicators":[{"tactics":[{"name":"Persistence","techniques":[{"name":"T1547"},{"name":"T1547"}]}]}]}"#;
        let Ok((Noun::Finding(finding), updated_at)) = translate(Endpoint::Threats, raw.as_bytes(), Asked::default())
        else {
            panic!("a threat is a finding")
        };
        assert_eq!(updated_at, Timestamp::parse("2026-01-01T00:00:00Z").ok());
        assert_eq!(finding.engines, ["pre_execution"]);
        assert_eq!((finding.sha1.as_deref(), finding.console.site.as_deref()), (Some("abc"), Some("HQ")));
        assert_eq!(finding.techniques.len(), 1);
    }

    #[test]
    fn a_policy_is_named_after_what_it_is_for() {
        let asked = Asked { scope_id: Some("225"), scope_name: Some("Store kiosks"), ..Asked::default() };
        let raw = r#"{"engines":{"preExecution":"on","brandNew":"off"},"mitigationMode":"detect"}"#;
        let Ok((Noun::Policy(policy), _)) = translate(Endpoint::SitePolicy, raw.as_bytes(), asked) else {
            panic!("a policy is a policy")
        };
        assert_eq!((policy.level.as_deref(), policy.name.as_deref()), (Some("site"), Some("site Store kiosks")));
        assert_eq!(policy.engines.len(), 2);
    }

    #[test]
    fn escapes_of_html_are_undone_once_and_what_is_none_stays() {
        for (escaped, plain) in [
            ("Ubuntu &lt;x@y.example&gt;", "Ubuntu <x@y.example>"),
            ("A &amp; B", "A & B"),
            ("&amp;lt;", "&lt;"),
            ("&#39;&#x27;&quot;&apos;", "''\"'"),
            ("AT&T; &; & &nosuch; &#xffffff; &#; &#x", "AT&T; &; & &nosuch; &#xffffff; &#; &#x"),
            ("&#ééééé;&gt", "&#ééééé;&gt"),
            ("&éé;", "&éé;"),
            ("no escape", "no escape"),
        ] {
            assert_eq!(unescaped(escaped), plain);
        }
    }

    #[test]
    fn a_vulnerability_is_read_as_recorded_and_with_odd_values() {
        let of = |raw: &str| match translate(Endpoint::Risks, raw.as_bytes(), Asked::default()) {
            Ok((Noun::Vulnerability(vulnerability), None)) => vulnerability,
            other => panic!("{other:?}"),
        };
        let risk = of(
            r#"{"application":"VMware Tools 10.3.10.12406962","applicationName":"VMware Tools","applicationVendor":"VMware, Inc.",
            "applicationVersion":"10.3.10.12406962","baseScore":"7.10","cveId":"CVE-2022-22977","cvssVersion":"3.1",
            "daysDetected":59,"detectionDate":"2025-06-02T04:46:51.710668Z","endpointId":"2162143406517023959",
            "endpointName":"DESKTOP-1","endpointType":"desktop","id":"2228104981196070492","lastScanDate":"2025-07-29T19:25:47Z",
            "lastScanResult":"Succeeded","markType":"","markedBy":null,"markedDate":null,"osType":"windows",
            "publishedDate":"2022-05-24T19:15:00Z","reason":null,"severity":"HIGH","status":"Detected"}"#,
        );
        assert_eq!((risk.cve.as_deref(), risk.severity.as_deref()), (Some("CVE-2022-22977"), Some("high")));
        assert_eq!((risk.score, risk.status.as_deref()), (Some(7.1), Some("detected")));
        assert_eq!((risk.product.as_deref(), risk.vendor.as_deref()), (Some("VMware Tools"), Some("VMware, Inc.")));
        assert_eq!((risk.agent_id.as_deref(), risk.mitigation), (Some("2162143406517023959"), None));
        assert_eq!(risk.detected_at, Timestamp::parse("2025-06-02T04:46:51.710668Z").ok());

        let odd = of(
            r#"{"baseScore":9.8,"severity":"Galactic Doom","mitigationStatus":"To be patched","endpointId":2162143406517023959,
            "exploitCodeMaturity":"Proof of Concept","cveId":"cve-2099-1","applicationName":"A &amp; B","applicationVersion":""}"#,
        );
        assert_eq!((odd.score, odd.severity.as_deref()), (Some(9.8), Some("galactic_doom")));
        assert_eq!(
            (odd.mitigation.as_deref(), odd.exploit.as_deref()),
            (Some("to_be_patched"), Some("proof_of_concept"))
        );
        assert_eq!((odd.cve.as_deref(), odd.product.as_deref()), (Some("CVE-2099-1"), Some("A & B")));
        assert_eq!((odd.agent_id.as_deref(), odd.version), (Some("2162143406517023959"), None));
        for score in [r#""n/a""#, r#""""#, "null", r#""inf""#, "{}"] {
            assert_eq!(of(&format!(r#"{{"baseScore":{score}}}"#)).score, None, "{score}");
        }
    }

    #[test]
    fn an_alert_of_a_custom_rule_is_a_finding_in_the_words_of_threats() {
        let of = |raw: &str| match translate(Endpoint::CloudDetectionAlerts, raw.as_bytes(), Asked::default()) {
            Ok((Noun::Finding(finding), updated_at)) => (finding, updated_at),
            other => panic!("{other:?}"),
        };
        let (alert, updated_at) = of(
            r#"{"alertInfo":{"alertId":"1985998272619999973","analystVerdict":"True positive","incidentStatus":"In progress",
            "createdAt":"2024-07-03T03:44:03.003Z","reportedAt":"2024-07-03T03:44:03.128163Z","updatedAt":"1970-01-01T00:00:00Z"},
            "ruleInfo":{"name":"test5","severity":"Critical","treatAsThreat":"Suspicious"},
            "agentDetectionInfo":{"accountId":"12","osName":"Windows Server 2022","osRevision":"20348","version":"23.4.4.223"},
            "agentRealtimeInfo":{"id":"1834780238610855645","name":"srv-win1","os":"windows","machineType":"server"},
            "sourceProcessInfo":{"name":"powershell.exe","fileHashSha1":"A2D8","user":"NT AUTHORITY\\SYSTEM"}}"#,
        );
        assert_eq!((alert.kind.as_deref(), alert.severity.as_deref()), (Some("alert"), Some("critical")));
        assert_eq!((alert.verdict.as_deref(), alert.status.as_deref()), (Some("true_positive"), Some("in_progress")));
        assert_eq!((alert.name.as_deref(), alert.confidence.as_deref()), (Some("test5"), Some("suspicious")));
        assert_eq!((alert.agent_id.as_deref(), alert.sha1.as_deref()), (Some("1834780238610855645"), Some("a2d8")));
        assert_eq!(alert.agent_os.as_deref(), Some("Windows Server 2022 20348"));
        assert_eq!((updated_at, alert.updated_at), (alert.identified_at, None), "1970 stands for no time");

        let raw = r#"{"alertInfo":{"incidentStatus":"in_progress"},"ruleInfo":{"treatAsThreat":"UNDEFINED"}}"#;
        let (bare, updated_at) = of(raw);
        assert_eq!((bare.status.as_deref(), bare.confidence, updated_at), (Some("in_progress"), None, None));
        assert_eq!(of(r#"{"alertInfo":null,"agentRealtimeInfo":7}"#).0.agent_id, None);
    }

    #[test]
    fn a_user_has_roles_where_the_user_holds_them() {
        let of = |raw: &str| match translate(Endpoint::Users, raw.as_bytes(), Asked::default()) {
            Ok((Noun::User(user), None)) => user,
            other => panic!("{other:?}"),
        };
        let user = of(
            r#"{"id":"433241117337583600","fullName":"Replay Admin","email":"admin@example.com","scope":"account","source":"mgmt",
            "twoFaEnabled":true,"twoFaStatus":"configured","apiToken":null,"lastLogin":"2025-08-20T00:00:00.000000Z",
            "scopeRoles":[{"id":"1","name":"Acme","roleId":"1","roleName":"Admin","roles":["Admin"]},{"id":2,"roles":["SOC"]},null]}"#,
        );
        assert_eq!((user.name.as_deref(), user.scope.as_deref()), (Some("Replay Admin"), Some("account")));
        assert_eq!((user.two_factor, user.token_ends_at), (Some(true), None));
        let roles: Vec<_> = user.roles.iter().map(|held| (held.role.as_deref(), held.place_id.as_deref())).collect();
        assert_eq!(roles, [(Some("Admin"), Some("1")), (Some("SOC"), Some("2"))]);
        let token =
            of(r#"{"apiToken":{"expiresAt":"2027-05-01T00:00:00Z"},"siteRoles":[{"name":"HQ","roleName":"Viewer"}]}"#);
        assert_eq!(token.token_ends_at, Timestamp::parse("2027-05-01T00:00:00Z").ok());
        assert_eq!(token.roles[0].place.as_deref(), Some("HQ"));
    }

    #[test]
    fn a_type_of_activity_has_a_number_and_perhaps_a_name() {
        let of = |raw: &str| match translate(Endpoint::ActivityTypes, raw.as_bytes(), Asked::default()) {
            Ok((Noun::ActivityType(kind), None)) => (kind.type_, kind.name),
            other => panic!("{other:?}"),
        };
        assert_eq!(of(r#"{"id":27,"action":"User Logged In"}"#), (Some(27), Some("User Logged In".to_owned())));
        assert_eq!(of(r#"{"id":"5009","descriptionTemplate":"x"}"#), (Some(5009), Some("x".to_owned())));
        assert_eq!(of(r#"{"id":1}"#), (Some(1), None));
        assert_eq!(of(r#"{"id":"one","action":null}"#), (None, None));
    }

    #[test]
    fn what_is_only_kept_still_says_when_it_changed() {
        let of = |endpoint, raw: &str| match translate(endpoint, raw.as_bytes(), Asked::default()) {
            Ok((Noun::Plain, updated_at)) => updated_at.map(Timestamp::micros),
            other => panic!("{other:?}"),
        };
        let both = r#"{"createdAt":"1970-01-01T00:00:01Z","updatedAt":"1970-01-01T00:00:02Z"}"#;
        assert_eq!(of(Endpoint::Roles, both), Some(2_000_000));
        let made = r#"{"createdAt":"1970-01-01T00:00:01Z","updatedAt":null}"#;
        assert_eq!(of(Endpoint::Exclusions, made), Some(1_000_000));
        assert_eq!(of(Endpoint::ApplicationSettings, "{}"), None);
        assert_eq!(of(Endpoint::XdrAssets, r#"{"lastUpdateDt":"","s1UpdatedAt":7}"#), None, "it is no machine");
    }

    #[test]
    fn every_stream_has_a_noun_and_refuses_what_is_no_object() {
        for stream in crate::STREAMS {
            let asked = Asked { scope_id: Some("1"), ..Asked::default() };
            let raw = br#"{"id":"1","name":"n","agentId":"2"}"#;
            assert!(translate(stream.endpoint(), raw, asked).is_ok(), "{}", stream.name);
            assert!(translate(stream.endpoint(), b"[1]", asked).is_err(), "{}", stream.name);
        }
    }

    #[test]
    fn what_is_no_object_has_a_reason() {
        assert!(translate(Endpoint::Agents, b"[1]", Asked::default()).is_err());
    }
}
