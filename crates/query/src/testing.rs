//! Random valid queries, for tests that compare databases with the naive evaluator.

use kernel::Random;

use crate::catalogue::{Catalogue, Column, Field, Inventory, Type};
use crate::cond::Place;
use crate::matcher::Matcher;
use crate::tree::{Name, Node, NodeKind, Op, Operand, Verb};
use crate::version::{Version, VersionRange};
use crate::{Span, Tree};

/// How deep generated queries nest.
const DEPTH_MAX: usize = 3;

/// Makes queries about an inventory out of values that its data holds; the same numbers make the same queries.
#[derive(Clone, Copy)]
pub struct Generator<'a> {
    /// What there is.
    pub catalogue: &'a Catalogue,
    /// The inventory that is asked.
    pub inventory: &'a Inventory,
    /// Values of a field (inventory, field) as a query would write them: text, `t`, `12`, `2026-11-21T03:00:00Z`,
    /// `90s`, `10.0.0.1`. A field without any is asked for presence only.
    pub samples: &'a dyn Fn(&str, &str) -> Vec<String>,
    /// Names behind `@` and values of raw attributes: (`sentinelone.dev.osType`, [`windows`]).
    pub raw: &'a [(String, Vec<String>)],
}

impl Generator<'_> {
    /// A query that checks without an error.
    pub fn query(&self, random: &mut Random) -> String {
        let root = self.node(self.inventory, DEPTH_MAX, false, random);
        Tree { root: Some(root) }.to_string()
    }

    fn node(&self, inventory: &Inventory, depth: usize, scoped: bool, random: &mut Random) -> Node {
        if depth == 0 {
            return self.leaf(inventory, scoped, random);
        }
        let kind = match random.below(10) {
            0..3 => NodeKind::And(self.nodes(inventory, depth, scoped, random)),
            3..5 => NodeKind::Or(self.nodes(inventory, depth, scoped, random)),
            5..7 => NodeKind::Not(Box::new(self.node(inventory, depth - 1, scoped, random))),
            7 => match self.scope(inventory, depth, random) {
                Some(kind) => kind,
                None => return self.leaf(inventory, scoped, random),
            },
            _ => return self.leaf(inventory, scoped, random),
        };
        node(kind)
    }

    fn nodes(&self, inventory: &Inventory, depth: usize, scoped: bool, random: &mut Random) -> Vec<Node> {
        let count = 2 + random.below(2);
        (0..count).map(|_| self.node(inventory, depth - 1, scoped, random)).collect()
    }

    fn scope(&self, inventory: &Inventory, depth: usize, random: &mut Random) -> Option<NodeKind> {
        let scope = pick(&inventory.scopes, random)?;
        let elements = self.catalogue.inventory(scope.inventory)?;
        Some(match random.below(6) {
            0 => NodeKind::Presence { verb: Verb::Has, name: name(scope.name) },
            1 => {
                NodeKind::Count { name: name(scope.name), operand: operand(Op::Greater, &random.below(3).to_string()) }
            }
            _ => {
                let body = Box::new(self.node(elements, depth - 1, true, random));
                NodeKind::Scope { name: name(scope.name), body }
            }
        })
    }

    fn leaf(&self, inventory: &Inventory, scoped: bool, random: &mut Random) -> Node {
        // Some fields take no query here (no data, or no way inside a scope); another is drawn then.
        const DRAWS_MAX: usize = 20;
        for _ in 0..DRAWS_MAX {
            if !scoped
                && random.below(8) == 0
                && let Some((path, values)) = pick(self.raw, random)
            {
                return node(self.raw_leaf(path, values, random));
            }
            if !scoped
                && random.below(12) == 0
                && let Some(kind) = self.bare(inventory, random)
            {
                return node(kind);
            }
            let Some(field) = pick(&inventory.fields, random) else { break };
            if let Some(kind) = self.field(inventory, field, scoped, random) {
                return node(kind);
            }
        }
        let field = inventory.fields.first().map_or("id", |field| field.name);
        node(NodeKind::Presence { verb: Verb::Has, name: name(field) })
    }

    fn bare(&self, inventory: &Inventory, random: &mut Random) -> Option<NodeKind> {
        let field = inventory.field(pick(inventory.bare, random)?)?;
        let sample = pick(&(self.samples)(inventory.name, field.name), random)?.clone();
        let text = match field.ty {
            Type::Text => part(&sample, random),
            Type::Words => one_word(&sample, random)?,
            _ => sample,
        };
        (!text.is_empty()).then(|| NodeKind::Bare(operand(Op::Contains, &escaped(&text))))
    }

    fn raw_leaf(&self, path: &str, values: &[String], random: &mut Random) -> NodeKind {
        let name = name(&format!("@{path}"));
        let Some(sample) = pick(values, random).filter(|_| random.below(4) > 0) else {
            let verb = if random.below(2) == 0 { Verb::Has } else { Verb::No };
            return NodeKind::Presence { verb, name };
        };
        let operand = match random.below(4) {
            0 => operand(Op::Contains, &escaped(&part(sample, random))),
            1 => operand(Op::NotEqual, &escaped(sample)),
            2 if sample.parse::<f64>().is_ok() => operand(size(random), sample),
            _ => operand(Op::Equal, &escaped(sample)),
        };
        NodeKind::Term { name, operands: vec![operand], all: random.below(6) == 0 }
    }

    fn field(&self, inventory: &Inventory, field: &Field, scoped: bool, random: &mut Random) -> Option<NodeKind> {
        let place = match &field.column {
            Column::Missing { .. } | Column::Body { .. } => return None,
            column => Place::Field { name: field.name, column: column.clone() },
        };
        let named = || name(field.name);
        let samples = (self.samples)(inventory.name, field.name);
        let sample = pick(&samples, random).filter(|_| random.below(8) > 0);
        let Some(sample) = sample else {
            let verb = if random.below(2) == 0 { Verb::Has } else { Verb::No };
            return Some(match random.below(4) {
                0 => NodeKind::Count { name: named(), operand: operand(size(random), &random.below(3).to_string()) },
                1 if field.ty != Type::Bool => {
                    NodeKind::Term { name: named(), operands: vec![operand(Op::Equal, "")], all: false }
                }
                _ => NodeKind::Presence { verb, name: named() },
            });
        };
        let version = VersionRange::Between(None, None);
        let beyond = scoped && place.beyond_sql(&Matcher::Version(version));
        if beyond && field.ty == Type::Version {
            return None;
        }
        let mut operands = vec![self.operand(field, sample, beyond, random)?];
        if random.below(5) == 0 && operands[0].op != Op::NotEqual {
            let more = pick(&samples, random)?;
            operands.extend(self.operand(field, more, beyond, random).filter(|more| more.op != Op::NotEqual));
        }
        let blank = operands.iter().any(|operand| operand.text.is_empty());
        let all = field.many() && !blank && random.below(4) == 0;
        Some(NodeKind::Term { name: named(), operands, all })
    }

    fn operand(&self, field: &Field, sample: &str, no_regex: bool, random: &mut Random) -> Option<Operand> {
        Some(match &field.ty {
            Type::Text => text(sample, no_regex, random),
            Type::Id => operand(equality(random), &escaped(sample)),
            Type::Enum(choices) => {
                let declared = choices.values.iter().any(|choice| choice.value == kernel::fold(sample));
                if choices.closed && !declared {
                    return None;
                }
                match random.below(4) {
                    0 if declared => operand(Op::Contains, &escaped(sample)),
                    1 => operand(Op::Contains, &format!("{}%", escaped(&part(sample, random)))),
                    2 if declared && choices.ordered => operand(size(random), &escaped(sample)),
                    _ => operand(equality(random), &escaped(sample)),
                }
            }
            Type::Words => {
                let word = one_word(sample, random)?;
                match random.below(3) {
                    0 => operand(Op::NotEqual, &word),
                    1 => operand(Op::Contains, &format!("{}*", word.chars().take(3).collect::<String>())),
                    _ => operand(Op::Contains, &word),
                }
            }
            Type::Bool => operand(equality(random), sample),
            Type::Mac => {
                let digits = sample.len() - usize::try_from(random.below(3)).unwrap_or(0) * 3;
                operand(Op::Contains, sample.get(..digits).unwrap_or(sample).trim_end_matches([':', '-']))
            }
            Type::Ip => match sample.parse() {
                Ok(std::net::IpAddr::V4(_)) if random.below(2) == 0 => {
                    operand(Op::Contains, &format!("{sample}/{}", 8 + random.below(25)))
                }
                _ => operand(equality(random), sample),
            },
            Type::Version if Version::parse(sample).is_none() => operand(Op::Equal, &escaped(sample)),
            Type::Version => match random.below(3) {
                0 => operand(Op::Contains, &escaped(sample)),
                _ => operand(size(random), &escaped(sample)),
            },
            Type::Timestamp(_) => match random.below(4) {
                0 => operand(size(random), &format!("{}d", 1 + random.below(400))),
                1 => operand(Op::Contains, sample.get(..10)?),
                _ => operand(size(random), sample),
            },
            Type::Int | Type::Real | Type::Duration => match random.below(4) {
                0 => operand(equality(random), sample),
                1 => operand(Op::Contains, &format!("..{sample}")),
                _ => operand(size(random), sample),
            },
        })
    }
}

