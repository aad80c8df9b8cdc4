//! `muster connect`: tries a console and a token, then saves them.

use std::io::Read;

use kernel::{OrgId, Timestamp};
use reports::terminal::harmless;
use sentinelone::probe::{ModuleState, Probe, Scope, TokenKind};
use sentinelone::request::Endpoint;
use sentinelone::{ApiError, Console, Form, HttpTransport, Token, Transport};
use sync::health::TOKEN_AGAIN;
use sync::{Connected, Options, OptionsChange, ROLE_ENOUGH, SyncError};
use zeroize::Zeroizing;

use crate::arguments::{Connect, Global, TokenFrom};
use crate::failure::{Exit, Failure, sentence};
use crate::place::{Place, word};
use crate::terminal::{Terminal, counted, to_the_second};

/// The largest token file that is read: real tokens have one or two thousand characters.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;

pub async fn run(global: &Global, order: Connect, terminal: &Terminal) -> Result<(), Failure> {
    let console = Console::parse(&order.url).map_err(|error| Failure::usage(error.to_string()))?;
    if console.is_private() && !console.is_loopback() && !order.allow_private {
        return Err(Failure::usage(console.private_words()).with(ALLOW_PRIVATE));
    }
    let token = token(&order.token)?;
    let place = Place::new(global)?;
    let opened = place.open_to_write_or_beside()?;
    let store = opened.store();
    let (keys, made) = place.keys_or_make(store)?;
    let world = jobs::World::real();
    let (transport, who) = (over_the_network()?, super::who());
    let at = sync::Place { store, world: &world, org: OrgId::DEFAULT, keys: &keys, transport: &transport, who: &who };
    let change = change(&order);
    // What cannot be meant is said before anything is sent.
    change.apply(&mut Options::default())?;
    let name = order.name.as_deref().map(|name| format!(" --name {}", word(name))).unwrap_or_default();
    let again = format!("muster connect {}{name} --token-file FILE", word(&order.url));
    let order_of = sync::Connect {
        private: order.allow_private,
        name: order.name,
        task: order.task,
        site: order.site,
        all_the_same: order.all_the_same,
        ..sync::Connect::new(console, token)
    };
    let connected = sync::connect(at, order_of).await.map_err(|error| not_connected(error, &again))?;
    if change != OptionsChange::default() {
        let (name, now) = (connected.integration.name.clone(), terminal.now());
        let write = store.write(move |tx| sync::configure(tx, OrgId::DEFAULT, &name, &change, &who, now));
        write.await?;
    }
    if let Some(path) = made {
        let path = path.display();
        terminal.note(&format!("Made the key that seals tokens: {path}. Keep it apart from backups of the database."));
    }
    if order.json {
        return terminal.result(&format!("{}\n", as_json(&connected)));
    }
    terminal.result(&told(&connected, terminal))
}

/// Why nothing was connected; `again` is the command that tries it once more.
fn not_connected(error: SyncError, again: &str) -> Failure {
    let console = |is: fn(&ApiError) -> bool| matches!(&error, SyncError::Console(error) if is(error));
    let (stranger, private, refused) = (console(is_stranger), console(is_private), console(ApiError::is_unauthorized));
    if private {
        // As for an address that says so by itself: nothing was tried. The cause below it says the same again.
        return Failure::usage(error.to_string()).with(ALLOW_PRIVATE);
    }
    let mut failure = Failure::from(error);
    if stranger {
        failure.more = vec!["Check the console's address: what answers there does not speak like one.".to_owned()];
    }
    if refused {
        failure.more = vec![sentence(&format!("{TOKEN_AGAIN}, then: {again}"))];
    }
    failure.more.insert(0, "Nothing was saved; what was connected before is as it was.".to_owned());
    failure
}

/// What there is to do about a console that stands where only a private network leads.
const ALLOW_PRIVATE: &str = "If that is where your console stands: --allow-private";

