//! Bad input and bad luck: one clear sentence, what to do, the right code, nothing lost, no secret.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use sentinelone_sim::{Fault, FaultPlan, Rate, Rule, Scope, tokens};
use store::{Access, Store};

use crate::assert_run;
use crate::harness::{Console, Muster, Run, SLICES};

/// The faults on every request, for ever.
fn always(fault: Fault) -> FaultPlan {
    FaultPlan { seed: 0, rules: vec![Rule { fault, rate: Rate::Every(1), path: Some(String::new()) }] }
}

fn refused(run: &Run, code: i32) {
    assert_eq!(run.code, code, "{}", run.err);
    assert!(run.err.starts_with("error: "), "{}", run.err);
    assert!(!run.err.contains("Token"), "a token, or a type's name: {}", run.err);
}

#[test]
fn an_address_where_nobody_answers() {
    let muster = Muster::new();
    let token = muster.dir.write("token", tokens::ACCOUNT).display().to_string();
    // Port 1 is never open here.
    let run = muster.run(&["connect", "127.0.0.1:1", "--token-file", &token]);
    assert_run!(muster, run);
    refused(&run, 5);
}

#[test]
fn an_address_that_is_none() {
    let muster = Muster::new();
    let token = muster.dir.write("token", tokens::ACCOUNT).display().to_string();
    let mut told = String::new();
    for address in ["https://me:secret@acme.net", "ftp://acme.net", "acme .net", "10.0.0.7", "intranet", "nas.local"] {
        let run = muster.run(&["connect", address, "--token-file", &token]);
        refused(&run, 2);
        assert!(!run.err.contains("secret"), "{}", run.err);
        told += &run.err;
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_page_for_people_instead_of_a_console() {
    let (console, muster) = (Console::start(), Muster::new());
    console.world.set_faults(always(Fault::Html200));
    let run = muster.try_connect(&console, tokens::ACCOUNT);
    assert_run!(muster, run);
    refused(&run, 5);
}

#[test]
fn json_that_breaks_off_everywhere() {
    let (console, muster) = (Console::start(), Muster::new());
    console.world.set_faults(always(Fault::Truncated));
    let run = muster.try_connect(&console, tokens::ACCOUNT);
    assert_run!(muster, run);
    refused(&run, 5);
}

#[test]
fn json_that_breaks_off_now_and_then_costs_nothing() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    console.world.set_faults(FaultPlan::once_every(3, &[Fault::Truncated]));
    muster.ok(&["sync"]);
    assert_eq!(muster.count("assets", ""), console.machines(tokens::ACCOUNT));
}

#[test]
fn tokens_that_do_not_open_the_console() {
    let (console, muster) = (Console::start(), Muster::new());
    for token in ["ThisTokenWasNeverIssued00000000000000000000000000000000000000000000000000000099", tokens::EXPIRED] {
        let run = muster.try_connect(&console, token);
        assert!(!run.err.contains(token), "{}", run.err);
        refused(&run, 4);
    }
    assert_run!(muster, muster.try_connect(&console, tokens::EXPIRED));
    assert_run!(muster, muster.run(&["sync"]));
}

#[test]
fn a_token_that_is_revoked_later() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let before = muster.count("assets", "");
    console.world.revoke(tokens::ACCOUNT);
    let run = muster.run(&["sync"]);
    assert_eq!(run.code, 4);
    assert_run!(muster, run);
    assert_eq!(muster.count("assets", ""), before);
    let doctor = muster.run(&["doctor"]);
    assert_eq!(doctor.code, 1);
    assert_run!(muster, doctor);
}

#[test]
fn tokens_that_were_copied_badly_are_named_before_anything_is_sent() {
    let (console, muster) = (Console::start(), Muster::new());
    let mut told = String::new();
    for token in ["", "\"abcdefgh\"", "abcd efgh", "ApiToken abcdefgh", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ2"] {
        let run = muster.try_connect(&console, token);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(!run.err.contains("abcd"), "{}", run.err);
        told += &run.err;
    }
    insta::assert_snapshot!(told);
    assert_eq!(console.world.journal().total, 0);
    assert!(!muster.data_dir().exists(), "nothing was made");
}

