//! Integrations and their tasks: connecting, reading, what goes wrong, editing, and the end.

use std::sync::Arc;

use access::Role;
use kernel::OrgId;
use sentinelone::Transport;
use sentinelone_sim::{Config, tokens};
use testkit::Database;

use crate::world::{Reply, START, World};

testkit::on_each_database! {
    a_console_is_tested_connected_read_edited_and_ended,
    what_to_look_at_where_no_data_is_stands_on_its_page_until_there_is_some,
    a_first_reading_is_said_on_every_page_until_it_is_over,
    what_an_integrations_page_shows_follows_a_reading_together,
    the_page_of_an_integration_leads_to_its_records_in_the_log,
    sentinelone_has_a_glyph_of_its_own_that_is_named,
    a_console_that_is_read_already_is_connected_again_only_by_a_word,
    a_demo_that_is_not_running_says_so_and_how_to_start_it,
    what_a_connector_needs_is_shown_beside_the_catalogue,
    the_documentation_in_a_console_is_a_link_where_there_is_one,
    what_is_wrong_is_said_beside_its_field_and_no_secret_comes_back,
    a_form_shows_only_how_the_newest_token_did,
    options_are_folded_up_until_one_of_them_is_wrong,
    a_task_is_named_where_its_integration_is_made,
    before_anything_is_connected_the_overview_leads_there,
    what_needs_somebody_begins_with_the_worst_and_offers_what_they_may,
    help_leads_to_where_integrations_and_tasks_are_as_far_as_one_may,
    a_viewer_reads_and_changes_nothing,
    programs_connect_change_read_and_end_an_integration,
    a_connector_on_trial_has_no_connect_until_it_is_allowed,
}

const HOST: &str = "acme.sentinelone.net";
const STREAMS: &[&str] = &["accounts", "sites", "groups", "agents", "threats", "activities"];

/// The service with a console of a dozen machines, and Ada, who administers.
fn world(database: &Database) -> (World, String) {
    let config = Config::new(7, 12, Arc::new(|| START.micros()));
    let sim = sentinelone_sim::World::new(config);
    let world = World::asking(database, Transport::InProcess(sim.service()));
    world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    (world, cookie)
}

/// What a browser sends of the form as it stands, with something typed into it.
fn filled<'a>(csrf: &'a str, token: &'a str, what: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("csrf", csrf),
        ("url", HOST),
        ("token", token),
        ("name", "EMEA"),
        ("site", "HQ"),
        ("schedule", "signals"),
        ("rate", "1000"),
        ("software", "on"),
        ("vulnerabilities", "on"),
        ("severities", "critical"),
        ("severities", "high"),
        ("auto_onboard", "on"),
        ("identity", "correlation"),
        ("update_metadata", "on"),
        ("verdicts", "true_positive"),
        ("do", what),
    ]
}

pub fn connect(world: &World, cookie: &str) -> String {
    let csrf = world.csrf(cookie);
    let saved = world.post("/integrations/connect", cookie, &filled(&csrf, tokens::GLOBAL, "save"));
    assert_eq!(saved.status, 303, "{}", saved.body);
    saved.header("location").to_owned()
}

/// The same, with one collection beside those that every console has.
fn connect_more(world: &World, cookie: &str) -> String {
    let csrf = world.csrf(cookie);
    let mut fields = filled(&csrf, tokens::GLOBAL, "save");
    fields.push(("read", "exclusions"));
    world.post("/integrations/connect", cookie, &fields).header("location").to_owned()
}

fn read(world: &World) {
    let run = sync::Run { streams: STREAMS.iter().map(|name| (*name).to_owned()).collect(), ..sync::Run::default() };
    world.run(sync::run(world.place(OrgId::DEFAULT), &run, &|_| {})).unwrap();
}

fn has(reply: &Reply, all: &[&str]) {
    for text in all {
        let main = reply.body.split("<main").nth(1).unwrap_or(&reply.body);
        assert!(reply.body.contains(text), "{text} is not in {main}");
    }
}

fn what_to_look_at_where_no_data_is_stands_on_its_page_until_there_is_some(database: &Database) {
    const NOTHING: &str = "No agents, threats or activities are here";
    let (world, ada) = world(database);
    let home = connect(&world, &ada);
    // The first reading is about to begin: one message says so.
    assert!(!world.get(&home, &ada).body.contains(NOTHING));
    assert!(!world.get("/integrations", &ada).body.contains("No data"));
    let csrf = world.csrf(&ada);
    let switch = |on: &str| world.post(&format!("{home}/switch"), &ada, &[("csrf", &csrf), ("on", on)]).status;
    assert_eq!(switch("no"), 303);
    let asks = ["No: it is paused", "Test the connection", "No: nothing of it is read now", "Nothing is"];
    let page = world.get(&home, &ada);
    has(&page, &[NOTHING]);
    has(&page, &asks);
    let cards = world.get("/integrations", &ada);
    has(&cards, &["No data", &format!("href=\"{home}#nothing\"")]);
    has(&page, &["Agents: not asked for, Threats: not asked for", "What does the token see?"]);
    assert_eq!(switch("yes"), 303);
    read(&world);
    assert!(!world.get(&home, &ada).body.contains(NOTHING));
    assert!(!world.get("/integrations", &ada).body.contains("No data"));
    has(&world.get(&home, &ada), &["/assets?q=integration%3A%3D%3D%22", "/findings?q=integration%3A%3D%3D%22"]);
}

