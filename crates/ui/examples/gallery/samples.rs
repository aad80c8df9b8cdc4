//! Sample pages with made-up content: what the gallery shows, what tests hold against their snapshots.

use kernel::Timestamp;
use ui::card::Consent;
use ui::{
    Answer, Bars, Button, Card, Cell, Choice, Column, Completion, Csrf, Density, Dialog, Empty, Event, Field, Fill,
    Flash, Foot, Histogram, Icon, IntegrationCard, Joined, Kind, Layout, Light, Line, Mark, Markup, Mistake, Multiples,
    Nav, Node, Org, Page, Part, Person, Place, Progress, QueryBox, QueryError, Row, Select, Severity, Shell, Slot,
    Sort, Source, Tab, Table, Tally, Task, Term, Theme, Tile, Tone, Weight, html,
};

const CSRF: Csrf<'static> = Csrf("c3a1f0");
const AGENT: Source<'static> = Source { icon: Icon::Shield, name: "SentinelOne", gone: false };
const SCAN: Source<'static> = Source { icon: Icon::Radar, name: "Network scan", gone: false };
const LIST: Source<'static> = Source { icon: Icon::Grid, name: "CMDB import", gone: false };

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a literal")
}

fn now() -> Timestamp {
    at("2026-11-20T14:32:00Z")
}

fn shell(theme: Theme, here: &str) -> Shell<'_> {
    let plain = |place, count| Nav { place, count: Some(count), needs: "" };
    Shell {
        org: Org { id: "1", name: "Harbour Group" },
        others: vec![Org { id: "2", name: "Harbour Retail" }, Org { id: "3", name: "Harbour Freight" }],
        person: Person { name: "t.lindqvist", role: "operator" },
        nav: vec![
            Nav::to(Place::Overview),
            plain(Place::Assets, 2486),
            plain(Place::Software, 3118),
            plain(Place::Vulnerabilities, 1942),
            plain(Place::Findings, 7),
            Nav::to(Place::Signals),
            Nav::to(Place::Policies),
            Nav { place: Place::Checks, count: Some(4), needs: "failing" },
            Nav::to(Place::Frameworks),
            plain(Place::Exceptions, 6),
            Nav::to(Place::Evidence),
            Nav { place: Place::Integrations, count: Some(2), needs: "need a person" },
            Nav::to(Place::Tasks),
            Nav::to(Place::Credentials),
            Nav::to(Place::Explorers),
            Nav::to(Place::Sites),
            Nav::to(Place::Audit),
            Nav::to(Place::Settings),
        ],
        here,
        csrf: CSRF,
        theme,
        density: Density::Normal,
        keys: true,
    }
}

/// Every page of the gallery by its file's name.
pub fn pages(theme: Theme) -> Vec<(&'static str, Markup)> {
    vec![
        ("parts", parts(theme)),
        ("assets", assets(theme)),
        ("asset", asset(theme)),
        ("overview", overview(theme)),
        ("integrations", integrations(theme)),
        ("question", question(theme)),
        ("connect", connect()),
        ("charts", charts(theme)),
    ]
}

fn verb(words: &str) -> Button<'_> {
    Button { words, ..Button::default() }
}

fn small(words: &'static str, about: &'static str) -> Button<'static> {
    Button { words, about, small: true, ..Button::default() }
}

fn saved(current: usize) -> Markup {
    let names = [
        ("All assets", 2486),
        ("Unprotected Windows workstations", 41),
        ("Agent silent over 14 days", 52),
        ("Seen by one source only", 318),
        ("Critical and exploited", 19),
    ];
    let tabs: Vec<Tab<'_>> = names
        .iter()
        .enumerate()
        .map(|(index, (label, count))| Tab {
            label,
            href: "/assets?saved=1",
            count: Some(*count),
            current: index == current,
        })
        .chain([Tab { label: "All 14 saved", href: "/assets/saved", count: None, current: false }])
        .collect();
    ui::tabs("Saved queries", &tabs)
}

