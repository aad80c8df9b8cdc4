//! Findings: EDR threats and alerts of custom rules, what was judged and done about them.

use query::{Base, Choice, Choices, Column, Field, Inventory, Raw, Scope, Tense, Type};

use super::policies::effective_policy;
use super::{
    RECORD_IDS, SENTINELONE, SEVERITIES, console_fields, flag, int, native, only_source, past, public, raw,
    record_fields, term, text, version, word, words,
};

macro_rules! of_finding {
    ($table:literal) => {
        concat!("FROM ", $table, " c WHERE c.org_id = {t}.org_id AND c.record_id = {t}.record_id")
    };
}

/// The findings, each detection once: what is a part of another finding is left out.
const ONCE: &str = "(SELECT * FROM inventory_finding f WHERE NOT EXISTS (SELECT 1 FROM inventory_finding_merge n \
     WHERE n.org_id = f.org_id AND n.record_id = f.record_id))";

/// The asset of a finding: by the agent's record or, where only that is told, by the record of the list of all assets.
const OF_AGENT: &str = "FROM inventory_source_record r \
     JOIN inventory_link l ON l.org_id = r.org_id AND l.record_id = r.record_id \
     JOIN inventory_asset {e} ON {e}.org_id = l.org_id AND {e}.asset_id = l.asset_id \
     WHERE r.org_id = {t}.org_id AND r.integration_id = {t}.integration_id \
     AND ((r.stream = 'agents' AND r.native_id = {t}.agent_native_id) \
     OR (r.stream = 'xdr_assets' AND r.native_id = {t}.asset_native_id AND {t}.agent_native_id IS NULL))";

/// The findings of an asset, from the asset's side.
pub(super) const OF_ASSET: &str = "FROM inventory_link l \
     JOIN inventory_source_record r ON r.org_id = l.org_id AND r.record_id = l.record_id \
     JOIN inventory_finding {e} ON {e}.org_id = r.org_id AND {e}.integration_id = r.integration_id \
     AND ((r.stream = 'agents' AND {e}.agent_native_id = r.native_id) \
     OR (r.stream = 'xdr_assets' AND {e}.asset_native_id = r.native_id AND {e}.agent_native_id IS NULL)) \
     WHERE r.stream IN ('agents', 'xdr_assets') AND l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id \
     AND NOT EXISTS (SELECT 1 FROM inventory_finding_merge n \
     WHERE n.org_id = {e}.org_id AND n.record_id = {e}.record_id)";

/// Whether it fails, by its integration's list of verdicts.
const RESULT: &str = "CASE WHEN replace(COALESCE((SELECT y.verdicts FROM inventory_verdict_list y \
     WHERE y.org_id = {t}.org_id AND y.integration_id = {t}.integration_id), ',true_positive,suspicious,undefined,'), \
     ',' || COALESCE((SELECT replace(replace(d.folded, ' ', '_'), '-', '_') FROM inventory_term d \
     WHERE d.org_id = {t}.org_id AND d.term_id = {t}.verdict_term), 'undefined') || ',', '') \
     <> COALESCE((SELECT y.verdicts FROM inventory_verdict_list y \
     WHERE y.org_id = {t}.org_id AND y.integration_id = {t}.integration_id), ',true_positive,suspicious,undefined,') \
     THEN 'fail' ELSE 'not_failed' END";

/// The alert that tells of the same detection, if there is one, has the last word on how bad it is.
macro_rules! of_alert {
    ($column:literal) => {
        concat!(
            "(SELECT o.",
            $column,
            " FROM inventory_finding_merge n JOIN inventory_finding o ON o.org_id = n.org_id \
             AND o.record_id = n.record_id WHERE n.org_id = {t}.org_id AND n.finding_id = {t}.record_id \
             ORDER BY n.record_id LIMIT 1)"
        )
    };
}

