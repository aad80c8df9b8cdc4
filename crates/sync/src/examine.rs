//! [`examine`]: a live look at one integration, step by step, for `doctor`; and why there may be no data.

use kernel::Value;
use sentinelone::probe::ModuleState;
use sentinelone::{ApiError, Client, Endpoint, Failure, Form, Probe, Request, TransportError};
use serde::Serialize;
use store::Tx;

use crate::connect::pauses;
use crate::health::{self, About, CLOCK_SKEW_MAX, Trouble, Why};
use crate::run::Place;
use crate::scope::Scope;
use crate::standing::{Looked, Overview};
use crate::stream::{Removal, Source};
use crate::{IntegrationState, Stream, SyncError};

/// The steps between here and a record, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The name has an address.
    Dns,
    /// Something listens at the port.
    Port,
    /// The connection is secure, and the certificate is trusted.
    Tls,
    /// What answers is a console, and it answers well.
    Http,
    /// The console accepts the token.
    Token,
    /// The token may read what every integration needs.
    Permission,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 6] = [Step::Dns, Step::Port, Step::Tls, Step::Http, Step::Token, Step::Permission];

    /// The word that `doctor` prints.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Step::Dns => "dns",
            Step::Port => "port",
            Step::Tls => "tls",
            Step::Http => "console",
            Step::Token => "token",
            Step::Permission => "permission",
        }
    }
}

/// What a live look brought.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The step that failed; none if all went well. Those before it went well, those after it were not tried.
    pub failed: Option<Step>,
    /// What is wrong, if something is.
    pub trouble: Option<Trouble>,
    /// What the token sees, if it opened the console.
    pub probe: Option<Probe>,
    /// The console's clock minus ours, in seconds; `None` if it did not say, or is a simulated one on this machine.
    pub clock_skew: Option<i64>,
    /// Each stream whose records the console counts: what it counts, or why it does not, and how many we have.
    pub counts: Vec<StreamCount>,
    /// Why more is held as present than the console shows, if it is; what was written down does not know that yet.
    pub surplus: Option<Surplus>,
}

/// More is held as present than the console shows, or than the token sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surplus {
    /// What was found, in a clause.
    pub detail: String,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// The next step that helps, as a clause.
    pub next: String,
}

/// What the console and we count of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCount {
    /// The stream.
    pub stream: &'static str,
    /// The console's own count; `None` if it gives none.
    pub theirs: Option<u64>,
    /// Why it gives none.
    pub reason: Option<String>,
    /// Records that we have and that are not retired.
    pub ours: u64,
}

/// Looks at an integration: name, port, TLS, console, token, permission, clock, and counts. Writes nothing.
///
/// # Errors
/// The credential cannot be opened, or the database fails. What the console does is in the answer.
pub async fn examine(place: Place<'_>, of: &Overview) -> Result<Examination, SyncError> {
    let (client, _) = crate::run::client(place, &of.integration).await?;
    let (org, id) = (of.integration.org, of.integration.id);
    let ours = place.world.outside(place.store.read(move |tx| record_counts(tx, org, id))).await?;
    let worked = of.worked();
    let asked_at = place.world.now();
    // One try without the token: whoever answers may not be the console.
    let reached = match client.send(&Request::system_status()).await {
        Err(error) if error.answer().is_none_or(|answer| answer.form != Form::Errors) => Err(error),
        _ => Ok(()),
    };
    let probed = match reached {
        Ok(()) => sentinelone::probe(&client, &pauses(place.world)).await,
        Err(error) => Err(error),
    };
    Ok(match probed {
        Ok(probe) => {
            let mut counts = counts(&probe, &ours);
            for count in &mut counts {
                recount(&client, count).await;
            }
            let looked = Looked::of(&probe, client.console(), asked_at);
            Examination {
                failed: None,
                trouble: None,
                clock_skew: looked.clock_skew.map(|micros| micros / 1_000_000),
                surplus: surplus(of, looked.sees.as_ref(), &counts),
                counts,
                probe: Some(probe),
            }
        }
        Err(error) => Examination {
            failed: Some(failed_step(&error)),
            trouble: Some(health::trouble(&error, worked)),
            probe: None,
            clock_skew: None,
            counts: Vec::new(),
            surplus: None,
        },
    })
}

