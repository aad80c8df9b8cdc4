//! Generated queries are valid, and their residuals agree with the naive evaluator.

use kernel::{Random, Timestamp};
use muster_query::testing::Generator;
use muster_query::{
    Asking, Catalogue, Condition, Datum, Leaf, LeafKind, NothingKnown, Record, Terms, evaluate, lower, prepare,
};
use serde_json::{Value as Json, json};

use crate::catalogue::{catalogue, dictionary};

fn samples(_inventory: &str, field: &str) -> Vec<String> {
    let texts: &[&str] = match field {
        "os" | "type" | "product" | "version" | "source" => dictionary(field),
        "edr.name" => dictionary("edr"),
        "agent.version" => dictionary("agent"),
        "name" | "tag" | "note" => &["LT-0471", "Büro_7", "100% \"x\"", "a\\b", "<now>"],
        "bios" => &["1.2.3", "A07"],
        "risk" => &["high", "none"],
        "active" | "gateway" | "has_public" => &["t", "f"],
        "cores" | "port" => &["4", "80"],
        "score" => &["0.5"],
        "uptime" => &["90s"],
        "last_seen" | "os_eol" => &["2026-11-01T10:00:00Z"],
        "address" => &["10.0.0.1", "fe80::1"],
        "mac" => &["00:50:56:ab:cd:ef"],
        "id" => &["ast_1"],
        _ => &[],
    };
    texts.iter().filter(|text| !text.is_empty()).map(|text| (*text).to_owned()).collect()
}

fn generate(catalogue: &Catalogue, count: usize) -> Vec<String> {
    let raw = [("sentinelone.dev.agentVersion".to_owned(), vec!["23.4.2".to_owned(), "7".to_owned()])];
    let inventory = catalogue.inventory("assets").unwrap();
    let generator = Generator { catalogue, inventory, samples: &samples, raw: &raw };
    let mut random = Random::seeded(7);
    (0..count).map(|_| generator.query(&mut random)).collect()
}

fn asking(catalogue: &Catalogue) -> Asking<'_> {
    let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
    Asking { catalogue, inventory: "assets", now, as_of: None, known: &NothingKnown }
}

#[test]
fn generated_queries_check_and_their_canonical_text_means_the_same() {
    let catalogue = catalogue();
    let resolve = |name: &str, matcher: &_| Terms::of((1..).zip(dictionary(name).iter().copied()), matcher);
    for text in generate(&catalogue, 3000) {
        let checked =
            prepare(&text, &asking(&catalogue)).unwrap_or_else(|refused| panic!("{text}\n{}", refused.render()));
        let again = prepare(&checked.canonical, &asking(&catalogue))
            .unwrap_or_else(|refused| panic!("{text}\n{}\n{}", checked.canonical, refused.render()));
        assert_eq!(again.canonical, checked.canonical, "{text}");
        let (first, second) = (lower(&checked, &resolve, 1), lower(&again, &resolve, 1));
        assert_eq!((&first.sql, &first.params), (&second.sql, &second.params), "{text}");
        parameters_have_no_gaps(&first);
    }
}

fn parameters_have_no_gaps(condition: &Condition) {
    let columns = condition.residual.iter().flat_map(|residual| &residual.columns).map(|column| column.sql.as_str());
    let sql = std::iter::once(condition.sql.as_str()).chain(columns).collect::<Vec<_>>().join(" ");
    let mut used: Vec<usize> = sql
        .split('$')
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap())
        .collect();
    used.sort_unstable();
    assert_eq!(used, (1..=condition.params.len()).collect::<Vec<_>>(), "{sql}");
}

/// A record of texts and one body.
struct One {
    name: Option<&'static str>,
    tags: Vec<&'static str>,
    body: Json,
}

impl Record for One {
    fn values(&self, field: &str) -> Vec<Datum> {
        let texts: Vec<&str> = match field {
            "name" => self.name.into_iter().collect(),
            "tag" => self.tags.clone(),
            _ => Vec::new(),
        };
        texts.into_iter().map(|text| Datum::Text(text.to_owned())).collect()
    }

