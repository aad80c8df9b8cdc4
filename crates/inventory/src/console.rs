//! The console's own levels: accounts, sites and groups. Never to be confused with Muster's sites.

use kernel::Timestamp;

/// A console account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountNoun {
    /// Its name.
    pub name: Option<String>,
    /// `active`, `expired`, `deleted`.
    pub state: Option<String>,
    /// `Trial`, `Paid`.
    pub account_type: Option<String>,
    /// `customer`, `mssp`, `ir`.
    pub usage_type: Option<String>,
    /// `subscription`, `consumption`.
    pub billing_mode: Option<String>,
    /// Whether it is the default account.
    pub is_default: Option<bool>,
    /// How many agents it has.
    pub active_agents: Option<i64>,
    /// How many console sites it has.
    pub site_count: Option<i64>,
    /// How many licences it has.
    pub total_licenses: Option<i64>,
    /// Whether it never expires.
    pub unlimited_expiration: Option<bool>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// Its id in another system.
    pub external_id: Option<String>,
    /// Who made it.
    pub creator: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}

/// A console site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsoleSiteNoun {
    /// Its name.
    pub name: Option<String>,
    /// Native id of its account.
    pub account_id: Option<String>,
    /// Name of its account.
    pub account: Option<String>,
    /// `active`, `expired`, `deleted`.
    pub state: Option<String>,
    /// `Trial`, `Paid`.
    pub site_type: Option<String>,
    /// `Core`, `Control`, `Complete`.
    pub suite: Option<String>,
    /// The same as an article.
    pub sku: Option<String>,
    /// `customer`, `mssp`, `ir`.
    pub usage_type: Option<String>,
    /// Whether it is its account's default site.
    pub is_default: Option<bool>,
    /// What the console says about its health.
    pub healthy: Option<bool>,
    /// Licences in use.
    pub active_licenses: Option<i64>,
    /// Licences it has.
    pub total_licenses: Option<i64>,
    /// Whether licences are unlimited.
    pub unlimited_licenses: Option<bool>,
    /// Whether it never expires.
    pub unlimited_expiration: Option<bool>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// Its id in another system.
    pub external_id: Option<String>,
    /// What people wrote about it.
    pub description: Option<String>,
    /// Who made it.
    pub creator: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}

/// A console group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsoleGroupNoun {
    /// Its name.
    pub name: Option<String>,
    /// Native id of its site.
    pub site_id: Option<String>,
    /// `static`, `dynamic`, `pinned`.
    pub group_type: Option<String>,
    /// Its rank among dynamic groups.
    pub rank: Option<i64>,
    /// Native id of the filter that fills it.
    pub filter_id: Option<String>,
    /// That filter's name.
    pub filter_name: Option<String>,
    /// Whether it takes its site's policy.
    pub inherits: Option<bool>,
    /// Whether it is its site's default group.
    pub is_default: Option<bool>,
    /// How many agents it has.
    pub total_agents: Option<i64>,
    /// What people wrote about it.
    pub description: Option<String>,
    /// Who made it.
    pub creator: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}
