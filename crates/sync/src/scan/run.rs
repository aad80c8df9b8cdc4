//! [`Scanner`]: nmap as a process of its own, in a folder of its own that is gone with it.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt as _, select};
use jobs::World;
use kernel::{Secret, Timestamp};

use super::order::{COMMUNITIES_MAX, SCRIPT, SCRIPT_ARGUMENTS, Scan, XML};
use super::snmp::{self, Logins, PORT, UserError};

/// The script by which nmap asks a machine by SNMP.
const SNMP_SCRIPT: &str = include_str!("muster-snmp.nse");

/// How often it is looked at how far nmap is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How much of nmap's file is read at one look, in bytes; what is beyond waits for the next.
const LOOK_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How long it is waited for a process that was killed to be gone.
const END_WAIT: Duration = Duration::from_secs(2);

/// What nmap said on standard error, as far as it is told, in bytes.
const SAID_BYTES_MAX: u64 = 2_000;

/// nmap on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanner {
    program: PathBuf,
    /// Where scans have their folders; the system's own for such if it is not set.
    folder: Option<PathBuf>,
    raw: bool,
}

/// Why nothing came of a scan.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// There is no nmap.
    #[error("nmap is not installed, and Muster scans with it")]
    NoScanner,
    /// It could not be started.
    #[error("starting {} failed", program.display())]
    Start {
        /// Which.
        program: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its folder could not be made or read.
    #[error("keeping what nmap finds failed")]
    Folder(#[source] std::io::Error),
    /// It ended without having done it.
    #[error("nmap ended early ({how}){}; nothing of it was imported", said_after(said))]
    Ended {
        /// With which code or signal.
        how: String,
        /// What it said.
        said: String,
    },
    /// An Explorer could not.
    #[error("the Explorer {name} could not scan: {why}")]
    Elsewhere {
        /// Which.
        name: String,
        /// Why, as it says.
        why: String,
    },
    /// Too many communities.
    #[error("one scan tries {COMMUNITIES_MAX} communities and users at most")]
    Communities,
    /// A credential of SNMP v3 cannot be used.
    #[error("a credential is no user of SNMP v3: {0}")]
    User(UserError),
}

impl ScanError {
    /// What helps, where the message does not say.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            ScanError::NoScanner => Some(
                "install it (Debian, Ubuntu: apt-get install nmap; Fedora: dnf install nmap; macOS: brew install nmap; \
                 elsewhere: https://nmap.org/download), then try again",
            ),
            ScanError::Folder(_) => Some("make room, then try again; nothing was changed"),
            _ => None,
        }
    }
}

fn said_after(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// How far a scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Far {
    /// Of the step that nmap is at, in percent.
    pub percent: Option<f64>,
    /// Machines that are done.
    pub hosts: u64,
}

/// What nmap wrote.
#[derive(Debug)]
pub struct Scanned {
    /// Its XML, from the beginning.
    pub xml: File,
    /// False if it ran into its time limit, and the file ends somewhere.
    pub in_time: bool,
}

impl Scanner {
    /// Looks for nmap in the folders of `path`, which is the variable `PATH`.
    ///
    /// # Errors
    /// There is none.
    pub fn find(path: &OsStr) -> Result<Scanner, ScanError> {
        let names: &[&str] = if cfg!(windows) { &["nmap.exe"] } else { &["nmap"] };
        let mut files = std::env::split_paths(path).flat_map(|folder| names.iter().map(move |name| folder.join(name)));
        let program = files.find(|file| file.is_absolute() && file.is_file()).ok_or(ScanError::NoScanner)?;
        Ok(Scanner { program, folder: None, raw: may_send_raw() })
    }

    /// With folders of scans inside this one.
    #[must_use]
    pub fn inside(self, folder: &Path) -> Scanner {
        Scanner { folder: Some(folder.to_owned()), ..self }
    }

