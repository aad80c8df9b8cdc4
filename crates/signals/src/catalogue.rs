//! What can be asked of artifacts, and the same questions put to one artifact in memory: a sink's filter.

use std::sync::LazyLock;

use kernel::Timestamp;
use query::{
    Asking, Catalogue, Checked, Choice, Choices, Column, Datum, Field, Inventory, NothingKnown, Raw, Record, Source,
    Tense, Type, prepare,
};
use serde_json::Value as Json;

use crate::{Artifact, SignalsError, text};

/// The dictionary of artifacts' ids: 64 hexadecimal digits, by number.
pub const ARTIFACT_IDS: &str = "computed:artifact";

/// The dictionary of what the full-text index does not have yet.
pub const UNINDEXED: &str = "computed:unindexed";

/// The kind of raw attributes that artifacts have: `@sentinelone.record.computerName`, or without the kind.
pub const RAW_KIND: &str = "record";

/// The source of all records today, as `@source.path` spells it.
const SOURCE: &str = "sentinelone";

const OPS: Choices = Choices {
    values: &[
        Choice::or("create", &["created", "new"]),
        Choice::or("update", &["updated", "changed", "change"]),
        Choice::or("delete", &["deleted", "removed", "retired"]),
    ],
    ordered: false,
    closed: true,
};

/// The streams by name; a test compares them with those that there are.
const STREAMS: Choices = Choices {
    values: &[
        Choice::or("agents", &["agent"]),
        Choice::or("threats", &["threat"]),
        Choice::or("activities", &["activity"]),
        Choice::or("sites", &["site"]),
        Choice::or("groups", &["group"]),
        Choice::or("accounts", &["account"]),
        Choice::or("users", &["user"]),
        Choice::or("service_users", &["service_user"]),
        Choice::or("roles", &["role"]),
        Choice::or("activity_types", &["activity_type"]),
        Choice::or("applications", &["application"]),
        Choice::new("application_inventory"),
        Choice::new("hosts"),
        Choice::new("application_settings"),
        Choice::or("risks", &["risk"]),
        Choice::new("threat_timeline"),
        Choice::or("threat_notes", &["threat_note"]),
        Choice::or("custom_alerts", &["custom_alert"]),
        Choice::or("detection_rules", &["detection_rule"]),
        Choice::or("unified_alerts", &["unified_alert"]),
        Choice::or("tags", &["tag"]),
        Choice::or("exclusions", &["exclusion"]),
        Choice::or("restrictions", &["restriction"]),
        Choice::or("xdr_assets", &["xdr_asset"]),
        Choice::or("ranger_devices", &["ranger_device"]),
        Choice::new("tenant_policy"),
        Choice::or("account_policies", &["account_policy"]),
        Choice::or("site_policies", &["site_policy"]),
        Choice::or("group_policies", &["group_policy"]),
    ],
    ordered: false,
    closed: true,
};

/// The words of the index, by SQLite's full-text table or PostgreSQL's function of the same name.
const FOUND: &str = "{t}.seq IN (SELECT m.rowid - CAST($1 AS BIGINT) * 1099511627776 FROM signals_text({q}) m \
     WHERE m.rowid >= CAST($1 AS BIGINT) * 1099511627776 AND m.rowid < (CAST($1 AS BIGINT) + 1) * 1099511627776)";

/// A condition on artifacts that holds for the same ones with numbers in a range, and looks into no more of the index than
/// that; `None` if it does not use the index.
#[must_use]
pub fn within(condition: &str, low: i64, high: i64) -> Option<String> {
    const FROM: &str = "m.rowid >= CAST($1 AS BIGINT) * 1099511627776";
    const TO: &str = "m.rowid < (CAST($1 AS BIGINT) + 1) * 1099511627776";
    condition.contains(FROM).then(|| {
        let from = format!("{FROM} + {low}");
        let to = format!("m.rowid <= CAST($1 AS BIGINT) * 1099511627776 + {high}");
        condition.replace(FROM, &from).replace(TO, &to)
    })
}

/// The statement that counts the artifacts for which a condition over `t` holds, where the index alone can tell.
#[must_use]
pub fn count_by_index(condition: &str) -> Option<String> {
    let (head, rest) = FOUND.split_once("FROM")?;
    let (middle, tail) = rest.split_once("{q}")?;
    let head = format!("{}FROM{middle}", head.replace("{t}", "t"));
    let parameter = condition.strip_prefix(head.as_str())?.strip_suffix(tail)?;
    let number = parameter.strip_prefix('$')?;
    let alone = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    alone.then(|| format!("SELECT COUNT(*) FROM{middle}{parameter}{}", tail.strip_suffix(')').unwrap_or(tail)))
}

