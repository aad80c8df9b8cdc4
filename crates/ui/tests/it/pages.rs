//! Whole pages: what every one of them has, and how heavy they are.

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use ui::Theme;

use crate::samples;

/// What a page may weigh with everything that it loads, gzipped.
const WEIGHT_MAX: usize = 100_000;

fn gzipped(bytes: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("a vector takes every byte");
    encoder.finish().expect("a vector takes every byte").len()
}

fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.match_indices(&start)
        .map(|(at, _)| {
            let rest = &page[at + start.len()..];
            &rest[..rest.find('"').expect("an attribute ends")]
        })
        .collect()
}

#[test]
fn every_page_with_its_files_weighs_under_a_hundred_kilobytes() {
    let files: usize = ui::assets().iter().map(|asset| asset.gzip.len()).sum();
    for (name, page) in samples::pages(Theme::System) {
        let weight = gzipped(page.0.as_bytes()) + files;
        assert!(weight <= WEIGHT_MAX, "{name}: {weight}");
    }
}

#[test]
fn every_identifier_is_unique_and_everything_that_names_one_finds_it() {
    for (name, page) in samples::pages(Theme::System) {
        let mut ids = BTreeSet::new();
        for id in values(&page.0, "id") {
            assert!(ids.insert(id), "{name} has {id} twice");
        }
        for attribute in ["aria-labelledby", "aria-describedby", "for", "aria-controls", "popovertarget", "data-dialog"]
        {
            for id in values(&page.0, attribute).into_iter().flat_map(str::split_whitespace) {
                assert!(ids.contains(id), "{name}: {attribute} names {id}, which is not there");
            }
        }
        for glyph in values(&page.0, "href").into_iter().filter_map(|address| address.strip_prefix("#i-")) {
            assert!(ids.contains(format!("i-{glyph}").as_str()), "{name}: no glyph {glyph}");
        }
    }
}

#[test]
fn every_page_has_one_heading_a_main_part_a_way_past_the_navigation_and_its_files() {
    for (name, page) in samples::pages(Theme::System) {
        let count = |text: &str| page.0.matches(text).count();
        assert_eq!((count("<h1>"), count("<main "), count("<a class=\"skip\"")), (1, 1, 1), "{name}");
        assert!(page.0.contains("<html lang=\"en\">") && page.0.contains("· Muster</title>"), "{name}");
        for asset in ui::assets() {
            assert_eq!(count(&asset.path), 1, "{name} loads {}", asset.path);
        }
    }
}

#[test]
fn every_form_that_posts_carries_the_sessions_token() {
    for (name, page) in samples::pages(Theme::System).into_iter().filter(|(name, _)| *name != "connect") {
        let posts = page.0.matches("method=\"post\"").count();
        assert!(posts > 0, "{name}");
        assert_eq!(posts, page.0.matches("name=\"csrf\" value=\"c3a1f0\"").count(), "{name}");
    }
}

#[test]
fn every_field_and_every_button_has_a_name() {
    for (name, page) in samples::pages(Theme::System) {
        let labels: BTreeSet<&str> = values(&page.0, "for").into_iter().collect();
        for (at, _) in page.0.match_indices("<input ") {
            let input = &page.0[at..at + page.0[at..].find('>').unwrap()];
            let id = values(input, "id");
            let named = input.contains("type=\"hidden\"")
                || input.contains("aria-label=")
                || id.iter().any(|id| labels.contains(id))
                || page.0[..at].rfind("<label").is_some_and(|label| !page.0[label..at].contains("</label>"));
            assert!(named, "{name}: {input}");
        }
    }
}

#[test]
fn a_theme_and_a_density_are_attributes_that_the_stylesheet_reads() {
    let (_, dark) = samples::pages(Theme::Dark).into_iter().next().unwrap();
    assert!(dark.0.contains("data-theme=\"dark\""));
    let sheet = include_str!("../../assets/muster.css");
    for selector in
        ["[data-theme=\"light\"]", "[data-theme=\"dark\"]", "[data-density=\"compact\"]", "[data-density=\"roomy\"]"]
    {
        assert!(sheet.contains(selector), "{selector}");
    }
    for word in ["system", "light", "dark"] {
        assert_eq!(Theme::read(word).word(), word);
    }
}

#[test]
fn every_class_of_a_page_is_in_the_stylesheet() {
    let sheet = include_str!("../../assets/muster.css");
    // Classes that say something to the script or to tests alone.
    let known = ["is-plain"];
    let mut missing = BTreeSet::new();
    for (_, page) in samples::pages(Theme::System) {
        for class in values(&page.0, "class").into_iter().flat_map(str::split_whitespace) {
            let written = sheet.match_indices(&format!(".{class}")).any(|(at, found)| {
                !sheet[at + found.len()..].starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '-')
            });
            if !written && !known.contains(&class) {
                missing.insert(class.to_owned());
            }
        }
    }
    assert_eq!(missing, BTreeSet::new());
}
