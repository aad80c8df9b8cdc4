//! SNMP beside nmap: who is asked with what, and version 3 (RFC 3414), which nmap does not speak. What is learned is put into
//! nmap's own answer, as the script would have said it, so that one importer reads both.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jobs::World;
use kernel::Secret;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use serde::{Deserialize, Serialize};
use snmp2::v3::{Auth, AuthProtocol, Cipher, Security};
use snmp2::{AsyncSession, Oid, Value};

use super::ScanError;
use super::order::{COMMUNITIES_MAX, SCRIPT_NAME};

/// The type of credential that is a community of SNMP v2c.
pub const COMMUNITY: &str = "snmp_community";
/// The type of credential that is a user of SNMP v3.
pub const USER: &str = "snmp_v3";
/// The shortest secret of a user, in characters (RFC 3414, 11.2).
pub const USER_SECRET_MIN: usize = 8;
/// The longest name of a user, in bytes (RFC 3414, 5).
pub const USER_NAME_MAX: usize = 32;
/// Where agents listen.
pub(super) const PORT: u16 = 161;
/// How long an agent has for one answer.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How often a question is put: a packet may be lost, and an agent may tell its clock first.
const TRIES: usize = 3;
/// Machines that are asked at the same time.
const AT_ONCE: usize = 16;
/// Packets that a machine is sent in about a second, by which the next ones wait so that the rate of the scan holds.
const PACKETS: f64 = 8.0;
/// Interfaces whose hardware address is asked for.
const INTERFACES_MAX: usize = 64;
/// The longest text that is taken from an agent, in characters.
const TEXT_CHARS_MAX: usize = 2_000;

/// Hash functions of a user's authentication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hash {
    /// HMAC-SHA-1-96 (RFC 3414).
    Sha1,
    /// HMAC-SHA-256-192 (RFC 7860).
    #[default]
    Sha256,
}

/// A user of SNMP v3 who is authenticated, and whose questions are encrypted with AES-128 (RFC 3826).
#[derive(Clone, Debug)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// How it is authenticated.
    pub hash: Hash,
    /// By this.
    pub auth: Secret,
    /// What the key of encryption is made from.
    pub privacy: Secret,
}

/// A user as it is sealed: one secret.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    user: String,
    #[serde(default)]
    auth: Hash,
    auth_secret: String,
    privacy_secret: String,
}

/// Why a text is no user of SNMP v3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// It is not JSON with the right fields.
    #[error(
        "it is written like {{\"user\": \"..\", \"auth\": \"sha256\", \"auth_secret\": \"..\", \"privacy_secret\": \"..\"}}, \
         with sha1 or sha256"
    )]
    Form,
    /// Its name.
    #[error("its user name has 1 to {USER_NAME_MAX} bytes")]
    Name,
    /// Its secrets.
    #[error("each of its two secrets has {USER_SECRET_MIN} characters at least")]
    Secrets,
}

impl User {
    /// Reads a user as it is sealed.
    ///
    /// # Errors
    /// It is none, or agents would not take it.
    pub fn parse(text: &Secret) -> Result<User, UserError> {
        let Written { user, auth, auth_secret, privacy_secret } =
            serde_json::from_str(text.expose()).map_err(|_| UserError::Form)?;
        let of = User { name: user, hash: auth, auth: Secret::new(auth_secret), privacy: Secret::new(privacy_secret) };
        if !(1..=USER_NAME_MAX).contains(&of.name.len()) {
            return Err(UserError::Name);
        }
        if [&of.auth, &of.privacy].iter().any(|secret| secret.expose().chars().count() < USER_SECRET_MIN) {
            return Err(UserError::Secrets);
        }
        Ok(of)
    }

    /// The user as it is sealed.
    ///
    /// # Panics
    /// Never: it is plain texts.
    #[must_use]
    pub fn written(&self) -> Secret {
        let written = Written {
            user: self.name.clone(),
            auth: self.hash,
            auth_secret: self.auth.expose().to_owned(),
            privacy_secret: self.privacy.expose().to_owned(),
        };
        Secret::new(serde_json::to_string(&written).expect("plain texts"))
    }

    fn security(&self) -> Security {
        let hash = match self.hash {
            Hash::Sha1 => AuthProtocol::Sha1,
            Hash::Sha256 => AuthProtocol::Sha256,
        };
        let privacy_password = self.privacy.expose().as_bytes().to_vec();
        Security::new(self.name.as_bytes(), self.auth.expose().as_bytes())
            .with_auth_protocol(hash)
            .with_auth(Auth::AuthPriv { cipher: Cipher::Aes128, privacy_password })
    }
}

