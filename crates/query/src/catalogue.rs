//! What can be asked: inventories, their fields, their scopes. The types are here; who owns the tables fills them in.
//!
//! SQL fragments name the row they belong to as `{t}` and, in a [`Scope`], the element as `{e}`; lowering puts the
//! aliases in (`t` for the row that is asked for, `t1`, `t2` .. inside scopes). Other aliases are free to choose.

use kernel::{Cell, Table};

/// Everything that can be asked about.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The inventories, those that people ask first in front.
    pub inventories: Vec<Inventory>,
    /// The sources whose raw attributes `@source.kind.path` may name.
    pub sources: Vec<Source>,
}

/// A source of raw attributes, such as `sentinelone`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name after the `@`.
    pub name: &'static str,
    /// Other spellings of the name.
    pub aliases: &'static [&'static str],
    /// The kinds of its records: `dev`, `threat` .. A second part that is none of them begins the path.
    pub kinds: &'static [&'static str],
}

/// One kind of thing that a query answers with, or that a scope reaches.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The name after `--in`: `assets`.
    pub name: &'static str,
    /// Other spellings of the name, the singular among them.
    pub aliases: &'static [&'static str],
    /// One of them, in prose: `asset`.
    pub singular: &'static str,
    /// One sentence for `--help`.
    pub prose: &'static str,
    /// Whether `--in` offers it; false for what only a scope reaches, such as interfaces.
    pub listed: bool,
    /// Where its rows are.
    pub base: Base,
    /// Its fields, in the order in which help shows them.
    pub fields: Vec<Field>,
    /// Its scopes: `software:( .. )`, and what `_software.field` means.
    pub scopes: Vec<Scope>,
    /// The raw bodies that its rows have.
    pub raw: Vec<Raw>,
    /// Set if names that are none of its fields name one of its elements: `field.cost:>5`.
    pub keyed: Option<Keyed>,
    /// The fields that a bare word is looked for in; inside a scope only its title is.
    pub bare: &'static [&'static str],
    /// The order of answers where none is asked for: a field, with `-` before it for descending.
    pub default_sort: &'static str,
    /// The columns of a table where none are asked for.
    pub default_fields: &'static [&'static str],
}

/// Where the rows of an inventory are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The table.
    pub table: &'static str,
    /// The column that, after `org_id`, identifies a row.
    pub key: &'static str,
}

/// An inventory whose elements have a name and a value, both chosen by people. `field.NAME:value` is then
/// `field:(key:==NAME value:value)`; what is compared with a number or a time is compared as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// The field of the element's name.
    pub key: &'static str,
    /// The field of its value as text.
    pub value: &'static str,
    /// The field of its value as a number.
    pub number: &'static str,
    /// The field of its value as an instant.
    pub moment: &'static str,
}

/// The raw bodies of one (source, kind) that rows of an inventory have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw {
    /// A name of [`Catalogue::sources`].
    pub source: &'static str,
    /// One of its kinds.
    pub kind: &'static str,
    /// The paths that the source's specification names, as the API spells them; empty: not checked.
    pub paths: &'static [&'static str],
    /// Other spellings of paths: (`siteID`, `siteId`).
    pub aliases: &'static [(&'static str, &'static str)],
}

/// A field, declared once for parsing, completion, help and SQL.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name in queries: lower case, parts joined by dots.
    pub name: &'static str,
    /// Other names: runZero's, and those of earlier versions.
    pub aliases: &'static [&'static str],
    /// What its values are.
    pub ty: Type,
    /// Where its values are.
    pub column: Column,
    /// Whether it changes without leaving a history, so that `--as-of` cannot ask for it.
    pub volatile: bool,
    /// One sentence for help.
    pub prose: &'static str,
    /// A term that uses it, for help.
    pub example: &'static str,
}

