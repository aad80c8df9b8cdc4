//! Scans: nmap looks at networks that somebody named, within bounds, and what it finds goes the way of an imported file
//! ([`crate::import`]): one sweep of a source, of which half a scan retires nothing.
//!
//! Its command line is a list of words that no shell reads, made of numbers and parsed addresses only. Communities go by a
//! file of nmap's folder that nobody else can read, and that is removed once it was read. Users of SNMP v3 never get to nmap,
//! which does not speak it: they are asked for after it, and what they bring is added to its answer.
//!
//! A *scan task* ([`ScanTask`]) is a scan with a name, a site, a time, and what goes with it; a worker runs it
//! ([`crate::worker`]), one at a time in an organization.

mod order;
mod run;
mod snmp;
mod target;
mod task;
mod when;
pub(crate) mod work;

pub use order::{
    COMMUNITIES_MAX, MINUTES_DEFAULT, MINUTES_MAX, OrderError, PORTS_TOP, Ports, RATE_DEFAULT, RATE_MAX, Scan,
};
pub use run::{Far, Running, ScanError, Scanned, Scanner};
pub use snmp::{COMMUNITY, Hash, Logins, USER, USER_NAME_MAX, USER_SECRET_MIN, User, UserError};
pub use target::{
    ADDRESSES_MAX, ALLOWED_DEFAULT, TARGETS_MAX, TargetError, Targets, allowed as networks, allowed_text,
};
pub(crate) use task::let_go;
pub use task::{
    AT_ONCE_PER_ORG, RunStatus, ScanRun, ScanTask, TASKS_MAX, Wanted, add, allow, allowed, ask, cancel, change, remove,
    running, runs, switch, task, task_named, tasks, tasks_with,
};
pub use when::{EVERY_MAX, Unit, When};
pub use work::{EXPLORER_KIND, EXPLORER_SNMP_KIND, ExplorerScan, draft, explore};