    /// Whether it may make its own packets here.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.raw
    }

    /// Starts nmap. It ends when what is answered is dropped.
    ///
    /// # Errors
    /// It cannot be started, or its folder cannot be made.
    pub fn start(&self, world: &World, scan: &Scan, logins: &Logins) -> Result<Running, ScanError> {
        let communities = &logins.communities;
        let folder = self.prepare(scan, logins).map_err(ScanError::Folder)?;
        let said = File::create(folder.path().join("said")).map_err(ScanError::Folder)?;
        let mut command = Command::new(&self.program);
        command.args(scan.arguments(self.raw)).current_dir(folder.path()).env_clear();
        // Where it looks for what is named without a path, before the places of its own.
        command.env("NMAPDIR", folder.path()).env("HOME", folder.path()).env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        // A group of its own, so that all that it starts can be ended with it, and no Ctrl-C for us ends it behind our back.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(|source| ScanError::Start { program: self.program.clone(), source })?;
        let ends_at = world.now().plus_seconds(i64::from(scan.minutes) * 60);
        let hidden: Vec<Secret> =
            communities.iter().flat_map(|secret| [Secret::new(hexadecimal(secret)), secret.clone()]).collect();
        let process = child.id();
        Ok(Running {
            child: Some(child),
            process,
            folder,
            ends_at,
            far: Far::default(),
            looked_to: 0,
            has_secret: !hidden.is_empty(),
            hidden,
            later: (scan.snmp && !logins.users.is_empty()).then(|| logins.clone()),
            rate: scan.rate,
            asking: None,
        })
    }

    fn prepare(&self, scan: &Scan, logins: &Logins) -> std::io::Result<tempfile::TempDir> {
        let mut made = tempfile::Builder::new();
        made.prefix("muster-scan-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            made.permissions(std::fs::Permissions::from_mode(0o700));
        }
        let folder = match &self.folder {
            Some(folder) => {
                DirBuilder::new().recursive(true).create(folder)?;
                made.tempdir_in(folder)?
            }
            None => made.tempdir()?,
        };
        if scan.snmp {
            own(&folder.path().join(SCRIPT))?.write_all(SNMP_SCRIPT.as_bytes())?;
            own(&folder.path().join(SCRIPT_ARGUMENTS))?.write_all(script_arguments(logins).as_bytes())?;
        }
        Ok(folder)
    }
}

/// A new file that nobody else can read.
fn own(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// In hexadecimal, so that no character of a community means anything to nmap; without any, the dot between them.
fn script_arguments(logins: &Logins) -> String {
    let communities = logins.communities.iter().map(hexadecimal).collect::<Vec<_>>().join(".");
    let communities = if communities.is_empty() { "." } else { &communities };
    let port = if logins.port == PORT { String::new() } else { format!(",muster.port={}", logins.port) };
    format!("muster.communities={communities}{port}")
}

fn hexadecimal(secret: &Secret) -> String {
    secret.expose().bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a process may make packets of its own: root, and who was given `CAP_NET_RAW` for good. Read from `/proc`, so
/// elsewhere nobody may.
fn may_send_raw() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    raw_in(&status)
}

fn raw_in(status: &str) -> bool {
    /// `CAP_NET_RAW` (`linux/capability.h`).
    const NET_RAW: u64 = 1 << 13;
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    let holds = |name: &str| u64::from_str_radix(line(name), 16).is_ok_and(|bits| bits & NET_RAW != 0);
    let is_root = line("Uid:").split_whitespace().nth(1) == Some("0");
    // A program that is started keeps what its user may only if it is root, or if it is handed down (ambient).
    if is_root { holds("CapEff:") } else { holds("CapAmb:") }
}

/// nmap at work, and SNMP v3 after it; dropping it ends nmap and whatever that started, and takes its folder away.
pub struct Running {
    /// Nothing once it has ended.
    child: Option<Child>,
    process: u32,
    folder: tempfile::TempDir,
    ends_at: Timestamp,
    far: Far,
    /// Up to where its file was looked at, in bytes: whole lines, each once.
    looked_to: u64,
    /// A file of its folder holds communities.
    has_secret: bool,
    /// What is not told on, whoever says it.
    hidden: Vec<Secret>,
    /// What is asked with by SNMP v3 once nmap is done.
    later: Option<Logins>,
    /// Packets a second at most.
    rate: u32,
    /// Asking so.
    asking: Option<BoxFuture<'static, Result<File, ScanError>>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Running").field("process", &self.process).field("far", &self.far).finish_non_exhaustive()
    }
}

impl Running {
    /// Waits a little; answers once nmap has ended, or its time is over.
    ///
    /// # Errors
    /// It ended without having done it.
    pub async fn wait(&mut self, world: &World) -> Result<Option<Scanned>, ScanError> {
        if let Some(asking) = &mut self.asking {
            return match select(asking, std::pin::pin!(world.sleep(LOOK_EVERY))).await {
                Either::Left((xml, _)) => Ok(Some(Scanned { xml: xml?, in_time: true })),
                Either::Right(_) if world.now() >= self.ends_at => self.written(false).map(Some),
                Either::Right(_) => Ok(None),
            };
        }
        world.sleep(LOOK_EVERY).await;
        let ended = self.child.as_mut().map(Child::try_wait).transpose().map_err(ScanError::Folder)?.flatten();
        if let Some(status) = ended {
            self.child = None;
            if !status.success() {
                return Err(ScanError::Ended { how: in_words(status), said: self.said() });
            }
            let scanned = self.written(true)?;
            let Some(logins) = self.later.take() else { return Ok(Some(scanned)) };
            self.asking = Some(snmp::ask(world.clone(), scanned.xml, logins, self.rate).boxed());
            return Ok(None);
        }
        self.look().map_err(ScanError::Folder)?;
        if world.now() >= self.ends_at {
            self.end();
            return self.written(false).map(Some);
        }
        Ok(None)
    }

    /// How far it is.
    #[must_use]
    pub fn far(&self) -> Far {
        self.far
    }

