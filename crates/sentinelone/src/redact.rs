//! The first thing that happens to a body: one pass over its tokens that finds the secrets and the records.
//!
//! A body that cannot be taken apart completely is not handed on at all.

use bytes::Bytes;
use memchr::memmem;
use std::ops::Range;

use crate::json::scan::{self, unexpected};
use crate::json::{JsonError, JsonFault, Kind};
use crate::page::{DEPTH_MAX, Flaw, RECORD_BYTES_MAX, Span};
use crate::request::Shape;

/// How deep a body may nest at all. A record deeper than [`DEPTH_MAX`] is only flagged; this bounds memory.
const LEVELS_MAX: usize = 1 << 20;

/// The shortest token whose text is looked for in bodies; a shorter one would hit ordinary words.
const ECHO_BYTES_MIN: usize = 8;

/// A redacted body and where things are in it.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) body: Bytes,
    /// The whole value's kind.
    pub(crate) top: Kind,
    /// Top-level members.
    pub(crate) data: Option<Range<usize>>,
    pub(crate) pagination: Option<Range<usize>>,
    pub(crate) errors: Option<Range<usize>>,
    pub(crate) records: Vec<Span>,
    /// Whether a list of records was found where the shape says.
    pub(crate) has_list: bool,
    pub(crate) redacted: u32,
}

/// Whether string values under this name are secret. Case, `_`, `-` and blanks in the name do not matter.
///
/// Recorded and specified names: `registrationToken`, `licenseKey`, `passphrase`, `previousPassphrases`, `apiToken`,
/// `token`, `password`, `currentPassword`. The vendor writes most keys in two spellings, so endings decide.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let separates = |byte: u8| matches!(byte, b'_' | b'-' | b' ');
    let Some(last) = name.bytes().rev().find(|byte| !separates(*byte)) else { return false };
    // The last letter rules out most names at the cost of one look.
    let endings: &[&str] = match last.to_ascii_lowercase() {
        b'n' => &["token"],
        b'e' => &["passphrase"],
        b'd' => &["password", "passwd"],
        b't' => &["secret"],
        b's' => &["tokens", "passphrases", "passwords", "secrets"],
        b'y' => &["licensekey", "licencekey", "apikey", "privatekey", "secretkey", "accesskey", "encryptionkey"],
        _ => return false,
    };
    endings.iter().any(|ending| {
        let mut letters = name.bytes().rev().filter(|byte| !separates(*byte));
        ending.bytes().rev().all(|wanted| letters.next().is_some_and(|letter| letter.to_ascii_lowercase() == wanted))
    })
}

/// Marks of an open level.
const OBJECT: u8 = 1;
/// Strings directly in this array are secret, because the array stands under a secret name.
const SECRET: u8 = 2;

/// Which top-level member we are in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Data,
    Pagination,
    Errors,
    Other,
}

struct Pass<'a> {
    text: &'a str,
    shape: Shape,
    echo: Option<&'a str>,
    /// Where the token's own text occurs.
    echoes: Vec<usize>,
    levels: Vec<u8>,
    slot: Slot,
    slot_start: usize,
    /// Level at which values are records; 0 for none.
    record_level: usize,
    record_deepest: usize,
    /// The next value is the record's `id`.
    id_next: bool,
    /// The next value stands under a secret name.
    secret_next: bool,
    /// The next value stands under `sites`.
    sites_next: bool,
    /// Ranges to cut out, in order.
    cuts: Vec<Range<usize>>,
    sheet: Sheet,
}

/// Blanks the secrets of a body; `token` is blanked wherever it is repeated, if it has at least eight characters.
///
/// # Errors
/// The body is not one JSON value in UTF-8, or nests beyond all measure. Then nothing of it may be kept.
pub fn redacted(body: Bytes, token: Option<&str>) -> Result<Bytes, JsonError> {
    Ok(take_apart(body, Shape::One, token)?.body)
}

