//! From a noun to rows: one pass over a noun's fields gives its columns, its values and its child rows.

use std::net::IpAddr;

use kernel::{Timestamp, Value, fold};
use store::Kind;

use crate::memory::{Head, RELEASE_DICTIONARIES};
use crate::noun::ip_bytes;
use crate::software::Release;
use crate::vulnerability::CveFacts;

/// The most bytes of a name or a term. They are keys of indexes, PostgreSQL allows a key some 2,700 bytes, and what a
/// console sends is anybody's text: longer ones are cut, the body has them whole.
const NAME_BYTES_MAX: usize = 1024;

/// The most bytes of a folded name: folding can make text longer.
const FOLDED_BYTES_MAX: usize = 2048;

/// The text, cut between characters to so many bytes.
fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
    }
    text
}

/// A name folded, as indexes keep it.
pub(crate) fn folded_name(name: &str) -> String {
    cut(fold(name).into_owned(), FOLDED_BYTES_MAX)
}

/// What a column's values mean: how history prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    Int,
    Real,
    Flag,
    Time,
    Text,
    /// A number of this dictionary.
    Term(&'static str),
    Ip,
    /// It follows from other columns, so history does not mention it.
    Derived,
}

/// A column of a projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub is: Is,
    /// Whether a volatile field feeds it: it moves without a change of meaning, and has no history.
    pub volatile: bool,
}

/// Tables whose rows hang on a record. The order is the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Child {
    Name,
    Interface,
    Address,
    Tag,
    Need,
    Engine,
    Technique,
    Action,
    PolicyEngine,
    Role,
    Licence,
    Service,
}

/// A child table: its name, what history calls it, and its columns; the first two are always the organization and the
/// record. Rows of one record are made in the order of the table's key.
pub(crate) struct ChildTable {
    pub table: &'static str,
    pub field: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    pub is: &'static [Is],
}

impl Child {
    pub const ALL: [Child; 12] = [
        Child::Name,
        Child::Interface,
        Child::Address,
        Child::Tag,
        Child::Need,
        Child::Engine,
        Child::Technique,
        Child::Action,
        Child::PolicyEngine,
        Child::Role,
        Child::Licence,
        Child::Service,
    ];

    pub const fn table(self) -> &'static ChildTable {
        const ORG: (&str, Kind) = ("org_id", Kind::Int);
        const RECORD: (&str, Kind) = ("record_id", Kind::Int);
        use Is::{Derived, Ip, Term, Text, Time};
        match self {
            Child::Name => &ChildTable {
                table: "inventory_name",
                field: "names",
                columns: &[
                    ORG,
                    RECORD,
                    ("name_folded", Kind::Text),
                    ("name", Kind::Text),
                    ("kind", Kind::Text),
                    ("current", Kind::Int),
                ],
                is: &[Derived, Text, Derived, Derived],
            },
            Child::Interface => &ChildTable {
                table: "inventory_interface",
                field: "interfaces",
                columns: &[
                    ORG,
                    RECORD,
                    ("position", Kind::Int),
                    ("name", Kind::Text),
                    ("mac", Kind::Text),
                    ("gateway_ip", Kind::Bytes),
                    ("gateway_mac", Kind::Text),
                ],
                is: &[Derived, Text, Text, Ip, Text],
            },
            Child::Address => &ChildTable {
                table: "inventory_address",
                field: "addresses",
                columns: &[
                    ORG,
                    RECORD,
                    ("ip", Kind::Bytes),
                    ("is_primary", Kind::Int),
                    ("reach", Kind::Text),
                    ("interface", Kind::Int),
                    ("observed_at", Kind::Int),
                ],
                is: &[Ip, Derived, Derived, Derived, Derived],
            },
            Child::Tag => &ChildTable {
                table: "inventory_tag",
                field: "tags",
                columns: &[
                    ORG,
                    RECORD,
                    ("position", Kind::Int),
                    ("key", Kind::Text),
                    ("key_folded", Kind::Text),
                    ("value", Kind::Text),
                    ("value_folded", Kind::Text),
                ],
                is: &[Derived, Text, Derived, Text, Derived],
            },
            Child::Need => &ChildTable {
                table: "inventory_need",
                field: "needs",
                columns: &[ORG, RECORD, ("need_term", Kind::Int)],
                is: &[Term("need")],
            },
            Child::Engine => &ChildTable {
                table: "inventory_finding_engine",
                field: "engines",
                columns: &[ORG, RECORD, ("engine_term", Kind::Int)],
                is: &[Term("engine")],
            },
            Child::Technique => &ChildTable {
                table: "inventory_finding_technique",
                field: "techniques",
                columns: &[ORG, RECORD, ("tactic_term", Kind::Int), ("technique_term", Kind::Int)],
                is: &[Term("tactic"), Term("technique")],
            },
            Child::Action => &ChildTable {
                table: "inventory_finding_action",
                field: "actions",
                columns: &[
                    ORG,
                    RECORD,
                    ("position", Kind::Int),
                    ("action_term", Kind::Int),
                    ("status_term", Kind::Int),
                    ("updated_at", Kind::Int),
                ],
                is: &[Derived, Term("action"), Term("action_status"), Time],
            },
            Child::PolicyEngine => &ChildTable {
                table: "inventory_policy_engine",
                field: "engines",
                columns: &[ORG, RECORD, ("engine_term", Kind::Int), ("mode_term", Kind::Int)],
                is: &[Term("policy_engine"), Term("engine_mode")],
            },
            Child::Role => &ChildTable {
                table: "inventory_user_role",
                field: "roles",
                columns: &[
                    ORG,
                    RECORD,
                    ("position", Kind::Int),
                    ("role_term", Kind::Int),
                    ("place_term", Kind::Int),
                    ("place_id_term", Kind::Int),
                ],
                is: &[Derived, Term("role"), Term("role_place"), Term("role_place_id")],
            },
            Child::Licence => &ChildTable {
                table: "inventory_licence",
                field: "licences",
                columns: &[
                    ORG,
                    RECORD,
                    ("position", Kind::Int),
                    ("kind_term", Kind::Int),
                    ("name_term", Kind::Int),
                    ("setting_term", Kind::Int),
                    ("total", Kind::Int),
                ],
                is: &[Derived, Term("licence_kind"), Term("licence"), Term("licence_setting"), Is::Int],
            },
            Child::Service => &ChildTable {
                table: "inventory_service",
                field: "services",
                columns: &[
                    ORG,
                    RECORD,
                    ("service_id", Kind::Int),
                    ("ip", Kind::Bytes),
                    ("port", Kind::Int),
                    ("transport_term", Kind::Int),
                    ("protocol_term", Kind::Int),
                    ("product_term", Kind::Int),
                    ("version_term", Kind::Int),
                    ("banner", Kind::Text),
                    ("banner_folded", Kind::Text),
                ],
                is: &[
                    Derived,
                    Ip,
                    Is::Int,
                    Term("transport"),
                    Term("protocol"),
                    Term("service_product"),
                    Term("version"),
                    Text,
                    Derived,
                ],
            },
        }
    }
}

