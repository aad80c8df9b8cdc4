//! Assets, and the parts of one that a scope reaches: interfaces, addresses, names, tags, sightings.

use query::{Base, Choice, Choices, Column, Field, Inventory, Raw, Scope, Type};

use super::{
    ASSET_IDS, HOST_KIND, IMPORTS, MODES, PRESENCES, RANGER_KIND, SENTINELONE, SITE_IDS, SITE_NAMES, SOURCES, XDR_KIND,
    console_fields, flag, int, integration, later, missing, native, past, public, raw, services, term, text, version,
    word, words,
};

/// What the rows of an asset's records hang on.
macro_rules! of_asset {
    ($table:literal) => {
        concat!(
            "FROM inventory_link l JOIN ",
            $table,
            " c ON c.org_id = l.org_id AND c.record_id = l.record_id WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id"
        )
    };
}

/// The elements of a scope that hang on an asset's records.
macro_rules! element_of_asset {
    ($table:literal) => {
        concat!(
            "FROM inventory_link l JOIN ",
            $table,
            " {e} ON {e}.org_id = l.org_id AND {e}.record_id = l.record_id WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id"
        )
    };
}

/// The rows that name the record of an asset's agent and that the source still has: the elements of a scope (`{e}`), or
/// `c`.
macro_rules! of_agent {
    ($table:literal, $row:literal) => {
        concat!(
            "FROM inventory_link l JOIN ",
            $table,
            " ",
            $row,
            " ON ",
            $row,
            ".org_id = l.org_id AND ",
            $row,
            ".agent_record_id = l.record_id \
             WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id AND ",
            $row,
            ".gone = 0"
        )
    };
}

/// An open question about a record of an asset, on the side that the column names.
macro_rules! asked_about {
    ($side:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM inventory_link l JOIN inventory_suggestion c ON c.org_id = l.org_id AND c.",
            $side,
            " = l.record_id WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id)"
        )
    };
}

/// SentinelOne's machine types, and what scanners call the things that run no agent.
const TYPES: Choices = words(&[
    Choice::new("server"),
    Choice::or("desktop", &["workstation"]),
    Choice::or("laptop", &["notebook"]),
    Choice::new("kubernetes node"),
    Choice::new("kubernetes pod"),
    Choice::new("kubernetes helper"),
    Choice::new("ecs task"),
    Choice::new("storage"),
    Choice::new("unknown"),
    Choice::new("access control"),
    Choice::new("amazon device"),
    Choice::new("firewall"),
    Choice::new("game console"),
    Choice::new("ip camera"),
    Choice::new("ip phone"),
    Choice::new("mobile"),
    Choice::new("nest device"),
    Choice::new("network audio"),
    Choice::new("printer"),
    Choice::new("robotic cleaner"),
    Choice::new("router"),
    Choice::new("smart tv"),
    Choice::new("switch"),
    Choice::new("thermostat"),
    Choice::new("voice assistant"),
    Choice::new("vr headset"),
    Choice::new("wap"),
]);

const FAMILIES: Choices = words(&[
    Choice::or("windows", &["win"]),
    Choice::new("windows_legacy"),
    Choice::or("macos", &["mac", "osx"]),
    Choice::new("linux"),
]);

const CLOUDS: Choices = words(&[
    Choice::or("aws", &["ec2", "amazon"]),
    Choice::new("azure"),
    Choice::or("gcp", &["google"]),
    Choice::or("esxi", &["vmware"]),
    Choice::or("hyper-v", &["hyperv"]),
    Choice::new("xen"),
    Choice::new("kubernetes"),
]);

const STATES: Choices = words(&[
    Choice::new("active"),
    Choice::new("offline"),
    Choice::new("pending"),
    Choice::new("decommissioned"),
    Choice::or("uninstalled", &["removed"]),
    Choice::new("retired"),
]);

