//! Settings: a flag comes before its variable, that before the file, and that before what is usual. Which settings there are
//! follows from the flags: each that has a variable stands in the file too, below the name of its command.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::arguments::Arguments;
use crate::failure::Failure;

/// The largest file of settings, in bytes; one with every setting has two thousand.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The flag that names the file, which is no setting in it.
const CONFIG: &str = "config";

/// Settings that only go together.
const PAIRS: [[&str; 2]; 1] = [["serve.tls_cert", "serve.tls_key"]];

/// Settings without a flag: where secrets are. Table and key in the file, the variable, what it is.
const ELSEWHERE: [(&str, &str, &str); 7] = [
    ("secrets.key_file", access::KEY_FILE_VARIABLE, "The file with the key that seals secrets"),
    (
        "secrets.folder",
        access::SECRETS_FOLDER_VARIABLE,
        "The folder below which credentials of the kind file:// may lie",
    ),
    ("secrets.vault_address", access::VAULT_ADDRESS_VARIABLE, "The Vault or OpenBao: https://vault.example.com:8200"),
    ("secrets.vault_token_file", access::VAULT_TOKEN_FILE_VARIABLE, "The file with the token that opens it"),
    ("secrets.vault_namespace", access::VAULT_NAMESPACE_VARIABLE, "Its namespace, if it has any"),
    ("secrets.vault_ca", access::VAULT_CA_VARIABLE, "A file with further certificate authorities for it, PEM"),
    (
        "secrets.vault_private",
        access::VAULT_PRIVATE_VARIABLE,
        "\"true\" lets it stand on this machine or inside a private network; otherwise only a public address is asked",
    ),
];

/// What the environment alone may hold, because it is a secret or comes from who starts the program.
const ENVIRONMENT_ALONE: [(&str, &str); 3] = [
    (access::KEY_VARIABLE, "The key itself, 32 bytes in hexadecimal or base64; a file is better"),
    ("MUSTER_SECRET_*", "What credentials of the kind env: may name"),
    ("CREDENTIALS_DIRECTORY", "Set by systemd; the credential muster-key in it is the key"),
];

/// What the file said of [`ELSEWHERE`], by variable.
static SAID: OnceLock<BTreeMap<&'static str, OsString>> = OnceLock::new();

/// Why the command line and the settings are no order.
pub enum Refused {
    /// Usage, help or version, told by the parser.
    Told(clap::Error),
    /// The file.
    File(Failure),
}

/// A variable of the environment, or what the file says in its place.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).or_else(|| SAID.get()?.get(name).cloned())
}

/// Reads the command line, with the settings of the file that it or its variable names.
pub fn read(line: impl IntoIterator<Item = OsString> + Clone) -> Result<Arguments, Refused> {
    let mut command = Arguments::command();
    // Help, version and what cannot be read need no settings; the parser tells of them below.
    let first = command.clone().ignore_errors(true).try_get_matches_from(line.clone());
    let file = first.ok().and_then(|found| found.get_one::<PathBuf>(CONFIG).cloned());
    if let Some(file) = file {
        let settings = File::read(&file).and_then(|file| file.settings(&command)).map_err(Refused::File)?;
        let mut elsewhere = BTreeMap::new();
        for (name, value) in settings {
            match ELSEWHERE.iter().find(|(known, ..)| *known == name) {
                Some((_, variable, _)) => drop(elsewhere.insert(*variable, OsString::from(value))),
                None => command = with_default(command, &name, value),
            }
        }
        // Tests read several files in one process; a program reads one.
        let _ = SAID.set(elsewhere);
    }
    let told = |error| Refused::Told(plainer(error));
    let mut matches = command.try_get_matches_from(line).map_err(told)?;
    Arguments::from_arg_matches_mut(&mut matches).map_err(told)
}

