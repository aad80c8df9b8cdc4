//! Keys, sealed credentials and the audit trail, on both databases.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

extern crate muster_access as access;

mod link;
mod people;
mod provider;
mod reference;
mod rekey;
mod saved;
mod second_factor;
mod sign_in;
mod trail;
mod upgrade;
mod world;

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;

use access::{AccessError, Keyring, SLICE, Versions};
use kernel::{OrgId, Secret, Timestamp};
use store::{ErrorClass, Store, StoreError, Value};
use testkit::{Database, TestDir};

testkit::on_each_database! {
    a_secret_comes_back_and_is_nowhere_in_the_database,
    the_old_version_stays_until_the_new_one_has_worked,
    a_withdrawn_version_never_was,
    without_its_key_a_secret_stays_shut,
    a_new_key_may_stand_before_an_old_one,
    moved_or_changed_bytes_do_not_open,
    a_forgotten_credential_is_gone,
    the_default_organization_exists,
    the_audit_trail_only_grows,
    the_audit_trail_belongs_to_its_transaction,
}

const ORG: OrgId = OrgId::DEFAULT;
const CANARY: &str = "canary-4711-in-a-token";
const NAME: &str = "int_00000000000sg";

/// A keyring with one key, made of one repeated byte.
fn ring(byte: u8) -> Keyring {
    ring_of(&HashMap::from([("MUSTER_KEY", format!("{byte:02x}").repeat(32))]))
}

fn ring_of(variables: &HashMap<&str, String>) -> Keyring {
    let nowhere = TestDir::new();
    Keyring::load(&|name| variables.get(name).map(OsString::from), nowhere.path()).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn open(store: &Store, ring: &Keyring) -> Result<String, AccessError> {
    let ring = ring.clone();
    store.read_blocking(move |tx| Ok(access::open_secret(tx, &ring, ORG, NAME)?.expose().to_owned()))
}

fn write<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut store::Tx<'_>) -> Result<T, AccessError> + Send + 'static,
) -> T {
    store.write_blocking(work).unwrap()
}

fn a_secret_comes_back_and_is_nowhere_in_the_database(database: &Database) {
    let store = database.open(&[SLICE]);
    let version = write(&store, |tx| access::store_secret(tx, &ring(1), ORG, NAME, &secret(CANARY)));
    assert_eq!(version, 1);
    assert_eq!(open(&store, &ring(1)).unwrap(), CANARY);
    store
        .read_blocking(|tx| {
            testkit::everything(tx, |table, column, value| {
                let bytes = match value {
                    Value::Text(text) => text.as_bytes(),
                    Value::Bytes(bytes) => bytes,
                    _ => &[],
                };
                let found = bytes.windows(CANARY.len()).any(|piece| piece == CANARY.as_bytes());
                assert!(!found, "{table} {column}");
            })
        })
        .unwrap();
}

fn the_old_version_stays_until_the_new_one_has_worked(database: &Database) {
    let store = database.open(&[SLICE]);
    write(&store, |tx| access::store_secret(tx, &ring(1), ORG, NAME, &secret("old")));
    let proposed = write(&store, |tx| {
        access::propose(tx, &ring(1), ORG, NAME, &secret("typo"))?;
        access::propose(tx, &ring(1), ORG, NAME, &secret("new"))
    });
    assert_eq!(open(&store, &ring(1)).unwrap(), "old");
    let found = store.read_blocking(move |tx| {
        let versions = access::versions(tx, ORG, NAME)?;
        let pending = access::open_version(tx, &ring(1), ORG, NAME, proposed)?;
        Ok::<_, AccessError>((versions, pending.expose().to_owned()))
    });
    let versions = Versions { active: Some(1), pending: Some(proposed) };
    assert_eq!(found.unwrap(), (Some(versions), "new".to_owned()));

    write(&store, move |tx| access::activate(tx, ORG, NAME, proposed));
    assert_eq!(open(&store, &ring(1)).unwrap(), "new");
    let old = store.read_blocking(|tx| access::open_version(tx, &ring(1), ORG, NAME, 1));
    assert!(matches!(old, Err(AccessError::Missing { .. })), "{old:?}");
}

fn a_withdrawn_version_never_was(database: &Database) {
    let store = database.open(&[SLICE]);
    write(&store, |tx| {
        access::propose(tx, &ring(1), ORG, NAME, &secret("first try"))?;
        access::withdraw(tx, ORG, NAME)
    });
    assert!(matches!(open(&store, &ring(1)), Err(AccessError::Missing { .. })));
    let activated = store.write_blocking(|tx| access::activate(tx, ORG, NAME, 1));
    assert!(matches!(activated, Err(AccessError::Missing { .. })), "{activated:?}");
    let version = write(&store, |tx| access::store_secret(tx, &ring(1), ORG, NAME, &secret("second")));
    assert_eq!(version, 2);
    write(&store, |tx| access::withdraw(tx, ORG, NAME));
    assert_eq!(open(&store, &ring(1)).unwrap(), "second");
}

