//! Help: how to get started, what states mean, whom to ask, and what a problem's type refers to.

pub(crate) mod guide;
mod pages;
mod trouble;

pub use trouble::trouble_page;

use crate::route::{Route, Who, page};

/// Its routes.
pub fn routes() -> Vec<Route> {
    vec![
        page(ui::page::paths::HELP, Who::Person, pages::show),
        page("/help/set-up", Who::Person, pages::set_up),
        page("/help/token", Who::Person, pages::token),
        page("/help/trouble", Who::Person, pages::trouble),
        page("/help/problems", Who::Person, pages::problems),
    ]
}

/// A part of the set-up guide as text for a terminal, by its heading; empty if there is none of that heading.
#[must_use]
pub fn guide_part(heading: &str) -> String {
    guide::part(heading).map(|part| part.plain()).unwrap_or_default()
}
