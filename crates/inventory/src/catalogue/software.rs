//! Software: what is installed on which machine.

use query::{Choice, Choices, Inventory, Raw, Scope, Type};

use super::{
    AGENT_NAME, AGENT_NAME_FOLDED, OF_AGENT, RECORD_IDS, RECORD_NATIVE, SENTINELONE, int, missing, native, only_source,
    past, public, raw, record_fields, term, text, version, word, words,
};

/// What sorts of things a console lists (vendor spec, `installed-applications[].type`).
const TYPES: Choices = words(&[
    Choice::new("app"),
    Choice::new("kb"),
    Choice::new("patch"),
    Choice::new("chromeextension"),
    Choice::new("edgeextension"),
    Choice::new("firefoxextension"),
    Choice::new("safariextension"),
]);

/// The installed software.
pub(super) fn software() -> Inventory {
    let mut fields = vec![
        public("id", "{t}.record_id", RECORD_IDS, "its id here, for links and scripts").example("id:rec_00000000000sg"),
        term("name", "{t}.product_term", "product", "the product's name")
            .alias(&["product", "products", "title", "software"])
            .example("name:chrome"),
        term("vendor", "{t}.vendor_term", "vendor", "who made it").alias(&["publisher"]).example("vendor:mozilla"),
        version("version", "{t}.version_term", "version", "its version, compared part by part")
            .example("version:<131.0.2"),
        native("native_id", RECORD_NATIVE, "its agent's id and a fingerprint of vendor, name and version")
            .example("has:native_id"),
        only_source(),
        word("type", TYPES, "{t}.type_term", "software_type", "what sort of thing it is, where the console says it")
            .volatile()
            .example("type:chromeextension"),
        int("size", "{t}.size", "its size; the vendor does not say in which unit").volatile().example("size:>1000000"),
        past("installed_at", "{t}.installed_at", "when it was installed")
            .volatile()
            .alias(&["installedat", "installed"])
            .example("installed_at:<7d"),
        native("agent.id", "{t}.agent_native_id", "the console's id of the agent on that machine")
            .alias(&["agent_id", "agentid"])
            .example("agent.id:657613730168123595"),
        text("agent.name", AGENT_NAME, AGENT_NAME_FOLDED, "the machine's name, as the assets have it")
            .volatile()
            .alias(&["agent_name", "hostname", "computername"])
            .example("agent.name:lap"),
        missing("cpe23", Type::Text, "no CPE is kept yet").alias(&["cpe"]),
    ];
    fields.extend(record_fields(&[&["state"], &[]]));
    Inventory {
        aliases: &["programs", "program", "applications", "application"],
        prose: "what is installed on which machine",
        fields,
        scopes: vec![Scope {
            name: "asset",
            aliases: &["assets"],
            inventory: "assets",
            from: OF_AGENT,
            title: "name",
            prose: "the asset it is installed on",
        }],
        raw: vec![Raw { source: SENTINELONE, kind: "software", paths: raw::SOFTWARE, aliases: &[] }],
        bare: &["name", "vendor"],
        default_sort: "-id",
        default_fields: &["name", "version", "vendor", "agent.name", "installed_at"],
        ..Inventory::new("software", "software", "inventory_software", "record_id")
    }
}
