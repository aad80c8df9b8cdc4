//! Which column of a list means what: recognised by its header, or said with `--map`.

use std::collections::{BTreeMap, HashMap};

use inventory::noun::Mac;

use super::ImportError;
use super::host::{
    BANNER_BYTES_MAX, Host, HostCloud, HostService, SERVICES_MAX, VALUES_MAX, cut, family, instant, said,
};

/// The words of `--map COLUMN=FIELD`.
pub const WORDS: [&str; 26] = [
    "id",
    "name",
    "names",
    "fqdn",
    "domain",
    "ip",
    "mac",
    "serial",
    "manufacturer",
    "model",
    "hw",
    "asset_tag",
    "os",
    "os_version",
    "type",
    "user",
    "owner",
    "tags",
    "first_seen",
    "last_seen",
    "cloud.provider",
    "cloud.account",
    "cloud.instance",
    "tag.KEY",
    "custom.KEY",
    "ignore",
];

/// What a column means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The source's own id of the machine.
    Id,
    /// Its name.
    Name,
    /// Further names.
    Names,
    /// Its name with its domain.
    Fqdn,
    /// Its domain.
    Domain,
    /// Addresses that are reported.
    Ip,
    /// Addresses that answered a scanner.
    MeasuredIp,
    /// Hardware addresses.
    Mac,
    /// Its serial number.
    Serial,
    /// Who made it.
    Manufacturer,
    /// Its model.
    Model,
    /// The hardware as people say it.
    Hw,
    /// The tag that somebody stuck on it.
    AssetTag,
    /// Its operating system.
    Os,
    /// That system's version.
    OsVersion,
    /// What sort of machine it is.
    Type,
    /// Who uses it.
    User,
    /// Who answers for it.
    Owner,
    /// Its tags.
    Tags,
    /// When the source first saw it.
    FirstSeen,
    /// When the source last saw it.
    LastSeen,
    /// The cloud's provider.
    CloudProvider,
    /// The account there.
    CloudAccount,
    /// The instance there.
    CloudInstance,
    /// Services, as runZero's exports have them.
    Services,
    /// The value of the tag of this key.
    Tag(String),
    /// The value of the custom field of this name.
    Custom(String),
    /// Moves with every look at the machine.
    Volatile,
    /// Nothing that is kept.
    Ignore,
}

impl Field {
    /// Reads the word of a mapping.
    #[must_use]
    pub fn parse(word: &str) -> Option<Field> {
        let word = word.trim();
        if let Some(key) = word.strip_prefix("tag.").and_then(said) {
            return Some(Field::Tag(key));
        }
        if let Some(key) = word.strip_prefix("custom.").and_then(said) {
            return Some(Field::Custom(key));
        }
        Some(match word.to_ascii_lowercase().as_str() {
            "id" => Field::Id,
            "name" => Field::Name,
            "names" => Field::Names,
            "fqdn" => Field::Fqdn,
            "domain" => Field::Domain,
            "ip" | "address" => Field::Ip,
            "mac" => Field::Mac,
            "serial" => Field::Serial,
            "manufacturer" => Field::Manufacturer,
            "model" => Field::Model,
            "hw" => Field::Hw,
            "asset_tag" => Field::AssetTag,
            "os" => Field::Os,
            "os_version" => Field::OsVersion,
            "type" => Field::Type,
            "user" => Field::User,
            "owner" => Field::Owner,
            "tags" => Field::Tags,
            "first_seen" => Field::FirstSeen,
            "last_seen" => Field::LastSeen,
            "cloud.provider" => Field::CloudProvider,
            "cloud.account" => Field::CloudAccount,
            "cloud.instance" => Field::CloudInstance,
            "ignore" => Field::Ignore,
            // Who writes what a header might say means what that header would.
            _ => PLAIN.iter().find(|(name, _)| *name == plain(word)).map(|(_, field)| field.clone())?,
        })
    }

