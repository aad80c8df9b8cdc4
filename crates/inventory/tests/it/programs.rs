//! More of the small estate: what is installed, what is wrong with it, who may log in, and what custom rules found.

use kernel::{Random, Timestamp};
use serde_json::json;

use inventory::Noun;
use inventory::noun::{ActivityTypeNoun, FindingNoun, SoftwareNoun, UserNoun, UserRole, VulnerabilityNoun};

use super::{NOW, Said};

fn pick<'a, T>(random: &mut Random, all: &'a [T]) -> &'a T {
    &all[random.below(all.len() as u64) as usize]
}

fn agent(number: u64) -> String {
    format!("6576137301{number:08}")
}

fn ago(random: &mut Random, days: u64) -> Timestamp {
    NOW.plus_seconds(-random.below(days * 86_400).cast_signed())
}

const PROGRAMS: [(&str, &str, &[&str]); 5] = [
    ("Google Chrome", "Google LLC", &["130.0.6723.92", "131.0.6778.86"]),
    ("7-Zip", "Igor Pavlov", &["22.01", "24.08"]),
    ("openssl", "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>", &["3.0.2-0ubuntu1.18", "3.0.13"]),
    ("Straßenkarte", "Müller & Söhne", &["1.0", ""]),
    ("KB5034441", "", &[""]),
];

/// Programs of agents of that count, and of one that nobody knows.
pub fn software(agents: usize, seed: u64) -> Vec<Said> {
    let random = &mut Random::seeded(seed ^ 0x50);
    let program = |number: usize| {
        let (product, vendor, versions) = *pick(random, &PROGRAMS);
        let version = *pick(random, versions);
        let agent = agent(random.below(agents as u64 + 1));
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let installed_at = (!number.is_multiple_of(5)).then(|| ago(random, 300));
        let raw = json!({"id": format!("{number}"), "name": product, "publisher": vendor, "version": version,
            "agentId": agent, "riskLevel": if number.is_multiple_of(3) { json!("high") } else { json!(null) }});
        let noun = SoftwareNoun {
            product: text(product),
            vendor: text(vendor),
            version: text(version),
            kind: (!number.is_multiple_of(4))
                .then(|| if product.starts_with("KB") { "patch" } else { "app" }.to_owned()),
            size: (!number.is_multiple_of(3)).then(|| 1_000 * (number as u64).cast_signed()),
            installed_at,
            cpe: number.is_multiple_of(9).then(|| "cpe:2.3:a:google:chrome".to_owned()),
            agent_id: Some(agent.clone()),
        };
        Said { id: format!("{agent}:{number:08}"), raw, noun: Noun::Software(noun) }
    };
    (0..agents * 2).map(program).collect()
}

/// Vulnerabilities of agents of that count, and of one that nobody knows.
pub fn vulnerabilities(agents: usize, seed: u64) -> Vec<Said> {
    let random = &mut Random::seeded(seed ^ 0xcf);
    let vulnerability = |number: usize| {
        let agent = agent(random.below(agents as u64 + 1));
        let (cve, severity, score) = *pick(
            random,
            &[
                ("CVE-2024-3094", Some("critical"), Some(10.0)),
                ("CVE-2025-0411", Some("high"), Some(7.0)),
                ("CVE-2022-22977", Some("medium"), Some(5.9)),
                ("CVE-2099-0001", Some("galactic"), None),
                ("CVE-2099-0002", None, Some(0.1)),
            ],
        );
        let status = if number.is_multiple_of(7) { "removed" } else { "detected" };
        let raw = json!({"id": format!("{number}"), "cveId": cve, "severity": severity.map(str::to_uppercase),
            "baseScore": score.map(|score| format!("{score:.2}")), "endpointId": agent, "markType": null});
        let noun = VulnerabilityNoun {
            cve: Some(cve.to_owned()),
            severity: severity.map(str::to_owned),
            score,
            exploit: number.is_multiple_of(5).then(|| "functional".to_owned()),
            status: Some(status.to_owned()),
            mitigation: number.is_multiple_of(4).then(|| "to_be_patched".to_owned()),
            product: Some(pick(random, &["openssl", "7-Zip"]).to_string()),
            vendor: Some("Müller & Söhne".to_owned()),
            version: Some(pick(random, &["3.0.2-0ubuntu1.18", "22.01"]).to_string()),
            agent_id: Some(agent),
            agent_name: Some(pick(random, &["LT-1", "Straße-2"]).to_string()),
            agent_type: Some("laptop".to_owned()),
            agent_os_family: Some("windows".to_owned()),
            detected_at: Some(ago(random, 90)),
            published_at: (!number.is_multiple_of(6)).then(|| ago(random, 900)),
            scanned_at: Some(ago(random, 3)),
            cvss_version: score.map(|_| "3.1".to_owned()),
            remediation: number.is_multiple_of(3).then(|| "official_fix".to_owned()),
            ..VulnerabilityNoun::default()
        };
        Said { id: format!("{number:08}"), raw, noun: Noun::Vulnerability(noun) }
    };
    (0..agents).map(vulnerability).collect()
}

