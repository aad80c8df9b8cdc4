//! Integrations of one organization that read the same console.

use kernel::OrgId;
use sentinelone::{Console, Probe};
use store::Tx;

use crate::connect::sees;
use crate::scope::Scope;
use crate::{Integration, SyncError, checkpoint, standing};

/// Another integration of the organization that reads the console.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The integration.
    pub integration: Integration,
    /// True if its token sees the same accounts or sites, as far as the console says: then everything is read twice.
    pub same: bool,
}

impl Beside {
    /// `acme reads console.example already, and sees the same of it`, as a clause.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Integration { name, console_host, .. } = &self.integration;
        match self.same {
            true => format!("{name} reads {console_host} already, and sees the same of it"),
            false => format!("{name} reads {console_host} too, and sees another part of it"),
        }
    }
}

/// The integrations of an organization that read a console already, in the order of their names; what they see is compared
/// with what a token was just seen to see. Another organization's are nobody's business here.
///
/// # Errors
/// The database fails.
pub fn beside(tx: &mut Tx<'_>, org: OrgId, console: &Console, seen: &Probe) -> Result<Vec<Beside>, SyncError> {
    let (host, now_seen) = (console.authority(), sees(seen));
    let known = checkpoint::integrations(tx, org)?;
    known
        .into_iter()
        .filter(|of| !of.connector.is_file() && of.console_host == host)
        .map(|integration| {
            let seen = standing::seen_at_first(tx, org, integration.id)?;
            // Where the console does not say what a token sees, it may be the same.
            let same = match (&seen, &now_seen) {
                (Some(before), Some(now)) => Scope::parse(before) == *now,
                _ => true,
            };
            Ok(Beside { integration, same })
        })
        .collect()
}

/// Refuses a console of which another integration sees the same, unless somebody wants both.
pub(crate) fn wanted(
    tx: &mut Tx<'_>,
    org: OrgId,
    console: &Console,
    seen: &Probe,
    all_the_same: bool,
) -> Result<Vec<Beside>, SyncError> {
    let all = beside(tx, org, console, seen)?;
    match all.iter().find(|one| one.same) {
        Some(one) if !all_the_same => Err(SyncError::ReadAlready(Box::new(one.clone()))),
        _ => Ok(all),
    }
}
