//! The command line: every command, every flag, and the words that explain them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Every endpoint accounted for: reads SentinelOne consoles, keeps what they said, answers questions.
#[derive(Parser)]
#[command(
    name = "muster",
    version,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true,
    max_term_width = 100,
    after_help = "\
Muster only ever reads from a console. What it read stays on this machine, in one SQLite file or in a \
PostgreSQL database of yours, together with a log of every change.

Start here:
  muster demo                                               a simulated console, in the terminal and the browser
  muster connect acme.sentinelone.net --token-file FILE     save a real console
  muster sync                                               read it
  muster query 'os:windows and not edr.name:SentinelOne'    ask

Exit codes: 0 done, 1 the answer is no, 2 usage or bad input, 3 incomplete, 4 authentication or permission, \
5 unreachable, 6 local storage, 70 a mistake of ours.
Topics: muster help query, muster help fields [INVENTORY], muster help token, muster help configuration, \
muster help trouble, muster help correlation."
)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    /// Prints the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Everywhere", display_order = 105)]
    version: Option<bool>,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Args, Clone)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// A file with settings: muster help configuration
    #[arg(
        long,
        global = true,
        env = "MUSTER_CONFIG",
        hide_env_values = true,
        value_name = "FILE",
        display_order = 100
    )]
    pub config: Option<PathBuf>,
    /// Where everything is kept: sqlite:PATH or postgres://USER@HOST/NAME. Default: muster.db in the data directory
    #[arg(
        long,
        global = true,
        env = "MUSTER_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        display_order = 100
    )]
    pub database: Option<String>,
    /// Where the SQLite file and the key lie. Default: the platform's folder for data
    #[arg(
        long,
        global = true,
        env = "MUSTER_DATA_DIR",
        hide_env_values = true,
        value_name = "DIR",
        display_order = 101
    )]
    pub data_dir: Option<PathBuf>,
    /// What else to tell on standard error: off, error, warn, info, debug, trace, or such as sync=debug. Default: warn, and
    /// info for serve
    #[arg(long, global = true, env = "MUSTER_LOG", value_name = "FILTER", hide_env_values = true, display_order = 102)]
    pub log: Option<String>,
    /// How lines of the log look: text for people, json for collectors
    #[arg(
        long,
        global = true,
        env = "MUSTER_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        hide_env_values = true,
        hide_possible_values = true,
        display_order = 102
    )]
    pub log_format: LogFormat,
    /// Shows no progress
    #[arg(long, global = true, display_order = 103)]
    pub no_progress: bool,
    /// Explains the program, or a command
    #[arg(short, long, global = true, action = ArgAction::HelpShort, display_order = 104)]
    help: Option<bool>,
}

/// How lines of the log look.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line of words.
    Text,
    /// A JSON object.
    Json,
}