/// A few people, one of them without a name.
pub fn users() -> Vec<Said> {
    let user = |number: usize, name: Option<&str>, role: &str| {
        let email = format!("user{number}@Exämple.com");
        let raw = json!({"id": format!("{number}"), "fullName": name, "email": email, "apiToken": null});
        let noun = UserNoun {
            name: name.map(str::to_owned),
            email: Some(email),
            scope: Some(if number == 0 { "tenant" } else { "site" }.to_owned()),
            source: Some("mgmt".to_owned()),
            two_factor: (number != 1).then_some(number == 0),
            two_factor_status: Some("not_configured".to_owned()),
            last_login: Some(NOW.plus_seconds(-86_400 * 100)),
            token_ends_at: (number == 2).then(|| NOW.plus_seconds(86_400 * 10)),
            roles: (0..number)
                .map(|at| UserRole {
                    role: Some(role.to_owned()),
                    place: Some(format!("Site {at}")),
                    place_id: Some(format!("47548242136672777{at}")),
                })
                .collect(),
            ..UserNoun::default()
        };
        Said { id: format!("43324111733758360{number}"), raw, noun: Noun::User(noun) }
    };
    vec![user(0, Some("Émile Zola"), "Admin"), user(1, None, "Viewer"), user(2, Some("Ada"), "SOC")]
}

/// Names for some of the activities' numbers.
pub fn activity_types() -> Vec<Said> {
    let kind = |number: i64, name: Option<&str>| Said {
        id: number.to_string(),
        raw: json!({"id": number, "action": name}),
        noun: Noun::ActivityType(ActivityTypeNoun { type_: Some(number), name: name.map(str::to_owned) }),
    };
    vec![kind(27, Some("User Logged In")), kind(33, None)]
}

/// What custom rules found on agents of that count.
pub fn alerts(count: usize, agents: usize, seed: u64) -> Vec<Said> {
    let random = &mut Random::seeded(seed ^ 0xa1);
    let alert = |number: usize| {
        let id = format!("1985998272{number:08}");
        let agent = agent(random.below(agents as u64 + 1));
        let at = ago(random, 30);
        let raw = json!({"alertInfo": {"alertId": id, "hitType": "Events"}, "ruleInfo": {"name": "Powershell"},
            "agentRealtimeInfo": {"id": agent}});
        let noun = FindingNoun {
            name: Some("Powershell".to_owned()),
            kind: Some("alert".to_owned()),
            severity: Some(pick(random, &["critical", "info"]).to_string()),
            verdict: Some("undefined".to_owned()),
            status: Some("in_progress".to_owned()),
            agent_id: Some(agent),
            identified_at: Some(at),
            ..FindingNoun::default()
        };
        Said { id, raw, noun: Noun::Finding(noun) }
    };
    (0..count).map(alert).collect()
}
