//! The audit trail: who did what, when, as a page, as a file, and for programs.

mod api;
mod pages;

use access::{AuditFilter, AuditPlace, Permission};
use axum::http::Method;
use kernel::Timestamp;
use serde_json::json;

use crate::Problem;
use crate::fields::Fields;
use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, page};

/// Where it is.
const HOME: &str = "/audit";
/// Lines of a page.
const ROWS: u32 = 50;

/// Its routes.
pub fn routes() -> Vec<Route> {
    let read = Who::May(Permission::ReadAudit);
    let text = || json!({ "type": "string" });
    let list = Operation::new(
        "list_audit",
        "Audit",
        "Lists the audit trail, the newest first; with `after` the oldest first from there on.",
        Shape::of::<api::Trail>(),
    )
    .query("who", "Who did it, to the letter.", text())
    .query("what", "What was done, or how it begins: `link.` is all that concerns links.", text())
    .query("subject", "What it was done to, to the letter.", text())
    .query("from", "From when, RFC 3339 or a day.", text())
    .query("until", "Until when, not included.", text())
    .query("before", "Lines before this number.", json!({ "type": "integer", "minimum": 1 }))
    .query("after", "Lines after this number.", json!({ "type": "integer", "minimum": 0 }))
    .query(
        "limit",
        "Lines at most.",
        json!({ "type": "integer", "minimum": 1, "maximum": api::ROWS_MAX, "default": ROWS }),
    );
    vec![
        page(HOME, read, pages::show),
        page("/audit/export.csv", read, pages::export_csv),
        page("/audit/export.json", read, pages::export_json),
        api(Method::GET, "/audit", read, list, api::list),
    ]
}

/// Which lines are asked for.
fn filter(asked: &Fields) -> Result<AuditFilter, Problem> {
    let text = |name: &str| Some(asked.get(name).trim().to_owned()).filter(|text| !text.is_empty());
    Ok(AuditFilter {
        who: text("who"),
        what: text("what"),
        subject: text("subject"),
        from: moment(asked, "from")?,
        until: moment(asked, "until")?,
    })
}

/// A day, an instant, or what a browser's field for them sends, in UTC.
fn moment(asked: &Fields, field: &str) -> Result<Option<Timestamp>, Problem> {
    let text = asked.get(field).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => text.to_owned(),
    };
    Timestamp::parse(&whole).map(Some).map_err(|_| {
        let message = format!("Enter a time as 2026-11-21T14:31; you entered {text}.");
        Problem::wrong(field, message)
    })
}

/// From which line on, and which way.
fn place(asked: &Fields) -> Result<AuditPlace, Problem> {
    let number = |name: &str| {
        let text = asked.get(name);
        match text.is_empty() {
            true => Ok(None),
            false => text
                .parse::<i64>()
                .map(Some)
                .map_err(|_| Problem::invalid(format!("{name} is the number of a line; {text:?} is none."))),
        }
    };
    Ok(match (number("before")?, number("after")?) {
        (Some(before), _) => AuditPlace::Before(before),
        (None, Some(after)) => AuditPlace::After(after),
        (None, None) => AuditPlace::Latest,
    })
}
