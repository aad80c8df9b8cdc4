//! The console's own levels.

use inventory::noun::{AccountNoun, ConsoleGroupNoun, ConsoleSiteNoun, Licence};
use sentinelone::{Account, Group, Licenses, Site};

use super::{at, id, text, word};

pub(super) fn account(account: &Account<'_>) -> AccountNoun {
    AccountNoun {
        name: text(account.name.as_ref()),
        state: word(account.state.as_ref(), |state| state.as_str()),
        account_type: word(account.account_type.as_ref(), |kind| kind.as_str()),
        usage_type: word(account.usage_type.as_ref(), |kind| kind.as_str()),
        billing_mode: word(account.billing_mode.as_ref(), |mode| mode.as_str()),
        is_default: account.is_default,
        active_agents: account.active_agents,
        site_count: account.number_of_sites,
        total_licenses: account.total_licenses,
        unlimited_expiration: account.unlimited_expiration,
        expires_at: at(account.expiration),
        external_id: id(account.external_id.as_ref()),
        creator: text(account.creator.as_ref()),
        created_at: at(account.created_at),
        updated_at: at(account.updated_at),
        licences: account.licenses.as_deref().map(licences).unwrap_or_default(),
    }
}

pub(super) fn site(site: &Site<'_>) -> ConsoleSiteNoun {
    ConsoleSiteNoun {
        name: text(site.name.as_ref()),
        account_id: id(site.account_id.as_ref()),
        account: text(site.account_name.as_ref()),
        state: word(site.state.as_ref(), |state| state.as_str()),
        site_type: word(site.site_type.as_ref(), |kind| kind.as_str()),
        suite: word(site.suite.as_ref(), |suite| suite.as_str()),
        sku: word(site.sku.as_ref(), |sku| sku.as_str()),
        usage_type: word(site.usage_type.as_ref(), |kind| kind.as_str()),
        is_default: site.is_default,
        healthy: site.health_status,
        active_licenses: site.active_licenses,
        total_licenses: site.total_licenses,
        unlimited_licenses: site.unlimited_licenses,
        unlimited_expiration: site.unlimited_expiration,
        expires_at: at(site.expiration),
        external_id: id(site.external_id.as_ref()),
        description: text(site.description.as_ref()),
        creator: text(site.creator.as_ref()),
        created_at: at(site.created_at),
        updated_at: at(site.updated_at),
        licences: site.licenses.as_deref().map(licences).unwrap_or_default(),
    }
}

pub(super) fn group(group: &Group<'_>) -> ConsoleGroupNoun {
    ConsoleGroupNoun {
        name: text(group.name.as_ref()),
        site_id: id(group.site_id.as_ref()),
        group_type: word(group.kind.as_ref(), |kind| kind.as_str()),
        rank: group.rank,
        filter_id: id(group.filter_id.as_ref()),
        filter_name: text(group.filter_name.as_ref()),
        inherits: group.inherits,
        is_default: group.is_default,
        total_agents: group.total_agents,
        description: text(group.description.as_ref()),
        creator: text(group.creator.as_ref()),
        created_at: at(group.created_at),
        updated_at: at(group.updated_at),
    }
}

/// Packages and modules that are licensed, and the settings that come with them.
fn licences(licenses: &Licenses<'_>) -> Vec<Licence> {
    let bundles = licenses.bundles.iter().flatten().map(|bundle| {
        let surfaces: Vec<String> =
            bundle.surfaces.iter().flatten().filter_map(|surface| text(surface.name.as_ref())).collect();
        Licence {
            kind: "bundle",
            name: text(bundle.display_name.as_ref()).or_else(|| text(bundle.name.as_ref())),
            setting: (!surfaces.is_empty()).then(|| surfaces.join(", ")),
            total: bundle.total_surfaces,
        }
    });
    let modules = licenses.modules.iter().flatten().map(|module| Licence {
        kind: "module",
        name: text(module.display_name.as_ref()).or_else(|| text(module.name.as_ref())),
        ..Licence::default()
    });
    let settings = licenses.settings.iter().flatten().map(|setting| Licence {
        kind: "setting",
        name: text(setting.setting_group_display_name.as_ref()).or_else(|| text(setting.setting_group.as_ref())),
        setting: text(setting.display_name.as_ref()),
        total: None,
    });
    bundles.chain(modules).chain(settings).collect()
}