fn without_its_key_a_secret_stays_shut(database: &Database) {
    let store = database.open(&[SLICE]);
    let none = Keyring::default();
    let check = |ring: Keyring| store.read_blocking(move |tx| access::check_keys(tx, &ring));
    assert!(check(none.clone()).is_ok(), "nothing is sealed yet");
    write(&store, |tx| access::store_secret(tx, &ring(1), ORG, NAME, &secret(CANARY)));
    assert!(check(ring(1)).is_ok());

    for refused in [open(&store, &none).map(drop), check(none.clone())] {
        let error = refused.unwrap_err();
        assert!(matches!(error, AccessError::NoKey), "{error}");
        assert_eq!(error.class(), ErrorClass::Usage);
    }
    for refused in [open(&store, &ring(2)).map(drop), check(ring(2))] {
        let error = refused.unwrap_err();
        let AccessError::WrongKey { name, sealed_with, given } = &error else { panic!("{error}") };
        assert_eq!((name.as_str(), sealed_with.as_str(), given.as_str()), (NAME, ring(1).ids()[0], ring(2).ids()[0]));
        assert_eq!(error.class(), ErrorClass::Usage);
    }
    let sealed = store.write_blocking(|tx| access::propose(tx, &Keyring::default(), ORG, "x", &secret("y")));
    assert!(matches!(sealed, Err(AccessError::NoKey)));
}

fn a_new_key_may_stand_before_an_old_one(database: &Database) {
    let store = database.open(&[SLICE]);
    write(&store, |tx| access::store_secret(tx, &ring(1), ORG, NAME, &secret("old")));
    let dir = TestDir::new();
    let file = dir.write("new-key", "02".repeat(32)).into_os_string().into_string().unwrap();
    let both = ring_of(&HashMap::from([("MUSTER_KEY", "01".repeat(32)), ("MUSTER_KEY_FILE", file)]));
    assert_eq!(both.ids(), [ring(2).ids()[0], ring(1).ids()[0]]);
    assert_eq!(open(&store, &both).unwrap(), "old");
    write(&store, move |tx| access::store_secret(tx, &both, ORG, NAME, &secret("new")));
    assert_eq!(open(&store, &ring(2)).unwrap(), "new");
}

fn moved_or_changed_bytes_do_not_open(database: &Database) {
    let store = database.open(&[SLICE]);
    let change = |sql: &'static str| {
        write(&store, |tx| {
            access::store_secret(tx, &ring(1), ORG, NAME, &secret("mine"))?;
            access::store_secret(tx, &ring(1), ORG, "other", &secret("theirs"))
        });
        store.write_blocking(move |tx| tx.execute(sql, &[])).unwrap();
        open(&store, &ring(1))
    };
    const FROM_OTHER: &str = "(SELECT o.{} FROM access_credential_version o WHERE o.name = 'other')";
    let moved = format!(
        "UPDATE access_credential_version SET nonce = {}, sealed = {} WHERE name <> 'other'",
        FROM_OTHER.replace("{}", "nonce"),
        FROM_OTHER.replace("{}", "sealed")
    );
    for sql in [
        moved.leak() as &'static str,
        "UPDATE access_credential_version SET nonce = sealed",
        "UPDATE access_credential_version SET sealed = CAST('' AS BLOB)",
    ] {
        let sql = if database.is_postgres() { sql.replace("AS BLOB", "AS BYTEA").leak() } else { sql };
        let error = change(sql).unwrap_err();
        assert!(matches!(error, AccessError::Tampered { .. }), "{sql}: {error}");
        assert_eq!(error.class(), ErrorClass::Storage);
    }
}

fn a_forgotten_credential_is_gone(database: &Database) {
    let store = database.open(&[SLICE]);
    write(&store, |tx| access::store_secret(tx, &ring(1), ORG, NAME, &secret(CANARY)));
    assert!(write(&store, |tx| access::forget(tx, ORG, NAME)));
    assert!(!write(&store, |tx| access::forget(tx, ORG, NAME)));
    assert!(matches!(open(&store, &ring(1)), Err(AccessError::Missing { .. })));
    let left = "SELECT count(*) FROM access_credential_version";
    assert_eq!(store.read_blocking(move |tx| tx.query_one(left, &[], |row| row.int(0))).unwrap(), 0);
}

fn the_default_organization_exists(database: &Database) {
    let store = database.open(&[SLICE]);
    let sql = "SELECT org_id, name FROM access_org";
    let orgs = store.read_blocking(move |tx| tx.query(sql, &[], |row| Ok((row.int(0)?, row.text(1)?.to_owned()))));
    assert_eq!(orgs.unwrap(), [(ORG.0, "default".to_owned())]);
}

