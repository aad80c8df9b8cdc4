//! What an integration imports, and what it leaves out: [`Import`] and the one decision about it, [`judge`].
//!
//! Nothing is filtered at the console. Whatever the options say, everything is read, proven complete against the
//! console's own count, and logged; an option decides what of it is *projected*. So every option can be taken back
//! without asking the console again, and what it left out meanwhile was not lost. Who wants to read less leaves streams
//! out ([`crate::Options::without_streams`]).

use inventory::noun::{Grade, Noun};
use inventory::onboard::{Identity, Terms};
use inventory::{LeftOut, Onboard};
use kernel::fold;
use serde::{Deserialize, Serialize};

use crate::SyncError;

/// Verdicts of analysts that count as failed unless somebody chooses others: all but the false positive.
pub use inventory::verdict::VERDICTS as VERDICTS_DEFAULT;

/// The words for severities, the worst last; `unknown` is what the console gives none.
pub const SEVERITIES: [&str; 7] = ["none", "info", "low", "medium", "high", "critical", UNKNOWN];

const UNKNOWN: &str = "unknown";

/// The words of an analyst's verdict.
pub const VERDICTS: [&str; 4] = ["true_positive", "false_positive", "suspicious", "undefined"];

/// What is imported. Fields that a newer version knows are ignored, absent ones take their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Import {
    /// Installed software.
    pub software: bool,
    /// Vulnerabilities.
    pub vulnerabilities: bool,
    /// Of these severities; of all if none are named.
    pub severities: Vec<String>,
    /// Leaves out machines that no scan knows.
    pub exclude_unknown: bool,
    /// Machines that no other source knows become assets.
    pub auto_onboard: bool,
    /// By what another source knows the same machine.
    pub identity: Identity,
    /// Name, domain, operating system, user, model and reported addresses of an asset follow the console.
    pub update_metadata: bool,
    /// Agents of these groups, and what hangs on them; of all groups if none are named.
    pub groups: Vec<String>,
    /// A finding with one of these verdicts is failed, with another it is not.
    pub verdicts: Vec<String>,
    /// Of machines that somebody untracked nothing but the machine itself.
    pub tracked_only: bool,
}

impl Default for Import {
    fn default() -> Import {
        Import {
            software: true,
            vulnerabilities: true,
            severities: Vec::new(),
            exclude_unknown: false,
            auto_onboard: true,
            identity: Identity::Correlation,
            update_metadata: true,
            groups: Vec::new(),
            verdicts: VERDICTS_DEFAULT.map(str::to_owned).to_vec(),
            tracked_only: false,
        }
    }
}

/// Options that leave records out, by the names under which they are counted and listed.
pub const LEAVES_OUT: [&str; 8] =
    [SOFTWARE, VULNERABILITIES, SEVERITY, Terms::EXCLUDE_UNKNOWN, Terms::AUTO_ONBOARD, GROUPS, VERDICT, TRACKED];

const SOFTWARE: &str = "software";
const VULNERABILITIES: &str = "vulnerabilities";
const SEVERITY: &str = "severities";
const GROUPS: &str = "groups";
const TRACKED: &str = "tracked_only";
/// Leaves nothing out of the inventory: findings with other verdicts are there, and not failed.
pub const VERDICT: &str = "verdicts";

/// Why an option leaves something out, as a clause; empty for a name that is no option's.
#[must_use]
pub fn why(option: &str) -> &'static str {
    match option {
        SOFTWARE => "software is not imported",
        VULNERABILITIES => "vulnerabilities are not imported",
        SEVERITY => "of a severity that is not imported",
        Terms::EXCLUDE_UNKNOWN => "no scan knows the machine",
        Terms::AUTO_ONBOARD => "no other source knows the machine",
        GROUPS => "the agent is in no group that is imported",
        VERDICT => "shown, but not as failed: the option verdicts does not list their verdict",
        TRACKED => "the device is not tracked",
        _ => "",
    }
}

/// What is known of the machine that a record belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Around {
    /// It was not looked up: no option asks for it, or the record belongs to no machine.
    #[default]
    Unasked,
    /// No agent of that id was ever registered.
    Unregistered,
    /// There is such an agent.
    Agent {
        /// The option that leaves it out, if one does.
        left_out: Option<&'static str>,
        /// Whether nobody untracked it.
        tracked: bool,
    },
}

