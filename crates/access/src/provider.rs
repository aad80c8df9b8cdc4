//! Signing in through an OpenID Connect provider: the authorization code flow with PKCE, a nonce, and a state that is bound to
//! the browser.
//!
//! One secret in a cookie of the browser makes the rest: state, nonce and PKCE verifier are keyed hashes of it, and only its
//! own hash is stored, for ten minutes and one use. A code that is brought by another browser finds nothing.
//!
//! [`save_provider`] once; [`discover`] and keep the answer; then for each sign-in [`begin_provider_sign_in`],
//! [`take_provider_attempt`], [`redeem`] and [`finish_provider_sign_in`].

use kernel::{OrgId, PersonId, Secret, Timestamp, fold};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, DiscoveryError, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use store::Tx;

use crate::key::{NONCE_BYTES, NotOpened, Sealed};
use crate::org::checked_name;
use crate::person::{PersonState, add_person, audit_person, known, person_by_login};
use crate::session::Origin;
use crate::sign_in::{SignedIn, admit};
use crate::token::{self, Fresh};
use crate::{AccessError, Http, HttpError, Keyring, Role, audit, credential, set_member, ticket};

/// How long a sign-in may take at the provider, in seconds.
pub const PROVIDER_SECONDS: i64 = 600;
/// How many sign-ins are on their way at most; beyond, the oldest are given up.
const ATTEMPTS_MAX: i64 = 10_000;
/// The longest place to return to, in bytes.
const RETURN_BYTES_MAX: usize = 1024;
/// The longest part of a provider's words that is repeated, in characters.
const REASON_CHARS_MAX: usize = 200;

/// The identity provider of the installation.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name, as the button says.
    pub name: String,
    /// Its issuer: where `/.well-known/openid-configuration` is found.
    pub issuer: String,
    /// What it knows this installation by.
    pub client_id: String,
    /// The secret that goes with it.
    pub client_secret: Secret,
    /// The domains whose addresses may come in, folded; all if none is listed.
    pub domains: Vec<String>,
    /// Who was added and has no password yet is recognised by the address that the provider vouches for. Otherwise they
    /// open their invitation and go to the provider from there.
    pub by_email: bool,
    /// The organization and role of who comes for the first time; nothing if only people may come who were added before.
    pub provision: Option<(OrgId, Role)>,
}

/// A provider, with what it says of itself and its keys. Good for some hours.
#[derive(Clone, Debug)]
pub struct Discovered {
    provider: Provider,
    metadata: CoreProviderMetadata,
}

/// What the provider did not do. No variant holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// An address cannot be used.
    #[error("the {what} is no address that can be used: it begins with https://")]
    BadAddress {
        /// Which.
        what: &'static str,
    },
    /// It does not say what it is.
    #[error("the identity provider cannot be discovered: {why}")]
    NotDiscovered {
        /// Why.
        why: String,
    },
    /// It does not redeem the code.
    #[error("the identity provider does not redeem the code: {why}")]
    NotRedeemed {
        /// Why.
        why: String,
    },
    /// What it says about the person does not hold.
    #[error("the identity provider's token does not hold: {why}")]
    NotBelieved {
        /// Why.
        why: String,
    },
}

/// What somebody is sent to the provider for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// To sign in.
    SignIn,
    /// To link the provider's name for them to who has the session with this id, as long as it lives.
    Link {
        /// The session's id, not its token.
        session: String,
    },
    /// To accept an invitation, which is used up when they return.
    Accept {
        /// What is stored of its token.
        ticket: [u8; 32],
    },
}

impl Errand {
    /// Accepting the invitation that has this token.
    #[must_use]
    pub fn accept(token: &str) -> Errand {
        Errand::Accept { ticket: token::hash(token) }
    }
}

/// A sign-in on its way to the provider.
#[derive(Clone, Debug)]
pub struct ProviderDeparture {
    /// Where to send the browser.
    pub url: String,
    /// For a cookie of the browser: it has to come back with it.
    pub browser: Secret,
}

/// A sign-in that came back in the same browser.
#[derive(Clone, Debug)]
pub struct ProviderAttempt {
    nonce: Secret,
    verifier: Secret,
    /// Where the person wanted to go, a path of this site.
    pub return_to: String,
    /// What they were sent there for.
    pub errand: Errand,
}

