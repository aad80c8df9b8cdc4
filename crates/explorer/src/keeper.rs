//! [`Keeper`]: the folder with what an Explorer has to remember.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::seal::{KeyPair, SealError};
use crate::wire::{Sealed, wiped};

/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// The file with who this Explorer is.
const STATE: &str = "explorer.json";
/// The folder with the tokens that it keeps.
const CREDENTIALS: &str = "credentials";

/// Who this Explorer is.
#[derive(Clone, Serialize, Deserialize)]
pub struct State {
    /// The server, scheme, host and port.
    pub server: String,
    /// Its id there.
    pub explorer: String,
    /// What the server calls it.
    pub name: String,
    /// Whose it is.
    pub org: String,
    /// The token that it comes with.
    #[serde(with = "wiped")]
    pub token: Zeroizing<String>,
    /// Further certificate authorities to trust, PEM; empty if there are none.
    #[serde(default)]
    pub ca_pem: String,
    /// The private key, base64.
    #[serde(with = "wiped")]
    pub private_key: Zeroizing<String>,
}

/// A token that is kept here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The id of the credential at the server.
    pub credential: String,
    /// What people call it.
    pub name: String,
    /// The console's address.
    pub url: String,
    /// Address and token, sealed to this Explorer's own key.
    pub sealed: String,
}