const LIFECYCLES: Choices = words(&[
    Choice::new("active"),
    Choice::new("offline"),
    Choice::new("pending"),
    Choice::new("decommissioned"),
    Choice::new("uninstalled"),
    Choice::new("retired"),
    Choice::new("seen"),
    Choice::new("stale"),
]);

const NETWORK_STATES: Choices = words(&[
    Choice::new("connected"),
    Choice::new("disconnected"),
    Choice::new("connecting"),
    Choice::new("disconnecting"),
]);

const SCANS: Choices =
    words(&[Choice::new("none"), Choice::new("started"), Choice::new("aborted"), Choice::new("finished")]);

const APPS: Choices = words(&[Choice::new("patch_required"), Choice::new("up_to_date"), Choice::new("not_applicable")]);

const MIGRATIONS: Choices =
    words(&[Choice::new("n/a"), Choice::new("pending"), Choice::new("migrated"), Choice::new("failed")]);

const EDRS: Choices = words(&[
    Choice::or(SENTINELONE, &["s1"]),
    Choice::new("crowdstrike"),
    Choice::or("microsoft defender", &["defender"]),
    Choice::new("carbon black"),
    Choice::new("cortex"),
    Choice::new("sophos"),
]);

/// The assets.
pub(super) fn assets() -> Inventory {
    let mut fields = identity();
    fields.extend(machine());
    fields.extend(agent());
    fields.extend(super::policies::of_asset());
    fields.extend(console_fields());
    fields.extend(network());
    fields.extend(programs());
    fields.extend(records());
    fields.extend(services::asset_fields());
    fields.extend(super::own::asset_fields());
    fields.extend(later::asset_fields());
    Inventory {
        aliases: &["asset", "devices", "device", "endpoints", "endpoint", "hosts", "host"],
        prose: "machines, each with all that its sources say of it",
        fields,
        scopes: scopes(),
        raw: bodies(),
        bare: &["name", "address", "mac", "serial", "user"],
        default_sort: "-last_seen",
        default_fields: &["name", "os", "type", "site", "sources", "agent.state", "last_seen"],
        ..Inventory::new("assets", "asset", "inventory_asset", "asset_id")
    }
}

/// What its sources sent: agents first, which `@sentinelone.path` means; then what saw it; then what files say of it.
fn bodies() -> Vec<Raw> {
    let unchecked = |source, kind| Raw { source, kind, paths: &[], aliases: &[] };
    let agent = Raw { source: SENTINELONE, kind: "dev", paths: raw::AGENT, aliases: raw::AGENT_ALIASES };
    let seen = [unchecked(SENTINELONE, RANGER_KIND), unchecked(SENTINELONE, XDR_KIND)];
    let files = IMPORTS.iter().map(|source| unchecked(source.name, HOST_KIND));
    std::iter::once(agent).chain(seen).chain(files).collect()
}

/// What the integrations are called that an asset is from.
const OF_INTEGRATIONS: &str = "FROM inventory_link l \
     JOIN inventory_machine c ON c.org_id = l.org_id AND c.record_id = l.record_id \
     JOIN inventory_integration n ON n.org_id = c.org_id AND n.integration_id = c.integration_id \
     WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id AND (c.present = 1 OR {t}.gone = 1)";

