//! nmap's XML (`-oX`), read element by element: one host is in memory at a time, whatever the size of the scan.
//!
//! Facts of the format: nmap's own DTD (`docs/nmap.dtd`) and what its releases write. A scan that was killed ends in the
//! middle; one that ran to its end says `<finished exit="success"/>` and counts its hosts in `<runstats>`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use std::net::IpAddr;

use inventory::noun::Mac;
use kernel::Timestamp;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::host::{BANNER_BYTES_MAX, Host, HostService, SERVICES_MAX, VALUES_MAX, cut, family, said};
use super::source::Source;
use super::{DEPTH_MAX, ImportError, SCAN, Whole};

/// From this accuracy on, in percent, a guess about the operating system is taken for one. nmap itself calls everything
/// below 100 a guess, and prints none below 85.
pub const OS_ACCURACY_MIN: u8 = 85;

/// Scripts of one port or host whose words are kept.
const SCRIPTS_MAX: usize = 64;

/// What the scan says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Which scanner: `nmap`.
    pub scanner: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it was told to look at, as its command line had it.
    pub targets: Option<Targets>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Hosts that answered.
    pub up: u64,
    /// Hosts that it lists as down.
    pub down: u64,
    /// Hosts that it takes for up because it was told so (`-Pn`), and that did not answer.
    pub silent: u64,
    /// Addresses that it looked at, by its own count.
    pub looked_at: Option<u64>,
    /// Hosts up by its own count.
    counted_up: Option<u64>,
    exit: Option<String>,
    error: Option<String>,
    ended: bool,
}

impl Scan {
    /// Whether the scan ran to its end and the file has all of it.
    #[must_use]
    pub fn whole(&self) -> Whole {
        let why = if !self.ended {
            "the file ends in the middle of the scan".to_owned()
        } else if self.exit.is_none() {
            "the scan does not say that it finished".to_owned()
        } else if self.exit.as_deref() != Some("success") {
            let why = self.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
            format!("the scan did not finish well{why}")
        } else if self.counted_up.is_some_and(|counted| self.up + self.silent < counted) {
            let counted = self.counted_up.unwrap_or_default();
            format!("the scan counted {counted} hosts up, and the file has {}", self.up + self.silent)
        } else {
            return Whole::Yes;
        };
        Whole::No(why)
    }
}

