//! Pages as no console should send them: what the faults do to the bytes of a page's records.

use std::io::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;

use crate::faults::Fault;
use crate::list::Page;
use crate::text::{DAY, micros};

/// How deep the fault `deep` nests.
const DEPTH: usize = 10_000;
/// How long the text of the fault `large-record` is.
const LARGE: usize = 9 << 20;
/// How large the body of the fault `huge-page` is, about.
const HUGE: usize = 65 << 20;
/// How many MiB the fault `gzip-bomb` unpacks to.
const BOMB_MIB: usize = 512;

/// Texts that are enumerated somewhere, the most telling first.
const ENUMERATED: [&str; 8] =
    ["osType", "incidentStatus", "severity", "status", "type", "state", "scope", "accountType"];

/// A body of one record that is larger than any page should be.
pub(crate) fn huge_page() -> Bytes {
    static BODY: OnceLock<Bytes> = OnceLock::new();
    let make = || {
        let mut body = Vec::with_capacity(HUGE + 256);
        body.extend_from_slice(b"{\"data\":[{\"id\":\"225494730938493804\",\"text\":\"");
        body.resize(HUGE, b'a');
        body.extend_from_slice(b"\"}],\"pagination\":{\"nextCursor\":null,\"totalItems\":1}}");
        Bytes::from(body)
    };
    BODY.get_or_init(make).clone()
}

/// A compressed body that is small and unpacks to very much: one packed MiB of blanks, many times over.
pub(crate) fn bomb() -> Bytes {
    static BODY: OnceLock<Bytes> = OnceLock::new();
    let make = || {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        // Writing to a Vec never fails, and a full block that ends on a byte can be repeated.
        let blanks = vec![b' '; 1 << 20];
        let packed = encoder.write_all(&blanks).and_then(|()| encoder.flush()).map(|()| encoder.get_ref().clone());
        let packed = packed.unwrap_or_default();
        let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        for _ in 0..BOMB_MIB {
            body.extend_from_slice(&packed);
        }
        // An empty last block, and a sum that nobody will live to compare.
        body.extend_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Bytes::from(body)
    };
    BODY.get_or_init(make).clone()
}

/// Where a record lies in its page.
fn span(page: &Page, nth: usize) -> Option<(usize, usize)> {
    let begin = *page.begins.get(nth)?;
    let end = page.begins.get(nth + 1).map_or(page.records.len(), |next| next - 1);
    Some((begin, end))
}

/// Puts bytes after the opening brace of a record.
fn put_first(page: &mut Page, nth: usize, bytes: &[u8]) {
    if let Some((begin, _)) = span(page, nth) {
        splice(page, begin + 1, begin + 1, bytes);
    }
}

/// Replaces bytes of a page.
fn splice(page: &mut Page, from: usize, to: usize, bytes: &[u8]) {
    page.records.splice(from..to, bytes.iter().copied());
    for begin in &mut page.begins {
        if *begin > from {
            *begin = *begin + bytes.len() - (to - from);
        }
    }
}

/// Where the value of the first field of that name lies in a record: a text, its quotes included.
fn text_of(page: &Page, nth: usize, key: &str) -> Option<(usize, usize)> {
    let (begin, end) = span(page, nth)?;
    let needle = format!("\"{key}\":\"").into_bytes();
    let at = page.records[begin..end].windows(needle.len()).position(|window| window == needle)?;
    let from = begin + at + needle.len() - 1;
    let length = page.records[from + 1..end].iter().position(|byte| *byte == b'"')?;
    Some((from, from + length + 2))
}

/// What a fault does to the records of a page.
pub(crate) fn tamper(fault: Fault, page: &mut Page, now: i64) {
    match fault {
        Fault::InvalidUtf8 => put_first(page, 0, b"\"text\":\"\xff\xfe\xc3\x28\","),
        Fault::NotANumber => put_first(page, 0, b"\"ratio\":NaN,"),
        Fault::DuplicateKeys => {
            put_first(page, 0, b"\"repeated\":1,\"repeated\":2,\"createdAt\":\"1999-12-31T23:59:59.000000Z\",");
        }
        Fault::NulText => put_first(page, 0, b"\"text\":\"a\\u0000b\","),
        Fault::LoneSurrogate => put_first(page, 0, b"\"text\":\"\\ud83d alone\","),
        Fault::Deep => {
            let mut nested = b"\"nested\":".to_vec();
            nested.resize(nested.len() + DEPTH, b'[');
            nested.resize(nested.len() + DEPTH, b']');
            nested.push(b',');
            put_first(page, 0, &nested);
        }
        Fault::LargeRecord => {
            let mut large = b"\"padding\":\"".to_vec();
            large.resize(LARGE, b'x');
            large.extend_from_slice(b"\",");
            put_first(page, 0, &large);
        }
        Fault::StrangeRecord => {
            let comma = if page.begins.is_empty() { "" } else { "," };
            let strange = format!("{comma}17,\"not a record\",{{\"unexpected\":true}}");
            page.records.extend_from_slice(strange.as_bytes());
        }
        Fault::NewField => {
            for nth in (0..page.begins.len()).rev() {
                put_first(page, nth, b"\"postureScore\":{\"value\":7,\"trend\":[1,2]},");
            }
        }
        Fault::NewEnum => {
            let place = ENUMERATED.iter().find_map(|key| text_of(page, 0, key));
            if let Some((from, to)) = place {
                splice(page, from, to, b"\"unheard_of\"");
            }
        }
        Fault::TypeChange => {
            for nth in (0..page.begins.len()).rev() {
                if let Some((from, to)) = text_of(page, nth, "id")
                    && page.records[from + 1..to - 1].iter().all(u8::is_ascii_digit)
                {
                    let digits = page.records[from + 1..to - 1].to_vec();
                    splice(page, from, to, &digits);
                }
            }
        }
        Fault::MissingTime => {
            for key in ["createdAt", "updatedAt", "detectionDate", "installedAt", "lastActiveDate"] {
                // The name of the field becomes another.
                if let Some((from, _)) = text_of(page, 0, key) {
                    let name = from - key.len() - 2;
                    splice(page, name, name + 1, b"z");
                }
            }
        }
        Fault::FutureRecord => {
            let ahead = [b"\"".as_slice(), &micros(now + 2 * DAY), b"\""].concat();
            for key in ["createdAt", "updatedAt"] {
                if let Some((from, to)) = text_of(page, 0, key) {
                    splice(page, from, to, &ahead);
                }
            }
        }
        Fault::LostRecord => {
            if let Some((begin, end)) = span(page, page.begins.len().saturating_sub(1)) {
                let begin = if page.begins.len() > 1 { begin - 1 } else { begin };
                page.records.drain(begin..end);
                page.begins.pop();
            }
        }
        _ => {}
    }
}
