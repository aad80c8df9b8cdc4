//! [`Fields`]: names and values of a query string or of a form, in their order, each as often as it was sent.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::Problem;

/// Names and values, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

/// Fields that are read of one request at most; a form with more is nobody's.
const FIELDS_MAX: usize = 2_000;

impl Fields {
    /// Reads `name=value&..`.
    #[must_use]
    pub fn read(text: &[u8]) -> Fields {
        Fields(form_urlencoded::parse(text).take(FIELDS_MAX).map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The first value of that name; the empty text if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.opt(name).unwrap_or_default()
    }

    /// The first value of that name.
    #[must_use]
    pub fn opt(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every name, as often as it was sent.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Every value of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The fields of the query string.
#[derive(Clone, Debug)]
pub struct Asked(pub Fields);

/// The fields of the form that was sent. The guard has read it, and compared its token.
#[derive(Clone, Debug)]
pub struct Sent(pub Fields);

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked, Problem> {
        Ok(Asked(Fields::read(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

impl<S: Sync> FromRequestParts<S> for Sent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Sent, Problem> {
        parts.extensions.get::<Sent>().cloned().ok_or_else(|| Problem::invalid("There is no form in what was sent."))
    }
}

/// What a program sent, as JSON.
pub(crate) fn body<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::invalid(crate::problem::capital(&error.to_string())))
}

/// An address with a query string; what is empty is left out.
#[must_use]
pub fn address(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let address = address("/assets", &[("q", "os:\"a&b\" ü"), ("sort", ""), ("after", "x+y")]);
        let (path, query) = address.split_once('?').unwrap();
        let fields = Fields::read(query.as_bytes());
        assert_eq!((path, fields.get("q"), fields.opt("sort")), ("/assets", "os:\"a&b\" ü", None));
        assert_eq!(fields.get("after"), "x+y");
    }

    #[test]
    fn a_name_may_come_again() {
        let fields = Fields::read(b"id=1&id=2&x");
        assert_eq!(fields.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.opt("x"), Some(""));
    }
}
