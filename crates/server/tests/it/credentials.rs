//! Saved credentials: saved once they work, renewed without a gap, shared, and never read back.

use std::sync::Arc;

use access::Role;
use kernel::OrgId;
use sentinelone::Transport;
use sentinelone_sim::{Config, tokens};
use testkit::Database;

use crate::world::{START, World, mail};

testkit::on_each_database! {
    a_credential_is_saved_once_its_token_works_and_never_shown,
    a_new_secret_takes_the_old_ones_place_only_once_it_works,
    a_credential_is_granted_and_the_picker_says_what_is_hidden,
    what_is_used_is_not_removed,
    an_address_inside_a_private_network_is_asked_nothing,
    who_manages_the_installation_allows_private_addresses,
    an_integration_whose_credential_was_taken_away_says_so,
    whoever_saves_a_credential_second_sees_both,
    programs_save_renew_share_and_remove,
    a_user_of_snmp_v3_is_one_credential,
    a_secret_is_kept_elsewhere_by_who_manages_the_installation,
}

/// The service with a console of a dozen machines; Ada administers the first organization, Ben the second, and Ada is an
/// operator there.
pub fn world(database: &Database) -> (World, String) {
    let sim = sentinelone_sim::World::new(Config::new(7, 12, Arc::new(|| START.micros())));
    let world = World::asking(database, Transport::InProcess(sim.service()));
    world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
    let ben = world.write(|tx| access::add_person(tx, &mail("ben"), "Ben", START));
    world.write(move |tx| access::create_org(tx, "Acme Retail", ben, "ada", START));
    let ada = kernel::PersonId(1);
    world.write(move |tx| access::set_member(tx, OrgId(2), ada, Role::Operator, "ben", START));
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    (world, cookie)
}

fn save(world: &World, cookie: &str, name: &str, url: &str, secret: &str) -> crate::world::Reply {
    let csrf = world.csrf(cookie);
    let fields = [
        ("csrf", csrf.as_str()),
        ("name", name),
        ("kind", "sentinelone_api_token"),
        ("url", url),
        ("keeper", "server"),
        ("secret", secret),
    ];
    world.post("/credentials/new", cookie, &fields)
}

fn saved(world: &World, cookie: &str) -> String {
    let reply = save(world, cookie, "Acme reader", "https://acme.sentinelone.net/login", tokens::GLOBAL);
    assert_eq!(reply.status, 303, "{}", reply.body);
    reply.header("location").to_owned()
}

