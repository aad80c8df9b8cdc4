//! Lists: filters, order, keyset cursors and counts, for every collection alike.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::activity::Shape;
use crate::draw::mix;
use crate::params::{Given, Query, range};
use crate::software::Kind;
use crate::state::{NONE, Reach, State};
use crate::text::parse_instant;

/// How many records a page holds when the request does not say (vendor spec, `limit`).
const DEFAULT_LIMIT: usize = 10;

/// Room for what follows the records of a page: the cursor and the count.
pub(crate) const CLOSING_BYTES: usize = 1024;

/// How many counts of whole lists are kept.
pub(crate) const COUNTS_MAX: usize = 256;

/// From how many agents on an order is kept from page to page.
const ORDERED_MIN: usize = 500;
/// How many orders are kept.
const ORDERS_MAX: usize = 2;

/// The agents that a request matches, in its order, as long as nothing changes and no time passes.
pub(crate) struct Order {
    key: u64,
    changes: u64,
    now: i64,
    /// Key, id and index, ascending.
    rows: Vec<(i64, u64, u32)>,
    unheeded: Vec<&'static str>,
}

impl Order {
    /// The rows of one page and the place after them.
    fn page(&self, ask: &Ask<'_>) -> (Vec<u32>, Option<Position>) {
        if ask.query.flag("countOnly") {
            return (Vec::new(), None);
        }
        let descending = ask.query.one("sortOrder") == Some("desc");
        let after = ask.cursor.as_ref().and_then(|c| c.after.as_ref()).map(|position| match position.key {
            Key::Int(key) => (key, position.id),
            _ => (i64::MIN, 0),
        });
        let skip = if ask.cursor.is_some() { 0 } else { ask.query.number("skip").unwrap_or(0) };
        let passed = match after {
            None => 0,
            Some(after) if descending => self.rows.len() - self.rows.partition_point(|row| (row.0, row.1) < after),
            Some(after) => self.rows.partition_point(|row| (row.0, row.1) <= after),
        };
        let at = |nth: usize| if descending { self.rows[self.rows.len() - 1 - nth] } else { self.rows[nth] };
        let first = (passed + skip).min(self.rows.len());
        let end = (first + ask.limit).min(self.rows.len());
        let next = (end < self.rows.len() && end > first).then(|| at(end - 1));
        let next = next.map(|(key, id, _)| Position { key: Key::Int(key), id });
        ((first..end).map(|nth| at(nth).2).collect(), next)
    }
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collection {
    Accounts,
    Sites,
    Groups,
    Users,
    ServiceUsers,
    Agents,
    Threats,
    Activities,
    /// Of the threat with this index.
    Timeline(usize),
    /// Of the threat with this index.
    Notes(usize),
    InstalledApplications,
    Inventory,
    InventoryEndpoints,
    Risks,
    Cves,
    Alerts,
    Rules,
    Roles,
    Tags,
    Exclusions,
    Restrictions,
    Assets,
    Devices,
}

/// What a token sees.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) tenant: bool,
    pub(crate) accounts: Vec<bool>,
    pub(crate) sites: Vec<bool>,
    /// The token is bound to sites: what belongs to an account as a whole is hidden.
    pub(crate) only_sites: bool,
}

impl View {
    /// Tells views apart.
    pub(crate) fn signature(&self) -> u64 {
        let seen = self.accounts.iter().chain(&self.sites).chain([&self.tenant, &self.only_sites]);
        seen.fold(0x9e37, |hash, flag| mix(hash ^ u64::from(*flag)))
    }
}

/// A sort key: null comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Null,
    Int(i64),
    Text(String),
}

impl Key {
    pub(crate) fn of(value: Option<&Value>) -> Key {
        match value {
            Some(Value::String(text)) => Key::Text(text.clone()),
            Some(Value::Number(number)) => Key::Int(number.as_i64().unwrap_or(i64::MAX)),
            Some(Value::Bool(flag)) => Key::Int(i64::from(*flag)),
            _ => Key::Null,
        }
    }

    fn json(&self) -> Value {
        match self {
            Key::Null => Value::Null,
            Key::Int(number) => json!(number),
            Key::Text(text) => json!(text),
        }
    }
}

/// The place after a record in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) key: Key,
    pub(crate) id: u64,
}

/// A cursor, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Absent: before the first record.
    pub(crate) after: Option<Position>,
}

/// How a list is asked for, checked and opened.
pub(crate) struct Ask<'a> {
    pub(crate) collection: Collection,
    pub(crate) query: &'a Query,
    pub(crate) view: &'a View,
    /// Binds cursors to path, filters and order.
    pub(crate) fingerprint: u64,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) limit: usize,
    pub(crate) activities_cap: u64,
    /// What the answer's body begins with, before the first record.
    pub(crate) opening: Vec<u8>,
}

/// One page: the opening, then the records, joined by commas.
pub(crate) struct Page {
    pub(crate) records: Vec<u8>,
    /// Where each record begins in `records`.
    pub(crate) begins: Vec<usize>,
    pub(crate) next: Option<Position>,
    pub(crate) total: u64,
    /// Valid parameters that nothing acts on.
    pub(crate) unheeded: Vec<&'static str>,
}

/// Identifies an order and a set of filters.
pub(crate) fn fingerprint(path: &str, query: &Query) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    eat(path);
    for given in &query.given {
        if !matches!(given.name, "cursor" | "limit" | "countOnly" | "skipCount" | "skip") {
            eat(given.name);
            given.values.iter().for_each(|v| eat(v));
        }
    }
    mix(hash)
}

/// A number that follows from texts.
pub(crate) fn fingerprint_of(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    // Positive as a signed number too, since keys are.
    mix(bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))) >> 1
}

/// Writes a cursor. The nonce makes cursors for one place differ.
pub(crate) fn seal(fingerprint: u64, after: Option<&Position>, nonce: Option<u64>) -> String {
    let mut parts = vec![json!(format!("{fingerprint:016x}"))];
    if let Some(position) = after {
        parts.extend([position.key.json(), json!(position.id.to_string())]);
    }
    if let Some(nonce) = nonce {
        parts.push(json!(nonce));
    }
    STANDARD.encode(Value::Array(parts).to_string())
}

/// Opens a cursor; nothing if it is not one of ours for this order and these filters.
pub(crate) fn unseal(text: &str, fingerprint: u64) -> Option<Cursor> {
    let bytes = STANDARD.decode(text).ok()?;
    let parts: Vec<Value> = serde_json::from_slice(&bytes).ok()?;
    if parts.first()?.as_str()? != format!("{fingerprint:016x}") {
        return None;
    }
    let after = match parts.len() {
        1 | 2 => None,
        3 | 4 => Some(Position { key: Key::of(parts.get(1)), id: parts.get(2)?.as_str()?.parse().ok()? }),
        _ => return None,
    };
    Some(Cursor { after })
}

/// The limit a request asks for.
pub(crate) fn limit(query: &Query, page_max: usize) -> usize {
    query.number("limit").unwrap_or(DEFAULT_LIMIT).min(page_max).max(1)
}

// -- filters --

/// How a value is compared.
#[derive(Clone, Debug)]
enum Op {
    Any(Vec<String>),
    NoneOf(Vec<String>),
    Contains(Vec<String>),
    Compare(Ordering, bool, String),
    Between(i64, i64),
}

