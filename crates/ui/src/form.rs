//! Forms: label, help, error, field, in this order. Every form that changes something carries the session's token.

use maud::{Markup, html};

use crate::href::href;
use crate::icon::{Icon, icon};
use crate::state::{Light, shape_saying};

/// Choices of one field; a field with more is a search.
pub const CHOICES_MAX: usize = 200;
/// Characters that a one-line field takes, unless it says otherwise.
pub const INPUT_MAX: usize = 1024;

/// The token that ties a form to its session; the server compares it before anything is changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Csrf<'a>(pub &'a str);

impl Csrf<'_> {
    /// The name under which it is posted.
    pub const NAME: &'static str = "csrf";

    /// The hidden field.
    #[must_use]
    pub fn field(self) -> Markup {
        html! { input type="hidden" name=(Csrf::NAME) value=(self.0); }
    }
}

/// A form that posts `body` to `action`, with the token.
#[must_use]
pub fn post(csrf: Csrf<'_>, action: &str, body: &Markup) -> Markup {
    html! { form method="post" action=(href(action)) { (csrf.field()) (body) } }
}

/// The same around parts that can be folded up. The browser checks nothing before it sends: of a field that is folded up it says
/// nothing, and sends nothing either. Whoever takes it checks everything.
#[must_use]
pub fn post_folded(csrf: Csrf<'_>, action: &str, body: &Markup) -> Markup {
    html! { form method="post" action=(href(action)) novalidate { (csrf.field()) (body) } }
}

/// A button that posts by itself, with the given fields: `post_button(csrf, "/tasks/7/pause", "Pause", "", &[])`. `hidden`
/// is read after the words by screen readers: * Office sweep*.
#[must_use]
pub fn post_button(csrf: Csrf<'_>, action: &str, what: &Button<'_>, fields: &[(&str, &str)]) -> Markup {
    html! {
        form.alone method="post" action=(href(action)) {
            (csrf.field())
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            (button(what))
        }
    }
}

/// How much a button asks to be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Weight {
    /// One of several.
    #[default]
    Normal,
    /// The one of a decision.
    Main,
    /// Beside others, without an edge.
    Quiet,
    /// Takes something away.
    Danger,
}

/// A button or a link that looks like one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Button<'a> {
    /// A verb: *Reconnect*.
    pub words: &'a str,
    /// What screen readers hear after it, where several read alike: *APAC console*.
    pub about: &'a str,
    /// A glyph before the words.
    pub icon: Option<Icon>,
    /// How much it asks.
    pub weight: Weight,
    /// In rows and cards.
    pub small: bool,
    /// Its name and value in the form, where several buttons post the same form.
    pub value: Option<(&'a str, &'a str)>,
    /// Where it posts to instead of the form's own address.
    pub action: Option<&'a str>,
}

impl Button<'_> {
    pub(crate) fn class(&self) -> String {
        let weight = match self.weight {
            Weight::Normal => "",
            Weight::Main => " btn-main",
            Weight::Quiet => " btn-quiet",
            Weight::Danger => " btn-danger",
        };
        format!("btn{weight}{}", if self.small { " btn-small" } else { "" })
    }

    pub(crate) fn inside(&self) -> Markup {
        html! {
            @if let Some(glyph) = self.icon { (icon(glyph)) }
            (self.words)
            @if !self.about.is_empty() { span.sr { " " (self.about) } }
        }
    }
}

/// Fields that mean something only while a switch of the same form is on. With the script they are greyed and passed over while
/// it is off, and `says` stands below them; they are sent all the same, so that what was chosen is kept.
#[must_use]
pub fn needing(switch: &str, says: &str, fields: &Markup) -> Markup {
    html! { div.needing data-needs=(switch) { div { (fields) } p.muted.small hidden { (says) } } }
}

