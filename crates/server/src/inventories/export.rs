//! A whole answer as a file: pages by key, one after the other, so that memory stays flat however long it is.

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use inventory::{Answer, Ask, AskError};
use kernel::{OrgId, Table};
use query::Inventory;
use store::Store;

use super::{Question, api};
use crate::fields::Fields;
use crate::{App, Problem, Visitor};

/// Rows of one page of an export: as many as cost little memory and few questions.
const ROWS: usize = 5_000;

/// What the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Comma-separated values.
    Csv,
    /// An array of objects.
    Json,
}

impl Format {
    const fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }

    const fn media(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::Json => "application/json",
        }
    }

    fn first(self, table: &Table) -> String {
        match self {
            Format::Csv => reports::csv::csv(table),
            Format::Json => format!("[\n{}", reports::json::elements(table)),
        }
    }

    fn more(self, table: &Table) -> String {
        match self {
            Format::Csv => reports::csv::lines(table),
            Format::Json if table.rows.is_empty() => String::new(),
            Format::Json => format!(",\n{}", reports::json::elements(table)),
        }
    }

    const fn last(self) -> &'static str {
        match self {
            Format::Csv => "",
            Format::Json => "\n]\n",
        }
    }
}

/// `GET /{inventory}/export.csv` and `.json`. What is wrong with the question is told before the file begins; where the
/// database fails in the middle, the connection breaks off, so that nobody takes a part for the whole.
pub(super) async fn stream(
    app: &App,
    visitor: &Visitor,
    what: &'static Inventory,
    asked: &Fields,
    format: Format,
) -> Result<Response, Problem> {
    let question = Question { after: None, ..Question::read(what, asked, "columns")? };
    let ask = question.ask(what, ROWS, app.world.now());
    let first = page(app.store.clone(), visitor.org, ask.clone()).await?;
    let head = format.first(&first.table);
    let state = Walk { store: app.store.clone(), org: visitor.org, ask, next: first.next, format, ended: false };
    // Compression asks once more after the end, which an unfolding stream does not forgive.
    let rest = stream::unfold(state, next).fuse();
    let parts = stream::iter([Ok(Bytes::from(head))]).chain(rest);
    let name = format!("attachment; filename=\"{}.{}\"", what.name, format.ending());
    let headers = [(CONTENT_TYPE, format.media().to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(parts)).into_response())
}

struct Walk {
    store: Store,
    org: OrgId,
    ask: Ask,
    next: Option<String>,
    format: Format,
    ended: bool,
}

async fn next(mut walk: Walk) -> Option<(Result<Bytes, AskError>, Walk)> {
    if walk.ended {
        return None;
    }
    let Some(after) = walk.next.take() else {
        walk.ended = true;
        return Some((Ok(Bytes::from_static(walk.format.last().as_bytes())), walk));
    };
    walk.ask.after = Some(after);
    match page(walk.store.clone(), walk.org, walk.ask.clone()).await {
        Ok(answer) => {
            let part = walk.format.more(&answer.table);
            walk.next = answer.next;
            Some((Ok(Bytes::from(part)), walk))
        }
        Err(error) => {
            tracing::warn!(%error, "an export broke off");
            walk.ended = true;
            Some((Err(error), walk))
        }
    }
}

async fn page(store: Store, org: OrgId, ask: Ask) -> Result<Answer, AskError> {
    let mut answer = inventory::ask(&store, org, &ask).await?;
    answer.table = api::distinct(answer.table);
    Ok(answer)
}
