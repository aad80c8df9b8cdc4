//! How bad something is: one set of words for every collection, whatever the console writes in each.

/// The words, from harmless to worst; `unknown` is what nobody rated, and is never taken for harmless.
pub const SEVERITIES: [&str; 7] = ["unknown", "none", "info", "low", "medium", "high", "critical"];

/// A console's word in ours; what it does not say, and a word that nobody knows, is `unknown`.
///
/// Spelling does not count: one service writes `HIGH`, the next `High`, the third `high`.
#[must_use]
pub fn unified(word: Option<&str>) -> &'static str {
    let plain: String = word.unwrap_or_default().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    match plain.to_ascii_lowercase().as_str() {
        "none" => "none",
        "info" | "informational" | "information" => "info",
        "low" => "low",
        "medium" | "moderate" => "medium",
        "high" | "important" => "high",
        "critical" => "critical",
        _ => "unknown",
    }
}

/// How bad a threat is, of which the console says no severity: derived from what it does say.
///
/// 1. Marked as benign by the console or a person: `info`.
/// 2. How sure the console is gives the beginning: `malicious` is `high`, `suspicious` is `medium`, anything else is
///    `unknown` and stays it.
/// 3. A class that spreads, extorts or hides (ransomware, a worm, a rootkit, lateral movement, stolen credentials, a
///    backdoor) is one step worse; one that merely annoys (a potentially unwanted application, adware) is `low`.
/// 4. Mitigated: one step better, and never below `low`.
///
/// A verdict has no part in it: whether a finding counts is another question than how bad it would be.
#[must_use]
pub fn derived(confidence: Option<&str>, classification: Option<&str>, mitigation: Option<&str>) -> &'static str {
    const STEPS: [&str; 4] = ["low", "medium", "high", "critical"];
    const WORSE: [&str; 8] =
        ["ransom", "worm", "rootkit", "lateral", "credential", "infostealer", "backdoor", "exploit"];
    const HARMLESS: [&str; 4] = ["pua", "pup", "adware", "unwanted"];
    let folded = |word: Option<&str>| word.unwrap_or_default().to_lowercase();
    let (confidence, class, mitigation) = (folded(confidence), folded(classification), folded(mitigation));
    if mitigation == "marked_as_benign" {
        return "info";
    }
    let begin = match confidence.as_str() {
        "malicious" => 2,
        "suspicious" => 1,
        _ => return "unknown",
    };
    let names = |words: &[&str]| words.iter().any(|word| class.contains(word));
    let step = if names(&HARMLESS) {
        0
    } else if names(&WORSE) {
        begin + 1
    } else {
        begin
    };
    STEPS[if mitigation == "mitigated" { step.max(1) - 1 } else { step }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_one_word_and_no_word_is_unknown() {
        for (told, word) in [
            (Some("HIGH"), "high"),
            (Some("Critical"), "critical"),
            (Some("INFORMATIONAL"), "info"),
            (Some("moderate"), "medium"),
            (Some("Galactic Doom"), "unknown"),
            (Some(""), "unknown"),
            (None, "unknown"),
        ] {
            assert_eq!(unified(told), word, "{told:?}");
        }
        assert!(SEVERITIES.iter().all(|word| unified(Some(word)) == *word));
    }

    #[test]
    fn a_threats_severity_follows_the_rule() {
        for (confidence, class, mitigation, severity) in [
            ("malicious", "Malware", "not_mitigated", "high"),
            ("malicious", "Malware", "mitigated", "medium"),
            ("malicious", "Ransomware", "not_mitigated", "critical"),
            ("malicious", "Ransomware", "mitigated", "high"),
            ("suspicious", "Malware", "not_mitigated", "medium"),
            ("suspicious", "Lateral Movement", "not_mitigated", "high"),
            ("malicious", "PUA", "not_mitigated", "low"),
            ("suspicious", "Adware", "mitigated", "low"),
            ("malicious", "Malware", "marked_as_benign", "info"),
            ("n/a", "Ransomware", "not_mitigated", "unknown"),
            ("malicious", "", "", "high"),
        ] {
            let told = |word: &'static str| Some(word).filter(|word| !word.is_empty());
            let derived = derived(told(confidence), told(class), told(mitigation));
            assert_eq!(derived, severity, "{confidence} {class} {mitigation}");
        }
        assert_eq!(derived(None, None, None), "unknown", "what nobody rated is not harmless");
    }
}
