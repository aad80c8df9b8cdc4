//! `cargo xtask precision`: the inventory against networks of which every machine is known.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Builds the simulation and lets it compare.
pub fn run(root: &Path, seeds: u64, endpoints: usize) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--profile", "simulation", "--package", "muster-simulation", "--"]);
    command.args(["--precision", &seeds.to_string(), "--endpoints", &endpoints.to_string()]).current_dir(root);
    if !command.status().context("starting cargo run")?.success() {
        bail!("the inventory is wrong about some machines, or the simulation could not run");
    }
    Ok(())
}