#[derive(Subcommand)]
pub enum Command {
    /// Simulates a console, reads it, shows what can be asked, and serves it to the browser, alive
    #[command(after_help = "\
Nothing leaves this machine. It reads a simulated console, and a scan of the same network, shows on the terminal that every \
total is the console's own, and then serves the pages, to this machine only, until Ctrl-C. Meanwhile the console lives: \
threats appear, machines come and go, agents fall silent, requests are refused now and then, the token nears its end. It prints \
where to look, and a person to sign in as.

The demo keeps its data in a folder of its own, in the data directory. It stays there until the next demo, which removes it \
and begins anew.

Examples:
  muster demo                            then open the address that it prints
  muster demo --once                     only what the terminal shows, for scripts
  muster demo --endpoints 20000 --speed 60")]
    Demo(Demo),
    /// Tests a console and a token, then saves them; on an existing name it changes the token
    #[command(after_help = "\
The token is tried before anything is saved. On an existing name the old token stays until the new one has \
worked, and everything read so far is kept, checkpoints too. The role Viewer is enough: Muster only reads.

Examples:
  muster connect acme.sentinelone.net --name acme --site HQ --token-file ~/acme.token
  pass show acme | muster connect acme.sentinelone.net --token-stdin

How to make a token: muster help token.")]
    Connect(Connect),
    /// Reads the consoles once: everything at first, then what changed
    #[command(after_help = "\
A pass that is cut off loses nothing; the next one goes on where it stopped. A stream is complete only if the \
console's own count says so; otherwise it is shown as INCOMPLETE, and the exit code is 3.

Examples:
  muster sync                            every integration
  muster sync acme --stream agents       one stream of one
  muster sync --json                     one object per stream, for scripts")]
    Sync(Sync),
    /// Imports a scan or a list of machines, as a source of its own
    #[command(after_help = "\
A file is one reading of its source. What a whole file no longer has is retired after two of them, never by half a \
scan, and never more than a tenth at once without --accept-removals; nothing of another source is touched. The file is \
read to its end before anything is written. Columns are recognised by their headers (runZero, NetBox, ServiceNow and \
Cartography exports among them); --map says what others mean.

Examples:
  nmap -sS -sV -O -oX office.xml 10.20.0.0/16
  muster import nmap office.xml --source office --site HQ
  muster import csv cmdb.csv --dry-run
  muster import csv cmdb.csv --source cmdb --map 'Box=name,Cost centre=custom.cost_centre,Env=tag.env'
  ssh scanner cat lan.xml | muster import nmap - --source lan")]
    Import(Import),
    /// Scans networks with nmap, now or by tasks, as a source of its own
    #[command(after_help = "\
Addresses and networks only, of those that scans may touch: private ones unless an administrator chose others (muster scan \
allow). A scan is one reading of its source, as an imported file is; half a scan retires nothing. Run as root, nmap sees \
hardware addresses and guesses operating systems; otherwise it connects as every program does.

Examples:
  muster scan 10.20.0.0/24 --dry-run
  muster scan 10.20.0.0/24 10.30.0.5 --exclude 10.20.0.1 --source office --site HQ
  muster scan 10.20.0.0/24 --snmp 'office switches' --rate 100
  muster scan task add office 10.20.0.0/24 --site HQ --every 1d --at 02:30
  muster scan task run office")]
    Scan(crate::commands::scan::Scan),
    /// Asks a question: which assets, findings, activities .. match
    #[command(after_help = "\
A question is made of terms, field:value, joined by and, or, not and parentheses. A word alone is looked for \
in the usual places. The empty question '' matches everything. Counts are exact.

Examples:
  muster query 'os:windows and not type:server and not edr.name:SentinelOne'
  muster query 'infected:true' --fields name,os,site,last_seen --sort -last_seen
  muster query '' --group-by os
  muster query '' --in findings --count
  muster query 'mimikatz stream:threats' --in artifacts
  muster query 'name:lap' --format csv > laptops.csv

