//! Open questions: which machines may be one, why that is asked, and the buttons that answer it. On the page of an asset,
//! and all of them on a page of their own.

use std::collections::BTreeMap;

use access::Permission;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use inventory::correlate::directive::DirectiveError;
use inventory::correlate::explain::{self, Compared};
use inventory::correlate::review::{self, Review, Side};
use kernel::{AssetId, DecisionId, IntegrationId, OrgId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Tx;
use ui::{Button, Card, Empty, Foot, Icon, Markup, Place, Row, Table, Tone, Weight, html};

use super::decide;
use crate::fields::{Asked, Sent, address, body as read};
use crate::inventories::{self, source_icon};
use crate::{App, Problem, Visitor, listing, respond};

/// The page of all of them.
pub(crate) const HOME: &str = "/assets/review";
/// Where the page of an asset tells of its questions.
pub(crate) const ON_ASSET: &str = "questions";

/// Questions of one page: each is weighed, which reads what both sides say.
const ROWS: u32 = 25;
/// Questions that the page of an asset shows; the rest are on the page of all.
const OF_ASSET: usize = 5;
/// The furthest page that is asked for: nobody turns so many.
const PAGES_MAX: u32 = 10_000;

/// A question, and what speaks for and against the two being one.
pub(crate) struct Question {
    review: Review,
    weighed: Option<Compared>,
}

impl Question {
    fn weigh(tx: &mut Tx<'_>, org: OrgId, review: Review, now: Timestamp) -> Result<Question, DirectiveError> {
        let weighed = review::weighed(tx, org, &review, now)?;
        Ok(Question { review, weighed })
    }

    /// Why it is asked.
    fn why(&self) -> Markup {
        let both = explain::words(&self.review.evidence);
        html! {
            @if !self.review.about.words().is_empty() { (self.review.about.words()) " " }
            @if !both.is_empty() {
                "Both have "
                @for (at, (kind, value)) in both.iter().enumerate() { @if at > 0 { ", " } (kind) " " (ui::mono(value)) }
                ". "
            }
            @if let Some(weighed) = &self.weighed { bdi { (weighed.verdict()) } }
        }
    }

    /// The buttons that answer it, the likelier first; and the page that compares the two.
    fn verbs(&self, visitor: &Visitor, back: &str) -> Markup {
        let (action, called) = (format!("{HOME}/{}", self.review.id), called(&self.review.other));
        let answers = review::answers(self.weighed.as_ref());
        let compare = self.review.one.asset.zip(self.review.other.asset).filter(|(one, other)| one != other);
        html! {
            span.line {
                @if visitor.may(Permission::EditAssets) {
                    @for answer in answers {
                        @let (words, icon, value) = match answer.same {
                            true => ("Same machine", Icon::Merge, SAME),
                            false => ("Not the same machine", Icon::Split, TWO),
                        };
                        (ui::post_button(
                            visitor.csrf(),
                            &action,
                            &Button { words, about: called, icon: Some(icon), small: true, ..Button::default() },
                            &[("answer", value), ("back", back)],
                        ))
                    }
                }
                @if let Some((one, other)) = compare {
                    (ui::link_button(
                        &address(&format!("/assets/{one}/merge"), &[("with", &other.to_string())]),
                        &Button { words: "Compare", about: called, small: true, weight: Weight::Quiet, ..Button::default() },
                    ))
                }
            }
        }
    }
}

/// How a form and a program say that the two are one machine.
const SAME: &str = "same";
/// And that they are two.
const TWO: &str = "two";

fn called(side: &Side) -> &str {
    side.name.as_deref().unwrap_or("a machine without a name")
}

/// One side: its name, its id, who says it and when that saw it last.
fn side(side: &Side, integrations: &BTreeMap<IntegrationId, String>) -> Markup {
    html! {
        span.who {
            (ui::labelled(source_icon(&side.source), inventories::called(&side.source)))
            @match side.asset {
                Some(asset) => a href={ "/assets/" (asset) } { (ui::words::name(called(side))) },
                None => span { (ui::words::name(called(side))) },
            }
        }
        small {
            @match side.asset { Some(asset) => (ui::mono(&asset.to_string())), None => { "left out" } }
            " · " (ui::words::name(&side.seen(integrations)))
            " · " @match side.last_seen { Some(at) => { "last seen " (ui::moment(at)) } None => { "never seen" } }
        }
    }
}

/// Reads the questions of an asset.
pub(super) fn of_asset(
    tx: &mut Tx<'_>,
    org: OrgId,
    reviews: &[Review],
    now: Timestamp,
) -> Result<Vec<Question>, Problem> {
    let shown = reviews.iter().take(OF_ASSET).cloned();
    Ok(shown.map(|review| Question::weigh(tx, org, review, now)).collect::<Result<_, _>>()?)
}

/// What is asked about an asset; nothing if nothing is.
pub(super) fn card(
    visitor: &Visitor,
    asset: AssetId,
    all: usize,
    shown: &[Question],
    integrations: &BTreeMap<IntegrationId, String>,
) -> Markup {
    if shown.is_empty() {
        return html! {};
    }
    let back = format!("/assets/{asset}");
    let body = html! {
        ul.listed {
            @for question in shown {
                @let (own, other) = match question.review.one.asset == Some(asset) {
                    true => (&question.review.one, &question.review.other),
                    false => (&question.review.other, &question.review.one),
                };
                li {
                    p { "Is its record " (ui::words::name(called(own))) " (" (ui::words::name(&own.seen(integrations))) ") the same machine as this one?" }
                    div { (side(other, integrations)) }
                    p { (question.why()) }
                    (question.verbs(visitor, &back))
                }
            }
        }
        @if all > shown.len() { p { a href=(HOME) { "All " (ui::count(all as u64)) " questions about it are among the open ones" } } }
    };
    let aside = html! { a.end href=(HOME) { "All open questions" } };
    Card { id: ON_ASSET, heading: "Which machine is it?", aside, body, ..Card::default() }.render()
}

/// `GET /assets/review`
pub(super) async fn page(State(app): State<App>, visitor: Visitor, Asked(asked): Asked) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let at = asked.get("page").parse().unwrap_or(1_u32).clamp(1, PAGES_MAX);
    let read = app.store.read(move |tx| {
        let (open, count) = review::reviews_from(tx, org, (at - 1) * ROWS, ROWS)?;
        let open: Result<Vec<Question>, DirectiveError> =
            open.into_iter().map(|review| Question::weigh(tx, org, review, now)).collect();
        let names = sync::overviews(tx, org, now)?;
        let names = names.into_iter().map(|of| (of.integration.id, of.integration.name)).collect();
        Ok::<(Vec<Question>, u64, BTreeMap<IntegrationId, String>), Problem>((open?, count, names))
    });
    let (open, count, names) = read.await?;
    let shell = visitor.shell();
    let hrefs: Vec<Option<String>> =
        open.iter().map(|of| of.review.one.asset.map(|asset| format!("/assets/{asset}"))).collect();
    let below: Vec<String> = open.iter().map(|of| below(&of.review.one, &names)).collect();
    let back = address(HOME, &[("page", &at.to_string())]);
    let rows = open.iter().zip(hrefs.iter().zip(&below)).map(|(of, (href, below))| Row {
        id: &of.review.id,
        name: called(&of.review.one),
        icon: Some((source_icon(&of.review.one.source), inventories::called(&of.review.one.source))),
        href: href.as_deref(),
        below,
        cells: vec![
            ui::Cell::wrap(side(&of.review.other, &names)),
            ui::Cell::wrap(of.why()),
            ui::Cell::new(ui::moment(of.review.since)),
            ui::Cell::number(of.verbs(&visitor, &back)),
        ],
        ..Row::default()
    });
    let rows: Vec<Row<'_>> = rows.collect();
    let before = u64::from(at - 1) * u64::from(ROWS);
    let to = |page: u32| address(HOME, &[("page", &page.to_string())]);
    let previous = (at > 1).then(|| to(at - 1));
    let next = (before + (rows.len() as u64) < count && !rows.is_empty()).then(|| to(at + 1));
    let range = match rows.len() as u64 {
        0 => String::new(),
        shown => format!("Rows {}–{} of {}", ui::count(before + 1), ui::count(before + shown), ui::count(count)),
    };
    let instead = rows.is_empty().then(|| match count {
        0 => {
            let why = html! { "Every record has its machine. A question comes up where much speaks for one machine and no rule decides it." };
            Empty { heading: "Nothing is left to you", why, link: Some(("All assets", "/assets")) }.render()
        }
        _ => Empty { heading: "There are no more questions here", why: html! {}, link: Some(("The first of them", HOME)) }
            .render(),
    });
    let table = Table {
        caption: "Open questions, those with the most in common first. Times in UTC.",
        columns: vec![
            ui::Column::new("Machine"),
            ui::Column::new("May be the same as"),
            ui::Column::new("Why it is asked"),
            ui::Column::new("Open since"),
            ui::Column::verbs(),
        ],
        rows,
        instead,
        foot: Some(Foot { range, previous: previous.as_deref(), next: next.as_deref(), ..Foot::default() }),
        tall: true,
        ..Table::default()
    };
    let aside = html! {
        @if count > 0 { a.end href=(inventories::to("assets", "question:t")) { "The machines as a list, to filter and export" } }
    };
    let heading = ui::noun(count, "open question", "open questions");
    let body = Card { id: "open", heading: &heading, aside, body: table.render(), flush: true, ..Card::default() };
    let lead = html! { "Are these one machine? Until somebody says so nothing is merged. An answer can be taken back on the page of the asset." };
    let crumbs = [("Assets", "/assets")];
    let page = visitor.page(&shell, Place::Assets, "Open questions");
    Ok(respond::page(ui::Page { lead, crumbs: &crumbs, body: body.render(), ..page }.render()))
}

