//! How an integration fares: what was found, what it means, and the one next step that helps. Pure.
//!
//! No two states ask for the same wrong thing: only a token that `GET /user` refuses asks for a new one.

use sentinelone::{ApiError, Failure, Form, TransportError};
use serde::Serialize;

use crate::IntegrationState;
use crate::import::Format;
use crate::report::{RATE_LIMITED_INTERVAL, StreamStatus};
use crate::schedule::interval_words;
use crate::stream::Stream;

/// A difference between the console's clock and ours that is worth a word, in seconds.
pub const CLOCK_SKEW_MAX: i64 = 5 * 60;

/// Why an integration is in its state, where the state alone does not say what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The console keeps asking for fewer requests (429).
    RateLimited,
    /// More records vanished at once than is believed without a person's word.
    RemovalsHeld,
    /// The token sees less than it did when it was connected.
    ScopeNarrowed,
    /// A module that was read before is not available any more.
    ModuleLost,
    /// The console's clock and ours differ by more than [`CLOCK_SKEW_MAX`].
    ClockSkew,
    /// A stream that every integration needs is not available to this token.
    CoreMissing,
    /// The console's own count is higher than what it shows, or it stopped answering in between.
    CutShort,
    /// The name has no address.
    Dns,
    /// Nothing listens at the address and port.
    Port,
    /// No connection came about in time.
    NoConnection,
    /// The connection is not secure, and not because of the certificate.
    Tls,
    /// The console answers with an error, too late, or breaks off.
    Http,
    /// It was a console, and answers with something else just now: a page of maintenance, a proxy.
    NotData,
    /// What answers there never was a console.
    NotAConsole,
    /// The certificate cannot be trusted.
    Certificate,
    /// The Explorer that it runs at does not answer.
    Explorer,
    /// The saved credential that it reads with was taken away: its grant was revoked, or it is gone.
    CredentialGone,
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 17] = [
        Why::RateLimited,
        Why::RemovalsHeld,
        Why::ScopeNarrowed,
        Why::ModuleLost,
        Why::ClockSkew,
        Why::CoreMissing,
        Why::CutShort,
        Why::Dns,
        Why::Port,
        Why::NoConnection,
        Why::Tls,
        Why::Http,
        Why::NotData,
        Why::NotAConsole,
        Why::Certificate,
        Why::Explorer,
        Why::CredentialGone,
    ];

    /// The word that `--json` uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Why::RateLimited => "rate_limited",
            Why::RemovalsHeld => "removals_held",
            Why::ScopeNarrowed => "scope_narrowed",
            Why::ModuleLost => "module_lost",
            Why::ClockSkew => "clock_skew",
            Why::CoreMissing => "core_missing",
            Why::CutShort => "cut_short",
            Why::Dns => "dns",
            Why::Port => "port",
            Why::NoConnection => "no_connection",
            Why::Tls => "tls",
            Why::Http => "http",
            Why::NotData => "not_data",
            Why::NotAConsole => "not_a_console",
            Why::Certificate => "certificate",
            Why::Explorer => "explorer",
            Why::CredentialGone => "credential_gone",
        }
    }

    /// The state that it is a reason for.
    #[must_use]
    pub const fn state(self) -> IntegrationState {
        match self {
            Why::RateLimited | Why::RemovalsHeld | Why::ScopeNarrowed | Why::ModuleLost | Why::ClockSkew => {
                IntegrationState::Degraded
            }
            Why::CoreMissing | Why::CutShort => IntegrationState::Incomplete,
            Why::Dns | Why::Port | Why::NoConnection | Why::Tls | Why::Http | Why::NotData | Why::Explorer => {
                IntegrationState::Unreachable
            }
            Why::NotAConsole | Why::Certificate | Why::CredentialGone => IntegrationState::Invalid,
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Why> {
        Why::ALL.into_iter().find(|why| why.word() == word)
    }
}

/// A colour that says whether somebody has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// Every enabled stream completed a sweep within its last two intervals.
    Green,
    /// The first sync is not over, or something is not as it should be and may pass by itself.
    Amber,
    /// Nothing gets better until a person acts.
    Red,
    /// Switched off.
    Grey,
}

impl Light {
    /// The word that tables and `--json` use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Light::Green => "green",
            Light::Amber => "amber",
            Light::Red => "red",
            Light::Grey => "grey",
        }
    }
}

/// What stops the whole integration: found by a sweep or a probe, gone when a probe succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The state.
    pub state: IntegrationState,
    /// Why.
    pub why: Option<Why>,
    /// What happened, in a clause.
    pub detail: String,
}