/// The parser's words with the nearest command first, and without flags in the usage that every command takes.
fn plainer(mut error: clap::Error) -> clap::Error {
    if let (Some(ContextValue::String(typed)), Some(ContextValue::Strings(near))) =
        (error.get(ContextKind::InvalidSubcommand), error.get(ContextKind::SuggestedSubcommand))
    {
        let nearest = query::nearest(typed, near.iter().map(String::as_str));
        if !nearest.is_empty() {
            error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(nearest));
        }
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let mut usage = usage.to_string();
        for flag in Arguments::command().get_arguments().filter(|flag| flag.is_global_set()) {
            let values = flag.get_value_names().unwrap_or_default().iter().map(|name| format!(" <{name}>"));
            let long = flag.get_long().unwrap_or_default();
            usage = usage.replace(&format!(" --{long}{}", values.collect::<String>()), "");
        }
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage.into()));
    }
    error
}

/// The flag of a setting takes a value where neither the command line nor its variable gives one.
fn with_default(command: Command, name: &str, value: String) -> Command {
    match name.split_once('.') {
        Some((below, rest)) => command.mut_subcommand(below, |command| with_default(command, rest, value)),
        // Where the file holds a password, no help shows it.
        None => command.mut_arg(name, |flag| {
            let hidden = !is_switch(&flag);
            flag.default_value(value).hide_default_value(hidden)
        }),
    }
}

/// A setting: its name in the file, such as `serve.listen`, and its flag.
struct Setting {
    name: String,
    flag: Arg,
}

/// Every setting that has a flag, in the order of the help.
fn settings(command: &Command) -> Vec<Setting> {
    fn visit(command: &Command, below: &str, found: &mut Vec<Setting>) {
        let of_a_file = |flag: &&Arg| flag.get_env().is_some() && flag.get_id() != CONFIG;
        for flag in command.get_arguments().filter(of_a_file) {
            found.push(Setting { name: format!("{below}{}", flag.get_id()), flag: flag.clone() });
        }
        for command in command.get_subcommands() {
            visit(command, &format!("{below}{}.", command.get_name()), found);
        }
    }
    let mut found = Vec::new();
    visit(command, "", &mut found);
    found
}

/// A file of settings.
struct File {
    path: PathBuf,
    text: String,
}

