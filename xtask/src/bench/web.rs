//! The service under many people's hands: how soon pages begin, what they weigh, how fast a file is written, what it holds
//! in memory, all while it reads a console.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::task::JoinSet;

use super::measure::resident_of;
use super::{Console, Folder, START, grouped, say, scale};
use crate::running::Running;

/// Assets of the estate that is looked at.
const ASSETS: u64 = 100_000;

/// People who look at pages at the same time, and how long each reads a page before asking for the next.
const PEOPLE: u64 = 50;
const READING: Duration = Duration::from_secs(1);

/// How many pages each of them opens.
const PAGES_EACH: usize = 40;

/// Endpoints of the console that is read meanwhile.
const ENDPOINTS: u32 = 20_000;

/// How long the service may take until it answers, and rests before its memory is read.
const PATIENCE: Duration = Duration::from_secs(30);
const REST: Duration = Duration::from_secs(5);

/// How often a service that starts is asked whether it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The lists, as people open them.
const LISTS: &[&str] = &[
    "/assets",
    "/assets?q=os%3Awindows+and+not+type%3Aserver+and+not+edr.name%3ASentinelOne",
    "/software",
    "/vulnerabilities",
    "/findings",
    "/signals",
    "/integrations",
    "/tasks",
    "/",
];

/// One line of the section: what, what came out, whether that is what was wanted.
struct Line(String, String, Option<(bool, &'static str)>);

/// Measures the service over an estate; answers the page's section.
pub fn run(root: &Path, muster: &Path) -> anyhow::Result<String> {
    let folder = root.join("target/bench-web");
    let work = Folder::new(&folder)?;
    let place = work.place(muster, "service", None);
    std::fs::create_dir_all(folder.join("service"))?;
    say(&format!("an estate of {} assets", grouped(ASSETS)));
    scale::fill(&place.url().parse()?, ASSETS)?;

    let mut lines = Vec::new();
    let console = Console::start(muster, ENDPOINTS, 100_000, START, None)?;
    let service = Service::start(place.command())?;
    lines.push(Line(
        "from its start until it is ready".to_owned(),
        format!("{} ms", service.ready.as_millis()),
        Some((service.ready < Duration::from_millis(300), "under 300 ms")),
    ));
    pause(REST);
    let idle = resident_of(service.process.0.id()).context("the service's memory")?;
    lines.push(Line(
        "memory at rest".to_owned(),
        format!("{} MB", idle / 1_000_000),
        Some((idle < 60_000_000, "under 60 MB")),
    ));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measured(&service, &console, &place, &mut lines))?;
    drop(service);

    let mut out = format!(
        "{} assets with their software and vulnerabilities in SQLite; {PEOPLE} people, each opening a page, reading it for \
         {} s and opening the next, while the service reads a console of {} endpoints for the first time. The people share \
         the machine's cores with the service.\n\n| What | | Goal | |\n|---|--:|--:|---|\n",
        grouped(ASSETS),
        READING.as_secs(),
        grouped(u64::from(ENDPOINTS)),
    );
    for Line(what, value, goal) in &lines {
        let (goal, met) = goal.map_or(("", ""), |(met, goal)| (goal, if met { "met" } else { "**not met**" }));
        let _ = writeln!(out, "| {what} | {value} | {goal} | {met} |");
    }
    Ok(out)
}

async fn measured(
    service: &Service,
    console: &Console,
    place: &super::Installation,
    lines: &mut Vec<Line>,
) -> anyhow::Result<()> {
    // Every client asks the process for one, also those that speak no TLS; a second one is refused and not missed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let cookie = service.signed_in(&client).await?;
    let get = |path: &str| client.get(format!("{}{path}", service.url)).header("cookie", &cookie);

    // Alone first, so that what many do to it can be told from what a page costs.
    for path in LISTS {
        let answer = get(path).header("accept-encoding", "gzip").send().await?;
        ensure!(answer.status().is_success(), "GET {path} answered {}", answer.status());
    }
    let weight = weight(&get).await?;
    lines.push(Line(
        "the heaviest list, gzip, with stylesheet and scripts".to_owned(),
        format!("{} kB", weight / 1000),
        Some((weight <= 100_000, "at most 100 kB")),
    ));

    say("an export");
    let before = resident_of(service.process.0.id()).context("the service's memory")?;
    let (rows, seconds, peak) = export(service, &get).await?;
    let rate = rows as f64 / seconds;
    lines.push(Line(
        format!("`GET /assets/export.csv`, nobody else there: {} rows", grouped(rows)),
        format!("{} rows/s", grouped(rate as u64)),
        Some((rate >= 50_000.0, "at least 50,000 rows/s")),
    ));
    let grown = peak.saturating_sub(before);
    lines.push(Line("memory that an export adds".to_owned(), format!("{} MB", grown / 1_000_000), None));

    say("many people, and a first sync beside them");
    place.connect(console)?;
    let mut people = JoinSet::new();
    for person in 0..PEOPLE {
        let (client, cookie, url) = (client.clone(), cookie.clone(), service.url.clone());
        people.spawn(looks(client, cookie, url, person));
    }
    let mut of: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for taken in people.join_all().await {
        for (path, ms) in taken? {
            of.entry(path).or_default().push(ms);
        }
    }
    let syncing = syncing(&get).await?;
    for (path, mut all) in of {
        all.sort_by(f64::total_cmp);
        let (p50, p95) = (all[all.len() / 2], all[all.len() * 95 / 100]);
        lines.push(Line(
            format!("`GET {path}`: first byte, p95 (p50)"),
            format!("{p95:.0} ms ({p50:.0} ms)"),
            Some((p95 <= 40.0, "at most 40 ms")),
        ));
    }
    lines.push(Line("the sync was still going on at the end".to_owned(), yes(syncing), None));

    Ok(())
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

/// One person's pages: which, and milliseconds until the answer began.
#[expect(clippy::disallowed_methods, reason = "measuring takes the machine's own time")]
async fn looks(
    client: reqwest::Client,
    cookie: String,
    url: String,
    person: u64,
) -> anyhow::Result<Vec<(&'static str, f64)>> {
    // They do not come at the same instant, as people do not.
    tokio::time::sleep(READING * u32::try_from(person)? / u32::try_from(PEOPLE)?).await;
    let mut taken = Vec::new();
    for turn in 0..PAGES_EACH {
        let path = LISTS[(turn + usize::try_from(person)?) % LISTS.len()];
        let asked = Instant::now();
        let request = client.get(format!("{url}{path}")).header("cookie", &cookie).header("accept-encoding", "gzip");
        let answer = request.send().await?;
        taken.push((path, asked.elapsed().as_secs_f64() * 1000.0));
        ensure!(answer.status().is_success(), "GET {path} answered {}", answer.status());
        answer.bytes().await?;
        tokio::time::sleep(READING).await;
    }
    Ok(taken)
}

/// Bytes of the heaviest list with everything that it refers to, as they travel.
async fn weight(get: &impl Fn(&str) -> reqwest::RequestBuilder) -> anyhow::Result<usize> {
    let refers = regex::Regex::new(r#"(?:href|src)="(/assets/[a-z]+\.[0-9a-f]+\.[a-z]+)""#)?;
    let mut heaviest = 0;
    for path in LISTS {
        let page = get(path).send().await?.text().await?;
        let mut bytes = get(path).header("accept-encoding", "gzip").send().await?.bytes().await?.len();
        let mut parts: Vec<&str> =
            refers.captures_iter(&page).filter_map(|found| found.get(1)).map(|part| part.as_str()).collect();
        parts.sort_unstable();
        parts.dedup();
        ensure!(!parts.is_empty(), "{path} refers to no stylesheet");
        for part in parts {
            bytes += get(part).header("accept-encoding", "gzip").send().await?.bytes().await?.len();
        }
        heaviest = heaviest.max(bytes);
    }
    Ok(heaviest)
}

/// Whether some stream of the console is not complete yet.
async fn syncing(get: &impl Fn(&str) -> reqwest::RequestBuilder) -> anyhow::Result<bool> {
    let page = get("/integrations").send().await?.text().await?;
    Ok(page.contains("First reading"))
}

/// Rows, seconds, and the most memory that the service held meanwhile.
#[expect(clippy::disallowed_methods, reason = "measuring takes the machine's own time")]
async fn export(service: &Service, get: &impl Fn(&str) -> reqwest::RequestBuilder) -> anyhow::Result<(u64, f64, u64)> {
    let started = Instant::now();
    let mut answer = get("/assets/export.csv").send().await?;
    ensure!(answer.status().is_success(), "the export answered {}", answer.status());
    let (mut rows, mut peak) = (0, 0);
    while let Some(some) = answer.chunk().await? {
        rows += some.iter().filter(|byte| **byte == b'\n').count() as u64;
        peak = resident_of(service.process.0.id()).unwrap_or(peak).max(peak);
    }
    ensure!(rows > ASSETS, "only {rows} lines came");
    Ok((rows - 1, started.elapsed().as_secs_f64(), peak))
}

/// The service in a process of its own, stopped when dropped.
struct Service {
    process: Running,
    url: String,
    set_up: String,
    ready: Duration,
}

impl Service {
    #[expect(clippy::disallowed_methods, reason = "measuring takes the machine's own time")]
    fn start(mut command: std::process::Command) -> anyhow::Result<Service> {
        command.args(["serve", "--listen", "127.0.0.1:0", "--allow-private-consoles"]);
        let started = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("starting the service")?;
        let mut process = Running(child);
        let mut lines = BufReader::new(process.0.stderr.take().context("its words are piped")?).lines();
        let link = regex::Regex::new(r"(http://[^/\s]+)(/set-up\?token=(\S+))")?;
        let (url, set_up) = loop {
            let Some(line) = lines.next() else { bail!("the service did not print a link") };
            if let Some(found) = link.captures(&line?) {
                break (found[1].to_owned(), found[3].to_owned());
            }
        };
        // Whatever else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let address = url.trim_start_matches("http://").to_owned();
        let ready = loop {
            ensure!(started.elapsed() < PATIENCE, "the service is not ready after {} s", PATIENCE.as_secs());
            if is_ready(&address) {
                break started.elapsed();
            }
            pause(LOOK_EVERY);
        };
        Ok(Service { process, url, set_up, ready })
    }

    /// The first set-up by its link; answers the session's cookie.
    async fn signed_in(&self, client: &reqwest::Client) -> anyhow::Result<String> {
        let form = [
            ("token", self.set_up.as_str()),
            ("name", "Ada"),
            ("login", "ada@acme.example"),
            ("password", "violet-tramway-sings-at-7"),
        ];
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let request = client.post(format!("{}/set-up", self.url)).header("origin", &self.url);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"));
        let answer = request.send().await?;
        let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let pairs: Vec<&str> = cookies.filter_map(|cookie| cookie.split(';').next()).collect();
        ensure!(!pairs.is_empty(), "the set-up answered {} and no session", answer.status());
        Ok(pairs.join("; "))
    }
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn is_ready(address: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn pause(long: Duration) {
    std::thread::sleep(long);
}
