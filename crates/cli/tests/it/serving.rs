//! A service as people run it: the live demo, what the log says, and how it ends.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use sentinelone_sim::{Config, tokens};
use serde_json::Value;
use store::{Access, Store, StoreError};
use testkit::Database;

use crate::harness::{Console, Muster, Run, SLICES, START, wait_until};

testkit::on_each_database! {
    a_worker_that_is_told_to_end_in_the_middle_hands_over_at_once,
}

/// How long a test waits for a line of another process.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lines of a running program, as they come.
struct Lines(Receiver<String>);

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Lines {
        let (tell, told) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Lines(told)
    }

    /// The next line that `is` says yes to; what came before is handed over too.
    fn until(&self, what: &str, is: impl Fn(&str) -> bool) -> (String, Vec<String>) {
        let mut before = Vec::new();
        loop {
            let line = self.0.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {what} after {before:#?}"));
            if is(&line) {
                return (line, before);
            }
            before.push(line);
        }
    }

    fn with(&self, word: &str) -> String {
        self.until(word, |line| line.contains(word)).0
    }

    /// Everything to the end.
    fn rest(self) -> Vec<String> {
        self.0.iter().collect()
    }
}

fn terminate(child: &mut Child) {
    let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// One request over a socket of its own: head and body of the answer.
fn ask(at: &str, request: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
    let mut connection = TcpStream::connect(at).unwrap();
    let mut head = format!("{request} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\ncontent-length: {}", body.len());
    for (name, value) in headers {
        head += &format!("\r\n{name}: {value}");
    }
    connection.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// What stands after a word in a line, up to the next blank.
fn after<'a>(line: &'a str, word: &str) -> &'a str {
    line.split_once(word).unwrap().1.split_whitespace().next().unwrap()
}

#[test]
fn the_demo_ends_in_a_living_service_that_a_newcomer_signs_in_to() {
    let muster = Muster::new();
    let mut demo = muster.start(&["demo", "--endpoints", "60", "--listen", "127.0.0.1:0", "--speed", "1000"]);
    let (out, err) = (Lines::of(demo.stdout.take().unwrap()), Lines::of(demo.stderr.take().unwrap()));
    let origin = after(&out.with("  Open "), "Open").to_owned();
    let at = origin.strip_prefix("http://").unwrap().to_owned();
    let person = out.with("  Sign in ");
    let (login, password) = (after(&person, "Sign in"), after(&person, "password"));
    let unprotected = after(&out.with("  Without protection "), "protection").to_owned();
    out.with("  Ends it ");
    err.with(&format!("listening on {origin}"));

    // Whoever reads the terminal is in, and sees what no console can say about itself.
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let said = format!("login={login}&password={password}");
    let (head, _) = ask(&at, "POST /sign-in", &form, &said);
    assert!(head.starts_with("HTTP/1.1 303"), "{head}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: muster=")).unwrap();
    let cookie = format!("muster={}", cookie.split(';').next().unwrap());
    let path = unprotected.strip_prefix(&origin).unwrap();
    let (head, page) = ask(&at, &format!("GET {path}"), &[("cookie", &cookie)], "");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(page.contains("Windows"), "{page}");

    // The console lives: what is read again has something new, and nothing of it lies ahead of the clock.
    let beside = |arguments: &[&str]| -> Run {
        let mut command = muster.command(arguments);
        command.env("MUSTER_DATA_DIR", muster.data_dir().join("demo")).output().unwrap().into()
    };
    let before = beside(&["query", "kind:threat", "--in", "findings", "--count"]).out;
    wait_until("a threat appears", || {
        assert_eq!(beside(&["sync", "--stream", "threats"]).code, 0);
        beside(&["query", "kind:threat", "--in", "findings", "--count"]).out != before
    });
    let doctor = beside(&["doctor"]);
    assert!(doctor.out.contains(&format!("muster demo (pid {}) is running", demo.id())), "{}", doctor.out);
    assert!(doctor.out.contains("\ndemo") && !doctor.out.contains("Show it again"), "{}", doctor.out);

    // A second demo does not take the place of the first.
    let second = muster.run(&["demo", "--once", "--endpoints", "60"]);
    assert_eq!(second.code, 6, "{}", second.err);
    terminate(&mut demo);
    let told = err.rest().join("\n");
    assert!(told.contains("[INFO] service: stopped; what was stored is kept"), "{told}");
    assert!(told.contains("The demo's data stays in"), "{told}");
    assert!(!told.contains("panicked") && !told.contains("ERROR"), "{told}");
    let again = muster.ok(&["demo", "--no-serve", "--endpoints", "60"]);
    assert!(again.out.starts_with("The last demo's data was removed; this one begins anew.\n"), "{}", again.out);
}