    /// The process's number.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process
    }

    fn written(&self, in_time: bool) -> Result<Scanned, ScanError> {
        let xml = File::open(self.folder.path().join(XML)).map_err(ScanError::Folder)?;
        Ok(Scanned { xml, in_time })
    }

    fn look(&mut self) -> std::io::Result<()> {
        let path = self.folder.path().join(XML);
        let Ok(mut file) = File::open(path) else { return Ok(()) };
        file.seek(SeekFrom::Start(self.looked_to))?;
        let mut fresh = Vec::new();
        file.take(LOOK_BYTES_MAX).read_to_end(&mut fresh)?;
        // What is being written is looked at again; a line that fills a whole look tells nothing, and is passed by.
        let whole = match fresh.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if fresh.len() as u64 == LOOK_BYTES_MAX => fresh.len(),
            None => 0,
        };
        self.looked_to += whole as u64;
        let (lines, all) = (String::from_utf8_lossy(&fresh[..whole]), String::from_utf8_lossy(&fresh));
        self.far = further(self.far, &lines);
        // Scripts have read their arguments once the first step has begun.
        let has_begun = ["<taskprogress", "<hosthint", "<host "].iter().any(|begun| all.contains(begun));
        if self.has_secret && has_begun {
            self.has_secret = false;
            let _ = std::fs::remove_file(self.folder.path().join(SCRIPT_ARGUMENTS));
        }
        Ok(())
    }

    /// What it said on standard error, in one line.
    fn said(&self) -> String {
        let mut said = Vec::new();
        if let Ok(file) = File::open(self.folder.path().join("said")) {
            let _ = file.take(SAID_BYTES_MAX).read_to_end(&mut said);
        }
        let mut said = String::from_utf8_lossy(&said).into_owned();
        for secret in &self.hidden {
            said = said.replace(secret.expose(), "[community]");
        }
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "QUITTING!");
        lines.take(2).collect::<Vec<_>>().join(" ").chars().filter(|letter| !letter.is_control()).collect()
    }

    /// Kills it and all of its group, and waits a while until it is gone. It may have ended by itself meanwhile, and then there
    /// is nobody to end.
    fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        #[cfg(unix)]
        let _ = rustix::process::kill_process_group(
            rustix::process::Pid::from_child(&child),
            rustix::process::Signal::KILL,
        );
        let _ = child.kill();
        // One that hangs in the kernel holds up nobody here.
        let (gone, waits) = std::sync::mpsc::channel();
        std::thread::spawn(move || gone.send(child.wait().is_ok()));
        let _ = waits.recv_timeout(END_WAIT);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn in_words(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    status.code().map_or_else(|| "without a code".to_owned(), |code| format!("code {code}"))
}

/// How far nmap is after these further lines: the last one that says so, and one machine more for each.
fn further(far: Far, lines: &str) -> Far {
    let hosts = u64::try_from(lines.matches("<host ").count()).unwrap_or(u64::MAX);
    let percent = lines.rsplit_once("<taskprogress").and_then(|(_, rest)| {
        let (_, value) = rest.split_once("percent=\"")?;
        value.split('"').next()?.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent))
    });
    Far { percent: percent.or(far.percent), hosts: far.hosts.saturating_add(hosts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_stands_in_the_last_line_that_says_so() {
        let text = "<taskprogress task=\"SYN\" time=\"1\" percent=\"18.73\" remaining=\"5\"/>\n<host starttime=\"1\"></host>\n\
                    <taskprogress task=\"SYN\" time=\"2\" percent=\"58.50\"/>\n<hosthint>";
        let far = further(Far::default(), text);
        assert_eq!(far, Far { percent: Some(58.5), hosts: 1 });
        for nothing in ["<nmaprun>", "<taskprogress percent=\"NaN\"", ""] {
            assert_eq!(further(far, nothing), far, "{nothing}");
        }
    }

    #[test]
    fn who_may_send_raw_packets_is_root_or_was_given_it_for_good() {
        let status = |uid, eff, amb| format!("Name:\tx\nUid:\t1\t{uid}\t1\t1\nCapEff:\t{eff}\nCapAmb:\t{amb}\n");
        assert!(raw_in(&status(0, "000001ffffffffff", "0000000000000000")));
        assert!(!raw_in(&status(0, "0000000000000400", "0000000000000000")), "root of a container without it");
        assert!(!raw_in(&status(1000, "0000000000002000", "0000000000000000")));
        assert!(raw_in(&status(1000, "0000000000002000", "0000000000002000")));
        assert!(!raw_in(""));
    }

    #[test]
    fn a_community_means_nothing_to_the_scanner() {
        let mut given = Logins::default();
        assert_eq!(script_arguments(&given), "muster.communities=.");
        for community in ["a\",x={}\n", "ü"] {
            given.add(crate::scan::COMMUNITY, Secret::new(community.to_owned())).unwrap();
        }
        assert_eq!(script_arguments(&given), "muster.communities=61222c783d7b7d0a.c3bc");
        assert_eq!(script_arguments(&given.at_port(1161)), "muster.communities=61222c783d7b7d0a.c3bc,muster.port=1161");
    }
}