/// Takes a body apart: blanks secrets, finds records.
///
/// # Errors
/// The body is not one JSON value in UTF-8, or nests beyond all measure.
pub(crate) fn take_apart(body: Bytes, shape: Shape, token: Option<&str>) -> Result<Sheet, JsonError> {
    let text = scan::utf8(&body)?;
    let echo = token.filter(|token| token.len() >= ECHO_BYTES_MIN);
    let mut pass = Pass {
        text,
        shape,
        echo,
        echoes: echo.map(|echo| memmem::find_iter(text.as_bytes(), echo).collect()).unwrap_or_default(),
        levels: Vec::with_capacity(16),
        slot: Slot::Other,
        slot_start: 0,
        record_level: 0,
        record_deepest: 0,
        id_next: false,
        secret_next: false,
        sites_next: false,
        cuts: Vec::new(),
        sheet: Sheet {
            body: Bytes::new(),
            top: Kind::Null,
            data: None,
            pagination: None,
            errors: None,
            records: Vec::new(),
            has_list: false,
            redacted: 0,
        },
    };
    pass.run()?;
    let Pass { cuts, mut sheet, .. } = pass;
    sheet.redacted = u32::try_from(cuts.len()).unwrap_or(u32::MAX);
    if cuts.is_empty() {
        sheet.body = body;
    } else {
        sheet.body = cut(&body, &cuts);
        sheet.move_by(&cuts);
    }
    Ok(sheet)
}

fn cut(body: &[u8], cuts: &[Range<usize>]) -> Bytes {
    let mut rest = Vec::with_capacity(body.len());
    let mut from = 0;
    for range in cuts {
        rest.extend_from_slice(&body[from..range.start]);
        from = range.end;
    }
    rest.extend_from_slice(&body[from..]);
    Bytes::from(rest)
}

impl Sheet {
    /// Moves every position to where it is after the cuts.
    fn move_by(&mut self, cuts: &[Range<usize>]) {
        let mut gone = Vec::with_capacity(cuts.len() + 1);
        let mut sum = 0;
        gone.push(0);
        for range in cuts {
            sum += range.len();
            gone.push(sum);
        }
        let moved = |at: usize| at - gone[cuts.partition_point(|range| range.end <= at)];
        let shift = |range: &mut Range<usize>| *range = moved(range.start)..moved(range.end);
        for range in [&mut self.data, &mut self.pagination, &mut self.errors].into_iter().flatten() {
            shift(range);
        }
        for span in &mut self.records {
            shift(&mut span.at);
            if let Some(id) = &mut span.id {
                shift(id);
            }
        }
    }
}