/// One stream, as far as the integration's state depends on it.
#[derive(Clone, Debug)]
pub struct StreamFacts {
    /// The stream.
    pub stream: &'static Stream,
    /// Whether it is read.
    pub enabled: bool,
    /// How its latest sweep ended.
    pub status: Option<StreamStatus>,
    /// Why, in words.
    pub reason: Option<String>,
    /// Whether a sweep was ever complete.
    pub was_complete: bool,
}

/// Everything that an integration's state follows from.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Whether the integration is switched on.
    pub enabled: bool,
    /// What stops it as a whole.
    pub trouble: Option<&'a Trouble>,
    /// Its streams.
    pub streams: &'a [StreamFacts],
    /// How many records wait for somebody to say that they are really gone, by stream.
    pub held: &'a [(String, u64)],
    /// What the token does not see any more, in words.
    pub narrowed: Option<&'a str>,
    /// The console's clock minus ours, in seconds.
    pub clock_skew: Option<i64>,
}

/// How an integration fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The state.
    pub state: IntegrationState,
    /// Why, where the state alone does not say what to do.
    pub why: Option<Why>,
    /// The stream that it is about, if it is about one.
    pub subject: Option<String>,
    /// What happened, in a clause; empty when all is well.
    pub detail: String,
}

impl Assessment {
    fn of(state: IntegrationState) -> Assessment {
        Assessment { state, why: None, subject: None, detail: String::new() }
    }
}

/// Decides how an integration fares; the worst that is true wins.
#[must_use]
pub fn assess(facts: &Facts<'_>) -> Assessment {
    if !facts.enabled {
        return Assessment::of(IntegrationState::Paused);
    }
    if let Some(trouble) = facts.trouble {
        return Assessment { state: trouble.state, why: trouble.why, subject: None, detail: trouble.detail.clone() };
    }
    let enabled = || facts.streams.iter().filter(|facts| facts.enabled);
    let about = |state, why, facts: &StreamFacts, words: &str| {
        let name = facts.stream.name;
        let reason = facts.reason.as_deref().unwrap_or("no reason was given");
        let between = if words.is_empty() { ": " } else { words };
        Assessment { state, why: Some(why), subject: Some(name.to_owned()), detail: format!("{name}{between}{reason}") }
    };
    // A token that was refused for one stream and works again: only a probe or the next sweep knows, and `trouble` says so.
    if let Some(worst) = enabled().find(|facts| facts.stream.core && facts.status == Some(StreamStatus::Unreachable)) {
        return about(IntegrationState::Unreachable, Why::Http, worst, "");
    }
    if let Some(missing) = enabled().find(|facts| facts.stream.core && facts.status == Some(StreamStatus::NotAvailable))
    {
        return about(IntegrationState::Incomplete, Why::CoreMissing, missing, " is not available: ");
    }
    let incomplete = |facts: &&StreamFacts| facts.status == Some(StreamStatus::Incomplete);
    if let Some(short) = enabled().find(incomplete) {
        return about(IntegrationState::Incomplete, Why::CutShort, short, "");
    }
    if let Some(throttled) = enabled().find(|facts| facts.status == Some(StreamStatus::RateLimited)) {
        return about(IntegrationState::Degraded, Why::RateLimited, throttled, "");
    }
    if let Some((stream, count)) = facts.held.first() {
        let detail = match count {
            1 => format!("1 record of {stream} is missing from complete sweeps, more of them than is believed at once"),
            _ => format!("{count} records of {stream} are missing from complete sweeps, more than is believed at once"),
        };
        return Assessment {
            state: IntegrationState::Degraded,
            why: Some(Why::RemovalsHeld),
            subject: Some(stream.clone()),
            detail,
        };
    }
    if let Some(narrowed) = facts.narrowed {
        return Assessment {
            state: IntegrationState::Degraded,
            why: Some(Why::ScopeNarrowed),
            subject: None,
            detail: narrowed.to_owned(),
        };
    }
    let lost = |facts: &&StreamFacts| facts.status == Some(StreamStatus::NotAvailable) && facts.was_complete;
    if let Some(lost) = enabled().find(lost) {
        return about(IntegrationState::Degraded, Why::ModuleLost, lost, " was read before and is not available now: ");
    }
    if let Some(skew) = facts.clock_skew.filter(|skew| skew.abs() > CLOCK_SKEW_MAX) {
        let (ahead, seconds) = if skew > 0 { ("ahead of", skew) } else { ("behind", -skew) };
        return Assessment {
            state: IntegrationState::Degraded,
            why: Some(Why::ClockSkew),
            subject: None,
            detail: format!("the console's clock is {} {ahead} this machine's", rough(seconds)),
        };
    }
    if enabled().any(|facts| !matches!(facts.status, Some(status) if status != StreamStatus::NotTried)) {
        return Assessment::of(IntegrationState::Syncing);
    }
    Assessment::of(IntegrationState::Connected)
}