/// How many records of each stream we have, and the source too.
///
/// # Errors
/// The database fails.
pub fn record_counts(
    tx: &mut Tx<'_>,
    org: kernel::OrgId,
    id: kernel::IntegrationId,
) -> Result<Vec<(String, u64)>, SyncError> {
    const ALL: &str = "SELECT stream, count(*) FROM inventory_source_record \
        WHERE org_id = $1 AND integration_id = $2 GROUP BY stream";
    // Both are read from an index alone; with the state, each of millions of rows would be looked at.
    const ABSENT: &str = "SELECT stream, count(*) FROM inventory_source_record \
        WHERE org_id = $1 AND integration_id = $2 AND state <> 'present' GROUP BY stream";
    let keys = [org.into(), id.into()];
    let mut counted = |sql| tx.query(sql, &keys, |row| Ok((row.text(0)?.to_owned(), row.int(1)?.unsigned_abs())));
    let mut all = counted(ALL)?;
    let absent = counted(ABSENT)?;
    for (stream, count) in absent {
        if let Some((_, of)) = all.iter_mut().find(|(name, _)| *name == stream) {
            *of -= count;
        }
    }
    all.retain(|(_, count)| *count > 0);
    Ok(all)
}

/// The same of one stream; `most` if there are more.
///
/// # Errors
/// The database fails.
pub fn record_count(
    tx: &mut Tx<'_>,
    org: kernel::OrgId,
    id: kernel::IntegrationId,
    stream: &str,
    most: u64,
) -> Result<u64, SyncError> {
    const ALL: &str = "SELECT count(*) FROM (SELECT 1 AS one FROM inventory_source_record \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 LIMIT $4) AS few";
    const ABSENT: &str = "SELECT count(*) FROM inventory_source_record \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND state <> 'present'";
    let keys: [Value; 3] = [org.into(), id.into(), stream.into()];
    let absent = tx.query_one(ABSENT, &keys, |row| row.int(0))?;
    let [org, id, stream] = keys;
    let limit = absent.saturating_add(i64::try_from(most).unwrap_or(i64::MAX));
    let all = tx.query_one(ALL, &[org, id, stream, limit.into()], |row| row.int(0))?;
    Ok((all - absent).unsigned_abs())
}

/// Where on the way a request failed.
#[must_use]
pub fn failed_step(error: &ApiError) -> Step {
    match error.failure() {
        Failure::Transport(TransportError::Dns | TransportError::Private | TransportError::Relay { .. }) => Step::Dns,
        Failure::Transport(TransportError::Refused | TransportError::ConnectTimeout { .. }) => Step::Port,
        Failure::Transport(TransportError::Tls { .. }) => Step::Tls,
        Failure::Status(answer) if answer.status == 401 => Step::Token,
        Failure::Status(answer) if answer.status == 403 => Step::Permission,
        _ => Step::Http,
    }
}

/// A stream that is read with parameters is counted with them: without, agents that were decommissioned are left out.
async fn recount(client: &Client, count: &mut StreamCount) {
    let Some(stream) = Stream::named(count.stream).filter(|stream| !stream.params.is_empty()) else { return };
    let Some(request) = Request::to(stream.endpoint()).filter(|_| count.theirs.is_some()) else { return };
    let request = stream.params.iter().fold(request, |request, (name, value)| request.param(*name, value));
    if let Ok(total) = client.count(&request).await {
        count.theirs = total;
    }
}

fn counts(probe: &Probe, ours: &[(String, u64)]) -> Vec<StreamCount> {
    let of_stream = |stream: &'static Stream| {
        let endpoint: Endpoint = match stream.source {
            Source::Pages(endpoint) => endpoint,
            _ => return None,
        };
        let module = probe.modules.iter().find(|module| module.endpoint == endpoint)?;
        let (theirs, reason) = match &module.state {
            ModuleState::Available { count } => (*count, None),
            ModuleState::NotAvailable { reason } | ModuleState::Unclear { reason } => (None, Some(reason.to_string())),
            _ => (None, None),
        };
        let ours = ours.iter().find(|(name, _)| name == stream.name).map_or(0, |(_, count)| *count);
        Some(StreamCount { stream: stream.name, theirs, reason, ours })
    };
    crate::STREAMS.iter().filter_map(of_stream).collect()
}

