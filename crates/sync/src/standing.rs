//! Where everything stands: what a worker decides by, and what people are shown. Every statement of `sync_health`.

use kernel::{IntegrationId, OrgId, Timestamp};
use serde::Serialize;
use store::{Row, StoreError, Tx};

use crate::health::{self, About, Assessment, Facts, Light, Remedy, StreamFacts, Trouble, Why};
use crate::pass::Lane;
use crate::report::StreamStatus;
use crate::schedule::{self, Attempts, Next};
use crate::scope::Scope;
use crate::stream::Source;
use crate::{Connector, Integration, IntegrationState, Stream, SyncError, checkpoint};

/// How long before its end a token is spoken of, in days, and when again.
pub const TOKEN_WARNINGS: [i64; 4] = [30, 14, 7, 1];

/// How often a console that refuses the token, or refuses to be read with it, is asked whether that is still so; seconds.
pub const PROBE_EVERY: i64 = 5 * 60;

/// How often a console that does not answer is tried, in seconds.
pub const PROBE_UNREACHABLE_EVERY: i64 = 60;

/// How often token, scope, role and clock are looked at while all is well, in seconds.
pub const CHECK_EVERY: i64 = 24 * 3600;

/// Where one stream of an integration stands.
#[derive(Clone, Debug)]
pub struct StreamStanding {
    /// The stream.
    pub stream: &'static Stream,
    /// Whether it is read.
    pub enabled: bool,
    /// How often, in seconds.
    pub interval: i64,
    /// How its latest sweep ended.
    pub status: Option<StreamStatus>,
    /// Why, in words.
    pub reason: Option<String>,
    /// When a sweep was last complete.
    pub complete_at: Option<Timestamp>,
    /// What the token saw when it last proved what is gone, as the text of a [`Scope`].
    pub scope: Option<String>,
    /// What the console counted for the latest sweep.
    pub console_total: Option<u64>,
    /// What the console counted for the latest complete sweep of everything, and when that ended.
    pub counted: Option<(u64, Timestamp)>,
    /// Up to which instant of the console's clock it is known.
    pub watermark: Option<Timestamp>,
    /// Pages stored of a sweep that was cut off or is under way.
    pub open_pages: u64,
    /// Records that vanished and wait for a person's word.
    pub held: u64,
    /// Records kept aside because they could not be understood.
    pub quarantined: u64,
    /// Paths at which the console's records differ from what is documented.
    pub drifted: u64,
    /// Who reads it just now, and until when the lease lasts.
    pub lease: Option<(String, Timestamp)>,
    /// How it was tried so far.
    pub attempts: Attempts,
    /// Its history, where that is read beside what is new and is not complete yet.
    pub history: Option<History>,
}

/// How the history of a stream fares, which is read beside what is new.
#[derive(Clone, Debug)]
pub struct History {
    /// How its latest sweep ended.
    pub status: Option<StreamStatus>,
    /// Why, in words.
    pub reason: Option<String>,
    /// Pages stored so far.
    pub pages: u64,
    /// Who reads it just now, and until when the lease lasts.
    pub lease: Option<(String, Timestamp)>,
    /// How it was tried so far.
    pub attempts: Attempts,
}

impl History {
    /// When it is read next.
    #[must_use]
    pub fn next(&self, now: Timestamp, of: &Integration, stream: &Stream) -> Next {
        match &self.lease {
            Some((_, until)) if *until > now => Next::At(*until),
            _ => schedule::due(now, stream, &of.options, &self.attempts, salt(of, stream)),
        }
    }
}

