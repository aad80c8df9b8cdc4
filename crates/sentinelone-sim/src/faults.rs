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
    /// 429 in HTML with a `Retry-After` that is a date, thirty seconds ahead.
    Html429Date,
    /// 429 in HTML with `Retry-After: 31536000`: a year.
    Html429Absurd,
    /// 503 in HTML, without `Retry-After`.
    Html503,
    /// 503 in HTML with `Retry-After: 5`.
    Html503After,
    /// 401 once, for a token that is good.
    Json401,
    /// 403 once, as a console refuses a role; give the rule a path to refuse one module.
    Json403,
    /// 501 as a console answers for what it does not support.
    Json501,
    /// The token in use may not read the path of this request any more: 403. This request is still answered.
    RoleCut,
    /// 200 with a body of errors.
    Errors200,
    /// 200 with `data` null and errors, as GraphQL fails; only questions in GraphQL.
    GraphqlErrors,
    /// 200 with JSON that stops in the middle, in a body that is whole; only list requests.
    CutJson,
    /// A text that is no UTF-8 in the first record; only list requests.
    InvalidUtf8,
    /// A bare `NaN` in the first record; only list requests.
    NotANumber,
    /// Two keys twice in the first record, the true value last; only list requests.
    DuplicateKeys,
    /// A text with U+0000 in the first record; only list requests.
    NulText,
    /// An escape of half a character in the first record; only list requests.
    LoneSurrogate,
    /// The first record nests 10,000 arrays; only list requests.
    Deep,
    /// The first record has a text of nine MiB; only list requests.
    LargeRecord,
    /// A body of 65 MiB, one record; only list requests.
    HugePage,
    /// A small compressed body that unpacks to 512 MiB; only clients that accept gzip.
    GzipBomb,
    /// Among the records a number, a text, and an object without an id; only list requests.
    StrangeRecord,
    /// A field that no specification has, in every record; only list requests.
    NewField,
    /// A value that no list has, in the first record; only list requests.
    NewEnum,
    /// Ids are numbers instead of texts; only list requests.
    TypeChange,
    /// The first record lacks its times; only list requests.
    MissingTime,
    /// The times of the first record lie two days ahead; only list requests.
    FutureRecord,
    /// The same page for ever, each with a new cursor; only list requests, and only while the rule is due.
    EndlessPage,
    /// The last page's next cursor is an empty text, not null; only list requests.
    CursorEmptyText,
    /// The last page has no next cursor at all; only list requests.
    CursorAbsent,
    /// The next cursor arrives percent-encoded; only list requests.
    CursorEncoded,
    /// The page leaves out a record that it should hold; only list requests.
    LostRecord,
    /// `totalItems` is one too high; only list requests.
    TotalTooHigh,
    /// `totalItems` is one too low; only list requests.
    TotalTooLow,
    /// While the page is read, some agents and threats change; only list requests.
    Churn,
    /// Nothing comes for ten minutes.
    SlowHead,
    /// The body comes a few bytes a second.
    SlowBody,
    /// The connection is reset after some KiB of the body, as many as the plan's seed says.
    ResetLate,
    /// The `Date` header is ten minutes ahead.
    DateAhead,
    /// The `Date` header is ten minutes behind.
    DateBehind,
    /// There is no `Date` header.
    DateMissing,
    /// The `Date` header is no date.
    DateGarbage,
}

impl Fault {
    /// Every fault, in the order of its declaration.
    pub const ALL: [Fault; 60] = [
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
        Fault::Html429Date,
        Fault::Html429Absurd,
        Fault::Html503,
        Fault::Html503After,
        Fault::Json401,
        Fault::Json403,
        Fault::Json501,
        Fault::RoleCut,
        Fault::Errors200,
        Fault::GraphqlErrors,
        Fault::CutJson,
        Fault::InvalidUtf8,
        Fault::NotANumber,
        Fault::DuplicateKeys,
        Fault::NulText,
        Fault::LoneSurrogate,
        Fault::Deep,
        Fault::LargeRecord,
        Fault::HugePage,
        Fault::GzipBomb,
        Fault::StrangeRecord,
        Fault::NewField,
        Fault::NewEnum,
        Fault::TypeChange,
        Fault::MissingTime,
        Fault::FutureRecord,
        Fault::EndlessPage,
        Fault::CursorEmptyText,
        Fault::CursorAbsent,
        Fault::CursorEncoded,
        Fault::LostRecord,
        Fault::TotalTooHigh,
        Fault::TotalTooLow,
        Fault::Churn,
        Fault::SlowHead,
        Fault::SlowBody,
        Fault::ResetLate,
        Fault::DateAhead,
        Fault::DateBehind,
        Fault::DateMissing,
        Fault::DateGarbage,
    ];

    /// Whether it changes what the console or a token is from then on, so that trying again does not help.
    #[must_use]
    pub fn lasts(self) -> bool {
        matches!(self, Fault::Revoke | Fault::ScopeCut | Fault::RoleCut | Fault::Churn)
    }