/// A filter over a record's JSON.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    paths: Vec<String>,
    op: Op,
}

pub(crate) fn leaves<'v>(value: &'v Value, path: &str, out: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, path, out)),
        _ if path.is_empty() => out.push(value),
        _ => {
            let (head, rest) = path.split_once('.').unwrap_or((path, ""));
            if head == "*" {
                value.as_object().into_iter().flat_map(|o| o.values()).for_each(|v| leaves(v, rest, out));
            } else if let Some(inner) = value.get(head) {
                leaves(inner, rest, out);
            }
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The version-like parts of a text, so that `24.10` comes after `24.9`.
fn rank(text: &str) -> Vec<u64> {
    text.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

impl Test {
    pub(crate) fn holds(&self, record: &Value) -> bool {
        let mut found = Vec::new();
        self.paths.iter().for_each(|path| leaves(record, path, &mut found));
        match &self.op {
            Op::Any(wanted) => found.iter().any(|v| {
                let text = text_of(v);
                wanted.iter().any(|w| w.eq_ignore_ascii_case(&text))
            }),
            Op::NoneOf(unwanted) => !found.iter().any(|v| unwanted.contains(&text_of(v))),
            Op::Contains(parts) => found.iter().any(|v| {
                let text = text_of(v).to_lowercase();
                parts.iter().any(|p| text.contains(&p.to_lowercase()))
            }),
            Op::Compare(order, or_equal, bound) => found.iter().any(|v| {
                let text = text_of(v);
                let compared = match (parse_instant(&text), parse_instant(bound)) {
                    (Some(a), Some(b)) => a.cmp(&b),
                    _ => rank(&text).cmp(&rank(bound)),
                };
                !text.is_empty() && (compared == *order || *or_equal && compared == Ordering::Equal)
            }),
            Op::Between(from, to) => found.iter().any(|v| {
                let at = parse_instant(&text_of(v)).or_else(|| v.as_i64());
                at.is_some_and(|at| (*from..=*to).contains(&at))
            }),
        }
    }
}

/// Where a filter's name differs from the field it looks at: collection, filter, path of the field.
const PLACES: [(&str, &str, &str); 115] = [
    ("*", "ids", "id"),
    ("*", "accountIds", "accountId"),
    ("*", "siteIds", "siteId"),
    ("*", "groupIds", "groupId"),
    ("*", "states", "state"),
    ("*", "types", "type"),
    ("accounts", "accountIds", "id"),
    ("sites", "siteIds", "id"),
    ("groups", "groupIds", "id"),
    ("users", "accountIds", "scopeRoles.id"),
    ("users", "siteIds", "scopeRoles.id"),
    ("users", "roleIds", "scopeRoles.roleId"),
    ("users", "sources", "source"),
    ("users", "twoFaStatuses", "twoFaStatus"),
    ("users", "apiTokenExpiresAt", "apiToken.expiresAt"),
    ("users", "createdAt", "dateJoined"),
    ("users", "lastActivation", "lastLogin"),
    ("notes", "creatorId", "creatorId"),
    ("agents", "agentVersions", "agentVersion"),
    ("agents", "rangerVersions", "rangerVersion"),
    ("agents", "osArches", "osArch"),
    ("agents", "osTypes", "osType"),
    ("agents", "osVersion", "osRevision"),
    ("agents", "scanStatuses", "scanStatus"),
    ("agents", "machineTypes", "machineType"),
    ("agents", "storageTypes", "storageType"),
    ("agents", "networkStatuses", "networkStatus"),
    ("agents", "domains", "domain"),
    ("agents", "consoleMigrationStatuses", "consoleMigrationStatus"),
    ("agents", "migrationStatus", "consoleMigrationStatus"),
    ("agents", "appsVulnerabilityStatuses", "appsVulnerabilityStatus"),
    ("agents", "locationIds", "locations.id"),
    ("agents", "installerTypes", "installerType"),
    ("agents", "operationalStates", "operationalState"),
    ("agents", "remoteProfilingStates", "remoteProfilingState"),
    ("agents", "rangerStatuses", "rangerStatus"),
    ("agents", "uuids", "uuid"),
    ("agents", "filteredGroupIds", "groupId"),
    ("agents", "filteredSiteIds", "siteId"),
    ("agents", "networkInterfaceInet", "networkInterfaces.inet"),
    ("agents", "networkInterfacePhysical", "networkInterfaces.physical"),
    ("agents", "networkInterfaceGatewayMacAddress", "networkInterfaces.gatewayMacAddress"),
    ("agents", "gatewayIp", "networkInterfaces.gatewayIp"),
    ("agents", "adComputerName", "activeDirectory.computerDistinguishedName"),
    ("agents", "adUserName", "activeDirectory.lastUserDistinguishedName"),
    ("agents", "cloudLocation", "cloudProviders.*.cloudLocation"),
    ("threats", "agentIds", "agentRealtimeInfo.agentId"),
    ("threats", "analystVerdicts", "threatInfo.analystVerdict"),
    ("threats", "incidentStatuses", "threatInfo.incidentStatus"),
    ("threats", "mitigationStatuses", "threatInfo.mitigationStatus"),
    ("threats", "confidenceLevels", "threatInfo.confidenceLevel"),
    ("threats", "classifications", "threatInfo.classification"),
    ("threats", "classificationSources", "threatInfo.classificationSource"),
    ("threats", "contentHashes", "threatInfo.sha1"),
    ("threats", "contentHash", "threatInfo.sha1"),
    ("threats", "storylines", "threatInfo.storyline"),
    ("threats", "collectionIds", "threatInfo.collectionId"),
    ("threats", "engines", "threatInfo.detectionEngines.key"),
    ("threats", "detectionEngines", "threatInfo.detectionEngines.key"),
    ("threats", "displayName", "threatInfo.threatName"),
    ("threats", "filePath", "threatInfo.filePath"),
    ("threats", "osTypes", "agentRealtimeInfo.agentOsType"),
    ("threats", "agentMachineTypes", "agentRealtimeInfo.agentMachineType"),
    ("threats", "computerName", "agentRealtimeInfo.agentComputerName"),
    ("threats", "initiatedBy", "threatInfo.initiatedBy"),
    ("activities", "activityUuids", "activityUuid"),
    ("applications", "typesNin", "type"),
    ("applications", "types", "type"),
    ("applications", "riskLevels", "riskLevel"),
    ("applications", "agentMachineTypes", "agentMachineType"),
    ("applications", "osTypes", "agentOsType"),
    ("applications", "agentOsVersion", "agentVersion"),
    ("inventory", "name", "applicationName"),
    ("inventory", "vendor", "applicationVendor"),
    ("inventory", "vendors", "applicationVendor"),
    ("endpoints", "versions", "version"),
    ("endpoints", "osVersions", "osVersion"),
    ("endpoints", "osArchitectures", "osArch"),
    ("risks", "severities", "severity"),
    ("risks", "applicationNames", "applicationName"),
    ("risks", "vendors", "applicationVendor"),
    ("risks", "endpointTypes", "endpointType"),
    ("risks", "lastScanResults", "lastScanResult"),
    ("risks", "exploitCodeMaturity", "exploitCodeMaturity"),
    ("risks", "remediationLevels", "remediationLevel"),
    ("cves", "cveIds", "cveId"),
    ("alerts", "createdAt", "alertInfo.createdAt"),
    ("alerts", "reportedAt", "alertInfo.reportedAt"),
    ("alerts", "severity", "ruleInfo.severity"),
    ("alerts", "ids", "alertInfo.alertId"),
    ("alerts", "osType", "agentDetectionInfo.osFamily"),
    ("alerts", "ruleName", "ruleInfo.name"),
    ("rules", "severities", "severity"),
    ("rules", "statuses", "status"),
    ("exclusions", "recommendations", "notRecommended"),
    ("exclusions", "userIds", "userId"),
    ("exclusions", "user", "userName"),
    ("exclusions", "modes", "mode"),
    ("exclusions", "pathExclusionTypes", "pathExclusionType"),
    ("exclusions", "osTypes", "osType"),
    ("restrictions", "recommendations", "notRecommended"),
    ("restrictions", "userIds", "userId"),
    ("restrictions", "user", "userName"),
    ("restrictions", "osTypes", "osType"),
    ("devices", "osTypes", "osType"),
    ("devices", "deviceTypes", "deviceType"),
    ("devices", "managedStates", "managedState"),
    ("devices", "domains", "domain"),
    ("devices", "agentIds", "agentId"),
    ("devices", "hostnames", "hostnames"),
    ("devices", "deviceReviews", "deviceReview"),
    ("assets", "names", "name"),
    ("assets", "id", "id"),
    ("assets", "category", "category"),
    ("assets", "surfaces", "surfaces"),
];

/// Filters whose field has the filter's own name.
const PLAIN: [&str; 102] = [
    "id",
    "name",
    "description",
    "rank",
    "isDefault",
    "type",
    "registrationToken",
    "healthStatus",
    "siteType",
    "state",
    "externalId",
    "suite",
    "sku",
    "accountId",
    "accountName",
    "createdAt",
    "updatedAt",
    "expiration",
    "totalLicenses",
    "activeLicenses",
    "accountType",
    "usageType",
    "billingMode",
    "source",
    "email",
    "fullName",
    "twoFaEnabled",
    "emailVerified",
    "twoFaStatus",
    "canGenerateApiToken",
    "creatorId",
    "creator",
    "isActive",
    "isPendingUninstall",
    "infected",
    "isUpToDate",
    "osArch",
    "encryptedApplications",
    "userActionsNeeded",
    "missingPermissions",
    "rangerStatus",
    "threatRebootRequired",
    "networkQuarantineEnabled",
    "firewallEnabled",
    "locationEnabled",
    "activeProtection",
    "computerName",
    "uuid",
    "scanStatus",
    "activeThreats",
    "externalIp",
    "registeredAt",
    "key",
    "value",
    "scopePath",
    "createdBy",
    "updatedBy",
    "version",
    "publisher",
    "agentComputerName",
    "agentUuid",
    "applicationName",
    "application",
    "endpointName",
    "endpointUuid",
    "cveId",
    "severity",
    "status",
    "queryType",
    "creatorName",
    "predefinedRole",
    "imported",
    "inAppInventory",
    "mode",
    "assetStatus",
    "infectionStatus",
    "assetCriticality",
    "subCategory",
    "resourceType",
    "deviceReview",
    "activeCoverage",
    "osType",
    "osName",
    "osVersion",
    "localIp",
    "macAddress",
    "networkName",
    "manufacturer",
    "managedState",
    "deviceType",
    "firstSeen",
    "lastSeen",
    "gatewayMacAddress",
    "installedAt",
    "size",
    "detectionDate",
    "publishedDate",
    "s1ql",
    "expired",
    "updatedById",
    "siteName",
    "applicationVendor",
];

/// Further filters of agents whose field has their name.
const PLAIN_AGENT: [&str; 13] = [
    "isDecommissioned",
    "isUninstalled",
    "mitigationMode",
    "mitigationModeSuspicious",
    "lastActiveDate",
    "lastSuccessfulScanDate",
    "totalMemory",
    "coreCount",
    "cpuCount",
    "agentVersion",
    "serialNumber",
    "cpuId",
    "lastLoggedInUserName",
];

fn collection_name(collection: Collection) -> &'static str {
    match collection {
        Collection::Accounts => "accounts",
        Collection::Sites => "sites",
        Collection::Groups => "groups",
        Collection::Users | Collection::ServiceUsers => "users",
        Collection::Agents => "agents",
        Collection::Threats => "threats",
        Collection::Activities | Collection::Timeline(_) => "activities",
        Collection::Notes(_) => "notes",
        Collection::InstalledApplications => "applications",
        Collection::Inventory => "inventory",
        Collection::InventoryEndpoints => "endpoints",
        Collection::Risks => "risks",
        Collection::Cves => "cves",
        Collection::Alerts => "alerts",
        Collection::Rules => "rules",
        Collection::Roles => "roles",
        Collection::Tags => "tags",
        Collection::Exclusions => "exclusions",
        Collection::Restrictions => "restrictions",
        Collection::Assets => "assets",
        Collection::Devices => "devices",
    }
}

/// The filter over JSON that a parameter means; nothing if none is known.
pub(crate) fn test(collection: Collection, given: &Given) -> Option<Test> {
    let (base, operator) = given.name.split_once("__").unwrap_or((given.name, ""));
    let (base, negated) = match base.strip_suffix("Nin") {
        Some(stem) => (stem, true),
        None => (base, false),
    };
    let of = collection_name(collection);
    let first = given.values.first()?;
    let op = match operator {
        "" if negated => Op::NoneOf(given.values.clone()),
        "" => Op::Any(given.values.clone()),
        "in" => Op::Any(given.values.clone()),
        "nin" => Op::NoneOf(given.values.clone()),
        "contains" | "like" => Op::Contains(given.values.clone()),
        "gt" => Op::Compare(Ordering::Greater, false, first.clone()),
        "gte" => Op::Compare(Ordering::Greater, true, first.clone()),
        "lt" => Op::Compare(Ordering::Less, false, first.clone()),
        "lte" => Op::Compare(Ordering::Less, true, first.clone()),
        "between" => range(first).map(|(from, to)| Op::Between(from, to))?,
        _ => return None,
    };
    let paths: Vec<String> = if base == "query" {
        let names = [
            "name",
            "fullName",
            "email",
            "computerName",
            "uuid",
            "externalIp",
            "threatInfo.threatName",
            "primaryDescription",
        ];
        return Some(Test { paths: names.map(str::to_owned).to_vec(), op: Op::Contains(vec![first.clone()]) });
    } else if let Some((_, _, path)) = PLACES
        .iter()
        .find(|(c, n, _)| *c == of && *n == base)
        .or_else(|| PLACES.iter().find(|(c, n, _)| *c == "*" && *n == base && !(of == "threats" && base != "ids")))
    {
        vec![(*path).to_owned()]
    } else if of == "threats" {
        match base {
            "accountIds" | "siteIds" | "groupIds" => vec![format!("agentRealtimeInfo.{}", base.trim_end_matches('s'))],
            "createdAt" | "updatedAt" => vec![format!("threatInfo.{base}")],
            "rebootRequired"
            | "failedActions"
            | "pendingActions"
            | "mitigatedPreemptively"
            | "externalTicketExists" => {
                vec![format!("threatInfo.{base}")]
            }
            _ => return None,
        }
    } else if PLAIN.contains(&base) || of == "agents" && PLAIN_AGENT.contains(&base) {
        vec![base.to_owned()]
    } else {
        return None;
    };
    Some(Test { paths, op })
}

/// Parameters that the rows of a collection were chosen by when they were made.
fn scoped_by_rows(collection: Collection, name: &str) -> bool {
    match collection {
        Collection::Tags | Collection::Exclusions | Collection::Restrictions | Collection::Devices => {
            matches!(
                name,
                "siteIds"
                    | "accountIds"
                    | "groupIds"
                    | "includeParents"
                    | "includeChildren"
                    | "includeEndpointCounters"
                    | "includeExclusionCounters"
                    | "unified"
                    | "period"
            )
        }
        Collection::Inventory => matches!(name, "siteIds" | "accountIds" | "groupIds" | "osTypes"),
        Collection::Roles => {
            matches!(name, "siteIds" | "accountIds" | "groupIds" | "includeParents" | "includeChildren")
        }
        Collection::Rules => {
            matches!(name, "siteIds" | "accountIds" | "groupIds" | "isLegacy" | "scopes" | "disablePagination")
        }
        Collection::Cves => matches!(name, "siteIds" | "accountIds" | "groupIds" | "applicationIds"),
        _ => false,
    }
}

/// A bound on an instant from the parameters `FIELD__gt` and so on: inclusive ends in µs.
pub(crate) fn window(query: &Query, field: &str) -> Option<(i64, i64)> {
    let mut from = i64::MIN;
    let mut to = i64::MAX;
    let mut any = false;
    for given in &query.given {
        let Some(operator) = given.name.strip_prefix(field).and_then(|rest| rest.strip_prefix("__")) else { continue };
        let Some(value) = given.values.first() else { continue };
        any = true;
        match (operator, parse_instant(value)) {
            ("gt", Some(at)) => from = from.max(at.saturating_add(1)),
            ("gte", Some(at)) => from = from.max(at),
            ("lt", Some(at)) => to = to.min(at.saturating_sub(1)),
            ("lte", Some(at)) => to = to.min(at),
            ("between", _) => {
                let (low, high) = range(value)?;
                (from, to) = (from.max(low), to.min(high));
            }
            _ => {}
        }
    }
    any.then_some((from, to))
}

pub(crate) fn id_set(values: &[String]) -> HashSet<u64> {
    values.iter().filter_map(|v| v.parse().ok()).collect()
}

pub(crate) fn flags(values: &[String]) -> (bool, bool) {
    let has = |word: &str| values.iter().any(|v| v.eq_ignore_ascii_case(word));
    (has("true"), has("false"))
}

/// A filter over a row's state.
type Quick<'a> = Box<dyn Fn(&State, usize) -> bool + 'a>;

/// Quick filters over the rows of a big collection, and slow ones over their JSON.
struct Sieve<'a> {
    quick: Vec<Quick<'a>>,
    slow: Vec<Test>,
    unheeded: Vec<&'static str>,
}

