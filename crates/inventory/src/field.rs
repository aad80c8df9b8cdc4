//! Custom fields: what an organization wants to know of its assets beside what sources say.
//!
//! A tag whose key is exactly the field's fills it, on every asset that has such a tag, at once and from then on. What a
//! person typed is overwritten by no source; taken away again, the tag's value shows. Every value is kept as text, and
//! beside it as number and as instant as far as it is one, so that `field.KEY:>5` compares numbers.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{AssetId, OrgId, Timestamp, Value, fold};
use rustc_hash::FxHashMap;
use store::{Keys, Kind, StoreError, Tx};

use crate::change::{Own, VALUED, undo_of, write_own};
use crate::{InventoryError, inherit, memory};

/// A custom field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomField {
    /// Its key.
    pub id: i64,
    /// Its name: the key of the tags that fill it, letter by letter.
    pub key: String,
    /// What its values are.
    pub kind: FieldKind,
    /// How many assets have a value.
    pub filled: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// What the values of a custom field are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// A day or an instant.
    Date,
    /// One of these.
    Choice(Vec<String>),
}

impl FieldKind {
    /// The word that is stored and typed.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            FieldKind::Text => "text",
            FieldKind::Number => "number",
            FieldKind::Date => "date",
            FieldKind::Choice(_) => "choice",
        }
    }

    /// Whether a person may type this value, and why not.
    ///
    /// # Errors
    /// It is of another kind.
    pub fn check(&self, value: &str) -> Result<(), String> {
        match self {
            FieldKind::Text => Ok(()),
            FieldKind::Number if number(value).is_some() => Ok(()),
            FieldKind::Number => Err(format!("{value:?} is no number")),
            FieldKind::Date if moment(value).is_some() => Ok(()),
            FieldKind::Date => Err(format!("{value:?} is no date; write it as 2026-11-21")),
            FieldKind::Choice(choices) if choices.iter().any(|choice| choice == value) => Ok(()),
            FieldKind::Choice(choices) => Err(format!("{value:?} is none of {}", choices.join(", "))),
        }
    }
}