/// Reads a scan; every host that answered is handed over with the line on which it begins.
///
/// # Errors
/// It is no XML of nmap's, malformed before its end, or too large; or `take` fails.
pub fn read<R: Read>(
    source: &mut Source<R>,
    take: &mut dyn FnMut(u64, Host) -> Result<(), ImportError>,
) -> Result<Scan, ImportError> {
    let piece = source.piece();
    let mut reader = Reader::from_reader(source);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_end_names = true;
    let mut buffer = Vec::new();
    let mut scan = Scan::default();
    let mut depth = 0usize;
    let mut host: Option<(u64, Reading)> = None;
    let mut rooted = false;
    // A piece is a host, or a text between hosts.
    piece.begin();
    loop {
        buffer.clear();
        if host.is_none() {
            piece.begin();
        }
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(error) => {
                let at = reader.error_position();
                let ended = is_end(&error);
                let source = reader.get_mut();
                if let Some(problem) = source.problem() {
                    return Err(problem);
                }
                let cut_off = ended && rooted && depth > 0 && source.ahead().is_empty();
                // Killed in the middle of a tag: what came before is good.
                if cut_off {
                    return Ok(scan);
                }
                let (line, column) = source.place(at);
                return Err(ImportError::Malformed { line, column, what: in_words(&error) });
            }
        };
        match event {
            Event::Start(start) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    let source = reader.get_mut();
                    return Err(ImportError::TooDeep { line: source.line(), column: source.column() });
                }
                let name = start.name();
                let name = name_of(name.as_ref());
                if depth == 1 {
                    if name != "nmaprun" {
                        return Err(ImportError::WrongKind {
                            said: "XML of nmap's",
                            seems: "other XML",
                            hint_of: None,
                        });
                    }
                    rooted = true;
                    scan.begin(&attributes(&start).map_err(|what| reader.get_mut().malformed(what))?);
                    continue;
                }
                let attributes = attributes(&start).map_err(|what| reader.get_mut().malformed(what))?;
                match &mut host {
                    Some((_, reading)) => reading.open(name, &attributes),
                    None if depth == 2 && name == "host" => {
                        let line = reader.get_mut().line();
                        let mut reading = Reading { path: vec!["host".to_owned()], ..Reading::default() };
                        reading.ended_at = attributes.time("endtime").or_else(|| attributes.time("starttime"));
                        host = Some((line, reading));
                    }
                    // `hosthint` repeats early what a host says later.
                    None => scan.note(name, &attributes),
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if let Some((line, reading)) = &mut host {
                    if reading.close() {
                        let (line, reading) = (*line, std::mem::take(reading));
                        host = None;
                        scan.finish_host(line, reading, take)?;
                    }
                } else if depth == 0 {
                    scan.ended = true;
                }
            }
            Event::Text(text) => {
                if let Some((_, reading)) = &mut host {
                    reading.text(&text.xml10_content());
                } else if depth == 0 && !text.trim_ascii().is_empty() {
                    return Err(not_xml(reader.get_mut(), rooted));
                }
            }
            Event::CData(text) => {
                if let Some((_, reading)) = &mut host {
                    reading.text(&text.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                let resolved = resolved(&reference);
                match (resolved, &mut host) {
                    (None, _) => {
                        return Err(reader.get_mut().malformed(format!("there is no entity &{};", shown(&reference))));
                    }
                    (Some(text), Some((_, reading))) => reading.text(&text),
                    (Some(_), None) => {}
                }
            }
            Event::DocType(doctype) if doctype.contains('[') => {
                return Err(ImportError::Entities { line: reader.get_mut().line() });
            }
            Event::Eof => {
                if !rooted {
                    return Err(not_xml(reader.get_mut(), false));
                }
                return Ok(scan);
            }
            // Declarations, comments and what else says nothing about a host.
            _ => {}
        }
    }
}

fn not_xml<R: Read>(source: &mut Source<R>, rooted: bool) -> ImportError {
    if rooted { source.malformed("there is text behind the scan's end") } else { super::not_a("nmap", source.ahead()) }
}

fn is_end(error: &quick_xml::Error) -> bool {
    use quick_xml::errors::{IllFormedError, SyntaxError};
    match error {
        quick_xml::Error::Syntax(error) => !matches!(error, SyntaxError::InvalidBangMarkup),
        quick_xml::Error::IllFormed(IllFormedError::MissingEndTag(_) | IllFormedError::UnclosedReference) => true,
        _ => false,
    }
}

fn in_words(error: &quick_xml::Error) -> String {
    let text = match error {
        quick_xml::Error::Syntax(error) => error.to_string(),
        quick_xml::Error::IllFormed(error) => error.to_string(),
        other => other.to_string(),
    };
    format!("the XML is malformed: {}", cut(text.trim_start_matches("syntax error: "), 300))
}

fn name_of(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// The attributes of one element.
struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.get(name).and_then(said)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.trim().parse().ok()
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        self.number::<i64>(name).filter(|seconds| *seconds > 0).map(Timestamp::from_seconds)
    }
}

/// Attributes that an element may have; nmap's have fewer than twenty.
const ATTRIBUTES_MAX: usize = 100;

fn attributes(start: &BytesStart<'_>) -> Result<Attributes, String> {
    let mut found = Vec::new();
    // Looking for repetitions costs the square of their number.
    for attribute in start.attributes().with_checks(false).take(ATTRIBUTES_MAX) {
        let attribute = attribute.map_err(|error| format!("an attribute is malformed: {error}"))?;
        let value = unescaped(&attribute.value)?;
        found.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Attributes(found))
}

/// A text without XML's escapes; entities that the document would have to declare are an error, as nothing declares any.
fn unescaped(text: &str) -> Result<Cow<'_, str>, String> {
    if !text.contains('&') {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let inside = &rest[at + 1..];
        let Some(end) = inside.find(';') else { return Err("an & begins no entity".to_owned()) };
        let name = &inside[..end];
        out.push_str(&resolved(name).ok_or_else(|| format!("there is no entity &{};", shown(name)))?);
        rest = &inside[end + 1..];
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// What an entity stands for: one of the five, or a character by its number.
fn resolved(name: &str) -> Option<String> {
    let plain = match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            return char::from_u32(code).map(String::from);
        }
    };
    Some(plain.to_owned())
}

