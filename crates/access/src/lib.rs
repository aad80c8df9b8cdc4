#![doc = include_str!("../README.md")]

mod api_token;
mod audit;
mod carried;
mod credential;
mod error;
mod http;
mod key;
mod link;
mod number;
mod org;
mod password;
mod person;
mod provider;
mod reference;
mod rekey;
mod restored;
mod role;
mod saved;
mod second_factor;
mod session;
mod setting;
mod sign_in;
mod stolen;
mod throttle;
mod ticket;
mod token;

pub use api_token::{
    API_TOKEN_PREFIX, API_TOKEN_SECONDS_MAX, API_TOKENS_MAX, ApiToken, NewApiToken, Reach, api_token, api_tokens,
    create_api_token, looks_like_api_token, revoke_api_token, touch_api_token,
};
pub use audit::{AuditEntry, AuditFilter, AuditPlace, audit, audit_page, audit_trail};
pub use carried::{CARRIED_SECONDS, carried, carry};
pub use credential::{
    Versions, activate, check_keys, forget, open_secret, open_version, propose, store_secret, versions, withdraw,
};
pub use error::AccessError;
pub use http::{Fence, Http, HttpError};
pub use kernel::{ApiTokenId, CredentialId, PersonId};
pub use key::{CREDENTIAL_NAME, KEY_FILE, KEY_FILE_VARIABLE, KEY_VARIABLE, Keyring};
pub use link::{
    LINK_ATTEMPTS_MAX, LINK_SECONDS, LINK_SECONDS_MAX, LINK_SECONDS_MIN, Link, LinkState, NewLink, consume_link,
    create_link, fail_link, link, link_of, links, open_link, refuse_link, revoke_link,
};
pub use org::{NAME_CHARS_MAX, ORGS_MAX, Org, create_org, org, orgs, rename_org};
pub use password::{
    PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordHash, SALT_BYTES, check_password, hash_password, password_is_right,
    password_of, set_password,
};
pub use person::{
    LOGIN_BYTES_MAX, MEMBERS_MAX, Member, Membership, Person, PersonState, add_person, anybody, members, memberships,
    person, person_by_login, remove_member, rename_person, role_of, set_member, set_person_state,
};
pub use provider::{
    Discovered, Errand, Identity, PROVIDER_SECONDS, Provider, ProviderAttempt, ProviderDeparture, ProviderError,
    ProviderRefusal, ProviderSignIn, begin_provider_sign_in, discover, finish_provider_sign_in, is_linked,
    link_identity, provider, provider_name, redeem, remove_provider, save_provider, take_provider_attempt,
    unlink_identities,
};
pub use reference::{
    CACHE_SECONDS, ENV_PREFIX, Elsewhere, ElsewhereError, FetchError, NotAReference, Outside, Reference,
    SECRETS_FOLDER_VARIABLE, VAULT_ADDRESS_VARIABLE, VAULT_CA_VARIABLE, VAULT_NAMESPACE_VARIABLE,
    VAULT_PRIVATE_VARIABLE, VAULT_TOKEN_FILE_VARIABLE, Vault, fetch, fetch_secret,
};
pub use rekey::{REKEY_ROWS, Rekeyed, rekey};
pub use restored::after_restore;
pub use role::{Permission, Role, allowed, may};
pub use saved::{
    CREDENTIAL_KINDS, CREDENTIALS_MAX, Credential, CredentialKind, Credentials, Custodian, Custody, Facts,
    HiddenCredential, Keep, NewCredential, activate_secret, change_credential, credential, credential_sealed_as,
    credentials, grants, learn, open_credential, propose_secret, remove_credential, save_credential, set_custodian,
    set_global, set_grant,
};
pub use second_factor::{
    Answered, Enrolment, RECOVERY_BYTES, RECOVERY_CODES, TOTP_BYTES, confirm_second_factor, enrol_second_factor,
    give_code, recovery_codes_left, remove_second_factor, renew_recovery_codes,
};
pub use session::{
    HALF_WAY_SECONDS, Lifetimes, Origin, SESSION_IDLE_SECONDS, SESSION_SECONDS, SESSIONS_MAX, Session, Stage,
    TOUCH_SECONDS, csrf_is_right, csrf_token, drop_old_sessions, end_session, end_sessions, session, sessions_of,
    sign_out, switch_org, touch_session,
};
pub use setting::{
    SUPPORT_CHARS_MAX, admins_need_second_factor, consoles_may_be_private, lacks_second_factor,
    set_admins_need_second_factor, set_consoles_may_be_private, set_support_contact, support_contact,
};
pub use sign_in::{Attempt, Begun, SignedIn, begin_sign_in, confirm_password, finish_sign_in};
pub use throttle::{
    FORGET_SECONDS, KNOWN_SECONDS, LOGIN_WAIT_SECONDS_MAX, ROWS_MAX as THROTTLE_ROWS_MAX, WAIT_SECONDS_MAX,
    tidy_throttle,
};
pub use ticket::{
    INVITATION_SECONDS, SET_UP_SECONDS, begin_set_up, choose_password, invite, invited, set_up, set_up_is_open,
};
pub use token::Fresh;

/// This slice's tables: organizations, people, sessions, tokens, sealed credentials, links, the audit trail.
pub const SLICE: store::Slice = store::Slice {
    name: "access",
    migrations: &[
        store::Migration {
            number: 1,
            name: "org_credential_audit",
            sqlite: include_str!("../migrations/0001_org_credential_audit/sqlite.sql"),
            postgres: include_str!("../migrations/0001_org_credential_audit/postgres.sql"),
        },
        store::Migration {
            number: 2,
            name: "people",
            sqlite: include_str!("../migrations/0002_people/sqlite.sql"),
            postgres: include_str!("../migrations/0002_people/postgres.sql"),
        },
        store::Migration {
            number: 3,
            name: "saved_credential_link",
            sqlite: include_str!("../migrations/0003_saved_credential_link/sqlite.sql"),
            postgres: include_str!("../migrations/0003_saved_credential_link/postgres.sql"),
        },
        store::Migration {
            number: 4,
            name: "setting",
            sqlite: include_str!("../migrations/0004_setting/sqlite.sql"),
            postgres: include_str!("../migrations/0004_setting/postgres.sql"),
        },
        store::Migration {
            number: 5,
            name: "provider_errand",
            sqlite: include_str!("../migrations/0005_provider_errand/sqlite.sql"),
            postgres: include_str!("../migrations/0005_provider_errand/postgres.sql"),
        },
    ],
};
