//! axe-core, which finds what keeps people out.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::Tab;

/// The rules that are asked: WCAG 2.2, levels A and AA, and what axe-core's makers call best practice.
const RULES: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/// The version in `axe/package.json`.
const VERSION: &str = "4.14.1";

/// axe-core's source.
#[derive(Debug)]
pub struct Axe {
    source: String,
}

/// A rule that a page breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name: `color-contrast`.
    pub rule: String,
    /// The elements, and what is wrong with each.
    pub what: String,
}

impl Axe {
    /// The source, kept in a folder; npm fetches it there once, as the lock file says, with its hash. It is under the MPL 2.0
    /// and no part of the product, so it is not kept with the source.
    ///
    /// # Panics
    /// npm is missing, or cannot fetch it.
    #[must_use]
    pub fn kept_in(folder: &Path) -> Axe {
        let home = folder.join(format!("axe-core-{VERSION}"));
        if !home.exists() {
            let beside = home.with_extension(std::process::id().to_string());
            std::fs::create_dir_all(&beside).expect("the folder can be made");
            for (name, text) in [
                ("package.json", include_str!("../axe/package.json")),
                ("package-lock.json", include_str!("../axe/package-lock.json")),
            ] {
                std::fs::write(beside.join(name), text).expect("the folder can be written to");
            }
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&beside);
            let output = npm.output().expect("npm is installed: apt-get install npm, or run cargo xtask test");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            // Another test may have been faster.
            if std::fs::rename(&beside, &home).is_err() {
                std::fs::remove_dir_all(&beside).expect("the folder can be removed");
            }
        }
        let source = std::fs::read_to_string(home.join("node_modules/axe-core/axe.min.js"));
        Axe { source: source.expect("the package holds axe.min.js") }
    }

    /// What the page that a tab shows breaks, of all rules.
    #[must_use]
    pub fn violations(&self, tab: &Tab) -> Vec<Violation> {
        self.asked(tab, &json!({ "runOnly": RULES, "resultTypes": ["violations"] }).to_string())
    }

    /// What it breaks of the rules of contrast alone, which are all that another set of colours can break.
    #[must_use]
    pub fn contrast(&self, tab: &Tab) -> Vec<Violation> {
        let only = json!({ "type": "rule", "values": ["color-contrast", "link-in-text-block"] });
        self.asked(tab, &json!({ "runOnly": only, "resultTypes": ["violations"] }).to_string())
    }

    fn asked(&self, tab: &Tab, options: &str) -> Vec<Violation> {
        if tab.value("typeof window.axe") == "undefined" {
            tab.value(&format!("{};0", self.source));
        }
        let found = tab.value(&format!(
            "axe.run(document, {options}).then(({{ violations }}) => violations.map((of) => [of.id, \
             of.nodes.map((node) => node.html.slice(0, 200) + '\\n    ' + (node.failureSummary || '').replace(/\\s+/g, ' ')).join('\\n  ')]))"
        ));
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let found = found.as_array().expect("axe answers a list").iter();
        found.map(|of| Violation { rule: text(&of[0]), what: text(&of[1]) }).collect()
    }
}