/// What a scan may ask with.
#[derive(Clone, Debug)]
pub struct Logins {
    pub(super) communities: Vec<Secret>,
    pub(super) users: Vec<User>,
    pub(super) port: u16,
}

impl Default for Logins {
    fn default() -> Logins {
        Logins { communities: Vec::new(), users: Vec::new(), port: PORT }
    }
}

impl Logins {
    /// With agents that listen at another port.
    #[must_use]
    pub fn at_port(self, port: u16) -> Logins {
        Logins { port, ..self }
    }

    /// Adds the secret of a credential of that type.
    ///
    /// # Errors
    /// It cannot be used, or there are [`COMMUNITIES_MAX`].
    pub fn add(&mut self, kind: &str, secret: Secret) -> Result<(), ScanError> {
        match kind {
            USER => self.users.push(User::parse(&secret).map_err(ScanError::User)?),
            _ => self.communities.push(secret),
        }
        match self.communities.len() + self.users.len() > COMMUNITIES_MAX {
            true => Err(ScanError::Communities),
            false => Ok(()),
        }
    }

    /// In one text, to be sealed: pairs of a type and a secret.
    pub(super) fn written(&self) -> String {
        let communities = self.communities.iter().map(|secret| (COMMUNITY, secret.expose().to_owned()));
        let users = self.users.iter().map(|user| (USER, user.written().expose().to_owned()));
        serde_json::to_string(&communities.chain(users).collect::<Vec<_>>()).expect("plain texts")
    }

    /// From that text.
    pub(super) fn read(text: &str) -> Result<Logins, String> {
        let all: Vec<(String, String)> =
            serde_json::from_str(text).map_err(|_| "what was sealed is no credential of SNMP".to_owned())?;
        let mut logins = Logins::default();
        for (kind, secret) in all {
            logins.add(&kind, Secret::new(secret)).map_err(|error| error.to_string())?;
        }
        Ok(logins)
    }
}

/// What an agent said of its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    descr: String,
    name: Option<String>,
    macs: Vec<String>,
}

/// Asks the machines of nmap's answer that are up and have not said anything by SNMP yet, and adds to it what they say. `rate`
/// is the scan's, in packets a second.
pub(super) async fn ask(world: World, xml: File, logins: Logins, rate: u32) -> Result<File, ScanError> {
    let read = world.aside(move || {
        let mut xml = xml;
        let machines = machines(&mut xml)?;
        Ok::<_, std::io::Error>((xml, machines))
    });
    let (xml, machines) = read.await.map_err(ScanError::Folder)?;
    // As many as are asked at once wait for each other's packets.
    let pace = Duration::from_secs_f64(PACKETS * AT_ONCE as f64 / f64::from(rate.max(1)));
    let both = Arc::new((world.clone(), logins));
    let asked = machines.into_iter().map(move |ip| {
        let both = both.clone();
        async move {
            let (world, logins) = &*both;
            world.sleep(pace).await;
            Some((ip, machine(world, ip, logins).await?))
        }
    });
    let told = stream::iter(asked).buffer_unordered(AT_ONCE);
    let told: BTreeMap<IpAddr, Told> = told.filter_map(std::future::ready).collect().await;
    if told.is_empty() {
        return Ok(xml);
    }
    world.aside(move || with(xml, &told)).await.map_err(ScanError::Folder)
}

async fn machine(world: &World, ip: IpAddr, logins: &Logins) -> Option<Told> {
    for user in &logins.users {
        if let Some(told) = by(world, (ip, logins.port), user).await {
            return Some(told);
        }
    }
    None
}

/// By one user; nothing if nobody answers, or not to this user.
async fn by(world: &World, at: (IpAddr, u16), user: &User) -> Option<Told> {
    const DESCR: &[u64] = &[1, 3, 6, 1, 2, 1, 1, 1, 0];
    const NAME: &[u64] = &[1, 3, 6, 1, 2, 1, 1, 5, 0];
    /// ifPhysAddress, by interface (RFC 2863).
    const PHYSICAL: &[u64] = &[1, 3, 6, 1, 2, 1, 2, 2, 1, 6];
    let first = i32::try_from(world.random().below(1 << 30)).unwrap_or(1);
    let opened = world.timeout(ANSWER_TIME, AsyncSession::new_v3(at, first, user.security())).await;
    let mut session = opened.ok()?.ok()?;
    let mut met = false;
    for _ in 0..TRIES - 1 {
        met = matches!(world.timeout(ANSWER_TIME, session.init()).await, Ok(Ok(())));
        if met {
            break;
        }
    }
    if !met {
        return None;
    }
    let descr = text(world, &mut session, DESCR).await?;
    let name = text(world, &mut session, NAME).await;
    let mut macs = Vec::new();
    let base = Oid::from(PHYSICAL).ok()?;
    let mut last = base.clone();
    for _ in 0..INTERFACES_MAX {
        let Ok(Ok(answer)) = world.timeout(ANSWER_TIME, session.getnext(&last)).await else { break };
        let mut told = answer.varbinds;
        let Some((oid, value)) = told.next() else { break };
        if !oid.starts_with(&base) || oid == last {
            break;
        }
        if let Value::OctetString(bytes) = value
            && bytes.len() == 6
        {
            macs.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"));
        }
        last = oid.to_owned();
    }
    Some(Told { descr, name, macs })
}

