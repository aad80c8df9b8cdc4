//! What may be typed next: data for a box that completes, without a box.

use crate::catalogue::{Catalogue, Column, Field, Inventory, Tense, Type};
use crate::check::Known;
use crate::print::is_name_char;
use crate::tree::{Op, Operand};
use crate::{Span, matcher};

/// The most completions of one place.
pub const COMPLETIONS_MAX: usize = 50;

/// One thing that may stand where the cursor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text to put in the place of `span`.
    pub insert: String,
    /// What it replaces: the bytes of the word that is being typed.
    pub span: Span,
    /// What it is, in a sentence; for a value, how many rows have it.
    pub prose: String,
    /// A term that shows its use, or nothing.
    pub example: String,
}

/// What may stand at `cursor` (a byte of `text`; one inside a character counts as its beginning), the likeliest first.
/// `inventory` is what is asked, `known` knows the data's values.
#[must_use]
pub fn complete(
    text: &str,
    cursor: usize,
    inventory: &str,
    catalogue: &Catalogue,
    known: &dyn Known,
) -> Vec<Completion> {
    let Some(inventory) = catalogue.inventory(inventory) else { return Vec::new() };
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let here = Here::read(text, cursor);
    let (inventory, list) = here.inside(inventory, catalogue);
    let end = cursor + text[cursor..].find(|char: char| ends_word(char) || char == '"').unwrap_or(text[cursor..].len());
    let mut offers = Offers { from: here.start, end, typed: String::new(), found: Vec::new() };
    let token = &text[here.start..cursor];
    if let Some(field) = list {
        offers.values(inventory, field, token, known);
        return offers.done();
    }
    let signs = token.len() - token.trim_start_matches(['-', '!']).len();
    let token = &token[signs..];
    offers.from += signs;
    let Some((name, value)) = split(token) else {
        offers.names(inventory, catalogue, token, here.follows, known);
        return offers.done();
    };
    offers.from += name.len() + 1;
    match name.to_ascii_lowercase().as_str() {
        "has" | "no" => offers.plain_names(inventory, catalogue, value, |_| true, ""),
        "is" => offers.plain_names(inventory, catalogue, value, |field| field.ty == Type::Bool, ""),
        "all" => match split(value) {
            None => offers.plain_names(inventory, catalogue, value, |field| field.many(), ":"),
            Some((name, value)) => {
                offers.from += name.len() + 1;
                if let Some((there, field)) = find(inventory, catalogue, name) {
                    offers.values(there, field, value, known);
                }
            }
        },
        "saved" if inventory.field("saved").is_none() => offers.saved(inventory, value, known),
        "seen_by" => offers.sources(inventory, catalogue, value, known),
        _ => match find(inventory, catalogue, name) {
            Some((there, field)) => offers.values(there, field, value, known),
            None => {
                let scope = inventory.scope(name);
                if let Some(there) = scope.and_then(|scope| catalogue.inventory(scope.inventory)) {
                    if value.is_empty() {
                        offers.put("(", "what has to hold for one of them", "", 0);
                    }
                    if let Some(field) = scope.and_then(|scope| there.field(scope.title)) {
                        offers.values(there, field, value, known);
                    }
                }
            }
        },
    }
    offers.done()
}

/// Where the cursor is.
struct Here {
    /// Where the word begins that is being typed.
    start: usize,
    /// The names before the parentheses around it: `software` of `software:(`, nothing of a bare `(`.
    around: Vec<String>,
    /// Whether a term stands before it.
    follows: bool,
}

fn ends_word(char: char) -> bool {
    char.is_whitespace() || matches!(char, '(' | ')' | ',')
}

