//! Custom detection rules and their alerts, and the alerts of all products in one list (GraphQL).

use serde_json::{Value, json};

use crate::catalog::{Family, MACHINES, MALWARE, PROFILES};
use crate::draw::{Dice, mix};
use crate::list::View;
use crate::state::{Alert, INCIDENTS, Mitigation, State, VERDICTS, make_id, salt};
use crate::text::{DAY, HOUR, MINUTE, SECOND, hex, micros_text, millis_text, uuid};

/// A custom rule.
pub(crate) struct RuleFact {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    description: Option<&'static str>,
    severity: &'static str,
    query_type: &'static str,
    query: &'static str,
    event: &'static str,
    treat: &'static str,
    status: &'static str,
}

const fn rule(
    nth: u64,
    name: &'static str,
    description: Option<&'static str>,
    severity: &'static str,
    query_type: &'static str,
    query: &'static str,
    event: &'static str,
) -> RuleFact {
    let treat = if nth == 3 { "Suspicious" } else { "UNDEFINED" };
    let status = if nth == 5 { "Disabled" } else { "Active" };
    RuleFact {
        id: 1_259_119_070_812_474_070 + nth * 8_388_608,
        name,
        description,
        severity,
        query_type,
        query,
        event,
        treat,
        status,
    }
}

/// The rules of every console; the first four find things.
pub(crate) const RULES: [RuleFact; 9] = [
    rule(
        0,
        "Execution policy of PowerShell changed",
        Some("A rule of ours &lt;migrated&gt;"),
        "Low",
        "events",
        "IndicatorName = \"PowershellExecutionPolicyChanged\"",
        "BEHAVIORALINDICATORS",
    ),
    rule(
        1,
        "Archive tool in a temporary folder",
        None,
        "Medium",
        "events",
        "tgt.file.path contains \"\\\\Temp\\\\\"",
        "FILEMODIFICATION",
    ),
    rule(
        2,
        "Scheduled task created by a script host",
        None,
        "High",
        "events",
        "src.process.name in (\"wscript.exe\", \"cscript.exe\")",
        "PROCESSCREATION",
    ),
    rule(3, "Many failed logins, then a good one", Some("Two & more hosts"), "Critical", "correlation", "", "LOGIN"),
    rule(
        4,
        "First use of a remote tool by a user",
        Some(""),
        "Info",
        "uebafirstseen",
        "src.process.publisher = \"TeamViewer\"",
        "PROCESSCREATION",
    ),
    rule(
        5,
        "Driver loaded from a user's folder",
        None,
        "High",
        "events",
        "module.path contains \"Users\"",
        "MODULELOAD",
    ),
    rule(
        6,
        "Nightly look for new local administrators",
        None,
        "Medium",
        "scheduled",
        "| filter event.type == 'Group Modification'",
        "SCHEDULED",
    ),
    rule(
        7,
        "Weekly look for silent agents",
        Some("Only those that answered before"),
        "Low",
        "scheduled",
        "| group count() by endpoint.name",
        "SCHEDULED",
    ),
    rule(
        8,
        "Credential file read",
        None,
        "High",
        "events",
        "tgt.file.path endswithCIS \"ntds.dit\"",
        "FILEMODIFICATION",
    ),
];

/// How many of [`RULES`] find things.
pub(crate) const FINDING: u64 = 4;

const WORDS: [&str; 4] = ["Undefined", "True positive", "False positive", "Suspicious"];
const STATES: [&str; 3] = ["Unresolved", "In progress", "Resolved"];

/// Where a unified alert comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Threat(usize),
    Rule(usize),
    /// Of another vendor's product: the n-th.
    Foreign(u64),
}

/// When a unified alert was found and when it changed last.
pub(crate) struct Moments {
    pub(crate) detected: i64,
    pub(crate) updated: i64,
}