/// Whether a record is left out, and by which option. `None` if it is imported.
///
/// Machines that wait for another source are not decided here but where sources meet ([`inventory::onboard`]).
#[must_use]
pub fn judge(import: &Import, noun: &Noun, around: Around) -> Option<LeftOut> {
    let by = |option| Some(LeftOut { option, waits: false });
    match noun {
        Noun::Machine(machine) => {
            let agent = machine.grade == Grade::Agent;
            match around {
                _ if agent && !in_groups(import, machine.console.group.as_deref()) => by(GROUPS),
                // What discovery says of a machine with an agent goes where the agent goes. Whether another source knows
                // the machine is decided for all of them together.
                Around::Agent { left_out: Some(GROUPS), .. } if !agent => by(GROUPS),
                _ => None,
            }
        }
        Noun::Software(_) if !import.software => by(SOFTWARE),
        Noun::Software(_) => hangs(import, None, around),
        Noun::Vulnerability(_) if !import.vulnerabilities => by(VULNERABILITIES),
        Noun::Vulnerability(one) if !of_severity(import, one.severity.as_deref()) => by(SEVERITY),
        Noun::Vulnerability(_) => hangs(import, None, around),
        Noun::Finding(finding) => hangs(import, finding.console.group.as_deref(), around),
        _ => None,
    }
}

/// Marks what the noun's source may not do by these options: a machine whose metadata is not to be updated yields to what
/// other sources say, and to what was taken in before.
pub fn mark(import: &Import, noun: &mut Noun) {
    if let Noun::Machine(machine) = noun {
        machine.yields = !import.update_metadata;
    }
}

/// The agent's native id of a record that belongs to one.
#[must_use]
pub fn agent_of(noun: &Noun) -> Option<&str> {
    match noun {
        Noun::Software(software) => software.agent_id.as_deref(),
        Noun::Vulnerability(vulnerability) => vulnerability.agent_id.as_deref(),
        Noun::Finding(finding) => finding.agent_id.as_deref(),
        Noun::Machine(machine) => machine.agent_id.as_deref(),
        _ => None,
    }
}

/// What hangs on a machine goes with it.
fn hangs(import: &Import, group: Option<&str>, around: Around) -> Option<LeftOut> {
    let option = match around {
        Around::Agent { left_out: Some(option), .. } => option,
        Around::Agent { tracked: false, .. } | Around::Unregistered if import.tracked_only => TRACKED,
        // Nobody knows the machine: what the record itself says of its group must do.
        Around::Unregistered if group.is_some() && !in_groups(import, group) => GROUPS,
        _ => return None,
    };
    Some(LeftOut { option, waits: false })
}

fn in_groups(import: &Import, group: Option<&str>) -> bool {
    let Some(group) = group.map(fold) else { return import.groups.is_empty() };
    import.groups.is_empty() || import.groups.iter().any(|wanted| fold(wanted) == group)
}

fn of_severity(import: &Import, severity: Option<&str>) -> bool {
    let severity = severity.unwrap_or(UNKNOWN);
    // A word that nobody has heard of yet is not known to be mild.
    let word = if SEVERITIES.contains(&severity) { severity } else { UNKNOWN };
    import.severities.is_empty() || import.severities.iter().any(|wanted| wanted == word)
}

