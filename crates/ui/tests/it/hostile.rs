//! Every text argument of every part, given what an attacker would name a machine.

use kernel::Timestamp;
use ui::card::Consent;
use ui::{
    Answer, Bars, Button, Card, Cell, Choice, Column, Completion, Csrf, Density, Dialog, Empty, Event, Field, Fill,
    Flash, Foot, Histogram, Icon, IntegrationCard, Joined, Kind, Layout, Light, Line, Mark, Markup, Mistake, Multiples,
    Nav, Node, Org, Page, Part, Person, Place, Progress, QueryBox, QueryError, Row, Select, Shell, Slot, Sort, Source,
    Tab, Table, Tally, Task, Term, Theme, Tile, Tone, html,
};

use crate::samples;

/// Names that would become markup, leave an attribute, or lead to a script, if anything let them.
const PAYLOADS: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    "\" onmouseover=\"alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</svg><script>alert(1)</script>",
    "<!--<script>",
    "]]><script>alert(1)</script>",
    "javascript:alert(1)",
    "&lt;script&gt;",
    "\u{202e}\u{2066}gpj.exe<b>",
];

fn at() -> Timestamp {
    Timestamp::from_seconds(1_795_000_000)
}

/// Every part, with `x` wherever it takes a text or an address.
fn everything(x: &str) -> Vec<Markup> {
    let csrf = Csrf(x);
    let button = Button {
        words: x,
        about: x,
        value: Some((x, x)),
        action: Some(x),
        icon: Some(Icon::Sync),
        ..Button::default()
    };
    let choices = [Choice { value: x, label: x, help: x, on: true }];
    let field = |kind| Field { name: x, label: x, help: x, error: Some(x), required: false, kind };
    let kinds = [
        Kind::Text(x),
        Kind::Mono(x),
        Kind::Email(x),
        Kind::Url(x),
        Kind::Number(x, 1, 2),
        Kind::Moment(x),
        Kind::Secret(x),
        Kind::Area(x),
        Kind::Select(&choices),
        Kind::Radio(&choices),
        Kind::Check(&choices),
        Kind::Switch(true),
    ];
    let fields = kinds.map(field);
    let flash = Flash { tone: Tone::Bad, what: x, then: x, link: Some((x, x)) };
    let dialog = Dialog { id: x, question: x, body: html! { (x) }, safe: x, verb: x, danger: true, action: x, csrf };
    let table = Table {
        caption: x,
        columns: vec![Column::new(x).sorted(x, Sort::Ascending), Column::number(x)],
        rows: vec![Row {
            id: x,
            name: x,
            icon: Some((Icon::Laptop, x)),
            href: Some(x),
            below: x,
            cells: vec![Cell::text(x)],
            ..Row::default()
        }],
        select: Some(Select { action: x, csrf }),
        foot: Some(Foot { verbs: ui::button(&button), range: x.to_owned(), previous: Some(x), next: Some(x) }),
        ..Table::default()
    };
    let histogram = Histogram {
        id: x,
        heading: x,
        says: x,
        noun: (x, x),
        bad: x,
        rest: x,
        slots: vec![Slot { label: x.to_owned(), count: Some(3), bad: 1, href: Some(x.to_owned()) }],
    };
    let line = Line {
        id: x,
        heading: x,
        says: x,
        unit: x,
        points: vec![(at(), Some(1.0)), (at().plus_seconds(60), Some(2.0))],
        second: Some((vec![Some(1.0), None], [x, x])),
        marks: vec![Mark { at: at(), what: x }],
        from_zero: true,
    };
    let shell = Shell {
        org: Org { id: x, name: x },
        others: vec![Org { id: x, name: x }],
        person: Person { name: x, role: x },
        nav: vec![Nav { place: Place::Checks, count: Some(1), needs: x }],
        here: x,
        csrf,
        theme: Theme::Dark,
        density: Density::Compact,
        keys: true,
    };
    let page = Page {
        crumbs: &[(x, x)],
        flash: Some(flash.clone()),
        layout: Layout::Fill,
        ..Page::new(&shell, Place::Assets, x)
    };
    vec![
        page.render(),
        ui::plain(x, &html! { (x) }, x, &html! { (x) }),
        html! { @for field in &fields { (field.render()) } },
        ui::errors(&fields),
        ui::post(csrf, x, &html! { (x) }),
        ui::post_button(csrf, x, &button, &[(x, x)]),
        ui::link_button(x, &button),
        ui::menu(&button, x, &html! {}),
        ui::item(x, x),
        ui::copy_button(x, x),
        ui::form::barred(x, x),
        flash.render(),
        Empty { heading: x, why: html! { (x) }, link: Some((x, x)) }.render(),
        dialog.render(),
        dialog.opener(&button),
        table.render(),
        histogram.render(),
        line.render(),
        Multiples { id: x, heading: x, says: x, unit: x, charts: vec![(x, vec![Some(1.0), None])] }.render(),
        Bars { label: x, of: 3, rows: vec![(x, 2, Some(x))], rest: Some((1, 1)) }.render(),
        Tally { noun: x, parts: vec![Part { label: x, count: 1, fill: Fill::Ok, href: Some(x), note: x }] }.render(),
        ui::tiles(&[Tile {
            label: x,
            figure: 1,
            of: x,
            of_href: Some(x),
            href: Some(x),
            past: &[1.0],
            fill: Fill::Bad,
        }]),
        Progress { id: x, label: x, done: Some((1, 2)), poll: Some(x), within: None }.render(),
        QueryBox {
            label: x,
            action: x,
            value: x,
            keep: &[(x, x)],
            complete: Some(x),
            wrong: true,
            reading: ui::reading(&[Term { joins: x, text: x, left: 1 }], 2, x),
        }
        .render(),
        ui::find(x, x, x, x),
        ui::completions(&[Completion { insert: x, label: x, kind: x, means: x, rows: Some(1) }], &(0..1)),
        QueryError {
            question: x,
            mistakes: &[Mistake { at: 1..usize::MAX, says: x }, Mistake { at: 0..2, says: x }],
            fix: Some((x, x)),
            others: &[(x, x)],
        }
        .render(),
        Answer {
            total: 1,
            noun: (x, x),
            of: 2,
            exact: true,
            took: 1,
            as_of: at(),
            behind: ui::badge_link(Tone::Warn, x, x),
            verbs: html! {},
        }
        .render(),
        Card { id: x, heading: x, ..Card::default() }.render(),
        IntegrationCard {
            icon: Icon::Shield,
            name: x,
            href: x,
            host: x,
            state: (Light::Bad, x),
            message: Some(flash),
            progress: html! {},
            facts: vec![(x, html! { (x) })],
            verbs: html! {},
        }
        .render(),
        ui::section(x, x, x, &html! {}),
        ui::section_of(x, x, x, (x, x), &html! {}),
        ui::facts(&[(x, html! { (x) })]),
        ui::strip(&[(x, html! { (x) })]),
        ui::tabs(x, &[Tab { label: x, href: x, count: None, current: true }]),
        ui::todo(&[Task { state: (Light::Bad, x), what: x, means: x, verb: x, href: x, main: true }]),
        ui::consents(&[Consent { value: x, label: x, what: x, required: false, on: true }]),
        ui::stepper(&[x], 0),
        ui::thread(&[Joined { icon: Icon::Radar, source: x, called: x, rule: x, why: html! { (x) }, verb: html! {} }]),
        ui::timeline(&[Event { at: at(), icon: Icon::Plug, what: html! { (x) } }], true),
        ui::tree(&[Node { name: x, says: x, below: vec![Node { name: x, ..Node::default() }], ..Node::default() }]),
        ui::light(Light::Ok, x),
        ui::badge(Tone::Ok, x),
        ui::tag(x),
        ui::tags(&[x]),
        ui::sources(&[Source { icon: Icon::Grid, name: x, gone: true }]),
        ui::icon::labelled(Icon::Grid, x),
        ui::name(x),
        ui::name(&x.repeat(40)),
        ui::mono(x),
        ui::absent(x),
    ]
}

