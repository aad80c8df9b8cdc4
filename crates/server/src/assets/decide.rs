//! What people decide about which records are one machine: merge, split, pin, and the way back.

use axum::extract::{Path, State};
use axum::response::Response;
use inventory::correlate::directive::{self, Decision, DirectiveError, Parted};
use inventory::correlate::explain::{Compared, Subject, Why, compare};
use inventory::{Ask, Memory};
use kernel::{AssetId, OrgId, RecordId, Timestamp};
use store::Tx;
use ui::{Button, Card, Empty, Field, Icon, Kind, Markup, Place, Row, Table, Tone, Weight, html};

use super::{Detail, load, name};
use crate::fields::{Asked, Fields, Sent, address};
use crate::inventories::{cell, icon_of_type, text};
use crate::problem::capital;
use crate::{App, Problem, Visitor, respond};

/// Assets that are offered to be merged with.
const OFFERED: usize = 10;
/// A merge of more records is taken back record by record.
const UNDO_RECORDS_MAX: usize = 50;

/// What came of a merge.
pub(super) struct Merged {
    /// The asset from now on.
    pub(super) asset: AssetId,
    /// Its records that were another asset's.
    pub(super) joined: Vec<RecordId>,
}

/// Takes one decision, in one transaction.
pub(super) async fn decide<T: Send + 'static>(
    app: &App,
    visitor: &Visitor,
    reason: String,
    work: impl FnOnce(&mut Tx<'_>, &Decision<'_>) -> Result<T, DirectiveError> + Send + 'static,
) -> Result<T, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let decided = app.store.write(move |tx| {
        let decision = Decision { org, memory: &Memory::default(), by: &by, reason: &reason, now };
        Ok::<T, Problem>(work(tx, &decision)?)
    });
    decided.await
}

/// The asset that an id leads to today.
fn today(tx: &mut Tx<'_>, org: OrgId, asset: AssetId) -> Result<AssetId, DirectiveError> {
    directive::asset_today(tx, org, asset)?.ok_or(DirectiveError::NoSuchAsset(asset))
}

/// Says that these assets are one.
pub(super) fn merge(tx: &mut Tx<'_>, by: &Decision<'_>, assets: &[AssetId]) -> Result<Merged, DirectiveError> {
    let mut before = Vec::new();
    for asset in assets {
        let asset = today(tx, by.org, *asset)?;
        before.push((asset, directive::records_of(tx, by.org, asset)?));
    }
    let asset = directive::merge(tx, by, assets)?;
    let joined = before.into_iter().filter(|(other, _)| *other != asset).flat_map(|(_, records)| records);
    Ok(Merged { asset, joined: joined.collect() })
}

/// Says that records of this asset are another machine.
pub(super) fn split(
    tx: &mut Tx<'_>,
    by: &Decision<'_>,
    asset: AssetId,
    records: &[RecordId],
) -> Result<Parted, DirectiveError> {
    let asset = today(tx, by.org, asset)?;
    let own = directive::records_of(tx, by.org, asset)?;
    match records.iter().find(|record| !own.contains(record)) {
        Some(stranger) => Err(DirectiveError::NoSuchRecord(*stranger)),
        None => directive::split(tx, by, records),
    }
}

/// Reads an asset's id.
pub(super) fn asset_id(text: &str) -> Result<AssetId, Problem> {
    AssetId::parse(text.trim()).ok_or_else(|| Problem::missing("asset"))
}

/// Reads the ids of records.
pub(super) fn record_ids<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<RecordId>, Problem> {
    let read = |text: &str| RecordId::parse(text.trim()).ok_or_else(|| Problem::missing("record"));
    let records = texts.map(read).collect::<Result<Vec<_>, _>>()?;
    if records.is_empty() {
        return Err(Problem::invalid("Name at least one record."));
    }
    Ok(records)
}

fn page_of(asset: AssetId) -> String {
    format!("/assets/{asset}")
}

/// `POST /assets/{id}/merge`
pub(super) async fn merge_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let assets = [asset_id(&id)?, asset_id(sent.get("with"))?];
    let reason = sent.get("reason").trim().to_owned();
    let done = decide(&app, &visitor, reason, move |tx, by| merge(tx, by, &assets)).await?;
    let joined: Vec<String> = done.joined.iter().take(UNDO_RECORDS_MAX + 1).map(RecordId::to_string).collect();
    let joined = if joined.len() > UNDO_RECORDS_MAX { String::new() } else { joined.join(",") };
    // Whoever takes something back needs no way back from there.
    let joined = if sent.opt("back").is_some() { "" } else { joined.as_str() };
    let to = address(&page_of(done.asset), &[("joined", joined)]);
    Ok(respond::see_other_saying(
        &to,
        Tone::Ok,
        "Merged.",
        "They are one asset from now on, and the other address leads here.",
    ))
}