/// Who the provider says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who says so.
    pub issuer: String,
    /// Its lasting name for the person.
    pub subject: String,
    /// Their address, if it says one.
    pub email: Option<String>,
    /// Whether it vouches for the address.
    pub email_verified: bool,
    /// Their name, if it says one.
    pub name: Option<String>,
}

/// What became of a sign-in through the provider.
#[derive(Clone, Debug)]
pub enum ProviderSignIn {
    /// Signed in, or half of the way.
    In(SignedIn),
    /// Linked to who they were already.
    Linked(PersonId),
    /// Refused.
    Refused(ProviderRefusal),
}

/// Why somebody who the provider knows does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderRefusal {
    /// The provider does not vouch for an address, and nobody is linked to its name for them.
    NoVerifiedEmail,
    /// The address is of a domain that may not come in.
    Domain,
    /// Nobody has added them, and they are not to be added by themselves.
    Unknown,
    /// There is a person with this address and a password: they link the provider themselves, once signed in.
    LinkFirst,
    /// They were added, and addresses alone open nothing: they open their invitation first.
    InvitationFirst,
    /// The invitation that they came with is over.
    InvitationOver,
    /// The session that asked for the link has ended.
    SessionOver,
    /// The provider's name for them is linked to another person here.
    LinkedToAnother,
    /// They may not sign in any more.
    Disabled,
}

impl ProviderRefusal {
    /// The reason, for the person and the trail.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            ProviderRefusal::NoVerifiedEmail => "the identity provider does not vouch for your e-mail address",
            ProviderRefusal::Domain => "your e-mail address is not of a domain that may sign in",
            ProviderRefusal::Unknown => "nobody has added you yet: ask an administrator",
            ProviderRefusal::LinkFirst => "sign in with your password first and link the identity provider to it",
            ProviderRefusal::InvitationFirst => {
                "you were added, and have not accepted yet: open the link of your invitation, and go on from there"
            }
            ProviderRefusal::InvitationOver => "the invitation is over: ask who gave it to you for another",
            ProviderRefusal::SessionOver => "you were signed out meanwhile: sign in and link it again",
            ProviderRefusal::LinkedToAnother => {
                "your account at the identity provider is linked to another person here: sign out there, and choose yours"
            }
            ProviderRefusal::Disabled => "you may not sign in any more: ask an administrator",
        }
    }
}

const PUT: &str = "INSERT INTO access_provider
    (name, issuer, client_id, key_id, nonce, sealed, domains, provision_org, provision_role,
    by_email) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const READ: &str = "SELECT name, issuer, client_id, key_id, nonce, sealed, domains, provision_org, provision_role,
    by_email FROM access_provider";
const NAME: &str = "SELECT name FROM access_provider";
const REMOVE: &str = "DELETE FROM access_provider";
const ADD_ATTEMPT: &str = "INSERT INTO access_provider_attempt (browser_hash, provider, return_to, expires_at,
    session_id, ticket_hash) VALUES ($1, $2, $3, $4, $5, $6)";
const TAKE_ATTEMPT: &str = "DELETE FROM access_provider_attempt WHERE browser_hash = $1
    RETURNING return_to, expires_at, session_id, ticket_hash";
const OLD_ATTEMPTS: &str = "DELETE FROM access_provider_attempt WHERE expires_at <= $1";
const EDGE: &str = "SELECT expires_at FROM access_provider_attempt ORDER BY expires_at DESC LIMIT 1 OFFSET $1";
const IDENTITY: &str = "SELECT person_id FROM access_identity WHERE issuer = $1 AND subject = $2";
const LINK: &str = "INSERT INTO access_identity (issuer, subject, person_id, since) VALUES ($1, $2, $3, $4)
    ON CONFLICT (issuer, subject) DO NOTHING";
const UNLINK: &str = "DELETE FROM access_identity WHERE person_id = $1";
const SESSION: &str = "SELECT s.person_id FROM access_session s JOIN access_person p ON p.person_id = s.person_id
    WHERE s.session_id = $1 AND s.stage = 'full' AND p.state = 'active'";
const LINKED: &str = "SELECT count(*) FROM access_identity WHERE person_id = $1";

