//! A tab, and what a person does in it.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::chromium::Wire;

/// How long a page may take to show what is expected, in milliseconds: programs built for tests, on a busy machine.
const PATIENCE: u32 = 20_000;

/// Events in which a page complains: of a script, of the content policy, of something that is not there.
const COMPLAINTS: [&str; 3] = ["Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"];

/// What a page is looked at with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// A desk, light.
    Light,
    /// A desk, dark.
    Dark,
    /// A phone, 390 pixels wide, touched, light.
    Narrow,
}

impl View {
    /// Every one.
    pub const ALL: [View; 3] = [View::Light, View::Dark, View::Narrow];

    /// Its word, for names of files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            View::Light => "light",
            View::Dark => "dark",
            View::Narrow => "narrow",
        }
    }

    const fn size(self) -> (u32, u32) {
        match self {
            View::Light | View::Dark => (1440, 900),
            View::Narrow => (390, 844),
        }
    }
}

/// A tab of somebody: its cookies are shared with no other.
#[derive(Debug)]
pub struct Tab {
    wire: Rc<RefCell<Wire>>,
    session: String,
    context: String,
    downloads: PathBuf,
    view: Cell<View>,
}

impl Tab {
    pub(crate) fn open(wire: Rc<RefCell<Wire>>, context: String, profile: &Path) -> Tab {
        let mut asking = wire.borrow_mut();
        let new = json!({ "url": "about:blank", "browserContextId": context });
        let target = asking.ask(None, "Target.createTarget", &new)["targetId"].take();
        let attached = asking.ask(None, "Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        let session = attached["sessionId"].as_str().expect("a session has a name").to_owned();
        for domain in ["Page", "Runtime", "Network", "Log"] {
            asking.ask(Some(&session), &format!("{domain}.enable"), &json!({}));
        }
        let downloads = profile.join(format!("downloads-{session}"));
        let kept = json!({
            "behavior": "allow", "browserContextId": context, "downloadPath": downloads, "eventsEnabled": true,
        });
        asking.ask(None, "Browser.setDownloadBehavior", &kept);
        drop(asking);
        let tab = Tab { wire, session, context, downloads, view: Cell::new(View::Light) };
        tab.look(View::Light);
        tab
    }

    /// Another tab of the same person.
    #[must_use]
    pub fn beside(&self) -> Tab {
        let profile = self.downloads.parent().expect("it is in the profile");
        Tab::open(Rc::clone(&self.wire), self.context.clone(), profile)
    }

    fn ask(&self, method: &str, parameters: &Value) -> Value {
        self.wire.borrow_mut().ask(Some(&self.session), method, parameters)
    }

    /// Looks with another screen, and with what its system prefers.
    pub fn look(&self, view: View) {
        self.view.set(view);
        self.size(view.size());
        self.ask("Emulation.setTouchEmulationEnabled", &json!({ "enabled": view == View::Narrow }));
        let scheme = if view == View::Dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    fn size(&self, (width, height): (u32, u32)) {
        let narrow = self.view.get() == View::Narrow;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": narrow });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Goes to an address and waits until it is loaded.
    ///
    /// # Panics
    /// Nothing answers there.
    pub fn go(&self, url: &str) {
        let mut wire = self.wire.borrow_mut();
        wire.take(&self.session, &["Page.loadEventFired"]);
        let gone = wire.ask(Some(&self.session), "Page.navigate", &json!({ "url": url }));
        assert!(gone["errorText"].is_null(), "{url}: {}", gone["errorText"]);
        // Only the fragment differs: the page stays.
        if !gone["loaderId"].is_null() {
            wire.wait_for(Some(&self.session), "Page.loadEventFired");
        }
    }

    /// The value of an expression in the page; a promise is waited for.
    ///
    /// # Panics
    /// It throws.
    pub fn value(&self, script: &str) -> Value {
        self.try_value(script).unwrap_or_else(|error| panic!("{error}\n{script}"))
    }

    fn try_value(&self, script: &str) -> Result<Value, String> {
        let order = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.wire.borrow_mut().try_ask(Some(&self.session), "Runtime.evaluate", &order)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown["exception"]["description"].as_str().unwrap_or("it threw").to_owned()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Asks until the answer is neither null nor false. A page that is left meanwhile is asked again once the next is there.
    fn until(&self, what: &str, script: &str) -> Value {
        let hands = include_str!("hands.js");
        let asked = format!(
            "(async () => {{ {hands}
                for (const end = performance.now() + 500; performance.now() < end; await new Promise((go) => setTimeout(go, 25))) {{
                    const found = document.readyState === 'complete' && ({script});
                    if (found) return found;
                }}
                return null;
            }})()"
        );
        let mut last = String::new();
        for _ in 0..PATIENCE / 500 {
            match self.try_value(&asked) {
                Ok(Value::Null) => {}
                Ok(found) => return found,
                Err(error) => last = error,
            }
        }
        panic!("{what}: not at {}, which says:\n{}\n{last}", self.address(), self.text());
    }

    /// Waits until the page shows these words.
    ///
    /// # Panics
    /// It does not, within [`PATIENCE`].
    pub fn sees(&self, words: &str) {
        self.until(&format!("to see {words:?}"), &format!("hands.sees({})", json!(words)));
    }

    /// Waits until an expression of the page is true.
    ///
    /// # Panics
    /// It is not, within [`PATIENCE`].
    pub fn holds(&self, what: &str, script: &str) {
        self.until(what, script);
    }

    /// All that the page shows, in one line.
    #[must_use]
    pub fn text(&self) -> String {
        let script = format!("(() => {{ {}; return hands.text() }})()", include_str!("hands.js"));
        self.value(&script).as_str().unwrap_or_default().to_owned()
    }

    /// Where the tab is.
    #[must_use]
    pub fn address(&self) -> String {
        self.value("location.href").as_str().unwrap_or_default().to_owned()
    }

    /// Clicks what is called so: a link, a button, a summary, a choice.
    pub fn press(&self, words: &str) {
        self.click(&self.until(&format!("to press {words:?}"), &format!("hands.press({})", json!(words))));
    }

    /// Clicks what is called so, in the row, item or card that says `around`.
    pub fn press_in(&self, around: &str, words: &str) {
        let script = format!("hands.within({}, {})", json!(around), json!(words));
        self.click(&self.until(&format!("to press {words:?} beside {around:?}"), &script));
    }

    /// Clicks what a selector finds first.
    pub fn press_at(&self, selector: &str) {
        self.click(&self.until(&format!("to press {selector}"), &format!("hands.at({})", json!(selector))));
    }

    fn click(&self, at: &Value) {
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let pressed = kind != "mouseMoved";
            let button = if pressed { "left" } else { "none" };
            let event =
                json!({ "type": kind, "x": at[0], "y": at[1], "button": button, "clickCount": u8::from(pressed) });
            self.ask("Input.dispatchMouseEvent", &event);
        }
    }

