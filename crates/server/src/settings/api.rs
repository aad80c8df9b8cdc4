//! What an organization's administrator chooses, as programs read and change it.

use access::Permission;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use inventory::history;
use kernel::{OrgId, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Tx;

use super::provider::{Filled, Saved, Stored, removed, save, stored, tried};
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

/// The identity provider of the installation.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct IdentityProvider {
    /// As the button of the page of signing in calls it.
    name: String,
    issuer: String,
    client_id: String,
    /// The domains whose addresses may come in; all if none is listed.
    domains: Vec<String>,
    /// Who was added and has no password yet is recognised by the address that the provider vouches for.
    by_email: bool,
    /// Where those come in whom nobody has added; nothing if they do not.
    provision: Option<Provision>,
}

/// What somebody is who comes in for the first time.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Provision {
    /// The organization's id.
    organization: String,
    /// viewer, operator or auditor.
    role: String,
}

/// An identity provider to be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProvider {
    name: String,
    /// What stands in the provider's OpenID configuration, to the letter.
    issuer: String,
    client_id: String,
    /// The stored one stays if none is sent, unless the issuer is another.
    client_secret: Option<String>,
    #[serde(default)]
    domains: Vec<String>,
    #[serde(default)]
    by_email: bool,
    provision: Option<Provision>,
}

impl NewProvider {
    fn filled(&self, of: &Stored) -> Result<Filled, Problem> {
        let (role, org) = match &self.provision {
            None => (String::new(), OrgId::DEFAULT),
            Some(wanted) => {
                let org = of.orgs.iter().find(|org| org.id.to_string() == wanted.organization);
                let org = org.ok_or_else(|| Problem::wrong("organization", "There is no such organization."))?;
                (wanted.role.clone(), org.id)
            }
        };
        let text = |text: &str| text.trim().to_owned();
        if let Some(domain) =
            self.domains.iter().find(|domain| domain.is_empty() || domain.contains(char::is_whitespace))
        {
            return Err(Problem::wrong("domains", format!("{domain:?} is no domain.")));
        }
        Ok(Filled {
            name: text(&self.name),
            issuer: text(&self.issuer),
            client_id: text(&self.client_id),
            domains: self.domains.join(" "),
            by_email: self.by_email,
            role,
            org: org.0.to_string(),
        })
    }
}

/// Through whom people sign in is chosen by somebody who has signed in.
fn by_hand(visitor: &Visitor) -> Result<(), Problem> {
    visitor.by_hand("choose through whom people sign in", "Sign in, and do it under Settings.")
}

fn provider_shown(of: &Stored, headers: &HeaderMap) -> Result<Response, Problem> {
    let provider = of.provider.as_ref().ok_or_else(|| Problem::missing("identity provider"))?;
    let told = IdentityProvider {
        name: provider.name.clone(),
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        domains: provider.domains.clone(),
        by_email: provider.by_email,
        provision: provider
            .provision
            .map(|(org, role)| Provision { organization: org.to_string(), role: role.word().to_owned() }),
    };
    Ok(respond::stamped(headers, &told, &of.filled().stamp()))
}

/// `GET /api/v1/settings/provider`
pub(super) async fn provider(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    provider_shown(&stored(&app).await?, &headers)
}

/// `PUT /api/v1/settings/provider`
pub(super) async fn set_provider(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    by_hand(&visitor)?;
    let sent: NewProvider = crate::fields::body(&body)?;
    let before = stored(&app).await?;
    let stamp = before.filled().stamp();
    respond::if_unchanged(&headers, &stamp)?;
    let wrong = |(field, words): (&'static str, String)| Problem::wrong(field, words);
    let filled = sent.filled(&before)?;
    let secret = before.secret(&filled, sent.client_secret.map(Secret::new)).map_err(wrong)?;
    let found = tried(&app, &before, &filled, secret).await.map_err(wrong)?;
    match save(&app, &visitor, found.provider(), &stamp).await? {
        Saved::Done => provider_shown(&stored(&app).await?, &HeaderMap::new()),
        Saved::Changed(_) => Err(Problem::conflict("Somebody else set the identity provider meanwhile.")
            .help("Read it again, and send it again if you still want to.")),
        Saved::Wrong(why) => Err(wrong(why)),
    }
}

/// `DELETE /api/v1/settings/provider`: answers what it was.
pub(super) async fn remove_provider(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    by_hand(&visitor)?;
    let before = stored(&app).await?;
    removed(&app, &visitor, &headers).await?;
    provider_shown(&before, &HeaderMap::new())
}
