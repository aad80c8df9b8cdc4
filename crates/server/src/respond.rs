//! Answers: pages, redirects with a message, tagged bytes; and the headers that every answer has.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION, REFERRER_POLICY,
    SET_COOKIE, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use ui::{Markup, Tone};

use crate::Problem;

/// What a page may load, run and send: its own files, and nothing else.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// The address of a file holds the hash of its content, so it never goes stale.
pub(crate) const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Kept by the asker alone, and asked for again each time: what has a tag.
const OURS_ONLY: &str = "private, no-cache";
/// Kept nowhere, as everything else is.
const NOWHERE: &str = "no-store";
/// The cookie of a message that waits for the next page.
pub(crate) const FLASH: &str = "muster-flash";
/// The longest message of the kind, in bytes.
const FLASH_BYTES_MAX: usize = 2_000;
/// How long such a message waits, in seconds.
const FLASH_SECONDS: u32 = 60;
/// What the name of a cookie begins with by https: browsers take such a one from this very host alone.
const OF_THIS_HOST: &str = "__Host-";
/// By https from now on, and so for whatever stands below this name.
const BY_HTTPS: &str = "max-age=31536000; includeSubDomains";

/// A page.
#[must_use]
pub fn page(markup: Markup) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], markup.0).into_response()
}

/// To another page of ours, by GET: what follows a form that was done.
#[must_use]
pub fn see_other(to: &str) -> Response {
    // Only our own addresses are led to, whoever asked for another.
    let to = if to.starts_with('/') && ui::href(to) == to { to } else { "/" };
    let to = HeaderValue::from_str(&encoded(to)).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// As [`see_other`], with a message for the page that follows.
#[must_use]
pub fn see_other_saying(to: &str, tone: Tone, what: &str, then: &str) -> Response {
    let mut response = see_other(to);
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.append_pair("tone", word(tone)).append_pair("what", what).append_pair("then", then);
    let text = text.finish();
    if text.len() <= FLASH_BYTES_MAX {
        set_cookie(
            &mut response,
            &format!("{FLASH}={text}; Path=/; HttpOnly; SameSite=Strict; Max-Age={FLASH_SECONDS}"),
        );
    }
    response
}

/// Bytes with the tag of their content; 304 without them if the asker has them already.
#[must_use]
pub fn tagged(headers: &HeaderMap, content_type: &'static str, bytes: impl Into<Body> + AsRef<[u8]>) -> Response {
    let tag = tag_of(bytes.as_ref());
    under(headers, content_type, &tag, bytes)
}

/// Bytes under a tag; 304 without them if the asker has them already.
fn under(headers: &HeaderMap, content_type: &'static str, tag: &str, bytes: impl Into<Body>) -> Response {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let known = known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let value = HeaderValue::from_str(tag).unwrap_or(HeaderValue::from_static("\"\""));
    match known {
        true => (StatusCode::NOT_MODIFIED, [(ETAG, value)]).into_response(),
        false => {
            let kind = HeaderValue::from_static(content_type);
            ([(ETAG, value), (CONTENT_TYPE, kind)], bytes.into()).into_response()
        }
    }
}

/// The tag of a content.
fn tag_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut tag = String::from("\"");
    for byte in &Sha256::digest(bytes)[..12] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// Refuses to change what is not any more as whoever asks knew it: `If-Match` holds the tag of what they read. Without it
/// nothing is compared. `what` is that which [`json`] tagged, read in the transaction that changes it.
pub(crate) fn if_match<T: serde::Serialize>(headers: &HeaderMap, what: &T) -> Result<(), Problem> {
    let Some(known) = headers.get(IF_MATCH) else { return Ok(()) };
    let tag = tag_of(&serde_json::to_vec(what).unwrap_or_default());
    let known = known.to_str().unwrap_or_default();
    match known.split(',').map(str::trim).any(|one| one == "*" || one == tag) {
        true => Ok(()),
        false => Err(changed()),
    }
}

fn changed() -> Problem {
    let detail = "It is not as it was when you read it, so nothing was done.";
    Problem::new(StatusCode::PRECONDITION_FAILED, "It has changed", detail)
        .help("Read it again, decide again, and send the ETag that you then get as If-Match.")
}

/// JSON whose tag has two parts: the stamp of what can be changed of it ([`crate::edit::stamp`]), and that of all its content.
/// `If-None-Match` compares both; [`if_unchanged`] only the first, so that what a reading or a sign-in moves meanwhile refuses
/// nobody's change.
pub(crate) fn stamped<T: serde::Serialize>(headers: &HeaderMap, what: &T, stamp: &str) -> Response {
    let bytes = serde_json::to_vec(what).unwrap_or_default();
    let tag = format!("\"{stamp}-{}", tag_of(&bytes).trim_start_matches('"'));
    under(headers, "application/json", &tag, bytes)
}

/// As [`if_match`], for what [`stamped`] tagged.
pub(crate) fn if_unchanged(headers: &HeaderMap, stamp: &str) -> Result<(), Problem> {
    let Some(known) = headers.get(IF_MATCH) else { return Ok(()) };
    let is_it =
        |one: &str| one == "*" || one.trim_matches('"').split_once('-').is_some_and(|(known, _)| known == stamp);
    match known.to_str().unwrap_or_default().split(',').map(str::trim).any(is_it) {
        true => Ok(()),
        false => Err(changed()),
    }
}

/// JSON, with the tag of its content.
pub(crate) fn json<T: serde::Serialize>(headers: &HeaderMap, what: &T) -> Response {
    tagged(headers, "application/json", serde_json::to_vec(what).unwrap_or_default())
}

/// The same answer, kept nowhere.
pub(crate) fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(NOWHERE));
    response
}

