//! What people say of many assets at once: their owner, and custom fields.

use axum::extract::State;
use axum::response::Response;
use inventory::Memory;
use kernel::AssetId;
use ui::{Select, Tone};

use crate::fields::{Fields, Sent};
use crate::{App, Problem, Visitor, respond};

/// Assets that one form sets at most.
const CHOSEN_MAX: usize = 500;

/// Reads the assets that were chosen.
pub(super) fn chosen<'a>(ids: impl Iterator<Item = &'a str>) -> Result<Vec<AssetId>, Problem> {
    let ids = ids.map(super::decide::asset_id).collect::<Result<Vec<_>, _>>()?;
    match ids.len() {
        0 => Err(Problem::invalid("No asset is chosen. Tick at least one.")),
        1..=CHOSEN_MAX => Ok(ids),
        _ => Err(Problem::invalid(format!("At most {CHOSEN_MAX} assets are changed at once."))),
    }
}

/// Names the owner of assets, in one transaction; with none, the rules decide again.
pub(super) async fn set_owner(
    app: &App,
    visitor: &Visitor,
    assets: Vec<AssetId>,
    owner: Option<&str>,
) -> Result<usize, Problem> {
    let (org, who, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let owner = owner.map(str::trim).filter(|owner| !owner.is_empty()).map(str::to_owned);
    let set = app.store.write(move |tx| {
        for asset in &assets {
            inventory::owner::set_owner(tx, org, &Memory::default(), *asset, owner.as_deref(), &who, now)?;
        }
        if owner.is_none() {
            inventory::owner::evaluate_owners(tx, org, &Memory::default(), now)?;
        }
        Ok::<_, Problem>(assets.len())
    });
    set.await
}

/// Sets a custom field of assets by hand, in one transaction; without a value, tags decide again.
pub(super) async fn set_field(
    app: &App,
    visitor: &Visitor,
    assets: Vec<AssetId>,
    key: String,
    value: Option<String>,
) -> Result<usize, Problem> {
    let (org, who, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let set = app.store.write(move |tx| {
        for asset in &assets {
            inventory::field::set_by_hand(tx, org, *asset, &key, value.as_deref(), &who, now)?;
        }
        Ok::<_, Problem>(assets.len())
    });
    set.await
}

/// Where a form of a list leads back to.
fn back(sent: &Fields) -> &str {
    sent.opt("back").unwrap_or("/assets")
}

/// `POST /assets/owner`
pub(super) async fn owner_sent(
    State(app): State<App>,
    visitor: Visitor,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let assets = chosen(sent.all(Select::NAME))?;
    let owner = sent.get("owner").trim().to_owned();
    let count = set_owner(&app, &visitor, assets, Some(&owner)).await?;
    let assets = ui::noun(count as u64, "asset", "assets");
    let then = match owner.as_str() {
        "" => format!("The rules decide again whose {assets} it is."),
        owner => format!("{owner} owns {assets} now, whatever the rules say."),
    };
    Ok(respond::see_other_saying(back(&sent), Tone::Ok, "Saved.", &then))
}

/// `POST /assets/field`
pub(super) async fn field_sent(
    State(app): State<App>,
    visitor: Visitor,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let assets = chosen(sent.all(Select::NAME))?;
    let (key, value) = (sent.get("field").to_owned(), sent.get("value").trim().to_owned());
    if key.is_empty() {
        return Err(Problem::invalid("Choose the field to set."));
    }
    let said = format!("{key} of {}", ui::noun(assets.len() as u64, "asset", "assets"));
    let then = match value.as_str() {
        "" => format!("{said} is again what tags say."),
        value => format!("{said} is {value} now."),
    };
    set_field(&app, &visitor, assets, key, Some(value).filter(|value| !value.is_empty())).await?;
    Ok(respond::see_other_saying(back(&sent), Tone::Ok, "Saved.", &then))
}