impl Import {
    /// The choices that differ from what is usual, in words; nothing if none does.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let plain = Import::default();
        let mut said = Vec::new();
        let mut say = |differs: bool, words: String| {
            if differs {
                said.push(words);
            }
        };
        say(!self.software, "no software".to_owned());
        say(!self.vulnerabilities, "no vulnerabilities".to_owned());
        say(
            self.vulnerabilities && !self.severities.is_empty(),
            format!("vulnerabilities of severity {}", self.severities.join(", ")),
        );
        say(!self.groups.is_empty(), format!("groups {}", self.groups.join(", ")));
        say(self.exclude_unknown, "only machines that a scan knows".to_owned());
        say(!self.auto_onboard, "only machines that another source knows".to_owned());
        say(self.identity != plain.identity, "known also by computer name".to_owned());
        say(!self.update_metadata, "metadata of existing assets stays".to_owned());
        say(
            self.verdicts != plain.verdicts,
            format!(
                "failed are findings with verdict {}",
                if self.verdicts.is_empty() { "none".to_owned() } else { self.verdicts.join(", ") }
            ),
        );
        say(self.tracked_only, "of untracked devices only the device".to_owned());
        said
    }

    /// Whether a record's fate depends on what became of its machine.
    #[must_use]
    pub fn asks_for_agents(&self) -> bool {
        !self.groups.is_empty() || self.tracked_only || self.exclude_unknown || !self.auto_onboard
    }

    /// The terms on which machines become assets.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            exclude_unknown: self.exclude_unknown,
            auto_onboard: self.auto_onboard,
            identity: self.identity,
            update_metadata: self.update_metadata,
        }
    }

    /// What becomes of machines that nobody has spoken of before.
    #[must_use]
    pub fn onboard(&self) -> Onboard {
        self.terms().onboard()
    }

    /// What of the options bears on the records of a stream, as one text: as long as it stays the same, what is stored
    /// stands.
    #[must_use]
    pub fn bearing_on(&self, stream: &str) -> String {
        let plain = Import::default();
        // Which machines come in when another source knows them is decided where sources meet, and what hangs on a
        // machine follows when its standing changes: neither is a reason to look at all records.
        let tracked_only = self.tracked_only;
        let relevant = match stream {
            "agents" => Import { groups: self.groups.clone(), update_metadata: self.update_metadata, ..plain.clone() },
            "ranger_devices" | "xdr_assets" => Import { update_metadata: self.update_metadata, ..plain.clone() },
            "applications" => Import { software: self.software, tracked_only, ..plain.clone() },
            "risks" => Import {
                vulnerabilities: self.vulnerabilities,
                severities: self.severities.clone(),
                tracked_only,
                ..plain.clone()
            },
            // A finding of a machine that nobody knows is judged by its own group.
            "threats" | "custom_alerts" | "unified_alerts" => {
                Import { groups: self.groups.clone(), tracked_only, ..plain.clone() }
            }
            _ => plain.clone(),
        };
        if relevant == plain {
            return String::new();
        }
        serde_json::to_string(&relevant).expect("options are plain flags and texts")
    }
}

/// What is to be imported otherwise. What is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportChange {
    /// See [`Import::software`].
    pub software: Option<bool>,
    /// See [`Import::vulnerabilities`].
    pub vulnerabilities: Option<bool>,
    /// See [`Import::severities`]; none for all.
    pub severities: Option<Vec<String>>,
    /// See [`Import::exclude_unknown`].
    pub exclude_unknown: Option<bool>,
    /// See [`Import::auto_onboard`].
    pub auto_onboard: Option<bool>,
    /// See [`Import::identity`].
    pub identity: Option<Identity>,
    /// See [`Import::update_metadata`].
    pub update_metadata: Option<bool>,
    /// See [`Import::groups`]; none for all.
    pub groups: Option<Vec<String>>,
    /// See [`Import::verdicts`].
    pub verdicts: Option<Vec<String>>,
    /// See [`Import::tracked_only`].
    pub tracked_only: Option<bool>,
}

impl ImportChange {
    /// Makes the change.
    ///
    /// # Errors
    /// A severity or a verdict is no such word, or severities are chosen where vulnerabilities are left out.
    pub fn apply(&self, import: &mut Import) -> Result<(), SyncError> {
        let set = |to: &mut bool, chosen: Option<bool>| *to = chosen.unwrap_or(*to);
        set(&mut import.software, self.software);
        set(&mut import.vulnerabilities, self.vulnerabilities);
        set(&mut import.exclude_unknown, self.exclude_unknown);
        set(&mut import.auto_onboard, self.auto_onboard);
        set(&mut import.update_metadata, self.update_metadata);
        set(&mut import.tracked_only, self.tracked_only);
        if let Some(severities) = &self.severities {
            let severities = words("severities", severities, &SEVERITIES)?;
            if !severities.is_empty() && !import.vulnerabilities {
                let why = "vulnerabilities are left out altogether; add --vulnerabilities yes".to_owned();
                return Err(SyncError::Option { name: "severities", why });
            }
            import.severities = severities;
        }
        if let Some(verdicts) = &self.verdicts {
            import.verdicts = words("verdicts", verdicts, &VERDICTS)?;
        }
        if let Some(groups) = &self.groups {
            let mut kept: Vec<String> = Vec::new();
            for group in groups.iter().map(|group| group.trim()).filter(|group| !group.is_empty()) {
                if !kept.iter().any(|known| fold(known) == fold(group)) {
                    kept.push(group.to_owned());
                }
            }
            import.groups = kept;
        }
        import.identity = self.identity.unwrap_or(import.identity);
        Ok(())
    }
}

