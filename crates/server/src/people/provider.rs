//! Coming in through the identity provider: there, and back. Where its pages are entered nothing is known yet, so both are
//! plain pages; what holds them together is a cookie of the browser that left.

use access::{Discovered, Errand, ProviderDeparture, ProviderSignIn};
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kernel::{Random, Timestamp};
use ui::{Button, Tone, Weight, html};

use super::pages::{SignIn, known, signed_in_to};
use super::{Here, PROVIDER, RETURN};
use crate::fields::{Asked, address};
use crate::problem::capital;
use crate::visitor::Caller;
use crate::{App, Problem, respond};

/// How long what a provider says of itself and its keys is kept, in seconds.
const KEPT_SECONDS: i64 = 600;
/// How long a provider that did not answer is not asked again, in seconds: anybody may knock, and each asking costs.
const FAILURE_KEPT_SECONDS: i64 = 30;
/// The longest word of a provider's refusal that is repeated, in characters.
const WORD_CHARS_MAX: usize = 64;

/// The cookie of a browser that left for the provider.
fn cookie_name(app: &App) -> &'static str {
    if app.settings.secure { "__Host-muster-provider" } else { "muster-provider" }
}

fn cookie(app: &App, value: &str, seconds: i64) -> String {
    // It has to come along when the provider sends the browser back, so it cannot be strict.
    let secure = if app.settings.secure { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age={seconds}", cookie_name(app))
}

/// How asking the identity provider about itself ended, and when.
pub(crate) enum Kept {
    /// It answered.
    Told(Box<Discovered>, Timestamp),
    /// The one of that issuer did not.
    Failed(String, Timestamp),
}

/// The identity provider with what it says of itself; nothing if there is none.
async fn discovered(app: &App) -> Result<Option<Discovered>, Problem> {
    let keys = app.keys.clone();
    let Some(provider) = app.store.read(move |tx| access::provider(tx, &keys)).await? else { return Ok(None) };
    // Held while it is asked: whoever comes meanwhile waits for that one answer.
    let mut kept = app.discovered.lock().await;
    let now = app.world.now();
    let within = |seconds, at: &Timestamp| (0..seconds).contains(&now.seconds_since(*at));
    match &*kept {
        Some(Kept::Told(found, at)) if within(KEPT_SECONDS, at) => {
            if let Some(found) = Discovered::clone(found).still(provider.clone()) {
                return Ok(Some(found));
            }
        }
        Some(Kept::Failed(issuer, at)) if within(FAILURE_KEPT_SECONDS, at) && *issuer == provider.issuer => {
            return Err(silent(&provider.name));
        }
        _ => {}
    }
    let (name, issuer) = (provider.name.clone(), provider.issuer.clone());
    match access::discover(provider, &app.http).await {
        Ok(found) => {
            *kept = Some(Kept::Told(Box::new(found.clone()), now));
            Ok(Some(found))
        }
        Err(error) => {
            tracing::warn!(%error, "the identity provider is not to be reached");
            *kept = Some(Kept::Failed(issuer, app.world.now()));
            Err(silent(&name))
        }
    }
}

fn silent(name: &str) -> Problem {
    let detail = format!("{name} does not answer as it should just now, so nobody can sign in through it.");
    let help = "Sign in with your password if you have one, or try again in a few minutes.";
    Problem::new(StatusCode::BAD_GATEWAY, "The identity provider does not answer", detail).help(help)
}

/// Makes ready to leave for the provider; nothing if there is none.
pub(crate) async fn departure(
    app: &App,
    here: &Here,
    return_to: &str,
    errand: Errand,
) -> Result<Option<ProviderDeparture>, Problem> {
    let Some(found) = discovered(app).await? else { return Ok(None) };
    let (back, to) = (format!("{}{RETURN}", here.0), return_to.to_owned());
    let (fresh, now) = (Random::secret_bytes(), app.world.now());
    let written =
        app.store.write(move |tx| access::begin_provider_sign_in(tx, &found, &back, &to, &errand, &fresh, now));
    Ok(Some(written.await?))
}

/// Lets the browser come back as the one that left.
pub(crate) fn leaving(app: &App, mut response: Response, away: &ProviderDeparture) -> Response {
    respond::set_cookie(&mut response, &cookie(app, away.browser.expose(), access::PROVIDER_SECONDS));
    respond::unkept(response)
}

/// `GET /sign-in/provider?next=..`
pub(super) async fn leave(State(app): State<App>, here: Here, Asked(asked): Asked) -> Result<Response, Problem> {
    send(&app, &here, asked.get("next"), Errand::SignIn).await
}

/// `GET /invitation/provider?token=..`: accepts an invitation there instead of with a password.
pub(super) async fn accept(State(app): State<App>, here: Here, Asked(asked): Asked) -> Result<Response, Problem> {
    send(&app, &here, "/", Errand::accept(asked.get("token"))).await
}

async fn send(app: &App, here: &Here, next: &str, errand: Errand) -> Result<Response, Problem> {
    let Some(away) = departure(app, here, next, errand).await? else {
        return Err(Problem::missing("identity provider"));
    };
    let to = HeaderValue::from_str(&away.url).map_err(|_| Problem::missing("identity provider"))?;
    let response = (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response();
    Ok(leaving(app, response, &away))
}

/// `GET /sign-in/provider/return?state=..&code=..`
pub(super) async fn back(
    State(app): State<App>,
    Caller(origin): Caller,
    here: Here,
    headers: HeaderMap,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let (now, state) = (app.world.now(), asked.get("state").to_owned());
    let browser = respond::cookie(&headers, cookie_name(&app)).unwrap_or_default().to_owned();
    let taken = app.store.write(move |tx| access::take_provider_attempt(tx, &browser, &state, now)).await?;
    let Some(attempt) = taken else {
        let why = "This sign-in is over, or began in another browser.";
        return refused(&app, "/", why, StatusCode::BAD_REQUEST).await;
    };
    let Some(found) = discovered(&app).await? else { return Err(Problem::missing("identity provider")) };
    let to = attempt.return_to.clone();
    let name = found.provider().name.clone();
    let other = asked.opt("iss").is_some_and(|issuer| issuer != found.provider().issuer);
    let word: String = asked.get("error").chars().filter(|sign| !sign.is_control()).take(WORD_CHARS_MAX).collect();
    if other || !word.is_empty() {
        let why = match word.as_str() {
            "access_denied" => format!("You, or {name}, did not agree to the sign-in."),
            _ if other => format!("Somebody other than {name} sent you back."),
            word => format!("{name} refused: {word}."),
        };
        return refused(&app, &to, &why, StatusCode::FORBIDDEN).await;
    }
    let redirect = format!("{}{RETURN}", here.0);
    let identity = match access::redeem(&found, &app.http, &redirect, &attempt, asked.get("code"), now).await {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(%error, "somebody came back from the identity provider, and was not let in");
            let why = format!("What {name} says could not be verified. The log of this server has the reason.");
            return refused(&app, &to, &why, StatusCode::BAD_GATEWAY).await;
        }
    };
    let (fresh, now) = (Random::secret_bytes(), app.world.now());
    let (provider, errand) = (found.provider().clone(), attempt.errand);
    let written = app
        .store
        .write(move |tx| access::finish_provider_sign_in(tx, &provider, &errand, &identity, &origin, &fresh, now));
    let mut response = match written.await? {
        ProviderSignIn::In(signed_in) => signed_in_to(&app, &signed_in, &to),
        ProviderSignIn::Linked(_) => linked(&name),
        ProviderSignIn::Refused(refusal) => {
            return refused(&app, &to, &capital(refusal.word()), StatusCode::FORBIDDEN).await;
        }
    };
    respond::set_cookie(&mut response, &cookie(&app, "", 0));
    Ok(response)
}

/// A page instead of a message on the next one: the browser comes from another site, and keeps messages back.
fn linked(name: &str) -> Response {
    let to = ui::page::paths::ACCOUNT;
    let body = html! {
        p { "From now on you can sign in with " (ui::name(name)) " as well as with your password." }
        p { (ui::link_button(to, &Button { words: "To your account", weight: Weight::Main, ..Button::default() })) }
    };
    respond::once(StatusCode::OK, ui::plain("Linked", &html! {}, "", &body))
}

async fn refused(app: &App, next: &str, why: &str, status: StatusCode) -> Result<Response, Problem> {
    let next = if next == "/" { "" } else { next };
    let (somebody, provider) = known(app).await?;
    let told = (Tone::Bad, "You are not signed in.", why);
    let page = SignIn { next, somebody, provider: provider.as_deref(), told: Some(told), ..SignIn::default() };
    let mut response = respond::once(status, page.draw());
    respond::set_cookie(&mut response, &cookie(app, "", 0));
    Ok(response)
}

/// The way to the provider, for a page where somebody comes in.
pub(super) fn button(name: &str, next: &str) -> ui::Markup {
    let words = format!("Sign in with {name}");
    ui::link_button(&address(PROVIDER, &[("next", next)]), &Button { words: &words, ..Button::default() })
}
