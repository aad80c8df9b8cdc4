//! Credentials as people see them.

use access::{
    AccessError, CREDENTIALS_MAX, Credential, CredentialId, Custodian, Custody, Facts, Keep, Keyring, NewCredential,
    Reference, Role,
};
use kernel::{IntegrationId, OrgId};
use testkit::Database;

use crate::world::{BY, NOW, ORG, World, at, secret};

testkit::on_each_database! {
    a_saved_secret_is_opened_by_who_may_and_is_nowhere_readable,
    names_are_unique_in_their_organization,
    a_grant_or_the_whole_world_may_use_it_and_others_learn_what_is_hidden,
    equal_secrets_are_noticed,
    a_new_version_takes_the_place_once_it_has_worked,
    what_is_kept_elsewhere_is_not_here,
    what_was_sealed_by_name_is_a_credential,
    only_its_owner_changes_a_credential,
}

const TOKEN: &str = "canary-4712-in-a-token";

fn ring() -> Keyring {
    crate::ring(1)
}

fn new(name: &str, keep: Keep) -> NewCredential {
    let (kind, url) = ("sentinelone_api_token".to_owned(), "https://acme.example.net".to_owned());
    NewCredential { name: name.to_owned(), kind, url, keep }
}

fn save(world: &World, org: OrgId, name: &str, text: &str) -> CredentialId {
    let new = new(name, Keep::Secret(secret(text)));
    world.write(move |tx| access::save_credential(tx, &ring(), org, &new, BY, NOW))
}

fn get(world: &World, org: OrgId, id: CredentialId) -> Option<Credential> {
    world.read(move |tx| access::credential(tx, org, id))
}

fn open(world: &World, org: OrgId, id: CredentialId) -> Result<String, AccessError> {
    world.store.read_blocking(move |tx| match access::open_credential(tx, &ring(), org, id)? {
        Custody::Opened(secret) => Ok(secret.expose().to_owned()),
        other => Ok(format!("{other:?}")),
    })
}

fn a_saved_secret_is_opened_by_who_may_and_is_nowhere_readable(database: &Database) {
    let world = World::new(database);
    let acme = world.org("acme");
    let id = save(&world, ORG, " Acme ", TOKEN);
    let found = get(&world, ORG, id).unwrap();
    assert_eq!((&*found.name, found.org, found.version, found.global), ("Acme", ORG, Some(1), false));
    assert_eq!(
        (found.created_at, &found.custodian, &*found.url),
        (NOW, &Custodian::Server, "https://acme.example.net")
    );
    assert!(!format!("{found:?}").contains(TOKEN));
    world.holds_no(TOKEN);
    assert_eq!(open(&world, ORG, id).unwrap(), TOKEN);
    assert!(matches!(open(&world, acme, id), Err(AccessError::NoSuch { .. })) && get(&world, acme, id).is_none());
    let facts = Facts { role: Some("Viewer".to_owned()), scope: Some("tenant".to_owned()), expires_at: Some(at(9)) };
    let learned = facts.clone();
    world.write(move |tx| access::learn(tx, ORG, id, &learned));
    assert_eq!(get(&world, ORG, id).unwrap().facts, facts);
    world.write(move |tx| access::remove_credential(tx, ORG, id, BY, NOW));
    assert!(get(&world, ORG, id).is_none() && open(&world, ORG, id).is_err());
    assert_eq!(world.done(ORG, "credential.remove")[0].subject, "Acme");
}

fn names_are_unique_in_their_organization(database: &Database) {
    let world = World::new(database);
    let acme = world.org("acme");
    let one = save(&world, ORG, "Console", TOKEN);
    save(&world, acme, "Console", TOKEN);
    let two = save(&world, ORG, "Other", TOKEN);
    assert_ne!(one, two);
    for name in ["CONSOLE", "", "a\nb", &IntegrationId(1).to_string()] {
        let wanted = new(name, Keep::Secret(secret("x")));
        assert!(
            world.try_write(move |tx| access::save_credential(tx, &ring(), ORG, &wanted, BY, NOW)).is_err(),
            "{name}"
        );
    }
    let odd = NewCredential { kind: "password".to_owned(), ..new("Odd", Keep::Secret(secret("x"))) };
    let refused = world.try_write(move |tx| access::save_credential(tx, &ring(), ORG, &odd, BY, NOW));
    assert!(matches!(refused, Err(AccessError::Invalid { .. })));
    let taken = world.try_write(move |tx| access::change_credential(tx, ORG, two, "console", "", BY, NOW));
    assert!(matches!(taken, Err(AccessError::Taken { .. })));
    world.write(move |tx| access::change_credential(tx, ORG, one, "console", "https://b.example.net", BY, at(1)));
    let found = get(&world, ORG, one).unwrap();
    assert_eq!((&*found.name, &*found.url, found.changed_at), ("console", "https://b.example.net", at(1)));
    assert_eq!(open(&world, ORG, one).unwrap(), TOKEN, "a new name opens the same");
    const { assert!(CREDENTIALS_MAX >= 1000) };
}

