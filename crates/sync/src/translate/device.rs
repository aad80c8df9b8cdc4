//! Devices that agents see on their networks, and the machines of the console's unified list.
//!
//! What they say is hearsay: grade discovery, every address secondary. A device that carries an agent names it, and so
//! joins the agent's asset. The unified list names other devices by the id that network discovery gave them; both say
//! that id (`NDI:..`), so that they are one.

use std::borrow::Cow;

use inventory::noun::{Address, CloudId, ConsoleScope, Grade, Interface, Mac, MachineNoun, Name, Noun, Tag};
use sentinelone::{Asset, AssetCategory, RangerDevice};

use super::{address, at, id, joined, text};

/// What stands before the id of a device of network discovery.
const DISCOVERED: &str = "NDI:";

/// What stands before the ids of console and agent.
const GUARDED: &str = "EPP:";

/// A device that agents see on their network.
pub(super) fn device(device: &RangerDevice<'_>) -> MachineNoun {
    let hostnames = device.hostnames.as_deref().unwrap_or_default();
    let domain = text(device.domain.as_ref());
    let ips = device.local_ip.iter().chain(device.ip_addresses.iter().flatten());
    let agent = known(id(device.agent_id.as_ref()));
    let (os_name, os_version) = (known(text(device.os_name.as_ref())), known(text(device.os_version.as_ref())));
    MachineNoun {
        names: names(hostnames, domain.as_deref()),
        name: hostnames.iter().find_map(|name| text(Some(name))),
        type_: type_of(device.device_type.as_ref()).or_else(|| type_of(device.device_function.as_ref())),
        os_family: family(device.os_type.as_ref()),
        os: joined(&[&os_name, &os_version]),
        os_name,
        os_version,
        manufacturer: known(text(device.manufacturer.as_ref())),
        domain,
        first_seen: at(device.first_seen),
        last_seen: at(device.last_seen),
        // Whether a machine with an agent is there, its agent knows better.
        active: (agent.is_none() && device.last_seen.is_some()).then_some(true),
        agent_id: agent.or_else(|| Some(format!("{DISCOVERED}{}", id(device.id.as_ref())?))),
        console: ConsoleScope { site: text(device.site_name.as_ref()), ..ConsoleScope::default() },
        external_ip: device.external_ip.as_deref().and_then(address),
        interfaces: vec![Interface {
            name: None,
            mac: device.mac_address.as_deref().and_then(Mac::parse),
            addresses: ips.filter_map(|ip| address(ip)).collect(),
            gateway_ip: device.gateway_ip_address.as_deref().and_then(address),
            gateway_mac: device.gateway_mac_address.as_deref().and_then(Mac::parse),
        }],
        tags: device
            .tags
            .iter()
            .flatten()
            .filter_map(|tag| Some(Tag { key: text(tag.name.as_ref())?, value: String::new() }))
            .collect(),
        ..hearsay()
    }
}

