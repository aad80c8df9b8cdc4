//! The further collections: every documented field has its type, and what is known of their oddities is tolerated.

use sentinelone::{
    AgentApplication, AlertStatus, AlertVerdict, Application, ApplicationEndpoint, ApplicationSettings,
    ApplicationType, Asset, AssetCategory, AssetCriticality, AssetSurface, CloudAlert, Comparison, CorrelationEntity,
    Coverage, DetectionRule, DeviceReview, Drift, Endpoint, Exclusion, ExclusionAction, ExclusionMode, ExclusionType,
    ExploitCodeMaturity, HitType, InstalledApplication, InstalledApplicationCve, IntegrityLevel, MachineType, Micros,
    OsArch, OsType, PathExclusionType, QueryLanguage, QueryType, RangerDevice, Request, Restriction, RestrictionType,
    Risk, RiskLevel, RiskMitigation, RiskSeverity, RiskStatus, Role, RuleSeverity, RuleStatus, ScanResult, ScopeLevel,
    ServiceUser, Subsystem, TagDefinition, TreatAsThreat, UnifiedAlerts, UnifiedConfidence, UnifiedResult,
    UnifiedSeverity, UnifiedStatus, UnifiedVerdict, UserScope, Weekday,
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
fn software_is_read_in_every_generation() {
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

    let oldest = AgentApplication::decode(
        br#"{"name":"Reader","publisher":"","version":"1.2","size":77,"installedDate":"2026-01-02T03:04:05Z"}"#,
    )
    .unwrap();
    assert_eq!(told(&oldest.drift), NOTHING);
    assert_eq!((oldest.version.as_deref(), oldest.size), (Some("1.2"), Some(77)));
    assert_eq!(oldest.installed_date, Micros::parse("2026-01-02T03:04:05Z"));

    let cve = InstalledApplicationCve::decode(
        br#"{"id":"12","cveId":"CVE-2099-0002","score":9.8,"riskLevel":"high","link":"https://nvd.example.org"}"#,
    )
    .unwrap();
    assert_eq!(told(&cve.drift), NOTHING);
    assert_eq!((cve.score.and_then(sentinelone::Json::f64), cve.risk_level), (Some(9.8), Some(RiskLevel::High)));

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

#[test]
fn the_applications_of_an_agent_are_asked_for_one_agent_at_a_time() {
    let request = Request::agent_applications("2162143406517023959");
    assert_eq!(request.path_and_query(), "/web/api/v2.1/agents/applications?ids=2162143406517023959");
    assert!(!Endpoint::AgentApplications.is_paged(), "it answers with all rows and no cursor");
    assert_eq!(Request::installed_application_cves().endpoint(), Endpoint::InstalledApplicationCves);
}

#[test]
fn an_alert_of_a_custom_rule_is_read_with_its_parts() {
    let alert = CloudAlert::decode(
        br#"{"alertInfo":{"alertId":"91","analystVerdict":"True positive","incidentStatus":"In progress","hitType":"UEBAFirstSeen",
        "srcPort":"443","isEdr":true,"dnsRequest":null,"createdAt":"2026-05-06T07:08:09.010Z"},
        "ruleInfo":{"id":"92","severity":"Info","queryLang":"2.0","treatAsThreat":"UNDEFINED","scopeLevel":"site"},
        "agentDetectionInfo":{"uuid":"u","osFamily":"macos"},"agentRealtimeInfo":{"id":"93","os":"macos","isActive":true},
        "sourceProcessInfo":{"pid":"77","integrityLevel":"untrusted","subsystem":"sys_win32"},"sourceParentProcessInfo":{"name":"init"},
        "targetProcessInfo":{"tgtFileCreatedAt":"1970-01-01T00:00:00Z","tgtProcPid":"78"},
        "containerInfo":{"labels":"a=b"},"kubernetesInfo":{"podLabels":null,"controllerLabels":"x=y"}}"#,
    )
    .unwrap();
    assert_eq!(told(&alert.drift), NOTHING);
    let info = alert.alert_info.unwrap();
    assert_eq!((info.alert_id.as_deref(), info.hit_type), (Some("91"), Some(HitType::UebaFirstSeen)));
    assert_eq!(info.analyst_verdict, Some(AlertVerdict::TruePositive));
    assert_eq!((info.incident_status, info.src_port.as_deref()), (Some(AlertStatus::InProgress), Some("443")));
    let rule = alert.rule_info.unwrap();
    assert_eq!((rule.severity, rule.query_lang), (Some(RuleSeverity::Info), Some(QueryLanguage::V2)));
    assert_eq!((rule.treat_as_threat, rule.scope_level), (Some(TreatAsThreat::Undefined), Some(ScopeLevel::Site)));
    assert_eq!(alert.agent_realtime_info.unwrap().id.as_deref(), Some("93"));
    assert_eq!(alert.agent_detection_info.unwrap().os_family, Some(OsType::Macos));
    let process = alert.source_process_info.unwrap();
    assert_eq!((process.integrity_level, process.subsystem), (Some(IntegrityLevel::Untrusted), Some(Subsystem::Win32)));
    assert_eq!(alert.source_parent_process_info.unwrap().name.as_deref(), Some("init"));
    assert_eq!(alert.target_process_info.unwrap().tgt_file_created_at, Some(Micros(0)));
    assert_eq!(alert.container_info.unwrap().labels.as_deref(), Some("a=b"));
    assert_eq!(alert.kubernetes_info.unwrap().controller_labels.as_deref(), Some("x=y"));

    let changed =
        CloudAlert::decode(br#"{"alertInfo":{"srcPort":443},"containerInfo":{"labels":["a"]},"status":"active"}"#);
    assert_eq!(
        told(&changed.unwrap().drift),
        ["odd alertInfo.srcPort = 443", "odd containerInfo.labels = [\"a\"]", "unknown status = \"active\""]
    );
}

#[test]
fn each_kind_of_custom_rule_is_read() {
    let rule = DetectionRule::decode(
        br#"{"id":"92","status":"Disabling","queryType":"correlation","scopeId":["95"],"expiration":null,"description":null,
        "correlationParams":{"entity":"storyline","matchInOrder":false,"timeWindow":{"windowMinutes":30},
        "subQueries":[{"subQuery":"q","matchesRequired":2}]},"coolOffSettings":{"renotifyMinutes":60},"templateRuleId":7}"#,
    )
    .unwrap();
    assert_eq!(told(&rule.drift), NOTHING);
    assert_eq!((rule.status, rule.query_type), (Some(RuleStatus::Disabling), Some(QueryType::Correlation)));
    assert_eq!((rule.scope_id.unwrap()[0].to_string(), rule.template_rule_id.as_deref()), ("95".to_owned(), Some("7")));
    let correlation = rule.correlation_params.unwrap();
    assert_eq!((correlation.entity, correlation.match_in_order), (Some(CorrelationEntity::Storyline), Some(false)));
    assert_eq!(correlation.time_window.unwrap().window_minutes, Some(30));
    assert_eq!(correlation.sub_queries.unwrap()[0].matches_required, Some(2));
    assert_eq!(rule.cool_off_settings.unwrap().renotify_minutes, Some(60));

    let scheduled = DetectionRule::decode(
        br#"{"queryType":"scheduled","scheduledParams":{"query":"q","runIntervalMinutes":15,"threshold":{"operator":"Greater","value":3}}}"#,
    )
    .unwrap();
    assert_eq!(told(&scheduled.drift), NOTHING);
    let threshold = scheduled.scheduled_params.unwrap().threshold.unwrap();
    assert_eq!((threshold.operator, threshold.value), (Some(Comparison::Greater), Some(3)));
}

