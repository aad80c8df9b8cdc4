//! The rules of the house, held by a test. A rule takes the whole tree and returns where it is broken; each has a test
//! that shows it a small house with exactly that break.

mod arrows;
mod code;
mod manners;
mod papers;
mod rust;
mod tables;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, bail};

/// Every text file of the project, by its path from the root.
#[derive(Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

/// One place where a rule is broken.
#[derive(Debug, PartialEq, Eq)]
pub struct Offence {
    path: String,
    line: usize,
    what: String,
}

type Rule = fn(&Tree) -> Vec<Offence>;

const RULES: &[(&str, Rule)] = &[
    ("dependencies point down", arrows::point_down),
    ("every arrow that is allowed is there", arrows::every_arrow_is_there),
    ("drivers, file formats and HTTP stay in the crate that owns them", arrows::stay_with_their_owner),
    ("kernel, query and the vendor's types do no I/O", code::no_io_in_the_middle),
    ("wire types stay at the edge", code::wire_types_at_the_edge),
    ("only the allow-list makes requests", code::only_the_allow_list_makes_requests),
    ("a transaction is opened by the slice that runs the story", code::transactions_have_an_owner),
    ("time, sleep, chance, spawn and the network are arguments", manners::arguments_not_globals),
    ("both dialects make the same tables", tables::dialects_agree),
    ("a table is named after its slice and begins its key with org_id", tables::keys_and_names),
    ("only its slice writes a table", tables::one_writer),
    ("every crate says what it is", manners::every_crate_has_a_readme),
    ("the project speaks of itself alone", manners::no_foreign_words),
    ("what the documentation names is there", papers::named_files_are_there),
    ("every crate is in the table of the house", papers::every_crate_is_in_the_house),
    ("every requirement of ASVS is answered", papers::asvs_is_answered),
];

/// Files that no rule reads.
const SKIPPED: &[&str] = &["target", ".git", "corpus", "artifacts"];

impl Tree {
    /// Reads the project at `root`.
    pub fn read(root: &Path) -> anyhow::Result<Tree> {
        let mut tree = Tree::default();
        tree.add(root, "")?;
        if !tree.files.contains_key("Cargo.toml") {
            bail!("{} is not the root of the project", root.display());
        }
        Ok(tree)
    }

    fn add(&mut self, folder: &Path, prefix: &str) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if SKIPPED.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                self.add(&entry.path(), &format!("{path}/"))?;
            } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
                self.files.insert(path, text);
            }
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The crates: the name of the folder, which is how we speak of it, and the folder's path.
    fn crates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.keys().filter_map(|path| {
            let folder = path.strip_suffix("/Cargo.toml").filter(|folder| *folder != "fuzz")?;
            Some((folder.rsplit('/').next().unwrap_or(folder), folder))
        })
    }

    /// The Rust of a crate that ends up in the product: no tests, no benches, no examples.
    fn sources<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, rust::Rust)> {
        let folder = if matches!(name, "testkit" | "browser" | "simulation" | "crash" | "xtask") {
            format!("{name}/")
        } else {
            format!("crates/{name}/")
        };
        self.iter().filter_map(move |(path, text)| {
            let inside = path.strip_prefix(&folder).filter(|inside| inside.ends_with(".rs"))?;
            let product = inside.starts_with("src/") || inside == "build.rs";
            let tests = inside.ends_with("/tests.rs") || inside.contains("/tests/");
            (product && !tests).then(|| (path, rust::read(text)))
        })
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Tree {
        Tree { files: files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect() }
    }
}

impl Offence {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Offence {
        Offence { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Every break of every rule, as lines to print; empty if the house is tidy.
pub fn inspect(tree: &Tree) -> Vec<String> {
    RULES
        .iter()
        .flat_map(|(rule, broken)| broken(tree).into_iter().map(move |offence| format!("{offence} [{rule}]")))
        .collect()
}

/// `cargo xtask tidy`.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let broken = inspect(&Tree::read(root)?);
    match broken.len() {
        0 => Ok(()),
        n => bail!("the house is not tidy, {n} {}:\n{}", if n == 1 { "place" } else { "places" }, broken.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let broken = inspect(&Tree::read(crate::root()).unwrap());
        assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    }
}