  muster query @stale-agents age=30d
  muster query 'os:windows and not edr.name:SentinelOne' --explain --asset lt-0471

The language: muster help query. All fields: muster help fields [INVENTORY]. Saved questions: muster saved list.")]
    Query(Query),
    /// Saves questions under a name, with parameters, and asks them
    #[command(after_help = "\
A few come with Muster. Each is asked by muster query @NAME, and saved:NAME stands for it in any question.")]
    Saved {
        #[command(subcommand)]
        command: crate::commands::saved::SavedCommand,
    },
    /// Serves the pages and the interface, and keeps reading every console
    #[command(after_help = "\
It runs until Ctrl-C or SIGTERM; then it finishes what it is answering, for ten seconds at most, and the page that is \
being stored. The first start shows a link on the terminal, by which you become its administrator.

Without a certificate it listens on this machine only, unless --public-url names the proxy that speaks TLS for it.

While it runs, muster sync asks it \
for a reading at once and shows the outcome, and settings changed with muster integration count from then on. One \
worker writes to a SQLite file; with PostgreSQL several may share the work, and one that dies is replaced by the \
others within two minutes.

The log goes to standard error, a line for each reading ([INFO] sentinelone: fetched 12 threats org=.. integration=..), for each \
request with its id, and for what is wrong. --log says how much: warn, or info,request=off; --log-format json is for collectors.

Examples:
  muster serve
  muster serve --listen 0.0.0.0:8443 --tls-cert fullchain.pem --tls-key privkey.pem
  muster serve --public-url https://muster.example.com
  muster serve --role worker")]
    Serve(Serve),
    /// Lists integrations, shows one, switches it, or changes how it is read
    #[command(after_help = "\
Examples:
  muster integration list
  muster integration show acme
  muster integration set acme --interval threats=15m --interval agents=2h
  muster integration set acme --autosync 1d
  muster integration disable acme")]
    Integration(Integration),
    /// Explains, merges, splits and reviews assets, shows their history, and says of one what sources do not
    Asset {
        #[command(subcommand)]
        command: crate::commands::asset::AssetCommand,
    },
    /// Lists our sites, makes one, or gives one another name
    Site {
        #[command(subcommand)]
        command: crate::commands::site::SiteCommand,
    },
    /// Makes custom fields of assets, filled by the tags of their name
    #[command(after_help = "\
A tag whose key is exactly the field's name fills it, on every asset that has such a tag, at once and from then on. What a \
person types (muster asset set) is overwritten by no source.

Examples:
  muster field add cost_centre
  muster field add tier --type choice --choices gold,silver
  muster query 'field.cost_centre:4711' --fields name,field.cost_centre")]
    Field {
        #[command(subcommand)]
        command: crate::commands::field::FieldCommand,
    },
    /// Says who answers for which assets, by rules
    #[command(after_help = "\
Rules are tried in their order, and the first that matches an asset gives it its owner. They are tried again after every \
reading. An owner named by hand (muster asset set ID owner=NAME) stays.

Examples:
  muster owner add 'Server team' --when 'type:server'
  muster owner add Finance --when 'tag:dept=finance or field.cost_centre:4711'
  muster query 'owner:=\"Server team\" and infected:t'")]
    Owner {
        #[command(subcommand)]
        command: crate::commands::owner::OwnerCommand,
    },
    /// Shows a finding as a story: what it is, whether it fails and why, what happened
    Finding {
        #[command(subcommand)]
        command: crate::commands::finding::FindingCommand,
    },
    /// Delivers every change to files, for a SIEM or a data lake to read
    #[command(after_help = "\
Every version of every record is an artifact in Muster's log, in the order in which it was seen. A sink gets them in that \
order, each at least once, with an id that is the same when it comes again. A sink that takes nothing delays no other, and \
nothing is lost: what waits is delivered later.")]
    Sink {
        #[command(subcommand)]
        command: crate::commands::sink::SinkCommand,
    },
    /// Shows what the log of all changes holds, and decides for how long
    #[command(after_help = "To search it: muster query TEXT --in artifacts.")]
    Log {
        #[command(subcommand)]
        command: crate::commands::log::LogCommand,
    },
    /// Serves a simulated console over HTTP, for trying things out
    #[command(after_help = "It prints its address and its tokens, and answers until it is stopped.")]
    Simulate(Simulate),
    /// Works for a server from inside another network: asks consoles there, and keeps their tokens
    #[command(after_help = "\
Make an Explorer on the page Explorers of your Muster server; it shows a one-time token. The first start takes it and enrols; \
later ones need nothing. It speaks to the server by outbound HTTPS only, and nothing has to reach this machine. What is cut off \
is asked for again, and nothing is lost.

A token that is typed here stays here: the server is told its name and its console.

Examples:
  muster explorer --server https://muster.example.com --token-stdin
  muster explorer
  printf '%s\\n' acme.sentinelone.net \"$TOKEN\" | muster explorer credential add acme
  muster explorer credential list")]
    Explorer(crate::commands::explorer::Explorer),
    /// Looks at data, key and every integration, and says what needs you
    Doctor(Doctor),
    /// Seals every secret again under a new key, so that the old one may go
    #[command(after_help = "\
Both keys have to be at hand, the new one before the old: MUSTER_KEY_FILE, then the systemd credential muster-key, then MUSTER_KEY, \
then the file key in the data directory. The first one seals, and each opens what it sealed, so nothing stands still meanwhile. \
Cut off, it is done again. A service that runs has to be started with both keys first; with the new one alone afterwards.

Examples, where the key is the file in the data directory:
  openssl rand -hex 32 > new.key && chmod 600 new.key
  MUSTER_KEY_FILE=new.key muster rekey
  mv ~/.local/share/muster/key old.key && mv new.key ~/.local/share/muster/key

The old key opens the backups that were made with it: keep a copy beside them, or make a new backup and remove both.")]
    Rekey(Rekey),
    /// Brings the database to this version, and says from which
    #[command(after_help = "connect and sync do this by themselves; after an upgrade, query asks for it.")]
    Migrate(Migrate),
    /// Copies the whole database, at one instant, into a file
    #[command(after_help = "\
It works beside a running service, and holds nobody up. Sealed tokens are in the file; the key that opens them is not, so \
that a stolen backup opens no console: keep the key elsewhere. What can be made again, the full-text index, is left out.

Examples:
  muster backup /var/backups/muster/
  muster backup before-the-upgrade.zip
  muster restore --check before-the-upgrade.zip")]
    Backup(Backup),
    /// Makes the database again from a backup
    #[command(after_help = "\
All of it or nothing: the file is compared with its own manifest before anything is written. A backup of SQLite can become a \
PostgreSQL database, and the other way round. An older one is brought up to this version. Everybody is signed out, and \
connection links that were open are withdrawn; tokens for programs that were revoked since must be revoked again.

Examples:
  muster restore --check muster-20261120T011500Z.zip
  muster restore muster-20261120T011500Z.zip
  muster --database postgres://muster@db/muster restore muster-20261120T011500Z.zip")]
    Restore(Restore),
    /// Writes a completion script for a shell
    #[command(after_help = "\
For bash: muster completion bash > ~/.local/share/bash-completion/completions/muster")]
    Completion {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Explains a command or a topic: query, fields [INVENTORY], token, configuration, trouble, correlation
    Help {
        /// A command, or one of: query, fields, token, configuration, trouble, correlation
        #[arg(value_name = "TOPIC")]
        topic: Vec<String>,
    },
}

#[derive(Args)]
pub struct Demo {
    /// How many endpoints the simulated console has
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub endpoints: u32,
    /// Decides every simulated value; the same seed shows the same fleet
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub seed: u64,
    /// Ends after the tour on the terminal, without pages
    #[arg(long, visible_alias = "no-serve")]
    pub once: bool,
    /// Where pages are served, on this machine only. Default: 127.0.0.1:8080, or a free port where that is taken
    #[arg(long, value_name = "ADDRESS", conflicts_with = "once")]
    pub listen: Option<SocketAddr>,
    /// How many times faster than in life things happen on the simulated console while pages are served
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub speed: u32,
}

#[derive(Args)]
pub struct Connect {
    /// The console's address, as in the browser: acme.sentinelone.net
    pub url: String,
    /// What to call it. Default: the first part of the address
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What its task is called, by which its runs and its log go. Default: that name
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
    /// Our site, where its assets land; made if there is none of that name. Default: Primary
    #[arg(long, value_name = "SITE")]
    pub site: Option<String>,
    #[command(flatten)]
    pub token: TokenFrom,
    /// The most requests a minute with this token, over all paths. Default: 1000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_minute: Option<u32>,
    /// Streams that are not read at all, separated by commas
    #[arg(long, value_name = "STREAM,..", value_delimiter = ',')]
    pub without: Option<Vec<String>>,
    #[command(flatten)]
    pub rhythm: Rhythm,
    #[command(flatten)]
    pub import: crate::commands::options::ImportOptions,
    /// Allows an address inside a private network; without it, only public addresses and this machine are asked
    #[arg(long)]
    pub allow_private: bool,
    /// Connects a console again that another integration reads; everything is then read twice
    #[arg(long)]
    pub all_the_same: bool,
    /// Prints the outcome as one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct TokenFrom {
    /// Reads the token from a file
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Reads the token from standard input
    #[arg(long)]
    pub token_stdin: bool,
}

#[derive(Args)]
pub struct Sync {
    /// Which integrations. Default: all
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Which streams, separated by commas. Default: all
    #[arg(long = "stream", value_name = "STREAM,..", value_delimiter = ',')]
    pub streams: Vec<String>,
    /// Reads everything again, as if for the first time
    #[arg(long)]
    pub full: bool,
    /// Accepts that records are gone, where more than a tenth of a stream vanished at once
    #[arg(long)]
    pub accept_removals: bool,
    /// Prints one JSON object per stream
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Import {
    /// What sort of file it is
    #[arg(value_enum, value_name = "FORMAT")]
    pub format: ImportFormat,
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Whose file it is: the source that it is a reading of, made at its first file
    #[arg(long, value_name = "NAME", required_unless_present = "dry_run")]
    pub source: Option<String>,
    /// Our site, where its machines land; made if there is none of that name. Default: the source's, or Primary
    #[arg(long, value_name = "SITE")]
    pub site: Option<String>,
    /// What columns mean, separated by commas: name, ip, mac, serial, os, owner, tag.KEY, custom.KEY, ignore ..
    #[arg(long, value_name = "COLUMN=FIELD,..", value_delimiter = ',')]
    pub map: Vec<String>,
    /// Shows the first ten machines as they would land, and what the columns are taken for; writes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Accepts that machines are gone, where more than a tenth vanished at once, or another part was scanned
    #[arg(long)]
    pub accept_removals: bool,
    /// Prints the outcome as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What sort of file is imported.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// nmap's XML: nmap -oX FILE
    Nmap,
    /// A list with a header line
    Csv,
    /// A list of objects, or one object a line
    Json,
}

impl From<ImportFormat> for sync::import::Format {
    fn from(format: ImportFormat) -> sync::import::Format {
        match format {
            ImportFormat::Nmap => sync::import::Format::Nmap,
            ImportFormat::Csv => sync::import::Format::Csv,
            ImportFormat::Json => sync::import::Format::Json,
        }
    }
}

#[derive(Args, Default)]
pub struct Query {
    /// The question; '' matches everything. @NAME asks a saved one
    #[arg(value_name = "TEXT", allow_hyphen_values = true, required_unless_present = "saved")]
    pub text: Option<String>,
    /// Values of a saved question's parameters
    #[arg(value_name = "K=V")]
    pub values: Vec<String>,
    /// Asks the saved question of that name: muster saved list
    #[arg(long, value_name = "NAME", conflicts_with = "inventory")]
    pub saved: Option<String>,
    #[arg(long = "in", value_name = "INVENTORY", default_value = "assets", help = inventories())]
    pub inventory: String,
    /// Prints how many match, exactly, and nothing else
    #[arg(long, conflicts_with_all = ["fields", "sort", "group_by", "limit", "after", "explain"])]
    pub count: bool,
    /// How to print the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Which fields to show, separated by commas
    #[arg(long, value_name = "F,..", value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Sorts by a field; -FIELD for the other direction
    #[arg(long, value_name = "F|-F", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// Counts by the values of these fields, most frequent first
    #[arg(long, value_name = "F,..", value_delimiter = ',', conflicts_with_all = ["fields", "sort"])]
    pub group_by: Vec<String>,
    /// How many rows to show. Default: 25 of a table; all as csv, json and ndjson
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Goes on after the last page: the text that it ended with
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,
    /// Answers as it would have been answered then: 2026-11-01, 7d, now-12h, 2026-11-01T08:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with_all = ["explain", "complete"])]
    pub as_of: Option<String>,
    /// Says how the question is understood and answered, instead of answering it
    #[arg(long)]
    pub explain: bool,
    /// With --explain: why this one is in the answer or not, term by term, by its id or its name
    #[arg(long, value_name = "ID", requires = "explain")]
    pub asset: Option<String>,
    /// Shows what may be typed at this byte of the question; without a number, at its end
    #[arg(long, value_name = "BYTE", num_args = 0..=1, require_equals = true, default_missing_value = "end",
        conflicts_with_all = ["count", "explain", "saved"])]
    pub complete: Option<String>,
}

