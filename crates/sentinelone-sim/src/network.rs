//! The network on which the fleet lives: every machine, whoever knows of it, and what a scan finds of it.

use std::collections::BTreeMap;

use crate::World;
use crate::agent::dotted;
use crate::cases::{Pointer, Stranger, kind};
use crate::catalog::{Family, PROFILES};
use crate::draw::{Dice, mix};
use crate::hardware::{Maker, STRANGERS, card, mac_text, seat};
use crate::nmap;
use crate::state::{State, salt};
use crate::text::{HOUR, MINUTE};

/// One in so many machines is seen by the scan alone.
const PLAIN_STRANGERS: u64 = 20;

/// How long before a scan an agent must have reported its address, so that address and name together tell whose host it is;
/// a little less than two hours, since a scan takes its time.
const FRESH: i64 = 2 * HOUR - 10 * MINUTE;

/// A part of the network that is scanned by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Where {
    /// Where all agents are.
    Main,
    /// A branch that uses the same addresses for other machines.
    Branch,
}

/// A host as a scan finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The part of the network.
    pub at: Where,
    /// Its IPv4 address, unique in that part.
    pub address: String,
    /// Its hardware address, lower case with colons; absent behind a router.
    pub mac: Option<String>,
    /// What the name server calls it.
    pub name: Option<String>,
    /// How many open ports it has.
    pub ports: usize,
    /// Why the rules do not say which machine it is; absent if they do.
    pub undecidable: Option<&'static str>,
    pub(crate) system: usize,
    /// The file names it twice.
    pub(crate) twice: bool,
}

/// One machine, and which records are about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// What it is called, for messages.
    pub name: String,
    /// The label of what was planted on it, as in [`crate::CASES`].
    pub case: Option<&'static str>,
    /// Whether it runs Windows.
    pub windows: bool,
    /// Whether it is a server.
    pub server: bool,
    /// Whether one of its agents is neither decommissioned nor uninstalled.
    pub protected: bool,
    /// Whether the agent that speaks for it detects only: one that is neither decommissioned nor uninstalled before the
    /// others, then the one that was heard of last.
    pub detects_only: bool,
    /// Ids of its agents: `GET /agents`.
    pub agents: Vec<String>,
    /// Its id as network discovery has it: `GET /ranger/table-view`.
    pub devices: Vec<String>,
    /// Its ids in the wider asset inventory: `GET /xdr/assets`.
    pub assets: Vec<String>,
    /// What a scan finds of it now.
    pub hosts: Vec<Host>,
}

impl Machine {
    /// Whether it is a Windows machine, no server, that no agent protects: what
    /// `os:windows and not type:server and not edr.name:SentinelOne` asks for.
    #[must_use]
    pub fn is_unprotected_workstation(&self) -> bool {
        self.windows && !self.server && !self.protected
    }

    /// Its hosts that the rules do not decide.
    pub fn undecidable(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.undecidable.is_some())
    }
}

/// Every machine of the network, at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The machines; those with agents first.
    pub machines: Vec<Machine>,
}

impl Network {
    /// How many hosts the scans find.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.machines.iter().map(|machine| machine.hosts.len()).sum()
    }

    /// How many of them the rules do not decide.
    #[must_use]
    pub fn undecidable(&self) -> usize {
        self.machines.iter().map(|machine| machine.undecidable().count()).sum()
    }

    /// How many open ports the scans find.
    #[must_use]
    pub fn services(&self) -> usize {
        self.machines.iter().flat_map(|machine| &machine.hosts).map(|host| host.ports).sum()
    }

    /// How many machines answer `os:windows and not type:server and not edr.name:SentinelOne` for somebody who has the
    /// console and the scans.
    #[must_use]
    pub fn unprotected_workstations(&self) -> usize {
        self.machines.iter().filter(|machine| machine.is_unprotected_workstation()).count()
    }

    /// How many undecidable hosts answer the same question beside their machines, each as an asset of its own.
    #[must_use]
    pub fn unprotected_undecidable(&self) -> usize {
        let workstations = self.machines.iter().filter(|machine| machine.windows && !machine.server);
        workstations.map(|machine| machine.undecidable().count()).sum()
    }
}

