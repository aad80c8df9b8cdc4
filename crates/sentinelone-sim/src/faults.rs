//! Faults by name, each reproducible from a seed.

use std::fmt;
use std::str::FromStr;

/// One way in which a console, or the network before it, misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// 429 as nginx sends it: HTML, without `Retry-After`.
    Html429,
    /// 429 in HTML with `Retry-After: 1`.
    Html429After,
    /// 200 with a body that stops in the middle.
    Truncated,
    /// 200 with the console's login page in HTML.
    Html200,
    /// The connection is reset before an answer.
    Reset,
    /// The answer takes twelve seconds.
    Slow,
    /// 500 in the console's JSON shape.
    Json500,
    /// 500 in the shape of a Spring service.
    Spring500,
    /// 502 in HTML.
    Html502,
    /// 404 as plain text, from a route that is absent for a moment.
    Text404,
    /// 400 for a cursor that was good; only requests with a cursor.
    Cursor400,
    /// The next cursor equals the one just sent; only list requests with a cursor.
    RepeatCursor,
    /// A page without records that still has a next cursor; only list requests.
    EmptyPage,
    /// The page sent before, again, with the right next cursor; only list requests with a cursor.
    DuplicatePage,
    /// An answer without its `pagination` object; only list requests.
    MissingPagination,
    /// The records of the page in reversed order; only list requests.
    Nonmonotone,
    /// `data` is null in an answer 200; only list requests.
    NullData,
    /// The token in use is revoked for good; this request is still answered.
    Revoke,
    /// The token in use sees one site less from now on.
    ScopeCut,
}

impl Fault {
    /// Every fault, in the order of its declaration.
    pub const ALL: [Fault; 19] = [
        Fault::Html429,
        Fault::Html429After,
        Fault::Truncated,
        Fault::Html200,
        Fault::Reset,
        Fault::Slow,
        Fault::Json500,
        Fault::Spring500,
        Fault::Html502,
        Fault::Text404,
        Fault::Cursor400,
        Fault::RepeatCursor,
        Fault::EmptyPage,
        Fault::DuplicatePage,
        Fault::MissingPagination,
        Fault::Nonmonotone,
        Fault::NullData,
        Fault::Revoke,
        Fault::ScopeCut,
    ];

    /// The faults that a client gets over by trying again: they leave the console unchanged.
    pub const TRANSIENT: [Fault; 10] = [
        Fault::Html429,
        Fault::Html429After,
        Fault::Truncated,
        Fault::Html200,
        Fault::Reset,
        Fault::Slow,
        Fault::Json500,
        Fault::Spring500,
        Fault::Html502,
        Fault::Text404,
    ];

    /// The name by which it is asked for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Html429 => "html429",
            Fault::Html429After => "html429-after",
            Fault::Truncated => "truncated",
            Fault::Html200 => "html200",
            Fault::Reset => "reset",
            Fault::Slow => "slow",
            Fault::Json500 => "json500",
            Fault::Spring500 => "spring500",
            Fault::Html502 => "html502",
            Fault::Text404 => "text404",
            Fault::Cursor400 => "cursor400",
            Fault::RepeatCursor => "repeat-cursor",
            Fault::EmptyPage => "empty-page",
            Fault::DuplicatePage => "duplicate-page",
            Fault::MissingPagination => "missing-pagination",
            Fault::Nonmonotone => "nonmonotone",
            Fault::NullData => "null-data",
            Fault::Revoke => "revoke",
            Fault::ScopeCut => "scope-cut",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No fault has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault named `{0}`")]
pub struct UnknownFault(pub String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Fault, UnknownFault> {
        Fault::ALL.into_iter().find(|f| f.name() == text).ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

/// When a fault is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// On every n-th request that the rule covers, counted from one; several rules with the same n take turns.
    Every(u64),
    /// On so many of a thousand requests that the rule covers, drawn from the plan's seed.
    PerMille(u16),
    /// Once, on the n-th request that the rule covers, counted from one.
    Once(u64),
}

/// One fault, when, and on which paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What happens.
    pub fault: Fault,
    /// When it happens.
    pub rate: Rate,
    /// Only paths that end with this text (`/agents`); absent: every path but `/system/status`.
    pub path: Option<String>,
}

/// The faults of a console. The first rule whose turn it is decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// Decides which requests [`Rate::PerMille`] hits.
    pub seed: u64,
    /// The rules.
    pub rules: Vec<Rule>,
}

impl FaultPlan {
    /// No faults.
    #[must_use]
    pub fn none() -> FaultPlan {
        FaultPlan::default()
    }

    /// One of `faults`, in turn, on every n-th request.
    #[must_use]
    pub fn once_every(n: u64, faults: &[Fault]) -> FaultPlan {
        let rules = faults.iter().map(|&fault| Rule { fault, rate: Rate::Every(n), path: None }).collect();
        FaultPlan { seed: 0, rules }
    }

    /// Each of `faults` on so many of a thousand requests, drawn from `seed`.
    #[must_use]
    pub fn random(seed: u64, per_mille: u16, faults: &[Fault]) -> FaultPlan {
        let rules = faults.iter().map(|&fault| Rule { fault, rate: Rate::PerMille(per_mille), path: None }).collect();
        FaultPlan { seed, rules }
    }

    /// One fault, once, on the n-th request to a path that ends with `path`.
    #[must_use]
    pub fn once(fault: Fault, n: u64, path: &str) -> FaultPlan {
        FaultPlan { seed: 0, rules: vec![Rule { fault, rate: Rate::Once(n), path: Some(path.to_owned()) }] }
    }
}
