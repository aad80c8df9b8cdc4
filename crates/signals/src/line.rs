//! Lines: an artifact as NDJSON has it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{Artifact, ArtifactId};

/// What every line begins with, so that a torn one can be told from somebody else's text.
pub(crate) const BEGINS: &[u8] = b"{\"id\":\"";

/// One artifact, formatted for a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The artifact's number in the log.
    pub seq: i64,
    /// The artifact's id: the stable key.
    pub id: ArtifactId,
    /// The artifact as one JSON object in one line, without the line's end.
    pub json: Vec<u8>,
}

/// The fields of a line, in order. Names and order are a contract with receivers: add at the end, before `record`.
#[derive(Serialize)]
struct Fields<'a> {
    id: String,
    seq: i64,
    stream: &'a str,
    op: &'a str,
    version: i64,
    console: &'a str,
    native_id: &'a str,
    source_time: Option<String>,
    observed_at: String,
    record: &'a RawValue,
}

impl Line {
    /// Formats an artifact: `{"id":..,"seq":..,"stream":..,"op":..,"version":..,"console":..,"native_id":..,
    /// "source_time":..,"observed_at":..,"record":..}`. The record is as its source sent it, redacted.
    #[must_use]
    pub fn new(artifact: &Artifact) -> Line {
        let record =
            std::str::from_utf8(&artifact.raw).ok().and_then(|raw| serde_json::from_str::<&RawValue>(raw).ok());
        // What is not JSON (nothing that was logged should be) is sent as text rather than not at all.
        let text = || serde_json::value::to_raw_value(&String::from_utf8_lossy(&artifact.raw));
        let owned = if record.is_some() { None } else { text().ok() };
        let fields = Fields {
            id: artifact.id.to_string(),
            seq: artifact.seq,
            stream: &artifact.stream,
            op: artifact.op.as_str(),
            version: artifact.version,
            console: &artifact.console_host,
            native_id: &artifact.native_id,
            source_time: artifact.source_time.map(|at| at.to_string()),
            observed_at: artifact.observed_at.to_string(),
            record: record.or(owned.as_deref()).unwrap_or(RawValue::NULL),
        };
        let mut json = serde_json::to_vec(&fields).expect("strings and numbers can be written");
        // In JSON a line's end stands only between tokens, where a space says the same.
        for byte in &mut json {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        Line { seq: artifact.seq, id: artifact.id, json }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{IntegrationId, Timestamp};

    use super::*;
    use crate::Op;

    fn line(raw: &[u8]) -> String {
        let artifact = Artifact {
            seq: 7,
            id: ArtifactId([0xab; 32]),
            integration: IntegrationId(1),
            console_host: "acme.example.net".to_owned(),
            stream: "agents".to_owned(),
            native_id: "id \"1\"".to_owned(),
            op: Op::Update,
            version: 2,
            source_time: Some(Timestamp::from_seconds(1)),
            observed_at: Timestamp::from_micros(1_500_000),
            raw: raw.to_vec(),
        };
        let line = Line::new(&artifact);
        assert!(line.json.starts_with(BEGINS) && !line.json.contains(&b'\n'));
        serde_json::from_slice::<serde_json::Value>(&line.json).expect("a line is JSON");
        String::from_utf8(line.json).unwrap()
    }

    #[test]
    fn a_line_holds_the_key_and_the_record_as_it_was_sent() {
        let id = "ab".repeat(32);
        assert_eq!(
            line(b"{\"b\": 1.50,\r\n \"a\":\"x\\ny\"}"),
            format!(
                "{{\"id\":\"{id}\",\"seq\":7,\"stream\":\"agents\",\"op\":\"update\",\"version\":2,\
                 \"console\":\"acme.example.net\",\"native_id\":\"id \\\"1\\\"\",\"source_time\":\"1970-01-01T00:00:01Z\",\
                 \"observed_at\":\"1970-01-01T00:00:01.5Z\",\"record\":{{\"b\": 1.50,   \"a\":\"x\\ny\"}}}}"
            )
        );
    }

    #[test]
    fn what_is_no_json_is_sent_as_text() {
        assert!(line(b"half {").ends_with(r#""record":"half {"}"#));
        assert!(line(b"").ends_with(r#""record":""}"#));
        assert!(line(b"\xff").ends_with("\"record\":\"\u{fffd}\"}"));
    }
}
