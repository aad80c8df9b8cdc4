//! `muster finding`: one finding as a story: what it is, whether it fails and why, what was done, in which order.

use clap::Subcommand;
use inventory::finding::{Event, Story};
use inventory::{Answer, Ask, AskError};
use kernel::{Cell, OrgId, RecordId, Timestamp};

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::place::Place;
use crate::terminal::{Terminal, counted};

/// The orders.
#[derive(Subcommand)]
pub enum FindingCommand {
    /// Shows one finding: what it is, whether it fails and why, and what happened in which order
    #[command(after_help = "\
The id is Muster's (rec_..) or the console's, of the threat or of the alert that tells of it.

Examples:
  muster finding show 1234567890123456789
  muster query 'result:fail mitigation.why:detect_mode' --in findings --fields id,name")]
    Show {
        /// The finding's id
        #[arg(value_name = "ID")]
        id: String,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
}

const ORG: OrgId = OrgId::DEFAULT;

pub async fn run(global: &Global, command: FindingCommand, terminal: &Terminal) -> Result<(), Failure> {
    let FindingCommand::Show { id, json } = command;
    show(global, id, json, terminal).await
}

/// The fields of a finding that a story begins with, in the order in which [`Finding`] reads them.
const FIELDS: [&str; 21] = [
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

async fn show(global: &Global, id: String, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let store = Place::new(global)?.open_to_read()?;
    let (text, now) = (id.clone(), terminal.now());
    let found = store.read(move |tx| told(tx, &text, now)).await?;
    let Some((record, answer, story)) = found else {
        return Err(Failure::new(Exit::Usage, format!("there is no finding {id:?}"))
            .with("To look for it: muster query NAME --in findings --fields id,name,native_id."));
    };
    if json {
        return terminal.result(&format!("{}\n", in_json(record, &answer, &story)));
    }
    terminal.result(&in_words(record, &Finding(&answer), &story, terminal))
}

/// A finding's record, its fields and its story.
type Told = (RecordId, Answer, Story);

fn told(tx: &mut store::Tx<'_>, text: &str, now: Timestamp) -> Result<Option<Told>, AskError> {
    let Some(record) = inventory::finding::find(tx, ORG, text)? else { return Ok(None) };
    let mut ask = Ask::new("findings", &format!("id:={record}"), now);
    ask.fields = FIELDS.map(str::to_owned).to_vec();
    let answer = inventory::ask_in(tx, ORG, &ask)?;
    let story = inventory::finding::story(tx, ORG, record)?;
    Ok((!answer.table.rows.is_empty()).then_some((record, answer, story)))
}

/// The one row of an answer.
struct Finding<'a>(&'a Answer);

impl Finding<'_> {
    fn cell(&self, field: &str) -> &Cell {
        let at = self.0.table.columns.iter().position(|column| column == field);
        at.and_then(|at| self.0.table.rows.first()?.get(at)).unwrap_or(&Cell::Empty)
    }

    fn text(&self, field: &str) -> Option<String> {
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

    /// What is told in a field, as words.
    fn words(&self, field: &str) -> String {
        self.text(field).unwrap_or_else(|| "not told".to_owned()).replace('_', " ")
    }
}

fn in_words(record: RecordId, finding: &Finding<'_>, story: &Story, terminal: &Terminal) -> String {
    let mut lines = vec![format!("{}  {record}", finding.text("name").unwrap_or_else(|| "without a name".to_owned()))];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<11} {text}"));
    let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| terminal.result_time(at, false));
    line("severity", severity(finding));
    line("result", result(finding));
    line("mitigation", finding.words("mitigation"));
    if let Some(why) = why(finding) {
        line("", why);
    }
    line("status", finding.words("status"));
    line("machine", machine(finding));
    if let Some(path) = finding.text("file.path") {
        line("file", path);
    }
    if let Some(hash) = finding.text("sha256") {
        line("sha256", hash);
    }
    if let Some(tactics) = finding.text("tactic") {
        let techniques = finding.text("technique").map(|techniques| format!(": {techniques}")).unwrap_or_default();
        line("MITRE", tactics + &techniques);
    }
    if let Cell::Time(at) = finding.cell("identified_at") {
        line("found", time(Some(*at)));
    }
    if finding.text("record.state").as_deref() == Some("retired") {
        line("source", "the console no longer has it".to_owned());
    }
    for (at, told) in story.records.iter().enumerate() {
        line(if at == 0 { "told by" } else { "" }, format!("{} {}", told.stream, told.native_id));
    }
    for (at, action) in story.actions.iter().enumerate() {
        let what = action.action.as_deref().unwrap_or("something").replace('_', " ");
        let how = action.status.as_deref().unwrap_or("not told");
        line(if at == 0 { "done" } else { "" }, format!("{}  {what}: {how}", time(action.updated_at)));
    }
    let events = story.events.iter().filter(|event| !event.is_note).count() as u64;
    let notes = story.events.len() as u64 - events;
    let number = |number: u64| terminal.result_number(number);
    lines.push(format!(
        "{} and {}, the earliest first",
        counted(events, "event", &number(events)),
        counted(notes, "note", &number(notes))
    ));
    lines.extend(story.events.iter().map(|event| format!("  {}  {}", time(event.at), happened(event))));
    lines.join("\n") + "\n"
}

