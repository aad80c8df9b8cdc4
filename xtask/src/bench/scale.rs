//! A large estate without HTTP: what it costs to store and to correlate, how large it is, how fast questions are, and how
//! all of that grows.

mod estate;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future as _;
use std::path::Path;
use std::pin::pin;
use std::task::{Context as Task, Poll, Waker};
use std::time::Instant;

use anyhow::{Context, bail};
use estate::{Estate, NOW, Stream};
use inventory::{Incoming, Memory, Onboard, Translation, Want};
use kernel::{OrgId, SweepId};
use sentinelone_sim::{Config, World, tokens};
use store::{Access, DatabaseUrl, Dialect, Store};

use super::{grouped, own_cpu, queries, say};

const ORG: OrgId = OrgId::DEFAULT;

/// Records of a page, and pages of a transaction: many, since nothing of this is asked for over a network.
const PAGE_RECORDS: u64 = 1000;
const PAGES_AT_ONCE: u64 = 10;

/// Simulated agents whose bodies are borrowed.
const BODIES: usize = 500;

/// Every so many agents one gets another network card, for the second correlation.
const CHANGED_ONE_IN: u64 = 100;

/// What the database of one agent takes with all that hangs on it, in bytes: measured with 100,000 agents, log included.
const SQLITE_EACH: u64 = 12_000;
const POSTGRES_EACH: u64 = 50_500;

/// What is needed besides: indexes are sorted in temporary files, and the databases' own logs grow.
const SPARE_PERCENT: u64 = 20;

/// How often a page and a count are asked.
const PAGE_TIMES: usize = 60;
const COUNT_TIMES: usize = 12;

/// Questions: number, inventory, text, field to group by, the goal of its count in ms (0 for none).
const QUESTIONS: &[(&str, &str, &str, &str, f64)] = &[
    ("Q1", "assets", "os:windows", "", 150.0),
    ("Q2", "assets", "name:lap", "", 150.0),
    ("Q3", "assets", "name:=lt-0004711", "", 150.0),
    ("Q4", "assets", "os:windows and not type:server and not edr.name:SentinelOne", "", 150.0),
    ("Q5", "assets", "software:(product:chrome version:<131)", "", 150.0),
    ("Q6", "assets", "software:microsoft", "", 1000.0),
    ("Q7", "assets", "address:10.20.0.0/16", "", 150.0),
    ("Q8", "assets", "", "os", 1000.0),
    ("Q8", "vulnerabilities", "", "severity", 1000.0),
    ("Q8", "software", "", "product", 1000.0),
    ("Q9", "assets", "(os:windows or os:macos) and active:false and infected:true", "", 1000.0),
    ("Q10", "artifacts", "mimikatz", "", 1000.0),
    ("Q12", "assets", "vulnerabilities:(severity:critical) and software:openssl and site:hq", "", 1000.0),
];

/// Tables that are not counted to assets.
const SOFTWARE: [&str; 4] = ["inventory_software", "inventory_release", "inventory_title", "inventory_expected"];
const VULNERABILITIES: [&str; 2] = ["inventory_vulnerability", "inventory_cve"];

/// One thing that was measured.
#[derive(Clone, Copy)]
struct Figure {
    value: f64,
    /// At most this is wanted; infinite where nothing was asked for.
    goal: f64,
}

/// Everything of one run, in the order in which it was measured.
#[derive(Default)]
struct Figures(Vec<(String, Figure)>);

impl Figures {
    fn add(&mut self, what: impl Into<String>, value: f64, goal: f64) {
        let what = what.into();
        println!("{what}: {}", shown(value));
        self.0.push((what, Figure { value, goal }));
    }
}

fn shown(value: f64) -> String {
    match value {
        value if value >= 1000.0 => grouped(value.round() as u64),
        value if value >= 10.0 => format!("{value:.0}"),
        value => format!("{value:.2}"),
    }
}

