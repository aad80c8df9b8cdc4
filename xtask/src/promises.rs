//! `cargo xtask promises`: writes docs/promises.md from the table of promises and faults, the tests that exist, and the
//! figures of the last runs of simulation and crash harness.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail};
use regex::Regex;
use serde_json::Value;

use crate::promises::table::{FAULTS, Fault, PROMISES, Promise};

/// The page.
const PAGE: &str = "docs/promises.md";

/// Where harnesses leave their figures.
const FIGURES: &str = "target/promises";

/// What stands between these is measured, and is as old as it says.
const FIGURES_BEGIN: &str = "<!-- figures: as measured, not compared -->";
const FIGURES_END: &str = "<!-- /figures -->";

/// Folders whose Rust is looked through for tests.
const LOOKED_THROUGH: &[&str] = &["crates", "testkit", "simulation", "crash"];

/// Where every test is: its file, by its name.
struct Tests(BTreeMap<String, String>);

/// Writes the page; with `check`, only says whether it is current in all but its figures.
pub fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let tests = Tests::find(root)?;
    let path = root.join(PAGE);
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    let kept = figures_of(&present).unwrap_or_default().to_owned();
    let figures = if check { kept } else { measured(root, &kept)? };
    let page = page(&tests, &figures)?;
    if !check {
        return std::fs::write(&path, page).with_context(|| format!("writing {PAGE}"));
    }
    if page != present {
        let line = page.lines().zip(present.lines()).position(|(new, old)| new != old);
        let line = line.map_or_else(|| "its length".to_owned(), |line| format!("line {}", line + 1));
        bail!("{PAGE} is not what the tests say any more, first in {line}: run `cargo xtask promises`");
    }
    Ok(())
}

impl Tests {
    fn find(root: &Path) -> anyhow::Result<Tests> {
        let mut found = Tests(BTreeMap::new());
        for folder in LOOKED_THROUGH {
            found.look_in(root, &root.join(folder))?;
        }
        Ok(found)
    }

    fn look_in(&mut self, root: &Path, folder: &Path) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                self.look_in(root, &path)?;
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
                let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                self.0.extend(tests_in(&text).into_iter().map(|test| (test, name.clone())));
            }
        }
        Ok(())
    }

    /// The tests named after a fault: `fault_09_..`, or `fault_01_02_..` for several.
    fn of_fault(&self, number: u8) -> impl Iterator<Item = (&str, &str)> {
        let about = move |test: &str| faults_named(test).contains(&number);
        self.0.iter().filter(move |(test, _)| about(test)).map(|(test, file)| (test.as_str(), file.as_str()))
    }
}

/// The names of the tests in a file: functions with `#[test]`, and claims that are made on each database.
fn tests_in(text: &str) -> BTreeSet<String> {
    static MARKED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn (\w+)").expect("a literal"));
    static EACH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"on_each_database!\s*\{([^}]*)\}").expect("a literal"));
    static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^\s*(\w+),?\s*$").expect("a literal"));
    let marked = MARKED.captures_iter(text).map(|found| found[1].to_owned());
    let each = EACH.captures_iter(text).map(|found| found.get(1).map_or("", |list| list.as_str()));
    marked.chain(each.flat_map(|list| NAME.captures_iter(list).map(|found| found[1].to_owned()))).collect()
}

/// The rows that a test's name says it is about.
fn faults_named(test: &str) -> Vec<u8> {
    let Some(rest) = test.strip_prefix("fault_") else { return Vec::new() };
    rest.split('_').map_while(|word| (word.len() == 2).then(|| word.parse().ok()).flatten()).collect()
}

