//! What can be asked of the inventory: every field declared once, with its names, type, column, prose and example.
//!
//! The table feeds parsing, suggestions, SQL, help and documentation. Two kinds of dictionary stand behind term
//! columns: those of `inventory_term`, and [`COMPUTED`] ones, whose "terms" are rows of other tables.

/// What a row's record says: `r`.
macro_rules! of_record {
    ($column:literal) => {
        concat!(
            "(SELECT ",
            $column,
            " FROM inventory_source_record r WHERE r.org_id = {t}.org_id AND r.record_id = {t}.record_id)"
        )
    };
}

/// What the integration says that a row's record came by: `n`.
macro_rules! of_integration {
    ($column:literal) => {
        concat!(
            "(SELECT ",
            $column,
            " FROM inventory_source_record r \
             JOIN inventory_integration n ON n.org_id = r.org_id AND n.integration_id = r.integration_id \
             WHERE r.org_id = {t}.org_id AND r.record_id = {t}.record_id)"
        )
    };
}

/// What the asset says to which a record belongs, that one of a row's columns names: `a`.
macro_rules! asset_of {
    ($record:literal, $column:literal) => {
        concat!(
            "(SELECT ",
            $column,
            " FROM inventory_link l JOIN inventory_asset a ON a.org_id = l.org_id AND a.asset_id = l.asset_id \
             WHERE l.org_id = {t}.org_id AND l.record_id = {t}.",
            $record,
            ")"
        )
    };
}

mod activities;
mod assets;
mod console;
mod findings;
mod later;
mod log;
mod own;
mod policies;
mod raw;
mod services;
mod software;
mod users;
mod vulnerabilities;

use std::sync::LazyLock;

pub use later::instead;

use query::{Catalogue, Choice, Choices, Column, Field, Source, Tense, Type};

/// The source that every record comes from today, as `source:` and `@source.kind.path` spell it.
pub const SENTINELONE: &str = "sentinelone";

/// The dictionary of assets' public ids (`ast_..`).
pub const ASSET_IDS: &str = "computed:asset";
/// The dictionary of records' public ids (`rec_..`).
pub const RECORD_IDS: &str = "computed:record";
/// The dictionary of services' public ids (`svc_..`).
pub const SERVICE_IDS: &str = "computed:service";
/// The dictionary of our sites' public ids (`sit_..`).
pub const SITE_IDS: &str = "computed:site_id";
/// The dictionary of our sites' names.
pub const SITE_NAMES: &str = "computed:site";
/// The dictionary of custom fields' names.
pub const FIELD_KEYS: &str = "computed:field";
/// The dictionaries whose entries are not rows of `inventory_term`.
pub const COMPUTED: [&str; 7] =
    [ASSET_IDS, RECORD_IDS, SERVICE_IDS, SITE_IDS, SITE_NAMES, signals::ARTIFACT_IDS, FIELD_KEYS];

/// The field of the very integration, in every inventory that has it.
pub(crate) const INTEGRATION: &str = "integration";

/// Everything that the inventory can be asked, the inventories that people ask first in front.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
        let mut inventories = vec![assets::assets(), software::software(), vulnerabilities::vulnerabilities()];
        inventories.extend([findings::findings(), activities::activities(), users::users(), policies::policies()]);
        inventories.push(services::services());
        inventories.extend([software::titles(), vulnerabilities::cves()]);
        inventories.extend(console::inventories());
        inventories.push(log::artifacts());
        inventories.extend(assets::parts());
        inventories.extend(own::parts());
        inventories.extend(findings::parts());
        inventories.extend(users::parts());
        inventories.extend(policies::parts());
        inventories.extend(console::parts());
        Catalogue { inventories, sources: [&[SOURCE], IMPORTS.as_slice()].concat() }
    });
    &CATALOGUE
}

/// The kinds are those of the vendor's collections: agents, threats, activities, policies, levels, alerts, risks; and
/// whatever record an artifact holds.
const SOURCE: Source = Source {
    name: SENTINELONE,
    aliases: &["s1"],
    kinds: &[
        "dev",
        "threat",
        "activity",
        "policy",
        "site",
        "group",
        "account",
        "alert",
        "risk",
        "software",
        "user",
        RANGER_KIND,
        XDR_KIND,
        signals::RAW_KIND,
    ],
};

