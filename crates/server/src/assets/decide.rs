//! What people decide about which records are one machine: merge, split, pin, and the way back.

use axum::extract::{Path, State};
use axum::response::Response;
use inventory::correlate::decisions::{self, Made, What};
use inventory::correlate::directive::{self, Decision, DirectiveError, Parted};
use inventory::correlate::explain::{self, Compared, Subject, compare};
use inventory::correlate::remainder::{self, Remainder};
use inventory::{Ask, Memory};
use kernel::{AssetId, DecisionId, OrgId, RecordId, Timestamp};
use store::Tx;
use ui::{Button, Card, Empty, Field, Icon, Kind, Markup, Place, Row, Table, Tone, Weight, html};

use super::{Detail, load, name};
use crate::fields::{Asked, Fields, Sent, address};
use crate::inventories::{cell, icon_of_type, text};
use crate::{App, Problem, Visitor, respond};

/// Assets that are offered to be merged with.
const OFFERED: usize = 10;

/// What came of a merge.
pub(super) struct Merged {
    /// The asset from now on.
    pub(super) asset: AssetId,
    /// Its records that were another asset's.
    pub(super) joined: Vec<RecordId>,
    /// What it is called now, if that is another name than before.
    pub(super) renamed: Option<String>,
    /// The decision, for whoever takes it back.
    pub(super) decision: Option<DecisionId>,
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
    let was = explain::named(tx, by.org, before.first().map(|(asset, _)| *asset))?;
    let asset = directive::merge(tx, by, assets)?;
    let joined = before.into_iter().filter(|(other, _)| *other != asset).flat_map(|(_, records)| records);
    let joined: Vec<RecordId> = joined.collect();
    let renamed = explain::renamed(tx, by.org, asset, was.as_deref(), by.now)?;
    Ok(Merged { asset, renamed, decision: decided_now(tx, by, joined.first())?, joined })
}

/// The decision that was taken just now about a record.
pub(super) fn decided_now(
    tx: &mut Tx<'_>,
    by: &Decision<'_>,
    record: Option<&RecordId>,
) -> Result<Option<DecisionId>, DirectiveError> {
    let Some(record) = record else { return Ok(None) };
    Ok(decisions::latest(tx, by.org, *record)?.map(|made| made.id))
}

/// Takes back a decision about this asset. Answers the asset as it is called now.
pub(super) fn undo(
    tx: &mut Tx<'_>,
    by: &Decision<'_>,
    asset: AssetId,
    decision: DecisionId,
) -> Result<AssetId, DirectiveError> {
    let asset = today(tx, by.org, asset)?;
    if !explain::explain(tx, by.org, asset)?.decisions.iter().any(|made| made.id == decision) {
        return Err(DirectiveError::NoSuchDecision(decision.to_string()));
    }
    decisions::undo(tx, by, decision)?;
    today(tx, by.org, asset)
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
    let then = "They are one asset from now on, and the other address leads here.";
    let then = done.renamed.map_or_else(|| then.to_owned(), |renamed| format!("{then} {renamed}"));
    Ok(respond::see_other_saying(&decided_page(done.asset, done.decision), Tone::Ok, "Merged.", &then))
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
    let work = move |tx: &mut Tx<'_>, by: &Decision<'_>| {
        Ok((split(tx, by, asset, &records)?, decided_now(tx, by, records.first())?))
    };
    let (done, decision) = decide(&app, &visitor, reason, work).await?;
    let then = match done.carried.len() as u64 {
        0 => "It is an asset of its own from now on, and no reading joins them again.".to_owned(),
        more => format!(
            "It is an asset of its own from now on. {} went along, because nothing ties {} to what stays. No reading joins them again.",
            ui::noun(more, "record", "records"),
            if more == 1 { "it" } else { "them" }
        ),
    };
    Ok(respond::see_other_saying(&decided_page(done.stays, decision), Tone::Ok, "Split off.", &then))
}

/// That this asset may be two machines still since a split, or that some of it may have stayed in the other one.
pub(super) fn mixed(remainder: &Remainder, asset: AssetId) -> Markup {
    let (words, home) = (remainder::words(&remainder.left), page_of(remainder.stays));
    let (what, then, link) = match remainder.stays == asset {
        true => ("It may mix two machines.", format!("{words}. {MOVE_TOO}"), None),
        false => {
            ("Some of it may have stayed behind.", format!("{words}. {MOVE_HERE}"), Some(("Look there", home.as_str())))
        }
    };
    ui::Flash { tone: Tone::Warn, what, then: &then, link }.render()
}

