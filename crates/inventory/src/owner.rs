//! Owners: who answers for which assets, by rules in the language, or because somebody said so.
//!
//! Rules are tried in their order, and the first that matches gives an asset its owner. An owner whom a person named
//! stays, whatever the rules say.

use std::collections::BTreeMap;

use kernel::{AssetId, OrgId, Timestamp, Value};
use rustc_hash::FxHashMap;
use store::{Keys, Kind, StoreError, Tx};

use crate::ask::{Ask, AskError, Want, ask_in};
use crate::change::{OWNED, Own, undo_of, write_own};
use crate::memory::{Head, Memory};
use crate::{InventoryError, inherit, memory};

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRule {
    /// Its key.
    pub id: i64,
    /// Its place among the rules, counting from 1.
    pub position: i64,
    /// The owner.
    pub name: String,
    /// Which assets, in the language.
    pub condition: String,
    /// How many assets have their owner by it.
    pub assets: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// Why an owner cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The name is none.
    #[error("an owner's name has 1 to {NAME_CHARS_MAX} characters")]
    Name,
    /// There are too many rules.
    #[error("there are {RULES_MAX} rules already; remove one with muster owner remove")]
    TooMany,
    /// There is no such rule.
    #[error("there is no rule {position}; there are {known}")]
    Unknown {
        /// The position that was named.
        position: i64,
        /// How many there are.
        known: usize,
    },
    /// There is no such asset.
    #[error("there is no asset {0}")]
    NoAsset(AssetId),
    /// The condition cannot be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The inventory failed.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
}

/// The longest name of an owner.
pub const NAME_CHARS_MAX: usize = 128;

/// The most rules: each is a question about the whole inventory after every reading of machines, since it may look at
/// software or at the time as well. On SQLite seven rules take 0.15 s of CPU over 23,000 assets.
pub const RULES_MAX: usize = 200;

/// Assets of a rule that are read at a time.
const PAGE: usize = crate::ask::LIMIT_MAX;

