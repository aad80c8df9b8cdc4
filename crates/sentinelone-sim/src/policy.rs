//! Policies: one settings object at each of four levels, inherited downwards.

use serde_json::{Map, Value, json};

use crate::state::State;
use crate::text::micros_text;
use crate::world::Level;

/// Event groups that deep visibility collects, and the switches inside each.
const COLLECTED: [(&str, &[&str]); 8] = [
    ("url", &["dvEventTypeUrl"]),
    ("dns", &["dvEventTypeDns", "dvEventTypeExtendedDns"]),
    ("process", &["dvEventTypeProcessCreation", "dvEventTypeProcessModification", "dvEventTypeProcessExit"]),
    (
        "file",
        &[
            "fullDiskScan",
            "dvEventTypeFileCreation",
            "dvEventTypeFileModification",
            "dvEventTypeFileDeletion",
            "dvEventTypeFileRename",
        ],
    ),
    ("ip", &["dvEventTypeIpConnect", "dvEventTypeIpListen"]),
    ("login", &["dvEventTypeLoginLoggedIn", "dvEventTypeLoginLoggedOut"]),
    ("driver", &["dvEventTypeDriverLoad"]),
    ("userSubstitution", &["dvEventTypeSu", "dvEventTypeSudo"]),
];

/// Switches of the console's own policy.
const SWITCHES: [(&str, bool); 29] = [
    ("antiTamperingOn", true),
    ("snapshotsOn", true),
    ("networkQuarantineOn", false),
    ("scanNewAgents", true),
    ("autoImmuneOn", true),
    ("autoDecommissionOn", true),
    ("cloudValidationOn", true),
    ("researchOn", true),
    ("agentNotification", true),
    ("agentLoggingOn", true),
    ("agentUiOn", true),
    ("monitorOnExecute", true),
    ("monitorOnWrite", true),
    ("signedDriverBlockingOn", true),
    ("unsignedDriverBlockingOn", false),
    ("driverBlocking", true),
    ("informationalAlertsOn", false),
    ("allowRemoteShell", false),
    ("removeMacros", false),
    ("removeMacrosMl", false),
    ("allowUnprotectByApprovedProcess", false),
    ("isDefault", true),
    ("ioc", true),
    ("iocSupported", true),
    ("isDvPolicyPerEventType", true),
    ("identityOn", false),
    ("logCollectorEnabled", false),
    ("networkProtectionInfra", false),
    ("fwForNetworkQuarantineEnabled", false),
];

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The console's own policy.
pub(crate) fn tenant(at: i64) -> Map<String, Value> {
    let collected: Map<String, Value> = COLLECTED
        .iter()
        .map(|(group, switches)| {
            let inside: Map<String, Value> = switches.iter().map(|s| ((*s).to_owned(), Value::Bool(true))).collect();
            ((*group).to_owned(), Value::Object(inside))
        })
        .collect();
    let mut policy = map(json!({
        "mitigationMode": "protect",
        "mitigationModeSuspicious": "detect",
        "autoMitigationAction": "mitigation.quarantineThreat",
        "autoDecommissionDays": 30,
        "identityUpdateInterval": 60,
        "identityReportInterval": 3600,
        "identityThrottlingInterval": 30,
        "identityEndpointReporting": "moderate",
        "driftDetectionDelayTime": 0,
        "engines": {
            "reputation": "on", "preExecution": "on", "preExecutionSuspicious": "on", "executables": "on",
            "dataFiles": "on", "exploits": "on", "penetration": "on", "pup": "on", "lateralMovement": "on",
            "remoteShell": "on", "applicationControl": "off", "idr": "off", "driftDetection": "off",
            "networkProtection": "off",
        },
        "iocAttributes": {
            "url": true, "dns": true, "process": true, "file": true, "ip": true, "registry": true,
            "scheduledTask": true, "login": true, "fds": false, "behavioralIndicators": true, "dllModuleLoad": true,
            "crossProcess": true, "commandScripts": true, "autoInstallBrowserExtensions": false, "dataMasking": true,
            "smartFileMonitoring": true, "namedPipe": true, "driver": true, "windowsEventLogs": false,
        },
        "autoFileUpload": {
            "enabled": false, "includeBenignFiles": null, "maxFileSize": 50, "maxDailyFileUpload": 200,
            "maxLocalDiskUsage": 500, "maxFileSizeLimit": 250, "maxDailyFileUploadLimit": 1000,
            "maxLocalDiskUsageLimit": 1000,
        },
        "agentUi": {
            "agentUiOn": true, "threatPopUpNotifications": true, "devicePopUpNotifications": true,
            "showSuspicious": false, "showAgentWarnings": true, "showDeviceTab": true, "showQuarantineTab": true,
            "showSupport": true, "maxEventAgeDays": 30, "contactFreeText": null, "contactCompany": "IT & Security",
            "contactEmail": null, "contactPhoneNumber": null, "contactDirectMessage": null,
            "contactSupportWebsite": "", "contactOther": null,
        },
        "remoteScriptOrchestration": null,
        "remoteOpsForensics": null,
        "forensicsAutoTriggering": null,
        "identityConfigurationSettings": null,
        "userId": "433241117337583601",
        "userFullName": "SentinelOne Support",
    }));
    policy.extend(SWITCHES.iter().map(|(key, on)| ((*key).to_owned(), Value::Bool(*on))));
    policy.insert("dvAttributesPerEventType".to_owned(), Value::Object(collected));
    policy.insert("createdAt".to_owned(), Value::String(micros_text(at)));
    policy.insert("updatedAt".to_owned(), Value::String(micros_text(at)));
    policy
}