impl State {
    /// Whether a token sees a group's agents, and the request asks for them.
    pub(crate) fn group_filter(&self, view: &View, query: &Query) -> Vec<bool> {
        let sites = query.values("siteIds").or_else(|| query.values("filteredSiteIds")).map(id_set);
        let accounts = query.values("accountIds").map(id_set);
        let groups = query.values("groupIds").or_else(|| query.values("filteredGroupIds")).map(id_set);
        self.groups
            .iter()
            .map(|group| {
                let site = &self.sites[group.site];
                view.sites[group.site]
                    && !site.deleted
                    && sites.as_ref().is_none_or(|s| s.contains(&site.id))
                    && accounts.as_ref().is_none_or(|a| a.contains(&self.accounts[site.account].id))
                    && groups.as_ref().is_none_or(|g| g.contains(&group.id))
            })
            .collect()
    }

    /// Reads one page.
    pub(crate) fn page(&mut self, ask: &Ask<'_>) -> Page {
        match ask.collection {
            Collection::Agents => self.page_of_agents(ask),
            Collection::Threats => self.page_of_threats(ask),
            Collection::Activities => self.page_of_activities(ask),
            Collection::Alerts => self.page_of_alerts(ask),
            Collection::Assets => self.page_of_assets(ask),
            Collection::InstalledApplications => self.page_of_software(Kind::Installed, ask),
            Collection::InventoryEndpoints => self.page_of_software(Kind::Endpoints, ask),
            Collection::Risks => self.page_of_software(Kind::Risks, ask),
            small => self.page_of_values(small, ask),
        }
    }

