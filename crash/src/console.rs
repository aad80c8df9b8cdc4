//! The console that never dies: it answers over HTTP, remembers everything it issued, and can hold an answer back.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use sentinelone_sim::{Config, World};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// When every console here begins: far away, so that no token ends meanwhile.
const START: i64 = 4_102_444_800_000_000;

/// How deep objects are looked for in an answer: a record is at most five levels below the answer, in GraphQL.
const LEVELS_MAX: usize = 6;

/// Where an answer may be held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Nowhere.
    Nowhere,
    /// After the n-th request from now has arrived, before it is answered.
    BeforeAnswer(u64),
    /// After half of the n-th body from now was sent.
    MidBody(u64),
}

/// SHA-256 of a record's redacted bytes.
pub type Hash = [u8; 32];

/// What a console issued.
#[derive(Default)]
pub struct Issued {
    /// Every object of every answer.
    objects: HashSet<Hash>,
    /// The bodies that were taken apart already.
    bodies: HashSet<Hash>,
    /// The latest form of every record that was issued since [`Console::look_anew`], by stream and id.
    pub latest: BTreeMap<(&'static str, String), Hash>,
}

impl Issued {
    /// Whether a record whose bytes have this hash was ever issued.
    pub fn knows(&self, raw: &Hash) -> bool {
        self.objects.contains(raw)
    }
}

/// A simulated console on a port of its own.
#[derive(Clone)]
pub struct Console {
    /// The console itself, for changes.
    pub world: World,
    /// Its address.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    clock: AtomicI64,
    issued: Mutex<Issued>,
    hold: Mutex<Hold>,
    requests: AtomicU64,
    /// An answer is being held back.
    holds: AtomicBool,
    ended: AtomicBool,
}

/// Which stream a list belongs to, by the end of its path.
const LISTS: &[(&str, &str)] = &[
    ("/accounts", "accounts"),
    ("/sites", "sites"),
    ("/groups", "groups"),
    ("/agents", "agents"),
    ("/threats", "threats"),
    ("/activities", "activities"),
    ("/users", "users"),
    ("/service-users", "service_users"),
    ("/exclusions", "exclusions"),
    ("/restrictions", "restrictions"),
];

impl Console {
    /// Starts it.
    pub fn start(seed: u64, endpoints: usize, activities: usize, page_max: usize) -> std::io::Result<Console> {
        let shared = Arc::new(Shared {
            clock: AtomicI64::new(START),
            issued: Mutex::default(),
            hold: Mutex::new(Hold::Nowhere),
            requests: AtomicU64::new(0),
            holds: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let clock = Arc::clone(&shared);
        let mut config = Config::new(seed, endpoints, Arc::new(move || clock.clock.load(Ordering::Relaxed)));
        config.activities = Some(activities);
        config.page_max = page_max;
        let world = World::new(config);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let console = Console { world, url: format!("http://{}", listener.local_addr()?), shared };
        let served = console.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if served.shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let served = served.clone();
                // A connection that breaks concerns its client only, who was perhaps just killed.
                std::thread::spawn(move || drop(served.serve(&connection)));
            }
        });
        Ok(console)
    }

