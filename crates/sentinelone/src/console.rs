//! The address of a console, cleaned of what people paste along with it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest host name that DNS allows, in bytes.
const HOST_BYTES_MAX: usize = 253;

/// The path under which the management API answers (vendor spec, `basePath`).
pub const API_PATH: &str = "/web/api/v2.1";

/// One management console: scheme, host and port, and nothing else.
///
/// The scheme is `https`, except for a loopback address, where `http` is kept (and is the default).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Console {
    host: String,
    port: Option<u16>,
    tls: bool,
}

/// What is wrong with the text of an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsoleProblem {
    /// Nothing was given.
    #[error("the console's address is empty; it looks like https://acme.sentinelone.net")]
    Empty,
    /// The address carries a user name or password.
    #[error(
        "the console's address contains a user name or password; give the host alone, such as acme.sentinelone.net"
    )]
    Credentials,
    /// The scheme is neither http nor https.
    #[error("the console's address must start with https://, not {scheme}://")]
    Scheme {
        /// The scheme that was given.
        scheme: String,
    },
    /// The host is no host name and no IP address.
    #[error("{host:?} is not a host name; it looks like acme.sentinelone.net")]
    Host {
        /// The text in the host's place, shortened.
        host: String,
    },
    /// The port is not a number from 1 to 65535.
    #[error("{port:?} is not a port (1 to 65535)")]
    Port {
        /// The text in the port's place, shortened.
        port: String,
    },
}

impl Console {
    /// Reads an address as people paste it: with or without scheme, with a path, a query or a trailing dot.
    ///
    /// # Errors
    /// The text names no host, or carries credentials.
    pub fn parse(text: &str) -> Result<Console, ConsoleProblem> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text.trim_start_matches('/')),
        };
        if let Some(scheme) = &scheme
            && scheme != "https"
            && scheme != "http"
        {
            return Err(ConsoleProblem::Scheme { scheme: shortened(scheme) });
        }
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().trim();
        if authority.is_empty() {
            return Err(ConsoleProblem::Empty);
        }
        if authority.contains('@') {
            return Err(ConsoleProblem::Credentials);
        }
        let (host, port) = split_port(authority)?;
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_name = host.len() <= HOST_BYTES_MAX
            && host.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            });
        let looks_numeric = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        if !is_address && (!is_name || looks_numeric) {
            return Err(ConsoleProblem::Host { host: shortened(&host) });
        }
        let loopback = is_loopback(&host);
        let tls = if loopback { scheme.as_deref() == Some("https") } else { true };
        let port = port.filter(|port| *port != if tls { 443 } else { 80 });
        Ok(Console { host, port, tls })
    }

    /// The host, in lower case; an IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host and, if it is not the scheme's own, the port: the name under which a console is known.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Scheme and authority, such as `https://acme.sentinelone.net`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }

    /// Whether the console is on this very machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Whether the host names, without asking DNS, a loopback, private, link-local or otherwise internal place.
    ///
    /// A server that lets its users type addresses should refuse these, and should check what DNS answers as well
    /// ([`is_private_address`]).
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self.host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => is_private_address(address),
            Err(_) => {
                is_loopback(&self.host)
                    || !self.host.contains('.')
                    || [".local", ".internal", ".localdomain", ".lan", ".home.arpa"]
                        .iter()
                        .any(|suffix| self.host.ends_with(suffix))
            }
        }
    }
}

impl Console {
    /// Why it is not asked unless somebody said that it may stand inside a private network, in one sentence.
    #[must_use]
    pub fn private_words(&self) -> String {
        let host = &self.host;
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Err(_) if self.is_private() && !self.is_loopback() => {
                format!("{host} is a name that only a private network knows, so nothing was sent")
            }
            _ => crate::error::stands_inside(host),
        }
    }
}