/// Why a field cannot be made, set or removed.
#[derive(Debug, thiserror::Error)]
pub enum FieldError {
    /// There is no such field.
    #[error("there is no field {key:?}{}", offered(known))]
    Unknown {
        /// The key.
        key: String,
        /// The keys that there are.
        known: Vec<String>,
    },
    /// There is such a field already.
    #[error("there is a field {0:?} already")]
    Taken(String),
    /// The key cannot be asked for.
    #[error("a field's name is the key of a tag: 1 to {KEY_CHARS_MAX} characters, no white space at its ends")]
    Key,
    /// There are too many.
    #[error("there are {FIELDS_MAX} fields already; remove one with muster field remove")]
    TooMany,
    /// A choice needs something to choose from.
    #[error("a choice has at least one value: --choices a,b")]
    NoChoices,
    /// The value is of another kind.
    #[error("{key}: {why}")]
    Value {
        /// The field.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// There is no such asset.
    #[error("there is no asset {0}")]
    NoAsset(AssetId),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The inventory failed.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
}

fn offered(known: &[String]) -> String {
    if known.is_empty() {
        return "; make it with muster field add KEY".to_owned();
    }
    format!("; there are: {}", known.join(", "))
}

/// The most custom fields of an organization: each is looked for in every tag of every asset that changes.
pub const FIELDS_MAX: usize = 200;

/// The longest key of a field.
pub const KEY_CHARS_MAX: usize = 128;

/// Assets whose fields are filled in one transaction.
const FILLED_AT_ONCE: i64 = 2_000;

/// The most bytes of a value: it is a key of an index.
const VALUE_BYTES_MAX: usize = 1024;

/// Every field, by name.
///
/// # Errors
/// The database fails.
pub fn fields(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<CustomField>, StoreError> {
    const READ: &str = "SELECT f.field_id, f.key, f.type, f.choices, f.created_at, f.created_by,
        (SELECT count(*) FROM inventory_field_value v
            JOIN inventory_asset a ON a.org_id = v.org_id AND a.asset_id = v.asset_id
            WHERE v.org_id = f.org_id AND v.field_id = f.field_id)
        FROM inventory_field f WHERE f.org_id = $1 ORDER BY f.key";
    tx.query(READ, &[org.into()], |row| {
        let kind = match row.text(2)? {
            "number" => FieldKind::Number,
            "date" => FieldKind::Date,
            "choice" => FieldKind::Choice(serde_json::from_str(row.text(3)?).unwrap_or_default()),
            _ => FieldKind::Text,
        };
        Ok(CustomField {
            id: row.int(0)?,
            key: row.text(1)?.to_owned(),
            kind,
            created_at: Timestamp::from_micros(row.int(4)?),
            created_by: row.text(5)?.to_owned(),
            filled: row.int(6)?.unsigned_abs(),
        })
    })
}

fn named(tx: &mut Tx<'_>, org: OrgId, key: &str) -> Result<CustomField, FieldError> {
    let all = fields(tx, org)?;
    let known = all.iter().map(|field| field.key.clone()).collect();
    all.into_iter().find(|field| field.key == key).ok_or_else(|| FieldError::Unknown { key: key.to_owned(), known })
}

/// Makes a field, and writes down who did. [`fill`] fills it from the tags that are stored.
///
/// # Errors
/// The key is none or taken, there are too many fields, a choice has no values, or the database fails.
pub fn add_field(
    tx: &mut Tx<'_>,
    org: OrgId,
    key: &str,
    kind: &FieldKind,
    who: &str,
    now: Timestamp,
) -> Result<(), FieldError> {
    const MAKE: &str = "INSERT INTO inventory_field (org_id, field_id, key, type, choices, filled_at, created_at,
        created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let fits = !key.is_empty() && key == key.trim() && !key.contains('\0') && key.chars().count() <= KEY_CHARS_MAX;
    if !fits {
        return Err(FieldError::Key);
    }
    let known = fields(tx, org)?;
    if known.iter().any(|field| field.key == key) {
        return Err(FieldError::Taken(key.to_owned()));
    }
    if known.len() >= FIELDS_MAX {
        return Err(FieldError::TooMany);
    }
    let mut choices: Vec<&str> = Vec::new();
    if let FieldKind::Choice(given) = kind {
        for choice in given {
            // Named twice it is still one to choose.
            if !choices.contains(&choice.as_str()) {
                choices.push(choice);
            }
        }
        if choices.is_empty() {
            return Err(FieldError::NoChoices);
        }
    }
    let choices = serde_json::to_string(&choices).expect("texts are JSON");
    let id = memory::next_id(tx, org)?;
    let values = [
        org.into(),
        id.into(),
        key.into(),
        kind.word().into(),
        choices.into(),
        NEVER_FILLED.into(),
        now.into(),
        who.into(),
    ];
    tx.execute(MAKE, &values)?;
    access::audit(tx, org, now, who, "field.add", key, kind.word())?;
    Ok(())
}

/// A field that was never filled is behind every asset.
const NEVER_FILLED: i64 = i64::MIN;

/// Removes a field with all its values, those typed by hand too, and writes down who did. Tags stay.
///
/// # Errors
/// There is no such field, or the database fails.
pub fn remove_field(tx: &mut Tx<'_>, org: OrgId, key: &str, who: &str, now: Timestamp) -> Result<u64, FieldError> {
    const VALUES: &str = "DELETE FROM inventory_field_value WHERE org_id = $1 AND field_id = $2";
    const INHERITED: &str = "DELETE FROM inventory_inherited WHERE org_id = $1 AND field_id = $2";
    const FIELD: &str = "DELETE FROM inventory_field WHERE org_id = $1 AND field_id = $2";
    let field = named(tx, org, key)?;
    tx.execute(INHERITED, &[org.into(), field.id.into()])?;
    let values = tx.execute(VALUES, &[org.into(), field.id.into()])?;
    tx.execute(FIELD, &[org.into(), field.id.into()])?;
    access::audit(tx, org, now, who, "field.remove", key, &format!("{values} values"))?;
    Ok(values)
}

/// Types a value into an asset's field, or with none takes the typed value away, so that the tag's shows again. Writes
/// down who did.
///
/// # Errors
/// There is no such field or asset, the value is of another kind, or the database fails.
pub fn set_by_hand(
    tx: &mut Tx<'_>,
    org: OrgId,
    asset: AssetId,
    key: &str,
    value: Option<&str>,
    who: &str,
    now: Timestamp,
) -> Result<(), FieldError> {
    const DROP: &str = "DELETE FROM inventory_field_value WHERE org_id = $1 AND asset_id = $2 AND field_id = $3";
    let field = named(tx, org, key)?;
    if !exists(tx, org, asset)? {
        return Err(FieldError::NoAsset(asset));
    }
    let place = (asset.0, field.id);
    let before = stored(tx, org, &[asset.0])?.remove(&place);
    tx.execute(DROP, &[org.into(), asset.into(), field.id.into()])?;
    inherit::forget(tx, org, asset.0, field.id)?;
    match value {
        Some(value) => {
            field.kind.check(value).map_err(|why| FieldError::Value { key: key.to_owned(), why })?;
            let found = Found { value: value.to_owned(), by_hand: true, record: None, set_by: who.to_owned() };
            write(tx, org, &[(asset.0, field.id, found)], now)?;
        }
        None => {
            // Whoever takes the value away takes it from all that the asset is made of.
            for former in inherit::former(tx, org, asset)? {
                tx.execute(DROP, &[org.into(), former.into(), field.id.into()])?;
            }
            fill_assets(tx, org, &[asset.0], &[field], now)?;
        }
    }
    let after = stored(tx, org, &[asset.0])?.remove(&place).map(|after| after.value);
    if before.is_some() || after.is_some() {
        tell(tx, org, now, vec![(place, key.to_owned(), before, after, who.to_owned())])?;
    }
    let detail = format!("{key}={}", value.unwrap_or_default());
    access::audit(tx, org, now, who, "asset.set", &asset.to_string(), &detail)?;
    Ok(())
}

fn exists(tx: &mut Tx<'_>, org: OrgId, asset: AssetId) -> Result<bool, StoreError> {
    const READ: &str = "SELECT 1 FROM inventory_asset WHERE org_id = $1 AND asset_id = $2";
    Ok(tx.query_opt(READ, &[org.into(), asset.into()], |row| row.int(0))?.is_some())
}

/// One step of filling: where it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filling {
    /// When it began: assets that change later are looked at by the next one.
    began_at: Timestamp,
    /// The last asset that was looked at.
    after: i64,
}

impl Filling {
    /// A filling that begins now.
    #[must_use]
    pub const fn begin(now: Timestamp) -> Filling {
        Filling { began_at: now, after: 0 }
    }
}

/// Fills custom fields from tags, for some assets that changed since it was last done. Answers how to go on, each step
/// in a transaction of its own; `None` once all is done. A step that is cut off is simply done again.
///
/// # Errors
/// The database fails.
pub fn fill(tx: &mut Tx<'_>, org: OrgId, at: Filling) -> Result<Option<Filling>, StoreError> {
    const BEHIND: &str = "SELECT MIN(filled_at) FROM inventory_field WHERE org_id = $1";
    const NEXT: &str = "SELECT asset_id FROM inventory_asset WHERE org_id = $1 AND asset_id > $2 AND updated_at >= $3
        ORDER BY asset_id LIMIT $4";
    const DONE: &str = "UPDATE inventory_field SET filled_at = $2 WHERE org_id = $1 AND filled_at < $2";
    if at.after == 0 {
        follow_former(tx, org, at.began_at)?;
    }
    let Some(behind) = tx.query_one(BEHIND, &[org.into()], |row| row.opt_int(0))? else { return Ok(None) };
    let next = [org.into(), at.after.into(), behind.into(), FILLED_AT_ONCE.into()];
    let assets = tx.query(NEXT, &next, |row| row.int(0))?;
    let fields = fields_bare(tx, org)?;
    fill_assets(tx, org, &assets, &fields, at.began_at)?;
    match assets.last() {
        Some(last) if assets.len() as i64 == FILLED_AT_ONCE => Ok(Some(Filling { after: *last, ..at })),
        _ => {
            tx.execute(DONE, &[org.into(), at.began_at.into()])?;
            Ok(None)
        }
    }
}

/// The fields without the count of their values.
fn fields_bare(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<CustomField>, StoreError> {
    const READ: &str = "SELECT field_id, key FROM inventory_field WHERE org_id = $1";
    tx.query(READ, &[org.into()], |row| {
        Ok(CustomField {
            id: row.int(0)?,
            key: row.text(1)?.to_owned(),
            kind: FieldKind::Text,
            filled: 0,
            created_at: Timestamp::from_micros(0),
            created_by: String::new(),
        })
    })
}

/// What is typed comes along when the asset goes into another by a merge, unless that one has its own, and leaves again
/// when the two are parted; what tags said follows from them again.
fn follow_former(tx: &mut Tx<'_>, org: OrgId, at: Timestamp) -> Result<(), StoreError> {
    const MOVED: &str = "SELECT DISTINCT v.asset_id, v.field_id, f.now_asset_id, n.key FROM inventory_asset_former f
        JOIN inventory_field_value v ON v.org_id = f.org_id AND v.asset_id = f.asset_id
        JOIN inventory_field n ON n.org_id = v.org_id AND n.field_id = v.field_id
        LEFT JOIN inventory_field_value h ON h.org_id = f.org_id AND h.asset_id = f.now_asset_id
            AND h.field_id = v.field_id AND h.by_hand = 1
        WHERE f.org_id = $1 AND (v.by_hand = 0 OR h.asset_id IS NULL) ORDER BY v.asset_id, v.field_id";
    const DROP: &str = "DELETE FROM inventory_field_value WHERE org_id = $1 AND asset_id = $2 AND field_id = $3";
    let parted = inherit::parted(tx, org, inherit::Fields::Custom)?;
    let fields = if parted.is_empty() { Vec::new() } else { fields_bare(tx, org)? };
    for (heir, field) in parted {
        let before = stored(tx, org, &[heir])?.remove(&(heir, field));
        let Some(known) = fields.iter().find(|known| known.id == field) else { continue };
        tx.execute(DROP, &[org.into(), heir.into(), field.into()])?;
        tell(tx, org, at, vec![((heir, field), known.key.clone(), before, None, inherit::BY.to_owned())])?;
    }
    let moved =
        tx.query(MOVED, &[org.into()], |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?, row.text(3)?.to_owned())))?;
    for (asset, field, heir, key) in moved {
        let mut rows = stored(tx, org, &[asset, heir])?;
        let (Some(value), theirs) = (rows.remove(&(asset, field)), rows.remove(&(heir, field))) else { continue };
        if !value.by_hand {
            tx.execute(DROP, &[org.into(), asset.into(), field.into()])?;
            tell(tx, org, at, vec![((asset, field), key, Some(value), None, inherit::BY.to_owned())])?;
        } else if !theirs.as_ref().is_some_and(|theirs| theirs.by_hand) {
            tx.execute(DROP, &[org.into(), heir.into(), field.into()])?;
            let row: Vec<Value<'_>> = [org.into(), heir.into()].into_iter().chain(value.row.iter().cloned()).collect();
            tx.insert_many("inventory_field_value", VALUE, &row, "")?;
            inherit::note(tx, org, heir, field, asset)?;
            tell(tx, org, at, vec![((heir, field), key, theirs, Some(value.value), value.by)])?;
        }
    }
    Ok(())
}

