//! Policies, the same at all four levels.

use std::borrow::Cow;

use crate::json::Json;
use crate::records::choice::{InheritedFrom, MitigationMode, Switch};
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// The settings of a tenant, account, site or group (vendor spec, `GET /sites/{id}/policy`). It has no id of its own.
    Policy + drift {
        network_quarantine_on: bool = "networkQuarantineOn",
        auto_immune_on: bool = "autoImmuneOn",
        auto_decommission_on: bool = "autoDecommissionOn",
        is_default: bool = "isDefault",
        cloud_validation_on: bool = "cloudValidationOn",
        research_on: bool = "researchOn",
        auto_mitigation_action: Cow<'a, str> = "autoMitigationAction",
        auto_decommission_days: i64 = "autoDecommissionDays",
        mitigation_mode: MitigationMode = "mitigationMode",
        created_at: Micros = "createdAt",
        agent_notification: bool = "agentNotification",
        engines: Engines<'a> = "engines",
        mitigation_mode_suspicious: MitigationMode = "mitigationModeSuspicious",
        scan_new_agents: bool = "scanNewAgents",
        anti_tampering_on: bool = "antiTamperingOn",
        signed_driver_blocking_on: bool = "signedDriverBlockingOn",
        unsigned_driver_blocking_on: bool = "unsignedDriverBlockingOn",
        driver_blocking: bool = "driverBlocking",
        informational_alerts_on: bool = "informationalAlertsOn",
        agent_ui_on: bool = "agentUiOn",
        snapshots_on: bool = "snapshotsOn",
        agent_logging_on: bool = "agentLoggingOn",
        monitor_on_execute: bool = "monitorOnExecute",
        monitor_on_write: bool = "monitorOnWrite",
        ioc: bool = "ioc",
        ioc_attributes: Json<'a> = "iocAttributes",
        dv_attributes_per_event_type: Json<'a> = "dvAttributesPerEventType",
        ioc_supported: bool = "iocSupported",
        inherited_from: InheritedFrom = "inheritedFrom",
        updated_at: Micros = "updatedAt",
        user_id: Id<'a> = "userId",
        user_full_name: Cow<'a, str> = "userFullName",
        allow_remote_shell: bool = "allowRemoteShell",
        auto_file_upload: AutoFileUpload<'a> = "autoFileUpload",
        agent_ui: AgentUi<'a> = "agentUi",
        remote_script_orchestration: Json<'a> = "remoteScriptOrchestration",
        is_dv_policy_per_event_type: bool = "isDvPolicyPerEventType",
        remote_ops_forensics: RemoteOpsForensics<'a> = "remoteOpsForensics",
        remove_macros: bool = "removeMacros",
        remove_macros_ml: bool = "removeMacrosMl",
        identity_update_interval: i64 = "identityUpdateInterval",
        identity_report_interval: i64 = "identityReportInterval",
        identity_throttling_interval: i64 = "identityThrottlingInterval",
        identity_endpoint_reporting: Cow<'a, str> = "identityEndpointReporting",
        identity_on: bool = "identityOn",
        forensics_auto_triggering: ForensicsAutoTriggering<'a> = "forensicsAutoTriggering",
        allow_unprotect_by_approved_process: bool = "allowUnprotectByApprovedProcess",
        identity_configuration_settings: IdentitySettings<'a> = "identityConfigurationSettings",
        log_collector_enabled: bool = "logCollectorEnabled",
        drift_detection_delay_time: i64 = "driftDetectionDelayTime",
        network_protection_infra: bool = "networkProtectionInfra",
        fw_for_network_quarantine_enabled: bool = "fwForNetworkQuarantineEnabled",
    }
}

