//! `muster explorer`: works for a server from inside another network, and keeps tokens there.

use std::io::{BufRead as _, Read as _};
use std::net::{ToSocketAddrs as _, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use explorer::wire::{About, Register, Sealed, kind};
use explorer::{Explorer as Program, Keeper, KeeperError, Kept, Link, LinkError, RunError, State};
use kernel::{Cell, Secret, Table};
use reports::terminal::harmless;
use sentinelone::{Client, Console, HttpOptions, HttpTransport, Token, Transport};
use zeroize::Zeroizing;

use crate::arguments::Global;
use crate::failure::{Exit, Failure, chain};
use crate::place::Place;
use crate::terminal::{Terminal, to_the_second};

/// The longest line that is read from standard input, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// The largest file of certificate authorities.
const CA_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The folder in the data directory with what an Explorer keeps.
const FOLDER: &str = "explorer";
/// What a container gives the one-time token by.
const TOKEN_VARIABLE: &str = "MUSTER_EXPLORER_TOKEN";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Explorer {
    #[command(subcommand)]
    command: Option<ExplorerCommand>,
    /// The server, as in a browser: https://muster.example.com; for the first start
    #[arg(long, env = "MUSTER_EXPLORER_SERVER", value_name = "URL", hide_env_values = true)]
    server: Option<String>,
    /// Reads the one-time token from a file, and enrols with it. MUSTER_EXPLORER_TOKEN gives it too, for the first start
    #[arg(long, value_name = "FILE", conflicts_with = "token_stdin")]
    token_file: Option<PathBuf>,
    /// Reads the one-time token from standard input, and enrols with it
    #[arg(long)]
    token_stdin: bool,
    /// Certificate authorities to trust besides the usual ones, PEM; remembered when it enrols
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum ExplorerCommand {
    /// Keeps tokens of consoles here, so that the server never has them
    Credential {
        #[command(subcommand)]
        command: CredentialCommand,
    },
}

#[derive(Subcommand)]
enum CredentialCommand {
    /// Takes the console's address and its token from standard input, a line each; tries them, and keeps them here
    Add {
        /// What to call it, here and at the server; one of that name is replaced
        name: String,
    },
    /// Lists what is kept here, without the tokens
    List {
        /// Prints one JSON object per token
        #[arg(long)]
        json: bool,
    },
    /// Destroys a token that is kept here
    Remove {
        /// Which
        name: String,
    },
}

pub async fn run(global: &Global, order: Explorer, terminal: &Terminal) -> Result<(), Failure> {
    let keeper = Keeper::new(Place::new(global)?.data_dir.join(FOLDER));
    match order.command {
        None => work(&keeper, &order, terminal).await,
        Some(ExplorerCommand::Credential { command: CredentialCommand::Add { name } }) => {
            let stop = super::serve::signals()?;
            tokio::select! {
                added = add(&keeper, &name, terminal) => added,
                () = stop => Err(Failure::new(Exit::Incomplete, "stopped; look at what is kept: muster explorer credential list")),
            }
        }
        Some(ExplorerCommand::Credential { command: CredentialCommand::List { json } }) => {
            list(&keeper, json, terminal)
        }
        Some(ExplorerCommand::Credential { command: CredentialCommand::Remove { name } }) => {
            remove(&keeper, &name, terminal)
        }
    }
}

/// Enrols where a one-time token is given, then works until it is told to end.
async fn work(keeper: &Keeper, order: &Explorer, terminal: &Terminal) -> Result<(), Failure> {
    let stop = super::serve::signals()?;
    let ca = order.ca_file.as_deref().map(ca_file).transpose()?;
    let known = keeper.state().map_err(kept)?;
    let state = match (ticket(order, known.is_some())?, known) {
        (Some(ticket), _) => {
            let server = order.server.as_deref().ok_or_else(|| {
                Failure::usage("enrolling needs the server's address")
                    .with("Such as: --server https://muster.example.com")
            })?;
            let pem = ca.clone().unwrap_or_default();
            let link = Link::real(server, ca.as_deref().map(str::as_bytes)).map_err(refused)?;
            let state = explorer::enrol(&link, keeper, &ticket, &about(&link), pem).await.map_err(ended)?;
            say(terminal, &format!("enrolled as {} of {} at {}", state.name, state.org, state.server));
            state
        }
        (None, Some(state)) => state,
        (None, None) => {
            return Err(Failure::usage("this machine has not enrolled as an Explorer yet").with(
                "Make one on the page Explorers of your server, then: muster explorer --server URL --token-stdin",
            ));
        }
    };
    let ca = ca.or_else(|| Some(state.ca_pem.clone())).filter(|pem| !pem.is_empty());
    let link = Link::real(&state.server, ca.as_deref().map(str::as_bytes)).map_err(refused)?;
    let program = Program {
        world: jobs::World::real(),
        about: about(&link),
        transport: transport(ca.as_deref())?,
        link,
        keeper: keeper.clone(),
        more: vec![scanner(&state, sync::scan::EXPLORER_KIND), scanner(&state, sync::scan::EXPLORER_SNMP_KIND)],
        state,
    };
    say(terminal, &format!("asks {} for work; Ctrl-C ends it", program.link.origin()));
    explorer::run(&program, stop, &|line| say(terminal, line)).await.map_err(ended)?;
    say(terminal, "stopped; what it was reading is asked for again, and a scan is not");
    Ok(())
}

/// Scans from here, with nmap of this machine.
fn scanner(state: &State, kind: &'static str) -> explorer::More {
    let state = Arc::new(state.clone());
    let job: explorer::Job = Arc::new(move |payload| {
        let state = state.clone();
        Box::pin(async move {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let (says, xml) = sync::scan::explore(&jobs::World::real(), &path, &state, payload).await;
            (serde_json::to_value(says).unwrap_or_default(), xml.into())
        })
    });
    let cut_off = serde_json::to_value(sync::scan::ExplorerScan::ended()).ok();
    explorer::More { kind, job, cut_off }
}

/// What it says of itself.
fn about(link: &Link) -> About {
    About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: super::serve::host(),
        address: own_address(link.origin()).unwrap_or_default(),
        kinds: [kind::CONSOLE, kind::KEEP, sync::scan::EXPLORER_KIND, sync::scan::EXPLORER_SNMP_KIND]
            .map(str::to_owned)
            .to_vec(),
    }
}

/// The address of this machine on its way to the server. Nothing is sent: the system is only asked for the way.
fn own_address(origin: &str) -> Option<String> {
    let (scheme, authority) = origin.split_once("://")?;
    let port = if scheme == "http" { 80 } else { 443 };
    let there = authority.to_socket_addrs().or_else(|_| (authority, port).to_socket_addrs()).ok()?.next()?;
    let any = if there.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(there).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

fn transport(ca: Option<&str>) -> Result<Transport, Failure> {
    let options = HttpOptions {
        user_agent: concat!("muster-explorer/", env!("CARGO_PKG_VERSION")).to_owned(),
        extra_ca_pem: ca.map(|pem| pem.as_bytes().to_vec()),
        ..HttpOptions::default()
    };
    let made = HttpTransport::new(options).map(Transport::Http);
    made.map_err(|error| Failure::usage(error.to_string()))
}

/// The one-time token, where one is given. The variable counts for the first start only, since it stays.
fn ticket(order: &Explorer, enrolled: bool) -> Result<Option<Secret>, Failure> {
    let text = match &order.token_file {
        Some(path) => {
            let mut text = Zeroizing::new(String::new());
            let read = std::fs::File::open(path).and_then(|file| file.take(LINE_BYTES_MAX).read_to_string(&mut text));
            read.map_err(|error| Failure::usage(format!("the token file {} cannot be read: {error}", path.display())))?;
            text
        }
        None if order.token_stdin => line("the token")?,
        None => match std::env::var(TOKEN_VARIABLE) {
            Ok(text) if !enrolled => Zeroizing::new(text),
            _ => return Ok(None),
        },
    };
    match text.trim() {
        "" => Err(Failure::usage("the one-time token is empty")),
        text => Ok(Some(Secret::new(text.to_owned()))),
    }
}

/// A line of standard input.
fn line(what: &str) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = std::io::stdin().lock().take(LINE_BYTES_MAX).read_line(&mut text);
    read.map_err(|error| Failure::usage(format!("{what} cannot be read from standard input: {error}")))?;
    Ok(text)
}

fn ca_file(path: &std::path::Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(CA_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    Ok(text)
}

/// Who this Explorer is, for commands that need one that has enrolled.
fn enrolled(keeper: &Keeper) -> Result<State, Failure> {
    let none = || {
        Failure::usage("this machine has not enrolled as an Explorer yet")
            .with("Enrol it first: muster explorer --server URL --token-stdin")
    };
    keeper.state().map_err(kept)?.ok_or_else(none)
}

async fn add(keeper: &Keeper, name: &str, terminal: &Terminal) -> Result<(), Failure> {
    let state = enrolled(keeper)?;
    let url = line("the console's address")?;
    let console = Console::parse(&url).map_err(|problem| Failure::usage(problem.to_string()))?;
    let token = Token::parse(&line("the token")?).map_err(|problem| {
        Failure::usage(problem.to_string())
            .with("Nothing was sent or kept. The first line is the address, the second the token.")
    })?;
    let ca = Some(state.ca_pem.as_str()).filter(|pem| !pem.is_empty());
    let client = Client::new(console.clone(), token.clone(), transport(ca)?);
    let probe = sentinelone::probe(&client, &sync::pauses(&jobs::World::real())).await.map_err(|error| {
        Failure::from(sync::SyncError::Console(error)).with("Nothing was kept, and the server was told nothing.")
    })?;
    let facts = sync::facts(&probe);
    let link = Link::real(&state.server, ca.map(str::as_bytes)).map_err(refused)?;
    let order = Register {
        name: name.to_owned(),
        url: console.origin(),
        role: facts.role.clone(),
        scope: facts.scope.clone(),
        expires_at: facts.expires_at.map(kernel::Timestamp::micros),
    };
    let credential = explorer::register(&link, &state, &order).await.map_err(refused)?;
    let keys = explorer::seal::KeyPair::read(&state.private_key).map_err(|error| Failure::usage(error.to_string()))?;
    let what = Sealed { url: console.origin(), token: Zeroizing::new(token.expose().to_owned()) };
    let sealed = keys.seal(&state.explorer, &what).map_err(|error| Failure::usage(error.to_string()))?;
    keeper.keep(&Kept { credential, name: name.to_owned(), url: console.origin(), sealed }).map_err(kept)?;
    let end = facts.expires_at.map_or_else(String::new, |at| format!(", ends {}", to_the_second(at)));
    let told = format!(
        "{} answers: role {}, scope {}{end}\nKept here as {name}; {} knows its name and its console, and not the token.\n",
        console.authority(),
        facts.role.as_deref().unwrap_or("not said"),
        facts.scope.as_deref().unwrap_or("not said"),
        state.server,
    );
    terminal.result(&told.lines().map(|line| harmless(line).into_owned() + "\n").collect::<String>())
}

fn list(keeper: &Keeper, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let all = keeper.kept().map_err(kept)?;
    if json {
        let line = |one: &Kept| {
            format!("{}\n", serde_json::json!({ "name": one.name, "console": one.url, "credential": one.credential }))
        };
        return terminal.result(&all.iter().map(line).collect::<String>());
    }
    if all.is_empty() {
        return terminal.result("No token is kept here: muster explorer credential add NAME\n");
    }
    let rows = all.into_iter().map(|one| vec![Cell::Text(one.name), Cell::Text(one.url), Cell::Text(one.credential)]);
    let columns = ["name", "console", "credential"].map(str::to_owned).to_vec();
    terminal.table(&Table { columns, rows: rows.collect() })
}

fn remove(keeper: &Keeper, name: &str, terminal: &Terminal) -> Result<(), Failure> {
    let all = keeper.kept().map_err(kept)?;
    let Some(one) = all.iter().find(|one| one.name == name) else {
        return Err(Failure::usage(format!("no token is kept here under the name {name:?}")));
    };
    keeper.forget(&one.credential).map_err(kept)?;
    terminal.result(&format!(
        "The token {} is destroyed. What reads {} with it stops; revoke it at the console too.\n",
        harmless(name),
        harmless(&one.url)
    ))
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn kept(error: KeeperError) -> Failure {
    Failure::new(Exit::Storage, chain(&error))
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn refused(error: LinkError) -> Failure {
    let exit = match &error {
        LinkError::Cut(_) | LinkError::Strange => Exit::Unreachable,
        LinkError::Refused { status: 401 | 403, .. } => Exit::Authentication,
        LinkError::Refused { .. } | LinkError::Address(_) => Exit::Usage,
    };
    Failure::new(exit, error.to_string().trim_end_matches('.').to_owned())
}

fn ended(error: RunError) -> Failure {
    match error {
        RunError::Link(error) => refused(error),
        RunError::Keeper(error) => kept(error),
    }
}

/// A line with the time before it.
fn say(terminal: &Terminal, what: &str) {
    terminal.note(&format!("{} {}", to_the_second(terminal.now()), harmless(what)));
}
