//! Software: what is installed on which machine; and titles: how many machines have a product, and in which versions.

use query::{Base, Choice, Choices, Column, Inventory, Raw, Scope, Type};

use super::{
    AGENT_NAME_BY_RECORD, AGENT_NAME_FOLDED_BY_RECORD, AGENT_NATIVE, MAPPED_BY_RECORD, OF_AGENT_RECORD, RECORD_IDS,
    RECORD_NATIVE, SENTINELONE, flag, int, narrow_record_fields, native, only_source, past, public, raw, term, text,
    version, word, words,
};

/// A column of the release that a row names.
macro_rules! of_release {
    ($column:literal) => {
        concat!(
            "(SELECT i.",
            $column,
            " FROM inventory_release i WHERE i.org_id = {t}.org_id AND i.release_id = {t}.release_id)"
        )
    };
}
pub(super) use of_release;

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
        term("name", of_release!("product_term"), "product", "the product's name, as the machine spells it")
            .alias(&["title", "software"])
            .example("name:chrome"),
        term(
            "product",
            of_release!("plain_term"),
            "plain_product",
            "the product's name without processor, language and version",
        )
        .alias(&["products"])
        .example("product:=\"Mozilla Firefox\""),
        term("vendor", of_release!("vendor_term"), "vendor", "who made it, as the machine spells it")
            .alias(&["publisher"])
            .example("vendor:mozilla"),
        term("maker", of_release!("maker_term"), "plain_vendor", "who made it, without the legal form")
            .example("maker:=Google"),
        version("version", of_release!("version_term"), "version", "its version, compared part by part")
            .example("version:<131.0.2"),
        native("native_id", RECORD_NATIVE, "its agent's id and a fingerprint of vendor, name and version")
            .example("has:native_id"),
        only_source(),
        word(
            "type",
            TYPES,
            of_release!("type_term"),
            "software_type",
            "what sort of thing it is, where the console says it",
        )
        .volatile()
        .example("type:chromeextension"),
        term(
            "cpe23",
            of_release!("cpe_term"),
            "cpe",
            "its name in the national dictionary, where the console gives it",
        )
        .volatile()
        .alias(&["cpe"])
        .example("cpe23:openssl"),
        int("size", "{t}.size", "its size; the vendor does not say in which unit").volatile().example("size:>1000000"),
        past("installed_at", "{t}.installed_second * 1000000", "when it was installed, to the second")
            .volatile()
            .alias(&["installedat", "installed"])
            .example("installed_at:<7d"),
    ];
    fields.extend(machine());
    fields.extend(narrow_record_fields(&[&["state"], &[]]));
    Inventory {
        aliases: &["programs", "program", "applications", "application"],
        prose: "what is installed on which machine",
        fields,
        scopes: scopes(),
        raw: vec![Raw { source: SENTINELONE, kind: "software", paths: raw::SOFTWARE, aliases: &[] }],
        bare: &["name", "vendor"],
        default_sort: "-id",
        default_fields: &["name", "version", "vendor", "agent.name", "installed_at"],
        ..Inventory::new("software", "software", "inventory_software", "record_id")
    }
}

/// On which machine a row is that names its agent's record.
fn machine() -> Vec<query::Field> {
    vec![
        native("agent.id", AGENT_NATIVE, "the console's id of the agent on that machine")
            .alias(&["agent_id", "agentid"])
            .example("agent.id:657613730168123595"),
        text(
            "agent.name",
            AGENT_NAME_BY_RECORD,
            AGENT_NAME_FOLDED_BY_RECORD,
            "the machine's name, as the assets have it",
        )
        .volatile()
        .alias(&["agent_name", "hostname", "computername"])
        .example("agent.name:lap"),
        flag("mapped", MAPPED_BY_RECORD, "whether its machine is one of the assets").volatile().example("mapped:f"),
    ]
}

