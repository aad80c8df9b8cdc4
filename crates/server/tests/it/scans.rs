//! Scan tasks as people and programs make, change, run and end them.

use access::Role;
use kernel::OrgId;
use testkit::Database;

use crate::world::World;

testkit::on_each_database! {
    a_scan_task_is_made_changed_asked_for_and_deleted_by_forms,
    a_scan_task_is_made_changed_and_run_by_a_program,
    a_form_that_somebody_else_saved_meanwhile_saves_nothing,
    what_cannot_be_scanned_is_said_beside_its_field,
}

const FORM: [(&str, &str); 12] = [
    ("name", "office"),
    ("site", "HQ"),
    ("targets", "10.20.0.0/24"),
    ("left_out", "10.20.0.1"),
    ("ports", ""),
    ("rate", "100"),
    ("minutes", "60"),
    ("closely", "yes"),
    ("when", "every"),
    ("every", "1"),
    ("unit", "days"),
    ("at", "02:30"),
];

fn with<'a>(csrf: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("csrf", csrf)];
    fields.extend(FORM.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name)));
    fields.extend(more);
    fields
}

fn a_scan_task_is_made_changed_asked_for_and_deleted_by_forms(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let csrf = world.csrf(&cookie);
    assert!(world.get("/tasks/scans", &cookie).body.contains("There is no scan task yet"));
    assert!(world.get("/tasks", &cookie).body.contains("New scan"));
    assert!(world.get("/tasks/scans/new", &cookie).body.contains("Scans may touch 10.0.0.0/8"));
    let made = world.post("/tasks/scans/new", &cookie, &with(&csrf, &[]));
    assert_eq!(made.status, 303, "{}", made.body);
    let home = made.header("location").to_owned();
    let page = world.get(&home, &cookie).body;
    for part in ["10.20.0.0/24", "10.20.0.1", "100 packets a second", "02:30", "It has not run yet"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let edit = world.get(&format!("{home}/edit"), &cookie).body;
    assert!(edit.contains("value=\"02:30\"") && edit.contains("10.20.0.1"), "{edit}");
    let changed = with(&csrf, &[("targets", "10.30.0.0/24"), ("left_out", ""), ("now", "yes")]);
    assert_eq!(world.post(&format!("{home}/edit"), &cookie, &changed).status, 303);
    let page = world.get(&home, &cookie).body;
    assert!(page.contains("10.30.0.0/24") && page.contains("Waiting for the worker"), "{page}");
    assert!(world.get(&format!("{home}/progress"), &cookie).body.contains("Waiting for the worker"));
    for (verb, fields) in [("stop", &[][..]), ("switch", &[("on", "no")]), ("switch", &[("on", "yes")]), ("run", &[])] {
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        assert_eq!(world.post(&format!("{home}/{verb}"), &cookie, &all).status, 303, "{verb}");
    }
    assert!(world.get("/tasks/scans", &cookie).body.contains("office"));
    // Who only reads sees it, and is offered nothing to press.
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let seen = world.get(&home, &world.cookie("vera", OrgId::DEFAULT)).body;
    assert!(seen.contains("10.30.0.0/24") && !seen.contains("Run now") && !seen.contains("Delete"), "{seen}");
    assert_eq!(world.get(&home, &world.cookie("ben", OrgId(2))).status, 404);
    assert_eq!(world.post(&format!("{home}/delete"), &cookie, &[("csrf", &csrf)]).status, 303);
    assert_eq!(world.get(&home, &cookie).status, 404);
    let trail = world.get("/audit", &cookie).body;
    for what in ["scan.add", "scan.change", "scan.run", "scan.cancel", "scan.pause", "scan.resume", "scan.remove"] {
        assert!(trail.contains(what), "{what}");
    }
}

fn a_form_that_somebody_else_saved_meanwhile_saves_nothing(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let csrf = world.csrf(&cookie);
    let made = world.post("/tasks/scans/new", &cookie, &with(&csrf, &[]));
    let home = made.header("location").to_owned();
    let edit = format!("{home}/edit");
    let stamp = |page: &str| {
        let from = page.find("name=\"stamp\" value=\"").expect("the form has a stamp") + 20;
        page[from..].split('"').next().unwrap().to_owned()
    };
    // Two tabs open the same form, and both save.
    let opened = stamp(&world.get(&edit, &cookie).body);
    let first = with(&csrf, &[("targets", "10.30.0.0/24"), ("left_out", ""), ("stamp", &opened)]);
    assert_eq!(world.post(&edit, &cookie, &first).status, 303);
    let second = with(&csrf, &[("rate", "50"), ("stamp", &opened)]);
    let late = world.post(&edit, &cookie, &second);
    assert_eq!(late.status, 409);
    for part in
        ["Somebody else changed this meanwhile, so nothing was saved.", "10.30.0.0/24", "10.20.0.0/24", "value=\"50\""]
    {
        assert!(late.body.contains(part), "{part}: {}", late.body);
    }
    assert!(world.get(&home, &cookie).body.contains("10.30.0.0/24"));
    // Who saw that and saves again means it.
    let anew = stamp(&late.body);
    let again = with(&csrf, &[("rate", "50"), ("stamp", &anew)]);
    assert_eq!(world.post(&edit, &cookie, &again).status, 303);
    assert!(world.get(&home, &cookie).body.contains("50 packets a second"));
}

fn what_cannot_be_scanned_is_said_beside_its_field(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let csrf = world.csrf(&cookie);
    for (field, value, said) in [
        ("targets", "8.8.8.8", "8.8.8.8 is not among the networks that scans may touch"),
        ("targets", "0.0.0.0/0", "scan it in parts"),
        ("targets", "-iL /etc/passwd", "is no address and no network"),
        ("targets", "printer.office", "is a name"),
        ("left_out", "nobody", "is a name"),
        ("ports", "http", "is no port"),
        ("rate", "100000", "Enter a number from 1 to 10000"),
        ("minutes", "0", "Enter a number from 1 to 1440"),
        ("at", "25:00", "Enter a time of the day"),
        ("every", "0", "Enter a number from 1"),
        ("name", "", "cannot be the name"),
    ] {
        let reply = world.post("/tasks/scans/new", &cookie, &with(&csrf, &[(field, value)]));
        assert_eq!(reply.status, 422, "{field} {value}");
        assert!(reply.body.contains(said), "{field} {value}: {}", reply.body);
    }
    let once = [("when", "once"), ("start", "2026-11-20T00:00")];
    assert!(world.post("/tasks/scans/new", &cookie, &with(&csrf, &once)).body.contains("that time has passed"));
    let snmp = || world.post("/tasks/scans/new", &cookie, &with(&csrf, &[("snmp", "yes")]));
    let early = snmp();
    assert!(early.status == 422 && early.body.contains("it is on trial: enrol it"), "{}", early.body);
    for verb in ["enrol", "allow"] {
        assert_eq!(world.post(&format!("/integrations/about/snmp/{verb}"), &cookie, &[("csrf", &csrf)]).status, 303);
    }
    let snmp = snmp();
    assert!(snmp.status == 422 && snmp.body.contains("it needs a credential: a community"), "{}", snmp.body);
    // Other networks are chosen by who manages the organization.
    let networks = [("csrf", csrf.as_str()), ("networks", "8.8.8.0/24")];
    assert_eq!(world.post("/tasks/scans/networks", &cookie, &networks).status, 303);
    assert_eq!(
        world.post("/tasks/scans/new", &cookie, &with(&csrf, &[("targets", "8.8.8.8"), ("left_out", "")])).status,
        303
    );
    let wrong = [("csrf", csrf.as_str()), ("networks", "everything")];
    assert_eq!(world.post("/tasks/scans/networks", &cookie, &wrong).status, 422);
}

fn a_scan_task_is_made_changed_and_run_by_a_program(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let origin = format!("http://{}", world.address);
    let send = |method: &str, path: &str, body: &str| {
        let headers = [("cookie", cookie.as_str()), ("content-type", "application/json"), ("origin", &origin)];
        world.send(method, &format!("/api/v1{path}"), &headers, body)
    };
    let made = send(
        "POST",
        "/scans",
        r#"{"name":"lan","targets":"10.1.0.0/24","schedule":{"every":6,"unit":"hours","minute":30}}"#,
    );
    assert_eq!(made.status, 200, "{}", made.body);
    let made = made.json();
    assert_eq!((made["next_run_at"].as_str(), made["rate"].as_i64()), (Some("2026-11-21T03:30:00Z"), Some(300)));
    let path = format!("/scans/{}", made["id"].as_str().unwrap());
    let changed = send("PUT", &path, r#"{"name":"lan","targets":"10.1.0.0/25","exclude":"10.1.0.1"}"#).json();
    assert_eq!((changed["targets"].as_str(), changed["next_run_at"].as_str()), (Some("10.1.0.0/25"), None));
    assert_eq!(send("PUT", &path, r#"{"name":"lan","targets":"10.0.0.0/8"}"#).status, 422);
    assert_eq!(send("POST", "/scans", r#"{"name":"LAN","targets":"10.1.0.1"}"#).status, 409);
    assert!(send("POST", &format!("{path}/run"), "{}").body.contains("A run was asked for."));
    assert!(!send("GET", &path, "").json()["next_run_at"].is_null());
    assert!(send("POST", &format!("{path}/stop"), "{}").body.contains("It is being stopped."));
    assert!(send("POST", &format!("{path}/pause"), "").body.contains("Paused."));
    assert_eq!(send("GET", &path, "").json()["enabled"], false);
    assert_eq!(send("POST", &format!("{path}/run"), "").status, 409, "it is paused");
    assert!(send("POST", &format!("{path}/resume"), "").body.contains("Resumed."));
    assert_eq!(
        (&send("GET", &path, "").json()["enabled"], send("POST", "/scans/x/pause", "").status),
        (&true.into(), 404)
    );
    assert_eq!(send("GET", &format!("{path}/runs"), "").json()["items"].as_array().map(Vec::len), Some(0));
    assert_eq!(send("GET", "/scans", "").json()["items"].as_array().map(Vec::len), Some(1));
    let networks = send("PUT", "/scan-networks", r#"{"allowed":"192.168.7.0/24"}"#);
    assert_eq!(networks.json()["allowed"], "192.168.7.0/24", "{}", networks.body);
    assert_eq!(send("POST", &format!("{path}/run"), "{}").status, 422, "it is no longer among them");
    assert_eq!(send("GET", "/scan-networks", "").json()["allowed"], "192.168.7.0/24");
    assert_eq!(send("DELETE", &path, "").status, 200);
    assert_eq!(send("GET", &path, "").status, 404);
}