/// What to do about records that stayed with the asset that this one left.
const MOVE_HERE: &str = "Split them off there too, and merge what comes of it with this asset.";

/// What to do about records that a split left behind.
const MOVE_TOO: &str = "Split them off too, and merge what comes of it with the asset that left.";

/// The page of an asset after something was decided about it, with the way back.
fn decided_page(asset: AssetId, decision: Option<DecisionId>) -> String {
    let decision = decision.map(|id| id.to_string()).unwrap_or_default();
    address(&page_of(asset), &[("decided", &decision)])
}

/// `POST /assets/{id}/undo`
pub(super) async fn undo_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (asset, decision) = (asset_id(&id)?, decision_id(sent.get("decision"))?);
    let reason = sent.get("reason").trim().to_owned();
    let asset = decide(&app, &visitor, reason, move |tx, by| undo(tx, by, asset, decision)).await?;
    let then = "What held before that decision holds again, and the rules have decided the rest.";
    Ok(respond::see_other_saying(&page_of(asset), Tone::Ok, "Taken back.", then))
}

/// Reads the id of a decision.
pub(super) fn decision_id(text: &str) -> Result<DecisionId, Problem> {
    DecisionId::parse(text.trim()).ok_or_else(|| Problem::missing("decision"))
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
            p.muted { "It can be undone, at once or later." }
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
        help: "For whoever asks later; it stands in the history of the asset and in the audit trail.",
        error: None,
        required: false,
        kind: Kind::Text(""),
    }
}

/// What takes back the decision that was just taken.
pub(super) fn way_back(visitor: &Visitor, detail: &Detail, asked: &Fields) -> Markup {
    let decided = DecisionId::parse(asked.get("decided"));
    let made = detail.explained.decisions.iter().find(|made| Some(made.id) == decided && made.stands);
    html! {
        @if let Some(made) = made {
            div.line { p { (sentence(detail, made)) } (undo_button(visitor, detail, made)) }
        }
    }
}

/// What was decided, as a sentence about the asset of the page.
fn sentence(detail: &Detail, made: &Made) -> Markup {
    let reason = explain::because_of(&made.said.reason);
    html! { (ui::words::name(explain::person(&made.said.by))) " " bdi { (made.words(detail.asset)) } bdi { (reason) } "." }
}

fn undo_button(visitor: &Visitor, detail: &Detail, made: &Made) -> Markup {
    let words = match made.what {
        What::Merged => "Undo the merge",
        What::Split => "Undo the split",
        What::Accepted | What::Dismissed => "Undo the answer",
        What::Pinned => "Unpin",
    };
    let (action, id) = (format!("{}/undo", page_of(detail.asset)), made.id.to_string());
    let button = Button { words, small: true, ..Button::default() };
    ui::post_button(visitor.csrf(), &action, &button, &[("decision", &id)])
}

/// What people decided about an asset, the latest first, each with its way back.
pub(super) fn decided(visitor: &Visitor, detail: &Detail, may: bool) -> Markup {
    let all = &detail.explained.decisions;
    let stands = |made: &Made| may && made.stands && (made.what == What::Pinned || !detail.explained.pinned);
    let body = html! {
        ul.listed {
            @for made in all.iter().rev() {
                li {
                    (ui::moment(made.said.at)) " " (sentence(detail, made))
                    @for of in detail.explained.objections_to(&made.said).filter(|_| made.undone.is_none()) {
                        span.muted { " A rule speaks against it: " (of.words()) "." }
                    }
                    @if let Some(undone) = &made.undone {
                        span.muted {
                            " Taken back " (ui::moment(undone.at)) " by " (ui::words::name(explain::person(&undone.by)))
                            (ui::words::name(&explain::because_of(&undone.reason))) "."
                        }
                    } @else if stands(made) { " " (undo_button(visitor, detail, made)) }
                }
            }
        }
    };
    match all.is_empty() {
        true => html! {},
        false => Card { id: "decided", heading: "What people decided", body, ..Card::default() }.render(),
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
            match name(&detail) == name(other) {
                // The table below tells them apart.
                true => format!("Merge the two assets called {}?", name(other)),
                false => format!("Merge {} and {}?", name(&detail), name(other)),
            },
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
            li { "Your word comes before every rule: whatever their sources say later, they stay one until somebody takes that back." }
            li { b { "It can be undone." } " Press Undo on the page that comes next; or later, on the asset's page, under What people decided. Then everything is as it was before." }
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
        (sides(detail, other))
        (Card { id: "said", heading: "What speaks for and against it", body: weighed(compared), ..Card::default() }.render())
        (Card { id: "merge", heading: "What becomes of both", body, ..Card::default() }.render())
    }
}

