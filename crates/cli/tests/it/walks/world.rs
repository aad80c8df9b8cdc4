//! A service, a console that it may read, and people at browsers.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::sync::Arc;

use browser::{Chromium, Tab};
use sentinelone_sim::Config;

use crate::harness::{Console, Muster};

/// Machines of the console.
const ENDPOINTS: usize = 40;

/// What everybody's password is.
pub const PASSWORD: &str = "violet-tramway-sings-at-7";

/// The built program, serving pages on a port of its own, and a browser.
pub struct Site {
    pub muster: Muster,
    pub console: Console,
    pub origin: String,
    /// The link that the terminal shows once.
    pub link: String,
    pub chromium: Chromium,
    served: Child,
}

impl Site {
    /// Nobody was here yet, and no console is connected.
    pub fn empty() -> Site {
        Site::serving(Muster::new(), console())
    }

    /// A console was read on the terminal.
    pub fn filled() -> Site {
        let console = console();
        let muster = Muster::connected(&console);
        muster.ok(&["sync"]);
        Site::serving(muster, console)
    }

    /// Nothing but what this list says is known.
    pub fn of_a_list(text: &str) -> Site {
        let muster = Muster::new();
        let file = muster.dir.write("list.csv", text).display().to_string();
        muster.ok(&["import", "csv", &file, "--site", "HQ", "--source", "list"]);
        Site::serving(muster, console())
    }

    fn serving(muster: Muster, console: Console) -> Site {
        let mut served = muster.start(&["serve", "--listen", "127.0.0.1:0", "--allow-private-consoles"]);
        let mut lines = BufReader::new(served.stderr.take().unwrap()).lines().map_while(Result::ok);
        let link = lines.find(|line| line.contains("/set-up?")).expect("the terminal shows a link");
        let link = link.trim().to_owned();
        let origin = link.split("/set-up").next().unwrap().to_owned();
        // Whatever it says later is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Site { muster, console, origin, link, chromium: Chromium::start(), served }
    }

    /// Ada, who administers, signed in at the overview.
    pub fn ada(&self) -> Tab {
        let ada = self.chromium.somebody();
        ada.go(&self.link);
        ada.fill("Your name", "Ada Lindqvist");
        ada.fill("E-mail address", "ada@acme.example");
        ada.fill("Password", PASSWORD);
        ada.press("Set up Muster");
        ada.sees("Muster is set up.");
        ada
    }

    /// Goes to a page.
    pub fn to(&self, tab: &Tab, path: &str) {
        tab.go(&format!("{}{path}", self.origin));
    }

    /// Somebody new, whom Ada invites as what the role says, at the overview of their own browser.
    pub fn invited(&self, ada: &Tab, login: &str, name: &str, role: &str) -> Tab {
        self.to(ada, "/people");
        ada.fill("E-mail address", login);
        ada.fill("Name", name);
        ada.press_at(&format!("input[name=role][value={role}]"));
        ada.press("Invite");
        ada.sees("shown this once");
        let link = ada.value("document.querySelector('#main .mono').innerText.trim()");
        let theirs = self.chromium.somebody();
        theirs.go(link.as_str().unwrap());
        theirs.fill("Password", PASSWORD);
        theirs.press("Choose password");
        theirs.sees("Sign in");
        self.sign_in(&theirs, login);
        theirs.sees("What needs you");
        theirs
    }

    /// Address and password, and what comes after them.
    pub fn sign_in(&self, tab: &Tab, login: &str) {
        self.to(tab, "/sign-in");
        tab.fill("E-mail address", login);
        tab.fill("Password", PASSWORD);
        tab.press("Sign in");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.served.kill();
        let _ = self.served.wait();
    }
}

fn console() -> Console {
    Console::of(Config::new(7, ENDPOINTS, Arc::new(|| kernel::Clock::System.now().micros())))
}
