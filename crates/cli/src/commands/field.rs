//! `muster field`: custom fields of assets.

use clap::{Subcommand, ValueEnum};
use inventory::field::{FieldError, FieldKind, Filling};
use kernel::{Cell, OrgId, Table};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::place::Place;
use crate::terminal::{Terminal, counted, to_the_second};

/// The orders.
#[derive(Subcommand)]
pub enum FieldCommand {
    /// Lists custom fields and how many assets have a value
    List {
        /// Prints one JSON object per field
        #[arg(long)]
        json: bool,
    },
    /// Makes a field, and fills it from the tags that are stored
    Add {
        /// Its name: the key of the tags that fill it, letter by letter
        key: String,
        /// What its values are
        #[arg(long = "type", value_enum, value_name = "TYPE", default_value = "text")]
        kind: Kind,
        /// The values of a choice, separated by commas
        #[arg(long, value_name = "VALUE,..", value_delimiter = ',')]
        choices: Vec<String>,
    },
    /// Removes a field and all its values, those typed by hand too; tags stay
    Remove {
        /// Which
        key: String,
    },
}

/// What the values of a field are.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// A day or an instant.
    Date,
    /// One of --choices.
    Choice,
}

pub async fn run(global: &Global, command: FieldCommand, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let (who, now) = (super::who(), terminal.now());
    match command {
        FieldCommand::List { json } => {
            let fields = place.open_to_read()?.read(move |tx| inventory::field::fields(tx, OrgId::DEFAULT)).await?;
            if json {
                let line = |field: &inventory::field::CustomField| {
                    let choices = match &field.kind {
                        FieldKind::Choice(choices) => Some(choices),
                        _ => None,
                    };
                    let object = serde_json::json!({
                        "key": field.key, "type": field.kind.word(), "choices": choices, "assets": field.filled,
                        "created_at": field.created_at.to_string(), "created_by": field.created_by,
                    });
                    format!("{object}\n")
                };
                return terminal.result(&fields.iter().map(line).collect::<String>());
            }
            if fields.is_empty() {
                return terminal.result("There is no custom field yet: muster field add KEY\n");
            }
            let rows = fields.into_iter().map(|field| {
                let kind = match &field.kind {
                    FieldKind::Choice(choices) => format!("choice of {}", choices.join(", ")),
                    kind => kind.word().to_owned(),
                };
                let assets = Cell::Int(i64::try_from(field.filled).unwrap_or(i64::MAX));
                let made = Cell::Time(to_the_second(field.created_at));
                vec![Cell::Text(field.key), Cell::Text(kind), assets, made]
            });
            let columns = ["field", "type", "assets", "made"].map(str::to_owned).to_vec();
            terminal.table(&Table { columns, rows: rows.collect() })
        }
        FieldCommand::Add { key, kind, choices } => {
            if kind != Kind::Choice && !choices.is_empty() {
                return Err(Failure::usage("--choices belong to --type choice"));
            }
            let kind = match kind {
                Kind::Text => FieldKind::Text,
                Kind::Number => FieldKind::Number,
                Kind::Date => FieldKind::Date,
                Kind::Choice => FieldKind::Choice(choices),
            };
            let opened = place.open_to_write_or_beside()?;
            let made = key.clone();
            let write =
                move |tx: &mut store::Tx<'_>| inventory::field::add_field(tx, OrgId::DEFAULT, &made, &kind, &who, now);
            opened.store().write(write).await?;
            let mut filling = Some(Filling::begin(now));
            while let Some(at) = filling {
                let write = move |tx: &mut store::Tx<'_>| inventory::field::fill(tx, OrgId::DEFAULT, at);
                filling = opened.store().write(write).await?;
            }
            let fields = opened.store().read(move |tx| inventory::field::fields(tx, OrgId::DEFAULT)).await?;
            let filled = fields.iter().find(|field| field.key == key).map_or(0, |field| field.filled);
            let shown = counted(filled, "asset", &terminal.result_number(filled));
            terminal.result(&format!("Made field {key}; tags fill it on {shown}. Ask: field.{key}:VALUE\n"))
        }
        FieldCommand::Remove { key } => {
            let opened = place.open_to_write_or_beside()?;
            let gone = key.clone();
            let write =
                move |tx: &mut store::Tx<'_>| inventory::field::remove_field(tx, OrgId::DEFAULT, &gone, &who, now);
            let values = opened.store().write(write).await?;
            let shown = counted(values, "value", &terminal.result_number(values));
            terminal.result(&format!("Removed field {key} and its {shown}. Tags are as they were.\n"))
        }
    }
}

impl From<FieldError> for Failure {
    fn from(error: FieldError) -> Failure {
        match error {
            FieldError::Store(error) => error.into(),
            FieldError::Inventory(error) => error.into(),
            other => Failure::usage(other.to_string()),
        }
    }
}
