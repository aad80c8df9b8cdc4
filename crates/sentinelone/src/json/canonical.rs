//! One form for one meaning: sorted keys, no white space, shortest escapes, numbers as they were written.

use super::scan::{self, Unit};
use super::{JsonError, JsonFault};
use crate::page::DEPTH_MAX;

/// Paths to leave out of the canonical form, such as `lastActiveDate` or `agentRealtimeInfo.agentVersion`.
///
/// Arrays are transparent: `networkInterfaces.gatewayIp` leaves it out of every interface.
#[derive(Clone, Debug, Default)]
pub struct Leave {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    names: Vec<(String, usize)>,
    out: bool,
}

impl Leave {
    /// Leaves nothing out.
    pub const NOTHING: Leave = Leave { nodes: Vec::new() };

    /// Leaves these dotted paths out; `[]` behind a name is allowed and means nothing.
    #[must_use]
    pub fn paths(paths: &[&str]) -> Leave {
        let mut nodes = vec![Node::default()];
        for path in paths {
            let mut at = 0;
            for name in path.split('.') {
                let name = name.trim_end_matches("[]");
                at = match nodes[at].names.iter().find(|(known, _)| known == name) {
                    Some((_, next)) => *next,
                    None => {
                        nodes.push(Node::default());
                        let next = nodes.len() - 1;
                        nodes[at].names.push((name.to_owned(), next));
                        next
                    }
                };
            }
            nodes[at].out = true;
        }
        Leave { nodes }
    }

    fn step(&self, node: Option<usize>, key: &str) -> Option<usize> {
        let names = &self.nodes.get(node?)?.names;
        names.iter().find(|(name, _)| name == key).map(|(_, next)| *next)
    }
}

/// Writes canonical JSON, reusing its buffers from record to record.
///
/// Two texts have the same canonical form exactly if they have the same members with the same values, whatever their
/// order, white space and escapes; numbers differ if they are written differently (`8.0`, `8.00`). Of a repeated key the
/// last one counts.
#[derive(Debug, Default)]
pub struct Canonical {
    out: Vec<u8>,
    scratch: Vec<u8>,
    members: Vec<Member>,
    /// How the members of the last unsorted object were put in order, by their number.
    orders: Vec<Vec<u32>>,
}

/// Objects with more members than this are put in order from nothing each time.
const MEMBERS_REMEMBERED_MAX: usize = 512;

/// One member in `out`: its quoted key begins at `start`, its value ends before `end`.
#[derive(Clone, Copy, Debug)]
struct Member {
    start: usize,
    key_end: usize,
    end: usize,
}

impl Canonical {
    /// A writer with empty buffers.
    #[must_use]
    pub fn new() -> Canonical {
        Canonical::default()
    }

    /// The canonical form of a record, good until the next call.
    ///
    /// # Errors
    /// The bytes are not UTF-8 or not JSON, or nest too deep.
    pub fn write(&mut self, raw: &[u8], leave: &Leave) -> Result<&[u8], JsonError> {
        let text = scan::utf8(raw)?;
        self.out.clear();
        self.members.clear();
        self.out.reserve(raw.len());
        let root = (!leave.nodes.is_empty()).then_some(0);
        let at = scan::white_space(raw, 0);
        let end = self.value(text, at, 0, leave, root)?;
        let end = scan::white_space(raw, end);
        if end < raw.len() {
            return Err(scan::invalid(end));
        }
        Ok(&self.out)
    }

