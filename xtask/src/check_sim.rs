//! `cargo xtask check-sim --against DIR`: holds the simulated console's answers to a vendor's Swagger 2.0 specification.
//!
//! Every list and object that the simulator serves is read whole, and every value is compared with the schema of its endpoint:
//! type, list of values, null, fields that the schema does not have, required fields that are absent. What the simulator
//! leaves the schema for on purpose is named in [`sentinelone_sim::ODDITIES`]; anything else fails, and so does an oddity that
//! is named and never seen. Parameters are compared too: the simulator must know each one that the specification has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::pin::pin;
use std::task::{Context as Task, Poll, Waker};

use anyhow::{Context as _, bail};
use sentinelone_sim::{Config, ODDITIES, OddityKind, World, tokens};
use serde_json::Value;

/// The file in the given folder that holds the specification.
const SPECIFICATION: &str = "swagger_subset.json";
const PREFIX: &str = "/web/api/v2.1";
/// Large enough that rare oddities appear.
const ENDPOINTS: usize = 3000;
/// 2026-11-20T12:00:00Z: the comparison is the same on every day.
const NOW: i64 = 1_795_176_000_000_000;
/// How deep a schema may nest before it is taken for a loop.
const DEPTH_MAX: usize = 24;

/// Endpoint template, and what asks for all of it.
const LISTS: [(&str, &str); 20] = [
    ("/accounts", ""),
    ("/sites", ""),
    ("/groups", ""),
    ("/users", ""),
    ("/service-users", ""),
    ("/agents", "isDecommissioned=true,false&isUninstalled=true,false"),
    ("/threats", ""),
    ("/activities", "includeHidden=true"),
    ("/installed-applications", "agentIsDecommissioned=true,false"),
    ("/installed-applications/cves", ""),
    ("/application-management/inventory", ""),
    ("/application-management/risks", "includeRemovals=true"),
    ("/cloud-detection/alerts", ""),
    ("/cloud-detection/rules", "isLegacy=false"),
    ("/rbac/roles", ""),
    ("/agents/tags", "includeEndpointCounters=true"),
    ("/exclusions", ""),
    ("/restrictions", ""),
    ("/ranger/table-view", ""),
    ("/xdr/assets", ""),
];
const OBJECTS: [&str; 7] = [
    "/system/status",
    "/system/info",
    "/user",
    "/agents/count",
    "/activities/types",
    "/tenant/policy",
    "/application-management/settings",
];
/// Endpoints that answer only for what their parameters name.
const NARROW: [&str; 3] = [
    "/agents/applications",
    "/application-management/inventory/applications",
    "/application-management/inventory/endpoints",
];
/// How many applications an agent of the compared console has: enough for every product.
const APPLICATIONS: usize = 8;

/// A place where an answer leaves the schema: endpoint, field, how.
type Deviation = (String, String, OddityRank);

/// [`OddityKind`] in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OddityRank {
    Null,
    Type,
    Enum,
    Extra,
    Missing,
}

impl From<OddityKind> for OddityRank {
    fn from(kind: OddityKind) -> OddityRank {
        match kind {
            OddityKind::Null => OddityRank::Null,
            OddityKind::Type => OddityRank::Type,
            OddityKind::Enum => OddityRank::Enum,
            OddityKind::Extra => OddityRank::Extra,
            OddityKind::Missing => OddityRank::Missing,
        }
    }
}

struct Referee<'a> {
    specification: &'a Value,
    /// How often each deviation was seen, and one example.
    found: BTreeMap<Deviation, (u64, String)>,
    values: u64,
}