/// The kind of what SentinelOne's network discovery saw.
pub(crate) const RANGER_KIND: &str = "ranger";
/// The kind of what SentinelOne's asset inventory lists.
pub(crate) const XDR_KIND: &str = "xdr";
/// The kind of what a file of machines says of each.
pub(crate) const HOST_KIND: &str = "host";

/// The sources that files bring: `@nmap.host.status`, `@custom.host.Rack`.
pub(crate) const IMPORTS: [Source; 6] = [
    Source { name: "scan", aliases: &["nmap"], kinds: &[HOST_KIND] },
    Source { name: "custom", aliases: &["csv", "json"], kinds: &[HOST_KIND] },
    Source { name: "netbox", aliases: &[], kinds: &[HOST_KIND] },
    Source { name: "servicenow", aliases: &[], kinds: &[HOST_KIND] },
    Source { name: "cartography", aliases: &[], kinds: &[HOST_KIND] },
    Source { name: "runzero", aliases: &[], kinds: &[HOST_KIND] },
];

/// What `source:` understands. The others are known, so that a pasted query runs and finds none of them here.
const SOURCES: Choices = Choices {
    values: &[
        Choice::or(SENTINELONE, &["s1"]),
        Choice::or("scan", &["runzero", "nmap"]),
        Choice::new("aws"),
        Choice::new("azure"),
        Choice::new("azuread"),
        Choice::new("cartography"),
        Choice::new("censys"),
        Choice::new("crowdstrike"),
        Choice::new("custom"),
        Choice::new("gcp"),
        Choice::new("googleworkspace"),
        Choice::new("intune"),
        Choice::new("ldap"),
        Choice::new("meraki"),
        Choice::or("microsoft365defender", &["ms365defender"]),
        Choice::new("miradore"),
        Choice::new("nessus"),
        Choice::new("netbox"),
        Choice::new("qualys"),
        Choice::or("rapid7", &["insightvm", "nexpose"]),
        Choice::new("servicenow"),
        Choice::new("shodan"),
        Choice::new("snmp"),
        Choice::new("tenable"),
        Choice::new("vmware"),
        Choice::new("wiz"),
    ],
    ordered: false,
    closed: false,
};

/// How bad something is: one set of words for all collections, whatever the console writes in each.
const SEVERITIES: Choices = Choices {
    values: &[
        Choice::new("unknown"),
        Choice::new("none"),
        Choice::or("info", &["informational"]),
        Choice::new("low"),
        Choice::or("medium", &["moderate"]),
        Choice::new("high"),
        Choice::new("critical"),
    ],
    ordered: false,
    closed: false,
};

/// `protect` stops what it finds, `detect` only reports it.
const MODES: Choices = words(&[Choice::new("protect"), Choice::new("detect")]);

/// Words that a console may extend.
const fn words(values: &'static [Choice]) -> Choices {
    Choices { values, ordered: false, closed: false }
}

/// Text of few distinct values.
fn term(name: &'static str, column: &'static str, dictionary: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Text, Column::Term { column, dictionary }, prose)
}

/// A word of a set.
fn word(
    name: &'static str,
    choices: Choices,
    column: &'static str,
    dictionary: &'static str,
    prose: &'static str,
) -> Field {
    Field::new(name, Type::Enum(choices), Column::Term { column, dictionary }, prose)
}

/// A version behind a dictionary.
fn version(name: &'static str, column: &'static str, dictionary: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Version, Column::Term { column, dictionary }, prose)
}

/// Text with its folded sibling.
fn text(name: &'static str, text: &'static str, folded: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Text, Column::Folded { text, folded }, prose)
}

/// An identifier of the source's, compared whole.
fn native(name: &'static str, column: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Id, Column::Plain(column), prose)
}

/// A public id of ours.
fn public(name: &'static str, column: &'static str, dictionary: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Id, Column::Term { column, dictionary }, prose)
}

fn flag(name: &'static str, column: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Bool, Column::Plain(column), prose)
}

fn int(name: &'static str, column: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Int, Column::Plain(column), prose)
}

/// An instant, usually in the past.
fn past(name: &'static str, column: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Timestamp(Tense::Past), Column::Plain(column), prose)
}

