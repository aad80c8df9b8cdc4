//! Passwords: what is one, how it is hashed, and who has which.
//!
//! Length and a look at the most common and the stolen ones are all that is asked of a password (ASVS 5.0 §6.2); hashing is Argon2id as
//! OWASP's password storage cheat sheet sets it. Hashing takes tens of milliseconds and 19 MiB: do it outside of a
//! transaction, on a thread for such work.

use std::sync::LazyLock;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use kernel::{PersonId, Secret, Timestamp, fold};
use store::Tx;

use crate::stolen::is_stolen;
use crate::{AccessError, person, session};

/// The shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Argon2id's memory, in KiB.
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Argon2id's passes over it.
pub const PASSES: u32 = 2;
/// Argon2id's lanes.
pub const LANES: u32 = 1;
/// Bytes of salt, from [`kernel::Random::secret_bytes`].
pub const SALT_BYTES: usize = 16;

/// What most people begin with who are asked for a password. A password made of one of these, however often repeated and
/// whatever digits and signs are around, is among the first that anybody tries.
const COMMON: &[&str] = &[
    "abc",
    "access",
    "admin",
    "administrator",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "baseball",
    "batman",
    "changeme",
    "charlie",
    "computer",
    "correcthorsebatterystaple",
    "default",
    "dragon",
    "flower",
    "football",
    "freedom",
    "guest",
    "hello",
    "iloveyou",
    "ilovey",
    "letmein",
    "liverpool",
    "login",
    "love",
    "master",
    "michael",
    "monkey",
    "muster",
    "password",
    "passwort",
    "pokemon",
    "princess",
    "qazwsx",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyuiop",
    "qwertz",
    "root",
    "secret",
    "sentinel",
    "sentinelone",
    "server",
    "shadow",
    "solo",
    "starwars",
    "summer",
    "sunshine",
    "superman",
    "system",
    "temp",
    "test",
    "trustno",
    "welcome",
    "winter",
    "zaq",
    "zxcvbnm",
];

/// A password's hash, as text in the PHC format. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("[password hash]")
    }
}

const SET: &str = "UPDATE access_person SET password = $2 WHERE person_id = $1";
const READ: &str = "SELECT password FROM access_person WHERE person_id = $1";

/// Looks whether a text will do as the password of the person with this login.
///
/// # Errors
/// It is too short or too long, contains the login's name, is among the most common ones, or was stolen elsewhere.
pub fn check_password(password: &Secret, login: &str) -> Result<(), AccessError> {
    let count = password.expose().chars().count();
    let folded = fold(password.expose());
    let name = fold(login);
    let name = name.split('@').next().unwrap_or_default();
    let why = if count < PASSWORD_CHARS_MIN {
        "it is shorter than 12 characters"
    } else if count > PASSWORD_CHARS_MAX {
        "it is longer than 128 characters"
    } else if name.chars().count() >= 4 && folded.contains(name) {
        "it contains your login"
    } else if is_common(&folded) {
        "it is one of the first that anybody tries"
    } else if is_stolen(&folded) {
        "it is known from a breach elsewhere, so it is among the first that anybody tries"
    } else {
        return Ok(());
    };
    Err(AccessError::Invalid { what: "password", why })
}

/// Whether a text is one sign repeated, a run of digits, or, once digits and signs are left out, a common word, repeated or
/// not.
fn is_common(folded: &str) -> bool {
    // What stands at the end is a year or a sign that somebody was made to add, no letter in disguise.
    let core = folded.trim_end_matches(|sign: char| !sign.is_alphabetic());
    let plain: String = core.chars().map(unleet).collect();
    [folded, &plain].into_iter().any(|text| {
        let letters: String = text.chars().filter(|sign| sign.is_alphabetic()).collect();
        if letters.is_empty() {
            return !text.is_empty() && is_run(text);
        }
        let one = letters.chars().collect::<std::collections::HashSet<_>>().len() == 1;
        one || COMMON.iter().any(|word| letters.replace(word, "").is_empty())
    })
}

