//! How much speaks for one machine, for people to look at. A score merges nothing.

use kernel::Timestamp;
use rustc_hash::FxHashMap;

use super::fact::{Fact, Key, Kind, names_agree, names_conflict};
use super::sharing::Shared;

/// From here on a pair is worth a person's time.
pub const ENOUGH: f64 = 5.0;

/// A shared identifier says so much of what it would say alone.
const SHARED_PART: f64 = 0.25;

/// How much speaks for these two being one machine, in bits: the binary logarithm of how much likelier the common values
/// are if they are. The weights are estimates, in the spirit of Fellegi and Sunter.
#[must_use]
pub fn of(one: &Fact, other: &Fact, shared: &FxHashMap<Key, Shared>, now: Timestamp) -> f64 {
    let mut score = 0.0;
    for key in one.keys().filter(|key| other.has(*key)) {
        let part = if shared.contains_key(&key) { SHARED_PART } else { 1.0 };
        score += part * weight(key.kind());
    }
    let same_name = one.identity.names.iter().any(|name| other.identity.names.contains(name));
    if names_conflict(&one.identity, &other.identity) {
        score -= 3.0;
    } else if !same_name && names_agree(&one.identity, &other.identity) {
        score += 2.0;
    }
    match (&one.identity.family, &other.identity.family) {
        (Some(one), Some(other)) if one == other => score += 1.0,
        (Some(_), Some(_)) => score -= 4.0,
        _ => {}
    }
    score += if one.site == other.site { 1.0 } else { -2.0 };
    let claims = |fact: &Fact| -> Vec<_> { fact.identity.claims.iter().map(|claim| claim.ip).collect() };
    if claims(one).iter().any(|ip| claims(other).contains(ip)) {
        score += 2.0;
    }
    if one.life.gap(&other.life, now) > 90 * 86_400 {
        score -= 1.0;
    }
    score
}

const fn weight(kind: Kind) -> f64 {
    match kind {
        Kind::Agent | Kind::Cloud => 12.0,
        Kind::Uuid | Kind::Serial => 10.0,
        Kind::Directory => 8.0,
        Kind::Mac => 6.0,
        // The short name comes with it.
        Kind::FullName => 3.0,
        Kind::Name => 4.0,
    }
}