/// What can be asked, for the help: every inventory that is listed.
fn inventories() -> String {
    let listed = inventory::catalogue().inventories.iter().filter(|inventory| inventory.listed);
    let names: Vec<&str> = listed.map(|inventory| inventory.name).filter(|name| *name != "artifacts").collect();
    format!("What to ask: {}; artifacts is the log of all changes", names.join(", "))
}

/// How an answer is printed.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns.
    #[default]
    Table,
    /// An array of objects.
    Json,
    /// One object per line.
    Ndjson,
    /// For spreadsheets.
    Csv,
}

#[derive(Args)]
pub struct Simulate {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9443", value_name = "ADDRESS")]
    pub listen: String,
    /// How many endpoints the console has
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub endpoints: u32,
    /// How many activities its history holds. Default: about eight for each endpoint
    #[arg(long, value_name = "N")]
    pub activities: Option<usize>,
    /// Decides every simulated value
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub seed: u64,
    /// When the console starts, RFC 3339; what happened before is its history. Default: now
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// Its clock stands still at this instant, or at the start. Default: it runs
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "start")]
    pub freeze: Option<String>,
    /// Nothing happens on the console, except that agents report in
    #[arg(long)]
    pub quiet: bool,
    /// The most records in one page
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub page_max: u16,
    /// Plants machines that are hard to tell apart, by label or all of them; --cases list names them. Default: none
    #[arg(long, value_name = "CASE,..", value_delimiter = ',')]
    pub cases: Vec<String>,
    /// Writes a scan of the simulated network, as nmap does (-oX), and that of its branch beside it
    #[arg(long, value_name = "FILE")]
    pub scan_out: Option<PathBuf>,
    /// Faults to play, separated by commas; --fault list names them
    #[arg(long, value_name = "FAULT,..", value_delimiter = ',')]
    pub fault: Vec<String>,
    /// Plays a fault on every Nth request
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub once_every: u64,
}

