//! An Explorer and a server of the test's own, on a clock of its own.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jobs::{Virtual, World};
use kernel::Timestamp;
use muster_explorer::seal::KeyPair;
use muster_explorer::wire::{About, Asked, ConsoleWork, POLL_TIME, Poll, Sealed, TokenAt, kind};
use muster_explorer::{Explorer, Keeper, Link, State, WORK_AT_ONCE, run};
use sentinelone::Transport;

const CONSOLE: &str = "https://console.inside.example";

/// Work for an Explorer that has this state: a page of its console.
fn asked(state: &State, id: usize) -> serde_json::Value {
    let what = Sealed { url: CONSOLE.to_owned(), token: "t".repeat(80).into() };
    let sealed = KeyPair::read(&state.private_key).unwrap().seal(&state.explorer, &what).unwrap();
    let asked = Asked::of(&sentinelone::Request::agents());
    let payload = ConsoleWork { console: CONSOLE.to_owned(), token: TokenAt::Sealed(sealed), asked };
    serde_json::json!({ "id": id, "kind": kind::CONSOLE, "payload": payload, "seconds_left": 300 })
}

fn state() -> State {
    State {
        server: "http://127.0.0.1:1".to_owned(),
        explorer: "exp_0000000000001".to_owned(),
        name: "berlin".to_owned(),
        org: "Acme".to_owned(),
        token: "token".to_owned().into(),
        ca_pem: String::new(),
        private_key: KeyPair::fresh().private(),
    }
}

/// An Explorer whose console never answers.
fn explorer(world: &World, link: Link, state: State, folder: &Path) -> Explorer {
    Explorer {
        world: world.clone(),
        link,
        keeper: Keeper::new(folder.to_owned()),
        state,
        transport: Transport::InProcess(Arc::new(|_| Box::pin(std::future::pending()))),
        about: About::default(),
        more: Vec::new(),
    }
}

#[test]
fn an_explorer_whose_hands_are_full_is_heard_of_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let time = Virtual::new(Timestamp::from_seconds(1_795_230_000), 1);
    let (world, state) = (time.world(), state());
    // The server gives as much as there is room for, at once.
    let polls = Arc::new(Mutex::new(Vec::new()));
    let (heard, own, clock) = (polls.clone(), state.clone(), world.clone());
    let link = Link::over(&state.server, move |request: Request<Bytes>| {
        assert!(request.uri().path().ends_with("/poll"), "nothing is answered");
        let poll: Poll = serde_json::from_slice(request.body()).unwrap();
        let work: Vec<_> = (0..poll.room).map(|at| asked(&own, at)).collect();
        heard.lock().unwrap().push((clock.now(), poll.holding.len()));
        let polled = serde_json::json!({ "name": "berlin", "work": work });
        Box::pin(async move { Ok(Response::new(Bytes::from(polled.to_string()))) })
    });
    let of = explorer(&world, link.unwrap(), state, folder.path());
    let mut before = world.now();
    // It is told to end between two questions.
    time.run(run(&of, world.sleep(Duration::from_secs(310)), &|_| {})).unwrap();
    let polls = polls.lock().unwrap();
    let full: Vec<_> = polls.iter().filter(|(_, holding)| *holding == WORK_AT_ONCE).map(|(at, _)| *at).collect();
    assert_eq!(full.len(), 15, "{polls:?}");
    for at in full {
        assert!(at.seconds_since(before) <= POLL_TIME.as_secs().cast_signed(), "{polls:?}");
        before = at;
    }
}

#[test]
fn an_answer_that_took_too_long_on_the_way_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let time = Virtual::new(Timestamp::from_seconds(1_795_230_000), 1);
    let (world, state) = (time.world(), state());
    let sent = Arc::new(Mutex::new(0));
    let count = sent.clone();
    let link = Link::over(&state.server, move |request: Request<Bytes>| {
        let mut answer = Response::new(Bytes::from("{}"));
        if request.uri().path().ends_with("/poll") {
            let poll: Poll = serde_json::from_slice(request.body()).unwrap();
            let count = *count.lock().unwrap();
            let work = serde_json::json!([{ "id": 1, "kind": kind::KEEP, "payload": null, "seconds_left": 60 }]);
            let work =
                if poll.room > 0 && poll.holding.is_empty() && count == 0 { work } else { Vec::<u8>::new().into() };
            *answer.body_mut() = serde_json::json!({ "name": "berlin", "work": work }).to_string().into();
            // With nothing to do, the question stays open.
            let pending = work == serde_json::json!([]) && poll.room > 0;
            return Box::pin(async move { if pending { std::future::pending().await } else { Ok(answer) } });
        }
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count == 1 {
            *answer.status_mut() = StatusCode::REQUEST_TIMEOUT;
        }
        Box::pin(async move { Ok(answer) })
    });
    let of = explorer(&world, link.unwrap(), state, folder.path());
    time.run(run(&of, world.sleep(Duration::from_secs(30)), &|_| {})).unwrap();
    assert_eq!(*sent.lock().unwrap(), 2, "once more, and then it is there");
}
