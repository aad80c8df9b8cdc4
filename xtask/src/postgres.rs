//! PostgreSQL's server, which the tests need: found, or installed where that can be done.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Makes sure that PostgreSQL's server is here, by installing it if need be; the tests start their own.
pub fn ensure_installed() -> anyhow::Result<()> {
    if !is_installed() {
        install()?;
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

fn install() -> anyhow::Result<()> {
    let by_hand = "install PostgreSQL's server (Debian, Ubuntu: apt-get install postgresql) and run this again";
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("the tests need PostgreSQL's server, and this machine has no apt-get: {by_hand}");
    }
    let mut prefix: Vec<&str> = Vec::new();
    if !is_root()? {
        let may = Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null()).status();
        if !may.is_ok_and(|status| status.success()) {
            bail!("the tests need PostgreSQL's server, and only root may install it: {by_hand}");
        }
        prefix = vec!["sudo", "-n"];
    }
    println!("PostgreSQL's server is not installed: installing it with apt-get");
    for arguments in [vec!["update", "-q"], vec!["install", "-q", "-y", "--no-install-recommends", "postgresql"]] {
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
