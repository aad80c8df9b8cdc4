//! Typed records: what is read, and what is tolerated.

use proptest::collection::vec;
use proptest::prelude::*;
use sentinelone::{
    Account, Action, ActionStatus, Activity, ActivityType, Agent, ConfidenceLevel, Engines, Group, Json, MachineType,
    Micros, MitigationMode, OsType, Policy, Site, Suite, Switch, Threat, ThreatNote, TimelineEntry, User,
};

#[test]
fn an_agent_is_read_with_its_parts() {
    let raw = br#"{
        "id": "657613730168123595", "osType": "windows", "machineType": "server", "isActive": false, "totalMemory": 4035,
        "lastActiveDate": "2020-02-20T00:26:33.955830Z", "osStartTime": "2019-06-27T08:00:31Z", "licenseKey": "",
        "networkInterfaces": [{"id": "1", "inet": ["172.31.43.13"], "inet6": [], "gatewayIp": null, "physical": "06:35:e6:62:53:2e"}],
        "tags": {"sentinelone": [{"key": "env", "value": "prod"}]}, "cloudProviders": {"AWS": {"awsRole": "r"}},
        "activeDirectory": {"computerMemberOf": null, "lastUserMemberOf": ["g"]}, "locations": null,
        "missingPermissions": ["user-action-needed-bluetooth-per"]
    }"#;
    let agent = Agent::decode(raw).unwrap();
    assert_eq!(agent.id.as_deref(), Some("657613730168123595"));
    assert_eq!((agent.os_type, agent.machine_type), (Some(OsType::Windows), Some(MachineType::Server)));
    assert_eq!((agent.is_active, agent.total_memory), (Some(false), Some(4035)));
    assert_eq!(agent.last_active_date, Micros::parse("2020-02-20T00:26:33.955830Z"));
    let interfaces = agent.network_interfaces.unwrap();
    assert_eq!(interfaces[0].inet.as_ref().unwrap()[0], "172.31.43.13");
    assert_eq!((interfaces[0].gateway_ip.as_ref(), interfaces.len()), (None, 1));
    assert_eq!(agent.tags.unwrap().sentinelone.unwrap()[0].value.as_deref(), Some("prod"));
    assert_eq!(agent.cloud_providers.unwrap().at("AWS.awsRole").unwrap().text().as_deref(), Some("r"));
    assert_eq!(agent.active_directory.unwrap().last_user_member_of.unwrap(), ["g"]);
    assert_eq!(agent.locations, None);
    assert_eq!(agent.drift, sentinelone::Drift::default());
    assert_eq!(agent.raw.as_str().as_bytes(), raw);
}

#[test]
fn a_changed_type_reads_as_unknown_and_is_kept() {
    let raw = br#"{"id":657613730168123595,"isUpToDate":"True","firewallEnabled":"True","totalMemory":"4 GB","createdAt":"yesterday",
        "osType":{"name":"x"},"machineType":"toaster","networkInterfaces":[null,7,{"name":["eth0"],"speed":1}],"tags":[],"newField":[1,{"a":2}]}"#;
    let agent = Agent::decode(raw).unwrap();
    assert_eq!(agent.id.as_deref(), Some("657613730168123595"));
    assert_eq!((agent.is_up_to_date, agent.firewall_enabled, agent.total_memory), (None, None, None));
    assert_eq!(agent.machine_type, Some(MachineType::Other("toaster".to_owned())));
    assert_eq!(agent.network_interfaces.as_ref().map(Vec::len), Some(1));
    let told = |notes: &[sentinelone::Note<'_>]| -> Vec<String> {
        notes.iter().map(|note| format!("{} = {}", note.path, note.raw)).collect()
    };
    assert_eq!(
        told(&agent.drift.odd),
        [
            "isUpToDate = \"True\"",
            "firewallEnabled = \"True\"",
            "totalMemory = \"4 GB\"",
            "createdAt = \"yesterday\"",
            "osType = {\"name\":\"x\"}",
            "networkInterfaces[] = 7",
            "networkInterfaces[].name = [\"eth0\"]",
            "tags = []",
        ]
    );
    assert_eq!(told(&agent.drift.unknown), ["networkInterfaces[].speed = 1", "newField = [1,{\"a\":2}]"]);
}

