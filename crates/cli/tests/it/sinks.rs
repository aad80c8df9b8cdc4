//! Sinks and the log: what is added, delivered, played again, kept and searched.

use store::{Access, Store, StoreError};
use testkit::Database;

use crate::assert_run;
use crate::harness::{Console, Muster, SLICES};

testkit::on_each_database! {
    what_was_read_is_delivered_and_found_in_the_log,
    a_delivery_that_was_killed_holds_up_nobody_on_a_file_and_is_named_on_a_server,
}

/// Sites and groups only: few, and the same in every run.
const STREAMS: &str = "sites,groups";

fn lines(muster: &Muster, name: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(muster.dir.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn what_was_read_is_delivered_and_found_in_the_log(database: &Database) {
    let console = Console::start();
    let muster = Muster::on(database).connect(&console);
    muster.ok(&["sync"]);
    let file = muster.dir.join("out.ndjson").display().to_string();
    muster.ok(&["sink", "add", "ndjson", &file, "--name", "all"]);
    let threats = muster.dir.join("threats.ndjson").display().to_string();
    muster.ok(&["sink", "add", "ndjson", &threats, "--filter", "stream:threat"]);
    muster.ok(&["sink", "run", "--once"]);
    let all = muster.count("artifacts", "");
    assert_eq!(lines(&muster, "out.ndjson").len() as u64, all);
    let found = muster.count("artifacts", "stream:threats");
    assert!(found > 0);
    assert_eq!(lines(&muster, "threats.ndjson").len() as u64, found);
    // A word of a record finds it, by the index and without it.
    let line = &lines(&muster, "threats.ndjson")[0];
    let hash = line["record"]["threatInfo"]["sha1"].as_str().unwrap().to_owned();
    let before = muster.count("artifacts", &hash);
    assert!(before > 0);
    muster.ok(&["log", "index"]);
    assert_eq!(muster.count("artifacts", &hash), before);
    let by_field = muster.count("artifacts", &format!("@s1.threatInfo.sha1:={hash} and stream:threats"));
    assert!((1..=before).contains(&by_field), "{by_field} of {before}");
    // Nothing new, nothing delivered; then everything again.
    assert!(muster.ok(&["sink", "run", "--once", "all"]).out.contains("all: 0 delivered"));
    muster.ok(&["sink", "replay", "all", "--from", "start"]);
    muster.ok(&["sink", "run", "--once"]);
    assert_eq!(lines(&muster, "out.ndjson").len() as u64, 2 * all);
}

/// Changes what is written down of sinks, as another process, or time, would.
fn written(url: &store::DatabaseUrl, sql: &'static str) {
    let store = Store::open(url, Access::Writer, SLICES).unwrap();
    assert_eq!(store.write_blocking::<_, StoreError, _>(move |tx| tx.execute(sql, &[])).unwrap(), 1, "{sql}");
}

fn a_delivery_that_was_killed_holds_up_nobody_on_a_file_and_is_named_on_a_server(database: &Database) {
    let console = Console::start();
    let muster = Muster::on(database).connect(&console);
    muster.ok(&["sync", "--stream", STREAMS]);
    let file = muster.dir.join("out.ndjson").display().to_string();
    muster.ok(&["sink", "add", "ndjson", &file, "--name", "siem"]);
    // What a process leaves that is killed in the middle of a delivery.
    written(
        database.url(),
        "UPDATE signals_sink SET lease_owner = 'muster sink (pid 4711) 00ff00ff00ff00ff', generation = 7,
            lease_until = 9000000000000000",
    );
    let run = muster.ok(&["sink", "run", "--once"]);
    if database.is_postgres() {
        assert!(run.out.starts_with("siem: 0 delivered"), "{}", run.out);
        assert!(run.err.contains("siem: muster sink (pid 4711) delivers to it. If that was killed"), "{}", run.err);
        assert_eq!(lines(&muster, "out.ndjson"), [""; 0], "another delivers");
    } else {
        // The writer's lock died with it, so whoever has that lock now knows.
        assert_eq!(lines(&muster, "out.ndjson").len() as u64, muster.count("artifacts", ""), "{}", run.err);
    }
    let doctor = muster.run(&["doctor", "--offline"]).out;
    assert_eq!(doctor.contains("muster sink (pid 4711) delivers"), database.is_postgres(), "{doctor}");
}

#[test]
fn doctor_shows_each_sinks_place_what_waits_what_went_wrong_and_what_helps() {
    let (console, muster) = (Console::start(), Muster::new());
    let muster = muster.connect(&console);
    muster.ok(&["sync", "--stream", STREAMS]);
    let url = format!("sqlite:{}", muster.data_dir().join("muster.db").display()).parse().unwrap();
    let file = muster.dir.join("out.ndjson").display().to_string();
    muster.ok(&["sink", "add", "ndjson", &file, "--name", "siem"]);
    let mut told = String::new();
    let mut tell = |title: &str| {
        let doctor = muster.run(&["doctor", "--offline"]);
        let of_sinks = doctor.out.split_once("sink/").unwrap_or_else(|| panic!("{title}: {}", doctor.out)).1;
        let of_sinks = of_sinks.replace(&muster.dir.path().display().to_string(), "[HOME]");
        told += &format!("# {title}\nsink/{of_sinks}\n");
    };
    tell("new");
    written(&url, "UPDATE signals_sink SET since = 1");
    tell("nobody has delivered for an hour");
    muster.ok(&["sink", "run", "--once"]);
    tell("has everything");
    muster.ok(&["sync", "--stream", "accounts,users"]);
    tell("more came");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert_eq!(muster.run(&["sink", "run", "--once"]).code, 6);
    tell("its receiver fails");
    written(&url, "UPDATE signals_sink SET state = 'detached', detail = '12 bytes of the log waited for it'");
    tell("detached");
    let json = muster.run(&["doctor", "--offline", "--json"]).out;
    let sink = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let sink = sink.into_iter().find(|line| line["what"] == "sink/siem").unwrap();
    assert_eq!(sink["status"], "red");
    assert!(sink["next"].as_str().unwrap().contains("muster sink replay siem --from last"), "{sink}");
    insta::with_settings!({ filters => crate::harness::FILTERS.iter().copied(), omit_expression => true }, {
        insta::assert_snapshot!(told);
    });
}

#[test]
fn a_sink_is_told_in_words() {
    let (console, muster) = (Console::start(), Muster::new());
    let muster = muster.connect(&console);
    muster.ok(&["sync", "--stream", STREAMS]);
    let home = muster.dir.path().display().to_string();
    let (file, folder) = (format!("{home}/out.ndjson"), format!("{home}/no/such/folder.ndjson"));
    let mut told = String::new();
    let mut tell = |arguments: &[&str]| {
        let run = muster.run(arguments);
        let shown = muster.shown(&run);
        told += &format!("$ muster {}\n{shown}\n\n", arguments.join(" ").replace(&home, "[HOME]"));
    };
    tell(&["sink", "list"]);
    tell(&["sink", "add", "ndjson", &file, "--name", "siem", "--max-lag", "10GB", "--rotate-daily"]);
    tell(&["sink", "add", "ndjson", &file, "--name", "siem"]);
    tell(&["sink", "add", "ndjson", &folder]);
    tell(&["sink", "add", "ndjson", &file, "--name", "two", "--filter", "stream:sites and nmae:x"]);
    tell(&["sink", "add", "ndjson", &file, "--name", "two"]);
    let second = format!("{home}/two.ndjson");
    tell(&["sink", "add", "ndjson", &second, "--filter", "Stream:site", "--from", "now"]);
    tell(&["sink", "list"]);
    tell(&["sink", "run", "--once"]);
    tell(&["sink", "list", "--json"]);
    tell(&["sink", "replay", "siem", "--from", "3"]);
    std::fs::rename(&file, format!("{home}/moved")).unwrap();
    std::fs::create_dir(&file).unwrap();
    tell(&["sink", "run", "siem", "--once"]);
    tell(&["sink", "list"]);
    tell(&["sink", "test", "siem"]);
    tell(&["sink", "remove", "two"]);
    tell(&["sink", "remove", "two"]);
    tell(&["sink", "replay", "siem", "--from", "soon"]);
    tell(&["log", "status"]);
    tell(&["log", "retain", "--keep-days", "30", "--keep-size", "20GB"]);
    tell(&["log", "index"]);
    tell(&["log", "status"]);
    tell(&["log", "status", "--json"]);
    tell(&["log", "retain", "--keep-everything"]);
    let mut filters = crate::harness::FILTERS.to_vec();
    filters.push((r" {2,}", "  "));
    filters.push((r#""(raw_)?bytes":\d+"#, r#""${1}bytes":[N]"#));
    insta::with_settings!({ filters => filters, omit_expression => true }, {
        insta::assert_snapshot!(told);
    });
}

#[test]
fn sinks_and_log_explain_themselves() {
    let muster = Muster::new();
    let mut all = String::new();
    for topic in [
        ["sink"].as_slice(),
        &["sink", "add", "ndjson"],
        &["sink", "replay"],
        &["sink", "run"],
        &["log"],
        &["log", "retain"],
        &["fields", "artifacts"],
    ] {
        let run = muster.ok(&[&["help"], topic].concat());
        all += &format!("$ muster help {}\n{}\n", topic.join(" "), run.out);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_log_is_asked_like_everything_else() {
    let (console, muster) = (Console::start(), Muster::new());
    let muster = muster.connect(&console);
    muster.ok(&["sync", "--stream", STREAMS]);
    let run = muster.run(&["query", "stream:site", "--in", "artifacts", "--fields", "seq,stream,op,version,console"]);
    assert_run!(muster, run);
    let run = muster.run(&["query", "stream:agnets and op:gone and text:mid*dle and strem:x", "--in", "artifacts"]);
    assert_run!(muster, run);
    let run = muster.run(&["query", "@s1.state:active and default", "--in", "artifacts", "--explain"]);
    assert_run!(muster, run);
}

/// The catalogue of the log is declared below the engine; here both are known.
#[test]
fn every_stream_can_be_asked_in_the_log() {
    let now = kernel::Timestamp::from_seconds(0);
    for stream in sync::STREAMS.iter() {
        let asked = signals::check_filter(&format!("stream:{}", stream.name), now);
        assert_eq!(asked.unwrap(), format!("stream:{}", stream.name));
    }
}
