//! Activities and their types.

use inventory::noun::{ActivityNoun, ActivityTypeNoun, ConsoleScope};
use sentinelone::{Activity, ActivityType};

use super::{at, id, lower, text, word};

pub(super) fn activity(activity: &Activity<'_>) -> ActivityNoun {
    ActivityNoun {
        type_: activity.activity_type,
        type_name: None,
        description: text(activity.primary_description.as_ref()),
        detail: text(activity.secondary_description.as_ref()),
        comment: text(activity.comments.as_ref()),
        os_family: word(activity.os_family.as_ref(), |family| family.as_str()),
        hash: lower(activity.hash.as_ref()),
        agent_id: id(activity.agent_id.as_ref()),
        threat_id: id(activity.threat_id.as_ref()),
        user_id: id(activity.user_id.as_ref()),
        console: ConsoleScope {
            account_id: id(activity.account_id.as_ref()),
            account: text(activity.account_name.as_ref()),
            site_id: id(activity.site_id.as_ref()),
            site: text(activity.site_name.as_ref()),
            group_id: id(activity.group_id.as_ref()),
            group: text(activity.group_name.as_ref()),
        },
        created_at: at(activity.created_at),
    }
}

/// A type; some have only a number.
pub(super) fn activity_type(kind: &ActivityType<'_>) -> ActivityTypeNoun {
    ActivityTypeNoun {
        type_: kind.id.as_ref().and_then(|id| id.parse().ok()),
        name: text(kind.action.as_ref()).or_else(|| text(kind.description_template.as_ref())),
    }
}