    fn value(
        &mut self,
        text: &str,
        at: usize,
        depth: usize,
        leave: &Leave,
        node: Option<usize>,
    ) -> Result<usize, JsonError> {
        let bytes = text.as_bytes();
        match bytes.get(at) {
            Some(b'{' | b'[') if depth >= DEPTH_MAX => Err(JsonError { what: JsonFault::TooDeep, position: at }),
            Some(b'{') => self.object(text, at, depth + 1, leave, node),
            Some(b'[') => {
                self.out.push(b'[');
                let mut at = scan::white_space(bytes, at + 1);
                if bytes.get(at) == Some(&b']') {
                    self.out.push(b']');
                    return Ok(at + 1);
                }
                loop {
                    at = scan::white_space(bytes, self.value(text, at, depth + 1, leave, node)?);
                    match bytes.get(at) {
                        Some(b',') => self.out.push(b','),
                        Some(b']') => {
                            self.out.push(b']');
                            return Ok(at + 1);
                        }
                        _ => return Err(scan::unexpected(bytes, at)),
                    }
                    at = scan::white_space(bytes, at + 1);
                }
            }
            Some(b'"') => self.string(text, at),
            _ => {
                let end = scan::scalar(bytes, at)?;
                self.out.extend_from_slice(&bytes[at..end]);
                Ok(end)
            }
        }
    }

    fn object(
        &mut self,
        text: &str,
        at: usize,
        depth: usize,
        leave: &Leave,
        node: Option<usize>,
    ) -> Result<usize, JsonError> {
        let bytes = text.as_bytes();
        let base = self.members.len();
        self.out.push(b'{');
        let inside = self.out.len();
        let mut sorted = true;
        let mut at = scan::white_space(bytes, at + 1);
        if bytes.get(at) == Some(&b'}') {
            self.out.push(b'}');
            return Ok(at + 1);
        }
        loop {
            if bytes.get(at) != Some(&b'"') {
                return Err(scan::unexpected(bytes, at));
            }
            let before = self.out.len();
            if before > inside {
                self.out.push(b',');
            }
            let start = self.out.len();
            let key_at = at;
            at = scan::colon(bytes, self.string(text, at)?)?;
            let key_end = self.out.len();
            // Only where something may be left out is the key looked at as text.
            let next = match node {
                Some(_) => {
                    let (end, _) = scan::string(bytes, key_at + 1)?;
                    leave.step(node, &scan::unescaped(&text[key_at + 1..end]))
                }
                None => None,
            };
            if next.is_some_and(|next| leave.nodes[next].out) {
                self.out.truncate(before);
                at = scan::value(bytes, at, depth)?;
            } else {
                self.out.push(b':');
                at = self.value(text, at, depth, leave, next)?;
                if let Some(last) = self.members[base..].last() {
                    sorted = sorted && self.out[last.start..last.key_end] < self.out[start..key_end];
                }
                self.members.push(Member { start, key_end, end: self.out.len() });
            }
            at = scan::white_space(bytes, at);
            match bytes.get(at) {
                Some(b',') => at = scan::white_space(bytes, at + 1),
                Some(b'}') => break,
                _ => return Err(scan::unexpected(bytes, at)),
            }
        }
        if !sorted {
            self.sort(base, inside);
        }
        self.members.truncate(base);
        self.out.push(b'}');
        Ok(at + 1)
    }

    /// Puts the members of the innermost object in order; of equal keys the last stays.
    fn sort(&mut self, base: usize, inside: usize) {
        let Canonical { out, scratch, members, orders } = self;
        let members = &members[base..];
        let member = |at: &u32| members[*at as usize];
        let key = |at: &u32| &out[member(at).start..member(at).key_end];
        // Records of a page are written alike, and seeing that an order is right is cheaper than finding it.
        let slot = if members.len() > MEMBERS_REMEMBERED_MAX { 0 } else { members.len() };
        if orders.len() <= slot {
            orders.resize(slot + 1, Vec::new());
        }
        let order = &mut orders[slot];
        if order.len() != members.len() || !order.is_sorted_by(|a, b| key(a) < key(b)) {
            order.clear();
            order.extend((0u32..).take(members.len()));
            order.sort_by(|a, b| key(a).cmp(key(b)));
        }
        scratch.clear();
        for (index, at) in order.iter().enumerate() {
            if order.get(index + 1).is_some_and(|next| key(next) == key(at)) {
                continue;
            }
            if !scratch.is_empty() {
                scratch.push(b',');
            }
            scratch.extend_from_slice(&out[member(at).start..member(at).end]);
        }
        out.truncate(inside);
        out.extend_from_slice(scratch);
    }

