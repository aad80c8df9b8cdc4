//! What makes it hard to say which records are one machine, planted on a fleet at stated rates.

use crate::catalog::{Family, PROFILES};
use crate::draw::{Dice, mix};
use crate::hardware::{Card, DOCK, STRANGERS, card, seat};
use crate::state::{Event, State, salt};
use crate::text::{DAY, HOUR, MINUTE, SECOND, hex};

/// One thing that inventories get wrong, and how often it is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it is called: a number of the list of cases, or a letter for what nobody can decide.
    pub label: &'static str,
    /// How many are planted in a fleet of a thousand; what is left over is drawn.
    pub per_mille: u64,
    /// What it is about, in one line.
    pub what: &'static str,
}

const fn case(label: &'static str, per_mille: u64, what: &'static str) -> Case {
    Case { label, per_mille, what }
}

/// Everything that can be planted.
pub const CASES: &[Case] = &[
    case("1", 5, "the scan names its host twice"),
    case("2", 5, "renamed an hour after the start"),
    case("3", 5, "re-imaged: a new agent on the same hardware, the old one silent"),
    case("4", 5, "cloned with the agent inside: one uuid and one serial number, both alive"),
    case("5", 3, "five machines whose serial number asks to be filled in"),
    case("6", 5, "two machines with one placeholder for a serial number"),
    case("7", 5, "two laptops that take turns on one dock"),
    case("8", 4, "a laptop known by a dock alone; an hour later another one sits there"),
    case("9", 8, "a router whose card all agents of its subnet name"),
    case("10", 8, "virtual cards with constant hardware addresses"),
    case("11", 8, "a phone with a random hardware address, called iPhone like all others"),
    case("12", 5, "a new network card after a reinstallation: the serial number is the same"),
    case("13", 5, "a new board: another serial number or none, another card, the same full name"),
    case("14", 5, "a replacement took the name over, and the old machine is still alive"),
    case("15", 5, "the same name and address in another site with its own address space"),
    case("17", 5, "a name cut off after fifteen characters"),
    case("18", 3, "three machines called localhost"),
    case("19", 5, "a name with accents, composed and decomposed, in capitals and not"),
    case("20", 5, "a stranger of the scan gets an agent an hour after the start"),
    case("21", 5, "a silent agent's address belongs to another host now"),
    case("23", 4, "a chain: a serial number joins two, a dock joins one of them with a third"),
    case("24", 5, "two systems on one machine, an agent in each"),
    case("25", 5, "a desktop of a pool, made anew under the same name"),
    case("26", 5, "the agent's uuid is rewritten an hour after the start"),
    case("27", 5, "moved to another site an hour after the start"),
    case("28", 5, "registered anew after a migration: another id, the same uuid"),
    case("A", 3, "undecidable: decommissioned, routed, no full name"),
    case("B", 3, "undecidable: the name server still has the old name"),
];

/// Which cases are planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cases(u64);

impl Cases {
    /// Nothing is planted: every agent is a machine of its own.
    pub const NONE: Cases = Cases(0);
    /// Everything is planted.
    pub const ALL: Cases = Cases((1 << CASES.len()) - 1);

    /// Only the cases with these labels are planted; a label that does not exist plants nothing.
    #[must_use]
    pub fn only(labels: &[&str]) -> Cases {
        let places = CASES.iter().enumerate().filter(|(_, case)| labels.contains(&case.label));
        Cases(places.map(|(nth, _)| 1 << nth).sum())
    }

    /// Everything but the cases with these labels.
    #[must_use]
    pub fn without(labels: &[&str]) -> Cases {
        Cases(Cases::ALL.0 & !Cases::only(labels).0)
    }

    /// Whether a case is planted.
    #[must_use]
    pub fn has(self, label: &str) -> bool {
        CASES.iter().position(|case| case.label == label).is_some_and(|nth| self.0 >> nth & 1 == 1)
    }
}