/// `POST /assets/{id}/split`
pub(super) async fn split_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (asset, records) = (asset_id(&id)?, record_ids(sent.all("record"))?);
    let reason = sent.get("reason").trim().to_owned();
    let done = decide(&app, &visitor, reason, move |tx, by| split(tx, by, asset, &records)).await?;
    let off = done.off.to_string();
    let parted = if sent.opt("back").is_some() { "" } else { off.as_str() };
    let to = address(&page_of(done.stays), &[("parted", parted)]);
    let then = match done.carried.len() as u64 {
        0 => "It is an asset of its own from now on, and no reading joins them again.".to_owned(),
        more => format!(
            "It is an asset of its own from now on. {} went along, because nothing ties {} to what stays. No reading joins them again.",
            ui::noun(more, "record", "records"),
            if more == 1 { "it" } else { "them" }
        ),
    };
    Ok(respond::see_other_saying(&to, Tone::Ok, "Split off.", &then))
}

/// `POST /assets/{id}/pin`, which takes the pin back if `off` is sent.
pub(super) async fn pin_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (asset, off) = (asset_id(&id)?, sent.opt("off").is_some());
    let work = move |tx: &mut Tx<'_>, by: &Decision<'_>| match off {
        true => directive::unpin(tx, by, asset),
        false => directive::pin(tx, by, asset),
    };
    let asset = decide(&app, &visitor, sent.get("reason").trim().to_owned(), work).await?;
    let (what, then) = match off {
        true => ("Unpinned.", "The rules have decided again."),
        false => ("Pinned.", "No record leaves it and none joins it until the pin is taken back."),
    };
    Ok(respond::see_other_saying(&page_of(asset), Tone::Ok, what, then))
}

/// The question before a record is split off, with its way to it.
pub(super) fn splitting<'a>(
    visitor: &'a Visitor,
    id: &'a str,
    action: &'a str,
    record: &str,
    called: &str,
) -> ui::Dialog<'a> {
    let reason = Field { kind: Kind::Text(""), ..reason_field() };
    ui::Dialog {
        id,
        question: "Split this record off?",
        body: html! {
            input type="hidden" name="record" value=(record);
            p { "The record of " (ui::words::name(called)) " becomes an asset of its own, and no reading joins the two again." }
            (reason.render())
            p.muted { "It can be undone: merge the two." }
        },
        safe: "Keep together",
        verb: "Split off",
        danger: false,
        action,
        csrf: visitor.csrf(),
    }
}

fn reason_field() -> Field<'static> {
    Field {
        name: "reason",
        label: "Why",
        help: "For whoever asks later; it stands in the audit trail.",
        error: None,
        required: false,
        kind: Kind::Text(""),
    }
}

/// What takes back the merge or the split that was just done.
pub(super) fn way_back(visitor: &Visitor, detail: &Detail, asked: &Fields) -> Markup {
    let here = page_of(detail.asset);
    let own = |record: &RecordId| detail.explained.records.iter().any(|of| of.record == *record);
    let joined: Vec<String> = asked
        .get("joined")
        .split(',')
        .filter_map(RecordId::parse)
        .filter(own)
        .take(UNDO_RECORDS_MAX)
        .map(|record| record.to_string())
        .collect();
    let undo = |words: &'static str, action: &str, fields: &[(&str, &str)]| {
        ui::post_button(visitor.csrf(), action, &Button { words, small: true, ..Button::default() }, fields)
    };
    if !joined.is_empty() && joined.len() < detail.explained.records.len() {
        let mut fields: Vec<(&str, &str)> = joined.iter().map(|record| ("record", record.as_str())).collect();
        fields.push(("back", "1"));
        let count = ui::noun(joined.len() as u64, "record came", "records came");
        return html! {
            div.line { p { (count) " from the other asset." } (undo("Undo the merge", &format!("{here}/split"), &fields)) }
        };
    }
    match AssetId::parse(asked.get("parted")).filter(|other| *other != detail.asset) {
        Some(other) => {
            let other = other.to_string();
            html! {
                div.line {
                    p { "What was split off is " a href={ "/assets/" (other) } { "an asset of its own" } "." }
                    (undo("Undo the split", &format!("{here}/merge"), &[("with", &other), ("back", "1")]))
                }
            }
        }
        None => html! {},
    }
}