/// Saves the identity provider of the installation, in place of any earlier one.
///
/// # Errors
/// A text cannot be used, or there is no key to seal the secret with.
pub fn save_provider(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    provider: &Provider,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let name = checked_name("name of the identity provider", &provider.name)?;
    let client_id = checked_name("client id", &provider.client_id)?;
    let issuer = provider.issuer.trim();
    address("issuer", issuer)?;
    let domain = |text: &String| fold(text.trim().trim_start_matches('@')).into_owned();
    let domains: Vec<String> = provider.domains.iter().map(domain).filter(|domain| !domain.is_empty()).collect();
    if domains.iter().any(|domain| domain.contains(char::is_whitespace) || domain.contains('@')) {
        return Err(AccessError::Invalid { what: "domain", why: "it is not one such as example.com" });
    }
    let sealed = keyring.seal(provider.client_secret.expose().as_bytes(), &context(&name))?;
    tx.execute(REMOVE, &[])?;
    let values = [
        (&name).into(),
        issuer.into(),
        client_id.into(),
        sealed.key_id.into(),
        (&sealed.nonce).into(),
        sealed.bytes.into(),
        domains.join(" ").into(),
        provider.provision.map(|(org, _)| org.0).into(),
        provider.provision.map(|(_, role)| role.word()).into(),
        i64::from(provider.by_email).into(),
    ];
    tx.execute(PUT, &values)?;
    audit(tx, OrgId::DEFAULT, now, by, "provider.save", &name, issuer)?;
    Ok(())
}

/// The identity provider, with its secret opened.
///
/// # Errors
/// The key is missing, or somebody changed the secret.
pub fn provider(tx: &mut Tx<'_>, keyring: &Keyring) -> Result<Option<Provider>, AccessError> {
    let found = tx.query_opt(READ, &[], |row| {
        let nonce: Option<[u8; NONCE_BYTES]> = row.bytes(4)?.try_into().ok();
        let provision = match (row.opt_int(7)?, row.opt_text(8)?.and_then(Role::parse)) {
            (Some(org), Some(role)) => Some((OrgId(org), role)),
            _ => None,
        };
        let provider = Provider {
            name: row.text(0)?.to_owned(),
            issuer: row.text(1)?.to_owned(),
            client_id: row.text(2)?.to_owned(),
            client_secret: Secret::new(String::new()),
            domains: row.text(6)?.split_whitespace().map(str::to_owned).collect(),
            provision,
            by_email: row.flag(9)?,
        };
        Ok((provider, row.text(3)?.to_owned(), nonce, row.bytes(5)?.to_owned()))
    })?;
    let Some((provider, key_id, nonce, bytes)) = found else { return Ok(None) };
    let name = || "of the identity provider".to_owned();
    let tampered = || AccessError::Tampered { name: name() };
    let sealed = Sealed { key_id, nonce: nonce.ok_or_else(tampered)?, bytes };
    let opened = keyring.open(&sealed, &context(&provider.name)).map_err(|reason| match reason {
        NotOpened::NoSuchKey => credential::not_opened(keyring, &name(), &sealed.key_id),
        NotOpened::Tampered => tampered(),
    })?;
    let client_secret = Secret::new(std::str::from_utf8(&opened).map_err(|_| tampered())?.to_owned());
    Ok(Some(Provider { client_secret, ..provider }))
}

/// The identity provider's name, for the button; nothing if there is none.
///
/// # Errors
/// The database refuses.
pub fn provider_name(tx: &mut Tx<'_>) -> Result<Option<String>, AccessError> {
    Ok(tx.query_opt(NAME, &[], |row| Ok(row.text(0)?.to_owned()))?)
}

/// Removes the identity provider. Who is linked stays linked, for when it returns. Answers whether there was one.
///
/// # Errors
/// The database refuses.
pub fn remove_provider(tx: &mut Tx<'_>, by: &str, now: Timestamp) -> Result<bool, AccessError> {
    let name = provider_name(tx)?;
    if let Some(name) = &name {
        tx.execute(REMOVE, &[])?;
        audit(tx, OrgId::DEFAULT, now, by, "provider.remove", name, "")?;
    }
    Ok(name.is_some())
}

