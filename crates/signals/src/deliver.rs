//! Delivering: from a sink's place in the log, batch by batch, to its receiver, and only then the place moves.

use std::time::Duration;

use jobs::World;
use kernel::{OrgId, Timestamp, Value};
use store::Store;

use crate::catalogue::Filter;
use crate::ndjson::{self, NdjsonFile};
use crate::sink::{self, Sink};
use crate::{Artifact, Line, SignalsError, SinkId, log};

/// Artifacts in one batch, at most: so many may come twice after a crash, and no more.
pub const BATCH_ARTIFACTS: usize = 500;

/// Bytes of records in one batch, about.
const BATCH_BYTES: usize = 8 << 20;

/// How long a delivery may go without a sign of life before another worker takes the sink.
const LEASE: Duration = Duration::from_secs(60);

/// The first wait after a failure, and the longest.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(300);

/// The longest reason that is stored, in characters.
const REASON_CHARS_MAX: usize = 500;

/// What takes artifacts: a file, later a socket or a web address.
pub trait Receiver: Send {
    /// Delivers lines, in order, and answers when they are safe with the receiver: the sink's place moves then. `place` is
    /// what this answered when it moved last, or `{}`; the answer is stored with the new place.
    ///
    /// # Errors
    /// None of the lines counts as delivered, though some may have arrived: they come again.
    fn deliver(&mut self, lines: &[Line], place: &str) -> impl Future<Output = Result<String, Refusal>> + Send;
}

/// Why a receiver did not take lines. The text is a sentence for the operator, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot take anything at present: the same lines are brought again later.
    Unavailable(String),
    /// It will never take these lines as they are. They are brought in halves, until what it refuses stands alone: that
    /// becomes a dead letter, and the rest goes on.
    Refused(String),
}

/// What a delivery did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Artifacts that the receiver took.
    pub delivered: u64,
    /// Artifacts that it refused for good: each is a dead letter now.
    pub dead: u64,
    /// Artifacts that the sink's filter leaves out.
    pub left_out: u64,
    /// How long to wait before the next attempt; `None`: the sink is at the end of the log, detached, or in other hands.
    pub retry_after: Option<Duration>,
    /// Why the receiver took no more, as a sentence.
    pub trouble: Option<String>,
}

/// Delivers to one sink until it has everything, or until its receiver fails. Call it for each sink as a task of its own:
/// so a slow or dead one delays no other. It takes the sink's lease; where another worker has it, nothing is done.
///
/// A receiver that fails is no error: the sink is then waiting, with the reason, and [`Delivered::retry_after`] says for
/// how long.
///
/// # Errors
/// The database fails or a block of the log is damaged.
pub async fn deliver(store: &Store, world: &World, org: OrgId, sink: SinkId) -> Result<Delivered, SignalsError> {
    let found = world.outside(store.read(move |tx| sink::sink(tx, org, sink))).await?;
    let Some(known) = found else { return Ok(Delivered::default()) };
    let receiver = match known.is.kind.as_str() {
        ndjson::KIND => ndjson::Settings::parse(&known.is.settings).map(|settings| NdjsonFile::new(settings, world)),
        other => Err(format!("this version of Muster knows no sinks of kind {other}")),
    };
    match receiver {
        Ok(mut receiver) => deliver_with(store, world, org, sink, &mut receiver).await,
        Err(reason) => deliver_with(store, world, org, sink, &mut Nobody(reason)).await,
    }
}

/// As [`deliver`], to a receiver of the caller's choice.
///
/// # Errors
/// As [`deliver`].
pub async fn deliver_with(
    store: &Store,
    world: &World,
    org: OrgId,
    sink: SinkId,
    receiver: &mut impl Receiver,
) -> Result<Delivered, SignalsError> {
    let Some(mut run) = Run::claim(store, world, org, sink).await? else { return Ok(Delivered::default()) };
    let filter = match Filter::new(&run.sink.is.filter, world.now()) {
        Ok(filter) => filter,
        Err(error) => return run.fail(&told(&error)).await,
    };
    loop {
        let (after, org) = (run.sink.is.after, run.sink.org);
        let scan = move |tx: &mut store::Tx<'_>| log::scan_within(tx, org, after, BATCH_ARTIFACTS, BATCH_BYTES);
        let (artifacts, more) = match world.outside(store.read(scan)).await {
            // A damaged log is for a person to mend; what lies behind it is not delivered in its place.
            Err(error @ SignalsError::Block { .. }) => return run.fail(&told(&error)).await,
            read => read?,
        };
        let Some(last) = artifacts.last().map(|artifact| artifact.seq) else { break };
        let lines: Vec<Line> = artifacts.iter().filter(|artifact| filter.takes(artifact)).map(Line::new).collect();
        run.did.left_out += left_out(&artifacts, &lines);
        match run.batch(receiver, &lines, last).await? {
            Went::On => {}
            Went::Elsewhere => return Ok(run.did),
            Went::Wrong(reason) => return run.fail(&reason).await,
        }
        if !more {
            break;
        }
    }
    run.finish().await
}

