//! What is said to the reader: messages, empty states, loading, dialogs.

use maud::{Markup, html};

use crate::form::{Button, Csrf};
use crate::href::href;
use crate::icon::{Icon, labelled};
use crate::page::{Nav, Place};
use crate::state::{Tone, shape};

/// Rows drawn while a table loads.
const LOADING_ROWS: usize = 3;

/// A message at the top of the main part, after a redirect, or inside a card.
#[derive(Clone, Debug)]
pub struct Flash<'a> {
    /// Good, attention, bad, or plain.
    pub tone: Tone,
    /// What happened: *Saved.*
    pub what: &'a str,
    /// What it means and what to do; may be empty.
    pub then: &'a str,
    /// A link that helps: its words and its address.
    pub link: Option<(&'a str, &'a str)>,
}

impl Flash<'_> {
    /// The message. Bad ones interrupt a screen reader, others wait.
    #[must_use]
    pub fn render(&self) -> Markup {
        let role = if self.tone == Tone::Bad { "alert" } else { "status" };
        html! {
            div class={ "flash " (self.tone.class()) } role=(role) {
                @if let Some(state) = self.tone.light() { (shape(state)) }
                p {
                    b { (self.what) } @if !self.then.is_empty() { " " (self.then) }
                    @if let Some((words, address)) = self.link { " " a href=(href(address)) { (words) } }
                }
            }
        }
    }
}

/// An answer without rows: what was asked, out of how many, and the first term that leaves none.
#[derive(Clone, Debug)]
pub struct Empty<'a> {
    /// *No asset matches, out of 2,486*
    pub heading: &'a str,
    /// Why, and what to do.
    pub why: Markup,
    /// One link onward: its words and its address.
    pub link: Option<(&'a str, &'a str)>,
}

impl Empty<'_> {
    /// The answer, for the place of the rows.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            div.empty {
                p { b { (self.heading) } }
                p { (self.why) }
                @if let Some((words, address)) = self.link { p { a href=(href(address)) { (words) } } }
            }
        }
    }
}

/// Rows that are still being counted, for a table of that many columns. The table needs `aria-busy`, see
/// [`crate::Table::busy`].
#[must_use]
pub fn loading(columns: usize) -> Markup {
    html! {
        @for _ in 0..LOADING_ROWS {
            tr { @for column in 0..columns.min(crate::table::COLUMNS_MAX) { td { span.skel.short[column > 0] {} } } }
        }
    }
}

/// A question before something whose result cannot be seen. The title is the question, the buttons are its verbs.
///
/// The button that leads here is a link to `#id`: the dialog shows as the target of the address without a script, and as a
/// real dialog with one.
#[derive(Clone, Debug)]
pub struct Dialog<'a> {
    /// An identifier of its own on the page.
    pub id: &'a str,
    /// The question: *Split off the CMDB record?*
    pub question: &'a str,
    /// What follows from it.
    pub body: Markup,
    /// The safe verb: *Keep together*.
    pub safe: &'a str,
    /// The verb that acts: *Split off*.
    pub verb: &'a str,
    /// It destroys something.
    pub danger: bool,
    /// Where the verb posts to.
    pub action: &'a str,
    /// The session's token.
    pub csrf: Csrf<'a>,
}

impl Dialog<'_> {
    /// The dialog, closed.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            dialog.dialog id=(self.id) aria-labelledby={ (self.id) "-question" } {
                form method="post" action=(href(self.action)) {
                    (self.csrf.field())
                    header { h2 id={ (self.id) "-question" } { (self.question) } }
                    div.flow { (self.body) }
                    footer {
                        a.btn href="#" data-close { (self.safe) }
                        button.btn.btn-main[!self.danger].btn-danger[self.danger] type="submit" { (self.verb) }
                    }
                }
            }
        }
    }

    /// The link that opens it.
    #[must_use]
    pub fn opener(&self, what: &Button<'_>) -> Markup {
        html! { a class=(what.class()) href={ "#" (self.id) } data-dialog=(self.id) { (what.inside()) } }
    }
}

/// Keys pressed one after the other, and what they do.
type Shortcut = (&'static [&'static str], &'static str);

/// Pages that a key leads to after `g`.
const GO: [(&str, Place); 7] = [
    ("o", Place::Overview),
    ("a", Place::Assets),
    ("s", Place::Software),
    ("v", Place::Vulnerabilities),
    ("f", Place::Findings),
    ("c", Place::Checks),
    ("i", Place::Integrations),
];

/// The keys, as a dialog that `?` opens and that Help links to; those to pages that are in the navigation.
pub(crate) fn keys(nav: &[Nav<'_>]) -> Markup {
    const KEYS: [(&str, &[Shortcut]); 2] = [
        (
            "Rows",
            &[
                (&["j"], "Next row"),
                (&["k"], "Previous row"),
                (&["Enter"], "Open it"),
                (&["x"], "Select it"),
                (&["Shift", "x"], "Select from the last one to here"),
                (&["["], "Previous page"),
                (&["]"], "Next page"),
            ],
        ),
        (
            "Everywhere",
            &[
                (&["/"], "Query box"),
                (&["y"], "Copy the address of this view"),
                (&["Esc"], "Close, then clear the selection"),
                (&["?"], "These keys"),
            ],
        ),
    ];
    html! {
        dialog.dialog.keys id="keys" aria-labelledby="keys-heading" {
            header.line {
                h2 #keys-heading { "Keys" }
                a.btn.btn-quiet.btn-icon.end href="#" data-close { (labelled(Icon::Close, "Close")) }
            }
            div.key-lists {
                section {
                    h3 { "Go" }
                    dl {
                        @for (key, place) in GO {
                            @if nav.iter().any(|entry| entry.place == place) {
                                div { dt { kbd { "g" } " " kbd { (key) } " " } dd { (place.label()) } }
                            }
                        }
                    }
                }
                @for (heading, list) in KEYS {
                    section {
                        h3 { (heading) }
                        dl {
                            @for (keys, what) in list {
                                div { dt { @for key in *keys { kbd { (key) } " " } } dd { (what) } }
                            }
                        }
                    }
                }
            }
            p.muted.small { "They work outside fields, and can be switched off in your account." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_where_the_navigation_has_its_page() {
        let told = keys(&[Nav::to(Place::Overview), Nav::to(Place::Assets)]).0;
        assert!(told.contains("<dd>Assets</dd>") && !told.contains("<dd>Checks</dd>"), "{told}");
    }
}
