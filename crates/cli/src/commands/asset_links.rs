//! `muster asset explain`, `merge`, `split`, `pin`, `unpin`, `review` and `pool`: which records are one machine, why, and
//! what people decide about it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
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
use crate::failure::{Failure, sentence};
use crate::place::Place;
use crate::terminal::{Terminal, counted, to_the_second};

const ORG: OrgId = OrgId::DEFAULT;

/// Questions that are listed if nobody says how many.
const REVIEWS: u32 = 25;

#[derive(Args)]
pub struct Explain {
    /// Which asset
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
    /// Which assets, two or more
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
            DirectiveError::Pinned(asset) => Failure::usage(error.to_string())
                .with(format!("Take it back, decide, and pin again: muster asset unpin {asset}")),
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
    RecordId::parse(text.trim()).ok_or_else(|| {
        Failure::usage(format!("{text:?} is no record's id"))
            .with("It begins with rec_; an asset's records are shown by: muster asset explain ID")
    })
}

pub async fn explain(global: &Global, order: Explain, terminal: &Terminal) -> Result<(), Failure> {
    if let [more, ..] = order.more.as_slice() {
        let together = format!("muster asset explain {} --and {}", order.id.trim(), more.trim());
        return Err(Failure::usage("one asset is explained at a time").with(format!("Why two are not one: {together}")));
    }
    let asked = asset(global, &order.id).await?;
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
        let told = store.read(move |tx| explain::explain(tx, ORG, asked)).await?;
        let text = if order.json { format!("{}\n", explained_json(&told, &names)) } else { explained(&told, &names) };
        return terminal.result(&text);
    };
    let told = store.read(move |tx| explain::compare(tx, ORG, Subject::Asset(asked), other, now)).await?;
    let typed = |subject: Subject| match subject {
        Subject::Asset(asset) => asset.to_string(),
        Subject::Record(record) => record.to_string(),
    };
    let (one, two) = (asked.to_string(), typed(other));
    let sides = (one.as_str(), two.as_str());
    let text = if order.json { format!("{}\n", compared_json(&told)) } else { compared(&told, sides) };
    terminal.result(&text)
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
    let parted = decide(global, &order.why.reason, terminal, move |tx, by| directive::split(tx, by, &records)).await?;
    let Parted { from, stays, off, carried } = parted;
    let number = (order.records.len() + carried.len()) as u64;
    let shown = counted(number, "record", &terminal.result_number(number));
    let mut said = match () {
        () if stays == from => format!("{shown} split off, {off} from now on. The rest stays {stays}."),
        () if off == from => format!(
            "{shown} split off. As the larger part, or the one with the first record, that keeps the id {off}; the rest is \
             {stays} from now on."
        ),
        () => format!("{shown} split off, {off} from now on. The rest is {stays}."),
    };
    said += " No sync joins them again.\n";
    if !carried.is_empty() {
        let _ = writeln!(
            said,
            "Along went what nothing else tied to a machine: {}. If that was wrong: muster asset split {}",
            spaced(&carried),
            spaced(&carried)
        );
    }
    let _ = writeln!(said, "To take it back: muster asset merge {stays} {off}");
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
    let back = told.other.record.filter(|_| same);
    let back = back.map(|record| format!("To part them again: muster asset split {record}\n")).unwrap_or_default();
    let said = said + &back;
    answer(terminal, what.why.json, &review_json(&told), &said)
}

async fn list(global: &Global, limit: u32, as_json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let store = Place::new(global)?.open_to_read()?;
    let (open, count) = store.read(move |tx| review::reviews(tx, ORG, limit)).await?;
    if as_json {
        let all: Vec<Json> = open.iter().map(review_json).collect();
        return terminal.result(&format!("{}\n", Json::Array(all)));
    }
    if open.is_empty() {
        return terminal.result("Nothing is left to you: every record has its asset.\n");
    }
    let mut out = String::new();
    for one in &open {
        let _ = writeln!(out, "{}  {}", one.id, question(one));
        let _ = writeln!(out, "    {}\n    {}", side(&one.one), side(&one.other));
        if !one.evidence.is_empty() {
            let _ = writeln!(out, "    both have {}", values(&explain::words(&one.evidence)));
        }
    }
    let shown = counted(count, "question", &terminal.result_number(count));
    let _ = writeln!(out, "{shown} open, {} shown. muster asset review accept ID, or dismiss ID", open.len());
    terminal.result(&out)
}

