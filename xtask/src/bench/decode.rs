//! The decode limit: whoever reads these pages as JSON pays at least for decoding them.
//!
//! Measured twice: `serde_json` with structures that have the members of the product's own records, which is what the
//! goals mean by it, and the product's own reader, which is faster.

use std::borrow::Cow;

use anyhow::Context;
use sentinelone::{Client, Console, HttpOptions, HttpTransport, Page, Request, Token, Transport};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Pages that are decoded, and how often.
const PAGES: usize = 10;
const TIMES: usize = 40;

/// What is decoded.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `GET /agents`.
    Agents,
    /// `GET /activities`.
    Activities,
    /// `GET /installed-applications`.
    Applications,
    /// `GET /application-management/risks`.
    Risks,
}

/// Records that a CPU second decodes.
#[derive(Clone, Copy)]
pub struct Limit {
    /// By `serde_json`, typed.
    pub serde: f64,
    /// By the product's own reader.
    pub own: f64,
}

/// Decodes pages of a console, and counts.
pub fn limit(url: &str, token: &str, kind: Kind) -> anyhow::Result<Limit> {
    let pages = pages(url, token, kind)?;
    Ok(Limit {
        serde: rate(&pages, |raw| match kind {
            Kind::Agents => by_serde::<Agent<'_>>(raw),
            Kind::Activities => by_serde::<Activity<'_>>(raw),
            Kind::Applications => by_serde::<InstalledApplication<'_>>(raw),
            Kind::Risks => by_serde::<Risk<'_>>(raw),
        })?,
        own: rate(&pages, |raw| {
            use sentinelone::records;
            match kind {
                Kind::Agents => drop(std::hint::black_box(records::Agent::decode(raw)?)),
                Kind::Activities => drop(std::hint::black_box(records::Activity::decode(raw)?)),
                Kind::Applications => drop(std::hint::black_box(records::InstalledApplication::decode(raw)?)),
                Kind::Risks => drop(std::hint::black_box(records::Risk::decode(raw)?)),
            }
            Ok(())
        })?,
    })
}

fn by_serde<'a, T: Deserialize<'a>>(raw: &'a [u8]) -> anyhow::Result<()> {
    drop(std::hint::black_box(serde_json::from_slice::<T>(raw).context("a record of another type")?));
    Ok(())
}

fn rate(pages: &[Page], mut decode: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let before = super::own_cpu();
    let mut decoded: u64 = 0;
    for _ in 0..TIMES {
        for page in pages {
            for raw in page.records() {
                decode(raw)?;
                decoded += 1;
            }
        }
    }
    Ok(decoded as f64 / (super::own_cpu() - before).max(0.01))
}

fn pages(url: &str, token: &str, kind: Kind) -> anyhow::Result<Vec<Page>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let transport = Transport::Http(HttpTransport::new(HttpOptions::default())?);
    let client = Client::new(Console::parse(url)?, Token::parse(token)?, transport);
    let request = match kind {
        Kind::Agents => Request::agents(),
        Kind::Activities => Request::activities(),
        Kind::Applications => Request::installed_applications(),
        Kind::Risks => Request::risks(),
    };
    let request = request.limit(1000);
    let mut pages = Vec::new();
    runtime.block_on(async {
        let mut cursor = None;
        for _ in 0..PAGES {
            let page = client.page(&request, cursor.as_deref()).await?;
            cursor.clone_from(&page.next_cursor);
            pages.push(page);
            if cursor.is_none() {
                break;
            }
        }
        anyhow::Ok(())
    })?;
    Ok(pages)
}