fn a_grant_or_the_whole_world_may_use_it_and_others_learn_what_is_hidden(database: &Database) {
    let world = World::new(database);
    let (acme, ada) = (world.org("acme"), world.ada);
    let beta = world.org("beta");
    let id = save(&world, ORG, "Console", TOKEN);
    let own = save(&world, acme, "a own", "x");
    let listed = |org, person| {
        let found = world.read(move |tx| access::credentials(tx, org, person));
        let usable = found.usable.into_iter().map(|one| one.id).collect::<Vec<_>>();
        (usable, found.hidden.into_iter().map(|one| format!("{} of {}", one.name, one.org_name)).collect::<Vec<_>>())
    };
    assert_eq!(listed(acme, Some(ada)), (vec![own], vec!["Console of default".to_owned()]));
    assert_eq!(listed(acme, None), (vec![own], vec![]), "a stranger does not learn what others have");
    let bob = world.member("bob@example.com", Role::Viewer);
    world.write(move |tx| access::set_member(tx, acme, bob, Role::Admin, BY, NOW));
    assert_eq!(listed(acme, Some(bob)).1, Vec::<String>::new(), "nor does who may not use them there");

    world.write(move |tx| access::set_grant(tx, ORG, id, acme, true, BY, NOW));
    world.write(move |tx| access::set_grant(tx, ORG, id, acme, true, BY, NOW));
    assert_eq!(listed(acme, Some(ada)), (vec![own, id], vec![]));
    assert_eq!(open(&world, acme, id).unwrap(), TOKEN);
    assert_eq!(world.read(move |tx| access::grants(tx, ORG, id)), [acme]);
    assert!(open(&world, beta, id).is_err());
    world.write(move |tx| access::set_grant(tx, ORG, id, acme, false, BY, NOW));
    assert!(open(&world, acme, id).is_err());
    world.write(move |tx| access::set_global(tx, ORG, id, true, BY, NOW));
    assert_eq!(open(&world, beta, id).unwrap(), TOKEN);
    assert_eq!(listed(beta, Some(ada)), (vec![id], vec!["a own of acme".to_owned()]));
    world.write(move |tx| access::set_global(tx, ORG, id, false, BY, NOW));
    assert!(open(&world, beta, id).is_err());
    assert_eq!(world.done(ORG, "credential.grant")[0].detail, "acme");
}

fn equal_secrets_are_noticed(database: &Database) {
    let world = World::new(database);
    let ids = [save(&world, ORG, "a", TOKEN), save(&world, ORG, "b", TOKEN), save(&world, ORG, "c", "other")];
    let [a, b, c] = ids.map(|id| get(&world, ORG, id).unwrap().fingerprint.unwrap());
    assert!(a == b && a != c && a.len() == 16, "{a} {b} {c}");
    use sha2::Digest;
    let plain = sha2::Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(!plain.contains(&a), "nobody without the key can compute it");
}

fn a_new_version_takes_the_place_once_it_has_worked(database: &Database) {
    let world = World::new(database);
    let id = save(&world, ORG, "Console", "old");
    let version = world.write(move |tx| access::propose_secret(tx, &ring(), ORG, id, &secret("new")));
    assert_eq!((version, open(&world, ORG, id).unwrap()), (2, "old".to_owned()));
    let facts = Facts { role: Some("Viewer".to_owned()), ..Facts::default() };
    world.write(move |tx| access::activate_secret(tx, ORG, id, version, &facts, BY, at(1)));
    let found = get(&world, ORG, id).unwrap();
    assert_eq!((open(&world, ORG, id).unwrap(), found.version, found.changed_at), ("new".to_owned(), Some(2), at(1)));
    assert_eq!(found.facts.role.as_deref(), Some("Viewer"));
    assert_eq!(world.done(ORG, "credential.rotate")[0].detail, "version 2");
    let again = world.try_write(move |tx| access::activate_secret(tx, ORG, id, 1, &Facts::default(), BY, NOW));
    assert!(matches!(again, Err(AccessError::Missing { .. })));
}

