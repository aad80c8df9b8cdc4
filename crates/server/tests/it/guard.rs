//! Who gets in where: the list of routes is walked, whatever stands in it.

use std::sync::Arc;

use access::{Http, Permission, Role, may};
use kernel::OrgId;
use sentinelone::Transport;
use server::{Kind, Limits, Route, Settings, Who, routes};
use testkit::Database;

use crate::world::{CANARY, World};

testkit::on_each_database! {
    nobody_comes_in_without_a_session,
    a_role_that_is_too_small_is_turned_away,
    another_organization_sees_nothing_of_this_one,
    a_program_comes_in_by_its_token_alone,
    a_form_is_taken_from_our_own_page_only,
    what_is_too_large_or_not_there_is_said,
    a_person_without_an_organization_is_told_so,
    who_asks_too_often_waits,
}

/// A route's address with something in the place of what varies.
fn filled(route: &Route, id: &str) -> String {
    let parts = route.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn nobody_comes_in_without_a_session(database: &Database) {
    let world = World::new(database);
    for route in routes().iter().filter(|route| route.who != Who::Anyone) {
        for cookie in ["", "muster=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let reply =
                world.send(route.method.as_str(), &filled(route, "ast_0000000000001"), &[("cookie", cookie)], "");
            match route.kind {
                Kind::Page => {
                    assert_eq!(reply.status, 303, "{} {}", route.method, route.path);
                    assert!(reply.header("location").starts_with("/sign-in"), "{}", route.path);
                }
                Kind::Api | Kind::Plain => assert_eq!(reply.status, 401, "{} {}", route.method, route.path),
            }
            assert!(!reply.body.contains(CANARY), "{}", route.path);
        }
    }
    let first = world.get("/assets?q=os:windows", "");
    assert_eq!(first.header("location"), "/sign-in?next=%2Fassets%3Fq%3Dos%3Awindows");
}

fn a_role_that_is_too_small_is_turned_away(database: &Database) {
    let world = World::new(database);
    let people = [("vera", Role::Viewer), ("oleg", Role::Operator), ("anna", Role::Auditor), ("adam", Role::Admin)];
    for (login, role) in people {
        world.person(login, &[(OrgId::DEFAULT, role)]);
        let cookie = world.cookie(login, OrgId::DEFAULT);
        for route in routes() {
            let Who::May(permission) = route.who else { continue };
            let reply =
                world.send(route.method.as_str(), &filled(&route, "ast_0000000000001"), &[("cookie", &cookie)], "");
            match may(role, permission) {
                false => assert_eq!(reply.status, 403, "{login} {} {}", route.method, route.path),
                // Without a form's token, a route that changes something still turns them away, for that reason.
                true if route.method == "GET" => assert_ne!(reply.status, 403, "{login} {}", route.path),
                true => {}
            }
            assert!(reply.status < 500, "{login} {} {}: {}", route.method, route.path, reply.status);
        }
    }
    // The table itself is what stands between them.
    assert!(!may(Role::Viewer, Permission::ReadAudit));
}

fn another_organization_sees_nothing_of_this_one(database: &Database) {
    let world = World::new(database);
    let own = world.cookie("ada", OrgId::DEFAULT);
    let id = world.get("/api/v1/assets?limit=1", &own).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let other = world.cookie("ben", OrgId(2));
    let mut shown = 0;
    for route in routes().iter().filter(|route| route.method == "GET") {
        let path = filled(route, &id);
        shown += usize::from(world.get(&path, &own).body.contains(CANARY));
        let reply = world.get(&path, &other);
        assert!(!reply.body.contains(CANARY), "{path}");
        assert!(reply.status < 500, "{path}: {}", reply.status);
        if route.path.contains("{id}") {
            assert_eq!(reply.status, 404, "{path}");
        }
    }
    assert!(shown >= 8, "the word is on {shown} pages of its own organization");
    let asked = format!("/assets?q=name:{CANARY}");
    assert!(world.get(&asked, &other).body.contains("No asset matches, out of 1"));
    // They are no member there, so they do not get there by asking.
    let csrf = world.csrf(&other);
    assert_eq!(world.post("/orgs/switch", &other, &[("csrf", &csrf), ("org", "1"), ("back", "/")]).status, 404);
    assert!(!world.get("/assets", &other).body.contains(CANARY));
}

fn a_program_comes_in_by_its_token_alone(database: &Database) {
    let world = World::new(database);
    let anna = world.person("anna", &[(OrgId::DEFAULT, Role::Viewer)]);
    let token = world.token(OrgId::DEFAULT, anna, Role::Viewer);
    let bearer = format!("Bearer {}", token.expose());
    let asked = |path: &str, value: &str| world.send("GET", path, &[("authorization", value)], "");
    let me = asked("/api/v1/me", &bearer).json();
    assert_eq!((me["token"].as_bool(), me["role"].as_str()), (Some(true), Some("viewer")));
    assert_eq!(asked("/api/v1/assets/count", &bearer).json()["count"], 60);
    // Pages are for browsers, and another token opens nothing.
    assert_eq!(asked("/assets", &bearer).status, 303);
    let wrong = bearer.replacen("muster_", "muster_A", 1);
    assert_eq!(asked("/api/v1/me", &wrong).status, 401);
    // A token that is wrong is not mended by a cookie that is right.
    let cookie = world.cookie("anna", OrgId::DEFAULT);
    let both = world.send("GET", "/api/v1/me", &[("authorization", &wrong), ("cookie", &cookie)], "");
    assert_eq!(both.status, 401);
    world.clock.set(crate::world::START.plus_seconds(3601));
    assert_eq!(asked("/api/v1/me", &bearer).status, 401);
}

fn a_form_is_taken_from_our_own_page_only(database: &Database) {
    let world = World::new(database);
    let (cookie, other) = (world.cookie("ada", OrgId::DEFAULT), world.cookie("ben", OrgId(2)));
    let (right, others) = (world.csrf(&cookie), world.csrf(&other));
    for token in ["", "00", others.as_str(), &right[..right.len() - 2]] {
        let reply = world.post("/account/appearance", &cookie, &[("csrf", token), ("theme", "dark")]);
        assert_eq!((reply.status, reply.cookie("theme")), (403, None), "{token}");
    }
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let body = format!("csrf={right}&theme=dark&back=/assets");
    for strange in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let reply = world.send("POST", "/account/appearance", &[("cookie", &cookie), kind, strange], &body);
        assert_eq!((reply.status, reply.cookie("theme")), (403, None), "{strange:?}");
    }
    let reply = world.post("/account/appearance", &cookie, &[("csrf", &right), ("theme", "dark"), ("back", "/assets")]);
    assert_eq!((reply.status, reply.header("location")), (303, "/assets"));
    assert_eq!(reply.cookie("theme").as_deref(), Some("theme=dark"));
    assert!(world.get("/", &format!("{cookie}; theme=dark")).body.contains("data-theme=\"dark\""));
    // Whoever signs in has no token yet, and the browser says where the form stood.
    let reply = world.send("POST", "/sign-in", &[kind, ("origin", "https://evil.example")], "login=ada&password=x");
    assert_eq!(reply.status, 403);
    let reply =
        world.send("POST", "/account/appearance", &[("cookie", &cookie), ("content-type", "text/plain")], &body);
    assert_eq!(reply.status, 415);
}

