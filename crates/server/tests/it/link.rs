//! Connection links: an operator asks, somebody without an account consents and hands the token over, once.

use access::Role;
use kernel::OrgId;
use sentinelone_sim::tokens;
use testkit::Database;

use crate::credentials::world;
use crate::world::{Reply, START, World};

testkit::on_each_database! {
    a_console_is_connected_by_somebody_without_an_account,
    a_link_gives_a_known_integration_a_new_token_and_nothing_else_one,
    a_link_for_a_console_that_is_read_already_asks_whether_it_is_meant,
    what_fails_is_said_with_its_step_and_five_failures_end_the_link,
    links_that_are_over_each_say_why,
    consent_is_asked_for_and_holds,
    a_request_is_refused_with_a_reason_that_its_maker_reads,
    programs_make_and_revoke_links,
}

const HOST: &str = "acme.sentinelone.net";

/// The token of a link that Ada makes.
fn asked(world: &World, ada: &str, fields: &[(&str, &str)]) -> String {
    let csrf = world.csrf(ada);
    let mut all = vec![("csrf", csrf.as_str()), ("recipient", "Console team"), ("seconds", "86400")];
    all.extend_from_slice(fields);
    let made = world.post("/credentials/links/new", ada, &all);
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.body);
    let from = made.body.find("/link#").expect("the link is shown") + 6;
    made.body[from..].chars().take_while(|sign| sign.is_ascii_alphanumeric() || "-_".contains(*sign)).collect()
}

fn step(world: &World, token: &str, step: &str, fields: &[(&str, &str)]) -> Reply {
    let mut all = vec![("token", token), ("step", step)];
    all.extend_from_slice(fields);
    let reply = world.post("/link", "", &all);
    assert_eq!((reply.header("cache-control"), reply.header("referrer-policy")), ("no-store", "no-referrer"));
    reply
}

fn carried(reply: &Reply) -> String {
    let from = reply.body.find("name=\"carried\" value=\"").unwrap_or_else(|| panic!("{}", reply.body)) + 22;
    reply.body[from..].split('"').next().unwrap().to_owned()
}

/// Verifies and connects, with everything allowed that is optional.
fn connected(world: &World, link: &str, url: &str, secret: &str) -> Reply {
    let all = [("may", "on"), ("allow", "policies"), ("allow", "software"), ("url", url)];
    let verified = step(world, link, "verify", &[&all[..], &[("secret", secret)]].concat());
    assert_eq!(verified.status, 200, "{}", verified.body);
    assert!(!verified.body.contains(secret), "a token is never sent back");
    let carried = carried(&verified);
    step(world, link, "connect", &[&all[..], &[("carried", &carried)]].concat())
}

fn state(world: &World, ada: &str) -> String {
    world.get("/api/v1/links", ada).json()["items"][0]["state"].as_str().unwrap().to_owned()
}

fn integrations(world: &World) -> Vec<sync::Integration> {
    let all = world.store.read_blocking(move |tx| sync::overviews(tx, OrgId::DEFAULT, START)).unwrap();
    all.into_iter().map(|of| of.integration).collect()
}