/// A policy of its own: the console's, but for these fields.
pub(crate) fn overrides(fields: &Value, at: i64) -> Map<String, Value> {
    let mut policy = tenant(at);
    policy.insert("isDefault".to_owned(), Value::Bool(false));
    change(&mut policy, fields, at);
    policy
}

/// Replaces fields of a policy.
pub(crate) fn change(policy: &mut Map<String, Value>, fields: &Value, at: i64) {
    for (key, value) in fields.as_object().into_iter().flatten() {
        policy.insert(key.clone(), value.clone());
    }
    policy.insert("updatedAt".to_owned(), Value::String(micros_text(at)));
}

impl State {
    /// The policy in force at a level, and the word for the level it comes from if that is a higher one.
    pub(crate) fn policy_at(&self, level: Place) -> Value {
        let (group, site, account) = match level {
            Place::Tenant => (None, None, None),
            Place::Account(account) => (None, None, Some(account)),
            Place::Site(site) => (None, Some(site), Some(self.sites[site].account)),
            Place::Group(group) => {
                let site = self.groups[group].site;
                (Some(group), Some(site), Some(self.sites[site].account))
            }
        };
        let own = group.and_then(|g| self.groups[g].policy.as_ref()).map(|p| (3, p));
        let own = own.or_else(|| site.and_then(|s| self.sites[s].policy.as_ref()).map(|p| (2, p)));
        let own = own.or_else(|| account.and_then(|a| self.accounts[a].policy.as_ref()).map(|p| (1, p)));
        let (depth, policy) = own.unwrap_or((0, &self.tenant_policy));
        let asked = match level {
            Place::Tenant => 0,
            Place::Account(_) => 1,
            Place::Site(_) => 2,
            Place::Group(_) => 3,
        };
        let inherited = if depth == asked { Value::Null } else { Value::from(["global", "account", "site"][depth]) };
        let mut policy = policy.clone();
        policy.insert("inheritedFrom".to_owned(), inherited);
        Value::Object(policy)
    }

    /// Changes a level's own policy; a level that inherited gets its own from then on.
    pub(crate) fn change_policy(&mut self, level: Place, fields: &Value, at: i64) {
        let mut effective = match self.policy_at(level) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        effective.remove("inheritedFrom");
        effective.insert("isDefault".to_owned(), Value::Bool(false));
        change(&mut effective, fields, at);
        let groups: Vec<usize> = match level {
            Place::Tenant => {
                self.tenant_policy = effective;
                (0..self.groups.len()).collect()
            }
            Place::Account(account) => {
                self.accounts[account].policy = Some(effective);
                (0..self.groups.len()).filter(|&g| self.sites[self.groups[g].site].account == account).collect()
            }
            Place::Site(site) => {
                self.sites[site].policy = Some(effective);
                (0..self.groups.len()).filter(|&g| self.groups[g].site == site).collect()
            }
            Place::Group(group) => {
                let row = &mut self.groups[group];
                row.policy = Some(effective);
                row.updated = row.updated.max(at);
                vec![group]
            }
        };
        // The level owns what was in force before, so only a changed mode reaches agents.
        if fields.get("mitigationMode").is_some() {
            self.apply_modes(&groups, at);
        }
    }

    /// Finds the place a public level names.
    pub(crate) fn place(&self, level: &Level) -> Option<Place> {
        match level {
            Level::Tenant => Some(Place::Tenant),
            Level::Account(id) => self.account_by_id(id).map(Place::Account),
            Level::Site(id) => self.site_by_id(id).map(Place::Site),
            Level::Group(id) => self.group_by_id(id).map(Place::Group),
        }
    }

    pub(crate) fn account_by_id(&self, id: &str) -> Option<usize> {
        let id = id.parse::<u64>().ok()?;
        self.accounts.iter().position(|a| a.id == id)
    }

    pub(crate) fn site_by_id(&self, id: &str) -> Option<usize> {
        let id = id.parse::<u64>().ok()?;
        self.sites.iter().position(|s| s.id == id && !s.deleted)
    }

    pub(crate) fn group_by_id(&self, id: &str) -> Option<usize> {
        let id = id.parse::<u64>().ok()?;
        self.groups.iter().position(|g| g.id == id && !g.deleted && !self.sites[g.site].deleted)
    }
}

/// A level at which a policy is kept, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tenant,
    Account(usize),
    Site(usize),
    Group(usize),
}