#[test]
fn token_files_that_cannot_be_read() {
    let muster = Muster::new();
    let mut told = String::new();
    let binary = muster.dir.write("binary", [0xff, 0xfe, 0x00]);
    for file in [muster.dir.join("missing"), muster.dir.path().to_owned(), binary] {
        let run = muster.run(&["connect", "127.0.0.1:1", "--token-file", &file.display().to_string()]);
        refused(&run, 2);
        told += &muster.shown(&run);
        told += "\n";
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_question_with_mistakes_shows_each_at_its_place() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let run = muster.run(&["query", "os:windws and edr.nam:s1"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert_run!(muster, run);
    assert_run!(muster, muster.run(&["query", "os:windows", "--in", "asets"]));
    assert_run!(muster, muster.run(&["query", "os:windows", "--fields", "name,oss"]));
    assert_run!(muster, muster.run(&["query", "(os:windows", "--sort", "nam"]));
}

#[test]
fn names_that_do_not_exist() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    assert_run!(muster, muster.run(&["sync", "acmee"]));
    assert_run!(muster, muster.run(&["sync", "--stream", "agent"]));
    assert_eq!((muster.run(&["sync", "acmee"]).code, muster.run(&["sync", "--stream", "agent"]).code), (2, 2));
}

#[test]
fn there_is_nothing_yet() {
    let muster = Muster::new();
    assert_run!(muster, muster.run(&["query", ""]));
    assert_run!(muster, muster.run(&["sync"]));
    let doctor = Muster::new();
    assert_run!(doctor, doctor.run(&["doctor"]));
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let url = format!("sqlite:{}", muster.data_dir().join("muster.db").display()).parse().unwrap();
    let store = Store::open(&url, Access::Writer, SLICES).unwrap();
    let newer = "INSERT INTO store_migration (slice, number, sha256) VALUES ('inventory', 4711, 'x')";
    store.write_blocking(|tx| tx.execute(newer, &[])).unwrap();
    drop(store);
    for arguments in [["query", ""].as_slice(), &["sync"], &["migrate"], &["doctor"]] {
        let run = muster.run(arguments);
        assert_eq!(run.code, 6, "{arguments:?}: {}", run.err);
    }
    assert_run!(muster, muster.run(&["sync"]));
}

#[test]
fn a_file_that_is_no_database() {
    let muster = Muster::new();
    std::fs::create_dir(muster.data_dir()).unwrap();
    std::fs::write(muster.data_dir().join("muster.db"), "x".repeat(9000)).unwrap();
    let run = muster.run(&["query", ""]);
    refused(&run, 6);
    assert_run!(muster, run);
}

#[test]
fn a_record_that_was_damaged_is_no_mistake_of_who_asks() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync", "--stream", "agents"]);
    let url = format!("sqlite:{}", muster.data_dir().join("muster.db").display()).parse().unwrap();
    let store = Store::open(&url, Access::Writer, SLICES).unwrap();
    let damage = "UPDATE inventory_source_record SET body = $1";
    store.write_blocking(|tx| tx.execute(damage, &[kernel::Value::from(vec![1, 2, 3])])).unwrap();
    drop(store);
    refused(&muster.run(&["query", "", "--fields", "name,@sentinelone.dev.uuid"]), 6);
    muster.ok(&["query", ""]);
}

#[test]
fn nothing_read_yet_is_not_nothing_there() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let run = muster.ok(&["query", ""]);
    assert!(run.err.contains("muster sync"), "{}", run.err);
    muster.ok(&["sync"]);
    let run = muster.ok(&["query", "name:=nobody"]);
    assert!(!run.err.contains("muster sync"), "{}", run.err);
}

#[test]
fn an_address_where_something_else_answers() {
    let muster = Muster::new();
    let token = muster.dir.write("token", tokens::ACCOUNT).display().to_string();
    for (status, body) in [("404 Not Found", "no such page"), ("200 OK", "{\"hello\": 1}")] {
        let address = always_answers(status, body);
        let run = muster.run(&["connect", &address, "--token-file", &token]);
        refused(&run, 5);
        assert!(run.err.contains("Check the console's address"), "{}", run.err);
    }
}

