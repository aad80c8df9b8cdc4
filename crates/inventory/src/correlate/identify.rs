//! What records say of which machine they are: read from the inventory's tables, compared with what was read before.

use kernel::{IntegrationId, OrgId, RecordId, SiteId, Timestamp, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Keys, Kind as Column, Row, StoreError, Tx};

use super::fact::{Claim, Fact, Held, Identity, Key, Life};
use super::hygiene;
use super::sharing::MEMORY_SECONDS;
use crate::integration;
use crate::memory::Head;
use crate::noun::{Grade, Mac, ip_from_bytes};

/// The most addresses of a record that are looked at; machines with hundreds are hosts of containers.
const CLAIMS_MAX: usize = 32;

/// The most former addresses of a record that are kept.
const FORMER_CLAIMS_MAX: usize = 16;

/// A record as it stands, before it is compared with what was known.
pub(crate) struct Read {
    pub record: i64,
    pub grade: Grade,
    /// Hardware and network identifiers, of which no time is known yet.
    pub identity: Identity,
    /// When the source last saw it, or now.
    pub at: Timestamp,
}

/// Reads what records say of themselves. Records without a machine's row are left out.
pub(crate) fn read(
    tx: &mut Tx,
    org: OrgId,
    head: &Head,
    records: &[i64],
    now: Timestamp,
) -> Result<Vec<Read>, StoreError> {
    const MACHINES: &str = "SELECT m.record_id, m.grade, m.native_id, m.agent_native_id, m.name, m.serial,
            m.manufacturer_term, m.hw_vendor_term, m.model_term, m.hw_term, m.directory_name, m.cloud_term,
            m.cloud_account, m.cloud_instance, m.agent_uuid, m.os_family_term, m.console_group_id_term, m.last_seen,
            r.stream
        FROM inventory_machine m
        JOIN inventory_source_record r ON r.org_id = m.org_id AND r.record_id = m.record_id
        WHERE m.org_id = $1 AND m.record_id IN KEYS";
    const NAMES: &str = "SELECT record_id, name FROM inventory_name
        WHERE org_id = $1 AND current = 1 AND record_id IN KEYS";
    const MACS: &str = "SELECT record_id, mac FROM inventory_interface
        WHERE org_id = $1 AND mac IS NOT NULL AND record_id IN KEYS";
    const ADDRESSES: &str = "SELECT record_id, ip, is_primary, observed_at FROM inventory_address
        WHERE org_id = $1 AND record_id IN KEYS";
    let keys = || Keys::Ints(records);
    let mut read = tx.select_in(MACHINES, &[org.into()], keys(), |row| {
        let term = |at: usize| Ok::<_, StoreError>(row.opt_int(at)?.map(|term| head.text(term)));
        let text = |at: usize| row.opt_text(at);
        let grade = Grade::from_code(row.int(1)?);
        let maker = match term(6)? {
            Some(maker) => Some(maker),
            None => term(7)?,
        };
        let model = match term(8)? {
            Some(model) => Some(model),
            None => term(9)?,
        };
        let agent = if grade == Grade::Agent { Some(row.text(2)?) } else { text(3)? };
        let cloud = match (term(11)?, text(12)?, text(13)?) {
            (provider, account, Some(instance)) => {
                let parts = [provider.unwrap_or_default(), account.unwrap_or_default(), instance];
                Some(kernel::fold(&parts.join("/")).into_owned())
            }
            _ => None,
        };
        let identity = Identity {
            stream: row.text(18)?.to_owned(),
            agent: agent.map(str::to_owned),
            cloud,
            uuid: text(14)?.and_then(|text| hygiene::uuid(text).ok()),
            serial: text(5)?.and_then(|text| hygiene::serial(text, model).ok()),
            maker: maker.and_then(hygiene::maker),
            model: model.map(|model| kernel::fold(model.trim()).into_owned()),
            directory: text(10)?.map(|text| kernel::fold(text.trim()).into_owned()).filter(|text| !text.is_empty()),
            family: term(15)?.and_then(hygiene::family),
            group: row.opt_int(16)?,
            ..Identity::default()
        };
        let mut read =
            Read { record: row.int(0)?, grade, identity, at: row.opt_int(17)?.map_or(now, Timestamp::from_micros) };
        if let Some(name) = text(4)? {
            add_name(&mut read.identity, name);
        }
        Ok(read)
    })?;
    read.sort_unstable_by_key(|one| one.record);
    let find = |record: i64, read: &[Read]| read.binary_search_by_key(&record, |one| one.record).ok();
    for (record, name) in
        tx.select_in(NAMES, &[org.into()], keys(), |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?
    {
        if let Some(at) = find(record, &read) {
            add_name(&mut read[at].identity, &name);
        }
    }
    for (record, mac) in tx.select_in(MACS, &[org.into()], keys(), |row| Ok((row.int(0)?, Mac::parse(row.text(1)?))))? {
        if let (Some(at), Some(Ok(mac))) = (find(record, &read), mac.map(hygiene::mac)) {
            read[at].identity.macs.push(mac);
        }
    }
    let addresses = tx.select_in(ADDRESSES, &[org.into()], keys(), |row| {
        let observed = row.opt_int(3)?.map(Timestamp::from_micros);
        Ok((row.int(0)?, ip_from_bytes(row.bytes(1)?), row.int(2)? != 0, observed))
    })?;
    for (record, ip, measured, observed) in addresses {
        if let (Some(at), Some(ip)) = (find(record, &read), ip.filter(|ip| hygiene::is_own_address(*ip))) {
            let since = Some(observed.unwrap_or(read[at].at));
            read[at].identity.claims.push(Claim { ip, measured, since, until: None });
        }
    }
    for one in &mut read {
        let identity = &mut one.identity;
        for list in [&mut identity.names, &mut identity.full_names] {
            list.sort_unstable();
            list.dedup();
        }
        identity.macs.sort_unstable();
        identity.macs.dedup();
        identity.claims.sort_unstable_by_key(|claim| (claim.ip, claim.measured));
        identity.claims.dedup_by_key(|claim| (claim.ip, claim.measured));
        identity.claims.truncate(CLAIMS_MAX);
    }
    Ok(read)
}

fn add_name(identity: &mut Identity, text: &str) {
    identity.names.extend(hygiene::name(text));
    identity.full_names.extend(hygiene::full_name(text));
}

/// What is known of a record's identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known {
    pub identity: Identity,
    pub held: Vec<Held>,
}

