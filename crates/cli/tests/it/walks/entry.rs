//! Coming in, going out, and what a role may.

use super::world::{PASSWORD, Site};

#[test]
fn the_link_on_the_terminal_makes_the_administrator_once() {
    let site = Site::empty();
    let ada = site.chromium.somebody();
    site.to(&ada, "/");
    ada.sees("Nobody has set up Muster yet.");

    ada.go(&site.link);
    ada.fill("Your name", "Ada Lindqvist");
    ada.fill("E-mail address", "ada@acme.example");
    ada.fill("Password", "too short");
    ada.press("Set up Muster");
    ada.sees("it is shorter than 12 characters");
    ada.fill("Password", PASSWORD);
    ada.press("Set up Muster");
    ada.sees("Muster is set up. You are its administrator, and signed in.");
    ada.sees("No source is connected yet");

    let late = site.chromium.somebody();
    late.go(&site.link);
    late.sees("This link is over");
}

#[test]
fn who_signs_out_is_out_and_a_wrong_password_says_no_more_than_that() {
    let site = Site::empty();
    let ada = site.ada();
    ada.press("Ada Lindqvist");
    ada.press("Sign out");
    ada.sees("E-mail address");
    site.to(&ada, "/assets");
    ada.sees("Sign in");
    ada.fill("E-mail address", "ada@acme.example");
    ada.fill("Password", "violet-tramway-sings-at-8");
    ada.press("Sign in");
    ada.sees("Address and password do not belong together.");
    ada.fill("Password", PASSWORD);
    ada.press("Sign in");
    // To where they wanted.
    ada.sees("No assets yet");
    assert!(ada.address().ends_with("/assets"), "{}", ada.address());
}

#[test]
fn a_second_factor_is_asked_for_after_the_password() {
    let site = Site::empty();
    let ada = site.ada();
    site.to(&ada, "/account");
    ada.press_in("Second factor", "Set up");
    ada.fill("Your password", PASSWORD);
    ada.press("Set up a second factor");
    ada.sees("Or type this into the app");
    let secret = ada.value("document.querySelector('main .mono').innerText");
    let secret = secret.as_str().unwrap().replace(' ', "");
    ada.fill("Code", "000000");
    ada.press("Confirm");
    ada.sees("This is not the code that the app shows now.");
    ada.fill("Code", &code(&ada, &secret, 0));
    ada.press("Confirm");
    ada.sees("The second factor is on.");
    assert_eq!(ada.value("document.querySelectorAll('main .listed li').length"), 10);

    let again = site.chromium.somebody();
    site.sign_in(&again, "ada@acme.example");
    again.sees("Your password was right. One more step.");
    site.to(&again, "/assets");
    again.sees("E-mail address");
    site.to(&again, "/sign-in/code");
    // The code that was used is used up; the next one is not.
    again.fill("Code", &code(&again, &secret, 0));
    again.press("Go on");
    again.sees("each works once");
    again.fill("Code", &code(&again, &secret, 1));
    again.press("Go on");
    again.sees("No source is connected yet");
}

/// The code that an app shows now, or so many half minutes later: HMAC-SHA-1 by the browser's own hands.
fn code(tab: &browser::Tab, secret: &str, later: u32) -> String {
    let script = format!(
        "(async () => {{
            const bits = [...'{secret}'].map((sign) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(sign).toString(2).padStart(5, '0')).join('');
            const key = new Uint8Array(bits.match(/.{{8}}/g).map((byte) => parseInt(byte, 2)));
            const count = new DataView(new ArrayBuffer(8));
            count.setBigUint64(0, BigInt(Math.floor(Date.now() / 30000) + {later}));
            const of = await crypto.subtle.importKey('raw', key, {{ name: 'HMAC', hash: 'SHA-1' }}, false, ['sign']);
            const hash = new DataView(await crypto.subtle.sign('HMAC', of, count));
            const number = hash.getUint32(hash.getUint8(19) & 15) & 0x7fffffff;
            return String(number % 1000000).padStart(6, '0');
        }})()"
    );
    tab.value(&script).as_str().unwrap().to_owned()
}

#[test]
fn a_viewer_sees_everything_and_is_offered_nothing_that_changes_it() {
    let site = Site::filled();
    let ada = site.ada();
    let ben = site.invited(&ada, "ben@acme.example", "Ben", "viewer");
    site.to(&ben, "/integrations");
    ben.sees("acme");
    for words in ["Connect", "Sync now", "Pause"] {
        assert!(!offered(&ben, words), "{words} is offered");
    }
    site.to(&ben, "/assets");
    ben.sees("exact");
    assert!(!offered(&ben, "Owner") && !offered(&ben, "Save"));
    assert_eq!(ben.value("document.querySelectorAll('.main .pick').length"), 0);
    site.to(&ben, "/people");
    ben.sees("does not include this");
    site.to(&ben, "/integrations/connect");
    ben.sees("does not include this");
    let places = ben.value("[...document.querySelectorAll('#nav li a')].map((link) => link.getAttribute('href'))");
    assert!(!places.to_string().contains("/audit"), "{places}");
}

fn offered(tab: &browser::Tab, words: &str) -> bool {
    let script = format!(
        "[...document.querySelectorAll('#main :is(a, button, summary)')].some((it) => new RegExp('^{words}\\b').test(it.innerText.trim()))"
    );
    tab.value(&script) == true
}