#[test]
fn an_asset_is_read_with_its_numbers_for_ids_and_its_empty_texts() {
    let asset = Asset::decode(
        br#"{"id":"abcd2345","idSecondary":["EPP:1:21"],"category":"AI ML","surfaces":["Network Discovery","Moon"],
        "assetCriticality":"--","deviceReview":"","serialNumber":"","activeCoverage":["EPP","CNS IaC Scan"],"missingCoverage":[],
        "s1ManagementId":12,"s1OnboardedAccountId":13,"lastActiveDt":"2026-07-08T09:10:11Z","lastRebootDt":"",
        "agent":{"id":"21","decommissioned":false,"vssVolumes":[{"diffAreaFreePercentage":0.5}],"antiTamperingStatus":""},
        "tags":[{"id":"1","key":"env","value":"prod","key_value":"env:prod","read_only":false}],
        "alerts":[{"count":4,"severity":"HIGH"}],"awsEcsInfo":{"type":"","taskArn":"arn"},"notes":[{"note":"seen","userId":"2"}],
        "deviceReviewLog":[{"previous":"","current":"Allowed"}],"identity":{"adUserMembership":["g"]},"sourceJson":{"a":1}}"#,
    )
    .unwrap();
    assert_eq!(told(&asset.drift), NOTHING);
    assert_eq!((asset.category, asset.asset_criticality), (Some(AssetCategory::AiMl), Some(AssetCriticality::Unset)));
    assert_eq!((asset.device_review, asset.last_reboot_dt), (None, None));
    assert_eq!(asset.surfaces.unwrap(), [AssetSurface::NetworkDiscovery, AssetSurface::Other("Moon".to_owned())]);
    assert_eq!(asset.active_coverage.unwrap(), [Coverage::Epp, Coverage::CnsIacScan]);
    assert_eq!((asset.s1_management_id.as_deref(), asset.s1_onboarded_account_id.as_deref()), (Some("12"), Some("13")));
    let agent = asset.agent.unwrap();
    assert_eq!((agent.id.as_deref(), agent.decommissioned), (Some("21"), Some(false)));
    assert_eq!(agent.vss_volumes.unwrap()[0].get("diffAreaFreePercentage").unwrap().as_str(), "0.5");
    assert_eq!(asset.tags.unwrap()[0].key_value.as_deref(), Some("env:prod"));
    assert_eq!(asset.alerts.unwrap()[0].count, Some(4));
    assert_eq!(asset.aws_ecs_info.unwrap().task_arn.as_deref(), Some("arn"));
    assert_eq!(asset.notes.unwrap()[0].note.as_deref(), Some("seen"));
    assert_eq!(DeviceReview::from("Not Trusted"), DeviceReview::NotTrusted);
}