impl Scan {
    fn begin(&mut self, attributes: &Attributes) {
        self.scanner = attributes.owned("scanner");
        self.version = attributes.owned("version");
        self.started_at = attributes.time("start");
        self.targets = attributes.get("args").and_then(targets);
    }

    fn note(&mut self, name: &str, attributes: &Attributes) {
        match name {
            "finished" => {
                self.finished_at = attributes.time("time");
                self.exit = attributes.owned("exit");
                self.error = attributes.owned("errormsg");
            }
            "hosts" => {
                self.counted_up = attributes.number("up");
                self.looked_at = attributes.number("total");
            }
            _ => {}
        }
    }

    fn finish_host(
        &mut self,
        line: u64,
        reading: Reading,
        take: &mut dyn FnMut(u64, Host) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        if reading.state.as_deref() != Some("up") {
            self.down += 1;
            return Ok(());
        }
        if !reading.answered() {
            self.silent += 1;
            return Ok(());
        }
        self.up += 1;
        take(line, reading.finish(self.started_at))
    }
}

/// What a scan was told to look at: the words of its command line that are no options, and what it was told to leave
/// out. As text: `10.20.0.0/24, 10.30.0.0/24, --exclude 10.20.0.9`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    seen: BTreeSet<String>,
    left_out: BTreeSet<String>,
}

impl Targets {
    fn add(&mut self, word: String) {
        if word.starts_with("--exclude") {
            self.left_out.insert(word)
        } else {
            self.seen.insert(word)
        };
    }

    /// Reads the text back.
    #[must_use]
    pub fn parse(text: &str) -> Targets {
        let mut targets = Targets::default();
        text.split(", ").filter(|word| !word.is_empty()).for_each(|word| targets.add(word.to_owned()));
        targets
    }

    /// True if whoever looked at this looked at all of the other too, as far as the words tell.
    #[must_use]
    pub fn covers(&self, other: &Targets) -> bool {
        self.seen.is_superset(&other.seen) && self.left_out.is_subset(&other.left_out)
    }

    /// What both looked at together.
    #[must_use]
    pub fn and(&self, other: &Targets) -> Targets {
        Targets {
            seen: self.seen.union(&other.seen).cloned().collect(),
            left_out: self.left_out.intersection(&other.left_out).cloned().collect(),
        }
    }
}

impl fmt::Display for Targets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.seen.iter().chain(&self.left_out).map(String::as_str).collect();
        out.write_str(&words.join(", "))
    }
}

/// Words of a command line that are looked at; what has more is told by a file (`-iL`).
const TARGETS_MAX: usize = 500;

fn targets(args: &str) -> Option<Targets> {
    // Options whose value is the next word (nmap's manual, *Options Summary*).
    const WITH_VALUE: [&str; 35] = [
        "-p",
        "-oX",
        "-oN",
        "-oG",
        "-oA",
        "-oS",
        "-e",
        "-S",
        "-g",
        "-D",
        "-T",
        "-b",
        "-sI",
        "-iR",
        "--script",
        "--script-args",
        "--script-args-file",
        "--script-timeout",
        "--top-ports",
        "--port-ratio",
        "--exclude-ports",
        "--min-rate",
        "--max-rate",
        "--max-retries",
        "--host-timeout",
        "--min-hostgroup",
        "--max-hostgroup",
        "--min-parallelism",
        "--max-parallelism",
        "--dns-servers",
        "--stylesheet",
        "--datadir",
        "--version-intensity",
        "--source-port",
        "--stats-every",
    ];
    const SCOPE: [&str; 3] = ["-iL", "--exclude", "--excludefile"];
    let mut words = args.split_whitespace().skip(1);
    let mut found = Targets::default();
    let mut left = TARGETS_MAX;
    while let Some(word) = words.next().filter(|_| left > 0) {
        if SCOPE.contains(&word) {
            found.add(format!("{word} {}", words.next().unwrap_or_default()));
        } else if WITH_VALUE.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            found.add(word.trim_matches(',').to_owned());
        }
        left -= 1;
    }
    (!found.seen.is_empty()).then_some(found)
}