fn left_out(artifacts: &[Artifact], lines: &[Line]) -> u64 {
    (artifacts.len() - lines.len()) as u64
}

fn told(error: &SignalsError) -> String {
    match error {
        SignalsError::Filter(refused) => refused.problems.iter().map(|problem| problem.message.as_str()).collect(),
        other => other.to_string(),
    }
}

/// Stands where there is no receiver.
struct Nobody(String);

impl Receiver for Nobody {
    async fn deliver(&mut self, _: &[Line], _: &str) -> Result<String, Refusal> {
        Err(Refusal::Unavailable(self.0.clone()))
    }
}

/// How a batch went.
enum Went {
    /// All of it was taken or is a dead letter.
    On,
    /// Somebody else has the sink now, or it was moved.
    Elsewhere,
    /// The receiver failed.
    Wrong(String),
}

/// One delivery that holds its sink.
struct Run<'a> {
    store: &'a Store,
    world: &'a World,
    sink: Sink,
    owner: String,
    did: Delivered,
}

impl<'a> Run<'a> {
    /// Takes the sink, if it is free and there is something to do.
    async fn claim(
        store: &'a Store,
        world: &'a World,
        org: OrgId,
        id: SinkId,
    ) -> Result<Option<Run<'a>>, SignalsError> {
        const CLAIM: &str = "UPDATE signals_sink SET lease_owner = $3, lease_until = $4, generation = generation + 1
            WHERE org_id = $1 AND sink_id = $2 AND state <> 'detached' AND COALESCE(next_at, 0) <= $5
                AND COALESCE(lease_until, 0) <= $5";
        let owner = format!("{} {:016x}", store::who(), world.random().next_u64());
        let now = world.now();
        let claim = owner.clone();
        let claiming = store.write(move |tx| -> Result<Option<Sink>, SignalsError> {
            let claim = [org.into(), id.into(), claim.into(), until(now).into(), now.into()];
            if tx.execute(CLAIM, &claim)? == 0 {
                return Ok(None);
            }
            sink::sink(tx, org, id)
        });
        let sink = world.outside(claiming).await?;
        Ok(sink.map(|sink| Run { store, world, sink, owner, did: Delivered::default() }))
    }

    /// Brings lines to the receiver, in halves if it refuses them, and moves the place behind each part that it took; at
    /// the end the place is `last`.
    async fn batch(&mut self, receiver: &mut impl Receiver, lines: &[Line], last: i64) -> Result<Went, SignalsError> {
        let mut open = vec![lines];
        while let Some(part) = open.pop() {
            let end = if open.is_empty() { last } else { part.last().map_or(last, |line| line.seq) };
            let delivered = match part.is_empty() {
                true => Ok(self.sink.place.clone()),
                false => receiver.deliver(part, &self.sink.place).await,
            };
            let moved = match delivered {
                Ok(place) => {
                    self.sink.place = place;
                    self.acknowledge(end, part.len() as u64, None).await?
                }
                Err(Refusal::Refused(reason)) if part.len() == 1 => {
                    self.acknowledge(end, 0, Some((part[0].seq, reason))).await?
                }
                Err(Refusal::Refused(_)) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    open.extend([second, first]);
                    continue;
                }
                Err(Refusal::Unavailable(reason)) => return Ok(Went::Wrong(reason)),
            };
            if !moved {
                return Ok(Went::Elsewhere);
            }
        }
        Ok(Went::On)
    }

    /// Moves the sink's place. `false` if the sink is no longer in these hands: then nothing was moved.
    async fn acknowledge(&mut self, seq: i64, lines: u64, dead: Option<(i64, String)>) -> Result<bool, SignalsError> {
        const MOVE: &str = "UPDATE signals_sink SET acked = $4, place = $5, delivered = delivered + $6,
                delivered_at = CASE WHEN $6 > 0 THEN $7 ELSE delivered_at END, lease_until = $8, attempts = 0,
                next_at = NULL, detail = '', since = CASE WHEN state = 'ready' THEN since ELSE $7 END, state = 'ready'
            WHERE org_id = $1 AND sink_id = $2 AND lease_owner = $3 AND generation = $9";
        const BURY: &str = "INSERT INTO signals_dead_letter (org_id, sink_id, seq, refused_at, reason)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let now = self.world.now();
        let (org, id) = (self.sink.org, self.sink.id);
        let buried = u64::from(dead.is_some());
        let params: Vec<Value<'static>> = vec![
            org.into(),
            id.into(),
            self.owner.clone().into(),
            seq.into(),
            self.sink.place.clone().into(),
            Value::Int(lines.cast_signed()),
            now.into(),
            until(now).into(),
            self.sink.generation.into(),
        ];
        let moving = self.store.write(move |tx| -> Result<bool, SignalsError> {
            if tx.execute(MOVE, &params)? == 0 {
                return Ok(false);
            }
            if let Some((seq, reason)) = dead {
                tx.execute(BURY, &[org.into(), id.into(), seq.into(), now.into(), short(&reason).into()])?;
            }
            Ok(true)
        });
        let moved = self.world.outside(moving).await?;
        if moved {
            self.sink.is.after = seq;
            self.sink.attempts = 0;
            self.did.delivered += lines;
            self.did.dead += buried;
        }
        Ok(moved)
    }

    /// Lets the sink go: it has everything.
    async fn finish(self) -> Result<Delivered, SignalsError> {
        const RELEASE: &str = "UPDATE signals_sink SET lease_owner = NULL, lease_until = NULL, attempts = 0,
                next_at = NULL, detail = '', since = CASE WHEN state = 'ready' THEN since ELSE $4 END, state = 'ready'
            WHERE org_id = $1 AND sink_id = $2 AND lease_owner = $3 AND generation = $5";
        let params: Vec<Value<'static>> = vec![
            self.sink.org.into(),
            self.sink.id.into(),
            self.owner.into(),
            self.world.now().into(),
            self.sink.generation.into(),
        ];
        self.world.outside(self.store.write(move |tx| tx.execute(RELEASE, &params))).await?;
        Ok(self.did)
    }

    /// Lets the sink go until it is tried again; or for good, if more waits for it than its operator allows.
    async fn fail(mut self, reason: &str) -> Result<Delivered, SignalsError> {
        const WAIT: &str = "UPDATE signals_sink SET lease_owner = NULL, lease_until = NULL, attempts = attempts + 1,
                next_at = $4, detail = $5, since = CASE WHEN state = 'waiting' THEN since ELSE $6 END, state = 'waiting'
            WHERE org_id = $1 AND sink_id = $2 AND lease_owner = $3 AND generation = $7";
        const DETACH: &str = "UPDATE signals_sink SET lease_owner = NULL, lease_until = NULL, attempts = attempts + 1,
                next_at = NULL, detail = $4, since = $5, state = 'detached'
            WHERE org_id = $1 AND sink_id = $2 AND lease_owner = $3 AND generation = $6";
        let now = self.world.now();
        let wait = wait(self.sink.attempts, &mut self.world.random());
        let at = later(now, wait);
        let (org, id, name) = (self.sink.org, self.sink.id, self.sink.is.name.clone());
        let (owner, generation) = (self.owner.clone(), self.sink.generation);
        let (after, most) = (self.sink.is.after, self.sink.is.lag_bytes_max);
        let reason = short(reason);
        let trouble = reason.clone();
        let failing = self.store.write(move |tx| -> Result<bool, SignalsError> {
            let lag = most.map(|most| Ok::<_, SignalsError>((sink::lag_bytes(tx, org, after)?, most))).transpose()?;
            let (org, id, owner) = (org.into(), id.into(), owner.into());
            if let Some((lag, most)) = lag.filter(|(lag, most)| lag > most) {
                let detail = format!(
                    "{lag} bytes of the log waited for it, and --max-lag allows {most}: it gets nothing more until it is \
                     replayed ({reason})"
                );
                tracing::error!(sink = %name, %detail, "The sink {name} is detached: {detail}");
                let detach = [org, id, owner, detail.into(), now.into(), generation.into()];
                return Ok(tx.execute(DETACH, &detach)? > 0);
            }
            tx.execute(WAIT, &[org, id, owner, at.into(), reason.into(), now.into(), generation.into()])?;
            Ok(false)
        });
        let detached = self.world.outside(failing).await?;
        self.did.retry_after = (!detached).then_some(wait);
        self.did.trouble = Some(trouble);
        Ok(self.did)
    }
}

fn until(now: Timestamp) -> Timestamp {
    later(now, LEASE)
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_add(micros))
}

/// Doubles with every failure, between half of it and all of it by chance, so that sinks do not come back together.
fn wait(attempts: i64, random: &mut kernel::Random) -> Duration {
    const DOUBLINGS_MAX: u32 = 16;
    let doublings = u32::try_from(attempts).unwrap_or(0).min(DOUBLINGS_MAX);
    let most = (WAIT_MIN * 2u32.pow(doublings)).min(WAIT_MAX);
    most.mul_f64(0.5 + random.unit() / 2.0)
}

fn short(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let mut random = kernel::Random::seeded(7);
        let mut at = |attempts| wait(attempts, &mut random);
        assert!(at(0) <= WAIT_MIN && at(0) >= WAIT_MIN / 2);
        assert!(at(5) >= Duration::from_secs(16) && at(5) <= Duration::from_secs(32));
        assert!(at(1000) >= WAIT_MAX / 2 && at(i64::MAX) <= WAIT_MAX);
    }
}
