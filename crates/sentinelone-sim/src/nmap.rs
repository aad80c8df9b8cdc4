//! What nmap makes of a host, and the file that it writes (`nmap -oX`, output version 1.05).

use std::fmt::Write as _;

use crate::catalog::{Family, Profile};
use crate::network::{Host, StrangerKind, Where};
use crate::text::SECOND;

/// How many ports nmap tries: its thousand most common ones.
const PORTS_TRIED: usize = 1000;

/// A system as nmap's fingerprints name it.
struct Fingerprint {
    name: &'static str,
    accuracy: u8,
    device: &'static str,
    vendor: &'static str,
    family: &'static str,
    generation: &'static str,
    cpe: &'static str,
}

/// An open port and what answers there.
pub(crate) struct Port {
    transport: &'static str,
    number: u16,
    service: &'static str,
    product: &'static str,
    version: &'static str,
    extra: &'static str,
    cpe: &'static str,
}

/// A kind of host as a scan sees it.
pub(crate) struct System {
    fingerprint: Option<Fingerprint>,
    pub(crate) windows: bool,
    pub(crate) server: bool,
    pub(crate) ports: &'static [Port],
}

const fn tcp(number: u16, service: &'static str, product: &'static str, version: &'static str) -> Port {
    Port { transport: "tcp", number, service, product, version, extra: "", cpe: "" }
}

impl Port {
    const fn more(mut self, extra: &'static str, cpe: &'static str) -> Port {
        self.extra = extra;
        self.cpe = cpe;
        self
    }

    const fn udp(mut self) -> Port {
        self.transport = "udp";
        self
    }
}

const fn windows(name: &'static str, generation: &'static str, cpe: &'static str) -> Option<Fingerprint> {
    let (device, vendor, family) = ("general purpose", "Microsoft", "Windows");
    Some(Fingerprint { name, accuracy: 97, device, vendor, family, generation, cpe })
}

const fn other(
    name: &'static str,
    device: &'static str,
    vendor: &'static str,
    family: &'static str,
    generation: &'static str,
    cpe: &'static str,
) -> Option<Fingerprint> {
    Some(Fingerprint { name, accuracy: 95, device, vendor, family, generation, cpe })
}

const RPC: Port = tcp(135, "msrpc", "Microsoft Windows RPC", "").more("", "cpe:/o:microsoft:windows");
const NETBIOS: Port = tcp(139, "netbios-ssn", "Microsoft Windows netbios-ssn", "").more("", "cpe:/o:microsoft:windows");
const SMB: Port = tcp(445, "microsoft-ds", "", "");
const RDP: Port = tcp(3389, "ms-wbt-server", "Microsoft Terminal Services", "").more("", "cpe:/o:microsoft:windows");
const WINRM: Port = tcp(5985, "http", "Microsoft HTTPAPI httpd", "2.0").more("SSDP/UPnP", "cpe:/o:microsoft:windows");
const IIS: Port = tcp(80, "http", "Microsoft IIS httpd", "10.0").more("", "cpe:/o:microsoft:windows");
const SQL: Port =
    tcp(1433, "ms-sql-s", "Microsoft SQL Server 2019", "15.00.2000").more("", "cpe:/a:microsoft:sql_server:2019");
const SSH: Port = tcp(22, "ssh", "OpenSSH", "9.6p1 Ubuntu 3ubuntu13.5")
    .more("Ubuntu Linux; protocol 2.0", "cpe:/a:openbsd:openssh:9.6p1");
const NGINX: Port = tcp(443, "http", "nginx", "1.24.0").more("Ubuntu", "cpe:/a:igor_sysoev:nginx:1.24.0");
const SNMP: Port = tcp(161, "snmp", "SNMPv1 server", "").more("public", "").udp();

const DESK: &[Port] = &[RPC, NETBIOS, SMB];
const DESK_REMOTE: &[Port] = &[RPC, NETBIOS, SMB, RDP];
const SERVER_PORTS: &[Port] = &[IIS, RPC, NETBIOS, SMB, SQL, RDP, WINRM];