fn identity() -> Vec<Field> {
    vec![
        public("id", "{t}.asset_id", ASSET_IDS, "the asset's id, for links and scripts")
            .example("id:ast_00000000000sg"),
        text("name", "{t}.name", "{t}.name_folded", "the machine's name")
            .alias(&["hostname", "computername", "computer_name"])
            .example("name:lap"),
        Field::new(
            "names",
            Type::Text,
            Column::many(of_asset!("inventory_name"), Column::Folded { text: "c.name", folded: "c.name_folded" }),
            "every name it has or had, the present one included",
        )
        .example("names:=lt-0471"),
        flag("has_name", "CASE WHEN {t}.name IS NULL THEN 0 ELSE 1 END", "whether it has a name").example("has_name:f"),
        public("site.id", "{t}.site_id", SITE_IDS, "the id of the site it lives in").example("has:site.id"),
        term("site", "{t}.site_id", SITE_NAMES, "the site it lives in; Muster's own, not the console's")
            .example("site:=hq"),
        Field::new(
            "sources",
            Type::Enum(SOURCES),
            Column::many(
                concat!(of_asset!("inventory_machine"), " AND (c.present = 1 OR {t}.gone = 1)"),
                Column::Term { column: "c.source_term", dictionary: "source" },
            ),
            "who tells us about it, and of an asset that is gone, who did",
        )
        .alias(&["source", "custom_integration"])
        .example("source:SentinelOne"),
        integration(
            Column::many(OF_INTEGRATIONS, Column::Folded { text: "n.name", folded: "n.name_folded" }),
            "the integrations that tell us about it, each by its whole name; of an asset that is gone, those that did",
        ),
        int("source_count", "{t}.source_count", "how many integrations tell us about it").example("source_count:>1"),
        int("record_count", "{t}.record_count", "how many records of sources it is made of")
            .alias(&["records"])
            .example("record_count:>1"),
        word(
            "lifecycle",
            LIFECYCLES,
            "{t}.lifecycle_term",
            "agent_state",
            "where it is in its life: its agent's state, or, without an agent, seen or, after 30 days, stale",
        )
        .volatile()
        .example("lifecycle:stale"),
        flag(
            "superseded",
            concat!(
                "CASE WHEN EXISTS (SELECT 1 ",
                of_asset!("inventory_machine"),
                " AND c.superseded = 1) THEN 1 ELSE 0 END"
            ),
            "whether one of its agents took the place of another, as after a machine was set up anew",
        )
        .volatile()
        .example("superseded:t"),
        // Each side has an index of its own, and the questions are few: a count begins at them.
        flag(
            "question",
            concat!(
                "CASE WHEN ",
                asked_about!("one_record"),
                " OR ",
                asked_about!("other_record"),
                " THEN 1 ELSE 0 END"
            ),
            "whether a person must say which machine it is: an open question of muster asset review",
        )
        .alias(&["review", "open_question"])
        .volatile()
        .example("question:t"),
        flag("removed", "{t}.gone", "whether none of its sources has it any more")
            .alias(&["gone"])
            .example("removed:t"),
        past("first_seen", "{t}.first_seen", "when any source first saw it").example("first_seen:<2weeks"),
        past("last_seen", "{t}.last_seen", "when any source last saw it active")
            .alias(&["last_active", "lastactivedate"])
            .volatile()
            .example("last_seen:>14d"),
        past("created_at", "{t}.created_at", "when Muster made the asset").example("created_at:<1d"),
        past("updated_at", "{t}.updated_at", "when Muster last saw it change").volatile().example("updated_at:<1h"),
    ]
}

