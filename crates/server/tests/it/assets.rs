//! What people decide about assets: merge, split, pin, owners; and what their pages show.

use access::Role;
use kernel::OrgId;
use testkit::Database;

use crate::world::{CANARY, Reply, START, World};

testkit::on_each_database! {
    a_merge_is_weighed_done_and_undone,
    a_split_is_undone_by_its_own_button,
    what_is_pinned_is_neither_merged_nor_split,
    a_program_decides_and_asks_why,
    owners_and_fields_are_set_for_what_is_chosen,
    an_open_question_is_marked_shown_and_answered,
    what_is_gone_is_told_below_an_answer,
    foreign_and_wrong_ids_change_nothing,
    the_value_in_use_is_shown_however_many_records_there_are,
    the_page_shows_every_attribute_as_it_was_sent,
}

/// The id of the asset with that number.
pub fn asset(world: &World, cookie: &str, number: usize) -> String {
    let asked = server::address("/api/v1/assets", &[("q", &format!("name:={CANARY}-{number:03}"))]);
    world.get(&asked, cookie).json()["items"][0]["id"].as_str().unwrap().to_owned()
}

fn records(world: &World, cookie: &str, asset: &str) -> Vec<String> {
    let told = world.get(&format!("/api/v1/assets/{asset}"), cookie).json();
    told["records"].as_array().unwrap().iter().map(|of| of["id"].as_str().unwrap().to_owned()).collect()
}

fn send(world: &World, cookie: &str, method: &str, path: &str, body: &serde_json::Value) -> Reply {
    let origin = format!("http://{}", world.address);
    let headers = [("cookie", cookie), ("content-type", "application/json"), ("origin", origin.as_str())];
    world.send(method, path, &headers, &body.to_string())
}

/// The fields of the form on a page that posts to `action`.
pub fn form(page: &str, action: &str) -> Vec<(String, String)> {
    let at = page.find(&format!("action=\"{action}\"")).unwrap_or_else(|| panic!("no form to {action} in {page}"));
    let inside = page[at..].split("</form>").next().unwrap();
    let hidden = inside.split("<input type=\"hidden\"").skip(1).filter_map(|rest| {
        let tag = rest.split('>').next()?;
        let of = |name: &str| Some(tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?.to_owned());
        Some((of("name")?, of("value")?))
    });
    hidden.collect()
}

fn post(world: &World, cookie: &str, path: &str, fields: &[(String, String)]) -> Reply {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    world.post(path, cookie, &fields)
}

