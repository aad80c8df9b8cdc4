//! [`STREAMS`]: every collection that is read, declared as data.

use sentinelone::Endpoint;

/// One collection of a console and how it is read. Times are in seconds.
#[derive(Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its name; part of every artifact's identity, so it never changes.
    pub name: &'static str,
    /// True if every integration needs it: then a lasting failure means *unreachable*, not *not available*.
    pub core: bool,
    /// Which requests bring it.
    pub source: Source,
    /// Parameters of every request. Spelled out where an undocumented default would decide what is seen.
    pub params: &'static [(&'static str, &'static str)],
    /// What to sort by, ascending. Descending pages lose rows that change under the reader.
    pub sort: Option<&'static str>,
    /// How records that changed since an instant are asked for; `None` reads everything each time.
    pub change: Option<Change>,
    /// How a record is told from another.
    pub identity: Identity,
    /// Fields that move without the record meaning anything else; they make no artifact.
    pub volatile: &'static [Volatile],
    /// True if a row never changes once it exists; its body then stays in the log alone.
    pub immutable: bool,
    /// How often it is read when it is read on its own.
    pub interval: i64,
    /// How far before the watermark a sweep begins: the time a record may take to become visible.
    pub overlap: i64,
    /// After how long a sweep asks for everything again; `None` never, because nothing else can be missed.
    pub full_every: Option<i64>,
    /// How a sweep proves that it was complete.
    pub proof: Proof,
    /// How the engine learns that a record is gone.
    pub removal: Removal,
    /// What is asked for again and again beside the changes, because it moves without its time moving.
    pub reread: Option<Reread>,
    /// What is not known where the console does not offer it, as the rest of a sentence: `no vulnerability is known`.
    pub without: &'static str,
}

/// How the engine learns that a record is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Never: rows of an append-only stream stay true, and one answer that is always there is never gone.
    Never,
    /// By its absence from two complete sweeps of everything in a row, under the same scope.
    Absent,
    /// The record itself says so in a sweep over changes; by absence too, as a sweep of everything does not show it.
    Told {
        /// The field that says it.
        field: &'static str,
        /// What it says then.
        value: &'static str,
    },
}

/// Records that are asked for again beside the changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reread {
    /// Parameters that choose them.
    pub params: &'static [(&'static str, &'static str)],
    /// After how many seconds they are asked for again.
    pub every: i64,
}

/// Which requests bring a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Pages of records.
    Pages(Endpoint),
    /// Pages of records, asked for one account after the other (or one site, for a token of sites): the endpoint takes
    /// exactly one scope.
    Scoped(Endpoint),
    /// One request whose answer is the only record, known by this native id.
    One(Endpoint, &'static str),
    /// One request for each record of another stream; the record's native id is its parent's.
    Each(Endpoint, Parents),
    /// Pages of records for each record of another stream that is new or has changed: enrichment, in a queue of its own
    /// that is drained after everything else.
    Queued(Endpoint, &'static str),
    /// Software on endpoints, from whichever of three generations of the API answers with the fewest requests.
    Software,
    /// Unified alerts: pages in GraphQL.
    Alerts,
    /// No request: somebody brings a file.
    File,
}

/// Whose policies are asked for, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parents {
    /// The console's accounts.
    Accounts,
    /// The console's sites.
    Sites,
    /// The groups that do not inherit; the others have their site's policy (vendor spec, `groups[].inherits`).
    GroupsThatDoNotInherit,
}

impl Parents {
    /// The stream that lists them.
    #[must_use]
    pub fn stream(self) -> &'static str {
        match self {
            Parents::Accounts => "accounts",
            Parents::Sites => "sites",
            Parents::GroupsThatDoNotInherit => "groups",
        }
    }
}

/// How changed records are asked for: `<field>__gte` and, for a window that ends, `<field>__lt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The parameter's stem.
    pub filter: &'static str,
    /// Where a record carries that time.
    pub field: TimeField,
    /// Parameters that only a sweep over changes has.
    pub with: &'static [(&'static str, &'static str)],
}

