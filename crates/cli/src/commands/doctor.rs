//! `muster doctor`: looks at data, key and every integration, live, and says what needs somebody and what exactly.

use std::fmt::Write as _;

use kernel::{OrgId, Timestamp};
use signals::{Sink, SinkState};
use store::Store;
use sync::examine::{self, Examination, Step};
use sync::health::{self, About, Light};
use sync::{IntegrationState, Overview, StreamStanding, StreamStatus};

use crate::arguments::{Doctor, Global};
use crate::failure::{Exit, Failure, chain, sentence};
use crate::place::{Place, word};
use crate::terminal::{Terminal, counted, size};

/// Streams whose trouble is told one by one; the others are counted.
const STREAMS_TOLD: usize = 12;

/// After how long without a delivery somebody should see to what waits for a sink, in seconds.
const SINK_IDLE_MAX: i64 = 3_600;

/// One line of the report.
struct Line {
    what: String,
    mark: Mark,
    words: String,
    /// What it means, in a clause; empty if that is plain.
    meaning: String,
    /// What somebody has to do, as a clause; empty if nothing.
    next: String,
    /// More for programs.
    data: Option<serde_json::Value>,
}

impl Line {
    fn new(what: &str, mark: Mark, words: impl Into<String>) -> Line {
        Line {
            what: what.to_owned(),
            mark,
            words: words.into(),
            meaning: String::new(),
            next: String::new(),
            data: None,
        }
    }

    fn next(mut self, next: impl Into<String>) -> Line {
        self.next = next.into();
        self
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    /// Worth knowing; the line above says what to do, or there is nothing to do.
    Note,
    /// Switched off.
    Off,
    Amber,
    Red,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Mark::Ok => "ok",
            Mark::Note => "note",
            Mark::Off => "off",
            Mark::Amber => "amber",
            Mark::Red => "red",
        }
    }

    fn of(light: Light) -> Mark {
        match light {
            Light::Green => Mark::Ok,
            Light::Amber => Mark::Amber,
            Light::Red => Mark::Red,
            Light::Grey => Mark::Off,
        }
    }
}

pub async fn run(global: &Global, doctor: &Doctor, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let mut lines = Vec::new();
    let mut exit = Exit::No;
    match place.open_to_read() {
        Err(failure) => {
            exit = failure.exit;
            lines.push(Line::new("data", Mark::Red, failure.what).next(failure.more.join(" ")));
        }
        Ok(store) => {
            let data = data(&place, &store).await;
            if data.mark == Mark::Red {
                exit = Exit::Storage;
            }
            lines.push(data);
            let of_key = key(&place, &store).await;
            let locked = of_key.mark == Mark::Red;
            lines.push(of_key);
            lines.extend(service(&place));
            match connected(&place, &store, doctor, locked, terminal).await {
                Ok(found) => lines.extend(found),
                // Of a damaged database not everything can be read, and the line above says what to do.
                Err(failure) if exit == Exit::Storage => {
                    lines.push(Line::new(
                        "consoles",
                        Mark::Note,
                        format!("not all of it can be read: {}", failure.what),
                    ));
                }
                Err(failure) => return Err(failure),
            }
        }
    }
    let needed = lines.iter().filter(|line| matches!(line.mark, Mark::Amber | Mark::Red)).count();
    match doctor.json {
        true => terminal.result(&as_json(&lines))?,
        false => terminal.result(&told(&lines, needed))?,
    }
    if needed == 0 { Ok(()) } else { Err(Failure::told(exit)) }
}

