//! Walks, cursors and the probe, against a console in this process.

use crate::console::{Reply, TOKEN, json, reply, run, scripted};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use sentinelone::probe::{ModuleState, Scope, TokenKind};
use sentinelone::{Advice, Client, Endpoint, Failure, Flaw, Request, UnifiedAlert, probe};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn walk(client: &Client, request: Request) -> (Vec<String>, Option<sentinelone::ApiError>) {
    run(async {
        let mut ids = Vec::new();
        let mut pages = std::pin::pin!(client.pages(request));
        loop {
            match pages.try_next().await {
                Ok(Some(page)) => ids.extend((0..page.len()).map(|at| page.id(at).unwrap_or_default().into_owned())),
                Ok(None) => return (ids, None),
                Err(error) => return (ids, Some(error)),
            }
        }
    })
}

#[test]
fn a_walk_follows_cursors_to_each_kind_of_end() {
    for end in [r#"{"nextCursor":null}"#, r#"{"nextCursor":""}"#, "{}", "null"] {
        let (client, asked) = scripted(move |request| {
            let query = request.uri().query().unwrap_or_default();
            if query.contains("cursor=") {
                json(format!(r#"{{"data":[{{"id":"2"}}],"pagination":{end}}}"#))
            } else {
                json(r#"{"data":[{"id":"1"}],"pagination":{"nextCursor":"YTox+/==","totalItems":2}}"#)
            }
        });
        assert_eq!(walk(&client, Request::agents().limit(1)), (vec!["1".to_owned(), "2".to_owned()], None));
        assert_eq!(
            *asked.lock().unwrap(),
            ["/web/api/v2.1/agents?limit=1", "/web/api/v2.1/agents?limit=1&cursor=YTox%2B%2F%3D%3D"]
        );
    }
}

#[test]
fn an_encoded_cursor_is_sent_back_encoded_once() {
    let (client, asked) = scripted(|request| match request.uri().query() {
        None => json(r#"{"data":[],"pagination":{"nextCursor":"YTox%3D%3D"}}"#),
        Some(_) => json(r#"{"data":[]}"#),
    });
    assert_eq!(walk(&client, Request::threats()).1, None);
    assert_eq!(asked.lock().unwrap()[1], "/web/api/v2.1/threats?cursor=YTox%3D%3D");
}

#[test]
fn a_repeated_cursor_is_an_error_and_never_an_end() {
    // The same at once, and one that comes back after others.
    for cycle in [1_u32, 3] {
        let count = AtomicU32::new(0);
        let (client, _) = scripted(move |_| {
            let at = count.fetch_add(1, Ordering::Relaxed) % cycle;
            json(format!(r#"{{"data":[{{"id":"{at}"}}],"pagination":{{"nextCursor":"c{at}"}}}}"#))
        });
        let (ids, error) = walk(&client, Request::activities());
        assert!(ids.len() <= 4);
        let error = error.unwrap();
        assert_eq!(error.failure(), &Failure::RepeatedCursor);
        assert!(error.spoils_cursor());
        assert_eq!(error.advice(), Advice::StartAgain);
    }
}

#[test]
fn null_data_is_a_page_without_records_that_says_so() {
    let (client, _) = scripted(|_| json(r#"{"data":null,"errors":null}"#));
    let page = run(client.page(&Request::agents(), None)).unwrap();
    assert!(page.is_empty() && page.data_was_null);
    let (client, _) = scripted(|_| json(r#"{"data":null}"#));
    let page = run(client.page(&Request::user(), None)).unwrap();
    assert!(page.is_empty() && page.data_was_null);
}

#[test]
fn a_page_knows_its_records_its_console_and_its_clock() {
    let body = r#"{"data":{"allSites":{"id":"x"},"sites":[{"id":"1","registrationToken":"hunter2"},{"id":2},{"name":"n"},3]},"pagination":{"totalItems":4,"nextCursor":null},"errors":[]}"#;
    let (client, _) = scripted(move |_| {
        let headers = [("x-rqid", "abc-1"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        reply(200, &headers, body)
    });
    let page = run(client.page(&Request::sites(), None)).unwrap();
    let ids: Vec<_> = (0..4).map(|at| page.id(at)).collect();
    assert_eq!(ids, [Some("1".into()), Some("2".into()), None, None]);
    assert_eq!(page.record(0), br#"{"id":"1","registrationToken":""}"#);
    assert_eq!((page.flaw(2), page.flaw(3)), (None, Some(Flaw::NotAnObject)));
    assert_eq!((page.total_items, page.redacted), (Some(4), 1));
    assert_eq!(page.request_id.as_deref(), Some("abc-1"));
    assert_eq!(page.date.map(|date| date.to_string()).as_deref(), Some("1994-11-06T08:49:37.000000Z"));
    assert_eq!(page.wire_bytes, body.len() as u64);
}

#[test]
fn gzip_is_undone_inside_the_process_too() {
    use std::io::Write as _;
    let pack = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let packed = pack(br#"{"data":[{"id":"1"}]}"#);
    let (whole, half) = (packed.clone(), packed[..packed.len() / 2].to_vec());
    let gzip =
        |bytes: Vec<u8>| move |_: &http::Request<Bytes>| reply(200, &[("content-encoding", "gzip")], bytes.clone());
    let (client, _) = scripted(gzip(whole));
    let page = run(client.page(&Request::agents(), None)).unwrap();
    assert_eq!((page.len(), page.wire_bytes), (1, packed.len() as u64));
    let (client, _) = scripted(gzip(half));
    assert!(run(client.page(&Request::agents(), None)).unwrap_err().is_transient());
    let (client, _) = scripted(gzip(b"this is no gzip".to_vec()));
    assert!(run(client.page(&Request::agents(), None)).unwrap_err().to_string().contains("compression"));
    let (client, _) = scripted(gzip(pack(&vec![b' '; 65 * 1024 * 1024])));
    assert_eq!(run(client.page(&Request::agents(), None)).unwrap_err().advice(), Advice::AskForLess);
}

/// A console whose owner, expiry and accounts are as given.
fn console(path: &str, user: &str, details: Reply, accounts: Reply) -> Reply {
    match path.trim_start_matches("/web/api/v2.1") {
        "/system/status" => json(r#"{"data":{"health":"ok"}}"#),
        "/system/info" => json(r#"{"data":{"version":"S-25.1.3#1","latestAgentVersion":"25.1.3.334"}}"#),
        "/user" => json(format!(r#"{{"data":{user}}}"#)),
        "/users/api-token-details" => details,
        "/accounts" => accounts,
        "/sites" => json(r#"{"data":{"sites":[]},"pagination":{"totalItems":3}}"#),
        "/tenant/policy" => json(r#"{"data":{"mitigationMode":"protect"}}"#),
        "/activities/types" => json(r#"{"data":[{"id":17},{"id":18}]}"#),
        "/application-management/risks" => {
            reply(403, &[], r#"{"errors":[{"code":4030010,"title":"Insufficient permissions","detail":null}]}"#)
        }
        "/xdr/assets" => reply(404, &[], "404 page not found\n"),
        _ => json(r#"{"data":[],"pagination":{"totalItems":7}}"#),
    }
}

fn no_pause(_: u32, _: Option<Duration>) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async {})
}

#[test]
fn a_probe_tells_a_persons_token_from_a_service_users() {
    let person = r#"{"id":"1","email":"viewer@example.com","scope":"account","scopeRoles":[{"id":"433241117337583618","name":"Acme","roleName":"Viewer"}],"apiToken":{"createdAt":"2026-11-01T00:00:00.000000Z","expiresAt":"2027-05-01T00:00:00Z"}}"#;
    let account = || json(r#"{"data":[{"id":"433241117337583618"}],"pagination":{"totalItems":1}}"#);
    let (client, asked) =
        scripted(move |request| console(request.uri().path(), person, reply(500, &[], ""), account()));
    let found = run(probe(&client, &no_pause)).unwrap();
    assert_eq!(
        (found.kind, &found.scope, found.role.as_deref()),
        (TokenKind::ConsoleUser, &Scope::Account, Some("Viewer"))
    );
    assert_eq!(found.expires_at.map(|at| at.to_string()).as_deref(), Some("2027-05-01T00:00:00.000000Z"));
    assert_eq!(found.module(Endpoint::Agents), Some(&ModuleState::Available { count: Some(7) }));
    assert_eq!(found.module(Endpoint::ActivityTypes), Some(&ModuleState::Available { count: Some(2) }));
    assert!(matches!(found.module(Endpoint::Risks), Some(ModuleState::NotAvailable { .. })));
    assert!(matches!(found.module(Endpoint::XdrAssets), Some(ModuleState::NotAvailable { .. })));
    let asked = asked.lock().unwrap();
    assert!(
        asked.contains(
            &"/web/api/v2.1/application-management/risks?countOnly=true&accountIds=433241117337583618".into()
        )
    );
    assert!(!asked.iter().any(|path| path.contains("api-token-details")));
    assert!(asked.len() < 30, "{}", asked.len());

    let service = r#"{"id":"2","email":null,"fullName":"sync","scope":"site","scopeRoles":[{"id":"475482421366727779","roleName":"Viewer"},{"id":"475482421366727780","roleName":"Admin"}],"apiToken":null}"#;
    let refused = || {
        reply(403, &[], r#"{"errors":[{"code":4030010,"title":"t","detail":"Action is not allowed to site users"}]}"#)
    };
    let details = || json(r#"{"data":{"createdAt":"2026-01-01T00:00:00Z","expiresAt":"2028-01-01T00:00:00Z"}}"#);
    let (client, _) = scripted(move |request| {
        if request.method() == http::Method::POST {
            assert_eq!(request.body(), &format!(r#"{{"data":{{"apiToken":"{TOKEN}"}}}}"#));
        }
        console(request.uri().path(), service, details(), refused())
    });
    let found = run(probe(&client, &no_pause)).unwrap();
    assert_eq!((found.kind, &found.scope, found.role.as_deref()), (TokenKind::ServiceUser, &Scope::Site, None));
    assert_eq!(found.expires_at.map(|at| at.to_string()).as_deref(), Some("2028-01-01T00:00:00.000000Z"));
    assert!(matches!(found.module(Endpoint::Accounts), Some(ModuleState::NotAvailable { .. })));
}

#[test]
fn a_probe_sends_the_token_only_to_what_answers_like_a_console() {
    let (client, asked) = scripted(|request| {
        assert!(request.headers().get("authorization").is_none());
        reply(200, &[], "<html>welcome</html>")
    });
    let error = run(probe(&client, &no_pause)).unwrap_err();
    assert_eq!(error.advice(), Advice::CheckAddress);
    assert_eq!(asked.lock().unwrap().len(), 4, "a page of HTML may pass, so it is asked for again");
}

#[test]
fn a_probe_outlasts_short_trouble_and_reports_a_dead_token() {
    let user = r#"{"id":"1","email":"a@b.c","scope":"tenant","lowestRole":"Viewer"}"#;
    let account = || json(r#"{"data":[{"id":"433241117337583618"}]}"#);
    let count = AtomicU32::new(0);
    let (client, _) = scripted(move |request| {
        if count.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            return reply(429, &[], "<html>429</html>");
        }
        console(request.uri().path(), user, reply(400, &[], ""), account())
    });
    let found = run(probe(&client, &no_pause)).unwrap();
    assert_eq!((found.role.as_deref(), found.expires_at), (Some("Viewer"), None));
    // The one module that never answers here may be cut short by a 429 of its own.
    let mut others = found.modules.iter().filter(|module| module.endpoint != Endpoint::XdrAssets);
    assert!(others.all(|module| !matches!(module.state, ModuleState::Unclear { .. })));

    let refused = || reply(401, &[], r#"{"errors":[{"code":4010010,"detail":null,"title":"Authentication Failed"}]}"#);
    let dead = AtomicU32::new(0);
    let (client, _) = scripted(move |request| match request.uri().path() {
        "/web/api/v2.1/groups" => {
            dead.store(1, Ordering::Relaxed);
            refused()
        }
        "/web/api/v2.1/user" if dead.load(Ordering::Relaxed) == 1 => refused(),
        path => console(path, user, reply(400, &[], ""), account()),
    });
    assert_eq!(run(probe(&client, &no_pause)).unwrap_err().advice(), Advice::NewToken);
}

#[test]
fn a_401_of_one_service_does_not_condemn_the_token() {
    let (client, _) = scripted(|request| match request.uri().path() {
        "/web/api/v2.1/user" => json(r#"{"data":{"id":"1"}}"#),
        _ => reply(401, &[], ""),
    });
    assert!(run(client.page(&Request::exclusions(), None)).unwrap_err().is_unauthorized());
    assert_eq!(run(client.token_is_refused()), Ok(false));
    let (client, _) = scripted(|_| reply(401, &[], ""));
    assert_eq!(run(client.token_is_refused()), Ok(true));
}

#[test]
fn a_walk_of_unified_alerts_follows_the_cursor_of_its_question() {
    let (client, asked) = scripted(|request| {
        let body = std::str::from_utf8(request.body()).unwrap();
        assert_eq!(request.method(), http::Method::POST);
        assert!(body.starts_with(r#"{"query":"query Alerts("#) && body.contains(r#""first":2"#), "{body}");
        let (id, info) = if body.contains(r#""after":"c1""#) {
            ("2", r#"{"hasNextPage":false,"endCursor":"c2"}"#)
        } else {
            ("1", r#"{"hasNextPage":true,"endCursor":"c1"}"#)
        };
        json(format!(
            r#"{{"data":{{"alerts":{{"totalCount":2,"pageInfo":{info},"edges":[{{"cursor":"x","node":{{"id":"{id}"}}}}]}}}}}}"#
        ))
    });
    let pages: Vec<_> = run(client.pages(Request::unified_alerts().limit(2)).try_collect()).unwrap();
    let ids: Vec<String> =
        pages.iter().flat_map(|page| (0..page.len()).filter_map(|at| page.id(at))).map(Into::into).collect();
    let alert = UnifiedAlert::decode(pages[1].record(0)).unwrap();
    assert_eq!((alert.id.as_deref(), pages[1].len()), (Some("2"), 1));
    assert_eq!((ids, pages[0].total_items), (vec!["1".to_owned(), "2".to_owned()], Some(2)));
    assert_eq!(*asked.lock().unwrap(), ["/web/api/v2.1/unifiedalerts/graphql"; 2]);
}

#[test]
fn an_answer_to_a_question_is_never_taken_for_the_end_by_mistake() {
    for alerts in [
        r#"{"edges":[]}"#,
        r#"{"edges":[],"pageInfo":{}}"#,
        r#"{"edges":[],"pageInfo":{"hasNextPage":true,"endCursor":null}}"#,
        r#"{"edges":[],"pageInfo":{"hasNextPage":true,"endCursor":""}}"#,
        r#"{"pageInfo":{"hasNextPage":false}}"#,
        "null",
    ] {
        let (client, _) = scripted(move |_| json(format!(r#"{{"data":{{"alerts":{alerts}}}}}"#)));
        let error = run(client.page(&Request::unified_alerts(), None)).unwrap_err();
        assert!(matches!(error.failure(), Failure::Shape { .. }), "{alerts}: {error}");
    }
    let (client, _) = scripted(|_| json(r#"{"data":null}"#));
    assert!(run(client.page(&Request::unified_alerts(), None)).is_err());
    let (client, _) = scripted(|_| {
        json(
            r#"{"data":{"alerts":{"edges":[],"pageInfo":{"hasNextPage":false}}},"errors":[{"message":"no such field"}]}"#,
        )
    });
    let error = run(client.page(&Request::unified_alerts(), None)).unwrap_err();
    assert!(error.to_string().contains("no such field"), "{error}");
    let (client, _) =
        scripted(|_| json(r#"{"data":{"alerts":{"edges":[],"pageInfo":{"hasNextPage":true,"endCursor":"c"}}}}"#));
    assert_eq!(walk(&client, Request::unified_alerts()).1.unwrap().failure(), &Failure::RepeatedCursor);
}
