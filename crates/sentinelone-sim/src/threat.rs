//! The record of a threat as `GET /threats` sends it, its timeline and its notes.

use serde_json::Value;

use crate::agent::{Face, dotted};
use crate::catalog::{Family, MACHINES, MALWARE, PROFILES, html};
use crate::draw::Dice;
use crate::state::{INCIDENTS, IdKind, Mitigation, State, VERDICTS, make_id, salt};
use crate::text::{Json, MINUTE, SECOND, hex};

/// How a body is sized before it is written.
const BODY_BYTES: usize = 6144;

impl State {
    /// Appends a threat's record.
    pub(crate) fn write_threat(&mut self, index: usize, out: &mut Vec<u8>) {
        let agent = self.threats[index].agent as usize;
        let revision = self.agents[agent].revision;
        if self.threats[index].body.is_none() || self.threats[index].body_revision != revision {
            let mut body = self.threat_body(index);
            if let Some(patch) = &self.threats[index].patch {
                let mut value: Value = serde_json::from_slice(&body).expect("the simulator writes valid JSON");
                for (key, new) in patch.iter() {
                    value["threatInfo"][key.as_str()] = new.clone();
                }
                body = serde_json::to_vec(&value).expect("a value always serializes");
            }
            let threat = &mut self.threats[index];
            threat.body = Some(body.into_boxed_slice());
            threat.body_revision = revision;
        }
        out.extend_from_slice(self.threats[index].body.as_deref().unwrap_or_default());
    }

    /// The name a threat goes by, unless a test gave it another.
    pub(crate) fn threat_name(&self, index: usize) -> &str {
        let threat = &self.threats[index];
        let patched = threat.patch.as_ref().and_then(|p| p.get("threatName")).and_then(Value::as_str);
        patched.unwrap_or(MALWARE[usize::from(threat.malware)].name)
    }

    pub(crate) fn threat_verdict(&self, index: usize) -> &str {
        let threat = &self.threats[index];
        let patched = threat.patch.as_ref().and_then(|p| p.get("analystVerdict")).and_then(Value::as_str);
        patched.unwrap_or(VERDICTS[usize::from(threat.verdict)])
    }

    pub(crate) fn threat_incident(&self, index: usize) -> &str {
        let threat = &self.threats[index];
        let patched = threat.patch.as_ref().and_then(|p| p.get("incidentStatus")).and_then(Value::as_str);
        patched.unwrap_or(INCIDENTS[usize::from(threat.incident)])
    }

    /// The path of the file that a threat was found in.
    pub(crate) fn threat_path(&self, index: usize) -> String {
        self.threat_path_on(index, &self.face(self.threats[index].agent as usize))
    }

    /// The same with the face of its agent, when that is known already.
    pub(crate) fn threat_path_on(&self, index: usize, face: &Face) -> String {
        let threat = &self.threats[index];
        let name = MALWARE[usize::from(threat.malware)].name;
        let agent = &self.agents[threat.agent as usize];
        match PROFILES[usize::from(agent.profile)].os_type {
            "linux" => format!("/tmp/.cache/{name}"),
            "macos" => format!("/Users/{}/Downloads/{name}", face.user),
            _ => format!("\\Device\\HarddiskVolume3\\Users\\{}\\Downloads\\{name}", face.user),
        }
    }

    /// SHA-1 of the file that a threat was found in: the same for the same kind of file.
    pub(crate) fn threat_hash(&self, index: usize) -> String {
        let threat = &self.threats[index];
        // A few builds of each.
        let build = threat.serial % 4;
        hex(&mut Dice::new(self.seed, salt::THREAT_BODY ^ 3, u64::from(threat.malware) * 8 + build), 40)
    }

