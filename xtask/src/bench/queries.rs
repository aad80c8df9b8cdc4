//! Questions and decoding, measured in this process.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::Context;
use inventory::{Ask, Want};
use kernel::{OrgId, Timestamp};
use sentinelone::{Client, Console, HttpOptions, HttpTransport, Request, Token, Transport};
use store::{Access, DatabaseUrl, Slice, Store};

/// Every slice with tables, in arrow order.
const SLICES: &[Slice] = &[access::SLICE, signals::SLICE, inventory::SLICE, sync::SLICE];

/// How often each question is asked.
const TIMES: usize = 60;

/// Rows of a first page.
const PAGE: usize = 50;

/// Pages of agents that are decoded for the limit, and how often.
const DECODED_PAGES: usize = 10;
const DECODED_TIMES: usize = 5;

/// The questions whose inventories exist by now, with the field to group by.
const QUESTIONS: &[(&str, &str, &str)] = &[
    ("Q1", "os:windows", ""),
    ("Q2", "name:lap", ""),
    ("Q3", "name:=NAME", ""),
    ("Q4", "os:windows and not type:server and not edr.name:SentinelOne", ""),
    ("Q7", "address:10.20.0.0/16", ""),
    ("Q8", "", "os"),
    ("Q9", "(os:windows or os:macos) and active:false and infected:true", ""),
];

/// The table of answers' times on both databases, in milliseconds.
pub fn measure(sqlite: &str, postgres: &str) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut stores = Vec::new();
    for url in [sqlite, postgres] {
        let url: DatabaseUrl = url.parse()?;
        stores.push(Store::open(&url, Access::Reader, SLICES)?);
    }
    let mut out = String::from(
        "p50 and p95 in ms over the large console; a first page has 50 rows in the inventory's order, a count is exact.\n\n\
         | | Question | page, SQLite | page, PostgreSQL | count, SQLite | count, PostgreSQL |\n|---|---|--:|--:|--:|--:|\n",
    );
    let name = runtime.block_on(a_name(&stores[0]))?;
    for (label, text, group) in QUESTIONS {
        let text = text.replace("NAME", &name);
        let mut cells = Vec::new();
        for want in [Want::Page, Want::Count] {
            for store in &stores {
                cells.push(match (want, group.is_empty()) {
                    (Want::Count, false) => "-".to_owned(),
                    _ => runtime.block_on(times(store, &text, group, want))?,
                });
            }
        }
        let shown = if group.is_empty() { format!("`{text}`") } else { format!("group by {group}") };
        let _ = writeln!(out, "| {label} | {shown} | {} |", cells.join(" | "));
    }
    let mut cells = Vec::new();
    for store in &stores {
        cells.push(runtime.block_on(deep_page(store))?);
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

#[expect(clippy::disallowed_methods, reason = "measuring takes the machine's own time")]
async fn times(store: &Store, text: &str, group: &str, want: Want) -> anyhow::Result<String> {
    let mut ask = Ask::new("assets", text, now());
    ask.limit = PAGE;
    ask.want = want;
    if !group.is_empty() {
        ask.group_by = vec![group.to_owned()];
    }
    let mut taken = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        inventory::ask(store, OrgId::DEFAULT, &ask).await?;
        taken.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(percentiles(taken))
}

#[expect(clippy::disallowed_methods, reason = "measuring takes the machine's own time")]
async fn deep_page(store: &Store) -> anyhow::Result<String> {
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

fn percentiles(mut taken: Vec<f64>) -> String {
    taken.sort_by(f64::total_cmp);
    let at = |share: f64| taken.get(((taken.len() as f64 - 1.0) * share).round() as usize).copied();
    match (at(0.5), at(0.95)) {
        (Some(middle), Some(slow)) => format!("{middle:.1} / {slow:.1}"),
        _ => "-".to_owned(),
    }
}

/// How many agents a CPU second decodes, typed, from pages of the same console: nothing that reads JSON can be faster.
pub fn decode_limit(url: &str, token: &str) -> anyhow::Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let transport = Transport::Http(HttpTransport::new(HttpOptions::default())?);
    let client = Client::new(Console::parse(url)?, Token::parse(token)?, transport);
    let mut pages = Vec::new();
    runtime.block_on(async {
        let mut cursor = None;
        for _ in 0..DECODED_PAGES {
            let request = Request::agents().limit(1000);
            let page = client.page(&request, cursor.as_deref()).await?;
            cursor.clone_from(&page.next_cursor);
            pages.push(page);
            if cursor.is_none() {
                break;
            }
        }
        anyhow::Ok(())
    })?;
    let before = super::own_cpu();
    let mut decoded: u64 = 0;
    for _ in 0..DECODED_TIMES {
        for page in &pages {
            for at in 0..page.records().len() {
                let agent =
                    sentinelone::records::Agent::decode(page.record(at)).context("a record that is no agent")?;
                decoded += u64::from(std::hint::black_box(&agent).id.is_some());
            }
        }
    }
    Ok((decoded as f64 / (super::own_cpu() - before).max(0.01)) as u64)
}
