//! A database of the first version.

use access::SLICE;
use store::Slice;
use testkit::Database;

use crate::world::{NOW, ORG, World, secret};

testkit::on_each_database! {
    sealed_secrets_of_the_first_version_become_credentials,
}

static ALL: Slice = SLICE;

fn sealed_secrets_of_the_first_version_become_credentials(database: &Database) {
    // What the first version sealed is sealed the same way now.
    let now = World::new(&Database::sqlite());
    let rows = now.write(|tx| {
        for name in ["int_B", "int_a"] {
            access::store_secret(tx, &crate::ring(1), ORG, name, &secret(name))?;
        }
        let sql = "SELECT name, version, key_id, nonce, sealed FROM access_credential_version";
        Ok(tx.query(sql, &[], |row| (0..5).map(|at| Ok(row.value(at)?.into_owned())).collect::<Result<Vec<_>, _>>())?)
    });
    let old = database.open(&[Slice { name: "access", migrations: &ALL.migrations[..1] }]);
    let inserted = old.write_blocking(move |tx| {
        for row in rows {
            let credential =
                "INSERT INTO access_credential (org_id, name, version_last, version_active) VALUES (1, $1, 1, 1)";
            tx.execute(credential, &row[..1])?;
            let version = "INSERT INTO access_credential_version (org_id, name, version, key_id, nonce, sealed)
                VALUES (1, $1, $2, $3, $4, $5)";
            tx.execute(version, &row)?;
        }
        access::audit(tx, ORG, NOW, "cli", "integration.connect", "acme", "")
    });
    inserted.unwrap();
    drop(old);

    let store = database.open(&[SLICE]);
    let found = store.read_blocking(|tx| {
        let found = access::credentials(tx, ORG, None)?.usable;
        let opened = access::open_secret(tx, &crate::ring(1), ORG, "int_B")?;
        assert_eq!((opened.expose(), access::audit_trail(tx, ORG, 0, 9)?.len()), ("int_B", 1));
        Ok::<_, access::AccessError>(found)
    });
    let found = found.unwrap();
    assert_eq!(found.iter().map(|one| (one.id.0, &*one.name)).collect::<Vec<_>>(), [(2, "int_a"), (1, "int_B")]);
    assert!(found.iter().all(|one| one.version == Some(1) && one.kind == "sentinelone_api_token"));
    let next = store.write_blocking(|tx| {
        access::store_secret(tx, &crate::ring(1), ORG, "int_c", &secret("x"))?;
        access::credential_sealed_as(tx, ORG, "int_c")
    });
    assert_eq!(next.unwrap().unwrap().id.0, 3, "numbers go on");
}
