//! Accounts, sites and groups.

use std::borrow::Cow;

use crate::json::Json;
use crate::records::choice::{BillingMode, GroupType, LicenseType, State, Suite, UsageType};
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// An account of the console (vendor spec, `GET /accounts`).
    Account + drift {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        is_default: bool = "isDefault",
        account_type: LicenseType = "accountType",
        expiration: Micros = "expiration",
        salesforce_id: Id<'a> = "salesforceId",
        external_id: Id<'a> = "externalId",
        state: State = "state",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        unlimited_expiration: bool = "unlimitedExpiration",
        active_agents: i64 = "activeAgents",
        skus: Vec<Sku<'a>> = "skus",
        licenses: Box<Licenses<'a>> = "licenses",
        total_licenses: i64 = "totalLicenses",
        usage_type: UsageType = "usageType",
        billing_mode: BillingMode = "billingMode",
        ir_fields: Json<'a> = "irFields",
        make_soc_default_ui: bool = "makeSocDefaultUi",
        creator: Cow<'a, str> = "creator",
        creator_id: Id<'a> = "creatorId",
        number_of_sites: i64 = "numberOfSites",
        core_sites: i64 = "coreSites",
        control_sites: i64 = "controlSites",
        complete_sites: i64 = "completeSites",
        total_core: i64 = "totalCore",
        total_control: i64 = "totalControl",
        total_complete: i64 = "totalComplete",
        unlimited_core: bool = "unlimitedCore",
        unlimited_control: bool = "unlimitedControl",
        unlimited_complete: bool = "unlimitedComplete",
        agents_in_core_sku: i64 = "agentsInCoreSku",
        agents_in_control_sku: i64 = "agentsInControlSku",
        agents_in_complete_sku: i64 = "agentsInCompleteSku",
    }
}

record! {
    /// Licences of one package.
    Sku {
        kind: Suite = "type",
        total_licenses: i64 = "totalLicenses",
        unlimited: bool = "unlimited",
        agents_in_sku: i64 = "agentsInSku",
    }
}

record! {
    /// What is licensed.
    Licenses {
        bundles: Vec<Bundle<'a>> = "bundles",
        modules: Vec<LicensedModule<'a>> = "modules",
        settings: Vec<LicenseSetting<'a>> = "settings",
    }
}

record! {
    /// A licensed package; a total of -1 means unlimited.
    Bundle {
        display_name: Cow<'a, str> = "displayName",
        major_version: i64 = "majorVersion",
        minor_version: i64 = "minorVersion",
        name: Cow<'a, str> = "name",
        surfaces: Vec<Surface<'a>> = "surfaces",
        total_surfaces: i64 = "totalSurfaces",
    }
}

record! {
    /// What a package covers; a count of -1 means unlimited.
    Surface {
        count: i64 = "count",
        name: Cow<'a, str> = "name",
    }
}

record! {
    /// A licensed module.
    LicensedModule {
        display_name: Cow<'a, str> = "displayName",
        major_version: i64 = "majorVersion",
        name: Cow<'a, str> = "name",
    }
}

record! {
    /// A setting that comes with a licence.
    LicenseSetting {
        display_name: Cow<'a, str> = "displayName",
        setting_group: Cow<'a, str> = "settingGroup",
        setting_group_display_name: Cow<'a, str> = "settingGroupDisplayName",
        group_name: Json<'a> = "groupName",
        setting: Json<'a> = "setting",
    }
}

record! {
    /// A site of the console (vendor spec, `GET /sites`). Its registration token arrives blanked.
    Site + drift {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        registration_token: Cow<'a, str> = "registrationToken",
        is_default: bool = "isDefault",
        health_status: bool = "healthStatus",
        total_licenses: i64 = "totalLicenses",
        site_type: LicenseType = "siteType",
        expiration: Micros = "expiration",
        external_id: Id<'a> = "externalId",
        description: Cow<'a, str> = "description",
        state: State = "state",
        suite: Suite = "suite",
        sku: Suite = "sku",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        account_id: Id<'a> = "accountId",
        account_name: Cow<'a, str> = "accountName",
        active_licenses: i64 = "activeLicenses",
        licenses: Box<Licenses<'a>> = "licenses",
        usage_type: UsageType = "usageType",
        ir_fields: Json<'a> = "irFields",
        inherit_account_expiration: bool = "inheritAccountExpiration",
        creator: Cow<'a, str> = "creator",
        creator_id: Id<'a> = "creatorId",
        unlimited_expiration: bool = "unlimitedExpiration",
        unlimited_licenses: bool = "unlimitedLicenses",
    }
}

record! {
    /// A group of agents (vendor spec, `GET /groups`). Its registration token arrives blanked.
    Group + drift {
        id: Id<'a> = "id",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        name: Cow<'a, str> = "name",
        description: Cow<'a, str> = "description",
        site_id: Id<'a> = "siteId",
        is_default: bool = "isDefault",
        creator: Cow<'a, str> = "creator",
        creator_id: Id<'a> = "creatorId",
        kind: GroupType = "type",
        filter_id: Id<'a> = "filterId",
        rank: i64 = "rank",
        registration_token: Cow<'a, str> = "registrationToken",
        total_agents: i64 = "totalAgents",
        filter_name: Cow<'a, str> = "filterName",
        inherits: bool = "inherits",
    }
}
