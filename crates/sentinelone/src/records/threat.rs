//! Threats, their timeline and notes.

use std::borrow::Cow;

use crate::json::Json;
use crate::records::agent::Interface;
use crate::records::choice::{
    Action, ActionStatus, AnalystVerdict, ClassificationSource, ConfidenceLevel, DetectionType, IncidentStatus,
    InitiatedBy, MachineType, MitigationMode, MitigationStatus, NetworkStatus, OsType, ScanStatus,
};
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// A threat (vendor spec, `GET /threats`).
    Threat + drift {
        id: Id<'a> = "id",
        whitening_options: Vec<Cow<'a, str>> = "whiteningOptions",
        mitigation_status: Vec<Mitigation<'a>> = "mitigationStatus",
        indicators: Vec<Indicator<'a>> = "indicators",
        container_info: ContainerInfo<'a> = "containerInfo",
        kubernetes_info: KubernetesInfo<'a> = "kubernetesInfo",
        ecs_info: EcsInfo<'a> = "ecsInfo",
        threat_info: ThreatInfo<'a> = "threatInfo",
        agent_realtime_info: AgentRealtimeInfo<'a> = "agentRealtimeInfo",
        agent_detection_info: AgentDetectionInfo<'a> = "agentDetectionInfo",
        custom_detection_rules: Json<'a> = "customDetectionRules",
    }
}

record! {
    /// A mitigating action that was taken.
    Mitigation {
        status: ActionStatus = "status",
        action: Action = "action",
        report_id: Id<'a> = "reportId",
        last_update: Micros = "lastUpdate",
        group_not_found: bool = "groupNotFound",
        latest_report: Cow<'a, str> = "latestReport",
        actions_counters: ActionsCounters<'a> = "actionsCounters",
        agent_supports_report: bool = "agentSupportsReport",
        mitigation_started_at: Micros = "mitigationStartedAt",
        mitigation_ended_at: Micros = "mitigationEndedAt",
    }
}

record! {
    /// On how many objects an action worked.
    ActionsCounters {
        total: i64 = "total",
        success: i64 = "success",
        failed: i64 = "failed",
        pending_reboot: i64 = "pendingReboot",
        not_found: i64 = "notFound",
    }
}

record! {
    /// Something that made the engine suspicious.
    Indicator {
        ids: Vec<i64> = "ids",
        category: Cow<'a, str> = "category",
        category_id: i64 = "categoryId",
        description: Cow<'a, str> = "description",
        tactics: Vec<Tactic<'a>> = "tactics",
    }
}

record! {
    /// A tactic of MITRE ATT&CK; it has a name and no id.
    Tactic {
        name: Cow<'a, str> = "name",
        source: Cow<'a, str> = "source",
        techniques: Vec<Technique<'a>> = "techniques",
    }
}

record! {
    /// A technique of MITRE ATT&CK; its name is its id.
    Technique {
        name: Cow<'a, str> = "name",
        link: Cow<'a, str> = "link",
    }
}

record! {
    /// The container a threat was found in.
    ContainerInfo {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        image: Cow<'a, str> = "image",
        labels: Vec<Cow<'a, str>> = "labels",
        is_container_quarantine: bool = "isContainerQuarantine",
    }
}

record! {
    /// The Kubernetes workload a threat was found in.
    KubernetesInfo {
        cluster: Cow<'a, str> = "cluster",
        namespace: Cow<'a, str> = "namespace",
        pod: Cow<'a, str> = "pod",
        node: Cow<'a, str> = "node",
        node_labels: Vec<Cow<'a, str>> = "nodeLabels",
        namespace_labels: Vec<Cow<'a, str>> = "namespaceLabels",
        pod_labels: Vec<Cow<'a, str>> = "podLabels",
        controller_kind: Cow<'a, str> = "controllerKind",
        controller_name: Cow<'a, str> = "controllerName",
        controller_labels: Vec<Cow<'a, str>> = "controllerLabels",
        is_container_quarantine: bool = "isContainerQuarantine",
    }
}

record! {
    /// The ECS task a threat was found in.
    EcsInfo {
        kind: Cow<'a, str> = "type",
        version: Cow<'a, str> = "version",
        cluster_name: Cow<'a, str> = "clusterName",
        task_arn: Cow<'a, str> = "taskArn",
        task_availability_zone: Cow<'a, str> = "taskAvailabilityZone",
        service_name: Cow<'a, str> = "serviceName",
        service_arn: Cow<'a, str> = "serviceArn",
        task_definition_family: Cow<'a, str> = "taskDefinitionFamily",
        task_definition_revision: Cow<'a, str> = "taskDefinitionRevision",
        task_definition_arn: Cow<'a, str> = "taskDefinitionArn",
    }
}