/// What a failed request says about the whole integration; `worked` if the console ever gave data. Nothing for an answer
/// that concerns the request only.
#[must_use]
pub fn trouble(error: &ApiError, worked: bool) -> Trouble {
    use IntegrationState::{AuthenticationFailed, Degraded, Invalid, PermissionMissing, Unreachable};
    let stranger = if worked { (Unreachable, Why::NotData) } else { (Invalid, Why::NotAConsole) };
    let (state, why) = match error.failure() {
        Failure::Transport(TransportError::Dns) => (Unreachable, Some(Why::Dns)),
        Failure::Transport(TransportError::Refused) => (Unreachable, Some(Why::Port)),
        Failure::Transport(TransportError::ConnectTimeout { .. } | TransportError::Private) => {
            (Unreachable, Some(Why::NoConnection))
        }
        Failure::Transport(TransportError::Tls { reason }) if is_certificate(reason) => {
            (Invalid, Some(Why::Certificate))
        }
        Failure::Transport(TransportError::Tls { .. }) => (Unreachable, Some(Why::Tls)),
        Failure::Transport(TransportError::Relay { .. }) => (Unreachable, Some(Why::Explorer)),
        Failure::NotAConsole { .. } | Failure::Shape { .. } | Failure::Unreadable { truncated: false, .. } => {
            (stranger.0, Some(stranger.1))
        }
        Failure::Status(answer) => match answer.status {
            401 => (AuthenticationFailed, None),
            403 => (PermissionMissing, None),
            429 => (Degraded, Some(Why::RateLimited)),
            // 404 of a web server that knows no such path; the console's own 404 is JSON.
            404 if !matches!(answer.form, Form::Errors | Form::Message) => (stranger.0, Some(stranger.1)),
            _ => (Unreachable, Some(Why::Http)),
        },
        _ => (Unreachable, Some(Why::Http)),
    };
    Trouble { state, why, detail: error.to_string() }
}

fn is_certificate(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("certificate")
}

/// Who is meant, for words that name commands.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The integration's name.
    pub name: &'a str,
    /// The stream, if it is about one.
    pub subject: Option<&'a str>,
    /// The console's host.
    pub host: &'a str,
}

/// Every state with every reason that it is seen with, in the order in which they are explained.
#[must_use]
pub fn every_state() -> Vec<(IntegrationState, Option<Why>)> {
    let mut all = Vec::new();
    for state in IntegrationState::ALL {
        let before = all.len();
        all.extend(Why::ALL.into_iter().filter(|why| why.state() == state).map(|why| (state, Some(why))));
        if all.len() == before {
            all.push((state, None));
        }
    }
    all
}

/// What a state means, in one sentence.
#[must_use]
pub fn meaning(state: IntegrationState, why: Option<Why>) -> &'static str {
    use IntegrationState as S;
    match (state, why) {
        (S::Connected, _) => "every stream that is read was proven complete",
        (S::Syncing, _) => "the first sync is not over; until then answers are about a part of the fleet",
        (S::Degraded, Some(Why::RateLimited)) => {
            "the console gives fewer answers than are asked for; what it gave is kept, the rest comes later"
        }
        (S::Degraded, Some(Why::RemovalsHeld)) => {
            "so many records vanished at once that nothing was retired; they count as present until somebody decides"
        }
        (S::Degraded, Some(Why::ScopeNarrowed)) => {
            "what the token no longer sees is kept as it was, and nothing was retired for it"
        }
        (S::Degraded, Some(Why::ModuleLost)) => "what that module said before is kept and grows old",
        (S::Degraded, Some(Why::ClockSkew)) => {
            "nothing is lost, since only the console's clock decides what is read; ages shown here are off by as much"
        }
        (S::Degraded, _) => "everything is read, but not as it should be",
        (S::Incomplete, Some(Why::CoreMissing)) => "answers are about a part of what the console knows",
        (S::Incomplete, _) => {
            "what was read is kept, nothing was retired, and the next sweep goes on where this one stopped"
        }
        (S::Unreachable, Some(Why::Dns)) => "no server was reached: the console's name has no address from here",
        (S::Unreachable, Some(Why::Port)) => "the name has an address, but nothing listens there",
        (S::Unreachable, Some(Why::NoConnection)) => "the name has an address, but no connection came about in time",
        (S::Unreachable, Some(Why::Tls)) => "something listens there that does not speak TLS as a console does",
        (S::Unreachable, Some(Why::NotData)) => {
            "the console answers with a page instead of data, as during maintenance or behind a proxy"
        }
        (S::Unreachable, Some(Why::Explorer)) => {
            "the Explorer that asks the console for us does not answer; what was read is kept, and reading goes on by itself"
        }
        (S::Unreachable, _) => "the console is there, but does not give what it is asked for",
        (S::Invalid, Some(Why::Certificate)) => {
            "whoever answers cannot prove to be the console, so nothing was sent to it"
        }
        (S::Invalid, Some(Why::CredentialGone)) => {
            "it has nothing to sign in with, so the console is not asked; everything that was read is kept"
        }
        (S::Invalid, _) => "something answers at that address, and it is not a SentinelOne console",
        (S::PermissionMissing, _) => "the token works, but its user may not read what every integration needs",
        (S::AuthenticationFailed, _) => "the console does not accept the token: it ended, was revoked, or was replaced",
        (S::Paused, _) => "somebody switched it off; everything read so far is kept",
    }
}

