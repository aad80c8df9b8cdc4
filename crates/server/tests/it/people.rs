//! People and what is theirs: accounts, invitations, tokens, organizations, the trail, fields, settings.

use access::Role;
use kernel::{OrgId, PersonId, Secret};
use testkit::Database;

use crate::world::{CANARY, Reply, START, World, mail, ring};

testkit::on_each_database! {
    an_invited_person_chooses_a_password_once,
    an_administrator_of_one_organization_does_not_become_somebody_in_another,
    a_password_is_changed_by_who_knows_it,
    a_second_factor_is_set_up_and_taken_away,
    administrators_without_a_second_factor_only_read_where_one_is_demanded,
    an_administrator_signs_somebody_out_everywhere,
    a_token_is_shown_once_and_never_above_its_maker,
    organizations_are_made_by_who_administers_the_installation,
    the_trail_is_read_chosen_and_taken_along,
    sites_fields_and_owners_are_changed_and_mistakes_are_said,
    settings_hold_and_mistakes_are_said,
    two_tabs_with_the_same_form_do_not_overwrite_each_other,
    every_page_of_administration_looks_as_it_should,
}

const PASSWORD: &str = "seven green lamps at noon";
/// The code of the secret of twenty sevens at the start (RFC 6238).
const CODE: &str = "780743";
const OTHER: &str = "eight red lamps at night";

/// A browser that somebody has signed in with.
struct Browser<'a> {
    world: &'a World,
    cookie: String,
    csrf: String,
}

impl<'a> Browser<'a> {
    fn of(world: &'a World, login: &'static str, org: OrgId) -> Browser<'a> {
        let cookie = world.cookie(login, org);
        let csrf = world.csrf(&cookie);
        Browser { world, cookie, csrf }
    }

    fn get(&self, path: &str) -> Reply {
        self.world.get(path, &self.cookie)
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend(fields);
        self.world.post(path, &self.cookie, &all)
    }

    fn json(&self, method: &str, path: &str, body: &str) -> Reply {
        let origin = format!("http://{}", self.world.address);
        let headers = [("cookie", self.cookie.as_str()), ("content-type", "application/json"), ("origin", &origin)];
        self.world.send(method, path, &headers, body)
    }
}

fn with_password(world: &World, who: i64) {
    world.write(move |tx| {
        let hash = access::hash_password(&Secret::new(PASSWORD.to_owned()), &[3; access::SALT_BYTES]);
        access::set_password(tx, PersonId(who), &hash, None, "ada", START)
    });
}

/// What stands between two texts of a page.
fn between<'a>(body: &'a str, from: &str, to: &str) -> &'a str {
    let rest = &body[body.find(from).unwrap_or_else(|| panic!("no {from} in {body}")) + from.len()..];
    &rest[..rest.find(to).unwrap()]
}

