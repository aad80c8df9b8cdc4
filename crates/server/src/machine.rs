//! For machines that keep watch, and the files that pages load: nobody in particular asks.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use crate::metrics::{Gauges, Lag};
use crate::route::{API, Kind, Route, Who, plain};
use crate::{App, Problem, respond};

/// Its routes.
pub fn routes() -> Vec<Route> {
    let mut all = vec![
        plain("/healthz", async || "alive\n"),
        plain("/readyz", ready),
        plain("/metrics", metrics),
        Route { kind: Kind::Plain, ..plain(format!("{API}/openapi.json"), description) },
    ];
    all.extend(ui::assets().iter().map(|asset| plain(asset.path.as_str(), file)));
    debug_assert!(all.iter().all(|route| route.who == Who::Anyone));
    all
}

/// Whether a path is asked for again and again by machines and by every page, so that a line for each says nothing.
pub(crate) fn keeps_watch(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics") || ui::assets().iter().any(|asset| asset.path == path)
}

/// Whether it can answer: the database does, and was brought up to date when it was opened.
async fn ready(State(app): State<App>) -> Response {
    match app.store.read(|tx| tx.query_one("SELECT 1", &[], |row| row.int(0))).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                [(CONTENT_TYPE, "text/plain; charset=utf-8")],
                "the database does not answer\n",
            )
                .into_response()
        }
    }
}

async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let now = app.world.now();
    let gauges = app.store.read(move |tx| {
        let mut lags: BTreeMap<&'static str, Lag> = BTreeMap::new();
        for org in access::orgs(tx)? {
            for of in sync::overviews(tx, org.id, now)? {
                for standing in of.streams.iter().filter(|standing| standing.enabled) {
                    let stream = standing.stream.name;
                    let lag = lags.entry(stream).or_insert(Lag { stream, ..Lag::default() });
                    match standing.complete_at {
                        Some(at) => lag.seconds = lag.seconds.max(now.seconds_since(at)),
                        None => lag.never += 1,
                    }
                }
            }
        }
        let sinks = signals::all_sinks(tx)?;
        let sink_behind = sinks.iter().map(|sink| sink.behind).max().unwrap_or(0);
        Ok::<_, Problem>(Gauges { lags: lags.into_values().collect(), sink_behind })
    });
    let text = app.metrics.text(&gauges.await?);
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn description(headers: HeaderMap) -> Response {
    let document = crate::openapi::document(&crate::routes());
    respond::tagged(&headers, "application/json", serde_json::to_vec(&document).unwrap_or_default())
}

async fn file(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let found = ui::assets().iter().find(|asset| asset.path == uri.path()).ok_or_else(|| Problem::missing("file"))?;
    let gzip = headers.get("accept-encoding").and_then(|value| value.to_str().ok());
    let gzip = gzip.is_some_and(|all| all.split(',').any(|one| one.trim().split(';').next() == Some("gzip")));
    let mut response = match gzip {
        true => respond::tagged(&headers, found.content_type, found.gzip.as_slice()),
        false => respond::tagged(&headers, found.content_type, found.bytes),
    };
    let out = response.headers_mut();
    if gzip && response_has_body(out) {
        out.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(CACHE_CONTROL, HeaderValue::from_static(respond::FOR_EVER));
    Ok(response)
}

/// A 304 has no content, so it is not encoded either.
fn response_has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_TYPE)
}
