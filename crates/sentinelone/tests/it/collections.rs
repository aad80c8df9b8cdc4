//! The further collections: every documented field has its type, and what is known of their oddities is tolerated.

use sentinelone::{
    Application, ApplicationEndpoint, ApplicationSettings, ApplicationType, Drift, Endpoint, Exclusion,
    ExclusionAction, ExclusionMode, ExclusionType, ExploitCodeMaturity, InstalledApplication, MachineType, Micros,
    OsArch, OsType, PathExclusionType, Request, Restriction, RestrictionType, Risk, RiskLevel, RiskMitigation,
    RiskSeverity, RiskStatus, Role, ScanResult, ScopeLevel, ServiceUser, TagDefinition, UserScope, Weekday,
};

/// What did not look as documented, in words.
fn told(drift: &Drift<'_>) -> Vec<String> {
    let notes = |kind: &'static str, notes: &[sentinelone::Note<'_>]| -> Vec<String> {
        notes.iter().map(|note| format!("{kind} {} = {}", note.path, note.raw)).collect()
    };
    [notes("odd", &drift.odd), notes("unknown", &drift.unknown)].concat()
}

const NOTHING: [&str; 0] = [];

#[test]
fn software_is_read_in_both_generations() {
    let old = InstalledApplication::decode(
        br#"{"id":"11","type":"chromeExtension","name":"Reader","publisher":"","installedAt":"2026-01-02T03:04:05Z",
        "size":77,"signed":true,"riskLevel":null,"agentId":"21","agentOsType":"linux","agentMachineType":"laptop"}"#,
    )
    .unwrap();
    assert_eq!(told(&old.drift), NOTHING);
    assert_eq!((old.kind, old.risk_level), (Some(ApplicationType::ChromeExtension), None));
    assert_eq!((old.agent_id.as_deref(), old.agent_os_type), (Some("21"), Some(OsType::Linux)));
    assert_eq!((old.publisher.as_deref(), old.size, old.signed), (Some(""), Some(77), Some(true)));
    let risky = InstalledApplication::decode(br#"{"riskLevel":"critical"}"#).unwrap();
    assert_eq!(risky.risk_level, Some(RiskLevel::Critical));

    let product = Application::decode(
        br#"{"applicationName":"Reader","applicationVendor":"A &lt;b&gt;","endpointsCount":3,"applicationVersionsCount":2,
        "estimate":false}"#,
    )
    .unwrap();
    assert_eq!(told(&product.drift), NOTHING);
    assert_eq!((product.endpoints_count, product.estimate), (Some(3), Some(false)));
    assert_eq!(product.application_vendor.as_deref(), Some("A &lt;b&gt;"));

    let place = ApplicationEndpoint::decode(
        br#"{"id":"31","version":"1.2","fileSize":null,"endpointId":"21","endpointType":"server","osArch":"64 bit",
        "osType":"windows_legacy","applicationInstallationPath":null,"coreCount":4,"cpe":"cpe:2.3:a:a:reader:1.2"}"#,
    )
    .unwrap();
    assert_eq!(told(&place.drift), NOTHING);
    assert_eq!((place.endpoint_id.as_deref(), place.endpoint_type), (Some("21"), Some(MachineType::Server)));
    assert_eq!((place.os_arch, place.file_size, place.core_count), (Some(OsArch::Bits64), None, Some(4)));
}

#[test]
fn a_risk_is_read_with_and_without_the_fields_of_a_licence() {
    let plain = Risk::decode(
        br#"{"id":"41","cveId":"CVE-2099-0001","severity":"HIGH","baseScore":"8.00","status":"Removed","markType":"",
        "markedBy":null,"daysDetected":12,"lastScanResult":"Succeeded","detectionDate":"2026-03-04T05:06:07.089Z"}"#,
    )
    .unwrap();
    assert_eq!(told(&plain.drift), NOTHING);
    assert_eq!((plain.severity, plain.status), (Some(RiskSeverity::High), Some(RiskStatus::Removed)));
    assert_eq!((plain.base_score.as_deref(), plain.days_detected), (Some("8.00"), Some(12)));
    assert_eq!((plain.nvd_base_score, plain.mitigation_status), (None, None));
    assert_eq!(plain.last_scan_result, Some(ScanResult::Succeeded));
    assert_eq!(plain.detection_date, Micros::parse("2026-03-04T05:06:07.089Z"));

    let licensed = Risk::decode(
        br#"{"id":"41","riskScore":"6.1","exploitCodeMaturity":"Proof of Concept","remediationLevel":"Official Fix",
        "reportConfidence":"Confirmed","mitigationStatus":"To be patched","markType":{"type":"FALSE_POSITIVE"}}"#,
    )
    .unwrap();
    assert_eq!(told(&licensed.drift), NOTHING);
    assert_eq!(licensed.exploit_code_maturity, Some(ExploitCodeMaturity::ProofOfConcept));
    assert_eq!(licensed.mitigation_status, Some(RiskMitigation::ToBePatched));
    assert_eq!(licensed.mark_type.unwrap().at("type").unwrap().text().as_deref(), Some("FALSE_POSITIVE"));

    let changed = Risk::decode(br#"{"id":"41","baseScore":8.5,"daysDetected":"12","epss":1}"#).unwrap();
    assert_eq!(told(&changed.drift), ["odd baseScore = 8.5", "odd daysDetected = \"12\"", "unknown epss = 1"]);
}

