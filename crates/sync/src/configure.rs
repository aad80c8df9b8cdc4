//! Choices changed later: intervals, switches, depth.

use kernel::{OrgId, Timestamp};
use store::Tx;

use crate::integration::INTERVAL_MIN;
use crate::options::ImportChange;
use crate::standing::{self, Found};
use crate::{Integration, Options, Stream, SyncError, checkpoint};

/// What is to be different. What is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Switches the whole integration on or off.
    pub enabled: Option<bool>,
    /// Intervals in seconds by stream; `None` returns to the declared one.
    pub intervals: Vec<(String, Option<i64>)>,
    /// Days between readings of everything at 01:15 UTC; `Some(None)` returns to intervals.
    pub autosync_days: Option<Option<u32>>,
    /// Streams to leave out.
    pub without: Vec<String>,
    /// Streams to read again.
    pub with: Vec<String>,
    /// How many days back history goes; `Some(None)` is everything.
    pub depth_days: Option<Option<u32>>,
    /// Requests a minute with this token.
    pub requests_per_minute: Option<u32>,
    /// Before which instant nothing is read, in seconds since 1970; `Some(None)` is at once.
    pub starts_at: Option<Option<i64>>,
    /// Whether everything is read once only.
    pub once: Option<bool>,
    /// What is imported.
    pub import: ImportChange,
}

impl Change {
    /// Makes the change to a set of choices.
    ///
    /// # Errors
    /// A stream has no such name, an interval is too short, or an option cannot be set so.
    pub fn apply(&self, options: &mut Options) -> Result<(), SyncError> {
        let known = |name: &str| {
            Stream::named(name).map(|_| ()).ok_or_else(|| SyncError::NoSuchStream { name: name.to_owned() })
        };
        for name in self.without.iter().chain(&self.with) {
            known(name)?;
        }
        for (name, seconds) in &self.intervals {
            known(name)?;
            match seconds {
                Some(seconds) => options.intervals.insert(name.clone(), (*seconds).max(INTERVAL_MIN)),
                None => options.intervals.remove(name),
            };
        }
        options.without_streams.retain(|name| !self.with.contains(name));
        for name in &self.without {
            if !options.without_streams.contains(name) {
                options.without_streams.push(name.clone());
            }
        }
        if let Some(enabled) = self.enabled {
            options.enabled = enabled;
        }
        if let Some(days) = self.autosync_days {
            options.autosync_days = days;
        }
        if let Some(days) = self.depth_days {
            options.depth_days = days;
        }
        if let Some(start) = self.starts_at {
            options.starts_at = start;
        }
        if let Some(once) = self.once {
            options.once = once;
        }
        if let Some(rate) = self.requests_per_minute {
            options.requests_per_minute = rate;
        }
        self.import.apply(&mut options.import)
    }
}

/// Hands the inventory what of the choices it goes by itself: on which terms machines come in, and which verdicts fail.
pub(crate) fn take_effect(tx: &mut Tx<'_>, of: &Integration) -> Result<(), SyncError> {
    let import = &of.options.import;
    if inventory::onboard::set_terms(tx, of.org, of.id, &import.terms())? {
        inventory::onboard::unsettle(tx, of.org, of.id)?;
    }
    inventory::verdict::set_verdicts(tx, of.org, of.id, Some(&import.verdicts))?;
    Ok(())
}

/// Changes an integration's choices, and writes down who did. What is stored follows with [`crate::reapply()`], or with
/// the next reading.
///
/// # Errors
/// There is no integration or stream of that name, or the database fails.
pub fn configure(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: &str,
    change: &Change,
    who: &str,
    now: Timestamp,
) -> Result<Integration, SyncError> {
    let mut of = checkpoint::named(tx, org, name)?;
    let before = of.options.clone();
    change.apply(&mut of.options)?;
    if of.options == before {
        return Ok(of);
    }
    let text = checkpoint::keep_options(tx, org, of.id, &of.options, now)?;
    let what = match (before.enabled, of.options.enabled) {
        (true, false) => "integration.disable",
        (false, true) => "integration.enable",
        _ => "integration.configure",
    };
    access::audit(tx, org, now, who, what, &of.name, &text)?;
    take_effect(tx, &of)?;
    standing::settle(tx, org, of.id, &Found::Nothing, now)?;
    let after = checkpoint::integration_named(tx, org, name)?;
    Ok(after.unwrap_or(of))
}

/// Gives one of our sites another name, everywhere, and writes down who did.
///
/// # Errors
/// There is no site of that name, the new one is none or another site's, or the database fails.
pub fn rename_site(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: &str,
    to: &str,
    who: &str,
    now: Timestamp,
) -> Result<(), inventory::site::SiteError> {
    const SET: &str = "UPDATE sync_integration SET site_name = $3 WHERE org_id = $1 AND site_id = $2";
    let site = inventory::site::rename_site(tx, org, name, to, who, now)?;
    tx.execute(SET, &[org.into(), site.into(), to.trim().into()])?;
    Ok(())
}
