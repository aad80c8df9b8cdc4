//! Software, vulnerabilities and findings: what they come to, whichever record arrived first.

use kernel::{Cell, IntegrationId, RecordId};
use store::Store;
use testkit::Database;

use inventory::noun::{
    AccountNoun, ActivityNoun, AgentState, ConsoleGroupNoun, ConsoleScope, ConsoleSiteNoun, EventNoun, FindingNoun,
    MachineNoun, Name, PolicyNoun, SoftwareNoun, VulnerabilityNoun,
};
use inventory::{Ask, Noun, Want};

use crate::as_of::wait;
use crate::source::{Agent, Source, TABLES, at, one_int};

testkit::on_each_database! {
    software_waits_for_its_agent_under_the_number_that_the_agent_will_have,
    names_lose_their_noise_and_keep_the_original_beside,
    a_scope_over_software_means_one_program,
    what_is_gone_counts_for_no_asset_and_stays_to_be_asked_about,
    what_was_removed_since_was_there_before,
    a_vulnerability_of_an_unknown_machine_is_kept_and_counted,
    facts_of_a_cve_are_kept_once_and_the_latest_told_wins,
    another_list_of_verdicts_is_another_answer_at_once,
    a_threat_that_an_alert_names_later_is_one_finding_with_it,
    an_alert_that_names_a_later_threat_is_one_finding_with_it,
    an_alert_of_another_product_is_a_finding_of_its_own,
    a_missing_mitigation_names_the_cause_that_was_found,
    a_finding_has_its_events_and_notes_in_order,
    an_agent_obeys_the_nearest_policy_however_things_change,
    agents_are_counted_and_compared_with_the_consoles_own_count,
    what_an_earlier_version_stored_is_carried_over,
    what_happened_about_an_agent_is_asked_of_its_asset_and_the_other_way_round,
    two_integrations_of_one_source_are_told_apart_by_name,
    the_log_of_a_machine_is_asked_of_its_asset_and_the_other_way_round,
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// A source that reads this stream of the one integration there is.
fn stream(store: &Store, stream: &'static str) -> Source {
    Source { stream, ..Source::agents(store) }
}

fn one(source: &Source, id: &str, noun: Noun, meaning: &'static str) -> RecordId {
    source.apply_nouns(vec![(id.to_owned(), noun, meaning)])[0].record
}

/// The cells of the rows that match, in the order of the first field.
fn rows(store: &Store, inventory: &str, query: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut ask = Ask::new(inventory, query, at(2_000_000));
    ask.fields = fields.iter().map(|field| (*field).to_owned()).collect();
    ask.limit = 100;
    let shown = |cell: &Cell| match cell {
        Cell::Empty => String::new(),
        Cell::Bool(yes) => yes.to_string(),
        Cell::Int(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Time(at) => at.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::List(all) => all.iter().map(|cell| format!("{cell:?}")).collect::<Vec<_>>().join(","),
    };
    let (org, shown_ask) = (kernel::OrgId::DEFAULT, format!("{ask:?}"));
    let answer = store.read_blocking(move |tx| inventory::ask_in(tx, org, &ask));
    let answer = answer.unwrap_or_else(|error| panic!("{shown_ask}: {error:?}"));
    let mut rows: Vec<Vec<String>> = answer.table.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    rows.sort();
    rows
}

fn count(store: &Store, inventory: &str, query: &str) -> u64 {
    let mut ask = Ask::new(inventory, query, at(2_000_000));
    ask.want = Want::Count;
    let org = kernel::OrgId::DEFAULT;
    let counted = store.read_blocking(move |tx| inventory::ask_in(tx, org, &ask)).unwrap().total.unwrap();
    assert_eq!(counted, rows(store, inventory, query, &["id"]).len() as u64, "{query} in {inventory}");
    counted
}

fn agent(id: &str, group: &str) -> Noun {
    Noun::Machine(MachineNoun {
        name: text(&format!("PC-{id}")),
        names: vec![Name { kind: "computer", text: format!("PC-{id}") }],
        state: Some(AgentState::Active),
        active: Some(true),
        edr: "SentinelOne",
        mitigation_mode: text("protect"),
        console: ConsoleScope {
            account_id: text("A1"),
            site_id: text("S1"),
            group_id: text(group),
            ..ConsoleScope::default()
        },
        ..MachineNoun::default()
    })
}

fn program(agent: &str, product: &str, vendor: &str, version: &str) -> Noun {
    Noun::Software(SoftwareNoun {
        agent_id: text(agent),
        product: text(product),
        vendor: text(vendor),
        version: text(version),
        installed_at: Some(at(1_000)),
        ..SoftwareNoun::default()
    })
}

fn software_waits_for_its_agent_under_the_number_that_the_agent_will_have(database: &Database) {
    let store = database.open(&TABLES);
    let programs = stream(&store, "applications");
    one(&programs, "9:a", program("9", "Google Chrome", "Google LLC", "130.0.1"), "a");
    let found = rows(&store, "software", "mapped:f", &["name", "agent.id", "agent.name"]);
    assert_eq!(found, [["Google Chrome", "9", ""]], "kept, and nobody's");
    one(&stream(&store, "agents"), "9", agent("9", "G1"), "nine");
    assert_eq!(count(&store, "software", "mapped:f"), 0);
    assert_eq!(rows(&store, "software", "", &["agent.id", "agent.name"]), [["9", "PC-9"]]);
    assert_eq!(count(&store, "assets", "software:(product:chrome)"), 1);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_expected"), 0, "it is expected no longer");
    // Of another integration an agent of that id is another agent.
    let other = Source { integration: 2, ..stream(&store, "applications") };
    one(&other, "9:a", program("9", "Google Chrome", "Google LLC", "130.0.1"), "a");
    assert_eq!((count(&store, "software", "mapped:f"), count(&store, "software", "mapped:t")), (1, 1));
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_release"), 1, "told once");
}

fn names_lose_their_noise_and_keep_the_original_beside(database: &Database) {
    let store = database.open(&TABLES);
    let agents = stream(&store, "agents");
    let programs = stream(&store, "applications");
    for id in ["1", "2", "3"] {
        one(&agents, id, agent(id, "G1"), "agent");
    }
    one(&programs, "1:a", program("1", "Mozilla Firefox 128.0 (x64 en-US)", "Mozilla Corporation", "128.0"), "a");
    one(&programs, "2:b", program("2", "Mozilla Firefox 131.0 (x64 en-US)", "Mozilla Corporation", "131.0"), "b");
    one(&programs, "3:b", program("3", "Mozilla Firefox 131.0 (x64 en-US)", "Mozilla Corporation", "131.0"), "b");
    let fields = ["name", "product", "vendor", "maker"];
    assert_eq!(
        rows(&store, "software", "version:128.0", &fields),
        [["Mozilla Firefox 128.0 (x64 en-US)", "Mozilla Firefox", "Mozilla Corporation", "Mozilla"]]
    );
    assert_eq!(count(&store, "software", "product:=\"mozilla firefox\""), 3);
    assert_eq!(count(&store, "assets", "product:=\"Mozilla Firefox\""), 3);
    let titles = rows(&store, "software_titles", "endpoints:>1", &["name", "maker", "endpoints", "versions", "names"]);
    assert_eq!(titles.len(), 1);
    assert_eq!(titles[0][..3], ["Mozilla Firefox", "Mozilla", "3"]);
    assert!(titles[0][3].contains("128.0") && titles[0][3].contains("131.0"), "{titles:?}");
    assert!(titles[0][4].contains("en-US"), "{titles:?}");
    assert_eq!(count(&store, "software_titles", "installed:(version:<131 agent.name:PC-1)"), 1);
}

fn a_scope_over_software_means_one_program(database: &Database) {
    let store = database.open(&TABLES);
    let (agents, programs) = (stream(&store, "agents"), stream(&store, "applications"));
    for (id, chrome) in [("1", "140.0"), ("2", "130.0.6723.92")] {
        one(&agents, id, agent(id, "G1"), "agent");
        one(&programs, &format!("{id}:c"), program(id, "Google Chrome", "Google LLC", chrome), "c");
        one(&programs, &format!("{id}:n"), program(id, "Notepad++ (64-bit x64)", "Notepad++ Team", "8.6"), "n");
    }
    assert_eq!(rows(&store, "assets", "software:(product:chrome version:<131)", &["name"]), [["PC-2"]]);
    assert_eq!(count(&store, "assets", "software:(product:chrome) software:(version:<131)"), 2);
    assert_eq!(count(&store, "assets", "not software:(product:chrome version:<131)"), 1);
    assert_eq!(count(&store, "software", "product:chrome and version:<131"), 1);
    assert_eq!(count(&store, "software", "not vendor:google"), 2);
    assert_eq!(count(&store, "software", "asset:(name:PC-2) not product:notepad"), 1);
}

fn what_is_gone_counts_for_no_asset_and_stays_to_be_asked_about(database: &Database) {
    let store = database.open(&TABLES);
    one(&stream(&store, "agents"), "1", agent("1", "G1"), "agent");
    let programs = stream(&store, "applications");
    let record = one(&programs, "1:c", program("1", "Google Chrome", "Google LLC", "130.0"), "c");
    programs.retire(&[record]);
    assert_eq!(count(&store, "assets", "software:(product:chrome)"), 0);
    assert_eq!(["state:retired", "removed:t", "removed:f"].map(|asked| count(&store, "software", asked)), [1, 1, 0]);
    assert_eq!(rows(&store, "software_titles", "", &["name", "endpoints"]), [["Google Chrome", "0"]]);
    one(&programs, "1:c", program("1", "Google Chrome", "Google LLC", "130.0"), "c");
    assert_eq!(count(&store, "assets", "software:(product:chrome)"), 1, "it is back");
    assert_eq!(["removed:t", "removed:f"].map(|asked| count(&store, "software", asked)), [0, 1]);
}

fn what_was_removed_since_was_there_before(database: &Database) {
    let store = database.open(&TABLES);
    one(&stream(&store, "agents"), "1", agent("1", "G1"), "agent");
    let (programs, risks) = (stream(&store, "applications"), stream(&store, "risks"));
    let program = one(&programs, "1:c", program("1", "Google Chrome", "Google LLC", "130.0"), "c");
    let risk = one(&risks, "r1", vulnerability("1", "CVE-2024-3094", "HIGH", 9.8, 10), "r1");
    programs.later(100).retire(&[program]);
    risks.later(100).retire(&[risk]);
    for inventory in ["software", "vulnerabilities"] {
        let there = |seconds: i64| {
            let ask = Ask { want: Want::Count, ..Ask::new(inventory, "removed:f", programs.later(300).now) };
            wait(inventory::ask_as_of(&store, programs.org, &ask, programs.later(seconds).now)).unwrap().total
        };
        assert_eq!([50, 200].map(there), [Some(1), Some(0)], "{inventory}");
    }
}

fn vulnerability(agent: &str, cve: &str, severity: &str, score: f64, scanned: i64) -> Noun {
    Noun::Vulnerability(VulnerabilityNoun {
        cve: text(cve),
        severity: text(severity),
        score: Some(score),
        cvss_version: text("3.1"),
        product: text("openssl"),
        vendor: text("Ubuntu Developers <u@example.com>"),
        version: text("3.0.2"),
        agent_id: text(agent),
        agent_name: text("SRV"),
        published_at: Some(at(5)),
        scanned_at: Some(at(scanned)),
        ..VulnerabilityNoun::default()
    })
}

fn a_vulnerability_of_an_unknown_machine_is_kept_and_counted(database: &Database) {
    let store = database.open(&TABLES);
    let risks = stream(&store, "risks");
    one(&stream(&store, "agents"), "1", agent("1", "G1"), "agent");
    one(&risks, "r1", vulnerability("1", "CVE-2024-3094", "HIGH", 9.8, 10), "r1");
    one(&risks, "r2", vulnerability("7", "CVE-2024-3094", "Galactic Doom", 9.8, 10), "r2");
    assert_eq!((count(&store, "vulnerabilities", "mapped:f"), count(&store, "vulnerabilities", "")), (1, 2));
    assert_eq!(rows(&store, "vulnerabilities", "mapped:f", &["agent.id", "severity"]), [["7", "unknown"]]);
    assert_eq!(rows(&store, "cves", "", &["name", "endpoints", "vulnerability_count"]), [["CVE-2024-3094", "2", "2"]]);
    assert_eq!(rows(&store, "assets", "cve:CVE-2024-3094", &["name"]), [["PC-1"]]);
    assert_eq!(count(&store, "vulnerabilities", "product:openssl version:<3.0.7 severity:high"), 1);
}

fn facts_of_a_cve_are_kept_once_and_the_latest_told_wins(database: &Database) {
    let store = database.open(&TABLES);
    let risks = stream(&store, "risks");
    one(&risks, "r1", vulnerability("1", "CVE-2024-3094", "HIGH", 7.0, 100), "r1");
    one(&risks, "r2", vulnerability("2", "CVE-2024-3094", "CRITICAL", 9.8, 200), "r2");
    one(&risks, "r3", vulnerability("3", "CVE-2024-3094", "LOW", 1.0, 50), "r3");
    let fields = ["name", "severity", "score", "cvss.version", "scored_by", "published_at", "told_at"];
    assert_eq!(
        rows(&store, "cves", "", &fields),
        [["CVE-2024-3094", "critical", "9.8", "3.1", "console", &at(5).to_string(), &at(200).to_string()]]
    );
    // What memory holds and what is stored are the same.
    let fresh = Source { memory: std::sync::Arc::default(), ..stream(&store, "risks") };
    one(&fresh, "r4", vulnerability("4", "CVE-2024-3094", "HIGH", 8.0, 150), "r4");
    assert_eq!(rows(&store, "cves", "", &["score"]), [["9.8"]]);
    one(&fresh, "r5", vulnerability("5", "CVE-2024-3094", "HIGH", 8.0, 300), "r5");
    assert_eq!(rows(&store, "cves", "score:<9", &["score", "severity"]), [["8", "high"]]);
    assert_eq!(count(&store, "vulnerabilities", "cvss.version:3.1 published_at:>1d"), 5);
}

fn threat(verdict: &str) -> FindingNoun {
    FindingNoun {
        name: text("Eicar"),
        kind: text("threat"),
        confidence: text("malicious"),
        classification: text("Malware"),
        mitigation: text("not_mitigated"),
        verdict: text(verdict),
        agent_id: text("1"),
        agent_version: text("23.4.2"),
        console: ConsoleScope {
            site_id: text("S1"),
            group_id: text("G1"),
            account_id: text("A1"),
            ..ConsoleScope::default()
        },
        ..FindingNoun::default()
    }
}

fn another_list_of_verdicts_is_another_answer_at_once(database: &Database) {
    let store = database.open(&TABLES);
    let threats = stream(&store, "threats");
    for verdict in ["true_positive", "suspicious", "undefined", "false_positive", ""] {
        one(&threats, &format!("t-{verdict}"), Noun::Finding(threat(verdict)), "threat");
    }
    let set = |list: Option<&[&str]>| {
        let list: Option<Vec<String>> = list.map(|list| list.iter().map(|word| (*word).to_owned()).collect());
        let set = move |tx: &mut store::Tx| {
            inventory::verdict::set_verdicts(tx, kernel::OrgId::DEFAULT, IntegrationId(1), list.as_deref())?;
            inventory::verdict::verdicts(tx, kernel::OrgId::DEFAULT, IntegrationId(1))
        };
        store.write_blocking(set).unwrap()
    };
    assert_eq!((count(&store, "findings", "result:fail"), count(&store, "findings", "result:not_failed")), (4, 1));
    assert_eq!(rows(&store, "findings", "result:not_failed", &["verdict"]), [["false_positive"]]);
    assert_eq!(set(Some(&["False positive"])), ["false_positive"]);
    assert_eq!(rows(&store, "findings", "result:fail", &["verdict"]), [["false_positive"]]);
    assert_eq!(set(Some(&[])), [""; 0]);
    assert_eq!(count(&store, "findings", "result:fail"), 0);
    assert_eq!(set(None), inventory::verdict::VERDICTS);
    assert_eq!(count(&store, "findings", "result:fail"), 4);
}

fn alert(external: &str) -> Noun {
    Noun::Finding(FindingNoun {
        name: text("Eicar"),
        kind: text("alert"),
        severity: text("CRITICAL"),
        product: text("EDR"),
        external_id: text(external),
        asset_id: text("x1"),
        verdict: text("undefined"),
        ..FindingNoun::default()
    })
}

fn a_threat_that_an_alert_names_later_is_one_finding_with_it(database: &Database) {
    told_twice(database, false);
}

fn an_alert_that_names_a_later_threat_is_one_finding_with_it(database: &Database) {
    told_twice(database, true);
}

fn told_twice(database: &Database, alert_first: bool) {
    let store = database.open(&TABLES);
    let (threats, alerts) = (stream(&store, "threats"), stream(&store, "unified_alerts"));
    one(&stream(&store, "agents"), "1", agent("1", "G1"), "agent");
    let tell_alert = || one(&alerts, "u1", alert("77"), "alert");
    let tell_threat = || one(&threats, "77", Noun::Finding(threat("undefined")), "threat");
    if alert_first {
        tell_alert();
        assert_eq!(rows(&store, "findings", "", &["severity", "severity.from"]), [["critical", "console"]]);
        tell_threat();
    } else {
        tell_threat();
        assert_eq!(rows(&store, "findings", "", &["severity", "severity.from"]), [["high", "derived"]]);
        tell_alert();
    }
    let fields = ["native_id", "kind", "severity", "severity.from", "record_count", "alert_id"];
    assert_eq!(rows(&store, "findings", "", &fields), [["77", "threat", "critical", "alert", "2", "Text(\"u1\")"]]);
    assert_eq!(count(&store, "findings", "severity:critical"), 1);
    assert_eq!(rows(&store, "assets", "finding:(severity:critical)", &["name"]), [["PC-1"]]);
    assert_eq!(count(&store, "findings", "asset:(name:PC-1)"), 1);
    let ask = |text: &str| {
        let text = text.to_owned();
        let found = store.read_blocking(move |tx| {
            let found = inventory::finding::find(tx, kernel::OrgId::DEFAULT, &text)?;
            found.map(|one| inventory::finding::story(tx, kernel::OrgId::DEFAULT, one)).transpose()
        });
        found.unwrap().map(|story| story.records.into_iter().map(|told| told.stream).collect::<Vec<_>>())
    };
    assert_eq!(ask("u1"), Some(vec!["threats".to_owned(), "unified_alerts".to_owned()]), "by either id");
    assert_eq!(ask("77"), ask("u1"));
    assert_eq!(ask("78"), None);
}

fn an_alert_of_another_product_is_a_finding_of_its_own(database: &Database) {
    let store = database.open(&TABLES);
    one(&stream(&store, "unified_alerts"), "u1", alert("ext-1"), "alert");
    let known = Noun::Machine(MachineNoun { name: text("KIOSK"), ..MachineNoun::default() });
    one(&stream(&store, "xdr_assets"), "x1", known, "device");
    assert_eq!(rows(&store, "findings", "", &["native_id", "product", "record_count"]), [["u1", "EDR", "1"]]);
    assert_eq!(count(&store, "findings", "asset:(name:kiosk)"), 1, "by the list of all assets");
    assert_eq!(count(&store, "assets", "finding:(name:eicar)"), 1);
}

fn a_missing_mitigation_names_the_cause_that_was_found(database: &Database) {
    let store = database.open(&TABLES);
    let threats = stream(&store, "threats");
    one(&stream(&store, "agents"), "1", agent("1", "G1"), "agent");
    let policy = PolicyNoun {
        level: text("site"),
        scope_id: text("S1"),
        name: text("site London"),
        mitigation_mode: text("detect"),
        ..PolicyNoun::default()
    };
    let why = |id: &str, noun: FindingNoun| {
        one(&threats, id, Noun::Finding(noun), "threat");
        rows(&store, "findings", &format!("native_id:{id}"), &["mitigation.why"]).remove(0).remove(0)
    };
    assert_eq!(why("1", FindingNoun { agent_mode: text("detect"), ..threat("") }), "detect_mode");
    assert_eq!(why("2", FindingNoun { agent_version: text("3.7.1"), ..threat("") }), "agent_version");
    assert_eq!(why("3", threat("")), "unknown");
    one(&stream(&store, "site_policies"), "site:S1", Noun::Policy(policy), "p");
    assert_eq!(rows(&store, "findings", "native_id:3", &["mitigation.why"]), [["policy"]], "found when it is asked");
    assert_eq!(why("4", FindingNoun { mitigation: text("mitigated"), ..threat("") }), "", "nothing is missing");
    assert_eq!(why("5", FindingNoun { mitigation: None, ..threat("") }), "policy");
    assert_eq!(count(&store, "findings", "mitigation.why:detect_mode"), 1);
}

fn a_finding_has_its_events_and_notes_in_order(database: &Database) {
    let store = database.open(&TABLES);
    let finding = one(&stream(&store, "threats"), "77", Noun::Finding(threat("")), "threat");
    let event = |kind, seconds, words: &str| {
        Noun::Event(EventNoun {
            finding_id: text("77"),
            kind,
            text: text(words),
            author: (kind == "note").then(|| "Ada".to_owned()),
            at: Some(at(seconds)),
            ..EventNoun::default()
        })
    };
    one(&stream(&store, "threat_timeline"), "77:b", event("event", 20, "killed"), "b");
    one(&stream(&store, "threat_timeline"), "77:a", event("event", 10, "found"), "a");
    one(&stream(&store, "threat_notes"), "77:n", event("note", 15, "Reinstalled"), "n");
    let story = store.read_blocking(move |tx| inventory::finding::story(tx, kernel::OrgId::DEFAULT, finding)).unwrap();
    let told: Vec<(&str, bool)> = story.events.iter().map(|event| (event.text.as_str(), event.is_note)).collect();
    assert_eq!(told, [("found", false), ("Reinstalled", true), ("killed", false)]);
    assert_eq!(count(&store, "findings", "note:(name:reinstalled author:ada)"), 1);
    assert_eq!(count(&store, "findings", "event:(name:reinstalled)"), 0, "a note is no event");
}

fn an_agent_obeys_the_nearest_policy_however_things_change(database: &Database) {
    let store = database.open(&TABLES);
    let (agents, groups) = (stream(&store, "agents"), stream(&store, "groups"));
    let policy = |level: &str, scope: &str, from: &str| {
        let noun = PolicyNoun {
            level: text(level),
            scope_id: text(scope),
            name: text(&format!("{level} {scope}")),
            inherited_from: text(from),
            ..PolicyNoun::default()
        };
        let streams: [(&str, &'static str); 4] = [
            ("tenant", "tenant_policy"),
            ("account", "account_policies"),
            ("site", "site_policies"),
            ("group", "group_policies"),
        ];
        let name = streams.iter().find(|(known, _)| *known == level).unwrap().1;
        let meaning = if from.is_empty() { "own" } else { "inherits" };
        one(&stream(&store, name), &format!("{level}:{scope}"), Noun::Policy(noun), meaning)
    };
    let group = |id: &str, inherits: bool| {
        let noun = ConsoleGroupNoun {
            name: text(id),
            site_id: text("S1"),
            inherits: Some(inherits),
            ..ConsoleGroupNoun::default()
        };
        one(&groups, id, Noun::ConsoleGroup(noun), if inherits { "inherits" } else { "own" });
    };
    let obeys = |id: &str| {
        let found = rows(&store, "assets", &format!("name:PC-{id}"), &["policy.name", "policy.level"]).remove(0);
        found.join(" ").replace("Text(\"", "").replace("\")", "")
    };
    one(&agents, "1", agent("1", "G1"), "in G1");
    assert_eq!(obeys("1"), " ", "no policy was read");
    policy("tenant", "", "");
    assert_eq!(obeys("1"), "tenant  tenant");
    policy("account", "A1", "tenant");
    policy("site", "S1", "");
    group("G1", true);
    assert_eq!(obeys("1"), "site S1 site");
    policy("group", "G1", "");
    assert_eq!(obeys("1"), "site S1 site", "the group says that it inherits");
    group("G1", false);
    assert_eq!(obeys("1"), "group G1 group");
    group("G2", true);
    one(&agents, "1", agent("1", "G2"), "in G2");
    assert_eq!(obeys("1"), "site S1 site", "the agent moved");
    policy("site", "S1", "account");
    assert_eq!(obeys("1"), "tenant  tenant", "the site gave up its own, and its account has none");
    policy("account", "A1", "");
    assert_eq!(obeys("1"), "account A1 account");
    assert_eq!(count(&store, "assets", "policy.name:=\"account A1\" policy.level:account"), 1);
    assert_eq!(count(&store, "assets", "policy:(name:A1)"), 1);
    assert_eq!(count(&store, "assets", "not policy.level:site"), 1);
}

fn agents_are_counted_and_compared_with_the_consoles_own_count(database: &Database) {
    let store = database.open(&TABLES);
    let agents = stream(&store, "agents");
    one(&agents, "1", agent("1", "G1"), "one");
    one(&agents, "2", agent("2", "G1"), "two");
    let Noun::Machine(gone) = agent("3", "G1") else { panic!("an agent is a machine") };
    one(&agents, "3", Noun::Machine(MachineNoun { state: Some(AgentState::Decommissioned), ..gone }), "three");
    let site = ConsoleSiteNoun {
        name: text("London"),
        account_id: text("A1"),
        active_licenses: Some(2),
        ..ConsoleSiteNoun::default()
    };
    one(&stream(&store, "sites"), "S1", Noun::ConsoleSite(site), "site");
    let account = AccountNoun { name: text("Acme"), active_agents: Some(3), ..AccountNoun::default() };
    one(&stream(&store, "accounts"), "A1", Noun::Account(account), "account");
    let group = ConsoleGroupNoun { name: text("Kiosks"), site_id: text("S1"), ..ConsoleGroupNoun::default() };
    one(&stream(&store, "groups"), "G1", Noun::ConsoleGroup(group), "group");
    let fields = ["agents", "console_agents", "differs"];
    assert_eq!(rows(&store, "console_sites", "", &fields), [["2", "2", "false"]]);
    assert_eq!(rows(&store, "accounts", "differs:t", &fields), [["2", "3", "true"]]);
    assert_eq!(rows(&store, "console_groups", "", &fields), [["2", "", ""]], "what is not told does not differ");
    assert_eq!(count(&store, "console_sites", "agents:2"), 1);
}

fn what_an_earlier_version_stored_is_carried_over(database: &Database) {
    let before = inventory::SLICE.migrations.iter().take_while(|migration| migration.number < 7).count();
    let earlier = store::Slice { migrations: &inventory::SLICE.migrations[..before], ..inventory::SLICE };
    let store = database.open(&[signals::SLICE, earlier]);
    let rows_of_then = [
        "INSERT INTO inventory_head (org_id, next_id, stamp) VALUES (1, 100, 7)",
        "INSERT INTO inventory_term (org_id, term_id, dictionary, text, folded) VALUES \
         (1, 11, 'product', 'Mozilla Firefox 128.0 (x64 en-US)', 'mozilla firefox 128.0 (x64 en-us)'), \
         (1, 12, 'vendor', 'Mozilla Corporation', 'mozilla corporation'), (1, 13, 'version', '128.0', '128.0'), \
         (1, 14, 'cve', 'CVE-2024-3094', 'cve-2024-3094'), (1, 15, 'severity', 'high', 'high')",
        "INSERT INTO inventory_source_record (org_id, record_id, integration_id, stream, native_id, raw_hash, \
         meaning_hash, version, sweep_id, state, first_seen_at, changed_at) SELECT 1, n.id, 1, n.stream, n.native, h.hash, \
         h.hash, 1, 1, n.state, 1, 1 FROM (SELECT 50 AS id, 'agents' AS stream, '1' AS native, 'present' AS state \
         UNION SELECT 51, 'applications', '1:a', 'present' UNION SELECT 52, 'applications', '9:a', 'retired' \
         UNION SELECT 53, 'risks', 'r1', 'present') n, (SELECT CAST('12345678901234567890123456789012' AS BLOB) AS hash) h",
        "INSERT INTO inventory_software (org_id, record_id, integration_id, agent_native_id, product_term, vendor_term, \
         version_term, size, installed_at) VALUES (1, 51, 1, '1', 11, 12, 13, 5, 1500000), (1, 52, 1, '9', 11, 12, 13, NULL, NULL)",
        "INSERT INTO inventory_vulnerability (org_id, record_id, integration_id, cve_term, severity_term, score, \
         product_term, vendor_term, version_term, agent_native_id, published_at, scanned_at) \
         VALUES (1, 53, 1, 14, 15, 9.8, 11, 12, 13, '9', 5000000, 6000000)",
    ];
    for sql in rows_of_then {
        let sql = if database.is_postgres() { sql.replace("AS BLOB", "AS BYTEA") } else { sql.to_owned() };
        store.write_blocking(move |tx| tx.execute(&sql, &[])).unwrap();
    }
    drop(store);
    let store = database.open(&TABLES);
    let fields = ["name", "version", "agent.id", "installed_at", "size", "state"];
    let name = "Mozilla Firefox 128.0 (x64 en-US)";
    assert_eq!(
        rows(&store, "software", "", &fields),
        [[name, "128.0", "1", &at(1).to_string(), "5", "present"], [name, "128.0", "9", "", "", "retired"]]
    );
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_software WHERE gone = 1"), 1);
    let fields = ["name", "severity", "score", "application", "agent.id", "published_at"];
    let told = ["CVE-2024-3094", "high", "9.8", name, "9", &at(5).to_string()];
    assert_eq!(rows(&store, "vulnerabilities", "mapped:f", &fields), [told]);
    assert_eq!(rows(&store, "cves", "", &["name", "score", "endpoints"]), [["CVE-2024-3094", "9.8", "1"]]);
    // With the next page, whatever it is, the titles are made, and the agent that was expected takes its place.
    one(&stream(&store, "agents"), "9", agent("9", "G1"), "nine");
    assert_eq!(rows(&store, "software_titles", "", &["name", "endpoints"]), [["Mozilla Firefox", "1"]]);
    assert_eq!(count(&store, "software", "product:=\"mozilla firefox\""), 2);
    assert_eq!(rows(&store, "assets", "cve:CVE-2024-3094", &["name"]), [["PC-9"]]);
}

fn activity(agent: &str, type_: i64, what: &str) -> Noun {
    Noun::Activity(ActivityNoun {
        type_: Some(type_),
        description: text(what),
        agent_id: text(agent),
        created_at: Some(at(1_999_000)),
        ..ActivityNoun::default()
    })
}

fn what_happened_about_an_agent_is_asked_of_its_asset_and_the_other_way_round(database: &Database) {
    let store = database.open(&TABLES);
    let (agents, happened) = (stream(&store, "agents"), stream(&store, "activities"));
    for id in ["7", "8"] {
        one(&agents, id, agent(id, "G1"), "agent");
    }
    for (id, about, type_, what) in [
        ("a1", "7", 27, "ann logged in"),
        ("a2", "7", 52, "the agent was moved"),
        ("a3", "9", 52, "a stranger was moved"),
        ("a4", "", 27, "bob logged in"),
    ] {
        one(&happened, id, activity(about, type_, what), "activity");
    }
    // Another console's agent of that id is another agent.
    one(&Source { integration: 2, ..happened }, "b1", activity("8", 52, "elsewhere"), "activity");
    for (inventory, question, matching) in [
        ("assets", "activity:moved", 1),
        ("assets", "activity:(type:52)", 1),
        ("assets", "activity:(type:27 name:moved)", 0),
        ("assets", "_activity.type:27", 1),
        ("assets", "activity:(created_at:<1d)", 1),
        ("assets", "count(activity):>1", 1),
        ("assets", "no:activity", 1),
        ("assets", "activity:(asset:(name:PC-7))", 1),
        ("activities", "asset:(activity:(type:52))", 2),
        ("activities", "asset:(name:PC-8)", 0),
    ] {
        assert_eq!(count(&store, inventory, question), matching, "{question} in {inventory}");
    }
    if store.dialect() == store::Dialect::Sqlite {
        let ask = Ask { want: Want::Explain, ..Ask::new("assets", "activity:(type:52)", at(2_000_000)) };
        let plan = store.read_blocking(move |tx| inventory::ask_in(tx, kernel::OrgId::DEFAULT, &ask)).unwrap().plan;
        assert!(
            plan.contains("inventory_activity_of_agent (org_id=? AND integration_id=? AND agent_native_id=?)"),
            "{plan}"
        );
    }
}

fn the_log_of_a_machine_is_asked_of_its_asset_and_the_other_way_round(database: &Database) {
    let store = database.open(&TABLES);
    let source = stream(&store, "agents");
    let said = |name| Agent { name, ..Agent::new("7") };
    source.apply_and_record(&[said("PC-7"), Agent::new("8")]);
    source.apply_and_record(&[said("PC-8")]);
    for (inventory, question, matching) in [
        ("assets", "artifact:(op:update)", 1),
        ("assets", "artifact:(stream:agents op:create)", 2),
        ("assets", "count(artifact):>1", 1),
        ("assets", "artifact:(version:>1 asset:(name:PC-8))", 1),
        ("assets", "artifact:(stream:threats)", 0),
        ("artifacts", "", 3),
        ("artifacts", "asset:(name:=PC-8)", 3),
        ("artifacts", "asset:(artifact:(op:update))", 2),
        ("artifacts", "_asset.os:linux", 0),
        ("artifacts", "op:create not asset:(artifact:(op:update))", 1),
    ] {
        assert_eq!(count(&store, inventory, question), matching, "{question} in {inventory}");
    }
}

fn two_integrations_of_one_source_are_told_apart_by_name(database: &Database) {
    let store = database.open(&TABLES);
    for (integration, name) in [(1, "Acme EMEA"), (2, "Acme")] {
        let named = IntegrationId(integration);
        store.write_blocking(move |tx| inventory::integration::call(tx, kernel::OrgId::DEFAULT, named, name)).unwrap();
        let of = |stream| Source { integration, ..self::stream(&store, stream) };
        of("agents").apply(&[Agent::new(if integration == 1 { "1" } else { "2" })]);
        one(&of("threats"), "t", Noun::Finding(threat("")), "threat");
    }
    for inventory in ["assets", "findings"] {
        for (query, found) in [
            ("integration:\"acme emea\"", 1),
            ("integration:acme", 1),
            ("integration:acm", 0),
            ("integration:==\"Acme\"", 1),
            ("integration:==\"acme\"", 0),
            ("not integration:acme", 1),
            ("source:sentinelone", 2),
        ] {
            assert_eq!(count(&store, inventory, query), found, "{inventory}: {query}");
        }
    }
    assert_eq!(rows(&store, "findings", "integration:acme", &["integration"]), [["Acme"]]);
    assert_eq!(rows(&store, "findings", "", &["integration"]), [["Acme"], ["Acme EMEA"]]);
    let call =
        |tx: &mut store::Tx<'_>| inventory::integration::call(tx, kernel::OrgId::DEFAULT, IntegrationId(2), "Ümlaut");
    store.write_blocking(call).unwrap();
    assert_eq!((count(&store, "assets", "integration:ümlaut"), count(&store, "assets", "integration:acme")), (1, 0));
    let offered = store.read_blocking(|tx| {
        inventory::complete(tx, kernel::OrgId::DEFAULT, "findings", "integration:", "integration:".len())
    });
    let offered: Vec<String> = offered.unwrap().into_iter().map(|one| one.insert).collect();
    assert_eq!(offered, ["\"Acme EMEA\"", "Ümlaut"]);
}
