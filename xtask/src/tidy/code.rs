//! What code of a crate may say: where I/O, wire types, requests and transactions may be.

use std::sync::LazyLock;

use regex::Regex;

use super::{Offence, Tree, rust};

/// Where in `sentinelone` bytes are sent and received; everything else there is types and pure decisions.
const VENDOR_IO: &[&str] = &["client.rs", "http.rs", "transport.rs", "probe.rs", "lib.rs"];

/// The one file of `sentinelone` that makes requests: a list of methods and path templates.
const ALLOW_LIST: &str = "crates/sentinelone/src/request.rs";

/// Crates that know how the console spells things. The service, the program and the kitchen hand addresses and tokens
/// through.
const EDGE: &[&str] =
    &["sentinelone", "sentinelone-sim", "explorer", "sync", "server", "cli", "xtask", "simulation", "crash"];

/// Crates that may open a transaction that writes; the others take part in one that they are handed. `signals` does so only
/// where it runs the story: delivering, indexing, forgetting.
const WRITERS: &[&str] =
    &["store", "jobs", "access", "signals", "sync", "server", "cli", "testkit", "xtask", "simulation", "crash"];

fn each_match<'a>(text: &'a str, pattern: &'a Regex) -> impl Iterator<Item = (usize, &'a str)> {
    pattern.find_iter(text).map(|found| (rust::line_of(text, found.start()), found.as_str()))
}

/// Rule: no file, socket, thread, process or runtime in kernel, query and the vendor's types.
pub fn no_io_in_the_middle(tree: &Tree) -> Vec<Offence> {
    static IO: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bstd::(?:fs|process|thread|env|os)\b|\b(?:TcpStream|TcpListener|UdpSocket|ToSocketAddrs)\b|\btokio\b|\breqwest\b|\bhyper\b|\basync\b|\.await\b")
            .expect("a literal")
    });
    let mut broken = Vec::new();
    for name in ["kernel", "query", "sentinelone"] {
        for (path, source) in tree.sources(name) {
            let file = path.rsplit_once("/src/").map_or(path, |(_, file)| file);
            if name == "sentinelone"
                && VENDOR_IO.iter().any(|io| *io == file || file.starts_with(&io.replace(".rs", "/")))
            {
                continue;
            }
            broken.extend(
                each_match(&source.code, &IO).map(|(line, word)| Offence::new(path, line, format!("{word} in {name}"))),
            );
        }
    }
    broken
}

/// Rule: only the edge decodes what a console sends; elsewhere a vendor's names are data.
pub fn wire_types_at_the_edge(tree: &Tree) -> Vec<Offence> {
    static WIRE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"\bsentinelone(?:_sim)?::|rename_all\s*=\s*"camelCase""#).expect("a literal"));
    let mut broken = Vec::new();
    for (name, _) in tree.crates().filter(|(name, _)| !EDGE.contains(name)) {
        for (path, source) in tree.sources(name) {
            broken.extend(each_match(&source.with_strings, &WIRE).map(|(line, word)| {
                Offence::new(path, line, format!("{name} knows how the console spells things: {word}"))
            }));
        }
    }
    broken
}

/// Rule: a request to a console is built in one file, from a list of methods and path templates.
pub fn only_the_allow_list_makes_requests(tree: &Tree) -> Vec<Offence> {
    static METHOD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bMethod::(?:POST|PUT|PATCH|DELETE)\b|\bMethod::from_bytes\b|\.(?:post|put|patch|delete)\(")
            .expect("a literal")
    });
    let sources = tree.sources("sentinelone").filter(|(path, _)| *path != ALLOW_LIST);
    sources
        .flat_map(|(path, source)| {
            let found: Vec<Offence> = each_match(&source.code, &METHOD)
                .map(|(line, word)| Offence::new(path, line, format!("{word} outside the allow-list in {ALLOW_LIST}")))
                .collect();
            found
        })
        .collect()
}

