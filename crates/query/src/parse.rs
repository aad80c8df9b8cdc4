//! Text -> tree. Never stops at a mistake: it reports it, repairs what has one meaning, and reads on.

use std::net::Ipv6Addr;

use crate::print::is_name_char;
use crate::tree::{Name, Node, NodeKind, Op, Operand, Tree, Verb};
use crate::{Problem, Span};

/// The longest query text, in bytes: 8 KiB. Longer texts are not read at all.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// How deep parentheses and negations may nest.
pub const DEPTH_MAX: usize = 64;
/// How many terms, and values of lists, a query may have.
pub const TERMS_MAX: usize = 500;
/// The longest regular expression, in bytes: 1 KiB.
pub const REGEX_BYTES_MAX: usize = 1024;

/// Parses a query. The tree holds what was understood; the problems are everything that was not, or was repaired.
#[must_use]
pub fn parse(text: &str) -> (Tree, Vec<Problem>) {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("a query may have {TEXT_BYTES_MAX} bytes, this one has {}.", text.len());
        let problem = Problem::error(Span { start: 0, end: 0 }, message);
        return (Tree { root: None }, vec![problem]);
    }
    let mut parser = Parser { text, at: 0, depth: 0, terms: 0, full: false, problems: Vec::new() };
    let mut root: Option<Piece> = None;
    loop {
        parser.skip_filler();
        if parser.rest().is_empty() {
            break;
        }
        if parser.rest().starts_with(')') {
            let span = Span { start: parser.at, end: parser.at + 1 };
            parser.at += 1;
            parser.problems.push(Problem::error(span, "nothing opened this parenthesis."));
            continue;
        }
        let before = parser.at;
        if let Some(next) = parser.expression(0) {
            root = Some(match root {
                Some(left) => parser.join(Infix::And, left, next),
                None => next,
            });
        }
        if parser.full {
            break;
        }
        debug_assert!(parser.at > before, "the parser goes on at {before} of {text:?}");
        if parser.at == before {
            parser.at = text.len();
        }
    }
    let root = root.map(|piece| parser.settle(piece));
    let mut problems = parser.problems;
    problems.sort_by_key(|problem| (problem.span, std::cmp::Reverse(problem.severity)));
    problems.dedup();
    (Tree { root }, problems)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Infix {
    Or,
    And,
}

impl Infix {
    const fn power(self) -> u8 {
        match self {
            Infix::Or => 1,
            Infix::And => 2,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Infix::Or => "or",
            Infix::And => "and",
        }
    }
}

/// A node, and whether parentheses stood around it: only then is an `and` inside an `or` surely meant.
struct Piece {
    node: Node,
    grouped: bool,
    /// An `or` one of whose parts is an `and` without parentheses.
    mixed: bool,
}

