//! A new key in the place of the old one.

use std::path::Path;

use testkit::Database;

use crate::assert_run;
use crate::harness::{Console, Muster, Run};

testkit::on_each_database! {
    once_everything_is_sealed_under_the_new_key_the_old_one_may_go,
}

/// With a key before that of the data directory.
fn with_key(muster: &Muster, key: &Path, arguments: &[&str]) -> Run {
    muster.command(arguments).env("MUSTER_KEY_FILE", key).output().expect("the program was built").into()
}

fn new_key(muster: &Muster) -> std::path::PathBuf {
    muster.dir.write("new.key", "5e".repeat(32))
}

fn once_everything_is_sealed_under_the_new_key_the_old_one_may_go(database: &Database) {
    let console = Console::start();
    let muster = Muster::on(database).connect(&console);
    let (old, new) = (muster.data_dir().join("key"), new_key(&muster));
    let told = with_key(&muster, &new, &["rekey", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told["sealed_again"].as_u64(), told["others"].as_array().map(Vec::len)), (Some(1), Some(1)));
    let again = with_key(&muster, &new, &["rekey", "--json"]);
    assert!(again.out.contains("\"sealed_again\":0"), "{}", again.out);
    // The new one alone opens the console; the old one alone does not.
    let beside = muster.dir.join("old.key");
    std::fs::rename(&old, &beside).unwrap();
    let read = with_key(&muster, &new, &["sync", "--stream", "accounts"]);
    assert_eq!(read.code, 0, "{}", read.err);
    let lost = with_key(&muster, &beside, &["sync", "--stream", "accounts"]);
    assert!(lost.code == 2 && lost.err.contains("is sealed with key"), "{}: {}", lost.code, lost.err);
    let refused = with_key(&muster, &beside, &["rekey"]);
    assert!(refused.code == 2 && refused.err.contains("is sealed with key"), "{}: {}", refused.code, refused.err);
}

#[test]
fn a_change_of_keys_is_told_in_words() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    assert_run!(muster, muster.run(&["rekey"]));
    let new = new_key(&muster);
    assert_run!(muster, with_key(&muster, &new, &["rekey"]));
    let empty = Muster::new();
    assert_run!(empty, empty.run(&["rekey"]));
}
