//! Connecting a console, and reading it.

use sentinelone_sim::tokens;

use super::world::Site;

#[test]
fn a_console_is_connected_after_a_wrong_token_and_read_while_somebody_watches() {
    let site = Site::empty();
    let ada = site.ada();
    site.to(&ada, "/integrations");
    ada.press("Connect SentinelOne");
    ada.fill("Address of the console", &site.console.url);
    ada.fill("API token", tokens::EXPIRED);
    ada.fill("Name", "EMEA");
    ada.press("Test connection");
    ada.sees("It accepts the token Failed");
    ada.sees("This is how far it went");

    ada.fill("API token", tokens::ACCOUNT);
    ada.press("Test connection");
    ada.sees("Verified just now");
    ada.sees("Role Viewer");
    // The token is not typed again, and not in the page.
    let page = ada.value("document.documentElement.outerHTML");
    assert!(!page.as_str().unwrap().contains(tokens::ACCOUNT));
    ada.press("Save and read");
    ada.sees("EMEA is connected");
    ada.holds("a bar that moves", "document.querySelector('.progress progress')");

    // The bar moves by itself, to its end, and all that the page says of the reading with it.
    ada.sees("First reading");
    ada.holds("the reading to end while nobody touches anything", "hands.sees('The reading is over.')");
    ada.holds("the badge", "document.querySelector('#state').innerText === 'Healthy'");
    let waiting =
        "[...document.querySelectorAll('#collections tr')].filter((row) => row.innerText.includes('Waiting')).length";
    assert_eq!(ada.value(waiting), 0);
    ada.sees("Complete");
    ada.press("Sync now");
    ada.sees("will be read");
    ada.holds("the second reading to end", "hands.sees('The reading is over.')");

    site.to(&ada, "/assets");
    ada.sees("exact");
    let shown = site.muster.count("assets", "");
    ada.sees(&format!("{shown} assets"));
    site.to(&ada, "/tasks");
    ada.sees("EMEA");
}