/// The list of assets.
pub fn assets(theme: Theme) -> Markup {
    let shell = shell(theme, "/assets");
    let terms = [
        Term { joins: "", text: "os:windows", left: 1874 },
        Term { joins: "and not", text: "type:server", left: 1561 },
        Term { joins: "and not", text: "edr.name:SentinelOne", left: 41 },
    ];
    let columns = vec![
        Column::new("Asset").sorted("?sort=name", Sort::No),
        Column::new("Operating system").sorted("?sort=os", Sort::No),
        Column::new("Source"),
        Column::new("SentinelOne agent").sorted("?sort=agent", Sort::No),
        Column::new("Site").sorted("?sort=site", Sort::No),
        Column::new("Owner").sorted("?sort=owner", Sort::No),
        Column::new("Primary address").sorted("?sort=address", Sort::No),
        Column::number("Last seen").sorted("?sort=-seen", Sort::Descending),
    ];
    let places = ["London", "Berlin", "Lisbon", "Gdansk"];
    let names: Vec<String> = (0..25)
        .map(|index| match index {
            7 => "a-very-long-name-that-some-directory-gave-to-a-machine-because-nobody-said-stop.corp.harbour.example"
                .to_owned(),
            index => format!(
                "{}-{}-{:04}",
                ["WS", "NB", "KIOSK"][index % 3],
                ["LON", "BER", "LIS", "GDN"][index % 4],
                118 + index * 37
            ),
        })
        .collect();
    let rows = names
        .iter()
        .enumerate()
        .map(|(index, name)| Row {
            id: name,
            name,
            icon: Some([(Icon::Desktop, "Desktop"), (Icon::Laptop, "Laptop"), (Icon::Phone, "Kiosk")][index % 3]),
            href: Some("/assets/0197"),
            cells: vec![
                Cell::text(["Windows 11 24H2", "Windows 11 23H2", "Windows 10 22H2"][index % 3]),
                Cell::new(ui::sources(match index % 4 {
                    0 => &[SCAN],
                    1 => &[SCAN, LIST],
                    2 => &[LIST],
                    _ => &[Source { gone: true, ..AGENT }, SCAN],
                })),
                Cell::new(if index % 4 == 3 {
                    ui::light(Light::Warn, "Uninstalled 2 Nov")
                } else {
                    ui::absent("never seen")
                }),
                Cell::text(places[index % 4]),
                Cell::new(if index % 5 == 2 {
                    ui::absent("no owner")
                } else {
                    ui::name(["Workplace team", "Finance IT"][index % 2])
                }),
                Cell::new(if index % 4 == 2 {
                    ui::absent("none measured")
                } else {
                    ui::mono(&format!("10.{}.8.{}", 20 + index % 4, 11 + index * 7))
                }),
                Cell::number(ui::near(now().plus_seconds(-2700 - i64::try_from(index).unwrap_or(0) * 9100), now())),
            ],
            ..Row::default()
        })
        .collect();
    let columns_menu = html! {
        form action="/assets" {
            h3 { "Shown, in this order" }
            @for column in ["Operating system", "Source", "SentinelOne agent", "Site", "Owner"] {
                label.choice { input type="checkbox" name="col" value=(column) checked; (column) }
            }
            h3 { "Not shown" }
            @for column in ["Type", "First seen", "Serial number", "Tags"] {
                label.choice { input type="checkbox" name="col" value=(column); (column) }
            }
            div.keys { (ui::button(&Button { words: "Show these", small: true, ..Button::default() })) }
        }
    };
    let export = html! {
        h3 { "All 41 rows, the columns shown" }
        (ui::item("/assets.csv", "CSV")) (ui::item("/assets.json", "JSON"))
        h3 { "All 41 rows, every attribute" }
        (ui::item("/assets.jsonl", "JSON lines"))
    };
    let table = Table {
        caption: "Windows assets that are not servers and have no SentinelOne agent. Rows 1 to 25 of 41, latest seen first. Times in UTC.",
        columns,
        rows,
        select: Some(Select { action: "/assets/selected", csrf: CSRF }),
        foot: Some(Foot {
            verbs: html! {
                (ui::button(&Button { words: "Tag", icon: Some(Icon::Tag), action: Some("/assets/tag"), small: true, ..Button::default() }))
                (ui::button(&Button { words: "Set owner", icon: Some(Icon::Person), action: Some("/assets/owner"), small: true, ..Button::default() }))
            },
            range: "Rows 1–25 of 41".to_owned(),
            previous: None,
            next: Some("/assets?after=0197"),
        }),
        ..Table::default()
    };
    let body = html! {
        (saved(1))
        (QueryBox {
            label: "Ask about assets",
            action: "/assets",
            value: "os:windows and not type:server and not edr.name:SentinelOne",
            keep: &[("sort", "-seen")],
            complete: Some("/assets/complete"),
            wrong: false,
            reading: ui::reading(&terms, 2486, "assets"),
        }.render())
        (Answer {
            total: 41,
            noun: ("asset", "assets"),
            of: 2486,
            exact: true,
            took: 6,
            as_of: at("2026-11-20T14:31:00Z"),
            behind: ui::badge_link(Tone::Warn, "APAC as of 08:58", "/integrations/3"),
            verbs: html! {
                (ui::link_button("/assets?explain=1", &Button { words: "Explain", weight: Weight::Quiet, ..Button::default() }))
                (ui::link_button("/assets/saved/2", &Button { words: "Saved", icon: Some(Icon::Saved), ..Button::default() }))
                (ui::menu(&Button { words: "Columns", icon: Some(Icon::Columns), ..Button::default() }, "8 of 34", &columns_menu))
                (ui::menu(&Button { words: "Export", icon: Some(Icon::Download), ..Button::default() }, "", &export))
            },
        }.render())
        div #rows { (table.render()) }
    };
    Page {
        layout: Layout::Fill,
        actions: ui::link_button(
            "/integrations#catalogue",
            &Button { words: "Connect a source", icon: Some(Icon::Plus), ..Button::default() },
        ),
        body,
        ..Page::new(&shell, Place::Assets, "Assets")
    }
    .render()
}

/// A question that was not understood.
pub fn question(theme: Theme) -> Markup {
    let shell = shell(theme, "/assets");
    let completions = [
        Completion {
            insert: "edr.name:",
            label: "edr.name",
            kind: "one of",
            means: "Maker of the agent, for agents that are neither decommissioned nor uninstalled",
            rows: Some(2135),
        },
        Completion {
            insert: "edr.version:",
            label: "edr.version",
            kind: "version",
            means: "Version of that agent",
            rows: Some(2135),
        },
        Completion {
            insert: "edr.state:",
            label: "edr.state",
            kind: "one of",
            means: "Working, weakened, silent",
            rows: Some(2214),
        },
    ];
    let body = html! {
        (saved(9))
        (QueryBox {
            label: "Ask about assets",
            action: "/assets",
            value: "os:windows and not type:server and not edr.nam:SentinelOne",
            keep: &[],
            complete: Some("/assets/complete"),
            wrong: true,
            reading: html! {
                div.pop.complete.static { ul role="listbox" aria-label="Completions, as they show while typing" { (ui::completions(&completions, &(39..46))) } }
            },
        }.render())
        (QueryError {
            question: "os:windows and not type:server and not edr.nam:SentinelOne",
            mistakes: &[Mistake { at: 39..46, says: "There is no field edr.nam in assets" }],
            fix: Some(("Use edr.name", "/assets?q=edr.name:SentinelOne")),
            others: &[("Search for the words edr.nam instead", "/assets?q=edr.nam")],
        }.render())
    };
    Page { layout: Layout::List, body, ..Page::new(&shell, Place::Assets, "Assets") }.render()
}

fn used(text: &str) -> Cell {
    Cell::new(html! { span.who { (ui::icon::labelled(Icon::Tick, "Used")) (ui::name(text)) } })
}

fn other(text: &str) -> Cell {
    Cell::new(html! { span.muted { (ui::name(text)) } })
}

fn plain_row<'a>(name: &'a str, cells: Vec<Cell>) -> Row<'a> {
    Row { name, icon: None, href: None, cells, ..Row::default() }
}