fn a_merge_is_weighed_done_and_undone(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let (one, two) = (asset(&world, &cookie, 7), asset(&world, &cookie, 8));
    let search = world.get(&format!("/assets/{one}/merge?q={CANARY}-008"), &cookie).body;
    assert!(search.contains(&format!("/assets/{one}/merge?with={two}")), "{search}");
    assert!(!search.contains(&format!("with={one}")), "an asset is not offered to itself");
    let weighed = world.get(&format!("/assets/{one}/merge?with={two}"), &cookie).body;
    assert!(weighed.contains("They differ") && weighed.contains(&format!("SN-{CANARY}-8")), "{weighed}");
    let action = format!("/assets/{one}/merge");
    for text in ["What becomes of both", "It can be undone.", "keeps its page", " and ", "<title>Merge "] {
        assert!(weighed.contains(text), "{text}: {weighed}");
    }
    let mut fields = form(&weighed, &action);
    fields.push(("reason".to_owned(), "the list has it twice".to_owned()));
    let done = post(&world, &cookie, &action, &fields);
    assert_eq!(done.status, 303, "{}", done.body);
    let to = done.header("location").to_owned();
    let page = world.get(&to, &cookie).body;
    assert!(page.contains("Undo the merge") && page.contains("2 records"), "{page}");
    assert!(page.contains("the list has it twice"), "{page}");
    // It begins with what the machine is, and its history tells the merge as a sentence.
    let came = format!(" came from {}</b>", if to.contains(&one) { &two } else { &one });
    assert!(page.contains("known from a list alone") && page.contains(&came), "{page}");
    // What each record says stands beside the others, and the one in use is marked.
    let said = page.split("Attributes by source").nth(1).expect("a card for it");
    let row = said.split("<tr>").find(|row| row.contains(&format!("SN-{CANARY}-7"))).expect("a row of serial numbers");
    assert!(row.contains(&format!("SN-{CANARY}-8")) && row.matches("In use:").count() == 1, "{row}");
    let merged = to.split(['?', '/']).nth(2).unwrap().to_owned();
    assert_eq!(records(&world, &cookie, &merged).len(), 2);
    let other = if merged == one { &two } else { &one };
    assert_eq!(world.get(&format!("/assets/{other}"), &cookie).header("location"), format!("/assets/{merged}"));
    let action = format!("/assets/{merged}/undo");
    let undone = post(&world, &cookie, &action, &form(&page, &action));
    assert_eq!((undone.status, undone.header("location")), (303, format!("/assets/{merged}").as_str()));
    assert_eq!(records(&world, &cookie, &merged).len(), 1);
    // It is told, and by whom; and nothing is decided about the two any more.
    let page = world.get(&format!("/assets/{merged}"), &cookie).body;
    assert!(page.contains("What people decided") && page.contains("Taken back"), "{page}");
    assert!(!page.contains("Undo the merge"), "{page}");
    let why = world.get(&format!("/api/v1/assets/{one}/explain?and={two}"), &cookie).json();
    assert_ne!(why["compared"]["veto"], "split", "{why}");
    let again = post(
        &world,
        &cookie,
        &action,
        &[
            ("csrf".to_owned(), world.csrf(&cookie)),
            ("decision".to_owned(), why["decisions"][0]["id"].as_str().unwrap().to_owned()),
        ],
    );
    assert_eq!(again.status, 409, "{}", again.body);
    assert!(again.body.contains("was taken back already, by ada"), "{}", again.body);
}

fn a_split_is_undone_by_its_own_button(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let (one, two) = (asset(&world, &cookie, 7), asset(&world, &cookie, 8));
    let body = serde_json::json!({ "with": [two], "reason": "one machine" });
    let merged = send(&world, &cookie, "POST", &format!("/api/v1/assets/{one}/merge"), &body).json();
    let merged = merged["asset"].as_str().unwrap().to_owned();
    let page = world.get(&format!("/assets/{merged}"), &cookie).body;
    assert!(page.contains("Split this record off?") && page.contains("data-dialog=\"split-rec_"), "{page}");
    let action = format!("/assets/{merged}/split");
    let done = post(&world, &cookie, &action, &form(&page, &action));
    let to = done.header("location").to_owned();
    assert!(to.contains("?decided=dec_"), "{to}: {}", done.body);
    let page = world.get(&to, &cookie).body;
    assert!(page.contains("Undo the split"), "{page}");
    let action = format!("{}/undo", to.split('?').next().unwrap());
    let undone = post(&world, &cookie, &action, &form(&page, &action));
    assert_eq!(undone.status, 303, "{}", undone.body);
    assert_eq!(records(&world, &cookie, undone.header("location").rsplit('/').next().unwrap()).len(), 2);
}

fn what_is_pinned_is_neither_merged_nor_split(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let (one, two) = (asset(&world, &cookie, 7), asset(&world, &cookie, 8));
    let csrf = world.csrf(&cookie);
    let pin = format!("/assets/{one}/pin");
    assert_eq!(world.post(&pin, &cookie, &[("csrf", &csrf)]).status, 303);
    let page = world.get(&format!("/assets/{one}"), &cookie).body;
    assert!(page.contains("Pinned") && page.contains("Unpin") && !page.contains("Merge with"), "{page}");
    assert!(page.contains("a new record of this machine becomes an asset of its own"), "{page}");
    let merged = world.post(&format!("/assets/{one}/merge"), &cookie, &[("csrf", &csrf), ("with", &two)]);
    assert_eq!(merged.status, 409);
    assert!(merged.body.contains("is pinned: nothing leaves it or joins it"), "{}", merged.body);
    assert_eq!(world.post(&pin, &cookie, &[("csrf", &csrf), ("off", "1")]).status, 303);
    assert_eq!(world.post(&pin, &cookie, &[("csrf", &csrf), ("off", "1")]).status, 409);
    let page = world.get(&format!("/assets/{one}"), &cookie).body;
    assert!(page.contains("Merge with"), "{page}");
}

