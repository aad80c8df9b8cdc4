//! Large first loads: indexes that only questions need are made once, after the rows, and not moved with each page.
//!
//! Rows arrive in the source's order, and the keys of these indexes in none: with every page of a growing table each of
//! their leaves is written again. Made afterwards, by sorting, they cost a third, and no more for a million rows.

use store::{Dialect, StoreError, Tx};

/// From so many records on it is worth while.
pub const LOAD_RECORDS_MIN: u64 = 20_000;

/// An index that questions use and applying does not.
struct Index {
    stream: &'static str,
    table: &'static str,
    name: &'static str,
    /// Its columns, as SQLite has them and as PostgreSQL has them, whose nulls go last unless told otherwise.
    columns: [&'static str; 2],
    /// What SQLite's planner is to assume of it: the line that the migration gave it.
    statistics: &'static str,
}

const INDEXES: &[Index] = &[
    Index {
        stream: "agents",
        table: "inventory_asset",
        name: "inventory_asset_seen",
        columns: [
            "org_id, last_seen, asset_id, os_term, type_term, edr_term, infected, active, site_id",
            "org_id, last_seen NULLS FIRST, asset_id, os_term, type_term, edr_term, infected, active, site_id",
        ],
        statistics: "100000 100000 2 1 1 1 1 1 1 1",
    },
    Index {
        stream: "agents",
        table: "inventory_asset",
        name: "inventory_asset_name",
        columns: ["org_id, name_folded, asset_id", "org_id, name_folded NULLS FIRST, asset_id"],
        statistics: "100000 100000 2 1",
    },
    Index {
        stream: "agents",
        table: "inventory_asset",
        name: "inventory_asset_facet",
        columns: ["org_id, os_term, type_term, edr_term, infected, active, last_seen, asset_id"; 2],
        statistics: "100000 100000 1000 300 200 100 50 1 1",
    },
    Index {
        stream: "agents",
        table: "inventory_asset",
        name: "inventory_asset_infected",
        columns: ["org_id, infected, active, last_seen, asset_id, os_term, type_term, edr_term"; 2],
        statistics: "100000 100000 2000 500 1 1 1 1 1",
    },
    Index {
        stream: "agents",
        table: "inventory_address",
        name: "inventory_address_ip",
        columns: ["org_id, ip, record_id"; 2],
        statistics: "400000 400000 2 1",
    },
    Index {
        stream: "applications",
        table: "inventory_software",
        name: "inventory_software_of_agent",
        columns: ["org_id, agent_record_id, release_id, gone"; 2],
        statistics: "2000000 2000000 20 1 1",
    },
    Index {
        stream: "applications",
        table: "inventory_software",
        name: "inventory_software_of_release",
        columns: ["org_id, release_id, agent_record_id, gone"; 2],
        statistics: "2000000 2000000 200 1 1",
    },
    Index {
        stream: "risks",
        table: "inventory_vulnerability",
        name: "inventory_vulnerability_of_agent",
        columns: ["org_id, agent_record_id"; 2],
        statistics: "500000 500000 10 1",
    },
    Index {
        stream: "risks",
        table: "inventory_vulnerability",
        name: "inventory_vulnerability_of_cve",
        columns: ["org_id, cve_term, agent_record_id"; 2],
        statistics: "500000 500000 50 1 1",
    },
    Index {
        stream: "risks",
        table: "inventory_vulnerability",
        name: "inventory_vulnerability_severity",
        columns: ["org_id, severity_term, agent_record_id, gone"; 2],
        statistics: "500000 500000 100000 2 2",
    },
    Index {
        stream: "activities",
        table: "inventory_activity",
        name: "inventory_activity_time",
        columns: ["org_id, created_at, record_id", "org_id, created_at NULLS FIRST, record_id"],
        statistics: "1000000 1000000 2 1",
    },
];

/// Takes away the indexes of the tables that a stream fills, if they are empty and many records are to come. Whoever
/// calls it calls [`finish_load`] when the sweep ends, however it ends, and when one begins: a process may die between.
///
/// # Errors
/// The database fails.
pub fn begin_load(tx: &mut Tx, stream: &str, records: u64) -> Result<(), StoreError> {
    if records < LOAD_RECORDS_MIN {
        return Ok(());
    }
    for index in INDEXES.iter().filter(|index| index.stream == stream) {
        let row = tx.query_opt(&format!("SELECT 1 FROM {} LIMIT 1", index.table), &[], |row| row.int(0))?;
        if row.is_none() {
            tx.execute(&format!("DROP INDEX IF EXISTS {}", index.name), &[])?;
        }
    }
    Ok(())
}

/// Makes the indexes of the tables that a stream fills, where they are missing.
///
/// # Errors
/// The database fails.
pub fn finish_load(tx: &mut Tx, stream: &str) -> Result<(), StoreError> {
    const SQLITE: &str = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name = $1";
    const POSTGRES: &str = "SELECT CAST(indexname AS TEXT) FROM pg_catalog.pg_indexes
        WHERE schemaname = current_schema() AND indexname = $1";
    const STATISTICS: &str = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ($1, $2, $3)";
    let (sql, dialect) = match tx.dialect() {
        Dialect::Sqlite => (SQLITE, 0),
        Dialect::Postgres => (POSTGRES, 1),
    };
    let mut made = false;
    for index in INDEXES.iter().filter(|index| index.stream == stream) {
        if tx.query_opt(sql, &[index.name.into()], |_| Ok(()))?.is_some() {
            continue;
        }
        let Index { table, name, columns, statistics, .. } = index;
        tx.execute(&format!("CREATE INDEX {name} ON {table} ({})", columns[dialect]), &[])?;
        if dialect == 0 {
            tx.execute(STATISTICS, &[(*table).into(), (*name).into(), (*statistics).into()])?;
            made = true;
        }
    }
    if made {
        // SQLite reads the statistics again.
        tx.execute("ANALYZE sqlite_schema", &[])?;
    }
    Ok(())
}