/// JSON that holds what is shown once: kept nowhere.
pub(crate) fn json_once<T: serde::Serialize>(what: &T) -> Response {
    unkept(axum::Json(what).into_response())
}

/// A page that is kept nowhere and tells no other site its address: it holds what is shown once.
#[must_use]
pub(crate) fn once(status: StatusCode, markup: Markup) -> Response {
    let mut response = unkept((status, page(markup)).into_response());
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Adds a cookie; one that cannot stand in a header is left out.
pub fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

/// The headers that every answer has, except where a handler chose stricter ones.
pub(crate) fn secure(headers: &mut HeaderMap, tls: bool) {
    let kept = if headers.contains_key(ETAG) { OURS_ONLY } else { NOWHERE };
    let all = [
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
        (CACHE_CONTROL, kept),
    ];
    for (name, value) in all {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(BY_HTTPS));
        let cookies: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().map(of_this_host).collect();
        headers.remove(SET_COOKIE);
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

/// A cookie that only https brings, and only this host sets.
fn of_this_host(cookie: &HeaderValue) -> HeaderValue {
    let Ok(text) = cookie.to_str() else { return cookie.clone() };
    let name = if text.starts_with(OF_THIS_HOST) { "" } else { OF_THIS_HOST };
    let secure = if text.contains("; Secure") { "" } else { "; Secure" };
    HeaderValue::from_str(&format!("{name}{text}{secure}")).unwrap_or_else(|_| cookie.clone())
}

/// The value of a cookie, under the name that it has by https or under its own.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let found = |before: &str| {
        let all = headers.get_all(axum::http::header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|line| line.split(';'))
            .find_map(|pair| pair.trim().strip_prefix(before)?.strip_prefix(name)?.strip_prefix('='))
    };
    found(OF_THIS_HOST).or_else(|| found(""))
}

fn word(tone: Tone) -> &'static str {
    match tone {
        Tone::Ok => "ok",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
        Tone::Plain | Tone::Note | Tone::Idle => "plain",
    }
}

/// The tone that [`word`] wrote.
pub(crate) fn tone(word: &str) -> Tone {
    match word {
        "ok" => Tone::Ok,
        "warn" => Tone::Warn,
        "bad" => Tone::Bad,
        _ => Tone::Plain,
    }
}

