//! `muster asset explain`, `merge`, `split`, `pin`, `unpin`, `review`, `undo` and `pool`: which records are one machine,
//! why, and what people decide about it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use inventory::correlate::decisions::{self, Made, Undone, What};
use inventory::correlate::deeds::{Deed, Objection};
use inventory::correlate::directive::{self, Decision, DirectiveError, Parted};
use inventory::correlate::explain::{
    self, Against, But, Compared, Explained, IN_LINE_MAX, Linked, PartedFrom, Subject, Tagged, Why, because_of,
    in_line, person,
};
use inventory::correlate::remainder::{self, LeftBehind, Remainder};
use inventory::correlate::review::{self, Review, Side};
use inventory::correlate::rules::Rule;
use inventory::correlate::veto::Veto;
use inventory::noun::Grade;
use inventory::{InventoryError, Memory};
use kernel::{AssetId, DecisionId, IntegrationId, OrgId, RecordId};
use serde_json::{Value as Json, json};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::place::Place;
use crate::terminal::{Terminal, counted, to_the_second};

const ORG: OrgId = OrgId::DEFAULT;

/// Questions that are listed if nobody says how many.
const REVIEWS: u32 = 25;

#[derive(Args)]
pub struct Explain {
    /// Which asset, or a record of it (rec_..)
    pub id: String,
    /// Another asset or record (rec_..): why it is not one with this asset
    #[arg(long = "and", value_name = "OTHER")]
    pub other: Option<String>,
    /// What belongs behind --and
    #[arg(hide = true, num_args = 0..)]
    pub more: Vec<String>,
    /// Prints one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Merge {
    /// Which assets, two or more; the first keeps its id, and the others' lead there
    #[arg(required = true, num_args = 2.., value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub why: Reason,
}

#[derive(Args)]
pub struct Split {
    /// Which records of an asset: muster asset explain shows them
    #[arg(required = true, value_name = "RECORD")]
    pub records: Vec<String>,
    /// Moves these records and no other; else those go along that only these tie to a machine
    #[arg(long)]
    pub alone: bool,
    #[command(flatten)]
    pub why: Reason,
}

#[derive(Args)]
pub struct Pin {
    /// Which asset
    pub id: String,
    #[command(flatten)]
    pub why: Reason,
}

#[derive(Args)]
pub struct Undo {
    /// Which decision, dec_..: muster asset explain shows those about an asset
    #[arg(value_name = "DECISION")]
    pub id: String,
    #[command(flatten)]
    pub why: Reason,
}

#[derive(Args)]
pub struct Pool {
    /// The console's id of the group: muster query '' --in console_groups --fields id,name
    #[arg(value_name = "GROUP_ID")]
    pub group: String,
    /// Takes it back
    #[arg(long)]
    pub off: bool,
    #[command(flatten)]
    pub why: Reason,
}

#[derive(Args)]
pub struct Reason {
    /// Why: it stands in the asset's history, and in the audit trail
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// Prints one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct ReviewOrder {
    #[command(subcommand)]
    pub command: Option<ReviewCommand>,
    /// How many questions to show
    #[arg(long, value_name = "N", default_value_t = REVIEWS, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Prints an array of objects
    #[arg(long)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum ReviewCommand {
    /// Says yes: the two are one machine, from now on
    Accept(Answer),
    /// Says no: the two are two machines, from now on, and that question is not asked again
    Dismiss(Answer),
}

#[derive(Args)]
pub struct Answer {
    /// Which question, rev_..
    pub id: String,
    #[command(flatten)]
    pub why: Reason,
}

impl From<DirectiveError> for Failure {
    fn from(error: DirectiveError) -> Failure {
        match error {
            DirectiveError::Store(error) => error.into(),
            DirectiveError::Inventory(InventoryError::Store(error)) => error.into(),
            DirectiveError::Inventory(error) => error.into(),
            error @ DirectiveError::NoSuchAsset(_) => Failure::usage(error.to_string())
                .with("A character of it may be mistyped. Find it by its name: muster query NAME --fields id,name"),
            error @ DirectiveError::NoSuchRecord(_) => {
                Failure::usage(error.to_string()).with("An asset's records are shown by: muster asset explain ID")
            }
            error @ DirectiveError::NoSuchQuestion(_) => {
                Failure::usage(error.to_string()).with("What is open: muster asset review")
            }
            DirectiveError::Pinned(asset) => Failure::usage(error.to_string()).with(format!(
                "First muster asset unpin {asset}, then decide, then pin it again: muster asset pin {asset}"
            )),
            error @ DirectiveError::NoSuchDecision(_) => Failure::usage(error.to_string())
                .with("What people decided about an asset is shown by: muster asset explain ID"),
            DirectiveError::TakenBack { decision, by, at } => Failure::usage(format!(
                "{decision} was taken back already, by {} on {}",
                person(&by),
                to_the_second(at)
            )),
            error @ DirectiveError::DecidedSince { later, .. } => {
                Failure::usage(error.to_string()).with(format!("First: muster asset undo {later}"))
            }
            error @ DirectiveError::LeftOut { .. } => {
                Failure::usage(error.to_string()).with("What an option leaves out: muster integration left-out")
            }
            other => Failure::usage(other.to_string()),
        }
    }
}

/// The asset that a person means: by its id, or by a name that no other has.
pub async fn asset(global: &Global, text: &str) -> Result<AssetId, Failure> {
    // What was copied from a file of another system ends with a carriage return.
    let text = text.trim();
    if let Some(id) = AssetId::parse(text) {
        return Ok(id);
    }
    if RecordId::parse(text).is_some() {
        return Err(Failure::usage(format!("{text} is a record, and this is about a whole asset"))
            .with(format!("Its asset is shown by: muster asset explain {text}")));
    }
    another_kind(global, text, "an asset", &[AssetId::PREFIX, RecordId::PREFIX]).await?;
    let name = text.to_owned();
    let store = Place::new(global)?.open_to_read()?;
    let found = store.read(move |tx| explain::assets_named(tx, ORG, &name)).await?;
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::usage(format!("{text:?} is neither an asset's id nor its name"))
            .with("An id begins with ast_: muster query TEXT --fields id,name")),
        _ => Err(Failure::usage(format!("several assets are called {text:?}; name one by its id"))
            .with(format!("They are: muster query 'name:={text:?}' --fields id,name"))),
    }
}

/// Kinds of ids, and what each is the id of.
const KINDS: [(&str, &str); 4] = [
    (AssetId::PREFIX, "an asset"),
    (RecordId::PREFIX, "a record"),
    (review::PREFIX, "a question of the review queue"),
    (DecisionId::PREFIX, "a decision"),
];

/// Digits behind the prefix of an id.
const ID_DIGITS: usize = 13;

/// Characters that an id has behind its prefix.
const ID_LETTERS: &str = "0123456789abcdefghjkmnpqrstvwxyz";