impl World {
    /// The whole network at the present instant: agents of the whole console, devices, and what only a scan sees.
    #[must_use]
    pub fn network(&self) -> Network {
        self.room().state.network()
    }

    /// A scan of a part of the network at the present instant, as nmap writes it (`-oX`).
    #[must_use]
    pub fn scan(&self, at: Where) -> String {
        let room = self.room();
        let network = room.state.network();
        let hosts = network.machines.iter().flat_map(|machine| &machine.hosts).filter(|host| host.at == at);
        nmap::xml(hosts, at, room.state.now)
    }
}

impl State {
    /// The agent that stands for the machine of an agent.
    pub(crate) fn machine_of(&self, agent: usize) -> u32 {
        self.agents[agent].plant.as_ref().map_or(agent as u32, |plant| plant.machine)
    }

    fn network(&self) -> Network {
        let mut machines: Vec<Machine> = Vec::with_capacity(self.agents.len());
        let mut places: BTreeMap<u32, usize> = BTreeMap::new();
        let mut speakers: BTreeMap<u32, (bool, i64)> = BTreeMap::new();
        for (index, agent) in self.agents.iter().enumerate().filter(|(_, agent)| !agent.gone) {
            let place = *places.entry(self.machine_of(index)).or_insert_with(|| {
                machines.push(Machine::default());
                machines.len() - 1
            });
            let machine = &mut machines[place];
            let absent = agent.decommissioned.is_some() || agent.uninstalled.is_some();
            let windows =
                self.os_type(agent).starts_with("windows") || self.os_name(agent).to_lowercase().contains("windows");
            machine.name = self.face(index).computer;
            machine.case = agent.plant.as_ref().map(|plant| plant.case);
            machine.windows = windows;
            machine.server = self.machine_type(agent) == "server";
            machine.protected |= !absent;
            let speaks = (!absent, self.last_seen(index, agent));
            let speaker = speakers.entry(self.machine_of(index)).or_insert(speaks);
            if speaks >= *speaker {
                *speaker = speaks;
                machine.detects_only = self.mode(agent) == "detect";
            }
            machine.agents.push(agent.id.to_string());
            if agent.uninstalled.is_none() {
                machine.assets.push(self.asset_id(index as u64));
            }
            machine.hosts.extend(self.host_of_agent(index));
        }
        for device in 0..self.devices {
            let known = self.managed_by(device).and_then(|agent| places.get(&self.machine_of(agent))).copied();
            let place = known.unwrap_or_else(|| {
                machines.push(self.device_machine(device));
                machines.len() - 1
            });
            machines[place].devices.push(self.device_id(device).to_string());
            if self.is_asset_of_its_own(device) {
                machines[place].assets.push(self.device_asset_id(device));
            }
        }
        for number in 0..self.initial_agents as u64 / PLAIN_STRANGERS + 2 {
            machines.push(machine_of_stranger(&self.plain_stranger(number)));
        }
        for stranger in &self.strangers {
            let known = stranger.agent.and_then(|agent| places.get(&self.machine_of(agent as usize)));
            match known {
                Some(&place) => machines[place].hosts.push(host_of_stranger(stranger)),
                None => machines.push(machine_of_stranger(stranger)),
            }
        }
        Network { machines }
    }

