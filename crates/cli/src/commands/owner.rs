//! `muster owner`: who answers for which assets.

use clap::Subcommand;
use inventory::owner::OwnerError;
use inventory::{AskError, Memory};
use kernel::{Cell, OrgId, Table};

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::place::{Opened, Place};
use crate::terminal::{Terminal, counted, to_the_second};

/// The orders.
#[derive(Subcommand)]
pub enum OwnerCommand {
    /// Lists the rules in their order, and how many assets have their owner by each
    List {
        /// Prints one JSON object per rule
        #[arg(long)]
        json: bool,
    },
    /// Adds a rule behind the others
    Add {
        /// The owner
        name: String,
        /// Which assets, in the language: muster help query
        #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
        when: String,
    },
    /// Removes a rule; later ones move up
    Remove {
        /// The number of the rule: muster owner list
        #[arg(value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        position: i64,
    },
}

pub async fn run(global: &Global, command: OwnerCommand, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let (who, now) = (super::who(), terminal.now());
    match command {
        OwnerCommand::List { json } => {
            let rules = place.open_to_read()?.read(move |tx| inventory::owner::owners(tx, OrgId::DEFAULT)).await?;
            if json {
                let line = |rule: &inventory::owner::OwnerRule| {
                    let object = serde_json::json!({
                        "position": rule.position, "owner": rule.name, "when": rule.condition, "assets": rule.assets,
                        "created_at": rule.created_at.to_string(), "created_by": rule.created_by,
                    });
                    format!("{object}\n")
                };
                return terminal.result(&rules.iter().map(line).collect::<String>());
            }
            if rules.is_empty() {
                return terminal.result("There is no rule yet: muster owner add NAME --when QUERY\n");
            }
            let rows = rules.into_iter().map(|rule| {
                let assets = Cell::Int(i64::try_from(rule.assets).unwrap_or(i64::MAX));
                let made = Cell::Time(to_the_second(rule.created_at));
                vec![Cell::Int(rule.position), Cell::Text(rule.name), Cell::Text(rule.condition), assets, made]
            });
            let columns = ["rule", "owner", "when", "assets", "made"].map(str::to_owned).to_vec();
            terminal.table(&Table { columns, rows: rows.collect() })
        }
        OwnerCommand::Add { name, when } => {
            let opened = place.open_to_write_or_beside()?;
            let owner = name.clone();
            let write =
                move |tx: &mut store::Tx<'_>| inventory::owner::add_owner(tx, OrgId::DEFAULT, &owner, &when, &who, now);
            let matching = opened.store().write(write).await.map_err(|error| match error {
                OwnerError::Ask(AskError::Refused(refused)) => {
                    terminal.note(&super::query::mistakes(&refused.text, &refused.problems, terminal));
                    Failure::told(Exit::Usage)
                }
                other => other.into(),
            })?;
            let shown = counted(matching, "asset", &terminal.result_number(matching));
            let told = format!("Added the rule for {name}; by itself it matches {shown}.\n");
            follow(&opened, told, terminal).await
        }
        OwnerCommand::Remove { position } => {
            let opened = place.open_to_write_or_beside()?;
            let write =
                move |tx: &mut store::Tx<'_>| inventory::owner::remove_owner(tx, OrgId::DEFAULT, position, &who, now);
            let rule = opened.store().write(write).await?;
            follow(&opened, format!("Removed rule {position}: {} when {}\n", rule.name, rule.condition), terminal).await
        }
    }
}

/// Lets the rules count at once where this process may write; a worker does so after its next reading.
async fn follow(opened: &Opened, mut told: String, terminal: &Terminal) -> Result<(), Failure> {
    match opened {
        Opened::Writer(store) => {
            let now = terminal.now();
            let write = move |tx: &mut store::Tx<'_>| {
                inventory::owner::evaluate_owners(tx, OrgId::DEFAULT, &Memory::default(), now)
            };
            let evaluated = store.write(write).await?;
            let shown = counted(evaluated.changed, "asset", &terminal.result_number(evaluated.changed));
            told += &format!("{shown} changed hands.\n");
        }
        Opened::Beside { by, .. } => told += &format!("{by} goes by that after its next reading.\n"),
    }
    terminal.result(&told)
}

impl From<OwnerError> for Failure {
    fn from(error: OwnerError) -> Failure {
        match error {
            OwnerError::Ask(error) => error.into(),
            OwnerError::Store(error) => error.into(),
            OwnerError::Inventory(error) => error.into(),
            other => Failure::usage(other.to_string()),
        }
    }
}