    fn threat_body(&self, index: usize) -> Vec<u8> {
        let threat = &self.threats[index];
        let slot = threat.agent as usize;
        let agent = &self.agents[slot];
        let face = self.face(slot);
        let profile = &PROFILES[usize::from(agent.profile)];
        let malware = &MALWARE[usize::from(threat.malware)];
        let group = &self.groups[agent.group as usize];
        let site = &self.sites[group.site];
        let account = &self.accounts[site.account];
        let mut dice = Dice::new(self.seed, salt::THREAT_BODY, threat.serial);
        let odd = if self.oddities { dice.below(1000) } else { 1000 };
        let node = profile.family == Family::Node;
        // Old threats have lost what was known of their agent when they were found.
        let forgotten = agent.gone && self.oddities && threat.serial.is_multiple_of(2);
        let windows = profile.os_type.starts_with("windows");
        let storyline = if windows { hex(&mut dice, 16).to_uppercase() } else { crate::text::uuid(&mut dice) };
        let sha256 = dice.per_mille(400).then(|| hex(&mut dice, 64));
        let certificate = dice.below(4);
        let size = 4096 + dice.below(9_000_000) as i64;
        let second_ip = dice.per_mille(350);
        let path = self.threat_path_on(index, &face);
        let mode = if agent.detect { "detect" } else { "protect" };

        let mut json = Json::with_capacity(BODY_BYTES);
        json.object(|j| {
            j.key("agentDetectionInfo").object(|j| {
                let known = |text: &str| (!forgotten).then(|| text.to_owned());
                j.maybe("accountId", known(&account.id.to_string()).as_deref());
                j.maybe("accountName", known(&account.name).as_deref());
                j.maybe("agentDetectionState", (odd % 3 == 0 && !forgotten).then_some("full_mode"));
                j.maybe("agentDomain", known(&face.domain).as_deref());
                let mut addresses = dotted(face.address);
                if second_ip {
                    addresses = format!("{addresses},{}", dotted([172, 17, face.address[2], face.address[3]]));
                }
                j.maybe("agentIpV4", known(&addresses).as_deref());
                let v6 = if odd % 4 == 0 { "" } else { "fe80::1da3:1ca8:b311:af32,fe80::42:acff:fe11:2" };
                j.maybe("agentIpV6", known(v6).as_deref());
                j.null("agentLastLoggedInUpn");
                j.null("agentLastLoggedInUserMail");
                j.maybe("agentLastLoggedInUserName", known(&face.user).as_deref());
                j.maybe("agentMitigationMode", known(mode).as_deref());
                j.maybe("agentOsName", known(profile.os_name).as_deref());
                j.maybe("agentOsRevision", known(profile.revisions[0]).as_deref());
                j.maybe_instant("agentRegisteredAt", (!forgotten).then_some(agent.created - 4000));
                j.maybe("agentUuid", known(&face.uuid).as_deref());
                j.maybe("agentVersion", known(self.version(agent)).as_deref());
                j.maybe("assetVersion", known("").as_deref());
                j.key("cloudProviders").object(|j| {
                    if node {
                        j.key("AWS").object(|j| {
                            j.text("cloudAccount", "111122223333");
                            j.text("cloudLocation", "eu-west-1");
                            j.key("awsSecurityGroups").array(|j| j.string("sg-0a1b2c3d4e5f60718"));
                        });
                    }
                });
                j.maybe("externalIp", known(&dotted(face.external)).as_deref());
                j.maybe("groupId", known(&group.id.to_string()).as_deref());
                j.maybe("groupName", known(group.name).as_deref());
                j.maybe("siteId", known(&site.id.to_string()).as_deref());
                j.maybe("siteName", known(&site.name).as_deref());
            });
            j.key("agentRealtimeInfo").object(|j| {
                let removed = agent.decommissioned.is_some();
                j.id("accountId", account.id);
                j.text("accountName", &account.name);
                j.int("activeThreats", i64::from(agent.active_threats));
                j.text("agentComputerName", &face.computer);
                // A boolean or null, whatever its name says.
                if removed {
                    j.bool("agentDecommissionedAt", true);
                } else {
                    j.null("agentDecommissionedAt");
                }
                j.text("agentDomain", if odd % 9 == 0 { "" } else { &face.domain });
                j.id("agentId", agent.id);
                j.bool("agentInfected", agent.active_threats > 0);
                let active = agent.alive && !agent.gone && !removed && agent.uninstalled.is_none();
                j.bool("agentIsActive", active);
                j.bool("agentIsDecommissioned", removed || agent.gone);
                j.text("agentMachineType", MACHINES[usize::from(agent.machine)]);
                j.text("agentMitigationMode", mode);
                j.text("agentNetworkStatus", if active && !agent.isolated { "connected" } else { "disconnected" });
                j.text("agentOsName", profile.os_name);
                j.text("agentOsRevision", profile.revisions[0]);
                j.text("agentOsType", profile.os_type);
                j.text("agentUuid", &face.uuid);
                j.text("agentVersion", self.version(agent));
                j.id("groupId", group.id);
                j.text("groupName", group.name);
                j.key("networkInterfaces").array(|j| {
                    j.object(|j| {
                        j.id("id", agent.id + 1);
                        j.key("inet").array(|j| j.string(&dotted(face.address)));
                        j.key("inet6").array(|_| {});
                        j.text("name", if windows { "Ethernet" } else { "eth0" });
                        j.text("physical", "02:00:00:00:00:01");
                    });
                });
                j.text("operationalState", "na");
                j.bool("rebootRequired", false);
                j.null("scanAbortedAt");
                j.maybe_instant("scanFinishedAt", agent.scan_finished);
                j.instant("scanStartedAt", agent.scan_started);
                j.text("scanStatus", if agent.scan_finished.is_some() { "finished" } else { "started" });
                j.id("siteId", site.id);
                j.text("siteName", &site.name);
                j.null("storageName");
                j.null("storageType");
                j.key("userActionsNeeded").array(|_| {});
            });
            j.key("containerInfo").object(|j| {
                if node {
                    j.text("id", &hex(&mut Dice::new(self.seed, salt::THREAT_BODY ^ 5, threat.serial), 64));
                    j.text("image", "registry.example.com/shop/orders:4.2");
                    j.bool("isContainerQuarantine", false);
                    j.key("labels").array(|j| j.string("io.kubernetes.pod.namespace:\"shop\""));
                    j.text("name", "orders");
                } else {
                    for key in ["id", "image", "isContainerQuarantine", "labels", "name"] {
                        j.null(key);
                    }
                }
            });
            j.key("customDetectionRules").array(|_| {});
            j.key("ecsInfo").object(|j| {
                for key in [
                    "clusterName",
                    "serviceArn",
                    "serviceName",
                    "taskArn",
                    "taskAvailabilityZone",
                    "taskDefinitionArn",
                    "taskDefinitionFamily",
                    "taskDefinitionRevision",
                    "type",
                    "version",
                ] {
                    j.null(key);
                }
            });
            j.id("id", threat.id);
            j.key("indicators").array(|j| {
                for (nth, (tactic, technique, sentence)) in malware.techniques.iter().enumerate() {
                    j.object(|j| {
                        j.text("category", tactic);
                        j.int("categoryId", 4 + nth as i64);
                        j.text("description", sentence);
                        j.key("ids").array(|j| j.raw(&format!("{}", 40 + usize::from(threat.malware) * 4 + nth)));
                        j.key("tactics").array(|j| {
                            if !(odd + nth as u64).is_multiple_of(5) {
                                j.object(|j| {
                                    j.text("name", tactic);
                                    j.text("source", "MITRE");
                                    j.key("techniques").array(|j| {
                                        j.object(|j| {
                                            let page = technique.replace('.', "/");
                                            j.text("link", &format!("https://attack.mitre.org/techniques/{page}/"));
                                            j.text("name", technique);
                                        });
                                    });
                                });
                            }
                        });
                    });
                }
            });
            j.key("kubernetesInfo").object(|j| {
                let texts = ["cluster", "controllerKind", "controllerName", "namespace", "node", "pod"];
                let values = ["orders-prod", "Deployment", "orders", "shop", face.computer.as_str(), "orders-6bd7f"];
                for (key, value) in texts.iter().zip(values) {
                    j.maybe(key, node.then_some(value));
                }
                for key in ["controllerLabels", "namespaceLabels", "nodeLabels", "podLabels"] {
                    if node { j.key(key).array(|_| {}) } else { j.null(key) }
                }
                j.null("isContainerQuarantine");
            });
            j.key("mitigationStatus").array(|j| self.write_mitigations(index, j));
            j.key("threatInfo").object(|j| {
                let verdict = VERDICTS[usize::from(threat.verdict)];
                j.text("analystVerdict", verdict);
                let word = ["Undefined", "True positive", "False positive", "Suspicious"][usize::from(threat.verdict)];
                j.text("analystVerdictDescription", word);
                j.bool("automaticallyResolved", false);
                j.null("browserType");
                match certificate {
                    0 => j.null("certificateId"),
                    1 => j.text("certificateId", ""),
                    _ => j.text("certificateId", &hex(&mut Dice::new(self.seed, 99, threat.serial), 40).to_uppercase()),
                }
                j.text("classification", malware.classification);
                j.maybe("classificationSource", malware.source);
                j.maybe("cloudFilesHashVerdict", [Some("black"), Some("provider_unknown"), None][(odd % 3) as usize]);
                let collection = u64::from(threat.malware) * 4 + threat.serial % 4;
                j.id("collectionId", make_id(self.start - 880 * crate::text::DAY, IdKind::Other, collection));
                j.text("confidenceLevel", ["malicious", "suspicious", "n/a"][usize::from(threat.confidence)]);
                j.instant("createdAt", threat.created);
                j.key("detectionEngines").array(|j| {
                    for (key, title) in malware.engines {
                        j.object(|j| {
                            j.text("key", key);
                            j.text("title", title);
                        });
                    }
                });
                j.maybe("detectionType", malware.detection);
                j.key("engines").array(|j| {
                    for (_, title) in malware.engines {
                        j.string(title);
                    }
                });
                j.bool("externalTicketExists", false);
                j.null("externalTicketId");
                j.bool("failedActions", odd % 20 == 5);
                j.maybe("fileExtension", malware.extension);
                j.maybe("fileExtensionType", malware.extension_type);
                j.text("filePath", &path);
                j.int("fileSize", size);
                j.maybe(
                    "fileVerificationType",
                    [Some("NotSigned"), Some("SignedVerified"), None][certificate as usize % 3],
                );
                j.instant("identifiedAt", threat.created - 900_000);
                j.text("incidentStatus", INCIDENTS[usize::from(threat.incident)]);
                let word = ["Unresolved", "In progress", "Resolved"][usize::from(threat.incident)];
                j.text("incidentStatusDescription", word);
                if odd % 60 == 7 {
                    // A way of finding that no published list names.
                    j.text("initiatedBy", "purple_hunt");
                    j.text("initiatedByDescription", "Hunt");
                } else {
                    let scan = odd % 4 == 0;
                    j.text("initiatedBy", if scan { "full_disk_scan" } else { "agent_policy" });
                    j.text("initiatedByDescription", if scan { "Full Disk Scan" } else { "Agent Policy" });
                }
                j.null("initiatingUserId");
                j.null("initiatingUsername");
                j.bool("isFileless", malware.extension.is_none() && windows);
                if certificate == 0 {
                    j.null("isValidCertificate");
                } else {
                    j.bool("isValidCertificate", certificate == 3);
                }
                if windows {
                    j.null("macroModules");
                }
                let arguments = (threat.malware == 5).then_some("-NoP -W Hidden -enc JABjAD0A \"x & y\"");
                j.maybe("maliciousProcessArguments", arguments);
                j.null("md5");
                j.bool("mitigatedPreemptively", false);
                let (status, word) = match threat.mitigation {
                    Mitigation::Not => ("not_mitigated", "Not mitigated"),
                    Mitigation::Done => ("mitigated", "Mitigated"),
                    Mitigation::Benign => ("marked_as_benign", "Marked as benign"),
                };
                j.text("mitigationStatus", status);
                j.text("mitigationStatusDescription", word);
                j.maybe("originatorProcess", (odd % 9 != 1).then_some(if windows { "explorer.exe" } else { "bash" }));
                j.bool("pendingActions", false);
                j.text("processUser", &if odd % 8 == 0 { String::new() } else { format!("CORP\\{}", face.user) });
                match certificate {
                    0 => j.null("publisherName"),
                    1 => j.text("publisherName", ""),
                    _ => j.text("publisherName", &html("M&S <Tools> LTD")),
                }
                if odd % 3 == 0 {
                    j.null("reachedEventsLimit");
                } else {
                    j.bool("reachedEventsLimit", false);
                }
                j.bool("rebootRequired", false);
                if odd % 3 == 0 {
                    j.null("rootProcessUpn");
                }
                j.text("sha1", &self.threat_hash(index));
                j.maybe("sha256", sha256.as_deref());
                j.text("storyline", &storyline);
                j.id("threatId", threat.id);
                j.text("threatName", malware.name);
                j.instant("updatedAt", threat.updated);
            });
            j.key("whiteningOptions").array(|j| {
                j.string("hash");
                if malware.extension.is_some() {
                    j.string("path");
                }
            });
        });
        json.out
    }

