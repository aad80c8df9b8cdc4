//! A saved credential that is taken away while an integration reads with it.

use access::{Keep, NewCredential};
use kernel::{CredentialId, OrgId, Secret};
use sentinelone_sim::tokens;
use store::Tx;
use sync::health::{Light, Remedy, Why};
use sync::{IntegrationState, Overview, StreamStatus, SyncError};
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, START};

testkit::on_each_database! {
    an_integration_whose_credential_was_taken_away_says_so_and_goes_on_once_it_is_back,
}

fn write<T: Send + 'static>(lab: &Lab, work: impl FnOnce(&mut Tx<'_>) -> Result<T, SyncError> + Send + 'static) -> T {
    lab.store.write_blocking(work).unwrap()
}

fn overview(lab: &Lab) -> Overview {
    let now = lab.world.now();
    lab.store.read_blocking(move |tx| sync::overviews(tx, OrgId::DEFAULT, now)).unwrap().remove(0)
}

/// A console's token that another organization owns, and grants to the one that reads.
fn granted(lab: &Lab) -> (OrgId, CredentialId) {
    let keys = lab.place().keys.clone();
    write(lab, move |tx| {
        let ann = access::add_person(tx, "ann@example.com", "Ann", START)?;
        let owner = access::create_org(tx, "Acme Retail", ann, "ann", START)?;
        let keep = Keep::Secret(Secret::new(tokens::GLOBAL.to_owned()));
        let kind = access::CREDENTIAL_KINDS[0].word.to_owned();
        let new =
            NewCredential { name: "shared".to_owned(), kind, url: "https://acme.sentinelone.net".to_owned(), keep };
        let id = access::save_credential(tx, &keys, owner, &new, "ann", START)?;
        access::set_grant(tx, owner, id, OrgId::DEFAULT, true, "ann", START)?;
        Ok((owner, id))
    })
}

fn an_integration_whose_credential_was_taken_away_says_so_and_goes_on_once_it_is_back(database: &Database) {
    let lab = Build::default().on(database.open(SLICES));
    let (owner, id) = granted(&lab);
    let order = sync::Connect { credential: Some(id), ..lab.order(tokens::GLOBAL) };
    lab.time.run(sync::connect(lab.place(), order)).unwrap();
    assert!(lab.sync_streams(&["agents"]).iter().all(|report| report.status == StreamStatus::Complete));

    write(&lab, move |tx| Ok(access::set_grant(tx, owner, id, OrgId::DEFAULT, false, "ann", START)?));
    let asked = || lab.sim.journal().requests.values().sum::<u64>();
    let (before, assets) = (asked(), lab.number("SELECT count(*) FROM inventory_asset"));
    let reports = lab.sync_streams(&["agents", "threats"]);
    assert!(reports.iter().all(|report| report.status == StreamStatus::NotTried), "{reports:?}");
    let why = reports[0].reason.as_deref().unwrap();
    assert!(why.starts_with("not tried: its saved credential was taken away"), "{why}");
    assert_eq!(asked(), before, "the console is not asked");
    let of = overview(&lab);
    let assessment = of.assessment();
    assert_eq!((assessment.state, assessment.why), (IntegrationState::Invalid, Some(Why::CredentialGone)));
    assert_eq!((of.light(lab.world.now()), of.remedy()), (Light::Red, Remedy::ChooseCredential));
    assert_eq!(of.remedy().verb(), Some("Choose a credential"));
    assert!(assets > 0);
    assert_eq!(lab.number("SELECT count(*) FROM inventory_asset"), assets, "what was read is kept");

    // A worker finds the same, and that it is back.
    let options = sync::WorkerOptions::named("one");
    let work = |long: u64| {
        let stop = lab.world.sleep(std::time::Duration::from_secs(long));
        lab.time.run(sync::worker(lab.place(), &options, stop, &|_| {})).unwrap();
    };
    work(120);
    assert_eq!(overview(&lab).assessment().why, Some(Why::CredentialGone));
    write(&lab, move |tx| Ok(access::set_grant(tx, owner, id, OrgId::DEFAULT, true, "ann", START)?));
    work(600);
    assert_eq!(overview(&lab).assessment().why, None);
    // Removed for good, it is the same again.
    write(&lab, move |tx| Ok(access::remove_credential(tx, owner, id, "ann", START)?));
    lab.sync_streams(&["agents"]);
    assert_eq!(overview(&lab).assessment().why, Some(Why::CredentialGone));
}
