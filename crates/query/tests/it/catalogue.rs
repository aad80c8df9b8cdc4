//! A small catalogue with a column of every kind.

use muster_query::{Catalogue, Choice, Choices, Column, Field, Inventory, Known, Raw, Scope, Source, Tense, Type};

const MACHINES: Choices = Choices {
    values: &[
        Choice::new("server"),
        Choice::or("desktop", &["workstation"]),
        Choice::new("laptop"),
        Choice::new("kubernetes node"),
        Choice::new("kubernetes pod"),
    ],
    ordered: false,
    closed: false,
};
const RISKS: Choices = Choices {
    values: &[
        Choice::new("none"),
        Choice::new("low"),
        Choice::or("medium", &["moderate"]),
        Choice::new("high"),
        Choice::new("critical"),
    ],
    ordered: true,
    closed: true,
};
const ANY: Choices = Choices { values: &[], ordered: false, closed: false };

fn term(name: &'static str, column: &'static str, dictionary: &'static str) -> Field {
    Field::new(name, Type::Text, Column::Term { column, dictionary }, "text of few values").example("os:windows")
}

pub(crate) fn catalogue() -> Catalogue {
    let address = Column::many("FROM address c WHERE c.asset = {t}.id", Column::Plain("c.ip"));
    let assets = Inventory {
        aliases: &["asset"],
        prose: "machines",
        fields: vec![
            Field::new("id", Type::Id, Column::Plain("{t}.public_id"), "the id").example("id:ast_1"),
            Field::new("name", Type::Text, Column::Folded { text: "{t}.name", folded: "{t}.name_folded" }, "its name")
                .alias(&["hostname"])
                .example("name:lt-0471"),
            term("os", "{t}.os_term", "os"),
            Field::new(
                "type",
                Type::Enum(MACHINES),
                Column::Term { column: "{t}.type_term", dictionary: "type" },
                "what it is",
            ),
            Field::new("risk", Type::Enum(RISKS), Column::Plain("{t}.risk"), "how bad it is"),
            Field::new("active", Type::Bool, Column::Plain("{t}.active"), "seen lately").alias(&["alive"]).volatile(),
            Field::new("gateway", Type::Bool, Column::Plain("{t}.gateway"), "whether it forwards"),
            Field::new("has_public", Type::Bool, Column::Plain("{t}.has_public"), "whether it has a public address"),
            Field::new("cores", Type::Int, Column::Plain("{t}.cores"), "processors"),
            Field::new("score", Type::Real, Column::Plain("{t}.score"), "a score"),
            Field::new("uptime", Type::Duration, Column::Plain("{t}.uptime"), "how long it runs"),
            Field::new(
                "agent.version",
                Type::Version,
                Column::Term { column: "{t}.agent_term", dictionary: "agent" },
                "its agent",
            ),
            Field::new(
                "bios",
                Type::Version,
                Column::Folded { text: "{t}.bios", folded: "{t}.bios_folded" },
                "its firmware",
            ),
            Field::new("last_seen", Type::Timestamp(Tense::Past), Column::Plain("{t}.last_seen"), "last seen"),
            Field::new("os_eol", Type::Timestamp(Tense::Future), Column::Plain("{t}.os_eol"), "end of support"),
            Field::new(
                "edr.name",
                Type::Enum(ANY),
                Column::Term { column: "{t}.edr_term", dictionary: "edr" },
                "its EDR",
            ),
            Field::new("address", Type::Ip, address, "addresses").alias(&["net"]),
            Field::new(
                "mac",
                Type::Mac,
                Column::many("FROM mac c WHERE c.asset = {t}.id", Column::Plain("c.mac")),
                "hardware addresses",
            ),
            Field::new(
                "tag",
                Type::Text,
                Column::many(
                    "FROM tag c WHERE c.asset = {t}.id",
                    Column::Folded { text: "c.text", folded: "c.folded" },
                ),
                "tags",
            ),
            Field::new(
                "port",
                Type::Int,
                Column::many("FROM port c WHERE c.asset = {t}.id", Column::Plain("c.port")),
                "ports",
            ),
            Field::new("virtual", Type::Text, Column::Missing { why: "no source tells yet" }, "hypervisor"),
            Field::new(
                "uuid",
                Type::Text,
                Column::Body { source: "sentinelone", kind: "dev", path: "uuid" },
                "the agent's uuid",
            ),
        ],
        scopes: vec![
            Scope {
                name: "software",
                aliases: &[],
                inventory: "software",
                from: "FROM software {e} WHERE {e}.asset = {t}.id",
                title: "product",
                prose: "what is installed",
            },
            Scope {
                name: "seen_by",
                aliases: &[],
                inventory: "sightings",
                from: "FROM sighting {e} WHERE {e}.asset = {t}.id",
                title: "source",
                prose: "who saw it when",
            },
        ],
        raw: vec![Raw {
            source: "sentinelone",
            kind: "dev",
            paths: &["agentVersion", "isActive", "lastActiveDate", "siteId", "networkInterfaces", "totalMemory"],
            aliases: &[("siteID", "siteId")],
        }],
        bare: &["name", "address", "mac", "id"],
        default_sort: "-last_seen",
        default_fields: &["name", "os"],
        ..Inventory::new("assets", "asset", "asset", "id")
    };
    let software = Inventory {
        fields: vec![
            Field::new("id", Type::Id, Column::Plain("{t}.public_id"), "the id"),
            term("product", "{t}.product_term", "product"),
            Field::new(
                "version",
                Type::Version,
                Column::Term { column: "{t}.version_term", dictionary: "version" },
                "its version",
            ),
            Field::new("note", Type::Text, Column::Folded { text: "{t}.note", folded: "{t}.note_folded" }, "a note"),
        ],
        scopes: vec![Scope {
            name: "asset",
            aliases: &["assets"],
            inventory: "assets",
            from: "FROM asset {e} WHERE {e}.id = {t}.asset",
            title: "name",
            prose: "where it is installed",
        }],
        bare: &["product"],
        default_sort: "product",
        default_fields: &["product"],
        ..Inventory::new("software", "software", "software", "id")
    };
    let sightings = Inventory {
        listed: false,
        fields: vec![
            Field::new(
                "source",
                Type::Enum(ANY),
                Column::Term { column: "{t}.source_term", dictionary: "source" },
                "who",
            ),
            Field::new("last_seen", Type::Timestamp(Tense::Past), Column::Plain("{t}.last_seen"), "when"),
        ],
        ..Inventory::new("sightings", "sighting", "sighting", "id")
    };
    let findings = Inventory {
        fields: vec![
            Field::new("id", Type::Id, Column::Plain("{t}.public_id"), "the id"),
            Field::new("verdict", Type::Enum(ANY), Column::Plain("{t}.verdict"), "the verdict"),
        ],
        raw: vec![Raw { source: "sentinelone", kind: "threat", paths: &[], aliases: &[] }],
        bare: &["verdict"],
        ..Inventory::new("findings", "finding", "finding", "id")
    };
    let source = Source { name: "sentinelone", aliases: &["s1"], kinds: &["dev", "threat", "activity"] };
    Catalogue { inventories: vec![assets, software, findings, sightings], sources: vec![source] }
}