fn a_user_of_snmp_v3_is_one_credential(database: &Database) {
    const SECRETS: [&str; 2] = ["kanarien-eins", "kanarien-zwei"];
    let (world, ada) = world(database);
    let csrf = world.csrf(&ada);
    let sent = |name: &str, privacy: &str| {
        let fields = [
            ("csrf", csrf.as_str()),
            ("name", name),
            ("kind", "snmp_v3"),
            ("keeper", "server"),
            ("user", "muster"),
            ("hash", "sha1"),
            ("auth_secret", SECRETS[0]),
            ("privacy_secret", privacy),
        ];
        world.post("/credentials/new", &ada, &fields)
    };
    let short = sent("switches", "short");
    assert_eq!(short.status, 422);
    assert!(short.body.contains("each of its two secrets has 8 characters at least"), "{}", short.body);
    assert!(!short.body.contains(SECRETS[0]), "no secret is sent back");
    let saved = sent("switches", SECRETS[1]);
    assert_eq!(saved.status, 303, "{}", saved.body);
    let home = saved.header("location").to_owned();
    let id = kernel::CredentialId::parse(home.rsplit('/').next().unwrap()).unwrap();
    let keys = world.app.keys.clone();
    let opened = world
        .store
        .read_blocking::<_, access::AccessError, _>(move |tx| access::open_credential(tx, &keys, OrgId::DEFAULT, id));
    let access::Custody::Opened(secret) = opened.unwrap() else { panic!("it is kept here") };
    let user = sync::scan::User::parse(&secret).unwrap();
    assert_eq!((user.name.as_str(), user.hash), ("muster", sync::scan::Hash::Sha1));
    assert_eq!([user.auth.expose(), user.privacy.expose()], SECRETS);
    assert!(world.get("/tasks/scans/new", &ada).body.contains("switches"), "a scan may choose it");
    // Renewed, it stays one; what is none changes nothing.
    let rotate = |privacy: &str| {
        let fields = [
            ("csrf", csrf.as_str()),
            ("user", "muster"),
            ("hash", "sha256"),
            ("auth_secret", SECRETS[0]),
            ("privacy_secret", privacy),
        ];
        world.post(&format!("{home}/rotate"), &ada, &fields).status
    };
    assert_eq!((rotate("short"), rotate(SECRETS[1])), (422, 303));
    let headers = [("cookie", ada.as_str()), ("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    let none = r#"{"name":"others","kind":"snmp_v3","secret":"public"}"#;
    let refused = world.send("POST", "/api/v1/credentials", &headers, none);
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.body.contains("no user of SNMP v3"), "{}", refused.body);
}

fn a_credential_is_saved_once_its_token_works_and_never_shown(database: &Database) {
    let (world, ada) = world(database);
    assert!(world.get("/credentials", &ada).body.contains("No credential is saved yet"));
    for (name, url, secret, said) in [
        ("Acme", "acme.sentinelone.net", tokens::EXPIRED, "401"),
        ("Acme", "acme.sentinelone.net", "ApiToken abc", "leave that word out"),
        ("Acme", "", tokens::GLOBAL, "address is empty"),
        ("Acme", "acme.sentinelone.net", "", "nothing was entered"),
        ("", "acme.sentinelone.net", tokens::GLOBAL, "name of the credential"),
    ] {
        let reply = save(&world, &ada, name, url, secret);
        assert_eq!(reply.status, 422, "{name} {url}");
        assert!(reply.body.contains(said), "{said}: {}", reply.body);
        assert!(secret.is_empty() || !reply.body.contains(secret), "{said}");
    }
    let page = saved(&world, &ada);
    let shown = world.get(&page, &ada);
    for text in ["Acme reader", "https://acme.sentinelone.net", "Viewer", "tenant", "Nothing uses it yet"] {
        assert!(shown.body.contains(text), "{text}: {}", shown.body);
    }
    let again = save(&world, &ada, "ACME READER", "acme.sentinelone.net", tokens::GLOBAL);
    assert!(again.status == 422 && again.body.contains("already"), "{}", again.body);
    let list = world.get("/credentials", &ada);
    assert!(list.body.contains("Acme reader") && list.body.contains("Viewer"), "{}", list.body);
    for body in [&shown.body, &list.body, &world.get("/api/v1/credentials", &ada).body] {
        assert!(!body.contains(tokens::GLOBAL));
    }
    // Whoever only uses credentials sees them, and changes none.
    world.person("oleg", &[(OrgId::DEFAULT, Role::Operator)]);
    let oleg = world.cookie("oleg", OrgId::DEFAULT);
    let seen = world.get(&page, &oleg).body;
    assert!(seen.contains("Acme reader") && !seen.contains("/rotate"), "{seen}");
    assert_eq!(save(&world, &oleg, "Mine", "acme.sentinelone.net", tokens::GLOBAL).status, 403);
}

fn a_new_secret_takes_the_old_ones_place_only_once_it_works(database: &Database) {
    let (world, ada) = world(database);
    let page = saved(&world, &ada);
    let id = page.trim_start_matches("/credentials/").to_owned();
    let csrf = world.csrf(&ada);
    let rotate =
        |secret: &str| world.post(&format!("{page}/rotate"), &ada, &[("csrf", csrf.as_str()), ("secret", secret)]);
    let version = || world.get(&format!("/api/v1/credentials/{id}"), &ada).json()["version"].as_i64();
    assert_eq!(version(), Some(1));
    let wrong = rotate(tokens::EXPIRED);
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.body.contains("The old secret stays in use") && !wrong.body.contains(tokens::EXPIRED),
        "{}",
        wrong.body
    );
    assert_eq!(version(), Some(1));
    let keys = crate::world::ring();
    let opened = |keys: access::Keyring| {
        let id = kernel::CredentialId::parse(&id).unwrap();
        let access::Custody::Opened(secret) =
            world.write(move |tx| access::open_credential(tx, &keys, OrgId::DEFAULT, id))
        else {
            panic!("it is kept here")
        };
        secret.expose().to_owned()
    };
    assert_eq!(opened(keys.clone()), tokens::GLOBAL);
    assert_eq!(rotate(tokens::ACCOUNT).status, 303);
    assert_eq!(opened(keys), tokens::ACCOUNT);
    assert!(world.get(&page, &ada).body.contains("account"), "what it sees now is shown");
    assert_eq!(rotate(" ").status, 422);
}

