//! `cargo xtask docs`: writes the pages that the catalogue declares.

use std::path::Path;

use anyhow::{Context, bail};

/// Writes docs/fields.md and docs/language.md; with `check`, only says whether they are current.
pub fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let pages = [("docs/fields.md", inventory::docs::fields()), ("docs/language.md", inventory::docs::language())];
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
