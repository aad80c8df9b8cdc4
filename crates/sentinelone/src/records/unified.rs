//! Unified alerts, and the one question by which they are asked for.

use std::borrow::Cow;

use crate::records::choice::{UnifiedConfidence, UnifiedResult, UnifiedSeverity, UnifiedStatus, UnifiedVerdict};
use crate::records::lenient::{Id, record};
use crate::time::Micros;

/// The question, word for word. What varies is in its variables, so no text of a caller can become a part of it.
pub(crate) const ALERTS_QUERY: &str = "query Alerts($first: Int, $after: String, $filters: [FilterInput!], $sort: SortInput) { \
alerts(first: $first, after: $after, filters: $filters, sort: $sort) { \
totalCount pageInfo { hasNextPage endCursor } edges { cursor node { \
id externalId name description severity status analystVerdict classification confidenceLevel result storylineId ticketId \
createdAt detectedAt updatedAt firstSeenAt lastSeenAt noteExists attackSurfaces \
detectionSource { product vendor engine } analytics { category name typeValue uid } \
assignee { userId email fullName } \
assets { id name category subcategory osType osVersion agentUuid agentVersion lastLoggedInUser } \
process { cmdLine parentName file { name path sha1 sha256 md5 } } \
realTime { scope { account { id name } site { id name } group { id name } } } } } } }";

record! {
    /// The answer to the question for unified alerts: the object in `data` (`POST /unifiedalerts/graphql`; no public
    /// specification, known from clients at work).
    UnifiedAlerts + drift {
        alerts: UnifiedAlertPage<'a> = "alerts",
    }
}

record! {
    /// A page of unified alerts.
    UnifiedAlertPage {
        total_count: i64 = "totalCount",
        page_info: UnifiedPageInfo<'a> = "pageInfo",
        edges: Vec<UnifiedAlertEdge<'a>> = "edges",
    }
}

record! {
    /// Whether and where the list goes on.
    UnifiedPageInfo {
        has_next_page: bool = "hasNextPage",
        end_cursor: Cow<'a, str> = "endCursor",
    }
}

record! {
    /// An alert's place in the list.
    UnifiedAlertEdge {
        cursor: Cow<'a, str> = "cursor",
        node: Box<UnifiedAlert<'a>> = "node",
    }
}

record! {
    /// An alert of any product of the vendor.
    UnifiedAlert + drift {
        id: Id<'a> = "id",
        /// The id of the same detection as a threat or as an alert of a custom rule.
        external_id: Id<'a> = "externalId",
        name: Cow<'a, str> = "name",
        description: Cow<'a, str> = "description",
        severity: UnifiedSeverity = "severity",
        status: UnifiedStatus = "status",
        analyst_verdict: UnifiedVerdict = "analystVerdict",
        classification: Cow<'a, str> = "classification",
        confidence_level: UnifiedConfidence = "confidenceLevel",
        result: UnifiedResult = "result",
        storyline_id: Id<'a> = "storylineId",
        ticket_id: Id<'a> = "ticketId",
        created_at: Micros = "createdAt",
        detected_at: Micros = "detectedAt",
        updated_at: Micros = "updatedAt",
        first_seen_at: Micros = "firstSeenAt",
        last_seen_at: Micros = "lastSeenAt",
        note_exists: bool = "noteExists",
        attack_surfaces: Vec<Cow<'a, str>> = "attackSurfaces",
        detection_source: UnifiedDetectionSource<'a> = "detectionSource",
        analytics: UnifiedAnalytics<'a> = "analytics",
        assignee: UnifiedAssignee<'a> = "assignee",
        assets: Vec<UnifiedAsset<'a>> = "assets",
        process: UnifiedProcess<'a> = "process",
        real_time: UnifiedRealTime<'a> = "realTime",
    }
}

record! {
    /// The product that found it.
    UnifiedDetectionSource {
        product: Cow<'a, str> = "product",
        vendor: Cow<'a, str> = "vendor",
        engine: Cow<'a, str> = "engine",
    }
}

record! {
    /// How it was found.
    UnifiedAnalytics {
        category: Cow<'a, str> = "category",
        name: Cow<'a, str> = "name",
        type_value: Cow<'a, str> = "typeValue",
        uid: Id<'a> = "uid",
    }
}

record! {
    /// Who works on it.
    UnifiedAssignee {
        user_id: Id<'a> = "userId",
        email: Cow<'a, str> = "email",
        full_name: Cow<'a, str> = "fullName",
    }
}

record! {
    /// An asset that it concerns; of a third party's alert, one without an agent.
    UnifiedAsset {
        /// The id of the [`Asset`](crate::records::Asset).
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        category: Cow<'a, str> = "category",
        subcategory: Cow<'a, str> = "subcategory",
        os_type: Cow<'a, str> = "osType",
        os_version: Cow<'a, str> = "osVersion",
        agent_uuid: Cow<'a, str> = "agentUuid",
        agent_version: Cow<'a, str> = "agentVersion",
        last_logged_in_user: Cow<'a, str> = "lastLoggedInUser",
    }
}

record! {
    /// The process that it is about.
    UnifiedProcess {
        cmd_line: Cow<'a, str> = "cmdLine",
        parent_name: Cow<'a, str> = "parentName",
        file: UnifiedFile<'a> = "file",
    }
}

record! {
    /// The file of a process.
    UnifiedFile {
        name: Cow<'a, str> = "name",
        path: Cow<'a, str> = "path",
        md5: Cow<'a, str> = "md5",
        sha1: Cow<'a, str> = "sha1",
        sha256: Cow<'a, str> = "sha256",
    }
}

record! {
    /// Where the asset stands now.
    UnifiedRealTime {
        scope: UnifiedScope<'a> = "scope",
    }
}

record! {
    /// An account, a site and a group.
    UnifiedScope {
        account: UnifiedPlace<'a> = "account",
        site: UnifiedPlace<'a> = "site",
        group: UnifiedPlace<'a> = "group",
    }
}

record! {
    /// One of the places of a scope.
    UnifiedPlace {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
    }
}
