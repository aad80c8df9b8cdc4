//! From the console's words to ours: one record becomes one noun. The only place in the engine that knows both.

use std::borrow::Cow;
use std::net::IpAddr;

use inventory::Reason;
use inventory::noun::{
    AccountNoun, ActivityNoun, AgentNoun, AgentState, ConsoleGroupNoun, ConsoleScope, ConsoleSiteNoun, FindingAction,
    FindingNoun, Interface, Mac, Name, Noun, PolicyEngine, PolicyNoun, Tag, Technique,
};
use kernel::Timestamp;
use sentinelone::records::{AgentDetectionInfo, AgentRealtimeInfo, ThreatInfo};
use sentinelone::{Account, Activity, Agent, Endpoint, Group, Id, Micros, Policy, Site, Threat};

/// What the engine tells about a record that the record itself does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Native id of the account, site or group whose policy was asked for.
    pub scope_id: Option<&'a str>,
    /// Its name.
    pub scope_name: Option<&'a str>,
}

/// Translates one record of `endpoint`; also says when the source changed it.
///
/// # Errors
/// The record is not what the endpoint sends, or we have no noun for it.
pub fn translate(endpoint: Endpoint, raw: &[u8], asked: Asked<'_>) -> Result<(Noun, Option<Timestamp>), Reason> {
    let unreadable = |error: sentinelone::JsonError| Reason(error.to_string());
    Ok(match endpoint {
        Endpoint::Agents => {
            let agent = Agent::decode(raw).map_err(unreadable)?;
            (Noun::Agent(self::agent(&agent)), at(agent.updated_at))
        }
        Endpoint::Threats => {
            let threat = Threat::decode(raw).map_err(unreadable)?;
            let updated_at = threat.threat_info.as_ref().and_then(|info| at(info.updated_at));
            (Noun::Finding(finding(&threat)), updated_at)
        }
        Endpoint::Activities => {
            let activity = Activity::decode(raw).map_err(unreadable)?;
            (Noun::Activity(self::activity(&activity)), at(activity.created_at))
        }
        Endpoint::Accounts => {
            let account = Account::decode(raw).map_err(unreadable)?;
            (Noun::Account(self::account(&account)), at(account.updated_at))
        }
        Endpoint::Sites => {
            let site = Site::decode(raw).map_err(unreadable)?;
            (Noun::ConsoleSite(self::site(&site)), at(site.updated_at))
        }
        Endpoint::Groups => {
            let group = Group::decode(raw).map_err(unreadable)?;
            (Noun::ConsoleGroup(self::group(&group)), at(group.updated_at))
        }
        Endpoint::TenantPolicy | Endpoint::AccountPolicy | Endpoint::SitePolicy | Endpoint::GroupPolicy => {
            let policy = Policy::decode(raw).map_err(unreadable)?;
            (Noun::Policy(self::policy(&policy, endpoint, asked)), at(policy.updated_at))
        }
        other => return Err(Reason(format!("there is no noun for {other}"))),
    })
}

/// A text as we keep it: nothing for the empty text, which is the console's usual "none". U+0000 stays: it is replaced,
/// and counted, where nouns become rows.
fn text(value: Option<&Cow<'_, str>>) -> Option<String> {
    value.filter(|text| !text.is_empty()).map(|text| text.clone().into_owned())
}

fn id(value: Option<&Id<'_>>) -> Option<String> {
    text(value.map(|id| &id.0))
}

fn word<T>(value: Option<&T>, as_str: impl Fn(&T) -> &str) -> Option<String> {
    value.map(|word| as_str(word).to_owned())
}

fn at(micros: Option<Micros>) -> Option<Timestamp> {
    micros.map(|micros| Timestamp::from_micros(micros.0))
}

fn lower(value: Option<&Cow<'_, str>>) -> Option<String> {
    text(value).map(|text| text.to_ascii_lowercase())
}

/// An address; the console's `75.231.254.x` is none.
fn address(value: &str) -> Option<IpAddr> {
    value.trim().parse().ok()
}