fn an_invited_person_chooses_a_password_once(database: &Database) {
    let world = World::new(database);
    let ada = Browser::of(&world, "ada", OrgId::DEFAULT);
    for (fields, says) in [
        ([("login", "no address"), ("name", "Nora"), ("role", "viewer")], "it is not an e-mail address"),
        ([("login", "nora@acme.example"), ("name", ""), ("role", "viewer")], "it is empty"),
        ([("login", "nora@acme.example"), ("name", "Nora"), ("role", "root")], "Choose a role."),
        ([("login", "ada@acme.example"), ("name", "Ada"), ("role", "viewer")], "is a member already"),
    ] {
        let wrong = ada.post("/people/invite", &fields);
        assert!(wrong.status == 422 && wrong.body.contains(says), "{says}: {}", wrong.body);
    }
    let nora = [("login", "nora@acme.example"), ("name", "Nora"), ("role", "operator")];
    let shown = ada.post("/people/invite", &nora);
    assert_eq!((shown.status, shown.header("cache-control")), (200, "no-store"));
    let link = between(&shown.body, "<code class=\"mono\">", "</code>");
    let path = link.strip_prefix(&format!("http://{}", world.address)).unwrap().to_owned();
    let page = world.get(&path, "");
    assert_eq!((page.status, page.header("referrer-policy")), (200, "no-referrer"), "{}", page.body);
    assert!(page.body.contains("nora@acme.example"));
    let token = path.split_once("token=").unwrap().1;
    let sent = |password: &str| world.post("/invitation", "", &[("token", token), ("password", password)]);
    let weak = sent("short");
    assert!(weak.status == 422 && weak.body.contains("it is shorter than 12 characters"), "{}", weak.body);
    let done = sent(PASSWORD);
    assert_eq!((done.status, done.header("location")), (303, "/sign-in"));
    assert_eq!((sent(OTHER).status, world.get(&path, "").status), (410, 410), "once");
    let signed = world.post("/sign-in", "", &[("login", "nora@acme.example"), ("password", PASSWORD)]);
    let cookie = signed.cookie("muster=").unwrap();
    let me = world.get("/api/v1/me", &cookie).json();
    assert_eq!((me["role"].as_str(), me["organization"].as_str()), (Some("operator"), Some("default")));
    // A program does the same, and the last administrator stays.
    let made = ada.json("POST", "/api/v1/people", r#"{"login":"olaf@acme.example","name":"Olaf","role":"auditor"}"#);
    let made = made.json();
    assert!(made["link"].as_str().unwrap().contains("/invitation?token="), "{made}");
    let listed = ada.get("/api/v1/people").json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    let own = ada.post("/people/psn_0000000000001/role", &[("role", "viewer")]);
    assert!(own.status == 409 && own.body.contains("last administrator"), "{}", own.body);
    let olaf = made["person"]["id"].as_str().unwrap();
    assert_eq!(ada.json("DELETE", &format!("/api/v1/people/{olaf}"), "").status, 200);
    assert_eq!(ada.get(&format!("/people/{olaf}")).status, 404);
}

fn an_administrator_of_one_organization_does_not_become_somebody_in_another(database: &Database) {
    let world = World::new(database);
    let cora = world.person("cora", &[(OrgId::DEFAULT, Role::Admin), (OrgId(2), Role::Viewer)]);
    let ben = Browser::of(&world, "ben", OrgId(2));
    // Whom they do not share an organization with is not there.
    for verb in ["", "/role", "/link", "/state", "/second-factor", "/sign-out", "/remove"] {
        let path = format!("/people/psn_0000000000001{verb}");
        let reply = if verb.is_empty() { ben.get(&path) } else { ben.post(&path, &[("role", "viewer")]) };
        assert_eq!(reply.status, 404, "{path}");
    }
    for verb in ["link", "state", "second-factor", "sign-out"] {
        let reply = ben.post(&format!("/people/{cora}/{verb}"), &[("state", "disabled")]);
        assert!(reply.status == 403 && !reply.body.contains("token="), "{verb}: {}", reply.body);
    }
    let state = ben.json("PATCH", &format!("/api/v1/people/{cora}"), r#"{"state":"disabled"}"#);
    assert_eq!(state.status, 403);
    assert!(ben.get(&format!("/people/{cora}")).body.contains("They belong to other organizations too."));
    // What they are here is his to decide, and nothing of it reaches the other one.
    assert_eq!(ben.post(&format!("/people/{cora}/role"), &[("role", "operator")]).status, 303);
    let ada = Browser::of(&world, "ada", OrgId::DEFAULT);
    assert_eq!(ada.get(&format!("/api/v1/people/{cora}")).json()["role"], "admin");
    assert_eq!(ada.post(&format!("/people/{cora}/link"), &[]).status, 200, "the installation's administrator may");
    assert_eq!(ada.post(&format!("/people/{cora}/state"), &[("state", "disabled")]).status, 303);
    let own = ada.post("/people/psn_0000000000001/state", &[("state", "disabled")]);
    assert!(own.status == 409 && own.body.contains("You would lock yourself out."), "{}", own.body);
    assert_eq!(ben.post(&format!("/people/{cora}/remove"), &[]).status, 303);
    assert_eq!(ben.get(&format!("/people/{cora}")).status, 404);
}

fn a_password_is_changed_by_who_knows_it(database: &Database) {
    let world = World::new(database);
    with_password(&world, 1);
    let (here, there) = (Browser::of(&world, "ada", OrgId::DEFAULT), Browser::of(&world, "ada", OrgId::DEFAULT));
    let change =
        |current: &str, password: &str| here.post("/account/password", &[("current", current), ("password", password)]);
    let wrong = change("wrong", OTHER);
    assert!(wrong.status == 422 && wrong.body.contains("This is not your password."), "{}", wrong.body);
    let weak = change(PASSWORD, "short");
    assert!(weak.status == 422 && weak.body.contains("it is shorter than 12 characters"), "{}", weak.body);
    assert_eq!(change(PASSWORD, OTHER).status, 303);
    assert_eq!((here.get("/account").status, there.get("/account").status), (200, 303), "others are signed out");
    let signed = world.post("/sign-in", "", &[("login", &mail("ada")), ("password", OTHER)]);
    assert_eq!(signed.status, 303);
    // The new session is ended from the old one; nobody ends another's.
    let id = between(&here.get("/account").body, "name=\"session\" value=\"", "\"").to_owned();
    let ben = Browser::of(&world, "ben", OrgId(2));
    assert_eq!(ben.post("/account/sessions/end", &[("session", &id)]).status, 404);
    assert_eq!(here.post("/account/sessions/end", &[("session", &id)]).status, 303);
    assert_eq!(world.get("/account", &signed.cookie("muster=").unwrap()).status, 303);
    // Who keeps guessing at a desk that was left waits.
    let waits = (0..20).find_map(|_| {
        let reply = change("wrong", PASSWORD);
        reply.body.contains("Too many attempts failed.").then_some(reply.status)
    });
    assert_eq!(waits, Some(422));
    assert_eq!(here.post("/account/name", &[("name", "")]).status, 422);
    assert_eq!(here.post("/account/name", &[("name", "Ada L.")]).status, 303);
    assert!(here.get("/").body.contains("Ada L."));
    let off = here.post("/account/keys", &[]);
    let kept = format!("{}; {}", here.cookie, off.cookie("keys=").unwrap());
    assert!(here.get("/").body.contains("data-keys") && !world.get("/", &kept).body.contains("data-keys"));
}

fn a_second_factor_is_set_up_and_taken_away(database: &Database) {
    let world = World::new(database);
    with_password(&world, 1);
    let ada = Browser::of(&world, "ada", OrgId::DEFAULT);
    let begin = |password: &str| ada.post("/account/second-factor", &[("own_password", password)]);
    assert!(begin("wrong").body.contains("This is not your password."), "not at a desk that somebody left");
    let shown = begin(PASSWORD);
    assert_eq!((shown.status, shown.header("cache-control")), (200, "no-store"));
    assert!(shown.body.contains("aria-label=\"Picture to scan\"") && !shown.body.contains(" style="));
    let secret = between(&shown.body, "data-copy=\"", "\"");
    assert_eq!(secret.len(), 32, "20 bytes in base 32");
    // In place of chance, twenty sevens: what the telephone shows of them at the start is known.
    world.write(|tx| access::enrol_second_factor(tx, &ring(), PersonId(1), &[7; 20]).map(drop));
    let wrong = ada.post("/account/second-factor/confirm", &[("code", "000000")]);
    assert!(wrong.status == 422 && wrong.body.contains("This is not the code"), "{}", wrong.body);
    let right = ada.post("/account/second-factor/confirm", &[("code", CODE)]);
    assert_eq!(right.status, 200, "{}", right.body);
    let codes = between(&right.body, "data-copy=\"", "\"").to_owned();
    assert_eq!(codes.lines().count(), access::RECOVERY_CODES);
    assert!(ada.get("/account/second-factor").body.contains("10 recovery codes are left"));
    assert_eq!(begin(PASSWORD).status, 409, "not over one that is there");
    let renew = |password: &str| ada.post("/account/second-factor/codes", &[("current", password)]);
    assert_eq!(renew("wrong").status, 422);
    let renewed = renew(PASSWORD);
    assert!(renewed.status == 200 && between(&renewed.body, "data-copy=\"", "\"") != codes);
    let remove = |password: &str| ada.post("/account/second-factor/remove", &[("password", password)]);
    assert!(remove("wrong").body.contains("This is not your password."));
    assert_eq!(remove(PASSWORD).status, 303);
    assert!(ada.get("/account/second-factor").body.contains("Set up a second factor"));
}

fn administrators_without_a_second_factor_only_read_where_one_is_demanded(database: &Database) {
    let world = World::new(database);
    let adam = world.person("adam", &[(OrgId::DEFAULT, Role::Admin)]);
    let ada = Browser::of(&world, "ada", OrgId::DEFAULT);
    let alone = ada.post("/settings/admins", &[("second_factor", "on")]);
    assert!(alone.status == 422 && alone.body.contains("set up your own second factor first"), "{}", alone.body);
    let confirmed = |who: PersonId| {
        world.write(move |tx| {
            access::enrol_second_factor(tx, &ring(), who, &[7; 20])?;
            let chance = std::array::from_fn(|at| u8::try_from(at).unwrap());
            access::confirm_second_factor(tx, &ring(), who, CODE, None, &chance, "ada", START)
        });
    };
    let adams = Browser::of(&world, "adam", OrgId::DEFAULT);
    let bens = Browser::of(&world, "ben", OrgId(2));
    assert_eq!(bens.post("/settings/admins", &[]).status, 403, "only who manages the installation demands it");
    let session = world.write(move |tx| {
        let all = access::sessions_of(tx, PersonId(1), &access::Lifetimes::default(), START)?;
        Ok(all[0].id.clone())
    });
    world.write(move |tx| {
        access::enrol_second_factor(tx, &ring(), PersonId(1), &[7; 20])?;
        let chance = std::array::from_fn(|at| u8::try_from(at).unwrap());
        access::confirm_second_factor(tx, &ring(), PersonId(1), CODE, Some(&session), &chance, "ada", START)
    });
    assert_eq!(ada.post("/settings/admins", &[("second_factor", "on")]).status, 303);
    assert!(ada.get("/settings").body.contains("name=\"second_factor\" value=\"on\" checked"));
    assert_eq!(ada.get("/people").status, 200, "who has one goes on");
    for other in [&adams, &bens] {
        let page = other.get("/assets");
        assert!(page.status == 200 && page.body.contains("Administrators need a second factor here."), "{}", page.body);
        let shut = other.get("/people");
        assert!(shut.status == 403 && shut.body.contains("and you have none yet"), "{}", shut.body);
        assert_eq!(other.post("/orgs/rename", &[("name", "x")]).status, 403);
        assert_eq!(other.get("/api/v1/people").status, 403);
        let token = [("token_name", "around"), ("role", "admin"), ("reach", "write"), ("days", "30")];
        assert_eq!(other.post("/account/tokens", &token).status, 422, "a token is no way around it");
        assert_eq!(other.get("/account/second-factor").status, 200, "the way out is open");
    }
    confirmed(adam);
    world.clock.set(START.plus_seconds(60));
    let cookie = world.cookie("adam", OrgId::DEFAULT);
    assert!(world.get("/people", &cookie).header("location").starts_with("/sign-in"), "half of the way");
    assert_eq!(ada.post("/settings/admins", &[]).status, 303);
    assert_eq!(bens.get("/people").status, 200);
}

fn an_administrator_signs_somebody_out_everywhere(database: &Database) {
    let world = World::new(database);
    let vera = world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let (one, two) = (world.cookie("vera", OrgId::DEFAULT), world.cookie("vera", OrgId::DEFAULT));
    let ada = Browser::of(&world, "ada", OrgId::DEFAULT);
    let other = Browser::of(&world, "ada", OrgId::DEFAULT);
    assert_eq!(ada.post(&format!("/people/{vera}/sign-out"), &[]).status, 303);
    assert_eq!((world.get("/assets", &one).status, world.get("/assets", &two).status), (303, 303));
    assert_eq!(ada.post("/people/psn_0000000000001/sign-out", &[]).status, 303);
    assert_eq!((ada.get("/assets").status, other.get("/assets").status), (200, 303), "her own stays");
    assert!(ada.get("/audit?what=session.").body.contains("session.end"));
}

fn a_token_is_shown_once_and_never_above_its_maker(database: &Database) {
    let world = World::new(database);
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let (ada, vera) = (Browser::of(&world, "ada", OrgId::DEFAULT), Browser::of(&world, "vera", OrgId::DEFAULT));
    let token = |role, days| [("token_name", "dashboard"), ("role", role), ("reach", "read"), ("days", days)];
    let above = vera.post("/account/tokens", &token("admin", "30"));
    assert!(above.status == 422 && above.body.contains("cannot have the role admin"), "{}", above.body);
    let long = vera.post("/account/tokens", &token("viewer", "400"));
    assert!(long.status == 422 && long.body.contains("you entered 400"), "{}", long.body);
    let made = vera.post("/account/tokens", &token("viewer", "30"));
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
    let text = between(&made.body, "data-copy=\"", "\"").to_owned();
    let bearer = format!("Bearer {text}");
    let asked = |method: &str, path: &str| world.send(method, path, &[("authorization", &bearer)], "");
    assert_eq!(asked("GET", "/api/v1/me").json()["role"], "viewer");
    assert_eq!(asked("GET", "/api/v1/tokens").status, 403, "a token sees no tokens");
    assert!(!vera.get("/account").body.contains(&text), "once");
    let own = ada.json("POST", "/api/v1/tokens", r#"{"name":"mine","role":"admin","write":true}"#).json();
    assert!(own["token"].as_str().unwrap().starts_with("muster_") && own["reach"] == "write", "{own}");
    let items = |of: &Browser<'_>| of.get("/api/v1/tokens").json()["items"].as_array().unwrap().len();
    assert_eq!((items(&ada), items(&vera)), (2, 1), "everybody's for an administrator");
    // Nobody ends another's, but an administrator of the same organization.
    let id = own["id"].as_str().unwrap();
    assert_eq!(vera.post("/account/tokens/revoke", &[("id", id)]).status, 404);
    assert_eq!(Browser::of(&world, "ben", OrgId(2)).post("/people/tokens/revoke", &[("id", id)]).status, 404);
    assert!(ada.get("/people/tokens").body.contains("dashboard"));
    let veras = vera.get("/api/v1/tokens").json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(ada.post("/people/tokens/revoke", &[("id", &veras)]).status, 303);
    assert_eq!(asked("GET", "/api/v1/me").status, 401);
    assert_eq!(ada.json("DELETE", &format!("/api/v1/tokens/{id}"), "").status, 200);
}

fn organizations_are_made_by_who_administers_the_installation(database: &Database) {
    let world = World::new(database);
    let (ada, ben) = (Browser::of(&world, "ada", OrgId::DEFAULT), Browser::of(&world, "ben", OrgId(2)));
    assert_eq!(ben.post("/orgs/new", &[("new_name", "Own")]).status, 403);
    let taken = ada.post("/orgs/new", &[("new_name", "acme retail")]);
    assert!(taken.status == 422 && taken.body.contains("choose another name"), "{}", taken.body);
    assert_eq!(ada.post("/orgs/new", &[("new_name", "Acme Labs")]).status, 303);
    assert!(ada.get("/orgs").body.contains("Acme Labs") && ada.get("/orgs").body.contains("no member"));
    assert!(!ben.get("/orgs").body.contains("Acme Labs"), "they do not learn of it");
    assert_eq!(ben.post("/orgs/rename", &[("name", "Acme Shops")]).status, 303);
    assert!(ben.get("/orgs").body.contains("Acme Shops"));
    let names = ada.get("/api/v1/organizations").json()["items"].to_string();
    assert!(names.contains("Acme Labs") && !names.contains("Acme Shops"), "{names}");
}

fn the_trail_is_read_chosen_and_taken_along(database: &Database) {
    let world = World::new(database);
    world.write(|tx| {
        for at in 0..120 {
            access::audit(tx, OrgId::DEFAULT, START.plus_seconds(at), "ada@acme.example", "thing.do", "=1+1", CANARY)?;
        }
        Ok(())
    });
    let ada = Browser::of(&world, "ada", OrgId::DEFAULT);
    let first = ada.get("/audit?what=thing.");
    assert_eq!(first.body.matches("thing.do").count(), 2 * 50, "a line and its link each");
    let older = between(&first.body, "before=", "\"").split('&').next().unwrap().to_owned();
    let second = ada.get(&format!("/audit?what=thing.&before={older}"));
    assert!(second.status == 200 && second.body.contains("rel=\"prev\"") && second.body.contains("rel=\"next\""));
    let newer = between(&second.body, "after=", "\"").split('&').next().unwrap().to_owned();
    let back = ada.get(&format!("/audit?what=thing.&after={newer}"));
    let lines = |page: &Reply| between(&page.body, "<span>Lines ", "</span>").to_owned();
    assert_eq!(lines(&back), lines(&first), "there and back");
    assert!(ada.get("/audit?who=nobody").body.contains("No line matches"));
    let wrong = ada.get("/audit?from=yesterday");
    assert!(wrong.status == 422 && wrong.body.contains("you entered yesterday"), "{}", wrong.body);
    let csv = ada.get("/audit/export.csv?what=thing.");
    assert_eq!(csv.body.lines().count(), 121);
    assert!(csv.body.contains("'=1+1"), "a formula is only a text: {}", &csv.body[..200]);
    let json: Vec<serde_json::Value> = serde_json::from_str(&ada.get("/audit/export.json?what=thing.").body).unwrap();
    assert_eq!((json.len(), json[0]["what"].as_str()), (120, Some("thing.do")));
    let page = ada.get("/api/v1/audit?what=thing.&limit=100").json();
    let next = page["next"].as_i64().unwrap();
    let rest = ada.get(&format!("/api/v1/audit?what=thing.&limit=100&before={next}")).json();
    assert_eq!((rest["items"].as_array().unwrap().len(), rest["next"].is_null()), (20, true));
    for path in ["/api/v1/audit?limit=0", "/api/v1/audit?before=x", "/api/v1/audit?from=x"] {
        assert_eq!(ada.get(path).status, 422, "{path}");
    }
}

fn sites_fields_and_owners_are_changed_and_mistakes_are_said(database: &Database) {
    let world = World::new(database);
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let (ada, vera) = (Browser::of(&world, "ada", OrgId::DEFAULT), Browser::of(&world, "vera", OrgId::DEFAULT));
    assert!(ada.get("/fields").body.contains("Make a site") && !vera.get("/fields").body.contains("Make a site"));
    assert_eq!(ada.post("/fields/sites/add", &[("site", "Berlin")]).status, 303);
    let taken = ada.post("/fields/sites/add", &[("site", "BERLIN")]);
    assert!(taken.status == 409 && taken.body.contains("There is a site"), "{}", taken.body);
    assert_eq!(ada.post("/fields/sites/rename", &[("which", "Berlin"), ("to", "Oslo")]).status, 303);
    assert!(ada.get("/fields").body.contains("Oslo"));
    assert_eq!(ada.post("/fields/sites/rename", &[("which", "Berlin"), ("to", "Rome")]).status, 404);
    let empty = ada.post("/fields/add", &[("key", "tier"), ("kind", "choice"), ("choices", " , ")]);
    assert!(empty.status == 422 && empty.body.contains("A choice has at least one value."), "{}", empty.body);
    let few = empty.body.find("The few").unwrap();
    assert!(empty.body[few..].contains("A choice has at least one value."), "beside its own field: {}", empty.body);
    assert_eq!(ada.post("/fields/add", &[("key", "tier"), ("kind", "choice"), ("choices", "1, 2,,1")]).status, 303);
    // A name that the language would take for several words is told as it is asked.
    let odd = ada.post("/fields/add", &[("key", "bad name!"), ("kind", "text")]);
    let told = odd.cookie("muster-flash=").unwrap();
    assert!(told.contains("%22field.bad+name%21%22"), "{told}");
    let asked = vera.get(&server::address("/assets", &[("q", "no:\"field.bad name!\"")]));
    assert!(asked.status == 200 && !asked.body.contains("<b>0 assets</b>"), "{}", asked.body);
    assert_eq!(ada.post("/fields/remove", &[("key", "bad name!")]).status, 303);
    let fields = vera.get("/api/v1/fields").json();
    assert_eq!(fields["items"][0]["choices"], serde_json::json!(["1", "2"]));
    let wrong = ada.post("/fields/owners/add", &[("owner", "Desk"), ("when", "osx:windows")]);
    assert!(wrong.status == 422 && wrong.body.contains("value=\"osx:windows\""), "{}", wrong.body);
    let right = ada.post("/fields/owners/add", &[("owner", "Desk"), ("when", "os:windows")]);
    assert_eq!(right.status, 303);
    let told = right.cookie("muster-flash=").unwrap();
    assert!(told.contains("30+assets+changed+hands"), "{told}");
    assert_eq!(vera.get("/api/v1/assets/count?q=owner:Desk").json()["count"], 30);
    assert_eq!(vera.get("/api/v1/owner-rules").json()["items"][0]["when"], "os:windows");
    assert_eq!(ada.json("DELETE", "/api/v1/owner-rules/2", "").status, 404);
    assert_eq!(ada.post("/fields/owners/remove", &[("position", "1")]).status, 303);
    assert_eq!(vera.get("/api/v1/assets/count?q=owner:Desk").json()["count"], 0);
    assert_eq!(ada.json("POST", "/api/v1/fields", r#"{"key":"cost"}"#).status, 200);
    assert_eq!(ada.json("POST", "/api/v1/fields", r#"{"key":"cost"}"#).status, 409);
    assert_eq!(ada.json("DELETE", "/api/v1/fields/cost", "").status, 200);
    assert_eq!(ada.json("POST", "/api/v1/sites", r#"{"name":"Rome"}"#).status, 200);
    assert_eq!(ada.json("PATCH", "/api/v1/sites/Rome", r#"{"name":"Roma"}"#).status, 200);
    // The other organization has none of it.
    let other = Browser::of(&world, "ben", OrgId(2)).get("/fields").body;
    assert!(!other.contains("Oslo") && !other.contains("tier"));
}

fn settings_hold_and_mistakes_are_said(database: &Database) {
    let world = World::new(database);
    let ada = Browser::of(&world, "ada", OrgId::DEFAULT);
    assert!(ada.get("/help").body.contains("Nobody is named yet."));
    assert_eq!(ada.post("/settings/support", &[("support", "Service desk <4711>")]).status, 303);
    assert!(ada.get("/help").body.contains("Service desk &lt;4711&gt;"));
    let ben = Browser::of(&world, "ben", OrgId(2));
    assert!(ben.get("/help").body.contains("4711"), "who names nobody has the first organization's");
    assert_eq!(ben.post("/settings/support", &[("support", "Bea")]).status, 303);
    assert!(ben.get("/help").body.contains("Bea") && !ada.get("/help").body.contains("Bea"));
    let long = ada.post("/settings/support", &[("support", &"x".repeat(201))]);
    assert!(long.status == 422 && long.body.contains("longer than 200 characters"), "{}", long.body);
    let wrong = ada.post("/settings/keep", &[("history", "0"), ("log", "")]);
    assert!(wrong.status == 422 && wrong.body.contains("you entered 0"), "{}", wrong.body);
    assert_eq!(ada.post("/settings/keep", &[("history", "90"), ("log", "30")]).status, 303);
    let page = ada.get("/settings").body;
    assert!(page.contains("value=\"90\"") && page.contains("value=\"30\""), "{page}");
    assert!(ada.get("/audit?what=setting.").body.contains("history 90 days, log 30 days"));
    for path in ["/help", "/help/token", "/help/trouble", "/help/problems"] {
        assert_eq!(ada.get(path).status, 200, "{path}");
    }
    let told = ada.get("/help/trouble").body;
    assert!(told.contains("Reconnect") && told.contains("Re-authorise") && told.contains("Re-establish"), "{told}");
}

fn two_tabs_with_the_same_form_do_not_overwrite_each_other(database: &Database) {
    let world = World::new(database);
    let vera = world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let ada = Browser::of(&world, "ada", OrgId::DEFAULT);
    // The stamp of the form at an address, on a page.
    let stamp = |page: &str, form: &str| {
        let body = ada.get(page).body;
        between(between(&body, &format!("action=\"{form}\""), "</form>"), "name=\"stamp\" value=\"", "\"").to_owned()
    };
    let contact = stamp("/settings", "/settings/support");
    assert_eq!(ada.post("/settings/support", &[("support", "Bea"), ("stamp", &contact)]).status, 303);
    let second = ada.post("/settings/support", &[("support", "Cleo"), ("stamp", &contact)]);
    assert_eq!(second.status, 409);
    for both in ["stored now <b><bdi>Bea</bdi></b>", "entered by you <b><bdi>Cleo</bdi></b>", "value=\"Cleo\""] {
        assert!(second.body.contains(both), "{both}: {}", second.body);
    }
    assert!(ada.get("/help").body.contains("Bea"));
    let again = between(between(&second.body, "action=\"/settings/support\"", "</form>"), "stamp\" value=\"", "\"");
    assert_eq!(ada.post("/settings/support", &[("support", "Cleo"), ("stamp", again)]).status, 303);

    let keep = stamp("/settings", "/settings/keep");
    assert_eq!(ada.post("/settings/keep", &[("history", "90"), ("log", "30"), ("stamp", &keep)]).status, 303);
    let second = ada.post("/settings/keep", &[("history", "90"), ("log", "7"), ("stamp", &keep)]);
    assert_eq!(second.status, 409);
    assert!(
        second.body.contains("stored now <b><bdi>30</bdi></b>")
            && !second.body.contains("changed on assets, in days: stored")
    );

    let form = format!("/people/{vera}/role");
    let role = stamp(&format!("/people/{vera}"), &form);
    assert_eq!(ada.post(&form, &[("role", "operator"), ("stamp", &role)]).status, 303);
    let second = ada.post(&form, &[("role", "auditor"), ("stamp", &role)]);
    assert!(second.status == 409 && second.body.contains("to operator meanwhile"), "{}", second.body);
    assert!(second.body.contains("You chose auditor."));

    let name = stamp("/orgs", "/orgs/rename");
    assert_eq!(ada.post("/orgs/rename", &[("name", "One"), ("stamp", &name)]).status, 303);
    let second = ada.post("/orgs/rename", &[("name", "Two"), ("stamp", &name)]);
    assert!(second.status == 422 && second.body.contains("the name to One meanwhile"), "{}", second.body);
    assert!(second.body.contains("value=\"Two\""));
}

fn every_page_of_administration_looks_as_it_should(database: &Database) {
    let world = World::new(database);
    let ada = Browser::of(&world, "ada", OrgId::DEFAULT);
    ada.post("/fields/owners/add", &[("owner", "Desk"), ("when", "os:windows")]);
    ada.post("/fields/add", &[("key", "tier"), ("kind", "choice"), ("choices", "1, 2")]);
    ada.post("/account/tokens", &[("token_name", "<b>"), ("role", "viewer"), ("reach", "read"), ("days", "30")]);
    for (name, path) in [
        ("account", "/account"),
        ("second_factor", "/account/second-factor"),
        ("people", "/people"),
        ("person", "/people/psn_0000000000001"),
        ("tokens", "/people/tokens"),
        ("orgs", "/orgs"),
        ("audit", "/audit"),
        ("fields", "/fields"),
        ("settings", "/settings"),
        ("provider", "/settings/provider"),
        ("help", "/help"),
    ] {
        let page = ada.get(path);
        assert_eq!(page.status, 200, "{path}");
        let ids: Vec<&str> = page.body.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let twice = ids.iter().enumerate().find(|(at, id)| ids[..*at].contains(id));
        assert_eq!(twice, None, "{path}");
        let main = format!("<main{}</main>", between(&page.body, "<main", "</main>"));
        let main = main.replace("><", ">\n<");
        let filters = vec![
            (r"[0-9a-f]{100,}", "[CSRF]"),
            (r"[0-9a-f]{8}-[0-9a-f-]{27}", "[SESSION]"),
            (r"127\.0\.0\.1:\d+", "[HERE]"),
        ];
        insta::with_settings!({ filters => filters }, { insta::assert_snapshot!(name, main) });
    }
}
