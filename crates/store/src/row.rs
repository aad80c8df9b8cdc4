//! One row of an answer, read the same way whichever database gave it.

use kernel::Value;

use crate::StoreError;

/// The kind of a column, for statements that carry many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `BIGINT`.
    Int,
    /// `DOUBLE PRECISION`, `REAL`.
    Real,
    /// `TEXT`.
    Text,
    /// `BYTEA`, `BLOB`.
    Bytes,
}

/// One row. Columns are counted from 0; a null where none is expected is an error, never a zero.
pub struct Row<'a>(pub(crate) Inner<'a>);

pub(crate) enum Inner<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a ::postgres::Row),
}

impl Row<'_> {
    /// How many columns the row has.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Inner::Sqlite(row) => row.as_ref().column_count(),
            Inner::Postgres(row) => row.len(),
        }
    }

    /// Whether the row has no columns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The integer in column `at`.
    ///
    /// # Errors
    /// It is null, or not an integer.
    pub fn int(&self, at: usize) -> Result<i64, StoreError> {
        self.opt_int(at)?.ok_or_else(|| null(at))
    }

    /// The integer in column `at`, or nothing.
    ///
    /// # Errors
    /// It is not an integer.
    pub fn opt_int(&self, at: usize) -> Result<Option<i64>, StoreError> {
        match self.value(at)? {
            Value::Int(number) => Ok(Some(number)),
            Value::Null => Ok(None),
            other => Err(odd(at, "an integer", &other)),
        }
    }

    /// The flag in column `at`: false for 0, true for any other integer.
    ///
    /// # Errors
    /// It is null, or not an integer.
    pub fn flag(&self, at: usize) -> Result<bool, StoreError> {
        Ok(self.int(at)? != 0)
    }

    /// The number in column `at`; an integer counts too.
    ///
    /// # Errors
    /// It is null, or not a number.
    pub fn real(&self, at: usize) -> Result<f64, StoreError> {
        self.opt_real(at)?.ok_or_else(|| null(at))
    }

    /// The number in column `at`, or nothing.
    ///
    /// # Errors
    /// It is not a number.
    pub fn opt_real(&self, at: usize) -> Result<Option<f64>, StoreError> {
        match self.value(at)? {
            Value::Real(number) => Ok(Some(number)),
            #[expect(clippy::cast_precision_loss, reason = "SQLite stores whole reals as integers and means the same")]
            Value::Int(number) => Ok(Some(number as f64)),
            Value::Null => Ok(None),
            other => Err(odd(at, "a number", &other)),
        }
    }

    /// The text in column `at`.
    ///
    /// # Errors
    /// It is null, or not text.
    pub fn text(&self, at: usize) -> Result<&str, StoreError> {
        self.opt_text(at)?.ok_or_else(|| null(at))
    }

    /// The text in column `at`, or nothing.
    ///
    /// # Errors
    /// It is not text.
    pub fn opt_text(&self, at: usize) -> Result<Option<&str>, StoreError> {
        match self.value(at)? {
            Value::Text(std::borrow::Cow::Borrowed(text)) => Ok(Some(text)),
            Value::Null => Ok(None),
            other => Err(odd(at, "text", &other)),
        }
    }

    /// The bytes in column `at`.
    ///
    /// # Errors
    /// It is null, or not bytes.
    pub fn bytes(&self, at: usize) -> Result<&[u8], StoreError> {
        self.opt_bytes(at)?.ok_or_else(|| null(at))
    }

    /// The bytes in column `at`, or nothing.
    ///
    /// # Errors
    /// They are not bytes.
    pub fn opt_bytes(&self, at: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.value(at)? {
            Value::Bytes(std::borrow::Cow::Borrowed(bytes)) => Ok(Some(bytes)),
            Value::Null => Ok(None),
            other => Err(odd(at, "bytes", &other)),
        }
    }

    /// Whatever is in column `at`, borrowed from the row.
    ///
    /// # Errors
    /// There is no such column, text that is not UTF-8, or a PostgreSQL type that has no place here: cast it.
    pub fn value(&self, at: usize) -> Result<Value<'_>, StoreError> {
        match &self.0 {
            Inner::Sqlite(row) => crate::sqlite::value(row, at),
            Inner::Postgres(row) => crate::postgres::value(row, at),
        }
    }
}

fn null(at: usize) -> StoreError {
    StoreError::Content(format!("column {at} is null"))
}

/// Names the kind only: the value itself may be anything, and errors are printed.
fn odd(at: usize, expected: &str, found: &Value<'_>) -> StoreError {
    let kind = match found {
        Value::Null => "null",
        Value::Int(_) => "an integer",
        Value::Real(_) => "a number",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
    };
    StoreError::Content(format!("column {at} should be {expected} and is {kind}"))
}
