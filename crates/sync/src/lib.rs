#![doc = include_str!("../README.md")]

mod integration;
mod report;

pub use integration::{Integration, IntegrationState, Options, REQUESTS_PER_MINUTE};
pub use report::{Event, ExitClass, StreamReport, StreamStatus, SweepKind};

// Coming as soon as store, access and sentinelone have landed (write against this):
//
// pub struct Place<'a> {                      // where a story takes place; everything it may touch
//     pub store: &'a store::Store,            // opened as the writer
//     pub world: &'a jobs::World,
//     pub org: kernel::OrgId,
//     pub keys: &'a access::...,              // opens and seals credentials (access's own type)
//     pub transport: sentinelone::Transport,  // HTTP, or a service in this process
// }
// pub struct Connect { pub console: sentinelone::Console, pub token: sentinelone::Token, pub name: Option<String>,
//                      pub site: Option<String>, pub options: Option<Options> }
// pub struct Connected { pub integration: Integration, pub probe: sentinelone::Probe, pub rotated: bool }
// pub async fn connect(place: &Place<'_>, order: Connect) -> Result<Connected, SyncError>;
// pub struct Run { pub names: Vec<String> /* empty: all */, pub streams: Vec<String> /* empty: all */, pub full: bool }
// pub async fn run(place: &Place<'_>, run: &Run, tell: &(dyn Fn(&Event) + Sync)) -> Result<Vec<StreamReport>, SyncError>;
// pub async fn integrations(place/store, org) -> Result<Vec<Integration>, SyncError>;      // for doctor and completion
// impl SyncError { pub fn exit_class(&self) -> ExitClass; pub fn help(&self) -> Option<String> /* what to do */ }
// ExitClass::worst(&reports).code()
