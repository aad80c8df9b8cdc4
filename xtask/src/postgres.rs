//! PostgreSQL's server, which the tests need: found, or installed where that can be done.

use anyhow::bail;

use crate::install;

/// Makes sure that PostgreSQL's server is here, by installing it if need be; the tests start their own.
pub fn ensure_installed() -> anyhow::Result<()> {
    if !is_installed() {
        install::with_apt("PostgreSQL's server", "postgresql")?;
    }
    if !is_installed() {
        bail!("PostgreSQL was installed, but its initdb was not found in /usr/lib/postgresql");
    }
    Ok(())
}

fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders = versions.map(|version| version.path().join("bin")).chain(std::env::split_paths(&path));
    folders.any(|folder| folder.join("initdb").exists() && folder.join("psql").exists())
}
