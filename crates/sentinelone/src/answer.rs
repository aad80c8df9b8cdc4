//! From bytes to an answer: the part that HTTP and an in-process service share.

use bytes::Bytes;
use flate2::write::GzDecoder;
use http::{HeaderMap, StatusCode, header};
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use crate::error::{Failure, Form, Instead, Status, TransportError};
use crate::json::{Json, JsonError, JsonFault, Kind};
use crate::page::Page;
use crate::redact::{self, Sheet, is_secret_name};
use crate::request::Shape;
use crate::time::Micros;

/// Most characters of a title or detail that are kept.
const SAID_CHARS_MAX: usize = 200;

/// The longest word of a plain-text error that is repeated; longer ones could be secrets.
const WORD_CHARS_MAX: usize = 32;

/// The longest wait that a `Retry-After` is believed: a day.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Collects a body chunk by chunk, unpacks it, and stops at a bound.
pub(crate) struct Collector {
    wire_bytes: usize,
    /// The bytes as they came, where somebody wants them.
    wire: Option<Vec<u8>>,
    sink: Sink,
}

enum Sink {
    Plain(Bounded),
    Gzip(Box<GzDecoder<Bounded>>),
}

struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        if chunk.len() > self.bytes_max - self.bytes.len() {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Collector {
    /// For a body with these headers.
    ///
    /// # Errors
    /// The body is packed in an unknown way, or says that it is larger than the bound.
    pub(crate) fn new(headers: &HeaderMap, bytes_max: usize) -> Result<Collector, TransportError> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > bytes_max as u64) {
            return Err(TransportError::TooLarge { bytes_max });
        }
        let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
        let bounded = Bounded { bytes: Vec::new(), bytes_max, full: false };
        let sink = match encoding.as_deref() {
            None | Some(b"" | b"identity") => Sink::Plain(bounded),
            Some(b"gzip" | b"x-gzip") => Sink::Gzip(Box::new(GzDecoder::new(bounded))),
            Some(_) => return Err(TransportError::Encoding),
        };
        Ok(Collector { wire_bytes: 0, wire: None, sink })
    }

    /// The same, which keeps the bytes as they came too.
    pub(crate) fn keeping(self, wire: bool) -> Collector {
        Collector { wire: wire.then(Vec::new), ..self }
    }

    /// Bytes taken so far, as they came.
    pub(crate) fn wire_bytes(&self) -> usize {
        self.wire_bytes
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The bound is reached, or the packing is broken.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> Result<(), TransportError> {
        self.wire_bytes += chunk.len();
        match &mut self.sink {
            Sink::Plain(bounded) => {
                bounded.write_all(chunk).map_err(|_| TransportError::TooLarge { bytes_max: bounded.bytes_max })
            }
            Sink::Gzip(decoder) => decoder.write_all(chunk).map_err(|_| packing(decoder.get_ref())),
        }?;
        // Unpacked it is within the bound, so it is packed.
        if let Some(wire) = &mut self.wire {
            wire.extend_from_slice(chunk);
        }
        Ok(())
    }

    /// The whole body, unpacked.
    ///
    /// # Errors
    /// The packed body ended too early, or its check sum is wrong.
    pub(crate) fn finish(self) -> Result<Body, TransportError> {
        let Collector { wire_bytes, wire, sink } = self;
        let bytes = match sink {
            Sink::Plain(bounded) => bounded.bytes,
            Sink::Gzip(_) if wire_bytes == 0 => Vec::new(),
            Sink::Gzip(mut decoder) => match decoder.try_finish() {
                Ok(()) => std::mem::take(&mut decoder.get_mut().bytes),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(TransportError::Interrupted { received: wire_bytes });
                }
                Err(_) => return Err(packing(decoder.get_ref())),
            },
        };
        Ok(Body { bytes: bytes.into(), wire_bytes: wire_bytes as u64, wire: wire.map(Bytes::from) })
    }
}

fn packing(bounded: &Bounded) -> TransportError {
    if bounded.full { TransportError::TooLarge { bytes_max: bounded.bytes_max } } else { TransportError::Encoding }
}

