//! Questions and decoding, measured in this process.

use std::fmt::Write as _;
use std::time::Instant;

use inventory::{Ask, Want};
use kernel::{OrgId, Timestamp};
use store::{Access, DatabaseUrl, Slice, Store};

/// Every slice with tables, in arrow order.
pub const SLICES: &[Slice] = &[access::SLICE, signals::SLICE, inventory::SLICE, sync::SLICE];

/// How often each question is asked.
const TIMES: usize = 60;

/// Rows of a first page.
const PAGE: usize = 50;

/// Questions about agents, with the field to group by.
pub const QUESTIONS: &[(&str, &str, &str)] = &[
    ("Q1", "os:windows", ""),
    ("Q2", "name:lap", ""),
    ("Q3", "name:=NAME", ""),
    ("Q4", "os:windows and not type:server and not edr.name:SentinelOne", ""),
    ("Q7", "address:10.20.0.0/16", ""),
    ("Q8", "", "os"),
    ("Q9", "(os:windows or os:macos) and active:false and infected:true", ""),
];

/// Questions that need software and vulnerabilities.
pub const SOFTWARE_QUESTIONS: &[(&str, &str, &str)] = &[
    ("Q5", "software:(product:chrome version:<131)", ""),
    ("Q6", "software:microsoft", ""),
    ("Q12", "vulnerabilities:(severity:critical) and software:openssl and site:hq", ""),
];

/// The table of answers' times on both databases, in milliseconds.
pub fn measure(sqlite: &str, postgres: &str, questions: &[(&str, &str, &str)]) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut stores = Vec::new();
    for url in [sqlite, postgres] {
        let url: DatabaseUrl = url.parse()?;
        stores.push(Store::open(&url, Access::Reader, SLICES)?);
    }
    let mut out = String::from(
        "| | Question | page, SQLite | page, PostgreSQL | count, SQLite | count, PostgreSQL |\n|---|---|--:|--:|--:|--:|\n",
    );
    let name = runtime.block_on(a_name(&stores[0]))?;
    for (label, text, group) in questions {
        let text = text.replace("NAME", &name);
        let mut cells = Vec::new();
        for want in [Want::Page, Want::Count] {
            for store in &stores {
                cells.push(match (want, group.is_empty()) {
                    (Want::Count, false) => "-".to_owned(),
                    _ => {
                        let question = Question { inventory: "assets", text: &text, group };
                        runtime.block_on(times(store, question, want, TIMES))?.to_string()
                    }
                });
            }
        }
        let shown = if group.is_empty() { format!("`{text}`") } else { format!("group by {group}") };
        let _ = writeln!(out, "| {label} | {shown} | {} |", cells.join(" | "));
    }
    if questions.iter().all(|(label, ..)| *label != "Q1") {
        return Ok(out);
    }
    let mut cells = Vec::new();
    for store in &stores {
        cells.push(runtime.block_on(deep_page(store))?.to_string());
    }
    let _ = writeln!(out, "| Q11 | page 1,000 of all, by cursor | {} | - | - |", cells.join(" | "));
    Ok(out)
}

/// The name of some asset, for the question that finds one.
async fn a_name(store: &Store) -> anyhow::Result<String> {
    let mut ask = Ask::new("assets", "", now());
    ask.fields = vec!["name".to_owned()];
    let answer = inventory::ask(store, OrgId::DEFAULT, &ask).await?;
    match answer.table.rows.first().and_then(|row| row.first()) {
        Some(kernel::Cell::Text(name)) => Ok(name.clone()),
        other => anyhow::bail!("the first asset has no name: {other:?}"),
    }
}

fn now() -> Timestamp {
    kernel::Clock::System.now()
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub inventory: &'a str,
    pub text: &'a str,
    /// The field to group by; empty for rows.
    pub group: &'a str,
}

/// The median and the 95th percentile, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub middle: f64,
    pub slow: f64,
}

impl std::fmt::Display for Times {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.1} / {:.1}", self.middle, self.slow)
    }
}

/// Asks so often, and says how long that took.
#[expect(clippy::disallowed_methods, reason = "measuring takes the machine's own time")]
pub async fn times(store: &Store, question: Question<'_>, want: Want, often: usize) -> anyhow::Result<Times> {
    let mut ask = Ask::new(question.inventory, question.text, now());
    ask.limit = PAGE;
    ask.want = want;
    if !question.group.is_empty() {
        ask.group_by = vec![question.group.to_owned()];
    }
    let mut taken = Vec::new();
    for _ in 0..often {
        let started = Instant::now();
        inventory::ask(store, OrgId::DEFAULT, &ask).await?;
        taken.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(percentiles(taken))
}

#[expect(clippy::disallowed_methods, reason = "measuring takes the machine's own time")]
pub async fn deep_page(store: &Store) -> anyhow::Result<Times> {
    let mut ask = Ask::new("assets", "", now());
    ask.limit = PAGE;
    let mut taken = Vec::new();
    for page in 0..1000 {
        let started = Instant::now();
        let answer = inventory::ask(store, OrgId::DEFAULT, &ask).await?;
        if page >= 1000 - TIMES {
            taken.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        let Some(next) = answer.next else { break };
        ask.after = Some(next);
    }
    Ok(percentiles(taken))
}

fn percentiles(mut taken: Vec<f64>) -> Times {
    taken.sort_by(f64::total_cmp);
    let at = |share: f64| taken[((taken.len() as f64 - 1.0) * share).round() as usize];
    Times { middle: at(0.5), slow: at(0.95) }
}

/// What indexing the words of the whole log costs; a sync does not wait for it.
pub fn full_text(url: &str) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let store = Store::open(&url.parse()?, Access::Writer, SLICES)?;
    let before = super::own_cpu();
    let mut artifacts: u64 = 0;
    loop {
        let indexed = runtime.block_on(store.write(|tx| signals::index_in(tx, OrgId::DEFAULT)))?;
        artifacts += indexed.artifacts;
        if indexed.artifacts == 0 {
            break;
        }
    }
    let rate = artifacts as f64 / (super::own_cpu() - before).max(0.01);
    Ok(format!(
        "Full text, counted apart: {} artifacts indexed, {} / CPU s",
        super::grouped(artifacts),
        super::grouped(rate as u64)
    ))
}
