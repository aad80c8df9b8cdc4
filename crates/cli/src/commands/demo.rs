//! `muster demo`: a simulated console, a first sync, a scan of the same network, a tour of what can be asked; then the service.

mod live;

use std::fmt::Write as _;
use std::path::Path;

use inventory::{Answer, Ask, Want};
use kernel::{OrgId, Timestamp};
use sentinelone::{Token, Transport};
use sentinelone_sim::{Cases, Config, Network, Truth, Where, World, tokens};
use store::{Access, DatabaseUrl, Store, StoreError};
use sync::Run;
use sync::import::{self, FILE_BYTES_MAX, Format};

use self::live::{Hand, Live};
use super::serve::Listening;
use super::sync::{pass, told};
use crate::arguments::{Demo, Global};
use crate::failure::{Exit, Failure};
use crate::place::{Place, SLICES, shell};
use crate::terminal::Terminal;

/// What the integration is called.
const NAME: &str = "demo";

/// The folder of the demo's data, in the data directory.
const FOLDER: &str = "demo";

/// Rows that the tour shows of a longer answer.
const ROWS: usize = 5;

/// What the scans are called: of the network, and of its branch.
const SCANS: [&str; 2] = ["scan", "scan-branch"];

/// The site of the branch, which uses the same addresses as the rest.
const BRANCH: &str = "Branch";

/// Assets with an agent, or with one that left.
const HAS_AGENT: &str = "has:agent.version";

/// The stream of agents, whose records a console counts.
const AGENTS: &str = "agents";

/// The question that no console can answer about itself: which Windows workstations have no protection now.
const UNPROTECTED: &str = "os:windows and not type:server and not edr.name:SentinelOne";

pub async fn run(global: &Global, demo: &Demo, terminal: &Terminal) -> Result<(), Failure> {
    let mut signal = std::pin::pin!(super::serve::signals()?);
    let listening = (!demo.once).then(|| Listening::near(demo.listen)).transpose()?;
    let usual = Place::new(global)?;
    let (place, removed) = place(&usual)?;
    let store = place.open_to_write()?;
    let (keys, _) = place.keys_or_make(&store)?;
    let world = jobs::World::real();
    let start = start_of(&store, &world, demo).await?;

    if removed {
        terminal.result("The last demo's data was removed; this one begins anew.\n\n")?;
    }
    terminal.result(&format!(
        "A simulated console with {} endpoints (seed {}). Nothing leaves this machine.\n\n",
        terminal.result_number(demo.endpoints.into()),
        demo.seed
    ))?;
    let hand = Hand::standing(world.now(), start);
    let simulated = simulated(demo, start, &hand);
    if listening.is_some() {
        simulated.set_expiry(tokens::GLOBAL, live::token_end(world.now()));
    }
    let shown = async {
        let transport = Transport::InProcess(simulated.service());
        let who = super::who();
        let at = sync::Place {
            store: &store,
            world: &world,
            org: OrgId::DEFAULT,
            keys: &keys,
            transport: &transport,
            who: &who,
        };
        show(at, demo, start, &simulated, global, terminal).await
    };
    let differs = tokio::select! {
        differs = shown => differs?,
        () = &mut signal => return Err(crate::interrupted()),
    };
    if differs {
        return Err(Failure::new(Exit::Incomplete, "a total differs from the console's own")
            .with("This should not be: please report it with the lines above."));
    }
    let Some(listening) = listening else { return terminal.result(&hand_over(&place, &usual)) };
    let live = Live {
        demo,
        place: &place,
        usual: &usual,
        store: &store,
        world: &world,
        keys: &keys,
        terminal,
        simulated: &simulated,
        hand,
    };
    live.serve(&live::console(&host(demo, start))?, listening, signal).await
}

/// Reads the console and the scan, and shows what can be asked; true if a number differs from the console's own.
async fn show(
    at: sync::Place<'_>,
    demo: &Demo,
    start: Timestamp,
    simulated: &World,
    global: &Global,
    terminal: &Terminal,
) -> Result<bool, Failure> {
    sync::connect(at, order(demo, start)?).await?;
    let pass = pass(at, &Run::default(), !global.no_progress, terminal).await?;
    let number = |number| terminal.result_number(number);
    terminal.result(&told(&pass, &number))?;

    terminal.result(&format!("\n{}\n", terminal.bold("A scan of the same network, as nmap writes it")))?;
    for part in [Where::Main, Where::Branch] {
        terminal.result(&scan(at, simulated, part, terminal).await?)?;
    }
    let tour = Tour { store: at.store, terminal, program: program(), differs: false };
    tour.walk(&simulated.truth(tokens::GLOBAL), &simulated.network()).await
}

