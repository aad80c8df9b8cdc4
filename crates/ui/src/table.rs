//! Tables: a caption, a head and a first column that stay, sorting by link, selection, a foot with verbs and pages.

use maud::{Markup, html};

use crate::form::Csrf;
use crate::href::href;
use crate::icon::{Icon, icon, labelled};
use crate::words::{cut, name};

/// Columns of one table.
pub const COLUMNS_MAX: usize = 64;

/// Characters of what stands below a row's name: a sentence, or a hostile name.
const BELOW_MAX: usize = 120;

/// The order a column is in, or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Not sorted by it.
    No,
    /// From the smallest.
    Ascending,
    /// From the largest.
    Descending,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    /// Its heading.
    pub label: &'a str,
    /// Numbers stand at the right.
    pub number: bool,
    /// The heading is only for screen readers: a column of buttons.
    pub hidden: bool,
    /// The address that sorts by it, and whether it is the order now.
    pub sort: Option<(String, Sort)>,
    /// Something before the heading: a source's glyph.
    pub icon: Option<Icon>,
}

impl<'a> Column<'a> {
    /// A column of text that does not sort.
    #[must_use]
    pub const fn new(label: &'a str) -> Column<'a> {
        Column { label, number: false, hidden: false, sort: None, icon: None }
    }

    /// A column of numbers that does not sort.
    #[must_use]
    pub const fn number(label: &'a str) -> Column<'a> {
        Column { label, number: true, hidden: false, sort: None, icon: None }
    }

    /// A column of buttons.
    #[must_use]
    pub const fn verbs() -> Column<'a> {
        Column { label: "Actions", number: true, hidden: true, sort: None, icon: None }
    }

    /// The same column, sorted by the link at `address`.
    #[must_use]
    pub fn sorted(mut self, address: impl Into<String>, now: Sort) -> Column<'a> {
        self.sort = Some((address.into(), now));
        self
    }
}

/// A cell after the first.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    content: Markup,
    number: bool,
    wrap: bool,
}

impl Cell {
    /// Text, a date, a mark.
    #[must_use]
    pub const fn new(content: Markup) -> Cell {
        Cell { content, number: false, wrap: false }
    }

    /// Text from a console.
    #[must_use]
    pub fn text(text: &str) -> Cell {
        Cell::new(name(text))
    }

    /// A number, or buttons, at the right.
    #[must_use]
    pub const fn number(content: Markup) -> Cell {
        Cell { content, number: true, wrap: false }
    }

    /// Sentences, which may break.
    #[must_use]
    pub const fn wrap(content: Markup) -> Cell {
        Cell { content, number: false, wrap: true }
    }
}

/// A row.
#[derive(Clone, Debug, Default)]
pub struct Row<'a> {
    /// What the row is about: what is posted when it is selected.
    pub id: &'a str,
    /// Its name, as its checkbox says it.
    pub name: &'a str,
    /// A glyph before the name and the word for it: a kind of machine.
    pub icon: Option<(Icon, &'a str)>,
    /// Its own page.
    pub href: Option<&'a str>,
    /// The name is an address, a hash or a field: it stands in the fixed face.
    pub mono: bool,
    /// A badge after the name.
    pub badges: Markup,
    /// A second line below the name, in muted ink; may be empty.
    pub below: &'a str,
    /// The other cells, in the columns' order.
    pub cells: Vec<Cell>,
}

/// Rows that can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Select<'a> {
    /// Where the chosen rows are posted to; a verb's own address goes before it.
    pub action: &'a str,
    /// The session's token.
    pub csrf: Csrf<'a>,
}

impl Select<'_> {
    /// The name under which each chosen row is posted.
    pub const NAME: &'static str = "id";
}

/// Below the rows.
#[derive(Clone, Debug, Default)]
pub struct Foot<'a> {
    /// What can be done with the rows that are chosen: buttons.
    pub verbs: Markup,
    /// Which rows these are: *Rows 1–25 of 41*.
    pub range: String,
    /// The address of the rows before.
    pub previous: Option<&'a str>,
    /// The address of the rows after.
    pub next: Option<&'a str>,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table<'a> {
    /// What the rows are, for screen readers: which, in which order, times in which zone.
    pub caption: &'a str,
    /// The columns; the first holds the row's name.
    pub columns: Vec<Column<'a>>,
    /// The rows.
    pub rows: Vec<Row<'a>>,
    /// Instead of rows: [`crate::Empty`], which then stands alone, or [`crate::loading`].
    pub instead: Option<Markup>,
    /// Rows can be chosen.
    pub select: Option<Select<'a>>,
    /// Verbs and pages.
    pub foot: Option<Foot<'a>>,
    /// The rows are still being counted.
    pub busy: bool,
    /// Rows of two lines.
    pub tall: bool,
    /// The identifier of its rows, where [`Table::anew`] replaces them; empty if they stay as they are.
    pub follows: &'a str,
}

