//! Policies: the settings of each level of the console.

use query::{Base, Choice, Choices, Column, Field, Inventory, Raw, Scope, Type};

use super::{
    MODES, RECORD_IDS, SENTINELONE, flag, int, native, only_source, past, public, raw, record_fields, term, text, word,
    words,
};

/// The policy that applies in a console group: the nearest level that has settings of its own.
///
/// A group that inherits has none of its own, whatever is still stored for it. Where a token does not see the levels
/// above, the nearest policy that it sees says what it inherits, and from which level. It is looked up when a question
/// is asked, over tables that are small: so it is right at once when a policy, a group or an agent changes.
/// `$from` is a table `x` with the console's levels, `$integration` whose policies are meant, `$row` the policy.
macro_rules! effective_policy {
    ($from:literal, $integration:literal, $row:literal, $tie:literal) => {
        concat!(
            "FROM ",
            $from,
            " LEFT JOIN inventory_term kg ON kg.org_id = x.org_id AND kg.term_id = x.console_group_id_term \
             LEFT JOIN inventory_term ks ON ks.org_id = x.org_id AND ks.term_id = x.console_site_id_term \
             LEFT JOIN inventory_term ka ON ka.org_id = x.org_id AND ka.term_id = x.console_account_id_term \
             JOIN inventory_policy ",
            $row,
            " ON ",
            $row,
            ".org_id = x.org_id AND ",
            $row,
            ".record_id = (SELECT p.record_id FROM inventory_policy p \
             JOIN inventory_source_record pr ON pr.org_id = p.org_id AND pr.record_id = p.record_id \
             JOIN inventory_term pl ON pl.org_id = p.org_id AND pl.term_id = p.level_term \
             LEFT JOIN inventory_console_group pg ON pg.org_id = p.org_id AND pg.integration_id = p.integration_id \
             AND pg.native_id = p.scope_native_id AND pl.text = 'group' \
             WHERE p.org_id = x.org_id AND p.integration_id = ",
            $integration,
            " AND (p.scope_native_id IN (kg.text, ks.text, ka.text) OR p.scope_native_id IS NULL) \
             AND COALESCE(p.scope_native_id, '') = CASE pl.text WHEN 'group' THEN kg.text WHEN 'site' THEN ks.text \
             WHEN 'account' THEN ka.text ELSE '' END \
             AND pr.state <> 'retired' AND COALESCE(pg.inherits, 0) = 0 \
             ORDER BY CASE WHEN p.inherited_from_term IS NULL THEN 0 ELSE 1 END, \
             CASE pl.text WHEN 'group' THEN 1 WHEN 'site' THEN 2 WHEN 'account' THEN 3 ELSE 4 END, p.record_id LIMIT 1) ",
            $tie
        )
    };
}
pub(super) use effective_policy;

/// The policy of an asset's agent.
macro_rules! policy_of_asset {
    ($row:literal) => {
        effective_policy!(
            "inventory_asset x JOIN inventory_source_record xr ON xr.org_id = x.org_id AND xr.record_id = x.lead_record_id",
            "xr.integration_id",
            $row,
            "WHERE x.org_id = {t}.org_id AND x.asset_id = {t}.asset_id"
        )
    };
}

/// What an asset's agent has to obey.
pub(super) fn of_asset() -> Vec<Field> {
    let from = policy_of_asset!("c");
    vec![
        Field::new(
            "policy.name",
            Type::Text,
            Column::many(from, Column::Folded { text: "c.name", folded: "c.name_folded" }),
            "the policy that applies to its agent: its group's own, or the one that the group inherits",
        )
        .volatile()
        .alias(&["policy_name", "policyname"])
        .example("policy.name:kiosks"),
        Field::new(
            "policy.level",
            Type::Enum(LEVELS),
            Column::many(
                from,
                Column::Term { column: "COALESCE(c.inherited_from_term, c.level_term)", dictionary: "level" },
            ),
            "the level that this policy comes from",
        )
        .volatile()
        .alias(&["policy_level"])
        .example("policy.level:site"),
    ]
}

/// The scope that reaches it.
pub(super) fn scope_of_asset() -> Scope {
    Scope {
        name: "policy",
        aliases: &["policies"],
        inventory: "policies",
        from: policy_of_asset!("{e}"),
        title: "name",
        prose: "the policy that applies to its agent",
    }
}

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
