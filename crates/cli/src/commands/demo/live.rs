//! What comes after the tour: the service, over a console that goes on living.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use access::{Keyring, Role};
use kernel::{Clock, OrgId, Random, Secret, Timestamp};
use sentinelone::{Console, Transport};
use sentinelone_sim::{Fault, FaultPlan, Rule, World};
use store::Store;
use sync::OptionsChange;

use super::{NAME, UNPROTECTED, hand_over, program};
use crate::arguments::Demo;
use crate::commands::serve::{Listening, Service};
use crate::failure::{Exit, Failure};
use crate::place::{Place, shell};
use crate::terminal::Terminal;

/// Who signs in.
const LOGIN: &str = "demo@example.com";

/// How often its streams are read, in seconds, so that what happens is soon seen: the shortest there is for what happens most.
const INTERVALS: [(&str, i64); 9] = [
    ("agents", 30),
    ("threats", 30),
    ("activities", 30),
    ("unified_alerts", 60),
    ("groups", 120),
    ("account_policies", 120),
    ("site_policies", 120),
    ("group_policies", 120),
    ("users", 300),
];

/// How long before a warning is due the token is found to end: thirty days, and so much more.
const TOKEN_SPARE: i64 = 5 * 60;

/// Days before its end at which a token is first warned of.
const TOKEN_DAYS: i64 = 30;

/// How often an agent falls silent.
const BEAT: Duration = Duration::from_secs(20);

/// After so many beats the console first asks for fewer requests, and again after each round of so many.
const REFUSED_AT: u64 = 9;
const ROUND: u64 = 30;

/// How long it does: long enough for a reader to give up and say so.
const REFUSED_FOR: i64 = 60_000_000;

/// Where the console's requests for fewer requests are.
const REFUSED: &str = "/threats";

/// How often an agent is looked for that still reports in.
const TRIES: usize = 8;

/// The console's clock: it stands still until it is let go.
#[derive(Clone)]
pub(super) struct Hand {
    /// Where it stands (µs); negative once it moves.
    at: Arc<AtomicI64>,
    /// It never shows an earlier instant.
    start: Timestamp,
}

impl Hand {
    pub(super) fn standing(at: Timestamp, start: Timestamp) -> Hand {
        Hand { at: Arc::new(AtomicI64::new(at.max(start).micros())), start }
    }

    pub(super) fn clock(&self) -> sentinelone_sim::Clock {
        let hand = self.clone();
        Arc::new(move || match hand.at.load(Ordering::Relaxed) {
            at if at >= 0 => at,
            _ => Clock::System.now().max(hand.start).micros(),
        })
    }

    fn let_go(&self) {
        self.at.store(-1, Ordering::Relaxed);
    }
}

/// When the token of a console ends at which somebody will look: soon enough to be warned of meanwhile.
pub(super) fn token_end(now: Timestamp) -> i64 {
    now.plus_seconds(TOKEN_DAYS * 86_400 + TOKEN_SPARE).micros()
}

/// What is served, and to whom it is shown.
pub(super) struct Live<'a> {
    pub demo: &'a Demo,
    pub place: &'a Place,
    pub usual: &'a Place,
    pub store: &'a Store,
    pub world: &'a jobs::World,
    pub keys: &'a Keyring,
    pub terminal: &'a Terminal,
    pub simulated: &'a World,
    pub hand: Hand,
}

