//! A console whose every name is an attack: whatever page, export or part of a page shows one shows text.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use access::Role;
use kernel::OrgId;
use sentinelone::Transport;
use sentinelone_sim::Config;
use server::routes;
use testkit::Database;

use crate::integrations::connect;
use crate::world::{Reply, START, World};

testkit::on_each_database! {
    no_name_of_a_console_is_more_than_text_on_any_page,
    no_path_leads_out_of_what_is_served,
}

/// Ends attributes, begins elements, and is a formula for a spreadsheet.
const PAYLOAD: &str = "=HYPERLINK(1)\"'><script>alert(1)</script><img src=x onerror=alert(2)>";

/// What none of our own markup holds, and what the payload would be if it were markup.
const MARKUP: [&str; 4] = ["<script>alert", "<img src=x", "\"'>", "'><"];

/// What a console says of itself in words of its own: hosts, users, threats, software, sites, groups, policies, people.
const NAMES: &[&str] = &[
    "accountName",
    "applicationName",
    "comment",
    "computerName",
    "createdBy",
    "description",
    "detectionEngines",
    "domain",
    "email",
    "externalId",
    "filePath",
    "fileDisplayName",
    "fullName",
    "groupName",
    "lastLoggedInUserName",
    "machineType",
    "maliciousProcessArguments",
    "modelName",
    "name",
    "originatorProcess",
    "osName",
    "osRevision",
    "primaryDescription",
    "processUser",
    "publisher",
    "queryName",
    "ruleName",
    "secondaryDescription",
    "serialNumber",
    "siteName",
    "storyline",
    "text",
    "threatName",
    "username",
    "vendor",
    "version",
];

/// Pages that are looked at; a list leads to more of its kind than one test has time for.
const PAGES_MAX: usize = 240;
/// Pages of one kind, so that every kind has its turn.
const OF_A_KIND_MAX: usize = 6;

/// A console of a few machines that turns hostile once it is connected.
fn world(database: &Database) -> (World, String) {
    let hostile = Arc::new(AtomicBool::new(false));
    let sim = sentinelone_sim::World::new(Config::new(7, 8, Arc::new(|| START.micros()))).service();
    let turned = Arc::clone(&hostile);
    let transport = Transport::InProcess(Arc::new(move |request| {
        // Titles are asked for by the names that this list gives.
        let titles = ["/application-management/inventory", "/application-management/risks"];
        let turned = turned.load(Ordering::Relaxed) && !titles.iter().any(|path| request.uri().path().ends_with(path));
        let answer = sim(request);
        Box::pin(async move {
            Ok(answer.await?.map(|body| match serde_json::from_slice::<serde_json::Value>(&body) {
                Ok(mut value) if turned => {
                    poison(&mut value);
                    value.to_string().into_bytes().into()
                }
                _ => body,
            }))
        })
    }));
    let world = World::asking(database, transport);
    world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    connect(&world, &cookie);
    hostile.store(true, Ordering::Relaxed);
    let at = world.place(OrgId::DEFAULT);
    world.run(sync::run(at, &sync::Run::default(), &|_| {})).unwrap();
    (world, cookie)
}

/// Puts the payload in front of every name.
fn poison(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(poison),
        serde_json::Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                match field {
                    serde_json::Value::String(text) if NAMES.contains(&key.as_str()) => text.insert_str(0, PAYLOAD),
                    inner => poison(inner),
                }
            }
        }
        _ => {}
    }
}

/// The addresses of ours that a page leads to.
fn links(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in ["href=\"", "hx-get=\""] {
        for piece in page.split(attribute).skip(1) {
            let address = piece.split('"').next().unwrap_or_default().replace("&amp;", "&");
            if address.starts_with('/') && !address.starts_with("/assets/muster") && !address.starts_with("//") {
                found.push(address.split('#').next().unwrap_or_default().to_owned());
            }
        }
    }
    found
}

/// The kind of an address: what it is without ids, names and questions.
fn kind(address: &str) -> String {
    let path = address.split('?').next().unwrap_or(address);
    let varies = |part: &&str| {
        part.starts_with(|first: char| first.is_ascii_digit()) || part.contains(['_', '%']) && part.len() > 12
    };
    let parts = path.split('/').map(|part| if varies(&part) { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn is_text(path: &str, reply: &Reply) {
    assert!(reply.status < 500, "{path}: {}", reply.body);
    let what = reply.header("content-type");
    if what.starts_with("text/html") {
        for markup in MARKUP {
            let around = reply.body.find(markup).map(|at| {
                let from = reply.body.floor_char_boundary(at.saturating_sub(200));
                &reply.body[from..reply.body.ceil_char_boundary(at + 80)]
            });
            assert_eq!(around, None, "{path}: {markup} is markup there");
        }
    }
    if what.starts_with("text/csv") {
        for cell in ["\n=", ",=", "\"=", "\n@", ",@", ",\"@"] {
            assert!(!reply.body.contains(cell), "{path}: a cell begins a formula ({cell:?})");
        }
    }
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
}

fn no_name_of_a_console_is_more_than_text_on_any_page(database: &Database) {
    let (world, cookie) = world(database);
    // Everything in the list of routes that needs no id, and from there wherever a person can go.
    let known = routes();
    let mut queue: VecDeque<String> = known
        .iter()
        .filter(|route| route.method == "GET" && !route.path.contains('{') && !route.path.starts_with("/metrics"))
        .map(|route| route.path.to_string())
        .collect();
    for inventory in
        ["assets", "software", "vulnerabilities", "findings", "users", "policies", "activities", "artifacts"]
    {
        queue.extend([format!("/{inventory}/export.csv"), format!("/{inventory}/export.json")]);
    }
    let mut seen: BTreeSet<String> = queue.iter().cloned().collect();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let (mut asked, mut shown) = (0, BTreeSet::new());
    while let Some(path) = queue.pop_front() {
        let times = kinds.entry(kind(&path)).or_default();
        *times += 1;
        if *times > OF_A_KIND_MAX || asked >= PAGES_MAX || path.starts_with("/sign-out") {
            continue;
        }
        asked += 1;
        let reply = world.get(&path, &cookie);
        is_text(&path, &reply);
        if reply.body.contains("alert(1)") {
            shown.insert(kind(&path));
        }
        if reply.header("content-type").starts_with("text/html") {
            for next in links(&reply.body) {
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
    }
    assert!(asked > 60, "only {asked} pages were reached");
    let pages = ["/assets", "/assets/{}", "/findings", "/findings/{}", "/activities", "/policies/tree"];
    for page in pages.into_iter().chain(["/signals/{}", "/assets/export.csv", "/api/v1/assets"]) {
        assert!(shown.contains(page), "no name stands on {page}, so it shows nothing of this: {shown:?}");
    }
}

fn no_path_leads_out_of_what_is_served(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let ways =
        ["..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "..%5c..%5cetc%5cpasswd", "%00", "%ff", "etc%2fpasswd", "....//"];
    for way in ways {
        for path in [
            format!("/assets/{way}/etc/passwd"),
            format!("/assets/{way}"),
            format!("/assets/muster-{way}.css"),
            format!("/{way}/export.csv"),
            format!("/assets/{way}/export.csv"),
            format!("/assets/export.{way}"),
            format!("/api/v1/{way}/assets"),
            format!("/api/v1/assets/{way}"),
            format!("/help/{way}"),
        ] {
            let reply = world.get(&path, &cookie);
            assert!((400..500).contains(&reply.status), "{path}: {}", reply.status);
            assert!(!reply.body.contains("root:"), "{path}");
        }
    }
}