fn machine() -> Vec<Field> {
    vec![
        word("type", TYPES, "{t}.type_term", "type", "what sort of machine it is")
            .alias(&["machine_type", "machinetype"])
            .example("not type:server"),
        term("os", "{t}.os_term", "os", "the operating system with its revision").example("os:windows"),
        word("os.family", FAMILIES, "{t}.os_family_term", "os_family", "the operating system's family")
            .alias(&["os_family", "os_type", "ostype"])
            .example("os.family:macos"),
        term("os.name", "{t}.os_name_term", "os_name", "the operating system without its revision")
            .alias(&["os_name", "osname"])
            .example("os.name:=\"Windows 11 Pro\""),
        version("os.version", "{t}.os_version_term", "os_version", "the operating system's version or revision")
            .alias(&["os_version", "os.revision", "osrevision"])
            .example("os.version:<19045"),
        term("os.arch", "{t}.os_arch_term", "os_arch", "the operating system's architecture")
            .alias(&["os_arch", "osarch", "arch"])
            .example("os.arch:\"64 bit\""),
        term("hw", "{t}.hw_term", "hw", "the hardware: vendor and model")
            .alias(&["hardware", "model", "model_name", "modelname"])
            .example("hw:latitude"),
        term("hw.vendor", "{t}.hw_vendor_term", "hw_vendor", "the hardware's vendor")
            .alias(&["hw_vendor", "vendor"])
            .example("hw.vendor:dell"),
        text("serial", "{t}.serial", "COALESCE({t}.serial_folded, lower({t}.serial))", "the serial number as sent")
            .alias(&["serial_number", "serialnumber", "hw.serialnumber"])
            .example("serial:=5cg0471xyz"),
        term("cpu", "{t}.cpu_term", "cpu", "the processor").alias(&["cpu_id", "cpuid"]).example("cpu:xeon"),
        int("cpu_count", "{t}.cpu_count", "how many processors it has").alias(&["cpucount"]).example("cpu_count:>=2"),
        int("core_count", "{t}.core_count", "how many cores it has").alias(&["corecount"]).example("core_count:<4"),
        int("memory_mb", "{t}.memory_mb", "memory in MB")
            .alias(&["memory", "ram", "total_memory", "totalmemory"])
            .example("memory_mb:<8192"),
        term("domain", "{t}.domain_term", "domain", "the domain or work group").example("domain:=workgroup"),
        text("user", "{t}.user_name", "COALESCE({t}.user_folded, lower({t}.user_name))", "who logged in last")
            .alias(&["last_user", "username", "lastloggedinusername"])
            .example("user:jdoe"),
        text(
            "directory",
            "{t}.directory_name",
            "COALESCE({t}.directory_folded, lower({t}.directory_name))",
            "its distinguished name in the directory",
        )
        .alias(&["ad.dn", "computerdistinguishedname"])
        .example("directory:\"OU=Kiosks\""),
        term(
            "manufacturer",
            "{t}.manufacturer_term",
            "manufacturer",
            "who made the hardware, where a source says it apart",
        )
        .example("manufacturer:lenovo"),
        term("hw.model", "{t}.model_term", "model", "the hardware's model, where a source says it apart")
            .example("hw.model:\"latitude 7420\""),
        text(
            "asset_tag",
            "{t}.asset_tag",
            "COALESCE({t}.asset_tag_folded, lower({t}.asset_tag))",
            "the tag that somebody stuck on it",
        )
        .alias(&["assettag"])
        .example("asset_tag:=a-0042"),
        native("cloud.account", "{t}.cloud_account", "its account, subscription or project in the cloud")
            .example("cloud.account:111122223333"),
        native("cloud.instance", "{t}.cloud_instance", "its instance's id in the cloud")
            .example("cloud.instance:i-0abc1234def567890"),
        word("cloud", CLOUDS, "{t}.cloud_term", "cloud", "the cloud or hypervisor it runs in")
            .alias(&["virtual", "cloud_provider", "cloudproviders"])
            .example("cloud:aws"),
        past("booted_at", "{t}.booted_at", "when it was started")
            .alias(&["boot_time", "osstarttime"])
            .volatile()
            .example("booted_at:>30d"),
    ]
}

