//! Files that people bring: what is said of good ones, and of all others.

use std::io::Write;
use std::process::Stdio;

use testkit::Database;

use crate::assert_run;
use crate::harness::{Console, Muster};

testkit::on_each_database! {
    a_scan_beside_a_console_answers_what_neither_can_alone,
}

/// A scan of an office: a machine, a printer, and a port that is open on one of them.
const OFFICE: &str = r#"<?xml version="1.0"?>
<nmaprun scanner="nmap" args="nmap -oX - 10.77.0.0/24" start="4102444000" version="7.94">
<host endtime="4102444100"><status state="up" reason="arp-response"/><address addr="10.77.0.5" addrtype="ipv4"/>
<address addr="00:00:5E:00:53:77" addrtype="mac" vendor="Dell"/><hostnames><hostname name="spare-pc.office.example" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="3389"><state state="open"/><service name="ms-wbt-server" product="Microsoft Terminal Services"/></port></ports>
<os><osmatch name="Microsoft Windows 10" accuracy="97"><osclass vendor="Microsoft" osfamily="Windows" type="general purpose"/></osmatch></os></host>
<host endtime="4102444100"><status state="up" reason="echo-reply"/><address addr="10.77.0.9" addrtype="ipv4"/>
<ports><port protocol="tcp" portid="9100"><state state="open"/><service name="jetdirect" devicetype="printer"/></port></ports></host>
<runstats><finished exit="success"/><hosts up="2" down="254" total="256"/></runstats>
</nmaprun>
"#;

const CMDB: &str = "\
sys_id,name,serial_number,ip_address,mac_address,os,manufacturer,owned_by,cost_centre,sys_updated_on
a1,PC-0001,SN-0001,10.77.0.21,00:00:5e:00:53:21,Windows 11,Dell Inc.,ann,4711,2026-01-01 00:00:00
a2,=PC-0002,SN-0002,10.77.0.22,,Windows 11,Dell Inc.,carl,4711,2026-01-01 00:00:00
a2,PC-0002,SN-0002,10.77.0.22,,Windows 11,Dell Inc.,bob,4711,2026-01-01 00:00:00
";

fn a_scan_beside_a_console_answers_what_neither_can_alone(database: &Database) {
    let console = Console::start();
    let muster = Muster::on(database).connect(&console);
    muster.ok(&["sync"]);
    let unprotected = "os:windows and not type:server and not edr.name:SentinelOne";
    let before = (muster.count("assets", ""), muster.count("assets", unprotected));
    let file = muster.dir.write("office.xml", OFFICE).display().to_string();
    muster.ok(&["import", "nmap", &file, "--source", "office", "--site", "HQ"]);
    assert_eq!((muster.count("assets", ""), muster.count("assets", unprotected)), (before.0 + 2, before.1 + 1));
    assert_eq!(muster.count("services", "port:3389"), 1);
    assert_eq!(muster.count("artifacts", "stream:hosts"), 2);
    // The console is read as before, and the file is left alone.
    muster.ok(&["sync"]);
    assert_eq!(muster.count("assets", ""), before.0 + 2);
}

#[test]
fn an_import_is_told_in_words() {
    let muster = Muster::new();
    let scan = muster.dir.write("office.xml", OFFICE).display().to_string();
    let list = muster.dir.write("cmdb.csv", CMDB).display().to_string();
    assert_run!(muster, muster.run(&["import", "csv", &list, "--dry-run"]));
    assert!(!muster.data_dir().join("muster.db").exists(), "a dry run makes no database");
    assert_run!(muster, muster.run(&["import", "nmap", &scan, "--dry-run"]));
    assert_run!(muster, muster.run(&["import", "csv", &list, "--source", "cmdb", "--site", "HQ"]));
    assert_run!(muster, muster.run(&["import", "csv", &list, "--source", "cmdb"]));
    assert_run!(muster, muster.run(&["sync", "cmdb"]));
    assert_run!(muster, muster.run(&["sync"]));
    let half = muster.dir.write("half.xml", &OFFICE[..OFFICE.find("<runstats>").unwrap()]).display().to_string();
    assert_run!(muster, muster.run(&["import", "nmap", &half, "--source", "office"]));
    let all = muster.ok(&["integration", "list", "--json"]).out;
    let of =
        |name: &str| all.lines().find(|line| line.contains(&format!("\"integration\":\"{name}\""))).unwrap().to_owned();
    assert!(of("cmdb").contains("\"connector\":\"csv\"") && of("cmdb").contains("\"light\":\"green\""), "{all}");
    assert!(
        of("office").contains("\"state\":\"incomplete\"")
            && of("office").contains("muster import nmap FILE --source office"),
        "{all}"
    );
    // What looks like a formula is text here, and harmless where it is opened.
    let fields = ["query", "serial:SN-0002", "--fields", "name,serial", "--format", "csv"];
    assert!(muster.ok(&fields).out.contains("'=PC-0002,SN-0002"));
}

#[test]
fn what_cannot_be_imported_says_why_and_leaves_nothing() {
    let muster = Muster::new();
    let mut told = String::new();
    for (name, format, content, more) in [
        ("absent.csv", "csv", None, &[][..]),
        ("empty.csv", "csv", Some(&b""[..]), &[]),
        ("scan.xml", "nmap", Some(b"<nmaprun>\n<host></hots>\n</nmaprun>"), &[]),
        ("list.csv", "nmap", Some(b"name,ip\nA,1\n"), &[]),
        ("list.csv.gz", "csv", Some(b"\x1f\x8b\x08\0\0\0\0\0"), &[]),
        ("twice.csv", "csv", Some(b"name,ip,IP\nA,1,2\n"), &[]),
        ("latin.csv", "csv", Some(b"name,owner\nPC1,Zo\xeb\n"), &[]),
        ("list.json", "json", Some(b"[{\"name\":\"A\"},\n{\"name\" \"B\"}]"), &[]),
        ("bomb.xml", "nmap", Some(b"<!DOCTYPE nmaprun [<!ENTITY a \"b\">]><nmaprun/>"), &[]),
        ("list.csv", "csv", Some(b"name,ip\nA,10.0.0.1\n"), &["--map", "name=hostnmae"]),
        ("list.csv", "csv", Some(b"name,ip\nA,10.0.0.1\n"), &["--map", "nmae=name"]),
        ("names.csv", "csv", Some(b"colour,size\nred,1\n"), &[]),
        ("token", "csv", Some(b"SECRET-of-somebody\n"), &[]),
        ("token", "csv", Some(b"SECRET-of-somebody\n"), &["--map", "Box=name"]),
        ("twice", "csv", Some(b"SECRET,SECRET\n1,2\n"), &[]),
    ] {
        if let Some(content) = content {
            muster.dir.write(name, content);
        }
        let file = muster.dir.join(name).display().to_string();
        let run = muster.run(&[&["import", format, &file, "--source", "lan"], more].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{name}: {}", run.err);
        assert!(!run.err.contains("SECRET"), "the first line may be anything: {}", run.err);
        told +=
            &format!("# {format} {name}\n{}\n", run.err.replace(&muster.dir.path().display().to_string(), "[HOME]"));
    }
    insta::assert_snapshot!(told);
    assert_eq!(muster.ok(&["integration", "list", "--json"]).out, "");
    assert_eq!(muster.count("assets", ""), 0);
}

#[test]
fn a_file_may_come_from_standard_input() {
    let muster = Muster::new();
    let mut command = muster.command(&["import", "nmap", "-", "--source", "office", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(OFFICE.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["created"], &report["complete"], &report["made"]), (&2.into(), &true.into(), &true.into()));
}