impl Referee<'_> {
    fn resolve<'v>(&'v self, mut schema: &'v Value) -> &'v Value {
        for _ in 0..DEPTH_MAX {
            let Some(name) = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/definitions/")) else { break };
            schema = &self.specification["definitions"][name];
        }
        schema
    }

    fn note(&mut self, endpoint: &str, field: &str, kind: OddityRank, value: &Value) {
        let mut example = value.to_string();
        example.truncate(example.floor_char_boundary(60));
        let entry = self.found.entry((endpoint.to_owned(), field.to_owned(), kind)).or_insert((0, example));
        entry.0 += 1;
    }

    fn hold(&mut self, endpoint: &str, field: &str, schema: &Value, value: &Value, depth: usize) {
        self.values += 1;
        let schema = self.resolve(schema).clone();
        if depth > DEPTH_MAX {
            return;
        }
        if value.is_null() {
            if schema["x-nullable"] != true && (schema.get("type").is_some() || schema.get("properties").is_some()) {
                self.note(endpoint, field, OddityRank::Null, value);
            }
            return;
        }
        let right = match schema["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => true,
        };
        if !right {
            self.note(endpoint, field, OddityRank::Type, value);
            return;
        }
        if let Some(list) = schema["enum"].as_array()
            && !list.contains(value)
        {
            self.note(endpoint, field, OddityRank::Enum, value);
        }
        if let Some(items) = value.as_array() {
            let place = format!("{field}[]");
            for item in items {
                self.hold(endpoint, &place, &schema["items"], item, depth + 1);
            }
        }
        let Some(fields) = value.as_object() else { return };
        let properties = schema["properties"].as_object();
        let open = schema.get("additionalProperties");
        for (key, inner) in fields {
            let known = properties.and_then(|p| p.get(key));
            let (key, inner_schema) = match (known, open) {
                (Some(schema), _) => (key.as_str(), schema.clone()),
                (None, Some(schema)) if schema.is_object() => ("*", schema.clone()),
                // A schema without properties says nothing of what is inside.
                (None, _) if properties.is_none() => continue,
                _ => {
                    let place = join(field, key);
                    self.note(endpoint, &place, OddityRank::Extra, inner);
                    continue;
                }
            };
            self.hold(endpoint, &join(field, key), &inner_schema, inner, depth + 1);
        }
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(required) {
                self.note(endpoint, &join(field, required), OddityRank::Missing, &Value::Null);
            }
        }
    }
}

fn join(field: &str, key: &str) -> String {
    if field.is_empty() { key.to_owned() } else { format!("{field}.{key}") }
}

/// Compares the simulator with the specification in `dir`.
pub fn check_sim(dir: &Path) -> anyhow::Result<()> {
    let path = dir.join(SPECIFICATION);
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let specification: Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let mut config = Config::frozen(7, ENDPOINTS, NOW);
    config.applications_per_agent = APPLICATIONS;
    let world = World::new(config);
    let mut referee = Referee { specification: &specification, found: BTreeMap::new(), values: 0 };
    let mut endpoints = 0;
    for (template, query) in LISTS {
        endpoints += 1;
        read_list(&world, &mut referee, template, template, query)?;
    }
    for template in OBJECTS {
        endpoints += 1;
        read_object(&world, &mut referee, template, template, "")?;
    }
    for (template, ids) in [
        ("/accounts/{account_id}", world.account_ids()),
        ("/accounts/{account_id}/policy", world.account_ids()),
        ("/sites/{site_id}", world.site_ids()),
        ("/sites/{site_id}/policy", world.site_ids()),
        ("/groups/{group_id}", world.group_ids()),
        ("/groups/{group_id}/policy", world.group_ids()),
        ("/users/{user_id}", listed_ids(&world, "/users")?),
        ("/service-users/{service_user_id}", listed_ids(&world, "/service-users")?),
    ] {
        endpoints += 1;
        for id in ids {
            read_object(&world, &mut referee, template, &fill(template, &id), "")?;
        }
    }
    for template in ["/threats/{threat_id}/timeline", "/threats/{threat_id}/notes"] {
        endpoints += 1;
        for id in world.threat_ids() {
            read_list(&world, &mut referee, template, &fill(template, &id), "")?;
        }
    }
    endpoints += NARROW.len();
    for agent in world.agent_ids().iter().take(40) {
        for template in &NARROW[..2] {
            read_object(&world, &mut referee, template, template, &format!("ids={agent}"))?;
        }
    }
    let titles = good(&world, "/application-management/inventory", "limit=1000")?;
    for title in titles["data"].as_array().into_iter().flatten().step_by(5) {
        let text = |key: &str| encode(title[key].as_str().unwrap_or(""));
        let query =
            format!("applicationName={}&applicationVendor={}", text("applicationName"), text("applicationVendor"));
        read_list(&world, &mut referee, NARROW[2], NARROW[2], &query)?;
    }
    let unknown = unknown_parameters(&world, &specification)?;
    report(&referee, endpoints, &unknown)
}