fn agent() -> Vec<Field> {
    vec![
        flag("active", "{t}.active", "whether a source saw it within its freshness; for an agent, in touch now")
            .alias(&["alive", "isactive", "online"])
            .volatile()
            .example("active:f"),
        flag("infected", "{t}.infected", "whether it has active threats").example("infected:t"),
        int("active_threats", "{t}.active_threats", "how many active threats it has")
            .alias(&["threats", "activethreats"])
            .example("active_threats:>0"),
        word(
            "edr.name",
            EDRS,
            "{t}.edr_term",
            "edr",
            "the EDR that guards it; none once its agent is decommissioned or uninstalled",
        )
        .alias(&["edr"])
        .example("not edr.name:SentinelOne"),
        word("agent.state", STATES, "{t}.agent_state_term", "agent_state", "where its agent is in its life")
            .alias(&["agent_state", "agent"])
            .volatile()
            .example("agent.state:decommissioned"),
        version("agent.version", "{t}.agent_version_term", "agent_version", "the agent's version")
            .alias(&["agent_version", "agentversion"])
            .example("agent.version:<23.4"),
        flag("agent.current", "{t}.agent_current", "whether the console calls the agent's version up to date")
            .alias(&["agent_current", "isuptodate"])
            .example("agent.current:f"),
        text(
            "agent.uuid",
            "{t}.agent_uuid",
            "COALESCE({t}.agent_uuid_folded, lower({t}.agent_uuid))",
            "the agent's uuid; clones may share it",
        )
        .alias(&["agent_uuid", "uuid"])
        .example("agent.uuid:=f431b0a1a8744d2a8a92fc88fa3c13bc"),
        Field::new(
            "agent.id",
            Type::Id,
            Column::many(of_asset!("inventory_source_record"), Column::Plain("c.native_id")),
            "the source's own ids of its records",
        )
        .alias(&["agent_id", "agentid", "native_id"])
        .example("agent.id:657613730168123595"),
        past("agent.registered_at", "{t}.agent_registered_at", "when the agent registered")
            .alias(&["registered_at", "registeredat"])
            .example("agent.registered_at:<7d"),
        past("agent.updated_at", "{t}.agent_updated_at", "when the console last changed the agent's row")
            .volatile()
            .example("agent.updated_at:<1h"),
        word(
            "mitigation_mode",
            MODES,
            "{t}.mitigation_mode_term",
            "mitigation_mode",
            "what it does about malicious things",
        )
        .alias(&["mode", "mitigationmode"])
        .example("mitigation_mode:detect"),
        word(
            "mitigation_mode.suspicious",
            MODES,
            "{t}.mitigation_mode_suspicious_term",
            "mitigation_mode",
            "what it does about suspicious things",
        )
        .alias(&["mode.suspicious", "mitigationmodesuspicious"])
        .example("mitigation_mode.suspicious:detect"),
        term("detection_state", "{t}.detection_state_term", "detection_state", "its detection state")
            .alias(&["detectionstate"])
            .example("detection_state:full_mode"),
        term("operational_state", "{t}.operational_state_term", "operational_state", "its operational state")
            .alias(&["operationalstate"])
            .example("operational_state:na"),
        word(
            "network_status",
            NETWORK_STATES,
            "{t}.network_status_term",
            "network_status",
            "network isolation: disconnected means cut off on purpose, not offline",
        )
        .alias(&["networkstatus"])
        .example("network_status:disconnected"),
        word("scan.status", SCANS, "{t}.scan_status_term", "scan_status", "the full disk scan")
            .alias(&["scan_status", "scanstatus"])
            .example("scan.status:aborted"),
        past("scan.started_at", "{t}.scan_started_at", "when the full disk scan started")
            .alias(&["scan_started_at", "scanstartedat"])
            .example("scan.started_at:>90d"),
        past("scan.finished_at", "{t}.scan_finished_at", "when the full disk scan finished")
            .alias(&["scan_finished_at", "scanfinishedat"])
            .example("scan.finished_at:>90d"),
        flag("firewall", "{t}.firewall", "whether its firewall is on")
            .alias(&["firewall_enabled", "firewallenabled"])
            .example("firewall:f"),
        flag("encrypted", "{t}.encrypted", "whether its disk is encrypted")
            .alias(&["encryptedapplications"])
            .example("encrypted:f"),
        flag("remote_shell", "{t}.remote_shell", "whether a remote shell is allowed")
            .alias(&["allowremoteshell"])
            .example("remote_shell:t"),
        flag("reboot_required", "{t}.reboot_required", "whether a threat asks for a reboot")
            .alias(&["threatrebootrequired"])
            .example("reboot_required:t"),
        word("apps_status", APPS, "{t}.apps_status_term", "apps_status", "whether its applications need patches")
            .alias(&["appsvulnerabilitystatus"])
            .example("apps_status:patch_required"),
        word(
            "migration_status",
            MIGRATIONS,
            "{t}.migration_status_term",
            "migration_status",
            "whether it moves to another console",
        )
        .alias(&["consolemigrationstatus"])
        .example("migration_status:pending"),
        term("installer", "{t}.installer_term", "installer", "what its agent was installed with")
            .alias(&["installer_type", "installertype"])
            .example("installer:.msi"),
        term("ranger.status", "{t}.ranger_status_term", "ranger_status", "state of network discovery")
            .alias(&["ranger_status", "rangerstatus"])
            .example("ranger.status:enabled"),
        version("ranger.version", "{t}.ranger_version_term", "ranger_version", "version of network discovery")
            .alias(&["ranger_version", "rangerversion"])
            .example("ranger.version:<21"),
        Field::new(
            "need",
            Type::Text,
            Column::many(of_asset!("inventory_need"), Column::Term { column: "c.need_term", dictionary: "need" }),
            "what its agent asks of its user",
        )
        .alias(&["needs", "user_actions", "useractionsneeded"])
        .example("need:reboot_needed"),
    ]
}

