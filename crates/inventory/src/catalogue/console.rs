//! The console's own levels (accounts, sites, groups), and Muster's sites.

use query::{Base, Choice, Choices, Column, Field, Inventory, Raw, Scope, Type};

use super::{
    RECORD_IDS, SENTINELONE, SITE_IDS, flag, future, int, native, only_source, past, public, raw, record_fields, term,
    text, word, words,
};

const STATES: Choices = words(&[Choice::new("active"), Choice::new("expired"), Choice::new("deleted")]);
const PAYMENTS: Choices = words(&[Choice::new("trial"), Choice::new("paid")]);
const SUITES: Choices = words(&[Choice::new("core"), Choice::new("control"), Choice::new("complete")]);
const USAGES: Choices = words(&[Choice::new("customer"), Choice::new("mssp"), Choice::new("ir")]);
const GROUPS: Choices = words(&[Choice::new("static"), Choice::new("dynamic"), Choice::new("pinned")]);

/// How many agents a level has by what each agent says of itself: neither decommissioned nor uninstalled, and still told
/// by the console. `$levels` finds the machine `m` from the level.
macro_rules! agents {
    ($levels:literal) => {
        concat!(
            "(SELECT COUNT(*) FROM ",
            $levels,
            " AND m.integration_id = {t}.integration_id AND m.grade = 1 AND m.present = 1 AND COALESCE((SELECT z.text \
             FROM inventory_term z WHERE z.org_id = m.org_id AND z.term_id = m.agent_state_term), '') \
             NOT IN ('decommissioned', 'uninstalled', 'retired'))"
        )
    };
}

/// Whether two numbers that are known differ.
macro_rules! differs {
    ($agents:expr, $console:literal) => {
        concat!("CASE WHEN ", $console, " IS NULL THEN NULL WHEN ", $agents, " = ", $console, " THEN 0 ELSE 1 END")
    };
}

macro_rules! agents_of_site {
    () => {
        agents!(
            "inventory_term k JOIN inventory_machine m ON m.org_id = k.org_id AND m.console_site_id_term = k.term_id \
             WHERE k.org_id = {t}.org_id AND k.dictionary = 'console_site_id' AND k.text = {t}.native_id"
        )
    };
}

macro_rules! agents_of_account {
    () => {
        agents!(
            "inventory_console_site l JOIN inventory_term k ON k.org_id = l.org_id AND k.dictionary = 'console_site_id' \
             AND k.text = l.native_id \
             JOIN inventory_machine m ON m.org_id = k.org_id AND m.console_site_id_term = k.term_id \
             WHERE l.org_id = {t}.org_id AND l.integration_id = {t}.integration_id AND l.account_native_id = {t}.native_id"
        )
    };
}

macro_rules! agents_of_group {
    () => {
        agents!(
            "inventory_term g JOIN inventory_term k ON k.org_id = g.org_id AND k.dictionary = 'console_site_id' \
             JOIN inventory_machine m ON m.org_id = k.org_id AND m.console_site_id_term = k.term_id \
             AND m.console_group_id_term = g.term_id \
             WHERE g.org_id = {t}.org_id AND g.dictionary = 'console_group_id' AND g.text = {t}.native_id \
             AND k.text = {t}.site_native_id"
        )
    };
}

/// The count of ours, the console's, and whether they differ. `aliases` are other names of the console's.
fn counted(
    agents: &'static str,
    console: &'static str,
    differ: &'static str,
    aliases: &'static [&'static str],
) -> Vec<Field> {
    vec![
        int("agents", agents, "how many agents it has, counted one by one; removed ones are left out")
            .volatile()
            .alias(&["agent_count"])
            .example("agents:>100"),
        int("console_agents", console, "how many agents it has by the console's own count")
            .volatile()
            .alias(aliases)
            .example("console_agents:>100"),
        flag("differs", differ, "whether the two counts differ").volatile().example("differs:t"),
    ]
}

