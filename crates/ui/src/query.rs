//! Asking: the query box, what it completes, how the answer was counted, what is wrong with a question.

use std::ops::Range;

use kernel::Timestamp;
use maud::{Markup, html};

use crate::href::href;
use crate::icon::{Icon, icon};
use crate::measure::thin;
use crate::state::{Light, shape_saying};
use crate::words::{clock, count, noun};

/// Terms of a reading that are drawn.
pub const TERMS_MAX: usize = 24;
/// Lines of a completion.
pub const COMPLETIONS_MAX: usize = 50;
/// Characters of a question.
pub const QUESTION_MAX: usize = 8192;

/// The query box of a page.
#[derive(Clone, Debug)]
pub struct QueryBox<'a> {
    /// What is asked about: *Ask about assets*.
    pub label: &'a str,
    /// The page it asks.
    pub action: &'a str,
    /// The question.
    pub value: &'a str,
    /// What else the page keeps while the question changes: order, columns.
    pub keep: &'a [(&'a str, &'a str)],
    /// Where completions are asked for, with `q` and `at`; see [`completions`].
    pub complete: Option<&'a str>,
    /// The question was not understood; a [`QueryError`] follows.
    pub wrong: bool,
    /// How the answer was counted, see [`reading`].
    pub reading: Markup,
}

impl QueryBox<'_> {
    /// The box, and the reading below it.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            form.query role="search" action=(href(self.action)) {
                label.sr for="q" { (self.label) }
                @for (name, value) in self.keep { input type="hidden" name=(name) value=(value); }
                div.query-box.wrong[self.wrong] {
                    (icon(Icon::Search))
                    input #q name="q" type="text" value=(self.value) maxlength=(QUESTION_MAX) autocomplete="off" autocapitalize="off"
                        spellcheck="false" aria-describedby=(if self.wrong { "question-error" } else { "reading" })
                        aria-invalid=[self.wrong.then_some("true")] data-complete=[self.complete.map(href)];
                    kbd aria-hidden="true" { "/" }
                    // Beside an error, what mends it is the one thing to do.
                    button.btn.btn-main[!self.wrong] type="submit" { "Ask" }
                }
                div.pop.complete #q-pop hidden {
                    ul #q-list role="listbox" aria-label="Completions" {}
                    p.keys.muted.small {
                        kbd { "↓" } kbd { "↑" } " choose " kbd { "Tab" } " take " kbd { "Esc" } " close"
                    }
                }
                div #reading { (self.reading) }
            }
        }
    }
}

/// A small box that finds among what a page already lists.
#[must_use]
pub fn find(label: &str, action: &str, name: &str, value: &str) -> Markup {
    html! {
        form.end role="search" action=(href(action)) {
            label.sr for={ "find-" (name) } { (label) }
            div.query-box.find {
                (icon(Icon::Search))
                input id={ "find-" (name) } name=(name) type="search" value=(value) placeholder=(label) maxlength="256";
                button.btn type="submit" { "Find" }
            }
        }
    }
}

/// A term of a question, and what it leaves.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    /// How it joins what stands before it: `and not`; empty for the first.
    pub joins: &'a str,
    /// The term, as it is understood.
    pub text: &'a str,
    /// How many are left once it is applied.
    pub left: u64,
}

/// How an answer was counted: the terms in order with what each leaves, out of `of`.
#[must_use]
pub fn reading(terms: &[Term<'_>], of: u64, plural: &str) -> Markup {
    html! {
        @if !terms.is_empty() {
            ol.reading aria-label={ "How the answer was counted, out of " (count(of)) " " (plural) } {
                @for term in terms.iter().take(TERMS_MAX) {
                    li {
                        code { @if !term.joins.is_empty() { span.muted { (term.joins) " " } } (term.text) }
                        b.num { (count(term.left)) }
                        (thin(term.left, of))
                    }
                }
                @if terms.len() > TERMS_MAX { li { span.muted { "and " (terms.len() - TERMS_MAX) " more terms" } } }
            }
        }
    }
}

/// What an answer says of itself: total, out of what, exactness, time taken, as of.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// How many match.
    pub total: u64,
    /// One of them, and several: *asset*, *assets*.
    pub noun: (&'a str, &'a str),
    /// Out of how many.
    pub of: u64,
    /// Everything that there is to read was read once; otherwise the count is of what was read so far.
    pub exact: bool,
    /// Milliseconds it took.
    pub took: u64,
    /// The instant it is true of.
    pub as_of: Timestamp,
    /// A badge for each source that is behind, or is read for the first time, see [`crate::state::badge_link`].
    pub behind: Markup,
    /// Explain, save, columns, export.
    pub verbs: Markup,
}