/// An asset that this one could be merged with.
struct Offered {
    id: String,
    name: String,
    kind: String,
    cells: Vec<(&'static query::Field, kernel::Cell)>,
}

/// What is shown of an asset that is offered.
const OFFER_FIELDS: [&str; 6] = ["os", "serial", "sources", "site", "first_seen", "last_seen"];

/// `GET /assets/{id}/merge`: which asset, then what speaks for and against it.
pub(super) async fn merge_page(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let (question, with) = (asked.get("q").trim().to_owned(), asked.get("with").to_owned());
    let q = question.clone();
    let found = app.store.read(move |tx| {
        let detail = load(tx, org, &id, now)?;
        if with.is_empty() {
            let offered = offered(tx, org, &detail, &q, now)?;
            return Ok::<_, Problem>((detail, offered, None));
        }
        let other = load(tx, org, &with, now)?;
        let sides = (Subject::Asset(detail.asset), Subject::Asset(other.asset));
        let compared = compare(tx, org, sides.0, sides.1, now)?;
        Ok((detail, Vec::new(), Some((other, compared))))
    });
    let (detail, offered, chosen) = found.await?;
    let shell = visitor.shell();
    let home = page_of(detail.asset);
    let (title, lead) = match &chosen {
        Some((other, compared)) if compared.assets.0 != compared.assets.1 => (
            format!("Merge {} and {}?", name(&detail), name(other)),
            "Say so if they are one machine that Muster took for two. You can undo it at any time.",
        ),
        Some((other, _)) => (format!("{} and {}", name(&detail), name(other)), ""),
        None => (
            format!("Merge {} with another asset", name(&detail)),
            "Choose the asset that is the same machine. What speaks for and against it comes next; nothing is merged yet.",
        ),
    };
    let body = match &chosen {
        Some((other, compared)) => confirm(&visitor, &detail, other, compared),
        None => choose(&detail, &question, &offered),
    };
    let crumbs = [("Assets", "/assets"), (name(&detail), home.as_str())];
    let page =
        ui::Page { crumbs: &crumbs, lead: html! { (lead) }, body, ..visitor.page(&shell, Place::Assets, &title) };
    Ok(respond::page(page.render()))
}

/// Assets that somebody may mean: those of open questions and of the same hardware first, or those that were looked for.
fn offered(
    tx: &mut Tx<'_>,
    org: OrgId,
    detail: &Detail,
    question: &str,
    now: Timestamp,
) -> Result<Vec<Offered>, Problem> {
    let text = match question {
        "" => {
            let asked =
                detail.explained.reviews.iter().flat_map(|review| [review.one.asset, review.other.asset]).flatten();
            let mut near: Vec<AssetId> = asked.chain(detail.explained.same_hardware.iter().copied()).collect();
            near.retain(|asset| *asset != detail.asset);
            near.sort_unstable();
            near.dedup();
            near.truncate(OFFERED);
            let ids: Vec<String> = near.iter().map(|asset| format!("id:{asset}")).collect();
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            ids.join(" or ")
        }
        question => format!("({question}) and not id:{}", detail.asset),
    };
    let fields = ["id", "name", "type"].iter().chain(&OFFER_FIELDS).map(|name| (*name).to_owned()).collect();
    let answer = inventory::ask_in(tx, org, &Ask { fields, limit: OFFERED, ..Ask::new("assets", &text, now) })?;
    let assets = inventory::catalogue().inventory("assets");
    let fields: Vec<&'static query::Field> =
        OFFER_FIELDS.iter().filter_map(|name| assets.and_then(|assets| assets.field(name))).collect();
    let offered = answer.table.rows.into_iter().map(|mut row| {
        let cells = row.split_off(row.len().min(3));
        Offered {
            id: text_of(&row, 0),
            name: text_of(&row, 1),
            kind: text_of(&row, 2),
            cells: fields.iter().copied().zip(cells).collect(),
        }
    });
    Ok(offered.collect())
}

fn text_of(row: &[kernel::Cell], at: usize) -> String {
    text(row.get(at)).to_owned()
}

fn choose(detail: &Detail, question: &str, offered: &[Offered]) -> Markup {
    let action = format!("{}/merge", page_of(detail.asset));
    let hrefs: Vec<String> = offered.iter().map(|other| address(&action, &[("with", &other.id)])).collect();
    let rows = offered.iter().zip(&hrefs).map(|(other, href)| Row {
        id: &other.id,
        name: if other.name.is_empty() { "without a name" } else { &other.name },
        icon: Some(icon_of_type(&other.kind)),
        href: Some(href),
        cells: other.cells.iter().map(|(field, value)| cell(field, value)).collect(),
        ..Row::default()
    });
    let labels: Vec<String> = OFFER_FIELDS.iter().map(|name| crate::inventories::label(name)).collect();
    let columns = std::iter::once("Asset").chain(labels.iter().map(String::as_str)).map(ui::Column::new);
    let instead = offered.is_empty().then(|| {
        let (heading, why) = match question {
            "" => (
                "No question is open about it",
                "Look for the other asset above, by its name, serial number or address.",
            ),
            _ => ("No other asset matches", "Ask for less, or by another name, serial number or address."),
        };
        Empty { heading, why: html! { (why) }, link: None }.render()
    });
    let table = Table {
        caption: "Assets to merge with. Times in UTC.",
        columns: columns.collect(),
        rows: rows.collect(),
        instead,
        ..Table::default()
    };
    let heading = if question.is_empty() { "Those that may be the same" } else { "Those that match" };
    html! {
        (Card {
            id: "others",
            heading,
            aside: ui::find("Look for an asset", &action, "q", question),
            body: table.render(),
            flush: true,
            ..Card::default()
        }.render())
    }
}

fn confirm(visitor: &Visitor, detail: &Detail, other: &Detail, compared: &Compared) -> Markup {
    let action = format!("{}/merge", page_of(detail.asset));
    if compared.assets.0 == compared.assets.1 {
        let why = html! { "They are the same asset already." };
        return Empty { heading: "There is nothing to merge", why, link: Some(("Back to it", &page_of(detail.asset))) }
            .render();
    }
    let with = other.asset.to_string();
    let (own, records) = (detail.explained.records.len() as u64, other.explained.records.len() as u64);
    let body = html! {
        ul.listed {
            li {
                (ui::noun(own, "record", "records")) " of " (ui::words::name(name(detail))) " and "
                (ui::noun(records, "record", "records")) " of "
                a href={ "/assets/" (with) } { (ui::words::name(name(other))) }
                " become one asset. Its software, vulnerabilities and findings are then those of both."
            }
            li { "This asset keeps its page. The other's address leads here, so that no link breaks." }
            li { "Your word comes before every rule: whatever their sources say later, they stay one until somebody splits them." }
            li { b { "It can be undone." } " Press Undo the merge on the page that comes next; or later, on the asset's page, split off the records that are not its own. Nothing is lost either way." }
            li { "Who merged them, when and why stands in the asset's history and in the audit trail." }
        }
        @if detail.explained.pinned || other.explained.pinned {
            (ui::Flash { tone: Tone::Warn, what: "One of them is pinned.", then: "Take the pin back first.", link: None }.render())
        }
        (ui::post(visitor.csrf(), &action, &html! {
            input type="hidden" name="with" value=(with);
            (reason_field().render())
            div.line {
                (ui::button(&Button { words: "Merge", icon: Some(Icon::Merge), weight: Weight::Main, ..Button::default() }))
                (ui::link_button(&page_of(detail.asset), &Button { words: "Keep apart", weight: Weight::Quiet, ..Button::default() }))
            }
        }))
    };
    html! {
        (Card { id: "said", heading: "What speaks for and against it", body: weighed(compared), ..Card::default() }.render())
        (Card { id: "merge", heading: "What becomes of both", body, ..Card::default() }.render())
    }
}

/// What speaks for and against two assets being one, in words.
pub(super) fn verdict(compared: &Compared) -> String {
    match (&compared.veto, &compared.nearest) {
        (Some((veto, ..)), _) => format!("The rules forbid it: {}.", veto.words()),
        (None, Some(nearest)) if nearest.but_shared => {
            "Nothing forbids it, but other machines have what these two share, so it proves nothing.".to_owned()
        }
        (None, Some(_)) => {
            "Nothing forbids it, but the rule fits other machines as well, so you have to say which.".to_owned()
        }
        (None, None) => {
            "Nothing forbids it, and no rule joins them: what they have in common is too little to be sure.".to_owned()
        }
    }
}

/// Why a value says nothing.
pub(super) fn says_nothing(why: &Why) -> String {
    match why {
        Why::Junk(junk) => format!("it {}", junk.words()),
        Why::Two(one, other) => format!("{one} and {other} had it while both were alive"),
        Why::Crowd => "more than fifty records have it".to_owned(),
    }
}

fn weighed(compared: &Compared) -> Markup {
    html! {
        p { (verdict(compared)) }
        @if let Some(nearest) = &compared.nearest {
            p { "What comes nearest: " (capital(nearest.rule.words())) }
        }
        @if compared.common.is_empty() && compared.differing.is_empty() {
            p.muted { "They say nothing of the same kind that could tell them apart or together." }
        }
        @if !compared.common.is_empty() {
            h3 { "Both have" }
            ul.listed {
                @for common in &compared.common {
                    li {
                        (common.kind) " " (ui::mono(&common.value))
                        @if let Some(why) = &common.ignored { span.muted { ", which says nothing: " (says_nothing(why)) } }
                    }
                }
            }
        }
        @if !compared.differing.is_empty() {
            h3 { "They differ" }
            ul.listed {
                @for differing in &compared.differing {
                    li { (differing.kind) " " (ui::mono(&differing.one.join(", "))) " and " (ui::mono(&differing.other.join(", "))) }
                }
            }
        }
    }
}