#[test]
fn an_empty_text_is_no_time_no_id_and_no_choice_and_that_is_not_odd() {
    let agent = Agent::decode(br#"{"id":"","createdAt":"","osType":"","computerName":""}"#).unwrap();
    assert_eq!((agent.id.as_deref(), agent.created_at, agent.os_type), (None, None, None));
    assert_eq!(agent.computer_name.as_deref(), Some(""));
    assert!(agent.drift.odd.is_empty());
}

#[test]
fn a_threat_has_its_times_and_its_parts() {
    let threat = Threat::decode(
        br#"{"id":"1","threatInfo":{"createdAt":"2022-08-04T08:52:06.644296Z","confidenceLevel":"n/a","engines":["On-Write"],
        "detectionEngines":[{"key":"pre_execution","title":"On-Write"}],"fileSize":12},
        "mitigationStatus":[{"status":"pending-reboot","action":"network_quarantine","actionsCounters":{"total":2}}],
        "indicators":[{"ids":[1,2],"tactics":[{"name":"Execution","techniques":[{"name":"T1059"}]}]}],
        "agentRealtimeInfo":{"agentId":"7","agentDecommissionedAt":true,"networkInterfaces":[{"inet":["10.0.0.1"]}]},
        "agentDetectionInfo":{"agentIpV4":"1.1.1.1,2.2.2.2","agentIpV6":""},"containerInfo":{"labels":null},"whiteningOptions":["hash"]}"#,
    )
    .unwrap();
    assert_eq!((&threat.drift.odd, &threat.drift.unknown), (&vec![], &vec![]));
    let info = threat.threat_info.unwrap();
    assert_eq!(info.confidence_level, Some(ConfidenceLevel::NotApplicable));
    assert_eq!(info.detection_engines.unwrap()[0].key.as_deref(), Some("pre_execution"));
    let mitigation = &threat.mitigation_status.unwrap()[0];
    assert_eq!(
        (mitigation.status.clone(), mitigation.action.clone()),
        (Some(ActionStatus::PendingReboot), Some(Action::NetworkQuarantine))
    );
    assert_eq!(mitigation.actions_counters.as_ref().unwrap().total, Some(2));
    assert_eq!(
        threat.indicators.unwrap()[0].tactics.as_ref().unwrap()[0].techniques.as_ref().unwrap()[0].name.as_deref(),
        Some("T1059")
    );
    let now = threat.agent_realtime_info.unwrap();
    assert_eq!((now.agent_id.as_deref(), now.agent_decommissioned_at), (Some("7"), Some(true)));
    assert_eq!(threat.agent_detection_info.unwrap().agent_ipv4.as_deref(), Some("1.1.1.1,2.2.2.2"));
}

#[test]
fn an_activity_keeps_big_numbers_of_its_free_part() {
    let activity =
        Activity::decode(br#"{"activityType":3608,"data":{"ruleid":1234567890123456789},"siteId":null}"#).unwrap();
    assert_eq!((activity.id.as_deref(), activity.activity_type, activity.site_id.as_deref()), (None, Some(3608), None));
    assert_eq!(activity.data.unwrap().get("ruleid").unwrap().as_str(), "1234567890123456789");
    let kind = ActivityType::decode(br#"{"id":17}"#).unwrap();
    assert_eq!((kind.id.as_deref(), kind.action), (Some("17"), None));
}

#[test]
fn places_policies_people_and_notes_are_read() {
    let site = Site::decode(br#"{"id":"1","suite":"Complete","totalLicenses":-1,"expiration":null,"licenses":{"bundles":[{"totalSurfaces":-1}]}}"#).unwrap();
    assert_eq!((site.suite, site.total_licenses, site.expiration), (Some(Suite::Complete), Some(-1), None));
    assert_eq!(site.licenses.unwrap().bundles.unwrap()[0].total_surfaces, Some(-1));
    assert_eq!(
        Account::decode(br#"{"id":"1","skus":[{"type":"Core"}]}"#).unwrap().skus.unwrap()[0].kind,
        Some(Suite::Core)
    );
    assert_eq!(Group::decode(br#"{"id":"1","inherits":true,"rank":null}"#).unwrap().inherits, Some(true));
    let policy =
        Policy::decode(br#"{"mitigationMode":"detect","engines":{"pup":"off"},"autoFileUpload":null}"#).unwrap();
    assert_eq!(policy.mitigation_mode, Some(MitigationMode::Detect));
    assert_eq!(
        policy.engines.unwrap(),
        Engines { pup: Some(Switch::Off), raw: Json::parse(r#"{"pup":"off"}"#).unwrap(), ..Engines::default() }
    );
    let user =
        User::decode(br#"{"id":"1","apiToken":{"expiresAt":"2027-05-01T00:00:00Z"},"twoFaEnabled":false}"#).unwrap();
    assert_eq!(user.api_token.unwrap().expires_at, Micros::parse("2027-05-01T00:00:00Z"));
    assert_eq!(ThreatNote::decode(br#"{"id":"1","text":"seen"}"#).unwrap().text.as_deref(), Some("seen"));
    assert_eq!(TimelineEntry::decode(br#"{"id":"1","activityType":19}"#).unwrap().activity_type, Some(19));
}

#[test]
fn only_what_is_no_object_is_an_error() {
    for raw in [&b"[]"[..], b"null", b"7", b"", b"{", b"{\"id\":}", b"{}x", b"\xff"] {
        assert!(Agent::decode(raw).is_err(), "{raw:?}");
    }
    assert!(Agent::decode(b" {} ").is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_of_a_field_spoils_a_record(members in vec((0..NAMES.len(), 0..VALUES.len()), 0..40)) {
        let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{}\":{}", NAMES[*name], VALUES[*value])).collect();
        let raw = format!("{{{}}}", members.join(","));
        Agent::decode(raw.as_bytes()).unwrap();
        Threat::decode(raw.as_bytes()).unwrap();
        Policy::decode(raw.as_bytes()).unwrap();
        User::decode(raw.as_bytes()).unwrap();
    }
}

const NAMES: &[&str] = &[
    "id",
    "createdAt",
    "osType",
    "networkInterfaces",
    "activeDirectory",
    "isActive",
    "coreCount",
    "tags",
    "cloudProviders",
    "threatInfo",
    "mitigationStatus",
    "indicators",
    "agentRealtimeInfo",
    "engines",
    "agentUi",
    "scopeRoles",
    "apiToken",
    "other",
];

const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1.5e3",
    "99999999999999999999",
    "\"\"",
    "\"x\"",
    "\"\\ud800\"",
    "[]",
    "{}",
    "[null,1,\"a\",[],{}]",
    "{\"id\":[],\"name\":{},\"sentinelone\":3,\"createdAt\":[{}]}",
    "[[[{}]]]",
    "\"2026-11-21T03:00:00Z\"",
    "\"windows\"",
];
