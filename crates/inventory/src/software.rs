//! Software: one version of one product on one machine, as an agent reported it; and what its name is without noise.
//!
//! What is installed is stored in three steps, since there are some twenty programs on each machine and few that are
//! different: a row names its *release* (product, vendor, version as the console spells them), a release its *title*
//! (the product and its maker, plain), and both are stored once.

use kernel::Timestamp;

use crate::out::Out;

/// What a console says about a program on a machine. There are some twenty for each, so the row is narrow: names are
/// numbers of dictionaries, and what is asked about rarely is left in the body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoftwareNoun {
    /// Native id of the agent on that machine.
    pub agent_id: Option<String>,
    /// The product's name.
    pub product: Option<String>,
    /// Who made it.
    pub vendor: Option<String>,
    /// Its version, as the machine spells it.
    pub version: Option<String>,
    /// What sort of thing it is: `app`, `patch`, `chromeExtension`.
    pub kind: Option<String>,
    /// Its name in the national dictionary of products, where the console gives it: `cpe:2.3:a:openssl:openssl`.
    pub cpe: Option<String>,
    /// Its size; the vendor does not say in which unit.
    pub size: Option<i64>,
    /// When it was installed; kept in seconds.
    pub installed_at: Option<Timestamp>,
}

/// One version of one product, as a console spells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Release {
    pub product: Option<String>,
    pub vendor: Option<String>,
    pub version: Option<String>,
    pub kind: Option<String>,
    pub cpe: Option<String>,
}

impl SoftwareNoun {
    /// Writes the program's row. Its meaning is its identity, so what the generations of an API tell differently may
    /// move without a version.
    pub(crate) fn write(self, out: &mut Out) {
        out.derived("gone", 0);
        out.agent("agent_record_id", self.agent_id);
        let SoftwareNoun { product, vendor, version, kind, cpe, .. } = self;
        out.release("release_id", Release { product, vendor, version, kind, cpe });
        out.volatile().int("size", self.size);
        let second = self.installed_at.map(|at| at.micros().div_euclid(1_000_000));
        out.volatile().int("installed_second", second);
    }
}

/// Words for a processor, which makers put into the names of products.
const PROCESSORS: [&str; 16] = [
    "x64", "x86", "x86_64", "x86-64", "x32", "amd64", "arm64", "aarch64", "i386", "i586", "i686", "win32", "win64",
    "64-bit", "32-bit", "64bit",
];

/// What else stands in parentheses behind a name and tells nothing of the product.
const ASIDES: [&str; 5] = ["remove only", "user", "machine-wide", "all users", "current user"];

/// A product's name without what tells of the processor, the language or the version: `Mozilla Firefox 128.0 (x64
/// en-US)` is `Mozilla Firefox`.
///
/// Punctuation stays, since it parts products (`Visual C++ 2019`, `Visual C 2019`), and so do numbers without a point,
/// which are years and generations. A name of which nothing would be left is returned as it is.
#[must_use]
pub fn plain_product(name: &str, version: Option<&str>) -> String {
    let mut rest = without_asides(name, version);
    // Debian names a package of a processor so: libssl3:amd64.
    if let Some((before, behind)) = rest.rsplit_once(':')
        && is_processor(behind)
    {
        rest.truncate(before.len());
    }
    let mut words: Vec<&str> = rest.split_whitespace().collect();
    words.retain(|word| !is_processor(word));
    let mut kept: Vec<&str> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let bit = word.eq_ignore_ascii_case("bit") && kept.last().is_some_and(|last| matches!(*last, "64" | "32"));
        if bit {
            kept.pop();
        } else if at == 0 || !is_version(word, version) {
            kept.push(word);
        }
    }
    while kept.len() > 1 && kept.last().is_some_and(|last| is_dangling(last) || is_locale(last)) {
        kept.pop();
    }
    // A dash that parted the name from a version that is gone, in the middle.
    let dashes = kept.iter().filter(|word| is_dash(word)).count();
    if dashes > 0 && kept.len() > dashes && kept.last().is_some_and(|last| is_dash(last)) {
        kept.pop();
    }
    let plain = kept.join(" ");
    let plain = plain.trim_end_matches([',', '-', ' ']);
    if plain.is_empty() { name.trim().to_owned() } else { plain.to_owned() }
}

/// The text without parentheses that hold nothing but noise.
fn without_asides(name: &str, version: Option<&str>) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(open) = rest.find(['(', '[']) {
        let close = if rest.as_bytes()[open] == b'(' { ')' } else { ']' };
        let Some(length) = rest[open..].find(close) else { break };
        let inside = &rest[open + 1..open + length];
        let aside = ASIDES.iter().any(|aside| inside.trim().eq_ignore_ascii_case(aside));
        let mut words = inside.split([' ', ',', ';', '/']).filter(|word| !word.is_empty()).peekable();
        let noise = words.peek().is_some()
            && words.all(|word| {
                let bits = matches!(word, "64" | "32") || word.eq_ignore_ascii_case("bit");
                bits || is_processor(word) || is_locale(word) || is_version(word, version)
            });
        out.push_str(&rest[..open]);
        if !(aside || noise) {
            out.push_str(&rest[open..=open + length]);
        }
        rest = &rest[open + length + 1..];
    }
    out.push_str(rest);
    out
}