/// The scope that reaches licences.
fn licences() -> Scope {
    Scope {
        name: "licence",
        aliases: &["licences", "license", "licenses", "feature", "features"],
        inventory: "licences",
        from: "FROM inventory_licence {e} WHERE {e}.org_id = {t}.org_id AND {e}.record_id = {t}.record_id",
        title: "name",
        prose: "one thing that it is licensed for, or a setting that comes with it",
    }
}

/// The names of what is licensed.
fn licence_names() -> Field {
    Field::new(
        "features",
        Type::Text,
        Column::many(
            "FROM inventory_licence c WHERE c.org_id = {t}.org_id AND c.record_id = {t}.record_id",
            Column::Term { column: "c.name_term", dictionary: "licence" },
        ),
        "packages and modules that it is licensed for, and groups of settings that come with them",
    )
    .alias(&["licences", "licenses", "modules"])
    .example("features:ranger")
}

/// What the scopes of an account and of a console site reach.
pub(super) fn parts() -> Vec<Inventory> {
    const KINDS: Choices = words(&[Choice::new("bundle"), Choice::new("module"), Choice::new("setting")]);
    vec![Inventory {
        aliases: &["licence"],
        listed: false,
        base: Base { table: "inventory_licence", key: "position" },
        fields: vec![
            term("name", "{t}.name_term", "licence", "the package, the module or the group of settings")
                .example("licence:(name:ranger)"),
            word("kind", KINDS, "{t}.kind_term", "licence_kind", "which of them it is").example("kind:module"),
            term("setting", "{t}.setting_term", "licence_setting", "what it is set to, or what it covers")
                .example("setting:\"90 days\""),
            int("total", "{t}.total", "how many it covers; -1 stands for no bound").example("total:>100"),
        ],
        ..Inventory::new("licences", "licence", "inventory_licence", "position")
    }]
}

/// Console sites, console groups, console accounts and our own sites.
pub(super) fn inventories() -> Vec<Inventory> {
    vec![console_sites(), console_groups(), accounts(), sites()]
}

/// Text that is only in the raw body: these inventories are small, so reading bodies costs nothing.
fn body(name: &'static str, kind: &'static str, path: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Text, Column::Body { source: SENTINELONE, kind, path }, prose)
}

fn console_sites() -> Inventory {
    let mut fields = vec![
        public("id", "{t}.record_id", RECORD_IDS, "its id here, for links and scripts").example("id:rec_00000000000sg"),
        text("name", "{t}.name", "{t}.name_folded", "its name").example("name:london"),
        native("native_id", "{t}.native_id", "the console's own id of it")
            .alias(&["site_id", "siteid"])
            .example("native_id:475482421366727779"),
        only_source(),
        native("account_id", "{t}.account_native_id", "the console's id of its account")
            .alias(&["accountid"])
            .example("account_id:433241117337583618"),
        term("account", "{t}.account_term", "console_account", "its account's name")
            .alias(&["account_name", "accountname"])
            .example("account:acme"),
        word("state", STATES, "{t}.state_term", "console_state", "whether it is in use").example("state:active"),
        word("type", PAYMENTS, "{t}.site_type_term", "account_type", "trial or paid")
            .alias(&["site_type", "sitetype"])
            .example("type:paid"),
        word("suite", SUITES, "{t}.suite_term", "suite", "the licensed suite").example("suite:complete"),
        word("sku", SUITES, "{t}.sku_term", "suite", "the licensed suite, as an article").example("sku:complete"),
        word("usage", USAGES, "{t}.usage_type_term", "usage_type", "for whom it is used")
            .alias(&["usage_type", "usagetype"])
            .example("usage:customer"),
        flag("default", "{t}.is_default", "whether it is its account's default site")
            .alias(&["is_default", "isdefault"])
            .example("default:t"),
        flag("healthy", "{t}.healthy", "what the console says about its health")
            .alias(&["healthstatus"])
            .example("healthy:f"),
        licence_names(),
        int("total_licenses", "{t}.total_licenses", "licences it has")
            .alias(&["totallicenses"])
            .example("total_licenses:<100"),
        flag("unlimited_licenses", "{t}.unlimited_licenses", "whether licences are unlimited")
            .alias(&["unlimitedlicenses"])
            .example("unlimited_licenses:t"),
        flag("unlimited_expiration", "{t}.unlimited_expiration", "whether it never expires")
            .alias(&["unlimitedexpiration"])
            .example("unlimited_expiration:f"),
        future("expires_at", "{t}.expires_at", "when it expires").alias(&["expiration"]).example("expires_at:<30d"),
        native("external_id", "{t}.external_id", "its id in another system")
            .alias(&["externalid"])
            .example("has:external_id"),
        body("description", "site", "description", "what people wrote about it").example("has:description"),
        body("creator", "site", "creator", "who made it").example("creator:admin"),
    ];
    const AGENTS: &str = agents_of_site!();
    const DIFFER: &str = differs!(agents_of_site!(), "{t}.active_licenses");
    fields.extend(counted(AGENTS, "{t}.active_licenses", DIFFER, &["active_licenses", "activelicenses"]));
    fields.extend(times());
    fields.extend(record_fields(&[&[], &["version"]]));
    Inventory {
        aliases: &["console_site"],
        prose: "the console's sites; Muster's own are called sites",
        fields,
        raw: vec![Raw { source: SENTINELONE, kind: "site", paths: raw::SITE, aliases: raw::LEVEL_ALIASES }],
        bare: &["name"],
        default_sort: "name",
        scopes: vec![licences()],
        default_fields: &[
            "name",
            "account",
            "state",
            "suite",
            "agents",
            "console_agents",
            "total_licenses",
            "expires_at",
        ],
        ..Inventory::new("console_sites", "console site", "inventory_console_site", "record_id")
    }
}

