//! [`Metrics`]: what the process counted, as Prometheus reads it. No organization, person, host or address is in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use axum::http::{Method, StatusCode};

/// Upper bounds of the latency histogram, in microseconds.
const BOUNDS: [i64; 10] = [1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000, 30_000_000];

/// Counters of this process. There are as many as routes times statuses, so it is bounded by the route list.
#[derive(Debug, Default)]
pub struct Metrics {
    routes: Mutex<BTreeMap<(String, Word), Counted>>,
}

/// A method's word, which sorts.
type Word = &'static str;

#[derive(Debug, Default)]
struct Counted {
    statuses: BTreeMap<u16, u64>,
    buckets: [u64; BOUNDS.len()],
    count: u64,
    micros: i64,
}

/// How far behind a collection is, over all organizations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// The collection: `agents`.
    pub stream: &'static str,
    /// Seconds since the reading that is longest ago was complete.
    pub seconds: i64,
    /// How many integrations have never read it completely.
    pub never: u64,
}

/// What is asked of the database when somebody reads the metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Collections, by name.
    pub lags: Vec<Lag>,
    /// Artifacts that wait for the sink that is furthest behind.
    pub sink_behind: u64,
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn answered(&self, route: &str, method: &Method, status: StatusCode, micros: i64) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = routes.entry((route.to_owned(), word(method))).or_default();
        *counted.statuses.entry(status.as_u16()).or_default() += 1;
        counted.count += 1;
        counted.micros = counted.micros.saturating_add(micros);
        for (bucket, bound) in counted.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(micros <= bound);
        }
    }

    /// All of it, in the text format of Prometheus.
    #[must_use]
    pub fn text(&self, gauges: &Gauges) -> String {
        let mut out = String::new();
        head(&mut out, "muster_build_info", "gauge", "The running version.");
        line(&mut out, "muster_build_info", &[("version", env!("CARGO_PKG_VERSION"))], "1");
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        head(&mut out, "muster_http_requests_total", "counter", "Requests answered, by route and status.");
        for ((route, method), counted) in &*routes {
            for (status, count) in &counted.statuses {
                let labels = [("route", route.as_str()), ("method", method), ("status", &status.to_string())];
                line(&mut out, "muster_http_requests_total", &labels, &count.to_string());
            }
        }
        let name = "muster_http_request_duration_seconds";
        head(&mut out, name, "histogram", "Time until an answer began, by route.");
        for ((route, method), counted) in &*routes {
            let labels = [("route", route.as_str()), ("method", *method)];
            for (count, bound) in counted.buckets.iter().zip(BOUNDS) {
                let bound = seconds(bound);
                let labels = [labels[0], labels[1], ("le", bound.as_str())];
                line(&mut out, &format!("{name}_bucket"), &labels, &count.to_string());
            }
            let all = [labels[0], labels[1], ("le", "+Inf")];
            line(&mut out, &format!("{name}_bucket"), &all, &counted.count.to_string());
            line(&mut out, &format!("{name}_sum"), &labels, &seconds(counted.micros));
            line(&mut out, &format!("{name}_count"), &labels, &counted.count.to_string());
        }
        drop(routes);
        let (lag, never) = ("muster_stream_lag_seconds", "muster_stream_never_complete");
        head(&mut out, lag, "gauge", "Seconds since the oldest complete reading of a collection.");
        for of in &gauges.lags {
            line(&mut out, lag, &[("stream", of.stream)], &of.seconds.to_string());
        }
        head(&mut out, never, "gauge", "Integrations that never read a collection completely.");
        for of in &gauges.lags {
            line(&mut out, never, &[("stream", of.stream)], &of.never.to_string());
        }
        head(&mut out, "muster_sink_behind", "gauge", "Artifacts that wait for the sink that is furthest behind.");
        line(&mut out, "muster_sink_behind", &[], &gauges.sink_behind.to_string());
        out
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &[(&str, &str)], value: &str) {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let _ = match labels.is_empty() {
        true => writeln!(out, "{name} {value}"),
        false => writeln!(out, "{name}{{{}}} {value}", labels.join(",")),
    };
}

fn seconds(micros: i64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_adds_up() {
        let metrics = Metrics::default();
        for micros in [500, 7_000, 40_000_000] {
            metrics.answered("/assets/{id}", &Method::GET, StatusCode::OK, micros);
        }
        let text = metrics.text(&Gauges::default());
        for line in [
            r#"muster_http_requests_total{route="/assets/{id}",method="GET",status="200"} 3"#,
            r#"muster_http_request_duration_seconds_bucket{route="/assets/{id}",method="GET",le="0.001000"} 1"#,
            r#"muster_http_request_duration_seconds_bucket{route="/assets/{id}",method="GET",le="30.000000"} 2"#,
            r#"muster_http_request_duration_seconds_bucket{route="/assets/{id}",method="GET",le="+Inf"} 3"#,
            r#"muster_http_request_duration_seconds_sum{route="/assets/{id}",method="GET"} 40.007500"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
