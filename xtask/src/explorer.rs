//! `cargo xtask explorer`: a server and an Explorer in two network namespaces, the console beside the Explorer; the link between
//! them is cut for a minute in the middle of a sync.
//!
//! In the end the server has what a direct reading has, each page once; and neither its database nor its memory ever held the
//! token that the Explorer keeps. It needs root and `ip netns`; where they are not to be had it says so and is skipped.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use kernel::{CredentialId, OrgId, Random};
use sentinelone::{Console, Transport, TransportError};
use store::{Access, DatabaseUrl, Slice, Store};
use sync::explorers::{self, At};
use testkit::TestDir;

use crate::ExplorerOptions as Options;
use crate::running::Running;

const SLICES: &[Slice] = &[access::SLICE, signals::SLICE, inventory::SLICE, sync::SLICE];

/// Where the server listens, in a network that only the two share.
const SERVER: &str = "10.231.77.1";
const INSIDE: &str = "10.231.77.2";
const PORT: u16 = 8443;
/// Where the console listens: on the Explorer's own loopback, which nobody else reaches.
const CONSOLE: &str = "127.0.0.1:9400";

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// How often it is looked whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many pages are stored before the link is cut.
const PAGES_BEFORE: i64 = 12;
/// How much of a process's memory is looked at once.
const CHUNK: usize = 4 * 1024 * 1024;

/// Two network namespaces with a pair of wires between them; they go with this value.
struct Nets {
    server: String,
    inside: String,
    wire: String,
}

impl Nets {
    /// The namespaces, or why there are none.
    fn new() -> Result<Nets, String> {
        let id = std::process::id();
        let nets = Nets {
            server: format!("muster-server-{id}"),
            inside: format!("muster-inside-{id}"),
            wire: format!("mst{}", id % 100_000_000),
        };
        let (wire, other) = (format!("{}s", nets.wire), format!("{}i", nets.wire));
        ip(&["netns", "add", &nets.server])?;
        ip(&["netns", "add", &nets.inside])?;
        ip(&[
            "link",
            "add",
            &wire,
            "netns",
            &nets.server,
            "type",
            "veth",
            "peer",
            "name",
            &other,
            "netns",
            &nets.inside,
        ])?;
        for (net, wire, address) in [(&nets.server, &wire, SERVER), (&nets.inside, &other, INSIDE)] {
            ip(&["-n", net, "link", "set", "lo", "up"])?;
            ip(&["-n", net, "address", "add", &format!("{address}/30"), "dev", wire])?;
            ip(&["-n", net, "link", "set", wire, "up"])?;
        }
        Ok(nets)
    }

    /// Cuts the link, or mends it.
    fn link(&self, up: bool) -> anyhow::Result<()> {
        let state = if up { "up" } else { "down" };
        ip(&["-n", &self.server, "link", "set", &format!("{}s", self.wire), state]).map_err(anyhow::Error::msg)
    }

    fn command(net: &str, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", net]).arg(program);
        command
    }
}

impl Drop for Nets {
    fn drop(&mut self) {
        for net in [&self.server, &self.inside] {
            let _ = ip(&["netns", "delete", net]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let told = Command::new("ip").args(arguments).output().map_err(|error| format!("there is no ip: {error}"))?;
    match told.status.success() {
        true => Ok(()),
        false => Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&told.stderr).trim())),
    }
}