impl File {
    fn read(path: &Path) -> Result<File, Failure> {
        let refused = |why: String| {
            Failure::usage(format!("the settings in {} cannot be read: {why}", path.display()))
                .with("The file is named by --config or MUSTER_CONFIG.")
        };
        let length = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?.len();
        if length > FILE_BYTES_MAX {
            return Err(refused("it is larger than 64 KiB".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        Ok(File { path: path.to_owned(), text })
    }

    /// What is wrong, at its place.
    fn refused(&self, at: usize, what: &str) -> Failure {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        Failure::usage(format!("{}:{line}: {what}", self.path.display()))
    }

    /// Names and values, each tried.
    fn settings(&self, command: &Command) -> Result<Vec<(String, String)>, Failure> {
        let table = DeTable::parse(&self.text)
            .map_err(|error| self.refused(error.span().map_or(0, |span| span.start), error.message()))?;
        let known = settings(command);
        let mut found = Vec::new();
        self.take(table.get_ref(), "", command, &known, &mut found)?;
        for [one, other] in PAIRS.into_iter().flat_map(|[one, other]| [[one, other], [other, one]]) {
            let given = |name: &str| found.iter().find(|(known, ..)| known == name);
            let flag = known.iter().find(|setting| setting.name == other).and_then(|setting| setting.flag.get_env());
            let in_environment = flag.and_then(std::env::var_os).is_some();
            if let (Some((_, _, at)), None, false) = (given(one), given(other), in_environment) {
                return Err(self.refused(*at, &format!("{one} needs {other} beside it")));
            }
        }
        Ok(found.into_iter().map(|(name, value, _)| (name, value)).collect())
    }

    fn take(
        &self,
        table: &DeTable<'_>,
        below: &str,
        command: &Command,
        known: &[Setting],
        found: &mut Vec<(String, String, usize)>,
    ) -> Result<(), Failure> {
        let names = || known.iter().map(|known| known.name.as_str()).chain(ELSEWHERE.iter().map(|(name, ..)| *name));
        for (key, value) in table {
            let name = format!("{below}{}", key.get_ref());
            let at = key.span().start;
            if let DeValue::Table(table) = value.get_ref()
                && names().any(|known| known.starts_with(&format!("{name}.")))
            {
                self.take(table, &format!("{name}."), command, known, found)?;
                continue;
            }
            if !names().any(|known| known == name) {
                let near = query::nearest(&name, names());
                let help = match near.first() {
                    Some(near) => format!("Did you mean {near}?"),
                    None => "muster help configuration lists them all.".to_owned(),
                };
                return Err(self.refused(at, &format!("there is no setting {name}")).with(help));
            }
            let setting = known.iter().find(|known| known.name == name);
            let text = self.text_of(&name, value, setting)?;
            if let Some(setting) = setting.filter(|setting| !is_switch(&setting.flag)) {
                tried(command, setting, &text).map_err(|why| self.refused(value.span().start, &why))?;
            }
            found.push((name, text, at));
        }
        Ok(())
    }

    fn text_of(&self, name: &str, value: &Spanned<DeValue<'_>>, setting: Option<&Setting>) -> Result<String, Failure> {
        let switch = setting.is_some_and(|setting| is_switch(&setting.flag));
        match value.get_ref() {
            DeValue::Boolean(on) if switch => Ok(on.to_string()),
            DeValue::String(text) if !switch => Ok(text.to_string()),
            DeValue::Integer(number) if !switch => Ok(number.to_string()),
            _ => {
                let wanted = if switch { "true or false" } else { "a text in quotes" };
                Err(self.refused(value.span().start, &format!("{name} has to be {wanted}")))
            }
        }
    }
}

fn is_switch(flag: &Arg) -> bool {
    matches!(flag.get_action(), ArgAction::SetTrue)
}

/// Lets the flag itself look at a value.
fn tried(command: &Command, setting: &Setting, value: &str) -> Result<(), String> {
    let long = setting.flag.get_long().unwrap_or_default();
    let mut line: Vec<String> = std::iter::once("muster").chain(setting.name.split('.')).map(str::to_owned).collect();
    line.pop();
    line.push(format!("--{long}={value}"));
    match command.clone().try_get_matches_from(line) {
        Err(error) if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) => {
            let told = error.to_string();
            let told = told.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
            Err(told.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        _ => Ok(()),
    }
}

/// docs/configuration.md: every setting, as file, variable and flag.
pub fn page() -> String {
    let command = Arguments::command();
    let mut page = String::from(
        "\
<!-- Written by cargo xtask docs from what the program declares; edit that, not this. -->

# Configuration

Every setting is a flag, a variable of the environment, and a line of a file, whichever suits. A flag comes before its
variable, the variable before the file, the file before what is usual. The file is named by `--config` or `MUSTER_CONFIG`; there
is none unless you name one. A setting that there is not, or a value that cannot be meant, ends the start with exit code 2 and
says file, line and what was meant. `muster help configuration` prints this page.

```toml
# muster.toml
data_dir = \"/var/lib/muster\"
log_format = \"json\"

[serve]
listen = \"127.0.0.1:8080\"
public_url = \"https://muster.example.com\"
```

",
    );
    let all = settings(&command);
    let mut last = None;
    for setting in &all {
        let below = setting.name.rsplit_once('.').map(|(below, _)| below);
        if last != Some(below) {
            let heading = below.map_or("Everywhere".to_owned(), |below| format!("muster {}", below.replace('.', " ")));
            let _ = write!(page, "{}## {heading}\n\n{HEAD}", if last.is_some() { "\n" } else { "" });
            last = Some(below);
        }
        let long = setting.flag.get_long().unwrap_or_default();
        let value = setting.flag.get_value_names().map_or("", |names| names.first().map_or("", |name| name.as_str()));
        let value = if is_switch(&setting.flag) { String::new() } else { format!(" {value}") };
        let usual: Vec<&str> = setting.flag.get_default_values().iter().filter_map(|value| value.to_str()).collect();
        let usual = usual.join(",");
        let usual = if usual.is_empty() || is_switch(&setting.flag) { String::new() } else { format!("`{usual}`") };
        let variable = setting.flag.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let says = setting.flag.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, "| `{}` | `{variable}` | `--{long}{value}` | {usual} | {} |", setting.name, cell(&says));
    }
    let _ = write!(page, "\n## Where secrets are\n\nThese have no flag.\n\n{HEAD}");
    for (name, variable, says) in ELSEWHERE {
        let _ = writeln!(page, "| `{name}` | `{variable}` | | | {says} |");
    }
    page += "\nOnly in the environment, never in the file:\n\n| Variable | What |\n|---|---|\n";
    for (variable, says) in ENVIRONMENT_ALONE {
        let _ = writeln!(page, "| `{variable}` | {says} |");
    }
    page
}

const HEAD: &str = "| In the file | Variable | Flag | Usual | What |\n|---|---|---|---|---|\n";

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File { path: PathBuf::from("muster.toml"), text: text.to_owned() }
    }

    fn said(text: &str) -> String {
        match file(text).settings(&Arguments::command()) {
            Ok(found) => format!("{found:?}"),
            Err(failure) => failure.lines(),
        }
    }

    #[test]
    fn what_cannot_be_meant_names_its_line_and_what_was_meant() {
        for (text, told) in [
            ("data_dir = \"/x\"\n[serve]\nlisen = \"a\"\n", "muster.toml:3: there is no setting serve.lisen"),
            ("[serve]\nlisen = \"a\"\n", "Did you mean serve.listen?"),
            ("\nlisten = \"127.0.0.1:1\"\n", "muster.toml:2: there is no setting listen"),
            ("[serve]\n\nlisten = \"everywhere\"\n", "muster.toml:3: invalid value 'everywhere' for '--listen"),
            ("[serve]\nrole = \"boss\"\n", "[possible values: all, web, worker]"),
            (
                "[serve]\nallow_private_consoles = \"yes\"\n",
                "muster.toml:2: serve.allow_private_consoles has to be true or",
            ),
            ("[serve]\ntls_cert = \"a.pem\"\n", "muster.toml:2: serve.tls_cert needs serve.tls_key beside it"),
            ("log = [\"info\"]\n", "muster.toml:1: log has to be a text in quotes"),
            ("config = \"other.toml\"\n", "there is no setting config"),
            ("[serve]\nlisten = \n", "muster.toml:2: "),
            ("[nothing]\nx = 1\n", "muster.toml:1: there is no setting nothing"),
        ] {
            assert!(said(text).contains(told), "{text:?}: {}", said(text));
        }
        assert_eq!(said(""), "[]");
    }

    #[test]
    fn a_flag_comes_before_the_file_and_the_file_before_what_is_usual() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("muster.toml");
        let text = "log = \"debug\"\n[serve]\nlisten = \"127.0.0.1:81\"\nallow_private_consoles = true\n[secrets]\nfolder = \"/s\"\n";
        std::fs::write(&path, text).unwrap();
        let config = format!("--config={}", path.display());
        let read = |line: &[&str]| {
            let line: Vec<OsString> = ["muster", config.as_str()].iter().chain(line).map(OsString::from).collect();
            let Ok(arguments) = read(line) else { panic!("it is refused") };
            let crate::arguments::Command::Serve(serve) = arguments.command else { panic!("it is serve") };
            (arguments.global.log, serve.listen.to_string(), serve.allow_private_consoles)
        };
        assert_eq!(read(&["serve"]), (Some("debug".to_owned()), "127.0.0.1:81".to_owned(), true));
        let line = ["serve", "--listen", "127.0.0.1:82", "--log", "warn"];
        assert_eq!(read(&line), (Some("warn".to_owned()), "127.0.0.1:82".to_owned(), true));
        assert_eq!(variable(access::SECRETS_FOLDER_VARIABLE), Some("/s".into()));
    }

    #[test]
    fn the_page_has_every_variable_that_a_flag_has() {
        let page = page();
        for setting in settings(&Arguments::command()) {
            let variable = setting.flag.get_env().unwrap().to_str().unwrap();
            assert!(variable.starts_with("MUSTER_"), "{variable}");
            assert!(page.contains(&format!("| `{}` | `{variable}` | `--", setting.name)), "{}", setting.name);
        }
        assert!(page.contains("MUSTER_VAULT_ADDRESS") && !page.contains("| `config` |"));
    }
}