    fn write_mitigations(&self, index: usize, j: &mut Json) {
        let threat = &self.threats[index];
        let Some(at) = threat.mitigated_at else { return };
        for (nth, action) in ["kill", "quarantine"].into_iter().enumerate() {
            let at = at + 11_000 * nth as i64;
            j.object(|j| {
                j.text("action", action);
                if threat.serial.is_multiple_of(3) {
                    j.null("actionsCounters");
                } else {
                    j.key("actionsCounters").object(|j| {
                        for (key, count) in
                            [("failed", 0), ("notFound", 0), ("pendingReboot", 0), ("success", 1), ("total", 1)]
                        {
                            j.int(key, count);
                        }
                    });
                }
                j.bool("agentSupportsReport", true);
                j.bool("groupNotFound", false);
                j.instant("lastUpdate", at + SECOND);
                let report = make_id(at, IdKind::Other, threat.serial + nth as u64);
                if threat.serial.is_multiple_of(3) {
                    j.null("latestReport");
                } else {
                    j.text("latestReport", &format!("/threats/mitigation-report/{report}"));
                }
                j.instant("mitigationEndedAt", at + SECOND);
                j.instant("mitigationStartedAt", at);
                if threat.serial.is_multiple_of(2) {
                    j.id("reportId", report);
                }
                let pending = nth == 1 && threat.serial % 40 == 3;
                j.text("status", if pending { "pending-reboot" } else { "success" });
            });
        }
    }

    /// Appends one note of a threat.
    pub(crate) fn write_note(&self, threat: usize, nth: usize, out: &mut Vec<u8>) {
        let note = &self.threats[threat].notes[nth];
        let user = &self.users[note.user as usize];
        let mut dice = Dice::new(self.seed, salt::THREAT_BODY ^ 9, note.id);
        let text = *dice.pick(&[
            "Asked the owner of the computer; it was a test.",
            "Reimaged.\nClosed after the second scan came back clean.",
            "Same file as last week & the hash is on the blocklist now.",
            "Waiting for the sandbox's answer.",
        ]);
        let edited = note.edited.or(dice.per_mille(200).then_some(note.at + 7 * MINUTE));
        let mut json = Json::with_capacity(300);
        json.object(|j| {
            j.instant("createdAt", note.at);
            j.text("creator", &user.name);
            j.id("creatorId", user.id);
            j.bool("edited", edited.is_some());
            j.id("id", note.id);
            if note.edited.is_some() {
                j.text("text", &format!("{text} (changed)"));
            } else {
                j.text("text", text);
            }
            j.instant("updatedAt", edited.unwrap_or(note.at));
        });
        out.extend_from_slice(&json.out);
    }
}