fn page(tests: &Tests, figures: &str) -> anyhow::Result<String> {
    let mut out = String::from(
        "# Promises\n\n\
         What Muster promises about what it reads, what it does not promise, and which tests would fail if it were not so.\n\
         `cargo xtask promises` writes this page; `cargo xtask test` fails if the tests it names are not there.\n\n\
         **In short.** Every version of a record that a complete sweep could see is in the log exactly once. Every artifact of the\n\
         log reaches a sink at least once, in the log's order, with a key that never changes; after a crash, or an answer that\n\
         never came, at most one batch comes again, and a receiver that honours the key ends with each exactly once. A version\n\
         that appears and disappears between two sweeps cannot be seen.\n\n",
    );
    for promise in PROMISES {
        tell_promise(&mut out, promise, tests)?;
    }
    out.push_str(
        "## What goes wrong on purpose\n\n\
         A row without a test says so. A test whose name holds several numbers is about several rows. What a person sees names the\n\
         state, the exit code (0 done, 3 incomplete, 4 authentication or permission, 5 unreachable, 6 local storage) and the words.\n\n\
         | # | Fault | Injected by | What holds | What is seen | Held by |\n|---|---|---|---|---|---|\n",
    );
    for fault in FAULTS {
        tell_fault(&mut out, fault, tests);
    }
    let covered = FAULTS.iter().filter(|fault| tests.of_fault(fault.number).next().is_some()).count();
    let _ = write!(
        out,
        "\n{covered} of {} rows have tests of their own.\n\n## The last runs\n\n\
         `cargo xtask simulate` lives whole lives of the engine in memory, each decided by a seed. `cargo xtask crash` kills the\n\
         built program on real files. A seed that failed would stand here.\n\n{FIGURES_BEGIN}\n{figures}{FIGURES_END}\n",
        FAULTS.len()
    );
    Ok(out)
}

fn tell_promise(out: &mut String, promise: &Promise, tests: &Tests) -> anyhow::Result<()> {
    let _ = write!(out, "## P{} {}\n\n{}\n", promise.number, promise.name, promise.promised);
    if !promise.not.is_empty() {
        let _ = write!(out, "\n*Not promised:* {}\n", promise.not);
    }
    out.push('\n');
    for test in promise.tests {
        let Some(file) = tests.0.get(*test) else {
            bail!("P{} is held by {test}, and there is no such test", promise.number);
        };
        let _ = writeln!(out, "- `{test}` in {file}");
    }
    if !promise.faults.is_empty() {
        let rows: Vec<String> = promise.faults.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "- the tests of faults {}", rows.join(", "));
    }
    if promise.tests.is_empty() && promise.faults.is_empty() {
        out.push_str("- not covered\n");
    }
    out.push('\n');
    Ok(())
}

fn tell_fault(out: &mut String, fault: &Fault, tests: &Tests) {
    let held: Vec<String> = tests.of_fault(fault.number).map(|(test, _)| format!("`{test}`")).collect();
    let held = if held.is_empty() { "not covered".to_owned() } else { held.join("<br>") };
    let Fault { number, what, injected, holds, seen } = fault;
    let _ = writeln!(out, "| {number} | {what} | {injected} | {holds} | {seen} | {held} |");
}

/// The figures that a page shows.
fn figures_of(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once(FIGURES_BEGIN)?;
    let (figures, _) = rest.split_once(FIGURES_END)?;
    Some(figures.trim_start_matches('\n'))
}

/// The figures of the last runs; a harness that did not run here keeps what the page had.
fn measured(root: &Path, kept: &str) -> anyhow::Result<String> {
    let mut out = String::new();
    for (name, tell) in [("simulation", tell_simulation as fn(&Value) -> String), ("crash", tell_crash)] {
        let path = root.join(FIGURES).join(format!("{name}.json"));
        let heading = format!("**{name}**");
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let figures: Value =
                    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
                let _ = write!(out, "{heading}, {}: {}\n\n", stamp(root, &path)?, tell(&figures));
            }
            Err(_) => {
                let old = kept.split("\n\n").find(|part| part.starts_with(&heading));
                let _ = write!(out, "{}\n\n", old.unwrap_or(&format!("{heading}: not measured yet")).trim_end());
            }
        }
    }
    Ok(out)
}

/// When a file was written, and which commit was the last one then.
fn stamp(root: &Path, path: &Path) -> anyhow::Result<String> {
    let written = path.metadata()?.modified()?.duration_since(UNIX_EPOCH)?.as_secs();
    let say = |program: &str, arguments: &[&str]| -> anyhow::Result<String> {
        let done = Command::new(program).args(arguments).current_dir(root).output()?;
        Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    };
    let date = say("date", &["--utc", "--date", &format!("@{written}"), "+%Y-%m-%d"])?;
    let commit = say("git", &["log", "-1", "--format=%h", &format!("--before=@{written}")])?;
    Ok(format!("measured {date} at commit {commit}"))
}

