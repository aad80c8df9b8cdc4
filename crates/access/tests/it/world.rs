//! A database with people in it.

use std::sync::LazyLock;

use access::{AccessError, AuditEntry, Fresh, Lifetimes, Origin, PasswordHash, PersonId, Role, SLICE, Session};
use kernel::{OrgId, Secret, Timestamp};
use store::{Store, StoreError, Tx};
use testkit::Database;

pub const ORG: OrgId = OrgId::DEFAULT;
pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub const BY: &str = "ada@example.com";
pub const PASSWORD: &str = "purple whale eats 9";

/// One hash for all: it costs.
pub static HASH: LazyLock<PasswordHash> =
    LazyLock::new(|| access::hash_password(&secret(PASSWORD), &[3; access::SALT_BYTES]));

pub struct World {
    pub store: Store,
    /// An administrator of the first organization.
    pub ada: PersonId,
}

impl World {
    pub fn new(database: &Database) -> World {
        let store = database.open(&[SLICE]);
        let ada = store.write_blocking(|tx| {
            let ada = access::add_person(tx, "Ada@Example.com", "Ada", NOW)?;
            access::set_member(tx, ORG, ada, Role::Admin, "cli", NOW)?;
            Ok::<_, AccessError>(ada)
        });
        World { ada: ada.unwrap(), store }
    }

    pub fn try_write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, AccessError> {
        self.store.write_blocking(work)
    }

    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, AccessError> + Send + 'static,
    ) -> T {
        self.try_write(work).unwrap()
    }

    pub fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, AccessError> + Send + 'static,
    ) -> T {
        self.store.read_blocking(work).unwrap()
    }

    /// Adds a member of the first organization.
    pub fn member(&self, login: &'static str, role: Role) -> PersonId {
        self.write(move |tx| {
            let who = access::add_person(tx, login, "Somebody", NOW)?;
            access::set_member(tx, ORG, who, role, BY, NOW)?;
            Ok(who)
        })
    }

    /// Another organization of Ada's.
    pub fn org(&self, name: &'static str) -> OrgId {
        let ada = self.ada;
        self.write(move |tx| access::create_org(tx, name, ada, BY, NOW))
    }

    pub fn session(&self, token: &Secret, now: Timestamp) -> Option<Session> {
        let token = token.clone();
        self.read(move |tx| access::session(tx, token.expose(), &Lifetimes::default(), now))
    }

    /// What the trail says was done, oldest first.
    pub fn trail(&self, org: OrgId) -> Vec<AuditEntry> {
        self.store.read_blocking(move |tx| access::audit_trail(tx, org, 0, 1000)).unwrap()
    }

    pub fn done(&self, org: OrgId, what: &str) -> Vec<AuditEntry> {
        self.trail(org).into_iter().filter(|line| line.what == what).collect()
    }

    /// Fails if a text is anywhere in the database.
    pub fn holds_no(&self, text: &str) {
        let text = text.to_owned();
        let found = self.store.read_blocking(move |tx| {
            testkit::everything(tx, move |table, column, value| {
                let bytes = match value {
                    store::Value::Text(words) => words.as_bytes(),
                    store::Value::Bytes(bytes) => bytes,
                    _ => &[],
                };
                let found = bytes.windows(text.len()).any(|piece| piece == text.as_bytes());
                assert!(!found, "{table} {column} holds a secret");
            })
        });
        found.unwrap();
    }

    pub fn run(&self, sql: &'static str) -> Result<u64, StoreError> {
        self.store.write_blocking(move |tx| tx.execute(sql, &[]))
    }
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub fn fresh(byte: u8) -> Fresh {
    [byte; 32]
}

pub fn at(seconds: i64) -> Timestamp {
    NOW.plus_seconds(seconds)
}

pub fn from(address: &str) -> Origin {
    Origin { address: address.to_owned(), agent: "Browser\n1".to_owned() }
}
