//! An API token, checked for the ways in which copying one goes wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use zeroize::Zeroizing;

use crate::json::Json;

/// The longest text that is taken for a token, in bytes. Recorded tokens have a few hundred.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// An API token. Its text is wiped from memory with the last copy and is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

/// What is wrong with the text of a token; none of these messages repeats any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenProblem {
    /// Nothing was given.
    #[error("the token is empty")]
    Empty,
    /// The text has the header's scheme in front of it.
    #[error("the token starts with a word such as \"ApiToken\"; leave that word out")]
    Scheme,
    /// The text is in quotes, or contains one.
    #[error("the token contains a quotation mark; copy it without quotes")]
    Quotes,
    /// There is white space inside the text.
    #[error("the token contains white space; it was probably copied with a line break")]
    WhiteSpace,
    /// The text begins like a JWT and ends too early.
    #[error("the token was not copied completely; copy it again from the console, it is shown only once")]
    CutOff,
    /// It is the token of a site or group, with which agents enrol.
    #[error("this is a site's registration token, which enrols agents; an API token is needed")]
    Registration,
    /// A character that no token contains.
    #[error("the token contains a character that no token has (number {position} of the text)")]
    Character {
        /// Which character, counted from 1.
        position: usize,
    },
    /// More text than any token has.
    #[error("the text is too long for a token ({size} bytes)")]
    TooLong {
        /// Its length in bytes.
        size: usize,
    },
}

impl Token {
    /// Checks a text for the usual accidents of copying; white space around it is dropped.
    ///
    /// A token of the current form is a JWT: three parts, of which the last must be as long as its algorithm says.
    /// Older ones are opaque and cannot be checked further.
    ///
    /// # Errors
    /// See [`TokenProblem`]; nothing of the text is repeated.
    pub fn parse(text: &str) -> Result<Token, TokenProblem> {
        let text = text.trim().trim_start_matches('\u{feff}');
        if text.is_empty() {
            return Err(TokenProblem::Empty);
        }
        if text.len() > TOKEN_BYTES_MAX {
            return Err(TokenProblem::TooLong { size: text.len() });
        }
        if let Some((first, _)) = text.split_once(char::is_whitespace) {
            let scheme = first.trim_end_matches(':').to_ascii_lowercase();
            return Err(match scheme.as_str() {
                "apitoken" | "token" | "bearer" | "authorization" => TokenProblem::Scheme,
                _ => TokenProblem::WhiteSpace,
            });
        }
        if text.contains(['"', '\'', '`', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}']) {
            return Err(TokenProblem::Quotes);
        }
        if text.ends_with("...") || text.ends_with('\u{2026}') {
            return Err(TokenProblem::CutOff);
        }
        if let Some(position) = text.chars().position(|c| !c.is_ascii_graphic()) {
            return Err(TokenProblem::Character { position: position + 1 });
        }
        if text.starts_with("eyJ") && !is_whole_jwt(text) {
            let header = decoded(text).is_some_and(|names| names.algorithm.is_none());
            return Err(if header { TokenProblem::Registration } else { TokenProblem::CutOff });
        }
        Ok(Token(Zeroizing::new(text.to_owned())))
    }

    /// The token itself, for the one header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What one part of a token says, if it is an object of JSON.
struct Part {
    algorithm: Option<String>,
}

fn decoded(part: &str) -> Option<Part> {
    let plain: String = part.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let bytes = URL_SAFE_NO_PAD.decode(plain).ok()?;
    let text = Zeroizing::new(String::from_utf8(bytes).ok()?);
    let json = Json::parse(&text).ok().filter(|json| json.is_object())?;
    Some(Part { algorithm: json.get("alg").and_then(|alg| alg.text()).map(std::borrow::Cow::into_owned) })
}

/// Whether a text that begins like a JWT has a header, a payload and a signature of the right length.
fn is_whole_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return false };
    let (Some(Part { algorithm }), Some(_)) = (decoded(header), decoded(payload)) else { return false };
    let signature = signature.trim_end_matches('=');
    if signature.is_empty() || signature.len() % 4 == 1 {
        return false;
    }
    let bytes_min = match algorithm.as_deref() {
        Some("HS256") => 32,
        Some("HS384") => 48,
        Some("HS512" | "ES256" | "EdDSA") => 64,
        Some("ES384") => 96,
        Some("ES512") => 132,
        Some("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512") => 256,
        _ => 1,
    };
    signature.len() * 3 / 4 >= bytes_min
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt() -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(r#"{"alg":"ES256","typ":"JWT"}"#), part(r#"{"sub":"viewer"}"#), part(&"x".repeat(64)))
    }

    #[test]
    fn whole_tokens_pass_and_lose_only_the_white_space_around_them() {
        let jwt = jwt();
        assert_eq!(Token::parse(&format!("  {jwt}\r\n")).unwrap().expose(), jwt);
        assert_eq!(Token::parse("replay-token").unwrap().expose(), "replay-token");
    }

    #[test]
    fn a_cut_off_jwt_is_named_wherever_it_was_cut() {
        let jwt = jwt();
        for length in 4..jwt.len() {
            assert_eq!(Token::parse(&jwt[..length]), Err(TokenProblem::CutOff), "cut at {length}");
        }
        assert_eq!(Token::parse("abcdef..."), Err(TokenProblem::CutOff));
    }

    #[test]
    fn a_registration_token_is_not_mistaken_for_an_api_token() {
        let text =
            base64::engine::general_purpose::STANDARD.encode(r#"{"url":"https://acme.net","site_key":"g_1234"}"#);
        assert_eq!(Token::parse(&text), Err(TokenProblem::Registration));
    }

    #[test]
    fn accidents_of_copying_are_named() {
        assert_eq!(Token::parse(" \n"), Err(TokenProblem::Empty));
        assert_eq!(Token::parse("ApiToken abc"), Err(TokenProblem::Scheme));
        assert_eq!(Token::parse("Authorization: abc"), Err(TokenProblem::Scheme));
        assert_eq!(Token::parse("abc def"), Err(TokenProblem::WhiteSpace));
        assert_eq!(Token::parse("abc\ndef"), Err(TokenProblem::WhiteSpace));
        assert_eq!(Token::parse("\"abc\""), Err(TokenProblem::Quotes));
        assert_eq!(Token::parse("abcé"), Err(TokenProblem::Character { position: 4 }));
        assert_eq!(Token::parse(&"a".repeat(9000)), Err(TokenProblem::TooLong { size: 9000 }));
    }

    #[test]
    fn neither_debug_nor_a_problem_shows_the_text() {
        let token = Token::parse("very-secret-token").unwrap();
        assert_eq!(format!("{token:?}"), "Token(..)");
        let problem = Token::parse("very-secret token").unwrap_err();
        assert!(!format!("{problem} {problem:?}").contains("secret"));
    }
}
