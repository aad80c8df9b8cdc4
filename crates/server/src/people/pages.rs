//! The pages on the way in and out. They work without a script, and never say whether a login exists.

use access::{AccessError, Answered, Begun, SignedIn, Stage};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kernel::{OrgId, Random, Secret};
use ui::{Button, Csrf, Density, Field, Kind, Markup, Theme, Tone, Weight, html};

use super::{let_in, session_cookie, work_on_password};
use crate::fields::{Asked, Fields, Sent};
use crate::problem::sentence;
use crate::visitor::{Caller, HalfWay};
use crate::{App, Problem, Visitor, respond};

/// How long theme and density are remembered by the browser, in seconds.
const LOOK_SECONDS: u32 = 31_536_000;
// The first set-up.

/// `GET /set-up?token=..`
pub(super) async fn set_up(State(app): State<App>, Asked(asked): Asked) -> Result<Response, Problem> {
    let (token, now) = (asked.get("token").to_owned(), app.world.now());
    let text = token.clone();
    if !app.store.read(move |tx| access::set_up_is_open(tx, &text, now)).await? {
        return Ok(link_is_over());
    }
    Ok(respond::once(StatusCode::OK, set_up_page(&token, &Fields::default(), None)))
}

/// `POST /set-up`
pub(super) async fn set_up_sent(
    State(app): State<App>,
    Caller(origin): Caller,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let token = sent.get("token").to_owned();
    let (login, name) = (sent.get("login").trim().to_owned(), sent.get("name").trim().to_owned());
    let password = Secret::new(sent.get("password").to_owned());
    let wrong =
        |why: &AccessError| Ok(respond::once(StatusCode::UNPROCESSABLE_ENTITY, set_up_page(&token, &sent, Some(why))));
    if let Err(why) = access::check_password(&password, &login) {
        return wrong(&why);
    }
    let salt = Random::secret_bytes();
    let hash = work_on_password(&app, move || access::hash_password(&password, &salt)).await?;
    let (fresh, now, text) = (Random::secret_bytes(), app.world.now(), token.clone());
    let made = app.store.write(move |tx| {
        if access::set_up(tx, &text, &login, &name, &hash, now)?.is_none() {
            return Ok(None);
        }
        // They have just chosen the password, so they are in.
        match access::begin_sign_in(tx, &login, &origin, now)? {
            Begun::Try(attempt) => access::finish_sign_in(tx, &attempt, true, &fresh, now),
            Begun::Wait { .. } => Ok(None),
        }
    });
    match made.await {
        Ok(Some(signed_in)) => {
            let then = "You are its administrator, and signed in.";
            let response = respond::see_other_saying("/", Tone::Ok, "Muster is set up.", then);
            Ok(let_in(&app, response, &signed_in.token))
        }
        Ok(None) => Ok(link_is_over()),
        Err(why @ (AccessError::Invalid { .. } | AccessError::Taken { .. })) => wrong(&why),
        Err(other) => Err(other.into()),
    }
}

fn link_is_over() -> Response {
    let body = html! {
        p { "The link works once, for an hour, and only until somebody has used it." }
        p { "If nobody has, start Muster again: it prints a new link on the terminal." }
        p { a href="/sign-in" { "To the sign-in" } }
    };
    respond::once(StatusCode::GONE, ui::plain("This link is over", &html! {}, "First set-up", &body))
}

fn set_up_page(token: &str, sent: &Fields, wrong: Option<&AccessError>) -> Markup {
    let told = wrong.map(|why| sentence(why));
    let of = |words: &[&str]| told.as_deref().filter(|told| words.iter().any(|word| told.contains(word)));
    let login = of(&["login", "person"]);
    let password = of(&["password"]);
    let name = if login.is_none() && password.is_none() { told.as_deref() } else { None };
    let fields = [
        Field {
            name: "name",
            label: "Your name",
            help: "As others see it.",
            error: name,
            required: true,
            kind: Kind::Text(sent.get("name")),
        },
        Field {
            name: "login",
            label: "E-mail address",
            help: "You sign in with it. Nothing is sent to it.",
            error: login,
            required: true,
            kind: Kind::Email(sent.get("login")),
        },
        Field {
            name: "password",
            label: "Password",
            help: "12 characters or more. A few words in a row are easy to keep.",
            error: password,
            required: true,
            kind: Kind::Secret("new-password"),
        },
    ];
    let body = html! {
        form.flow method="post" action=(super::SET_UP) {
            input type="hidden" name="token" value=(token);
            (ui::errors(&fields))
            @for field in &fields { (field.render()) }
            div.line { (ui::button(&Button { words: "Set up Muster", weight: Weight::Main, ..Button::default() })) }
        }
    };
    ui::plain(
        "Set up Muster",
        &html! { "You become its administrator. Others are invited later." },
        "First set-up",
        &body,
    )
}

