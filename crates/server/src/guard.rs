//! The guard: stands before every handler, finds out who asks, and turns away whom the route's line does not let in.
//!
//! The only module that makes a [`Visitor`]. A handler that takes one cannot be reached without.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use access::{Origin, Role, Session, Stage};
use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, USER_AGENT};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kernel::{Random, Secret};
use sync::explorers::Explorer;
use ui::{Density, Theme};

use crate::around::RequestId;
use crate::fields::{Fields, Sent};
use crate::rate::{self, Whose};
use crate::route::{Kind, Who};
use crate::visitor::{Caller, HalfWay, Message, Remote, Visitor};
use crate::{App, Problem, respond};

/// The largest form or request body, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The longest address that is kept to come back to after signing in, in bytes.
const NEXT_BYTES_MAX: usize = 2_048;

/// The most characters of a parameter's name that an answer repeats.
const NAME_SHOWN_MAX: usize = 64;

/// What the guard of one route knows.
pub(crate) struct Gate {
    pub(crate) app: App,
    pub(crate) who: Who,
    pub(crate) kind: Kind,
    /// The parameters that the interface's description names; nothing for what it does not describe.
    pub(crate) asks: Option<Vec<&'static str>>,
}

/// Who asks.
enum Known {
    Nobody,
    HalfWay(Box<HalfWay>),
    /// Signed in, and a member of no organization (any more).
    Stranded(Box<HalfWay>),
    Person(Box<(Visitor, Option<HalfWay>)>),
    /// An Explorer, by its own token.
    Explorer(Box<Explorer>),
}

/// Lets a request through to its handler, or answers it.
pub(crate) async fn pass(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let address = address_of(&request);
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_default();
    let had_flash = respond::cookie(request.headers(), respond::FLASH).is_some();
    let wants_page = gate.kind == Kind::Page && request.method() == Method::GET;
    let swaps = request.headers().contains_key("hx-request");
    let checked = check(&gate, &mut request).await;
    let visitor = request.extensions().get::<Visitor>().cloned();
    if let Err(problem) = &checked
        && problem.status() == StatusCode::FORBIDDEN
    {
        turned_away(&request, &id);
    }
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED && gate.kind == Kind::Page => {
            return to_sign_in(&address, wants_page, swaps);
        }
        Err(problem) => problem.into_response(),
    };
    if gate.kind == Kind::Page
        && let Some(problem) = response.extensions_mut().remove::<Problem>()
    {
        response = problem.as_page(visitor.as_ref(), &id.0);
    }
    // A message is shown once: by the first whole page after it was left.
    if had_flash && wants_page && !swaps && visitor.is_some() && response.status() == StatusCode::OK {
        respond::set_cookie(
            &mut response,
            &format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", respond::FLASH),
        );
    }
    response
}

