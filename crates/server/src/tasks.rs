//! Tasks: what is read again and again, each run of it, and its log.

mod api;
mod pages;

pub(crate) use pages::{View, new_scan, tabs};

use access::Permission;
use axum::http::Method;
use kernel::Timestamp;
use serde_json::json;
use sync::Reading;
use sync::schedule::Next;
use sync::{Overview, StreamStanding};

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, page};

/// Where they all are.
pub(crate) const HOME: &str = "/tasks";

/// Runs of one page.
const RUNS: u32 = 25;
/// Lines of a log that are shown at once; the last ones first.
const LINES: u32 = 100;

/// Its routes.
pub fn routes() -> Vec<Route> {
    let read = Who::May(Permission::ReadIntegrations);
    let list =
        Operation::new("list_tasks", "Tasks", "Lists what is read again and again.", Shape::of::<api::Tasks>()).paged();
    let runs = Operation::new("list_runs", "Tasks", "Lists readings, the latest first.", Shape::of::<api::Runs>())
        .query("integration", "Of this integration, by its id.", json!({ "type": "string" }))
        .query("troubled", "Only those that did not end complete.", json!({ "type": "boolean" }))
        .query("limit", "Runs at most.", json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }))
        .query("after", "Where the last page ended: its `next`.", json!({ "type": "string" }));
    let run = Operation::new("show_run", "Tasks", "Shows one reading.", Shape::of::<api::Run>())
        .path("id", "The reading's id.");
    let show = Operation::new("show_task", "Tasks", "Shows a task and how far it is.", Shape::of::<api::Task>())
        .path("id", "The task's id, which is its integration's.");
    vec![
        page(HOME, read, pages::list),
        page("/tasks/runs", read, pages::runs),
        page("/tasks/runs/{id}", read, pages::run),
        page("/tasks/{id}", read, pages::log),
        api(Method::GET, "/tasks", read, list, api::list),
        api(Method::GET, "/tasks/{id}", read, show, api::show),
        api(Method::GET, "/runs", read, runs, api::runs),
        api(Method::GET, "/runs/{id}", read, run, api::run),
    ]
}

/// The collection that is read next, and when; nothing if none is by itself.
pub(crate) fn upcoming(of: &Overview, now: Timestamp) -> Option<(Timestamp, &StreamStanding)> {
    let all = of.streams.iter().filter_map(|stream| match stream.next(now, &of.integration) {
        Next::Never => None,
        Next::Now => Some((now, stream)),
        Next::At(at) => Some((at, stream)),
    });
    all.min_by_key(|(at, _)| *at)
}

/// What a status code of the console means, and what helps.
pub(crate) struct Explained {
    pub(crate) code: &'static str,
    pub(crate) means: &'static str,
    fix: &'static str,
}

impl Explained {
    /// What helps with a task that runs, or is paused.
    pub(crate) fn fix(&self, enabled: bool) -> &'static str {
        if enabled { self.fix } else { "It is paused, and nothing tries it again: resume it first." }
    }
}

/// The codes that consoles answer with.
pub(crate) const CODES: [Explained; 6] = [
    Explained {
        code: "401",
        means: "The console does not accept the token: it ended, was revoked, or was not copied whole.",
        fix: "Make a new token in the console and reconnect. Nothing that was read is lost.",
    },
    Explained {
        code: "403",
        means: "The token works, and its user may not read this.",
        fix: "Give the user at least the role Viewer on the scope that should be read, then re-authorise. The token can stay.",
    },
    Explained {
        code: "404",
        means: "The console has no such collection: an older version, another product, or an address that is no console's.",
        fix: "If all collections say so, compare the address and re-establish. If it is one, its module is not there: leave it out.",
    },
    Explained {
        code: "429",
        means: "The console asks for fewer requests. Muster waits as long as it says and asks more slowly.",
        fix: "Nothing has to be done. If it stays so, read that collection every 15 minutes.",
    },
    Explained {
        code: "501",
        means: "The console does not offer this collection.",
        fix: "Nothing has to be done; what depends on it is not measured.",
    },
    Explained {
        code: "500",
        means: "The console failed, or something before it did.",
        fix: "Nothing has to be done: it is tried again by itself. If it lasts, ask the console's operator.",
    },
];

