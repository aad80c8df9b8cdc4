//! Asks every query of a JSON file (`[{"name", "inventory", "query"}]`) of a small estate, and tells how each is answered.
//!
//! `cargo run -p muster-inventory --example ask_file -- FILE`

extern crate muster_inventory as inventory;

#[path = "../tests/it/world.rs"]
mod world;

use inventory::{Ask, AskError, Want};
use query::Severity;
use store::Store;

#[expect(clippy::print_stdout, reason = "this program exists to print")]
fn main() {
    let path = std::env::args().nth(1).expect("the path of a file of queries");
    let file = std::fs::read(path).expect("the file can be read");
    let queries: Vec<serde_json::Value> = serde_json::from_slice(&file).expect("the file is a JSON array");
    let store = Store::in_memory(&[signals::SLICE, inventory::SLICE]).expect("a database in memory");
    world::fill(&store, 50, 7);
    let (mut ran, mut warned, mut refused, mut elsewhere) = (0, 0, 0, 0);
    for query in &queries {
        let text = query["query"].as_str().unwrap_or_default().to_owned();
        let inventory = query["inventory"].as_str().unwrap_or("assets");
        let ask = Ask { want: Want::Count, ..Ask::new(inventory, &text, world::NOW) };
        println!("\n{inventory}: {text}");
        match store.read_blocking(move |tx| inventory::ask_in(tx, world::ORG, &ask)) {
            Ok(answer) => {
                ran += 1;
                warned += usize::from(answer.warnings.iter().any(|problem| problem.severity == Severity::Warning));
                println!("  -> {} found; read as {}", answer.total.unwrap_or_default(), answer.canonical);
                answer.warnings.iter().for_each(|problem| say(&text, problem));
            }
            Err(AskError::Refused(problems)) => {
                refused += 1;
                problems.problems.iter().for_each(|problem| say(&text, problem));
            }
            Err(AskError::Inventory { message, help }) => {
                elsewhere += 1;
                println!("  -> {message}; {help}");
            }
            Err(error) => panic!("{text}: {error}"),
        }
    }
    println!(
        "\n{} queries: {ran} ran ({warned} of them with a warning), {refused} were answered with place and reason, \
         {elsewhere} ask an inventory that is not there yet",
        queries.len()
    );
}

#[expect(clippy::print_stdout, reason = "this program exists to print")]
fn say(text: &str, problem: &query::Problem) {
    let part = text.get(problem.span.start..problem.span.end).unwrap_or_default();
    println!(
        "  {:?} at {}-{} {part:?}: {} {:?}",
        problem.severity, problem.span.start, problem.span.end, problem.message, problem.nearest
    );
}
