//! What a pass looks like while it runs, and the words for it when it is over.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use kernel::Timestamp;
use reports::terminal::harmless;
use sync::{Event, IntegrationState, StreamReport, StreamStatus};

use crate::terminal::{Terminal, duration, size};

/// How often lines are drawn again, at most: ten times a second.
const REDRAW_MICROS: i64 = 100_000;

/// How often a long stream says where it is, where lines cannot be drawn again.
const PLAIN_LINE_MICROS: i64 = 5_000_000;

/// How wide a full bar is, in characters.
const BAR_WIDTH: u64 = 14;

/// Listens to a pass.
pub struct Progress<'a> {
    terminal: &'a Terminal,
    style: Style,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Bars that are drawn again in place.
    Bars,
    /// A line now and then.
    Lines,
    /// Nothing.
    Silent,
}

#[derive(Default)]
struct State {
    lines: Vec<Line>,
    drawn: usize,
    drawn_at: Option<Timestamp>,
    finished: Vec<(String, IntegrationState, String)>,
}

struct Line {
    integration: String,
    stream: &'static str,
    records: u64,
    pages: u64,
    total: Option<u64>,
    total_exact: bool,
    elapsed_ms: u64,
    note: String,
    said_at: Option<Timestamp>,
}

impl<'a> Progress<'a> {
    pub fn new(terminal: &'a Terminal, wanted: bool) -> Progress<'a> {
        let style = match (wanted, terminal.can_redraw()) {
            (false, _) => Style::Silent,
            (true, true) => Style::Bars,
            (true, false) => Style::Lines,
        };
        Progress { terminal, style, state: Mutex::default() }
    }

    /// Takes in what happened.
    pub fn tell(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.terminal.now();
        state.take(event);
        match self.style {
            Style::Silent => {}
            Style::Lines => {
                if let Some(line) = state.plain_line(event, now, self.terminal) {
                    self.terminal.note(&line);
                }
            }
            Style::Bars => {
                let page = matches!(event, Event::PageStored { .. });
                let fresh = state.drawn_at.is_some_and(|drawn| now.micros() - drawn.micros() < REDRAW_MICROS);
                if !(page && fresh) {
                    state.draw(now, self.terminal);
                }
            }
        }
    }

    /// Removes the bars, and says how each integration fares.
    pub fn finish(self) -> Vec<(String, IntegrationState, String)> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if self.style == Style::Bars && state.drawn > 0 {
            self.terminal.draw(&format!("\u{1b}[{}A\u{1b}[J", state.drawn));
        }
        state.finished
    }
}

impl State {
    fn take(&mut self, event: &Event) {
        match event {
            Event::StreamStarted { integration, stream, resumed_pages, .. } => {
                let note = match resumed_pages {
                    0 => String::new(),
                    pages => format!("goes on after page {pages}"),
                };
                self.lines.push(Line {
                    integration: integration.clone(),
                    stream,
                    records: 0,
                    pages: 0,
                    total: None,
                    total_exact: false,
                    elapsed_ms: 0,
                    note,
                    said_at: None,
                });
            }
            Event::PageStored { integration, stream, pages, records, total, total_exact, elapsed_ms } => {
                if let Some(line) = self.line(integration, stream) {
                    line.pages = *pages;
                    line.records = *records;
                    line.total = *total;
                    line.total_exact = *total_exact;
                    line.elapsed_ms = *elapsed_ms;
                    line.note.clear();
                }
            }
            Event::Waiting { integration, stream, reason, wait_ms, .. } => {
                if let Some(line) = self.line(integration, stream) {
                    line.note = format!("waits {}: {reason}", duration(*wait_ms));
                }
            }
            Event::StreamFinished { report } => {
                if let Some(line) = self.line(&report.integration, report.stream) {
                    line.records = report.fetched;
                    line.pages = report.pages;
                    line.total = report.console_total;
                    line.total_exact = true;
                    line.note = status(report);
                }
            }
            Event::IntegrationFinished { integration, state, detail, .. } => {
                self.finished.push((integration.clone(), *state, detail.clone()));
            }
            Event::IntegrationStarted { .. } | Event::Notice { .. } => {}
        }
    }

    fn line(&mut self, integration: &str, stream: &str) -> Option<&mut Line> {
        self.lines.iter_mut().rev().find(|line| line.integration == integration && line.stream == stream)
    }

