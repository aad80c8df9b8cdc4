//! What is known about one thing: the thread of its records, its timeline, a tree.

use kernel::Timestamp;
use maud::{Markup, html};

use crate::icon::{Icon, icon};
use crate::state::boxed;
use crate::words::{clock, moment, name};

/// Levels of a tree that are drawn.
pub const TREE_DEPTH_MAX: usize = 16;

/// A source record that belongs to an asset, and why.
#[derive(Clone, Debug)]
pub struct Joined<'a> {
    /// The glyph of its source.
    pub icon: Icon,
    /// The source: *EMEA console*.
    pub source: &'a str,
    /// What the source calls it.
    pub called: &'a str,
    /// The rule, in words: *They share two MAC addresses (R50):* Empty for the first record.
    pub rule: &'a str,
    /// The evidence, since when, by whom.
    pub why: Markup,
    /// *Split off*; empty for the first record.
    pub verb: Markup,
}

/// Source records joined by a line.
#[must_use]
pub fn thread(records: &[Joined<'_>]) -> Markup {
    html! {
        ol.thread {
            @for record in records {
                li {
                    (boxed(record.icon))
                    div {
                        h3 { (name(record.source)) " " span.muted { "calls it" } " " (name(record.called)) }
                        p { @if !record.rule.is_empty() { b { (record.rule) } " " } (record.why) }
                    }
                    (record.verb)
                }
            }
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The glyph of its kind.
    pub icon: Icon,
    /// What; the subject in bold.
    pub what: Markup,
}

/// Events, latest first. `whole` writes the date too, where they are not all of one day.
#[must_use]
pub fn timeline(events: &[Event], whole: bool) -> Markup {
    html! {
        ol.timeline {
            @for event in events {
                li {
                    @if whole { (moment(event.at)) } @else { (clock(event.at)) }
                    (icon(event.icon))
                    div { p { (event.what) } }
                }
            }
        }
    }
}

/// A level of a tree.
#[derive(Clone, Debug, Default)]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is, sets or inherits: *site, inherits*.
    pub says: &'a str,
    /// Badges.
    pub badges: Markup,
    /// Levels below.
    pub below: Vec<Node<'a>>,
    /// It is open.
    pub open: bool,
}

/// A tree, each level with what it sets and what it inherits; levels below [`TREE_DEPTH_MAX`] are counted, not drawn.
#[must_use]
pub fn tree(nodes: &[Node<'_>]) -> Markup {
    html! { ul.tree { (branches(nodes, 0)) } }
}

fn branches(nodes: &[Node<'_>], depth: usize) -> Markup {
    let line = |node: &Node<'_>| html! { (name(node.name)) " " span.muted { (node.says) } " " (node.badges) };
    html! {
        @for node in nodes {
            @if node.below.is_empty() {
                li.leaf { (line(node)) }
            } @else if depth + 1 >= TREE_DEPTH_MAX {
                li.leaf { (line(node)) span.muted { (node.below.len()) " more below" } }
            } @else {
                li { details open[node.open] { summary { (line(node)) } ul { (branches(&node.below, depth + 1)) } } }
            }
        }
    }
}
