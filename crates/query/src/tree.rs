//! The tree of a query: what was written, with spans, before anything is known about fields.

use crate::Span;

/// A whole query. The empty text means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The query, or `None` for everything.
    pub root: Option<Node>,
}

/// A part of a query and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it says.
    pub kind: NodeKind,
}

/// What a part of a query says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// All of them; at least two, none itself an `And`.
    And(Vec<Node>),
    /// Any of them; at least two, none itself an `Or`.
    Or(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// `field:value`, `field:(a, b)`, `all:field:value`.
    Term {
        /// The field, or a scope whose title is meant.
        name: Name,
        /// At least one; any of them may hold.
        operands: Vec<Operand>,
        /// Whether every value of the field has to match instead of any.
        all: bool,
    },
    /// `count(field):>3`.
    Count {
        /// The field or scope that is counted.
        name: Name,
        /// The number it is compared with.
        operand: Operand,
    },
    /// `has:name`, `no:name`, `is:name`.
    Presence {
        /// Which of the three.
        verb: Verb,
        /// What is present.
        name: Name,
    },
    /// `seen_by:source`, `seen_by:source:<7d`.
    SeenBy {
        /// The source.
        source: Name,
        /// How long ago.
        age: Option<Operand>,
    },
    /// A word without a field.
    Bare(Operand),
    /// `name:( query )`: one element for which the query holds.
    Scope {
        /// The scope.
        name: Name,
        /// What has to hold for the element.
        body: Box<Node>,
    },
    /// A part that was not understood; its mistake has been reported.
    Mistake,
}

/// The verb of a presence term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// There is a value.
    Has,
    /// There is no value.
    No,
    /// The boolean of that name is true.
    Is,
}

impl Verb {
    /// The word that is typed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Verb::Has => "has",
            Verb::No => "no",
            Verb::Is => "is",
        }
    }
}

/// A name as typed and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name, without quotes.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// An operator and the value behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The operator.
    pub op: Op,
    /// The value, in which `\` stands only before `\`, `%`, `*`, `_`, `?` and takes their meaning away. For
    /// [`Op::Regex`]: the expression.
    pub text: String,
    /// Whether the operator stood inside the quotes, where `<` may as well be the beginning of a text.
    pub inside: bool,
    /// Where operator and value stand.
    pub span: Span,
}

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `:`
    Contains,
    /// `:=`
    Equal,
    /// `:==`
    Exact,
    /// `:!=`
    NotEqual,
    /// `:>`
    Greater,
    /// `:>=`
    GreaterEqual,
    /// `:<`
    Less,
    /// `:<=`
    LessEqual,
    /// `:~`
    Regex,
}

impl Op {
    /// What is typed behind the colon.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Op::Contains => "",
            Op::Equal => "=",
            Op::Exact => "==",
            Op::NotEqual => "!=",
            Op::Greater => ">",
            Op::GreaterEqual => ">=",
            Op::Less => "<",
            Op::LessEqual => "<=",
            Op::Regex => "~",
        }
    }

    /// Whether it compares sizes: `>`, `>=`, `<`, `<=`.
    #[must_use]
    pub const fn orders(self) -> bool {
        matches!(self, Op::Greater | Op::GreaterEqual | Op::Less | Op::LessEqual)
    }
}

impl Tree {
    /// The same tree with all spans forgotten, for comparing what two texts say.
    #[must_use]
    pub fn without_spans(mut self) -> Tree {
        if let Some(root) = &mut self.root {
            root.forget_spans();
        }
        self
    }
}

impl Node {
    fn forget_spans(&mut self) {
        self.span = Span::default();
        match &mut self.kind {
            NodeKind::And(parts) | NodeKind::Or(parts) => parts.iter_mut().for_each(Node::forget_spans),
            NodeKind::Not(part) => part.forget_spans(),
            NodeKind::Term { name, operands, .. } => {
                name.span = Span::default();
                operands.iter_mut().for_each(|operand| operand.span = Span::default());
            }
            NodeKind::Count { name, operand } => {
                name.span = Span::default();
                operand.span = Span::default();
            }
            NodeKind::Presence { name, .. } => name.span = Span::default(),
            NodeKind::SeenBy { source, age } => {
                source.span = Span::default();
                if let Some(age) = age {
                    age.span = Span::default();
                }
            }
            NodeKind::Bare(operand) => operand.span = Span::default(),
            NodeKind::Scope { name, body } => {
                name.span = Span::default();
                body.forget_spans();
            }
            NodeKind::Mistake => {}
        }
    }
}
