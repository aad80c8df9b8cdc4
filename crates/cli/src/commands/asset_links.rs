//! `muster asset explain`, `merge`, `split`, `pin`, `unpin`, `review` and `pool`: which records are one machine, why, and
//! what people decide about it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use inventory::correlate::directive::{self, Decision, DirectiveError};
use inventory::correlate::explain::{self, Compared, Explained, Linked, Subject, Tagged, Why};
use inventory::correlate::partition::About;
use inventory::correlate::review::{self, Review, Side};
use inventory::correlate::rules::Rule;
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
            other => Failure::usage(other.to_string()),
        }
    }
}

fn asset(text: &str) -> Result<AssetId, Failure> {
    AssetId::parse(text).ok_or_else(|| {
        Failure::usage(format!("{text:?} is no asset's id"))
            .with("It begins with ast_: muster query TEXT --fields id,name")
    })
}

fn record(text: &str) -> Result<RecordId, Failure> {
    RecordId::parse(text).ok_or_else(|| {
        Failure::usage(format!("{text:?} is no record's id"))
            .with("It begins with rec_; an asset's records are shown by: muster asset explain ID")
    })
}

pub async fn explain(global: &Global, order: Explain, terminal: &Terminal) -> Result<(), Failure> {
    let asked = asset(&order.id)?;
    let other = match &order.other {
        None => None,
        Some(text) => Some(Subject::parse(text).ok_or_else(|| {
            Failure::usage(format!("{text:?} is neither an asset's id (ast_..) nor a record's (rec_..)"))
        })?),
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
    let sides = (order.id.as_str(), order.other.as_deref().unwrap_or_default());
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
    let assets = order.ids.iter().map(|id| asset(id)).collect::<Result<Vec<_>, _>>()?;
    let asset = decide(global, &order.why.reason, terminal, move |tx, by| directive::merge(tx, by, &assets)).await?;
    let said = format!(
        "They are one asset from now on: {asset}. The other ids lead there too.\nTo part them again: muster asset split RECORD..\n"
    );
    answer(terminal, order.why.json, &json!({ "asset": asset.to_string() }), &said)
}

pub async fn split(global: &Global, order: Split, terminal: &Terminal) -> Result<(), Failure> {
    let records = order.records.iter().map(|id| record(id)).collect::<Result<Vec<_>, _>>()?;
    let number = records.len() as u64;
    let (stays, off) =
        decide(global, &order.why.reason, terminal, move |tx, by| directive::split(tx, by, &records)).await?;
    let shown = counted(number, "record", &terminal.result_number(number));
    let said = format!("{shown} split off: {off} from now on. The rest stays {stays}. No sync joins them again.\n");
    answer(terminal, order.why.json, &json!({ "asset": stays.to_string(), "split_off": off.to_string() }), &said)
}

pub async fn pin(global: &Global, order: Pin, pinned: bool, terminal: &Terminal) -> Result<(), Failure> {
    let id = asset(&order.id)?;
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| match pinned {
        true => directive::pin(tx, by, id),
        false => directive::unpin(tx, by, id),
    };
    let id = decide(global, &order.why.reason, terminal, work).await?;
    let said = match pinned {
        true => format!("{id} stays as it is: no record leaves it and none joins it until muster asset unpin {id}\n"),
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
    let work = move |tx: &mut store::Tx<'_>, by: &Decision<'_>| review::answer(tx, by, &id, same);
    let told = decide(global, &what.why.reason, terminal, work).await?;
    let said = match (same, told.one.asset) {
        (true, Some(asset)) => format!("{} and {} are one machine: {asset}\n", named(&told.one), named(&told.other)),
        _ if same => format!("{} and {} are one machine.\n", named(&told.one), named(&told.other)),
        _ => format!("{} and {} are two machines, and nobody asks again.\n", named(&told.one), named(&told.other)),
    };
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
        About::Clone => "Is one a copy of the other? Both were alive at the same time with one identity.",
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
    let name = told.records.iter().find_map(|linked| linked.name.clone()).unwrap_or_else(|| "(no name)".to_owned());
    let number = told.records.len() as u64;
    let _ = writeln!(
        out,
        "{}, {name}, is what {} say{} of one machine.\n",
        told.asset,
        counted(number, "record", &number.to_string()),
        if number == 1 { "s" } else { "" }
    );
    for linked in &told.records {
        let integration = integration_of(told, linked.record, names);
        let name = linked.name.as_deref().unwrap_or("(no name)");
        let _ = writeln!(out, "{}  {name}, {} from {integration}", linked.record, grade(linked));
        let _ = writeln!(out, "    {}", because(linked));
        for (kind, value) in &linked.evidence {
            let _ = writeln!(out, "      {kind}  {value}");
        }
    }
    if !told.tags.is_empty() {
        out += "\nIts tags, and who says so:\n";
        for tag in &told.tags {
            let _ = writeln!(out, "    {}={}  {}", tag.key, tag.value, integration_of(told, tag.record, names));
        }
    }
    if told.pinned {
        out += "\nA person pinned this asset: no record leaves it, and none joins it by itself.\n";
    }
    if !told.ignored.is_empty() {
        out += "\nWhat says nothing about which machine it is:\n";
        for ignored in &told.ignored {
            let _ =
                writeln!(out, "    {} {:?} of {}: {}", ignored.kind, ignored.value, ignored.record, why(&ignored.why));
        }
    }
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
    out += "\nWrong? Part a record off: muster asset split RECORD\n";
    let _ = writeln!(out, "Why another one is not this one: muster asset explain {} --and ID", told.asset);
    out
}

/// The name of the integration that a record of the asset is from.
fn integration_of<'a>(told: &Explained, record: RecordId, names: &'a BTreeMap<IntegrationId, String>) -> &'a str {
    let linked = told.records.iter().find(|linked| linked.record == record);
    linked.and_then(|linked| names.get(&linked.integration)).map_or("an integration that is gone", String::as_str)
}

