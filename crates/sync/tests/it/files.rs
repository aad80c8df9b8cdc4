//! Files as they are read: scans and lists, the good ones, and everything else that people bring.

use std::io::Read;

use proptest::prelude::*;
use sync::import::fields::{Dialect, Mapping};
use sync::import::host::Host;
use sync::import::{Draft, FILE_BYTES_MAX, Format, ImportError, PIECE_BYTES_MAX, Whole, read};

/// Reads a text as a file of that format.
pub fn reading(format: Format, map: &[&str], file: impl Read) -> Result<Draft, ImportError> {
    let map: Vec<String> = map.iter().map(|text| (*text).to_owned()).collect();
    read(format, Mapping::parse(&map)?, file, tempfile::tempfile().unwrap(), FILE_BYTES_MAX)
}

fn draft(format: Format, text: &str) -> Draft {
    reading(format, &[], text.as_bytes()).unwrap()
}

fn hosts(draft: &Draft) -> Vec<&Host> {
    draft.first.iter().map(|preview| &preview.host).collect()
}

/// The native ids of a file's records, in order.
fn ids(mut draft: Draft) -> Vec<String> {
    std::iter::from_fn(|| draft.next_record().unwrap()).map(|record| record.native_id).collect()
}

fn refusal(format: Format, file: impl Read) -> String {
    reading(format, &[], file).unwrap_err().to_string()
}

/// A scan as nmap writes it: a Windows server, a printer without hardware address, an address that is down, and one that
/// `-Pn` takes for up.
pub const SCAN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/share/nmap/nmap.xsl" type="text/xsl"?>
<nmaprun scanner="nmap" args="nmap -sS -O -oX out.xml --exclude 10.20.0.9 10.20.0.0/24" start="1795230000" version="7.94" xmloutputversion="1.05">
<scaninfo type="syn" protocol="tcp" numservices="1000" services="1-1000"/>
<hosthint><status state="up" reason="arp-response" reason_ttl="0"/><address addr="10.20.0.5" addrtype="ipv4"/></hosthint>
<host starttime="1795230001" endtime="1795230060"><status state="up" reason="arp-response" reason_ttl="0"/>
<address addr="10.20.0.5" addrtype="ipv4"/>
<address addr="00:00:5E:00:53:05" addrtype="mac" vendor="Dell &amp; Sons"/>
<hostnames><hostname name="files.corp.example.net" type="PTR"/><hostname name="10.20.0.5" type="user"/></hostnames>
<ports><extraports state="closed" count="996"><extrareasons reason="reset" count="996"/></extraports>
<port protocol="tcp" portid="22"><state state="closed" reason="reset" reason_ttl="64"/></port>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack" reason_ttl="128"/>
<service name="http" product="Microsoft IIS httpd" version="10.0" extrainfo="Windows" ostype="Windows" tunnel="ssl" method="probed" conf="10"><cpe>cpe:/a:microsoft:iis</cpe></service>
<script id="http-title" output="Intranet"><elem key="title">Intranet &#8211; home</elem></script>
<script id="ssl-cert" output="Subject: commonName=files.corp.example.net&#xa;Issuer: commonName=CA"><table key="subject"><elem key="commonName">files.corp.example.net</elem></table></script></port>
<port protocol="tcp" portid="445"><state state="open" reason="syn-ack"/><service name="microsoft-ds" method="table" conf="3"/></port>
</ports>
<os><osmatch name="Microsoft Windows Server 2016" accuracy="91" line="1"><osclass type="general purpose" vendor="Microsoft" osfamily="Windows" osgen="2016" accuracy="91"/></osmatch>
<osmatch name="Linux 2.6" accuracy="86" line="2"><osclass type="general purpose" vendor="Linux" osfamily="Linux" accuracy="86"/></osmatch></os>
<uptime seconds="1234" lastboot="Fri Nov 20 12:00:00 2026"/><distance value="1"/>
<hostscript><script id="nbstat" output="NetBIOS name: FILES01, NetBIOS user: &lt;unknown&gt;, NetBIOS MAC: 00:00:5e:00:53:05 (Dell)"/>
<script id="smb-os-discovery" output="OS: Windows Server 2019"><elem key="os">Windows Server 2019 Standard 17763</elem><elem key="fqdn">files01.corp.example.net</elem><elem key="server">FILES01\x00</elem></script></hostscript>
</host>
<host starttime="1795230001" endtime="1795230062"><status state="up" reason="echo-reply"/><address addr="10.20.0.7" addrtype="ipv4"/>
<hostnames/><ports><port protocol="udp" portid="161"><state state="open" reason="udp-response"/><service name="snmp" product="HP JetDirect" devicetype="printer"/></port>
<port protocol="tcp" portid="9100"><state state="open|filtered" reason="no-response"/></port></ports>
<os><osmatch name="HP LaserJet" accuracy="80" line="3"><osclass type="printer" vendor="HP" osfamily="embedded" accuracy="80"/></osmatch></os></host>
<host><status state="down" reason="no-response"/><address addr="10.20.0.8" addrtype="ipv4"/></host>
<host><status state="up" reason="user-set"/><address addr="10.20.0.66" addrtype="ipv4"/><ports><extraports state="filtered" count="1000"/></ports></host>
<runstats><finished time="1795230100" timestr="x" elapsed="100" summary="done" exit="success"/><hosts up="3" down="253" total="256"/></runstats>
</nmaprun>
"#;