impl Here {
    fn read(text: &str, cursor: usize) -> Here {
        let mut here = Here { start: 0, around: Vec::new(), follows: false };
        let (mut quoted, mut last) = (false, "");
        let mut chars = text[..cursor].char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '\\' => drop(chars.next()),
                '"' => quoted = !quoted,
                _ if quoted || !ends_word(char) => {}
                _ => {
                    let word = &text[here.start..at];
                    let word =
                        if word.is_empty() && char == '(' && last.eq_ignore_ascii_case("in") { "in" } else { word };
                    if !word.is_empty() && !word.eq_ignore_ascii_case("in") {
                        here.follows = !matches!(word.to_ascii_lowercase().as_str(), "and" | "or" | "not");
                    }
                    match char {
                        '(' => {
                            let name = word.trim_start_matches(['-', '!']).trim_end_matches(['=', '!', '<', '>']);
                            // `type in (` is `type:(`.
                            let name = match name.strip_suffix(':') {
                                Some(name) => name.strip_prefix("all:").unwrap_or(name),
                                None if word == "in" => before_in(&text[..at]),
                                None => "",
                            };
                            here.around.push(name.to_owned());
                            here.follows = false;
                        }
                        ')' => {
                            here.around.pop();
                            here.follows = true;
                        }
                        ',' => here.follows = false,
                        _ => {}
                    }
                    if !word.is_empty() {
                        last = word;
                    }
                    here.start = at + char.len_utf8();
                }
            }
        }
        here
    }

    /// The inventory whose fields can be typed here, and the field whose list this is.
    fn inside<'c>(&self, inventory: &'c Inventory, catalogue: &'c Catalogue) -> (&'c Inventory, Option<&'c Field>) {
        let (mut inventory, mut list) = (inventory, None);
        for name in self.around.iter().filter(|name| !name.is_empty()) {
            let dotted = name.trim_start_matches('_');
            if let Some((there, field)) = find(inventory, catalogue, name) {
                (inventory, list) = (there, Some(field));
            } else if let Some(there) = inventory.scope(dotted).and_then(|scope| catalogue.inventory(scope.inventory)) {
                (inventory, list) = (there, None);
            }
        }
        (inventory, list)
    }
}

/// The name before `in (`.
fn before_in(text: &str) -> &str {
    let before = text.trim_end();
    let before = before.get(..before.len().saturating_sub(2)).unwrap_or_default().trim_end();
    let before = before.strip_suffix("not").map_or(before, str::trim_end);
    before.rsplit(ends_word).next().unwrap_or_default()
}

/// A name and what stands behind its colon.
fn split(token: &str) -> Option<(&str, &str)> {
    let end = token.find(|char| !is_name_char(char))?;
    token[end..].strip_prefix(':').map(|value| (&token[..end], value))
}

/// The field of that name, of this inventory or, behind a dot, of what a scope of it reaches.
fn find<'c>(inventory: &'c Inventory, catalogue: &'c Catalogue, name: &str) -> Option<(&'c Inventory, &'c Field)> {
    if let Some(field) = inventory.field(name) {
        return Some((inventory, field));
    }
    let (first, rest) = name.strip_prefix('_').unwrap_or(name).split_once('.')?;
    let scope = inventory.scope(first)?;
    let there = catalogue.inventory(scope.inventory)?;
    there.field(rest).map(|field| (there, field))
}

/// Completions that are being gathered.
struct Offers {
    from: usize,
    end: usize,
    typed: String,
    found: Vec<(u8, usize, Completion)>,
}

impl Offers {
    /// How well a word fits what is typed: it begins with it, a part of it does, it contains it; `None`: not at all.
    fn fits(&self, word: &str) -> Option<u8> {
        let (word, typed) = (word.to_lowercase(), self.typed.to_lowercase());
        if word.starts_with(&typed) {
            return Some(0);
        }
        if word.split(|char: char| !char.is_alphanumeric()).any(|part| part.starts_with(&typed)) {
            return Some(1);
        }
        (typed.len() > 1 && word.contains(&typed)).then_some(2)
    }

    fn put(&mut self, insert: &str, prose: &str, example: &str, rank: u8) {
        let span = Span { start: self.from, end: self.end.max(self.from) };
        let completion =
            Completion { insert: insert.to_owned(), span, prose: prose.to_owned(), example: example.to_owned() };
        let order = self.found.len();
        self.found.push((rank, order, completion));
    }

    fn done(mut self) -> Vec<Completion> {
        self.found.sort_by_key(|(rank, order, _)| (*rank, *order));
        let mut found: Vec<Completion> = Vec::new();
        for (_, _, completion) in self.found {
            if found.len() < COMPLETIONS_MAX && !found.iter().any(|known| known.insert == completion.insert) {
                found.push(completion);
            }
        }
        found
    }

    /// What may begin a term.
    fn names(&mut self, inventory: &Inventory, catalogue: &Catalogue, typed: &str, follows: bool, known: &dyn Known) {
        if typed.starts_with('@') {
            self.raw(inventory, catalogue, typed, ":");
            return;
        }
        self.plain_names(inventory, catalogue, typed, |_| true, ":");
        self.typed = typed.to_owned();
        let mut words = vec![
            ("not ", "what does not match", "not type:server"),
            ("has:", "there is a value", "has:serial"),
            ("no:", "there is no value", "no:serial"),
            ("is:", "a yes-or-no field is yes", "is:infected"),
            ("all:", "there is a value, and every one matches", "all:address:10.0.0.0/8"),
            ("count(", "how many values, or elements of a scope, there are", "count(address):>3"),
        ];
        if inventory.scope("seen_by").is_some() {
            words.push(("seen_by:", "which source saw it, and when", "seen_by:scan:<7d"));
        }
        if known.saved().is_some_and(|saved| !saved.is_empty()) {
            words.push(("saved:", "what a saved query asks", "saved:stale-agents"));
        }
        if follows {
            words.extend([("and ", "both must hold", ""), ("or ", "either may hold", "")]);
        }
        for (word, prose, example) in words {
            if word.starts_with(&typed.to_lowercase()) {
                self.put(word, prose, example, u8::from(typed.is_empty()));
            }
        }
    }

