//! A record as its source sent it: every attribute by its path, and the whole as text.

use serde_json::Value;
use ui::{Markup, html};

/// Attributes of one record that are drawn; the rest is counted.
const ATTRIBUTES_MAX: usize = 400;
/// Characters of one value that are drawn.
const VALUE_CHARS_MAX: usize = 300;
/// Levels that are opened; what lies deeper stands as text.
const DEPTH_MAX: usize = 12;

/// Attributes by path, `networkInterfaces.0.inet`, in the record's order, and how many more there are.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) all: Vec<(String, String)>,
    pub(crate) more: usize,
}

/// Reads a body. One that is no JSON has no attributes.
pub(crate) fn attributes(body: &[u8]) -> Attributes {
    let mut found = Attributes::default();
    if let Ok(value) = serde_json::from_slice(body) {
        open(&value, &mut String::new(), 0, &mut found);
    }
    found
}

fn open(value: &Value, path: &mut String, depth: usize, found: &mut Attributes) {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(members) if depth < DEPTH_MAX && !members.is_empty() => {
            members.iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        Value::Array(items) if depth < DEPTH_MAX && !items.is_empty() => {
            items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        leaf => {
            if found.all.len() >= ATTRIBUTES_MAX {
                found.more += 1;
                return;
            }
            let text = match leaf {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            found.all.push((path.clone(), ui::words::cut(&text, VALUE_CHARS_MAX)));
            return;
        }
    };
    let length = path.len();
    for (name, value) in parts {
        if length > 0 {
            path.push('.');
        }
        path.push_str(&name);
        open(value, path, depth + 1, found);
        path.truncate(length);
    }
}

impl Attributes {
    /// Names and values, one below the other.
    pub(crate) fn render(&self) -> Markup {
        let value = |text: &str| if text.is_empty() { ui::absent("nothing") } else { ui::mono(text) };
        html! {
            dl.facts.tight { @for (path, text) in &self.all { dt.mono { bdi { (path) } } dd { (value(text)) } } }
            @if self.more > 0 { p.muted { "and " (ui::noun(self.more as u64, "more attribute", "more attributes")) "." } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_opens_into_paths_in_its_order() {
        let found = attributes(br#"{"b":{"x":[1,"two"]},"a":null,"e":{}}"#);
        let all: Vec<(&str, &str)> = found.all.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert!(all.contains(&("b.x.0", "1")) && all.contains(&("b.x.1", "two")), "{all:?}");
        assert!(all.contains(&("a", "")) && all.contains(&("e", "{}")), "{all:?}");
        assert_eq!((all.len(), found.more), (4, 0));
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let body = serde_json::to_vec(&(0..ATTRIBUTES_MAX + 7).collect::<Vec<_>>()).unwrap();
        let found = attributes(&body);
        assert_eq!((found.all.len(), found.more), (ATTRIBUTES_MAX, 7));
        assert!(attributes(b"no JSON").all.is_empty());
    }
}