fn grade(linked: &Linked) -> &'static str {
    match linked.grade {
        inventory::noun::Grade::Agent => "an agent",
        inventory::noun::Grade::Scan => "seen by a scan",
        inventory::noun::Grade::List => "in a list",
        inventory::noun::Grade::Discovery => "seen by its neighbours",
    }
}

fn because(linked: &Linked) -> String {
    let since = to_the_second(linked.since);
    match (linked.rule, linked.partner) {
        (Rule::New, _) | (_, None) => format!("It is the first record of this asset, since {since}."),
        (rule, Some(_)) if rule.is_by_people() => {
            let reason = if linked.reason.is_empty() { String::new() } else { format!(", saying: {}", linked.reason) };
            format!("It is here since {since} because {} ({}{reason}).", rule.words(), linked.by)
        }
        (rule, Some(partner)) => {
            format!("It is here since {since} with {partner} because {} ({}):", rule.words(), rule.code())
        }
    }
}

fn why(why: &Why) -> String {
    match why {
        Why::Junk(junk) => format!("it {}", junk.words()),
        Why::Two(one, other) => {
            format!(
                "{one} and {other} had it while both were alive, so it is neither's; after 30 days as one's alone it counts again"
            )
        }
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
            let _ = writeln!(out, "What forbids it: {} ({one} and {other}, {}).", veto.words(), veto.code());
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
            nearest.rule.code()
        );
    }
    for common in &told.common {
        let note = common.ignored.as_ref().map(|ignored| format!(", which says nothing: {}", why(ignored)));
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
    let record = |linked: &Linked| {
        json!({
            "record": linked.record.to_string(), "integration": names.get(&linked.integration),
            "native_id": linked.native_id, "source": linked.source, "grade": linked.grade.as_str(), "name": linked.name,
            "rule": linked.rule.code(), "because": linked.rule.words(), "evidence": evidence_json(&linked.evidence),
            "partner": linked.partner.map(|partner| partner.to_string()), "since": linked.since.to_string(),
            "by": linked.by, "reason": linked.reason,
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
        "veto": veto, "nearest": nearest, "common": common.collect::<Vec<_>>(),
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
