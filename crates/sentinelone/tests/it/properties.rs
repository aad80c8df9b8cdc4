//! What must hold for any JSON at all.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use sentinelone::json::{Canonical, Json, Leave, fields};
use sentinelone::redact::{is_secret_name, redacted};
use serde_json::{Map, Value};

const CANARY: &str = "hunter2";

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("registrationToken".to_owned()),
        Just("LicenseKey".to_owned()),
        Just("pass_phrase".to_owned()),
        Just("passphrases".to_owned()),
        Just("apiToken".to_owned()),
        Just("id".to_owned()),
        Just("data".to_owned()),
        Just("sites".to_owned()),
        Just("a\"\\\n\u{1}é😀".to_owned()),
        "[a-zA-Z\\\\\"é]{0,6}",
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[ -~]{0,12}", "\\PC{0,8}", Just("\u{0}\t\"\\/\u{7f}\u{2028}".to_owned())]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // serde_json reads back exactly only what few digits can say.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((names(), inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Writes a value with other white space, other escapes and the members turned around.
fn disguised(value: &Value, seed: u32, out: &mut String) {
    let space = [" ", "", "\n", "\t "][seed as usize % 4];
    match value {
        Value::Object(members) => {
            out.push('{');
            let mut members: Vec<_> = members.iter().collect();
            if !seed.is_multiple_of(2) {
                members.reverse();
            }
            for (at, (name, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(space);
                disguised_text(name, seed.wrapping_add(at as u32), out);
                out.push_str(space);
                out.push(':');
                out.push_str(space);
                disguised(value, seed.wrapping_mul(31).wrapping_add(at as u32), out);
            }
            out.push_str(space);
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(space);
                disguised(item, seed.wrapping_mul(17).wrapping_add(at as u32), out);
            }
            out.push_str(space);
            out.push(']');
        }
        Value::String(text) => disguised_text(text, seed, out),
        other => out.push_str(&other.to_string()),
    }
}

fn disguised_text(text: &str, seed: u32, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    for (at, c) in text.chars().enumerate() {
        let plain = c != '"' && c != '\\' && c >= ' ';
        if plain && !seed.wrapping_add(at as u32).is_multiple_of(3) {
            out.push(c);
        } else {
            for half in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{half:04X}").unwrap();
            }
        }
    }
    out.push('"');
}

/// What redaction should do, said over a tree.
fn blanked(value: &Value, secret: bool) -> Value {
    match value {
        Value::String(_) if secret => Value::from(""),
        Value::Array(items) => items.iter().map(|item| blanked(item, secret)).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), blanked(value, is_secret_name(name)))).collect(),
        ),
        other => other.clone(),
    }
}