/// Several texts as one, with a space between; nothing if all are nothing.
fn joined(parts: &[&Option<String>]) -> Option<String> {
    let parts: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn agent(agent: &Agent<'_>) -> AgentNoun {
    let name = text(agent.computer_name.as_ref());
    let domain = text(agent.domain.as_ref());
    let mut names = Vec::new();
    if let Some(name) = &name {
        names.push(Name { kind: "computer", text: name.clone() });
        // A NetBIOS domain or a work group makes no full name.
        if let Some(domain) = domain.as_ref().filter(|domain| domain.contains('.') && !name.contains('.')) {
            names.push(Name { kind: "fqdn", text: format!("{name}.{domain}") });
        }
    }
    let os_name = text(agent.os_name.as_ref());
    let os_version = text(agent.os_revision.as_ref());
    let hw = text(agent.model_name.as_ref());
    let directory = agent.active_directory.as_deref();
    AgentNoun {
        names,
        type_: word(agent.machine_type.as_ref(), |kind| kind.as_str()),
        os: joined(&[&os_name, &os_version]),
        os_family: word(agent.os_type.as_ref(), |family| family.as_str()),
        os_name,
        os_version,
        os_arch: word(agent.os_arch.as_ref(), |arch| arch.as_str()),
        hw_vendor: hw.as_deref().and_then(|hw| hw.split_once(" - ")).map(|(vendor, _)| vendor.trim().to_owned()),
        hw,
        cpu: text(agent.cpu_id.as_ref()),
        cpu_count: agent.cpu_count,
        core_count: agent.core_count,
        memory_mb: agent.total_memory,
        serial: text(agent.serial_number.as_ref()),
        domain,
        user: text(agent.last_logged_in_user_name.as_ref()).or_else(|| text(agent.os_username.as_ref())),
        directory_name: directory.and_then(|directory| text(directory.computer_distinguished_name.as_ref())),
        cloud: agent.cloud_providers.and_then(|providers| {
            let names: Vec<_> = providers.fields().filter_map(Result::ok).map(|(name, _)| name.into_owned()).collect();
            (!names.is_empty()).then(|| names.join(","))
        }),
        first_seen: at(agent.created_at),
        last_seen: at(agent.last_active_date),
        booted_at: at(agent.os_start_time),
        active: agent.is_active,
        infected: agent.infected,
        active_threats: agent.active_threats,
        edr: "SentinelOne",
        state: state(agent),
        agent_version: text(agent.agent_version.as_ref()),
        agent_uuid: text(agent.uuid.as_ref()),
        registered_at: at(agent.registered_at),
        updated_at: at(agent.updated_at),
        current: agent.is_up_to_date,
        mitigation_mode: word(agent.mitigation_mode.as_ref(), |mode| mode.as_str()),
        mitigation_mode_suspicious: word(agent.mitigation_mode_suspicious.as_ref(), |mode| mode.as_str()),
        detection_state: text(agent.detection_state.as_ref()),
        operational_state: text(agent.operational_state.as_ref()),
        network_status: word(agent.network_status.as_ref(), |status| status.as_str()),
        scan_status: word(agent.scan_status.as_ref(), |status| status.as_str()),
        scan_started_at: at(agent.scan_started_at),
        scan_finished_at: at(agent.scan_finished_at),
        firewall: agent.firewall_enabled,
        encrypted: agent.encrypted_applications,
        remote_shell: agent.allow_remote_shell,
        reboot_required: agent.threat_reboot_required,
        apps_status: word(agent.apps_vulnerability_status.as_ref(), |status| status.as_str()),
        migration_status: word(agent.console_migration_status.as_ref(), |status| status.as_str()),
        installer: text(agent.installer_type.as_ref()),
        ranger_status: word(agent.ranger_status.as_ref(), |status| status.as_str()),
        ranger_version: text(agent.ranger_version.as_ref()),
        console: ConsoleScope {
            account_id: id(agent.account_id.as_ref()),
            account: text(agent.account_name.as_ref()),
            site_id: id(agent.site_id.as_ref()),
            site: text(agent.site_name.as_ref()),
            group_id: id(agent.group_id.as_ref()),
            group: text(agent.group_name.as_ref()),
        },
        external_ip: agent.external_ip.as_deref().and_then(address),
        interfaces: agent.network_interfaces.iter().flatten().map(interface).collect(),
        addresses: agent.last_ip_to_mgmt.as_deref().and_then(address).into_iter().collect(),
        tags: agent
            .tags
            .iter()
            .flat_map(|tags| tags.sentinelone.iter().flatten())
            .filter_map(|tag| {
                let key = text(tag.key.as_ref())?;
                Some(Tag { key, value: text(tag.value.as_ref()).unwrap_or_default() })
            })
            .collect(),
        needs: words(agent.user_actions_needed.as_deref().unwrap_or_default()),
        name,
    }
}

/// Where an agent is in its life; unknown if the console says neither yes nor no.
fn state(agent: &Agent<'_>) -> Option<AgentState> {
    if agent.is_uninstalled == Some(true) {
        Some(AgentState::Uninstalled)
    } else if agent.is_decommissioned == Some(true) {
        Some(AgentState::Decommissioned)
    } else if agent.is_pending_uninstall == Some(true) {
        Some(AgentState::Pending)
    } else {
        agent.is_active.map(|active| if active { AgentState::Active } else { AgentState::Offline })
    }
}

/// The console writes `none` where there is nothing.
fn words(values: &[Cow<'_, str>]) -> Vec<String> {
    values.iter().filter(|value| *value != "none").filter_map(|value| text(Some(value))).collect()
}

fn interface(interface: &sentinelone::Interface<'_>) -> Interface {
    let addresses = interface.inet.iter().flatten().chain(interface.inet6.iter().flatten());
    Interface {
        name: text(interface.name.as_ref()),
        mac: interface.physical.as_deref().and_then(Mac::parse),
        addresses: addresses.filter_map(|text| address(text)).collect(),
        gateway_ip: interface.gateway_ip.as_deref().and_then(address),
        gateway_mac: interface.gateway_mac_address.as_deref().and_then(Mac::parse),
    }
}

fn finding(threat: &Threat<'_>) -> FindingNoun {
    let info = threat.threat_info.clone().unwrap_or_default();
    let then = threat.agent_detection_info.clone().unwrap_or_default();
    let now = threat.agent_realtime_info.clone().unwrap_or_default();
    let os = joined(&[&text(then.agent_os_name.as_ref()), &text(then.agent_os_revision.as_ref())])
        .or_else(|| joined(&[&text(now.agent_os_name.as_ref()), &text(now.agent_os_revision.as_ref())]));
    FindingNoun {
        name: text(info.threat_name.as_ref()),
        kind: Some("threat".to_owned()),
        classification: text(info.classification.as_ref()),
        classification_source: word(info.classification_source.as_ref(), |source| source.as_str()),
        detection_type: word(info.detection_type.as_ref(), |kind| kind.as_str()),
        confidence: word(info.confidence_level.as_ref(), |level| level.as_str()),
        verdict: word(info.analyst_verdict.as_ref(), |verdict| verdict.as_str()),
        status: word(info.incident_status.as_ref(), |status| status.as_str()),
        mitigation: word(info.mitigation_status.as_ref(), |status| status.as_str()),
        initiated_by: word(info.initiated_by.as_ref(), |by| by.as_str()),
        fileless: info.is_fileless,
        auto_resolved: info.automatically_resolved,
        failed_actions: info.failed_actions,
        pending_actions: info.pending_actions,
        reboot_required: info.reboot_required,
        file_path: text(info.file_path.as_ref()),
        file_size: info.file_size,
        sha1: lower(info.sha1.as_ref()),
        sha256: lower(info.sha256.as_ref()),
        md5: lower(info.md5.as_ref()),
        publisher: text(info.publisher_name.as_ref()),
        signature: text(info.file_verification_type.as_ref()),
        process: text(info.originator_process.as_ref()),
        process_user: text(info.process_user.as_ref()),
        command: text(info.malicious_process_arguments.as_ref()),
        storyline: text(info.storyline.as_ref()),
        ticket: id(info.external_ticket_id.as_ref()),
        agent_id: id(now.agent_id.as_ref()),
        agent_uuid: text(then.agent_uuid.as_ref()).or_else(|| text(now.agent_uuid.as_ref())),
        agent_name: text(now.agent_computer_name.as_ref()),
        agent_os: os,
        agent_os_family: word(now.agent_os_type.as_ref(), |family| family.as_str()),
        agent_type: word(now.agent_machine_type.as_ref(), |kind| kind.as_str()),
        agent_version: text(then.agent_version.as_ref()).or_else(|| text(now.agent_version.as_ref())),
        console: finding_scope(&then, &now),
        identified_at: at(info.identified_at),
        created_at: at(info.created_at),
        updated_at: at(info.updated_at),
        engines: engines(&info),
        techniques: techniques(threat),
        actions: threat
            .mitigation_status
            .iter()
            .flatten()
            .map(|taken| FindingAction {
                action: word(taken.action.as_ref(), |action| action.as_str()),
                status: word(taken.status.as_ref(), |status| status.as_str()),
                updated_at: at(taken.last_update),
            })
            .collect(),
    }
}

/// Where it was found: as it was then, or, for old threats whose detection info is all null, where the agent is now.
fn finding_scope(then: &AgentDetectionInfo<'_>, now: &AgentRealtimeInfo<'_>) -> ConsoleScope {
    ConsoleScope {
        account_id: id(then.account_id.as_ref()).or_else(|| id(now.account_id.as_ref())),
        account: text(then.account_name.as_ref()).or_else(|| text(now.account_name.as_ref())),
        site_id: id(then.site_id.as_ref()).or_else(|| id(now.site_id.as_ref())),
        site: text(then.site_name.as_ref()).or_else(|| text(now.site_name.as_ref())),
        group_id: id(then.group_id.as_ref()).or_else(|| id(now.group_id.as_ref())),
        group: text(then.group_name.as_ref()).or_else(|| text(now.group_name.as_ref())),
    }
}

/// Keys of the engines; consoles of an older kind send only their display titles.
fn engines(info: &ThreatInfo<'_>) -> Vec<String> {
    let keys: Vec<String> =
        info.detection_engines.iter().flatten().filter_map(|engine| text(engine.key.as_ref())).collect();
    if keys.is_empty() {
        return info.engines.iter().flatten().filter_map(|title| text(Some(title))).collect();
    }
    keys
}

/// Tactics and techniques of all indicators, each once, in order.
fn techniques(threat: &Threat<'_>) -> Vec<Technique> {
    let mut found = Vec::new();
    for tactic in threat.indicators.iter().flatten().flat_map(|indicator| indicator.tactics.iter().flatten()) {
        let Some(name) = text(tactic.name.as_ref()) else { continue };
        let techniques: Vec<_> =
            tactic.techniques.iter().flatten().filter_map(|technique| text(technique.name.as_ref())).collect();
        if techniques.is_empty() {
            found.push(Technique { tactic: name, technique: None });
        } else {
            let all =
                techniques.into_iter().map(|technique| Technique { tactic: name.clone(), technique: Some(technique) });
            found.extend(all);
        }
    }
    found.sort();
    found.dedup();
    found
}

fn activity(activity: &Activity<'_>) -> ActivityNoun {
    ActivityNoun {
        type_: activity.activity_type,
        type_name: None,
        description: text(activity.primary_description.as_ref()),
        detail: text(activity.secondary_description.as_ref()),
        comment: text(activity.comments.as_ref()),
        os_family: word(activity.os_family.as_ref(), |family| family.as_str()),
        hash: lower(activity.hash.as_ref()),
        agent_id: id(activity.agent_id.as_ref()),
        threat_id: id(activity.threat_id.as_ref()),
        user_id: id(activity.user_id.as_ref()),
        console: ConsoleScope {
            account_id: id(activity.account_id.as_ref()),
            account: text(activity.account_name.as_ref()),
            site_id: id(activity.site_id.as_ref()),
            site: text(activity.site_name.as_ref()),
            group_id: id(activity.group_id.as_ref()),
            group: text(activity.group_name.as_ref()),
        },
        created_at: at(activity.created_at),
    }
}

fn account(account: &Account<'_>) -> AccountNoun {
    AccountNoun {
        name: text(account.name.as_ref()),
        state: word(account.state.as_ref(), |state| state.as_str()),
        account_type: word(account.account_type.as_ref(), |kind| kind.as_str()),
        usage_type: word(account.usage_type.as_ref(), |kind| kind.as_str()),
        billing_mode: word(account.billing_mode.as_ref(), |mode| mode.as_str()),
        is_default: account.is_default,
        active_agents: account.active_agents,
        site_count: account.number_of_sites,
        total_licenses: account.total_licenses,
        unlimited_expiration: account.unlimited_expiration,
        expires_at: at(account.expiration),
        external_id: id(account.external_id.as_ref()),
        creator: text(account.creator.as_ref()),
        created_at: at(account.created_at),
        updated_at: at(account.updated_at),
    }
}

fn site(site: &Site<'_>) -> ConsoleSiteNoun {
    ConsoleSiteNoun {
        name: text(site.name.as_ref()),
        account_id: id(site.account_id.as_ref()),
        account: text(site.account_name.as_ref()),
        state: word(site.state.as_ref(), |state| state.as_str()),
        site_type: word(site.site_type.as_ref(), |kind| kind.as_str()),
        suite: word(site.suite.as_ref(), |suite| suite.as_str()),
        sku: word(site.sku.as_ref(), |sku| sku.as_str()),
        usage_type: word(site.usage_type.as_ref(), |kind| kind.as_str()),
        is_default: site.is_default,
        healthy: site.health_status,
        active_licenses: site.active_licenses,
        total_licenses: site.total_licenses,
        unlimited_licenses: site.unlimited_licenses,
        unlimited_expiration: site.unlimited_expiration,
        expires_at: at(site.expiration),
        external_id: id(site.external_id.as_ref()),
        description: text(site.description.as_ref()),
        creator: text(site.creator.as_ref()),
        created_at: at(site.created_at),
        updated_at: at(site.updated_at),
    }
}

fn group(group: &Group<'_>) -> ConsoleGroupNoun {
    ConsoleGroupNoun {
        name: text(group.name.as_ref()),
        site_id: id(group.site_id.as_ref()),
        group_type: word(group.kind.as_ref(), |kind| kind.as_str()),
        rank: group.rank,
        filter_id: id(group.filter_id.as_ref()),
        filter_name: text(group.filter_name.as_ref()),
        inherits: group.inherits,
        is_default: group.is_default,
        total_agents: group.total_agents,
        description: text(group.description.as_ref()),
        creator: text(group.creator.as_ref()),
        created_at: at(group.created_at),
        updated_at: at(group.updated_at),
    }
}

fn policy(policy: &Policy<'_>, endpoint: Endpoint, asked: Asked<'_>) -> PolicyNoun {
    let level = match endpoint {
        Endpoint::TenantPolicy => "tenant",
        Endpoint::AccountPolicy => "account",
        Endpoint::SitePolicy => "site",
        _ => "group",
    };
    let name = asked.scope_name.or(asked.scope_id).map_or_else(|| level.to_owned(), |scope| format!("{level} {scope}"));
    let ui = policy.agent_ui.as_ref();
    PolicyNoun {
        level: Some(level.to_owned()),
        scope_id: asked.scope_id.map(str::to_owned),
        name: Some(name),
        inherited_from: word(policy.inherited_from.as_ref(), |from| from.as_str()),
        is_default: policy.is_default,
        mitigation_mode: word(policy.mitigation_mode.as_ref(), |mode| mode.as_str()),
        mitigation_mode_suspicious: word(policy.mitigation_mode_suspicious.as_ref(), |mode| mode.as_str()),
        auto_mitigation: text(policy.auto_mitigation_action.as_ref()),
        anti_tampering: policy.anti_tampering_on,
        snapshots: policy.snapshots_on,
        network_quarantine: policy.network_quarantine_on,
        scan_new_agents: policy.scan_new_agents,
        cloud_validation: policy.cloud_validation_on,
        remote_shell: policy.allow_remote_shell,
        auto_decommission: policy.auto_decommission_on,
        auto_decommission_days: policy.auto_decommission_days,
        agent_logging: policy.agent_logging_on,
        agent_ui: policy.agent_ui_on.or_else(|| ui.and_then(|ui| ui.agent_ui_on)),
        agent_notification: policy.agent_notification,
        monitor_on_execute: policy.monitor_on_execute,
        monitor_on_write: policy.monitor_on_write,
        signed_driver_blocking: policy.signed_driver_blocking_on,
        unsigned_driver_blocking: policy.unsigned_driver_blocking_on,
        remove_macros: policy.remove_macros,
        identity: policy.identity_on,
        deep_visibility: policy.ioc,
        created_at: at(policy.created_at),
        updated_at: at(policy.updated_at),
        // Every engine the console names, those of a newer version too.
        engines: policy
            .engines
            .as_ref()
            .map(|engines| {
                let named = engines.raw.fields().filter_map(Result::ok);
                named
                    .filter_map(|(engine, mode)| {
                        Some(PolicyEngine { engine: text(Some(&engine))?, mode: text(mode.text().as_ref())? })
                    })
                    .collect()
            })
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent_of(raw: &str) -> AgentNoun {
        match translate(Endpoint::Agents, raw.as_bytes(), Asked::default()) {
            Ok((Noun::Agent(agent), _)) => agent,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn none_in_all_its_spellings_is_nothing() {
        let agent = agent_of(
            r#"{"id":"1","externalId":"","licenseKey":"","lastLoggedInUserName":"","serialNumber":null,"groupIp":"75.231.254.x",
                "externalIp":"75.231.254.x","cloudProviders":{},"userActionsNeeded":["none"],"infected":null,"coreCount":"four"}"#,
        );
        assert_eq!((agent.user, agent.serial, agent.cloud), (None, None, None));
        assert_eq!((agent.external_ip, agent.infected, agent.core_count), (None, None, None));
        assert!(agent.needs.is_empty());
        assert_eq!(agent.state, None, "neither yes nor no");
    }

    #[test]
    fn a_removed_agent_is_removed_whatever_else_it_says() {
        let of = |raw| agent_of(raw).state;
        assert_eq!(of(r#"{"isActive":true,"isDecommissioned":true}"#), Some(AgentState::Decommissioned));
        assert_eq!(
            of(r#"{"isActive":false,"isUninstalled":true,"isDecommissioned":true}"#),
            Some(AgentState::Uninstalled)
        );
        assert_eq!(of(r#"{"isActive":true,"isPendingUninstall":true}"#), Some(AgentState::Pending));
        assert_eq!(of(r#"{"isActive":false}"#), Some(AgentState::Offline));
    }

    #[test]
    fn an_unknown_word_is_kept_and_nul_is_left_for_the_inventory_to_count() {
        let agent = agent_of(r#"{"machineType":"toaster","computerName":"A\u0000B","domain":"corp.example.net"}"#);
        assert_eq!(agent.type_.as_deref(), Some("toaster"));
        assert_eq!(agent.name.as_deref(), Some("A\0B"));
        assert_eq!(agent.names.len(), 2);
    }

    #[test]
    fn a_threats_times_come_from_inside_and_its_engines_by_key() {
        let raw = r#"{"id":"7","threatInfo":{"updatedAt":"2026-01-01T00:00:00Z","sha1":"ABC","engines":["Static AI"],
            "detectionEngines":[{"key":"pre_execution","title":"Static AI"}]},"agentDetectionInfo":{"siteName":null},
            "agentRealtimeInfo":{"agentId":"9","siteName":"HQ"},
            "indicators":[{"tactics":[{"name":"Persistence","techniques":[{"name":"T1547"},{"name":"T1547"}]}]}]}"#;
        let Ok((Noun::Finding(finding), updated_at)) = translate(Endpoint::Threats, raw.as_bytes(), Asked::default())
        else {
            panic!("a threat is a finding")
        };
        assert_eq!(updated_at, Timestamp::parse("2026-01-01T00:00:00Z").ok());
        assert_eq!(finding.engines, ["pre_execution"]);
        assert_eq!((finding.sha1.as_deref(), finding.console.site.as_deref()), (Some("abc"), Some("HQ")));
        assert_eq!(finding.techniques.len(), 1);
    }

    #[test]
    fn a_policy_is_named_after_what_it_is_for() {
        let asked = Asked { scope_id: Some("225"), scope_name: Some("Store kiosks") };
        let raw = r#"{"engines":{"preExecution":"on","brandNew":"off"},"mitigationMode":"detect"}"#;
        let Ok((Noun::Policy(policy), _)) = translate(Endpoint::SitePolicy, raw.as_bytes(), asked) else {
            panic!("a policy is a policy")
        };
        assert_eq!((policy.level.as_deref(), policy.name.as_deref()), (Some("site"), Some("site Store kiosks")));
        assert_eq!(policy.engines.len(), 2);
    }

    #[test]
    fn what_is_no_object_has_a_reason() {
        assert!(translate(Endpoint::Agents, b"[1]", Asked::default()).is_err());
    }
}
