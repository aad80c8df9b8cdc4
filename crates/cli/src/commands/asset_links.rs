//! `muster asset explain`, `merge`, `split`, `pin`, `unpin`, `review` and `pool`: which records are one machine, why, and
//! what people decide about it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use inventory::correlate::deeds::{Deed, Objection};
use inventory::correlate::directive::{self, Decision, DirectiveError, Parted};
use inventory::correlate::explain::{
    self, Against, Compared, Explained, Ignored, Linked, PartedFrom, Subject, Tagged, Why,
};
use inventory::correlate::partition::About;
use inventory::correlate::review::{self, Review, Side};
use inventory::correlate::rules::Rule;
use inventory::correlate::veto::Veto;
use inventory::noun::Grade;
use inventory::{InventoryError, Memory};
use kernel::{AssetId, IntegrationId, OrgId, RecordId};
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
    /// Why, for the audit trail
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
    /// Says no: the two are two machines, from now on
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
            error @ DirectiveError::NoSuchAsset(_) => {
                Failure::usage(error.to_string()).with("Find it: muster query TEXT --fields id,name")
            }
            error @ DirectiveError::NoSuchRecord(_) => {
                Failure::usage(error.to_string()).with("An asset's records are shown by: muster asset explain ID")
            }
            error @ DirectiveError::NoSuchQuestion(_) => {
                Failure::usage(error.to_string()).with("What is open: muster asset review")
            }
            DirectiveError::Pinned(asset) => Failure::usage(error.to_string()).with(format!(
                "First muster asset unpin {asset}, then decide, then pin it again: muster asset pin {asset}"
            )),
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
    if text.starts_with("rec_") {
        record(text)?;
    }
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

async fn assets(global: &Global, texts: &[String]) -> Result<Vec<AssetId>, Failure> {
    let mut all = Vec::with_capacity(texts.len());
    for text in texts {
        all.push(asset(global, text).await?);
    }
    Ok(all)
}

fn record(text: &str) -> Result<RecordId, Failure> {
    let text = text.trim();
    RecordId::parse(text).ok_or_else(|| {
        if AssetId::parse(text).is_some() {
            return Failure::usage(format!("{text} is an asset, and only records are split off"))
                .with(format!("Its records are shown by: muster asset explain {text}"));
        }
        Failure::usage(format!("{text:?} is no record's id"))
            .with("It begins with rec_; an asset's records are shown by: muster asset explain ID")
    })
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
        let told = store.read(move |tx| explain::explain_of(tx, ORG, asked)).await?;
        let text = if order.json { format!("{}\n", explained_json(&told, &names)) } else { explained(&told, &names) };
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
    let typed = |subject: Subject| match subject {
        Subject::Asset(asset) => asset.to_string(),
        Subject::Record(record) => record.to_string(),
    };
    let (one, two) = (typed(asked), typed(other));
    let sides = (one.as_str(), two.as_str());
    let text = if order.json { format!("{}\n", compared_json(&told)) } else { compared(&told, sides, &questions) };
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
        let asset = directive::merge(tx, by, &assets)?;
        came.retain(|(known, _)| *known != asset);
        Ok((asset, came, against))
    };
    let (asset, came, against) = decide(global, &order.why.reason, terminal, work).await?;
    warn(terminal, &against);
    let ids = if came.len() == 1 { "The other id leads" } else { "The other ids lead" };
    let mut said = format!("They are one asset from now on: {asset}. {ids} there too.\n");
    for (was, records) in &came {
        let _ = writeln!(said, "To part {was} from it again: muster asset split {}", spaced(records));
    }
    let part = |(was, records): &(AssetId, Vec<RecordId>)| json!({ "asset": was.to_string(), "records": records.iter().map(RecordId::to_string).collect::<Vec<_>>() });
    let object = json!({ "asset": asset.to_string(), "came": came.iter().map(part).collect::<Vec<_>>() });
    answer(terminal, order.why.json, &object, &said)
}