/// The kinds of hosts.
const SYSTEMS: &[System] = &[
    System {
        fingerprint: windows("Microsoft Windows 11 21H2", "11", "cpe:/o:microsoft:windows_11"),
        windows: true,
        server: false,
        ports: DESK,
    },
    System {
        fingerprint: windows("Microsoft Windows 10 1809 - 21H2", "10", "cpe:/o:microsoft:windows_10"),
        windows: true,
        server: false,
        ports: DESK_REMOTE,
    },
    System {
        fingerprint: windows("Microsoft Windows Server 2022", "2022", "cpe:/o:microsoft:windows_server_2022"),
        windows: true,
        server: true,
        ports: SERVER_PORTS,
    },
    System {
        fingerprint: windows("Microsoft Windows Server 2019", "2019", "cpe:/o:microsoft:windows_server_2019"),
        windows: true,
        server: true,
        ports: SERVER_PORTS,
    },
    System {
        fingerprint: windows("Microsoft Windows Server 2016", "2016", "cpe:/o:microsoft:windows_server_2016"),
        windows: true,
        server: true,
        ports: SERVER_PORTS,
    },
    System {
        fingerprint: windows("Microsoft Windows 7 SP1", "7", "cpe:/o:microsoft:windows_7::sp1"),
        windows: true,
        server: false,
        ports: DESK,
    },
    System {
        fingerprint: windows(
            "Microsoft Windows Server 2008 R2 SP1",
            "2008",
            "cpe:/o:microsoft:windows_server_2008:r2:sp1",
        ),
        windows: true,
        server: true,
        ports: SERVER_PORTS,
    },
    System {
        fingerprint: other(
            "Apple macOS 13 (Ventura) - 14 (Sonoma) (Darwin 22.0.0 - 23.0.0)",
            "general purpose",
            "Apple",
            "macOS",
            "13.X",
            "cpe:/o:apple:mac_os_x:13",
        ),
        windows: false,
        server: false,
        ports: &[tcp(5900, "vnc", "Apple remote desktop vnc", "").more("", "cpe:/a:apple:remote_desktop")],
    },
    System {
        fingerprint: other(
            "Linux 5.0 - 5.14",
            "general purpose",
            "Linux",
            "Linux",
            "5.X",
            "cpe:/o:linux:linux_kernel:5",
        ),
        windows: false,
        server: true,
        ports: &[SSH, NGINX],
    },
    System {
        fingerprint: other("Linux 6.0", "general purpose", "Linux", "Linux", "6.X", "cpe:/o:linux:linux_kernel:6"),
        windows: false,
        server: false,
        ports: &[SSH],
    },
    System {
        fingerprint: other(
            "Brother HL-5370DW printer",
            "printer",
            "Brother",
            "embedded",
            "",
            "cpe:/h:brother:hl-5370dw",
        ),
        windows: false,
        server: false,
        ports: &[
            tcp(80, "http", "Debut embedded httpd", "1.30").more("Brother/HP printer http admin", ""),
            tcp(631, "ipp", "", ""),
            tcp(9100, "jetdirect", "", ""),
            SNMP,
        ],
    },
    System {
        fingerprint: other("Yealink SIP-T46G VoIP phone", "VoIP phone", "Yealink", "embedded", "", ""),
        windows: false,
        server: false,
        ports: &[tcp(443, "https", "", ""), tcp(5060, "sip", "", "")],
    },
    System {
        fingerprint: other(
            "Android 9 - 11 (Linux 4.9 - 4.14)",
            "phone",
            "Google",
            "Android",
            "10.X",
            "cpe:/o:google:android:10",
        ),
        windows: false,
        server: false,
        ports: &[],
    },
    System {
        fingerprint: other("Cisco IOS 12.4 - 15.2", "switch", "Cisco", "IOS", "15.X", "cpe:/o:cisco:ios:15"),
        windows: false,
        server: false,
        ports: &[
            tcp(22, "ssh", "Cisco SSH", "1.25").more("protocol 2.0", "cpe:/a:cisco:ssh:1.25"),
            tcp(443, "https", "", ""),
            SNMP,
        ],
    },
    System {
        fingerprint: other(
            "AXIS 210A or 211 Network Camera (Linux 2.6.17)",
            "webcam",
            "AXIS",
            "Linux",
            "2.6.X",
            "cpe:/h:axis:210a_network_camera",
        ),
        windows: false,
        server: false,
        ports: &[
            tcp(80, "http", "lighttpd", "1.4.19").more("", "cpe:/a:lighttpd:lighttpd:1.4.19"),
            tcp(554, "rtsp", "", ""),
        ],
    },
    System { fingerprint: None, windows: false, server: false, ports: &[] },
    System {
        fingerprint: other(
            "Apple iOS 15.0 - 16.1 (Darwin 21.1.0 - 22.1.0)",
            "phone",
            "Apple",
            "iOS",
            "15.X",
            "cpe:/o:apple:iphone_os:15",
        ),
        windows: false,
        server: false,
        ports: &[tcp(62078, "iphone-sync", "", "")],
    },
];