/// Why more is held as present than the console shows: the token sees less than when it was connected, or less than when
/// a stream was last proven, or the console has lost what no whole reading has missed yet.
fn surplus(of: &Overview, sees: Option<&Scope>, counts: &[StreamCount]) -> Option<Surplus> {
    let (name, host) = (of.integration.name.as_str(), of.integration.console_host.as_str());
    let narrowed = |before: &str| sees.and_then(|sees| sees.narrowed_since(&Scope::parse(before)));
    if let Some(detail) = of.health.sees.as_deref().and_then(narrowed) {
        let (state, why) = (IntegrationState::Degraded, Some(Why::ScopeNarrowed));
        let next = health::next_step(state, why, About { name, subject: None, host });
        return Some(Surplus { detail, meaning: health::meaning(state, why), next });
    }
    counts.iter().find_map(|count| {
        let StreamCount { stream, theirs: Some(theirs), ours, .. } = count else { return None };
        let standing = of.streams.iter().find(|standing| standing.stream.name == *stream)?;
        let more = ours.saturating_sub(*theirs);
        if standing.stream.removal != Removal::Absent || !standing.enabled || standing.held > 0 || more == 0 {
            return None;
        }
        let detail = format!("{ours} {stream} are held as present, and the console shows {theirs}");
        if standing.scope.as_deref().and_then(narrowed).is_some() {
            return Some(Surplus {
                detail: format!("{detail}: the token sees less than the one before it"),
                meaning: health::meaning(IntegrationState::Degraded, Some(Why::ScopeNarrowed)),
                next: format!(
                    "connect again with a token of the old scope; if what is not seen any more is really gone: {} --full",
                    health::accept_removals(name, stream)
                ),
            });
        }
        (more * crate::HOLD_ONE_IN > *ours).then(|| Surplus {
            detail,
            meaning: "the console has lost them since everything was last read, or it is not the console that was read",
            next: format!("read all of it again, which retires nothing unseen: muster sync {name} --stream {stream} --full"),
        })
    })
}

/// Why a connected integration may have no data, as answers in the order in which they should be looked at; empty if it
/// has data where the console has some.
#[must_use]
pub fn no_data(of: &Overview, seen: &Examination, now: kernel::Timestamp) -> Vec<String> {
    let name = &of.integration.name;
    if !of.integration.options.enabled {
        return vec![format!("{name} is switched off: muster integration enable {name}")];
    }
    if seen.probe.is_none() {
        return Vec::new();
    }
    let left_out: Vec<&str> =
        of.streams.iter().filter(|standing| !standing.enabled).map(|standing| standing.stream.name).collect();
    let missing = |count: &&StreamCount| count.ours == 0 && count.theirs != Some(0);
    let without: Vec<&StreamCount> = seen.counts.iter().filter(missing).collect();
    let nothing_at_all = seen.counts.iter().all(|count| count.ours == 0);
    if without.is_empty() && !nothing_at_all {
        return Vec::new();
    }
    let mut answers = Vec::new();
    if nothing_at_all {
        let scope = of.integration.scope.as_deref().unwrap_or("unknown");
        answers.push(format!(
            "the console is {}, read with a token of scope {scope}; compare both with what you see in the browser",
            of.integration.console_host
        ));
    }
    let never = of.streams.iter().filter(|standing| standing.enabled && standing.status.is_none()).count();
    if never > 0 {
        answers.push(match of.is_being_read(now) {
            true => format!("the first sync is still running: {never} streams have not ended yet"),
            false => format!(
                "{never} streams were never read: muster sync {name}, or muster serve --role worker to keep reading"
            ),
        });
    }
    for count in without {
        let standing = of.streams.iter().find(|standing| standing.stream.name == count.stream);
        let words = match (&count.reason, count.theirs) {
            _ if left_out.contains(&count.stream) => {
                format!("{0} is left out by an option: muster integration set {name} --with {0}", count.stream)
            }
            (Some(reason), _) => format!("{} is not available to this token: {reason}", count.stream),
            (None, Some(theirs)) if standing.is_some_and(|standing| standing.status.is_some()) => format!(
                "{0}: the console counts {theirs}, and none were stored: muster sync {name} --stream {0} --full",
                count.stream
            ),
            _ => continue,
        };
        answers.push(words);
    }
    if nothing_at_all && seen.counts.iter().all(|count| count.theirs.unwrap_or(0) == 0) {
        answers.push(
            "the console itself counts nothing for this token: give its user a scope that has agents in it".to_owned(),
        );
    }
    answers
}

/// What the difference between the clocks means, in words; nothing if there is none to speak of.
#[must_use]
pub fn clock_words(skew: Option<i64>) -> Option<String> {
    let skew = skew.filter(|skew| skew.abs() > CLOCK_SKEW_MAX)?;
    let direction = if skew > 0 { "ahead of" } else { "behind" };
    Some(format!("the console's clock is {} {direction} this machine's", health::rough(skew.abs())))
}

/// The state that a live look finds; what it cannot see (streams, removals) stays as it was written down.
#[must_use]
pub fn live_state(of: &Overview, seen: &Examination) -> IntegrationState {
    match &seen.trouble {
        Some(trouble) if of.integration.options.enabled => trouble.state,
        _ => of.assessment().state,
    }
}
