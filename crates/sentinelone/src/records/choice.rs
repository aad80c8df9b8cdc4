//! The vendor's closed lists of values, each with an arm for what is not on the list.

use std::fmt;

use crate::json::{JsonError, Reader};
use crate::records::lenient::{Lenient, Read};

macro_rules! choice {
    ($( #[doc = $doc:literal] $name:ident { $( $arm:ident = $text:literal, )* } )*) => { $(
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( #[doc = concat!("`", $text, "`")] $arm, )*
            /// A text that this crate does not know.
            Other(String),
        }

        impl $name {
            /// The texts this crate knows.
            pub const KNOWN: &'static [&'static str] = &[ $( $text, )* ];

            /// The text as the console writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self { $( $name::$arm => $text, )* $name::Other(text) => text, }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> $name {
                match text { $( $text => $name::$arm, )* other => $name::Other(other.to_owned()), }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }

        impl<'a> Lenient<'a> for $name {
            fn is_strange(&self) -> bool {
                matches!(self, $name::Other(_))
            }

            fn read(reader: &mut Reader<'a>, first: u8) -> Result<Read<Self>, JsonError> {
                if first != b'"' {
                    return Ok(Read::Odd);
                }
                let text = reader.string()?;
                Ok(if text.is_empty() { Read::Absent } else { Read::Value($name::from(&*text)) })
            }
        }
    )*

        /// Every list by name: its texts, and the same texts after a way through the type and back.
        #[cfg(test)]
        fn lists() -> Vec<(&'static str, Vec<&'static str>, Vec<(String, bool)>)> {
            vec![ $( (
                stringify!($name),
                $name::KNOWN.to_vec(),
                $name::KNOWN
                    .iter()
                    .map(|text| $name::from(*text))
                    .map(|choice| (choice.as_str().to_owned(), matches!(choice, $name::Other(_))))
                    .collect(),
            ), )* ]
        }
    };
}

