//! `cargo xtask upgrades`: keeps what a version stored, and what it answered, so that every later version is held to it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// Where they are kept, a backup and its answers a schema.
const KEPT: &str = "testkit/upgrades";

/// Endpoints of the simulated console: a few of everything fit a small file.
const ENDPOINTS: &str = "3";

/// Inventory, question, fields: what is to be answered as before. A version that cannot be asked one leaves it out.
const QUESTIONS: &[(&str, &str, &str)] = &[
    ("assets", "", "id,name,os,edr.name,site"),
    ("assets", "os:windows and edr.name:SentinelOne", "id,name"),
    ("assets", "infected:t or not infected:t", "id,infected"),
    ("findings", "", "id,name,classification"),
    ("software", "", "id,name,version"),
    ("vulnerabilities", "", "id,name"),
    ("users", "", "id,name"),
    ("activities", "", "id"),
    ("policies", "", "id,name"),
    ("artifacts", "stream:threats", "id,stream,op"),
    ("console_sites", "", "id,name"),
    ("console_groups", "", "id,name"),
];

/// Lets `binary`, or the program as it is, fill a database and answer, and keeps both under the name of its schema.
pub fn run(root: &Path, binary: Option<&Path>) -> anyhow::Result<()> {
    let today = root.join("target/debug/muster");
    let built = Command::new("cargo").args(["build", "--quiet", "--package", "muster"]).current_dir(root).status()?;
    if !built.success() {
        bail!("the program could not be built");
    }
    let binary = binary.unwrap_or(&today);
    let home = root.join("target/tmp/upgrades");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home)?;
    let data = home.display().to_string();
    let mut demo = Command::new(binary);
    demo.args(["--data-dir", &data, "demo", "--once", "--endpoints", ENDPOINTS]).env_remove("MUSTER_DATABASE_URL");
    // The tour's own verdict is not asked for: what it stored is.
    demo.output().with_context(|| format!("starting {}", binary.display()))?;
    let database = format!("sqlite:{}", home.join("demo/muster.db").display());

    let mut answers = Vec::new();
    for (inventory, text, fields) in QUESTIONS {
        let mut query = Command::new(binary);
        query.args(["--database", &database, "query", text, "--in", inventory, "--format", "json", "--fields", fields]);
        let output = query.args(["--limit", "1000"]).output()?;
        if output.status.success() {
            let answer: Value = serde_json::from_slice(&output.stdout)?;
            answers.push(serde_json::json!({ "in": inventory, "text": text, "fields": fields, "answer": answer }));
        }
    }
    let backup = home.join("backup.zip");
    ran(Command::new(&today).args(["--database", &database, "backup"]).arg(&backup))?;
    let checked = ran(Command::new(&today).args(["restore", "--check", "--json"]).arg(&backup))?;
    let checked: Value = serde_json::from_str(&checked)?;
    let schema = checked["schema"].as_object().context("a backup says its schema")?;
    let name = schema.iter().map(|(slice, number)| format!("{slice}-{number}")).collect::<Vec<_>>().join("_");
    let kept = root.join(KEPT);
    std::fs::create_dir_all(&kept)?;
    std::fs::copy(&backup, kept.join(format!("{name}.zip")))?;
    let text = serde_json::to_string_pretty(&answers)? + "\n";
    std::fs::write(kept.join(format!("{name}.json")), text)?;
    println!("{KEPT}/{name}: {} answers, {} rows", answers.len(), checked["rows"]);
    Ok(())
}

fn ran(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