/// Child rows, table by table, one value after the other.
#[derive(Default)]
pub(crate) struct Children([Vec<Value<'static>>; Child::ALL.len()]);

impl Children {
    pub fn of(&self, child: Child) -> &[Value<'static>] {
        &self.0[child as usize]
    }

    pub fn of_mut(&mut self, child: Child) -> &mut Vec<Value<'static>> {
        &mut self.0[child as usize]
    }

    /// Adds the rows of another record.
    pub fn append(&mut self, other: Children) {
        for (rows, mut more) in self.0.iter_mut().zip(other.0) {
            rows.append(&mut more);
        }
    }
}

/// Where a noun writes itself.
pub(crate) struct Out<'a> {
    org: i64,
    record: i64,
    /// Nobody, while only the columns are asked for.
    head: Option<&'a mut Head>,
    values: &'a mut Vec<Value<'static>>,
    children: &'a mut Children,
    columns: Option<Vec<Column>>,
    volatile: bool,
    replaced_nuls: usize,
}

/// The columns that `write` gives a row, whatever the noun holds.
pub(crate) fn columns(write: impl FnOnce(&mut Out)) -> Vec<Column> {
    let mut children = Children::default();
    let mut out = Out {
        org: 0,
        record: 0,
        head: None,
        values: &mut Vec::new(),
        children: &mut children,
        columns: Some(Vec::new()),
        volatile: false,
        replaced_nuls: 0,
    };
    write(&mut out);
    out.columns.unwrap_or_default()
}