/// How often and how far back an integration is read.
#[derive(Args, Clone, Default)]
pub struct Rhythm {
    /// How often a stream is read, 30s or more; STREAM=default takes the usual again
    #[arg(long = "interval", value_name = "STREAM=TIME", value_parser = interval)]
    pub intervals: Vec<(String, Option<i64>)>,
    /// Reads everything every N days at 01:15 UTC instead, such as 1d; off returns to intervals
    #[arg(long, value_name = "Nd", value_parser = days_or_off)]
    pub autosync: Option<Days>,
    /// How many days back activities are read, such as 365d; all is everything. Threats are read all, whatever their age
    #[arg(long, value_name = "Nd", value_parser = days_or_all)]
    pub depth: Option<Days>,
}

/// A number of days, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(pub Option<u32>);

fn interval(text: &str) -> Result<(String, Option<i64>), String> {
    let Some((stream, time)) = text.split_once('=') else {
        return Err("write it as STREAM=TIME, such as threats=15m".to_owned());
    };
    let seconds = match time {
        "default" => None,
        time => Some(sync::schedule::parse_interval(time)?),
    };
    Ok((stream.to_owned(), seconds))
}

fn days(text: &str, none: &str, most: u32) -> Result<Days, String> {
    if text == none {
        return Ok(Days(None));
    }
    let days = text.strip_suffix('d').unwrap_or(text).parse::<u32>().ok().filter(|days| (1..=most).contains(days));
    days.map(|days| Days(Some(days))).ok_or_else(|| format!("write 1d to {most}d, or {none}"))
}

