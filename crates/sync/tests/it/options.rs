//! What an integration imports: each option leaves something out, says how much and what, and gives it back without asking
//! the console. Against the simulated console.

use inventory::onboard::Identity;
use inventory::{Ask, Want};
use kernel::OrgId;
use sync::{ImportChange, LeftOutRecord, OptionsChange};
use testkit::Database;

use crate::files::reading;
use crate::lab::{Build, Lab, SLICES, START, all_complete};

testkit::on_each_database! {
    software_that_is_not_imported_is_left_out_and_comes_back,
    vulnerabilities_that_are_not_imported_are_left_out_and_come_back,
    only_the_severities_that_were_chosen_are_imported,
    groups_take_what_hangs_on_their_agents_along,
    an_unknown_group_is_a_warning_with_what_was_meant,
    verdicts_decide_what_is_failed_and_leave_nothing_out,
    of_an_untracked_device_only_the_device_is_imported,
    metadata_that_is_not_updated_stays_and_follows_again,
    machines_that_no_other_source_knows_wait_until_one_does,
    machines_that_no_scan_knows_are_excluded_and_listed,
    a_scan_admits_whom_it_finds_and_they_stay_when_it_no_longer_does,
    a_bare_list_of_names_admits_whom_it_names_when_they_are_read_later,
    what_another_source_said_first_stays_where_metadata_is_not_updated,
    what_a_console_alone_knows_lives_in_its_site_and_what_was_scanned_where_it_was_scanned,
    a_change_that_is_cut_off_goes_on,
    what_is_left_out_is_neither_removed_nor_fixed,
    sweeps_stay_complete_whatever_is_left_out,
}

/// A console that was read whole.
fn read(database: &Database) -> Lab {
    let lab = Build { endpoints: 40, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    all_complete(&lab.sync());
    lab
}

fn count(lab: &Lab, inventory: &str, text: &str) -> u64 {
    let ask = Ask { want: Want::Count, ..Ask::new(inventory, text, START) };
    let answer = lab.store.read_blocking(move |tx| inventory::ask_in(tx, OrgId::DEFAULT, &ask)).unwrap();
    answer.total.unwrap()
}

/// Changes what is imported, and lets what is stored follow; the console must not be asked for that.
fn import(lab: &Lab, change: ImportChange) {
    configure(lab, change);
    let before = lab.sim.journal().total;
    let name = lab.integration().name;
    lab.time.run(sync::reapply(&lab.store, &lab.world, OrgId::DEFAULT, &name)).unwrap();
    assert_eq!(lab.sim.journal().total, before, "no fetch");
}

fn configure(lab: &Lab, change: ImportChange) {
    let name = lab.integration().name;
    let change = OptionsChange { import: change, ..OptionsChange::default() };
    let write = move |tx: &mut store::Tx<'_>| sync::configure(tx, OrgId::DEFAULT, &name, &change, "test", START);
    lab.store.write_blocking(write).unwrap();
}

/// How many records are counted as left out by an option.
fn counted(lab: &Lab, option: &str) -> u64 {
    let of = lab.integration();
    let read = move |tx: &mut store::Tx<'_>| sync::left_out_counts(tx, OrgId::DEFAULT, of.id, &of.options.import);
    let counts = lab.store.read_blocking(read).unwrap();
    counts.iter().filter(|count| count.option == option).map(|count| count.records).sum()
}

fn listed(lab: &Lab, option: &'static str) -> Vec<LeftOutRecord> {
    let of = lab.integration();
    let read = move |tx: &mut store::Tx<'_>| {
        sync::left_out(tx, OrgId::DEFAULT, of.id, &of.options.import, Some(option), 10_000)
    };
    lab.store.read_blocking(read).unwrap()
}

fn words(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|word| (*word).to_owned()).collect())
}

fn software_that_is_not_imported_is_left_out_and_comes_back(database: &Database) {
    let lab = read(database);
    let all = count(&lab, "software", "");
    assert!(all > 0);
    import(&lab, ImportChange { software: Some(false), ..ImportChange::default() });
    assert_eq!((count(&lab, "software", ""), counted(&lab, "software")), (0, all));
    let listed = listed(&lab, "software");
    assert_eq!(listed.len() as u64, all);
    assert!(listed.iter().all(|one| one.name != one.native_id), "by name: {listed:?}");
    import(&lab, ImportChange { software: Some(true), ..ImportChange::default() });
    assert_eq!((count(&lab, "software", ""), counted(&lab, "software")), (all, 0));
}

