//! `saved:name` in a query: what a saved query asks, within bounds.

use kernel::Timestamp;
use muster_query::{Asking, Known, Refused, Saved, Severity, evaluate, prepare};

use crate::catalogue::catalogue;

/// Knows these saved queries of assets.
struct Kept(Vec<(String, String)>);

impl Known for Kept {
    fn saved(&self) -> Option<Vec<Saved>> {
        let saved = |(name, text): &(String, String)| Saved {
            name: name.clone(),
            inventory: if name.starts_with("software") { "software" } else { "assets" }.to_owned(),
            text: text.clone(),
            settings: Vec::new(),
        };
        Some(self.0.iter().map(saved).collect())
    }
}

fn kept(saved: &[(&str, &str)]) -> Kept {
    Kept(saved.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
}

fn asked(text: &str, inventory: &str, known: &Kept) -> Result<muster_query::Checked, Refused> {
    let catalogue = catalogue();
    let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
    prepare(text, &Asking { catalogue: &catalogue, inventory, now, as_of: None, known })
}

fn sql(text: &str, inventory: &str, known: &Kept) -> String {
    let checked = asked(text, inventory, known).unwrap_or_else(|refused| panic!("{text} {}", refused.render()));
    let condition = muster_query::lower(&checked, &|_, _| muster_query::Terms::default(), 1);
    format!("{} {:?}", condition.sql, condition.params)
}

fn mistake(text: &str, known: &Kept) -> String {
    asked(text, "assets", known).unwrap_err().problems[0].message.clone()
}

#[test]
fn a_saved_query_means_what_it_asks() {
    let known = kept(&[("stale", "last_seen:>{days=30d}"), ("big", "cores:>{n=4} or saved:stale"), ("everything", "")]);
    for (short, long) in [
        ("saved:stale", "last_seen:>30d"),
        ("saved:\"stale days=7d\" name:x", "last_seen:>7d name:x"),
        ("not saved:big", "not (cores:>4 or last_seen:>30d)"),
        ("saved:everything and name:x", "name:x"),
    ] {
        assert_eq!(sql(short, "assets", &known), sql(long, "assets", &known), "{short}");
    }
    assert_eq!(sql("asset:(saved:stale)", "software", &known), sql("asset:(last_seen:>30d)", "software", &known));
    let checked = asked("saved:big", "assets", &known).unwrap();
    assert_eq!(checked.canonical, "saved:big");
    assert!(checked.sealed().contains("cores:>4"), "what was put in belongs to the question: {}", checked.sealed());
    assert!(!evaluate(&asked("saved:big", "assets", &known).unwrap(), &Nothing));
}

struct Nothing;

impl muster_query::Record for Nothing {
    fn values(&self, _field: &str) -> Vec<muster_query::Datum> {
        Vec::new()
    }

    fn elements(&self, _scope: &str) -> Vec<&dyn muster_query::Record> {
        Vec::new()
    }

    fn bodies(&self, _source: &str, _kind: &str) -> Vec<serde_json::Value> {
        Vec::new()
    }
}

#[test]
fn what_is_wrong_with_a_saved_query_is_told_where_it_is_used() {
    let known = kept(&[
        ("round", "saved:trip or name:x"),
        ("trip", "not saved:round"),
        ("bad", "colour:red"),
        ("needs", "name:{who}"),
        ("software-old", "version:<3"),
    ]);
    assert_eq!(mistake("saved:rond", &known), "there is no saved query rond. Did you mean round?");
    let circle = mistake("name:y saved:round", &known);
    assert!(circle.contains("saved queries go round in a circle: round -> trip -> round"), "{circle}");
    let bad = mistake("saved:bad", &known);
    assert!(bad.starts_with("in saved:bad: there is no field colour"), "{bad}");
    assert!(mistake("saved:needs", &known).contains("the parameter who needs a value"));
    assert!(mistake("saved:\"needs who\"", &known).contains("name=value"));
    assert!(mistake("saved:software-old", &known).contains("asks software"));
    let refused = asked("cores:1 saved:bad", "assets", &known).unwrap_err();
    let error = refused.problems.iter().find(|problem| problem.severity == Severity::Error).unwrap();
    assert_eq!(&refused.text[error.span.start..error.span.end], "bad");
}

#[test]
fn saved_queries_cannot_grow_without_end() {
    // Each uses the next twice: 2^40 terms if nothing stopped it.
    let all: Vec<(String, String)> =
        (0..40).map(|at| (format!("q{at}"), format!("saved:q{} or saved:q{}", at + 1, at + 1))).collect();
    assert!(mistake("saved:q0", &Kept(all)).contains("may use 16 saved queries"));
}