    /// Fields and scopes, with `behind` put to each.
    fn plain_names(
        &mut self,
        inventory: &Inventory,
        catalogue: &Catalogue,
        typed: &str,
        takes: fn(&Field) -> bool,
        behind: &str,
    ) {
        if typed.starts_with('@') {
            self.raw(inventory, catalogue, typed, behind);
            return;
        }
        // `software.ver`, `_asset.na`: the fields of what a scope reaches.
        let dotted = typed.strip_prefix('_').unwrap_or(typed).split_once('.');
        if let Some((first, rest)) = dotted
            && let Some(scope) = inventory.scope(first)
            && let Some(there) = catalogue.inventory(scope.inventory)
        {
            let head = &typed[..typed.len() - rest.len()];
            self.typed = rest.to_owned();
            self.fields(there, takes, head, behind);
        }
        self.typed = typed.to_owned();
        self.fields(inventory, takes, "", behind);
        for scope in &inventory.scopes {
            let names = std::iter::once(&scope.name).chain(scope.aliases);
            let Some(rank) = names.filter_map(|name| self.fits(name)).min() else { continue };
            let insert = if behind.is_empty() { scope.name.to_owned() } else { format!("{}:(", scope.name) };
            self.put(&insert, scope.prose, &format!("{}:({}:..)", scope.name, scope.title), rank);
        }
    }

    fn fields(&mut self, inventory: &Inventory, takes: fn(&Field) -> bool, head: &str, behind: &str) {
        for field in inventory.fields.iter().filter(|field| takes(field)) {
            if matches!(field.column, Column::Missing { .. }) {
                continue;
            }
            // Another name leads to the field, a little later than its own.
            let aliases = field.aliases.iter().filter_map(|alias| self.fits(alias).map(|rank| rank + 1));
            let Some(rank) = self.fits(field.name).into_iter().chain(aliases).min() else { continue };
            self.put(&format!("{head}{}{behind}", field.name), field.prose, field.example, rank);
        }
    }

    /// `@source.kind.path`.
    fn raw(&mut self, inventory: &Inventory, catalogue: &Catalogue, typed: &str, behind: &str) {
        self.typed = typed.to_owned();
        for raw in &inventory.raw {
            let head = format!("@{}.{}.", raw.source, raw.kind);
            if head.starts_with(typed) {
                self.put(&head, "attributes as the source sent them", "", 0);
            }
            let Some(source) = catalogue.source(raw.source) else { continue };
            for name in std::iter::once(&source.name).chain(source.aliases) {
                for head in [format!("@{name}.{}.", raw.kind), format!("@{name}.")] {
                    let Some(part) = typed.strip_prefix(head.as_str()) else { continue };
                    self.typed = part.to_owned();
                    for path in raw.paths {
                        if let Some(rank) = self.fits(path) {
                            self.put(&format!("{head}{path}{behind}"), "an attribute as the source sent it", "", rank);
                        }
                    }
                    self.typed = typed.to_owned();
                }
            }
        }
    }

    fn saved(&mut self, inventory: &Inventory, typed: &str, known: &dyn Known) {
        self.typed = typed.trim_start_matches('"').to_owned();
        for saved in known.saved().unwrap_or_default() {
            if saved.inventory == inventory.name
                && let Some(rank) = self.fits(&saved.name)
            {
                self.put(&saved.name, &saved.text, "", rank);
            }
        }
    }

    /// The sources behind `seen_by:`, then an age.
    fn sources(&mut self, inventory: &Inventory, catalogue: &Catalogue, value: &str, known: &dyn Known) {
        let scope = inventory.scope("seen_by");
        let Some(there) = scope.and_then(|scope| catalogue.inventory(scope.inventory)) else { return };
        match value.split_once(':') {
            Some((source, age)) => {
                self.from += source.len() + 1;
                if let Some(field) = there.field("last_seen") {
                    self.values(there, field, age, known);
                }
            }
            None => {
                if let Some(field) = there.field("source") {
                    self.values(there, field, value, known);
                }
            }
        }
    }

