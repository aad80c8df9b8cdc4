//! What every crate and every file has in common.

use std::sync::LazyLock;

use regex::Regex;

use super::{Offence, Tree, rust};

/// What clippy refuses everywhere, so that time, sleep, chance and tasks come in as arguments.
const DISALLOWED: &[&str] = &[
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "std::thread::sleep",
    "tokio::time::sleep",
    "tokio::time::interval",
    "tokio::spawn",
    "tokio::task::spawn",
    "fastrand::Rng::new",
    "getrandom::fill",
    "std::process::exit",
];

/// Where the real clock, sleep, chance and tasks are reached, once each, behind what the others take as an argument.
const WORLD: &[&str] = &[
    "crates/kernel/src/clock.rs",
    "crates/kernel/src/random.rs",
    "crates/jobs/src/",
    "crates/store/src/",
    "crates/sentinelone/src/transport",
    "crates/sentinelone-sim/src/serve.rs",
    "crates/cli/src/",
    "testkit/src/",
    "simulation/src/",
    "crash/src/",
    "xtask/src/",
];

/// Rule: clippy's list of disallowed methods is whole, every crate is under it, and it is lifted only where it must be.
pub fn arguments_not_globals(tree: &Tree) -> Vec<Offence> {
    static LIFTED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"#!?\[allow\(|#\[ignore|#!?\[(?:expect|allow)\([^\]]*\bclippy::disallowed_methods")
            .expect("a literal")
    });
    let mut broken = Vec::new();
    let listed = tree.get("clippy.toml").unwrap_or_default();
    for name in DISALLOWED.iter().filter(|name| !listed.contains(&format!("\"{name}\""))) {
        broken.push(Offence::new("clippy.toml", 1, format!("{name} is no longer disallowed")));
    }
    for (name, folder) in tree.crates() {
        let path = format!("{folder}/Cargo.toml");
        let manifest = tree.get(&path).and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default();
        let under = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        if under != Some(true) {
            broken.push(Offence::new(&path, 1, format!("{name} does not take the workspace's lints")));
        }
        for (path, source) in tree.sources(name) {
            for found in LIFTED.find_iter(&source.code) {
                let of_the_world = WORLD.iter().any(|world| path.starts_with(world));
                if !(found.as_str().contains("disallowed_methods") && found.as_str().contains("expect") && of_the_world)
                {
                    let line = rust::line_of(&source.code, found.start());
                    broken.push(Offence::new(path, line, format!("{} is not for this place", found.as_str())));
                }
            }
        }
    }
    broken
}

/// Rule: a crate's README is its rustdoc, and says what the crate never does.
pub fn every_crate_has_a_readme(tree: &Tree) -> Vec<Offence> {
    let mut broken = Vec::new();
    for (_, folder) in tree.crates() {
        let readme = format!("{folder}/README.md");
        match tree.get(&readme) {
            None => broken.push(Offence::new(&readme, 1, "there is none")),
            Some(text) if !text.contains("**Invariant:**") => {
                broken.push(Offence::new(&readme, 1, "it states no invariant"));
            }
            Some(_) => {}
        }
        let roots = [format!("{folder}/src/lib.rs"), format!("{folder}/src/main.rs")];
        let Some(root) = roots.iter().find(|root| tree.get(root).is_some()) else { continue };
        if !tree.get(root).unwrap_or_default().starts_with("#![doc = include_str!(\"../README.md\")]") {
            broken.push(Offence::new(root, 1, "its documentation is not its README"));
        }
    }
    broken
}

/// Rule: no word of somebody's machine, and no path that a clone does not have.
pub fn no_foreign_words(tree: &Tree) -> Vec<Offence> {
    // Spelled in two parts, so that this file keeps its own rule.
    static FOREIGN: LazyLock<Regex> = LazyLock::new(|| {
        let words = [
            ["\\.\\./", "shared"],
            ["/wor", "k/(?:main|shared)"],
            ["/root", "/"],
            ["sub", "agent"],
            ["/tmp/", "contract"],
        ];
        Regex::new(&words.map(|parts| parts.concat()).join("|")).expect("a literal")
    });
    let mut broken = Vec::new();
    for (path, text) in tree.iter() {
        for found in FOREIGN.find_iter(text) {
            let line = rust::line_of(text, found.start());
            broken.push(Offence::new(path, line, format!("{} is not part of the project", found.as_str())));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clippy() -> String {
        DISALLOWED.iter().map(|name| format!("{{ path = \"{name}\" }},\n")).collect()
    }

    const LINTS: &str = "[lints]\nworkspace = true\n";

    #[test]
    fn a_name_missing_from_clippys_list_is_found() {
        assert_eq!(arguments_not_globals(&Tree::from([("clippy.toml", clippy().as_str())])), []);
        let short = clippy().replace("tokio::spawn", "");
        assert_eq!(arguments_not_globals(&Tree::from([("clippy.toml", short.as_str())])).len(), 1);
    }

    #[test]
    fn a_lifted_lint_and_a_crate_without_lints_are_found() {
        let clippy = clippy();
        let expect = "#[expect(clippy::disallowed_methods, reason = \"here\")]\nfn f() {}";
        let tree = Tree::from([
            ("clippy.toml", clippy.as_str()),
            ("crates/kernel/Cargo.toml", LINTS),
            ("crates/kernel/src/clock.rs", expect),
            ("crates/kernel/src/id.rs", expect),
            ("crates/query/Cargo.toml", ""),
            ("crates/query/src/lib.rs", "// #[allow(unused)]\n#[allow(unused)]\nfn f() {}"),
        ]);
        let places: Vec<(String, usize)> =
            arguments_not_globals(&tree).into_iter().map(|offence| (offence.path, offence.line)).collect();
        let expected = [("crates/kernel/src/id.rs", 1), ("crates/query/Cargo.toml", 1), ("crates/query/src/lib.rs", 2)];
        assert_eq!(places, expected.map(|(path, line)| (path.to_owned(), line)));
    }

    #[test]
    fn a_crate_that_does_not_say_what_it_is_is_found() {
        let root = "#![doc = include_str!(\"../README.md\")]\n";
        let good = [
            ("crates/kernel/Cargo.toml", LINTS),
            ("crates/kernel/README.md", "# kernel\n**Invariant:** no I/O."),
            ("crates/kernel/src/lib.rs", root),
        ];
        assert_eq!(every_crate_has_a_readme(&Tree::from(good)), []);
        for (file, text) in [("crates/kernel/README.md", "# kernel"), ("crates/kernel/src/lib.rs", "//! Words.")] {
            let broken = every_crate_has_a_readme(&Tree::from(
                good.map(|(path, good)| if path == file { (path, text) } else { (path, good) }),
            ));
            assert_eq!(broken.len(), 1, "{file}");
        }
        assert_eq!(every_crate_has_a_readme(&Tree::from([good[0]])).len(), 1);
    }

    #[test]
    fn a_path_outside_the_project_is_found() {
        let path = ["see ../", "shared/x"].concat();
        let broken = no_foreign_words(&Tree::from([("docs/a.md", "fine"), ("docs/b.md", path.as_str())]));
        assert_eq!(broken.len(), 1);
    }
}
