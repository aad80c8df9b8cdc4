//! Every public behaviour of the store, on both databases.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

extern crate muster_store as store;

mod backup;
mod bulk;
mod disk;
mod equal;
mod lock;
mod migrate;
mod tls;
mod transaction;
mod trouble;

use store::{Migration, Slice};

/// A small slice to test with: one table with every kind of column, and one that refers to it.
pub(crate) const SHOP: Slice = Slice { name: "shop", migrations: &[SHELVES] };

pub(crate) const SHELVES: Migration = Migration {
    number: 1,
    name: "shelves",
    sqlite: "CREATE TABLE shop_item (org_id INTEGER NOT NULL, item_id INTEGER NOT NULL, name TEXT, price REAL, hash BLOB,
                 PRIMARY KEY (org_id, item_id)) STRICT, WITHOUT ROWID;
             CREATE TABLE shop_sale (org_id INTEGER NOT NULL, sale_id INTEGER NOT NULL, item_id INTEGER NOT NULL,
                 PRIMARY KEY (org_id, sale_id), FOREIGN KEY (org_id, item_id) REFERENCES shop_item (org_id, item_id)) STRICT;",
    postgres: "CREATE TABLE shop_item (org_id BIGINT NOT NULL, item_id BIGINT NOT NULL, name TEXT COLLATE \"C\",
                 price DOUBLE PRECISION, hash BYTEA, PRIMARY KEY (org_id, item_id));
             CREATE TABLE shop_sale (org_id BIGINT NOT NULL, sale_id BIGINT NOT NULL, item_id BIGINT NOT NULL,
                 PRIMARY KEY (org_id, sale_id), FOREIGN KEY (org_id, item_id) REFERENCES shop_item (org_id, item_id));",
};

pub(crate) const ADD: &str = "INSERT INTO shop_item (org_id, item_id, name) VALUES (1, $1, $2)";
pub(crate) const COUNT: &str = "SELECT count(*) FROM shop_item";
pub(crate) const NAMES: &str = "SELECT name FROM shop_item ORDER BY item_id";

/// How many items there are.
pub(crate) fn count(store: &store::Store) -> i64 {
    store.read_blocking(|tx| tx.query_one(COUNT, &[], |row| row.int(0))).unwrap()
}

/// Adds an item in a transaction of its own.
pub(crate) fn add(store: &store::Store, id: i64, name: &'static str) -> Result<u64, store::StoreError> {
    store.write_blocking(move |tx| tx.execute(ADD, &[id.into(), name.into()]))
}
