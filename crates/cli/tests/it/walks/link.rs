//! A token is handed over by somebody who has no account here.

use sentinelone_sim::tokens;

use super::world::Site;

#[test]
fn a_connection_link_is_made_by_one_person_and_used_by_another() {
    let site = Site::empty();
    let ada = site.ada();
    site.to(&ada, "/credentials/links");
    ada.sees("Nobody was asked yet");
    ada.press("Ask somebody for a token");
    ada.fill("Who it is for", "m.okafor@acme.example");
    ada.press("Make the link");
    ada.sees("The link, shown this once");
    let link = ada.value("document.querySelector('#main .mono').innerText.trim()");
    let link = link.as_str().unwrap().to_owned();
    assert!(link.contains('#'), "{link}");
    ada.press("See how far it is");
    ada.sees("m.okafor@acme.example");

    let max = site.chromium.somebody();
    max.go(&link);
    max.sees("What will be read");
    max.sees("Ada Lindqvist");
    assert!(!max.address().contains(link.split_once('#').unwrap().1), "{}", max.address());
    max.press("Next: your consent");
    max.press("Next: address and token");
    // The box has to be ticked by a person.
    max.sees("Say whether you may grant this access.");
    max.press("I administer this console");
    max.press("Next: address and token");
    max.fill("Address of the console", &site.console.url);
    max.fill("API token", tokens::EXPIRED);
    max.press("Verify");
    max.sees("Not connected, and nothing saved");
    max.sees("4 attempts left");
    max.fill("API token", tokens::ACCOUNT);
    max.press("Verify");
    max.sees("Verified just now, nothing saved yet");
    max.press("Connect with this token");
    max.sees("The link is used up");

    // Ada's page moves by itself.
    ada.holds("the link's state to move", "hands.sees('Used') || hands.sees('Connected')");
    site.to(&ada, "/integrations");
    ada.holds("the first reading to end", "hands.sees('Healthy') && !document.querySelector('.progress progress')");

    max.go("about:blank");
    max.go(&link);
    max.sees("This link");
    max.sees("ask");
}