/// A complete body.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) wire_bytes: u64,
    /// As it came, if it was kept.
    pub(crate) wire: Option<Bytes>,
}

/// A complete response.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl Response {
    /// The console's id of the request, if it looks like one.
    pub(crate) fn request_id(&self) -> Option<String> {
        let text = self.headers.get("x-rqid")?.to_str().ok()?.trim();
        let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        fits.then(|| text.to_owned())
    }

    fn date(&self) -> Option<Micros> {
        Micros::parse_http(self.headers.get(header::DATE)?.to_str().ok()?)
    }

    /// How long the console asks to wait: seconds, with or without fraction, or a date.
    fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            return (seconds.is_finite())
                .then(|| Duration::from_secs_f64(seconds.clamp(0.0, RETRY_AFTER_MAX.as_secs_f64())));
        }
        let wait = Micros::parse_http(text)?.0.saturating_sub(self.date()?.0);
        Some(Duration::from_micros(wait.max(0).unsigned_abs()).min(RETRY_AFTER_MAX))
    }

    /// Redacts the body and finds the records, or says why it is no answer.
    pub(crate) fn read(self, shape: Shape, token: &str) -> Result<Page, Failure> {
        if self.status.is_redirection() {
            return Err(Failure::NotAConsole { what: Instead::Redirect });
        }
        if !self.status.is_success() {
            return Err(Failure::Status(self.refusal(token)));
        }
        let body = without_bom(&self.body.bytes);
        let Some(first) = body.iter().copied().find(|byte| !byte.is_ascii_whitespace()) else {
            return Err(Failure::NotAConsole { what: Instead::Nothing });
        };
        match first {
            b'<' => return Err(Failure::NotAConsole { what: Instead::Html }),
            b'{' | b'[' => {}
            _ => return Err(Failure::NotAConsole { what: Instead::Text }),
        }
        let sheet = redact::take_apart(body.clone(), shape, Some(token)).map_err(|error| unreadable(&body, error))?;
        if let Some(mut answer) = sheet.errors() {
            answer.status = self.status.as_u16();
            return Err(Failure::Status(answer));
        }
        let mut page = sheet.into_page(shape)?;
        page.request_id = self.request_id();
        page.date = self.date();
        page.wire_bytes = self.body.wire_bytes;
        Ok(page)
    }

    /// What an answer that is no success says.
    fn refusal(&self, token: &str) -> Status {
        let mut answer = Status {
            status: self.status.as_u16(),
            form: Form::Text,
            code: None,
            title: None,
            detail: None,
            retry_after: self.retry_after(),
        };
        let body = without_bom(&self.body.bytes);
        match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'<') => answer.form = Form::Html,
            Some(b'{') => {
                if let Ok(sheet) = redact::take_apart(body, Shape::One, Some(token)) {
                    sheet.explain(&mut answer);
                }
            }
            _ => answer.title = harmless_text(&body, token),
        }
        answer
    }
}

fn without_bom(body: &Bytes) -> Bytes {
    if body.starts_with(b"\xef\xbb\xbf") { body.slice(3..) } else { body.clone() }
}

fn unreadable(body: &[u8], error: JsonError) -> Failure {
    let mut sha256 = String::with_capacity(64);
    for byte in Sha256::digest(body) {
        let _ = write!(sha256, "{byte:02x}");
    }
    Failure::Unreadable {
        truncated: error.what == JsonFault::Truncated,
        size: body.len(),
        position: error.position,
        sha256,
    }
}

