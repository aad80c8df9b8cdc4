//! Tree -> checked question: every name is known, every operator fits, or all mistakes at once.

use std::collections::BTreeSet;

use kernel::{Timestamp, fold};

use crate::catalogue::{Catalogue, Column, Field, Inventory, Keyed, Raw, Scope, Tense, Type};
use crate::cond::{BodyPath, Cond, Counted, PATH_PARTS_MAX, Place, Test};
use crate::matcher::{Matcher, wildcards};
use crate::near::{least_far, nearest};
use crate::problem::render;
use crate::tree::{Name, Node, NodeKind, Op, Operand, Verb};
use crate::value::{Meaning, Typed, bare_matcher, int_range};
use crate::{Problem, Severity, Span, Template, Tree, parse};

/// What the data holds, for suggestions and for enums that a console extended. Every answer may be "not known".
pub trait Known {
    /// The values seen in a field, with how many rows have each, most frequent first.
    fn values(&self, inventory: &str, field: &str) -> Option<Vec<(String, u64)>> {
        let _ = (inventory, field);
        None
    }

    /// The names of the sources that have sent anything.
    fn sources(&self) -> Option<Vec<String>> {
        None
    }

    /// The saved queries that `saved:NAME` may name; `None`: none can be used here.
    fn saved(&self) -> Option<Vec<Saved>> {
        None
    }
}

/// A query that somebody saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its name.
    pub name: String,
    /// The inventory that it asks, by its own name.
    pub inventory: String,
    /// Its text, with parameters.
    pub text: String,
    /// What its parameters are when a query does not say, in the place of its own defaults.
    pub settings: Vec<(String, String)>,
}

/// How many saved queries one query may use, those that they use included.
pub const SAVED_MAX: usize = 16;

/// Knows nothing: every check falls back on what the catalogue declares.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingKnown;

impl Known for NothingKnown {}

/// Against what a query is checked.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// What there is.
    pub catalogue: &'a Catalogue,
    /// The inventory that is asked, as the user named it.
    pub inventory: &'a str,
    /// What `now` is, and what ages count from.
    pub now: Timestamp,
    /// The moment the question is about, if not the present: then volatile fields are mistakes.
    pub as_of: Option<Timestamp>,
    /// What the data holds.
    pub known: &'a dyn Known,
}

/// A question whose every part is understood.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The canonical name of the inventory.
    pub inventory: &'static str,
    /// The query as Muster would write it.
    pub canonical: String,
    /// Warnings and notices, by position.
    pub notes: Vec<Problem>,
    /// What the terms about time mean at present: (`last_seen:>14d`, `before 2026-11-07T12:00:00Z`).
    pub times: Vec<(String, String)>,
    pub(crate) root: Cond,
    /// The query as it is written canonically; `None` for everything.
    pub(crate) node: Option<Node>,
    /// The saved queries that were put in: name and text.
    expanded: Vec<(String, String)>,
    /// The parts of the top-level `and`, in canonical text and as conditions.
    parts: Vec<(String, Cond)>,
}

/// A query that does not run: its text and everything that is wrong with it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} in the query", mistakes(.problems))]
pub struct Refused {
    /// The text as given.
    pub text: String,
    /// Errors, and warnings and notices too, by position.
    pub problems: Vec<Problem>,
}

impl Refused {
    /// The query with carets, and its mistakes in words: what follows `error: 2 mistakes in the query`.
    #[must_use]
    pub fn render(&self) -> String {
        render(&self.text, &self.problems)
    }
}

/// `1 mistake`, `2 mistakes`.
pub(crate) fn mistakes(problems: &[Problem]) -> String {
    match problems.iter().filter(|problem| problem.severity == Severity::Error).count() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    }
}

/// Parses and checks in one step.
///
/// # Errors
/// All mistakes at once.
pub fn prepare(text: &str, asking: &Asking<'_>) -> Result<Checked, Refused> {
    let (tree, mut problems) = parse(text);
    let refused = |mut problems: Vec<Problem>| {
        problems.sort_by_key(|problem| (problem.span, std::cmp::Reverse(problem.severity)));
        problems.dedup();
        Refused { text: text.to_owned(), problems }
    };
    match check(&tree, asking) {
        Ok(mut checked) if problems.iter().all(|problem| problem.severity < Severity::Error) => {
            checked.notes.append(&mut problems);
            checked.notes.sort_by_key(|problem| problem.span);
            Ok(checked)
        }
        Ok(checked) => Err(refused([problems, checked.notes].concat())),
        Err(found) => Err(refused([problems, found].concat())),
    }
}

/// Checks a parsed query.
///
/// # Errors
/// All mistakes at once, by position; warnings and notices among them.
pub fn check(tree: &Tree, asking: &Asking<'_>) -> Result<Checked, Vec<Problem>> {
    let Some(inventory) = asking.catalogue.inventory(asking.inventory) else {
        let listed = asking.catalogue.inventories.iter().filter(|inventory| inventory.listed);
        let names: Vec<&str> = listed.map(|inventory| inventory.name).collect();
        let message = format!("there is no inventory {}. There are {}.", asking.inventory, names.join(", "));
        return Err(vec![Problem::error(Span::default(), message).near(nearest(asking.inventory, names))]);
    };
    let mut checker = Checker {
        asking,
        problems: Vec::new(),
        scopes: Vec::new(),
        times: Vec::new(),
        expanding: Vec::new(),
        expanded: Vec::new(),
    };
    let (root, canonical, parts, node) = match &tree.root {
        None => (Cond::Const(true), String::new(), Vec::new(), None),
        Some(root) => {
            let (cond, node) = checker.node(root, inventory);
            let canonical = node.to_string();
            let parts = match (&node.kind, &cond) {
                (NodeKind::And(nodes), Cond::And(conds)) if nodes.len() == conds.len() => {
                    nodes.iter().map(ToString::to_string).zip(conds.iter().cloned()).collect()
                }
                _ => vec![(canonical.clone(), cond.clone())],
            };
            (cond, canonical, parts, Some(node))
        }
    };
    let Checker { mut problems, mut times, expanded, .. } = checker;
    times.dedup();
    problems.sort_by_key(|problem| (problem.span, std::cmp::Reverse(problem.severity)));
    problems.dedup();
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    Ok(Checked { inventory: inventory.name, canonical, notes: problems, times, root, node, expanded, parts })
}

