//! [`connect`]: tries a console and a token, and saves them once they have worked.

use std::time::Duration;

use access::{Keep, NewCredential};
use futures_util::future::BoxFuture;
use jobs::World;
use kernel::{CredentialId, ExplorerId, IntegrationId, Secret, Timestamp};
use sentinelone::probe::Scope;
use sentinelone::{ApiError, Client, Console, Failure, Probe, Token, Transport, TransportError, probe};

use crate::beside::{self, Beside};
use crate::checkpoint::{self, credential_name};
use crate::explorers::{At, Relay, kept_at, way};
use crate::manage::{called, free_task, name_task};
use crate::run::Place;
use crate::standing::{self, Found, Looked};
use crate::{Connector, Integration, IntegrationState, Options, SyncError};

/// The site of an integration that names none.
pub const SITE_DEFAULT: &str = "Primary";

/// The longest name of an integration, in characters.
const NAME_CHARS_MAX: usize = 64;

/// How many names are tried for a credential that is made along with an integration.
const CREDENTIAL_NAMES_TRIED: u32 = 50;

/// How many times the probe's waits double.
const PAUSE_DOUBLINGS_MAX: u32 = 6;

/// What is to be connected.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The console.
    pub console: Console,
    /// The token.
    pub token: Token,
    /// The saved credential that the token is the secret of ([`crate::open_token`]): it is not stored again, and whoever
    /// renews the credential renews it here. Without one the token is stored with the integration.
    pub credential: Option<CredentialId>,
    /// The token of the connection link by which it was given. It is used up in the transaction that stores it.
    pub link: Option<Secret>,
    /// Where the console is asked from; where a browser sealed the token to an Explorer, `token` is none.
    pub at: At,
    /// The console may stand inside a private network. If that is where its name leads, it may later too
    /// ([`Options::private`]).
    pub private: bool,
    /// The integration's name; made of the host if none is given.
    pub name: Option<String>,
    /// What its task is called ([`crate::name_task`]); as the integration if none is given, and that of a known one stays.
    pub task: Option<String>,
    /// Our site, where its assets will live; made if there is none of that name.
    pub site: Option<String>,
    /// Choices; those of a known integration stay if none are given.
    pub options: Option<Options>,
    /// True if somebody who heard that another integration sees the same of this console wants both.
    pub all_the_same: bool,
}

impl Connect {
    /// A console and a token, and nothing else said: named after the host, asked from the centre, with the usual choices.
    #[must_use]
    pub fn new(console: Console, token: Token) -> Connect {
        Connect {
            console,
            token,
            credential: None,
            link: None,
            at: At::default(),
            private: false,
            name: None,
            task: None,
            site: None,
            options: None,
            all_the_same: false,
        }
    }
}

/// What was connected.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The integration as it is saved now.
    pub integration: Integration,
    /// What the token can see.
    pub probe: Probe,
    /// True if the integration existed and only got a new token; its checkpoints are kept.
    pub rotated: bool,
    /// Other integrations that read the same console; nothing where only a token is new.
    pub beside: Vec<Beside>,
}