impl State {
    /// The rules as `GET /cloud-detection/rules` lists them. Scheduled ones are left out unless `isLegacy=false`.
    pub(crate) fn rule_rows(&self, view: &View, legacy: bool) -> Vec<(u64, Value)> {
        // A rule belongs to the highest scope that the token has; rules above or below are not seen.
        let (scope, account, site) = if view.tenant {
            ("global", None, None)
        } else if view.only_sites {
            let site = view.sites.iter().position(|seen| *seen).unwrap_or(0);
            ("site", Some(self.sites[site].account), Some(site))
        } else {
            ("account", view.accounts.iter().position(|seen| *seen), None)
        };
        let rows = RULES
            .iter()
            .enumerate()
            .filter(|(nth, rule)| (!legacy || rule.query_type != "scheduled") && (scope != "site" || nth % 2 == 0));
        rows.map(|(nth, rule)| {
            let created = self.start - 400 * DAY + nth as i64 * 9 * DAY;
            let scheduled = rule.query_type == "scheduled";
            let found = self.alerts.iter().filter(|a| !a.gone && RULES[usize::from(a.rule)].id == rule.id).count();
            let correlation = json!({
                "entity": "endpoint", "matchInOrder": true, "timeWindow": {"windowMinutes": 60},
                "subQueries": [{"matchesRequired": 10, "subQuery": "event.login.loginIsSuccessful = false"}],
            });
            let mut row = json!({
                "accountId": account.map_or(String::new(), |a| self.accounts[a].id.to_string()),
                "accountName": account.map_or("", |a| self.accounts[a].name.as_str()),
                "activeResponse": rule.treat != "UNDEFINED",
                "coolOffSettings": {"renotifyMinutes": 15},
                "createdAt": micros_text(created),
                "creator": self.users[0].name,
                "creatorId": self.users[0].id.to_string(),
                "description": rule.description,
                "editable": nth != 3,
                "expirationMode": "Permanent",
                "expiration": null,
                "expired": false,
                "generatedAlerts": found,
                "id": rule.id.to_string(),
                "name": rule.name,
                "networkQuarantine": false,
                "queryLang": if nth % 3 == 0 { "1.0" } else { "2.0" },
                "queryType": rule.query_type,
                "reachedLimit": false,
                "s1ql": rule.query,
                "scope": scope,
                "scopeId": [],
                "severity": rule.severity,
                "siteId": site.map_or(String::new(), |s| self.sites[s].id.to_string()),
                "siteName": site.map_or("", |s| self.sites[s].name.as_str()),
                "status": if self.oddities && nth == 8 { "Paused by vendor" } else { rule.status },
                "statusReason": "",
                "templateRuleId": null,
                "treatAsThreat": rule.treat,
                "updatedAt": micros_text(created + DAY),
                "updaterId": self.users[0].id.to_string(),
            });
            if found > 0 {
                let last = self.alerts.iter().rev().find(|a| RULES[usize::from(a.rule)].id == rule.id);
                row["lastAlertTime"] = json!(last.map(|a| micros_text(a.created)));
            }
            if rule.query_type == "correlation" {
                row["correlationParams"] = correlation;
            }
            if scheduled {
                row["scheduledParams"] = json!({
                    "lookbackWindowMinutes": 1440, "query": rule.query, "runIntervalMinutes": 1440,
                    "threshold": {"operator": "Greater", "value": 0},
                });
            }
            (rule.id, row)
        })
        .collect()
    }