/// One part of the top-level `and`.
#[derive(Clone, Debug)]
pub struct Step {
    /// The part in canonical text.
    pub text: String,
    /// The part alone.
    pub alone: Checked,
    /// The part and all parts before it.
    pub so_far: Checked,
}

impl Checked {
    /// The dictionaries that lowering will ask for.
    #[must_use]
    pub fn dictionaries(&self) -> BTreeSet<&'static str> {
        self.dictionary_lookups().into_iter().map(|(dictionary, _)| dictionary).collect()
    }

    /// What lowering will ask of dictionaries, in no order.
    #[must_use]
    pub fn dictionary_lookups(&self) -> Vec<(&'static str, &Matcher)> {
        fn of_column(column: &Column) -> Option<&'static str> {
            match column {
                Column::Term { dictionary, .. } => Some(*dictionary),
                Column::Many { value, .. } => of_column(value),
                _ => None,
            }
        }
        let (mut found, mut open) = (Vec::new(), vec![&self.root]);
        while let Some(cond) = open.pop() {
            match cond {
                Cond::And(parts) | Cond::Or(parts) => open.extend(parts),
                Cond::Not(part) | Cond::Scope(_, part) => open.push(part),
                Cond::Test(Test { place: Place::Field { column, .. }, matcher, .. }) => {
                    let asked = !matches!(matcher, Matcher::Present);
                    found.extend(of_column(column).filter(|_| asked).map(|dictionary| (dictionary, matcher)));
                }
                Cond::Const(_) | Cond::Test(_) | Cond::Count(..) => {}
            }
        }
        found
    }

    /// A part of the question as a question of its own.
    pub(crate) fn part(&self, inventory: &'static str, canonical: String, root: Cond) -> Checked {
        Checked {
            inventory,
            canonical,
            notes: Vec::new(),
            times: Vec::new(),
            root,
            node: None,
            expanded: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Everything that decides the answer, in one text: the canonical text, and that of every saved query in it.
    #[must_use]
    pub fn sealed(&self) -> String {
        let mut text = self.canonical.clone();
        for (name, saved) in &self.expanded {
            text.push_str(&format!("\nsaved:{name} {saved}"));
        }
        text
    }

    /// The parts of the top-level `and`, for hit counts: each alone, and together with those before it.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let part = |canonical: String, root: Cond| self.part(self.inventory, canonical, root);
        let upto = |count: usize| {
            let texts: Vec<&str> = self.parts[..count].iter().map(|(text, _)| text.as_str()).collect();
            let conds = self.parts[..count].iter().map(|(_, cond)| cond.clone()).collect();
            part(texts.join(" and "), Cond::And(conds))
        };
        let steps = self.parts.iter().enumerate().map(|(index, (text, cond))| Step {
            text: text.clone(),
            alone: part(text.clone(), cond.clone()),
            so_far: upto(index + 1),
        });
        steps.collect()
    }
}

