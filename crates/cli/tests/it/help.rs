//! What can be typed, and what the program says about it.

use std::path::Path;

use crate::assert_run;
use crate::harness::Muster;

#[test]
fn the_program_explains_itself() {
    let muster = Muster::new();
    assert_run!(muster, muster.ok(&["--help"]));
}

#[test]
fn who_types_the_name_alone_is_shown_three_ways_to_begin() {
    let muster = Muster::new();
    let run = muster.run(&[]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(!run.err.contains("error:") && run.err.lines().count() <= 8, "{}", run.err);
    for way in ["muster demo", "muster serve", "muster connect", "muster --help"] {
        assert!(run.err.contains(way), "{way}: {}", run.err);
    }
}

#[test]
fn the_pages_of_the_documentation_are_what_help_prints() {
    let muster = Muster::new();
    for (topic, file) in
        [(&["configuration"][..], "configuration.md"), (&["trouble", "markdown"][..], "troubleshooting.md")]
    {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
        assert!(muster.ok(&[&["help"][..], topic].concat()).out == std::fs::read_to_string(kept).unwrap(), "{file}");
    }
}

#[test]
fn every_command_explains_itself() {
    let muster = Muster::new();
    let mut all = String::new();
    for command in
        ["demo", "connect", "sync", "simulate", "doctor", "rekey", "migrate", "backup", "restore", "completion"]
    {
        let run = muster.ok(&["help", command]);
        assert_eq!(run.err, "");
        all += &format!("$ muster help {command}\n{}\n", run.out);
    }
    // The language has a reference of its own; here only the flags are looked at.
    all += &format!("$ muster query --help\n{}\n", muster.ok(&["query", "--help"]).out);
    insta::assert_snapshot!(all);
}

#[test]
fn the_help_of_query_names_every_inventory_that_is_listed() {
    let told = Muster::new().ok(&["query", "--help"]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    let listed = inventory::catalogue().inventories.iter().filter(|inventory| inventory.listed);
    for name in listed.map(|inventory| inventory.name) {
        assert!(
            told.contains(&format!(" {name},")) || told.contains(&format!(" {name};")) || name == "artifacts",
            "{name}: {told}"
        );
    }
}

#[test]
fn topics_are_explained() {
    let muster = Muster::new();
    let listed = muster.ok(&["--help"]).out;
    for topic in ["query", "fields", "token", "configuration", "trouble", "correlation"] {
        assert!(listed.contains(&format!("muster help {topic}")), "{topic}: {listed}");
        assert_eq!(muster.run(&["help", topic]).code, 0, "{topic}");
    }
    assert!(muster.ok(&["help", "query"]).out.contains("# The language"));
    assert!(muster.ok(&["help", "token"]).out.contains("Create New Service User"));
    let rules = muster.ok(&["help", "correlation"]).out;
    assert!(rules.contains("R60         MAC address + host name") && rules.contains("V6"), "{rules}");
    let fields = muster.ok(&["help", "fields"]).out;
    assert!(fields.contains("edr.name") && fields.contains("Other inventories: software"), "{fields}");
    assert!(muster.ok(&["help", "fields", "findings"]).out.contains("classification"));
    assert_run!(muster, muster.run(&["help", "fields", "asets"]));
}

#[test]
fn what_does_not_exist_yet_is_not_offered() {
    let muster = Muster::new();
    for arguments in [["demo", "--listen"].as_slice(), &["--frob"]] {
        let run = muster.run(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(run.err.starts_with("error: "), "{}", run.err);
    }
}

#[test]
fn completion_is_written_for_every_shell() {
    let muster = Muster::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(muster.ok(&["completion", shell]).out.contains("muster"), "{shell}");
    }
}
