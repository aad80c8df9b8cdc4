//! The words that a believable fleet is made of.

/// What kind of computer a profile is, which decides names, versions and hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Workstation,
    Server,
    Mac,
    LinuxServer,
    LinuxDesktop,
    Node,
}

/// One operating system as an agent reports it.
pub(crate) struct Profile {
    pub(crate) os_type: &'static str,
    pub(crate) os_name: &'static str,
    pub(crate) revisions: &'static [&'static str],
    pub(crate) arch: &'static str,
    pub(crate) installer: &'static str,
    pub(crate) family: Family,
    pub(crate) weight: u64,
}

const fn profile(
    os_type: &'static str,
    os_name: &'static str,
    revisions: &'static [&'static str],
    arch: &'static str,
    installer: &'static str,
    family: Family,
    weight: u64,
) -> Profile {
    Profile { os_type, os_name, revisions, arch, installer, family, weight }
}

pub(crate) const PROFILES: [Profile; 18] = [
    profile("windows", "Windows 11 Pro", &["22621", "22631", "26100"], "64 bit", ".exe", Family::Workstation, 300),
    profile("windows", "Windows 11 Enterprise", &["22631", "26100"], "64 bit", ".msi", Family::Workstation, 170),
    profile("windows", "Windows 10 Pro", &["19044", "19045"], "64 bit", ".msi", Family::Workstation, 120),
    profile("windows", "Windows 10 Enterprise LTSC", &["17763", "19044"], "64 bit", ".msi", Family::Workstation, 25),
    profile("windows", "Windows 11 Pro", &["26100"], "ARM64", ".exe", Family::Workstation, 12),
    profile("windows", "Windows Server 2022 Standard", &["20348"], "64 bit", ".exe", Family::Server, 60),
    profile("windows", "Windows Server 2019 Datacenter", &["17763"], "64 bit", ".exe", Family::Server, 45),
    profile("windows", "Windows Server 2016", &["14393"], "64 bit", "unknown", Family::Server, 20),
    profile("windows_legacy", "Windows 7 Professional", &["7601"], "32 bit", ".exe", Family::Workstation, 10),
    profile("windows_legacy", "Windows Server 2008 R2", &["7601"], "64 bit", ".exe", Family::Server, 6),
    profile(
        "macos",
        "macOS",
        &["14.7.1 (23H222)", "15.3.1 (24D70)", "15.5 (24F74)"],
        "ARM64",
        ".pkg",
        Family::Mac,
        110,
    ),
    profile("macos", "macOS", &["13.7.4 (22H420)", "14.6.1 (23G93)"], "64 bit", ".pkg", Family::Mac, 25),
    profile(
        "linux",
        "Linux",
        &["Ubuntu 22.04.5 LTS 5.15.0-130-generic", "Ubuntu 24.04.2 LTS 6.8.0-57-generic"],
        "64 bit",
        ".deb",
        Family::LinuxServer,
        45,
    ),
    profile(
        "linux",
        "Linux",
        &["Red Hat 8.10 4.18.0-553.el8_10.x86_64", "Red Hat 9.5 5.14.0-503.el9.x86_64"],
        "64 bit",
        ".rpm",
        Family::LinuxServer,
        35,
    ),
    profile("linux", "Linux", &["Debian 12 6.1.0-31-amd64"], "64 bit", ".deb", Family::LinuxServer, 15),
    profile("linux", "Linux", &["Fedora 41 6.12.15-200.fc41"], "64 bit", ".rpm", Family::LinuxDesktop, 6),
    profile("linux", "Linux", &["Amazon 2 5.10.238-231.953.amzn2.x86_64"], "64 bit", ".gz", Family::Node, 18),
    profile("linux", "Linux", &["Ubuntu 22.04 5.15.0-1075-aws"], "ARM64", ".gz", Family::Node, 6),
];

/// Index in [`MACHINES`] of `server`.
pub(crate) const SERVER: u8 = 2;

/// Machine types as the vendor spells them; the last is in no published list.
pub(crate) const MACHINES: [&str; 7] =
    ["desktop", "laptop", "server", "kubernetes node", "storage", "unknown", "thin client"];

