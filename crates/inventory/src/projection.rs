//! Projections: which table a noun becomes a row of, and that table's columns.

use std::sync::OnceLock;

use kernel::{OrgId, Value};
use rustc_hash::FxHashMap;
use store::{Keys, Kind, Row, StoreError, Tx};

use crate::noun::{
    AccountNoun, ActivityNoun, ActivityTypeNoun, ConsoleGroupNoun, ConsoleSiteNoun, EventNoun, FindingNoun,
    MachineNoun, Noun, PolicyNoun, SoftwareNoun, UserNoun, VulnerabilityNoun,
};
use crate::out::{Child, Column, Is, Out, columns};

/// A table of projected rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Projection {
    /// What one record says about a machine.
    Machine,
    /// What all its records say: no noun is written here, [`crate::project`] makes the rows.
    Asset,
    Finding,
    Activity,
    Policy,
    Account,
    ConsoleSite,
    ConsoleGroup,
    Software,
    Vulnerability,
    User,
    ActivityType,
    Event,
}

impl Noun {
    pub(crate) fn write(self, out: &mut Out) {
        match self {
            Noun::Machine(machine) => machine.write(out),
            Noun::Finding(finding) => finding.write(out),
            Noun::Activity(activity) => activity.write(out),
            Noun::Policy(policy) => policy.write(out),
            Noun::Account(account) => account.write(out),
            Noun::ConsoleSite(site) => site.write(out),
            Noun::ConsoleGroup(group) => group.write(out),
            Noun::Software(software) => software.write(out),
            Noun::Vulnerability(vulnerability) => vulnerability.write(out),
            Noun::User(user) => user.write(out),
            Noun::ActivityType(kind) => kind.write(out),
            Noun::Event(event) => event.write(out),
            Noun::Plain => {}
        }
    }
}

/// How many columns of a machine its asset does not have; they come first.
pub(crate) const MACHINE_OWN: usize = 5;

/// The columns of a machine's row that its noun does not fill, and that only the first write sets.
const MACHINE_STANDING: [(&str, Kind); 6] = [
    ("native_id", Kind::Text),
    ("site_id", Kind::Int),
    ("present", Kind::Int),
    ("superseded", Kind::Int),
    ("contested", Kind::Int),
    ("settled", Kind::Int),
];

/// The columns of an asset that no machine has; they come last.
pub(crate) const ASSET_OWN: &[Column] = &[
    derived("source_count"),
    derived("record_count"),
    derived("lead_record_id"),
    Column { name: "lifecycle_term", kind: Kind::Int, is: Is::Term("agent_state"), volatile: true },
    derived("gone"),
];

const fn derived(name: &'static str) -> Column {
    Column { name, kind: Kind::Int, is: Is::Derived, volatile: false }
}