fn text(sample: &str, no_regex: bool, random: &mut Random) -> Operand {
    let some = part(sample, random);
    match random.below(9) {
        0 => operand(Op::Equal, &escaped(sample)),
        1 => operand(Op::Exact, &escaped(sample)),
        2 => operand(Op::NotEqual, &escaped(sample)),
        3 => operand(Op::Equal, &format!("{}*", escaped(&some))),
        4 => {
            let kept = sample.chars().count().saturating_sub(1);
            let begin: String = sample.chars().take(kept).collect();
            operand(Op::Equal, &format!("{}?", escaped(&begin)))
        }
        5 if !no_regex && !some.is_empty() => operand(Op::Regex, &regex::escape(&some)),
        6 => operand(Op::Contains, &escaped(&some.to_uppercase())),
        7 => operand(Op::Contains, &format!("{}%{}", escaped(&some), escaped(&part(sample, random)))),
        _ => operand(Op::Contains, &escaped(&some)),
    }
}

fn equality(random: &mut Random) -> Op {
    if random.below(3) == 0 { Op::NotEqual } else { Op::Equal }
}

fn size(random: &mut Random) -> Op {
    [Op::Greater, Op::GreaterEqual, Op::Less, Op::LessEqual][usize::try_from(random.below(4)).unwrap_or(0)]
}

/// A few characters of a text, from anywhere.
fn part(text: &str, random: &mut Random) -> String {
    let chars: Vec<char> = text.chars().collect();
    let from = usize::try_from(random.below(chars.len() as u64)).unwrap_or(0);
    let length = 1 + usize::try_from(random.below(6)).unwrap_or(0);
    chars.into_iter().skip(from).take(length).collect()
}

fn pick<'v, T>(values: &'v [T], random: &mut Random) -> Option<&'v T> {
    values.get(usize::try_from(random.below(values.len() as u64)).unwrap_or(0))
}

/// A literal in the form of [`Operand::text`].
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|char| matches!(char, '\\' | '%' | '*' | '_' | '?').then_some('\\').into_iter().chain([char]))
        .collect()
}

fn node(kind: NodeKind) -> Node {
    Node { span: Span::default(), kind }
}

fn name(text: &str) -> Name {
    Name { text: text.to_owned(), span: Span::default() }
}

fn operand(op: Op, text: &str) -> Operand {
    Operand { op, text: text.to_owned(), inside: false, span: Span::default() }
}

/// One of the words of a text.
fn one_word(sample: &str, random: &mut Random) -> Option<String> {
    pick(&crate::words::words(sample), random).cloned()
}
