#![doc = include_str!("../README.md")]

mod account;
mod around;
mod assets;
mod audit;
mod connection;
mod credentials;
mod edit;
mod explorers;
mod fence;
mod fields;
mod findings;
mod guard;
mod help;
mod integrations;
mod inventories;
mod kept;
mod link;
mod listen;
mod listing;
mod machine;
mod metrics;
mod openapi;
mod overview;
mod past;
mod people;
mod policies;
mod problem;
mod rate;
mod respond;
mod route;
mod scans;
mod settings;
mod signals;
mod sites;
mod tasks;
mod visitor;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use access::{Http, Keyring, Lifetimes, Permission};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use jobs::World;
use kernel::{OrgId, Random, Secret};
use sentinelone::Transport;
use store::Store;
use tokio::sync::{Mutex, Semaphore};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use ui::Place;

use crate::kept::Kept;

pub use around::{POLLS_AT_ONCE, REQUEST_TIME, REQUESTS_AT_ONCE};
pub use fence::{provider_fence, vault_fence};
pub use fields::{Asked, Fields, Sent, address};
pub use guard::BODY_BYTES_MAX;
pub use help::{guide_part, trouble_page};
pub use listen::{CONNECTIONS_MAX, HEADER_TIME, Limits, SEND_TIME, STOP_TIME, ServeError, Tls, serve};
pub use metrics::{Gauges, Lag, Metrics};
pub use openapi::{Operation, Parameter, Shape};
pub use problem::{Mistake, Problem, ProblemBody};
pub use rate::{EXPORT_COST, REQUESTS_A_MINUTE};
pub use respond::{page as html, see_other, see_other_saying, tagged};
pub use route::{API, Kind, Route, Who, api, form, page, plain, remote};
pub use visitor::{Caller, HalfWay, Visitor};

/// Passwords that are worked on at once: each takes a processor and 19 MiB for tens of milliseconds.
const PASSWORDS_AT_ONCE: usize = 2;

/// What every handler has at hand; clones share it.
#[derive(Clone)]
pub struct App {
    /// The database, opened as the writer.
    pub store: Store,
    /// Clock, sleep, spawn and chance.
    pub world: World,
    /// The keys that open and seal credentials.
    pub keys: Arc<Keyring>,
    /// How consoles are reached.
    pub transport: Transport,
    /// How the identity provider is asked.
    pub http: Http,
    /// What was decided at the start.
    pub settings: Arc<Settings>,
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// The process is about to end: who waits for something goes.
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) places: Arc<Semaphore>,
    /// Explorers wait in places of their own, and leave those of people free.
    pub(crate) polls: Arc<Semaphore>,
    pub(crate) passwords: Arc<Semaphore>,
    pub(crate) rates: Arc<rate::Rates>,
    pub(crate) past: Arc<past::Past>,
    pub(crate) counts: Arc<Kept<OrgId, overview::Counts>>,
    pub(crate) totals: Arc<inventories::Totals>,
    pub(crate) logged: Arc<signals::Logged>,
    /// What the identity provider said of itself, or that it said nothing, and when.
    pub(crate) discovered: Arc<Mutex<Option<people::provider::Kept>>>,
}

/// What is decided at the start.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Browsers reach this server by https, here or at a proxy before it: cookies are then for https alone.
    pub secure: bool,
    /// A proxy on this machine stands before it, so the last address of `X-Forwarded-For` is whom it saw.
    pub behind_proxy: bool,
    /// Consoles may stand inside a private network, or on this machine. Whoever may connect one could make this server
    /// look around there, so it is said at the start.
    pub private_consoles: bool,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// How long clients may take, and how many there may be.
    pub limits: Limits,
}

impl Settings {
    /// The name of the session's cookie. With the prefix, browsers take it from this very host by https only; they do not
    /// keep such a cookie of a plain connection, not even of this machine, so there it goes without.
    #[must_use]
    pub fn cookie(&self) -> &'static str {
        if self.secure { "__Host-muster" } else { "muster" }
    }
}