/// The word behind a number of a dictionary.
macro_rules! word_of {
    ($term:literal) => {
        concat!("(SELECT d.text FROM inventory_term d WHERE d.org_id = {t}.org_id AND d.term_id = ", $term, ")")
    };
}

/// Why nothing is told of what was done: nothing is told if there is no status at all, or if it says that nothing was
/// done and no action is reported either.
const WHY: &str = concat!(
    "CASE WHEN {t}.mitigation_term IS NOT NULL AND (COALESCE(",
    word_of!("{t}.mitigation_term"),
    ", '') <> 'not_mitigated' OR EXISTS (SELECT 1 FROM inventory_finding_action c \
     WHERE c.org_id = {t}.org_id AND c.record_id = {t}.record_id)) THEN NULL \
     WHEN ",
    word_of!("{t}.agent_mode_term"),
    " = 'detect' OR ({t}.agent_mode_term IS NULL AND (SELECT d.text FROM inventory_source_record a \
     JOIN inventory_machine m ON m.org_id = a.org_id AND m.record_id = a.record_id \
     JOIN inventory_term d ON d.org_id = m.org_id AND d.term_id = CASE WHEN ",
    word_of!("{t}.confidence_term"),
    " = 'suspicious' THEN m.mitigation_mode_suspicious_term ELSE m.mitigation_mode_term END \
     WHERE a.org_id = {t}.org_id AND a.integration_id = {t}.integration_id AND a.stream = 'agents' \
     AND a.native_id = {t}.agent_native_id) = 'detect') THEN 'detect_mode' \
     WHEN {t}.old_agent = 1 THEN 'agent_version' \
     WHEN 'detect' = (SELECT d.text ",
    effective_policy!(
        "inventory_finding x",
        "x.integration_id",
        "c",
        "JOIN inventory_term d ON d.org_id = c.org_id AND d.term_id = CASE WHEN (SELECT q.text FROM inventory_term q \
         WHERE q.org_id = x.org_id AND q.term_id = x.confidence_term) = 'suspicious' \
         THEN c.mitigation_mode_suspicious_term ELSE c.mitigation_mode_term END \
         WHERE x.org_id = {t}.org_id AND x.record_id = {t}.record_id"
    ),
    ") THEN 'policy' ELSE 'unknown' END",
);

const RESULTS: Choices = Choices {
    values: &[Choice::or("fail", &["failed"]), Choice::or("not_failed", &["pass", "passed"])],
    ordered: false,
    closed: true,
};

const ORIGINS: Choices = words(&[Choice::new("console"), Choice::new("derived"), Choice::new("alert")]);

const CAUSES: Choices =
    words(&[Choice::new("detect_mode"), Choice::new("agent_version"), Choice::new("policy"), Choice::new("unknown")]);

/// A threat is what an engine found, an alert what a custom rule did.
const KINDS: Choices = words(&[Choice::new("threat"), Choice::new("alert")]);

const DETECTION_TYPES: Choices = words(&[Choice::new("static"), Choice::new("dynamic")]);

const CONFIDENCES: Choices = words(&[Choice::new("malicious"), Choice::new("suspicious"), Choice::new("n/a")]);

const VERDICTS: Choices = words(&[
    Choice::new("undefined"),
    Choice::new("true_positive"),
    Choice::new("false_positive"),
    Choice::new("suspicious"),
]);

const STATUSES: Choices =
    words(&[Choice::or("unresolved", &["open"]), Choice::new("in_progress"), Choice::or("resolved", &["closed"])]);

const MITIGATIONS: Choices =
    words(&[Choice::new("not_mitigated"), Choice::new("mitigated"), Choice::new("marked_as_benign")]);

/// What an agent or a person may do about a threat (vendor spec, `mitigationStatus[].action`).
const ACTIONS: Choices = words(&[
    Choice::new("kill"),
    Choice::new("quarantine"),
    Choice::new("unquarantine"),
    Choice::new("remediate"),
    Choice::new("rollback"),
    Choice::new("network_quarantine"),
    Choice::new("remove_macros"),
    Choice::new("restore_macros"),
]);

