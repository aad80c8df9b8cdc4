//! What the program prints and where: results on standard output, everything else on standard error.

use std::io::{IsTerminal, Write};

use jiff::tz::TimeZone;
use kernel::{Clock, Timestamp};
use reports::terminal::{Style, thousands};

use crate::failure::Failure;

/// The two streams, what is at their ends, and how people there read times.
pub struct Terminal {
    results: Stream,
    notes: Stream,
    zone: TimeZone,
    clock: Clock,
}

#[derive(Clone, Copy, Default)]
struct Stream {
    /// Whether a person looks at it.
    is_terminal: bool,
    color: bool,
    width: Option<usize>,
}

impl Terminal {
    /// The process's own streams. Colour needs a terminal and no `NO_COLOR` (<https://no-color.org>).
    pub fn new(clock: Clock) -> Terminal {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let stream = |is_terminal| Stream {
            is_terminal,
            color: is_terminal && !no_color && !dumb,
            width: width.filter(|_| is_terminal),
        };
        Terminal {
            results: stream(std::io::stdout().is_terminal()),
            notes: stream(std::io::stderr().is_terminal()),
            zone: TimeZone::system(),
            clock,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes a result as it is; it ends its own lines.
    pub fn result(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Writes one or more lines for people. Nobody reading them is no reason to stop.
    pub fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Writes to standard error as it is: for lines that are drawn again.
    pub fn draw(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }

    /// Whether lines on standard error can be drawn again.
    pub fn can_redraw(&self) -> bool {
        self.notes.is_terminal && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
    }

    /// How wide the lines of standard error may be; 100 where nobody looks.
    pub fn note_width(&self) -> usize {
        self.notes.width.unwrap_or(100)
    }

    /// How many lines of standard error can be drawn again at once: those above the screen's top are out of reach.
    pub fn redrawable_lines(&self) -> usize {
        let rows = terminal_size::terminal_size().map_or(24, |(_, rows)| usize::from(rows.0));
        rows.saturating_sub(1).max(1)
    }

    /// A number in a note: with commas for people, bare for files and pipes.
    pub fn number(&self, number: u64) -> String {
        if self.notes.is_terminal { grouped(number) } else { number.to_string() }
    }

    /// A number in a result: with commas for people, bare for files and pipes.
    pub fn result_number(&self, number: u64) -> String {
        if self.results.is_terminal { grouped(number) } else { number.to_string() }
    }

    /// An instant in a result: local with its zone for people, RFC 3339 in UTC for files, pipes and `--json`.
    pub fn result_time(&self, at: Timestamp, json: bool) -> String {
        if self.results.is_terminal && !json {
            local(at, self.now(), &self.zone)
        } else {
            to_the_second(at).to_string()
        }
    }

    /// Words that stand out in a result, where there is colour.
    pub fn bold(&self, text: &str) -> String {
        if self.results.color { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A word that says that something is wrong, in red where there is colour.
    pub fn red(&self, text: &str) -> String {
        if self.notes.color { format!("\u{1b}[31m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Writes a table as a result.
    pub fn table(&self, table: &kernel::Table) -> Result<(), Failure> {
        let now = self.now();
        let person = |at: Timestamp| local(at, now, &self.zone);
        let style = match self.results.is_terminal {
            true => Style { width: self.results.width, color: self.results.color, commas: true, time: &person },
            false => Style::plain(),
        };
        self.result(&reports::terminal::terminal(table, &style))
    }
}

/// A number with commas.
pub fn grouped(number: u64) -> String {
    thousands(i64::try_from(number).unwrap_or(i64::MAX))
}

/// An instant without its fraction of a second.
pub fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.micros().div_euclid(1_000_000))
}

/// `today 14:31 CET`, or `2026-11-20 14:31 CET` on another day.
fn local(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let zoned = |at: Timestamp| jiff::Timestamp::from_microsecond(at.micros()).ok().map(|at| at.to_zoned(zone.clone()));
    let (Some(then), Some(now)) = (zoned(at), zoned(now)) else { return at.to_string() };
    match then.date() == now.date() {
        true => then.strftime("today %H:%M %Z").to_string(),
        false => then.strftime("%Y-%m-%d %H:%M %Z").to_string(),
    }
}

/// A length of time in one unit or two: `850 ms`, `6.1 s`, `3 min 20 s`, `2 h 5 min`, `161 days`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A size: `412 MB`, `1.2 kB`.
pub fn size(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes, 0);
    let mut tenths = 0;
    while value >= 1000 && unit + 1 < units.len() {
        tenths = value % 1000 / 100;
        value /= 1000;
        unit += 1;
    }
    if unit > 0 && value < 10 {
        format!("{value}.{tenths} {}", units[unit])
    } else {
        format!("{value} {}", units[unit])
    }
}

/// `1 page`, `2 pages`.
pub fn counted(number: u64, singular: &str, shown: &str) -> String {
    format!("{shown} {singular}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_with_their_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at = Timestamp::parse("2026-11-20T13:31:05.25Z").unwrap();
        let later = Timestamp::parse("2026-11-20T22:59:00Z").unwrap();
        assert_eq!(local(at, later, &zone), "today 14:31 +01");
        assert_eq!(local(at, later.plus_seconds(120), &zone), "2026-11-20 14:31 +01");
        assert_eq!(to_the_second(at).to_string(), "2026-11-20T13:31:05Z");
    }

    #[test]
    fn lengths_and_sizes_read_well() {
        let lengths = [7, 6_100, 200_000, 7_500_000, 161 * 86_400_000].map(duration);
        assert_eq!(lengths, ["7 ms", "6.1 s", "3 min 20 s", "2 h 5 min", "161 days"]);
        assert_eq!([999, 1_234, 31_000_000, 412_345_678].map(size), ["999 bytes", "1.2 kB", "31 MB", "412 MB"]);
    }
}