/// Finds out who asks, decides, and reads the form.
async fn check(gate: &Gate, request: &mut Request) -> Result<(), Problem> {
    let origin = origin_of(&gate.app, request);
    request.extensions_mut().insert(Caller(origin.clone()));
    let known = match (gate.who, gate.kind) {
        // Nothing of what they get depends on who they are.
        (Who::Anyone, _) => Known::Nobody,
        _ => {
            let (headers, here) = (request.headers().clone(), address_of(request));
            identify(gate, &headers, here, &origin).await?
        }
    };
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    within_rate(&gate.app, &known, route)?;
    let token = token_of(&known);
    let by_bearer = matches!(&known, Known::Person(both) if both.1.is_none());
    request.extensions_mut().insert(Login(login_of(&known)));
    decide(gate.who, &known)?;
    if let Some(asks) = &gate.asks {
        knows(asks, request.uri().query().unwrap_or_default())?;
    }
    match known {
        Known::Nobody => {}
        Known::HalfWay(half_way) | Known::Stranded(half_way) => {
            request.extensions_mut().insert(*half_way);
        }
        Known::Person(both) => {
            let (visitor, half_way) = *both;
            request.extensions_mut().insert(visitor);
            if let Some(half_way) = half_way {
                request.extensions_mut().insert(half_way);
            }
        }
        Known::Explorer(of) => {
            request.extensions_mut().insert(Remote(*of));
        }
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    // A program's token is sent by nobody's browser by itself.
    if !by_bearer && !is_same_origin(request.headers(), gate.kind == Kind::Api) {
        return Err(Problem::forbidden("This was sent by a page of another site, so nothing was done.")
            .help("If you did mean it, open the page here and send it from there."));
    }
    if gate.kind == Kind::Page { read_form(request, token.as_ref()).await } else { Ok(()) }
}

/// Refuses a parameter that nothing reads: whoever misspells the one that narrows an answer would get all of it.
fn knows(asks: &[&str], query: &str) -> Result<(), Problem> {
    let asked = Fields::read(query.as_bytes());
    let Some(unknown) = asked.names().find(|name| !asks.contains(name)) else { return Ok(()) };
    let shown = ui::words::cut(unknown, NAME_SHOWN_MAX);
    let known = match asks {
        [] => "This takes none.".to_owned(),
        some => format!("There are: {}.", some.join(", ")),
    };
    Err(Problem::wrong(shown.clone(), format!("There is no parameter {shown:?} here. {known}")))
}

/// Counts a request, and refuses it where it is one too many.
fn within_rate(app: &App, known: &Known, route: &str) -> Result<(), Problem> {
    let whose = match known {
        Known::Nobody | Known::Explorer(_) => return Ok(()),
        Known::HalfWay(half_way) | Known::Stranded(half_way) => Whose::Person(half_way.session.person),
        Known::Person(both) => match &both.0.token {
            Some(token) => Whose::Token(token.id),
            None => Whose::Person(both.0.person),
        },
    };
    let stock = app.settings.limits.requests_a_minute;
    app.rates.take(whose, rate::cost(route), stock, app.world.now()).map_err(|wait| Problem::too_often(stock, wait))
}

/// Who was recognised, for the log.
#[derive(Clone)]
struct Login(String);

fn login_of(known: &Known) -> String {
    match known {
        Known::Nobody => String::new(),
        Known::Explorer(of) => format!("Explorer {}", of.name),
        Known::HalfWay(half_way) | Known::Stranded(half_way) => half_way.session.login.clone(),
        Known::Person(both) => both.0.login.clone(),
    }
}

/// Tells the log of somebody who was recognised and not let through, or whose form came from elsewhere.
fn turned_away(request: &Request, id: &RequestId) {
    let login = request.extensions().get::<Login>().map_or("", |login| login.0.as_str());
    let from = request.extensions().get::<Caller>().map_or("", |caller| caller.0.address.as_str());
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    tracing::warn!(request = %id.0, login, from, method = %request.method(), route, "Somebody was turned away");
}

fn token_of(known: &Known) -> Option<Secret> {
    match known {
        Known::Nobody | Known::Explorer(_) => None,
        Known::HalfWay(half_way) | Known::Stranded(half_way) => Some(half_way.token.clone()),
        Known::Person(both) => both.1.as_ref().map(|half_way| half_way.token.clone()),
    }
}

/// Whether the route's line lets them in.
fn decide(who: Who, known: &Known) -> Result<(), Problem> {
    match (who, known) {
        (Who::Anyone, _) | (Who::HalfWay, Known::HalfWay(_) | Known::Stranded(_)) | (Who::Person, Known::Person(_)) => {
            Ok(())
        }
        (Who::Explorer, Known::Explorer(of)) if of.revoked_at.is_none() => Ok(()),
        (Who::Explorer, Known::Explorer(of)) => {
            Err(Problem::forbidden(format!("The Explorer {} was revoked, so nothing was done.", of.name))
                .help("Make another on the page Explorers, and enrol this machine with its token."))
        }
        (Who::Explorer, _) => Err(Problem::unknown_explorer()),
        (_, Known::Explorer(_)) => Err(Problem::unknown_person()),
        (Who::HalfWay, Known::Person(both)) if both.1.is_some() => Ok(()),
        (Who::HalfWay, Known::Person(_)) => Err(Problem::forbidden("This is for browsers: a token has no session.")),
        (_, Known::Nobody | Known::HalfWay(_)) => Err(Problem::unknown_person()),
        (_, Known::Stranded(_)) => Err(Problem::forbidden("You are a member of no organization any more.")
            .help("Ask an administrator to add you to one, then sign in again.")),
        (Who::May(permission), Known::Person(both)) => match both.0.may(permission) {
            true => Ok(()),
            false => {
                if both.0.lacks_factor {
                    return Err(Problem::forbidden("Administrators need a second factor here, and you have none yet.")
                        .help("Set it up in your account; from then on this is open to you again."));
                }
                let (org, role) = (&both.0.org_name, both.0.role.word());
                Err(Problem::forbidden(format!("Your role in {org}, {role}, does not include this."))
                    .help("An administrator of the organization can give you another role."))
            }
        },
    }
}

async fn identify(gate: &Gate, headers: &HeaderMap, here: String, origin: &Origin) -> Result<Known, Problem> {
    if gate.who == Who::Explorer {
        let Some(token) = bearer(headers) else { return Ok(Known::Nobody) };
        let token = Secret::new(token.to_owned());
        let found = gate.app.store.read(move |tx| sync::explorers::known(tx, token.expose())).await?;
        return Ok(found.map_or(Known::Nobody, |of| Known::Explorer(Box::new(of))));
    }
    if gate.kind == Kind::Api
        && let Some(token) = bearer(headers)
    {
        return by_bearer(gate, token, origin).await;
    }
    let Some(token) = respond::cookie(headers, gate.app.settings.cookie()) else { return Ok(Known::Nobody) };
    let token = Secret::new(token.to_owned());
    let (now, lifetimes) = (gate.app.world.now(), gate.app.settings.lifetimes);
    let asked = token.clone();
    let found = gate.app.store.read(move |tx| {
        let session = access::session(tx, asked.expose(), &lifetimes, now)?;
        let Some(session) = session else { return Ok(None) };
        let orgs = access::memberships(tx, session.person)?;
        let lacks_factor = match session.org {
            Some((_, role)) => access::lacks_second_factor(tx, session.person, role)?,
            None => false,
        };
        Ok::<_, access::AccessError>(Some((session, orgs, lacks_factor)))
    });
    let Some((session, orgs, lacks_factor)) = found.await? else { return Ok(Known::Nobody) };
    let csrf = masked(&access::csrf_token(token.expose()), &Random::secret_bytes());
    let half_way = HalfWay { session: session.clone(), token, csrf: csrf.clone() };
    if session.stage == Stage::NeedsSecondFactor {
        return Ok(Known::HalfWay(Box::new(half_way)));
    }
    if session.touch_is_due(now) {
        touch(gate, &session);
    }
    let Some((org, role)) = session.org else { return Ok(Known::Stranded(Box::new(half_way))) };
    let org_name = orgs.iter().find(|of| of.org == org).map(|of| of.org_name.clone()).unwrap_or_default();
    let visitor = Visitor {
        org,
        org_name,
        person: session.person,
        login: session.login.clone(),
        name: session.name.clone(),
        // What they may do is what everybody may, so nothing has to remember to ask.
        role: if lacks_factor { Role::Viewer } else { role },
        lacks_factor,
        session: Some(session),
        token: None,
        ids: orgs.iter().map(|of| of.org.0.to_string()).collect(),
        orgs,
        origin: origin.clone(),
        csrf,
        here,
        theme: Theme::read(respond::cookie(headers, Theme::COOKIE).unwrap_or_default()),
        density: Density::read(respond::cookie(headers, Density::COOKIE).unwrap_or_default()),
        keys: respond::cookie(headers, crate::visitor::KEYS) != Some("off"),
        flash: respond::cookie(headers, respond::FLASH).map(message),
    };
    Ok(Known::Person(Box::new((visitor, Some(half_way)))))
}

async fn by_bearer(gate: &Gate, token: &str, origin: &Origin) -> Result<Known, Problem> {
    let (text, now) = (Secret::new(token.to_owned()), gate.app.world.now());
    let found = gate.app.store.read(move |tx| {
        let Some(token) = access::api_token(tx, text.expose(), now)? else { return Ok(None) };
        let name = access::org(tx, token.org)?.map(|org| org.name).unwrap_or_default();
        Ok::<_, access::AccessError>(Some((token, name)))
    });
    let Some((token, org_name)) = found.await? else { return Ok(Known::Nobody) };
    if token.touch_is_due(now) {
        let token = token.clone();
        // Nobody waits for it: what is noted is noted when the writer comes to it.
        let _ = gate.app.store.write(move |tx| access::touch_api_token(tx, &token, now)).now_or_never();
    }
    let visitor = Visitor {
        org: token.org,
        org_name,
        person: token.person,
        login: token.login.clone(),
        name: token.name.clone(),
        role: token.role,
        lacks_factor: false,
        session: None,
        token: Some(token),
        ids: Vec::new(),
        orgs: Vec::new(),
        origin: origin.clone(),
        csrf: String::new(),
        here: String::new(),
        theme: Theme::System,
        density: Density::Normal,
        keys: true,
        flash: None,
    };
    Ok(Known::Person(Box::new((visitor, None))))
}

/// Notes that a session is in use, without waiting for the writer, who may be in the middle of a page of records.
fn touch(gate: &Gate, session: &Session) {
    let (id, now) = (session.id.clone(), gate.app.world.now());
    let _ = gate.app.store.write(move |tx| access::touch_session(tx, &id, now)).now_or_never();
}

/// Reads the form, and compares its token with the session's.
async fn read_form(request: &mut Request, token: Option<&Secret>) -> Result<(), Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    {
        let detail = "Forms are sent as application/x-www-form-urlencoded.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not a form", detail));
    }
    let body = std::mem::replace(request.body_mut(), Body::empty());
    let bytes = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| broken_body(error.as_ref()))?;
    let fields = Fields::read(&bytes.to_bytes());
    if let Some(token) = token
        && !unmasked(fields.get(ui::Csrf::NAME)).is_some_and(|given| access::csrf_is_right(token.expose(), &given))
    {
        return Err(Problem::forbidden("The form was not made for your session, so nothing was done.")
            .help("Open the page again and send the form from there. Signing in or out makes older pages go stale."));
    }
    request.extensions_mut().insert(Sent(fields));
    Ok(())
}