fn a_program_decides_and_asks_why(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let (one, two) = (asset(&world, &cookie, 7), asset(&world, &cookie, 8));
    let path = format!("/api/v1/assets/{one}");
    let why = world.get(&format!("{path}/explain?and={two}"), &cookie).json();
    assert_eq!((why["records"][0]["rule"].as_str(), why["compared"]["one"].as_bool()), (Some("new"), Some(false)));
    let body = serde_json::json!({ "with": [two] });
    let merged = send(&world, &cookie, "POST", &format!("{path}/merge"), &body).json();
    let joined = merged["records"].as_array().unwrap().clone();
    assert_eq!(joined.len(), 1);
    let merged = format!("/api/v1/assets/{}", merged["asset"].as_str().unwrap());
    let why = world.get(&format!("{merged}/explain"), &cookie).json();
    assert!(why["records"].as_array().unwrap().iter().any(|of| of["rule"] == "merged"), "{why}");
    let what = world.get(&merged, &cookie).json()["what"].as_str().unwrap().to_owned();
    assert!(what.contains("known from a list alone"), "{what}");
    let split = send(&world, &cookie, "POST", &format!("{merged}/split"), &serde_json::json!({ "records": joined }));
    assert!(split.json()["split_off"].as_str().is_some(), "{}", split.body);
    let undo = serde_json::json!({ "decision": split.json()["decision"], "reason": "the wrong one" });
    let undone = send(&world, &cookie, "POST", &format!("{merged}/undo"), &undo);
    assert_eq!(undone.status, 200, "{}", undone.body);
    assert_eq!(records(&world, &cookie, merged.rsplit('/').next().unwrap()).len(), 2);
    let elsewhere = serde_json::json!({ "decision": split.json()["decision"] });
    let stranger = format!("/api/v1/assets/{}/undo", asset(&world, &cookie, 9));
    assert_eq!(send(&world, &cookie, "POST", &stranger, &elsewhere).status, 404, "it is about another asset");
    let pinned =
        send(&world, &cookie, "PUT", &format!("{merged}/pin"), &serde_json::json!({ "reason": "right as it is" }));
    assert_eq!(pinned.status, 200, "{}", pinned.body);
    assert_eq!(world.get(&format!("{merged}/explain"), &cookie).json()["pinned"], true);
    assert_eq!(send(&world, &cookie, "DELETE", &format!("{merged}/pin"), &serde_json::json!({})).status, 200);
    let wrong = send(&world, &cookie, "POST", &format!("{path}/merge"), &serde_json::json!({ "whit": [two] }));
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    assert!(wrong.json()["detail"].as_str().unwrap().contains("whit"), "{}", wrong.body);
}

/// Two names that a list of another source has too, and a question about each: names alone raise none between lists.
fn ask_about_two(world: &World) {
    const ASK: &str = "INSERT INTO inventory_suggestion \
        (org_id, suggestion_id, about, one_record, other_record, score, evidence, since) \
        SELECT o.org_id, o.record_id, 'alike', o.record_id, t.record_id, 6.0, 'name=' || o.name, o.record_id \
        FROM inventory_machine o JOIN inventory_machine t ON t.org_id = o.org_id AND t.name = o.name \
        AND t.record_id > o.record_id WHERE o.org_id = $1";
    world.import(OrgId::DEFAULT, "second-list", "annex", &format!("name\n{CANARY}-007\n{CANARY}-009\n"));
    world.write(|tx| Ok(tx.execute(ASK, &[OrgId::DEFAULT.into()])?));
}

