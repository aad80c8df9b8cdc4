//! `muster help` and `muster completion`: what can be typed.

use std::fmt::Write as _;

use clap::CommandFactory;
use inventory::correlate::{Rule, Veto};
use kernel::{Cell, Table};

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// What follows the guide to a token at a terminal, so that the token stands in no history of the shell.
const THEN: &str = "\
Then, so that it stands in no history of your shell:
  muster connect acme.sentinelone.net --token-stdin        paste it, then press Ctrl-D
  muster connect acme.sentinelone.net --token-file FILE
";

/// `muster help [TOPIC]`.
pub fn run(topic: &[String], terminal: &Terminal) -> Result<(), Failure> {
    let words: Vec<&str> = topic.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => terminal.result(&Arguments::command().render_help().to_string()),
        ["query"] => {
            let flags = command_help(&["query"])?;
            terminal.result(&format!("{}\n\n{}", flags.trim_end(), query::REFERENCE))
        }
        ["fields"] => fields("assets", terminal),
        ["fields", inventory] => fields(inventory, terminal),
        ["token"] => {
            let parts = ["Get a token", "Account or site"].map(server::guide_part).join("\n");
            terminal.result(&format!("{parts}\n{THEN}"))
        }
        ["trouble"] => terminal.result(&for_terminals(&server::trouble_page())),
        // As docs/troubleshooting.md has it, for whoever writes that page.
        ["trouble", "markdown"] => terminal.result(&server::trouble_page()),
        ["configuration"] => terminal.result(&crate::config::page()),
        ["correlation"] => terminal.result(&correlation()),
        path => terminal.result(&command_help(path)?),
    }
}

/// A page of the documentation as a terminal shows it: each row of a table is a paragraph, and marks are left out.
fn for_terminals(page: &str) -> String {
    let mut out = String::new();
    let mut in_rows = false;
    for line in page.lines().skip_while(|line| line.starts_with("<!--") || line.is_empty()) {
        let Some(row) = line.strip_prefix("| ") else {
            // The line under the headings, after which rows begin.
            in_rows = line.starts_with("|--");
            if !in_rows {
                let _ = writeln!(out, "{}", line.trim_start_matches('#').trim_start().replace('*', ""));
            }
            continue;
        };
        let cells = row.trim_end_matches('|').split(" | ").map(|cell| cell.trim().replace('*', ""));
        for (at, cell) in cells.enumerate().filter(|(_, cell)| in_rows && !cell.is_empty()) {
            let _ = writeln!(out, "{}{cell}", if at == 0 { "" } else { "    " });
        }
        if in_rows {
            out.push('\n');
        }
    }
    out.replace("[set-up.md](set-up.md)", "muster help token")
}

fn command_help(path: &[&str]) -> Result<String, Failure> {
    let mut command = Arguments::command();
    // Flags that every command takes reach the commands only when the whole is built.
    command.build();
    let mut found = &mut command;
    for word in path {
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            Failure::usage(format!("there is no help on {word:?}")).with(
                "Topics: query, fields [INVENTORY], token, configuration, trouble, correlation, and every command: muster --help \
                 lists them.",
            )
        })?;
    }
    Ok(found.render_help().to_string())
}

