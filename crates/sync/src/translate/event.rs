//! What happened around a threat, and what people wrote about it.

use inventory::noun::EventNoun;
use sentinelone::{ThreatNote, TimelineEntry};

use super::{Asked, at, id, text};

/// The threat is the one that was asked about; only the timeline repeats it.
pub(super) fn timeline(entry: &TimelineEntry<'_>, asked: Asked<'_>) -> EventNoun {
    EventNoun {
        finding_id: asked.scope_id.map(str::to_owned).or_else(|| id(entry.threat_id.as_ref())),
        kind: "event",
        type_: entry.activity_type,
        text: text(entry.primary_description.as_ref()),
        detail: text(entry.secondary_description.as_ref()),
        author: None,
        edited: None,
        at: at(entry.created_at),
    }
}

pub(super) fn note(note: &ThreatNote<'_>, asked: Asked<'_>) -> EventNoun {
    EventNoun {
        finding_id: asked.scope_id.map(str::to_owned),
        kind: "note",
        type_: None,
        text: text(note.text.as_ref()),
        detail: None,
        author: text(note.creator.as_ref()),
        edited: note.edited,
        at: at(note.created_at),
    }
}