    /// The values of a field, behind an operator if one is typed.
    fn values(&mut self, inventory: &Inventory, field: &Field, typed: &str, known: &dyn Known) {
        let sign = typed.len() - typed.trim_start_matches(['=', '!', '<', '>', '~']).len();
        let value = typed[sign..].trim_start_matches('"');
        self.from += sign;
        self.typed = value.to_owned();
        let example = |insert: &str| format!("{}:{insert}", field.name);
        match &field.ty {
            Type::Bool => {
                for (word, prose) in [("t", "yes"), ("f", "no")] {
                    self.offer(word, &format!("{prose}: {}", field.prose), &example(word));
                }
            }
            Type::Timestamp(tense) => {
                let ages = match tense {
                    Tense::Past => [
                        ("<24h", "less than a day ago"),
                        ("<7d", "less than a week ago"),
                        (">30d", "more than 30 days ago"),
                        (">90d", "more than 90 days ago"),
                    ],
                    Tense::Future => [
                        ("<now", "past"),
                        ("<now+30d", "within 30 days, or past"),
                        ("now..now+30d", "within 30 days"),
                        (">now+1y", "in more than a year"),
                    ],
                };
                let typed = if sign > 0 { &typed[..sign] } else { "" };
                for (age, prose) in ages {
                    if let Some(rest) = age.strip_prefix(typed) {
                        self.offer(rest, prose, &example(age));
                    }
                }
            }
            Type::Enum(choices) => {
                self.seen(inventory, field, known);
                for choice in choices.values {
                    let names = std::iter::once(&choice.value).chain(choice.aliases);
                    if let Some(rank) = names.filter_map(|name| self.fits(name)).min() {
                        let insert = literal(choice.value);
                        self.put(&insert, field.prose, &example(&insert), rank.max(1));
                    }
                }
            }
            Type::Text | Type::Version | Type::Id => self.seen(inventory, field, known),
            Type::Int | Type::Real | Type::Duration | Type::Ip | Type::Mac | Type::Words => {
                if value.is_empty() && !field.example.is_empty() {
                    let shown = field.example.split_once(':').map_or(field.example, |(_, value)| value);
                    let shown = shown.trim_start_matches(&typed[..sign]);
                    self.put(shown, field.prose, field.example, 0);
                }
            }
        }
    }

    /// The values that the data has, most frequent first.
    fn seen(&mut self, inventory: &Inventory, field: &Field, known: &dyn Known) {
        for (value, rows) in known.values(inventory.name, field.name).unwrap_or_default() {
            if value.is_empty() {
                continue;
            }
            if let Some(rank) = self.fits(&value) {
                let prose = match rows {
                    0 => field.prose.to_owned(),
                    1 => "1 row".to_owned(),
                    rows => format!("{rows} rows"),
                };
                let insert = literal(&value);
                self.put(&insert, &prose, &format!("{}:{insert}", field.name), rank);
            }
        }
    }

    fn offer(&mut self, word: &str, prose: &str, example: &str) {
        if let Some(rank) = self.fits(word) {
            self.put(word, prose, example, rank);
        }
    }
}