impl Piece {
    const fn of(node: Node) -> Piece {
        Piece { node, grouped: false, mixed: false }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    terms: usize,
    /// A bound was hit: the rest is not read.
    full: bool,
    problems: Vec<Problem>,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.at }
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(is_space).len();
    }

    /// Skips space, and stray punctuation with a notice: published queries end in a back-tick now and then.
    fn skip_filler(&mut self) {
        loop {
            self.skip_space();
            let word = self.rest();
            let length = word.find(|char| !is_junk(char)).unwrap_or(word.len());
            let next = word[length..].chars().next();
            if length == 0 || next.is_some_and(|next| !is_space(next) && !matches!(next, '(' | ')')) {
                return;
            }
            let span = Span { start: self.at, end: self.at + length };
            self.at += length;
            self.problems.push(Problem::notice(span, format!("{} is ignored.", &self.text[span.start..span.end])));
        }
    }

    /// Operators by binding power: everything that binds at least as tight as `min`.
    fn expression(&mut self, min: u8) -> Option<Piece> {
        let mut left = self.prefix();
        loop {
            if self.full {
                return left;
            }
            let before = self.at;
            self.skip_filler();
            let Some((infix, length)) = self.infix() else { return left };
            if infix.power() < min {
                self.at = before;
                return left;
            }
            let written = Span { start: self.at, end: self.at + length };
            self.at += length;
            self.repeated_infix(infix, written);
            let right = self.expression(infix.power() + 1);
            if right.is_none() && length > 0 && !self.full {
                let message = format!("{} needs something behind it.", infix.word());
                self.problems.push(Problem::error(written, message));
            }
            left = match (left, right) {
                (Some(left), Some(right)) => Some(self.join(infix, left, right)),
                (left, right) => left.or(right),
            };
        }
    }

    /// `AND and` is one `and`; `and or` is a mistake.
    fn repeated_infix(&mut self, infix: Infix, written: Span) {
        loop {
            self.skip_space();
            let Some((again, length)) = self.infix().filter(|(_, length)| *length > 0) else { return };
            let span = Span { start: self.at, end: self.at + length };
            self.at += length;
            if written.start == written.end || again == infix {
                self.problems.push(Problem::notice(span, format!("{} twice is read as once.", again.word())));
            } else {
                let message = format!("{} and {} side by side: which one is meant?", infix.word(), again.word());
                let both = Span { start: written.start, end: span.end };
                self.problems.push(Problem::error(both, message));
            }
        }
    }

    /// The operator that comes next, and its length: 0 where terms just stand side by side.
    fn infix(&self) -> Option<(Infix, usize)> {
        let rest = self.rest();
        match rest.chars().next()? {
            ')' | ',' => return None,
            '&' if rest.starts_with("&&") => return Some((Infix::And, 2)),
            '|' if rest.starts_with("||") => return Some((Infix::Or, 2)),
            _ => {}
        }
        match self.keyword() {
            Some("and") => Some((Infix::And, 3)),
            Some("or") => Some((Infix::Or, 2)),
            _ => Some((Infix::And, 0)),
        }
    }

    /// The keyword that comes next, as a whole word.
    fn keyword(&self) -> Option<&'static str> {
        let rest = self.rest();
        ["and", "or", "not", "in"].into_iter().find(|word| {
            rest.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
                && rest[word.len()..]
                    .chars()
                    .next()
                    .is_none_or(|next| is_space(next) || matches!(next, '(' | ')') || is_quote(next))
        })
    }

    fn join(&mut self, infix: Infix, left: Piece, right: Piece) -> Piece {
        let span = Span { start: left.node.span.start.min(right.node.span.start), end: right.node.span.end };
        let loose = |piece: &Piece| !piece.grouped && matches!(piece.node.kind, NodeKind::And(_));
        let mixed = match infix {
            Infix::Or => {
                // A finished `or` in parentheses tells of its own mixture; an open one hands it on.
                let inherited = |piece: &Piece| piece.mixed && !piece.grouped;
                loose(&left) || loose(&right) || inherited(&left) || inherited(&right)
            }
            Infix::And => false,
        };
        let [left, right] = [left, right].map(|piece| match infix {
            Infix::Or if !piece.grouped => piece.node,
            _ => self.settle(piece),
        });
        let mut parts = Vec::new();
        for node in [left, right] {
            match (infix, node.kind) {
                (Infix::And, NodeKind::And(inner)) | (Infix::Or, NodeKind::Or(inner)) => parts.extend(inner),
                (_, kind) => parts.push(Node { span: node.span, kind }),
            }
        }
        let kind = if infix == Infix::And { NodeKind::And(parts) } else { NodeKind::Or(parts) };
        Piece { node: Node { span, kind }, grouped: false, mixed }
    }

    /// Ends a part: warns if it mixes `and` with `or` and does not say how.
    fn settle(&mut self, piece: Piece) -> Node {
        if piece.mixed {
            let clear = piece.node.to_string();
            let message = format!("and binds tighter than or: this is read as {clear}.");
            self.problems.push(Problem::warning(piece.node.span, message).near([clear]));
        }
        piece.node
    }

    fn prefix(&mut self) -> Option<Piece> {
        loop {
            self.skip_filler();
            let start = self.at;
            match self.peek()? {
                ')' => return None,
                ',' => {
                    self.at += 1;
                    let message = "a comma parts the values of a list: field:(a, b).";
                    self.problems.push(Problem::error(self.span_from(start), message));
                }
                '(' => return self.nested(start, Parser::group),
                '!' => {
                    self.at += 1;
                    return self.nested(start, Parser::negation);
                }
                '-' if self.rest()[1..].starts_with(|next| !is_space(next) && next != ')') => {
                    self.at += 1;
                    return self.nested(start, Parser::negation);
                }
                _ => match self.infix() {
                    Some((infix, length)) if length > 0 => {
                        self.at += length;
                        let message = format!("{} needs something before it.", infix.word());
                        self.problems.push(Problem::error(self.span_from(start), message));
                    }
                    _ if self.keyword() == Some("not") => {
                        self.at += 3;
                        return self.nested(start, Parser::negation);
                    }
                    _ => return self.term().map(Piece::of),
                },
            }
        }
    }

    fn nested(&mut self, start: usize, read: fn(&mut Self, usize) -> Option<Piece>) -> Option<Piece> {
        if self.depth == DEPTH_MAX {
            self.stop(start, format!("a query may nest {DEPTH_MAX} deep, this one goes deeper."));
            return None;
        }
        self.depth += 1;
        let piece = read(self, start);
        self.depth -= 1;
        piece
    }

    /// A bound is hit: say so, and read nothing more.
    fn stop(&mut self, start: usize, message: String) {
        let end = self.text[start..].chars().next().map_or(start, |char| start + char.len_utf8());
        self.at = self.text.len();
        self.full = true;
        self.problems.push(Problem::error(Span { start, end }, message));
    }

    fn group(&mut self, start: usize) -> Option<Piece> {
        let node = self.parenthesised(start)?;
        Some(Piece { node: Node { span: self.span_from(start), kind: node.kind }, grouped: true, mixed: false })
    }

    /// `( query )`; the position is at the opening parenthesis.
    fn parenthesised(&mut self, start: usize) -> Option<Node> {
        let open = Span { start: self.at, end: self.at + 1 };
        self.at += 1;
        let mut inner = self.expression(0);
        self.skip_filler();
        while self.rest().starts_with(',') && !self.full {
            let comma = Span { start: self.at, end: self.at + 1 };
            self.at += 1;
            let message = "a comma parts the values of a list, and this is not one: write or.";
            self.problems.push(Problem::error(comma, message).near([" or".to_owned()]));
            let next = self.expression(0);
            inner = match (inner, next) {
                (Some(left), Some(right)) => Some(self.join(Infix::Or, left, right)),
                (left, right) => left.or(right),
            };
            self.skip_filler();
        }
        if self.full {
            return inner.map(|piece| piece.node);
        }
        if self.rest().starts_with(')') {
            self.at += 1;
        } else {
            self.problems.push(Problem::error(open, "this parenthesis is never closed."));
        }
        if inner.is_none() {
            self.problems.push(Problem::error(self.span_from(start), "there is nothing in these parentheses."));
        }
        inner.map(|piece| self.settle(piece))
    }

    fn negation(&mut self, start: usize) -> Option<Piece> {
        let written = self.span_from(start);
        let Some(inner) = self.prefix() else {
            if !self.full {
                self.problems.push(Problem::error(written, "not needs something behind it."));
            }
            return None;
        };
        let inner = self.settle(inner);
        Some(Piece::of(Node { span: self.span_from(start), kind: NodeKind::Not(Box::new(inner)) }))
    }

    /// Counts a term or value; false, with everything stopped, when there are too many.
    fn counted(&mut self, start: usize) -> bool {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            self.stop(start, format!("a query may have {TERMS_MAX} terms, this one has more."));
            return false;
        }
        true
    }

    fn term(&mut self) -> Option<Node> {
        let start = self.at;
        if !self.counted(start) {
            return None;
        }
        let kind = self.term_kind(start);
        (!self.full).then(|| Node { span: self.span_from(start), kind })
    }

    fn term_kind(&mut self, start: usize) -> NodeKind {
        if self.placeholder() {
            return NodeKind::Mistake;
        }
        if self.peek().is_some_and(is_quote) {
            let quoted = self.quoted();
            if self.rest().starts_with(':') {
                if quoted.is_empty() || quoted.contains('\\') {
                    self.problems.push(Problem::error(self.span_from(start), "this is no name of a field."));
                }
                let name = Name { text: clean(quoted), span: self.span_from(start) };
                self.at += 1;
                return self.field(name);
            }
            let text = value(quoted, Escapes::Quoted, false);
            return NodeKind::Bare(Operand { op: Op::Contains, text, inside: false, span: self.span_from(start) });
        }
        let word = self.word(false);
        let name = &word[..word.find(|char| !is_name_char(char)).unwrap_or(word.len())];
        let behind = &word[name.len()..];
        if !name.is_empty() && behind.starts_with(':') && !is_address(word) {
            self.at += name.len();
            let name = Name { text: name.to_owned(), span: self.span_from(start) };
            self.at += 1;
            return self.field(name);
        }
        if name.eq_ignore_ascii_case("count") && behind.is_empty() && self.rest()[name.len()..].starts_with('(') {
            return self.count(start);
        }
        self.at += word.len();
        if word.starts_with(':') {
            self.problems.push(Problem::error(self.span_from(start), "a colon needs the name of a field before it."));
            return NodeKind::Mistake;
        }
        if let Some(kind) = self.in_list(start, word) {
            return kind;
        }
        self.bare(start, word)
    }

    fn bare(&mut self, start: usize, word: &str) -> NodeKind {
        let span = self.span_from(start);
        if let Some(sign) = word.find(['=', '<', '>']) {
            let near = match word[..sign].trim_end_matches(['!', ':']) {
                "" => format!("\"{word}\""),
                name => format!("{name}:{}", word[name.len()..].trim_start_matches(':')),
            };
            let message = format!(
                "an operator stands behind a field and a colon. Did you mean {near}? To look for the text itself, quote it."
            );
            self.problems.push(Problem::error(span, message).near([near]));
            return NodeKind::Mistake;
        }
        if !word.chars().any(char::is_alphanumeric) && !word.contains(['*', '%', '?', '_']) {
            self.problems.push(Problem::error(span, "a sign alone is nothing to look for. To look for it, quote it."));
            return NodeKind::Mistake;
        }
        self.glued(span);
        NodeKind::Bare(Operand { op: Op::Contains, text: value(word, Escapes::Word, false), inside: false, span })
    }

    /// `type in (a, b)` and `type not in (a, b)`.
    fn in_list(&mut self, start: usize, word: &str) -> Option<NodeKind> {
        let after_word = self.at;
        self.skip_space();
        let not = self.keyword() == Some("not");
        if not {
            self.at += 3;
            self.skip_space();
        }
        if self.keyword() == Some("in") {
            self.at += 2;
            self.skip_space();
            if self.rest().starts_with('(') && word.chars().all(is_name_char) && !is_verb(word) {
                let name = Name { text: word.to_owned(), span: Span { start, end: after_word } };
                let kind = self.list_or_scope(name, None);
                return Some(if not { negated(kind, self.span_from(start)) } else { kind });
            }
        }
        self.at = after_word;
        None
    }

    /// `count(name):>3`; the position is at `count`.
    fn count(&mut self, start: usize) -> NodeKind {
        self.at += "count(".len();
        self.skip_space();
        let name = self.name();
        self.skip_space();
        let closed = self.rest().starts_with("):");
        match name {
            Some(name) if closed => {
                self.at += 2;
                match self.operand(false, &format!("count({name})")) {
                    Some(operand) => NodeKind::Count { name, operand },
                    None => NodeKind::Mistake,
                }
            }
            _ => {
                if self.rest().starts_with(')') {
                    self.at += 1;
                }
                let message = "counting is written count(field):>3.";
                self.problems.push(Problem::error(self.span_from(start), message));
                NodeKind::Mistake
            }
        }
    }

    /// A name where only a name can stand: quoted or not.
    fn name(&mut self) -> Option<Name> {
        let start = self.at;
        if self.peek().is_some_and(is_quote) {
            let raw = self.quoted();
            let good = !raw.is_empty() && !raw.contains('\\');
            return good.then(|| Name { text: clean(raw), span: self.span_from(start) });
        }
        let length = self.rest().find(|char| !is_name_char(char)).unwrap_or(self.rest().len());
        self.at += length;
        (length > 0).then(|| Name { text: self.text[start..self.at].to_owned(), span: self.span_from(start) })
    }

    /// What stands behind `name:`; the position is behind the colon.
    fn field(&mut self, name: Name) -> NodeKind {
        let verb = match name.text.to_ascii_lowercase().as_str() {
            "has" => Verb::Has,
            "no" => Verb::No,
            "is" => Verb::Is,
            "all" => return self.every(&name),
            "seen_by" if self.rest().starts_with('(') => return self.seen_by_any(name),
            "seen_by" => return self.seen_by(&name),
            _ => return self.values(name),
        };
        self.skip_space();
        let found = self.name();
        let span = self.span_from(name.span.start);
        match found {
            Some(found) if self.rest().starts_with(':') => {
                self.at += 1;
                // Read what follows, so that nothing of it looks like a term of its own.
                let _ = self.operand(false, &found.text);
                let message = format!("{}: takes a name and nothing more.", verb.word());
                let span = self.span_from(name.span.start);
                self.problems.push(Problem::error(span, message).near([format!("{}:{found}", verb.word())]));
                NodeKind::Mistake
            }
            Some(found) => {
                self.glued(span);
                NodeKind::Presence { verb, name: found }
            }
            None => {
                let message = format!("{}: needs the name of a field behind it.", verb.word());
                self.problems.push(Problem::error(span, message));
                NodeKind::Mistake
            }
        }
    }

    /// `all:field:value`; the position is behind the first colon.
    fn every(&mut self, word: &Name) -> NodeKind {
        let name = self.name();
        match name {
            Some(name) if self.rest().starts_with(':') => {
                self.at += 1;
                match self.values(name) {
                    NodeKind::Term { name, operands, .. } => NodeKind::Term { name, operands, all: true },
                    NodeKind::Mistake => NodeKind::Mistake,
                    _ => {
                        let message = "all: takes a field and one value or a list of values.";
                        self.problems.push(Problem::error(self.span_from(word.span.start), message));
                        NodeKind::Mistake
                    }
                }
            }
            _ => {
                let message = "all: is written all:field:value.";
                self.problems.push(Problem::error(self.span_from(word.span.start), message));
                NodeKind::Mistake
            }
        }
    }

    /// `seen_by:(source:scan last_seen:<7d)` or `seen_by:(scan, sentinelone)`; the position is at the parenthesis.
    fn seen_by_any(&mut self, name: Name) -> NodeKind {
        match self.list_or_scope(name, None) {
            NodeKind::Term { mut operands, .. } if operands.len() == 1 => {
                let source = operands.remove(0);
                if source.op == Op::Contains && !source.text.is_empty() && !source.text.contains('\\') {
                    return NodeKind::SeenBy { source: Name { text: source.text, span: source.span }, age: None };
                }
                self.problems.push(Problem::error(source.span, "seen_by: takes the name of a source."));
                NodeKind::Mistake
            }
            kind => kind,
        }
    }

    /// `seen_by:source:<7d`; the position is behind the first colon.
    fn seen_by(&mut self, word: &Name) -> NodeKind {
        self.skip_space();
        let Some(source) = self.name() else {
            let message = "seen_by: needs the name of a source behind it: seen_by:sentinelone:<7d.";
            self.problems.push(Problem::error(self.span_from(word.span.start), message));
            return NodeKind::Mistake;
        };
        if !self.rest().starts_with(':') {
            self.glued(self.span_from(word.span.start));
            return NodeKind::SeenBy { source, age: None };
        }
        self.at += 1;
        match self.operand(false, "seen_by") {
            Some(age) => NodeKind::SeenBy { source, age: Some(age) },
            None => NodeKind::Mistake,
        }
    }

    /// A value, a list or a scope behind `name:`.
    fn values(&mut self, name: Name) -> NodeKind {
        let start = name.span.start;
        let before = self.at;
        let (op, sign) = self.operator();
        let gap = self.at;
        self.skip_space();
        if self.rest().starts_with('(') && (gap == self.at || op.is_none()) {
            if gap != self.at {
                let message = format!("read as {name}:( without the space.");
                self.problems.push(Problem::notice(Span { start: gap, end: self.at }, message));
            }
            let kind = self.list_or_scope(name, op.map(|op| (op, sign)));
            return match (op, kind) {
                (Some(Op::NotEqual), NodeKind::Term { name, mut operands, all }) => {
                    for operand in &mut operands {
                        operand.op = if operand.op == Op::NotEqual { Op::Equal } else { operand.op };
                    }
                    negated(NodeKind::Term { name, operands, all }, self.span_from(start))
                }
                (_, kind) => kind,
            };
        }
        self.at = before;
        match self.operand(false, &name.text) {
            Some(operand) => NodeKind::Term { name, operands: vec![operand], all: false },
            None => NodeKind::Mistake,
        }
    }

    /// `( .. )` behind a name: a list if it holds nothing but values, else a query about one element.
    fn list_or_scope(&mut self, name: Name, op: Option<(Op, Span)>) -> NodeKind {
        let open = self.at;
        let (problems, terms) = (self.problems.len(), self.terms);
        self.at += 1;
        if let Some(mut operands) = self.list(&name.text) {
            if let Some((op, _)) = op {
                operands.iter_mut().filter(|operand| operand.op == Op::Contains).for_each(|operand| operand.op = op);
            }
            return NodeKind::Term { name, operands, all: false };
        }
        if self.full {
            return NodeKind::Mistake;
        }
        self.at = open;
        self.terms = terms;
        self.problems.truncate(problems);
        let Some(body) = self.nested(open, |parser, start| parser.parenthesised(start).map(Piece::of)) else {
            return NodeKind::Mistake;
        };
        // Words alone are a list, whatever parentheses stand around them: one tree for one meaning.
        let body = body.node;
        if let Some((op, sign)) = op {
            if let Some(node) = each_word(&name, op, &body).filter(|_| op != Op::NotEqual) {
                return node.kind;
            }
            let message = "an operator before parentheses needs a list of values in them: field:=(a, b).";
            self.problems.push(Problem::error(sign, message));
        }
        match body.kind {
            NodeKind::Bare(operand) => NodeKind::Term { name, operands: vec![operand], all: false },
            NodeKind::Or(parts) if parts.iter().all(|part| matches!(part.kind, NodeKind::Bare(_))) => {
                let operands = parts.into_iter().filter_map(|part| match part.kind {
                    NodeKind::Bare(operand) => Some(operand),
                    _ => None,
                });
                NodeKind::Term { name, operands: operands.collect(), all: false }
            }
            kind => NodeKind::Scope { name, body: Box::new(Node { span: body.span, kind }) },
        }
    }

    /// The values of a list up to its closing parenthesis; `None` if it is not a list.
    fn list(&mut self, name: &str) -> Option<Vec<Operand>> {
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            let word = self.word(true);
            let is_field =
                word.contains(':') && !is_address(word) && !word.starts_with(|char: char| !is_name_char(char));
            let starts_query = matches!(self.peek()?, '(' | ')' | '-' | '!') && !word.starts_with("!=");
            if is_field || starts_query || self.keyword().is_some() {
                return None;
            }
            if !self.counted(self.at) {
                return None;
            }
            operands.push(self.operand(true, name)?);
            self.skip_space();
            match self.peek()? {
                ')' => {
                    self.at += 1;
                    return Some(operands);
                }
                ',' => {
                    self.at += 1;
                    self.skip_space();
                    if self.rest().starts_with(')') && !operands.is_empty() {
                        self.problems.push(Problem::notice(self.span_from(self.at - 1), "the last comma is ignored."));
                        self.at += 1;
                        return Some(operands);
                    }
                }
                _ if self.infix() == Some((Infix::Or, 2)) => self.at += 2,
                _ => return None,
            }
        }
    }

    /// The operator that stands here, if one does, and where.
    fn operator(&mut self) -> (Option<Op>, Span) {
        const SIGNS: [(&str, Op); 10] = [
            ("==", Op::Exact),
            ("=>", Op::GreaterEqual),
            ("=<", Op::LessEqual),
            ("!=", Op::NotEqual),
            (">=", Op::GreaterEqual),
            ("<=", Op::LessEqual),
            ("=", Op::Equal),
            (">", Op::Greater),
            ("<", Op::Less),
            ("~", Op::Regex),
        ];
        let start = self.at;
        let Some((sign, op)) = SIGNS.into_iter().find(|(sign, _)| self.rest().starts_with(sign)) else {
            return (None, self.span_from(start));
        };
        self.at += sign.len();
        (Some(op), self.span_from(start))
    }

    /// An operator, outside the quotes or inside, and a value. `name` is for messages.
    fn operand(&mut self, in_list: bool, name: &str) -> Option<Operand> {
        let start = self.at;
        if self.placeholder() {
            return None;
        }
        if self.peek().is_some_and(is_space)
            && self.rest().trim_start_matches(is_space).starts_with(['=', '>', '<', '~'])
        {
            let gap = self.at;
            self.skip_space();
            let span = Span { start: gap, end: self.at };
            self.problems.push(Problem::notice(span, format!("the space behind {name}: is ignored.")));
        }
        let (outside, sign) = self.operator();
        let written = &self.text[sign.start..sign.end];
        if written == "=>" || written == "=<" {
            let right = if written == "=>" { ">=" } else { "<=" };
            self.problems.push(Problem::notice(sign, format!("read as {right}.")).near([right.to_owned()]));
        }
        let op = outside.unwrap_or(Op::Contains);
        if self.peek().is_none_or(|next| is_space(next) || next == ')' || (in_list && next == ',')) {
            let gap = self.at;
            self.skip_space();
            let word = self.word(in_list);
            let value_follows = !word.is_empty()
                && self.keyword().is_none()
                && (!word.contains(':') || is_address(word))
                && !word.starts_with(['=', '<', '>', '!', '-', '(']);
            let quote_follows = self.peek().is_some_and(is_quote) && !self.quoted_field_follows();
            if (value_follows || quote_follows) && gap != self.at {
                let span = Span { start: gap, end: self.at };
                self.problems.push(Problem::notice(span, format!("the space behind {name}: is ignored.")));
            } else {
                self.at = gap;
                let span = self.span_from(start);
                if matches!(op, Op::Equal | Op::Exact | Op::NotEqual) {
                    return Some(Operand { op, text: String::new(), inside: false, span });
                }
                let span = Span { start: start.saturating_sub(1), end: self.at };
                self.problems.push(Problem::error(span, format!("{name} has no value here.")));
                return None;
            }
        }
        if op == Op::Regex {
            return self.regex(start, in_list);
        }
        if self.peek().is_some_and(is_quote) {
            let quoted = self.quoted();
            return self.quoted_operand(start, outside, quoted);
        }
        if let Some(inner) = self.single_quoted(in_list) {
            return self.quoted_operand(start, outside, inner);
        }
        let word = self.word(in_list);
        self.at += word.len();
        let span = self.span_from(start);
        self.glued(span);
        if let Some(alone) = word.strip_suffix(',').filter(|alone| !alone.ends_with('\\')) {
            let near = format!("{name}:({alone}, ..)");
            let message = format!("a comma parts the values of a list: did you mean {near}? To look for it, quote it.");
            self.problems.push(Problem::error(span, message).near([near]));
            return None;
        }
        Some(Operand { op, text: value(word, Escapes::Word, true), inside: false, span })
    }

    fn quoted_operand(&mut self, start: usize, outside: Option<Op>, raw: &str) -> Option<Operand> {
        let span = self.span_from(start);
        if outside.is_some() {
            let text = value(raw, Escapes::Quoted, true);
            return Some(Operand { op: outside.unwrap_or(Op::Contains), text, inside: false, span });
        }
        if is_placeholder(raw) {
            self.complain_of_placeholder(span, raw);
            return None;
        }
        let mut inner = Parser { text: raw, at: 0, depth: 0, terms: 0, full: false, problems: Vec::new() };
        let (op, _) = inner.operator();
        let op = op.filter(|op| *op != Op::Regex);
        let rest = if op.is_some() { inner.rest().trim_start_matches(is_space) } else { raw };
        let op = op.unwrap_or(Op::Contains);
        let text = value(rest, Escapes::Quoted, true);
        Some(Operand { op, text, inside: op.orders(), span })
    }

    /// `/../` or a quoted or plain word, with its backslashes kept: they are the expression's own.
    fn regex(&mut self, start: usize, in_list: bool) -> Option<Operand> {
        let raw = if self.rest().starts_with('/') {
            let body = &self.rest()[1..];
            let mut escaped = false;
            let end = body.find(|char| {
                let end = char == '/' && !escaped;
                escaped = char == '\\' && !escaped;
                end
            });
            match end {
                Some(end) => {
                    self.at += end + 2;
                    let flags = self.word(in_list);
                    if flags == "i" {
                        self.at += 1;
                        let message = "an expression ignores case anyway.";
                        self.problems.push(Problem::notice(self.span_from(self.at - 1), message));
                    }
                    &body[..end]
                }
                None => {
                    self.at = self.text.len();
                    self.problems.push(Problem::notice(self.span_from(start), "the last / was missing and is added."));
                    body
                }
            }
        } else if self.peek().is_some_and(is_quote) {
            &self.quoted().replace("\\\"", "\"")
        } else {
            let word = self.word(in_list);
            self.at += word.len();
            word
        };
        let span = self.span_from(start);
        self.glued(span);
        let mut text = String::new();
        let mut chars = raw.chars();
        while let Some(char) = chars.next() {
            match (char, chars.clone().next()) {
                ('\\', Some('/')) => {}
                ('\\', Some(next)) => {
                    text.push('\\');
                    text.push(next);
                    chars.next();
                }
                ('\\', None) => {
                    self.problems.push(Problem::error(span, "an expression cannot end in a backslash."));
                    return None;
                }
                (char, _) => text.push(char),
            }
        }
        if text.len() > REGEX_BYTES_MAX {
            let message = format!("an expression may have {REGEX_BYTES_MAX} bytes, this one has {}.", text.len());
            self.problems.push(Problem::error(span, message));
            return None;
        }
        Some(Operand { op: Op::Regex, text: text.replace('\0', "\u{fffd}"), inside: false, span })
    }

    /// The word here: up to space, parenthesis, double quote and, in a list, comma. A backslash takes the next sign in.
    fn word(&self, in_list: bool) -> &'t str {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.find(|char| {
            let ends = is_space(char) || matches!(char, '(' | ')') || is_quote(char) || (in_list && char == ',');
            let end = ends && !escaped;
            escaped = char == '\\' && !escaped;
            end
        });
        &rest[..end.unwrap_or(rest.len())]
    }

    /// What stands between the quotes, escapes included; the position is at the opening quote.
    fn quoted(&mut self) -> &'t str {
        let start = self.at;
        let open = self.peek().unwrap_or('"');
        self.at += open.len_utf8();
        let body = self.rest();
        let find = |closes: fn(char) -> bool| {
            let mut escaped = false;
            body.char_indices().find(|(_, char)| {
                let end = closes(*char) && !escaped;
                escaped = *char == '\\' && !escaped;
                end
            })
        };
        let straight = open == '"';
        let close = if straight { find(|char| char == '"').or_else(|| find(is_quote)) } else { find(is_quote) };
        let (raw, end) = match close {
            Some((end, close)) => (&body[..end], self.at + end + close.len_utf8()),
            None => (body.trim_end_matches(is_space), self.text.len()),
        };
        self.at = end;
        match close {
            None => {
                let message = "the closing quote was missing: everything to the end is read as quoted.";
                self.problems.push(Problem::notice(Span { start, end: start + open.len_utf8() }, message));
            }
            Some((_, close)) if !straight || close != '"' => {
                let message = "typographic quotes are read as \".";
                let near = format!("\"{raw}\"");
                self.problems.push(Problem::notice(self.span_from(start), message).near([near]));
            }
            Some(_) => {}
        }
        // A quote that the backslash before the end of the text was to escape.

        (if close.is_none() && ends_in_lone_backslash(raw) { &raw[..raw.len() - 1] } else { raw }) as _
    }

    fn quoted_field_follows(&self) -> bool {
        let mut ahead = Parser { text: self.text, at: self.at, depth: 0, terms: 0, full: false, problems: Vec::new() };
        ahead.quoted();
        ahead.rest().starts_with(':')
    }

    /// `'a b'` as other languages quote, if the closing one stands where a value ends; `o'brien` is a word.
    fn single_quoted(&mut self, in_list: bool) -> Option<&'t str> {
        let is_single = |char: char| matches!(char, '\'' | '\u{2018}' | '\u{2019}');
        let start = self.at;
        let open = self.peek().filter(|open| is_single(*open))?;
        let body = &self.rest()[open.len_utf8()..];
        let (end, close) = body.char_indices().find(|(_, char)| is_single(*char))?;
        let behind = body[end + close.len_utf8()..].chars().next();
        if behind.is_some_and(|next| !is_space(next) && next != ')' && !(in_list && next == ',')) {
            return None;
        }
        self.at += open.len_utf8() + end + close.len_utf8();
        let near = format!("\"{}\"", &body[..end]);
        let notice = Problem::notice(self.span_from(start), "single quotes are read as \".").near([near]);
        self.problems.push(notice);
        // What single quotes hold may hold a double quote, which the value has to escape itself.
        Some(&body[..end])
    }

    /// Whether `<something to fill in>` stands here; then it is complained of and skipped.
    fn placeholder(&mut self) -> bool {
        let Some(body) = self.rest().strip_prefix('<') else { return false };
        let Some(end) = body.find('>') else { return false };
        let whole = &self.rest()[..end + 2];
        if !is_placeholder(whole) {
            return false;
        }
        let start = self.at;
        self.at += whole.len();
        self.complain_of_placeholder(self.span_from(start), whole);
        true
    }

    fn complain_of_placeholder(&mut self, span: Span, text: &str) {
        let message =
            format!("{text} stands for a value of yours: put it here. For the text itself write \"\\{text}\".");
        self.problems.push(Problem::error(span, message));
    }

    /// A value cannot run into an opening parenthesis.
    fn glued(&mut self, before: Span) {
        if self.rest().starts_with('(') {
            let text = &self.text[before.start..before.end];
            let span = Span { start: before.start, end: self.at + 1 };
            let message =
                format!("a parenthesis right behind {text}: quote a value that holds one, or put a space between.");
            self.problems.push(Problem::error(span, message));
        }
    }
}