/// Every rule, in its order.
///
/// # Errors
/// The database fails.
pub fn owners(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<OwnerRule>, StoreError> {
    const READ: &str = "SELECT o.owner_id, o.position, o.name, o.condition, o.created_at, o.created_by,
        (SELECT count(*) FROM inventory_asset_owner a WHERE a.org_id = o.org_id AND a.owner_id = o.owner_id)
        FROM inventory_owner o WHERE o.org_id = $1 ORDER BY o.position, o.owner_id";
    let mut rules = tx.query(READ, &[org.into()], |row| {
        Ok(OwnerRule {
            id: row.int(0)?,
            position: row.int(1)?,
            name: row.text(2)?.to_owned(),
            condition: row.text(3)?.to_owned(),
            created_at: Timestamp::from_micros(row.int(4)?),
            created_by: row.text(5)?.to_owned(),
            assets: row.int(6)?.unsigned_abs(),
        })
    })?;
    // What was removed in between leaves no gap that people would see.
    for (rule, position) in rules.iter_mut().zip(1..) {
        rule.position = position;
    }
    Ok(rules)
}

/// Adds a rule behind the others, and writes down who did. Answers how many assets it matches by itself;
/// [`evaluate_owners`] lets it count.
///
/// # Errors
/// The name is none, the condition cannot be asked, there are too many rules, or the database fails.
pub fn add_owner(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: &str,
    condition: &str,
    who: &str,
    now: Timestamp,
) -> Result<u64, OwnerError> {
    const MAKE: &str =
        "INSERT INTO inventory_owner (org_id, owner_id, position, name, condition, created_at, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    const LAST: &str = "SELECT COALESCE(MAX(position), 0) FROM inventory_owner WHERE org_id = $1";
    let name = checked(name)?;
    if owners(tx, org)?.len() >= RULES_MAX {
        return Err(OwnerError::TooMany);
    }
    let matching = ask_in(tx, org, &Ask { want: Want::Count, ..Ask::new("assets", condition, now) })?;
    let id = memory::next_id(tx, org)?;
    let last = tx.query_one(LAST, &[org.into()], |row| row.int(0))?;
    let values = [org.into(), id.into(), (last + 1).into(), name.into(), condition.into(), now.into(), who.into()];
    tx.execute(MAKE, &values)?;
    access::audit(tx, org, now, who, "owner.add", name, condition)?;
    Ok(matching.total.unwrap_or_default())
}

fn checked(name: &str) -> Result<&str, OwnerError> {
    let name = name.trim();
    let fits = !name.is_empty() && !name.contains('\0') && name.chars().count() <= NAME_CHARS_MAX;
    fits.then_some(name).ok_or(OwnerError::Name)
}

/// Removes the rule at a position, and writes down who did.
///
/// # Errors
/// There is no such rule, or the database fails.
pub fn remove_owner(
    tx: &mut Tx<'_>,
    org: OrgId,
    position: i64,
    who: &str,
    now: Timestamp,
) -> Result<OwnerRule, OwnerError> {
    const DROP: &str = "DELETE FROM inventory_owner WHERE org_id = $1 AND owner_id = $2";
    let all = owners(tx, org)?;
    let known = all.len();
    let rule = all.into_iter().find(|rule| rule.position == position);
    let rule = rule.ok_or(OwnerError::Unknown { position, known })?;
    tx.execute(DROP, &[org.into(), rule.id.into()])?;
    access::audit(tx, org, now, who, "owner.remove", &rule.name, &rule.condition)?;
    Ok(rule)
}

/// Names an asset's owner, whatever the rules say, or with none lets the rules decide again. Writes down who did.
///
/// # Errors
/// There is no such asset, the name is none, or the database fails.
pub fn set_owner(
    tx: &mut Tx<'_>,
    org: OrgId,
    memory: &Memory,
    asset: AssetId,
    name: Option<&str>,
    who: &str,
    now: Timestamp,
) -> Result<(), OwnerError> {
    const ASSET: &str = "SELECT 1 FROM inventory_asset WHERE org_id = $1 AND asset_id = $2";
    const DROP: &str = "DELETE FROM inventory_asset_owner WHERE org_id = $1 AND asset_id = $2";
    if tx.query_opt(ASSET, &[org.into(), asset.into()], |row| row.int(0))?.is_none() {
        return Err(OwnerError::NoAsset(asset));
    }
    let name = name.map(checked).transpose()?;
    let before = stored(tx, org, &[asset.0])?.remove(&asset.0);
    tx.execute(DROP, &[org.into(), asset.into()])?;
    inherit::forget(tx, org, asset.0, inherit::OWNER)?;
    if name.is_none() {
        // Whoever takes the name away takes it from all that the asset is made of.
        for former in inherit::former(tx, org, asset)? {
            tx.execute(DROP, &[org.into(), former.into()])?;
        }
    }
    if let Some(name) = name {
        let mut head = Head::lock(tx, org, memory)?;
        let term = head.term(DICTIONARY, name);
        head.finish(tx, memory)?;
        let given = Given { term, rule: None, by: who.to_owned() };
        write(tx, org, &[(asset.0, given)], now)?;
    }
    if before.is_some() || name.is_some() {
        tell(tx, org, now, vec![(asset.0, before, name.map(str::to_owned), who.to_owned())])?;
    }
    access::audit(tx, org, now, who, "asset.set", &asset.to_string(), &format!("owner={}", name.unwrap_or_default()))?;
    Ok(())
}

/// Who names an owner that no person named.
const BY_RULE: &str = "rule";

/// The dictionary of owners' names.
pub const DICTIONARY: &str = "owner";

/// An owner, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    term: i64,
    /// The rule; none if a person said so.
    rule: Option<i64>,
    by: String,
}

