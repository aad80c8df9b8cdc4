//! One PostgreSQL server for one run: found or installed, started in a temporary folder, stopped and removed afterwards.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

/// How often a starting server is asked whether it is ready, and for how long: 30 s is ample on a busy machine.
const READY_EVERY: Duration = Duration::from_millis(100);
const READY_TRIES_MAX: u32 = 300;

/// Connections that tests may hold at once: every test has a pool of its own.
const CONNECTIONS_MAX: u32 = 300;

/// A running server; dropping it stops it.
pub struct Server {
    child: Child,
    folder: PathBuf,
    /// How to reach it, as `postgres://..`.
    pub url: String,
}

impl Server {
    /// Starts a server that nobody else uses. It forgets everything in a crash: it is only for tests and measurements.
    pub fn start() -> anyhow::Result<Server> {
        let programs = programs()?;
        let folder = temporary_folder()?;
        let data = folder.join("data");
        let owner = owner(&folder)?;

        let mut initdb = as_owner(owner, &programs.join("initdb"));
        initdb
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"])
            .arg(&data);
        let made = initdb.current_dir(&folder).output().context("starting initdb")?;
        if !made.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr).trim());
        }

        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(folder.join("log"))?;
        let mut postgres = as_owner(owner, &programs.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-p", &port.to_string()]);
        let connections = format!("max_connections={CONNECTIONS_MAX}");
        for setting in
            ["listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off", "shared_buffers=256MB", &connections]
        {
            postgres.args(["-c", setting]);
        }
        let child = postgres.current_dir(&folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let server = Server { child, folder, url: format!("postgres://postgres@127.0.0.1:{port}/postgres") };
        server.wait_until_ready(&programs, port)?;
        Ok(server)
    }

    #[expect(clippy::disallowed_methods, reason = "a server that starts has to be waited for")]
    fn wait_until_ready(&self, programs: &Path, port: u16) -> anyhow::Result<()> {
        for _ in 0..READY_TRIES_MAX {
            let mut ask = Command::new(programs.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).current_dir(&self.folder);
            if ask.status().context("asking whether PostgreSQL is ready")?.success() {
                return Ok(());
            }
            std::thread::sleep(READY_EVERY);
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        bail!("PostgreSQL did not become ready; its log ends with: {}", log.lines().last().unwrap_or("nothing"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT is a fast shutdown: open connections are cut, and the processes are gone before the folder is.
        let stopped = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        if stopped.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The folder with `initdb` and `postgres`, after installing them if need be.
fn programs() -> anyhow::Result<PathBuf> {
    if let Some(found) = find_programs() {
        return Ok(found);
    }
    install()?;
    find_programs().context("PostgreSQL was installed, but its initdb was not found in /usr/lib/postgresql")
}

fn find_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders.into_iter().find_map(|folder| {
        // A link in /usr/local/bin may stand alone; its neighbours are where it points to.
        let initdb = folder.join("initdb").canonicalize().ok()?;
        let home = initdb.parent()?.to_owned();
        ["postgres", "pg_isready"].iter().all(|name| home.join(name).exists()).then_some(home)
    })
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

fn temporary_folder() -> anyhow::Result<PathBuf> {
    let made =
        Command::new("mktemp").args(["-d", "-t", "muster-postgres-XXXXXXXX"]).output().context("starting mktemp")?;
    if !made.status.success() {
        bail!("mktemp made no folder");
    }
    Ok(PathBuf::from(String::from_utf8(made.stdout)?.trim_end()))
}

/// Whom the server runs as: initdb refuses root, so root hands the folder to the user `postgres`.
fn owner(folder: &Path) -> anyhow::Result<Option<&'static str>> {
    if !is_root()? {
        return Ok(None);
    }
    let user = ["postgres", "nobody"].into_iter().find(|user| {
        Command::new("id").arg(user).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|id| id.success())
    });
    let user = user.context("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")?;
    let given = Command::new("chown").arg(user).arg(folder).status().context("starting chown")?;
    if !given.success() {
        bail!("{} could not be given to {user}", folder.display());
    }
    Ok(Some(user))
}

fn as_owner(owner: Option<&str>, program: &Path) -> Command {
    let Some(user) = owner else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    // The server must not outlive a run that was killed.
    command.args(["--pdeathsig=INT", "--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
    command
}