/// The inventory of artifacts: every field, once.
#[must_use]
pub fn artifacts() -> Inventory {
    let plain = |name, ty, sql, prose| Field::new(name, ty, Column::Plain(sql), prose);
    let past = Type::Timestamp(Tense::Past);
    let fields = vec![
        Field::new(
            "id",
            Type::Id,
            Column::Term { column: "{t}.seq", dictionary: ARTIFACT_IDS },
            "the artifact's id, the same in every database: what receivers tell repetitions by",
        )
        .example("id:a701883c6306cdda684f0f16cf3564d0f3f2b9f7996072c318f685bf420ea75e"),
        plain("name", Type::Id, "{t}.native_id", "the record's own id at its source")
            .alias(&["native_id", "nativeid", "record"])
            .example("native_id:657613730168123595"),
        plain("seq", Type::Int, "{t}.seq", "its number in the log: the order of commits").example("seq:>1000"),
        plain("stream", Type::Enum(STREAMS), "{t}.stream", "the stream that brought it").example("stream:threats"),
        plain("op", Type::Enum(OPS), "{t}.op", "what happened to the record: create, update, delete")
            .alias(&["operation"])
            .example("op:delete"),
        plain("version", Type::Int, "{t}.version", "which version of the record it is, counting from 1")
            .example("version:>1"),
        plain("observed_at", past.clone(), "{t}.observed_at", "when Muster logged it")
            .alias(&["time", "at", "logged_at"])
            .example("observed_at:<1h"),
        plain("source_time", past, "{t}.source_time", "when the source says that the record changed")
            .alias(&["updated_at", "changed_at"])
            .example("source_time:2026-11-01..2026-11-20"),
        plain(
            "console",
            Type::Text,
            "(SELECT c.host FROM signals_console c WHERE c.org_id = {t}.org_id AND c.console_id = {t}.console_id)",
            "the console's address",
        )
        .alias(&["console.host", "host"])
        .example("console:acme"),
        Field::new(
            "text",
            Type::Words,
            Column::Words { found: FOUND, key: "{t}.seq", unindexed: UNINDEXED },
            "every word of the record's values: text:word, text:begin*, text:\"all of these\"; a bare word means this too",
        )
        .alias(&["words", "full_text"])
        .example("text:mimikatz"),
        Field::new(
            "body",
            Type::Text,
            Column::Body { source: SOURCE, kind: RAW_KIND, path: "" },
            "the whole record as it was sent; a term looks for a part of any value, reading record after record",
        )
        .alias(&["raw"])
        .example("body:\"temp\\\\evil\""),
    ];
    Inventory {
        aliases: &["artifact", "log"],
        prose: "the log: every version of every record, in the order in which Muster saw them",
        fields,
        raw: vec![Raw { source: SOURCE, kind: RAW_KIND, paths: &[], aliases: &[] }],
        bare: &["text"],
        default_sort: "-seq",
        default_fields: &["seq", "observed_at", "stream", "op", "name", "source_time"],
        ..Inventory::new("artifacts", "artifact", "signals_artifact", "seq")
    }
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    inventories: vec![artifacts()],
    sources: vec![Source { name: SOURCE, aliases: &["s1"], kinds: &[RAW_KIND] }],
});

/// Which artifacts a sink gets.
pub(crate) struct Filter(Option<Checked>);

impl Filter {
    /// Reads a filter; `now` is what ages count from.
    pub fn new(text: &str, now: Timestamp) -> Result<Filter, SignalsError> {
        if text.trim().is_empty() {
            return Ok(Filter(None));
        }
        let asking = Asking { catalogue: &CATALOGUE, inventory: "artifacts", now, as_of: None, known: &NothingKnown };
        Ok(Filter(Some(prepare(text, &asking).map_err(SignalsError::Filter)?)))
    }

    /// Whether the artifact is one that the sink gets.
    pub fn takes(&self, artifact: &Artifact) -> bool {
        self.0.as_ref().is_none_or(|checked| query::evaluate(checked, artifact))
    }
}

/// Reads a sink's filter and answers its normal spelling.
///
/// # Errors
/// It is not a question that can be put to artifacts; every mistake is named.
pub fn check_filter(text: &str, now: Timestamp) -> Result<String, SignalsError> {
    Ok(Filter::new(text, now)?.0.map(|checked| checked.canonical).unwrap_or_default())
}

impl Record for Artifact {
    fn values(&self, field: &str) -> Vec<Datum> {
        let text = |text: &str| vec![Datum::Text(text.to_owned())];
        match field {
            "id" => text(&self.id.to_string()),
            "name" => text(&self.native_id),
            "seq" => vec![Datum::Int(self.seq)],
            "stream" => text(&self.stream),
            "op" => text(self.op.as_str()),
            "version" => vec![Datum::Int(self.version)],
            "observed_at" => vec![Datum::Int(self.observed_at.micros())],
            "source_time" => self.source_time.iter().map(|at| Datum::Int(at.micros())).collect(),
            "console" => text(&self.console_host),
            "text" => vec![Datum::Text(text::values_of(&self.raw))],
            _ => Vec::new(),
        }
    }

    fn elements(&self, _scope: &str) -> Vec<&dyn Record> {
        Vec::new()
    }

    fn bodies(&self, source: &str, kind: &str) -> Vec<Json> {
        match (source, kind) {
            (SOURCE, RAW_KIND) => serde_json::from_slice(&self.raw).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_alone_counts_what_only_it_decides() {
        let alone = FOUND.replace("{t}", "t").replace("{q}", "$2");
        let counts = count_by_index(&alone).expect("it is nothing else");
        assert!(counts.starts_with("SELECT COUNT(*) FROM signals_text($2) m WHERE m.rowid >= "), "{counts}");
        assert!(counts.ends_with("* 1099511627776") && !counts.contains("t.seq"), "{counts}");
        for other in [format!("({alone} AND t.op = $3)"), format!("NOT {alone}"), format!("({alone} OR {alone})")] {
            assert_eq!(count_by_index(&other), None);
        }
        let part = within(&alone, 7, 9).expect("it uses the index");
        assert!(part.contains("* 1099511627776 + 7 AND ") && part.contains("* 1099511627776 + 9)"), "{part}");
        assert_eq!(within("t.op = $2", 7, 9), None);
    }
}