fn a_credential_is_granted_and_the_picker_says_what_is_hidden(database: &Database) {
    let (world, ada) = world(database);
    let page = saved(&world, &ada);
    let csrf = world.csrf(&ada);
    let elsewhere = world.cookie("ada", OrgId(2));
    let hidden = world.get("/credentials", &elsewhere).body;
    assert!(hidden.contains("is not listed, because Acme Retail has no access"), "{hidden}");
    assert_eq!(world.get(&page, &elsewhere).status, 404);
    // Nobody learns of it who is in no organization that has it.
    let ben = world.cookie("ben", OrgId(2));
    assert!(!world.get("/credentials", &ben).body.contains("Acme reader"));
    let share = |fields: &[(&str, &str)]| {
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        world.post(&format!("{page}/share"), &ada, &all)
    };
    assert_eq!(share(&[("org", "2")]).status, 303);
    let granted = world.get("/credentials", &ben).body;
    assert!(granted.contains("Acme reader") && granted.contains("Granted to this one"), "{granted}");
    let shown = world.get(&page, &ben).body;
    assert!(shown.contains("changes it.") && !shown.contains("/rotate"), "{shown}");
    assert_eq!(share(&[("org", "99")]).status, 422);
    assert_eq!(share(&[]).status, 303);
    assert!(!world.get("/credentials", &ben).body.contains("Acme reader"));
    assert_eq!(share(&[("global", "on")]).status, 303);
    assert!(world.get("/credentials", &ben).body.contains("Every organization"));
    // Who may use it may not change it.
    let theirs = world.csrf(&ben);
    for (what, name, value) in [("rotate", "secret", tokens::ACCOUNT), ("change", "name", "Mine"), ("remove", "a", "")]
    {
        let reply = world.post(&format!("{page}/{what}"), &ben, &[("csrf", theirs.as_str()), (name, value)]);
        assert_eq!(reply.status, 403, "{what}");
    }
}

fn what_is_used_is_not_removed(database: &Database) {
    let (world, ada) = world(database);
    let page = saved(&world, &ada);
    let id = kernel::CredentialId::parse(page.trim_start_matches("/credentials/")).unwrap();
    let at = world.place(OrgId::DEFAULT);
    let token = world.run(sync::open_token(at, id)).unwrap();
    let order = sync::Connect {
        credential: Some(id),
        name: Some("EMEA".to_owned()),
        ..sync::Connect::new(sentinelone::Console::parse("acme.sentinelone.net").unwrap(), token)
    };
    world.run(sync::connect(at, order)).unwrap();
    let csrf = world.csrf(&ada);
    let remove = || world.post(&format!("{page}/remove"), &ada, &[("csrf", csrf.as_str())]);
    let refused = remove();
    assert!(refused.status == 409 && refused.body.contains("used by EMEA"), "{}", refused.body);
    assert!(world.get(&page, &ada).body.contains("EMEA"));
    // The integration reads with it, and goes on with its next secret.
    let overview = |world: &World| {
        let now = world.clock.now();
        world.store.read_blocking(move |tx| sync::overviews(tx, OrgId::DEFAULT, now)).unwrap().remove(0)
    };
    let seen = world.run(sync::examine::examine(at, &overview(&world))).unwrap();
    assert!(seen.failed.is_none() && overview(&world).integration.credential == Some(id));
    let fields = [("csrf", csrf.as_str()), ("secret", tokens::ACCOUNT)];
    assert_eq!(world.post(&format!("{page}/rotate"), &ada, &fields).status, 303);
    let seen = world.run(sync::examine::examine(at, &overview(&world))).unwrap();
    assert_eq!(sync::facts(&seen.probe.unwrap()).scope.as_deref(), Some("account"));
}