fn what_is_kept_elsewhere_is_not_here(database: &Database) {
    let world = World::new(database);
    let reference = Reference::parse("vault://secret/acme#token").unwrap();
    let id = save(&world, ORG, "Console", TOKEN);
    let to = Custodian::Reference(reference.clone());
    world.write(move |tx| access::set_custodian(tx, ORG, id, &to, BY, at(1)));
    let found = get(&world, ORG, id).unwrap();
    assert_eq!((found.custodian, found.version, found.fingerprint), (Custodian::Reference(reference), None, None));
    let left = "SELECT count(*) FROM access_credential_version";
    assert_eq!(world.store.read_blocking(move |tx| tx.query_one(left, &[], |row| row.int(0))).unwrap(), 0);
    let opened = world.read(move |tx| access::open_credential(tx, &ring(), ORG, id));
    assert!(matches!(opened, Custody::Elsewhere(_)));
    let refused = world.try_write(move |tx| access::propose_secret(tx, &ring(), ORG, id, &secret("x")));
    assert!(matches!(refused, Err(AccessError::KeptElsewhere { .. })), "{refused:?}");

    let wanted = new("Explorer's", Keep::Explorer("exp_1".to_owned()));
    let far = world.write(move |tx| access::save_credential(tx, &ring(), ORG, &wanted, BY, NOW));
    let opened = world.read(move |tx| access::open_credential(tx, &ring(), ORG, far));
    assert!(matches!(opened, Custody::Explorer(explorer) if explorer == "exp_1"));
    world.write(move |tx| access::set_custodian(tx, ORG, far, &Custodian::Server, BY, NOW));
    assert!(matches!(open(&world, ORG, far), Err(AccessError::Missing { .. })), "it needs a secret first");
    let version = world.write(move |tx| access::propose_secret(tx, &ring(), ORG, far, &secret("here")));
    world.write(move |tx| access::activate_secret(tx, ORG, far, version, &Facts::default(), BY, NOW));
    assert_eq!(open(&world, ORG, far).unwrap(), "here");
    let unknown = "UPDATE access_credential SET kept_at = 'hsm:1' WHERE custodian = 'reference'";
    world.run(unknown).unwrap();
    let found = get(&world, ORG, id).unwrap().custodian;
    assert_eq!(found, Custodian::Reference(Reference::Unknown("hsm:1".to_owned())));
}

fn what_was_sealed_by_name_is_a_credential(database: &Database) {
    let world = World::new(database);
    let name = IntegrationId(1).to_string();
    let sealed_as = name.clone();
    world.write(move |tx| access::store_secret(tx, &ring(), ORG, &sealed_as, &secret(TOKEN)));
    let sealed_as = name.clone();
    let found = world.read(move |tx| access::credential_sealed_as(tx, ORG, &sealed_as)).unwrap();
    assert_eq!((&found.name, &found.sealed_as, &*found.kind), (&name, &name, "sentinelone_api_token"));
    assert_eq!(open(&world, ORG, found.id).unwrap(), TOKEN);
    let id = found.id;
    world.write(move |tx| access::change_credential(tx, ORG, id, "Acme's", "", BY, NOW));
    let sealed_as = name.clone();
    world.write(move |tx| access::store_secret(tx, &ring(), ORG, &sealed_as, &secret("new")));
    let found = get(&world, ORG, id).unwrap();
    assert_eq!((&*found.name, found.version, open(&world, ORG, id).unwrap()), ("Acme's", Some(2), "new".to_owned()));
    let explorers = Custodian::Explorer("exp_1".to_owned());
    world.write(move |tx| access::set_custodian(tx, ORG, id, &explorers, BY, NOW));
    let refused = world.try_write(move |tx| access::store_secret(tx, &ring(), ORG, &name, &secret("x")));
    assert!(matches!(refused, Err(AccessError::KeptElsewhere { .. })));
}

fn only_its_owner_changes_a_credential(database: &Database) {
    let world = World::new(database);
    let acme = world.org("acme");
    let id = save(&world, ORG, "Console", TOKEN);
    world.write(move |tx| access::set_grant(tx, ORG, id, acme, true, BY, NOW));
    for what in 0..7 {
        let refused = world.try_write(move |tx| match what {
            0 => access::change_credential(tx, acme, id, "mine", "", BY, NOW),
            1 => access::propose_secret(tx, &ring(), acme, id, &secret("x")).map(drop),
            2 => access::activate_secret(tx, acme, id, 1, &Facts::default(), BY, NOW),
            3 => access::set_custodian(tx, acme, id, &Custodian::Explorer("e".to_owned()), BY, NOW),
            4 => access::set_global(tx, acme, id, true, BY, NOW),
            5 => access::set_grant(tx, acme, id, acme, true, BY, NOW),
            _ => access::remove_credential(tx, acme, id, BY, NOW),
        });
        assert!(matches!(refused, Err(AccessError::NoSuch { .. })), "{what}: {refused:?}");
    }
    assert_eq!(open(&world, acme, id).unwrap(), TOKEN);
}