    fn elements(&self, _scope: &str) -> Vec<&dyn Record> {
        Vec::new()
    }

    fn bodies(&self, _source: &str, _kind: &str) -> Vec<Json> {
        vec![self.body.clone()]
    }
}

/// The answer of the residual, its columns computed by hand: only texts and bodies are in these queries.
fn residual_holds(text: &str, record: &One) -> bool {
    let catalogue = catalogue();
    let checked = prepare(text, &asking(&catalogue)).unwrap_or_else(|refused| panic!("{}", refused.render()));
    let condition = lower(&checked, &|_, _| Terms::default(), 1);
    assert_eq!(condition.sql, "TRUE", "{text}");
    let residual = condition.residual.unwrap_or_else(|| panic!("{text} leaves nothing"));
    let leaves: Vec<Leaf> = residual
        .columns
        .iter()
        .map(|column| {
            assert_eq!(column.kind, LeafKind::Text, "{text}");
            let many = (!record.tags.is_empty()).then(|| record.tags.join("\u{1f}"));
            Leaf::Text(if column.sql.contains("string_agg") { many } else { record.name.map(str::to_owned) })
        })
        .collect();
    let holds = residual.holds(&leaves, &mut |source, kind| record.bodies(source, kind));
    assert_eq!(holds, evaluate(&checked, record), "{text}: residual and evaluator differ");
    holds
}

#[test]
fn residuals_say_what_the_evaluator_says() {
    let record = One {
        name: Some("LT-0471"),
        tags: vec!["prod", "Test"],
        body: json!({
            "agentVersion": "23.4.2.14", "isActive": false, "totalMemory": 16384, "lastActiveDate": "2026-11-01T10:00:00Z",
            "siteId": "42", "networkInterfaces": [{"inet": ["10.0.0.1", "10.0.0.2"], "name": "eth0"}, {"name": "ETH0"}],
        }),
    };
    let claims = [
        ("name:~/^lt-\\d+$/", true),
        ("not name:~/^lt/", false),
        ("tag:~/^test$/", true),
        ("all:tag:~/o/", false),
        ("all:tag:~/[ot]/", true),
        ("@sentinelone.dev.agentVersion:23.4", true),
        ("@sentinelone.dev.agentVersion:<23.10", true),
        ("@sentinelone.dev.agentVersion:>=24", false),
        ("@sentinelone.dev.isActive:f", true),
        ("@sentinelone.dev.isActive:=true", false),
        ("@sentinelone.dev.totalMemory:>8192", true),
        ("@sentinelone.dev.totalMemory:16384", true),
        ("@sentinelone.dev.totalMemory:1638", false),
        ("@sentinelone.dev.lastActiveDate:>2weeks", true),
        ("@sentinelone.dev.lastActiveDateTS:<2weeks", false),
        ("@sentinelone.dev.lastActiveDateTS:>0", true),
        ("@sentinelone.dev.lastActiveDate:<2026-11-02", true),
        ("@sentinelone.dev.siteID:=42", true),
        ("@sentinelone.dev.networkInterfaces.inet:10.0.0.2", true),
        ("@sentinelone.dev.networkInterfaces:eth0", true),
        ("count(@sentinelone.dev.networkInterfaces.name):1", true),
        ("has:@sentinelone.dev.networkInterfaces.inet", true),
        ("no:@sentinelone.dev.networkInterfaces.gone", true),
        ("@sentinelone.dev.siteId:!=43", true),
        ("@sentinelone.dev.siteId:=", false),
        ("name:~x or @sentinelone.dev.siteId:42", true),
        ("not (name:~lt and @sentinelone.dev.siteId:42)", false),
    ];
    for (text, holds) in claims {
        assert_eq!(residual_holds(text, &record), holds, "{text}");
    }
    let empty = One { name: None, tags: Vec::new(), body: json!({}) };
    for text in
        ["name:~/./", "tag:~/./", "all:tag:~/./", "has:@sentinelone.dev.siteId", "@sentinelone.dev.totalMemory:<1"]
    {
        assert!(!residual_holds(text, &empty), "{text}");
        assert!(residual_holds(&format!("not {text}"), &empty), "not {text}");
    }
}
