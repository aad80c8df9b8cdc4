//! The console's own levels (accounts, sites, groups), and Muster's sites.

use query::{Base, Choice, Choices, Column, Field, Inventory, Raw, Type};

use super::{
    RECORD_IDS, SENTINELONE, SITE_IDS, flag, future, int, native, only_source, past, public, raw, record_fields, term,
    text, word, words,
};

const STATES: Choices = words(&[Choice::new("active"), Choice::new("expired"), Choice::new("deleted")]);
const PAYMENTS: Choices = words(&[Choice::new("trial"), Choice::new("paid")]);
const SUITES: Choices = words(&[Choice::new("core"), Choice::new("control"), Choice::new("complete")]);
const USAGES: Choices = words(&[Choice::new("customer"), Choice::new("mssp"), Choice::new("ir")]);
const GROUPS: Choices = words(&[Choice::new("static"), Choice::new("dynamic"), Choice::new("pinned")]);

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
        int("active_licenses", "{t}.active_licenses", "licences in use")
            .volatile()
            .alias(&["activelicenses"])
            .example("active_licenses:>100"),
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
    fields.extend(times());
    fields.extend(record_fields(&[&[], &["version"]]));
    Inventory {
        aliases: &["console_site"],
        prose: "the console's sites; Muster's own are called sites",
        fields,
        raw: vec![Raw { source: SENTINELONE, kind: "site", paths: raw::SITE, aliases: raw::LEVEL_ALIASES }],
        bare: &["name"],
        default_sort: "name",
        default_fields: &["name", "account", "state", "suite", "active_licenses", "total_licenses", "expires_at"],
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
        int("total_agents", "{t}.total_agents", "how many agents it has")
            .volatile()
            .alias(&["agents", "totalagents"])
            .example("total_agents:>100"),
        body("description", "group", "description", "what people wrote about it").example("has:description"),
        body("creator", "group", "creator", "who made it").example("creator:admin"),
    ];
    fields.extend(times());
    fields.extend(record_fields(&[&["state"], &["version"]]));
    Inventory {
        aliases: &["console_group", "groups", "group"],
        prose: "the console's groups",
        fields,
        raw: vec![Raw { source: SENTINELONE, kind: "group", paths: raw::GROUP, aliases: raw::LEVEL_ALIASES }],
        bare: &["name"],
        default_sort: "name",
        default_fields: &["name", "type", "inherits", "default", "total_agents", "updated_at"],
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
        int("active_agents", "{t}.active_agents", "how many agents it has")
            .volatile()
            .alias(&["agents", "activeagents"])
            .example("active_agents:>100"),
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
    fields.extend(times());
    fields.extend(record_fields(&[&[], &["version"]]));
    Inventory {
        aliases: &["account", "console_accounts", "console_account"],
        prose: "the console's accounts",
        fields,
        raw: vec![Raw { source: SENTINELONE, kind: "account", paths: raw::ACCOUNT, aliases: raw::LEVEL_ALIASES }],
        bare: &["name"],
        default_sort: "name",
        default_fields: &["name", "state", "type", "active_agents", "site_count", "expires_at"],
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