    fn agent_sieve<'a>(&self, ask: &Ask<'a>) -> Sieve<'a> {
        let mut sieve = Sieve { quick: Vec::new(), slow: Vec::new(), unheeded: Vec::new() };
        let groups = self.group_filter(ask.view, ask.query);
        sieve.quick.push(Box::new(move |state, index| {
            let agent = &state.agents[index];
            !agent.gone && groups[agent.group as usize]
        }));
        // Whether these two have a default is not established; the unkind reading is played: what is not asked for stays out.
        let (yes, no) = ask.query.values("isDecommissioned").map_or((false, true), flags);
        sieve.quick.push(Box::new(
            move |state, index| {
                if state.agents[index].decommissioned.is_some() { yes } else { no }
            },
        ));
        let (yes, no) = ask.query.values("isUninstalled").map_or((false, true), flags);
        sieve.quick.push(Box::new(
            move |state, index| {
                if state.agents[index].uninstalled.is_some() { yes } else { no }
            },
        ));
        for field in ["createdAt", "updatedAt", "lastActiveDate"] {
            if let Some((from, to)) = window(ask.query, field) {
                sieve.quick.push(Box::new(move |state, index| {
                    let agent = &state.agents[index];
                    let at = match field {
                        "createdAt" => agent.created,
                        "updatedAt" => state.agent_updated(index, agent),
                        _ => state.last_seen(index, agent),
                    };
                    (from..=to).contains(&at)
                }));
            }
        }
        for given in &ask.query.given {
            let (base, _) = given.name.split_once("__").unwrap_or((given.name, ""));
            match given.name {
                "skip" | "limit" | "cursor" | "countOnly" | "skipCount" | "sortBy" | "sortOrder" | "siteIds"
                | "accountIds" | "groupIds" | "filteredSiteIds" | "filteredGroupIds" | "isDecommissioned"
                | "isUninstalled" => {}
                _ if matches!(base, "createdAt" | "updatedAt" | "lastActiveDate") => {}
                "ids" => {
                    let ids = id_set(&given.values);
                    sieve.quick.push(Box::new(move |state, index| ids.contains(&state.agents[index].id)));
                }
                "infected" => {
                    let (yes, no) = flags(&given.values);
                    sieve.quick.push(Box::new(
                        move |state, index| {
                            if state.agents[index].active_threats > 0 { yes } else { no }
                        },
                    ));
                }
                "osTypes" => {
                    sieve.quick.push(Box::new(move |state, index| {
                        let word = state.os_type(&state.agents[index]);
                        given.values.iter().any(|v| v == word)
                    }));
                }
                "machineTypes" => {
                    sieve.quick.push(Box::new(move |state, index| {
                        let word = state.machine_type(&state.agents[index]);
                        given.values.iter().any(|v| v == word)
                    }));
                }
                "mitigationMode" => {
                    sieve.quick.push(Box::new(move |state, index| {
                        given.values.iter().any(|v| v == state.mode(&state.agents[index]))
                    }));
                }
                _ => match test(Collection::Agents, given) {
                    Some(test) => sieve.slow.push(test),
                    None => sieve.unheeded.push(given.name),
                },
            }
        }
        sieve
    }

    /// The page out of an order that was kept, if there is one for this request.
    fn page_in_order(&mut self, ask: &Ask<'_>) -> Option<Page> {
        let key = ask.fingerprint ^ ask.view.signature();
        let order = self.orders.iter().find(|o| o.key == key && o.changes == self.changes && o.now == self.now)?;
        let (chosen, next) = order.page(ask);
        let page = Page::empty(ask, next, order.rows.len() as u64, order.unheeded.clone());
        Some(self.with_agents(page, chosen))
    }

    fn with_agents(&mut self, mut page: Page, chosen: Vec<u32>) -> Page {
        page.records.reserve(chosen.len() * 3600 + CLOSING_BYTES);
        for index in chosen {
            page.begin_record();
            self.write_agent(index as usize, &mut page.records);
        }
        page
    }

    fn page_of_agents(&mut self, ask: &Ask<'_>) -> Page {
        if let Some(page) = self.page_in_order(ask) {
            return page;
        }
        let sieve = self.agent_sieve(ask);
        let matching: Vec<u32> = (0..self.agents.len())
            .filter(|&index| sieve.quick.iter().all(|quick| quick(self, index)))
            .map(|index| index as u32)
            .collect();
        let Sieve { slow, unheeded, quick } = sieve;
        drop(quick);
        let mut buffer = Vec::new();
        let matching = if slow.is_empty() {
            matching
        } else {
            let mut kept = Vec::new();
            for index in matching {
                buffer.clear();
                self.write_agent(index as usize, &mut buffer);
                let record: Value = serde_json::from_slice(&buffer).unwrap_or_default();
                if slow.iter().all(|test| test.holds(&record)) {
                    kept.push(index);
                }
            }
            kept
        };
        let sort = ask.query.one("sortBy").unwrap_or("id");
        let kept = slow.is_empty() && matching.len() >= ORDERED_MIN;
        let keyed: Vec<(Key, u64, u32)> = match sort {
            "id" | "createdAt" | "updatedAt" | "lastActiveDate" | "activeThreats" | "isDecommissioned" => matching
                .iter()
                .map(|&index| {
                    let agent = &self.agents[index as usize];
                    let key = match sort {
                        "id" => agent.id as i64,
                        "createdAt" => agent.created,
                        "updatedAt" => self.agent_updated(index as usize, agent),
                        "lastActiveDate" => self.last_seen(index as usize, agent),
                        "activeThreats" => i64::from(agent.active_threats),
                        _ => i64::from(agent.decommissioned.is_some()),
                    };
                    (Key::Int(key), agent.id, index)
                })
                .collect(),
            _ => matching
                .iter()
                .map(|&index| {
                    buffer.clear();
                    self.write_agent(index as usize, &mut buffer);
                    let record: Value = serde_json::from_slice(&buffer).unwrap_or_default();
                    let path = PLACES.iter().find(|(c, n, _)| *c == "agents" && *n == sort).map_or(sort, |p| p.2);
                    let mut found = Vec::new();
                    leaves(&record, path, &mut found);
                    (Key::of(found.first().copied()), self.agents[index as usize].id, index)
                })
                .collect(),
        };
        if kept && keyed.iter().all(|row| matches!(row.0, Key::Int(_))) {
            let number = |key: &Key| if let Key::Int(number) = key { *number } else { i64::MIN };
            let mut rows: Vec<(i64, u64, u32)> = keyed.iter().map(|(key, id, at)| (number(key), *id, *at)).collect();
            rows.sort_unstable();
            let key = ask.fingerprint ^ ask.view.signature();
            self.orders.retain(|order| order.key != key);
            if self.orders.len() >= ORDERS_MAX {
                self.orders.remove(0);
            }
            self.orders.push(Order { key, changes: self.changes, now: self.now, rows, unheeded: unheeded.clone() });
            if let Some(page) = self.page_in_order(ask) {
                return page;
            }
        }
        let (chosen, next, total) = choose(keyed, ask);
        let page = Page::empty(ask, next, total, unheeded);
        self.with_agents(page, chosen)
    }

    fn page_of_threats(&mut self, ask: &Ask<'_>) -> Page {
        let groups = self.group_filter(ask.view, ask.query);
        let created = window(ask.query, "createdAt");
        let updated = window(ask.query, "updatedAt");
        let ids = ask.query.values("ids").map(id_set);
        let agents = ask.query.values("agentIds").map(id_set);
        let mut slow = Vec::new();
        let mut unheeded = Vec::new();
        for given in &ask.query.given {
            let (base, _) = given.name.split_once("__").unwrap_or((given.name, ""));
            match base {
                "skip" | "limit" | "cursor" | "countOnly" | "skipCount" | "sortBy" | "sortOrder" | "siteIds"
                | "accountIds" | "groupIds" | "createdAt" | "updatedAt" | "ids" | "agentIds" | "tenant"
                | "noteExists" | "resolved" => {}
                _ => match test(Collection::Threats, given) {
                    Some(test) => slow.push(test),
                    None => unheeded.push(given.name),
                },
            }
        }
        let noted = ask.query.values("noteExists").map(flags);
        let resolved = ask.query.values("resolved").map(flags);
        let mut matching: Vec<u32> = Vec::new();
        let mut buffer = Vec::new();
        for index in 0..self.threats.len() {
            let threat = &self.threats[index];
            let agent = &self.agents[threat.agent as usize];
            let within =
                |window: Option<(i64, i64)>, at: i64| window.is_none_or(|(from, to)| (from..=to).contains(&at));
            let flagged =
                |flags: Option<(bool, bool)>, is: bool| flags.is_none_or(|(yes, no)| if is { yes } else { no });
            if threat.gone
                || !self.is_visible(threat.id, threat.created)
                || !groups[agent.group as usize]
                || !within(created, threat.created)
                || !within(updated, threat.updated)
                || ids.as_ref().is_some_and(|ids| !ids.contains(&threat.id))
                || agents.as_ref().is_some_and(|ids| !ids.contains(&agent.id))
                || !flagged(noted, !threat.notes.is_empty())
                || !flagged(resolved, threat.incident == 2)
            {
                continue;
            }
            if !slow.is_empty() {
                buffer.clear();
                self.write_threat(index, &mut buffer);
                let record: Value = serde_json::from_slice(&buffer).unwrap_or_default();
                if !slow.iter().all(|test| test.holds(&record)) {
                    continue;
                }
            }
            matching.push(index as u32);
        }
        let sort = ask.query.one("sortBy").unwrap_or("id");
        let keyed: Vec<(Key, u64, u32)> = matching
            .into_iter()
            .map(|index| {
                let threat = &self.threats[index as usize];
                let id = threat.id;
                let key = match sort {
                    "id" => Key::Int(id as i64),
                    "createdAt" | "createdDate" => Key::Int(threat.created),
                    "updatedAt" => Key::Int(threat.updated),
                    _ => {
                        buffer.clear();
                        self.write_threat(index as usize, &mut buffer);
                        let record: Value = serde_json::from_slice(&buffer).unwrap_or_default();
                        let mut found = Vec::new();
                        for prefix in ["threatInfo", "agentRealtimeInfo", "agentDetectionInfo"] {
                            leaves(&record, &format!("{prefix}.{sort}"), &mut found);
                        }
                        Key::of(found.first().copied())
                    }
                };
                (key, id, index)
            })
            .collect();
        let (chosen, next, total) = choose(keyed, ask);
        let mut page = Page::empty(ask, next, total, unheeded);
        for index in chosen {
            page.begin_record();
            self.write_threat(index as usize, &mut page.records);
        }
        page
    }

    fn page_of_activities(&mut self, ask: &Ask<'_>) -> Page {
        let sites_given = ask.query.values("siteIds").map(id_set);
        let accounts_given = ask.query.values("accountIds").map(id_set);
        let groups_given = ask.query.values("groupIds").map(id_set);
        let site_ok: Vec<bool> = (0..self.sites.len())
            .map(|s| {
                let account = self.sites[s].account;
                // What is gone stays in the diary; a token sees the lines of the sites it saw.
                ask.view.sites[s]
                    && sites_given.as_ref().is_none_or(|g| g.contains(&self.sites[s].id))
                    && accounts_given.as_ref().is_none_or(|g| g.contains(&self.accounts[account].id))
            })
            .collect();
        let account_ok: Vec<bool> = (0..self.accounts.len())
            .map(|a| {
                ask.view.accounts[a]
                    && !ask.view.only_sites
                    && sites_given.is_none()
                    && accounts_given.as_ref().is_none_or(|g| g.contains(&self.accounts[a].id))
            })
            .collect();
        let kinds: Option<HashSet<u16>> =
            ask.query.values("activityTypes").map(|v| v.iter().filter_map(|k| k.parse().ok()).collect());
        let ids = ask.query.values("ids").map(id_set);
        let agents = ask.query.values("agentIds").map(id_set);
        let threats = ask.query.values("threatIds").map(id_set);
        let users = ask.query.values("userIds").map(id_set);
        let hidden = ask.query.flag("includeHidden");
        let mut slow = Vec::new();
        let mut unheeded = Vec::new();
        for given in &ask.query.given {
            let (base, _) = given.name.split_once("__").unwrap_or((given.name, ""));
            match base {
                "skip" | "limit" | "cursor" | "countOnly" | "skipCount" | "sortBy" | "sortOrder" | "siteIds"
                | "accountIds" | "groupIds" | "createdAt" | "ids" | "agentIds" | "threatIds" | "userIds"
                | "activityTypes" | "includeHidden" => {}
                _ => match test(Collection::Activities, given) {
                    Some(test) => slow.push(test),
                    None => unheeded.push(given.name),
                },
            }
        }
        let (from, to) = window(ask.query, "createdAt").unwrap_or((i64::MIN, i64::MAX));
        let low = self.activities.partition_point(|a| a.created < from);
        let high = self.activities.partition_point(|a| a.created <= to).max(low);
        let mut buffer = Vec::new();
        let mut holds = |state: &State, index: usize| {
            let row = &state.activities[index];
            let placed =
                if row.site == NONE { account_ok[usize::from(row.account)] } else { site_ok[row.site as usize] };
            let named = |set: &Option<HashSet<u64>>, id: Option<u64>| {
                set.as_ref().is_none_or(|set| id.is_some_and(|id| set.contains(&id)))
            };
            if !placed
                || row.hidden && !hidden
                || !state.is_visible(row.id, row.created)
                || kinds.as_ref().is_some_and(|kinds| !kinds.contains(&row.kind))
                || !named(&ids, Some(row.id))
                || !named(&agents, (row.agent != NONE).then(|| state.agents[row.agent as usize].id))
                || !named(&threats, (row.threat != NONE).then(|| state.threats[row.threat as usize].id))
                || !named(&users, (row.user != NONE).then(|| state.users[row.user as usize].id))
                || !named(&groups_given, (row.group != NONE).then(|| state.groups[row.group as usize].id))
            {
                return false;
            }
            slow.is_empty() || {
                buffer.clear();
                state.write_activity(row, Shape::Activity, &mut buffer);
                let record: Value = serde_json::from_slice(&buffer).unwrap_or_default();
                slow.iter().all(|test| test.holds(&record))
            }
        };
        let sort = ask.query.one("sortBy").unwrap_or("createdAt");
        let descending = ask.query.one("sortOrder") == Some("desc");
        let counting = !ask.query.flag("skipCount");
        let mut total = 0;
        let mut chosen: Vec<usize> = Vec::new();
        let mut next = None;
        if sort == "activityType" {
            let keyed: Vec<(Key, u64, u32)> = (low..high)
                .filter(|&index| holds(self, index))
                .map(|index| {
                    let row = &self.activities[index];
                    (Key::Int(i64::from(row.kind)), row.id, index as u32)
                })
                .collect();
            let (indexes, after, all) = choose(keyed, ask);
            (chosen, next, total) = (indexes.into_iter().map(|i| i as usize).collect(), after, all);
        } else {
            // The diary is kept in the order that is asked for: a page is a walk from the cursor's place.
            if counting {
                let cap = ask.activities_cap;
                for index in low..high {
                    if total >= cap {
                        break;
                    }
                    total += u64::from(holds(self, index));
                }
            }
            let after = ask.cursor.as_ref().and_then(|c| c.after.as_ref()).map(|p| match p.key {
                Key::Int(at) => (at, p.id),
                _ => (i64::MIN, 0),
            });
            let mut skip = if ask.cursor.is_some() { 0 } else { ask.query.number("skip").unwrap_or(0) };
            let (mut index, step_down) = match (after, descending) {
                (None, false) => (low, false),
                (None, true) => (high, true),
                (Some(after), false) => {
                    (self.activities.partition_point(|a| (a.created, a.id) <= after).max(low), false)
                }
                (Some(after), true) => (self.activities.partition_point(|a| (a.created, a.id) < after).min(high), true),
            };
            let mut more = false;
            loop {
                let at = if step_down {
                    if index <= low {
                        break;
                    }
                    index -= 1;
                    index
                } else {
                    if index >= high {
                        break;
                    }
                    index += 1;
                    index - 1
                };
                if !holds(self, at) {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                } else if chosen.len() == ask.limit {
                    more = true;
                    break;
                } else {
                    chosen.push(at);
                }
            }
            if more && let Some(&last) = chosen.last() {
                let row = &self.activities[last];
                next = Some(Position { key: Key::Int(row.created), id: row.id });
            }
            if ask.query.flag("countOnly") {
                chosen.clear();
                next = None;
            }
        }
        let mut page = Page::empty(ask, next, total.min(ask.activities_cap), unheeded);
        page.records.reserve(chosen.len() * 1300 + CLOSING_BYTES);
        for index in chosen {
            page.begin_record();
            self.write_activity(&self.activities[index], Shape::Activity, &mut page.records);
        }
        page
    }

    fn page_of_alerts(&self, ask: &Ask<'_>) -> Page {
        let groups = self.group_filter(ask.view, ask.query);
        let created = window(ask.query, "createdAt");
        let reported = window(ask.query, "reportedAt");
        let ids = ask.query.values("ids").map(id_set);
        let word = |text: &str| text.replace('_', "").to_lowercase();
        let verdicts = ask.query.values("analystVerdict");
        let incidents = ask.query.values("incidentStatus");
        let mut slow = Vec::new();
        let mut unheeded = Vec::new();
        for given in &ask.query.given {
            match given.name.split_once("__").map_or(given.name, |(base, _)| base) {
                "skip" | "limit" | "cursor" | "countOnly" | "skipCount" | "sortBy" | "sortOrder" | "siteIds"
                | "accountIds" | "groupIds" | "createdAt" | "reportedAt" | "ids" | "tenant" | "scopes"
                | "analystVerdict" | "incidentStatus" | "disablePagination" => {}
                _ => match test(Collection::Alerts, given) {
                    Some(test) => slow.push(test),
                    None => unheeded.push(given.name),
                },
            }
        }
        let within = |window: Option<(i64, i64)>, at: i64| window.is_none_or(|(from, to)| (from..=to).contains(&at));
        // The filter's words are not those of the answer.
        let said =
            |wanted: Option<&[String]>, is: &str| wanted.is_none_or(|words| words.iter().any(|w| word(w) == word(is)));
        let sort = ask.query.one("sortBy").unwrap_or("id");
        let mut keyed = Vec::new();
        for (index, alert) in self.alerts.iter().enumerate() {
            if alert.gone
                || !groups[self.agents[alert.agent as usize].group as usize]
                || !within(created, alert.created)
                || !within(reported, alert.reported)
                || !self.is_visible(alert.id, alert.created)
                || ids.as_ref().is_some_and(|ids| !ids.contains(&alert.id))
                || !said(verdicts, crate::state::VERDICTS[usize::from(alert.verdict)])
                || !said(incidents, crate::state::INCIDENTS[usize::from(alert.incident)])
            {
                continue;
            }
            let record = (!slow.is_empty() || sort != "id").then(|| self.alert_record(index));
            if record.as_ref().is_some_and(|record| !slow.iter().all(|test| test.holds(record))) {
                continue;
            }
            let key = match sort {
                "id" | "alertInfoAlertId" => Key::Int(alert.id as i64),
                "alertInfoCreatedAt" => Key::Int(alert.created),
                "alertInfoReportedAt" => Key::Int(alert.reported),
                other => {
                    // `ruleInfoName` is the field `name` of `ruleInfo`.
                    let mut found = Vec::new();
                    if let (Some(record), Some(at)) = (&record, other.find("Info")) {
                        let (head, tail) = other.split_at(at + 4);
                        let field = tail.get(..1).map_or(String::new(), |c| c.to_lowercase() + &tail[1..]);
                        leaves(record, &format!("{head}.{field}"), &mut found);
                    }
                    Key::of(found.first().copied())
                }
            };
            keyed.push((key, alert.id, index as u32));
        }
        let (chosen, next, total) = choose(keyed, ask);
        let mut page = Page::empty(ask, next, total, unheeded);
        for index in chosen {
            page.begin_record();
            let record = self.alert_record(index as usize);
            serde_json::to_writer(&mut page.records, &record).expect("a value always serializes");
        }
        page
    }

    /// Known vulnerabilities as the older list tells them: of the applications asked for, or all.
    fn cve_rows(&self, query: &Query) -> Vec<(u64, Value)> {
        let mut known: HashSet<&str> = HashSet::new();
        let wanted = query.values("applicationIds").map(id_set);
        let named = wanted.map(|ids| {
            let mut apps = Vec::new();
            let mut titles = HashSet::new();
            for id in ids {
                let agent = State::agent_of_software(Kind::Installed, id);
                if agent < self.agents.len() {
                    self.applications(agent, &mut apps);
                    let slot = id - State::first_software_id(Kind::Installed, agent);
                    titles.extend(apps.iter().filter(|app| u64::from(app.slot) == slot).map(|app| app.title));
                }
            }
            titles
                .into_iter()
                .flat_map(|title| self.software.cves(title))
                .map(|cve| cve.id.as_str())
                .collect::<HashSet<_>>()
        });
        let mut rows = Vec::new();
        for cve in self.software.titles().flat_map(|title| &title.cves) {
            if !known.insert(&cve.id) || named.as_ref().is_some_and(|named| !named.contains(cve.id.as_str())) {
                continue;
            }
            let id = 1_700_000_000_000_000_000 + fingerprint_of(&[&cve.id]) % 100_000_000_000_000_000;
            let level = match cve.severity {
                "CRITICAL" => "critical",
                "HIGH" => "high",
                "MEDIUM" => "medium",
                "LOW" => "low",
                _ => "none",
            };
            // A number here, a text among the risks.
            let score: f64 = cve.score.parse().unwrap_or(0.0);
            let published = crate::text::seconds_text(cve.published);
            rows.push((
                id,
                json!({
                    "createdAt": crate::text::micros_text(cve.published), "cveId": cve.id,
                    "description": "A flaw &amp; its consequences.", "id": id.to_string(),
                    "link": format!("https://nvd.nist.gov/vuln/detail/{}", cve.id), "publishedAt": published,
                    "riskLevel": level, "score": score, "updatedAt": crate::text::micros_text(cve.published),
                }),
            ));
        }
        rows
    }

    /// Rows of the small collections as JSON, as far as the token sees them.
    fn values(&mut self, collection: Collection, view: &View, query: &Query) -> Vec<(u64, Value)> {
        let count = self.headcount();
        match collection {
            Collection::Accounts => (0..self.accounts.len())
                .filter(|&a| view.accounts[a])
                .map(|a| (self.accounts[a].id, self.account_record(a, &count)))
                .collect(),
            Collection::Sites => {
                let deleted = ["state", "states"].iter().any(|name| query.values(name).is_some());
                (0..self.sites.len())
                    .filter(|&s| view.sites[s] && (deleted || !self.sites[s].deleted))
                    .map(|s| (self.sites[s].id, self.site_record(s, &count)))
                    .collect()
            }
            Collection::Groups => (0..self.groups.len())
                .filter(|&g| !self.groups[g].deleted)
                .filter(|&g| view.sites[self.groups[g].site] && !self.sites[self.groups[g].site].deleted)
                .filter(|&g| {
                    let accounts = query.values("accountIds").map(id_set);
                    let account = self.accounts[self.sites[self.groups[g].site].account].id;
                    accounts.is_none_or(|a| a.contains(&account))
                })
                .map(|g| (self.groups[g].id, self.group_record(g, &count)))
                .collect(),
            Collection::Users | Collection::ServiceUsers => (0..self.users.len())
                .filter(|&u| self.users[u].service == (collection == Collection::ServiceUsers))
                .filter(|&u| self.sees_user(view, u))
                .map(|u| {
                    let service = collection == Collection::ServiceUsers;
                    (self.users[u].id, if service { self.service_user_record(u) } else { self.user_record(u, None) })
                })
                .collect(),
            Collection::Timeline(threat) => {
                let mut rows = Vec::new();
                for &id in &self.threats[threat].timeline {
                    let Some(row) = self.activity_by_id(id) else { continue };
                    let mut buffer = Vec::new();
                    self.write_activity(row, Shape::Timeline, &mut buffer);
                    rows.push((id, serde_json::from_slice(&buffer).unwrap_or_default()));
                }
                rows
            }
            Collection::Notes(threat) => (0..self.threats[threat].notes.len())
                .map(|nth| {
                    let mut buffer = Vec::new();
                    self.write_note(threat, nth, &mut buffer);
                    (self.threats[threat].notes[nth].id, serde_json::from_slice(&buffer).unwrap_or_default())
                })
                .collect(),
            Collection::Inventory => self.inventory_rows(view, query),
            Collection::Cves => self.cve_rows(query),
            Collection::Rules => {
                let legacy = query.one("isLegacy").is_none_or(|text| text.eq_ignore_ascii_case("true"));
                self.rule_rows(view, legacy)
            }
            Collection::Roles => self.role_rows(view, query),
            Collection::Tags => self.tag_rows(view, query),
            Collection::Exclusions => self.exclusion_rows(view, query),
            Collection::Restrictions => self.restriction_rows(view, query),
            Collection::Devices => self.device_rows(view, query),
            Collection::Agents
            | Collection::Threats
            | Collection::Activities
            | Collection::Alerts
            | Collection::Assets
            | Collection::InstalledApplications
            | Collection::InventoryEndpoints
            | Collection::Risks => Vec::new(),
        }
    }

    fn activity_by_id(&self, id: u64) -> Option<&crate::state::Activity> {
        // An id holds its row's millisecond: only the rows of that millisecond are looked at.
        let guess = self.activities.partition_point(|a| a.id >> 23 < id >> 23);
        self.activities[guess..].iter().take_while(|a| a.id >> 23 == id >> 23).find(|a| a.id == id)
    }

    /// Whether a token sees a user: one whose work lies inside what the token sees.
    pub(crate) fn sees_user(&self, view: &View, user: usize) -> bool {
        if self.users[user].gone {
            return false;
        }
        match self.users[user].reach {
            Reach::Tenant => view.tenant,
            Reach::Account(account) => view.accounts[account] && !view.only_sites,
            Reach::Site(site) => view.sites[site],
        }
    }

    fn page_of_values(&mut self, collection: Collection, ask: &Ask<'_>) -> Page {
        let mut unheeded = Vec::new();
        let mut tests = Vec::new();
        for given in &ask.query.given {
            let handled = matches!(
                given.name,
                "skip" | "limit" | "cursor" | "countOnly" | "skipCount" | "sortBy" | "sortOrder" | "tenant"
            ) || collection == Collection::Groups && given.name == "accountIds"
                || matches!(collection, Collection::Timeline(_)) && given.name.ends_with("Ids")
                || scoped_by_rows(collection, given.name);
            if handled {
                continue;
            }
            match test(collection, given) {
                Some(test) => tests.push(test),
                None => unheeded.push(given.name),
            }
        }
        let rows: Vec<(u64, Value)> = self
            .values(collection, ask.view, ask.query)
            .into_iter()
            .filter(|(_, record)| tests.iter().all(|test| test.holds(record)))
            .collect();
        let sort = ask.query.one("sortBy").unwrap_or(match collection {
            Collection::Timeline(_) => "createdAt",
            Collection::Inventory => "applicationName",
            _ => "id",
        });
        let path = match sort {
            "apiTokenCreatedAt" => "apiToken.createdAt",
            "apiTokenExpiresAt" => "apiToken.expiresAt",
            "createdByName" => "createdBy.name",
            "updatedByName" => "updatedBy.name",
            other => other,
        };
        let keyed: Vec<(Key, u64, u32)> = rows
            .iter()
            .enumerate()
            .map(|(index, (id, record))| {
                let mut found = Vec::new();
                leaves(record, path, &mut found);
                // Ids sort as the numbers they are.
                let key = if sort == "id" { Key::Int(*id as i64) } else { Key::of(found.first().copied()) };
                (key, *id, index as u32)
            })
            .collect();
        let (chosen, next, total) = choose(keyed, ask);
        let mut page = Page::empty(ask, next, total, unheeded);
        for index in chosen {
            page.begin_record();
            serde_json::to_writer(&mut page.records, &rows[index as usize].1).expect("a value always serializes");
        }
        page
    }

    /// How many agents a request matches.
    pub(crate) fn count_agents(&mut self, ask: &Ask<'_>) -> u64 {
        self.page_of_agents(ask).total
    }

    /// Active and total licences over the sites that a token sees.
    pub(crate) fn all_sites(&self, view: &View) -> Value {
        let count = self.headcount();
        let sites = (0..self.sites.len()).filter(|&s| view.sites[s] && !self.sites[s].deleted);
        let (active, total) = sites.fold((0, 0), |(active, total), s| {
            (active + count.sites[s], total + if s.is_multiple_of(2) { 0 } else { 500 })
        });
        json!({"activeLicenses": active, "totalLicenses": total})
    }
}