/// The demo's own folder, emptied, and whether there was anything in it; or the database that was named by hand, as it is.
fn place(usual: &Place) -> Result<(Place, bool), Failure> {
    if usual.database_named {
        return Ok((Place { data_dir: usual.data_dir.join(FOLDER), ..usual.clone() }, false));
    }
    let place = usual.inside(FOLDER);
    let removed = place.data_dir.exists();
    if removed {
        // Another demo may be running there: its lock says so before anything is removed. What else may be wrong with an
        // old demo goes with it.
        if let Err(locked @ StoreError::Locked { .. }) = Store::open(&place.database, Access::Writer, SLICES) {
            return Err(locked.into());
        }
        std::fs::remove_dir_all(&place.data_dir).map_err(|error| {
            Failure::new(Exit::Storage, format!("{} cannot be emptied: {error}", place.data_dir.display()))
        })?;
    }
    Ok((place, removed))
}

/// The console's name says what it is made of, so that a later demo on the same database meets the same console.
fn host(demo: &Demo, start: Timestamp) -> String {
    format!("{}-{}.localhost", prefix(demo), start.micros() / 1_000_000)
}

fn prefix(demo: &Demo) -> String {
    format!("seed-{}-endpoints-{}", demo.seed, demo.endpoints)
}

/// When the console starts: now, or when it did in this database.
async fn start_of(store: &Store, world: &jobs::World, demo: &Demo) -> Result<Timestamp, Failure> {
    let known = sync::integrations(store, world, OrgId::DEFAULT).await?;
    let demo_is = |of: &&sync::Integration| of.name == NAME;
    let Some(first) = known.iter().find(demo_is).or(known.first()) else {
        return Ok(Timestamp::from_seconds(world.now().micros() / 1_000_000));
    };
    let same = first.console_host.strip_suffix(".localhost").and_then(|host| {
        let seconds = host.strip_prefix(&prefix(demo))?.strip_prefix('-')?;
        seconds.parse().ok().map(Timestamp::from_seconds)
    });
    let ours = known.iter().all(|of| of.name == NAME || SCANS.contains(&of.name.as_str()));
    same.filter(|_| ours).ok_or_else(|| {
        Failure::usage(format!("the database holds something else already: integration {}", first.name)).with(
            "Nothing was changed. A demo needs a database of its own, or the seed and size of the demo that is in it.",
        )
    })
}

/// The console as it is now. Its clock stands still at first, so that its totals and ours are of the same moment.
fn simulated(demo: &Demo, start: Timestamp, hand: &Hand) -> World {
    let mut config = Config::new(demo.seed, demo.endpoints as usize, hand.clock());
    config.cases = Cases::ALL;
    config.start = start.micros();
    World::new(config.hurried(demo.speed))
}

fn order(demo: &Demo, start: Timestamp) -> Result<sync::Connect, Failure> {
    let bug = |error: String| Failure::new(Exit::Bug, error);
    Ok(sync::Connect {
        name: Some(NAME.to_owned()),
        ..sync::Connect::new(
            live::console(&host(demo, start))?,
            Token::parse(tokens::GLOBAL).map_err(|error| bug(error.to_string()))?,
        )
    })
}

/// Imports a scan of a part of the simulated network, as `muster import nmap` does.
async fn scan(at: sync::Place<'_>, simulated: &World, part: Where, terminal: &Terminal) -> Result<String, Failure> {
    let bug = |error: String| Failure::new(Exit::Bug, error);
    let scratch = tempfile::tempfile().map_err(|error| {
        Failure::new(Exit::Storage, format!("keeping the scan of the simulated network failed: {error}"))
    })?;
    let xml = simulated.scan(part);
    let draft = import::read(Format::Nmap, Default::default(), xml.as_bytes(), scratch, FILE_BYTES_MAX)
        .map_err(|error| bug(error.to_string()))?;
    let (source, site) = match part {
        Where::Main => (SCANS[0], None),
        Where::Branch => (SCANS[1], Some(BRANCH.to_owned())),
    };
    let order = import::Order { source: source.to_owned(), site, accept_removals: true };
    let imported = import::import(at.store, at.world, at.org, at.who, &order, draft, &|_| {}).await?;
    let report = &imported.report;
    Ok(format!(
        "  {source:<12} {:>8} hosts, {} new, in site {}\n",
        terminal.result_number(report.fetched),
        terminal.result_number(report.created),
        imported.integration.site_name
    ))
}

struct Tour<'a> {
    store: &'a Store,
    terminal: &'a Terminal,
    /// What has to be typed to start this program again.
    program: String,
    differs: bool,
}