/// Tries the console and the token, and only if both work saves them: a new integration, or a new token for the one of
/// that name, whose old token stays in use until this moment.
///
/// # Errors
/// The console does not answer or refuses the token, the name belongs to another console, another integration sees the
/// same of this one and nobody said that both are wanted, there is no key to seal with, or the database fails. Nothing is
/// changed then.
pub async fn connect(place: Place<'_>, order: Connect) -> Result<Connected, SyncError> {
    let name = checked_name(&order.name.clone().unwrap_or_else(|| name_of(&order.console)))?;
    let (org, wanted, task) = (place.org, name.clone(), order.task.clone());
    let known = place
        .world
        .outside(place.store.read(move |tx| {
            let known = checkpoint::integration_named(tx, org, &wanted)?;
            if known.is_none() || task.is_some() {
                let (id, name) = known.as_ref().map_or((None, &wanted), |of| (Some(of.id), &of.name));
                free_task(tx, org, id, &called(name, task.as_deref().unwrap_or_default())?)?;
            }
            Ok::<_, SyncError>(known)
        }))
        .await?;
    let host = order.console.authority();
    if let Some(known) = &known
        && (known.connector.is_file() || known.console_host != host)
    {
        if known.connector.is_file() {
            return Err(SyncError::OtherSource { name, connector: known.connector });
        }
        return Err(SyncError::NameTaken { name, host: known.console_host.clone() });
    }

    let chosen = order.options.as_ref().or(known.as_ref().map(|of| &of.options));
    let mut private = chosen.is_some_and(|options| options.private);
    // What is known stays where it runs unless something else is said.
    let at = At { explorer: order.at.explorer.or(known.as_ref().and_then(|of| of.explorer)), ..order.at.clone() };
    let asked_at = place.world.now();
    let probe = match asked(place, &order, &at, private).await {
        // It is let inside only if that is where its name leads; any other stays held to public addresses.
        Err(SyncError::Console(error)) if order.private && !private && leads_inside(&error) => {
            private = true;
            asked(place, &order, &at, private).await?
        }
        outcome => outcome?,
    };

    if known.is_none() {
        // Before an Explorer is handed anything. Two tabs are told apart where it is saved.
        let (console, seen, both) = (order.console.clone(), probe.clone(), order.all_the_same);
        let look = place.store.read(move |tx| beside::wanted(tx, org, &console, &seen, both));
        place.world.outside(look).await?;
    }
    let credential = match (&at.sealed, at.explorer) {
        (Some(sealed), Some(id)) => Some(handed_over(place, id, &name, &order.console, sealed, &probe).await?),
        _ => order.credential,
    };
    let now = place.world.now();
    let rotated = known.is_some();
    let (seen, keys, who) = (probe.clone(), place.keys.clone(), place.who.to_owned());
    let (integration, beside) = place
        .world
        .outside(place.store.write(move |tx| {
            let beside = match &known {
                Some(_) => Vec::new(),
                None => beside::wanted(tx, org, &order.console, &seen, order.all_the_same)?,
            };
            let mut saved = match known {
                Some(known) => known,
                None => Integration {
                    org,
                    id: IntegrationId(checkpoint::next_id(tx, org)?),
                    name,
                    connector: Connector::SentinelOne,
                    console_url: String::new(),
                    console_host: host,
                    site: kernel::SiteId(0),
                    site_name: String::new(),
                    options: Options::default(),
                    state: IntegrationState::Connected,
                    since: now,
                    detail: String::new(),
                    scope: None,
                    role: None,
                    token_expires_at: None,
                    console_version: None,
                    created_at: now,
                    credential: None,
                    explorer: None,
                },
            };
            if order.site.is_some() || !rotated {
                saved.site_name = order.site.unwrap_or_else(|| SITE_DEFAULT.to_owned());
                saved.site = inventory::ensure_site(tx, org, &saved.site_name, now)?;
            }
            if let Some(options) = order.options {
                let task = saved.options.task.take();
                saved.options = Options { task, ..options };
            }
            saved.options.private = private;
            saved.console_url = order.console.origin();
            if saved.state != IntegrationState::Connected {
                saved.since = now;
            }
            saved.state = IntegrationState::Connected;
            saved.detail = String::new();
            saved.scope = Some(scope_word(&seen.scope));
            saved.role = seen.role.clone();
            saved.token_expires_at = seen.expires_at.map(|at| Timestamp::from_micros(at.0));
            saved.console_version = seen.version.clone();
            if let Some(link) = &order.link {
                access::consume_link(tx, link.expose(), now)?.ok_or(SyncError::LinkOver)?;
            }
            saved.credential = credential;
            saved.explorer = match credential.map(|id| kept_at(tx, org, id)).transpose()?.flatten() {
                Some(keeper) => Some(keeper),
                None => at.explorer,
            };
            let version = match credential {
                Some(id) => {
                    access::learn(tx, org, id, &crate::facts(&seen))?;
                    access::forget(tx, org, &credential_name(saved.id))?;
                    0
                }
                None => {
                    let secret = Secret::new(order.token.expose().to_owned());
                    access::store_secret(tx, &keys, org, &credential_name(saved.id), &secret)?
                }
            };
            checkpoint::save_integration(tx, &saved, version, now)?;
            crate::configure::take_effect(tx, &saved)?;
            let looked = Looked::of(&seen, &order.console, asked_at);
            standing::note_look(tx, &saved, &looked, true, now)?;
            if rotated {
                // Whatever held it up is over: it goes on from its checkpoints at once.
                standing::settle(tx, org, saved.id, &Found::Works, now)?;
                standing::all_due(tx, org, saved.id)?;
            }
            let what = if rotated { "integration.rotate" } else { "integration.connect" };
            let detail = format!("{} as {}", saved.console_host, saved.scope.as_deref().unwrap_or("unknown"));
            access::audit(tx, org, now, &who, what, &saved.name, &detail)?;
            if let Some(task) = &order.task {
                saved.options.task = name_task(tx, org, saved.id, task, &who, now)?;
            }
            Ok::<_, SyncError>((saved, beside))
        }))
        .await?;
    Ok(Connected { integration, probe, rotated, beside })
}

