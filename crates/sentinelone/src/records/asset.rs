//! Assets and devices, with or without an agent.

use std::borrow::Cow;

use crate::json::Json;
use crate::records::choice::{
    AssetCategory, AssetCriticality, AssetRiskFactor, AssetStatus, AssetSurface, Coverage, DeviceReview,
    InfectionStatus,
};
use crate::records::lenient::{Id, record};
use crate::records::threat::EcsInfo;
use crate::time::Micros;

record! {
    /// An asset: a machine, cloud resource, identity or device that some surface saw (vendor spec, `GET /xdr/assets`).
    Asset + drift {
        id: Id<'a> = "id",
        /// Ids elsewhere, such as `EPP:<management>:<agent>`.
        id_secondary: Vec<Cow<'a, str>> = "idSecondary",
        name: Cow<'a, str> = "name",
        category: AssetCategory = "category",
        sub_category: Cow<'a, str> = "subCategory",
        resource_type: Cow<'a, str> = "resourceType",
        surfaces: Vec<AssetSurface> = "surfaces",
        asset_status: AssetStatus = "assetStatus",
        infection_status: InfectionStatus = "infectionStatus",
        asset_criticality: AssetCriticality = "assetCriticality",
        asset_environment: Cow<'a, str> = "assetEnvironment",
        asset_contact_email: Cow<'a, str> = "assetContactEmail",
        risk_factors: Vec<AssetRiskFactor> = "riskFactors",
        active_coverage: Vec<Coverage> = "activeCoverage",
        missing_coverage: Vec<Coverage> = "missingCoverage",
        device_review: DeviceReview = "deviceReview",
        device_review_log: Vec<AssetReview<'a>> = "deviceReviewLog",
        first_seen_dt: Micros = "firstSeenDt",
        last_active_dt: Micros = "lastActiveDt",
        last_update_dt: Micros = "lastUpdateDt",
        last_reboot_dt: Micros = "lastRebootDt",
        created_time: Cow<'a, str> = "createdTime",
        s1_updated_at: Cow<'a, str> = "s1UpdatedAt",
        agent: Box<AssetAgent<'a>> = "agent",
        alerts: Vec<AssetAlerts<'a>> = "alerts",
        alerts_count: Vec<AssetAlerts<'a>> = "alertsCount",
        tags: Vec<AssetTag<'a>> = "tags",
        notes: Vec<AssetNote<'a>> = "notes",
        identity: AssetIdentity<'a> = "identity",
        manufacturer: Cow<'a, str> = "manufacturer",
        model_name: Cow<'a, str> = "modelName",
        serial_number: Cow<'a, str> = "serialNumber",
        cpu: Cow<'a, str> = "cpu",
        os_username: Cow<'a, str> = "osUsername",
        previous_os_type: Cow<'a, str> = "previousOsType",
        previous_os_version: Cow<'a, str> = "previousOsVersion",
        previous_device_function: Cow<'a, str> = "previousDeviceFunction",
        network_name: Cow<'a, str> = "networkName",
        network_names: Vec<Cow<'a, str>> = "networkNames",
        tcp_ports: Vec<Cow<'a, str>> = "tcpPorts",
        udp_ports: Vec<Cow<'a, str>> = "udpPorts",
        discovery_methods: Vec<Cow<'a, str>> = "discoveryMethods",
        detected_from_site: Cow<'a, str> = "detectedFromSite",
        ranger_tags: Vec<Cow<'a, str>> = "rangerTags",
        epp_unsupported_unknown: Cow<'a, str> = "eppUnsupportedUnknown",
        legacy_identity_policy_name: Cow<'a, str> = "legacyIdentityPolicyName",
        is_ad_connector: bool = "isAdConnector",
        is_dc_server: bool = "isDcServer",
        ads_enabled: bool = "adsEnabled",
        region: Cow<'a, str> = "region",
        cloud_resource_id: Id<'a> = "cloudResourceId",
        cloud_resource_uid: Id<'a> = "cloudResourceUid",
        cloud_tags: Vec<Json<'a>> = "cloudTags",
        cloud_provider_account_id: Id<'a> = "cloudProviderAccountId",
        cloud_provider_account_name: Cow<'a, str> = "cloudProviderAccountName",
        cloud_provider_organization: Cow<'a, str> = "cloudProviderOrganization",
        cloud_provider_organization_unit: Cow<'a, str> = "cloudProviderOrganizationUnit",
        cloud_provider_organization_unit_path: Cow<'a, str> = "cloudProviderOrganizationUnitPath",
        cloud_provider_project_id: Id<'a> = "cloudProviderProjectId",
        cloud_provider_resource_group: Cow<'a, str> = "cloudProviderResourceGroup",
        cloud_provider_subscription_id: Id<'a> = "cloudProviderSubscriptionId",
        cloud_provider_url_string: Cow<'a, str> = "cloudProviderUrlString",
        aws_ecs_info: EcsInfo<'a> = "awsEcsInfo",
        source_json: Json<'a> = "sourceJson",
        s1_management_id: Id<'a> = "s1ManagementId",
        s1_account_id: Id<'a> = "s1AccountId",
        s1_account_name: Cow<'a, str> = "s1AccountName",
        s1_site_id: Id<'a> = "s1SiteId",
        s1_site_name: Cow<'a, str> = "s1SiteName",
        s1_group_id: Id<'a> = "s1GroupId",
        s1_group_name: Cow<'a, str> = "s1GroupName",
        s1_scope_id: Id<'a> = "s1ScopeId",
        s1_scope_level: Cow<'a, str> = "s1ScopeLevel",
        s1_scope_path: Cow<'a, str> = "s1ScopePath",
        s1_scope_type: i64 = "s1ScopeType",
        s1_onboarded_account_id: Id<'a> = "s1OnboardedAccountId",
        s1_onboarded_account_name: Cow<'a, str> = "s1OnboardedAccountName",
        s1_onboarded_site_id: Id<'a> = "s1OnboardedSiteId",
        s1_onboarded_site_name: Cow<'a, str> = "s1OnboardedSiteName",
        s1_onboarded_group_id: Id<'a> = "s1OnboardedGroupId",
        s1_onboarded_group_name: Cow<'a, str> = "s1OnboardedGroupName",
        s1_onboarded_scope_id: Id<'a> = "s1OnboardedScopeId",
        s1_onboarded_scope_level: Cow<'a, str> = "s1OnboardedScopeLevel",
        s1_onboarded_scope_path: Cow<'a, str> = "s1OnboardedScopePath",
    }
}