#[test]
fn a_device_without_an_agent_is_read() {
    let device = RangerDevice::decode(
        br#"{"id":"97","agentId":"","managedState":null,"tcpPorts":[22,443],"udpPorts":[],"hostnames":["cam"],
        "networks":[{"ip":"10.0.0.9","gatewayIpAddress":"10.0.0.1"}],"tags":[{"id":"1","name":"cctv","kind":null}],
        "deviceReviewLog":[{"current":"Allowed","updatedAt":"2026-01-02T03:04:05Z"}],"firstSeen":"2026-01-01T00:00:00Z"}"#,
    )
    .unwrap();
    assert_eq!(told(&device.drift), NOTHING);
    assert_eq!((device.agent_id, device.managed_state), (None, None));
    assert_eq!((device.tcp_ports.unwrap(), device.udp_ports.unwrap()), (vec![22, 443], vec![]));
    assert_eq!(device.networks.unwrap()[0].gateway_ip_address.as_deref(), Some("10.0.0.1"));
    assert_eq!(device.tags.unwrap()[0].name.as_deref(), Some("cctv"));
    assert_eq!(device.device_review_log.unwrap()[0].updated_at, Micros::parse("2026-01-02T03:04:05Z"));
    let changed = RangerDevice::decode(br#"{"tcpPorts":["22"],"networks":[{"vlan":4}]}"#).unwrap();
    assert_eq!(told(&changed.drift), ["odd tcpPorts[] = \"22\"", "unknown networks[].vlan = 4"]);
}

