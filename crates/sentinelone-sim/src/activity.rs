//! The text of one line of the console's diary, made when it is asked for.

use crate::agent::{Face, dotted};
use crate::catalog::{MALWARE, PROFILES, VERSIONS};
use crate::detections::{FINDING, RULES};
use crate::draw::Dice;
use crate::happen::code;
use crate::state::{Activity, INCIDENTS, NONE, Reach, State, VERDICTS, salt, version_family};
use crate::text::{Json, micros_text, uuid};

/// Which of the two shapes of a line is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A row of `GET /activities`.
    Activity,
    /// A row of a threat's timeline: fewer fields.
    Timeline,
}

/// Names of incident states as descriptions spell them.
const INCIDENT_WORDS: [&str; 3] = ["Unresolved", "In progress", "Resolved"];
const VERDICT_WORDS: [&str; 4] = ["Undefined", "True positive", "False positive", "Suspicious"];

impl State {
    /// Appends a line.
    pub(crate) fn write_activity(&self, activity: &Activity, shape: Shape, out: &mut Vec<u8>) {
        let mut dice = Dice::new(self.seed, salt::ACTIVITY, activity.id);
        let odd = if self.oddities { dice.below(1000) } else { 1000 };
        let account = &self.accounts[usize::from(activity.account)];
        let site = (activity.site != NONE).then(|| &self.sites[activity.site as usize]);
        let group = (activity.group != NONE).then(|| &self.groups[activity.group as usize]);
        let user = (activity.user != NONE).then(|| &self.users[activity.user as usize]);
        let agent = (activity.agent != NONE).then_some(activity.agent as usize);
        let threat = (activity.threat != NONE).then_some(activity.threat as usize);
        let face = agent.map(|a| self.face(a));
        let older_console = odd < 300;
        let face = face.as_ref();
        let (primary, secondary) = self.sentence(activity, face, &mut dice);

        let mut j = Json { out: std::mem::take(out) };
        // The buffer may end with the comma before this record.
        let fresh = j.out.len();
        j.out.push(b'{');
        j.id("accountId", account.id);
        if !older_console && shape == Shape::Activity {
            j.text("accountName", &account.name);
        }
        j.int("activityType", i64::from(activity.kind));
        if !older_console && shape == Shape::Activity {
            let mut own = Dice::new(self.seed, salt::ACTIVITY ^ 1, activity.id);
            j.text("activityUuid", &uuid(&mut own));
        }
        match agent {
            Some(agent) => j.id("agentId", self.agents[agent].id),
            None => j.null("agentId"),
        }
        let newest = (activity.kind == code::AGENT_UPDATED).then(|| {
            let row = &self.agents[agent.unwrap_or(0)];
            let versions = VERSIONS[version_family(usize::from(row.profile))];
            versions[(activity.detail as usize + 1).min(versions.len() - 1)]
        });
        j.maybe("agentUpdatedVersion", newest);
        if older_console && shape == Shape::Activity {
            j.null("applications");
        }
        if shape == Shape::Activity {
            j.null("comments");
        }
        j.instant("createdAt", activity.created);
        j.key("data").object(|j| {
            j.text("accountName", &account.name);
            match activity.kind {
                code::RULE_ALERT => self.alert_data(activity, face, j, &mut dice),
                _ => self.data(activity, face, j, &mut dice),
            }
            let mut path = String::with_capacity(96);
            let mut words = String::with_capacity(96);
            if let Some(group) = group {
                words.extend(["Group ", group.name, " in "]);
            }
            if let Some(site) = site {
                words.extend(["Site ", &site.name, " of "]);
            }
            words.extend(["Account ", &account.name]);
            path.extend(["Global / ", &account.name]);
            if let Some(site) = site {
                path.extend([" / ", &site.name]);
            }
            if let Some(group) = group {
                path.extend([" / ", group.name]);
            }
            j.text("fullScopeDetails", &words);
            if odd % 10 != 0 {
                j.text("fullScopeDetailsPath", &path);
            }
            j.maybe("groupName", group.map(|g| g.name));
            j.maybe("siteName", site.map(|s| s.name.as_str()));
            let (level, scope) = match (group, site) {
                (Some(group), _) => ("Group", group.name),
                (None, Some(site)) => ("Site", site.name.as_str()),
                _ => ("Account", account.name.as_str()),
            };
            j.text("scopeLevel", level);
            j.text("scopeName", scope);
        });
        if shape == Shape::Activity {
            j.null("description");
        }
        match group {
            Some(group) => j.id("groupId", group.id),
            None => j.null("groupId"),
        }
        if !older_console && shape == Shape::Activity {
            j.maybe("groupName", group.map(|g| g.name));
        }
        if threat.is_some() && odd % 4 == 0 {
            j.text("hash", &threat.map(|t| self.threat_hash(t)).unwrap_or_default());
        } else {
            j.null("hash");
        }
        j.id("id", activity.id);
        let family = (activity.kind == code::EXCLUSION_DELETED).then_some("windows");
        j.maybe("osFamily", family.or(agent.filter(|_| odd % 8 == 0).map(|a| self.family_word(a as u32))));
        j.text("primaryDescription", &primary);
        j.maybe("secondaryDescription", secondary.as_deref());
        match site {
            Some(site) => j.id("siteId", site.id),
            None => j.null("siteId"),
        }
        if !older_console && shape == Shape::Activity {
            j.maybe("siteName", site.map(|s| s.name.as_str()));
        }
        match threat {
            Some(threat) => j.id("threatId", self.threats[threat].id),
            None => j.null("threatId"),
        }
        // Most lines are updated a little before they are created: two clocks.
        let updated = activity.created + if odd % 10 < 7 { -4000 - odd as i64 } else { 5 };
        j.instant("updatedAt", updated);
        match user {
            Some(user) => j.id("userId", user.id),
            None => j.null("userId"),
        }
        j.out.push(b'}');
        debug_assert!(j.out.len() > fresh);
        *out = j.out;
    }