/// Runs it, and says what came of it.
#[expect(clippy::disallowed_methods, reason = "other processes are waited for in the machine's own time")]
pub fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let nets = match Nets::new() {
        Ok(nets) => nets,
        Err(why) => {
            println!("skipped: two network namespaces cannot be made here ({why}); it takes root and iproute2");
            return Ok(());
        }
    };
    let muster = match &options.binary {
        Some(file) => file.clone(),
        None => {
            let mut build = Command::new("cargo");
            build.args(["build", "--package", "muster"]).current_dir(root);
            ensure!(build.status()?.success(), "the program does not build");
            root.join("target/debug/muster")
        }
    };
    let folder = TestDir::new();
    let there = |name: &str| folder.join(name);
    let token = sentinelone_sim::tokens::GLOBAL;

    println!("a console of {} endpoints, inside", options.endpoints);
    let mut console = Nets::command(&nets.inside, &muster);
    console.args(["simulate", "--listen", CONSOLE, "--quiet", "--freeze", "start", "--start", "2026-11-21T03:00:00Z"]);
    console.args(["--page-max", "100", "--endpoints", &options.endpoints.to_string()]);
    let _console = started(&mut console, &there("console.log"), "answers at")?;

    println!("a direct reading, to compare with");
    let direct = there("direct");
    let inside = |data: &Path, arguments: &[&str]| {
        let mut command = Nets::command(&nets.inside, &muster);
        command.args(arguments).arg("--data-dir").arg(data).arg("--no-progress");
        command
    };
    let url = format!("http://{CONSOLE}");
    fed(&mut inside(&direct, &["connect", &url, "--name", "acme", "--token-stdin"]), token)?;
    ensure!(
        inside(&direct, &["sync", "--json"]).stdout(Stdio::null()).status()?.success(),
        "the direct reading failed"
    );

    println!("a server, outside, and an Explorer, inside");
    let data = there("server");
    std::fs::create_dir_all(&data)?;
    let database = DatabaseUrl::Sqlite(data.join("muster.db"));
    let (id, ticket) = {
        let store = Store::open(&database, Access::Writer, SLICES)?;
        let now = kernel::Clock::System.now();
        store.write_blocking(move |tx| {
            explorers::create(tx, OrgId::DEFAULT, "inside", &Random::secret_bytes(), "xtask", now)
        })?
    };
    let (certificate, key) = certificate(&folder)?;
    let mut serve = Nets::command(&nets.server, &muster);
    serve.args(["serve", "--listen", &format!("{SERVER}:{PORT}")]);
    serve.arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key).arg("--data-dir").arg(&data);
    let server = started(&mut serve, &there("server.log"), "listening on")?;
    let explorer_data = there("explorer");
    let mut explorer = inside(&explorer_data, &["explorer", "--server", &format!("https://{SERVER}:{PORT}")]);
    std::fs::write(there("ticket"), ticket.expose())?;
    explorer.arg("--token-file").arg(there("ticket")).arg("--ca-file").arg(&certificate);
    let _explorer = started(&mut explorer, &there("explorer.log"), "connected")?;
    fed(&mut inside(&explorer_data, &["explorer", "credential", "add", "acme"]), &format!("{url}\n{token}\n"))?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(connected(&database, &data, id, &url))?;
    let store = Store::open(&database, Access::Reader, SLICES)?;
    waited(
        "the first pages",
        || Ok(number(&store, "SELECT COALESCE(sum(pages), 0) FROM sync_sweep")? >= PAGES_BEFORE),
    )?;
    ensure!(!is_complete(&store)?, "it was over before it could be cut; take more endpoints");
    let before = number(&store, "SELECT COALESCE(sum(pages), 0) FROM sync_sweep")?;
    println!("{before} pages are stored; the link is cut for {} s", options.cut);
    nets.link(false)?;
    std::thread::sleep(Duration::from_secs(options.cut));
    let meanwhile = number(&store, "SELECT COALESCE(sum(pages), 0) FROM sync_sweep")?;
    println!("{} more were stored while it was cut", meanwhile - before);
    ensure!(!is_complete(&store)?, "it was over although the link was cut");
    nets.link(true)?;
    let mended = Instant::now();
    waited("the rest", || is_complete(&store))?;
    println!("everything is complete {:.0} s after the link was mended", mended.elapsed().as_secs_f64());

    let expected = counted(&Store::open(&DatabaseUrl::Sqlite(direct.join("muster.db")), Access::Reader, SLICES)?)?;
    let found = counted(&store)?;
    println!("{} streams, {} records", found.len(), found.iter().map(|(_, count)| count).sum::<i64>());
    ensure!(
        found == expected,
        "what came through the Explorer is not what a direct reading has:\n{found:?}\n{expected:?}"
    );
    let twice = number(
        &store,
        "SELECT count(*) FROM (SELECT 1 FROM signals_artifact GROUP BY artifact_id HAVING count(*) > 1) AS twice",
    )?;
    ensure!(twice == 0, "{twice} versions are in the log twice");

    let (bytes, hits) = memory_holds(server.0.id(), token.as_bytes())?;
    let (_, control) = memory_holds(server.0.id(), b"127.0.0.1:9400")?;
    println!("{} MB of the server's memory were looked through", bytes / 1_000_000);
    ensure!(control > 0, "the look through the memory found not even the console's address, so it proves nothing");
    ensure!(hits == 0, "the server's memory holds the token {hits} times");
    for entry in std::fs::read_dir(&data)? {
        let path = entry?.path();
        if path.is_file() {
            let held = std::fs::read(&path)?.windows(token.len()).any(|part| part == token.as_bytes());
            ensure!(!held, "{} holds the token", path.display());
        }
    }
    println!("nothing was lost, nothing is there twice, and the server never had the token");
    Ok(())
}