/// A value as it is stored.
struct Stored {
    value: String,
    by_hand: bool,
    by: String,
    /// The columns of [`VALUE`] behind the asset.
    row: Vec<Value<'static>>,
}

/// Values of assets, by asset and field.
fn stored(tx: &mut Tx<'_>, org: OrgId, assets: &[i64]) -> Result<BTreeMap<(i64, i64), Stored>, StoreError> {
    const READ: &str =
        "SELECT asset_id, field_id, value, value_folded, number, moment, by_hand, record_id, since, set_by
        FROM inventory_field_value WHERE org_id = $1 AND asset_id IN KEYS";
    let rows = tx.select_in(READ, &[org.into()], Keys::Ints(assets), |row| {
        let columns = (1..10).map(|at| Ok(row.value(at)?.into_owned())).collect::<Result<_, StoreError>>()?;
        let (value, by) = (row.text(2)?.to_owned(), row.text(9)?.to_owned());
        Ok(((row.int(0)?, row.int(1)?), Stored { value, by_hand: row.int(6)? != 0, by, row: columns }))
    })?;
    Ok(rows.into_iter().collect())
}

/// Asset and field, the field's name, what was there, what is there now, and who says so.
type Told = ((i64, i64), String, Option<Stored>, Option<String>, String);

fn tell(tx: &mut Tx<'_>, org: OrgId, at: Timestamp, told: Vec<Told>) -> Result<(), StoreError> {
    let own = told.into_iter().map(|((asset, field), key, before, after, who)| {
        let nothing = [Value::Int(field)];
        Own {
            asset,
            field: format!("field.{key}"),
            undo: undo_of(VALUED, Some(before.as_ref().map_or(&nothing, |before| before.row.as_slice()))),
            before: before.map(|before| before.value),
            after,
            who,
        }
    });
    write_own(tx, org, at, own.collect())
}