    /// An alert as `GET /cloud-detection/alerts` sends it.
    pub(crate) fn alert_record(&self, index: usize) -> Value {
        let alert = &self.alerts[index];
        let slot = alert.agent as usize;
        let agent = &self.agents[slot];
        let face = self.face(slot);
        let profile = &PROFILES[usize::from(agent.profile)];
        let rule = &RULES[usize::from(alert.rule)];
        let site = &self.sites[self.site_of(agent)];
        let mut dice = Dice::new(self.seed, salt::ALERT, alert.id);
        let windows = profile.os_type.starts_with("windows");
        let node = profile.family == Family::Node;
        let user = if face.user.is_empty() { "root".to_owned() } else { format!("CORP\\{}", face.user) };
        let mut process = |name: &str, parent: bool| {
            let folder = if windows { "C:\\Windows\\System32\\" } else { "/usr/bin/" };
            json!({
                "commandline": format!("\"{folder}{name}\" {}", if parent { "" } else { "-NoLogo & <in>" }),
                "effectiveUser": null, "fileHashMd5": hex(&mut dice, 32), "fileHashSha1": hex(&mut dice, 40),
                "fileHashSha256": hex(&mut dice, 64), "filePath": format!("{folder}{name}"),
                "fileSignerIdentity": if windows { "MICROSOFT WINDOWS" } else { "" },
                "integrityLevel": if parent { "medium" } else { "high" }, "loginUser": null, "name": name,
                // Numbers as texts.
                "pid": (1000 + dice.below(30_000)).to_string(),
                "pidStarttime": micros_text(alert.created - MINUTE), "realUser": null,
                "storyline": hex(&mut dice, 16).to_uppercase(), "subsystem": if windows { "sys_win32" } else { "unknown" },
                "uniqueId": hex(&mut dice, 16).to_uppercase(), "user": user,
            })
        };
        let (own, parent) = if windows { ("powershell.exe", "explorer.exe") } else { ("bash", "sshd") };
        let source = process(own, false);
        let above = process(parent, true);
        let mut record = json!({
            "agentDetectionInfo": {
                "accountId": self.accounts[site.account].id.to_string(),
                "machineType": MACHINES[usize::from(agent.machine)], "name": face.computer,
                "osFamily": profile.os_type, "osName": profile.os_name, "osRevision": profile.revisions[0],
                "siteId": site.id.to_string(), "uuid": face.uuid, "version": self.version(agent),
            },
            // Here is the agent's id, and in no specification.
            "agentRealtimeInfo": {
                "id": agent.id.to_string(), "infected": agent.active_threats > 0, "isActive": agent.alive,
                "isDecommissioned": agent.decommissioned.is_some() || agent.gone,
                "machineType": MACHINES[usize::from(agent.machine)], "name": face.computer, "os": profile.os_type,
                "uuid": face.uuid,
            },
            "alertInfo": {
                "alertId": alert.id.to_string(),
                "analystVerdict": WORDS[usize::from(alert.verdict)],
                "createdAt": micros_text(alert.created),
                "dvEventId": hex(&mut dice, 16).to_uppercase(),
                "eventType": rule.event,
                "hitType": if rule.query_type == "correlation" { "Correlation" } else { "Events" },
                "incidentStatus": STATES[usize::from(alert.incident)],
                "isEdr": true,
                "reportedAt": micros_text(alert.reported),
                "source": "STAR",
                "updatedAt": micros_text(alert.updated),
            },
            "containerInfo": {
                "id": null, "image": null, "name": null,
                // A list in threats, a text here.
                "labels": if node { json!("io.kubernetes.pod.namespace:\"shop\"") } else { Value::Null },
            },
            "kubernetesInfo": {
                "cluster": null, "controllerKind": null, "controllerLabels": null, "controllerName": null,
                "namespace": null, "namespaceLabels": null, "node": null, "pod": null, "podLabels": null,
            },
            "ruleInfo": {
                "description": rule.description, "id": rule.id.to_string(), "name": rule.name,
                "queryLang": "1.0", "queryType": rule.query_type, "s1ql": rule.query, "scopeLevel": "account",
                "severity": rule.severity, "treatAsThreat": rule.treat,
            },
            "sourceParentProcessInfo": above,
            "sourceProcessInfo": source,
            "targetProcessInfo": {
                // No time is the beginning of time.
                "tgtFileCreatedAt": "1970-01-01T00:00:00Z", "tgtFileHashSha1": null, "tgtFileHashSha256": null,
                "tgtFileId": null, "tgtFileIsSigned": if alert.id.is_multiple_of(3) { Value::Null } else { json!("unsigned") },
                "tgtFileModifiedAt": "1970-01-01T00:00:00Z", "tgtFileOldPath": null, "tgtFilePath": null,
                "tgtProcCmdLine": "", "tgtProcImagePath": "", "tgtProcIntegrityLevel": "unknown",
                "tgtProcName": "", "tgtProcPid": "0", "tgtProcSignedStatus": "", "tgtProcStorylineId": "",
                "tgtProcUid": "", "tgtProcessStartTime": "1970-01-01T00:00:00Z",
            },
        });
        for key in [
            "dnsRequest",
            "dnsResponse",
            "dstIp",
            "dstPort",
            "indicatorCategory",
            "indicatorDescription",
            "indicatorName",
            "loginAccountDomain",
            "loginAccountSid",
            "loginIsAdministratorEquivalent",
            "loginIsSuccessful",
            "loginType",
            "loginsUserName",
            "modulePath",
            "moduleSha1",
            "netEventDirection",
            "registryKeyPath",
            "registryOldValue",
            "registryOldValueType",
            "registryPath",
            "registryValue",
            "srcIp",
            "srcMachineIp",
            "srcPort",
            "tiIndicatorComparisonMethod",
            "tiIndicatorSource",
            "tiIndicatorType",
            "tiIndicatorValue",
        ] {
            record["alertInfo"][key] = Value::Null;
        }
        for (key, value) in alert.patch.iter().flat_map(|patch| patch.iter()) {
            record["alertInfo"][key.as_str()] = value.clone();
        }
        record
    }

