//! Custom detection rules and their alerts.

use std::borrow::Cow;

use crate::records::choice::{
    AlertStatus, AlertVerdict, Comparison, CorrelationEntity, ExpirationMode, HitType, IntegrityLevel, MachineType,
    OsType, QueryLanguage, QueryType, RuleSeverity, RuleStatus, ScopeLevel, Subsystem, TreatAsThreat,
};
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// An alert of a custom rule; its id is `alertInfo.alertId` (vendor spec, `GET /cloud-detection/alerts`).
    CloudAlert + drift {
        alert_info: Box<CloudAlertInfo<'a>> = "alertInfo",
        rule_info: CloudAlertRule<'a> = "ruleInfo",
        agent_detection_info: CloudAlertAgentThen<'a> = "agentDetectionInfo",
        agent_realtime_info: CloudAlertAgentNow<'a> = "agentRealtimeInfo",
        source_process_info: Box<CloudAlertProcess<'a>> = "sourceProcessInfo",
        source_parent_process_info: Box<CloudAlertProcess<'a>> = "sourceParentProcessInfo",
        target_process_info: Box<CloudAlertTarget<'a>> = "targetProcessInfo",
        container_info: CloudAlertContainer<'a> = "containerInfo",
        kubernetes_info: CloudAlertKubernetes<'a> = "kubernetesInfo",
    }
}

record! {
    /// The alert itself; ports are texts.
    CloudAlertInfo {
        alert_id: Id<'a> = "alertId",
        created_at: Micros = "createdAt",
        reported_at: Micros = "reportedAt",
        updated_at: Micros = "updatedAt",
        analyst_verdict: AlertVerdict = "analystVerdict",
        incident_status: AlertStatus = "incidentStatus",
        hit_type: HitType = "hitType",
        event_type: Cow<'a, str> = "eventType",
        source: Cow<'a, str> = "source",
        is_edr: bool = "isEdr",
        dv_event_id: Id<'a> = "dvEventId",
        src_ip: Cow<'a, str> = "srcIp",
        src_port: Cow<'a, str> = "srcPort",
        src_machine_ip: Cow<'a, str> = "srcMachineIp",
        dst_ip: Cow<'a, str> = "dstIp",
        dst_port: Cow<'a, str> = "dstPort",
        net_event_direction: Cow<'a, str> = "netEventDirection",
        dns_request: Cow<'a, str> = "dnsRequest",
        dns_response: Cow<'a, str> = "dnsResponse",
        indicator_name: Cow<'a, str> = "indicatorName",
        indicator_category: Cow<'a, str> = "indicatorCategory",
        indicator_description: Cow<'a, str> = "indicatorDescription",
        ti_indicator_type: Cow<'a, str> = "tiIndicatorType",
        ti_indicator_value: Cow<'a, str> = "tiIndicatorValue",
        ti_indicator_source: Cow<'a, str> = "tiIndicatorSource",
        ti_indicator_comparison_method: Cow<'a, str> = "tiIndicatorComparisonMethod",
        login_type: Cow<'a, str> = "loginType",
        logins_user_name: Cow<'a, str> = "loginsUserName",
        login_account_domain: Cow<'a, str> = "loginAccountDomain",
        login_account_sid: Cow<'a, str> = "loginAccountSid",
        login_is_successful: Cow<'a, str> = "loginIsSuccessful",
        login_is_administrator_equivalent: Cow<'a, str> = "loginIsAdministratorEquivalent",
        module_path: Cow<'a, str> = "modulePath",
        module_sha1: Cow<'a, str> = "moduleSha1",
        registry_path: Cow<'a, str> = "registryPath",
        registry_key_path: Cow<'a, str> = "registryKeyPath",
        registry_value: Cow<'a, str> = "registryValue",
        registry_old_value: Cow<'a, str> = "registryOldValue",
        registry_old_value_type: Cow<'a, str> = "registryOldValueType",
    }
}

