//! Programs of others that the kitchen needs, installed with apt-get where that can be done, and saying so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// The path of the first of these programs that is here, installing a Debian package if none is.
///
/// # Errors
/// None is here and the package cannot be installed; the text says what to do by hand.
pub fn program(names: &[&str], what: &str, package: &str) -> anyhow::Result<PathBuf> {
    let find = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.exists())
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    with_apt(what, package)?;
    find().with_context(|| format!("{what} was installed, but is not in PATH"))
}

/// Chromium, installed if it is not.
///
/// # Errors
/// It is not here and cannot be installed.
pub fn chromium() -> anyhow::Result<PathBuf> {
    program(&browser::NAMES, "Chromium", "chromium")
}

/// Installs a Debian package. `what` is its name for people: *PostgreSQL's server*.
///
/// # Errors
/// There is no apt-get, this is not root and cannot become it, or apt-get failed; the text says what to do by hand.
pub fn with_apt(what: &str, package: &str) -> anyhow::Result<()> {
    let by_hand = format!("install {what} (Debian, Ubuntu: apt-get install {package}) and run this again");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("this needs {what}, and this machine has no apt-get: {by_hand}");
    }
    let mut prefix: Vec<&str> = Vec::new();
    if !is_root()? {
        let may = Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null()).status();
        if !may.is_ok_and(|status| status.success()) {
            bail!("this needs {what}, and only root may install it: {by_hand}");
        }
        prefix = vec!["sudo", "-n"];
    }
    println!("{what} is not installed: installing it with apt-get");
    for arguments in [vec!["update", "-q"], vec!["install", "-q", "-y", "--no-install-recommends", package]] {
        let words: Vec<&str> =
            prefix.iter().copied().chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).collect();
        let status = Command::new(words[0]).args(&words[1..]).args(&arguments).status().context("starting apt-get")?;
        if !status.success() {
            bail!("apt-get {} failed: {by_hand}", arguments.join(" "));
        }
    }
    Ok(())
}

fn is_root() -> anyhow::Result<bool> {
    let id = Command::new("id").arg("-u").output().context("asking id who runs this")?;
    Ok(id.stdout.trim_ascii() == b"0")
}