fn a_console_is_tested_connected_read_edited_and_ended(database: &Database) {
    let (world, ada) = world(database);
    has(&world.get("/integrations", &ada), &["No source is connected yet", "SNMP probe", "beta", "Know more"]);
    let csrf = world.csrf(&ada);
    let tested = world.post("/integrations/connect", &ada, &filled(&csrf, tokens::GLOBAL, "test"));
    assert_eq!((tested.status, tested.header("cache-control")), (200, "no-store"));
    has(&tested, &["Verified just now", "It accepts the token", "Passed", "name=\"carried\""]);
    assert!(!tested.body.contains(tokens::GLOBAL), "a token is never sent back");
    // The token was verified and is not typed again.
    let from = tested.body.find("name=\"carried\" value=\"").unwrap() + 22;
    let carried = tested.body[from..].split('"').next().unwrap();
    let mut fields = filled(&csrf, "", "save");
    fields.push(("carried", carried));
    let saved = world.post("/integrations/connect", &ada, &fields);
    assert_eq!(saved.status, 303, "{}", saved.body);
    let home = saved.header("location").to_owned();
    let new = world.get(&home, &ada);
    has(
        &new,
        &["EMEA</bdi> is connected", HOST, "Waiting", "of severity high, critical", "look at its machines", "hx-get"],
    );
    // One calm message, and nothing beside it that says it again.
    assert!(!new.body.contains("class=\"flash") && !new.body.contains("nothing has been read yet"), "{}", new.body);

    // Asked for, seen waiting, read, and seen again.
    assert_eq!(world.post(&format!("{home}/sync"), &ada, &[("csrf", &csrf)]).status, 303);
    has(&world.get(&format!("{home}/progress"), &ada), &["Asked for by ada", "waiting for the worker", "hx-get"]);
    read(&world);
    let list = world.get("/integrations", &ada);
    has(&list, &["EMEA", "Machines", "Sync now"]);
    let task = home.replace("/integrations", "/tasks");
    has(&world.get(&task, &ada), &["[INFO] sentinelone: fetched 12 agents", "complete"]);
    // What the console counts is what it has, and not what changed since.
    world.clock.advance_to(START.plus_seconds(7200));
    read(&world);
    let of = home.replace("/integrations", "/api/v1/integrations");
    let streams = world.get(&of, &ada).json()["streams"].clone();
    let agents = streams.as_array().unwrap().iter().find(|stream| stream["name"] == "agents").unwrap().clone();
    assert_eq!(agents["console_total"], 12, "{agents}");
    // Rows of the log are called what people call the thing.
    let machine = world.get("/api/v1/assets?fields=name&limit=1&sort=name", &ada).json();
    let machine = machine["items"][0]["name"].as_str().unwrap().to_owned();
    has(&world.get("/signals?stream=agents", &ada), &[&machine]);
    has(&world.get("/tasks", &ada), &["EMEA", "collections are current"]);
    let runs = world.get("/tasks/runs", &ada);
    has(&runs, &["Agents", "Complete"]);
    let from = runs.body.find("/tasks/runs/swp_").unwrap();
    let one = runs.body[from..].split('"').next().unwrap();
    has(&world.get(one, &ada), &["What it brought", "The console counts", "The records in the inventory"]);
    has(&world.get(&format!("{home}/test"), &ada), &["Console and token work", "Passed"]);

    // Edited, and by two at once.
    let page = world.get(&format!("{home}/edit"), &ada);
    let from = page.body.find("name=\"stamp\" value=\"").unwrap() + 20;
    let stamp = page.body[from..].split('"').next().unwrap().to_owned();
    let mut fields = filled(&csrf, "", "");
    fields.retain(|(name, _)| !matches!(*name, "name" | "schedule" | "software"));
    fields.extend([("name", "Europe"), ("schedule", "evidence"), ("stamp", &stamp)]);
    assert_eq!(world.post(&format!("{home}/edit"), &ada, &fields).status, 303);
    has(&world.get(&home, &ada), &["Europe", "Evidence", "No software"]);
    let late = world.post(&format!("{home}/edit"), &ada, &fields);
    assert_eq!(late.status, 409);
    has(&late, &["Somebody else changed this integration meanwhile"]);

    // Paused, and ended only by its name.
    assert_eq!(world.post(&format!("{home}/switch"), &ada, &[("csrf", &csrf), ("on", "no")]).status, 303);
    has(&world.get(&home, &ada), &["Paused", "Resume"]);
    let end = format!("{home}/delete");
    has(&world.get(&end, &ada), &["What hangs on it", "Agents: <b>12</b>", "pause it"]);
    let wrong = world.post(&end, &ada, &[("csrf", &csrf), ("confirm", "EMEA")]);
    assert_eq!(wrong.status, 422);
    has(&wrong, &["Enter Europe; you entered EMEA."]);
    assert_eq!(world.post(&end, &ada, &[("csrf", &csrf), ("confirm", "Europe")]).header("location"), "/integrations");
    assert_eq!(world.get(&home, &ada).status, 404);
}

