//! Tree -> canonical text: one way to write every query, so that parsing it gives the same tree.

use std::fmt;

use crate::tree::{Name, Node, NodeKind, Op, Operand, Tree};

impl fmt::Display for Tree {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.as_ref().map_or(Ok(()), |root| root.fmt(out))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            NodeKind::And(parts) => joined(parts, " and ", out),
            NodeKind::Or(parts) => joined(parts, " or ", out),
            NodeKind::Not(part) => {
                out.write_str("not ")?;
                grouped(part, out)
            }
            NodeKind::Term { name, operands, all } => {
                if *all {
                    out.write_str("all:")?;
                }
                write!(out, "{name}:")?;
                match operands.as_slice() {
                    [operand] => operand.print(Place::Value, out),
                    operands => {
                        for (index, operand) in operands.iter().enumerate() {
                            out.write_str(if index == 0 { "(" } else { ", " })?;
                            operand.print(Place::List, out)?;
                        }
                        out.write_str(")")
                    }
                }
            }
            NodeKind::Count { name, operand } => {
                write!(out, "count({name}):")?;
                operand.print(Place::Value, out)
            }
            NodeKind::Presence { verb, name } => write!(out, "{}:{name}", verb.word()),
            NodeKind::SeenBy { source, age } => {
                write!(out, "seen_by:{source}")?;
                match age {
                    None => Ok(()),
                    Some(age) => {
                        out.write_str(":")?;
                        age.print(Place::Value, out)
                    }
                }
            }
            NodeKind::Bare(operand) => operand.print(Place::Bare, out),
            NodeKind::Scope { name, body } => write!(out, "{name}:({body})"),
            NodeKind::Mistake => out.write_str("?"),
        }
    }
}

fn joined(parts: &[Node], word: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.write_str(word)?;
        }
        grouped(part, out)?;
    }
    Ok(())
}

fn grouped(part: &Node, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    match part.kind {
        NodeKind::And(_) | NodeKind::Or(_) => write!(out, "({part})"),
        _ => write!(out, "{part}"),
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(Place::Value, out)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.text.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '@'))
            && self.text.chars().all(is_name_char);
        if plain { out.write_str(&self.text) } else { write!(out, "\"{}\"", self.text.replace('"', "\\\"")) }
    }
}

/// What a field's name may consist of without quotes.
pub(crate) fn is_name_char(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '@' | '$')
}

/// Words that mean something where a term is expected.
pub(crate) fn is_keyword(word: &str) -> bool {
    ["and", "or", "not", "in"].iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Value,
    List,
    Bare,
}

impl Operand {
    fn print(&self, place: Place, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.op == Op::Regex {
            return write!(out, "~/{}/", self.text.replace('/', "\\/"));
        }
        let mut chars = self.text.chars();
        let first = chars.next();
        let opens_like_op = first.is_some_and(|first| matches!(first, '=' | '!' | '<' | '>' | '~'));
        let plain = !self.text.is_empty()
            && !self.inside
            && !opens_like_op
            && first != Some('-')
            && self.text.chars().all(|char| is_name_char(char) || matches!(char, '/' | '%' | '*' | '?' | '+'))
            && self.text.chars().any(char::is_alphanumeric)
            && !(place != Place::Value && is_keyword(&self.text));
        match (plain, self.inside) {
            (true, _) => write!(out, "{}{}", self.op.sign(), self.text),
            (false, true) => {
                let escape = if opens_like_op { "\\" } else { "" };
                write!(out, "\"{}{escape}{}\"", self.op.sign(), self.text.replace('"', "\\\""))
            }
            (false, false) => {
                let escape = if opens_like_op && self.op == Op::Contains && place != Place::Bare { "\\" } else { "" };
                write!(out, "{}\"{escape}{}\"", self.op.sign(), self.text.replace('"', "\\\""))
            }
        }
    }
}