fn console_groups() -> Inventory {
    let mut fields = vec![
        public("id", "{t}.record_id", RECORD_IDS, "its id here, for links and scripts").example("id:rec_00000000000sg"),
        text("name", "{t}.name", "{t}.name_folded", "its name").example("name:kiosks"),
        native("native_id", "{t}.native_id", "the console's own id of it")
            .alias(&["group_id", "groupid"])
            .example("native_id:475482421375116388"),
        only_source(),
        native("site_id", "{t}.site_native_id", "the console's id of its site")
            .alias(&["siteid"])
            .example("site_id:475482421366727779"),
        word("type", GROUPS, "{t}.group_type_term", "group_type", "how it is filled")
            .alias(&["group_type"])
            .example("type:dynamic"),
        int("rank", "{t}.rank", "its rank among dynamic groups").example("rank:<10"),
        native("filter_id", "{t}.filter_native_id", "the console's id of the filter that fills it")
            .alias(&["filterid"])
            .example("has:filter_id"),
        body("filter", "group", "filterName", "that filter's name")
            .alias(&["filter_name", "filtername"])
            .example("filter:servers"),
        flag("inherits", "{t}.inherits", "whether it takes its site's policy").example("inherits:f"),
        flag("default", "{t}.is_default", "whether it is its site's default group")
            .alias(&["is_default", "isdefault"])
            .example("default:t"),
        body("description", "group", "description", "what people wrote about it").example("has:description"),
        body("creator", "group", "creator", "who made it").example("creator:admin"),
    ];
    const AGENTS: &str = agents_of_group!();
    const DIFFER: &str = differs!(agents_of_group!(), "{t}.total_agents");
    fields.extend(counted(AGENTS, "{t}.total_agents", DIFFER, &["total_agents", "totalagents"]));
    fields.extend(times());
    fields.extend(record_fields(&[&["state"], &["version"]]));
    Inventory {
        aliases: &["console_group", "groups", "group"],
        prose: "the console's groups",
        fields,
        raw: vec![Raw { source: SENTINELONE, kind: "group", paths: raw::GROUP, aliases: raw::LEVEL_ALIASES }],
        bare: &["name"],
        default_sort: "name",
        default_fields: &["name", "type", "inherits", "default", "agents", "console_agents", "updated_at"],
        ..Inventory::new("console_groups", "console group", "inventory_console_group", "record_id")
    }
}

