//! The writer's lock of a SQLite file: an OS lock, so that it dies with its holder.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Longest note that is read from a lock file, in bytes.
const NOTE_BYTES_MAX: u64 = 256;

/// Holds the lock until it is dropped. The file stays: to remove it would let two processes lock two files.
pub(crate) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock beside the database at `path`, or says who has it.
    pub fn take(path: &Path) -> Result<WriterLock, StoreError> {
        let path = lock_path(path);
        let mut file = open(&path).map_err(|error| StoreError::file(&path, error))?;
        match file.try_lock() {
            Ok(()) => {
                let note = format!("{}\n", who());
                let noted = file.set_len(0).and_then(|()| file.write_all(note.as_bytes()));
                noted.map_err(|error| StoreError::file(&path, error))?;
                Ok(WriterLock { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut note = String::new();
                // A holder that has not written its name yet is somebody all the same.
                let _ = file.take(NOTE_BYTES_MAX).read_to_string(&mut note);
                let by = note.trim();
                Err(StoreError::Locked { by: if by.is_empty() { "another process" } else { by }.to_owned() })
            }
            Err(TryLockError::Error(error)) => Err(StoreError::file(&path, error)),
        }
    }
}

/// Who holds the writer's lock of the database at `path`; nobody if it is free, or cannot be looked at.
#[must_use]
pub fn writer_of(path: &Path) -> Option<String> {
    let mut file = File::open(lock_path(path)).ok()?;
    // Shared: two that look do not take each other for the writer.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let mut note = String::new();
            let _ = (&mut file).take(NOTE_BYTES_MAX).read_to_string(&mut note);
            Some(note.trim().to_owned())
        }
        _ => None,
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The database's own path, links followed, with `.lock` after it: two names of one file are one lock.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
    name.push(".lock");
    PathBuf::from(name)
}

/// This process as others should see it: `muster sync (pid 4711)`. Only a bare word is taken from the command line,
/// since a database URL there may hold a password.
#[must_use]
pub fn who() -> String {
    let mut args = std::env::args();
    let program = args.next().unwrap_or_default();
    let program = Path::new(&program).file_stem().map_or("muster".into(), |stem| stem.to_string_lossy().into_owned());
    let is_word = |word: &String| word.len() <= 12 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let command = args.find(is_word).map(|word| format!(" {word}")).unwrap_or_default();
    format!("{}{command} (pid {})", program.chars().take(24).collect::<String>(), std::process::id())
}