fn days_or_off(text: &str) -> Result<Days, String> {
    days(text, "off", sync::schedule::AUTOSYNC_DAYS_MAX)
}

fn days_or_all(text: &str) -> Result<Days, String> {
    days(text, "all", DEPTH_DAYS_MAX)
}

/// No console is older.
const DEPTH_DAYS_MAX: u32 = 10_000;

#[derive(Args)]
pub struct Serve {
    /// What this process does: web serves pages and interface, worker reads the consoles, all does both
    #[arg(long, value_enum, value_name = "ROLE", env = "MUSTER_ROLE", hide_env_values = true, default_value = "all")]
    pub role: Role,
    /// Where it listens; port 0 takes a free one and says which
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "MUSTER_LISTEN",
        hide_env_values = true,
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
    /// Its certificate with the chain, PEM
    #[arg(long, value_name = "FILE", env = "MUSTER_TLS_CERT", hide_env_values = true, requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key, PEM
    #[arg(long, value_name = "FILE", env = "MUSTER_TLS_KEY", hide_env_values = true, requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// What browsers call it where a proxy on this machine stands before it: https://muster.example.com
    #[arg(long, value_name = "URL", env = "MUSTER_PUBLIC_URL", hide_env_values = true)]
    pub public_url: Option<String>,
    /// Lets consoles that are connected in the browser stand on this machine or inside a private network
    #[arg(long, env = "MUSTER_ALLOW_PRIVATE_CONSOLES", hide_env_values = true)]
    pub allow_private_consoles: bool,
    /// Lets the identity provider stand on this machine or inside a private network; otherwise only public addresses are asked
    #[arg(long, env = "MUSTER_ALLOW_PRIVATE_PROVIDER", hide_env_values = true)]
    pub allow_private_provider: bool,
}

/// What a serving process does.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Reads and answers.
    All,
    /// Answers only.
    Web,
    /// Reads only.
    Worker,
}

