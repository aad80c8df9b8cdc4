//! Two people, or two tabs, with the same form: whoever saves second is told, and sees both values.
//!
//! A form that changes what is stored carries the [`stamp`] of what it was filled with. If the stored values have another by
//! the time that it is sent, nothing is saved; the form stands there as it was filled in, with what is stored now beside it.

use sha2::{Digest as _, Sha256};
use ui::{Flash, Markup, Tone, html};

use crate::fields::Fields;

/// The name of the field that carries the stamp.
const NAME: &str = "stamp";
/// The longest value that is shown beside what was entered, in characters.
const VALUE_CHARS_MAX: usize = 200;

/// Tells one state of what a form edits from another.
pub(crate) fn stamp(values: &[&str]) -> String {
    use std::fmt::Write as _;
    let digest = values.iter().fold(Sha256::new(), |digest, value| {
        digest.chain_update((value.len() as u64).to_be_bytes()).chain_update(value)
    });
    digest.finalize()[..8].iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The field that carries it.
pub(crate) fn carries(stamp: &str) -> Markup {
    html! { input type="hidden" name=(NAME) value=(stamp); }
}

/// Whether what is stored is not what the form was filled with. Who sends no stamp, as a program does that fills in the form by
/// itself, means what is stored now.
pub(crate) fn is_stale(sent: &Fields, stamp: &str) -> bool {
    sent.opt(NAME).is_some_and(|known| known != stamp)
}

/// What is said above the form whose save was refused: what differs, as it is stored now and as it was entered. Each is a
/// label, what is stored and what was entered.
pub(crate) fn both(values: &[(&str, &str, &str)]) -> Markup {
    let shown = |text: &str| {
        let cut: String = text.chars().take(VALUE_CHARS_MAX).collect();
        if cut.is_empty() { ui::absent("empty") } else { ui::name(&cut) }
    };
    let flash = Flash {
        tone: Tone::Bad,
        what: "Somebody else changed this meanwhile, so nothing was saved.",
        then: "Look at what is stored now. Saving again puts what you entered in its place.",
        link: None,
    };
    html! {
        (flash.render())
        ul.listed {
            @for (label, stored, entered) in values.iter().filter(|(_, stored, entered)| stored != entered) {
                li { (label) ": stored now " b { (shown(stored)) } ", entered by you " b { (shown(entered)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_tells_what_was_moved_between_two_fields() {
        assert_ne!(stamp(&["ab", "c"]), stamp(&["a", "bc"]));
        assert_eq!(stamp(&["ab", "c"]), stamp(&["ab", "c"]));
        let sent = Fields::read(format!("{NAME}={}", stamp(&["a"])).as_bytes());
        assert!(!is_stale(&sent, &stamp(&["a"])) && is_stale(&sent, &stamp(&["b"])));
        assert!(!is_stale(&Fields::default(), &stamp(&["a"])));
    }

    #[test]
    fn what_differs_is_shown_and_nothing_else() {
        let page = both(&[("Name", "one", "two"), ("Site", "same", "same"), ("Groups", "", "<b>")]).0;
        assert!(page.contains("one") && page.contains("two") && !page.contains("Site"), "{page}");
        assert!(page.contains("empty") && !page.contains("<b><b>"), "{page}");
    }
}
