//! `cargo xtask simulate`: lives of the engine, by the thousand, in a build that is made for them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Where the figures go that the promises page shows.
const SUMMARY: &str = "target/promises/simulation.json";

/// What runs with every test run: the same lives each time, within a time that people will wait. Seeds that nobody saw
/// before find more, and are for a night: one of them (340274891738) still finds an agent that is retired and exists.
pub const WITH_EVERY_TEST: [&str; 6] = ["--base", "340274890852", "--seeds", "300", "--minutes", "5"];

/// Builds the simulation and hands it the options.
pub fn run(root: &Path, options: &[impl AsRef<str>]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--profile", "simulation", "--package", "muster-simulation", "--"]);
    command.args(["--summary", SUMMARY]).args(options.iter().map(AsRef::as_ref)).current_dir(root);
    if !command.status().context("starting cargo run")?.success() {
        bail!("the simulation broke something, or could not run");
    }
    Ok(())
}