impl Tour<'_> {
    /// Shows what can be asked; true if a number differs from the console's own.
    async fn walk(mut self, truth: &Truth, network: &Network) -> Result<bool, Failure> {
        self.totals(truth).await?;
        self.machines(truth, network).await?;
        self.question(
            "Windows workstations without protection: what the console alone cannot answer",
            Ask { fields: names(&["name", "os", "source", "last_seen"]), ..self.ask("assets", UNPROTECTED) },
            Some(network.unprotected_workstations() + network.unprotected_undecidable()),
        )
        .await?;
        self.question(
            "Agents that only watch: in detect mode, a threat is reported and not stopped",
            Ask { fields: names(&["name", "os", "type", "last_seen"]), ..self.ask("assets", "mitigation_mode:detect") },
            Some(network.machines.iter().filter(|machine| machine.detects_only).count()),
        )
        .await?;
        self.question(
            "The busiest threats",
            Ask { group_by: names(&["name"]), ..self.ask("findings", "kind:threat") },
            None,
        )
        .await?;
        Ok(self.differs)
    }

    /// The console's own totals beside ours.
    async fn totals(&mut self, truth: &Truth) -> Result<(), Failure> {
        let rows = [
            ("threats", "findings", "kind:threat", Some(truth.threats)),
            // The list of all products has threats and alerts alike.
            ("alerts", "findings", "kind:alert", Some(truth.unified_alerts - truth.threats)),
            ("activities", "activities", "", Some(truth.activities)),
            ("accounts", "accounts", "", truth.accounts),
            ("sites", "console_sites", "", Some(truth.sites)),
            ("groups", "console_groups", "", Some(truth.groups)),
            ("applications", "software", "", Some(truth.applications_with_decommissioned)),
            ("open risks", "vulnerabilities", "status:open", Some(truth.risks)),
            ("users", "users", "", Some(truth.users)),
        ];
        let mut out = self.heading("Everything accounted for: the console's own totals, and ours");
        let _ = writeln!(out, "  {:<16}{:>12}{:>12}", "", "console", "muster");
        let agents = self.agents().await?;
        let number = |number| self.terminal.result_number(number);
        let verdict = if agents == truth.agents { "" } else { "  DIFFERENT" };
        self.differs |= agents != truth.agents;
        let line = format!(
            "  {:<16}{:>12}{:>12}{verdict}   {} integration show {NAME}",
            "agents",
            number(truth.agents),
            number(agents),
            self.program
        );
        let _ = writeln!(out, "{line}");
        for (what, inventory, text, theirs) in rows {
            let Some(theirs) = theirs else { continue };
            let ours = self.count(inventory, text).await?;
            let number = |number| self.terminal.result_number(number);
            let verdict = if ours == theirs { "" } else { "  DIFFERENT" };
            self.differs |= ours != theirs;
            let line = format!(
                "  {what:<16}{:>12}{:>12}{verdict}   {}",
                number(theirs),
                number(ours),
                self.typed(&Ask { want: Want::Count, ..self.ask(inventory, text) })
            );
            let _ = writeln!(out, "{line}");
        }
        self.terminal.result(&out)
    }

    /// Records of agents, of which the console has as many, whatever machines they are.
    async fn agents(&self) -> Result<u64, Failure> {
        let known = super::integration::overviews(self.store, self.terminal.now()).await?;
        let Some(id) = known.iter().find(|of| of.integration.name == NAME).map(|of| of.integration.id) else {
            return Ok(0);
        };
        let counts = self.store.read(move |tx| inventory::counts(tx, OrgId::DEFAULT, id)).await;
        let counts =
            counts.map_err(|error: inventory::InventoryError| Failure::new(Exit::Storage, error.to_string()))?;
        let present = counts.iter().filter(|count| count.stream == AGENTS && count.state == "present");
        Ok(present.map(|count| count.records).sum())
    }

    /// From records to machines: what agents, discovery and scans know together.
    async fn machines(&mut self, truth: &Truth, network: &Network) -> Result<(), Failure> {
        let all = self.count("assets", "").await?;
        let with_agent = self.count("assets", HAS_AGENT).await?;
        let services = self.count("services", "").await?;
        let reviews = self.store.read(move |tx| inventory::correlate::review::reviews(tx, OrgId::DEFAULT, 1)).await;
        let (_, asked) = reviews.map_err(|error: inventory::correlate::directive::DirectiveError| {
            Failure::new(Exit::Storage, error.to_string())
        })?;
        let number = |number| self.terminal.result_number(number);
        let undecided = network.undecidable() as u64;
        let rows = [
            ("agents", truth.agents, self.agents().await?, "records, as many as the console has"),
            ("machines with one", truth.machines, with_agent, "some run several: re-imaged, migrated, a new board"),
            (
                "assets",
                network.machines.len() as u64 + undecided,
                all,
                "the others were seen by discovery or the scan alone",
            ),
            ("open ports", network.services() as u64, services, "what the scan found on them"),
        ];
        let mut out = self.heading("Records and machines: what the simulator knows, and muster");
        let _ = writeln!(out, "  {:<18}{:>10}{:>12}", "", "simulator", "muster");
        for (what, theirs, ours, why) in rows {
            let verdict = if ours == theirs { "" } else { "  DIFFERENT" };
            self.differs |= ours != theirs;
            let _ = writeln!(out, "  {what:<18}{:>10}{:>12}{verdict}   {why}", number(theirs), number(ours));
        }
        let questions = match asked {
            1 => "1 question waits".to_owned(),
            _ => format!("{} questions wait", number(asked)),
        };
        let open = match undecided {
            0 => String::new(),
            _ => format!("; {} of the scan's hosts no rule can decide", number(undecided)),
        };
        let _ = writeln!(out, "  {questions} for a person{open}: {} asset review", self.program);
        self.terminal.result(&out)
    }

    async fn question(&mut self, title: &str, ask: Ask, expected: Option<usize>) -> Result<(), Failure> {
        let answer = self.answer(&ask).await?;
        let mut head = self.heading(title);
        let _ = writeln!(head, "$ {}", self.typed(&ask));
        self.terminal.result(&head)?;
        self.terminal.table(&answer.table)?;
        let Some(expected) = expected else { return Ok(()) };
        let (total, of) = (self.count(&ask.inventory, &ask.text).await?, self.count(&ask.inventory, "").await?);
        let expected = expected as u64;
        let number = |number| self.terminal.result_number(number);
        let verdict = match total == expected {
            true => "the simulator knows the same number".to_owned(),
            false => format!("DIFFERENT from what the simulator knows: {}", number(expected)),
        };
        self.differs |= total != expected;
        self.terminal.result(&format!("{} of {} {}, exact; {verdict}.\n", number(total), number(of), ask.inventory))
    }

    fn ask(&self, inventory: &str, text: &str) -> Ask {
        Ask { limit: ROWS, ..Ask::new(inventory, text, self.terminal.now()) }
    }

    async fn answer(&self, ask: &Ask) -> Result<Answer, Failure> {
        super::query::asked(self.store, ask, self.terminal).await
    }

    async fn count(&self, inventory: &str, text: &str) -> Result<u64, Failure> {
        let answer = self.answer(&Ask { want: Want::Count, ..self.ask(inventory, text) }).await?;
        answer.total.ok_or_else(|| Failure::new(Exit::Bug, "the count is missing from its answer"))
    }

    fn heading(&self, title: &str) -> String {
        format!("\n{}\n", self.terminal.bold(title))
    }

    /// The command line that asks the same.
    fn typed(&self, ask: &Ask) -> String {
        let mut line = format!("{} query '{}'", self.program, ask.text);
        if ask.inventory != "assets" {
            let _ = write!(line, " --in {}", ask.inventory);
        }
        if ask.want == Want::Count {
            line.push_str(" --count");
        }
        if !ask.fields.is_empty() {
            let _ = write!(line, " --fields {}", ask.fields.join(","));
        }
        if !ask.group_by.is_empty() {
            let _ = write!(line, " --group-by {}", ask.group_by.join(","));
        }
        if ask.want == Want::Page && ask.limit != inventory::ask::LIMIT_DEFAULT {
            let _ = write!(line, " --limit {}", ask.limit);
        }
        line
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn hand_over(place: &Place, usual: &Place) -> String {
    let folder = shell(&place.data_dir);
    let mut lines = Vec::new();
    let (lies, remove) = match &place.database {
        DatabaseUrl::Sqlite(path) if path.starts_with(&place.data_dir) => (folder.clone(), format!("rm -r {folder}")),
        other => (format!("{other}, its key in {folder}"), format!("drop that database, and: rm -r {folder}")),
    };
    if place.data_dir != usual.data_dir {
        lines.push(("Ask more", format!("export MUSTER_DATA_DIR={folder}")));
    }
    if place.database_named {
        lines.push(("", "export MUSTER_DATABASE_URL=..   the database that you named".to_owned()));
    }
    let program = program();
    lines.push(("", format!("{program} query 'infected:true'")));
    lines.push(("What can be asked", format!("{program} help query, {program} help fields")));
    lines.push(("A real console", "unset what was exported, then:".to_owned()));
    lines.push(("", format!("{program} connect acme.sentinelone.net --token-file FILE")));
    lines.push(("The data lies in", lies));
    lines.push(("Remove it all", remove));
    let lines: String = lines.iter().map(|(what, how)| format!("  {what:<18}  {how}\n")).collect();
    format!("\nThis was a simulated console: a first sync, a scan, the totals proven, and three questions.\n{lines}")
}

/// This program, as it can be typed where it was started: `muster`, or the path that was typed.
fn program() -> String {
    let typed = std::env::args().next().unwrap_or_default();
    if typed.contains(std::path::MAIN_SEPARATOR) { shell(Path::new(&typed)) } else { "muster".to_owned() }
}
