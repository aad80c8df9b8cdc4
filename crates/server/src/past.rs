//! How a count was at the end of each day before: asked of history once, and remembered, because a day that is over stays.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use inventory::{Ask, AskError, Want};
use kernel::{OrgId, Timestamp};
use ui::{Card, Markup, html};

use crate::App;

/// Days back that are told.
pub(crate) const DAYS: i64 = 14;
/// So long one page asks history, in microseconds; days that it does not come to are asked for by the next page.
const PATIENCE: i64 = 60_000;

const DAY: i64 = 86_400;

/// What was counted: the organization, the inventory, the question, and the day's number; nothing where history does not reach.
type Known = BTreeMap<(OrgId, &'static str, &'static str, i64), Option<u64>>;

/// Counts of days that are over. At most [`DAYS`] of each question and organization.
#[derive(Debug, Default)]
pub(crate) struct Past(Mutex<Known>);

/// A day's last instant, and what was counted then; nothing where history does not reach, or is not asked yet.
pub(crate) type ByDay = Vec<(Timestamp, Option<u64>)>;

/// How many rows of an inventory a question found at the end of each of the last [`DAYS`] days, the oldest first. What a page
/// asks of history shares the time since it was `begun`.
pub(crate) async fn by_day(
    app: &App,
    org: OrgId,
    (inventory, question): (&'static str, &'static str),
    begun: Timestamp,
) -> ByDay {
    let today = begun.micros().div_euclid(DAY * 1_000_000);
    let end_of = |day: i64| Timestamp::from_seconds((day + 1) * DAY);
    let days: Vec<i64> = (today - DAYS..today).collect();
    for day in days.iter().rev() {
        let key = (org, inventory, question, *day);
        if known(app, |known| known.contains_key(&key)) {
            continue;
        }
        if app.world.now().micros() - begun.micros() > PATIENCE {
            break;
        }
        let ask = Ask { want: Want::Count, ..Ask::new(inventory, question, begun) };
        // History that does not reach so far has no answer, and neither has one that was too long to undo; a database that
        // fails has one the next time.
        let counted = match inventory::ask_as_of(&app.store, org, &ask, end_of(*day)).await {
            Ok(answer) => answer.total,
            Err(AskError::Store(_) | AskError::Body(_)) => break,
            Err(_) => None,
        };
        known(app, |known| {
            known.retain(|(_, _, _, day), _| *day >= today - DAYS);
            known.insert(key, counted);
        });
    }
    let found = |day: i64| known(app, |known| known.get(&(org, inventory, question, day)).copied().flatten());
    days.iter().map(|day| (end_of(*day), found(*day))).collect()
}

/// The days that join up with now, and now, for a line; nothing unless there are two. What is not known is not bridged.
pub(crate) fn line(days: &ByDay, now: u64) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a height on a screen")]
    let mut values: Vec<f64> = days.iter().rev().map_while(|(_, count)| *count).map(|count| count as f64).collect();
    values.reverse();
    if values.is_empty() {
        return values;
    }
    #[expect(clippy::cast_precision_loss, reason = "a height on a screen")]
    values.push(now as f64);
    values
}

/// What stands for a line of which there is no day yet.
pub(crate) fn begins(id: &str, heading: &str) -> Markup {
    let body = html! { p.muted { "Nothing is known of the days before. The line begins tomorrow, and goes back as far as history is kept." } };
    Card { id, heading, body, ..Card::default() }.render()
}

fn known<T>(app: &App, look: impl FnOnce(&mut Known) -> T) -> T {
    // A map of counts is whole whoever panicked.
    look(&mut app.past.0.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_where_what_is_known_joins_up_with_now() {
        let days =
            |all: &[Option<u64>]| -> ByDay { all.iter().map(|count| (Timestamp::from_seconds(0), *count)).collect() };
        assert_eq!(line(&days(&[Some(1), None, Some(3), Some(4)]), 5), [3.0, 4.0, 5.0]);
        assert!(line(&days(&[Some(1), None]), 5).is_empty());
        assert!(line(&days(&[]), 5).is_empty());
    }
}
