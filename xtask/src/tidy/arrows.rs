//! Who may depend on whom.

use super::{Offence, Tree};

/// Each crate and what it may name as a dependency, among ours. What is not listed points up or sideways.
const ARROWS: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("sentinelone", &[]),
    ("store", &["kernel"]),
    ("ui", &["kernel"]),
    ("query", &["kernel"]),
    ("reports", &["kernel"]),
    ("jobs", &["kernel"]),
    ("access", &["kernel", "store"]),
    ("signals", &["kernel", "store", "jobs", "query"]),
    ("inventory", &["kernel", "store", "query", "access", "signals"]),
    ("sentinelone-sim", &["sentinelone"]),
    // Works inside other networks: it knows the client of consoles, and no database.
    ("explorer", &["kernel", "jobs", "sentinelone"]),
    ("sync", &["kernel", "store", "jobs", "query", "access", "signals", "inventory", "sentinelone", "explorer"]),
    (
        "server",
        &[
            "kernel",
            "store",
            "jobs",
            "query",
            "ui",
            "access",
            "signals",
            "inventory",
            "sync",
            "reports",
            "sentinelone",
            "explorer",
        ],
    ),
    // The program serves, and its other commands reach the slices themselves.
    (
        "cli",
        &[
            "kernel",
            "store",
            "jobs",
            "query",
            "access",
            "signals",
            "inventory",
            "sync",
            "reports",
            "server",
            "explorer",
            "sentinelone",
            "sentinelone-sim",
        ],
    ),
    ("testkit", &["kernel", "store"]),
    // Drives a browser, and knows nothing of the product.
    ("browser", &[]),
    // Lives whole lives of the product against the simulated console, in memory.
    (
        "simulation",
        &[
            "kernel",
            "store",
            "jobs",
            "access",
            "signals",
            "inventory",
            "sync",
            "sentinelone",
            "sentinelone-sim",
            "testkit",
        ],
    ),
    // Kills the program from outside, and compares what it stored with what the console said.
    (
        "crash",
        &["kernel", "store", "access", "signals", "inventory", "sync", "sentinelone", "sentinelone-sim", "testkit"],
    ),
    // Measures the product from outside, behind a feature.
    (
        "xtask",
        &[
            "browser",
            "kernel",
            "store",
            "jobs",
            "access",
            "signals",
            "inventory",
            "sync",
            "sentinelone",
            "sentinelone-sim",
            "testkit",
        ],
    ),
];

/// What tests may use besides: worlds from the testkit, and the simulated console where something speaks to one.
const TEST_ARROWS: &[(&str, &[&str])] = &[
    ("testkit", &["store", "access", "signals", "inventory", "sync", "cli", "server"]),
    ("sentinelone-sim", &["sync", "server"]),
    ("crash", &["cli"]),
    ("browser", &["cli"]),
];

/// Dependencies that belong to one crate: the crate's name or how it begins, and who may name it.
const OWNED: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("libsqlite3-sys", &["store", "testkit"]),
    ("postgres", &["store"]),
    ("tokio-postgres", &["store"]),
    ("sqlx", &[]),
    ("diesel", &[]),
    ("sea-query", &["store"]),
    ("rust_xlsxwriter", &["reports"]),
    ("calamine", &["reports"]),
    ("krilla", &["reports"]),
    ("printpdf", &["reports"]),
    ("csv", &["reports"]),
    ("axum", &["server"]),
    ("tower-http", &["server"]),
    // access asks identity providers and stores of secrets, which the client of the console cannot; an Explorer its server;
    // the kitchen measures the service from outside.
    ("reqwest", &["sentinelone", "access", "explorer", "xtask"]),
    ("hpke", &["explorer"]),
    ("argon2", &["access"]),
    ("openidconnect", &["access"]),
    ("totp-rs", &["access"]),
    ("openssl", &[]),
    ("native-tls", &[]),
    ("aws-lc", &[]),
    ("chacha20poly1305", &["access"]),
];

const SECTIONS: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

struct Dependency {
    name: String,
    line: usize,
    for_tests: bool,
}

