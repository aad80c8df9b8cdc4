//! `muster site`: where assets live.

use clap::Subcommand;
use inventory::site::SiteError;
use kernel::{Cell, OrgId, Table};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::place::Place;
use crate::terminal::{Terminal, to_the_second};

/// The orders.
#[derive(Subcommand)]
pub enum SiteCommand {
    /// Lists our sites and how many assets live in each
    List {
        /// Prints one JSON object per site
        #[arg(long)]
        json: bool,
    },
    /// Makes a site
    Add {
        /// What to call it
        name: String,
    },
    /// Gives a site another name; its assets stay where they are
    Rename {
        /// Which
        name: String,
        /// What to call it
        to: String,
    },
}

pub async fn run(global: &Global, command: SiteCommand, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let (who, now) = (super::who(), terminal.now());
    match command {
        SiteCommand::List { json } => {
            let read = place.open_to_read()?.read(move |tx| inventory::site::sites(tx, OrgId::DEFAULT)).await?;
            if json {
                let line = |site: &inventory::site::Site| {
                    let at = site.created_at.to_string();
                    let object = serde_json::json!({
                        "id": site.id.to_string(), "name": site.name, "assets": site.assets, "created_at": at,
                    });
                    format!("{object}\n")
                };
                return terminal.result(&read.iter().map(line).collect::<String>());
            }
            if read.is_empty() {
                return terminal.result("There is no site yet; muster connect makes one.\n");
            }
            let rows = read.into_iter().map(|site| {
                let assets = Cell::Int(i64::try_from(site.assets).unwrap_or(i64::MAX));
                vec![Cell::Text(site.name), assets, Cell::Time(to_the_second(site.created_at))]
            });
            let columns = ["site", "assets", "made"].map(str::to_owned).to_vec();
            terminal.table(&Table { columns, rows: rows.collect() })
        }
        SiteCommand::Add { name } => {
            let told = format!("Made site {}.\n", name.trim());
            let opened = place.open_to_write_or_beside()?;
            let write = move |tx: &mut store::Tx<'_>| inventory::site::add_site(tx, OrgId::DEFAULT, &name, &who, now);
            opened.store().write(write).await?;
            terminal.result(&told)
        }
        SiteCommand::Rename { name, to } => {
            let told = format!("{name} is called {} from now on.\n", to.trim());
            let opened = place.open_to_write_or_beside()?;
            let write = move |tx: &mut store::Tx<'_>| sync::rename_site(tx, OrgId::DEFAULT, &name, &to, &who, now);
            opened.store().write(write).await?;
            terminal.result(&told)
        }
    }
}

impl From<SiteError> for Failure {
    fn from(error: SiteError) -> Failure {
        match error {
            SiteError::Store(error) => error.into(),
            SiteError::Inventory(error) => error.into(),
            other => Failure::usage(other.to_string()),
        }
    }
}