record! {
    /// The threat itself; the only place of its times.
    ThreatInfo {
        threat_id: Id<'a> = "threatId",
        analyst_verdict: AnalystVerdict = "analystVerdict",
        analyst_verdict_description: Cow<'a, str> = "analystVerdictDescription",
        browser_type: Cow<'a, str> = "browserType",
        certificate_id: Id<'a> = "certificateId",
        classification: Cow<'a, str> = "classification",
        classification_source: ClassificationSource = "classificationSource",
        collection_id: Id<'a> = "collectionId",
        confidence_level: ConfidenceLevel = "confidenceLevel",
        created_at: Micros = "createdAt",
        mitigated_preemptively: bool = "mitigatedPreemptively",
        detection_type: DetectionType = "detectionType",
        engines: Vec<Cow<'a, str>> = "engines",
        detection_engines: Vec<DetectionEngine<'a>> = "detectionEngines",
        file_extension: Cow<'a, str> = "fileExtension",
        file_extension_type: Cow<'a, str> = "fileExtensionType",
        file_path: Cow<'a, str> = "filePath",
        file_size: i64 = "fileSize",
        file_verification_type: Cow<'a, str> = "fileVerificationType",
        identified_at: Micros = "identifiedAt",
        initiated_by: InitiatedBy = "initiatedBy",
        initiated_by_description: Cow<'a, str> = "initiatedByDescription",
        initiating_user_id: Id<'a> = "initiatingUserId",
        initiating_username: Cow<'a, str> = "initiatingUsername",
        is_valid_certificate: bool = "isValidCertificate",
        is_fileless: bool = "isFileless",
        reached_events_limit: bool = "reachedEventsLimit",
        malicious_process_arguments: Cow<'a, str> = "maliciousProcessArguments",
        md5: Cow<'a, str> = "md5",
        originator_process: Cow<'a, str> = "originatorProcess",
        publisher_name: Cow<'a, str> = "publisherName",
        sha1: Cow<'a, str> = "sha1",
        sha256: Cow<'a, str> = "sha256",
        mitigation_status: MitigationStatus = "mitigationStatus",
        mitigation_status_description: Cow<'a, str> = "mitigationStatusDescription",
        threat_name: Cow<'a, str> = "threatName",
        incident_status: IncidentStatus = "incidentStatus",
        incident_status_description: Cow<'a, str> = "incidentStatusDescription",
        storyline: Cow<'a, str> = "storyline",
        updated_at: Micros = "updatedAt",
        external_ticket_id: Id<'a> = "externalTicketId",
        external_ticket_exists: bool = "externalTicketExists",
        automatically_resolved: bool = "automaticallyResolved",
        cloud_files_hash_verdict: Cow<'a, str> = "cloudFilesHashVerdict",
        failed_actions: bool = "failedActions",
        reboot_required: bool = "rebootRequired",
        pending_actions: bool = "pendingActions",
        process_user: Cow<'a, str> = "processUser",
        macro_modules: Vec<MacroModule<'a>> = "macroModules",
        root_process_upn: Cow<'a, str> = "rootProcessUpn",
    }
}

record! {
    /// An engine that detected a threat.
    DetectionEngine {
        key: Cow<'a, str> = "key",
        title: Cow<'a, str> = "title",
    }
}

record! {
    /// A macro found in a document.
    MacroModule {
        module_name: Cow<'a, str> = "moduleName",
        sha1: Cow<'a, str> = "sha1",
        sha256: Cow<'a, str> = "sha256",
        content: Cow<'a, str> = "content",
        macro_detection_source: Cow<'a, str> = "macroDetectionSource",
        is_macro_content_truncated: bool = "isMacroContentTruncated",
    }
}

