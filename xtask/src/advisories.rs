//! `cargo xtask advisories`: the libraries of Cargo.lock against what is known of them. It needs the network or a copy of the
//! list, so it is no part of what must hold for a commit.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Runs cargo-audit over Cargo.lock: with the copy of RustSec's list in `database`, or with one that it fetches.
pub fn run(root: &Path, database: Option<&Path>) -> anyhow::Result<()> {
    let status = Command::new("cargo").args(arguments(root, database)).status().context("starting cargo")?;
    if !status.success() {
        bail!(
            "cargo-audit found something, or could not look. If it is not installed: cargo install --locked cargo-audit. \
             docs/security.md says within how many days what it found is mended"
        );
    }
    Ok(())
}

fn arguments(root: &Path, database: Option<&Path>) -> Vec<String> {
    let lock = root.join("Cargo.lock").display().to_string();
    let mut all: Vec<String> = ["audit", "--deny", "warnings", "--file", &lock].map(str::to_owned).to_vec();
    if let Some(database) = database {
        all.extend(["--db", &database.display().to_string(), "--no-fetch", "--stale"].map(str::to_owned));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_copy_of_the_list_nothing_is_fetched() {
        let root = Path::new("/house");
        assert!(!arguments(root, None).contains(&"--no-fetch".to_owned()));
        let with = arguments(root, Some(Path::new("/list"))).join(" ");
        assert_eq!(with, "audit --deny warnings --file /house/Cargo.lock --db /list --no-fetch --stale");
    }
}