/// Agent versions by operating system family: Windows, macOS, Linux, legacy Windows; the newest last.
pub(crate) const VERSIONS: [&[&str]; 4] = [
    &["23.4.6.347", "24.1.4.257", "24.1.5.277", "24.2.3.471", "24.2.2.20", "25.1.3.334"],
    &["23.4.2.7388", "24.2.2.7632", "24.3.1.7799", "25.1.1.7993"],
    &["23.3.2.12", "24.2.2.20", "24.3.3.6", "25.1.2.17"],
    &["4.6.14.304", "22.3.5.887"],
];

/// The newest agent version of the console, as `GET /system/info` says it.
pub(crate) const LATEST_AGENT: &str = "25.1.3.334";

pub(crate) const ACCOUNTS: [&str; 6] = [
    "Northwind Foods",
    "Blue Heron Clinics",
    "Tessaly Logistics",
    "Aurora Print & Sign",
    "Kestrel Mining",
    "Hafen <IT> GmbH",
];

/// City and the code that computers there begin with.
pub(crate) const CITIES: [(&str, &str); 24] = [
    ("Berlin", "BER"),
    ("Austin", "AUS"),
    ("Lyon", "LYS"),
    ("Osaka", "OSA"),
    ("Leeds", "LDS"),
    ("Porto", "OPO"),
    ("Kraków", "KRK"),
    ("Toronto", "TOR"),
    ("Malmö", "MMA"),
    ("Denver", "DEN"),
    ("Pune", "PNQ"),
    ("Ghent", "GNE"),
    ("Trieste", "TRS"),
    ("Bergen", "BGO"),
    ("Perth", "PER"),
    ("Zürich", "ZRH"),
    ("Recife", "REC"),
    ("Tampere", "TMP"),
    ("Cork", "ORK"),
    ("Sevilla", "SVQ"),
    ("Busan", "PUS"),
    ("Halifax", "YHZ"),
    ("Graz", "GRZ"),
    ("Quito", "UIO"),
];

pub(crate) const SITE_KINDS: [&str; 6] = ["Headquarters", "Plant", "Datacenter", "Sales", "Branch", "Lab"];

/// Groups beside the default one: name, type.
pub(crate) const GROUPS: [(&str, &str); 8] = [
    ("Servers", "dynamic"),
    ("Laptops", "dynamic"),
    ("Finance", "static"),
    ("Developers", "static"),
    ("Kiosks", "static"),
    ("Pilot ring", "pinned"),
    ("Executives", "static"),
    ("Containers", "dynamic"),
];

pub(crate) const FIRST: [&str; 32] = [
    "Maya", "Jonas", "Priya", "Tom", "Aiko", "Lena", "Rui", "Sofia", "Omar", "Greta", "Luca", "Ines", "Yusuf", "Clara",
    "Mateusz", "Noor", "Ethan", "Freya", "Diego", "Hana", "Pavel", "Zoe", "Kofi", "Elin", "Marco", "Sana", "Victor",
    "Ida", "Samir", "Ruth", "Arjun", "Bea",
];

pub(crate) const LAST: [&str; 32] = [
    "Lindqvist",
    "Weber",
    "Raman",
    "Okafor",
    "Tanaka",
    "Moreau",
    "Almeida",
    "Rossi",
    "Haddad",
    "Novak",
    "Jensen",
    "Castro",
    "Demir",
    "Fischer",
    "Kowalski",
    "Rahman",
    "Clarke",
    "Berg",
    "Mendes",
    "Sato",
    "Ivanov",
    "Laurent",
    "Mensah",
    "Nyström",
    "Ferri",
    "Malik",
    "Popescu",
    "Dahl",
    "Aziz",
    "O'Brien",
    "Patel",
    "Graf",
];

/// What servers are for, as their names say it.
pub(crate) const ROLES: [&str; 10] = ["SQL", "WEB", "DC", "FS", "APP", "MAIL", "BKP", "ERP", "JMP", "PRN"];

pub(crate) const MODELS: [(&str, &str); 8] = [
    ("LENOVO - 21HMCTO1WW", "laptop"),
    ("Dell Inc. - Latitude 5440", "laptop"),
    ("HP - HP EliteBook 840 14 inch G10", "laptop"),
    ("LENOVO - 20W000T9GE", "laptop"),
    ("Dell Inc. - OptiPlex 7010", "desktop"),
    ("HP - HP ProDesk 600 G6", "desktop"),
    ("LENOVO - 11T3000KGE", "desktop"),
    ("Micro-Star International Co., Ltd. - MS-7D25", "desktop"),
];

