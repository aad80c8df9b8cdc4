//! Network and hardware addresses as queries write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The 16 bytes under which an address is stored and compared: IPv4 is mapped into IPv6.
#[must_use]
pub fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// An address, a network `10.0.0.0/8`, a range `a-b` or `a..b`, or `10.20.*`: first and last address.
pub(crate) fn range(text: &str) -> Option<([u8; 16], [u8; 16])> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address_bytes(address), address_bytes(address)));
    }
    if let Some((address, length)) = text.split_once('/') {
        let address: IpAddr = address.trim().parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length: u32 = length.trim().parse().ok().filter(|length| *length <= width)?;
        let free = width - length;
        let hosts = if free == 128 { u128::MAX } else { (1 << free) - 1 };
        let bits = u128::from_be_bytes(address_bytes(address));
        return Some(((bits & !hosts).to_be_bytes(), (bits | hosts).to_be_bytes()));
    }
    if let Some((from, to)) = text.split_once("..").or_else(|| text.split_once('-')) {
        let (from, to): (IpAddr, IpAddr) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        let (from, to) = (address_bytes(from), address_bytes(to));
        return (from <= to).then_some((from, to));
    }
    let begin = text.strip_suffix(['*', '%']).and_then(|begin| begin.strip_suffix('.'))?;
    let octets = begin.split('.').map(|octet| octet.parse::<u8>().ok()).collect::<Option<Vec<u8>>>()?;
    let (mut low, mut high) = ([0; 4], [255; 4]);
    low.get_mut(..octets.len()).filter(|_| octets.len() < 4)?.copy_from_slice(&octets);
    high[..octets.len()].copy_from_slice(&octets);
    Some((Ipv4Addr::from(low).to_ipv6_mapped().octets(), Ipv4Addr::from(high).to_ipv6_mapped().octets()))
}

/// The network that somebody who typed `10.20` or `10.20.` may have meant.
pub(crate) fn network_meant(text: &str) -> Option<String> {
    let octets: Vec<&str> = text.trim_end_matches('.').split('.').collect();
    let good = octets.len() < 4 && octets.iter().all(|octet| octet.parse::<u8>().is_ok());
    let mut full = octets.clone();
    full.resize(4, "0");
    good.then(|| format!("{}/{}", full.join("."), octets.len() * 8))
}

/// The digits of a hardware address or of the beginning of one, in any of its spellings.
pub(crate) fn mac_digits(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches(['*', '%']);
    let digits: String = text.chars().filter(|char| !matches!(char, ':' | '-' | '.' | ' ')).collect();
    let good = (1..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| digits.to_ascii_lowercase())
}

/// Whether a bare word is more likely an address than text: `10.20.0.0/16`, `fe80::1`.
pub(crate) fn looks_like_ip(text: &str) -> bool {
    range(text).is_some() && text.contains(['.', ':'])
}

/// Whether a bare word is a hardware address or the beginning of one: two parts at least, or all twelve digits.
pub(crate) fn looks_like_mac(text: &str) -> bool {
    let parted =
        |sign: char, width: usize| text.split(sign).count() >= 2 && text.split(sign).all(|part| part.len() == width);
    mac_digits(text).is_some_and(|digits| digits.len() == 12 || digits.len() >= 6)
        && (text.len() == 12 || parted(':', 2) || parted('-', 2) || parted('.', 4))
        && text.parse::<Ipv6Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(text: &str) -> Option<(String, String)> {
        range(text).map(|(low, high)| (Ipv6Addr::from(low).to_string(), Ipv6Addr::from(high).to_string()))
    }

    #[test]
    fn networks_and_ranges_have_ends() {
        let pair = |low: &str, high: &str| Some((low.to_owned(), high.to_owned()));
        assert_eq!(ends("10.20.0.0/16"), pair("::ffff:10.20.0.0", "::ffff:10.20.255.255"));
        assert_eq!(ends("10.20.3.4/16"), ends("10.20.*"));
        assert_eq!(ends("0.0.0.0/0"), pair("::ffff:0.0.0.0", "::ffff:255.255.255.255"));
        assert_eq!(ends("::/0"), pair("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
        assert_eq!(ends("10.0.0.1..10.0.0.9"), ends("10.0.0.1-10.0.0.9"));
        for wrong in ["10.20", "10.0.0.9-10.0.0.1", "10.0.0.0/33", "x", "1.2.3.4.*", "", "*"] {
            assert_eq!(ends(wrong), None, "{wrong}");
        }
        assert_eq!(network_meant("10.20."), Some("10.20.0.0/16".to_owned()));
    }

    #[test]
    fn hardware_addresses_take_any_spelling() {
        for text in ["00:50:56:AB:cd:ef", "00-50-56-ab-cd-ef", "0050.56ab.cdef", "005056abcdef"] {
            assert_eq!(mac_digits(text).as_deref(), Some("005056abcdef"));
            assert!(looks_like_mac(text), "{text}");
        }
        assert_eq!(mac_digits("00:50:56:*").as_deref(), Some("005056"));
        assert!(mac_digits("lt-0471").is_none() && !looks_like_mac("lt-0471") && !looks_like_mac("10.20.30.40"));
    }
}
