//! Asking, saving a question, taking the answer away, and deciding which records are one machine.

use super::world::Site;

#[test]
fn a_question_is_completed_answered_saved_and_exported() {
    let site = Site::filled();
    let ada = site.ada();
    site.to(&ada, "/assets");
    ada.sees("exact");

    // The key leads to the box, and the list offers what may be typed.
    ada.key("/");
    ada.write("edr.na");
    ada.holds("the list of completions", "hands.at('#q-list [role=option]')");
    ada.key("ArrowDown");
    ada.key("Enter");
    assert_eq!(ada.value("document.querySelector('#q').value"), "edr.name:");

    // A mistake is shown at its place, with a way out.
    ada.fill("Ask about assets", "os:windows and edr.nam:SentinelOne");
    ada.key("Enter");
    ada.sees("There is no field edr.nam");
    assert_eq!(ada.value("document.querySelector('.caret mark').innerText"), "edr.nam");
    assert_eq!(ada.value("document.querySelectorAll('#rows tr').length"), 0);
    ada.press("Use edr.name");
    let asked = "os:windows and edr.name:SentinelOne";
    let count = site.muster.count("assets", asked);
    assert!(count > 0);
    ada.sees(&format!("{count} assets of"));

    ada.press("Save");
    ada.fill("Name", "windows-with-agent");
    ada.press("Save the question");
    ada.sees("Saved. Questions ask it as saved:windows-with-agent.");
    site.to(&ada, "/assets");
    ada.press("Windows with agent");
    ada.sees(&format!("{count} assets of"));

    ada.press("Export");
    ada.press("All rows as CSV");
    let (name, bytes) = ada.downloaded();
    let text = String::from_utf8(bytes).unwrap();
    assert!(name.ends_with(".csv"), "{name}");
    assert_eq!(text.trim_end().lines().count() as u64, count + 1, "a line for each and one for their names");
}

#[test]
fn rows_are_walked_by_keys_and_keys_can_be_switched_off() {
    let site = Site::filled();
    let ada = site.ada();
    ada.key("g");
    ada.key("a");
    ada.sees("exact");
    ada.key("j");
    ada.key("j");
    let second = ada.value("document.querySelectorAll('.data tbody tr')[1].querySelector('th a').innerText");
    assert_eq!(ada.value("document.activeElement.innerText"), second);
    ada.key("Enter");
    ada.sees("Why this is one machine");
    ada.key("?");
    ada.sees("Copy the address of this view");
    ada.key("Escape");
    ada.holds("the keys to close", "!document.querySelector('dialog[open]')");

    site.to(&ada, "/account");
    ada.press("Single keys do something");
    ada.press_in("Single keys do something", "Save");
    ada.sees("Keys are off.");
    ada.key("?");
    assert_eq!(ada.value("document.querySelectorAll('dialog[open]').length"), 0);
}

#[test]
fn two_assets_become_one_and_two_again() {
    let site = Site::of_a_list("name,serial\nLT-1,SN-1\nLT-2,SN-2\n");
    let ada = site.ada();
    site.to(&ada, "/assets?sort=name");
    let (one, other) = ("LT-1", "LT-2");
    let theirs = ada.value("document.querySelectorAll('.data tbody th a')[1].pathname");
    let theirs = theirs.as_str().unwrap();
    ada.press(one);
    ada.sees("Why this is one machine");
    ada.press("Merge with");
    ada.fill("Look for an asset", &format!("name:={other}"));
    ada.key("Enter");
    ada.sees("Those that match");
    ada.press(other);
    ada.sees("What speaks for and against it");
    ada.fill("Why", "The board was replaced");
    ada.press("Merge");
    ada.sees("They are one asset from now on");
    ada.sees("The board was replaced");
    let (merged, records) = (ada.address(), records(&ada));
    site.to(&ada, theirs);
    ada.sees("The board was replaced");
    assert_eq!(ada.address(), merged.split('?').next().unwrap(), "the other address leads to it");

    ada.press("Split off");
    ada.sees("Split this record off?");
    ada.fill("Why", "It was not");
    ada.press("Split off");
    ada.sees("It is an asset of its own from now on");
    assert!(records > self::records(&ada), "it lost the record");
    ada.press("Undo the split");
    ada.sees("Taken back. What held before that decision holds again");
}

/// Records of the asset that a page shows.
fn records(tab: &browser::Tab) -> i64 {
    tab.value("document.querySelectorAll('.thread > li').length").as_i64().unwrap()
}