fn a_console_is_connected_by_somebody_without_an_account(database: &Database) {
    let (world, ada) = world(database);
    let token = asked(&world, &ada, &[]);
    assert!(!world.get("/credentials/links", &ada).body.contains(&token), "it is shown once");
    let first = world.get("/link", "");
    assert_eq!((first.status, first.header("cache-control")), (200, "no-store"));
    assert!(first.body.contains("data-fragment=\"token\"") && first.body.contains("Paste the whole link"));
    assert_eq!(state(&world, &ada), "open", "looking at the address uses nothing up");
    // The whole link may be pasted.
    let reads = step(&world, &format!("http://{}/link#{token}", world.address), "", &[]);
    for text in ["What will be read", "ada@acme.example", "Console team", "Required", "Never read"] {
        assert!(reads.body.contains(text), "{text}: {}", reads.body);
    }
    assert_eq!(state(&world, &ada), "opened");
    let verified = step(
        &world,
        &token,
        "verify",
        &[("may", "on"), ("allow", "policies"), ("allow", "software"), ("url", HOST), ("secret", tokens::GLOBAL)],
    );
    for text in ["Verified just now, nothing saved yet", "The token is accepted", "It sees the whole console"] {
        assert!(verified.body.contains(text), "{text}: {}", verified.body);
    }
    assert!(integrations(&world).is_empty());
    let done = connected(&world, &token, HOST, tokens::GLOBAL);
    assert!(done.status == 200 && done.body.contains("Reading begins by itself"), "{}", done.body);
    let all = integrations(&world);
    assert_eq!((all.len(), all[0].console_host.as_str()), (1, HOST));
    assert_eq!(state(&world, &ada), "consumed");
    assert!(world.get("/credentials/links", &ada).body.contains("Connected"));
    let trail = world.write(|tx| access::audit_trail(tx, OrgId::DEFAULT, 0, 100).map_err(Into::into));
    let told: Vec<&str> = trail.iter().map(|line| line.what.as_str()).collect();
    for what in ["link.created", "link.opened", "link.consumed", "integration.connect"] {
        assert!(told.contains(&what), "{what} is not in {told:?}");
    }
    assert!(
        trail.iter().all(|line| !format!("{line:?}").contains(&token) && !format!("{line:?}").contains("Simulated"))
    );
}

fn a_link_for_a_console_that_is_read_already_asks_whether_it_is_meant(database: &Database) {
    let (world, ada) = world(database);
    let first = asked(&world, &ada, &[]);
    assert_eq!(connected(&world, &first, HOST, tokens::GLOBAL).status, 200);
    let second = asked(&world, &ada, &[]);
    let fields = [("may", "on"), ("url", HOST), ("secret", tokens::GLOBAL)];
    let verified = step(&world, &second, "verify", &fields);
    for text in ["acme reads acme.sentinelone.net already, and sees the same of it.", "Connect it all the same"] {
        assert!(verified.body.contains(text), "{text}: {}", verified.body);
    }
    let carried = carried(&verified);
    let silent = [("may", "on"), ("url", HOST), ("carried", carried.as_str())];
    let refused = step(&world, &second, "connect", &silent);
    assert!(refused.status == 422 && refused.body.contains("acme reads"), "{}", refused.body);
    assert_eq!(integrations(&world).len(), 1);
    let meant = [&silent[..], &[("all_the_same", "on")]].concat();
    assert_eq!(step(&world, &second, "connect", &meant).status, 200);
    assert_eq!(integrations(&world).len(), 2);
}

fn a_link_gives_a_known_integration_a_new_token_and_nothing_else_one(database: &Database) {
    let (world, ada) = world(database);
    let first = asked(&world, &ada, &[]);
    assert_eq!(connected(&world, &first, HOST, tokens::GLOBAL).status, 200);
    let id = integrations(&world)[0].id.to_string();
    // A link for a new connection makes one, even of the same console.
    let second = asked(&world, &ada, &[]);
    assert_eq!(connected(&world, &second, HOST, tokens::ACCOUNT).status, 200);
    let all = integrations(&world);
    assert_eq!(all.iter().map(|of| of.name.as_str()).collect::<Vec<_>>(), ["acme", "acme-2"]);
    assert_eq!(all[0].scope.as_deref(), Some("tenant"), "the first keeps its token");
    let page = world.get(&format!("/credentials/links/new?integration={id}"), &ada);
    assert!(page.body.contains("A new token for"), "{}", page.body);
    let third = asked(&world, &ada, &[("integration", &id)]);
    let elsewhere = [("may", "on"), ("url", "other.sentinelone.net"), ("secret", tokens::ACCOUNT)];
    let refused = step(&world, &third, "verify", &elsewhere);
    assert!(refused.status == 422 && refused.body.contains("for no other console"), "{}", refused.body);
    assert_eq!(connected(&world, &third, HOST, tokens::ACCOUNT).status, 200);
    let all = integrations(&world);
    assert_eq!((all.len(), all[0].scope.as_deref()), (2, Some("account")));
    // Another organization's integration is none.
    let ben = world.cookie("ben", OrgId(2));
    assert_eq!(world.get(&format!("/credentials/links/new?integration={id}"), &ben).status, 404);
}

