//! [`Seen`]: what `GET /user` says about the token at the beginning of a pass, and whether it still sees what it saw.

use std::collections::BTreeSet;
use std::fmt;

use kernel::Timestamp;
use sentinelone::{Page, Probe, probe};

/// What a pass learns about its token before it reads anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the token sees; nothing if the console does not say.
    pub scope: Option<Scope>,
    /// The role, if it is the same everywhere.
    pub role: Option<String>,
    /// When the token ends, if the console says so.
    pub expires_at: Option<Timestamp>,
    /// The console's clock when it answered.
    pub server: Option<Timestamp>,
}

/// What a token sees: a level, and the ids of the places on it. Its text is the fingerprint under which a stream's
/// records were last complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `tenant`, `account`, `site`, or the console's own word.
    pub level: String,
    /// Ids of the accounts or sites; none for a tenant.
    pub places: BTreeSet<String>,
}

impl Seen {
    /// Reads the answer to `GET /user`; `None` if it is not one.
    #[must_use]
    pub fn of(page: &Page) -> Option<Seen> {
        let probe = Probe::of_user(page)?;
        let level = match &probe.scope {
            probe::Scope::Tenant => Some("tenant".to_owned()),
            probe::Scope::Account => Some("account".to_owned()),
            probe::Scope::Site => Some("site".to_owned()),
            probe::Scope::Other(word) => Some(word.clone()),
            _ => None,
        };
        let places = match probe.scope {
            probe::Scope::Tenant => BTreeSet::new(),
            _ => probe.places.iter().map(|place| place.id.clone()).collect(),
        };
        Some(Seen {
            scope: level.map(|level| Scope { level, places }),
            role: probe.role,
            expires_at: probe.expires_at.map(|at| Timestamp::from_micros(at.0)),
            server: page.date.map(|date| Timestamp::from_micros(date.0)),
        })
    }
}

impl Scope {
    /// Reads a fingerprint back.
    #[must_use]
    pub fn parse(text: &str) -> Scope {
        let (level, places) = text.split_once(':').unwrap_or((text, ""));
        let places = places.split(',').filter(|place| !place.is_empty()).map(str::to_owned).collect();
        Scope { level: level.to_owned(), places }
    }

    /// True if everything that was visible under `earlier` is visible under this one.
    ///
    /// An account sees its sites, but nothing here says which those are: then the answer is no, and nothing is retired.
    #[must_use]
    pub fn covers(&self, earlier: &Scope) -> bool {
        self.level == "tenant" || (self.level == earlier.level && self.places.is_superset(&earlier.places))
    }

    /// What is not seen any more that `before` saw when it was connected, in words; nothing if all of it is.
    ///
    /// Where nothing of it is left, nobody can tell from here whether the token's user was moved or the console was made anew:
    /// both are said.
    #[must_use]
    pub fn narrowed_since(&self, before: &Scope) -> Option<String> {
        if self.covers(before) {
            return None;
        }
        let (was, is) = (before.in_words(), self.in_words());
        if self.level == before.level && self.places.is_disjoint(&before.places) {
            return Some(format!(
                "the token sees none of the {was} that it saw when it was connected, and {is} with new ids: its user was moved, \
                 or the console at this address is another one than before, which is best connected under another name"
            ));
        }
        Some(format!("the token saw {was} when it was connected, and sees {is} now"))
    }

    /// `account` or `3 sites`, for sentences.
    #[must_use]
    pub fn in_words(&self) -> String {
        match (self.level.as_str(), self.places.len()) {
            ("tenant", _) => "the whole tenant".to_owned(),
            (level, 1) => format!("1 {level}"),
            (level, places) => format!("{places} {level}s"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.level)?;
        for (at, place) in self.places.iter().enumerate() {
            write!(out, "{}{place}", if at == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_or_a_wider_scope_covers_another() {
        let covers = |now: &str, earlier: &str| Scope::parse(now).covers(&Scope::parse(earlier));
        assert!(covers("tenant", "tenant") && covers("tenant", "account:1") && covers("tenant", "site:1,2"));
        assert!(covers("account:1,2", "account:1") && covers("site:1,2", "site:2"));
        assert!(!covers("account:1", "tenant") && !covers("account:1", "account:1,2") && !covers("site:3", "site:2"));
        assert!(!covers("account:1", "site:1"), "which sites an account has is not known here");
    }

    #[test]
    fn a_scope_of_which_nothing_is_left_may_be_another_consoles() {
        let since = |now: &str, before: &str| Scope::parse(now).narrowed_since(&Scope::parse(before));
        assert_eq!(since("account:1,2", "account:1"), None);
        let part = since("site:1", "site:1,2").unwrap();
        assert_eq!(part, "the token saw 2 sites when it was connected, and sees 1 site now");
        let none = since("account:9", "account:1").unwrap();
        assert!(none.contains("the console at this address is another one than before"), "{none}");
        assert!(
            !since("site:9", "account:1").unwrap().contains("another one"),
            "a level below, its sites are not known"
        );
    }

    #[test]
    fn a_fingerprint_reads_back() {
        for text in ["tenant", "account:225494730938493804", "site:1,2"] {
            assert_eq!(Scope::parse(text).to_string(), text);
        }
        assert_eq!(Scope::parse("site:2,1").to_string(), "site:1,2");
        assert_eq!(Scope::parse("site:2,1").in_words(), "2 sites");
    }
}