/// One asset.
pub fn asset(theme: Theme) -> Markup {
    let shell = shell(theme, "/assets/0197");
    let facts = ui::strip(&[
        ("Type", html! { "Laptop, Windows 11 Pro 24H2" }),
        ("Site", html! { a href="/sites/4" { "Berlin" } }),
        ("Owner", html! { "Sales IT" }),
        ("Seen by", ui::sources(&[AGENT, SCAN, LIST])),
        ("Last seen", ui::near(at("2026-11-20T14:11:00Z"), now())),
        ("First seen", ui::date(at("2025-03-04T08:00:00Z"))),
        ("Tags", ui::tags(&["tier: 2", "leased"])),
    ]);
    let tabs: Vec<Tab<'_>> = [
        ("Identity", "#identity", None),
        ("Addresses", "#addresses", Some(5)),
        ("Attributes", "#attributes", Some(142)),
        ("Software", "#software", Some(87)),
        ("Vulnerabilities", "#vulnerabilities", Some(9)),
        ("Findings", "#findings", Some(1)),
        ("Timeline", "#timeline", None),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, (label, href, count))| Tab { label, href, count, current: index == 0 })
    .collect();
    let split = Dialog {
        id: "split",
        question: "Split off the CMDB record?",
        body: html! { p { "NB-BER-0211 keeps two records. INV-10442 becomes an asset of its own and stays apart in every later sync." } p.muted { "This can be undone. The audit trail keeps your name." } },
        safe: "Keep together",
        verb: "Split off",
        danger: false,
        action: "/assets/0197/split",
        csrf: CSRF,
    };
    let thread = ui::thread(&[
        Joined {
            icon: Icon::Shield,
            source: "EMEA console",
            called: "NB-BER-0211",
            rule: "",
            why: html! { "Agent 2117448093. First record here, " (ui::date(at("2025-03-04T00:00:00Z"))) ". Speaks for name, system, user and state." },
            verb: html! {},
        },
        Joined {
            icon: Icon::Radar,
            source: "Office sweep",
            called: "nb-ber-0211.corp.harbour.example",
            rule: "They share two MAC addresses (R50):",
            why: html! { (ui::mono("3c:52:a1:0e:77:b4")) ", " (ui::mono("3c:52:a1:0e:77:b5")) ". Since 6 Mar 2025, by the engine." },
            verb: ui::link_button(
                "#split",
                &Button { words: "Split off", icon: Some(Icon::Split), small: true, ..Button::default() },
            ),
        },
        Joined {
            icon: Icon::Grid,
            source: "CMDB import",
            called: "INV-10442",
            rule: "Both have the same serial number (R30):",
            why: html! { (ui::mono("5CG2417Q0R")) ". Since 11 Mar 2025, confirmed by s.adeyemi on 2 Jun 2025." },
            verb: split.opener(&Button { icon: Some(Icon::Split), ..small("Split off", "") }),
        },
    ]);
    let address = |address: &'static str, primary: bool, source: Source<'static>, how: &'static str, when: &str| Row {
        mono: true,
        name: address,
        cells: vec![
            Cell::new(if primary { ui::badge(Tone::Note, "Primary") } else { ui::badge(Tone::Plain, "Secondary") }),
            Cell::new(html! { span.who { (ui::icon(source.icon)) (source.name) } }),
            Cell::text(how),
            Cell::new(ui::moment(at(when))),
        ],
        ..Row::default()
    };
    let addresses = Table {
        caption: "Addresses and who says so; times in UTC",
        columns: vec![
            Column::new("Address"),
            Column::new("Standing").sorted("?by=standing", Sort::Ascending),
            Column::new("Who says so"),
            Column::new("How"),
            Column::new("Last observed").sorted("?by=seen", Sort::No),
        ],
        rows: vec![
            address("10.31.4.27", true, SCAN, "Answered on 445, 3389", "2026-11-20T11:58:00Z"),
            address("fe80::3e52:a1ff:fe0e:77b4", true, SCAN, "Answered neighbour discovery", "2026-11-20T11:58:00Z"),
            address("10.31.4.27", false, AGENT, "Reported by the agent", "2026-11-20T14:11:00Z"),
            address("192.168.178.36", false, AGENT, "Reported by the agent, private network", "2026-11-20T14:11:00Z"),
            address("10.31.9.140", false, LIST, "Entered in the list", "2025-03-11T06:00:00Z"),
        ],
        ..Table::default()
    };
    let not_said = || Cell::new(ui::absent("not said"));
    let of_source = |label, icon| Column { icon: Some(icon), ..Column::new(label) };
    let attributes = Table {
        caption: "Each attribute as each source states it",
        columns: vec![
            Column::new("Attribute"),
            of_source("EMEA console", Icon::Shield),
            of_source("Office sweep", Icon::Radar),
            of_source("CMDB import", Icon::Grid),
        ],
        rows: vec![
            plain_row("Name", vec![used("NB-BER-0211"), other("nb-ber-0211.corp.harbour.example"), other("INV-10442")]),
            plain_row(
                "Operating system",
                vec![
                    used("Windows 11 Pro, 26100.7171"),
                    other("Windows 11"),
                    Cell::new(html! { span.muted { "Windows 10 Pro" } " " (ui::badge(Tone::Warn, "differs")) }),
                ],
            ),
            plain_row("Serial number", vec![used("5CG2417Q0R"), not_said(), other("5CG2417Q0R")]),
            plain_row("Last user", vec![used("HARBOUR\\l.brandt"), not_said(), other("l.brandt")]),
            plain_row("Owner", vec![not_said(), not_said(), used("Sales IT")]),
        ],
        ..Table::default()
    };
    let weak = |name: &'static str,
                severity: Severity,
                place: &'static str,
                chance: &'static str,
                exploited: bool,
                found: &str,
                limit: Markup| Row {
        name,
        href: Some("/vulnerabilities/1"),
        cells: vec![
            Cell::new(severity.render()),
            Cell::text(place),
            Cell::number(html! { (chance) }),
            Cell::new(if exploited { ui::badge(Tone::Bad, "Exploited") } else { ui::absent("no report") }),
            Cell::new(ui::date(at(found))),
            Cell::new(limit),
        ],
        ..Row::default()
    };
    let vulnerabilities = Table {
        caption: "Vulnerabilities, with the time left by the policy in force when each was found",
        columns: vec![
            Column::new("Vulnerability"),
            Column::new("Severity"),
            Column::new("In"),
            Column::number("EPSS"),
            Column::new("Exploitation"),
            Column::new("Found"),
            Column::new("Time limit"),
        ],
        rows: vec![
            weak(
                "CVE-2026-90112",
                Severity::Critical,
                "Java SE Runtime 8.0.391",
                "0.91",
                true,
                "2026-11-09T00:00:00Z",
                ui::light(Light::Warn, "3 days left"),
            ),
            weak(
                "CVE-2026-90447",
                Severity::High,
                "Firefox 131.0.3",
                "0.12",
                false,
                "2026-11-12T00:00:00Z",
                ui::light(Light::Ok, "22 days left"),
            ),
            weak(
                "CVE-2025-90931",
                Severity::High,
                "7-Zip 24.08",
                "0.34",
                true,
                "2026-10-14T00:00:00Z",
                ui::light(Light::Bad, "7 days over"),
            ),
            weak(
                "CVE-2026-90018",
                Severity::Medium,
                "Java SE Runtime 8.0.391",
                "0.03",
                false,
                "2026-08-30T00:00:00Z",
                ui::light(Light::Ok, "8 days left"),
            ),
            weak(
                "CVE-2024-91770",
                Severity::Low,
                "Java SE Runtime 8.0.391",
                "0.01",
                false,
                "2024-05-02T00:00:00Z",
                ui::light(Light::Excepted, "Excepted to 31 Jan 2027"),
            ),
        ],
        ..Table::default()
    };
    let body = html! {
        (ui::tabs("On this page", &tabs))
        div.cols {
            (Card {
                id: "identity",
                heading: "Why this is one asset",
                aside: html! { p.muted { "Three records, two links, each with its reason." } },
                body: thread,
                flush: false,
                foot: html! { p.muted { "Held against six vetoes, none applies. Splitting is exact and can be undone." } a.end href="/assets/0197/records" { "Full record" } },
            }.render())
            (Card {
                id: "agent",
                heading: "SentinelOne agent",
                body: ui::facts(&[
                    ("State", ui::light(Light::Ok, "Working")),
                    ("Mode", html! { "Protect; suspicious: Detect" }),
                    ("Version", html! { "25.2.3.812, current" }),
                    ("Console group", html! { "EMEA / Sales laptops" }),
                    ("Disk encryption", html! { "On" }),
                    ("Firewall control", html! { (ui::light(Light::Idle, "Not measured")) " " span.muted { "module not licensed" } }),
                ]),
                ..Card::default()
            }.render())
        }
        (ui::section("addresses", "Addresses", "Primary means that something measured it. What an agent or a list says is secondary and never merges assets.", &addresses.render()))
        (ui::section("attributes", "Attributes by source", "The ticked value is the one in use.", &attributes.render()))
        (ui::section_of("vulnerabilities", "Vulnerabilities", "5 of 9, worst first", ("All 9", "/vulnerabilities?q=asset:0197"), &vulnerabilities.render()))
        div.halves {
            (Card {
                id: "findings",
                heading: "Findings",
                aside: ui::badge(Tone::Warn, "1 open"),
                body: html! {
                    h3 { a href="/findings/1" { (ui::name("Invoice_2026-11.pdf.exe")) } }
                    p { (Severity::High.render()) " · confirmed malware · static engine" }
                    (ui::facts(&[
                        ("Status", ui::light(Light::Warn, "Unresolved, 4 days over its limit")),
                        ("Mitigation", html! { "Killed and quarantined, both confirmed by the agent" }),
                        ("Owner", html! { "SOC Berlin" }),
                    ]))
                },
                ..Card::default()
            }.render())
            (Card {
                id: "timeline",
                heading: "Timeline",
                aside: html! { a.end href="/assets/0197/timeline" { "All 212 events" } },
                body: ui::timeline(&[
                    Event { at: at("2026-11-20T14:11:00Z"), icon: Icon::Shield, what: html! { "Agent spoke. System, user and 4 addresses unchanged." } },
                    Event { at: at("2026-11-12T03:40:00Z"), icon: Icon::Vulnerability, what: html! { "2 vulnerabilities newly known in Firefox 131.0.3." } },
                    Event { at: at("2026-11-09T09:02:00Z"), icon: Icon::Finding, what: html! { b { "Threat found: Invoice_2026-11.pdf.exe." } " Killed and quarantined; no analyst has closed it." } },
                ], true),
                ..Card::default()
            }.render())
        }
        (split.render())
    };
    Page {
        crumbs: &[("Assets", "/assets"), ("Berlin", "/assets?q=site:Berlin")],
        badges: html! { (ui::badge(Tone::Ok, "Protected")) (ui::badge(Tone::Warn, "1 open finding")) },
        facts,
        actions: html! {
            (ui::link_button("/assets/0197/tag", &Button { words: "Tag", icon: Some(Icon::Tag), ..Button::default() }))
            (ui::link_button("/assets/0197/merge", &Button { words: "Merge with", icon: Some(Icon::Merge), ..Button::default() }))
            (ui::post_button(CSRF, "/assets/0197/read", &Button { words: "Read again", icon: Some(Icon::Sync), ..Button::default() }, &[]))
        },
        body,
        ..Page::new(&shell, Place::Assets, "NB-BER-0211")
    }
    .render()
}

