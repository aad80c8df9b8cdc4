//! Columns of an answer: what `--fields` names, read for the keys of a page and turned into typed cells.

use std::collections::HashMap;
use std::net::IpAddr;

use kernel::{AssetId, Cell, RecordId, ServiceId, SiteId, Table, Timestamp, Value};
use query::{Column, Field, Inventory, Raw, Type};
use store::{Keys, Row, StoreError};

use super::{AskError, Asked, nearest, residual};
use crate::catalogue::{ASSET_IDS, RECORD_IDS, SERVICE_IDS, SITE_IDS, SITE_NAMES, catalogue};
use crate::noun::ip_from_bytes;

/// Values of one cell that are shown at most; a machine with more addresses than this is a router's mistake.
const VALUES_MAX: usize = 256;

/// One column of an answer.
pub(crate) struct Output {
    /// Its heading: the name as it was asked.
    pub(super) heading: String,
    pub(super) from: From,
}

/// Where a column's cells come from.
pub(super) enum From {
    /// A declared field.
    Field(&'static Field),
    /// A custom field of assets, by its exact name.
    Custom(String),
    /// A path in the rows' raw bodies.
    Raw { source: &'static str, kind: &'static str, path: String },
}

/// How a value becomes a cell.
#[derive(Clone)]
enum Shown {
    Typed(Type),
    Term(&'static str),
}

impl Output {
    /// Reads `--fields`; none means the inventory's own columns.
    pub(super) fn all(inventory: &'static Inventory, names: &[String]) -> Result<Vec<Output>, AskError> {
        match names.is_empty() {
            true => inventory.default_fields.iter().map(|name| Output::named(inventory, name, "--fields")).collect(),
            false => names.iter().map(|name| Output::named(inventory, name.trim(), "--fields")).collect(),
        }
    }