/// What is special about an agent: everything that is absent is as with any other agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plant {
    pub(crate) case: &'static str,
    /// The agent whose hardware it reports; its own place, mostly.
    pub(crate) body: u32,
    /// The agent that stands for the machine in the truth: records of one machine name the same.
    pub(crate) machine: u32,
    pub(crate) name: Option<String>,
    pub(crate) domain: Option<&'static str>,
    pub(crate) uuid: Option<String>,
    pub(crate) serial: Option<Option<String>>,
    pub(crate) model: Option<String>,
    /// The card that the network sees.
    pub(crate) mac: Option<[u8; 6]>,
    pub(crate) address: Option<[u8; 4]>,
    /// Further cards.
    pub(crate) cards: Vec<Card>,
    /// What the name server says.
    pub(crate) pointer: Option<Pointer>,
    /// Whether the scanner reaches it through a router and sees no card.
    pub(crate) routed: Option<bool>,
    /// Whether the scanner finds it.
    pub(crate) up: Option<bool>,
    pub(crate) migrated: bool,
    /// Why nobody can say whose host it is.
    pub(crate) undecidable: Option<&'static str>,
    /// The file of the scan names its host twice.
    pub(crate) twice: bool,
}

/// What the name server says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pointer {
    Nothing,
    Name(String),
}

/// A host without an agent that only a scan sees, planted by hand.
#[derive(Clone, Debug)]
pub(crate) struct Stranger {
    pub(crate) case: &'static str,
    /// Index into the kinds of hosts.
    pub(crate) kind: usize,
    pub(crate) mac: Option<[u8; 6]>,
    pub(crate) address: [u8; 4],
    pub(crate) pointer: Pointer,
    /// It stands in the branch, whose addresses are the same as here.
    pub(crate) branch: bool,
    /// The agent that it got later.
    pub(crate) agent: Option<u32>,
}

/// Kinds of hosts that strangers are, by their place in the list of kinds.
pub(crate) mod kind {
    pub(crate) const WINDOWS_LAPTOP: usize = 0;
    pub(crate) const PHONE: usize = 5;
    pub(crate) const ROUTER: usize = 6;
    pub(crate) const PRINTER: usize = 4;
}

/// What waits for its hour.
#[derive(Clone, Debug)]
pub(crate) enum Surprise {
    Renamed(String),
    Rewritten(String),
    Moved,
}

/// An agent that is enrolled after the start.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) group: u32,
    pub(crate) plant: Plant,
    /// The stranger that it is.
    pub(crate) stranger: Option<usize>,
}

/// When everything that waits happens, after the start.
pub(crate) const LATER: i64 = HOUR;

/// Placeholders that firmware has for a serial number.
const PLACEHOLDERS: [&str; 6] = ["0", "None", "Default string", "System Serial Number", "", "To be filled by O.E.M."];

const fn constant(name: &'static str, mac: [u8; 6], address: Option<[u8; 4]>) -> Card {
    Card { name, mac, address }
}

/// Cards that have the same address on every machine.
const CONSTANT_CARDS: [Card; 6] = [
    constant("VirtualBox Host-Only Network", [0x0a, 0, 0x27, 0, 0, 0], Some([192, 168, 56, 1])),
    constant("VMware Network Adapter VMnet8", [0, 0x50, 0x56, 0xc0, 0, 8], Some([192, 168, 112, 1])),
    constant("VMware Network Adapter VMnet1", [0, 0x50, 0x56, 0xc0, 0, 1], Some([192, 168, 73, 1])),
    constant("WAN Miniport (PPPOE)", [0x33, 0x50, 0x6f, 0x45, 0x30, 0x30], None),
    constant("RAS Async Adapter", [0x20, 0x41, 0x53, 0x59, 0x4e, 0xff], None),
    constant("Virtual Adapter", [0x02, 0, 0x4e, 0x43, 0x50, 0x49], None),
];

/// The agents that are still free to be special, in an order that the seed decides.
struct Free(Vec<u32>);

impl Free {
    fn take(&mut self, wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let at = self.0.iter().position(|&agent| wanted(agent))?;
        Some(self.0.remove(at))
    }
}

