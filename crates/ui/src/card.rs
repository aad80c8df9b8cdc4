//! Cards, tabs, facts, steps and the list of what needs a person.

use maud::{Markup, html};

use crate::form::{Button, link_button};
use crate::href::href;
use crate::icon::{Icon, icon};
use crate::measure::Tile;
use crate::message::Flash;
use crate::state::{Light, boxed, light, shape_saying};
use crate::words::{count, name};

/// Tabs in one strip.
pub const TABS_MAX: usize = 12;
/// Tiles in one strip.
pub const TILES_MAX: usize = 4;

/// A card: heading, body, at most three buttons.
#[derive(Clone, Debug, Default)]
pub struct Card<'a> {
    /// An identifier of its own on the page.
    pub id: &'a str,
    /// What it shows.
    pub heading: &'a str,
    /// Beside the heading: a sentence in muted ink, a badge, a link.
    pub aside: Markup,
    /// The content.
    pub body: Markup,
    /// The content reaches the edges: a table, a to-do list.
    pub flush: bool,
    /// Below the content: at most three buttons, or a sentence.
    pub foot: Markup,
}

impl Card<'_> {
    /// The card.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            section.card aria-labelledby=(self.id) {
                header { h2 id=(self.id) { (self.heading) } (self.aside) }
                @if self.flush { (self.body) } @else { div.body.flow { (self.body) } }
                @if !self.foot.0.is_empty() { footer { (self.foot) } }
            }
        }
    }
}

/// Fields of a form that most leave as they are, folded up under what they are set to. Without a script it opens as any other
/// `details`; its form is a [`crate::form::post_folded`].
#[derive(Clone, Debug)]
pub struct Fold<'a> {
    /// An identifier of its own on the page.
    pub id: &'a str,
    /// What is chosen there: *Schedule*.
    pub heading: &'a str,
    /// What it is set to, in one line; shown while it is folded up.
    pub says: &'a str,
    /// It stands open: somebody came for it, or a field of it is wrong.
    pub open: bool,
    /// The fields.
    pub body: Markup,
}

impl Fold<'_> {
    /// The card, folded up or open.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            details.card.fold id=(self.id) open[self.open] {
                summary {
                    h2 { (self.heading) }
                    span.muted.says { (self.says) }
                    // Once a field was touched, the line above is of before.
                    span.muted.touched { "Changed here" }
                }
                div.body.flow { (self.body) }
            }
        }
    }
}

/// A section of a page: its heading, a sentence, the content.
#[must_use]
pub fn section(id: &str, heading: &str, says: &str, body: &Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            div.section-head { h2 id=(id) { (heading) } @if !says.is_empty() { p { (says) } } }
            (body)
        }
    }
}

/// A section that shows a few of many: its heading, how many of how many, and the link to all of them.
#[must_use]
pub fn section_of(id: &str, heading: &str, says: &str, all: (&str, &str), body: &Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            div.section-head { h2 id=(id) { (heading) } p { (says) } a.end href=(href(all.1)) { (all.0) } }
            (body)
        }
    }
}

/// An integration, with its light and what its state means. The worst come first.
#[derive(Clone, Debug)]
pub struct IntegrationCard<'a> {
    /// The glyph of its kind.
    pub icon: Icon,
    /// Its name.
    pub name: &'a str,
    /// Its own page.
    pub href: &'a str,
    /// The console's host, or what it reads.
    pub host: &'a str,
    /// Its state and the word for it.
    pub state: (Light, &'a str),
    /// What happened, since when, what Muster does and what you do, unless it is healthy.
    pub message: Option<Flash<'a>>,
    /// A progress bar, while it runs; may be empty.
    pub progress: Markup,
    /// Last complete, token, next, assets.
    pub facts: Vec<(&'a str, Markup)>,
    /// At most three buttons.
    pub verbs: Markup,
}

impl IntegrationCard<'_> {
    /// The card.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            article.card {
                header.tight {
                    span.big { (boxed(self.icon)) }
                    div { h3 { a href=(href(self.href)) { (name(self.name)) } } p.muted.small { (name(self.host)) } }
                    span.end { (light(self.state.0, self.state.1)) }
                }
                div.body.flow {
                    @if let Some(message) = &self.message { (message.render()) }
                    (self.progress)
                    dl.facts.tight { @for (label, value) in &self.facts { dt { (label) } dd { (value) } } }
                }
                footer { (self.verbs) }
            }
        }
    }
}

/// Names and values, one below the other.
#[must_use]
pub fn facts(all: &[(&str, Markup)]) -> Markup {
    html! { dl.facts { @for (label, value) in all { dt { (label) } dd { (value) } } } }
}

