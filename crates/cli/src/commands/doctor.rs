//! `muster doctor`: looks at data, key and integrations, and says what needs somebody.

use std::fmt::Write as _;

use kernel::{OrgId, Timestamp};
use store::Store;
use sync::{Integration, IntegrationState, StreamStatus};

use crate::arguments::{Doctor, Global};
use crate::failure::{Exit, Failure, chain, sentence};
use crate::place::Place;
use crate::terminal::{Terminal, size};

/// How long before its end a token is spoken of.
const TOKEN_DAYS_LEFT: i64 = 30;

/// One line of the report.
struct Line {
    what: String,
    light: Light,
    words: String,
    /// What somebody has to do, as a clause; empty if nothing.
    next: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Light {
    Ok,
    /// Worth knowing; the line above says what to do, or there is nothing to do.
    Note,
    Amber,
    Red,
}

impl Light {
    fn word(self) -> &'static str {
        match self {
            Light::Ok => "ok",
            Light::Note => "note",
            Light::Amber => "amber",
            Light::Red => "red",
        }
    }
}

pub async fn run(global: &Global, doctor: &Doctor, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let mut lines = Vec::new();
    let mut exit = Exit::No;
    let world = jobs::World::real();
    let time = |at| terminal.result_time(at, doctor.json);
    match place.open_to_read() {
        Err(failure) => {
            exit = failure.exit;
            let next = failure.more.join(" ");
            lines.push(Line { what: "data".to_owned(), light: Light::Red, words: failure.what, next });
        }
        Ok(store) => {
            lines.push(data(&place, &store).await);
            lines.push(key(&place, &store).await);
            match sync::integrations(&store, &world, OrgId::DEFAULT).await {
                Ok(known) => {
                    for known in &known {
                        lines.push(integration(known, terminal.now(), &time));
                        lines.extend(streams(&store, &world, known, &time).await?);
                    }
                }
                Err(error) => lines.push(Line {
                    what: "consoles".to_owned(),
                    light: Light::Red,
                    words: chain(&error),
                    next: "report this line".to_owned(),
                }),
            }
        }
    }
    let needed = lines.iter().filter(|line| matches!(line.light, Light::Amber | Light::Red)).count();
    match doctor.json {
        true => terminal.result(&as_json(&lines))?,
        false => terminal.result(&told(&lines, needed))?,
    }
    if needed == 0 { Ok(()) } else { Err(Failure::told(exit)) }
}

async fn data(place: &Place, store: &Store) -> Line {
    let checked = store.read(|tx| tx.check()).await;
    let what = "data".to_owned();
    match checked {
        Ok(health) if health.problems.is_empty() => {
            let words = format!("{}, {}, {}, integrity ok", place.database, size(health.bytes), health.version);
            Line { what, light: Light::Ok, words, next: String::new() }
        }
        Ok(health) => Line {
            what,
            light: Light::Red,
            words: format!("{}: damaged: {}", place.database, health.problems.join("; ")),
            next: "restore a backup, or move the file away and sync anew".to_owned(),
        },
        Err(error) => Line {
            what,
            light: Light::Red,
            words: chain(&error),
            next: "restore a backup, or move the file away and sync anew".to_owned(),
        },
    }
}

async fn key(place: &Place, store: &Store) -> Line {
    let what = "key".to_owned();
    let found = match place.keys() {
        Ok(keys) => {
            let given = keys.clone();
            let checked: Result<(), access::AccessError> = store.read(move |tx| access::check_keys(tx, &given)).await;
            checked.map(|()| keys).map_err(Failure::from)
        }
        Err(failure) => Err(failure),
    };
    match found {
        Ok(keys) if keys.is_empty() => Line {
            what,
            light: Light::Ok,
            words: "none yet: the first muster connect makes one".to_owned(),
            next: String::new(),
        },
        Ok(keys) => {
            Line { what, light: Light::Ok, words: format!("key {}", keys.ids().join(", ")), next: String::new() }
        }
        Err(failure) => Line { what, light: Light::Red, words: failure.what, next: failure.more.join(" ") },
    }
}

fn integration(known: &Integration, now: Timestamp, time: &dyn Fn(Timestamp) -> String) -> Line {
    let light = match known.state {
        IntegrationState::Connected => Light::Ok,
        IntegrationState::Syncing | IntegrationState::Incomplete => Light::Amber,
        _ => Light::Red,
    };
    let mut words = format!("{} since {}", known.state.word().replace('_', " "), time(known.since));
    if !known.detail.is_empty() {
        let _ = write!(words, ": {}", known.detail);
    }
    let mut line = Line { what: known.name.clone(), light, words, next: known.state.next_step().to_owned() };
    if light == Light::Ok {
        line.next.clear();
        let left = known.token_expires_at.map(|end| (end, end.seconds_since(now) / 86_400));
        if let Some((end, days)) = left {
            let _ = write!(line.words, "; its token ends {}", time(end));
            if days < TOKEN_DAYS_LEFT {
                line.light = Light::Amber;
                line.next =
                    format!("its token ends in {days} days: make a new one, then muster connect with the same name");
            }
        }
    }
    line
}

/// The streams of an integration that are not complete: what is missing, and since when.
async fn streams(
    store: &Store,
    world: &jobs::World,
    of: &Integration,
    time: &dyn Fn(Timestamp) -> String,
) -> Result<Vec<Line>, Failure> {
    let standing = sync::standing(store, world, of).await?;
    let lines = standing.into_iter().filter(|stream| stream.status != Some(StreamStatus::Complete)).map(|stream| {
        let status = stream.status.map_or("first sweep under way", StreamStatus::word).replace('_', " ");
        let mut words = status;
        if let Some(reason) = &stream.reason {
            let _ = write!(words, ": {reason}");
        }
        let _ = match stream.complete_at {
            Some(at) => write!(words, "; last complete {}", time(at)),
            None => write!(words, "; never complete"),
        };
        Line { what: format!("{}/{}", of.name, stream.stream), light: Light::Note, words, next: String::new() }
    });
    Ok(lines.collect())
}

fn told(lines: &[Line], needed: usize) -> String {
    let width = lines.iter().map(|line| line.what.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for line in lines {
        let _ = writeln!(
            out,
            "{:width$}  {:5}  {}",
            line.what,
            line.light.word(),
            reports::terminal::harmless(&line.words)
        );
        if !line.next.is_empty() && line.light != Light::Ok {
            let _ = writeln!(out, "{:width$}         {}", "", sentence(&line.next));
        }
    }
    let _ = match needed {
        0 => writeln!(out, "Nothing needs you."),
        1 => writeln!(out, "1 thing needs you."),
        many => writeln!(out, "{many} things need you."),
    };
    out
}

fn as_json(lines: &[Line]) -> String {
    let object = |line: &Line| {
        let next = (!line.next.is_empty()).then_some(&line.next);
        serde_json::json!({ "what": line.what, "status": line.light.word(), "detail": line.words, "next": next })
            .to_string()
            + "\n"
    };
    lines.iter().map(object).collect()
}