    /// The two sentences of a line.
    fn sentence(&self, activity: &Activity, face: Option<&Face>, dice: &mut Dice) -> (String, Option<String>) {
        let computer = face.map_or("", |face| face.computer.as_str());
        let user = if activity.user == NONE { "" } else { self.users[activity.user as usize].name.as_str() };
        let threat = (activity.threat != NONE).then_some(activity.threat as usize);
        let name = threat.map_or("", |t| MALWARE[usize::from(self.threats[t].malware)].name);
        let path = || threat.map(|t| self.path_of(t, face));
        let at = || {
            let text = micros_text(activity.created);
            format!("{} {} UTC", &text[0..10], &text[11..19])
        };
        let address = format!("192.0.2.{}", 1 + activity.detail % 250);
        match activity.kind {
            code::AGENT_SUBSCRIBED => (format!("{computer} subscribed and joined the group."), None),
            code::THREAT_MITIGATED => (format!("Threat {name} was detected on {computer} and mitigated."), path()),
            code::THREAT_NOT_MITIGATED => (
                format!("Threat with confidence level malicious detected: {name}."),
                threat.map(|t| self.threat_hash(t)),
            ),
            code::SUSPICIOUS => (
                format!("Threat with confidence level suspicious detected: {name}."),
                threat.map(|t| self.threat_hash(t)),
            ),
            code::LOGIN => (
                format!("The management user {user} logged in to the management console with IP Address {address}."),
                None,
            ),
            code::LOGOUT => (format!("The management user {user} logged out of the management console."), None),
            code::LOGIN_FAILED => {
                (format!("The management user {user} failed to log in to the management console."), None)
            }
            code::AGENT_UPDATED => (format!("Agent {computer} was updated."), None),
            code::DECOMMISSIONED => (format!("Agent {computer} automatically decommissioned."), None),
            code::UNINSTALLED => (format!("Agent {computer} was uninstalled."), None),
            code::MODE_CHANGED => {
                let word = if activity.detail == 1 { "Detect" } else { "Protect" };
                (format!("The management user {user} changed the mitigation mode to {word}."), None)
            }
            code::SNAPSHOTS_CHANGED => (format!("The management user {user} changed the snapshots setting."), None),
            code::POLICY_CHANGED => (format!("The management user {user} changed the policy."), None),
            code::SCAN_INITIATED => (format!("System initiated a full disk scan to the agent: {computer}."), None),
            code::SCAN_STARTED => (format!("Agent {computer} started full disk scan at {}.", at()), None),
            code::SCAN_COMPLETED => (format!("Agent {computer} completed full disk scan at {}.", at()), None),
            code::AGENT_ENABLED => (format!("The {computer} Agent is enabled due to time expiration."), None),
            code::ISOLATED => (format!("Agent {computer} was disconnected from network."), None),
            code::RECONNECTED => (format!("Agent {computer} was connected to network."), None),
            code::KILLED => (format!("The agent {computer} successfully killed the threat: {name}."), path()),
            code::QUARANTINED => (format!("The agent {computer} successfully quarantined the threat: {name}."), path()),
            code::MITIGATION_STATUS => (
                format!("Status of threat {name} on agent {computer} changed from Not mitigated to Mitigated."),
                path(),
            ),
            code::INCIDENT => {
                let (from, to) = ((activity.detail >> 8) as usize & 3, activity.detail as usize & 3);
                let (from, to) = (INCIDENT_WORDS[from.min(2)], INCIDENT_WORDS[to.min(2)]);
                (format!("The management user {user} changed the incident status of {name} from {from} to {to}."), None)
            }
            code::VERDICT => {
                let word = VERDICT_WORDS[activity.detail as usize & 3];
                (format!("The management user {user} changed the analyst verdict of {name} to {word}."), None)
            }
            code::NOTE_ADDED => {
                (format!("The management user {user} added a note to {name} &amp; its storyline."), None)
            }
            code::EXCLUSION_DELETED => (
                format!(
                    "The Management user {user} deleted the Path Exclusion C:\\Tools\\app{}.exe for Windows.",
                    activity.detail % 90
                ),
                None,
            ),
            code::RULE_ALERT => (format!("Alert created for an event on {computer} by a custom rule."), None),
            code::GROUP_CHANGED => {
                let from = self.groups[activity.detail as usize].name;
                let to = self.groups[activity.group as usize].name;
                (format!("The Agent {computer} moved dynamically from Group {from} to Group {to}"), None)
            }
            code::GROUP_DELETED => (format!("The management user {user} deleted a group."), None),
            code::USER_ADDED => (format!("The management user {user} was added."), None),
            code::USER_MODIFIED => (format!("The management user {user} was modified."), None),
            code::USER_DELETED => (format!("The management user {user} was deleted."), None),
            code::TAG_ADDED => (format!("The management user {user} added a tag."), None),
            code::NOTE_UPDATED => (format!("The management user {user} changed a note on {name}."), None),
            code::NOTE_DELETED => (format!("The management user {user} deleted a note on {name}."), None),
            code::SITE_DELETED => (format!("The management user {user} deleted a site."), None),
            code::FIREWALL => (
                format!("Firewall Control blocked traffic on the Endpoint {computer} because of rule Block all."),
                None,
            ),
            _ => (format!("Something of kind {} happened.", activity.kind), Some(format!("{}", dice.below(1000)))),
        }
    }