fn network() -> Vec<Field> {
    let addresses = of_asset!("inventory_address");
    vec![
        Field::new(
            "address",
            Type::Ip,
            Column::many(addresses, Column::Plain("c.ip")),
            "any of its addresses: one, a network, a range",
        )
        .alias(&["addresses", "ip", "ips", "net", "cidr"])
        .example("address:10.20.0.0/16"),
        Field::new(
            "address.primary",
            Type::Ip,
            Column::many(concat!(of_asset!("inventory_address"), " AND c.is_primary = 1"), Column::Plain("c.ip")),
            "addresses that were measured",
        )
        .alias(&["primary_address"])
        .example("has:address.primary"),
        Field::new(
            "address.secondary",
            Type::Ip,
            Column::many(concat!(of_asset!("inventory_address"), " AND c.is_primary = 0"), Column::Plain("c.ip")),
            "addresses that a source merely reports",
        )
        .alias(&["secondary_address", "addresses_extra", "address_extra"])
        .example("address.secondary:192.168.0.0/16"),
        Field::new(
            "external_ip",
            Type::Ip,
            Column::Plain("{t}.external_ip"),
            "the address from which the console hears it: often a whole office's",
        )
        .alias(&["externalip"])
        .volatile()
        .example("external_ip:81.2.69.0/24"),
        Field::new(
            "mac",
            Type::Mac,
            Column::many(
                concat!(of_asset!("inventory_interface"), " AND c.mac IS NOT NULL"),
                Column::Plain("replace(c.mac, ':', '')"),
            ),
            "its hardware addresses",
        )
        .alias(&["macs", "mac_address"])
        .example("mac:00:00:5e"),
        int("address_count", "{t}.address_count", "how many addresses it has").example("address_count:>4"),
        int("mac_count", "{t}.mac_count", "how many hardware addresses it has").example("mac_count:=0"),
        flag("has_mac", "CASE WHEN {t}.mac_count > 0 THEN 1 ELSE 0 END", "whether it has a hardware address")
            .example("has_mac:f"),
        flag("has_public", "{t}.has_public", "whether one of its addresses is public").example("has_public:t"),
        missing(
            "has_public_v4",
            Type::Bool,
            "has_public tells IPv4 and IPv6 together; ask has_public:t and address:0.0.0.0/0",
        ),
        flag("has_private", "{t}.has_private", "whether one of its addresses is private").example("has_private:t"),
        flag("has_ipv6", "{t}.has_ipv6", "whether it has an IPv6 address").example("has_ipv6:t"),
        flag("multi_home", "CASE WHEN {t}.address_count > 1 THEN 1 ELSE 0 END", "whether it has several addresses")
            .example("multi_home:t"),
        int("tag_count", "{t}.tag_count", "how many tags it has").example("tag_count:=0"),
    ]
}