/// Says of an id of another kind what it is and what to do with it, and of one that was copied wrongly what is wrong with
/// it; what looks like no id is let through.
async fn another_kind(global: &Global, text: &str, wanted: &str, allowed: &[&str]) -> Result<(), Failure> {
    let Some((prefix, kind)) =
        KINDS.into_iter().find(|(prefix, _)| text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('_')))
    else {
        return Ok(());
    };
    let digits = &text[prefix.len() + 1..];
    let count = digits.chars().count();
    let odd = digits.chars().find(|letter| !ID_LETTERS.contains(*letter));
    let find = match prefix {
        "ast" | "rec" => "Copy it whole, or find the asset by its name: muster query NAME --fields id,name",
        "rev" => "Copy it whole; all open questions are shown by: muster asset review",
        _ => "Copy it whole; an asset's decisions are shown by: muster asset explain ID",
    };
    let begins = match odd {
        _ if count != ID_DIGITS => format!("behind {prefix}_ stand {ID_DIGITS} characters, and here are {count}"),
        Some(odd) => format!("no id has the character {odd:?}; it has digits and small letters, without i, l, o and u"),
        None if kernel::id::parse_public(prefix, text).is_none() => "its first digit is too large".to_owned(),
        None if allowed.contains(&prefix) => return Ok(()),
        None => {
            let failure = Failure::usage(format!("{text} is {kind}, and this asks for {wanted}"));
            return Err(match prefix {
                "rev" => about_question(global, text, failure).await?,
                "dec" => about_decision(global, text, failure).await?,
                _ => failure.with(format!("What is known of it: muster asset explain {text}")),
            });
        }
    };
    Err(Failure::usage(format!("{text} looks like the id of {kind}, but is none: {begins}")).with(find))
}

/// Says what can be done with a decision that was given for something else.
async fn about_decision(global: &Global, id: &str, failure: Failure) -> Result<Failure, Failure> {
    let (store, asked) = (Place::new(global)?.open_to_read()?, DecisionId::parse(id));
    let found = store.read(move |tx| asked.map_or(Ok(None), |asked| decisions::find(tx, ORG, asked))).await?;
    Ok(match found.map(|made| made.undone) {
        None => failure.with("There is no such decision; an asset's decisions are shown by: muster asset explain ID"),
        Some(None) => failure.with(format!("To take that decision back: muster asset undo {id}")),
        Some(Some(undone)) => {
            let (at, by, why) = (to_the_second(undone.at), person(&undone.by), because_of(&undone.reason));
            failure.with(format!("That decision was taken back on {at} by {by}{why}."))
        }
    })
}

/// Says what can be done with a question that was given for something else.
async fn about_question(global: &Global, id: &str, failure: Failure) -> Result<Failure, Failure> {
    let (store, asked) = (Place::new(global)?.open_to_read()?, id.to_owned());
    let found = store.read(move |tx| review::find(tx, ORG, &asked)).await?;
    let Some(found) = found else {
        return Ok(failure.with("It is not open any more. What is open: muster asset review"));
    };
    let failure = match (found.one.asset, found.other.asset) {
        (Some(one), Some(other)) => failure
            .with(format!("It asks whether two assets are one machine: muster asset explain {one} --and {other}")),
        _ => failure,
    };
    Ok(failure.with(format!("To answer it: muster asset review accept {id}, or muster asset review dismiss {id}")))
}

async fn assets(global: &Global, texts: &[String]) -> Result<Vec<AssetId>, Failure> {
    let mut all = Vec::with_capacity(texts.len());
    for text in texts {
        all.push(asset(global, text).await?);
    }
    Ok(all)
}

async fn record(global: &Global, text: &str) -> Result<RecordId, Failure> {
    let text = text.trim();
    if let Some(record) = RecordId::parse(text) {
        return Ok(record);
    }
    if AssetId::parse(text).is_some() {
        return Err(Failure::usage(format!("{text} is an asset, and only records are split off"))
            .with(format!("Its records are shown by: muster asset explain {text}")));
    }
    another_kind(global, text, "a record", &[]).await?;
    Err(Failure::usage(format!("{text:?} is no record's id"))
        .with("It begins with rec_; an asset's records are shown by: muster asset explain ID"))
}

pub async fn explain(global: &Global, order: Explain, terminal: &Terminal) -> Result<(), Failure> {
    if let [more, ..] = order.more.as_slice() {
        let together = format!("muster asset explain {} --and {}", order.id.trim(), more.trim());
        return Err(Failure::usage("one asset is explained at a time").with(format!("Why two are not one: {together}")));
    }
    let asked = match Subject::parse(order.id.trim()) {
        Some(subject) => subject,
        None => Subject::Asset(asset(global, &order.id).await?),
    };
    let other = match order.other.as_deref().map(str::trim) {
        None => None,
        Some(text) => Some(match Subject::parse(text) {
            Some(subject) => subject,
            None => Subject::Asset(asset(global, text).await?),
        }),
    };
    let store = Place::new(global)?.open_to_read()?;
    let now = terminal.now();
    let integrations = sync::integrations(&store, &jobs::World::real(), ORG).await?;
    let names: BTreeMap<IntegrationId, String> = integrations.into_iter().map(|one| (one.id, one.name)).collect();
    let Some(other) = other else {
        let told = store.read(move |tx| {
            let told = explain::explain_of(tx, ORG, asked)?;
            let mut verdicts = Vec::with_capacity(told.reviews.len());
            for review in &told.reviews {
                verdicts.push(review::weighed(tx, ORG, review, now)?);
            }
            Ok::<_, DirectiveError>((told, verdicts))
        });
        let (told, verdicts) = told.await?;
        let text = match order.json {
            true => format!("{}\n", explained_json(&told, &names)),
            false => explained(&told, &verdicts, &names),
        };
        return terminal.result(&text);
    };
    let told = store.read(move |tx| {
        let compared = explain::compare(tx, ORG, asked, other, now)?;
        let questions = match compared.assets {
            (Some(one), Some(two)) => between(tx, one, two)?,
            _ => Vec::new(),
        };
        Ok::<_, DirectiveError>((compared, questions))
    });
    let (told, questions) = told.await?;
    let text = match order.json {
        true => format!("{}\n", compared_json(&told)),
        false => compared(&told, (asked, other), &questions),
    };
    terminal.result(&text)
}

/// Open questions about two assets.
fn between(tx: &mut store::Tx<'_>, one: AssetId, other: AssetId) -> Result<Vec<Review>, DirectiveError> {
    let mut open = explain::explain(tx, ORG, one)?.reviews;
    let both = [Some(one), Some(other)];
    open.retain(|review| both.contains(&review.one.asset) && both.contains(&review.other.asset));
    Ok(open)
}