/// What tells two assets apart, whatever they are called.
const SIDES: [&str; 6] = ["id", "sources", "serial", "os", "first_seen", "last_seen"];
/// Addresses of each side that are shown.
const SIDE_ADDRESSES: usize = 4;

/// The two, side by side.
fn sides(detail: &Detail, other: &Detail) -> Markup {
    let assets = inventory::catalogue().inventory("assets");
    let fields: Vec<&query::Field> = SIDES.iter().filter_map(|name| assets?.field(name)).collect();
    let labels: Vec<String> = SIDES.iter().map(|name| crate::inventories::label(name)).collect();
    let mut columns = vec![ui::Column::new("Asset")];
    columns.extend(labels.iter().map(|label| ui::Column::new(label)));
    columns.push(ui::Column::new("Addresses"));
    let both = [detail, other];
    let ids = both.map(|of| of.asset.to_string());
    let hrefs = both.map(|of| page_of(of.asset));
    let rows = both.iter().zip(ids.iter().zip(&hrefs)).map(|(of, (id, href))| {
        let mut cells: Vec<ui::Cell> = fields
            .iter()
            .map(|field| cell(field, of.fields.get(field.name).unwrap_or(&kernel::Cell::Empty)))
            .collect();
        cells.push(ui::Cell::wrap(html! {
            @for (at, address) in of.addresses.iter().take(SIDE_ADDRESSES).enumerate() {
                @if at > 0 { ", " } (ui::mono(&address.ip.to_string()))
            }
            @if of.addresses.is_empty() { (ui::absent("none")) }
            @if of.addresses.len() > SIDE_ADDRESSES { span.muted { " and " (of.addresses.len() - SIDE_ADDRESSES) " more" } }
        }));
        Row { id, name: name(of), href: Some(href), cells, ..Row::default() }
    });
    let table = Table {
        caption: "The two assets, this one first. Times in UTC.",
        columns,
        rows: rows.collect(),
        ..Table::default()
    };
    Card { id: "sides", heading: "The two", body: table.render(), flush: true, ..Card::default() }.render()
}

fn weighed(compared: &Compared) -> Markup {
    html! {
        p { (compared.verdict()) }
        @if let Some(nearest) = compared.nearest.as_ref().filter(|nearest| compared.veto.is_some() && nearest.but.is_none()) {
            p { "What would join them otherwise: " (nearest.rule.told()) "." }
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
                        @if let Some(why) = &common.ignored { span.muted { ", which says nothing: " (why.words()) } }
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

#[cfg(test)]
mod tests {
    use inventory::correlate::remainder::LeftBehind;

    use super::*;

    #[test]
    fn an_asset_that_a_split_left_mixed_says_which_records_are_of_the_other_machine() {
        let (record, with) = (RecordId(4), RecordId(2));
        let left = vec![LeftBehind { record, with, kind: "host name", value: "lt-18".to_owned() }];
        let remainder =
            Remainder { left, stays: AssetId(1), off: vec![with], asset: None, decision: DecisionId(7), stands: true };
        let page = mixed(&remainder, AssetId(1)).into_string();
        assert!(
            page.contains(&format!("It may mix two machines.</b> {record} has the host name lt-18 of {with}.")),
            "{page}"
        );
        assert!(page.contains(MOVE_TOO), "{page}");
        let page = mixed(&remainder, AssetId(3)).into_string();
        assert!(page.contains(&format!("href=\"{}\"", page_of(AssetId(1)))) && page.contains(MOVE_HERE), "{page}");
    }
}