/// Places in [`SYSTEMS`].
pub(crate) mod at {
    pub(crate) const WINDOWS_11: usize = 0;
    pub(crate) const WINDOWS_10: usize = 1;
    pub(crate) const SERVER_2022: usize = 2;
    pub(crate) const SERVER_2019: usize = 3;
    pub(crate) const SERVER_2016: usize = 4;
    pub(crate) const WINDOWS_7: usize = 5;
    pub(crate) const SERVER_2008: usize = 6;
    pub(crate) const MACOS: usize = 7;
    pub(crate) const LINUX: usize = 8;
    pub(crate) const LINUX_DESKTOP: usize = 9;
    pub(crate) const PRINTER: usize = 10;
    pub(crate) const IP_PHONE: usize = 11;
    pub(crate) const ANDROID: usize = 12;
    pub(crate) const SWITCH: usize = 13;
    pub(crate) const CAMERA: usize = 14;
    pub(crate) const UNKNOWN: usize = 15;
    pub(crate) const IPHONE: usize = 16;
}

/// What only a scan sees; the last is no plain stranger.
pub(crate) const STRANGERS: [StrangerKind; 7] = [
    StrangerKind { name: "laptop", system: at::WINDOWS_11, maker: Some([0x10, 0x60, 0x4b]) },
    StrangerKind { name: "desk", system: at::WINDOWS_10, maker: Some([0x10, 0x60, 0x4b]) },
    StrangerKind { name: "old-fileserver", system: at::SERVER_2019, maker: Some([0x00, 0x1c, 0x14]) },
    StrangerKind { name: "lab", system: at::LINUX, maker: Some([0x00, 0x25, 0x90]) },
    StrangerKind { name: "printer", system: at::PRINTER, maker: Some([0x30, 0x05, 0x5c]) },
    StrangerKind { name: "phone", system: at::IPHONE, maker: None },
    StrangerKind { name: "router", system: at::SWITCH, maker: Some(crate::hardware::ROUTER) },
];

/// Who makes the cards that nmap knows.
const VENDORS: [([u8; 3], &str); 22] = [
    ([0x8c, 0x8c, 0xaa], "LCFC(Hefei) Electronics Technology"),
    ([0xd4, 0xbe, 0xd9], "Dell"),
    ([0x18, 0x66, 0xda], "Dell"),
    ([0x94, 0x40, 0xc9], "Hewlett Packard Enterprise"),
    ([0x3c, 0x52, 0x82], "Hewlett Packard"),
    ([0x10, 0x60, 0x4b], "Hewlett Packard"),
    ([0x04, 0x7c, 0x16], "Micro-Star INTL"),
    ([0x00, 0x0c, 0x29], "VMware"),
    ([0x00, 0x05, 0x69], "VMware"),
    ([0x00, 0x1c, 0x14], "VMware"),
    ([0x00, 0x15, 0x5d], "Microsoft"),
    ([0x52, 0x54, 0x00], "QEMU virtual NIC"),
    ([0xa4, 0x83, 0xe7], "Apple"),
    ([0x00, 0x1e, 0xf7], "Cisco Systems"),
    ([0x00, 0x1b, 0x54], "Cisco Systems"),
    ([0x00, 0xe0, 0x4c], "Realtek Semiconductor"),
    ([0x00, 0x80, 0x77], "Brother Industries"),
    ([0x30, 0x05, 0x5c], "Brother Industries"),
    ([0x80, 0x5e, 0xc0], "YEALINK(XIAMEN) NETWORK TECHNOLOGY"),
    ([0x8c, 0xf5, 0xa3], "Samsung Electronics"),
    ([0x00, 0x40, 0x8c], "Axis Communications AB"),
    ([0x00, 0x25, 0x90], "Super Micro Computer"),
];