impl Live<'_> {
    /// Serves until the signal.
    pub(super) async fn serve(
        &self,
        console: &Console,
        listening: Listening,
        signal: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let password = self.prepare().await?;
        self.terminal.result(&self.told(listening.origin(), &password))?;
        self.hand.let_go();
        let transport = Transport::Beside {
            host: console.host().into(),
            service: self.simulated.service(),
            network: crate::commands::connect::network()?,
        };
        let Live { place, store, world, keys, terminal, .. } = *self;
        let service = Service { place, store, world, keys, transport, terminal };
        tokio::select! {
            served = service.until(signal, Some(listening), true) => served?,
            () = self.happen() => {}
        }
        let folder = shell(&place.data_dir);
        terminal.note(&format!("The demo's data stays in {folder}; the next demo removes it and begins anew."));
        Ok(())
    }

    /// Chooses how often it is read, and makes the person who signs in. Answers their password.
    async fn prepare(&self) -> Result<Secret, Failure> {
        let (now, password) = (self.world.now(), password());
        let hash = access::hash_password(&password, &Random::secret_bytes());
        let write = self.store.write(move |tx| -> Result<(), Failure> {
            let intervals = INTERVALS.map(|(stream, seconds)| (stream.to_owned(), Some(seconds))).to_vec();
            let change = OptionsChange { intervals, ..OptionsChange::default() };
            sync::configure(tx, OrgId::DEFAULT, NAME, &change, NAME, now)?;
            let who = match access::person_by_login(tx, LOGIN)? {
                Some(known) => known.id,
                None => access::add_person(tx, LOGIN, "Demo", now)?,
            };
            access::set_member(tx, OrgId::DEFAULT, who, Role::Admin, NAME, now)?;
            access::set_password(tx, who, &hash, None, NAME, now)?;
            Ok(())
        });
        write.await?;
        Ok(password)
    }

    fn told(&self, origin: &str, password: &Secret) -> String {
        let asked = server::address("/assets", &[("q", UNPROTECTED)]);
        let speed = match self.demo.speed {
            1 => "as fast as a real one".to_owned(),
            speed => format!("{speed} times as fast as a real one, on today's dates"),
        };
        let program = program();
        let lines = [
            ("Open", origin.to_owned()),
            ("Sign in", format!("{LOGIN}   password {}", password.expose())),
            ("Without protection", format!("{origin}{asked}")),
            ("Connect another", format!("{program} simulate, in a second terminal; then Integrations, Connect")),
            ("Ends it", "Ctrl-C".to_owned()),
        ];
        let lines: String = lines.iter().map(|(what, how)| format!("  {what:<18}  {how}\n")).collect();
        format!(
            "{}\n{}\nThe console lives on, {speed}: threats appear, machines come and go, agents fall\n\
             silent, and now and then it asks for fewer requests. Muster reads it every half minute.\n{lines}\n",
            hand_over(self.place, self.usual),
            self.terminal.bold("In the browser")
        )
    }

    /// Lets happen what a console's own days do not bring within minutes. Never ends.
    async fn happen(&self) {
        let mut random = self.world.random();
        for beat in 1_u64.. {
            self.world.sleep(BEAT).await;
            let agents = self.simulated.agent_ids();
            let some = (0..TRIES).filter_map(|_| agents.get(random.below(agents.len().max(1) as u64) as usize));
            let _ = some.into_iter().any(|id| self.simulated.silence(id));
            if beat % ROUND == REFUSED_AT {
                let now = self.world.now().micros();
                let rule = Rule::always(Fault::Html429After).on(REFUSED).between(now, now + REFUSED_FOR);
                self.simulated.set_faults(FaultPlan::of(self.demo.seed, vec![rule]));
            }
        }
    }
}

/// A password that nobody guesses and everybody can type: 80 bits.
fn password() -> Secret {
    const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes: [u8; 16] = Random::secret_bytes();
    let signs: Vec<u8> = bytes.iter().map(|byte| SIGNS[usize::from(byte % 32)]).collect();
    let parts: Vec<&str> = signs.chunks(4).filter_map(|part| std::str::from_utf8(part).ok()).collect();
    Secret::new(parts.join("-"))
}

/// The console of the demo, by its address.
pub(super) fn console(host: &str) -> Result<Console, Failure> {
    Console::parse(host).map_err(|error| Failure::new(Exit::Bug, error.to_string()))
}
