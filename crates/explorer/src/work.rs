//! What an Explorer does: requests to consoles, and keeping tokens.

use bytes::Bytes;
use sentinelone::{Client, Console, Token, Transport};
use serde_json::Value;

use crate::keeper::{Keeper, Kept, State};
use crate::seal::KeyPair;
use crate::wire::{ConsoleAnswer, ConsoleWork, Failed, HEADERS_KEPT, KeepAnswer, KeepWork, TokenAt};

/// A request to a console.
pub(crate) async fn console(
    keeper: &Keeper,
    state: &State,
    transport: &Transport,
    payload: Value,
) -> (ConsoleAnswer, Bytes) {
    let failed = |failed: Failed| (ConsoleAnswer::Failed(failed), Bytes::new());
    let Ok(work) = serde_json::from_value::<ConsoleWork>(payload) else {
        return (ConsoleAnswer::Unknown, Bytes::new());
    };
    let Some(request) = work.asked.request() else { return (ConsoleAnswer::Unknown, Bytes::new()) };
    let (console, token) = match ready(keeper, state, &work) {
        Ok(both) => both,
        Err(why) => return failed(Failed::relay(why)),
    };
    let response = match Client::new(console, token, transport.clone()).forward(&request).await {
        Ok(response) => response,
        Err(error) => return failed(Failed::of(&error)),
    };
    let (head, body) = response.into_parts();
    let kept = |name: &&str| {
        let value = head.headers.get(*name)?.to_str().ok()?;
        Some(((*name).to_owned(), value.to_owned()))
    };
    let headers = HEADERS_KEPT.iter().filter_map(kept).collect();
    (ConsoleAnswer::Answered { status: head.status.as_u16(), headers }, body)
}

/// The console, and the token that is for it.
fn ready(keeper: &Keeper, state: &State, work: &ConsoleWork) -> Result<(Console, Token), String> {
    let console = Console::parse(&work.console).map_err(|problem| problem.to_string())?;
    let name = &state.name;
    let what = match &work.token {
        TokenAt::Kept(credential) => keeper
            .open(state, credential)
            .map_err(|error| format!("the Explorer {name} cannot open the token that it keeps: {error}"))?
            .ok_or_else(|| {
                format!("the Explorer {name} does not keep this token; save it there: muster explorer credential add")
            })?,
        TokenAt::Sealed(sealed) => {
            let keys = KeyPair::read(&state.private_key).map_err(|error| error.to_string())?;
            keys.open(&state.explorer, sealed).map_err(|error| error.to_string())?
        }
    };
    // Whoever asks, a token goes to its own console.
    if Console::parse(&what.url).ok().as_ref() != Some(&console) {
        let host = console.authority();
        return Err(format!(
            "the Explorer {name} has this token for another console, and sends it nowhere but there, so not to {host}"
        ));
    }
    let token = Token::parse(&what.token).map_err(|problem| problem.to_string())?;
    Ok((console, token))
}

/// A token to keep, or to forget.
pub(crate) fn keep(keeper: &Keeper, state: &State, payload: Value) -> KeepAnswer {
    let Ok(work) = serde_json::from_value::<KeepWork>(payload) else {
        return KeepAnswer::Refused("the Explorer does not understand this; update it".to_owned());
    };
    let done = match work.sealed {
        None => keeper.forget(&work.credential).map_err(|error| error.to_string()),
        Some(sealed) => checked(state, &work.url, &sealed).and_then(|()| {
            let kept = Kept { credential: work.credential, name: work.name, url: work.url, sealed };
            keeper.keep(&kept).map_err(|error| error.to_string())
        }),
    };
    match done {
        Ok(()) => KeepAnswer::Done,
        Err(why) => KeepAnswer::Refused(why),
    }
}

fn checked(state: &State, url: &str, sealed: &str) -> Result<(), String> {
    let keys = KeyPair::read(&state.private_key).map_err(|error| error.to_string())?;
    let what = keys.open(&state.explorer, sealed).map_err(|error| error.to_string())?;
    let (inside, beside) = (Console::parse(&what.url), Console::parse(url));
    if inside.is_err() || inside.ok() != beside.ok() {
        return Err("what was sealed is for another console".to_owned());
    }
    Token::parse(&what.token).map(drop).map_err(|problem| problem.to_string())
}
