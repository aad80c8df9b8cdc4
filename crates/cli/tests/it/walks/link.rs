//! A token is handed over by somebody who has no account here.

use std::io::{Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use browser::Tab;
use sentinelone_sim::tokens;

use super::world::Site;
use crate::harness::{Muster, wait_until};

/// Makes the link that the form on the page describes, and reads it where it is shown.
fn make_the_link(who: &Tab) -> String {
    who.press("Make the link");
    who.sees("The link, shown this once");
    let link = who.value("document.querySelector('#main .mono').innerText.trim()");
    link.as_str().unwrap().to_owned()
}

/// Hands the good token over, on the step of the link that asks for it.
fn hand_over(who: &Tab) {
    who.fill("API token", tokens::ACCOUNT);
    who.press("Verify");
    who.sees("Verified just now, nothing saved yet");
    who.press("Connect with this token");
    who.sees("The link is used up");
}

#[test]
fn a_connection_link_is_made_by_one_person_and_used_by_another() {
    let site = Site::empty();
    let ada = site.ada();
    site.to(&ada, "/credentials/links");
    ada.sees("Nobody was asked yet");
    ada.press("Ask somebody for a token");
    ada.fill("Who it is for", "m.okafor@acme.example");
    let link = make_the_link(&ada);
    assert!(link.contains('#'), "{link}");
    ada.press("See how far it is");
    ada.sees("m.okafor@acme.example");

    let max = site.chromium.somebody();
    max.go(&link);
    max.sees("What will be read");
    max.sees("Ada Lindqvist");
    assert!(!max.address().contains(link.split_once('#').unwrap().1), "{}", max.address());
    max.press("Next: your consent");
    max.press("Next: address and token");
    // The box has to be ticked by a person.
    max.sees("Say whether you may grant this access.");
    max.press("I administer this console");
    max.press("Next: address and token");
    max.fill("Address of the console", &site.console.url);
    max.fill("API token", tokens::EXPIRED);
    max.press("Verify");
    max.sees("Not connected, and nothing saved");
    max.sees("4 attempts left");
    hand_over(&max);

    // Ada's page moves by itself.
    ada.holds("the link's state to move", "hands.sees('Used') || hands.sees('Connected')");
    site.to(&ada, "/integrations");
    ada.holds("the first reading to end", "hands.sees('Healthy') && !document.querySelector('.progress progress')");

    max.go("about:blank");
    max.go(&link);
    max.sees("This link");
    max.sees("ask");
}

/// What stands between browsers and the service, and keeps all that browsers send.
struct Wire {
    origin: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    fn to(origin: &str) -> Wire {
        let there = origin.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = sent.clone();
        std::thread::spawn(move || {
            for browser in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&there) else { continue };
                let (up, down) = (
                    (browser.try_clone().unwrap(), server.try_clone().unwrap(), Some(kept.clone())),
                    (server, browser, None),
                );
                for (from, to, keep) in [up, down] {
                    std::thread::spawn(move || pass(from, to, keep.as_deref()));
                }
            }
        });
        Wire { origin, sent }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, keep: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(size @ 1..) = from.read(&mut buffer) {
        if let Some(keep) = keep {
            keep.lock().unwrap().extend_from_slice(&buffer[..size]);
        }
        if to.write_all(&buffer[..size]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// The files of a folder that hold a text, and how many files there are.
fn files_with(folder: &Path, text: &str) -> (Vec<String>, usize) {
    let (mut found, mut count) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let (more, inside) = files_with(&path, text);
            found.extend(more);
            count += inside;
        } else if let Ok(bytes) = std::fs::read(&path) {
            count += 1;
            found.extend(holds(&bytes, text).then(|| path.display().to_string()));
        }
    }
    (found, count)
}

#[test]
fn a_token_that_an_explorer_is_to_keep_is_sealed_in_the_browser_and_never_gets_to_the_server() {
    let site = Site::empty();
    let wire = Wire::to(&site.origin);
    let ada = site.ada();
    ada.go(&format!("{}/explorers", wire.origin));
    ada.fill("Name", "Berlin");
    ada.press("Make its one-time token");
    ada.sees("Paste the token");
    let ticket = ada.value("[...document.querySelectorAll('#main code.mono')].pop().innerText.trim()");
    let there = Muster::new();
    let file = there.dir.write("ticket", ticket.as_str().unwrap()).display().to_string();
    let mut explorer = there.start(&["explorer", "--server", &site.origin, "--token-file", &file]);
    ada.press("See how it fares");
    let home = ada.address();
    wait_until("the Explorer connects", || {
        ada.go(&home);
        ada.text().contains("Connected")
    });

    ada.go(&format!("{}/credentials/links/new", wire.origin));
    ada.fill("Who it is for", "m.okafor@acme.example");
    ada.choose("Who keeps the token", "Berlin");
    let link = make_the_link(&ada);
    let max = site.chromium.somebody();
    // By the same wire, whatever name the service gives itself.
    let link = link.rsplit_once("/link").unwrap().1;
    max.go(&format!("{}/link{link}", wire.origin));
    max.sees("What will be read");
    max.press("Next: your consent");
    max.sees("Berlin");
    max.press("I administer this console");
    max.press("Next: address and token");
    max.fill("Address of the console", &site.console.url);
    hand_over(&max);
    assert_eq!(max.complaints(), Vec::<String>::new());

    // The connection stands: the Explorer reads the console with what only it can open.
    ada.go(&format!("{}/integrations", wire.origin));
    ada.holds("the first reading to end", "hands.sees('Healthy') && !document.querySelector('.progress progress')");
    let sent = wire.sent.lock().unwrap().clone();
    assert!(holds(&sent, "sealed=") && holds(&sent, "m.okafor"), "what browsers sent was looked at");
    for part in [tokens::ACCOUNT, &tokens::ACCOUNT[9..48]] {
        assert!(!holds(&sent, part), "{part} went over the wire");
        let (found, files) = files_with(&site.muster.data_dir(), part);
        assert!(found.is_empty() && files > 0, "{part}: {found:?} of {files}");
        assert_eq!(files_with(&there.data_dir(), part).0, Vec::<String>::new(), "there it lies sealed");
    }
    assert!(files_with(&there.data_dir(), "127.0.0.1").1 >= 2, "the Explorer keeps it");
    explorer.kill().unwrap();
    explorer.wait().unwrap();
}
