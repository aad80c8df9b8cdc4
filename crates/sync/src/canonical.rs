//! What a record means, as a hash: its canonical form without what moves by itself.

use inventory::Reason;
use sentinelone::json::{Canonical, Leave};
use sha2::{Digest, Sha256};

use crate::stream::Stream;

/// Hashes the records of one stream; keeps its buffers from record to record.
pub struct Meaning {
    writer: Canonical,
    leave: Leave,
}

impl Meaning {
    /// For records of `stream`, whose volatile fields do not count.
    #[must_use]
    pub fn of(stream: &Stream) -> Meaning {
        let paths: Vec<&str> = stream.volatile.iter().map(|volatile| volatile.path).collect();
        Meaning { writer: Canonical::new(), leave: Leave::paths(&paths) }
    }

    /// SHA-256 of a record's canonical form without its stream's volatile fields.
    ///
    /// # Errors
    /// The bytes are not JSON, or nest too deep.
    pub fn hash(&mut self, raw: &[u8]) -> Result<[u8; 32], Reason> {
        match self.writer.write(raw, &self.leave) {
            Ok(canonical) => Ok(digest(canonical)),
            Err(error) => Err(Reason(error.to_string())),
        }
    }

    /// The native id of a row that has none: `sha256:` and the hash of its whole canonical form in hexadecimal.
    ///
    /// # Errors
    /// As [`Meaning::hash`].
    pub fn content_id(&mut self, raw: &[u8]) -> Result<String, Reason> {
        match self.writer.write(raw, &Leave::NOTHING) {
            Ok(canonical) => Ok(format!("sha256:{}", hex(&digest(canonical)))),
            Err(error) => Err(Reason(error.to_string())),
        }
    }
}

/// SHA-256: of bytes as sent, and of what they mean. Processors compute it faster than anything else this strong.
#[must_use]
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_does_not_change_what_an_agent_means_and_a_mode_does() {
        let mut meaning = Meaning::of(Stream::named("agents").unwrap());
        let one = br#"{"id":"1","lastActiveDate":"2026-01-01T00:00:00Z","updatedAt":"a","mitigationMode":"protect"}"#;
        let two = br#"{"mitigationMode":"protect","id":"1","lastActiveDate":"2026-01-02T00:00:00Z","updatedAt":"b"}"#;
        let three = br#"{"id":"1","lastActiveDate":"2026-01-01T00:00:00Z","updatedAt":"a","mitigationMode":"detect"}"#;
        assert_eq!(meaning.hash(one), meaning.hash(two));
        assert_ne!(meaning.hash(one), meaning.hash(three));
    }

    #[test]
    fn a_row_without_id_is_known_by_all_of_its_content() {
        let mut meaning = Meaning::of(Stream::named("activities").unwrap());
        let id = meaning.content_id(b"{}").unwrap();
        assert_eq!(id, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        assert_eq!(meaning.content_id(br#"{"a":1,"b":2}"#), meaning.content_id(br#"{ "b":2, "a":1 }"#));
        assert_ne!(meaning.content_id(br#"{"a":1}"#), meaning.content_id(br#"{"a":2}"#));
        assert!(meaning.content_id(b"nonsense").is_err());
    }
}