/// What the values of a field are; decides which operators fit and how values are compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Text: contains, equals, exact bytes, wildcards, regular expression.
    Text,
    /// A word of a set that the source may extend.
    Enum(Choices),
    /// Yes or no; 0 or 1 in the database.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Real,
    /// A version, compared part by part; stored as text.
    Version,
    /// An instant, in microseconds; a bare duration is an age or, for [`Tense::Future`], counts from now.
    Timestamp(Tense),
    /// A length of time, in microseconds.
    Duration,
    /// An address, as 16 bytes (IPv4 mapped).
    Ip,
    /// A hardware address, as 12 lower-case hexadecimal digits.
    Mac,
    /// An identifier: text that is compared whole.
    Id,
    /// A long text of which single words are asked: every word, or beginning of one (`rans*`), has to be in it.
    Words,
}

/// On which side of now the instants of a field usually are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tense {
    /// `last_seen`: `<7d` means less than seven days ago.
    Past,
    /// `expires_at`: `<7d` means before seven days from now.
    Future,
}

/// The declared words of an enum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The words, folded, as they are stored; in rising order if `ordered`.
    pub values: &'static [Choice],
    /// Whether `>` and `<` mean something.
    pub ordered: bool,
    /// Whether the set is complete: then a word of no choice is a mistake even before any data is there.
    pub closed: bool,
}

/// One word of an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The word as it is stored, folded.
    pub value: &'static str,
    /// Other spellings, folded: runZero's, the console's.
    pub aliases: &'static [&'static str],
}

/// Where the values of a field are.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// An SQL expression over `{t}`: BIGINT, DOUBLE PRECISION, 16 bytes for addresses, or text that is its own
    /// folded form (ids, our own words, hardware addresses).
    Plain(&'static str),
    /// Text with its folded sibling.
    Folded {
        /// The expression of the text as sent.
        text: &'static str,
        /// The expression of `kernel::fold` of it.
        folded: &'static str,
    },
    /// The number of a term of a dictionary; patterns run over the dictionary and become lists of numbers.
    Term {
        /// The expression of the number.
        column: &'static str,
        /// The dictionary's name.
        dictionary: &'static str,
    },
    /// Several values: `EXISTS (SELECT 1 <from> AND <condition on value>)`.
    Many {
        /// `FROM .. WHERE ..` (it must have a WHERE), bound to `{t}`.
        from: &'static str,
        /// One value; not itself `Many` or `Body`.
        value: Box<Column>,
    },
    /// Words that an index of their own finds.
    Words {
        /// The condition over `{t}`, with `{q}` where the question goes as SQLite's FTS5 has it: `"word" AND "begin" *`.
        /// `$1` is the organization.
        found: &'static str,
        /// The expression of the row's number, in which [`Column::Words::unindexed`] counts.
        key: &'static str,
        /// The dictionary that knows the rows which the index does not have yet: it is asked for those that match.
        unindexed: &'static str,
    },
    /// A path in a raw body, evaluated outside the database.
    Body {
        /// A name of [`Catalogue::sources`].
        source: &'static str,
        /// One of its kinds.
        kind: &'static str,
        /// The path, parts joined by dots; an array on the way stands for each of its elements.
        path: &'static str,
    },
    /// A name that is known, and has no data yet: its terms are false, with a warning that gives the reason.
    Missing {
        /// Completes "there is nothing in FIELD here: ..".
        why: &'static str,
    },
}

/// Elements of another inventory that belong to a row: `software:(product:chrome version:<130)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The name before `:( .. )`. The scope `seen_by` with the fields `source` and `last_seen` serves `seen_by:S:<7d`.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// The name of the inventory whose fields are asked inside.
    pub inventory: &'static str,
    /// `FROM table {e} .. WHERE {e}.org_id = {t}.org_id AND ..`; it must have a WHERE.
    pub from: &'static str,
    /// The field that `software:chrome` and a bare word inside look at.
    pub title: &'static str,
    /// One sentence for help.
    pub prose: &'static str,
}

impl Catalogue {
    /// The inventory of that name, alias included, in any case.
    #[must_use]
    pub fn inventory(&self, name: &str) -> Option<&Inventory> {
        self.inventories.iter().find(|inventory| named(inventory.name, inventory.aliases, name))
    }

