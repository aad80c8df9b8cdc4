//! The NDJSON file: one artifact per line, safe on the disk before the sink's place moves.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jobs::World;
use serde::{Deserialize, Serialize};

use crate::line::BEGINS;
use crate::{Line, Receiver, Refusal};

/// The kind of sink that this is.
pub const KIND: &str = "ndjson";

/// Bytes that the search for the end of the last whole line reads at a time.
const LOOK_BACK_BYTES: u64 = 64 << 10;

/// How often a file may be moved away between opening it and looking at it, before that is an error.
const OPENINGS_MAX: usize = 3;

/// What an operator decides about the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The file, by its absolute path.
    pub path: PathBuf,
    /// Begin a new file when this one would grow beyond so many bytes; the old one is renamed.
    pub rotate_bytes: Option<u64>,
    /// Begin a new file with every day (UTC).
    #[serde(default)]
    pub rotate_daily: bool,
}

/// What the file was like when the sink's place last moved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    /// The day, in UTC, on which something was written last: `2026-11-20`.
    #[serde(default)]
    day: String,
    /// The last artifact written.
    #[serde(default)]
    seq: i64,
}

/// A file that takes artifacts.
#[derive(Clone)]
pub struct NdjsonFile {
    settings: Settings,
    world: World,
    /// How many more bytes its disk takes; for tests.
    room: Option<Arc<AtomicU64>>,
}

impl Settings {
    /// Reads what was stored.
    ///
    /// # Errors
    /// It is not what this program stores; the text says why.
    pub fn parse(json: &str) -> Result<Settings, String> {
        serde_json::from_str(json).map_err(|error| format!("the sink's settings are not understood: {error}"))
    }

    /// The same, to be stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a path that came from text can be written")
    }

    /// Looks whether the file can be written, without writing to it; makes it where there is none.
    ///
    /// # Errors
    /// It cannot be, or it holds what Muster did not write; a sentence.
    pub fn check(&self) -> Result<(), String> {
        let (mut file, _) = open(&self.path).map_err(|error| told(&self.path, &error))?;
        let whole = whole_length(&mut file, &self.path)?;
        let mut first = vec![0; BEGINS.len()];
        file.seek(SeekFrom::Start(0)).map_err(|error| told(&self.path, &error))?;
        if whole > 0 && (file.read_exact(&mut first).is_err() || first != BEGINS) {
            return Err(foreign(&self.path));
        }
        Ok(())
    }
}

impl NdjsonFile {
    /// A file with these settings.
    #[must_use]
    pub fn new(settings: Settings, world: &World) -> NdjsonFile {
        NdjsonFile { settings, world: world.clone(), room: None }
    }

    /// The same file on a disk that takes so many more bytes and then is full: for tests and simulations.
    #[must_use]
    pub fn with_room(mut self, room: Arc<AtomicU64>) -> NdjsonFile {
        self.room = Some(room);
        self
    }
}

impl Receiver for NdjsonFile {
    async fn deliver(&mut self, lines: &[Line], place: &str) -> Result<String, Refusal> {
        let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.json.len() + 1).sum());
        for line in lines {
            bytes.extend_from_slice(&line.json);
            bytes.push(b'\n');
        }
        let before: Place = serde_json::from_str(place).unwrap_or_default();
        let day = self.world.now().to_string().chars().take_while(|letter| *letter != 'T').collect();
        let after = Place { day, seq: lines.last().map_or(before.seq, |line| line.seq) };
        let stored = serde_json::to_string(&after).expect("text and numbers can be written");
        let (settings, room) = (self.settings.clone(), self.room.clone());
        let written = on_a_thread(move || append(&settings, &before, &after, &bytes, room.as_deref()));
        self.world.outside(written).await.map_err(Refusal::Unavailable)?;
        Ok(stored)
    }
}

/// Appends whole lines: afterwards they are on the disk, or the file is as before as far as it can be.
fn append(
    settings: &Settings,
    before: &Place,
    after: &Place,
    bytes: &[u8],
    room: Option<&AtomicU64>,
) -> Result<(), String> {
    let path = &settings.path;
    let said = |error: io::Error| told(path, &error);
    let (mut file, mut new) = open(path).map_err(said)?;
    let mut length = whole_length(&mut file, path)?;
    if length < file.metadata().map_err(said)?.len() {
        // A crash tore the last line; its artifact was not acknowledged and comes again.
        file.set_len(length).map_err(said)?;
    }
    let full = settings.rotate_bytes.is_some_and(|most| length + bytes.len() as u64 > most);
    let tomorrow = settings.rotate_daily && !before.day.is_empty() && before.day != after.day;
    if length > 0 && (full || tomorrow) {
        std::fs::rename(path, rotated(path, before)).map_err(said)?;
        (file, new) = open(path).map_err(said)?;
        length = 0;
    }
    let written = file.seek(SeekFrom::Start(length)).and_then(|_| write(&mut file, bytes, room));
    store::crash::reached("sink-written");
    let written = written.and_then(|()| file.sync_data());
    if let Err(error) = written {
        // What was half written is taken back, so that readers of the file see whole lines; if that fails too, it is
        // repaired before the next line.
        let _ = file.set_len(length);
        return Err(said(error));
    }
    if new {
        // A file is there for good when its folder is on the disk too.
        folder_of(path).and_then(|folder| File::open(folder)?.sync_all()).map_err(said)?;
    }
    Ok(())
}

