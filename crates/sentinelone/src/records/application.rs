//! Applications, their vulnerabilities and how they are looked for.

use std::borrow::Cow;

use crate::json::Json;
use crate::records::choice::{
    ApplicationType, ExploitCodeMaturity, MachineType, NetworkStatus, OsArch, OsType, RemediationLevel,
    ReportConfidence, RiskLevel, RiskMitigation, RiskSeverity, RiskStatus, ScanResult, Weekday,
};
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// An application on one machine, in the older form (vendor spec, `GET /installed-applications`).
    InstalledApplication + drift {
        id: Id<'a> = "id",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        kind: ApplicationType = "type",
        name: Cow<'a, str> = "name",
        version: Cow<'a, str> = "version",
        publisher: Cow<'a, str> = "publisher",
        os_type: OsType = "osType",
        installed_at: Micros = "installedAt",
        /// The vendor does not say in which unit.
        size: i64 = "size",
        signed: bool = "signed",
        risk_level: RiskLevel = "riskLevel",
        agent_id: Id<'a> = "agentId",
        agent_machine_type: MachineType = "agentMachineType",
        agent_uuid: Cow<'a, str> = "agentUuid",
        agent_computer_name: Cow<'a, str> = "agentComputerName",
        agent_domain: Cow<'a, str> = "agentDomain",
        agent_version: Cow<'a, str> = "agentVersion",
        agent_os_type: OsType = "agentOsType",
        agent_network_status: NetworkStatus = "agentNetworkStatus",
        agent_is_decommissioned: bool = "agentIsDecommissioned",
        agent_is_active: bool = "agentIsActive",
        agent_infected: bool = "agentInfected",
        agent_operational_state: Cow<'a, str> = "agentOperationalState",
    }
}

record! {
    /// An application of the agent that was asked for, in the oldest form; rows have no id and several may be equal
    /// (vendor spec, `GET /agents/applications`).
    AgentApplication + drift {
        name: Cow<'a, str> = "name",
        /// An empty text if nobody is known.
        publisher: Cow<'a, str> = "publisher",
        version: Cow<'a, str> = "version",
        /// The vendor does not say in which unit.
        size: i64 = "size",
        installed_date: Micros = "installedDate",
    }
}

record! {
    /// A vulnerability of an application, in the older form; the row does not say of which (vendor spec,
    /// `GET /installed-applications/cves`).
    InstalledApplicationCve + drift {
        id: Id<'a> = "id",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        cve_id: Cow<'a, str> = "cveId",
        /// A number; the newer form has texts.
        score: Json<'a> = "score",
        risk_level: RiskLevel = "riskLevel",
        description: Cow<'a, str> = "description",
        published_at: Micros = "publishedAt",
        link: Cow<'a, str> = "link",
    }
}

record! {
    /// A product of the application inventory; name and vendor are its identity (vendor spec,
    /// `GET /application-management/inventory`).
    Application + drift {
        application_name: Cow<'a, str> = "applicationName",
        /// HTML-escaped.
        application_vendor: Cow<'a, str> = "applicationVendor",
        application_versions_count: i64 = "applicationVersionsCount",
        endpoints_count: i64 = "endpointsCount",
        /// Whether the counts are approximate.
        estimate: bool = "estimate",
    }
}

record! {
    /// One version of a product on one machine (vendor spec, `GET /application-management/inventory/endpoints`).
    ApplicationEndpoint + drift {
        id: Id<'a> = "id",
        application_name: Cow<'a, str> = "applicationName",
        version: Cow<'a, str> = "version",
        cpe: Cow<'a, str> = "cpe",
        detection_date: Micros = "detectionDate",
        application_installation_date: Micros = "applicationInstallationDate",
        application_installation_path: Cow<'a, str> = "applicationInstallationPath",
        /// The vendor does not say in which unit.
        file_size: i64 = "fileSize",
        endpoint_id: Id<'a> = "endpointId",
        endpoint_uuid: Cow<'a, str> = "endpointUuid",
        endpoint_name: Cow<'a, str> = "endpointName",
        endpoint_type: MachineType = "endpointType",
        os_type: OsType = "osType",
        os_name: Cow<'a, str> = "osName",
        os_version: Cow<'a, str> = "osVersion",
        os_arch: OsArch = "osArch",
        cpu_count: i64 = "cpuCount",
        core_count: i64 = "coreCount",
        account_name: Cow<'a, str> = "accountName",
        site_name: Cow<'a, str> = "siteName",
        group_name: Cow<'a, str> = "groupName",
    }
}