fn spaced(records: &[RecordId]) -> String {
    records.iter().map(RecordId::to_string).collect::<Vec<_>>().join(" ")
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
    let records = order.records.iter().map(|id| record(id)).collect::<Result<Vec<_>, _>>()?;
    let (named, alone) = (records.clone(), order.alone);
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| match alone {
        true => directive::split_alone(tx, by, &records),
        false => directive::split(tx, by, &records),
    };
    let parted = decide(global, &order.why.reason, terminal, work).await?;
    let Parted { from, stays, off, carried, ties } = parted;
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
        let _ = writeln!(
            said,
            "{} went along with {}, because {}, and nothing ties it to what stays.",
            tie.record,
            tie.with,
            tie.rule.words()
        );
    }
    let other = if stays == from { off } else { stays };
    let back = format!("muster asset merge {from} {other}");
    let _ = writeln!(said, "To take {} back: {back}", if ties.is_empty() { "it" } else { "all of it" });
    if !ties.is_empty() {
        let named = spaced(&named);
        let _ = writeln!(
            said,
            "To split off {named} and nothing else: take it back, then muster asset split {named} --alone"
        );
    }
    let carried: Vec<String> = carried.iter().map(RecordId::to_string).collect();
    let object = json!({ "asset": stays.to_string(), "split_off": off.to_string(), "carried": carried });
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
    let id = what.id.clone();
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| {
        let told = review::answer(tx, by, &id, same)?;
        let (Some(one), Some(other), true) = (told.one.record, told.other.record, same) else {
            return Ok((told, None));
        };
        let compared = explain::compare(tx, ORG, Subject::Record(one), Subject::Record(other), by.now)?;
        Ok((told, compared.veto))
    };
    let (told, against) = decide(global, &what.why.reason, terminal, work).await?;
    warn(terminal, against.as_slice());
    let said = match (same, told.one.asset) {
        (true, Some(asset)) => format!("{} and {} are one machine: {asset}\n", named(&told.one), named(&told.other)),
        _ if same => format!("{} and {} are one machine.\n", named(&told.one), named(&told.other)),
        _ => format!("{} and {} are two machines, and nobody asks again.\n", named(&told.one), named(&told.other)),
    };
    let back = match (same, told.other.record, told.one.asset.zip(told.other.asset)) {
        (true, Some(record), _) => format!("To part them again: muster asset split {record}\n"),
        (false, _, Some((one, other))) => format!("To take it back: muster asset merge {one} {other}\n"),
        _ => String::new(),
    };
    let said = said + &back;
    answer(terminal, what.why.json, &review_json(&told), &said)
}

async fn list(global: &Global, limit: u32, as_json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let store = Place::new(global)?.open_to_read()?;
    let now = terminal.now();
    let told = store.read(move |tx| {
        let (open, count) = review::reviews(tx, ORG, limit)?;
        let mut all = Vec::with_capacity(open.len());
        for one in open {
            // Only where it is said that others fit, somebody asks which.
            let fits = match (one.about, one.one.record, one.other.record) {
                (About::Ambiguous, Some(first), Some(second)) => {
                    explain::compare(tx, ORG, Subject::Record(first), Subject::Record(second), now)?.rivals
                }
                _ => Vec::new(),
            };
            all.push((one, fits));
        }
        Ok::<_, DirectiveError>((all, count))
    });
    let (open, count) = told.await?;
    if as_json {
        let all: Vec<Json> = open.iter().map(|(one, _)| review_json(one)).collect();
        return terminal.result(&format!("{}\n", Json::Array(all)));
    }
    if open.is_empty() {
        return terminal.result("Nothing is left to you: every record has its asset.\n");
    }
    let mut out = String::new();
    for (one, fits) in &open {
        let _ = writeln!(out, "{}  {}", one.id, question(one));
        let _ = writeln!(out, "    {}\n    {}", side(&one.one), side(&one.other));
        if !one.evidence.is_empty() {
            let _ = writeln!(out, "    both have {}", values(&explain::words(&one.evidence)));
        }
        if !fits.is_empty() {
            let _ = writeln!(out, "    what they share fits as well: {}", rivals(fits));
        }
        out += &ways(one);
        out.push('\n');
    }
    let shown = counted(count, "question", &terminal.result_number(count));
    let _ = writeln!(out, "{shown} open, {} shown.", open.len());
    terminal.result(&out)
}