/// An address as a header holds it: what is not ASCII is escaped.
fn encoded(address: &str) -> String {
    use std::fmt::Write as _;
    address.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            0x21..=0x7e => text.push(char::from(byte)),
            _ => drop(write!(text, "%{byte:02X}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_never_leaves_this_server() {
        for (asked, led) in [
            ("/assets?q=a", "/assets?q=a"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/ü x", "/%C3%BC%20x"),
            ("", "/"),
        ] {
            assert_eq!(see_other(asked).headers()[LOCATION], led, "{asked}");
        }
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let first = tagged(&HeaderMap::new(), "text/plain", "abc");
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(tagged(&headers, "text/plain", "abc").status(), StatusCode::NOT_MODIFIED);
        assert_eq!(tagged(&headers, "text/plain", "abd").status(), StatusCode::OK);
    }

    #[test]
    fn a_change_is_refused_only_where_what_can_be_changed_has_moved() {
        let first = stamped(&HeaderMap::new(), &("ada", "seen at nine"), "5ca1ab1e");
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        headers.insert(IF_MATCH, first.headers()[ETAG].clone());
        assert_eq!(stamped(&headers, &("ada", "seen at nine"), "5ca1ab1e").status(), StatusCode::NOT_MODIFIED);
        assert_eq!(stamped(&headers, &("ada", "seen at ten"), "5ca1ab1e").status(), StatusCode::OK);
        if_unchanged(&headers, "5ca1ab1e").unwrap();
        assert_eq!(if_unchanged(&headers, "5ca1ab1f").unwrap_err().status(), StatusCode::PRECONDITION_FAILED);
        for (known, fits) in [("*", true), ("\"5ca1ab1e\"", false), ("", false), ("\"a-b\", \"5ca1ab1e-0\"", true)] {
            headers.insert(IF_MATCH, HeaderValue::from_static(known));
            assert_eq!(if_unchanged(&headers, "5ca1ab1e").is_ok(), fits, "{known}");
        }
        headers.remove(IF_MATCH);
        if_unchanged(&headers, "5ca1ab1f").unwrap();
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(axum::http::header::COOKIE, HeaderValue::from_static("xmuster=1; muster=2; muster-flash=3"));
        assert_eq!(cookie(&headers, "muster"), Some("2"));
        assert_eq!(cookie(&headers, FLASH), Some("3"));
        assert_eq!(cookie(&headers, "theme"), None);
        // What this host set itself comes before what another put there.
        headers.insert(axum::http::header::COOKIE, HeaderValue::from_static("theme=dark; __Host-theme=light"));
        assert_eq!(cookie(&headers, "theme"), Some("light"));
    }

    #[test]
    fn by_https_every_cookie_is_this_hosts_alone() {
        let mut response = see_other_saying("/", Tone::Ok, "Saved.", "");
        set_cookie(&mut response, "__Host-muster=1; Path=/; HttpOnly; SameSite=Lax; Secure");
        let mut plain = response.headers().clone();
        secure(response.headers_mut(), true);
        let cookies: Vec<&str> =
            response.headers().get_all(SET_COOKIE).iter().filter_map(|c| c.to_str().ok()).collect();
        let [flash, session] = cookies[..] else { panic!("{cookies:?}") };
        assert!(flash.starts_with("__Host-muster-flash=") && flash.ends_with("; Secure"), "{flash}");
        assert_eq!(session, "__Host-muster=1; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(response.headers()[STRICT_TRANSPORT_SECURITY], BY_HTTPS);
        // Without TLS, as on this machine, browsers would keep none of them.
        secure(&mut plain, false);
        assert!(plain[SET_COOKIE].to_str().unwrap().starts_with("muster-flash="));
        assert!(!plain.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn only_what_has_a_tag_or_a_hash_may_be_kept() {
        let kept = |mut response: Response| {
            secure(response.headers_mut(), true);
            response.headers()[CACHE_CONTROL].to_str().unwrap().to_owned()
        };
        assert_eq!(kept(page(ui::html! { p { "assets" } })), NOWHERE);
        assert_eq!(kept(tagged(&HeaderMap::new(), "application/json", "{}")), OURS_ONLY);
        assert_eq!(kept(([(CACHE_CONTROL, FOR_EVER)], "").into_response()), FOR_EVER);
    }
}
