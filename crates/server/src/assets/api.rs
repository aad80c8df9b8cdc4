//! An asset as programs read it.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use inventory::correlate::directive;
use inventory::correlate::explain::{Subject, compare};
use inventory::correlate::remainder;
use inventory::correlate::rules::Followed;
use kernel::AssetId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Tx;

use super::{decide, load, own};
use crate::fields::{Asked, body as read};
use crate::{App, Problem, Visitor, respond};

/// An asset.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Asset {
    /// Its id today.
    id: String,
    /// What it is and who knows it, in a line.
    what: String,
    /// What is known of it, by field.
    fields: BTreeMap<String, Value>,
    /// Its custom fields that have a value.
    custom: BTreeMap<String, String>,
    /// Its tags, as its sources say them now.
    tags: Vec<Tag>,
    /// Its records, the oldest first.
    records: Vec<Record>,
    /// Where each value is from.
    values: Vec<Said>,
    /// Its addresses, those that were measured first.
    addresses: Vec<Address>,
    /// How many rows of other inventories hang on it.
    counts: BTreeMap<String, u64>,
}

/// A tag.
#[derive(Debug, Serialize, JsonSchema)]
struct Tag {
    key: String,
    /// Empty where the tag is a word alone.
    value: String,
}

/// What one source said.
#[derive(Debug, Serialize, JsonSchema)]
struct Record {
    id: String,
    integration: Option<String>,
    source: String,
    native_id: String,
    name: Option<String>,
    /// By which rule it belongs to the asset.
    rule: String,
    /// The same as a clause.
    because: String,
    since: String,
    by: String,
}

/// A value, and who says so.
#[derive(Debug, Serialize, JsonSchema)]
struct Said {
    attribute: String,
    value: String,
    record: String,
    /// Why this record and no other.
    why: String,
}

/// An address.
#[derive(Debug, Serialize, JsonSchema)]
struct Address {
    address: String,
    /// Measured rather than told by the machine itself.
    primary: bool,
    observed_at: Option<String>,
    sources: Vec<String>,
}

/// `GET /api/v1/assets/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let detail = app.store.read(move |tx| load(tx, org, &id, now)).await?;
    let columns = detail.fields.keys().map(|name| (*name).to_owned()).collect();
    let row = kernel::Table { columns, rows: vec![detail.fields.into_values().collect()] };
    let asset = Asset {
        id: detail.asset.to_string(),
        what: detail.explained.what(&detail.integrations),
        // The writer of tables decides what a value looks like; the rest of the answer goes around it.
        fields: serde_json::from_str(&reports::json::elements(&row)).unwrap_or_default(),
        custom: detail.custom.into_iter().collect(),
        tags: detail.tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
        records: detail
            .explained
            .records
            .iter()
            .map(|of| Record {
                id: of.record.to_string(),
                integration: detail.integrations.get(&of.integration).cloned(),
                source: of.source.clone(),
                native_id: of.native_id.clone(),
                name: of.name.clone(),
                rule: of.rule.code().to_owned(),
                because: of.because().to_owned(),
                since: of.since.to_string(),
                by: of.by.clone(),
            })
            .collect(),
        values: detail
            .winners
            .into_iter()
            .map(|of| Said {
                attribute: of.attribute.to_owned(),
                value: of.value,
                record: of.record.to_string(),
                why: of.why,
            })
            .collect(),
        addresses: detail
            .addresses
            .into_iter()
            .map(|of| Address {
                address: of.ip.to_string(),
                primary: of.measured,
                observed_at: of.observed_at.map(|at| at.to_string()),
                sources: of.sources,
            })
            .collect(),
        counts: detail.parts.iter().map(|part| (part.inventory.name.to_owned(), part.total)).collect(),
    };
    Ok(respond::tagged(&headers, "application/json", serde_json::to_vec(&asset).unwrap_or_default()))
}

/// Why records are one machine, or two assets are not.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Why {
    /// The asset's id today.
    asset: String,
    /// Whether a person pinned it.
    pinned: bool,
    /// Its records and why they belong to it.
    records: Vec<Linked>,
    /// What people decided about it, the oldest first.
    decisions: Vec<Made>,
    /// Values of its records that say nothing about which machine it is.
    ignored: Vec<Ignored>,
    /// Assets with another system on the same hardware.
    same_hardware: Vec<String>,
    /// Questions about it that are left to people.
    open_questions: Vec<String>,
    /// What speaks for and against one machine; only where another was named.
    compared: Option<Compared>,
}

/// A record, and why it belongs here.
#[derive(Debug, Serialize, JsonSchema)]
struct Linked {
    record: String,
    rule: String,
    because: String,
    /// What it has in common with the record that it joined: kind and value.
    evidence: Vec<(String, String)>,
    /// The record that it joined.
    partner: Option<String>,
    since: String,
    by: String,
    /// Why, in the words of whoever decided it.
    reason: String,
    /// Of an agent that came after another one of the machine: when, and why the two may be one machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    followed: Option<String>,
}