impl<'a> Out<'a> {
    pub fn new(
        org: i64,
        record: i64,
        head: &'a mut Head,
        values: &'a mut Vec<Value<'static>>,
        children: &'a mut Children,
    ) -> Out<'a> {
        Out { org, record, head: Some(head), values, children, columns: None, volatile: false, replaced_nuls: 0 }
    }

    /// The record whose row this is.
    pub fn record(&self) -> i64 {
        self.record
    }

    /// How often U+0000, which PostgreSQL cannot store, was replaced.
    pub fn replaced_nuls(&self) -> usize {
        self.replaced_nuls
    }

    /// The next column is fed by a volatile field.
    pub fn volatile(&mut self) -> &mut Self {
        self.volatile = true;
        self
    }

    fn push(&mut self, name: &'static str, kind: Kind, is: Is, value: Value<'static>) {
        let volatile = std::mem::take(&mut self.volatile);
        if let Some(columns) = &mut self.columns {
            columns.push(Column { name, kind, is, volatile });
        }
        self.values.push(value);
    }

    fn clean(&mut self, text: String) -> String {
        let (clean, replaced) = match fold::without_nul(&text) {
            (_, 0) => return text,
            (clean, replaced) => (clean.into_owned(), replaced),
        };
        self.replaced_nuls += replaced;
        clean
    }

    /// The text without U+0000, and not too long for an index.
    pub fn clean_name(&mut self, text: String) -> String {
        cut(self.clean(text), NAME_BYTES_MAX)
    }

    /// A name, and its folded sibling, which an index or a sort order needs always.
    pub fn name(&mut self, name: &'static str, folded: &'static str, text: Option<String>) {
        let volatile = self.volatile;
        let text = text.map(|text| self.clean_name(text));
        let folded_text = text.as_deref().map(folded_name);
        self.push(name, Kind::Text, Is::Text, text.into());
        self.volatile = volatile;
        self.push(folded, Kind::Text, Is::Derived, folded_text.into());
    }

    /// Text, and its folded sibling only where the database's own `lower()` is not the fold.
    pub fn text(&mut self, name: &'static str, folded: &'static str, text: Option<String>) {
        let volatile = self.volatile;
        let text = text.map(|text| self.clean(text));
        let folded_text = text.as_deref().filter(|text| !text.is_ascii()).map(|text| fold(text).into_owned());
        self.push(name, Kind::Text, Is::Text, text.into());
        self.volatile = volatile;
        self.push(folded, Kind::Text, Is::Derived, folded_text.into());
    }

    /// Text without a folded sibling: ids and hashes.
    pub fn id(&mut self, name: &'static str, text: Option<String>) {
        let text = text.map(|text| self.clean_name(text));
        self.push(name, Kind::Text, Is::Text, text.into());
    }

    /// Text of few distinct values.
    pub fn term(&mut self, name: &'static str, dictionary: &'static str, text: Option<String>) {
        let term = text.and_then(|text| self.intern(dictionary, text));
        self.push(name, Kind::Int, Is::Term(dictionary), term.into());
    }

    /// A number of a dictionary that is at hand already.
    pub fn number_of(&mut self, name: &'static str, dictionary: &'static str, term: Option<i64>) {
        self.push(name, Kind::Int, Is::Term(dictionary), term.into());
    }

    /// The record of an agent, by its native id. The value is the id until [`crate::holder`] puts the record there.
    pub fn agent(&mut self, name: &'static str, native_id: Option<String>) {
        let native_id = native_id.filter(|_| self.columns.is_none()).map(|id| self.clean_name(id));
        self.push(name, Kind::Int, Is::Derived, native_id.into());
    }

    /// The release of a product.
    pub fn release(&mut self, name: &'static str, release: Release) {
        let told = [release.product, release.vendor, release.version, release.kind, release.cpe];
        let mut key = [0; RELEASE_DICTIONARIES.len()];
        for ((number, dictionary), text) in key.iter_mut().zip(RELEASE_DICTIONARIES).zip(told) {
            *number = text.and_then(|text| self.intern(dictionary, text)).unwrap_or(0);
        }
        let release = self.head.as_mut().and_then(|head| head.release(key));
        self.push(name, Kind::Int, Is::Derived, release.into());
    }

    /// What is known of a CVE.
    pub fn cve_facts(&mut self, cve: i64, facts: CveFacts) {
        if let Some(head) = &mut self.head {
            head.cve(cve, facts);
        }
    }

    /// A word of ours of few distinct values.
    pub fn word(&mut self, name: &'static str, dictionary: &'static str, word: Option<&'static str>) {
        let term = word.and_then(|word| Some(self.head.as_mut()?.term(dictionary, word)));
        self.push(name, Kind::Int, Is::Term(dictionary), term.into());
    }

    /// The number of a term.
    pub fn intern(&mut self, dictionary: &'static str, text: String) -> Option<i64> {
        let text = self.clean_name(text);
        Some(self.head.as_mut()?.term(dictionary, &text))
    }

    pub fn int(&mut self, name: &'static str, number: Option<i64>) {
        self.push(name, Kind::Int, Is::Int, number.into());
    }

    pub fn real(&mut self, name: &'static str, number: Option<f64>) {
        self.push(name, Kind::Real, Is::Real, number.into());
    }

    pub fn flag(&mut self, name: &'static str, yes: Option<bool>) {
        self.push(name, Kind::Int, Is::Flag, yes.into());
    }

    pub fn time(&mut self, name: &'static str, at: Option<Timestamp>) {
        self.push(name, Kind::Int, Is::Time, at.into());
    }

    pub fn ip(&mut self, name: &'static str, ip: Option<IpAddr>) {
        self.push(name, Kind::Bytes, Is::Ip, ip.map(|ip| ip_bytes(ip).to_vec()).into());
    }

    /// A number that follows from other columns or from child rows.
    pub fn derived(&mut self, name: &'static str, number: i64) {
        self.push(name, Kind::Int, Is::Derived, number.into());
    }

    /// A row of a child table, without the organization and the record.
    pub fn child<const N: usize>(&mut self, child: Child, values: [Value<'static>; N]) {
        debug_assert_eq!(N + 2, child.table().columns.len());
        let rows = self.children.of_mut(child);
        rows.extend([Value::Int(self.org), Value::Int(self.record)]);
        rows.extend(values);
    }

    /// Text for a child row.
    pub fn owned(&mut self, text: String) -> Value<'static> {
        self.clean(text).into()
    }
}
