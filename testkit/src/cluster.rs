//! A PostgreSQL server of a test's own, which may be killed; its commits reach the disk.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::TestDir;
use crate::server::{as_owner, output, programs, unprivileged};

/// Seconds that the server may take to start, or to recover, on a busy machine.
const START_SECONDS: u32 = 60;

/// How often it is looked for the end of a killed server's processes, and how long between two looks.
const LOOKS_MAX: u32 = 500;
const LOOK: std::time::Duration = std::time::Duration::from_millis(10);

/// A server with a folder of its own, gone with it. Unlike [`crate::Server`] it syncs, and nobody else is on it.
pub struct Cluster {
    home: TestDir,
    programs: PathBuf,
}

impl Cluster {
    /// Makes a server and starts it: two to three seconds.
    ///
    /// # Panics
    /// PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start() -> Cluster {
        let cluster = Cluster { home: TestDir::new(), programs: programs() };
        let data = cluster.data();
        std::fs::create_dir(&data).expect("temporary files can be written");
        if let Some((user, group)) = unprivileged() {
            let anyone = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(cluster.home.path(), anyone).expect("the folder is ours");
            std::os::unix::fs::chown(&data, Some(user), Some(group)).expect("root may give a folder away");
        }
        let mut make = as_owner(&cluster.programs, "initdb");
        make.arg("--pgdata").arg(&data).args(["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"]);
        make.args(["--locale=C.UTF-8"]);
        output(&mut make);
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = on\nsynchronous_commit = on\n\
             full_page_writes = on\nmax_connections = 50\nshared_buffers = 32MB\nrestart_after_crash = off\n",
            data.display()
        );
        let mut file =
            std::fs::File::options().append(true).open(data.join("postgresql.conf")).expect("initdb wrote it");
        file.write_all(settings.as_bytes()).expect("temporary files can be written");
        drop(file);
        cluster.restart();
        cluster
    }

    /// The address of its database `postgres`, where unqualified names mean `schema`, as written after `--database`.
    #[must_use]
    pub fn url_of(&self, schema: &str) -> String {
        format!("postgres:///postgres?host={}&user=postgres&options=-csearch_path%3D{schema}", self.data().display())
    }

    /// Runs a statement.
    ///
    /// # Panics
    /// The statement fails.
    pub fn run(&self, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.arg("--host").arg(self.data()).args(["--username", "postgres", "--dbname", "postgres", "--command", sql]);
        output(&mut psql)
    }

    /// Ends all of its processes at once, as a kernel or a machine that dies does.
    ///
    /// # Panics
    /// They do not end.
    #[expect(clippy::disallowed_methods, reason = "the server is another process")]
    pub fn kill(&self) {
        let Some(server) = self.pid() else { return };
        let mut processes = children_of(server);
        processes.insert(0, server);
        for pid in &processes {
            let pid = i32::try_from(*pid).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                // One that is gone already is what was wanted.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        for _ in 0..LOOKS_MAX {
            if processes.iter().all(|pid| is_gone(*pid)) {
                // Where nobody buries the dead, the next server would take the number in here for a living one.
                for lock in ["postmaster.pid", ".s.PGSQL.5432.lock"] {
                    let _ = std::fs::remove_file(self.data().join(lock));
                }
                return;
            }
            std::thread::sleep(LOOK);
        }
        panic!("a killed server does not end");
    }

    /// Starts it again after [`Cluster::kill`]; it recovers first.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&self) {
        let (data, wait) = (self.data(), format!("--timeout={START_SECONDS}"));
        let mut control = as_owner(&self.programs, "pg_ctl");
        control
            .arg("--pgdata")
            .arg(&data)
            .args(["--wait", &wait, "--silent", "start"])
            .arg("--log")
            .arg(data.join("log"));
        output(&mut control);
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn pid(&self) -> Option<u32> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The processes that one process started.
fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| stat_of(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// Whether a process has ended; one that nobody has buried yet has.
fn is_gone(pid: u32) -> bool {
    stat_of(pid).is_none_or(|(state, _)| state == 'Z')
}

/// A process's state and its parent.
fn stat_of(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_server_keeps_what_was_committed() {
        let cluster = Cluster::start();
        cluster.run("CREATE TABLE t (a BIGINT)");
        cluster.run("INSERT INTO t SELECT generate_series(1, 1000)");
        cluster.kill();
        cluster.restart();
        assert_eq!(cluster.run("SELECT count(*) FROM t").trim(), "1000");
    }
}
