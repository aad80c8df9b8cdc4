//! Findings: EDR threats and what was judged and done about them.

use kernel::Timestamp;

use crate::noun::ConsoleScope;

/// What a console says about one threat. Words are kept as the console spells them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindingNoun {
    /// The threat's name.
    pub name: Option<String>,
    /// What sort of finding: `threat`.
    pub kind: Option<String>,
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