/// What a person can do about a question, each as a whole command.
fn ways(review: &Review) -> String {
    let mut out = String::new();
    let mut way = |what: &str, command: String| {
        let _ = writeln!(out, "      {what:<34}muster asset {command}");
    };
    way("they are one machine", format!("review accept {}", review.id));
    way("they are two machines", format!("review dismiss {}", review.id));
    match (review.one.asset, review.other.asset) {
        (Some(one), Some(other)) if one != other => {
            way("what speaks for it, and against", format!("explain {one} --and {other}"));
            way("join all records of both", format!("merge {one} {other}"));
            way("keep the first as it is", format!("pin {one}"));
            way("keep the second as it is", format!("pin {other}"));
        }
        (Some(asset), _) | (None, Some(asset)) => {
            way("what is known", format!("explain {asset}"));
            way("keep it as it is", format!("pin {asset}"));
        }
        (None, None) => {}
    }
    out
}

/// Records that a rule fits as well, each with its asset.
fn rivals(all: &[(RecordId, AssetId)]) -> String {
    all.iter().map(|(record, asset)| format!("{record} of {asset}")).collect::<Vec<_>>().join(", ")
}

fn question(review: &Review) -> &'static str {
    match review.about {
        About::Alike => "Are these one machine? They look alike, and no rule decides it.",
        About::Ambiguous => "Are these one machine? What they share fits others just as well.",
        About::Clone => {
            "Are these one machine? Two agents have one identity and are both alive, as after a disk was cloned."
        }
        About::Conflict => "Are these one machine? People decided that they are, and that they are not.",
    }
}

fn named(side: &Side) -> String {
    let name = side.name.clone().unwrap_or_else(|| "(no name)".to_owned());
    match side.record {
        Some(record) => format!("{name} ({record})"),
        None => name,
    }
}

fn side(side: &Side) -> String {
    let asset = side.asset.map_or_else(|| "left out".to_owned(), |asset| asset.to_string());
    format!("{asset}  {}  from {}", named(side), side.source)
}

fn values(evidence: &[(&str, String)]) -> String {
    evidence.iter().map(|(kind, value)| format!("{kind} {value}")).collect::<Vec<_>>().join(", ")
}

fn explained(told: &Explained, names: &BTreeMap<IntegrationId, String>) -> String {
    let mut out = String::new();
    if let Some(asked) = told.asked {
        out += &where_it_led(asked, told);
    }
    if let Some(record) = told.record {
        let _ = writeln!(out, "{record} is a record of {}; it stands first.", told.asset);
    }
    if told.pinned {
        let by = told.pin.as_ref().map(|pin| format!("{} on {}", person(&pin.by), to_the_second(pin.at)));
        let reason = told.pin.as_ref().map(|pin| because_of(&pin.reason)).unwrap_or_default();
        let by = by.unwrap_or_else(|| "a person".to_owned());
        let _ = writeln!(
            out,
            "PINNED by {by}{reason}. No record leaves it and none joins it, until: muster asset unpin {}",
            told.asset
        );
    }
    let number = told.records.len() as u64;
    let _ = writeln!(
        out,
        "{}, {}, is what {} say{} of one machine.",
        told.asset,
        called(told),
        counted(number, "record", &number.to_string()),
        if number == 1 { "s" } else { "" }
    );
    out += &decided(told);
    out.push('\n');
    for linked in &told.records {
        let name = linked.name.as_deref().unwrap_or("(no name)");
        let replaced = match linked.replaced_by {
            Some(record) if linked.grade == Grade::Agent => format!(" (replaced by {record})"),
            _ => String::new(),
        };
        let _ = writeln!(out, "{}  {name}, {}{replaced}", linked.record, seen(told, linked, names));
        let _ = writeln!(out, "    {}", because(linked, &told.deeds));
        for (kind, value) in &linked.evidence {
            let _ = writeln!(out, "      {kind}  {value}");
        }
        for Against { differing, but } in &linked.against {
            let (one, other) = (differing.one.join(", "), differing.other.join(", "));
            let _ = writeln!(out, "      They differ in: {} {one} and {other}; {but}", differing.kind);
        }
    }
    out += &tagged(told, names);
    out += &not_used(&told.ignored);
    for other in &told.same_hardware {
        let _ = writeln!(out, "\n{other} is another system on the same hardware.");
    }
    if !told.reviews.is_empty() {
        out += "\nWhat is left to you:\n";
        for review in &told.reviews {
            let ours = told.records.iter().any(|linked| Some(linked.record) == review.one.record);
            let other = if ours { &review.other } else { &review.one };
            let _ = writeln!(out, "    {}  {}\n      {}", review.id, question(review), side(other));
            out += &ways(review);
        }
    }
    out.push('\n');
    if told.records.len() > 1 {
        let first = if told.pinned { format!("muster asset unpin {}, then ", told.asset) } else { String::new() };
        let _ = writeln!(out, "A record is of another machine? {first}muster asset split RECORD");
    }
    let _ = writeln!(out, "Why another one is not this one: muster asset explain {} --and ID", told.asset);
    out += "What the rules are: muster help correlation\n";
    out
}

