//! Parts as they are written, one snapshot each; attributes begin lines, so that a change can be read.

use kernel::Timestamp;
use ui::card::Consent;
use ui::{
    Bars, Button, Cell, Choice, Column, Csrf, Dialog, Empty, Event, Field, Fill, Flash, Foot, Histogram, Icon,
    IntegrationCard, Joined, Kind, Light, Line, Markup, Mistake, Part, Progress, QueryBox, QueryError, Row, Select,
    Severity, Slot, Sort, Source, Tab, Table, Tally, Task, Term, Tile, Tone, html,
};

/// One element a line.
fn lines(page: &Markup) -> String {
    page.0.replace("><", ">\n<")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time of the vendor's form")
}

#[test]
fn marks_of_state() {
    insta::assert_snapshot!(lines(&html! {
        (ui::light(Light::Ok, "Healthy")) (ui::badge(Tone::Warn, "Ends in 13 days")) (Severity::High.render())
        (ui::tags(&["tier: 2"])) (ui::sources(&[Source { icon: Icon::Shield, name: "SentinelOne", gone: true }]))
        (ui::absent("never seen"))
    }));
}

#[test]
fn a_tally_with_its_key() {
    let part = |label, count, fill| Part { label, count, fill, href: Some("/assets"), note: "" };
    let tally = Tally {
        noun: "endpoints",
        parts: vec![part("Protected", 2041, Fill::Ok), part("Not measured", 11, Fill::Hatch)],
    };
    insta::assert_snapshot!(lines(&tally.render()));
}

#[test]
fn tiles_and_progress() {
    insta::assert_snapshot!(lines(&html! {
        (ui::tiles(&[Tile { label: "Assets", figure: 2486, of: "+12 in 7 days", of_href: None, href: None, past: &[1.0, 3.0, 2.0], fill: Fill::One }]))
        (Progress { id: "sweep", label: "61 % of 2 networks", done: Some((61, 100)), poll: Some("/tasks/7/progress"), within: None }.render())
        (Progress { id: "other", label: "Counting", done: None, poll: None, within: None }.render())
    }));
}

#[test]
fn a_question_with_its_reading() {
    let terms = [
        Term { joins: "", text: "os:windows", left: 1874 },
        Term { joins: "and not", text: "type:server", left: 1561 },
    ];
    let query = QueryBox {
        label: "Ask about assets",
        action: "/assets",
        value: "os:windows and not type:server",
        keep: &[("sort", "-seen")],
        complete: Some("/assets/complete"),
        wrong: false,
        reading: ui::reading(&terms, 2486, "assets"),
    };
    insta::assert_snapshot!(lines(&query.render()));
}

#[test]
fn a_question_that_was_not_understood() {
    let error = |at| {
        QueryError {
            question: "ö edr.nam:x",
            mistakes: &[Mistake { at, says: "There is no field edr.nam in assets" }],
            fix: Some(("Use edr.name", "/assets?q=edr.name:x")),
            others: &[],
        }
        .render()
    };
    let query = QueryBox {
        label: "Ask about assets",
        action: "/assets",
        value: "ö edr.nam:x",
        keep: &[],
        complete: None,
        wrong: true,
        reading: html! {},
    };
    insta::assert_snapshot!(lines(&html! { (query.render()) (error(2..9)) (error(11..11)) }));
}

#[test]
fn a_histogram_says_in_words_what_it_shows_and_each_column_leads_on() {
    let slot = |label: &str, all, bad| Slot {
        label: label.to_owned(),
        count: Some(all),
        bad,
        href: (all > 0).then(|| format!("/findings?q={label}")),
    };
    let picture = Histogram {
        id: "f",
        heading: "Findings by day",
        says: "By day.",
        noun: ("finding", "findings"),
        bad: "not resolved",
        rest: "resolved",
        slots: vec![slot("9 Nov", 2, 1), slot("10 Nov", 0, 0), slot("11 Nov", 1, 0)],
    }
    .render()
    .0;
    for text in [
        "3 findings, 1 not resolved, from 9 Nov to 11 Nov; the most on 9 Nov: 2.",
        "not resolved: 1",
        "resolved: 2",
        "aria-label=\"11 Nov: 1 finding, 0 not resolved\"",
        // The axis counts in whole ones.
        ">2</text>",
        ">1</text>",
    ] {
        assert!(picture.contains(text), "{text}: {picture}");
    }
    // In the picture and in the table.
    assert_eq!(picture.matches("href=\"/findings?q=").count(), 4, "{picture}");
}