/// Whether an address is not on the public Internet: loopback, private, link-local, shared, multicast, reserved.
#[must_use]
pub fn is_private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_private_v4(v4);
            }
            let first = v6.segments()[0];
            let nat64 = first == 0x64 && v6.segments()[1] == 0xff9b;
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || (first & 0xfe00) == 0xfc00
                || (first & 0xffc0) == 0xfe80
                || (nat64 && is_private_v4(Ipv4Addr::from_bits(low_32_bits(v6))))
        }
    }
}

fn low_32_bits(address: Ipv6Addr) -> u32 {
    let [.., a, b, c, d] = address.octets();
    u32::from_be_bytes([a, b, c, d])
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && address.octets()[2] == 0)
        || (a == 198 && (18..20).contains(&b))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Splits `host:port`; an IPv6 address keeps its brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), ConsoleProblem> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']').ok_or_else(|| ConsoleProblem::Host { host: shortened(authority) })?;
        let (host, rest) = authority.split_at(end + 1);
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(ConsoleProblem::Host { host: shortened(authority) }),
        }
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    if host.is_empty() {
        return Err(ConsoleProblem::Empty);
    }
    match port {
        None | Some("") => Ok((host, None)),
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port != 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok((host, Some(port))),
            _ => Err(ConsoleProblem::Port { port: shortened(text) }),
        },
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

impl fmt::Display for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Console({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        Console::parse(text).unwrap().to_string()
    }

    #[test]
    fn a_private_host_is_called_what_it_is() {
        let told = |text: &str| Console::parse(text).unwrap().private_words();
        assert_eq!(told("10.0.0.7"), "10.0.0.7 stands inside a private network, so nothing was sent");
        assert_eq!(told("nosuch"), "nosuch is a name that only a private network knows, so nothing was sent");
    }

    #[test]
    fn a_pasted_address_is_cleaned() {
        for text in [
            "acme.sentinelone.net",
            " https://ACME.sentinelone.net/login?x=1#top\n",
            "http://acme.sentinelone.net",
            "https://acme.sentinelone.net:443/web/api/v2.1",
            "acme.sentinelone.net./dashboard",
            "//acme.sentinelone.net",
        ] {
            assert_eq!(cleaned(text), "https://acme.sentinelone.net", "{text}");
        }
    }

    #[test]
    fn loopback_keeps_plain_http_and_its_port() {
        assert_eq!(cleaned("http://127.0.0.1:9400/web/api/v2.1"), "http://127.0.0.1:9400");
        assert_eq!(cleaned("localhost:9400"), "http://localhost:9400");
        assert_eq!(cleaned("https://localhost:9400"), "https://localhost:9400");
        assert_eq!(cleaned("[::1]:9400"), "http://[::1]:9400");
    }

    #[test]
    fn what_is_not_a_host_is_named() {
        assert_eq!(Console::parse("  "), Err(ConsoleProblem::Empty));
        assert_eq!(Console::parse("https:///login"), Err(ConsoleProblem::Empty));
        assert_eq!(Console::parse("https://me:pw@acme.net"), Err(ConsoleProblem::Credentials));
        assert!(matches!(Console::parse("ftp://acme.net"), Err(ConsoleProblem::Scheme { .. })));
        assert!(matches!(Console::parse("acme.net:99999"), Err(ConsoleProblem::Port { .. })));
        for text in ["acme .net", "acme..net", "-acme.net", "300.1.1.1", "[::1", "acmé.net"] {
            assert!(matches!(Console::parse(text), Err(ConsoleProblem::Host { .. })), "{text}");
        }
    }

    #[test]
    fn internal_places_are_private_and_a_console_is_not() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "100.64.0.1",
            "[::1]",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "localhost",
            "intranet",
            "db.internal",
            "0.0.0.0",
        ] {
            assert!(Console::parse(text).unwrap().is_private(), "{text}");
        }
        for text in ["acme.sentinelone.net", "8.8.8.8", "[2606:4700::1]"] {
            assert!(!Console::parse(text).unwrap().is_private(), "{text}");
        }
    }
}
