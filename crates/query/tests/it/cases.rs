//! Golden cases: every line of `tests/cases/*.txt` is a query; the snapshot beside says what becomes of it.

use std::fmt::Write;

use kernel::{Timestamp, Value};
use muster_query::{Asking, Matcher, Terms, lower, prepare, render};

use crate::catalogue::{Data, catalogue, dictionary};

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Bytes(bytes) => {
            let address = <[u8; 16]>::try_from(bytes.as_ref()).map(std::net::Ipv6Addr::from);
            address.map_or_else(|_| format!("{bytes:?}"), |address| address.to_string())
        }
    }
}

/// What the language makes of a query: its canonical text, SQL and notes, or its mistakes.
fn answer(text: &str, inventory: &str) -> String {
    let catalogue = catalogue();
    let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
    let asking = Asking { catalogue: &catalogue, inventory, now, as_of: None, known: &Data };
    let mut out = String::new();
    match prepare(text, &asking) {
        Ok(checked) => {
            writeln!(out, "= {}", checked.canonical).unwrap();
            let resolve =
                |name: &str, matcher: &Matcher| Terms::of((1..).zip(dictionary(name).iter().copied()), matcher);
            let condition = lower(&checked, &resolve, 2);
            writeln!(out, "sql  {}", condition.sql).unwrap();
            if !condition.params.is_empty() {
                let params: Vec<String> = condition.params.iter().map(shown).collect();
                writeln!(out, "with {}", params.join(", ")).unwrap();
            }
            if let Some(residual) = &condition.residual {
                let columns: Vec<String> = residual.columns.iter().map(|c| format!("{:?} {}", c.kind, c.sql)).collect();
                writeln!(out, "then {columns:?} {:?}", residual.bodies).unwrap();
            }
            out.push_str(&render(text, &checked.notes));
        }
        Err(refused) => {
            writeln!(out, "error: {refused}").unwrap();
            out.push_str(&refused.render());
        }
    }
    out
}

/// A line `in NAME` changes the inventory; `#` begins a comment.
fn check(name: &str, cases: &str) {
    let mut out = String::new();
    let mut inventory = "assets";
    for line in cases.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("in ") {
            inventory = name;
            continue;
        }
        writeln!(out, "> {line}\n{}", answer(line, inventory)).unwrap();
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../cases");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, out));
}

#[test]
fn every_form_of_the_language_is_understood() {
    check("forms", include_str!("../cases/forms.txt"));
}

#[test]
fn every_type_compares_in_its_own_way() {
    check("types", include_str!("../cases/types.txt"));
}

#[test]
fn forms_that_are_pasted_from_elsewhere_run_or_are_answered() {
    check("pasted", include_str!("../cases/pasted.txt"));
}

#[test]
fn mistakes_are_told_all_at_once_with_what_comes_nearest() {
    check("mistakes", include_str!("../cases/mistakes.txt"));
}

#[test]
fn raw_attributes_are_left_to_a_residual() {
    check("raw", include_str!("../cases/raw.txt"));
}