/// What is installed on it, and what is wrong with that.
fn programs() -> Vec<Field> {
    vec![
        Field::new(
            "product",
            Type::Text,
            Column::many(
                of_agent!("inventory_software", "c"),
                Column::Term {
                    column: "(SELECT i.plain_term FROM inventory_release i \
                             WHERE i.org_id = c.org_id AND i.release_id = c.release_id)",
                    dictionary: "plain_product",
                },
            ),
            "the products that are installed on it, without processor, language and version in their names",
        )
        .alias(&["products"])
        .example("product:chrome"),
        int(
            "software_count",
            concat!("(SELECT COUNT(*) ", of_agent!("inventory_software", "c"), ")"),
            "how many programs are installed on it",
        )
        .volatile()
        .example("software_count:=0"),
        Field::new(
            "cve",
            Type::Text,
            Column::many(
                of_agent!("inventory_vulnerability", "c"),
                Column::Term { column: "c.cve_term", dictionary: "cve" },
            ),
            "the vulnerabilities that it has, by their public names",
        )
        .alias(&["cves"])
        .example("cve:CVE-2024-3094"),
        int(
            "vulnerability_count",
            concat!("(SELECT COUNT(*) ", of_agent!("inventory_vulnerability", "c"), ")"),
            "how many vulnerabilities it has",
        )
        .volatile()
        .example("vulnerability_count:>100"),
    ]
}

/// What the asset's records are with their sources.
fn records() -> Vec<Field> {
    let of_records = "FROM inventory_link l \
         JOIN inventory_source_record c ON c.org_id = l.org_id AND c.record_id = l.record_id \
         WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id";
    vec![
        Field::new(
            "record.state",
            Type::Enum(PRESENCES),
            Column::many(of_records, Column::Plain("c.state")),
            "whether its sources still have it: present, missing since the last reading, or retired after two",
        )
        .volatile()
        .alias(&["state", "presence"])
        .example("record.state:retired"),
        past(
            "missing_since",
            "(SELECT MAX(c.missing_since) FROM inventory_link l \
             JOIN inventory_source_record c ON c.org_id = l.org_id AND c.record_id = l.record_id \
             WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id)",
            "since when a source does not have it",
        )
        .volatile()
        .example("has:missing_since"),
        past(
            "retired_at",
            "(SELECT MAX(c.retired_at) FROM inventory_link l \
             JOIN inventory_source_record c ON c.org_id = l.org_id AND c.record_id = l.record_id \
             WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id)",
            "when Muster took it for gone",
        )
        .volatile()
        .example("retired_at:<7d"),
    ]
}

fn scopes() -> Vec<Scope> {
    let mut scopes = vec![
        Scope {
            name: "interface",
            aliases: &["interfaces"],
            inventory: "interfaces",
            from: element_of_asset!("inventory_interface"),
            title: "mac",
            prose: "one network interface",
        },
        Scope {
            name: "tag",
            aliases: &["tags"],
            inventory: "tags",
            from: element_of_asset!("inventory_tag"),
            title: "name",
            prose: "one tag, as one source says it",
        },
        Scope {
            name: "finding",
            aliases: &["findings"],
            inventory: "findings",
            from: super::findings::OF_ASSET,
            title: "name",
            prose: "one EDR threat or alert found on it",
        },
        Scope {
            name: "software",
            aliases: &["programs", "applications"],
            inventory: "software",
            from: of_agent!("inventory_software", "{e}"),
            title: "name",
            prose: "one program that is installed on it",
        },
        Scope {
            name: "vulnerability",
            aliases: &["vulnerabilities", "vuln", "vulns"],
            inventory: "vulnerabilities",
            from: of_agent!("inventory_vulnerability", "{e}"),
            title: "name",
            prose: "one vulnerability that it has",
        },
        super::policies::scope_of_asset(),
        super::activities::scope_of_asset(),
        super::log::scope_of_asset(),
        Scope {
            name: "seen_by",
            aliases: &[],
            inventory: "sightings",
            from: "FROM inventory_link {e} WHERE {e}.org_id = {t}.org_id AND {e}.asset_id = {t}.asset_id",
            title: "source",
            prose: "what one source said about it",
        },
    ];
    scopes.push(services::asset_scope());
    scopes.push(super::own::asset_scope());
    scopes
}