/// How that went (vendor spec, `mitigationStatus[].status`; the hyphen is the vendor's).
const ACTION_STATUSES: Choices = words(&[
    Choice::new("success"),
    Choice::new("failed"),
    Choice::new("pending"),
    Choice::new("pending-reboot"),
    Choice::new("sent"),
    Choice::new("partial"),
]);

/// What happened around a finding, or the notes about it.
macro_rules! of_events {
    ($kind:literal) => {
        concat!(
            "FROM inventory_finding_event {e} JOIN inventory_term w ON w.org_id = {e}.org_id AND w.term_id = {e}.kind_term \
             WHERE {e}.org_id = {t}.org_id AND {e}.integration_id = {t}.integration_id \
             AND {e}.finding_native_id = {t}.native_id AND w.text = '",
            $kind,
            "'"
        )
    };
}

/// The findings.
pub(super) fn findings() -> Inventory {
    let mut fields = what();
    fields.extend(file());
    fields.extend(machine());
    fields.extend(console_fields());
    fields.extend(times());
    fields.extend(record_fields(&[&["state"], &["version"]]));
    Inventory {
        aliases: &["finding", "threats", "threat", "alerts", "alert"],
        prose: "EDR threats and alerts of custom rules, with what was judged and done about them",
        fields,
        scopes: vec![
            Scope {
                name: "asset",
                aliases: &["assets"],
                inventory: "assets",
                from: OF_AGENT,
                title: "name",
                prose: "the asset it was found on",
            },
            Scope {
                name: "action",
                aliases: &["actions"],
                inventory: "actions",
                from: "FROM inventory_finding_action {e} \
                       WHERE {e}.org_id = {t}.org_id AND {e}.record_id = {t}.record_id",
                title: "name",
                prose: "one thing that was done about it",
            },
            Scope {
                name: "event",
                aliases: &["events", "timeline"],
                inventory: "events",
                from: of_events!("event"),
                title: "name",
                prose: "one thing that happened around it",
            },
            Scope {
                name: "note",
                aliases: &["notes"],
                inventory: "events",
                from: of_events!("note"),
                title: "name",
                prose: "what somebody wrote about it",
            },
        ],
        raw: vec![
            Raw { source: SENTINELONE, kind: "threat", paths: raw::THREAT, aliases: &[] },
            Raw { source: SENTINELONE, kind: "alert", paths: raw::ALERT, aliases: &[] },
        ],
        base: Base { table: ONCE, key: "record_id" },
        bare: &["name", "agent.name", "file.path", "sha1", "sha256"],
        default_sort: "-identified_at",
        default_fields: &[
            "name",
            "severity",
            "result",
            "verdict",
            "status",
            "mitigation",
            "agent.name",
            "identified_at",
        ],
        ..Inventory::new("findings", "finding", "inventory_finding", "record_id")
    }
}