/// Asks the provider what it is and for its keys.
///
/// # Errors
/// It does not answer, or says that it is another.
pub async fn discover(provider: Provider, http: &Http) -> Result<Discovered, ProviderError> {
    address("issuer", &provider.issuer)?;
    let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(|_| ProviderError::BadAddress { what: "issuer" })?;
    let send = |request| {
        let http = http.clone();
        async move { http.send(request).await }
    };
    let found = CoreProviderMetadata::discover_async(issuer, &send).await;
    let metadata = found.map_err(|error| ProviderError::NotDiscovered { why: not_discovered(&error) })?;
    Ok(Discovered { provider, metadata })
}

/// Why discovery failed, in words that say what to look at.
fn not_discovered(error: &DiscoveryError<HttpError>) -> String {
    match error {
        DiscoveryError::Request(error) => format!("{error}; check the address, and that this server can reach it"),
        DiscoveryError::Response(status, ..) if status.is_redirection() => {
            format!("it answers with the redirection {}, which is not followed: enter where it leads", status.as_u16())
        }
        DiscoveryError::Response(status, ..) if status.as_u16() == 404 => {
            "there is no /.well-known/openid-configuration below this address: check the issuer, a path may be missing"
                .to_owned()
        }
        DiscoveryError::Response(status, ..) if *status != http::StatusCode::OK => {
            format!("it answers with the status {}", status.as_u16())
        }
        DiscoveryError::Response(..) | DiscoveryError::Parse(_) => {
            "what it answers is no OpenID configuration: check that this is the issuer, and not a page for people"
                .to_owned()
        }
        DiscoveryError::Validation(why) => {
            format!(
                "it calls itself otherwise, so enter its own name, to the letter: {}",
                Origin::shown(why, REASON_CHARS_MAX)
            )
        }
        other => told(other),
    }
}

impl Discovered {
    /// The same answer for the provider as it is saved now; nothing if that is another.
    #[must_use]
    pub fn still(self, provider: Provider) -> Option<Discovered> {
        (self.provider.issuer == provider.issuer).then_some(Discovered { provider, ..self })
    }

    /// Where it sends people who sign in.
    #[must_use]
    pub fn signs_in_at(&self) -> String {
        self.metadata.authorization_endpoint().to_string()
    }

    /// The provider as it was saved.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }
}

macro_rules! client {
    ($discovered:expr, $redirect:expr) => {{
        let provider = &$discovered.provider;
        let secret = ClientSecret::new(provider.client_secret.expose().to_owned());
        let redirect =
            RedirectUrl::new($redirect.to_owned()).map_err(|_| ProviderError::BadAddress { what: "redirect" })?;
        CoreClient::from_provider_metadata(
            $discovered.metadata.clone(),
            ClientId::new(provider.client_id.clone()),
            Some(secret),
        )
        .set_redirect_uri(redirect)
    }};
}

/// Sends somebody to the provider. `redirect` is the address of this site where it sends them back, as registered there;
/// `return_to` the path that they wanted.
///
/// # Errors
/// The redirect is no address, or the database refuses.
pub fn begin_provider_sign_in(
    tx: &mut Tx<'_>,
    discovered: &Discovered,
    redirect: &str,
    return_to: &str,
    errand: &Errand,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<ProviderDeparture, AccessError> {
    let browser = token::written(fresh);
    tx.execute(OLD_ATTEMPTS, &[now.into()])?;
    if let Some(edge) = tx.query_opt(EDGE, &[(ATTEMPTS_MAX - 1).into()], |row| row.int(0))? {
        tx.execute(OLD_ATTEMPTS, &[edge.into()])?;
    }
    let hash = token::hash(browser.expose());
    let (session, ticket) = match errand {
        Errand::SignIn => (None, None),
        Errand::Link { session } => (Some(session.as_str()), None),
        Errand::Accept { ticket } => (None, Some(ticket.as_slice())),
    };
    let values = [
        (&hash).into(),
        (&discovered.provider.name).into(),
        local(return_to).into(),
        now.plus_seconds(PROVIDER_SECONDS).into(),
        session.into(),
        ticket.into(),
    ];
    tx.execute(ADD_ATTEMPT, &values)?;
    let client = client!(discovered, redirect);
    let (state, nonce) = (token::derived(browser.expose(), "state"), token::derived(browser.expose(), "nonce"));
    let verifier = PkceCodeVerifier::new(token::derived(browser.expose(), "verifier"));
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, _, _) = client
        .authorize_url(flow, move || CsrfToken::new(state), move || Nonce::new(nonce))
        .add_scope(Scope::new("email".to_owned()))
        .add_scope(Scope::new("profile".to_owned()))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .url();
    Ok(ProviderDeparture { url: url.into(), browser })
}