/// What stands below the name of a side.
fn below(side: &Side, names: &BTreeMap<IntegrationId, String>) -> String {
    let asset = side.asset.map_or_else(|| "left out".to_owned(), |asset| asset.to_string());
    let seen = side.last_seen.map_or_else(|| "never seen".to_owned(), |at| format!("last seen {}", minute(at)));
    format!("{asset} · {} · {seen}", side.seen(names))
}

/// `2026-11-20 14:31`
fn minute(at: Timestamp) -> String {
    at.to_string().replace('T', " ").chars().take(16).collect()
}

/// What became of a question.
struct Answered {
    review: Review,
    decision: Option<DecisionId>,
}

async fn answer(app: &App, visitor: &Visitor, id: String, same: bool, reason: String) -> Result<Answered, Problem> {
    let work = move |tx: &mut Tx<'_>, by: &inventory::correlate::directive::Decision<'_>| {
        let review = review::answer(tx, by, &id, same)?;
        let decision = decide::decided_now(tx, by, review.one.record.as_ref())?;
        Ok(Answered { review, decision })
    };
    decide::decide(app, visitor, reason, work).await
}

/// `POST /assets/review/{id}`
pub(super) async fn sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let same = match sent.get("answer") {
        SAME => true,
        TWO => false,
        _ => return Err(Problem::wrong("answer", "An answer is same or two.")),
    };
    let back = sent.get("back").to_owned();
    let done = answer(&app, &visitor, id, same, sent.get("reason").trim().to_owned()).await?;
    let then = match same {
        true => format!(
            "{} is one asset from now on; whoever takes that back does so on its page.",
            called(&done.review.one)
        ),
        false => review::DISMISSED.to_owned(),
    };
    let what = if same { "They are one machine." } else { "They are two machines." };
    // Back to where it was asked; an asset that was merged has another page now.
    let decision = done.decision.map(|id| id.to_string()).unwrap_or_default();
    let home = match done.review.one.asset.filter(|_| !back.starts_with(HOME)) {
        Some(asset) if same || back.is_empty() => address(&format!("/assets/{asset}"), &[("decided", &decision)]),
        _ if back.starts_with("/assets/") && !back.contains("//") => back,
        _ => HOME.to_owned(),
    };
    Ok(respond::see_other_saying(&home, Tone::Ok, what, &then))
}