fn an_open_question_is_marked_shown_and_answered(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let none = world.get("/assets/review", &cookie).body;
    assert!(none.contains("0 open questions") && none.contains("Nothing is left to you"), "{none}");
    assert!(!world.get("/assets", &cookie).body.contains("Open questions"), "a tab that leads to nothing");
    ask_about_two(&world);
    // The list marks them, counts them, and leads to each.
    let asked = |text: &str| server::address("/assets", &[("q", text), ("sort", "name")]);
    let list = world.get(&asked("question:t"), &cookie).body;
    assert!(list.contains("<b>4 assets</b>") && list.matches("#questions\">").count() == 4, "{list}");
    assert!(list.contains("href=\"/assets/review\""), "{list}");
    let list = world.get(&asked(&format!("name:{CANARY}-007 or name:{CANARY}-008")), &cookie).body;
    let narrowed = format!("(name:{CANARY}-007 or name:{CANARY}-008) and question:t");
    assert!(list.contains("2 of them have an open question") && list.matches("#questions\">").count() == 2, "{list}");
    let link = server::address("/assets", &[("sort", "name"), ("q", &narrowed)]);
    assert!(list.contains(&link.replace('&', "&amp;")), "{link}: {list}");
    assert!(
        world.get("/", &cookie).body.contains("href=\"/assets/review\""),
        "the overview says that it needs somebody"
    );
    // The page of all, and the page of one side, show the other and why it is asked.
    let all = world.get("/assets/review", &cookie).body;
    assert!(all.contains("2 open questions") && all.matches("value=\"same\"").count() == 2, "{all}");
    let ids =
        world.get(&format!("/api/v1{}", server::address("/assets", &[("q", &format!("name:={CANARY}-007"))])), &cookie);
    let ids: Vec<String> =
        ids.json()["items"].as_array().unwrap().iter().map(|of| of["id"].as_str().unwrap().to_owned()).collect();
    let [one, two] = ids.as_slice() else { panic!("{ids:?}") };
    let page = world.get(&format!("/assets/{one}"), &cookie).body;
    assert!(page.contains("href=\"#questions\""), "{page}");
    for text in [two.as_str(), "second-list", "Both have ", "Not the same machine", "never seen"] {
        assert!(page.contains(text) && all.contains(text), "{text}: {page} {all}");
    }
    // Programs turn the pages of the same list.
    let questions = |query: &str| {
        let answer = world.get(&format!("/api/v1/assets/review{query}"), &cookie);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let first = questions("?limit=1");
    let asked = &first["items"][0];
    assert_eq!((first["items"].as_array().unwrap().len(), &asked["about"]), (1, &"alike".into()), "{first}");
    assert!(asked["sides"].as_array().unwrap().iter().any(|side| side["asset"] == one.as_str()), "{first}");
    assert!(!asked["verdict"].as_str().unwrap().is_empty(), "{first}");
    let rest = questions(&format!("?limit=1&after={}", first["next"].as_str().unwrap()));
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &serde_json::Value::Null), "{rest}");
    assert_ne!(rest["items"][0]["id"], asked["id"]);
    // Two of one name are told apart where they are compared.
    let compared = world.get(&format!("/assets/{one}/merge?with={two}"), &cookie).body;
    let title = format!("<title>Merge the two assets called {CANARY}-007?");
    for text in [title.as_str(), one, two, "The two", "Last seen", "Addresses", &format!("SN-{CANARY}-7")] {
        assert!(compared.contains(text), "{text}: {compared}");
    }
    // Who only reads sees it, and has no buttons.
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let seen = world.get("/assets/review", &world.cookie("vera", OrgId::DEFAULT)).body;
    assert!(seen.contains("2 open questions") && !seen.contains("value=\"same\""), "{seen}");
    // No keeps them apart, yes puts them together, and both can be taken back.
    let question = |page: &str| {
        let from = page.find("action=\"/assets/review/rev_").expect("a form that answers") + 8;
        page[from..].split('"').next().unwrap().to_owned()
    };
    let (csrf, action) = (world.csrf(&cookie), question(&page));
    let answer = |answer: &str| {
        world.post(&action, &cookie, &[("csrf", &csrf), ("answer", answer), ("back", &format!("/assets/{one}"))])
    };
    assert_eq!(answer("maybe").status, 422);
    let no = answer("two");
    assert_eq!((no.status, no.header("location")), (303, format!("/assets/{one}").as_str()), "{}", no.body);
    assert_eq!(answer("two").status, 404, "it is not open any more");
    let page = world.get(&format!("/assets/{one}"), &cookie).body;
    assert!(!page.contains("id=\"questions\"") && page.contains("Undo the answer"), "{page}");
    let all = world.get("/assets/review", &cookie).body;
    let id = question(&all).rsplit('/').next().unwrap().to_owned();
    let yes = serde_json::json!({ "same": true, "reason": "one sticker" });
    let yes = send(&world, &cookie, "POST", &format!("/api/v1/assets/review/{id}"), &yes);
    assert_eq!(yes.status, 200, "{}", yes.body);
    let yes = yes.json();
    assert!(yes["assets"][0].as_str().is_some() && yes["assets"][0] == yes["assets"][1], "{yes}");
    assert!(yes["decision"].as_str().unwrap().starts_with("dec_"), "{yes}");
    assert!(world.get("/assets/review", &cookie).body.contains("Nothing is left to you"));
}

