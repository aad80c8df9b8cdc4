//! Reading a field that may not be what the documentation says.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use crate::json::{Json, JsonError, Reader, id_text};
use crate::time::Micros;

/// How many odd or unknown fields of one record are listed.
const NOTES_MAX: usize = 256;

/// What of a record did not look as documented.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift<'a> {
    /// Known fields whose value has another type; they read as `None`.
    pub odd: Vec<Note<'a>>,
    /// Fields that this crate does not know.
    pub unknown: Vec<Note<'a>>,
    /// Values that are not on their closed list; they are read all the same.
    pub strange: Vec<Note<'a>>,
}

/// A field and its value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// Dotted path from the record, `[]` behind an array: `networkInterfaces[].physical`.
    pub path: String,
    /// The value.
    pub raw: Json<'a>,
}

/// An id: a text without meaning of its own, usually 18 or 19 digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id<'a>(pub Cow<'a, str>);

impl Deref for Id<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of a value.
pub(crate) enum Read<T> {
    /// It was read.
    Value(T),
    /// It says "none" in its own way, as an empty text does for a time.
    Absent,
    /// It is of another type; the reader may be anywhere in it.
    Odd,
}

/// A type that can be read from a JSON value other than null.
pub(crate) trait Lenient<'a>: Sized {
    /// Whether the value has named parts, so that its name belongs into paths.
    const NESTED: bool = false;

    /// Whether the value is not on the closed list that it should be on.
    fn is_strange(&self) -> bool {
        false
    }

    /// Reads the value that the reader is at.
    fn read(reader: &mut Reader<'a>, first: u8) -> Result<Read<Self>, JsonError>;
}

impl<'a> Reader<'a> {
    /// Reads the value of the field `name`; `None` if it is null, or of another type and then noted.
    #[inline]
    pub(crate) fn field<T: Lenient<'a>>(&mut self, name: &'static str) -> Result<Option<T>, JsonError> {
        let first = self.peek()?;
        if first == b'n' {
            self.literal("null")?;
            return Ok(None);
        }
        let mark = self.mark();
        if T::NESTED {
            self.path.push(name);
        }
        let read = T::read(self, first)?;
        if T::NESTED {
            self.path.pop();
        }
        match read {
            Read::Value(value) => {
                if value.is_strange() {
                    self.return_to(mark);
                    let raw = self.skip()?;
                    self.strange(name, raw);
                }
                Ok(Some(value))
            }
            Read::Absent => Ok(None),
            Read::Odd => {
                self.return_to(mark);
                let raw = self.skip()?;
                let path = self.path_to(name);
                if self.drift.odd.len() < NOTES_MAX {
                    self.drift.odd.push(Note { path, raw });
                }
                Ok(None)
            }
        }
    }

    /// Notes a value that is not on its list.
    #[cold]
    fn strange(&mut self, name: &'static str, raw: Json<'a>) {
        let path = self.path_to(name);
        if self.drift.strange.len() < NOTES_MAX {
            self.drift.strange.push(Note { path, raw });
        }
    }

    /// Takes a field that is not known and notes it.
    #[cold]
    pub(crate) fn unknown(&mut self, name: &str) -> Result<(), JsonError> {
        let raw = self.skip()?;
        let path = self.path_to(name);
        if self.drift.unknown.len() < NOTES_MAX {
            self.drift.unknown.push(Note { path, raw });
        }
        Ok(())
    }

    fn path_to(&self, name: &str) -> String {
        let mut path = String::new();
        for part in self.path.iter().copied().chain([name]) {
            if !path.is_empty() && part != "[]" {
                path.push('.');
            }
            path.push_str(part);
        }
        path
    }
}

impl<'a> Lenient<'a> for Cow<'a, str> {
    #[inline]
    fn read(reader: &mut Reader<'a>, first: u8) -> Result<Read<Self>, JsonError> {
        if first == b'"' { reader.string().map(Read::Value) } else { Ok(Read::Odd) }
    }
}

impl<'a> Lenient<'a> for Id<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>, first: u8) -> Result<Read<Self>, JsonError> {
        match first {
            b'"' => {
                let text = reader.string()?;
                Ok(if text.is_empty() { Read::Absent } else { Read::Value(Id(text)) })
            }
            b'-' | b'0'..=b'9' => Ok(id_text(reader.number()?).map_or(Read::Odd, |text| Read::Value(Id(text)))),
            _ => Ok(Read::Odd),
        }
    }
}

impl<'a> Lenient<'a> for Micros {
    #[inline]
    fn read(reader: &mut Reader<'a>, first: u8) -> Result<Read<Self>, JsonError> {
        if first != b'"' {
            return Ok(Read::Odd);
        }
        let text = reader.string()?;
        Ok(match Micros::parse(&text) {
            Some(micros) => Read::Value(micros),
            None if text.is_empty() => Read::Absent,
            None => Read::Odd,
        })
    }
}

impl<'a> Lenient<'a> for bool {
    #[inline]
    fn read(reader: &mut Reader<'a>, first: u8) -> Result<Read<Self>, JsonError> {
        match first {
            b't' => reader.literal("true").map(|()| Read::Value(true)),
            b'f' => reader.literal("false").map(|()| Read::Value(false)),
            _ => Ok(Read::Odd),
        }
    }
}

impl<'a> Lenient<'a> for i64 {
    #[inline]
    fn read(reader: &mut Reader<'a>, first: u8) -> Result<Read<Self>, JsonError> {
        if !matches!(first, b'-' | b'0'..=b'9') {
            return Ok(Read::Odd);
        }
        Ok(reader.number()?.parse().map_or(Read::Odd, Read::Value))
    }
}

