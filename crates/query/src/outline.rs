//! A checked question part by part, for saying why one row is, or is not, in its answer.

use crate::Checked;
use crate::cond::{Cond, Counted, Place, Test};
use crate::tree::{Node, NodeKind};

/// One part of a question.
#[derive(Clone, Debug)]
pub struct Clause {
    /// How deep it is nested: the whole question has 0.
    pub depth: usize,
    /// What it makes of its parts.
    pub joint: Joint,
    /// The part in canonical text.
    pub text: String,
    /// The part as a question of its own, to its own inventory.
    pub alone: Checked,
    /// What it looks at; nothing for what only joins others.
    pub asks: Vec<Asks>,
}

/// What a part makes of its parts, which follow it one level deeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// All of them.
    All,
    /// Any of them.
    Any,
    /// Not this.
    Not,
    /// It has none: a term, or its negation.
    Term,
}

/// What a term looks at.
#[derive(Clone, Debug)]
pub enum Asks {
    /// The values of a field, by its canonical name.
    Field(&'static str),
    /// A raw attribute, as `--fields` names it: `@sentinelone.dev.agentVersion`.
    Raw(String),
    /// The elements of a scope.
    Elements {
        /// The scope.
        scope: &'static str,
        /// The inventory of its elements.
        inventory: &'static str,
        /// What one element has to be, as parts of a question to that inventory; none if it only has to be there.
        each: Vec<Clause>,
    },
}

impl Checked {
    /// The question part by part, each before its own parts.
    #[must_use]
    pub fn outline(&self) -> Vec<Clause> {
        let mut clauses = Vec::new();
        if let Some(node) = &self.node {
            self.walk(Some(node), &self.root, self.inventory, 0, &mut clauses);
        }
        clauses
    }

    fn walk(&self, node: Option<&Node>, cond: &Cond, inventory: &'static str, depth: usize, clauses: &mut Vec<Clause>) {
        let text = node.map(ToString::to_string).unwrap_or_default();
        let parts = match (node.map(|node| &node.kind), cond) {
            (Some(NodeKind::And(nodes)), Cond::And(conds)) if nodes.len() == conds.len() => {
                Some((Joint::All, nodes, conds))
            }
            (Some(NodeKind::Or(nodes)), Cond::Or(conds)) if nodes.len() == conds.len() => {
                Some((Joint::Any, nodes, conds))
            }
            _ => None,
        };
        let alone = self.part(inventory, text.clone(), cond.clone());
        if let Some((joint, nodes, conds)) = parts {
            clauses.push(Clause { depth, joint, text, alone, asks: Vec::new() });
            for (node, cond) in nodes.iter().zip(conds) {
                self.walk(Some(node), cond, inventory, depth + 1, clauses);
            }
            return;
        }
        if let (Some(NodeKind::Not(inner)), Cond::Not(within)) = (node.map(|node| &node.kind), cond)
            && matches!(inner.kind, NodeKind::And(_) | NodeKind::Or(_) | NodeKind::Not(_))
        {
            clauses.push(Clause { depth, joint: Joint::Not, text, alone, asks: Vec::new() });
            self.walk(Some(inner), within, inventory, depth + 1, clauses);
            return;
        }
        let mut asks = Vec::new();
        self.asks(node, cond, &mut asks);
        clauses.push(Clause { depth, joint: Joint::Term, text, alone, asks });
    }

    /// What a term looks at.
    fn asks(&self, node: Option<&Node>, cond: &Cond, found: &mut Vec<Asks>) {
        let place = |place: &Place| match place {
            Place::Field { name, .. } => Asks::Field(name),
            Place::Body(path) => {
                let first = path.paths.first().map_or("", String::as_str);
                Asks::Raw(format!("@{}.{}.{first}", path.source, path.kind))
            }
        };
        let asks = match cond {
            Cond::Const(_) => return,
            Cond::And(parts) | Cond::Or(parts) => {
                parts.iter().for_each(|part| self.asks(None, part, found));
                return;
            }
            Cond::Not(part) => {
                let inner = match node.map(|node| &node.kind) {
                    Some(NodeKind::Not(inner)) => Some(&**inner),
                    _ => node,
                };
                self.asks(inner, part, found);
                return;
            }
            Cond::Test(Test { place: at, .. }) => place(at),
            Cond::Count(Counted::Values(at), ..) => place(at),
            Cond::Count(Counted::Elements(scope), ..) => {
                Asks::Elements { scope: scope.name, inventory: scope.inventory, each: Vec::new() }
            }
            Cond::Scope(scope, body) => {
                let mut each = Vec::new();
                if !matches!(**body, Cond::Const(true)) {
                    let inner = match node.map(|node| &node.kind) {
                        Some(NodeKind::Scope { body, .. }) => Some(&**body),
                        _ => node,
                    };
                    self.walk(inner, body, scope.inventory, 0, &mut each);
                }
                Asks::Elements { scope: scope.name, inventory: scope.inventory, each }
            }
        };
        let same = |known: &Asks| match (known, &asks) {
            (Asks::Field(known), Asks::Field(new)) => known == new,
            (Asks::Raw(known), Asks::Raw(new)) => known == new,
            _ => false,
        };
        if !found.iter().any(same) {
            found.push(asks);
        }
    }
}
