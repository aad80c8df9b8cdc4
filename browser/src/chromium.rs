//! Chromium, spoken to over a pipe.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Tab;

/// What Chromium is called, in the order of trust.
pub const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Takes the pipe as the descriptors 3 and 4, where Chromium looks for it.
const TAKE_THE_PIPE: &str = r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"#;

/// A browser without a window. It ends when this is dropped, or with the process that started it.
#[derive(Debug)]
pub struct Chromium {
    process: Child,
    wire: Rc<RefCell<Wire>>,
    profile: TempDir,
}

impl Chromium {
    /// Starts the Chromium that is installed.
    ///
    /// # Panics
    /// None is installed, or it does not start.
    #[must_use]
    pub fn start() -> Chromium {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let found = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        let Some(program) = found.into_iter().find(|file| file.exists()) else {
            panic!("Chromium is not installed: apt-get install chromium, or run cargo xtask test, which does so");
        };
        Chromium::at(&program)
    }

    /// Starts this program.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn at(program: &Path) -> Chromium {
        let profile = TempDir::new().expect("there is a folder for temporary files");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", TAKE_THE_PIPE, "sh"])
            .arg(program)
            .args(["--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--password-store=basic", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = shell.spawn().expect("there is a shell");
        let to = process.stdin.take().expect("it was asked for");
        let from = process.stdout.take().expect("it was asked for");
        let wire = Wire { to, from: BufReader::new(from), last: 0, heard: Vec::new() };
        Chromium { process, wire: Rc::new(RefCell::new(wire)), profile }
    }

    /// A tab of somebody new: no cookie, nothing kept.
    #[must_use]
    pub fn somebody(&self) -> Tab {
        let context = self.wire.borrow_mut().ask(None, "Target.createBrowserContext", &json!({}));
        let context = context["browserContextId"].as_str().expect("a context has a name").to_owned();
        Tab::open(Rc::clone(&self.wire), context, self.profile.path())
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Whoever is here already fails, or is done; nobody waits for a good ending.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The pipe: commands one way, answers and events the other, each ended by a NUL.
#[derive(Debug)]
pub(crate) struct Wire {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last: u64,
    heard: Vec<Value>,
}

impl Wire {
    /// Sends a command and waits for its answer.
    pub(crate) fn try_ask(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value, String> {
        self.last += 1;
        let id = self.last;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("Chromium listens");
        loop {
            let mut answer = self.next();
            if answer["id"] != id {
                self.heard.push(answer);
            } else if answer["error"].is_null() {
                return Ok(answer["result"].take());
            } else {
                return Err(format!("{method}: {}", answer["error"]["message"]));
            }
        }
    }

    pub(crate) fn ask(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        self.try_ask(session, method, parameters).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits for an event of a session; those of the browser itself are of none. What came before it stays heard.
    pub(crate) fn wait_for(&mut self, session: Option<&str>, method: &str) -> Value {
        loop {
            let is = |event: &Value| event["method"] == method && event["sessionId"].as_str() == session;
            if let Some(at) = self.heard.iter().position(is) {
                return self.heard.remove(at)["params"].take();
            }
            let event = self.next();
            self.heard.push(event);
        }
    }

    /// Takes what was heard of a session since, by the names of events.
    pub(crate) fn take(&mut self, session: &str, methods: &[&str]) -> Vec<Value> {
        let is = |event: &Value| {
            event["sessionId"] == session && event["method"].as_str().is_some_and(|name| methods.contains(&name))
        };
        let (taken, kept) = std::mem::take(&mut self.heard).into_iter().partition(is);
        self.heard = kept;
        taken
    }

    fn next(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).expect("the pipe can be read");
        assert!(bytes.pop() == Some(0), "Chromium ended, or never started");
        serde_json::from_slice(&bytes).expect("Chromium speaks JSON")
    }
}
