//! Tables: their names, their keys, their two dialects, and who writes them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{Offence, Tree, rust};

/// Tables whose key does not begin with `org_id`, and why not.
const WITHOUT_ORG: &[(&str, &str)] = &[
    ("store_migration", "belongs to the database, which all organizations share"),
    ("access_org", "is the list of organizations"),
    ("access_person", "people belong to the installation and are members of organizations"),
    ("access_identity", "belongs to a person"),
    ("access_second_factor", "belongs to a person"),
    ("access_recovery_code", "belongs to a person"),
    ("access_session", "belongs to a person, who changes between organizations in it"),
    ("access_ticket", "belongs to a person, or to the installation before there is one"),
    ("access_throttle", "counts failures of whoever has not signed in"),
    ("access_provider", "belongs to the installation"),
    ("access_provider_attempt", "belongs to whoever has not signed in"),
];

/// Columns that are written in other kinds of statements than `INSERT INTO t`, `UPDATE t`, `DELETE FROM t`: calls of the
/// store that take the table's name as a string.
const WRITING_CALLS: &str = "insert_many|update_many|delete_many|copy_in";

/// Tables that are a virtual one for full text on SQLite, and a plain one on PostgreSQL.
const FULL_TEXT: &[&str] = &["signals_text"];

#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    line: usize,
    columns: Vec<String>,
    key: Vec<String>,
}

/// A migration: the slice's folder, the migration's folder, the dialect.
fn migrations(tree: &Tree) -> impl Iterator<Item = (&str, &str, &str, &str)> {
    tree.iter().filter_map(|(path, sql)| {
        let (slice, rest) = path.strip_prefix("crates/")?.split_once("/migrations/")?;
        let (folder, file) = rest.split_once('/')?;
        Some((slice, folder, file, sql))
    })
}

fn path_of(slice: &str, folder: &str, file: &str) -> String {
    format!("crates/{slice}/migrations/{folder}/{file}")
}

/// The tables that a migration makes, with columns that it adds to older ones under the older one's name.
fn tables(sql: &str) -> BTreeMap<String, Table> {
    static CREATE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)\s*\(").expect("a literal"));
    static ADD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)ALTER\s+TABLE\s+(\w+)\s+ADD\s+(?:COLUMN\s+)?(\w+)").expect("a literal"));
    let sql = &without_comments(sql);
    let mut found: BTreeMap<String, Table> = BTreeMap::new();
    for made in CREATE.captures_iter(sql) {
        let all = made.get(0).expect("group 0 always matches");
        let table = found.entry(made[1].to_lowercase()).or_default();
        table.line = rust::line_of(sql, all.start());
        for item in items(&sql[all.end()..]) {
            let words: Vec<&str> = item.split_whitespace().collect();
            let first = words.first().copied().unwrap_or_default().to_uppercase();
            let upper = item.to_uppercase();
            match first.trim_end_matches('(') {
                "PRIMARY" => table.key = names(&item),
                "CONSTRAINT" if upper.contains("PRIMARY KEY") => table.key = names(&item),
                "UNIQUE" | "FOREIGN" | "CHECK" | "CONSTRAINT" | "EXCLUDE" | "" => {}
                name => {
                    table.columns.push(name.to_lowercase());
                    if upper.contains("PRIMARY KEY") {
                        table.key = vec![name.to_lowercase()];
                    }
                }
            }
        }
    }
    for added in ADD.captures_iter(sql) {
        found.entry(added[1].to_lowercase()).or_default().columns.push(added[2].to_lowercase());
    }
    found
}