/// A row of the unified list; only machines are projected, of identities, buckets and the rest the record is kept.
pub(super) fn asset(asset: &Asset<'_>) -> Noun {
    let machine = match &asset.category {
        Some(AssetCategory::Device | AssetCategory::Server | AssetCategory::Workstation) => true,
        _ => asset.agent.as_ref().is_some_and(|agent| agent.id.is_some()),
    };
    if !machine {
        return Noun::Plain;
    }
    let agent = asset.agent.as_deref();
    let said = agent.and_then(|agent| known(id(agent.id.as_ref())));
    let secondary = || asset.id_secondary.iter().flatten();
    let guarded = || secondary().find_map(|id| id.strip_prefix(GUARDED)?.rsplit(':').next().map(str::to_owned));
    let discovered = || secondary().find(|id| id.starts_with(DISCOVERED)).map(|id| id.clone().into_owned());
    // What is joined in of the agent moves without notice; its id among the others does not.
    let guard = guarded().or(said);
    // A device without a name is called by its address.
    let name = text(asset.name.as_ref());
    let addresses: Vec<Address> = name.as_deref().and_then(address).map(Address::reported).into_iter().collect();
    let name = name.filter(|name| address(name).is_none());
    let os_family = family(asset.resource_type.as_ref());
    let cloud_account =
        [&asset.cloud_provider_account_id, &asset.cloud_provider_subscription_id, &asset.cloud_provider_project_id];
    let provider = asset.cloud_provider_url_string.as_ref().and_then(|url| provider(url));
    Noun::Machine(MachineNoun {
        names: name.iter().map(|name| Name { kind: "computer", text: name.clone() }).collect(),
        name,
        type_: match &asset.category {
            Some(AssetCategory::Server) => Some("server".to_owned()),
            Some(AssetCategory::Workstation) if agent.is_none() => Some("desktop".to_owned()),
            // Which sort of workstation it is, its agent knows.
            Some(AssetCategory::Workstation) => None,
            _ => type_of(asset.sub_category.as_ref()),
        },
        os: os_family.as_deref().and_then(|_| text(asset.resource_type.as_ref())),
        os_family,
        hw: text(asset.model_name.as_ref()),
        model: text(asset.model_name.as_ref()),
        manufacturer: known(text(asset.manufacturer.as_ref())),
        serial: text(asset.serial_number.as_ref()),
        cpu: text(asset.cpu.as_ref()),
        user: text(asset.os_username.as_ref()),
        directory_name: asset.identity.as_ref().and_then(|it| text(it.ad_machine_distinguished_name.as_ref())),
        cloud_id: provider.zip(id(asset.cloud_resource_uid.as_ref())).map(|(provider, instance)| CloudId {
            provider,
            account: cloud_account.iter().find_map(|account| id(account.as_ref())),
            instance,
        }),
        first_seen: at(asset.first_seen_dt),
        last_seen: at(asset.last_active_dt),
        active: (guard.is_none() && asset.last_active_dt.is_some()).then_some(true),
        agent_uuid: agent.and_then(|agent| text(agent.uuid.as_ref())),
        agent_id: guard.or_else(discovered),
        console: ConsoleScope {
            account_id: id(asset.s1_account_id.as_ref()),
            account: text(asset.s1_account_name.as_ref()),
            site_id: id(asset.s1_site_id.as_ref()),
            site: text(asset.s1_site_name.as_ref()),
            group_id: id(asset.s1_group_id.as_ref()),
            group: text(asset.s1_group_name.as_ref()),
        },
        addresses,
        tags: asset
            .tags
            .iter()
            .flatten()
            .filter_map(|tag| {
                Some(Tag { key: text(tag.key.as_ref())?, value: text(tag.value.as_ref()).unwrap_or_default() })
            })
            .collect(),
        ..hearsay()
    })
}

fn hearsay() -> MachineNoun {
    MachineNoun { grade: Grade::Discovery, source: inventory::catalogue::SENTINELONE.into(), ..MachineNoun::default() }
}

fn names(hostnames: &[Cow<'_, str>], domain: Option<&str>) -> Vec<Name> {
    let mut names = Vec::new();
    for name in hostnames.iter().filter_map(|name| text(Some(name))) {
        if let Some(domain) = domain.filter(|domain| domain.contains('.') && !name.contains('.')) {
            names.push(Name { kind: "fqdn", text: format!("{name}.{domain}") });
        }
        names.push(Name { kind: if name.contains('.') { "fqdn" } else { "computer" }, text: name });
    }
    names
}

/// A word that says something: discovery writes `Unknown`, `0` and `N/A` where it does not know.
fn known(word: Option<String>) -> Option<String> {
    word.filter(|word| !["unknown", "0", "n/a", "none", "--"].contains(&word.trim().to_ascii_lowercase().as_str()))
}

/// What sort of machine it is, in the words of agents: a workstation is a desktop.
fn type_of(said: Option<&Cow<'_, str>>) -> Option<String> {
    let word = known(text(said))?.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "workstation" => "desktop".to_owned(),
        "notebook" => "laptop".to_owned(),
        "other device" | "other" => return None,
        _ => word,
    })
}

fn family(said: Option<&Cow<'_, str>>) -> Option<String> {
    let word = said?.trim().to_ascii_lowercase();
    match word.as_str() {
        "windows" | "linux" | "macos" | "windows_legacy" => Some(word),
        "osx" | "mac" | "os x" => Some("macos".to_owned()),
        _ => None,
    }
}

/// The cloud of a resource's address.
fn provider(url: &str) -> Option<String> {
    let clouds = [("amazon", "aws"), ("aws", "aws"), ("azure", "azure"), ("google", "gcp"), ("gcp", "gcp")];
    let url = url.to_ascii_lowercase();
    clouds.iter().find(|(mark, _)| url.contains(mark)).map(|(_, cloud)| (*cloud).to_owned())
}