    /// The word that says it.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Field::Id => "id".to_owned(),
            Field::Name => "name".to_owned(),
            Field::Names => "names".to_owned(),
            Field::Fqdn => "fqdn".to_owned(),
            Field::Domain => "domain".to_owned(),
            Field::Ip => "ip".to_owned(),
            Field::MeasuredIp => "ip (measured)".to_owned(),
            Field::Mac => "mac".to_owned(),
            Field::Serial => "serial".to_owned(),
            Field::Manufacturer => "manufacturer".to_owned(),
            Field::Model => "model".to_owned(),
            Field::Hw => "hw".to_owned(),
            Field::AssetTag => "asset_tag".to_owned(),
            Field::Os => "os".to_owned(),
            Field::OsVersion => "os_version".to_owned(),
            Field::Type => "type".to_owned(),
            Field::User => "user".to_owned(),
            Field::Owner => "owner".to_owned(),
            Field::Tags => "tags".to_owned(),
            Field::FirstSeen => "first_seen".to_owned(),
            Field::LastSeen => "last_seen".to_owned(),
            Field::CloudProvider => "cloud.provider".to_owned(),
            Field::CloudAccount => "cloud.account".to_owned(),
            Field::CloudInstance => "cloud.instance".to_owned(),
            Field::Services => "services".to_owned(),
            Field::Tag(key) => format!("tag.{key}"),
            Field::Custom(key) => format!("custom.{key}"),
            Field::Volatile => "kept, without history".to_owned(),
            Field::Ignore => "ignored".to_owned(),
        }
    }

    /// Whether several columns may mean it, and add to each other.
    const fn is_list(&self) -> bool {
        matches!(
            self,
            Field::Names
                | Field::Ip
                | Field::MeasuredIp
                | Field::Mac
                | Field::Tags
                | Field::Services
                | Field::Volatile
                | Field::Ignore
        )
    }
}

/// Whose export a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A list of somebody's own.
    Plain,
    /// runZero's export of assets, CSV or JSONL.
    RunZero,
    /// NetBox's devices: table export, or its API's JSON.
    NetBox,
    /// ServiceNow's `cmdb_ci_computer` and what extends it.
    ServiceNow,
    /// A query of Cartography's graph, written as CSV or JSON.
    Cartography,
}