    /// `data` of most kinds: camel case.
    fn data(&self, activity: &Activity, face: Option<&Face>, j: &mut Json, dice: &mut Dice) {
        let user = (activity.user != NONE).then(|| &self.users[activity.user as usize]);
        if let Some(face) = face {
            j.text("computerName", &face.computer);
            if activity.kind != code::FIREWALL {
                j.text("externalIp", &dotted(face.external));
                j.text("uuid", &face.uuid);
            }
        }
        if activity.threat != NONE {
            let threat = activity.threat as usize;
            let row = &self.threats[threat];
            let malware = &MALWARE[usize::from(row.malware)];
            j.text("confidenceLevel", ["malicious", "suspicious", "n/a"][usize::from(row.confidence)]);
            j.null("escapedMaliciousProcessArguments");
            j.text("fileContentHash", &self.threat_hash(threat));
            j.text("fileDisplayName", malware.name);
            j.text("filePath", &self.path_of(threat, face));
            j.text("threatClassification", malware.classification);
            j.maybe("threatClassificationSource", malware.source);
        }
        match activity.kind {
            code::LOGIN => {
                j.text("ipAddress", &format!("192.0.2.{}", 1 + activity.detail % 250));
                j.null("reason");
                j.maybe("role", user.map(|u| u.role));
                j.text("source", "mgmt");
                j.maybe("username", user.map(|u| u.name.as_str()));
                // The spelling of this key changed between console versions.
                let word = match user.map(|u| u.reach) {
                    Some(Reach::Tenant) => "tenant",
                    Some(Reach::Site(_)) => "site",
                    _ => "account",
                };
                j.text(if activity.detail.is_multiple_of(2) { "userscope" } else { "userScope" }, word);
            }
            code::VERDICT => {
                j.text("newStatus", VERDICTS[activity.detail as usize & 3]);
                j.maybe("username", user.map(|u| u.name.as_str()));
            }
            code::INCIDENT => {
                j.text("newStatus", INCIDENTS[(activity.detail as usize & 3).min(2)]);
                j.text("originalStatus", INCIDENTS[((activity.detail >> 8) as usize & 3).min(2)]);
                j.maybe("username", user.map(|u| u.name.as_str()));
            }
            code::MITIGATION_STATUS => {
                j.text("newStatus", "Mitigated");
                j.text("originalStatus", "Not mitigated");
            }
            code::QUARANTINED | code::KILLED => {
                j.maybe("globalStatus", activity.detail.is_multiple_of(2).then_some("success"));
                let report = activity.id - (activity.id % 1000);
                j.text("downloadUrl", &format!("/threats/mitigation-report/{report}"));
            }
            code::GROUP_CHANGED => {
                let (from, to) = (activity.detail as usize, activity.group as usize);
                j.id("newGroupId", self.groups[to].id);
                j.text("newGroupName", self.groups[to].name);
                j.id("oldGroupId", self.groups[from].id);
                j.text("oldGroupName", self.groups[from].name);
            }
            code::AGENT_UPDATED => {
                let row = &self.agents[activity.agent as usize];
                let versions = VERSIONS[version_family(usize::from(row.profile))];
                j.text("oldVersion", versions[(activity.detail as usize).min(versions.len() - 1)]);
                j.text("newVersion", versions[(activity.detail as usize + 1).min(versions.len() - 1)]);
            }
            code::SCAN_STARTED | code::SCAN_COMPLETED => {
                let word = if activity.kind == code::SCAN_STARTED { "started" } else { "finished" };
                j.text("status", word);
                // Another date form, with an offset instead of the letter.
                let text = crate::text::millis_text(activity.created - 10_447);
                j.text("createdAt", &text.replace('Z', "+00:00"));
            }
            code::SCAN_INITIATED => {
                j.bool("system", true);
                j.null("username");
            }
            code::AGENT_ENABLED => {
                j.null("disabledLevel");
                j.text("enabledReason", "expired");
                j.null("expiration");
            }
            code::EXCLUSION_DELETED => {
                j.text("exclusionType", "path");
                j.text("osFamily", "Windows");
                j.maybe("username", user.map(|u| u.name.as_str()));
                j.text("value", &format!("C:\\Tools\\app{}.exe", activity.detail % 90));
            }
            code::FIREWALL => {
                j.text("action", "Block");
                j.text("localPorts", "");
                j.key("locationNames").array(|_| {});
                j.int("numberOfEvents", 1 + dice.below(20) as i64);
                j.int("order", 32);
                j.key("osTypes").array(|j| j.string("windows"));
                j.int("processId", 4);
                j.text("remotePortType", "any");
                j.text("reportedRemoteHost", &format!("198.51.100.{}", activity.detail % 250));
                // An id as a number beyond what a double can hold.
                j.int("ruleId", 556_166_862_007_673_241);
                j.text("ruleName", "Block all");
            }
            code::POLICY_CHANGED | code::MODE_CHANGED | code::SNAPSHOTS_CHANGED | code::LOGIN_FAILED | code::LOGOUT => {
                j.maybe("username", user.map(|u| u.name.as_str()));
                // The same id is a number here and a text at the top of the row.
                j.int("accountId", self.accounts[usize::from(activity.account)].id as i64);
                j.null("realUser");
                j.maybe(
                    "newValue",
                    (activity.kind == code::MODE_CHANGED).then_some(if activity.detail == 1 {
                        "detect"
                    } else {
                        "protect"
                    }),
                );
            }
            _ => {
                j.maybe("username", user.map(|u| u.name.as_str()));
            }
        }
    }