/// A folder that holds who an Explorer is, and the tokens that it keeps. Its files have mode 0600.
#[derive(Clone, Debug)]
pub struct Keeper {
    folder: PathBuf,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The system refuses.
    #[error("{} cannot be used: {source}", path.display())]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something else wrote it.
    #[error("{} cannot be read as what an Explorer keeps", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
    },
    /// Others may read what should be secret.
    #[error("{} can be read by others; change its mode to 0600", path.display())]
    Shared {
        /// Which file.
        path: PathBuf,
    },
    /// No id of a credential.
    #[error("{0:?} is not the id of a credential")]
    NotAnId(String),
    /// A secret does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Keeper {
    /// The keeper of a folder, which is made when something is kept.
    #[must_use]
    pub fn new(folder: PathBuf) -> Keeper {
        Keeper { folder }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Who this Explorer is; nothing if it has not enrolled.
    ///
    /// # Errors
    /// The file cannot be read, or others may read it.
    pub fn state(&self) -> Result<Option<State>, KeeperError> {
        read(&self.folder.join(STATE))
    }

    /// Remembers who this Explorer is.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remember(&self, state: &State) -> Result<(), KeeperError> {
        self.write(&self.folder.clone(), STATE, state)
    }

    /// Everything that is kept, by name.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn kept(&self) -> Result<Vec<Kept>, KeeperError> {
        let folder = self.folder.join(CREDENTIALS);
        let failed = |source| KeeperError::File { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut all: Vec<Kept> = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                all.extend(read(&path)?);
            }
        }
        all.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(all)
    }

    /// One of them, opened: address and token.
    ///
    /// # Errors
    /// The file cannot be read, or does not open.
    pub fn open(&self, state: &State, credential: &str) -> Result<Option<Sealed>, KeeperError> {
        let Some(kept) = read::<Kept>(&self.path(credential)?)? else { return Ok(None) };
        Ok(Some(KeyPair::read(&state.private_key)?.open(&state.explorer, &kept.sealed)?))
    }

    /// Keeps a token; one of the same id is replaced.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, kept: &Kept) -> Result<(), KeeperError> {
        self.path(&kept.credential)?;
        self.write(&self.folder.join(CREDENTIALS), &format!("{}.json", kept.credential), kept)
    }

    /// Destroys a token that was kept, if it was.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(&self, credential: &str) -> Result<(), KeeperError> {
        let path = self.path(credential)?;
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(KeeperError::File { path, source }),
            _ => Ok(()),
        }
    }

    fn path(&self, credential: &str) -> Result<PathBuf, KeeperError> {
        let id = kernel::CredentialId::parse(credential).ok_or_else(|| KeeperError::NotAnId(credential.to_owned()))?;
        Ok(self.folder.join(CREDENTIALS).join(format!("{id}.json")))
    }

    /// Writes a file beside the old one and puts it in its place, so that there is always a whole one.
    fn write(&self, folder: &Path, name: &str, what: &impl Serialize) -> Result<(), KeeperError> {
        let path = folder.join(name);
        let failed = |source| KeeperError::File { path: path.clone(), source };
        let text = Zeroizing::new(serde_json::to_vec_pretty(what).map_err(|error| failed(error.into()))?);
        make_folder(&self.folder).and_then(|()| make_folder(folder)).map_err(failed)?;
        let written = || {
            // Made anew, with mode 0600, under a name by chance: whatever lies here gets nothing of it.
            let mut fresh = tempfile::Builder::new().prefix(name).suffix(".new").tempfile_in(folder)?;
            fresh.write_all(&text)?;
            fresh.as_file().sync_all()?;
            fresh.persist(&path)?;
            #[cfg(unix)]
            File::open(folder)?.sync_all()?;
            Ok(())
        };
        written().map_err(failed)
    }
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, KeeperError> {
    let failed = |source| KeeperError::File { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    if is_shared(&file).map_err(failed)? {
        return Err(KeeperError::Shared { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(failed)?;
    serde_json::from_slice(&text).map(Some).map_err(|_| KeeperError::Content { path: path.to_owned() })
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn is_shared(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_shared(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            server: "https://muster.example".to_owned(),
            explorer: "exp_0000000000001".to_owned(),
            name: "berlin".to_owned(),
            org: "Acme".to_owned(),
            token: Zeroizing::new("token".to_owned()),
            ca_pem: String::new(),
            private_key: KeyPair::fresh().private(),
        }
    }

    #[test]
    fn what_is_kept_comes_back_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(folder.path().join("explorer"));
        assert!(keeper.state().unwrap().is_none() && keeper.kept().unwrap().is_empty());
        let state = state();
        keeper.remember(&state).unwrap();
        assert_eq!(keeper.state().unwrap().unwrap().name, "berlin");
        let keys = KeyPair::read(&state.private_key).unwrap();
        let public = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, keys.public()).unwrap();
        let what = Sealed { url: "https://c.example".to_owned(), token: Zeroizing::new("t0ken".to_owned()) };
        let kept = Kept {
            credential: kernel::CredentialId(3).to_string(),
            name: "acme".to_owned(),
            url: what.url.clone(),
            sealed: crate::seal::seal(&public, &state.explorer, &what).unwrap(),
        };
        keeper.keep(&kept).unwrap();
        assert_eq!(keeper.kept().unwrap(), std::slice::from_ref(&kept));
        assert_eq!(*keeper.open(&state, &kept.credential).unwrap().unwrap().token, "t0ken");
        let file = keeper.folder().join(CREDENTIALS).join(format!("{}.json", kept.credential));
        assert!(!fs::read_to_string(&file).unwrap().contains("t0ken"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            let own = keeper.folder().join(STATE);
            fs::set_permissions(&own, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(keeper.state(), Err(KeeperError::Shared { .. })));
        }
        keeper.forget(&kept.credential).unwrap();
        keeper.forget(&kept.credential).unwrap();
        assert!(keeper.open(&state, &kept.credential).unwrap().is_none());
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_somebody_laid_there_gets_nothing_of_what_is_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let laid = folder.path().join("explorer.json.new");
        fs::write(&laid, "theirs").unwrap();
        fs::set_permissions(&laid, fs::Permissions::from_mode(0o644)).unwrap();
        let keeper = Keeper::new(folder.path().to_owned());
        keeper.remember(&state()).unwrap();
        assert_eq!(keeper.state().unwrap().unwrap().name, "berlin");
        assert_eq!(fs::read_to_string(&laid).unwrap(), "theirs");
    }

    #[test]
    fn no_id_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(folder.path().to_owned());
        for id in ["", "../explorer", "crd_1", "/etc/passwd"] {
            assert!(matches!(keeper.open(&state(), id), Err(KeeperError::NotAnId(_))), "{id}");
        }
    }
}
