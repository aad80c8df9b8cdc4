//! `cargo xtask schemathesis`: the interface under fire from requests that are made from its own description.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::install;

/// What is installed, to the version, so that a run says the same tomorrow.
const PACKAGES: [&str; 2] = ["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"];

/// Builds the program, and lets schemathesis at it for so many seconds, with a token of every role. What it found is in
/// target/schemathesis.
pub fn run(root: &Path, seconds: u32) -> anyhow::Result<()> {
    let home = root.join("target/schemathesis");
    let venv = home.join("venv");
    let python = venv.join("bin/python");
    let ready = venv.join(PACKAGES.join("_"));
    if !ready.exists() {
        let python3 = install::program(&["python3"], "Python", "python3-venv")?;
        println!("pip fetches {} into target/schemathesis, once", PACKAGES.join(" and "));
        if !ran(Command::new(&python3).args(["-m", "venv"]).arg(&venv))? {
            install::with_apt("Python's venv", "python3-venv")?;
            if !ran(Command::new(&python3).args(["-m", "venv"]).arg(&venv))? {
                bail!("a virtual environment cannot be made");
            }
        }
        if !ran(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))? {
            bail!("pip could not install {}", PACKAGES.join(" and "));
        }
        std::fs::write(&ready, "")?;
    }
    if !ran(Command::new("cargo").args(["build", "--quiet", "--package", "muster"]).current_dir(root))? {
        bail!("the program could not be built");
    }
    let mut script = Command::new(&python);
    script.arg(root.join("xtask/src/schemathesis.py")).arg(root.join("target/debug/muster")).arg(home.join("run"));
    if !ran(script.arg(seconds.to_string()))? {
        bail!("the interface does not do what its description says");
    }
    Ok(())
}

fn ran(command: &mut Command) -> anyhow::Result<bool> {
    Ok(command.status().with_context(|| format!("starting {}", command.get_program().display()))?.success())
}