fn an_address_inside_a_private_network_is_asked_nothing(database: &Database) {
    // The transport of this world panics when it is asked for anything.
    let world = World::new(database);
    let ada = world.cookie("ada", OrgId::DEFAULT);
    for url in
        ["localhost", "127.0.0.1:9400", "http://[::1]/", "10.1.2.3", "169.254.169.254", "console.internal", "intranet"]
    {
        let reply = save(&world, &ada, "Inside", url, tokens::GLOBAL);
        assert_eq!(reply.status, 422, "{url}");
        assert!(reply.body.contains("so nothing was sent."), "{url}: {}", reply.body);
        assert!(reply.body.contains("--allow-private-consoles"), "{url}: {}", reply.body);
    }
}

fn an_integration_whose_credential_was_taken_away_says_so(database: &Database) {
    let (world, ada) = world(database);
    let page = saved(&world, &ada);
    let id = kernel::CredentialId::parse(page.trim_start_matches("/credentials/")).unwrap();
    world.write(move |tx| access::set_global(tx, OrgId::DEFAULT, id, true, "ada", START));
    let at = world.place(OrgId(2));
    let token = world.run(sync::open_token(at, id)).unwrap();
    let order = sync::Connect {
        credential: Some(id),
        name: Some("EMEA".to_owned()),
        ..sync::Connect::new(sentinelone::Console::parse("acme.sentinelone.net").unwrap(), token)
    };
    let home = format!("/integrations/{}", world.run(sync::connect(at, order)).unwrap().integration.id);
    let ben = world.cookie("ben", OrgId(2));
    let taken = "not granted to this organization any more";
    let before = world.get(&home, &ben);
    assert!(before.status == 200 && !before.body.contains(taken));
    let by_link = format!("/credentials/links/new?integration={}", home.trim_start_matches("/integrations/"));
    assert!(before.body.contains(&format!("href=\"{by_link}\"")), "a link can ask for a new token");
    assert!(world.get(&by_link, &ben).body.contains("EMEA"));
    world.write(move |tx| access::set_global(tx, OrgId::DEFAULT, id, false, "ada", START));
    let after = world.get(&home, &ben).body;
    assert!(after.contains(taken) && after.contains("Have its owner grant it again"), "{after}");
    assert!(after.contains(&format!("href=\"{home}/reconnect\"")));
}

fn whoever_saves_a_credential_second_sees_both(database: &Database) {
    let (world, ada) = world(database);
    let page = saved(&world, &ada);
    let shown = world.get(&page, &ada).body;
    // The page has a form for who may use it, too, with a stamp of its own.
    let form = &shown[shown.find("/change\"").expect("there is a form")..];
    let from = form.find("name=\"stamp\" value=\"").expect("the form carries a stamp") + 20;
    let stamp = form[from..].split('"').next().unwrap().to_owned();
    let csrf = world.csrf(&ada);
    let change = |name: &str| {
        let fields = [("csrf", &*csrf), ("name", name), ("url", "acme.sentinelone.net"), ("stamp", &stamp)];
        world.post(&format!("{page}/change"), &ada, &fields)
    };
    assert_eq!(change("First").status, 303);
    let second = change("Second");
    assert_eq!(second.status, 409);
    assert!(second.body.contains("First") && second.body.contains("you entered Second"), "{}", second.body);
    assert!(world.get("/credentials", &ada).body.contains("First"));
}

