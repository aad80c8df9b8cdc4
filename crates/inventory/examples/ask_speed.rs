//! Times the questions of the bench against an estate of so many assets.
//!
//! `cargo run -p muster-inventory --example ask_speed -- DATABASE_URL [ASSETS]`; the estate is made if the database is
//! empty. The word `postgres` instead of a URL means a schema on the tests' own server.

extern crate muster_inventory as inventory;

#[path = "../tests/it/world.rs"]
mod world;

use std::time::Instant;

use inventory::{Ask, Want};
use store::{Access, Dialect, Store};

/// How often each question is asked.
const TIMES: usize = 20;

const QUESTIONS: [(&str, &str); 14] = [
    ("Q0", ""),
    ("Q1", "os:windows"),
    ("Q2", "name:wks"),
    ("Q2 rare", "name:0471"),
    ("Q3", "name:=lt-04711"),
    ("Q4", "os:windows and not type:server and not edr.name:SentinelOne"),
    ("Q7", "address:10.20.0.0/24"),
    ("Q7 broad", "address:10.20.0.0/16"),
    ("Q7 not", "not address:10.20.0.0/17"),
    ("Q9", "(os:windows or os:macos) and active:false and infected:true"),
    ("none", "os:windows and type:storage"),
    ("finding", "finding:(verdict:true_positive name:eicar)"),
    ("source", "source:sentinelone not source:scan"),
    ("bare", "müller"),
];

#[expect(clippy::print_stdout, reason = "this program exists to print")]
fn main() {
    let mut args = std::env::args().skip(1);
    let text = args.next().expect("a database URL");
    let own = (text == "postgres").then(testkit::Database::postgres);
    let url = own.as_ref().map_or_else(|| text.parse().expect("a database URL"), |database| database.url().clone());
    let assets: usize = args.next().map_or(100_000, |text| text.parse().expect("a number of assets"));
    let store =
        Store::open(&url, Access::Writer, &[signals::SLICE, inventory::SLICE]).expect("the database can be opened");
    if ask(&store, Ask { want: Want::Count, ..Ask::new("assets", "", world::NOW) }).total == Some(0) {
        let begun = now();
        world::fill(&store, assets, 7);
        // SQLite begins with statistics of an estate; PostgreSQL makes its own, a minute too late for this program.
        if store.dialect() == Dialect::Postgres {
            store.write_blocking(|tx| tx.refresh_statistics()).expect("statistics can be made");
        }
        println!("made {assets} assets in {:.1?}", begun.elapsed());
    }
    println!("{:<10} {:>9} {:>9} {:>9} {:>9}  count  question", "", "page p50", "page p95", "count p50", "count p95");
    for (name, text) in QUESTIONS {
        let page = Ask { limit: 50, ..Ask::new("assets", text, world::NOW) };
        let count = Ask { want: Want::Count, ..page.clone() };
        let total = ask(&store, count.clone()).total.unwrap_or_default();
        let (page, count) = (timed(&store, &page), timed(&store, &count));
        println!("{name:<10} {:>9.2} {:>9.2} {:>9.2} {:>9.2}  {total:>6} {text}", page.0, page.1, count.0, count.1);
    }
    for by in ["os", "agent.state"] {
        let ask = Ask { group_by: vec![by.to_owned()], ..Ask::new("assets", "", world::NOW) };
        let (p50, p95) = timed(&store, &ask);
        println!("{:<10} {p50:>9.2} {p95:>9.2}  group by {by}", "Q8");
    }
    let mut page = Ask { limit: 50, ..Ask::new("assets", "", world::NOW) };
    for _ in 0..1000 {
        page.after = ask(&store, page.clone()).next;
    }
    let (p50, p95) = timed(&store, &page);
    println!("{:<10} {p50:>9.2} {p95:>9.2}  page 1,000", "Q11");
    for text in ["name:wks", "address:10.20.0.0/16"] {
        println!("\n{}", ask(&store, Ask { want: Want::Explain, ..Ask::new("assets", text, world::NOW) }).plan);
    }
}

#[expect(clippy::disallowed_methods, reason = "this program measures time")]
fn now() -> Instant {
    Instant::now()
}

fn ask(store: &Store, ask: Ask) -> inventory::Answer {
    store.read_blocking(move |tx| inventory::ask_in(tx, world::ORG, &ask)).expect("the question is well-formed")
}

/// The median and the 95th percentile, in milliseconds.
fn timed(store: &Store, question: &Ask) -> (f64, f64) {
    let mut times: Vec<f64> = (0..TIMES)
        .map(|_| {
            let begun = now();
            ask(store, question.clone());
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[TIMES / 2], times[TIMES * 95 / 100])
}