/// Measures an estate of so many agents and, if that is a million, one of a tenth too; answers the page's section, in
/// which what was said of a database that is not measured now stays.
pub fn run(root: &Path, agents: u64, only: Option<Dialect>, before: &str) -> anyhow::Result<String> {
    let sizes = if agents >= 1_000_000 { vec![agents / 10, agents] } else { vec![agents] };
    let mut out = format!(
        "An estate of agents, scan records, installed software, vulnerabilities and activities, applied page by page without \
         a network. CPU is that of this process (of the client alone with PostgreSQL); a goal of time is held against wall \
         time. Questions are asked {PAGE_TIMES} times (pages of 50) and {COUNT_TIMES} times (counts, groups); a page never \
         waits for its count, since they are asked apart. The exponent says how a figure grows with the estate: 0 not at \
         all, 1 as it does.\n",
    );
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let (name, folder) = match dialect {
            Dialect::Sqlite => ("SQLite", root.join("target/bench-scale")),
            Dialect::Postgres => ("PostgreSQL", root.join("target/bench-scale-postgres")),
        };
        let heading = format!("\n### {name}\n");
        if only.is_some_and(|only| only != dialect) {
            if let Some((_, kept)) = before.split_once(&heading) {
                let kept = kept.split_once("\n### ").map_or(kept, |(kept, _)| kept).trim_end();
                let _ = writeln!(out, "{heading}{kept}");
            }
            continue;
        }
        let mut runs = Vec::new();
        for agents in &sizes {
            let each = if dialect == Dialect::Sqlite { SQLITE_EACH } else { POSTGRES_EACH };
            let gigabytes = (agents * each / 100 * (100 + SPARE_PERCENT)).div_ceil(1_000_000_000);
            say(&format!("{} agents, {name}: needs some {gigabytes} GB of disk", grouped(*agents)));
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder)?;
            let figures = match dialect {
                Dialect::Sqlite => {
                    let url = format!("sqlite:{}", folder.join("muster.db").display());
                    one(&url.parse()?, *agents)
                }
                Dialect::Postgres => {
                    let server = testkit::Database::postgres();
                    one(server.url(), *agents)
                }
            };
            std::fs::remove_dir_all(&folder)?;
            runs.push(figures?);
        }
        let _ = write!(
            out,
            "{heading}\n{} agents, {} scan records, {} rows of installed software, {} vulnerabilities and {} activities.\n\n{}",
            grouped(agents),
            grouped(Stream::Scan.records(agents)),
            grouped(Stream::Applications.records(agents)),
            grouped(Stream::Risks.records(agents)),
            grouped(Stream::Activities.records(agents)),
            table(&sizes, &runs)
        );
    }
    Ok(out)
}

/// Fills a database that stays, if it is empty, and prints what questions take there.
pub fn at(url: &str, agents: u64) -> anyhow::Result<()> {
    one(&url.parse()?, agents)?;
    Ok(())
}

fn table(sizes: &[u64], runs: &[Figures]) -> String {
    let mut out = String::from("| What | Goal |");
    for size in sizes {
        let _ = write!(out, " {} agents |", grouped(*size));
    }
    let grows = runs.len() > 1;
    out.push_str(if grows { " Exponent | |\n" } else { " |\n" });
    let columns = sizes.len() + usize::from(grows);
    let _ = writeln!(out, "|---|--:|{}---|", "--:|".repeat(columns));
    let Some(last) = runs.last() else { return out };
    let earlier: Vec<BTreeMap<&str, Figure>> =
        runs.iter().map(|run| run.0.iter().map(|(what, figure)| (what.as_str(), *figure)).collect()).collect();
    for (what, figure) in &last.0 {
        let goal = if figure.goal.is_finite() { shown(figure.goal) } else { String::new() };
        let _ = write!(out, "| {what} | {goal} |");
        let values: Vec<f64> =
            earlier.iter().filter_map(|run| run.get(what.as_str())).map(|figure| figure.value).collect();
        for value in &values {
            let _ = write!(out, " {} |", shown(*value));
        }
        if let (true, [first, .., large], [small, .., big]) = (grows, values.as_slice(), sizes) {
            let exponent = (large.max(0.01) / first.max(0.01)).ln() / (*big as f64 / *small as f64).ln();
            let _ = write!(out, " {exponent:.2} |");
        }
        let verdict = match figure.goal {
            goal if goal.is_infinite() => "",
            goal if figure.value <= goal => "met",
            _ => "**not met**",
        };
        let _ = writeln!(out, " {verdict} |");
    }
    out
}

/// Fills a database, if it is empty, and leaves it there.
pub fn fill(url: &DatabaseUrl, agents: u64) -> anyhow::Result<()> {
    filled(&Store::open(url, Access::Writer, queries::SLICES)?, agents, &mut Figures::default())
}

/// Fills a database and measures it.
fn one(url: &DatabaseUrl, agents: u64) -> anyhow::Result<Figures> {
    let store = Store::open(url, Access::Writer, queries::SLICES)?;
    let mut figures = Figures::default();
    filled(&store, agents, &mut figures)?;
    sizes(&store, agents, &mut figures)?;
    ask(&store, &mut figures)?;
    Ok(figures)
}