/// What there is to say of everything that is connected: consoles, Explorers and sinks.
async fn connected(
    place: &Place,
    store: &Store,
    doctor: &Doctor,
    locked: bool,
    terminal: &Terminal,
) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    let world = jobs::World::real();
    let time = |at| terminal.result_time(at, doctor.json);
    let now = terminal.now();
    let known = super::integration::overviews(store, now).await?;
    let (keys, transport, who) = (place.keys(), super::connect::over_the_network()?, super::who());
    if known.is_empty() {
        let none = Line::new("consoles", Mark::Note, "none is connected yet");
        lines.push(none.next("connect one: muster connect URL --token-file FILE"));
    }
    for of in &known {
        let simulates = of.integration.simulates();
        if let Some((seed, endpoints)) = simulates
            && !place.writer().is_some_and(|by| crate::place::is_demo(&by))
        {
            lines.push(simulated(of, seed, endpoints, now));
            continue;
        }
        // Through an Explorer the service asks, and writes down what it finds.
        let here = of.integration.explorer.is_none();
        // A simulated console answers nobody but the demo that is running: how it fares there is written down.
        let here = here && simulates.is_none();
        let asks = of.integration.options.enabled && !of.integration.connector.is_file() && here;
        let live = match &keys {
            Ok(keys) if !doctor.offline && asks => {
                let at =
                    sync::Place { store, world: &world, org: OrgId::DEFAULT, keys, transport: &transport, who: &who };
                match examine::examine(at, of).await {
                    Ok(seen) => Some(seen),
                    // A key that is missing has a line of its own, which is counted; the rest is told as it was
                    // written down.
                    Err(_) if locked => {
                        let words = "not asked just now: its token cannot be opened without the key";
                        lines.push(Line::new(&of.integration.name, Mark::Note, words));
                        None
                    }
                    Err(error) => {
                        let words = chain(&error);
                        lines.push(Line::new(&of.integration.name, Mark::Red, words).next("see the lines above"));
                        None
                    }
                }
            }
            _ => None,
        };
        lines.extend(integration(of, live.as_ref(), now, &time));
    }
    let explorers = store.read(|tx| sync::explorers::explorers(tx, OrgId::DEFAULT)).await?;
    lines.extend(explorers.iter().map(|of| explorer(of, now, &time)));
    let sinks = store.read(|tx| signals::sinks(tx, OrgId::DEFAULT)).await?;
    lines.extend(sinks.iter().map(|of| sink(of, now, &time, terminal)));
    Ok(lines)
}

async fn data(place: &Place, store: &Store) -> Line {
    const REPAIR: &str = "restore a backup, or move the file away and sync anew";
    match store.read(|tx| tx.check()).await {
        Ok(health) if health.problems.is_empty() => {
            let words = format!("{}, {}, {}, integrity ok", place.database, size(health.bytes), health.version);
            Line::new("data", Mark::Ok, words)
        }
        Ok(health) => {
            let words = format!("{}: damaged: {}", place.database, health.problems.join("; "));
            Line::new("data", Mark::Red, words).next(REPAIR)
        }
        Err(error) => Line::new("data", Mark::Red, chain(&error)).next(REPAIR),
    }
}

async fn key(place: &Place, store: &Store) -> Line {
    let found = match place.keys() {
        Ok(keys) => {
            let given = keys.clone();
            let checked: Result<(), access::AccessError> = store.read(move |tx| access::check_keys(tx, &given)).await;
            checked.map(|()| keys).map_err(Failure::from)
        }
        Err(failure) => Err(failure),
    };
    match found {
        Ok(keys) if keys.is_empty() => Line::new("key", Mark::Ok, "none yet: the first muster connect makes one"),
        Ok(keys) => Line::new("key", Mark::Ok, format!("key {}", keys.ids().join(", "))),
        Err(failure) => Line::new("key", Mark::Red, failure.what).next(failure.more.join(" ")),
    }
}

/// Whoever writes at this moment; nothing where nobody does, or where several may.
fn service(place: &Place) -> Option<Line> {
    let by = place.writer()?;
    let words = match crate::place::is_worker(&by) {
        true => format!("{by} is running: it reads every console when it is due, and takes up what is asked beside it"),
        false => format!("{by} is at work here; what else would write waits for its end"),
    };
    Some(Line::new("service", Mark::Ok, words))
}

/// A collector inside another network.
fn explorer(of: &sync::explorers::Explorer, now: Timestamp, time: &dyn Fn(Timestamp) -> String) -> Line {
    use sync::explorers::ExplorerError;
    let what = format!("explorer {}", of.name);
    let about = format!("version {}, on {}", of.about.version, of.about.host);
    match of.ready(now) {
        Ok(()) => Line::new(&what, Mark::Ok, format!("connected, {about}")),
        Err(ExplorerError::NotEnrolled(_)) => {
            let line = Line::new(&what, Mark::Note, "made, and not started yet");
            line.next("start it on its machine: muster explorer --server URL --token-stdin")
        }
        Err(_) => {
            let since = of.seen_at.map_or_else(|| "it enrolled".to_owned(), time);
            let line = Line::new(&what, Mark::Red, format!("silent since {since}; {about}"));
            line.next("see whether its machine is on, muster explorer runs there, and it reaches this server")
        }
    }
}

