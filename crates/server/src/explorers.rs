//! Explorers: collectors inside other networks; how people see them, and the line on which they ask for work.

mod api;
mod line;
mod pages;

use std::sync::LazyLock;

use access::{Credential, Permission};
use axum::http::Method;
use explorer::wire::{self, ANSWER_BYTES_MAX};
use kernel::{ExplorerId, OrgId, Random, Secret, Timestamp};
use store::Tx;
use sync::explorers::{Explorer, ExplorerError};
use ui::Light;

use crate::openapi::{Operation, Shape};
use crate::problem::sentence;
use crate::route::{Route, Who, api, form, page, remote};
use crate::{App, Problem};

/// Where they all are.
pub(crate) const HOME: &str = "/explorers";

/// Where an Explorer waits for work.
pub(crate) static POLL: LazyLock<String> = LazyLock::new(|| format!("{}/poll", wire::API));

/// Its routes.
pub fn routes() -> Vec<Route> {
    let read = Who::May(Permission::ReadIntegrations);
    let manage = Who::May(Permission::ManageIntegrations);
    let line = |path: &str, who| (format!("{}{path}", wire::API), who);
    let (enrol, poll) = (line("/enrol", Who::Anyone), (POLL.clone(), Who::Explorer));
    let (answers, credentials) = (line("/answers/{id}", Who::Explorer), line("/credentials", Who::Explorer));
    let mut all = vec![
        page(HOME, read, pages::list),
        form(HOME, manage, pages::create),
        page("/explorers/{id}", read, pages::show),
        form("/explorers/{id}/rename", manage, pages::rename),
        form("/explorers/{id}/token", manage, pages::ticket),
        form("/explorers/{id}/revoke", manage, pages::revoke),
        remote(enrol.0, enrol.1, line::enrol),
        remote(poll.0, poll.1, line::poll),
        remote(answers.0, answers.1, line::answered).takes(ANSWER_BYTES_MAX),
        remote(credentials.0, credentials.1, line::register),
    ];
    all.extend(interface(read, manage));
    all
}

fn interface(read: Who, manage: Who) -> [Route; 6] {
    const ID: &str = "The Explorer's id.";
    let told = |id: &str, summary: &str| Operation::new(id, "Explorers", summary, Shape::of::<api::Explorer>());
    let list = Operation::new(
        "list_explorers",
        "Explorers",
        "Lists the Explorers, whether each is connected, and what runs there.",
        Shape::of::<api::Explorers>(),
    )
    .paged();
    let create = Operation::new(
        "create_explorer",
        "Explorers",
        "Makes an Explorer; the one-time token that it enrols with is in this answer alone.",
        Shape::of::<api::Made>(),
    )
    .sends(Shape::of::<api::New>());
    let show = told("show_explorer", "Shows an Explorer.").path("id", ID);
    let change =
        told("change_explorer", "Gives an Explorer another name.").path("id", ID).sends(Shape::of::<api::New>());
    let ticket = Operation::new(
        "renew_explorer_token",
        "Explorers",
        "Makes another one-time token, for an Explorer that is set up anew.",
        Shape::of::<api::Made>(),
    )
    .path("id", ID);
    let revoke = told("revoke_explorer", "Revokes an Explorer: its token opens nothing any more.").path("id", ID);
    [
        api(Method::GET, "/explorers", read, list, api::list),
        api(Method::POST, "/explorers", manage, create, api::create),
        api(Method::GET, "/explorers/{id}", read, show, api::show),
        api(Method::PATCH, "/explorers/{id}", manage, change, api::change),
        api(Method::POST, "/explorers/{id}/token", manage, ticket, api::ticket),
        api(Method::DELETE, "/explorers/{id}", manage, revoke, api::revoke),
    ]
}