#[test]
fn a_scan_tells_who_answered_and_what_they_are() {
    let draft = draft(Format::Nmap, SCAN);
    assert_eq!(draft.whole, Whole::Yes);
    let scan = draft.scan.as_ref().unwrap();
    assert_eq!((scan.up, scan.down, scan.silent, scan.looked_at), (2, 1, 1, Some(256)));
    assert_eq!(scan.targets.as_ref().unwrap().to_string(), "10.20.0.0/24, --exclude 10.20.0.9");
    let [files, printer] = hosts(&draft)[..] else { panic!("{:?}", draft.first) };

    assert_eq!((files.name.as_deref(), files.domain.as_deref()), (Some("FILES01"), Some("corp.example.net")));
    let names: Vec<_> = files.names.iter().map(|name| (name.kind.as_str(), name.name.as_str())).collect();
    let fqdns = [("fqdn", "files01.corp.example.net"), ("dns", "files.corp.example.net"), ("given", "10.20.0.5")];
    assert_eq!(names, [&[("computer", "FILES01")][..], &fqdns].concat());
    assert_eq!(files.os.as_deref(), Some("Windows Server 2019 Standard 17763"), "the machine's word, not the guess");
    assert_eq!((files.os_family.as_deref(), files.type_.as_deref()), (Some("windows"), Some("server")));
    assert_eq!(files.macs[0].mac, "00:00:5e:00:53:05");
    assert_eq!(files.macs[0].vendor.as_deref(), Some("Dell & Sons"));
    assert_eq!(files.manufacturer, None, "who made the network interface did not make the machine");
    assert!(files.addresses[0].measured);
    assert_eq!(files.last_seen.as_deref(), Some("2026-11-21T03:01:00Z"));
    let services: Vec<_> =
        files.services.iter().map(|service| (service.port, service.protocol.as_deref().unwrap_or("?"))).collect();
    assert_eq!(services, [(443, "https"), (445, "microsoft-ds")], "closed ports are no services");
    let web = &files.services[0];
    assert_eq!((web.product.as_deref(), web.version.as_deref()), (Some("Microsoft IIS httpd"), Some("10.0")));
    let banner = web.banner.as_deref().unwrap();
    assert_eq!(banner, "Windows; title: Intranet \u{2013} home; certificate: commonName=files.corp.example.net");

    assert_eq!(printer.os, None, "a guess of 80 percent is none");
    assert_eq!((printer.type_.as_deref(), printer.services.len()), (Some("printer"), 1));
    assert_eq!(ids(draft), ["mac:00:00:5e:00:53:05", "ip:10.20.0.7"]);
}