/// Which of several tags counts: the grade of its record, the record, its place there; the least does.
type Rank = (i64, i64, i64);

/// A value and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    value: String,
    by_hand: bool,
    record: Option<i64>,
    set_by: String,
}

/// Compares what the tags of assets say with what is stored, and writes the difference. Several records of an asset may
/// have the tag: an agent's word comes before a scan's, a list's and a neighbour's, then the oldest record's.
fn fill_assets(
    tx: &mut Tx<'_>,
    org: OrgId,
    assets: &[i64],
    fields: &[CustomField],
    now: Timestamp,
) -> Result<(), StoreError> {
    const TAGS: &str = "SELECT l.asset_id, t.key, t.value, m.grade, t.record_id, t.position FROM inventory_link l
        JOIN inventory_tag t ON t.org_id = l.org_id AND t.record_id = l.record_id
        JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id
        WHERE l.org_id = $1 AND m.present = 1 AND l.asset_id IN KEYS";
    const STORED: &str = "SELECT asset_id, field_id, value, by_hand, record_id FROM inventory_field_value
        WHERE org_id = $1 AND asset_id IN KEYS";
    const KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("asset_id", Kind::Int), ("field_id", Kind::Int)];
    if assets.is_empty() || fields.is_empty() {
        return Ok(());
    }
    let by_key: FxHashMap<&str, i64> = fields.iter().map(|field| (field.key.as_str(), field.id)).collect();
    let mut best: BTreeMap<(i64, i64), (Rank, String)> = BTreeMap::new();
    tx.select_in(TAGS, &[org.into()], Keys::Ints(assets), |row| {
        if let Some(field) = by_key.get(row.text(1)?) {
            let (place, rank) = ((row.int(0)?, *field), (row.int(3)?, row.int(4)?, row.int(5)?));
            let value = row.text(2)?;
            if best.get(&place).is_none_or(|(known, _)| rank < *known) {
                best.insert(place, (rank, value.to_owned()));
            }
        }
        Ok(())
    })?;
    let wanted: FxHashMap<i64, ()> = fields.iter().map(|field| (field.id, ())).collect();
    let mut stale: Vec<(i64, i64)> = Vec::new();
    tx.select_in(STORED, &[org.into()], Keys::Ints(assets), |row| {
        let place = (row.int(0)?, row.int(1)?);
        let by_hand = row.int(3)? != 0;
        let same = best.get(&place).is_some_and(|((_, record, _), value)| {
            row.text(2).is_ok_and(|stored| stored == cut(value)) && row.opt_int(4).is_ok_and(|of| of == Some(*record))
        });
        if by_hand || same {
            best.remove(&place);
        } else if wanted.contains_key(&place.1) {
            stale.push(place);
        }
        Ok(())
    })?;
    let replaced: Vec<i64> = stale.iter().map(|(asset, _)| *asset).collect::<BTreeSet<_>>().into_iter().collect();
    let mut before = stored(tx, org, &replaced)?;
    let names: FxHashMap<i64, &str> = fields.iter().map(|field| (field.id, field.key.as_str())).collect();
    let told = stale.iter().filter_map(|place| {
        let (after, before) = (best.get(place).map(|(_, value)| cut(value).to_owned()), before.remove(place));
        Some((*place, (*names.get(&place.1)?).to_owned(), before, after, BY_TAG.to_owned()))
    });
    tell(tx, org, now, told.collect())?;
    let rows: Vec<Value<'_>> =
        stale.iter().flat_map(|(asset, field)| [org.into(), (*asset).into(), (*field).into()]).collect();
    tx.delete_many("inventory_field_value", KEY, &rows)?;
    let fresh: Vec<(i64, i64, Found)> = best
        .into_iter()
        .map(|((asset, field), ((_, record, _), value))| {
            (asset, field, Found { value, by_hand: false, record: Some(record), set_by: BY_TAG.to_owned() })
        })
        .collect();
    write(tx, org, &fresh, now)
}