/// Reads that one too, so that nothing is left to be read for the first time.
fn read_all(world: &World) {
    let run = sync::Run { streams: vec!["exclusions".to_owned()], ..sync::Run::default() };
    world.run(sync::run(world.place(OrgId::DEFAULT), &run, &|_| {})).unwrap();
}

fn a_first_reading_is_said_on_every_page_until_it_is_over(database: &Database) {
    let (world, ada) = world(database);
    let home = connect_more(&world, &ada);
    let task = home.replace("/integrations", "/tasks");
    read(&world);
    for page in ["/assets", "/findings?q=status:unresolved", "/"] {
        let reply = world.get(page, &ada);
        has(&reply, &["so far", "First reading of EMEA: ", "5 of 6 collections", &format!("href=\"{task}\"")]);
        assert!(!reply.body.contains("· exact"), "{page}");
    }
    for page in ["/integrations", home.as_str(), "/", "/tasks", task.as_str()] {
        let reply = world.get(page, &ada);
        has(&reply, &["First reading"]);
        assert!(!reply.body.contains("Behind"), "{page}: {}", reply.body);
    }
    // What stops it is said, and is still no reason to call a part everything.
    let csrf = world.csrf(&ada);
    let switch = |on: &str| world.post(&format!("{home}/switch"), &ada, &[("csrf", &csrf), ("on", on)]).status;
    assert_eq!(switch("no"), 303);
    has(&world.get("/assets", &ada), &["so far", "collections, paused"]);
    assert_eq!(switch("yes"), 303);
    read_all(&world);
    for page in ["/assets", "/findings", "/", "/integrations", home.as_str()] {
        let reply = world.get(page, &ada);
        assert!(!reply.body.contains("First reading") && !reply.body.contains("so far"), "{page}: {}", reply.body);
    }
    has(&world.get("/assets", &ada), &["· exact"]);
    has(&world.get(&home, &ada), &["Healthy"]);
}

/// What the bar of a page asks for again and again.
fn poll(page: &str) -> String {
    let from = page.find("hx-get=\"").expect("a page with a bar asks how far it is") + 8;
    page[from..].split('"').next().unwrap().replace("&amp;", "&")
}

fn what_an_integrations_page_shows_follows_a_reading_together(database: &Database) {
    let (world, ada) = world(database);
    let home = connect_more(&world, &ada);
    let page = world.get(&home, &ada);
    has(&page, &["hx-target=\"#progress\"", "id=\"state\"", "id=\"collections\"", "First reading"]);
    // Nothing happened: nothing but the bar is sent, so that nobody loses their place.
    let same = world.get(&poll(&page.body), &ada);
    has(&same, &["id=\"progress\"", "EMEA</bdi> is connected", "hx-get"]);
    assert!(!same.body.contains("hx-swap-oob"), "{}", same.body);
    read(&world);
    let then = world.get(&poll(&page.body), &ada);
    has(&then, &["<tbody id=\"collections\" hx-swap-oob=\"true\">", "Complete", "id=\"collections-agents\"", "hx-get"]);
    assert!(!then.body.contains("is connected"), "what every console has is read: {}", then.body);
    read_all(&world);
    let over = world.get(&poll(&then.body), &ada);
    has(
        &over,
        &["<span id=\"state\" hx-swap-oob=\"true\">", "Healthy", "The reading is over.", "Look at its machines"],
    );
    assert!(!over.body.contains("hx-get") && !over.body.contains("First reading"), "{}", over.body);
    // Elsewhere the bar stands alone.
    assert_eq!(world.post(&format!("{home}/sync"), &ada, &[("csrf", &world.csrf(&ada))]).status, 303);
    let bar = world.get(&format!("{home}/progress"), &ada);
    assert!(bar.body.starts_with("<div class=\"progress\"") && !bar.body.contains("hx-swap-oob"), "{}", bar.body);
}

fn the_page_of_an_integration_leads_to_its_records_in_the_log(database: &Database) {
    let (world, ada) = world(database);
    let home = connect(&world, &ada);
    read(&world);
    let page = world.get(&home, &ada).body;
    let before = &page[..page.find("\">Its records in the log</a>").unwrap()];
    let link = before.rsplit("href=\"").next().unwrap().replace("&amp;", "&");
    assert_eq!(link, "/signals?q=console%3A%3D%3D%22acme.sentinelone.net%22&last=30d");
    has(&world.get(&link, &ada), &["console:==&quot;acme.sentinelone.net&quot;", "<th class=\"pin\" scope=\"row\">"]);
    let none = world.get(&link.replace("acme", "other"), &ada).body;
    assert!(!none.contains("<th class=\"pin\" scope=\"row\">"), "it is of that console alone: {none}");
}