/// `field:=(a and not b)`: the same said of each word; `None` if there is anything but words.
fn each_word(name: &Name, op: Op, body: &Node) -> Option<Node> {
    let all = |parts: &[Node]| parts.iter().map(|part| each_word(name, op, part)).collect::<Option<Vec<_>>>();
    let kind = match &body.kind {
        NodeKind::And(parts) => NodeKind::And(all(parts)?),
        NodeKind::Or(parts) => NodeKind::Or(all(parts)?),
        NodeKind::Not(part) => NodeKind::Not(Box::new(each_word(name, op, part)?)),
        NodeKind::Bare(operand) => {
            let operand = Operand { op, ..operand.clone() };
            NodeKind::Term { name: name.clone(), operands: vec![operand], all: false }
        }
        _ => return None,
    };
    Some(Node { span: body.span, kind })
}

fn negated(kind: NodeKind, span: Span) -> NodeKind {
    NodeKind::Not(Box::new(Node { span, kind }))
}

/// Words that, before a colon, are no field.
fn is_verb(word: &str) -> bool {
    ["has", "no", "is", "all", "seen_by"].iter().any(|verb| verb.eq_ignore_ascii_case(word))
}

fn is_space(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\u{200b}' | '\u{feff}')
}

/// Straight and typographic double quotes.
fn is_quote(char: char) -> bool {
    matches!(char, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{ab}' | '\u{bb}')
}

/// Signs that mean nothing when they stand alone.
fn is_junk(char: char) -> bool {
    matches!(char, '`' | '\u{b4}' | ';' | '.' | '\'' | '#' | '^' | '$' | '{' | '}' | '[' | ']')
}

/// Whether a word with colons is a hardware or IPv6 address, or the beginning of one, rather than field and value.
fn is_address(word: &str) -> bool {
    let address = word.split('/').next().unwrap_or(word);
    let groups = || word.split(':');
    let mac = groups().count() >= 3
        && groups().all(|group| group.len() == 2 && group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    mac || address.parse::<Ipv6Addr>().is_ok()
}

/// `<current version>`: letters and spaces between angle brackets, as published queries leave to fill in.
fn is_placeholder(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) else { return false };
    let inner = inner.trim_start_matches(is_space);
    inner.starts_with(char::is_alphabetic)
        && !inner.ends_with(is_space)
        && inner.chars().all(|char| char.is_alphanumeric() || matches!(char, ' ' | '_' | '-' | '.' | '/'))
}

fn ends_in_lone_backslash(text: &str) -> bool {
    (text.len() - text.trim_end_matches('\\').len()) % 2 == 1
}

fn clean(raw: &str) -> String {
    raw.replace("\\\"", "\"").replace('\0', "\u{fffd}")
}

#[derive(Clone, Copy, PartialEq)]
enum Escapes {
    /// Between quotes only the quote, the wildcards and the backslash need one.
    Quoted,
    /// In a word, space, parentheses and comma too.
    Word,
}

/// Brings a value into the form of [`Operand::text`]. A backslash before anything that needs none is itself: Windows
/// paths and `DOMAIN\user` are typed as they are.
fn value(raw: &str, escapes: Escapes, operator_possible: bool) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(char) = chars.next() {
        if char == '\0' {
            text.push('\u{fffd}');
            continue;
        }
        if char != '\\' {
            text.push(char);
            continue;
        }
        match chars.clone().next() {
            Some(next @ ('\\' | '%' | '*' | '_' | '?')) => {
                text.push('\\');
                text.push(next);
                chars.next();
            }
            Some('"') => {
                text.push('"');
                chars.next();
            }
            Some(next @ ('=' | '!' | '<' | '>' | '~')) if operator_possible && text.is_empty() => {
                text.push(next);
                chars.next();
            }
            Some(next)
                if escapes == Escapes::Word
                    && (is_space(next) || is_quote(next) || matches!(next, '(' | ')' | ',')) =>
            {
                text.push(next);
                chars.next();
            }
            _ => text.push_str("\\\\"),
        }
    }
    text
}