/// Who it was, as a sentence names people.
pub fn person(by: &str) -> &str {
    if by == "command line" { "somebody at the command line" } else { by }
}

fn because_of(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
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

/// What people decided about an asset, the oldest first, and which rules objected.
fn decided(told: &Explained) -> String {
    let mut out = String::new();
    for (at, deed) in told.deeds.iter().enumerate() {
        let (when, who, why) = (to_the_second(deed.at), person(&deed.by), because_of(&deed.reason));
        let records = spaced(&deed.records);
        let came = deed.to == told.asset;
        let _ = match (deed.decision.as_deref(), came) {
            (Some("merged"), true) => writeln!(out, "    {when}  {who} merged {} into it: {records}{why}", deed.from),
            (Some("merged"), false) => writeln!(out, "    {when}  {who} merged {records} of it into {}{why}", deed.to),
            (Some("split"), true) => writeln!(out, "    {when}  {who} split it off {}: {records}{why}", deed.from),
            (Some("split"), false) => writeln!(out, "    {when}  {who} split off {}: {records}{why}", deed.to),
            (_, true) => writeln!(out, "    {when}  {who} took a pin back, and {records} came from {}{why}", deed.from),
            (_, false) => writeln!(out, "    {when}  {who} took a pin back, and {records} went to {}{why}", deed.to),
        };
        if let Some(command) = undoes(told, at) {
            let _ = writeln!(out, "      To undo it: {command}");
        }
    }
    for parted in &told.parted {
        if told.deeds.iter().any(|deed| deed.at == parted.at) {
            continue;
        }
        let from = parted.asset.map_or_else(|| "records that are left out".to_owned(), |asset| asset.to_string());
        let (when, who, why) = (to_the_second(parted.at), person(&parted.by), because_of(&parted.reason));
        let _ = writeln!(out, "    {when}  {who} said that it is another machine than {from}{why}");
    }
    for Objection { veto, one, other, by, reason, at } in &told.objections {
        let _ = writeln!(
            out,
            "    Rule {} objects: {} ({one} and {other}). {} decided otherwise on {}{}.",
            veto.code(),
            veto.words(),
            capital(person(by)),
            to_the_second(*at),
            because_of(reason)
        );
    }
    if out.is_empty() { out } else { format!("\nWhat people decided about it:\n{out}") }
}

/// The command that takes a decision back, if nothing that was decided later did so, or stands in its way.
fn undoes(told: &Explained, at: usize) -> Option<String> {
    let (deed, later) = (told.deeds.get(at)?, &told.deeds[at + 1..]);
    let asset = told.asset;
    let ends = |deed: &Deed| if deed.from == asset { deed.to } else { deed.from };
    if later.iter().any(|later| ends(later) == ends(deed)) {
        return None;
    }
    let here = |record: &RecordId| told.records.iter().any(|linked| linked.record == *record);
    let command = match (deed.decision.as_deref()?, deed.to == asset) {
        ("merged", true) if deed.records.iter().all(here) => format!("muster asset split {}", spaced(&deed.records)),
        ("split", true) => format!("muster asset merge {} {asset}", deed.from),
        ("split", false) => format!("muster asset merge {asset} {}", deed.to),
        _ => return None,
    };
    Some(if told.pinned { format!("muster asset unpin {asset}, then {command}") } else { command })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        // Only a phrase of ours: a person's name is as that person writes it.
        Some(first) if text.contains(' ') => first.to_uppercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// The name that questions find it by, and what its older agents were called.
fn called(told: &Explained) -> String {
    let first = || told.records.iter().find_map(|linked| linked.name.clone());
    let name = told.name.clone().or_else(first).unwrap_or_else(|| "(no name)".to_owned());
    let mut before: Vec<&str> = Vec::new();
    for linked in told.records.iter().filter(|linked| linked.replaced_by.is_some()) {
        if let Some(old) =
            linked.name.as_deref().filter(|old| !old.eq_ignore_ascii_case(&name) && !before.contains(old))
        {
            before.push(old);
        }
    }
    if before.is_empty() { name } else { format!("{name} (before: {})", before.join(", ")) }
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
        let _ = writeln!(out, "    {key}={value}  {}", who.join(", "));
    }
    let twice = |key: &str| sayers.iter().filter(|((with, _), _)| with.eq_ignore_ascii_case(key)).count() > 1;
    if sayers.iter().any(|((key, _), _)| twice(key)) {
        out += "    Where values of one key differ, none wins: a question finds the asset by each of them.\n";
    }
    out
}

/// Values that were not used, each once with all that have it.
fn not_used(all: &[Ignored]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut grouped: Vec<(&Ignored, Vec<RecordId>)> = Vec::new();
    for ignored in all {
        let same =
            |known: &Ignored| (known.kind, &known.value, &known.why) == (ignored.kind, &ignored.value, &ignored.why);
        match grouped.iter_mut().find(|(known, _)| same(known)) {
            Some((_, records)) => records.push(ignored.record),
            None => grouped.push((ignored, vec![ignored.record])),
        }
    }
    let mut out = "\nNot used as evidence:\n".to_owned();
    for (ignored, records) in grouped {
        let records = records.iter().map(RecordId::to_string).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "    {} {:?} of {records}: {}", ignored.kind, ignored.value, why(&ignored.why));
    }
    out
}

