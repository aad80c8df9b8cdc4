//! [`Position`]: where a sweep stands, and where it goes after a page, a loss of its cursor or a proof that failed.
//!
//! All of it is decided here, without I/O; the checkpoint that commits with each page is this value.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// Records asked for per page; the console takes no more (vendor spec, `limit`).
pub const PAGE_LIMIT_MAX: u32 = 1_000;

/// How often a window is begun again from its lower bound before it is cut in two.
pub const RESTARTS_MAX: u32 = 3;

/// How often a window is read again because the console counted more than was seen.
pub const RECOUNTS_MAX: u32 = 1;

/// Windows that may wait in one sweep. At a page each this is ten million records behind a console whose cursors never
/// work; beyond it something else is wrong.
pub const WINDOWS_MAX: usize = 10_000;

/// Pages in a row without records before their cursors are no longer believed.
pub const EMPTY_PAGES_MAX: u32 = 10;

/// `skip` goes no further (vendor spec).
pub const SKIP_MAX: u32 = 1_000;

/// No console holds anything older: 2013-01-01.
const OLDEST: i64 = 1_356_998_400_000_000;

/// A stretch of the console's time, `from` inclusive, `to` exclusive; an open end has no filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first microsecond of it.
    pub from: Option<i64>,
    /// The first microsecond after it.
    pub to: Option<i64>,
    /// Which of the sweep's scopes is asked for, where the endpoint takes exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<u32>,
    /// True if it asks for what changes without its time moving, instead of what changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reread: bool,
}

impl Window {
    /// All time.
    pub const ALL: Window = Window { from: None, to: None, scope: None, reread: false };

    /// From an instant on, inclusive; all time if there is none.
    #[must_use]
    pub const fn since(from: Option<i64>) -> Window {
        Window { from, ..Window::ALL }
    }

    /// Cuts the window in the middle; `None` if it is too short. An open end counts as `now`, and stays open.
    #[must_use]
    pub fn halves(self, now: Timestamp) -> Option<[Window; 2]> {
        let from = self.from.unwrap_or(OLDEST);
        let to = self.to.unwrap_or(now.micros());
        let middle = from.checked_add(to.checked_sub(from)? / 2)?;
        (middle > from && middle < to)
            .then_some([Window { to: Some(middle), ..self }, Window { from: Some(middle), ..self }])
    }
}

/// Where a sweep stands. Everything that a later process needs to go on from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Windows still to read; the first is the present one. Never empty while the sweep runs.
    pub windows: Vec<Window>,
    /// How many windows are done.
    pub window: u32,
    /// The cursor of the next page; `None` at a window's beginning. Stored in a column of its own.
    #[serde(skip)]
    pub cursor: Option<String>,
    /// Records to skip at the beginning of a window: past one that could not be read.
    pub skip: u32,
    /// Records per page.
    pub limit: u32,
    /// Pages stored in this sweep. Stored in a column of its own.
    #[serde(skip)]
    pub page: u32,
    /// Records received in this window since it was last begun.
    pub rows: u32,
    /// Pages in a row that had no records.
    pub empty: u32,
    /// How often this window was begun again.
    pub restarts: u32,
    /// How often this window was read again because the counts differed.
    pub recounts: u32,
    /// The newest server time among the records seen in this sweep.
    pub newest: Option<i64>,
    /// The console's clock at the latest page.
    pub server: Option<i64>,
    /// How many records of this window carry its newest time so far: what `skip` must pass when it begins there.
    pub ties: u32,
    /// The newest server time of this window since it was last begun.
    pub window_newest: Option<i64>,
    /// Records of this window that could not be read and are quarantined by position.
    pub unread: u32,
    /// The present window as it was before it was narrowed to step over a record: what the proof is about.
    pub whole: Option<Window>,
    /// What the console counted in the windows that are done.
    pub counted: u64,
    /// True if some window's proof failed for good.
    pub short: bool,
    /// The console's clock at the sweep's first page: nothing that changed later is known to have been seen.
    #[serde(default)]
    pub first: Option<i64>,
    /// What windows ask for one by one, as parameters: `accountIds=123`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Scopes that were refused, each with the console's reason: what lies in them is not known.
    #[serde(default)]
    pub refused: Vec<String>,
    /// Rows that no record could be told for: one that seems to be gone may be one of them.
    #[serde(default)]
    pub nameless: u32,
    /// True once a window of what changes without its time moving was read.
    #[serde(default)]
    pub reread: bool,
    /// Which of several generations of the API is read, where there is a choice.
    #[serde(default)]
    pub source: Option<String>,
}

