//! `cargo xtask docs`: writes the pages that the program declares.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Writes docs/fields.md, docs/language.md, docs/configuration.md and docs/troubleshooting.md; with `check`, only says whether they are current.
pub fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let pages = [
        ("docs/fields.md", inventory::docs::fields()),
        ("docs/language.md", inventory::docs::language()),
        ("docs/configuration.md", of_the_program(root, &["help", "configuration"])?),
        ("docs/troubleshooting.md", of_the_program(root, &["help", "trouble", "markdown"])?),
    ];
    for (file, page) in pages {
        let path = root.join(file);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == page) {
            continue;
        }
        if check {
            bail!("{file} is not what the program declares: cargo xtask docs writes it anew");
        }
        std::fs::write(&path, page).with_context(|| format!("writing {file}"))?;
        println!("wrote {file}");
    }
    Ok(())
}

/// What the program prints; its command line is nobody's library.
fn of_the_program(root: &Path, words: &[&str]) -> anyhow::Result<String> {
    let mut program = Command::new("cargo");
    program.args(["run", "--quiet", "--package", "muster", "--"]).args(words).current_dir(root);
    let output = program.output().context("starting cargo run")?;
    if !output.status.success() {
        bail!("muster {} failed:\n{}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("what the program prints is text")
}
