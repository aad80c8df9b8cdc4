//! `cargo xtask simulate`: lives of the engine, by the thousand, in a build that is made for them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Where the figures go that the promises page shows.
const SUMMARY: &str = "target/promises/simulation.json";

/// What runs with every test run: the same lives each time, so that a red run is a change's doing and not the dice's; as
/// many of them as fit into a time that people will wait. `cargo xtask simulate` without `--base` draws others.
pub const WITH_EVERY_TEST: [&str; 6] = ["--base", "669443806220", "--seeds", "10000", "--minutes", "5"];

/// SQLite counts its memory under one lock for all threads unless it is told not to, and every life compiles hundreds of
/// statements of small parts, which it keeps at hand if there is room.
const SQLITE_FLAGS: (&str, &str) =
    ("LIBSQLITE3_FLAGS", "-DSQLITE_DEFAULT_MEMSTATUS=0 -DSQLITE_DEFAULT_LOOKASIDE=1200,500");

/// Builds the simulation and hands it the options.
pub fn run(root: &Path, options: &[impl AsRef<str>]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--profile", "simulation", "--package", "muster-simulation", "--"]);
    command.args(["--summary", SUMMARY]).args(options.iter().map(AsRef::as_ref)).current_dir(root);
    command.env(SQLITE_FLAGS.0, SQLITE_FLAGS.1);
    if !command.status().context("starting cargo run")?.success() {
        bail!("the simulation broke something, or could not run");
    }
    Ok(())
}