/// What machines say of themselves by SNMP: by Muster's own script, and by two of nmap's.
const SNMP: &str = r#"<nmaprun scanner="nmap" args="nmap --stats-every 2s -oX scan.xml 10.20.0.0/24" start="1795230000">
<host><status state="up" reason="echo-reply"/><address addr="10.20.0.2" addrtype="ipv4"/>
<hostscript><script id="muster-snmp" output="&#xa;  version: v2c"><elem key="version">v2c</elem>
<elem key="descr">Cisco IOS Software, C2960 Software, Version 15.0(2)SE, RELEASE SOFTWARE&#xd;&#xa;Technical Support</elem>
<elem key="name">sw-core.office.example</elem>
<table key="macs"><elem>00005e005301</elem><elem>00005e005302</elem><elem>none</elem></table></script></hostscript></host>
<host><status state="up" reason="arp-response"/><address addr="10.20.0.3" addrtype="ipv4"/><address addr="00:00:5E:00:53:31" addrtype="mac"/>
<ports><port protocol="udp" portid="161"><state state="open" reason="script-set"/><service name="snmp"/>
<script id="snmp-sysdescr" output="Linux db3 6.1.0-13-amd64 #1 SMP x86_64&#xa;  System uptime: 28 days, 17:18:59 (248153900 timeticks)"/>
<script id="snmp-interfaces" output="&#xa;  lo&#xa;    IP address: 127.0.0.1  Netmask: 255.0.0.0&#xa;  eth0&#xa;    IP address: 10.20.0.3  Netmask: 255.255.255.0&#xa;    MAC address: 00:00:5e:00:53:31 (ICANN)&#xa;  eth1&#xa;    IP address: 10.99.0.3  Netmask: 255.255.255.0&#xa;    MAC address: 00:00:5e:00:53:32 (ICANN)&#xa;    Traffic stats: 1.2 Gb sent, 3.4 Gb received"/></port></ports></host>
<host><status state="up" reason="echo-reply"/><address addr="10.20.0.4" addrtype="ipv4"/>
<hostscript><script id="muster-snmp" output=""><elem key="version">v1</elem><elem key="name">PRINTER7</elem>
<elem key="descr">HP ETHERNET MULTI-ENVIRONMENT,ROM A.25.80</elem></script></hostscript></host>
<host><status state="up" reason="echo-reply"/><address addr="10.20.0.5" addrtype="ipv4"/>
<hostscript><script id="muster-snmp" output=""><elem key="descr">Hardware: Intel64 - Software: Windows Version 6.3 (Build 17763 Multiprocessor Free)</elem></script></hostscript>
<os><osmatch name="Microsoft Windows Server 2019" accuracy="95"><osclass vendor="Microsoft" osfamily="Windows"/></osmatch></os></host>
<runstats><finished exit="success"/><hosts up="4" down="0" total="4"/></runstats></nmaprun>"#;

#[test]
fn what_machines_say_by_snmp_are_names_systems_and_hardware_addresses() {
    let draft = draft(Format::Nmap, SNMP);
    assert_eq!(draft.scan.as_ref().unwrap().targets.as_ref().unwrap().to_string(), "10.20.0.0/24");
    let [switch, server, printer, windows] = hosts(&draft)[..] else { panic!("{:?}", draft.first) };
    assert_eq!((switch.name.as_deref(), switch.domain.as_deref()), (Some("sw-core"), None));
    assert_eq!(switch.os_family.as_deref(), Some("cisco_ios"));
    assert!(switch.os.as_deref().unwrap().starts_with("Cisco IOS Software, C2960"), "{:?}", switch.os);
    let macs: Vec<_> = switch.macs.iter().map(|mac| (mac.mac.as_str(), mac.said)).collect();
    assert_eq!(macs, [("00:00:5e:00:53:01", true), ("00:00:5e:00:53:02", true)]);
    let service = &switch.services[0];
    assert_eq!((service.port, service.transport.as_str(), service.version.as_deref()), (161, "udp", Some("v2c")));
    assert!(service.banner.as_deref().unwrap().contains("C2960"));

    assert_eq!((server.os.as_deref(), server.os_family.as_deref()), (Some("Linux 6.1.0-13-amd64"), Some("linux")));
    let addresses: Vec<_> = server.addresses.iter().map(|one| (one.ip.to_string(), one.measured)).collect();
    assert_eq!(
        addresses,
        [("10.20.0.3".to_owned(), true), ("10.99.0.3".to_owned(), false)],
        "what is only said is secondary"
    );
    let said: Vec<_> = server.macs.iter().map(|mac| mac.said).collect();
    assert_eq!(said, [false, true]);
    assert!(!serde_json::to_string(server).unwrap().contains("uptime"), "what moves by itself is left out");

    assert_eq!((printer.name.as_deref(), printer.os.as_deref()), (Some("PRINTER7"), None), "half of it is hardware");
    assert_eq!(
        windows.os.as_deref(),
        Some("Microsoft Windows Server 2019"),
        "a guess of the same family says it better"
    );
    // Whether it answers by SNMP may change from scan to scan; what it is known by does not.
    assert_eq!(ids(draft), ["ip:10.20.0.2", "mac:00:00:5e:00:53:31", "ip:10.20.0.4", "ip:10.20.0.5"]);
}

