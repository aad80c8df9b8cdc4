//! Retirement: when a record that a complete sweep did not show is believed to be gone.
//!
//! Only after a complete sweep of everything, under a scope that sees at least what was seen before, twice in a row, and
//! never more than a tenth of a stream at once without a person's word.

use std::sync::Arc;

use inventory::{Context, Memory, Missing};
use jobs::World;
use kernel::{RecordId, SweepId, Timestamp};
use sentinelone::Request;
use store::Store;

use crate::apply::retirement;
use crate::checkpoint::{self, Owner};
use crate::fetch::{Meter, Problem};
use crate::pass::{Lane, Pass, Run, verdict};
use crate::report::{StreamStatus, SweepKind};
use crate::scope::{Scope, Seen};
use crate::stream::{Removal, Source};
use crate::{Integration, SyncError};

/// More than one in so many records vanishing at once is held for a person.
pub const HOLD_ONE_IN: u64 = 10;

/// Records that are retired in one transaction.
const RETIRED_AT_ONCE: usize = 500;

/// Records whose absence is noted in one transaction.
const NOTED_AT_ONCE: usize = 5_000;

/// What a pass learned about its token before it read anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The token works.
    Seen(Seen),
    /// Nothing further can be read, and why.
    Stopped {
        /// What it means for every stream.
        status: StreamStatus,
        /// Why, in words.
        reason: String,
    },
    /// The console did not say; streams find out for themselves, and nothing is retired.
    Unknown,
}

/// Whether what a sweep did not show may be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
enum May {
    /// It may; this is the scope to remember.
    Retire(Option<String>),
    /// Nothing is retired, and why. The scope that was remembered stays.
    Not(String),
    /// Nothing is compared yet; this is the scope to remember.
    Begin(Option<String>),
}

/// Compares what the token sees with what it saw when the stream was last complete.
fn may_retire(now: Option<&Scope>, before: Option<&str>, accepts: bool) -> May {
    let Some(now) = now else {
        return May::Not("the console does not say what the token sees, so nothing is retired".to_owned());
    };
    let Some(before) = before.map(Scope::parse) else { return May::Begin(Some(now.to_string())) };
    if now.covers(&before) || accepts {
        return May::Retire(Some(now.to_string()));
    }
    let (now, before) = (now.in_words(), before.in_words());
    let places = if now == before { "another part of the console".to_owned() } else { format!("{now}, not {before}") };
    May::Not(format!("the token now sees {places}; what it no longer sees is kept as it was"))
}

/// Whether a record was missing in an earlier sweep that was complete. Absences are noted just before a sweep ends: who
/// died in between noted them for a sweep that never did.
fn was_missing(since: Option<Timestamp>, full_at: Option<Timestamp>) -> bool {
    since.zip(full_at).is_some_and(|(since, full_at)| since <= full_at)
}