impl StreamStanding {
    /// Whether a sweep was complete within the last two intervals, as far as one can be expected.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        if !self.enabled || (self.status == Some(StreamStatus::NotAvailable) && !self.stream.core) {
            return true;
        }
        let patience = 2 * (self.interval + schedule::JITTER_MAX.min(self.interval / schedule::JITTER_PART));
        self.complete_at.is_some_and(|at| now.seconds_since(at) <= patience)
    }

    /// Its own light.
    #[must_use]
    pub fn light(&self, now: Timestamp) -> Light {
        match self.status {
            _ if !self.enabled => Light::Grey,
            Some(StreamStatus::NotAvailable) if !self.stream.core => Light::Grey,
            Some(StreamStatus::NotAvailable | StreamStatus::AuthenticationFailed | StreamStatus::PermissionMissing) => {
                Light::Red
            }
            Some(StreamStatus::Unreachable) => Light::Red,
            Some(StreamStatus::Complete) if self.held == 0 && self.is_fresh(now) => Light::Green,
            _ => Light::Amber,
        }
    }

    /// When it is read next.
    #[must_use]
    pub fn next(&self, now: Timestamp, of: &Integration) -> Next {
        if self.stream.source == Source::File {
            return Next::Never;
        }
        if let Some((_, until)) = &self.lease
            && *until > now
        {
            return Next::At(*until);
        }
        schedule::due(now, self.stream, &of.options, &self.attempts, salt(of, self.stream))
    }
}

/// What is known of the whole console beside its streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why the integration is in its state.
    pub why: Option<Why>,
    /// The stream that it is about.
    pub subject: Option<String>,
    /// When the console is probed next; set only while nothing is read from it.
    pub probe_at: Option<Timestamp>,
    /// When token, scope, role and clock were last looked at.
    pub checked_at: Option<Timestamp>,
    /// The console's clock minus ours, in microseconds.
    pub clock_skew: Option<i64>,
    /// What the token saw when it was connected.
    pub sees: Option<String>,
    /// What it does not see any more, in words.
    pub narrowed: Option<String>,
    /// The last warning before the token's end, in days.
    pub warned_days: Option<i64>,
}

/// An integration and everything that is known about how it fares.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The integration.
    pub integration: Integration,
    /// What is known of the whole console.
    pub health: Health,
    /// Every stream, in the order in which a pass reads them, whether it was read or not.
    pub streams: Vec<StreamStanding>,
}

impl Overview {
    /// Its light.
    #[must_use]
    pub fn light(&self, now: Timestamp) -> Light {
        // What is read once only does not grow old.
        let once = self.integration.options.once && self.worked();
        let fresh = once || self.streams.iter().all(|stream| stream.is_fresh(now));
        health::light(&self.assessment(), fresh)
    }

    /// How it fares, as it was last written down; a switch thrown since counts.
    #[must_use]
    pub fn assessment(&self) -> Assessment {
        let Integration { state, detail, options, .. } = &self.integration;
        if !options.enabled {
            return Assessment { state: IntegrationState::Paused, why: None, subject: None, detail: String::new() };
        }
        Assessment { state: *state, why: self.health.why, subject: self.health.subject.clone(), detail: detail.clone() }
    }