#[test]
fn half_a_scan_says_so_wherever_it_was_cut() {
    let ends = SCAN.find("<runstats>").unwrap();
    let begins = SCAN.find("<host starttime").unwrap();
    for cut in (begins..ends).filter(|at| SCAN.is_char_boundary(*at)) {
        let draft = reading(Format::Nmap, &[], &SCAN.as_bytes()[..cut]).unwrap();
        let Whole::No(why) = &draft.whole else { panic!("{cut} is taken for whole") };
        assert_eq!(why, "the file ends in the middle of the scan", "{cut}");
    }
    let whole = |from: &str, to: &str| {
        let text = SCAN.replace(from, to);
        assert_ne!(text, SCAN);
        match draft(Format::Nmap, &text).whole {
            Whole::No(why) => why,
            Whole::Yes => panic!("{to} is taken for whole"),
        }
    };
    assert_eq!(
        whole("exit=\"success\"", "exit=\"error\" errormsg=\"no route\""),
        "the scan did not finish well: no route"
    );
    assert_eq!(whole("<hosts up=\"3\"", "<hosts up=\"9\""), "the scan counted 9 hosts up, and the file has 3");
    let unfinished = SCAN.replace(&SCAN[ends..SCAN.rfind("</nmaprun>").unwrap()], "");
    assert!(matches!(draft(Format::Nmap, &unfinished).whole, Whole::No(_)));
}

#[test]
fn hosts_behind_one_hardware_address_stay_apart() {
    let host = |ip: &str| {
        format!(
            r#"<host><status state="up" reason="arp-response"/><address addr="{ip}" addrtype="ipv4"/><address addr="00:00:5E:00:53:01" addrtype="mac"/></host>"#
        )
    };
    let scan = |hosts: &[String]| {
        format!("<nmaprun>{}<runstats><finished exit=\"success\"/></runstats></nmaprun>", hosts.concat())
    };
    let alone = draft(Format::Nmap, &scan(&[host("10.0.0.1")]));
    assert_eq!(ids(alone), ["mac:00:00:5e:00:53:01"]);
    let (one, two) = (host("10.0.0.1"), host("10.0.0.2"));
    let there = draft(Format::Nmap, &scan(&[one.clone(), two.clone(), one.clone()]));
    assert_eq!((there.shared, there.repeated.as_slice()), (1, &[(1, 1)][..]));
    let both = ["mac:00:00:5e:00:53:01 ip:10.0.0.1", "mac:00:00:5e:00:53:01 ip:10.0.0.2"];
    assert_eq!(ids(there), both);
    let back = ids(draft(Format::Nmap, &scan(&[two, one])));
    assert_eq!(back.into_iter().rev().collect::<Vec<_>>(), both, "whatever their order");
}

#[test]
fn exports_are_recognised_by_their_headers() {
    for (dialect, format, text) in [
        (
            Dialect::RunZero,
            Format::Csv,
            "id,alive,site_name,addresses,addresses_extra,macs,names,os,os_version,hw,tags,last_seen,service_count\n\
             9f3c,true,HQ,10.0.0.5,192.168.9.9,00:00:5e:00:53:01,PC1.CORP.EXAMPLE.NET PC1,Windows,11,Dell Latitude,env=prod,1795230000,3\n",
        ),
        (
            Dialect::RunZero,
            Format::Json,
            r#"{"id":"9f3c","alive":true,"site_name":"HQ","addresses":["10.0.0.5"],"addresses_extra":["192.168.9.9"],"macs":["00:00:5e:00:53:01"],"names":["PC1"],"os":"Windows","os_version":"11","tags":{"env":"prod"},"last_seen":1795230000,"services":{"10.0.0.5/22/tcp":{"protocol":"ssh","product":"OpenBSD:OpenSSH:9.6","banner":"SSH-2.0-OpenSSH_9.6"}}}"#,
        ),
        (
            Dialect::NetBox,
            Format::Json,
            r#"{"count":1,"next":null,"results":[{"id":9,"name":"PC1","device_type":{"manufacturer":{"name":"Dell"},"model":"Latitude"},"serial":"ABC123","asset_tag":"A-9","primary_ip4":{"address":"10.0.0.5/24"},"platform":{"name":"Windows 11"},"role":{"name":"Laptop"},"tags":[{"name":"env:prod"}]}]}"#,
        ),
        (
            Dialect::ServiceNow,
            Format::Csv,
            "sys_id;name;serial_number;asset_tag;ip_address;mac_address;os;os_version;manufacturer;model_id;assigned_to;owned_by;sys_updated_on\n\
             9f3c;PC1;ABC123;A-9;10.0.0.5;00-00-5E-00-53-01;Windows;11;Dell;Latitude;sam;ann;2026-01-01 00:00:00\n",
        ),
        (
            Dialect::Cartography,
            Format::Csv,
            "n.id,n.hostname,n.serial_number,n.privateipaddress,n.instanceid,n.firstseen,n.lastupdated\n\
             9f3c,PC1,ABC123,10.0.0.5,i-0abc,1795230000,1795230000\n",
        ),
        (Dialect::Plain, Format::Csv, "Host name,IP address,Serial No.,Owner\nPC1,10.0.0.5,ABC123,ann\n"),
        (Dialect::Plain, Format::Json, "[{\"hostname\":\"PC1\",\"ip\":\"10.0.0.5\",\"serial\":\"ABC123\"}]"),
    ] {
        let draft = draft(format, text);
        assert_eq!(draft.columns.dialect, Some(dialect), "{text}");
        let [host] = hosts(&draft)[..] else { panic!("{text}") };
        assert!(host.name.as_deref().is_some_and(|name| name.to_lowercase().starts_with("pc1")), "{host:?}");
        assert_eq!(host.addresses[0].ip.to_string(), "10.0.0.5", "{text}");
        assert_eq!(host.addresses[0].measured, dialect == Dialect::RunZero, "only a scanner measures: {text}");
        assert_eq!(host.source, dialect.source());
        let is_known = host.serial.as_deref() == Some("ABC123") || !host.macs.is_empty();
        assert!(is_known, "{host:?}");
    }
}

