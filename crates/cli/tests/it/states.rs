//! Every state of an integration as people read it, and a worker as people run it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use sentinelone_sim::{Fault, FaultPlan, tokens};
use store::{Access, Store};

use crate::assert_run;
use crate::harness::{Console, Muster, SLICES, wait_until};

/// Writes down that `acme` fares so.
fn fares(muster: &Muster, state: &str, why: Option<&str>, subject: Option<&str>, detail: &str, stopped: bool) {
    let url = format!("sqlite:{}", muster.data_dir().join("muster.db").display());
    let store = Store::open(&url.parse().unwrap(), Access::Writer, SLICES).unwrap();
    let given = [Some(state), why, subject, Some(detail)].map(|text| text.map(str::to_owned));
    store
        .write_blocking::<_, store::StoreError, _>(move |tx| {
            let [state, why, subject, detail] = &given;
            let set = "UPDATE sync_integration SET state = $1, detail = $2";
            tx.execute(set, &[state.as_deref().into(), detail.as_deref().into()])?;
            let probe_at = stopped.then_some(0);
            let set = "UPDATE sync_health SET why = $1, subject = $2, probe_at = $3";
            tx.execute(set, &[why.as_deref().into(), subject.as_deref().into(), probe_at.into()])
        })
        .unwrap();
}

#[test]
fn every_state_says_what_it_means_and_what_helps() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let mut told = String::new();
    let mut show = |title: &str, muster: &Muster| {
        let doctor = muster.run(&["doctor", "--offline"]);
        told += &format!("# {title}\n{}\n\n", muster.shown(&doctor));
    };
    show("connected, not read yet", &muster);
    muster.ok(&["sync"]);
    show("connected", &muster);
    let s = |state, why, subject, detail, stopped| fares(&muster, state, why, subject, detail, stopped);
    s(
        "degraded",
        Some("rate_limited"),
        Some("threats"),
        "threats: the console keeps asking for fewer requests (429)",
        false,
    );
    show("degraded: rate limited", &muster);
    s(
        "degraded",
        Some("removals_held"),
        Some("agents"),
        "400 records of agents are missing from complete sweeps",
        false,
    );
    show("degraded: removals held", &muster);
    s(
        "degraded",
        Some("scope_narrowed"),
        None,
        "the token saw 2 sites when it was connected, and sees 1 site now",
        false,
    );
    show("degraded: scope narrowed", &muster);
    s("degraded", Some("module_lost"), Some("risks"), "risks was read before and is not available now: 403", false);
    show("degraded: module lost", &muster);
    s("degraded", Some("clock_skew"), None, "the console's clock is 7 min ahead of this machine's", false);
    show("degraded: clock", &muster);
    s("incomplete", Some("core_missing"), Some("threats"), "threats is not available: 403", false);
    show("incomplete: a core stream is missing", &muster);
    s("incomplete", Some("cut_short"), Some("agents"), "agents: the console counts 3 more than it shows", false);
    show("incomplete: cut short", &muster);
    for (why, detail) in [
        ("dns", "the name has no address"),
        ("port", "the connection was refused"),
        ("no_connection", "no connection within 10 s"),
        ("tls", "no secure connection could be made: received corrupt message"),
        ("http", "threats: the console answers 500, 6 tries"),
        ("not_data", "a page for people came instead of data"),
        ("explorer", "the Explorer berlin has not answered since 2026-11-20T12:00:00Z"),
    ] {
        s("unreachable", Some(why), None, detail, true);
        show(&format!("unreachable: {why}"), &muster);
    }
    s("invalid", Some("not_a_console"), None, "what answers there is no console", true);
    show("invalid: not a console", &muster);
    s("invalid", Some("certificate"), None, "invalid peer certificate: Expired", true);
    show("invalid: certificate", &muster);
    s("invalid", Some("credential_gone"), None, "its saved credential was taken away", true);
    show("invalid: its credential is gone", &muster);
    s("permission_missing", None, None, "agents: 403 Insufficient permissions", true);
    show("permission missing", &muster);
    s("authentication_failed", None, None, "401 at GET /user", true);
    show("authentication failed", &muster);
    muster.ok(&["integration", "disable", "acme"]);
    show("paused", &muster);
    insta::with_settings!({ filters => crate::harness::FILTERS.iter().copied(), omit_expression => true }, {
        insta::assert_snapshot!(told);
    });
}

#[test]
fn what_is_broken_is_found_live_step_by_step() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    assert_run!(muster, muster.run(&["doctor"]));
    console.world.revoke(tokens::ACCOUNT);
    let run = muster.run(&["doctor"]);
    assert!(run.out.contains("token FAILS") && run.out.contains("new token"), "{}", run.out);
}