/// The n-th kind of host.
pub(crate) fn system(number: usize) -> &'static System {
    &SYSTEMS[number]
}

/// What a scan makes of the system that an agent reports: its place in the list.
pub(crate) fn system_of(profile: &Profile) -> usize {
    let name = profile.os_name;
    match profile.family {
        Family::Mac => at::MACOS,
        Family::LinuxDesktop => at::LINUX_DESKTOP,
        Family::LinuxServer | Family::Node => at::LINUX,
        _ if name.contains("2022") => at::SERVER_2022,
        _ if name.contains("2019") => at::SERVER_2019,
        _ if name.contains("2016") => at::SERVER_2016,
        _ if name.contains("2008") => at::SERVER_2008,
        _ if name.contains("Windows 7") => at::WINDOWS_7,
        _ if name.contains("Windows 10") => at::WINDOWS_10,
        _ => at::WINDOWS_11,
    }
}

/// The file of a scan that ended at `now` (µs).
pub(crate) fn xml<'a>(hosts: impl Iterator<Item = &'a Host>, at: Where, now: i64) -> String {
    let hosts: Vec<&Host> = hosts.collect();
    let end = now / SECOND;
    // A second for every hundred hosts, and one more.
    let elapsed = hosts.len() as i64 / 100 + 1;
    let start = end - elapsed;
    let target = match at {
        Where::Main => "10.0.0.0/8",
        Where::Branch => "10.20.0.0/14",
    };
    let args = format!("nmap -sS -sU -sV -O -oX scan.xml {target}");
    let mut out = String::with_capacity(1024 + 2048 * hosts.len());
    let _ = write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n\
         <?xml-stylesheet href=\"file:///usr/share/nmap/nmap.xsl\" type=\"text/xsl\"?>\n\
         <!-- Nmap 7.95 scan initiated {0} as: {args} -->\n\
         <nmaprun scanner=\"nmap\" args=\"{args}\" start=\"{start}\" startstr=\"{0}\" version=\"7.95\" \
         xmloutputversion=\"1.05\">\n\
         <scaninfo type=\"syn\" protocol=\"tcp\" numservices=\"{PORTS_TRIED}\" services=\"1-1000\"/>\n\
         <scaninfo type=\"udp\" protocol=\"udp\" numservices=\"1\" services=\"161\"/>\n\
         <verbose level=\"0\"/>\n<debugging level=\"0\"/>\n",
        moment(start),
    );
    let mut up = 0;
    for host in hosts {
        let times = if host.twice { 2 } else { 1 };
        for _ in 0..times {
            up += 1;
            write_host(&mut out, host, start, end);
        }
    }
    let _ = write!(
        out,
        "<runstats><finished time=\"{end}\" timestr=\"{0}\" summary=\"Nmap done at {0}; {up} IP addresses ({up} hosts up) \
         scanned in {elapsed}.00 seconds\" elapsed=\"{elapsed}.00\" exit=\"success\"/>\
         <hosts up=\"{up}\" down=\"0\" total=\"{up}\"/>\n</runstats>\n</nmaprun>\n",
        moment(end),
    );
    out
}

