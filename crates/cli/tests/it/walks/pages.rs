//! Every page: that nobody is kept out, nothing is refused by its own policy, and it is light.

use std::path::Path;

use browser::{Axe, OUTSIDE, Place, SIGNED_IN, Tab, View};

use super::world::Site;

/// What a page may weigh with all that it loads, gzipped, in bytes.
const WEIGHT_MAX: u64 = 100_000;

/// Whether some table goes on beyond its edge and does not fade there, or fades where it does not go on.
const ENDS_UNSEEN: &str = "[...document.querySelectorAll('.rows')].some(rows => \
    (rows.scrollWidth > rows.clientWidth + 1) !== (getComputedStyle(rows).getPropertyValue('--beyond') !== '0px'))";

#[test]
fn no_page_keeps_anybody_out_light_dark_or_narrow() {
    let axe = Axe::kept_in(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let site = Site::filled();
    let ada = site.ada();
    let mut found = Vec::new();
    for (tab, places) in [(&ada, SIGNED_IN), (&site.chromium.somebody(), OUTSIDE)] {
        for place in places {
            found.extend(looked_at(&site, tab, place, &axe));
        }
    }
    assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n"));
}

fn looked_at(site: &Site, tab: &Tab, place: &Place, axe: &Axe) -> Vec<String> {
    tab.look(View::Light);
    place.go(tab, &site.origin);
    let mut found = Vec::new();
    for view in [View::Light, View::Dark, View::Narrow] {
        tab.look(view);
        // Another set of colours can only break contrast; another width can break anything.
        let all = if view == View::Dark { axe.contrast(tab) } else { axe.violations(tab) };
        found.extend(all.iter().map(|of| format!("{} {}: {}\n  {}", place.name, view.word(), of.rule, of.what)));
        let over = tab.value("document.documentElement.scrollWidth - innerWidth");
        if over.as_i64().unwrap_or_default() > 0 {
            found.push(format!("{} {}: the page is {over} pixels wider than the screen", place.name, view.word()));
        }
        if tab.value(ENDS_UNSEEN).as_bool().unwrap_or_default() {
            found.push(format!(
                "{} {}: a table ends at the edge, and nothing says that it goes on",
                place.name,
                view.word()
            ));
        }
    }
    found
}

#[test]
fn a_fresh_organization_keeps_nobody_out_either() {
    let axe = Axe::kept_in(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let site = Site::empty();
    let ada = site.ada();
    let mut found = Vec::new();
    // Where links lead on, there is nothing yet that they could lead to.
    for place in SIGNED_IN.iter().filter(|place| place.links.is_empty()) {
        place.go(&ada, &site.origin);
        found.extend(axe.violations(&ada).iter().map(|of| format!("{}: {}\n  {}", place.name, of.rule, of.what)));
    }
    assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_page_is_light_and_none_complains() {
    let site = Site::filled();
    let ada = site.ada();
    let mut found = Vec::new();
    for (tab, places) in [(&ada, SIGNED_IN), (&site.chromium.somebody(), OUTSIDE)] {
        for place in places {
            place.go(tab, &site.origin);
            let _ = tab.complaints();
            let weight = tab.weigh(&tab.address());
            if weight > WEIGHT_MAX {
                found.push(format!("{}: {weight} bytes", place.name));
            }
            // Pages that answer with a mistake are said to be one.
            let errors = tab.complaints().into_iter().filter(|words| !words.contains("status of 4"));
            found.extend(errors.map(|words| format!("{}: {words}", place.name)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
