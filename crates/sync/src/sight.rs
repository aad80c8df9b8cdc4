//! What a token sees, in our words.

use sentinelone::probe::{ModuleState, Probe};
use sentinelone::request::Endpoint;

/// The role that is enough; others can do more than read.
pub const ROLE_ENOUGH: &str = "Viewer";

/// What the token reads, in our words, and what it does not, with the console's reason. A word for which several places
/// of the console stand is read if one of them answers.
#[must_use]
pub fn modules(probe: &Probe) -> (Vec<&'static str>, Vec<(&'static str, String)>) {
    let (mut reads, mut missing) = (Vec::new(), Vec::new());
    for module in &probe.modules {
        let Some(word) = module_word(module.endpoint) else { continue };
        match &module.state {
            ModuleState::Available { .. } if !reads.contains(&word) => reads.push(word),
            ModuleState::NotAvailable { reason } | ModuleState::Unclear { reason } => {
                missing.push((word, reason.to_string()));
            }
            _ => {}
        }
    }
    missing.retain(|(word, _)| !reads.contains(word));
    missing.dedup_by_key(|(word, _)| *word);
    (reads, missing)
}

fn module_word(endpoint: Endpoint) -> Option<&'static str> {
    Some(match endpoint {
        Endpoint::Agents => "agents",
        Endpoint::Threats => "threats",
        Endpoint::Activities => "activities",
        Endpoint::Accounts => "accounts",
        Endpoint::Sites => "console sites",
        Endpoint::Groups => "console groups",
        Endpoint::TenantPolicy | Endpoint::AccountPolicy | Endpoint::SitePolicy | Endpoint::GroupPolicy => "policies",
        Endpoint::Users => "users",
        Endpoint::ServiceUsers => "service users",
        Endpoint::Roles => "roles",
        Endpoint::Exclusions => "exclusions",
        Endpoint::InstalledApplications | Endpoint::ApplicationInventory => "applications",
        Endpoint::Risks => "vulnerabilities",
        Endpoint::CloudDetectionAlerts => "alerts",
        Endpoint::RangerDevices => "devices without an agent (ranger)",
        Endpoint::XdrAssets => "other assets (xdr)",
        _ => return None,
    })
}
