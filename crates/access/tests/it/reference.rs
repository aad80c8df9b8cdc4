//! Secrets that are kept elsewhere, with a Vault's double that speaks HTTP.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use access::{AccessError, CACHE_SECONDS, Custody, FetchError, Http, Outside, Reference, Vault};
use kernel::{Secret, Timestamp};
use store::ErrorClass;
use testkit::TestDir;

use crate::world::{NOW, at, secret};

/// A KV engine of version 2, as Vault and OpenBao speak: `secret/` is mounted, one token may read below `muster/`.
struct Double {
    address: String,
    requests: Arc<AtomicUsize>,
    sealed: Arc<Mutex<bool>>,
    value: Arc<Mutex<String>>,
}

impl Double {
    fn start() -> Double {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let double = Double {
            address,
            requests: Arc::default(),
            sealed: Arc::default(),
            value: Arc::new(Mutex::new("first".into())),
        };
        let (requests, sealed, value) = (double.requests.clone(), double.sealed.clone(), double.value.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let Some(first) = lines.next() else { continue };
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                requests.fetch_add(1, Ordering::SeqCst);
                let sealed = *sealed.lock().unwrap();
                let (status, body) = answer(&first, &head, sealed, &value.lock().unwrap());
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                );
            }
        });
        double
    }

    fn vault(&self, token: &str) -> Vault {
        Vault::new(&format!("{}/", self.address), secret(token), Some("team".to_owned()), Http::real(None).unwrap())
    }
}

