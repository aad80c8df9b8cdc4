//! What agents are told to ignore and to block.

use std::borrow::Cow;

use crate::records::choice::{
    ExclusionAction, ExclusionMode, ExclusionSource, ExclusionType, OsType, PathExclusionType, RestrictionType,
};
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// Something that agents are told to ignore (vendor spec, `GET /exclusions`).
    Exclusion + drift {
        id: Id<'a> = "id",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        kind: ExclusionType = "type",
        value: Cow<'a, str> = "value",
        description: Cow<'a, str> = "description",
        os_type: OsType = "osType",
        mode: ExclusionMode = "mode",
        path_exclusion_type: PathExclusionType = "pathExclusionType",
        actions: Vec<ExclusionAction> = "actions",
        inject: bool = "inject",
        source: ExclusionSource = "source",
        imported: bool = "imported",
        application_name: Cow<'a, str> = "applicationName",
        in_app_inventory: bool = "inAppInventory",
        /// A text such as `NONE`, not a truth value.
        not_recommended: Cow<'a, str> = "notRecommended",
        user_id: Id<'a> = "userId",
        user_name: Cow<'a, str> = "userName",
        scope: RuleScope<'a> = "scope",
        scope_name: Cow<'a, str> = "scopeName",
        scope_path: Cow<'a, str> = "scopePath",
        include_parents: bool = "includeParents",
        include_children: bool = "includeChildren",
    }
}

record! {
    /// A hash that agents block: an entry of the blocklist (vendor spec, `GET /restrictions`).
    Restriction + drift {
        id: Id<'a> = "id",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        kind: RestrictionType = "type",
        /// SHA-1.
        value: Cow<'a, str> = "value",
        sha256_value: Cow<'a, str> = "sha256Value",
        description: Cow<'a, str> = "description",
        os_type: OsType = "osType",
        source: ExclusionSource = "source",
        imported: bool = "imported",
        /// A text such as `NONE`, not a truth value.
        not_recommended: Cow<'a, str> = "notRecommended",
        user_id: Id<'a> = "userId",
        user_name: Cow<'a, str> = "userName",
        scope: RuleScope<'a> = "scope",
        scope_name: Cow<'a, str> = "scopeName",
        scope_path: Cow<'a, str> = "scopePath",
        include_parents: bool = "includeParents",
        include_children: bool = "includeChildren",
    }
}

record! {
    /// Where an exclusion or a blocked hash holds.
    RuleScope {
        tenant: bool = "tenant",
        account_ids: Vec<Id<'a>> = "accountIds",
        site_ids: Vec<Id<'a>> = "siteIds",
        group_ids: Vec<Id<'a>> = "groupIds",
    }
}
