//! Files as sources: scans and lists of machines. A file is read twice, so to speak: once to see whether it can be read
//! to its end and what its records are ([`read`], which touches no database), and then from there into the inventory
//! ([`import`]), as a sweep of its own source.
//!
//! **By what a record is known.** A scanned host: by its hardware address; where the scanner did not see one, by its
//! address. Where two hosts of one scan have one hardware address (a router that answers for others), both together. A
//! row of a list: by the id that it declares; else by its serial number (with its maker), its asset tag, its name and
//! hardware address, its hardware address: the first of them that it has and that no other row of the file has too; else
//! by all of it together. Rows that are equal in all of it are one: the first is taken, the others are told.

pub mod csv;
mod error;
pub mod fields;
pub mod host;
pub mod json;
pub mod nmap;
pub mod source;
mod story;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

pub use error::ImportError;
pub use story::{Imported, Order, import};

use crate::canonical::{digest, hex};
use fields::{Columns, ColumnsReport, Mapping};
use host::Host;
use nmap::{Scan, Targets};
use source::Source;

/// The largest file that is read, in bytes: a scan of a million hosts has about two of these four GiB.
pub const FILE_BYTES_MAX: u64 = 4 << 30;

/// The largest row, object, tag or text that is kept in memory, in bytes.
pub const PIECE_BYTES_MAX: u64 = 4 << 20;

/// Machines that are read from one file. Each takes some hundred bytes of memory until the file's end, to tell repetitions.
pub const HOSTS_MAX: u64 = 2_000_000;

/// Columns of a list.
pub const COLUMNS_MAX: usize = 1_000;

/// How deep a file nests.
pub const DEPTH_MAX: usize = 32;

/// Machines that a dry run shows as they would land.
pub const SHOWN: usize = 10;

/// Repetitions and unusable rows that are told one by one.
pub const TOLD_MAX: usize = 100;

/// The longest native id, in bytes; a longer one is known by its hash.
const NATIVE_ID_BYTES_MAX: usize = 256;

/// The word of `source:` for what scanners say.
pub const SCAN: &str = "scan";

/// What sort of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// nmap's XML.
    Nmap,
    /// A list with a header line.
    Csv,
    /// A list of objects.
    Json,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 3] = [Format::Nmap, Format::Csv, Format::Json];

    /// The word on the command line, and the name of the connector.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Format::Nmap => "nmap",
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }

    /// What a place in such a file counts.
    #[must_use]
    pub const fn place(self) -> &'static str {
        match self {
            Format::Nmap | Format::Csv => "line",
            Format::Json => "record",
        }
    }
}

/// Whether a file has all that its source had to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// It has: what it does not show is not there.
    Yes,
    /// It has not, and why: what it does not show may be there all the same.
    No(String),
}

/// A machine as it would land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Where the file tells of it.
    pub place: u64,
    /// By what it is known, as far as can be told before the file's end.
    pub native_id: String,
    /// The machine.
    pub host: Host,
}

/// A file that was read to its end and is ready to be imported.
#[derive(Debug)]
pub struct Draft {
    /// What sort of file it was.
    pub format: Format,
    /// Whether it has all of its source.
    pub whole: Whole,
    /// What a scan says about itself.
    pub scan: Option<Scan>,
    /// What became of a list's columns.
    pub columns: ColumnsReport,
    /// The first [`SHOWN`] machines.
    pub first: Vec<Preview>,
    /// Machines that can be imported.
    pub hosts: u64,
    /// Machines that the file tells of twice, word for word by what they are known: where, and where first.
    pub repeated: Vec<(u64, u64)>,
    /// How many of them there are.
    pub repeated_count: u64,
    /// Rows that name no machine: where.
    pub nameless: Vec<u64>,
    /// How many of them there are.
    pub nameless_count: u64,
    /// Machines that share what they would be known by with another one of the file.
    pub shared: u64,
    /// Identities that several machines of the file have.
    ambiguous: HashSet<Digest>,
    scratch: BufReader<File>,
}

/// A record on its way into the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where the file tells of it.
    pub place: u64,
    /// By what it is known.
    pub native_id: String,
    /// Its JSON.
    pub raw: Vec<u8>,
}

type Digest = [u8; 16];

fn short(text: &str) -> Digest {
    let mut short = [0; 16];
    short.copy_from_slice(&digest(text.as_bytes())[..16]);
    short
}

/// Collects what is read, and tells repetitions.
struct Drafting {
    scratch: BufWriter<File>,
    first: Vec<Preview>,
    hosts: u64,
    /// Where each machine stands, by everything that it is known by.
    whole: HashMap<Digest, u64>,
    /// How often each shorter identity occurs: once, or more.
    parts: HashMap<Digest, bool>,
    repeated: Vec<(u64, u64)>,
    repeated_count: u64,
    nameless: Vec<u64>,
    nameless_count: u64,
    shared: u64,
}