/// The next step that helps, as a clause; empty if there is nothing to do.
#[must_use]
pub fn next_step(state: IntegrationState, why: Option<Why>, about: About<'_>) -> String {
    use IntegrationState as S;
    let About { name, host, .. } = about;
    let subject = about.subject.unwrap_or("STREAM");
    match (state, why) {
        (S::Connected, _) => String::new(),
        (S::Syncing, _) => "wait; muster doctor shows how far it is".to_owned(),
        (S::Degraded, Some(Why::RateLimited)) => format!(
            "ask for it less often, every {}: muster integration set {name} --interval {subject}=15m",
            interval_words(RATE_LIMITED_INTERVAL)
        ),
        (S::Degraded, Some(Why::RemovalsHeld)) => format!(
            "look at the console; if they are really gone: {}",
            accept_removals(name, subject)
        ),
        (S::Degraded, Some(Why::ScopeNarrowed)) => format!(
            "ask the console's administrator for the old scope; if the new one is meant, say so by connecting again: muster \
             connect {host} --name {name} --token-file FILE"
        ),
        (S::Degraded, Some(Why::ModuleLost)) => format!(
            "ask the console's administrator whether its licence or the role changed; if it stays so: muster integration \
             set {name} --without {subject}"
        ),
        (S::Degraded, Some(Why::ClockSkew)) => {
            "set this machine's clock by a time server; if it is right, tell the console's operator".to_owned()
        }
        (S::Degraded, _) => "look at its streams: muster integration show ".to_owned() + name,
        (S::Incomplete, Some(Why::CoreMissing)) => format!(
            "ask the console's administrator to let the token's user read {subject}: the role Viewer is enough"
        ),
        (S::Incomplete, _) => format!("try again: muster sync {name} --stream {subject}"),
        (S::Unreachable, Some(Why::Dns)) => on_premises(host, "check the spelling of the address and this machine's DNS"),
        (S::Unreachable, Some(Why::Port | Why::NoConnection)) => {
            on_premises(host, "check the port, and the firewall or proxy between here and the console")
        }
        (S::Unreachable, Some(Why::Tls)) => {
            "check that the address is the console's own, and whether a proxy in between breaks TLS open".to_owned()
        }
        (S::Unreachable, Some(Why::NotData)) => {
            "open the console in a browser; if it works there, a proxy on the way from here is at fault".to_owned()
        }
        (S::Unreachable, Some(Why::Explorer)) => {
            "see whether the Explorer's machine is on and muster explorer runs there, and whether it reaches this server"
                .to_owned()
        }
        (S::Unreachable, _) => {
            "wait, it is tried again by itself; if it lasts, look at the console's status page or ask its operator"
                .to_owned()
        }
        (S::Invalid, Some(Why::Certificate)) => format!(
            "check that {host} is the console's name as its certificate has it, and that this machine trusts whoever \
             signed it"
        ),
        (S::Invalid, Some(Why::CredentialGone)) => format!(
            "choose another credential on its page, or have the old one granted again; with a token of its own: muster connect \
             {host} --name {name} --token-file FILE"
        ),
        (S::Invalid, _) => {
            "compare the address with the one in your browser when you are signed in to the console, then connect that one"
                .to_owned()
        }
        (S::PermissionMissing, _) => {
            "ask the console's administrator to give the token's user the role Viewer on the scope that should be read; the \
             token itself can stay"
                .to_owned()
        }
        (S::AuthenticationFailed, _) => format!(
            "make a new token in the console (Settings > Users > Service Users), then: muster connect {host} --name {name} \
             --token-file FILE"
        ),
        (S::Paused, _) => format!("switch it on again: muster integration enable {name}"),
    }
}