/// The script by which Muster's own scans ask a machine by SNMP.
const SNMP: &str = "muster-snmp";

/// The operating system that a machine's `sysDescr` (RFC 3418) tells of, and its family; nothing if it tells of none that is
/// known. Half of what is written there is hardware.
fn described(descr: &str) -> Option<(String, &'static str)> {
    let line = descr.lines().map(str::trim).find(|line| !line.is_empty())?;
    let family = family(line)?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let os = match family {
        // What `uname -a` says: the system, the machine's name, the release.
        "linux" | "freebsd" | "openbsd" | "macos"
            if words.len() > 2 && words[2].starts_with(|c: char| c.is_ascii_digit()) =>
        {
            format!("{} {}", words[0], words[2])
        }
        // Hardware: .. - Software: Windows Version 6.3 (Build 17763 Multiprocessor Free)
        "windows" => match line.split_once("Software: ") {
            Some((_, software)) => software.split(" (").next().unwrap_or(software).to_owned(),
            None => line.to_owned(),
        },
        _ => line.to_owned(),
    };
    Some((cut(&os, OS_BYTES_MAX).to_owned(), family))
}

/// The longest name of an operating system that is taken from a description, in bytes.
const OS_BYTES_MAX: usize = 120;

/// One host, while it is read.
#[derive(Default)]
struct Reading {
    /// The open elements, `host` first.
    path: Vec<String>,
    /// The text of the innermost `elem` or `cpe`.
    words: String,
    state: Option<String>,
    reason: Option<String>,
    /// Ports that answered in any way.
    answers: u64,
    ended_at: Option<Timestamp>,
    host: Host,
    port: Option<Port>,
    /// The script that is open: its name and what it said.
    script: Option<(String, String)>,
    elem_key: Option<String>,
    os: Option<Guess>,
    /// Whether the best guess is open, so that its classes are its own.
    os_open: bool,
    said: BTreeMap<&'static str, String>,
}

#[derive(Default)]
struct Port {
    transport: String,
    port: Option<u16>,
    open: bool,
    protocol: Option<String>,
    product: Option<String>,
    version: Option<String>,
    os: Option<String>,
    device: Option<String>,
    host: Option<String>,
    words: Vec<String>,
}

struct Guess {
    name: String,
    accuracy: u8,
    family: Option<String>,
    type_: Option<String>,
}

impl Reading {
    fn open(&mut self, name: &str, attributes: &Attributes) {
        let inside = self.path.last().map_or("", String::as_str).to_owned();
        match (inside.as_str(), name) {
            ("host", "status") => {
                self.state = attributes.owned("state");
                self.reason = attributes.owned("reason");
            }
            ("host", "address") => self.address(attributes),
            ("hostnames", "hostname") => {
                let kind = if attributes.get("type") == Some("user") { "given" } else { "dns" };
                self.host.add_name(kind, attributes.get("name").unwrap_or_default());
            }
            ("ports", "extraports") => {
                if matches!(attributes.get("state"), Some("closed" | "open")) {
                    self.answers += attributes.number("count").unwrap_or(1);
                }
            }
            ("ports", "port") => {
                let transport = attributes.get("protocol").unwrap_or("tcp").to_ascii_lowercase();
                self.port = Some(Port { transport, port: attributes.number("portid"), ..Port::default() });
            }
            ("port", "state") => {
                let state = attributes.get("state").unwrap_or_default();
                if matches!(state, "open" | "closed" | "unfiltered") {
                    self.answers += 1;
                }
                if let Some(port) = &mut self.port {
                    port.open = state == "open";
                }
            }
            ("port", "service") => self.service(attributes),
            ("port" | "hostscript", "script") => {
                let id = attributes.owned("id").unwrap_or_default();
                self.script = Some((id, attributes.get("output").unwrap_or_default().trim().to_owned()));
            }
            (_, "elem") => {
                self.elem_key = attributes.owned("key");
                self.words.clear();
            }
            ("os", "osmatch") => self.guess(attributes),
            ("osmatch", "osclass") => self.class(attributes),
            ("host", "uptime") => {
                if let Some(boot) = attributes.owned("lastboot") {
                    self.host.volatile.insert("last_boot".to_owned(), boot);
                }
            }
            ("host", "distance") => {
                if let Some(hops) = attributes.owned("value") {
                    self.host.volatile.insert("distance".to_owned(), hops);
                }
            }
            _ => {}
        }
        self.path.push(name.to_owned());
    }

