//! Our own glyphs: 16 px, strokes of 1.4 px, round ends, in the colour of the text around them.
//!
//! Every page carries them once, as symbols ([`sprite`]), and [`icon`] points there; so a part that htmx brings later finds
//! its glyph too.

use maud::{Markup, PreEscaped, html};

macro_rules! icons {
    ($($(#[$doc:meta])* $name:ident $id:literal $drawing:literal),+ $(,)?) => {
        /// A glyph.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Icon { $($(#[$doc])* $name),+ }

        impl Icon {
            /// Every glyph, in the order of the sprite.
            pub const ALL: &[Icon] = &[$(Icon::$name),+];

            /// The name of its symbol, after `i-`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Icon::$name => $id),+ }
            }

            const fn drawing(self) -> &'static str {
                match self { $(Icon::$name => $drawing),+ }
            }
        }
    };
}

icons! {
    // Places.
    /// The overview.
    Overview "overview" r#"<rect x="2" y="2.25" width="5.25" height="5.25" rx="1"/><rect x="9" y="2.25" width="5" height="8.5" rx="1"/><rect x="2" y="9.25" width="5.25" height="4.5" rx="1"/><path d="M9 13.5h5"/>"#,
    /// Assets, and a laptop.
    Laptop "laptop" r#"<rect x="3.25" y="3.25" width="9.5" height="6.75" rx="1"/><path d="M1.5 12.75h13"/>"#,
    /// Software.
    Software "software" r#"<path d="m8 1.75 5.75 3v6.5L8 14.25l-5.75-3v-6.5zM2.5 4.9 8 7.75l5.5-2.85M8 7.75v6.25"/>"#,
    /// Vulnerabilities.
    Vulnerability "vuln" r#"<path d="M8 1.75c1.6 1.1 3.4 1.7 5.25 1.75v4.4c0 3-2.1 5.3-5.25 6.35-3.15-1.05-5.25-3.35-5.25-6.35V3.5C4.6 3.45 6.4 2.85 8 1.75z"/><path d="M8.9 4.6 6.7 8h2.6l-2 3.1"/>"#,
    /// Findings.
    Finding "finding" r#"<path d="M3.5 14.25V2M3.5 2.75c3-1.4 5 1.4 9 0v6c-4 1.4-6-1.4-9 0"/>"#,
    /// Signals.
    Signals "signals" r#"<path d="M1.5 8.25H4l2-5.5 3.5 10.5 2-5h3"/>"#,
    /// People and policies.
    People "people" r#"<circle cx="5.75" cy="4.75" r="2.25"/><path d="M1.75 13c.2-2.6 1.8-4.1 4-4.1s3.8 1.5 4 4.1M10.5 2.75a2.25 2.25 0 0 1 0 4M12 9.3c1.4.6 2.1 1.9 2.25 3.7"/>"#,
    /// Checks.
    Check "check" r#"<rect x="2.25" y="2.25" width="11.5" height="11.5" rx="2"/><path d="m5.25 8.25 2 2 3.5-4.5"/>"#,
    /// Frameworks.
    Framework "framework" r#"<path d="M2 5.75 8 2.25l6 3.5zM3.5 6v5.25M6.5 6v5.25M9.5 6v5.25M12.5 6v5.25M2 13.5h12"/>"#,
    /// Exceptions.
    Except "except" r#"<circle cx="8" cy="8" r="6"/><path d="M5 8h6"/>"#,
    /// Evidence.
    Evidence "evidence" r#"<path d="M9.25 1.75H4.5a1 1 0 0 0-1 1v10.5a1 1 0 0 0 1 1h7a1 1 0 0 0 1-1V5zM9.25 1.75V5h3.25M5.75 9.75l1.6 1.6 2.9-3.4"/>"#,
    /// Integrations.
    Plug "plug" r#"<path d="M5.75 1.5v3.25M10.25 1.5v3.25M3.75 4.75h8.5V7.5a4.25 4.25 0 0 1-8.5 0zM8 11.75v2.75"/>"#,
    /// Tasks.
    Tasks "tasks" r#"<path d="m1.75 4 1 1 1.75-2M7 4h7.25M1.75 8.5l1 1 1.75-2M7 8.5h7.25M2 13h2M7 13h7.25"/>"#,
    /// Credentials.
    Key "key" r#"<circle cx="5" cy="11" r="2.9"/><path d="M7.1 8.9 13.5 2.5M10.75 5.25l2.25 2.25"/>"#,
    /// Explorers.
    Explorer "explorer" r#"<circle cx="8" cy="8" r="6.1"/><path d="M10.9 5.1 9.3 9.3l-4.2 1.6 1.6-4.2z"/>"#,
    /// Sites.
    Site "site" r#"<path d="M8 14.25C5 11.2 3.25 8.8 3.25 6.6a4.75 4.75 0 0 1 9.5 0c0 2.2-1.75 4.6-4.75 7.65z"/><circle cx="8" cy="6.6" r="1.6"/>"#,
    /// The audit trail.
    Audit "audit" r#"<path d="M3.25 2.25h9.5v11.5h-9.5zM5.75 5.25h4.5M5.75 8h4.5M5.75 10.75h2.5"/>"#,
    /// Settings.
    Settings "settings" r#"<path d="M2 4.75h6.5M12.25 4.75H14M2 11.25h1.75M7.5 11.25H14"/><circle cx="10.4" cy="4.75" r="1.85"/><circle cx="5.6" cy="11.25" r="1.85"/>"#,
    /// Help.
    Help "help" r#"<circle cx="8" cy="8" r="6.1"/><path d="M6.2 6.4c0-1.1.8-1.8 1.8-1.8s1.8.7 1.8 1.7c0 1.3-1.8 1.5-1.8 2.9M8 11.4v.05"/>"#,
    /// A person.
    Person "person" r#"<circle cx="8" cy="5.1" r="2.7"/><path d="M2.75 13.75c.3-2.8 2.3-4.3 5.25-4.3s4.95 1.5 5.25 4.3"/>"#,
    // Sources.
    /// An agent on the machine.
    Shield "shield" r#"<path d="M8 1.75c1.6 1.1 3.4 1.7 5.25 1.75v4.4c0 3-2.1 5.3-5.25 6.35-3.15-1.05-5.25-3.35-5.25-6.35V3.5C4.6 3.45 6.4 2.85 8 1.75z"/><circle class="solid" cx="8" cy="7.5" r="1.9"/>"#,
    /// SentinelOne: a shield with S1 in our own hand, no mark of the vendor's.
    SentinelOne "s1" r#"<path d="M8 1.25c1.7 1.05 3.7 1.6 5.75 1.65v5c0 3.2-2.2 5.6-5.75 6.85-3.55-1.25-5.75-3.65-5.75-6.85v-5C4.3 2.85 6.3 2.3 8 1.25z"/><path d="M7.6 5.55C7.25 5.1 6.75 4.9 6.2 4.9c-.85 0-1.5.5-1.5 1.2 0 1.65 3 .95 3 2.65 0 .75-.65 1.25-1.55 1.25-.65 0-1.2-.25-1.55-.75M9.4 5.9l1.6-1v5.1"/>"#,
    /// A scan of the network.
    Radar "radar" r#"<path d="M12.3 3.7a6.1 6.1 0 1 0 1.8 4.3M10 6a2.8 2.8 0 1 0 .8 2M8 8l6-6"/>"#,
    /// A table that somebody keeps.
    Grid "grid" r#"<rect x="2" y="2.75" width="12" height="10.5" rx="1"/><path d="M2 6.25h12M2 9.75h12M6.25 6.25v7"/>"#,
    /// A document of records.
    Braces "braces" r#"<path d="M6 2.25c-1.6 0-2 .7-2 2v1.9C4 7.3 3.4 8 2.25 8 3.4 8 4 8.7 4 9.85v1.9c0 1.3.4 2 2 2M10 2.25c1.6 0 2 .7 2 2v1.9c0 1.15.6 1.85 1.75 1.85C12.6 8 12 8.7 12 9.85v1.9c0 1.3-.4 2-2 2"/>"#,
    /// Devices asked over the network.
    Nodes "nodes" r#"<circle cx="8" cy="3.4" r="1.8"/><circle cx="3.4" cy="12.6" r="1.8"/><circle cx="12.6" cy="12.6" r="1.8"/><path d="M7.1 5 4.3 11M8.9 5l2.8 6M5.2 12.6h5.6"/>"#,
    /// A person's own entry.
    Pencil "pencil" r#"<path d="m2.75 13.25.8-3.1 7.2-7.2a1.1 1.1 0 0 1 1.55 0l.75.75a1.1 1.1 0 0 1 0 1.55l-7.2 7.2zM9.5 4.25l2.25 2.25"/>"#,
    // Kinds of machine.
    /// A desktop computer.
    Desktop "desktop" r#"<rect x="2" y="2.5" width="12" height="8" rx="1"/><path d="M8 10.5v3M5.25 13.5h5.5"/>"#,
    /// A server.
    Server "server" r#"<rect x="2.25" y="2.25" width="11.5" height="5" rx="1"/><rect x="2.25" y="8.75" width="11.5" height="5" rx="1"/><path d="M5 4.75v.05M5 11.25v.05M8.5 4.75H11M8.5 11.25H11"/>"#,
    /// A phone, a tablet, a kiosk.
    Phone "phone" r#"<rect x="3.75" y="1.5" width="8.5" height="13" rx="1.5"/><path d="M7 12.25h2"/>"#,
    /// A printer.
    Printer "printer" r#"<path d="M4.5 5.5V2h7v3.5M4.5 11.5H3a1 1 0 0 1-1-1v-4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v4a1 1 0 0 1-1 1h-1.5M4.5 9.25h7V14h-7z"/>"#,
    /// A switch, a router, a firewall.
    Network "network" r#"<rect x="1.75" y="6" width="12.5" height="5.5" rx="1"/><path d="M4.5 8.75v.05M7 8.75v.05M11.5 8.75H10M4.5 6V3.25M11.5 6V3.25"/>"#,
    /// A machine of a kind that nobody said.
    Unknown "unknown" r#"<rect x="2.25" y="2.25" width="11.5" height="11.5" rx="2" stroke-dasharray="2.3 2"/><path d="M6.4 6.4c0-1 .7-1.6 1.6-1.6s1.6.6 1.6 1.5C9.6 7.5 8 7.7 8 9M8 11.2v.05"/>"#,
    // Lights.
    /// Good: a filled disc with a tick.
    Ok "ok" r#"<circle class="solid" cx="8" cy="8" r="7"/><path class="cut" d="m4.75 8.25 2.25 2.25 4.25-4.75"/>"#,
    /// Attention: a filled triangle.
    Warn "warn" r#"<path class="solid" d="M6.95 1.6a1.2 1.2 0 0 1 2.1 0l6.1 11.1a1.2 1.2 0 0 1-1.05 1.8H1.9a1.2 1.2 0 0 1-1.05-1.8z"/><path class="cut" d="M8 5.75V9.2M8 11.75v.05"/>"#,
    /// Bad: a filled octagon with a cross.
    Bad "bad" r#"<path class="solid" d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z"/><path class="cut" d="m5.4 5.4 5.2 5.2M10.6 5.4l-5.2 5.2"/>"#,
    /// Not measured: a dashed ring.
    Idle "idle" r#"<circle cx="8" cy="8" r="6.2" stroke-dasharray="2.75 2.12"/>"#,
    /// Running: an arc.
    Run "run" r#"<circle cx="8" cy="8" r="6.2" opacity=".3"/><path d="M8 1.8A6.2 6.2 0 0 1 14.2 8"/>"#,
    /// Waiting: a clock.
    Wait "wait" r#"<circle cx="8" cy="8" r="6.2"/><path d="M8 4.4V8l2.4 1.5"/>"#,
    /// Paused: two bars.
    Pause "pause" r#"<circle cx="8" cy="8" r="6.2"/><path d="M6.4 5.75v4.5M9.6 5.75v4.5"/>"#,
    /// Excepted: a filled disc with a minus.
    Excepted "excepted" r#"<circle class="solid" cx="8" cy="8" r="7"/><path class="cut" d="M4.75 8h6.5"/>"#,
    /// Not applicable: a dash.
    NotApplicable "na" r#"<path d="M3.75 8h8.5"/>"#,
    // Severity, as four bars.
    /// Low.
    Low "sev1" r#"<path class="solid" d="M1 10.25h2.75V14H1z"/><path class="solid off" d="M5 7.5h2.75V14H5zM9 4.75h2.75V14H9zM13 2h2.75v12H13z"/>"#,
    /// Medium.
    Medium "sev2" r#"<path class="solid" d="M1 10.25h2.75V14H1zM5 7.5h2.75V14H5z"/><path class="solid off" d="M9 4.75h2.75V14H9zM13 2h2.75v12H13z"/>"#,
    /// High.
    High "sev3" r#"<path class="solid" d="M1 10.25h2.75V14H1zM5 7.5h2.75V14H5zM9 4.75h2.75V14H9z"/><path class="solid off" d="M13 2h2.75v12H13z"/>"#,
    /// Critical.
    Critical "sev4" r#"<path class="solid" d="M1 10.25h2.75V14H1zM5 7.5h2.75V14H5zM9 4.75h2.75V14H9zM13 2h2.75v12H13z"/>"#,
    // Verbs.
    /// The keys.
    Keyboard "keyboard" r#"<rect x="1.75" y="4" width="12.5" height="8" rx="1.25"/><path d="M4.5 6.75v.05M7 6.75v.05M9.25 6.75v.05M11.5 6.75v.05M5.25 9.5h5.5"/>"#,
    /// Search.
    Search "search" r#"<circle cx="6.9" cy="6.9" r="4.65"/><path d="m10.35 10.35 3.9 3.9"/>"#,
    /// Read again, sync.
    Sync "sync" r#"<path d="M13.6 7.25A5.7 5.7 0 0 0 3.4 4.6M2.4 8.75a5.7 5.7 0 0 0 10.2 2.65M3 2v2.9h2.9M13 14v-2.9h-2.9"/>"#,
    /// Add, connect.
    Plus "plus" r#"<path d="M8 3.25v9.5M3.25 8h9.5"/>"#,
    /// Close, dismiss.
    Close "close" r#"<path d="m4 4 8 8M12 4l-8 8"/>"#,
    /// Used, taken.
    Tick "tick" r#"<path d="m3 8.5 3.25 3.25L13 4.5"/>"#,
    /// A menu opens below.
    Down "down" r#"<path d="m4.25 6.25 3.75 3.75 3.75-3.75"/>"#,
    /// Previous.
    Left "left" r#"<path d="M9.75 4.25 6 8l3.75 3.75"/>"#,
    /// Next.
    Right "right" r#"<path d="M6.25 4.25 10 8l-3.75 3.75"/>"#,
    /// Sorted from the smallest.
    Ascending "asc" r#"<path d="M8 13V3.25M4.25 7 8 3.25 11.75 7"/>"#,
    /// Sorted from the largest.
    Descending "desc" r#"<path d="M8 3v9.75M4.25 9 8 12.75 11.75 9"/>"#,
    /// Download, export.
    Download "download" r#"<path d="M8 2v8.25M4.5 6.75 8 10.25l3.5-3.5M2.5 13.75h11"/>"#,
    /// Columns.
    Columns "columns" r#"<rect x="2" y="2.75" width="12" height="10.5" rx="1"/><path d="M6 2.75v10.5M10 2.75v10.5"/>"#,
    /// Save, saved.
    Saved "saved" r#"<path d="M4.25 2h7.5v12L8 11l-3.75 3z"/>"#,
    /// Tag.
    Tag "tag" r#"<path d="M2.25 2.75h5.5L14 9l-5 5-6.75-6.25z"/><path d="M5.4 5.7v.05"/>"#,
    /// Merge records.
    Merge "merge" r#"<path d="M4 2v2.25C4 7 8 7 8 10v4M12 2v2.25C12 7 8 7 8 10M5.75 11.9 8 14.1l2.25-2.2"/>"#,
    /// Split a record off.
    Split "split" r#"<path d="M8 14v-4c0-3-4-3-4-6V2.25M8 10c0-3 4-3 4-6V2.25M2 4.2l2-2 2 2M10 4.2l2-2 2 2"/>"#,
    /// Locked, required.
    Lock "lock" r#"<rect x="3.25" y="7" width="9.5" height="7" rx="1.25"/><path d="M5.25 7V4.75a2.75 2.75 0 0 1 5.5 0V7"/>"#,
    /// Copy.
    Copy "copy" r#"<rect x="5.5" y="5.5" width="8.25" height="8.25" rx="1.25"/><path d="M10.5 5.5V3.5a1.25 1.25 0 0 0-1.25-1.25H3.5A1.25 1.25 0 0 0 2.25 3.5v5.75A1.25 1.25 0 0 0 3.5 10.5h2"/>"#,
    /// The menu of a narrow screen.
    Menu "menu" r#"<path d="M2.5 4.25h11M2.5 8h11M2.5 11.75h11"/>"#,
    /// Sign out.
    Leave "leave" r#"<path d="M9.5 2.5H4a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h5.5M7 8h7M11.25 5.25 14 8l-2.75 2.75"/>"#,
    /// Leads out of Muster.
    Outside "outside" r#"<path d="M6.75 3H3v10h10V9.25M9.25 2.75h4v4M13.25 2.75 7.5 8.5"/>"#,
    /// Remove.
    Bin "bin" r#"<path d="M2.5 4.25h11M6 4.25V2.5h4v1.75M4 4.25l.6 9.25h6.8l.6-9.25M6.75 7v4M9.25 7v4"/>"#,
    /// More about it, shown.
    Eye "eye" r#"<path d="M1.5 8C3 5.2 5.2 3.75 8 3.75S13 5.2 14.5 8C13 10.8 10.8 12.25 8 12.25S3 10.8 1.5 8z"/><circle cx="8" cy="8" r="1.9"/>"#,
}