    /// A new alert: its rule and what people made of it since are drawn from its id.
    pub(crate) fn raise(&mut self, id: u64, created: i64, agent: u32) {
        let draw = mix(self.seed ^ id);
        let done = created < self.start - 5 * DAY;
        let verdict = if done { [0, 0, 1, 2, 2, 3][(draw >> 8) as usize % 6] } else { 0 };
        let incident = if verdict == 0 { 0 } else { 1 + (draw >> 16 & 1) as u8 };
        let updated =
            if verdict == 0 { created + 2 * SECOND } else { created + HOUR + (draw >> 20 & 0xff) as i64 * MINUTE };
        self.alerts.push(Alert {
            id,
            created,
            reported: created + 1_400_000,
            updated,
            agent,
            rule: (draw % FINDING) as u8,
            verdict,
            incident,
            gone: false,
            patch: None,
        });
    }

    // -- unified alerts --

    /// How many alerts of other vendors there are.
    fn foreign_alerts(&self) -> u64 {
        3 + self.initial_agents as u64 / 200
    }

    /// All unified alerts that a token sees.
    pub(crate) fn unified(&self, view: &View) -> Vec<Origin> {
        let seen = |agent: u32| {
            let site = self.site_of(&self.agents[agent as usize]);
            view.sites[site] && !self.sites[site].deleted
        };
        let threats = (0..self.threats.len()).filter(|&t| {
            !self.threats[t].gone
                && self.is_visible(self.threats[t].id, self.threats[t].created)
                && seen(self.threats[t].agent)
        });
        let alerts = (0..self.alerts.len()).filter(|&a| {
            let alert = &self.alerts[a];
            !alert.gone && self.is_visible(alert.id, alert.created) && seen(alert.agent)
        });
        // Those of other vendors belong to the whole of the first account.
        let foreign = if view.accounts.first() == Some(&true) && !view.only_sites { self.foreign_alerts() } else { 0 };
        threats.map(Origin::Threat).chain(alerts.map(Origin::Rule)).chain((0..foreign).map(Origin::Foreign)).collect()
    }

