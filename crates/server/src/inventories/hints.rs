//! What else to ask, where plain words found nothing: saved questions and terms with a field that have to do with the words.

use std::cmp::Reverse;

use inventory::SavedQuery;
use kernel::Timestamp;
use query::tree::{Node, NodeKind};
use query::{Field, Inventory, Type};
use ui::{Markup, html};

use super::{saved, to};
use crate::problem::capital;

/// Saved questions that are offered, and terms.
const OFFERED: usize = 3;
/// Words of a question that are looked at.
const WORDS_MAX: usize = 12;
/// The shortest word that has a meaning of its own.
const WORD_CHARS_MIN: usize = 3;
/// Words by which people ask for what is missing, as `not` and `no:` do.
const LACKING: [&str; 5] = ["without", "missing", "lacking", "not", "unprotected"];

/// Whether a question is words alone: none of it names a field.
pub(super) fn is_plain(text: &str) -> bool {
    fn is_bare(node: &Node) -> bool {
        match &node.kind {
            NodeKind::Bare(_) => true,
            NodeKind::And(all) | NodeKind::Or(all) => all.iter().all(is_bare),
            NodeKind::Not(inside) => is_bare(inside),
            _ => false,
        }
    }
    let (tree, _) = query::parse(text);
    tree.root.as_ref().is_some_and(is_bare)
}

/// The words of a question, folded, one of several as one: *laptops* is *laptop*.
fn words(text: &str) -> Vec<String> {
    let folded = kernel::fold(text);
    let all = folded.split(|character: char| !character.is_alphanumeric());
    let all = all.filter(|word| word.chars().count() >= WORD_CHARS_MIN).map(|word| {
        let one = word.strip_suffix('s').filter(|one| one.chars().count() >= WORD_CHARS_MIN);
        one.unwrap_or(word).to_owned()
    });
    all.take(WORDS_MAX).collect()
}

fn lacks(asked: &[String]) -> bool {
    asked.iter().any(|word| LACKING.contains(&word.as_str()))
}

/// How many of the words a text has.
fn had(asked: &[String], text: &str) -> usize {
    let known = words(text);
    asked.iter().filter(|word| known.contains(word)).count()
}

/// A term that is offered, what it asks, and how near it is to the words.
struct Hint {
    term: String,
    field: &'static Field,
    near: usize,
}

/// What a field has to do with the words: a word of its set, its name, what it means.
fn hint(field: &'static Field, asked: &[String]) -> Option<Hint> {
    if field.example.is_empty() {
        return None;
    }
    if let Type::Enum(choices) = &field.ty {
        let is_meant = |word: &&String| {
            choices.values.iter().any(|choice| choice.value == word.as_str() || choice.aliases.contains(&word.as_str()))
        };
        if let Some(word) = asked.iter().find(is_meant) {
            return Some(Hint { term: format!("{}:{word}", field.name), field, near: 4 });
        }
    }
    let turned = lacks(asked) && field.example.starts_with("not ");
    let near = had(asked, field.prose) + 2 * had(asked, field.name) + if turned { 2 } else { 0 };
    (near > usize::from(turned) * 2).then(|| Hint { term: field.example.to_owned(), field, near })
}

/// The terms that come nearest; of an inventory whose fields have nothing to do with the words, those that it shows.
fn hints(what: &'static Inventory, asked: &[String]) -> Vec<Hint> {
    let mut all: Vec<Hint> = what.fields.iter().filter_map(|field| hint(field, asked)).collect();
    all.sort_by_key(|hint| Reverse(hint.near));
    if all.is_empty() {
        let shown = what.default_fields.iter().filter_map(|name| what.field(name));
        let shown = shown.filter(|field| !field.example.is_empty() && field.name != "name");
        all = shown.map(|field| Hint { term: field.example.to_owned(), field, near: 0 }).collect();
    }
    all.truncate(OFFERED);
    all
}

/// The saved questions of an inventory that come nearest, those that come with the program before a household's own.
fn near<'a>(what: &Inventory, all: &'a [SavedQuery], asked: &[String]) -> Vec<&'a SavedQuery> {
    let near = |one: &SavedQuery| had(asked, &format!("{} {}", one.name, one.prose));
    let mut all: Vec<&SavedQuery> = all.iter().filter(|one| one.inventory == what.name).collect();
    all.sort_by_key(|one| (Reverse(near(one)), one.made_by.is_some()));
    all.truncate(OFFERED);
    all
}

/// What is offered below an answer without rows.
pub(super) fn render(what: &'static Inventory, all: &[SavedQuery], text: &str, now: Timestamp) -> Markup {
    let asked = words(text);
    let (hints, near) = (hints(what, &asked), near(what, all, &asked));
    html! {
        div.hints.flow {
            p {
                "Words without a field are looked for in " (what.bare.join(", ")) " alone, and each has to be there. "
                "A field and a colon before a word ask for more."
            }
            ul.listed {
                @for hint in &hints {
                    li { a href=(to(what.name, &hint.term)) { code { (hint.term) } } " " span.muted { (capital(hint.field.prose)) } }
                }
            }
            @if !near.is_empty() {
                p { "Or one of the saved questions:" }
                ul.listed {
                    @for one in &near {
                        li {
                            a href=(saved::leads(one, now)) { (saved::called(&one.name)) } " "
                            span.muted { (capital(&one.prose)) } " " code { (one.text) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_alone_name_no_field() {
        for (text, plain) in [
            ("laptops without agent", true),
            ("not laptop or \"one two\"", true),
            ("os:windows laptop", false),
            ("has:owner", false),
            ("", false),
            ("(", false),
        ] {
            assert_eq!(is_plain(text), plain, "{text}");
        }
    }

    #[test]
    fn what_is_offered_has_to_do_with_the_words() {
        let assets = inventory::catalogue().inventory("assets").unwrap();
        let terms = |text: &str| hints(assets, &words(text)).into_iter().map(|hint| hint.term).collect::<Vec<_>>();
        let found = terms("laptops without agent");
        assert_eq!(found[0], "type:laptop", "{found:?}");
        assert!(found.contains(&"not edr.name:SentinelOne".to_owned()), "{found:?}");
        assert_eq!(terms("qwertz").len(), OFFERED, "what has to do with nothing still shows how to ask");
    }
}