/// What a person decided.
#[derive(Debug, Serialize, JsonSchema)]
struct Made {
    /// Its id, which undo takes.
    id: String,
    /// `merged`, `split`, `accepted`, `dismissed` or `pinned`.
    what: String,
    /// The same as a clause behind the person who decided it.
    words: String,
    at: String,
    by: String,
    reason: String,
    /// Who took it back.
    undone_by: Option<String>,
    undone_at: Option<String>,
    /// Whether it can be taken back now.
    stands: bool,
}

/// A value that says nothing.
#[derive(Debug, Serialize, JsonSchema)]
struct Ignored {
    record: String,
    kind: String,
    value: String,
    why: String,
}

/// Two sides, compared.
#[derive(Debug, Serialize, JsonSchema)]
struct Compared {
    /// The asset on the other side; none for a record that is left out.
    other: Option<String>,
    /// Whether they are one already.
    one: bool,
    /// What it comes to, as a sentence.
    verdict: String,
    /// The veto that forbids it.
    veto: Option<String>,
    /// The rule that nearly joins them.
    nearest: Option<String>,
    /// Values that both have: kind and value.
    common: Vec<(String, String)>,
    /// Values of one kind that differ: kind, this side's, the other's.
    differing: Vec<(String, Vec<String>, Vec<String>)>,
}

/// What a decision came to.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Decided {
    /// The asset from now on.
    asset: String,
    /// What was split off is this asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    split_off: Option<String>,
    /// Why what stays may still mix two machines: records that say what one says that was split off.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_behind: Option<String>,
    /// Records that came from other assets, or went along with those that were split off.
    records: Vec<String>,
    /// What was decided, which undo takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<String>,
}

/// What is taken back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Undo {
    /// A decision about the asset, `dec_..`.
    decision: String,
    /// Why, for the audit trail.
    #[serde(default)]
    reason: String,
}

/// What is merged.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Merge {
    /// The other assets.
    with: Vec<String>,
    /// Why, for the audit trail.
    #[serde(default)]
    reason: String,
}

/// What is split off.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    /// Records of the asset, not all of them.
    records: Vec<String>,
    /// Why, for the audit trail.
    #[serde(default)]
    reason: String,
}

/// Why.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// Why, for the audit trail.
    #[serde(default)]
    reason: String,
}

/// Whose assets are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    /// The assets.
    assets: Vec<String>,
    /// The owner; nothing lets the rules decide again.
    owner: Option<String>,
}

/// What a custom field of assets is.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "FieldValue")]
#[serde(deny_unknown_fields)]
pub(super) struct FieldValue {
    /// The assets.
    assets: Vec<String>,
    /// The field's name.
    field: String,
    /// Its value; nothing lets tags decide again.
    value: Option<String>,
}

/// How many were set.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Set {
    /// So many assets.
    assets: usize,
}