/// A button that submits its form.
#[must_use]
pub fn button(what: &Button<'_>) -> Markup {
    html! {
        button class=(what.class()) type="submit" name=[what.value.map(|(name, _)| name)]
            value=[what.value.map(|(_, value)| value)] formaction=[what.action.map(href)] { (what.inside()) }
    }
}

/// A link that looks like a button. With htmx, what stands at the address is brought into the [`panel`] of that identifier.
#[must_use]
pub fn panel_button(address: &str, panel: &str, what: &Button<'_>) -> Markup {
    let target = format!("#{panel}");
    html! { a class=(what.class()) href=(href(address)) hx-get=(href(address)) hx-target=(target) hx-swap="innerHTML" { (what.inside()) } }
}

/// A list with a place beside it, empty until a [`panel_button`] brings something there.
#[must_use]
pub fn beside(panel: &str, list: &Markup) -> Markup {
    html! { div.beside { div { (list) } aside id=(panel) data-panel aria-label="Beside the list" {} } }
}

/// What a [`panel_button`] brings; `back` is the list's own address.
#[must_use]
pub fn panel(id: &str, heading: &str, back: &str, body: &Markup) -> Markup {
    html! {
        section.card.pad.flow aria-labelledby={ (id) "-heading" } {
            div.line {
                h2 id={ (id) "-heading" } tabindex="-1" { (heading) }
                a.btn.btn-small.btn-quiet.end href=(href(back)) data-shuts=(id) { "Close" }
            }
            (body)
        }
    }
}

/// A link that looks like a button.
#[must_use]
pub fn link_button(address: &str, what: &Button<'_>) -> Markup {
    html! { a class=(what.class()) href=(href(address)) { (what.inside()) } }
}

/// A button that opens a menu below it: columns, export. It opens without a script.
#[must_use]
pub fn menu(what: &Button<'_>, says: &str, body: &Markup) -> Markup {
    html! {
        details.menu {
            summary class=(what.class()) { (what.inside()) @if !says.is_empty() { span.muted { (says) } } (icon(Icon::Down)) }
            div.pop { (body) }
        }
    }
}

/// A line of a menu that leads somewhere.
#[must_use]
pub fn item(address: &str, words: &str) -> Markup {
    html! { a.item href=(href(address)) { (words) } }
}

/// A button that copies `text`: shown with a script only, so the text itself stands beside it.
#[must_use]
pub fn copy_button(text: &str, words: &str) -> Markup {
    html! { button.btn.btn-small type="button" data-copy=(text) { (icon(Icon::Copy)) (words) } }
}

/// A button that cannot be pressed now, and why: the reason stands beside it.
#[must_use]
pub fn barred(words: &str, reason: &str) -> Markup {
    html! { span.line { button.btn type="button" disabled { (words) } span.muted.small { (reason) } } }
}

/// One of several to choose from.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// What is posted.
    pub value: &'a str,
    /// What is read.
    pub label: &'a str,
    /// More about it; may be empty.
    pub help: &'a str,
    /// It is chosen.
    pub on: bool,
}

