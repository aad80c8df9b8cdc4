//! Secrets are nowhere: not in the database, its log files, a body, an output or a log.

use sentinelone_sim::tokens;
use serde_json::json;
use store::{StoreError, Value};
use testkit::Database;

use crate::harness::{Console, Muster, SLICES};

/// Planted in an agent, where consoles really send such a key.
const LICENSE: &str = "CANARY-LICENSE-0815";

testkit::on_each_database! {
    secrets_are_nowhere,
}

fn secrets_are_nowhere(database: &Database) {
    let console = Console::start();
    let agent = console.world.agent_ids().into_iter().next().unwrap();
    assert!(console.world.patch_agent(&agent, &json!({ "licenseKey": LICENSE })));
    let raw = fetched(&console, "/web/api/v2.1/sites?limit=1");
    let (_, rest) = raw.split_once("\"registrationToken\":\"").expect("a console sends it");
    let registration = rest.split('"').next().unwrap().to_owned();
    assert!(registration.len() > 8, "{registration}");
    let canaries = [tokens::ACCOUNT, tokens::SPARE, LICENSE, &registration];
    let clean = |what: &str, bytes: &[u8]| {
        for canary in canaries {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} is in {what}");
        }
    };

    let muster = Muster::on(database).connect(&console);
    assert_eq!(muster.try_connect(&console, tokens::SPARE).code, 0);
    for arguments in [
        ["--log", "trace", "sync"].as_slice(),
        &["--log", "trace", "sync", "--json", "--full"],
        &["doctor", "--json"],
        &["query", "", "--format", "json", "--limit", "1000", "--fields", "@sentinelone.dev.licenseKey,name"],
        &[
            "query",
            "",
            "--in",
            "console_sites",
            "--format",
            "json",
            "--fields",
            "@sentinelone.site.registrationToken,name",
        ],
    ] {
        let run = muster.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        clean(&format!("the output of {arguments:?}"), run.out.as_bytes());
        clean(&format!("the errors of {arguments:?}"), run.err.as_bytes());
    }
    console.world.revoke(tokens::SPARE);
    let refused = muster.run(&["--log", "trace", "sync"]);
    assert_eq!(refused.code, 4);
    clean("the refusal", refused.err.as_bytes());

    // What stands in files, while they are as the program left them, the log beside the database too.
    for folder in [Some(muster.data_dir()), database.file().and_then(|file| file.parent().map(ToOwned::to_owned))] {
        for file in folder.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
            let path = file.unwrap().path();
            clean(&path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
    // What stands in tables, and what stands in the log once it is unpacked.
    let store = database.open(SLICES);
    let bodies = store
        .read_blocking(move |tx| {
            let mut values: Vec<(String, Vec<u8>)> = Vec::new();
            testkit::everything(tx, |table, column, value| {
                let bytes = match value {
                    Value::Text(text) => text.as_bytes().to_vec(),
                    Value::Bytes(bytes) => bytes.to_vec(),
                    _ => return,
                };
                values.push((format!("{table}, column {column}"), bytes));
            })?;
            let artifacts = signals::scan(tx, kernel::OrgId::DEFAULT, 0, 100_000).expect("the log reads");
            assert!(artifacts.len() > 100, "the log holds what was read");
            values.extend(artifacts.into_iter().map(|artifact| (format!("artifact {}", artifact.seq), artifact.raw)));
            Ok::<_, StoreError>(values)
        })
        .unwrap();
    for (place, bytes) in &bodies {
        clean(place, bytes);
    }
    let blanked = bodies.iter().any(|(_, bytes)| bytes.windows(12).any(|window| window == b"\"licenseKey\""));
    assert!(blanked, "the record itself is kept, without its secret");
}

/// What a console sends, before any redaction.
fn fetched(console: &Console, path: &str) -> String {
    use std::io::{Read, Write};
    let host = console.url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let token = tokens::ACCOUNT;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: ApiToken {token}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