/// An Explorer, and what there is there.
pub(crate) struct Shown {
    pub(crate) of: Explorer,
    /// Names of the integrations that run there, with their pages.
    pub(crate) runs: Vec<(String, String)>,
    /// Names of the credentials that it keeps.
    pub(crate) keeps: Vec<String>,
}

/// Every Explorer of an organization.
pub(crate) fn all(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<Shown>, Problem> {
    let explorers = sync::explorers::explorers(tx, org)?;
    let credentials = access::credentials(tx, org, None)?.usable;
    explorers.into_iter().map(|of| with(tx, of, &credentials)).collect()
}

/// One of them, by the id in an address.
pub(crate) fn found(tx: &mut Tx<'_>, org: OrgId, id: &str) -> Result<Shown, Problem> {
    let missing = || Problem::missing("Explorer");
    let id = ExplorerId::parse(id).ok_or_else(missing)?;
    let of = sync::explorers::explorer(tx, org, id)?.filter(|of| of.revoked_at.is_none()).ok_or_else(missing)?;
    let credentials = access::credentials(tx, org, None)?.usable;
    with(tx, of, &credentials)
}

/// The Explorer of an id or a name; nothing for this server itself, which is `centre`.
pub(crate) fn chosen(tx: &mut Tx<'_>, org: OrgId, said: &str) -> Result<Option<ExplorerId>, Problem> {
    let said = said.trim();
    if said.is_empty() || kernel::fold(said) == "centre" {
        return Ok(None);
    }
    let fits = |of: &Explorer| of.id.to_string() == said || kernel::fold(&of.name) == kernel::fold(said);
    let found = sync::explorers::explorers(tx, org)?.into_iter().find(fits);
    Ok(Some(found.ok_or_else(|| Problem::invalid(format!("There is no Explorer {said:?} here.")))?.id))
}

fn with(tx: &mut Tx<'_>, of: Explorer, credentials: &[Credential]) -> Result<Shown, Problem> {
    let runs = sync::explorers::runs_there(tx, of.org, of.id)?;
    let runs = runs.into_iter().map(|(id, name)| (name, crate::integrations::at(id))).collect();
    let keeper = access::Custodian::Explorer(of.id.to_string());
    let keeps = credentials.iter().filter(|one| one.custodian == keeper).map(|one| one.name.clone()).collect();
    Ok(Shown { of, runs, keeps })
}

/// Makes an Explorer; answers its id and the one-time token.
pub(crate) fn make(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: &str,
    by: &str,
    now: Timestamp,
) -> Result<(ExplorerId, Secret), Problem> {
    Ok(sync::explorers::create(tx, org, name, &Random::secret_bytes(), by, now)?)
}

/// The Explorers of an organization that something can run at.
pub(crate) async fn enrolled(app: &App, org: OrgId) -> Result<Vec<Explorer>, Problem> {
    let mut all = app.store.read(move |tx| sync::explorers::explorers(tx, org)).await?;
    all.retain(|of| of.public_key.is_some());
    Ok(all)
}

/// How it fares: the light, the word beside it, and how it goes on.
pub(crate) fn light(of: &Explorer, now: Timestamp) -> (Light, &'static str) {
    match of.ready(now) {
        Ok(()) => (Light::Ok, "Connected"),
        Err(ExplorerError::NotEnrolled(_)) => (Light::Wait, "Not started yet"),
        Err(ExplorerError::Revoked(_)) => (Light::Idle, "Revoked"),
        Err(_) => (Light::Bad, "Silent"),
    }
}

impl From<ExplorerError> for Problem {
    fn from(error: ExplorerError) -> Problem {
        match error {
            ExplorerError::Store(error) => error.into(),
            ExplorerError::NoSuch(_) => Problem::missing("Explorer"),
            ExplorerError::BadName { .. }
            | ExplorerError::Taken(_)
            | ExplorerError::TooMany
            | ExplorerError::Seal(_) => Problem::invalid(sentence(&error)),
            other => Problem::conflict(sentence(&other)),
        }
    }
}