impl Answer<'_> {
    /// The line between the question and its rows.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            div.line.answer {
                p role="status" {
                    b { (noun(self.total, self.noun.0, self.noun.1)) } " "
                    span.muted {
                        "of " (count(self.of)) " · " (if self.exact { "exact" } else { "so far" }) " · " (count(self.took))
                        " ms · as of " (clock(self.as_of)) " UTC"
                    }
                }
                (self.behind)
                div.line.end { (self.verbs) }
            }
        }
    }
}

/// What may be typed.
#[derive(Clone, Copy, Debug)]
pub struct Completion<'a> {
    /// What is put in: `edr.name:`.
    pub insert: &'a str,
    /// What is read: `edr.name`.
    pub label: &'a str,
    /// What it takes: *one of*, *version*.
    pub kind: &'a str,
    /// What it means.
    pub means: &'a str,
    /// Rows that have it.
    pub rows: Option<u64>,
}

/// The lines of the list, as the address in [`QueryBox::complete`] answers. `replaces` says which characters of the
/// question each of them takes the place of.
#[must_use]
pub fn completions(all: &[Completion<'_>], replaces: &Range<usize>) -> Markup {
    html! {
        @for (index, line) in all.iter().take(COMPLETIONS_MAX).enumerate() {
            li id={ "q-" (index) } role="option" aria-selected="false" data-insert=(line.insert) data-from=(replaces.start) data-to=(replaces.end) {
                code { (line.label) }
                span.muted { (line.kind) }
                span.muted { (line.means) }
                span.muted.num { @if let Some(rows) = line.rows { (count(rows)) } }
            }
        }
    }
}

/// One thing that is wrong with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake<'a> {
    /// The place, in characters; it is cut to the question.
    pub at: Range<usize>,
    /// What is wrong there: *There is no field edr.nam in assets*
    pub says: &'a str,
}

/// What is wrong with a question: no rows are shown beside it.
#[derive(Clone, Debug)]
pub struct QueryError<'a> {
    /// The whole question.
    pub question: &'a str,
    /// Everything that is wrong with it; each is marked and said.
    pub mistakes: &'a [Mistake<'a>],
    /// The fix: what it is called, and the address that asks it.
    pub fix: Option<(&'a str, &'a str)>,
    /// Other readings.
    pub others: &'a [(&'a str, &'a str)],
}

impl QueryError<'_> {
    /// The card, with carets below each place.
    #[must_use]
    pub fn render(&self) -> Markup {
        let length = self.question.chars().count();
        let cut = |from: usize, to: usize| -> String { self.question.chars().skip(from).take(to - from).collect() };
        let mut places: Vec<Range<usize>> = self
            .mistakes
            .iter()
            .map(|one| {
                let start = one.at.start.min(length);
                start..one.at.end.clamp(start, length)
            })
            .collect();
        places.sort_unstable_by_key(|place| (place.start, place.end));
        places.dedup();
        // What lies inside another mistake is marked with it.
        let mut marked: Vec<Range<usize>> = Vec::new();
        for place in places {
            match marked.last_mut() {
                Some(last) if place.start < last.end => last.end = last.end.max(place.end),
                _ => marked.push(place),
            }
        }
        let after = |index: usize| marked.get(index + 1).map_or(length, |next| next.start);
        let first = marked.first().map_or(length, |place| place.start);
        let heading = match self.mistakes {
            [] => "The question was not understood".to_owned(),
            [one] => one.says.to_owned(),
            more => format!("{} in the question", noun(more.len() as u64, "mistake", "mistakes")),
        };
        html! {
            section.card.wrong role="alert" aria-labelledby="question-error" {
                div.body.flow {
                    h2.line #question-error { (shape_saying(Light::Bad, "Error:")) span { (heading) } }
                    pre.caret {
                        code {
                            (cut(0, first))
                            @for (index, place) in marked.iter().enumerate() {
                                // A place behind the last character still needs something to point at.
                                mark data-caret=("^".repeat(place.len().max(1))) { @if place.is_empty() { " " } @else { (cut(place.start, place.end)) } }
                                (cut(place.end, after(index)))
                            }
                        }
                    }
                    @if self.mistakes.len() > 1 {
                        ol.listed {
                            @for one in self.mistakes { li { span.muted { "Character " (one.at.start.min(length) + 1) ": " } (one.says) } }
                        }
                    }
                    div.line {
                        @if let Some((words, address)) = self.fix { a.btn.btn-main href=(href(address)) { (words) } }
                        @for (words, address) in self.others { a.btn href=(href(address)) { (words) } }
                        span.muted {
                            @if let [one] = self.mistakes { "Character " (one.at.start.min(length) + 1) ". " }
                            "No rows are shown, because the question was not understood."
                        }
                    }
                }
            }
        }
    }
}