/// One decision in one transaction; the tables follow at once.
async fn decide<T: Send + 'static>(
    global: &Global,
    reason: &str,
    terminal: &Terminal,
    work: impl FnOnce(&mut store::Tx<'_>, &Decision<'_>) -> Result<T, DirectiveError> + Send + 'static,
) -> Result<T, Failure> {
    let opened = Place::new(global)?.open_to_write_or_beside()?;
    let (who, now, reason) = (super::who(), terminal.now(), reason.to_owned());
    let write = move |tx: &mut store::Tx<'_>| {
        work(tx, &Decision { org: ORG, memory: &Memory::default(), by: &who, reason: &reason, now })
    };
    Ok(opened.store().write(write).await?)
}

pub async fn merge(global: &Global, order: Merge, terminal: &Terminal) -> Result<(), Failure> {
    let assets = assets(global, &order.ids).await?;
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| {
        let mut came: Vec<(AssetId, Vec<RecordId>)> = Vec::new();
        for asset in &assets {
            let today = directive::asset_today(tx, ORG, *asset)?.ok_or(DirectiveError::NoSuchAsset(*asset))?;
            if !came.iter().any(|(known, _)| *known == today) {
                came.push((today, directive::records_of(tx, ORG, today)?));
            }
        }
        let mut against = Vec::new();
        for (other, _) in came.iter().skip(1) {
            let compared = explain::compare(tx, ORG, Subject::Asset(came[0].0), Subject::Asset(*other), by.now)?;
            against.extend(compared.veto.filter(|(veto, ..)| *veto != Veto::Split));
        }
        let was = explain::named(tx, ORG, Some(came[0].0))?;
        let natures = came.iter().map(|(known, _)| Ok((*known, explain::nature(tx, ORG, *known)?)));
        let natures = natures.collect::<Result<Vec<(AssetId, String)>, DirectiveError>>()?;
        let asset = directive::merge(tx, by, &assets)?;
        let records = directive::records_of(tx, ORG, asset)?;
        came.retain(|(known, _)| *known != asset);
        let renamed = explain::renamed(tx, ORG, asset, was.as_deref(), by.now)?;
        Ok((asset, came, natures, against, renamed, decided_now(tx, records.first().copied())?))
    };
    let (asset, came, natures, against, renamed, decision) = decide(global, &order.why.reason, terminal, work).await?;
    warn(terminal, &against);
    let others = came.iter().map(|(was, _)| was.to_string()).collect::<Vec<_>>().join(" or ");
    let mut said = format!("They are one asset from now on: {asset}. Whoever looks for {others} finds {asset}.\n");
    for (was, nature) in natures {
        let _ = writeln!(said, "{was} was {nature}.");
    }
    if let Some(renamed) = renamed {
        let _ = writeln!(said, "{renamed}");
    }
    said += &back(decision);
    let part = |(was, records): &(AssetId, Vec<RecordId>)| json!({ "asset": was.to_string(), "records": records.iter().map(RecordId::to_string).collect::<Vec<_>>() });
    let object = json!({
        "asset": asset.to_string(), "came": came.iter().map(part).collect::<Vec<_>>(),
        "decision": decision.map(|id| id.to_string()),
    });
    answer(terminal, order.why.json, &object, &said)
}

/// The decision that was taken just now about a record.
fn decided_now(tx: &mut store::Tx<'_>, record: Option<RecordId>) -> Result<Option<DecisionId>, DirectiveError> {
    let Some(record) = record else { return Ok(None) };
    Ok(decisions::latest(tx, ORG, record)?.map(|made| made.id))
}

/// How a decision is taken back.
fn back(decision: Option<DecisionId>) -> String {
    decision.map(|id| format!("To take it back: muster asset undo {id}\n")).unwrap_or_default()
}