/// The name of the integration that a record of the asset is from.
fn integration_of<'a>(told: &Explained, record: RecordId, names: &'a BTreeMap<IntegrationId, String>) -> &'a str {
    let linked = told.records.iter().find(|linked| linked.record == record);
    linked.and_then(|linked| names.get(&linked.integration)).map_or("an integration that is gone", String::as_str)
}

fn seen(told: &Explained, linked: &Linked, names: &BTreeMap<IntegrationId, String>) -> String {
    let from = integration_of(told, linked.record, names);
    match linked.grade {
        Grade::Agent => format!("an agent (integration {from})"),
        Grade::Scan => format!("seen by a scan (integration {from})"),
        Grade::List => format!("in a list (integration {from})"),
        Grade::Discovery => format!("found by network discovery (integration {from})"),
    }
}

fn because(linked: &Linked, deeds: &[Deed]) -> String {
    let since = to_the_second(linked.since);
    let came = |deed: &Deed| deed.at == linked.since && deed.records.contains(&linked.record);
    match (linked.rule, linked.partner) {
        (Rule::New, _) if deeds.iter().any(came) => {
            format!("Stands for itself since {since}, when people decided so.")
        }
        (Rule::New, _) | (_, None) => format!("The asset began with it, {since}."),
        (rule, Some(partner)) if rule.is_by_people() => {
            let reason = if linked.reason.is_empty() { String::new() } else { format!(": {}", linked.reason) };
            format!("Joined {partner}, since {since}, because {} ({}{reason}).", linked.because(), person(&linked.by))
        }
        (_, Some(partner)) => {
            format!("Joined {partner}, since {since}, because {} ({}):", linked.because(), linked.named())
        }
    }
}

fn why(why: &Why) -> String {
    match why {
        Why::Junk(junk) => format!("it {}", junk.words()),
        Why::Two(one, other) => format!(
            "two live machines report this ({one} and {other}), so it is ignored until only one has for 30 days"
        ),
        Why::Crowd => "more than fifty records have it".to_owned(),
    }
}