#[cfg(test)]
mod tests {
    use sentinelone::Endpoint;

    use super::*;
    use crate::translate::{Asked, translate};

    fn noun(endpoint: Endpoint, raw: &str) -> Noun {
        translate(endpoint, raw.as_bytes(), Asked::default()).unwrap().0
    }

    fn machine(endpoint: Endpoint, raw: &str) -> MachineNoun {
        match noun(endpoint, raw) {
            Noun::Machine(machine) => machine,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rogue_device_is_hearsay_and_its_gateway_is_not_its_own() {
        let device = machine(
            Endpoint::RangerDevices,
            r#"{"id":"9","agentId":null,"deviceType":"Printer","osType":"","manufacturer":"Unknown","hostnames":["prn-7"],
                "domain":"corp.example.com","localIp":"10.0.0.7","ipAddresses":["10.0.0.7","10.0.0.8"],"macAddress":"00:00:5E:00:53:07",
                "gatewayMacAddress":"00:00:5E:00:53:01","externalIp":"203.0.113.7","lastSeen":"2026-01-01T00:00:00Z"}"#,
        );
        assert_eq!((device.grade, &*device.source), (Grade::Discovery, "sentinelone"));
        assert_eq!((device.type_.as_deref(), device.manufacturer, device.os_family), (Some("printer"), None, None));
        let names: Vec<_> = device.names.iter().map(|name| (name.kind, name.text.as_str())).collect();
        assert_eq!(names, [("fqdn", "prn-7.corp.example.com"), ("computer", "prn-7")]);
        assert_eq!(device.interfaces[0].mac, Mac::parse("00:00:5e:00:53:07"));
        assert_eq!(device.interfaces[0].gateway_mac, Mac::parse("00:00:5e:00:53:01"));
        assert!(device.addresses.is_empty(), "what was heard of is no measurement");
        assert_eq!((device.agent_id.as_deref(), device.active), (Some("NDI:9"), Some(true)));
    }

    #[test]
    fn a_device_that_carries_an_agent_names_it_and_leaves_it_to_say_whether_it_is_there() {
        let device = machine(Endpoint::RangerDevices, r#"{"id":"9","agentId":"77","lastSeen":"2026-01-01T00:00:00Z"}"#);
        assert_eq!((device.agent_id.as_deref(), device.active), (Some("77"), None));
        let of = |raw| machine(Endpoint::XdrAssets, raw);
        let asset = of(
            r#"{"id":"a","category":"Workstation","name":"LT-1","agent":{"id":"77","uuid":"u"},"resourceType":"Windows"}"#,
        );
        assert_eq!((asset.agent_id.as_deref(), asset.agent_uuid.as_deref()), (Some("77"), Some("u")));
        assert_eq!((asset.type_, asset.os_family.as_deref()), (None, Some("windows")));
        let asset = of(r#"{"id":"a","category":"Server","idSecondary":["EPP:1259:88"],"agent":{"id":""}}"#);
        assert_eq!((asset.agent_id.as_deref(), asset.type_.as_deref()), (Some("88"), Some("server")));
    }

    #[test]
    fn the_unified_list_and_network_discovery_say_the_same_id_of_a_device() {
        let asset = machine(
            Endpoint::XdrAssets,
            r#"{"id":"a","category":"Device","subCategory":"Printer","name":"10.0.0.7","idSecondary":["NDI:9"],"resourceType":"Printer"}"#,
        );
        assert_eq!((asset.agent_id.as_deref(), asset.name), (Some("NDI:9"), None));
        assert_eq!(asset.addresses, [Address::reported("10.0.0.7".parse().unwrap())]);
        assert_eq!((asset.type_.as_deref(), asset.os), (Some("printer"), None));
    }

    #[test]
    fn what_is_no_machine_is_kept_and_not_projected() {
        for category in ["Identity", "Storage", "Account", "Data Store", "Function"] {
            let raw = format!(r#"{{"id":"a","category":"{category}","name":"x"}}"#);
            assert_eq!(noun(Endpoint::XdrAssets, &raw), Noun::Plain, "{category}");
        }
        assert_eq!(noun(Endpoint::XdrAssets, r#"{"id":"a"}"#), Noun::Plain);
    }
}
