//! A database of a test's own, empty at first and gone with it.

use kernel::Value;
use store::{Access, DatabaseUrl, Slice, Store, StoreError, Tx};

use crate::{Server, TestDir};

/// A database for one test.
pub struct Database {
    url: DatabaseUrl,
    text: String,
    /// What to remove afterwards: a folder, or a schema on the shared server.
    home: Home,
}

enum Home {
    Folder(TestDir),
    Server { server: &'static Server, schema: String },
}

impl Database {
    /// A SQLite file in a folder of its own.
    #[must_use]
    pub fn sqlite() -> Database {
        let folder = TestDir::new();
        let path = folder.join("muster.db");
        Database {
            text: format!("sqlite:{}", path.display()),
            url: DatabaseUrl::Sqlite(path),
            home: Home::Folder(folder),
        }
    }

    /// A schema of its own on a real PostgreSQL server, which is started if none of this user's tests started it before.
    /// A database would cost a fifth of a second.
    ///
    /// # Panics
    /// PostgreSQL is not installed, or does not start. A test on one database only would prove nothing, so nothing is
    /// skipped.
    #[must_use]
    pub fn postgres() -> Database {
        let server = Server::shared();
        let schema = format!("test_{:016x}", u64::from_le_bytes(kernel::Random::secret_bytes()));
        server.run("", &format!("CREATE SCHEMA {schema}"));
        let text = server.url_of(&schema);
        let url = text.parse().expect("the server's address is a database URL");
        Database { url, text, home: Home::Server { server, schema } }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Where it is, as a person would write it after `--database`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is a PostgreSQL database.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.home, Home::Server { .. })
    }

    /// The file, if it is a SQLite database.
    #[must_use]
    pub fn file(&self) -> Option<std::path::PathBuf> {
        match &self.home {
            Home::Folder(folder) => Some(folder.join("muster.db")),
            Home::Server { .. } => None,
        }
    }

    /// Opens it for writing, with these tables.
    ///
    /// # Panics
    /// It cannot be opened; use [`Store::open`] where that is the point.
    #[must_use]
    pub fn open(&self, slices: &[Slice]) -> Store {
        Store::open(&self.url, Access::Writer, slices).unwrap_or_else(|error| panic!("{}: {error}", self.url))
    }

    /// Runs a statement behind the program's back, with the database's own client where it is PostgreSQL.
    ///
    /// # Panics
    /// It is a SQLite database, or the statement fails.
    pub fn run_on_server(&self, sql: &str) -> String {
        let Home::Server { server, schema } = &self.home else { panic!("there is no server") };
        server.run(schema, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Home::Server { server, schema } = &self.home {
            server.run("", &format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

/// Shows `each` every value of every row of every table: `(table, column, value)`. For canaries, which must be nowhere.
///
/// # Errors
/// The database refuses.
pub fn everything(tx: &mut Tx<'_>, mut each: impl FnMut(&str, usize, &Value<'_>)) -> Result<(), StoreError> {
    for table in tx.tables()? {
        tx.query(&format!("SELECT * FROM {table}"), &[], |row| {
            (0..row.len()).try_for_each(|at| {
                each(&table, at, &row.value(at)?);
                Ok(())
            })
        })?;
    }
    Ok(())
}