/// A projection's columns, and those that statements name.
struct Shape {
    columns: Vec<Column>,
    insert: Vec<(&'static str, Kind)>,
    update: Vec<(&'static str, Kind)>,
    touch: Vec<(&'static str, Kind)>,
    select: String,
}

const ORG: (&str, Kind) = ("org_id", Kind::Int);
const RECORD: (&str, Kind) = ("record_id", Kind::Int);

impl Projection {
    pub const ALL: [Projection; 13] = [
        Projection::Machine,
        Projection::Asset,
        Projection::Finding,
        Projection::Activity,
        Projection::Policy,
        Projection::Account,
        Projection::ConsoleSite,
        Projection::ConsoleGroup,
        Projection::Software,
        Projection::Vulnerability,
        Projection::User,
        Projection::ActivityType,
        Projection::Event,
    ];

    /// Where a noun goes; `None` for one that is kept and not projected.
    pub fn of(noun: &Noun) -> Option<Projection> {
        Some(match noun {
            Noun::Machine(_) => Projection::Machine,
            Noun::Finding(_) => Projection::Finding,
            Noun::Activity(_) => Projection::Activity,
            Noun::Policy(_) => Projection::Policy,
            Noun::Account(_) => Projection::Account,
            Noun::ConsoleSite(_) => Projection::ConsoleSite,
            Noun::ConsoleGroup(_) => Projection::ConsoleGroup,
            Noun::Software(_) => Projection::Software,
            Noun::Vulnerability(_) => Projection::Vulnerability,
            Noun::User(_) => Projection::User,
            Noun::ActivityType(_) => Projection::ActivityType,
            Noun::Event(_) => Projection::Event,
            Noun::Plain => return None,
        })
    }

    pub const fn table(self) -> &'static str {
        match self {
            Projection::Machine => "inventory_machine",
            Projection::Asset => "inventory_asset",
            Projection::Finding => "inventory_finding",
            Projection::Activity => "inventory_activity",
            Projection::Policy => "inventory_policy",
            Projection::Account => "inventory_account",
            Projection::ConsoleSite => "inventory_console_site",
            Projection::ConsoleGroup => "inventory_console_group",
            Projection::Software => "inventory_software",
            Projection::Vulnerability => "inventory_vulnerability",
            Projection::User => "inventory_user",
            Projection::ActivityType => "inventory_activity_type",
            Projection::Event => "inventory_finding_event",
        }
    }

    /// The inventory's name, as the language and history call it.
    pub const fn inventory(self) -> &'static str {
        match self {
            Projection::Machine | Projection::Asset => "assets",
            Projection::Finding => "findings",
            Projection::Activity => "activities",
            Projection::Policy => "policies",
            Projection::Account => "accounts",
            Projection::ConsoleSite => "console_sites",
            Projection::ConsoleGroup => "console_groups",
            Projection::Software => "software",
            Projection::Vulnerability => "vulnerabilities",
            Projection::User => "users",
            Projection::ActivityType => "activity_types",
            Projection::Event => "events",
        }
    }

    /// The child tables that hang on its records.
    pub const fn children(self) -> &'static [Child] {
        match self {
            Projection::Machine => {
                &[Child::Name, Child::Interface, Child::Address, Child::Tag, Child::Need, Child::Service]
            }
            Projection::Finding => &[Child::Engine, Child::Technique, Child::Action],
            Projection::Policy => &[Child::PolicyEngine],
            Projection::User => &[Child::Role],
            Projection::Account | Projection::ConsoleSite => &[Child::Licence],
            _ => &[],
        }
    }

    /// Whether rows say when they were first recorded. An activity does not: it is recorded once, with its artifact.
    pub const fn has_first_recorded_at(self) -> bool {
        !matches!(self, Projection::Machine | Projection::Asset | Projection::Activity) && !self.is_narrow()
    }

    /// Whether there are so many rows that they leave to the source record what it knows anyway: the native id, and when
    /// it was first recorded.
    pub const fn is_narrow(self) -> bool {
        matches!(self, Projection::Software | Projection::Vulnerability)
    }