/// The console of a demo is there only while the demo reads it; that it does not answer is no trouble.
fn simulated(of: &Overview, seed: u64, endpoints: u32, now: Timestamp) -> Line {
    let words = "read from the simulated console of muster demo, which runs only while the demo does";
    let mut line = Line::new(&of.integration.name, Mark::Note, words);
    line.meaning = "what it gave is kept, and can be asked about as it was then".to_owned();
    line.data = Some(super::integration::as_json(of, now));
    line.next(format!(
        "show it again: muster demo --seed {seed} --endpoints {endpoints}; one that keeps running: muster simulate"
    ))
}

/// How a sink fares: how far it is, what waits for it, what went wrong last, and what helps.
fn sink(of: &Sink, now: Timestamp, time: &dyn Fn(Timestamp) -> String, terminal: &Terminal) -> Line {
    let name = word(&of.is.name);
    let number = |number| terminal.result_number(number);
    let last = i64::try_from(of.behind).map_or(i64::MAX, |behind| of.is.after.saturating_add(behind));
    let mut words = format!(
        "{}, at {} of {}",
        of.state.as_str(),
        number(of.is.after.unsigned_abs()),
        counted(last.unsigned_abs(), "artifact", &number(last.unsigned_abs()))
    );
    match of.behind {
        0 => words.push_str(", nothing waits"),
        1 => words.push_str(", 1 waits"),
        behind => _ = write!(words, ", {} wait", number(behind)),
    }
    _ = match of.delivered_at {
        Some(at) => write!(words, "; last delivered {} to {}", time(at), super::sink::target(of)),
        None => write!(words, "; nothing delivered to {} yet", super::sink::target(of)),
    };
    if of.dead > 0 {
        let refused = counted(of.dead, "artifact", &number(of.dead));
        _ = write!(words, "; {refused} refused by it for good");
    }
    let held = of.held_by(now);
    if let Some((who, until)) = held {
        _ = write!(words, "; {who} delivers, and holds it until {} without a sign of life", time(until));
    }
    if !of.detail.is_empty() {
        _ = write!(words, "; {} since {}: {}", of.state.as_str(), time(of.since), of.detail);
    }
    let quiet = now.seconds_since(of.delivered_at.unwrap_or(of.since)) > SINK_IDLE_MAX;
    let (mark, next) = match of.state {
        SinkState::Detached => {
            (Mark::Red, format!("make room, then attach it again: muster sink replay {name} --from last"))
        }
        SinkState::Waiting => (
            Mark::Amber,
            format!(
                "see to that; it is tried again by itself, and nothing is lost; whether it would work now: muster sink \
                 test {name}"
            ),
        ),
        SinkState::Ready if of.behind == 0 || held.is_some() => (Mark::Ok, String::new()),
        SinkState::Ready => (
            if quiet { Mark::Amber } else { Mark::Note },
            format!("deliver it: muster sink run {name} --once; or keep delivering: muster serve --role worker"),
        ),
    };
    let what = format!("sink/{}", reports::terminal::harmless(&of.is.name));
    Line::new(&what, mark, words).next(next)
}

/// The lines of one integration: how it fares, the way to it step by step, its token, its streams.
fn integration(
    of: &Overview,
    live: Option<&Examination>,
    now: Timestamp,
    time: &dyn Fn(Timestamp) -> String,
) -> Vec<Line> {
    let mut lines = vec![head(of, live, now, time)];
    let name = &of.integration.name;
    if let Some(seen) = live {
        lines.push(Line::new("", Mark::Note, way(seen, of.integration.console_url.starts_with("https"))));
        if let Some(words) = examine::clock_words(seen.clock_skew)
            && of.assessment().why != Some(health::Why::ClockSkew)
        {
            lines.push(Line::new(&format!("{name}/clock"), Mark::Note, words));
        }
        if let Some(probe) = &seen.probe {
            let words = token(of, probe, time);
            lines.push(Line::new("", Mark::Note, words));
        }
        if let Some(words) = counts(seen) {
            lines.push(Line::new("", Mark::Note, words));
        }
        for answer in examine::no_data(of, seen, now) {
            lines.push(Line::new(&format!("{name}/data"), Mark::Note, answer));
        }
    }
    if let Some(warning) = sync::token_warning(&of.integration, now)
        && of.integration.options.enabled
        && lines[0].mark != Mark::Red
    {
        let host = &of.integration.console_host;
        let line = Line::new(&format!("{name}/token"), Mark::Amber, warning.in_words(name));
        lines.push(line.next(format!(
            "make the next one in good time (Settings > Users > Service Users), then: muster connect {host} --name {name} \
             --token-file FILE"
        )));
    }
    let mut trouble: Vec<Line> = of.streams.iter().filter_map(|stream| stream_line(of, stream, now, time)).collect();
    let more = trouble.len().saturating_sub(STREAMS_TOLD);
    trouble.truncate(STREAMS_TOLD);
    lines.extend(trouble);
    if more > 0 {
        let words = format!("{more} more streams: muster integration show {name}");
        lines.push(Line::new(name, Mark::Note, words));
    }
    lines
}