impl State {
    /// Plants what was asked for on the agents that `leaving` does not name.
    pub(crate) fn plant(&mut self, cases: Cases, leaving: &dyn Fn(u32) -> bool) {
        let mut free: Vec<u32> = (0..self.agents.len() as u32)
            .filter(|&a| !self.agents[a as usize].gone && !leaving(a) && self.is_windows_workstation(a))
            .collect();
        free.sort_by_key(|&agent| mix(self.seed ^ mix(u64::from(agent) ^ 0xca5e)));
        let mut free = Free(free);
        for (nth, case) in CASES.iter().enumerate().filter(|(_, case)| cases.has(case.label)) {
            let mut dice = Dice::new(self.seed, salt::CASE, nth as u64);
            let wanted = self.initial_agents as u64 * case.per_mille;
            let count = wanted / 1000 + u64::from(dice.below(1000) < wanted % 1000);
            for _ in 0..count {
                if self.plant_one(case.label, &mut free, &mut dice).is_none() {
                    break;
                }
            }
        }
    }

    fn is_windows_workstation(&self, agent: u32) -> bool {
        let profile = &PROFILES[usize::from(self.agents[agent as usize].profile)];
        profile.os_type == "windows" && profile.family == Family::Workstation && self.agents[agent as usize].machine < 2
    }

