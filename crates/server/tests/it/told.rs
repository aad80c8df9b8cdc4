//! What sources told: the log by time, a finding's story, policies by level, findings by day; and saved queries.

use std::borrow::Cow;

use inventory::noun::{
    AccountNoun, AgentState, ConsoleGroupNoun, ConsoleSiteNoun, EventNoun, FindingNoun, Grade, MachineNoun, PolicyNoun,
    ServiceNoun, SoftwareNoun, Tag, VulnerabilityNoun,
};
use inventory::{Context, Incoming, Memory, Noun, Onboard, Translation};
use kernel::{IntegrationId, OrgId, SweepId, Timestamp};
use testkit::Database;

use crate::assets::form;
use crate::world::{START, World};

testkit::on_each_database! {
    the_log_is_drawn_by_time_and_every_artifact_is_shown,
    an_agent_that_is_silent_protects_nothing,
    a_finding_is_told_as_a_story,
    a_timeline_that_waits_is_not_called_empty,
    rows_lead_to_their_own_machine_where_several_have_its_name,
    an_asset_says_its_tags_and_how_one_source_knows_it_twice,
    a_level_says_which_policy_it_obeys_and_where_it_strays,
    a_query_is_saved_asked_renamed_and_removed,
    a_parameter_that_does_not_fit_is_said_beside_it,
}