/// What a name stands for in an inventory.
enum Found<'a> {
    Field(&'a Field),
    Scope(&'a Scope),
    Raw {
        place: BodyPath,
        canonical: String,
        tense: Tense,
        epoch: bool,
    },
    /// A field of the elements of a scope: `_asset.os`, `software.product`.
    Via(&'a Scope, Name),
    /// An element that people named, by its exact name.
    Keyed(Keyed, String),
    /// A source that is not here: false, with a warning that was given.
    Nowhere,
    /// A mistake that was reported.
    Unknown,
}

struct Checker<'a> {
    asking: &'a Asking<'a>,
    problems: Vec<Problem>,
    /// The scopes around the place that is checked.
    scopes: Vec<&'a Scope>,
    times: Vec<(String, String)>,
    /// The saved queries around the place that is checked.
    expanding: Vec<String>,
    /// Those that were put in, with their texts.
    expanded: Vec<(String, String)>,
}

impl<'a> Checker<'a> {
    fn node(&mut self, node: &Node, inventory: &'a Inventory) -> (Cond, Node) {
        let (cond, kind) = match &node.kind {
            NodeKind::And(parts) => {
                let (conds, nodes) = self.nodes(parts, inventory);
                (Cond::And(conds), NodeKind::And(nodes))
            }
            NodeKind::Or(parts) => {
                let (conds, nodes) = self.nodes(parts, inventory);
                (Cond::Or(conds), NodeKind::Or(nodes))
            }
            NodeKind::Not(part) => {
                let (cond, part) = self.node(part, inventory);
                (Cond::Not(Box::new(cond)), NodeKind::Not(Box::new(part)))
            }
            NodeKind::Term { name, operands, all } => self.term(name, operands, *all, inventory),
            NodeKind::Count { name, operand } => self.count(name, operand, inventory),
            NodeKind::Presence { verb, name } => self.presence(*verb, name, inventory),
            NodeKind::SeenBy { source, age } => self.seen_by(node.span, source, age.as_ref(), inventory),
            NodeKind::Bare(operand) => self.bare(operand, inventory),
            NodeKind::Scope { name, body } => self.scope(name, body, inventory),
            NodeKind::Mistake => (Cond::Const(false), NodeKind::Mistake),
        };
        (cond, Node { span: node.span, kind })
    }

    fn nodes(&mut self, parts: &[Node], inventory: &'a Inventory) -> (Vec<Cond>, Vec<Node>) {
        parts.iter().map(|part| self.node(part, inventory)).unzip()
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Problem::error(span, message));
    }

    /// The inventory of a scope's elements.
    fn elements(&self, scope: &Scope) -> Option<&'a Inventory> {
        self.asking.catalogue.inventory(scope.inventory)
    }

    fn inside<T>(&mut self, scope: &'a Scope, read: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.push(scope);
        let result = read(self);
        self.scopes.pop();
        result
    }

    fn find(&mut self, name: &Name, inventory: &'a Inventory) -> Found<'a> {
        if let Some(field) = inventory.field(&name.text) {
            let forgets = field.volatile || matches!(field.column, Column::Body { .. });
            if forgets && self.asking.as_of.is_some() {
                let message =
                    format!("{} keeps no history: it cannot be asked as of a moment in the past.", field.name);
                self.error(name.span, message);
                return Found::Unknown;
            }
            return Found::Field(field);
        }
        if let Some(scope) = inventory.scope(&name.text) {
            return Found::Scope(scope);
        }
        if let Some(path) = name.text.strip_prefix('@') {
            return self.find_raw(path, name.span, inventory);
        }
        let dotted = name.text.strip_prefix('_').unwrap_or(&name.text).split_once('.');
        if let Some((first, rest)) = dotted {
            let rest = Name { text: rest.to_owned(), span: name.span };
            let own = self.asking.catalogue.inventory(first).is_some_and(|named| named.name == inventory.name);
            if own {
                return self.find(&rest, inventory);
            }
            let leads = |scope: &&Scope| {
                scope.name.eq_ignore_ascii_case(first)
                    || scope.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(first))
            };
            if let Some(scope) = inventory.scopes.iter().find(leads) {
                return Found::Via(scope, rest);
            }
        }
        if let Some(keyed) = inventory.keyed {
            return self.find_key(keyed, name, inventory);
        }
        self.unknown(name, inventory);
        Found::Unknown
    }

    /// An element of that name; a name that nothing has is a mistake, as with any field.
    fn find_key(&mut self, keyed: Keyed, name: &Name, inventory: &'a Inventory) -> Found<'a> {
        let Some(known) = self.asking.known.values(inventory.name, keyed.key) else {
            return Found::Keyed(keyed, name.text.clone());
        };
        let keys = || known.iter().map(|(key, _)| key.as_str());
        if let Some(key) = keys().find(|key| *key == name.text) {
            return Found::Keyed(keyed, key.to_owned());
        }
        let near = nearest(&name.text, keys());
        let mut message = format!("there is no {} {}.", inventory.singular, name.text);
        message.push_str(&did_you_mean(&near));
        if near.is_empty() && !known.is_empty() {
            message.push_str(&format!(" There are {}.", keys().collect::<Vec<_>>().join(", ")));
        }
        self.problems.push(Problem::error(name.span, message).near(near));
        Found::Unknown
    }

    /// Both the element's name and what is asked of it.
    fn of_key(
        &mut self,
        keyed: Keyed,
        key: &str,
        span: Span,
        inventory: &'a Inventory,
        asked: Option<(&'static str, &[Operand], bool)>,
    ) -> (Cond, Vec<Operand>) {
        let name = |text: &str| Name { text: text.to_owned(), span };
        let mut text = String::with_capacity(key.len());
        for character in key.chars() {
            if matches!(character, '\\' | '%' | '*' | '_' | '?') {
                text.push('\\');
            }
            text.push(character);
        }
        let exact = Operand { op: Op::Exact, text, inside: false, span };
        let (named, _) = self.term(&name(keyed.key), &[exact], false, inventory);
        let Some((field, operands, all)) = asked else { return (named, Vec::new()) };
        let (cond, kind) = self.term(&name(field), operands, all, inventory);
        let operands = match kind {
            NodeKind::Term { operands, .. } => operands,
            _ => operands.to_vec(),
        };
        (Cond::And(vec![named, cond]), operands)
    }

    fn unknown(&mut self, name: &Name, inventory: &'a Inventory) {
        let fields = inventory.fields.iter().flat_map(|field| std::iter::once(&field.name).chain(field.aliases));
        let scopes = inventory.scopes.iter().map(|scope| &scope.name);
        let near = nearest(&name.text, fields.chain(scopes).copied());
        let here = self.scopes.last().map_or(inventory.name, |scope| scope.name);
        let mut message = format!("there is no field {} in {here}.", name.text);
        message.push_str(&did_you_mean(&near));
        let plain = name.text.trim_start_matches('_');
        let prefixed = plain.split_once('.').filter(|_| name.text.starts_with('_'));
        let named = prefixed.and_then(|(first, rest)| Some((self.asking.catalogue.inventory(first)?, rest)));
        if let Some((there, rest)) = named {
            let message = format!(
                "nothing leads from {here} to {}, so {} cannot be asked here: ask {rest} --in {0}.",
                there.name, name.text
            );
            self.error(name.span, message);
            return;
        }
        let plain = prefixed.map_or(plain, |(_, rest)| rest);
        let has = |other: &&Inventory, with_data: bool| {
            let field =
                other.field(plain).filter(|field| !with_data || !matches!(field.column, Column::Missing { .. }));
            other.listed && other.name != inventory.name && field.is_some()
        };
        let others = |with_data: bool| -> Vec<&Inventory> {
            self.asking.catalogue.inventories.iter().filter(|other| has(other, with_data)).collect()
        };
        let elsewhere = Some(others(true)).filter(|found| !found.is_empty()).unwrap_or_else(|| others(false));
        if let Some(first) = elsewhere.first() {
            let names: Vec<&str> = elsewhere.iter().map(|inventory| inventory.name).collect();
            message.push_str(&format!(" It exists in {}: --in {}", names.join(", "), first.name));
            let reach =
                inventory.scopes.iter().find(|scope| elsewhere.iter().any(|there| there.name == scope.inventory));
            match reach {
                Some(scope) => message.push_str(&format!(", or {}:({plain}:..).", scope.name)),
                None => message.push('.'),
            }
        } else if near.is_empty() {
            let there = inventory.fields.iter().filter(|field| !matches!(field.column, Column::Missing { .. }));
            let mut far = least_far(&name.text, there.map(|field| field.name));
            if far.is_empty() {
                far = least_far(&name.text, inventory.fields.iter().map(|field| field.name));
            }
            if !far.is_empty() {
                message.push_str(&format!(" The nearest are {}.", far.join(", ")));
            }
            message.push_str(" To look for it as text, quote it.");
        }
        self.problems.push(Problem::error(name.span, message).near(near));
    }

    /// `source.kind.path` or `source.path`, behind the `@`.
    fn find_raw(&mut self, path: &str, span: Span, inventory: &'a Inventory) -> Found<'a> {
        if self.asking.as_of.is_some() {
            let message =
                format!("raw attributes keep no history: @{path} cannot be asked as of a moment in the past.");
            self.error(span, message);
            return Found::Unknown;
        }
        let (source_name, rest) = path.split_once('.').unwrap_or((path, ""));
        let Some(source) = self.asking.catalogue.source(source_name) else {
            let message = format!("no source named {source_name} here: this term is false.");
            let names = self.asking.catalogue.sources.iter().map(|source| source.name);
            let near = nearest(source_name, names);
            self.problems.push(Problem::warning(span, message + &did_you_mean(&near)).near(near));
            return Found::Nowhere;
        };
        if self
            .asking
            .known
            .sources()
            .is_some_and(|seen| !seen.iter().any(|seen| seen.eq_ignore_ascii_case(source.name)))
        {
            let message = format!("nothing has come from {} yet: this term is false.", source.name);
            self.problems.push(Problem::warning(span, message));
        }
        let (first, behind) = rest.split_once('.').unwrap_or((rest, ""));
        let kind = source.kinds.iter().find(|kind| kind.eq_ignore_ascii_case(first));
        let own = inventory.raw.iter().find(|raw| raw.source == source.name);
        let (raw, path) = match kind {
            Some(kind) => {
                let raw = inventory.raw.iter().find(|raw| raw.source == source.name && raw.kind == *kind);
                if raw.is_none() {
                    self.raw_elsewhere(source.name, kind, span, inventory);
                    return Found::Unknown;
                }
                (raw, behind)
            }
            None => (own, rest),
        };
        let Some(raw) = raw else {
            self.error(span, format!("{} keeps no raw attributes of {}.", inventory.name, source.name));
            return Found::Unknown;
        };
        if path.is_empty() || path.split('.').count() > PATH_PARTS_MAX {
            self.error(span, format!("which attribute? It is written @{}.{}.name.", source.name, raw.kind));
            return Found::Unknown;
        }
        self.raw_path(raw, path, span)
    }

    fn raw_elsewhere(&mut self, source: &str, kind: &str, span: Span, inventory: &Inventory) {
        let has = |other: &&Inventory| other.raw.iter().any(|raw| raw.source == source && raw.kind == kind);
        let message = match self.asking.catalogue.inventories.iter().find(|other| other.listed && has(other)) {
            Some(other) => format!(
                "raw attributes of kind {kind} belong to {}, not to {}: ask --in {}.",
                other.name, inventory.name, other.name
            ),
            None => format!("nothing has raw attributes of kind {kind} yet."),
        };
        self.error(span, message);
    }

    fn raw_path(&mut self, raw: &Raw, asked: &str, span: Span) -> Found<'a> {
        let alias = raw.aliases.iter().find(|(alias, _)| *alias == asked).map(|(_, path)| (*path).to_owned());
        let epoch = asked.ends_with("TS") && asked.len() > 2;
        let named = |path: &str| {
            let below = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('.'));
            raw.paths.is_empty()
                || raw.paths.iter().any(|known| *known == path || below(known, path) || below(path, known))
        };
        let without = &asked[..asked.len() - if epoch { 2 } else { 0 }];
        let paths = match alias {
            Some(path) => vec![path],
            None if epoch && raw.paths.is_empty() => vec![asked.to_owned(), without.to_owned()],
            None if epoch && !named(asked) && named(without) => vec![without.to_owned()],
            None => {
                if !named(asked) {
                    let same = raw
                        .paths
                        .iter()
                        .find(|known| known.eq_ignore_ascii_case(asked))
                        .map(|known| (*known).to_owned());
                    let near = same.map_or_else(|| nearest(asked, raw.paths.iter().copied()), |same| vec![same]);
                    let message =
                        format!("{asked} is in no specification of {}; names there keep their case.", raw.source);
                    self.problems.push(Problem::warning(span, message + &did_you_mean(&near)).near(near));
                }
                vec![asked.to_owned()]
            }
        };
        let lower = asked.to_ascii_lowercase();
        let ahead = ["expir", "notafter", "eol", "endoflife"].iter().any(|word| lower.contains(word));
        let tense = if ahead { Tense::Future } else { Tense::Past };
        let canonical = format!("@{}.{}.{asked}", raw.source, raw.kind);
        Found::Raw { place: BodyPath { source: raw.source, kind: raw.kind, paths }, canonical, tense, epoch }
    }

    fn term(&mut self, name: &Name, operands: &[Operand], all: bool, inventory: &'a Inventory) -> (Cond, NodeKind) {
        let renamed = |text: &str, operands: Vec<Operand>| NodeKind::Term {
            name: Name { text: text.to_owned(), span: name.span },
            operands,
            all,
        };
        if name.text.eq_ignore_ascii_case("saved") && inventory.field("saved").is_none() {
            return match operands {
                [operand] if !all && matches!(operand.op, Op::Contains | Op::Equal) => {
                    (self.saved(operand, inventory), renamed("saved", operands.to_vec()))
                }
                _ => {
                    self.error(name.span, "saved: takes the name of one saved query.");
                    (Cond::Const(false), NodeKind::Mistake)
                }
            };
        }
        match self.find(name, inventory) {
            Found::Field(field) => {
                let (cond, operands) = self.field_term(field, operands, all, inventory, name.span);
                (cond, renamed(field.name, operands))
            }
            Found::Raw { place, canonical, tense, epoch } => {
                let mut typed = Typed::raw(&canonical, tense, epoch, self.asking.now);
                let (cond, operands) = self.operands(&mut typed, &Place::Body(place), operands, all, name.span);
                (cond, renamed(&canonical, operands))
            }
            Found::Scope(scope) => {
                if all {
                    self.error(name.span, format!("all: takes a field, and {} is a scope.", scope.name));
                    return (Cond::Const(false), NodeKind::Mistake);
                }
                let Some(elements) = self.elements(scope) else { return (Cond::Const(false), NodeKind::Mistake) };
                let title = Name { text: scope.title.to_owned(), span: name.span };
                let (cond, kind) = self.inside(scope, |checker| checker.term(&title, operands, false, elements));
                let operands = match kind {
                    NodeKind::Term { operands, .. } => operands,
                    _ => operands.to_vec(),
                };
                (Cond::Scope(*scope, Box::new(cond)), renamed(scope.name, operands))
            }
            Found::Via(scope, rest) => {
                self.via(scope, |checker, elements| checker.term(&rest, operands, all, elements), name)
            }
            Found::Keyed(keyed, key) => {
                let asked = Some((as_what(keyed, operands), operands, all));
                let (cond, operands) = self.of_key(keyed, &key, name.span, inventory, asked);
                (cond, renamed(&key, operands))
            }
            Found::Nowhere => (Cond::Const(false), renamed(&name.text, operands.to_vec())),
            Found::Unknown => (Cond::Const(false), NodeKind::Mistake),
        }
    }

    /// `saved:name`, `saved:"name days=60"`: what that query asks, with its defaults.
    fn saved(&mut self, operand: &Operand, inventory: &'a Inventory) -> Cond {
        let nothing = Cond::Const(false);
        let Some(all) = self.asking.known.saved() else {
            self.error(operand.span, "saved queries cannot be used here: write what it asks.");
            return nothing;
        };
        let text = crate::matcher::unescaped(&operand.text);
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let given: Option<Vec<(String, String)>> =
            words.map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))).collect();
        let Some(saved) = all.iter().find(|saved| saved.name.eq_ignore_ascii_case(name)) else {
            let near = nearest(name, all.iter().map(|saved| saved.name.as_str()));
            let message = format!("there is no saved query {name}.{}", did_you_mean(&near));
            self.problems.push(Problem::error(operand.span, message).near(near));
            return nothing;
        };
        let asks = self.asking.catalogue.inventory(&saved.inventory).map_or("", |asks| asks.name);
        if asks != inventory.name {
            let message =
                format!("saved:{} asks {}, and this is about {}.", saved.name, saved.inventory, inventory.name);
            self.error(operand.span, message);
            return nothing;
        }
        if self.expanding.contains(&saved.name) {
            let way = [self.expanding.as_slice(), std::slice::from_ref(&saved.name)].concat().join(" -> ");
            self.error(operand.span, format!("saved queries go round in a circle: {way}."));
            return nothing;
        }
        if self.expanded.len() == SAVED_MAX {
            self.error(operand.span, format!("a query may use {SAVED_MAX} saved queries, this one uses more."));
            return nothing;
        }
        let filled = given.ok_or_else(|| "its parameters are written name=value".to_owned()).and_then(|given| {
            let template = Template::parse(&saved.text).map_err(|refused| refused.to_string())?;
            let given = [saved.settings.clone(), given].concat();
            template.fill(&given, self.asking.now).map_err(|error| error.to_string())
        });
        let filled = match filled {
            Ok(filled) => filled,
            Err(reason) => {
                self.error(operand.span, format!("saved:{}: {reason}.", saved.name));
                return nothing;
            }
        };
        let (tree, mut problems) = parse(&filled.text);
        self.expanding.push(saved.name.clone());
        self.expanded.push((saved.name.clone(), filled.text));
        std::mem::swap(&mut self.problems, &mut problems);
        let cond = tree.root.as_ref().map_or(Cond::Const(true), |root| self.node(root, inventory).0);
        std::mem::swap(&mut self.problems, &mut problems);
        self.expanding.pop();
        // Its places are in another text: they are told where it is used.
        let told = problems.into_iter().filter(|problem| problem.severity > Severity::Notice).map(|problem| Problem {
            span: operand.span,
            message: format!("in saved:{}: {}", saved.name, problem.message),
            nearest: Vec::new(),
            ..problem
        });
        self.problems.extend(told);
        cond
    }

    /// Reads a term about the elements of a scope.
    fn via(
        &mut self,
        scope: &'a Scope,
        read: impl FnOnce(&mut Self, &'a Inventory) -> (Cond, NodeKind),
        name: &Name,
    ) -> (Cond, NodeKind) {
        let Some(elements) = self.elements(scope) else { return (Cond::Const(false), NodeKind::Mistake) };
        let (cond, kind) = self.inside(scope, |checker| read(checker, elements));
        let body = Box::new(Node { span: name.span, kind });
        let kind = NodeKind::Scope { name: Name { text: scope.name.to_owned(), span: name.span }, body };
        (Cond::Scope(*scope, Box::new(cond)), kind)
    }

    fn field_term(
        &mut self,
        field: &'a Field,
        operands: &[Operand],
        all: bool,
        inventory: &'a Inventory,
        span: Span,
    ) -> (Cond, Vec<Operand>) {
        let place = match self.place(field, span) {
            Some(place) => place,
            None => {
                // There is nothing to compare with, and yet a time is shown as it would be read.
                let mut normal = operands.to_vec();
                if matches!(field.ty, Type::Timestamp(_)) {
                    let mut typed = Typed::field(field, self.asking.now, &|| None);
                    normal.iter_mut().for_each(|operand| drop(typed.meaning(operand, &mut Vec::new())));
                }
                return (Cond::Const(false), normal);
            }
        };
        if let Place::Body(path) = &place {
            let tense = if field.ty == Type::Timestamp(Tense::Future) { Tense::Future } else { Tense::Past };
            let epoch = path.paths.iter().any(|path| path.ends_with("TS")) || matches!(field.ty, Type::Timestamp(_));
            let mut typed = Typed::raw(field.name, tense, epoch, self.asking.now);
            return self.operands(&mut typed, &place, operands, all, span);
        }
        if let Some(cond) = exact_set(field, operands, all, &place) {
            return (cond, operands.to_vec());
        }
        let known = || self.asking.known.values(inventory.name, field.name);
        let mut typed = Typed::field(field, self.asking.now, &known);
        self.operands(&mut typed, &place, operands, all, span)
    }

    /// Where a field's values are; `None`, with a warning, if it has no data yet.
    fn place(&mut self, field: &Field, span: Span) -> Option<Place> {
        match &field.column {
            Column::Missing { why } => {
                let message = format!("there is nothing in {} here: {}.", field.name, why.trim_end_matches('.'));
                self.problems.push(Problem::warning(span, message));
                None
            }
            Column::Body { source, kind, path } => {
                Some(Place::Body(BodyPath { source, kind, paths: vec![(*path).to_owned()] }))
            }
            column => Some(Place::Field { name: field.name, column: column.clone() }),
        }
    }

    fn operands(
        &mut self,
        typed: &mut Typed<'_>,
        place: &Place,
        operands: &[Operand],
        all: bool,
        span: Span,
    ) -> (Cond, Vec<Operand>) {
        let mut matchers = Vec::new();
        let mut others = Vec::new();
        let mut normal = Vec::new();
        let present = || Cond::Test(Test::any(place.clone(), Matcher::Present));
        let not = |cond: Cond| Cond::Not(Box::new(cond));
        for operand in operands {
            let mut operand = operand.clone();
            let Some(meaning) = typed.meaning(&mut operand, &mut self.problems) else {
                normal.push(operand);
                continue;
            };
            let blank = |matcher: Option<Matcher>| match matcher {
                Some(empty) => Cond::Or(vec![not(present()), Cond::Test(Test::any(place.clone(), empty))]),
                None => not(present()),
            };
            if let Some((low, high)) = meaning.instants(typed) {
                self.times.push((format!("{}:{operand}", typed.name()), spell(low, high)));
            }
            match meaning {
                Meaning::Matches(matcher) => matchers.push(matcher),
                Meaning::MatchesNot(matcher) => others.push(not(Cond::Test(Test::any(place.clone(), matcher)))),
                Meaning::Blank(empty) => others.push(blank(empty)),
                Meaning::NotBlank(empty) => others.push(not(blank(empty))),
            }
            normal.push(operand);
        }
        if all && !others.is_empty() && operands.len() > 1 {
            self.error(span, "all: with a list takes values without != and none that are empty.");
        }
        let matcher = match matchers.len() {
            0 | 1 => matchers.pop(),
            _ => Some(Matcher::Any(matchers)),
        };
        if let (Some(matcher), Some(scope)) = (&matcher, self.scopes.last())
            && place.beyond_sql(matcher)
        {
            let message = format!(
                "inside {}:( .. ) neither raw attributes can be asked, nor expressions and versions of free text: \
                     ask --in {}.",
                scope.name, scope.inventory
            );
            self.error(span, message);
        }
        let test = matcher.map(|matcher| Cond::Test(Test { place: place.clone(), all, matcher }));
        // all:f:!=v: there is a value, and none is v.
        if all && !others.is_empty() {
            others.push(present());
            return (Cond::And(others), normal);
        }
        others.extend(test);
        let cond = match others.len() {
            0 => Cond::Const(false),
            1 => others.remove(0),
            _ => Cond::Or(others),
        };
        (cond, normal)
    }

    fn count(&mut self, name: &Name, operand: &Operand, inventory: &'a Inventory) -> (Cond, NodeKind) {
        let range = int_range(operand);
        if range.is_none() {
            self.error(operand.span, "a count is compared with a whole number: count(field):>3.");
        }
        let (low, high) = range.unwrap_or_default();
        let (low, high) = if operand.op == Op::NotEqual { (None, None) } else { (low, high) };
        let node = |text: &str| NodeKind::Count {
            name: Name { text: text.to_owned(), span: name.span },
            operand: operand.clone(),
        };
        let none = |low: Option<i64>, high: Option<i64>| Cond::Const(Matcher::Int { low, high }.matches_int(0));
        let (cond, kind) = match self.find(name, inventory) {
            Found::Field(field) => match self.place(field, name.span) {
                Some(place) => (Cond::Count(Counted::Values(place), low, high), node(field.name)),
                None => (none(low, high), node(field.name)),
            },
            Found::Raw { place, canonical, .. } => {
                (Cond::Count(Counted::Values(Place::Body(place)), low, high), node(&canonical))
            }
            Found::Scope(scope) => (Cond::Count(Counted::Elements(*scope), low, high), node(scope.name)),
            Found::Via(..) | Found::Keyed(..) => {
                self.error(name.span, "count( ) takes a field or a scope of this inventory itself.");
                (Cond::Const(false), NodeKind::Mistake)
            }
            Found::Nowhere => (none(low, high), node(&name.text)),
            Found::Unknown => (Cond::Const(false), NodeKind::Mistake),
        };
        if let (Cond::Count(Counted::Values(place), ..), Some(scope)) = (&cond, self.scopes.last())
            && place.beyond_sql(&Matcher::Present)
        {
            self.error(name.span, format!("raw attributes cannot be counted inside {}:( .. ).", scope.name));
        }
        match (operand.op, int_range(operand)) {
            (Op::NotEqual, Some((low, high))) => {
                let equal = match cond {
                    Cond::Count(counted, ..) => Cond::Count(counted, low, high),
                    _ => none(low, high),
                };
                (Cond::Not(Box::new(equal)), kind)
            }
            _ => (cond, kind),
        }
    }

    fn presence(&mut self, verb: Verb, name: &Name, inventory: &'a Inventory) -> (Cond, NodeKind) {
        let not = |cond: Cond| if verb == Verb::No { Cond::Not(Box::new(cond)) } else { cond };
        let node = |text: &str| NodeKind::Presence { verb, name: Name { text: text.to_owned(), span: name.span } };
        if verb == Verb::Is {
            let is_bool = |field: &&Field| field.ty == Type::Bool;
            let field = [name.text.clone(), format!("is_{}", name.text), format!("is{}", name.text)]
                .iter()
                .find_map(|name| inventory.field(name).filter(is_bool));
            let Some(field) = field else {
                let bools: Vec<&str> = inventory.fields.iter().filter(is_bool).map(|field| field.name).collect();
                let near = nearest(&name.text, bools.iter().copied());
                let message = format!(
                    "is: takes a yes-or-no field, and {} is none of {}.{} There are {}.",
                    name.text,
                    inventory.name,
                    did_you_mean(&near),
                    bools.join(", ")
                );
                self.problems.push(Problem::error(name.span, message).near(near));
                return (Cond::Const(false), NodeKind::Mistake);
            };
            let name = Name { text: field.name.to_owned(), span: name.span };
            let Found::Field(field) = self.find(&name, inventory) else {
                return (Cond::Const(false), NodeKind::Mistake);
            };
            let yes = Matcher::Int { low: Some(1), high: Some(1) };
            let cond = match self.place(field, name.span) {
                Some(place) => Cond::Test(Test::any(place, yes)),
                None => Cond::Const(false),
            };
            return (cond, node(field.name));
        }
        match self.find(name, inventory) {
            Found::Field(field) => match self.place(field, name.span) {
                Some(place) => (not(self.present(place, name.span)), node(field.name)),
                None => (not(Cond::Const(false)), node(field.name)),
            },
            Found::Raw { place, canonical, .. } => (not(self.present(Place::Body(place), name.span)), node(&canonical)),
            Found::Scope(scope) => (not(Cond::Scope(*scope, Box::new(Cond::Const(true)))), node(scope.name)),
            Found::Via(scope, rest) => {
                let (cond, kind) =
                    self.via(scope, |checker, elements| checker.presence(Verb::Has, &rest, elements), name);
                match verb {
                    Verb::No => {
                        let kind = NodeKind::Not(Box::new(Node { span: name.span, kind }));
                        (not(cond), kind)
                    }
                    _ => (cond, kind),
                }
            }
            Found::Keyed(keyed, key) => {
                let (cond, _) = self.of_key(keyed, &key, name.span, inventory, None);
                (not(cond), node(&key))
            }
            Found::Nowhere => (not(Cond::Const(false)), node(&name.text)),
            Found::Unknown => (Cond::Const(false), NodeKind::Mistake),
        }
    }

    fn present(&mut self, place: Place, span: Span) -> Cond {
        if let (Place::Body(_), Some(scope)) = (&place, self.scopes.last()) {
            let message =
                format!("raw attributes cannot be asked inside {}:( .. ): ask --in {}.", scope.name, scope.inventory);
            self.error(span, message);
        }
        Cond::Test(Test::any(place, Matcher::Present))
    }

    /// `seen_by:SOURCE:<7d` is `seen_by:(source:SOURCE last_seen:<7d)`.
    fn seen_by(
        &mut self,
        span: Span,
        source: &Name,
        age: Option<&Operand>,
        inventory: &'a Inventory,
    ) -> (Cond, NodeKind) {
        let scope = inventory.scope("seen_by");
        let Some((scope, elements)) = scope.and_then(|scope| self.elements(scope).map(|elements| (scope, elements)))
        else {
            self.error(span, format!("{} do not keep by which source they were seen when.", inventory.name));
            return (Cond::Const(false), NodeKind::Mistake);
        };
        let name = |text: &str| Name { text: text.to_owned(), span: source.span };
        let operand = Operand { op: Op::Contains, text: source.text.clone(), inside: false, span: source.span };
        let (mut conds, mut kind) = (Vec::new(), NodeKind::Mistake);
        self.inside(scope, |checker| {
            let (cond, term) = checker.term(&name("source"), std::slice::from_ref(&operand), false, elements);
            conds.push(cond);
            let source = match &term {
                NodeKind::Term { operands, .. } => operands.first().map_or(source.clone(), |o| name(&o.text)),
                _ => source.clone(),
            };
            let mut normal = None;
            if let Some(age) = age {
                let (cond, term) = checker.term(&name("last_seen"), std::slice::from_ref(age), false, elements);
                conds.push(cond);
                if let NodeKind::Term { operands, .. } = term {
                    normal = operands.into_iter().next();
                }
            }
            kind = NodeKind::SeenBy { source, age: normal.or_else(|| age.cloned()) };
        });
        (Cond::Scope(*scope, Box::new(Cond::And(conds))), kind)
    }

    fn bare(&mut self, operand: &Operand, inventory: &'a Inventory) -> (Cond, NodeKind) {
        let kind = NodeKind::Bare(operand.clone());
        if operand.text.is_empty() {
            self.error(operand.span, "there is nothing to look for between these quotes.");
            return (Cond::Const(false), kind);
        }
        let title = self.scopes.last().map(|scope| scope.title);
        let names = title.as_ref().map_or(inventory.bare, std::slice::from_ref);
        let mut conds = Vec::new();
        for field in names.iter().filter_map(|name| inventory.field(name)) {
            let unasked = matches!(field.column, Column::Missing { .. } | Column::Body { .. })
                || (field.volatile && self.asking.as_of.is_some());
            if let Some(matcher) = bare_matcher(&field.ty, &operand.text).filter(|_| !unasked) {
                let place = Place::Field { name: field.name, column: field.column.clone() };
                conds.push(Cond::Test(Test::any(place, matcher)));
            }
        }
        if conds.is_empty() {
            let message = format!("no field of {} is searched for words like this: name a field.", inventory.name);
            self.error(operand.span, message);
        }
        (Cond::Or(conds), kind)
    }

    fn scope(&mut self, name: &Name, body: &Node, inventory: &'a Inventory) -> (Cond, NodeKind) {
        match self.find(name, inventory) {
            Found::Scope(scope) => {
                let Some(elements) = self.elements(scope) else { return (Cond::Const(false), NodeKind::Mistake) };
                let (cond, body) = self.inside(scope, |checker| checker.node(body, elements));
                let name = Name { text: scope.name.to_owned(), span: name.span };
                (Cond::Scope(*scope, Box::new(cond)), NodeKind::Scope { name, body: Box::new(body) })
            }
            Found::Via(scope, rest) => self.via(scope, |checker, elements| checker.scope(&rest, body, elements), name),
            Found::Field(_) | Found::Raw { .. } | Found::Keyed(..) if spread(name, body).is_some() => {
                let spread = spread(name, body).unwrap_or_else(|| body.clone());
                let (cond, node) = self.node(&spread, inventory);
                if matches!(node.kind, NodeKind::And(_)) {
                    let list = bare_words(body).map(|words| format!("{}:({})", name.text, words.join(", ")));
                    let any = list.as_ref().map_or(String::new(), |list| format!(" Any of them is {list}."));
                    let message = format!("all of these have to hold: read as {node}.{any}");
                    self.problems.push(Problem::notice(body.span, message).near(list));
                }
                (cond, node.kind)
            }
            Found::Field(_) | Found::Raw { .. } | Found::Keyed(..) => {
                let scopes: Vec<&str> = inventory.scopes.iter().map(|scope| scope.name).collect();
                let words = bare_words(body);
                let near = words.map(|words| vec![format!("{}:({})", name.text, words.join(", "))]).unwrap_or_default();
                let mut message =
                    format!("{} is a field: in parentheses behind it stands a list, {0}:(a, b).", name.text);
                message.push_str(&did_you_mean(&near));
                if !scopes.is_empty() {
                    message.push_str(&format!(" A query may stand behind {}.", scopes.join(", ")));
                }
                self.problems.push(Problem::error(name.span, message).near(near));
                (Cond::Const(false), NodeKind::Mistake)
            }
            Found::Nowhere => {
                (Cond::Const(false), NodeKind::Scope { name: name.clone(), body: Box::new(body.clone()) })
            }
            Found::Unknown => (Cond::Const(false), NodeKind::Mistake),
        }
    }
}