// Signing in.

/// `GET /sign-in`
pub(super) async fn sign_in(State(app): State<App>, Asked(asked): Asked) -> Result<Response, Problem> {
    let (somebody, provider) = known(&app).await?;
    let provider = provider.as_deref();
    let left = format!(
        "You may still be signed in at {}; sign out there too on a machine that is not yours.",
        provider.unwrap_or_default()
    );
    let told = match provider {
        _ if asked.get("out") != "yes" => None,
        Some(_) => Some((Tone::Ok, "You are signed out.", left.as_str())),
        None => Some((Tone::Ok, "You are signed out.", "")),
    };
    let page = SignIn { next: asked.get("next"), somebody, provider, told, ..SignIn::default() };
    Ok(respond::page(page.draw()))
}

/// Whether there is anybody, and the name of the identity provider.
pub(super) async fn known(app: &App) -> Result<(bool, Option<String>), Problem> {
    let read = app.store.read(|tx| Ok::<_, AccessError>((access::anybody(tx)?, access::provider_name(tx)?)));
    Ok(read.await?)
}

/// `POST /sign-in`
pub(super) async fn sign_in_sent(
    State(app): State<App>,
    Caller(origin): Caller,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (next, login) = (sent.get("next").to_owned(), sent.get("login").to_owned());
    let password = Secret::new(sent.get("password").to_owned());
    let (now, asked) = (app.world.now(), login.clone());
    let attempt = match app.store.write(move |tx| access::begin_sign_in(tx, &asked, &origin, now)).await? {
        Begun::Try(attempt) => attempt,
        Begun::Wait { seconds } => return wait(&app, &next, &login, seconds).await,
    };
    let tried = attempt.clone();
    let right = work_on_password(&app, move || tried.is_right(&password)).await?;
    let (fresh, now) = (Random::secret_bytes(), app.world.now());
    let Some(signed_in) = app.store.write(move |tx| access::finish_sign_in(tx, &attempt, right, &fresh, now)).await?
    else {
        let wrong = "Address and password do not belong together. Check both, and whether capitals are locked.";
        let (somebody, provider) = known(&app).await?;
        let (next, login, provider) = (next.as_str(), login.as_str(), provider.as_deref());
        let page = SignIn { next, login, wrong: Some(wrong), somebody, provider, told: None };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, respond::page(page.draw())).into_response());
    };
    Ok(signed_in_to(&app, &signed_in, &next))
}

/// Where somebody goes who has come in, or half of the way.
pub(super) fn signed_in_to(app: &App, signed_in: &SignedIn, next: &str) -> Response {
    let to = match signed_in.stage {
        Stage::Full => next.to_owned(),
        Stage::NeedsSecondFactor => crate::fields::address("/sign-in/code", &[("next", next)]),
    };
    let_in(app, respond::see_other(if to.is_empty() { "/" } else { &to }), &signed_in.token)
}

async fn wait(app: &App, next: &str, login: &str, seconds: i64) -> Result<Response, Problem> {
    let wrong = format!("Too many attempts failed. Try again in {}.", ui::duration(seconds));
    let (somebody, provider) = known(app).await?;
    let page = SignIn { next, login, wrong: Some(&wrong), somebody, provider: provider.as_deref(), told: None };
    let mut response = (StatusCode::TOO_MANY_REQUESTS, respond::page(page.draw())).into_response();
    response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
    Ok(response)
}

/// What stands on the page of signing in.
#[derive(Default)]
pub(super) struct SignIn<'a> {
    /// Where to go afterwards.
    pub(super) next: &'a str,
    pub(super) login: &'a str,
    /// What is wrong with what was sent.
    pub(super) wrong: Option<&'a str>,
    /// There is anybody who could sign in.
    pub(super) somebody: bool,
    /// The name of the identity provider.
    pub(super) provider: Option<&'a str>,
    /// What is said above.
    pub(super) told: Option<(Tone, &'a str, &'a str)>,
}