impl Dialect {
    /// The word for `source:`.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Dialect::Plain => "custom",
            Dialect::RunZero => "runzero",
            Dialect::NetBox => "netbox",
            Dialect::ServiceNow => "servicenow",
            Dialect::Cartography => "cartography",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Dialect::Plain => "a list",
            Dialect::RunZero => "an export of runZero's assets",
            Dialect::NetBox => "NetBox's devices",
            Dialect::ServiceNow => "ServiceNow's computers",
            Dialect::Cartography => "a query of Cartography's graph",
        }
    }

    /// Whose export it is, by its headers.
    #[must_use]
    pub fn of(headers: &[String]) -> Dialect {
        let headers: Vec<String> = headers.iter().map(|header| plain(header)).collect();
        let has = |name: &str| headers.iter().any(|header| header == name);
        let any = |names: &[&str]| names.iter().any(|name| has(name));
        if has("addresses")
            && has("macs")
            && has("names")
            && any(&["alive", "detected_by", "addresses_extra", "site_name", "hw"])
        {
            Dialect::RunZero
        } else if any(&["sys_id", "sys_class_name"]) || (has("u_assigned_to") && has("serial_number")) {
            Dialect::ServiceNow
        } else if any(&["device_type_model", "device_type_manufacturer_name", "primary_ip4_address", "device_type"])
            || (has("rack")
                && any(&["role", "device_role", "manufacturer"])
                && any(&["ip_address", "ipv4_address", "asset_tag"]))
        {
            Dialect::NetBox
        } else if any(&["firstseen", "lastupdated"]) {
            Dialect::Cartography
        } else {
            Dialect::Plain
        }
    }

    /// What a header means in this dialect; the lower the number, the sooner it is believed.
    fn field(self, header: &str) -> Option<(Field, u8)> {
        let of = |table: &[(&str, Field)]| {
            table
                .iter()
                .position(|(name, _)| *name == header)
                .map(|at| (table[at].1.clone(), u8::try_from(at).unwrap_or(u8::MAX)))
        };
        let own = match self {
            Dialect::Plain => None,
            Dialect::RunZero => of(&[
                ("id", Field::Id),
                ("addresses", Field::MeasuredIp),
                ("addresses_extra", Field::Ip),
                ("macs", Field::Mac),
                ("names", Field::Names),
                ("name", Field::Name),
                ("os", Field::Os),
                ("os_version", Field::OsVersion),
                ("hw", Field::Hw),
                ("hw_vendor", Field::Manufacturer),
                ("hw_product", Field::Model),
                ("type", Field::Type),
                ("tags", Field::Tags),
                ("domains", Field::Domain),
                ("first_seen", Field::FirstSeen),
                ("last_seen", Field::LastSeen),
                ("owners", Field::Owner),
                ("services", Field::Services),
                // A count and the others move with every scan.
                ("created_at", Field::FirstSeen),
                ("updated_at", Field::Volatile),
                ("last_agent_id", Field::Volatile),
                ("last_task_id", Field::Volatile),
                ("lowest_rtt", Field::Volatile),
                ("lowest_ttl", Field::Volatile),
                ("newest_mac_age", Field::Volatile),
                ("rtts", Field::Volatile),
                ("alive", Field::Volatile),
                ("scanned", Field::Volatile),
                ("modified_risk", Field::Volatile),
            ]),
            Dialect::NetBox => of(&[
                ("id", Field::Id),
                ("name", Field::Name),
                ("serial", Field::Serial),
                ("serial_number", Field::Serial),
                ("asset_tag", Field::AssetTag),
                ("device_type_manufacturer_name", Field::Manufacturer),
                ("device_type_manufacturer_display", Field::Manufacturer),
                ("manufacturer", Field::Manufacturer),
                ("device_type_model", Field::Model),
                ("device_type", Field::Model),
                ("type", Field::Model),
                ("primary_ip_address", Field::Ip),
                ("primary_ip4_address", Field::Ip),
                ("primary_ip6_address", Field::Ip),
                ("oob_ip_address", Field::Ip),
                ("ip_address", Field::Ip),
                ("ipv4_address", Field::Ip),
                ("ipv6_address", Field::Ip),
                ("platform_name", Field::Os),
                ("platform", Field::Os),
                ("role_name", Field::Type),
                ("device_role_name", Field::Type),
                ("role", Field::Type),
                ("device_role", Field::Type),
                ("tags", Field::Tags),
                ("created", Field::FirstSeen),
                // When somebody edited the entry, which says nothing about the machine.
                ("last_updated", Field::Volatile),
                ("url", Field::Ignore),
                ("display_url", Field::Ignore),
                ("display", Field::Ignore),
            ]),
            Dialect::ServiceNow => of(&[
                ("sys_id", Field::Id),
                ("name", Field::Name),
                ("host_name", Field::Names),
                ("fqdn", Field::Fqdn),
                ("dns_domain", Field::Domain),
                ("os_domain", Field::Domain),
                ("serial_number", Field::Serial),
                ("asset_tag", Field::AssetTag),
                ("manufacturer_display_value", Field::Manufacturer),
                ("manufacturer", Field::Manufacturer),
                ("model_id_display_value", Field::Model),
                ("model_id", Field::Model),
                ("model_number", Field::Model),
                ("os", Field::Os),
                ("os_version", Field::OsVersion),
                ("ip_address", Field::Ip),
                ("mac_address", Field::Mac),
                ("assigned_to_display_value", Field::User),
                ("assigned_to", Field::User),
                ("owned_by_display_value", Field::Owner),
                ("owned_by", Field::Owner),
                ("managed_by", Field::Owner),
                ("form_factor", Field::Type),
                ("chassis_type", Field::Type),
                ("sys_class_name", Field::Type),
                ("first_discovered", Field::FirstSeen),
                ("last_discovered", Field::LastSeen),
                ("sys_created_on", Field::FirstSeen),
                ("sys_updated_on", Field::Volatile),
                ("sys_mod_count", Field::Volatile),
                ("object_id", Field::CloudInstance),
            ]),
            Dialect::Cartography => of(&[
                ("id", Field::Id),
                ("hostname", Field::Name),
                ("computer_name", Field::Name),
                ("name", Field::Name),
                ("serial_number", Field::Serial),
                ("instanceid", Field::CloudInstance),
                ("accountid", Field::CloudAccount),
                ("privateipaddress", Field::Ip),
                ("publicipaddress", Field::Ip),
                ("os_name", Field::Os),
                ("os_revision", Field::OsVersion),
                ("platform_name", Field::Os),
                ("system_product_name", Field::Model),
                ("system_manufacturer", Field::Manufacturer),
                ("firstseen", Field::FirstSeen),
                ("last_seen", Field::LastSeen),
                ("last_active", Field::LastSeen),
                // When the graph was written, not when the machine was seen.
                ("lastupdated", Field::Volatile),
            ]),
        };
        own.or_else(|| of(PLAIN))
    }
}