    pub const fn key_columns(self) -> &'static [(&'static str, Kind)] {
        match self {
            Projection::Asset => &[ORG, ("asset_id", Kind::Int)],
            _ => &[ORG, RECORD],
        }
    }

    /// The columns that a noun fills, in its order.
    pub fn columns(self) -> &'static [Column] {
        &self.shape().columns
    }

    /// Key, columns that only the first write sets, then the noun's columns.
    pub fn insert_columns(self) -> &'static [(&'static str, Kind)] {
        &self.shape().insert
    }

    /// The columns that a change of meaning sets.
    pub fn update_columns(self) -> &'static [(&'static str, Kind)] {
        &self.shape().update
    }

    /// The columns that touching sets.
    pub fn touch_columns(self) -> &'static [(&'static str, Kind)] {
        &self.shape().touch
    }

    /// Whether touching sets a column. Machines are many and touched by every sweep, so theirs are few.
    pub fn is_touched(self, column: &Column) -> bool {
        !matches!(self, Projection::Machine | Projection::Asset) || column.volatile
    }

    /// The noun's columns of stored rows, by key.
    pub fn select(
        self,
        tx: &mut Tx,
        org: OrgId,
        keys: &[i64],
    ) -> Result<FxHashMap<i64, Vec<Value<'static>>>, StoreError> {
        let width = self.columns().len();
        let rows = tx.select_in(&self.shape().select, &[org.into()], Keys::Ints(keys), |row| {
            Ok((row.int(0)?, values(row, 1..width + 1)?))
        })?;
        Ok(rows.into_iter().collect())
    }

    fn shape(self) -> &'static Shape {
        static SHAPES: [OnceLock<Shape>; Projection::ALL.len()] = [const { OnceLock::new() }; Projection::ALL.len()];
        SHAPES[self as usize].get_or_init(|| Shape::of(self))
    }

    /// A noun that says nothing.
    fn empty(self) -> Noun {
        match self {
            Projection::Machine | Projection::Asset => Noun::Machine(MachineNoun::default()),
            Projection::Finding => Noun::Finding(FindingNoun::default()),
            Projection::Activity => Noun::Activity(ActivityNoun::default()),
            Projection::Policy => Noun::Policy(PolicyNoun::default()),
            Projection::Account => Noun::Account(AccountNoun::default()),
            Projection::ConsoleSite => Noun::ConsoleSite(ConsoleSiteNoun::default()),
            Projection::ConsoleGroup => Noun::ConsoleGroup(ConsoleGroupNoun::default()),
            Projection::Software => Noun::Software(SoftwareNoun::default()),
            Projection::Vulnerability => Noun::Vulnerability(VulnerabilityNoun::default()),
            Projection::User => Noun::User(UserNoun::default()),
            Projection::ActivityType => Noun::ActivityType(ActivityTypeNoun::default()),
            Projection::Event => Noun::Event(EventNoun::default()),
        }
    }
}

impl Shape {
    fn of(projection: Projection) -> Shape {
        let mut columns = columns(|out| projection.empty().write(out));
        if projection == Projection::Asset {
            columns.drain(..MACHINE_OWN);
            columns.extend_from_slice(ASSET_OWN);
        }
        let fed = || columns.iter().map(|column| (column.name, column.kind));
        let mut insert = projection.key_columns().to_vec();
        let mut update: Vec<_> = fed().collect();
        if projection == Projection::Asset {
            insert.extend([("site_id", Kind::Int), ("created_at", Kind::Int), ("updated_at", Kind::Int)]);
            update.push(("updated_at", Kind::Int));
        } else {
            insert.push(("integration_id", Kind::Int));
            if projection == Projection::Machine {
                insert.extend(MACHINE_STANDING);
            } else if !projection.is_narrow() {
                insert.push(("native_id", Kind::Text));
            }
        }
        if projection.has_first_recorded_at() {
            insert.push(("first_recorded_at", Kind::Int));
        }
        insert.extend(fed());
        let touched = columns.iter().filter(|column| projection.is_touched(column));
        let touch = touched.map(|column| (column.name, column.kind)).collect();
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let key = projection.key_columns()[1].0;
        let select = format!(
            "SELECT {key}, {} FROM {} WHERE org_id = $1 AND {key} IN KEYS",
            names.join(", "),
            projection.table()
        );
        Shape { columns, insert, update, touch, select }
    }
}

impl Child {
    /// Stored rows by record, each record's one after the other in the order of the table's key.
    pub fn select(
        self,
        tx: &mut Tx,
        org: OrgId,
        records: &[i64],
    ) -> Result<FxHashMap<i64, Vec<Value<'static>>>, StoreError> {
        let table = self.table();
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let sql = format!("SELECT {} FROM {} WHERE org_id = $1 AND record_id IN KEYS", names.join(", "), table.table);
        let rows = tx.select_in(&sql, &[org.into()], Keys::Ints(records), |row| values(row, 0..names.len()))?;
        let mut by_record: FxHashMap<i64, Vec<Vec<Value>>> = FxHashMap::default();
        for row in rows {
            if let Value::Int(record) = row[1] {
                by_record.entry(record).or_default().push(row);
            }
        }
        let flat = by_record.into_iter().map(|(record, mut rows)| {
            rows.sort_by(|one, other| order(&one[2..], &other[2..]));
            (record, rows.concat())
        });
        Ok(flat.collect())
    }
}

