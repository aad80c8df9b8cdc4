//! Names that people paste from elsewhere and that have no data yet: their terms are false, and the answer says why.

use query::{Field, Tense, Type};

use super::missing;

const SCAN: &str = "Muster does not keep this of what scanners say";
const RISK: &str = "an asset has no risk of its own yet; ask vulnerability:(severity:critical)";
const END_OF_LIFE: &str = "no table of end-of-life dates has been loaded";
const SCANNERS: &str = "what other scanners find is not imported";
const DIRECTORY: &str = "the people of a directory are not read, only those of the console";
const PEOPLE: &str = "Muster does not keep this about an asset yet";

/// Fields of assets that runZero's users paste.
pub(super) fn asset_fields() -> Vec<Field> {
    let text = |name, why| missing(name, Type::Text, why);
    let int = |name, why| missing(name, Type::Int, why);
    let flag = |name, why| missing(name, Type::Bool, why);
    let future = |name, why| missing(name, Type::Timestamp(Tense::Future), why);
    vec![
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
        text("risk", RISK).alias(&["risk_rank"]),
        future("os_eol", END_OF_LIFE).alias(&["eol_os"]),
        future("os_eol_extended", END_OF_LIFE).alias(&["eol_os_ext"]),
        flag("os_eol_expired", END_OF_LIFE),
        text("os.vendor", "the operating system's vendor is not told apart yet").alias(&["os_vendor"]),
        text("criticality", PEOPLE),
        text("comment", PEOPLE).alias(&["comments"]),
        flag("passwordexpired", "directory users are not read yet"),
    ]
}

/// Fields of vulnerabilities that other scanners' users paste.
pub(super) fn vulnerability_fields() -> Vec<Field> {
    let text = |name| missing(name, Type::Text, SCANNERS);
    vec![
        text("threatintel"),
        text("test.pcicompliancestatus"),
        text("plugin.xrefs.type"),
        text("plugin.exploitabilityease"),
        missing("plugin.vpr.score", Type::Real, SCANNERS),
    ]
}

/// Fields of services that runZero's users paste.
pub(super) fn service_fields() -> Vec<Field> {
    let text = |name| missing(name, Type::Text, SCAN);
    vec![
        text("html.inputs").alias(&["last.html.inputs"]),
        text("http.head.wwwauthenticate").alias(&["last.http.head.wwwauthenticate"]),
        text("http.body").alias(&["last.http.body"]),
        text("snmp").alias(&["snmp.serialnumbers", "snmp.arpcache.ports", "snmp.interfaceaddrs", "snmp.sysdescr"]),
        text("hw.serialnumber").alias(&["ilo.serialnumber"]),
        missing("tls.notafter", Type::Timestamp(Tense::Future), SCAN).alias(&["tls.notafterts"]),
    ]
}

/// Fields of people in a directory, which runZero keeps together with those of a console.
pub(super) fn user_fields() -> Vec<Field> {
    let flag = |name| missing(name, Type::Bool, DIRECTORY);
    let future = |name| missing(name, Type::Timestamp(Tense::Future), DIRECTORY);
    vec![
        flag("alive"),
        flag("isdisabled").alias(&["disabled"]),
        flag("suspended"),
        flag("isenforcedin2sv"),
        flag("passwordexpired"),
        future("accountexpires").alias(&["accountexpirests"]),
        future("msds-userpasswordexpirytimecomputed").alias(&["msds-userpasswordexpirytimecomputedts"]),
    ]
}

/// What to say when somebody asks an inventory that has no rows yet: why, and where to ask instead.
#[must_use]
pub fn instead(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "wireless" | "certificates" => ("this inventory is not kept yet", "ask assets"),
        _ => return None,
    })
}
