//! Schema drift: what of the console's records does not look as documented. A sample of the records that are translated
//! anyway is looked at a second time, so that the hot path pays next to nothing.

use std::collections::BTreeMap;

use jobs::World;
use kernel::{IntegrationId, OrgId, Timestamp, Value};
use sentinelone::records::{self, Drift, Note};
use sentinelone::{Endpoint, JsonError};
use store::{Kind, Store, StoreError, Tx};

use crate::SyncError;
use crate::checkpoint::Owner;

/// Of the records that a page brings and that are translated, every so many is looked at.
const EVERY: u32 = 32;

/// Rows of one stream; what else is new finds no room, and is seen once something is known.
const ROWS_MAX: usize = 200;

/// The longest path and the longest example that is kept, in characters.
const TEXT_CHARS_MAX: usize = 120;

/// How a record differs from what is documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Surprise {
    /// A field that is not documented.
    NewField,
    /// A value that is not on a closed list.
    NewValue,
    /// A value of another type than documented.
    OtherType,
}

impl Surprise {
    /// The word that tables and `--json` use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Surprise::NewField => "new_field",
            Surprise::NewValue => "new_value",
            Surprise::OtherType => "other_type",
        }
    }

    fn from_word(word: &str) -> Option<Surprise> {
        [Surprise::NewField, Surprise::NewValue, Surprise::OtherType].into_iter().find(|one| one.word() == word)
    }
}

/// One surprise of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifted {
    /// The stream's name.
    pub stream: String,
    /// Where in the record: `networkInterfaces[].physical`.
    pub path: String,
    /// What is surprising.
    pub kind: Surprise,
    /// The value as it came first, cut short.
    pub example: String,
    /// Native id of the record that showed it first.
    pub record_id: String,
    /// How many records of the samples showed it.
    pub times: u64,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// When it was last seen.
    pub last_seen_at: Timestamp,
}

/// What of an integration's records did not look as documented, by stream and path.
///
/// # Errors
/// The database fails.
pub async fn drift(store: &Store, world: &World, org: OrgId, id: IntegrationId) -> Result<Vec<Drifted>, SyncError> {
    const READ: &str = "SELECT stream, path, kind, example, record_id, times, first_seen_at, last_seen_at FROM sync_drift \
        WHERE org_id = $1 AND integration_id = $2 ORDER BY stream, path, kind";
    let read = store.read(move |tx| {
        Ok::<_, SyncError>(tx.query(READ, &[org.into(), id.into()], |row| {
            Ok(Drifted {
                stream: row.text(0)?.to_owned(),
                path: row.text(1)?.to_owned(),
                kind: Surprise::from_word(row.text(2)?).unwrap_or(Surprise::NewField),
                example: row.text(3)?.to_owned(),
                record_id: row.text(4)?.to_owned(),
                times: row.int(5)?.unsigned_abs(),
                first_seen_at: Timestamp::from_micros(row.int(6)?),
                last_seen_at: Timestamp::from_micros(row.int(7)?),
            })
        })?)
    });
    world.outside(read).await
}

/// Looks at some of the records of one page.
pub(crate) struct Watch {
    endpoint: Endpoint,
    /// Records until the next that is looked at.
    until: u32,
    found: BTreeMap<(String, Surprise), Found>,
}

struct Found {
    example: String,
    record_id: String,
    times: i64,
}

impl Watch {
    /// For one page; which of its records are looked at differs from page to page.
    pub fn of(endpoint: Endpoint, page: u32) -> Watch {
        Watch { endpoint, until: page % EVERY, found: BTreeMap::new() }
    }

    /// Looks at a record if it is its turn.
    pub fn look(&mut self, raw: &[u8], native_id: &str) {
        if self.until > 0 {
            self.until -= 1;
            return;
        }
        self.until = EVERY - 1;
        // What cannot be read at all is quarantined with its reason.
        let _ = surprises(self.endpoint, raw, &mut |kind, note| {
            let found = self.found.entry((short(&note.path), kind)).or_insert_with(|| Found {
                example: short(note.raw.as_str()),
                record_id: short(native_id),
                times: 0,
            });
            found.times += 1;
        });
    }