fn number(figures: &Value, name: &str) -> u64 {
    figures.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn tell_simulation(figures: &Value) -> String {
    let n = |name| number(figures, name);
    let broken = figures.get("violations").and_then(Value::as_array).map_or(0, Vec::len);
    let mut out = format!(
        "{} seeds from {}, {} virtual days in {} s: {} passes, {} crashes, {} requests, {} artifacts; invariants broken: {broken}",
        n("seeds"),
        n("base_seed"),
        n("virtual_days"),
        n("seconds"),
        n("passes"),
        n("crashes"),
        n("requests"),
        n("artifacts"),
    );
    for violation in figures.get("violations").and_then(Value::as_array).into_iter().flatten() {
        let _ = write!(out, "\n- seed {}, {}", violation["seed"], violation["invariant"].as_str().unwrap_or_default());
    }
    let rows: Option<BTreeMap<u64, u64>> = figures
        .get("faults_by_row")
        .and_then(Value::as_object)
        .map(|rows| rows.iter().filter_map(|(row, times)| Some((row.parse().ok()?, times.as_u64()?))).collect());
    let rows: Vec<String> = rows.into_iter().flatten().map(|(row, times)| format!("{row}: {times}")).collect();
    if !rows.is_empty() {
        let _ = write!(out, "\nFaults played, by row: {}.", rows.join(", "));
    }
    out
}

fn tell_crash(figures: &Value) -> String {
    let mut out = format!("from seed {}", number(figures, "seed"));
    for (database, of) in figures.get("databases").and_then(Value::as_object).into_iter().flatten() {
        let n = |name| number(of, name);
        let _ = write!(
            out,
            "\n- {database}: {} runs, {} kills; {} lost, {} invented, {} twice in the log, {} delivered again; {} artifacts and \
             {} records compared",
            n("runs"),
            n("kills"),
            n("lost"),
            n("invented"),
            n("twice"),
            n("duplicates"),
            n("artifacts"),
            n("records"),
        );
        let places = of.get("kills_by_place").and_then(Value::as_object).into_iter().flatten();
        let places: Vec<String> = places.map(|(place, kills)| format!("{kills} {place}")).collect();
        let _ = write!(out, ". Kills: {}", places.join("; "));
        for what in of.get("wrong").and_then(Value::as_array).into_iter().flatten() {
            let words = what.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = write!(out, "\n  - {words}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_however_they_are_written_and_helpers_are_not() {
        let text = "#[test]\n#[expect(x, reason = \"y\")]\nfn fault_09_a() {}\ntestkit::on_each_database! {\n    fault_04_b,\n    c\n}\nfn fault_05_helper() {}";
        assert_eq!(tests_in(text), ["c", "fault_04_b", "fault_09_a"].map(str::to_owned).into());
    }

    #[test]
    fn a_name_says_which_rows_it_is_about() {
        assert_eq!(faults_named("fault_01_02_killed_10_times"), [1, 2]);
        assert_eq!(faults_named("a_fault_01"), Vec::<u8>::new());
    }

    #[test]
    fn every_row_and_promise_is_there_once() {
        assert!(FAULTS.iter().map(|fault| fault.number).eq(1..=27));
        assert!(PROMISES.iter().map(|promise| promise.number).eq(1..=10));
    }

    #[test]
    fn a_row_without_a_test_is_admitted_and_one_with_a_test_names_it() {
        let tests = Tests([("fault_09_a".to_owned(), "x.rs".to_owned())].into());
        let mut out = String::new();
        tell_fault(&mut out, &FAULTS[8], &tests);
        tell_fault(&mut out, &FAULTS[9], &tests);
        assert!(
            out.contains("`fault_09_a`") && out.lines().nth(1).is_some_and(|line| line.ends_with("not covered |")),
            "{out}"
        );
    }
}
