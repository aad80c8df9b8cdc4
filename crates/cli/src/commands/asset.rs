//! `muster asset`: one asset, and what people say of it.

use clap::Subcommand;

use crate::arguments::Global;
use crate::commands::own;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// The orders.
#[derive(Subcommand)]
pub enum AssetCommand {
    /// Shows why an asset is made of its records, or why another one is not one with it
    #[command(after_help = "\
Each record is shown with the rule that brought it here and what it has in common with another one. What says nothing, \
such as a serial number that a maker never filled in, or a dock's address, is listed with the reason.

Examples:
  muster asset explain ast_00000000000sg
  muster asset explain ast_00000000000sg --and ast_00000000000tz

The rules: muster help correlation")]
    Explain(super::asset_links::Explain),
    /// Says that assets are one machine; no sync parts them again
    Merge(super::asset_links::Merge),
    /// Says that records are another machine than the rest of their asset; no sync joins them again
    Split(super::asset_links::Split),
    /// Says that an asset is right as it is: no record leaves it, and none joins it
    Pin(super::asset_links::Pin),
    /// Takes a pin back, so that the rules decide again
    Unpin(super::asset_links::Pin),
    /// Lists what correlation leaves to you: likely pairs, clones, contradictions
    Review(super::asset_links::ReviewOrder),
    /// Takes a decision back: a merge, a split, the answer to a question, a pin
    #[command(after_help = "\
What held before the decision holds again, and what nobody had decided is open again. Of decisions about the same records, \
the latest is taken back first.

Examples:
  muster asset explain ast_00000000000sg                 shows what people decided, each with its dec_..
  muster asset undo dec_00000000000tz --reason 'the wrong two'")]
    Undo(super::asset_links::Undo),
    /// Says that the machines of a console group are made anew each day, such as virtual desktops
    Pool(super::asset_links::Pool),
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
    /// Shows what changed on an asset, when, and which source said so
    #[command(after_help = "\
The latest change comes first. A record that a source brought for the first time stands as the field record, with how \
much it said, and what the asset says otherwise since; --each tells each of these values by itself. What people decided \
stands as the field decision. What moves with every sweep (last_seen, active) has no history. Records that came from another asset or \
went to one stand as the field asset, those of one decision in one line; with --each, each by itself.

Examples:
  muster asset history ast_00000000000sg
  muster asset history ast_00000000000sg --since 7d --field os
  muster query 'os:windows' --count --as-of 2026-11-01       the same about all of them, as it was")]
    History(super::asset_history::History),
    /// Decides for how long changes of assets and all else are kept, and removes what is older
    #[command(after_help = "\
History and --as-of reach as far back as this. Without a limit, everything is kept.

Examples:
  muster asset retain --keep-days 400
  muster asset retain --keep-everything
  muster asset retain                        removes by the limit that was set before")]
    Retain(super::asset_history::Retain),
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
        AssetCommand::Explain(order) => super::asset_links::explain(global, order, terminal).await,
        AssetCommand::Merge(order) => super::asset_links::merge(global, order, terminal).await,
        AssetCommand::Split(order) => super::asset_links::split(global, order, terminal).await,
        AssetCommand::Pin(order) => super::asset_links::pin(global, order, true, terminal).await,
        AssetCommand::Unpin(order) => super::asset_links::pin(global, order, false, terminal).await,
        AssetCommand::Review(order) => super::asset_links::review(global, order, terminal).await,
        AssetCommand::Undo(order) => super::asset_links::undo(global, order, terminal).await,
        AssetCommand::Pool(order) => super::asset_links::pool(global, order, terminal).await,
        AssetCommand::Set { id, values } => own::set(global, &id, values, terminal).await,
        AssetCommand::Untrack { id, reason } => own::track(global, &id, Some(reason), terminal).await,
        AssetCommand::History(history) => super::asset_history::history(global, history, terminal).await,
        AssetCommand::Retain(retain) => super::asset_history::retain(global, retain, terminal).await,
        AssetCommand::Track { id } => own::track(global, &id, None, terminal).await,
    }
}