/// Hands a sealed token that has worked over to its Explorer, as the secret of a credential of its own.
async fn handed_over(
    place: Place<'_>,
    explorer: ExplorerId,
    name: &str,
    console: &Console,
    sealed: &str,
    seen: &Probe,
) -> Result<CredentialId, SyncError> {
    let (org, now) = (place.org, place.world.now());
    let (keys, who, facts) = (place.keys.clone(), place.who.to_owned(), crate::facts(seen));
    let (wanted, url) = (name.to_owned(), console.origin());
    let save = place.store.write(move |tx| {
        let taken = access::credentials(tx, org, None)?.usable;
        // An integration's name may be a credential's already.
        let free = (1..=CREDENTIAL_NAMES_TRIED).map(|number| match number {
            1 => wanted.clone(),
            _ => format!("{wanted} {number}"),
        });
        let fits = |name: &String| !taken.iter().any(|of| kernel::fold(&of.name) == kernel::fold(name));
        let name = free.into_iter().find(fits).unwrap_or(wanted);
        let keep = Keep::Explorer(explorer.to_string());
        let new = NewCredential { name, kind: access::CREDENTIAL_KINDS[0].word.to_owned(), url, keep };
        let id = access::save_credential(tx, &keys, org, &new, &who, now)?;
        access::learn(tx, org, id, &facts)?;
        Ok::<_, SyncError>(id)
    });
    let id = place.world.outside(save).await?;
    let relay = Relay::new(place.store, place.world, org, explorer);
    if let Err(error) = relay.keep(id, name, console, Some(sealed.to_owned())).await {
        let who = place.who.to_owned();
        let undo = place.store.write(move |tx| access::remove_credential(tx, org, id, &who, now));
        place.world.outside(undo).await?;
        return Err(error.into());
    }
    Ok(id)
}

/// Waits of the world, for probes: as long as the console asks for, up to the engine's bound, or doubled each time.
pub fn pauses(world: &World) -> impl Fn(u32, Option<Duration>) -> BoxFuture<'static, ()> + Send + Sync + use<> {
    let world = world.clone();
    move |attempt, asked| {
        let (world, doubled) = (world.clone(), 1 << attempt.saturating_sub(1).min(PAUSE_DOUBLINGS_MAX));
        let wait =
            asked.map_or(Duration::from_millis(500) * doubled, |asked| asked.min(crate::verdict::RETRY_AFTER_MAX));
        Box::pin(async move { world.sleep(wait).await })
    }
}

