//! Users: people who may log in to a console, and the roles they hold.

use query::{Base, Choice, Choices, Column, Field, Inventory, Raw, Scope, Type};

use super::{
    RECORD_IDS, SENTINELONE, flag, future, native, only_source, past, public, raw, record_fields, term, text, word,
    words,
};

const SCOPES: Choices =
    words(&[Choice::or("tenant", &["global"]), Choice::new("account"), Choice::new("site"), Choice::new("group")]);

/// Where users come from (vendor spec, `users[].source`); the word `source` itself says who told us.
const ORIGINS: Choices = words(&[
    Choice::or("mgmt", &["local"]),
    Choice::or("sso_saml", &["sso", "saml"]),
    Choice::or("active_directory", &["ad"]),
    Choice::new("global"),
]);

const SECOND_FACTORS: Choices = words(&[
    Choice::new("configured"),
    Choice::new("not_configured"),
    Choice::new("enrolled"),
    Choice::new("enrollment_expired"),
]);

/// The users.
pub(super) fn users() -> Inventory {
    let mut fields = vec![
        public("id", "{t}.record_id", RECORD_IDS, "the user's id here, for links and scripts")
            .example("id:rec_00000000000sg"),
        text("name", "{t}.name", "{t}.name_folded", "the person's name")
            .alias(&["full_name", "fullname", "user"])
            .example("name:miller"),
        text(
            "email",
            "{t}.email",
            "COALESCE({t}.email_folded, lower({t}.email))",
            "the mail address that the person logs in with",
        )
        .alias(&["mail"])
        .example("email:example.com"),
        native("native_id", "{t}.native_id", "the console's own id of the user")
            .alias(&["user_id", "userid"])
            .example("native_id:433241117337583600"),
        only_source(),
        word("scope", SCOPES, "{t}.scope_term", "user_scope", "how far the person sees").example("scope:tenant"),
        Field::new(
            "role",
            Type::Text,
            Column::many(OF_ROLES, Column::Term { column: "c.role_term", dictionary: "role" }),
            "the roles, wherever the person holds them",
        )
        .alias(&["roles"])
        .example("role:admin"),
        term("lowest_role", "{t}.lowest_role_term", "role", "the least of the person's roles")
            .alias(&["lowestrole"])
            .example("lowest_role:viewer"),
        word("origin", ORIGINS, "{t}.source_term", "user_source", "where the person's login comes from")
            .alias(&["user_source"])
            .example("origin:sso_saml"),
        flag("two_factor", "{t}.two_factor", "whether a second factor is asked for")
            .alias(&["2fa", "mfa", "two_fa", "twofaenabled"])
            .example("two_factor:f"),
        word(
            "two_factor.status",
            SECOND_FACTORS,
            "{t}.two_factor_status_term",
            "two_factor_status",
            "how far the second factor is set up",
        )
        .alias(&["two_factor_status", "twofastatus"])
        .example("two_factor.status:not_configured"),
        flag("email_verified", "{t}.email_verified", "whether the mail address was verified")
            .alias(&["emailverified"])
            .example("email_verified:f"),
        flag("can_make_token", "{t}.can_make_token", "whether the person may make API tokens")
            .alias(&["cangenerateapitoken"])
            .example("can_make_token:t"),
        flag("system", "{t}.is_system", "whether it is a user of the console's own")
            .alias(&["is_system", "issystem"])
            .example("system:t"),
        past("joined_at", "{t}.joined_at", "when the person was added")
            .alias(&["datejoined"])
            .example("joined_at:<30d"),
        past("first_login", "{t}.first_login", "when the person first logged in")
            .alias(&["firstlogin"])
            .example("no:first_login"),
        past("last_login", "{t}.last_login", "when the person last logged in")
            .volatile()
            .alias(&["lastlogin", "last_seen"])
            .example("last_login:>90d"),
        past("token.made_at", "{t}.token_made_at", "when the person's API token was made")
            .alias(&["token_made_at"])
            .example("token.made_at:>1y"),
        future("token.ends_at", "{t}.token_ends_at", "when the person's API token ends")
            .alias(&["token_ends_at", "token_expires_at"])
            .example("token.ends_at:<30d"),
    ];
    fields.extend(record_fields(&[&["state"], &["version"]]));
    fields.extend(super::later::user_fields());
    Inventory {
        aliases: &["user", "console_users", "console_user"],
        prose: "people who may log in to a console",
        fields,
        scopes: vec![Scope {
            name: "held",
            aliases: &["holds"],
            inventory: "held_roles",
            from: "FROM inventory_user_role {e} WHERE {e}.org_id = {t}.org_id AND {e}.record_id = {t}.record_id",
            title: "name",
            prose: "one role that the person holds somewhere",
        }],
        raw: vec![Raw { source: SENTINELONE, kind: "user", paths: raw::USER, aliases: &[] }],
        bare: &["name", "email"],
        default_sort: "name",
        default_fields: &["name", "email", "role", "scope", "two_factor", "last_login"],
        ..Inventory::new("users", "user", "inventory_user", "record_id")
    }
}

const OF_ROLES: &str = "FROM inventory_user_role c WHERE c.org_id = {t}.org_id AND c.record_id = {t}.record_id AND c.role_term IS NOT NULL";

/// What the scopes of a user reach.
pub(super) fn parts() -> Vec<Inventory> {
    vec![Inventory {
        aliases: &["held_role"],
        listed: false,
        base: Base { table: "inventory_user_role", key: "position" },
        fields: vec![
            term("name", "{t}.role_term", "role", "the role's name").alias(&["role"]).example("name:admin"),
            term("place", "{t}.place_term", "role_place", "the account or site where the person holds it")
                .alias(&["at"])
                .example("place:london"),
            public("place_id", "{t}.place_id_term", "role_place_id", "the console's id of that account or site")
                .example("place_id:475482421366727779"),
        ],
        ..Inventory::new("held_roles", "held role", "inventory_user_role", "position")
    }]
}
