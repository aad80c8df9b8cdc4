//! `muster log`: what the log holds, and for how long.

use clap::Subcommand;
use jobs::World;
use kernel::OrgId;
use signals::{Keep, LogStatus};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::place::{Opened, Place};
use crate::terminal::{Terminal, counted, size};

/// The orders.
#[derive(Subcommand)]
pub enum LogCommand {
    /// Shows what the log holds, who follows it, and for how long it is kept
    Status {
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Decides for how long versions are kept, and removes what is older
    #[command(after_help = "\
The latest version of every record stays, and nothing goes before every sink has it. Without a limit, everything is \
kept. Questions about the past and replays reach as far back as the log does. muster serve removes once a day.

Examples:
  muster log retain --keep-days 90
  muster log retain --keep-size 20GB
  muster log retain --keep-everything
  muster log retain                          removes by the limits that were set before")]
    Retain {
        /// Keeps versions for so many days
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep_days: Option<u32>,
        /// Removes the oldest versions while the log is larger than this, such as 20GB
        #[arg(long, value_name = "SIZE", value_parser = super::sink::bytes)]
        keep_size: Option<u64>,
        /// Lifts both limits
        #[arg(long, conflicts_with_all = ["keep_days", "keep_size"])]
        keep_everything: bool,
    },
    /// Brings the full-text index to the end of the log
    Index {
        /// Makes it anew
        #[arg(long)]
        rebuild: bool,
    },
}

const ORG: OrgId = OrgId::DEFAULT;

pub async fn run(global: &Global, command: LogCommand, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    match command {
        LogCommand::Status { json } => status(&place, json, terminal).await,
        LogCommand::Retain { keep_days, keep_size, keep_everything } => {
            let change = Keep { days: keep_days, bytes: keep_size };
            retain(&place, change, keep_everything, terminal).await
        }
        LogCommand::Index { rebuild } => index(&place, rebuild, terminal).await,
    }
}

async fn status(place: &Place, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let status = place.open_to_read()?.read(|tx| signals::log_status(tx, ORG)).await?;
    if json {
        let told = serde_json::json!({
            "artifacts": status.artifacts,
            "last_seq": status.last_seq,
            "oldest": status.oldest.map(|at| at.to_string()),
            "bytes": status.bytes,
            "raw_bytes": status.raw_bytes,
            "unindexed": status.unindexed,
            "keep_days": status.keep.days,
            "keep_bytes": status.keep.bytes,
            "removed_artifacts": status.removed_artifacts,
            "removed_bytes": status.removed_bytes,
            "removed_at": status.removed_at.map(|at| at.to_string()),
            "delivered_seq": status.delivered.as_ref().map(|(seq, _)| *seq),
            "slowest_sink": status.delivered.as_ref().map(|(_, name)| name),
        });
        return terminal.result(&format!("{told}\n"));
    }
    terminal.result(&told(&status, terminal))
}

fn told(status: &LogStatus, terminal: &Terminal) -> String {
    let number = |number: u64| terminal.result_number(number);
    let mut lines = vec![format!(
        "log        {} ({} before compression)",
        counted(status.artifacts, "artifact", &number(status.artifacts)) + &format!(", {}", size(status.bytes)),
        size(status.raw_bytes)
    )];
    if let Some(oldest) = status.oldest {
        lines.push(format!("oldest     {}", terminal.result_time(oldest, false)));
    }
    lines.push(match status.unindexed {
        0 => "full text  up to date".to_owned(),
        behind => format!("full text  {} to be indexed", counted(behind, "artifact", &number(behind))),
    });
    lines.push(match &status.delivered {
        None => "sinks      none".to_owned(),
        Some((seq, name)) => {
            let behind = (status.last_seq - seq).max(0).unsigned_abs();
            format!("sinks      {name} is furthest behind, by {}", counted(behind, "artifact", &number(behind)))
        }
    });
    lines.push(format!("kept       {}", kept(status.keep)));
    if status.removed_artifacts > 0 {
        let removed = counted(status.removed_artifacts, "artifact", &number(status.removed_artifacts));
        lines.push(format!("removed    {removed}, {}", size(status.removed_bytes)));
    }
    lines.join("\n") + "\n"
}

fn kept(keep: Keep) -> String {
    match (keep.days, keep.bytes) {
        (None, None) => "everything".to_owned(),
        (Some(days), None) => format!("for {}", counted(days.into(), "day", &days.to_string())),
        (None, Some(bytes)) => format!("up to {}", size(bytes)),
        (Some(days), Some(bytes)) => {
            format!("for {}, and up to {}", counted(days.into(), "day", &days.to_string()), size(bytes))
        }
    }
}

async fn retain(place: &Place, change: Keep, everything: bool, terminal: &Terminal) -> Result<(), Failure> {
    let opened = place.open_to_write_or_beside()?;
    let set = opened.store().write(move |tx| {
        let known = signals::keep(tx, ORG)?;
        let keep = match everything {
            true => Keep::default(),
            false => Keep { days: change.days.or(known.days), bytes: change.bytes.or(known.bytes) },
        };
        if keep != known {
            signals::set_keep(tx, ORG, keep)?;
        }
        Ok::<_, signals::SignalsError>(keep)
    });
    let keep = set.await?;
    terminal.result(&format!("The log is kept: {}.\n", kept(keep)))?;
    let store = match opened {
        Opened::Beside { by, .. } => {
            terminal.note(&format!("{by} goes by that, once a day."));
            return Ok(());
        }
        Opened::Writer(store) => store,
    };
    if keep == Keep::default() {
        return Ok(());
    }
    let removed = signals::retain(&store, &World::real(), ORG).await?;
    let artifacts = counted(removed.artifacts, "artifact", &terminal.result_number(removed.artifacts));
    terminal.result(&format!("Removed {artifacts}, {}.\n", size(removed.bytes)))?;
    if let Some(sink) = removed.held_by {
        terminal.note(&format!("More would go, but sink {sink} does not have it yet."));
    }
    Ok(())
}

async fn index(place: &Place, rebuild: bool, terminal: &Terminal) -> Result<(), Failure> {
    let store = place.open_to_write()?;
    if rebuild {
        store.write(|tx| signals::rebuild_index(tx, ORG)).await?;
    }
    let indexed = signals::index(&store, &World::real(), ORG).await?;
    let artifacts = counted(indexed.artifacts, "artifact", &terminal.result_number(indexed.artifacts));
    terminal.result(&format!("Indexed {artifacts}.\n"))?;
    if indexed.cut > 0 {
        terminal.note(&format!(
            "{} had more words than the index takes; only the first are found.",
            terminal.number(indexed.cut)
        ));
    }
    Ok(())
}