/// Puts the canary under every secret name.
fn planted(value: &Value, secret: bool) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| planted(item, secret)).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), planted(value, is_secret_name(name)))).collect(),
        ),
        _ if secret => Value::from(format!("x{CANARY}\"\\é")),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redaction_leaves_no_secret_and_changes_nothing_else(value in values(), seed in any::<u32>()) {
        let mut written = String::new();
        disguised(&planted(&value, false), seed, &mut written);
        let clean = redacted(Bytes::from(written), None).unwrap();
        let read: Value = serde_json::from_slice(&clean).unwrap();
        prop_assert!(!read.to_string().contains(CANARY));
        prop_assert_eq!(read, blanked(&planted(&value, false), false));
        // Redacting again changes nothing.
        prop_assert_eq!(redacted(clean.clone(), None).unwrap(), clean);
    }

    #[test]
    fn our_token_never_comes_back(value in values(), seed in any::<u32>(), before in texts(), after in texts()) {
        let echo = "0123-our-own-token";
        let mut written = String::new();
        disguised(&serde_json::json!([value, { "x": format!("{before}{echo}{after}") }]), seed, &mut written);
        let clean = redacted(Bytes::from(written), Some(echo)).unwrap();
        let read: Value = serde_json::from_slice(&clean).unwrap();
        prop_assert!(!read.to_string().contains(echo));
    }

    #[test]
    fn the_canonical_form_depends_on_meaning_alone(value in values(), one in any::<u32>(), other in any::<u32>()) {
        let (mut first, mut second) = (String::new(), String::new());
        disguised(&value, one, &mut first);
        disguised(&value, other, &mut second);
        let mut writer = Canonical::new();
        let first = writer.write(first.as_bytes(), &Leave::NOTHING).unwrap().to_vec();
        let second = writer.write(second.as_bytes(), &Leave::NOTHING).unwrap().to_vec();
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(&writer.write(&first, &Leave::NOTHING).unwrap(), &first);
        prop_assert_eq!(serde_json::from_slice::<Value>(&first).unwrap(), value);
    }

    #[test]
    fn leaving_out_a_path_equals_removing_it(value in values(), name in names(), inner in names(), seed in any::<u32>()) {
        let mut removed = value.clone();
        fn remove(value: &mut Value, name: &str, inner: Option<&str>) {
            match value {
                Value::Array(items) => items.iter_mut().for_each(|item| remove(item, name, inner)),
                Value::Object(members) => match inner {
                    None => drop(members.remove(name)),
                    Some(inner) => members.get_mut(name).into_iter().for_each(|value| remove(value, inner, None)),
                },
                _ => {}
            }
        }
        prop_assume!(!name.contains('.') && !inner.contains('.') && !name.ends_with("[]") && !inner.ends_with("[]"));
        remove(&mut removed, &name, Some(&inner));
        let mut written = String::new();
        disguised(&value, seed, &mut written);
        let mut writer = Canonical::new();
        let left = writer.write(written.as_bytes(), &Leave::paths(&[&format!("{name}.{inner}")])).unwrap().to_vec();
        prop_assert_eq!(serde_json::from_slice::<Value>(&left).unwrap(), removed);
    }

    #[test]
    fn the_splitter_agrees_with_a_tree(value in values(), seed in any::<u32>()) {
        let mut written = String::new();
        disguised(&value, seed, &mut written);
        let json = Json::from_bytes(written.as_bytes()).unwrap();
        match &value {
            Value::Object(members) => {
                let split: Map<String, Value> = fields(written.as_bytes()).unwrap()
                    .map(|member| member.unwrap())
                    .map(|(name, raw)| (name.into_owned(), serde_json::from_str(raw.as_str()).unwrap()))
                    .collect();
                prop_assert_eq!(&split, members);
            }
            Value::Array(items) => {
                let split: Vec<Value> = json.items().map(|raw| serde_json::from_str(raw.as_str()).unwrap()).collect();
                prop_assert_eq!(&split, items);
            }
            Value::String(text) => { let read = json.text(); prop_assert_eq!(read.as_deref(), Some(text.as_str())); }
            _ => prop_assert!(fields(written.as_bytes()).is_err()),
        }
    }

    #[test]
    fn nothing_panics_and_what_serde_reads_we_read(mut bytes in vec(any::<u8>(), 0..64), value in values(), at in any::<usize>(), byte in any::<u8>()) {
        let valid = |bytes: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
        let mut changed = value.to_string().into_bytes();
        let length = changed.len();
        changed[at % length] = byte;
        for bytes in [&mut bytes, &mut changed] {
            let ours = Json::from_bytes(bytes).is_ok();
            prop_assert_eq!(ours, Canonical::new().write(bytes, &Leave::NOTHING).is_ok());
            prop_assert_eq!(ours, redacted(Bytes::copy_from_slice(bytes), None).is_ok());
            prop_assert_eq!(ours, valid(bytes) && std::str::from_utf8(bytes).is_ok(), "{:?}", String::from_utf8_lossy(bytes));
            let _ = sentinelone::Agent::decode(bytes);
        }
    }
}
