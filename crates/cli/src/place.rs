//! Where data lies: the database, the folder, the key; and how a command opens them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use access::Keyring;
use store::{Access, DatabaseUrl, Slice, Store, StoreError};

use crate::arguments::Global;
use crate::failure::{Exit, Failure};

/// Every slice with tables, in arrow order: migrations run in it.
pub const SLICES: &[Slice] = &[access::SLICE, signals::SLICE, inventory::SLICE, sync::SLICE];

/// The SQLite file in the data directory.
const DATABASE_FILE: &str = "muster.db";

/// Where this run keeps things.
#[derive(Clone)]
pub struct Place {
    pub data_dir: PathBuf,
    pub database: DatabaseUrl,
    /// Whether `--database` or its variable named the database.
    pub database_named: bool,
}

impl Place {
    /// Reads `--database` and `--data-dir`; touches no disk.
    pub fn new(global: &Global) -> Result<Place, Failure> {
        let data_dir = match &global.data_dir {
            Some(folder) => folder.clone(),
            None => directories::ProjectDirs::from("", "", "muster")
                .map(|folders| folders.data_dir().to_owned())
                .ok_or_else(|| {
                    Failure::usage("there is no home directory to keep data in").with("Name one: --data-dir DIR.")
                })?,
        };
        let database = match &global.database {
            Some(url) => url.parse()?,
            None => DatabaseUrl::Sqlite(data_dir.join(DATABASE_FILE)),
        };
        Ok(Place { data_dir, database, database_named: global.database.is_some() })
    }

    /// A place inside this one, for data that must not mix with the real one's.
    pub fn inside(&self, name: &str) -> Place {
        let data_dir = self.data_dir.join(name);
        let database = DatabaseUrl::Sqlite(data_dir.join(DATABASE_FILE));
        Place { data_dir, database, database_named: false }
    }

    /// The folder of the database, if it is a file.
    pub fn database_folder(&self) -> Option<&Path> {
        let DatabaseUrl::Sqlite(path) = &self.database else { return None };
        path.parent().filter(|folder| !folder.as_os_str().is_empty())
    }

    /// Whether there may be a database: of a server's that is not known before it is asked.
    pub fn is_there(&self) -> bool {
        match &self.database {
            DatabaseUrl::Sqlite(path) => path.exists(),
            _ => true,
        }
    }

    /// Opens the database to read; it works beside a running writer.
    pub fn open_to_read(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.database, Access::Reader, SLICES)?)
    }

    /// Opens the database to write, makes it if there is none, and migrates it.
    pub fn open_to_write(&self) -> Result<Store, Failure> {
        Ok(self.open_to_write_plainly()??)
    }

    /// Opens the database to write; or, where a worker has it, to leave it a request or a setting.
    pub fn open_to_write_or_beside(&self) -> Result<Opened, Failure> {
        match self.open_to_write_plainly()? {
            Ok(store) => Ok(Opened::Writer(store)),
            Err(StoreError::Locked { by }) if is_worker(&by) => {
                Ok(Opened::Beside { store: Store::open(&self.database, Access::Beside, SLICES)?, by })
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Opens the database beside whoever writes to it.
    pub fn open_beside(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.database, Access::Beside, SLICES)?)
    }

    /// Who holds the writer's lock of a SQLite file, as `muster serve (pid 4711)`.
    pub fn writer(&self) -> Option<String> {
        let DatabaseUrl::Sqlite(path) = &self.database else { return None };
        store::writer_of(path)
    }

    /// Whether some process holds the writer's lock.
    pub fn is_being_written(&self) -> bool {
        match &self.database {
            DatabaseUrl::Sqlite(path) => store::writer_of(path).is_some(),
            _ => true,
        }
    }

    /// Makes the folder of the database, if that is a file; one that is there stays as it is.
    pub fn make_folder(&self) -> Result<(), Failure> {
        match &self.database {
            DatabaseUrl::Sqlite(path) => {
                private_folder(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
            }
            _ => Ok(()),
        }
    }

    fn open_to_write_plainly(&self) -> Result<Result<Store, StoreError>, Failure> {
        // The folder of a file that was named by hand is its owner's business, but a missing one is made.
        self.make_folder()?;
        Ok(Store::open(&self.database, Access::Writer, SLICES))
    }

    /// The keys at hand; none is not an error until a secret has to be opened.
    pub fn keys(&self) -> Result<Keyring, Failure> {
        Ok(Keyring::load(&crate::config::variable, &self.data_dir)?.with_elsewhere(elsewhere()?))
    }

    /// The keys at hand. Where there is none, and nothing is sealed yet, one is made; then its file is named too.
    pub fn keys_or_make(&self, store: &Store) -> Result<(Keyring, Option<PathBuf>), Failure> {
        let found = self.keys()?;
        if !found.is_empty() {
            return Ok((found, None));
        }
        // A new key beside secrets that another one sealed would hide that the other one is lost.
        store.read_blocking(move |tx| access::check_keys(tx, &found))?;
        let (made, path) = Keyring::load_or_create(&crate::config::variable, &self.data_dir)?;
        Ok((made.with_elsewhere(elsewhere()?), path))
    }
}

/// The ways to secrets that are kept elsewhere.
fn elsewhere() -> Result<access::Elsewhere, Failure> {
    access::Elsewhere::load(crate::config::variable, server::vault_fence())
        .map_err(|error| Failure::usage(crate::failure::chain(&error)))
}

/// A database that may be written to.
pub enum Opened {
    /// By this process.
    Writer(Store),
    /// By a worker; a row or two may be left for it.
    Beside {
        store: Store,
        /// The worker, as `muster serve (pid 4711)`.
        by: String,
    },
}

impl Opened {
    pub fn store(&self) -> &Store {
        match self {
            Opened::Writer(store) | Opened::Beside { store, .. } => store,
        }
    }
}

/// Whether the holder of the writer's lock looks for requests: a service, or a demo, which ends in one.
pub fn is_worker(by: &str) -> bool {
    by.contains(" serve (") || is_demo(by)
}

/// Whether it is a demo, beside whose service the simulated console lives.
pub fn is_demo(by: &str) -> bool {
    by.contains(" demo (")
}

fn private_folder(folder: &Path) -> Result<(), Failure> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        Failure::new(Exit::Storage, format!("the data directory {} cannot be made: {error}", folder.display()))
            .with(out_of_reach(folder, &error))
    })
}