/// Whether what answered is hardly a console. Later, the same answers are a console's bad moment.
fn is_stranger(error: &ApiError) -> bool {
    match error.failure() {
        sentinelone::Failure::Shape { .. } | sentinelone::Failure::Unreadable { .. } => true,
        sentinelone::Failure::Status(answer) => {
            answer.status == 404 && !matches!(answer.form, Form::Errors | Form::Message)
        }
        _ => false,
    }
}

/// Whether the console's name leads into a private network.
fn is_private(error: &ApiError) -> bool {
    matches!(error.failure(), sentinelone::Failure::Transport(sentinelone::TransportError::Private))
}

/// The network, with its time-outs.
pub fn over_the_network() -> Result<Transport, Failure> {
    network().map(Transport::Http)
}

/// The same, for what has other ways beside it.
pub fn network() -> Result<HttpTransport, Failure> {
    let options = sentinelone::HttpOptions {
        user_agent: concat!("muster/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..Default::default()
    };
    HttpTransport::new(options)
        .map_err(|error| Failure::new(Exit::Bug, format!("starting the HTTP client failed: {error}")))
}

/// The choices that were named; on a known integration the others stay.
fn change(order: &Connect) -> OptionsChange {
    OptionsChange {
        without: order.without.clone().unwrap_or_default(),
        requests_per_minute: order.requests_per_minute,
        import: order.import.change(),
        ..super::integration::rhythm(&order.rhythm)
    }
}

/// Reads the token; the text is wiped from memory when it has been checked.
fn token(from: &TokenFrom) -> Result<Token, Failure> {
    let mut text = Zeroizing::new(String::new());
    let (name, outcome) = match &from.token_file {
        Some(file) => {
            let read = std::fs::File::open(file).and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut text));
            (format!("the token file {}", file.display()), read)
        }
        None => (
            "the token from standard input".to_owned(),
            std::io::stdin().take(TOKEN_BYTES_MAX).read_to_string(&mut text),
        ),
    };
    outcome.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::InvalidData => "it is not text".to_owned(),
            _ => error.to_string(),
        };
        Failure::usage(format!("{name} cannot be read: {why}")).with("Nothing was sent or saved.")
    })?;
    Token::parse(&text).map_err(|problem| {
        Failure::usage(problem.to_string()).with("Nothing was sent or saved. How to make one: muster help token")
    })
}

fn told(connected: &Connected, terminal: &Terminal) -> String {
    let Connected { integration, probe, rotated, .. } = connected;
    let version = probe.version.as_deref().map_or_else(String::new, |version| format!(" console {version}, API v2.1"));
    let mut lines = vec![format!("{} answers:{version}", integration.console_host)];
    lines.push(format!("  token    {}", token_told(probe, terminal.now())));
    lines.push(format!("  scope    {}", scope_told(probe, terminal)));
    let (reads, missing) = sync::modules(probe);
    lines.push(format!("  reads    {}", wrapped(&reads)));
    lines.extend(missing.iter().enumerate().map(|(at, (name, reason))| {
        let head = if at == 0 { "missing" } else { "" };
        format!("  {head:<7}  {name}: {reason}")
    }));
    let saved = if *rotated { "Changed the token of" } else { "Saved as" };
    lines.push(format!("{saved} integration {}. Next: muster sync {}", integration.name, word(&integration.name)));
    // It begins with a name, which stays as it is written.
    lines.extend(connected.beside.iter().map(|one| format!("{}.", one.in_words())));
    // Names, versions and roles are the console's text.
    lines.iter().flat_map(|text| text.lines()).map(|line| harmless(line).into_owned() + "\n").collect()
}

/// Names in lines of at most [`LINE`] characters, the later ones below the first.
fn wrapped(names: &[&str]) -> String {
    let (mut out, mut width) = (String::new(), INDENT.len());
    for (at, name) in names.iter().enumerate() {
        let comma = if at + 1 < names.len() { "," } else { "" };
        if width + name.len() + 1 > LINE {
            out.push_str(&format!("\n{INDENT}"));
            width = INDENT.len();
        } else if at > 0 {
            out.push(' ');
        }
        out.push_str(&format!("{name}{comma}"));
        width += name.len() + 2;
    }
    out
}