/// Where a record carries the server's time for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeField {
    /// `createdAt`.
    CreatedAt,
    /// `updatedAt`.
    UpdatedAt,
    /// `threatInfo.updatedAt`: a threat has no time at its top level.
    ThreatUpdatedAt,
    /// `alertInfo.createdAt`: an alert of a custom rule has no time at its top level either.
    AlertCreatedAt,
    /// Nowhere: the watermark is the console's clock when the sweep's first page was sent.
    Nowhere,
}

/// How a record is told from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By `id`; a row without one cannot be kept and is quarantined.
    Id,
    /// By `id`; a row without one is known by the SHA-256 of its canonical JSON, which is right for rows that never
    /// change.
    IdOrContent,
    /// By the text at this path; a row without one cannot be kept and is quarantined.
    Path(&'static str),
    /// By what was asked for: the record carries no id of its own.
    Asked,
    /// By its parent's id and its own, `<parent>:<id>`: the record does not say whose it is.
    OfParent,
    /// By the product's vendor and name within what was asked for: see [`crate::translate::product_id`].
    Product,
    /// By agent, vendor, name and version, whichever generation of the API told; these are also all that the record
    /// means. See [`crate::translate::software_id`].
    Software,
}

/// A field that moves without the record meaning anything else.
#[derive(Debug, PartialEq, Eq)]
pub struct Volatile {
    /// Its path; everything below it is volatile too.
    pub path: &'static str,
    /// Why a new value is no new version of the record.
    pub why: &'static str,
}

/// How a sweep proves that it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Distinct records seen are at least `pagination.totalItems` of the last page.
    Total,
    /// As [`Proof::Total`], but the console's count stops at this number: above it the time is cut into windows,
    /// each counted below it.
    CappedTotal(u64),
    /// Every parent was asked for.
    EveryParent,
    /// The one answer is everything there is.
    Whole,
}

/// Where the console stops counting activities, whatever their number.
pub const ACTIVITIES_COUNT_CAP: u64 = 50_000;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long a record may take to become visible after the instant it is stamped with. Ten minutes is what careful
/// collectors use; nothing is published.
const OVERLAP: i64 = 10 * MINUTE;

const UPDATED_AT: Volatile = Volatile {
    path: "updatedAt",
    why: "moves with every write the console makes to the row, also when no other field differs",
};

/// A threat that is not resolved can change without its `updatedAt` moving.
const OPEN_THREATS: Reread = Reread { params: &[("incidentStatuses", "unresolved,in_progress")], every: 6 * HOUR };

const JOINED_IN: &str =
    "the agent as it is now, joined in by the console at every read; the agents stream has its history";

/// Where a list is one of the tenant's levels and the levels above and below it count too.
const EVERY_LEVEL: &[(&str, &str)] = &[("includeParents", "true"), ("includeChildren", "true")];

/// A list that is read whole each time: few records, and no filter for those that changed.
const LIST: Stream = Stream {
    name: "",
    core: false,
    source: Source::Pages(Endpoint::Users),
    params: &[],
    sort: Some("id"),
    change: None,
    identity: Identity::Id,
    volatile: &[UPDATED_AT],
    immutable: false,
    interval: DAY,
    overlap: 0,
    full_every: None,
    proof: Proof::Total,
    removal: Removal::Absent,
    reread: None,
    without: "",
};

/// A policy is a bare settings object, read for one record at a time.
const POLICY: Stream = Stream {
    name: "",
    core: false,
    source: Source::One(Endpoint::TenantPolicy, ""),
    params: &[],
    sort: None,
    change: None,
    identity: Identity::Asked,
    volatile: &[UPDATED_AT],
    immutable: false,
    interval: DAY,
    overlap: 0,
    full_every: None,
    proof: Proof::EveryParent,
    removal: Removal::Absent,
    reread: None,
    without: "how agents are protected is not known",
};