/// What a stored page tells about the way on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSeen<'a> {
    /// Records on it.
    pub records: u32,
    /// The newest server time on it.
    pub newest: Option<i64>,
    /// How many of its records carry that time.
    pub at_newest: u32,
    /// The cursor it gave.
    pub next: Option<&'a str>,
    /// The console's clock when it gave it.
    pub server: Option<i64>,
}

/// How a window's cursor was lost, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Begin the window again.
    Restarted,
    /// The window was cut in two; begin with the first half.
    Bisected,
    /// Neither is possible any more.
    Exhausted,
}

impl Position {
    /// The beginning of a sweep over `window`.
    #[must_use]
    pub fn begin(window: Window) -> Position {
        Position::over(vec![window], Vec::new())
    }

    /// The beginning of a sweep over several windows, one after the other.
    #[must_use]
    pub fn over(windows: Vec<Window>, scopes: Vec<String>) -> Position {
        Position {
            windows,
            window: 0,
            cursor: None,
            skip: 0,
            limit: PAGE_LIMIT_MAX,
            page: 0,
            rows: 0,
            empty: 0,
            restarts: 0,
            recounts: 0,
            newest: None,
            server: None,
            ties: 0,
            window_newest: None,
            unread: 0,
            whole: None,
            counted: 0,
            short: false,
            first: None,
            scopes,
            refused: Vec::new(),
            nameless: 0,
            reread: false,
            source: None,
        }
    }

    /// The parameter of the scope that the present window asks for, and its value.
    #[must_use]
    pub fn scope(&self) -> Option<(&str, &str)> {
        let at = self.now_reading()?.scope?;
        self.scopes.get(at as usize)?.split_once('=')
    }

    /// Gives up the present window because its scope is refused.
    pub fn refuse_scope(&mut self, why: &str) {
        let scope = self.scope().map(|(_, id)| id.to_owned()).unwrap_or_default();
        self.refused.push(format!("{scope}: {why}"));
        self.close_window(0, true);
    }

    /// True if the sweep read what changes without its time moving: all of it, or the window for that.
    #[must_use]
    pub fn reread_seen(&self, full: bool) -> bool {
        full || self.reread
    }

    /// The window being read; `None` when the sweep has read them all.
    #[must_use]
    pub fn now_reading(&self) -> Option<Window> {
        self.windows.first().copied()
    }

    /// The position after a page is stored. Without a next cursor the window's end is reached, which the caller
    /// must then prove before [`Position::close_window`].
    #[must_use]
    pub fn after(&self, page: PageSeen<'_>) -> Position {
        let mut next = self.clone();
        next.page += 1;
        next.rows += page.records;
        next.empty = if page.records == 0 { self.empty + 1 } else { 0 };
        next.skip = 0;
        next.cursor = page.next.map(str::to_owned);
        // A page that came through at a reduced size earns a larger one.
        next.limit = (self.limit * 2).min(PAGE_LIMIT_MAX);
        // What is read again beside the changes says nothing about how far the changes were read.
        if !self.now_reading().is_some_and(|window| window.reread) {
            next.newest = self.newest.max(page.newest);
        }
        next.server = self.server.max(page.server);
        next.first = self.first.or(page.server);
        if page.newest > self.window_newest {
            next.window_newest = page.newest;
            next.ties = page.at_newest;
        } else if page.newest == self.window_newest && page.newest.is_some() {
            next.ties += page.at_newest;
        }
        next
    }

