//! `cargo xtask crash`: builds the program with its crash points, and hands it to the harness.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Where the figures go.
const SUMMARY: &str = "target/promises/crash.json";

/// Runs the harness with `options`; builds the program unless they name one.
pub fn run(root: &Path, options: &[String]) -> anyhow::Result<()> {
    let mut harness = vec!["run", "--quiet", "--package", "muster-crash", "--", "--summary", SUMMARY];
    if !options.iter().any(|option| option.starts_with("--binary")) {
        cargo(root, &["build", "--package", "muster", "--features", "crashpoints"])?;
        harness.extend(["--binary", "target/debug/muster"]);
    }
    harness.extend(options.iter().map(String::as_str));
    cargo(root, &harness)
}

fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("cargo").args(arguments).current_dir(root).status().context("starting cargo")?;
    if !status.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(())
}