    /// What a scan finds of an agent's machine; absent if it finds nothing.
    fn host_of_agent(&self, index: usize) -> Option<Host> {
        let agent = &self.agents[index];
        let plant = agent.plant.as_deref();
        let profile = &PROFILES[usize::from(agent.profile)];
        let mut dice = Dice::new(self.seed, salt::HOST, index as u64);
        let (stays, roams, unnamed) = (dice.per_mille(500), dice.per_mille(150), dice.per_mille(500));
        let absent = agent.decommissioned.is_some() || agent.uninstalled.is_some();
        let address = self.address(index);
        let server = matches!(profile.family, Family::Server | Family::LinuxServer);
        let routed = plant.and_then(|plant| plant.routed).unwrap_or(server || address[2].is_multiple_of(10));
        let up = plant.and_then(|plant| plant.up).unwrap_or(match profile.family {
            // Its cloud has a network of its own.
            Family::Node => false,
            _ if absent => stays && !routed,
            // A laptop that is elsewhere with its owner.
            _ if agent.machine == 1 && roams => false,
            _ => agent.alive,
        });
        if !up {
            return None;
        }
        let face = self.face(index);
        let lower = face.computer.to_lowercase();
        let named = matches!(face.domain.as_str(), "CORP" | "corp.example.com");
        let name = match plant.and_then(|plant| plant.pointer.clone()) {
            Some(Pointer::Name(name)) => Some(name),
            Some(Pointer::Nothing) => None,
            None if lower.contains('.') => Some(lower),
            None if named || server => Some(format!("{lower}.corp.example.com")),
            None if unnamed && !routed => None,
            None => Some(format!("{lower}.office.example.com")),
        };
        let silent = self.now - self.last_seen(index, agent) > FRESH;
        let mac = self.hardware(index).cards[0].mac;
        let undecidable = match plant.and_then(|plant| plant.undecidable) {
            None if routed && (absent || silent) => Some("no hardware address, and the agent is silent"),
            planted => planted,
        };
        let system = nmap::system_of(profile);
        Some(Host {
            at: Where::Main,
            address: dotted(address),
            mac: (!routed).then(|| mac_text(mac, ':', false)),
            name,
            ports: nmap::system(system).ports.len(),
            undecidable,
            system,
            twice: plant.is_some_and(|plant| plant.twice),
        })
    }

    /// A device that network discovery sees and no agent protects.
    fn device_machine(&self, device: u64) -> Machine {
        let facts = self.device_facts(device);
        let system = nmap::system(facts.kind.system);
        let name = self.device_name(device);
        Machine {
            name: name.clone().unwrap_or_else(|| dotted(facts.address)),
            windows: system.windows,
            server: system.server,
            hosts: vec![Host {
                at: Where::Main,
                address: dotted(facts.address),
                mac: Some(mac_text(facts.mac, ':', false)),
                name: name.map(|name| format!("{name}.office.example.com")),
                ports: system.ports.len(),
                undecidable: None,
                system: facts.kind.system,
                twice: false,
            }],
            ..Machine::default()
        }
    }

    /// The n-th host that only the scan sees and nobody planted.
    fn plain_stranger(&self, number: u64) -> Stranger {
        let mut dice = Dice::new(self.seed, salt::STRANGER, number);
        let kind = dice.index(kind::ROUTER);
        let stranger = &nmap::STRANGERS[kind];
        let random = mix(self.seed ^ mix(number ^ 0x11ac)).to_be_bytes();
        let mac = match stranger.maker {
            Some(maker) => card(maker, self.seed, number),
            None => [random[0] & 0xfc | 2, random[1], random[2], random[3], random[4], random[5]],
        };
        let name = format!("{}-{number:04}.office.example.com", stranger.name);
        let pointer = if dice.per_mille(700) { Pointer::Name(name) } else { Pointer::Nothing };
        Stranger {
            case: "",
            kind,
            mac: Some(mac),
            address: seat(STRANGERS, number),
            pointer,
            branch: false,
            agent: None,
        }
    }
}

fn host_of_stranger(stranger: &Stranger) -> Host {
    let system = stranger_system(stranger);
    Host {
        at: if stranger.branch { Where::Branch } else { Where::Main },
        address: dotted(stranger.address),
        mac: stranger.mac.map(|mac| mac_text(mac, ':', false)),
        name: match &stranger.pointer {
            Pointer::Name(name) => Some(name.clone()),
            Pointer::Nothing => None,
        },
        ports: nmap::system(system).ports.len(),
        undecidable: None,
        system,
        twice: false,
    }
}

fn machine_of_stranger(stranger: &Stranger) -> Machine {
    let (host, system) = (host_of_stranger(stranger), nmap::system(stranger_system(stranger)));
    Machine {
        name: host.name.clone().unwrap_or_else(|| host.address.clone()),
        case: (!stranger.case.is_empty()).then_some(stranger.case),
        windows: system.windows,
        server: system.server,
        hosts: vec![host],
        ..Machine::default()
    }
}

fn stranger_system(stranger: &Stranger) -> usize {
    nmap::STRANGERS[stranger.kind].system
}

/// A kind of host that only a scan sees.
pub(crate) struct StrangerKind {
    pub(crate) name: &'static str,
    pub(crate) system: usize,
    /// Absent: its hardware address is random.
    pub(crate) maker: Option<Maker>,
}