impl SignIn<'_> {
    pub(super) fn draw(&self) -> Markup {
        let field = |name, label, error, kind| Field { name, label, help: "", error, required: true, kind };
        let fields = [
            field("login", "E-mail address", self.wrong, Kind::Email(self.login)),
            field("password", "Password", None, Kind::Secret("current-password")),
        ];
        let flash = |tone, what, then| ui::Flash { tone, what, then, link: None }.render();
        let body = html! {
            @if let Some((tone, what, then)) = self.told { (flash(tone, what, then)) }
            @if !self.somebody {
                (flash(Tone::Note, "Nobody has set up Muster yet.", "The terminal that started it shows a link for that."))
            }
            form.flow method="post" action="/sign-in" {
                @if !self.next.is_empty() { input type="hidden" name="next" value=(self.next); }
                @for field in &fields { (field.render()) }
                div.line {
                    (ui::button(&Button { words: "Sign in", weight: Weight::Main, ..Button::default() }))
                    @if let Some(name) = self.provider { span.muted { "or" } (super::provider::button(name, self.next)) }
                }
            }
        };
        ui::plain("Sign in", &html! {}, "", &body)
    }
}

/// `GET /sign-in/code`
pub(super) async fn code(half_way: HalfWay, Asked(asked): Asked) -> Response {
    if half_way.session.stage == Stage::Full {
        return respond::see_other("/");
    }
    respond::page(code_page(half_way.csrf(), asked.get("next"), None))
}

/// `POST /sign-in/code`
pub(super) async fn code_sent(
    State(app): State<App>,
    half_way: HalfWay,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (next, given) = (sent.get("next").to_owned(), sent.get("code").to_owned());
    let (keys, session) = (app.keys.clone(), half_way.session.clone());
    let (fresh, now) = (Random::secret_bytes(), app.world.now());
    let answered = app.store.write(move |tx| access::give_code(tx, &keys, &session, &given, &fresh, now)).await?;
    let (status, wrong) = match answered {
        Answered::In(signed_in) => return Ok(signed_in_to(&app, &signed_in, &next)),
        Answered::Wrong => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Enter the six digits that are shown just now; each works once. A recovery code works too.".to_owned(),
        ),
        Answered::Wait { seconds } => {
            (StatusCode::TOO_MANY_REQUESTS, format!("Too many wrong codes. Try again in {}.", ui::duration(seconds)))
        }
    };
    Ok((status, respond::page(code_page(half_way.csrf(), &next, Some(&wrong)))).into_response())
}

fn code_page(csrf: Csrf<'_>, next: &str, wrong: Option<&str>) -> Markup {
    let help = "Six digits from your telephone, or one of your recovery codes.";
    let field =
        Field { name: "code", label: "Code", help, error: wrong, required: true, kind: Kind::Secret("one-time-code") };
    let form = html! {
        div.flow {
            @if !next.is_empty() { input type="hidden" name="next" value=(next); }
            (field.render())
            div.line { (ui::button(&Button { words: "Go on", weight: Weight::Main, ..Button::default() })) }
        }
    };
    let out = ui::post_button(
        csrf,
        ui::page::paths::SIGN_OUT,
        &Button { words: "Sign in as somebody else", weight: Weight::Quiet, ..Button::default() },
        &[],
    );
    let body = html! { (ui::post(csrf, "/sign-in/code", &form)) (out) };
    ui::plain("Second factor", &html! { "Your password was right. One more step." }, "", &body)
}

// Going out, and looking elsewhere.

/// `POST /sign-out`
pub(super) async fn sign_out(State(app): State<App>, half_way: HalfWay) -> Result<Response, Problem> {
    let now = app.world.now();
    app.store.write(move |tx| access::sign_out(tx, &half_way.session, now)).await?;
    let mut response = respond::see_other("/sign-in?out=yes");
    respond::set_cookie(&mut response, &session_cookie(&app, "", "; Max-Age=0"));
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(response)
}

/// `POST /orgs/switch`: the same list there, but no single thing, which is this organization's.
pub(super) async fn switch(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let org = sent.get("org").parse().map(OrgId).map_err(|_| Problem::missing("organization"))?;
    let session = visitor.session.ok_or_else(|| Problem::missing("session"))?;
    app.store.write(move |tx| access::switch_org(tx, &session, org)).await?;
    let back = sent.get("back");
    let list = back.split('?').next().filter(|path| path.matches('/').count() == 1);
    Ok(respond::see_other(list.unwrap_or("/")))
}

/// `POST /account/appearance`
pub(super) async fn appearance(Sent(sent): Sent) -> Response {
    let mut response = respond::see_other(sent.get("back"));
    let (theme, density) = (Theme::read(sent.get(Theme::COOKIE)), Density::read(sent.get(Density::COOKIE)));
    for (name, word) in [(Theme::COOKIE, theme.word()), (Density::COOKIE, density.word())] {
        respond::set_cookie(
            &mut response,
            &format!("{name}={word}; Path=/; HttpOnly; SameSite=Lax; Max-Age={LOOK_SECONDS}"),
        );
    }
    response
}