fn what() -> Vec<Field> {
    vec![
        public("id", "{t}.record_id", RECORD_IDS, "the finding's id, for links and scripts")
            .example("id:rec_00000000000sg"),
        text("name", "{t}.name", "{t}.name_folded", "the threat's name")
            .alias(&["threat_name", "threatname"])
            .example("name:eicar"),
        native("native_id", "{t}.native_id", "the console's own id of it")
            .alias(&["threat_id", "threatid"])
            .example("native_id:1234567890123456789"),
        only_source(),
        word("kind", KINDS, "{t}.kind_term", "finding_kind", "whether an engine found it or a custom rule")
            .example("kind:alert"),
        word(
            "severity",
            SEVERITIES,
            concat!("COALESCE(", of_alert!("severity_term"), ", {t}.severity_term)"),
            "severity",
            "how bad it is: as an alert says or, of a threat, by a rule (see severity.from)",
        )
        .volatile()
        .example("severity:critical"),
        Field::new(
            "severity.from",
            Type::Enum(ORIGINS),
            Column::Plain(concat!(
                "CASE WHEN EXISTS (SELECT 1 FROM inventory_finding_merge n WHERE n.org_id = {t}.org_id \
                 AND n.finding_id = {t}.record_id) THEN 'alert' ELSE ",
                word_of!("{t}.severity_from_term"),
                " END"
            )),
            "where the severity is from: console; alert, the same detection in the list of all products; or derived, \
             from how sure the console is, the class, and whether it was mitigated",
        )
        .volatile()
        .alias(&["severity_from"])
        .example("severity.from:derived"),
        Field::new(
            "result",
            Type::Enum(RESULTS),
            Column::Plain(RESULT),
            "fail if its verdict is one of those that its integration counts; not_failed is not the same as harmless",
        )
        .volatile()
        .example("result:fail"),
        term("product", "{t}.product_term", "detection_product", "the product that found it, where that is told")
            .alias(&["detection_product"])
            .example("has:product"),
        int(
            "record_count",
            "(SELECT 1 + COUNT(*) FROM inventory_finding_merge n WHERE n.org_id = {t}.org_id \
             AND n.finding_id = {t}.record_id)",
            "how many records tell of this detection: an alert that names a threat is one finding with it",
        )
        .volatile()
        .example("record_count:>1"),
        Field::new(
            "alert_id",
            Type::Id,
            Column::many(
                "FROM inventory_finding_merge n JOIN inventory_finding c ON c.org_id = n.org_id \
                 AND c.record_id = n.record_id WHERE n.org_id = {t}.org_id AND n.finding_id = {t}.record_id",
                Column::Plain("c.native_id"),
            ),
            "the console's id of the same detection in the list of all products",
        )
        .volatile()
        .example("has:alert_id"),
        term("classification", "{t}.classification_term", "classification", "its class")
            .alias(&["class"])
            .example("classification:ransomware"),
        term("classification.source", "{t}.classification_source_term", "classification_source", "who classified it")
            .alias(&["classification_source", "classificationsource"])
            .example("classification.source:cloud"),
        word("detection_type", DETECTION_TYPES, "{t}.detection_type_term", "detection_type", "how it was detected")
            .alias(&["detectiontype"])
            .example("detection_type:dynamic"),
        word("confidence", CONFIDENCES, "{t}.confidence_term", "confidence", "how sure the console is")
            .alias(&["confidence_level", "confidencelevel"])
            .example("confidence:malicious"),
        word("verdict", VERDICTS, "{t}.verdict_term", "verdict", "the analyst's verdict")
            .alias(&["analyst_verdict", "analystverdict"])
            .example("verdict:true_positive"),
        word("status", STATUSES, "{t}.status_term", "finding_status", "the incident's status")
            .alias(&["finding_status", "incidentstatus"])
            .example("status:unresolved"),
        word("mitigation", MITIGATIONS, "{t}.mitigation_term", "mitigation", "whether it was mitigated")
            .alias(&["mitigation_status", "mitigationstatus"])
            .example("mitigation:not_mitigated"),
        Field::new(
            "mitigation.why",
            Type::Enum(CAUSES),
            Column::Plain(WHY),
            "why nothing is told of what was done: the agent only detected, it is older than such reports, its policy \
             says detect, or no cause was found; nothing where something was done",
        )
        .volatile()
        .alias(&["mitigation_why"])
        .example("mitigation.why:detect_mode"),
        term("initiated_by", "{t}.initiated_by_term", "initiated_by", "what started the detection")
            .alias(&["initiatedby"])
            .example("initiated_by:agent_policy"),
        Field::new(
            "engine",
            Type::Text,
            Column::many(
                of_finding!("inventory_finding_engine"),
                Column::Term { column: "c.engine_term", dictionary: "engine" },
            ),
            "the engines that found it",
        )
        .alias(&["engines", "detection_engine"])
        .example("engine:pre_execution"),
        Field::new(
            "tactic",
            Type::Text,
            Column::many(
                of_finding!("inventory_finding_technique"),
                Column::Term { column: "c.tactic_term", dictionary: "tactic" },
            ),
            "MITRE tactics of its indicators",
        )
        .alias(&["tactics"])
        .example("tactic:persistence"),
        Field::new(
            "technique",
            Type::Text,
            Column::many(
                concat!(of_finding!("inventory_finding_technique"), " AND c.technique_term > 0"),
                Column::Term { column: "c.technique_term", dictionary: "technique" },
            ),
            "MITRE techniques of its indicators",
        )
        .alias(&["techniques", "mitre"])
        .example("technique:t1547"),
        flag("fileless", "{t}.fileless", "whether no file is involved").alias(&["isfileless"]).example("fileless:t"),
        flag("auto_resolved", "{t}.auto_resolved", "whether the console resolved it by itself")
            .alias(&["automaticallyresolved"])
            .example("auto_resolved:t"),
        flag("failed_actions", "{t}.failed_actions", "whether an action failed")
            .alias(&["failedactions"])
            .example("failed_actions:t"),
        flag("pending_actions", "{t}.pending_actions", "whether an action is pending")
            .alias(&["pendingactions"])
            .example("pending_actions:t"),
        flag("reboot_required", "{t}.reboot_required", "whether it asks for a reboot")
            .alias(&["rebootrequired"])
            .example("reboot_required:t"),
        native("storyline", "{t}.storyline", "the storyline that ties its events together")
            .example("storyline:d0a1b2c3d4e5af4d"),
        native("ticket", "{t}.ticket", "the ticket in another system")
            .alias(&["external_ticket", "externalticketid"])
            .example("has:ticket"),
    ]
}

