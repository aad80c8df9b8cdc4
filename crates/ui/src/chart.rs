//! Charts, drawn by the server as SVG: x in per cent, y in pixels, so that text never stretches; lines live in an inner
//! picture that does. Classes carry colour; nothing carries a style.

use std::fmt::Write as _;

use kernel::Timestamp;
use maud::{Markup, html};

use crate::href::href;
use crate::measure::{Fill, of_hundred, percent, swatch};
use crate::words::{self, count, share};

/// Columns of one histogram.
pub const SLOTS_MAX: usize = 366;
/// Points of one line; more are not told apart on any screen.
pub const POINTS_MAX: usize = 2000;
/// Marks on one line.
pub const MARKS_MAX: usize = 20;
/// Charts beside each other.
pub const MULTIPLES_MAX: usize = 12;
/// Rows of *Show as a table*.
pub const TABLE_ROWS_MAX: usize = 400;

/// First and last line of the plot, in pixels, and where the days are written.
const TOP: f64 = 18.0;
const BASE: f64 = 154.0;
const FEET: f64 = 174.0;
/// Lines across the plot, at most.
const GRID_MAX: usize = 4;

fn px(value: f64) -> String {
    format!("{value:.1}")
}

/// A step of 1, 2, 4 or 5 times a power of ten, of which at most [`GRID_MAX`] cover the span.
fn step(span: f64) -> f64 {
    if !(span.is_finite() && span > 0.0) {
        return 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "four")]
    let rough = span / GRID_MAX as f64;
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 4.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(rough)
}

/// The lines of an axis from `low` to `high`, at most [`GRID_MAX`] of them and `least` apart, never the lowest, which is the
/// base.
fn grid(low: f64, high: f64, least: f64) -> Vec<f64> {
    let step = step(high - low).max(least);
    let mut lines = Vec::new();
    let mut at = (low / step).floor() * step + step;
    while at <= high + step * 1e-6 && lines.len() < GRID_MAX {
        lines.push(at);
        at += step;
    }
    lines
}

/// A value for an axis or a label: as many decimals as it needs, at most one, with commas.
fn number(value: f64) -> String {
    let tenths = (value * 10.0).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people, clamped")]
    let (whole, tenth) = ((tenths.abs() / 10.0).clamp(0.0, 1e15) as u64, (tenths.abs() % 10.0) as u64);
    let sign = if tenths < 0.0 { "-" } else { "" };
    if tenth == 0 { format!("{sign}{}", count(whole)) } else { format!("{sign}{}.{tenth}", count(whole)) }
}

fn y(value: f64, low: f64, high: f64) -> f64 {
    BASE - (value - low) / (high - low).max(f64::EPSILON) * (BASE - TOP)
}

/// Lines across, with their values outside at the left; the topmost has the unit.
fn axis(low: f64, high: f64, least: f64, unit: &str) -> Markup {
    let lines = grid(low, high, least);
    html! {
        @for (index, value) in lines.iter().enumerate() {
            @let at = y(*value, low, high);
            line.grid x1="0" x2="100%" y1=(px(at)) y2=(px(at)) {}
            text.at-end x="-8" y=(px(at + 4.0)) { (number(*value)) @if index + 1 == lines.len() { (unit) } }
        }
        line.base x1="0" x2="100%" y1=(px(BASE)) y2=(px(BASE)) {}
    }
}

/// What stands around every chart.
fn figure(id: &str, heading: &str, says: &Markup, picture: &Markup, below: &Markup, table: &Markup) -> Markup {
    html! {
        figure.card.pad.flow aria-labelledby={ (id) "-heading" } {
            figcaption { h2 id={ (id) "-heading" } { (heading) } p.muted { (says) } }
            (picture) (below)
            details.as-table { summary { "Show as a table" } div.scroll tabindex="0" role="group" aria-label={ (heading) ", as a table" } { (table) } }
        }
    }
}

/// One column of a histogram.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its time, short: *9 Nov*, *14:00*.
    pub label: String,
    /// How many; `None` where nothing was measured.
    pub count: Option<u64>,
    /// How many of these need a person.
    pub bad: u64,
    /// The list behind it.
    pub href: Option<String>,
}

