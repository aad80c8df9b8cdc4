//! Why a file cannot be imported, as a sentence with the place. Nothing was written when one of these is met.

use std::io;

use super::{COLUMNS_MAX, DEPTH_MAX, HOSTS_MAX, PIECE_BYTES_MAX};

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is not what it should be, at this place. Lines and columns count from 1, columns in characters.
    #[error("line {line}, column {column}: {what}")]
    Malformed {
        /// The line.
        line: u64,
        /// The column.
        column: u64,
        /// What is wrong there.
        what: String,
    },
    /// It is in an encoding that is not read.
    #[error(
        "line {line}, column {column}: this is not UTF-8; save the file as UTF-8, or convert it: iconv -f {guess} -t UTF-8"
    )]
    Encoding {
        /// The line.
        line: u64,
        /// The column.
        column: u64,
        /// What it may be.
        guess: &'static str,
    },
    /// The XML says that it is in an encoding that is not read.
    #[error(
        "the file says that its encoding is {name}; UTF-8, UTF-16 and ISO-8859-1 are read: iconv -f {name} -t UTF-8"
    )]
    DeclaredEncoding {
        /// The encoding's name, as the file spells it.
        name: String,
    },
    /// It is compressed, or an archive.
    #[error("the file is compressed ({kind}); unpack it first: {how} FILE | muster import FORMAT -")]
    Compressed {
        /// How.
        kind: &'static str,
        /// What unpacks it to standard output.
        how: &'static str,
    },
    /// It is of another kind than was said.
    #[error("this is no {said}: it looks like {seems}{}", hint(hint_of))]
    WrongKind {
        /// What was said.
        said: &'static str,
        /// What it looks like.
        seems: &'static str,
        /// The word to use instead, if there is one.
        hint_of: Option<&'static str>,
    },
    /// It is larger than is read.
    #[error("the file has more than {} MiB; split it, and import each part as a source of its own", bytes_max >> 20)]
    TooLarge {
        /// The bound.
        bytes_max: u64,
    },
    /// One row, element or text is larger than is kept in memory.
    #[error("line {line}: one record has more than {} KiB", PIECE_BYTES_MAX >> 10)]
    PieceTooLarge {
        /// Where it began.
        line: u64,
    },
    /// There are more machines than are read from one file.
    #[error("the file has more than {HOSTS_MAX} machines; split it, and import each part as a source of its own")]
    TooMany,
    /// There are more columns than any list has.
    #[error("the first line has more than {COLUMNS_MAX} columns; is this the list that you meant?")]
    TooManyColumns,
    /// It nests deeper than any scan does.
    #[error("line {line}, column {column}: it nests deeper than {DEPTH_MAX} levels")]
    TooDeep {
        /// The line.
        line: u64,
        /// The column.
        column: u64,
    },
    /// It declares entities of its own, which can grow without bounds.
    #[error("line {line}: the document declares entities of its own, which no scanner writes; remove its DOCTYPE")]
    Entities {
        /// The line.
        line: u64,
    },
    /// Two columns have one name, so that nobody can say which is meant.
    #[error("columns {first} and {second} have the same name; rename one of them")]
    DuplicateHeader {
        /// Which column has it first, counting from 1.
        first: usize,
        /// Which has it again.
        second: usize,
    },
    /// A mapping names a field that there is not.
    #[error("--map {column}={field}: there is no field {field:?}{}; there are {}", did_you_mean(nearest), all_fields())]
    UnknownField {
        /// The column.
        column: String,
        /// The field.
        field: String,
        /// The nearest that there is.
        nearest: Option<String>,
    },
    /// A mapping names a column that the file does not have.
    #[error(
        "--map {column}: the file has no column {column:?}{}; --dry-run without --map shows those that it has",
        did_you_mean(nearest)
    )]
    UnknownColumn {
        /// The column.
        column: String,
        /// The nearest that there is.
        nearest: Option<String>,
    },
    /// A mapping is no mapping.
    #[error("--map {text:?} is not COLUMN=FIELD")]
    BadMapping {
        /// What was given.
        text: String,
    },
    /// No column says which machine a row is about. The first line is not repeated: of a wrong file it may be a secret.
    #[error(
        "no column of the first line says which machine a row is about: one of id, name, ip, mac or serial is needed. If it is \
         the right file, say which column that is: --map COLUMN=FIELD"
    )]
    NoIdentity,
    /// Reading failed.
    #[error("reading the file failed")]
    Io(#[source] io::Error),
    /// What was read could not be kept until it is stored.
    #[error("keeping what was read failed")]
    Scratch(#[source] io::Error),
}

fn hint(word: &Option<&'static str>) -> String {
    word.map(|word| format!("; say muster import {word}")).unwrap_or_default()
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!(" (did you mean {nearest}?)")).unwrap_or_default()
}

fn all_fields() -> String {
    super::fields::WORDS.join(", ")
}