    /// What a file or a pipe is told: a long stream now and then, every wait.
    fn plain_line(&mut self, event: &Event, now: Timestamp, terminal: &Terminal) -> Option<String> {
        let (integration, stream) = match event {
            Event::PageStored { integration, stream, .. } | Event::Waiting { integration, stream, .. } => {
                (integration, stream)
            }
            _ => return None,
        };
        let waits = matches!(event, Event::Waiting { .. });
        let line = self.line(integration, stream)?;
        let said_at = *line.said_at.get_or_insert(now);
        if !waits && now.micros() - said_at.micros() < PLAIN_LINE_MICROS {
            return None;
        }
        line.said_at = Some(now);
        let mut text = format!("{integration} {stream}: {}", line.amount(terminal));
        if !line.note.is_empty() {
            let _ = write!(text, ", {}", line.note);
        }
        Some(text)
    }

    fn draw(&mut self, now: Timestamp, terminal: &Terminal) {
        let mut out = String::new();
        if self.drawn > 0 {
            let _ = write!(out, "\u{1b}[{}A\u{1b}[J", self.drawn);
        }
        let name = self.lines.iter().map(|line| line.integration.chars().count()).max().unwrap_or(0);
        let stream = self.lines.iter().map(|line| line.stream.len()).max().unwrap_or(0);
        let amounts: Vec<String> = self.lines.iter().map(|line| line.amount(terminal)).collect();
        let amount = amounts.iter().map(|amount| amount.chars().count()).max().unwrap_or(0);
        // The cursor does not go up beyond the screen: of a long list the last lines are shown, the summary has all.
        let above = self.lines.len().saturating_sub(terminal.redrawable_lines());
        for (line, shown) in self.lines.iter().zip(&amounts).skip(above) {
            let text = format!(
                "{:name$}  {:stream$}  {shown:>amount$}  {}  {}",
                line.integration,
                line.stream,
                line.bar(),
                line.rest(terminal)
            );
            // A line that wraps would be counted once and drawn twice.
            let cut: String = text.trim_end().chars().take(terminal.note_width().saturating_sub(1)).collect();
            let _ = writeln!(out, "\u{1b}[2K{cut}");
        }
        terminal.draw(&out);
        self.drawn = self.lines.len() - above;
        self.drawn_at = Some(now);
    }
}

impl Line {
    fn amount(&self, terminal: &Terminal) -> String {
        match self.total {
            Some(total) => {
                let about = if self.total_exact { "" } else { "~" };
                format!("{} / {about}{}", terminal.number(self.records), terminal.number(total))
            }
            None => terminal.number(self.records),
        }
    }

    fn bar(&self) -> String {
        let Some(total) = self.total.filter(|total| *total > 0) else { return " ".repeat(2 + BAR_WIDTH as usize) };
        let full = (self.records * BAR_WIDTH / total).min(BAR_WIDTH) as usize;
        format!("▕{}{}▏", "█".repeat(full), " ".repeat(BAR_WIDTH as usize - full))
    }

    fn rest(&self, terminal: &Terminal) -> String {
        if !self.note.is_empty() {
            return self.note.clone();
        }
        let rate = (self.records * 1000).checked_div(self.elapsed_ms).unwrap_or(0);
        let speed = if rate > 0 { format!("{}/s", terminal.number(rate)) } else { "-".to_owned() };
        let left = self.total.map_or(0, |total| total.saturating_sub(self.records));
        let end = match left.checked_div(rate) {
            Some(seconds) if left > 0 => format!("about {} left", duration((seconds + 1) * 1000).replace(".0 s", " s")),
            _ => format!("{} page{}", terminal.number(self.pages), if self.pages == 1 { "" } else { "s" }),
        };
        format!("{speed:>9}  {end}")
    }
}

/// How a stream ended, in words.
fn status(report: &StreamReport) -> String {
    let reason = harmless(report.reason.as_deref().unwrap_or_default());
    let said = |word: &str| match reason.strip_prefix(word).map_or(&*reason, |rest| rest.trim_start_matches([':', ' ']))
    {
        "" => word.to_owned(),
        why => format!("{word}: {why}"),
    };
    match report.status {
        StreamStatus::Complete if reason.is_empty() => {
            match report.source.as_deref().and_then(|by| by.split(' ').next()) {
                Some(by) => format!("complete, by {}", harmless(by)),
                None => "complete".to_owned(),
            }
        }
        StreamStatus::Complete => format!("complete; {reason}"),
        StreamStatus::Incomplete => said("INCOMPLETE"),
        StreamStatus::NotAvailable => said("not available"),
        StreamStatus::Unreachable => said("UNREACHABLE"),
        StreamStatus::AuthenticationFailed => said("REFUSED"),
        StreamStatus::PermissionMissing => said("NOT PERMITTED"),
        StreamStatus::NotTried => said("not tried"),
        StreamStatus::RateLimited => said("RATE LIMITED"),
    }
}