/// How records become machines: the rules, what forbids it, and what a person can do.
fn correlation() -> String {
    let mut out = String::from(
        "\
Each source's word for a machine is a record. Records that speak of one machine are one asset, and nothing is lost when they
are joined: an asset is what its records say together, so a merge and a split can always be undone.

Two records are joined by the first of these rules that fits. Where it fits several machines that cannot all be one, none
is joined, and you are asked:
",
    );
    for rule in Rule::AUTOMATIC {
        let _ = writeln!(out, "  {:<12}{:<42}{}", rule.code(), rule.short(), rule.words());
    }
    out += "\nNever joined by these rules, not even by way of a third record; a person can, but for V1:\n";
    let organization = ("V1", "they are of two organizations");
    for (code, words) in [organization].into_iter().chain(Veto::AUTOMATIC.map(|veto| (veto.code(), veto.words()))) {
        let _ = writeln!(out, "  {code:<12}{words}");
    }
    out += "
V3 has two exceptions. R40 and R70 take an agent that followed another one of its console for the same machine with another
main board, unless its model or maker differs too; and R75 asks neither for the serial number nor for the instance (V4).

What an integration said that was deleted since is history: it forbids nothing, joins no two machines and is no evidence. Its
records stay with the machine that they were of, or by themselves.

Not used as evidence: what a maker never filled in, addresses that programs give to every host, names such as localhost, and
what two machines that are both alive report: it counts again when all but one have not reported it for 30 days.

What the rules leave open is asked: muster asset review. What a person decides holds against every sync:
  muster asset explain ID               why these records, what people decided, and what speaks against it
  muster asset explain ID --and OTHER   why another one is not this one
  muster asset merge ID ID..            they are one machine
  muster asset split RECORD..           these are another machine; records that only they tie to this asset go along
  muster asset split RECORD.. --alone   these records and no other
  muster asset pin ID                   it stays as it is; a new record of it becomes an asset of its own meanwhile
  muster asset review accept QUESTION   yes, those two are one machine
  muster asset review dismiss QUESTION  no, they are two, and it is not asked again; a new agent may raise another question
  muster asset undo DECISION            takes one of these back, and all is as it was; explain shows each with its dec_..
";
    out
}

/// The fields of one inventory: name, meaning, example.
fn fields(name: &str, terminal: &Terminal) -> Result<(), Failure> {
    let catalogue = inventory::catalogue();
    let listed = || catalogue.inventories.iter().filter(|inventory| inventory.listed);
    let Some(inventory) = catalogue.inventory(name) else {
        let names: Vec<&str> = listed().map(|inventory| inventory.name).collect();
        return Err(
            Failure::usage(format!("there is no inventory {name:?}")).with(format!("There are: {}.", names.join(", ")))
        );
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    let rows = inventory.fields.iter().map(|field| vec![text(field.name), text(field.prose), text(field.example)]);
    let table = Table { columns: ["field", "meaning", "example"].map(str::to_owned).to_vec(), rows: rows.collect() };
    terminal.result(&format!("{}: {}\n\n", inventory.name, inventory.prose))?;
    terminal.table(&table)?;
    let mut more = String::new();
    if !inventory.scopes.is_empty() {
        more.push_str("\nScopes, for what belongs to one of them together:\n");
        for scope in &inventory.scopes {
            let _ = writeln!(more, "  {}:( .. )  {}", scope.name, scope.prose);
        }
    }
    if let Some(raw) = inventory.raw.first() {
        let _ = writeln!(more, "\nAny attribute as its source sent it: @{}.{}.PATH:VALUE", raw.source, raw.kind);
    }
    let others: Vec<&str> = listed().map(|other| other.name).filter(|other| *other != inventory.name).collect();
    let _ = writeln!(more, "\nOther inventories: {}", others.join(", "));
    terminal.result(&more)
}

/// `muster completion SHELL`.
pub fn completion(shell: clap_complete::Shell, terminal: &Terminal) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "muster", &mut script);
    terminal.result(&String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_explains_itself_and_an_unknown_one_says_what_there_is() {
        for command in Arguments::command().get_subcommands() {
            assert!(command_help(&[command.get_name()]).unwrap().contains("Usage:"), "{}", command.get_name());
        }
        assert!(correlation().contains("R60") && correlation().contains("V6"));
        let told = correlation();
        let pool = told.lines().find(|line| line.contains("R75")).unwrap();
        assert!(pool.contains("R75         host name in a group made anew each day "), "it stands alone: {pool}");
        assert!(told.contains("review dismiss QUESTION  no, they are two, and it is not asked again"), "{told}");
        let trouble = for_terminals(&server::trouble_page());
        assert!(trouble.starts_with("When something is wrong\n"), "{trouble}");
        assert!(
            trouble.contains("\nHealthy (connected)\n    Every stream") && !trouble.contains(['|', '*', '#']),
            "{trouble}"
        );
        assert!(command_help(&["tokn"]).unwrap_err().lines().contains("Topics:"));
    }
}
