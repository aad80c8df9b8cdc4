//! Addresses in links: what may stand in an `href`.

/// How long an address may be before it is cut out: longer ones are nobody's link.
const HREF_MAX: usize = 8192;

/// The address if it stays on this server or is plain `http`, `https` or `mailto`; `#` for everything else, so that a
/// name from a console can never become a script.
///
/// Addresses with a control character and those that begin with two slashes, which lead to another host, are refused too.
#[must_use]
pub fn href(address: &str) -> &str {
    let here = address.is_empty()
        || address.starts_with(['#', '?'])
        || (address.starts_with('/') && !address.starts_with("//") && !address.starts_with("/\\"));
    let scheme = |name: &str| address.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let known = scheme("https://") || scheme("http://") || scheme("mailto:");
    let clean = address.len() <= HREF_MAX && !address.chars().any(char::is_control);
    if (here || known) && clean { address } else { "#" }
}

#[cfg(test)]
mod tests {
    use super::href;

    #[test]
    fn only_addresses_that_cannot_run_are_linked() {
        for good in ["/assets?q=os:windows", "#rows", "?sort=name", "", "https://a.example/x", "mailto:a@b.example"] {
            assert_eq!(href(good), good);
        }
        for bad in [
            "javascript:alert(1)",
            " javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "//evil.example/",
            "/\\evil.example/",
            "/\t/evil.example/",
            "assets",
        ] {
            assert_eq!(href(bad), "#", "{bad}");
        }
    }
}
