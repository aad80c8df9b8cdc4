//! A whole page: head, navigation, place, content, keys.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets::{self, HTMX, MARK, SCRIPT, STYLE};
use crate::form::Csrf;
use crate::href::href;
use crate::icon::{Icon, icon, mark, sprite};
use crate::message::{Flash, keys};
use crate::words::{count, name};

/// Organizations in the switcher; people with more find theirs on the page of organizations.
pub const ORGS_MAX: usize = 50;

/// Addresses that the layout itself links or posts to. The server answers them.
pub mod paths {
    /// Posts `org`: the organization to look at from now on, and `back`: where to return to.
    pub const SWITCH: &str = "/orgs/switch";
    /// Posts `theme` and `density`, and `back`.
    pub const APPEARANCE: &str = "/account/appearance";
    /// The person's own page.
    pub const ACCOUNT: &str = "/account";
    /// Posts the end of the session.
    pub const SIGN_OUT: &str = "/sign-out";
    /// The guides.
    pub const HELP: &str = "/help";
    /// All organizations.
    pub const ORGS: &str = "/orgs";
}

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident $label:literal $path:literal $group:literal $icon:ident),+ $(,)?) => {
        /// A page that the navigation leads to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Place { $($(#[$doc])* $name),+ }

        impl Place {
            /// Every place, in the navigation's order.
            pub const ALL: &[Place] = &[$(Place::$name),+];

            /// Its name, the same everywhere.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Place::$name => $label),+ }
            }

            /// Its address.
            #[must_use]
            pub const fn path(self) -> &'static str {
                match self { $(Place::$name => $path),+ }
            }

            const fn group(self) -> &'static str {
                match self { $(Place::$name => $group),+ }
            }

            /// Its glyph.
            #[must_use]
            pub const fn icon(self) -> Icon {
                match self { $(Place::$name => Icon::$icon),+ }
            }
        }
    };
}

places! {
    /// What needs a person, what changed.
    Overview "Overview" "/" "" Overview,
    /// Assets.
    Assets "Assets" "/assets" "Inventory" Laptop,
    /// Software.
    Software "Software" "/software" "Inventory" Software,
    /// Vulnerabilities.
    Vulnerabilities "Vulnerabilities" "/vulnerabilities" "Inventory" Vulnerability,
    /// Findings.
    Findings "Findings" "/findings" "Inventory" Finding,
    /// Signals.
    Signals "Signals" "/signals" "Inventory" Signals,
    /// People and policies of the consoles.
    Policies "People and policies" "/policies" "Inventory" People,
    /// Checks.
    Checks "Checks" "/checks" "Assurance" Check,
    /// Frameworks.
    Frameworks "Frameworks" "/frameworks" "Assurance" Framework,
    /// Exceptions.
    Exceptions "Exceptions" "/exceptions" "Assurance" Except,
    /// Evidence.
    Evidence "Evidence" "/evidence" "Assurance" Evidence,
    /// Integrations.
    Integrations "Integrations" "/integrations" "Sources" Plug,
    /// Tasks.
    Tasks "Tasks" "/tasks" "Sources" Tasks,
    /// Credentials.
    Credentials "Credentials" "/credentials" "Sources" Key,
    /// Explorers.
    Explorers "Explorers" "/explorers" "Sources" Explorer,
    /// Sites and custom fields.
    Sites "Sites and fields" "/fields" "Administration" Site,
    /// People of this server.
    People "People" "/people" "Administration" Person,
    /// The audit trail.
    Audit "Audit trail" "/audit" "Administration" Audit,
    /// Settings.
    Settings "Settings" "/settings" "Administration" Settings,
}

/// An entry of the navigation.
#[derive(Clone, Copy, Debug)]
pub struct Nav<'a> {
    /// The page.
    pub place: Place,
    /// How many there are.
    pub count: Option<u64>,
    /// The count needs a person, and what it counts: *failing*. Empty for a plain count.
    pub needs: &'a str,
}

impl Nav<'_> {
    /// An entry without a count.
    #[must_use]
    pub const fn to(place: Place) -> Nav<'static> {
        Nav { place, count: None, needs: "" }
    }
}

/// An organization.
#[derive(Clone, Copy, Debug, Default)]
pub struct Org<'a> {
    /// What is posted.
    pub id: &'a str,
    /// What is read.
    pub name: &'a str,
}

/// Who looks.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// What they are called here.
    pub name: &'a str,
    /// What they may do: *operator*.
    pub role: &'a str,
}

/// Light, dark, or what the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Theme {
    /// What the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The cookie that holds it, and the field that posts it.
    pub const COOKIE: &'static str = "theme";

    /// Its word in the cookie and in the form.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// Reads the word; anything else is the system's.
    #[must_use]
    pub fn read(word: &str) -> Theme {
        match word {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        }
    }
}

/// How tall rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Density {
    /// 36 pixels.
    #[default]
    Normal,
    /// 28 pixels.
    Compact,
    /// 44 pixels.
    Roomy,
}

impl Density {
    /// The cookie that holds it, and the field that posts it.
    pub const COOKIE: &'static str = "density";

