//! `muster serve`: pages, interface and worker in one process, or one of them, until it is told to stop.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use access::Keyring;
use kernel::OrgId;
use sentinelone::Transport;
use store::{Dialect, Store};
use sync::{Event, Holder, IntegrationState, WorkerOptions};
use tokio::sync::watch;

use crate::arguments::{Global, Role, Serve};
use crate::failure::{Exit, Failure, sentence};
use crate::place::Place;
use crate::terminal::{Terminal, counted};

/// The target of what the service itself tells the log; no other begins like it, so that a filter can name it alone.
const LOG: &str = "service";

/// Where it is served if nobody says otherwise.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

pub async fn run(global: &Global, order: &Serve, terminal: &Terminal) -> Result<(), Failure> {
    let signal = signals()?;
    let place = Place::new(global)?;
    let listening = (order.role != Role::Worker).then(|| Listening::of(order)).transpose()?;
    let store = open(&place, order.role)?;
    let (keys, made) = match order.role {
        Role::Worker => (place.keys()?, None),
        // Pages seal second factors and tokens.
        Role::Web | Role::All => place.keys_or_make(&store)?,
    };
    if let Some(path) = made {
        tracing::info!(
            target: LOG,
            "made the key that seals secrets: {}; back it up, apart from the database",
            path.display()
        );
    }
    let checked = keys.clone();
    store.read(move |tx| access::check_keys(tx, &checked)).await?;
    let transport = super::connect::over_the_network()?;
    let world = jobs::World::real();
    let works = order.role != Role::Web;
    let service = Service { place: &place, store: &store, world: &world, keys: &keys, transport, terminal };
    service.until(signal, listening, works).await
}

/// What serves: pages and interface, a worker, or both, over one open database.
pub(super) struct Service<'a> {
    pub place: &'a Place,
    pub store: &'a Store,
    pub world: &'a jobs::World,
    pub keys: &'a Keyring,
    pub transport: Transport,
    pub terminal: &'a Terminal,
}

impl Service<'_> {
    /// Serves until the signal, or until one of both cannot go on; then both end in order.
    pub(super) async fn until(
        &self,
        signal: impl Future<Output = ()>,
        listening: Option<Listening>,
        works: bool,
    ) -> Result<(), Failure> {
        let (tell, told) = watch::channel(false);
        let ended = || {
            let mut told = told.clone();
            // The other end lives as long as this function.
            async move { drop(told.wait_for(|ended| *ended).await) }
        };
        let web = async {
            let Some(listening) = listening else { return Ok(()) };
            let outcome = self.web(listening, ended()).await;
            tell.send_replace(true);
            outcome
        };
        let work = async {
            if !works {
                return Ok(());
            }
            let outcome = self.work(ended()).await;
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
        tracing::info!(target: LOG, "stopped; what was stored is kept, and the next start goes on from there");
        web.and(work)
    }

    async fn web(&self, listening: Listening, stop: impl Future<Output = ()>) -> Result<(), Failure> {
        let http = match listening.private_provider {
            true => access::Http::real(None),
            false => access::Http::fenced(None, server::provider_fence()),
        };
        let http =
            http.map_err(|error| Failure::new(Exit::Bug, format!("starting the HTTP client failed: {error}")))?;
        let asks = (self.transport.clone(), http);
        let (store, world, keys) = (self.store.clone(), self.world.clone(), self.keys.clone());
        let app = server::App::new(store, world, keys, asks, listening.settings());
        let Listening { listener, tls, origin, .. } = listening;
        tracing::info!(target: LOG, "listening on {origin}; Ctrl-C ends it");
        if let Some(token) = server::begin_set_up(&app).await? {
            let link = server::set_up_address(&origin, &token);
            // Not into the log: whoever has it becomes the administrator.
            self.terminal.note(&format!(
                "\nNobody has signed in here yet. This link makes you the administrator, once and within an hour:\n\n  {link}\n"
            ));
        }
        server::serve(&app, listener, tls.as_ref(), stop).await.map_err(|error| served(&error))
    }

    async fn work(&self, stop: impl Future<Output = ()>) -> Result<(), Failure> {
        let Service { store, world, .. } = *self;
        let who = super::who();
        let at =
            sync::Place { store, world, org: OrgId::DEFAULT, keys: self.keys, transport: &self.transport, who: &who };
        let name = Holder::name_of(&host(), std::process::id(), &mut world.random());
        let alone = store.dialect() == Dialect::Sqlite;
        let options = WorkerOptions { alone, scans: std::env::var_os("PATH"), ..WorkerOptions::named(name.clone()) };
        let known = integrations(store, world).await?;
        let many = counted(known, "integration", &known.to_string());
        tracing::info!(target: LOG, "worker {name} reads {many} in {}; Ctrl-C ends it", self.place.database);
        if known == 0 {
            tracing::info!(target: LOG, "no console is connected yet; one that is connected is read from then on");
        }
        super::sink::take_back(store).await?;
        // Sinks, the full-text index and the log's retention, beside it.
        let _follows = world.spawn(signals::follow(store.clone(), world.clone()));
        Ok(sync::worker(at, &options, stop, &tell).await?)
    }
}

