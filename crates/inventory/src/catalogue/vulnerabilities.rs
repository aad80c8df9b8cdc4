//! Vulnerabilities: known weaknesses of installed software, machine by machine.

use query::{Base, Choice, Choices, Column, Field, Inventory, Raw, Scope, Type};

use super::software::of_release;
use super::{
    AGENT_NATIVE, MAPPED_BY_RECORD, OF_AGENT_RECORD, RECORD_IDS, RECORD_NATIVE, SENTINELONE, SEVERITIES, flag, int,
    missing, narrow_record_fields, native, only_source, past, public, raw, term, text, version, word, words,
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

/// What can be done (vendor spec, `remediationLevel`).
const REMEDIATIONS: Choices = words(&[
    Choice::new("official_fix"),
    Choice::new("temporary_fix"),
    Choice::new("workaround"),
    Choice::new("unavailable"),
    Choice::new("not_defined"),
    Choice::new("none"),
]);

/// What is known of the CVE that a row names.
macro_rules! of_cve {
    ($column:literal) => {
        concat!(
            "(SELECT v.",
            $column,
            " FROM inventory_cve v WHERE v.org_id = {t}.org_id AND v.cve_term = {t}.cve_term)"
        )
    };
}

/// A number with a point that moves when the console learns better.
fn real(name: &'static str, column: &'static str, prose: &'static str) -> Field {
    Field::new(name, Type::Real, Column::Plain(column), prose).volatile()
}

/// A console that tells of removals does so once, and by then the record is retired: both are `removed`.
const STATUS: &str = "CASE WHEN (SELECT r.state FROM inventory_source_record r \
     WHERE r.org_id = {t}.org_id AND r.record_id = {t}.record_id) = 'retired' THEN 'removed' \
     ELSE (SELECT d.folded FROM inventory_term d WHERE d.org_id = {t}.org_id AND d.term_id = {t}.status_term) END";

/// The vulnerabilities.
pub(super) fn vulnerabilities() -> Inventory {
    let mut fields = what();
    fields.extend(whose());
    fields.extend(narrow_record_fields(&[&["state"], &[]]));
    fields.extend(super::later::vulnerability_fields());
    Inventory {
        aliases: &["vulnerability", "vulns", "vuln", "risks"],
        prose: "known weaknesses of installed software, machine by machine",
        fields,
        scopes: scopes(),
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
        term(
            "application",
            of_release!("product_term"),
            "product",
            "the product that has it, as the machine spells it",
        )
        .alias(&["application_name", "applicationname"])
        .example("application:\"VMware Tools\""),
        term(
            "product",
            of_release!("plain_term"),
            "plain_product",
            "that product, without processor, language and version",
        )
        .example("product:openssl"),
        term("vendor", of_release!("vendor_term"), "vendor", "who made the product")
            .alias(&["publisher", "application_vendor", "applicationvendor"])
            .example("vendor:microsoft"),
        version("version", of_release!("version_term"), "version", "the product's version, compared part by part")
            .alias(&["application_version", "applicationversion"])
            .example("version:<3.0.7"),
        past("detected_at", "{t}.detected_at", "when it was found")
            .alias(&["first_detected_at", "firstfoundts", "detection_date", "detectiondate"])
            .example("detected_at:<7d"),
        term("cvss.version", of_cve!("cvss_version_term"), "cvss_version", "the version of CVSS of the score")
            .volatile()
            .alias(&["cvss_version", "cvssversion"])
            .example("cvss.version:3.1"),
        real("score.nvd", of_cve!("nvd_score"), "the base score of the national database, where the licence shows it")
            .alias(&["nvd_score", "nvdbasescore"])
            .example("score.nvd:>=9"),
        real("score.risk", of_cve!("risk_score"), "the console maker's own score, where the licence shows it")
            .alias(&["risk_score", "riskscore"])
            .example("score.risk:>=9"),
        word(
            "remediation",
            REMEDIATIONS,
            "{t}.remediation_term",
            "remediation",
            "what can be done about it, where the licence shows it",
        )
        .alias(&["remediation_level", "remediationlevel"])
        .example("remediation:official_fix"),
        term("report", "{t}.report_term", "report_confidence", "how sure it is that there is such a weakness")
            .alias(&["report_confidence", "reportconfidence"])
            .example("report:confirmed"),
        term("mark", "{t}.mark_term", "vulnerability_mark", "how a person marked it")
            .alias(&["mark_type", "marktype", "verdict"])
            .example("has:mark"),
        past("published_at", of_cve!("published_at"), "when it was published")
            .volatile()
            .alias(&["published_date", "publisheddate"])
            .example("published_at:>1y"),
        missing("kev", Type::Text, "no list of exploited vulnerabilities has been loaded"),
        missing("epss_score", Type::Real, "no table of exploit probabilities has been loaded").alias(&["epss"]),
    ]
}

fn whose() -> Vec<Field> {
    vec![
        native("agent.id", AGENT_NATIVE, "the console's id of the agent on that machine")
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
            MAPPED_BY_RECORD,
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

/// Something about the machines that still have a CVE.
macro_rules! of_having {
    ($what:literal) => {
        concat!(
            "(SELECT ",
            $what,
            " FROM inventory_vulnerability s WHERE s.org_id = {t}.org_id AND s.cve_term = {t}.cve_term AND s.gone = 0)"
        )
    };
}

/// The weaknesses themselves, each once.
pub(super) fn cves() -> Inventory {
    let fields = vec![
        term("id", "{t}.cve_term", "cve", "its public name").alias(&["cve", "cve_id"]).example("id:=CVE-2024-3094"),
        term("name", "{t}.cve_term", "cve", "its public name").example("name:CVE-2024"),
        only_source(),
        word("severity", SEVERITIES, "{t}.severity_term", "severity", "how bad it is, as last told")
            .volatile()
            .alias(&["risk", "risk_rank"])
            .example("severity:critical"),
        real("score", "{t}.score", "its CVSS base score, 0 to 10").alias(&["cvss", "base_score"]).example("score:>=9"),
        term("cvss.version", "{t}.cvss_version_term", "cvss_version", "the version of CVSS of the score")
            .volatile()
            .alias(&["cvss_version"])
            .example("cvss.version:3.1"),
        real("score.nvd", "{t}.nvd_score", "the base score of the national database, where the licence shows it")
            .alias(&["nvd_score"])
            .example("score.nvd:>=9"),
        real("score.risk", "{t}.risk_score", "the console maker's own score, where the licence shows it")
            .alias(&["risk_score"])
            .example("score.risk:>=9"),
        Field::new(
            "scored_by",
            Type::Text,
            Column::Plain(
                "CASE WHEN {t}.score IS NULL THEN NULL WHEN {t}.nvd_score = {t}.score THEN 'nvd' ELSE 'console' END",
            ),
            "whose the score is: nvd where the national database has the same, console where nobody else is named",
        )
        .volatile()
        .example("scored_by:nvd"),
        past("published_at", "{t}.published_at", "when it was published").volatile().example("published_at:>1y"),
        past("told_at", "{t}.told_at", "when the console told what is known of it")
            .volatile()
            .example("told_at:>30d"),
        int("endpoints", of_having!("COUNT(DISTINCT s.agent_record_id)"), "how many machines have it")
            .volatile()
            .alias(&["endpoint_count", "assets"])
            .example("endpoints:>10"),
        int("vulnerability_count", of_having!("COUNT(*)"), "how many programs on machines have it")
            .volatile()
            .example("vulnerability_count:>10"),
        Field::new(
            "products",
            Type::Text,
            Column::many(
                "FROM inventory_vulnerability c WHERE c.org_id = {t}.org_id AND c.cve_term = {t}.cve_term AND c.gone = 0",
                Column::Term {
                    column: "(SELECT i.plain_term FROM inventory_release i \
                             WHERE i.org_id = c.org_id AND i.release_id = c.release_id)",
                    dictionary: "plain_product",
                },
            ),
            "the products that have it somewhere",
        )
        .volatile()
        .alias(&["product"])
        .example("product:openssl"),
        missing("kev", Type::Text, "no list of exploited vulnerabilities has been loaded"),
        missing("epss_score", Type::Real, "no table of exploit probabilities has been loaded").alias(&["epss"]),
    ];
    Inventory {
        aliases: &[],
        prose: "public vulnerabilities, each once: what is known of it, and how many machines have it",
        base: Base { table: "inventory_cve", key: "cve_term" },
        fields,
        scopes: vec![Scope {
            name: "vulnerability",
            aliases: &["vulnerabilities"],
            inventory: "vulnerabilities",
            from: "FROM inventory_vulnerability {e} WHERE {e}.org_id = {t}.org_id AND {e}.cve_term = {t}.cve_term",
            title: "name",
            prose: "one machine's program that has it",
        }],
        bare: &["name"],
        default_sort: "-score",
        default_fields: &["name", "severity", "score", "published_at", "endpoints", "products"],
        ..Inventory::new("cves", "CVE", "inventory_cve", "cve_term")
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
            prose: "the asset that has it",
        },
        Scope {
            name: "software",
            aliases: &["programs", "applications"],
            inventory: "software",
            from: "FROM inventory_release v JOIN inventory_release i ON i.org_id = v.org_id AND i.title_id = v.title_id \
                   JOIN inventory_software {e} ON {e}.org_id = i.org_id AND {e}.release_id = i.release_id \
                   WHERE v.org_id = {t}.org_id AND v.release_id = {t}.release_id \
                   AND {e}.agent_record_id = {t}.agent_record_id AND {e}.gone = 0",
            title: "name",
            prose: "a program of the same title that is installed on that machine",
        },
        Scope {
            name: "service",
            aliases: &["services"],
            inventory: "services",
            from: "FROM inventory_link a JOIN inventory_link l ON l.org_id = a.org_id AND l.asset_id = a.asset_id \
                   JOIN inventory_service {e} ON {e}.org_id = l.org_id AND {e}.record_id = l.record_id \
                   WHERE a.org_id = {t}.org_id AND a.record_id = {t}.agent_record_id",
            title: "protocol",
            prose: "one service that a scan saw on that machine",
        },
    ]
}