impl Known {
    /// What is known once a record has been read again; the keys that it gained or lost, and those to be forgotten.
    pub fn moved(before: Option<&Known>, read: Read, now: Timestamp) -> (Known, Vec<Key>, Vec<Key>) {
        let Read { mut identity, at, .. } = read;
        let old = now.plus_seconds(-MEMORY_SECONDS);
        let keys = identity.keys();
        let mut changed = Vec::new();
        let mut held: Vec<Held> = Vec::with_capacity(keys.len());
        for key in keys {
            let was = before.and_then(|before| before.held.iter().find(|held| held.key == key));
            if was.is_none_or(|was| was.until.is_some()) {
                changed.push(key);
            }
            let since = match (was, before) {
                (Some(was), _) => was.since,
                (None, Some(_)) => Some(at),
                (None, None) => None,
            };
            held.push(Held { key, since, until: None });
        }
        let mut forgotten = Vec::new();
        if let Some(before) = before {
            for was in &before.held {
                if held.iter().any(|now| now.key == was.key) {
                    continue;
                }
                if was.until.is_none() {
                    changed.push(was.key);
                }
                let until = was.until.unwrap_or(at);
                if until <= old {
                    forgotten.push(was.key);
                } else {
                    held.push(Held { until: Some(until), ..*was });
                }
            }
            let mut former = Vec::new();
            for was in &before.identity.claims {
                match identity.claims.iter_mut().find(|now| (now.ip, now.measured) == (was.ip, was.measured)) {
                    // A measurement is as old as it is; a claim began when it was first heard.
                    Some(now) if !now.measured && was.until.is_none() => now.since = was.since.min(now.since),
                    Some(_) => {}
                    None => former.push(Claim { until: Some(was.until.unwrap_or(at)), ..*was }),
                }
            }
            former.retain(|claim| claim.until.is_none_or(|until| until > old));
            former.sort_unstable_by_key(|claim| std::cmp::Reverse(claim.until));
            former.truncate(FORMER_CLAIMS_MAX);
            identity.claims.append(&mut former);
            identity.claims.sort_unstable_by_key(|claim| (claim.ip, claim.measured, claim.until));
        }
        held.sort_unstable_by_key(|held| held.key);
        (Known { identity, held }, changed, forgotten)
    }