/// How many consoles there are to be read, in all organizations.
async fn integrations(store: &Store, world: &jobs::World) -> Result<u64, Failure> {
    let orgs = store.read(access::orgs).await?;
    let mut known = 0;
    for org in orgs {
        let all = sync::integrations(store, world, org.id).await?;
        known += all.iter().filter(|of| !of.connector.is_file()).count() as u64;
    }
    Ok(known)
}

/// Opens the database: as its writer, or, to serve beside a worker, for sessions and what people change.
fn open(place: &Place, role: Role) -> Result<Store, Failure> {
    if role == Role::Web {
        return Ok(place.open_to_write_or_beside()?.store().clone());
    }
    place.open_to_write().map_err(|mut failure| {
        if failure.exit == Exit::Storage && crate::place::is_worker(&failure.what) {
            failure.more = vec!["It keeps reading by itself; muster sync asks it for a reading at once.".to_owned()];
        }
        failure
    })
}

/// Where it listens, and what browsers call it.
pub(super) struct Listening {
    listener: TcpListener,
    tls: Option<server::Tls>,
    /// `https://muster.example.com`, without a path.
    origin: String,
    behind_proxy: bool,
    private_consoles: bool,
    private_provider: bool,
}

impl Listening {
    fn of(order: &Serve) -> Result<Listening, Failure> {
        let tls = order.tls_cert.clone().zip(order.tls_key.clone());
        let tls = tls.map(|(certificate, key)| server::Tls { certificate, key });
        let named = order.public_url.as_deref().map(origin).transpose()?;
        if tls.is_none() && named.is_none() && !order.listen.ip().is_loopback() {
            return Err(Failure::usage(format!(
                "listening on {} without TLS would show passwords to the network",
                order.listen
            ))
            .with(
                "Give --tls-cert and --tls-key; or listen on 127.0.0.1 behind a proxy and name it by --public-url.",
            ));
        }
        let (listener, at) = bind(order.listen)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let behind_proxy = named.is_some() && tls.is_none();
        let origin = named.unwrap_or_else(|| format!("{scheme}://{at}"));
        let (private_consoles, private_provider) = (order.allow_private_consoles, order.allow_private_provider);
        Ok(Listening { listener, tls, origin, behind_proxy, private_consoles, private_provider })
    }

    /// On this machine alone, for consoles that are on it too. Without an address: the usual one, or a free port.
    pub(super) fn near(at: Option<SocketAddr>) -> Result<Listening, Failure> {
        let (listener, at) = match at {
            Some(at) if !at.ip().is_loopback() => {
                return Err(Failure::usage(format!(
                    "a demo is served to this machine only, and {at} is for others too"
                ))
                .with("Such as --listen 127.0.0.1:8081."));
            }
            Some(at) => bind(at)?,
            None => bind(USUAL).or_else(|_| bind(SocketAddr::new(USUAL.ip(), 0)))?,
        };
        let origin = format!("http://{at}");
        Ok(Listening {
            listener,
            tls: None,
            origin,
            behind_proxy: false,
            private_consoles: true,
            private_provider: true,
        })
    }

    /// What browsers call it: `http://127.0.0.1:8080`.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    fn settings(&self) -> server::Settings {
        server::Settings {
            secure: self.origin.starts_with("https://"),
            behind_proxy: self.behind_proxy,
            private_consoles: self.private_consoles,
            ..server::Settings::default()
        }
    }
}

fn bind(at: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = TcpListener::bind(at).and_then(|listener| listener.local_addr().map(|at| (listener, at)));
    bound.map_err(|error| {
        let what = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("port {} of {} is in use by another program, perhaps another muster", at.port(), at.ip())
            }
            _ => format!("listening on {at} failed: {error}"),
        };
        let (next, free) = (SocketAddr::new(at.ip(), at.port().wrapping_add(1)), SocketAddr::new(at.ip(), 0));
        Failure::new(Exit::Storage, what).with(format!(
            "End that one, or choose another address: --listen {next}; --listen {free} takes a free one and says which."
        ))
    })
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

fn served(error: &server::ServeError) -> Failure {
    match error {
        server::ServeError::Tls { .. } => {
            Failure::usage(error.to_string()).with("Both are PEM files; the certificate is followed by its chain.")
        }
        server::ServeError::Listen(_) => Failure::new(Exit::Storage, crate::failure::chain(error)),
    }
}

/// Resolves when the process is asked to end.
pub(super) fn signals() -> Result<impl Future<Output = ()>, Failure> {
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
pub(super) fn host() -> String {
    let named = ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let named = named.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let name = named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "this machine".to_owned())
}

/// What the log says of an event: a reading has told of itself.
fn tell(event: &Event) {
    match event {
        Event::IntegrationFinished { integration, state, detail, .. } => {
            let words = state.word().replace('_', " ");
            let detail = if detail.is_empty() { String::new() } else { format!(": {}", sentence(detail)) };
            if *state == IntegrationState::Connected {
                tracing::info!(target: LOG, %integration, "{integration} is {words}{detail}");
            } else {
                tracing::warn!(target: LOG, %integration, "{integration} is {words}{detail}");
            }
        }
        Event::Notice { integration, what } if integration.is_empty() => tracing::warn!(target: LOG, "{what}"),
        Event::Notice { integration, what } => tracing::warn!(target: LOG, %integration, "{integration}: {what}"),
        _ => {}
    }
}