fn file() -> Vec<Field> {
    vec![
        text(
            "file.path",
            "{t}.file_path",
            "COALESCE({t}.file_path_folded, lower({t}.file_path))",
            "the file, in the form the agent uses",
        )
        .alias(&["file_path", "filepath", "path", "file"])
        .example("file.path:downloads"),
        int("file.size", "{t}.file_size", "the file's size in bytes")
            .alias(&["file_size", "filesize"])
            .example("file.size:>1000000"),
        native("sha1", "{t}.sha1", "SHA-1 of the file").example("sha1:adc83b19e793491b1c6ea0fd8b46cd9f32e592fc"),
        native("sha256", "{t}.sha256", "SHA-256 of the file").example("has:sha256"),
        native("md5", "{t}.md5", "MD5 of the file").example("has:md5"),
        term("publisher", "{t}.publisher_term", "publisher", "who signed the file")
            .alias(&["publisher_name", "publishername"])
            .example("publisher:microsoft"),
        term("signature", "{t}.signature_term", "signature", "how the signature was judged")
            .alias(&["fileverificationtype"])
            .example("signature:notsigned"),
        text(
            "process",
            "{t}.process",
            "COALESCE({t}.process_folded, lower({t}.process))",
            "the process that brought it",
        )
        .alias(&["originator_process", "originatorprocess"])
        .example("process:powershell"),
        text(
            "process.user",
            "{t}.process_user",
            "COALESCE({t}.process_user_folded, lower({t}.process_user))",
            "the user of that process",
        )
        .alias(&["process_user", "processuser", "user"])
        .example("process.user:root"),
        text(
            "command",
            "{t}.command",
            "COALESCE({t}.command_folded, lower({t}.command))",
            "the malicious process's arguments",
        )
        .alias(&["command_line", "maliciousprocessarguments"])
        .example("command:-enc"),
    ]
}