/// Names and values beside each other, below the head of a page.
#[must_use]
pub fn strip(all: &[(&str, Markup)]) -> Markup {
    html! { dl.strip { @for (label, value) in all { div { dt { (label) } dd { (value) } } } } }
}

/// A tab: a link with its own address.
#[derive(Clone, Copy, Debug)]
pub struct Tab<'a> {
    /// Its words.
    pub label: &'a str,
    /// Its address.
    pub href: &'a str,
    /// How many rows it has.
    pub count: Option<u64>,
    /// It is the one shown.
    pub current: bool,
}

/// Tabs, named for screen readers; at most [`TABS_MAX`].
#[must_use]
pub fn tabs(label: &str, all: &[Tab<'_>]) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            ul {
                @for tab in all.iter().take(TABS_MAX) {
                    li {
                        a href=(href(tab.href)) aria-current=[tab.current.then_some("page")] {
                            (tab.label) @if let Some(rows) = tab.count { " " span.n { (count(rows)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Figures beside each other, at most [`TILES_MAX`].
#[must_use]
pub fn tiles(all: &[Tile<'_>]) -> Markup {
    html! { div.tiles { @for tile in all.iter().take(TILES_MAX) { (tile.render()) } } }
}

/// Something that needs a person: what happened, what it means, one button.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// How bad it is, and the word for it: *Failed*, *Attention*, *Open question*.
    pub state: (Light, &'a str),
    /// What happened.
    pub what: &'a str,
    /// What it means.
    pub means: &'a str,
    /// What to do.
    pub verb: &'a str,
    /// Where it is done.
    pub href: &'a str,
    /// It is the first to do.
    pub main: bool,
}

/// What needs a person, for a flush card.
#[must_use]
pub fn todo(all: &[Task<'_>]) -> Markup {
    html! {
        ul.todo {
            @for task in all {
                li {
                    (shape_saying(task.state.0, task.state.1))
                    div { h3 { (task.what) } p { (task.means) } }
                    (link_button(task.href, &Button {
                        words: task.verb,
                        about: task.what,
                        small: true,
                        weight: if task.main { crate::form::Weight::Main } else { crate::form::Weight::Normal },
                        ..Button::default()
                    }))
                }
            }
        }
    }
}

/// Something that was looked at, and how it is.
#[derive(Clone, Debug)]
pub struct Looked<'a> {
    /// Its mark, and the word for it: *Passed*, *Failed*, *Warning*, *Not tried*.
    pub state: (Light, &'a str),
    /// What was looked at: *The token is accepted*.
    pub what: &'a str,
    /// What was seen there.
    pub says: Markup,
}

/// What was looked at, in its order, for a flush card.
#[must_use]
pub fn looked(all: &[Looked<'_>]) -> Markup {
    html! {
        ul.todo {
            @for one in all {
                li { (shape_saying(one.state.0, one.state.1)) div { h3 { (one.what) } p { (one.says) } } }
            }
        }
    }
}

/// A read that somebody is asked to allow.
#[derive(Clone, Copy, Debug)]
pub struct Consent<'a> {
    /// What is posted when it is allowed.
    pub value: &'a str,
    /// What is read: *Policies*.
    pub label: &'a str,
    /// What for, and what is missing without it.
    pub what: &'a str,
    /// It cannot be declined.
    pub required: bool,
    /// It is allowed.
    pub on: bool,
}

/// The name under which each allowed read is posted.
pub const CONSENT_NAME: &str = "allow";

/// Reads to allow, for a flush card that is a form.
#[must_use]
pub fn consents(all: &[Consent<'_>]) -> Markup {
    html! {
        ul.todo {
            @for read in all {
                li {
                    @if read.required {
                        (icon(Icon::Lock)) div { h3 { (read.label) } p { (read.what) } } span.muted { "Required" }
                    } @else {
                        @let id = format!("{CONSENT_NAME}-{}", read.value);
                        input type="checkbox" id=(id) name=(CONSENT_NAME) value=(read.value) checked[read.on] aria-describedby={ (id) "-what" };
                        div { h3 { label for=(id) { (read.label) } } p id={ (id) "-what" } { (read.what) } }
                        span.muted { "Optional" }
                    }
                }
            }
        }
    }
}

/// The steps of a flow: the ones before `current` are done, counted from 0.
#[must_use]
pub fn stepper(steps: &[&str], current: usize) -> Markup {
    html! {
        ol.steps aria-label="Steps" {
            @for (index, step) in steps.iter().enumerate() {
                li.done[index < current] aria-current=[(index == current).then_some("step")] {
                    @if index < current { (icon(Icon::Tick)) span.sr { "Done: " } }
                    span { (index + 1) ". " (step) }
                }
            }
        }
    }
}