/// The columns of a custom field's value.
pub(crate) const VALUE: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("asset_id", Kind::Int),
    ("field_id", Kind::Int),
    ("value", Kind::Text),
    ("value_folded", Kind::Text),
    ("number", Kind::Real),
    ("moment", Kind::Int),
    ("by_hand", Kind::Int),
    ("record_id", Kind::Int),
    ("since", Kind::Int),
    ("set_by", Kind::Text),
];

/// Who gives a value that no person typed.
const BY_TAG: &str = "tag";

fn write(tx: &mut Tx<'_>, org: OrgId, values: &[(i64, i64, Found)], now: Timestamp) -> Result<(), StoreError> {
    let rows: Vec<_> = values
        .iter()
        .flat_map(|(asset, field, found)| {
            let value = cut(&found.value);
            [
                org.into(),
                (*asset).into(),
                (*field).into(),
                value.to_owned().into(),
                fold(value).into_owned().into(),
                number(value).into(),
                moment(value).map(Timestamp::micros).into(),
                found.by_hand.into(),
                found.record.into(),
                now.into(),
                found.set_by.clone().into(),
            ]
        })
        .collect();
    tx.insert_many("inventory_field_value", VALUE, &rows, "")?;
    Ok(())
}

fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(VALUE_BYTES_MAX)]
}

fn number(value: &str) -> Option<f64> {
    value.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// A day is its midnight in UTC.
fn moment(value: &str) -> Option<Timestamp> {
    let value = value.trim();
    Timestamp::parse(value).or_else(|_| Timestamp::parse(&format!("{value}T00:00:00Z"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_value_has_to_be_of_the_fields_kind() {
        let choice = FieldKind::Choice(vec!["low".to_owned(), "high".to_owned()]);
        for (kind, good, bad) in [
            (FieldKind::Number, "12.5", "twelve"),
            (FieldKind::Date, "2026-11-21", "21.11.2026"),
            (FieldKind::Date, "2026-11-21T10:00:00Z", "soon"),
            (choice, "high", "High"),
        ] {
            assert_eq!(kind.check(good), Ok(()), "{kind:?}");
            assert!(kind.check(bad).is_err(), "{kind:?}");
        }
        assert!(FieldKind::Number.check("inf").is_err() && FieldKind::Text.check("").is_ok());
    }

    #[test]
    fn a_value_is_cut_between_characters() {
        let long = "ä".repeat(VALUE_BYTES_MAX);
        assert_eq!(cut(&long).len(), VALUE_BYTES_MAX);
        assert_eq!(cut("short"), "short");
    }
}