/// `GET /api/v1/assets/{id}/explain`
pub(super) async fn why(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Json<Why>, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let asset = decide::asset_id(&id)?;
    let other = match asked.opt("and").filter(|text| !text.is_empty()) {
        Some(text) => Some(Subject::parse(text).ok_or_else(|| Problem::missing("asset or record"))?),
        None => None,
    };
    let told = app.store.read(move |tx| {
        let explained = inventory::correlate::explain::explain(tx, org, asset)?;
        let compared = match other {
            Some(other) => Some(compare(tx, org, Subject::Asset(asset), other, now)?),
            None => None,
        };
        Ok::<_, Problem>((explained, compared))
    });
    let (told, compared) = told.await?;
    let pairs = |all: &[(&'static str, String)]| {
        all.iter().map(|(kind, value)| ((*kind).to_owned(), value.clone())).collect::<Vec<_>>()
    };
    Ok(Json(Why {
        asset: told.asset.to_string(),
        pinned: told.pinned,
        records: told
            .records
            .iter()
            .map(|of| Linked {
                record: of.record.to_string(),
                rule: of.rule.code().to_owned(),
                because: of.because().to_owned(),
                evidence: pairs(&of.evidence),
                partner: of.partner.map(|partner| partner.to_string()),
                since: of.since.to_string(),
                by: of.by.clone(),
                reason: of.reason.clone(),
                followed: of.followed.as_ref().map(Followed::words),
            })
            .collect(),
        ignored: told
            .ignored
            .iter()
            .map(|of| Ignored {
                record: of.record.to_string(),
                kind: of.kind.to_owned(),
                value: of.value.clone(),
                why: of.why.words(),
            })
            .collect(),
        decisions: told
            .decisions
            .iter()
            .map(|made| Made {
                id: made.id.to_string(),
                what: made.what.as_str().to_owned(),
                words: made.words(told.asset),
                at: made.said.at.to_string(),
                by: made.said.by.clone(),
                reason: made.said.reason.clone(),
                undone_by: made.undone.as_ref().map(|said| said.by.clone()),
                undone_at: made.undone.as_ref().map(|said| said.at.to_string()),
                stands: made.stands,
            })
            .collect(),
        same_hardware: told.same_hardware.iter().map(AssetId::to_string).collect(),
        open_questions: told.reviews.iter().map(|review| review.id.clone()).collect(),
        compared: compared.map(|of| Compared {
            other: of.assets.1.map(|asset| asset.to_string()),
            one: of.assets.0.is_some() && of.assets.0 == of.assets.1,
            verdict: of.verdict(),
            veto: of.veto.map(|(veto, ..)| veto.code().to_owned()),
            nearest: of.nearest.map(|nearest| nearest.rule.code().to_owned()),
            common: of.common.iter().map(|common| (common.kind.to_owned(), common.value.clone())).collect(),
            differing: of.differing.into_iter().map(|of| (of.kind.to_owned(), of.one, of.other)).collect(),
        }),
    }))
}

/// `POST /api/v1/assets/{id}/merge`
pub(super) async fn merge(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Decided>, Problem> {
    let sent: Merge = read(&body)?;
    let ids = std::iter::once(id.as_str()).chain(sent.with.iter().map(String::as_str));
    let assets = ids.map(decide::asset_id).collect::<Result<Vec<_>, _>>()?;
    let done = decide::decide(&app, &visitor, sent.reason, move |tx, by| decide::merge(tx, by, &assets)).await?;
    let records = done.joined.iter().map(ToString::to_string).collect();
    let decision = done.decision.map(|id| id.to_string());
    Ok(Json(Decided { asset: done.asset.to_string(), split_off: None, left_behind: None, records, decision }))
}

/// `POST /api/v1/assets/{id}/undo`
pub(super) async fn undo(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Decided>, Problem> {
    let sent: Undo = read(&body)?;
    let (asset, decision) = (decide::asset_id(&id)?, decide::decision_id(&sent.decision)?);
    let undo = decide::decide(&app, &visitor, sent.reason, move |tx, by| decide::undo(tx, by, asset, decision));
    Ok(Json(Decided {
        asset: undo.await?.to_string(),
        split_off: None,
        left_behind: None,
        records: Vec::new(),
        decision: None,
    }))
}

/// `POST /api/v1/assets/{id}/split`
pub(super) async fn split(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Decided>, Problem> {
    let sent: Split = read(&body)?;
    let asset = decide::asset_id(&id)?;
    let records = decide::record_ids(sent.records.iter().map(String::as_str))?;
    let split = move |tx: &mut Tx<'_>, by: &directive::Decision<'_>| {
        Ok((decide::split(tx, by, asset, &records)?, decide::decided_now(tx, by, records.first())?))
    };
    let (done, decision) = decide::decide(&app, &visitor, sent.reason, split).await?;
    let decision = decision.map(|id| id.to_string());
    let records = done.carried.iter().map(ToString::to_string).collect();
    let left_behind = (!done.left.is_empty()).then(|| remainder::words(&done.left));
    let (asset, split_off) = (done.stays.to_string(), Some(done.off.to_string()));
    Ok(Json(Decided { asset, split_off, left_behind, records, decision }))
}

/// `PUT /api/v1/assets/{id}/pin`
pub(super) async fn pin(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Decided>, Problem> {
    let sent: Reason = if body.is_empty() { Reason::default() } else { read(&body)? };
    let asset = decide::asset_id(&id)?;
    let pin = move |tx: &mut Tx<'_>, by: &directive::Decision<'_>| {
        let asset = directive::pin(tx, by, asset)?;
        let records = directive::records_of(tx, by.org, asset)?;
        Ok((asset, decide::decided_now(tx, by, records.first())?))
    };
    let (asset, decision) = decide::decide(&app, &visitor, sent.reason, pin).await?;
    let decision = decision.map(|id| id.to_string());
    Ok(Json(Decided { asset: asset.to_string(), split_off: None, left_behind: None, records: Vec::new(), decision }))
}

/// `DELETE /api/v1/assets/{id}/pin`
pub(super) async fn unpin(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Json<Decided>, Problem> {
    let asset = decide::asset_id(&id)?;
    let asset = decide::decide(&app, &visitor, String::new(), move |tx, by| directive::unpin(tx, by, asset)).await?;
    Ok(Json(Decided {
        asset: asset.to_string(),
        split_off: None,
        left_behind: None,
        records: Vec::new(),
        decision: None,
    }))
}

/// `POST /api/v1/assets/owner`
pub(super) async fn owner(State(app): State<App>, visitor: Visitor, body: Bytes) -> Result<Json<Set>, Problem> {
    let sent: Owner = read(&body)?;
    let assets = own::chosen(sent.assets.iter().map(String::as_str))?;
    let assets = own::set_owner(&app, &visitor, assets, sent.owner.as_deref()).await?;
    Ok(Json(Set { assets }))
}

/// `POST /api/v1/assets/field`
pub(super) async fn field(State(app): State<App>, visitor: Visitor, body: Bytes) -> Result<Json<Set>, Problem> {
    let sent: FieldValue = read(&body)?;
    let assets = own::chosen(sent.assets.iter().map(String::as_str))?;
    let value = sent.value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let assets = own::set_field(&app, &visitor, assets, sent.field, value).await?;
    Ok(Json(Set { assets }))
}