    /// The column of that name.
    pub(super) fn named(inventory: &'static Inventory, name: &str, argument: &'static str) -> Result<Output, AskError> {
        let heading = name.to_owned();
        if let Some(field) = inventory.field(name) {
            return Ok(Output { heading, from: From::Field(field) });
        }
        if let Some(from) = name.strip_prefix('@').and_then(|path| raw(inventory, path)) {
            return Ok(Output { heading, from });
        }
        if let Some(key) = name.strip_prefix("field.").filter(|_| inventory.base.table == "inventory_asset") {
            return Ok(Output { heading, from: From::Custom(key.to_owned()) });
        }
        let names = inventory.fields.iter().map(|field| field.name);
        let help = match nearest(name, names.clone().chain(inventory.fields.iter().flat_map(|f| f.aliases).copied())) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no field {name:?} in {}", inventory.name);
        Err(AskError::Argument { argument, message, help: Some(help) })
    }
}

/// Reads `source.kind.path` or `source.path`; `None` if the inventory has no such bodies.
fn raw(inventory: &'static Inventory, text: &str) -> Option<From> {
    let (source, rest) = text.split_once('.')?;
    let source = catalogue().source(source)?;
    let of_source = |raw: &&Raw| raw.source == source.name;
    let with_kind = rest.split_once('.').filter(|(kind, _)| source.kinds.contains(kind));
    let (raw, path) = match with_kind {
        Some((kind, path)) => (inventory.raw.iter().find(|raw| of_source(raw) && raw.kind == kind)?, path),
        None => (inventory.raw.iter().find(of_source)?, rest),
    };
    let spelled = match raw.aliases.iter().find(|(alias, _)| *alias == path) {
        Some((_, path)) => path,
        // runZero marks instants so.
        None if !raw.paths.contains(&path) => path.strip_suffix("TS").unwrap_or(path),
        None => path,
    };
    Some(From::Raw { source: raw.source, kind: raw.kind, path: spelled.to_owned() })
}

/// Reads the columns of the rows with these keys, in the order of the keys.
pub(super) fn fetch(asked: &mut Asked<'_, '_>, outputs: &[Output], keys: &[i64]) -> Result<Table, AskError> {
    let mut columns: Vec<HashMap<i64, Cell>> = outputs.iter().map(|_| HashMap::new()).collect();
    if !keys.is_empty() {
        inline(asked, outputs, keys, &mut columns)?;
        for (output, cells) in outputs.iter().zip(&mut columns) {
            match &output.from {
                From::Field(Field { column: Column::Many { from, value }, ty, .. }) => {
                    *cells = many(asked, from, value, ty, keys)?;
                }
                From::Field(Field { column: Column::Body { source, kind, path }, .. }) => {
                    *cells = attributes(asked, source, kind, path, keys)?;
                }
                From::Custom(key) => *cells = custom(asked, key, keys)?,
                From::Raw { source, kind, path } => *cells = attributes(asked, source, kind, path, keys)?,
                From::Field(_) => {}
            }
        }
    }
    let row = |key: &i64| columns.iter_mut().map(|cells| cells.remove(key).unwrap_or(Cell::Empty)).collect();
    let rows = keys.iter().map(row).collect();
    Ok(Table { columns: outputs.iter().map(|output| output.heading.clone()).collect(), rows })
}

/// The values of a custom field.
fn custom(asked: &mut Asked<'_, '_>, key: &str, keys: &[i64]) -> Result<HashMap<i64, Cell>, AskError> {
    const FIELDS: &str = "SELECT field_id, key FROM inventory_field WHERE org_id = $1 ORDER BY key";
    const VALUES: &str = "SELECT v.asset_id, v.value FROM inventory_field_value v \
        WHERE v.org_id = $1 AND v.field_id = $2 AND v.asset_id IN KEYS";
    let known = asked.tx.query(FIELDS, &[asked.org.into()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?;
    let Some((field, _)) = known.iter().find(|(_, name)| name == key) else {
        let names: Vec<String> = known.into_iter().map(|(_, name)| format!("field.{name}")).collect();
        let message = format!("there is no custom field {key:?}");
        let help = (!names.is_empty()).then(|| format!("there are {}", names.join(", ")));
        return Err(AskError::Argument { argument: "--fields", message, help });
    };
    let read = |row: &Row<'_>| Ok((row.int(0)?, Cell::Text(row.text(1)?.to_owned())));
    let params = [asked.org.into(), (*field).into()];
    Ok(asked.tx.select_in(VALUES, &params, Keys::Ints(&distinct(keys)), read)?.into_iter().collect())
}

/// The expression of a column's value over `{t}`, and how it is shown; `None` for what is not inline.
fn expression(column: &'static Column, ty: &Type) -> Option<(&'static str, Shown)> {
    match column {
        Column::Plain(sql) => Some((sql, Shown::Typed(ty.clone()))),
        Column::Folded { text, .. } => Some((text, Shown::Typed(Type::Text))),
        Column::Term { dictionary, .. } if *dictionary == signals::ARTIFACT_IDS => {
            Some(("{t}.artifact_id", Shown::Typed(Type::Id)))
        }
        Column::Term { column, dictionary } => Some((column, Shown::Term(dictionary))),
        Column::Words { .. } | Column::Many { .. } | Column::Body { .. } | Column::Missing { .. } => None,
    }
}

/// The columns that are expressions over the row itself, in one statement.
fn inline(
    asked: &mut Asked<'_, '_>,
    outputs: &[Output],
    keys: &[i64],
    columns: &mut [HashMap<i64, Cell>],
) -> Result<(), AskError> {
    let mut parts = Vec::new();
    for (at, output) in outputs.iter().enumerate() {
        if let From::Field(field) = output.from
            && let Some((sql, shown)) = expression(&field.column, &field.ty)
        {
            parts.push((at, sql.replace("{t}", "t"), shown));
        }
    }
    if parts.is_empty() {
        return Ok(());
    }
    let (table, key) = (asked.inventory.base.table, asked.inventory.base.key);
    let list: String = parts.iter().map(|(_, sql, _)| format!(", {sql}")).collect();
    let sql = format!("SELECT t.{key}{list} FROM {table} t WHERE t.org_id = $1 AND t.{key} IN KEYS");
    let read = |row: &Row<'_>| -> Result<(i64, Vec<Value<'static>>), StoreError> {
        let values: Result<_, StoreError> = (1..=parts.len()).map(|at| row.value(at).map(Value::into_owned)).collect();
        Ok((row.int(0)?, values?))
    };
    let rows = asked.tx.select_in(&sql, &[asked.org.into()], Keys::Ints(&distinct(keys)), read)?;
    let terms = term_texts(asked, &rows, &parts)?;
    for (key, values) in rows {
        for (value, (at, _, shown)) in values.into_iter().zip(&parts) {
            columns[*at].insert(key, cell(value, shown, &terms));
        }
    }
    Ok(())
}

/// The texts of all terms that occur in the rows.
fn term_texts(
    asked: &mut Asked<'_, '_>,
    rows: &[(i64, Vec<Value<'static>>)],
    parts: &[(usize, String, Shown)],
) -> Result<HashMap<i64, String>, AskError> {
    let mut stored = Vec::new();
    let mut sites = Vec::new();
    for (_, values) in rows {
        for (value, (_, _, shown)) in values.iter().zip(parts) {
            match (value, shown) {
                (Value::Int(number), Shown::Term(SITE_NAMES)) => sites.push(*number),
                (Value::Int(number), Shown::Term(name)) if !crate::catalogue::COMPUTED.contains(name) => {
                    stored.push(*number);
                }
                _ => {}
            }
        }
    }
    texts(asked, &stored, &sites)
}

/// The texts of terms and of sites, by number; the numbers of one organization are all different.
pub(super) fn texts(asked: &mut Asked<'_, '_>, terms: &[i64], sites: &[i64]) -> Result<HashMap<i64, String>, AskError> {
    let mut found = HashMap::new();
    let statements = [
        ("SELECT term_id, text FROM inventory_term WHERE org_id = $1 AND term_id IN KEYS", terms),
        ("SELECT site_id, name FROM inventory_site WHERE org_id = $1 AND site_id IN KEYS", sites),
    ];
    for (sql, numbers) in statements {
        if !numbers.is_empty() {
            let keys = distinct(numbers);
            let read = |row: &Row<'_>| Ok((row.int(0)?, row.text(1)?.to_owned()));
            found.extend(asked.tx.select_in(sql, &[asked.org.into()], Keys::Ints(&keys), read)?);
        }
    }
    Ok(found)
}

fn distinct(numbers: &[i64]) -> Vec<i64> {
    let mut distinct = numbers.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}

/// A column of several values per row: a list, in the order of the values.
fn many(
    asked: &mut Asked<'_, '_>,
    from: &'static str,
    value: &'static Column,
    ty: &Type,
    keys: &[i64],
) -> Result<HashMap<i64, Cell>, AskError> {
    let Some((value, shown)) = expression(value, ty) else { return Ok(HashMap::new()) };
    let (table, key) = (asked.inventory.base.table, asked.inventory.base.key);
    let sql = format!(
        "SELECT t.{key}, {value} FROM {table} t, {from} AND t.org_id = $1 AND t.{key} IN KEYS",
        value = value.replace("{t}", "t"),
        from = joined(from),
    );
    let read = |row: &Row<'_>| Ok((row.int(0)?, vec![row.value(1)?.into_owned()]));
    let rows = asked.tx.select_in(&sql, &[asked.org.into()], Keys::Ints(&distinct(keys)), read)?;
    let terms = term_texts(asked, &rows, &[(0, String::new(), shown.clone())])?;
    // A row without a value has an empty list: that there is none is known.
    let mut lists: HashMap<i64, Vec<Cell>> = keys.iter().map(|key| (*key, Vec::new())).collect();
    for (key, values) in rows {
        let list = lists.entry(key).or_default();
        list.extend(values.into_iter().map(|value| cell(value, &shown, &terms)).filter(|cell| *cell != Cell::Empty));
    }
    let finished = |(key, mut list): (i64, Vec<Cell>)| {
        list.sort_by(compare);
        list.dedup();
        list.truncate(VALUES_MAX);
        (key, Cell::List(list))
    };
    Ok(lists.into_iter().map(finished).collect())
}

/// The values that elements `e` of a scope have in a column of theirs, in order and each once; `None` for a column that
/// is not inline.
pub(super) fn of_elements(
    asked: &mut Asked<'_, '_>,
    column: &'static Column,
    ty: &Type,
    from: &str,
) -> Result<Option<Vec<Cell>>, AskError> {
    let Some((sql, shown)) = expression(column, ty) else { return Ok(None) };
    let sql = format!("SELECT DISTINCT {} {from} LIMIT {VALUES_MAX}", sql.replace("{t}", "e"));
    let rows = asked.tx.query(&sql, &[asked.org.into()], |row| Ok((0, vec![row.value(0)?.into_owned()])))?;
    let terms = term_texts(asked, &rows, &[(0, String::new(), shown.clone())])?;
    let cells = rows.into_iter().flat_map(|(_, values)| values).map(|value| cell(value, &shown, &terms));
    let mut cells: Vec<Cell> = cells.filter(|cell| *cell != Cell::Empty).collect();
    cells.sort_by(compare);
    cells.dedup();
    Ok(Some(cells))
}

/// `FROM x WHERE ..` as it stands behind `FROM table t, `.
pub(super) fn joined(from: &str) -> String {
    from.replace("{t}", "t").trim_start().replacen("FROM ", "", 1)
}

/// An attribute of the rows' raw bodies.
fn attributes(
    asked: &mut Asked<'_, '_>,
    source: &str,
    kind: &str,
    path: &str,
    keys: &[i64],
) -> Result<HashMap<i64, Cell>, AskError> {
    let mut cells = HashMap::new();
    for batch in keys.chunks(residual::BATCH_ROWS) {
        for (key, bodies) in residual::bodies_of(asked, source, kind, batch)? {
            let mut found = Vec::new();
            // The empty path is the whole body.
            let parts: Vec<&str> = path.split('.').filter(|_| !path.is_empty()).collect();
            let mut several = bodies.len() > 1;
            for body in &bodies {
                several |= descend(body, &parts, &mut found);
            }
            found.truncate(VALUES_MAX);
            let cell = match found.len() {
                _ if several => Cell::List(found),
                0 => Cell::Empty,
                _ => found.swap_remove(0),
            };
            cells.insert(key, cell);
        }
    }
    Ok(cells)
}

/// Collects what a path leads to; an array on the way stands for each of its elements. Whether there was an array.
fn descend(value: &serde_json::Value, parts: &[&str], found: &mut Vec<Cell>) -> bool {
    use serde_json::Value as Json;
    match (value, parts) {
        (Json::Array(elements), _) => {
            for element in elements {
                descend(element, parts, found);
            }
            true
        }
        (Json::Object(members), [part, rest @ ..]) => match members.get(*part) {
            Some(member) => descend(member, rest, found),
            None => false,
        },
        (Json::Null, _) | (_, [_, ..]) => false,
        (Json::Bool(yes), []) => {
            found.push(Cell::Bool(*yes));
            false
        }
        (Json::Number(number), []) => {
            let real = || number.as_f64().map_or(Cell::Empty, Cell::Real);
            found.push(number.as_i64().map_or_else(real, Cell::Int));
            false
        }
        (Json::String(text), []) => {
            found.push(Cell::Text(text.clone()));
            false
        }
        (Json::Object(_), []) => {
            found.push(Cell::Text(value.to_string()));
            false
        }
    }
}

fn cell(value: Value<'static>, shown: &Shown, terms: &HashMap<i64, String>) -> Cell {
    match (value, shown) {
        (Value::Int(number), Shown::Term(dictionary)) => term_cell(number, dictionary, terms),
        (Value::Int(number), Shown::Typed(ty)) => typed_int(number, ty),
        (Value::Real(number), _) => Cell::Real(number),
        (Value::Text(text), Shown::Typed(Type::Mac)) => Cell::Text(spaced_mac(&text)),
        (Value::Text(text), _) => Cell::Text(text.into_owned()),
        (Value::Bytes(bytes), Shown::Typed(Type::Id)) => {
            Cell::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        }
        (Value::Bytes(bytes), _) => ip_from_bytes(&bytes).map_or(Cell::Empty, |ip: IpAddr| Cell::Text(ip.to_string())),
        (Value::Null, _) => Cell::Empty,
    }
}

/// The cell of a term's number.
pub(super) fn term_cell(number: i64, dictionary: &str, terms: &HashMap<i64, String>) -> Cell {
    match dictionary {
        ASSET_IDS => Cell::Text(AssetId(number).to_string()),
        RECORD_IDS => Cell::Text(RecordId(number).to_string()),
        SERVICE_IDS => Cell::Text(ServiceId(number).to_string()),
        SITE_IDS => Cell::Text(SiteId(number).to_string()),
        _ => terms.get(&number).map_or(Cell::Empty, |text| Cell::Text(text.clone())),
    }
}

fn typed_int(number: i64, ty: &Type) -> Cell {
    match ty {
        Type::Bool => Cell::Bool(number != 0),
        Type::Timestamp(_) => Cell::Time(Timestamp::from_micros(number)),
        _ => Cell::Int(number),
    }
}

/// The cell of a value of that type.
pub(super) fn typed(value: Value<'static>, ty: &Type) -> Cell {
    cell(value, &Shown::Typed(ty.clone()), &HashMap::new())
}

/// Twelve digits with colons between every two.
fn spaced_mac(digits: &str) -> String {
    match digits.len() {
        12 if digits.is_ascii() => {
            let pairs: Vec<&str> = (0..6).map(|at| &digits[at * 2..at * 2 + 2]).collect();
            pairs.join(":")
        }
        _ => digits.to_owned(),
    }
}

/// An order of cells that is the same everywhere: by kind, then by value.
pub(super) fn compare(one: &Cell, two: &Cell) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    let kind = |cell: &Cell| match cell {
        Cell::Empty => 0,
        Cell::Bool(_) => 1,
        Cell::Int(_) | Cell::Real(_) => 2,
        Cell::Time(_) => 3,
        Cell::Text(_) => 4,
        Cell::List(_) => 5,
    };
    #[expect(clippy::cast_precision_loss, reason = "only mixed numbers are compared so, and only to order them")]
    let real = |cell: &Cell| match cell {
        Cell::Int(number) => *number as f64,
        Cell::Real(number) => *number,
        _ => 0.0,
    };
    match (one, two) {
        (Cell::Bool(one), Cell::Bool(two)) => one.cmp(two),
        (Cell::Int(one), Cell::Int(two)) => one.cmp(two),
        (Cell::Time(one), Cell::Time(two)) => one.cmp(two),
        (Cell::Text(one), Cell::Text(two)) => one.cmp(two),
        (Cell::List(one), Cell::List(two)) => {
            let first = one.iter().zip(two).map(|(one, two)| compare(one, two)).find(|order| order.is_ne());
            first.unwrap_or_else(|| one.len().cmp(&two.len()))
        }
        (Cell::Int(_) | Cell::Real(_), Cell::Int(_) | Cell::Real(_)) => real(one).total_cmp(&real(two)),
        _ => match kind(one).cmp(&kind(two)) {
            Ordering::Equal => Ordering::Equal,
            order => order,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(json: &str, path: &str) -> (Vec<Cell>, bool) {
        let mut found = Vec::new();
        let parts: Vec<&str> = path.split('.').collect();
        let several = descend(&serde_json::from_str(json).unwrap(), &parts, &mut found);
        (found, several)
    }

    #[test]
    fn a_path_passes_through_arrays_and_stops_at_nothing() {
        let body = r#"{"a":[{"b":["x","y"]},{"b":[]},{"b":null},{}],"n":1.5,"o":{"p":true},"z":null}"#;
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(at(body, "a.b"), (vec![text("x"), text("y")], true));
        assert_eq!(at(body, "n"), (vec![Cell::Real(1.5)], false));
        assert_eq!(at(body, "o.p"), (vec![Cell::Bool(true)], false));
        assert_eq!(at(body, "o"), (vec![text(r#"{"p":true}"#)], false));
        for nothing in ["z", "missing", "n.deeper", "o.q"] {
            assert_eq!(at(body, nothing), (Vec::new(), false), "{nothing}");
        }
    }

    #[test]
    fn hardware_addresses_have_colons() {
        let mac = Value::from("00005e0053af".to_owned());
        assert_eq!(typed(mac, &Type::Mac), Cell::Text("00:00:5e:00:53:af".to_owned()));
    }
}