    /// Closes an element; true if it was the host itself.
    fn close(&mut self) -> bool {
        let name = self.path.pop().unwrap_or_default();
        let inside = self.path.last().map_or("", String::as_str).to_owned();
        match name.as_str() {
            "elem" => self.elem(),
            "script" if matches!(inside.as_str(), "port" | "hostscript") => self.close_script(&inside),
            "port" => self.close_port(),
            "osmatch" => self.os_open = false,
            _ => {}
        }
        self.path.is_empty()
    }

    fn text(&mut self, text: &str) {
        if self.path.last().is_some_and(|name| name == "elem") && self.words.len() < BANNER_BYTES_MAX {
            self.words.push_str(cut(text, BANNER_BYTES_MAX));
        }
    }

    fn address(&mut self, attributes: &Attributes) {
        let text = attributes.get("addr").unwrap_or_default();
        match attributes.get("addrtype") {
            Some("mac") => {
                if let Some(mac) = Mac::parse(text) {
                    self.host.add_mac(mac, attributes.owned("vendor"));
                }
            }
            _ => {
                if let Ok(ip) = text.trim().parse::<IpAddr>() {
                    self.host.add_address(ip, true);
                }
            }
        }
    }

    fn service(&mut self, attributes: &Attributes) {
        let Some(port) = &mut self.port else { return };
        // `table` is a guess by the port's number alone; it is what nmap calls the port, not what answered there.
        let name = attributes.owned("name").filter(|name| name != "unknown" && name != "tcpwrapped");
        port.protocol = match (name, attributes.get("tunnel")) {
            (Some(name), Some("ssl")) if name == "http" => Some("https".to_owned()),
            (Some(name), Some("ssl")) if !name.starts_with("ssl") && !name.ends_with('s') => Some(format!("{name}s")),
            (name, _) => name,
        };
        port.product = attributes.owned("product");
        port.version = attributes.owned("version");
        port.os = attributes.owned("ostype");
        port.device = attributes.owned("devicetype");
        port.host = attributes.owned("hostname");
        port.words.extend(attributes.owned("extrainfo"));
    }

    fn guess(&mut self, attributes: &Attributes) {
        let Some(name) = attributes.owned("name") else { return };
        let accuracy = attributes.number("accuracy").unwrap_or(0);
        let better = self.os.as_ref().is_none_or(|best| accuracy > best.accuracy);
        self.os_open = better && accuracy >= OS_ACCURACY_MIN;
        if self.os_open {
            self.os = Some(Guess { name, accuracy, family: None, type_: None });
        }
    }

    /// The first class of a guess is the likeliest.
    fn class(&mut self, attributes: &Attributes) {
        let Some(best) = self.os.as_mut().filter(|_| self.os_open) else { return };
        let words = [attributes.get("vendor"), attributes.get("osfamily")].map(Option::unwrap_or_default).join(" ");
        let known = family(&words).map(str::to_owned);
        let of = best.family.take().or(known).or_else(|| attributes.get("osfamily").map(str::to_ascii_lowercase));
        best.family = of.filter(|family| family != "embedded");
        let kind = attributes.get("type").map(str::to_ascii_lowercase).filter(|kind| kind != "general purpose");
        best.type_ = best.type_.take().or(kind);
    }