/// What helps with a token that was just entered and is refused, as a clause: it may have been cut when it was copied.
pub const TOKEN_AGAIN: &str =
    "copy it again, to its end, or make a new one in the console (Settings > Users > Service Users)";

/// The narrowest command that says that the records of one stream are really gone.
pub(crate) fn accept_removals(name: &str, stream: &str) -> String {
    format!("muster sync {name} --stream {stream} --accept-removals")
}

/// The same for a source of files.
pub(crate) fn accept_removals_of_file(format: Format, name: &str) -> String {
    format!("muster import {} FILE --source {name} --accept-removals", format.word())
}

/// What helps, for who has buttons instead of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Nothing has to be done.
    Nothing,
    /// Time, or the console's operator: it is tried again by itself.
    Wait,
    /// A new token: *Reconnect*.
    Reconnect,
    /// Another role or scope for the token's user, at the console: *Re-authorise*.
    Reauthorise,
    /// The right address, or a way to it: *Re-establish*.
    Reestablish,
    /// Another saved credential, or the old one back: *Choose a credential*.
    ChooseCredential,
    /// A person's word on records that vanished: *Decide*.
    Decide,
    /// To ask less often: *Change intervals*.
    SlowDown,
    /// To say that the token's narrower scope is meant: *Reconnect*, or the old scope at the console.
    Scope,
    /// To leave a stream out that the console does not offer any more: *Change streams*.
    LeaveOut,
    /// To set a clock.
    Clock,
    /// To read again: *Sync now*.
    ReadAgain,
    /// To switch it on: *Resume*.
    SwitchOn,
    /// To bring a file.
    BringFile,
    /// To start the demo again, whose console it is.
    StartDemo,
}

impl Remedy {
    /// The verb of its button, if it has one.
    #[must_use]
    pub fn verb(self) -> Option<&'static str> {
        match self {
            Remedy::Nothing | Remedy::Wait | Remedy::Clock | Remedy::BringFile | Remedy::StartDemo => None,
            Remedy::Reconnect => Some("Reconnect"),
            Remedy::Reauthorise | Remedy::Scope => Some("Re-authorise"),
            Remedy::Reestablish => Some("Re-establish"),
            Remedy::ChooseCredential => Some("Choose a credential"),
            Remedy::Decide => Some("Decide"),
            Remedy::SlowDown => Some("Change intervals"),
            Remedy::LeaveOut => Some("Change streams"),
            Remedy::ReadAgain => Some("Sync now"),
            Remedy::SwitchOn => Some("Resume"),
        }
    }

    /// What to do, as a clause that names no command.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Remedy::Nothing => "nothing to do",
            Remedy::Wait => {
                "nothing to do: it is tried again by itself; if it lasts, look at the console's status page or ask its \
                 operator"
            }
            Remedy::Reconnect => {
                "make a new token in the console (Settings > Users > Service Users) and enter it here; everything that was \
                 read, and every checkpoint, is kept"
            }
            Remedy::Reauthorise => {
                "ask the console's administrator to give the token's user the role Viewer on what should be read; the token \
                 itself can stay"
            }
            Remedy::Reestablish => {
                "check the address, its certificate and the way there; a console on premises answers only from inside its \
                 network"
            }
            Remedy::ChooseCredential => {
                "choose another credential, or have the organization that owns the old one grant it again; everything that was \
                 read, and every checkpoint, is kept"
            }
            Remedy::Decide => "look at the console; if the records are really gone, say so here",
            Remedy::SlowDown => "ask for that stream less often: every 15 minutes is usual",
            Remedy::Scope => {
                "ask the console's administrator for the old scope; if the new one is meant, connect again with the same token"
            }
            Remedy::LeaveOut => {
                "ask the console's administrator whether the licence or the role changed; if it stays so, leave that stream out"
            }
            Remedy::Clock => "set this machine's clock by a time server; if it is right, tell the console's operator",
            Remedy::ReadAgain => "read it again; it goes on where it stopped",
            Remedy::SwitchOn => "switch it on again; everything that was read is kept",
            Remedy::BringFile => "import a whole file of this source",
            Remedy::StartDemo => {
                "everything that was read is here to look at; to see it alive, end this service and run muster demo in the same \
                 folder"
            }
        }
    }
}

