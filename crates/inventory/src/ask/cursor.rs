//! Cursors: where a page ended, as text that only the same question understands.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Value;
use sha2::{Digest, Sha256};

use super::AskError;
use super::walk::{Place, Sort};

/// Bytes of the digest that binds a cursor to its question; enough to notice accidents, and nothing depends on more.
const BINDING_LENGTH: usize = 8;

/// What a cursor belongs to.
pub(super) type Binding = [u8; BINDING_LENGTH];

/// The digest of a question: its inventory, its canonical text and its order.
pub(super) fn binding(inventory: &str, canonical: &str, sort: &Sort) -> Binding {
    digest(&[inventory.as_bytes(), canonical.as_bytes(), sort.name.as_bytes(), &[u8::from(sort.descending)]])
}

fn digest(parts: &[&[u8]]) -> Binding {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut short = [0; BINDING_LENGTH];
    short.copy_from_slice(&hasher.finalize()[..BINDING_LENGTH]);
    short
}

/// Writes where a page ended: a digest of all that follows and of the question, the row's key, the sort value.
pub(super) fn encode(place: &Place, binding: Binding) -> String {
    let mut bytes = place.key.to_le_bytes().to_vec();
    match &place.value {
        Value::Null => bytes.push(b'n'),
        Value::Int(number) => {
            bytes.push(b'i');
            bytes.extend(number.to_le_bytes());
        }
        Value::Real(number) => {
            bytes.push(b'r');
            bytes.extend(number.to_le_bytes());
        }
        Value::Text(text) => {
            bytes.push(b't');
            bytes.extend(text.as_bytes());
        }
        Value::Bytes(value) => {
            bytes.push(b'b');
            bytes.extend(&**value);
        }
    }
    let seal = digest(&[&binding, &bytes]);
    URL_SAFE_NO_PAD.encode([&seal[..], &bytes].concat())
}

/// Reads what [`encode`] wrote for the same question.
pub(super) fn decode(text: &str, binding: Binding) -> Result<Place, AskError> {
    read(text, binding).ok_or_else(|| {
        AskError::Argument {
        argument: "--after",
        message: "this cursor does not belong to this question".to_owned(),
        help: Some(
            "a cursor goes on with the same query, inventory and order as the page that gave it; leave it out to begin \
             again"
                .to_owned(),
        ),
    }
    })
}

fn read(text: &str, binding: Binding) -> Option<Place> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
    let (seal, bytes) = bytes.split_at_checked(BINDING_LENGTH)?;
    if seal != digest(&[&binding, bytes]) {
        return None;
    }
    let (key, value) = bytes.split_first_chunk()?;
    let (kind, value) = value.split_first()?;
    let value = match kind {
        b'n' => Value::Null,
        b'i' => Value::Int(i64::from_le_bytes(value.try_into().ok()?)),
        b'r' => Value::Real(f64::from_le_bytes(value.try_into().ok()?)),
        b't' => Value::from(std::str::from_utf8(value).ok()?.to_owned()),
        b'b' => Value::from(value.to_vec()),
        _ => return None,
    };
    Some(Place { key: i64::from_le_bytes(*key), value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_for_its_own_question_only() {
        let (mine, other) = ([1; BINDING_LENGTH], [2; BINDING_LENGTH]);
        let values =
            [Value::Null, Value::Int(-5), Value::Real(0.5), Value::from("wks-é".to_owned()), Value::from(vec![0, 255])];
        for value in values {
            let place = Place { key: 816, value };
            let text = encode(&place, mine);
            assert_eq!(decode(&text, mine).unwrap(), place);
            assert!(decode(&text, other).is_err());
        }
    }

    #[test]
    fn a_cursor_that_was_touched_is_refused() {
        let binding = [7; BINDING_LENGTH];
        let text = encode(&Place { key: 1, value: Value::Int(9) }, binding);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(bytes).unwrap();
            // The last character carries bits that the decoder does not accept or that mean the same bytes.
            assert!(touched == text || decode(&touched, binding).is_err(), "{touched}");
        }
        for text in ["", "x", "eyJ", "ünlesbar", &text[..text.len() - 2]] {
            assert!(decode(text, binding).is_err(), "{text}");
        }
    }
}
