//! Scans from the command line: what would run, what is refused, and what comes of one.

use std::net::TcpListener;

use crate::assert_run;
use crate::harness::{Muster, wait_until};

/// Where nmap is not.
const NOWHERE: &str = "/nonexistent";

#[test]
fn what_would_run_is_shown_and_nothing_else_is_done() {
    let muster = Muster::new();
    let run =
        muster.run(&["scan", "10.20.0.0/24", "10.30.0.5", "--exclude", "10.20.0.1", "--ports", "22,80", "--dry-run"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let command = run.out.lines().next().unwrap();
    assert!(command.starts_with("nmap --") && command.contains("-p 22,80 --max-rate 300"), "{command}");
    assert!(command.ends_with("-oX scan.xml --exclude 10.20.0.1 10.20.0.0/24 10.30.0.5"), "{command}");
    assert!(run.out.contains("257 addresses, at most 300 packets a second, 120 minutes at most."), "{}", run.out);
    assert!(!muster.data_dir().exists(), "a dry run makes no database");
}

#[test]
fn what_cannot_be_scanned_says_why() {
    let muster = Muster::new();
    let mut told = String::new();
    for arguments in [
        &["scan"][..],
        &["scan", "0.0.0.0/0"],
        &["scan", "10.0.0.0/8"],
        &["scan", "8.8.8.8"],
        &["scan", "127.0.0.1"],
        &["scan", "intranet"],
        &["scan", "10.0.0.1;reboot"],
        &["scan", "--", "-iL", "/etc/passwd"],
        &["scan", "10.0.0.1", "--exclude", "-oN"],
        &["scan", "10.0.0.1", "--ports", "http"],
        &["scan", "10.0.0.1", "--rate", "0"],
        &["scan", "10.0.0.1", "--time-limit", "30d"],
        &["scan", "10.0.0.1", "--snmp", "switches"],
        &["scan", "task", "run", "office"],
        &["scan", "task", "add", "office", "10.0.0.1", "--every", "5m"],
        &["scan", "task", "add", "office", "10.0.0.1", "--every", "1d", "--at", "24:00"],
    ] {
        let run = muster.run(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        told += &format!("$ muster {}\n{}\n", arguments.join(" "), run.err);
    }
    let mut command = muster.command(&["scan", "10.0.0.1"]);
    let run: crate::harness::Run = command.env("PATH", NOWHERE).output().unwrap().into();
    assert_eq!(run.code, 2);
    told += &format!("$ PATH= muster scan 10.0.0.1\n{}\n", run.err);
    insta::assert_snapshot!(told);
    assert_eq!(muster.count("assets", ""), 0);
}

#[test]
fn a_scan_of_this_machine_becomes_an_asset_with_what_answers() {
    let muster = Muster::new();
    let listener = TcpListener::bind("127.0.0.31:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    assert_eq!(
        muster.ok(&["scan", "allow", "127.0.0.0/8"]).out,
        "Scans may touch 127.0.0.0/8 from now on, and nothing else.\n"
    );
    let scan = ["scan", "127.0.0.31", "--ports", &port, "--light", "--no-names", "--source", "here", "--site", "HQ"];
    let run = muster.ok(&scan);
    assert!(run.out.contains("Made the source here; its machines land in site HQ."), "{}", run.out);
    assert!(run.out.contains("1 new, 0 changed"), "{}", run.out);
    assert_eq!(muster.count("services", &format!("port:{port}")), 1);
    assert_eq!(muster.count("assets", "source:scan"), 1);
    let again = muster.ok(&[&scan[..], &["--json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&report["complete"], &report["created"]), (&true.into(), &0.into()), "{}", again.out);
}

#[test]
fn a_scan_that_is_told_to_end_ends_nmap_too() {
    let muster = Muster::new();
    muster.ok(&["scan", "allow", "127.0.0.0/8"]);
    let folder = testkit::TestDir::new();
    let script = "#!/bin/sh\necho $$ > \"$(dirname \"$0\")/own\"; exec sleep 1000\n";
    let file = folder.write("nmap", script);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let own = || std::fs::read_to_string(folder.path().join("own")).unwrap_or_default().trim().to_owned();
    let mut command = muster.command(&["scan", "127.0.0.1"]);
    command.env("PATH", folder.path()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    wait_until("nmap runs", || !own().is_empty());
    let lives = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", own())).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
    };
    assert!(lives());
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let run = crate::harness::Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("the scan was stopped") && run.err.contains("Nothing of it was imported"), "{}", run.err);
    wait_until("nmap ends", || !lives());
    assert_eq!(muster.count("assets", ""), 0);
}

#[test]
fn scan_tasks_are_told_in_words() {
    let muster = Muster::new();
    assert_run!(muster, muster.run(&["scan", "task", "list"]));
    let add = ["scan", "task", "add", "office", "10.20.0.0/24", "--site", "HQ", "--once", "2126-11-21T02:30:00Z"];
    assert_eq!(muster.ok(&add).code, 0);
    muster.ok(&["scan", "task", "add", "lab", "10.30.0.0/24", "10.30.1.7"]);
    assert_run!(muster, muster.run(&["scan", "task", "list"]));
    assert_run!(muster, muster.run(&add));
    muster.ok(&["scan", "task", "run", "LAB"]);
    assert_run!(muster, muster.run(&["scan", "task", "show", "lab"]));
    muster.ok(&["scan", "task", "pause", "lab"]);
    assert_eq!(muster.run(&["scan", "task", "run", "lab"]).code, 2);
    let list = muster.ok(&["scan", "task", "list", "--json"]).out;
    let lab: serde_json::Value = serde_json::from_str(list.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&lab["name"], &lab["enabled"], &lab["targets"]),
        (&"lab".into(), &false.into(), &"10.30.0.0/24, 10.30.1.7".into())
    );
    muster.ok(&["scan", "task", "resume", "lab"]);
    assert_eq!(muster.ok(&["scan", "task", "stop", "lab"]).out, "It is not running.\n");
    muster.ok(&["scan", "task", "remove", "lab"]);
    assert_eq!(muster.ok(&["scan", "task", "list", "--json"]).out.lines().count(), 1);
    assert_run!(muster, muster.run(&["scan", "allow"]));
}

#[test]
fn scanning_explains_itself() {
    let muster = Muster::new();
    let told = |arguments: &[&str]| muster.ok(arguments).out;
    insta::assert_snapshot!(format!("{}\n{}", told(&["scan", "--help"]), told(&["scan", "task", "add", "--help"])));
}
