//! Findings: EDR threats and alerts of custom rules, what was judged and done about them.

use query::{Base, Choice, Choices, Column, Field, Inventory, Raw, Scope, Tense, Type};

use super::{
    OF_AGENT, RECORD_IDS, SENTINELONE, SEVERITIES, console_fields, flag, int, native, only_source, past, public, raw,
    record_fields, term, text, version, word, words,
};

macro_rules! of_finding {
    ($table:literal) => {
        concat!("FROM ", $table, " c WHERE c.org_id = {t}.org_id AND c.record_id = {t}.record_id")
    };
}

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
        ],
        raw: vec![
            Raw { source: SENTINELONE, kind: "threat", paths: raw::THREAT, aliases: &[] },
            Raw { source: SENTINELONE, kind: "alert", paths: raw::ALERT, aliases: &[] },
        ],
        bare: &["name", "agent.name", "file.path", "sha1", "sha256"],
        default_sort: "-identified_at",
        default_fields: &["name", "classification", "verdict", "status", "mitigation", "agent.name", "identified_at"],
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
            "{t}.severity_term",
            "severity",
            "how bad it is; only alerts of custom rules say it",
        )
        .example("severity:critical"),
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
    vec![Inventory {
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
    }]
}
