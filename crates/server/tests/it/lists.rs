//! Lists, exports, and the description of the interface.

use std::collections::BTreeSet;
use std::sync::Arc;

use access::{Http, Role};
use kernel::OrgId;
use sentinelone::Transport;
use server::{Kind, Limits, Settings, routes};
use testkit::Database;

use crate::world::{CANARY, HOSTILE, MACHINES, World};

testkit::on_each_database! {
    a_list_is_walked_page_by_page_and_back,
    a_hostile_name_is_only_text,
    an_export_holds_every_row_and_no_formula,
    a_wrong_question_shows_its_place_and_the_fix,
    words_that_find_nothing_lead_to_questions_that_do,
    what_is_known_is_not_sent_again,
    counts_of_a_large_estate_are_shared_and_say_their_time,
    the_pages_of_an_asset_and_of_all_inventories_are_there,
    metrics_name_routes_and_nobody,
    a_mistake_in_an_address_is_said_once,
}

/// Pages that are looked at until what is counted beside them is there.
const LOOKS_MAX: usize = 500;

/// Names in the rows of a page.
fn names(page: &str) -> Vec<String> {
    let rows = page.split("<th class=\"pin\" scope=\"row\">").skip(1);
    rows.map(|row| row[row.find("<bdi").unwrap()..].split(['>', '<']).nth(2).unwrap().to_owned()).collect()
}

/// The address that a page's link of that relation leads to.
fn link(page: &str, rel: &str) -> Option<String> {
    let at = page.find(&format!("rel=\"{rel}\""))?;
    let from = page[..at].rfind("href=\"")? + 6;
    Some(page[from..].split('"').next()?.replace("&amp;", "&"))
}

fn a_list_is_walked_page_by_page_and_back(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let mut path = "/assets?sort=name".to_owned();
    let (mut seen, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = world.get(&path, &cookie).body;
        assert!(page.contains(&format!("<b>{MACHINES} assets</b>")), "{page}");
        seen.extend(names(&page));
        let next = link(&page, "next");
        pages.push((path, page));
        match next {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!((seen.len(), pages.len()), (MACHINES, 3));
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), MACHINES);
    assert!(pages[2].1.contains("Rows 51–60 of 60"), "{}", pages[2].1);
    let back = link(&pages[2].1, "prev").unwrap();
    let second = world.get(&back, &cookie).body;
    assert_eq!(names(&second), names(&pages[1].1));
    assert!(second.contains("Rows 26–50 of 60"));
    let first = world.get(&link(&second, "prev").unwrap(), &cookie).body;
    assert_eq!(names(&first), names(&pages[0].1));
    assert!(link(&first, "prev").is_none() && first.contains("Rows 1–25 of 60"));
    // A part of the page for a script that swaps it.
    let part = world.send("GET", "/assets", &[("cookie", &cookie), ("hx-target", "rows")], "").body;
    assert!(part.starts_with("<form class=\"chosen\"") && !part.contains("<html"), "{part}");
    let mut after = String::new();
    let mut ids = BTreeSet::new();
    loop {
        let page = world.get(&server::address("/api/v1/assets", &[("limit", "7"), ("after", &after)]), &cookie).json();
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(ids.len(), MACHINES);
}

fn counts_of_a_large_estate_are_shared_and_say_their_time(database: &Database) {
    let limits = Limits { large: 1, ..Limits::default() };
    let nowhere = Transport::InProcess(Arc::new(|_| panic!("nothing here asks a console")));
    let nobody = Http::new(|_| async { panic!("nothing here asks an identity provider") });
    let world = World::with(database, (nowhere, nobody), Settings { limits, ..Settings::default() });
    world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let add = |name: &str| world.import(OrgId::DEFAULT, name, "here", &format!("name,serial\n{name},SN-{name}\n"));
    let shows = |path: &str, total: &str, time: &str| {
        let page = world.get(path, &cookie).body;
        let (total, time) = (format!("<b>{total}</b>"), format!("as of <time datetime=\"2026-11-21T{time}Z\">"));
        page.contains(&total) && page.contains(&time)
    };
    let log = "/signals?q=op:create";
    add("one");
    assert!(shows("/assets", "1 asset", "03:00:00") && shows(log, "1 artifact", "03:00:00"));
    world.clock.set(world.clock.now().plus_seconds(5));
    add("two");
    // Rows are always those of now; what was counted is a few seconds old, and a question of its own is counted.
    assert_eq!(names(&world.get("/assets", &cookie).body).len(), 2);
    assert!(shows("/assets", "1 asset", "03:00:00") && shows(log, "1 artifact", "03:00:00"));
    assert!(shows("/assets?q=name:two", "1 asset", "03:00:05"));
    world.clock.set(world.clock.now().plus_seconds(5));
    // It is counted anew beside whoever comes now.
    for path in ["/assets", log] {
        assert_eq!(world.get(path, &cookie).status, 200);
    }
    let soon = |path: &str, total: &str| (0..LOOKS_MAX).any(|_| shows(path, total, "03:00:10"));
    assert!(soon("/assets", "2 assets") && soon(log, "2 artifacts"));
    world.clock.set(world.clock.now().plus_seconds(3_600));
    add("three");
    assert!(shows("/assets", "3 assets", "04:00:10") && shows(log, "3 artifacts", "04:00:10"));
}

fn a_hostile_name_is_only_text(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let asked = server::address("/assets", &[("q", &format!("name:\"{HOSTILE}\""))]);
    let page = world.get(&asked, &cookie).body;
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && !page.contains("<img"), "{page}");
    let id = world.get(&server::address("/api/v1/assets", &[("q", "name:onerror")]), &cookie).json();
    let id = id["items"][0]["id"].as_str().unwrap().to_owned();
    let page = world.get(&format!("/assets/{id}"), &cookie).body;
    assert!(page.contains("&lt;img src=x") && !page.contains("<img"), "{page}");
    for hostile in ["\"><script>alert(1)</script>", "javascript:alert(1)"] {
        let page = world.get(&server::address("/assets", &[("q", hostile), ("sort", hostile)]), &cookie).body;
        assert!(!page.contains("<script>alert") && !page.contains("href=\"javascript:"), "{page}");
        let page = world.get(&server::address("/sign-in", &[("next", hostile)]), "").body;
        assert!(!page.contains("<script>alert") && !page.contains("href=\"javascript:"), "{page}");
    }
}

