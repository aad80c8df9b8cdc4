//! Marks of state: lights, badges, tags, severity, and the icons of sources. Never a colour without its word.

use maud::{Markup, html};

use crate::href::href;
use crate::icon::{Icon, icon, labelled};
use crate::words;

/// Tags shown in one place; the rest are counted.
pub const TAGS_MAX: usize = 12;

/// What a state means, which decides its shape and its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Proven good: *Healthy*, *Working*.
    Ok,
    /// Needs attention: *Slowed*, *Held*.
    Warn,
    /// Proven bad: *Refused*, *Failed*.
    Bad,
    /// Not measured; never fine, never zero.
    Idle,
    /// At work: *Running*.
    Run,
    /// For somebody or something: *Waiting*.
    Wait,
    /// Stopped by a person: *Paused*.
    Pause,
    /// Set apart by a decision: *Excepted*.
    Excepted,
    /// Does not apply here.
    NotApplicable,
}

impl Light {
    pub(crate) const fn icon(self) -> Icon {
        match self {
            Light::Ok => Icon::Ok,
            Light::Warn => Icon::Warn,
            Light::Bad => Icon::Bad,
            Light::Idle => Icon::Idle,
            Light::Run => Icon::Run,
            Light::Wait => Icon::Wait,
            Light::Pause => Icon::Pause,
            Light::Excepted => Icon::Excepted,
            Light::NotApplicable => Icon::NotApplicable,
        }
    }

    pub(crate) const fn class(self) -> &'static str {
        match self {
            Light::Ok => "is-ok",
            Light::Warn => "is-warn",
            Light::Bad => "is-bad",
            Light::Run => "is-run",
            Light::Idle | Light::Wait | Light::Pause | Light::Excepted | Light::NotApplicable => "is-idle",
        }
    }
}

/// The shape of a state alone, beside a word that says it.
#[must_use]
pub(crate) fn shape(state: Light) -> Markup {
    html! { span class={ "light " (state.class()) } { (icon(state.icon())) } }
}

/// The shape of a state alone, with its word for screen readers.
#[must_use]
pub(crate) fn shape_saying(state: Light, word: &str) -> Markup {
    html! { span class={ "light " (state.class()) } { (labelled(state.icon(), word)) } }
}

/// A state with its one word: `light(Light::Ok, "Healthy")`.
#[must_use]
pub fn light(state: Light, word: &str) -> Markup {
    html! { span.state { (shape(state)) (word) } }
}

/// The tone of a badge or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Tone {
    /// Says something without judging it.
    #[default]
    Plain,
    /// Singles something out: *Primary*, *beta*.
    Note,
    /// Good.
    Ok,
    /// Needs attention.
    Warn,
    /// Bad.
    Bad,
    /// Not measured.
    Idle,
}

impl Tone {
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Tone::Plain | Tone::Idle => "is-plain",
            Tone::Note => "is-note",
            Tone::Ok => "is-ok",
            Tone::Warn => "is-warn",
            Tone::Bad => "is-bad",
        }
    }

    pub(crate) const fn light(self) -> Option<Light> {
        match self {
            Tone::Plain | Tone::Note => None,
            Tone::Ok => Some(Light::Ok),
            Tone::Warn => Some(Light::Warn),
            Tone::Bad => Some(Light::Bad),
            Tone::Idle => Some(Light::Idle),
        }
    }
}

/// The state of the thing named next to it.
#[must_use]
pub fn badge(tone: Tone, words: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { @if let Some(state) = tone.light() { (icon(state.icon())) } (words) } }
}

/// A badge that leads somewhere: `badge_link(Tone::Warn, "APAC as of 08:58", "/integrations/7")`.
#[must_use]
pub fn badge_link(tone: Tone, words: &str, address: &str) -> Markup {
    html! {
        a class={ "badge " (tone.class()) } href=(href(address)) {
            @if let Some(state) = tone.light() { (icon(state.icon())) } (words)
        }
    }
}

/// A label that people gave.
#[must_use]
pub fn tag(text: &str) -> Markup {
    html! { span.tag { (words::name(text)) } }
}

/// Labels that people gave: the first [`TAGS_MAX`], and how many more there are.
#[must_use]
pub fn tags<T: AsRef<str>>(all: &[T]) -> Markup {
    html! {
        @if all.is_empty() { (words::absent("no tags")) } @else {
            span.tags {
                @for text in all.iter().take(TAGS_MAX) { (tag(text.as_ref())) }
                @if all.len() > TAGS_MAX { span.muted { "and " (all.len() - TAGS_MAX) " more" } }
            }
        }
    }
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// Four bars and a word.
    #[must_use]
    pub fn render(self) -> Markup {
        let (class, glyph, word) = match self {
            Severity::Low => ("sev sev-1", Icon::Low, "Low"),
            Severity::Medium => ("sev sev-2", Icon::Medium, "Medium"),
            Severity::High => ("sev sev-3", Icon::High, "High"),
            Severity::Critical => ("sev sev-4", Icon::Critical, "Critical"),
        };
        html! { span class=(class) { (icon(glyph)) (word) } }
    }
}

/// A source that has a record of something.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The glyph of its kind: [`Icon::Shield`], [`Icon::SentinelOne`], [`Icon::Radar`], [`Icon::Grid`], [`Icon::Braces`],
    /// [`Icon::Nodes`], [`Icon::Pencil`].
    pub icon: Icon,
    /// Its name, for the pointer, for screen readers and for what is copied.
    pub name: &'a str,
    /// It had a record and has none now; the box is dashed.
    pub gone: bool,
}

/// The sources of a row, one box each.
#[must_use]
pub fn sources(all: &[Source<'_>]) -> Markup {
    html! {
        @if all.is_empty() { (words::absent("no source")) } @else {
            span.from {
                @for source in all {
                    @let said = if source.gone { format!("{}, no longer there", source.name) } else { source.name.to_owned() };
                    span.gone[source.gone] title=(words::cut(&said, words::TITLE_MAX)) { (icon(source.icon)) span.sr { (said) } }
                }
            }
        }
    }
}

/// A source's glyph in its box, without its name: stands before the name.
#[must_use]
pub(crate) fn boxed(which: Icon) -> Markup {
    html! { span.from { span { (icon(which)) } } }
}