    /// What its state means, in one sentence.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        let assessment = self.assessment();
        if self.is_a_demo_at_rest() {
            return "this is the simulated console of a demo, and it answers only while the demo runs";
        }
        if self.integration.connector.is_file() {
            return health::meaning_of_file(assessment.state);
        }
        health::meaning(assessment.state, assessment.why)
    }

    /// The next step that helps, as a clause; empty if there is nothing to do.
    #[must_use]
    pub fn next_step(&self) -> String {
        let assessment = self.assessment();
        if let Some((seed, endpoints)) = self.integration.simulates()
            && self.is_a_demo_at_rest()
        {
            return format!("start the demo again: muster demo --seed {seed} --endpoints {endpoints}");
        }
        if let Connector::File(format) = self.integration.connector {
            return health::next_step_for_file(assessment.state, format, &self.integration.name);
        }
        if assessment.state == IntegrationState::Syncing && self.streams.iter().all(|stream| stream.lease.is_none()) {
            return format!(
                "read it once: muster sync {}; or keep reading: muster serve --role worker",
                self.integration.name
            );
        }
        let about = About {
            name: &self.integration.name,
            subject: assessment.subject.as_deref(),
            host: &self.integration.console_host,
        };
        health::next_step(assessment.state, assessment.why, about)
    }

    /// Whether it is the console of a demo, and nobody simulates it just now.
    #[must_use]
    pub fn is_a_demo_at_rest(&self) -> bool {
        let state = self.assessment().state;
        self.integration.simulates().is_some()
            && matches!(state, IntegrationState::Unreachable | IntegrationState::Invalid)
    }

    /// What helps, for who has buttons.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        let assessment = self.assessment();
        if self.is_a_demo_at_rest() {
            return Remedy::StartDemo;
        }
        match (self.integration.connector.is_file(), assessment.state) {
            (true, IntegrationState::Syncing | IntegrationState::Incomplete) => Remedy::BringFile,
            _ => health::remedy(assessment.state, assessment.why),
        }
    }

    /// True if something was read from the console at least once.
    #[must_use]
    pub fn worked(&self) -> bool {
        self.streams.iter().any(|stream| stream.complete_at.is_some())
    }

    /// Its first reading, until that is over.
    #[must_use]
    pub fn first_reading(&self, now: Timestamp) -> Option<FirstReading> {
        let read = |stream: &&Stream| {
            let standing = self.streams.iter().find(|one| one.stream.name == stream.name);
            standing.is_some_and(|one| was_read(stream, one.status, one.complete_at))
        };
        let (done, all) = (wanted(&self.integration).filter(read).count(), wanted(&self.integration).count());
        (done < all).then(|| FirstReading {
            integration: self.integration.clone(),
            done: done as u64,
            all: all as u64,
            is_being_read: self.is_being_read(now),
        })
    }

    /// True if a worker holds one of its streams.
    #[must_use]
    pub fn is_being_read(&self, now: Timestamp) -> bool {
        self.streams.iter().any(|stream| stream.lease.as_ref().is_some_and(|(_, until)| *until > now))
    }
}

/// The first reading of a console that is not over: until then, what is stored of it is a part.
#[derive(Clone, Debug)]
pub struct FirstReading {
    /// The integration.
    pub integration: Integration,
    /// How many of its streams were read to their end once, or turned out to be none of this console's.
    pub done: u64,
    /// How many are to be read.
    pub all: u64,
    /// Whether a worker holds one of its streams.
    pub is_being_read: bool,
}

/// Whether the first reading of a stream is over: it was complete once, or the console does not have it.
fn was_read(stream: &Stream, status: Option<StreamStatus>, complete_at: Option<Timestamp>) -> bool {
    complete_at.is_some() || (status == Some(StreamStatus::NotAvailable) && !stream.core)
}

/// The streams of an integration that are to be read, paused or not; none of a source of files, which is read when somebody
/// brings one.
fn wanted(of: &Integration) -> impl Iterator<Item = &'static Stream> {
    let all = if of.connector.is_file() { &[] } else { of.connector.streams() };
    all.iter().filter(|stream| !of.options.without_streams.iter().any(|name| name == stream.name))
}

/// Every first reading of an organization that is not over, in the order of their integrations' names.
///
/// # Errors
/// The database fails.
pub fn first_readings(tx: &mut Tx<'_>, org: OrgId, now: Timestamp) -> Result<Vec<FirstReading>, SyncError> {
    const READ: &str = "SELECT integration_id, stream, status, complete_at, lease_until FROM sync_stream \
        WHERE org_id = $1 ORDER BY integration_id, stream";
    let integrations = checkpoint::integrations(tx, org)?;
    if integrations.iter().all(|of| of.connector.is_file()) {
        return Ok(Vec::new());
    }
    let states = tx.query(READ, &[org.into()], |row| {
        let status = row.opt_text(2)?.and_then(StreamStatus::from_word);
        let instant = |at: usize| Ok::<_, StoreError>(row.opt_int(at)?.map(Timestamp::from_micros));
        Ok((IntegrationId(row.int(0)?), row.text(1)?.to_owned(), status, instant(3)?, instant(4)?))
    })?;
    let told = integrations.into_iter().map(|integration| {
        let own = || states.iter().filter(|(id, ..)| *id == integration.id);
        let read = |stream: &&Stream| {
            own().any(|(_, name, status, complete, _)| name == stream.name && was_read(stream, *status, *complete))
        };
        FirstReading {
            all: wanted(&integration).count() as u64,
            done: wanted(&integration).filter(read).count() as u64,
            is_being_read: own().any(|(.., lease)| lease.is_some_and(|until| until > now)),
            integration,
        }
    });
    Ok(told.filter(|of| of.done < of.all).collect())
}