/// Every stream, in the order in which a pass reads them: what others refer to comes first.
pub static STREAMS: &[Stream] = &[
    Stream {
        name: "accounts",
        core: false,
        source: Source::Pages(Endpoint::Accounts),
        params: &[],
        sort: Some("id"),
        change: None,
        identity: Identity::Id,
        volatile: &[
            UPDATED_AT,
            Volatile { path: "activeAgents", why: "counts agents, which have a stream of their own" },
            Volatile { path: "activeLicenses", why: "follows the number of agents" },
            Volatile { path: "numberOfSites", why: "counts sites, which have a stream of their own" },
        ],
        immutable: false,
        interval: DAY,
        overlap: 0,
        full_every: None,
        proof: Proof::Total,
        removal: Removal::Absent,
        reread: None,
        without: "only the accounts that sites name are known",
    },
    Stream {
        name: "sites",
        core: true,
        source: Source::Pages(Endpoint::Sites),
        params: &[],
        sort: Some("id"),
        change: None,
        identity: Identity::Id,
        volatile: &[UPDATED_AT, Volatile { path: "activeLicenses", why: "follows the number of agents" }],
        immutable: false,
        interval: DAY,
        overlap: 0,
        full_every: None,
        proof: Proof::Total,
        removal: Removal::Absent,
        reread: None,
        without: "the console's sites are not known",
    },
    Stream {
        name: "groups",
        core: true,
        source: Source::Pages(Endpoint::Groups),
        params: &[],
        sort: Some("id"),
        // There is an updatedAt filter, but `totalAgents` and `rank` move without it, and groups are few.
        change: None,
        identity: Identity::Id,
        volatile: &[
            UPDATED_AT,
            Volatile { path: "totalAgents", why: "counts agents, which have a stream of their own" },
        ],
        immutable: false,
        interval: DAY,
        overlap: 0,
        full_every: None,
        proof: Proof::Total,
        removal: Removal::Absent,
        reread: None,
        without: "it is not known which policy applies to which agent",
    },
    Stream {
        name: "agents",
        core: true,
        source: Source::Pages(Endpoint::Agents),
        params: &[("isDecommissioned", "true,false"), ("isUninstalled", "true,false")],
        sort: Some("updatedAt"),
        change: Some(Change { filter: "updatedAt", field: TimeField::UpdatedAt, with: &[] }),
        identity: Identity::Id,
        volatile: &[
            UPDATED_AT,
            Volatile { path: "lastActiveDate", why: "moves with every heartbeat of a living agent" },
            Volatile {
                path: "isActive",
                why: "flips whenever a machine sleeps or wakes; lastActiveDate tells the same story",
            },
            Volatile { path: "osStartTime", why: "moves with every start of the machine" },
            Volatile { path: "externalIp", why: "follows a laptop from network to network; never an identity" },
        ],
        immutable: false,
        interval: HOUR,
        overlap: OVERLAP,
        full_every: Some(DAY),
        proof: Proof::Total,
        removal: Removal::Absent,
        reread: None,
        without: "no endpoint is known",
    },
    Stream {
        name: "threats",
        core: true,
        source: Source::Pages(Endpoint::Threats),
        params: &[],
        sort: Some("updatedAt"),
        change: Some(Change { filter: "updatedAt", field: TimeField::ThreatUpdatedAt, with: &[] }),
        identity: Identity::Id,
        volatile: &[
            Volatile { path: "threatInfo.updatedAt", why: UPDATED_AT.why },
            Volatile { path: "agentRealtimeInfo", why: JOINED_IN },
        ],
        immutable: false,
        interval: 5 * MINUTE,
        overlap: OVERLAP,
        full_every: Some(DAY),
        proof: Proof::Total,
        removal: Removal::Absent,
        reread: Some(OPEN_THREATS),
        without: "no finding is known",
    },
    Stream {
        name: "activities",
        core: true,
        source: Source::Pages(Endpoint::Activities),
        params: &[],
        sort: Some("createdAt"),
        change: Some(Change { filter: "createdAt", field: TimeField::CreatedAt, with: &[] }),
        identity: Identity::IdOrContent,
        volatile: &[],
        immutable: true,
        interval: 10 * MINUTE,
        overlap: OVERLAP,
        full_every: None,
        proof: Proof::CappedTotal(ACTIVITIES_COUNT_CAP),
        removal: Removal::Never,
        reread: None,
        without: "what was done in the console is not known",
    },
    Stream {
        name: "tenant_policy",
        source: Source::One(Endpoint::TenantPolicy, "tenant"),
        proof: Proof::Whole,
        removal: Removal::Never,
        ..POLICY
    },
    Stream { name: "account_policies", source: Source::Each(Endpoint::AccountPolicy, Parents::Accounts), ..POLICY },
    Stream { name: "site_policies", source: Source::Each(Endpoint::SitePolicy, Parents::Sites), ..POLICY },
    Stream {
        name: "group_policies",
        source: Source::Each(Endpoint::GroupPolicy, Parents::GroupsThatDoNotInherit),
        ..POLICY
    },
    Stream {
        name: "activity_types",
        source: Source::Pages(Endpoint::ActivityTypes),
        // The console answers with all of them at once and takes no parameter.
        sort: None,
        volatile: &[],
        proof: Proof::Whole,
        without: "activities have numbers in place of names",
        ..LIST
    },
    Stream {
        name: "users",
        source: Source::Pages(Endpoint::Users),
        volatile: &[Volatile { path: "lastLogin", why: "moves with every login; an activity tells of each" }],
        without: "who may log in to the console is not known",
        ..LIST
    },
    Stream {
        name: "service_users",
        source: Source::Pages(Endpoint::ServiceUsers),
        volatile: &[
            UPDATED_AT,
            Volatile { path: "lastActivation", why: "moves whenever its token is used, ours at every request" },
        ],
        without: "which programs hold tokens of the console is not known",
        ..LIST
    },
    Stream {
        name: "roles",
        source: Source::Pages(Endpoint::Roles),
        params: EVERY_LEVEL,
        volatile: &[
            UPDATED_AT,
            Volatile { path: "usersInRoles", why: "counts users, which have a stream of their own" },
        ],
        without: "which roles there are is not known, only their names where users have them",
        ..LIST
    },
    Stream {
        name: "tags",
        source: Source::Pages(Endpoint::AgentTags),
        params: EVERY_LEVEL,
        // There is no order by id.
        sort: Some("key"),
        without: "tags are known only where an agent has them",
        ..LIST
    },
    Stream {
        name: "exclusions",
        source: Source::Pages(Endpoint::Exclusions),
        params: EVERY_LEVEL,
        without: "what agents leave out of their protection is not known",
        ..LIST
    },
    Stream {
        name: "restrictions",
        source: Source::Pages(Endpoint::Restrictions),
        params: &[("type", "black_hash"), ("includeParents", "true"), ("includeChildren", "true")],
        without: "which files are blocked by their hash is not known",
        ..LIST
    },
    Stream {
        name: "detection_rules",
        source: Source::Pages(Endpoint::CloudDetectionRules),
        // Unless told so, the console leaves out scheduled rules without a word.
        params: &[("isLegacy", "false")],
        volatile: &[
            UPDATED_AT,
            Volatile { path: "generatedAlerts", why: "counts alerts, which have a stream of their own" },
            Volatile { path: "lastAlertTime", why: "moves with every alert, and alerts have a stream of their own" },
        ],
        without: "which custom rules there are is not known",
        ..LIST
    },
    Stream {
        name: "custom_alerts",
        source: Source::Pages(Endpoint::CloudDetectionAlerts),
        sort: Some("alertInfoCreatedAt"),
        // Nothing asks for alerts that changed, so verdicts given later are seen when everything is read again.
        change: Some(Change { filter: "createdAt", field: TimeField::AlertCreatedAt, with: &[] }),
        identity: Identity::Path("alertInfo.alertId"),
        volatile: &[
            Volatile { path: "alertInfo.updatedAt", why: UPDATED_AT.why },
            Volatile { path: "agentRealtimeInfo", why: JOINED_IN },
        ],
        interval: 5 * MINUTE,
        overlap: OVERLAP,
        full_every: Some(DAY),
        without: "no finding of a custom rule is known",
        ..LIST
    },
    Stream {
        name: "unified_alerts",
        source: Source::Alerts,
        sort: None,
        change: Some(Change { filter: "updatedAt", field: TimeField::UpdatedAt, with: &[] }),
        volatile: &[
            UPDATED_AT,
            Volatile { path: "realTime", why: JOINED_IN },
            Volatile { path: "assets.agentVersion", why: JOINED_IN },
            Volatile { path: "assets.lastLoggedInUser", why: JOINED_IN },
            Volatile { path: "assets.osVersion", why: JOINED_IN },
        ],
        interval: 5 * MINUTE,
        overlap: OVERLAP,
        full_every: Some(DAY),
        without: "the console's alerts of other products than its agents are not known",
        ..LIST
    },
    Stream {
        name: "application_inventory",
        source: Source::Scoped(Endpoint::ApplicationInventory),
        sort: Some("applicationName"),
        identity: Identity::Product,
        volatile: &[
            Volatile { path: "applicationVersionsCount", why: "counts versions on agents, which software tells" },
            Volatile { path: "endpointsCount", why: "counts agents that have it, which software tells" },
            Volatile { path: "estimate", why: "says how exact the two counts are" },
        ],
        without: "the console's own list of products is not known",
        ..LIST
    },
    Stream {
        name: "application_settings",
        source: Source::Scoped(Endpoint::ApplicationSettings),
        sort: None,
        identity: Identity::Asked,
        volatile: &[],
        proof: Proof::EveryParent,
        without: "whether agents are scanned for vulnerabilities is not known",
        ..LIST
    },
    Stream {
        name: "applications",
        source: Source::Software,
        // Of the three generations only the first takes it; the others tell of every agent anyway.
        params: &[("agentIsDecommissioned", "true,false")],
        identity: Identity::Software,
        // What makes it itself is also all that it means, so that nothing else can make a version.
        volatile: &[],
        without: "no installed software is known",
        ..LIST
    },
    Stream {
        name: "risks",
        source: Source::Scoped(Endpoint::Risks),
        change: Some(Change {
            filter: "riskUpdatedDate",
            field: TimeField::Nowhere,
            with: &[("includeRemovals", "true")],
        }),
        volatile: &[
            Volatile { path: "daysDetected", why: "moves every day; detectionDate tells the same" },
            Volatile { path: "lastScanDate", why: "moves with every scan, whatever it finds" },
            Volatile { path: "lastScanResult", why: "tells of the last scan of the machine, not of the vulnerability" },
            Volatile { path: "endpointName", why: JOINED_IN },
            Volatile { path: "endpointType", why: JOINED_IN },
            Volatile { path: "osType", why: JOINED_IN },
        ],
        overlap: OVERLAP,
        full_every: Some(7 * DAY),
        removal: Removal::Told { field: "status", value: "Removed" },
        without: "no vulnerability is known",
        ..LIST
    },
    Stream {
        name: "xdr_assets",
        source: Source::Pages(Endpoint::XdrAssets),
        volatile: &[
            Volatile { path: "s1UpdatedAt", why: UPDATED_AT.why },
            Volatile { path: "lastActiveDt", why: "moves whenever the asset is heard of" },
            Volatile { path: "lastUpdateDt", why: UPDATED_AT.why },
            Volatile { path: "lastRebootDt", why: "moves with every start of the machine" },
            Volatile { path: "agent", why: JOINED_IN },
            Volatile { path: "alerts", why: "lists alerts, which have a stream of their own" },
            Volatile { path: "alertsCount", why: "counts alerts, which have a stream of their own" },
        ],
        without: "assets without an agent that the wider inventory lists are not known",
        ..LIST
    },
    Stream {
        name: "ranger_devices",
        source: Source::Scoped(Endpoint::RangerDevices),
        params: &[("period", "latest")],
        volatile: &[
            Volatile { path: "lastSeen", why: "moves whenever the device is seen on the network" },
            Volatile { path: "externalIp", why: "follows a network's way out; never an identity" },
            Volatile { path: "fingerPrintScore", why: "says how sure the console is of what it found, scan by scan" },
        ],
        without: "devices without an agent that agents see on their networks are not known",
        ..LIST
    },
    Stream {
        name: "threat_timeline",
        source: Source::Queued(Endpoint::ThreatTimeline, "threats"),
        sort: Some("createdAt"),
        identity: Identity::OfParent,
        volatile: &[],
        immutable: true,
        interval: 5 * MINUTE,
        removal: Removal::Never,
        without: "what happened around a finding is not known",
        ..LIST
    },
    Stream {
        name: "threat_notes",
        source: Source::Queued(Endpoint::ThreatNotes, "threats"),
        sort: Some("createdAt"),
        identity: Identity::OfParent,
        interval: 5 * MINUTE,
        removal: Removal::Never,
        without: "what people wrote about findings is not known",
        ..LIST
    },
];

