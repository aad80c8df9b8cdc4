//! The identity provider of the installation: tried before it is saved. Its client secret is written and never shown.

use access::{AccessError, Discovered, Keyring, Org, Provider, Role};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kernel::{OrgId, Secret};
use store::Tx;
use ui::{Button, Card, Choice, Field, Flash, Kind, Layout, Markup, Place, Tone, Weight, html};

use super::{HOME, PROVIDER};
use crate::fields::{Fields, Sent};
use crate::people::{Here, RETURN};
use crate::problem::sentence;
use crate::{App, Problem, Visitor, edit, respond};

/// Roles that somebody may come in with whom nobody has added.
const PROVISIONED: [Role; 3] = [Role::Viewer, Role::Operator, Role::Auditor];

/// The form, filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) name: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    /// With spaces between them.
    pub(super) domains: String,
    pub(super) by_email: bool,
    /// The role of who comes for the first time; empty if only people may come who were added before.
    pub(super) role: String,
    /// The organization's number.
    pub(super) org: String,
}

impl Default for Filled {
    fn default() -> Filled {
        let none = String::new;
        let org = OrgId::DEFAULT.0.to_string();
        Filled { name: none(), issuer: none(), client_id: none(), domains: none(), by_email: false, role: none(), org }
    }
}

impl Filled {
    fn of(provider: &Provider) -> Filled {
        let (org, role) = provider.provision.map_or((OrgId::DEFAULT, ""), |(org, role)| (org, role.word()));
        Filled {
            name: provider.name.clone(),
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            domains: provider.domains.join(" "),
            by_email: provider.by_email,
            role: role.to_owned(),
            org: org.0.to_string(),
        }
    }

    fn sent(sent: &Fields) -> Filled {
        let text = |name: &str| sent.get(name).trim().to_owned();
        Filled {
            name: text("name"),
            issuer: text("issuer"),
            client_id: text("client_id"),
            domains: text("domains")
                .split([' ', ',', '\n', '\r'])
                .filter(|one| !one.is_empty())
                .collect::<Vec<_>>()
                .join(" "),
            by_email: sent.get("by_email") == "on",
            role: text("role"),
            org: text("org"),
        }
    }

    pub(super) fn stamp(&self) -> String {
        let by_email = if self.by_email { "on" } else { "" };
        edit::stamp(&[&self.name, &self.issuer, &self.client_id, &self.domains, by_email, &self.role, &self.org])
    }

    fn provider(&self, client_secret: Secret, orgs: &[Org]) -> Result<Provider, (&'static str, String)> {
        let provision = match self.role.as_str() {
            "" => None,
            word => {
                let role = PROVISIONED.into_iter().find(|role| role.word() == word);
                let role = role.ok_or(("role", "Choose a role.".to_owned()))?;
                let org = orgs.iter().find(|org| org.id.0.to_string() == self.org);
                Some((org.ok_or(("org", "Choose an organization.".to_owned()))?.id, role))
            }
        };
        Ok(Provider {
            name: self.name.clone(),
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret,
            domains: self.domains.split(' ').filter(|one| !one.is_empty()).map(str::to_owned).collect(),
            by_email: self.by_email,
            provision,
        })
    }
}

/// What is stored.
pub(super) struct Stored {
    pub(super) provider: Option<Provider>,
    pub(super) orgs: Vec<Org>,
}

impl Stored {
    /// What is stored as the form shows it.
    pub(super) fn filled(&self) -> Filled {
        self.provider.as_ref().map_or_else(Filled::default, Filled::of)
    }

    /// The secret that was given, or the stored one, which belongs to the provider that it was stored for; another one is never
    /// sent it.
    pub(super) fn secret(&self, filled: &Filled, given: Option<Secret>) -> Result<Secret, (&'static str, String)> {
        let same = self.provider.as_ref().filter(|known| known.issuer == filled.issuer);
        given
            .or_else(|| same.map(|known| known.client_secret.clone()))
            .ok_or(("client_secret", "Enter the secret that this issuer gave you.".to_owned()))
    }
}