record! {
    /// The agent as it is now.
    AgentRealtimeInfo {
        account_id: Id<'a> = "accountId",
        account_name: Cow<'a, str> = "accountName",
        site_id: Id<'a> = "siteId",
        site_name: Cow<'a, str> = "siteName",
        group_id: Id<'a> = "groupId",
        group_name: Cow<'a, str> = "groupName",
        active_threats: i64 = "activeThreats",
        agent_domain: Cow<'a, str> = "agentDomain",
        agent_id: Id<'a> = "agentId",
        agent_is_active: bool = "agentIsActive",
        agent_is_decommissioned: bool = "agentIsDecommissioned",
        agent_decommissioned_at: bool = "agentDecommissionedAt",
        agent_machine_type: MachineType = "agentMachineType",
        agent_network_status: NetworkStatus = "agentNetworkStatus",
        agent_os_name: Cow<'a, str> = "agentOsName",
        agent_os_type: OsType = "agentOsType",
        agent_os_revision: Cow<'a, str> = "agentOsRevision",
        agent_uuid: Cow<'a, str> = "agentUuid",
        agent_computer_name: Cow<'a, str> = "agentComputerName",
        agent_version: Cow<'a, str> = "agentVersion",
        user_actions_needed: Vec<Cow<'a, str>> = "userActionsNeeded",
        scan_status: ScanStatus = "scanStatus",
        scan_started_at: Micros = "scanStartedAt",
        scan_finished_at: Micros = "scanFinishedAt",
        scan_aborted_at: Micros = "scanAbortedAt",
        agent_mitigation_mode: MitigationMode = "agentMitigationMode",
        network_interfaces: Vec<Interface<'a>> = "networkInterfaces",
        agent_infected: bool = "agentInfected",
        reboot_required: bool = "rebootRequired",
        operational_state: Cow<'a, str> = "operationalState",
        storage_type: Cow<'a, str> = "storageType",
        storage_name: Cow<'a, str> = "storageName",
    }
}

record! {
    /// The agent as it was when it detected the threat.
    AgentDetectionInfo {
        group_id: Id<'a> = "groupId",
        group_name: Cow<'a, str> = "groupName",
        site_id: Id<'a> = "siteId",
        site_name: Cow<'a, str> = "siteName",
        account_id: Id<'a> = "accountId",
        account_name: Cow<'a, str> = "accountName",
        agent_ipv4: Cow<'a, str> = "agentIpV4",
        agent_ipv6: Cow<'a, str> = "agentIpV6",
        agent_domain: Cow<'a, str> = "agentDomain",
        external_ip: Cow<'a, str> = "externalIp",
        agent_uuid: Cow<'a, str> = "agentUuid",
        agent_last_logged_in_user_name: Cow<'a, str> = "agentLastLoggedInUserName",
        agent_last_logged_in_user_mail: Cow<'a, str> = "agentLastLoggedInUserMail",
        agent_last_logged_in_upn: Cow<'a, str> = "agentLastLoggedInUpn",
        agent_os_revision: Cow<'a, str> = "agentOsRevision",
        agent_os_name: Cow<'a, str> = "agentOsName",
        agent_registered_at: Micros = "agentRegisteredAt",
        agent_version: Cow<'a, str> = "agentVersion",
        asset_version: Cow<'a, str> = "assetVersion",
        agent_mitigation_mode: MitigationMode = "agentMitigationMode",
        agent_detection_state: Cow<'a, str> = "agentDetectionState",
        cloud_providers: Json<'a> = "cloudProviders",
    }
}

record! {
    /// What someone wrote about a threat (vendor spec, `GET /threats/{id}/notes`).
    ThreatNote + drift {
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        edited: bool = "edited",
        id: Id<'a> = "id",
        text: Cow<'a, str> = "text",
        creator: Cow<'a, str> = "creator",
        creator_id: Id<'a> = "creatorId",
    }
}

record! {
    /// Something that happened around a threat (vendor spec, `GET /threats/{id}/timeline`).
    TimelineEntry + drift {
        id: Id<'a> = "id",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        activity_type: i64 = "activityType",
        data: Json<'a> = "data",
        primary_description: Cow<'a, str> = "primaryDescription",
        secondary_description: Cow<'a, str> = "secondaryDescription",
        os_family: OsType = "osFamily",
        hash: Cow<'a, str> = "hash",
        agent_updated_version: Cow<'a, str> = "agentUpdatedVersion",
        user_id: Id<'a> = "userId",
        threat_id: Id<'a> = "threatId",
        agent_id: Id<'a> = "agentId",
        account_id: Id<'a> = "accountId",
        site_id: Id<'a> = "siteId",
        group_id: Id<'a> = "groupId",
    }
}