fn what_is_too_large_or_not_there_is_said(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let large = "a".repeat(server::BODY_BYTES_MAX + 1);
    let reply = world.post("/account/appearance", &cookie, &[("theme", &large)]);
    assert_eq!(reply.status, 413, "{}", reply.body);
    let page = world.get("/nothing/here", &cookie);
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    let json = world.get("/api/v1/nothing", &cookie);
    assert_eq!((json.status, json.header("content-type")), (404, "application/problem+json"));
    let problem = json.json();
    assert_eq!(problem["request_id"], json.header("x-request-id"));
    assert_eq!((problem["status"].as_i64(), problem["title"].as_str()), (Some(404), Some("Not found")));
    let wrong = world.get("/api/v1/assets?q=edr.nam:x", &cookie);
    assert_eq!((wrong.status, wrong.json()["mistakes"][0]["start"].as_i64()), (422, Some(0)));
    for path in ["/api/v1/assets?limit=0", "/api/v1/assets?sort=x", "/api/v1/assets?fields=x", "/api/v1/assets?after=x"]
    {
        assert_eq!(world.get(path, &cookie).status, 422, "{path}");
    }
    assert_eq!(world.get("/assets/ast_0000000009999", &cookie).status, 404);
    assert_eq!(world.get("/assets/..%2f..%2fetc%2fpasswd", &cookie).status, 404);
    for method in ["DELETE", "TRACE", "PUT"] {
        assert_eq!(world.send(method, "/assets", &[("cookie", &cookie)], "").status, 405, "{method}");
    }
    for path in ["/", "/nothing", "/api/v1/me", "/healthz", "/sign-in", "/assets/export.csv"] {
        let reply = world.get(path, &cookie);
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert!(reply.header("x-request-id").starts_with("req_"), "{path}");
        let kept = reply.header("cache-control");
        assert!(
            kept == "no-store" || !reply.header("etag").is_empty() && kept == "private, no-cache",
            "{path}: {kept}"
        );
        assert!(reply.header("access-control-allow-origin").is_empty(), "{path}");
        assert!(!reply.body.contains(" style=") && !reply.body.contains("<style"), "{path}");
    }
}

