//! The record of an agent as `GET /agents` sends it, with the odd values of real consoles.

use serde_json::Value;

use crate::catalog::{CPUS, FIRST, Family, LAST, MACHINES, PROFILES, ROLES, SERVER_CPUS, TAGS, VERSIONS, html};
use crate::draw::Dice;
use crate::hardware::{gateway, gateway_mac, mac_text};
use crate::state::{Agent, State, ascii, make_id, salt, version_family};
use crate::text::{DAY, HOUR, Json, MINUTE, SECOND, hex, millis_text, seconds_text, uuid};

/// After how many changes it is worth counting again how many bodies are kept.
const RECOUNT_AFTER: u64 = 1000;

/// How a body is sized before it is written; bodies are three to four kilobytes.
const BODY_BYTES: usize = 4096;

/// An agent's person and name, which other records quote.
pub(crate) struct Face {
    pub(crate) computer: String,
    pub(crate) user: String,
    pub(crate) uuid: String,
    pub(crate) address: [u8; 4],
    pub(crate) external: [u8; 4],
    pub(crate) domain: String,
}

pub(crate) fn dotted(ip: [u8; 4]) -> String {
    format!("{}.{}.{}.{}", ip[0], ip[1], ip[2], ip[3])
}

impl State {
    /// Name, person and addresses of an agent. They do not change but for what is planted, so that what quotes them stays true.
    pub(crate) fn face(&self, index: usize) -> Face {
        let agent = &self.agents[index];
        let mut dice = Dice::new(self.seed, salt::AGENT_NAME, index as u64);
        let profile = &PROFILES[usize::from(agent.profile)];
        // The code is that of the site it was enrolled in; a move does not rename a computer.
        let code = self.sites[agent.home as usize].code;
        let first = dice.pick(&FIRST);
        let last = dice.pick(&LAST);
        let plant = agent.plant.as_deref();
        let address = self.address(index);
        let number = index + 1;
        let computer = match profile.family {
            Family::Workstation if agent.machine == 1 => format!("{code}-LT-{number:05}"),
            Family::Workstation => format!("{code}-PC-{number:05}"),
            Family::LinuxDesktop => format!("{}-ws{number}", ascii(last)),
            Family::Server | Family::LinuxServer => {
                let name = format!("{code}-{}-{number:02}", dice.pick(&ROLES));
                if profile.family == Family::LinuxServer { name.to_lowercase() + ".corp.example.com" } else { name }
            }
            Family::Mac => format!("{first}s-MacBook-{number}"),
            Family::Node => {
                format!("ip-{}-{}-{}-{}.eu-west-1.compute.internal", address[0], address[1], address[2], address[3])
            }
        };
        let external = match dice.below(3) {
            0 => [203, 0, 113, 1 + dice.below(250) as u8],
            1 => [198, 51, 100, 1 + dice.below(250) as u8],
            _ => [192, 0, 2, 1 + dice.below(250) as u8],
        };
        let domain = match profile.family {
            _ if plant.is_some_and(|plant| plant.domain.is_some()) => {
                plant.and_then(|plant| plant.domain).unwrap_or_default().to_owned()
            }
            Family::Workstation | Family::Server if dice.per_mille(850) => "CORP".to_owned(),
            Family::Workstation | Family::Server => "WORKGROUP".to_owned(),
            Family::LinuxServer => "corp.example.com".to_owned(),
            Family::Node => "eu-west-1.compute.internal".to_owned(),
            _ => "unknown".to_owned(),
        };
        let user = match profile.family {
            Family::Node | Family::LinuxServer => String::new(),
            Family::Server => "Administrator".to_owned(),
            _ => format!("{}.{}", ascii(first), ascii(last)),
        };
        let uuid = if profile.os_type == "linux" { uuid(&mut dice) } else { hex(&mut dice, 32) };
        let computer = plant.and_then(|plant| plant.name.clone()).unwrap_or(computer);
        let uuid = plant.and_then(|plant| plant.uuid.clone()).unwrap_or(uuid);
        Face { computer, user, uuid, address, external, domain }
    }