    fn elem(&mut self) {
        let (key, Some((id, _))) = (self.elem_key.take(), &self.script) else { return };
        let Some(key) = key else {
            // A hardware address is all that this script lists.
            if id == SNMP
                && let Some(mac) = Mac::parse(&self.words)
            {
                self.host.add_mac_said(mac);
            }
            return;
        };
        let words = std::mem::take(&mut self.words);
        let Some(words) = said(&words) else { return };
        // In tables only some keys are unique, so only those of scripts that tell who the machine is are read.
        let what = match (id.as_str(), key.as_str()) {
            ("smb-os-discovery", "os") => "os",
            ("smb-os-discovery", "fqdn") => "fqdn",
            ("smb-os-discovery", "server") | ("nbstat", "server_name") => "server",
            ("smb-os-discovery", "domain_dns" | "domain") => "domain",
            ("smb-os-discovery", "workgroup") => "workgroup",
            ("rdp-ntlm-info" | "http-ntlm-info" | "ms-sql-ntlm-info", "DNS_Computer_Name") => "fqdn",
            ("rdp-ntlm-info" | "http-ntlm-info" | "ms-sql-ntlm-info", "NetBIOS_Computer_Name") => "server",
            ("rdp-ntlm-info" | "http-ntlm-info" | "ms-sql-ntlm-info", "DNS_Domain_Name") => "domain",
            (SNMP, "name") => "snmp name",
            (SNMP, "descr") => "snmp",
            (SNMP, "version") => "snmp version",
            ("http-title", "title") => "title",
            ("ssl-cert", "commonName") => "certificate",
            _ => return,
        };
        let words = words.trim_end_matches(['\0', '\\']).trim_end_matches("x00").to_owned();
        self.said.entry(what).or_insert(words);
    }

    fn close_script(&mut self, inside: &str) {
        let Some((id, output)) = self.script.take() else { return };
        let title = self.said.remove("title");
        let certificate = self.said.remove("certificate");
        match (inside, id.as_str()) {
            ("hostscript", "nbstat") => {
                // NetBIOS name: PRINTER1, NetBIOS user: <unknown>, NetBIOS MAC: 00:00:5e:00:53:01 (..)
                let name = output.strip_prefix("NetBIOS name: ").and_then(|rest| rest.split(',').next());
                if let Some(name) = name.and_then(said).filter(|name| !name.starts_with('<')) {
                    self.said.entry("server").or_insert(name);
                }
            }
            ("port", "http-title") => {
                let title = title.or_else(|| output.lines().next().and_then(said));
                self.say(title.map(|title| format!("title: {title}")));
            }
            ("port", "ssl-cert") => {
                let subject = output.lines().find_map(|line| line.trim().strip_prefix("Subject: ")).and_then(said);
                let subject = subject.or_else(|| certificate.map(|name| format!("commonName={name}")));
                self.say(subject.map(|subject| format!("certificate: {subject}")));
            }
            ("port", "snmp-sysdescr") => {
                // What it says of itself, and a line about how long it has been up, which says nothing about what it is.
                let descr = output.split("\n  System uptime:").next().and_then(said);
                if let Some(descr) = descr {
                    self.say(descr.lines().next().and_then(said));
                    self.said.entry("snmp").or_insert(descr);
                }
            }
            ("port", "snmp-interfaces") => {
                for line in output.lines().map(str::trim) {
                    let word = |rest: &str| rest.split_whitespace().next().unwrap_or_default().to_owned();
                    if let Some(mac) = line.strip_prefix("MAC address: ").and_then(|rest| Mac::parse(&word(rest))) {
                        self.host.add_mac_said(mac);
                    }
                    if let Some(Ok(ip)) = line.strip_prefix("IP address: ").map(|rest| word(rest).parse::<IpAddr>())
                        && !ip.is_loopback()
                        && !ip.is_unspecified()
                    {
                        self.host.add_address(ip, false);
                    }
                }
            }
            ("port", "banner" | "http-server-header" | "ssh-hostkey") => self.say(output.lines().next().and_then(said)),
            _ => {}
        }
        if inside == "hostscript" && self.host.scripts.len() < SCRIPTS_MAX && !output.is_empty() {
            self.host.scripts.insert(id, cut(&output, BANNER_BYTES_MAX).to_owned());
        }
    }

    fn say(&mut self, words: Option<String>) {
        if let (Some(port), Some(words)) = (&mut self.port, words)
            && port.words.len() < SCRIPTS_MAX
        {
            port.words.push(words);
        }
    }

