//! A folder of a test's own.

use std::path::{Path, PathBuf};

/// A folder that is empty at first and gone with the test.
#[derive(Debug)]
pub struct TestDir(tempfile::TempDir);

impl TestDir {
    /// Makes the folder.
    ///
    /// # Panics
    /// The system's folder for temporary files cannot be written.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "making a folder is no default")]
    pub fn new() -> TestDir {
        TestDir(tempfile::Builder::new().prefix("muster-test-").tempdir().expect("temporary files can be written"))
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of something in the folder, which need not exist.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file into the folder and answers its path.
    ///
    /// # Panics
    /// The file cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, content).expect("a file in the test's folder can be written");
        path
    }
}