record! {
    /// The rule as it was when it matched.
    CloudAlertRule {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        description: Cow<'a, str> = "description",
        severity: RuleSeverity = "severity",
        scope_level: ScopeLevel = "scopeLevel",
        query_type: QueryType = "queryType",
        query_lang: QueryLanguage = "queryLang",
        s1ql: Cow<'a, str> = "s1ql",
        treat_as_threat: TreatAsThreat = "treatAsThreat",
    }
}

record! {
    /// The agent as it was when the rule matched.
    CloudAlertAgentThen {
        uuid: Cow<'a, str> = "uuid",
        name: Cow<'a, str> = "name",
        version: Cow<'a, str> = "version",
        machine_type: MachineType = "machineType",
        os_family: OsType = "osFamily",
        os_name: Cow<'a, str> = "osName",
        os_revision: Cow<'a, str> = "osRevision",
        account_id: Id<'a> = "accountId",
        site_id: Id<'a> = "siteId",
    }
}

record! {
    /// The agent as it is now; recorded, and absent from the vendor's specification.
    CloudAlertAgentNow {
        id: Id<'a> = "id",
        uuid: Cow<'a, str> = "uuid",
        name: Cow<'a, str> = "name",
        machine_type: MachineType = "machineType",
        os: OsType = "os",
        infected: bool = "infected",
        is_active: bool = "isActive",
        is_decommissioned: bool = "isDecommissioned",
    }
}

record! {
    /// A process that did what the rule looks for, or its parent; the process number is a text.
    CloudAlertProcess {
        name: Cow<'a, str> = "name",
        pid: Cow<'a, str> = "pid",
        pid_starttime: Micros = "pidStarttime",
        unique_id: Id<'a> = "uniqueId",
        storyline: Cow<'a, str> = "storyline",
        commandline: Cow<'a, str> = "commandline",
        file_path: Cow<'a, str> = "filePath",
        file_hash_md5: Cow<'a, str> = "fileHashMd5",
        file_hash_sha1: Cow<'a, str> = "fileHashSha1",
        file_hash_sha256: Cow<'a, str> = "fileHashSha256",
        file_signer_identity: Cow<'a, str> = "fileSignerIdentity",
        integrity_level: IntegrityLevel = "integrityLevel",
        subsystem: Subsystem = "subsystem",
        user: Cow<'a, str> = "user",
        real_user: Cow<'a, str> = "realUser",
        effective_user: Cow<'a, str> = "effectiveUser",
        login_user: Cow<'a, str> = "loginUser",
    }
}

record! {
    /// The process or file that something was done to.
    CloudAlertTarget {
        tgt_proc_name: Cow<'a, str> = "tgtProcName",
        tgt_proc_pid: Cow<'a, str> = "tgtProcPid",
        tgt_proc_uid: Id<'a> = "tgtProcUid",
        tgt_proc_storyline_id: Id<'a> = "tgtProcStorylineId",
        tgt_proc_cmd_line: Cow<'a, str> = "tgtProcCmdLine",
        tgt_proc_image_path: Cow<'a, str> = "tgtProcImagePath",
        tgt_proc_integrity_level: IntegrityLevel = "tgtProcIntegrityLevel",
        tgt_proc_signed_status: Cow<'a, str> = "tgtProcSignedStatus",
        tgt_process_start_time: Micros = "tgtProcessStartTime",
        tgt_file_id: Id<'a> = "tgtFileId",
        tgt_file_path: Cow<'a, str> = "tgtFilePath",
        tgt_file_old_path: Cow<'a, str> = "tgtFileOldPath",
        tgt_file_hash_sha1: Cow<'a, str> = "tgtFileHashSha1",
        tgt_file_hash_sha256: Cow<'a, str> = "tgtFileHashSha256",
        tgt_file_is_signed: Cow<'a, str> = "tgtFileIsSigned",
        /// 1970-01-01 stands for none.
        tgt_file_created_at: Micros = "tgtFileCreatedAt",
        /// 1970-01-01 stands for none.
        tgt_file_modified_at: Micros = "tgtFileModifiedAt",
    }
}

record! {
    /// The container of an alert; its labels are one text, unlike a threat's.
    CloudAlertContainer {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        image: Cow<'a, str> = "image",
        labels: Cow<'a, str> = "labels",
    }
}

