//! The set-up guide: one text, docs/set-up.md, for the documentation, these pages and the terminal.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use ui::{Card, Markup, PreEscaped};

/// The guide.
const TEXT: &str = include_str!("../../../../docs/set-up.md");

/// Pages of the documentation that are pages here too. Links to others are plain words here.
const HERE: [(&str, &str); 2] = [("set-up.md", "/help/set-up"), ("troubleshooting.md", "/help/trouble")];

/// A part of the guide: its heading, and what stands under it.
pub(crate) struct Part {
    pub(crate) heading: &'static str,
    text: &'static str,
}

/// Its parts, in their order.
pub(crate) fn parts() -> impl Iterator<Item = Part> {
    TEXT.split("\n## ").skip(1).map(|part| {
        let (heading, text) = part.split_once('\n').unwrap_or((part, ""));
        Part { heading: heading.trim(), text }
    })
}

/// A part by its heading.
pub(crate) fn part(heading: &str) -> Option<Part> {
    parts().find(|part| part.heading == heading)
}

impl Part {
    /// As a card of a page.
    pub(crate) fn card(&self) -> Markup {
        let id = slug(self.heading);
        Card { id: &id, heading: self.heading, body: drawn(self.text), ..Card::default() }.render()
    }

    /// As text for a terminal.
    pub(crate) fn plain(&self) -> String {
        format!("{}\n{}\n", self.heading, self.text.trim_end().replace("### ", "").replace(['*', '`'], ""))
    }
}

/// The name of a heading in an address.
pub(crate) fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .split(|sign: char| !sign.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// Our own markdown as markup. It holds no HTML, and what looks like it is text.
fn drawn(text: &str) -> Markup {
    let mut out = String::new();
    let mut kept = Vec::new();
    let events = Parser::new_ext(text, Options::empty()).filter_map(|event| {
        Some(match event {
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            Event::Start(Tag::List(Some(_))) => markup("<ol class=\"listed\">"),
            Event::Start(Tag::List(None)) => markup("<ul class=\"listed\">"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let here = address(&dest_url);
                kept.push(here.is_some());
                markup_of(format!("<a href=\"{}\">", here?))
            }
            Event::End(TagEnd::Link) if kept.pop() == Some(false) => return None,
            other => other,
        })
    });
    html::push_html(&mut out, events);
    PreEscaped(out)
}

fn markup(text: &'static str) -> Event<'static> {
    Event::Html(CowStr::Borrowed(text))
}

fn markup_of(text: String) -> Event<'static> {
    Event::Html(text.into())
}

/// Where a link of the documentation leads here.
fn address(link: &str) -> Option<&'static str> {
    HERE.iter().find(|(file, _)| *file == link).map(|(_, page)| *page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_the_parts_that_pages_show() {
        let all: Vec<&str> = parts().map(|part| part.heading).collect();
        assert_eq!(all, ["In four steps", "What you need", "Get a token", "Account or site", "Most frequent troubles"]);
        let steps = part("In four steps").unwrap();
        assert_eq!(steps.text.lines().filter(|line| line.starts_with(|sign: char| sign.is_ascii_digit())).count(), 4);
        let ways = part("Get a token").unwrap().text.matches("\n1. ").count();
        assert_eq!(ways, 3, "three ways to a token");
        let revoke = part("Get a token").unwrap().text.split("### To revoke it").nth(1).unwrap();
        for words in ["*My User*", "*Service Users*", "*Refused*", "*Reconnect*"] {
            assert!(revoke.contains(words), "{words} is not in {revoke}");
        }
    }

    #[test]
    fn markdown_becomes_markup_of_these_pages_and_nothing_else() {
        let made = drawn("1. One\n\n[a](troubleshooting.md) [b](../SECURITY.md) [c](javascript:x) <b onclick=x>").0;
        assert!(
            made.contains("<ol class=\"listed\">") && made.contains("<a href=\"/help/trouble\">a</a> b c"),
            "{made}"
        );
        assert!(!made.contains("<b ") && !made.contains("javascript"), "{made}");
        for part in parts() {
            let card = part.card().0;
            assert!(!card.contains("style=") && !card.contains(".md\"") && card.contains("class=\"card"), "{card}");
            assert!(!part.plain().contains(['*', '`']));
        }
        assert_eq!(slug("Account or site"), "account-or-site");
    }
}