/// What helps with what a reading ran into, if it names a status code of the console.
fn explained(reason: &str) -> Option<&'static Explained> {
    let code = reason.split(|character: char| !character.is_ascii_alphanumeric()).find(|word| {
        word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|byte| byte.is_ascii_digit())
    })?;
    CODES
        .iter()
        .find(|known| known.code == code)
        .or_else(|| CODES.iter().find(|_| code.starts_with('5')).and(CODES.last()))
}

/// The connector whose consoles count for themselves.
const CONSOLE: &str = "sentinelone";

/// A line of the log, as programs and people know it.
fn line(run: &Reading, source: &str) -> String {
    let at = run.finished_at.unwrap_or(run.started_at).to_string();
    let at: String = at.chars().take(19).collect();
    let level = match run.status {
        Some(sync::StreamStatus::Complete) | None => "INFO",
        Some(sync::StreamStatus::NotAvailable | sync::StreamStatus::NotTried) => "WARN",
        Some(_) => "ERROR",
    };
    let mut text = format!("{at}Z [{level}] {source}: fetched {} {}", run.fetched, run.stream);
    for (count, what) in
        [(run.created, "created"), (run.changed, "changed"), (run.removed, "retired"), (run.quarantined, "kept aside")]
    {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    // What is asked for one record at a time is counted by what it belongs to.
    let counted = sync::Stream::named(&run.stream).is_none_or(|stream| !stream.is_enrichment());
    if let Some(total) = run.console_total.filter(|_| counted && source == CONSOLE) {
        text.push_str(&format!(", the console counts {total}"));
    }
    match (run.status, &run.reason) {
        (None, _) => text.push_str("; not over yet"),
        (Some(sync::StreamStatus::Complete), None) => text.push_str("; complete"),
        (Some(status), reason) => {
            text.push_str("; ");
            text.push_str(&status.word().replace('_', " "));
            if let Some(reason) = reason {
                text.push_str(": ");
                text.push_str(reason);
            }
        }
    }
    // One reading is one line, whatever the console says.
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use kernel::{IntegrationId, SweepId};
    use sync::StreamStatus;

    use super::*;

    pub(super) fn reading(status: Option<StreamStatus>, reason: Option<&str>) -> Reading {
        Reading {
            enabled: true,
            id: SweepId(7),
            integration: IntegrationId(1),
            name: "acme".to_owned(),
            stream: "threats".to_owned(),
            whole: false,
            started_at: Timestamp::from_seconds(1_795_230_000),
            finished_at: status.map(|_| Timestamp::from_seconds(1_795_230_004)),
            status,
            reason: reason.map(str::to_owned),
            console_total: Some(12),
            fetched: 12,
            created: 2,
            changed: 0,
            touched: 0,
            unchanged: 10,
            removed: 0,
            quarantined: 0,
            pages: 1,
        }
    }

    #[test]
    fn a_line_says_what_was_fetched_and_stays_one_line() {
        let complete = line(&reading(Some(StreamStatus::Complete), None), CONSOLE);
        assert_eq!(
            complete,
            "2026-11-21T03:00:04Z [INFO] sentinelone: fetched 12 threats, 2 created, the console counts 12; complete"
        );
        let file = line(&reading(Some(StreamStatus::Complete), None), "nmap");
        assert!(file.contains("] nmap: fetched") && !file.contains("console"), "{file}");
        let hostile =
            line(&reading(Some(StreamStatus::Unreachable), Some("it said\n2026 [INFO] all is well")), CONSOLE);
        assert!(hostile.contains("[ERROR]") && !hostile.contains('\n'), "{hostile}");
        assert!(line(&reading(None, None), CONSOLE).ends_with("not over yet"));
    }

    #[test]
    fn a_code_is_found_in_words_and_other_numbers_are_none() {
        for (reason, code) in [
            ("acme does not accept the token for GET /user (401)", Some("401")),
            ("acme does not allow threats to this token (403): Insufficient permissions", Some("403")),
            ("acme asks for fewer requests (429)", Some("429")),
            ("acme failed at agents (503)", Some("500")),
            ("the console counts 404000 more", None),
            ("nothing of the kind", None),
        ] {
            assert_eq!(explained(reason).map(|one| one.code), code, "{reason}");
        }
    }
}