impl Drafting {
    fn take(&mut self, place: u64, host: Host) -> Result<(), ImportError> {
        let identities = host.identities();
        let Some(last) = identities.last() else {
            self.nameless_count += 1;
            if self.nameless.len() < TOLD_MAX {
                self.nameless.push(place);
            }
            return Ok(());
        };
        if let Some(first) = self.whole.get(&short(last)) {
            self.repeated_count += 1;
            if self.repeated.len() < TOLD_MAX {
                self.repeated.push((place, *first));
            }
            return Ok(());
        }
        if self.hosts >= HOSTS_MAX {
            return Err(ImportError::TooMany);
        }
        self.hosts += 1;
        self.whole.insert(short(last), place);
        for part in &identities[..identities.len() - 1] {
            self.parts.entry(short(part)).and_modify(|again| *again = true).or_insert(false);
        }
        let shares = identities.first().is_some_and(|first| self.parts.get(&short(first)) == Some(&true));
        self.shared += u64::from(shares);
        let raw = serde_json::to_vec(&host).expect("a host is texts and numbers");
        let head = serde_json::to_vec(&(place, &identities)).expect("a place and texts");
        for part in [&head, &raw] {
            let length = u32::try_from(part.len()).map_err(|_| ImportError::PieceTooLarge { line: place })?;
            self.scratch.write_all(&length.to_le_bytes()).map_err(ImportError::Scratch)?;
            self.scratch.write_all(part).map_err(ImportError::Scratch)?;
        }
        if self.first.len() < SHOWN {
            let native_id = bounded(identities[0].clone());
            self.first.push(Preview { place, native_id, host });
        }
        Ok(())
    }
}

/// Reads a file to its end, keeps its records in `scratch`, which should be a file that nobody else can read, and
/// touches no database.
///
/// # Errors
/// The file cannot be read as what it was said to be; the error has the place, and nothing was written anywhere but to
/// `scratch`.
pub fn read(
    format: Format,
    mapping: Mapping,
    from: impl Read,
    scratch: File,
    bytes_max: u64,
) -> Result<Draft, ImportError> {
    let mut source = Source::open(from, bytes_max)?;
    let mut drafting = Drafting {
        scratch: BufWriter::new(scratch),
        first: Vec::new(),
        hosts: 0,
        whole: HashMap::new(),
        parts: HashMap::new(),
        repeated: Vec::new(),
        repeated_count: 0,
        nameless: Vec::new(),
        nameless_count: 0,
        shared: 0,
    };
    if source.ahead().iter().all(u8::is_ascii_whitespace) && at_end(&mut source)? {
        return Err(ImportError::Empty);
    }
    suits(format, source.ahead())?;
    let (mut scan, mut report) = (None, ColumnsReport::default());
    match format {
        Format::Nmap => scan = Some(nmap::read(&mut source, &mut |line, host| drafting.take(line, host))?),
        Format::Csv => report = read_csv(&mut source, mapping, &mut drafting)?,
        Format::Json => report = read_json(&mut source, mapping, &mut drafting)?,
    }
    let whole = scan.as_ref().map_or(Whole::Yes, Scan::whole);
    let mut scratch = drafting.scratch.into_inner().map_err(|error| ImportError::Scratch(error.into_error()))?;
    scratch.seek(SeekFrom::Start(0)).map_err(ImportError::Scratch)?;
    let ambiguous = drafting.parts.into_iter().filter(|(_, again)| *again).map(|(part, _)| part).collect();
    Ok(Draft {
        format,
        whole,
        scan,
        columns: report,
        first: drafting.first,
        hosts: drafting.hosts,
        repeated: drafting.repeated,
        repeated_count: drafting.repeated_count,
        nameless: drafting.nameless,
        nameless_count: drafting.nameless_count,
        shared: drafting.shared,
        ambiguous,
        scratch: BufReader::new(scratch),
    })
}

fn read_csv<R: Read>(
    source: &mut Source<R>,
    mapping: Mapping,
    drafting: &mut Drafting,
) -> Result<ColumnsReport, ImportError> {
    let columns = std::cell::RefCell::new(None);
    let mut mapping = Some(mapping);
    csv::read(
        source,
        &mut |headers| {
            let made = Columns::new(headers, mapping.take().unwrap_or_default());
            checked(&made)?;
            *columns.borrow_mut() = Some(made);
            Ok(())
        },
        &mut |line, headers, row| {
            let mut columns = columns.borrow_mut();
            let Some(columns) = columns.as_mut() else { return Ok(()) };
            let row = headers.iter().zip(row).map(|(header, cell)| (header.clone(), vec![cell])).collect();
            drafting.take(line, columns.host(row))
        },
    )?;
    Ok(columns.into_inner().map(|columns| columns.report()).unwrap_or_default())
}

fn read_json<R: Read>(
    source: &mut Source<R>,
    mapping: Mapping,
    drafting: &mut Drafting,
) -> Result<ColumnsReport, ImportError> {
    let mut columns: Option<Columns> = None;
    let mut mapping = Some(mapping);
    json::read(source, &mut |place, object| {
        let row = json::row(object)?;
        let columns = columns.get_or_insert_with(|| {
            let headers: Vec<String> = row.iter().map(|(header, _)| header.clone()).collect();
            Columns::new(&headers, mapping.take().unwrap_or_default())
        });
        drafting.take(place, columns.host(row))
    })?;
    // Objects may have different members, so what there is is known at the end.
    let Some(columns) = columns else { return Ok(ColumnsReport::default()) };
    checked(&columns)?;
    Ok(columns.report())
}

