//! Numbers that belong to a whole: the tally with its key, tiles, progress.

use maud::{Markup, html};

use crate::href::href;
use crate::words::{count, share};

/// Parts of one tally; more are not told apart.
pub const PARTS_MAX: usize = 8;
/// Width that a part has at least, in per cent, so that it can be seen.
const PART_MIN: f64 = 1.0;
/// Space between two parts, in per cent.
const GAP: f64 = 0.18;

/// What fills an area of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Proven good.
    Ok,
    /// Needs attention.
    Warn,
    /// Needs attention because it is not measured any more: hatched.
    WarnHatch,
    /// Proven bad.
    Bad,
    /// Set apart, such as excepted.
    Idle,
    /// Not measured: hatched.
    Hatch,
    /// The rest of a bar.
    Track,
    /// The first series of a chart.
    One,
    /// The second.
    Two,
    /// The third.
    Three,
    /// The fourth.
    Four,
}

impl Fill {
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Fill::Ok => "f-ok",
            Fill::Warn => "f-warn",
            Fill::WarnHatch => "f-warn-hatch",
            Fill::Bad => "f-bad",
            Fill::Idle => "f-idle",
            Fill::Hatch => "f-hatch",
            Fill::Track => "f-track",
            Fill::One => "f-c1",
            Fill::Two => "f-c2",
            Fill::Three => "f-c3",
            Fill::Four => "f-c4",
        }
    }

    pub(crate) const fn stroke(self) -> &'static str {
        match self {
            Fill::Ok => "s-ok",
            Fill::Warn | Fill::WarnHatch => "s-warn",
            Fill::Bad => "s-bad",
            Fill::Two => "s-c2",
            Fill::Three => "s-c3",
            Fill::Four => "s-c4",
            Fill::Idle | Fill::Hatch | Fill::Track | Fill::One => "s-c1",
        }
    }
}

/// A length in per cent, as SVG takes it, whatever the number is.
pub(crate) fn percent(value: f64) -> String {
    format!("{:.2}%", if value.is_finite() { value.clamp(-1000.0, 1000.0) } else { 0.0 })
}

/// What part of whole is, in per cent.
#[expect(clippy::cast_precision_loss, reason = "a width on a screen")]
pub(crate) fn of_hundred(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// A thin bar that is filled as far as `part` of `whole` goes.
pub(crate) fn thin(part: u64, whole: u64) -> Markup {
    html! {
        svg.thin aria-hidden="true" {
            rect.f-track width="100%" height="100%" {}
            rect.f-c1 width=(percent(of_hundred(part, whole).min(100.0))) height="100%" {}
        }
    }
}

/// A small square of one fill, as keys have it.
pub(crate) fn swatch(fill: Fill) -> Markup {
    html! { svg.swatch aria-hidden="true" { rect class=(fill.class()) width="100%" height="100%" {} } }
}

/// One part of a population.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// What its members are: *Protected*.
    pub label: &'a str,
    /// How many there are.
    pub count: u64,
    /// Its fill.
    pub fill: Fill,
    /// The list of its members.
    pub href: Option<&'a str>,
    /// More about it, after the share; may be empty.
    pub note: &'a str,
}

/// One bar for one population: the worst parts at the right, the hatch for what is not measured, a key with exact counts.
#[derive(Clone, Debug)]
pub struct Tally<'a> {
    /// What is counted: *endpoints*.
    pub noun: &'a str,
    /// Parts in order; together they are the whole, and at most [`PARTS_MAX`] are drawn.
    pub parts: Vec<Part<'a>>,
}

impl Tally<'_> {
    /// All of them together.
    #[must_use]
    pub fn whole(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.count))
    }

    /// The bar and its key.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! { (self.bar()) (self.key()) }
    }

    /// The bar alone, with its numbers for screen readers.
    #[must_use]
    pub fn bar(&self) -> Markup {
        let whole = self.whole();
        let said: Vec<String> =
            self.parts.iter().map(|part| format!("{} {}", count(part.count), part.label.to_lowercase())).collect();
        let said = format!("{} {}: {}", count(whole), self.noun, said.join(", "));
        html! {
            svg.tally role="img" aria-label=(said) {
                @if whole == 0 { rect.f-track width="100%" height="100%" {} }
                @for (fill, x, width) in self.widths() {
                    rect class=(fill.class()) x=(percent(x)) width=(percent(width)) height="100%" {}
                }
            }
        }
    }

    /// The key alone.
    #[must_use]
    pub fn key(&self) -> Markup {
        let whole = self.whole();
        html! {
            dl.key {
                @for part in &self.parts {
                    div {
                        (swatch(part.fill))
                        dt { @if let Some(address) = part.href { a href=(href(address)) { (part.label) } } @else { (part.label) } }
                        dd {
                            b { (count(part.count)) } @if whole > 0 { " · " (share(part.count, whole)) }
                            @if !part.note.is_empty() { ", " (part.note) }
                        }
                    }
                }
            }
        }
    }

    /// Fill, start and width of each part that is not zero. Small parts are widened to [`PART_MIN`], at the cost of the
    /// others in proportion.
    fn widths(&self) -> Vec<(Fill, f64, f64)> {
        let whole = self.whole();
        let shown: Vec<_> = self.parts.iter().filter(|part| part.count > 0).take(PARTS_MAX).collect();
        #[expect(clippy::cast_precision_loss, reason = "at most eight")]
        let room = 100.0 - GAP * (shown.len().saturating_sub(1)) as f64;
        let wanted: Vec<f64> = shown.iter().map(|part| of_hundred(part.count, whole).max(PART_MIN)).collect();
        let spare: f64 = wanted.iter().map(|width| width - PART_MIN).sum();
        let over: f64 = wanted.iter().sum::<f64>() - room;
        let mut x = 0.0;
        shown
            .iter()
            .zip(wanted)
            .map(|(part, width)| {
                let width = if spare > 0.0 { width - over * (width - PART_MIN) / spare } else { width };
                let start = x;
                x += width + GAP;
                (part.fill, start, width)
            })
            .collect()
    }
}