impl<'a> Lenient<'a> for Json<'a> {
    fn read(reader: &mut Reader<'a>, _first: u8) -> Result<Read<Self>, JsonError> {
        reader.skip().map(Read::Value)
    }
}

impl<'a, T: Lenient<'a>> Lenient<'a> for Vec<T> {
    const NESTED: bool = true;

    /// Null items and items of another type are left out; the latter are noted.
    fn read(reader: &mut Reader<'a>, first: u8) -> Result<Read<Self>, JsonError> {
        if first != b'[' {
            return Ok(Read::Odd);
        }
        reader.enter(b'[')?;
        let mut items = Vec::new();
        while reader.item()? {
            items.extend(reader.field::<T>("[]")?);
        }
        Ok(Read::Value(items))
    }
}

impl<'a, T: Lenient<'a>> Lenient<'a> for Box<T> {
    const NESTED: bool = T::NESTED;

    fn read(reader: &mut Reader<'a>, first: u8) -> Result<Read<Self>, JsonError> {
        Ok(match T::read(reader, first)? {
            Read::Value(value) => Read::Value(Box::new(value)),
            Read::Absent => Read::Absent,
            Read::Odd => Read::Odd,
        })
    }
}

/// Room in the table of a record's names; twice the names of the largest record, and a power of two.
const SLOTS: usize = 512;

/// The names of a record's fields, found by hash; built when this crate is compiled.
pub(crate) struct Names<const N: usize> {
    names: [&'static str; N],
    slots: [u8; SLOTS],
}

impl<const N: usize> Names<N> {
    pub(crate) const fn new(names: [&'static str; N]) -> Names<N> {
        assert!(N < 255, "a slot is a byte, and 255 stands for none");
        let mut slots = [u8::MAX; SLOTS];
        let mut index = 0;
        while index < N {
            let mut slot = hash(names[index].as_bytes());
            while slots[slot] != u8::MAX {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = index as u8;
            index += 1;
        }
        Names { names, slots }
    }

    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let mut slot = hash(name.as_bytes());
        loop {
            let index = usize::from(self.slots[slot]);
            match self.names.get(index) {
                Some(known) if *known == name => return Some(index),
                Some(_) => slot = (slot + 1) % SLOTS,
                None => return None,
            }
        }
    }
}

/// Length and four bytes tell the vendor's names apart well enough.
#[inline]
const fn hash(name: &[u8]) -> usize {
    if name.is_empty() {
        return 0;
    }
    let last = name.len() - 1;
    let mut sum = name.len();
    sum = sum.wrapping_mul(31).wrapping_add(name[0] as usize);
    sum = sum.wrapping_mul(31).wrapping_add(name[last / 2] as usize);
    sum = sum.wrapping_mul(31).wrapping_add(name[last - last / 4] as usize);
    sum = sum.wrapping_mul(31).wrapping_add(name[last] as usize);
    (sum ^ (sum >> 9)) % SLOTS
}

/// Declares a record or a part of one: `field: Type = "wireName",`. With `+ drift` it can be decoded on its own.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident $(+ $drift:ident)? {
            $( $(#[$field_meta:meta])* $field:ident : $type:ty = $wire:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name<'a> {
            $( #[doc = concat!("`", $wire, "`.")] $(#[$field_meta])* pub $field: Option<$type>, )*
            /// The JSON it was read from.
            pub raw: $crate::json::Json<'a>,
            $(
                /// What did not look as documented, parts included.
                pub $drift: $crate::records::Drift<'a>,
            )?
        }

        impl<'a> $crate::records::lenient::Lenient<'a> for $name<'a> {
            const NESTED: bool = true;

            fn read(
                reader: &mut $crate::json::Reader<'a>,
                first: u8,
            ) -> Result<$crate::records::lenient::Read<Self>, $crate::json::JsonError> {
                #[derive(Clone, Copy)]
                #[expect(non_camel_case_types, reason = "one arm per field, named like it")]
                enum Slot { $( $field, )* }
                const SLOTS: &[Slot] = &[ $( Slot::$field, )* ];
                static NAMES: $crate::records::lenient::Names<{ SLOTS.len() }> =
                    $crate::records::lenient::Names::new([ $( $wire, )* ]);
                if first != b'{' {
                    return Ok($crate::records::lenient::Read::Odd);
                }
                let mark = reader.mark();
                reader.enter(b'{')?;
                let mut record = Self::default();
                while let Some(key) = reader.key()? {
                    match NAMES.find(&key).map(|index| SLOTS[index]) {
                        $( Some(Slot::$field) => record.$field = reader.field($wire)?, )*
                        None => reader.unknown(&key)?,
                    }
                }
                record.raw = reader.since(mark);
                Ok($crate::records::lenient::Read::Value(record))
            }
        }

        $( $crate::records::lenient::record!(@decode $name $drift); )?
    };
    (@decode $name:ident $drift:ident) => {
        impl<'a> $name<'a> {
            /// Reads a record in one pass, borrowing from it.
            ///
            /// # Errors
            /// The bytes are not a JSON object. What is merely unexpected inside of one is no error.
            pub fn decode(raw: &'a [u8]) -> Result<Self, $crate::json::JsonError> {
                use $crate::records::lenient::{Lenient, Read};
                let mut reader = $crate::json::Reader::new($crate::json::scan::utf8(raw)?);
                let first = reader.peek()?;
                let Read::Value(mut record) = Self::read(&mut reader, first)? else {
                    return Err($crate::json::JsonError { what: $crate::json::JsonFault::NotAnObject, position: 0 });
                };
                reader.end()?;
                record.$drift = std::mem::take(&mut reader.drift);
                Ok(record)
            }
        }
    };
}
pub(crate) use record;
