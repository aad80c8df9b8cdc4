//! What the documentation says is there.

use std::sync::LazyLock;

use regex::Regex;

use super::{Offence, Tree};

/// How many requirements of levels 1 and 2 ASVS 5.0 has.
const REQUIREMENTS: usize = 253;
/// Where each of them is answered.
const ASVS: &str = "docs/asvs.md";
/// What may be said of one.
const VERDICTS: [&str; 4] = ["holds", "does not apply", "**partly**", "**not met**"];
/// Where our files are. What begins otherwise is a path of somebody else's.
const FOLDERS: [&str; 9] = ["browser", "crates", "crash", "deploy", "docs", "fuzz", "simulation", "testkit", "xtask"];

/// Rule: a file of ours that a page names is there, and so is the word that it names in it, as `path#word`.
pub fn named_files_are_there(tree: &Tree) -> Vec<Offence> {
    static QUOTED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*/?)(?:#([^`]+))?`").expect("a literal"));
    let mut broken = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| is_page(path)) {
        for (at, line) in text.lines().enumerate() {
            for found in QUOTED.captures_iter(line) {
                let (file, word) = (&found[1], found.get(2).map(|word| word.as_str()));
                let ours = file.split_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder));
                if !ours && (word.is_none() || tree.get(file).is_none()) {
                    continue;
                }
                let folder = format!("{}/", file.trim_end_matches('/'));
                let what = match (tree.get(file), word) {
                    (Some(text), Some(word)) if !text.contains(word) => format!("{file} does not say {word}"),
                    (None, None) if !tree.iter().any(|(known, _)| known.starts_with(&folder)) => {
                        format!("there is no {file}")
                    }
                    (None, Some(_)) => format!("there is no {file}"),
                    _ => continue,
                };
                broken.push(Offence::new(path, at + 1, what));
            }
        }
    }
    broken
}

/// Pages of the documentation, and those that stand beside it at the root.
fn is_page(path: &str) -> bool {
    path.ends_with(".md") && (!path.contains('/') || path.starts_with("docs/") || path.starts_with("deploy/"))
}

/// Where each crate has its sentence.
const HOUSE: &str = "ARCHITECTURE.md";

/// Rule: the table of the house has every crate.
pub fn every_crate_is_in_the_house(tree: &Tree) -> Vec<Offence> {
    let text = tree.get(HOUSE).unwrap_or_default();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let named: String = rows.filter_map(|line| line.split(" | ").next()).collect();
    let missing = tree.crates().filter(|(name, _)| !named.contains(&format!("`{name}`")));
    missing.map(|(name, _)| Offence::new(HOUSE, 1, format!("it does not say what {name} is"))).collect()
}

/// Rule: every requirement of ASVS is answered once, in order, with a verdict and where it holds; and the page counts them
/// rightly.
pub fn asvs_is_answered(tree: &Tree) -> Vec<Offence> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^V(\d+)\.(\d+)\.(\d+)$").expect("a literal"));
    let Some(text) = tree.get(ASVS) else { return vec![Offence::new(ASVS, 1, "it is missing")] };
    let (mut broken, mut last, mut count) = (Vec::new(), Vec::new(), 0);
    for (at, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with("| V")) {
        count += 1;
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let number = cells.first().and_then(|number| NUMBER.captures(number));
        let number: Vec<u32> = number.map_or_else(Vec::new, |found| {
            found.iter().skip(1).flatten().filter_map(|part| part.as_str().parse().ok()).collect()
        });
        let what = match cells[..] {
            _ if number.is_empty() => "the number is none",
            _ if number <= last => "the number comes twice, or out of order",
            [_, "1" | "2", what, verdict, place] if VERDICTS.contains(&verdict) => {
                if what.is_empty() || place.is_empty() { "it does not say what, or where" } else { "" }
            }
            _ => "it is not number, level, what, verdict, where",
        };
        last = number;
        if !what.is_empty() {
            broken.push(Offence::new(ASVS, at + 1, what));
        }
    }
    let of = |verdict: &str| {
        text.lines().filter(|line| line.starts_with("| V") && line.contains(&format!(" | {verdict} | "))).count()
    };
    let [holds, none, partly, missing] = VERDICTS.map(of);
    let unmet = match missing {
        0 => String::new(),
        1 => "1 is not met, ".to_owned(),
        more => format!("{more} are not met, "),
    };
    let summary = format!("{holds} hold, {partly} hold partly, {unmet}{none} do not apply.");
    if !text.contains(&summary) {
        broken.push(Offence::new(ASVS, 1, format!("it does not say: {summary}")));
    }
    if count != REQUIREMENTS {
        broken.push(Offence::new(ASVS, 1, format!("{count} requirements are answered, of {REQUIREMENTS}")));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_names_what_is_not_there_is_found() {
        let tree = Tree::from([
            ("crates/a/src/lib.rs", "fn it_holds() {}"),
            ("docs/a.md", "In `crates/a/src/lib.rs#it_holds`, `crates/a/`, `sqlite:PATH` and `/api/v1/me`."),
            ("docs/b.md", "In `crates/a/src/lib.rs#it_broke` and `crates/b/README.md`\nand `crates/b/c.rs#x`."),
        ]);
        let found: Vec<String> = named_files_are_there(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "docs/b.md:1: crates/a/src/lib.rs does not say it_broke",
                "docs/b.md:1: there is no crates/b/README.md",
                "docs/b.md:2: there is no crates/b/c.rs",
            ]
        );
    }

    #[test]
    fn a_crate_that_the_house_does_not_name_is_found() {
        let tree = Tree::from([
            ("ARCHITECTURE.md", "| Crate | Kind |\n| `a` | foundation | beside `c` |\n| `b`, `d` | beside it |\n"),
            ("crates/a/Cargo.toml", ""),
            ("crates/c/Cargo.toml", ""),
            ("d/Cargo.toml", ""),
        ]);
        let found: Vec<String> = every_crate_is_in_the_house(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["ARCHITECTURE.md:1: it does not say what c is"]);
    }

    #[test]
    fn a_requirement_that_is_left_out_or_answered_twice_is_found() {
        let row = |number: &str, verdict: &str| format!("| {number} | 1 | What | {verdict} | Where |\n");
        let text = row("V1.1.1", "holds") + &row("V1.1.1", "holds") + &row("V1.1.x", "holds") + &row("V2.1.1", "maybe");
        let broken = asvs_is_answered(&Tree::from([(ASVS, text.as_str())]));
        let found: Vec<String> = broken.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "docs/asvs.md:2: the number comes twice, or out of order",
                "docs/asvs.md:3: the number is none",
                "docs/asvs.md:4: it is not number, level, what, verdict, where",
                "docs/asvs.md:1: it does not say: 3 hold, 0 hold partly, 0 do not apply.",
                "docs/asvs.md:1: 4 requirements are answered, of 253",
            ]
        );
    }
}
