//! A disk that misbehaves: it loses what was not synced, tears, fills up, fails, and forgets a bit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::Random;
use store::{Access, DatabaseUrl, Slice, Store, StoreError};

use crate::{TestDir, vfs};

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// The database's file on every disk.
const FILE: &str = "muster.db";

/// A disk of a test's own with one SQLite file on it. Everything that SQLite writes is also remembered in order, so that
/// a test can ask what a power loss at any moment would have left.
///
/// A file's entry in its folder counts as written as soon as it is there; SQLite syncs folders itself.
pub struct Disk {
    folder: TestDir,
    state: Arc<Mutex<State>>,
}

/// What becomes of writes that were not synced when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of them reached the disk: what a killed process leaves.
    Nothing,
    /// None of them did.
    Everything,
    /// Some sectors of some of them did, by chance from this seed.
    Torn(u64),
}

/// Something that was done to a file.
#[derive(Debug)]
pub(crate) enum Done {
    Write { file: String, at: u64, bytes: Vec<u8> },
    Truncate { file: String, size: u64 },
    Sync { file: String },
    Delete { file: String },
}

impl Done {
    fn file(&self) -> &str {
        match self {
            Done::Write { file, .. } | Done::Truncate { file, .. } | Done::Sync { file } | Done::Delete { file } => {
                file
            }
        }
    }
}

/// What an operation is about to do, for whoever decides whether it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Fails,
    Full,
}

/// A disk's memory and its plans.
#[derive(Default)]
pub(crate) struct State {
    /// What lay there when the disk was made.
    base: BTreeMap<String, Vec<u8>>,
    done: Vec<Done>,
    operations: u64,
    fails_at: Option<u64>,
    room: Option<u64>,
    lies: bool,
    flip: Option<(String, u64, u8)>,
}

impl Disk {
    /// An empty disk.
    ///
    /// # Panics
    /// The system's folder for temporary files cannot be written.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "making a folder is no default")]
    pub fn new() -> Disk {
        Disk::with(BTreeMap::new())
    }

    /// A disk with these files, all of them synced.
    fn with(base: BTreeMap<String, Vec<u8>>) -> Disk {
        let folder = TestDir::new();
        for (name, bytes) in &base {
            folder.write(name, bytes);
        }
        let state = Arc::new(Mutex::new(State { base, ..State::default() }));
        vfs::mount(&folder.path().canonicalize().expect("the folder was just made"), &state);
        Disk { folder, state }
    }

    /// The disk as a power loss would have left it after the first `moment` things that were done; see [`Disk::moment`].
    #[must_use]
    pub fn after_power_loss(&self, moment: usize, loss: Loss) -> Disk {
        let state = self.state();
        Disk::with(image(&state.base, &state.done[..moment], loss))
    }

    /// How many things were done so far: writes, truncations, syncs, deletions.
    #[must_use]
    pub fn moment(&self) -> usize {
        self.state().done.len()
    }

    /// Where the database is.
    #[must_use]
    pub fn url(&self) -> DatabaseUrl {
        DatabaseUrl::Sqlite(self.file())
    }

    /// The database's file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Opens the database for writing.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(&self, slices: &[Slice]) -> Result<Store, StoreError> {
        Store::open(&self.url(), Access::Writer, slices)
    }

    /// How many operations were asked of the disk so far: reads too, and what failed.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets one operation fail: the `nth` from now, from 1.
    pub fn fail(&self, nth: u64) {
        let mut state = self.state();
        state.fails_at = Some(state.operations + nth);
    }

    /// Whether the failure that [`Disk::fail`] asked for has happened. It is forgotten then.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let mut state = self.state();
        let happened = state.fails_at.is_some_and(|at| state.operations >= at);
        state.fails_at = None;
        happened
    }

    /// Leaves room for so many bytes more, over all files; `None`: as much as there is.
    pub fn leave_room(&self, bytes: Option<u64>) {
        self.state().room = bytes;
    }

    /// From now on a sync answers at once and does nothing.
    pub fn lie(&self) {
        self.state().lies = true;
    }

    /// From now on every read of the database's file finds these bits of the byte at `offset` turned round.
    pub fn flip(&self, offset: u64, bits: u8) {
        self.state().flip = Some((FILE.to_owned(), offset, bits));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        vfs::unmount(&self.state);
    }
}