/// A value as it is typed: quoted where it has to be, its wildcards disarmed.
fn literal(value: &str) -> String {
    let text = matcher::literal(value);
    let operand = Operand { op: Op::Contains, text, inside: false, span: Span::default() };
    operand.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{NothingKnown, Saved};
    use crate::{Asking, Scope, prepare};

    fn catalogue() -> Catalogue {
        let text = |name| Field::new(name, Type::Text, Column::Plain("{t}.x"), "a text").example("x:y");
        let software = Inventory {
            fields: vec![
                text("product"),
                Field::new("version", Type::Version, Column::Plain("{t}.v"), "its version"),
                Field::new("removed", Type::Bool, Column::Plain("{t}.r"), "whether it is gone"),
            ],
            scopes: vec![],
            bare: &["product"],
            ..Inventory::new("software", "software", "software", "id")
        };
        let assets = Inventory {
            fields: vec![
                text("name").alias(&["hostname"]),
                text("os"),
                text("os.family"),
                Field::new("infected", Type::Bool, Column::Plain("{t}.i"), "whether it is infected"),
                Field::new("last_seen", Type::Timestamp(Tense::Past), Column::Plain("{t}.l"), "when"),
            ],
            scopes: vec![Scope {
                name: "software",
                aliases: &["programs"],
                inventory: "software",
                from: "FROM software {e} WHERE {e}.a = {t}.id",
                title: "product",
                prose: "one program",
            }],
            bare: &["name"],
            ..Inventory::new("assets", "asset", "asset", "id")
        };
        Catalogue { inventories: vec![assets, software], sources: Vec::new() }
    }

    struct Data;

    impl Known for Data {
        fn values(&self, _inventory: &str, field: &str) -> Option<Vec<(String, u64)>> {
            let values: &[&str] = match field {
                "os" => &["Windows 11 Pro", "macOS", "100%"],
                "product" => &["Google Chrome", "Firefox"],
                _ => return None,
            };
            Some(values.iter().map(|value| ((*value).to_owned(), 7)).collect())
        }

        fn saved(&self) -> Option<Vec<Saved>> {
            let saved = |name: &str, inventory: &str| Saved {
                name: name.to_owned(),
                inventory: inventory.to_owned(),
                text: "os:windows".to_owned(),
                settings: Vec::new(),
            };
            Some(vec![saved("stale", "assets"), saved("old", "software")])
        }
    }

    /// What is offered where `|` stands.
    fn offered(text: &str) -> Vec<String> {
        let cursor = text.find('|').unwrap();
        let plain = text.replace('|', "");
        let found = complete(&plain, cursor, "assets", &catalogue(), &Data);
        for completion in &found {
            assert!(completion.span.start <= cursor && completion.span.end >= cursor, "{text}: {completion:?}");
            assert!(plain.is_char_boundary(completion.span.start) && plain.is_char_boundary(completion.span.end));
        }
        found.into_iter().map(|completion| completion.insert).collect()
    }

    #[test]
    fn names_are_offered_where_a_term_begins() {
        assert_eq!(offered("o|"), ["os:", "os.family:"]);
        assert_eq!(offered("os:x and host|"), ["name:"]);
        assert_eq!(offered("has:in|"), ["infected"]);
        assert_eq!(offered("is:|"), ["infected", "software"]);
        assert_eq!(offered("-os:x so|"), ["software:("]);
        assert_eq!(offered("progr|"), ["software:("]);
        assert_eq!(offered("os:x an|"), ["and "]);
        assert!(!offered("|").contains(&"and ".to_owned()), "nothing stands before it");
        assert!(offered("|").contains(&"name:".to_owned()));
        assert_eq!(offered("sav|"), ["saved:"]);
    }

    #[test]
    fn inside_a_scope_its_own_fields_are_offered() {
        assert_eq!(offered("software:(pro|"), ["product:"]);
        assert_eq!(offered("not software:(product:chrome and ver|"), ["version:"]);
        assert_eq!(offered("software:(product:x) na|"), ["name:"]);
        assert_eq!(offered("_software.ver|"), ["_software.version:"]);
        assert_eq!(offered("software.product:fire|"), ["Firefox"]);
    }

    #[test]
    fn values_come_from_the_data_and_are_quoted_where_they_must_be() {
        assert_eq!(offered("os:win|"), ["\"Windows 11 Pro\""]);
        assert_eq!(offered("os:=\"win|"), ["\"Windows 11 Pro\""]);
        assert_eq!(offered("os:100|"), ["\"100\\%\""]);
        assert_eq!(offered("os:(macOS, win|"), ["\"Windows 11 Pro\""]);
        assert_eq!(offered("os in (mac|"), ["macOS"]);
        assert_eq!(offered("software:chr|"), ["\"Google Chrome\""]);
        assert_eq!(offered("infected:|"), ["t", "f"]);
        assert_eq!(offered("last_seen:<|"), ["24h", "7d"]);
        assert_eq!(offered("saved:|"), ["stale"]);
    }

    #[test]
    fn any_cursor_in_any_text_is_answered() {
        for text in
            ["os:\"wi", "software:((a or (b", "é:ü (", "\\", "@s", "@", "a:b:c:", "))) (,,", "count(os", "all:os:win"]
        {
            for cursor in 0..text.len() + 2 {
                drop(complete(text, cursor, "assets", &catalogue(), &Data));
            }
        }
        assert!(complete("x", 0, "nothing", &catalogue(), &NothingKnown).is_empty());
    }

    #[test]
    fn a_completed_value_is_a_valid_term() {
        let catalogue = catalogue();
        for value in ["a\"b", "a\\b", "100%", "<x>", "=", "a_b", "-x", "or", "a,b)", "*"] {
            let text = format!("name:{}", literal(value));
            let now = kernel::Timestamp::from_micros(0);
            let asking = Asking { catalogue: &catalogue, inventory: "assets", now, as_of: None, known: &NothingKnown };
            let checked = prepare(&text, &asking).unwrap_or_else(|refused| panic!("{text} {}", refused.render()));
            assert!(checked.notes.is_empty(), "{text} {:?}", checked.notes);
        }
    }
}