choice! {
    #[doc = "The family of an operating system (vendor spec, `osType`)."]
    OsType {
        Macos = "macos",
        Windows = "windows",
        WindowsLegacy = "windows_legacy",
        Linux = "linux",
    }
    #[doc = "The width of an operating system."]
    OsArch {
        Bits32 = "32 bit",
        Bits64 = "64 bit",
        Arm64 = "ARM64",
    }
    #[doc = "What kind of machine an agent runs on."]
    MachineType {
        Unknown = "unknown",
        Desktop = "desktop",
        Laptop = "laptop",
        Server = "server",
        KubernetesNode = "kubernetes node",
        Storage = "storage",
        KubernetesPod = "kubernetes pod",
        EcsTask = "ecs task",
        KubernetesHelper = "kubernetes helper",
    }
    #[doc = "Whether the console isolates a machine; it says nothing about whether the agent is alive."]
    NetworkStatus {
        Connected = "connected",
        Disconnected = "disconnected",
        Connecting = "connecting",
        Disconnecting = "disconnecting",
    }
    #[doc = "How far the last full scan came."]
    ScanStatus {
        None = "none",
        Started = "started",
        Aborted = "aborted",
        Finished = "finished",
    }
    #[doc = "Whether an agent acts on what it finds."]
    MitigationMode {
        Detect = "detect",
        Protect = "protect",
    }
    #[doc = "How far an agent's move to another console came."]
    MigrationStatus {
        NotApplicable = "N/A",
        Pending = "Pending",
        Migrated = "Migrated",
        Failed = "Failed",
    }
    #[doc = "Whether applications of a machine need patches."]
    AppsVulnerabilityStatus {
        PatchRequired = "patch_required",
        UpToDate = "up_to_date",
        NotApplicable = "not_applicable",
    }
    #[doc = "How an agent's location was determined."]
    LocationType {
        NotApplicable = "not_applicable",
        NotSupported = "not_supported",
        Specific = "specific",
        Fallback = "fallback",
    }
    #[doc = "At which level a location is defined."]
    LocationScope {
        Site = "site",
        Global = "global",
        Account = "account",
        Group = "group",
    }
    #[doc = "Whether an agent looks for other devices."]
    RangerStatus {
        NotApplicable = "NotApplicable",
        Enabled = "Enabled",
        Disabled = "Disabled",
    }
    #[doc = "What an analyst says about a threat."]
    AnalystVerdict {
        Undefined = "undefined",
        TruePositive = "true_positive",
        FalsePositive = "false_positive",
        Suspicious = "suspicious",
    }
    #[doc = "How far work on a threat came."]
    IncidentStatus {
        Unresolved = "unresolved",
        InProgress = "in_progress",
        Resolved = "resolved",
    }
    #[doc = "Whether a threat is stopped."]
    MitigationStatus {
        NotMitigated = "not_mitigated",
        Mitigated = "mitigated",
        MarkedAsBenign = "marked_as_benign",
    }
    #[doc = "How sure the console is of a threat."]
    ConfidenceLevel {
        Malicious = "malicious",
        Suspicious = "suspicious",
        NotApplicable = "n/a",
    }
    #[doc = "Who classified a threat."]
    ClassificationSource {
        Cloud = "Cloud",
        Behavioral = "Behavioral",
        Static = "Static",
        Engine = "Engine",
    }
    #[doc = "How a threat was detected."]
    DetectionType {
        Static = "static",
        Dynamic = "dynamic",
    }
    #[doc = "What started a detection."]
    InitiatedBy {
        AgentPolicy = "agent_policy",
        FullDiskScan = "full_disk_scan",
        Sentinelctl = "sentinelctl",
        DvCommand = "dv_command",
        ConsoleApi = "console_api",
        OnDemandScan = "on_demand_scan",
        StarActive = "star_active",
        StarManual = "star_manual",
        CloudDetection = "cloud_detection",
        ThreatIntelligence = "threat_intelligence",
        WatchtowerCloudDetection = "watchtower_cloud_detection",
        Multiple = "multiple",
    }
    #[doc = "How a mitigating action went; the only place of the API with a hyphen."]
    ActionStatus {
        Success = "success",
        Failed = "failed",
        PendingReboot = "pending-reboot",
        Pending = "pending",
        Sent = "sent",
        Partial = "partial",
    }
    #[doc = "A mitigating action."]
    Action {
        Kill = "kill",
        Remediate = "remediate",
        Rollback = "rollback",
        Quarantine = "quarantine",
        Unquarantine = "unquarantine",
        NetworkQuarantine = "network_quarantine",
        RemoveMacros = "remove_macros",
        RestoreMacros = "restore_macros",
    }
    #[doc = "Whether an account or site is in use."]
    State {
        Active = "active",
        Expired = "expired",
        Deleted = "deleted",
    }
    #[doc = "Whether an account or site is on trial."]
    LicenseType {
        Trial = "Trial",
        Paid = "Paid",
    }
    #[doc = "What an account is used for."]
    UsageType {
        Customer = "customer",
        Mssp = "mssp",
        Ir = "ir",
    }
    #[doc = "How an account is billed."]
    BillingMode {
        Subscription = "subscription",
        Consumption = "consumption",
    }
    #[doc = "The vendor's package of features."]
    Suite {
        Core = "Core",
        Control = "Control",
        Complete = "Complete",
    }
    #[doc = "How agents get into a group."]
    GroupType {
        Static = "static",
        Dynamic = "dynamic",
        Pinned = "pinned",
    }
    #[doc = "Whether an engine of a policy runs."]
    Switch {
        On = "on",
        Off = "off",
    }
    #[doc = "From which level a policy is inherited; null means own settings."]
    InheritedFrom {
        Site = "site",
        Account = "account",
        Global = "global",
    }
    #[doc = "At which level a user stands."]
    UserScope {
        Tenant = "tenant",
        Account = "account",
        Site = "site",
    }
    #[doc = "Whether a user has a second factor."]
    TwoFaStatus {
        Configured = "configured",
        NotConfigured = "not_configured",
        Enrolled = "enrolled",
        EnrollmentExpired = "enrollment_expired",
    }
    #[doc = "What kind of thing an installed application is."]
    ApplicationType {
        App = "app",
        Kb = "kb",
        Patch = "patch",
        ChromeExtension = "chromeExtension",
        EdgeExtension = "edgeExtension",
        FirefoxExtension = "firefoxExtension",
        SafariExtension = "safariExtension",
    }
    #[doc = "How bad the worst vulnerability of an application is."]
    RiskLevel {
        None = "none",
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
    #[doc = "Whether a vulnerability is still there; the second only if removals were asked for."]
    RiskStatus {
        Detected = "Detected",
        Removed = "Removed",
    }
    #[doc = "How bad a vulnerability is."]
    RiskSeverity {
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
        Critical = "CRITICAL",
    }
    #[doc = "What people decided about a vulnerability."]
    RiskMitigation {
        NotMitigated = "Not mitigated",
        ToBePatched = "To be patched",
        OnHold = "On hold",
    }
    #[doc = "How far exploits of a vulnerability got."]
    ExploitCodeMaturity {
        NotDefined = "Not Defined",
        Unproven = "Unproven",
        ProofOfConcept = "Proof of Concept",
        Functional = "Functional",
        High = "High",
        None = "None",
    }
    #[doc = "What can be done about a vulnerability."]
    RemediationLevel {
        NotDefined = "Not Defined",
        OfficialFix = "Official Fix",
        TemporaryFix = "Temporary Fix",
        Workaround = "Workaround",
        Unavailable = "Unavailable",
        None = "None",
    }
    #[doc = "How sure it is that a vulnerability exists."]
    ReportConfidence {
        NotDefined = "Not Defined",
        Unknown = "Unknown",
        Reasonable = "Reasonable",
        Confirmed = "Confirmed",
        None = "None",
    }
    #[doc = "How the last look for applications went."]
    ScanResult {
        Succeeded = "Succeeded",
        Failed = "Failed",
    }
    #[doc = "A day of the week."]
    Weekday {
        Monday = "Monday",
        Tuesday = "Tuesday",
        Wednesday = "Wednesday",
        Thursday = "Thursday",
        Friday = "Friday",
        Saturday = "Saturday",
        Sunday = "Sunday",
    }
    #[doc = "At which level something is defined."]
    ScopeLevel {
        Global = "global",
        Account = "account",
        Site = "site",
        Group = "group",
    }
    #[doc = "What an exclusion goes by."]
    ExclusionType {
        Path = "path",
        Certificate = "certificate",
        Browser = "browser",
        FileType = "file_type",
        WhiteHash = "white_hash",
        DvExclusions = "dv_exclusions",
    }
    #[doc = "How far an exclusion goes."]
    ExclusionMode {
        Suppress = "suppress",
        SuppressDynamicOnly = "suppress_dynamic_only",
        SuppressDfiOnly = "suppress_dfi_only",
        DisableInProcessMonitor = "disable_in_process_monitor",
        DisableInProcessMonitorDeep = "disable_in_process_monitor_deep",
        DisableAllMonitors = "disable_all_monitors",
        DisableAllMonitorsDeep = "disable_all_monitors_deep",
        SuppressAppControl = "suppress_app_control",
        SuppressDriftDetection = "suppress_drift_detection",
    }
    #[doc = "What the path of an exclusion names."]
    PathExclusionType {
        File = "file",
        Folder = "folder",
        Subfolders = "subfolders",
    }
    #[doc = "Where an exclusion or a blocked hash comes from."]
    ExclusionSource {
        User = "user",
        Cloud = "cloud",
        ActionFromThreat = "action_from_threat",
        Catalog = "catalog",
    }
    #[doc = "What an exclusion still lets an agent do."]
    ExclusionAction {
        Upload = "upload",
        Detect = "detect",
    }
    #[doc = "What an entry of the blocklist goes by."]
    RestrictionType {
        BlackHash = "black_hash",
    }
    #[doc = "What an analyst says about an alert of a custom rule."]
    AlertVerdict {
        Undefined = "Undefined",
        TruePositive = "True positive",
        FalsePositive = "False positive",
        Suspicious = "Suspicious",
    }
    #[doc = "How far work on an alert of a custom rule came."]
    AlertStatus {
        Unresolved = "Unresolved",
        InProgress = "In progress",
        Resolved = "Resolved",
    }
    #[doc = "What kind of rule found an alert."]
    HitType {
        Events = "Events",
        Correlation = "Correlation",
        UebaFirstSeen = "UEBAFirstSeen",
        Scheduled = "Scheduled",
    }
    #[doc = "How bad it is what a custom rule looks for."]
    RuleSeverity {
        Info = "Info",
        Low = "Low",
        Medium = "Medium",
        High = "High",
        Critical = "Critical",
    }
    #[doc = "In which version of its language a custom rule is written."]
    QueryLanguage {
        V1 = "1.0",
        V2 = "2.0",
    }
    #[doc = "How a custom rule looks for events."]
    QueryType {
        Events = "events",
        Correlation = "correlation",
        UebaFirstSeen = "uebafirstseen",
        Scheduled = "scheduled",
    }
    #[doc = "Whether a custom rule makes threats of what it finds."]
    TreatAsThreat {
        Undefined = "UNDEFINED",
        Suspicious = "Suspicious",
        Malicious = "Malicious",
    }
    #[doc = "How trusted a process was."]
    IntegrityLevel {
        Unknown = "unknown",
        Untrusted = "untrusted",
        Low = "low",
        Medium = "medium",
        High = "high",
        System = "system",
    }
    #[doc = "Which part of the system ran a process."]
    Subsystem {
        Unknown = "unknown",
        Wsl = "wsl",
        Win32 = "sys_win32",
    }
    #[doc = "Whether a custom rule is at work."]
    RuleStatus {
        Draft = "Draft",
        Activating = "Activating",
        Active = "Active",
        Disabling = "Disabling",
        Disabled = "Disabled",
        Deleted = "Deleted",
        Deleting = "Deleting",
    }
    #[doc = "Whether a custom rule ends by itself."]
    ExpirationMode {
        Permanent = "Permanent",
        Temporary = "Temporary",
    }
    #[doc = "By what a custom rule puts events together."]
    CorrelationEntity {
        User = "user",
        Process = "process",
        Ip = "ip",
        Endpoint = "endpoint",
        Storyline = "storyline",
        Custom = "custom",
        None = "none",
    }
    #[doc = "How a custom rule compares a count."]
    Comparison {
        Greater = "Greater",
        Less = "Less",
        Equal = "Equal",
    }
    #[doc = "What kind of thing an asset is."]
    AssetCategory {
        Account = "Account",
        AiMl = "AI ML",
        ApplicationIntegration = "Application Integration",
        CloudApplication = "Cloud Application",
        Code = "Code",
        Container = "Container",
        DataAnalysis = "Data Analysis",
        DataStore = "Data Store",
        DeveloperTool = "Developer Tool",
        Device = "Device",
        Function = "Function",
        Identity = "Identity",
        Secrets = "Secrets",
        Server = "Server",
        Storage = "Storage",
        Network = "Network",
        Governance = "Governance",
        Workstation = "Workstation",
    }
    #[doc = "Who saw an asset."]
    AssetSurface {
        Cloud = "Cloud",
        Identity = "Identity",
        Network = "Network",
        Endpoint = "Endpoint",
        NetworkDiscovery = "Network Discovery",
    }
    #[doc = "Whether an asset is in use."]
    AssetStatus {
        Active = "Active",
        Inactive = "Inactive",
    }
    #[doc = "Whether an asset has something harmful on it."]
    InfectionStatus {
        Infected = "Infected",
        Healthy = "Healthy",
    }
    #[doc = "How much depends on an asset."]
    AssetCriticality {
        Critical = "critical",
        High = "high",
        Medium = "medium",
        Low = "low",
        Unset = "--",
    }
    #[doc = "Why an asset is at risk."]
    AssetRiskFactor {
        UnresolvedAlerts = "Unresolved Alerts",
        HighValue = "High Value",
    }
    #[doc = "A product of the vendor that covers an asset, or could."]
    Coverage {
        Cws = "CWS",
        Cds = "CDS",
        Epp = "EPP",
        RangerInsights = "Ranger Insights",
        Rad = "RAD",
        Ispm = "ISPM",
        DataClassification = "Data Classification",
        CnsKspm = "CNS KSPM",
        CnsVmScan = "CNS VM Scan",
        CnsSecretScan = "CNS Secret Scan",
        CnsIacScan = "CNS IaC Scan",
        CnsImageScan = "CNS Image Scan",
        CnsDetect = "CNS Detect",
        CnsRemediate = "CNS Remediate",
        Idr = "IDR",
    }
    #[doc = "What people think of a device."]
    DeviceReview {
        NotReviewed = "Not Reviewed",
        UnderAnalysis = "Under Analysis",
        NotTrusted = "Not Trusted",
        Allowed = "Allowed",
    }
    #[doc = "How bad a unified alert is."]
    UnifiedSeverity {
        Unknown = "UNKNOWN",
        Info = "INFO",
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
        Critical = "CRITICAL",
    }
    #[doc = "How far work on a unified alert came."]
    UnifiedStatus {
        New = "NEW",
        InProgress = "IN_PROGRESS",
        Resolved = "RESOLVED",
    }
    #[doc = "What an analyst says about a unified alert."]
    UnifiedVerdict {
        Undefined = "UNDEFINED",
        FalsePositiveBenign = "FALSE_POSITIVE_BENIGN",
        FalsePositiveBenignButSuspicious = "FALSE_POSITIVE_BENIGN_BUT_SUSPICIOUS",
        FalsePositiveSystemError = "FALSE_POSITIVE_SYSTEM_ERROR",
        FalsePositiveUndefined = "FALSE_POSITIVE_UNDEFINED",
        FalsePositiveUserError = "FALSE_POSITIVE_USER_ERROR",
        TruePositiveAdvancedPersistentThreat = "TRUE_POSITIVE_ADVANCED_PERSISTENT_THREAT",
        TruePositiveBenign = "TRUE_POSITIVE_BENIGN",
        TruePositiveBenignButSuspicious = "TRUE_POSITIVE_BENIGN_BUT_SUSPICIOUS",
        TruePositiveDataExfiltration = "TRUE_POSITIVE_DATA_EXFILTRATION",
        TruePositiveDenialOfService = "TRUE_POSITIVE_DENIAL_OF_SERVICE",
        TruePositiveExploitationTools = "TRUE_POSITIVE_EXPLOITATION_TOOLS",
        TruePositiveInsiderThreat = "TRUE_POSITIVE_INSIDER_THREAT",
        TruePositiveMalware = "TRUE_POSITIVE_MALWARE",
        TruePositivePhishingAttack = "TRUE_POSITIVE_PHISHING_ATTACK",
        TruePositivePolicyViolation = "TRUE_POSITIVE_POLICY_VIOLATION",
        TruePositivePuaAdware = "TRUE_POSITIVE_PUA_ADWARE",
        TruePositiveRansomware = "TRUE_POSITIVE_RANSOMWARE",
        TruePositiveUnauthorizedAccess = "TRUE_POSITIVE_UNAUTHORIZED_ACCESS",
        TruePositiveUndefined = "TRUE_POSITIVE_UNDEFINED",
    }
    #[doc = "How sure the console is of a unified alert."]
    UnifiedConfidence {
        Malicious = "MALICIOUS",
        Suspicious = "SUSPICIOUS",
    }
    #[doc = "What became of what a unified alert is about."]
    UnifiedResult {
        Unmitigated = "UNMITIGATED",
        Mitigated = "MITIGATED",
        Benign = "BENIGN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_text_has_an_arm_and_comes_back() {
        for (name, texts, back) in lists() {
            let expected: Vec<(String, bool)> = texts.iter().map(|text| ((*text).to_owned(), false)).collect();
            assert_eq!(back, expected, "{name}");
        }
    }

    /// The lists are the vendor's. A change here is a decision: it is made in the snapshot too.
    #[test]
    fn the_lists_are_the_vendors() {
        let text: Vec<String> =
            lists().iter().map(|(name, texts, _)| format!("{name}: {}", texts.join(" | "))).collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn an_unknown_text_is_kept() {
        assert_eq!(MachineType::from("toaster").as_str(), "toaster");
        assert_eq!(MachineType::from("toaster"), MachineType::Other("toaster".to_owned()));
    }
}