fn filled(store: &Store, agents: u64, figures: &mut Figures) -> anyhow::Result<()> {
    let estate: &'static Estate = Box::leak(Box::new(Estate { agents, bodies: bodies()? }));
    let memory: &'static Memory = Box::leak(Box::default());
    let there = store.read_blocking(|tx| tx.query_opt("SELECT 1 FROM inventory_asset LIMIT 1", &[], |_| Ok(())))?;
    let streams = if there.is_some() { &[][..] } else { &Stream::ALL[..] };
    for stream in streams.iter().copied() {
        let (cpu, _) = timed(|| load(store, estate, memory, stream))?;
        let rate = stream.records(agents) as f64 / cpu.max(0.01);
        figures.add(format!("{}: records stored / CPU s", stream.name()), rate, f64::INFINITY);
        if matches!(stream, Stream::Scan) {
            // As a sync and an import do after their sweeps.
            store.write_blocking(|tx| match tx.dialect() {
                Dialect::Postgres => tx.refresh_statistics(),
                Dialect::Sqlite => Ok(()),
            })?;
            correlate(store, estate, memory, figures)?;
        }
    }
    store.write_blocking(|tx| match tx.dialect() {
        Dialect::Postgres => tx.refresh_statistics(),
        Dialect::Sqlite => Ok(()),
    })?;
    while store.write_blocking(|tx| signals::index_in(tx, ORG))?.artifacts > 0 {}
    Ok(())
}

/// CPU and wall seconds of some work.
#[expect(clippy::disallowed_methods, reason = "measuring takes the machine's own time")]
fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<(f64, f64)> {
    let (cpu, started) = (own_cpu(), Instant::now());
    work()?;
    Ok((own_cpu() - cpu, started.elapsed().as_secs_f64()))
}

fn load(store: &Store, estate: &'static Estate, memory: &'static Memory, stream: Stream) -> anyhow::Result<()> {
    let records = stream.records(estate.agents);
    store.write_blocking(move |tx| inventory::begin_load(tx, stream.name(), records))?;
    let mut first = 0;
    while first < records {
        let end = records.min(first + PAGE_RECORDS * PAGES_AT_ONCE);
        store.write_blocking(move |tx| {
            for first in (first..end).step_by(PAGE_RECORDS as usize) {
                let numbers: Vec<u64> = (first..end.min(first + PAGE_RECORDS)).collect();
                page(tx, estate, memory, stream, &numbers, 0)?;
            }
            anyhow::Ok(())
        })?;
        first = end;
    }
    store.write_blocking(move |tx| inventory::finish_load(tx, stream.name()))?;
    Ok(())
}