record! {
    /// Which engines of a policy run.
    Engines {
        reputation: Switch = "reputation",
        pre_execution: Switch = "preExecution",
        pre_execution_suspicious: Switch = "preExecutionSuspicious",
        executables: Switch = "executables",
        data_files: Switch = "dataFiles",
        exploits: Switch = "exploits",
        penetration: Switch = "penetration",
        pup: Switch = "pup",
        lateral_movement: Switch = "lateralMovement",
        remote_shell: Switch = "remoteShell",
        application_control: Switch = "applicationControl",
        idr: Switch = "idr",
        drift_detection: Switch = "driftDetection",
        network_protection: Switch = "networkProtection",
    }
}

record! {
    /// Whether agents upload files.
    AutoFileUpload {
        enabled: bool = "enabled",
        include_benign_files: bool = "includeBenignFiles",
        max_file_size: i64 = "maxFileSize",
        max_daily_file_upload: i64 = "maxDailyFileUpload",
        max_local_disk_usage: i64 = "maxLocalDiskUsage",
        max_file_size_limit: i64 = "maxFileSizeLimit",
        max_daily_file_upload_limit: i64 = "maxDailyFileUploadLimit",
        max_local_disk_usage_limit: i64 = "maxLocalDiskUsageLimit",
    }
}

record! {
    /// What people at a machine see of its agent.
    AgentUi {
        agent_ui_on: bool = "agentUiOn",
        threat_pop_up_notifications: bool = "threatPopUpNotifications",
        device_pop_up_notifications: bool = "devicePopUpNotifications",
        show_suspicious: bool = "showSuspicious",
        show_agent_warnings: bool = "showAgentWarnings",
        show_device_tab: bool = "showDeviceTab",
        show_quarantine_tab: bool = "showQuarantineTab",
        show_support: bool = "showSupport",
        max_event_age_days: i64 = "maxEventAgeDays",
        contact_free_text: Cow<'a, str> = "contactFreeText",
        contact_company: Cow<'a, str> = "contactCompany",
        contact_email: Cow<'a, str> = "contactEmail",
        contact_phone_number: Cow<'a, str> = "contactPhoneNumber",
        contact_direct_message: Cow<'a, str> = "contactDirectMessage",
        contact_support_website: Cow<'a, str> = "contactSupportWebsite",
        contact_other: Cow<'a, str> = "contactOther",
    }
}

record! {
    /// How forensic artifacts are collected.
    RemoteOpsForensics {
        enabled: bool = "enabled",
        parsed_artifacts_destination: Cow<'a, str> = "parsedArtifactsDestination",
        maximum_file_size_upload: i64 = "maximumFileSizeUpload",
        maximum_file_size_upload_limit: i64 = "maximumFileSizeUploadLimit",
        maximum_daily_upload: i64 = "maximumDailyUpload",
        maximum_daily_upload_limit: i64 = "maximumDailyUploadLimit",
        cpu_limit: i64 = "cpuLimit",
    }
}

record! {
    /// Which forensic profile starts by itself.
    ForensicsAutoTriggering {
        macos_profile_id: Id<'a> = "macosProfileId",
        macos_enabled: bool = "macosEnabled",
        windows_profile_id: Id<'a> = "windowsProfileId",
        windows_enabled: bool = "windowsEnabled",
        linux_profile_id: Id<'a> = "linuxProfileId",
        linux_enabled: bool = "linuxEnabled",
        macos_profile_name: Cow<'a, str> = "macosProfileName",
        windows_profile_name: Cow<'a, str> = "windowsProfileName",
        linux_profile_name: Cow<'a, str> = "linuxProfileName",
    }
}

record! {
    /// Limits of identity protection.
    IdentitySettings {
        identity_threshold_monitoring: bool = "identityThresholdMonitoring",
        identity_max_memory_usage: i64 = "identityMaxMemoryUsage",
        identity_max_memory_limit: i64 = "identityMaxMemoryLimit",
        identity_max_defined_memory_limit: i64 = "identityMaxDefinedMemoryLimit",
        identity_max_cpu_threshold: i64 = "identityMaxCpuThreshold",
    }
}
