//! Activities: what happened on the console.

use query::{Inventory, Raw, Scope};

use super::{
    OF_AGENT, RECORD_IDS, SENTINELONE, console_fields, int, native, only_source, past, public, raw, term, text,
};

/// The name that this console gives the number: its list of types may be read after the activity.
const TYPE_NAME: &str = "COALESCE({t}.type_term, (SELECT y.name_term FROM inventory_activity_type y \
     WHERE y.org_id = {t}.org_id AND y.integration_id = {t}.integration_id AND y.type = {t}.type))";

/// The activities of an asset's agents, from the asset's side.
const OF_ASSET: &str = "FROM inventory_link l \
     JOIN inventory_source_record r ON r.org_id = l.org_id AND r.record_id = l.record_id \
     JOIN inventory_activity {e} ON {e}.org_id = r.org_id AND {e}.integration_id = r.integration_id \
     AND {e}.agent_native_id = r.native_id \
     WHERE r.stream = 'agents' AND l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id";

/// The scope of an asset that reaches them.
pub(super) fn scope_of_asset() -> Scope {
    Scope {
        name: "activity",
        aliases: &["activities"],
        inventory: "activities",
        from: OF_ASSET,
        title: "name",
        prose: "one thing that happened on the console about its agent",
    }
}

/// The activities. Rows never change, so their bodies are in the log.
pub(super) fn activities() -> Inventory {
    let mut fields = vec![
        public("id", "{t}.record_id", RECORD_IDS, "the activity's id, for links and scripts")
            .example("id:rec_00000000000sg"),
        text(
            "name",
            "{t}.description",
            "COALESCE({t}.description_folded, lower({t}.description))",
            "what happened, as a sentence",
        )
        .alias(&["description", "primary_description", "primarydescription"])
        .example("name:\"logged in\""),
        native("native_id", "{t}.native_id", "the console's own id of it")
            .alias(&["activity_id"])
            .example("native_id:1234567890123456789"),
        only_source(),
        int("type", "{t}.type", "the type's number")
            .alias(&["activity_type", "activitytype", "code"])
            .example("type:27"),
        term("type.name", TYPE_NAME, "activity_type", "the type's name, where the console has one")
            .alias(&["type_name", "kind", "action"])
            .example("type.name:login"),
        text("detail", "{t}.detail", "COALESCE({t}.detail_folded, lower({t}.detail))", "more of what happened")
            .alias(&["secondary_description", "secondarydescription"])
            .example("detail:policy"),
        text(
            "comment",
            "{t}.comment",
            "COALESCE({t}.comment_folded, lower({t}.comment))",
            "what a user wrote about it",
        )
        .alias(&["comments"])
        .example("has:comment"),
        term("os.family", "{t}.os_family_term", "os_family", "the machine's operating system family")
            .alias(&["os_family", "osfamily", "os"])
            .example("os.family:windows"),
        native("hash", "{t}.hash", "a file's hash, where one is concerned").example("has:hash"),
        native("agent.id", "{t}.agent_native_id", "the console's id of the agent concerned")
            .alias(&["agent_id", "agentid"])
            .example("agent.id:657613730168123595"),
        native("threat.id", "{t}.threat_native_id", "the console's id of the threat concerned")
            .alias(&["threat_id", "threatid"])
            .example("has:threat.id"),
        native("user.id", "{t}.user_native_id", "the console's id of the user concerned")
            .alias(&["user_id", "userid"])
            .example("has:user.id"),
        past("created_at", "{t}.created_at", "when it happened")
            .alias(&["createdat", "at", "happened_at"])
            .example("created_at:<24h"),
    ];
    fields.extend(console_fields());
    Inventory {
        aliases: &["activity"],
        prose: "what happened on the console: logins, mitigations, policy changes",
        fields,
        scopes: vec![Scope {
            name: "asset",
            aliases: &["assets"],
            inventory: "assets",
            from: OF_AGENT,
            title: "name",
            prose: "the asset it concerns",
        }],
        raw: vec![Raw { source: SENTINELONE, kind: "activity", paths: &[], aliases: raw::ACTIVITY_ALIASES }],
        bare: &["name", "detail"],
        default_sort: "-created_at",
        default_fields: &["created_at", "type", "type.name", "name", "console.site"],
        ..Inventory::new("activities", "activity", "inventory_activity", "record_id")
    }
}