fn the_audit_trail_only_grows(database: &Database) {
    let store = database.open(&[SLICE]);
    let at = Timestamp::from_seconds(1_700_000_000);
    let seqs = store.write_blocking(move |tx| {
        (1..=3)
            .map(|n| access::audit(tx, ORG, at.plus_seconds(n), "cli", "integration.connect", "acme", "scope tenant"))
            .collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(seqs.unwrap(), [1, 2, 3]);
    for sql in [
        "DELETE FROM access_audit WHERE seq = 2",
        "UPDATE access_audit SET who = 'nobody'",
        "DELETE FROM access_org",
        "DELETE FROM access_audit",
    ] {
        let refused = store.write_blocking(move |tx| tx.execute(sql, &[]));
        assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{sql}: {refused:?}");
    }
    if database.is_postgres() {
        let refused = store.write_blocking(|tx| tx.execute("TRUNCATE access_audit", &[]));
        assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{refused:?}");
    } else {
        let replace = "INSERT OR REPLACE INTO access_audit VALUES (1, 2, 0, 'nobody', '', '', '')";
        let refused = store.write_blocking(move |tx| tx.execute(replace, &[]));
        assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{refused:?}");
    }
    let page = store.read_blocking(|tx| access::audit_trail(tx, ORG, 1, 1)).unwrap();
    let [entry] = &page[..] else { panic!("{page:?}") };
    assert_eq!((entry.seq, entry.at, entry.who.as_str()), (2, at.plus_seconds(2), "cli"));
    assert_eq!((&*entry.what, &*entry.subject, &*entry.detail), ("integration.connect", "acme", "scope tenant"));
}

fn the_audit_trail_belongs_to_its_transaction(database: &Database) {
    let store = database.open(&[SLICE]);
    let at = Timestamp::from_seconds(1);
    let given_up = store.write_blocking(move |tx| {
        access::audit(tx, ORG, at, "cli", "sync", "acme", "")?;
        Err::<(), _>(StoreError::Doomed)
    });
    assert!(given_up.is_err());
    let seq = store.write_blocking(move |tx| access::audit(tx, ORG, at, "cli", "sync", "acme", "")).unwrap();
    assert_eq!(seq, 1, "numbers have no gaps");
    let unknown = store.write_blocking(move |tx| access::audit(tx, OrgId(77), at, "cli", "sync", "acme", ""));
    assert!(unknown.is_err());
}

#[test]
fn the_first_connect_makes_a_key_that_only_its_owner_reads() {
    let dir = TestDir::new();
    let home = dir.join("data");
    let (made, path) = Keyring::load_or_create(&|_| None, &home).unwrap();
    let path = path.unwrap();
    assert_eq!(path, home.join("key"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (again, made_again) = Keyring::load_or_create(&|_| None, &home).unwrap();
    assert_eq!((again.ids(), made_again), (made.ids(), None));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!format!("{made:?}").contains(text.trim()));

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = Keyring::load(&|_| None, &home).unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
    assert_eq!(error.class(), ErrorClass::Usage);
}

#[test]
fn keys_are_looked_for_in_four_places_in_order() {
    let dir = TestDir::new();
    dir.write("muster-key", "02".repeat(32));
    let key = dir.write("key", "04".repeat(32));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let variables = HashMap::from([
        ("MUSTER_KEY_FILE", dir.write("named", "01".repeat(32)).into_os_string()),
        ("CREDENTIALS_DIRECTORY", dir.path().as_os_str().to_owned()),
        ("MUSTER_KEY", "03".repeat(32).into()),
    ]);
    let found = Keyring::load(&|name| variables.get(name).cloned(), dir.path()).unwrap();
    assert_eq!(found.ids(), [1, 2, 3, 4].map(|byte| ring(byte).ids()[0].to_owned()));
    let (same, made) = Keyring::load_or_create(&|name| variables.get(name).cloned(), dir.path()).unwrap();
    assert_eq!((same.ids(), made), (found.ids(), None));
    assert!(Keyring::load(&|_| None, &dir.join("empty")).unwrap().is_empty());
}

#[test]
fn a_key_that_cannot_be_used_is_named_by_its_place() {
    let dir = TestDir::new();
    let file = |path: std::path::PathBuf| {
        Keyring::load(&move |name| (name == "MUSTER_KEY_FILE").then(|| path.clone().into()), dir.path()).unwrap_err()
    };
    let missing = file(dir.join("nowhere"));
    assert!(matches!(missing, AccessError::KeyFile { .. }) && missing.to_string().ends_with("nowhere"), "{missing}");
    let empty = file(dir.write("empty", "\n"));
    assert!(empty.to_string().ends_with("empty cannot be used: it is empty"), "{empty}");
    let text = file(dir.write("text", "hunter2"));
    assert!(!format!("{text} {text:?}").contains("hunter2") && text.class() == ErrorClass::Usage, "{text}");
}