/// Connects the console through the Explorer, with the token that it keeps.
async fn connected(database: &DatabaseUrl, data: &Path, id: kernel::ExplorerId, url: &str) -> anyhow::Result<()> {
    let store = Store::open(database, Access::Beside, SLICES)?;
    let world = jobs::World::real();
    let keys = access::Keyring::load(&|_| None, data)?;
    let nowhere = Transport::InProcess(std::sync::Arc::new(|_| {
        Box::pin(std::future::ready(Err(TransportError::Other { reason: "no route from here".to_owned() })))
    }));
    let known = store.read(|tx| access::credentials(tx, OrgId::DEFAULT, None)).await?.usable;
    let credential: CredentialId = known.first().context("the server was told of the credential")?.id;
    let place = sync::Place {
        store: &store,
        world: &world,
        org: OrgId::DEFAULT,
        keys: &keys,
        transport: &nowhere,
        who: "xtask",
    };
    let order = sync::Connect {
        credential: Some(credential),
        at: At { explorer: Some(id), sealed: None },
        name: Some("acme".to_owned()),
        ..sync::Connect::new(Console::parse(url)?, sync::open_token(place, credential).await?)
    };
    sync::connect(place, order).await?;
    Ok(())
}

/// Starts a program and waits until it says a word.
fn started(command: &mut Command, log: &Path, word: &str) -> anyhow::Result<Running> {
    let told = std::fs::File::create(log)?;
    let child = command.stdin(Stdio::null()).stdout(told.try_clone()?).stderr(told).spawn()?;
    let mut running = Running(child);
    waited(word, || {
        if let Some(ended) = running.0.try_wait()? {
            bail!("it ended ({ended}): {}", std::fs::read_to_string(log)?);
        }
        let lines = BufReader::new(std::fs::File::open(log)?).lines();
        Ok(lines.map_while(Result::ok).any(|line| line.contains(word)))
    })?;
    Ok(running)
}

/// Runs a program that reads something.
fn fed(command: &mut Command, text: &str) -> anyhow::Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("a pipe")?.write_all(text.as_bytes())?;
    ensure!(child.wait()?.success(), "{command:?} failed");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "other processes are waited for")]
fn waited(what: &str, mut is: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let began = Instant::now();
    while !is()? {
        ensure!(began.elapsed() < PATIENCE, "{what}: not within {} minutes", PATIENCE.as_secs() / 60);
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// A certificate for the server's address, and its key.
fn certificate(folder: &TestDir) -> anyhow::Result<(PathBuf, PathBuf)> {
    let made = rcgen::generate_simple_self_signed(vec![SERVER.to_owned()])?;
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    Ok((certificate, key))
}

fn number(store: &Store, sql: &'static str) -> anyhow::Result<i64> {
    Ok(store.read_blocking::<_, store::StoreError, _>(move |tx| tx.query_one(sql, &[], |row| row.int(0)))?)
}

/// Whether every stream was complete once, or is not available.
fn is_complete(store: &Store) -> anyhow::Result<bool> {
    let open = number(
        store,
        "SELECT count(*) FROM sync_stream WHERE COALESCE(status, '') NOT IN ('complete', 'not_available')",
    )?;
    let known = number(store, "SELECT count(*) FROM sync_stream WHERE stream NOT LIKE '%.backfill'")?;
    Ok(open == 0 && known >= i64::try_from(sync::STREAMS.len())?)
}

/// How many records each stream has.
fn counted(store: &Store) -> anyhow::Result<Vec<(String, i64)>> {
    const COUNT: &str = "SELECT stream, count(*) FROM inventory_source_record WHERE state = 'present' \
        GROUP BY stream ORDER BY stream";
    Ok(store.read_blocking::<_, store::StoreError, _>(|tx| {
        tx.query(COUNT, &[], |row| Ok((row.text(0)?.to_owned(), row.int(1)?)))
    })?)
}

/// How much memory a process has that can be read, and how often it holds a text.
fn memory_holds(process: u32, text: &[u8]) -> anyhow::Result<(u64, usize)> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps"))?;
    let mut memory = std::fs::File::open(format!("/proc/{process}/mem"))?;
    let (mut bytes, mut hits) = (0, 0);
    let mut chunk = vec![0; CHUNK + text.len()];
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        // The program itself holds the simulated console's tokens; what is written to is what it was told.
        if !rights.starts_with("rw") || line.ends_with("[vvar]") {
            continue;
        }
        let (from, to) = range.split_once('-').context("a range")?;
        let (from, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        let mut at = from;
        while at < to {
            let size = usize::try_from((to - at).min(CHUNK as u64))?;
            // A piece more, so that no text is missed between two chunks.
            let over = text.len().min(usize::try_from(to - at)? - size);
            let part = &mut chunk[..size + over];
            memory.seek(SeekFrom::Start(at))?;
            if memory.read_exact(part).is_ok() {
                hits += part.windows(text.len()).filter(|window| *window == text).count();
                bytes += size as u64;
            }
            at += size as u64;
        }
    }
    Ok((bytes, hits))
}