    fn begin_window(&mut self) {
        if let (Some(whole), Some(present)) = (self.whole.take(), self.windows.first_mut()) {
            *present = whole;
        }
        self.cursor = None;
        self.skip = 0;
        self.rows = 0;
        self.empty = 0;
        self.ties = 0;
        self.window_newest = None;
        self.unread = 0;
    }

    /// Gives up the cursor: the window begins again, or, after [`RESTARTS_MAX`] times, is cut in two if the stream can
    /// be asked for a stretch of time. What was seen of the window no longer counts as proof.
    pub fn lose_cursor(&mut self, now: Timestamp, by_time: bool) -> Recovery {
        self.begin_window();
        if self.restarts < RESTARTS_MAX {
            self.restarts += 1;
            return Recovery::Restarted;
        }
        if !by_time {
            return Recovery::Exhausted;
        }
        // The halves are cut again at their first failure: restarts stay where they are, so that a console whose
        // cursors never work costs two requests a page and not five.
        match self.windows.first().and_then(|window| window.halves(now)) {
            Some(halves) if self.windows.len() < WINDOWS_MAX => {
                self.windows.splice(0..1, halves);
                Recovery::Bisected
            }
            _ => Recovery::Exhausted,
        }
    }

    /// Cuts the present window in two because the console does not count as far; false if it cannot be cut.
    #[must_use]
    pub fn cut(&mut self, now: Timestamp) -> bool {
        match self.windows.first().and_then(|window| window.halves(now)) {
            Some(halves) if self.windows.len() < WINDOWS_MAX => {
                self.begin_window();
                self.windows.splice(0..1, halves);
                true
            }
            _ => false,
        }
    }

    /// Begins the window again because the console counts more than was seen; false if that was done often enough.
    #[must_use]
    pub fn recount(&mut self) -> bool {
        if self.recounts >= RECOUNTS_MAX {
            return false;
        }
        self.recounts += 1;
        self.begin_window();
        true
    }

    /// Leaves the present window for the next one.
    pub fn close_window(&mut self, counted: u64, proven: bool) {
        self.counted += counted;
        self.short |= !proven;
        self.whole = None;
        if !self.windows.is_empty() {
            self.reread |= self.windows[0].reread;
            self.windows.remove(0);
        }
        self.window += 1;
        self.recounts = 0;
        // Windows behind one whose cursors never worked are cut at their first failure too.
        if self.restarts < RESTARTS_MAX {
            self.restarts = 0;
        }
        self.begin_window();
    }

    /// Asks for half as many records; false at one.
    #[must_use]
    pub fn halve(&mut self) -> bool {
        if self.limit <= 1 {
            return false;
        }
        self.limit /= 2;
        true
    }

    /// Steps over the one record at this position, which cannot be read; false if the console cannot skip that far.
    ///
    /// A cursor cannot step over a record, so the window is narrowed to begin at the newest time already seen (where the
    /// stream can be asked so), and everything seen there plus the one record is skipped.
    #[must_use]
    pub fn step_over(&mut self, by_time: bool) -> bool {
        let (from, passed) = match self.window_newest {
            // Nothing was stored since the last step: the next record stands right behind.
            _ if self.skip > 0 => (self.windows.first().and_then(|window| window.from), self.skip),
            Some(newest) if by_time => (Some(newest), self.ties),
            _ => (self.windows.first().and_then(|window| window.from), self.rows),
        };
        let skip = passed.saturating_add(1);
        if skip > SKIP_MAX {
            return false;
        }
        if let Some(window) = self.windows.first_mut() {
            self.whole.get_or_insert(*window);
            window.from = from;
        }
        self.cursor = None;
        self.skip = skip;
        self.ties += 1;
        self.rows += 1;
        self.unread += 1;
        self.nameless += 1;
        true
    }
}