/// A figure of the overview. Never more than four beside each other.
#[derive(Clone, Debug)]
pub struct Tile<'a> {
    /// What is counted: *Assets*.
    pub label: &'a str,
    /// The number.
    pub figure: u64,
    /// What it is of, or how it changed: *of 37; 2 not measured*.
    pub of: &'a str,
    /// The list behind what it is of.
    pub of_href: Option<&'a str>,
    /// The list behind it.
    pub href: Option<&'a str>,
    /// A line of its last values, oldest first; empty for none.
    pub past: &'a [f64],
    /// The line's colour: [`Fill::One`], or [`Fill::Bad`] where more is worse.
    pub fill: Fill,
}

impl Tile<'_> {
    /// What its line shows, for who does not see it.
    fn in_words(&self) -> String {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, clamped")]
        let whole = |value: f64| count(value.clamp(0.0, 1e15) as u64);
        let least = self.past.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.past.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ends = |value: Option<&f64>| value.map_or_else(String::new, |value| whole(*value));
        let days = self.past.len().saturating_sub(1) as u64;
        format!(
            "{} before: {}; now: {}; at least {}, at most {}.",
            crate::words::noun(days, "day", "days"),
            ends(self.past.first()),
            ends(self.past.last()),
            whole(least),
            whole(most),
        )
    }

    pub(crate) fn render(&self) -> Markup {
        html! {
            div.tile {
                h3 { (self.label) }
                div {
                    p.figure {
                        @if let Some(address) = self.href { a href=(href(address)) { (count(self.figure)) } }
                        @else { (count(self.figure)) }
                    }
                    p.muted.small { @if let Some(address) = self.of_href { a href=(href(address)) { (self.of) } } @else { (self.of) } }
                }
                (crate::chart::spark(self.past, self.fill))
                @if !self.past.is_empty() { p.sr { (self.in_words()) } }
            }
        }
    }
}

/// How far something is: with how much, of what, how long still.
#[derive(Clone, Debug)]
pub struct Progress<'a> {
    /// An identifier of its own on the page.
    pub id: &'a str,
    /// What is done and how long it still takes: *61 % of 2 networks, about 9 minutes left*.
    pub label: &'a str,
    /// What is done, and out of how much; without it, the end is not known.
    pub done: Option<(u64, u64)>,
    /// Where its next state is asked for, every two seconds; absent once it is done.
    pub poll: Option<&'a str>,
    /// The identifier of what the answer replaces, where that is more than the bar.
    pub within: Option<&'a str>,
}

impl Progress<'_> {
    /// The bar with its label. The answer at [`Progress::poll`] replaces it, or what it is [`Progress::within`], whole; the last
    /// one has no address. What else of the page follows it is in the answer too, see [`following`].
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            div.progress id=(self.id) hx-get=[self.poll.map(href)] hx-trigger=[self.poll.map(|_| "every 2s")]
                hx-target=[self.within.filter(|_| self.poll.is_some()).map(|id| format!("#{id}"))] hx-swap=[self.poll.map(|_| "outerHTML")] {
                label.small.muted for={ (self.id) "-bar" } { (self.label) }
                @if let Some((done, whole)) = self.done {
                    progress id={ (self.id) "-bar" } max=(whole.max(1)) value=(done.min(whole)) { (share(done.min(whole), whole)) }
                } @else {
                    progress id={ (self.id) "-bar" } { "at work" }
                }
            }
        }
    }
}

/// A part of a page that follows a [`Progress`]: it stands there under its identifier, and in an answer, where it is `anew`, it
/// takes the place of what stands under it.
#[must_use]
pub fn following(id: &str, anew: bool, inside: &Markup) -> Markup {
    html! { div id=(id) hx-swap-oob=[anew.then_some("true")] { (inside) } }
}

/// The same among words: a badge in a heading, a sentence in a paragraph.
#[must_use]
pub fn following_words(id: &str, anew: bool, inside: &Markup) -> Markup {
    html! { span id=(id) hx-swap-oob=[anew.then_some("true")] { (inside) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(counts: &[u64]) -> Tally<'static> {
        let part = |count: &u64| Part { label: "x", count: *count, fill: Fill::Ok, href: None, note: "" };
        Tally { noun: "endpoints", parts: counts.iter().map(part).collect() }
    }

    #[test]
    fn a_part_that_is_not_zero_can_be_seen_and_the_bar_is_full() {
        for counts in [&[2041, 83, 68, 11][..], &[1, 1_000_000], &[5], &[1, 1, 1, 1, 1, 1, 1, 100_000_000]] {
            let widths = tally(counts).widths();
            let (_, x, width) = widths.last().copied().unwrap();
            assert!((x + width - 100.0).abs() < 0.01, "{counts:?} ends at {}", x + width);
            assert!(widths.iter().all(|(_, _, width)| *width >= 0.99), "{widths:?}");
        }
    }

    #[test]
    fn nothing_counted_is_an_empty_bar() {
        let page = tally(&[0, 0]).render().0;
        assert!(page.contains("f-track") && !page.contains("NaN"), "{page}");
    }
}