/// Applies one page, and logs it if it is of a stream whose log is asked about.
fn page(
    tx: &mut store::Tx<'_>,
    estate: &Estate,
    memory: &Memory,
    stream: Stream,
    numbers: &[u64],
    version: u64,
) -> anyhow::Result<()> {
    let first = numbers.first().copied().unwrap_or_default();
    // One site of ten is the one that is asked about.
    let site = if (first / PAGE_RECORDS).is_multiple_of(10) { "HQ" } else { "Elsewhere" };
    let context = inventory::Context {
        org: ORG,
        integration: stream.integration(),
        site: inventory::ensure_site(tx, ORG, site, NOW)?,
        stream: stream.name(),
        sweep: SweepId(1),
        now: NOW,
        immutable: stream == Stream::Activities,
        body_in_log: matches!(stream, Stream::Applications | Stream::Risks),
        memory,
        onboard: Onboard::Always,
    };
    let mut nouns = Vec::with_capacity(numbers.len());
    let mut said = Vec::with_capacity(numbers.len());
    for number in numbers {
        let (id, raw, noun) = stream.record(estate, *number, version);
        said.push((id, raw));
        nouns.push(Some(noun));
    }
    let hash = |number: u64| {
        let mut hash = [0x5a; 32];
        hash[..8].copy_from_slice(&(number << 8 | version).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        hash
    };
    let incoming: Vec<Incoming<'_>> = (said.iter().zip(numbers))
        .map(|((id, raw), number)| Incoming { native_id: id.as_str().into(), raw, raw_hash: hash(*number) })
        .collect();
    let outcomes = inventory::apply(tx, &context, &incoming, &mut |at| {
        let noun = nouns[at].take().ok_or_else(|| inventory::Reason("it was asked for twice".to_owned()))?;
        Ok(Translation { meaning_hash: hash(numbers[at]), updated_at: Some(NOW), noun, left_out: None })
    })?;
    if stream != Stream::Activities {
        return Ok(());
    }
    let entries = outcomes.iter().zip(&said).map(|(outcome, (id, raw))| signals::Entry {
        native_id: id.as_str().into(),
        op: signals::Op::Create,
        version: outcome.version,
        updated_at: outcome.updated_at,
        meaning_hash: outcome.meaning_hash,
        raw,
    });
    let page = signals::Page {
        org: ORG,
        integration: stream.integration(),
        console_host: "acme.example.net",
        stream: stream.name(),
        now: NOW,
        entries: entries.collect(),
    };
    signals::record(tx, &page)?;
    Ok(())
}

/// Correlates everything from scratch, and again after one machine of a hundred changed.
fn correlate(
    store: &Store,
    estate: &'static Estate,
    memory: &'static Memory,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let goal = |seconds: f64| if estate.agents >= 1_000_000 { seconds } else { f64::INFINITY };
    let mut merged = 0;
    let (cpu, wall) = timed(|| settle(store, memory, &mut merged))?;
    let expected = Stream::Scan.records(estate.agents) * 8 / 10;
    if merged < expected * 95 / 100 || merged > expected * 105 / 100 {
        bail!("correlation put {merged} scan records to agents, and about {expected} were to be");
    }
    figures.add("correlation from scratch, s", wall, goal(90.0));
    figures.add("correlation from scratch, CPU s", cpu, f64::INFINITY);
    let changed: Vec<u64> = (0..estate.agents).step_by(CHANGED_ONE_IN as usize).collect();
    for numbers in changed.chunks(PAGE_RECORDS as usize) {
        let numbers = numbers.to_vec();
        store.write_blocking(move |tx| page(tx, estate, memory, Stream::Agents, &numbers, 1))?;
    }
    let (cpu, wall) = timed(|| settle(store, memory, &mut merged))?;
    figures.add("correlation after 1 % changed, s", wall, goal(1.0));
    figures.add("correlation after 1 % changed, CPU s", cpu, f64::INFINITY);
    Ok(())
}

fn settle(store: &Store, memory: &'static Memory, merged: &mut u64) -> anyhow::Result<()> {
    loop {
        let step = store.write_blocking(move |tx| inventory::settle(tx, ORG, memory, NOW))?;
        *merged += step.merged;
        if !step.more {
            return Ok(());
        }
    }
}

/// How large everything is, by what it is for.
fn sizes(store: &Store, agents: u64, figures: &mut Figures) -> anyhow::Result<()> {
    const SQLITE: &str = "SELECT m.tbl_name, SUM(d.pgsize) FROM dbstat d JOIN sqlite_schema m ON m.name = d.name
        WHERE d.aggregate = 1 GROUP BY m.tbl_name";
    const POSTGRES: &str = "SELECT CAST(c.relname AS TEXT), pg_total_relation_size(c.oid)
        FROM pg_catalog.pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace";
    let sql = if store.dialect() == Dialect::Sqlite { SQLITE } else { POSTGRES };
    let tables = store.read_blocking(move |tx| tx.query(sql, &[], |row| Ok((row.text(0)?.to_owned(), row.int(1)?))))?;
    const SHARES: &str = "SELECT CASE stream WHEN 'applications' THEN 'software' WHEN 'risks' THEN 'vulnerabilities'
            WHEN 'activities' THEN 'log' ELSE 'assets' END, COUNT(*),
            SUM(150 + length(native_id) + COALESCE(length(body), 0))
        FROM inventory_source_record GROUP BY 1";
    let shares = store.read_blocking(|tx| {
        tx.query(SHARES, &[], |row| Ok((row.text(0)?.to_owned(), row.int(1)? as f64, row.int(2)? as f64)))
    })?;
    let all: f64 = shares.iter().map(|(.., bytes)| bytes).sum();
    let size = |wanted: &dyn Fn(&str) -> bool| -> f64 {
        tables.iter().filter(|(table, _)| wanted(table)).map(|(_, bytes)| *bytes as f64).sum()
    };
    // The source records of all streams are one table: each has the share that its own bytes have.
    let records = size(&|table| table == "inventory_source_record");
    let record_of = |what: &str| -> (f64, f64) {
        let share = shares.iter().find(|(of, ..)| of == what);
        share.map_or((0.0, 1.0), |(_, count, bytes)| (records * bytes / all.max(1.0), *count))
    };
    let software = size(&|table| SOFTWARE.contains(&table));
    let vulnerabilities = size(&|table| VULNERABILITIES.contains(&table));
    let others = size(&|table| {
        table.starts_with("inventory_")
            && !SOFTWARE.contains(&table)
            && !VULNERABILITIES.contains(&table)
            && !["inventory_source_record", "inventory_activity"].contains(&table)
    });
    let unmanaged = Stream::Scan.records(agents) as f64 * 0.2;
    let assets = agents as f64 + unmanaged;
    let sqlite = |goal: f64| if store.dialect() == Dialect::Sqlite { goal } else { f64::INFINITY };
    let (own, _) = record_of("assets");
    figures.add("bytes per asset, source records included", (others + own) / assets, 2000.0);
    figures.add("of these, source records", own / assets, f64::INFINITY);
    let mut largest: Vec<&(String, i64)> = tables
        .iter()
        .filter(|(table, _)| {
            let kept = SOFTWARE.iter().chain(&VULNERABILITIES).all(|other| other != table);
            kept && table != "inventory_source_record" && table != "inventory_activity"
        })
        .filter(|(table, _)| table.starts_with("inventory_"))
        .collect();
    largest.sort_unstable_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    for (table, bytes) in largest.into_iter().take(8) {
        figures.add(format!("of these, `{table}`"), *bytes as f64 / assets, f64::INFINITY);
    }
    let (own, count) = record_of("vulnerabilities");
    figures.add("bytes per vulnerability, indexes included", vulnerabilities / count, 300.0);
    figures.add("bytes per vulnerability, its source record", own / count, f64::INFINITY);
    let (own, count) = record_of("software");
    figures.add("bytes per row of software, indexes included", software / count, sqlite(30.0));
    figures.add("bytes per row of software, its source record", own / count, f64::INFINITY);
    Ok(())
}

fn ask(store: &Store, figures: &mut Figures) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for (label, inventory, text, group, goal) in QUESTIONS {
        let of = if *inventory == "assets" { String::new() } else { format!(" in {inventory}") };
        let shown = if group.is_empty() { format!("`{text}`{of}") } else { format!("group by {group}{of}") };
        let question = queries::Question { inventory, text, group };
        if group.is_empty() {
            let times = runtime.block_on(queries::times(store, question, Want::Page, PAGE_TIMES))?;
            figures.add(format!("{label} {shown}: page, p50 ms"), times.middle, f64::INFINITY);
            figures.add(format!("{label} {shown}: page, p95 ms"), times.slow, 50.0);
            let times = runtime.block_on(queries::times(store, question, Want::Count, COUNT_TIMES))?;
            figures.add(format!("{label} {shown}: count, p50 ms"), times.middle, *goal);
        } else {
            let times = runtime.block_on(queries::times(store, question, Want::Page, COUNT_TIMES))?;
            figures.add(format!("{label} {shown}: p50 ms"), times.middle, *goal);
        }
    }
    let times = runtime.block_on(queries::deep_page(store))?;
    figures.add("Q11 page 1,000 of all, by cursor: p95 ms", times.slow, 50.0);
    Ok(())
}