/// What helps in a state. 401 asks for a token, 403 for a role, an address that is no console's for the address; 429, 5xx
/// and time-outs ask for patience only.
#[must_use]
pub fn remedy(state: IntegrationState, why: Option<Why>) -> Remedy {
    use IntegrationState as S;
    match (state, why) {
        (S::Connected, _) => Remedy::Nothing,
        (S::Syncing, _) => Remedy::Wait,
        (S::Degraded, Some(Why::RateLimited)) => Remedy::SlowDown,
        (S::Degraded, Some(Why::RemovalsHeld)) => Remedy::Decide,
        (S::Degraded, Some(Why::ScopeNarrowed)) => Remedy::Scope,
        (S::Degraded, Some(Why::ModuleLost)) => Remedy::LeaveOut,
        (S::Degraded, Some(Why::ClockSkew)) => Remedy::Clock,
        (S::Degraded, _) => Remedy::Wait,
        (S::Incomplete, Some(Why::CoreMissing)) | (S::PermissionMissing, _) => Remedy::Reauthorise,
        (S::Incomplete, _) => Remedy::ReadAgain,
        (S::Invalid, Some(Why::CredentialGone)) => Remedy::ChooseCredential,
        (S::Unreachable, Some(Why::Dns | Why::Port | Why::NoConnection | Why::Tls)) | (S::Invalid, _) => {
            Remedy::Reestablish
        }
        (S::Unreachable, _) => Remedy::Wait,
        (S::AuthenticationFailed, _) => Remedy::Reconnect,
        (S::Paused, _) => Remedy::SwitchOn,
    }
}

/// For an address inside a private network, or a name that is not the vendor's, being inside may be what is missing.
fn on_premises(host: &str, check: &str) -> String {
    let here = host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
    if here || host.ends_with(".sentinelone.net") {
        check.to_owned()
    } else {
        format!("{check}; a console on premises answers only from inside its network: run Muster there")
    }
}

/// Whether somebody has to act on a state before it gets better.
#[must_use]
pub fn light(assessment: &Assessment, all_fresh: bool) -> Light {
    use IntegrationState as S;
    match assessment.state {
        S::Paused => Light::Grey,
        S::AuthenticationFailed | S::PermissionMissing | S::Invalid => Light::Red,
        // Whether a network or a console comes back is not in our hands, but nobody should overlook it.
        S::Unreachable => Light::Red,
        S::Incomplete if assessment.why == Some(Why::CoreMissing) => Light::Red,
        S::Degraded if assessment.why == Some(Why::RemovalsHeld) => Light::Red,
        S::Incomplete | S::Degraded | S::Syncing => Light::Amber,
        S::Connected if all_fresh => Light::Green,
        S::Connected => Light::Amber,
    }
}

/// What the state of a source of files means, in one sentence.
#[must_use]
pub fn meaning_of_file(state: IntegrationState) -> &'static str {
    match state {
        IntegrationState::Connected => "its last file was whole",
        IntegrationState::Syncing => "no file of it was imported to its end yet",
        IntegrationState::Incomplete => "its last file was a part of one: what it had is kept, and nothing was retired",
        IntegrationState::Paused => "no file of it is imported, and what was imported is kept",
        _ => "so many machines vanished at once that nothing was retired; they count as present until somebody decides",
    }
}

/// The next step that helps a source of files, as a clause; empty if there is nothing to do.
#[must_use]
pub fn next_step_for_file(state: IntegrationState, format: Format, name: &str) -> String {
    let accept = accept_removals_of_file(format, name);
    let format = format.word();
    match state {
        IntegrationState::Connected => String::new(),
        IntegrationState::Paused => format!("switch it on: muster integration enable {name}"),
        IntegrationState::Syncing | IntegrationState::Incomplete => {
            format!("import a whole file: muster import {format} FILE --source {name}")
        }
        _ => format!("look at the file; if they are really gone: {accept}"),
    }
}