/// Names of elements and of attributes, with the values of those that may lead somewhere, as a reader of HTML finds them.
fn walk(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if rest.starts_with('/') || rest.starts_with('!') {
            continue;
        }
        let element: String = rest.chars().take_while(|letter| letter.is_ascii_alphanumeric()).collect();
        rest = &rest[element.len()..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start();
            if rest.is_empty() || rest.starts_with('>') {
                break;
            }
            let name: String = rest.chars().take_while(|letter| !" =>".contains(*letter)).collect();
            rest = &rest[name.len()..];
            let mut value = String::new();
            if let Some(quoted) = rest.strip_prefix("=\"") {
                let end = quoted.find('"').expect("a quote that closes");
                value.push_str(&quoted[..end]);
                rest = &quoted[end + 1..];
            } else if let Some(bare) = rest.strip_prefix('=') {
                let end = bare.find([' ', '>']).unwrap_or(bare.len());
                value.push_str(&bare[..end]);
                rest = &bare[end..];
            }
            attributes.push((name, value));
        }
        found.push((element, attributes));
    }
    found
}

/// What is wrong with a page: an element or an attribute that the content policy refuses, an address that could run.
fn faults(page: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (element, attributes) in walk(page) {
        let has = |name: &str| attributes.iter().any(|(given, _)| given == name);
        if element.is_empty()
            || (element == "script" && !has("src"))
            || ["style", "iframe", "object", "base"].contains(&element.as_str())
        {
            faults.push(format!("<{element}>"));
        }
        for (name, value) in &attributes {
            if name.starts_with("on") || name == "style" || name == "srcdoc" || name.starts_with("hx-on") {
                faults.push(format!("{element} {name}"));
            }
            let leads =
                ["href", "src", "action", "formaction", "hx-get", "hx-post", "data-complete"].contains(&name.as_str());
            if leads && ui::href(value) != value {
                faults.push(format!("{element} {name}={value}"));
            }
        }
    }
    faults
}

#[test]
fn no_text_becomes_markup_and_no_address_becomes_a_script() {
    for payload in PAYLOADS {
        let plain = everything("plain");
        for (place, (page, plain)) in everything(payload).iter().zip(plain).enumerate() {
            assert_eq!(faults(&page.0), Vec::<String>::new(), "part {place} of {payload}");
            // Not one element more or less than with a harmless text, so nothing of it was read as markup.
            let (found, expected) = (walk(&page.0).len(), walk(&plain.0).len());
            assert_eq!(found, expected, "part {place} of {payload}: {}", page.0);
        }
    }
}

#[test]
fn the_search_for_faults_finds_them() {
    for bad in [
        "<p style=\"x\">",
        "<img onerror=\"x\">",
        "<script>x</script>",
        "<a href=\"javascript:x\">",
        "<form action=\"//evil.example\">",
        "<style>",
        "<p onclick=x>",
    ] {
        assert!(!faults(bad).is_empty(), "{bad}");
    }
}

#[test]
fn sample_pages_keep_to_the_content_policy() {
    for (name, page) in samples::pages(Theme::System) {
        assert_eq!(faults(&page.0), Vec::<String>::new(), "{name}");
    }
}
