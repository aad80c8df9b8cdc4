//! Activities and their kinds.

use std::borrow::Cow;

use crate::json::Json;
use crate::records::choice::OsType;
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// An entry of the console's own log; it never changes (vendor spec, `GET /activities`).
    Activity + drift {
        id: Id<'a> = "id",
        activity_uuid: Cow<'a, str> = "activityUuid",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        activity_type: i64 = "activityType",
        data: Json<'a> = "data",
        primary_description: Cow<'a, str> = "primaryDescription",
        secondary_description: Cow<'a, str> = "secondaryDescription",
        comments: Cow<'a, str> = "comments",
        os_family: OsType = "osFamily",
        description: Cow<'a, str> = "description",
        hash: Cow<'a, str> = "hash",
        agent_updated_version: Cow<'a, str> = "agentUpdatedVersion",
        user_id: Id<'a> = "userId",
        threat_id: Id<'a> = "threatId",
        agent_id: Id<'a> = "agentId",
        account_id: Id<'a> = "accountId",
        site_id: Id<'a> = "siteId",
        group_id: Id<'a> = "groupId",
        account_name: Cow<'a, str> = "accountName",
        site_name: Cow<'a, str> = "siteName",
        group_name: Cow<'a, str> = "groupName",
        applications: Json<'a> = "applications",
    }
}

record! {
    /// A kind of activity; some have only an id (vendor spec, `GET /activities/types`).
    ActivityType + drift {
        action: Cow<'a, str> = "action",
        description_template: Cow<'a, str> = "descriptionTemplate",
        id: Id<'a> = "id",
    }
}