    /// Plants one case; absent if the fleet is too small for another.
    fn plant_one(&mut self, label: &'static str, free: &mut Free, dice: &mut Dice) -> Option<()> {
        match label {
            "1" => {
                let agent = self.live(label, free)?;
                self.planted(agent).twice = true;
            }
            "2" => {
                let agent = self.live(label, free)?;
                let name = format!("RENAMED-{agent:05}");
                self.surprise(agent, Surprise::Renamed(name));
            }
            "3" => {
                let (old, new) = self.succession(label, free, dice, FAR)?;
                let serial = service_tag(dice);
                self.same_hardware(old, new, "Dell Inc. - Latitude 5440", &serial);
                if dice.per_mille(500) {
                    self.planted(new).name = Some(format!("REIMAGED-{new:05}"));
                } else {
                    let name = self.face(old as usize).computer;
                    self.planted(new).name = Some(name);
                }
            }
            "4" => {
                let (one, two) = (self.live(label, free)?, self.live(label, free)?);
                let serial = vmware(dice);
                let uuid = hex(dice, 32);
                let mac = card([0, 0x0c, 0x29], self.seed, u64::from(one) * 4);
                let same_card = dice.per_mille(500);
                for agent in [one, two] {
                    let plant = self.planted(agent);
                    plant.model = Some("VMware, Inc. - VMware7,1".to_owned());
                    plant.serial = Some(Some(serial.clone()));
                    plant.uuid = Some(uuid.clone());
                    plant.mac = same_card.then_some(mac);
                    self.named_by_dns(agent);
                }
            }
            "5" => {
                for _ in 0..5 {
                    let agent = self.live(label, free)?;
                    let plant = self.planted(agent);
                    plant.model = Some("Micro-Star International Co., Ltd. - MS-7D25".to_owned());
                    plant.serial = Some(Some("To be filled by O.E.M.".to_owned()));
                }
            }
            "6" => {
                let (one, two) = (self.live(label, free)?, self.live(label, free)?);
                let serial = *dice.pick(&PLACEHOLDERS);
                for agent in [one, two] {
                    let plant = self.planted(agent);
                    plant.model = Some("Micro-Star International Co., Ltd. - MS-7D25".to_owned());
                    plant.serial = Some(Some(serial.to_owned()));
                }
            }
            "7" => {
                let (one, two) = (self.live(label, free)?, self.live(label, free)?);
                let dock = card(DOCK, self.seed, u64::from(one));
                // One sits at the dock now, and its own card rests.
                let own = self.hardware(one as usize).cards[0].mac;
                let plant = self.planted(one);
                plant.mac = Some(dock);
                plant.cards.push(Card { name: "Wi-Fi", mac: own, address: None });
                self.planted(two).cards.push(Card { name: "USB Ethernet", mac: dock, address: None });
                self.named_by_dns(one);
                self.named_by_dns(two);
            }
            "8" => {
                let first = self.live(label, free)?;
                let dock = card(DOCK, self.seed, u64::from(first));
                self.planted(first).mac = Some(dock);
                self.named_by_dns(first);
                let plant = Plant {
                    case: label,
                    cards: vec![Card { name: "USB Ethernet", mac: dock, address: None }],
                    ..Plant::default()
                };
                self.arrive(self.agents[first as usize].group, plant, None);
            }
            "9" => {
                let agent = self.live(label, free)?;
                let address = self.address(agent as usize);
                let mac = Some(crate::hardware::gateway_mac(address));
                let address = crate::hardware::gateway(address);
                self.strange(Stranger { kind: kind::ROUTER, mac, address, ..stranger(label) });
            }
            "10" => {
                let agent = self.live(label, free)?;
                let begin = dice.index(CONSTANT_CARDS.len());
                for nth in 0..3 {
                    let card = CONSTANT_CARDS[(begin + nth) % CONSTANT_CARDS.len()].clone();
                    self.planted(agent).cards.push(card);
                }
            }
            "11" => {
                let draw = dice.next().to_be_bytes();
                let mac = Some([draw[0] & 0xfc | 2, draw[1], draw[2], draw[3], draw[4], draw[5]]);
                let (address, pointer) = (self.strange_address(), Pointer::Name("iPhone".to_owned()));
                self.strange(Stranger { kind: kind::PHONE, mac, address, pointer, ..stranger(label) });
            }
            "12" => {
                let (old, new) = self.succession(label, free, dice, FAR)?;
                let serial = service_tag(dice);
                self.same_hardware(old, new, "Dell Inc. - OptiPlex 7010", &serial);
                let mac = card([0x00, 0x15, 0x17], self.seed, u64::from(new));
                let name = self.face(old as usize).computer;
                let plant = self.planted(new);
                (plant.mac, plant.name) = (Some(mac), Some(name));
            }
            "13" => {
                let (old, new) = self.succession(label, free, dice, NEAR)?;
                let name = self.face(old as usize).computer;
                let first = service_tag(dice);
                // Into some new boards nobody has written a number yet.
                let second = if dice.per_mille(500) { service_tag(dice) } else { "Default string".to_owned() };
                for (agent, serial) in [(old, first), (new, second)] {
                    let plant = self.planted(agent);
                    (plant.name, plant.domain) = (Some(name.clone()), Some("corp.example.com"));
                    plant.model = Some("Dell Inc. - OptiPlex 7010".to_owned());
                    (plant.machine, plant.serial) = (old, Some(Some(serial)));
                }
            }
            "14" => {
                let (old, new) = (self.live(label, free)?, self.live(label, free)?);
                let name = self.face(old as usize).computer;
                self.planted(new).name = Some(name);
                for agent in [old, new] {
                    let serial = service_tag(dice);
                    let plant = self.planted(agent);
                    // The name alone says nothing now.
                    (plant.serial, plant.routed) = (Some(Some(serial)), Some(false));
                    self.named_by_dns(agent);
                }
            }
            "15" => {
                let agent = self.live(label, free)?;
                let face = self.face(agent as usize);
                let pointer = Pointer::Name(format!("{}.branch.example.net", face.computer.to_lowercase()));
                let address = face.address;
                self.strange(Stranger { address, pointer, branch: true, ..stranger(label) });
            }
            "17" => {
                let agent = self.live(label, free)?;
                let code = self.sites[self.agents[agent as usize].home as usize].code;
                let whole = format!("{code}-{agent:05}-workstation-{}", dice.below(100));
                let plant = self.planted(agent);
                plant.name = Some(whole[..15].to_uppercase());
                plant.pointer = Some(Pointer::Name(format!("{}.corp.example.com", whole.to_lowercase())));
                plant.routed = Some(false);
            }
            "18" => {
                let name = ["localhost", "localhost", "MacBook-Pro", "localhost.localdomain"][dice.index(4)];
                for _ in 0..3 {
                    let agent = self.live(label, free)?;
                    let plant = self.planted(agent);
                    (plant.name, plant.domain) = (Some(name.to_owned()), Some("WORKGROUP"));
                    (plant.pointer, plant.routed) = (Some(Pointer::Nothing), Some(false));
                }
            }
            "19" => {
                let agent = self.live(label, free)?;
                let plant = self.planted(agent);
                plant.name = Some(format!("PC-\u{c9}T\u{c9}-{agent:05}"));
                plant.pointer = Some(Pointer::Name(format!("pc-e\u{301}te\u{301}-{agent:05}.corp.example.com")));
                plant.routed = Some(true);
            }
            "20" => {
                let group = dice.index(self.groups.len()) as u32;
                let number = self.strangers.len();
                let mac = card([0xd4, 0xbe, 0xd9], self.seed, 0xf0_0000 + number as u64);
                let (address, name) = (self.strange_address(), format!("NEWCOMER-{number:05}"));
                let pointer = Pointer::Name(format!("{}.office.example.com", name.to_lowercase()));
                self.strange(Stranger { mac: Some(mac), address, pointer, ..stranger(label) });
                let plant = Plant {
                    case: label,
                    name: Some(name),
                    mac: Some(mac),
                    address: Some(address),
                    up: Some(false),
                    ..Plant::default()
                };
                self.arrive(group, plant, Some(number));
            }
            "21" => {
                let agent = self.live(label, free)?;
                self.sleep(agent, self.start - dice.between(3 * DAY, 20 * DAY));
                self.planted(agent).up = Some(false);
                let number = self.strangers.len() as u64;
                let mac = Some(card([0x30, 0x05, 0x5c], self.seed, 0xe0_0000 + number));
                let address = self.address(agent as usize);
                self.strange(Stranger { kind: kind::PRINTER, mac, address, ..stranger(label) });
            }
            "23" => {
                let (old, new) = self.succession(label, free, dice, FAR)?;
                let serial = service_tag(dice);
                self.same_hardware(old, new, "Dell Inc. - Latitude 5440", &serial);
                let other = self.live(label, free)?;
                let dock = card(DOCK, self.seed, u64::from(new));
                for agent in [new, other] {
                    self.planted(agent).cards.push(Card { name: "USB Ethernet", mac: dock, address: None });
                }
                self.planted(other).serial = Some(Some(service_tag(dice)));
                self.planted(other).model = Some("Dell Inc. - Latitude 5440".to_owned());
            }
            "24" => {
                let (windows, linux) = (self.live(label, free)?, self.live(label, free)?);
                let serial = service_tag(dice);
                let mac = self.hardware(linux as usize).cards[0].mac;
                for agent in [windows, linux] {
                    let plant = self.planted(agent);
                    (plant.serial, plant.mac) = (Some(Some(serial.clone())), Some(mac));
                    plant.model = Some("LENOVO - 20W000T9GE".to_owned());
                }
                self.sleep(windows, self.start - dice.between(DAY, 5 * DAY));
                self.planted(windows).up = Some(false);
                let desktop = PROFILES.iter().position(|profile| profile.family == Family::LinuxDesktop)?;
                let row = &mut self.agents[linux as usize];
                (row.profile, row.version) = (desktop as u8, 0);
                self.named_by_dns(linux);
            }
            "25" => {
                let (old, new) = self.succession(label, free, dice, FAR)?;
                let name = format!("VDI-POOL-{:02}", dice.below(100));
                for agent in [old, new] {
                    let serial = vmware(dice);
                    let plant = self.planted(agent);
                    (plant.name, plant.domain) = (Some(name.clone()), Some("WORKGROUP"));
                    (plant.machine, plant.serial) = (agent, Some(Some(serial)));
                    plant.model = Some("VMware, Inc. - VMware7,1".to_owned());
                }
            }
            "26" => {
                let agent = self.live(label, free)?;
                self.surprise(agent, Surprise::Rewritten(hex(dice, 32)));
            }
            "27" => {
                let agent = self.live(label, free)?;
                self.surprise(agent, Surprise::Moved);
            }
            "28" => {
                let (old, new) = self.succession(label, free, dice, FAR)?;
                let uuid = hex(dice, 32);
                let name = self.face(old as usize).computer;
                for agent in [old, new] {
                    let plant = self.planted(agent);
                    (plant.body, plant.machine) = (old, old);
                    (plant.uuid, plant.serial) = (Some(uuid.clone()), Some(None));
                    plant.name = Some(name.clone());
                }
                self.planted(old).migrated = true;
            }
            "A" => {
                let agent = self.live(label, free)?;
                self.schedule(self.start - 20 * DAY, Event::Decommissioned(agent));
                let name = self.face(agent as usize).computer.to_lowercase();
                let plant = self.planted(agent);
                (plant.domain, plant.routed, plant.up) = (Some("WORKGROUP"), Some(true), Some(true));
                plant.pointer = Some(Pointer::Name(format!("{name}.office.example.com")));
                plant.undecidable = Some("no hardware address, no full name, and the agent fell silent weeks ago");
            }
            "B" => {
                let agent = self.live(label, free)?;
                let plant = self.planted(agent);
                plant.pointer = Some(Pointer::Name(format!("formerly-{agent:05}.office.example.com")));
                plant.routed = Some(false);
                plant.undecidable = Some("one hardware address is the same, and the names contradict each other");
            }
            _ => return None,
        }
        Some(())
    }

