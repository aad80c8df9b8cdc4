//! Help: how to get started, what states mean, whom to ask, and what a problem's type refers to.

mod pages;

use crate::route::{Route, Who, page};

/// Its routes.
pub fn routes() -> Vec<Route> {
    vec![
        page(ui::page::paths::HELP, Who::Person, pages::show),
        page("/help/token", Who::Person, pages::token),
        page("/help/trouble", Who::Person, pages::trouble),
        page("/help/problems", Who::Person, pages::problems),
    ]
}
