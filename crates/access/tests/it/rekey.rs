//! Changing the key.

use std::collections::HashMap;

use access::{AccessError, Keyring, Provider, Rekeyed};
use kernel::OrgId;
use testkit::{Database, TestDir};

use crate::world::{BY, NOW, ORG, World, secret};

testkit::on_each_database! {
    after_a_change_of_keys_the_old_one_may_go,
    a_step_that_cannot_open_a_secret_changes_nothing,
}

/// The key of one byte before that of another.
fn both(first: u8, second: u8) -> Keyring {
    let dir = TestDir::new();
    let file = dir.write("first", format!("{first:02x}").repeat(32)).into_os_string().into_string().unwrap();
    crate::ring_of(&HashMap::from([("MUSTER_KEY_FILE", file), ("MUSTER_KEY", format!("{second:02x}").repeat(32))]))
}

fn filled(database: &Database) -> (World, OrgId) {
    let world = World::new(database);
    let acme = world.org("acme");
    let ada = world.ada;
    world.write(move |tx| {
        for (org, name) in [(ORG, "a"), (ORG, "b"), (acme, "a"), (acme, "z")] {
            access::store_secret(tx, &crate::ring(1), org, name, &secret(&format!("{org} {name}")))?;
        }
        access::propose(tx, &crate::ring(1), ORG, "b", &secret("pending"))?;
        access::enrol_second_factor(tx, &crate::ring(1), ada, &[7; 20])?;
        let provider = Provider {
            name: "Example".to_owned(),
            issuer: "https://id.example.com".to_owned(),
            client_id: "muster".to_owned(),
            client_secret: secret("client secret"),
            by_email: false,
            domains: vec![],
            provision: None,
        };
        access::save_provider(tx, &crate::ring(1), &provider, BY, NOW)
    });
    (world, acme)
}

fn after_a_change_of_keys_the_old_one_may_go(database: &Database) {
    let (world, acme) = filled(database);
    let step = |limit| world.write(move |tx| access::rekey(tx, &both(2, 1), limit, BY, NOW));
    assert_eq!(step(3), Rekeyed { done: 3, left: 4 });
    assert!(world.done(ORG, "key.rotate").is_empty());
    let opened = world.read(move |tx| access::open_secret(tx, &both(2, 1), acme, "z"));
    assert_eq!(opened.expose(), format!("{acme} z"), "half way, both keys open all");
    assert_eq!((step(3), step(3)), (Rekeyed { done: 3, left: 1 }, Rekeyed { done: 1, left: 0 }));
    assert_eq!(step(3), Rekeyed { done: 0, left: 0 });
    assert_eq!(world.done(ORG, "key.rotate").len(), 1);

    let new = crate::ring(2);
    let ada = world.ada;
    world.read(move |tx| {
        access::check_keys(tx, &new)?;
        for (org, name) in [(ORG, "a"), (ORG, "b"), (acme, "a"), (acme, "z")] {
            assert_eq!(access::open_secret(tx, &new, org, name)?.expose(), format!("{org} {name}"));
        }
        assert_eq!(access::open_version(tx, &new, ORG, "b", 2)?.expose(), "pending");
        assert_eq!(access::provider(tx, &new)?.unwrap().client_secret.expose(), "client secret");
        Ok(())
    });
    let code = world.write(move |tx| {
        access::confirm_second_factor(
            tx,
            &crate::ring(2),
            ada,
            "000000",
            None,
            &[0; access::RECOVERY_CODES * access::RECOVERY_BYTES],
            BY,
            NOW,
        )
    });
    assert!(code.is_none(), "the factor opens, and the code is wrong");
    let old = world.store.read_blocking(|tx| access::check_keys(tx, &crate::ring(1)));
    assert!(matches!(old, Err(AccessError::WrongKey { .. })), "{old:?}");
    let same = world.write(|tx| {
        access::store_secret(tx, &crate::ring(2), ORG, "twin", &secret(&format!("{ORG} a")))?;
        let [twin, first] = ["twin", "a"].map(|name| access::credential_sealed_as(tx, ORG, name));
        Ok((twin?.unwrap().fingerprint, first?.unwrap().fingerprint))
    });
    assert!(same.0.is_some() && same.0 == same.1, "fingerprints follow the key");
}

fn a_step_that_cannot_open_a_secret_changes_nothing(database: &Database) {
    let (world, _) = filled(database);
    let wrong = world.try_write(|tx| access::rekey(tx, &crate::ring(2), 100, BY, NOW));
    assert!(matches!(wrong, Err(AccessError::WrongKey { .. })), "{wrong:?}");
    let none = world.try_write(|tx| access::rekey(tx, &Keyring::default(), 100, BY, NOW));
    assert!(matches!(none, Err(AccessError::NoKey)));
    world.run("UPDATE access_second_factor SET sealed = nonce").unwrap();
    let tampered = world.try_write(|tx| access::rekey(tx, &both(2, 1), 100, BY, NOW));
    assert!(matches!(tampered, Err(AccessError::Tampered { .. })), "{tampered:?}");
    assert!(world.store.read_blocking(|tx| access::check_keys(tx, &crate::ring(1))).is_ok(), "nothing was sealed anew");
    world.run("DELETE FROM access_credential_version").unwrap();
    let refused = world.store.read_blocking(|tx| access::check_keys(tx, &Keyring::default()));
    assert!(matches!(refused, Err(AccessError::NoKey)), "factors and providers need their key, too");
}
