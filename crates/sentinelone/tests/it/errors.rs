//! Every form of failure, as a person reads it.

use crate::console::{Reply, TOKEN, json, reply, run, scripted};
use sentinelone::{Request, TransportError};
use std::fmt::Write as _;
use std::time::Duration;

const RQID: (&str, &str) = ("x-rqid", "5f0c0e0e-7d7c-4b5e-9c58-3d1d5f6f2a10");
const HTML_429: &str = "<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n</html>";

fn failures() -> Vec<(&'static str, Reply)> {
    let errors = |status: u16, code: i64, title: &str, detail: &str| {
        let body = format!(r#"{{"errors":[{{"code":{code},"detail":{detail},"title":"{title}"}}]}}"#);
        reply(status, &[RQID], body)
    };
    let broken = |error| -> Reply { Err(error) };
    vec![
        ("unknown parameter", errors(400, 4_000_010, "Validation Error", r#""dict_values(['x']): Unknown field""#)),
        ("bad cursor", errors(400, 4_000_010, "Validation Error", r#""Invalid cursor value received""#)),
        ("token refused", errors(401, 4_010_010, "Authentication Failed", "null")),
        ("role", errors(403, 4_030_010, "Insufficient permissions", "null")),
        ("scope", errors(403, 4_030_010, "Insufficient permissions", r#""Action is not allowed to site users""#)),
        ("json 404", errors(404, 4_040_010, "Requested resource was not found", r#""""#)),
        ("text 404", reply(404, &[RQID, ("content-type", "text/plain")], "404 page not found\n")),
        ("html 429", reply(429, &[RQID], HTML_429)),
        ("html 429, seconds", reply(429, &[("retry-after", "7")], HTML_429)),
        ("html 429, fraction", reply(429, &[("retry-after", "1.5")], HTML_429)),
        (
            "html 429, date",
            reply(
                429,
                &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), ("date", "Sun, 06 Nov 1994 08:49:07 GMT")],
                HTML_429,
            ),
        ),
        ("html 429, nonsense", reply(429, &[("retry-after", "soon")], HTML_429)),
        ("json 500", errors(500, 5_000_010, "Internal server error", r#""Server could not process the request.""#)),
        (
            "spring 500",
            reply(500, &[], r#"{"timestamp":"t","status":500,"error":"Internal Server Error","path":"/x"}"#),
        ),
        ("one error", reply(500, &[], r#"{"error":"missing scope information"}"#)),
        ("one message", reply(503, &[], r#"{"message":"upstream is away"}"#)),
        (
            "code 400 in title",
            reply(400, &[], r#"{"errors":[{"code":400,"title":"scopeId field can't be empty","detail":""}]}"#),
        ),
        ("not supported", errors(501, 5_010_010, "Not supported", "null")),
        ("bad gateway", reply(502, &[], "Bad Gateway")),
        ("empty 500", reply(500, &[], "")),
        ("redirection", reply(302, &[("location", "https://elsewhere.example/login")], "")),
        ("login page", reply(200, &[RQID], "\n<!doctype html><title>Management Console</title>")),
        ("nothing", reply(200, &[], " \n")),
        ("text", reply(200, &[], "pong")),
        ("truncated", json(r#"{"data":[{"id":"1"#)),
        ("broken", json(r#"{"data":[}"#)),
        ("errors inside 200", json(r#"{"data":null,"errors":[{"code":5000010,"title":"Internal","detail":"later"}]}"#)),
        ("errors as a text", json(r#"{"data":[],"errors":"nope"}"#)),
        ("no data", json(r#"{"pagination":{"nextCursor":null}}"#)),
        ("an object for a list", json(r#"{"data":{"id":"1"}}"#)),
        ("a cursor that is none", json(r#"{"data":[],"pagination":{"nextCursor":{}}}"#)),
        ("unknown packing", reply(200, &[("content-encoding", "br")], "x")),
        ("dns", broken(TransportError::Dns)),
        ("refused", broken(TransportError::Refused)),
        ("tls", broken(TransportError::Tls { reason: "invalid peer certificate: Expired".to_owned() })),
        ("connect time-out", broken(TransportError::ConnectTimeout { after: Duration::from_secs(10) })),
        ("read time-out", broken(TransportError::ReadTimeout { after: Duration::from_secs(60) })),
        ("total time-out", broken(TransportError::TotalTimeout { after: Duration::from_secs(300) })),
        ("too slow", broken(TransportError::TooSlow { bytes_per_second: 1024 })),
        ("reset", broken(TransportError::Interrupted { received: 17 })),
        ("too large", broken(TransportError::TooLarge { bytes_max: 64 * 1024 * 1024 })),
    ]
}

#[test]
fn every_failure_is_one_sentence_with_advice() {
    let mut told = String::new();
    for (name, reply) in failures() {
        let (client, _) = scripted(move |_| reply.clone());
        let error = run(client.page(&Request::agents(), None)).unwrap_err();
        assert!(!error.to_string().contains('\n'), "{name}");
        let mut marks = Vec::new();
        if error.is_transient() {
            marks.push("transient");
        }
        if error.is_not_available() {
            marks.push("not available");
        }
        if error.spoils_cursor() {
            marks.push("spoils the cursor");
        }
        let marks = if marks.is_empty() { "-".to_owned() } else { marks.join(", ") };
        writeln!(told, "{name}\n  {error}\n  {}\n  {marks}", error.advice()).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn an_error_never_repeats_the_token_or_a_secret() {
    let echo = TOKEN;
    for body in [
        format!(r#"{{"errors":[{{"title":"bad {echo}","detail":"{echo}"}}]}}"#),
        format!(r#"{{"error":"bad {echo}"}}"#),
        format!(r#"{{"message":{{"token":"{echo}"}}}}"#),
        format!("bad token {echo}"),
        format!("<html>{echo}</html>"),
        format!(r#"{{"errors":[{{"title":"{echo}"#),
        "password: hunter2".to_owned(),
        "registrationToken=hunter2".to_owned(),
        r#"{"errors":[{"title":"t","token":"hunter2","apiToken":"hunter2"}]}"#.to_owned(),
    ] {
        for status in [200, 400, 401, 500] {
            let sent = body.clone();
            let (client, _) = scripted(move |_| reply(status, &[], sent.clone()));
            let error = run(client.page(&Request::agents(), None)).unwrap_err();
            let all = format!("{error} {error:?} {}", error.advice());
            assert!(!all.contains("canary") && !all.contains("hunter2"), "{status} {body}: {all}");
        }
    }
}

#[test]
fn a_request_id_that_is_none_is_not_repeated() {
    let (client, _) = scripted(|_| reply(500, &[("x-rqid", "<script>")], ""));
    let error = run(client.page(&Request::agents(), None)).unwrap_err();
    assert_eq!(error.request_id(), None);
}