#[test]
fn the_settings_of_the_vulnerability_scan_are_read() {
    let settings = ApplicationSettings::decode(
        br#"{"vulnerabilitiesScanEnabled":true,"extensiveScanEnabled":false,"inheritedFrom":"account",
        "scanSchedule":{"scanEvery":1,"repeatOn":"Sunday","time":"02:00","timezone":"UTC"}}"#,
    )
    .unwrap();
    assert_eq!(told(&settings.drift), NOTHING);
    assert_eq!((settings.vulnerabilities_scan_enabled, settings.extensive_scan_enabled), (Some(true), Some(false)));
    let schedule = settings.scan_schedule.unwrap();
    assert_eq!((schedule.scan_every, schedule.repeat_on), (Some(1), Some(Weekday::Sunday)));
}

#[test]
fn service_users_and_roles_are_read() {
    let user = ServiceUser::decode(
        br#"{"id":"51","name":"collector","description":null,"scope":"account","lastActivation":"2026-02-03T04:05:06.7Z",
        "createdBy":{"id":"52","name":"someone"},"apiToken":{"expiresAt":"2027-01-01T00:00:00Z"},
        "scopeRoles":[{"id":"53","roleName":"Viewer","roles":["Viewer"],"roleId":"54","accountName":"Acme"}]}"#,
    )
    .unwrap();
    assert_eq!(told(&user.drift), NOTHING);
    assert_eq!((user.scope, user.description), (Some(UserScope::Account), None));
    assert_eq!(user.created_by.unwrap().id.as_deref(), Some("52"));
    assert_eq!(user.api_token.unwrap().expires_at, Micros::parse("2027-01-01T00:00:00Z"));
    assert_eq!(user.scope_roles.unwrap()[0].role_name.as_deref(), Some("Viewer"));
    assert_eq!(ServiceUser::decode(br#"{"id":"51","apiToken":null}"#).unwrap().api_token, None);

    let role =
        Role::decode(br#"{"id":"54","name":"Viewer","usersInRoles":7,"predefinedRole":true,"scopeId":null}"#).unwrap();
    assert_eq!(told(&role.drift), NOTHING);
    assert_eq!((role.users_in_roles, role.predefined_role, role.scope_id), (Some(7), Some(true), None));
}

#[test]
fn tags_exclusions_and_the_blocklist_are_read() {
    let tag = TagDefinition::decode(
        br#"{"id":"61","key":"env","value":"prod","type":"agents","scopeLevel":"global","totalEndpoints":9,"allowEdit":true}"#,
    )
    .unwrap();
    assert_eq!(told(&tag.drift), NOTHING);
    assert_eq!((tag.scope_level, tag.total_endpoints), (Some(ScopeLevel::Global), Some(9)));

    let exclusion = Exclusion::decode(
        br#"{"id":"71","type":"path","mode":"disable_all_monitors_deep","pathExclusionType":"subfolders","value":"/opt/x/",
        "actions":["upload","detect"],"notRecommended":"NONE","scope":{"tenant":false,"siteIds":["72",73]},"osType":"linux"}"#,
    )
    .unwrap();
    assert_eq!(told(&exclusion.drift), NOTHING);
    assert_eq!(
        (exclusion.kind, exclusion.mode),
        (Some(ExclusionType::Path), Some(ExclusionMode::DisableAllMonitorsDeep))
    );
    assert_eq!(exclusion.path_exclusion_type, Some(PathExclusionType::Subfolders));
    assert_eq!(exclusion.actions.unwrap(), [ExclusionAction::Upload, ExclusionAction::Detect]);
    assert_eq!(exclusion.not_recommended.as_deref(), Some("NONE"));
    let sites: Vec<String> = exclusion.scope.unwrap().site_ids.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(sites, ["72", "73"]);

    let blocked = Restriction::decode(
        br#"{"id":"81","type":"black_hash","value":"aa","sha256Value":"bb","scope":{"tenant":true}}"#,
    )
    .unwrap();
    assert_eq!(told(&blocked.drift), NOTHING);
    assert_eq!((blocked.kind, blocked.sha256_value.as_deref()), (Some(RestrictionType::BlackHash), Some("bb")));
    assert_eq!(blocked.scope.unwrap().tenant, Some(true));
}

#[test]
fn the_machines_of_an_application_are_asked_for_by_name_and_vendor() {
    let request = Request::application_endpoints("7-Zip & co", "Igor \"P\"").param("siteIds", "100000000000000001");
    assert_eq!(
        request.path_and_query(),
        "/web/api/v2.1/application-management/inventory/endpoints?applicationName=7-Zip%20%26%20co\
         &applicationVendor=Igor%20%22P%22&siteIds=100000000000000001"
    );
    for endpoint in [Endpoint::ApplicationEndpoints, Endpoint::ApplicationSettings] {
        assert!(endpoint.wants_one_scope(), "{endpoint}");
    }
    assert!(!Endpoint::AgentTags.wants_one_scope() && Endpoint::Restrictions.is_paged());
    assert!(!Endpoint::ApplicationSettings.is_paged());
}
