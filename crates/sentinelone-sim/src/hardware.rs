//! What a machine is made of: serial number, maker, network cards, and the addresses they have.

use crate::catalog::{Family, MAC_MODELS, MODELS, PROFILES, SERVER_MODELS};
use crate::draw::{Dice, mix};
use crate::state::{State, salt};
use crate::text::hex;

/// How a network card says who made it: its first three bytes.
pub(crate) type Maker = [u8; 3];

/// The first bytes of the network cards that come with a model, found by how the model's name begins.
const MAKERS: [(&str, Maker); 9] = [
    ("LENOVO", [0x8c, 0x8c, 0xaa]),
    ("Dell", [0xd4, 0xbe, 0xd9]),
    ("HPE", [0x94, 0x40, 0xc9]),
    ("HP", [0x3c, 0x52, 0x82]),
    ("Micro-Star", [0x04, 0x7c, 0x16]),
    ("VMware", [0x00, 0x0c, 0x29]),
    ("Microsoft", [0x00, 0x15, 0x5d]),
    ("QEMU", [0x52, 0x54, 0x00]),
    ("Mac", [0xa4, 0x83, 0xe7]),
];

/// The card of a cloud instance: administered by the cloud, not by a maker.
const CLOUD: Maker = [0x06, 0x2f, 0x9a];

/// The card of a wireless network, in any laptop.
const WIRELESS: Maker = [0xdc, 0x21, 0x5c];

/// The cards of routers.
pub(crate) const ROUTER: Maker = [0x00, 0x1e, 0xf7];

/// The cards of docking stations.
pub(crate) const DOCK: Maker = [0x00, 0xe0, 0x4c];

/// Where the addresses of agents, of what network discovery sees, and of what only a scan sees begin: `10.N.0.0`.
pub(crate) const AGENTS: u8 = 20;
pub(crate) const DEVICES: u8 = 90;
pub(crate) const STRANGERS: u8 = 140;

/// Hosts of one subnet of 256 addresses that are dealt out.
const SEATS: u64 = 250;

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) name: &'static str,
    pub(crate) mac: [u8; 6],
    pub(crate) address: Option<[u8; 4]>,
}

/// What a machine is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hardware {
    pub(crate) model: String,
    /// The serial number as the console has it.
    pub(crate) serial: Option<String>,
    /// The first is the one that the network sees.
    pub(crate) cards: Vec<Card>,
}

/// The n-th address of a range; no two numbers below 1.28 million share one.
pub(crate) const fn seat(base: u8, number: u64) -> [u8; 4] {
    // An odd prime that divides no number of seats: neighbours by number are no neighbours by address.
    let number = number.wrapping_mul(7919) % (20 * 256 * SEATS);
    [10, base + (number / (256 * SEATS)) as u8, (number / SEATS % 256) as u8, 2 + (number % SEATS) as u8]
}

/// The router of an address's subnet.
pub(crate) const fn gateway(address: [u8; 4]) -> [u8; 4] {
    [address[0], address[1], address[2], 1]
}

/// The card of that router, which everything in the subnet sees.
pub(crate) const fn gateway_mac(address: [u8; 4]) -> [u8; 6] {
    [ROUTER[0], ROUTER[1], ROUTER[2], 0, address[1], address[2]]
}

/// The n-th card of a maker; no two numbers below 2^24 share one.
pub(crate) fn card(maker: Maker, seed: u64, number: u64) -> [u8; 6] {
    let low = number.wrapping_mul(0x9e_37b1).wrapping_add(mix(seed)).to_be_bytes();
    [maker[0], maker[1], maker[2], low[5], low[6], low[7]]
}

/// A hardware address as six pairs of digits.
pub(crate) fn mac_text(mac: [u8; 6], separator: char, upper: bool) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(17);
    for (nth, byte) in mac.iter().enumerate() {
        if nth > 0 {
            out.push(separator);
        }
        let written = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        written.expect("writing to a String never fails");
    }
    out
}

impl State {
    /// Decides which odd values an agent's record has.
    pub(crate) fn odd(&self, index: usize) -> u64 {
        if self.oddities { Dice::new(self.seed, salt::AGENT_BODY, index as u64).below(1000) } else { 1000 }
    }

    /// What an agent's machine is made of, as the agent reports it.
    pub(crate) fn hardware(&self, index: usize) -> Hardware {
        let plant = self.agents[index].plant.as_deref();
        // A second agent on one machine reports the first one's hardware.
        let body = plant.map_or(index, |plant| plant.body as usize);
        let agent = &self.agents[body];
        let profile = &PROFILES[usize::from(agent.profile)];
        let mut dice = Dice::new(self.seed, salt::HARDWARE, body as u64);
        let laptop = agent.machine == 1;
        let model = match profile.family {
            Family::Mac => (*dice.pick(&MAC_MODELS)).to_owned(),
            Family::Node => "Amazon EC2 - m5.xlarge".to_owned(),
            Family::Server | Family::LinuxServer => (*dice.pick(&SERVER_MODELS)).to_owned(),
            _ => MODELS[if laptop { dice.index(4) } else { 4 + dice.index(4) }].0.to_owned(),
        };
        let serial = hex(&mut dice, 8).to_uppercase();
        let second = dice.per_mille(350);
        let model = plant.and_then(|plant| plant.model.clone()).unwrap_or(model);
        let serial = match plant.and_then(|plant| plant.serial.clone()) {
            Some(serial) => serial,
            None if plant.is_some() => Some(serial),
            None => match self.odd(index) % 20 {
                0 => None,
                1 => Some(String::new()),
                _ => Some(serial),
            },
        };
        let known = MAKERS.iter().find(|(begins, _)| model.starts_with(begins));
        let maker = known.map_or(CLOUD, |(_, maker)| *maker);
        let own = |nth: u64, maker| card(maker, self.seed, body as u64 * 4 + nth);
        let address = self.address(index);
        let mut cards = vec![Card {
            name: match profile.os_type {
                "macos" => "en0",
                "linux" => "eth0",
                _ => "Ethernet",
            },
            mac: plant.and_then(|plant| plant.mac).unwrap_or_else(|| own(0, maker)),
            address: Some(address),
        }];
        if second {
            cards.push(match profile.os_type {
                "macos" => {
                    Card { name: "utun3", mac: own(1, [0x02, 0, 0]), address: Some([100, 64, address[2], address[3]]) }
                }
                "linux" => {
                    Card { name: "docker0", mac: [0x02, 0x42, 0xac, 0x11, 0, 1], address: Some([172, 17, 0, 1]) }
                }
                _ => Card { name: "Wi-Fi", mac: own(1, WIRELESS), address: None },
            });
        }
        if let Some(plant) = plant {
            cards.extend(plant.cards.iter().cloned());
        }
        Hardware { model, serial, cards }
    }

    /// The address that an agent reports.
    pub(crate) fn address(&self, index: usize) -> [u8; 4] {
        let plant = self.agents[index].plant.as_deref();
        plant.and_then(|plant| plant.address).unwrap_or_else(|| seat(AGENTS, index as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_machines_share_an_address_or_a_card() {
        let addresses: HashSet<_> = (0..300_000).map(|number| seat(AGENTS, number)).collect();
        assert_eq!(addresses.len(), 300_000);
        let cards: HashSet<_> = (0..300_000).map(|number| card(DOCK, 7, number)).collect();
        assert_eq!(cards.len(), 300_000);
        assert_eq!(mac_text([0, 0x1e, 0xf7, 0, 20, 255], '-', true), "00-1E-F7-00-14-FF");
    }
}