fn spaced<T: ToString>(all: &[T]) -> String {
    all.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

/// Says what speaks against what a person has just decided all the same.
fn warn(terminal: &Terminal, against: &[(Veto, RecordId, RecordId)]) {
    for (veto, one, other) in against {
        terminal.note(&format!(
            "warning: no rule would have joined {one} and {other}: {} ({})",
            veto.words(),
            veto.code()
        ));
    }
}

pub async fn split(global: &Global, order: Split, terminal: &Terminal) -> Result<(), Failure> {
    let mut records = Vec::with_capacity(order.records.len());
    for id in &order.records {
        records.push(record(global, id).await?);
    }
    let (named, alone) = (records.clone(), order.alone);
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| {
        let parted = match alone {
            true => directive::split_alone(tx, by, &records)?,
            false => directive::split(tx, by, &records)?,
        };
        Ok((parted, decided_now(tx, records.first().copied())?))
    };
    let (parted, decision) = decide(global, &order.why.reason, terminal, work).await?;
    let Parted { from, stays, off, carried, ties, left } = parted;
    let number = (named.len() + carried.len()) as u64;
    let shown = counted(number, "record", &terminal.result_number(number));
    let mut said = match () {
        () if off == from => {
            format!("{shown} split off. That part keeps the id {off}; the rest is {stays} from now on.")
        }
        () => format!("{shown} split off: {off} from now on. The rest is {stays}."),
    };
    said += " No sync joins them again.\n";
    for tie in &ties {
        let more = match tie.rule {
            Rule::SameAgent => "which says more than what may tie it to what stays",
            _ => "and nothing ties it to what stays",
        };
        let _ = writeln!(said, "{} went along with {}, because {}, {more}.", tie.record, tie.with, tie.rule.words());
    }
    if let (false, Some(decision)) = (left.is_empty(), decision) {
        let off: Vec<RecordId> = named.iter().chain(&carried).copied().collect();
        let _ = writeln!(said, "Beware: {stays} may still mix the two: {}.", remainder::words(&left));
        let _ = writeln!(
            said,
            "To move what stayed too: muster asset undo {decision}, then muster asset split {}",
            spaced(&remainder::instead(&off, &left))
        );
    }
    said += &back(decision);
    if !ties.is_empty() {
        let named = spaced(&named);
        let _ = writeln!(
            said,
            "To split off {named} and nothing else: take it back, then muster asset split {named} --alone"
        );
    }
    let carried: Vec<String> = carried.iter().map(RecordId::to_string).collect();
    let object = json!({
        "asset": stays.to_string(), "split_off": off.to_string(), "carried": carried,
        "left_behind": left.iter().map(left_json).collect::<Vec<_>>(), "decision": decision.map(|id| id.to_string()),
    });
    answer(terminal, order.why.json, &object, &said)
}

pub async fn pin(global: &Global, order: Pin, pinned: bool, terminal: &Terminal) -> Result<(), Failure> {
    let id = asset(global, &order.id).await?;
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| match pinned {
        true => directive::pin(tx, by, id),
        false => directive::unpin(tx, by, id),
    };
    let id = decide(global, &order.why.reason, terminal, work).await?;
    let said = match pinned {
        true => format!(
            "{id} stays as it is: no record leaves it and none joins it, by a sync, a split or a merge, until: muster asset unpin {id}\n"
        ),
        false => format!("{id} is not pinned any more; the rules have decided again.\n"),
    };
    answer(terminal, order.why.json, &json!({ "asset": id.to_string(), "pinned": pinned }), &said)
}

pub async fn undo(global: &Global, order: Undo, terminal: &Terminal) -> Result<(), Failure> {
    let text = order.id.trim();
    let Some(id) = DecisionId::parse(text) else {
        another_kind(global, text, "a decision", &[]).await?;
        return Err(Failure::usage(format!("{text:?} is no decision's id"))
            .with("It begins with dec_; what people decided about an asset is shown by: muster asset explain ID"));
    };
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| {
        let undone = decisions::undo(tx, by, id)?;
        let open = match undone.assets.as_slice() {
            [one, other] => between(tx, *one, *other)?,
            _ => Vec::new(),
        };
        Ok((undone, open))
    };
    let (Undone { made, assets }, open) = decide(global, &order.why.reason, terminal, work).await?;
    let listed = assets.iter().map(AssetId::to_string).collect::<Vec<_>>();
    let (both, spaced) = (listed.join(" and "), listed.join(" "));
    let one = assets.len() == 1;
    let mut said = match made.what {
        What::Pinned => format!("Taken back: {both} is not pinned any more, and the rules have decided again.\n"),
        What::Split if one => format!("Taken back: they are one asset again, {both}.\n"),
        What::Split => {
            format!(
                "Taken back, but no rule joins them, so they are still {both}.\nTo join them: muster asset merge {spaced}\n"
            )
        }
        What::Dismissed if !one => format!("Taken back: nobody has decided any more whether {both} are one machine.\n"),
        What::Merged | What::Accepted if !one => format!("Taken back: they are {both} again, as before.\n"),
        _ => format!(
            "Taken back, but the rules join them by themselves: they are {both}.\nWhy: muster asset explain {both}\n"
        ),
    };
    for review in &open {
        let _ = writeln!(said, "It is an open question again, {}: muster asset review", review.id);
    }
    let object = json!({ "decision": id.to_string(), "undone": made.what.as_str(), "assets": listed });
    answer(terminal, order.why.json, &object, &said)
}

pub async fn pool(global: &Global, order: Pool, terminal: &Terminal) -> Result<(), Failure> {
    let (group, is_pool) = (order.group.clone(), !order.off);
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| directive::pool(tx, by, &group, is_pool);
    decide(global, &order.why.reason, terminal, work).await?;
    let said = match is_pool {
        true => format!(
            "Machines of group {} are made anew: records of one name that follow each other are one asset, from the next \
             reading on.\n",
            order.group
        ),
        false => format!("Machines of group {} are told apart as all others are.\n", order.group),
    };
    answer(terminal, order.why.json, &json!({ "group": order.group, "pool": is_pool }), &said)
}

fn answer(terminal: &Terminal, as_json: bool, object: &Json, said: &str) -> Result<(), Failure> {
    if as_json { terminal.result(&format!("{object}\n")) } else { terminal.result(said) }
}

pub async fn review(global: &Global, order: ReviewOrder, terminal: &Terminal) -> Result<(), Failure> {
    let (what, same) = match order.command {
        None => return list(global, order.limit, order.json, terminal).await,
        Some(ReviewCommand::Accept(what)) => (what, true),
        Some(ReviewCommand::Dismiss(what)) => (what, false),
    };
    another_kind(global, what.id.trim(), "a question (rev_..)", &[review::PREFIX]).await?;
    let id = what.id.trim().to_owned();
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| {
        let told = review::answer(tx, by, &id, same)?;
        let decision = decided_now(tx, told.one.record)?;
        let (Some(one), Some(other), true) = (told.one.record, told.other.record, same) else {
            return Ok((told, None, decision));
        };
        let compared = explain::compare(tx, ORG, Subject::Record(one), Subject::Record(other), by.now)?;
        Ok((told, compared.veto, decision))
    };
    let (told, against, decision) = decide(global, &what.why.reason, terminal, work).await?;
    warn(terminal, against.as_slice());
    let said = match (same, told.one.asset) {
        (true, Some(asset)) => format!("{} and {} are one machine: {asset}\n", named(&told.one), named(&told.other)),
        _ if same => format!("{} and {} are one machine.\n", named(&told.one), named(&told.other)),
        _ => format!("{} and {} are two machines. {}\n", named(&told.one), named(&told.other), review::DISMISSED),
    };
    let said = said + &back(decision);
    let mut object = review_json(&told);
    object["decision"] = decision.map(|id| id.to_string()).into();
    answer(terminal, what.why.json, &object, &said)
}

async fn list(global: &Global, limit: u32, as_json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let store = Place::new(global)?.open_to_read()?;
    let now = terminal.now();
    let told = store.read(move |tx| {
        let (open, count) = review::reviews(tx, ORG, limit)?;
        let mut all = Vec::with_capacity(open.len());
        for one in open {
            let weighed = review::weighed(tx, ORG, &one, now)?;
            all.push((one, weighed));
        }
        Ok::<_, DirectiveError>((all, count))
    });
    let (open, count) = told.await?;
    if as_json {
        let all: Vec<Json> = open.iter().map(|(one, _)| review_json(one)).collect();
        return terminal.result(&format!("{}\n", Json::Array(all)));
    }
    let integrations = sync::integrations(&store, &jobs::World::real(), ORG).await?;
    let names: BTreeMap<IntegrationId, String> = integrations.into_iter().map(|one| (one.id, one.name)).collect();
    if open.is_empty() {
        return terminal.result("Nothing is left to you: every record has its asset.\n");
    }
    let mut out = String::new();
    for (one, weighed) in &open {
        let _ = writeln!(out, "{}  {}", one.id, question("Are these one machine?", one));
        let _ = writeln!(out, "    {}\n    {}", side(&one.one, &names), side(&one.other, &names));
        if !one.evidence.is_empty() {
            let _ = writeln!(out, "    both have: {}", values(&explain::words(&one.evidence)));
        }
        if let Some(weighed) = weighed {
            let _ = writeln!(out, "    {}", weighed.verdict());
            if !weighed.rivals.is_empty() {
                let _ = writeln!(out, "    what they share fits as well: {}", rivals(&weighed.rivals));
            }
        }
        out += &ways(one, weighed.as_ref(), true);
        out.push('\n');
    }
    let shown = counted(count, "question", &terminal.result_number(count));
    let _ = writeln!(out, "{shown} open, {} shown.", open.len());
    terminal.result(&out)
}

/// What a person can do about a question, each as a whole command; what speaks for it and against, unless that stands there.
fn ways(review: &Review, weighed: Option<&Compared>, weigh: bool) -> String {
    let mut out = String::new();
    let mut way = |what: &str, command: String| {
        let _ = writeln!(out, "      {what:<36}muster asset {command}");
    };
    for answer in review::answers(weighed) {
        let word = if answer.same { "accept" } else { "dismiss" };
        way(answer.when, format!("review {word} {}", review.id));
    }
    match (review.one.asset, review.other.asset) {
        (Some(one), Some(other)) if one != other && weigh => {
            way("what speaks for it, and against", format!("explain {one} --and {other}"));
        }
        (Some(asset), None) | (None, Some(asset)) => way("what is known", format!("explain {asset}")),
        _ => {}
    }
    out
}

/// Records that a rule fits as well, each with its asset.
fn rivals(all: &[(RecordId, AssetId)]) -> String {
    all.iter().map(|(record, asset)| format!("{record} of {asset}")).collect::<Vec<_>>().join(", ")
}

fn question(asked: &str, review: &Review) -> String {
    format!("{asked} {}", review.about.words()).trim_end().to_owned()
}

fn named(side: &Side) -> String {
    let name = side.name.clone().unwrap_or_else(|| "(no name)".to_owned());
    match side.record {
        Some(record) => format!("{name} ({record})"),
        None => name,
    }
}

fn side(side: &Side, names: &BTreeMap<IntegrationId, String>) -> String {
    let asset = side.asset.map_or_else(|| "left out".to_owned(), |asset| asset.to_string());
    format!("{asset}  {}, {}", named(side), side.seen(names))
}

fn values(evidence: &[(&str, String)]) -> String {
    evidence.iter().map(|(kind, value)| format!("{kind} {value}")).collect::<Vec<_>>().join(", ")
}

fn explained(told: &Explained, weighed: &[Option<Compared>], names: &BTreeMap<IntegrationId, String>) -> String {
    let mut out = String::new();
    if let Some(asked) = told.asked {
        out += &where_it_led(asked, told);
    }
    if let Some(record) = told.record {
        let _ = writeln!(
            out,
            "{record} is a record of {0}. What follows is all of {0}, that record at the top.",
            told.asset
        );
    }
    let _ = writeln!(out, "{} {}: {}.", told.asset, called(told), told.what(names));
    out += &called_before(told);
    if told.pinned {
        let by = told.pin.as_ref().map(|pin| {
            let who = capital(person(&pin.by));
            format!(" {who} pinned it on {}{}.", to_the_second(pin.at), because_of(&pin.reason))
        });
        let _ = writeln!(
            out,
            "It is PINNED: nothing joins it or leaves it.{} {} To take that back: muster asset unpin {}",
            by.unwrap_or_default(),
            told.while_pinned().unwrap_or_default(),
            told.asset
        );
    }
    for remainder in &told.remainders {
        out += &mixed(remainder, told);
    }
    out += &decided(told);
    let _ = match told.records.len() {
        1 => writeln!(out, "\nIts only record, which is what one source says of it:"),
        number => writeln!(
            out,
            "\nIts {number} records, each what one source says of it; under each stands why it belongs here:"
        ),
    };
    for linked in &told.records {
        let name = linked.name.clone().unwrap_or_else(|| format!("(no name; there it is {})", linked.native_id));
        let replaced = match linked.replaced_by {
            Some(record) if linked.grade == Grade::Agent => format!(" (replaced by {record})"),
            _ => String::new(),
        };
        let _ = writeln!(out, "{}  {name}, {}{replaced}", linked.record, seen(linked, names));
        let _ = writeln!(out, "    {}", because(linked, told));
        for (kind, value) in &linked.evidence {
            let _ = writeln!(out, "      {kind}  {value}");
        }
        if let Some(followed) = &linked.followed {
            let _ = writeln!(out, "    {}", followed.words());
        }
        if let Some(itself) = linked.itself() {
            let _ = writeln!(out, "    {itself}");
        }
        if let Some((head, each)) = linked.differs(told.is_doubtful(linked.record)) {
            let _ = writeln!(out, "    {head}");
            for against in &linked.against {
                let but = if each { format!(": {}", against.but) } else { String::new() };
                let _ = writeln!(out, "      {}  {}{but}", against.differing.kind, against.values());
            }
        }
    }
    out += &tagged(told, names);
    out += &not_used(told);
    for other in &told.same_hardware {
        let _ = writeln!(out, "\n{other} is another system on the same hardware.");
    }
    if !told.reviews.is_empty() {
        out += "\nOpen questions about it:\n";
        for (review, weighed) in told.reviews.iter().zip(weighed) {
            let ours = told.records.iter().any(|linked| Some(linked.record) == review.one.record);
            let other = if ours { &review.other } else { &review.one };
            let asset = other.asset.map_or_else(|| "which is left out".to_owned(), |asset| format!("of {asset}"));
            let asked = format!("Is it the same machine as {} {asset}, {}?", named(other), other.seen(names));
            let _ = writeln!(out, "    {}  {}", review.id, question(&asked, review));
            if let Some(weighed) = weighed {
                let _ = writeln!(out, "      {}", weighed.verdict());
            }
            out += &ways(review, weighed.as_ref(), true);
        }
    }
    out.push('\n');
    let mut hint = |what: &str, command: &str| {
        let _ = writeln!(out, "{what:<44}{command}");
    };
    let first = if told.pinned { format!("muster asset unpin {}, then ", told.asset) } else { String::new() };
    if told.records.len() > 1 {
        hint("If a record is of another machine:", &format!("{first}muster asset split RECORD"));
        hint(KEEPS, "");
    }
    hint("If another asset is this machine too:", &format!("{first}muster asset merge {} ID", told.asset));
    hint("Why another asset is not this one:", &format!("muster asset explain {} --and ID", told.asset));
    hint("What changed on it:", &format!("muster asset history {}", told.asset));
    hint("What the rules are (R30, V2 ..):", "muster help correlation");
    out
}

/// Which part of an asset that is split keeps its id.
const KEEPS: &str = "  The part with more records keeps the id, of two equal parts the one with the oldest record; but a part that \
                     had an id of its own before a merge takes that one back.";

/// That an asset may be two machines still, and what a person can do about it.
fn mixed(remainder: &Remainder, told: &Explained) -> String {
    let first = if told.pinned { format!("muster asset unpin {}, then ", told.asset) } else { String::new() };
    let left: Vec<RecordId> = remainder.left.iter().map(|of| of.record).collect();
    let way = match (remainder.stands, remainder.asset) {
        (true, _) => {
            let all = remainder::instead(&remainder.off, &remainder.left);
            format!("muster asset undo {}, then muster asset split {}", remainder.decision, spaced(&all))
        }
        (false, Some(asset)) => {
            format!("muster asset split {}, then merge what comes of it with {asset}", spaced(&left))
        }
        (false, None) => format!("muster asset split {}", spaced(&left)),
    };
    let (words, off) = (remainder::words(&remainder.left), in_line(&remainder.off, "records"));
    let what = match remainder.stays == told.asset {
        true => format!("it MAY MIX TWO MACHINES since the split of {off}"),
        false => format!("SOME OF IT MAY HAVE STAYED in {} at the split of {off}", remainder.stays),
    };
    format!("Beware, {what}: {words}.\n    To move what stayed too: {first}{way}\n")
}

/// What became of an id that was merged away, step by step.
fn where_it_led(asked: AssetId, told: &Explained) -> String {
    let mut out = String::new();
    for (at, deed) in told.way.iter().enumerate() {
        let by = match deed.decision.as_deref() {
            Some(_) => format!("by {}{}", person(&deed.by), because_of(&deed.reason)),
            None => "by a rule".to_owned(),
        };
        let when = to_the_second(deed.at);
        let _ = match (at, deed.decision.as_deref()) {
            (0, _) => writeln!(out, "{asked} was merged into {} on {when} {by}.", deed.to),
            (_, Some("split")) => {
                writeln!(out, "Its record was split off {} again on {when} {by}, and is {} since.", deed.from, deed.to)
            }
            _ => writeln!(out, "Then {} became {} on {when} {by}.", deed.from, deed.to),
        };
    }
    let _ = writeln!(out, "What follows is {}.", told.asset);
    out
}

/// What people decided about an asset, the oldest first, and which rules speak against it.
fn decided(told: &Explained) -> String {
    let mut lines: Vec<(kernel::Timestamp, String)> = Vec::new();
    let mut known: Vec<kernel::Timestamp> = Vec::new();
    for made in &told.decisions {
        if told.pinned && made.what == What::Pinned && made.undone.is_none() {
            // The pin stands above all else already.
            known.push(made.said.at);
            continue;
        }
        let mut line = said(made.said.at, &made.said.by, &made.words(told.asset), &made.said.reason);
        if made.undone.is_none() {
            for objection in told.objections_to(&made.said) {
                let _ = writeln!(line, "      A rule speaks against it: {}.", objection.words());
            }
        }
        line += &long(&made.others);
        line += &long(&made.records);
        known.push(made.said.at);
        match &made.undone {
            Some(undone) => {
                known.push(undone.at);
                let (at, by, why) = (to_the_second(undone.at), person(&undone.by), because_of(&undone.reason));
                let _ = writeln!(line, "      Taken back on {at} by {by}{why}.");
                let is_made_again = |later: &Made| later.undone.is_none() && later.records == made.records;
                if !told.decisions.iter().any(is_made_again) {
                    line += &again(made);
                }
            }
            None if made.stands && made.what != What::Pinned => {
                let first =
                    if told.pinned { format!("muster asset unpin {}, then ", told.asset) } else { String::new() };
                let _ = writeln!(line, "      To take it back: {first}muster asset undo {}", made.id);
            }
            None => {}
        }
        lines.push((made.said.at, line));
    }
    for deed in &told.deeds {
        if known.contains(&deed.at) {
            continue;
        }
        let records = in_line(&deed.records, "records");
        let came = deed.to == told.asset;
        let words = match (deed.decision.as_deref(), came) {
            (Some("merged"), true) => format!("merged {} into it: {records}", deed.from),
            (Some("merged"), false) => format!("merged it into {}: {records}", deed.to),
            (Some("split"), true) => format!("split it off {}: {records}", deed.from),
            (Some("split"), false) => format!("split {} off it: {records}", deed.to),
            (_, true) => format!("took a decision back, and {records} came from {}", deed.from),
            (_, false) => format!("took a decision back, and {records} went to {}", deed.to),
        };
        lines.push((deed.at, said(deed.at, &deed.by, &words, &deed.reason) + &long(&deed.records)));
    }
    let told_of = |at| known.contains(&at) || told.deeds.iter().any(|deed| deed.at == at);
    for parted in told.parted.iter().filter(|parted| !told_of(parted.at)) {
        let from = parted.asset.map_or_else(|| "records that are left out".to_owned(), |asset| asset.to_string());
        let words = format!("said that it is another machine than {from}");
        lines.push((parted.at, said(parted.at, &parted.by, &words, &parted.reason)));
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut out: String = lines.into_iter().map(|(_, line)| line).collect();
    let decided = |of: &Objection| {
        let of_it = |made: &&Made| made.undone.is_none() && (made.said.at, &made.said.by) == (of.at, &of.by);
        told.decisions.iter().any(|made| of_it(&made))
    };
    for objection in told.objections.iter().filter(|objection| !decided(objection)) {
        let (at, by, why) = (to_the_second(objection.at), person(&objection.by), because_of(&objection.reason));
        let _ = writeln!(out, "    A rule speaks against what {by} decided on {at}{why}: {}.", objection.words());
    }
    if out.is_empty() { out } else { format!("\nWhat people decided about it:\n{out}") }
}

/// How to decide again what was taken back.
fn again(made: &Made) -> String {
    let command = match made.what {
        What::Merged => format!("merge {} {}", made.asset, spaced(&made.others)),
        What::Split => format!("split {}", spaced(&made.records)),
        What::Pinned => format!("pin {}", made.asset),
        // The question is open again, if it is one still.
        What::Accepted | What::Dismissed => "review".to_owned(),
    };
    format!("      To decide so again: muster asset {command}\n")
}

/// What is too much for a line, a line each.
fn long<T: ToString>(all: &[T]) -> String {
    match all.len() > IN_LINE_MAX {
        true => all.iter().map(|one| format!("      {}\n", one.to_string())).collect(),
        false => String::new(),
    }
}

fn said(at: kernel::Timestamp, by: &str, words: &str, reason: &str) -> String {
    format!("    {}  {} {words}{}\n", to_the_second(at), person(by), because_of(reason))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        // Only a phrase of ours: a person's name is as that person writes it.
        Some(first) if text.contains(' ') => first.to_uppercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// The name that questions find it by.
fn name_of(told: &Explained) -> Option<&str> {
    let first = || told.records.iter().find_map(|linked| linked.name.as_deref());
    told.name.as_deref().or_else(first)
}

fn called(told: &Explained) -> String {
    name_of(told).map_or_else(|| "has no name".to_owned(), |name| format!("is {name}"))
}

/// What its older agents were called.
fn called_before(told: &Explained) -> String {
    let name = name_of(told).unwrap_or_default();
    let mut before: Vec<&str> = Vec::new();
    for linked in told.records.iter().filter(|linked| linked.replaced_by.is_some()) {
        if let Some(old) = linked.name.as_deref().filter(|old| !old.eq_ignore_ascii_case(name) && !before.contains(old))
        {
            before.push(old);
        }
    }
    match before.is_empty() {
        true => String::new(),
        false => {
            let agents = if before.len() == 1 { "An older agent of it" } else { "Older agents of it" };
            format!("{agents} called it {}.\n{}", in_line(&before, "names"), long(&before))
        }
    }
}

/// Tags, each once with all that say it.
fn tagged(told: &Explained, names: &BTreeMap<IntegrationId, String>) -> String {
    if told.tags.is_empty() {
        return String::new();
    }
    let mut sayers: Vec<((&str, &str), Vec<String>)> = Vec::new();
    for tag in &told.tags {
        let key = (tag.key.as_str(), tag.value.as_str());
        let sayer = format!("{} ({})", integration_of(told, tag.record, names), tag.record);
        match sayers.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => known.push(sayer),
            None => sayers.push((key, vec![sayer])),
        }
    }
    let mut out = "\nIts tags, and who says so:\n".to_owned();
    for ((key, value), who) in &sayers {
        let _ = writeln!(out, "    {key}={value}  {}", in_line(who, "records"));
        out += &long(who);
    }
    let twice = |key: &str| sayers.iter().filter(|((with, _), _)| with.eq_ignore_ascii_case(key)).count() > 1;
    if sayers.iter().any(|((key, _), _)| twice(key)) {
        out += "    Where values of one key differ, none wins: a question finds the asset by each of them.\n";
    }
    out
}

/// Values that were not used, and why: behind the value, or once below several.
fn not_used(told: &Explained) -> String {
    let mut out = String::new();
    for (why, values) in told.not_used() {
        let single = values.len() == 1;
        for value in &values {
            let (of, end) = (in_line(&value.records, "records"), if single { ":" } else { "" });
            let _ = write!(out, "    {} {:?} of {of}{end}", value.kind, value.value);
            if single {
                let _ = write!(out, " {}", why.words());
            }
            out += "\n";
            out += &long(&value.records);
        }
        if !single {
            let _ = writeln!(out, "      Why: {}.", why.words());
        }
    }
    if out.is_empty() { out } else { format!("\nNot used as evidence:\n{out}") }
}

/// The name of the integration that a record of the asset is from.
fn integration_of<'a>(told: &Explained, record: RecordId, names: &'a BTreeMap<IntegrationId, String>) -> &'a str {
    let linked = told.records.iter().find(|linked| linked.record == record);
    linked.and_then(|linked| names.get(&linked.integration)).map_or("an integration that is gone", String::as_str)
}

