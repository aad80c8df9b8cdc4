//! The naive evaluator's view of the database: every value of every row in memory, read field by field with the
//! simplest statements there are. Comparing it with answers tests conditions, dictionaries, residuals and paging.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::{AssetId, OrgId, RecordId, SiteId, Timestamp, Value};
use query::{Base, Column, Datum, Field, Inventory, Raw, Record, Type};
use serde_json::Value as Json;
use store::{StoreError, Tx};

use inventory::catalogue::{ASSET_IDS, RECORD_IDS, SITE_IDS, SITE_NAMES};

/// A row, or an element of a scope.
#[derive(Default)]
pub struct Thing {
    pub key: i64,
    values: HashMap<&'static str, Vec<Datum>>,
    elements: HashMap<&'static str, Vec<Arc<Thing>>>,
    bodies: Vec<(&'static str, &'static str, Json)>,
}

impl Record for Thing {
    fn values(&self, field: &str) -> Vec<Datum> {
        self.values.get(field).cloned().unwrap_or_default()
    }

    fn elements(&self, scope: &str) -> Vec<&dyn Record> {
        self.elements.get(scope).into_iter().flatten().map(|thing| &**thing as &dyn Record).collect()
    }

    fn bodies(&self, source: &str, kind: &str) -> Vec<Json> {
        let of = self.bodies.iter().filter(|(its, its_kind, _)| *its == source && *its_kind == kind);
        of.map(|(_, _, body)| body.clone()).collect()
    }
}

/// Scopes in scopes that the oracle sees: as deep as generated queries nest.
const SCOPES_DEEP: usize = 3;

/// Everything that an inventory has, by key.
pub fn things(tx: &mut Tx<'_>, org: OrgId, inventory: &'static Inventory) -> Result<Vec<Thing>, StoreError> {
    things_to(tx, org, inventory, SCOPES_DEEP, &mut HashMap::new())
}