/// Headers that mean the same in anybody's list, the likeliest first.
const PLAIN: &[(&str, Field)] = &[
    ("id", Field::Id),
    ("asset_id", Field::Id),
    ("device_id", Field::Id),
    ("resource_id", Field::Id),
    ("name", Field::Name),
    ("hostname", Field::Name),
    ("host_name", Field::Name),
    ("computer_name", Field::Name),
    ("computername", Field::Name),
    ("computer", Field::Name),
    ("device_name", Field::Name),
    ("devicename", Field::Name),
    ("asset_name", Field::Name),
    ("machine_name", Field::Name),
    ("machine", Field::Name),
    ("host", Field::Name),
    ("device", Field::Name),
    ("endpoint", Field::Name),
    ("endpoint_name", Field::Name),
    ("server_name", Field::Name),
    ("netbios_name", Field::Name),
    ("names", Field::Names),
    ("hostnames", Field::Names),
    ("aliases", Field::Names),
    ("fqdn", Field::Fqdn),
    ("dns_name", Field::Fqdn),
    ("dnshostname", Field::Fqdn),
    ("dns_host_name", Field::Fqdn),
    ("domain", Field::Domain),
    ("ad_domain", Field::Domain),
    ("workgroup", Field::Domain),
    ("ip", Field::Ip),
    ("ips", Field::Ip),
    ("ip_address", Field::Ip),
    ("ipaddress", Field::Ip),
    ("ip_addresses", Field::Ip),
    ("ipaddresses", Field::Ip),
    ("ipv4", Field::Ip),
    ("ipv4_address", Field::Ip),
    ("ipv6", Field::Ip),
    ("ipv6_address", Field::Ip),
    ("address", Field::Ip),
    ("addresses", Field::Ip),
    ("private_ip", Field::Ip),
    ("local_ip", Field::Ip),
    ("mac", Field::Mac),
    ("macs", Field::Mac),
    ("mac_address", Field::Mac),
    ("macaddress", Field::Mac),
    ("mac_addresses", Field::Mac),
    ("macaddresses", Field::Mac),
    ("ethernet_mac", Field::Mac),
    ("wifi_mac", Field::Mac),
    ("wi_fi_mac", Field::Mac),
    ("hardware_address", Field::Mac),
    ("physical_address", Field::Mac),
    ("serial", Field::Serial),
    ("serial_number", Field::Serial),
    ("serialnumber", Field::Serial),
    ("serial_no", Field::Serial),
    ("serialno", Field::Serial),
    ("sn", Field::Serial),
    ("s_n", Field::Serial),
    ("service_tag", Field::Serial),
    ("servicetag", Field::Serial),
    ("manufacturer", Field::Manufacturer),
    ("make", Field::Manufacturer),
    ("vendor", Field::Manufacturer),
    ("hardware_vendor", Field::Manufacturer),
    ("brand", Field::Manufacturer),
    ("model", Field::Model),
    ("model_name", Field::Model),
    ("modelname", Field::Model),
    ("hardware_model", Field::Model),
    ("hw", Field::Hw),
    ("hardware", Field::Hw),
    ("asset_tag", Field::AssetTag),
    ("assettag", Field::AssetTag),
    ("inventory_number", Field::AssetTag),
    ("os", Field::Os),
    ("operating_system", Field::Os),
    ("operatingsystem", Field::Os),
    ("os_name", Field::Os),
    ("osname", Field::Os),
    ("platform", Field::Os),
    ("os_version", Field::OsVersion),
    ("osversion", Field::OsVersion),
    ("operating_system_version", Field::OsVersion),
    ("os_build", Field::OsVersion),
    ("type", Field::Type),
    ("device_type", Field::Type),
    ("devicetype", Field::Type),
    ("asset_type", Field::Type),
    ("machine_type", Field::Type),
    ("category", Field::Type),
    ("user", Field::User),
    ("username", Field::User),
    ("user_name", Field::User),
    ("assigned_to", Field::User),
    ("primary_user", Field::User),
    ("last_user", Field::User),
    ("last_logged_in_user", Field::User),
    ("owner", Field::Owner),
    ("owners", Field::Owner),
    ("owned_by", Field::Owner),
    ("responsible", Field::Owner),
    ("tags", Field::Tags),
    ("labels", Field::Tags),
    ("first_seen", Field::FirstSeen),
    ("firstseen", Field::FirstSeen),
    ("enrolled_at", Field::FirstSeen),
    ("last_seen", Field::LastSeen),
    ("lastseen", Field::LastSeen),
    ("last_contact", Field::LastSeen),
    ("last_checkin", Field::LastSeen),
    ("last_check_in", Field::LastSeen),
    ("last_active", Field::LastSeen),
    ("cloud_provider", Field::CloudProvider),
    ("cloud_account", Field::CloudAccount),
    ("account_id", Field::CloudAccount),
    ("subscription_id", Field::CloudAccount),
    ("instance_id", Field::CloudInstance),
    ("instanceid", Field::CloudInstance),
    ("updated_at", Field::Volatile),
    ("last_updated", Field::Volatile),
    ("exported_at", Field::Volatile),
];