fn accounts() -> Inventory {
    let mut fields = vec![
        public("id", "{t}.record_id", RECORD_IDS, "its id here, for links and scripts").example("id:rec_00000000000sg"),
        text("name", "{t}.name", "{t}.name_folded", "its name").example("name:acme"),
        native("native_id", "{t}.native_id", "the console's own id of it")
            .alias(&["account_id", "accountid"])
            .example("native_id:433241117337583618"),
        only_source(),
        word("state", STATES, "{t}.state_term", "console_state", "whether it is in use").example("state:active"),
        word("type", PAYMENTS, "{t}.account_type_term", "account_type", "trial or paid")
            .alias(&["account_type", "accounttype"])
            .example("type:paid"),
        word("usage", USAGES, "{t}.usage_type_term", "usage_type", "for whom it is used")
            .alias(&["usage_type", "usagetype"])
            .example("usage:mssp"),
        term("billing", "{t}.billing_mode_term", "billing_mode", "how it is billed")
            .alias(&["billing_mode", "billingmode"])
            .example("billing:subscription"),
        flag("default", "{t}.is_default", "whether it is the default account")
            .alias(&["is_default", "isdefault"])
            .example("default:t"),
        licence_names(),
        int("site_count", "{t}.site_count", "how many console sites it has")
            .volatile()
            .alias(&["numberofsites"])
            .example("site_count:>1"),
        int("total_licenses", "{t}.total_licenses", "how many licences it has")
            .alias(&["totallicenses"])
            .example("total_licenses:<100"),
        flag("unlimited_expiration", "{t}.unlimited_expiration", "whether it never expires")
            .alias(&["unlimitedexpiration"])
            .example("unlimited_expiration:f"),
        future("expires_at", "{t}.expires_at", "when it expires").alias(&["expiration"]).example("expires_at:<30d"),
        native("external_id", "{t}.external_id", "its id in another system")
            .alias(&["externalid"])
            .example("has:external_id"),
        body("creator", "account", "creator", "who made it").example("creator:admin"),
    ];
    const AGENTS: &str = agents_of_account!();
    const DIFFER: &str = differs!(agents_of_account!(), "{t}.active_agents");
    fields.extend(counted(AGENTS, "{t}.active_agents", DIFFER, &["active_agents", "activeagents"]));
    fields.extend(times());
    fields.extend(record_fields(&[&[], &["version"]]));
    Inventory {
        aliases: &["account", "console_accounts", "console_account"],
        prose: "the console's accounts",
        fields,
        raw: vec![Raw { source: SENTINELONE, kind: "account", paths: raw::ACCOUNT, aliases: raw::LEVEL_ALIASES }],
        bare: &["name"],
        default_sort: "name",
        scopes: vec![licences()],
        default_fields: &["name", "state", "type", "agents", "console_agents", "site_count", "expires_at"],
        ..Inventory::new("accounts", "account", "inventory_account", "record_id")
    }
}

fn times() -> Vec<Field> {
    vec![
        past("created_at", "{t}.created_at", "when it was made").alias(&["createdat"]).example("created_at:<30d"),
        past("updated_at", "{t}.updated_at", "when it was changed last")
            .volatile()
            .alias(&["updatedat"])
            .example("updated_at:<7d"),
    ]
}

fn sites() -> Inventory {
    Inventory {
        aliases: &["site"],
        prose: "where assets live: Muster's own sites; the console's are called console_sites",
        base: Base { table: "inventory_site", key: "site_id" },
        fields: vec![
            public("id", "{t}.site_id", SITE_IDS, "the site's id, for links and scripts")
                .example("id:sit_00000000000sg"),
            text("name", "{t}.name", "{t}.name_folded", "its name").example("name:hq"),
            past("created_at", "{t}.created_at", "when it was made").example("created_at:<30d"),
            int(
                "asset_count",
                "(SELECT COUNT(*) FROM inventory_asset a WHERE a.org_id = {t}.org_id AND a.site_id = {t}.site_id)",
                "how many assets live in it",
            )
            .alias(&["assets"])
            .example("asset_count:=0"),
        ],
        bare: &["name"],
        default_sort: "name",
        default_fields: &["name", "asset_count", "created_at"],
        ..Inventory::new("sites", "site", "inventory_site", "site_id")
    }
}