/// An instant, usually ahead.
fn future(name: &'static str, column: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Timestamp(Tense::Future), Column::Plain(column), prose)
}

/// A name that people know from elsewhere, and that has no data yet.
fn missing(name: &'static str, ty: Type, why: &'static str) -> Field {
    Field::new(name, ty, Column::Missing { why }, why)
}

/// Where every row of an inventory of one source comes from.
fn only_source() -> Field {
    Field::new("source", Type::Enum(SOURCES), Column::Plain("'sentinelone'"), "who told us")
        .alias(&["sources"])
        .example("source:SentinelOne")
}

/// Where a record is with its source.
const PRESENCES: Choices = Choices {
    values: &[Choice::new("present"), Choice::new("missing"), Choice::or("retired", &["removed", "gone"])],
    ordered: false,
    closed: true,
};

/// The record behind a row of a projection whose id is its record's: what sync knows about it. `short` are short names
/// of the first two fields, where the inventory has no others of those names.
fn record_fields(short: &[&'static [&'static str]; 2]) -> Vec<Field> {
    record_fields_and(short, removed(RECORD_REMOVED).volatile())
}

/// The same where rows are millions, and say themselves whether their source no longer has them; history knows that too.
fn narrow_record_fields(short: &[&'static [&'static str]; 2]) -> Vec<Field> {
    // With the sign, no index is chosen for a flag that nearly all rows have alike: each row would be looked up for the rest.
    record_fields_and(short, removed("+{t}.gone"))
}

fn removed(column: &'static str) -> Field {
    flag("removed", column, "whether the source no longer has it").example("removed:t")
}

fn record_fields_and(short: &[&'static [&'static str]; 2], removed: Field) -> Vec<Field> {
    let [state, version] = *short;
    vec![
        Field::new(
            "record.state",
            Type::Enum(PRESENCES),
            Column::Plain(RECORD_STATE),
            "whether the source still has it: present, missing since the last reading, or retired after two",
        )
        .volatile()
        .alias(state)
        .example("record.state:retired"),
        integration(
            Column::Folded { text: RECORD_INTEGRATION, folded: RECORD_INTEGRATION_FOLDED },
            "the integration that told us, by its whole name",
        ),
        past("missing_since", RECORD_MISSING, "since when the source does not have it")
            .volatile()
            .example("has:missing_since"),
        past("retired_at", RECORD_RETIRED, "when Muster took it for gone").volatile().example("retired_at:<7d"),
        int("record.version", RECORD_VERSION, "how many times it changed its meaning, counting from 1")
            .alias(version)
            .example("record.version:>1"),
        past("first_recorded_at", RECORD_FIRST, "when Muster first read it").example("first_recorded_at:<1d"),
        past("changed_at", RECORD_CHANGED, "when Muster last saw it change its meaning").example("changed_at:<1d"),
        removed,
    ]
}

/// The very integration; `source` is what kind it is of.
fn integration(column: Column, prose: &'static str) -> Field {
    Field::new(INTEGRATION, Type::Id, column, prose).example("integration:\"acme EMEA\"")
}

const RECORD_INTEGRATION: &str = of_integration!("n.name");
const RECORD_INTEGRATION_FOLDED: &str = of_integration!("n.name_folded");
const RECORD_VERSION: &str = of_record!("r.version");
const RECORD_FIRST: &str = of_record!("r.first_seen_at");
const RECORD_CHANGED: &str = of_record!("r.changed_at");
const RECORD_STATE: &str = of_record!("r.state");
const RECORD_MISSING: &str = of_record!("r.missing_since");
const RECORD_RETIRED: &str = of_record!("r.retired_at");
const RECORD_NATIVE: &str = of_record!("r.native_id");
const RECORD_REMOVED: &str = of_record!("CASE WHEN r.retired_at IS NULL THEN 0 ELSE 1 END");

/// The asset of a row that names its agent.
const OF_AGENT: &str = "FROM inventory_source_record r \
     JOIN inventory_link l ON l.org_id = r.org_id AND l.record_id = r.record_id \
     JOIN inventory_asset {e} ON {e}.org_id = l.org_id AND {e}.asset_id = l.asset_id \
     WHERE r.org_id = {t}.org_id AND r.integration_id = {t}.integration_id \
     AND r.stream = 'agents' AND r.native_id = {t}.agent_native_id";