/// What a pass did, one line per stream.
pub fn summary(reports: &[StreamReport], number: &dyn Fn(u64) -> String) -> String {
    let rows: Vec<[String; 5]> = reports
        .iter()
        .enumerate()
        .map(|(at, report)| {
            let first = at == 0 || reports[at - 1].integration != report.integration;
            let name = if first { report.integration.clone() } else { String::new() };
            let have = report.created + report.changed + report.touched + report.unchanged;
            let amount = match report.console_total {
                // Proven equal; a record that changed during the sweep was met twice, and is still one.
                Some(total) if report.complete => number(total),
                Some(total) if !report.complete && total > have => format!("{} of {}", number(have), number(total)),
                // Nothing was read, and that is not a count of nothing.
                _ if have == 0 && report.status != StreamStatus::Complete => String::new(),
                _ => number(have),
            };
            [name, report.stream.to_owned(), amount, news(report, number), status(report)]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [names, streams, amounts, news] = [width(0), width(1), width(2), width(3)];
    let mut out = String::new();
    for [name, stream, amount, new, status] in &rows {
        let _ = writeln!(out, "{name:names$}  {stream:streams$}  {amount:>amounts$}  {new:news$}  {status}");
    }
    out
}

fn news(report: &StreamReport, number: &dyn Fn(u64) -> String) -> String {
    let parts = [
        (report.created, "created"),
        (report.changed, "changed"),
        (report.touched, "touched"),
        (report.removed, "removed"),
        (report.quarantined, "kept aside"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", number(*count)))
        .collect();
    match said.is_empty() {
        true if report.unchanged > 0 => "nothing new".to_owned(),
        _ => said.join(", "),
    }
}

/// What a pass cost: `Done in 6.1 s, 92 requests, 31 MB.`
pub fn cost(reports: &[StreamReport], milliseconds: u64, number: &dyn Fn(u64) -> String) -> String {
    let requests: u64 = reports.iter().map(|report| report.requests).sum();
    let bytes: u64 = reports.iter().map(|report| report.bytes).sum();
    let plural = if requests == 1 { "" } else { "s" };
    format!("{}, {} request{plural}, {}", duration(milliseconds), number(requests), size(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(stream: &'static str, status: StreamStatus) -> StreamReport {
        StreamReport {
            integration: "acme".to_owned(),
            stream,
            status,
            fetched: 11_000,
            created: 12,
            changed: 0,
            touched: 0,
            unchanged: 10_988,
            removed: 0,
            quarantined: 0,
            pages: 11,
            requests: 12,
            bytes: 31_000_000,
            duration_ms: 6_100,
            complete: status == StreamStatus::Complete,
            console_total: Some(12_408),
            reason: (status != StreamStatus::Complete).then(|| "the console stopped answering".to_owned()),
            core: true,
            held: 0,
            source: None,
        }
    }

    #[test]
    fn a_pass_is_told_in_aligned_words() {
        let reports = [report("threats", StreamStatus::Complete), report("agents", StreamStatus::Incomplete)];
        let told = summary(&reports, &crate::terminal::grouped);
        assert_eq!(
            told,
            "acme  threats            12,408  12 created  complete\n      \
             agents   11,000 of 12,408  12 created  INCOMPLETE: the console stopped answering\n"
        );
        assert_eq!(cost(&reports, 6_100, &crate::terminal::grouped), "6.1 s, 24 requests, 62 MB");
    }

    #[test]
    fn a_single_record_that_was_not_available_is_told_and_cannot_steer_the_terminal() {
        let mut one = report("account_policies", StreamStatus::Complete);
        one.reason = Some("not available for 1: \u{1b}[2J".to_owned());
        let told = summary(&[one], &crate::terminal::grouped);
        assert!(told.ends_with("complete; not available for 1: ?[2J\n"), "{told:?}");
    }

    #[test]
    fn a_bar_is_full_only_at_the_end() {
        let mut line = Line {
            integration: "acme".to_owned(),
            stream: "agents",
            records: 99,
            pages: 1,
            total: Some(100),
            total_exact: true,
            elapsed_ms: 1000,
            note: String::new(),
            said_at: None,
        };
        assert_eq!(line.bar(), "▕█████████████ ▏");
        line.records = 150;
        assert_eq!(line.bar(), "▕██████████████▏");
        line.total = None;
        assert_eq!(line.bar().chars().count(), 16);
    }
}
