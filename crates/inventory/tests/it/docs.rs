//! The pages that the catalogue writes are the pages that are there.

use std::path::Path;

#[test]
fn the_documentation_is_what_the_program_declares() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (file, page) in [("fields.md", inventory::docs::fields()), ("language.md", inventory::docs::language())] {
        let there = std::fs::read_to_string(docs.join(file)).unwrap_or_default();
        assert!(there == page, "docs/{file} is not what the program declares: run cargo xtask docs");
    }
}

#[test]
fn the_pages_name_every_field_and_nothing_twice() {
    let (fields, language) = (inventory::docs::fields(), inventory::docs::language());
    for inventory in inventory::catalogue().inventories.iter().filter(|inventory| inventory.listed) {
        assert_eq!(fields.matches(&format!("\n## {}\n", inventory.name)).count(), 1, "{}", inventory.name);
        assert!(language.contains(&format!("fields.md#{}", inventory.name)), "{}", inventory.name);
        for field in &inventory.fields {
            assert!(fields.contains(&format!("`{}`", field.name)), "{}.{}", inventory.name, field.name);
        }
    }
}