fn who_manages_the_installation_allows_private_addresses(database: &Database) {
    let (world, ada) = world(database);
    let ben = world.cookie("ben", OrgId(2));
    let choose = |cookie: &str, on: &str| {
        let csrf = world.csrf(cookie);
        world.post("/settings/consoles", cookie, &[("csrf", &csrf), ("private", on)]).status
    };
    assert_eq!(choose(&ben, "on"), 403);
    let shut = save(&world, &ada, "Inside", "10.1.2.3", tokens::GLOBAL);
    assert!(shut.status == 422 && shut.body.contains("in Settings by who manages the installation"), "{}", shut.body);
    assert_eq!(choose(&ada, "on"), 303);
    // From here on whatever the simulated console says of such an address is another matter.
    let open = save(&world, &ada, "Inside", "10.1.2.3", tokens::GLOBAL);
    assert!(!open.body.contains("so nothing was sent."), "{}", open.body);
    assert!(world.get("/settings", &ada).body.contains("Allowed: consoles may stand inside a private network"));
    assert_eq!(choose(&ada, ""), 303);
    let shut = save(&world, &ada, "Again", "10.1.2.3", tokens::GLOBAL);
    assert!(shut.body.contains("so nothing was sent."), "{}", shut.body);
    assert!(world.get("/audit?what=setting.", &ada).body.contains("setting.private_consoles"));
}

fn programs_save_renew_share_and_remove(database: &Database) {
    let (world, ada) = world(database);
    let origin = format!("http://{}", world.address);
    let sent = |method: &str, path: &str, body: &str| {
        let headers = [("cookie", ada.as_str()), ("content-type", "application/json"), ("origin", origin.as_str())];
        world.send(method, path, &headers, body)
    };
    let new = |secret: &str| {
        format!(r#"{{"name":"API","kind":"sentinelone_api_token","url":"acme.sentinelone.net","secret":"{secret}"}}"#)
    };
    let refused = sent("POST", "/api/v1/credentials", &new(tokens::EXPIRED));
    assert_eq!((refused.status, refused.json()["mistakes"][0]["field"].as_str()), (422, Some("secret")));
    let made = sent("POST", "/api/v1/credentials", &new(tokens::GLOBAL));
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["role"], "Viewer");
    let path = format!("/api/v1/credentials/{id}");
    let rotated = sent("POST", &format!("{path}/rotate"), &format!(r#"{{"secret":"{}"}}"#, tokens::ACCOUNT));
    assert_eq!((rotated.status, rotated.json()["version"].as_i64()), (200, Some(2)), "{}", rotated.body);
    let shared = sent("PUT", &format!("{path}/sharing"), r#"{"organizations":[2]}"#);
    assert_eq!(shared.json()["granted_to"], serde_json::json!([2]), "{}", shared.body);
    for body in ["", "{", r#"{"secret":7}"#, r#"{"secret":"a","more":1}"#] {
        assert_eq!(sent("POST", &format!("{path}/rotate"), body).status, 422, "{body}");
    }
    assert_eq!(sent("DELETE", &path, "").status, 200);
    assert_eq!(world.get(&path, &ada).status, 404);
}

fn a_secret_is_kept_elsewhere_by_who_manages_the_installation(database: &Database) {
    let (world, ada) = world(database);
    let page = saved(&world, &ada);
    let csrf = world.csrf(&ada);
    let keep = |reference: &str| {
        world.post(&format!("{page}/keep"), &ada, &[("csrf", csrf.as_str()), ("reference", reference)])
    };
    for (reference, said) in [
        ("hunter2", "no reference to a secret"),
        ("env:PATH", "no reference to a secret"),
        ("vault://secret/muster#token", "not configured"),
        ("env:MUSTER_SECRET_NOWHERE", "nothing there"),
    ] {
        let reply = keep(reference);
        assert_eq!(reply.status, 422, "{reference}");
        assert!(reply.body.to_lowercase().contains(said), "{reference}: {}", reply.body);
    }
    // What is sealed here was not destroyed by any of these.
    assert!(world.get(&page, &ada).body.contains("This server, sealed"));
    // References are followed with the server's own rights: administrators of one organization may not write any.
    let ben = world.cookie("ben", OrgId(2));
    let theirs = world.csrf(&ben);
    let fields = [
        ("csrf", theirs.as_str()),
        ("name", "Mine"),
        ("kind", "sentinelone_api_token"),
        ("url", "evil.example.com"),
        ("keeper", "reference"),
        ("reference", "env:MUSTER_SECRET_NOWHERE"),
    ];
    assert_eq!(world.post("/credentials/new", &ben, &fields).status, 403);
}