/// Writes all bytes, or as many as there is room for.
fn write(file: &mut File, bytes: &[u8], room: Option<&AtomicU64>) -> io::Result<()> {
    let Some(room) = room else { return file.write_all(bytes) };
    let left = usize::try_from(room.load(Ordering::SeqCst)).unwrap_or(usize::MAX);
    let fits = bytes.len().min(left);
    file.write_all(&bytes[..fits])?;
    if fits < bytes.len() {
        return Err(io::ErrorKind::StorageFull.into());
    }
    room.fetch_sub(fits as u64, Ordering::SeqCst);
    Ok(())
}

/// Opens the file for this process alone, and says whether it was made.
fn open(path: &Path) -> io::Result<(File, bool)> {
    for _ in 0..OPENINGS_MAX {
        let new = !path.exists();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process is writing to it"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Moved away in between: then this is no longer the file of that name.
        if same_file(&file, path)? {
            return Ok((file, new));
        }
    }
    Err(io::Error::other("it is moved away again and again"))
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let opened = file.metadata()?;
    if !opened.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    Ok(std::fs::metadata(path).is_ok_and(|named| (named.dev(), named.ino()) == (opened.dev(), opened.ino())))
}

#[cfg(not(unix))]
fn same_file(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Where the last whole line ends. What follows it must be the beginning of a line of ours.
fn whole_length(file: &mut File, path: &Path) -> Result<u64, String> {
    let mut look = || -> io::Result<(u64, u64, Vec<u8>)> {
        let length = file.metadata()?.len();
        let mut end = length;
        let mut torn = Vec::new();
        while end > 0 {
            let from = end.saturating_sub(LOOK_BACK_BYTES);
            let mut chunk = vec![0; usize::try_from(end - from).unwrap_or_default()];
            file.seek(SeekFrom::Start(from))?;
            file.read_exact(&mut chunk)?;
            match chunk.iter().rposition(|byte| *byte == b'\n') {
                Some(at) => {
                    let behind = chunk.split_off(at + 1);
                    let whole = from + at as u64 + 1;
                    let begin = if behind.is_empty() { torn } else { behind };
                    return Ok((whole, length, begin));
                }
                None => (torn, end) = (chunk, from),
            }
        }
        Ok((0, length, torn))
    };
    let (whole, length, torn) = look().map_err(|error| told(path, &error))?;
    let begun = torn.len().min(BEGINS.len());
    // A file system may leave zeros where a crash took the bytes.
    let ours = torn[..begun] == BEGINS[..begun] || torn[..begun].iter().all(|byte| *byte == 0);
    if whole < length && !ours { Err(foreign(path)) } else { Ok(whole) }
}

/// The name of a file that is full: `artifacts.2026-11-20.000000012345.ndjson`, with the number of its last artifact.
fn rotated(path: &Path, last: &Place) -> PathBuf {
    let part = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let name = part(path.file_stem()).unwrap_or_default();
    let end = part(path.extension()).map(|end| format!(".{end}")).unwrap_or_default();
    let day = if last.day.is_empty() { "begin" } else { &last.day };
    // A replay may come by the same number again; no file is ever written over.
    let numbered = |n: usize| {
        let again = if n == 0 { String::new() } else { format!(".{n}") };
        path.with_file_name(format!("{name}.{day}.{:012}{again}{end}", last.seq))
    };
    (0..).map(numbered).find(|name| !name.exists()).expect("numbers do not end")
}

fn folder_of(path: &Path) -> io::Result<&Path> {
    Ok(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// An error of the file system as a sentence.
fn told(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!("the disk that holds {path} is full"),
        io::ErrorKind::NotFound => format!("the folder of {path} is not there"),
        io::ErrorKind::PermissionDenied => format!("{path} may not be written by this user"),
        io::ErrorKind::ReadOnlyFilesystem => format!("the file system that holds {path} is read-only"),
        io::ErrorKind::IsADirectory => format!("{path} is a folder"),
        _ => format!("{path} cannot be written: {error}"),
    }
}

fn foreign(path: &Path) -> String {
    format!("{} holds something that Muster did not write; move it away, or choose another file", path.display())
}

/// Runs work that may block on a thread of its own.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("sink-file".to_owned());
    // Whoever waits may be gone by then; the work is done all the same.
    let started = thread.spawn(move || drop(tell.send(work())));
    started.map_err(|error| format!("no thread can be started: {error}"))?;
    told.await.unwrap_or_else(|_| Err("writing was cut off".to_owned()))
}