#[derive(Args)]
pub struct Integration {
    #[command(subcommand)]
    pub command: IntegrationCommand,
}

#[derive(Subcommand)]
pub enum IntegrationCommand {
    /// Lists every integration, how it fares, and when it is read next
    List {
        /// Prints one JSON object per integration
        #[arg(long)]
        json: bool,
    },
    /// Shows one integration: its settings, its token, and every stream
    Show {
        /// Which
        name: String,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Switches an integration on again
    Enable {
        /// Which
        name: String,
    },
    /// Switches an integration off; everything read so far is kept
    Disable {
        /// Which
        name: String,
    },
    /// Changes how an integration is read and what of it is imported; what is not named stays
    #[command(after_help = "\
Whatever is imported, everything is read, proven complete and logged. So a change takes hold of what is stored already, at \
once and without asking the console: what an option leaves out is neither removed nor fixed, and is back when the option \
is taken back. Who wants to read less leaves streams out: --without applications.

Examples:
  muster integration set acme --interval threats=15m
  muster integration set acme --groups Servers,Workstations --severities high,critical
  muster integration set acme --exclude-unknown yes
  muster integration left-out acme --option exclude-unknown")]
    Set(Set),
    /// Lists what the options leave out, by name
    LeftOut {
        /// Which integration
        name: String,
        /// By which option: software, vulnerabilities, severities, exclude-unknown, auto-onboard, groups, verdicts,
        /// tracked-only. Default: all
        #[arg(long, value_name = "OPTION")]
        option: Option<String>,
        /// How many to list
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        /// Prints one JSON object per record
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct Set {
    /// Which
    pub name: String,
    /// What its task is called, by which its runs and its log go; '' is the integration's own name
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
    #[command(flatten)]
    pub rhythm: Rhythm,
    /// Streams that are not read any more, separated by commas
    #[arg(long, value_name = "STREAM,..", value_delimiter = ',')]
    pub without: Vec<String>,
    /// Streams that are read again, separated by commas
    #[arg(long, value_name = "STREAM,..", value_delimiter = ',')]
    pub with: Vec<String>,
    /// The most requests a minute with this token, over all paths
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_minute: Option<u32>,
    /// Where it runs: the name of an Explorer, or centre for this server
    #[arg(long, value_name = "EXPLORER")]
    pub runs_at: Option<String>,
    #[command(flatten)]
    pub import: crate::commands::options::ImportOptions,
}

#[derive(Args)]
pub struct Doctor {
    /// Asks no console: tells what is written down
    #[arg(long)]
    pub offline: bool,
    /// Prints one JSON object per finding
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Backup {
    /// The file to write, which must not be there yet; or a folder, for a file named by the time
    #[arg(value_name = "DIR|FILE")]
    pub target: PathBuf,
    /// Puts the key into the backup too: whoever has the file then has every token in it
    #[arg(long)]
    pub with_key: bool,
    /// Prints the outcome as one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Removes the data that is there; nothing brings it back
    #[arg(long, conflicts_with = "check")]
    pub replace: bool,
    /// Only says whether the backup is whole and can be restored by this program
    #[arg(long)]
    pub check: bool,
    /// Prints the outcome as one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Rekey {
    /// Prints the outcome as one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Migrate {
    /// Prints the outcome as one JSON object
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_id_in_an_example_is_one_that_could_be() {
        fn visit(command: &mut clap::Command, ids: &mut usize) {
            let help = command.render_long_help().to_string();
            for word in help.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
                let is_id = |(prefix, digits): &(&str, &str)| {
                    prefix.len() == 3 && digits.len() >= 10 && digits.contains(|digit: char| digit.is_ascii_digit())
                };
                if let Some((prefix, _)) = word.split_once('_').filter(is_id) {
                    assert!(kernel::id::parse_public(prefix, word).is_some(), "{}: {word}", command.get_name());
                    *ids += 1;
                }
            }
            command.get_subcommands_mut().for_each(|command| visit(command, ids));
        }
        let mut ids = 0;
        visit(&mut Arguments::command(), &mut ids);
        assert!(ids > 4, "{ids}");
    }

    #[test]
    fn every_command_and_flag_says_what_it_does() {
        fn visit(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(visit);
        }
        visit(&Arguments::command());
    }
}