impl App {
    /// A service over an open database.
    #[must_use]
    pub fn new(
        store: Store,
        world: World,
        keys: Keyring,
        (transport, http): (Transport, Http),
        settings: Settings,
    ) -> App {
        let Limits { requests, polls, large, .. } = settings.limits;
        App {
            store,
            world,
            keys: Arc::new(keys),
            transport,
            http,
            settings: Arc::new(settings),
            metrics: Arc::new(Metrics::default()),
            stopping: Arc::default(),
            places: Arc::new(Semaphore::new(requests)),
            polls: Arc::new(Semaphore::new(polls)),
            passwords: Arc::new(Semaphore::new(PASSWORDS_AT_ONCE)),
            rates: Arc::default(),
            past: Arc::default(),
            counts: Kept::new(overview::Counts::rows, large),
            totals: Kept::new(inventories::Total::of, large),
            logged: Kept::new(signals::Counted::rows, large),
            discovered: Arc::default(),
        }
    }
}

impl App {
    /// Whether consoles may stand inside a private network: said at the start, or chosen by who manages the installation. Where
    /// the database does not answer, they may not.
    pub(crate) async fn private_consoles(&self) -> bool {
        self.settings.private_consoles || self.store.read(access::consoles_may_be_private).await.unwrap_or(false)
    }

    /// Whether the process is about to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Every route there is. An area adds its own here and nowhere else.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut all = machine::routes();
    all.extend(people::routes());
    all.extend(account::routes());
    all.extend(audit::routes());
    all.extend(sites::routes());
    all.extend(settings::routes());
    all.extend(help::routes());
    all.extend(overview::routes());
    all.extend(assets::routes());
    all.extend(findings::routes());
    all.extend(policies::routes());
    all.extend(signals::routes());
    all.extend(inventories::routes());
    all.extend(integrations::routes());
    all.extend(tasks::routes());
    all.extend(scans::routes());
    all.extend(credentials::routes());
    all.extend(explorers::routes());
    all.extend(link::routes());
    all
}

/// The routes behind their guards, and around them what is around every request.
pub fn router(app: &App) -> Router {
    let mut router: Router<App> = Router::new();
    for route in routes() {
        let asks = route.operation.as_ref().map(Operation::asks);
        let gate = guard::Gate { app: app.clone(), who: route.who, kind: route.kind, asks };
        let handler = match route.bytes_max {
            BODY_BYTES_MAX => route.handler,
            more => route.handler.layer(DefaultBodyLimit::max(more)),
        };
        let handler = handler.route_layer(from_fn_with_state(Arc::new(gate), guard::pass));
        router = router.route(&route.path, handler);
    }
    router
        .layer(CatchPanicLayer::custom(around::panicked))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(app.clone(), around::around))
        .layer(CompressionLayer::new())
        .with_state(app.clone())
}

/// The token of the first set-up's link, once for each start, until there is a person: `/set-up?token=..`.
///
/// # Errors
/// The database refuses.
pub async fn begin_set_up(app: &App) -> Result<Option<Secret>, access::AccessError> {
    let (fresh, now) = (Random::secret_bytes(), app.world.now());
    app.store.write(move |tx| access::begin_set_up(tx, &fresh, now)).await
}

/// The address of the first set-up.
#[must_use]
pub fn set_up_address(origin: &str, token: &Secret) -> String {
    format!("{}{}", origin.trim_end_matches('/'), address(people::SET_UP, &[("token", token.expose())]))
}

/// The places of the navigation that there are routes to, and what each needs.
pub(crate) fn places() -> &'static [(Place, Permission)] {
    static PLACES: LazyLock<Vec<(Place, Permission)>> = LazyLock::new(|| {
        let routes = routes();
        let needs = |place: &Place| {
            let found = routes.iter().find(|route| route.kind == Kind::Page && route.path == place.path());
            match found?.who {
                Who::May(permission) => Some((*place, permission)),
                _ => None,
            }
        };
        Place::ALL.iter().filter_map(needs).collect()
    });
    &PLACES
}