record! {
    /// The Kubernetes workload of an alert; all labels are texts, unlike a threat's.
    CloudAlertKubernetes {
        cluster: Cow<'a, str> = "cluster",
        namespace: Cow<'a, str> = "namespace",
        namespace_labels: Cow<'a, str> = "namespaceLabels",
        node: Cow<'a, str> = "node",
        pod: Cow<'a, str> = "pod",
        pod_labels: Cow<'a, str> = "podLabels",
        controller_kind: Cow<'a, str> = "controllerKind",
        controller_name: Cow<'a, str> = "controllerName",
        controller_labels: Cow<'a, str> = "controllerLabels",
    }
}

record! {
    /// A custom detection rule (vendor spec, `GET /cloud-detection/rules`).
    ///
    /// Without `isLegacy=false` the console leaves out rules of the query type `scheduled`, without a word.
    DetectionRule + drift {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        description: Cow<'a, str> = "description",
        status: RuleStatus = "status",
        status_reason: Cow<'a, str> = "statusReason",
        severity: RuleSeverity = "severity",
        query_type: QueryType = "queryType",
        query_lang: QueryLanguage = "queryLang",
        s1ql: Cow<'a, str> = "s1ql",
        correlation_params: CorrelationParams<'a> = "correlationParams",
        scheduled_params: ScheduledParams<'a> = "scheduledParams",
        cool_off_settings: CoolOffSettings<'a> = "coolOffSettings",
        treat_as_threat: TreatAsThreat = "treatAsThreat",
        active_response: bool = "activeResponse",
        network_quarantine: bool = "networkQuarantine",
        expiration_mode: ExpirationMode = "expirationMode",
        expiration: Micros = "expiration",
        expired: bool = "expired",
        generated_alerts: i64 = "generatedAlerts",
        last_alert_time: Micros = "lastAlertTime",
        reached_limit: bool = "reachedLimit",
        editable: bool = "editable",
        template_rule_id: Id<'a> = "templateRuleId",
        scope: ScopeLevel = "scope",
        scope_id: Vec<Id<'a>> = "scopeId",
        account_id: Id<'a> = "accountId",
        account_name: Cow<'a, str> = "accountName",
        site_id: Id<'a> = "siteId",
        site_name: Cow<'a, str> = "siteName",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        creator: Cow<'a, str> = "creator",
        creator_id: Id<'a> = "creatorId",
        updater_id: Id<'a> = "updaterId",
        enrichment: RuleEnrichment<'a> = "enrichment",
    }
}

record! {
    /// What the console adds to a rule for people.
    RuleEnrichment {
        scope_name: Cow<'a, str> = "scopeName",
        creator: Cow<'a, str> = "creator",
        updater: Cow<'a, str> = "updater",
    }
}

record! {
    /// Which events a rule puts together.
    CorrelationParams {
        entity: CorrelationEntity = "entity",
        match_in_order: bool = "matchInOrder",
        time_window: CorrelationWindow<'a> = "timeWindow",
        sub_queries: Vec<SubQuery<'a>> = "subQueries",
    }
}

record! {
    /// How far apart events may be that a rule puts together.
    CorrelationWindow {
        window_minutes: i64 = "windowMinutes",
    }
}

record! {
    /// One of the questions that a rule puts together.
    SubQuery {
        sub_query: Cow<'a, str> = "subQuery",
        matches_required: i64 = "matchesRequired",
    }
}

record! {
    /// When a scheduled rule runs and what it looks for.
    ScheduledParams {
        query: Cow<'a, str> = "query",
        run_interval_minutes: i64 = "runIntervalMinutes",
        lookback_window_minutes: i64 = "lookbackWindowMinutes",
        threshold: RuleThreshold<'a> = "threshold",
    }
}

record! {
    /// The count at which a scheduled rule alerts.
    RuleThreshold {
        operator: Comparison = "operator",
        value: i64 = "value",
    }
}

record! {
    /// How long a rule is silent after an alert.
    CoolOffSettings {
        renotify_minutes: i64 = "renotifyMinutes",
    }
}