/// How many by time.
#[derive(Clone, Debug)]
pub struct Histogram<'a> {
    /// An identifier of its own on the page.
    pub id: &'a str,
    /// What is counted: *Threats by day*.
    pub heading: &'a str,
    /// By which time: *By the time the console identified them.*
    pub says: &'a str,
    /// The noun of a count, one and several.
    pub noun: (&'a str, &'a str),
    /// What the bad ones are: *unresolved*; empty where none is told apart.
    pub bad: &'a str,
    /// What the others are: *resolved*.
    pub rest: &'a str,
    /// The columns, oldest first, at most [`SLOTS_MAX`].
    pub slots: Vec<Slot>,
}

impl Histogram<'_> {
    /// The chart in its card.
    #[must_use]
    pub fn render(&self) -> Markup {
        let bad: u64 = self.slots.iter().map(|slot| slot.bad).sum();
        let says = html! {
            (self.says)
            @if !self.bad.is_empty() {
                " " span.nowrap { (swatch(Fill::Bad)) " " (self.bad) ": " (count(bad)) }
                " " span.nowrap { (swatch(Fill::One)) " " (self.rest) ": " (count(self.total().saturating_sub(bad))) }
            }
        };
        let table = html! {
            table.data {
                thead { tr { th scope="col" { "Time" } th.num scope="col" { (self.noun.1) } @if !self.bad.is_empty() { th.num scope="col" { (self.bad) } } } }
                tbody {
                    @for slot in self.slots.iter().take(TABLE_ROWS_MAX) {
                        tr {
                            th scope="row" { @if let Some(address) = &slot.href { a href=(href(address)) { (slot.label) } } @else { (slot.label) } }
                            @match slot.count {
                                Some(all) => { td.num { (count(all)) } @if !self.bad.is_empty() { td.num { (count(slot.bad)) } } }
                                None => td.num colspan=[(!self.bad.is_empty()).then_some("2")] { (words::absent("not measured")) },
                            }
                        }
                    }
                }
            }
        };
        let below = html! { p.muted.small { (self.in_words()) "." } };
        figure(self.id, self.heading, &says, &self.plot(), &below, &table)
    }

    fn drawn(&self) -> &[Slot] {
        self.slots.get(..self.slots.len().min(SLOTS_MAX)).unwrap_or_default()
    }

    fn total(&self) -> u64 {
        self.drawn().iter().filter_map(|slot| slot.count).sum()
    }

    /// The column with the most, if any has something.
    fn largest(&self) -> Option<(usize, &Slot)> {
        let most = self.drawn().iter().filter_map(|slot| slot.count).max().filter(|most| *most > 0)?;
        self.drawn().iter().enumerate().find(|(_, slot)| slot.count == Some(most))
    }

    /// `9 findings, 3 of them not resolved`.
    fn counted(&self, all: u64, bad: u64) -> String {
        let what = format!("{} {}", count(all), if all == 1 { self.noun.0 } else { self.noun.1 });
        if self.bad.is_empty() { what } else { format!("{what}, {} {}", count(bad), self.bad) }
    }

    /// What the picture shows, for who does not see it.
    fn in_words(&self) -> String {
        let slots = self.drawn();
        let bad: u64 = slots.iter().map(|slot| slot.bad).sum();
        let label = |slot: Option<&Slot>| slot.map_or_else(String::new, |slot| slot.label.clone());
        let most = self.largest().map_or_else(String::new, |(_, slot)| {
            format!("; the most on {}: {}", slot.label, count(slot.count.unwrap_or_default()))
        });
        let gap = if slots.iter().any(|slot| slot.count.is_none()) { "; not measured for some of it" } else { "" };
        let counted = self.counted(self.total(), bad);
        format!("{counted}, from {} to {}{most}{gap}", label(slots.first()), label(slots.last()))
    }

    /// The picture alone, such as above a log.
    #[must_use]
    pub fn plot(&self) -> Markup {
        let slots = self.drawn();
        let most = self.largest().map_or(0, |(_, slot)| slot.count.unwrap_or_default());
        #[expect(clippy::cast_precision_loss, reason = "a height on a screen")]
        let (high, width) = (most.max(1) as f64, 100.0 / slots.len().max(1) as f64);
        let said = self.in_words();
        // A picture whose columns are links is a group of them; one without is a picture.
        let role = if slots.iter().any(|slot| slot.href.is_some()) { "group" } else { "img" };
        let largest = self.largest().map(|(index, _)| index);
        html! {
            svg.plot role=(role) aria-labelledby={ (self.id) "-title " (self.id) "-says" } {
                title id={ (self.id) "-title" } { (self.heading) }
                desc id={ (self.id) "-says" } { (said) }
                // There is no half of a count.
                (axis(0.0, high, 1.0, ""))
                @for (index, slot) in slots.iter().enumerate() {
                    @let x = width * lossy(index);
                    @if let Some(all) = slot.count {
                        @if all > 0 { (column(slot, (all, &self.counted(all, slot.bad)), x, width, high)) }
                    } @else {
                        rect.f-hatch.faint x=(percent(x)) width=(percent(width)) y=(px(TOP)) height=(px(BASE - TOP)) {}
                    }
                }
                @if let Some(index) = largest {
                    text.at-middle.strong x=(percent((width * (lossy(index) + 0.5)).clamp(2.0, 98.0))) y=(px(TOP - 6.0)) { (count(most)) }
                }
                (feet(&slots.iter().map(|slot| slot.label.as_str()).collect::<Vec<_>>()))
            }
        }
    }
}