pub(crate) const SERVER_MODELS: [&str; 5] = [
    "VMware, Inc. - VMware7,1",
    "Dell Inc. - PowerEdge R650",
    "HPE - ProLiant DL380 Gen10",
    "Microsoft Corporation - Virtual Machine",
    "QEMU - Standard PC (Q35 + ICH9, 2009)",
];

pub(crate) const MAC_MODELS: [&str; 4] = ["Mac15,6", "Mac14,2", "MacBookPro18,3", "Macmini9,1"];

pub(crate) const CPUS: [&str; 5] = [
    "13th Gen Intel(R) Core(TM) i5-1335U",
    "11th Gen Intel(R) Core(TM) i7-1185G7 @ 3.00GHz",
    "Intel(R) Core(TM) i5-10500 CPU @ 3.10GHz",
    "AMD Ryzen 7 PRO 6850U with Radeon Graphics",
    "AMD Ryzen 5 5600G with Radeon Graphics",
];

pub(crate) const SERVER_CPUS: [&str; 3] = [
    "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz",
    "Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz",
    "AMD EPYC 7543 32-Core Processor",
];

pub(crate) const TAGS: [(&str, &str); 7] = [
    ("Owner", "IT"),
    ("Owner", "Facilities"),
    ("Criticality", "high"),
    ("Criticality", "low"),
    ("Environment", "production"),
    ("Environment", "test & dev"),
    ("Ring", "canary"),
];

/// A threat as it recurs over a fleet.
pub(crate) struct Malware {
    pub(crate) name: &'static str,
    pub(crate) classification: &'static str,
    pub(crate) source: Option<&'static str>,
    pub(crate) extension: Option<&'static str>,
    pub(crate) extension_type: Option<&'static str>,
    pub(crate) engines: &'static [(&'static str, &'static str)],
    pub(crate) detection: Option<&'static str>,
    /// Tactic, technique and the sentence that explains the indicator.
    pub(crate) techniques: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) weight: u64,
}

const STATIC: (&str, &str) = ("pre_execution", "On-Write Static AI");
const STATIC_SUSPICIOUS: (&str, &str) = ("pre_execution_suspicious", "On-Write DFI - Suspicious");
const BEHAVIOUR: (&str, &str) = ("executables", "Behavioral AI");
const DOCUMENTS: (&str, &str) = ("data_files", "Documents, Scripts");
const REPUTATION: (&str, &str) = ("reputation", "SentinelOne Cloud");