/// The instant up to which a stream is known after a complete sweep: the newest server time seen, never later than the
/// console's own clock, and never earlier than before.
///
/// A record stamped more than [`FUTURE_MAX_SECONDS`] ahead of the console's clock says nothing about what was read.
#[must_use]
pub fn watermark(before: Option<Timestamp>, newest: Option<Timestamp>, server: Option<Timestamp>) -> Option<Timestamp> {
    let newest = match (newest, server) {
        (Some(newest), Some(server)) => Some(newest.min(server)),
        (newest, None) => newest,
        (None, Some(_)) => None,
    };
    before.max(newest)
}

/// Where the next sweep begins: `overlap` seconds before the watermark, inclusive.
#[must_use]
pub fn lower_bound(watermark: Option<Timestamp>, overlap: i64) -> Option<Timestamp> {
    watermark.map(|at| at.plus_seconds(-overlap))
}

/// True if a stamp is too far ahead of the console's clock to be believed.
#[must_use]
pub fn is_in_the_future(stamp: Timestamp, server: Timestamp) -> bool {
    stamp.seconds_since(server) > FUTURE_MAX_SECONDS
}

/// How far ahead of the console's clock a record's stamp may be: its services' clocks differ a little.
pub const FUTURE_MAX_SECONDS: i64 = 300;

/// What comparing the counts says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// At least as many distinct records were seen as the console counts.
    Enough,
    /// Fewer were seen.
    Short {
        /// How many are missing.
        missing: u64,
    },
    /// The console's count stops where it stands: it proves nothing, cut the window.
    Capped,
    /// The console gave no count.
    Unknown,
}

