//! Policies: the settings of each level of the console.

use query::{Base, Choice, Choices, Column, Field, Inventory, Raw, Scope, Type};

use super::{
    MODES, RECORD_IDS, SENTINELONE, flag, int, native, only_source, past, public, raw, record_fields, term, text, word,
    words,
};

const LEVELS: Choices =
    words(&[Choice::or("tenant", &["global"]), Choice::new("account"), Choice::new("site"), Choice::new("group")]);

const SWITCHES: Choices = words(&[Choice::new("on"), Choice::new("off")]);

/// The policies.
pub(super) fn policies() -> Inventory {
    let mut fields = vec![
        public("id", "{t}.record_id", RECORD_IDS, "the policy's id, for links and scripts")
            .example("id:rec_00000000000sg"),
        text("name", "{t}.name", "{t}.name_folded", "its level, and the scope's name where known")
            .example("name:kiosks"),
        native("native_id", "{t}.native_id", "its level and the scope's id").example("has:native_id"),
        only_source(),
        word("level", LEVELS, "{t}.level_term", "level", "whose settings they are")
            .alias(&["scope"])
            .example("level:group"),
        native("scope.id", "{t}.scope_native_id", "the console's id of that account, site or group")
            .alias(&["scope_id"])
            .example("scope.id:475482421366727779"),
        term(
            "inherited_from",
            "{t}.inherited_from_term",
            "level",
            "the level whose settings apply here; nothing if it has its own",
        )
        .alias(&["inheritedfrom"])
        .example("no:inherited_from"),
        flag("default", "{t}.is_default", "whether these are the console's default settings")
            .alias(&["is_default", "isdefault"])
            .example("default:f"),
        word(
            "mitigation_mode",
            MODES,
            "{t}.mitigation_mode_term",
            "mitigation_mode",
            "what is done about malicious things",
        )
        .alias(&["mode", "mitigationmode"])
        .example("mitigation_mode:detect"),
        word(
            "mitigation_mode.suspicious",
            MODES,
            "{t}.mitigation_mode_suspicious_term",
            "mitigation_mode",
            "what is done about suspicious things",
        )
        .alias(&["mode.suspicious", "mitigationmodesuspicious"])
        .example("mitigation_mode.suspicious:detect"),
        term("auto_mitigation", "{t}.auto_mitigation_term", "auto_mitigation", "how far mitigation goes by itself")
            .alias(&["automitigationaction"])
            .example("auto_mitigation:none"),
        flag("anti_tampering", "{t}.anti_tampering", "whether the agent resists being changed")
            .alias(&["antitamperingon"])
            .example("anti_tampering:f"),
        flag("snapshots", "{t}.snapshots", "whether snapshots are taken")
            .alias(&["snapshotson"])
            .example("snapshots:f"),
        flag("network_quarantine", "{t}.network_quarantine", "whether infected machines are cut off")
            .alias(&["networkquarantineon"])
            .example("network_quarantine:f"),
        flag("scan_new_agents", "{t}.scan_new_agents", "whether new agents scan their disks")
            .alias(&["scannewagents"])
            .example("scan_new_agents:f"),
        flag("cloud_validation", "{t}.cloud_validation", "whether the cloud's verdict is asked")
            .alias(&["cloudvalidationon"])
            .example("cloud_validation:f"),
        flag("remote_shell", "{t}.remote_shell", "whether a remote shell is allowed")
            .alias(&["allowremoteshell"])
            .example("remote_shell:t"),
        flag("auto_decommission", "{t}.auto_decommission", "whether silent agents are decommissioned")
            .alias(&["autodecommissionon"])
            .example("auto_decommission:f"),
        int("auto_decommission_days", "{t}.auto_decommission_days", "after how many days")
            .alias(&["autodecommissiondays"])
            .example("auto_decommission_days:>30"),
        flag("agent_logging", "{t}.agent_logging", "whether agents log")
            .alias(&["agentloggingon"])
            .example("agent_logging:f"),
        flag("agent_ui", "{t}.agent_ui", "whether the agent shows a window")
            .alias(&["agentuion"])
            .example("agent_ui:f"),
        flag("agent_notification", "{t}.agent_notification", "whether the agent notifies its user")
            .alias(&["agentnotification"])
            .example("agent_notification:f"),
        flag("monitor_on_execute", "{t}.monitor_on_execute", "whether execution is watched")
            .alias(&["monitoronexecute"])
            .example("monitor_on_execute:f"),
        flag("monitor_on_write", "{t}.monitor_on_write", "whether writing is watched")
            .alias(&["monitoronwrite"])
            .example("monitor_on_write:f"),
        flag("signed_driver_blocking", "{t}.signed_driver_blocking", "whether bad signed drivers are blocked")
            .alias(&["signeddriverblockingon"])
            .example("signed_driver_blocking:f"),
        flag("unsigned_driver_blocking", "{t}.unsigned_driver_blocking", "whether unsigned drivers are blocked")
            .alias(&["unsigneddriverblockingon"])
            .example("unsigned_driver_blocking:f"),
        flag("remove_macros", "{t}.remove_macros", "whether macros are removed")
            .alias(&["removemacros"])
            .example("remove_macros:f"),
        flag("identity", "{t}.identity", "whether identity protection is on")
            .alias(&["identityon"])
            .example("identity:f"),
        flag("deep_visibility", "{t}.deep_visibility", "whether deep visibility collects events")
            .alias(&["ioc"])
            .example("deep_visibility:f"),
        past("created_at", "{t}.created_at", "when the console made these settings")
            .alias(&["createdat"])
            .example("created_at:<30d"),
        past("updated_at", "{t}.updated_at", "when the console changed them last")
            .volatile()
            .alias(&["updatedat"])
            .example("updated_at:<7d"),
    ];
    fields.extend(record_fields(&[&["state"], &["version"]]));
    Inventory {
        aliases: &["policy"],
        prose: "the settings of each level of the console: tenant, account, site, group",
        fields,
        scopes: vec![Scope {
            name: "engine",
            aliases: &["engines"],
            inventory: "engines",
            from: "FROM inventory_policy_engine {e} WHERE {e}.org_id = {t}.org_id AND {e}.record_id = {t}.record_id",
            title: "name",
            prose: "one engine, on or off",
        }],
        raw: vec![Raw { source: SENTINELONE, kind: "policy", paths: raw::POLICY, aliases: &[] }],
        bare: &["name"],
        default_sort: "name",
        default_fields: &[
            "name",
            "level",
            "mitigation_mode",
            "mitigation_mode.suspicious",
            "anti_tampering",
            "updated_at",
        ],
        ..Inventory::new("policies", "policy", "inventory_policy", "record_id")
    }
}

/// What the scopes of a policy reach.
pub(super) fn parts() -> Vec<Inventory> {
    vec![Inventory {
        listed: false,
        base: Base { table: "inventory_policy_engine", key: "engine_term" },
        fields: vec![
            Field::new(
                "name",
                Type::Text,
                Column::Term { column: "{t}.engine_term", dictionary: "policy_engine" },
                "the engine's key, as the policy spells it",
            )
            .alias(&["engine"])
            .example("engine:preexecution"),
            word("mode", SWITCHES, "{t}.mode_term", "engine_mode", "whether it is on")
                .example("engine:(preexecution mode:off)"),
        ],
        ..Inventory::new("engines", "engine", "inventory_policy_engine", "engine_term")
    }]
}