fn a_person_without_an_organization_is_told_so(database: &Database) {
    let world = World::new(database);
    world.person("nora", &[]);
    let cookie = world.cookie("nora", OrgId::DEFAULT);
    let reply = world.get("/assets", &cookie);
    assert_eq!(reply.status, 403);
    assert!(reply.body.contains("You are a member of no organization any more."), "{}", reply.body);
}

fn who_asks_too_often_waits(database: &Database) {
    let limits = Limits { requests_a_minute: 60, ..Limits::default() };
    let nobody = Http::new(|_| async { panic!("nothing here asks an identity provider") });
    let silent = Transport::InProcess(Arc::new(|_| panic!("nothing here asks a console")));
    let world = World::with(database, (silent, nobody), Settings { limits, ..Settings::default() });
    let ada = world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
    world.person("ben", &[(OrgId::DEFAULT, Role::Viewer)]);
    let (cookie, again) = (world.cookie("ada", OrgId::DEFAULT), world.cookie("ada", OrgId::DEFAULT));
    for _ in 0..30 {
        assert_eq!(world.get("/api/v1/me", &cookie).status, 200);
        assert_eq!(world.get("/account", &again).status, 200);
    }
    // In another browser, or turned away for another reason, it is the same person.
    let page = world.get("/account", &again);
    assert_eq!((page.status, page.header("retry-after")), (429, "1"), "{}", page.body);
    assert!(
        page.body.contains("more than 60 requests within a minute") && page.body.contains("<html"),
        "{}",
        page.body
    );
    let json = world.get("/api/v1/me", &cookie);
    assert_eq!((json.status, json.header("content-type")), (429, "application/problem+json"));
    assert_eq!(json.json()["title"], "Too many requests");
    // Others, programs of theirs, and what anybody may ask are not kept from anything.
    assert_eq!(world.get("/assets", &world.cookie("ben", OrgId::DEFAULT)).status, 200);
    let bearer = format!("Bearer {}", world.token(OrgId::DEFAULT, ada, Role::Viewer).expose());
    let asked = || world.send("GET", "/api/v1/me", &[("authorization", &bearer)], "").status;
    assert_eq!((asked(), world.get("/healthz", &cookie).status), (200, 200));
    assert_eq!((0..60).map(|_| asked()).filter(|status| *status == 429).count(), 1);
    world.clock.set(crate::world::START.plus_seconds(1));
    assert_eq!((world.get("/account", &again).status, asked()), (200, 200));
}