#[test]
fn a_demo_is_shown_to_this_machine_alone_and_says_where_it_cannot_listen() {
    let muster = Muster::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let (_, port) = taken.rsplit_once(':').unwrap();
    let in_use = format!("port {port} of 127.0.0.1 is in use by another program");
    for (address, code, told) in [("0.0.0.0:0", 2, "--listen 127.0.0.1:8081"), (taken.as_str(), 6, in_use.as_str())] {
        let run = muster.run(&["demo", "--endpoints", "10", "--listen", address]);
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{}", run.err);
        assert!(run.err.contains(told) && run.err.contains("--listen 127.0.0.1:"), "{}", run.err);
    }
    let run = muster.run(&["serve", "--listen", &taken]);
    assert_eq!((run.code, run.out.as_str()), (6, ""), "{}", run.err);
    assert!(run.err.contains(&in_use) && run.err.contains("--listen 127.0.0.1:"), "{}", run.err);
    assert!(!muster.data_dir().exists(), "nothing was made");
}

#[test]
fn the_first_start_says_in_one_line_that_the_database_was_made_and_the_next_says_nothing_of_it() {
    let muster = Muster::new();
    let log = |filter: &str| {
        let mut service = muster.start(&["serve", "--listen", "127.0.0.1:0", "--log", filter]);
        let lines = Lines::of(service.stderr.take().unwrap());
        let (last, mut before) = lines.until("it listens", |line| line.contains("listening on http://"));
        terminate(&mut service);
        before.push(last);
        before.retain(|line| line.contains("_store"));
        before
    };
    let first = log("info");
    assert_eq!(first.len(), 1, "{first:#?}");
    assert!(first[0].contains("[INFO]") && first[0].contains("the database is made: "), "{first:#?}");
    assert!(first[0].contains(" steps"), "{first:#?}");
    assert_eq!(log("info"), [] as [String; 0]);
    std::fs::remove_dir_all(muster.data_dir()).unwrap();
    let all = log("debug");
    assert!(all.len() > 10 && all.iter().any(|line| line.contains("[DEBUG]") && line.contains("step 1 ")), "{all:#?}");
}

fn a_worker_that_is_told_to_end_in_the_middle_hands_over_at_once(database: &Database) {
    let mut config = Config::new(7, 300, Arc::new(|| START));
    (config.page_max, config.activities) = (3, Some(600));
    let console = Console::of(config);
    let muster = Muster::on(database).connect(&console);
    let url = database.text().parse().unwrap();
    let held = || {
        let store = Store::open(&url, Access::Reader, SLICES).unwrap();
        let held = "SELECT count(*) FROM sync_stream WHERE lease_owner IS NOT NULL";
        store.read_blocking::<_, StoreError, _>(move |tx| tx.query_one(held, &[], |row| row.int(0))).unwrap()
    };
    let pages = || {
        let asked = console.world.journal().requests;
        asked
            .iter()
            .filter(|(what, _)| what.starts_with("GET ") && what.ends_with("/agents"))
            .map(|(_, times)| times)
            .sum()
    };
    let whole: u64 = console.world.truth(tokens::ACCOUNT).agents.div_ceil(3);
    console.world.clear_journal();
    let mut first = muster.start(&["serve", "--role", "worker"]);
    wait_until("it is in the middle of the agents", || pages() >= 5);
    terminate(&mut first);
    let (before, left) = (pages(), held());
    assert!(before < whole, "{before} pages: all of it was read before it was told to end");
    assert_eq!(left, 0, "nothing is held by who is gone");
    let told = Lines::of(first.stderr.take().unwrap()).rest();
    assert!(told.last().unwrap().contains("stopped; what was stored is kept"), "{told:#?}");

    // The next one goes on at once, not after a lease's minute, and asks for no page twice but the one that was cut off.
    let mut second = muster.start(&["serve", "--role", "worker"]);
    let lines = Lines::of(second.stderr.take().unwrap());
    let (line, _) = lines.until("reading of the agents", |line| line.contains("stream=agents "));
    assert!(line.contains("status=complete"), "{line}");
    let asked: u64 = pages();
    assert!(asked <= whole + 4, "{asked} pages were asked for, of {whole}");
    terminate(&mut second);
    assert_eq!(
        (muster.count("assets", "has:agent.version"), held()),
        (console.world.truth(tokens::ACCOUNT).machines, 0)
    );
}

/// Streams of the console that a token of the whole account may read, as the log tells them until every one of `named` was.
fn fetched(lines: &Lines, named: &[&str], read: impl Fn(&str) -> Option<(String, u64)>) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> = Vec::new();
    while !named.iter().all(|name| found.iter().any(|(stream, _)| stream == name)) {
        let (line, _) = lines.until("line of a reading", |line| read(line).is_some());
        found.extend(read(&line));
    }
    found
}

const STREAMS: [&str; 6] = ["agents", "threats", "sites", "groups", "group_policies", "activities"];

