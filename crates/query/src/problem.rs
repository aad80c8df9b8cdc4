//! What is wrong with a query, where, and what comes nearest.

use std::fmt::Write;

/// A range of bytes of the query text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something was repaired or normalised; the answer is what was meant.
    Notice,
    /// The query runs, and perhaps does not mean what its author thinks.
    Warning,
    /// The query does not run.
    Error,
}

/// One thing to say about a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub span: Span,
    /// One or two sentences; begins lower case, ends with a full stop or a question mark.
    pub message: String,
    /// What to put in the place of the span, the nearest first.
    pub nearest: Vec<String>,
}

impl Problem {
    pub(crate) fn error(span: Span, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Error, span, message: message.into(), nearest: Vec::new() }
    }

    pub(crate) fn warning(span: Span, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(span, message) }
    }

    pub(crate) fn notice(span: Span, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Notice, ..Problem::error(span, message) }
    }

    pub(crate) fn near(mut self, nearest: impl IntoIterator<Item = String>) -> Problem {
        self.nearest.extend(nearest);
        self
    }
}

/// A query is shown in lines of at most this many characters.
const WIDTH_MAX: usize = 96;
/// Of a longer query only the lines with carets are shown.
const LINES_MAX: usize = 8;

/// The query with a caret under every problem, and the problems in words below it, each line ended. Errors hide
/// everything else: what was repaired does not matter in a query that does not run.
#[must_use]
pub fn render(text: &str, problems: &[Problem]) -> String {
    let worst = problems.iter().map(|problem| problem.severity).max().unwrap_or(Severity::Notice);
    let least = if worst == Severity::Error { Severity::Error } else { Severity::Notice };
    let shown: Vec<&Problem> = problems.iter().filter(|problem| problem.severity >= least).collect();
    let mut block = String::new();
    let placed: Vec<Span> = shown
        .iter()
        .map(|problem| problem.span)
        .filter(|span| *span != Span::default() && span.end <= text.len())
        .collect();
    if !placed.is_empty() {
        let lines = lines(text);
        let all = lines.len() <= LINES_MAX;
        for line in lines {
            let carets = carets(text, line, &placed);
            if all || !carets.is_empty() {
                let shown: String = text[line.start..line.end].chars().map(printable).collect();
                let _ = writeln!(block, "  {}", shown.trim_end());
            }
            if !carets.is_empty() {
                let _ = writeln!(block, "  {carets}");
            }
        }
    }
    for (index, problem) in shown.iter().enumerate() {
        let message: String = problem.message.chars().map(printable).collect();
        let _ = writeln!(block, "  {}  {message}", index + 1);
    }
    block
}

/// The lines of a text, long ones cut at a space.
fn lines(text: &str) -> Vec<Span> {
    let mut lines = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let rest = &text[start..];
        let newline = rest.find('\n').map(|at| at + 1);
        let limit = rest.char_indices().nth(WIDTH_MAX).map(|(at, _)| at);
        let length = match (newline, limit) {
            (Some(newline), None) => newline,
            (Some(newline), Some(limit)) if newline <= limit => newline,
            (_, Some(limit)) => rest[..limit].rfind(' ').map_or(limit, |space| space + 1),
            (None, None) => rest.len(),
        };
        lines.push(Span { start, end: start + length });
        start += length;
    }
    lines
}

fn carets(text: &str, line: Span, spans: &[Span]) -> String {
    let mut carets = String::new();
    for (at, _) in text[line.start..line.end].char_indices() {
        let at = line.start + at;
        let marked = spans.iter().any(|span| span.start <= at && at < span.end.max(span.start + 1));
        carets.push(if marked { '^' } else { ' ' });
    }
    // A span at the very end of the text points behind it.
    if line.end == text.len() && spans.iter().any(|span| span.start == text.len()) {
        carets.push('^');
    }
    carets.trim_end().to_owned()
}

/// Nothing that a query holds may move the cursor.
fn printable(char: char) -> char {
    if char.is_control() { ' ' } else { char }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_gets_a_caret_and_a_line() {
        let text = "os:windws and edr.nam:s1";
        let problems = [
            Problem::error(Span { start: 3, end: 9 }, "os has no value like \"windws\"."),
            Problem::error(Span { start: 14, end: 21 }, "there is no field edr.nam in assets."),
            Problem::notice(Span { start: 0, end: 2 }, "not shown."),
        ];
        assert_eq!(
            render(text, &problems),
            "  os:windws and edr.nam:s1\n     ^^^^^^     ^^^^^^^\n  1  os has no value like \"windws\".\n  2  there is \
             no field edr.nam in assets.\n"
        );
    }

    #[test]
    fn long_and_hostile_text_is_shown_tamely() {
        let text = format!("{} x:\u{1b}[2J\u{7}", "os:windows and ".repeat(50));
        let problem = Problem::error(Span { start: 751, end: 752 }, "bad \u{1b}.");
        let shown = render(&text, &[problem]);
        assert!(!shown.contains('\u{1b}') && shown.lines().all(|line| line.chars().count() < 110), "{shown}");
        assert_eq!(shown.matches('^').count(), 1);
    }
}