impl State {
    /// Counts an operation, and says if it must fail.
    pub fn count(&mut self) -> Result<(), Trouble> {
        self.operations += 1;
        if self.fails_at == Some(self.operations) { Err(Trouble::Fails) } else { Ok(()) }
    }

    /// Takes room for a file that grows.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Trouble> {
        match &mut self.room {
            None => Ok(()),
            Some(room) if *room >= bytes => {
                *room -= bytes;
                Ok(())
            }
            Some(_) => Err(Trouble::Full),
        }
    }

    /// Remembers what was done.
    pub fn note(&mut self, done: Done) {
        if !(self.lies && matches!(done, Done::Sync { .. })) {
            self.done.push(done);
        }
    }

    /// Turns bits round in what was read.
    pub fn spoil(&self, file: &str, at: u64, bytes: &mut [u8]) {
        if let Some((spoilt, offset, bits)) = &self.flip
            && spoilt == file
            && let Some(byte) = offset.checked_sub(at).and_then(|place| bytes.get_mut(usize::try_from(place).ok()?))
        {
            *byte ^= bits;
        }
    }
}

/// The files after `done` and a loss of power.
fn image(base: &BTreeMap<String, Vec<u8>>, done: &[Done], loss: Loss) -> BTreeMap<String, Vec<u8>> {
    let mut random = match loss {
        Loss::Torn(seed) => Some(Random::seeded(seed)),
        _ => None,
    };
    let mut keeps = move || match (&mut random, loss) {
        (Some(random), _) => random.below(2) == 0,
        (None, loss) => loss == Loss::Nothing,
    };
    let mut last_sync: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, what) in done.iter().enumerate() {
        if let Done::Sync { file } = what {
            last_sync.insert(file, at);
        }
    }
    let mut files = base.clone();
    for (at, what) in done.iter().enumerate() {
        let synced = last_sync.get(what.file()).is_some_and(|last| at < *last);
        match what {
            Done::Sync { .. } => {}
            Done::Delete { file } => {
                files.remove(file);
            }
            Done::Truncate { file, size } => {
                if synced || keeps() {
                    files.entry(file.clone()).or_default().resize(usize::try_from(*size).unwrap_or(usize::MAX), 0);
                }
            }
            Done::Write { file, at, bytes } => {
                let (mut from, at) = (0, usize::try_from(*at).unwrap_or(usize::MAX));
                while from < bytes.len() {
                    // A sector is where it is on the disk, not in what was written.
                    let to = bytes.len().min(from + SECTOR - (at + from) % SECTOR);
                    if synced || keeps() {
                        let content = files.entry(file.clone()).or_default();
                        content.resize(content.len().max(at + to), 0);
                        content[at + from..at + to].copy_from_slice(&bytes[from..to]);
                    }
                    from = to;
                }
            }
        }
    }
    files
}

/// The name of a file below a disk's folder.
pub(crate) fn name_below<'a>(folder: &Path, file: &'a Path) -> Option<&'a str> {
    file.strip_prefix(folder).ok()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(at: u64, bytes: &[u8]) -> Done {
        Done::Write { file: "a".to_owned(), at, bytes: bytes.to_vec() }
    }

    fn sync() -> Done {
        Done::Sync { file: "a".to_owned() }
    }

    #[test]
    fn a_power_loss_keeps_what_was_synced_and_any_sectors_of_the_rest() {
        let done = [write(0, &[1; 1024]), sync(), write(512, &[2; 1024])];
        let left = |loss| image(&BTreeMap::new(), &done, loss).remove("a").unwrap_or_default();
        assert_eq!(left(Loss::Everything), [1; 1024]);
        assert_eq!(left(Loss::Nothing), [[1; 512], [2; 512], [2; 512]].concat());
        let torn: std::collections::BTreeSet<Vec<u8>> = (0..64).map(|seed| left(Loss::Torn(seed))).collect();
        assert_eq!(torn.len(), 4, "two sectors, each kept or lost");
        assert!(torn.iter().all(|bytes| bytes[..512] == [1; 512]));
    }
}
