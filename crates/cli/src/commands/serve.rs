//! `muster serve`: pages, interface and worker in one process, or one of them, until it is told to stop.

use std::net::{SocketAddr, TcpListener};

use kernel::{OrgId, Timestamp};
use store::{Dialect, Store};
use sync::{Event, Holder, IntegrationState, StreamReport, StreamStatus, WorkerOptions};
use tokio::sync::watch;

use crate::arguments::{Global, Role, Serve};
use crate::failure::{Exit, Failure, sentence};
use crate::place::Place;
use crate::terminal::{Terminal, counted};

pub async fn run(global: &Global, order: &Serve, terminal: &Terminal) -> Result<(), Failure> {
    let signal = signals()?;
    let place = Place::new(global)?;
    let listening = (order.role != Role::Worker).then(|| listen(order)).transpose()?;
    let store = open(&place, order.role)?;
    let (keys, made) = match order.role {
        Role::Worker => (place.keys()?, None),
        // Pages seal second factors and tokens.
        Role::Web | Role::All => place.keys_or_make(&store)?,
    };
    if let Some(path) = made {
        say(
            terminal,
            &format!("made the key that seals secrets: {}; back it up, apart from the database", path.display()),
        );
    }
    let checked = keys.clone();
    store.read(move |tx| access::check_keys(tx, &checked)).await?;
    let world = jobs::World::real();
    let transport = super::connect::over_the_network()?;
    let (tell, told) = watch::channel(false);
    let ended = || {
        let mut told = told.clone();
        // The other end lives as long as this function.
        async move { drop(told.wait_for(|ended| *ended).await) }
    };
    let web = async {
        let Some(listening) = listening else { return Ok(()) };
        let app = server::App::new(store.clone(), world.clone(), keys.clone(), transport.clone(), listening.settings());
        let outcome = web(&app, listening, ended(), terminal).await;
        tell.send_replace(true);
        outcome
    };
    let work = async {
        if order.role == Role::Web {
            return Ok(());
        }
        let who = super::who();
        let at = sync::Place {
            store: &store,
            world: &world,
            org: OrgId::DEFAULT,
            keys: &keys,
            transport: &transport,
            who: &who,
        };
        let outcome = work(at, &place, ended(), terminal).await;
        tell.send_replace(true);
        outcome
    };
    let stop = async {
        tokio::select! {
            () = signal => {}
            () = ended() => {}
        }
        tell.send_replace(true);
    };
    let ((), web, work) = tokio::join!(stop, web, work);
    say(terminal, "stopped; what was stored is kept, and the next start goes on from there");
    web.and(work)
}

/// Opens the database: as its writer, or, to serve beside a worker, for sessions and what people change.
fn open(place: &Place, role: Role) -> Result<Store, Failure> {
    if role == Role::Web {
        return Ok(place.open_to_write_or_beside()?.store().clone());
    }
    place.open_to_write().map_err(|mut failure| {
        if failure.exit == Exit::Storage && failure.what.contains(" serve (") {
            failure.more = vec!["It keeps reading by itself; muster sync asks it for a reading at once.".to_owned()];
        }
        failure
    })
}

/// Where it listens, and what browsers call it.
struct Listening {
    listener: TcpListener,
    tls: Option<server::Tls>,
    /// `https://muster.example.com`, without a path.
    origin: String,
    behind_proxy: bool,
    private_consoles: bool,
}

impl Listening {
    fn settings(&self) -> server::Settings {
        server::Settings {
            secure: self.origin.starts_with("https://"),
            behind_proxy: self.behind_proxy,
            private_consoles: self.private_consoles,
            ..server::Settings::default()
        }
    }
}

fn listen(order: &Serve) -> Result<Listening, Failure> {
    let tls = order.tls_cert.clone().zip(order.tls_key.clone());
    let tls = tls.map(|(certificate, key)| server::Tls { certificate, key });
    let named = order.public_url.as_deref().map(origin).transpose()?;
    if tls.is_none() && named.is_none() && !order.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "listening on {} without TLS would show passwords to the network",
            order.listen
        ))
        .with("Give --tls-cert and --tls-key; or listen on 127.0.0.1 behind a proxy and name it by --public-url."));
    }
    let refused = |error: std::io::Error| {
        Failure::new(Exit::Storage, format!("listening on {} failed: {error}", order.listen))
            .with("Choose another address: --listen 127.0.0.1:8081, or port 0 for a free one.")
    };
    let listener = TcpListener::bind(order.listen).map_err(refused)?;
    let at: SocketAddr = listener.local_addr().map_err(refused)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let behind_proxy = named.is_some() && tls.is_none();
    let origin = named.unwrap_or_else(|| format!("{scheme}://{at}"));
    Ok(Listening { listener, tls, origin, behind_proxy, private_consoles: order.allow_private_consoles })
}