pub(super) async fn stored(app: &App) -> Result<Stored, Problem> {
    let keys = app.keys.clone();
    let read = app.store.read(move |tx| {
        // A secret that no key opens any more is entered anew.
        let provider = match access::provider(tx, &keys) {
            Err(AccessError::Store(error)) => return Err(AccessError::Store(error)),
            Err(error) => {
                tracing::warn!(%error, "the identity provider's secret does not open");
                None
            }
            Ok(found) => found,
        };
        Ok(Stored { provider, orgs: access::orgs(tx)? })
    });
    Ok(read.await?)
}

/// `GET /settings/provider`
pub(super) async fn show(State(app): State<App>, visitor: Visitor, here: Here) -> Result<Response, Problem> {
    let stored = stored(&app).await?;
    let filled = stored.filled();
    let drawn =
        Drawn { stored: &stored, filled: &filled, stamp: &filled.stamp(), carried: None, wrong: None, told: html! {} };
    Ok(respond::page(drawn.page(&visitor, &here)))
}

/// The page with everything on it.
struct Drawn<'a> {
    stored: &'a Stored,
    filled: &'a Filled,
    /// Of what is stored now.
    stamp: &'a str,
    /// The secret that was tried, sealed.
    carried: Option<&'a str>,
    wrong: Option<(&'static str, String)>,
    told: Markup,
}

impl Drawn<'_> {
    fn page(&self, visitor: &Visitor, here: &Here) -> Markup {
        let shell = visitor.shell();
        let back = format!("{}{RETURN}", here.0);
        let page = ui::Page {
            crumbs: &[("Settings", HOME)],
            layout: Layout::Narrow,
            lead: html! { "People sign in with the account that they have there, beside or instead of a password here." },
            body: html! {
                (self.told)
                (Card {
                    id: "there", heading: "At the provider",
                    body: html! {
                        p { "Make a client there: a web application with a secret, of the authorization code flow, that may return to:" }
                        p.line { code.mono { (back) } (ui::copy_button(&back, "Copy")) }
                    },
                    ..Card::default()
                }.render())
                (Card { id: "provider", heading: "Here", body: self.form(visitor), ..Card::default() }.render())
                @if self.stored.provider.is_some() { (removal(visitor)) }
            },
            ..visitor.page(&shell, Place::Settings, "Identity provider")
        };
        page.render()
    }

    fn form(&self, visitor: &Visitor) -> Markup {
        let filled = self.filled;
        let roles: Vec<Choice<'_>> = std::iter::once(("", "Nobody: people are added first"))
            .chain(PROVISIONED.map(|role| (role.word(), role.word())))
            .map(|(value, label)| Choice { value, label, help: "", on: value == filled.role })
            .collect();
        let ids: Vec<String> = self.stored.orgs.iter().map(|org| org.id.0.to_string()).collect();
        let orgs: Vec<Choice<'_>> = self
            .stored
            .orgs
            .iter()
            .zip(&ids)
            .map(|(org, id)| Choice { value: id, label: &org.name, help: "", on: *id == filled.org })
            .collect();
        let kept = self.carried.is_some() || self.stored.provider.is_some();
        let secret = match (self.carried, &self.stored.provider) {
            (Some(_), _) => "The one that was just tried is kept. It is never shown.",
            (None, Some(_)) => "Empty keeps the one that is stored. It is never shown.",
            (None, None) => "It is sealed, and never shown again.",
        };
        let field = |name: &'static str, label, help, required, kind| {
            let error = self.wrong.as_ref().filter(|(field, _)| *field == name).map(|(_, words)| words.as_str());
            Field { name, label, help, error, required, kind }
        };
        let fields = [
            field("name", "Name", "The button says: Sign in with, and this name.", true, Kind::Text(&filled.name)),
            field(
                "issuer",
                "Issuer",
                "Such as https://id.example.com: what stands in the provider's OpenID configuration, to the letter.",
                true,
                Kind::Url(&filled.issuer),
            ),
            field("client_id", "Client id", "", true, Kind::Mono(&filled.client_id)),
            field("client_secret", "Client secret", secret, !kept, Kind::Secret("off")),
            field(
                "domains",
                "Domains",
                "Only addresses of these may come in, such as example.com; empty for all that the provider knows.",
                false,
                Kind::Text(&filled.domains),
            ),
            field(
                "by_email",
                "Know invited people by their e-mail address",
                "Who was added here and has no password yet comes in with the address that the provider vouches for. Off: they open their invitation first. Usual: no.",
                false,
                Kind::Switch(filled.by_email),
            ),
            field(
                "role",
                "Who comes without having been added",
                "They come in with this role.",
                false,
                Kind::Select(&roles),
            ),
            field("org", "Into", "The organization that they become members of.", false, Kind::Select(&orgs)),
        ];
        let button = |words, weight, value| Button { words, weight, value: Some(("do", value)), ..Button::default() };
        ui::post(
            visitor.csrf(),
            PROVIDER,
            &html! {
                (ui::errors(&fields))
                (edit::carries(self.stamp))
                @if let Some(carried) = self.carried { input type="hidden" name="carried" value=(carried); }
                @for field in &fields { (field.render()) }
                div.line {
                    (ui::button(&button("Test", Weight::Normal, "test")))
                    (ui::button(&button("Save", Weight::Main, "save")))
                }
            },
        )
    }
}