/// How bad, and who says so.
fn severity(finding: &Finding<'_>) -> String {
    let severity = finding.words("severity");
    match finding.text("severity.from").as_deref() {
        Some("derived") => format!(
            "{severity}: the console says none; derived from {}, {}, {}",
            finding.words("confidence"),
            finding.words("classification"),
            finding.words("mitigation")
        ),
        Some("alert") => format!("{severity}: as the alert of the same detection says"),
        _ => severity,
    }
}

/// Whether it fails, and by which verdict.
fn result(finding: &Finding<'_>) -> String {
    let verdict = finding.text("verdict").map_or_else(
        || "nobody judged it, which counts as undefined".to_owned(),
        |verdict| format!("its verdict is {}", verdict.replace('_', " ")),
    );
    match finding.text("result").as_deref() {
        Some("fail") => format!("fail: {verdict}, one of those that count"),
        _ => format!("not failed: {verdict}, which is not one of those that count"),
    }
}

/// Why nothing is told of what was done.
fn why(finding: &Finding<'_>) -> Option<String> {
    let version = || finding.text("agent.version").unwrap_or_else(|| "of unknown version".to_owned());
    let [major, minor] = inventory::finding::ACTIONS_SINCE;
    Some(match finding.text("mitigation.why")?.as_str() {
        "detect_mode" => "nothing was done: the agent was in Detect mode, where it only reports".to_owned(),
        "agent_version" => {
            format!("nothing is told: agent {} is from before agents report it ({major}.{minor})", version())
        }
        "policy" => "nothing was done: the policy of the agent's group says Detect".to_owned(),
        _ => "nothing is told of what was done, and neither mode, policy nor version explains it".to_owned(),
    })
}

fn machine(finding: &Finding<'_>) -> String {
    let name = finding.text("agent.name").unwrap_or_else(|| "not told".to_owned());
    let about: Vec<String> = [
        finding.text("agent.os"),
        finding.text("agent.version").map(|version| format!("agent {version}")),
        finding.text("agent.mode").map(|mode| format!("in {mode} mode then")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if about.is_empty() { name } else { format!("{name}: {}", about.join(", ")) }
}

fn happened(event: &Event) -> String {
    let text = event.text.replace('\n', " ");
    if event.is_note {
        return format!("{} wrote: {text}", event.author.as_deref().unwrap_or("somebody"));
    }
    match &event.detail {
        Some(detail) => format!("{text} ({})", detail.replace('\n', " ")),
        None => text,
    }
}

fn in_json(record: RecordId, answer: &Answer, story: &Story) -> serde_json::Value {
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let mut rows: Vec<serde_json::Value> =
        serde_json::from_str(&reports::json::json(&answer.table)).unwrap_or_default();
    let fields = if rows.is_empty() { serde_json::Value::Null } else { rows.swap_remove(0) };
    serde_json::json!({
        "id": record.to_string(),
        "finding": fields,
        "records": story.records.iter().map(|told| serde_json::json!({
            "id": told.record.to_string(), "stream": told.stream, "native_id": told.native_id,
        })).collect::<Vec<_>>(),
        "actions": story.actions.iter().map(|action| serde_json::json!({
            "action": action.action, "status": action.status, "at": at(action.updated_at),
        })).collect::<Vec<_>>(),
        "events": story.events.iter().map(|event| serde_json::json!({
            "at": at(event.at), "note": event.is_note, "text": event.text, "detail": event.detail,
            "author": event.author,
        })).collect::<Vec<_>>(),
    })
}