record! {
    /// The agent of an asset; most of what is empty is `""`.
    AssetAgent {
        id: Id<'a> = "id",
        uuid: Cow<'a, str> = "uuid",
        agent_version: Cow<'a, str> = "agentVersion",
        installer_type: Cow<'a, str> = "installerType",
        customer_identifier: Cow<'a, str> = "customerIdentifier",
        subscribe_on_dt: Micros = "subscribeOnDt",
        up_to_date: bool = "upToDate",
        decommissioned: bool = "decommissioned",
        uninstalled: bool = "uninstalled",
        pending_uninstall: bool = "pendingUninstall",
        pending_upgrade: bool = "pendingUpgrade",
        pending_actions: Vec<Cow<'a, str>> = "pendingActions",
        missing_permissions: Vec<Cow<'a, str>> = "missingPermissions",
        health_status: Cow<'a, str> = "healthStatus",
        operational_state: Cow<'a, str> = "operationalState",
        operational_state_expiration_time_dt: Micros = "operationalStateExpirationTimeDt",
        remote_profiling_state: Cow<'a, str> = "remoteProfilingState",
        detection_state: Cow<'a, str> = "detectionState",
        anti_tampering_status: Cow<'a, str> = "antiTamperingStatus",
        console_connectivity: bool = "consoleConnectivity",
        console_migration_status: Cow<'a, str> = "consoleMigrationStatus",
        network_status: Cow<'a, str> = "networkStatus",
        last_reported_ip: Cow<'a, str> = "lastReportedIp",
        last_logged_in_user: Cow<'a, str> = "lastLoggedInUser",
        dv_connectivity: Cow<'a, str> = "dvConnectivity",
        dv_connectivity_last_updated_dt: Micros = "dvConnectivityLastUpdatedDt",
        idr_connectivity: bool = "idrConnectivity",
        ranger_status: Cow<'a, str> = "rangerStatus",
        ranger_version: Cow<'a, str> = "rangerVersion",
        firewall_status: bool = "firewallStatus",
        configurable_network_quarantine: bool = "configurableNetworkQuarantine",
        has_local_config: bool = "hasLocalConfig",
        disk_encryption: bool = "diskEncryption",
        full_disk_scan_dt: Micros = "fullDiskScanDt",
        location: Vec<Cow<'a, str>> = "location",
        location_awareness: bool = "locationAwareness",
        k8s_namespace: Cow<'a, str> = "k8sNamespace",
        k8s_pod: Cow<'a, str> = "k8sPod",
        vss_protection_status: Cow<'a, str> = "vssProtectionStatus",
        vss_rollback_status: Cow<'a, str> = "vssRollbackStatus",
        vss_service_status: Cow<'a, str> = "vssServiceStatus",
        vss_last_snapshot_dt: Micros = "vssLastSnapshotDt",
        vss_volumes: Vec<Json<'a>> = "vssVolumes",
        disk_metrics: Vec<Json<'a>> = "diskMetrics",
    }
}

record! {
    /// A change of what people think of a device.
    AssetReview {
        previous: Cow<'a, str> = "previous",
        current: Cow<'a, str> = "current",
        reason: Cow<'a, str> = "reason",
        username: Cow<'a, str> = "username",
        updated_time_dt: Micros = "updatedTimeDt",
        /// The vendor does not say in which unit.
        updated_time: i64 = "updatedTime",
    }
}