fn an_export_holds_every_row_and_no_formula(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let csv = world.get("/assets/export.csv?columns=serial,os", &cookie);
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"assets.csv\"");
    let lines: Vec<&str> = csv.body.lines().collect();
    assert_eq!((lines.len(), lines[0]), (MACHINES + 1, "id,name,serial,os"));
    assert!(csv.body.contains(",\"'=HYPERLINK(") || csv.body.contains(",'=HYPERLINK("), "{}", csv.body);
    let json = world.get("/assets/export.json?q=os:windows", &cookie).json();
    assert_eq!(json.as_array().unwrap().len(), MACHINES / 2);
    assert_eq!(world.get("/assets/export.json?q=name:nothing", &cookie).json().as_array().unwrap().len(), 0);
    let wrong = world.get("/assets/export.csv?q=edr.nam:x", &cookie);
    assert_eq!((wrong.status, wrong.header("content-disposition")), (422, ""));
}

fn a_wrong_question_shows_its_place_and_the_fix(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let page = world.get("/assets?q=os:windows+and+edr.nam:x", &cookie);
    assert_eq!(page.status, 422);
    assert!(page.body.contains("<mark data-caret=\"^^^^^^^\">edr.nam</mark>"), "{}", page.body);
    assert!(page.body.contains("/assets?q=os%3Awindows+and+edr.name%3Ax"), "{}", page.body);
    assert!(!page.body.contains(CANARY));
    // Two mistakes are both marked and said, and one button mends both.
    let both = world.get("/assets?q=edr.nam:x+and+os.famly:windows", &cookie);
    for text in [
        "<mark data-caret=\"^^^^^^^\">edr.nam</mark>",
        "<mark data-caret=\"^^^^^^^^\">os.famly</mark>",
        "2 mistakes in the question",
        "Character 1: ",
        "Character 15: ",
        "/assets?q=edr.name%3Ax+and+os.family%3Awindows",
    ] {
        assert!(both.body.contains(text), "{text}: {}", both.body);
    }
    let lines = world.get("/assets/complete?q=os.ver&at=6", &cookie).body;
    assert!(lines.contains("data-insert=\"os.version:\" data-from=\"0\" data-to=\"6\""), "{lines}");
}

fn words_that_find_nothing_lead_to_questions_that_do(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let page = world.get("/assets?q=laptops+without+agent", &cookie);
    assert_eq!(page.status, 200);
    let hinted = page.body.split("class=\"hints").nth(1).unwrap_or_else(|| panic!("{}", page.body));
    for text in [
        "/assets?q=type%3Alaptop",
        "<code>not edr.name:SentinelOne</code>",
        "looked for in name, address, mac, serial, user alone",
        ">Windows without SentinelOne</a>",
        "<code>os:windows and not type:server and not edr.name:SentinelOne and removed:f</code>",
    ] {
        assert!(hinted.contains(text), "{text}: {hinted}");
    }
    // Whoever names a field knows how, and whoever found something needs nothing.
    for known in ["name:nothing-is-called-so", CANARY] {
        let page = world.get(&server::address("/assets", &[("q", known)]), &cookie).body;
        assert!(!page.contains("class=\"hints"), "{known}: {page}");
    }
    let hostile = world.get(&server::address("/assets", &[("q", "\"<img src=x>\" nowhere")]), &cookie).body;
    assert!(hostile.contains("class=\"hints") && !hostile.contains("<img"), "{hostile}");
}

