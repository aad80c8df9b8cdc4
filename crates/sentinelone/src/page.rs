//! One page of records: redacted bytes and where each record lies in them.

use bytes::Bytes;
use std::borrow::Cow;
use std::ops::Range;

use crate::json::Json;
use crate::time::Micros;

/// The largest record that is taken apart, in bytes.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How deep the JSON of a record may nest, the record's own braces included.
pub const DEPTH_MAX: usize = 64;

/// One page: redacted bytes, the position of every record, and what the console said about the whole.
#[derive(Clone, Debug)]
pub struct Page {
    pub(crate) body: Bytes,
    pub(crate) records: Vec<Span>,
    /// The cursor of the next page, ready to be sent back; `None` at the end of the list.
    pub next_cursor: Option<String>,
    /// How many records the console counts; meaningless under `skipCount`, capped at 50,000 for activities.
    pub total_items: Option<u64>,
    /// Whether `data` was null, which is taken for no records.
    pub data_was_null: bool,
    /// The console's own id of the request (`X-RQID`).
    pub request_id: Option<String>,
    /// The console's clock when it answered (`Date`), to the second.
    pub date: Option<Micros>,
    /// Bytes of the body as they came over the wire, compressed.
    pub wire_bytes: u64,
    /// How many string values the redaction blanked.
    pub redacted: u32,
}

/// Where one record lies.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) at: Range<usize>,
    pub(crate) id: Option<Range<usize>>,
    pub(crate) flaw: Option<Flaw>,
}

/// Why a record is not to be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It is larger than [`RECORD_BYTES_MAX`].
    TooLarge,
    /// It nests deeper than [`DEPTH_MAX`].
    TooDeep,
    /// It is not an object.
    NotAnObject,
}

impl Page {
    /// How many records the page has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the page has no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The redacted JSON of a record.
    ///
    /// # Panics
    /// There is no record at that index.
    #[must_use]
    pub fn record(&self, index: usize) -> &[u8] {
        &self.body[self.records[index].at.clone()]
    }

    /// The redacted JSON of every record, in the console's order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.records.iter().map(|span| &self.body[span.at.clone()])
    }

    /// A record's own `id`: its text, or its digits if it came as a number; `None` if it has none.
    ///
    /// # Panics
    /// There is no record at that index.
    #[must_use]
    pub fn id(&self, index: usize) -> Option<Cow<'_, str>> {
        let range = self.records[index].id.clone()?;
        let text = std::str::from_utf8(&self.body[range]).ok()?;
        crate::json::id_text(text)
    }

    /// Why a record must not be taken apart, if so. Its bytes can still be hashed and measured.
    ///
    /// # Panics
    /// There is no record at that index.
    #[must_use]
    pub fn flaw(&self, index: usize) -> Option<Flaw> {
        self.records[index].flaw
    }

    /// Where a record lies in the body.
    ///
    /// # Panics
    /// There is no record at that index.
    #[must_use]
    pub fn range(&self, index: usize) -> Range<usize> {
        self.records[index].at.clone()
    }

    /// Where a part of this page lies, as a record of its own.
    pub(crate) fn part(&self, json: Json<'_>) -> Span {
        let place = |json: Json<'_>| {
            let start = json.as_str().as_ptr() as usize - self.body.as_ptr() as usize;
            start..start + json.as_str().len()
        };
        let flaw = (json.as_str().len() > RECORD_BYTES_MAX).then_some(Flaw::TooLarge);
        Span { at: place(json), id: json.get("id").map(place), flaw }
    }

    /// The redacted body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}
