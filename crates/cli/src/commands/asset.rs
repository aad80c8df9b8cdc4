//! `muster asset`: one asset, and what people say of it.

use clap::Subcommand;

use crate::arguments::Global;
use crate::commands::own;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// The orders.
#[derive(Subcommand)]
pub enum AssetCommand {
    /// Types values into custom fields, or names the owner; no source overwrites them
    #[command(after_help = "\
Examples:
  muster asset set ast_00000000000sg cost_centre=4711 owner='Server team'
  muster asset set ast_00000000000sg cost_centre=      the tag's value shows again")]
    Set {
        /// Which asset
        id: String,
        /// What to set: the name of a custom field, or owner; nothing behind the = takes the value away
        #[arg(value_name = "FIELD=VALUE", required = true, value_parser = own::assignment)]
        values: Vec<(String, String)>,
    },
    /// Takes an asset's device out of tracking, with a reason
    Untrack {
        /// Which asset
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Tracks an asset's device again
    Track {
        /// Which asset
        id: String,
    },
}

pub async fn run(global: &Global, command: AssetCommand, terminal: &Terminal) -> Result<(), Failure> {
    match command {
        AssetCommand::Set { id, values } => own::set(global, &id, values, terminal).await,
        AssetCommand::Untrack { id, reason } => own::track(global, &id, Some(reason), terminal).await,
        AssetCommand::Track { id } => own::track(global, &id, None, terminal).await,
    }
}