fn compared(told: &Compared, sides: (&str, &str), questions: &[Review]) -> String {
    let mut out = String::new();
    let one = told.assets.0.is_some() && told.assets.0 == told.assets.1;
    if let (true, Some(asset)) = (one, told.assets.0) {
        let _ = writeln!(out, "They are one asset: {asset}. Why: muster asset explain {asset}");
        return out;
    }
    let _ = writeln!(out, "{} and {} are two machines.", sides.0, sides.1);
    match (&told.veto, &told.nearest) {
        (Some((veto, one, other)), _) => {
            let sites = told.sites.as_ref().filter(|_| *veto == Veto::Site);
            let sites = sites.map(|(one, other)| format!(": {one} and {other}")).unwrap_or_default();
            let _ = writeln!(out, "What forbids it: {}{sites} ({one} and {other}, {}).", veto.words(), veto.code());
        }
        (None, Some(nearest)) if nearest.but_shared => {
            out += "Nothing forbids it, but other machines have what these two share, so it proves nothing.\n";
        }
        (None, Some(nearest)) if told.rivals.is_empty() => {
            let _ = writeln!(out, "Nothing forbids it, and {} fits. The next reading decides.", nearest.rule.named());
        }
        (None, Some(nearest)) => {
            let _ = writeln!(
                out,
                "Nothing forbids it, but {} fits other machines as well, so you have to say which.",
                nearest.rule.named()
            );
        }
        (None, None) => {
            out += "Nothing forbids it, and no rule joins them: what they have in common is too little to be sure.\n";
        }
    }
    if let Some(nearest) = &told.nearest {
        let _ = writeln!(
            out,
            "What comes nearest: {} ({} and {}, {}).",
            nearest.rule.words(),
            nearest.one,
            nearest.other,
            nearest.rule.named()
        );
    }
    if !told.rivals.is_empty() {
        let _ = writeln!(out, "It fits as well: {}.", rivals(&told.rivals));
    }
    for common in &told.common {
        let note = common.ignored.as_ref().map(|ignored| format!(", not used as evidence: {}", why(ignored)));
        let _ = writeln!(out, "    both have    {} {}{}", common.kind, common.value, note.unwrap_or_default());
    }
    for differing in &told.differing {
        let (one, other) = (differing.one.join(", "), differing.other.join(", "));
        let _ = writeln!(out, "    they differ  {} {one} and {other}", differing.kind);
    }
    for review in questions {
        let _ = writeln!(out, "It is asked: {}  {}", review.id, question(review));
        out += &ways(review);
    }
    if questions.is_empty() {
        let one = told.assets.0.map_or_else(|| sides.0.to_owned(), |asset| asset.to_string());
        let _ = writeln!(out, "If they are one all the same: muster asset merge {one} {}", other_asset(told, sides.1));
    }
    out
}

fn other_asset(told: &Compared, typed: &str) -> String {
    told.assets.1.map_or_else(|| typed.to_owned(), |asset| asset.to_string())
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
        })
    };
    let ignored: Vec<Json> = told
        .ignored
        .iter()
        .map(|one| {
            let record = one.record.to_string();
            json!({ "record": record, "kind": one.kind, "value": one.value, "why": why(&one.why) })
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
        "objections": told.objections.iter().map(objection).collect::<Vec<_>>(), "pin": pin,
        "asset": told.asset.to_string(), "asked": told.asked.map(|asked| asked.to_string()), "pinned": told.pinned,
        "name": told.name, "parted": told.parted.iter().map(parted).collect::<Vec<_>>(),
        "records": told.records.iter().map(record).collect::<Vec<_>>(), "ignored": ignored,
        "tags": told.tags.iter().map(tag).collect::<Vec<_>>(),
        "same_hardware": told.same_hardware.iter().map(AssetId::to_string).collect::<Vec<_>>(),
        "reviews": told.reviews.iter().map(review_json).collect::<Vec<_>>(),
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
            "other": nearest.other.to_string(), "but_shared": nearest.but_shared,
        })
    });
    let veto = told.veto.map(|(veto, one, other)| {
        json!({ "veto": veto.code(), "because": veto.words(), "one": one.to_string(), "other": other.to_string() })
    });
    let common = told.common.iter().map(
        |common| json!({ "kind": common.kind, "value": common.value, "ignored": common.ignored.as_ref().map(why) }),
    );
    let differing = told
        .differing
        .iter()
        .map(|differing| json!({ "kind": differing.kind, "one": differing.one, "other": differing.other }));
    json!({
        "assets": [asset(told.assets.0), asset(told.assets.1)],
        "one": told.assets.0.is_some() && told.assets.0 == told.assets.1,
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