/// A length of time in words that need not be exact.
pub(crate) fn rough(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sentinelone::{Endpoint, Instead, Status};

    use super::*;

    fn stream(name: &str, status: Option<StreamStatus>, reason: Option<&str>, was_complete: bool) -> StreamFacts {
        StreamFacts {
            stream: Stream::named(name).unwrap(),
            enabled: true,
            status,
            reason: reason.map(str::to_owned),
            was_complete,
        }
    }

    fn facts(streams: &[StreamFacts]) -> Facts<'_> {
        Facts { enabled: true, trouble: None, streams, held: &[], narrowed: None, clock_skew: None }
    }

    fn fares(streams: &[StreamFacts]) -> (IntegrationState, Option<Why>) {
        let assessment = assess(&facts(streams));
        (assessment.state, assessment.why)
    }

    const COMPLETE: Option<StreamStatus> = Some(StreamStatus::Complete);

    #[test]
    fn the_worst_that_is_true_wins() {
        use IntegrationState as S;
        use StreamStatus as T;
        let good = || stream("agents", COMPLETE, None, true);
        assert_eq!(fares(&[good()]), (S::Connected, None));
        assert_eq!(fares(&[good(), stream("threats", None, None, false)]), (S::Syncing, None));
        assert_eq!(fares(&[good(), stream("threats", Some(T::NotTried), None, false)]), (S::Syncing, None));
        let throttled = || stream("threats", Some(T::RateLimited), Some("the console keeps asking (429)"), true);
        assert_eq!(fares(&[good(), throttled()]), (S::Degraded, Some(Why::RateLimited)));
        let short = || stream("sites", Some(T::Incomplete), Some("the console counts 3 more"), true);
        assert_eq!(fares(&[throttled(), short()]), (S::Incomplete, Some(Why::CutShort)));
        let missing = || stream("threats", Some(T::NotAvailable), Some("403"), true);
        assert_eq!(fares(&[short(), missing()]), (S::Incomplete, Some(Why::CoreMissing)));
        let silent = stream("activities", Some(T::Unreachable), Some("500, 6 tries"), true);
        assert_eq!(fares(&[missing(), silent]), (S::Unreachable, Some(Why::Http)));
        // A module that this console never had is nothing to worry about; one that went away is.
        assert_eq!(fares(&[good(), stream("accounts", Some(T::NotAvailable), None, false)]), (S::Connected, None));
        let lost = stream("accounts", Some(T::NotAvailable), None, true);
        assert_eq!(fares(&[good(), lost]), (S::Degraded, Some(Why::ModuleLost)));
    }

    #[test]
    fn what_concerns_the_whole_console_outweighs_its_streams_and_a_pause_outweighs_everything() {
        let streams = [stream("agents", Some(StreamStatus::Unreachable), None, true)];
        let trouble = Trouble { state: IntegrationState::AuthenticationFailed, why: None, detail: "401".to_owned() };
        let mut all = Facts { trouble: Some(&trouble), ..facts(&streams) };
        assert_eq!(assess(&all).state, IntegrationState::AuthenticationFailed);
        all.enabled = false;
        assert_eq!(assess(&all), Assessment::of(IntegrationState::Paused));
    }

    #[test]
    fn a_stream_that_is_switched_off_troubles_nobody() {
        let mut off = stream("threats", Some(StreamStatus::Unreachable), None, true);
        off.enabled = false;
        assert_eq!(fares(&[stream("agents", COMPLETE, None, true), off]), (IntegrationState::Connected, None));
    }

    #[test]
    fn held_removals_a_narrower_scope_and_a_wrong_clock_degrade() {
        let streams = [stream("agents", COMPLETE, None, true)];
        let held = [("agents".to_owned(), 400)];
        let why = |facts: &Facts<'_>| assess(facts).why;
        let mut all = Facts { clock_skew: Some(301), ..facts(&streams) };
        assert_eq!(why(&all), Some(Why::ClockSkew));
        assert!(assess(&all).detail.contains("5 min ahead of"));
        all.narrowed = Some("it saw two sites");
        assert_eq!(why(&all), Some(Why::ScopeNarrowed));
        all.held = &held;
        assert_eq!(why(&all), Some(Why::RemovalsHeld));
        let close = Facts { clock_skew: Some(-300), ..facts(&streams) };
        assert_eq!(why(&close), None);
    }

    fn error(failure: Failure) -> ApiError {
        ApiError::new(Endpoint::User, "acme.sentinelone.net", None, failure)
    }

    fn status(status: u16, form: Form) -> Failure {
        Failure::Status(Status { status, form, code: None, title: None, detail: None, retry_after: None })
    }

    /// Everything that a request can fail with, and what it says about the integration, before and after it worked.
    fn failures() -> Vec<(Failure, IntegrationState, IntegrationState)> {
        use IntegrationState as S;
        let tls = |reason: &str| Failure::Transport(TransportError::Tls { reason: reason.to_owned() });
        let second = Duration::from_secs(1);
        vec![
            (Failure::Transport(TransportError::Dns), S::Unreachable, S::Unreachable),
            (Failure::Transport(TransportError::Refused), S::Unreachable, S::Unreachable),
            (Failure::Transport(TransportError::ConnectTimeout { after: second }), S::Unreachable, S::Unreachable),
            (Failure::Transport(TransportError::ReadTimeout { after: second }), S::Unreachable, S::Unreachable),
            (Failure::Transport(TransportError::Interrupted { received: 3 }), S::Unreachable, S::Unreachable),
            (tls("invalid peer certificate: Expired"), S::Invalid, S::Invalid),
            (tls("received corrupt message"), S::Unreachable, S::Unreachable),
            (Failure::NotAConsole { what: Instead::Html }, S::Invalid, S::Unreachable),
            (Failure::Shape { what: "no data" }, S::Invalid, S::Unreachable),
            (status(404, Form::Text), S::Invalid, S::Unreachable),
            (status(401, Form::Errors), S::AuthenticationFailed, S::AuthenticationFailed),
            (status(403, Form::Errors), S::PermissionMissing, S::PermissionMissing),
            (status(429, Form::Html), S::Degraded, S::Degraded),
            (status(500, Form::Errors), S::Unreachable, S::Unreachable),
            (status(503, Form::Html), S::Unreachable, S::Unreachable),
        ]
    }

    #[test]
    fn every_failure_has_its_state() {
        for (failure, before, after) in failures() {
            assert_eq!(trouble(&error(failure.clone()), false).state, before, "{failure:?}");
            assert_eq!(trouble(&error(failure.clone()), true).state, after, "{failure:?}");
        }
    }

    fn told(state: IntegrationState, why: Option<Why>) -> String {
        next_step(state, why, About { name: "acme", subject: Some("threats"), host: "acme.sentinelone.net" })
    }

    #[test]
    fn only_a_refused_token_asks_for_a_new_one() {
        for (state, why) in every_state() {
            let asks = told(state, why).contains("new token");
            assert_eq!(asks, state == IntegrationState::AuthenticationFailed, "{state:?} {why:?}");
        }
        for (failure, before, after) in failures() {
            let refused = matches!(&failure, Failure::Status(answer) if answer.status == 401);
            for state in [before, after] {
                assert_eq!(state == IntegrationState::AuthenticationFailed, refused, "{failure:?}");
            }
        }
    }

    #[test]
    fn only_a_refused_token_reconnects_and_what_may_pass_asks_for_patience_only() {
        for (state, why) in every_state() {
            let told = remedy(state, why);
            assert_eq!(told == Remedy::Reconnect, state == IntegrationState::AuthenticationFailed, "{state:?} {why:?}");
            assert!(!told.words().contains("muster "), "{told:?} names a command");
        }
        let first = |failure: &Failure| trouble(&error(failure.clone()), true);
        for (failure, ..) in failures() {
            let found = first(&failure);
            let told = remedy(found.state, found.why);
            if let Failure::Status(answer) = &failure {
                let wanted = match answer.status {
                    401 => Remedy::Reconnect,
                    403 => Remedy::Reauthorise,
                    429 => Remedy::SlowDown,
                    _ => Remedy::Wait,
                };
                assert_eq!(told, wanted, "{failure:?}");
            }
        }
        let timed_out = Failure::Transport(TransportError::ReadTimeout { after: Duration::from_secs(1) });
        let found = first(&timed_out);
        assert_eq!(remedy(found.state, found.why), Remedy::Wait);
    }

    #[test]
    fn no_two_states_ask_for_the_same_step_unless_it_is_the_right_one_for_both() {
        let pairs = every_state();
        for (at, (state, why)) in pairs.iter().enumerate() {
            assert_eq!(told(*state, *why).is_empty(), *state == IntegrationState::Connected, "{state:?}");
            for (other, other_why) in &pairs[at + 1..] {
                // Nothing listens, or nothing connects: the same things are looked at.
                if matches!((why, other_why), (Some(Why::Port), Some(Why::NoConnection))) {
                    continue;
                }
                assert_ne!(told(*state, *why), told(*other, *other_why), "{state:?} {why:?} {other:?} {other_why:?}");
                assert_ne!(meaning(*state, *why), meaning(*other, *other_why), "{state:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_console_on_premises_is_asked_from_inside() {
        let step =
            |host| next_step(IntegrationState::Unreachable, Some(Why::Port), About { name: "x", subject: None, host });
        assert!(step("s1.corp.example").contains("from inside"));
        assert!(!step("acme.sentinelone.net").contains("from inside"));
    }

    #[test]
    fn words_are_read_back_and_lights_follow_the_state() {
        for why in Why::ALL {
            assert_eq!(Why::from_word(why.word()), Some(why));
        }
        for (state, why) in every_state() {
            let assessment = Assessment { state, why, subject: None, detail: String::new() };
            let lit = light(&assessment, true);
            assert_eq!(lit == Light::Green, state == IntegrationState::Connected, "{state:?}");
            assert_eq!(lit == Light::Grey, state == IntegrationState::Paused, "{state:?}");
            assert_ne!(light(&assessment, false), Light::Green);
        }
    }
}