fn accounted() -> Tally<'static> {
    let part = |label, count, fill, note| Part { label, count, fill, href: Some("/assets?q=protection"), note };
    Tally {
        noun: "endpoints",
        parts: vec![
            part("Protected", 2041, Fill::Ok, ""),
            part("Agent weakened or silent", 83, Fill::Warn, ""),
            part("No agent", 68, Fill::Bad, "of these 41 Windows workstations"),
            part("Not measured", 11, Fill::Hatch, "counted as neither"),
        ],
    }
}

fn coverage() -> Line<'static> {
    let points = (0..90_i64)
        .map(|day| {
            let value = 88.4
                + f64::from(u32::try_from(day).unwrap_or(0)) * 0.045
                + f64::from(u32::try_from(day * 7 % 11).unwrap_or(0)) * 0.03;
            (at("2026-08-22T00:00:00Z").plus_seconds(day * 86_400), (!(53..57).contains(&day)).then_some(value))
        })
        .collect();
    Line {
        id: "coverage",
        heading: "Endpoints with a working agent",
        says: "Share of those that need one.",
        unit: " %",
        points,
        second: None,
        marks: vec![Mark { at: at("2026-09-14T00:00:00Z"), what: "s.adeyemi took 34 lab machines out of scope." }],
        from_zero: false,
    }
}

fn threats() -> Histogram<'static> {
    let counts = [3, 1, 2, 0, 4, 2, 1, 1, 0, 1, 5, 3, 2, 1, 0, 1, 2, 2, 9, 4, 2, 1, 3, 0, 2, 1, 4, 2, 3, 5];
    let slots = counts
        .iter()
        .enumerate()
        .map(|(day, count)| Slot {
            label: if day < 10 { format!("{} Oct", 22 + day) } else { format!("{} Nov", day - 9) },
            count: Some(*count),
            bad: match day {
                18 | 26 => 1,
                28 => 2,
                29 => 3,
                _ => 0,
            },
            href: Some(format!("/findings?day={day}")),
        })
        .collect();
    Histogram {
        id: "threats",
        heading: "Threats by day",
        says: "By the time the console identified them.",
        noun: ("threat", "threats"),
        bad: "unresolved",
        rest: "resolved",
        slots,
    }
}