fn is_processor(word: &str) -> bool {
    let word = word.trim_matches([',', ';']);
    PROCESSORS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// `en-US`, `de_DE`: two letters, then two of a country.
fn is_locale(word: &str) -> bool {
    let parts: Vec<&str> = word.trim_matches([',', ';']).split(['-', '_']).collect();
    let letters = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    matches!(parts[..], [language, country] if letters(language) && letters(country)
        && language.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// Digits with points between them, or the very version that is told beside the name.
fn is_version(word: &str, version: Option<&str>) -> bool {
    let word = word.trim_matches([',', ';']);
    if version.is_some_and(|version| version == word && word.contains('.')) {
        return true;
    }
    let digits = word.strip_prefix(['v', 'V']).unwrap_or(word);
    let mut parts = digits.split('.');
    let numbers = parts.clone().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    numbers && parts.nth(1).is_some()
}

fn is_dash(word: &str) -> bool {
    matches!(word, "-" | "\u{2013}" | "\u{2014}")
}

fn is_dangling(word: &str) -> bool {
    is_dash(word) || ["version", "ver.", "release", "build"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Legal forms that makers write behind their names, without points, in lower case.
const FORMS: [&str; 30] = [
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "llc",
    "ltd",
    "limited",
    "gmbh",
    "ag",
    "sa",
    "sas",
    "se",
    "co",
    "company",
    "bv",
    "nv",
    "oy",
    "oyj",
    "ab",
    "as",
    "aps",
    "plc",
    "pty",
    "srl",
    "sro",
    "spa",
    "kg",
    "kgaa",
    "kk",
    "lp",
];

/// A maker's name without its legal form and without an address of mail: `Google LLC` is `Google`.
///
/// A name of which nothing would be left is returned as it is.
#[must_use]
pub fn plain_vendor(name: &str) -> String {
    let mut rest = name.trim();
    if let (Some(open), true) = (rest.find('<'), rest.ends_with('>')) {
        let before = rest[..open].trim_end();
        if !before.is_empty() {
            rest = before;
        }
    }
    loop {
        let trimmed = rest.trim_end_matches([',', ' ', '&', '+']).trim_end();
        let Some((before, last)) = trimmed.rsplit_once([' ', ',']) else {
            return if trimmed.is_empty() { name.trim().to_owned() } else { trimmed.to_owned() };
        };
        let form: String = last.chars().filter(|c| !matches!(c, '.' | '/')).collect::<String>().to_ascii_lowercase();
        if !FORMS.contains(&form.as_str()) || before.trim().is_empty() {
            return trimmed.to_owned();
        }
        rest = before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_its_noise_and_nothing_else() {
        for (told, version, plain) in [
            ("Google Chrome", Some("131.0.6778.86"), "Google Chrome"),
            ("Mozilla Firefox 128.0 (x64 en-US)", Some("128.0"), "Mozilla Firefox"),
            ("Mozilla Firefox (x64 de)", Some("128.0"), "Mozilla Firefox (x64 de)"),
            ("7-Zip 22.01 (x64)", Some("22.01"), "7-Zip"),
            ("Notepad++ (64-bit x64)", Some("8.6"), "Notepad++"),
            ("Python 3.11.4 (64-bit)", Some("3.11.4150.0"), "Python"),
            ("Python 3.11.4 Core Interpreter (64-bit)", None, "Python Core Interpreter"),
            (
                "Microsoft Visual C++ 2019 X64 Minimum Runtime - 14.29.30133",
                None,
                "Microsoft Visual C++ 2019 Minimum Runtime",
            ),
            ("Microsoft Office Professional Plus 2019 - en-us", None, "Microsoft Office Professional Plus 2019"),
            ("Zoom(64bit)", None, "Zoom"),
            ("Zoom (64 bit)", None, "Zoom"),
            ("libssl3:amd64", None, "libssl3"),
            ("PuTTY release 0.78 (64-bit)", Some("0.78.0.0"), "PuTTY"),
            ("Node.js", Some("20.1.0"), "Node.js"),
            ("Java 8 Update 361 (64-bit)", None, "Java 8 Update 361"),
            ("Git version 2.43.0", None, "Git"),
            ("Visual C++ 2019", None, "Visual C++ 2019"),
            ("Visual C 2019", None, "Visual C 2019"),
            ("Straßenkarte (Müller)", None, "Straßenkarte (Müller)"),
            ("3.1.4", Some("3.1.4"), "3.1.4"),
            ("(x64)", None, "(x64)"),
            ("Broken (x64", None, "Broken (x64"),
            ("", None, ""),
        ] {
            assert_eq!(plain_product(told, version), plain, "{told}");
        }
    }

    #[test]
    fn a_maker_loses_its_legal_form() {
        for (told, plain) in [
            ("Google LLC", "Google"),
            ("VMware, Inc.", "VMware"),
            ("Microsoft Corporation", "Microsoft"),
            ("Adobe Systems Incorporated", "Adobe Systems"),
            ("JetBrains s.r.o.", "JetBrains"),
            ("SAP SE", "SAP"),
            ("Müller & Söhne GmbH & Co. KG", "Müller & Söhne"),
            ("Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>", "Ubuntu Developers"),
            ("The Document Foundation", "The Document Foundation"),
            ("Igor Pavlov", "Igor Pavlov"),
            ("AG", "AG"),
            ("Inc., Ltd.", "Inc."),
            ("<x@y.example>", "<x@y.example>"),
            ("", ""),
        ] {
            assert_eq!(plain_vendor(told), plain, "{told}");
        }
    }
}