/// The source of the record that a row hangs on.
const SOURCE_OF_RECORD: &str = "(SELECT m.source_term FROM inventory_machine m \
     WHERE m.org_id = {t}.org_id AND m.record_id = {t}.record_id)";

/// What the scopes of an asset reach.
pub(super) fn parts() -> Vec<Inventory> {
    vec![
        Inventory {
            aliases: &["interface"],
            listed: false,
            base: Base { table: "inventory_interface", key: "position" },
            fields: vec![
                Field::new("mac", Type::Mac, Column::Plain("replace({t}.mac, ':', '')"), "its hardware address")
                    .alias(&["macs"])
                    .example("mac:00:00:5e"),
                Field::new(
                    "address",
                    Type::Ip,
                    Column::many(
                        "FROM inventory_address c WHERE c.org_id = {t}.org_id AND c.record_id = {t}.record_id \
                         AND c.interface = {t}.position",
                        Column::Plain("c.ip"),
                    ),
                    "its addresses",
                )
                .alias(&["ip", "net", "addresses"])
                .example("ip:10.0.0.0/8"),
                Field::new("gateway", Type::Ip, Column::Plain("{t}.gateway_ip"), "the gateway's address")
                    .alias(&["gateway_ip", "gateways"])
                    .example("gateway:10.0.0.1"),
                Field::new(
                    "gateway.mac",
                    Type::Mac,
                    Column::Plain("replace({t}.gateway_mac, ':', '')"),
                    "the gateway's hardware address: it says where a machine is, never which",
                )
                .alias(&["gateway_mac"])
                .example("gateway.mac:00:00:5e"),
                text("name", "{t}.name", "lower({t}.name)", "the interface's name").example("name:eth0"),
            ],
            ..Inventory::new("interfaces", "interface", "inventory_interface", "position")
        },
        Inventory {
            aliases: &["tag"],
            listed: false,
            fields: vec![
                text("name", "{t}.key || '=' || {t}.value", "{t}.key_folded || '=' || {t}.value_folded", "key=value")
                    .example("tag:owner=payroll"),
                text("key", "{t}.key", "{t}.key_folded", "the tag's key").example("key:=owner"),
                text("value", "{t}.value", "{t}.value_folded", "the tag's value").example("value:payroll"),
                word("source", SOURCES, SOURCE_OF_RECORD, "source", "who says so").example("source:sentinelone"),
            ],
            ..Inventory::new("tags", "tag", "inventory_tag", "position")
        },
        Inventory {
            aliases: &["sighting"],
            listed: false,
            fields: vec![
                word("source", SOURCES, SOURCE_OF_RECORD, "source", "the source").example("source:sentinelone"),
                past("since", "{t}.since", "since when its record belongs to the asset").example("since:<7d"),
                native("rule", "{t}.rule", "by which rule its record belongs to the asset").example("rule:new"),
                past(
                    "last_seen",
                    "(SELECT m.last_seen FROM inventory_machine m \
                     WHERE m.org_id = {t}.org_id AND m.record_id = {t}.record_id)",
                    "when that source last saw it active",
                )
                .volatile()
                .example("last_seen:<7d"),
                past(
                    "first_seen",
                    "(SELECT m.first_seen FROM inventory_machine m \
                     WHERE m.org_id = {t}.org_id AND m.record_id = {t}.record_id)",
                    "when that source first saw it",
                )
                .example("first_seen:<30d"),
                missing("name", Type::Text, "a sighting has no name of its own"),
            ],
            ..Inventory::new("sightings", "sighting", "inventory_link", "record_id")
        },
    ]
}