/// A text that borrows from the page where it can.
#[derive(Deserialize)]
#[serde(transparent)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct Agent<'a> {
    #[serde(borrow, rename = "id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "createdAt")]
    created_at: Option<Text<'a>>,
    #[serde(borrow, rename = "updatedAt")]
    updated_at: Option<Text<'a>>,
    #[serde(borrow, rename = "groupUpdatedAt")]
    group_updated_at: Option<Text<'a>>,
    #[serde(borrow, rename = "policyUpdatedAt")]
    policy_updated_at: Option<Text<'a>>,
    #[serde(borrow, rename = "accountId")]
    account_id: Option<Text<'a>>,
    #[serde(borrow, rename = "accountName")]
    account_name: Option<Text<'a>>,
    #[serde(borrow, rename = "siteId")]
    site_id: Option<Text<'a>>,
    #[serde(borrow, rename = "siteName")]
    site_name: Option<Text<'a>>,
    #[serde(borrow, rename = "groupId")]
    group_id: Option<Text<'a>>,
    #[serde(borrow, rename = "groupName")]
    group_name: Option<Text<'a>>,
    #[serde(borrow, rename = "licenseKey")]
    license_key: Option<Text<'a>>,
    #[serde(borrow, rename = "uuid")]
    uuid: Option<Text<'a>>,
    #[serde(borrow, rename = "agentVersion")]
    agent_version: Option<Text<'a>>,
    #[serde(borrow, rename = "networkInterfaces")]
    network_interfaces: Option<Vec<Interface<'a>>>,
    #[serde(borrow, rename = "domain")]
    domain: Option<Text<'a>>,
    #[serde(borrow, rename = "computerName")]
    computer_name: Option<Text<'a>>,
    #[serde(borrow, rename = "osName")]
    os_name: Option<Text<'a>>,
    #[serde(borrow, rename = "osRevision")]
    os_revision: Option<Text<'a>>,
    #[serde(borrow, rename = "osArch")]
    os_arch: Option<Text<'a>>,
    #[serde(borrow, rename = "osUsername")]
    os_username: Option<Text<'a>>,
    #[serde(borrow, rename = "osStartTime")]
    os_start_time: Option<Text<'a>>,
    #[serde(borrow, rename = "osType")]
    os_type: Option<Text<'a>>,
    #[serde(rename = "totalMemory")]
    total_memory: Option<i64>,
    #[serde(borrow, rename = "modelName")]
    model_name: Option<Text<'a>>,
    #[serde(borrow, rename = "machineType")]
    machine_type: Option<Text<'a>>,
    #[serde(borrow, rename = "cpuId")]
    cpu_id: Option<Text<'a>>,
    #[serde(rename = "cpuCount")]
    cpu_count: Option<i64>,
    #[serde(rename = "coreCount")]
    core_count: Option<i64>,
    #[serde(borrow, rename = "externalIp")]
    external_ip: Option<Text<'a>>,
    #[serde(borrow, rename = "groupIp")]
    group_ip: Option<Text<'a>>,
    #[serde(rename = "activeThreats")]
    active_threats: Option<i64>,
    #[serde(rename = "infected")]
    infected: Option<bool>,
    #[serde(rename = "threatRebootRequired")]
    threat_reboot_required: Option<bool>,
    #[serde(borrow, rename = "lastActiveDate")]
    last_active_date: Option<Text<'a>>,
    #[serde(rename = "isActive")]
    is_active: Option<bool>,
    #[serde(borrow, rename = "isUpToDate")]
    is_up_to_date: Option<&'a RawValue>,
    #[serde(borrow, rename = "networkStatus")]
    network_status: Option<Text<'a>>,
    #[serde(borrow, rename = "registeredAt")]
    registered_at: Option<Text<'a>>,
    #[serde(rename = "isPendingUninstall")]
    is_pending_uninstall: Option<bool>,
    #[serde(rename = "isUninstalled")]
    is_uninstalled: Option<bool>,
    #[serde(rename = "isDecommissioned")]
    is_decommissioned: Option<bool>,
    #[serde(rename = "encryptedApplications")]
    encrypted_applications: Option<bool>,
    #[serde(borrow, rename = "lastLoggedInUserName")]
    last_logged_in_user_name: Option<Text<'a>>,
    #[serde(borrow, rename = "activeDirectory")]
    active_directory: Option<ActiveDirectory<'a>>,
    #[serde(borrow, rename = "scanStatus")]
    scan_status: Option<Text<'a>>,
    #[serde(borrow, rename = "scanStartedAt")]
    scan_started_at: Option<Text<'a>>,
    #[serde(borrow, rename = "scanFinishedAt")]
    scan_finished_at: Option<Text<'a>>,
    #[serde(borrow, rename = "scanAbortedAt")]
    scan_aborted_at: Option<Text<'a>>,
    #[serde(borrow, rename = "fullDiskScanLastUpdatedAt")]
    full_disk_scan_last_updated_at: Option<Text<'a>>,
    #[serde(borrow, rename = "mitigationMode")]
    mitigation_mode: Option<Text<'a>>,
    #[serde(borrow, rename = "mitigationModeSuspicious")]
    mitigation_mode_suspicious: Option<Text<'a>>,
    #[serde(borrow, rename = "userActionsNeeded")]
    user_actions_needed: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "missingPermissions")]
    missing_permissions: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "consoleMigrationStatus")]
    console_migration_status: Option<Text<'a>>,
    #[serde(borrow, rename = "appsVulnerabilityStatus")]
    apps_vulnerability_status: Option<Text<'a>>,
    #[serde(rename = "inRemoteShellSession")]
    in_remote_shell_session: Option<bool>,
    #[serde(rename = "allowRemoteShell")]
    allow_remote_shell: Option<bool>,
    #[serde(borrow, rename = "locations")]
    locations: Option<Vec<Location<'a>>>,
    #[serde(borrow, rename = "locationType")]
    location_type: Option<Text<'a>>,
    #[serde(borrow, rename = "externalId")]
    external_id: Option<Text<'a>>,
    #[serde(borrow, rename = "serialNumber")]
    serial_number: Option<Text<'a>>,
    #[serde(borrow, rename = "machineSid")]
    machine_sid: Option<Text<'a>>,
    #[serde(borrow, rename = "installerType")]
    installer_type: Option<Text<'a>>,
    #[serde(borrow, rename = "rangerVersion")]
    ranger_version: Option<Text<'a>>,
    #[serde(borrow, rename = "rangerStatus")]
    ranger_status: Option<Text<'a>>,
    #[serde(borrow, rename = "lastIpToMgmt")]
    last_ip_to_mgmt: Option<Text<'a>>,
    #[serde(borrow, rename = "operationalState")]
    operational_state: Option<Text<'a>>,
    #[serde(borrow, rename = "operationalStateExpiration")]
    operational_state_expiration: Option<Text<'a>>,
    #[serde(borrow, rename = "remoteProfilingState")]
    remote_profiling_state: Option<Text<'a>>,
    #[serde(borrow, rename = "remoteProfilingStateExpiration")]
    remote_profiling_state_expiration: Option<Text<'a>>,
    #[serde(rename = "networkQuarantineEnabled")]
    network_quarantine_enabled: Option<bool>,
    #[serde(borrow, rename = "firewallEnabled")]
    firewall_enabled: Option<&'a RawValue>,
    #[serde(rename = "locationEnabled")]
    location_enabled: Option<bool>,
    #[serde(borrow, rename = "cloudProviders")]
    cloud_providers: Option<&'a RawValue>,
    #[serde(borrow, rename = "storageType")]
    storage_type: Option<Text<'a>>,
    #[serde(borrow, rename = "storageName")]
    storage_name: Option<Text<'a>>,
    #[serde(borrow, rename = "detectionState")]
    detection_state: Option<Text<'a>>,
    #[serde(borrow, rename = "firstFullModeTime")]
    first_full_mode_time: Option<Text<'a>>,
    #[serde(borrow, rename = "tags")]
    tags: Option<AgentTags<'a>>,
    #[serde(rename = "showAlertIcon")]
    show_alert_icon: Option<bool>,
    #[serde(borrow, rename = "lastSuccessfulScanDate")]
    last_successful_scan_date: Option<Text<'a>>,
    #[serde(borrow, rename = "proxyStates")]
    proxy_states: Option<ProxyStates<'a>>,
    #[serde(rename = "containerizedWorkloadCounts")]
    containerized_workload_counts: Option<WorkloadCounts>,
    #[serde(rename = "hasContainerizedWorkload")]
    has_containerized_workload: Option<bool>,
    #[serde(rename = "isAdConnector")]
    is_ad_connector: Option<bool>,
    #[serde(rename = "isHyperAutomate")]
    is_hyper_automate: Option<bool>,
    #[serde(borrow, rename = "activeProtection")]
    active_protection: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct Interface<'a> {
    #[serde(borrow, rename = "id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "name")]
    name: Option<Text<'a>>,
    #[serde(borrow, rename = "physical")]
    physical: Option<Text<'a>>,
    #[serde(borrow, rename = "inet")]
    inet: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "inet6")]
    inet6: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "gatewayMacAddress")]
    gateway_mac_address: Option<Text<'a>>,
    #[serde(borrow, rename = "gatewayIp")]
    gateway_ip: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct ActiveDirectory<'a> {
    #[serde(borrow, rename = "lastUserDistinguishedName")]
    last_user_distinguished_name: Option<Text<'a>>,
    #[serde(borrow, rename = "lastUserMemberOf")]
    last_user_member_of: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "computerDistinguishedName")]
    computer_distinguished_name: Option<Text<'a>>,
    #[serde(borrow, rename = "computerMemberOf")]
    computer_member_of: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "userPrincipalName")]
    user_principal_name: Option<Text<'a>>,
    #[serde(borrow, rename = "mail")]
    mail: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct Location<'a> {
    #[serde(borrow, rename = "id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "name")]
    name: Option<Text<'a>>,
    #[serde(borrow, rename = "scope")]
    scope: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct AgentTags<'a> {
    #[serde(borrow, rename = "sentinelone")]
    sentinelone: Option<Vec<Tag<'a>>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct Tag<'a> {
    #[serde(borrow, rename = "id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "key")]
    key: Option<Text<'a>>,
    #[serde(borrow, rename = "value")]
    value: Option<Text<'a>>,
    #[serde(borrow, rename = "assignedAt")]
    assigned_at: Option<Text<'a>>,
    #[serde(borrow, rename = "assignedBy")]
    assigned_by: Option<Text<'a>>,
    #[serde(borrow, rename = "assignedById")]
    assigned_by_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct ProxyStates<'a> {
    #[serde(borrow, rename = "console")]
    console: Option<&'a RawValue>,
    #[serde(borrow, rename = "deepVisibility")]
    deep_visibility: Option<&'a RawValue>,
    #[serde(borrow, rename = "pacFileUsage")]
    pac_file_usage: Option<&'a RawValue>,
    #[serde(borrow, rename = "proxyMethod")]
    proxy_method: Option<Text<'a>>,
    #[serde(borrow, rename = "consoleProxyAddress")]
    console_proxy_address: Option<Text<'a>>,
    #[serde(borrow, rename = "deepVisibilityProxyAddress")]
    deep_visibility_proxy_address: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct WorkloadCounts {
    #[serde(rename = "podsCount")]
    pods_count: Option<i64>,
    #[serde(rename = "containersCount")]
    containers_count: Option<i64>,
    #[serde(rename = "tasksCount")]
    tasks_count: Option<i64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct Activity<'a> {
    #[serde(borrow, rename = "id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "activityUuid")]
    activity_uuid: Option<Text<'a>>,
    #[serde(borrow, rename = "createdAt")]
    created_at: Option<Text<'a>>,
    #[serde(borrow, rename = "updatedAt")]
    updated_at: Option<Text<'a>>,
    #[serde(rename = "activityType")]
    activity_type: Option<i64>,
    #[serde(borrow, rename = "data")]
    data: Option<&'a RawValue>,
    #[serde(borrow, rename = "primaryDescription")]
    primary_description: Option<Text<'a>>,
    #[serde(borrow, rename = "secondaryDescription")]
    secondary_description: Option<Text<'a>>,
    #[serde(borrow, rename = "comments")]
    comments: Option<Text<'a>>,
    #[serde(borrow, rename = "osFamily")]
    os_family: Option<Text<'a>>,
    #[serde(borrow, rename = "description")]
    description: Option<Text<'a>>,
    #[serde(borrow, rename = "hash")]
    hash: Option<Text<'a>>,
    #[serde(borrow, rename = "agentUpdatedVersion")]
    agent_updated_version: Option<Text<'a>>,
    #[serde(borrow, rename = "userId")]
    user_id: Option<Text<'a>>,
    #[serde(borrow, rename = "threatId")]
    threat_id: Option<Text<'a>>,
    #[serde(borrow, rename = "agentId")]
    agent_id: Option<Text<'a>>,
    #[serde(borrow, rename = "accountId")]
    account_id: Option<Text<'a>>,
    #[serde(borrow, rename = "siteId")]
    site_id: Option<Text<'a>>,
    #[serde(borrow, rename = "groupId")]
    group_id: Option<Text<'a>>,
    #[serde(borrow, rename = "accountName")]
    account_name: Option<Text<'a>>,
    #[serde(borrow, rename = "siteName")]
    site_name: Option<Text<'a>>,
    #[serde(borrow, rename = "groupName")]
    group_name: Option<Text<'a>>,
    #[serde(borrow, rename = "applications")]
    applications: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct InstalledApplication<'a> {
    #[serde(borrow, rename = "id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "createdAt")]
    created_at: Option<Text<'a>>,
    #[serde(borrow, rename = "updatedAt")]
    updated_at: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, rename = "name")]
    name: Option<Text<'a>>,
    #[serde(borrow, rename = "version")]
    version: Option<Text<'a>>,
    #[serde(borrow, rename = "publisher")]
    publisher: Option<Text<'a>>,
    #[serde(borrow, rename = "osType")]
    os_type: Option<Text<'a>>,
    #[serde(borrow, rename = "installedAt")]
    installed_at: Option<Text<'a>>,
    #[serde(rename = "size")]
    size: Option<i64>,
    #[serde(rename = "signed")]
    signed: Option<bool>,
    #[serde(borrow, rename = "riskLevel")]
    risk_level: Option<Text<'a>>,
    #[serde(borrow, rename = "agentId")]
    agent_id: Option<Text<'a>>,
    #[serde(borrow, rename = "agentMachineType")]
    agent_machine_type: Option<Text<'a>>,
    #[serde(borrow, rename = "agentUuid")]
    agent_uuid: Option<Text<'a>>,
    #[serde(borrow, rename = "agentComputerName")]
    agent_computer_name: Option<Text<'a>>,
    #[serde(borrow, rename = "agentDomain")]
    agent_domain: Option<Text<'a>>,
    #[serde(borrow, rename = "agentVersion")]
    agent_version: Option<Text<'a>>,
    #[serde(borrow, rename = "agentOsType")]
    agent_os_type: Option<Text<'a>>,
    #[serde(borrow, rename = "agentNetworkStatus")]
    agent_network_status: Option<Text<'a>>,
    #[serde(rename = "agentIsDecommissioned")]
    agent_is_decommissioned: Option<bool>,
    #[serde(rename = "agentIsActive")]
    agent_is_active: Option<bool>,
    #[serde(rename = "agentInfected")]
    agent_infected: Option<bool>,
    #[serde(borrow, rename = "agentOperationalState")]
    agent_operational_state: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding it is what is measured")]
