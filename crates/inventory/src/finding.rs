//! Findings: EDR threats and alerts, what was judged and done about them, and what happened around them.
//!
//! One detection may be told twice: as a threat (or as an alert of a custom rule) and as an alert in the list of all
//! products. The alert names the other's native id; then they are one finding with two records, whichever came first.

use kernel::{Cell, IntegrationId, OrgId, RecordId, Table, Timestamp, Value};
use store::{Keys, Kind, StoreError, Tx};

use crate::apply::Context;
use crate::ask::{Ask, AskError, ask_in};
use crate::noun::{ConsoleScope, sorted};
use crate::out::{Child, Out};
use crate::severity::{derived, unified};

/// What a finding is that an engine made.
pub const THREAT: &str = "threat";

/// Agents report what they did about a threat, action by action, from this version on; the vendor publishes no number, and
/// consoles that answer in the present form manage none of the generations before it.
pub const ACTIONS_SINCE: [u32; 2] = [4, 0];

/// Whether an agent is from before agents reported what they did; `None` for what is no version.
#[must_use]
pub fn is_old(version: &str) -> Option<bool> {
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    let version = [parts.next()?, parts.next().unwrap_or(0)];
    Some(version < ACTIONS_SINCE)
}

/// What a console says about one threat or alert. Words are kept as the console spells them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindingNoun {
    /// The threat's name, or the rule's.
    pub name: Option<String>,
    /// What sort of finding: `threat`, `alert`.
    pub kind: Option<String>,
    /// How bad it is, as the console says. Only alerts say; of a threat it is derived ([`crate::severity::derived`]).
    pub severity: Option<String>,
    /// The product that found it: `EDR`, `STAR`, `Identity`. Only the list of all products says.
    pub product: Option<String>,
    /// The native id of the same detection as a threat or as an alert of a custom rule.
    pub external_id: Option<String>,
    /// Native id of the machine in the list of all assets, where the agent's own id is not told.
    pub asset_id: Option<String>,
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
    /// What that agent was to do about malicious things when it found it: `detect`, `protect`.
    pub agent_mode: Option<String>,
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
        // An alert says how bad it is; what says nothing is unknown, and of a threat the rule is asked.
        let threat = self.kind.is_none() || self.kind.as_deref() == Some(THREAT);
        let (severity, from) = match &self.severity {
            Some(told) => (unified(Some(told)), "console"),
            None if threat => {
                let [confidence, class, mitigation] =
                    [&self.confidence, &self.classification, &self.mitigation].map(Option::as_deref);
                (derived(confidence, class, mitigation), "derived")
            }
            None => (unified(None), "console"),
        };
        let old_agent = self.agent_version.as_deref().and_then(is_old);
        out.name("name", "name_folded", self.name);
        out.term("kind_term", "finding_kind", self.kind);
        out.word("severity_term", "severity", Some(severity));
        out.word("severity_from_term", "severity_from", Some(from));
        out.term("product_term", "detection_product", self.product);
        out.id("external_id", self.external_id);
        out.id("asset_native_id", self.asset_id);
        out.volatile().flag("old_agent", old_agent);
        out.term("agent_mode_term", "mitigation_mode", self.agent_mode);
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

/// Something that happened around a finding, or that somebody wrote about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventNoun {
    /// Native id of the finding.
    pub finding_id: Option<String>,
    /// `event` or `note`.
    pub kind: &'static str,
    /// The number of its type, as activities have them.
    pub type_: Option<i64>,
    /// What happened, or what was written.
    pub text: Option<String>,
    /// More about it.
    pub detail: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Whether it was changed after it was written.
    pub edited: Option<bool>,
    /// When.
    pub at: Option<Timestamp>,
}

impl EventNoun {
    /// Writes the event's row.
    pub(crate) fn write(self, out: &mut Out) {
        out.id("finding_native_id", self.finding_id);
        out.word("kind_term", "event_kind", Some(self.kind).filter(|kind| !kind.is_empty()));
        out.int("type", self.type_);
        out.text("text", "text_folded", self.text);
        out.text("detail", "detail_folded", self.detail);
        out.text("author", "author_folded", self.author);
        out.flag("edited", self.edited);
        out.time("at", self.at);
    }
}