/// The rows of inventories that scopes lead to, by key; many scopes lead to the same ones.
type Reached = HashMap<(&'static str, usize), HashMap<i64, Arc<Thing>>>;

fn things_to(
    tx: &mut Tx<'_>,
    org: OrgId,
    inventory: &'static Inventory,
    depth: usize,
    reached: &mut Reached,
) -> Result<Vec<Thing>, StoreError> {
    let is_log = inventory.base.table == "signals_artifact";
    let key = inventory.base.key;
    let all = format!("FROM {} t WHERE t.org_id = $1", inventory.base.table);
    let mut things: Vec<Thing> = match is_log {
        true => artifacts(tx, org, inventory),
        false => tx
            .query(&format!("SELECT t.{key} {all} ORDER BY 1"), &[org.into()], |row| row.int(0))?
            .into_iter()
            .map(|key| Thing { key, ..Thing::default() })
            .collect(),
    };
    let at: HashMap<Vec<i64>, usize> = things.iter().enumerate().map(|(at, thing)| (vec![thing.key], at)).collect();
    let identity = format!("t.{key}");
    for field in inventory.fields.iter().filter(|_| !is_log) {
        for (row, datum) in values(tx, org, field, &identity, 1, &all, "t")? {
            things[at[&row]].values.entry(field.name).or_default().push(datum);
        }
    }
    for scope in inventory.scopes.iter().filter(|_| depth > 0) {
        let inner = inventory::catalogue().inventory(scope.inventory).unwrap();
        let from = scope.from.replace("{t}", "t").replace("{e}", "e").replacen("FROM ", "", 1);
        let from = format!("FROM {} t, {from} AND t.org_id = $1", inventory.base.table);
        // Elements that are rows of an inventory have scopes of their own.
        if inner.listed {
            if !reached.contains_key(&(inner.name, depth - 1)) {
                let things = things_to(tx, org, inner, depth - 1, reached)?;
                reached.insert(
                    (inner.name, depth - 1),
                    things.into_iter().map(|thing| (thing.key, Arc::new(thing))).collect(),
                );
            }
            let all = &reached[&(inner.name, depth - 1)];
            let pairs = format!("SELECT DISTINCT t.{}, e.{} {from}", inventory.base.key, inner.base.key);
            for (row, element) in tx.query(&pairs, &[org.into()], |row| Ok((row.int(0)?, row.int(1)?)))? {
                let element = Arc::clone(&all[&element]);
                things[at[&vec![row]]].elements.entry(scope.name).or_default().push(element);
            }
            continue;
        }
        // The row, then what tells its elements apart.
        let (identity, width) = match inner.base {
            Base { key: key @ ("asset_id" | "record_id" | "site_id"), .. } => {
                (format!("t.{}, e.{key}", inventory.base.key), 2)
            }
            Base { key, .. } => (format!("t.{}, e.record_id, e.{key}", inventory.base.key), 3),
        };
        let ids = tx.query(&format!("SELECT {identity} {from} ORDER BY {identity}"), &[org.into()], |row| {
            (0..width).map(|at| row.int(at)).collect::<Result<Vec<i64>, _>>()
        })?;
        let mut elements: HashMap<Vec<i64>, Thing> = ids.iter().map(|id| (id.clone(), Thing::default())).collect();
        for field in &inner.fields {
            for (id, datum) in values(tx, org, field, &identity, width, &from, "e")? {
                elements.get_mut(&id).unwrap().values.entry(field.name).or_default().push(datum);
            }
        }
        for (id, element) in elements {
            things[at[&id[..1]]].elements.entry(scope.name).or_default().push(Arc::new(element));
        }
    }
    if is_log {
        return Ok(things);
    }
    for thing in &mut things {
        let records = match inventory.base.table {
            "inventory_asset" => tx.query(
                "SELECT record_id FROM inventory_link WHERE org_id = $1 AND asset_id = $2",
                &[org.into(), thing.key.into()],
                |row| row.int(0),
            )?,
            _ => vec![thing.key],
        };
        for raw in &inventory.raw {
            for record in &records {
                if !is_of_kind(tx, org, raw, *record)? {
                    continue;
                }
                let body = inventory::body(tx, org, RecordId(*record)).unwrap();
                let body = body.map(|bytes| serde_json::from_slice(&bytes).unwrap());
                thing.bodies.extend(body.map(|body| (raw.source, raw.kind, body)));
            }
        }
    }
    for field in &inventory.fields {
        if let Column::Body { path, .. } = field.column {
            for thing in &mut things {
                let found: Vec<Datum> = thing.bodies.iter().filter_map(|(_, _, body)| datum_at(body, path)).collect();
                thing.values.insert(field.name, found);
            }
        }
    }
    Ok(things)
}

/// Artifacts as a sink's filter sees them: so what filters and what is asked are compared.
fn artifacts(tx: &mut Tx<'_>, org: OrgId, inventory: &'static Inventory) -> Vec<Thing> {
    let thing = |artifact: signals::Artifact| Thing {
        key: artifact.seq,
        values: inventory.fields.iter().map(|field| (field.name, artifact.values(field.name))).collect(),
        elements: HashMap::new(),
        bodies: (inventory.raw.iter())
            .flat_map(|raw| artifact.bodies(raw.source, raw.kind).into_iter().map(|body| (raw.source, raw.kind, body)))
            .collect(),
    };
    signals::scan(tx, org, 0, usize::MAX).unwrap().into_iter().map(thing).collect()
}

/// Which stream and which source bring bodies of a kind; of many kinds there is but one.
fn is_of_kind(tx: &mut Tx<'_>, org: OrgId, raw: &Raw, record: i64) -> Result<bool, StoreError> {
    let stream = match raw.kind {
        "alert" => "custom_alerts",
        "threat" => "threats",
        "dev" => "agents",
        "ranger" => "ranger_devices",
        "xdr" => "xdr_assets",
        "host" => "hosts",
        _ => return Ok(true),
    };
    let of = "SELECT 1 FROM inventory_source_record WHERE org_id = $1 AND record_id = $2 AND stream = $3";
    let there = tx.query_opt(of, &[org.into(), record.into(), stream.into()], |row| row.int(0))?.is_some();
    if !there || raw.kind != "host" {
        return Ok(there);
    }
    let by = "SELECT d.text FROM inventory_machine m JOIN inventory_term d ON d.org_id = m.org_id AND d.term_id = m.source_term \
              WHERE m.org_id = $1 AND m.record_id = $2";
    let source = tx.query_opt(by, &[org.into(), record.into()], |row| Ok(row.text(0)?.to_owned()))?;
    Ok(source.as_deref() == Some(raw.source))
}

/// Body fields of this catalogue are texts at the top of a body.
fn datum_at(body: &Json, path: &str) -> Option<Datum> {
    body.get(path)?.as_str().map(|text| Datum::Text(text.to_owned()))
}

type Found = Vec<(Vec<i64>, Datum)>;

fn values(
    tx: &mut Tx<'_>,
    org: OrgId,
    field: &'static Field,
    identity: &str,
    width: usize,
    from: &str,
    alias: &str,
) -> Result<Found, StoreError> {
    let at = |sql: &str| sql.replace("{t}", alias);
    let (column, from) = match &field.column {
        Column::Many { from: many, value } => {
            let many = at(many).replacen("FROM ", "", 1);
            // `FROM a, b WHERE x` and `c WHERE y` become `FROM a, b, c WHERE x AND y`.
            let (tables, condition) = split_where(from);
            let (more, also) = split_where(&many);
            (&**value, format!("{}, {} WHERE {condition} AND {}", tables, renamed(more), renamed(also)))
        }
        column => (column, from.to_owned()),
    };
    let renamed_if_many = |sql: &str| if field.many() { renamed(sql) } else { sql.to_owned() };
    let (sql, dictionary) = match column {
        Column::Plain(sql) | Column::Folded { text: sql, .. } => (renamed_if_many(&at(sql)), None),
        Column::Term { column, dictionary } => (renamed_if_many(&at(column)), Some(*dictionary)),
        Column::Words { .. } | Column::Many { .. } | Column::Body { .. } | Column::Missing { .. } => {
            return Ok(Vec::new());
        }
    };
    let texts = dictionary.map(|name| texts(tx, org, name)).transpose()?;
    let rows = tx.query(&format!("SELECT DISTINCT {identity}, {sql} {from}"), &[org.into()], |row| {
        let id: Result<Vec<i64>, StoreError> = (0..width).map(|at| row.int(at)).collect();
        Ok((id?, row.value(width)?.into_owned()))
    })?;
    let datum = |value: Value<'static>| match value {
        Value::Int(number) => Some(match &texts {
            Some(texts) => Datum::Text(texts(number)?),
            None => Datum::Int(number),
        }),
        Value::Real(number) => Some(Datum::Real(number)),
        Value::Text(text) => Some(Datum::Text(text.into_owned())),
        Value::Bytes(bytes) => Some(Datum::Ip(bytes.as_ref().try_into().unwrap())),
        Value::Null => None,
    };
    Ok(rows.into_iter().filter_map(|(id, value)| Some((id, datum(value)?))).collect())
}