impl Pass<'_> {
    /// Asks `GET /user`: whose token this is, what it sees, when it ends. One request, at the beginning of a pass.
    pub async fn look(&mut self) -> Look {
        let look = self.ask_user().await;
        if let Look::Seen(seen) = &look {
            self.seen = Some(seen.clone());
        }
        look
    }

    async fn ask_user(&self) -> Look {
        let problem = match self.fetcher.page(&Meter::default(), &Request::user(), None).await {
            Ok(page) => return Seen::of(&page).map_or(Look::Unknown, Look::Seen),
            Err(problem) => problem,
        };
        match problem {
            // Who may not even read its own user may read nothing.
            Problem::Refused(reason) => Look::Stopped { status: StreamStatus::PermissionMissing, reason },
            problem => match verdict(problem, true, false) {
                (_, reason, Some(status)) => Look::Stopped { status, reason },
                _ => Look::Unknown,
            },
        }
    }

    /// After a complete sweep of everything: notes what it did not show, and retires what the last one did not either.
    pub(crate) async fn reconcile(&self, run: &mut Run) -> Result<(), SyncError> {
        let stream = run.owner.stream;
        if stream.removal == Removal::Never || run.kind != SweepKind::Full || run.lane == Lane::Backfill {
            return Ok(());
        }
        let scope = self.seen.as_ref().and_then(|seen| seen.scope.as_ref());
        match may_retire(scope, run.standing.scope.as_deref(), self.accept_removals) {
            May::Begin(scope) => {
                run.scope = scope;
                return Ok(());
            }
            May::Not(why) => {
                // Told only where it matters: something is kept that was not seen.
                if self.census(run).await?.0 > 0 {
                    run.report.reason.get_or_insert(why);
                }
                return Ok(());
            }
            May::Retire(scope) => run.scope = scope,
        }
        self.compare(run).await
    }

    /// How many records the sweep did not show.
    async fn census(&self, run: &Run) -> Result<(u64, inventory::Census), SyncError> {
        let census = self.keeper().census(&run.owner, run.sweep).await?;
        Ok((census.missing.len() as u64, census))
    }

    fn keeper(&self) -> Keeper<'_> {
        Keeper { store: self.store, world: self.world, memory: &self.memory, integration: &self.integration }
    }

    async fn compare(&self, run: &mut Run) -> Result<(), SyncError> {
        let keeper = self.keeper();
        let (_, census) = self.census(run).await?;
        keeper.note(&run.owner, census.back, None).await?;
        let (missing, known) = (census.missing, census.known);
        if missing.is_empty() {
            return keeper.hold(&run.owner, run.standing.held, None).await;
        }
        // One of the missing may be among what could not be read.
        let unclear = if run.position.nameless > 0 {
            Some("some of what the console sent could not be told apart, so nothing is retired")
        } else if !run.position.refused.is_empty() {
            Some("a part of the console was not available, so nothing is retired")
        } else {
            None
        };
        if let Some(why) = unclear {
            run.report.reason.get_or_insert_with(|| why.to_owned());
            return Ok(());
        }
        // What is asked for one by one has a known cause to be missing: it was not asked for, because what it belongs to
        // is gone. Only an answer that is missing is counted.
        let counted = match run.owner.stream.source {
            Source::Each(..) => missing.iter().filter(|one| run.absent.contains(&one.native_id)).count() as u64,
            _ => missing.len() as u64,
        };
        // The scope may have been cut while the sweep went on: one more question, and only when something is missing.
        if !self.still_sees(run).await {
            let why = "what the token sees changed meanwhile, so nothing is retired";
            run.report.reason.get_or_insert_with(|| why.to_owned());
            run.scope = None;
            return Ok(());
        }
        let (began_at, held_before) = (run.began_at, run.standing.held);
        let gone = Gone { missing, counted, known, began_at, full_before: run.standing.full_at, held_before };
        let taken = keeper.take_away(&run.owner, run.sweep, &gone, self.accept_removals).await?;
        run.report.removed += taken.removed;
        if let Some(held) = taken.held {
            run.report.held = held;
            run.report.reason = Some(format!(
                "the console no longer shows {held} of {known} {}; as that is more than a tenth, they are kept until \
                 somebody accepts it: {}",
                run.owner.stream.name,
                crate::health::accept_removals(&self.integration.name, run.owner.stream.name)
            ));
        }
        Ok(())
    }

    /// True if the token still sees everything that it saw when the pass began.
    async fn still_sees(&self, run: &Run) -> bool {
        let Look::Seen(Seen { scope: Some(now), .. }) = self.ask_user().await else { return false };
        run.scope.as_deref().is_some_and(|before| now.covers(&Scope::parse(before)))
    }
}

/// What a complete sweep did not show, and how much of the stream that is.
pub(crate) struct Gone {
    pub missing: Vec<Missing>,
    /// How many of them count against the tenth.
    pub counted: u64,
    /// Of how many.
    pub known: u64,
    /// When the sweep began.
    pub began_at: Timestamp,
    /// When the latest complete sweep of everything before it began.
    pub full_before: Option<Timestamp>,
    /// Records that were held before it.
    pub held_before: u64,
}

/// What became of it.
pub(crate) struct Taken {
    /// Records that were retired.
    pub removed: u64,
    /// Records that are kept until somebody accepts that they are gone.
    pub held: Option<u64>,
}

/// Who notes what is missing and retires it, for consoles and files alike.
pub(crate) struct Keeper<'a> {
    pub store: &'a Store,
    pub world: &'a World,
    pub memory: &'a Arc<Memory>,
    pub integration: &'a Integration,
}

