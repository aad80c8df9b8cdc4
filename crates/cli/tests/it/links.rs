//! Why records are one machine, and what people decide about it: as it is told.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::harness::{FILTERS, Muster};

const CMDB: &str = "\
sys_id,name,serial_number,mac_address,os,manufacturer,tags,type,ip
a1,PC-0001,SN-000101,00:1c:23:00:00:01,Windows 11,Dell Inc.,env=prod,Laptop,10.0.0.1
a2,PC-0002,SN-000202,00:1c:23:00:00:02,Windows 11,Dell Inc.,,Laptop,10.0.0.2
a3,localhost,To be filled by O.E.M.,0a:00:27:00:00:00,Windows 11,ASUS,,,
";

const AUDIT: &str = "\
sys_id,name,serial_number,mac_address,os,manufacturer,tags
b1,desk-of-ann,sn-000101,,Windows 11,DELL,env=test
b2,pc-0002,,,Windows 11,,
b3,localhost,To be filled by O.E.M.,0a:00:27:00:00:00,Windows 11,ASUS,
";

/// Two lists of three machines each, of which one is told by its serial number and one is not told for sure.
fn listed() -> Muster {
    let muster = Muster::new();
    for (name, text) in [("cmdb", CMDB), ("audit", AUDIT)] {
        let file = muster.dir.write(&format!("{name}.csv"), text).display().to_string();
        muster.ok(&["import", "csv", &file, "--source", name, "--site", "HQ"]);
    }
    muster
}

fn json(muster: &Muster, arguments: &[&str]) -> Json {
    serde_json::from_str(&muster.ok(arguments).out).unwrap()
}

/// The asset that the only answer to a question has.
fn asset(muster: &Muster, text: &str) -> String {
    let found = json(muster, &["query", text, "--fields", "id", "--json"]);
    assert_eq!(found.as_array().unwrap().len(), 1, "{text}: {found}");
    found[0]["id"].as_str().unwrap().to_owned()
}

/// Ids named by the order in which they come: `ast_1`, `rec_2`.
fn renamed(text: &str) -> String {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut out = String::new();
    for word in text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
        let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let is_id = ["ast_", "rec_", "rev_", "dec_"].iter().any(|prefix| bare.starts_with(prefix) && bare.len() == 17);
        if is_id {
            let number = names.keys().filter(|known| known.starts_with(&bare[..4])).count() + 1;
            let name = names.entry(bare.to_owned()).or_insert_with(|| format!("{}{number}", &bare[..4]));
            out += name;
            out += &word[bare.len()..];
        } else {
            out += word;
        }
    }
    out
}

#[test]
fn why_records_are_one_machine_is_told_in_words() {
    let muster = listed();
    let (one, two) =
        (asset(&muster, "name:desk-of-ann or name:pc-0001"), asset(&muster, "name:pc-0002 serial:sn-000202"));
    let other = asset(&muster, "name:pc-0002 no:serial");
    let nobodies = json(&muster, &["query", "name:localhost", "--sort", "id", "--fields", "id", "--json"]);
    let nobody = nobodies[0]["id"].as_str().unwrap().to_owned();
    let review = json(&muster, &["asset", "review", "--json"]);
    let question = review[0]["id"].as_str().unwrap().to_owned();
    let explained = json(&muster, &["asset", "explain", &one, "--json"]);
    let record = explained["records"][1]["record"].as_str().unwrap().to_owned();
    let first = explained["records"][0]["record"].as_str().unwrap().to_owned();
    assert_eq!(explained["records"][1]["rule"], "R30");
    let mut told = String::new();
    for arguments in [
        ["asset", "explain", &one].as_slice(),
        &["asset", "explain", &two, "--and", &other],
        &["asset", "explain", &one, "--and", &two],
        &["asset", "explain", &one, "--and", &record],
        &["asset", "explain", &nobody],
        &["asset", "review"],
        &["asset", "review", "accept", &question, "--reason", "seen it"],
        &["asset", "review", "accept", &question],
        &["asset", "explain", &other],
        &["asset", "split", &record, "--reason", "two desks"],
        &["asset", "explain", &one, "--and", &record],
        &["asset", "merge", &one, &two],
        &["asset", "pin", &two],
        &["asset", "explain", &one],
        &["asset", "split", &first],
        &["asset", "unpin", &two],
        &["asset", "unpin", &two],
        &["asset", "split", &first, "--reason", "two after all"],
        &["asset", "history", &two, "--field", "asset"],
        &["asset", "explain", &one, &two],
        &["asset", "explain", &format!("{one}\r"), "--and", "desk-of-ann\r"],
        &["asset", "review"],
        &["asset", "split", "rec_0000000000zzz"],
        &["asset", "split", "pc-0001"],
        &["asset", "merge", &one, "ast_0000000000zzz"],
        &["asset", "explain", "pc-0001"],
    ] {
        let run = muster.command(arguments).env("USER", "dana").output().unwrap().into();
        told += &format!("$ muster {}\n{}\n\n", arguments.join(" "), muster.shown(&run));
    }
    let filters = FILTERS.iter().copied().chain([(r"\[NOW\]  +", "[NOW]  ")]);
    insta::with_settings!({ filters => filters, omit_expression => true }, {
        insta::assert_snapshot!(renamed(&told));
    });
}

