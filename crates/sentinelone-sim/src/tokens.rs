//! The tokens that every simulated console knows from its start. They open nothing but a simulator.

/// A console user's token for the whole console (tenant scope), valid for six months.
pub const GLOBAL: &str = "SimulatedConsoleTokenGlobalViewer00000000000000000000000000000000000000000000001";
/// A console user's token for the first account.
pub const ACCOUNT: &str = "SimulatedConsoleTokenAccountViewer0000000000000000000000000000000000000000000002";
/// A console user's token for the first site of the first account.
pub const SITE: &str = "SimulatedConsoleTokenSiteViewer0000000000000000000000000000000000000000000000003";
/// A service user's token for the first account, valid for a year.
pub const SERVICE: &str = "SimulatedConsoleTokenAccountServiceUser0000000000000000000000000000000000000004";
/// A console user's token for the first account that expired a day before the console's start.
pub const EXPIRED: &str = "SimulatedConsoleTokenExpired000000000000000000000000000000000000000000000000005";
/// A second console user's token for the first account: what a rotation changes to.
pub const SPARE: &str = "SimulatedConsoleTokenAccountSpare00000000000000000000000000000000000000000000006";
