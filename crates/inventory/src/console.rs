//! The console's own levels: accounts, sites and groups. Never to be confused with Muster's sites.

use kernel::Timestamp;

use crate::out::{Child, Out};

/// Something that an account or a site is licensed for, or a setting that comes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Licence {
    /// What sort of thing: `bundle`, `module`, `setting`.
    pub kind: &'static str,
    /// Its name: `complete`, or the group of the setting.
    pub name: Option<String>,
    /// What it is set to, or what it covers: `90 days`, `Total Agents`.
    pub setting: Option<String>,
    /// How many it covers; -1 stands for no bound.
    pub total: Option<i64>,
}

/// Writes the licences of an account or a site, in the console's order.
fn licences(licences: Vec<Licence>, out: &mut Out) {
    for (licence, position) in licences.into_iter().zip(0i64..) {
        let kind = out.intern("licence_kind", licence.kind.to_owned());
        let name = licence.name.and_then(|name| out.intern("licence", name));
        let setting = licence.setting.and_then(|setting| out.intern("licence_setting", setting));
        out.child(Child::Licence, [position.into(), kind.into(), name.into(), setting.into(), licence.total.into()]);
    }
}

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
    /// What it is licensed for, and what is switched on with it.
    pub licences: Vec<Licence>,
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
    /// What it is licensed for, and what is switched on with it.
    pub licences: Vec<Licence>,
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

impl AccountNoun {
    /// Writes the account's row.
    pub(crate) fn write(self, out: &mut Out) {
        out.name("name", "name_folded", self.name);
        out.term("state_term", "console_state", self.state);
        out.term("account_type_term", "account_type", self.account_type);
        out.term("usage_type_term", "usage_type", self.usage_type);
        out.term("billing_mode_term", "billing_mode", self.billing_mode);
        out.flag("is_default", self.is_default);
        out.volatile().int("active_agents", self.active_agents);
        out.volatile().int("site_count", self.site_count);
        out.int("total_licenses", self.total_licenses);
        out.flag("unlimited_expiration", self.unlimited_expiration);
        out.time("expires_at", self.expires_at);
        out.id("external_id", self.external_id);
        out.id("creator", self.creator);
        out.time("created_at", self.created_at);
        out.volatile().time("updated_at", self.updated_at);
        licences(self.licences, out);
    }
}

impl ConsoleSiteNoun {
    /// Writes the console site's row.
    pub(crate) fn write(self, out: &mut Out) {
        out.name("name", "name_folded", self.name);
        out.id("account_native_id", self.account_id);
        out.term("account_term", "console_account", self.account);
        out.term("state_term", "console_state", self.state);
        out.term("site_type_term", "account_type", self.site_type);
        out.term("suite_term", "suite", self.suite);
        out.term("sku_term", "suite", self.sku);
        out.term("usage_type_term", "usage_type", self.usage_type);
        out.flag("is_default", self.is_default);
        out.flag("healthy", self.healthy);
        out.volatile().int("active_licenses", self.active_licenses);
        out.int("total_licenses", self.total_licenses);
        out.flag("unlimited_licenses", self.unlimited_licenses);
        out.flag("unlimited_expiration", self.unlimited_expiration);
        out.time("expires_at", self.expires_at);
        out.id("external_id", self.external_id);
        out.id("description", self.description);
        out.id("creator", self.creator);
        out.time("created_at", self.created_at);
        out.volatile().time("updated_at", self.updated_at);
        licences(self.licences, out);
    }
}

impl ConsoleGroupNoun {
    /// Writes the console group's row.
    pub(crate) fn write(self, out: &mut Out) {
        out.name("name", "name_folded", self.name);
        out.id("site_native_id", self.site_id);
        out.term("group_type_term", "group_type", self.group_type);
        out.int("rank", self.rank);
        out.id("filter_native_id", self.filter_id);
        out.id("filter_name", self.filter_name);
        out.flag("inherits", self.inherits);
        out.flag("is_default", self.is_default);
        out.volatile().int("total_agents", self.total_agents);
        out.id("description", self.description);
        out.id("creator", self.creator);
        out.time("created_at", self.created_at);
        out.volatile().time("updated_at", self.updated_at);
    }
}
