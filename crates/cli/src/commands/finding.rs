//! `muster finding`: one finding as a story: what it is, whether it fails and why, what was done, in which order.

use clap::Subcommand;
use inventory::finding::Finding;
use kernel::{Cell, OrgId, Timestamp};

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

async fn show(global: &Global, id: String, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let store = Place::new(global)?.open_to_read()?;
    let (text, now) = (id.clone(), terminal.now());
    let found = store.read(move |tx| inventory::finding::tell(tx, ORG, &text, now)).await?;
    let Some(finding) = found else {
        return Err(Failure::new(Exit::Usage, format!("there is no finding {id:?}"))
            .with("To look for it: muster query NAME --in findings --fields id,name,native_id."));
    };
    if json {
        return terminal.result(&format!("{}\n", in_json(&finding)));
    }
    terminal.result(&in_words(&finding, terminal))
}

fn in_words(finding: &Finding, terminal: &Terminal) -> String {
    let story = &finding.story;
    let mut lines =
        vec![format!("{}  {}", finding.text("name").unwrap_or_else(|| "without a name".to_owned()), finding.id)];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<11} {text}"));
    let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| terminal.result_time(at, false));
    line("severity", finding.severity());
    line("result", finding.result());
    line("mitigation", finding.words("mitigation"));
    if let Some(why) = finding.why() {
        line("", why);
    }
    line("status", finding.words("status"));
    line("machine", finding.machine());
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
    lines.extend(story.events.iter().map(|event| format!("  {}  {}", time(event.at), event.words())));
    lines.join("\n") + "\n"
}

fn in_json(finding: &Finding) -> serde_json::Value {
    let story = &finding.story;
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let mut rows: Vec<serde_json::Value> =
        serde_json::from_str(&reports::json::json(&finding.table)).unwrap_or_default();
    let fields = if rows.is_empty() { serde_json::Value::Null } else { rows.swap_remove(0) };
    serde_json::json!({
        "id": finding.id.to_string(),
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