#[test]
fn integrations_are_listed_shown_and_changed() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    assert_run!(muster, muster.run(&["integration", "list"]));
    let set = ["integration", "set", "acme", "--interval", "threats=15m", "--without", "risks", "--depth", "365d"];
    assert_run!(muster, muster.run(&set));
    assert_run!(muster, muster.run(&["integration", "set", "acme", "--autosync", "1d", "--with", "risks"]));
    assert_run!(muster, muster.run(&["integration", "set", "acme"]));
    assert_run!(muster, muster.run(&["integration", "set", "acme", "--interval", "threats=5s"]));
    assert_run!(muster, muster.run(&["integration", "set", "acme", "--without", "agent"]));
    assert_run!(muster, muster.run(&["integration", "show", "nobody"]));
    assert_run!(muster, muster.run(&["integration", "disable", "acme"]));
    assert_run!(muster, muster.run(&["sync"]));
    assert_run!(muster, muster.run(&["integration", "enable", "acme"]));
    let shown = muster.ok(&["integration", "show", "acme", "--json"]);
    assert!(shown.out.contains(r#""interval_seconds":86400"#), "{}", shown.out);
}

#[test]
fn what_is_not_as_documented_is_listed_with_its_place_and_an_example() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    console.world.set_faults(FaultPlan::once(Fault::NewField, 1, "/sites"));
    muster.ok(&["sync", "--stream", "sites"]);
    let shown = muster.ok(&["integration", "show", "acme"]).out;
    let (_, listed) = shown.split_once("Not as documented").expect("there is a list");
    assert!(listed.lines().any(|line| line.starts_with("sites ") && line.contains("new field")), "{shown}");
    let json: serde_json::Value =
        serde_json::from_str(&muster.ok(&["integration", "show", "acme", "--json"]).out).unwrap();
    assert_eq!((&json["drift"][0]["stream"], &json["drift"][0]["kind"]), (&"sites".into(), &"new_field".into()));
    // Only one stream was read: doctor answers no, and says where to look.
    assert!(muster.run(&["doctor"]).out.contains("(muster integration show acme)"));
}

#[test]
fn a_worker_reads_serves_requests_and_ends_in_order() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let mut worker = muster.start(&["serve", "--role", "worker"]);
    let machines = console.machines(tokens::ACCOUNT);
    wait_until("the worker read everything", || {
        muster.ok(&["integration", "list", "--json"]).out.contains(r#""light":"green""#)
    });
    // The light is about what has been tried; devices come last.
    wait_until("every machine is there", || muster.count("assets", "") == machines);
    // Beside it: a reading on demand, a setting, and a second worker that is refused by name.
    let asked = muster.ok(&["sync", "--stream", "sites,threats", "--json"]);
    let streams: Vec<&str> = asked.out.lines().collect();
    assert_eq!(streams.len(), 2, "{}", asked.out);
    assert!(streams.iter().all(|line| line.contains(r#""status":"complete""#)), "{}", asked.out);
    muster.ok(&["integration", "set", "acme", "--interval", "threats=30s"]);
    let second = muster.run(&["serve", "--role", "worker"]);
    assert_eq!(second.code, 6);
    assert!(second.err.contains(&format!("muster serve (pid {})", worker.id())), "{}", second.err);
    // A file is not read beside it: the refusal names it, says what to do, and leaves nothing.
    let list = muster.dir.write("list.csv", "name,serial\nPC1,SN-000111\n").display().to_string();
    let refused = muster.run(&["import", "csv", &list, "--source", "lan", "--site", "HQ"]);
    assert_eq!((refused.code, refused.out.as_str()), (6, ""));
    assert!(refused.err.contains(&format!("muster serve (pid {})", worker.id())), "{}", refused.err);
    assert!(refused.err.contains("Stop it, import the file, and start it again"), "{}", refused.err);
    assert_eq!(muster.count("assets", "source:custom"), 0);
    let terminated = std::process::Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().unwrap();
    assert!(terminated.success());
    let ended = worker.wait().unwrap();
    assert_eq!(ended.code(), Some(0));
    // Nothing is held: whoever comes next goes on at once.
    muster.ok(&["sync"]);
    muster.ok(&["import", "csv", &list, "--source", "lan", "--site", "HQ"]);
}

#[test]
fn a_service_says_where_it_is_shows_its_first_link_and_ends_in_order() {
    let muster = Muster::new();
    for role in ["all", "web"] {
        let mut service = muster.start(&["serve", "--role", role, "--listen", "127.0.0.1:0"]);
        let mut told = BufReader::new(service.stderr.take().unwrap());
        let mut line_with = |word: &str| {
            let mut line = String::new();
            while !line.contains(word) {
                line.clear();
                assert!(told.read_line(&mut line).unwrap() > 0, "it ended before it said {word}");
            }
            line.trim().to_owned()
        };
        let listening = line_with("listening on http://127.0.0.1:");
        let at = listening.split("http://").nth(1).unwrap().split(';').next().unwrap().to_owned();
        let link = line_with("/set-up?token=");
        assert!(link.starts_with(&format!("http://{at}/")), "{link}");
        let mut connection = std::net::TcpStream::connect(&at).unwrap();
        connection.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("ready\n"), "{answer}");
        let terminated =
            std::process::Command::new("kill").args(["-TERM", &service.id().to_string()]).status().unwrap();
        assert!(terminated.success());
        line_with("stopped; what was stored is kept");
        assert_eq!(service.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_service_does_not_show_passwords_to_the_network() {
    let muster = Muster::new();
    for arguments in [
        ["serve", "--listen", "0.0.0.0:0"].as_slice(),
        &["serve", "--public-url", "muster.example"],
        &["serve", "--tls-cert", "a.pem"],
    ] {
        let run = muster.run(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
    }
    assert!(!muster.data_dir().join("muster.db").exists(), "nothing was made");
}