#[test]
fn what_people_decide_outlives_ten_further_imports() {
    let muster = listed();
    let one = asset(&muster, "name:desk-of-ann or name:pc-0001");
    let (two, other) = (asset(&muster, "name:pc-0002 serial:sn-000202"), asset(&muster, "name:pc-0002 no:serial"));
    let explained = json(&muster, &["asset", "explain", &one, "--json"]);
    let record = explained["records"][1]["record"].as_str().unwrap().to_owned();
    let split = json(&muster, &["asset", "split", &record, "--json"]);
    let merged = json(&muster, &["asset", "merge", &two, &other, "--json"]);
    assert_eq!(split["asset"].as_str(), Some(one.as_str()));
    for time in 0..10 {
        let text = AUDIT.replace("Windows 11", &format!("Windows 11 build {time}"));
        let file = muster.dir.write("audit.csv", &text).display().to_string();
        muster.ok(&["import", "csv", &file, "--source", "audit"]);
        let records =
            |id: &str| json(&muster, &["asset", "explain", id, "--json"])["records"].as_array().unwrap().len();
        assert_eq!(records(&one), 1, "import {time}");
        assert_eq!(records(split["split_off"].as_str().unwrap()), 1, "import {time}");
        assert_eq!(records(merged["asset"].as_str().unwrap()), 2, "import {time}");
        assert_eq!(records(&other), 2, "the id that was merged away leads there");
    }
}

#[test]
fn what_people_decide_is_told_and_taken_back() {
    let muster = listed();
    let one = asset(&muster, "name:desk-of-ann or name:pc-0001");
    let (two, other) = (asset(&muster, "name:pc-0002 serial:sn-000202"), asset(&muster, "name:pc-0002 no:serial"));
    let question = |muster: &Muster| json(muster, &["asset", "review", "--json"])[0]["id"].as_str().unwrap().to_owned();
    let id = question(&muster);
    let mut told = String::new();
    let mut run = |arguments: &[&str]| {
        let done = muster.command(arguments).env("USER", "dana").output().unwrap().into();
        let shown = muster.shown(&done);
        told += &format!("$ muster {}\n{shown}\n\n", arguments.join(" "));
        // What takes it back, as the answer says.
        let back = shown.split("muster asset undo ").nth(1).unwrap_or_default();
        back.split_whitespace().next().unwrap_or_default().to_owned()
    };
    let dismissed = run(&["asset", "review", "dismiss", &id, "--reason", "two desks"]);
    run(&["asset", "explain", &two, "--and", &other]);
    let merged = run(&["asset", "merge", &two, &other]);
    run(&["asset", "undo", &dismissed]);
    run(&["asset", "undo", &merged, "--reason", "a slip"]);
    run(&["asset", "undo", &merged]);
    run(&["asset", "explain", &two]);
    run(&["asset", "undo", &dismissed]);
    run(&["asset", "explain", &two, "--and", &other]);
    run(&["asset", "pin", &other, "--reason", "as counted"]);
    run(&["asset", "explain", &two, "--and", &other]);
    run(&["asset", "merge", &two, &other]);
    run(&["asset", "unpin", &other, "--reason", "counted again"]);
    run(&["asset", "history", &other]);
    let named = run(&["asset", "merge", &two, &one]);
    run(&["asset", "history", &two]);
    run(&["asset", "history", &two, "--each"]);
    run(&["asset", "undo", &named]);
    run(&["asset", "explain", &one]);
    let record =
        json(&muster, &["asset", "explain", &one, "--json"])["records"][1]["record"].as_str().unwrap().to_owned();
    let split = run(&["asset", "split", &record]);
    run(&["asset", "undo", &split]);
    // What is no asset, no record, no question and no decision.
    let id = question(&muster);
    let short = &one[..one.len() - 1];
    let odd = one.replacen("_0", "_u", 1);
    for wrong in [id.as_str(), split.as_str(), short, odd.as_str(), "ast_0000000000zzz", "rec_1", "nobody"] {
        run(&["asset", "explain", wrong]);
    }
    run(&["asset", "review", "accept", &one]);
    run(&["asset", "undo", &one]);
    run(&["asset", "split", &id]);
    let filters = FILTERS.iter().copied().chain([(r"\[NOW\]  +", "[NOW]  ")]);
    insta::with_settings!({ filters => filters, omit_expression => true }, {
        insta::assert_snapshot!(renamed(&told));
    });
}