fn seen(linked: &Linked, names: &BTreeMap<IntegrationId, String>) -> String {
    explain::seen(linked.grade, names.get(&linked.integration).map(String::as_str))
}

fn because(linked: &Linked, told: &Explained) -> String {
    let since = to_the_second(linked.since);
    let by_people = || {
        let made = told.decisions.iter().flat_map(|made| [Some(&made.said), made.undone.as_ref()]).flatten();
        let came = |deed: &&Deed| deed.at == linked.since && deed.records.contains(&linked.record);
        let decided = made.filter(|said| said.at == linked.since).map(|said| said.by.as_str()).next();
        decided.or_else(|| told.deeds.iter().find(came).map(|deed| deed.by.as_str()))
    };
    match (linked.rule, linked.partner) {
        (Rule::New, _) | (_, None) => match by_people() {
            Some(who) => format!("The first record of this asset since {since}, by what {} decided then.", person(who)),
            None => format!("The first record of this asset, since {since}."),
        },
        (rule, Some(partner)) if rule.is_by_people() => {
            let what = match rule {
                Rule::Merged => format!("merged it with {partner}"),
                Rule::Kept => format!("split off others, and it stayed with {partner}"),
                _ => format!("pinned the asset with it and {partner}, and no rule holds it here"),
            };
            let who = if linked.by == "person" { "a person" } else { person(&linked.by) };
            // With the decision stands its reason.
            let decided = |made: &&Made| (made.said.at, &made.said.by) == (linked.since, &linked.by);
            let reason = if told.decisions.iter().any(|made| decided(&made)) { "" } else { &linked.reason };
            format!("Here since {since}: {who} {what}{}.", because_of(reason))
        }
        (_, Some(partner)) => {
            let (because, end) = (linked.told(), if linked.evidence.is_empty() { "." } else { ":" });
            format!("Since {since} the same machine as {partner}, because {because}{end}")
        }
    }
}

