//! Vulnerabilities: known weaknesses of installed software, machine by machine.

use query::{Choice, Choices, Column, Field, Inventory, Raw, Scope, Type};

use super::{
    OF_AGENT, RECORD_IDS, RECORD_NATIVE, SENTINELONE, SEVERITIES, flag, missing, native, only_source, past, public,
    raw, record_fields, term, text, version, word, words,
};

const STATUSES: Choices = words(&[Choice::or("detected", &["open"]), Choice::or("removed", &["fixed"])]);

const MITIGATIONS: Choices =
    words(&[Choice::new("not_mitigated"), Choice::new("to_be_patched"), Choice::new("on_hold")]);

const EXPLOITS: Choices = words(&[
    Choice::new("none"),
    Choice::new("not_defined"),
    Choice::new("unproven"),
    Choice::new("proof_of_concept"),
    Choice::new("functional"),
    Choice::new("high"),
]);

/// A console that tells of removals does so once, and by then the record is retired: both are `removed`.
const STATUS: &str = "CASE WHEN (SELECT r.state FROM inventory_source_record r \
     WHERE r.org_id = {t}.org_id AND r.record_id = {t}.record_id) = 'retired' THEN 'removed' \
     ELSE (SELECT d.folded FROM inventory_term d WHERE d.org_id = {t}.org_id AND d.term_id = {t}.status_term) END";

/// Whether its agent is one of those that are known.
const MAPPED: &str = "CASE WHEN EXISTS (SELECT 1 FROM inventory_source_record a WHERE a.org_id = {t}.org_id \
     AND a.integration_id = {t}.integration_id AND a.stream = 'agents' AND a.native_id = {t}.agent_native_id) \
     THEN 1 ELSE 0 END";

/// The vulnerabilities.
pub(super) fn vulnerabilities() -> Inventory {
    let mut fields = what();
    fields.extend(whose());
    fields.extend(record_fields(&[&["state"], &[]]));
    Inventory {
        aliases: &["vulnerability", "vulns", "vuln", "risks"],
        prose: "known weaknesses of installed software, machine by machine",
        fields,
        scopes: vec![Scope {
            name: "asset",
            aliases: &["assets"],
            inventory: "assets",
            from: OF_AGENT,
            title: "name",
            prose: "the asset that has it",
        }],
        raw: vec![Raw { source: SENTINELONE, kind: "risk", paths: raw::RISK, aliases: &[] }],
        bare: &["name", "product"],
        default_sort: "-id",
        default_fields: &["name", "severity", "score", "product", "version", "agent.name", "detected_at"],
        ..Inventory::new("vulnerabilities", "vulnerability", "inventory_vulnerability", "record_id")
    }
}

fn what() -> Vec<Field> {
    vec![
        public("id", "{t}.record_id", RECORD_IDS, "its id here, for links and scripts").example("id:rec_00000000000sg"),
        term("name", "{t}.cve_term", "cve", "its public name")
            .alias(&["cve", "cve_id", "cveid"])
            .example("cve:CVE-2024-3094"),
        native("native_id", RECORD_NATIVE, "the console's own id of it")
            .alias(&["risk_id"])
            .example("native_id:2228104980801805822"),
        only_source(),
        word("severity", SEVERITIES, "{t}.severity_term", "severity", "how bad it is")
            .alias(&["risk", "risk_rank"])
            .example("severity:critical"),
        Field::new("score", Type::Real, Column::Plain("{t}.score"), "its CVSS base score, 0 to 10")
            .alias(&["cvss", "base_score", "basescore"])
            .example("score:>=9"),
        Field::new("status", Type::Enum(STATUSES), Column::Plain(STATUS), "whether it is still there")
            .volatile()
            .example("status:removed"),
        word(
            "mitigation",
            MITIGATIONS,
            "{t}.mitigation_term",
            "vulnerability_mitigation",
            "what people decided about it",
        )
        .alias(&["mitigation_status", "mitigationstatus"])
        .example("mitigation:on_hold"),
        word("exploit", EXPLOITS, "{t}.exploit_term", "exploit", "how far exploits got, where the licence shows it")
            .alias(&["exploit_code_maturity", "exploitcodematurity"])
            .example("exploit:functional"),
        term("product", "{t}.product_term", "product", "the product that has it")
            .alias(&["application", "application_name", "applicationname"])
            .example("product:openssl"),
        term("vendor", "{t}.vendor_term", "vendor", "who made the product")
            .alias(&["publisher", "application_vendor", "applicationvendor"])
            .example("vendor:microsoft"),
        version("version", "{t}.version_term", "version", "the product's version, compared part by part")
            .alias(&["application_version", "applicationversion"])
            .example("version:<3.0.7"),
        past("detected_at", "{t}.detected_at", "when it was found")
            .alias(&["first_detected_at", "firstfoundts", "detection_date", "detectiondate"])
            .example("detected_at:<7d"),
        past("published_at", "{t}.published_at", "when it was published")
            .alias(&["published_date", "publisheddate"])
            .example("published_at:>1y"),
        missing("kev", Type::Text, "no list of exploited vulnerabilities has been loaded"),
        missing("epss_score", Type::Real, "no table of exploit probabilities has been loaded").alias(&["epss"]),
    ]
}

fn whose() -> Vec<Field> {
    vec![
        native("agent.id", "{t}.agent_native_id", "the console's id of the agent on that machine")
            .alias(&["agent_id", "agentid", "endpoint_id", "endpointid"])
            .example("agent.id:657613730168123595"),
        text(
            "agent.name",
            "{t}.agent_name",
            "COALESCE({t}.agent_name_folded, lower({t}.agent_name))",
            "the machine's name, as the vulnerability has it",
        )
        .volatile()
        .alias(&["agent_name", "hostname", "computername", "endpoint_name", "endpointname"])
        .example("agent.name:lap"),
        term("agent.type", "{t}.agent_type_term", "type", "the machine's type")
            .volatile()
            .alias(&["agent_type"])
            .example("agent.type:server"),
        term("os.family", "{t}.agent_os_family_term", "os_family", "the machine's operating system family")
            .volatile()
            .alias(&["os_family", "os", "ostype"])
            .example("os.family:windows"),
        flag(
            "mapped",
            MAPPED,
            "whether its machine is one of the assets; one of an unknown machine is kept all the same",
        )
        .volatile()
        .example("mapped:f"),
        past("scanned_at", "{t}.scanned_at", "when the machine was last looked at for vulnerabilities")
            .volatile()
            .alias(&["last_scan", "lastscandate"])
            .example("scanned_at:>7d"),
    ]
}