/// The overview.
pub fn overview(theme: Theme) -> Markup {
    let shell = shell(theme, "/");
    let task = |state, what, means, verb, main| Task { state, what, means, verb, href: "/integrations/3", main };
    let (bad, warn, open) = ((Light::Bad, "Failed"), (Light::Warn, "Attention"), (Light::Idle, "Open question"));
    let todo = ui::todo(&[
        task(
            bad,
            "APAC console refuses its token",
            "215 agents have not been read since 09:12. Their records stay as they were.",
            "Reconnect",
            true,
        ),
        task(
            bad,
            "3 threats are past their time limit",
            "Oldest: NB-BER-0211, confirmed malware, 4 days over.",
            "Review",
            false,
        ),
        task(
            warn,
            "131 of 1,240 CMDB records vanished in one import",
            "10.6 % is more than the 10 % limit, so no removal was made.",
            "Decide",
            false,
        ),
        task(
            warn,
            "EMEA token ends on 3 Dec 2026",
            "13 days left. The old token keeps working until the new one has.",
            "Rotate",
            false,
        ),
        task(
            warn,
            "Group Store kiosks went from Protect to Detect",
            "64 agents, changed 18 Nov 16:20 by a console user.",
            "See drift",
            false,
        ),
        task(
            open,
            "4 records may belong to known assets",
            "Not merged: the evidence is short of a rule.",
            "Compare",
            false,
        ),
    ]);
    let source = |name: &'static str, below: &'static str, state: Light, word: &'static str, when: &str| Row {
        name,
        href: Some("/integrations/1"),
        below,
        cells: vec![Cell::new(ui::light(state, word)), Cell::number(ui::clock(at(when)))],
        ..Row::default()
    };
    let sources = Table {
        caption: "Sources, their state, records and last complete sweep today in UTC",
        columns: vec![Column::new("Source"), Column::new("State"), Column::number("Last complete")],
        rows: vec![
            source("EMEA console", "1,204 agents", Light::Ok, "Healthy", "2026-11-20T14:28:00Z"),
            source("Americas console", "716 agents", Light::Warn, "Slowed", "2026-11-20T13:55:00Z"),
            source("APAC console", "215 agents", Light::Bad, "Refused", "2026-11-20T08:58:00Z"),
            source("Office sweep", "1,102 hosts", Light::Run, "Running", "2026-11-20T12:04:00Z"),
            source("CMDB import", "1,240 rows", Light::Warn, "Held", "2026-11-20T06:00:00Z"),
        ],
        tall: true,
        ..Table::default()
    };
    let tile =
        |label, figure, of, past, fill| Tile { label, figure, of, of_href: None, href: Some("/assets"), past, fill };
    let body = html! {
        (Card {
            id: "accounted",
            heading: "Every endpoint accounted for",
            aside: html! { p.muted.end { b { "2,203" } " endpoints need an agent. 283 other devices take none." } },
            body: accounted().render(),
            ..Card::default()
        }.render())
        div.cols.even {
            (Card { id: "todo", heading: "Needs a person", aside: ui::badge(Tone::Plain, "6"), body: todo, flush: true, foot: html! {} }.render())
            (Card {
                id: "sources",
                heading: "Sources",
                aside: html! { a.end href="/integrations" { "All integrations" } },
                body: sources.render(),
                flush: true,
                foot: html! { p.muted { "4,477 source records make 2,486 assets. " a href="/assets?explain=1" { "See how" } } },
            }.render())
        }
        section aria-labelledby="figures" {
            h2.sr #figures { "Figures" }
            (ui::tiles(&[
                tile("Assets", 2486, "+12 in 7 days", &[1.0, 1.2, 1.9, 2.0, 3.1, 3.4, 3.9, 4.5, 4.9, 5.3, 5.3, 6.5], Fill::One),
                tile("Findings past their limit", 3, "of 7 unresolved", &[0.0, 0.0, 1.0, 1.0, 0.0, 2.0, 1.0, 1.0, 0.0, 1.0, 2.0, 3.0], Fill::Bad),
                tile("Critical vulnerabilities", 64, "on 51 assets; 9 exploited", &[88.0, 90.0, 86.0, 81.0, 83.0, 77.0, 74.0, 70.0, 72.0, 69.0, 66.0, 64.0], Fill::One),
                tile("Checks passing", 31, "of 37; 2 not measured", &[29.0, 29.0, 30.0, 30.0, 31.0, 31.0, 32.0, 32.0, 32.0, 31.0, 31.0, 31.0], Fill::One),
            ]))
        }
        div.halves { (coverage().render()) (threats().render()) }
        (Card {
            id: "changes",
            heading: "What changed today",
            aside: html! { a.end href="/signals" { "Whole log" } },
            body: ui::timeline(&[
                Event { at: at("2026-11-20T14:28:00Z"), icon: Icon::Plug, what: html! { b { "EMEA sweep complete." } " 1,204 of 1,204 agents; 31 changed, 2 new, 0 removed." } },
                Event { at: at("2026-11-20T13:47:00Z"), icon: Icon::Laptop, what: html! { a href="/assets/0197" { "WS-LON-1183" } " and 2 other machines appeared in the office sweep without an agent." } },
                Event { at: at("2026-11-20T09:12:00Z"), icon: Icon::Plug, what: html! { b { "APAC stopped: 401, confirmed." } " Checkpoints kept at 08:58." } },
                Event { at: at("2026-11-20T06:00:00Z"), icon: Icon::Grid, what: html! { b { "CMDB import held." } " 131 records missing; nothing retired." } },
            ], false),
            ..Card::default()
        }.render())
    };
    Page {
        lead: html! { "Friday 20 November 2026, 14:32 UTC. Read from five sources; one has not answered since 09:12." },
        actions: ui::post_button(
            CSRF,
            "/tasks/all",
            &Button { words: "Sync now", icon: Some(Icon::Sync), ..Button::default() },
            &[],
        ),
        body,
        ..Page::new(&shell, Place::Overview, "Overview")
    }
    .render()
}

