//! JSON: an array of objects, one object a line, or an answer of an API that holds such an array; read object by object.

use std::cell::RefCell;
use std::fmt;
use std::io::{BufRead, Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::fields::Cells;
use super::source::{Piece, Source};
use super::{COLUMNS_MAX, DEPTH_MAX, ImportError};

/// Members under which APIs and exports put their list.
const LISTS: [&str; 9] = ["results", "result", "records", "items", "data", "assets", "devices", "hosts", "value"];

/// Reads a list; every object is handed over with the line on which it ends.
///
/// # Errors
/// It is malformed, no list of objects, or too large; or `take` fails.
pub fn read<R: Read>(
    source: &mut Source<R>,
    take: &mut dyn FnMut(u64, Map<String, Value>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let piece = source.piece();
    let failed: RefCell<Option<ImportError>> = RefCell::new(None);
    let mut objects = 0u64;
    let mut texts = 0u64;
    loop {
        piece.begin();
        let Some(first) = peek(source)? else { break };
        texts += 1;
        if !matches!(first, b'{' | b'[') {
            if texts == 1 {
                return Err(super::not_a("json", source.ahead()));
            }
            return Err(source.malformed("an object was expected here"));
        }
        // Where the text begins: the reader of JSON counts lines from there.
        let (line, column) = (source.line(), source.column());
        let outcome = {
            let mut reader = serde_json::Deserializer::from_reader(&mut *source);
            let mut give = |object: Map<String, Value>| {
                objects += 1;
                piece.begin();
                let at = objects;
                take(at, object).map_err(|error| {
                    *failed.borrow_mut() = Some(error);
                })
            };
            Texts { piece: piece.clone(), give: &mut give }.deserialize(&mut reader)
        };
        if let Err(error) = outcome {
            if let Some(problem) = source.problem().or_else(|| failed.borrow_mut().take()) {
                return Err(problem);
            }
            let at = error.line() as u64;
            let (line, column) = match at {
                0 | 1 => (line, column + (error.column() as u64).saturating_sub(1)),
                _ => (line + at - 1, error.column() as u64),
            };
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or(&text);
            return Err(ImportError::Malformed { line, column, what: format!("the JSON is malformed: {what}") });
        }
    }
    if texts == 0 { Err(ImportError::Empty) } else { Ok(()) }
}

/// The next byte that is no white space.
fn peek<R: Read>(source: &mut Source<R>) -> Result<Option<u8>, ImportError> {
    loop {
        let ahead = match source.fill_buf() {
            Ok(ahead) => ahead,
            Err(error) => return Err(source.problem().unwrap_or(ImportError::Io(error))),
        };
        let Some(first) = ahead.first().copied() else { return Ok(None) };
        if !matches!(first, b' ' | b'\t' | b'\r' | b'\n') {
            return Ok(Some(first));
        }
        source.consume(1);
    }
}

type Give<'a> = &'a mut dyn FnMut(Map<String, Value>) -> Result<(), ()>;

/// One text of the file: an array of objects, or an object, which may be an answer that holds a list.
struct Texts<'a> {
    piece: Piece,
    give: Give<'a>,
}

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object, or a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.piece.begin();
        while let Some(object) = list.next_element::<Map<String, Value>>()? {
            (self.give)(object).map_err(|()| A::Error::custom("stopped"))?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut object = Map::new();
        let mut listed = false;
        while let Some(name) = members.next_key::<String>()? {
            if LISTS.contains(&name.as_str()) {
                let list = members.next_value_seed(List { piece: self.piece.clone(), give: &mut *self.give })?;
                match list {
                    Listed::Objects => listed = true,
                    Listed::Other(value) => {
                        object.insert(name, value);
                    }
                }
            } else {
                object.insert(name, members.next_value()?);
            }
        }
        if !listed {
            (self.give)(object).map_err(|()| A::Error::custom("stopped"))?;
        }
        Ok(())
    }
}

/// What a member that may be the list was.
enum Listed {
    Objects,
    Other(Value),
}

struct List<'a> {
    piece: Piece,
    give: Give<'a>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Listed;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Listed, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Listed;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Listed, A::Error> {
        let mut others = Vec::new();
        let mut objects = false;
        while let Some(value) = list.next_element::<Value>()? {
            match value {
                Value::Object(object) => {
                    objects = true;
                    (self.give)(object).map_err(|()| A::Error::custom("stopped"))?;
                    self.piece.begin();
                }
                other if objects => {
                    return Err(A::Error::custom(format!("an object was expected, not {}", kind(&other))));
                }
                other => others.push(other),
            }
        }
        Ok(if objects || others.is_empty() { Listed::Objects } else { Listed::Other(Value::Array(others)) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Listed, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = members.next_entry()? {
            object.insert(name, value);
        }
        Ok(Listed::Other(Value::Object(object)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Listed, E> {
        Ok(Listed::Other(Value::from(text)))
    }

    fn visit_bool<E: serde::de::Error>(self, yes: bool) -> Result<Listed, E> {
        Ok(Listed::Other(Value::from(yes)))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Listed, E> {
        Ok(Listed::Other(Value::from(number)))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Listed, E> {
        Ok(Listed::Other(Value::from(number)))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Listed, E> {
        Ok(Listed::Other(Value::from(number)))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Listed, E> {
        Ok(Listed::Other(Value::Null))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "yes or no",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// An object as a row: members of members are columns named with dots, lists are several texts.
///
/// # Errors
/// It has more members than any list has columns.
pub fn row(object: Map<String, Value>) -> Result<Vec<(String, Cells)>, ImportError> {
    let mut row = Vec::with_capacity(object.len());
    flatten(None, object, 0, &mut row)?;
    Ok(row)
}

fn flatten(
    above: Option<&str>,
    object: Map<String, Value>,
    depth: usize,
    row: &mut Vec<(String, Cells)>,
) -> Result<(), ImportError> {
    for (name, value) in object {
        let path = above.map_or_else(|| name.clone(), |above| format!("{above}.{name}"));
        if row.len() >= COLUMNS_MAX {
            return Err(ImportError::TooManyColumns);
        }
        match value {
            Value::Object(inner) if above.is_none() && matches!(name.as_str(), "tags" | "labels") => {
                let tags = inner.iter().map(|(key, value)| format!("{key}={}", text(value))).collect();
                row.push((path, tags));
            }
            Value::Object(inner) if above.is_none() && name == "services" => {
                row.push((path, vec![Value::Object(inner).to_string()]));
            }
            Value::Object(inner) if depth < DEPTH_MAX => flatten(Some(&path), inner, depth + 1, row)?,
            Value::Array(list) => row.push((path, list.iter().map(text).collect())),
            other => row.push((path, vec![text(&other)])),
        }
    }
    Ok(())
}

/// A value as a cell. Of an object in a list its name counts, which is what lists of references show.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(object) => {
            let named = ["name", "display_value", "display", "label", "address", "ip", "mac", "value"];
            let named = named.iter().find_map(|name| object.get(*name)?.as_str());
            named.map_or_else(|| value.to_string(), str::to_owned)
        }
        other => other.to_string(),
    }
}