fn broken_body(error: &(dyn std::error::Error + 'static)) -> Problem {
    if error.is::<LengthLimitError>() {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "Too large", "A form holds 1 MiB at most.");
    }
    Problem::new(StatusCode::BAD_REQUEST, "Broken off", "What was sent broke off before its end.")
}

/// Whether a page of ours sent this: as browsers say by themselves, and pages cannot change. Where nothing says so, as of
/// programs and very old browsers, `strictly` decides.
fn is_same_origin(headers: &HeaderMap, strictly: bool) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return !strictly };
    let own = text(HOST.as_str()).unwrap_or_default();
    origin.split_once("://").is_some_and(|(_, authority)| !own.is_empty() && authority.eq_ignore_ascii_case(own))
}

/// The address that was asked for, without the host.
fn address_of(request: &Request) -> String {
    request.uri().path_and_query().map_or("/", |all| all.as_str()).to_owned()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Where a request comes from. Behind a proxy on this machine it is what the proxy saw.
fn origin_of(app: &App, request: &Request) -> Origin {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let behind = app.settings.behind_proxy && peer.is_some_and(|peer| peer.to_canonical().is_loopback());
    let told = text("x-forwarded-for").filter(|_| behind).and_then(|all| all.rsplit(',').next()?.trim().parse().ok());
    let address = told.or(peer).map(|ip: IpAddr| ip.to_canonical().to_string()).unwrap_or_default();
    Origin { address, agent: text(USER_AGENT.as_str()).unwrap_or_default().to_owned() }
}

fn to_sign_in(address: &str, wants_page: bool, swaps: bool) -> Response {
    let next = if wants_page && !swaps && address.len() <= NEXT_BYTES_MAX && address != "/" { address } else { "" };
    let to = crate::fields::address("/sign-in", &[("next", next)]);
    if swaps {
        // A script that swaps a part would put the sign-in page into it.
        return (StatusCode::OK, [("hx-redirect", to)]).into_response();
    }
    respond::see_other(&to)
}

fn message(cookie: &str) -> Message {
    let fields = Fields::read(cookie.as_bytes());
    Message {
        tone: respond::tone(fields.get("tone")),
        what: fields.get("what").to_owned(),
        then: fields.get("then").to_owned(),
    }
}

/// A token under a mask that is new on every page, so that the size of a compressed page does not give it away letter by
/// letter to who can make the reader ask for pages of their choice (BREACH).
fn masked(token: &str, mask: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    let hidden = token.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    mask.iter().copied().chain(hidden).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The token that [`masked`] hid.
fn unmasked(text: &str) -> Option<String> {
    if !text.is_ascii() || text.len() > 512 {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let bytes = bytes?;
    let (mask, hidden) = bytes.split_at_checked(32)?;
    String::from_utf8(hidden.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_masked_token_is_itself_again_and_looks_different_each_time() {
        let token = access::csrf_token("session");
        let (one, two) = (masked(&token, &[1; 32]), masked(&token, &[2; 32]));
        assert_ne!(one[64..], two[64..]);
        assert_eq!(unmasked(&one).as_deref(), Some(token.as_str()));
        assert_eq!(unmasked(&two), Some(token));
        for wrong in ["", "00", "zz", "é"] {
            assert_eq!(unmasked(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_our_own_pages_send_forms() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
        };
        let same: [HeaderMap; 3] = [
            headers(&[("sec-fetch-site", "same-origin"), ("origin", "null")]),
            headers(&[("origin", "https://muster.example"), ("host", "muster.example")]),
            headers(&[]),
        ];
        let other: [HeaderMap; 4] = [
            headers(&[("sec-fetch-site", "same-site")]),
            headers(&[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://muster.example"),
                ("host", "muster.example"),
            ]),
            headers(&[("origin", "https://evil.example"), ("host", "muster.example")]),
            headers(&[("origin", "null"), ("host", "muster.example")]),
        ];
        assert!(same.iter().all(|headers| is_same_origin(headers, false)));
        assert!(!other.iter().any(|headers| is_same_origin(headers, false)));
        assert!(!is_same_origin(&HeaderMap::new(), true));
    }
}