fn what_is_gone_is_told_below_an_answer(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let list = |text: &str| world.get(&server::address("/assets", &[("q", text)]), &cookie).body;
    assert!(!list("os:windows").contains("gone from every source"));
    let gone = "UPDATE inventory_asset SET gone = 1 WHERE org_id = $1 AND name = $2";
    world.write(move |tx| Ok(tx.execute(gone, &[OrgId::DEFAULT.into(), format!("{CANARY}-008").into()])?));
    // Another question, since what a question comes to may be kept for a while.
    let told = list("os:windows and not name:x");
    assert!(told.contains("1 of them is gone from every source"), "{told}");
    let without = server::address("/assets", &[("q", "os:windows and not name:x and removed:f")]);
    assert!(told.contains(&format!("href=\"{without}\"")), "{told}");
    assert!(!list("os:windows and not name:x and removed:f").contains("gone from every source"));
    assert!(!list("os:windows and removed:t").contains("gone from every source"), "who asks for them needs no note");
}

fn owners_and_fields_are_set_for_what_is_chosen(database: &Database) {
    let world = World::new(database);
    world
        .store
        .write_blocking(|tx| {
            inventory::field::add_field(tx, OrgId::DEFAULT, "tier", &inventory::field::FieldKind::Text, "ada", START)
        })
        .unwrap();
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let (one, two) = (asset(&world, &cookie, 7), asset(&world, &cookie, 8));
    let list = world.get("/assets", &cookie).body;
    assert!(list.contains("formaction=\"/assets/owner\"") && list.contains("<option value=\"tier\""), "{list}");
    let csrf = world.csrf(&cookie);
    let chosen = [("csrf", csrf.as_str()), ("id", &one), ("id", &two), ("back", "/assets?q=os:windows")];
    let mut fields = chosen.to_vec();
    fields.push(("owner", "Sales IT"));
    let done = world.post("/assets/owner", &cookie, &fields);
    assert_eq!((done.status, done.header("location")), (303, "/assets?q=os:windows"));
    let mut fields = chosen.to_vec();
    fields.extend([("field", "tier"), ("value", "2")]);
    assert_eq!(world.post("/assets/field", &cookie, &fields).status, 303);
    let count = |question: &str| {
        world.get(&server::address("/api/v1/assets/count", &[("q", question)]), &cookie).json()["count"]
            .as_u64()
            .unwrap()
    };
    assert_eq!((count("owner:\"Sales IT\""), count("field.tier:2")), (2, 2));
    let page = world.get(&format!("/assets/{one}"), &cookie).body;
    let facts = page.split("id=\"facts\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(facts.contains("tier") && facts.contains("<bdi>2</bdi>"), "{facts}");
    let told = world.get(&format!("/api/v1/assets/{one}"), &cookie).json();
    assert_eq!(told["custom"], serde_json::json!({ "tier": "2" }));
    let body = serde_json::json!({ "assets": [one], "owner": null });
    assert_eq!(send(&world, &cookie, "POST", "/api/v1/assets/owner", &body).json()["assets"], 1);
    assert_eq!(count("owner:\"Sales IT\""), 1);
    let none = world.post("/assets/owner", &cookie, &[("csrf", &csrf), ("owner", "x")]);
    assert_eq!(none.status, 422);
    assert!(none.body.contains("No asset is chosen. Tick at least one."), "{}", none.body);
    let unknown =
        world.post("/assets/field", &cookie, &[("csrf", &csrf), ("id", &two), ("field", "teir"), ("value", "2")]);
    assert_eq!(unknown.status, 404, "{}", unknown.body);
    // Who only reads has no such buttons.
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let reads = world.cookie("vera", OrgId::DEFAULT);
    assert!(!world.get("/assets", &reads).body.contains("formaction"));
    assert!(!world.get(&format!("/assets/{two}"), &reads).body.contains("Merge with"));
}

fn foreign_and_wrong_ids_change_nothing(database: &Database) {
    let world = World::new(database);
    let (own, other) = (world.cookie("ada", OrgId::DEFAULT), world.cookie("ben", OrgId(2)));
    let (one, two) = (asset(&world, &own, 7), asset(&world, &own, 8));
    let csrf = world.csrf(&other);
    let foreign = records(&world, &own, &one)[0].clone();
    let till = world.get("/api/v1/assets", &other).json()["items"][0]["id"].as_str().unwrap().to_owned();
    for (path, fields) in [
        (format!("/assets/{one}/merge"), vec![("with", two.as_str())]),
        (format!("/assets/{till}/merge"), vec![("with", two.as_str())]),
        (format!("/assets/{one}/pin"), vec![]),
        (format!("/assets/{one}/split"), vec![("record", foreign.as_str())]),
        ("/assets/owner".to_owned(), vec![("id", one.as_str()), ("owner", "Ben")]),
    ] {
        let mut sent = vec![("csrf", csrf.as_str())];
        sent.extend(fields);
        let reply = world.post(&path, &other, &sent);
        assert_eq!(reply.status, 404, "{path}: {}", reply.body);
    }
    let reply = world.post(&format!("/assets/{till}/split"), &other, &[("csrf", &csrf), ("record", &foreign)]);
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert_eq!(records(&world, &own, &one), [foreign]);
}

fn the_page_shows_every_attribute_as_it_was_sent(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let page = world.get(&format!("/assets/{}", asset(&world, &cookie, 7)), &cookie).body;
    assert!(page.contains("Every attribute, as it was sent"), "{page}");
    assert!(page.contains(&format!("SN-{CANARY}-7")) && page.contains("attributes as"), "{page}");
}

fn the_value_in_use_is_shown_however_many_records_there_are(database: &Database) {
    let world = World::empty(database);
    world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    for at in 1..=8 {
        world.clock.set(START.plus_seconds(at));
        let machine = format!("name,serial,mac,os\nBOX,PF3XK2AB,00:1b:21:3c:9d:01,Debian {at}\n");
        world.import(OrgId::DEFAULT, &format!("list-{at}"), "HQ", &machine);
    }
    let id = world.get("/api/v1/assets", &cookie).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let page = world.get(&format!("/assets/{id}"), &cookie).body;
    let said = page.split("id=\"said\"").nth(1).unwrap().split("</section>").next().unwrap();
    let row = said.split("<tr").find(|row| row.contains("Debian")).unwrap();
    assert!(row.contains("In use:"), "{row}");
    assert!(said.contains("3 more records"), "{said}");
}