fn sentinelone_has_a_glyph_of_its_own_that_is_named(database: &Database) {
    let (world, ada) = world(database);
    connect(&world, &ada);
    read(&world);
    let drawn = "<svg class=\"i\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><use href=\"#i-s1\"></svg>";
    let page = world.get("/assets", &ada);
    has(&page, &[&format!("title=\"SentinelOne\">{drawn}<span class=\"sr\">SentinelOne</span>")]);
    has(&page, &["<symbol id=\"i-s1\""]);
    let rows = page.body.split("<tbody").nth(1).unwrap();
    assert!(!rows.contains("#i-shield"), "any other agent has the plain shield: {rows}");
    // The connector is drawn alike wherever it stands.
    for page in ["/integrations", "/tasks", "/integrations?tab=connected"] {
        has(&world.get(page, &ada), &["href=\"#i-s1\""]);
    }
}

fn a_console_that_is_read_already_is_connected_again_only_by_a_word(database: &Database) {
    let (world, ada) = world(database);
    let first = connect(&world, &ada);
    let csrf = world.csrf(&ada);
    let named = |name: &'static str, token: &'static str, what: &'static str| {
        let mut fields = filled(&csrf, token, what);
        fields.retain(|(field, _)| *field != "name");
        fields.push(("name", name));
        world.post("/integrations/connect", &ada, &fields)
    };
    let count = || world.get("/api/v1/integrations", &ada).json()["items"].as_array().unwrap().len();
    // The test says so, and so does Save, for which the token need not be typed again.
    let rotate = format!("{first}/reconnect");
    for what in ["test", "save"] {
        let told = named("", tokens::GLOBAL, what);
        assert_eq!(told.status, if what == "test" { 200 } else { 422 }, "{what}");
        let all = ["EMEA reads acme.sentinelone.net already.", "Connect it all the same", "name=\"carried\"", &rotate];
        has(&told, &all);
        assert!(!told.body.contains("Save and read"), "{what}: one way to go on, and one way out");
    }
    assert_eq!(count(), 1);
    // Another part of it is fine, and is said.
    let tested = named("Shops", tokens::SITE, "test");
    has(&tested, &["EMEA reads acme.sentinelone.net too, and sees another part of it.", "Save and read"]);
    let part = named("Shops", tokens::SITE, "save");
    assert_eq!(part.status, 303, "{}", part.body);
    let all_the_same = named("", tokens::GLOBAL, "again");
    assert_eq!(all_the_same.status, 303, "{}", all_the_same.body);
    has(&world.get(all_the_same.header("location"), &ada), &["acme", "Also read by", "EMEA", "Shops"]);
    assert_eq!(count(), 3);
    // Programs too.
    let origin = format!("http://{}", world.address);
    let headers = [("cookie", ada.as_str()), ("content-type", "application/json"), ("origin", &origin)];
    let new = format!(r#"{{"url":"{HOST}","token":"{}"}}"#, tokens::GLOBAL);
    let refused = world.send("POST", "/api/v1/integrations", &headers, &new);
    assert_eq!(refused.status, 409);
    has(&refused, &["sees the same of it", "all_the_same"]);
    let made = world.send("POST", "/api/v1/integrations", &headers, &new.replace('}', r#","all_the_same":true}"#));
    assert_eq!((made.status, made.json()["also_read_by"].as_array().unwrap().len()), (200, 3), "{}", made.body);
}

fn a_demo_that_is_not_running_says_so_and_how_to_start_it(database: &Database) {
    let (world, ada) = world(database);
    let order = sync::Connect {
        private: true,
        name: Some("demo".to_owned()),
        ..sync::Connect::new(
            sentinelone::Console::parse("http://seed-7-endpoints-12-1795230000.localhost").unwrap(),
            sentinelone::Token::parse(tokens::GLOBAL).unwrap(),
        )
    };
    let of = world.run(sync::connect(world.place(OrgId::DEFAULT), order)).unwrap().integration;
    let home = format!("/integrations/{}", of.id);
    world
        .store
        .write_blocking::<_, store::StoreError, _>(|tx| {
            let set = "UPDATE sync_integration SET state = 'unreachable', detail = 'the connection was refused'";
            tx.execute(set, &[]).map(drop)
        })
        .unwrap();
    for page in [&home, "/integrations"] {
        let reply = world.get(page, &ada);
        has(&reply, &["The console of this demo is not running.", "muster demo", "Not running"]);
        assert!(!reply.body.contains("Re-establish") && !reply.body.contains(">Unreachable<"), "{}", reply.body);
    }
    assert!(!world.get(&home, &ada).body.contains("/api-doc/overview"), "a simulated console has no pages");
    let about = world.get("/integrations/about/sentinelone", &ada).body;
    assert!(about.contains("/api-doc/overview") && !about.contains(".localhost"), "{about}");
    assert!(!world.get("/", &ada).body.contains("demo: not running"), "it needs nobody");
    let told = world.get(&format!("/api/v1{home}"), &ada).json();
    assert_eq!(told["next_step"], "start the demo again: muster demo --seed 7 --endpoints 12");
}

fn what_a_connector_needs_is_shown_beside_the_catalogue(database: &Database) {
    let (world, ada) = world(database);
    let list = world.get("/integrations", &ada);
    has(&list, &["hx-target=\"#know-more\"", "href=\"/integrations/about/nmap\"", "id=\"know-more\""]);
    let headers = [("cookie", ada.as_str()), ("hx-target", "know-more")];
    let part = world.send("GET", "/integrations/about/nmap", &headers, "");
    has(&part, &["nmap scan", "At a glance", "data-shuts=\"know-more\"", "On a page of its own"]);
    assert!(!part.body.contains("<main"), "{}", part.body);
    assert!(world.get("/integrations/about/nmap", &ada).body.contains("<main"), "a page where no script runs");
}

fn the_documentation_in_a_console_is_a_link_where_there_is_one(database: &Database) {
    let (world, ada) = world(database);
    let about = "/integrations/about/sentinelone";
    let link = format!("<a href=\"https://{HOST}/api-doc/overview\" rel=\"noreferrer\">");
    let plain = "API documentation, in your console: <span class=\"mono\"><bdi>/api-doc/overview</bdi></span>";
    has(&world.get(about, &ada), &[plain]);
    let home = connect(&world, &ada);
    has(&world.get(&home, &ada), &[&link, "Its own API documentation"]);
    // Twice the same console is one link, and the path alone is not there any more.
    let csrf = world.csrf(&ada);
    let mut fields = filled(&csrf, tokens::SITE, "save");
    fields.retain(|(name, _)| *name != "name");
    fields.push(("name", "Shops"));
    assert_eq!(world.post("/integrations/connect", &ada, &fields).status, 303);
    for headers in [vec![], vec![("hx-target", "know-more")]] {
        let headers = [vec![("cookie", ada.as_str())], headers].concat();
        let page = world.send("GET", about, &headers, "").body;
        assert_eq!(page.matches(&link).count(), 1, "{page}");
        assert!(!page.contains(plain), "{page}");
    }
    assert!(!world.get("/integrations/about/nmap", &ada).body.contains("/api-doc/"));
}

fn what_is_wrong_is_said_beside_its_field_and_no_secret_comes_back(database: &Database) {
    let (world, ada) = world(database);
    let csrf = world.csrf(&ada);
    let send = |changed: &[(&str, &str)], token: &str| {
        let mut fields = filled(&csrf, token, "save");
        fields.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        fields.extend_from_slice(changed);
        let reply = world.post("/integrations/connect", &ada, &fields);
        assert_eq!(reply.status, 422, "{changed:?}");
        assert!(token.is_empty() || !reply.body.contains(token), "a token came back: {changed:?}");
        reply
    };
    has(&send(&[("url", "http://10.0.0.1")], tokens::GLOBAL), &["stands inside a private network", "an Explorer"]);
    has(
        &send(&[("url", "127.0.0.1:9400")], tokens::GLOBAL),
        &["is this machine itself, so nothing was sent", "--allow-private-consoles"],
    );
    has(&send(&[], ""), &["Enter the token, or choose a saved credential."]);
    has(&send(&[("name", "a,b")], tokens::GLOBAL), &["has a comma"]);
    has(&send(&[("schedule", "own"), ("every.threats", "1s")], tokens::GLOBAL), &["too often", "need you"]);
    let refused = send(&[], tokens::EXPIRED);
    has(&refused, &["It accepts the token", "Failed", "or make a new one", "nothing was saved", "Not tried"]);
    assert!(!refused.body.contains("checkpoint"), "nothing was read with it: {}", refused.body);
    let home = connect(&world, &ada);
    has(&send(&[("name", "emea")], tokens::GLOBAL), &["has this name already"]);
    // Another console is another integration.
    let fields = [
        ("csrf", csrf.as_str()),
        ("step", "address"),
        ("url", "other.sentinelone.net"),
        ("token", tokens::SPARE),
        ("do", "save"),
    ];
    let moved = world.post(&format!("{home}/reconnect"), &ada, &fields);
    assert_eq!(moved.status, 422);
    has(&moved, &["belongs to acme.sentinelone.net"]);
    let fields = [("csrf", csrf.as_str()), ("url", HOST), ("token", tokens::SPARE), ("do", "save")];
    assert_eq!(world.post(&format!("{home}/reconnect"), &ada, &fields).status, 303);
    assert_eq!(world.get("/integrations/int_000000000zzzz", &ada).status, 404);
    assert_eq!(world.get("/tasks/nonsense", &ada).status, 404);
}

/// The token that a form carries, sealed, once it was verified.
fn carried(page: &str) -> String {
    let from = page.find("name=\"carried\" value=\"").expect("a verified token is carried") + 22;
    page[from..].split('"').next().unwrap().to_owned()
}

fn a_form_shows_only_how_the_newest_token_did(database: &Database) {
    const VERIFIED: [&str; 3] = ["It was verified", "Verified just now", "name=\"carried\""];
    let (world, ada) = world(database);
    let csrf = world.csrf(&ada);
    let send = |path: &str, token: &str, what: &str, before: &str| {
        let mut fields = filled(&csrf, token, what);
        fields.push(("carried", before));
        fields.retain(|(_, value)| *value != before || !before.is_empty());
        world.post(path, &ada, &fields)
    };
    let connect_at = "/integrations/connect";
    let good = send(connect_at, tokens::GLOBAL, "test", "");
    has(&good, &VERIFIED);
    has(&good, &[">Test connection<", "left empty, it is acme"]);
    let before = carried(&good.body);
    let reconnect_at = |home: &str| format!("{home}/reconnect");
    for (token, what) in
        [("no token at all", "test"), ("no token at all", "save"), (tokens::EXPIRED, "test"), (tokens::EXPIRED, "save")]
    {
        let bad = send(connect_at, token, what, &before);
        assert_eq!(bad.status, 422, "{token} {what}");
        has(&bad, &[">Test connection<"]);
        for said in VERIFIED {
            assert!(!bad.body.contains(said), "{token} {what}: {said}: {}", bad.body);
        }
    }
    // One that is kept for another address, or for too long, is not verified either.
    let stale = send(connect_at, "", "save", "nonsense");
    assert!(stale.status == 422 && !stale.body.contains("It was verified"), "{}", stale.body);
    let home = connect(&world, &ada);
    let good = send(&reconnect_at(&home), tokens::SPARE, "test", "");
    has(&good, &VERIFIED);
    let before = carried(&good.body);
    for what in ["test", "save"] {
        let bad = send(&reconnect_at(&home), "no token at all", what, &before);
        assert!(bad.status == 422 && !VERIFIED.iter().any(|said| bad.body.contains(said)), "{}", bad.body);
    }
}

fn options_are_folded_up_until_one_of_them_is_wrong(database: &Database) {
    let (world, ada) = world(database);
    let page = world.get("/integrations/connect", &ada);
    for (part, says) in [
        ("schedule-part", "Signals: threats 5 min, activities 10 min, agents 1 h"),
        ("import-part", "Everything, as usual"),
        ("read-part", "Everything, as usual"),
    ] {
        has(&page, &[&format!("id=\"{part}\"><summary>"), says]);
    }
    let csrf = world.csrf(&ada);
    let mut fields = filled(&csrf, tokens::GLOBAL, "test");
    fields.retain(|(name, _)| !matches!(*name, "rate" | "software"));
    fields.push(("rate", "0"));
    let wrong = world.post("/integrations/connect", &ada, &fields);
    assert_eq!(wrong.status, 422);
    has(&wrong, &["id=\"read-part\" open><summary>", "Enter 1 to 10000; you entered 0."]);
    has(
        &wrong,
        &["id=\"schedule-part\"><summary>", "id=\"import-part\"><summary>", "No software; vulnerabilities of severity"],
    );
    // Who comes to edit them sees them.
    let home = connect(&world, &ada);
    has(&world.get(&format!("{home}/edit"), &ada), &["id=\"schedule-part\" open><summary>", "id=\"read-part\" open>"]);
}

fn a_task_is_named_where_its_integration_is_made(database: &Database) {
    let (world, ada) = world(database);
    has(
        &world.get("/integrations/connect", &ada),
        &["id=\"task-part\"><summary>", "Called as the integration", "name=\"task\""],
    );
    let csrf = world.csrf(&ada);
    let sent = |name: &'static str, task: &'static str, what: &'static str| {
        let mut fields = filled(&csrf, tokens::GLOBAL, what);
        fields.retain(|(field, _)| *field != "name");
        fields.extend([("name", name), ("task", task)]);
        world.post("/integrations/connect", &ada, &fields)
    };
    // It is kept while the console is tested, as text.
    has(
        &sent("EMEA", "<b>Night", "test"),
        &["value=\"&lt;b&gt;Night\"", "<span class=\"muted says\">&lt;b&gt;Night</span>"],
    );
    let wrong = sent("EMEA", "a,b", "save");
    assert_eq!(wrong.status, 422);
    has(&wrong, &["id=\"task-part\" open><summary>", "This cannot be the name of a task: it has a comma"]);
    let saved = sent("EMEA", " Every night ", "save");
    assert_eq!(saved.status, 303, "{}", saved.body);
    let home = saved.header("location").to_owned();
    has(&world.get("/tasks", &ada), &["Every night"]);
    let taken = sent("Shops", "Every night", "again");
    assert_eq!(taken.status, 422);
    has(&taken, &["id=\"task-part\" open><summary>", "Another task, of acme.sentinelone.net, has this name."]);
    // A mistake in the other name is said there.
    let wrong = sent("a,b", "Shops", "again");
    has(&wrong, &["id=\"task-part\"><summary>", "a,b"]);
    // Programs too.
    let origin = format!("http://{}", world.address);
    let headers = [("cookie", ada.as_str()), ("content-type", "application/json"), ("origin", &origin)];
    let new = |task: &str| {
        let body = serde_json::json!({ "url": HOST, "token": tokens::GLOBAL, "task": task, "all_the_same": true });
        world.send("POST", "/api/v1/integrations", &headers, &body.to_string())
    };
    assert_eq!((new("Every night").status, new("a,b").status), (409, 422));
    assert_eq!(new("By day").json()["task"], "By day");
    assert_eq!(new("").json()["task"], "acme-2", "left empty, it is the integration's name");
    assert_eq!(world.get(&format!("/api/v1{home}"), &ada).json()["task"], "Every night");
}

fn what_needs_somebody_begins_with_the_worst_and_offers_what_they_may(database: &Database) {
    let (world, ada) = world(database);
    let home = connect(&world, &ada);
    read(&world);
    let ends = START.plus_seconds(3 * 86_400);
    world.write(move |tx| {
        tx.execute(
            "UPDATE sync_integration SET state = 'connected', detail = '', token_expires_at = $1",
            &[ends.into()],
        )?;
        tx.execute("UPDATE inventory_asset SET infected = 1", &[])?;
        Ok(())
    });
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let needs = |cookie: &str| {
        let page = world.get("/", cookie).body;
        page.split("id=\"needs\"").nth(1).unwrap().split("</section>").next().unwrap().to_owned()
    };
    let reconnect = format!("href=\"{home}/reconnect\"");
    let (manages, reads) = (needs(&ada), needs(&world.cookie("vera", OrgId::DEFAULT)));
    assert!(manages.contains("Rotate token") && manages.contains(&reconnect), "{manages}");
    assert!(!reads.contains("Rotate token") && !reads.contains(&reconnect), "{reads}");
    assert!(reads.contains("See it") && reads.contains(&format!("href=\"{home}\"")), "{reads}");
    let at = |text: &str| manages.find(text).unwrap_or_else(|| panic!("{text}: {manages}"));
    assert!(at(" infected") < at("Rotate token"), "{manages}");
}

fn before_anything_is_connected_the_overview_leads_there(database: &Database) {
    let (world, ada) = world(database);
    let empty = world.get("/", &ada);
    has(&empty, &["No source is connected yet", "href=\"/integrations/connect\"", "href=\"/integrations#catalogue\""]);
    assert!(!empty.body.contains("class=\"tiles\"") && !empty.body.contains("<table"), "{}", empty.body);
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let seen = world.get("/", &world.cookie("vera", OrgId::DEFAULT));
    has(&seen, &["No source is connected yet", "Who manages integrations here connects one."]);
    assert!(!seen.body.contains("/integrations/connect"), "{}", seen.body);
    connect(&world, &ada);
    has(&world.get("/", &ada), &["class=\"tiles\"", "First reading"]);
}

fn help_leads_to_where_integrations_and_tasks_are_as_far_as_one_may(database: &Database) {
    let (world, ada) = world(database);
    let main = |cookie: &str| world.get("/help", cookie).body.split("<main").nth(1).unwrap().to_owned();
    let seen = ["/integrations#catalogue", "/integrations", "/tasks"];
    let connects = "href=\"/integrations/connect\"";
    let help = main(&ada);
    for link in seen {
        assert!(help.contains(&format!("<a href=\"{link}\">")), "{link}: {help}");
        assert_eq!(world.get(link.split('#').next().unwrap(), &ada).status, 200, "{link}");
    }
    has(&world.get("/integrations", &ada), &["id=\"catalogue\""]);
    assert!(help.contains(connects), "{help}");
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let help = main(&world.cookie("vera", OrgId::DEFAULT));
    assert!(seen.iter().all(|link| help.contains(&format!("<a href=\"{link}\">"))), "{help}");
    assert!(!help.contains(connects), "a viewer connects nothing: {help}");
}

fn a_viewer_reads_and_changes_nothing(database: &Database) {
    let (world, ada) = world(database);
    let home = connect(&world, &ada);
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let vera = world.cookie("vera", OrgId::DEFAULT);
    let csrf = world.csrf(&vera);
    for page in ["/integrations", home.as_str(), "/tasks", "/tasks/runs", "/integrations/about/snmp"] {
        let reply = world.get(page, &vera);
        assert_eq!(reply.status, 200, "{page}");
        for verb in ["Sync now", "/switch\"", "/connect\"", "/edit\"", "/delete\"", "/enrol\""] {
            assert!(!reply.body.contains(verb), "{page} offers {verb}");
        }
    }
    for (path, fields) in [("/sync", ("stream", "agents")), ("/switch", ("on", "no")), ("/delete", ("confirm", "EMEA"))]
    {
        assert_eq!(world.post(&format!("{home}{path}"), &vera, &[("csrf", &csrf), fields]).status, 403, "{path}");
    }
    // Who runs syncs does not say what is gone.
    world.person("ben", &[(OrgId(1), Role::Auditor)]);
    let ben = world.cookie("ben", OrgId::DEFAULT);
    assert_eq!(world.get(&format!("{home}/edit"), &ben).status, 403);
}

fn programs_connect_change_read_and_end_an_integration(database: &Database) {
    let (world, ada) = world(database);
    let origin = format!("http://{}", world.address);
    let send = |method: &str, path: &str, body: &str| {
        let headers = [("cookie", ada.as_str()), ("content-type", "application/json"), ("origin", &origin)];
        world.send(method, &format!("/api/v1{path}"), &headers, body)
    };
    let new = format!(
        r#"{{"url":"{HOST}","token":"{}","name":"EMEA","options":{{"software":false,"starts_at":"2027-01-01T00:00:00Z"}}}}"#,
        tokens::GLOBAL
    );
    let made = send("POST", "/integrations", &new);
    assert_eq!(made.status, 200, "{}", made.body);
    let made = made.json();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!((made["state"].as_str(), made["options"].as_str()), (Some("connected"), Some("no software")));
    assert_eq!(send("POST", "/integrations", &new).status, 409);
    for wrong in ["", "{}", r#"{"url":"x","colour":1}"#, r#"{"url":"acme.sentinelone.net"}"#] {
        assert_eq!(send("POST", "/integrations", wrong).status, 422, "{wrong}");
    }
    let one = format!("/integrations/{id}");
    let changed = send("PATCH", &one, r#"{"name":"Europe","options":{"software":true,"intervals":{"threats":900}}}"#);
    assert_eq!(changed.json()["name"], "Europe");
    assert_eq!(send("PATCH", &one, r#"{"options":{"severities":["galactic"]}}"#).status, 422);
    let task = send("GET", &format!("/tasks/{id}"), "").json();
    assert_eq!(task["next_run_at"].as_str(), Some(START.to_string().as_str()), "what changed is read before its start");
    let tested = send("POST", &format!("{one}/test"), "").json();
    assert_eq!((tested["works"].as_bool(), tested["role"].as_str()), (Some(true), Some("Viewer")));
    assert_eq!(send("POST", &format!("{one}/sync"), r#"{"streams":["agents"]}"#).json()["task"], id.as_str());
    assert_eq!(send("POST", &format!("{one}/sync"), r#"{"streams":["nothing"]}"#).status, 409);
    read(&world);
    let runs = send("GET", "/runs?limit=2", "").json();
    assert_eq!(runs["items"].as_array().unwrap().len(), 2);
    let next = send("GET", &format!("/runs?limit=2&after={}", runs["next"].as_str().unwrap()), "").json();
    assert_ne!(next["items"][0]["id"], runs["items"][0]["id"]);
    let run = send("GET", &format!("/runs/{}", runs["items"][0]["id"].as_str().unwrap()), "").json();
    assert_eq!(run["status"], "complete");
    assert_eq!(send("PUT", &format!("{one}/token"), &format!(r#"{{"token":"{}"}}"#, tokens::EXPIRED)).status, 422);
    assert_eq!(send("DELETE", &one, "").status, 422);
    assert!(send("DELETE", &format!("{one}?confirm=Europe"), "").json()["retired"].as_u64().unwrap() > 0);
    assert_eq!(send("GET", &one, "").status, 404);
}

fn a_connector_on_trial_has_no_connect_until_it_is_allowed(database: &Database) {
    let (world, ada) = world(database);
    let csrf = world.csrf(&ada);
    let about = "/integrations/about/snmp";
    has(&world.get(about, &ada), &["Why there is no Connect yet", "Enrol"]);
    let send = |verb: &str| world.post(&format!("{about}/{verb}"), &ada, &[("csrf", &csrf)]).status;
    assert_eq!((send("allow"), send("enrol")), (409, 303));
    has(&world.get(about, &ada), &["There is no Connect until an administrator allows it", "Allow"]);
    assert_eq!(send("allow"), 303);
    has(&world.get(about, &ada), &["Allowed", "choose it where a scan is made"]);
    assert_eq!(world.post("/integrations/about/sentinelone/enrol", &ada, &[("csrf", &csrf)]).status, 409);
    has(&world.get("/integrations?find=netbox", &ada), &["CSV import"]);
    assert!(!world.get("/integrations?find=netbox", &ada).body.contains("nmap scan"));
}