impl Sheet {
    fn part(&self, range: &Option<std::ops::Range<usize>>) -> Json<'_> {
        range.as_ref().and_then(|range| Json::from_bytes(&self.body[range.clone()]).ok()).unwrap_or_default()
    }

    /// The first error of the standard form; `None` if there are none. Absent, null and `[]` all mean none.
    fn errors(&self) -> Option<Status> {
        let errors = self.part(&self.errors);
        if errors.is_null() || (errors.kind() == Kind::Array && errors.items().next().is_none()) {
            return None;
        }
        let first = if errors.kind() == Kind::Array { errors.items().next().unwrap_or_default() } else { errors };
        let member = |name| first.get(name).and_then(said);
        Some(Status {
            status: 0,
            form: Form::Errors,
            code: first.get("code").and_then(|code| code.i64().or_else(|| code.text()?.parse().ok())),
            title: member("title").or_else(|| member("message")).or_else(|| said(first)),
            detail: member("detail"),
            retry_after: None,
        })
    }

    /// Finds out which of the known forms an error has, and what it says.
    fn explain(&self, answer: &mut Status) {
        if let Some(Status { form, code, title, detail, .. }) = self.errors() {
            *answer = Status { form, code, title, detail, ..answer.clone() };
            return;
        }
        let Ok(body) = Json::from_bytes(&self.body) else { return };
        let member = |name| body.get(name).and_then(said);
        let (error, message) = (member("error"), member("message"));
        answer.form = match (&error, &message) {
            (Some(_), _) if body.get("timestamp").is_some() => Form::Spring,
            (None, None) => return,
            _ => Form::Message,
        };
        (answer.title, answer.detail) = if error.is_some() { (error, message) } else { (message, None) };
    }

    fn into_page(self, shape: Shape) -> Result<Page, Failure> {
        let pagination = self.part(&self.pagination);
        let data = self.part_kind(&self.data);
        let whole_is_list = self.top == Kind::Array && shape != Shape::One;
        if !whole_is_list {
            match (shape, data) {
                (_, None) => return Err(Failure::Shape { what: "no data in it" }),
                (Shape::List | Shape::Sites, Some(kind)) if kind != Kind::Null && !self.has_list => {
                    return Err(Failure::Shape { what: "no list of records in it" });
                }
                _ => {}
            }
        }
        let cursor = pagination.get("nextCursor").unwrap_or_default();
        let next_cursor = match cursor.kind() {
            Kind::Null => None,
            Kind::String => cursor.text().map(|text| decoded_once(&text)).filter(|text| !text.is_empty()),
            Kind::Number => Some(cursor.as_str().to_owned()),
            _ => return Err(Failure::Shape { what: "a cursor that is no text" }),
        };
        let total_items =
            pagination.get("totalItems").and_then(|total| total.i64()).and_then(|total| u64::try_from(total).ok());
        let data_was_null = data == Some(Kind::Null);
        Ok(Page {
            next_cursor,
            total_items,
            data_was_null,
            request_id: None,
            date: None,
            wire_bytes: 0,
            redacted: self.redacted,
            records: if data_was_null { Vec::new() } else { self.records },
            body: self.body,
        })
    }

    fn part_kind(&self, range: &Option<std::ops::Range<usize>>) -> Option<Kind> {
        Some(match self.body[range.clone()?].first()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::String,
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            _ => Kind::Number,
        })
    }
}

/// A cursor may come percent-encoded; base64 has no percent sign, so one means just that.
fn decoded_once(cursor: &str) -> String {
    if !cursor.contains('%') {
        return cursor.to_owned();
    }
    percent_decode_str(cursor).decode_utf8().map_or_else(|_| cursor.to_owned(), std::borrow::Cow::into_owned)
}

/// The text of a string that says something, in one line and bounded.
fn said(json: Json<'_>) -> Option<String> {
    let text = json.text()?;
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.retain(|c| !c.is_control());
    if let Some((end, _)) = line.char_indices().nth(SAID_CHARS_MAX) {
        line.truncate(end);
        line.push('…');
    }
    (!line.is_empty()).then_some(line)
}

/// A plain-text error such as `404 page not found`, if nothing in it could be a secret.
fn harmless_text(body: &[u8], token: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let harmless = !text.is_empty()
        && text.len() <= SAID_CHARS_MAX
        && !text.contains(token)
        && text.chars().all(|c| c == ' ' || c.is_ascii_graphic())
        && text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
            .all(|word| word.len() <= WORD_CHARS_MAX && !is_secret_name(word));
    harmless.then(|| text.to_owned())
}
