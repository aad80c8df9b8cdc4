//! The line on which Explorers ask for work: every request comes with the token of one Explorer, and sees that one's work.

use std::time::Duration;

use access::{Facts, Keep, NewCredential};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use explorer::wire::{
    ANSWER_HEADER, ANSWER_HEADER_MAX, Enrol, Enrolled, POLL_TIME, Poll, Polled, Register, Registered,
};
use kernel::{CredentialId, Random, Timestamp};
use sentinelone::Console;
use serde_json::value::RawValue;
use store::Tx;
use sync::explorers::{Explorer, RequestId, SEEN_EXACT, answer, gone, hand_out, open, seen};

use crate::fields::body;
use crate::problem::capital;
use crate::visitor::{Caller, Remote};
use crate::{App, Problem, respond};

/// How often it is looked for work while an Explorer waits for some.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The most work that is handed out at once.
const ROOM_MAX: usize = 64;

/// `POST /explorer/v1/enrol`
pub(super) async fn enrol(State(app): State<App>, Caller(from): Caller, sent: Bytes) -> Result<Response, Problem> {
    let order: Enrol = body(&sent)?;
    let now = app.world.now();
    let made = app.store.write(move |tx| {
        let made = sync::explorers::enrol(tx, &order, &from.address, &Random::secret_bytes(), now)?;
        let Some((of, token)) = made else { return Ok(None) };
        let org = access::org(tx, of.org)?.map(|org| org.name).unwrap_or_default();
        Ok::<_, Problem>(Some((of, org, token)))
    });
    let over = || {
        Problem::forbidden("This one-time token opens nothing: it was used, it is over, or it was never one.")
            .help("Make another on the page of the Explorer.")
    };
    let (of, org, token) = made.await?.ok_or_else(over)?;
    let enrolled = Enrolled { explorer: of.id.to_string(), name: of.name, org, token: token.expose().to_owned() };
    Ok(respond::json(&HeaderMap::new(), &enrolled))
}

/// `POST /explorer/v1/poll`: answers what there is to do or to let go of, and if there is nothing, waits for it a while.
pub(super) async fn poll(
    State(app): State<App>,
    Remote(of): Remote,
    Caller(from): Caller,
    sent: Bytes,
) -> Result<Response, Problem> {
    let Poll { about, holding, room, lets_go } = body(&sent)?;
    let (org, id, room) = (of.org, of.id, room.min(ROOM_MAX));
    let kinds = about.kinds.clone();
    if is_news(&of, &about, &from.address, app.world.now()) {
        let (now, from) = (app.world.now(), from.address.clone());
        app.store.write(move |tx| seen(tx, org, id, &about, &from, now)).await?;
    }
    let mut waited = Duration::ZERO;
    let (work, withdrawn) = loop {
        let now = app.world.now();
        let (known, held) = (kinds.clone(), holding.clone());
        let looked = app.store.read(move |tx| {
            let some = !open(tx, org, id, &known, &held, room, now)?.is_empty();
            let gone = if lets_go { gone(tx, org, id, &held, now)? } else { Vec::new() };
            let revoked = sync::explorers::explorer(tx, org, id)?.is_none_or(|of| of.revoked_at.is_some());
            Ok::<_, Problem>((some, gone, revoked))
        });
        let (some, gone, revoked) = looked.await?;
        // It asks again, and the guard tells it.
        if revoked {
            break (Vec::new(), gone);
        }
        if some {
            let (known, held) = (kinds.clone(), holding.clone());
            let work = app.store.write(move |tx| hand_out(tx, org, id, &known, &held, room, now)).await?;
            if !work.is_empty() {
                break (work, gone);
            }
        }
        if !gone.is_empty() || room == 0 || waited >= POLL_TIME || app.is_stopping() {
            break (Vec::new(), gone);
        }
        app.world.sleep(LOOK_EVERY).await;
        waited += LOOK_EVERY;
    };
    Ok(respond::json(&HeaderMap::new(), &Polled { name: of.name, work, withdrawn }))
}

fn is_news(of: &Explorer, about: &explorer::wire::About, from: &str, now: Timestamp) -> bool {
    of.seen_at.is_none_or(|at| now.seconds_since(at) >= SEEN_EXACT) || of.about != *about || of.seen_from != from
}

/// `POST /explorer/v1/answers/{id}`
pub(super) async fn answered(
    State(app): State<App>,
    Remote(of): Remote,
    Path(id): Path<i64>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let says = headers.get(ANSWER_HEADER).map_or(&b""[..], |value| value.as_bytes());
    let says = STANDARD.decode(says).ok().filter(|says| says.len() <= ANSWER_HEADER_MAX);
    let says = says.and_then(|says| String::from_utf8(says).ok());
    let is_json = |says: &String| serde_json::from_str::<&RawValue>(says).is_ok();
    let says = says.filter(is_json).ok_or_else(|| Problem::invalid("An answer says what it is in its header."))?;
    let now = app.world.now();
    let taken = app.store.write(move |tx| answer(tx, of.org, of.id, RequestId(id), &says, &sent, now)).await?;
    match taken {
        true => Ok(respond::json(&HeaderMap::new(), &serde_json::json!({}))),
        false => Err(Problem::new(StatusCode::NOT_FOUND, "Not found", "Nobody waits for this answer any more.")),
    }
}

/// `POST /explorer/v1/credentials`: a token that was typed at the Explorer; only what it is called and for gets here.
pub(super) async fn register(State(app): State<App>, Remote(of): Remote, sent: Bytes) -> Result<Response, Problem> {
    let order: Register = body(&sent)?;
    let console = Console::parse(&order.url).map_err(|problem| Problem::invalid(capital(&problem.to_string())))?;
    let (keys, now) = (app.keys.clone(), app.world.now());
    let id = app.store.write(move |tx| registered(tx, &keys, &of, &order, &console, now)).await?;
    Ok(respond::json(&HeaderMap::new(), &Registered { credential: id.to_string() }))
}

fn registered(
    tx: &mut Tx<'_>,
    keys: &access::Keyring,
    of: &Explorer,
    order: &Register,
    console: &Console,
    now: Timestamp,
) -> Result<CredentialId, Problem> {
    let (org, by, url) = (of.org, format!("Explorer {}", of.name), console.origin());
    let keeper = access::Custodian::Explorer(of.id.to_string());
    let facts = Facts {
        role: order.role.clone(),
        scope: order.scope.clone(),
        expires_at: order.expires_at.map(Timestamp::from_micros),
    };
    let same = |one: &access::Credential| kernel::fold(&one.name) == kernel::fold(order.name.trim()) && one.org == org;
    let known = access::credentials(tx, org, None)?.usable.into_iter().find(same);
    let id = match known {
        // A new token for what is kept there already.
        Some(known) if known.custodian == keeper && known.url == url => {
            access::audit(tx, org, now, &by, "credential.rotate", &known.name, "at the Explorer")?;
            sync::renewed(tx, known.id, now)?;
            known.id
        }
        _ => {
            let kind = access::CREDENTIAL_KINDS[0].word.to_owned();
            let keep = Keep::Explorer(of.id.to_string());
            let new = NewCredential { name: order.name.clone(), kind, url, keep };
            access::save_credential(tx, keys, org, &new, &by, now)?
        }
    };
    access::learn(tx, org, id, &facts)?;
    Ok(id)
}
