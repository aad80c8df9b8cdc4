//! Tags.

use std::borrow::Cow;

use crate::records::choice::ScopeLevel;
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// A tag that agents can carry (vendor spec, `GET /agents/tags`).
    TagDefinition + drift {
        id: Id<'a> = "id",
        key: Cow<'a, str> = "key",
        value: Cow<'a, str> = "value",
        description: Cow<'a, str> = "description",
        kind: Cow<'a, str> = "type",
        allow_edit: bool = "allowEdit",
        scope_level: ScopeLevel = "scopeLevel",
        scope_id: Id<'a> = "scopeId",
        scope_path: Cow<'a, str> = "scopePath",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        created_by: Cow<'a, str> = "createdBy",
        updated_by: Cow<'a, str> = "updatedBy",
        /// Only if asked for with `includeEndpointCounters`.
        total_endpoints: i64 = "totalEndpoints",
        endpoints_in_current_scope: i64 = "endpointsInCurrentScope",
        /// Only if asked for with `includeExclusionCounters`.
        total_exclusions: i64 = "totalExclusions",
    }
}