/// Streams whose records are findings in their own right: a threat, an alert of a custom rule.
const OWN: [&str; 2] = ["threats", "custom_alerts"];

/// The stream that tells detections of all products, those of the others once more.
const AGAIN: &str = "unified_alerts";

/// Joins detections that are told twice, after the records of a page were written. Right whichever came first.
pub(crate) fn merge(tx: &mut Tx, ctx: &Context, records: &[i64]) -> Result<(), StoreError> {
    const BY_ALERT: &str = "SELECT f.record_id, MIN(r.record_id) FROM inventory_finding f
        JOIN inventory_source_record r ON r.org_id = f.org_id AND r.integration_id = f.integration_id
            AND r.stream IN ('threats', 'custom_alerts') AND r.native_id = f.external_id
        JOIN inventory_finding o ON o.org_id = r.org_id AND o.record_id = r.record_id
        WHERE f.org_id = $1 AND f.record_id IN KEYS GROUP BY f.record_id";
    const BY_FINDING: &str = "SELECT f.record_id, MIN(o.record_id) FROM inventory_finding o
        JOIN inventory_finding f ON f.org_id = o.org_id AND f.integration_id = o.integration_id
            AND f.external_id = o.native_id AND f.record_id <> o.record_id
        WHERE o.org_id = $1 AND o.record_id IN KEYS GROUP BY f.record_id";
    const MERGE: &[(&str, Kind)] =
        &[("org_id", Kind::Int), ("record_id", Kind::Int), ("finding_id", Kind::Int), ("since", Kind::Int)];
    let sql = match ctx.stream {
        AGAIN => BY_ALERT,
        stream if OWN.contains(&stream) => BY_FINDING,
        _ => return Ok(()),
    };
    let pairs = tx.select_in(sql, &[ctx.org.into()], Keys::Ints(records), |row| Ok((row.int(0)?, row.int(1)?)))?;
    let rows: Vec<Value> = pairs
        .into_iter()
        .flat_map(|(alert, finding)| [ctx.org.into(), alert.into(), finding.into(), ctx.now.into()])
        .collect();
    tx.insert_many("inventory_finding_merge", MERGE, &rows, "ON CONFLICT (org_id, record_id) DO NOTHING")?;
    Ok(())
}

/// What is told about a finding beside its fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// What was done about it, in the console's order.
    pub actions: Vec<FindingAction>,
    /// What happened around it and what people wrote about it, the earliest first; of one instant, as recorded.
    pub events: Vec<Event>,
    /// The records that tell of it: its own first, then alerts that name it.
    pub records: Vec<Told>,
}

/// Something that happened around a finding, or a note about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Option<Timestamp>,
    /// Whether somebody wrote it.
    pub is_note: bool,
    /// What happened, or what was written.
    pub text: String,
    /// More about it.
    pub detail: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
}

/// A record that tells of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The record.
    pub record: RecordId,
    /// The stream it is from.
    pub stream: String,
    /// The source's own id of it.
    pub native_id: String,
    /// The integration that it is from.
    pub integration: IntegrationId,
}

/// The most events that a story tells; the earliest are kept.
const EVENTS_MAX: i64 = 2_000;

/// The finding of a public id, or of the console's own id of any record that tells of it.
///
/// # Errors
/// The database fails.
pub fn find(tx: &mut Tx, org: OrgId, text: &str) -> Result<Option<RecordId>, StoreError> {
    const BY_NATIVE: &str = "SELECT f.record_id FROM inventory_source_record r
        JOIN inventory_finding f ON f.org_id = r.org_id AND f.record_id = r.record_id
        WHERE r.org_id = $1 AND r.stream IN ('threats', 'custom_alerts', 'unified_alerts') AND r.native_id = $2
        ORDER BY f.record_id LIMIT 1";
    const BY_ID: &str = "SELECT record_id FROM inventory_finding WHERE org_id = $1 AND record_id = $2";
    const WHOLE: &str = "SELECT finding_id FROM inventory_finding_merge WHERE org_id = $1 AND record_id = $2";
    let int = |row: &store::Row| row.int(0);
    let found = match RecordId::parse(text) {
        Some(record) => tx.query_opt(BY_ID, &[org.into(), record.into()], int)?,
        None => tx.query_opt(BY_NATIVE, &[org.into(), text.into()], int)?,
    };
    let Some(found) = found else { return Ok(None) };
    let whole = tx.query_opt(WHOLE, &[org.into(), found.into()], int)?;
    Ok(Some(RecordId(whole.unwrap_or(found))))
}