/// What helps where a file or a folder cannot be used: whose it is, who this is, and what to do.
pub fn out_of_reach(path: &Path, error: &std::io::Error) -> String {
    const ELSEWHERE: &str = "name another place: --data-dir DIR";
    // SQLite says only that it cannot open a file; the system says why.
    let kind = match error.kind() {
        ErrorKind::Other => std::fs::File::open(path).err().map_or(ErrorKind::Other, |error| error.kind()),
        kind => kind,
    };
    if kind == ErrorKind::ReadOnlyFilesystem {
        return format!("Nothing was changed. It lies on a file system that is read-only; {ELSEWHERE}.");
    }
    // What is there: of a path that cannot be searched, the folder that does not let us in.
    let there = path.ancestors().find(|path| path.metadata().is_ok()).unwrap_or(path);
    let (shown, named) = (there.display(), shell(there));
    match (owner(there), owner(Path::new("/proc/self"))) {
        _ if kind != ErrorKind::PermissionDenied => format!("Nothing was changed. Look at {shown}, or {ELSEWHERE}."),
        (Some(owner), Some(me)) if owner != me => format!(
            "Nothing was changed. {shown} belongs to {owner}, and this runs as {me}: run it as {owner}, or give it to {me} (chown \
             -R {me} {named}), or {ELSEWHERE}."
        ),
        (_, me) => format!(
            "Nothing was changed. This runs as {}, who may not use {shown}: chmod u+rwX {named}, or {ELSEWHERE}.",
            me.unwrap_or_else(crate::commands::who)
        ),
    }
}

/// Whose a file is: a name, or the number where it has none.
fn owner(path: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        let id = std::os::unix::fs::MetadataExt::uid(&path.metadata().ok()?).to_string();
        let all = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let known = all.lines().find(|line| line.split(':').nth(2) == Some(&id));
        Some(known.and_then(|line| line.split(':').next()).map_or(id, str::to_owned))
    }
    #[cfg(not(unix))]
    None
}

/// A path as a word for a shell, from `~` if it is below the home directory.
pub fn shell(path: &Path) -> String {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.parent().is_some());
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) => format!("~/{}", word(&below.display().to_string())),
        None => word(&path.display().to_string()),
    }
}

/// A text as one word for a shell.
pub fn word(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+@:".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_reach_is_told_with_whose_it_is_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("not/there/muster.db");
        let told = |kind: ErrorKind| out_of_reach(&file, &kind.into());
        let here = folder.path().display().to_string();
        let denied = told(ErrorKind::PermissionDenied);
        assert!(denied.contains(&here) && denied.contains("chmod") && denied.contains("--data-dir DIR"), "{denied}");
        let me = owner(folder.path()).unwrap();
        assert!(denied.contains(&format!("This runs as {me}, ")), "{denied}");
        assert!(told(ErrorKind::ReadOnlyFilesystem).contains("read-only"));
        // Somebody else's: the test may be anybody but the kernel's own files are root's.
        if me != "root" {
            let other = out_of_reach(Path::new("/proc/1"), &ErrorKind::PermissionDenied.into());
            assert!(other.contains("belongs to root") && other.contains(&format!("chown -R {me}")), "{other}");
        }
    }

    #[test]
    fn a_path_survives_a_shell() {
        assert_eq!(word("/home/sam/.local/share/muster"), "/home/sam/.local/share/muster");
        assert_eq!(word("/My Files/it's"), r"'/My Files/it'\''s'");
    }
}