/// A glyph beside the word that says the same; screen readers skip it.
#[must_use]
pub fn icon(which: Icon) -> Markup {
    html! { svg.i viewBox="0 0 16 16" aria-hidden="true" { use href={ "#i-" (which.id()) }; } }
}

/// A glyph that stands alone, with its words for screen readers.
#[must_use]
pub fn labelled(which: Icon, words: &str) -> Markup {
    html! { svg.i viewBox="0 0 16 16" role="img" aria-label=(words) { use href={ "#i-" (which.id()) }; } }
}

/// The mark: a tally of five, the fifth across in the accent colour.
#[must_use]
pub fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 20 20" aria-hidden="true" {
            path d="M4.25 3.5v13M8.1 3.5v13M11.9 3.5v13M15.75 3.5v13" {}
            path.across d="M1.75 13.25 18.25 6.75" {}
        }
    }
}

/// The mark as a file of its own, for the browser's tab.
pub(crate) const MARK_FILE: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><rect width="20" height="20" rx="4" fill="#17324d"/><g fill="none" stroke-width="1.7" stroke-linecap="round"><path stroke="#fff" d="M5.2 5v10M8.4 5v10M11.6 5v10M14.8 5v10"/><path stroke="#83c8f4" d="M3.2 12.4l13.6-4.8"/></g></svg>"##;

/// All symbols, and the hatches of what is not measured. Every page has it once.
pub(crate) fn sprite() -> &'static str {
    static SPRITE: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        html! {
            svg.sprite aria-hidden="true" focusable="false" {
                defs {
                    @for (id, class) in [("hatch", "hatch"), ("warn-hatch", "hatch warn")] {
                        pattern id=(id) width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                            path class=(class) d="M0 0v5" {}
                        }
                    }
                }
                @for which in Icon::ALL {
                    symbol id={ "i-" (which.id()) } viewBox="0 0 16 16" { (PreEscaped(which.drawing())) }
                }
            }
        }
        .0
    });
    &SPRITE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_glyph_has_a_name_of_its_own() {
        let mut ids: Vec<_> = Icon::ALL.iter().map(|icon| icon.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Icon::ALL.len());
    }

    #[test]
    fn no_drawing_brings_a_colour_or_a_style() {
        for icon in Icon::ALL {
            let drawing = icon.drawing();
            assert!(!drawing.contains("style=") && !drawing.contains('#') && !drawing.contains("fill="), "{icon:?}");
        }
    }
}