/// One text of an agent. Its first answer may only be its clock.
async fn text(world: &World, session: &mut AsyncSession, oid: &[u64]) -> Option<String> {
    let oid = Oid::from(oid).ok()?;
    for _ in 0..TRIES {
        match world.timeout(ANSWER_TIME, session.get(&oid)).await {
            Ok(Ok(answer)) => {
                let mut told = answer.varbinds;
                let (_, value) = told.next()?;
                let Value::OctetString(bytes) = value else { return None };
                let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
                let text = String::from_utf8_lossy(bytes).chars().map(plain).take(TEXT_CHARS_MAX).collect::<String>();
                return Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            }
            Ok(Err(snmp2::Error::AuthUpdated | snmp2::Error::RequestIdMismatch)) | Err(_) => {}
            Ok(Err(_)) => return None,
        }
    }
    None
}

/// The first address of each machine that is up and said nothing by SNMP; the file is at its beginning again.
fn machines(xml: &mut File) -> std::io::Result<Vec<IpAddr>> {
    let mut found = Vec::new();
    {
        let mut reader = Reader::from_reader(BufReader::new(&mut *xml));
        let (mut buffer, mut host) = (Vec::new(), Host::default());
        // What is no XML any more is the importer's to tell.
        while let Ok(event) = reader.read_event_into(&mut buffer) {
            match event {
                Event::Eof => break,
                Event::End(end) if end.name().as_ref() == "host" => {
                    let host = std::mem::take(&mut host);
                    found.extend(host.address.filter(|_| host.up && !host.has_told));
                }
                Event::Start(of) | Event::Empty(of) => host.see(&of),
                _ => {}
            }
            buffer.clear();
        }
    }
    xml.seek(SeekFrom::Start(0))?;
    Ok(found)
}

#[derive(Default)]
struct Host {
    address: Option<IpAddr>,
    up: bool,
    has_told: bool,
}

impl Host {
    fn see(&mut self, of: &BytesStart<'_>) {
        let value = |name: &str| Some(of.try_get_attribute(name).ok().flatten()?.value.into_owned());
        match of.name().as_ref() {
            "host" => *self = Host::default(),
            "status" => self.up = value("state").as_deref() == Some("up"),
            "address" => self.address = self.address.or_else(|| value("addr")?.parse().ok()),
            "script" => self.has_told |= value("id").as_deref() == Some(SCRIPT_NAME),
            _ => {}
        }
    }
}

/// nmap's answer with what agents told, in another file.
fn with(xml: File, told: &BTreeMap<IpAddr, Told>) -> std::io::Result<File> {
    let strange = |error: quick_xml::Error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
    let mut out = tempfile::tempfile()?;
    {
        let mut reader = Reader::from_reader(BufReader::new(xml));
        let mut writer = Writer::new(BufWriter::new(&mut out));
        let (mut buffer, mut host) = (Vec::new(), Host::default());
        loop {
            let event = reader.read_event_into(&mut buffer).map_err(strange)?;
            match &event {
                Event::Eof => break,
                Event::Start(of) | Event::Empty(of) => host.see(of),
                Event::End(end) if end.name().as_ref() == "host" => {
                    if let Some(told) = host.address.and_then(|ip| told.get(&ip)) {
                        for event in script(told) {
                            writer.write_event(event)?;
                        }
                    }
                }
                _ => {}
            }
            writer.write_event(event.into_owned())?;
            buffer.clear();
        }
        writer.into_inner().flush()?;
    }
    out.seek(SeekFrom::Start(0))?;
    Ok(out)
}