/// Scheme and host of `--public-url`.
fn origin(url: &str) -> Result<String, Failure> {
    let url = url.trim().trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => Ok(url.to_owned()),
        _ => Err(Failure::usage(format!("--public-url {url:?} is no address of a server"))
            .with("Such as https://muster.example.com, without a path.")),
    }
}

async fn web(
    app: &server::App,
    listening: Listening,
    stop: impl Future<Output = ()>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let Listening { listener, tls, origin, .. } = listening;
    say(terminal, &format!("listening on {origin}; Ctrl-C ends it"));
    if let Some(token) = server::begin_set_up(app).await? {
        let link = server::set_up_address(&origin, &token);
        say(terminal, "nobody has signed in here yet; this link makes you the administrator, once and within an hour:");
        terminal.note(&format!("\n  {link}\n"));
    }
    server::serve(app, listener, tls.as_ref(), stop).await.map_err(|error| served(&error))
}

fn served(error: &server::ServeError) -> Failure {
    match error {
        server::ServeError::Tls { .. } => {
            Failure::usage(error.to_string()).with("Both are PEM files; the certificate is followed by its chain.")
        }
        server::ServeError::Listen(_) => Failure::new(Exit::Storage, crate::failure::chain(error)),
    }
}

async fn work(
    at: sync::Place<'_>,
    place: &Place,
    stop: impl Future<Output = ()>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let (store, world) = (at.store, at.world);
    let name = Holder::name_of(&host(), std::process::id(), &mut world.random());
    let options = WorkerOptions { alone: store.dialect() == Dialect::Sqlite, ..WorkerOptions::named(name.clone()) };
    let mut known = sync::integrations(store, world, OrgId::DEFAULT).await?;
    known.retain(|of| !of.connector.is_file());
    let many = counted(known.len() as u64, "integration", &known.len().to_string());
    say(terminal, &format!("worker {name} reads {many} in {}; Ctrl-C ends it", place.database));
    if known.is_empty() {
        say(terminal, "no console is connected yet; muster connect adds one, and this worker takes it up");
    }
    let told = |event: &Event| {
        if let Some(line) = line(event, terminal) {
            say(terminal, &line);
        }
    };
    super::sink::take_back(store).await?;
    // Sinks, the full-text index and the log's retention, beside it.
    let _follows = world.spawn(signals::follow(store.clone(), world.clone()));
    Ok(sync::worker(at, &options, stop, &told).await?)
}

/// A line with the time before it.
fn say(terminal: &Terminal, what: &str) {
    let at = crate::terminal::to_the_second(terminal.now());
    terminal.note(&format!("{at} {}", reports::terminal::harmless(what)));
}

/// Resolves when the process is asked to end.
fn signals() -> Result<impl Future<Output = ()>, Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Bug, format!("waiting for signals failed: {error}"));
    #[cfg(unix)]
    let mut terminated = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate()).map_err(failed)?
    };
    #[cfg(not(unix))]
    let _ = failed;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// This machine's name, for leases.
fn host() -> String {
    let named = ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let named = named.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let name = named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "this machine".to_owned())
}

/// What the log says of an event; nothing of what changes nothing.
fn line(event: &Event, terminal: &Terminal) -> Option<String> {
    match event {
        Event::StreamFinished { report } if is_worth_a_line(report) => {
            Some(format!("{} {}: {}", report.integration, report.stream, outcome(report, terminal)))
        }
        Event::IntegrationFinished { integration, state, detail, at } => {
            Some(state_line(integration, *state, detail, *at))
        }
        Event::Notice { integration, what } if integration.is_empty() => Some(what.clone()),
        Event::Notice { integration, what } => Some(format!("{integration}: {what}")),
        _ => None,
    }
}

fn is_worth_a_line(report: &StreamReport) -> bool {
    let quiet = matches!(report.status, StreamStatus::Complete | StreamStatus::NotTried);
    !quiet || report.created + report.changed + report.removed + report.quarantined + report.held > 0
}

fn outcome(report: &StreamReport, terminal: &Terminal) -> String {
    let number = |number: u64| terminal.number(number);
    let mut said = vec![format!("{} read", number(report.fetched))];
    for (count, what) in [
        (report.created, "created"),
        (report.changed, "changed"),
        (report.removed, "removed"),
        (report.quarantined, "kept aside"),
        (report.held, "held"),
    ] {
        if count > 0 {
            said.push(format!("{} {what}", number(count)));
        }
    }
    let status = report.status.word().replace('_', " ");
    let reason = report.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{status}{reason} ({})", said.join(", "))
}

fn state_line(name: &str, state: IntegrationState, detail: &str, _at: Timestamp) -> String {
    let words = state.word().replace('_', " ");
    match detail.is_empty() {
        true => format!("{name} is {words}"),
        false => format!("{name} is {words}: {}", sentence(detail)),
    }
}