/// Spreads integrations and streams over time.
pub(crate) fn salt(of: &Integration, stream: &Stream) -> u64 {
    let mut salt = of.org.0.cast_unsigned().rotate_left(32) ^ of.id.0.cast_unsigned();
    for byte in stream.name.bytes() {
        salt = (salt ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    salt
}

/// What is to be said of a token that ends soon; nothing while there is time.
#[must_use]
pub fn token_warning(of: &Integration, now: Timestamp) -> Option<TokenWarning> {
    let end = of.token_expires_at?;
    let left = end.seconds_since(now);
    let days = left.div_euclid(86_400);
    let threshold = TOKEN_WARNINGS.into_iter().rev().find(|warning| days < *warning)?;
    Some(TokenWarning { end, days, threshold })
}

/// A token that ends soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TokenWarning {
    /// When it ends.
    #[serde(skip)]
    pub end: Timestamp,
    /// Whole days until then; negative if it is over.
    pub days: i64,
    /// The warning that is due: 30, 14, 7 or 1 days.
    pub threshold: i64,
}

impl TokenWarning {
    /// `the token of acme ends in 6 days`.
    #[must_use]
    pub fn in_words(&self, name: &str) -> String {
        match self.days {
            ..0 => format!("the token of {name} has ended"),
            0 => format!("the token of {name} ends within a day"),
            1 => format!("the token of {name} ends in 1 day"),
            days => format!("the token of {name} ends in {days} days"),
        }
    }
}

/// Everything about every integration of an organization, in the order of their names.
///
/// # Errors
/// The database fails.
pub fn overviews(tx: &mut Tx<'_>, org: OrgId, now: Timestamp) -> Result<Vec<Overview>, SyncError> {
    let integrations = checkpoint::integrations(tx, org)?;
    integrations.into_iter().map(|integration| overview(tx, integration, now)).collect()
}

/// Everything about one integration.
///
/// # Errors
/// The database fails.
pub fn overview(tx: &mut Tx<'_>, of: Integration, now: Timestamp) -> Result<Overview, SyncError> {
    let health = read_health(tx, of.org, of.id)?.unwrap_or_default();
    let mut streams = streams(tx, &of, now)?;
    if health.probe_at.is_none() {
        streams.iter_mut().filter(|standing| stopped_it_all(standing.status)).for_each(|standing| {
            standing.status = standing.complete_at.map(|_| StreamStatus::Complete);
            standing.reason = None;
        });
    }
    Ok(Overview { integration: of, health, streams })
}

/// Whether a stream could not be read because nothing of its console could be. Once the console may be read again, that says
/// nothing about the stream any more.
fn stopped_it_all(status: Option<StreamStatus>) -> bool {
    use StreamStatus::{AuthenticationFailed, NotTried, PermissionMissing};
    matches!(status, Some(AuthenticationFailed | PermissionMissing | NotTried))
}

fn streams(tx: &mut Tx<'_>, of: &Integration, now: Timestamp) -> Result<Vec<StreamStanding>, SyncError> {
    const READ: &str = "SELECT stream, status, reason, complete_at, console_total, watermark, \
        CASE WHEN sweep_id IS NULL THEN 0 ELSE page END, held, lease_owner, lease_until, attempted_at, ended_at, failures, \
        scope FROM sync_stream WHERE org_id = $1 AND integration_id = $2";
    const COUNTED: &str = "SELECT w.stream, w.console_total, w.finished_at FROM sync_sweep w \
        JOIN (SELECT stream, max(sweep_id) AS latest FROM sync_sweep WHERE org_id = $1 AND integration_id = $2 \
        AND kind = 'full' AND status = 'complete' AND console_total IS NOT NULL GROUP BY stream) f \
        ON f.latest = w.sweep_id WHERE w.org_id = $1";
    const ASIDE: &str = "SELECT stream, count(*) FROM sync_quarantine WHERE org_id = $1 AND integration_id = $2 \
        GROUP BY stream";
    const DRIFT: &str =
        "SELECT stream, count(*) FROM sync_drift WHERE org_id = $1 AND integration_id = $2 GROUP BY stream";
    const NUDGED: &str = "SELECT stream, max(asked_at) FROM sync_nudge WHERE org_id = $1 AND integration_id = $2 \
        AND finished_at IS NULL GROUP BY stream";
    let keys = [of.org.into(), of.id.into()];
    let mut streams: Vec<StreamStanding> = of
        .connector
        .streams()
        .iter()
        .map(|stream| StreamStanding {
            stream,
            enabled: schedule::is_enabled(stream, &of.options),
            interval: schedule::interval(stream, &of.options),
            status: None,
            reason: None,
            complete_at: None,
            scope: None,
            console_total: None,
            counted: None,
            watermark: None,
            open_pages: 0,
            held: 0,
            quarantined: 0,
            drifted: 0,
            lease: None,
            attempts: Attempts::default(),
            history: None,
        })
        .collect();
    tx.query(READ, &keys, |row| {
        let name = row.text(0)?;
        if let Some(standing) = streams.iter_mut().find(|standing| standing.stream.name == name) {
            fill(standing, row, now)?;
        } else if let Some(standing) =
            streams.iter_mut().find(|standing| Lane::Backfill.key(standing.stream).as_str() == name)
        {
            standing.history = history(row, now)?;
        }
        Ok(())
    })?;
    let counted = tx.query(COUNTED, &keys, |row| {
        Ok((row.text(0)?.to_owned(), row.int(1)?.unsigned_abs(), row.opt_int(2)?.map(Timestamp::from_micros)))
    })?;
    for (name, total, at) in counted {
        let standing = streams.iter_mut().find(|one| one.stream.name == name);
        if let (Some(standing), Some(at)) = (standing, at) {
            standing.counted = Some((total, at));
        }
    }
    let number = |row: &Row<'_>| Ok((row.text(0)?.to_owned(), row.int(1)?));
    for (name, count) in tx.query(ASIDE, &keys, number)? {
        streams.iter_mut().filter(|one| one.stream.name == name).for_each(|one| one.quarantined = count.unsigned_abs());
    }
    for (name, count) in tx.query(DRIFT, &keys, number)? {
        streams.iter_mut().filter(|one| one.stream.name == name).for_each(|one| one.drifted = count.unsigned_abs());
    }
    for (name, at) in tx.query(NUDGED, &keys, number)? {
        let at = Some(Timestamp::from_micros(at));
        streams.iter_mut().filter(|one| one.stream.name == name).for_each(|one| one.attempts.nudged_at = at);
    }
    Ok(streams)
}

fn fill(standing: &mut StreamStanding, row: &Row<'_>, now: Timestamp) -> Result<(), StoreError> {
    let instant = |at: usize| Ok::<_, StoreError>(row.opt_int(at)?.map(Timestamp::from_micros));
    standing.status = row.opt_text(1)?.and_then(StreamStatus::from_word);
    standing.reason = row.opt_text(2)?.map(str::to_owned);
    standing.complete_at = instant(3)?;
    standing.console_total = row.opt_int(4)?.map(i64::unsigned_abs);
    standing.watermark = instant(5)?;
    standing.open_pages = row.int(6)?.unsigned_abs();
    standing.held = row.opt_int(7)?.map_or(0, i64::unsigned_abs);
    standing.lease = lease(row, now)?;
    standing.scope = row.opt_text(13)?.map(str::to_owned);
    standing.attempts = attempts(row)?;
    Ok(())
}

fn history(row: &Row<'_>, now: Timestamp) -> Result<Option<History>, StoreError> {
    let attempts = attempts(row)?;
    if attempts.status == Some(StreamStatus::Complete) {
        return Ok(None);
    }
    let (reason, pages) = (row.opt_text(2)?.map(str::to_owned), row.int(6)?.unsigned_abs());
    Ok(Some(History { status: attempts.status, reason, pages, lease: lease(row, now)?, attempts }))
}

fn lease(row: &Row<'_>, now: Timestamp) -> Result<Option<(String, Timestamp)>, StoreError> {
    Ok(match (row.opt_text(8)?, row.opt_int(9)?.map(Timestamp::from_micros)) {
        (Some(owner), Some(until)) if until > now => Some((owner.to_owned(), until)),
        _ => None,
    })
}

fn attempts(row: &Row<'_>) -> Result<Attempts, StoreError> {
    let (attempted_at, ended_at) = (row.opt_int(10)?, row.opt_int(11)?);
    Ok(Attempts {
        attempted_at: attempted_at.map(Timestamp::from_micros),
        status: row.opt_text(1)?.and_then(StreamStatus::from_word),
        ended: ended_at >= attempted_at,
        failures: u32::try_from(row.int(12)?).unwrap_or(0),
        nudged_at: None,
    })
}

fn read_health(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Option<Health>, StoreError> {
    const READ: &str = "SELECT why, subject, probe_at, checked_at, clock_skew, sees, narrowed, warned_days \
        FROM sync_health WHERE org_id = $1 AND integration_id = $2";
    tx.query_opt(READ, &[org.into(), id.into()], |row| {
        Ok(Health {
            why: row.opt_text(0)?.and_then(Why::from_word),
            subject: row.opt_text(1)?.map(str::to_owned),
            probe_at: row.opt_int(2)?.map(Timestamp::from_micros),
            checked_at: row.opt_int(3)?.map(Timestamp::from_micros),
            clock_skew: row.opt_int(4)?,
            sees: row.opt_text(5)?.map(str::to_owned),
            narrowed: row.opt_text(6)?.map(str::to_owned),
            warned_days: row.opt_int(7)?,
        })
    })
}

/// What the token of an integration saw when it was connected, as the text of a [`Scope`].
///
/// # Errors
/// The database fails.
pub(crate) fn seen_at_first(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Option<String>, StoreError> {
    Ok(read_health(tx, org, id)?.and_then(|health| health.sees))
}

fn save_health(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, health: &Health) -> Result<(), StoreError> {
    const SAVE: &str = "INSERT INTO sync_health (org_id, integration_id, why, subject, probe_at, checked_at, clock_skew, \
        sees, narrowed, warned_days) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
        ON CONFLICT (org_id, integration_id) DO UPDATE SET why = excluded.why, subject = excluded.subject, \
        probe_at = excluded.probe_at, checked_at = excluded.checked_at, clock_skew = excluded.clock_skew, \
        sees = excluded.sees, narrowed = excluded.narrowed, warned_days = excluded.warned_days";
    let values = [
        org.into(),
        id.into(),
        health.why.map(Why::word).into(),
        health.subject.as_deref().into(),
        health.probe_at.into(),
        health.checked_at.into(),
        health.clock_skew.into(),
        health.sees.as_deref().into(),
        health.narrowed.as_deref().into(),
        health.warned_days.into(),
    ];
    tx.execute(SAVE, &values)?;
    Ok(())
}

/// What a sweep or a probe says about the whole console.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// Nothing new.
    Nothing,
    /// It answers and may be read.
    Works,
    /// Nothing can be read.
    Trouble(Trouble),
}

/// How an integration fares after something was found, and whether that is new.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub assessment: Assessment,
    /// True if it fares differently than before.
    pub is_new: bool,
    /// True if nothing is read until a probe succeeds.
    pub stopped: bool,
}

/// Writes down how an integration fares, from everything that is known of it, and since when.
///
/// # Errors
/// The database fails.
pub(crate) fn settle(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    found: &Found,
    now: Timestamp,
) -> Result<Option<Settled>, SyncError> {
    let Some(of) = checkpoint::integrations(tx, org)?.into_iter().find(|of| of.id == id) else { return Ok(None) };
    let Overview { integration: of, mut health, streams } = overview(tx, of, now)?;
    let trouble = match found {
        Found::Trouble(trouble) => Some(trouble.clone()),
        Found::Nothing if health.probe_at.is_some() => {
            Some(Trouble { state: of.state, why: health.why, detail: of.detail.clone() })
        }
        Found::Nothing | Found::Works => None,
    };
    health.probe_at = trouble.as_ref().map(|trouble| {
        let every = match trouble.state {
            IntegrationState::AuthenticationFailed | IntegrationState::PermissionMissing => PROBE_EVERY,
            _ => PROBE_UNREACHABLE_EVERY,
        };
        match (found, health.probe_at) {
            (Found::Nothing, Some(at)) => at,
            _ => now.plus_seconds(every),
        }
    });
    let facts: Vec<StreamFacts> = streams
        .iter()
        .map(|standing| StreamFacts {
            stream: standing.stream,
            enabled: standing.enabled,
            status: standing
                .status
                .filter(|status| !stopped_it_all(Some(*status)))
                .or_else(|| standing.complete_at.map(|_| StreamStatus::Complete)),
            reason: standing.reason.clone(),
            was_complete: standing.complete_at.is_some(),
        })
        .collect();
    let held: Vec<(String, u64)> = streams
        .iter()
        .filter(|standing| standing.enabled && standing.held > 0)
        .map(|standing| (standing.stream.name.to_owned(), standing.held))
        .collect();
    let assessment = health::assess(&Facts {
        enabled: of.options.enabled,
        trouble: trouble.as_ref(),
        streams: &facts,
        held: &held,
        narrowed: health.narrowed.as_deref(),
        clock_skew: health.clock_skew.map(|micros| micros / 1_000_000),
    });
    let is_new = assessment.state != of.state || assessment.why != health.why;
    let since = if assessment.state == of.state { of.since } else { now };
    if is_new || assessment.detail != of.detail {
        checkpoint::set_state(tx, org, id, assessment.state, &assessment.detail, since, now)?;
    }
    let before = health.clone();
    health.why = assessment.why;
    health.subject.clone_from(&assessment.subject);
    if health != before || is_new || matches!(found, Found::Trouble(_) | Found::Works) {
        save_health(tx, org, id, &health)?;
    }
    if matches!(found, Found::Works) && before.probe_at.is_some() {
        // What was not read while nothing could be is read at once.
        const DUE: &str = "UPDATE sync_stream SET attempted_at = NULL, ended_at = NULL, failures = 0 \
            WHERE org_id = $1 AND integration_id = $2 AND lease_owner IS NULL AND (status IS NULL OR status <> 'complete')";
        tx.execute(DUE, &[org.into(), id.into()])?;
    }
    Ok(Some(Settled { assessment, is_new, stopped: health.probe_at.is_some() }))
}

/// Takes the next look at a console; false if another worker took it first.
///
/// # Errors
/// The database fails.
pub(crate) fn claim_look(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    seen: &Health,
    now: Timestamp,
) -> Result<bool, StoreError> {
    const CLAIM: &str = "INSERT INTO sync_health (org_id, integration_id, checked_at) VALUES ($1, $2, $3) \
        ON CONFLICT (org_id, integration_id) DO UPDATE SET checked_at = excluded.checked_at, \
        probe_at = CASE WHEN sync_health.probe_at IS NULL THEN NULL ELSE CAST($4 AS BIGINT) END \
        WHERE COALESCE(sync_health.probe_at, 0) = $5 AND COALESCE(sync_health.checked_at, 0) = $6";
    let instant = |at: Option<Timestamp>| at.map_or(0, Timestamp::micros);
    let values = [
        org.into(),
        id.into(),
        now.into(),
        now.plus_seconds(PROBE_UNREACHABLE_EVERY).into(),
        instant(seen.probe_at).into(),
        instant(seen.checked_at).into(),
    ];
    Ok(tx.execute(CLAIM, &values)? == 1)
}

/// Makes every stream of an integration due, as when a new token came.
///
/// # Errors
/// The database fails.
pub(crate) fn all_due(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<(), StoreError> {
    const DUE: &str = "UPDATE sync_stream SET attempted_at = NULL, ended_at = NULL, failures = 0 \
        WHERE org_id = $1 AND integration_id = $2 AND lease_owner IS NULL";
    tx.execute(DUE, &[org.into(), id.into()])?;
    Ok(())
}

/// What a look at token and clock brought.
#[derive(Clone, Debug)]
pub(crate) struct Looked {
    pub scope_word: Option<String>,
    pub sees: Option<Scope>,
    pub role: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub version: Option<String>,
    pub clock_skew: Option<i64>,
}

/// Writes down what a look brought, and answers what a person should hear about it.
///
/// # Errors
/// The database fails.
pub(crate) fn note_look(
    tx: &mut Tx<'_>,
    of: &Integration,
    looked: &Looked,
    anew: bool,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    const TOKEN: &str = "UPDATE sync_integration SET scope = COALESCE($3, scope), role = COALESCE($4, role), \
        token_expires_at = COALESCE(CAST($5 AS BIGINT), token_expires_at), console_version = COALESCE($6, console_version), \
        updated_at = $7 WHERE org_id = $1 AND integration_id = $2";
    let mut notices = Vec::new();
    let mut health = read_health(tx, of.org, of.id)?.unwrap_or_default();
    health.checked_at = Some(now);
    health.clock_skew = looked.clock_skew;
    if anew {
        (health.sees, health.narrowed, health.warned_days) = (None, None, None);
        (health.probe_at, health.why, health.subject) = (None, None, None);
    }
    if let Some(sees) = &looked.sees {
        match health.sees.as_deref().map(Scope::parse) {
            None => health.sees = Some(sees.to_string()),
            Some(before) => {
                let narrowed = sees.narrowed_since(&before);
                notices.extend(narrowed.clone().filter(|words| health.narrowed.as_ref() != Some(words)));
                health.narrowed = narrowed;
            }
        }
    }
    if let (false, Some(was), Some(is)) = (anew, &of.role, &looked.role)
        && was != is
    {
        notices.push(format!("the role of the token's user was {was} and is {is} now"));
    }
    let mut later = of.clone();
    later.token_expires_at = looked.expires_at.or(of.token_expires_at);
    match token_warning(&later, now) {
        Some(warning) if health.warned_days.is_none_or(|warned| warning.threshold < warned) => {
            notices.push(warning.in_words(&of.name));
            health.warned_days = Some(warning.threshold);
        }
        Some(_) => {}
        None => health.warned_days = None,
    }
    save_health(tx, of.org, of.id, &health)?;
    let values = [
        of.org.into(),
        of.id.into(),
        looked.scope_word.as_deref().into(),
        looked.role.as_deref().into(),
        looked.expires_at.into(),
        looked.version.as_deref().into(),
        now.into(),
    ];
    tx.execute(TOKEN, &values)?;
    Ok(notices)
}

/// Notes that a sweep ended, and gives the lease back.
///
/// # Errors
/// The database fails.
pub(crate) fn end_attempt(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    key: &str,
    holder: &str,
    well: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    const END: &str = "UPDATE sync_stream SET ended_at = $5, failures = CASE WHEN $6 = 1 THEN 0 ELSE failures + 1 END, \
        lease_owner = NULL, lease_until = NULL \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND lease_owner = $4";
    let values = [org.into(), id.into(), key.into(), holder.into(), now.into(), i64::from(well).into()];
    tx.execute(END, &values)?;
    Ok(())
}

/// The organizations that have an integration.
///
/// # Errors
/// The database fails.
pub(crate) fn orgs(tx: &mut Tx<'_>) -> Result<Vec<OrgId>, StoreError> {
    tx.query("SELECT DISTINCT org_id FROM sync_integration ORDER BY org_id", &[], |row| Ok(OrgId(row.int(0)?)))
}

/// A number that changes whenever somebody connects, configures or asks for something.
///
/// # Errors
/// The database fails.
pub(crate) fn stamp(tx: &mut Tx<'_>) -> Result<(i64, i64, i64), StoreError> {
    const INTEGRATIONS: &str = "SELECT count(*), COALESCE(max(updated_at), 0) FROM sync_integration";
    const NUDGES: &str = "SELECT count(*) FROM sync_nudge WHERE finished_at IS NULL";
    let (count, updated) = tx.query_one(INTEGRATIONS, &[], |row| Ok((row.int(0)?, row.int(1)?)))?;
    Ok((count, updated, tx.query_one(NUDGES, &[], |row| row.int(0))?))
}
