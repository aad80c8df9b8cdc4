//! Agents.

use std::borrow::Cow;

use inventory::noun::{Address, AgentState, ConsoleScope, Grade, Interface, Mac, MachineNoun, Name, Tag};
use sentinelone::Agent;

use super::{address, at, id, joined, text, word};

pub(super) fn agent(agent: &Agent<'_>) -> MachineNoun {
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
    MachineNoun {
        grade: Grade::Agent,
        source: inventory::catalogue::SENTINELONE.into(),
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
        addresses: agent.last_ip_to_mgmt.as_deref().and_then(address).map(Address::reported).into_iter().collect(),
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
        ..MachineNoun::default()
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