/// Prints what was found and fails if anything is not named.
fn report(referee: &Referee<'_>, endpoints: usize, unknown: &[String]) -> anyhow::Result<()> {
    let named: BTreeSet<Deviation> =
        ODDITIES.iter().map(|o| (o.endpoint.to_owned(), o.field.to_owned(), OddityRank::from(o.kind))).collect();
    let mut faults = String::new();
    for (deviation, (count, example)) in &referee.found {
        if !named.contains(deviation) {
            let (endpoint, field, kind) = deviation;
            writeln!(faults, "  {endpoint} {field}: {kind:?} ({count}x, such as {example})")?;
        }
    }
    for (endpoint, field, kind) in named.iter().filter(|n| !referee.found.contains_key(*n)) {
        writeln!(faults, "  {endpoint} {field}: {kind:?} is named as planted and was never seen")?;
    }
    for parameter in unknown {
        writeln!(faults, "  {parameter}: a parameter that the specification has and the simulator does not know")?;
    }
    println!("{endpoints} endpoints, {} values, {} planted oddities", referee.values, named.len());
    if faults.is_empty() {
        return Ok(());
    }
    bail!("the simulator leaves the specification where it does not say so:\n{faults}")
}

fn fill(template: &str, id: &str) -> String {
    match (template.find('{'), template.find('}')) {
        (Some(from), Some(to)) => format!("{}{id}{}", &template[..from], &template[to + 1..]),
        _ => template.to_owned(),
    }
}

fn ask(world: &World, path: &str, query: &str) -> anyhow::Result<(u16, Value)> {
    let request = http::Request::builder()
        .uri(format!("https://console.invalid{PREFIX}{path}?{query}"))
        .header("authorization", format!("ApiToken {}", tokens::GLOBAL))
        .body(bytes::Bytes::new())?;
    // In process and without faults the simulator answers at once.
    let mut answer = pin!(world.service()(request));
    let Poll::Ready(response) = answer.as_mut().poll(&mut Task::from_waker(Waker::noop())) else {
        bail!("the simulator did not answer {path} at once");
    };
    let response = response?;
    let status = response.status().as_u16();
    let value = serde_json::from_slice(response.body()).with_context(|| format!("{path} did not answer JSON"))?;
    Ok((status, value))
}

fn good(world: &World, path: &str, query: &str) -> anyhow::Result<Value> {
    let (status, value) = ask(world, path, query)?;
    if status != 200 {
        bail!("{path}?{query} answered {status}: {value}");
    }
    Ok(value)
}

fn schema_of(specification: &Value, template: &str) -> anyhow::Result<Value> {
    let schema = &specification["paths"][format!("{PREFIX}{template}")]["get"]["responses"]["200"]["schema"];
    if schema.is_null() {
        bail!("the specification has no answer for GET {template}");
    }
    Ok(schema.clone())
}

fn read_object(
    world: &World,
    referee: &mut Referee<'_>,
    template: &str,
    path: &str,
    query: &str,
) -> anyhow::Result<()> {
    let schema = schema_of(referee.specification, template)?;
    let value = good(world, path, query)?;
    referee.hold(template, "", &schema, &value, 0);
    Ok(())
}

fn read_list(world: &World, referee: &mut Referee<'_>, template: &str, path: &str, query: &str) -> anyhow::Result<()> {
    let schema = schema_of(referee.specification, template)?;
    let mut cursor = String::new();
    loop {
        let value = good(world, path, &format!("limit=1000&{query}{cursor}"))?;
        referee.hold(template, "", &schema, &value, 0);
        let Some(next) = value["pagination"]["nextCursor"].as_str() else { return Ok(()) };
        cursor = format!("&cursor={}", encode(next));
    }
}

/// Percent-encodes everything but letters and digits.
fn encode(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().map(|b| if kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn listed_ids(world: &World, path: &str) -> anyhow::Result<Vec<String>> {
    let value = good(world, path, "limit=1000")?;
    let rows = value["data"].as_array().into_iter().flatten();
    Ok(rows.filter_map(|row| row["id"].as_str().map(str::to_owned)).collect())
}

/// Parameters of the specification that the simulator calls unknown.
fn unknown_parameters(world: &World, specification: &Value) -> anyhow::Result<Vec<String>> {
    let mut unknown = Vec::new();
    for template in LISTS.iter().map(|l| l.0).chain(OBJECTS).chain(NARROW) {
        let get = &specification["paths"][format!("{PREFIX}{template}")]["get"];
        for parameter in get["parameters"].as_array().into_iter().flatten() {
            let (Some(name), Some("query")) = (parameter["name"].as_str(), parameter["in"].as_str()) else { continue };
            let (_, answer) = ask(world, template, &format!("{name}="))?;
            let detail = answer["errors"][0]["detail"].as_str().unwrap_or("");
            if detail.contains("Unknown field") {
                unknown.push(format!("{template} {name}"));
            }
        }
    }
    Ok(unknown)
}