fn checked(columns: &Columns) -> Result<(), ImportError> {
    columns.check()?;
    if columns.tell_machines_apart() {
        return Ok(());
    }
    Err(ImportError::NoIdentity)
}

fn at_end<R: Read>(source: &mut Source<R>) -> Result<bool, ImportError> {
    loop {
        let ahead = match source.fill_buf() {
            Ok(ahead) => ahead,
            Err(error) => return Err(source.problem().unwrap_or(ImportError::Io(error))),
        };
        let blank = ahead.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if ahead.is_empty() || blank < ahead.len() {
            return Ok(ahead.is_empty());
        }
        source.consume(blank);
    }
}

/// Refuses a file that begins as another kind does.
fn suits(format: Format, ahead: &[u8]) -> Result<(), ImportError> {
    let looks = looks_like(ahead);
    let fits = match format {
        Format::Nmap => matches!(looks, Looks::Xml),
        Format::Json => matches!(looks, Looks::Json),
        Format::Csv => matches!(looks, Looks::Text),
    };
    if fits { Ok(()) } else { Err(not_a(format.word(), ahead)) }
}

/// What a file looks like by its beginning.
enum Looks {
    Xml,
    Json,
    NmapText,
    Html,
    Binary,
    Text,
}

fn looks_like(ahead: &[u8]) -> Looks {
    let begin = &ahead[ahead.iter().take_while(|byte| byte.is_ascii_whitespace()).count()..];
    let head = String::from_utf8_lossy(&begin[..begin.len().min(512)]).to_ascii_lowercase();
    match begin.first() {
        Some(b'{' | b'[') => Looks::Json,
        Some(b'<') if head.contains("<html") || head.starts_with("<!doctype html") => Looks::Html,
        Some(b'<') => Looks::Xml,
        _ if head.starts_with("# nmap") || head.starts_with("starting nmap") => Looks::NmapText,
        _ if begin.iter().take(512).any(|byte| *byte == 0) => Looks::Binary,
        _ => Looks::Text,
    }
}

/// The error for a file that is not what it was said to be.
fn not_a(said: &'static str, ahead: &[u8]) -> ImportError {
    let said = match said {
        "nmap" => "XML of nmap's",
        "csv" => "CSV",
        _ => "JSON",
    };
    let (seems, hint_of) = match looks_like(ahead) {
        Looks::Xml => ("XML", (said != "XML of nmap's").then_some("nmap")),
        Looks::Json => ("JSON", Some("json")),
        Looks::Html => ("a web page", None),
        Looks::NmapText => ("nmap's output for people; nmap -oX FILE writes what can be read", None),
        Looks::Binary => ("a program's own file; export it as CSV or JSON", None),
        Looks::Text => ("text", (said != "CSV").then_some("csv")),
    };
    ImportError::WrongKind { said, seems, hint_of }
}

impl Draft {
    /// The next record, in the file's order; `None` at the end.
    ///
    /// # Errors
    /// What was kept cannot be read back.
    pub fn next_record(&mut self) -> Result<Option<Record>, ImportError> {
        let Some(head) = self.part()? else { return Ok(None) };
        let corrupt = || ImportError::Scratch(io::Error::from(io::ErrorKind::InvalidData));
        let raw = self.part()?.ok_or_else(corrupt)?;
        let (place, identities): (u64, Vec<String>) = serde_json::from_slice(&head).map_err(|_| corrupt())?;
        let (last, parts) = identities.split_last().ok_or_else(corrupt)?;
        let alone = parts.iter().find(|part| !self.ambiguous.contains(&short(part)));
        Ok(Some(Record { place, native_id: bounded(alone.unwrap_or(last).clone()), raw }))
    }

    fn part(&mut self) -> Result<Option<Vec<u8>>, ImportError> {
        if self.scratch.fill_buf().map_err(ImportError::Scratch)?.is_empty() {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.scratch.read_exact(&mut length).map_err(ImportError::Scratch)?;
        let mut part = vec![0; u32::from_le_bytes(length) as usize];
        self.scratch.read_exact(&mut part).map_err(ImportError::Scratch)?;
        Ok(Some(part))
    }

    /// What the source was told to look at, if it says so: only a scan of the same can find something gone.
    #[must_use]
    pub fn scope(&self) -> Option<&Targets> {
        self.scan.as_ref().and_then(|scan| scan.targets.as_ref())
    }
}

/// An identity as a native id: a long one is known by its hash.
fn bounded(identity: String) -> String {
    if identity.len() <= NATIVE_ID_BYTES_MAX {
        return identity;
    }
    let kind = identity.split(':').next().unwrap_or("id").to_owned();
    format!("{kind}:sha256:{}", hex(&digest(identity.as_bytes())))
}