fn without_comments(sql: &str) -> String {
    sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The comma-separated items up to the bracket that closes them.
fn items(sql: &str) -> Vec<String> {
    let (mut depth, mut found) = (0, vec![String::new()]);
    for letter in sql.chars() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        found.last_mut().expect("it begins with one").push(letter);
    }
    found.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// The names in an item's first brackets.
fn names(item: &str) -> Vec<String> {
    let inside = item.split_once('(').map_or("", |(_, rest)| rest.split(')').next().unwrap_or_default());
    inside.split(',').map(|name| name.trim().to_lowercase()).collect()
}

/// Rule: `sqlite.sql` and `postgres.sql` stand side by side and make the same tables with the same columns and keys.
pub fn dialects_agree(tree: &Tree) -> Vec<Offence> {
    let mut broken = Vec::new();
    for (slice, folder, file, sql) in migrations(tree) {
        let other = match file {
            "sqlite.sql" => "postgres.sql",
            "postgres.sql" => "sqlite.sql",
            _ => continue,
        };
        let path = path_of(slice, folder, file);
        let Some(other_sql) = tree.get(&path_of(slice, folder, other)) else {
            broken.push(Offence::new(&path, 1, format!("there is no {other} beside it")));
            continue;
        };
        let others = tables(other_sql);
        for (name, table) in tables(sql) {
            let what = match others.get(&name) {
                None if FULL_TEXT.contains(&name.as_str()) => continue,
                None => format!("{other} does not make {name}"),
                Some(twin) if twin.columns != table.columns && file == "sqlite.sql" => {
                    format!("{name} has other columns than in {other}: {:?}, {:?}", table.columns, twin.columns)
                }
                Some(twin) if twin.key != table.key && file == "sqlite.sql" => {
                    format!("{name} has another key than in {other}: {:?}, {:?}", table.key, twin.key)
                }
                Some(_) => continue,
            };
            broken.push(Offence::new(&path, table.line, what));
        }
    }
    broken
}

/// Rule: a table's name starts with its slice's, and its primary key with `org_id`, so that it can be distributed.
pub fn keys_and_names(tree: &Tree) -> Vec<Offence> {
    let mut broken = Vec::new();
    for (slice, folder, file, sql) in migrations(tree) {
        for (name, table) in tables(sql) {
            let path = path_of(slice, folder, file);
            if !name.starts_with(&format!("{}_", slice.replace('-', "_"))) {
                broken.push(Offence::new(&path, table.line, format!("{name} is not named after {slice}")));
            }
            let made_here = table.line > 0;
            let excused = WITHOUT_ORG.iter().any(|(known, _)| *known == name);
            if made_here && !excused && table.key.first().is_none_or(|column| column != "org_id") {
                broken.push(Offence::new(&path, table.line, format!("the key of {name} does not begin with org_id")));
            }
        }
    }
    broken
}

/// Rule: a statement that changes a table stands in the crate that owns it.
pub fn one_writer(tree: &Tree) -> Vec<Offence> {
    static WRITE: LazyLock<Regex> = LazyLock::new(|| {
        let sql = r"(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|REPLACE\s+INTO|MERGE\s+INTO|UPDATE|DELETE\s+FROM|COPY|TRUNCATE(?:\s+TABLE)?)";
        let call = format!(r#"(?:{WRITING_CALLS})\s*\(\s*""#);
        Regex::new(&format!(r"(?:\b{sql}\s+|\b{call})([a-z][a-z0-9]*_[a-z0-9_]+)")).expect("a literal")
    });
    let owned: BTreeMap<String, &str> = migrations(tree)
        .flat_map(|(slice, _, _, sql)| tables(sql).into_keys().map(move |name| (name, slice)))
        .collect();
    let mut broken = Vec::new();
    for (name, _) in tree.crates() {
        for (path, source) in tree.sources(name) {
            for write in WRITE.captures_iter(&source.with_strings) {
                let Some(owner) = owned.get(&write[1]).filter(|owner| **owner != name) else { continue };
                let line = rust::line_of(&source.with_strings, write.get(0).expect("group 0 always matches").start());
                broken.push(Offence::new(path, line, format!("{name} writes {}, which belongs to {owner}", &write[1])));
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "-- a comment, with (brackets\nCREATE TABLE access_key (\n  org_id BIGINT NOT NULL, -- whose\n  \
                        version BIGINT NOT NULL CHECK (version IN (1, 2)),\n  PRIMARY KEY (org_id, version)\n) STRICT;";

    fn with(sqlite: &str, postgres: &str) -> Tree {
        Tree::from([
            ("crates/access/migrations/0001_root/sqlite.sql", sqlite),
            ("crates/access/migrations/0001_root/postgres.sql", postgres),
        ])
    }

    #[test]
    fn tables_are_read_with_columns_and_key() {
        let read = tables(&format!("{GOOD} ALTER TABLE access_org ADD COLUMN note TEXT;"));
        assert_eq!(read["access_key"].columns, ["org_id", "version"]);
        assert_eq!(read["access_key"].key, ["org_id", "version"]);
        assert_eq!(read["access_key"].line, 2);
        assert_eq!(read["access_org"].columns, ["note"]);
    }

    #[test]
    fn dialects_that_differ_are_found() {
        assert_eq!(dialects_agree(&with(GOOD, &GOOD.replace(" STRICT", ""))), []);
        let other = GOOD.replace("  version BIGINT NOT NULL", "  edition BIGINT NOT NULL");
        assert_eq!(dialects_agree(&with(GOOD, &other)).len(), 1);
        assert_eq!(dialects_agree(&with(GOOD, "")).len(), 1);
        assert_eq!(dialects_agree(&with("", GOOD)).len(), 1);
        assert_eq!(dialects_agree(&with(GOOD, &GOOD.replace("(org_id, version)", "(version, org_id)"))).len(), 1);
        let alone = Tree::from([("crates/access/migrations/0001_root/sqlite.sql", GOOD)]);
        assert_eq!(dialects_agree(&alone).len(), 1);
    }

    #[test]
    fn foreign_names_and_keys_without_the_organization_are_found() {
        assert_eq!(keys_and_names(&with(GOOD, GOOD)), []);
        assert_eq!(keys_and_names(&with(&GOOD.replace("access_key", "sync_key"), GOOD)).len(), 1);
        assert_eq!(keys_and_names(&with(&GOOD.replace("(org_id, version)", "(version, org_id)"), GOOD)).len(), 1);
        assert_eq!(keys_and_names(&with("CREATE TABLE access_key (id BIGINT PRIMARY KEY)", GOOD)).len(), 1);
        assert_eq!(keys_and_names(&with("CREATE TABLE access_org (org_id BIGINT PRIMARY KEY)", GOOD)), []);
    }

    #[test]
    fn a_slice_that_writes_anothers_table_is_found_and_one_that_reads_it_is_not() {
        let house = |source: &str| {
            Tree::from([
                ("crates/access/migrations/0001_root/sqlite.sql", GOOD),
                ("crates/sync/Cargo.toml", ""),
                ("crates/sync/src/lib.rs", source),
            ])
        };
        assert_eq!(one_writer(&house("const Q: &str = \"SELECT 1 FROM access_key\"; // DELETE FROM access_key")), []);
        for write in [
            "\"DELETE FROM access_key\"",
            "\"INSERT OR IGNORE INTO access_key VALUES (1)\"",
            "\"UPDATE access_key SET version = 1\"",
            "\"INSERT INTO\n access_key\"",
            "tx.insert_many(\n \"access_key\", &[])",
        ] {
            let broken = one_writer(&house(&format!("const Q: X = {write};")));
            assert_eq!(
                broken,
                [Offence::new("crates/sync/src/lib.rs", 1, "sync writes access_key, which belongs to access")]
            );
        }
    }
}
