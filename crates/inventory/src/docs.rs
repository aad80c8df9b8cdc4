//! The pages of the documentation that the catalogue writes: docs/fields.md and docs/language.md.

use std::fmt::Write as _;

use query::{Choices, Column, Field, Inventory, Tense, Type};

use crate::catalogue::catalogue;
use crate::saved;

/// How a generated page begins.
const WRITTEN_BY: &str = "<!-- Written by cargo xtask docs from what the program declares; edit that, not this. -->";

/// docs/fields.md: every inventory with its fields, scopes and raw attributes.
#[must_use]
pub fn fields() -> String {
    let mut page = format!(
        "{WRITTEN_BY}\n\n# What can be asked\n\nEvery field of every inventory. How to ask is in [language.md](language.md); `muster help \
         fields INVENTORY` shows the same at a terminal. A field marked *volatile* changes without leaving a history, so it \
         cannot be asked as of a moment in the past.\n\n"
    );
    let (listed, parts): (Vec<&Inventory>, Vec<&Inventory>) =
        catalogue().inventories.iter().partition(|inventory| inventory.listed);
    for inventory in &listed {
        let _ = writeln!(page, "- [{0}](#{0}): {1}", inventory.name, inventory.prose);
    }
    for inventory in listed {
        let _ = writeln!(page, "\n## {}\n\n{}.", inventory.name, capital(inventory.prose));
        if !inventory.aliases.is_empty() {
            let _ = writeln!(page, "\nAlso called {}.", code(inventory.aliases.iter().copied()));
        }
        table(&mut page, inventory);
        if !inventory.scopes.is_empty() {
            page.push_str("\n| Scope | One element of | What it is | Also |\n|---|---|---|---|\n");
            for scope in &inventory.scopes {
                let _ = writeln!(
                    page,
                    "| `{}:({}:..)` | [{2}](#{2}) | {3} | {4} |",
                    scope.name,
                    scope.title,
                    scope.inventory,
                    cell(scope.prose),
                    code(scope.aliases.iter().copied())
                );
            }
        }
        if !inventory.raw.is_empty() {
            let raw = inventory.raw.iter().map(|raw| format!("@{}.{}.PATH", raw.source, raw.kind)).collect::<Vec<_>>();
            let _ = writeln!(page, "\nAs its sources sent it: {}.", code(raw.iter().map(String::as_str)));
        }
        let missing: Vec<&Field> =
            inventory.fields.iter().filter(|field| matches!(field.column, Column::Missing { .. })).collect();
        if !missing.is_empty() {
            page.push_str("\nKnown by name only; a term over one of these is false, and Muster says why:\n\n");
            for field in missing {
                let names = std::iter::once(field.name).chain(field.aliases.iter().copied());
                let _ = writeln!(page, "- {}: {}", code(names), cell(field.prose));
            }
        }
    }
    page.push_str("\n## Inside scopes only\n");
    for inventory in parts {
        let _ = writeln!(page, "\n### {}", inventory.name);
        table(&mut page, inventory);
    }
    page
}

fn table(page: &mut String, inventory: &Inventory) {
    page.push_str("\n| Field | Type | What it is | Example | Also |\n|---|---|---|---|---|\n");
    for field in inventory.fields.iter().filter(|field| !matches!(field.column, Column::Missing { .. })) {
        let many = if field.many() { ", several" } else { "" };
        let volatile = if field.volatile { " *volatile*" } else { "" };
        let words = match &field.ty {
            Type::Enum(choices) => words(choices),
            _ => String::new(),
        };
        let ahead = if field.ty == Type::Timestamp(Tense::Future) { ", ahead" } else { "" };
        let example = if field.example.is_empty() { String::new() } else { format!("`{}`", cell(field.example)) };
        let _ = writeln!(
            page,
            "| `{}` | {}{ahead}{many} | {}{words}{volatile} | {example} | {} |",
            field.name,
            field.ty.word(),
            cell(field.prose),
            code(field.aliases.iter().copied())
        );
    }
}

/// `: one, two (also three)`.
fn words(choices: &Choices) -> String {
    if choices.values.is_empty() {
        return String::new();
    }
    let word = |choice: &query::Choice| match choice.aliases {
        [] => format!("`{}`", choice.value),
        aliases => format!("`{}` (also {})", choice.value, code(aliases.iter().copied())),
    };
    let listed: Vec<String> = choices.values.iter().map(word).collect();
    let more = if choices.closed { "" } else { ", or what a source invents" };
    format!(": {}{more}", listed.join(", "))
}

/// docs/language.md: the language, what it can ask, and the questions that come with the program.
#[must_use]
pub fn language() -> String {
    let mut page = format!("{WRITTEN_BY}\n\n{}", query::REFERENCE.trim_end());
    page.push_str("\n\n## Inventories\n\n| `--in` | What it lists | A word alone is looked for in |\n|---|---|---|\n");
    for inventory in catalogue().inventories.iter().filter(|inventory| inventory.listed) {
        let bare = code(inventory.bare.iter().copied());
        let _ = writeln!(page, "| [`{0}`](fields.md#{0}) | {1} | {bare} |", inventory.name, cell(inventory.prose));
    }
    page.push_str("\n## Sources of raw attributes\n\n| Source | Kinds |\n|---|---|\n");
    for source in &catalogue().sources {
        let names = code(std::iter::once(source.name).chain(source.aliases.iter().copied()));
        let _ = writeln!(page, "| {names} | {} |", code(source.kinds.iter().copied()));
    }
    page.push_str(
        "\n## Saved questions that come with Muster\n\n`muster query @NAME K=V` asks one; `saved:NAME` stands for it in \
         any question.\n\n| Name | Asks | Question | What it is for |\n|---|---|---|---|\n",
    );
    for (name, inventory, text, prose) in saved::shipped() {
        let _ = writeln!(page, "| `{name}` | {inventory} | `{}` | {} |", cell(text), cell(prose));
    }
    page
}

/// Names as code, with commas between them.
fn code<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{}`", cell(name))).collect::<Vec<_>>().join(", ")
}

/// Text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
