//! `muster rekey`: seals every secret again under the first key, so that the others may go.

use access::{REKEY_ROWS, Rekeyed};

use crate::arguments::{Global, Rekey};
use crate::failure::{Exit, Failure};
use crate::place::{Opened, Place};
use crate::terminal::{Terminal, counted};

/// Transactions at most: many more than there can be secrets for.
const STEPS_MAX: u32 = 10_000;

/// How a new key comes to be the first one.
const HOW: &str = "Make a new one, name it, and do this again: openssl rand -hex 32 > new.key && chmod 600 new.key && \
    MUSTER_KEY_FILE=new.key muster rekey";

pub async fn run(global: &Global, asked: &Rekey, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let keys = place.keys()?;
    // What is missing is said before anything is made.
    drop(place.open_to_read()?);
    let ids: Vec<String> = keys.ids().into_iter().map(str::to_owned).collect();
    let Some((first, others)) = ids.split_first() else {
        return Err(Failure::usage("no key was found").with(HOW));
    };
    let opened = place.open_to_write_or_beside()?;
    let (mut done, who) = (0, super::who());
    for _ in 0..STEPS_MAX {
        let (keys, who, now) = (keys.clone(), who.clone(), terminal.now());
        let step: Rekeyed = opened.store().write(move |tx| access::rekey(tx, &keys, REKEY_ROWS, &who, now)).await?;
        done += step.done;
        if step.left == 0 {
            return told(asked, &opened, (first, others), done, terminal);
        }
    }
    Err(Failure::new(Exit::Incomplete, "somebody seals with an old key while this runs")
        .with("What was sealed again stays so. Start the service with the new key first, then do this again."))
}

fn told(
    asked: &Rekey,
    opened: &Opened,
    (first, others): (&str, &[String]),
    done: u64,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if done == 0 && others.is_empty() {
        return Err(
            Failure::usage(format!("key {first} is the only one, and everything is sealed with it already")).with(HOW)
        );
    }
    if asked.json {
        let told = serde_json::json!({ "key": first, "others": others, "sealed_again": done });
        terminal.result(&format!("{told}\n"))?;
    } else {
        let what = counted(done, "secret", &terminal.result_number(done));
        terminal.result(&format!("{what} sealed again; key {first} opens everything.\n"))?;
    }
    if let Opened::Beside { by, .. } = opened {
        terminal.note(&format!(
            "{by} knows the keys that it was started with. Start it again if this one is not among them."
        ));
    }
    if !others.is_empty() {
        terminal.note(&format!(
            "Nothing needs key {} any more. Put the new one in its place wherever Muster runs. Backups of before open with the old \
             one alone: keep a copy with them.",
            others.join(", ")
        ));
    }
    Ok(())
}