impl Keeper<'_> {
    /// What the stream has, compared with what the sweep showed.
    pub async fn census(&self, owner: &Owner, sweep: SweepId) -> Result<inventory::Census, SyncError> {
        let (org, id, name) = (owner.org, owner.id, owner.stream.name);
        let read = self.store.read(move |tx| {
            let seen = checkpoint::seen_in_sweep(tx, org, sweep)?;
            Ok::<_, SyncError>(inventory::census(tx, org, id, name, &|record| seen.contains(record.0))?)
        });
        self.world.outside(read).await
    }

    /// Notes what is missing, and retires what was missing before; or holds it, if it is too much to be believed. Done again
    /// it comes to the same.
    pub async fn take_away(
        &self,
        owner: &Owner,
        sweep: SweepId,
        gone: &Gone,
        accepts: bool,
    ) -> Result<Taken, SyncError> {
        let fresh = gone.missing.iter().filter(|one| one.since.is_none()).map(|one| one.record).collect();
        self.note(owner, fresh, Some(gone.began_at)).await?;
        if gone.counted * HOLD_ONE_IN > gone.known && !accepts {
            self.hold(owner, gone.held_before, Some((gone.counted, gone.known))).await?;
            return Ok(Taken { removed: 0, held: Some(gone.counted) });
        }
        self.hold(owner, gone.held_before, None).await?;
        let twice = gone.missing.iter().filter(|one| was_missing(one.since, gone.full_before));
        let twice: Vec<RecordId> = twice.map(|one| one.record).collect();
        for some in twice.chunks(RETIRED_AT_ONCE) {
            self.retire(owner, sweep, some.to_vec()).await?;
        }
        Ok(Taken { removed: twice.len() as u64, held: None })
    }

    /// Notes since when records are missing, or that they are there again.
    pub async fn note(&self, owner: &Owner, records: Vec<RecordId>, since: Option<Timestamp>) -> Result<(), SyncError> {
        for some in records.chunks(NOTED_AT_ONCE) {
            let (owner, some, now) = (owner.clone(), some.to_vec(), self.world.now());
            let write = self.store.write(move |tx| {
                checkpoint::renew(tx, &owner, now)?;
                Ok::<_, SyncError>(inventory::miss(tx, owner.org, &some, since)?)
            });
            self.world.outside(write).await?;
        }
        Ok(())
    }

    /// Notes how many records of how many wait for somebody to accept that they are gone.
    pub async fn hold(&self, owner: &Owner, before: u64, held: Option<(u64, u64)>) -> Result<(), SyncError> {
        if held.is_none() && before == 0 {
            return Ok(());
        }
        let (owner, now) = (owner.clone(), self.world.now());
        let write = self.store.write(move |tx| checkpoint::hold(tx, &owner, held, now));
        self.world.outside(write).await
    }

    /// Retires records that are not retired yet and logs that they are gone, in one transaction.
    async fn retire(&self, owner: &Owner, sweep: SweepId, records: Vec<RecordId>) -> Result<(), SyncError> {
        let (owner, now) = (owner.clone(), self.world.now());
        let (site, host, memory) = (self.integration.site, self.integration.console_host.clone(), self.memory.clone());
        let write = self.store.write(move |tx| {
            checkpoint::renew(tx, &owner, now)?;
            let context = Context {
                org: owner.org,
                integration: owner.id,
                site,
                stream: owner.stream.name,
                sweep,
                now,
                immutable: owner.stream.immutable,
                body_in_log: owner.stream.body_in_log(),
                memory: &memory,
                onboard: inventory::Onboard::Always,
            };
            let retired = inventory::retire(tx, &context, &records)?;
            let page = signals::Page {
                org: owner.org,
                integration: owner.id,
                console_host: &host,
                stream: owner.stream.name,
                now,
                entries: retired.iter().map(retirement).collect(),
            };
            signals::record(tx, &page)?;
            Ok::<_, SyncError>(())
        });
        self.world.outside(write).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_that_a_sweep_without_an_end_noted_counts_for_nothing() {
        let at = |seconds| Some(Timestamp::from_seconds(seconds));
        assert!(was_missing(at(100), at(100)) && was_missing(at(100), at(105)));
        assert!(!was_missing(at(200), at(105)), "begun after the last complete sweep");
        assert!(!was_missing(at(200), None) && !was_missing(None, at(105)));
    }

    #[test]
    fn only_a_scope_that_sees_as_much_as_before_retires() {
        let may = |now: Option<&str>, before: Option<&str>, accepts| {
            may_retire(now.map(Scope::parse).as_ref(), before, accepts)
        };
        let yes = |scope: &str| May::Retire(Some(scope.to_owned()));
        assert_eq!(may(Some("tenant"), Some("tenant"), false), yes("tenant"));
        assert_eq!(may(Some("tenant"), Some("account:1"), false), yes("tenant"));
        assert_eq!(may(Some("site:1,2"), None, false), May::Begin(Some("site:1,2".to_owned())));
        assert_eq!(may(Some("site:1"), Some("site:1,2"), true), yes("site:1"), "a person's word");
        for (now, before) in [(Some("site:1"), "site:1,2"), (Some("account:1"), "tenant"), (None, "tenant")] {
            assert!(matches!(may(now, Some(before), false), May::Not(_)), "{now:?} after {before}");
        }
        let May::Not(why) = may(Some("site:1"), Some("site:1,2"), false) else { panic!("narrowed") };
        assert_eq!(why, "the token now sees 1 site, not 2 sites; what it no longer sees is kept as it was");
    }
}