/// As what the value of an element is compared: in an order, numbers are numbers and everything else is a time.
fn as_what(keyed: Keyed, operands: &[Operand]) -> &'static str {
    let ordered = |operand: &Operand| matches!(operand.op, Op::Greater | Op::GreaterEqual | Op::Less | Op::LessEqual);
    if !operands.iter().any(ordered) {
        return keyed.value;
    }
    let number = |operand: &Operand| operand.text.trim().parse::<f64>().is_ok();
    if operands.iter().all(number) { keyed.number } else { keyed.moment }
}

/// `field:(a and not b)`: the same said of each word.
fn spread(name: &Name, body: &Node) -> Option<Node> {
    let all = |parts: &[Node]| parts.iter().map(|part| spread(name, part)).collect::<Option<Vec<_>>>();
    let kind = match &body.kind {
        NodeKind::And(parts) => NodeKind::And(all(parts)?),
        NodeKind::Or(parts) => NodeKind::Or(all(parts)?),
        NodeKind::Not(part) => NodeKind::Not(Box::new(spread(name, part)?)),
        NodeKind::Bare(operand) => NodeKind::Term { name: name.clone(), operands: vec![operand.clone()], all: false },
        _ => return None,
    };
    Some(Node { span: body.span, kind })
}

/// The instants of a range, in words.
fn spell(low: Option<i64>, high: Option<i64>) -> String {
    let at = |micros: i64| Timestamp::from_micros(micros).to_string();
    match (low, high) {
        (Some(low), Some(high)) if low > high => "never".to_owned(),
        (Some(low), Some(high)) => format!("from {} to {}", at(low), at(high)),
        (Some(low), None) => format!("after {}", at(low)),
        (None, Some(high)) => format!("before {}", at(high)),
        (None, None) => "at any time".to_owned(),
    }
}