/// Compares what was seen with the console's own count.
#[must_use]
pub fn counted(seen: u64, total: Option<u64>, cap: Option<u64>) -> Counted {
    match (total, cap) {
        (None, _) => Counted::Unknown,
        (Some(total), Some(cap)) if total >= cap => Counted::Capped,
        (Some(total), _) if seen >= total => Counted::Enough,
        (Some(total), _) => Counted::Short { missing: total - seen },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn page(records: u32, newest: i64, next: Option<&str>) -> PageSeen<'_> {
        PageSeen { records, newest: Some(newest), at_newest: 1, next, server: None }
    }

    #[test]
    fn a_page_moves_the_cursor_and_the_newest_time_only_forward() {
        let begin = Position::begin(Window::ALL);
        let one = begin.after(page(1000, 50, Some("c1")));
        let two = one.after(page(1000, 40, None));
        assert_eq!((one.cursor.as_deref(), one.page, one.newest), (Some("c1"), 1, Some(50)));
        assert_eq!((two.cursor.as_deref(), two.page, two.newest, two.rows), (None, 2, Some(50), 2000));
    }

    #[test]
    fn a_cursor_may_be_lost_three_times_then_the_window_is_cut() {
        let mut at =
            Position::begin(Window { from: Some(0), to: None, ..Window::ALL }).after(page(1000, 50, Some("c1")));
        for _ in 0..RESTARTS_MAX {
            assert_eq!(at.lose_cursor(NOW, true), Recovery::Restarted);
            assert_eq!((at.cursor.as_deref(), at.rows, at.windows.len()), (None, 0, 1));
        }
        assert_eq!(at.lose_cursor(NOW, true), Recovery::Bisected);
        assert_eq!(at.windows.len(), 2);
        assert_eq!(at.lose_cursor(NOW, true), Recovery::Bisected);
        assert_eq!(at.windows.len(), 3);
    }

    #[test]
    fn a_stream_without_times_is_given_up_after_three() {
        let mut at = Position::begin(Window::ALL);
        for _ in 0..RESTARTS_MAX {
            assert_eq!(at.lose_cursor(NOW, false), Recovery::Restarted);
        }
        assert_eq!(at.lose_cursor(NOW, false), Recovery::Exhausted);
    }

    #[test]
    fn a_count_below_the_cap_proves_and_one_at_the_cap_does_not() {
        assert_eq!(counted(10, Some(10), None), Counted::Enough);
        assert_eq!(counted(11, Some(10), None), Counted::Enough);
        assert_eq!(counted(9, Some(10), None), Counted::Short { missing: 1 });
        assert_eq!(counted(49_999, Some(49_999), Some(50_000)), Counted::Enough);
        assert_eq!(counted(60_000, Some(50_000), Some(50_000)), Counted::Capped);
        assert_eq!(counted(10, None, None), Counted::Unknown);
    }

    #[test]
    fn the_watermark_never_passes_the_consoles_clock_and_never_goes_back() {
        let at = |seconds| Some(Timestamp::from_seconds(seconds));
        assert_eq!(watermark(at(5), at(9), at(7)), at(7));
        assert_eq!(watermark(at(5), at(4), at(7)), at(5));
        assert_eq!(watermark(None, None, at(7)), None);
        assert_eq!(watermark(at(5), None, at(7)), at(5));
        assert_eq!(watermark(None, at(9), None), at(9));
        assert_eq!(lower_bound(at(1000), 600), at(400));
        assert_eq!(lower_bound(None, 600), None);
    }

    #[test]
    fn an_unreadable_record_is_stepped_over_by_time_and_ties() {
        let mut at = Position::begin(Window { from: Some(1), to: None, ..Window::ALL });
        at = at.after(PageSeen { records: 700, newest: Some(90), at_newest: 2, next: Some("c1"), server: None });
        at = at.after(PageSeen { records: 700, newest: Some(90), at_newest: 1, next: Some("c2"), server: None });
        assert!(at.step_over(true));
        assert_eq!((at.windows[0].from, at.skip, at.cursor.as_deref(), at.unread), (Some(90), 4, None, 1));
        // Two in a row: the second stands right behind the first.
        assert!(at.step_over(true));
        assert_eq!((at.windows[0].from, at.skip, at.unread), (Some(90), 5, 2));
        assert_eq!(at.lose_cursor(NOW, true), Recovery::Restarted);
        assert_eq!((at.windows[0].from, at.whole, at.unread), (Some(1), None, 0), "the whole window is read again");
        let mut blind = Position::begin(Window::ALL).after(PageSeen {
            records: 1000,
            newest: None,
            at_newest: 0,
            next: Some("c"),
            server: None,
        });
        assert!(!blind.step_over(false), "skip goes only to 1,000");
    }

    #[test]
    fn a_page_size_that_was_halved_grows_back() {
        let mut at = Position::begin(Window::ALL);
        for expected in [500, 250, 125, 62, 31, 15, 7, 3, 1] {
            assert!(at.halve());
            assert_eq!(at.limit, expected);
        }
        assert!(!at.halve());
        assert_eq!(at.after(page(1, 1, None)).limit, 2);
    }

    proptest! {
        #[test]
        fn halves_cover_the_window_without_gap_or_overlap(from in 0i64..2_000_000_000_000_000, length in 0i64..9_000_000_000) {
            let window = Window { from: Some(from), to: Some(from + length), ..Window::ALL };
            match window.halves(NOW) {
                Some([one, two]) => {
                    prop_assert_eq!(one.from, window.from);
                    prop_assert_eq!(one.to, two.from);
                    prop_assert_eq!(two.to, window.to);
                    prop_assert!(one.to > one.from && two.to > two.from);
                }
                None => prop_assert!(length < 2),
            }
        }

        #[test]
        fn losing_every_cursor_ends(seed in 0i64..1_000_000) {
            // A console whose cursors never work: each window of more than one page fails until it is small enough.
            let mut at = Position::begin(Window { from: Some(0), to: Some(2_000_000 + seed), ..Window::ALL });
            let mut steps = 0;
            while let Some(window) = at.now_reading() {
                steps += 1;
                prop_assert!(steps < 50_000);
                let width = window.to.unwrap() - window.from.unwrap();
                if width <= 1_000 {
                    at.close_window(1, true);
                } else {
                    prop_assert_ne!(at.lose_cursor(NOW, true), Recovery::Exhausted);
                }
            }
        }
    }
}