    /// Its word in the cookie and in the form.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Density::Normal => "normal",
            Density::Compact => "compact",
            Density::Roomy => "roomy",
        }
    }

    /// Reads the word; anything else is normal.
    #[must_use]
    pub fn read(word: &str) -> Density {
        match word {
            "compact" => Density::Compact,
            "roomy" => Density::Roomy,
            _ => Density::Normal,
        }
    }
}

/// What is around every page of a session.
#[derive(Clone, Debug)]
pub struct Shell<'a> {
    /// The organization that is looked at.
    pub org: Org<'a>,
    /// Others that the person may look at.
    pub others: Vec<Org<'a>>,
    /// Who looks.
    pub person: Person<'a>,
    /// The pages that they may open, in [`Place::ALL`]'s order.
    pub nav: Vec<Nav<'a>>,
    /// The address of this page, to return to.
    pub here: &'a str,
    /// The session's token.
    pub csrf: Csrf<'a>,
    /// Light or dark.
    pub theme: Theme,
    /// How tall rows are.
    pub density: Density,
    /// Single keys work.
    pub keys: bool,
}

/// How the main part is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Layout {
    /// Parts below each other, 24 pixels apart.
    #[default]
    Parts,
    /// A list: head, question, rows, close together.
    List,
    /// A list that fills the window: only its rows scroll.
    Fill,
    /// A form, a guide.
    Narrow,
}

impl Layout {
    const fn class(self) -> &'static str {
        match self {
            Layout::Parts => "main",
            Layout::List => "main list",
            Layout::Fill => "main list fill",
            Layout::Narrow => "main narrow",
        }
    }
}

/// A page of a session.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// What is around it.
    pub shell: &'a Shell<'a>,
    /// Where it belongs in the navigation.
    pub place: Option<Place>,
    /// Its heading, and the first part of its title.
    pub title: &'a str,
    /// What leads here, below the first level: words and address.
    pub crumbs: &'a [(&'a str, &'a str)],
    /// At most two, beside the heading.
    pub badges: Markup,
    /// One sentence below the heading.
    pub lead: Markup,
    /// A strip of facts below the head, see [`crate::strip`].
    pub facts: Markup,
    /// Buttons at the right of the heading.
    pub actions: Markup,
    /// What the last action came to.
    pub flash: Option<Flash<'a>>,
    /// How the content is laid out.
    pub layout: Layout,
    /// The content.
    pub body: Markup,
}

