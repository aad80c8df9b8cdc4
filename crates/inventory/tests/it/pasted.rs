//! Questions as runZero's users share them in public, typing mistakes and all: each runs, or is answered with the place,
//! what is not understood and what comes nearest.

use inventory::{Ask, AskError, Want};
use query::Severity;
use testkit::Database;

use crate::world::{self, NOW, ORG};

testkit::on_each_database! {
    what_people_share_runs_or_is_answered_with_what_comes_nearest,
    has_and_no_part_every_inventory_by_every_field,
}

/// The inventory and the text.
const SHARED: [(&str, &str); 79] = [
    ("assets", r#"(has:"@crowdstrike.dev.agentVersion" AND not @crowdstrike.dev.agentVersion:"<current version>")"#),
    ("assets", r#"(ntlmssp.dnsDomain:"DOMAINNAME" and not source:crowdstrike)"#),
    (
        "assets",
        "(os_eol:>now AND and os_eol:<6months) OR (os_eol:<now AND os_eol_extended:>now AND os_eol_extended:<6months)",
    ),
    ("assets", r#"@googleworkspace.endpoint.enabledDeveloperOptions:="true""#),
    ("assets", r#"@tenable.dev.hasAgent:="true""#),
    ("assets", r#"@tenable.dev.lastScanTimeTS:>"2weeks""#),
    ("assets", "@tenable.dev.operatingSystems:%Linux% and not OS:%linux%"),
    ("assets", "@vmware.vm.config.extra.guestinfo.vmtools.versionString:”_”"),
    ("assets", r#"@vmware.vm.config.tools.syncTimeWithHost:"=false""#),
    ("assets", "alive:t AND has_public:t AND has_private:t"),
    ("assets", "alive:t AND port:17472 AND (type:server OR type:desktop OR type:laptop)"),
    ("assets", "attr:virtual"),
    ("assets", "attribute:virtual"),
    ("assets", "child_kind:bacnet"),
    ("assets", r#"created_at:<"2weeks""#),
    ("assets", r#"first_seen:<"2weeks""#),
    (
        "assets",
        r#"has:"@sentinelone.dev.appsVulnerabilityStatus" AND @sentinelone.dev.appsVulnerabilityStatus:"=patch_required""#,
    ),
    ("assets", "has_public:t"),
    ("assets", "has_public:t OR has_public:t AND alive:t AND (protocol:rdp OR protocol:vnc OR protocol:teamviewer)"),
    ("assets", r#"has_public:t and finding_name:"administrative interface available""#),
    ("assets", r#"has_public:t and finding_name:"certificate and tls service risks""#),
    ("assets", r#"has_public:t and finding_name:"information disclosure vulnerability""#),
    ("assets", r#"has_public:t and finding_name:"insecure authentication mechanism""#),
    ("assets", r#"has_public:t and finding_name:"service misconfiguration""#),
    ("assets", r#"has_public_v4:t and finding_name:"information disclosure vulnerability""#),
    ("assets", r#"has_public_v4:t and finding_name:"widely shared private key""#),
    ("assets", "is:gateway"),
    ("assets", "multi_home:t AND has_public:f"),
    ("assets", "os:Linux AND (source:VMware OR attribute:virtual)"),
    ("assets", "os:windows AND os_eol:<now"),
    ("assets", "os:windows AND protocol:smb1 OR protocol:smb2"),
    ("assets", "os_eol:<now AND os_eol_extended:<now"),
    ("assets", "outlier:>=2"),
    ("assets", r#"passwordExpired:"true""#),
    (
        "assets",
        "port:21 OR port:23 OR port:80 OR port:139 OR port:445 OR port:3306 OR port:1433 OR port:161 OR port:8080 OR port:3389 OR port:5900",
    ),
    ("assets", "protocol:rdp OR protocol:vnc OR protocol:teamviewer OR protocol:ssh OR protocol:telnet"),
    ("assets", r#"source:meraki AND has:"@meraki.ntwkclient.vlan" AND @meraki.ntwkclient.vlan:"100""#),
    ("assets", r#"source:qualys AND @qualys.dev.host.lastScannedDateTimeTS:">2weeks""#),
    ("assets", r#"source:qualys AND @qualys.dev.host.trackingMethod:="AGENT""#),
    (
        "assets",
        r#"source:qualys AND @qualys.dev.host.trackingMethod:="IP" AND (type:server OR type:laptop OR type:desktop)"#,
    ),
    (
        "assets",
        "source:tenable and ((@tenable.dev.lastAuthenticatedScanDateTS:>30d) or (not @tenable.dev.lastAuthenticatedScanDateTS:>0))",
    ),
    (
        "assets",
        r#"type:"IP Camera" OR type:"thermostat" OR type:"Amazon Device" OR hw:"Google Chromecast" OR type:"Game Console" OR type:"Robotic Cleaner" OR type:"Nest Device" OR type:"Network Audio" OR type:"Smart TV" OR type:"VR Headset" OR type:"Voice Assistant""#,
    ),
    ("assets", r#"type:"access control""#),
    ("assets", r#"updated_at:>"2weeks""#),
    ("assets", "virtual:azure OR virtual:ec2 OR virtual:gcp"),
    ("assets", r#"virtual:vmware OR virtual:"Hyper-V" OR virtual:xen"#),
    ("services", "(type:router OR type:switch OR type:firewall) AND (port:80 OR port:443) AND has_public:true"),
    ("services", r#"_service.product:="OpenSSL:OpenSSL:3.0""#),
    ("services", r#"banner:"SSH-1""#),
    ("services", "protocol:cdp"),
    ("services", "protocol:ike"),
    ("services", "protocol:snmp has:snmp.serialNumbers OR hw.serialNumber:t OR ilo.serialNumber:t"),
    ("services", "protocol:snmp1 or protocol:snmp2 or protocol:snmp2c"),
    ("services", r#"protocol:ssh AND banner:"SSH-1""#),
    (
        "services",
        r#"protocol:telnet or protocol:ftp or protocol:tftp or banner:"SSH-1" or (protocol:http and not protocol:tls) or protocol:snmp1 or protocol:snmp2 or protocol:snmp2c"#,
    ),
    ("services", r#"snmp.arpcache.ports:"lo" AND snmp.interfaceAddrs:"<loopback IP>""#),
    (
        "services",
        r#"type:switch AND (_asset.protocol:http AND NOT _asset.protocol:tls) AND ( html.inputs:"password:" OR last.html.inputs:"password:" OR has:http.head.wwwAuthenticate OR has:last.http.head.wwwAuthenticate )`"#,
    ),
    (
        "software",
        "product:sql OR product:mariadb OR product:mongodb OR product:oracledb OR product:database OR (product:redis NOT product:redistributable)",
    ),
    ("software", "product:sql OR product:mariadb OR product:oracledb"),
    (
        "users",
        "alive:t AND (isDisabled:true OR (source:googleworkspace suspended:t) OR (source:googleworkspace isEnforcedIn2Sv:f) OR (has:accountExpiresTS) OR (isDisabled:true) OR (passwordExpired:true OR msDS-UserPasswordExpiryTimeComputedTS:<now))",
    ),
    ("vulnerabilities", "epss_score:>0.6"),
    ("vulnerabilities", "kev:cisa"),
    ("vulnerabilities", "kev:vulncheck"),
    ("vulnerabilities", "name:crypto or name:exposure"),
    (
        "vulnerabilities",
        r#"os:"mitsubishi electric air conditioning system" and (_service.banner:"%AG-150%" OR _service.banner:"%G-50%" OR _service.banner:"%GB-50%" OR _service.banner:"%GB-24%" OR _service.banner:"%G-150%" OR _service.banner:"%EB-50%" OR _service.banner:"%CMS-RMD-J%")"#,
    ),
    ("vulnerabilities", r#"source:qualys AND (vulnerability.threatIntel:"%Cisa_Known_Exploited_Vulns%" OR kev:cisa)"#),
    (
        "vulnerabilities",
        r#"source:qualys AND severity:high AND (vulnerability.threatIntel:"%Cisa_Known_Exploited_Vulns%" OR kev:cisa)"#,
    ),
    ("vulnerabilities", r#"source:qualys AND vulnerability.threatIntel:"%High_Data_Loss%""#),
    ("vulnerabilities", r#"source:qualys AND vulnerability.threatIntel:"%High_Lateral_Movement%""#),
    ("vulnerabilities", r#"source:qualys AND vulnerability.threatIntel:"%Predicted_High_Risk%""#),
    ("vulnerabilities", r#"source:qualys AND vulnerability.threatIntel:"%Wormable%""#),
    ("vulnerabilities", r#"source:qualys AND vulnerability.threatIntel:"%unauthenticated_Exploitation%""#),
    ("vulnerabilities", r#"source:rapid7 AND test.pciComplianceStatus:"fail""#),
    (
        "vulnerabilities",
        r#"source:tenable AND (plugin.xrefs.type:"CISA-KNOWN-EXPLOITED" OR kev:cisa) AND (severity:high OR severity:critical)"#,
    ),
    (
        "vulnerabilities",
        r#"source:tenable AND (plugin.xrefs.type:"CISA-KNOWN-EXPLOITED" OR kev:cisa) AND severity:critical AND firstFoundTS:<24hours"#,
    ),
    (
        "vulnerabilities",
        r#"source:tenable AND plugin.exploitabilityEase:"Exploits are available" AND severity:critical"#,
    ),
    ("vulnerabilities", r#"source:tenable AND plugin.vpr.score:"6.0""#),
    ("wireless", "essid:<ssid name> AND NOT authentication:<wifi security standard>"),
    ("wireless", r#"essid:="2WIRE640" AND NOT (bssid:"14:ed:bb:e0:99:1d" OR bssid:"15:ea:cd:e4:78:2f")"#),
];

fn what_people_share_runs_or_is_answered_with_what_comes_nearest(database: &Database) {
    let store = database.open(&[access::SLICE, signals::SLICE, inventory::SLICE]);
    world::fill(&store, 20, 7);
    let (mut ran, mut told) = (0, String::new());
    for (inventory, text) in SHARED {
        let ask = Ask { want: Want::Count, ..Ask::new(inventory, text, NOW) };
        let answer = store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask));
        told.push_str(&format!("{inventory}: {text}\n"));
        match answer {
            Ok(answer) => {
                ran += 1;
                for warning in answer.warnings.iter().filter(|warning| warning.severity == Severity::Warning) {
                    told.push_str(&format!("    note: {}\n", warning.message));
                }
            }
            Err(AskError::Refused(refused)) => {
                for problem in refused.problems.iter().filter(|problem| problem.severity == Severity::Error) {
                    let place = text.get(problem.span.start..problem.span.end).unwrap_or_default();
                    assert!(!place.is_empty(), "{text}: {problem:?} has a place");
                    told.push_str(&format!("    at {place}: {}\n", problem.message));
                }
            }
            Err(AskError::Inventory { message, help }) => told.push_str(&format!("    {message}: {help}\n")),
            Err(other) => panic!("{text}: {other:?}"),
        }
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("what_people_share", format!("{ran} of {} run\n\n{told}", SHARED.len()));
    });
}

/// A field either has a value in a row or has none, whatever it is and wherever its values are.
fn has_and_no_part_every_inventory_by_every_field(database: &Database) {
    let store = database.open(&[access::SLICE, signals::SLICE, inventory::SLICE]);
    world::fill(&store, 12, 7);
    let count = |inventory: &'static str, text: String| {
        let ask = Ask { want: Want::Count, ..Ask::new(inventory, &text, NOW) };
        let answer = store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask));
        answer.unwrap_or_else(|error| panic!("--in {inventory} {text}: {error:?}")).total.unwrap()
    };
    for inventory in inventory::catalogue().inventories.iter().filter(|inventory| inventory.listed) {
        let all = count(inventory.name, String::new());
        let fields = inventory.fields.iter().map(|field| field.name);
        for name in fields.chain(inventory.scopes.iter().map(|scope| scope.name)) {
            let (has, no) = (count(inventory.name, format!("has:{name}")), count(inventory.name, format!("no:{name}")));
            assert_eq!(has + no, all, "--in {} {name}", inventory.name);
        }
    }
}