pub(crate) const MALWARE: [Malware; 14] = [
    Malware {
        name: "invoice_0424.docm",
        classification: "Malware",
        source: Some("Static"),
        extension: Some("DOCM"),
        extension_type: Some("Document"),
        engines: &[DOCUMENTS, STATIC],
        detection: Some("static"),
        techniques: &[("Execution", "T1204.002", "A document started a script interpreter.")],
        weight: 24,
    },
    Malware {
        name: "KMSAuto Net.exe",
        classification: "Hacktool",
        source: Some("Cloud"),
        extension: Some("EXE"),
        extension_type: Some("Executable"),
        engines: &[REPUTATION],
        detection: Some("static"),
        techniques: &[],
        weight: 22,
    },
    Malware {
        name: "PCAppStore.exe",
        classification: "PUA",
        source: Some("Engine"),
        extension: Some("EXE"),
        extension_type: Some("Executable"),
        engines: &[("pup", "Potentially Unwanted Applications")],
        detection: Some("static"),
        techniques: &[("Persistence", "T1547.001", "Application registered itself to become persistent.")],
        weight: 20,
    },
    Malware {
        name: "update-chrome.js",
        classification: "Trojan",
        source: Some("Behavioral"),
        extension: Some("JS"),
        extension_type: Some("Script"),
        engines: &[DOCUMENTS, BEHAVIOUR],
        detection: Some("dynamic"),
        techniques: &[
            ("Execution", "T1059.007", "A script host ran code from a temporary folder."),
            ("Defense Evasion", "T1027", "Obfuscated commands were decoded and run."),
        ],
        weight: 14,
    },
    Malware {
        name: "mimikatz.exe",
        classification: "Hacktool",
        source: Some("Static"),
        extension: Some("EXE"),
        extension_type: Some("Executable"),
        engines: &[STATIC, REPUTATION],
        detection: Some("static"),
        techniques: &[
            ("Credential Access", "T1003.001", "Memory of the local security authority was read."),
            ("Credential Access", "T1003.001", "Memory of the local security authority was read."),
        ],
        weight: 8,
    },
    Malware {
        name: "powershell.exe (interactive session)",
        classification: "Malware",
        source: Some("Behavioral"),
        extension: Some("EXE"),
        extension_type: Some("Executable"),
        engines: &[BEHAVIOUR],
        detection: Some("dynamic"),
        techniques: &[("Execution", "T1059.001", "An encoded PowerShell command was run.")],
        weight: 9,
    },
    Malware {
        name: "lsd_locker.dll",
        classification: "Ransomware",
        source: Some("Behavioral"),
        extension: Some("DLL"),
        extension_type: Some("Executable"),
        engines: &[BEHAVIOUR, STATIC],
        detection: Some("dynamic"),
        techniques: &[
            ("Impact", "T1486", "Many files were encrypted in a short time."),
            ("Impact", "T1490", "Shadow copies were deleted."),
        ],
        weight: 3,
    },
    Malware {
        name: "eicar.com",
        classification: "Malware",
        source: Some("Cloud"),
        extension: Some("COM"),
        extension_type: Some("Executable"),
        engines: &[REPUTATION],
        detection: Some("static"),
        techniques: &[],
        weight: 10,
    },
    Malware {
        name: "xmrig",
        classification: "Cryptominer",
        source: Some("Static"),
        extension: None,
        extension_type: None,
        engines: &[STATIC],
        detection: Some("static"),
        techniques: &[("Impact", "T1496", "The processor was used to mine a currency.")],
        weight: 7,
    },
    Malware {
        name: "Atomic Installer",
        classification: "Infostealer",
        source: Some("Engine"),
        extension: None,
        extension_type: None,
        engines: &[STATIC_SUSPICIOUS],
        detection: None,
        techniques: &[("Collection", "T1555.001", "The key chain was read.")],
        weight: 6,
    },
    Malware {
        name: "Run SwitchTheme.ps1.lnk",
        classification: "PUA",
        source: Some("Engine"),
        extension: Some("LNK"),
        extension_type: Some("Unknown"),
        engines: &[STATIC_SUSPICIOUS],
        detection: Some("static"),
        techniques: &[],
        weight: 8,
    },
    Malware {
        name: "svch0st.exe",
        classification: "Trojan",
        source: None,
        extension: Some("EXE"),
        extension_type: Some("Executable"),
        engines: &[STATIC, ("lateral_movement", "Lateral Movement")],
        detection: Some("static"),
        techniques: &[("Lateral Movement", "T1021.002", "A service was started on another computer.")],
        weight: 4,
    },
    Malware {
        name: "Setup & <Crack>.exe",
        classification: "Malware",
        source: Some("Cloud"),
        extension: Some("EXE"),
        extension_type: Some("Executable"),
        engines: &[REPUTATION, STATIC],
        detection: Some("static"),
        techniques: &[],
        weight: 9,
    },
    Malware {
        name: "CVE-2025-1974 probe",
        classification: "Exploit",
        source: Some("Behavioral"),
        extension: None,
        extension_type: None,
        engines: &[("exploits", "Anti Exploitation / Fileless"), ("remote_shell", "Remote Shell")],
        detection: Some("dynamic"),
        techniques: &[("Initial Access", "T1190", "A public service was exploited.")],
        weight: 3,
    },
];

/// The index of an entry, drawn by weight.
pub(crate) fn weighted<T>(dice: &mut crate::draw::Dice, from: &[T], weight: impl Fn(&T) -> u64) -> usize {
    let total: u64 = from.iter().map(&weight).sum();
    let mut at = dice.below(total);
    for (index, entry) in from.iter().enumerate() {
        let share = weight(entry);
        if at < share {
            return index;
        }
        at -= share;
    }
    from.len() - 1
}

/// Escapes text as the console's pages do, which leaks into some API fields.
pub(crate) fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