fn vulnerabilities_that_are_not_imported_are_left_out_and_come_back(database: &Database) {
    let lab = read(database);
    let all = count(&lab, "vulnerabilities", "");
    import(&lab, ImportChange { vulnerabilities: Some(false), ..ImportChange::default() });
    assert_eq!((count(&lab, "vulnerabilities", ""), counted(&lab, "vulnerabilities")), (0, all));
    assert!(listed(&lab, "vulnerabilities").iter().all(|one| one.name.starts_with("CVE-")));
    import(&lab, ImportChange { vulnerabilities: Some(true), ..ImportChange::default() });
    assert_eq!((count(&lab, "vulnerabilities", ""), counted(&lab, "vulnerabilities")), (all, 0));
}

fn only_the_severities_that_were_chosen_are_imported(database: &Database) {
    let lab = read(database);
    let all = count(&lab, "vulnerabilities", "");
    let severe = count(&lab, "vulnerabilities", "severity:(high, critical)");
    assert!(severe > 0 && severe < all, "{severe} of {all}");
    import(&lab, ImportChange { severities: words(&["high", "critical"]), ..ImportChange::default() });
    assert_eq!((count(&lab, "vulnerabilities", ""), counted(&lab, "severities")), (severe, all - severe));
    // What is read from now on is judged by the same.
    all_complete(&lab.try_run(&sync::Run { full: true, ..sync::Run::default() }).unwrap());
    assert_eq!((count(&lab, "vulnerabilities", ""), counted(&lab, "severities")), (severe, all - severe));
    import(&lab, ImportChange { severities: words(&["all"]), ..ImportChange::default() });
    assert_eq!((count(&lab, "vulnerabilities", ""), counted(&lab, "severities")), (all, 0));
}

/// A group that some agents are in and others are not, and how many are.
fn a_group(lab: &Lab) -> (String, u64) {
    let ask = Ask { group_by: vec!["console.group".to_owned()], ..Ask::new("assets", "has:agent.uuid", START) };
    let answer = lab.store.read_blocking(move |tx| inventory::ask_in(tx, OrgId::DEFAULT, &ask)).unwrap();
    let row = answer.table.rows.iter().rev().find_map(|row| match row.as_slice() {
        [kernel::Cell::Text(name), kernel::Cell::Int(count)] => Some((name.clone(), count.unsigned_abs())),
        _ => None,
    });
    row.unwrap()
}

fn groups_take_what_hangs_on_their_agents_along(database: &Database) {
    let lab = read(database);
    import(&lab, ImportChange::default());
    let (group, members) = a_group(&lab);
    let inside = format!("console.group:=\"{group}\"");
    let agents = lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents'").unsigned_abs();
    let everything: Vec<u64> =
        ["assets", "software", "vulnerabilities", "findings"].iter().map(|of| count(&lab, of, "")).collect();
    let hanging: Vec<u64> = ["software", "vulnerabilities"]
        .iter()
        .map(|of| count(&lab, of, &format!("asset:({inside})")) + count(&lab, of, "mapped:f"))
        .collect();
    import(&lab, ImportChange { groups: words(&[&group.to_uppercase()]), ..ImportChange::default() });
    assert_eq!(count(&lab, "assets", &inside), members, "in any case");
    assert_eq!(count(&lab, "assets", &format!("has:agent.uuid and not {inside}")), 0);
    assert_eq!(vec![count(&lab, "software", ""), count(&lab, "vulnerabilities", "")], hanging);
    let streams: Vec<(String, String)> = listed(&lab, "groups").into_iter().map(|one| (one.stream, one.name)).collect();
    assert_eq!(streams.iter().filter(|(stream, _)| stream == "agents").count() as u64, agents - members);
    assert!(streams.iter().any(|(stream, _)| stream == "threats"), "{streams:?}");
    import(&lab, ImportChange { groups: words(&[]), ..ImportChange::default() });
    let again: Vec<u64> =
        ["assets", "software", "vulnerabilities", "findings"].iter().map(|of| count(&lab, of, "")).collect();
    assert_eq!((again, counted(&lab, "groups")), (everything, 0));
}

fn an_unknown_group_is_a_warning_with_what_was_meant(database: &Database) {
    let lab = read(database);
    let (group, _) = a_group(&lab);
    let typo = format!("{group}x");
    configure(&lab, ImportChange { groups: words(&[&group, &typo]), ..ImportChange::default() });
    let of = lab.integration();
    let read = move |tx: &mut store::Tx<'_>| sync::unknown_groups(tx, OrgId::DEFAULT, of.id, &of.options.import);
    let unknown = lab.store.read_blocking(read).unwrap();
    assert_eq!(unknown, [sync::UnknownGroup { name: typo, near: Some(group) }]);
}