#[test]
fn every_field_that_is_asked_of_a_unified_alert_is_typed() {
    // One value for every field of the question, in its order.
    let raw = br#"{"alerts":{"totalCount":1,"pageInfo":{"hasNextPage":false,"endCursor":null},"edges":[{"cursor":"c","node":{
        "id":"0190","externalId":"101","name":"n","description":null,"severity":"HIGH","status":"IN_PROGRESS",
        "analystVerdict":"TRUE_POSITIVE_PUA_ADWARE","classification":"MALWARE","confidenceLevel":"SUSPICIOUS","result":"BENIGN",
        "storylineId":null,"ticketId":null,"createdAt":"2026-01-02T03:04:05.678Z","detectedAt":"2026-01-02T03:04:05.679Z",
        "updatedAt":"2026-01-02T03:04:05.680Z","firstSeenAt":null,"lastSeenAt":null,"noteExists":false,"attackSurfaces":[],
        "detectionSource":{"product":"EDR","vendor":"v","engine":null},
        "analytics":{"category":"On-Write","name":"a","typeValue":"STATIC","uid":null},
        "assignee":{"userId":"102","email":"e","fullName":"f"},
        "assets":[{"id":"abcd","name":"h","category":"Server","subcategory":"Other Server","osType":"LINUX","osVersion":"",
        "agentUuid":null,"agentVersion":null,"lastLoggedInUser":null}],
        "process":{"cmdLine":null,"parentName":"p","file":{"name":"x","path":"/x","sha1":null,"sha256":"s","md5":null}},
        "realTime":{"scope":{"account":{"id":"1","name":"A"},"site":{"id":"2","name":"S"},"group":{"id":"3","name":"G"}}}}}]}}"#;
    let answer = UnifiedAlerts::decode(raw).unwrap();
    assert_eq!(told(&answer.drift), NOTHING);
    let edges = answer.alerts.unwrap().edges.unwrap();
    let alert = edges[0].node.as_ref().unwrap();
    assert_eq!((alert.id.as_deref(), alert.external_id.as_deref()), (Some("0190"), Some("101")));
    assert_eq!((&alert.severity, &alert.status), (&Some(UnifiedSeverity::High), &Some(UnifiedStatus::InProgress)));
    assert_eq!(alert.analyst_verdict, Some(UnifiedVerdict::TruePositivePuaAdware));
    assert_eq!(
        (&alert.confidence_level, &alert.result),
        (&Some(UnifiedConfidence::Suspicious), &Some(UnifiedResult::Benign))
    );
    assert_eq!(alert.updated_at, Micros::parse("2026-01-02T03:04:05.680Z"));
    let assets = alert.assets.as_ref().unwrap();
    assert_eq!((assets[0].os_type.as_deref(), assets[0].agent_uuid.as_deref()), (Some("LINUX"), None));
    let file = alert.process.as_ref().unwrap().file.as_ref().unwrap();
    assert_eq!((file.path.as_deref(), file.sha256.as_deref()), (Some("/x"), Some("s")));
    let scope = alert.real_time.as_ref().unwrap().scope.as_ref().unwrap();
    assert_eq!(scope.group.as_ref().unwrap().name.as_deref(), Some("G"));

    // The question and the type name the same fields: the answer above holds every word of the question.
    let question: serde_json::Value = serde_json::from_str(&Request::unified_alerts().question().unwrap()).unwrap();
    let text = std::str::from_utf8(raw).unwrap();
    let fields = question["query"].as_str().unwrap().split_once(") { alerts(").unwrap().1.split_once(") {").unwrap().1;
    for field in fields.split_whitespace().filter(|word| !"{}".contains(word)) {
        assert!(text.contains(&format!("\"{field}\":")), "{field}");
    }
}