/// Open questions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Questions")]
pub(super) struct Listed {
    /// By their ids.
    items: Vec<Open>,
    /// What to send as `after`; nothing at the end.
    next: Option<String>,
}

/// A question: are these two one machine?
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Question")]
struct Open {
    /// Its id, which an answer names.
    id: String,
    /// What it is about: `alike`, `ambiguous`, `clone` or `conflict`.
    about: &'static str,
    /// How much speaks for one machine, in bits.
    score: f64,
    /// What both have: kind and value.
    both: Vec<(String, String)>,
    /// What speaks for and against it, in a sentence; nothing where a side is gone.
    verdict: Option<String>,
    /// The two.
    sides: [OneSide; 2],
    /// Since when it is open.
    since: String,
}

/// One of the two.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QuestionSide")]
struct OneSide {
    record: Option<String>,
    /// The asset it is a record of; nothing for one that is left out.
    asset: Option<String>,
    /// What the record calls the machine.
    name: Option<String>,
    source: String,
    integration: Option<String>,
    last_seen: Option<String>,
}

fn told(of: Question, integrations: &BTreeMap<IntegrationId, String>) -> Open {
    let Question { review, weighed } = of;
    let side = |side: Side| OneSide {
        record: side.record.map(|record| record.to_string()),
        asset: side.asset.map(|asset| asset.to_string()),
        integration: side.from.and_then(|(id, _)| integrations.get(&id).cloned()),
        name: side.name,
        source: side.source,
        last_seen: side.last_seen.map(|at| at.to_string()),
    };
    let both = explain::words(&review.evidence);
    Open {
        id: review.id,
        about: review.about.as_str(),
        score: review.score,
        both: both.into_iter().map(|(kind, value)| (kind.to_owned(), value)).collect(),
        verdict: weighed.map(|weighed| weighed.verdict()),
        sides: [side(review.one), side(review.other)],
        since: review.since.to_string(),
    }
}