    /// What is special about an agent, to be filled in.
    fn planted(&mut self, agent: u32) -> &mut Plant {
        let row = &mut self.agents[agent as usize];
        row.plant.get_or_insert_with(|| Box::new(Plant { body: agent, machine: agent, ..Plant::default() }))
    }

    /// A free agent that is alive and stays so.
    fn live(&mut self, label: &'static str, free: &mut Free) -> Option<u32> {
        let agent = free.take(|_| true)?;
        self.wake(label, agent);
        Some(agent)
    }

    fn wake(&mut self, label: &'static str, agent: u32) {
        let at = self.start - 5 * MINUTE;
        let row = &mut self.agents[agent as usize];
        row.alive = true;
        row.last_seen = at.max(row.created + MINUTE);
        let plant = self.planted(agent);
        plant.case = label;
        plant.up = Some(true);
    }

    fn sleep(&mut self, agent: u32, at: i64) {
        let row = &mut self.agents[agent as usize];
        row.alive = false;
        row.last_seen = at.max(row.created + MINUTE);
        row.updated = row.last_seen + SECOND;
    }

    /// Two agents one after the other: the first fell silent before the second came, at most `apart` before the start.
    fn succession(&mut self, label: &'static str, free: &mut Free, dice: &mut Dice, apart: i64) -> Option<(u32, u32)> {
        let new = free.take(|agent| {
            let created = self.agents[agent as usize].created;
            self.start - created < apart && created - self.agents[0].created > 30 * DAY
        })?;
        let created = self.agents[new as usize].created;
        let Some(old) = free.take(|agent| self.agents[agent as usize].created + 4 * DAY < created) else {
            free.0.push(new);
            return None;
        };
        self.wake(label, new);
        self.wake(label, old);
        self.planted(old).up = Some(false);
        self.sleep(old, created - dice.between(HOUR, 3 * DAY));
        // A console gives a silent agent up after three weeks.
        let given_up = self.agents[old as usize].last_seen + 21 * DAY;
        if given_up < self.start && dice.per_mille(600) {
            self.schedule(given_up, Event::Decommissioned(old));
        }
        Some((old, new))
    }