fn column(slot: &Slot, (all, counted): (u64, &str), x: f64, width: f64, high: f64) -> Markup {
    let bad = slot.bad.min(all);
    let tall = |part: u64| of_hundred(part, 1) / 100.0 / high * (BASE - TOP);
    let (good, above) = (tall(all - bad), tall(bad));
    // A count that is not zero is at least a pixel and a half tall.
    let good = if all > bad { good.max(1.5) } else { 0.0 };
    let above = if bad > 0 { above.max(1.5) } else { 0.0 };
    let (left, whole) = (percent(x), percent(width));
    let (x, width) = (percent(x + width * 0.14), percent(width * 0.72));
    let bars = html! {
        @if good > 0.0 { rect.f-c1 x=(x) width=(width) y=(px(BASE - good)) height=(px(good)) {} }
        @if above > 0.0 { rect.f-bad x=(x) width=(width) y=(px(BASE - good - above)) height=(px(above)) {} }
    };
    html! {
        @if let Some(address) = &slot.href {
            a href=(href(address)) aria-label={ (slot.label) ": " (counted) } {
                title { (slot.label) ": " (counted) }
                // However small the count, the whole height can be pressed.
                rect.hit x=(left) width=(whole) y=(px(TOP)) height=(px(BASE - TOP)) {}
                (bars)
            }
        } @else {
            g { title { (slot.label) ": " (counted) } (bars) }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the number of a point on a screen")]
fn lossy(index: usize) -> f64 {
    index as f64
}

/// First, middle and last label below the plot.
fn feet(labels: &[&str]) -> Markup {
    html! {
        @if let Some(first) = labels.first() { text x="0" y=(px(FEET)) { (first) } }
        @if labels.len() > 6 {
            @if let Some(middle) = labels.get(labels.len() / 2) { text.at-middle x="50%" y=(px(FEET)) { (middle) } }
        }
        @if labels.len() > 1 { @if let Some(last) = labels.last() { text.at-end x="100%" y=(px(FEET)) { (last) } } }
    }
}

/// Where the measure changed: scope, parameter, version of a check. Numbers before and after are not the same measure.
#[derive(Clone, Copy, Debug)]
pub struct Mark<'a> {
    /// Since when.
    pub at: Timestamp,
    /// Who changed what.
    pub what: &'a str,
}

/// A value over time.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// An identifier of its own on the page.
    pub id: &'a str,
    /// What is measured: *Endpoints with a working agent*.
    pub heading: &'a str,
    /// Of what, and in which unit: *Share of those that need one.*
    pub says: &'a str,
    /// What follows a value: ` %`; may be empty.
    pub unit: &'a str,
    /// The points, oldest first, at most [`POINTS_MAX`]; `None` where nothing was measured.
    pub points: Vec<(Timestamp, Option<f64>)>,
    /// A second line of the same unit, at the same instants, and what both are called.
    pub second: Option<(Vec<Option<f64>>, [&'a str; 2])>,
    /// Changes of the measure, oldest first.
    pub marks: Vec<Mark<'a>>,
    /// The axis starts at zero. Otherwise it starts below the least value, and the chart says where.
    pub from_zero: bool,
}

impl Line<'_> {
    /// The chart in its card.
    #[must_use]
    pub fn render(&self) -> Markup {
        let (low, high) = self.axis();
        let says = html! {
            (self.says)
            @if low > 0.0 { " Axis starts at " (number(low)) (self.unit) "." }
            @if let Some((_, names)) = &self.second {
                @for (name, fill) in names.iter().zip([Fill::One, Fill::Two]) { " " span.nowrap { (swatch(fill)) " " (name) } }
            }
        };
        let below = html! {
            @if !self.marks.is_empty() {
                ol.marks {
                    @for (index, mark) in self.marks.iter().take(MARKS_MAX).enumerate() {
                        li { b { (index + 1) } span { (words::date(mark.at)) ". " (mark.what) } }
                    }
                }
            }
        };
        let value = |value: Option<f64>| match value {
            Some(value) => html! { (number(value)) (self.unit) },
            None => words::absent("not measured"),
        };
        let table = html! {
            table.data {
                thead { tr {
                    th scope="col" { "Time" }
                    @if let Some((_, names)) = &self.second { @for name in names { th.num scope="col" { (name) } } }
                    @else { th.num scope="col" { (self.heading) } }
                } }
                tbody {
                    @for (index, (at, first)) in self.points.iter().enumerate().take(TABLE_ROWS_MAX) {
                        tr {
                            th scope="row" { (words::moment(*at)) }
                            td.num { (value(*first)) }
                            @if let Some((second, _)) = &self.second { td.num { (value(second.get(index).copied().flatten())) } }
                        }
                    }
                }
            }
        };
        figure(self.id, self.heading, &says, &self.plot(low, high), &below, &table)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let second = self.second.iter().flat_map(|(values, _)| values.iter().copied());
        self.points.iter().map(|(_, value)| *value).chain(second).flatten().filter(|value| value.is_finite())
    }

    /// The lowest and the highest value of the axis, both on a line of the grid.
    fn axis(&self) -> (f64, f64) {
        let (least, most) = self
            .values()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if !(least.is_finite() && most.is_finite()) {
            return (0.0, 1.0);
        }
        let least = if self.from_zero { 0.0 } else { least };
        let step = step((most - least).max(most.abs() * 0.01).max(0.1));
        ((least / step).floor() * step, ((most / step).ceil() * step).max((least / step).floor() * step + step))
    }

    /// Where an instant is, from 0 to 1.
    fn x(&self, at: Timestamp) -> f64 {
        let (Some((first, _)), Some((last, _))) = (self.points.first(), self.points.last()) else { return 0.0 };
        let span = last.seconds_since(*first).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
        let place = at.seconds_since(*first) as f64 / span as f64;
        place.clamp(0.0, 1.0)
    }

    /// A series in pieces: cut where nothing was measured and where the measure changed.
    fn pieces(&self, value: impl Fn(usize) -> Option<f64>, low: f64, high: f64) -> Vec<String> {
        let mut pieces = vec![String::new()];
        for (index, (at, _)) in self.points.iter().enumerate().take(POINTS_MAX) {
            let before = index.checked_sub(1).and_then(|before| self.points.get(before));
            let changed =
                before.is_some_and(|(before, _)| self.marks.iter().any(|mark| *before < mark.at && mark.at <= *at));
            let found = value(index).filter(|value| value.is_finite());
            if (changed || found.is_none()) && pieces.last().is_some_and(|piece| !piece.is_empty()) {
                pieces.push(String::new());
            }
            if let (Some(found), Some(piece)) = (found, pieces.last_mut()) {
                let place = 100.0 - (found - low) / (high - low).max(f64::EPSILON) * 100.0;
                let _ =
                    write!(piece, "{}{:.1},{place:.2}", if piece.is_empty() { "" } else { " " }, self.x(*at) * 1000.0);
            }
        }
        pieces.retain(|piece| !piece.is_empty());
        // A point alone is a line of no length, which round ends make a dot.
        pieces.into_iter().map(|piece| if piece.contains(' ') { piece } else { format!("{piece} {piece}") }).collect()
    }

    /// Start and end of each stretch in which nothing was measured, from 0 to 1.
    fn gaps(&self) -> Vec<(f64, f64)> {
        let mut gaps: Vec<(f64, f64)> = Vec::new();
        let mut open = None;
        let mut last = 0.0;
        for (at, value) in self.points.iter().take(POINTS_MAX) {
            let here = self.x(*at);
            match (value, open) {
                (None, None) => open = Some(last),
                (Some(_), Some(start)) => {
                    gaps.push((start, here));
                    open = None;
                }
                _ => {}
            }
            last = if value.is_some() || open.is_none() { here } else { last };
        }
        if let Some(start) = open {
            gaps.push((start, 1.0));
        }
        gaps
    }

    fn plot(&self, low: f64, high: f64) -> Markup {
        let end = self.points.last().and_then(|(_, value)| *value);
        let said = {
            let first = self.points.iter().find_map(|(_, value)| *value);
            let last = self.points.iter().rev().find_map(|(_, value)| *value);
            let gaps = self.gaps().len();
            match (first, last) {
                (Some(first), Some(last)) => format!(
                    "From {}{unit} to {}{unit}.{}",
                    number(first),
                    number(last),
                    match gaps {
                        0 => String::new(),
                        1 => " Not measured for one stretch of time.".to_owned(),
                        several => format!(" Not measured for {several} stretches of time."),
                    },
                    unit = self.unit
                ),
                _ => "Not measured.".to_owned(),
            }
        };
        html! {
            svg.plot role="img" aria-labelledby={ (self.id) "-title " (self.id) "-says" } {
                title id={ (self.id) "-title" } { (self.heading) }
                desc id={ (self.id) "-says" } { (said) }
                (axis(low, high, 0.0, self.unit))
                @for (start, end) in self.gaps() {
                    rect.f-hatch.faint x=(percent(start * 100.0)) width=(percent((end - start) * 100.0)) y=(px(TOP)) height=(px(BASE - TOP)) {}
                    @if end - start > 0.02 {
                        text.at-middle x=(percent(((start + end) * 50.0).clamp(8.0, 92.0))) y=(px(TOP - 6.0)) { "not measured" }
                    }
                }
                svg x="0" y=(px(TOP)) width="100%" height=(px(BASE - TOP)) viewBox="0 0 1000 100" preserveAspectRatio="none" overflow="visible" {
                    @for piece in self.pieces(|index| self.points.get(index).and_then(|(_, value)| *value), low, high) {
                        polyline.series.s-c1 points=(piece) {}
                    }
                    @if let Some((second, _)) = &self.second {
                        @for piece in self.pieces(|index| second.get(index).copied().flatten(), low, high) {
                            polyline.series.s-c2 points=(piece) {}
                        }
                    }
                }
                @for (index, mark) in self.marks.iter().take(MARKS_MAX).enumerate() {
                    @let x = percent(self.x(mark.at) * 100.0);
                    line.mark-line x1=(x) x2=(x) y1=(px(TOP)) y2=(px(BASE)) {}
                    circle.flag cx=(x) cy=(px(TOP - 9.0)) r="8" {}
                    text.flag-number x=(x) y=(px(TOP - 5.0)) { (index + 1) }
                }
                @if let Some(end) = end {
                    @let at = y(end, low, high);
                    text.at-end.strong x="100%" y=(px(if at < TOP + 22.0 { at + 18.0 } else { at - 8.0 })) { (number(end)) (self.unit) }
                }
                (feet(&self.days().iter().map(String::as_str).collect::<Vec<_>>()))
            }
        }
    }

    fn days(&self) -> Vec<String> {
        self.points.iter().map(|(at, _)| words::short(*at)).collect()
    }
}

/// Several small charts with one axis, where a line chart would have more than two lines.
#[derive(Clone, Debug)]
pub struct Multiples<'a> {
    /// An identifier of its own on the page.
    pub id: &'a str,
    /// What is measured.
    pub heading: &'a str,
    /// Of what, and from when to when.
    pub says: &'a str,
    /// What follows a value; may be empty.
    pub unit: &'a str,
    /// Each chart's name and its values, oldest first; at most [`MULTIPLES_MAX`].
    pub charts: Vec<(&'a str, Vec<Option<f64>>)>,
}

impl Multiples<'_> {
    /// The charts in their card. All start at zero and share the highest value.
    #[must_use]
    pub fn render(&self) -> Markup {
        let most = self
            .charts
            .iter()
            .flat_map(|(_, values)| values)
            .flatten()
            .copied()
            .fold(0.0_f64, f64::max)
            .max(f64::EPSILON);
        let pictures = html! {
            ul.multiples {
                @for (name, values) in self.charts.iter().take(MULTIPLES_MAX) {
                    li {
                        p.line { span { (words::name(name)) } b.end { @match values.last().copied().flatten() {
                            Some(last) => { (number(last)) (self.unit) },
                            None => (words::absent("not measured")),
                        } } }
                        (small(values, most))
                    }
                }
            }
        };
        let says = html! { (self.says) " Each from 0 to " (number(most)) (self.unit) "." };
        let table = html! {
            table.data {
                thead { tr { th scope="col" { "Name" } th.num scope="col" { "First" } th.num scope="col" { "Last" } } }
                tbody {
                    @for (name, values) in self.charts.iter().take(MULTIPLES_MAX) {
                        tr {
                            th scope="row" { (words::name(name)) }
                            @for value in [values.first(), values.last()] {
                                td.num { @match value.copied().flatten() { Some(value) => { (number(value)) (self.unit) }, None => (words::absent("not measured")) } }
                            }
                        }
                    }
                }
            }
        };
        figure(self.id, self.heading, &says, &pictures, &Markup::default(), &table)
    }
}

fn small(values: &[Option<f64>], most: f64) -> Markup {
    let last = lossy(values.len().saturating_sub(1)).max(1.0);
    let width = 100.0 / last;
    let mut pieces = vec![String::new()];
    for (index, value) in values.iter().enumerate().take(POINTS_MAX) {
        match (value, pieces.last_mut()) {
            (Some(value), Some(piece)) => {
                let _ = write!(piece, "{:.1},{:.2} ", lossy(index) / last * 1000.0, 100.0 - value / most * 100.0);
            }
            _ => pieces.push(String::new()),
        }
    }
    html! {
        svg.small-plot aria-hidden="true" {
            @for (index, value) in values.iter().enumerate().take(POINTS_MAX) {
                @if value.is_none() {
                    rect.f-hatch.faint x=(percent(lossy(index) / last * 100.0 - width / 2.0)) width=(percent(width)) height="100%" {}
                }
            }
            svg width="100%" height="100%" viewBox="0 0 1000 100" preserveAspectRatio="none" overflow="visible" {
                @for piece in pieces.iter().filter(|piece| !piece.is_empty()) { polyline.series.s-c1 points=(piece.trim_end()) {} }
            }
            line.base x1="0" x2="100%" y1="100%" y2="100%" {}
        }
    }
}

/// Counts by kind, the largest first, as bars from zero.
#[derive(Clone, Debug)]
pub struct Bars<'a> {
    /// What is counted, for screen readers.
    pub label: &'a str,
    /// All of them together.
    pub of: u64,
    /// Each kind, its count, its list.
    pub rows: Vec<(&'a str, u64, Option<&'a str>)>,
    /// How many kinds are not among the rows, and their count.
    pub rest: Option<(u64, u64)>,
}

