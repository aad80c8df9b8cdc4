//! An identity provider of one test's own: a real one, from npm, with a browser to walk through its pages.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Steps of a browser between a sign-in's departure and its return.
const STEPS_MAX: usize = 12;

/// An identity provider that runs; it ends when this is dropped.
pub struct Identity {
    /// Its issuer, on this machine.
    pub issuer: String,
    process: Child,
    /// It ends when this closes.
    _alive: Option<ChildStdin>,
}

impl Identity {
    /// Starts one that knows the client `muster` with this secret and sends people back to `redirect`. What it knows of a
    /// person stands in the ID token, or else only in the answer of its userinfo endpoint. Its modules are installed into
    /// `scratch` by the first test that needs them, as the lock file says: give `env!("CARGO_TARGET_TMPDIR")`.
    ///
    /// # Panics
    /// Node.js or npm is missing, or the provider does not start.
    #[must_use]
    pub fn start(scratch: &Path, redirect: &str, secret: &str, in_id_token: bool) -> Identity {
        let mut node = Command::new("node");
        node.arg("provider.js").args([redirect, secret, if in_id_token { "id-token" } else { "" }]);
        node.current_dir(modules(scratch)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = node.spawn().expect("node is installed");
        let output = process.stdout.take().expect("its output is a pipe");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let port = lines
            .find_map(|line| line.strip_prefix("PORT ").map(str::to_owned))
            .expect("the provider starts: Node.js is 20 or newer");
        let alive = process.stdin.take();
        Identity { issuer: format!("http://127.0.0.1:{port}"), process, _alive: alive }
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The folder with the provider's modules.
fn modules(scratch: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("identity");
    let home = scratch.join("identity-provider-9.13.3");
    if !home.exists() {
        let beside = home.with_extension(std::process::id().to_string());
        std::fs::create_dir_all(&beside).expect("the scratch folder can be written");
        for name in ["package.json", "package-lock.json"] {
            std::fs::copy(source.join(name), beside.join(name)).expect("the scratch folder can be written");
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&beside);
        let output = npm.output().expect("npm is installed: apt-get install npm, or run cargo xtask test");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Another test may have been faster.
        if std::fs::rename(&beside, &home).is_err() {
            std::fs::remove_dir_all(&beside).expect("what was just made can be removed");
        }
    }
    // Moved there whole: another test may be reading it.
    let fresh = home.join(format!("{}.js", std::process::id()));
    std::fs::copy(source.join("provider.js"), &fresh).expect("the scratch folder can be written");
    std::fs::rename(&fresh, home.join("provider.js")).expect("the scratch folder can be written");
    home
}

/// What a page of the provider answered.
pub struct Answered {
    /// Its headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// A browser at the provider: cookies by name, path and value.
#[derive(Default)]
pub struct Walker {
    cookies: Vec<(String, String, String)>,
}

impl Walker {
    /// Signs in as an account and agrees to everything; answers the query that the redirect brings. `ask` sends a request:
    /// its address, the cookies, and the form if there is one.
    ///
    /// # Panics
    /// The sign-in does not return.
    pub fn walk(
        &mut self,
        url: &str,
        redirect: &str,
        account: &str,
        mut ask: impl FnMut(&str, &str, Option<String>) -> Answered,
    ) -> String {
        let (mut url, mut form) = (url.to_owned(), None);
        for _ in 0..STEPS_MAX {
            if let Some(query) = url.strip_prefix(redirect) {
                return query.trim_start_matches('?').to_owned();
            }
            let answer = ask(&url, &self.sent_to(&url), form.take());
            self.keep(&answer);
            let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            let whole =
                |place: &str| if place.starts_with('/') { format!("{origin}{place}") } else { place.to_owned() };
            if let Some((_, place)) = answer.headers.iter().find(|(name, _)| name == "location") {
                url = whole(place);
                continue;
            }
            let between = |from: &str| Some(answer.body.split_once(from)?.1.split_once('"')?.0.to_owned());
            let found = between("name=\"prompt\" value=\"").zip(between("action=\""));
            let (prompt, action) = found.unwrap_or_else(|| panic!("no form in {}", answer.body));
            url = whole(&action);
            form = Some(format!("prompt={prompt}&login={account}&password=x"));
        }
        panic!("the sign-in does not return");
    }

    fn sent_to(&self, url: &str) -> String {
        let path = format!("/{}", url.splitn(4, '/').nth(3).unwrap_or_default());
        let sent = self.cookies.iter().filter(|(_, of, _)| path.starts_with(of.as_str()));
        sent.map(|(name, _, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, answer: &Answered) {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let Some((name, rest)) = cookie.split_once('=') else { continue };
            let value = rest.split(';').next().unwrap_or_default().to_owned();
            let of = rest.split("; ").find_map(|part| part.strip_prefix("path=")).unwrap_or("/").to_owned();
            self.cookies.retain(|(known, at, _)| known != name || *at != of);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), of, value));
            }
        }
    }
}
