//! A real PostgreSQL server for tests.
//!
//! Test runners start a process per test, so a server per process would be started hundreds of times. All processes of
//! one user share one instead: each holds a shared lock on a file for as long as it lives, and a watcher stops the
//! server once nobody does.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The variable that names a server to use instead of starting one, as a URL up to the database's name:
/// `postgres:///?host=/run/postgresql&user=postgres`. The user must be allowed to create schemas in its database `postgres`.
pub const VARIABLE: &str = "MUSTER_TEST_POSTGRES";

/// Sessions the server admits: a test opens at most six, and a machine runs as many tests as it has cores.
const SESSIONS_MAX: u32 = 400;

/// Seconds between two looks of the watcher; a server outlives its last test by at most twice as much.
const WATCH_SECONDS: u32 = 5;

/// Seconds that the server may take to start on a busy machine.
const START_SECONDS: u32 = 60;

/// Stops the server and removes its data once no process holds the lock on `users` any more. `ready` goes first: who
/// comes later waits for the lock, does not find it, and starts anew.
const WATCHER: &str = r#"cd "$1" || exit; exec 9<users
while sleep "$2"; do
    if flock --nonblock --exclusive 9; then
        rm -f ready
        eval "$3 -D $1/data -m immediate stop"
        rm -rf data
        exit
    fi
done"#;

/// A PostgreSQL server that this process may use.
pub struct Server {
    /// A folder with its socket, or a machine's name.
    host: String,
    user: String,
    programs: PathBuf,
    /// Held for as long as the process lives.
    _users: Option<File>,
}