#[test]
fn the_parts_of_an_export_land_where_they_belong() {
    let text = r#"{"id":"9f3c","addresses":["10.0.0.5"],"addresses_extra":["192.168.9.9"],"macs":["00:00:5e:00:53:01"],"names":["PC1"],"hw":"x","os":"Windows","os_version":"11","tags":{"env":"prod"},"services":{"10.0.0.5/22/tcp":{"protocol":"ssh","banner":"SSH-2.0"}},"cost":{"centre":7}}"#;
    let runzero = draft(Format::Json, text);
    let host = hosts(&runzero)[0];
    assert_eq!(host.addresses.iter().map(|one| one.measured).collect::<Vec<_>>(), [true, false]);
    assert_eq!((host.os.as_deref(), host.os_family.as_deref()), (Some("Windows 11"), Some("windows")));
    assert_eq!((host.tags[0].key.as_str(), host.tags[0].value.as_str()), ("env", "prod"));
    assert_eq!((host.services[0].port, host.services[0].protocol.as_deref()), (22, Some("ssh")));
    assert_eq!(host.columns["cost.centre"], "7", "what is not understood is kept");
    assert_eq!(ids(runzero), ["id:9f3c"]);
}

#[test]
fn a_mapping_says_what_no_header_does() {
    let text = "Kasten,Wo,Env,Preis,Spare\nPC1,10.0.0.5,prod,99,x\n";
    assert!(
        refusal(Format::Csv, text.as_bytes())
            .starts_with("no column of the first line says which machine a row is about")
    );
    let map = ["Kasten=name", "wo=ip", "Env=tag.env", "Preis=custom.price", "Spare=ignore"];
    let draft = reading(Format::Csv, &map, text.as_bytes()).unwrap();
    let host = hosts(&draft)[0];
    assert_eq!((host.name.as_deref(), host.addresses[0].ip.to_string().as_str()), (Some("PC1"), "10.0.0.5"));
    assert_eq!((host.tags[0].key.as_str(), host.columns["price"].as_str()), ("env", "99"));
    assert_eq!(draft.columns.ignored, ["Spare"]);
    assert!(draft.columns.missing.iter().any(|missing| missing.starts_with("serial: ")), "{:?}", draft.columns);

    let refused = |map: &str| reading(Format::Csv, &[map], text.as_bytes()).unwrap_err().to_string();
    assert!(
        refused("Kasten=nmae").contains("there is no field \"nmae\" (did you mean name?)"),
        "{}",
        refused("Kasten=nmae")
    );
    let column = refused("Kastn=name");
    assert!(column.starts_with("--map Kastn: the file has no column \"Kastn\" (did you mean Kasten?)"), "{column}");
    assert!(refused("Kasten").contains("is not COLUMN=FIELD"));
}