    /// Writes into the field with this label, over what stands there.
    pub fn fill(&self, label: &str, text: &str) {
        self.until(&format!("to fill {label:?}"), &format!("hands.field({})", json!(label)));
        self.write(text);
    }

    /// Chooses from the list with this label.
    pub fn choose(&self, label: &str, words: &str) {
        let script = format!("hands.choose({}, {})", json!(label), json!(words));
        self.until(&format!("to choose {words:?} as {label:?}"), &script);
    }

    /// Writes where the cursor is; nothing removes what is selected.
    pub fn write(&self, text: &str) {
        if text.is_empty() {
            self.key("Delete");
        } else {
            self.ask("Input.insertText", &json!({ "text": text }));
        }
    }

    /// Presses a key: `Enter`, `Escape`, `/`, `j`.
    pub fn key(&self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "Tab" => (9, ""),
            "Delete" => (46, ""),
            "ArrowDown" => (40, ""),
            "ArrowUp" => (38, ""),
            other => (0, other),
        };
        for kind in [if text.is_empty() { "rawKeyDown" } else { "keyDown" }, "keyUp"] {
            let text = if kind == "keyUp" { "" } else { text };
            let event = json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Waits for a file that is being kept, and gives its name and what is in it.
    ///
    /// # Panics
    /// It was not kept.
    #[must_use]
    pub fn downloaded(&self) -> (String, Vec<u8>) {
        let mut wire = self.wire.borrow_mut();
        let name = wire.wait_for(None, "Browser.downloadWillBegin")["suggestedFilename"].take();
        let name = name.as_str().unwrap_or_default().to_owned();
        loop {
            let how = wire.wait_for(None, "Browser.downloadProgress");
            match how["state"].as_str() {
                Some("completed") => break,
                Some("canceled") => panic!("{name} was not kept"),
                _ => {}
            }
        }
        let bytes = std::fs::read(self.downloads.join(&name)).expect("the file was kept");
        (name, bytes)
    }

    /// What the page complained of since this was last asked: errors of scripts, and what its content policy refused.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let events = self.wire.borrow_mut().take(&self.session, &COMPLAINTS);
        let said = events.iter().filter_map(|event| {
            let of = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(of["exceptionDetails"].to_string()),
                "Log.entryAdded" => (of["entry"]["level"] == "error").then(|| of["entry"]["text"].to_string()),
                _ => (of["type"] == "error").then(|| of["args"].to_string()),
            }
        });
        said.collect()
    }

    /// Goes to an address with nothing kept from before, and counts the bytes that came over the wire, heads included.
    #[must_use]
    pub fn weigh(&self, url: &str) -> u64 {
        self.ask("Network.setCacheDisabled", &json!({ "cacheDisabled": true }));
        self.wire.borrow_mut().take(&self.session, &["Network.loadingFinished"]);
        self.go(url);
        let loaded = self.wire.borrow_mut().take(&self.session, &["Network.loadingFinished"]);
        self.ask("Network.setCacheDisabled", &json!({ "cacheDisabled": false }));
        loaded.iter().filter_map(|event| event["params"]["encodedDataLength"].as_f64()).sum::<f64>() as u64
    }

    /// A picture of the page as PNG: as wide as the screen, as long as the page is, at most `height_max`.
    ///
    /// # Panics
    /// Chromium draws none.
    #[must_use]
    pub fn picture(&self, height_max: u32, scale: f64) -> Vec<u8> {
        let (width, screen) = self.view.get().size();
        let long = self.value("document.documentElement.scrollHeight").as_u64().unwrap_or_default();
        let height = u32::try_from(long).unwrap_or(height_max).clamp(screen.min(height_max), height_max);
        // The screen becomes as long as the page, so that what fills a screen fills the picture.
        self.size((width, height));
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": scale });
        let drawn = self.ask("Page.captureScreenshot", &json!({ "clip": clip }));
        self.size((width, screen));
        let text = drawn["data"].as_str().expect("a picture");
        BASE64_STANDARD.decode(text).expect("pictures are base64")
    }
}
