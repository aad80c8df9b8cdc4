//! Internal keys are 64-bit integers, unique per organization; the outside sees prefixed strings made from them.

use std::fmt;

/// The digits of a public id: Crockford's base 32, lower case, without letters that read as digits.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Writes `number` as a public id, e.g. `ast_00000000000sg`: a prefix, an underscore and thirteen digits.
#[must_use]
pub fn public(prefix: &str, number: i64) -> String {
    let mut bits = number.cast_unsigned();
    let mut digits = [b'0'; 13];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(bits & 31) as usize];
        bits >>= 5;
    }
    format!("{prefix}_{}", String::from_utf8_lossy(&digits))
}

/// Reads a public id written by [`public`]; `None` if the prefix or a digit is wrong.
#[must_use]
pub fn parse_public(prefix: &str, text: &str) -> Option<i64> {
    let digits = text.strip_prefix(prefix)?.strip_prefix('_')?;
    if digits.len() != 13 {
        return None;
    }
    let mut bits: u64 = 0;
    for (at, byte) in digits.bytes().enumerate() {
        let digit = DIGITS.iter().position(|known| *known == byte)? as u64;
        if at == 0 && digit > 15 {
            return None;
        }
        bits = bits << 5 | digit;
    }
    Some(bits.cast_signed())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl $name {
            /// What public ids of this kind begin with.
            pub const PREFIX: &'static str = $prefix;

            /// Reads the public form; `None` if it is not one of this kind.
            #[must_use]
            pub fn parse(text: &str) -> Option<$name> {
                parse_public($prefix, text).map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&public($prefix, self.0))
            }
        }

        impl From<$name> for crate::Value<'static> {
            fn from(id: $name) -> Self {
                crate::Value::Int(id.0)
            }
        }
    )*};
}

ids! {
    /// A token of a program, made by a person.
    ApiTokenId = "tok";
    /// An asset: a projection over linked source records.
    AssetId = "ast";
    /// A saved credential; unique across organizations, since one may be granted to others.
    CredentialId = "crd";
    /// What a person decided about which records are one machine.
    DecisionId = "dec";
    /// A collector inside another network.
    ExplorerId = "exp";
    /// One configured console.
    IntegrationId = "int";
    /// The tenant boundary; every row carries it.
    OrgId = "org";
    /// A person who may sign in.
    PersonId = "psn";
    /// What one source said about one thing.
    RecordId = "rec";
    /// A task that scans networks.
    ScanId = "scn";
    /// One run of a scan task.
    ScanRunId = "srn";
    /// What answered on a port.
    ServiceId = "svc";
    /// Where assets live, ours; never a console's site.
    SiteId = "sit";
    /// One pass over a stream.
    SweepId = "swp";
}

impl OrgId {
    /// The organization that exists from the first start.
    pub const DEFAULT: OrgId = OrgId(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_ids_come_back() {
        for number in [0, 1, 42, i64::MAX, -1, i64::MIN] {
            assert_eq!(AssetId::parse(&AssetId(number).to_string()), Some(AssetId(number)));
        }
        assert_eq!(AssetId(816).to_string(), "ast_00000000000sg");
    }

    #[test]
    fn foreign_and_overlong_ids_are_refused() {
        for text in ["int_00000000000sg", "ast_sg", "ast_00000000000su", "ast_g000000000000", "ast-00000000000sg"] {
            assert_eq!(AssetId::parse(text), None, "{text}");
        }
    }
}