#[test]
fn rows_are_known_by_the_best_that_only_they_have() {
    let text = "name,serial,mac,ip\n\
        A,SN1,00:00:5e:00:53:01,10.0.0.1\n\
        B,To be filled by O.E.M.,00:00:5e:00:53:02,10.0.0.2\n\
        C,To be filled by O.E.M.,,10.0.0.3\n\
        C,To be filled by O.E.M.,,10.0.0.4\n\
        A,SN1,00:00:5e:00:53:01,10.0.0.1\n\
        ,,,\n";
    let draft = draft(Format::Csv, text);
    assert_eq!((draft.hosts, draft.repeated.as_slice(), draft.nameless.as_slice()), (4, &[(6, 2)][..], &[7][..]));
    let known = ids(draft);
    assert_eq!(known[0], "serial:sn1");
    assert_eq!(known[1], "name:b mac:00:00:5e:00:53:02");
    assert!(known[2].ends_with("name:c ip:10.0.0.3") && known[3].ends_with("name:c ip:10.0.0.4"), "{known:?}");
}

#[test]
fn what_is_malformed_is_told_with_its_place() {
    for (format, text, told) in [
        (Format::Nmap, "<nmaprun>\n<host><status></host></nmaprun>", "line 2, column 15: the XML is malformed"),
        (
            Format::Nmap,
            "<nmaprun>\n <host a=\"&nosuch;\"/></nmaprun>",
            "line 2, column 22: there is no entity &nosuch;",
        ),
        (Format::Nmap, "<nmaprun><host>&bomb;</host></nmaprun>", "there is no entity &bomb;"),
        (Format::Nmap, "<nmaprun></nmaprun>trailing", "there is text behind the scan's end"),
        (Format::Csv, "name,ip\nA,1\n\"B,2\n", "line 3, column 1: the quote is never closed"),
        (Format::Csv, "name,ip\n\"A\"x,1\n", "line 2, column 4: there is text behind the closing quote"),
        (Format::Csv, "name,ip\nA,1,2\n", "line 2, column 1: the row has 3 cells, and there are 2 columns"),
        (Format::Csv, "name,IP,ip\nA,1,2\n", "columns 2 and 3 have the same name; rename one of them"),
        (Format::Json, "[{\"name\":\"A\"},\n {\"name\":}]", "line 2, column 10: the JSON is malformed: expected value"),
        (Format::Json, "{\"name\":\"A\"}\n{\"name\":\"B\"\n", "the JSON is malformed: EOF while parsing an object"),
        (Format::Json, "{\"name\":\"A\"}\nx", "line 2, column 1: an object was expected here"),
        (Format::Json, "[1, 2]", "the JSON is malformed: invalid type: integer `1`, expected a map"),
    ] {
        let refused = refusal(format, text.as_bytes());
        assert!(refused.contains(told), "{text:?}: {refused}");
    }
}

#[test]
fn a_file_of_another_kind_is_told_what_it_looks_like() {
    for (format, text, told) in [
        (Format::Nmap, "name,ip\nA,1\n", "this is no XML of nmap's: it looks like text; say muster import csv"),
        (Format::Nmap, "# Nmap 7.94 scan initiated\n", "nmap -oX FILE writes what can be read"),
        (Format::Nmap, "<html><body/></html>", "it looks like a web page"),
        (Format::Nmap, "<other/>", "it looks like other XML"),
        (Format::Csv, SCAN, "this is no CSV: it looks like XML; say muster import nmap"),
        (Format::Csv, "[{\"name\":\"A\"}]", "this is no CSV: it looks like JSON; say muster import json"),
        (Format::Json, "name,ip\nA,1\n", "this is no JSON: it looks like text; say muster import csv"),
        (Format::Csv, "SQLite format 3\0\x01\x01", "a program's own file"),
        (Format::Csv, "", "the file is empty"),
        (Format::Json, " \n\t ", "the file is empty"),
        (Format::Nmap, "\u{feff}", "the file is empty"),
    ] {
        let refused = refusal(format, text.as_bytes());
        assert!(refused.contains(told), "{text:?}: {refused}");
    }
    for (magic, told) in [
        (&b"\x1f\x8b\x08\0\0\0"[..], "compressed (gzip); unpack it first: gunzip -c FILE"),
        (b"PK\x03\x04\x14\0", "compressed (zip, as workbooks are"),
        (b"\x28\xb5\x2f\xfd\0", "compressed (zstd)"),
    ] {
        for format in Format::ALL {
            assert!(refusal(format, magic).contains(told), "{}", refusal(format, magic));
        }
    }
}