fn what_fails_is_said_with_its_step_and_five_failures_end_the_link(database: &Database) {
    let (world, ada) = world(database);
    let token = asked(&world, &ada, &[]);
    let verify =
        |url: &str, secret: &str| step(&world, &token, "verify", &[("may", "on"), ("url", url), ("secret", secret)]);
    // What is wrong before anything is sent is no attempt.
    for (url, secret, said) in [
        ("", tokens::GLOBAL, "address is empty"),
        ("10.0.0.8", tokens::GLOBAL, "inside a private network"),
        (HOST, "Bearer abc", "leave that word out"),
    ] {
        let reply = verify(url, secret);
        assert!(reply.status == 422 && reply.body.contains(said), "{said}: {}", reply.body);
        assert!(!reply.body.contains(secret));
    }
    for left in ["4 attempts left", "3 attempts left", "2 attempts left", "1 attempt left"] {
        let reply = verify(HOST, tokens::EXPIRED);
        assert_eq!(reply.status, 422);
        for text in ["The console accepts the token", "Not connected, and nothing saved", left] {
            assert!(reply.body.contains(text), "{text}: {}", reply.body);
        }
    }
    let last = verify(HOST, tokens::EXPIRED);
    assert!(last.status == 410 && last.body.contains("fifth attempt"), "{}", last.body);
    let over = verify(HOST, tokens::GLOBAL);
    assert!(over.status == 410 && over.body.contains("This link was revoked"), "{}", over.body);
    assert!(integrations(&world).is_empty());
}