impl<'a> Page<'a> {
    /// A page with a heading and nothing else yet.
    #[must_use]
    pub fn new(shell: &'a Shell<'a>, place: Place, title: &'a str) -> Page<'a> {
        Page {
            shell,
            place: Some(place),
            title,
            crumbs: &[],
            badges: Markup::default(),
            lead: Markup::default(),
            facts: Markup::default(),
            actions: Markup::default(),
            flash: None,
            layout: Layout::Parts,
            body: Markup::default(),
        }
    }

    /// The whole document.
    #[must_use]
    pub fn render(&self) -> Markup {
        let shell = self.shell;
        let place = self.place.map(Place::label).filter(|place| *place != self.title);
        let body = html! {
            div.app {
                header.top {
                    button.btn.btn-quiet.btn-icon type="button" popovertarget="nav" aria-label="Menu" { (icon(Icon::Menu)) }
                    a.brand href="/" { (mark()) "Muster" }
                    span.end.muted.small { (name(shell.org.name)) }
                }
                (self.nav())
                main class=(self.layout.class()) id="main" tabindex="-1" {
                    div #message { @if let Some(flash) = &self.flash { (flash.render()) } }
                    (self.head())
                    (self.body)
                }
            }
            (keys(&shell.nav))
        };
        document(self.title, place, (shell.theme, shell.density, shell.keys), Some(shell.csrf), &body)
    }

    fn head(&self) -> Markup {
        html! {
            @if !self.crumbs.is_empty() {
                nav.crumbs aria-label="Breadcrumb" {
                    ol {
                        @for (words, address) in self.crumbs { li { a href=(href(address)) { (name(words)) } } }
                        li aria-current="page" { (name(self.title)) }
                    }
                }
            }
            div.page-head {
                div {
                    h1 { (name(self.title)) (self.badges) }
                    @if !self.lead.0.is_empty() { p { (self.lead) } }
                }
                @if !self.actions.0.is_empty() { div.line.actions { (self.actions) } }
            }
            (self.facts)
        }
    }

    fn nav(&self) -> Markup {
        let shell = self.shell;
        let mut groups: Vec<(&str, Vec<&Nav<'_>>)> = Vec::new();
        for entry in &shell.nav {
            match groups.last_mut() {
                Some((group, entries)) if *group == entry.place.group() => entries.push(entry),
                _ => groups.push((entry.place.group(), vec![entry])),
            }
        }
        html! {
            nav.nav id="nav" popover aria-label="Main" {
                a.brand href="/" { (mark()) "Muster" }
                (self.orgs())
                @for (group, entries) in groups {
                    @if !group.is_empty() { h2 { (group) } }
                    ul { @for entry in entries { (self.entry(entry)) } }
                }
                div.nav-foot {
                    ul {
                        li { a href=(paths::HELP) { (icon(Icon::Help)) "Help" } }
                        li { a href="#keys" data-dialog="keys" { (icon(Icon::Keyboard)) "Keys" span.n { kbd { "?" } } } }
                    }
                    (self.person())
                }
            }
        }
    }

    fn entry(&self, entry: &Nav<'_>) -> Markup {
        html! {
            li {
                a href=(entry.place.path()) aria-current=[(self.place == Some(entry.place)).then_some("page")] {
                    (icon(entry.place.icon())) (entry.place.label())
                    @if let Some(rows) = entry.count {
                        @if entry.needs.is_empty() { span.n { (count(rows)) } }
                        @else if rows > 0 { span.n.hot { (count(rows)) span.sr { " " (entry.needs) } } }
                    }
                }
            }
        }
    }

    fn orgs(&self) -> Markup {
        let shell = self.shell;
        html! {
            @if shell.others.is_empty() { p.org.alone { (name(shell.org.name)) } } @else {
                details.menu.org {
                    summary.btn { (name(shell.org.name)) (icon(Icon::Down)) span.sr { ": change organization" } }
                    form.pop.start method="post" action=(paths::SWITCH) {
                        (shell.csrf.field())
                        input type="hidden" name="back" value=(shell.here);
                        h3 { "Organizations" }
                        @for org in shell.others.iter().take(ORGS_MAX) {
                            button.item type="submit" name="org" value=(org.id) { (name(org.name)) }
                        }
                        @if shell.others.len() > ORGS_MAX { a.item href=(paths::ORGS) { "All " (count(shell.others.len() as u64 + 1)) } }
                    }
                }
            }
        }
    }

    fn person(&self) -> Markup {
        let shell = self.shell;
        let choice = |field: &str, value: &str, label: &str, on: bool| {
            html! { label.choice { input type="radio" name=(field) value=(value) checked[on]; (label) } }
        };
        html! {
            details.menu.me {
                summary.btn.btn-quiet {
                    (icon(Icon::Person)) (name(shell.person.name)) span.n { (shell.person.role) }
                }
                div.pop.start.above {
                    a.item href=(paths::ACCOUNT) { (icon(Icon::Person)) "Your account" }
                    form method="post" action=(paths::APPEARANCE) {
                        (shell.csrf.field())
                        input type="hidden" name="back" value=(shell.here);
                        h3 { "Colours" }
                        @for (theme, label) in [(Theme::System, "As the system"), (Theme::Light, "Light"), (Theme::Dark, "Dark")] {
                            (choice(Theme::COOKIE, theme.word(), label, shell.theme == theme))
                        }
                        h3 { "Rows" }
                        @for (density, label) in [(Density::Compact, "Compact"), (Density::Normal, "Normal"), (Density::Roomy, "Roomy")] {
                            (choice(Density::COOKIE, density.word(), label, shell.density == density))
                        }
                        div.keys { button.btn.btn-small type="submit" { "Show it so" } }
                    }
                    form method="post" action=(paths::SIGN_OUT) {
                        (shell.csrf.field())
                        button.item type="submit" { (icon(Icon::Leave)) "Sign out" }
                    }
                }
            }
        }
    }
}

/// A page without a session: signing in, a connection link, an error. `aside` stands at the right of the bar.
#[must_use]
pub fn plain(title: &str, lead: &Markup, aside: &str, body: &Markup) -> Markup {
    let body = html! {
        header.top.always { span.brand { (mark()) "Muster" } @if !aside.is_empty() { span.end.muted { (aside) } } }
        main.main.narrow id="main" tabindex="-1" {
            div #message {}
            div.page-head { div { h1 { (name(title)) } @if !lead.0.is_empty() { p { (lead) } } } }
            (body)
        }
    };
    document(title, None, (Theme::System, Density::Normal, false), None, &body)
}

fn document(
    title: &str,
    place: Option<&str>,
    (theme, density, keys): (Theme, Density, bool),
    csrf: Option<Csrf<'_>>,
    body: &Markup,
) -> Markup {
    let title = crate::words::cut(title, crate::words::NAME_MAX);
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[(theme != Theme::System).then(|| theme.word())]
            data-density=[(density != Density::Normal).then(|| density.word())] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(Csrf(token)) = csrf { meta name="csrf" content=(token); }
                meta name="htmx-config" content=(HTMX_CONFIG);
                title { (title) @if let Some(place) = place { " · " (place) } " · Muster" }
                link rel="icon" href=(assets::path(MARK)) type="image/svg+xml";
                link rel="stylesheet" href=(assets::path(STYLE));
                script src=(assets::path(HTMX)) defer {}
                script src=(assets::path(SCRIPT)) defer {}
            }
            body data-keys=[keys.then_some("on")] {
                (PreEscaped(sprite()))
                a.skip href="#main" { "Skip to content" }
                (body)
            }
        }
    }
}

/// htmx without what the content policy refuses: no style element, no evaluation, no script from an answer.
const HTMX_CONFIG: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,"historyCacheSize":0,"timeout":30000}"#;
