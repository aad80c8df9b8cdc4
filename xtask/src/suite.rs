//! `cargo xtask test`: everything that must hold, in the order in which it fails fastest.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::{install, postgres};

/// Runs all steps, or only the tests whose name contains `filter`; stops at the first step that fails.
pub fn run(root: &Path, filter: Option<&str>) -> anyhow::Result<()> {
    if filter.is_none() {
        say("formatting");
        cargo(root, &["fmt", "--all", "--check"])?;
        say("rules of the house");
        crate::tidy::run(root)?;
        say("promises and the tests that hold them");
        crate::promises::run(root, true)?;
        say("lints");
        cargo(root, &["clippy", "--workspace", "--all-targets", "--all-features", "--quiet", "--", "-D", "warnings"])?;
    }

    postgres::ensure_installed()?;
    install::program(&["npm"], "npm, with Node.js", "npm")?;
    install::program(&["nmap"], "nmap, which scans", "nmap")?;
    install::program(&["snmpd", "/usr/sbin/snmpd"], "an SNMP agent to be asked", "snmpd")?;
    install::chromium()?;
    say("npm fetches the identity provider that tests sign in through, and axe-core, into target/tmp, once");
    say("tests, on SQLite and on a PostgreSQL that they start and stop");
    let mut tests = if has_nextest() {
        vec!["nextest", "run", "--workspace", "--all-features"]
    } else {
        say("cargo-nextest is not installed; cargo test runs the same tests, only slower");
        vec!["test", "--workspace", "--all-features", "--lib", "--bins", "--tests"]
    };
    tests.extend(filter);
    cargo(root, &tests)?;

    if filter.is_none() {
        say("simulated lives");
        crate::simulate::run(root, &crate::simulate::WITH_EVERY_TEST)?;
        say("examples in the documentation");
        cargo(root, &["test", "--workspace", "--all-features", "--doc", "--quiet"])?;
    }
    say("all of it holds");
    Ok(())
}

/// Runs the walks through the pages alone.
pub fn browser(root: &Path, filter: Option<&str>) -> anyhow::Result<()> {
    install::program(&["npm"], "npm, with Node.js", "npm")?;
    install::chromium()?;
    let only = format!("walks::{}", filter.unwrap_or_default());
    if has_nextest() {
        return cargo(root, &["nextest", "run", "--package", "muster", "--test", "it", &only]);
    }
    cargo(root, &["test", "--package", "muster", "--test", "it", &only])
}

fn say(what: &str) {
    println!("== {what}");
}

fn has_nextest() -> bool {
    Command::new("cargo").args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}

fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root);
    if std::env::var_os("CI").is_some() {
        // Built once and thrown away: what a second build could reuse is two thirds of the disk that the tests take.
        command.env("CARGO_INCREMENTAL", "0");
    }
    let status = command.status();
    if !status.with_context(|| format!("starting cargo {}", arguments[0]))?.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(())
}