fn links_that_are_over_each_say_why(database: &Database) {
    let (world, ada) = world(database);
    let unknown = step(&world, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", &[]);
    assert!(unknown.status == 404 && unknown.body.contains("This link is not known here"), "{}", unknown.body);
    let used = asked(&world, &ada, &[]);
    assert_eq!(connected(&world, &used, HOST, tokens::GLOBAL).status, 200);
    let over = |token: &str| step(&world, token, "connect", &[("may", "on"), ("url", HOST)]);
    assert!(over(&used).status == 410 && over(&used).body.contains("This link was used"));
    world.clock.set(START.plus_seconds(60));
    let revoked = asked(&world, &ada, &[]);
    let id = world.get("/api/v1/links", &ada).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let csrf = world.csrf(&ada);
    let path = format!("/credentials/links/{id}/revoke");
    // Another organization cannot.
    let ben = world.cookie("ben", OrgId(2));
    let theirs = world.csrf(&ben);
    assert_eq!(world.post(&path, &ben, &[("csrf", theirs.as_str())]).status, 404);
    assert_eq!(world.post(&path, &ada, &[("csrf", csrf.as_str())]).status, 303);
    assert!(over(&revoked).status == 410 && over(&revoked).body.contains("This link was revoked"));
    let older = asked(&world, &ada, &[]);
    let newer = asked(&world, &ada, &[]);
    assert!(over(&older).body.contains("a newer link takes its place"), "{}", over(&older).body);
    world.clock.set(START.plus_seconds(60 + 86_401));
    assert!(over(&newer).status == 410 && over(&newer).body.contains("This link has expired"));
}

fn consent_is_asked_for_and_holds(database: &Database) {
    let (world, ada) = world(database);
    let token = asked(&world, &ada, &[("host", HOST)]);
    let consent = step(&world, &token, "consent", &[("allow", "policies")]);
    assert!(consent.body.contains("I administer this console"), "{}", consent.body);
    for refused in ["address", "verify", "connect"] {
        let reply = step(&world, &token, refused, &[("url", HOST), ("secret", tokens::GLOBAL)]);
        assert_eq!(reply.status, 422, "{refused}");
        assert!(reply.body.contains("Say whether you may grant this access."), "{refused}");
    }
    let all = [("may", "on"), ("allow", "policies"), ("url", HOST)];
    let form = step(&world, &token, "address", &all);
    assert!(form.body.contains("API token") && form.body.contains(HOST), "{}", form.body);
    let verified = step(&world, &token, "verify", &[&all[..], &[("secret", tokens::GLOBAL)]].concat());
    let carry = carried(&verified);
    // What was sealed for one console opens at no other, and nobody can write it.
    for (url, carry) in [("other.sentinelone.net", carry.as_str()), (HOST, "1.a.b"), (HOST, "")] {
        let all = [("may", "on"), ("url", url), ("carried", carry)];
        assert_eq!(step(&world, &token, "connect", &all).status, 422, "{url}");
    }
    assert_eq!(step(&world, &token, "connect", &[&all[..], &[("carried", &carry)]].concat()).status, 200);
    let options = &integrations(&world)[0].options;
    for stream in ["risks", "applications", "activities", "users"] {
        assert!(options.without_streams.iter().any(|name| name == stream), "{stream} was declined");
    }
    for stream in ["agents", "threats", "sites", "group_policies"] {
        assert!(!options.without_streams.iter().any(|name| name == stream), "{stream} was allowed");
    }
}

fn programs_make_and_revoke_links(database: &Database) {
    let (world, ada) = world(database);
    let origin = format!("http://{}", world.address);
    let sent = |method: &str, path: &str, body: &str| {
        let headers = [("cookie", ada.as_str()), ("content-type", "application/json"), ("origin", origin.as_str())];
        world.send(method, path, &headers, body)
    };
    let made = sent("POST", "/api/v1/links", r#"{"recipient":"Console team","seconds":3600}"#);
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.body);
    let address = made.json()["address"].as_str().unwrap().to_owned();
    let id = made.json()["link"]["id"].as_str().unwrap().to_owned();
    assert!(step(&world, &address, "", &[]).body.contains("What will be read"));
    assert_eq!(sent("POST", "/api/v1/links", r#"{"recipient":"x","seconds":5}"#).status, 422);
    assert_eq!(sent("DELETE", &format!("/api/v1/links/{id}"), "").json()["state"], "revoked");
    assert_eq!(step(&world, &address, "", &[]).status, 410);
    // Who may not manage links makes none.
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let vera = world.cookie("vera", OrgId::DEFAULT);
    assert_eq!(world.get("/credentials/links", &vera).status, 403);
}

fn a_request_is_refused_with_a_reason_that_its_maker_reads(database: &Database) {
    let (world, ada) = world(database);
    let token = asked(&world, &ada, &[]);
    assert!(step(&world, &token, "", &[]).body.contains("name=\"reason\""));
    let refused = step(&world, &token, "refuse", &[("reason", "we do not know <you>")]);
    assert!(refused.status == 410 && refused.body.contains("You refused"), "{}", refused.body);
    assert_eq!(state(&world, &ada), "refused");
    let list = world.get("/credentials/links", &ada).body;
    assert!(list.contains("Refused") && list.contains("we do not know &lt;you&gt;"), "{list}");
    let over = step(&world, &token, "verify", &[("may", "on"), ("url", HOST), ("secret", tokens::GLOBAL)]);
    assert!(over.status == 410 && over.body.contains("You refused"), "{}", over.body);
    assert!(integrations(&world).is_empty());
    assert!(world.get("/audit?what=link.", &ada).body.contains("link.refused"));
}