    /// Both agents report the first one's hardware, and are one machine.
    fn same_hardware(&mut self, old: u32, new: u32, model: &str, serial: &str) {
        for agent in [old, new] {
            let plant = self.planted(agent);
            (plant.body, plant.machine) = (old, old);
            plant.model = Some(model.to_owned());
            plant.serial = Some(Some(serial.to_owned()));
        }
    }

    /// The name server knows the machine by its name.
    fn named_by_dns(&mut self, agent: u32) {
        let name = self.face(agent as usize).computer.to_lowercase();
        self.planted(agent).pointer = Some(Pointer::Name(format!("{name}.corp.example.com")));
    }

    fn surprise(&mut self, agent: u32, what: Surprise) {
        let number = self.surprises.len() as u32;
        self.surprises.push((agent, what));
        self.schedule(self.start + LATER, Event::Surprise(number));
    }

    fn arrive(&mut self, group: u32, plant: Plant, stranger: Option<usize>) {
        let number = self.arrivals.len() as u32;
        self.arrivals.push(Arrival { group, plant, stranger });
        self.schedule(self.start + LATER, Event::Arrives(number));
    }

    fn strange(&mut self, stranger: Stranger) {
        self.strangers.push(stranger);
    }

    /// An address that no plain stranger has.
    fn strange_address(&self) -> [u8; 4] {
        seat(STRANGERS, 640_000 + self.strangers.len() as u64)
    }