#[test]
fn a_tile_says_in_words_what_its_line_shows() {
    let tile = |past: &[f64]| {
        let tile = Tile { label: "Assets", figure: 5, of: "", of_href: None, href: None, past, fill: Fill::One };
        ui::tiles(&[tile]).0
    };
    assert!(tile(&[7.0, 3.0, 5.0]).contains("2 days before: 7; now: 5; at least 3, at most 7."));
    assert!(!tile(&[]).contains("svg"), "nothing is drawn of what nobody knows");
}

#[test]
fn every_mistake_of_a_question_is_marked_and_said() {
    let mistakes = |places: [std::ops::Range<usize>; 3]| {
        let all = places.map(|at| Mistake { at, says: "There is no such field" });
        QueryError { question: "nam:x and typ:y", mistakes: &all, fix: None, others: &[] }.render().0
    };
    // The later first, and one inside another: in the order of the question, each character once.
    let both = mistakes([10..13, 0..3, 1..2]);
    let marks: Vec<&str> = both.split("<mark").skip(1).map(|part| part.split("</mark>").next().unwrap()).collect();
    assert_eq!(marks, [r#" data-caret="^^^">nam"#, r#" data-caret="^^^">typ"#]);
    assert!(both.contains("</mark>:x and <mark"), "{both}");
    assert_eq!(both.matches("There is no such field").count(), 3);
    for text in ["3 mistakes in the question", "Character 1: ", "Character 11: "] {
        assert!(both.contains(text), "{text}: {both}");
    }
    // Beyond the end, and empty.
    assert!(mistakes([15..15, 99..120, 0..0]).contains("No rows are shown"));
}

#[test]
fn a_table_to_choose_from() {
    let table = Table {
        caption: "Assets, latest seen first. Times in UTC.",
        columns: vec![
            Column::new("Asset").sorted("?sort=name", Sort::No),
            Column::number("Last seen").sorted("?sort=-seen", Sort::Descending),
            Column::verbs(),
        ],
        rows: vec![Row {
            id: "0197",
            name: "NB-LON-0662",
            icon: Some((Icon::Laptop, "Laptop")),
            href: Some("/assets/0197"),
            cells: vec![Cell::number(ui::moment(at("2026-11-20T14:31:00Z"))), Cell::number(html! {})],
            ..Row::default()
        }],
        select: Some(Select { action: "/assets/selected", csrf: Csrf("t") }),
        foot: Some(Foot {
            verbs: ui::button(&Button { words: "Tag", action: Some("/assets/tag"), small: true, ..Button::default() }),
            range: "Rows 1–25 of 41".to_owned(),
            previous: None,
            next: Some("/assets?after=0197"),
        }),
        ..Table::default()
    };
    insta::assert_snapshot!(lines(&table.render()));
}

#[test]
fn tables_without_rows() {
    let columns = || vec![Column::new("Asset"), Column::new("Site")];
    let empty = Empty {
        heading: "No asset matches, out of 2,486",
        why: html! { "There is no site Oslo." },
        link: Some(("Ask without it", "/assets")),
    };
    insta::assert_snapshot!(lines(&html! {
        (Table { caption: "Loading", columns: columns(), instead: Some(ui::loading(2)), busy: true, ..Table::default() }.render())
        (Table { caption: "None", columns: columns(), instead: Some(empty.render()), ..Table::default() }.render())
    }));
}

#[test]
fn fields_of_a_form() {
    let choices = [Choice { value: "high", label: "Critical and high", help: "Most of what matters.", on: true }];
    let field = |name, kind, error| Field { name, label: "Label", help: "Help.", error, required: true, kind };
    let fields = [
        field("text", Kind::Text("10 s"), Some("Enter 30 seconds or more; you entered 10.")),
        field("number", Kind::Number("5", 1, 9), Some("Enter 1 to 9; you entered 50.")),
        field("secret", Kind::Secret("current-password"), None),
        field("code", Kind::Secret("one-time-code"), None),
        field("area", Kind::Area("text"), None),
        field("select", Kind::Select(&choices), None),
        field("check", Kind::Check(&choices), None),
        field("switch", Kind::Switch(false), None),
    ];
    insta::assert_snapshot!(lines(&ui::post(
        Csrf("t"),
        "/save",
        &html! { (ui::errors(&fields)) @for field in &fields { (field.render()) } }
    )));
}

#[test]
fn messages_and_a_dialog() {
    let dialog = Dialog {
        id: "split",
        question: "Split off the CMDB record?",
        body: html! { p { "It stays apart." } },
        safe: "Keep together",
        verb: "Split off",
        danger: true,
        action: "/assets/1/split",
        csrf: Csrf("t"),
    };
    insta::assert_snapshot!(lines(&html! {
        (Flash { tone: Tone::Ok, what: "Saved.", then: "It reads every 5 minutes.", link: Some(("See", "/tasks")) }.render())
        (Flash { tone: Tone::Bad, what: "Not saved.", then: "", link: None }.render())
        (dialog.opener(&Button { words: "Split off", ..Button::default() })) (dialog.render())
    }));
}

#[test]
fn cards_tabs_and_what_needs_a_person() {
    insta::assert_snapshot!(lines(&html! {
        (IntegrationCard {
            icon: Icon::Shield,
            name: "APAC console",
            href: "/integrations/3",
            host: "apac.example",
            state: (Light::Bad, "Refused"),
            message: Some(Flash { tone: Tone::Bad, what: "401 since 09:12 UTC.", then: "Nothing is lost.", link: None }),
            progress: html! {},
            facts: vec![("Token", html! { "ended" })],
            verbs: ui::post_button(Csrf("t"), "/integrations/3/sync", &Button { words: "Sync now", about: "APAC console", ..Button::default() }, &[]),
        }.render())
        (ui::tabs("Saved queries", &[Tab { label: "All", href: "/assets", count: Some(2486), current: true }]))
        (ui::todo(&[Task { state: (Light::Bad, "Failed"), what: "APAC refuses", means: "Not read.", verb: "Reconnect", href: "/i/3", main: true }]))
        (ui::consents(&[
            Consent { value: "", label: "Agents", what: "List them.", required: true, on: true },
            Consent { value: "policies", label: "Policies", what: "Show them.", required: false, on: true },
        ]))
        (ui::stepper(&["Read", "Consent"], 1))
    }));
}

#[test]
fn records_of_one_thing() {
    let joined = |rule| Joined {
        icon: Icon::Radar,
        source: "Office sweep",
        called: "nb-1",
        rule,
        why: html! { "Since 6 Mar 2025." },
        verb: html! {},
    };
    insta::assert_snapshot!(lines(&html! {
        (ui::thread(&[joined(""), joined("Rule R50: two own MAC addresses are equal.")]))
        (ui::timeline(&[Event { at: at("2026-11-20T14:28:00Z"), icon: Icon::Plug, what: html! { b { "Sweep complete." } } }], true))
        (ui::strip(&[("Site", html! { "Berlin" })]))
    }));
}

#[test]
fn charts() {
    let slot = |label: &str, count, bad| Slot { label: label.to_owned(), count, bad, href: None };
    let histogram = Histogram {
        id: "threats",
        heading: "Threats by day",
        says: "By the time they were identified.",
        noun: ("threat", "threats"),
        bad: "unresolved",
        rest: "resolved",
        slots: vec![slot("8 Nov", Some(4), 0), slot("9 Nov", Some(9), 1), slot("10 Nov", None, 0)],
    };
    let day = |day: i64| at("2026-11-08T00:00:00Z").plus_seconds(day * 86_400);
    let line = Line {
        id: "coverage",
        heading: "Endpoints with a working agent",
        says: "Share of those that need one.",
        unit: " %",
        points: vec![(day(0), Some(88.0)), (day(1), Some(89.5)), (day(2), None), (day(3), Some(92.6))],
        second: None,
        marks: vec![ui::Mark { at: day(1), what: "Lab machines left the scope." }],
        from_zero: false,
    };
    let bars = Bars {
        label: "Systems",
        of: 100,
        rows: vec![("Windows 11", 60, Some("/assets")), ("macOS", 10, None)],
        rest: Some((5, 30)),
    };
    insta::assert_snapshot!(lines(&html! { (histogram.render()) (line.render()) (bars.render()) }));
}