/// `f:=80,443` on numbers: exactly this set of values.
fn exact_set(field: &Field, operands: &[Operand], all: bool, place: &Place) -> Option<Cond> {
    let [operand] = operands else { return None };
    let fits =
        !all && field.ty == Type::Int && matches!(operand.op, Op::Equal | Op::Exact) && operand.text.contains(',');
    let numbers: Vec<i64> =
        operand.text.split(',').map(|part| part.trim().parse().ok()).collect::<Option<_>>().filter(|_| fits)?;
    let one = |number: i64| Matcher::Int { low: Some(number), high: Some(number) };
    let mut conds: Vec<Cond> =
        numbers.iter().map(|number| Cond::Test(Test::any(place.clone(), one(*number)))).collect();
    let any = Matcher::Any(numbers.into_iter().map(one).collect());
    conds.push(Cond::Test(Test { place: place.clone(), all: true, matcher: any }));
    Some(Cond::And(conds))
}

/// The words of `os:(windows server)`, for the list that was perhaps meant.
fn bare_words(body: &Node) -> Option<Vec<String>> {
    match &body.kind {
        NodeKind::And(parts) | NodeKind::Or(parts) => {
            parts.iter().map(|part| matches!(part.kind, NodeKind::Bare(_)).then(|| part.to_string())).collect()
        }
        _ => None,
    }
}

/// ` Did you mean a or b?`, or nothing.
pub(crate) fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!(" Did you mean {}?", near.join(" or ")),
    }
}

/// Whether a value asks only whether there is one.
pub(crate) fn asks_presence(operand: &Operand) -> bool {
    matches!(operand.op, Op::Contains | Op::Equal)
        && wildcards(&operand.text).0
        && operand.text.chars().all(|char| matches!(char, '%' | '*'))
}

/// A value that, folded, is longer than this is refused: SQLite takes patterns of 50,000 bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Folds a literal.
pub(crate) fn folded(text: &str) -> String {
    fold(text).into_owned()
}