/// What a file brings: it is read when somebody imports one, and never by itself.
pub static IMPORTED: &[Stream] = &[Stream {
    name: "hosts",
    core: true,
    source: Source::File,
    params: &[],
    sort: None,
    change: None,
    identity: Identity::Asked,
    volatile: &[
        Volatile { path: "last_seen", why: "moves with every look at a machine that is still there" },
        Volatile {
            path: "volatile",
            why: "what the source measures anew each time, such as when a machine was started",
        },
    ],
    immutable: false,
    interval: 100 * 365 * DAY,
    overlap: 0,
    full_every: None,
    proof: Proof::Whole,
    removal: Removal::Absent,
    reread: None,
    without: "no machine of this file is known",
}];

impl Stream {
    /// The stream of that name, of a console or of a file.
    #[must_use]
    pub fn of_any(name: &str) -> Option<&'static Stream> {
        Stream::named(name).or_else(|| IMPORTED.iter().find(|stream| stream.name == name))
    }

    /// The stream of that name that consoles have.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Stream> {
        STREAMS.iter().find(|stream| stream.name == name)
    }

    /// Whether the log alone keeps bodies of records that are as they were logged: these records are many and small.
    #[must_use]
    pub fn body_in_log(&self) -> bool {
        matches!(self.name, "applications" | "risks")
    }

    /// The request that brings it; of several, the first that is tried.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        match self.source {
            Source::Pages(endpoint)
            | Source::Scoped(endpoint)
            | Source::One(endpoint, _)
            | Source::Each(endpoint, _)
            | Source::Queued(endpoint, _) => endpoint,
            Source::Software => Endpoint::InstalledApplications,
            Source::Alerts => Endpoint::UnifiedAlerts,
            // Nobody asks; it holds no records.
            Source::File => Endpoint::SystemStatus,
        }
    }

    /// True if it is asked for one record at a time, after everything else.
    #[must_use]
    pub fn is_enrichment(&self) -> bool {
        matches!(self.source, Source::Queued(..))
    }

    /// True if a 403 on it stops the whole integration: without agents there is nothing to account for.
    #[must_use]
    pub fn refusal_stops(&self) -> bool {
        matches!(self.source, Source::Pages(Endpoint::Agents))
    }

    /// The number at which the console stops counting, if it does.
    #[must_use]
    pub fn count_cap(&self) -> Option<u64> {
        match self.proof {
            Proof::CappedTotal(cap) => Some(cap),
            Proof::Total | Proof::EveryParent | Proof::Whole => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_streams_are_those_that_every_integration_needs() {
        let core: Vec<_> = STREAMS.iter().filter(|stream| stream.core).map(|stream| stream.name).collect();
        assert_eq!(core, ["sites", "groups", "agents", "threats", "activities"]);
    }

    #[test]
    fn names_are_unique_and_parents_come_before_their_children() {
        for (at, stream) in STREAMS.iter().enumerate() {
            assert_eq!(STREAMS.iter().filter(|other| other.name == stream.name).count(), 1);
            if let Source::Each(_, parents) = stream.source {
                assert!(STREAMS[..at].iter().any(|earlier| earlier.name == parents.stream()));
            }
        }
    }

    #[test]
    fn decommissioned_and_uninstalled_agents_are_asked_for() {
        let agents = Stream::named("agents").unwrap();
        for name in ["isDecommissioned", "isUninstalled"] {
            assert!(agents.params.contains(&(name, "true,false")));
        }
    }

    #[test]
    fn every_change_filter_is_also_the_sort() {
        for stream in STREAMS {
            if let Some(change) = stream.change.filter(|change| change.field != TimeField::Nowhere) {
                // The vendor names an order by where the field is, a filter by its last name.
                let sort = stream.sort.unwrap_or(change.filter);
                assert!(sort.to_lowercase().ends_with(&change.filter.to_lowercase()), "{}", stream.name);
                assert!(stream.overlap > 0, "{}", stream.name);
            }
        }
    }

    #[test]
    fn every_stream_says_what_is_not_known_without_it() {
        for stream in STREAMS {
            assert!(stream.without.len() > 10 && !stream.without.ends_with('.'), "{}", stream.name);
        }
    }

    #[test]
    fn every_volatile_field_says_why() {
        for volatile in STREAMS.iter().flat_map(|stream| stream.volatile) {
            assert!(volatile.why.len() > 20, "{}", volatile.path);
        }
    }
}
