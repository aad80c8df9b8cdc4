//! Parses every query of a JSON file (`[{"name": .., "inventory": .., "query": ..}]`) and shows what was understood:
//! `cargo run -p muster-query --example ask_file -- FILE`.

#![expect(clippy::print_stdout, reason = "showing is what it is for")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which file?")?;
    let queries: Vec<serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    for entry in &queries {
        let text = entry["query"].as_str().unwrap_or_default();
        let (tree, problems) = muster_query::parse(text);
        print!("= {tree}\n{}", muster_query::render(text, &problems));
    }
    Ok(())
}