impl Looked {
    /// What a probe tells about token and clock; it was begun at `asked_at` by our clock.
    pub(crate) fn of(probe: &Probe, console: &Console, asked_at: Timestamp) -> Looked {
        let instant = |at: sentinelone::Micros| Timestamp::from_micros(at.0);
        // The console tells its clock to the second, and the answer took a moment: what lies within is no difference.
        // A simulated console on this machine may live in another year.
        let skew = probe.server_time.filter(|_| !console.is_loopback()).map(|server| {
            let ahead = server.0.saturating_sub(asked_at.micros());
            if ahead.abs() < 2_000_000 { 0 } else { ahead }
        });
        Looked {
            scope_word: sees(probe).map(|scope| scope.level),
            sees: sees(probe),
            role: probe.role.clone(),
            expires_at: probe.expires_at.map(instant),
            version: probe.version.clone(),
            clock_skew: skew,
        }
    }
}

/// What a token sees: the level, and the ids of the places on it; nothing if the console does not say.
pub(crate) fn sees(probe: &Probe) -> Option<crate::scope::Scope> {
    let places = match &probe.scope {
        Scope::Unknown => return None,
        Scope::Tenant => Default::default(),
        _ => probe.places.iter().map(|place| place.id.clone()).collect(),
    };
    Some(crate::scope::Scope { level: scope_word(&probe.scope), places })
}

/// Tries the console of an order.
async fn asked(place: Place<'_>, order: &Connect, at: &At, private: bool) -> Result<Probe, SyncError> {
    let transport = way(place, at, order.credential, &order.console, &order.token, private).await?;
    let client = Client::new(order.console.clone(), order.token.clone(), transport);
    Ok(probe(&client, &pauses(place.world)).await?)
}

/// Whether nothing was sent because the console's name leads into a private network.
fn leads_inside(error: &ApiError) -> bool {
    matches!(error.failure(), Failure::Transport(TransportError::Private))
}

/// How a console is reached: only where anybody may come, unless it was allowed to stand inside a private network.
pub(crate) fn allowed(transport: &Transport, console: &Console, private: bool) -> Transport {
    // An address that is private by itself was allowed when it was connected, or it would not be here.
    if private || console.is_private() { transport.clone() } else { transport.public_only() }
}

pub(crate) fn scope_word(scope: &Scope) -> String {
    match scope {
        Scope::Tenant => "tenant".to_owned(),
        Scope::Account => "account".to_owned(),
        Scope::Site => "site".to_owned(),
        Scope::Other(word) => word.clone(),
        _ => "unknown".to_owned(),
    }
}

/// `acme` of `acme.sentinelone.net`; `console-10.0.0.5` for an address without a name; what it is, where that is this machine.
#[must_use]
pub fn name_of(console: &Console) -> String {
    let host = console.host().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return "sentinelone".to_owned();
    }
    match address {
        Some(_) => format!("console-{}", host.replace(':', "-")),
        None => host.split('.').next().unwrap_or_default().to_owned(),
    }
}

pub(crate) fn checked_name(name: &str) -> Result<String, SyncError> {
    let name = name.trim().to_owned();
    let why = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > NAME_CHARS_MAX {
        "it has more than 64 characters"
    } else if name.chars().any(|character| character.is_control() || character == ',') {
        "it has a comma or a control character"
    } else if name.starts_with('-') {
        "it begins with a dash, like an option"
    } else {
        return Ok(name);
    };
    Err(SyncError::BadName { name: name.chars().filter(|character| !character.is_control()).take(80).collect(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_the_host() {
        for (address, name) in [
            ("https://acme.sentinelone.net", "acme"),
            ("usea1-partners.sentinelone.net", "usea1-partners"),
            ("http://127.0.0.1:9400", "sentinelone"),
            ("http://[::1]:9400", "sentinelone"),
            ("http://localhost:9400", "sentinelone"),
            ("https://10.0.0.5", "console-10.0.0.5"),
            ("https://[fd00::5]", "console-fd00--5"),
        ] {
            assert_eq!(name_of(&Console::parse(address).unwrap()), name, "{address}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_says_why() {
        assert_eq!(checked_name(" acme ").unwrap(), "acme");
        for name in ["", "  ", "a,b", "a\nb", "-x", &"x".repeat(65)] {
            assert!(checked_name(name).is_err(), "{name:?}");
        }
    }
}