/// Words of a set, each once, in the set's order; `all` and every word are both no restriction.
fn words(name: &'static str, chosen: &[String], known: &[&str]) -> Result<Vec<String>, SyncError> {
    let plain = |word: &str| word.trim().to_ascii_lowercase().replace(['-', ' '], "_");
    let chosen: Vec<String> = chosen.iter().map(|word| plain(word)).filter(|word| !word.is_empty()).collect();
    if let Some(stranger) = chosen.iter().find(|word| *word != ALL && !known.contains(&word.as_str())) {
        return Err(SyncError::Option { name, why: format!("{stranger:?} is none of {}, {ALL}", known.join(", ")) });
    }
    if chosen.iter().any(|word| word == ALL) {
        return Ok(if name == VERDICT { known.iter().map(|word| (*word).to_owned()).collect() } else { Vec::new() });
    }
    let kept: Vec<String> =
        known.iter().filter(|word| chosen.iter().any(|one| one == *word)).map(|word| (*word).to_owned()).collect();
    Ok(if name == SEVERITY && kept.len() == known.len() { Vec::new() } else { kept })
}

/// The word for no restriction.
const ALL: &str = "all";

/// The option of that name as it is kept: `exclude-unknown` and `exclude_unknown` are one.
#[must_use]
pub fn option_named(name: &str) -> Option<&'static str> {
    let name = name.replace('-', "_");
    LEAVES_OUT.into_iter().find(|option| *option == name)
}

#[cfg(test)]
mod tests {
    use inventory::noun::{ConsoleScope, FindingNoun, MachineNoun, SoftwareNoun, VulnerabilityNoun};

    use super::*;

    fn agent(group: &str) -> Noun {
        let console = ConsoleScope { group: Some(group.to_owned()), ..ConsoleScope::default() };
        Noun::Machine(MachineNoun { grade: Grade::Agent, console, ..MachineNoun::default() })
    }

    fn vulnerability(severity: Option<&str>) -> Noun {
        let severity = severity.map(str::to_owned);
        Noun::Vulnerability(VulnerabilityNoun { severity, ..VulnerabilityNoun::default() })
    }

