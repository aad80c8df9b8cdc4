//! Any text is answered: spans lie inside it, and what is understood prints to a text that means the same.
//!
//! `cargo +nightly fuzz run parse`, from the repository's root.

#![no_main]

use libfuzzer_sys::fuzz_target;
use query::{Severity, parse, render};

fuzz_target!(|text: &str| {
    let (tree, problems) = parse(text);
    for problem in &problems {
        assert!(text.get(problem.span.start..problem.span.end).is_some(), "{problem:?} is outside of {text:?}");
    }
    let _ = render(text, &problems);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return;
    }
    let canonical = tree.to_string();
    // Quotes make the canonical text longer, perhaps too long.
    if canonical.len() > query::parse::TEXT_BYTES_MAX {
        return;
    }
    let (again, problems) = parse(&canonical);
    assert!(problems.is_empty(), "{canonical:?} of {text:?}: {problems:?}");
    assert_eq!(again.without_spans(), tree.without_spans(), "{canonical:?} of {text:?}");
});
