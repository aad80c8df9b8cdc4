//! `muster asset set`, `track` and `untrack`: what a person says of an asset, which no source overwrites.

use inventory::Memory;
use kernel::{AssetId, OrgId};
use store::Tx;

use crate::arguments::Global;
use crate::failure::Failure;
use crate::place::Place;
use crate::terminal::Terminal;

/// The word that stands for an asset's owner in `muster asset set ID owner=NAME`.
const OWNER: &str = "owner";

fn parse(id: &str) -> Result<AssetId, Failure> {
    AssetId::parse(id).ok_or_else(|| {
        Failure::usage(format!("{id:?} is no asset's id")).with("Ids are shown by muster query '' --fields id,name.")
    })
}

/// Types a value into a custom field, or names the owner; nothing behind the = takes it away again.
pub async fn set(global: &Global, id: &str, values: Vec<(String, String)>, terminal: &Terminal) -> Result<(), Failure> {
    let asset = parse(id)?;
    let opened = Place::new(global)?.open_to_write_or_beside()?;
    let (who, now, id) = (super::who(), terminal.now(), id.to_owned());
    let told: String = values
        .iter()
        .map(|(key, value)| match value.as_str() {
            "" => format!("{id}: {key} is no longer set by hand.\n"),
            value => format!("{id}: {key} is {value}, whatever sources say.\n"),
        })
        .collect();
    // All of them, or none.
    let write = move |tx: &mut Tx<'_>| {
        for (key, value) in &values {
            let value = Some(value.as_str()).filter(|value| !value.is_empty());
            let field = key.strip_prefix("field.").unwrap_or(key);
            if key == OWNER {
                inventory::owner::set_owner(tx, OrgId::DEFAULT, &Memory::default(), asset, value, &who, now)?;
            } else {
                inventory::field::set_by_hand(tx, OrgId::DEFAULT, asset, field, value, &who, now)?;
            }
        }
        Ok::<_, Failure>(())
    };
    opened.store().write(write).await?;
    terminal.result(&told)
}

/// Takes an asset's devices out of tracking with a reason, or without one back in.
pub async fn track(global: &Global, id: &str, reason: Option<String>, terminal: &Terminal) -> Result<(), Failure> {
    let asset = parse(id)?;
    let opened = Place::new(global)?.open_to_write_or_beside()?;
    let (who, now, out) = (super::who(), terminal.now(), reason.is_some());
    let write =
        move |tx: &mut Tx<'_>| inventory::hanging::track(tx, OrgId::DEFAULT, asset, reason.as_deref(), &who, now);
    match (opened.store().write(write).await?, out) {
        (0, _) => Err(Failure::usage(format!("{id} has no device that is tracked: only agents are"))),
        (_, true) => terminal.result(&format!(
            "{id} is not tracked any more. Where an integration has --tracked-only yes, its vulnerabilities and findings are \
             left out after the next reading.\n"
        )),
        (_, false) => terminal.result(&format!("{id} is tracked again.\n")),
    }
}

/// `KEY=VALUE`, for the command line.
pub fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as FIELD=VALUE, or FIELD= to take the value away")?;
    match key.trim() {
        "" => Err("a field has a name".to_owned()),
        key => Ok((key.to_owned(), value.to_owned())),
    }
}
