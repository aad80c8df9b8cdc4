//! `muster explorer`, as people type it before there is a server.

use crate::assert_run;
use crate::harness::{Console, Muster};

#[test]
fn an_explorer_explains_itself_and_what_it_lacks() {
    let muster = Muster::new();
    let mut all = String::new();
    for command in [&["explorer"][..], &["explorer", "credential"], &["explorer", "credential", "add"]] {
        let run = muster.ok(&[command, &["--help"]].concat());
        all += &format!("$ muster {} --help\n{}\n", command.join(" "), run.out);
    }
    for command in [
        &["explorer"][..],
        &["explorer", "--token-file", "/nowhere"],
        &["explorer", "--server", "http://muster.example.com", "--token-file", "/dev/null"],
        &["explorer", "credential", "list"],
        &["explorer", "credential", "remove", "acme"],
    ] {
        let run = muster.run(command);
        all += &format!("$ muster {}\n{}\n\n", command.join(" "), muster.shown(&run));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn where_an_integration_runs_is_chosen_by_name() {
    let muster = Muster::connected(&Console::start());
    assert_run!(muster, muster.run(&["integration", "set", "acme", "--runs-at", "berlin"]));
    assert_run!(muster, muster.ok(&["integration", "set", "acme", "--runs-at", "centre"]));
}