/// The integrations and the catalogue.
pub fn integrations(theme: Theme) -> Markup {
    let shell = shell(theme, "/integrations");
    let card = |icon, name, host, state, message, facts, verbs| IntegrationCard {
        icon,
        name,
        href: "/integrations/1",
        host,
        state,
        message,
        progress: html! {},
        facts,
        verbs,
    };
    let sync = |about| {
        ui::post_button(
            CSRF,
            "/integrations/1/sync",
            &Button { icon: Some(Icon::Sync), ..small("Sync now", about) },
            &[],
        )
    };
    let log = |about| ui::link_button("/integrations/1/log", &Button { weight: Weight::Quiet, ..small("Log", about) });
    let cards = html! {
        (card(
            Icon::Shield, "APAC console", "harbour-apac.sentinelone.example", (Light::Bad, "Refused"),
            Some(Flash { tone: Tone::Bad, what: "401 since 09:12 UTC, confirmed twice.", then: "The token was revoked or has ended. Nothing is lost: reading goes on from 08:58 once a new token works.", link: None }),
            vec![("Last complete", html! { "today 08:58, 215 of 215 agents" }), ("Token", html! { "ended, was Viewer at account level" }), ("Assets", html! { a href="/assets?q=source:3" { "215 as of 08:58" } })],
            html! { (ui::link_button("/integrations/3/reconnect", &Button { weight: Weight::Main, ..small("Reconnect", "APAC console") })) (ui::link_button("/links/new", &small("Request by link", "for APAC console"))) (log("of APAC console")) },
        ).render())
        (card(
            Icon::Shield, "Americas console", "harbour-us.sentinelone.example", (Light::Warn, "Slowed"),
            Some(Flash { tone: Tone::Warn, what: "429 on activities.", then: "The console asked for a pause of 45 s. Muster sends 410 requests a minute now and rises again by itself. Nothing to do.", link: None }),
            vec![("Last complete", html! { "today 13:55, 716 of 716 agents" }), ("Behind", html! { "activities by 22 min" }), ("Token", html! { "Viewer, ends 14 May 2027" })],
            html! { (sync("Americas console")) (ui::link_button("/integrations/2/edit", &small("Change intervals", "of Americas console"))) (log("of Americas console")) },
        ).render())
        (card(
            Icon::Shield, "EMEA console", "harbour-emea.sentinelone.example", (Light::Ok, "Healthy"), None,
            vec![("Last complete", html! { "today 14:28, 1,204 of 1,204 agents" }), ("Streams", html! { "10 current, 1 not licensed" }), ("Token", html! { "Viewer, " (ui::badge(Tone::Warn, "ends in 13 days")) }), ("Next", html! { "threats at 14:33, agents at 15:28" })],
            html! { (sync("EMEA console")) (ui::link_button("/credentials/1", &Button { icon: Some(Icon::Key), ..small("Rotate token", "of EMEA console") })) (log("of EMEA console")) },
        ).render())
        (IntegrationCard {
            icon: Icon::Radar, name: "Office sweep", href: "/integrations/4", host: "nmap, from 2 Explorers", state: (Light::Run, "Running"), message: None,
            progress: Progress { id: "sweep", label: "61 % of 2 networks, about 9 minutes left", done: Some((61, 100)), poll: Some("/tasks/7/progress"), within: None }.render(),
            facts: vec![("Last complete", html! { "today 12:04, 1,102 hosts" }), ("Next", html! { "today 18:00, every 6 hours" })],
            verbs: html! { (ui::post_button(CSRF, "/tasks/7/pause", &Button { icon: Some(Icon::Pause), ..small("Pause", "Office sweep") }, &[])) (log("of Office sweep")) },
        }.render())
        (card(
            Icon::Grid, "CMDB import", "devices.csv, every day at 06:00 UTC", (Light::Warn, "Held"),
            Some(Flash { tone: Tone::Warn, what: "131 of 1,240 records vanished.", then: "10.6 % in one import is over the 10 % limit, so nothing was retired.", link: None }),
            vec![("Last complete", html! { "today 06:00, 1,109 rows" }), ("Held", html! { "131 records, still shown as present" })],
            html! { (ui::link_button("/integrations/5/held", &small("Decide", "on the held removals of CMDB import"))) (log("of CMDB import")) },
        ).render())
        (card(
            Icon::Shield, "Test lab", "for its administrator to answer", (Light::Wait, "Waiting"), None,
            vec![("Link sent", html! { "19 Nov 09:40 to it-ops@harbour.example" }), ("Opened", html! { "not yet" }), ("Link ends", html! { "today 21:40 UTC" })],
            html! { (ui::copy_button("https://muster.harbour.example/link#t", "Copy link")) (ui::post_button(CSRF, "/links/9/revoke", &Button { weight: Weight::Danger, ..small("Revoke", "the link for Test lab") }, &[])) },
        ).render())
    };
    let connector = |icon: Icon, name: &'static str, cells: [&'static str; 4]| Row {
        name,
        icon: Some((icon, "Connector")),
        cells: cells
            .into_iter()
            .map(Cell::text)
            .chain([Cell::number(html! {
                (ui::link_button("/help/connectors", &Button { weight: Weight::Quiet, ..small("Know more", name) }))
                (ui::link_button("/integrations/new", &small("Connect", name)))
            })])
            .collect(),
        ..Row::default()
    };
    let catalogue = Table {
        caption: "Connectors",
        columns: vec![
            Column::new("Connector"),
            Column::new("Category"),
            Column::new("Sign-in"),
            Column::new("Default intervals"),
            Column::new("Instances"),
            Column::verbs(),
        ],
        rows: vec![
            connector(
                Icon::Shield,
                "SentinelOne",
                ["Endpoint security", "API token, Viewer", "Threats 5 min, activities 10 min, agents 1 h", "Many"],
            ),
            connector(
                Icon::Radar,
                "nmap scan",
                ["Network discovery", "None; runs from an Explorer", "Every 6 h", "Many"],
            ),
            connector(
                Icon::Nodes,
                "SNMP probe",
                ["Network discovery", "Community or v3 user", "With each scan", "Many"],
            ),
            connector(Icon::Grid, "CSV import", ["Files", "None", "Every day", "Many"]),
        ],
        ..Table::default()
    };
    let body = html! {
        section aria-labelledby="connected" { h2.sr #connected { "Connected" } div.grid-cards { (cards) } }
        (ui::section("catalogue", "Catalogue", "What Muster can read, and what each needs.", &html! {
            div.flow {
                div.line {
                    (ui::tabs("Catalogue", &[Tab { label: "All", href: "/integrations", count: Some(4), current: true }, Tab { label: "Connected", href: "/integrations?tab=connected", count: Some(3), current: false }]))
                    (ui::find("Find a connector", "/integrations", "find", ""))
                }
                (catalogue.render())
            }
        }))
    };
    Page {
        lead: html! { "Six sources. Muster only ever reads from them." },
        actions: html! {
            (ui::post_button(CSRF, "/tasks/all", &Button { words: "Sync all now", icon: Some(Icon::Sync), ..Button::default() }, &[]))
            (ui::link_button("#catalogue", &Button { words: "Connect", icon: Some(Icon::Plus), ..Button::default() }))
        },
        flash: Some(Flash { tone: Tone::Ok, what: "Saved.", then: "EMEA console now reads threats every 5 minutes.", link: Some(("See its next runs", "/tasks")) }),
        body,
        ..Page::new(&shell, Place::Integrations, "Integrations")
    }
    .render()
}

