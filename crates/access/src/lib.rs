#![doc = include_str!("../README.md")]

mod audit;
mod credential;
mod error;
mod key;

pub use audit::{AuditEntry, audit, audit_trail};
pub use credential::{
    Versions, activate, check_keys, forget, open_secret, open_version, propose, store_secret, versions, withdraw,
};
pub use error::AccessError;
pub use key::{CREDENTIAL_NAME, KEY_FILE, KEY_FILE_VARIABLE, KEY_VARIABLE, Keyring};

/// This slice's tables: organizations, sealed credentials, the audit trail.
pub const SLICE: store::Slice = store::Slice {
    name: "access",
    migrations: &[store::Migration {
        number: 1,
        name: "org_credential_audit",
        sqlite: include_str!("../migrations/0001_org_credential_audit/sqlite.sql"),
        postgres: include_str!("../migrations/0001_org_credential_audit/postgres.sql"),
    }],
};