/// Rule: inventory and what is below it take part in a transaction; they do not open one that writes, except [`WRITERS`].
pub fn transactions_have_an_owner(tree: &Tree) -> Vec<Offence> {
    static WRITE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\.write(?:_blocking)?\s*\(\s*(?:move\s*)?\|").expect("a literal"));
    static CONTROL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#""\s*(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b[^a-z"]*""#).expect("a literal")
    });
    let mut broken = Vec::new();
    for (name, _) in tree.crates() {
        for (path, source) in tree.sources(name) {
            if !WRITERS.contains(&name) {
                broken.extend(each_match(&source.code, &WRITE).map(|(line, _)| {
                    Offence::new(path, line, format!("{name} opens a transaction; it should be handed one"))
                }));
            }
            if !matches!(name, "store" | "testkit" | "xtask") {
                broken.extend(
                    each_match(&source.with_strings, &CONTROL)
                        .map(|(line, word)| Offence::new(path, line, format!("{word} belongs to store"))),
                );
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_in_a_crate_without_io_is_found() {
        let tree = Tree::from([
            ("crates/kernel/src/id.rs", "//! no tokio here\nfn f() -> &'static str { \"tokio\" }"),
            ("crates/query/src/parse.rs", "fn f() {}\nfn g() { std::fs::read(\"x\"); }"),
            ("crates/sentinelone/src/agent.rs", "pub async fn f() {}"),
            ("crates/sentinelone/src/client.rs", "pub async fn f() {}"),
            ("crates/sentinelone/src/transport/http.rs", "use reqwest::Client;"),
        ]);
        let broken = no_io_in_the_middle(&tree);
        let places: Vec<(&str, usize)> = broken.iter().map(|offence| (offence.path.as_str(), offence.line)).collect();
        assert_eq!(places, [("crates/query/src/parse.rs", 2), ("crates/sentinelone/src/agent.rs", 1)]);
    }

    #[test]
    fn wire_types_beyond_the_edge_are_found() {
        let tree = Tree::from([
            ("crates/inventory/Cargo.toml", ""),
            ("crates/inventory/src/agent.rs", "use sentinelone::Agent;"),
            (
                "crates/inventory/src/catalogue.rs",
                "// sentinelone::Agent\n#[serde(rename_all = \"camelCase\")]\nstruct A;",
            ),
            ("crates/sync/Cargo.toml", ""),
            ("crates/sync/src/translate.rs", "use sentinelone::Agent;"),
        ]);
        let places: Vec<(String, usize)> =
            wire_types_at_the_edge(&tree).into_iter().map(|offence| (offence.path, offence.line)).collect();
        assert_eq!(
            places,
            [("crates/inventory/src/agent.rs".to_owned(), 1), ("crates/inventory/src/catalogue.rs".to_owned(), 2)]
        );
    }

    #[test]
    fn a_request_outside_the_allow_list_is_found() {
        let tree = Tree::from([
            (ALLOW_LIST, "const TOKEN_DETAILS: Method = Method::POST;"),
            ("crates/sentinelone/src/client.rs", "fn f() { http.get(url); }\nfn g() { http.delete(url); }"),
        ]);
        let broken = only_the_allow_list_makes_requests(&tree);
        assert_eq!(broken.len(), 1);
        assert_eq!((broken[0].path.as_str(), broken[0].line), ("crates/sentinelone/src/client.rs", 2));
    }

    #[test]
    fn a_transaction_opened_by_the_wrong_slice_is_found() {
        let source = "fn f() { store.write(move |tx| Ok(())); file.write(b\"x\"); store.read(|tx| Ok(())); }";
        let tree = Tree::from([
            ("crates/inventory/Cargo.toml", ""),
            ("crates/inventory/src/apply.rs", source),
            ("crates/sync/Cargo.toml", ""),
            ("crates/sync/src/run.rs", source),
            ("crates/sync/src/two.rs", "const A: &str = \"BEGIN IMMEDIATE\"; const B: &str = \"COMMIT when done\";"),
        ]);
        let places: Vec<String> = transactions_have_an_owner(&tree).into_iter().map(|offence| offence.path).collect();
        assert_eq!(places, ["crates/inventory/src/apply.rs", "crates/sync/src/two.rs"]);
    }
}
