//! The second factor: enrolled with a picture to scan, confirmed with a first code, kept by ten recovery codes.

use access::{AccessError, Enrolment};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kernel::{Random, Secret};
use qrcode::{Color, EcLevel, QrCode};
use ui::{Button, Card, Field, Flash, Kind, Layout, Markup, Place, Tone, Weight, html};

use super::pages::main_button;
use super::{FACTOR, HOME, Wrong, proved};
use crate::fields::Sent;
use crate::{App, Problem, Visitor, respond};

/// Clear squares around a picture, as its standard asks for.
const QUIET: usize = 4;
/// Pixels of one square.
const SQUARE: usize = 5;

/// `GET /account/second-factor`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    drawn(&app, &visitor, &Wrong::default()).await
}

async fn drawn(app: &App, visitor: &Visitor, wrong: &Wrong) -> Result<Response, Problem> {
    let who = visitor.person;
    let read = app.store.read(move |tx| {
        let person = access::person(tx, who)?.ok_or(AccessError::NoSuch { what: "person" })?;
        Ok::<_, AccessError>((person, access::recovery_codes_left(tx, who)?))
    });
    let (person, left) = read.await?;
    let body = match person.has_second_factor {
        true => enrolled(visitor, left, person.has_password, wrong),
        false => html! {
            p { "After your password you then enter six digits that an app on your telephone shows: any app for time-based codes does." }
            p { "You get ten recovery codes for when the telephone is gone." }
            (ui::post(visitor.csrf(), FACTOR, &html! {
                @if person.has_password { (own_password("own_password", wrong.of("own_password")).render()) }
                div.line { (main_button("Set up a second factor")) }
            }))
        },
    };
    let status = if wrong.words.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, respond::page(laid_out(visitor, body))).into_response())
}

fn laid_out(visitor: &Visitor, body: Markup) -> Markup {
    let shell = visitor.shell();
    let crumbs = [("Your account", HOME)];
    let page = ui::Page {
        place: None,
        crumbs: &crumbs,
        layout: Layout::Narrow,
        body,
        ..visitor.page(&shell, Place::Overview, "Second factor")
    };
    page.render()
}

fn own_password<'a>(name: &'a str, error: Option<&'a str>) -> Field<'a> {
    let help = "So that nobody does this at a desk you have left.";
    Field { name, label: "Your password", help, error, required: true, kind: Kind::Secret("current-password") }
}

fn enrolled(visitor: &Visitor, left: usize, has_password: bool, wrong: &Wrong) -> Markup {
    let field = own_password;
    let of_a_person = ui::noun(left as u64, "recovery code is", "recovery codes are");
    html! {
        (ui::light(ui::Light::Ok, "On"))
        (Card { id: "recovery", heading: "Recovery codes", body: html! {
            p { (of_a_person) " left, of ten. New ones take the place of all old ones." }
            @if has_password {
                (ui::post(visitor.csrf(), "/account/second-factor/codes", &html! {
                    (field("current", wrong.of("current")).render())
                    div.line { (ui::button(&Button { words: "Make new codes", ..Button::default() })) }
                }))
            }
        }, ..Card::default() }.render())
        (Card { id: "removal", heading: "Do without it", body: html! {
            p { "Then your password alone opens your account. To change the telephone, do this and set it up again." }
            @if has_password {
                (ui::post(visitor.csrf(), "/account/second-factor/remove", &html! {
                    (field("password", wrong.of("password")).render())
                    div.line { (ui::button(&Button { words: "Remove second factor", weight: Weight::Danger, ..Button::default() })) }
                }))
            } @else { p { "You have no password here, so an administrator removes it for you." } }
        }, ..Card::default() }.render())
    }
}

/// `POST /account/second-factor`: shows the picture, this once.
pub(super) async fn begin(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let person = visitor.person;
    let has_password = app.store.read(move |tx| access::person(tx, person)).await?.is_some_and(|of| of.has_password);
    if has_password
        && let Some(words) = proved(&app, &visitor, Secret::new(sent.get("own_password").to_owned())).await?
    {
        return drawn(&app, &visitor, &Wrong { field: "own_password", words }).await;
    }
    let (keys, who, fresh) = (app.keys.clone(), visitor.person, Random::secret_bytes());
    let enrolment = app.store.write(move |tx| access::enrol_second_factor(tx, &keys, who, &fresh)).await?;
    let body = html! {
        (ui::stepper(&["Scan", "Confirm", "Keep the codes"], 0))
        p { "Scan this with the app. It is shown this once." }
        (picture(&enrolment))
        p { "Or type this into the app: " span.mono { (grouped(enrolment.secret.expose())) } " " (ui::copy_button(enrolment.secret.expose(), "Copy")) }
        (confirm_form(&visitor, None))
    };
    Ok(respond::once(StatusCode::OK, laid_out(&visitor, body)))
}