/// The texts of the dictionaries, numbered from 1.
pub(crate) fn dictionary(name: &str) -> &'static [&'static str] {
    match name {
        "os" => &["Windows 10 Pro", "Windows Server 2019", "macOS 14.5", "Ubuntu Linux 22.04", "Windows 11 Pro", ""],
        "type" => &["server", "desktop", "laptop", "kubernetes node"],
        "edr" => &["SentinelOne", "CrowdStrike"],
        "agent" => &["22.3.1.5", "23.4.2.14", "24.1.1.1"],
        "product" => &["Google Chrome", "Notepad++", "Mozilla Firefox"],
        "version" => &["8.6", "129.0.6668.58", "131.0.2"],
        "source" => &["sentinelone", "scan"],
        _ => &[],
    }
}

/// Knows what the dictionaries hold, so many rows each.
pub(crate) struct Data;

impl Known for Data {
    fn values(&self, _inventory: &str, field: &str) -> Option<Vec<(String, u64)>> {
        let name = match field {
            "os" | "type" | "product" | "version" | "source" => field,
            "edr.name" => "edr",
            "agent.version" => "agent",
            "verdict" => return Some(Vec::new()),
            _ => return None,
        };
        let counts = [1874, 402, 199, 31, 7, 1];
        Some(dictionary(name).iter().zip(counts).map(|(text, count)| ((*text).to_owned(), count)).collect())
    }
}
