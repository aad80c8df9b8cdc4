//! Names that people paste from elsewhere and that have no data yet: their terms are false, and the answer says why.

use query::{Field, Inventory, Scope, Tense, Type};

use super::missing;

const SCAN: &str = "what answers on the network is seen by scans, and no scan has been imported";
const RISK: &str = "an asset has no risk of its own yet; ask vulnerability:(severity:critical)";
const END_OF_LIFE: &str = "no table of end-of-life dates has been loaded";
const PEOPLE: &str = "Muster does not keep this about an asset yet";

/// What has no rows is asked of a table that has none for it.
const NO_ROWS: &str = "FROM inventory_asset {e} WHERE {e}.org_id = {t}.org_id AND 1 = 0";

/// Fields of assets that runZero's users paste.
pub(super) fn asset_fields() -> Vec<Field> {
    let text = |name, why| missing(name, Type::Text, why);
    let int = |name, why| missing(name, Type::Int, why);
    let flag = |name, why| missing(name, Type::Bool, why);
    let future = |name, why| missing(name, Type::Timestamp(Tense::Future), why);
    vec![
        int("port", SCAN).alias(&["ports", "tcp", "udp", "service_ports_tcp", "service_ports_udp"]),
        text("protocol", SCAN).alias(&["protocols", "service_protocols", "transport"]),
        text("banner", SCAN).alias(&["service.banner"]),
        int("service_count", SCAN).alias(&["service_count_tcp", "service_count_udp"]),
        text("finding_name", SCAN),
        flag("scanned", SCAN),
        text("detected_by", SCAN),
        text("attribute", SCAN).alias(&["attr"]),
        flag("gateway", SCAN),
        flag("child", SCAN),
        text("child_kind", SCAN),
        text("gateway_kind", SCAN),
        int("outlier", SCAN).alias(&["outlier_score"]),
        flag("address_overlap", SCAN),
        flag("mac_overlap", SCAN),
        flag("name_overlap", SCAN),
        flag("unmapped", SCAN),
        text("mac_vendor", "no table of hardware vendors has been loaded").alias(&["mac_vendors", "newest_mac_vendor"]),
        text("ntlmssp.dnsdomain", SCAN).alias(&["ntlmssp.dnscomputer", "ntlmssp.netbiosdomain"]),
        int("ip.ttl.hops", SCAN),
        text("snmp", SCAN).alias(&[
            "snmp.serialnumbers",
            "snmp.arpcache.ports",
            "snmp.interfaceaddrs",
            "snmp.sysdescr",
            "ilo.serialnumber",
        ]),
        text("service.product", SCAN),
        text("risk", RISK).alias(&["risk_rank"]),
        future("os_eol", END_OF_LIFE).alias(&["eol_os"]),
        future("os_eol_extended", END_OF_LIFE).alias(&["eol_os_ext"]),
        flag("os_eol_expired", END_OF_LIFE),
        text("os.vendor", "the operating system's vendor is not told apart yet").alias(&["os_vendor"]),
        text("owner", PEOPLE).alias(&["owners"]),
        text("criticality", PEOPLE),
        text("comment", PEOPLE).alias(&["comments"]),
        flag("passwordexpired", "directory users are not read yet"),
    ]
}

/// Scopes of assets that have no elements yet.
pub(super) fn asset_scopes() -> Vec<Scope> {
    let scope =
        |name, aliases, inventory, title, prose| Scope { name, aliases, inventory, from: NO_ROWS, title, prose };
    vec![scope("service", &["services"], "services", "protocol", "one service that a scan saw")]
}

/// Inventories that exist by name only, so that scopes can be written and questions get an answer that says so.
pub(super) fn inventories() -> Vec<Inventory> {
    let text = |name, why| missing(name, Type::Text, why);
    let services = vec![
        text("id", SCAN),
        text("name", SCAN),
        missing("port", Type::Int, SCAN),
        text("protocol", SCAN).alias(&["protocols"]),
        text("transport", SCAN),
        text("product", SCAN).alias(&["products"]),
        text("banner", SCAN),
        text("type", SCAN),
        missing("address", Type::Ip, SCAN),
        missing("has_public", Type::Bool, SCAN),
    ];
    let later = |name, singular, aliases, prose, fields| Inventory {
        aliases,
        prose,
        listed: false,
        fields,
        bare: &["name"],
        default_sort: "name",
        default_fields: &["name"],
        ..Inventory::new(name, singular, "inventory_asset", "asset_id")
    };
    vec![later("services", "service", &["service"], SCAN, services)]
}

/// What to say when somebody asks an inventory that has no rows yet: why, and where to ask instead.
#[must_use]
pub fn instead(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "services" | "service" => (SCAN, "ask assets about what is known of their network: address, mac, interface"),
        "wireless" | "certificates" => ("this inventory is not kept yet", "ask assets"),
        _ => return None,
    })
}
