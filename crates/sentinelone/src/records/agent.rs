//! Agents.

use std::borrow::Cow;

use crate::json::Json;
use crate::records::choice::{
    AppsVulnerabilityStatus, LocationScope, LocationType, MachineType, MigrationStatus, MitigationMode, NetworkStatus,
    OsArch, OsType, RangerStatus, ScanStatus,
};
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// An agent: one installation on one machine (vendor spec, `GET /agents`).
    Agent + drift {
        id: Id<'a> = "id",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        group_updated_at: Micros = "groupUpdatedAt",
        policy_updated_at: Micros = "policyUpdatedAt",
        account_id: Id<'a> = "accountId",
        account_name: Cow<'a, str> = "accountName",
        site_id: Id<'a> = "siteId",
        site_name: Cow<'a, str> = "siteName",
        group_id: Id<'a> = "groupId",
        group_name: Cow<'a, str> = "groupName",
        license_key: Cow<'a, str> = "licenseKey",
        uuid: Cow<'a, str> = "uuid",
        agent_version: Cow<'a, str> = "agentVersion",
        network_interfaces: Vec<Interface<'a>> = "networkInterfaces",
        domain: Cow<'a, str> = "domain",
        computer_name: Cow<'a, str> = "computerName",
        os_name: Cow<'a, str> = "osName",
        os_revision: Cow<'a, str> = "osRevision",
        os_arch: OsArch = "osArch",
        os_username: Cow<'a, str> = "osUsername",
        os_start_time: Micros = "osStartTime",
        os_type: OsType = "osType",
        total_memory: i64 = "totalMemory",
        model_name: Cow<'a, str> = "modelName",
        machine_type: MachineType = "machineType",
        cpu_id: Cow<'a, str> = "cpuId",
        cpu_count: i64 = "cpuCount",
        core_count: i64 = "coreCount",
        external_ip: Cow<'a, str> = "externalIp",
        group_ip: Cow<'a, str> = "groupIp",
        active_threats: i64 = "activeThreats",
        infected: bool = "infected",
        threat_reboot_required: bool = "threatRebootRequired",
        last_active_date: Micros = "lastActiveDate",
        is_active: bool = "isActive",
        is_up_to_date: bool = "isUpToDate",
        network_status: NetworkStatus = "networkStatus",
        registered_at: Micros = "registeredAt",
        is_pending_uninstall: bool = "isPendingUninstall",
        is_uninstalled: bool = "isUninstalled",
        is_decommissioned: bool = "isDecommissioned",
        encrypted_applications: bool = "encryptedApplications",
        last_logged_in_user_name: Cow<'a, str> = "lastLoggedInUserName",
        active_directory: Box<ActiveDirectory<'a>> = "activeDirectory",
        scan_status: ScanStatus = "scanStatus",
        scan_started_at: Micros = "scanStartedAt",
        scan_finished_at: Micros = "scanFinishedAt",
        scan_aborted_at: Micros = "scanAbortedAt",
        full_disk_scan_last_updated_at: Micros = "fullDiskScanLastUpdatedAt",
        mitigation_mode: MitigationMode = "mitigationMode",
        mitigation_mode_suspicious: MitigationMode = "mitigationModeSuspicious",
        user_actions_needed: Vec<Cow<'a, str>> = "userActionsNeeded",
        missing_permissions: Vec<Cow<'a, str>> = "missingPermissions",
        console_migration_status: MigrationStatus = "consoleMigrationStatus",
        apps_vulnerability_status: AppsVulnerabilityStatus = "appsVulnerabilityStatus",
        in_remote_shell_session: bool = "inRemoteShellSession",
        allow_remote_shell: bool = "allowRemoteShell",
        locations: Vec<Location<'a>> = "locations",
        location_type: LocationType = "locationType",
        external_id: Id<'a> = "externalId",
        serial_number: Cow<'a, str> = "serialNumber",
        machine_sid: Cow<'a, str> = "machineSid",
        installer_type: Cow<'a, str> = "installerType",
        ranger_version: Cow<'a, str> = "rangerVersion",
        ranger_status: RangerStatus = "rangerStatus",
        last_ip_to_mgmt: Cow<'a, str> = "lastIpToMgmt",
        operational_state: Cow<'a, str> = "operationalState",
        operational_state_expiration: Micros = "operationalStateExpiration",
        remote_profiling_state: Cow<'a, str> = "remoteProfilingState",
        remote_profiling_state_expiration: Micros = "remoteProfilingStateExpiration",
        network_quarantine_enabled: bool = "networkQuarantineEnabled",
        firewall_enabled: bool = "firewallEnabled",
        location_enabled: bool = "locationEnabled",
        cloud_providers: Json<'a> = "cloudProviders",
        storage_type: Cow<'a, str> = "storageType",
        storage_name: Cow<'a, str> = "storageName",
        detection_state: Cow<'a, str> = "detectionState",
        first_full_mode_time: Micros = "firstFullModeTime",
        tags: AgentTags<'a> = "tags",
        show_alert_icon: bool = "showAlertIcon",
        last_successful_scan_date: Micros = "lastSuccessfulScanDate",
        proxy_states: Box<ProxyStates<'a>> = "proxyStates",
        containerized_workload_counts: WorkloadCounts<'a> = "containerizedWorkloadCounts",
        has_containerized_workload: bool = "hasContainerizedWorkload",
        is_ad_connector: bool = "isAdConnector",
        is_hyper_automate: bool = "isHyperAutomate",
        active_protection: Vec<Cow<'a, str>> = "activeProtection",
    }
}

