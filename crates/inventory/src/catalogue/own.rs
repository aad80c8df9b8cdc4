//! What an organization itself says of its assets: custom fields, owners, and which devices are tracked.

use query::{Column, Field, Inventory, Keyed, Scope, Type};

use super::{FIELD_KEYS, flag, past, term, text};

/// Fields of assets.
pub(super) fn asset_fields() -> Vec<Field> {
    vec![
        term(
            "owner",
            "(SELECT o.owner_term FROM inventory_asset_owner o \
             WHERE o.org_id = {t}.org_id AND o.asset_id = {t}.asset_id)",
            crate::owner::DICTIONARY,
            "who answers for it: by the first rule of muster owner that fits, or because somebody said so",
        )
        .alias(&["owners"])
        .example("owner:payroll"),
        Field::new(
            "fields",
            Type::Text,
            Column::many(
                "FROM inventory_field_value v JOIN inventory_field f ON f.org_id = v.org_id AND f.field_id = v.field_id \
                 WHERE v.org_id = {t}.org_id AND v.asset_id = {t}.asset_id",
                Column::Folded { text: "f.key || '=' || v.value", folded: "lower(f.key) || '=' || v.value_folded" },
            ),
            "its custom fields with their values; one of them is asked as field.NAME:value",
        )
        .example("fields:cost"),
        flag(
            "tracked",
            "(SELECT CASE WHEN count(*) = 0 THEN 1 ELSE 0 END FROM inventory_untracked u \
             JOIN inventory_link l ON l.org_id = u.org_id AND l.record_id = u.record_id \
             WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id)",
            "whether nobody took it out of tracking; of what is not tracked an integration may import nothing more",
        )
        .volatile()
        .example("tracked:f"),
        Field::new(
            "untracked.reason",
            Type::Text,
            Column::many(
                "FROM inventory_untracked u JOIN inventory_link l ON l.org_id = u.org_id AND l.record_id = u.record_id \
                 WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id",
                Column::Folded { text: "u.reason", folded: "lower(u.reason)" },
            ),
            "why somebody took it out of tracking",
        )
        .volatile()
        .example("has:untracked.reason"),
    ]
}

/// The scope of custom fields: `field.cost:>5` is `field:(cost:>5)`.
pub(super) fn asset_scope() -> Scope {
    Scope {
        name: "field",
        aliases: &[],
        inventory: "custom_fields",
        from: "FROM inventory_field_value {e} WHERE {e}.org_id = {t}.org_id AND {e}.asset_id = {t}.asset_id",
        title: "value",
        prose: "one custom field; field.NAME:value asks for the one of that name",
    }
}

/// What the scope reaches.
pub(super) fn parts() -> Vec<Inventory> {
    vec![Inventory {
        aliases: &[],
        prose: "custom fields of assets",
        listed: false,
        fields: vec![
            term("key", "{t}.field_id", FIELD_KEYS, "the field's name, as it was made").example("key:=cost"),
            text("value", "{t}.value", "{t}.value_folded", "its value").example("value:payroll"),
            Field::new("number", Type::Real, Column::Plain("{t}.number"), "its value, where that is a number")
                .example("number:>100"),
            past("moment", "{t}.moment", "its value, where that is a day or an instant").example("moment:<30d"),
            flag("by_hand", "{t}.by_hand", "whether a person typed it").example("by_hand:t"),
            past("since", "{t}.since", "since when it has this value").example("since:<7d"),
        ],
        keyed: Some(Keyed { key: "key", value: "value", number: "number", moment: "moment" }),
        ..Inventory::new("custom_fields", "custom field", "inventory_field_value", "field_id")
    }]
}