/// A server that has one answer to everything.
fn always_answers(status: &str, body: &str) -> String {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            // The whole request comes in one piece; what is left unread would reset the connection.
            let _ = connection.read(&mut [0; 8192]);
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn a_database_address_that_is_none_or_does_not_answer() {
    let muster = Muster::new();
    let run = muster.run(&["--database", "mysql://ann:hunter2@db/x", "query", ""]);
    refused(&run, 2);
    assert!(!run.err.contains("hunter2"), "{}", run.err);
    let run = muster.run(&["--database", "postgres://ann:hunter2@127.0.0.1:1/x", "sync"]);
    refused(&run, 6);
    assert!(!run.err.contains("hunter2"), "{}", run.err);
    assert_run!(muster, run);
}

#[test]
fn a_key_that_is_lost() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    std::fs::remove_file(muster.data_dir().join("key")).unwrap();
    let run = muster.run(&["sync"]);
    refused(&run, 2);
    assert_run!(muster, run);
    let doctor = muster.run(&["doctor"]);
    assert!(doctor.code == 1 && doctor.out.contains("key   red"), "{}", doctor.out);
    assert!(!doctor.out.contains("acme  red"), "told once, counted once: {}", doctor.out);
    // A new key is not made over it.
    refused(&muster.try_connect(&console, tokens::SPARE), 2);
    assert!(!muster.data_dir().join("key").exists());
}

#[test]
fn a_full_disk_stops_the_sync_and_loses_nothing() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync", "--stream", "accounts,sites,groups"]);
    let groups = muster.count("console_groups", "");
    assert!(groups > 0);
    let small = muster.dir.join("small");
    std::fs::create_dir(&small).unwrap();
    let script = "set -e; mount -t tmpfs -o size=\"$4\" none \"$1\"; cp \"$2\"/* \"$1\"; MUSTER_DATA_DIR=\"$1\"; \
                  export MUSTER_DATA_DIR; set +e; \"$3\" sync; echo \"code $?\"; \"$3\" query '' --in console_groups --count";
    let database = muster.data_dir().join("muster.db");
    // Room for what is there and a little more, not for the agents.
    let size = std::fs::metadata(&database).unwrap().len() + 256 * 1024;
    let run =
        with_mounts(&muster, script, &[&small, &muster.data_dir(), Path::new(env!("CARGO_BIN_EXE_muster"))], size);
    assert!(run.out.contains("code 6"), "{}{}", run.out, run.err);
    assert!(run.err.contains("the disk that holds the database is full"), "{}", run.err);
    assert!(run.err.contains("is kept") && run.err.contains("Make room"), "{}", run.err);
    assert!(run.out.ends_with(&format!("{groups}\n")), "{}{}", run.out, run.err);
}

/// Runs a script that may mount: as root in a mount namespace, else in a user namespace too.
fn with_mounts(muster: &Muster, script: &str, paths: &[&Path], size: u64) -> Run {
    let privileged = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    let flags: &[&str] = if privileged { &["--mount"] } else { &["--user", "--map-root-user", "--mount"] };
    let mut command = Command::new("unshare");
    command.args(flags).args(["sh", "-c", script, "small-disk"]).args(paths).arg(size.to_string());
    let envs = muster.command(&[]);
    for (name, value) in envs.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.output().expect("util-linux has unshare").into()
}