fn values(row: &Row, range: std::ops::Range<usize>) -> Result<Vec<Value<'static>>, StoreError> {
    range.map(|at| Ok(row.value(at)?.into_owned())).collect()
}

/// The order of keys: they begin the row, are never null, and are integers, texts or bytes.
fn order(one: &[Value], other: &[Value]) -> std::cmp::Ordering {
    let pairs = one.iter().zip(other).map(|pair| match pair {
        (Value::Int(one), Value::Int(other)) => one.cmp(other),
        (Value::Text(one), Value::Text(other)) => one.cmp(other),
        (Value::Bytes(one), Value::Bytes(other)) => one.cmp(other),
        _ => std::cmp::Ordering::Equal,
    });
    pairs.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
}

#[cfg(test)]
mod tests {
    use query::Column as Asked;

    use super::*;

    /// The columns of a table as a migration declares them, with the kind they have.
    fn declared(sql: &str, table: &str) -> Vec<(String, &'static str)> {
        // A table that was made anew is as it was declared last.
        let begin = sql.rfind(&format!("CREATE TABLE {table} (")).unwrap();
        let sql = &sql[begin..];
        let begin = 0;
        let body = &sql[begin..begin + sql[begin..].find("\n)").unwrap()];
        let added = format!("ALTER TABLE {table} ADD COLUMN ");
        let added = sql.lines().filter_map(|line| line.strip_prefix(&added)).map(|line| line.trim_end_matches(';'));
        let lines = body.lines().skip(1).map(str::trim).filter(|line| !line.starts_with(['P', 'U', '-'])).chain(added);
        let kind = |line: &str| match line.split_whitespace().nth(1).unwrap().trim_end_matches(',') {
            "INTEGER" | "BIGINT" => "int",
            "TEXT" => "text",
            "BLOB" | "BYTEA" => "bytes",
            "REAL" | "DOUBLE" => "real",
            other => panic!("{other}"),
        };
        lines.map(|line| (line.split_whitespace().next().unwrap().to_owned(), kind(line))).collect()
    }