/// What a field takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// One line, with its value.
    Text(&'a str),
    /// One line in the fixed face: addresses, hashes, queries.
    Mono(&'a str),
    /// A mail address.
    Email(&'a str),
    /// A web address.
    Url(&'a str),
    /// A whole number with its bounds.
    Number(&'a str, i64, i64),
    /// A date and a time, as `2026-11-20T14:31`.
    Moment(&'a str),
    /// A secret, which is never sent back. The text is the browser's word for what it is: `current-password`,
    /// `new-password`, `one-time-code`, `off`.
    Secret(&'a str),
    /// Several lines.
    Area(&'a str),
    /// A list to choose one of.
    Select(&'a [Choice<'a>]),
    /// One of a few, all seen.
    Radio(&'a [Choice<'a>]),
    /// Any of a few.
    Check(&'a [Choice<'a>]),
    /// On or off.
    Switch(bool),
}

/// A field of a form.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its name when posted, and its identifier on the page.
    pub name: &'a str,
    /// What is entered: *Read agents every*.
    pub label: &'a str,
    /// What it does and what is usual; may be empty.
    pub help: &'a str,
    /// What to enter and what was entered: *Enter 30 seconds or more; you entered 10.*
    pub error: Option<&'a str>,
    /// It must be filled in.
    pub required: bool,
    /// What it takes.
    pub kind: Kind<'a>,
}

impl Field<'_> {
    /// The field.
    #[must_use]
    pub fn render(&self) -> Markup {
        match self.kind {
            Kind::Radio(choices) => self.group(choices, "radio"),
            Kind::Check(choices) => self.group(choices, "checkbox"),
            Kind::Switch(on) => html! {
                div.field.wrong[self.error.is_some()] {
                    (self.error_text())
                    label.choice {
                        input.switch type="checkbox" role="switch" id=(self.name) name=(self.name) value="on" checked[on]
                            aria-describedby=[self.described()] aria-invalid=[self.invalid()];
                        span { (self.label) (self.help_text()) }
                    }
                }
            },
            _ => html! {
                div.field.wrong[self.error.is_some()] {
                    label for=(self.name) { (self.label) @if !self.required { (optional()) } }
                    (self.help_text()) (self.error_text()) (self.input())
                }
            },
        }
    }

    fn group(&self, choices: &[Choice<'_>], kind: &str) -> Markup {
        html! {
            fieldset.field.wrong[self.error.is_some()] id=(self.name) tabindex="-1" aria-describedby=[self.described()] {
                legend { (self.label) @if kind == "radio" && !self.required { (optional()) } }
                (self.help_text()) (self.error_text())
                @for (index, choice) in choices.iter().take(CHOICES_MAX).enumerate() {
                    @let id = format!("{}-{index}", self.name);
                    label.choice {
                        input type=(kind) id=(id) name=(self.name) value=(choice.value) checked[choice.on]
                            aria-describedby=[(!choice.help.is_empty()).then(|| format!("{id}-more"))];
                        span {
                            (choice.label)
                            @if !choice.help.is_empty() { span.help id={ (id) "-more" } { (choice.help) } }
                        }
                    }
                }
            }
        }
    }

    fn input(&self) -> Markup {
        let (kind, value, mono, complete) = match self.kind {
            Kind::Text(value) => ("text", value, false, "off"),
            Kind::Mono(value) => ("text", value, true, "off"),
            Kind::Email(value) => ("email", value, false, "email"),
            Kind::Url(value) => ("url", value, true, "off"),
            Kind::Number(value, ..) => ("number", value, false, "off"),
            Kind::Moment(value) => ("datetime-local", value, false, "off"),
            Kind::Secret(complete) => ("password", "", true, complete),
            Kind::Area(value) => {
                return html! {
                    textarea.input id=(self.name) name=(self.name) rows="5" required[self.required]
                        aria-describedby=[self.described()] aria-invalid=[self.invalid()] { (value) }
                };
            }
            Kind::Select(choices) => {
                return html! {
                    select.input id=(self.name) name=(self.name) aria-describedby=[self.described()]
                        aria-invalid=[self.invalid()] {
                        @for choice in choices.iter().take(CHOICES_MAX) {
                            option value=(choice.value) selected[choice.on] { (choice.label) }
                        }
                    }
                };
            }
            Kind::Radio(_) | Kind::Check(_) | Kind::Switch(_) => return Markup::default(),
        };
        let bounds = if let Kind::Number(_, least, most) = self.kind { Some((least, most)) } else { None };
        let code = complete == "one-time-code";
        html! {
            input.input.mono[mono] type=(if code { "text" } else { kind }) id=(self.name) name=(self.name)
                value=[(!matches!(self.kind, Kind::Secret(_))).then_some(value)] required[self.required]
                min=[bounds.map(|(least, _)| least)] max=[bounds.map(|(_, most)| most)]
                maxlength=[bounds.is_none().then_some(if matches!(self.kind, Kind::Secret(_)) { 16 * INPUT_MAX } else { INPUT_MAX })]
                inputmode=[code.then_some("numeric")] autocomplete=(complete) autocapitalize=[mono.then_some("off")]
                spellcheck=[mono.then_some("false")] aria-describedby=[self.described()] aria-invalid=[self.invalid()];
        }
    }

    fn help_text(&self) -> Markup {
        html! { @if !self.help.is_empty() { span.help id={ (self.name) "-help" } { (self.help) } } }
    }

    fn error_text(&self) -> Markup {
        html! {
            @if let Some(error) = self.error {
                span.error id={ (self.name) "-error" } { (shape_saying(Light::Bad, "Error:")) span { (error) } }
            }
        }
    }

    fn described(&self) -> Option<String> {
        let help = (!self.help.is_empty()).then(|| format!("{}-help", self.name));
        let error = self.error.map(|_| format!("{}-error", self.name));
        match (help, error) {
            (Some(help), Some(error)) => Some(format!("{help} {error}")),
            (help, error) => help.or(error),
        }
    }

    fn invalid(&self) -> Option<&'static str> {
        self.error.map(|_| "true")
    }
}

fn optional() -> Markup {
    html! { span.muted.optional { " optional" } }
}

/// The errors of a form at its top, with a link to each field; nothing when there are fewer than two.
#[must_use]
pub fn errors(fields: &[Field<'_>]) -> Markup {
    let wrong: Vec<_> = fields.iter().filter_map(|field| field.error.map(|error| (field.name, error))).collect();
    html! {
        @if wrong.len() > 1 {
            section.flash.is-bad role="alert" aria-labelledby="errors" {
                (shape_saying(Light::Bad, "Error:"))
                div {
                    h2.plain #errors { "Not saved: " (wrong.len()) " fields need you" }
                    ul.listed { @for (name, error) in wrong { li { a href={ "#" (name) } { (error) } } } }
                }
            }
        }
    }
}

/// A secret that the browser seals to somebody before it sends anything: the field that is typed into has no name, so it is
/// never sent, with the script or without; the script puts what it sealed into a hidden one.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// The public key: an uncompressed point of P-256, base64.
    pub key: &'a str,
    /// The id of whom it is sealed for.
    pub whom: &'a str,
    /// What people call them.
    pub keeper: &'a str,
    /// The field of the form with the address that the secret is good for.
    pub url: &'a str,
    /// The hidden field that is sent.
    pub into: &'a str,
    /// What was sealed before, to be sent again.
    pub value: &'a str,
    /// What to enter.
    pub error: Option<&'a str>,
}

impl Sealing<'_> {
    /// The field.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            div.field data-seal=(self.key) data-seal-whom=(self.whom) data-seal-url=(self.url) data-seal-into=(self.into) {
                label for="seal-secret" { "API token" }
                span.help #seal-help {
                    @if self.value.is_empty() { "Your browser seals it so that only the Explorer " (crate::name(self.keeper)) " can open it. This server passes it on and never has it." }
                    @else { "It is sealed for the Explorer " (crate::name(self.keeper)) "; leave this empty to go on with it." }
                }
                @if let Some(error) = self.error {
                    span.error #seal-error { (shape_saying(Light::Bad, "Error:")) span { (error) } }
                }
                input.input.mono #seal-secret type="password" autocomplete="off" autocapitalize="off" spellcheck="false"
                    maxlength=(16 * INPUT_MAX) aria-describedby=(if self.error.is_some() { "seal-help seal-error" } else { "seal-help" })
                    aria-invalid=[self.error.map(|_| "true")];
                input type="hidden" name=(self.into) value=(self.value);
                p.error data-seal-says hidden role="alert" {}
                noscript { p.error { "Sealing needs this page's script. Without it, type the token at the Explorer's machine: muster explorer credential add NAME." } }
            }
        }
    }
}
