//! JSON as bytes: reading without a tree, and writing in one canonical form.
//!
//! Numbers are kept as they were written, so ids beyond 2^53 survive. Nothing here recurses deeper than
//! [`DEPTH_MAX`](crate::page::DEPTH_MAX).

mod canonical;
mod reader;
pub(crate) mod scan;

use std::borrow::Cow;
use std::fmt;

pub use canonical::{Canonical, Leave};
pub(crate) use reader::Reader;

/// Why a text is not JSON that can be read here. It repeats nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {position}")]
pub struct JsonError {
    /// What is wrong.
    pub what: JsonFault,
    /// Where, in bytes from the start.
    pub position: usize,
}

/// What is wrong with a text that should be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFault {
    /// It ends too early.
    #[error("the JSON ends too early")]
    Truncated,
    /// It breaks the grammar, or is not UTF-8.
    #[error("this is not JSON")]
    Invalid,
    /// It nests too deep.
    #[error("the JSON nests deeper than {} levels", crate::page::DEPTH_MAX)]
    TooDeep,
    /// It is a value, but not an object.
    #[error("the JSON is not an object")]
    NotAnObject,
}

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// One JSON value as it was written: valid, trimmed, and borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Checks a text and takes it as one value.
    ///
    /// # Errors
    /// It is not JSON, or nests too deep.
    pub fn parse(text: &'a str) -> Result<Json<'a>, JsonError> {
        let mut reader = Reader::new(text);
        let json = reader.skip()?;
        reader.end()?;
        Ok(json)
    }

    /// Checks bytes and takes them as one value.
    ///
    /// # Errors
    /// They are not UTF-8 or not JSON, or nest too deep.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Json<'a>, JsonError> {
        Json::parse(scan::utf8(bytes)?)
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// What kind of value it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// The text of a string, unescaped; a lone surrogate becomes U+FFFD.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(scan::unescaped(inner))
    }

    /// The value of a boolean.
    #[must_use]
    pub fn bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The value of a whole number that fits.
    #[must_use]
    pub fn i64(self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The value of a number, rounded to the nearest float.
    #[must_use]
    pub fn f64(self) -> Option<f64> {
        if self.kind() != Kind::Number {
            return None;
        }
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// The members of an object in their order; nothing for any other value.
    #[must_use]
    pub fn fields(self) -> Fields<'a> {
        Fields::new(self.0)
    }

    /// The items of an array in their order; nothing for any other value.
    #[must_use]
    pub fn items(self) -> Items<'a> {
        let mut reader = Reader::new(self.0);
        let open = self.kind() == Kind::Array && reader.enter(b'[').is_ok();
        Items { reader, open }
    }

    /// The member of an object with that name: the last, if there are several.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Json<'a>> {
        self.fields().filter_map(Result::ok).filter(|(key, _)| key == name).last().map(|(_, value)| value)
    }

    /// The value at a dotted path of member names.
    #[must_use]
    pub fn at(self, path: &str) -> Option<Json<'a>> {
        path.split('.').try_fold(self, Json::get)
    }
}

impl Default for Json<'_> {
    fn default() -> Self {
        Json("null")
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The members of an object in their order; ends after the first error.
#[derive(Debug)]
pub struct Fields<'a> {
    reader: Reader<'a>,
    open: bool,
}

/// Splits a record into its members without building a tree: keys unescaped, values as they were written.
///
/// # Errors
/// The bytes are not UTF-8 or not an object. Errors further on come out of the iterator, which ends with them.
pub fn fields(raw: &[u8]) -> Result<Fields<'_>, JsonError> {
    let text = scan::utf8(raw)?;
    let fields = Fields::new(text);
    if !fields.open {
        return Err(JsonError { what: JsonFault::NotAnObject, position: 0 });
    }
    Ok(fields)
}

impl<'a> Fields<'a> {
    fn new(text: &'a str) -> Fields<'a> {
        let mut reader = Reader::new(text);
        let open = matches!(reader.peek(), Ok(b'{')) && reader.enter(b'{').is_ok();
        Fields { reader, open }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(Cow<'a, str>, Json<'a>), JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.open {
            return None;
        }
        let member = self.reader.key().and_then(|key| match key {
            Some(key) => Ok(Some((key, self.reader.skip()?))),
            None => self.reader.end().map(|()| None),
        });
        self.open = matches!(member, Ok(Some(_)));
        member.transpose()
    }
}

/// The items of an array in their order.
#[derive(Debug)]
pub struct Items<'a> {
    reader: Reader<'a>,
    open: bool,
}

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        self.open = self.open && matches!(self.reader.item(), Ok(true));
        if !self.open {
            return None;
        }
        self.reader.skip().ok()
    }
}

/// The text of an id written as a JSON string or whole number; `None` for anything else and for an empty one.
pub(crate) fn id_text(written: &str) -> Option<Cow<'_, str>> {
    let json = Json(written);
    match json.kind() {
        Kind::String => json.text().filter(|text| !text.is_empty()),
        Kind::Number if written.bytes().all(|b| b.is_ascii_digit() || b == b'-') => Some(Cow::Borrowed(written)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_integers_survive() {
        let json = Json::parse(r#" {"a": 1234567890123456789 , "b": [1, 2.50, -0e+7]} "#).unwrap();
        assert_eq!(json.get("a").unwrap().i64(), Some(1_234_567_890_123_456_789));
        assert_eq!(json.get("b").unwrap().items().map(Json::as_str).collect::<Vec<_>>(), ["1", "2.50", "-0e+7"]);
    }

    #[test]
    fn escapes_are_undone_in_keys_and_values() {
        let json = Json::parse(r#"{"registration\u0054oken":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x"}"#).unwrap();
        let (key, value) = json.fields().next().unwrap().unwrap();
        assert_eq!(key, "registrationToken");
        assert_eq!(value.text().unwrap(), "a\"\\/\u{8}\u{c}\n\r\té😀\u{fffd}x");
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_position() {
        for (text, position) in [
            ("{\"a\":1,}", 7),
            ("[1 2]", 3),
            ("{\"a\" 1}", 5),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("\"\u{1}\"", 1),
            ("\"\\x\"", 1),
            ("nul", 0),
            ("{} x", 3),
            ("\"\\u12g4\"", 1),
            ("", 0),
            ("[", 1),
            ("{\"a\":tru}", 5),
            ("+1", 0),
            (".5", 0),
        ] {
            assert_eq!(Json::parse(text).unwrap_err().position, position, "{text}");
        }
        assert_eq!(Json::parse("[1").unwrap_err().what, JsonFault::Truncated);
        assert_eq!(Json::from_bytes(b"\"\xff\"").unwrap_err(), JsonError { what: JsonFault::Invalid, position: 1 });
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(&deep(64)).is_ok());
        assert_eq!(Json::parse(&deep(65)).unwrap_err().what, JsonFault::TooDeep);
        assert_eq!(Json::parse(&deep(1_000_000)).unwrap_err().what, JsonFault::TooDeep);
    }

    #[test]
    fn ids_come_as_text_or_digits() {
        assert_eq!(id_text("\"12\"").as_deref(), Some("12"));
        assert_eq!(id_text("12").as_deref(), Some("12"));
        for written in ["\"\"", "null", "1.5", "true", "{}"] {
            assert_eq!(id_text(written), None, "{written}");
        }
    }
}