fn confirm_form(visitor: &Visitor, error: Option<&str>) -> Markup {
    let help = "Six digits that the app shows now.";
    let code = Field { name: "code", label: "Code", help, error, required: true, kind: Kind::Secret("one-time-code") };
    ui::post(
        visitor.csrf(),
        "/account/second-factor/confirm",
        &html! { (code.render()) div.line { (main_button("Confirm")) } },
    )
}

/// `POST /account/second-factor/confirm`: shows the recovery codes, this once.
pub(super) async fn confirm(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let (keys, who, by, now) = (app.keys.clone(), visitor.person, visitor.login.clone(), app.world.now());
    let keep = visitor.session.as_ref().map(|session| session.id.clone());
    let (code, fresh) = (sent.get("code").trim().to_owned(), many());
    let confirmed = app
        .store
        .write(move |tx| access::confirm_second_factor(tx, &keys, who, &code, keep.as_deref(), &fresh, &by, now));
    let Some(codes) = confirmed.await? else {
        let wrong = "This is not the code that the app shows now. Each works once, for half a minute.";
        let body = html! {
            (ui::stepper(&["Scan", "Confirm", "Keep the codes"], 1))
            (confirm_form(&visitor, Some(wrong)))
            p { "If the app does not have it: " a href=(FACTOR) { "begin again" } "." }
        };
        return Ok(respond::once(StatusCode::UNPROCESSABLE_ENTITY, laid_out(&visitor, body)));
    };
    Ok(shown(&visitor, "The second factor is on.", &codes))
}

/// `POST /account/second-factor/codes`
pub(super) async fn codes(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    if let Some(words) = proved(&app, &visitor, Secret::new(sent.get("current").to_owned())).await? {
        return drawn(&app, &visitor, &Wrong { field: "current", words }).await;
    }
    let (who, by, now, fresh) = (visitor.person, visitor.login.clone(), app.world.now(), many());
    let codes = app.store.write(move |tx| access::renew_recovery_codes(tx, who, &fresh, &by, now)).await?;
    Ok(shown(&visitor, "The old codes work no longer.", &codes))
}

/// `POST /account/second-factor/remove`
pub(super) async fn remove(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    if let Some(words) = proved(&app, &visitor, Secret::new(sent.get("password").to_owned())).await? {
        return drawn(&app, &visitor, &Wrong { field: "password", words }).await;
    }
    let (who, by, now) = (visitor.person, visitor.login.clone(), app.world.now());
    app.store.write(move |tx| access::remove_second_factor(tx, who, &by, now)).await?;
    let then = "Your password alone opens your account now.";
    Ok(respond::see_other_saying(HOME, Tone::Warn, "The second factor is off.", then))
}

fn shown(visitor: &Visitor, what: &str, codes: &[Secret]) -> Response {
    let all: Vec<&str> = codes.iter().map(Secret::expose).collect();
    let then =
        "Keep these codes where you find them without your telephone. Each works once. They are shown this once.";
    let body = html! {
        (Flash { tone: Tone::Ok, what, then, link: None }.render())
        ul.listed.mono { @for code in &all { li { (code) } } }
        p.line {
            (ui::copy_button(&all.join("\n"), "Copy all"))
            (ui::link_button(HOME, &Button { words: "I have them", ..Button::default() }))
        }
    };
    respond::once(StatusCode::OK, laid_out(visitor, body))
}

/// Chance for all recovery codes.
fn many() -> [u8; access::RECOVERY_CODES * access::RECOVERY_BYTES] {
    Random::secret_bytes()
}

/// A secret in groups of four, to type.
fn grouped(secret: &str) -> String {
    secret.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect::<Vec<_>>().join(" ")
}

/// The address of an enrolment as a picture: one path of squares, dark on white in every theme, because cameras ask for it.
fn picture(enrolment: &Enrolment) -> Markup {
    use std::fmt::Write as _;
    let Ok(code) = QrCode::with_error_correction_level(enrolment.url.expose(), EcLevel::M) else {
        // The longest login does not fit; what is typed is the same.
        return html! {};
    };
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
        }
    }
    let squares = width + 2 * QUIET;
    let pixels = squares * SQUARE;
    html! {
        svg role="img" aria-label="Picture to scan" width=(pixels) height=(pixels) viewBox={ "0 0 " (squares) " " (squares) } shape-rendering="crispEdges" {
            rect width=(squares) height=(squares) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_three_corners_and_a_clear_edge() {
        let enrolment = Enrolment {
            url: Secret::new("otpauth://totp/Muster:ada@acme.example?secret=GEZDGNBVGY3TQOJQ&issuer=Muster".to_owned()),
            secret: Secret::new("GEZDGNBVGY3TQOJQ".to_owned()),
        };
        let drawn = picture(&enrolment).0;
        assert!(drawn.contains("M4 4h1v1h-1z") && !drawn.contains("M3 "), "{drawn}");
        assert!(!drawn.contains("style="));
        assert_eq!(grouped(enrolment.secret.expose()), "GEZD GNBV GY3T QOJQ");
    }
}