impl Pass<'_> {
    fn run(&mut self) -> Result<(), JsonError> {
        let bytes = self.text.as_bytes();
        let mut at = scan::white_space(bytes, 0);
        self.sheet.top = match bytes.get(at) {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            _ => Kind::String,
        };
        loop {
            // At the first byte of a value.
            let level = self.levels.len();
            if level == 1 {
                self.slot_start = at;
            }
            if self.is_record_level(level) {
                self.sheet.records.push(Span { at: at..at, id: None, flaw: None });
                self.record_deepest = level;
            }
            let secret = std::mem::take(&mut self.secret_next);
            let is_id = std::mem::take(&mut self.id_next);
            let is_sites = std::mem::take(&mut self.sites_next);
            match bytes.get(at) {
                Some(b'{') => {
                    self.open(OBJECT, at)?;
                    at = scan::white_space(bytes, at + 1);
                    if bytes.get(at) != Some(&b'}') {
                        at = self.key(at)?;
                        continue;
                    }
                    at += 1;
                    self.close();
                }
                Some(b'[') => {
                    let inherited = self.levels.last().is_some_and(|level| *level == SECRET);
                    self.open(if secret || inherited { SECRET } else { 0 }, at)?;
                    let list = match level {
                        0 => self.shape != Shape::One,
                        1 => self.slot == Slot::Data && self.shape != Shape::One,
                        2 => is_sites,
                        _ => false,
                    };
                    if list {
                        self.record_level = level + 1;
                        self.sheet.has_list = true;
                    }
                    at = scan::white_space(bytes, at + 1);
                    if bytes.get(at) != Some(&b']') {
                        continue;
                    }
                    at += 1;
                    self.close();
                }
                Some(b'"') => {
                    let (end, escaped) = scan::string(bytes, at + 1)?;
                    let secret = secret || self.levels.last() == Some(&SECRET);
                    if end > at + 1 && (secret || self.echoes_in(at + 1..end, escaped)) {
                        self.cuts.push(at + 1..end);
                    }
                    self.note_id(is_id, at..end + 1);
                    at = end + 1;
                }
                _ => {
                    let end = scan::scalar(bytes, at)?;
                    self.note_id(is_id, at..end);
                    at = end;
                }
            }
            // Behind a value.
            loop {
                let level = self.levels.len();
                if level <= self.record_level || level == 1 {
                    self.finish(level, at);
                }
                let Some(open) = self.levels.last() else {
                    at = scan::white_space(bytes, at);
                    return if at < bytes.len() { Err(scan::invalid(at)) } else { Ok(()) };
                };
                let object = open & OBJECT != 0;
                at = scan::white_space(bytes, at);
                match bytes.get(at) {
                    Some(b',') => {
                        at = scan::white_space(bytes, at + 1);
                        if object {
                            at = self.key(at)?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ => return Err(unexpected(bytes, at)),
                }
                at += 1;
                self.close();
            }
        }
    }

    #[inline]
    fn is_record_level(&self, level: usize) -> bool {
        match self.shape {
            Shape::One => level == 1 && self.slot == Slot::Data && self.levels[0] == OBJECT,
            Shape::List | Shape::Sites => level != 0 && level == self.record_level,
        }
    }

    #[inline]
    fn open(&mut self, marks: u8, at: usize) -> Result<(), JsonError> {
        if self.levels.len() >= LEVELS_MAX {
            return Err(JsonError { what: JsonFault::TooDeep, position: at });
        }
        self.levels.push(marks);
        self.record_deepest = self.record_deepest.max(self.levels.len());
        Ok(())
    }

    #[inline]
    fn close(&mut self) {
        if self.levels.len() == self.record_level {
            self.record_level = 0;
        }
        self.levels.pop();
    }

    /// A value ended at `end`, with `level` levels open around it.
    #[inline]
    fn finish(&mut self, level: usize, end: usize) {
        if level == 0 {
            return;
        }
        if self.is_record_level(level)
            && let Some(span) = self.sheet.records.last_mut()
        {
            span.at.end = end;
            span.flaw = if self.record_deepest - level > DEPTH_MAX {
                Some(Flaw::TooDeep)
            } else if end - span.at.start > RECORD_BYTES_MAX {
                Some(Flaw::TooLarge)
            } else if self.text.as_bytes()[span.at.start] != b'{' {
                Some(Flaw::NotAnObject)
            } else {
                None
            };
        }
        if level == 1 && self.levels[0] & OBJECT != 0 {
            let range = Some(self.slot_start..end);
            match self.slot {
                Slot::Data => self.sheet.data = range,
                Slot::Pagination => self.sheet.pagination = range,
                Slot::Errors => self.sheet.errors = range,
                Slot::Other => {}
            }
        }
    }

    /// From the opening quote of a key to the first byte of its value.
    #[inline]
    fn key(&mut self, at: usize) -> Result<usize, JsonError> {
        let bytes = self.text.as_bytes();
        if bytes.get(at) != Some(&b'"') {
            return Err(unexpected(bytes, at));
        }
        let (end, escaped) = scan::string(bytes, at + 1)?;
        let written = &self.text[at + 1..end];
        let unescaped;
        let name = if escaped {
            unescaped = scan::unescaped(written);
            &*unescaped
        } else {
            written
        };
        let level = self.levels.len();
        self.secret_next = is_secret_name(name);
        if level == 1 {
            self.slot = match name {
                "data" => Slot::Data,
                "pagination" => Slot::Pagination,
                "errors" => Slot::Errors,
                _ => Slot::Other,
            };
        } else if level == 2 {
            self.sites_next = self.slot == Slot::Data && self.shape == Shape::Sites && name == "sites";
        }
        self.id_next = name == "id" && level > 1 && self.is_record_level(level - 1);
        if self.echoes_in(at + 1..end, escaped) {
            self.cuts.push(at + 1..end);
        }
        scan::colon(bytes, end + 1)
    }

    #[inline]
    fn note_id(&mut self, is_id: bool, range: Range<usize>) {
        if is_id && let Some(span) = self.sheet.records.last_mut() {
            span.id = Some(range);
        }
    }

    /// Whether a string repeats the token.
    #[inline]
    fn echoes_in(&self, range: Range<usize>, escaped: bool) -> bool {
        if self.echoes.is_empty() && !escaped {
            return false;
        }
        let Some(echo) = self.echo else { return false };
        let hit =
            self.echoes.get(self.echoes.partition_point(|at| *at < range.start)).is_some_and(|at| *at < range.end);
        hit || (escaped && range.len() > echo.len() && scan::unescaped(&self.text[range]).contains(echo))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    fn sheet(text: &str, shape: Shape) -> Sheet {
        take_apart(Bytes::copy_from_slice(text.as_bytes()), shape, Some("replay-token")).unwrap()
    }

    fn redacted(text: &str) -> String {
        String::from_utf8(sheet(text, Shape::List).body.to_vec()).unwrap()
    }

    #[test]
    fn secret_strings_are_blanked_and_nothing_else() {
        assert_eq!(
            redacted(r#"{"registrationToken":"abc","licenseKey" : "x","LICENSEKEY":"y","name":"n","key":"k"}"#),
            r#"{"registrationToken":"","licenseKey" : "","LICENSEKEY":"","name":"n","key":"k"}"#
        );
        let untouched =
            r#"{"apiToken":{"createdAt":"t","expiresAt":"t"},"token":null,"canGenerateApiToken":true,"password":1}"#;
        assert_eq!(redacted(untouched), untouched);
        let untouched =
            r#"{"sourceprocesskey":"k","tagsKey":["a"],"processUniqueKey":"p","deviceInformationServiceInfoKey":"d"}"#;
        assert_eq!(redacted(untouched), untouched);
    }

    #[test]
    fn spelling_cannot_hide_a_secret() {
        assert_eq!(redacted(r#"{"registration\u0054oken":"abc"}"#), r#"{"registration\u0054oken":""}"#);
        assert_eq!(
            redacted(r#"{"api_token":"a","API-TOKEN":"b","Site Token":"c","a\"Token":"d\"e"}"#),
            r#"{"api_token":"","API-TOKEN":"","Site Token":"","a\"Token":""}"#
        );
    }

    #[test]
    fn lists_under_a_secret_name_are_blanked_but_objects_in_them_speak_for_themselves() {
        assert_eq!(
            redacted(r#"{"previousPassphrases":["a",["b",1],{"name":"n","passphrase":"c"}],"x":["d"]}"#),
            r#"{"previousPassphrases":["",["",1],{"name":"n","passphrase":""}],"x":["d"]}"#
        );
    }

    #[test]
    fn our_own_token_is_blanked_wherever_it_is_repeated() {
        assert_eq!(
            redacted(r#"{"a":"ApiToken replay-token!","b":["replay\u002dtoken"],"replay-token":1,"c":"replay-toke"}"#),
            r#"{"a":"","b":[""],"":1,"c":"replay-toke"}"#
        );
    }

    #[test]
    fn records_stay_in_place_when_secrets_before_them_are_cut() {
        let sheet = sheet(
            r#"{"data":{"sites":[{"registrationToken":"aaaa","id":"1"}, {"id":2,"registrationToken":"b","x":{"id":"no"}},{"name":"z"}],"allSites":{"id":"no"}},"pagination":{"nextCursor":null},"errors":[]}"#,
            Shape::Sites,
        );
        let part = |range: &Range<usize>| std::str::from_utf8(&sheet.body[range.clone()]).unwrap();
        let records: Vec<&str> = sheet.records.iter().map(|span| part(&span.at)).collect();
        assert_eq!(
            records,
            [
                r#"{"registrationToken":"","id":"1"}"#,
                r#"{"id":2,"registrationToken":"","x":{"id":"no"}}"#,
                r#"{"name":"z"}"#
            ]
        );
        let ids: Vec<Option<&str>> = sheet.records.iter().map(|span| span.id.as_ref().map(part)).collect();
        assert_eq!(ids, [Some("\"1\""), Some("2"), None]);
        assert_eq!(part(sheet.pagination.as_ref().unwrap()), r#"{"nextCursor":null}"#);
        assert_eq!(part(sheet.errors.as_ref().unwrap()), "[]");
        assert_eq!(sheet.redacted, 2);
        Json::from_bytes(&sheet.body).unwrap();
    }

    #[test]
    fn every_shape_yields_its_records() {
        let texts = |text: &str, shape| -> Vec<String> {
            let sheet = sheet(text, shape);
            sheet.records.iter().map(|span| String::from_utf8(sheet.body[span.at.clone()].to_vec()).unwrap()).collect()
        };
        assert_eq!(texts(r#"{"data":[{"id":"1"},{}]}"#, Shape::List), [r#"{"id":"1"}"#, "{}"]);
        assert_eq!(texts(r#"[{"id":"1"},{}]"#, Shape::List), [r#"{"id":"1"}"#, "{}"]);
        assert_eq!(texts(r#" {"data": {"a":[{}]} , "x":1}"#, Shape::One), [r#"{"a":[{}]}"#]);
        assert_eq!(texts(r#"{"data":[{"id":"1"}]}"#, Shape::Sites), [r#"{"id":"1"}"#]);
        assert!(texts(r#"{"data":{"other":[{}]}}"#, Shape::Sites).is_empty());
        assert!(texts(r#"{"data":[],"more":[{}]}"#, Shape::List).is_empty());
    }

    #[test]
    fn a_record_that_is_too_deep_or_no_object_is_flagged_and_its_neighbours_are_not() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let text = format!(r#"{{"data":[{{"a":{}}},{{"a":{}}},7,{{}}]}}"#, deep(63), deep(64));
        let flaws: Vec<_> = sheet(&text, Shape::List).records.iter().map(|span| span.flaw).collect();
        assert_eq!(flaws, [None, Some(Flaw::TooDeep), Some(Flaw::NotAnObject), None]);
        let huge = format!(r#"{{"data":[{{"a":"{}"}},{{}}]}}"#, "x".repeat(RECORD_BYTES_MAX));
        let flaws: Vec<_> = sheet(&huge, Shape::List).records.iter().map(|span| span.flaw).collect();
        assert_eq!(flaws, [Some(Flaw::TooLarge), None]);
    }

    #[test]
    fn what_cannot_be_taken_apart_is_not_handed_on() {
        for text in
            ["", "{", "{\"data\":[{\"id\":\"1", "{\"a\":1}x", "{\"a\"}", "[1,]", "{,}", "{\"a\":1,}", "[}", "{]"]
        {
            assert!(take_apart(Bytes::copy_from_slice(text.as_bytes()), Shape::List, None).is_err(), "{text}");
        }
        let deep = "[".repeat(LEVELS_MAX + 1);
        assert_eq!(take_apart(deep.into(), Shape::List, None).unwrap_err().what, JsonFault::TooDeep);
    }
}