#[test]
fn encodings_are_read_or_named() {
    let text = "name,owner\nPC-É,Zoë 🖥\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xff\xfe".as_slice(), &utf16].concat();
    let big: Vec<u8> = std::iter::once(0xfeffu16).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    for bytes in [text.as_bytes(), &[b"\xef\xbb\xbf", text.as_bytes()].concat(), &utf16, &marked, &big] {
        // In pieces of one byte a character is never whole.
        let draft = reading(Format::Csv, &[], bytes.chunks(1).fold(Chunks::default(), Chunks::and)).unwrap();
        assert_eq!(hosts(&draft)[0].name.as_deref(), Some("PC-É"));
        assert_eq!(hosts(&draft)[0].owner.as_deref(), Some("Zoë 🖥"));
    }
    let latin: Vec<u8> = "name,owner\nPC1,ok\nPC-É,x\n".chars().map(|c| c as u8).collect();
    let refused = refusal(Format::Csv, latin.as_slice());
    assert!(refused.starts_with("line 3, column 4: this is not UTF-8") && refused.contains("iconv"), "{refused}");
    let xml = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><nmaprun><host><status state=\"up\"/>\
        <address addr=\"10.0.0.1\" addrtype=\"ipv4\"/><hostnames><hostname name=\"PC-É\" type=\"PTR\"/></hostnames></host></nmaprun>";
    let latin: Vec<u8> = xml.chars().map(|c| c as u8).collect();
    let draft = reading(Format::Nmap, &[], latin.as_slice()).unwrap();
    assert_eq!(hosts(&draft)[0].name.as_deref(), Some("PC-É"));
    let other = xml.replace("ISO-8859-1", "Shift_JIS");
    assert!(refusal(Format::Nmap, other.as_bytes()).contains("its encoding is Shift_JIS"));
}

/// A reader that hands out what it has in small pieces.
#[derive(Default)]
struct Chunks<'a>(std::collections::VecDeque<&'a [u8]>);

impl<'a> Chunks<'a> {
    fn and(mut self, chunk: &'a [u8]) -> Chunks<'a> {
        self.0.push_back(chunk);
        self
    }
}

impl Read for Chunks<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let Some(chunk) = self.0.pop_front() else { return Ok(0) };
        out[..chunk.len()].copy_from_slice(chunk);
        Ok(chunk.len())
    }
}

/// A reader that repeats a piece for as long as it is asked.
struct Endless(&'static [u8], usize);

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        for byte in out.iter_mut() {
            *byte = self.0[self.1 % self.0.len()];
            self.1 += 1;
        }
        Ok(out.len())
    }
}

#[test]
fn a_file_that_does_not_end_is_refused_within_bounds() {
    let bounded = |format, begin: &'static str, piece: &'static [u8]| {
        let file = begin.as_bytes().chain(Endless(piece, 0));
        let scratch = tempfile::tempfile().unwrap();
        let read =
            read(format, Mapping::default(), file, scratch.try_clone().unwrap(), PIECE_BYTES_MAX + PIECE_BYTES_MAX / 4);
        assert!(scratch.metadata().unwrap().len() < 2 * PIECE_BYTES_MAX);
        read.unwrap_err()
    };
    let large = |error: &ImportError| matches!(error, ImportError::TooLarge { .. });
    let piece = |error: &ImportError| matches!(error, ImportError::PieceTooLarge { .. });
    // Equal rows are one machine, so the whole file is read and nothing is kept of it.
    assert!(large(&bounded(Format::Csv, "name,ip\n", b"A,10.0.0.1\n")));
    assert!(large(&bounded(Format::Json, "[{}", b",{}")));
    assert!(large(&bounded(Format::Nmap, "<nmaprun>", b"<host><status state=\"down\"/></host>")));
    // One record, text or tag that does not end is not kept in memory.
    assert!(piece(&bounded(Format::Csv, "name,ip\n\"", b"A,10.0.0.1\n")));
    assert!(piece(&bounded(Format::Csv, "", b"x")));
    assert!(piece(&bounded(Format::Json, "[{\"a\":\"", b"A")));
    assert!(piece(&bounded(Format::Json, "{\"results\":[{\"a\":[", b"1,")));
    assert!(piece(&bounded(Format::Nmap, "<nmaprun><host a=\"", b"A")));
    assert!(piece(&bounded(Format::Nmap, "<nmaprun><!--", b"A")));
    // Depth has a bound of its own.
    let deep = bounded(Format::Nmap, "<nmaprun>", b"<a>");
    assert!(matches!(deep, ImportError::TooDeep { .. }), "{deep}");
    let deep = bounded(Format::Json, "", b"[");
    assert!(deep.to_string().contains("the JSON is malformed"), "{deep}");
    let wide = bounded(Format::Csv, "", b"x,");
    assert!(matches!(wide, ImportError::TooManyColumns), "{wide}");
}