#[test]
fn every_reading_is_one_line_of_the_log_the_same_for_every_stream() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let mut worker = muster.start(&["serve", "--role", "worker"]);
    let lines = Lines::of(worker.stderr.take().unwrap());
    let text = |line: &str| {
        let (at, told) = line.split_once(" [INFO] sentinelone: fetched ")?;
        assert!(at.len() == 20 && at.ends_with('Z'), "{line}");
        let mut words = told.split(' ');
        let (number, stream) = (words.next()?.parse().ok()?, words.next()?.to_owned());
        assert!(
            told.contains(&format!(" {stream} org=org_0000000000001 integration=acme stream={stream} status=")),
            "{line}"
        );
        Some((stream, number))
    };
    let found = fetched(&lines, &STREAMS, text);
    let truth = console.world.truth(tokens::ACCOUNT);
    let number = |name: &str| found.iter().find(|(stream, _)| stream == name).unwrap().1;
    assert_eq!((number("threats"), number("agents"), number("sites")), (truth.threats, truth.agents, truth.sites));
    terminate(&mut worker);
    // Reading again is a line too, with nothing new in it.
    let mut again = muster.start(&["sync", "--stream", "sites", "--log", "info"]);
    let told = Lines::of(again.stderr.take().unwrap()).with("[INFO] sentinelone: fetched ");
    assert!(told.contains("status=complete created=0 changed=0 removed=0"), "{told}");
    assert!(again.wait().unwrap().success());
}

#[test]
fn the_same_lines_are_json_for_collectors_and_levels_are_chosen() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let mut worker = muster.start(&["serve", "--role", "worker", "--log-format", "json"]);
    let lines = Lines::of(worker.stderr.take().unwrap());
    let json = |line: &str| {
        let told: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        if told["target"] != "sentinelone" {
            return None;
        }
        assert_eq!((&told["level"], &told["org"]), (&"INFO".into(), &"org_0000000000001".into()), "{line}");
        assert_eq!(told["integration"], "acme", "{line}");
        let (stream, message) = (told["stream"].as_str().unwrap(), told["message"].as_str().unwrap());
        let number = message.strip_prefix("fetched ").unwrap().strip_suffix(stream).unwrap().trim().parse().unwrap();
        Some((stream.to_owned(), number))
    };
    let found = fetched(&lines, &["threats"], json);
    let threats = found.iter().find(|(stream, _)| stream == "threats").unwrap().1;
    assert_eq!(threats, console.world.truth(tokens::ACCOUNT).threats);
    terminate(&mut worker);

    let mut quiet = muster.start(&["serve", "--role", "worker", "--log", "warn"]);
    let at_work = format!("muster serve (pid {}) is running", quiet.id());
    wait_until("it is at work", || muster.run(&["doctor", "--offline"]).out.contains(&at_work));
    muster.ok(&["sync", "--stream", "sites"]);
    terminate(&mut quiet);
    assert_eq!(Lines::of(quiet.stderr.take().unwrap()).rest(), [] as [String; 0]);
}

#[test]
fn every_request_is_one_line_with_its_id_and_nothing_that_was_asked_for() {
    for format in ["text", "json"] {
        let muster = Muster::new();
        let mut service = muster.start(&["serve", "--listen", "127.0.0.1:0", "--log-format", format]);
        let lines = Lines::of(service.stderr.take().unwrap());
        let listening = lines.with("listening on http://");
        let at = listening.split("http://").nth(1).unwrap().split(';').next().unwrap().to_owned();
        let link = lines.with("/set-up?token=");
        let token = link.split("token=").nth(1).unwrap().trim().to_owned();
        ask(&at, "GET /healthz", &[], "");
        let (head, _) = ask(&at, "GET /set-up?token=canary-of-a-token&name=ada", &[], "");
        let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap().to_owned();
        let (line, before) = lines.until("line of the request", |line| line.contains(&id));
        match format {
            "text" => assert!(line.contains(&format!("[INFO] request: GET /set-up request={id} status=")), "{line}"),
            _ => {
                let told: Value = serde_json::from_str(&line).unwrap();
                assert_eq!((&told["message"], &told["request"]), (&"GET /set-up".into(), &id.as_str().into()));
                assert!(told["status"].is_u64() && told["ms"].is_i64(), "{line}");
            }
        }
        terminate(&mut service);
        let all: Vec<String> = before.into_iter().chain([line]).chain(lines.rest()).collect();
        for secret in ["canary", "ada", token.as_str(), "healthz"] {
            assert!(!all.iter().any(|line| line.contains(secret)), "{secret}: {all:#?}");
        }
    }
}

#[test]
fn a_service_goes_on_when_nobody_reads_its_log_any_more() {
    for format in ["text", "json"] {
        let muster = Muster::new();
        let mut service = muster.start(&["serve", "--listen", "127.0.0.1:0", "--log-format", format]);
        let mut lines = BufReader::new(service.stderr.take().unwrap()).lines().map(Result::unwrap);
        let listening = lines.by_ref().find(|line| line.contains("listening on http://")).unwrap();
        let at = listening.split("http://").nth(1).unwrap().split(';').next().unwrap().to_owned();
        assert!(lines.any(|line| line.contains("/set-up?token=")));
        drop(lines);
        for _ in 0..3 {
            let (head, _) = ask(&at, "GET /sign-in", &[], "");
            assert!(head.starts_with("HTTP/1.1 "), "{head}");
        }
        terminate(&mut service);
    }
}