    fn option(import: &Import, noun: &Noun, around: Around) -> Option<&'static str> {
        judge(import, noun, around).map(|left| left.option)
    }

    const KNOWN: Around = Around::Agent { left_out: None, tracked: true };

    #[test]
    fn by_default_nothing_is_left_out() {
        let hidden = Around::Agent { left_out: None, tracked: false };
        let software = Noun::Software(SoftwareNoun::default());
        for noun in [agent("A"), vulnerability(None), software, Noun::Finding(FindingNoun::default()), Noun::Plain] {
            for around in [Around::Unasked, Around::Unregistered, KNOWN, hidden] {
                assert_eq!(option(&Import::default(), &noun, around), None, "{noun:?}");
            }
        }
        assert!(!Import::default().asks_for_agents());
    }

    #[test]
    fn software_and_vulnerabilities_have_switches_of_their_own() {
        let software = Noun::Software(SoftwareNoun::default());
        let without = Import { software: false, ..Import::default() };
        assert_eq!(option(&without, &software, KNOWN), Some("software"));
        assert_eq!(option(&without, &vulnerability(None), KNOWN), None);
        let without = Import { vulnerabilities: false, ..Import::default() };
        assert_eq!(option(&without, &vulnerability(Some("high")), KNOWN), Some("vulnerabilities"));
        assert_eq!(option(&without, &software, KNOWN), None);
    }

    #[test]
    fn a_severity_that_is_not_wanted_is_left_out_and_a_new_word_is_unknown() {
        let import = Import { severities: vec!["high".to_owned(), "unknown".to_owned()], ..Import::default() };
        for (severity, left) in [(Some("high"), false), (Some("low"), true), (None, false), (Some("doom"), false)] {
            assert_eq!(option(&import, &vulnerability(severity), KNOWN).is_some(), left, "{severity:?}");
        }
        let strict = Import { severities: vec!["high".to_owned()], ..Import::default() };
        assert_eq!(option(&strict, &vulnerability(None), KNOWN), Some("severities"));
    }

    #[test]
    fn groups_are_compared_without_case_and_take_what_hangs_on_them_along() {
        let import = Import { groups: vec!["Servers".to_owned()], ..Import::default() };
        assert_eq!(option(&import, &agent("SERVERS"), Around::Unasked), None);
        assert_eq!(option(&import, &agent("Laptops"), Around::Unasked), Some("groups"));
        let hidden = Around::Agent { left_out: Some("groups"), tracked: true };
        assert_eq!(option(&import, &vulnerability(None), hidden), Some("groups"));
        assert_eq!(option(&import, &vulnerability(None), KNOWN), None);
        // The agent's membership decides, not what the finding remembers of it.
        let console = ConsoleScope { group: Some("Laptops".to_owned()), ..ConsoleScope::default() };
        let finding = Noun::Finding(FindingNoun { console, ..FindingNoun::default() });
        assert_eq!(option(&import, &finding, KNOWN), None);
        assert_eq!(option(&import, &finding, Around::Unregistered), Some("groups"));
    }

    #[test]
    fn what_discovery_saw_belongs_to_no_group() {
        let import = Import { groups: vec!["Servers".to_owned()], ..Import::default() };
        let device = MachineNoun { grade: Grade::Discovery, ..MachineNoun::default() };
        let device = Noun::Machine(device);
        assert_eq!(option(&import, &device, Around::Unregistered), None);
        let hidden = Around::Agent { left_out: Some("groups"), tracked: true };
        assert_eq!(option(&import, &device, hidden), Some("groups"), "but for a machine whose agent is left out");
        let hidden = Around::Agent { left_out: Some("exclude_unknown"), tracked: true };
        assert_eq!(option(&import, &device, hidden), None, "decided where sources meet");
    }

    #[test]
    fn of_untracked_and_unregistered_machines_only_the_machine_is_imported() {
        let import = Import { tracked_only: true, ..Import::default() };
        let untracked = Around::Agent { left_out: None, tracked: false };
        assert_eq!(option(&import, &agent("A"), untracked), None);
        assert_eq!(option(&import, &vulnerability(None), untracked), Some("tracked_only"));
        assert_eq!(option(&import, &vulnerability(None), Around::Unregistered), Some("tracked_only"));
        assert_eq!(option(&import, &vulnerability(None), KNOWN), None);
    }

    #[test]
    fn a_stream_is_applied_again_only_for_options_that_bear_on_it() {
        let import = Import { software: false, ..Import::default() };
        assert_ne!(import.bearing_on("applications"), Import::default().bearing_on("applications"));
        for stream in ["agents", "risks", "threats", "sites"] {
            assert_eq!(import.bearing_on(stream), Import::default().bearing_on(stream), "{stream}");
        }
        let groups = Import { groups: vec!["A".to_owned()], ..Import::default() };
        for stream in ["agents", "threats", "custom_alerts"] {
            assert_ne!(groups.bearing_on(stream), Import::default().bearing_on(stream), "{stream}");
        }
        assert_eq!(groups.bearing_on("risks"), "", "what hangs on a machine follows it");
        assert_eq!(groups.bearing_on("policies"), "");
    }

    #[test]
    fn a_word_that_is_none_is_refused_and_severities_need_vulnerabilities() {
        let change = |change: ImportChange| {
            let mut import = Import::default();
            change.apply(&mut import).map(|()| import).map_err(|error| error.to_string())
        };
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let severe = ImportChange { severities: texts(&["HIGH", "critical"]), ..ImportChange::default() };
        assert_eq!(change(severe.clone()).unwrap().severities, ["high", "critical"]);
        let without = ImportChange { vulnerabilities: Some(false), ..severe };
        assert!(change(without).unwrap_err().contains("vulnerabilities are left out"));
        let odd = ImportChange { severities: texts(&["galactic"]), ..ImportChange::default() };
        assert!(change(odd).unwrap_err().contains("none of none, info"));
        let all = ImportChange { severities: texts(&["all"]), verdicts: texts(&["all"]), ..ImportChange::default() };
        let all = change(all).unwrap();
        assert_eq!((all.severities.len(), all.verdicts.len()), (0, VERDICTS.len()));
        let groups = ImportChange { groups: texts(&[" A ", "a", "", "B"]), ..ImportChange::default() };
        assert_eq!(change(groups).unwrap().groups, ["A", "B"]);
    }

    #[test]
    fn every_option_that_leaves_something_out_says_why() {
        assert!(LEAVES_OUT.iter().all(|option| !why(option).is_empty()));
        assert_eq!(why("colour"), "");
    }

    #[test]
    fn options_of_another_version_read_as_far_as_they_are_known() {
        let read: Import = serde_json::from_str(r#"{"software":false,"brand_new":7}"#).unwrap();
        assert_eq!(read, Import { software: false, ..Import::default() });
    }
}
