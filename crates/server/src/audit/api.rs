//! The trail as programs read it.

use access::AuditPlace;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ROWS, filter, place};
use crate::fields::Asked;
use crate::{App, Problem, Visitor, respond};

/// The most lines of an answer.
pub(super) const ROWS_MAX: u32 = 1_000;

/// Lines of the audit trail.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Trail {
    items: Vec<Line>,
    /// The number to go on from, in `before` or, where `after` was asked, in `after`; nothing at the end.
    next: Option<i64>,
}

/// A line of the audit trail.
#[derive(Debug, Serialize, JsonSchema)]
struct Line {
    /// Its number in the organization's trail, from 1, without gaps.
    line: i64,
    at: String,
    /// Who did it.
    who: String,
    /// What was done: `member.add`.
    what: String,
    /// What it was done to.
    subject: String,
    /// What else is worth knowing.
    detail: String,
}

/// `GET /api/v1/audit`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = match asked.opt("limit") {
        None => ROWS,
        Some(text) => text.parse().ok().filter(|limit| (1..=ROWS_MAX).contains(limit)).ok_or_else(|| {
            Problem::invalid(format!("limit is a whole number from 1 to {ROWS_MAX}; {text:?} is not."))
        })?,
    };
    let (org, chosen, from): (_, _, AuditPlace) = (visitor.org, filter(&asked)?, place(&asked)?);
    let found = app.store.read(move |tx| access::audit_page(tx, org, &chosen, from, limit)).await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.seq);
    let items = found.into_iter().map(|one| Line {
        line: one.seq,
        at: one.at.to_string(),
        who: one.who,
        what: one.what,
        subject: one.subject,
        detail: one.detail,
    });
    Ok(respond::json(&headers, &Trail { items: items.collect(), next }))
}