/// What is told about a finding beside its fields.
///
/// # Errors
/// The database fails.
pub fn story(tx: &mut Tx, org: OrgId, finding: RecordId) -> Result<Story, StoreError> {
    const ACTIONS: &str = "SELECT a.text, s.text, c.updated_at FROM inventory_finding_action c
        LEFT JOIN inventory_term a ON a.org_id = c.org_id AND a.term_id = c.action_term
        LEFT JOIN inventory_term s ON s.org_id = c.org_id AND s.term_id = c.status_term
        WHERE c.org_id = $1 AND c.record_id = $2 ORDER BY c.position";
    const EVENTS: &str = "SELECT e.at, k.text, e.text, e.detail, e.author FROM inventory_finding f
        JOIN inventory_finding_event e ON e.org_id = f.org_id AND e.integration_id = f.integration_id
            AND e.finding_native_id = f.native_id
        LEFT JOIN inventory_term k ON k.org_id = e.org_id AND k.term_id = e.kind_term
        WHERE f.org_id = $1 AND f.record_id = $2 ORDER BY COALESCE(e.at, 0), e.record_id LIMIT $3";
    const RECORDS: &str = "SELECT r.record_id, r.stream, r.native_id, r.integration_id FROM inventory_source_record r
        WHERE r.org_id = $1 AND (r.record_id = $2 OR r.record_id IN
            (SELECT n.record_id FROM inventory_finding_merge n WHERE n.org_id = $1 AND n.finding_id = $2))
        ORDER BY CASE WHEN r.record_id = $2 THEN 0 ELSE 1 END, r.record_id";
    let of = [org.into(), finding.into()];
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let actions = tx.query(ACTIONS, &of, |row| {
        let updated_at = row.opt_int(2)?.map(Timestamp::from_micros);
        Ok(FindingAction { action: owned(row.opt_text(0)?), status: owned(row.opt_text(1)?), updated_at })
    })?;
    let events = tx.query(EVENTS, &[org.into(), finding.into(), EVENTS_MAX.into()], |row| {
        Ok(Event {
            at: row.opt_int(0)?.map(Timestamp::from_micros),
            is_note: row.opt_text(1)? == Some("note"),
            text: owned(row.opt_text(2)?).unwrap_or_default(),
            detail: owned(row.opt_text(3)?),
            author: owned(row.opt_text(4)?),
        })
    })?;
    let records = tx.query(RECORDS, &of, |row| {
        Ok(Told {
            record: RecordId(row.int(0)?),
            stream: row.text(1)?.to_owned(),
            native_id: row.text(2)?.to_owned(),
            integration: IntegrationId(row.int(3)?),
        })
    })?;
    Ok(Story { actions, events, records })
}

/// The fields of a finding that [`tell`] reads.
pub const TOLD_FIELDS: [&str; 21] = [
    "name",
    "kind",
    "severity",
    "severity.from",
    "result",
    "verdict",
    "status",
    "mitigation",
    "mitigation.why",
    "confidence",
    "classification",
    "agent.name",
    "agent.os",
    "agent.version",
    "agent.mode",
    "file.path",
    "sha256",
    "tactic",
    "technique",
    "identified_at",
    "record.state",
];

/// A finding as it is told to people: its fields, and its story.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its id.
    pub id: RecordId,
    /// [`TOLD_FIELDS`] as columns, and one row.
    pub table: Table,
    /// What was done and what happened.
    pub story: Story,
}