/// Something about the rows of software of a title that machines still have.
macro_rules! of_title {
    ($what:literal) => {
        concat!(
            "(SELECT ",
            $what,
            " FROM inventory_release i JOIN inventory_software s ON s.org_id = i.org_id \
             AND s.release_id = i.release_id WHERE i.org_id = {t}.org_id AND i.title_id = {t}.title_id AND s.gone = 0)"
        )
    };
}

/// The titles.
pub(super) fn titles() -> Inventory {
    let releases = "FROM inventory_release c WHERE c.org_id = {t}.org_id AND c.title_id = {t}.title_id";
    Inventory {
        aliases: &["software_title", "titles", "title"],
        prose: "products, each once: on how many machines, and in which versions",
        base: Base { table: "inventory_title", key: "title_id" },
        fields: vec![
            int("id", "{t}.title_id", "the title's number, for scripts").example("has:id"),
            term("name", "{t}.plain_term", "plain_product", "the product, without processor, language and version")
                .alias(&["product", "title"])
                .example("name:chrome"),
            term("maker", "{t}.maker_term", "plain_vendor", "who made it, without the legal form")
                .alias(&["vendor", "publisher"])
                .example("maker:google"),
            query::Field::new(
                "names",
                Type::Text,
                Column::many(releases, Column::Term { column: "c.product_term", dictionary: "product" }),
                "the names that machines give it, as they spell them",
            )
            .example("names:x64"),
            query::Field::new(
                "versions",
                Type::Version,
                Column::many(
                    concat!(
                        "FROM inventory_release c WHERE c.org_id = {t}.org_id AND c.title_id = {t}.title_id ",
                        "AND EXISTS (SELECT 1 FROM inventory_software s WHERE s.org_id = c.org_id ",
                        "AND s.release_id = c.release_id AND s.gone = 0)"
                    ),
                    Column::Term { column: "c.version_term", dictionary: "version" },
                ),
                "the versions that are installed somewhere",
            )
            .volatile()
            .alias(&["version"])
            .example("versions:<131"),
            int("endpoints", of_title!("COUNT(DISTINCT s.agent_record_id)"), "on how many machines it is installed")
                .volatile()
                .alias(&["endpoint_count", "endpointscount", "assets"])
                .example("endpoints:>100"),
            int("installations", of_title!("COUNT(*)"), "how many times it is installed, counting each version")
                .volatile()
                .example("installations:>100"),
        ],
        scopes: vec![Scope {
            name: "installed",
            aliases: &["software"],
            inventory: "software",
            from: "FROM inventory_release i JOIN inventory_software {e} ON {e}.org_id = i.org_id \
                   AND {e}.release_id = i.release_id \
                   WHERE i.org_id = {t}.org_id AND i.title_id = {t}.title_id AND {e}.gone = 0",
            title: "name",
            prose: "one machine's program of this title",
        }],
        bare: &["name", "maker"],
        default_sort: "name",
        default_fields: &["name", "maker", "endpoints", "versions"],
        ..Inventory::new("software_titles", "software title", "inventory_title", "title_id")
    }
}

fn scopes() -> Vec<Scope> {
    vec![
        Scope {
            name: "asset",
            aliases: &["assets"],
            inventory: "assets",
            from: OF_AGENT_RECORD,
            title: "name",
            prose: "the asset it is installed on",
        },
        Scope {
            name: "vulnerability",
            aliases: &["vulnerabilities", "vuln", "vulns"],
            inventory: "vulnerabilities",
            from: "FROM inventory_release i JOIN inventory_release v ON v.org_id = i.org_id AND v.title_id = i.title_id \
                   JOIN inventory_vulnerability {e} ON {e}.org_id = v.org_id AND {e}.release_id = v.release_id \
                   WHERE i.org_id = {t}.org_id AND i.release_id = {t}.release_id \
                   AND {e}.agent_record_id = {t}.agent_record_id AND {e}.gone = 0",
            title: "name",
            prose: "one vulnerability that a program of the same title has on that machine",
        },
    ]
}
