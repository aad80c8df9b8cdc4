//! A week of polling, in virtual time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::Keyring;
use jobs::Virtual;
use kernel::OrgId;
use sentinelone::{Token, Transport};
use sentinelone_sim::{Config, tokens};
use store::Store;
use sync::{Connect, Event, Options, Place, WorkerOptions};

use crate::SLICES;
use crate::console::ADDRESS;
use crate::life::{KEY, START};

/// How long a week is.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// How often the worker looks for requests of people, of whom there are none here.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What a week came to.
#[derive(Clone, Debug, Default)]
pub struct Week {
    /// Requests that the engine sent.
    pub requests: u64,
    /// Sweeps that were complete, or of which the console has nothing.
    pub complete: u64,
    /// Sweeps that were neither.
    pub incomplete: u64,
    /// Records received.
    pub fetched: u64,
    /// Records that were new or meant something else.
    pub changed: u64,
    /// Records of which only volatile fields moved.
    pub touched: u64,
    /// Artifacts in the log at the end.
    pub artifacts: u64,
    /// Sweeps, records received and records touched, by stream.
    pub streams: Vec<(&'static str, u64, u64, u64)>,
}

/// Polls a console of `endpoints` for seven days, every stream at its own interval, into a database in memory. Streams
/// named in `without` are left out.
///
/// # Errors
/// What the engine answers, as a sentence.
pub fn week(endpoints: usize, seed: u64, without: &[&str]) -> Result<Week, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let time = Virtual::new(START, seed);
    let world = time.world();
    let clock = world.clock().clone();
    let mut config = Config::new(seed, endpoints, Arc::new(move || clock.now().micros()));
    config.activities = Some(endpoints);
    config.tempo = Some(Duration::from_secs(600));
    let sim = sentinelone_sim::World::new(config);
    let transport = Transport::InProcess(sim.service());
    let store = Store::in_memory(SLICES).map_err(|error| told(&error))?;
    let variable = |name: &str| (name == access::KEY_VARIABLE).then(|| KEY.into());
    let keys = Keyring::load(&variable, std::path::Path::new("/nowhere")).map_err(|error| told(&error))?;
    let org = OrgId::DEFAULT;
    let place = Place { store: &store, world: &world, org, keys: &keys, transport: &transport, who: "week" };
    let order = Connect {
        options: Some(Options {
            without_streams: without.iter().map(|name| (*name).to_owned()).collect(),
            ..Options::default()
        }),
        ..Connect::new(
            sentinelone::Console::parse(ADDRESS).map_err(|error| told(&error))?,
            Token::parse(tokens::GLOBAL).map_err(|error| told(&error))?,
        )
    };
    time.run(sync::connect(place, order)).map_err(|error| told(&error))?;

    let week = Mutex::new(Week::default());
    let said = AtomicU64::new(0);
    let tell = |event: &Event| {
        said.fetch_add(1, Ordering::Relaxed);
        if let Event::StreamFinished { report } = event {
            let mut week = week.lock().unwrap_or_else(PoisonError::into_inner);
            let fine = report.complete || report.status == sync::StreamStatus::NotAvailable;
            week.complete += u64::from(fine);
            week.incomplete += u64::from(!fine);
            week.fetched += report.fetched;
            week.changed += report.created + report.changed;
            week.touched += report.touched;
            let at = week.streams.iter().position(|(name, ..)| *name == report.stream).unwrap_or_else(|| {
                week.streams.push((report.stream, 0, 0, 0));
                week.streams.len() - 1
            });
            let (_, sweeps, fetched, touched) = &mut week.streams[at];
            (*sweeps, *fetched, *touched) =
                (*sweeps + 1, *fetched + report.fetched, *touched + report.touched + report.changed + report.created);
        }
    };
    let options = WorkerOptions { look_every: LOOK_EVERY, alone: true, ..WorkerOptions::named("week") };
    time.run(sync::worker(place, &options, world.sleep(WEEK), &tell)).map_err(|error| told(&error))?;
    let mut week = week.into_inner().unwrap_or_else(PoisonError::into_inner);
    week.requests = sim.journal().total;
    week.artifacts = store
        .read_blocking::<_, signals::SignalsError, _>(move |tx| signals::count(tx, org))
        .map_err(|error| told(&error))?;
    Ok(week)
}