    /// Writes down what was found, in the page's transaction.
    pub fn save(self, tx: &mut Tx<'_>, owner: &Owner, now: Timestamp) -> Result<(), StoreError> {
        const KNOWN: &str =
            "SELECT path, kind FROM sync_drift WHERE org_id = $1 AND integration_id = $2 AND stream = $3";
        const COLUMNS: &[(&str, Kind)] = &[
            ("org_id", Kind::Int),
            ("integration_id", Kind::Int),
            ("stream", Kind::Text),
            ("path", Kind::Text),
            ("kind", Kind::Text),
            ("example", Kind::Text),
            ("record_id", Kind::Text),
            ("times", Kind::Int),
            ("first_seen_at", Kind::Int),
            ("last_seen_at", Kind::Int),
        ];
        const AGAIN: &str = "ON CONFLICT (org_id, integration_id, stream, path, kind) DO UPDATE SET \
            times = sync_drift.times + excluded.times, last_seen_at = excluded.last_seen_at";
        if self.found.is_empty() {
            return Ok(());
        }
        let stream = [owner.org.into(), owner.id.into(), owner.stream.name.into()];
        let known = tx.query(KNOWN, &stream, |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))?;
        let mut room = ROWS_MAX.saturating_sub(known.len());
        let mut values: Vec<Value<'_>> = Vec::new();
        for ((path, kind), found) in &self.found {
            if !known.iter().any(|(other, word)| other == path && word == kind.word()) {
                if room == 0 {
                    continue;
                }
                room -= 1;
            }
            values.extend([
                owner.org.into(),
                owner.id.into(),
                owner.stream.name.into(),
                path.as_str().into(),
                kind.word().into(),
                found.example.as_str().into(),
                found.record_id.as_str().into(),
                found.times.into(),
                now.into(),
                now.into(),
            ]);
        }
        tx.insert_many("sync_drift", COLUMNS, &values, AGAIN)?;
        Ok(())
    }
}

/// A text as the database takes it, cut short.
fn short(text: &str) -> String {
    let mut short: String = text.chars().filter(|letter| *letter != '\0').take(TEXT_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push_str("..");
    }
    short
}

/// Tells what of a record does not look as documented.
fn surprises(endpoint: Endpoint, raw: &[u8], tell: &mut dyn FnMut(Surprise, &Note<'_>)) -> Result<(), JsonError> {
    let mut all = |drift: &Drift<'_>| {
        drift.unknown.iter().for_each(|note| tell(Surprise::NewField, note));
        drift.strange.iter().for_each(|note| tell(Surprise::NewValue, note));
        drift.odd.iter().for_each(|note| tell(Surprise::OtherType, note));
    };
    macro_rules! look {
        ($($endpoint:ident => $record:ident,)*) => {
            match endpoint {
                $( Endpoint::$endpoint => all(&records::$record::decode(raw)?.drift), )*
                Endpoint::TenantPolicy | Endpoint::AccountPolicy | Endpoint::SitePolicy | Endpoint::GroupPolicy => {
                    all(&records::Policy::decode(raw)?.drift);
                }
                _ => {}
            }
        };
    }
    look! {
        Agents => Agent,
        Threats => Threat,
        Activities => Activity,
        Accounts => Account,
        Sites => Site,
        Groups => Group,
        Users => User,
        ServiceUsers => ServiceUser,
        Roles => Role,
        AgentTags => TagDefinition,
        Exclusions => Exclusion,
        Restrictions => Restriction,
        CloudDetectionAlerts => CloudAlert,
        CloudDetectionRules => DetectionRule,
        InstalledApplications => InstalledApplication,
        AgentApplications => AgentApplication,
        ApplicationInventory => Application,
        ApplicationEndpoints => ApplicationEndpoint,
        Risks => Risk,
        XdrAssets => Asset,
        RangerDevices => RangerDevice,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(endpoint: Endpoint, raw: &str) -> Vec<(Surprise, String)> {
        let mut found = Vec::new();
        surprises(endpoint, raw.as_bytes(), &mut |kind, note| found.push((kind, note.path.clone()))).unwrap();
        found.sort();
        found
    }

    #[test]
    fn a_new_field_a_new_value_and_another_type_are_told_apart() {
        let raw = r#"{"id":"1","brandNew":{"a":1},"machineType":"toaster","coreCount":"four","infected":false}"#;
        assert_eq!(
            of(Endpoint::Agents, raw),
            [
                (Surprise::NewField, "brandNew".to_owned()),
                (Surprise::NewValue, "machineType".to_owned()),
                (Surprise::OtherType, "coreCount".to_owned()),
            ]
        );
        assert_eq!(of(Endpoint::Agents, r#"{"id":"1","machineType":"server","coreCount":4}"#), []);
    }

    #[test]
    fn one_record_in_many_is_looked_at_and_not_always_the_first() {
        let mut watch = Watch::of(Endpoint::Agents, 3);
        for at in 0..100 {
            watch.look(br#"{"brandNew":1}"#, &at.to_string());
        }
        let found = &watch.found[&("brandNew".to_owned(), Surprise::NewField)];
        assert_eq!((found.record_id.as_str(), found.times), ("3", 4));
    }
}
