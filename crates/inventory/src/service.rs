//! Services: what answered on which port of which machine, as a scan saw it.

use std::collections::BTreeMap;

use kernel::{Value, fold};

use crate::machine::ServiceNoun;
use crate::noun::ip_bytes;
use crate::out::{Child, Out};

/// Bits of a service's id below those of its record: 16 for the port, 2 for the transport, 6 for the address.
const PLACE_BITS: u32 = 24;

/// Addresses of one record whose services are told apart.
const ADDRESSES_MAX: usize = 1 << 6;

/// Services of one record that become rows. Who answers on more ports answers on all of them.
const SERVICES_MAX: usize = 4_096;

/// The id of what answers there: it stays when the machine is scanned again, as long as its addresses do.
fn id(record: i64, address: usize, transport: &str, port: u16) -> i64 {
    let transport = match transport {
        "tcp" => 0,
        "udp" => 1,
        "sctp" => 2,
        _ => 3,
    };
    let address = i64::try_from(address).unwrap_or_default();
    (record << PLACE_BITS) | (address << 18) | (transport << 16) | i64::from(port)
}

/// Writes the services of a record, in the order of their ids.
pub(crate) fn write(services: Vec<ServiceNoun>, out: &mut Out) {
    let mut addresses: Vec<[u8; 16]> = services.iter().map(|service| ip_bytes(service.ip)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(ADDRESSES_MAX);
    let mut rows = BTreeMap::new();
    for service in services {
        let ip = ip_bytes(service.ip);
        if let Ok(at) = addresses.binary_search(&ip)
            && rows.len() < SERVICES_MAX
        {
            rows.entry(id(out.record(), at, &service.transport, service.port)).or_insert((ip, service));
        }
    }
    for (id, (ip, service)) in rows {
        let mut term = |dictionary, text: Option<String>| text.and_then(|text| out.intern(dictionary, text)).into();
        let transport = term("transport", Some(service.transport));
        let protocol = term("protocol", service.protocol);
        let product = term("service_product", service.product);
        let version = term("version", service.version);
        let banner = service.banner.map(|banner| out.clean_name(banner));
        // As everywhere, the fold is kept only where the database's own would be another.
        let folded = banner.as_deref().filter(|banner| !banner.is_ascii()).map(|banner| fold(banner).into_owned());
        let values: [Value; 9] = [
            id.into(),
            ip.to_vec().into(),
            i64::from(service.port).into(),
            transport,
            protocol,
            product,
            version,
            banner.into(),
            folded.into(),
        ];
        out.child(Child::Service, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_record_are_distinct_and_lie_between_those_of_its_neighbours() {
        let mut ids = Vec::new();
        for address in [0, 1, ADDRESSES_MAX - 1] {
            for transport in ["tcp", "udp", "sctp", "ip"] {
                ids.extend([0, 1, 80, u16::MAX].map(|port| id(7, address, transport, port)));
            }
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(id(6, ADDRESSES_MAX - 1, "ip", u16::MAX) < ids[0] && ids[count - 1] < id(8, 0, "tcp", 0));
    }
}