/// The asset of a row that names its agent's record.
const OF_AGENT_RECORD: &str = "FROM inventory_link l \
     JOIN inventory_asset {e} ON {e}.org_id = l.org_id AND {e}.asset_id = l.asset_id \
     WHERE l.org_id = {t}.org_id AND l.record_id = {t}.agent_record_id";

/// That asset's name.
const AGENT_NAME_BY_RECORD: &str = asset_of!("agent_record_id", "a.name");
const AGENT_NAME_FOLDED_BY_RECORD: &str = asset_of!("agent_record_id", "a.name_folded");

/// The agent's native id, known or expected.
const AGENT_NATIVE: &str = "COALESCE((SELECT r.native_id FROM inventory_source_record r \
     WHERE r.org_id = {t}.org_id AND r.record_id = {t}.agent_record_id), (SELECT x.native_id FROM inventory_expected x \
     WHERE x.org_id = {t}.org_id AND x.record_id = {t}.agent_record_id))";

/// Whether the agent's record belongs to an asset.
const MAPPED_BY_RECORD: &str = "CASE WHEN EXISTS (SELECT 1 FROM inventory_link l WHERE l.org_id = {t}.org_id \
     AND l.record_id = {t}.agent_record_id) THEN 1 ELSE 0 END";

/// Where in the console a row is: the same six columns in every projection that has them.
fn console_fields() -> Vec<Field> {
    vec![
        term("console.account", "{t}.console_account_term", "console_account", "the console account's name")
            .alias(&["account", "account_name", "accountname"])
            .example("console.account:acme"),
        public("console.account_id", "{t}.console_account_id_term", "console_account_id", "the console account's id")
            .alias(&["account_id", "accountid"])
            .example("console.account_id:=433241117337583618"),
        term("console.site", "{t}.console_site_term", "console_site", "the console site's name; site is Muster's own")
            .alias(&["site_name", "sitename"])
            .example("console.site:london"),
        public("console.site_id", "{t}.console_site_id_term", "console_site_id", "the console site's id")
            .alias(&["site_id", "siteid"])
            .example("console.site_id:=475482421366727779"),
        term("console.group", "{t}.console_group_term", "console_group", "the console group's name")
            .alias(&["group", "group_name", "groupname"])
            .example("console.group:=\"Default Group\""),
        public("console.group_id", "{t}.console_group_id_term", "console_group_id", "the console group's id")
            .alias(&["group_id", "groupid"])
            .example("console.group_id:=475482421375116388"),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_listed_inventory_has_an_id_a_name_and_an_order() {
        for inventory in catalogue().inventories.iter().filter(|inventory| inventory.listed) {
            let name = inventory.name;
            assert!(inventory.field("id").is_some() && inventory.field("name").is_some(), "{name}");
            for field in inventory.default_fields.iter().chain(inventory.bare) {
                assert!(inventory.field(field).is_some(), "{name}.{field}");
            }
            let sort = inventory.default_sort.trim_start_matches('-');
            assert!(inventory.field(sort).is_some(), "{name} sorts by {sort}");
        }
    }

    #[test]
    fn no_name_means_two_things() {
        for inventory in &catalogue().inventories {
            let mut names = BTreeSet::new();
            let fields = inventory.fields.iter().flat_map(|field| [&[field.name], field.aliases].concat());
            for name in fields {
                assert!(names.insert(name.to_lowercase()), "{}: {name} twice", inventory.name);
            }
        }
    }

    #[test]
    fn scopes_lead_somewhere() {
        for inventory in &catalogue().inventories {
            for scope in &inventory.scopes {
                let there = catalogue().inventory(scope.inventory);
                assert!(there.is_some_and(|there| there.field(scope.title).is_some()), "{}", scope.name);
            }
        }
    }

    #[test]
    fn every_field_says_what_it_is() {
        for inventory in &catalogue().inventories {
            for field in &inventory.fields {
                assert!(!field.prose.is_empty(), "{}.{}", inventory.name, field.name);
                let shown = !matches!(field.column, Column::Missing { .. }) && inventory.listed;
                assert!(!shown || !field.example.is_empty(), "{}.{} lacks an example", inventory.name, field.name);
            }
        }
    }
}