/// Bodies of simulated agents without what tells them apart, each without its opening brace.
fn bodies() -> anyhow::Result<Vec<String>> {
    let world = World::new(Config::frozen(7, BODIES, NOW.micros()));
    let request = http::Request::builder()
        .uri(format!("https://console.invalid/web/api/v2.1/agents?limit={BODIES}"))
        .header("authorization", format!("ApiToken {}", tokens::GLOBAL))
        .body(bytes::Bytes::new())?;
    // In process and without faults the simulator answers at once.
    let mut answer = pin!(world.service()(request));
    let Poll::Ready(response) = answer.as_mut().poll(&mut Task::from_waker(Waker::noop())) else {
        bail!("the simulator did not answer at once");
    };
    let page: serde_json::Value = serde_json::from_slice(response?.body())?;
    let agents = page["data"].as_array().context("a page without agents")?;
    let body = |agent: &serde_json::Value| -> anyhow::Result<String> {
        let mut fields = agent.as_object().context("an agent that is no object")?.clone();
        for own in [
            "id",
            "uuid",
            "computerName",
            "serialNumber",
            "createdAt",
            "lastActiveDate",
            "updatedAt",
            "networkInterfaces",
        ] {
            fields.remove(own);
        }
        let text = serde_json::to_string(&fields)?;
        Ok(text.strip_prefix('{').context("an object begins with a brace")?.to_owned())
    };
    agents.iter().map(body).collect()
}