    /// Writes a string in its shortest form; returns the place behind it.
    fn string(&mut self, text: &str, at: usize) -> Result<usize, JsonError> {
        let (end, escaped) = scan::string(text.as_bytes(), at + 1)?;
        if !escaped {
            self.out.extend_from_slice(&text.as_bytes()[at..=end]);
            return Ok(end + 1);
        }
        let out = &mut self.out;
        out.push(b'"');
        scan::units(&text[at + 1..end], |unit| match unit {
            Unit::Plain(run) => out.extend_from_slice(run.as_bytes()),
            Unit::Char('"') => out.extend_from_slice(b"\\\""),
            Unit::Char('\\') => out.extend_from_slice(b"\\\\"),
            Unit::Char('\u{8}') => out.extend_from_slice(b"\\b"),
            Unit::Char('\u{c}') => out.extend_from_slice(b"\\f"),
            Unit::Char('\n') => out.extend_from_slice(b"\\n"),
            Unit::Char('\r') => out.extend_from_slice(b"\\r"),
            Unit::Char('\t') => out.extend_from_slice(b"\\t"),
            Unit::Char(c @ '\0'..'\u{20}') => out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
            Unit::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Unit::Lone(half) => out.extend_from_slice(format!("\\u{half:04x}").as_bytes()),
        });
        out.push(b'"');
        Ok(end + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str, leave: &[&str]) -> String {
        let mut writer = Canonical::new();
        String::from_utf8(writer.write(text.as_bytes(), &Leave::paths(leave)).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn order_white_space_and_escapes_do_not_matter() {
        let a = canonical(r#"{"b":1.0,"a":{"y":"\u00e9\/","x":[1, 2]}}"#, &[]);
        let b = canonical(" {\"a\" : {\"x\":[1,2],\"y\":\"é/\"}, \"\\u0062\":1.0 }", &[]);
        assert_eq!(a, "{\"a\":{\"x\":[1,2],\"y\":\"é/\"},\"b\":1.0}");
        assert_eq!(a, b);
    }

    #[test]
    fn numbers_are_kept_as_written() {
        assert_eq!(canonical("[1234567890123456789,8.00,1E5,-0]", &[]), "[1234567890123456789,8.00,1E5,-0]");
    }

    #[test]
    fn the_last_of_a_repeated_key_counts() {
        assert_eq!(canonical(r#"{"a":1,"b":2,"\u0061":3}"#, &[]), r#"{"a":3,"b":2}"#);
        assert_eq!(canonical(r#"{"a":1,"a":2}"#, &[]), r#"{"a":2}"#);
    }

    #[test]
    fn paths_are_left_out_through_arrays_and_nowhere_else() {
        let text =
            r#"{"z":{"k":[1]},"last":"x","n":[{"ip":"1","mac":"a"},{"ip":"2"},[{"ip":"3"}]],"d":{"last":"y"},"k":0}"#;
        assert_eq!(
            canonical(text, &["last", "n[].ip", "z.k", "k"]),
            r#"{"d":{"last":"y"},"n":[{"mac":"a"},{},[{}]],"z":{}}"#
        );
        assert_eq!(canonical(r#"{"a":{"deep":{"x":1}}}"#, &["a"]), "{}");
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let mut writer = Canonical::new();
        assert!(writer.write(deep(64).as_bytes(), &Leave::NOTHING).is_ok());
        assert_eq!(writer.write(deep(65).as_bytes(), &Leave::NOTHING).unwrap_err().what, JsonFault::TooDeep);
    }

    #[test]
    fn lone_halves_of_surrogate_pairs_stay_distinct() {
        assert_ne!(canonical(r#""\ud800""#, &[]), canonical(r#""\ud801""#, &[]));
        assert_eq!(canonical(r#""\uD83D\uDE00\uD800""#, &[]), "\"😀\\ud800\"");
    }
}
