//! Services: what answered on which port of which machine.

use query::{Column, Field, Inventory, Scope, Type};

use super::{SERVICE_IDS, SITE_NAMES, SOURCES, flag, int, past, public, record_fields, term, text, version};

/// What an asset's machines answered, as long as their scans still show them: `c`, or the elements of a scope (`{e}`).
macro_rules! of_asset {
    ($row:literal, $more:literal) => {
        concat!(
            "FROM inventory_link l \
             JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id AND m.present = 1 \
             JOIN inventory_service ",
            $row,
            " ON ",
            $row,
            ".org_id = l.org_id AND ",
            $row,
            ".record_id = l.record_id",
            $more,
            " WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id"
        )
    };
}

const OF_ASSET: &str = of_asset!("c", "");
const TCP: &str =
    of_asset!("c", " JOIN inventory_term x ON x.org_id = c.org_id AND x.term_id = c.transport_term AND x.text = 'tcp'");
const UDP: &str =
    of_asset!("c", " JOIN inventory_term x ON x.org_id = c.org_id AND x.term_id = c.transport_term AND x.text = 'udp'");

/// The asset of a service.
const ASSET: &str = "FROM inventory_link l \
     JOIN inventory_asset {e} ON {e}.org_id = l.org_id AND {e}.asset_id = l.asset_id \
     WHERE l.org_id = {t}.org_id AND l.record_id = {t}.record_id";

const ASSET_NAME: &str = asset_of!("record_id", "a.name");
const ASSET_NAME_FOLDED: &str = asset_of!("record_id", "a.name_folded");

const ASSET_TYPE: &str = asset_of!("record_id", "a.type_term");
const ASSET_OS: &str = asset_of!("record_id", "a.os_term");
const ASSET_SITE: &str = asset_of!("record_id", "a.site_id");
const ASSET_PUBLIC: &str = asset_of!("record_id", "a.has_public");

const SEEN_AT: &str = "(SELECT m.last_seen FROM inventory_machine m \
     WHERE m.org_id = {t}.org_id AND m.record_id = {t}.record_id)";
const SOURCE: &str = "(SELECT m.source_term FROM inventory_machine m \
     WHERE m.org_id = {t}.org_id AND m.record_id = {t}.record_id)";

/// What scans saw.
pub(super) fn services() -> Inventory {
    let mut fields = vec![
        public("id", "{t}.service_id", SERVICE_IDS, "its id here, for links and scripts")
            .example("id:svc_0000000000g0p"),
        Field::new("address", Type::Ip, Column::Plain("{t}.ip"), "the address that answered")
            .alias(&["ip", "net", "addresses"])
            .example("address:10.20.0.0/16"),
        int("port", "{t}.port", "the port that answered").alias(&["ports", "service_port"]).example("port:3389"),
        term("transport", "{t}.transport_term", "transport", "tcp, udp or sctp")
            .alias(&["service_transport"])
            .example("transport:=udp"),
        term("protocol", "{t}.protocol_term", "protocol", "what is spoken there")
            .alias(&["name", "protocols", "service_protocols", "service"])
            .example("protocol:ssh"),
        term("product", "{t}.product_term", "service_product", "the program that answers")
            .alias(&["products", "service_products"])
            .example("product:openssh"),
        version("version", "{t}.version_term", "version", "that program's version, compared part by part")
            .example("version:<9"),
        text(
            "banner",
            "{t}.banner",
            "COALESCE({t}.banner_folded, lower({t}.banner))",
            "what it said: its banner, a page's title, a certificate's subject",
        )
        .example("banner:login"),
        past("seen_at", SEEN_AT, "when the scan saw it")
            .volatile()
            .alias(&["last_seen", "seen"])
            .example("seen_at:<7d"),
        Field::new("source", Type::Enum(SOURCES), Column::Term { column: SOURCE, dictionary: "source" }, "who saw it")
            .alias(&["sources"])
            .example("source:scan"),
        text("asset_name", ASSET_NAME, ASSET_NAME_FOLDED, "the machine's name, as the assets have it")
            .volatile()
            .alias(&["hostname", "host"])
            .example("asset_name:printer"),
        term("type", ASSET_TYPE, "type", "what sort of machine answered").volatile().example("type:printer"),
        term("os", ASSET_OS, "os", "that machine's operating system").volatile().example("os:windows"),
        term("site", ASSET_SITE, SITE_NAMES, "the site in which that machine lives").volatile().example("site:hq"),
        flag("has_public", ASSET_PUBLIC, "whether that machine has a public address")
            .volatile()
            .example("has_public:t"),
    ];
    fields.extend(record_fields(&[&["state"], &[]]));
    fields.extend(super::later::service_fields());
    Inventory {
        aliases: &["service"],
        prose: "what answered on which port of which machine, as scans saw it",
        fields,
        scopes: vec![Scope {
            name: "asset",
            aliases: &["assets"],
            inventory: "assets",
            from: ASSET,
            title: "name",
            prose: "the asset that answered",
        }],
        bare: &["protocol", "product", "banner"],
        default_sort: "-id",
        default_fields: &["address", "port", "transport", "protocol", "product", "version", "asset_name", "seen_at"],
        ..Inventory::new("services", "service", "inventory_service", "service_id")
    }
}

