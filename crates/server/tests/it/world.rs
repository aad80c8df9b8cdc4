//! Two organizations with machines of their own, people of every role, and the service on a port of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use access::{Begun, Http, Keyring, Membership, NewApiToken, Origin, Reach, Role};
use jobs::World as Surroundings;
use kernel::{Clock, OrgId, PersonId, Random, Secret, Timestamp};
use sentinelone::Transport;
use server::{App, Settings};
use store::{Slice, Store};
use sync::import::fields::Mapping;
use sync::import::{FILE_BYTES_MAX, Format, Order};
use testkit::Database;
use tokio::sync::oneshot;

pub const SLICES: &[Slice] = &[access::SLICE, signals::SLICE, inventory::SLICE, sync::SLICE];

/// When it is: 2026-11-21T03:00:00Z.
pub const START: Timestamp = Timestamp::from_seconds(1_795_230_000);

/// A word that only the first organization has, in every name that it can give.
pub const CANARY: &str = "kanarienvogel";

/// What hostile people call their machine.
pub const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// Machines of the first organization: more than a page of its list holds.
pub const MACHINES: usize = 60;

pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub app: App,
    pub address: SocketAddr,
    runtime: tokio::runtime::Runtime,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl World {
    /// The service over an empty database.
    pub fn empty(database: &Database) -> World {
        World::asking(database, Transport::InProcess(Arc::new(|_| panic!("nothing here asks a console"))))
    }

    /// The service over an empty database, and consoles behind a transport.
    pub fn asking(database: &Database, transport: Transport) -> World {
        let http = Http::new(|_| async { panic!("nothing here asks an identity provider") });
        World::with(database, (transport, http), Settings::default())
    }

    /// The service over an empty database, with what it asks and what was decided at its start.
    pub fn with(database: &Database, asks: (Transport, Http), settings: Settings) -> World {
        let clock = Clock::manual(START);
        let store = database.open(SLICES);
        let surroundings = Surroundings::real_with(clock.clone(), Random::seeded(7));
        let app = App::new(store.clone(), surroundings, ring(), asks, settings);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = app.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let stopped = async move { drop(stopped.await) };
            runtime.block_on(server::serve(&served, listener, None, stopped)).unwrap();
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        World { store, clock, app, address, runtime, stop: Some(stop), thread: Some(thread) }
    }

    /// Two organizations, Ada administers the first and Ben the second.
    pub fn new(database: &Database) -> World {
        let world = World::empty(database);
        let ada = world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
        let ben = world.write(|tx| access::add_person(tx, &mail("ben"), "Ben", START));
        let other = world.write(move |tx| access::create_org(tx, "Acme Retail", ben, "ada", START));
        assert_eq!((ada.0, other), (1, OrgId(2)));
        world.import(OrgId::DEFAULT, &format!("{CANARY}-list"), &format!("{CANARY}-site"), &machines());
        world.import(other, "list", "Shop", "name,serial,mac\nTILL1,SN-77,02:00:00:00:77:01\n");
        world
    }

    pub fn import(&self, org: OrgId, source: &str, site: &str, text: &str) {
        let scratch = tempfile::tempfile().unwrap();
        let mapping = Mapping::parse(&[]).unwrap();
        let draft = sync::import::read(Format::Csv, mapping, text.as_bytes(), scratch, FILE_BYTES_MAX).unwrap();
        let order = Order { source: source.to_owned(), site: Some(site.to_owned()), accept_removals: false };
        let told = |_: &sync::Event| {};
        let imported = sync::import::import(&self.store, &self.app.world, org, "test", &order, draft, &told);
        self.runtime.block_on(imported).unwrap();
    }

    /// Where what consoles send is read for an organization.
    pub fn place(&self, org: OrgId) -> sync::Place<'_> {
        let App { keys, transport, world, .. } = &self.app;
        sync::Place { store: &self.store, world, org, keys, transport, who: "test" }
    }

    /// Waits for a story.
    pub fn run<T>(&self, story: impl Future<Output = T>) -> T {
        self.runtime.block_on(story)
    }

    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut store::Tx<'_>) -> Result<T, access::AccessError> + Send + 'static,
    ) -> T {
        self.store.write_blocking(work).unwrap()
    }

    /// Somebody with these roles.
    pub fn person(&self, login: &'static str, roles: &[(OrgId, Role)]) -> PersonId {
        let roles = roles.to_vec();
        self.write(move |tx| {
            let who = access::add_person(tx, &mail(login), login, START)?;
            for (org, role) in roles {
                access::set_member(tx, org, who, role, "ada", START)?;
            }
            Ok(who)
        })
    }

    /// The cookie of somebody who signs in; from then on they look at `org`.
    pub fn cookie(&self, login: &'static str, org: OrgId) -> String {
        let now = self.clock.now();
        let token = self.write(move |tx| {
            let origin = Origin { address: "192.0.2.1".to_owned(), agent: String::new() };
            let Begun::Try(attempt) = access::begin_sign_in(tx, &mail(login), &origin, now)? else {
                panic!("{login} waits")
            };
            let signed_in = access::finish_sign_in(tx, &attempt, true, &Random::secret_bytes(), now)?.unwrap();
            let session = access::session(tx, signed_in.token.expose(), &access::Lifetimes::default(), now)?.unwrap();
            let orgs: Vec<Membership> = access::memberships(tx, session.person)?;
            if orgs.iter().any(|of| of.org == org) {
                access::switch_org(tx, &session, org)?;
            }
            Ok(signed_in.token)
        });
        format!("muster={}", token.expose())
    }

    /// A token of a program.
    pub fn token(&self, org: OrgId, who: PersonId, role: Role) -> Secret {
        let now = self.clock.now();
        let expires_at = now.plus_seconds(3600);
        let new = NewApiToken { name: "a program".to_owned(), role, reach: Reach::Read, expires_at };
        self.write(move |tx| Ok(access::create_api_token(tx, org, who, &new, &Random::secret_bytes(), now)?.0))
    }

    pub fn get(&self, path: &str, cookie: &str) -> Reply {
        self.send("GET", path, &[("cookie", cookie)], "")
    }

    /// Sends a form, as a page of ours does.
    pub fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Reply {
        let body = server::address("", fields);
        let origin = format!("http://{}", self.address);
        let headers = [("cookie", cookie), ("content-type", "application/x-www-form-urlencoded"), ("origin", &origin)];
        self.send("POST", path, &headers, body.trim_start_matches('?'))
    }

    /// Sends a request over a connection of its own. HTTP/1.0 knows no chunks, so the body is what comes.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut connection = TcpStream::connect(self.address).unwrap();
        let mut head = format!("{method} {path} HTTP/1.0\r\nhost: {}\r\n", self.address);
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            head += &format!("content-length: {}\r\n", body.len());
        }
        connection.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // A server that refuses a long body closes before it is all sent.
        let _ = connection.write_all(body.as_bytes());
        let mut bytes = Vec::new();
        let _ = connection.read_to_end(&mut bytes);
        Reply::read(&bytes)
    }

    /// The token that the forms of a page carry.
    pub fn csrf(&self, cookie: &str) -> String {
        let page = self.get("/", cookie).body;
        let from = page.find("name=\"csrf\" content=\"").expect("a page has a token") + 21;
        page[from..].split('"').next().unwrap().to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the service ends in order");
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    fn read(bytes: &[u8]) -> Reply {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Reply { status, headers, body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        let all = self.headers.iter().filter(|(known, _)| known == "set-cookie");
        all.filter_map(|(_, line)| line.split(';').next()).find(|pair| pair.starts_with(name)).map(str::to_owned)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// The login of somebody.
pub fn mail(name: &str) -> String {
    format!("{name}@acme.example")
}

pub fn ring() -> Keyring {
    let key = "0".repeat(63) + "1";
    let nowhere = tempfile::tempdir().unwrap();
    Keyring::load(&|name| (name == access::KEY_VARIABLE).then(|| key.clone().into()), nowhere.path()).unwrap()
}

fn machines() -> String {
    let mut text = String::from("name,serial,mac,os\n");
    for at in 0..MACHINES {
        let name = match at {
            0 => format!("{HOSTILE}{CANARY}"),
            1 => "=HYPERLINK(\"http://evil.example\")".replace('"', "\"\""),
            _ => format!("{CANARY}-{at:03}"),
        };
        let os = if at % 2 == 0 { "Windows 11" } else { "Debian 13" };
        text += &format!("\"{name}\",SN-{CANARY}-{at},02:00:00:00:01:{at:02x},{os}\n");
    }
    text
}