    /// Moves the console's clock on.
    pub fn pass_time(&self, micros: u64) {
        self.shared.clock.fetch_add(i64::try_from(micros).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Holds back an answer, or no longer.
    pub fn hold(&self, hold: Hold) {
        let mut held = self.lock(&self.shared.hold);
        *held = hold;
        self.shared.requests.store(0, Ordering::Relaxed);
        self.shared.holds.store(false, Ordering::Relaxed);
    }

    /// Whether an answer is being held back.
    pub fn holds(&self) -> bool {
        self.shared.holds.load(Ordering::Relaxed)
    }

    /// Forgets which form of a record was issued last; what was ever issued stays.
    pub fn look_anew(&self) {
        let mut issued = self.issued();
        issued.latest.clear();
        issued.bodies.clear();
    }

    /// What was issued.
    pub fn issued(&self) -> MutexGuard<'_, Issued> {
        self.lock(&self.shared.issued)
    }

    fn lock<'a, T>(&self, what: &'a Mutex<T>) -> MutexGuard<'a, T> {
        what.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the requests of one connection, one after the other.
    fn serve(&self, connection: &TcpStream) -> std::io::Result<()> {
        connection.set_nodelay(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let service = self.world.service();
        let mut reader = BufReader::new(connection.try_clone()?);
        let mut writer = connection;
        while let Some(request) = read_request(&mut reader)? {
            let path = request.uri().path().to_owned();
            let number = self.shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
            let hold = *self.lock(&self.shared.hold);
            if hold == Hold::BeforeAnswer(number) {
                self.wait();
            }
            let response = runtime.block_on(service(request)).map_err(std::io::Error::other)?;
            let (head, body) = response.into_parts();
            if head.status.is_success() {
                self.note(&path, &body);
            }
            let mut out = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", head.status, body.len()).into_bytes();
            for (name, value) in &head.headers {
                out.extend_from_slice(name.as_str().as_bytes());
                out.extend_from_slice(b": ");
                out.extend_from_slice(value.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"\r\n");
            let half = body.len() / 2;
            out.extend_from_slice(&body[..half]);
            writer.write_all(&out)?;
            if hold == Hold::MidBody(number) {
                self.wait();
            }
            writer.write_all(&body[half..])?;
        }
        Ok(())
    }

    /// Says that an answer is held back, and waits until nobody wants that any more.
    #[expect(clippy::disallowed_methods, reason = "the program under test is another process")]
    fn wait(&self) {
        self.shared.holds.store(true, Ordering::Relaxed);
        while self.shared.holds.load(Ordering::Relaxed) && !self.shared.ended.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Takes an answer apart as the client does: redacted first.
    fn note(&self, path: &str, body: &Bytes) {
        if !self.issued().bodies.insert(hash(body)) {
            return;
        }
        let Ok(body) = sentinelone::redact::redacted(body.clone(), None) else { return };
        let Ok(answer) = serde_json::from_slice::<&RawValue>(&body) else { return };
        let mut objects = Vec::new();
        collect(answer, 0, &mut objects);
        let stream = LISTS.iter().find(|(end, _)| path.ends_with(end)).map(|(_, stream)| *stream);
        let records = stream.map(|stream| (stream, records_of(answer, stream)));
        let mut issued = self.issued();
        issued.objects.extend(objects);
        if let Some((stream, records)) = records {
            issued.latest.extend(records.into_iter().map(|(id, hash)| ((stream, id), hash)));
        }
    }
}

/// Ends the console with its last handle that matters: the listener and held answers.
pub struct Ends(pub Console);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.shared.ended.store(true, Ordering::Relaxed);
        // The listener waits for somebody; this is somebody.
        drop(TcpStream::connect(self.0.url.trim_start_matches("http://")));
    }
}

/// SHA-256 of some bytes.
pub fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// The hashes of all objects in a piece of JSON.
fn collect(json: &RawValue, level: usize, into: &mut Vec<Hash>) {
    let text = json.get();
    if level > LEVELS_MAX {
        return;
    }
    if text.starts_with('{') {
        into.push(hash(text.as_bytes()));
        if let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) {
            fields.into_values().for_each(|field| collect(field, level + 1, into));
        }
    } else if text.starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text)
    {
        items.into_iter().for_each(|item| collect(item, level + 1, into));
    }
}

/// The records of a list with their ids.
fn records_of(answer: &RawValue, stream: &str) -> Vec<(String, Hash)> {
    let field = |json: &'_ str, name: &str| -> Option<String> {
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
        fields.get(name).map(|value| value.get().to_owned())
    };
    let mut data = field(answer.get(), "data").unwrap_or_default();
    if stream == "sites" {
        data = field(&data, "sites").unwrap_or_default();
    }
    let records: Vec<&RawValue> = serde_json::from_str(&data).unwrap_or_default();
    let id = |record: &RawValue| Some(field(record.get(), "id")?.trim_matches('"').to_owned());
    records.iter().filter_map(|record| Some((id(record)?, hash(record.get().as_bytes())))).collect()
}

/// Reads one request; `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Request<Bytes>>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { continue };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.trim_start()))
        {
            headers.append(name, value);
        }
    }
    let length = headers.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = method.parse().map_err(std::io::Error::other)?;
    *request.uri_mut() = target.parse().map_err(std::io::Error::other)?;
    *request.headers_mut() = headers;
    Ok(Some(request))
}