/// Lets the rules give every asset its owner; answers how many assets have another one now.
///
/// A rule whose condition can no longer be asked matches nothing, and is named in the answer.
///
/// # Errors
/// The database fails.
pub fn evaluate_owners(
    tx: &mut Tx<'_>,
    org: OrgId,
    memory: &Memory,
    now: Timestamp,
) -> Result<Evaluated, InventoryError> {
    const STORED: &str = "SELECT asset_id, owner_term, owner_id FROM inventory_asset_owner WHERE org_id = $1";
    const KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("asset_id", Kind::Int)];
    follow_former(tx, org, now)?;
    let rules = owners(tx, org)?;
    let mut evaluated = Evaluated::default();
    if rules.is_empty() && tx.query_opt(&format!("{STORED} LIMIT 1"), &[org.into()], |row| row.int(0))?.is_none() {
        return Ok(evaluated);
    }
    let mut head = Head::lock(tx, org, memory)?;
    let terms: Vec<i64> = rules.iter().map(|rule| head.term(DICTIONARY, &rule.name)).collect();
    head.finish(tx, memory)?;
    // The first rule that matches an asset has it.
    let mut wanted: FxHashMap<i64, usize> = FxHashMap::default();
    for (at, rule) in rules.iter().enumerate() {
        match matching(tx, org, &rule.condition, now) {
            Ok(assets) => {
                for asset in assets {
                    wanted.entry(asset).or_insert(at);
                }
            }
            Err(AskError::Store(error)) => return Err(error.into()),
            Err(AskError::Body(error)) => return Err(error),
            Err(error) => evaluated.broken.push((rule.name.clone(), error.to_string())),
        }
    }
    let mut keys = Vec::new();
    tx.query(STORED, &[org.into()], |row| {
        let (asset, term, rule) = (row.int(0)?, row.int(1)?, row.opt_int(2)?);
        let same = wanted.get(&asset).is_some_and(|at| terms[*at] == term && Some(rules[*at].id) == rule);
        if rule.is_none() || same {
            wanted.remove(&asset);
        } else {
            keys.push(asset);
        }
        Ok(())
    })?;
    let told = stored(tx, org, &keys)?.into_iter().map(|(asset, before)| {
        let after = wanted.get(&asset).map(|at| rules[*at].name.clone());
        (asset, Some(before), after, BY_RULE.to_owned())
    });
    let told = told.collect();
    let rows: Vec<Value<'_>> = keys.iter().flat_map(|asset| [org.into(), (*asset).into()]).collect();
    let replaced = tx.delete_many("inventory_asset_owner", KEY, &rows)?;
    tell(tx, org, now, told)?;
    let mut fresh: Vec<(i64, Given)> = wanted
        .into_iter()
        .map(|(asset, at)| (asset, Given { term: terms[at], rule: Some(rules[at].id), by: BY_RULE.to_owned() }))
        .collect();
    fresh.sort_unstable_by_key(|(asset, _)| *asset);
    evaluated.changed = replaced.max(fresh.len() as u64);
    for some in fresh.chunks(PAGE) {
        write(tx, org, some, now)?;
    }
    Ok(evaluated)
}

/// What evaluating the rules came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluated {
    /// How many assets have another owner now.
    pub changed: u64,
    /// Owners whose condition cannot be asked any more, each with the reason.
    pub broken: Vec<(String, String)>,
}

/// The assets that match, page by page.
fn matching(tx: &mut Tx<'_>, org: OrgId, condition: &str, now: Timestamp) -> Result<Vec<i64>, AskError> {
    let mut ask = Ask {
        fields: vec!["id".to_owned()],
        sort: Some("id".to_owned()),
        limit: PAGE,
        ..Ask::new("assets", condition, now)
    };
    let mut assets = Vec::new();
    loop {
        let answer = ask_in(tx, org, &ask)?;
        for row in &answer.table.rows {
            if let Some(kernel::Cell::Text(id)) = row.first()
                && let Some(AssetId(asset)) = AssetId::parse(id)
            {
                assets.push(asset);
            }
        }
        match answer.next {
            Some(next) => ask.after = Some(next),
            None => return Ok(assets),
        }
    }
}

