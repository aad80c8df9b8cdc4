//! Parses every query of a JSON file (`[{"name", "inventory", "query"}]`) and prints what was understood.
//!
//! `cargo run -p muster-query --example ask_file -- FILE`

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which file?")?;
    let queries: Vec<serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    for entry in &queries {
        let text = entry["query"].as_str().unwrap_or_default();
        let (tree, problems) = muster_query::parse(text);
        println!("{text}\n  = {tree}");
        for problem in problems {
            println!("  {:?} {}..{}: {}", problem.severity, problem.span.start, problem.span.end, problem.message);
        }
    }
    Ok(())
}