impl Bars<'_> {
    /// The bars, with exact numbers and shares.
    #[must_use]
    pub fn render(&self) -> Markup {
        let most =
            self.rows.iter().map(|(_, count, _)| *count).chain(self.rest.map(|(_, count)| count)).max().unwrap_or(0);
        let bar = |part: u64, fill: Fill| {
            html! {
                svg.bar aria-hidden="true" { rect class=(fill.class()) width=(percent(of_hundred(part, most))) height="100%" {} }
            }
        };
        html! {
            ul.bars aria-label=(self.label) {
                @for (name, part, address) in &self.rows {
                    li {
                        span { @if let Some(address) = address { a href=(href(address)) { (words::name(name)) } } @else { (words::name(name)) } }
                        (bar(*part, Fill::One))
                        span.num { b { (count(*part)) } " " span.muted { "· " (share(*part, self.of)) } }
                    }
                }
                @if let Some((kinds, part)) = self.rest {
                    li {
                        span.muted { (count(kinds)) " more" }
                        (bar(part, Fill::Idle))
                        span.num { b { (count(part)) } " " span.muted { "· " (share(part, self.of)) } }
                    }
                }
            }
        }
    }
}

/// A line of a few values without an axis, beside the figure that it leads to.
#[must_use]
pub fn spark(values: &[f64], fill: Fill) -> Markup {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).take(POINTS_MAX).collect();
    let (Some(least), Some(most)) = (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max))
    else {
        return Markup::default();
    };
    let last = lossy(values.len() - 1).max(1.0);
    let place = |index: usize, value: f64| {
        let tall = if most > least { (value - least) / (most - least) } else { 0.5 };
        format!("{:.1},{:.1}", lossy(index) / last * 92.0, 25.0 - tall * 22.0)
    };
    let points: Vec<String> = values.iter().enumerate().map(|(index, value)| place(index, *value)).collect();
    let end = points.last().cloned().unwrap_or_default();
    let (x, y) = end.split_once(',').unwrap_or(("0", "0"));
    html! {
        svg.spark viewBox="0 0 96 28" aria-hidden="true" {
            polyline class={ "series " (fill.stroke()) } points=(points.join(" ")) {}
            circle class=(fill.class()) cx=(x) cy=(y) r="2.2" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[Option<f64>]) -> Line<'static> {
        let at = |index: usize| Timestamp::from_seconds(i64::try_from(index).unwrap() * 86_400);
        Line {
            id: "l",
            heading: "h",
            says: "s",
            unit: " %",
            points: values.iter().enumerate().map(|(index, value)| (at(index), *value)).collect(),
            second: None,
            marks: Vec::new(),
            from_zero: false,
        }
    }

    #[test]
    fn a_line_stops_where_nothing_was_measured_and_the_gap_is_hatched() {
        let chart = line(&[Some(88.0), Some(89.0), None, None, Some(91.0), Some(92.0)]);
        let (low, high) = chart.axis();
        assert_eq!(chart.pieces(|index| chart.points[index].1, low, high).len(), 2);
        let gaps = chart.gaps();
        assert_eq!(gaps.len(), 1);
        assert!((gaps[0].0 - 0.2).abs() < 1e-9 && (gaps[0].1 - 0.8).abs() < 1e-9, "{gaps:?}");
    }

    #[test]
    fn a_gap_at_either_end_reaches_the_edge() {
        assert_eq!(line(&[None, Some(1.0), Some(2.0)]).gaps(), [(0.0, 0.5)]);
        assert_eq!(line(&[Some(1.0), Some(2.0), None]).gaps(), [(0.5, 1.0)]);
        assert_eq!(line(&[None, None]).gaps(), [(0.0, 1.0)]);
    }

    #[test]
    fn a_line_is_cut_where_the_measure_changed() {
        let mut chart = line(&[Some(1.0), Some(2.0), Some(3.0)]);
        chart.marks.push(Mark { at: Timestamp::from_seconds(86_400 * 3 / 2), what: "scope" });
        assert_eq!(chart.pieces(|index| chart.points[index].1, 0.0, 4.0).len(), 2);
    }

    #[test]
    fn an_axis_has_at_most_four_lines_and_holds_every_value() {
        for values in [[88.6, 92.6], [0.0, 1.0], [5.0, 5.0], [1.0, 1e9], [-3.0, 7.0], [99.97, 100.0], [0.0, 0.0]] {
            let chart = line(&values.map(Some));
            let (low, high) = chart.axis();
            assert!(low <= values[0] && high >= values[1] && low < high, "{values:?}: {low} {high}");
            assert!((1..=GRID_MAX).contains(&grid(low, high, 0.0).len()), "{values:?}: {:?}", grid(low, high, 0.0));
        }
    }

    #[test]
    fn numbers_that_are_none_draw_nothing_and_break_nothing() {
        let page = line(&[Some(f64::NAN), Some(f64::INFINITY), None]).render().0;
        let spark = spark(&[f64::NAN], Fill::One).0;
        for text in [page, spark, line(&[]).render().0] {
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}