    fn close_port(&mut self) {
        let Some(port) = self.port.take() else { return };
        let (Some(number), Some(address)) = (port.port, self.host.addresses.first()) else { return };
        if !port.open || self.host.services.len() >= SERVICES_MAX {
            return;
        }
        if let Some(os) = port.os {
            self.said.entry("service os").or_insert(os);
        }
        if let Some(device) = port.device {
            self.said.entry("device").or_insert(device);
        }
        if let Some(name) = port.host {
            self.said.entry("service host").or_insert(name);
        }
        let banner = said(&port.words.join("; ")).map(|words| cut(&words, BANNER_BYTES_MAX).to_owned());
        self.host.services.push(HostService {
            ip: address.ip,
            port: number,
            transport: port.transport,
            protocol: port.protocol,
            product: port.product,
            version: port.version,
            banner,
        });
    }

    /// Whether the host said anything. With `-Pn` nmap takes every address for a host.
    fn answered(&self) -> bool {
        self.reason.as_deref() != Some("user-set") || self.answers > 0 || !self.host.macs.is_empty()
    }

    fn finish(mut self, started_at: Option<Timestamp>) -> Host {
        let mut take = |what: &str| self.said.remove(what);
        let (fqdn, server, domain) = (take("fqdn"), take("server"), take("domain").or_else(|| take("workgroup")));
        let (smb_os, service_os) = (take("os"), take("service os"));
        let (device, service_host) = (take("device"), take("service host"));
        let (snmp_name, snmp, snmp_version) = (take("snmp name"), take("snmp"), take("snmp version"));
        let host = &mut self.host;
        host.source = SCAN.to_owned();
        let mut names = std::mem::take(&mut host.names);
        if let Some(server) = &server {
            host.add_name("computer", server);
        }
        if let Some(fqdn) = fqdn.as_ref().filter(|fqdn| fqdn.contains('.')) {
            host.add_name("fqdn", fqdn);
        }
        if let Some(name) = &snmp_name {
            host.add_name(if name.contains('.') { "fqdn" } else { "computer" }, name);
        }
        if let (Some(version), Some(address)) = (snmp_version, host.addresses.first())
            && host.services.len() < SERVICES_MAX
        {
            host.services.push(HostService {
                ip: address.ip,
                port: 161,
                transport: "udp".to_owned(),
                protocol: Some("snmp".to_owned()),
                product: None,
                version: Some(version),
                banner: snmp.as_deref().map(|descr| cut(descr, BANNER_BYTES_MAX).to_owned()),
            });
        }
        names.truncate(VALUES_MAX);
        for name in names {
            host.add_name(&name.kind, &name.name);
        }
        if let Some(name) = &service_host {
            host.add_name("service", name);
        }
        // What the machine calls itself, else what its address resolves to, without the domain.
        let called = host.names.iter().find(|name| name.kind != "given" && name.kind != "service");
        host.name = called.map(|name| match name.kind.as_str() {
            "computer" => name.name.clone(),
            _ => name.name.split('.').next().filter(|label| !label.is_empty()).unwrap_or(&name.name).to_owned(),
        });
        host.domain = domain.or_else(|| {
            let fqdn = fqdn.as_deref()?;
            fqdn.split_once('.').map(|(_, domain)| domain.to_owned())
        });
        let snmp_os = snmp.as_deref().and_then(described).filter(|(_, told)| {
            // A guess that says the same says it more closely.
            self.os.as_ref().is_none_or(|guess| guess.family.as_deref() != Some(*told))
        });
        match (smb_os.or(snmp_os.map(|(os, _)| os)), self.os) {
            // The machine said it itself.
            (Some(os), _) => {
                host.os_family = family(&os).map(str::to_owned);
                host.os = Some(os);
            }
            (None, Some(guess)) => {
                host.os_family = guess.family.or_else(|| family(&guess.name).map(str::to_owned));
                host.os_accuracy = Some(guess.accuracy);
                host.type_ = guess.type_;
                host.os = Some(guess.name);
            }
            (None, None) => host.os_family = service_os.as_deref().and_then(family).map(str::to_owned),
        }
        if host.type_.is_none() && host.os.as_deref().is_some_and(|os| os.contains("Server")) {
            host.type_ = Some("server".to_owned());
        }
        host.type_ = host.type_.take().or_else(|| device.map(|device| device.to_ascii_lowercase()));
        // Who made the network interface is not who made the machine, so it is not its manufacturer.
        host.last_seen = self.ended_at.or(started_at).map(|at| at.to_string());
        self.host
    }
}