/// What an asset is asked about its services.
pub(super) fn asset_fields() -> Vec<Field> {
    let many = |from, value| Column::many(from, value);
    let port = |name, from, prose| Field::new(name, Type::Int, many(from, Column::Plain("c.port")), prose);
    let word = |name, column, dictionary, prose| {
        Field::new(name, Type::Text, many(OF_ASSET, Column::Term { column, dictionary }), prose)
    };
    let count = |name, from: &'static str, prose| int(name, from, prose).volatile();
    vec![
        port("port", OF_ASSET, "the ports on which it answered a scan").alias(&["ports"]).example("port:3389"),
        port("tcp", TCP, "the TCP ports on which it answered")
            .alias(&["service_ports_tcp", "tcp_port"])
            .example("tcp:22"),
        port("udp", UDP, "the UDP ports on which it answered")
            .alias(&["service_ports_udp", "udp_port"])
            .example("udp:161"),
        word("protocol", "c.protocol_term", "protocol", "what it speaks on its ports")
            .alias(&["protocols", "service_protocols"])
            .example("protocol:rdp"),
        word("transport", "c.transport_term", "transport", "how its ports are reached: tcp, udp")
            .example("transport:=udp"),
        word("service.product", "c.product_term", "service_product", "the programs that answer on its ports")
            .alias(&["service_products"])
            .example("service.product:openssh"),
        Field::new(
            "banner",
            Type::Text,
            many(OF_ASSET, Column::Folded { text: "c.banner", folded: "COALESCE(c.banner_folded, lower(c.banner))" }),
            "what its ports said",
        )
        .alias(&["service.banner", "banners"])
        .example("banner:login"),
        count(
            "service_count",
            concat!("(SELECT COUNT(*) ", of_asset!("c", ""), ")"),
            "how many services answered on it",
        )
        .example("service_count:>20"),
        count(
            "service_count_tcp",
            concat!(
                "(SELECT COUNT(*) ",
                of_asset!(
                    "c",
                    " JOIN inventory_term x ON x.org_id = c.org_id AND x.term_id = c.transport_term AND x.text = 'tcp'"
                ),
                ")"
            ),
            "how many of them over TCP",
        )
        .example("service_count_tcp:=0"),
        count(
            "service_count_udp",
            concat!(
                "(SELECT COUNT(*) ",
                of_asset!(
                    "c",
                    " JOIN inventory_term x ON x.org_id = c.org_id AND x.term_id = c.transport_term AND x.text = 'udp'"
                ),
                ")"
            ),
            "how many of them over UDP",
        )
        .example("service_count_udp:>0"),
    ]
}

/// One service of an asset.
pub(super) fn asset_scope() -> Scope {
    Scope {
        name: "service",
        aliases: &["services"],
        inventory: "services",
        from: of_asset!("{e}", ""),
        title: "protocol",
        prose: "one service that a scan saw on it",
    }
}
