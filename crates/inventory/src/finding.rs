//! Findings: EDR threats and alerts of custom rules, and what was judged and done about them.

use kernel::Timestamp;

use crate::noun::{ConsoleScope, sorted};
use crate::out::{Child, Out};

/// What a console says about one threat or alert. Words are kept as the console spells them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindingNoun {
    /// The threat's name, or the rule's.
    pub name: Option<String>,
    /// What sort of finding: `threat`, `alert`.
    pub kind: Option<String>,
    /// How bad it is, in lower case. Only alerts say: `critical`.
    pub severity: Option<String>,
    /// Its class: `Malware`, `Ransomware`.
    pub classification: Option<String>,
    /// Who classified it: `Cloud`, `Static`.
    pub classification_source: Option<String>,
    /// `static` or `dynamic`.
    pub detection_type: Option<String>,
    /// `malicious`, `suspicious`, `n/a`.
    pub confidence: Option<String>,
    /// The analyst's verdict: `true_positive`.
    pub verdict: Option<String>,
    /// The incident's status: `unresolved`.
    pub status: Option<String>,
    /// Whether it was mitigated: `not_mitigated`.
    pub mitigation: Option<String>,
    /// What started the detection: `agent_policy`.
    pub initiated_by: Option<String>,
    /// Whether no file is involved.
    pub fileless: Option<bool>,
    /// Whether the console resolved it by itself.
    pub auto_resolved: Option<bool>,
    /// Whether an action failed.
    pub failed_actions: Option<bool>,
    /// Whether an action is pending.
    pub pending_actions: Option<bool>,
    /// Whether it asks for a reboot.
    pub reboot_required: Option<bool>,
    /// The file, in the form the agent uses.
    pub file_path: Option<String>,
    /// The file's size in bytes.
    pub file_size: Option<i64>,
    /// SHA-1 of the file, lower case.
    pub sha1: Option<String>,
    /// SHA-256 of the file, lower case.
    pub sha256: Option<String>,
    /// MD5 of the file, lower case.
    pub md5: Option<String>,
    /// Who signed the file.
    pub publisher: Option<String>,
    /// How the signature was judged: `NotSigned`.
    pub signature: Option<String>,
    /// The process that brought it.
    pub process: Option<String>,
    /// The user of that process.
    pub process_user: Option<String>,
    /// The malicious process's arguments.
    pub command: Option<String>,
    /// The storyline that ties its events together.
    pub storyline: Option<String>,
    /// The ticket in another system.
    pub ticket: Option<String>,
    /// Native id of the agent that found it.
    pub agent_id: Option<String>,
    /// That agent's uuid.
    pub agent_uuid: Option<String>,
    /// That machine's name.
    pub agent_name: Option<String>,
    /// That machine's operating system as people say it.
    pub agent_os: Option<String>,
    /// Its family.
    pub agent_os_family: Option<String>,
    /// That machine's type.
    pub agent_type: Option<String>,
    /// That agent's version.
    pub agent_version: Option<String>,
    /// Where in the console it was found.
    pub console: ConsoleScope,
    /// When the agent identified it.
    pub identified_at: Option<Timestamp>,
    /// When the console made its row.
    pub created_at: Option<Timestamp>,
    /// When the console last changed its row.
    pub updated_at: Option<Timestamp>,
    /// Keys of the engines that found it: `pre_execution`.
    pub engines: Vec<String>,
    /// MITRE tactics and techniques of its indicators.
    pub techniques: Vec<Technique>,
    /// What was done about it, in the console's order.
    pub actions: Vec<FindingAction>,
}

/// A MITRE tactic and, where given, a technique of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Technique {
    /// The tactic's name: `Persistence`.
    pub tactic: String,
    /// The technique's id: `T1547.001`.
    pub technique: Option<String>,
}

/// One thing done about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingAction {
    /// What: `kill`, `quarantine`.
    pub action: Option<String>,
    /// How it went: `success`, `pending-reboot`.
    pub status: Option<String>,
    /// When that was last reported.
    pub updated_at: Option<Timestamp>,
}

impl FindingNoun {
    /// Writes the finding's row and its child rows.
    pub(crate) fn write(self, out: &mut Out) {
        out.name("name", "name_folded", self.name);
        out.term("kind_term", "finding_kind", self.kind);
        out.term("severity_term", "severity", self.severity);
        out.term("classification_term", "classification", self.classification);
        out.term("classification_source_term", "classification_source", self.classification_source);
        out.term("detection_type_term", "detection_type", self.detection_type);
        out.term("confidence_term", "confidence", self.confidence);
        out.term("verdict_term", "verdict", self.verdict);
        out.term("status_term", "finding_status", self.status);
        out.term("mitigation_term", "mitigation", self.mitigation);
        out.term("initiated_by_term", "initiated_by", self.initiated_by);
        out.flag("fileless", self.fileless);
        out.flag("auto_resolved", self.auto_resolved);
        out.flag("failed_actions", self.failed_actions);
        out.flag("pending_actions", self.pending_actions);
        out.flag("reboot_required", self.reboot_required);
        out.text("file_path", "file_path_folded", self.file_path);
        out.int("file_size", self.file_size);
        out.id("sha1", self.sha1);
        out.id("sha256", self.sha256);
        out.id("md5", self.md5);
        out.term("publisher_term", "publisher", self.publisher);
        out.term("signature_term", "signature", self.signature);
        out.text("process", "process_folded", self.process);
        out.text("process_user", "process_user_folded", self.process_user);
        out.text("command", "command_folded", self.command);
        out.id("storyline", self.storyline);
        out.id("ticket", self.ticket);
        out.id("agent_native_id", self.agent_id);
        out.id("agent_uuid", self.agent_uuid);
        out.volatile().name("agent_name", "agent_name_folded", self.agent_name);
        out.volatile().term("agent_os_term", "os", self.agent_os);
        out.volatile().term("agent_os_family_term", "os_family", self.agent_os_family);
        out.volatile().term("agent_type_term", "type", self.agent_type);
        out.volatile().term("agent_version_term", "agent_version", self.agent_version);
        self.console.write(out);
        out.time("identified_at", self.identified_at);
        out.time("created_at", self.created_at);
        out.volatile().time("updated_at", self.updated_at);

        let engines: Vec<i64> = self.engines.into_iter().filter_map(|engine| out.intern("engine", engine)).collect();
        for engine in sorted(engines) {
            out.child(Child::Engine, [engine.into()]);
        }
        let techniques = self.techniques.into_iter().filter_map(|technique| {
            let tactic = out.intern("tactic", technique.tactic)?;
            Some((tactic, technique.technique.and_then(|technique| out.intern("technique", technique)).unwrap_or(0)))
        });
        for (tactic, technique) in sorted(techniques.collect()) {
            out.child(Child::Technique, [tactic.into(), technique.into()]);
        }
        for (action, position) in self.actions.into_iter().zip(0i64..) {
            let what = action.action.and_then(|action| out.intern("action", action));
            let status = action.status.and_then(|status| out.intern("action_status", status));
            out.child(Child::Action, [position.into(), what.into(), status.into(), action.updated_at.into()]);
        }
    }
}