fn compared(told: &Compared, asked: (Subject, Subject), questions: &[Review]) -> String {
    let mut out = String::new();
    let one = told.assets.0.is_some() && told.assets.0 == told.assets.1;
    if let (true, Some(asset)) = (one, told.assets.0) {
        let _ = writeln!(out, "They are one asset: {asset}. Why: muster asset explain {asset}");
        return out;
    }
    let side = |asked: Subject, asset: Option<AssetId>, name: &Option<String>| {
        let name = name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        match (asked, asset) {
            (Subject::Record(record), Some(asset)) => format!("{record} of {asset}{name}"),
            (Subject::Record(record), None) => format!("{record}, which is left out,"),
            (Subject::Asset(typed), asset) => format!("{}{name}", asset.unwrap_or(typed)),
        }
    };
    let (first, second) = (side(asked.0, told.assets.0, &told.names.0), side(asked.1, told.assets.1, &told.names.1));
    let _ = writeln!(out, "{first} and {second} are two assets.\n{}", told.verdict());
    if !told.pins.is_empty() && !matches!(told.veto, Some((Veto::Pinned, ..))) {
        let _ = writeln!(out, "{}", told.pinned());
    }
    match (&told.veto, &told.nearest) {
        (Some(_), Some(nearest)) if nearest.but.is_none() => {
            let _ = writeln!(
                out,
                "What would join them otherwise: {}: {} and {}.",
                nearest.rule.told(),
                nearest.one,
                nearest.other
            );
        }
        _ => {}
    }
    if !told.rivals.is_empty() {
        let _ = writeln!(out, "What they share fits as well: {}.", rivals(&told.rivals));
    }
    // One reason for several values is told once.
    let mut reasons: Vec<(&Why, Vec<&str>)> = Vec::new();
    for common in &told.common {
        let note = if common.ignored.is_some() { ", which is not used as evidence" } else { "" };
        let _ = writeln!(out, "    both have    {} {}{note}", common.kind, common.value);
        if let Some(why) = &common.ignored {
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, kinds)) => kinds.push(common.kind),
                None => reasons.push((why, vec![common.kind])),
            }
        }
    }
    for differing in &told.differing {
        let (one, other) = (in_line(&differing.one, "values"), in_line(&differing.other, "values"));
        let _ = writeln!(out, "    they differ  {} {one} against {other}", differing.kind);
        out += &long(&differing.one);
        out += &long(&differing.other);
    }
    for (why, kinds) in &reasons {
        let _ = writeln!(out, "Why this is not used ({}): {}.", kinds.join(", "), why.words());
    }
    for review in questions {
        let _ = writeln!(out, "It is an open question, {}, and the answer is yours:", review.id);
        out += &ways(review, Some(told), false);
    }
    let made = told.decided.as_ref().and_then(|(_, made)| made.as_ref());
    if let Some(made) = made.filter(|made| made.stands && told.pins.is_empty()) {
        let _ =
            writeln!(out, "To take that decision back, so that the rules decide again: muster asset undo {}", made.id);
    }
    if let ([], Some(one), Some(other)) = (questions, told.assets.0, told.assets.1) {
        let first: Vec<String> =
            told.pins.iter().map(|(pinned, _)| format!("muster asset unpin {pinned}, then ")).collect();
        let _ =
            writeln!(out, "If they are one machine all the same: {}muster asset merge {one} {other}", first.concat());
    }
    out
}