    /// When a unified alert was found and changed, and a number that orders those of one instant.
    pub(crate) fn unified_moments(&self, origin: Origin) -> (Moments, u64) {
        let (detected, updated, serial) = match origin {
            Origin::Threat(threat) => {
                let row = &self.threats[threat];
                (row.created, row.updated.max(row.created), row.id)
            }
            Origin::Rule(alert) => {
                let row = &self.alerts[alert];
                (row.created, row.updated, row.id)
            }
            Origin::Foreign(nth) => {
                let at = self.start - 60 * DAY + (mix(self.seed ^ nth ^ 0xf0e) % (59 * DAY as u64)) as i64;
                (at, at + HOUR, make_id(at, crate::state::IdKind::Other, 0x7_0000 + nth))
            }
        };
        (Moments { detected, updated }, serial)
    }

    /// The id of a unified alert: a UUID of version 7, which begins with its time.
    pub(crate) fn unified_id(&self, origin: Origin) -> String {
        let (moments, serial) = self.unified_moments(origin);
        let millis = moments.detected.div_euclid(1000).unsigned_abs();
        let rest = uuid(&mut Dice::new(self.seed, salt::ALERT ^ 0x77, serial));
        format!("{:08x}-{:04x}-7{}-8{}-{}", millis >> 16, millis & 0xffff, &rest[15..18], &rest[20..23], &rest[24..36])
    }