impl Server {
    /// The server that all tests of this user share: the one that [`VARIABLE`] names, or one of our own, started now if
    /// it does not run.
    ///
    /// # Panics
    /// PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn shared() -> &'static Server {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| match std::env::var(VARIABLE) {
            Ok(url) => Server::named(&url),
            Err(_) => Server::start(),
        })
    }

    /// The address of its `postgres` database, where unqualified names mean `schema`, as written after `--database`.
    #[must_use]
    pub fn url_of(&self, schema: &str) -> String {
        format!("postgres:///postgres?host={}&user={}&options=-csearch_path%3D{schema}", self.host, self.user)
    }

    /// Runs a statement, where unqualified names mean `schema` unless that is empty, and answers what it prints.
    ///
    /// # Panics
    /// The statement fails.
    pub fn run(&self, schema: &str, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--host", &self.host, "--username", &self.user, "--dbname", "postgres", "--command", sql]);
        if !schema.is_empty() {
            psql.env("PGOPTIONS", format!("-csearch_path={schema}"));
        }
        output(&mut psql)
    }

    fn named(url: &str) -> Server {
        let (_, options) = url.split_once('?').unwrap_or_else(|| panic!("{VARIABLE} must name host= and user="));
        let option = |name: &str| {
            let mut found = options.split('&').filter_map(|option| option.split_once('='));
            found.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        };
        let (host, user) = (option("host"), option("user"));
        let host = host.unwrap_or_else(|| panic!("{VARIABLE} must name host="));
        Server { host, user: user.unwrap_or_else(|| "postgres".to_owned()), programs: programs(), _users: None }
    }

    fn start() -> Server {
        let programs = programs();
        let owner = File::open("/proc/self").and_then(|file| file.metadata()).map_or(0, |found| found.uid());
        let home = std::env::temp_dir().join(format!("muster-test-postgres-{owner}"));
        // Another user must be able to pass through, but only its owner may put something into it.
        let made = std::fs::DirBuilder::new().mode(0o755).recursive(true).create(&home);
        made.expect("temporary files can be written");
        let found = home.metadata().expect("the folder was just made");
        assert_eq!(found.uid(), owner, "{} belongs to somebody else", home.display());

        let users = open(&home.join("users"));
        users.lock_shared().expect("files can be locked");
        let starting = open(&home.join("starting"));
        starting.lock().expect("files can be locked");
        let host = home.join("data").display().to_string();
        let server = Server { host, user: "postgres".to_owned(), programs, _users: Some(users) };
        if !(home.join("ready").exists() && server.answers()) {
            server.start_in(&home);
        }
        drop(starting);
        server
    }

    fn answers(&self) -> bool {
        let mut look = Command::new(self.programs.join("pg_isready"));
        look.args(["--quiet", "--host", &self.host]).stdin(Stdio::null());
        look.status().is_ok_and(|status| status.success())
    }

    fn start_in(&self, home: &Path) {
        // A server that was killed, or that a killed machine left.
        let data = home.join("data");
        if data.exists() {
            let _ = self.control(&data, &["-m", "immediate", "stop"]).status();
            std::fs::remove_dir_all(&data).expect("what is left of an old server can be removed");
        }
        std::fs::create_dir(&data).expect("temporary files can be written");
        if let Some(postgres) = unprivileged() {
            let (user, group) = postgres;
            std::os::unix::fs::chown(&data, Some(user), Some(group)).expect("root may give a folder away");
        }
        // Its own order of text is not ours on purpose: a column that lacks COLLATE "C" is found out.
        let mut make = as_owner(&self.programs, "initdb");
        make.arg("--pgdata").arg(&data).args(["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"]);
        make.args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]);
        output(&mut make);
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{socket}'\nmax_connections = {SESSIONS_MAX}\n\
             fsync = off\nfull_page_writes = off\nclient_min_messages = warning\nshared_buffers = 64MB\nmax_wal_size = 256MB\n",
            socket = data.display()
        );
        let mut file = File::options().append(true).open(data.join("postgresql.conf")).expect("initdb wrote it");
        file.write_all(settings.as_bytes()).expect("temporary files can be written");
        drop(file);

        let wait = format!("--timeout={START_SECONDS}");
        output(self.control(&data, &["--wait", &wait, "--silent", "start"]).arg("--log").arg(data.join("log")));
        assert!(self.answers(), "PostgreSQL started and does not answer in {}", home.display());
        std::fs::write(home.join("ready"), "").expect("temporary files can be written");
        self.watch(home);
    }

    /// Starts the watcher in a process group of its own, so that an interrupted test run does not end it.
    fn watch(&self, home: &Path) {
        let control = as_owner(&self.programs, "pg_ctl");
        let words = std::iter::once(control.get_program()).chain(control.get_args());
        let words: Vec<_> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
        let mut watcher = Command::new("sh");
        watcher.args(["-c", WATCHER, "watcher"]).arg(home).arg(WATCH_SECONDS.to_string()).arg(words.join(" "));
        watcher.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        // It outlives this process, whose end it waits for.
        drop(watcher.spawn().expect("every system has sh"));
    }

    fn control(&self, data: &Path, args: &[&str]) -> Command {
        let mut control = as_owner(&self.programs, "pg_ctl");
        control.arg("--pgdata").arg(data).args(args).process_group(0);
        control
    }
}

/// One of the server's programs, as a user that it accepts: it refuses to be run by root.
pub(crate) fn as_owner(programs: &Path, program: &str) -> Command {
    let program = programs.join(program);
    let mut command = match unprivileged() {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
            command.arg(program);
            command
        }
    };
    // The folder that the test runs in may be one that the other user cannot enter.
    command.current_dir("/");
    command
}

/// The user that the server runs as, if this process is root's: `postgres`, which every package makes, or `nobody`.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").is_ok_and(|found| found.uid() != 0) {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("there is a user postgres or nobody"))
}

/// Where PostgreSQL's programs are: the newest of Debian's folders, or the search path.
pub(crate) fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    let debian = newest.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = debian.into_iter().chain(std::env::split_paths(&path));
    folders.find(|folder| folder.join("initdb").exists() && folder.join("psql").exists()).unwrap_or_else(|| {
        panic!("PostgreSQL is not installed, and half of the tests need it: `cargo xtask test` installs it")
    })
}

fn open(path: &Path) -> File {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    file.unwrap_or_else(|error| panic!("opening {}: {error}", path.display()))
}

/// Runs a program to its end and answers what it printed.
pub(crate) fn output(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("starting {command:?}: {error}"));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&done.stderr));
    said
}