    /// Version of the agent program.
    pub(crate) fn version(&self, agent: &Agent) -> &'static str {
        VERSIONS[version_family(usize::from(agent.profile))][usize::from(agent.version)]
    }

    /// Makes sure that an agent's body is rendered.
    pub(crate) fn render_agent(&mut self, index: usize) {
        if self.agents[index].body.is_some() {
            return;
        }
        let (mut body, mut last_active_at, mut updated_at) = self.agent_body(index);
        if let Some(patch) = &self.agents[index].patch {
            let mut value: Value = serde_json::from_slice(&body).expect("the simulator writes valid JSON");
            for (key, new) in patch.iter() {
                value[key.as_str()] = new.clone();
            }
            body = serde_json::to_vec(&value).expect("a value always serializes");
            let find = |key: &str| {
                let needle = format!("\"{key}\":\"").into_bytes();
                let open = !patch.contains_key(key);
                body.windows(needle.len()).position(|w| open && w == needle).map_or(0, |at| at + needle.len())
            };
            (last_active_at, updated_at) = (find("lastActiveDate"), find("updatedAt"));
        }
        let agent = &mut self.agents[index];
        agent.last_active_at = last_active_at as u32;
        agent.updated_at = updated_at as u32;
        self.bodies += body.len();
        agent.body = Some(body.into_boxed_slice());
    }

    /// Whether another rendered body may be kept. What is counted is at least what is kept, so that it is counted anew now and
    /// then before the answer is no.
    fn may_keep(&mut self) -> bool {
        if self.bodies > self.bodies_max && self.changes >= self.bodies_counted_at {
            self.bodies_counted_at = self.changes + RECOUNT_AFTER;
            self.bodies = self.agents.iter().filter_map(|agent| agent.body.as_ref()).map(|body| body.len()).sum();
        }
        self.bodies <= self.bodies_max
    }

    /// Appends an agent's record, its two moving instants as of now.
    pub(crate) fn write_agent(&mut self, index: usize, out: &mut Vec<u8>) {
        let kept = self.agents[index].body.is_some() || self.may_keep();
        self.render_agent(index);
        self.copy_agent(index, out);
        if !kept && let Some(body) = self.agents[index].body.take() {
            self.bodies -= body.len().min(self.bodies);
        }
    }

    fn copy_agent(&self, index: usize, out: &mut Vec<u8>) {
        let agent = &self.agents[index];
        let body = agent.body.as_deref().unwrap_or_default();
        let begin = out.len();
        out.extend_from_slice(body);
        for (at, instant) in
            [(agent.last_active_at, self.last_seen(index, agent)), (agent.updated_at, self.agent_updated(index, agent))]
        {
            if at > 0 {
                let at = begin + at as usize;
                out[at..at + 27].copy_from_slice(&crate::text::micros(instant));
            }
        }
    }

    fn agent_body(&self, index: usize) -> (Vec<u8>, usize, usize) {
        let agent = &self.agents[index];
        let face = self.face(index);
        let profile = &PROFILES[usize::from(agent.profile)];
        let group = &self.groups[agent.group as usize];
        let site = &self.sites[group.site];
        let account = &self.accounts[site.account];
        let mut dice = Dice::new(self.seed, salt::AGENT_BODY, index as u64);
        // Drawn in one fixed order, before anything that depends on what changed.
        dice.below(1000);
        let odd = self.odd(index);
        let hardware = self.hardware(index);
        let older_console = odd < 60;
        let revision = *dice.pick(profile.revisions);
        let memory = [4035, 8192, 16_087, 16_384, 32_476, 65_536][dice.index(6)];
        let cores = [2, 4, 6, 8, 10, 16][dice.index(6)];
        let boot = dice.between(HOUR, 30 * DAY);
        let server = matches!(profile.family, Family::Server | Family::LinuxServer | Family::Node);
        let joined = face.domain == "CORP";
        let laptop = agent.machine == 1;
        let cpu = match profile.family {
            Family::Mac if profile.arch == "ARM64" => "Apple M2",
            _ if server => dice.pick(&SERVER_CPUS),
            _ => dice.pick(&CPUS),
        };
        let tagged = dice.next();
        let tag_count = if dice.per_mille(300) { 1 + dice.index(2) } else { 0 };
        let reboot_needed = dice.per_mille(45);
        let encrypted = dice.per_mille(if laptop { 900 } else { 350 });
        let ranger = dice.per_mille(600);
        let registered = agent.created - 4000;
        let present = agent.decommissioned.is_none() && agent.uninstalled.is_none();
        let last_seen = self.last_seen(index, agent);

        let mut json = Json::with_capacity(BODY_BYTES);
        let (mut last_active_at, mut updated_at) = (0, 0);
        json.object(|j| {
            j.id("accountId", account.id);
            j.text("accountName", &account.name);
            j.key("activeDirectory").object(|j| {
                let unit = if server { "Servers" } else { "Workstations" };
                let dn = format!("CN={},OU={unit},OU={},DC=corp,DC=example,DC=com", face.computer, site.code);
                j.maybe("computerDistinguishedName", joined.then_some(dn.as_str()));
                if joined {
                    j.key("computerMemberOf").array(|j| {
                        j.string(&format!("CN={unit}-{},OU=Groups,DC=corp,DC=example,DC=com", site.code));
                        if encrypted {
                            j.string("CN=BitLocker,OU=Groups,DC=corp,DC=example,DC=com");
                        }
                    });
                } else if odd.is_multiple_of(2) {
                    j.null("computerMemberOf");
                } else {
                    j.key("computerMemberOf").array(|_| {});
                }
                let user_dn = format!("CN={},OU=People,OU={},DC=corp,DC=example,DC=com", face.user, site.code);
                let person = joined && !face.user.is_empty() && !server;
                j.maybe("lastUserDistinguishedName", person.then_some(user_dn.as_str()));
                if person {
                    j.key("lastUserMemberOf").array(|j| j.string("CN=Staff,OU=Groups,DC=corp,DC=example,DC=com"));
                } else if odd.is_multiple_of(3) {
                    j.null("lastUserMemberOf");
                } else {
                    j.key("lastUserMemberOf").array(|_| {});
                }
                if !older_console {
                    let mail = format!("{}@example.com", face.user);
                    j.maybe("userPrincipalName", person.then_some(mail.as_str()));
                    j.maybe("mail", person.then_some(mail.as_str()));
                }
            });
            if !older_console {
                j.key("activeProtection").array(|j| {
                    j.string("edr");
                    if ranger && joined {
                        j.string("idr");
                    }
                });
            }
            j.int("activeThreats", i64::from(agent.active_threats));
            j.text("agentVersion", self.version(agent));
            j.bool("allowRemoteShell", odd.is_multiple_of(4));
            j.text("appsVulnerabilityStatus", ["patch_required", "up_to_date", "not_applicable"][(odd % 3) as usize]);
            j.key("cloudProviders").object(|j| {
                if profile.family == Family::Node {
                    j.key("AWS").object(|j| {
                        j.text("awsRole", "eks-worker-node-prod");
                        j.key("awsSecurityGroups").array(|j| j.string("sg-0a1b2c3d4e5f60718"));
                        j.key("awsSubnetIds").array(|j| j.string("subnet-41ff1025"));
                        j.text("cloudAccount", "111122223333");
                        j.text("cloudImage", "ami-0123456789abcdef0");
                        j.text("cloudInstanceId", &format!("i-{index:017x}"));
                        j.text("cloudInstanceSize", "m5.xlarge");
                        j.text("cloudLocation", "eu-west-1");
                        j.text("cloudNetwork", "vpc-1f123456");
                        j.key("cloudTags").array(|j| j.string("eks:cluster-name: orders-prod"));
                    });
                    j.key("K8s").object(|j| {
                        j.text("clusterName", "orders-prod");
                        j.text("kubernetesType", "k8s");
                        j.text("kubernetesVersion", "v1.30.8-eks-2d5f260");
                        j.text("kubernetesNodeName", &face.computer);
                        j.key("kubernetesNodeLabels").array(|j| j.string("kubernetes.io/arch:amd64"));
                        j.text("agentNamespace", "sentinelone");
                        j.text("agentPodName", &format!("sentinelone-agent-{index:05x}"));
                    });
                } else if hardware.model.starts_with("VMware") {
                    j.key("ESXI").object(|_| {});
                }
            });
            j.text("computerName", &face.computer);
            let migrated = agent.plant.as_ref().is_some_and(|plant| plant.migrated);
            j.text("consoleMigrationStatus", if migrated { "Migrated" } else { "N/A" });
            if !older_console {
                if profile.family == Family::Node {
                    j.key("containerizedWorkloadCounts").object(|j| {
                        j.int("podsCount", 11);
                        j.int("containersCount", 23);
                        j.null("tasksCount");
                    });
                } else {
                    j.null("containerizedWorkloadCounts");
                }
            }
            j.int("coreCount", cores);
            j.int("cpuCount", if server { cores / 2 } else { cores });
            j.text("cpuId", cpu);
            j.instant("createdAt", agent.created);
            if !older_console {
                j.maybe("detectionState", if odd.is_multiple_of(5) { None } else { Some("full_mode") });
            }
            j.text("domain", &face.domain);
            j.bool("encryptedApplications", encrypted);
            match odd % 7 {
                0 => j.null("externalId"),
                1 => j.text("externalId", &format!("CMDB-{index:06}")),
                _ => j.text("externalId", ""),
            }
            j.text("externalIp", &dotted(face.external));
            if odd == 61 || odd == 62 {
                j.text("firewallEnabled", "True");
            } else {
                j.bool("firewallEnabled", odd % 10 != 3);
            }
            if !older_console {
                j.maybe_instant("firstFullModeTime", (!odd.is_multiple_of(5)).then_some(agent.created + MINUTE));
                j.maybe_instant("fullDiskScanLastUpdatedAt", agent.scan_finished);
            }
            j.id("groupId", group.id);
            j.text("groupIp", &format!("{}.{}.{}.x", face.external[0], face.external[1], face.external[2]));
            j.text("groupName", group.name);
            if !older_console {
                j.instant("groupUpdatedAt", group.created.max(agent.created));
                j.bool("hasContainerizedWorkload", profile.family == Family::Node);
            }
            j.id("id", agent.id);
            j.bool("inRemoteShellSession", false);
            j.bool("infected", agent.active_threats > 0);
            j.text("installerType", profile.installer);
            j.bool("isActive", present && agent.alive);
            if !older_console {
                j.bool("isAdConnector", false);
            }
            j.bool("isDecommissioned", agent.decommissioned.is_some());
            if !older_console {
                j.null("isHyperAutomate");
            }
            j.bool("isPendingUninstall", odd == 70);
            j.bool("isUninstalled", agent.uninstalled.is_some());
            let newest = VERSIONS[version_family(usize::from(agent.profile))].len() - 1;
            let current = usize::from(agent.version) == newest;
            if odd == 63 || odd == 64 {
                j.text("isUpToDate", if current { "True" } else { "False" });
            } else {
                j.bool("isUpToDate", current);
            }
            last_active_at = j.instant("lastActiveDate", last_seen);
            j.maybe("lastIpToMgmt", (!odd.is_multiple_of(11)).then_some(dotted(face.address)).as_deref());
            j.text("lastLoggedInUserName", if odd.is_multiple_of(9) { "" } else { &face.user });
            if !older_console {
                // Three digits: this service writes milliseconds.
                let last = agent.scan_finished.map(millis_text);
                j.maybe("lastSuccessfulScanDate", last.as_deref());
            }
            j.text("licenseKey", if odd == 65 { "simulated-licence-7Q2M" } else { "" });
            j.bool("locationEnabled", !server);
            if server {
                j.text("locationType", "not_supported");
                j.null("locations");
            } else if odd.is_multiple_of(3) {
                j.text("locationType", "specific");
                j.key("locations").array(|j| {
                    j.object(|j| {
                        j.id("id", site.id + 3);
                        j.text("name", &html(&format!("Office <{}>", site.code)));
                        j.text("scope", "site");
                    });
                });
            } else {
                j.text("locationType", "fallback");
                j.key("locations").array(|j| {
                    j.object(|j| {
                        j.id("id", 629_380_164_464_502_476);
                        j.text("name", "Fallback");
                        j.text("scope", "global");
                    });
                });
            }
            if profile.os_type == "windows" && !older_console {
                let mut sid = Dice::new(self.seed, salt::AGENT_BODY ^ 1, index as u64);
                let (a, b, c) = (sid.below(1 << 32), sid.below(1 << 32), sid.below(1 << 32));
                j.text("machineSid", &format!("S-1-5-21-{a}-{b}-{c}"));
            }
            j.text("machineType", MACHINES[usize::from(agent.machine)]);
            if profile.family == Family::Mac {
                j.key("missingPermissions").array(|j| match odd % 10 {
                    0 => j.string("user-action-needed-bluetooth-per"),
                    1 => {
                        j.string("user_action_needed_fda");
                        j.string("user-action-needed-bluetooth-per");
                    }
                    _ => {}
                });
            } else if odd.is_multiple_of(2) {
                j.key("missingPermissions").array(|_| {});
            }
            j.text("mitigationMode", if agent.detect { "detect" } else { "protect" });
            j.text("mitigationModeSuspicious", "detect");
            j.text("modelName", &hardware.model);
            j.key("networkInterfaces").array(|j| {
                for (card, nth) in hardware.cards.iter().zip(1..) {
                    j.object(|j| {
                        let router = card.address.map(|ip| dotted(gateway(ip)));
                        if odd % 4 != 1 {
                            j.maybe("gatewayIp", router.as_deref());
                            let known = router.is_some() && odd % 5 != 2;
                            let router_mac = mac(gateway_mac(face.address), odd);
                            j.maybe("gatewayMacAddress", known.then_some(router_mac.as_str()));
                        }
                        j.id("id", agent.id + nth);
                        j.key("inet").array(|j| {
                            // The second card of some is idle.
                            if let Some(ip) = card.address.filter(|_| nth == 1 || odd % 3 != 2) {
                                j.string(&dotted(ip));
                            }
                        });
                        j.key("inet6").array(|j| {
                            if !odd.is_multiple_of(6) {
                                let b = card.mac;
                                j.string(&format!(
                                    "fe80::{:x}:{:x}:{:x}:{:x}",
                                    u16::from_be_bytes([b[0] ^ 2, b[1]]),
                                    u16::from_be_bytes([b[2], 0xff]),
                                    u16::from_be_bytes([0xfe, b[3]]),
                                    u16::from_be_bytes([b[4], b[5]])
                                ));
                            }
                        });
                        j.text("name", card.name);
                        j.text("physical", &mac(card.mac, odd));
                    });
                }
            });
            j.bool("networkQuarantineEnabled", odd % 8 == 1);
            let network = match (agent.isolated, present && agent.alive) {
                (true, _) => "disconnected",
                (_, true) => "connected",
                // A state that no published list names.
                _ if odd == 66 || odd == 67 => "suspended",
                _ => "disconnected",
            };
            j.text("networkStatus", network);
            j.text("operationalState", if odd == 68 || odd == 69 { "partially_disabled" } else { "na" });
            j.null("operationalStateExpiration");
            j.text("osArch", profile.arch);
            j.text("osName", profile.os_name);
            j.text("osRevision", revision);
            j.text("osStartTime", &seconds_text((last_seen - boot).max(agent.created - 2 * HOUR)));
            j.text("osType", profile.os_type);
            j.maybe("osUsername", (odd.is_multiple_of(13) && !face.user.is_empty()).then_some(face.user.as_str()));
            if !older_console {
                j.instant("policyUpdatedAt", group.created.max(agent.created) + 3 * SECOND);
                j.key("proxyStates").object(|j| {
                    j.bool("console", odd.is_multiple_of(17));
                    j.bool("deepVisibility", false);
                    if odd.is_multiple_of(2) {
                        j.null("pacFileUsage");
                        j.null("proxyMethod");
                    }
                    if odd.is_multiple_of(17) {
                        j.text("consoleProxyAddress", "proxy.corp.example.com:3128");
                        j.text("deepVisibilityProxyAddress", "");
                    }
                });
            }
            j.text("rangerStatus", if ranger { "Enabled" } else { ["NotApplicable", "Disabled"][(odd % 2) as usize] });
            j.maybe("rangerVersion", ranger.then_some("25.1.0.12"));
            j.instant("registeredAt", registered);
            j.text("remoteProfilingState", "disabled");
            j.null("remoteProfilingStateExpiration");
            j.maybe_instant("scanAbortedAt", (odd == 71).then_some(agent.scan_started + MINUTE));
            j.maybe_instant("scanFinishedAt", agent.scan_finished);
            j.instant("scanStartedAt", agent.scan_started);
            j.text("scanStatus", if agent.scan_finished.is_some() { "finished" } else { "started" });
            j.maybe("serialNumber", hardware.serial.as_deref());
            if !older_console {
                j.bool("showAlertIcon", agent.active_threats > 0);
            }
            j.id("siteId", site.id);
            j.text("siteName", &site.name);
            j.null("storageName");
            j.null("storageType");
            if !older_console {
                j.key("tags").object(|j| {
                    j.key("sentinelone").array(|j| {
                        for nth in 0..tag_count {
                            let which = (tagged as usize / 7 + nth * 3) % TAGS.len();
                            let (key, value) = TAGS[which];
                            let at = agent.created + DAY;
                            j.object(|j| {
                                j.instant("assignedAt", at);
                                j.text("assignedBy", &self.users[0].name);
                                j.id("assignedById", self.users[0].id);
                                let born = self.start - 900 * DAY;
                                j.id("id", make_id(born, crate::state::IdKind::Other, which as u64));
                                j.text("key", key);
                                j.text("value", value);
                            });
                        }
                    });
                });
            }
            j.bool("threatRebootRequired", reboot_needed && agent.active_threats > 0);
            j.int("totalMemory", memory);
            updated_at = j.instant("updatedAt", self.agent_updated(index, agent));
            j.key("userActionsNeeded").array(|j| {
                if reboot_needed {
                    j.string("reboot_needed");
                }
                if odd == 72 {
                    j.string("kernel_module_blocked");
                }
            });
            j.text("uuid", &face.uuid);
            if (60..160).contains(&odd) && self.oddities {
                // A field that no published specification has yet.
                j.key("liveUpdateState").object(|j| {
                    j.text("channel", "stable");
                    j.int("revision", (odd * 31) as i64);
                });
            }
        });
        (json.out, last_active_at, updated_at)
    }
}

/// A hardware address in one of the spellings that consoles send.
fn mac(bytes: [u8; 6], odd: u64) -> String {
    if odd.is_multiple_of(3) { mac_text(bytes, '-', true) } else { mac_text(bytes, ':', false) }
}