    /// Whether only requests for pages of records can meet it.
    #[must_use]
    pub fn is_of_lists(self) -> bool {
        self.is_of_cursors()
            || matches!(
                self,
                Fault::EmptyPage
                    | Fault::MissingPagination
                    | Fault::Nonmonotone
                    | Fault::NullData
                    | Fault::CutJson
                    | Fault::InvalidUtf8
                    | Fault::NotANumber
                    | Fault::DuplicateKeys
                    | Fault::NulText
                    | Fault::LoneSurrogate
                    | Fault::Deep
                    | Fault::LargeRecord
                    | Fault::HugePage
                    | Fault::StrangeRecord
                    | Fault::NewField
                    | Fault::NewEnum
                    | Fault::TypeChange
                    | Fault::MissingTime
                    | Fault::FutureRecord
                    | Fault::EndlessPage
                    | Fault::CursorEmptyText
                    | Fault::CursorAbsent
                    | Fault::CursorEncoded
                    | Fault::LostRecord
                    | Fault::TotalTooHigh
                    | Fault::TotalTooLow
                    | Fault::Churn
            )
    }

    /// Whether only requests with a cursor can meet it.
    #[must_use]
    pub fn is_of_cursors(self) -> bool {
        matches!(self, Fault::Cursor400 | Fault::RepeatCursor | Fault::DuplicatePage)
    }

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
            Fault::Html429Date => "html429-date",
            Fault::Html429Absurd => "html429-absurd",
            Fault::Html503 => "html503",
            Fault::Html503After => "html503-after",
            Fault::Json401 => "json401",
            Fault::Json403 => "json403",
            Fault::Json501 => "json501",
            Fault::RoleCut => "role-cut",
            Fault::Errors200 => "errors200",
            Fault::GraphqlErrors => "graphql-errors",
            Fault::CutJson => "cut-json",
            Fault::InvalidUtf8 => "invalid-utf8",
            Fault::NotANumber => "nan",
            Fault::DuplicateKeys => "duplicate-keys",
            Fault::NulText => "nul-text",
            Fault::LoneSurrogate => "lone-surrogate",
            Fault::Deep => "deep",
            Fault::LargeRecord => "large-record",
            Fault::HugePage => "huge-page",
            Fault::GzipBomb => "gzip-bomb",
            Fault::StrangeRecord => "strange-record",
            Fault::NewField => "new-field",
            Fault::NewEnum => "new-enum",
            Fault::TypeChange => "type-change",
            Fault::MissingTime => "missing-time",
            Fault::FutureRecord => "future-record",
            Fault::EndlessPage => "endless-page",
            Fault::CursorEmptyText => "cursor-empty-text",
            Fault::CursorAbsent => "cursor-absent",
            Fault::CursorEncoded => "cursor-encoded",
            Fault::LostRecord => "lost-record",
            Fault::TotalTooHigh => "total-too-high",
            Fault::TotalTooLow => "total-too-low",
            Fault::Churn => "churn",
            Fault::SlowHead => "slow-head",
            Fault::SlowBody => "slow-body",
            Fault::ResetLate => "reset-late",
            Fault::DateAhead => "date-ahead",
            Fault::DateBehind => "date-behind",
            Fault::DateMissing => "date-missing",
            Fault::DateGarbage => "date-garbage",
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
    /// On so many requests in a row that the rule covers, beginning with the `first`, counted from one.
    Span {
        /// The first request that meets the fault.
        first: u64,
        /// How many meet it.
        times: u64,
    },
    /// On so many of a thousand requests (1,000: all) while the console's clock is in `from..until` (µs), drawn from the
    /// plan's seed.
    Between {
        /// The first instant.
        from: i64,
        /// The instant after the last.
        until: i64,
        /// How many of a thousand.
        per_mille: u16,
    },
}

/// One fault, when, and on which paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What happens.
    pub fault: Fault,
    /// When it happens.
    pub rate: Rate,
    /// Only paths that end with this text (`/agents`), or that begin with what stands before a star at its end
    /// (`/application-management/*`); absent: every path but `/system/status`.
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

impl Rule {
    /// A fault on every request that it concerns, until the path or the rate is narrowed.
    #[must_use]
    pub fn always(fault: Fault) -> Rule {
        Rule { fault, rate: Rate::Every(1), path: None }
    }

    /// The same rule on these paths only; see [`Rule::path`].
    #[must_use]
    pub fn on(mut self, path: &str) -> Rule {
        self.path = Some(path.to_owned());
        self
    }

    /// The same rule at another rate.
    #[must_use]
    pub fn at(mut self, rate: Rate) -> Rule {
        self.rate = rate;
        self
    }

    /// The same rule on every request while the console's clock is in `from..until` (µs).
    #[must_use]
    pub fn between(self, from: i64, until: i64) -> Rule {
        self.at(Rate::Between { from, until, per_mille: 1000 })
    }

    /// Whether the rule concerns this path (below the API's prefix).
    pub(crate) fn names(&self, route: &str) -> bool {
        self.path.as_deref().is_none_or(|path| match path.strip_suffix('*') {
            Some(begin) => route.starts_with(begin),
            None => route.ends_with(path),
        })
    }
}

impl FaultPlan {
    /// These rules.
    #[must_use]
    pub fn of(seed: u64, rules: Vec<Rule>) -> FaultPlan {
        FaultPlan { seed, rules }
    }

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