/// What the script would have written.
fn script(told: &Told) -> Vec<Event<'static>> {
    let elem = |key: Option<&str>, text: &str| {
        let start = BytesStart::new("elem");
        let start = match key {
            Some(key) => start.with_attributes([("key", key)]),
            None => start,
        };
        let text = BytesText::new(text).into_owned();
        [Event::Start(start.into_owned()), Event::Text(text), Event::End(BytesEnd::new("elem"))]
    };
    let output = format!("version: v3; {}", told.descr);
    let start = BytesStart::new("script").with_attributes([("id", SCRIPT_NAME), ("output", output.as_str())]);
    let mut all = vec![Event::Start(BytesStart::new("hostscript")), Event::Start(start.into_owned())];
    all.extend(elem(Some("version"), "v3"));
    all.extend(elem(Some("descr"), &told.descr));
    all.extend(told.name.iter().flat_map(|name| elem(Some("name"), name)));
    if !told.macs.is_empty() {
        all.push(Event::Start(BytesStart::new("table").with_attributes([("key", "macs")]).into_owned()));
        all.extend(told.macs.iter().flat_map(|mac| elem(None, mac)));
        all.push(Event::End(BytesEnd::new("table")));
    }
    all.push(Event::End(BytesEnd::new("script")));
    all.push(Event::End(BytesEnd::new("hostscript")));
    all
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    }

    const ANSWER: &str = "<?xml version=\"1.0\"?><nmaprun args=\"a &amp; b\"><host><status state=\"up\"/>\
        <address addr=\"10.0.0.1\" addrtype=\"ipv4\"/><address addr=\"00:11:22:33:44:55\" addrtype=\"mac\"/></host>\
        <host><status state=\"down\"/><address addr=\"10.0.0.2\" addrtype=\"ipv4\"/></host>\
        <host><status state=\"up\"/><address addr=\"10.0.0.3\" addrtype=\"ipv4\"/><hostscript>\
        <script id=\"muster-snmp\" output=\"x\"/></hostscript></host></nmaprun>";

    #[test]
    fn who_is_up_and_has_not_told_yet_is_asked_and_what_is_told_stands_in_the_answer() {
        let mut xml = file(ANSWER);
        let one: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(machines(&mut xml).unwrap(), [one]);
        let told = Told {
            descr: "a <switch> & more".to_owned(),
            name: Some("sw-1".to_owned()),
            macs: vec!["00:00:5e:00:53:01".to_owned()],
        };
        let mut text = String::new();
        with(xml, &BTreeMap::from([(one, told)])).unwrap().read_to_string(&mut text).unwrap();
        let script = "<hostscript><script id=\"muster-snmp\" output=\"version: v3; a &lt;switch&gt; &amp; more\">\
            <elem key=\"version\">v3</elem><elem key=\"descr\">a &lt;switch&gt; &amp; more</elem>\
            <elem key=\"name\">sw-1</elem><table key=\"macs\"><elem>00:00:5e:00:53:01</elem></table></script></hostscript>";
        assert_eq!(text, ANSWER.replacen("</host>", &format!("{script}</host>"), 1));
    }

    #[test]
    fn a_user_is_one_secret_with_bounds() {
        let text = r#"{"user":"muster","auth_secret":"one secret","privacy_secret":"another one"}"#;
        let user = User::parse(&Secret::new(text.to_owned())).unwrap();
        assert_eq!((user.name.as_str(), user.hash), ("muster", Hash::Sha256));
        let again = User::parse(&user.written()).unwrap();
        assert_eq!((again.auth.expose(), again.privacy.expose()), ("one secret", "another one"));
        let wrong = |text: &str| User::parse(&Secret::new(text.to_owned())).unwrap_err();
        assert_eq!(wrong("muster one another"), UserError::Form);
        assert_eq!(wrong(&text.replace("\"muster\"", "\"\"")), UserError::Name);
        assert_eq!(wrong(&text.replace("muster", &"m".repeat(33))), UserError::Name);
        assert_eq!(wrong(&text.replace("another one", "short")), UserError::Secrets);
        let shown = format!("{user:?}");
        assert!(!shown.contains("one secret") && !shown.contains("another one"), "{shown}");
        let mut logins = Logins::default();
        logins.add(USER, user.written()).unwrap();
        logins.add(COMMUNITY, Secret::new("public".to_owned())).unwrap();
        let read = Logins::read(&logins.written()).unwrap();
        assert_eq!((read.users.len(), read.communities.len()), (1, 1));
        for _ in 2..COMMUNITIES_MAX {
            logins.add(COMMUNITY, Secret::new("public".to_owned())).unwrap();
        }
        assert!(matches!(logins.add(COMMUNITY, Secret::new("public".to_owned())), Err(ScanError::Communities)));
    }
}