    /// When something of it is to be forgotten.
    pub fn forgets(&self) -> Option<Timestamp> {
        let held = self.held.iter().filter_map(|held| held.until);
        held.min().map(|until| until.plus_seconds(MEMORY_SECONDS))
    }

    /// The row that is stored.
    pub fn row(&self, org: OrgId, record: i64, grade: Grade) -> [Value<'static>; 5] {
        let identity = self.identity.encode(grade == Grade::Agent);
        let held = encode_held(&self.held, &self.identity);
        [org.into(), record.into(), identity.into(), held.into(), self.forgets().into()]
    }
}

/// The columns of a row of identities.
pub(crate) const IDENTITY: &[(&str, Column)] = &[
    ("org_id", Column::Int),
    ("record_id", Column::Int),
    ("identity", Column::Bytes),
    ("held", Column::Bytes),
    ("forgets", Column::Int),
];

const NOTHING: i64 = i64::MIN;

/// What a record holds; nothing where it is just what the record says, from the beginning until today.
fn encode_held(held: &[Held], identity: &Identity) -> Vec<u8> {
    let plain = held.iter().all(|held| held.since.is_none() && held.until.is_none());
    if plain && held.iter().map(|held| held.key).eq(identity.keys()) {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(held.len() * 9);
    for one in held {
        out.push(u8::from(one.since.is_some() || one.until.is_some()));
        out.extend(one.key.0.to_le_bytes());
        if one.since.is_some() || one.until.is_some() {
            for at in [one.since, one.until] {
                out.extend(at.map_or(NOTHING, Timestamp::micros).to_le_bytes());
            }
        }
    }
    out
}

fn decode_held(mut bytes: &[u8], identity: &Identity) -> Vec<Held> {
    if bytes.is_empty() {
        return identity.keys().into_iter().map(|key| Held { key, since: None, until: None }).collect();
    }
    let mut held = Vec::with_capacity(bytes.len() / 9);
    let number = |bytes: &mut &[u8]| {
        let (number, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        Some(i64::from_le_bytes(*number))
    };
    while let Some((timed, rest)) = bytes.split_first() {
        bytes = rest;
        let Some(key) = number(&mut bytes) else { break };
        let (mut since, mut until) = (None, None);
        if *timed == 1 {
            let time = |number: Option<i64>| number.filter(|at| *at != NOTHING).map(Timestamp::from_micros);
            (since, until) = (time(number(&mut bytes)), time(number(&mut bytes)));
        }
        held.push(Held { key: Key(key), since, until });
    }
    held
}

/// What was known of these records' identities. Records that are machines no more are left out.
pub(crate) fn known(tx: &mut Tx, org: OrgId, records: &[i64]) -> Result<FxHashMap<i64, Known>, StoreError> {
    const KNOWN: &str = "SELECT i.record_id, i.identity, i.held, m.grade, m.native_id, m.console_group_id_term
        FROM inventory_identity i
        JOIN inventory_machine m ON m.org_id = i.org_id AND m.record_id = i.record_id
        WHERE i.org_id = $1 AND i.record_id IN KEYS";
    let rows = tx.select_in(KNOWN, &[org.into()], Keys::Ints(records), |row| {
        let grade = Grade::from_code(row.int(3)?);
        let identity = whole(row.bytes(1)?, grade, row.text(4)?, row.opt_int(5)?);
        let held = decode_held(row.bytes(2)?, &identity);
        Ok((row.int(0)?, Known { identity, held }))
    })?;
    Ok(rows.into_iter().collect())
}

/// A stored identity with what stands in the machine's row.
fn whole(bytes: &[u8], grade: Grade, native_id: &str, group: Option<i64>) -> Identity {
    let mut identity = Identity::decode(bytes);
    if grade == Grade::Agent {
        identity.agent = Some(native_id.to_owned());
    }
    identity.group = group;
    identity
}

/// A record for the decision, and whether it stands as it is written here.
pub(crate) struct Stood {
    pub fact: Fact,
    pub contested: bool,
    pub settled: bool,
}

/// Everything correlation knows of these records; those of which it knows nothing are left out.
pub(crate) fn facts(tx: &mut Tx, org: OrgId, records: &[i64]) -> Result<Vec<Stood>, StoreError> {
    const FACTS: &str = "SELECT i.record_id, i.identity, i.held, m.integration_id, m.grade, m.site_id, m.first_seen,
            m.last_seen, m.active, m.present, m.contested, m.settled, m.native_id, m.console_group_id_term
        FROM inventory_identity i
        JOIN inventory_machine m ON m.org_id = i.org_id AND m.record_id = i.record_id
        WHERE i.org_id = $1 AND i.record_id IN KEYS";
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let ended = integration::ended(tx, org)?;
    tx.select_in(FACTS, &[org.into()], Keys::Ints(records), |row| stood(row, &ended))
}

fn stood(row: &Row, ended: &FxHashSet<IntegrationId>) -> Result<Stood, StoreError> {
    let time = |at: usize| Ok::<_, StoreError>(row.opt_int(at)?.map(Timestamp::from_micros));
    let present = row.int(9)? != 0;
    let life = Life { from: time(6)?, to: time(7)?, active: present && row.opt_int(8)? == Some(1), present };
    let grade = Grade::from_code(row.int(4)?);
    let identity = whole(row.bytes(1)?, grade, row.text(12)?, row.opt_int(13)?);
    let held = decode_held(row.bytes(2)?, &identity);
    let (record, integration) = (RecordId(row.int(0)?), IntegrationId(row.int(3)?));
    let (site, ended) = (SiteId(row.int(5)?), ended.contains(&integration));
    let fact = Fact { record, integration, grade, site, identity, life, held, ended };
    Ok(Stood { fact, contested: row.int(10)? != 0, settled: row.int(11)? != 0 })
}

/// Which of these records are of integrations that were deleted.
pub(crate) fn ended(tx: &mut Tx, org: OrgId, records: &[i64]) -> Result<FxHashSet<i64>, StoreError> {
    const ENDED: &str = "SELECT m.record_id FROM inventory_machine m
        JOIN inventory_integration n ON n.org_id = m.org_id AND n.integration_id = m.integration_id
        WHERE m.org_id = $1 AND n.ended_at IS NOT NULL AND m.record_id IN KEYS";
    let ended = tx.select_in(ENDED, &[org.into()], Keys::Ints(records), |row| row.int(0))?;
    Ok(ended.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_230_000);

    fn read(macs: &[u8], at: Timestamp) -> Read {
        let macs = macs.iter().map(|last| Mac([0, 0xe0, 0x4c, 0, 0, *last])).collect();
        Read { record: 1, grade: Grade::Agent, identity: Identity { macs, ..Identity::default() }, at }
    }

    #[test]
    fn what_a_record_lost_is_remembered_for_thirty_days_and_comes_back_as_it_was() {
        let day = |n: i64| NOW.plus_seconds(n * 86_400);
        let (first, changed, _) = Known::moved(None, read(&[1], day(0)), day(0));
        assert_eq!((changed.len(), first.held[0].since), (1, None));
        let (second, changed, _) = Known::moved(Some(&first), read(&[2], day(1)), day(1));
        assert_eq!(changed.len(), 2);
        assert_eq!(second.forgets(), Some(day(31)));
        let held: Vec<_> = second.held.iter().map(|held| (held.since, held.until)).collect();
        assert_eq!(held, [(None, Some(day(1))), (Some(day(1)), None)]);
        let back = |known: &Known| decode_held(&encode_held(&known.held, &known.identity), &known.identity);
        assert_eq!(encode_held(&first.held, &first.identity), [0; 0], "nothing that does not follow");
        assert_eq!((back(&first), back(&second)), (first.held.clone(), second.held.clone()));
        let (third, changed, _) = Known::moved(Some(&second), read(&[1, 2], day(2)), day(2));
        assert_eq!((changed.len(), third.held[0]), (1, first.held[0]));
        let (_, changed, forgotten) = Known::moved(Some(&second), read(&[2], day(32)), day(32));
        assert_eq!((changed.len(), forgotten.len()), (0, 1));
    }
}