fn removal(visitor: &Visitor) -> Markup {
    let body = html! {
        p { "Nobody can sign in through it any more. Who is linked stays so, for when it returns; who has no password needs a link to choose one." }
        (ui::post_button(visitor.csrf(), "/settings/provider/remove",
            &Button { words: "Remove", about: "identity provider", weight: Weight::Danger, ..Button::default() }, &[]))
    };
    Card { id: "removal", heading: "Remove it", body, ..Card::default() }.render()
}

/// What a carried secret is good for.
fn purpose(visitor: &Visitor) -> String {
    format!("provider {}", visitor.person)
}

/// `POST /settings/provider`: asks the provider what it is; with `do=save` saves it if it answers.
pub(super) async fn sent(
    State(app): State<App>,
    visitor: Visitor,
    here: Here,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (now, before) = (app.world.now(), stored(&app).await?);
    let filled = Filled::sent(&sent);
    let own = before.filled();
    let stamp = own.stamp();
    let mut drawn =
        Drawn { stored: &before, filled: &filled, stamp: &stamp, carried: None, wrong: None, told: html! {} };
    let again = |drawn: &Drawn<'_>, status| Ok((status, respond::page(drawn.page(&visitor, &here))).into_response());
    if edit::is_stale(&sent, &stamp) {
        drawn.told = edit::both(&differences(&own, &filled));
        return again(&drawn, StatusCode::CONFLICT);
    }
    let typed =
        Some(sent.get("client_secret")).filter(|text| !text.is_empty()).map(|text| Secret::new(text.to_owned()));
    let carried = || access::carried(&app.keys, &purpose(&visitor), sent.get("carried"), now);
    let secret = match before.secret(&filled, typed.or_else(carried)) {
        Ok(secret) => secret,
        Err(wrong) => {
            drawn.wrong = Some(wrong);
            return again(&drawn, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    let tried = tried(&app, &before, &filled, secret.clone()).await;
    let sealed = access::carry(&app.keys, &purpose(&visitor), &secret, now)?;
    drawn.carried = Some(&sealed);
    let found = match tried {
        Ok(found) => found,
        Err(wrong) => {
            drawn.wrong = Some(wrong);
            return again(&drawn, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    if sent.get("do") != "save" {
        drawn.told = answers(&found);
        return again(&drawn, StatusCode::OK);
    }
    match save(&app, &visitor, found.provider(), &stamp).await? {
        Saved::Done => {}
        Saved::Changed(now_stored) => {
            let stamp = now_stored.stamp();
            let drawn = Drawn { stamp: &stamp, told: edit::both(&differences(&now_stored, &filled)), ..drawn };
            return again(&drawn, StatusCode::CONFLICT);
        }
        Saved::Wrong(wrong) => {
            drawn.wrong = Some(wrong);
            return again(&drawn, StatusCode::UNPROCESSABLE_ENTITY);
        }
    }
    let then = format!("The page of signing in has a button for {} now.", filled.name);
    Ok(respond::see_other_saying(PROVIDER, Tone::Ok, "Saved.", &then))
}

/// What is stored, in a transaction that changes it.
fn read(tx: &mut Tx<'_>, keys: &Keyring) -> Filled {
    access::provider(tx, keys).ok().flatten().as_ref().map_or_else(Filled::default, Filled::of)
}

/// Asks the provider what it is.
pub(super) async fn tried(
    app: &App,
    before: &Stored,
    filled: &Filled,
    secret: Secret,
) -> Result<Discovered, (&'static str, String)> {
    let provider = filled.provider(secret, &before.orgs)?;
    access::discover(provider, &app.http).await.map_err(|error| ("issuer", sentence(&error)))
}

/// What became of saving.
pub(super) enum Saved {
    Done,
    /// Somebody saved this meanwhile.
    Changed(Filled),
    /// The field, and what is wrong with it.
    Wrong((&'static str, String)),
}

/// Saves a provider that was tried, if what is stored is still what `known` is the stamp of.
pub(super) async fn save(app: &App, visitor: &Visitor, provider: &Provider, known: &str) -> Result<Saved, Problem> {
    let (keys, by, now) = (app.keys.clone(), visitor.login.clone(), app.world.now());
    let (provider, known) = (provider.clone(), known.to_owned());
    let written = app.store.write(move |tx| {
        // Somebody may have saved while the provider was asked.
        let now_stored = read(tx, &keys);
        if now_stored.stamp() != known {
            return Ok(Saved::Changed(now_stored));
        }
        access::save_provider(tx, &keys, &provider, &by, now).map(|()| Saved::Done)
    });
    match written.await {
        Ok(Saved::Done) => {
            *app.discovered.lock().await = None;
            Ok(Saved::Done)
        }
        Err(error @ AccessError::Invalid { what, .. }) => {
            let field = match what {
                "client id" => "client_id",
                "domain" => "domains",
                "issuer" => "issuer",
                _ => "name",
            };
            Ok(Saved::Wrong((field, sentence(&error))))
        }
        other => Ok(other?),
    }
}

/// Removes the provider; an error where there is none, or another than `If-Match` names.
pub(super) async fn removed(app: &App, visitor: &Visitor, headers: &HeaderMap) -> Result<(), Problem> {
    let (keys, by, now, headers) = (app.keys.clone(), visitor.login.clone(), app.world.now(), headers.clone());
    let written = app.store.write(move |tx| {
        respond::if_unchanged(&headers, &read(tx, &keys).stamp())?;
        match access::remove_provider(tx, &by, now)? {
            true => Ok(()),
            false => Err(Problem::missing("identity provider")),
        }
    });
    written.await?;
    *app.discovered.lock().await = None;
    Ok(())
}

fn differences<'a>(stored: &'a Filled, entered: &'a Filled) -> [(&'static str, &'a str, &'a str); 7] {
    let word = |on: bool| if on { "yes" } else { "no" };
    [
        ("Name", &stored.name, &entered.name),
        ("Issuer", &stored.issuer, &entered.issuer),
        ("Client id", &stored.client_id, &entered.client_id),
        ("Domains", &stored.domains, &entered.domains),
        ("Known by e-mail address", word(stored.by_email), word(entered.by_email)),
        ("Role of who was not added", &stored.role, &entered.role),
        ("Organization of who was not added", &stored.org, &entered.org),
    ]
}

/// What the provider said of itself.
fn answers(found: &Discovered) -> Markup {
    let flash = Flash {
        tone: Tone::Ok,
        what: "The provider answers.",
        then: "Whether id and secret are right shows when somebody signs in. Nothing is saved yet.",
        link: None,
    };
    html! {
        (flash.render())
        (ui::facts(&[("People sign in at", ui::mono(&found.signs_in_at()))]))
    }
}

/// `POST /settings/provider/remove`
pub(super) async fn remove(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    removed(&app, &visitor, &HeaderMap::new()).await?;
    Ok(respond::see_other_saying(HOME, Tone::Ok, "Removed.", "Nobody signs in through it any more."))
}