/// A header as it is compared: folded, words joined by underscores, without the name of a query's variable
/// (`n.hostname`, `d.id`) in front.
fn plain(header: &str) -> String {
    let folded = kernel::fold(header.trim());
    let bare = match folded.split_once('.') {
        Some((variable, rest)) if variable.len() == 1 && !rest.is_empty() => rest,
        _ => &folded,
    };
    let mut out = String::with_capacity(bare.len());
    for letter in bare.chars() {
        let letter = if letter.is_alphanumeric() { letter } else { '_' };
        if letter != '_' || !(out.is_empty() || out.ends_with('_')) {
            out.push(letter);
        }
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

/// What the columns of a list mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping(pub Vec<(String, Field)>);

impl Mapping {
    /// Reads `COLUMN=FIELD`, one for each text.
    ///
    /// # Errors
    /// A text is no mapping, or there is no such field.
    pub fn parse(texts: &[String]) -> Result<Mapping, ImportError> {
        let mut all = Vec::new();
        for text in texts {
            // A column's name may hold an equals sign; a field's does not.
            let Some((column, field)) = text.rsplit_once('=') else {
                return Err(ImportError::BadMapping { text: text.clone() });
            };
            let (column, field) = (column.trim().to_owned(), field.trim().to_owned());
            let Some(known) = Field::parse(&field) else {
                let words = WORDS.into_iter().chain(PLAIN.iter().map(|(name, _)| *name));
                let nearest = query::nearest(&field, words).into_iter().next();
                return Err(ImportError::UnknownField { column, field, nearest });
            };
            all.push((column, known));
        }
        Ok(Mapping(all))
    }
}

/// A cell of a row: one text, or several.
pub type Cells = Vec<String>;

/// What is done with the columns of one list.
pub struct Columns {
    dialect: Dialect,
    explicit: Mapping,
    known: HashMap<String, (Field, u8)>,
    /// Columns in the order in which they came, each with what it means and whether a cell of it said anything.
    seen: Vec<(String, bool)>,
    at: HashMap<String, usize>,
}

/// How a column is believed that somebody named with `--map`: before all others.
const EXPLICIT: u8 = 0;

impl Columns {
    /// For a list that begins with these headers.
    #[must_use]
    pub fn new(headers: &[String], mapping: Mapping) -> Columns {
        let dialect = Dialect::of(headers);
        let mut columns =
            Columns { dialect, explicit: mapping, known: HashMap::new(), seen: Vec::new(), at: HashMap::new() };
        for header in headers {
            columns.meaning(header);
        }
        columns
    }

    /// Whose export it is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn meaning(&mut self, header: &str) -> (Field, u8) {
        if let Some(known) = self.known.get(header) {
            return known.clone();
        }
        let explicit = self.explicit.0.iter().find(|(column, _)| plain(column) == plain(header) || column == header);
        let meaning = match explicit {
            Some((_, field)) => (field.clone(), EXPLICIT),
            None => {
                let found = self.dialect.field(&plain(header)).map(|(field, rank)| (field, rank.saturating_add(1)));
                found.unwrap_or_else(|| (Field::Custom(header.trim().to_owned()), u8::MAX))
            }
        };
        self.known.insert(header.to_owned(), meaning.clone());
        self.at.insert(header.to_owned(), self.seen.len());
        self.seen.push((header.to_owned(), false));
        meaning
    }

    /// Checks that every column that was mapped was there.
    ///
    /// # Errors
    /// One was not.
    pub fn check(&self) -> Result<(), ImportError> {
        let headers: Vec<&str> = self.seen.iter().map(|(header, _)| header.as_str()).collect();
        for (column, _) in &self.explicit.0 {
            if !headers.iter().any(|header| plain(header) == plain(column)) {
                let nearest = query::nearest(column, headers.iter().copied()).into_iter().next();
                return Err(ImportError::UnknownColumn { column: column.clone(), nearest });
            }
        }
        Ok(())
    }

    /// Whether any column tells one machine from another.
    #[must_use]
    pub fn tell_machines_apart(&self) -> bool {
        let tells = |field: &Field| {
            matches!(
                field,
                Field::Id
                    | Field::Name
                    | Field::Names
                    | Field::Fqdn
                    | Field::Ip
                    | Field::MeasuredIp
                    | Field::Mac
                    | Field::Serial
                    | Field::AssetTag
            )
        };
        self.known.values().any(|(field, _)| tells(field))
    }

    /// What became of each column.
    #[must_use]
    pub fn report(&self) -> ColumnsReport {
        let mut report = ColumnsReport { dialect: Some(self.dialect), ..ColumnsReport::default() };
        for (header, filled) in &self.seen {
            let Some((field, _)) = self.known.get(header) else { continue };
            match field {
                Field::Custom(_) if !self.explicit.0.iter().any(|(column, _)| plain(column) == plain(header)) => {
                    report.kept.push(header.clone());
                }
                Field::Volatile => report.kept.push(header.clone()),
                Field::Ignore => report.ignored.push(header.clone()),
                _ if !filled => report.empty.push((header.clone(), field.word())),
                _ => report.recognised.push((header.clone(), field.word())),
            }
        }
        let has = |wanted: &[Field]| {
            self.seen.iter().any(|(header, filled)| {
                *filled && self.known.get(header).is_some_and(|(field, _)| wanted.contains(field))
            })
        };
        for (fields, what) in [
            (
                &[Field::Serial][..],
                "serial: a machine that is renamed, or gets a new network card, is recognised by it",
            ),
            (&[Field::Mac], "mac: a scan and this list meet in it"),
            (&[Field::Name, Field::Names, Field::Fqdn], "name: what people look for"),
        ] {
            if !has(fields) {
                report.missing.push(what.to_owned());
            }
        }
        if has(&[Field::Serial]) && !has(&[Field::Manufacturer]) {
            report.missing.push("manufacturer: serial numbers are unique for their maker only".to_owned());
        }
        report
    }

    /// Makes a host of a row.
    pub fn host(&mut self, row: Vec<(String, Cells)>) -> Host {
        let mut host = Host { source: self.dialect.source().to_owned(), ..Host::default() };
        let mut singles: BTreeMap<Field, (u8, String)> = BTreeMap::new();
        let mut cloud = HostCloud::default();
        for (header, cells) in row {
            let (field, rank) = self.meaning(&header);
            let texts: Vec<String> = cells.iter().filter_map(|cell| value(cell)).collect();
            if texts.is_empty() {
                continue;
            }
            if let Some(at) = self.at.get(&header) {
                self.seen[*at].1 = true;
            }
            if !field.is_list() {
                let text = texts.join(", ");
                match field {
                    Field::Custom(name) => keep(&mut host, &name, text),
                    Field::Tag(key) => host.add_tag(&key, &text),
                    field => match singles.get(&field) {
                        // The column that is believed less is kept under its own name.
                        Some((best, _)) if *best <= rank => spare(&mut host, &field, &header, text),
                        _ => {
                            if let Some((_, text)) = singles.insert(field.clone(), (rank, text)) {
                                spare(&mut host, &field, &header, text);
                            }
                        }
                    },
                }
                continue;
            }
            self.list(&mut host, &field, &header, texts);
        }
        for (field, (_, text)) in singles {
            single(&mut host, &mut cloud, &field, text);
        }
        if cloud != HostCloud::default() {
            host.cloud = Some(cloud);
        }
        finish(&mut host);
        host
    }

    fn list(&self, host: &mut Host, field: &Field, header: &str, texts: Vec<String>) {
        match field {
            Field::Volatile if host.volatile.len() < VALUES_MAX => {
                host.volatile.insert(header.trim().to_owned(), texts.join(", "));
            }
            Field::Tags => {
                for tag in texts.iter().flat_map(|text| parts(text, &[',', ';', '|', '\n'])) {
                    let (key, value) = tag.split_once(['=', ':']).unwrap_or((tag, ""));
                    host.add_tag(key, value);
                }
            }
            Field::Names => {
                for name in texts.iter().flat_map(|text| parts(text, &[',', ';', '|', '\n', ' '])) {
                    host.add_name(if name.contains('.') { "fqdn" } else { "computer" }, name);
                }
            }
            Field::Ip | Field::MeasuredIp => {
                let mut odd = Vec::new();
                for text in texts.iter().flat_map(|text| parts(text, &[',', ';', '|', '\n', ' ', '\t'])) {
                    // NetBox writes the length of the network behind the address.
                    let bare = text.trim_matches(['[', ']', '"', '\'']);
                    match bare.split(['/', '%']).next().unwrap_or(bare).parse() {
                        Ok(ip) => host.add_address(ip, *field == Field::MeasuredIp),
                        Err(_) => odd.push(text.to_owned()),
                    }
                }
                if !odd.is_empty() {
                    keep(host, header, odd.join(" "));
                }
            }
            Field::Mac => {
                let mut odd = Vec::new();
                for text in texts.iter().flat_map(|text| parts(text, &[',', ';', '|', '\n', ' ', '\t'])) {
                    match Mac::parse(text.trim_matches(['[', ']', '"', '\''])) {
                        Some(mac) => host.add_mac(mac, None),
                        None => odd.push(text.to_owned()),
                    }
                }
                if !odd.is_empty() {
                    keep(host, header, odd.join(" "));
                }
            }
            Field::Services => {
                if let Some(text) = texts.into_iter().next()
                    && !services(host, &text)
                {
                    keep(host, header, text);
                }
            }
            _ => {}
        }
    }
}

/// runZero's map of services: `{"10.0.0.1/22/tcp": {"protocol": .., "product": .., "banner": ..}}`. False if it is not one.
fn services(host: &mut Host, text: &str) -> bool {
    let Ok(serde_json::Value::Object(all)) = serde_json::from_str(text) else { return false };
    for (place, what) in all.iter().take(SERVICES_MAX) {
        let mut parts = place.rsplitn(3, '/');
        let (Some(transport), Some(port), Some(ip)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (Ok(ip), Ok(port)) = (ip.parse(), port.parse()) else { continue };
        let text = |name: &str| what.get(name).and_then(serde_json::Value::as_str).and_then(said);
        host.services.push(HostService {
            ip,
            port,
            transport: transport.to_ascii_lowercase(),
            // Several protocols are one text, the outer one last.
            protocol: text("protocol").and_then(|text| text.split(['\t', ' ', ',']).next().and_then(said)),
            product: text("product"),
            version: text("version"),
            banner: text("banner").map(|banner| cut(&banner, BANNER_BYTES_MAX).to_owned()),
        });
    }
    true
}

/// A text that says something: lists spell "nothing" in words.
fn value(cell: &str) -> Option<String> {
    let text = said(cell)?;
    let nothing = ["null", "none", "n/a", "nil", "-", "--", "<null>", "undefined", "[]", "{}"];
    (!nothing.iter().any(|word| text.eq_ignore_ascii_case(word))).then_some(text)
}

fn parts<'a>(text: &'a str, separators: &'a [char]) -> impl Iterator<Item = &'a str> {
    text.split(separators).map(str::trim).filter(|part| !part.is_empty())
}

/// Keeps a column under its own name.
fn keep(host: &mut Host, header: &str, text: String) {
    if host.columns.len() < VALUES_MAX {
        host.columns.insert(header.trim().to_owned(), text);
    }
}

/// What a second column of one meaning says: a further name, else kept under its own name.
fn spare(host: &mut Host, field: &Field, header: &str, text: String) {
    match field {
        Field::Name | Field::Fqdn => host.add_name(if text.contains('.') { "fqdn" } else { "computer" }, &text),
        _ => keep(host, header, text),
    }
}

fn single(host: &mut Host, cloud: &mut HostCloud, field: &Field, text: String) {
    match field {
        Field::Id => host.id = Some(text),
        Field::Name => host.name = Some(text),
        Field::Fqdn => host.add_name("fqdn", &text),
        Field::Domain => host.domain = Some(text),
        Field::Serial => host.serial = Some(text),
        Field::Manufacturer => host.manufacturer = Some(text),
        Field::Model => host.model = Some(text),
        Field::Hw => host.hw = Some(text),
        Field::AssetTag => host.asset_tag = Some(text),
        Field::Os => host.os = Some(text),
        Field::OsVersion => host.os_version = Some(text),
        Field::Type => host.type_ = Some(text.to_lowercase()),
        Field::User => host.user = Some(text),
        Field::Owner => host.owner = Some(text),
        Field::CloudProvider => cloud.provider = Some(text.to_lowercase()),
        Field::CloudAccount => cloud.account = Some(text),
        Field::CloudInstance => cloud.instance = Some(text),
        Field::FirstSeen => match instant(&text) {
            Some(at) => host.first_seen = Some(at.to_string()),
            None => keep(host, "first_seen", text),
        },
        Field::LastSeen => match instant(&text) {
            Some(at) => host.last_seen = Some(at.to_string()),
            None => keep(host, "last_seen", text),
        },
        _ => {}
    }
}

/// What follows from several columns together.
fn finish(host: &mut Host) {
    if let Some(name) = host.name.clone() {
        // A list's name may be the whole domain name, or several.
        let mut names = name.split([',', ';', ' ']).map(str::trim).filter(|part| !part.is_empty());
        let is_one = names.next().is_some() && names.next().is_none();
        let kind =
            if is_one && name.contains('.') && name.parse::<std::net::IpAddr>().is_err() { "fqdn" } else { "computer" };
        let later = std::mem::take(&mut host.names);
        host.add_name(kind, &name);
        for name in later {
            host.add_name(&name.kind, &name.name);
        }
    } else if let Some(first) = host.names.first() {
        host.name = Some(first.name.clone());
    }
    if let (Some(os), Some(version)) = (&host.os, &host.os_version)
        && !os.contains(version.as_str())
    {
        host.os = Some(format!("{os} {version}"));
    }
    host.os_family = host.os.as_deref().and_then(family).map(str::to_owned);
}

/// What became of the columns of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnsReport {
    /// Whose export it is; nothing for a scan.
    pub dialect: Option<Dialect>,
    /// Columns that mean something, with what.
    pub recognised: Vec<(String, String)>,
    /// Columns that would mean something, and are empty throughout.
    pub empty: Vec<(String, String)>,
    /// Columns that are kept under their own names.
    pub kept: Vec<String>,
    /// Columns that are not kept.
    pub ignored: Vec<String>,
    /// What would help to recognise machines, and is not there.
    pub missing: Vec<String>,
}