fn answer(first: &str, head: &[String], sealed: bool, value: &str) -> (u16, String) {
    let errors = |text: &str| format!(r#"{{"errors":[{text}]}}"#);
    let header = |name: &str| {
        head.iter()
            .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|it| it.1))
    };
    if sealed {
        return (503, errors(r#""Vault is sealed""#));
    }
    if header("x-vault-namespace") != Some("team") {
        return (404, errors(r#""no handler for route""#));
    }
    if header("x-vault-token") != Some("s.right") {
        return (403, errors(r#""permission denied""#));
    }
    let metadata =
        r#""metadata":{"created_time":"2026-01-01T00:00:00Z","deletion_time":"","destroyed":false,"version":2}"#;
    match first {
        "GET /v1/secret/data/muster/acme HTTP/1.1" | "GET /v1/secret/data/muster/a%20b%3F HTTP/1.1" => (
            200,
            format!(r#"{{"request_id":"r","data":{{"data":{{"token":"{value}","port":8}},{metadata}}},"auth":null}}"#),
        ),
        "GET /v1/secret/data/muster/deleted HTTP/1.1" => (404, format!(r#"{{"data":{{"data":null,{metadata}}}}}"#)),
        "GET /v1/old/data/acme HTTP/1.1" => (200, r#"{"data":{"token":"version one"}}"#.to_owned()),
        "GET /v1/secret/data/standby HTTP/1.1" => (473, errors("")),
        "GET /v1/secret/data/page HTTP/1.1" => (200, "<html>".to_owned()),
        "GET /v1/sys/data/raw HTTP/1.1" => (403, errors(r#""permission denied""#)),
        _ => (404, errors("")),
    }
}

fn follow(text: &str, outside: &Outside<'_>, now: Timestamp) -> Result<String, FetchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reference = Reference::parse(text).unwrap();
    runtime.block_on(access::fetch(&reference, outside, now)).map(|secret| secret.expose().to_owned())
}

fn through(vault: &Vault) -> Outside<'_> {
    Outside { env: &|_| None, files: None, vault: Some(vault) }
}

#[test]
fn a_vaults_secret_is_fetched_and_believed_for_five_minutes() {
    let double = Double::start();
    let vault = double.vault("s.right");
    let place = "vault://secret/muster/acme#token";
    assert_eq!(follow(place, &through(&vault), NOW).unwrap(), "first");
    *double.value.lock().unwrap() = "second".to_owned();
    assert_eq!(follow(place, &through(&vault), at(CACHE_SECONDS - 1)).unwrap(), "first");
    assert_eq!(double.requests.load(Ordering::SeqCst), 1);
    assert_eq!(follow(place, &through(&vault), at(CACHE_SECONDS)).unwrap(), "second");
    *double.value.lock().unwrap() = "third".to_owned();
    vault.forget();
    assert_eq!(follow(place, &through(&vault), at(CACHE_SECONDS)).unwrap(), "third");
    assert_eq!(follow("vault://secret/muster/a b?#token", &through(&vault), NOW).unwrap(), "third");
    assert!(!format!("{vault:?}").contains("s.right") && !format!("{vault:?}").contains("third"));
}

#[test]
fn a_vault_that_hands_nothing_over_says_why() {
    let double = Double::start();
    let vault = double.vault("s.right");
    let refused = |text: &str| follow(text, &through(&vault), NOW).unwrap_err();
    assert!(matches!(refused("vault://secret/muster/none#token"), FetchError::Nothing));
    assert!(matches!(refused("vault://secret/muster/deleted#token"), FetchError::Nothing));
    assert!(matches!(refused("vault://secret/muster/acme#other"), FetchError::NoKey(_)));
    assert!(matches!(refused("vault://secret/muster/acme#port"), FetchError::NoKey(_)), "a number is no secret");
    assert!(matches!(refused("vault://old/acme#token"), FetchError::Odd));
    assert!(matches!(refused("vault://secret/page#token"), FetchError::Odd));
    assert!(matches!(refused("vault://sys/raw#token"), FetchError::Forbidden));
    assert!(matches!(refused("vault://secret/standby#token"), FetchError::Status(473)));
    let stranger = double.vault("s.wrong");
    let error = follow("vault://secret/muster/acme#token", &through(&stranger), NOW).unwrap_err();
    assert!(matches!(error, FetchError::Forbidden) && error.class() == ErrorClass::Usage);
    *double.sealed.lock().unwrap() = true;
    let error = refused("vault://secret/muster/acme#token");
    assert!(matches!(error, FetchError::Sealed) && error.class() == ErrorClass::Unreachable);
    *double.sealed.lock().unwrap() = false;
    assert_eq!(follow("vault://secret/muster/acme#token", &through(&vault), NOW).unwrap(), "first", "no error is kept");

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Vault::new(&format!("http://{closed}"), secret("s.right"), None, Http::real(None).unwrap());
    let error = follow("vault://secret/a#b", &through(&gone), NOW).unwrap_err();
    assert!(matches!(error, FetchError::Http(_)) && error.class() == ErrorClass::Unreachable, "{error:?}");
    let none = Outside { env: &|_| None, files: None, vault: None };
    assert!(matches!(follow("vault://secret/a#b", &none, NOW), Err(FetchError::NotConfigured(_))));
}

#[test]
fn variables_and_files_stay_within_their_fences() {
    let dir = TestDir::new();
    let folder = dir.join("secrets");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("acme"), "from a file\n").unwrap();
    std::fs::write(folder.join("empty"), "\n").unwrap();
    std::fs::write(folder.join("bytes"), [0xff, 0xfe]).unwrap();
    std::fs::write(folder.join("long"), "x".repeat(65 * 1024)).unwrap();
    dir.write("key", "outside");
    std::os::unix::fs::symlink(dir.join("key"), folder.join("way-out")).unwrap();
    let env = |name: &str| (name == "MUSTER_SECRET_ACME").then(|| OsString::from("from a variable"));
    let outside = Outside { env: &env, files: Some(&folder), vault: None };
    let file = |name: &str| format!("file://{}", folder.join(name).display());
    assert_eq!(follow("env:MUSTER_SECRET_ACME", &outside, NOW).unwrap(), "from a variable");
    assert_eq!(follow(&file("acme"), &outside, NOW).unwrap(), "from a file");
    assert!(matches!(follow("env:MUSTER_SECRET_OTHER", &outside, NOW), Err(FetchError::Nothing)));
    assert!(matches!(follow(&file("none"), &outside, NOW), Err(FetchError::Nothing)));
    assert!(matches!(follow(&file("empty"), &outside, NOW), Err(FetchError::Nothing)));
    assert!(matches!(follow(&file("bytes"), &outside, NOW), Err(FetchError::NotText)));
    assert!(matches!(follow(&file("long"), &outside, NOW), Err(FetchError::NotText)));
    assert!(matches!(follow(&file("way-out"), &outside, NOW), Err(FetchError::Outside)));
    let key = format!("file://{}", dir.join("key").display());
    assert!(matches!(follow(&key, &outside, NOW), Err(FetchError::Outside)));
    let nowhere = Outside { files: None, ..outside };
    assert!(matches!(follow(&file("acme"), &nowhere, NOW), Err(FetchError::NotConfigured(_))));
}

#[test]
fn a_credentials_secret_comes_from_wherever_it_is() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let env = |_: &str| Some(OsString::from("elsewhere"));
    let outside = Outside { env: &env, files: None, vault: None };
    let get = |custody: Custody| runtime.block_on(access::fetch_secret(custody, "acme", &outside, NOW));
    let text = |found: Result<Secret, AccessError>| found.unwrap().expose().to_owned();
    assert_eq!(text(get(Custody::Opened(secret("here")))), "here");
    assert_eq!(text(get(Custody::Elsewhere(Reference::parse("env:MUSTER_SECRET_A").unwrap()))), "elsewhere");
    let far = get(Custody::Explorer("exp_1".to_owned())).unwrap_err();
    assert!(matches!(far, AccessError::KeptElsewhere { .. }), "{far}");
    let failed = get(Custody::Elsewhere(Reference::parse("vault://a/b#c").unwrap())).unwrap_err();
    assert_eq!(failed.to_string(), "credential acme cannot be fetched from vault://a/b#c");
    assert_eq!(failed.class(), ErrorClass::Usage);
}