#[test]
fn a_document_that_declares_entities_is_refused() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE nmaprun [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><nmaprun><host>&b;</host></nmaprun>";
    assert!(refusal(Format::Nmap, bomb.as_bytes()).contains("declares entities of its own"));
    let outside = bomb.replace(" \"aaaa\"", " SYSTEM \"file:///etc/passwd\"");
    assert!(refusal(Format::Nmap, outside.as_bytes()).contains("declares entities of its own"));
}

#[test]
fn hostile_cells_are_kept_as_text() {
    let long = "x".repeat(10_000);
    let text = format!(
        "name,owner,serial\n\"=cmd|' /C calc'!A0\",@SUM(A1),1\n\"<script>alert(1)</script>\",../../etc/passwd,2\n\
         \"a\u{1b}[31mb\u{7}\",\"x\"\"y\",3\n{long},o,4\n"
    );
    let draft = draft(Format::Csv, &text);
    let names: Vec<_> = hosts(&draft).iter().map(|host| host.name.clone().unwrap()).collect();
    assert_eq!(names[0], "=cmd|' /C calc'!A0");
    assert_eq!(names[1], "<script>alert(1)</script>");
    assert_eq!(names[2], "a\u{1b}[31mb\u{7}");
    assert_eq!(names[3], long);
    let owners: Vec<_> = hosts(&draft).iter().map(|host| host.owner.clone().unwrap()).collect();
    assert_eq!(owners, ["@SUM(A1)", "../../etc/passwd", "x\"y", "o"]);
    let text = format!("name\n{long}\n");
    let known = ids(reading(Format::Csv, &[], text.as_bytes()).unwrap());
    assert!(known[0].starts_with("name:sha256:") && known[0].len() < 100, "{known:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in Format::ALL {
            let _ = reading(format, &[], bytes.as_slice());
        }
    }

    #[test]
    fn any_damage_to_a_file_is_answered(at in 0usize..4_000, cut in 0usize..40, put in "[<>&;\"'=,{}\\[\\]\n\\PC]{0,6}") {
        let csv = "sys_id;name;serial_number;ip_address\n9f3c;\"PC;1\";ABC123;10.0.0.5\n";
        let json = r#"{"count":1,"results":[{"id":9,"name":"PC1","tags":[{"name":"a:b"}],"x":{"y":[1,2,{"z":null}]}}]}"#;
        for (format, text) in [(Format::Nmap, SCAN), (Format::Csv, csv), (Format::Json, json)] {
            let mut bytes = text.as_bytes().to_vec();
            let from = at % bytes.len();
            let to = (from + cut).min(bytes.len());
            bytes.splice(from..to, put.bytes());
            if let Ok(mut draft) = reading(format, &[], bytes.as_slice()) {
                while let Some(record) = draft.next_record().unwrap() {
                    prop_assert!(serde_json::from_slice::<Host>(&record.raw).is_ok());
                    prop_assert!(!record.native_id.is_empty() && record.native_id.len() <= 512);
                }
            }
        }
    }

    #[test]
    fn what_is_read_is_the_same_whatever_the_pieces(size in 1usize..500) {
        let pieces = SCAN.as_bytes().chunks(size).fold(Chunks::default(), Chunks::and);
        let piecewise = reading(Format::Nmap, &[], pieces).unwrap();
        prop_assert_eq!(&piecewise.first, &draft(Format::Nmap, SCAN).first);
    }

    #[test]
    fn csv_reads_back_what_was_written(cells in prop::collection::vec("[a-z,;\"\n|é= ]{1,8}", 1..6)) {
        let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let headers: Vec<String> = (0..cells.len()).map(|at| format!("c{at}")).collect();
        let text = format!("id,{}\n7,{}\n", headers.join(","), quoted.join(","));
        let draft = draft(Format::Csv, &text);
        for (header, cell) in headers.iter().zip(&cells) {
            let nothing = cell.trim().is_empty();
            prop_assert_eq!(draft.first[0].host.columns.get(header).map(String::as_str), (!nothing).then(|| cell.trim()));
        }
    }
}