    /// The path of a threat's file, on the agent whose face is given.
    fn path_of(&self, threat: usize, face: Option<&Face>) -> String {
        face.map_or_else(|| self.threat_path(threat), |face| self.threat_path_on(threat, face))
    }

    /// `data` of alerts by custom rules: lower-case keys, numbers beyond 2^53, and a key that is misspelt.
    fn alert_data(&self, activity: &Activity, face: Option<&Face>, j: &mut Json, dice: &mut Dice) {
        let Some(face) = face else { return };
        let row = &self.agents[activity.agent as usize];
        let profile = &PROFILES[usize::from(row.profile)];
        let alert = crate::happen::alert_id(activity.id);
        let rule = &RULES[(crate::draw::mix(self.seed ^ alert) % FINDING) as usize];
        j.text("agentipv4", &format!("{},172.17.0.1", dotted(face.address)));
        // A number in one alert, a text in the next.
        if activity.detail.is_multiple_of(2) {
            j.int("alertid", alert as i64);
            j.int("detectedat", activity.created / 1000 - 813);
        } else {
            j.text("alertid", &alert.to_string());
            j.text("detectedat", &crate::text::seconds_text(activity.created));
        }
        j.text("dnsrequest", "");
        j.int("dstport", 0);
        j.text("dveventtype", if dice.per_mille(500) { "BEHAVIORALINDICATORS" } else { "FILEMODIFICATION" });
        j.text("externalip", &dotted(face.external));
        j.text("indicatorname", "PowershellExecutionPolicyChanged");
        j.text("k8sclustername", "");
        j.text("origagentmachinetype", crate::catalog::MACHINES[usize::from(row.machine)]);
        j.text("origagentname", &face.computer);
        j.text("origagentosfamily", profile.os_type);
        j.text("origagentosname", profile.os_name);
        j.text("origagentuuid", &face.uuid);
        j.text("origagentversion", VERSIONS[version_family(usize::from(row.profile))][0]);
        j.int("ruleId", rule.id as i64);
        j.int("ruleid", rule.id as i64);
        j.text("rulename", rule.name);
        j.text("ruledescription", "A rule of ours &lt;migrated&gt;");
        j.int("rulescopeid", self.sites[activity.site as usize].id as i64);
        j.text("rulescopelevel", "E_SITE");
        j.text("severity", ["E_LOW", "E_MEDIUM", "E_HIGH"][dice.index(3)]);
        j.text("sourcename", "STAR");
        j.text(
            "sourceprocesscommandline",
            "\"C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe\" -NoLogo",
        );
        j.text("sourceprocessfilesingeridentity", "MICROSOFT WINDOWS");
        j.int("sourceparentprocesspid", 11_196);
    }
}