#[test]
fn a_token_that_sees_less_is_never_well() {
    let (console, muster) = (Console::start(), Muster::new());
    let sites = console.world.site_ids();
    assert!(console.world.set_scope(tokens::SITE, Scope::Sites(sites.clone())));
    assert_eq!(muster.try_connect(&console, tokens::SITE).code, 0);
    muster.ok(&["sync"]);
    // The same token, cut at the console since it was last looked at.
    assert!(console.world.set_scope(tokens::SITE, Scope::Sites(sites[..1].to_vec())));
    let doctor = muster.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{}", doctor.out);
    assert_run!(muster, doctor);
    // Connected again, the narrower scope is meant; what was seen before is kept, and somebody should know.
    assert_eq!(muster.try_connect(&console, tokens::SITE).code, 0);
    muster.ok(&["sync", "--full"]);
    let doctor = muster.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{}", doctor.out);
    assert_run!(muster, doctor);
    // What it advises works: it goes by way of a person's word on so many.
    muster.ok(&["sync", "acme", "--stream", "agents", "--accept-removals", "--full"]);
    muster.ok(&["sync", "acme", "--stream", "agents", "--accept-removals", "--full"]);
    let told = muster.run(&["doctor"]).out;
    let agents =
        told.split(" · ").find_map(|count| count.strip_prefix("agents ")).and_then(|count| count.split_once(" of "));
    assert!(agents.is_some_and(|(ours, theirs)| ours == theirs), "{told}");
}

#[test]
fn a_console_that_lost_most_of_its_agents_is_never_well() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    for id in console.world.agent_ids().iter().skip(3) {
        console.world.remove_agent(id);
    }
    let doctor = muster.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{}", doctor.out);
    assert_run!(muster, doctor);
}

#[test]
fn a_token_that_is_refused_is_copied_again_or_made_anew_with_the_command_to_go_on() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let whole = tokens::ACCOUNT;
    let cut = muster.try_connect(&console, &whole[..whole.len() - 1]);
    refused(&cut, 4);
    console.world.revoke(whole);
    let revoked = muster.try_connect(&console, whole);
    refused(&revoked, 4);
    for run in [cut, revoked] {
        assert!(run.err.contains("Copy it again, to its end, or make a new one in the console"), "{}", run.err);
        let command = format!("then: muster connect {} --name acme --token-file FILE\n", console.url);
        assert!(run.err.contains(&command), "{}", run.err);
    }
}

#[test]
fn a_flag_that_is_misspelled_before_the_question_is_told_as_one() {
    let muster = Muster::new();
    for (arguments, told) in [
        (["query", "--limitt", "5", "os:windows"].as_slice(), "there is no flag --limitt\n  Did you mean --limit?"),
        (&["query", "--limitt=5", "os:windows"], "Did you mean --limit?"),
        (&["query", "--frobnicate", "os:windows"], "there is no flag --frobnicate\n  All of them: muster query --help"),
        (&["query", "--no-progres", ""], "Did you mean --no-progress?"),
    ] {
        let run = muster.run(arguments);
        refused(&run, 2);
        assert!(run.err.contains(told), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_command_that_is_misspelled_is_told_its_nearest_and_no_flag_of_all_commands() {
    let muster = Muster::new();
    let run = muster.run(&["conect", "acme.sentinelone.net"]);
    refused(&run, 2);
    assert!(run.err.contains("'connect'") && !run.err.contains("owner"), "{}", run.err);
    let folder = muster.dir.path().display().to_string();
    let run = muster.run(&["--data-dir", &folder, "import", "csv"]);
    refused(&run, 2);
    assert!(run.err.contains("Usage: muster import") && !run.err.contains("--data-dir"), "{}", run.err);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let muster = Muster::new();
    let listen = at.to_string();
    for arguments in [["serve", "--listen", &listen], ["demo", "--listen", &listen]] {
        let run = muster.run(&arguments);
        refused(&run, 6);
        let told = format!("port {} of 127.0.0.1 is in use by another program", at.port());
        assert!(run.err.contains(&told) && run.err.contains("--listen 127.0.0.1:0 takes a free one"), "{}", run.err);
    }
}

#[test]
fn a_file_that_is_not_there_is_bad_input_everywhere() {
    let muster = Muster::new();
    let none = muster.dir.join("none").display().to_string();
    for arguments in [
        ["restore", "--check", &none].as_slice(),
        &["restore", &none],
        &["import", "csv", &none, "--source", "lan"],
        &["connect", "127.0.0.1:1", "--token-file", &none],
    ] {
        let run = muster.run(arguments);
        refused(&run, 2);
        assert!(run.err.contains("none cannot be read: No such file"), "{arguments:?}: {}", run.err);
    }
}