    /// A unified alert as the one constant question asks for it.
    pub(crate) fn unified_record(&self, origin: Origin) -> Value {
        let (moments, serial) = self.unified_moments(origin);
        let agent = match origin {
            Origin::Threat(threat) => Some(self.threats[threat].agent as usize),
            Origin::Rule(alert) => Some(self.alerts[alert].agent as usize),
            Origin::Foreign(_) => None,
        };
        let draw = mix(self.seed ^ serial);
        let asset = match agent {
            Some(slot) => {
                let row = &self.agents[slot];
                let face = self.face(slot);
                let profile = &PROFILES[usize::from(row.profile)];
                let server = matches!(profile.family, Family::Server | Family::LinuxServer | Family::Node);
                let os = match profile.os_type {
                    "macos" => "MACOS",
                    "linux" => "LINUX",
                    _ => "WINDOWS",
                };
                json!([{
                    "agentUuid": face.uuid, "agentVersion": self.version(row),
                    "category": if server { "Server" } else { "Workstation" }, "id": self.asset_id(slot as u64),
                    "lastLoggedInUser": if face.user.is_empty() { Value::Null } else { json!(face.user) },
                    "name": face.computer, "osType": os, "osVersion": if draw & 7 == 0 { "" } else { profile.os_name },
                    "subcategory": if server { "Other Server" } else { "Other Workstation" },
                }])
            }
            None => json!([{
                "agentUuid": null, "agentVersion": null, "category": "Account", "id": format!("{:026x}", draw),
                "lastLoggedInUser": null, "name": "svc-backup@example.com", "osType": "UNKNOWN", "osVersion": "",
                "subcategory": "Service Account",
            }]),
        };
        let scope = match agent {
            Some(slot) => {
                let group = &self.groups[self.agents[slot].group as usize];
                let site = &self.sites[group.site];
                let account = &self.accounts[site.account];
                json!({
                    "account": {"id": account.id.to_string(), "name": account.name},
                    "group": {"id": group.id.to_string(), "name": group.name},
                    "site": {"id": site.id.to_string(), "name": site.name},
                })
            }
            None => json!({
                "account": {"id": self.accounts[0].id.to_string(), "name": self.accounts[0].name},
                "group": null, "site": null,
            }),
        };
        let (external, name, verdict, incident, confidence, result, product, classification, path, sha1, note) =
            match origin {
                Origin::Threat(threat) => {
                    let row = &self.threats[threat];
                    let malware = &MALWARE[usize::from(row.malware)];
                    let result = match row.mitigation {
                        Mitigation::Not => "UNMITIGATED",
                        Mitigation::Done => "MITIGATED",
                        Mitigation::Benign => "BENIGN",
                    };
                    let confidence = [Some("MALICIOUS"), Some("SUSPICIOUS"), None][usize::from(row.confidence)];
                    let verdict = VERDICTS.iter().position(|v| *v == self.threat_verdict(threat)).unwrap_or(0);
                    let incident = INCIDENTS.iter().position(|v| *v == self.threat_incident(threat)).unwrap_or(0);
                    (
                        row.id.to_string(),
                        self.threat_name(threat).to_owned(),
                        verdict,
                        incident,
                        confidence,
                        Some(result),
                        "EDR",
                        malware.classification.to_uppercase(),
                        Some(self.threat_path(threat)),
                        Some(self.threat_hash(threat)),
                        !row.notes.is_empty(),
                    )
                }
                Origin::Rule(alert) => {
                    let row = &self.alerts[alert];
                    let rule = RULES[usize::from(row.rule)].name.to_owned();
                    (
                        row.id.to_string(),
                        rule,
                        usize::from(row.verdict),
                        usize::from(row.incident),
                        None,
                        None,
                        "STAR",
                        "UNKNOWN".to_owned(),
                        None,
                        None,
                        false,
                    )
                }
                Origin::Foreign(nth) => (
                    format!("ext-{nth:06}"),
                    "Sign-in from an unusual country".to_owned(),
                    0,
                    0,
                    None,
                    None,
                    "Entra ID",
                    "ENUMERATION".to_owned(),
                    None,
                    None,
                    false,
                ),
            };
        // Some services count on before the clock does.
        let severity = match origin {
            Origin::Threat(_) => ["CRITICAL", "HIGH", "HIGH", "MEDIUM"][(draw & 3) as usize],
            Origin::Rule(alert) => ["LOW", "MEDIUM", "HIGH", "CRITICAL"][usize::from(self.alerts[alert].rule)],
            Origin::Foreign(_) if self.oddities && draw & 1 == 0 => "INFORMATIONAL",
            Origin::Foreign(_) => "MEDIUM",
        };
        let analyst =
            ["UNDEFINED", "TRUE_POSITIVE_MALWARE", "FALSE_POSITIVE_BENIGN", "TRUE_POSITIVE_UNDEFINED"][verdict];
        let detected = millis_text(moments.detected);
        let person = &self.users[0];
        json!({
            "analystVerdict": analyst,
            "analytics": {
                "category": if product == "STAR" { "Manual" } else { "On-Write" }, "name": name,
                "typeValue": if draw & 16 == 0 { "STATIC" } else { "DYNAMIC" },
                "uid": if draw & 32 == 0 { Value::Null } else { json!((draw >> 40).to_string()) },
            },
            "assets": asset,
            "assignee": if incident == 0 { Value::Null } else {
                json!({"email": person.email, "fullName": person.name, "userId": person.id.to_string()})
            },
            "attackSurfaces": if product == "Entra ID" { json!(["IDENTITY"]) } else if draw & 64 == 0 { json!([]) } else { json!(["ENDPOINT"]) },
            "classification": classification,
            "confidenceLevel": confidence,
            "createdAt": detected,
            "description": "Found &amp; reported.",
            "detectedAt": detected,
            "detectionSource": {
                "engine": if product == "EDR" { json!("Pre-execution") } else { Value::Null },
                "product": product, "vendor": if product == "Entra ID" { "Microsoft" } else { "SentinelOne" },
            },
            "externalId": external,
            "firstSeenAt": if draw & 128 == 0 { Value::Null } else { json!(detected) },
            "id": self.unified_id(origin),
            "lastSeenAt": null,
            "name": name,
            "noteExists": note,
            "process": path.map_or(Value::Null, |path| json!({
                "cmdLine": null, "parentName": null,
                "file": {"md5": null, "name": name, "path": path, "sha1": sha1, "sha256": ""},
            })),
            "realTime": {"scope": scope},
            "result": result,
            "severity": severity,
            "status": (["NEW", "IN_PROGRESS", "RESOLVED"][incident]),
            "storylineId": if draw & 256 == 0 { Value::Null } else { json!(format!("{draw:016X}")) },
            "ticketId": null,
            "updatedAt": millis_text(moments.updated),
        })
    }
}