record! {
    /// A network interface of an agent.
    Interface {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        physical: Cow<'a, str> = "physical",
        inet: Vec<Cow<'a, str>> = "inet",
        inet6: Vec<Cow<'a, str>> = "inet6",
        gateway_mac_address: Cow<'a, str> = "gatewayMacAddress",
        gateway_ip: Cow<'a, str> = "gatewayIp",
    }
}

record! {
    /// What a directory says about a machine and its last user.
    ActiveDirectory {
        last_user_distinguished_name: Cow<'a, str> = "lastUserDistinguishedName",
        last_user_member_of: Vec<Cow<'a, str>> = "lastUserMemberOf",
        computer_distinguished_name: Cow<'a, str> = "computerDistinguishedName",
        computer_member_of: Vec<Cow<'a, str>> = "computerMemberOf",
        user_principal_name: Cow<'a, str> = "userPrincipalName",
        mail: Cow<'a, str> = "mail",
    }
}

record! {
    /// A location an agent was found at.
    Location {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        scope: LocationScope = "scope",
    }
}

record! {
    /// The tags of an agent, by who made them.
    AgentTags {
        sentinelone: Vec<Tag<'a>> = "sentinelone",
    }
}

record! {
    /// A tag of an agent.
    Tag {
        id: Id<'a> = "id",
        key: Cow<'a, str> = "key",
        value: Cow<'a, str> = "value",
        assigned_at: Micros = "assignedAt",
        assigned_by: Cow<'a, str> = "assignedBy",
        assigned_by_id: Id<'a> = "assignedById",
    }
}

record! {
    /// How an agent reaches the console.
    ProxyStates {
        console: bool = "console",
        deep_visibility: bool = "deepVisibility",
        pac_file_usage: bool = "pacFileUsage",
        proxy_method: Cow<'a, str> = "proxyMethod",
        console_proxy_address: Cow<'a, str> = "consoleProxyAddress",
        deep_visibility_proxy_address: Cow<'a, str> = "deepVisibilityProxyAddress",
    }
}

record! {
    /// How many containers an agent watches.
    WorkloadCounts {
        pods_count: i64 = "podsCount",
        containers_count: i64 = "containersCount",
        tasks_count: i64 = "tasksCount",
    }
}