fn head(of: &Overview, live: Option<&Examination>, now: Timestamp, time: &dyn Fn(Timestamp) -> String) -> Line {
    let integration = &of.integration;
    let written = of.assessment();
    let about = About { name: &integration.name, subject: written.subject.as_deref(), host: &integration.console_host };
    // What is found now outweighs what was written down when it was last read.
    if let Some(trouble) = live.and_then(|seen| seen.trouble.as_ref()) {
        let since =
            if trouble.state == written.state { format!(" since {}", time(integration.since)) } else { String::new() };
        let state = trouble.state.word().replace('_', " ");
        let words = format!("{state}{since}: {}", trouble.detail);
        let light = if trouble.state == IntegrationState::Degraded { Mark::Amber } else { Mark::Red };
        let mut line = Line::new(&integration.name, light, words);
        line.meaning = health::meaning(trouble.state, trouble.why).to_owned();
        line.next = health::next_step(trouble.state, trouble.why, About { subject: Some("threats"), ..about });
        line.data = Some(super::integration::as_json(of, now));
        return line;
    }
    let stopped = of.health.probe_at.is_some();
    let mut words = format!("{} since {}", written.state.word().replace('_', " "), time(integration.since));
    if !written.detail.is_empty() {
        let _ = write!(words, ": {}", written.detail);
    }
    let mut line = Line::new(&integration.name, Mark::of(of.light(now)), words);
    if written.state != IntegrationState::Connected {
        line.meaning = of.meaning().to_owned();
    }
    line.next = of.next_step();
    line.data = Some(super::integration::as_json(of, now));
    if live.is_some() && stopped {
        line.mark = Mark::Amber;
        line.meaning.clear();
        line.words = format!(
            "answers again; it was {} since {}",
            written.state.word().replace('_', " "),
            time(integration.since)
        );
        line.next = format!("read it: muster sync {}; a worker does so by itself", integration.name);
        return line;
    }
    // What a module does not give any more follows from what the token does not see any more, and has a line of its own.
    let outweighed = written.state == IntegrationState::Connected || written.why == Some(health::Why::ModuleLost);
    if let Some(surplus) = live.and_then(|seen| seen.surplus.as_ref()).filter(|_| outweighed) {
        line.mark = Mark::Amber;
        line.words = format!("{}: {}", IntegrationState::Degraded.word(), surplus.detail);
        line.meaning = surplus.meaning.to_owned();
        line.next.clone_from(&surplus.next);
        return line;
    }
    let stale: Vec<&StreamStanding> = of.streams.iter().filter(|stream| !stream.is_fresh(now)).collect();
    if written.state == IntegrationState::Connected && !stale.is_empty() {
        let never = stale.iter().all(|stream| stream.attempts.attempted_at.is_none());
        line.words = match never {
            true => format!("connected since {}, and not read yet", time(integration.since)),
            false => format!("{}; {} streams were not read for longer than two intervals", line.words, stale.len()),
        };
        line.next =
            format!("read it once: muster sync {0}; or keep reading: muster serve --role worker", integration.name);
    }
    line
}

/// `dns ok · port ok · tls ok · console ok · token refused`.
fn way(seen: &Examination, tls: bool) -> String {
    let mut words = Vec::new();
    for step in Step::ALL.into_iter().filter(|step| tls || *step != Step::Tls) {
        if seen.failed == Some(step) {
            words.push(format!("{} FAILS", step.word()));
            break;
        }
        words.push(format!("{} ok", step.word()));
    }
    if seen.failed.is_none()
        && let Some(skew) = seen.clock_skew
    {
        words.push(format!("clock within {} s", skew.abs().max(2)));
    }
    words.join(" · ")
}