record! {
    /// Alerts of an asset, usually how many of one severity.
    AssetAlerts {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        count: i64 = "count",
        severity: Cow<'a, str> = "severity",
        status: Cow<'a, str> = "status",
        classification: Cow<'a, str> = "classification",
        activity: Cow<'a, str> = "activity",
        attacks: Vec<Json<'a>> = "attacks",
        detected_at: Cow<'a, str> = "detectedAt",
        /// The vendor does not say in which unit.
        time: i64 = "time",
    }
}

record! {
    /// A tag of an asset; recorded, and absent from the vendor's specification.
    AssetTag {
        id: Id<'a> = "id",
        key: Cow<'a, str> = "key",
        value: Cow<'a, str> = "value",
        key_value: Cow<'a, str> = "key_value",
        source: Cow<'a, str> = "source",
        read_only: bool = "read_only",
        reserved: bool = "reserved",
    }
}

record! {
    /// What someone wrote about an asset.
    AssetNote {
        id: Id<'a> = "id",
        resource_id: Id<'a> = "resourceId",
        note: Cow<'a, str> = "note",
        user_id: Id<'a> = "userId",
        user_name: Cow<'a, str> = "userName",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
    }
}

record! {
    /// What a directory says about an asset.
    AssetIdentity {
        ad_machine_distinguished_name: Cow<'a, str> = "adMachineDistinguishedName",
        ad_machine_membership: Vec<Cow<'a, str>> = "adMachineMembership",
        ad_user_distinguished_name: Cow<'a, str> = "adUserDistinguishedName",
        ad_user_membership: Vec<Cow<'a, str>> = "adUserMembership",
    }
}

record! {
    /// A device that agents saw on their network (vendor spec, `GET /ranger/table-view`).
    RangerDevice + drift {
        id: Id<'a> = "id",
        /// The agent on it, if it has one.
        agent_id: Id<'a> = "agentId",
        managed_state: Cow<'a, str> = "managedState",
        device_type: Cow<'a, str> = "deviceType",
        device_function: Cow<'a, str> = "deviceFunction",
        device_review: Cow<'a, str> = "deviceReview",
        device_review_log: Vec<RangerReview<'a>> = "deviceReviewLog",
        first_seen: Micros = "firstSeen",
        last_seen: Micros = "lastSeen",
        os_type: Cow<'a, str> = "osType",
        os_name: Cow<'a, str> = "osName",
        os_version: Cow<'a, str> = "osVersion",
        manufacturer: Cow<'a, str> = "manufacturer",
        hostnames: Vec<Cow<'a, str>> = "hostnames",
        domain: Cow<'a, str> = "domain",
        local_ip: Cow<'a, str> = "localIp",
        external_ip: Cow<'a, str> = "externalIp",
        ip_addresses: Vec<Cow<'a, str>> = "ipAddresses",
        mac_address: Cow<'a, str> = "macAddress",
        network_name: Cow<'a, str> = "networkName",
        subnet_address: Cow<'a, str> = "subnetAddress",
        gateway_ip_address: Cow<'a, str> = "gatewayIpAddress",
        gateway_mac_address: Cow<'a, str> = "gatewayMacAddress",
        networks: Vec<RangerNetwork<'a>> = "networks",
        tcp_ports: Vec<i64> = "tcpPorts",
        udp_ports: Vec<i64> = "udpPorts",
        discovery_methods: Vec<Cow<'a, str>> = "discoveryMethods",
        finger_print_score: i64 = "fingerPrintScore",
        has_identity: bool = "hasIdentity",
        site_name: Cow<'a, str> = "siteName",
        tags: Vec<RangerTag<'a>> = "tags",
        has_user_label: bool = "hasUserLabel",
        label_user_name: Cow<'a, str> = "labelUserName",
        label_updated_at: Micros = "labelUpdatedAt",
        previous_device_function: Cow<'a, str> = "previousDeviceFunction",
        previous_os_type: Cow<'a, str> = "previousOsType",
        previous_os_version: Cow<'a, str> = "previousOsVersion",
    }
}

record! {
    /// A change of what people think of a device.
    RangerReview {
        previous: Cow<'a, str> = "previous",
        current: Cow<'a, str> = "current",
        updated_at: Micros = "updatedAt",
        username: Cow<'a, str> = "username",
        reason: Cow<'a, str> = "reason",
        reason_details: Cow<'a, str> = "reasonDetails",
    }
}

record! {
    /// A network that a device was seen on.
    RangerNetwork {
        ip: Cow<'a, str> = "ip",
        external_ip: Cow<'a, str> = "externalIp",
        network_name: Cow<'a, str> = "networkName",
        subnet_address: Cow<'a, str> = "subnetAddress",
        gateway_ip_address: Cow<'a, str> = "gatewayIpAddress",
        gateway_mac_address: Cow<'a, str> = "gatewayMacAddress",
    }
}

record! {
    /// A tag of a device.
    RangerTag {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        description: Cow<'a, str> = "description",
        kind: Cow<'a, str> = "kind",
    }
}
