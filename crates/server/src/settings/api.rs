//! What an organization's administrator chooses, as programs read and change it.

use access::Permission;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use inventory::history;
use kernel::OrgId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Tx;

use super::{DAYS_MAX, keep_for};
use crate::{App, Problem, Visitor, respond};

/// The settings of an organization.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Settings {
    /// Whom people ask for help; empty if nobody is named.
    support_contact: String,
    /// How many days it is known what changed on assets; nothing is for ever.
    keep_history_days: Option<u32>,
    /// How many days the log is kept; nothing is for ever.
    keep_log_days: Option<u32>,
    /// Administrators, of any organization, need a second factor to act as such.
    admins_need_second_factor: bool,
    /// New consoles may stand inside private networks.
    consoles_may_be_private: bool,
}

/// What is changed; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// Whom people ask for help; the empty text names nobody.
    support_contact: Option<String>,
    /// For how many days it is known what changed on assets, from 1; 0 is for ever.
    keep_history_days: Option<u32>,
    /// For how many days the log is kept, from 1; 0 is for ever.
    keep_log_days: Option<u32>,
    /// Whether administrators need a second factor; for who manages the installation, and has one.
    admins_need_second_factor: Option<bool>,
    /// Whether new consoles may stand inside private networks; for who manages the installation.
    consoles_may_be_private: Option<bool>,
}

fn read(tx: &mut Tx<'_>, org: OrgId) -> Result<Settings, Problem> {
    Ok(Settings {
        support_contact: access::support_contact(tx, org)?,
        keep_history_days: history::kept(tx, org)?.days,
        keep_log_days: signals::keep(tx, org)?.days,
        admins_need_second_factor: access::admins_need_second_factor(tx)?,
        consoles_may_be_private: access::consoles_may_be_private(tx)?,
    })
}

/// `GET /api/v1/settings`
pub(super) async fn show(State(app): State<App>, visitor: Visitor, headers: HeaderMap) -> Result<Response, Problem> {
    let org = visitor.org;
    let settings = app.store.read(move |tx| read(tx, org)).await?;
    Ok(respond::json(&headers, &settings))
}

/// `PATCH /api/v1/settings`
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let sent: Change = crate::fields::body(&body)?;
    for (field, days) in [("keep_history_days", sent.keep_history_days), ("keep_log_days", sent.keep_log_days)] {
        if days.is_some_and(|days| days > DAYS_MAX) {
            let message = format!("{field} is a number of days up to {DAYS_MAX}, or 0 for ever.");
            return Err(Problem::wrong(field, message));
        }
    }
    let of_all = sent.admins_need_second_factor.is_some() || sent.consoles_may_be_private.is_some();
    if of_all && !visitor.may(Permission::ManageInstallation) {
        return Err(Problem::forbidden("Only who manages the installation chooses what holds for all organizations."));
    }
    let (org, by, who, now) = (visitor.org, visitor.login.clone(), visitor.person, app.world.now());
    let written = app.store.write(move |tx| {
        let is = read(tx, org)?;
        respond::if_match(&headers, &is)?;
        if let Some(contact) = &sent.support_contact {
            access::set_support_contact(tx, org, contact, &by, now)?;
        }
        if let Some(on) = sent.admins_need_second_factor.filter(|on| *on != is.admins_need_second_factor) {
            access::set_admins_need_second_factor(tx, on, who, now)?;
        }
        if let Some(on) = sent.consoles_may_be_private.filter(|on| *on != is.consoles_may_be_private) {
            access::set_consoles_may_be_private(tx, on, &by, now)?;
        }
        // What is asked for takes the place of what is; 0 is for ever.
        let days = |asked: Option<u32>, is| asked.map_or(is, |days| Some(days).filter(|days| *days > 0));
        let (past, log) =
            (days(sent.keep_history_days, is.keep_history_days), days(sent.keep_log_days, is.keep_log_days));
        if (past, log) != (is.keep_history_days, is.keep_log_days) {
            keep_for(tx, org, (past, log), &by, now)?;
        }
        read(tx, org)
    });
    Ok(respond::json(&HeaderMap::new(), &written.await?))
}