/// Whether a text of digits goes up, down or round: 123456789012, 098765432109.
fn is_run(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|sign| sign.to_digit(10)).collect();
    let step = |by: u32| digits.windows(2).all(|two| two[1] == (two[0] + by) % 10);
    let round =
        |every: usize| digits.len() > every && digits.iter().skip(every).zip(&digits).all(|(one, two)| one == two);
    step(1) || step(9) || (1..=4).any(round)
}

fn unleet(sign: char) -> char {
    match sign {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Hashes a password. CPU heavy: not inside of a transaction.
#[must_use]
pub fn hash_password(password: &Secret, salt: &[u8; SALT_BYTES]) -> PasswordHash {
    let made = argon2().hash_password_with_salt(password.expose().as_bytes(), salt);
    PasswordHash(made.expect("the parameters and the salt are within Argon2's bounds").to_string())
}

/// Whether a password is the one that was hashed. Without a hash it is not, which takes as long to find out: nobody learns
/// by the clock who exists. CPU heavy: not inside of a transaction.
#[must_use]
pub fn password_is_right(stored: Option<&PasswordHash>, password: &Secret) -> bool {
    static NOBODYS: LazyLock<PasswordHash> =
        LazyLock::new(|| hash_password(&Secret::new("nobody's password".to_owned()), &[0; SALT_BYTES]));
    let nobodys = &*NOBODYS;
    if password.expose().chars().count() > PASSWORD_CHARS_MAX {
        return false;
    }
    let hash = stored.unwrap_or(nobodys);
    argon2().verify_password(password.expose().as_bytes(), hash.0.as_str()).is_ok() && stored.is_some()
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Gives a person a password and ends all of their sessions but `keep`, by its id.
///
/// # Errors
/// There is no such person, or the database refuses.
pub fn set_password(
    tx: &mut Tx<'_>,
    who: PersonId,
    hash: &PasswordHash,
    keep: Option<&str>,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    person::audit_person(tx, who, by, "person.password", "", now)?;
    tx.execute(SET, &[who.into(), (&hash.0).into()])?;
    session::end_all(tx, who, keep)
}

/// The hash of a person's password, to compare with what they type before something that matters; nothing if they have
/// none.
///
/// # Errors
/// The database refuses.
pub fn password_of(tx: &mut Tx<'_>, who: PersonId) -> Result<Option<PasswordHash>, AccessError> {
    let found = tx.query_opt(READ, &[who.into()], |row| Ok(row.opt_text(0)?.map(str::to_owned)))?;
    Ok(found.flatten().map(PasswordHash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_password_is_long_and_not_what_everybody_tries() {
        for bad in [
            "short",
            "hunter2 two",
            &"x".repeat(129),
            "aaaaaaaaaaaaaaaa",
            "123456789012",
            "098765432109",
            "121212121212",
            "passwordpassword",
            "P4ssw0rd!2026",
            "Welcome-2026-11",
            "qwertyuiop123",
            "ada.lovelace loves",
            "correct horse battery staple",
            // Known from breaches, and made of no common word.
            "Q1W2E3R4T5Y6",
            "finalfantasy",
            "gfhjkmgfhjkm",
            "sonyericsson",
        ] {
            assert!(check_password(&secret(bad), "ada.lovelace@example.com").is_err(), "{bad}");
        }
        for good in ["purple whale eats 9", &"a longer one ".repeat(9), "пароль о трёх словах", "83649152077613"]
        {
            check_password(&secret(good), "ada.lovelace@example.com").unwrap_or_else(|error| panic!("{good}: {error}"));
        }
    }

    #[test]
    fn the_right_password_is_right_and_nobodys_is_not() {
        let hash = hash_password(&secret("purple whale eats 9"), &[7; SALT_BYTES]);
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(password_is_right(Some(&hash), &secret("purple whale eats 9")));
        assert!(!password_is_right(Some(&hash), &secret("purple whale eats 8")));
        assert!(!password_is_right(None, &secret("nobody's password")));
        assert_eq!(format!("{hash:?}"), "[password hash]");
    }
}