fn machine() -> Vec<Field> {
    vec![
        text("agent.name", "{t}.agent_name", "{t}.agent_name_folded", "the machine's name")
            .volatile()
            .alias(&["agent_name", "hostname", "computername", "agentcomputername"])
            .example("agent.name:lap"),
        native("agent.id", "{t}.agent_native_id", "the console's id of the agent that found it")
            .alias(&["agent_id", "agentid"])
            .example("agent.id:657613730168123595"),
        word(
            "agent.mode",
            super::MODES,
            "{t}.agent_mode_term",
            "mitigation_mode",
            "what that agent was to do about malicious things when it found it",
        )
        .alias(&["agent_mode"])
        .example("agent.mode:detect"),
        native("agent.uuid", "{t}.agent_uuid", "that agent's uuid")
            .alias(&["agent_uuid", "agentuuid"])
            .example("has:agent.uuid"),
        term("agent.os", "{t}.agent_os_term", "os", "that machine's operating system")
            .volatile()
            .alias(&["os", "agentosname"])
            .example("os:windows"),
        term("agent.os.family", "{t}.agent_os_family_term", "os_family", "its family")
            .volatile()
            .alias(&["os.family", "os_family", "agentostype"])
            .example("os.family:linux"),
        term("agent.type", "{t}.agent_type_term", "type", "that machine's type")
            .volatile()
            .alias(&["type", "machine_type", "agentmachinetype"])
            .example("type:server"),
        version("agent.version", "{t}.agent_version_term", "agent_version", "that agent's version")
            .volatile()
            .alias(&["agent_version", "agentversion"])
            .example("agent.version:<23.4"),
    ]
}

fn times() -> Vec<Field> {
    vec![
        past("identified_at", "{t}.identified_at", "when the agent identified it")
            .alias(&["identifiedat", "detected_at", "first_seen"])
            .example("identified_at:<7d"),
        past("created_at", "{t}.created_at", "when the console made its row")
            .alias(&["createdat"])
            .example("created_at:<7d"),
        past("updated_at", "{t}.updated_at", "when the console last changed its row")
            .volatile()
            .alias(&["updatedat"])
            .example("updated_at:<1d"),
    ]
}

/// What the scopes of a finding reach.
pub(super) fn parts() -> Vec<Inventory> {
    vec![
        Inventory {
            aliases: &["action"],
            listed: false,
            base: Base { table: "inventory_finding_action", key: "position" },
            fields: vec![
                word("name", ACTIONS, "{t}.action_term", "action", "what was done")
                    .alias(&["action"])
                    .example("action:kill"),
                word("status", ACTION_STATUSES, "{t}.status_term", "action_status", "how it went")
                    .example("action:(kill status:failed)"),
                Field::new(
                    "updated_at",
                    Type::Timestamp(Tense::Past),
                    Column::Plain("{t}.updated_at"),
                    "when that was last reported",
                )
                .example("updated_at:<1d"),
            ],
            ..Inventory::new("actions", "action", "inventory_finding_action", "position")
        },
        Inventory {
            aliases: &["event"],
            listed: false,
            fields: vec![
                text("name", "{t}.text", "COALESCE({t}.text_folded, lower({t}.text))", "what happened, or was written")
                    .alias(&["text"])
                    .example("note:(name:reinstalled)"),
                text("detail", "{t}.detail", "COALESCE({t}.detail_folded, lower({t}.detail))", "more about it")
                    .example("has:detail"),
                text("author", "{t}.author", "COALESCE({t}.author_folded, lower({t}.author))", "who wrote it")
                    .example("note:(author:ada)"),
                flag("edited", "{t}.edited", "whether it was changed after it was written").example("edited:t"),
                int("type", "{t}.type", "the number of its type, as activities have them").example("event:(type:18)"),
                past("at", "{t}.at", "when").example("note:(at:<1d)"),
            ],
            ..Inventory::new("events", "event", "inventory_finding_event", "record_id")
        },
    ]
}