record! {
    /// A vulnerability of one version of an application on one machine (vendor spec, `GET /application-management/risks`).
    ///
    /// The time by which the console filters changes, `riskUpdatedDate`, is not in the record.
    Risk + drift {
        id: Id<'a> = "id",
        status: RiskStatus = "status",
        cve_id: Cow<'a, str> = "cveId",
        severity: RiskSeverity = "severity",
        /// A decimal number as text, such as `7.10`.
        base_score: Cow<'a, str> = "baseScore",
        cvss_version: Cow<'a, str> = "cvssVersion",
        /// A decimal number as text; depends on the licence, as do all fields up to `mitigationStatusReason`.
        nvd_base_score: Cow<'a, str> = "nvdBaseScore",
        nvd_cvss_version: Cow<'a, str> = "nvdCvssVersion",
        risk_score: Cow<'a, str> = "riskScore",
        exploit_code_maturity: ExploitCodeMaturity = "exploitCodeMaturity",
        remediation_level: RemediationLevel = "remediationLevel",
        report_confidence: ReportConfidence = "reportConfidence",
        mitigation_status: RiskMitigation = "mitigationStatus",
        mitigation_status_change_time: Micros = "mitigationStatusChangeTime",
        mitigation_status_changed_by: Cow<'a, str> = "mitigationStatusChangedBy",
        mitigation_status_reason: Cow<'a, str> = "mitigationStatusReason",
        application: Cow<'a, str> = "application",
        application_name: Cow<'a, str> = "applicationName",
        /// HTML-escaped.
        application_vendor: Cow<'a, str> = "applicationVendor",
        application_version: Cow<'a, str> = "applicationVersion",
        endpoint_id: Id<'a> = "endpointId",
        endpoint_name: Cow<'a, str> = "endpointName",
        endpoint_type: MachineType = "endpointType",
        os_type: OsType = "osType",
        detection_date: Micros = "detectionDate",
        days_detected: i64 = "daysDetected",
        published_date: Micros = "publishedDate",
        last_scan_date: Micros = "lastScanDate",
        last_scan_result: ScanResult = "lastScanResult",
        /// An empty text, null or an object.
        mark_type: Json<'a> = "markType",
        marked_by: Cow<'a, str> = "markedBy",
        marked_date: Micros = "markedDate",
        reason: Cow<'a, str> = "reason",
    }
}

record! {
    /// How a scope looks for vulnerabilities (vendor spec, `GET /application-management/settings`).
    ApplicationSettings + drift {
        vulnerabilities_scan_enabled: bool = "vulnerabilitiesScanEnabled",
        extensive_scan_enabled: bool = "extensiveScanEnabled",
        extensive_linux_scan_enabled: bool = "extensiveLinuxScanEnabled",
        scan_schedule: ScanSchedule<'a> = "scanSchedule",
        inherited_from: Cow<'a, str> = "inheritedFrom",
        is_default_policy: bool = "isDefaultPolicy",
        has_breaking_inheritance: bool = "hasBreakingInheritance",
    }
}

record! {
    /// When the vulnerability scan runs.
    ScanSchedule {
        scan_every: i64 = "scanEvery",
        repeat_on: Weekday = "repeatOn",
        time: Cow<'a, str> = "time",
        timezone: Cow<'a, str> = "timezone",
    }
}