    /// Lets a planted change take place.
    pub(crate) fn surprise_happens(&mut self, at: i64, number: u32) {
        let Some((agent, what)) = self.surprises.get(number as usize).cloned() else { return };
        match what {
            Surprise::Renamed(name) => self.planted(agent).name = Some(name),
            Surprise::Rewritten(uuid) => self.planted(agent).uuid = Some(uuid),
            Surprise::Moved => {
                let site = self.site_of(&self.agents[agent as usize]);
                let account = self.sites[site].account;
                let elsewhere = (0..self.groups.len()).find(|&group| {
                    let group = &self.groups[group];
                    group.site != site && !group.deleted && self.sites[group.site].account == account
                });
                if let Some(group) = elsewhere {
                    return self.put_into_group(at, agent, group);
                }
            }
        }
        self.touch(agent, at);
    }

    /// Enrols an agent that was planted for later.
    pub(crate) fn arrives(&mut self, at: i64, number: u32) {
        let Some(Arrival { group, mut plant, stranger }) = self.arrivals.get(number as usize).cloned() else { return };
        let mut dice = Dice::new(self.seed, salt::CASE, 0x1000 + u64::from(number));
        let agent = self.enrol(at, Some(group as usize), &mut dice);
        (plant.body, plant.machine) = (agent, agent);
        let row = &mut self.agents[agent as usize];
        (row.profile, row.machine, row.version) = (0, 1, 0);
        (row.alive, row.last_seen) = (true, at);
        row.plant = Some(Box::new(plant));
        if let Some(stranger) = stranger {
            self.strangers[stranger].agent = Some(agent);
        }
        self.tell_agent(at, crate::happen::code::AGENT_SUBSCRIBED, agent, crate::state::NONE, crate::state::NONE, 0);
    }
}

/// A successor may have come at any time.
const FAR: i64 = 1000 * DAY;
/// It came lately, so that both were seen within thirty days.
const NEAR: i64 = 26 * DAY;

fn stranger(case: &'static str) -> Stranger {
    Stranger {
        case,
        kind: kind::WINDOWS_LAPTOP,
        mac: None,
        address: [0; 4],
        pointer: Pointer::Nothing,
        branch: false,
        agent: None,
    }
}

/// Seven letters and digits, as one maker numbers its machines.
fn service_tag(dice: &mut Dice) -> String {
    const LETTERS: &[u8] = b"123456789BCDFGHJKLMNPQRSTVWXYZ";
    (0..7).map(|_| char::from(*dice.pick(LETTERS))).collect()
}

fn vmware(dice: &mut Dice) -> String {
    let digits = hex(dice, 32);
    let mut out = "VMware-".to_owned();
    for nth in 0..16 {
        if nth > 0 {
            out.push(if nth == 8 { '-' } else { ' ' });
        }
        out.push_str(&digits[2 * nth..2 * nth + 2]);
    }
    out
}