const ORG: OrgId = OrgId::DEFAULT;
const DAY: i64 = 86_400;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Takes in what a console says, and logs it.
fn tell(world: &World, stream: &'static str, now: Timestamp, said: Vec<(&'static str, Noun)>) {
    let told = world.store.write_blocking(move |tx| {
        let site = inventory::ensure_site(tx, ORG, "HQ", now)?;
        let context = Context {
            org: ORG,
            integration: IntegrationId(7),
            site,
            stream,
            sweep: SweepId(1),
            now,
            immutable: false,
            body_in_log: false,
            memory: &Memory::default(),
            onboard: Onboard::Always,
        };
        let raw: Vec<Vec<u8>> = said
            .iter()
            .map(|(id, _)| format!(r#"{{"id":"{id}","told":{{"by":"{stream}"}},"at":{}}}"#, now.micros()).into_bytes())
            .collect();
        let hash = |at: usize| [u8::try_from(at + 1).unwrap(); 32];
        let page: Vec<Incoming<'_>> = said
            .iter()
            .zip(&raw)
            .enumerate()
            .map(|(at, ((id, _), raw))| Incoming { native_id: Cow::Borrowed(id), raw, raw_hash: hash(at) })
            .collect();
        inventory::apply(tx, &context, &page, &mut |at| {
            Ok(Translation { meaning_hash: hash(at), updated_at: Some(now), noun: said[at].1.clone(), left_out: None })
        })?;
        let entries = said.iter().zip(&raw).enumerate().map(|(at, ((id, _), raw))| signals::Entry {
            native_id: Cow::Borrowed(id),
            op: signals::Op::Create,
            version: 1,
            updated_at: Some(now),
            meaning_hash: hash(at),
            raw,
        });
        let entries = entries.collect();
        let page = signals::Page {
            org: ORG,
            integration: IntegrationId(7),
            console_host: "acme.example.net",
            stream,
            now,
            entries,
        };
        signals::record(tx, &page).unwrap();
        Ok::<_, inventory::InventoryError>(())
    });
    told.unwrap();
}

fn threat(name: &str, at: Timestamp) -> Noun {
    Noun::Finding(FindingNoun {
        name: text(name),
        kind: text("threat"),
        verdict: text("true_positive"),
        status: text("unresolved"),
        confidence: text("malicious"),
        classification: text("Ransomware"),
        identified_at: Some(at),
        ..FindingNoun::default()
    })
}

fn the_log_is_drawn_by_time_and_every_artifact_is_shown(database: &Database) {
    let world = World::empty(database);
    world.person("ada", &[(ORG, access::Role::Admin)]);
    for (back, id) in [(3 * DAY, "1001"), (DAY, "1002"), (0, "1003")] {
        let now = START.plus_seconds(-back);
        tell(&world, "threats", now, vec![(id, threat("mimikatz.exe", now))]);
    }
    let cookie = world.cookie("ada", ORG);
    let page = world.get("/signals", &cookie).body;
    assert!(page.contains("<b>3 artifacts</b>") && page.contains("threats, 3"), "{page}");
    assert!(page.contains("3 artifacts, from 14 Nov to 20 Nov; the most on 17 Nov: 1"), "{page}");
    let last_day = world.get("/signals?last=24h", &cookie).body;
    assert!(last_day.contains("<b>1 artifact</b>"), "{last_day}");
    // A column leads to its own time, and there is just what it counted.
    let from =
        page.split("<a href=\"/signals?").skip(1).find(|link| link.contains("from=")).expect("a column leads on");
    let narrow = format!("/signals?{}", from.split('"').next().unwrap().replace("&amp;", "&"));
    assert!(world.get(&narrow, &cookie).body.contains("<b>1 artifact</b>"), "{narrow}");
    assert!(world.get("/signals?q=told.by", &cookie).status < 500);
    assert!(world.get("/signals?q=native_id:1002", &cookie).body.contains("<b>1 artifact</b>"));
    let none = world.get("/signals?stream=agents&last=24h", &cookie).body;
    assert!(none.contains("No artifact matches") && none.contains("Look at the last 30 days"), "{none}");
    let wrong = world.get("/signals?q=strem:threats", &cookie);
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("<mark data-caret=\"^^^^^\">strem</mark>"), "{}", wrong.body);
    let shown = page.split("href=\"/signals/").nth(1).unwrap().split('"').next().unwrap();
    let one = world.get(&format!("/signals/{shown}"), &cookie).body;
    assert!(one.contains("told.by") && one.contains("1003") && one.contains("acme.example.net"), "{one}");
    let json = world.get(&format!("/api/v1/artifacts/{shown}"), &cookie).json();
    assert_eq!((json["native_id"].as_str(), json["body"]["told"]["by"].as_str()), (Some("1003"), Some("threats")));
    let by_id = world.get(&format!("/api/v1/artifacts/{}", json["id"].as_str().unwrap()), &cookie).json();
    assert_eq!(by_id["seq"], json["seq"]);
    for missing in ["/signals/999999", "/signals/nothing", "/api/v1/artifacts/999999"] {
        assert_eq!(world.get(missing, &cookie).status, 404, "{missing}");
    }
    let overview = world.get("/", &cookie).body;
    assert!(
        overview.contains("3 findings, 3 not resolved, from 2026-10-23 to 2026-11-21; the most on 2026-11-18: 1"),
        "{overview}"
    );
    // What changed leads to what it counted.
    let week = "<a href=\"/findings?q=identified_at%3A%3C7d\">3</a>";
    assert!(overview.contains(week), "{overview}");
    assert!(world.get("/findings?q=identified_at%3A%3C7d", &cookie).body.contains("<b>3 findings</b>"));
}

/// What the console says of an agent that was last in touch then.
fn agent(name: &str, last_seen: Timestamp) -> Noun {
    Noun::Machine(MachineNoun {
        name: text(name),
        state: Some(AgentState::Active),
        edr: "SentinelOne",
        infected: Some(false),
        last_seen: Some(last_seen),
        source: Cow::Borrowed("sentinelone"),
        ..MachineNoun::default()
    })
}

fn settle(world: &World) {
    let settled = |tx: &mut store::Tx<'_>| inventory::settle(tx, ORG, &Memory::default(), START).map(drop);
    world.store.write_blocking(settled).unwrap();
}

fn rows_lead_to_their_own_machine_where_several_have_its_name(database: &Database) {
    let world = World::empty(database);
    world.person("ada", &[(ORG, access::Role::Admin)]);
    let answers = |at: u8| ServiceNoun {
        ip: [192, 0, 2, at].into(),
        port: 8000 + u16::from(at),
        transport: "tcp".to_owned(),
        protocol: text("http"),
        product: None,
        version: None,
        banner: None,
        seen_at: Some(START),
    };
    let agents = [("1", 1), ("2", 2)].map(|(id, at)| {
        let mut twin = agent("twin", START);
        if let Noun::Machine(machine) = &mut twin {
            machine.services = vec![answers(at)];
        }
        (id, twin)
    });
    tell(&world, "agents", START, agents.to_vec());
    settle(&world);
    let found = |id: &str| FindingNoun {
        name: Some(format!("of-{id}.exe")),
        kind: text("threat"),
        agent_id: text(id),
        agent_name: text("twin"),
        ..FindingNoun::default()
    };
    tell(&world, "threats", START, [("11", "1"), ("12", "2")].map(|(id, on)| (id, Noun::Finding(found(on)))).to_vec());
    let installed = |id: &str| SoftwareNoun {
        agent_id: text(id),
        product: Some(format!("of-{id}")),
        version: text("1"),
        ..SoftwareNoun::default()
    };
    let programs = [("1:a", "1"), ("2:a", "2")].map(|(id, on)| (id, Noun::Software(installed(on))));
    tell(&world, "applications", START, programs.to_vec());
    let risk = |id: &str| VulnerabilityNoun {
        cve: Some(format!("CVE-2026-000{id}")),
        agent_name: text("twin"),
        agent_id: text(id),
        ..VulnerabilityNoun::default()
    };
    let risks = [("1:r", "1"), ("2:r", "2")].map(|(id, on)| (id, Noun::Vulnerability(risk(on))));
    tell(&world, "risks", START, risks.to_vec());
    let cookie = world.cookie("ada", ORG);
    let machine = |finding: &str| world.get(&format!("/api/v1/findings/{finding}"), &cookie).json()["asset"].clone();
    let (one, two) = (machine("11"), machine("12"));
    assert!(one.is_string() && two.is_string() && one != two, "{one} {two}");
    let link = |asset: &serde_json::Value| format!("<a href=\"/assets/{}\"><bdi>twin", asset.as_str().unwrap());
    for (list, of_one) in [
        ("/findings", "name:=of-1.exe"),
        ("/software", "name:=of-1"),
        ("/vulnerabilities", "cve:=CVE-2026-0001"),
        ("/services", "port:8001"),
    ] {
        let all = world.get(list, &cookie).body;
        assert!(all.contains(&link(&one)) && all.contains(&link(&two)), "{list}: {all}");
        let narrow = world.get(&server::address(list, &[("q", of_one)]), &cookie).body;
        assert!(narrow.contains(&link(&one)) && !narrow.contains(&link(&two)), "{list}: {narrow}");
    }
}

fn an_asset_says_its_tags_and_how_one_source_knows_it_twice(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", ORG);
    let known = |grade| MachineNoun {
        grade,
        name: text("twice"),
        serial: text("PF3XK2AC"),
        agent_id: text("1").filter(|_| grade == Grade::Discovery),
        manufacturer: text(if grade == Grade::Agent { "Lenovo" } else { "LENOVO Inc." }),
        state: Some(AgentState::Active).filter(|_| grade == Grade::Agent),
        tags: vec![Tag { key: "rack".to_owned(), value: "r12".to_owned() }],
        source: Cow::Borrowed("sentinelone"),
        ..MachineNoun::default()
    };
    tell(&world, "agents", START, vec![("1", Noun::Machine(known(Grade::Agent)))]);
    tell(&world, "ranger_devices", START, vec![("d1", Noun::Machine(known(Grade::Discovery)))]);
    settle(&world);
    let found = world.get("/api/v1/assets?q=name:twice", &cookie).json();
    let id = found["items"][0]["id"].as_str().unwrap();
    let page = world.get(&format!("/assets/{id}"), &cookie).body;
    let facts = page.split("id=\"facts\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(facts.contains("Tags") && facts.matches("rack=r12").count() == 1, "{facts}");
    let told = world.get(&format!("/api/v1/assets/{id}"), &cookie).json();
    assert_eq!(told["tags"], serde_json::json!([{ "key": "rack", "value": "r12" }]));
    let said = page.split("id=\"said\"").nth(1).unwrap().split("</section>").next().unwrap();
    for column in ["sentinelone, agent", "sentinelone, network discovery"] {
        assert!(said.contains(column), "{column}: {said}");
    }
}

fn a_timeline_that_waits_is_not_called_empty(database: &Database) {
    let world = World::empty(database);
    world.person("ada", &[(ORG, access::Role::Admin)]);
    tell(&world, "threats", START, vec![("1001", threat("mimikatz.exe", START))]);
    let cookie = world.cookie("ada", ORG);
    let to = world.get("/findings/1001", &cookie).header("location").to_owned();
    let none = world.get(&to, &cookie).body;
    assert!(none.contains("No timeline or notes of it were read."), "{none}");
    let waits_at = |integration: i64, stream: &'static str| {
        world.write(move |tx| {
            let wait = "INSERT INTO sync_enrichment (org_id, integration_id, stream, parent_id, queued_at, due_at, \
                attempts) VALUES ($1, $2, $3, '1001', 0, 0, 0)";
            Ok(tx.execute(wait, &[ORG.into(), integration.into(), stream.into()])?)
        })
    };
    // Another console has a threat of that id too, and this one does not wait for it.
    waits_at(8, "threat_timeline");
    let none = world.get(&to, &cookie).body;
    assert!(none.contains("No timeline or notes of it were read."), "{none}");
    let waits = |stream: &'static str| waits_at(7, stream);
    waits("threat_timeline");
    let waiting = world.get(&to, &cookie).body;
    assert!(waiting.contains("Its timeline was not read yet."), "{waiting}");
    waits("threat_notes");
    let waiting = world.get(&to, &cookie).body;
    assert!(waiting.contains("Its timeline and its notes were not read yet."), "{waiting}");
}

fn an_agent_that_is_silent_protects_nothing(database: &Database) {
    let world = World::empty(database);
    world.person("ada", &[(ORG, access::Role::Admin)]);
    let mut alive = agent("alive", START);
    if let Noun::Machine(machine) = &mut alive {
        machine.mitigation_mode = text("detect");
    }
    let agents = [("1", alive), ("2", agent("quiet", START.plus_seconds(-90 * DAY)))];
    tell(&world, "agents", START, agents.to_vec());
    settle(&world);
    let cookie = world.cookie("ada", ORG);
    let overview = world.get("/", &cookie).body;
    let leads = |question: &str| format!("href=\"{}\"", server::address("/assets", &[("q", question)]));
    let guarded = "removed:f and edr.name:SentinelOne and infected:f";
    let (alive, silent) = (format!("{guarded} and last_seen:<14d"), format!("{guarded} and not last_seen:<14d"));
    for (question, machine) in [(&alive, "alive"), (&silent, "quiet")] {
        assert!(overview.contains(&leads(question)), "{question}: {overview}");
        let rows = world.get(&server::address("/assets", &[("q", question)]), &cookie).body;
        assert!(rows.contains("<b>1 asset</b>") && rows.contains(machine), "{question}: {rows}");
    }
    assert!(overview.contains("not in touch for over 14d"), "{overview}");
    assert!(overview.contains("1 of them only reports"), "{overview}");
    // What was read for the first time is not new.
    assert!(overview.contains("first read on 21 Nov 2026") && !overview.contains("new in 7 days"), "{overview}");
    world.clock.set(START.plus_seconds(8 * DAY));
    let later = world.get("/", &world.cookie("ada", ORG)).body;
    assert!(later.contains("0 new in 7 days"), "{later}");
    // A source that joins later is named: nothing of it is news, it was only not read before.
    assert!(!later.contains("joined"), "{later}");
    world.import(ORG, "annex", "Annex", "name\nold-printer\n");
    world.clock.set(START.plus_seconds(8 * DAY + 3600));
    let joined = world.get("/", &world.cookie("ada", ORG)).body;
    for text in ["1 new in 7 days, since 1 source joined", ">annex</bdi></a> joined on 29 Nov 2026"] {
        assert!(joined.contains(text), "{text}: {joined}");
    }
    // Who calls an agent silent later says so in one place.
    let set = world.store.write_blocking(|tx| {
        let age = [("age".to_owned(), "180d".to_owned())];
        inventory::saved::set_saved(tx, ORG, "stale-agents", &age, "ada", START)
    });
    set.unwrap();
    world.clock.set(START.plus_seconds(9 * DAY));
    let later = world.get("/", &world.cookie("ada", ORG)).body;
    assert!(later.contains("not in touch for over 180d"), "{later}");
}

fn a_finding_is_told_as_a_story(database: &Database) {
    let world = World::empty(database);
    world.person("ada", &[(ORG, access::Role::Admin)]);
    tell(&world, "threats", START, vec![("1001", threat("<b>mimikatz</b>.exe", START))]);
    let note = EventNoun {
        finding_id: text("1001"),
        kind: "note",
        text: text("Looked into it.\nIt is real."),
        author: text("m.okafor"),
        at: Some(START.plus_seconds(60)),
        ..EventNoun::default()
    };
    tell(&world, "threat_notes", START, vec![("n1", Noun::Event(note))]);
    let cookie = world.cookie("ada", ORG);
    let list = world.get("/findings", &cookie).body;
    let id = list.split("href=\"/findings/rec_").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = world.get(&format!("/findings/rec_{id}"), &cookie).body;
    assert!(page.contains("&lt;b&gt;mimikatz") && !page.contains("<b>mimikatz"), "{page}");
    assert!(page.contains("Fail: its verdict is true positive, one of those that count."), "{page}");
    assert!(page.contains("m.okafor") && page.contains("It is real.") && page.contains("0 events, 1 note"), "{page}");
    // The console's own id leads to the one address.
    assert_eq!(world.get("/findings/1001", &cookie).header("location"), format!("/findings/rec_{id}"));
    let json = world.get("/api/v1/findings/1001", &cookie).json();
    assert_eq!((json["fields"]["result"].as_str(), json["events"][0]["note"].as_bool()), (Some("fail"), Some(true)));
    assert_eq!(world.get("/findings/rec_0000000009999", &cookie).status, 404);
}

fn a_level_says_which_policy_it_obeys_and_where_it_strays(database: &Database) {
    let world = World::empty(database);
    world.person("ada", &[(ORG, access::Role::Admin)]);
    let cookie = world.cookie("ada", ORG);
    assert!(world.get("/policies/tree", &cookie).body.contains("No accounts, sites or groups yet"));
    let policy = |level: &str, scope: &str, mode: &str| {
        Noun::Policy(PolicyNoun {
            level: text(level),
            scope_id: text(scope),
            mitigation_mode: text(mode),
            mitigation_mode_suspicious: text("detect"),
            ..PolicyNoun::default()
        })
    };
    let account = AccountNoun { name: text("Acme"), ..AccountNoun::default() };
    let site = ConsoleSiteNoun { name: text("Berlin"), account_id: text("a1"), ..ConsoleSiteNoun::default() };
    let group = |name: &str, inherits| ConsoleGroupNoun {
        name: text(name),
        site_id: text("s1"),
        inherits: Some(inherits),
        ..ConsoleGroupNoun::default()
    };
    tell(&world, "accounts", START, vec![("a1", Noun::Account(account))]);
    tell(&world, "sites", START, vec![("s1", Noun::ConsoleSite(site))]);
    let groups =
        vec![("g1", Noun::ConsoleGroup(group("Kiosks", false))), ("g2", Noun::ConsoleGroup(group("Laptops", true)))];
    tell(&world, "groups", START, groups);
    let policies = vec![
        ("account:a1", policy("account", "a1", "protect")),
        ("group:g1", policy("group", "g1", "detect")),
        // It inherits, so what is still stored for it does not count.
        ("group:g2", policy("group", "g2", "detect")),
    ];
    tell(&world, "policies", START, policies);
    let page = world.get("/policies/tree", &cookie).body;
    assert!(page.contains("account, 0 agents, own policy: Protect; suspicious: Detect"), "{page}");
    assert!(page.contains("site, 0 agents, inherits Protect; suspicious: Detect from account Acme"), "{page}");
    assert!(page.contains("group, 0 agents, own policy: Detect; suspicious: Detect"), "{page}");
    assert!(page.contains("group, 0 agents, inherits Protect; suspicious: Detect from account Acme"), "{page}");
    assert_eq!(page.matches("Differs from account Acme").count(), 1, "{page}");
    assert!(world.get("/policies", &cookie).body.contains("href=\"/policies/tree\""));
}

fn a_query_is_saved_asked_renamed_and_removed(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", ORG);
    let list = world.get("/assets?q=os:windows", &cookie).body;
    let mut fields = form(&list, "/queries");
    fields.extend([("name".to_owned(), "our-windows".to_owned()), ("prose".to_owned(), "all of Windows".to_owned())]);
    let sent: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let saved = world.post("/queries", &cookie, &sent);
    assert_eq!((saved.status, saved.header("location")), (303, "/queries/our-windows"), "{}", saved.body);
    assert_eq!(world.post("/queries", &cookie, &sent).status, 409);
    let tabs = world.get("/assets?q=os:windows", &cookie).body;
    assert!(tabs.contains("aria-current=\"page\"") && tabs.contains("Our windows"), "{tabs}");
    let ran = world.get("/queries/our-windows/run", &cookie);
    assert_eq!(ran.header("location"), "/assets?q=os%3Awindows");
    let csrf = world.csrf(&cookie);
    let renamed = world.post("/queries/our-windows/rename", &cookie, &[("csrf", &csrf), ("name", "windows")]);
    assert_eq!(renamed.header("location"), "/queries/windows", "{}", renamed.body);
    assert_eq!(world.get("/queries/our-windows", &cookie).status, 404);
    // What another query asks keeps its name.
    let asks = [
        ("csrf", csrf.as_str()),
        ("name", "old-windows"),
        ("inventory", "assets"),
        ("text", "saved:windows and last_seen:>30d"),
    ];
    assert_eq!(world.post("/queries", &cookie, &asks).status, 303);
    let kept = world.post("/queries/windows/rename", &cookie, &[("csrf", &csrf), ("name", "w")]);
    assert_eq!(kept.status, 409);
    assert!(kept.body.contains("Old-windows asks saved:windows: change that one first."), "{}", kept.body);
    let json = world.get("/api/v1/queries/windows", &cookie).json();
    assert_eq!((json["text"].as_str(), json["inventory"].as_str()), (Some("os:windows"), Some("assets")));
    let other = world.cookie("ben", OrgId(2));
    assert!(!world.get("/queries", &other).body.contains("all of Windows"));
    assert_eq!(world.get("/queries/windows", &other).status, 404);
    assert_eq!(world.post("/queries/old-windows/remove", &cookie, &[("csrf", &csrf)]).status, 303);
    assert_eq!(world.post("/queries/windows/remove", &cookie, &[("csrf", &csrf)]).status, 303);
    assert_eq!(world.get("/api/v1/queries/windows", &cookie).status, 404);
    for name in ["Windows", "stale-agents", ""] {
        let asks = [("csrf", csrf.as_str()), ("name", name), ("inventory", "assets"), ("text", "os:windows")];
        let refused = world.post("/queries", &cookie, &asks);
        assert!(matches!(refused.status, 409 | 422), "{name}: {}", refused.status);
    }
}

fn a_parameter_that_does_not_fit_is_said_beside_it(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", ORG);
    let page = world.get("/queries/stale-agents", &cookie).body;
    assert!(page.contains("name=\"value-age\"") && page.contains("value=\"14d\""), "{page}");
    let ran = world.get("/queries/stale-agents/run?value-age=60d", &cookie);
    assert!(ran.header("location").contains("%3E60d"), "{}", ran.header("location"));
    let wrong = world.get("/queries/stale-agents/run?value-age=soon", &cookie);
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("aria-invalid=\"true\"") && wrong.body.contains("value=\"soon\""), "{}", wrong.body);
    let csrf = world.csrf(&cookie);
    let set = world.post("/queries/stale-agents/set", &cookie, &[("csrf", &csrf), ("value-age", "45d")]);
    assert_eq!(set.status, 303, "{}", set.body);
    assert!(world.get("/queries/stale-agents/run", &cookie).header("location").contains("%3E45d"));
}
