//! What goes wrong and what to do: made from the tables that decide what cards and logs say, for the page and for
//! docs/troubleshooting.md.

use std::fmt::Write as _;

use sync::IntegrationState;
use sync::health::{self, About, Remedy, Why};

use crate::problem::capital;
use crate::tasks;

/// A state, with its reason where there are several.
pub(super) struct Trouble {
    /// Its name, as on the card and at a terminal.
    pub(super) name: String,
    pub(super) means: String,
    /// The button that leads to the step, if there is one.
    pub(super) verb: Option<&'static str>,
    pub(super) todo: String,
    /// The same for who has a command line; empty if there is nothing to do.
    command: String,
}

/// Every state, the best first.
pub(super) fn all() -> Vec<Trouble> {
    health::every_state().into_iter().map(|(state, why)| trouble(state, why)).collect()
}

fn trouble(state: IntegrationState, why: Option<Why>) -> Trouble {
    let remedy = health::remedy(state, why);
    let todo = if remedy == Remedy::Nothing { "Nothing to do.".to_owned() } else { capital(remedy.words()) };
    let about = About { name: "NAME", subject: Some("STREAM"), host: "HOST" };
    let command = capital(&health::next_step(state, why, about));
    Trouble { name: name(state, why), means: capital(health::meaning(state, why)), verb: remedy.verb(), todo, command }
}

/// What a state is called: the word on its card, and in brackets what a terminal says where that is another:
/// `Refused (authentication failed)`, `Unreachable: DNS`.
fn name(state: IntegrationState, why: Option<Why>) -> String {
    let (_, card) = crate::integrations::words(state, why);
    let word = state.word().replace('_', " ");
    let why = match why {
        None => String::new(),
        Some(why @ (Why::Dns | Why::Tls | Why::Http)) => format!(": {}", why.word().to_uppercase()),
        Some(why) => format!(": {}", why.word().replace('_', " ")),
    };
    match card.to_lowercase() == word {
        true => format!("{card}{why}"),
        false => format!("{card} ({word}{why})"),
    }
}

/// docs/troubleshooting.md.
#[must_use]
pub fn trouble_page() -> String {
    let mut page = String::from(
        "\
<!-- Written by cargo xtask docs from what the program declares; edit that, not this. -->

# When something is wrong

What stands on the card of an integration (in brackets: in `muster doctor` and in the log, where that is another word), what it
means, and the one step that helps. No two states ask for the same wrong thing: only a token that the console refuses asks for
a new one. How to begin is in [set-up.md](set-up.md).

## States

| State | What it means | What to do | At a terminal |
|---|---|---|---|
",
    );
    for Trouble { name, means, verb, todo, command } in all() {
        let verb = verb.map(|verb| format!("*{verb}*. ")).unwrap_or_default();
        let _ = writeln!(page, "| {} | {} | {verb}{} | {} |", cell(&name), cell(&means), cell(&todo), cell(&command));
    }
    page += "
## Codes that a console answers with

| Code | What it means | What to do |
|---|---|---|
";
    for code in tasks::CODES {
        let _ = writeln!(page, "| {} | {} | {} |", code.code, cell(code.means), cell(code.fix(true)));
    }
    page += "
## If none of this helps

Look at the log of the task (its last lines are shown first), run `muster doctor`, and ask whoever your administrator named under
*Settings*: the page *Help* says who. Name the request's number that stands on the page of a problem.
";
    page
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_every_reason_has_its_line() {
        let page = trouble_page();
        for why in Why::ALL {
            let name = name(why.state(), Some(why));
            assert!(page.contains(&format!("| {name} | ")), "{name}");
        }
        for state in IntegrationState::ALL {
            let (_, card) = crate::integrations::words(state, None);
            assert!(page.contains(&format!("\n| {card} ")) || page.contains(&format!("\n| {card}: ")), "{state:?}");
        }
        for code in ["401", "403", "404", "429", "500"] {
            assert!(page.contains(&format!("| {code} | ")), "{code}");
        }
        assert!(
            page.contains("| Refused (authentication failed) | ")
                && page.contains("\n| Healthy (connected) | ")
                && page.contains("*Reconnect*. ")
        );
    }
}