/// Tells of the finding of a public id, or of the console's own id of any record that tells of it.
///
/// # Errors
/// The database fails.
pub fn tell(tx: &mut Tx, org: OrgId, text: &str, now: Timestamp) -> Result<Option<Finding>, AskError> {
    let Some(id) = find(tx, org, text)? else { return Ok(None) };
    let mut ask = Ask::new("findings", &format!("id:={id}"), now);
    ask.fields = TOLD_FIELDS.map(str::to_owned).to_vec();
    let table = ask_in(tx, org, &ask)?.table;
    let story = story(tx, org, id)?;
    Ok((!table.rows.is_empty()).then_some(Finding { id, table, story }))
}

impl Finding {
    /// What a field holds.
    #[must_use]
    pub fn cell(&self, field: &str) -> &Cell {
        let at = self.table.columns.iter().position(|column| column == field);
        at.and_then(|at| self.table.rows.first()?.get(at)).unwrap_or(&Cell::Empty)
    }

    /// The text of a field; of several values, with commas between them.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<String> {
        match self.cell(field) {
            Cell::Text(text) => Some(text.clone()),
            Cell::List(all) => {
                let text = |one: &Cell| if let Cell::Text(text) = one { Some(text.clone()) } else { None };
                let all: Vec<String> = all.iter().filter_map(text).collect();
                (!all.is_empty()).then(|| all.join(", "))
            }
            _ => None,
        }
    }

    /// What a field holds, as words; `not told` if it holds nothing.
    #[must_use]
    pub fn words(&self, field: &str) -> String {
        self.text(field).unwrap_or_else(|| "not told".to_owned()).replace('_', " ")
    }

    /// How bad it is, and who says so.
    #[must_use]
    pub fn severity(&self) -> String {
        let severity = self.words("severity");
        match self.text("severity.from").as_deref() {
            Some("derived") => format!(
                "{severity}: the console says none; derived from {}, {}, {}",
                self.words("confidence"),
                self.words("classification"),
                self.words("mitigation")
            ),
            Some("alert") => format!("{severity}: as the alert of the same detection says"),
            _ => severity,
        }
    }

    /// Whether it fails, and by which verdict.
    #[must_use]
    pub fn result(&self) -> String {
        let verdict = self.text("verdict").map_or_else(
            || "nobody judged it, which counts as undefined".to_owned(),
            |verdict| format!("its verdict is {}", verdict.replace('_', " ")),
        );
        match self.text("result").as_deref() {
            Some("fail") => format!("fail: {verdict}, one of those that count"),
            _ => format!("not failed: {verdict}, which is not one of those that count"),
        }
    }

    /// Why nothing is told of what was done; nothing if something is.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let version = || self.text("agent.version").unwrap_or_else(|| "of unknown version".to_owned());
        let [major, minor] = ACTIONS_SINCE;
        Some(match self.text("mitigation.why")?.as_str() {
            "detect_mode" => "nothing was done: the agent was in Detect mode, where it only reports".to_owned(),
            "agent_version" => {
                format!("nothing is told: agent {} is from before agents report it ({major}.{minor})", version())
            }
            "policy" => "nothing was done: the policy of the agent's group says Detect".to_owned(),
            _ => "nothing is told of what was done, and neither mode, policy nor version explains it".to_owned(),
        })
    }

    /// The machine as it was then: name, system, agent.
    #[must_use]
    pub fn machine(&self) -> String {
        let name = self.text("agent.name").unwrap_or_else(|| "not told".to_owned());
        let about: Vec<String> = [
            self.text("agent.os"),
            self.text("agent.version").map(|version| format!("agent {version}")),
            self.text("agent.mode").map(|mode| format!("in {mode} mode then")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if about.is_empty() { name } else { format!("{name}: {}", about.join(", ")) }
    }
}

impl Event {
    /// What happened, on one line.
    #[must_use]
    pub fn words(&self) -> String {
        let text = self.text.replace('\n', " ");
        if self.is_note {
            return format!("{} wrote: {text}", self.author.as_deref().unwrap_or("somebody"));
        }
        match &self.detail {
            Some(detail) => format!("{text} ({})", detail.replace('\n', " ")),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_old_by_its_version_and_not_by_a_word() {
        for (version, old) in
            [("3.7.4.60", Some(true)), ("4.0.1", Some(false)), ("23.4.2.14", Some(false)), ("N/A", None), ("", None)]
        {
            assert_eq!(is_old(version), old, "{version}");
        }
    }
}