impl Page {
    pub(crate) fn empty(ask: &Ask<'_>, next: Option<Position>, total: u64, unheeded: Vec<&'static str>) -> Page {
        Page { records: ask.opening.clone(), begins: Vec::new(), next, total, unheeded }
    }

    pub(crate) fn begin_record(&mut self) {
        if !self.begins.is_empty() {
            self.records.push(b',');
        }
        self.begins.push(self.records.len());
    }

    /// The same records in the opposite order.
    pub(crate) fn reverse(&mut self) {
        let Some(&first) = self.begins.first() else { return };
        let mut out = Vec::with_capacity(self.records.len());
        out.extend_from_slice(&self.records[..first]);
        let mut ends: Vec<usize> = self.begins.iter().skip(1).map(|b| b - 1).collect();
        ends.push(self.records.len());
        for (begin, end) in self.begins.iter().zip(ends).rev() {
            if out.len() > first {
                out.push(b',');
            }
            out.extend_from_slice(&self.records[*begin..end]);
        }
        self.records = out;
    }
}

/// Picks the page out of all matching rows: those after the cursor's place, the first ones of the order.
pub(crate) fn choose(mut keyed: Vec<(Key, u64, u32)>, ask: &Ask<'_>) -> (Vec<u32>, Option<Position>, u64) {
    let total = keyed.len() as u64;
    if ask.query.flag("countOnly") {
        return (Vec::new(), None, total);
    }
    let descending = ask.query.one("sortOrder") == Some("desc");
    let order = |a: &(Key, u64, u32), b: &(Key, u64, u32)| {
        let ascending = a.0.cmp(&b.0).then(a.1.cmp(&b.1));
        if descending { ascending.reverse() } else { ascending }
    };
    let mut skip = ask.query.number("skip").unwrap_or(0);
    if let Some(cursor) = &ask.cursor {
        skip = 0;
        if let Some(after) = &cursor.after {
            let place = (after.key.clone(), after.id, 0);
            keyed.retain(|row| order(row, &place) == Ordering::Greater);
        }
    }
    let wanted = skip + ask.limit;
    if keyed.len() > wanted {
        keyed.select_nth_unstable_by(wanted, order);
    }
    let more = keyed.len() > wanted;
    keyed.truncate(wanted);
    keyed.sort_unstable_by(order);
    let next = (more).then(|| keyed.last().map(|(key, id, _)| Position { key: key.clone(), id: *id })).flatten();
    (keyed.into_iter().skip(skip).map(|(_, _, index)| index).collect(), next, total)
}

/// Pages that were served last, by fingerprint: what the fault `duplicate-page` repeats.
pub(crate) type Served = HashMap<u64, Option<Position>>;