fn dependencies(manifest: &str) -> Vec<Dependency> {
    let Ok(table) = manifest.parse::<toml::Table>() else { return Vec::new() };
    let mut found = Vec::new();
    let targets = table.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let tables = std::iter::once(&table).chain(targets.filter_map(|(_, target)| target.as_table()));
    for table in tables {
        for section in SECTIONS {
            let named = table.get(section).and_then(toml::Value::as_table).into_iter().flatten();
            found.extend(named.map(|(key, value)| {
                let name = value.get("package").and_then(toml::Value::as_str).unwrap_or(key);
                let line = manifest.lines().position(|line| line.starts_with(key.as_str())).map_or(1, |line| line + 1);
                Dependency { name: name.to_owned(), line, for_tests: section == "dev-dependencies" }
            }));
        }
    }
    found
}

fn allowed(table: &[(&str, &[&str])], from: &str, to: &str) -> bool {
    table.iter().any(|(name, targets)| *name == from && targets.contains(&to))
}

/// Rule: a crate names only what stands below it.
pub fn point_down(tree: &Tree) -> Vec<Offence> {
    let ours: Vec<&str> = tree.crates().map(|(name, _)| name).collect();
    let mut broken = Vec::new();
    for (name, folder) in tree.crates() {
        let path = format!("{folder}/Cargo.toml");
        if !ARROWS.iter().any(|(known, _)| *known == name) {
            broken.push(Offence::new(&path, 1, format!("{name} has no line in the table of arrows")));
        }
        for dependency in dependencies(tree.get(&path).unwrap_or_default()) {
            let to = dependency.name.strip_prefix("muster-").unwrap_or(&dependency.name);
            let fine = !ours.contains(&to)
                || allowed(ARROWS, name, to)
                || dependency.for_tests && allowed(TEST_ARROWS, to, name);
            if !fine {
                broken.push(Offence::new(&path, dependency.line, format!("{name} must not depend on {to}")));
            }
        }
    }
    broken
}

/// Rule: every arrow of the tables above is one that some crate has, so that they say how the house is, not how it was.
pub fn every_arrow_is_there(tree: &Tree) -> Vec<Offence> {
    let ours = ARROWS.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (*from, *to, false)));
    let of_tests = TEST_ARROWS.iter().flat_map(|(to, crates)| crates.iter().map(move |from| (*from, *to, true)));
    unused(tree, ours.chain(of_tests))
}

/// The arrows that no manifest has: from, to, and whether tests alone may.
fn unused<'a>(tree: &Tree, arrows: impl Iterator<Item = (&'a str, &'a str, bool)>) -> Vec<Offence> {
    const TABLES: &str = "xtask/src/tidy/arrows.rs";
    let has = |from: &str, to: &str, for_tests: bool| {
        let folder = tree.crates().find(|(name, _)| *name == from).map(|(_, folder)| folder);
        let manifest = folder.and_then(|folder| tree.get(&format!("{folder}/Cargo.toml"))).unwrap_or_default();
        dependencies(manifest).iter().any(|dependency| {
            let name = dependency.name.strip_prefix("muster-").unwrap_or(&dependency.name);
            name == to && dependency.for_tests == for_tests
        })
    };
    arrows
        .filter(|(from, to, for_tests)| !has(from, to, *for_tests))
        .map(|(from, to, for_tests)| {
            let tests = if for_tests { "'s tests" } else { "" };
            Offence::new(TABLES, 1, format!("{from}{tests} may depend on {to}, and does not"))
        })
        .collect()
}

