//! `cargo xtask test`: everything that must hold, in the order in which it fails fastest.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::postgres::Server;

/// Where tests look for a PostgreSQL to make their databases in.
const POSTGRES_URL: &str = "MUSTER_TEST_POSTGRES_URL";

/// Runs all steps, or only the tests whose name contains `filter`; stops at the first step that fails.
pub fn run(root: &Path, filter: Option<&str>) -> anyhow::Result<()> {
    if filter.is_none() {
        say("formatting");
        cargo(root, &["fmt", "--all", "--check"])?;
        say("rules of the house");
        crate::tidy::run(root)?;
        say("lints");
        cargo(root, &["clippy", "--workspace", "--all-targets", "--all-features", "--quiet", "--", "-D", "warnings"])?;
    }

    let server = Server::start()?;
    say(&format!("tests, with PostgreSQL at {}", server.url));
    let mut tests = if has_nextest() {
        vec!["nextest", "run", "--workspace", "--all-features"]
    } else {
        say("cargo-nextest is not installed; cargo test runs the same tests, only slower");
        vec!["test", "--workspace", "--all-features", "--lib", "--bins", "--tests"]
    };
    tests.extend(filter);
    cargo_with(root, &tests, &server)?;

    if filter.is_none() {
        say("examples in the documentation");
        cargo_with(root, &["test", "--workspace", "--all-features", "--doc", "--quiet"], &server)?;
    }
    drop(server);
    say("all of it holds");
    Ok(())
}

fn say(what: &str) {
    println!("== {what}");
}

fn has_nextest() -> bool {
    Command::new("cargo").args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}

fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    finish(Command::new("cargo").args(arguments).current_dir(root), arguments)
}

fn cargo_with(root: &Path, arguments: &[&str], server: &Server) -> anyhow::Result<()> {
    finish(Command::new("cargo").args(arguments).current_dir(root).env(POSTGRES_URL, &server.url), arguments)
}

fn finish(command: &mut Command, arguments: &[&str]) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("starting cargo {}", arguments[0]))?;
    if !status.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(())
}
