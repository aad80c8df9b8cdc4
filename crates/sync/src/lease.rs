//! Leases: which worker may write to a stream, and until when. A lease that ran out may be taken by anybody, and whoever
//! takes it fences the one before by the generation.

use std::time::Duration;

use kernel::{IntegrationId, OrgId, Random, Timestamp};
use store::{StoreError, Tx};

/// How long a stream stays with a worker that shows no sign of life. A killed worker's streams go on elsewhere within
/// twice this time.
pub const LEASE: Duration = Duration::from_secs(60);

/// The longest name of a worker, in characters.
const NAME_CHARS_MAX: usize = 80;

/// Who takes leases, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The worker's name, which no other has; see [`Holder::name_of`].
    pub name: String,
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// True if nobody else can write to this database: then a lease that was left behind holds nobody up.
    pub alone: bool,
}

impl Holder {
    /// A name that no other worker has: host, process, and chance.
    #[must_use]
    pub fn name_of(host: &str, process: u32, random: &mut Random) -> String {
        let host: String = host.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX / 2).collect();
        format!("{host}/{process}/{:08x}", random.next_u64() >> 32)
    }

    /// When a lease that begins now runs out.
    #[must_use]
    pub fn until(&self, now: Timestamp) -> Timestamp {
        let micros = i64::try_from(self.lease.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.micros().saturating_add(micros))
    }
}

/// What came of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is ours; writes of this generation are accepted, those of earlier ones are not.
    Ours {
        /// The generation.
        generation: i64,
    },
    /// Somebody else has it.
    Theirs {
        /// Who.
        holder: String,
        /// Until when, unless it is renewed.
        until: Timestamp,
    },
}

/// Takes the lease of a checkpoint key (a stream, or one of its lanes), if nobody else holds it.
///
/// # Errors
/// The database fails.
pub fn take(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    key: &str,
    holder: &Holder,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    const TAKE: &str = "INSERT INTO sync_stream (org_id, integration_id, stream, generation, complete, page, updated_at, \
        lease_owner, lease_until, attempted_at) VALUES ($1, $2, $3, 1, 0, 0, $4, $5, $6, $4) \
        ON CONFLICT (org_id, integration_id, stream) DO UPDATE SET generation = sync_stream.generation + 1, \
        updated_at = excluded.updated_at, lease_owner = excluded.lease_owner, lease_until = excluded.lease_until, \
        attempted_at = excluded.attempted_at \
        WHERE sync_stream.lease_owner IS NULL OR sync_stream.lease_owner = $5 OR sync_stream.lease_until <= $4 OR $7 = 1";
    const READ: &str = "SELECT generation, lease_owner, lease_until FROM sync_stream \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3";
    let name = holder.name.as_str();
    let alone = i64::from(holder.alone);
    let values = [org.into(), id.into(), key.into(), now.into(), name.into(), holder.until(now).into(), alone.into()];
    let ours = tx.execute(TAKE, &values)? == 1;
    tx.query_one(READ, &[org.into(), id.into(), key.into()], |row| {
        Ok(if ours {
            Taken::Ours { generation: row.int(0)? }
        } else {
            Taken::Theirs {
                holder: row.opt_text(1)?.unwrap_or_default().to_owned(),
                until: Timestamp::from_micros(row.opt_int(2)?.unwrap_or_default()),
            }
        })
    })
}

/// Renews the lease that this generation holds; false if somebody else took the stream.
///
/// # Errors
/// The database fails.
pub fn renew(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    key: &str,
    generation: i64,
    holder: &Holder,
    now: Timestamp,
) -> Result<bool, StoreError> {
    const RENEW: &str = "UPDATE sync_stream SET lease_until = $5 WHERE org_id = $1 AND integration_id = $2 AND \
        stream = $3 AND generation = $4 AND lease_owner = $6";
    let values =
        [org.into(), id.into(), key.into(), generation.into(), holder.until(now).into(), holder.name.as_str().into()];
    Ok(tx.execute(RENEW, &values)? == 1)
}

/// Renews the lease of a key, if it is still this holder's.
///
/// # Errors
/// The database fails.
pub fn prolong(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    key: &str,
    holder: &Holder,
    now: Timestamp,
) -> Result<(), StoreError> {
    const PROLONG: &str = "UPDATE sync_stream SET lease_until = $5 \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND lease_owner = $4";
    let values = [org.into(), id.into(), key.into(), holder.name.as_str().into(), holder.until(now).into()];
    tx.execute(PROLONG, &values)?;
    Ok(())
}

/// Gives up every lease of this holder in an organization. The sweeps were cut off, so whoever comes next goes on at once.
///
/// # Errors
/// The database fails.
pub fn release_all(tx: &mut Tx<'_>, org: OrgId, holder: &Holder) -> Result<(), StoreError> {
    const RELEASE: &str = "UPDATE sync_stream SET lease_owner = NULL, lease_until = NULL \
        WHERE org_id = $1 AND lease_owner = $2";
    tx.execute(RELEASE, &[org.into(), holder.name.as_str().into()])?;
    Ok(())
}