fn verdicts_decide_what_is_failed_and_leave_nothing_out(database: &Database) {
    let lab = read(database);
    let all = count(&lab, "findings", "");
    let failed = count(&lab, "findings", "result:fail");
    assert_eq!(counted(&lab, "verdicts"), all - failed);
    import(&lab, ImportChange { verdicts: words(&["true_positive"]), ..ImportChange::default() });
    let fewer = count(&lab, "findings", "result:fail");
    assert_eq!(fewer, count(&lab, "findings", "verdict:=true_positive"));
    assert!(fewer < failed && count(&lab, "findings", "") == all, "not failed is not left out");
    assert_eq!(counted(&lab, "verdicts"), all - fewer);
    assert_eq!(listed(&lab, "verdicts").len() as u64, all - fewer);
}

fn of_an_untracked_device_only_the_device_is_imported(database: &Database) {
    let lab = read(database);
    let ask = Ask {
        fields: vec!["id".to_owned()],
        limit: 1,
        ..Ask::new("assets", "count(vulnerability):>0 and has:agent.uuid", START)
    };
    let answer = lab.store.read_blocking(move |tx| inventory::ask_in(tx, OrgId::DEFAULT, &ask)).unwrap();
    let kernel::Cell::Text(id) = &answer.table.rows[0][0] else { panic!("an id is text") };
    let (asset, on_it) = (kernel::AssetId::parse(id).unwrap(), format!("asset:(id:{id})"));
    let theirs = count(&lab, "vulnerabilities", &on_it);
    let all = count(&lab, "vulnerabilities", "");
    let unmapped = count(&lab, "vulnerabilities", "mapped:f");
    let track = |reason: Option<&'static str>| {
        let write =
            move |tx: &mut store::Tx<'_>| inventory::hanging::track(tx, OrgId::DEFAULT, asset, reason, "test", START);
        assert_eq!(lab.store.write_blocking(write).unwrap(), 1);
    };
    track(Some("sold"));
    import(&lab, ImportChange::default());
    assert_eq!(count(&lab, "vulnerabilities", ""), all, "only where the option asks for it");
    assert_eq!(count(&lab, "assets", "tracked:f and untracked.reason:sold"), 1);
    import(&lab, ImportChange { tracked_only: Some(true), ..ImportChange::default() });
    assert_eq!(count(&lab, "vulnerabilities", ""), all - theirs - unmapped, "nor of what was never registered");
    assert_eq!(count(&lab, "assets", &format!("id:{id}")), 1, "the device itself stays");
    assert!(listed(&lab, "tracked_only").iter().any(|one| one.stream == "risks"));
    track(None);
    import(&lab, ImportChange::default());
    assert_eq!(count(&lab, "vulnerabilities", ""), all - unmapped);
    import(&lab, ImportChange { tracked_only: Some(false), ..ImportChange::default() });
    assert_eq!((count(&lab, "vulnerabilities", ""), counted(&lab, "tracked_only")), (all, 0));
}

