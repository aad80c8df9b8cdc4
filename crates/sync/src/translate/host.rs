//! Machines of files: what a scan or a list says of one becomes a noun.

use inventory::Reason;
use inventory::noun::{Address, CloudId, Grade, Interface, Mac, MachineNoun, Name, Noun, ServiceNoun, Tag};
use kernel::Timestamp;

use crate::import::SCAN;
use crate::import::host::{Host, HostAddress};

/// Translates the record of a machine that a file told of; also says when its source last saw it.
///
/// # Errors
/// The record is none that an import made.
pub fn host(raw: &[u8]) -> Result<(Noun, Option<Timestamp>), Reason> {
    let host: Host = serde_json::from_slice(raw).map_err(|error| Reason(error.to_string()))?;
    let last_seen = instant(host.last_seen.as_deref());
    Ok((Noun::Machine(machine(host)), last_seen))
}

fn instant(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| Timestamp::parse(text).ok())
}

fn machine(host: Host) -> MachineNoun {
    let last_seen = instant(host.last_seen.as_deref());
    let interfaces = host
        .macs
        .iter()
        .filter_map(|mac| Mac::parse(&mac.mac).map(|mac| Interface { mac: Some(mac), ..Interface::default() }));
    // When the record was last seen, which moves without the record changing.
    let address = |address: &HostAddress| Address { ip: address.ip, measured: address.measured, observed_at: None };
    let services = host.services.into_iter().map(|service| ServiceNoun {
        ip: service.ip,
        port: service.port,
        transport: service.transport,
        protocol: service.protocol,
        product: service.product,
        version: service.version,
        banner: service.banner,
        seen_at: None,
    });
    let hw = host.hw.or_else(|| match (&host.manufacturer, &host.model) {
        (Some(maker), Some(model)) => Some(format!("{maker} - {model}")),
        (maker, model) => model.clone().or_else(|| maker.clone()),
    });
    let owner = host.owner.map(|owner| ("owner".to_owned(), owner));
    let cloud = host.cloud.unwrap_or_default();
    let cloud_id = cloud.instance.map(|instance| CloudId {
        provider: cloud.provider.clone().unwrap_or_default(),
        account: cloud.account,
        instance,
    });
    let is_scan = host.source == SCAN;
    MachineNoun {
        grade: if is_scan { Grade::Scan } else { Grade::List },
        names: host.names.into_iter().map(|name| Name { kind: kind(&name.kind), text: name.name }).collect(),
        interfaces: interfaces.collect(),
        addresses: host.addresses.iter().map(address).collect(),
        source: host.source.into(),
        name: host.name,
        type_: host.type_,
        os: host.os,
        os_family: host.os_family,
        os_version: host.os_version,
        hw,
        hw_vendor: host.manufacturer.clone(),
        manufacturer: host.manufacturer,
        model: host.model,
        serial: host.serial,
        asset_tag: host.asset_tag,
        domain: host.domain,
        user: host.user,
        cloud: cloud.provider,
        cloud_id,
        first_seen: instant(host.first_seen.as_deref()),
        last_seen,
        tags: host.tags.into_iter().map(|tag| Tag { key: tag.key, value: tag.value }).collect(),
        services: services.collect(),
        custom: owner.into_iter().chain(host.columns).collect(),
        ..MachineNoun::default()
    }
}

/// The kinds of names that the inventory knows.
fn kind(kind: &str) -> &'static str {
    match kind {
        "computer" => "computer",
        "fqdn" => "fqdn",
        "dns" => "dns",
        "service" => "service",
        _ => "given",
    }
}