/// An owner whom a person named comes along when the asset goes into another by a merge, unless that one has its own, and
/// leaves again when the two are parted. What rules said follows from them again.
fn follow_former(tx: &mut Tx<'_>, org: OrgId, now: Timestamp) -> Result<(), StoreError> {
    const MOVED: &str = "SELECT DISTINCT a.asset_id, f.now_asset_id FROM inventory_asset_former f
        JOIN inventory_asset_owner a ON a.org_id = f.org_id AND a.asset_id = f.asset_id
        LEFT JOIN inventory_asset_owner h ON h.org_id = f.org_id AND h.asset_id = f.now_asset_id AND h.owner_id IS NULL
        WHERE f.org_id = $1 AND (a.owner_id IS NOT NULL OR h.asset_id IS NULL) ORDER BY a.asset_id";
    const DROP: &str = "DELETE FROM inventory_asset_owner WHERE org_id = $1 AND asset_id = $2";
    for (heir, _) in inherit::parted(tx, org, inherit::Fields::Owner)? {
        let before = stored(tx, org, &[heir])?.remove(&heir);
        tx.execute(DROP, &[org.into(), heir.into()])?;
        tell(tx, org, now, vec![(heir, before, None, inherit::BY.to_owned())])?;
    }
    for (asset, heir) in tx.query(MOVED, &[org.into()], |row| Ok((row.int(0)?, row.int(1)?)))? {
        let mut rows = stored(tx, org, &[asset, heir])?;
        let (Some(owner), theirs) = (rows.remove(&asset), rows.remove(&heir)) else { continue };
        let by_hand = |owner: &Stored| owner.row[1] == Value::Null;
        if !by_hand(&owner) {
            tx.execute(DROP, &[org.into(), asset.into()])?;
            tell(tx, org, now, vec![(asset, Some(owner), None, inherit::BY.to_owned())])?;
        } else if !theirs.as_ref().is_some_and(by_hand) {
            tx.execute(DROP, &[org.into(), heir.into()])?;
            let row: Vec<Value<'_>> = [org.into(), heir.into()].into_iter().chain(owner.row.iter().cloned()).collect();
            tx.insert_many("inventory_asset_owner", OWNER, &row, "")?;
            inherit::note(tx, org, heir, inherit::OWNER, asset)?;
            tell(tx, org, now, vec![(heir, theirs, Some(owner.name), owner.by)])?;
        }
    }
    Ok(())
}

/// An owner as it is stored.
struct Stored {
    name: String,
    by: String,
    /// The columns of [`OWNER`] behind the key.
    row: Vec<Value<'static>>,
}

fn stored(tx: &mut Tx<'_>, org: OrgId, assets: &[i64]) -> Result<BTreeMap<i64, Stored>, StoreError> {
    const READ: &str = "SELECT a.asset_id, a.owner_term, a.owner_id, a.since, a.set_by, n.text
        FROM inventory_asset_owner a JOIN inventory_term n ON n.org_id = a.org_id AND n.term_id = a.owner_term
        WHERE a.org_id = $1 AND a.asset_id IN KEYS";
    let rows = tx.select_in(READ, &[org.into()], Keys::Ints(assets), |row| {
        let columns = (1..5).map(|at| Ok(row.value(at)?.into_owned())).collect::<Result<_, StoreError>>()?;
        Ok((row.int(0)?, Stored { name: row.text(5)?.to_owned(), by: row.text(4)?.to_owned(), row: columns }))
    })?;
    Ok(rows.into_iter().collect())
}

/// Whose an asset was, whose it is, and who says so.
type Told = (i64, Option<Stored>, Option<String>, String);

fn tell(tx: &mut Tx<'_>, org: OrgId, now: Timestamp, told: Vec<Told>) -> Result<(), StoreError> {
    let own = told.into_iter().map(|(asset, before, after, who)| Own {
        asset,
        field: "owner".to_owned(),
        undo: undo_of(OWNED, before.as_ref().map(|before| before.row.as_slice())),
        before: before.map(|before| before.name),
        after,
        who,
    });
    write_own(tx, org, now, own.collect())
}

/// The columns of an asset's owner.
pub(crate) const OWNER: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("asset_id", Kind::Int),
    ("owner_term", Kind::Int),
    ("owner_id", Kind::Int),
    ("since", Kind::Int),
    ("set_by", Kind::Text),
];

fn write(tx: &mut Tx<'_>, org: OrgId, owners: &[(i64, Given)], now: Timestamp) -> Result<(), StoreError> {
    let rows: Vec<_> = owners
        .iter()
        .flat_map(|(asset, given)| {
            [org.into(), (*asset).into(), given.term.into(), given.rule.into(), now.into(), given.by.clone().into()]
        })
        .collect();
    tx.insert_many("inventory_asset_owner", OWNER, &rows, "")?;
    Ok(())
}
