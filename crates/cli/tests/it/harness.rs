//! A console, a program, and what it printed.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use sentinelone_sim::{Config, World, serve, tokens};
use store::Slice;
use testkit::{Database, TestDir};

/// Every slice with tables, in arrow order.
pub const SLICES: &[Slice] = &[access::SLICE, signals::SLICE, inventory::SLICE, sync::SLICE];

/// When simulated consoles start and stand still: far away, so that no token in a snapshot ends meanwhile.
pub const START: i64 = 4_102_444_800_000_000;

/// Agents of a simulated console: enough for every kind of oddity, few enough for a second.
const ENDPOINTS: usize = 60;

/// A simulated console on a port of its own, gone with the test's process.
pub struct Console {
    pub world: World,
    pub url: String,
}

impl Console {
    pub fn start() -> Console {
        let mut config = Config::new(7, ENDPOINTS, Arc::new(|| START));
        config.activities = Some(600);
        Console::of(config)
    }

    pub fn of(config: Config) -> Console {
        let world = World::new(config);
        let (tell, told) = std::sync::mpsc::channel();
        let served = world.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                serve(served, listener).await
            })
        });
        Console { world, url: format!("http://{}", told.recv().unwrap()) }
    }

    /// Machines with an agent, and those that network discovery sees beside them.
    pub fn machines(&self, token: &str) -> u64 {
        let truth = self.world.truth(token);
        truth.machines + truth.devices_without_agent
    }
}

/// An installation: a data directory, and a database inside or elsewhere.
pub struct Muster {
    pub dir: TestDir,
    database: Option<String>,
}

/// What a run printed and how it ended.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Muster {
    /// With the SQLite file in its data directory.
    pub fn new() -> Muster {
        Muster { dir: TestDir::new(), database: None }
    }

    /// With a database of the test's choice.
    pub fn on(database: &Database) -> Muster {
        Muster { dir: TestDir::new(), database: Some(database.text().to_owned()) }
    }

    /// Connected as `acme`, with an account's token.
    pub fn connected(console: &Console) -> Muster {
        Muster::new().connect(console)
    }

    /// Connects as `acme`, with an account's token.
    pub fn connect(self, console: &Console) -> Muster {
        let run = self.try_connect(console, tokens::ACCOUNT);
        assert_eq!(run.code, 0, "{}", run.err);
        self
    }

    /// Connects as `acme` with any token.
    pub fn try_connect(&self, console: &Console, token: &str) -> Run {
        let file = self.dir.write("token", token);
        self.run(&[
            "connect",
            &console.url,
            "--name",
            "acme",
            "--site",
            "HQ",
            "--token-file",
            &file.display().to_string(),
        ])
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        for name in
            ["MUSTER_KEY", "MUSTER_KEY_FILE", "MUSTER_LOG", "CREDENTIALS_DIRECTORY", "NO_COLOR", "RUST_BACKTRACE"]
        {
            command.env_remove(name);
        }
        command.env("HOME", self.dir.path()).env("MUSTER_DATA_DIR", self.data_dir()).stdin(Stdio::null());
        match &self.database {
            Some(url) => command.env("MUSTER_DATABASE_URL", url),
            None => command.env_remove("MUSTER_DATABASE_URL"),
        };
        command.args(arguments);
        command
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().expect("the program was built").into()
    }

    /// Runs, and must end well.
    pub fn ok(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        run
    }

    /// Starts, and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program was built")
    }

    /// `--count` of a question.
    pub fn count(&self, inventory: &str, text: &str) -> u64 {
        let run = self.ok(&["query", text, "--in", inventory, "--count"]);
        run.out.trim_end().parse().expect("a count is a bare number")
    }

    /// The run as a snapshot shows it: what differs from one run to the next is named instead.
    pub fn shown(&self, run: &Run) -> String {
        let home = self.dir.path().display().to_string();
        let text = format!("exit {}\n--- stdout\n{}--- stderr\n{}", run.code, run.out, run.err);
        text.replace(&home, "[HOME]").lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("all output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("all output is UTF-8"),
        }
    }
}

/// Waits until `yes`, by asking again; a test that waits for another process has no better way.
#[expect(clippy::disallowed_methods, reason = "the program under test is another process")]
pub fn wait_until(what: &str, mut yes: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if yes() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("waited 30 s, and it did not happen: {what}");
}

/// What is not the same in two runs: ports, times, sizes, ids.
pub const FILTERS: &[(&str, &str)] = &[
    (r"127\.0\.0\.1:\d+", "[CONSOLE]"),
    (r"in \d+ days?\b", "in [N] days"),
    (r"\b20[23]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[NOW]"),
    (r"\b\d+(\.\d+)? m?s\b", "[TIME]"),
    (r"\b\d+(\.\d+)? (bytes|kB|MB)\b", "[SIZE]"),
    (r"\d+ rows of \d+ tables", "[N] rows of [N] tables"),
    (r"has its \d+ rows again", "has its [N] rows again"),
    (r"SQLite \d+\.\d+\.\d+", "SQLite [VERSION]"),
    (r"key [0-9a-f]{16}", "key [ID]"),
    (r"request [0-9a-f-]{8,}", "request [ID]"),
    (r"pid \d+", "pid [N]"),
    (r"--after \S+", "--after [CURSOR]"),
];

/// Compares a run with its snapshot.
#[macro_export]
macro_rules! assert_run {
    ($muster:expr, $run:expr) => {{
        let shown = $muster.shown(&$run);
        insta::with_settings!({ filters => $crate::harness::FILTERS.iter().copied(), omit_expression => true }, {
            insta::assert_snapshot!(shown);
        });
    }};
}