    /// The source of that name, alias included, in any case.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| named(source.name, source.aliases, name))
    }
}

impl Type {
    /// What it is, in a word or three, for help.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Enum(_) => "word",
            Type::Bool => "yes or no",
            Type::Int | Type::Real => "number",
            Type::Version => "version",
            Type::Timestamp(_) => "time",
            Type::Duration => "duration",
            Type::Ip => "address",
            Type::Mac => "hardware address",
            Type::Id => "id",
            Type::Words => "words",
        }
    }
}

impl Inventory {
    /// Fields and scopes with what they are, for `--help fields`: name, type, meaning, example. What has no data yet
    /// is left out.
    #[must_use]
    pub fn help(&self) -> Table {
        let text = |text: &str| Cell::Text(text.to_owned());
        let there = self.fields.iter().filter(|field| !matches!(field.column, Column::Missing { .. }));
        let fields =
            there.map(|field| vec![text(field.name), text(field.ty.word()), text(field.prose), text(field.example)]);
        let scopes = self.scopes.iter().map(|scope| {
            vec![
                text(scope.name),
                text("scope"),
                text(scope.prose),
                Cell::Text(format!("{}:({}:..)", scope.name, scope.title)),
            ]
        });
        Table {
            columns: ["name", "type", "meaning", "example"].map(str::to_owned).to_vec(),
            rows: fields.chain(scopes).collect(),
        }
    }

    /// An inventory without fields yet, offered by `--in`.
    #[must_use]
    pub const fn new(name: &'static str, singular: &'static str, table: &'static str, key: &'static str) -> Inventory {
        Inventory {
            name,
            aliases: &[],
            singular,
            prose: "",
            listed: true,
            base: Base { table, key },
            fields: Vec::new(),
            scopes: Vec::new(),
            raw: Vec::new(),
            keyed: None,
            bare: &[],
            default_sort: "",
            default_fields: &[],
        }
    }

    /// The field of that name, alias included, in any case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| named(field.name, field.aliases, name))
    }

    /// The scope of that name, alias included, in any case.
    #[must_use]
    pub fn scope(&self, name: &str) -> Option<&Scope> {
        self.scopes.iter().find(|scope| named(scope.name, scope.aliases, name))
    }
}

impl Field {
    /// A field that is not volatile and has no alias.
    #[must_use]
    pub const fn new(name: &'static str, ty: Type, column: Column, prose: &'static str) -> Field {
        Field { name, aliases: &[], ty, column, volatile: false, prose, example: "" }
    }

    /// The same field with other names.
    #[must_use]
    pub const fn alias(mut self, aliases: &'static [&'static str]) -> Field {
        self.aliases = aliases;
        self
    }

    /// The same field, changing without a history.
    #[must_use]
    pub const fn volatile(mut self) -> Field {
        self.volatile = true;
        self
    }

    /// The same field with a term that shows its use.
    #[must_use]
    pub const fn example(mut self, example: &'static str) -> Field {
        self.example = example;
        self
    }

    /// Whether a row can have several values.
    #[must_use]
    pub const fn many(&self) -> bool {
        matches!(self.column, Column::Many { .. } | Column::Body { .. })
    }
}

impl Column {
    /// Several values of `value` that `from` finds.
    #[must_use]
    pub fn many(from: &'static str, value: Column) -> Column {
        Column::Many { from, value: Box::new(value) }
    }
}

impl Choice {
    /// A word with no other spelling.
    #[must_use]
    pub const fn new(value: &'static str) -> Choice {
        Choice { value, aliases: &[] }
    }

    /// A word with other spellings.
    #[must_use]
    pub const fn or(value: &'static str, aliases: &'static [&'static str]) -> Choice {
        Choice { value, aliases }
    }
}

fn named(name: &str, aliases: &[&str], asked: &str) -> bool {
    name.eq_ignore_ascii_case(asked) || aliases.iter().any(|alias| alias.eq_ignore_ascii_case(asked))
}