fn write_host(out: &mut String, host: &Host, start: i64, end: i64) {
    let system = system(host.system);
    let (reason, ttl, distance) = match host.mac {
        Some(_) => ("arp-response", 0, 1),
        None => ("echo-reply", 62, 3),
    };
    let _ = write!(
        out,
        "<host starttime=\"{start}\" endtime=\"{end}\"><status state=\"up\" reason=\"{reason}\" reason_ttl=\"{ttl}\"/>\n\
         <address addr=\"{}\" addrtype=\"ipv4\"/>\n",
        host.address,
    );
    if let Some(mac) = &host.mac {
        let vendor = VENDORS
            .iter()
            .find(|(maker, _)| mac.starts_with(&format!("{:02x}:{:02x}:{:02x}", maker[0], maker[1], maker[2])));
        let _ = write!(out, "<address addr=\"{}\" addrtype=\"mac\"", mac.to_uppercase());
        if let Some((_, vendor)) = vendor {
            let _ = write!(out, " vendor=\"{}\"", escaped(vendor));
        }
        out.push_str("/>\n");
    }
    out.push_str("<hostnames>\n");
    if let Some(name) = &host.name {
        let _ = writeln!(out, "<hostname name=\"{}\" type=\"PTR\"/>", escaped(name));
    }
    out.push_str("</hostnames>\n");
    let closed = PORTS_TRIED - system.ports.len();
    let _ = write!(
        out,
        "<ports><extraports state=\"closed\" count=\"{closed}\">\n\
         <extrareasons reason=\"reset\" count=\"{closed}\" proto=\"tcp\"/>\n</extraports>\n",
    );
    for port in system.ports {
        write_port(out, port);
    }
    out.push_str("</ports>\n");
    if let Some(found) = &system.fingerprint {
        let generation = match found.generation {
            "" => String::new(),
            generation => format!(" osgen=\"{generation}\""),
        };
        let cpe = if found.cpe.is_empty() { String::new() } else { format!("<cpe>{}</cpe>", found.cpe) };
        let _ = write!(
            out,
            "<os><osmatch name=\"{}\" accuracy=\"{1}\" line=\"{2}\">\n\
             <osclass type=\"{3}\" vendor=\"{4}\" osfamily=\"{5}\"{generation} accuracy=\"{1}\">{cpe}</osclass>\n\
             </osmatch>\n</os>\n",
            escaped(found.name),
            found.accuracy,
            60_000 + host.system,
            found.device,
            escaped(found.vendor),
            found.family,
        );
    }
    let _ =
        write!(out, "<distance value=\"{distance}\"/>\n<times srtt=\"412\" rttvar=\"87\" to=\"100000\"/>\n</host>\n",);
}

fn write_port(out: &mut String, port: &Port) {
    let reason = if port.transport == "tcp" { "syn-ack" } else { "udp-response" };
    let _ = write!(
        out,
        "<port protocol=\"{}\" portid=\"{}\"><state state=\"open\" reason=\"{reason}\" reason_ttl=\"64\"/>\
         <service name=\"{}\"",
        port.transport, port.number, port.service,
    );
    for (key, value) in [("product", port.product), ("version", port.version), ("extrainfo", port.extra)] {
        if !value.is_empty() {
            let _ = write!(out, " {key}=\"{}\"", escaped(value));
        }
    }
    let (method, sure) = if port.product.is_empty() { ("table", 3) } else { ("probed", 10) };
    let _ = write!(out, " method=\"{method}\" conf=\"{sure}\">");
    if !port.cpe.is_empty() {
        let _ = write!(out, "<cpe>{}</cpe>", port.cpe);
    }
    out.push_str("</service></port>\n");
}

/// `Fri Nov 20 12:00:00 2026`.
fn moment(seconds: i64) -> String {
    // `Fri, 20 Nov 2026 12:00:00 GMT`
    let date = crate::text::http_date(seconds * SECOND);
    let part = |from: usize, to: usize| date.get(from..to).unwrap_or_default();
    format!("{} {} {} {} {}", part(0, 3), part(8, 11), part(5, 7), part(17, 25), part(12, 16))
}

/// Text inside an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