/// Rule: what only one crate should know is named in that crate's manifest alone.
pub fn stay_with_their_owner(tree: &Tree) -> Vec<Offence> {
    let mut broken = Vec::new();
    for (name, folder) in tree.crates() {
        let path = format!("{folder}/Cargo.toml");
        for dependency in dependencies(tree.get(&path).unwrap_or_default()) {
            let owned = OWNED.iter().filter(|(prefix, _)| {
                dependency.name == *prefix
                    || dependency.name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-'))
            });
            // The longest name decides: tokio-postgres is not postgres.
            let Some((_, owners)) = owned.max_by_key(|(prefix, _)| prefix.len()) else { continue };
            if !owners.contains(&name) {
                let what = match owners.first() {
                    Some(owner) => format!("{} belongs to {owner}", dependency.name),
                    None => format!("{} is not used in this house", dependency.name),
                };
                broken.push(Offence::new(&path, dependency.line, what));
            }
        }
    }
    // What nobody may use must not come along with something else either.
    let lock = tree.get("Cargo.lock").unwrap_or_default();
    let banned = OWNED.iter().filter(|(_, owners)| owners.is_empty()).map(|(name, _)| *name);
    for name in banned {
        // The crate itself and what binds it; openssl-probe, for one, only looks for certificates.
        let names = ["", "-sys", "-rs"].map(|end| format!("name = \"{name}{end}\""));
        let locked = |line: &str| names.iter().any(|name| name == line);
        if let Some(line) = lock.lines().position(locked) {
            broken.push(Offence::new("Cargo.lock", line + 1, format!("{name} came along with another dependency")));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_points_up_is_found_and_tests_may_use_the_testkit() {
        let tree = Tree::from([
            ("crates/kernel/Cargo.toml", "[dependencies]\nstore.workspace = true\n"),
            (
                "crates/store/Cargo.toml",
                "[dependencies]\nkernel.workspace = true\n[dev-dependencies]\ntestkit.workspace = true\n",
            ),
            ("testkit/Cargo.toml", "[dependencies]\nstore = { package = \"muster-store\", path = \"x\" }\n"),
        ]);
        assert_eq!(point_down(&tree), [Offence::new("crates/kernel/Cargo.toml", 2, "kernel must not depend on store")]);
    }

    #[test]
    fn a_sideways_arrow_hidden_behind_a_target_and_another_name_is_found() {
        let tree = Tree::from([
            ("crates/access/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nlog = { package = \"muster-signals\" }\n"),
            ("crates/signals/Cargo.toml", ""),
            ("crates/fresh/Cargo.toml", ""),
        ]);
        assert_eq!(
            point_down(&tree),
            [
                Offence::new("crates/access/Cargo.toml", 2, "access must not depend on signals"),
                Offence::new("crates/fresh/Cargo.toml", 1, "fresh has no line in the table of arrows"),
            ]
        );
    }

    #[test]
    fn an_arrow_that_nobody_has_is_found() {
        let tree = Tree::from([
            ("crates/kernel/Cargo.toml", ""),
            (
                "crates/store/Cargo.toml",
                "[dependencies]\nkernel.workspace = true\n[dev-dependencies]\ntestkit.workspace = true\n",
            ),
        ]);
        let arrows = [("store", "kernel", false), ("store", "testkit", true), ("store", "testkit", false)];
        let gone = [("store", "jobs", true), ("nobody", "kernel", false)];
        let found: Vec<String> =
            unused(&tree, arrows.into_iter().chain(gone)).into_iter().map(|offence| offence.what).collect();
        let told = [
            "store may depend on testkit, and does not",
            "store's tests may depend on jobs, and does not",
            "nobody may depend on kernel, and does not",
        ];
        assert_eq!(found, told);
    }

    #[test]
    fn a_driver_outside_the_store_is_found() {
        let tree = Tree::from([
            ("crates/store/Cargo.toml", "[dependencies]\nrusqlite.workspace = true\ntokio-postgres-rustls = \"1\"\n"),
            ("crates/sync/Cargo.toml", "[dependencies]\nrusqlite.workspace = true\n"),
            ("crates/sentinelone/Cargo.toml", "[dev-dependencies]\nopenssl = \"1\"\n"),
            ("Cargo.lock", "[[package]]\nname = \"aws-lc-sys\"\nversion = \"0.3.0\"\n"),
        ]);
        assert_eq!(
            stay_with_their_owner(&tree),
            [
                Offence::new("crates/sentinelone/Cargo.toml", 2, "openssl is not used in this house"),
                Offence::new("crates/sync/Cargo.toml", 2, "rusqlite belongs to store"),
                Offence::new("Cargo.lock", 2, "aws-lc came along with another dependency"),
            ]
        );
    }
}
