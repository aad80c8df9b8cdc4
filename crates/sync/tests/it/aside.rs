//! What was kept aside is listed and tried again, and what does not look as documented is noticed.

use kernel::OrgId;
use sync::{Aside, Drifted, Surprise};
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, all_complete, of};

testkit::on_each_database! {
    what_was_kept_aside_is_tried_again_by_a_translator_that_has_learned,
    what_does_not_look_as_documented_is_listed_once_with_an_example,
    what_is_kept_aside_does_not_fill_the_disk,
}

fn aside(lab: &Lab) -> Vec<Aside> {
    let id = lab.integration().id;
    lab.time.run(sync::quarantined(&lab.store, &lab.world, OrgId::DEFAULT, id, 100)).unwrap()
}

fn drift(lab: &Lab) -> Vec<Drifted> {
    let id = lab.integration().id;
    lab.time.run(sync::drift(&lab.store, &lab.world, OrgId::DEFAULT, id)).unwrap()
}

fn what_was_kept_aside_is_tried_again_by_a_translator_that_has_learned(database: &Database) {
    let lab = Build { page_max: 9, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    all_complete(&lab.sync_streams(&["agents"]));
    let agents = lab.number("SELECT count(*) FROM inventory_asset");
    // As if an older translator had kept a record aside that this one understands.
    let (org, id) = (OrgId::DEFAULT, lab.integration().id);
    let bytes = br#"{"id":"999999999999999999","computerName":"kept","agentVersion":"1.2.3.4","isActive":true}"#;
    let keep = |native_id: &'static str, translator: i64| {
        let raw = bytes.to_vec();
        lab.store
            .write_blocking::<_, store::StoreError, _>(move |tx| {
                let mut hash = [7u8; 32];
                hash[0] = u8::try_from(native_id.len()).unwrap();
                tx.execute(
                    "INSERT INTO sync_quarantine (org_id, integration_id, stream, raw_hash, native_id, reason, sweep_id, \
                     page, place, size, bytes, first_seen_at, translator) \
                     VALUES ($1, $2, 'agents', $3, $4, 'what is this', 1, 0, 0, 1, $5, $6, $7)",
                    &[
                        org.into(),
                        id.into(),
                        (&hash).into(),
                        native_id.into(),
                        raw.into(),
                        crate::lab::START.into(),
                        translator.into(),
                    ],
                )
            })
            .unwrap();
    };
    keep("999999999999999999", sync::TRANSLATOR_VERSION - 1);
    keep("not tried", sync::TRANSLATOR_VERSION);
    assert_eq!(aside(&lab).len(), 2);
    assert!(aside(&lab).iter().all(|one| one.kept && one.reason == "what is this"));
    all_complete(&lab.sync_streams(&["agents"]));
    let counted = lab.store.read_blocking::<_, store::StoreError, _>(move |tx| sync::quarantined_count(tx, org, id));
    assert_eq!(counted.unwrap(), 1);
    assert_eq!(aside(&lab).len(), 1, "what this translator kept aside itself is not tried again");
    assert_eq!(lab.number("SELECT count(*) FROM inventory_asset"), agents + 1);
    let logged = "SELECT count(*) FROM signals_artifact WHERE native_id = '999999999999999999' AND op = 'create'";
    assert_eq!(lab.number(logged), 1);
}

fn what_does_not_look_as_documented_is_listed_once_with_an_example(database: &Database) {
    let with = |config: &mut sentinelone_sim::Config| config.oddities = false;
    let mut lab = Build { page_max: 9, with, ..Build::default() }.on(database.open(SLICES));
    lab.transport = crate::faults::edited(&lab, |path, data| {
        for row in data.iter_mut().filter(|_| path.ends_with("/agents")) {
            row["brandNew"] = serde_json::json!({ "inside": 1 });
            row["machineType"] = "toaster".into();
            row["coreCount"] = "four".into();
        }
    });
    lab.connect();
    let reports = lab.sync_streams(&["agents"]);
    assert_eq!((of(&reports, "agents").quarantined, of(&reports, "agents").complete), (0, true), "kept all the same");
    let found: Vec<(String, Surprise, String)> = drift(&lab)
        .into_iter()
        .filter(|one| ["brandNew", "machineType", "coreCount"].contains(&one.path.as_str()))
        .map(|one| (one.path, one.kind, one.example))
        .collect();
    assert_eq!(
        found,
        [
            ("brandNew".to_owned(), Surprise::NewField, r#"{"inside":1}"#.to_owned()),
            ("coreCount".to_owned(), Surprise::OtherType, r#""four""#.to_owned()),
            ("machineType".to_owned(), Surprise::NewValue, r#""toaster""#.to_owned()),
        ]
    );
    let times: u64 = drift(&lab).iter().filter(|one| one.path == "brandNew").map(|one| one.times).sum();
    assert!(times > 0 && times < lab.sim.agent_ids().len() as u64, "a sample, not every record: {times}");
}

fn what_is_kept_aside_does_not_fill_the_disk(database: &Database) {
    let mut lab = Build { page_max: 9, ..Build::default() }.on(database.open(SLICES));
    lab.transport = crate::faults::edited(&lab, |path, data| {
        if let ("/web/api/v2.1/agents", [first, ..]) = (path, data.as_mut_slice()) {
            first.as_object_mut().unwrap().remove("id");
        }
    });
    lab.connect();
    let (org, id) = (OrgId::DEFAULT, lab.integration().id);
    let fill = move |tx: &mut store::Tx<'_>| {
        tx.execute(
            "INSERT INTO sync_quarantine (org_id, integration_id, stream, raw_hash, reason, sweep_id, page, place, size, \
             bytes, first_seen_at, translator) VALUES ($1, $2, 'agents', $3, 'large', 1, 0, 0, $4, $3, 0, $5)",
            &[
                org.into(),
                id.into(),
                (&[1u8; 32]).into(),
                (sync::QUARANTINE_BYTES_MAX - 5000).into(),
                sync::TRANSLATOR_VERSION.into(),
            ],
        )
    };
    lab.store.write_blocking::<_, store::StoreError, _>(fill).unwrap();
    let agents = of(&lab.sync_streams(&["agents"]), "agents").clone();
    let kept: Vec<Aside> = aside(&lab).into_iter().filter(|one| one.reason == "it has no id").collect();
    assert!(kept.len() > 2 && kept.len() as u64 <= agents.quarantined, "{agents:?}");
    let of_bytes = |one: &&Aside| one.kept;
    let bytes: u64 = kept.iter().filter(of_bytes).filter_map(|one| one.size).sum();
    assert!(bytes <= 5000 && kept.iter().any(|one| !one.kept), "{bytes} bytes of {} records", kept.len());
    assert!(kept.iter().all(|one| one.size.is_some_and(|size| size > 500)), "what is not kept is known by its size");
}