/// `GET /api/v1/assets/review`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now, limit) = (visitor.org, app.world.now(), listing::limit(&asked)?);
    let after = Some(asked.get("after").to_owned()).filter(|after| !after.is_empty());
    let read = app.store.read(move |tx| {
        let found = review::reviews_after(tx, org, after.as_deref(), listing::rows(limit))?;
        let (open, next) = listing::cut(found, limit, |review| review.id.clone());
        let names: BTreeMap<_, _> =
            sync::overviews(tx, org, now)?.into_iter().map(|of| (of.integration.id, of.integration.name)).collect();
        let open = open.into_iter().map(|review| Ok(told(Question::weigh(tx, org, review, now)?, &names)));
        Ok::<_, Problem>(Listed { items: open.collect::<Result<_, DirectiveError>>()?, next })
    });
    Ok(respond::json(&headers, &read.await?))
}

/// An answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "QuestionAnswer")]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// Whether the two are one machine.
    same: bool,
    /// Why, for the audit trail.
    #[serde(default)]
    reason: String,
}

/// What became of a question.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QuestionAnswered")]
pub(super) struct Told {
    /// The question's id.
    question: String,
    /// The assets of its two sides from now on; nothing for a record that is left out.
    assets: (Option<String>, Option<String>),
    /// What was decided, which undo takes back.
    decision: Option<String>,
}

/// `POST /api/v1/assets/review/{id}`
pub(super) async fn answer_api(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Told>, Problem> {
    let sent: Answer = read(&body)?;
    let done = answer(&app, &visitor, id, sent.same, sent.reason).await?;
    let asset = |side: &Side| side.asset.map(|asset| asset.to_string());
    Ok(Json(Told {
        assets: (asset(&done.review.one), asset(&done.review.other)),
        question: done.review.id,
        decision: done.decision.map(|id| id.to_string()),
    }))
}