/// Where the values of the report begin, and how long its lines are.
const INDENT: &str = "           ";
const LINE: usize = 100;

fn token_told(probe: &Probe, now: Timestamp) -> String {
    let kind = match probe.kind {
        TokenKind::ConsoleUser => "a console user's",
        TokenKind::ServiceUser => "a service user's",
        _ => "of an unknown kind",
    };
    let role = match probe.role.as_deref() {
        Some(ROLE_ENOUGH) => format!(", role {ROLE_ENOUGH}"),
        Some(role) => format!(", role {role}: a {ROLE_ENOUGH} is enough; see muster help token"),
        None => String::new(),
    };
    let end = match probe.expires_at.map(|at| Timestamp::from_micros(at.0)) {
        Some(end) if end <= now => ", ENDED".to_owned(),
        Some(end) => {
            let days = end.seconds_since(now) / 86_400;
            format!(
                ", ends {} (in {days} day{})",
                &to_the_second(end).to_string()[..10],
                if days == 1 { "" } else { "s" }
            )
        }
        None => ", the console does not say when it ends".to_owned(),
    };
    format!("{kind}{role}{end}")
}

fn scope_told(probe: &Probe, terminal: &Terminal) -> String {
    let level = match &probe.scope {
        Scope::Tenant => "the whole console",
        Scope::Account => "account",
        Scope::Site => "console site",
        Scope::Other(other) => other,
        _ => "the console does not say",
    };
    let names: Vec<&str> = probe.places.iter().map(|place| place.name.as_deref().unwrap_or(&place.id)).collect();
    let count = |endpoint: Endpoint| {
        probe.modules.iter().find(|module| module.endpoint == endpoint).and_then(|module| match module.state {
            ModuleState::Available { count } => count,
            _ => None,
        })
    };
    let parts =
        [("account", Endpoint::Accounts), ("console site", Endpoint::Sites), ("console group", Endpoint::Groups)];
    let counts = parts.into_iter().filter_map(|(what, endpoint)| {
        let count = count(endpoint)?;
        Some(counted(count, what, &terminal.result_number(count)))
    });
    let text = format!("{level} {}", names.join(", "));
    format!("{}: {}", text.trim_end(), counts.collect::<Vec<_>>().join(", "))
}

fn as_json(connected: &Connected) -> serde_json::Value {
    let Connected { integration, probe, rotated, beside } = connected;
    let (reads, missing) = sync::modules(probe);
    let missing: Vec<&str> = missing.iter().map(|(word, _)| *word).collect();
    serde_json::json!({
        "integration": integration.name,
        "task": integration.task(),
        "console": integration.console_url,
        "console_version": probe.version,
        "site": integration.site_name,
        "scope": integration.scope,
        "role": integration.role,
        "token_expires_at": integration.token_expires_at.map(|at| at.to_string()),
        "reads": reads,
        "missing": missing,
        "rotated": rotated,
        "also_read_by": beside.iter().map(|one| &one.integration.name).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_network_is_refused_in_one_sentence_and_with_one_code_however_it_is_found() {
        let error = |host: &str| {
            let private = sentinelone::Failure::Transport(sentinelone::TransportError::Private);
            SyncError::Console(ApiError::new(Endpoint::SystemStatus, host, None, private))
        };
        let found = not_connected(error("10.0.0.7"), "muster connect 10.0.0.7 --token-file FILE");
        let said = Console::parse("10.0.0.7").unwrap().private_words();
        assert_eq!((found.exit, &found.what), (Exit::Usage, &said));
        assert_eq!(found.lines().matches("nothing was sent").count(), 1, "{}", found.lines());
        assert!(found.lines().ends_with("--allow-private\n"), "{}", found.lines());
    }
}