fn what_is_known_is_not_sent_again(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let style = ui::assets()[0].path.as_str();
    for path in ["/api/v1/assets", "/api/v1/integrations", "/api/v1/openapi.json", style] {
        let first = world.get(path, &cookie);
        let tag = first.header("etag").to_owned();
        assert!(first.status == 200 && !tag.is_empty(), "{path}");
        let again = world.send("GET", path, &[("cookie", &cookie), ("if-none-match", &tag)], "");
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
    assert_eq!(world.get(style, "").header("cache-control"), "public, max-age=31536000, immutable");
    let packed = world.send("GET", style, &[("accept-encoding", "gzip")], "");
    assert_eq!(packed.header("content-encoding"), "gzip");
    let page = world.send("GET", "/assets", &[("cookie", &cookie), ("accept-encoding", "gzip")], "");
    assert_eq!(page.header("content-encoding"), "gzip");
}

fn the_pages_of_an_asset_and_of_all_inventories_are_there(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    for inventory in inventory::catalogue().inventories.iter().filter(|inventory| inventory.listed) {
        let page = world.get(&format!("/{}", inventory.name), &cookie);
        assert_eq!(page.status, 200, "{}: {}", inventory.name, page.body);
    }
    // Those that no navigation names are tabs beside the one that it does.
    for (place, beside) in [("/software", "/software_titles"), ("/vulnerabilities", "/cves"), ("/assets", "/services")]
    {
        let (from, back) = (world.get(place, &cookie).body, world.get(beside, &cookie).body);
        let tab = |page: &str, to: &str| page.contains(&format!("<a href=\"{to}\" aria-current=\"page\">"));
        assert!(from.contains(&format!("<a href=\"{beside}\">")) && tab(&from, place), "{place}: {from}");
        assert!(back.contains(&format!("<a href=\"{place}\">")) && tab(&back, beside), "{beside}: {back}");
    }
    let asked = server::address("/api/v1/assets", &[("q", &format!("name:={CANARY}-007"))]);
    let id = world.get(&asked, &cookie).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let page = world.get(&format!("/assets/{id}"), &cookie);
    assert!(page.status == 200 && page.body.contains("Why this is one machine"), "{}", page.body);
    assert!(page.body.contains("It was the first record of this asset."), "{}", page.body);
    let told = world.get(&format!("/api/v1/assets/{id}"), &cookie).json();
    assert_eq!(told["fields"]["name"], format!("{CANARY}-007"));
    assert_eq!(told["records"][0]["rule"], "new");
    if !database.is_postgres() {
        let page = world.get("/assets?q=os:windows+and+not+name:img&sort=name", &cookie).body;
        insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!("assets_page", page.replace("><", ">\n<")) });
        let page = world.get("/nothing", "").body;
        insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!("problem_page", page.replace("><", ">\n<")) });
    }
}

fn filters() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"[0-9a-f]{100,}", "[CSRF]"),
        (r"req_[0-9a-f]{20}", "[REQUEST]"),
        (r"(/assets/[a-z]+)\.[0-9a-f]{12}\.", "$1.[HASH]."),
        (r"ast_[0-9a-z]{13}", "[ASSET]"),
        (r"after=[^&\x22]+", "after=[PLACE]"),
        (r"(?s)<svg class=.sprite.*?</svg>", "[GLYPHS]"),
    ]
}

fn metrics_name_routes_and_nobody(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    world.get("/assets?q=os:windows", &cookie);
    assert_eq!((world.get("/healthz", "").status, world.get("/readyz", "").body.as_str()), (200, "ready\n"));
    let text = world.get("/metrics", "").body;
    assert!(text.contains("muster_http_requests_total{route=\"/assets\",method=\"GET\",status=\"200\"} 1"), "{text}");
    assert!(!text.contains(CANARY) && !text.contains("windows"), "{text}");
}

#[test]
fn the_description_lists_the_interface_and_nothing_else() {
    let database = Database::sqlite();
    let world = World::empty(&database);
    let document = world.get("/api/v1/openapi.json", "").json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    let told: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
        .collect();
    let listed = routes().into_iter().filter(|route| route.kind == Kind::Api);
    let listed: BTreeSet<String> =
        listed.map(|route| format!("{} {}", route.method.as_str().to_lowercase(), route.path)).collect();
    assert_eq!(told, listed);
    assert!(told.len() > 30, "{told:?}");
    // Every reference leads somewhere, and every operation has its own name.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let ids: Vec<&str> = text.split("\"operationId\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

fn a_mistake_in_an_address_is_said_once(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let wrong = world.get("/assets?after=xx", &cookie);
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    let main = &wrong.body[wrong.body.find("id=\"main\"").unwrap()..];
    let said = main.split("<p>").nth(1).and_then(|from| from.split("</p>").next()).unwrap();
    assert!(!said.is_empty() && main.matches(said).count() == 1, "{said}: {main}");
}