struct Risk<'a> {
    #[serde(borrow, rename = "id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "status")]
    status: Option<Text<'a>>,
    #[serde(borrow, rename = "cveId")]
    cve_id: Option<Text<'a>>,
    #[serde(borrow, rename = "severity")]
    severity: Option<Text<'a>>,
    #[serde(borrow, rename = "baseScore")]
    base_score: Option<Text<'a>>,
    #[serde(borrow, rename = "cvssVersion")]
    cvss_version: Option<Text<'a>>,
    #[serde(borrow, rename = "nvdBaseScore")]
    nvd_base_score: Option<Text<'a>>,
    #[serde(borrow, rename = "nvdCvssVersion")]
    nvd_cvss_version: Option<Text<'a>>,
    #[serde(borrow, rename = "riskScore")]
    risk_score: Option<Text<'a>>,
    #[serde(borrow, rename = "exploitCodeMaturity")]
    exploit_code_maturity: Option<Text<'a>>,
    #[serde(borrow, rename = "remediationLevel")]
    remediation_level: Option<Text<'a>>,
    #[serde(borrow, rename = "reportConfidence")]
    report_confidence: Option<Text<'a>>,
    #[serde(borrow, rename = "mitigationStatus")]
    mitigation_status: Option<Text<'a>>,
    #[serde(borrow, rename = "mitigationStatusChangeTime")]
    mitigation_status_change_time: Option<Text<'a>>,
    #[serde(borrow, rename = "mitigationStatusChangedBy")]
    mitigation_status_changed_by: Option<Text<'a>>,
    #[serde(borrow, rename = "mitigationStatusReason")]
    mitigation_status_reason: Option<Text<'a>>,
    #[serde(borrow, rename = "application")]
    application: Option<Text<'a>>,
    #[serde(borrow, rename = "applicationName")]
    application_name: Option<Text<'a>>,
    #[serde(borrow, rename = "applicationVendor")]
    application_vendor: Option<Text<'a>>,
    #[serde(borrow, rename = "applicationVersion")]
    application_version: Option<Text<'a>>,
    #[serde(borrow, rename = "endpointId")]
    endpoint_id: Option<Text<'a>>,
    #[serde(borrow, rename = "endpointName")]
    endpoint_name: Option<Text<'a>>,
    #[serde(borrow, rename = "endpointType")]
    endpoint_type: Option<Text<'a>>,
    #[serde(borrow, rename = "osType")]
    os_type: Option<Text<'a>>,
    #[serde(borrow, rename = "detectionDate")]
    detection_date: Option<Text<'a>>,
    #[serde(rename = "daysDetected")]
    days_detected: Option<i64>,
    #[serde(borrow, rename = "publishedDate")]
    published_date: Option<Text<'a>>,
    #[serde(borrow, rename = "lastScanDate")]
    last_scan_date: Option<Text<'a>>,
    #[serde(borrow, rename = "lastScanResult")]
    last_scan_result: Option<Text<'a>>,
    #[serde(borrow, rename = "markType")]
    mark_type: Option<&'a RawValue>,
    #[serde(borrow, rename = "markedBy")]
    marked_by: Option<Text<'a>>,
    #[serde(borrow, rename = "markedDate")]
    marked_date: Option<Text<'a>>,
    #[serde(borrow, rename = "reason")]
    reason: Option<Text<'a>>,
}