/// What we have of what the console counts: `agents 47 of 47 · threats 7 of 7`.
fn counts(seen: &Examination) -> Option<String> {
    let told = seen.counts.iter().filter_map(|count| {
        let theirs = count.theirs.filter(|theirs| *theirs > 0)?;
        Some(format!("{} {} of {theirs}", count.stream, count.ours))
    });
    let told: Vec<String> = told.take(COUNTS_TOLD).collect();
    (!told.is_empty()).then(|| format!("have: {}", told.join(" · ")))
}

/// How many streams are counted in one line.
const COUNTS_TOLD: usize = 6;

fn token(of: &Overview, probe: &sentinelone::Probe, time: &dyn Fn(Timestamp) -> String) -> String {
    let scope = of.integration.scope.as_deref().unwrap_or("unknown");
    let role = probe.role.as_deref().or(of.integration.role.as_deref()).unwrap_or("unknown");
    let end = match probe.expires_at.map(|at| Timestamp::from_micros(at.0)).or(of.integration.token_expires_at) {
        Some(end) => format!("ends {}", time(end)),
        None => "the console does not say when it ends".to_owned(),
    };
    format!("token: scope {scope}, role {role}, {end}")
}

/// What is to be said of a stream; nothing of one that is well.
fn stream_line(
    of: &Overview,
    stream: &StreamStanding,
    now: Timestamp,
    time: &dyn Fn(Timestamp) -> String,
) -> Option<Line> {
    let aside = stream.quarantined > 0 || stream.drifted > 0 || stream.held > 0;
    let well =
        !stream.enabled || stream.status == Some(StreamStatus::Complete) || stream.attempts.attempted_at.is_none();
    if well && !aside {
        return None;
    }
    let mut words = stream.status.map_or("first sweep not over", StreamStatus::word).replace('_', " ");
    if let (Some(reason), false) = (&stream.reason, stream.status == Some(StreamStatus::Complete)) {
        let _ = write!(words, ": {reason}");
    }
    if stream.status == Some(StreamStatus::NotAvailable) && !stream.stream.without.is_empty() {
        let _ = write!(words, "; {}", stream.stream.without);
    }
    if stream.status != Some(StreamStatus::Complete) {
        let _ = match stream.complete_at {
            Some(at) => write!(words, "; last complete {}", time(at)),
            None => write!(words, "; never complete"),
        };
    }
    for (count, one, many) in [
        (stream.held, "record is held as not gone yet", "records are held as not gone yet"),
        (stream.quarantined, "record is kept aside", "records are kept aside"),
        (stream.drifted, "place differs from what is documented", "places differ from what is documented"),
    ] {
        if count > 0 {
            let _ = write!(words, "; {count} {}", if count == 1 { one } else { many });
        }
    }
    if stream.quarantined > 0 || stream.drifted > 0 {
        let _ = write!(words, " (muster integration show {})", of.integration.name);
    }
    if stream.light(now) == Light::Amber && stream.lease.is_some() {
        words.push_str("; it is being read just now");
    }
    Some(Line::new(&format!("{}/{}", of.integration.name, stream.stream.name), Mark::Note, words))
}

fn told(lines: &[Line], needed: usize) -> String {
    let width = lines.iter().map(|line| line.what.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for line in lines {
        let mark = if line.what.is_empty() { "" } else { line.mark.word() };
        let _ = writeln!(out, "{:width$}  {mark:5}  {}", line.what, reports::terminal::harmless(&line.words));
        if !line.meaning.is_empty() {
            let _ = writeln!(out, "{:width$}         {}", "", sentence(&line.meaning));
        }
        if !line.next.is_empty() && line.mark != Mark::Ok {
            let _ = writeln!(out, "{:width$}         {}", "", reports::terminal::harmless(&sentence(&line.next)));
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
        let mut object = serde_json::json!({
            "what": line.what, "status": line.mark.word(), "detail": line.words, "next": next,
            "meaning": (!line.meaning.is_empty()).then_some(&line.meaning),
        });
        if let Some(data) = &line.data {
            object["integration"] = data.clone();
        }
        object.to_string() + "\n"
    };
    lines.iter().map(object).collect()
}