fn metadata_that_is_not_updated_stays_and_follows_again(database: &Database) {
    let lab = Build { endpoints: 40, alive: true, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    all_complete(&lab.sync());
    import(&lab, ImportChange { update_metadata: Some(false), ..ImportChange::default() });
    // What was taken in some time ago.
    let before = "UPDATE inventory_machine SET user_name = 'earlier', user_folded = 'earlier' WHERE grade = 1";
    lab.store.write_blocking::<_, store::StoreError, _>(move |tx| tx.execute(before, &[])).unwrap();
    let earlier = |lab: &Lab| lab.number("SELECT count(*) FROM inventory_machine WHERE user_name = 'earlier'");
    let agents = earlier(&lab);
    lab.pass_time(std::time::Duration::from_secs(24 * 3600));
    all_complete(&lab.try_run(&sync::Run { full: true, ..sync::Run::default() }).unwrap());
    assert_eq!(earlier(&lab), agents, "what was taken in stays, whatever is read");
    import(&lab, ImportChange { update_metadata: Some(true), ..ImportChange::default() });
    assert_eq!(earlier(&lab), 0, "and follows again, without a fetch");
}

/// A list that names half of the machines, as somebody keeps it.
fn list_of(lab: &Lab, names: &[String], format: sync::import::Format, text: &str) -> u64 {
    let draft = reading(format, &[], text.as_bytes()).unwrap();
    let order = sync::import::Order { source: "known".to_owned(), site: Some("HQ".to_owned()), accept_removals: false };
    let told = |_: &sync::Event| {};
    let who = "test";
    lab.time.run(sync::import::import(&lab.store, &lab.world, OrgId::DEFAULT, who, &order, draft, &told)).unwrap();
    names.len() as u64
}

/// Names that one agent alone has, every second of them.
fn every_second_name(lab: &Lab) -> Vec<String> {
    let sql = "SELECT name FROM inventory_machine WHERE grade = 1 AND name IS NOT NULL AND name NOT LIKE '%.%' \
        GROUP BY name HAVING count(*) = 1 ORDER BY name";
    let read = move |tx: &mut store::Tx<'_>| tx.query(sql, &[], |row| Ok(row.text(0)?.to_owned()));
    let names = lab.store.read_blocking::<_, store::StoreError, _>(read).unwrap();
    names.into_iter().step_by(2).collect()
}

fn machines_that_no_other_source_knows_wait_until_one_does(database: &Database) {
    let lab = read(database);
    let names = every_second_name(&lab);
    let all = count(&lab, "assets", "has:console.group");
    import(&lab, ImportChange { auto_onboard: Some(false), ..ImportChange::default() });
    assert_eq!(count(&lab, "assets", "has:console.group"), 0, "nobody else knows any");
    let software = counted(&lab, "auto_onboard");
    assert!(software > all, "with what hangs on them");
    // A bare list of names makes them known where names count.
    let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let list = list_of(&lab, &names, sync::import::Format::Csv, &format!("name\n{}\n", lower.join("\n")));
    import(&lab, ImportChange::default());
    assert_eq!(count(&lab, "assets", "has:console.group"), 0, "a name alone is no rule of correlation");
    import(&lab, ImportChange { identity: Some(Identity::ComputerName), ..ImportChange::default() });
    assert_eq!(count(&lab, "assets", "has:console.group"), list);
    assert!(listed(&lab, "auto_onboard").iter().all(|one| !names.contains(&one.name) || one.stream != "agents"));
    let on_them = count(&lab, "software", "asset:(has:console.group)");
    assert!(on_them > 0 && on_them == count(&lab, "software", ""), "what hangs on them came along");
    import(&lab, ImportChange { auto_onboard: Some(true), ..ImportChange::default() });
    assert_eq!(counted(&lab, "auto_onboard"), 0);
}

fn machines_that_no_scan_knows_are_excluded_and_listed(database: &Database) {
    let lab = read(database);
    let names = every_second_name(&lab);
    import(
        &lab,
        ImportChange { exclude_unknown: Some(true), identity: Some(Identity::ComputerName), ..ImportChange::default() },
    );
    list_of(&lab, &names, sync::import::Format::Csv, &format!("name\n{}\n", names.join("\n")));
    import(&lab, ImportChange::default());
    assert_eq!(count(&lab, "assets", "has:console.group"), 0, "a list is no scan");
    let agents = lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents'").unsigned_abs();
    let left = listed(&lab, "exclude_unknown").into_iter().filter(|one| one.stream == "agents").count() as u64;
    assert_eq!(left, agents);
    import(&lab, ImportChange { exclude_unknown: Some(false), ..ImportChange::default() });
    assert_eq!(counted(&lab, "exclude_unknown"), 0, "{:?}", &listed(&lab, "exclude_unknown")[..3]);
    assert!(count(&lab, "assets", "has:console.group") > 0);
}

/// A network interface that one live agent alone has: the hardware address and the agent's name.
fn single_interfaces(lab: &Lab, how_many: usize) -> Vec<(String, String)> {
    let sql = "SELECT min(i.mac), m.name FROM inventory_machine m \
        JOIN inventory_interface i ON i.org_id = m.org_id AND i.record_id = m.record_id \
        WHERE m.grade = 1 AND m.edr_live = 1 AND m.active = 1 AND i.mac IS NOT NULL \
        AND substr(i.mac, 2, 1) IN ('0', '4', '8', 'c') \
        AND (SELECT count(*) FROM inventory_interface o JOIN inventory_machine a \
            ON a.org_id = o.org_id AND a.record_id = o.record_id \
            WHERE o.org_id = i.org_id AND o.mac = i.mac AND a.grade = 1) = 1 \
        AND (SELECT count(*) FROM inventory_machine o \
            WHERE o.org_id = m.org_id AND o.name = m.name AND o.grade = 1) = 1 \
        GROUP BY m.name ORDER BY m.name";
    let read =
        move |tx: &mut store::Tx<'_>| tx.query(sql, &[], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())));
    let mut found = lab.store.read_blocking::<_, store::StoreError, _>(read).unwrap();
    found.truncate(how_many);
    found
}

/// A whole scan of one network that found these machines.
fn scan_of(machines: &[(String, String)]) -> String {
    let hosts: String = (machines.iter().zip(1..))
        .map(|((mac, name), at)| {
            format!(
                "<host endtime=\"1795230060\"><status state=\"up\" reason=\"arp-response\"/>\
                 <address addr=\"10.99.0.{at}\" addrtype=\"ipv4\"/><address addr=\"{mac}\" addrtype=\"mac\"/>\
                 <hostnames><hostname name=\"{name}\" type=\"PTR\"/></hostnames></host>"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\"?><nmaprun scanner=\"nmap\" args=\"nmap 10.99.0.0/24\" version=\"7.94\">{hosts}\
         <runstats><finished time=\"1795230100\" exit=\"success\"/><hosts up=\"{up}\" down=\"0\" total=\"{up}\"/></runstats></nmaprun>",
        up = machines.len()
    )
}

fn scan(lab: &Lab, site: &str, machines: &[(String, String)]) {
    let draft = reading(sync::import::Format::Nmap, &[], scan_of(machines).as_bytes()).unwrap();
    let order = sync::import::Order { source: "office".to_owned(), site: Some(site.to_owned()), accept_removals: true };
    let told = |_: &sync::Event| {};
    lab.time.run(sync::import::import(&lab.store, &lab.world, OrgId::DEFAULT, "test", &order, draft, &told)).unwrap();
}

fn a_scan_admits_whom_it_finds_and_they_stay_when_it_no_longer_does(database: &Database) {
    let lab = read(database);
    let found = single_interfaces(&lab, 6);
    assert_eq!(found.len(), 6);
    import(&lab, ImportChange { exclude_unknown: Some(true), ..ImportChange::default() });
    assert_eq!(count(&lab, "assets", "has:agent.uuid"), 0);
    let waiting = counted(&lab, "exclude_unknown");
    scan(&lab, "HQ", &found);
    assert_eq!(count(&lab, "assets", "has:agent.uuid source:scan"), 6, "at once, whatever is read next");
    assert_eq!(count(&lab, "assets", "has:agent.uuid"), 6, "and nobody else");
    assert_eq!(count(&lab, "assets", "has:agent.uuid has:address.primary site:HQ"), 6);
    // What hangs on them comes with the next reading, or as soon as somebody asks for it.
    import(&lab, ImportChange::default());
    assert!(count(&lab, "software", "asset:(source:scan)") > 0);
    let left = counted(&lab, "exclude_unknown");
    assert!(
        left < waiting
            && listed(&lab, "exclude_unknown").iter().all(|one| !found.iter().any(|(_, name)| *name == one.name))
    );
    // A scan that does not find one of them twice has it no more. A machine that was scanned is known all the same: it is
    // switched off, not a stranger, and its history stays with it.
    scan(&lab, "HQ", &found[1..]);
    scan(&lab, "HQ", &found[1..]);
    import(&lab, ImportChange::default());
    assert_eq!(lab.number("SELECT count(*) FROM inventory_machine WHERE grade = 2 AND present = 0"), 1);
    assert_eq!(count(&lab, "assets", "has:agent.uuid"), 6);
    assert_eq!(counted(&lab, "exclude_unknown"), left);
}

fn a_bare_list_of_names_admits_whom_it_names_when_they_are_read_later(database: &Database) {
    let lab = Build { endpoints: 40, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    let change =
        ImportChange { auto_onboard: Some(false), identity: Some(Identity::ComputerName), ..ImportChange::default() };
    configure(&lab, change);
    all_complete(&lab.sync());
    assert_eq!(count(&lab, "assets", "has:agent.uuid"), 0);
    let names = every_second_name(&lab);
    let list =
        list_of(&lab, &names, sync::import::Format::Csv, &format!("name\n{}\n", names.join("\n").to_uppercase()));
    assert_eq!(count(&lab, "assets", "has:agent.uuid source:custom"), list, "the list alone lets them in");
    assert_eq!(count(&lab, "assets", "has:agent.uuid"), list);
    all_complete(&lab.sync());
    assert_eq!(count(&lab, "assets", "has:agent.uuid"), list);
    assert!(count(&lab, "software", "asset:(source:custom)") > 0);
}

fn what_another_source_said_first_stays_where_metadata_is_not_updated(database: &Database) {
    let lab = Build { endpoints: 40, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    let change = ImportChange { identity: Some(Identity::ComputerName), ..ImportChange::default() };
    configure(&lab, change);
    all_complete(&lab.sync());
    let names = every_second_name(&lab);
    let os = "MS-DOS 6.22";
    let rows: String = names.iter().map(|name| format!("{name},{os}\n")).collect();
    list_of(&lab, &names, sync::import::Format::Csv, &format!("name,os\n{rows}"));
    let listed = count(&lab, "assets", "has:agent.uuid source:custom");
    let told_by_list = |os: &str| count(&lab, "assets", &format!("has:agent.uuid source:custom os:=\"{os}\""));
    let silent = told_by_list(os);
    assert!(
        0 < silent && silent < listed,
        "a live agent knows better than a list, a silent one does not: {silent} of {listed}"
    );
    // To stop updating changes nothing of what is there, and neither does what comes later.
    import(&lab, ImportChange { update_metadata: Some(false), ..ImportChange::default() });
    assert_eq!(told_by_list(os), silent);
    let later = "MS-DOS 7";
    list_of(&lab, &names, sync::import::Format::Csv, &format!("name,os\n{}", rows.replace(os, later)));
    assert_eq!((told_by_list(os), told_by_list(later)), (0, silent));
}

fn what_a_console_alone_knows_lives_in_its_site_and_what_was_scanned_where_it_was_scanned(database: &Database) {
    let lab = read(database);
    let all = count(&lab, "assets", "");
    assert_eq!(count(&lab, "assets", "site:HQ"), all);
    let found = single_interfaces(&lab, 3);
    scan(&lab, "Lab", &found);
    assert_eq!(count(&lab, "assets", "site:Lab source:scan has:agent.uuid"), 3);
    assert_eq!((count(&lab, "assets", ""), count(&lab, "assets", "site:HQ")), (all, all - 3));
}

fn a_change_that_is_cut_off_goes_on(database: &Database) {
    let lab = read(database);
    let all = count(&lab, "software", "");
    configure(&lab, ImportChange { software: Some(false), ..ImportChange::default() });
    let name = lab.integration().name;
    // Killed in the second batch; the first is stored.
    testkit::fail_at(&lab.store, "statement:INSERT INTO sync_applied:2");
    lab.time.run(sync::reapply(&lab.store, &lab.world, OrgId::DEFAULT, &name)).unwrap_err();
    let left = counted(&lab, "software");
    assert!(testkit::has_failed(&lab.store) && left > 0 && left < all, "{left} of {all}");
    import(&lab, ImportChange::default());
    assert_eq!((count(&lab, "software", ""), counted(&lab, "software")), (0, all));
}

fn what_is_left_out_is_neither_removed_nor_fixed(database: &Database) {
    let lab = read(database);
    let states = |lab: &Lab| lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'present'");
    let artifacts = |lab: &Lab| lab.number("SELECT count(*) FROM signals_artifact");
    let removed = |lab: &Lab| lab.number("SELECT count(*) FROM inventory_change WHERE field = 'removed'");
    let before = (states(&lab), artifacts(&lab), removed(&lab));
    let change = ImportChange {
        software: Some(false),
        vulnerabilities: Some(false),
        groups: words(&["nobody is in this"]),
        ..ImportChange::default()
    };
    import(&lab, change);
    assert_eq!(count(&lab, "assets", "has:agent.uuid"), 0);
    assert_eq!((states(&lab), artifacts(&lab), removed(&lab)), before);
}

fn sweeps_stay_complete_whatever_is_left_out(database: &Database) {
    let lab = Build { endpoints: 40, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    let change = ImportChange {
        software: Some(false),
        severities: words(&["critical"]),
        groups: words(&["nobody is in this"]),
        tracked_only: Some(true),
        auto_onboard: Some(false),
        identity: Some(Identity::ComputerName),
        ..ImportChange::default()
    };
    configure(&lab, change);
    all_complete(&lab.sync());
    assert_eq!(count(&lab, "assets", "has:agent.uuid") + count(&lab, "software", ""), 0);
    assert!(counted(&lab, "groups") > 0 && counted(&lab, "software") > 0);
}