/// The first step of a connection link, without a session.
pub fn connect() -> Markup {
    let required = |label, what| Consent { value: "", label, what, required: true, on: true };
    let optional = |value, label, what, on| Consent { value, label, what, required: false, on };
    let reads = ui::consents(&[
        required("Agents", "List every endpoint with its health, version and last contact."),
        required("Threats", "List findings with status, verdict and time to resolve."),
        optional(
            "policies",
            "Policies",
            "Show where Detect is set but Protect is required. Without it, 6 checks on policy are not available.",
            true,
        ),
        optional(
            "applications",
            "Applications and vulnerabilities",
            "List software and what is known to be wrong with it. Without it, both pages are not available.",
            true,
        ),
        optional(
            "activities",
            "Activities",
            "Say who changed what, and when. Without it, 5 checks on changes are not available.",
            true,
        ),
        optional(
            "users",
            "Console users",
            "Find dormant and over-privileged accounts. Without it, 4 checks on console accounts are not available.",
            false,
        ),
    ]);
    let body = html! {
        (ui::stepper(&["What will be read", "Your consent", "Address and token"], 1))
        div.cols {
            form.card method="post" action="/link/consent" aria-labelledby="reads" {
                header { h2 #reads { "What will be read" } p.muted { "Two reads are required, four are yours to allow." } }
                (reads)
                div.body { h3 { "Never read" } p.muted { "Passphrases, uninstall passwords, registration tokens, files, remote shells. Muster contains no request for them, and none that changes anything in your console." } }
                footer { (ui::button(&Button { words: "Next: your consent", weight: Weight::Main, ..Button::default() })) (ui::button(&Button { words: "Refuse", weight: Weight::Danger, value: Some(("refuse", "yes")), ..Button::default() })) }
            }
            aside.flow.wide aria-label="About this request" {
                (Card { id: "who", heading: "Who asks", body: ui::facts(&[("Person", html! { "t.lindqvist, operator" }), ("Organization", html! { "Harbour Group" }), ("Server", html! { "muster.harbour.example" }), ("Ends", html! { "in 7 hours, or after one use" })]), ..Card::default() }.render())
                (Card { id: "then", heading: "What happens then", body: html! { p { "Reading begins at once, at most 1,000 requests a minute and fewer if the console asks." } p { "You can end it at any time: revoke the token in your console. Muster stops and says so." } }, ..Card::default() }.render())
            }
        }
    };
    ui::plain(
        "Connect your SentinelOne console",
        &html! { "Security operations at Harbour Group ask you, who administer the console, for access to read it. It takes about five minutes. You need no account here." },
        "Request for a connection",
        &body,
    )
}

/// Every chart.
pub fn charts(theme: Theme) -> Markup {
    let shell = shell(theme, "/");
    let series = |start: f64, slope: f64| -> Vec<Option<f64>> {
        (0..30)
            .map(|day| {
                (day != 12 && day != 13).then(|| (start + slope * f64::from(day) + f64::from(day * 5 % 7)).max(0.0))
            })
            .collect()
    };
    let first = coverage();
    let second = Line {
        id: "two",
        heading: "Found and resolved",
        says: "Findings a day.",
        unit: "",
        points: (0..30_i64)
            .map(|day| {
                (
                    at("2026-10-22T00:00:00Z").plus_seconds(day * 86_400),
                    Some(f64::from(u32::try_from(day * 7 % 12).unwrap_or(0))),
                )
            })
            .collect(),
        second: Some(((0..30_u32).map(|day| Some(f64::from(day * 5 % 9))).collect(), ["found", "resolved"])),
        marks: Vec::new(),
        from_zero: true,
    };
    let unmeasured = Histogram {
        id: "log",
        heading: "Signals by hour",
        says: "By the time they were read.",
        noun: ("signal", "signals"),
        bad: "",
        rest: "",
        slots: (0..24)
            .map(|hour| Slot {
                label: format!("{hour:02}:00"),
                count: (!(9..13).contains(&hour)).then_some(1200 + hour * 731 % 4000),
                bad: 0,
                href: None,
            })
            .collect(),
    };
    let bars = Bars {
        label: "Operating systems",
        of: 2486,
        rows: vec![
            ("Windows 11", 1310, Some("/assets?q=os:windows")),
            ("Windows Server 2022", 402, None),
            ("macOS 15", 214, None),
            ("Ubuntu 24.04", 96, None),
        ],
        rest: Some((11, 464)),
    };
    let body = html! {
        div.halves { (first.render()) (second.render()) (threats().render()) (unmeasured.render()) }
        (Multiples {
            id: "sites",
            heading: "Agents silent over 14 days",
            says: "By site, last 30 days.",
            unit: "",
            charts: vec![("London", series(12.0, 0.3)), ("Berlin", series(30.0, -0.6)), ("Lisbon", series(3.0, 0.0)), ("Gdansk", series(20.0, 0.9))],
        }.render())
        (Card { id: "systems", heading: "Operating systems", body: bars.render(), ..Card::default() }.render())
    };
    Page { body, ..Page::new(&shell, Place::Overview, "Charts") }.render()
}

/// Every part once.
pub fn parts(theme: Theme) -> Markup {
    let shell = shell(theme, "/");
    let lights = [
        (Light::Ok, "Healthy"),
        (Light::Warn, "Slowed"),
        (Light::Bad, "Refused"),
        (Light::Idle, "Not measured"),
        (Light::Run, "Running"),
        (Light::Wait, "Waiting"),
        (Light::Pause, "Paused"),
        (Light::Excepted, "Excepted"),
        (Light::NotApplicable, "Not applicable"),
    ];
    let state = html! {
        div.line.wide { @for (light, word) in lights { (ui::light(light, word)) } }
        div.line.wide { @for severity in [Severity::Critical, Severity::High, Severity::Medium, Severity::Low] { (severity.render()) } }
        div.line {
            (ui::badge(Tone::Ok, "Protected")) (ui::badge(Tone::Warn, "Ends in 13 days")) (ui::badge(Tone::Bad, "Failing"))
            (ui::badge(Tone::Idle, "Not measured")) (ui::badge(Tone::Note, "Primary")) (ui::badge(Tone::Plain, "Secondary")) (ui::tag("tier: 2"))
        }
        div.line {
            span.muted { "Sources" }
            (ui::sources(&[AGENT, SCAN, LIST, Source { icon: Icon::Braces, name: "JSON import", gone: false }, Source { icon: Icon::Nodes, name: "SNMP", gone: false }, Source { icon: Icon::Pencil, name: "Entered by hand", gone: false }]))
            span.muted { "no longer there" } (ui::sources(&[Source { gone: true, ..AGENT }]))
        }
        div.line.wide { @for icon in Icon::ALL { (ui::icon(*icon)) } }
    };
    let buttons = html! {
        div.line {
            (ui::button(&Button { words: "Connect", weight: Weight::Main, ..Button::default() }))
            (ui::button(&Button { words: "Sync now", icon: Some(Icon::Sync), ..Button::default() }))
            (ui::button(&Button { words: "Explain", weight: Weight::Quiet, ..Button::default() }))
            (ui::button(&Button { words: "Revoke", weight: Weight::Danger, ..Button::default() }))
            (ui::button(&small("Small", ""))) (ui::copy_button("text", "Copy"))
        }
        (ui::form::barred("Sync now", "Paused by s.adeyemi until Monday"))
        p { "Keys: " kbd { "/" } " ask " kbd { "g" } " " kbd { "a" } " assets " kbd { "?" } " all keys" }
    };
    let every = Field {
        name: "every",
        label: "Read agents every",
        help: "From 30 seconds. The default is 1 hour.",
        error: Some("Enter 30 seconds or more; you entered 10."),
        required: true,
        kind: Kind::Text("10 s"),
    };
    let host = Field {
        name: "host",
        label: "Console address",
        help: "",
        error: Some("Enter an address that begins with https://; you entered console."),
        required: true,
        kind: Kind::Url("console"),
    };
    let sites = [
        Choice { value: "1", label: "London", help: "", on: false },
        Choice { value: "2", label: "Berlin", help: "", on: true },
    ];
    let levels = [
        Choice { value: "high", label: "Critical and high", help: "", on: true },
        Choice { value: "low", label: "Medium and low", help: "About 31,000 more rows.", on: false },
    ];
    let form = ui::post(
        CSRF,
        "/integrations/1",
        &html! {
            (ui::errors(&[every, host]))
            (Field { name: "name", label: "Name", help: "Unique among integrations, shown in every list.", error: None, required: true, kind: Kind::Text("EMEA console") }.render())
            (every.render()) (host.render())
            (Field { name: "token", label: "API token", help: "It is sealed when saved and never shown again.", error: None, required: true, kind: Kind::Secret("off") }.render())
            (Field { name: "site", label: "Site for new assets", help: "", error: None, required: false, kind: Kind::Select(&sites) }.render())
            (Field { name: "levels", label: "Import vulnerabilities", help: "", error: None, required: false, kind: Kind::Check(&levels) }.render())
            (Field { name: "enabled", label: "Enabled", help: "Reads on its schedule.", error: None, required: false, kind: Kind::Switch(true) }.render())
            (Field { name: "note", label: "Note", help: "", error: None, required: false, kind: Kind::Area("") }.render())
            div.line { (ui::button(&Button { words: "Save", weight: Weight::Main, ..Button::default() })) (ui::button(&verb("Test connection"))) }
        },
    );
    let messages = html! {
        (Flash { tone: Tone::Ok, what: "Saved.", then: "EMEA console now reads threats every 5 minutes.", link: None }.render())
        (Flash { tone: Tone::Warn, what: "Another tab changed this form at 14:29.", then: "Your text is kept below; compare before you save.", link: None }.render())
        (Flash { tone: Tone::Bad, what: "Not saved: the disk is full.", then: "Nothing was lost. Free space on the data volume and save again.", link: None }.render())
        (Flash { tone: Tone::Plain, what: "Export of 2,486 rows is being written.", then: "", link: None }.render())
        (Progress { id: "p1", label: "Agents, page 3 of about 8", done: Some((38, 100)), poll: None, within: None }.render())
        (Progress { id: "p2", label: "Asking the console how many there are", done: None, poll: None, within: None }.render())
    };
    let three = || vec![Column::new("Asset"), Column::new("Site"), Column::new("Owner")];
    let none = Empty {
        heading: "No asset matches, out of 2,486",
        why: html! { "The first term that leaves none is " code { "site:Oslo" } ". There is no site of that name." },
        link: Some(("Ask without it", "/assets")),
    };
    let rows = html! {
        (Table { caption: "Loading", columns: three(), instead: Some(ui::loading(3)), busy: true, ..Table::default() }.render())
        (Table { caption: "No rows", columns: three(), instead: Some(none.render()), ..Table::default() }.render())
    };
    let leave = Dialog {
        id: "leave",
        question: "Revoke the link for Test lab?",
        body: html! { p { "Whoever has it can no longer open it. A new one can be sent at any time." } },
        safe: "Keep it",
        verb: "Revoke",
        danger: true,
        action: "/links/9/revoke",
        csrf: CSRF,
    };
    let tree = ui::tree(&[Node {
        name: "Harbour Group",
        says: "account",
        badges: ui::badge(Tone::Ok, "Protect"),
        open: true,
        below: vec![
            Node {
                name: "EMEA",
                says: "site, inherits",
                badges: ui::badge(Tone::Ok, "Protect"),
                open: true,
                below: vec![
                    Node { name: "Sales laptops", says: "412 agents, inherits", ..Node::default() },
                    Node {
                        name: "Store kiosks",
                        says: "64 agents, own policy",
                        badges: ui::badge(Tone::Bad, "Detect"),
                        ..Node::default()
                    },
                ],
            },
            Node {
                name: "APAC",
                says: "site",
                badges: ui::badge(Tone::Idle, "Not measured since 08:58"),
                ..Node::default()
            },
        ],
    }]);
    let card = |id, heading, body| Card { id, heading, body, ..Card::default() }.render();
    let body = html! {
        div.halves {
            (card("p-state", "Status, severity, badges, sources", state))
            (card("p-buttons", "Buttons and keys", buttons))
            (card("p-form", "Form", form))
            (card("p-messages", "Messages and progress", messages))
            (card("p-rows", "Loading and empty", rows))
            (card("p-dialog", "Dialog", html! { (leave.opener(&Button { words: "Revoke", weight: Weight::Danger, ..Button::default() })) (leave.render()) }))
            (card("p-tree", "Policy tree", tree))
            (card("p-tally", "Tally", accounted().render()))
            (card("p-steps", "Steps", ui::stepper(&["What will be read", "Your consent", "Address and token"], 1)))
            (card("p-words", "Numbers and dates", ui::facts(&[
                ("Count", html! { (ui::noun(2486, "asset", "assets")) ", " (ui::share(52, 2203)) }),
                ("Moment", ui::moment(now())), ("Day", ui::date(now())), ("Near", ui::near(at("2026-12-03T00:00:00Z"), now())),
                ("Length", html! { (ui::duration(1320)) }), ("Absent", ui::absent("never seen")), ("Name", ui::name(&"long-".repeat(20))),
            ])))
        }
    };
    Page {
        lead: html! { "Every part once, in the states that other pages do not show." },
        body,
        ..Page::new(&shell, Place::Settings, "Parts")
    }
    .render()
}