fn explained_json(told: &Explained, names: &BTreeMap<IntegrationId, String>) -> Json {
    let against = |of: &Against| {
        let differing = &of.differing;
        json!({ "kind": differing.kind, "own": differing.one, "partner": differing.other, "but": of.but })
    };
    let parted = |parted: &PartedFrom| {
        json!({
            "asset": parted.asset.map(|asset| asset.to_string()), "by": parted.by, "reason": parted.reason,
            "at": parted.at.to_string(),
        })
    };
    let record = |linked: &Linked| {
        json!({
            "record": linked.record.to_string(), "integration": names.get(&linked.integration),
            "native_id": linked.native_id, "source": linked.source, "grade": linked.grade.as_str(), "name": linked.name,
            "rule": linked.rule.code(), "because": linked.because(), "evidence": evidence_json(&linked.evidence),
            "partner": linked.partner.map(|partner| partner.to_string()), "since": linked.since.to_string(),
            "by": linked.by, "reason": linked.reason,
            "replaced_by": linked.replaced_by.map(|record| record.to_string()),
            "against": linked.against.iter().map(against).collect::<Vec<_>>(),
            "followed": linked.followed.as_ref().map(|followed| json!({
                "older": followed.older.to_string(), "ended": followed.ended.to_string(), "began": followed.began.to_string(),
            })),
        })
    };
    let ignored: Vec<Json> = told
        .ignored
        .iter()
        .map(|one| {
            let record = one.record.to_string();
            json!({ "record": record, "kind": one.kind, "value": one.value, "why": one.why.words() })
        })
        .collect();
    let tag = |tag: &Tagged| {
        let integration = integration_of(told, tag.record, names);
        json!({ "key": tag.key, "value": tag.value, "record": tag.record.to_string(), "integration": integration })
    };
    let deed = |deed: &Deed| {
        let records: Vec<String> = deed.records.iter().map(RecordId::to_string).collect();
        json!({
            "at": deed.at.to_string(), "decision": deed.decision, "by": deed.by, "reason": deed.reason,
            "from": deed.from.to_string(), "to": deed.to.to_string(), "records": records,
        })
    };
    let objection = |of: &Objection| {
        json!({
            "veto": of.veto.code(), "because": of.veto.words(), "one": of.one.to_string(), "other": of.other.to_string(),
            "by": of.by, "reason": of.reason, "at": of.at.to_string(),
        })
    };
    let pin = told.pin.as_ref().map(|pin| json!({ "at": pin.at.to_string(), "by": pin.by, "reason": pin.reason }));
    json!({
        "way": told.way.iter().map(deed).collect::<Vec<_>>(), "decided": told.deeds.iter().map(deed).collect::<Vec<_>>(),
        "decisions": told.decisions.iter().map(made_json).collect::<Vec<_>>(),
        "objections": told.objections.iter().map(objection).collect::<Vec<_>>(), "pin": pin,
        "asset": told.asset.to_string(), "asked": told.asked.map(|asked| asked.to_string()), "pinned": told.pinned,
        "name": told.name, "what": told.what(names), "parted": told.parted.iter().map(parted).collect::<Vec<_>>(),
        "records": told.records.iter().map(record).collect::<Vec<_>>(), "ignored": ignored,
        "tags": told.tags.iter().map(tag).collect::<Vec<_>>(),
        "same_hardware": told.same_hardware.iter().map(AssetId::to_string).collect::<Vec<_>>(),
        "reviews": told.reviews.iter().map(review_json).collect::<Vec<_>>(),
        "left_behind": told.remainders.iter().flat_map(|of| &of.left).map(left_json).collect::<Vec<_>>(),
    })
}