/// What stands before and behind the WHERE that is in no parentheses.
fn split_where(sql: &str) -> (&str, &str) {
    const WHERE: &str = " WHERE ";
    let depth = |at: usize| sql[..at].matches('(').count() - sql[..at].matches(')').count();
    let (at, _) = sql.match_indices(WHERE).find(|(at, _)| depth(*at) == 0).unwrap();
    (&sql[..at], &sql[at + WHERE.len()..])
}

/// The aliases of a part that is joined to another with the same ones.
fn renamed(sql: &str) -> String {
    let mut out = format!(" {sql} ");
    for alias in ["l", "c"] {
        for (before, after) in [(" ", "."), ("(", "."), (" ", " ")] {
            out = out.replace(&format!("{before}{alias}{after}"), &format!("{before}{alias}2{after}"));
        }
    }
    out.trim().to_owned()
}

fn texts(tx: &mut Tx<'_>, org: OrgId, dictionary: &str) -> Result<Box<dyn Fn(i64) -> Option<String>>, StoreError> {
    Ok(match dictionary {
        ASSET_IDS => Box::new(|number| Some(AssetId(number).to_string())),
        RECORD_IDS => Box::new(|number| Some(RecordId(number).to_string())),
        SITE_IDS => Box::new(|number| Some(SiteId(number).to_string())),
        SITE_NAMES => {
            let sql = "SELECT site_id, name FROM inventory_site WHERE org_id = $1";
            let names: HashMap<i64, String> =
                tx.query(sql, &[org.into()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?.into_iter().collect();
            Box::new(move |number| names.get(&number).cloned())
        }
        name => {
            let sql = "SELECT term_id, text FROM inventory_term WHERE org_id = $1 AND dictionary = $2";
            let terms: HashMap<i64, String> = tx
                .query(sql, &[org.into(), name.into()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?
                .into_iter()
                .collect();
            Box::new(move |number| terms.get(&number).cloned())
        }
    })
}

/// The values that fields have, as a query writes them, by (inventory, field).
pub type Samples = HashMap<(String, String), Vec<String>>;

/// Values of every field of the things and of what their scopes reach.
pub fn samples(inventory: &'static Inventory, things: &[Thing]) -> Samples {
    let mut samples = Samples::new();
    for thing in things {
        collect(&mut samples, inventory, thing);
        for scope in &inventory.scopes {
            let inner = inventory::catalogue().inventory(scope.inventory).unwrap();
            for element in thing.elements.get(scope.name).into_iter().flatten() {
                collect(&mut samples, inner, element);
            }
        }
    }
    for values in samples.values_mut() {
        values.sort();
        values.dedup();
    }
    samples
}

fn collect(samples: &mut Samples, inventory: &Inventory, thing: &Thing) {
    for field in &inventory.fields {
        let key = (inventory.name.to_owned(), field.name.to_owned());
        let written = thing.values.get(field.name).into_iter().flatten().map(|datum| written(&field.ty, datum));
        samples.entry(key).or_default().extend(written);
    }
}

fn written(ty: &Type, datum: &Datum) -> String {
    match (datum, ty) {
        (Datum::Int(yes), Type::Bool) => if *yes == 0 { "f" } else { "t" }.to_owned(),
        (Datum::Int(micros), Type::Timestamp(_)) => Timestamp::from_micros(*micros).to_string(),
        (Datum::Int(number), _) => number.to_string(),
        (Datum::Real(number), _) => number.to_string(),
        (Datum::Text(text), _) => text.clone(),
        (Datum::Ip(bytes), _) => inventory::noun::ip_from_bytes(bytes).unwrap().to_string(),
    }
}

/// The paths of all scalars in the bodies of things, behind `@`, with their values.
pub fn attributes(things: &[Thing]) -> Vec<(String, Vec<String>)> {
    let mut found = std::collections::BTreeMap::<String, Vec<String>>::new();
    for (source, kind, body) in things.iter().flat_map(|thing| &thing.bodies) {
        descend(&format!("{source}.{kind}"), body, &mut found);
    }
    for values in found.values_mut() {
        values.sort();
        values.dedup();
    }
    found.into_iter().collect()
}

fn descend(path: &str, value: &Json, found: &mut std::collections::BTreeMap<String, Vec<String>>) {
    match value {
        Json::Object(members) => {
            for (name, member) in members {
                descend(&format!("{path}.{name}"), member, found);
            }
        }
        Json::Array(elements) => elements.iter().for_each(|element| descend(path, element, found)),
        Json::Null => {
            found.entry(path.to_owned()).or_default();
        }
        Json::String(text) if text.is_empty() => {
            found.entry(path.to_owned()).or_default();
        }
        Json::String(text) => found.entry(path.to_owned()).or_default().push(text.clone()),
        other => found.entry(path.to_owned()).or_default().push(other.to_string()),
    }
}