impl Table<'_> {
    /// The table with its foot; a form around both where rows can be chosen.
    #[must_use]
    pub fn render(&self) -> Markup {
        if let Some(instead) = self.instead.as_ref().filter(|_| self.rows.is_empty() && !self.busy) {
            // Headings over nothing would only make it wider than a phone.
            return html! { div.rows { (instead) } };
        }
        let inside = html! {
            div.rows role="region" aria-label=(self.caption) tabindex="0" {
                table.data.tall[self.tall] aria-busy=[self.busy.then_some("true")] {
                    caption.sr { (self.caption) }
                    thead { tr { @for (index, column) in self.columns.iter().take(COLUMNS_MAX).enumerate() { (self.heading(index, column)) } } }
                    (self.body(false))
                }
            }
            @if let Some(foot) = &self.foot { (Table::foot(foot, self.select.is_some())) }
        };
        match self.select {
            Some(select) => html! {
                form.chosen method="post" action=(href(select.action)) { (select.csrf.field()) (inside) }
            },
            None => inside,
        }
    }

    /// The rows alone, which in an answer to a [`crate::Progress`] take the place of those that the page shows.
    #[must_use]
    pub fn anew(&self) -> Markup {
        // Rows stand by themselves nowhere else.
        html! { template { (self.body(true)) } }
    }

    fn body(&self, anew: bool) -> Markup {
        html! {
            tbody id=[(!self.follows.is_empty()).then_some(self.follows)] hx-swap-oob=[anew.then_some("true")] {
                @for row in &self.rows { (self.row(row)) }
                @if let Some(instead) = self.instead.as_ref().filter(|_| self.busy) { (instead) }
            }
        }
    }

    /// Of rows that are replaced, the focus finds its link again.
    fn link_id(&self, row: &Row<'_>) -> Option<String> {
        (!self.follows.is_empty()).then(|| format!("{}-{}", self.follows, row.id))
    }

    fn heading(&self, index: usize, column: &Column<'_>) -> Markup {
        let said = column.sort.as_ref().and_then(|(_, now)| match now {
            Sort::No => None,
            Sort::Ascending => Some("ascending"),
            Sort::Descending => Some("descending"),
        });
        html! {
            th.pin[index == 0].num[column.number] scope="col" aria-sort=[said] {
                @if index == 0 && self.select.is_some() && !self.rows.is_empty() {
                    label.pick { input type="checkbox" data-all aria-label="Select every row shown"; }
                }
                @if let Some(glyph) = column.icon { (icon(glyph)) " " }
                @match &column.sort {
                    Some((address, now)) => a href=(href(address)) {
                        (column.label) (icon(if *now == Sort::Ascending { Icon::Ascending } else { Icon::Descending }))
                    },
                    None if column.hidden => span.sr { (column.label) },
                    None => (column.label),
                }
            }
        }
    }

    fn row(&self, row: &Row<'_>) -> Markup {
        html! {
            tr {
                th.pin scope="row" {
                    @if self.select.is_some() {
                        label.pick { input type="checkbox" name=(Select::NAME) value=(row.id) aria-label={ "Select " (row.name) }; }
                    }
                    span.who {
                        @if let Some((glyph, word)) = row.icon { (labelled(glyph, word)) }
                        @if let Some(address) = row.href { a.mono[row.mono] id=[self.link_id(row)] href=(href(address)) { (name(row.name)) } }
                        @else { span.mono[row.mono] { (name(row.name)) } }
                        (row.badges)
                    }
                    @if !row.below.is_empty() { small { bdi { (cut(row.below, BELOW_MAX)) } } }
                }
                @for cell in row.cells.iter().take(COLUMNS_MAX) { td.num[cell.number].wrap[cell.wrap] { (cell.content) } }
            }
        }
    }

    fn foot(foot: &Foot<'_>, select: bool) -> Markup {
        let page = |address: Option<&str>, word: &str, rel: &str, before: Option<Icon>, after: Option<Icon>| {
            html! {
                @if let Some(address) = address {
                    a.btn.btn-small href=(href(address)) rel=(rel) {
                        @if let Some(glyph) = before { (icon(glyph)) } (word) @if let Some(glyph) = after { (icon(glyph)) }
                    }
                } @else {
                    span.btn.btn-small aria-disabled="true" {
                        @if let Some(glyph) = before { (icon(glyph)) } (word) @if let Some(glyph) = after { (icon(glyph)) }
                    }
                }
            }
        };
        html! {
            div.foot {
                @if select { span.line { span data-chosen aria-live="polite" { "None selected" } (foot.verbs) } }
                nav.line.end aria-label="Pages" {
                    @if !foot.range.is_empty() { span { (foot.range) } }
                    @if foot.previous.is_some() || foot.next.is_some() {
                        (page(foot.previous, "Previous", "prev", Some(Icon::Left), None))
                        (page(foot.next, "Next", "next", None, Some(Icon::Right)))
                    }
                }
            }
        }
    }
}