fn left_json(left: &LeftBehind) -> Json {
    json!({ "record": left.record.to_string(), "with": left.with.to_string(), "kind": left.kind, "value": left.value })
}

fn made_json(made: &Made) -> Json {
    let said = |said: &decisions::Said| json!({ "at": said.at.to_string(), "by": said.by, "reason": said.reason });
    json!({
        "id": made.id.to_string(), "what": made.what.as_str(), "said": said(&made.said),
        "asset": made.asset.to_string(), "others": made.others.iter().map(AssetId::to_string).collect::<Vec<_>>(),
        "records": made.records.iter().map(RecordId::to_string).collect::<Vec<_>>(),
        "undone": made.undone.as_ref().map(said), "stands": made.stands,
    })
}

fn evidence_json(evidence: &[(&str, String)]) -> Json {
    evidence.iter().map(|(kind, value)| json!({ "kind": kind, "value": value })).collect()
}

fn compared_json(told: &Compared) -> Json {
    let asset = |asset: Option<AssetId>| asset.map(|asset| asset.to_string());
    let nearest = told.nearest.as_ref().map(|nearest| {
        json!({
            "rule": nearest.rule.code(), "because": nearest.rule.words(), "one": nearest.one.to_string(),
            "other": nearest.other.to_string(), "but_shared": nearest.but == Some(But::Shared),
        })
    });
    let veto = told.veto.map(|(veto, one, other)| {
        json!({ "veto": veto.code(), "because": veto.words(), "one": one.to_string(), "other": other.to_string() })
    });
    let common = told.common.iter().map(
        |common| json!({ "kind": common.kind, "value": common.value, "ignored": common.ignored.as_ref().map(Why::words) }),
    );
    let differing = told
        .differing
        .iter()
        .map(|differing| json!({ "kind": differing.kind, "one": differing.one, "other": differing.other }));
    json!({
        "assets": [asset(told.assets.0), asset(told.assets.1)],
        "one": told.assets.0.is_some() && told.assets.0 == told.assets.1,
        "verdict": told.verdict(), "decision": told.decided.as_ref().and_then(|(_, made)| made.as_ref()).map(made_json),
        "pinned": told.pins.iter().map(|(asset, _)| asset.to_string()).collect::<Vec<_>>(),
        "veto": veto, "sites": told.sites.as_ref().map(|(one, other)| [one, other]), "nearest": nearest, "common": common.collect::<Vec<_>>(),
        "differing": differing.collect::<Vec<_>>(),
    })
}

fn review_json(review: &Review) -> Json {
    let side = |side: &Side| {
        json!({
            "record": side.record.map(|record| record.to_string()), "asset": side.asset.map(|asset| asset.to_string()),
            "name": side.name, "source": side.source,
        })
    };
    json!({
        "id": review.id, "about": review.about.as_str(), "one": side(&review.one), "other": side(&review.other),
        "score": review.score, "evidence": evidence_json(&explain::words(&review.evidence)),
        "since": review.since.to_string(),
    })
}