    fn tables(sql: &'static str) -> Vec<&'static str> {
        // One dialect's virtual table may be the other's table.
        let name =
            |line: &'static str| line.strip_prefix("CREATE TABLE ").or(line.strip_prefix("CREATE VIRTUAL TABLE "));
        sql.lines().filter_map(|line| name(line)?.split_whitespace().next()).collect()
    }

    #[test]
    fn both_dialects_declare_the_same_tables_and_columns() {
        for migration in crate::SLICE.migrations.iter().chain(signals::SLICE.migrations) {
            let (sqlite, postgres) = (migration.sqlite, migration.postgres);
            assert_eq!(tables(sqlite), tables(postgres));
            let plain = |table: &&str| !sqlite.contains(&format!("CREATE VIRTUAL TABLE {table} "));
            for table in tables(sqlite).into_iter().filter(plain) {
                assert_eq!(declared(sqlite, table), declared(postgres, table), "{table}");
            }
        }
    }

    #[test]
    fn a_noun_fills_exactly_the_columns_of_its_table() {
        let sql = &crate::SLICE.migrations.iter().map(|migration| migration.sqlite).collect::<Vec<_>>().concat();
        let kind = |kind: Kind| match kind {
            Kind::Int => "int",
            Kind::Text => "text",
            Kind::Bytes => "bytes",
            Kind::Real => "real",
        };
        for projection in Projection::ALL {
            let sorted = |mut columns: Vec<(String, &'static str)>| {
                columns.sort();
                columns
            };
            let named = projection.insert_columns().iter().map(|(name, of)| ((*name).to_owned(), kind(*of))).collect();
            assert_eq!(sorted(named), sorted(declared(sql, projection.table())), "{}", projection.table());
        }
        for child in Child::ALL {
            let table = child.table();
            let named: Vec<_> = table.columns.iter().map(|(name, of)| ((*name).to_owned(), kind(*of))).collect();
            assert_eq!(named, declared(sql, table.table), "{}", table.table);
            assert_eq!(table.is.len() + 2, table.columns.len(), "{}", table.table);
        }
    }

    #[test]
    fn touching_an_asset_sets_what_the_documentation_says() {
        let touched: Vec<&str> = Projection::Asset.touch_columns().iter().map(|(name, _)| *name).collect();
        let machine = ["last_seen", "booted_at", "active", "agent_state_term", "agent_updated_at", "external_ip"];
        let documented = [&machine[..], &["lifecycle_term"]].concat();
        assert_eq!(touched, documented);
        let readme = include_str!("../README.md");
        assert!(documented.iter().all(|name| readme.contains(&format!("`{name}`"))));
    }

    /// Columns of a table that are filled with terms, each with its dictionary.
    fn dictionaries() -> Vec<(&'static str, &'static str, &'static str)> {
        let projected = Projection::ALL.into_iter().flat_map(|projection| {
            projection.columns().iter().map(move |column| (projection.table(), column.name, column.is))
        });
        let children = Child::ALL.into_iter().flat_map(|child| {
            let table = child.table();
            table.columns[2..].iter().zip(table.is).map(move |((name, _), is)| (table.table, *name, *is))
        });
        let terms = projected.chain(children).filter_map(|(table, name, is)| match is {
            Is::Term(dictionary) => Some((table, name, dictionary)),
            _ => None,
        });
        terms.collect()
    }

    /// A term that is looked for in another dictionary than the one it was added to is never found.
    #[test]
    fn questions_look_into_the_dictionaries_that_columns_are_filled_from() {
        let filled = dictionaries();
        let mut compared = 0;
        let mut compare = |tables: &str, column: &str, dictionary: &str, field: &str| {
            let Some((_, name)) = column.rsplit_once('.') else { return };
            let known: Vec<_> =
                filled.iter().filter(|(table, known, _)| *known == name && tables.contains(table)).collect();
            if known.is_empty() {
                return;
            }
            compared += 1;
            assert!(known.iter().any(|(_, _, known)| *known == dictionary), "{field}: {known:?}, not {dictionary}");
        };
        for inventory in &crate::catalogue().inventories {
            for field in &inventory.fields {
                match &field.column {
                    Asked::Term { column, dictionary } => {
                        compare(inventory.base.table, column, dictionary, field.name);
                    }
                    Asked::Many { from, value } => {
                        if let Asked::Term { column, dictionary } = value.as_ref() {
                            compare(from, column, dictionary, field.name);
                        }
                    }
                    _ => {}
                }
            }
        }
        assert!(compared > 50, "only {compared} were compared");
    }

    /// A field that moves without history must be known as one, or a question about the past would be answered wrong.
    #[test]
    fn questions_call_volatile_what_touching_moves() {
        let mut wrong = Vec::new();
        for inventory in &crate::catalogue().inventories {
            // An inventory may leave rows of its table out.
            let base = inventory.base.table;
            let is_base =
                |known: &Projection| base == known.table() || base.contains(&format!("FROM {} f ", known.table()));
            let Some(projection) = Projection::ALL.into_iter().find(is_base) else {
                continue;
            };
            for field in &inventory.fields {
                let asked = match &field.column {
                    Asked::Plain(column) | Asked::Folded { text: column, .. } | Asked::Term { column, .. } => column,
                    _ => continue,
                };
                let stored = projection.columns().iter().find(|column| *asked == format!("{{t}}.{}", column.name));
                if stored.is_some_and(|stored| stored.volatile != field.volatile) {
                    wrong.push(format!("{} of {}", field.name, inventory.name));
                }
            }
        }
        assert_eq!(wrong, [""; 0]);
    }
}