/// Takes somebody back who returns from the provider: `browser` is the cookie, `state` what the address says. Nothing means
/// that this browser was not sent there, or too long ago, or has returned already. It may be taken once, right or wrong.
///
/// # Errors
/// The database refuses.
pub fn take_provider_attempt(
    tx: &mut Tx<'_>,
    browser: &str,
    state: &str,
    now: Timestamp,
) -> Result<Option<ProviderAttempt>, AccessError> {
    let found = tx.query_opt(TAKE_ATTEMPT, &[(&token::hash(browser)).into()], |row| {
        let ticket = row.opt_bytes(3)?.and_then(|bytes| bytes.try_into().ok());
        let errand = match (row.opt_text(2)?, ticket) {
            (Some(session), _) => Errand::Link { session: session.to_owned() },
            (None, Some(ticket)) => Errand::Accept { ticket },
            (None, None) => Errand::SignIn,
        };
        Ok((row.text(0)?.to_owned(), Timestamp::from_micros(row.int(1)?), errand))
    })?;
    let found = found.filter(|(_, expires_at, _)| *expires_at > now && token::is_derived(browser, "state", state));
    Ok(found.map(|(return_to, _, errand)| ProviderAttempt {
        nonce: Secret::new(token::derived(browser, "nonce")),
        verifier: Secret::new(token::derived(browser, "verifier")),
        return_to,
        errand,
    }))
}

/// Redeems the provider's code and believes its ID token only if signature, issuer, audience, age and nonce are right.
///
/// # Errors
/// The provider does not answer, refuses the code, or its token does not hold.
pub async fn redeem(
    discovered: &Discovered,
    http: &Http,
    redirect: &str,
    attempt: &ProviderAttempt,
    code: &str,
    now: Timestamp,
) -> Result<Identity, ProviderError> {
    let client = client!(discovered, redirect);
    let refused = |why: String| ProviderError::NotRedeemed { why };
    let send = |request| {
        let http = http.clone();
        async move { http.send(request).await }
    };
    let answer = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .map_err(|error| refused(error.to_string()))?
        .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.expose().to_owned()))
        .request_async(&send)
        .await
        .map_err(|error| refused(told(&error)))?;
    let id_token = answer.id_token().ok_or_else(|| refused("there is no ID token in its answer".to_owned()))?;
    let at = chrono::DateTime::from_timestamp_micros(now.micros()).unwrap_or_default();
    let verifier = client.id_token_verifier().set_time_fn(move || at);
    let nonce = Nonce::new(attempt.nonce.expose().to_owned());
    let claims =
        id_token.claims(&verifier, &nonce).map_err(|error| ProviderError::NotBelieved { why: told(&error) })?;
    let mut identity = Identity {
        issuer: claims.issuer().to_string(),
        subject: claims.subject().to_string(),
        email: claims.email().map(|email| email.to_string()),
        email_verified: claims.email_verified().unwrap_or(false),
        name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
    };
    // Some say who it is in the token, and what they know of them only when asked with it.
    let known = discovered.metadata.userinfo_endpoint().is_some();
    if identity.email.is_none() && known {
        let asked = client
            .user_info(answer.access_token().clone(), Some(claims.subject().clone()))
            .map_err(|error| refused(error.to_string()))?;
        let more: CoreUserInfoClaims = asked.request_async(&send).await.map_err(|error| refused(told(&error)))?;
        identity.email = more.email().map(|email| email.to_string());
        identity.email_verified = more.email_verified().unwrap_or(false);
        identity.name = more.name().and_then(|name| name.get(None)).map(|name| name.to_string());
    }
    Ok(identity)
}