fn question(review: &Review) -> &'static str {
    match review.about {
        About::Alike => "Are these one machine? They look alike, and no rule decides it.",
        About::Ambiguous => "Are these one machine? What they share fits others just as well.",
        About::Clone => {
            "Two live agents have one identity (a cloned disk?). Is it one machine (accept) or two (dismiss)?"
        }
        About::Conflict => "Which holds? Decisions of people contradict each other here.",
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
        let _ = writeln!(out, "{asked} was merged into {}, which follows.", told.asset);
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
    for parted in &told.parted {
        let from = parted.asset.map_or_else(|| "records that are left out".to_owned(), |asset| asset.to_string());
        let reason = if parted.reason.is_empty() { String::new() } else { format!(": {}", parted.reason) };
        let _ = writeln!(out, "{} split it from {from} on {}{reason}", parted.by, to_the_second(parted.at));
    }
    out.push('\n');
    for linked in &told.records {
        let name = linked.name.as_deref().unwrap_or("(no name)");
        let replaced = match linked.replaced_by {
            Some(record) if linked.grade == Grade::Agent => format!(" (replaced by {record})"),
            _ => String::new(),
        };
        let _ = writeln!(out, "{}  {name}, {}{replaced}", linked.record, seen(told, linked, names));
        let _ = writeln!(out, "    {}", because(linked));
        for (kind, value) in &linked.evidence {
            let _ = writeln!(out, "      {kind}  {value}");
        }
        for Against { differing, but } in &linked.against {
            let (one, other) = (differing.one.join(", "), differing.other.join(", "));
            let _ = writeln!(out, "      They differ in: {} {one} and {other}; {but}", differing.kind);
        }
    }
    out += &tagged(told, names);
    if told.pinned {
        out += "\nA person pinned this asset: no record leaves it, and none joins it by itself.\n";
    }
    out += &not_used(&told.ignored);
    for other in &told.same_hardware {
        let _ = writeln!(out, "\n{other} is another system on the same hardware.");
    }
    if !told.reviews.is_empty() {
        out += "\nWhat is left to you (muster asset review accept ID, or dismiss ID):\n";
        for review in &told.reviews {
            let ours = told.records.iter().any(|linked| Some(linked.record) == review.one.record);
            let other = if ours { &review.other } else { &review.one };
            let _ = writeln!(out, "    {}  {} {}", review.id, question(review), side(other));
        }
    }
    out.push('\n');
    if told.records.len() > 1 {
        out += "Wrong? Part a record off: muster asset split RECORD\n";
    }
    let _ = writeln!(out, "Why another one is not this one: muster asset explain {} --and ID", told.asset);
    out += "What the rules are: muster help correlation\n";
    out
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
        Grade::Agent => format!("an agent from {from}"),
        Grade::Scan => format!("seen by a scan from {from}"),
        Grade::List => format!("in a list from {from}"),
        Grade::Discovery => format!("found by network discovery of integration {from}"),
    }
}

fn because(linked: &Linked) -> String {
    let since = to_the_second(linked.since);
    match (linked.rule, linked.partner) {
        (Rule::New, _) | (_, None) => format!("The asset began with it, {since}."),
        (rule, Some(partner)) if rule.is_by_people() => {
            let reason = if linked.reason.is_empty() { String::new() } else { format!(": {}", linked.reason) };
            format!("Joined {partner}, since {since}, because {} ({}{reason}).", linked.because(), linked.by)
        }
        (rule, Some(partner)) => {
            format!("Joined {partner}, since {since}, because {} ({}):", linked.because(), rule.named())
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

fn compared(told: &Compared, sides: (&str, &str)) -> String {
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
            let _ = writeln!(out, "{}", sentence("nothing forbids it, but what they share is not theirs alone"));
        }
        (None, Some(_)) => {
            out += "Nothing forbids it, but there is more than one way to follow the rule: see muster asset review.\n";
        }
        (None, None) => {
            out += "Nothing forbids it, and no rule joins them: what they have in common is too little to be sure.\n";
        }
    }
    if let Some(nearest) = &told.nearest {
        let but = if nearest.but_shared { ", if that were theirs alone" } else { "" };
        let _ = writeln!(
            out,
            "What comes nearest: {}{but} ({} and {}, {}).",
            nearest.rule.words(),
            nearest.one,
            nearest.other,
            nearest.rule.named()
        );
    }
    for common in &told.common {
        let note = common.ignored.as_ref().map(|ignored| format!(", not used as evidence: {}", why(ignored)));
        let _ = writeln!(out, "    both have    {} {}{}", common.kind, common.value, note.unwrap_or_default());
    }
    for differing in &told.differing {
        let (one, other) = (differing.one.join(", "), differing.other.join(", "));
        let _ = writeln!(out, "    they differ  {} {one} and {other}", differing.kind);
    }
    let _ =
        writeln!(out, "If they are one all the same: muster asset merge {} {}", sides.0, other_asset(told, sides.1));
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
    json!({
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