/// Does what somebody was sent to the provider for, now that it says who they are. To sign in may whoever is linked to its
/// name for them; who was added with that address and has no password yet, and who comes for the first time, where either is
/// allowed. Who accepts an invitation is linked and signed in; who has a session is linked to it.
///
/// # Errors
/// The database refuses.
pub fn finish_provider_sign_in(
    tx: &mut Tx<'_>,
    provider: &Provider,
    errand: &Errand,
    identity: &Identity,
    origin: &Origin,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<ProviderSignIn, AccessError> {
    let found = match errand {
        Errand::SignIn => recognise(tx, provider, identity, now)?,
        Errand::Link { session } => match linked_to_session(tx, provider, session, identity, now)? {
            Ok(who) => return Ok(ProviderSignIn::Linked(who)),
            Err(refusal) => Err(refusal),
        },
        Errand::Accept { ticket } => accepted(tx, provider, ticket, identity, now)?,
    };
    match found {
        Ok(who) => Ok(ProviderSignIn::In(admit(tx, who, origin, &provider.name, fresh, now)?)),
        Err(refusal) => {
            let who: String = identity.email.as_deref().unwrap_or(&identity.subject).chars().take(254).collect();
            let who = Origin::shown(&who, 254);
            audit(tx, OrgId::DEFAULT, now, &who, "sign_in.failed", &who, refusal.word())?;
            Ok(ProviderSignIn::Refused(refusal))
        }
    }
}

fn recognise(
    tx: &mut Tx<'_>,
    provider: &Provider,
    identity: &Identity,
    now: Timestamp,
) -> Result<Result<PersonId, ProviderRefusal>, AccessError> {
    let place = [(&identity.issuer).into(), (&identity.subject).into()];
    if let Some(who) = tx.query_opt(IDENTITY, &place, |row| row.int(0))?.map(PersonId) {
        let active = known(tx, who)?.state == PersonState::Active;
        return Ok(if active { Ok(who) } else { Err(ProviderRefusal::Disabled) });
    }
    let Some(email) = identity.email.as_deref().filter(|_| identity.email_verified) else {
        return Ok(Err(ProviderRefusal::NoVerifiedEmail));
    };
    if let Err(refusal) = may_come(provider, identity) {
        return Ok(Err(refusal));
    }
    let email = fold(email);
    let who = match (person_by_login(tx, &email)?, provider.provision) {
        (Some(found), _) if found.state != PersonState::Active => return Ok(Err(ProviderRefusal::Disabled)),
        (Some(found), _) if found.has_password || is_linked(tx, found.id)? => {
            return Ok(Err(ProviderRefusal::LinkFirst));
        }
        (Some(_), _) if !provider.by_email => return Ok(Err(ProviderRefusal::InvitationFirst)),
        (Some(found), _) => found.id,
        (None, None) => return Ok(Err(ProviderRefusal::Unknown)),
        (None, Some((org, role))) => {
            let name = Origin::shown(identity.name.as_deref().unwrap_or(&email), crate::NAME_CHARS_MAX);
            let name = if name.trim().is_empty() { email.as_ref() } else { name.as_str() };
            let who = add_person(tx, &email, name, now)?;
            set_member(tx, org, who, role, &provider.name, now)?;
            who
        }
    };
    link_identity(tx, who, identity, &provider.name, now)?;
    Ok(Ok(who))
}

/// Whether the address is of a domain that may come in, where only some may.
fn may_come(provider: &Provider, identity: &Identity) -> Result<(), ProviderRefusal> {
    if provider.domains.is_empty() {
        return Ok(());
    }
    let email =
        identity.email.as_deref().filter(|_| identity.email_verified).ok_or(ProviderRefusal::NoVerifiedEmail)?;
    let email = fold(email);
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    if provider.domains.iter().any(|allowed| allowed == domain) { Ok(()) } else { Err(ProviderRefusal::Domain) }
}

fn linked_to_session(
    tx: &mut Tx<'_>,
    provider: &Provider,
    session: &str,
    identity: &Identity,
    now: Timestamp,
) -> Result<Result<PersonId, ProviderRefusal>, AccessError> {
    match tx.query_opt(SESSION, &[session.into()], |row| row.int(0))?.map(PersonId) {
        Some(who) => linked(tx, provider, who, identity, now),
        None => Ok(Err(ProviderRefusal::SessionOver)),
    }
}

/// Who an invitation is for, once they are linked. A refusal leaves the invitation as it was.
fn accepted(
    tx: &mut Tx<'_>,
    provider: &Provider,
    ticket: &[u8; 32],
    identity: &Identity,
    now: Timestamp,
) -> Result<Result<PersonId, ProviderRefusal>, AccessError> {
    let Some(who) = ticket::invited_by(tx, ticket, now)? else { return Ok(Err(ProviderRefusal::InvitationOver)) };
    let done = linked(tx, provider, who, identity, now)?;
    if done.is_ok() {
        ticket::used(tx, ticket, now)?;
    }
    Ok(done)
}

/// Links somebody who is known by another proof; who is linked already stays so.
fn linked(
    tx: &mut Tx<'_>,
    provider: &Provider,
    who: PersonId,
    identity: &Identity,
    now: Timestamp,
) -> Result<Result<PersonId, ProviderRefusal>, AccessError> {
    if let Err(refusal) = may_come(provider, identity) {
        return Ok(Err(refusal));
    }
    let place = [(&identity.issuer).into(), (&identity.subject).into()];
    match tx.query_opt(IDENTITY, &place, |row| row.int(0))?.map(PersonId) {
        Some(known) if known == who => Ok(Ok(who)),
        Some(_) => Ok(Err(ProviderRefusal::LinkedToAnother)),
        None => {
            let login = known(tx, who)?.login;
            link_identity(tx, who, identity, &login, now)?;
            Ok(Ok(who))
        }
    }
}

/// Links a provider's name for somebody to a person, who can sign in through it from then on.
///
/// # Errors
/// It is linked to somebody already.
pub fn link_identity(
    tx: &mut Tx<'_>,
    who: PersonId,
    identity: &Identity,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let values = [(&identity.issuer).into(), (&identity.subject).into(), who.into(), now.into()];
    if tx.execute(LINK, &values)? == 0 {
        return Err(AccessError::Taken { what: "linked identity", name: identity.subject.clone() });
    }
    audit_person(tx, who, by, "person.link_identity", &identity.issuer, now)
}

/// Unlinks a person from all providers.
///
/// # Errors
/// There is no such person.
pub fn unlink_identities(tx: &mut Tx<'_>, who: PersonId, by: &str, now: Timestamp) -> Result<(), AccessError> {
    tx.execute(UNLINK, &[who.into()])?;
    audit_person(tx, who, by, "person.unlink_identities", "", now)
}

/// Whether a person is linked to a provider.
///
/// # Errors
/// The database refuses.
pub fn is_linked(tx: &mut Tx<'_>, who: PersonId) -> Result<bool, AccessError> {
    Ok(tx.query_one(LINKED, &[who.into()], |row| row.flag(0))?)
}

/// The path to return to if it is one of this site, else the first page.
fn local(path: &str) -> &str {
    let foreign = !path.starts_with('/') || path.starts_with("//") || path.contains('\\');
    let odd = path.len() > RETURN_BYTES_MAX || path.chars().any(char::is_control);
    if foreign || odd { "/" } else { path }
}

/// Providers speak TLS, except one on this machine.
fn address(what: &'static str, text: &str) -> Result<(), ProviderError> {
    let host = text.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    let loopback = host.is_some_and(|host| host == "127.0.0.1" || host == "localhost");
    if text.starts_with("https://") || loopback { Ok(()) } else { Err(ProviderError::BadAddress { what }) }
}

/// An error in the words of its innermost cause, cut.
fn told(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    Origin::shown(&innermost.to_string(), REASON_CHARS_MAX)
}

/// What a sealed client secret is bound to.
pub(crate) fn context(name: &str) -> Vec<u8> {
    let mut context = b"muster provider 1\0".to_vec();
    context.extend_from_slice(name.as_bytes());
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_returns_to_this_site_only() {
        assert_eq!(local("/assets?q=os:windows"), "/assets?q=os:windows");
        for path in ["https://example.com", "//example.com", "/\\example.com", "assets", "", "/a\r\nb"] {
            assert_eq!(local(path), "/", "{path:?}");
        }
    }

    #[test]
    fn providers_speak_tls_except_on_this_machine() {
        for fine in ["https://id.example.com", "http://127.0.0.1:9/x", "http://localhost"] {
            assert!(address("issuer", fine).is_ok(), "{fine}");
        }
        for not in ["http://id.example.com", "http://127.0.0.1.example.com", "ftp://x", ""] {
            assert!(address("issuer", not).is_err(), "{not}");
        }
    }
}
