//! What is chosen for an integration: as fields of a form, as a change, and in words.

use std::collections::BTreeMap;

use inventory::onboard::Identity;
use kernel::Timestamp;
use sync::options::{SEVERITIES, VERDICTS};
use sync::schedule::{AUTOSYNC_DAYS_MAX, interval_words, parse_interval};
use sync::{ImportChange, Options, OptionsChange, REQUESTS_PER_MINUTE, STREAMS, SyncError};
use ui::{Choice, Field, Kind, Markup, html};

use super::stream_label;
use crate::fields::Fields;
use crate::problem::capital;

/// The longest history that can be asked for, in days.
const DEPTH_DAYS_MAX: u32 = 10_000;
/// The most requests a minute that can be allowed.
const RATE_MAX: u32 = 10_000;

/// The rhythms that are offered.
const SCHEDULES: [(&str, &str, &str); 5] = [
    ("signals", "Signals", "Threats every 5 minutes, activities every 10, agents every hour, the others once a day."),
    ("daily", "Daily", "Everything once a day, at 01:15 UTC."),
    (
        "evidence",
        "Evidence",
        "Agents, policies, groups and users every 24 hours, threats every hour, activities every 6 hours.",
    ),
    ("days", "Every few days", "Everything every so many days, at 01:15 UTC."),
    ("own", "Own intervals", "As written below; from 30 seconds, such as 30s, 5m, 1h or 7d."),
];

/// What the rhythm for evidence sets, in seconds.
const EVIDENCE: [(&str, i64); 10] = [
    ("agents", DAY),
    ("threats", HOUR),
    ("activities", 6 * HOUR),
    ("tenant_policy", DAY),
    ("account_policies", DAY),
    ("site_policies", DAY),
    ("group_policies", DAY),
    ("groups", DAY),
    ("users", DAY),
    ("service_users", DAY),
];

/// The collections whose own intervals the form shows.
const EVERY: [&str; 8] = ["threats", "activities", "agents", "applications", "risks", "groups", "sites", "users"];

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The parts that the options of an integration come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// When and how often.
    Schedule,
    /// What becomes of what was read.
    Import,
    /// What is read at all.
    Read,
}

impl Part {
    /// Whether a field belongs to it.
    pub(super) fn has(self, field: &str) -> bool {
        let of = match field {
            "schedule" | "days" | "start" | "once" => Part::Schedule,
            "depth" | "rate" | "read" => Part::Read,
            "software" | "vulnerabilities" | "severities" | "exclude_unknown" | "auto_onboard" | "identity"
            | "update_metadata" | "groups" | "verdicts" | "tracked_only" => Part::Import,
            _ if field.starts_with("every.") => Part::Schedule,
            _ => return false,
        };
        of == self
    }
}

/// What is wrong with a field: its name, its label, and what to enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) field: String,
    pub(super) label: String,
    pub(super) error: String,
}

impl Wrong {
    pub(super) fn new(field: &str, label: &str, error: impl Into<String>) -> Wrong {
        Wrong { field: field.to_owned(), label: label.to_owned(), error: error.into() }
    }
}

/// The error of a field, if it has one.
pub(super) fn error<'a>(wrong: &'a [Wrong], field: &str) -> Option<&'a str> {
    wrong.iter().find(|one| one.field == field).map(|one| one.error.as_str())
}

/// All errors at the top of a form, with links.
pub(super) fn errors(wrong: &[Wrong]) -> Markup {
    let fields: Vec<Field<'_>> = wrong
        .iter()
        .map(|one| Field {
            name: &one.field,
            label: &one.label,
            help: "",
            error: Some(&one.error),
            required: false,
            kind: Kind::Text(""),
        })
        .collect();
    ui::errors(&fields)
}

/// What the fields hold, as it was chosen or as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values {
    schedule: String,
    days: String,
    every: BTreeMap<&'static str, String>,
    start: String,
    once: bool,
    read: Vec<String>,
    depth: String,
    rate: String,
    software: bool,
    vulnerabilities: bool,
    severities: Vec<String>,
    exclude_unknown: bool,
    auto_onboard: bool,
    identity: String,
    update_metadata: bool,
    groups: String,
    verdicts: Vec<String>,
    tracked_only: bool,
}

impl Values {
    /// As it is chosen.
    pub(super) fn of(options: &Options) -> Values {
        let import = &options.import;
        let all = |chosen: &[String], known: &[&str]| match chosen.is_empty() {
            true => known.iter().map(|word| (*word).to_owned()).collect(),
            false => chosen.to_vec(),
        };
        let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        let optional = STREAMS.iter().filter(|stream| !stream.core);
        Values {
            schedule: schedule_of(options).to_owned(),
            days: options.autosync_days.unwrap_or(7).to_string(),
            every: EVERY
                .into_iter()
                .map(|name| {
                    let declared = sync::Stream::named(name).map_or(DAY, |stream| stream.interval);
                    (name, short(options.intervals.get(name).copied().unwrap_or(declared)))
                })
                .collect(),
            start: options
                .starts_at
                .map(|at| Timestamp::from_seconds(at).to_string().chars().take(16).collect())
                .unwrap_or_default(),
            once: options.once,
            read: optional
                .filter(|stream| !options.without_streams.iter().any(|name| name == stream.name))
                .map(|stream| stream.name.to_owned())
                .collect(),
            depth: number(options.depth_days),
            rate: options.requests_per_minute.to_string(),
            software: import.software,
            vulnerabilities: import.vulnerabilities,
            severities: all(&import.severities, &SEVERITIES),
            exclude_unknown: import.exclude_unknown,
            auto_onboard: import.auto_onboard,
            identity: identity_word(import.identity).to_owned(),
            update_metadata: import.update_metadata,
            groups: import.groups.join("\n"),
            verdicts: import.verdicts.clone(),
            tracked_only: import.tracked_only,
        }
    }

    /// As it was sent.
    pub(super) fn sent(sent: &Fields) -> Values {
        let text = |name: &str| sent.get(name).trim().to_owned();
        let on = |name: &str| sent.opt(name).is_some();
        let many = |name: &str| sent.all(name).map(str::to_owned).collect();
        Values {
            schedule: text("schedule"),
            days: text("days"),
            every: EVERY.into_iter().map(|name| (name, text(&format!("every.{name}")))).collect(),
            start: text("start"),
            once: on("once"),
            read: many("read"),
            depth: text("depth"),
            rate: text("rate"),
            software: on("software"),
            vulnerabilities: on("vulnerabilities"),
            severities: many("severities"),
            exclude_unknown: on("exclude_unknown"),
            auto_onboard: on("auto_onboard"),
            identity: text("identity"),
            update_metadata: on("update_metadata"),
            groups: sent.get("groups").to_owned(),
            verdicts: many("verdicts"),
            tracked_only: on("tracked_only"),
        }
    }

    /// What is to be different.
    ///
    /// # Errors
    /// Every field that cannot be meant so.
    pub(super) fn change(&self) -> Result<OptionsChange, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut number = |field: &str, label: &str, text: &str, most: u32| match text {
            "" => None,
            text => {
                let read = text.parse::<u32>().ok().filter(|number| (1..=most).contains(number));
                if read.is_none() {
                    let text: String = text.chars().take(40).collect();
                    wrong.push(Wrong::new(field, label, format!("Enter 1 to {most}; you entered {text}.")));
                }
                read
            }
        };
        let depth = number("depth", "History", &self.depth, DEPTH_DAYS_MAX);
        let rate = number("rate", "Requests a minute", &self.rate, RATE_MAX);
        let days = match self.schedule.as_str() {
            "daily" => Some(1),
            "days" => number("days", "Days", &self.days, AUTOSYNC_DAYS_MAX).or(Some(1)),
            _ => None,
        };
        let intervals = self.intervals(&mut wrong);
        let starts_at = match self.start.as_str() {
            "" => None,
            text => {
                let at = Timestamp::parse(&format!("{}:00Z", text.chars().take(16).collect::<String>()));
                if at.is_err() {
                    let error = "Enter a date and a time in UTC, such as 2026-11-20T14:31.";
                    wrong.push(Wrong::new("start", "First reading", error));
                }
                at.ok().map(|at| at.seconds_since(Timestamp::from_seconds(0)))
            }
        };
        if self.vulnerabilities && self.severities.is_empty() {
            let error = "Choose one severity or more, or switch vulnerabilities off.";
            wrong.push(Wrong::new("severities", "Severities", error));
        }
        let optional: Vec<&str> = STREAMS.iter().filter(|stream| !stream.core).map(|stream| stream.name).collect();
        let (with, without) =
            optional.into_iter().map(str::to_owned).partition(|name: &String| self.read.contains(name));
        let groups = self.groups.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        let change = OptionsChange {
            enabled: None,
            intervals,
            autosync_days: Some(days),
            without,
            with,
            depth_days: Some(depth),
            requests_per_minute: Some(rate.unwrap_or(REQUESTS_PER_MINUTE)),
            starts_at: Some(starts_at),
            once: Some(self.once),
            import: ImportChange {
                software: Some(self.software),
                vulnerabilities: Some(self.vulnerabilities),
                severities: self.vulnerabilities.then(|| self.severities.clone()),
                exclude_unknown: Some(self.exclude_unknown),
                auto_onboard: Some(self.auto_onboard),
                identity: Identity::from_word(&self.identity),
                update_metadata: Some(self.update_metadata),
                groups: Some(groups),
                verdicts: Some(self.verdicts.clone()),
                tracked_only: Some(self.tracked_only),
            },
        };
        if let Err(error) = change.apply(&mut Options::default()) {
            let field = match &error {
                SyncError::Option { name, .. } => name,
                _ => "schedule",
            };
            wrong.push(Wrong::new(field, &capital(field), capital(&error.to_string())));
        }
        if wrong.is_empty() { Ok(change) } else { Err(wrong) }
    }

    /// What the fields of a part choose, whatever the others hold; nothing if one of the part is wrong.
    fn alone(&self, part: Part) -> Option<Options> {
        let usual = Values::of(&Options::default());
        let of = self.clone();
        let alone = match part {
            Part::Schedule => Values {
                schedule: of.schedule,
                days: of.days,
                every: of.every,
                start: of.start,
                once: of.once,
                ..usual
            },
            Part::Read => Values { read: of.read, depth: of.depth, rate: of.rate, ..usual },
            Part::Import => Values {
                software: of.software,
                vulnerabilities: of.vulnerabilities,
                severities: of.severities,
                exclude_unknown: of.exclude_unknown,
                auto_onboard: of.auto_onboard,
                identity: of.identity,
                update_metadata: of.update_metadata,
                groups: of.groups,
                verdicts: of.verdicts,
                tracked_only: of.tracked_only,
                ..usual
            },
        };
        let mut options = Options::default();
        alone.change().ok()?.apply(&mut options).ok()?;
        Some(options)
    }

    /// What a part is set to, in one line.
    pub(super) fn in_words(&self, part: Part) -> String {
        let Some(options) = self.alone(part) else { return "A field of it needs you".to_owned() };
        let all = |said: String| if said.is_empty() { "Everything, as usual".to_owned() } else { capital(&said) };
        match part {
            Part::Schedule => {
                let from = options.starts_at.map(|at| Timestamp::from_seconds(at).to_string());
                let from =
                    from.map(|at| format!("; from {} UTC", at.chars().take(16).collect::<String>().replace('T', " ")));
                format!("{}{}", rhythm(&options), from.unwrap_or_default())
            }
            Part::Import | Part::Read => all(settings(&options)),
        }
    }

    fn intervals(&self, wrong: &mut Vec<Wrong>) -> Vec<(String, Option<i64>)> {
        let named = |name: &str, seconds| (name.to_owned(), seconds);
        match self.schedule.as_str() {
            "own" => EVERY
                .into_iter()
                .filter_map(|name| {
                    let text = self.every.get(name).map(String::as_str).unwrap_or_default();
                    let declared = sync::Stream::named(name).map(|stream| stream.interval);
                    match parse_interval(text) {
                        Ok(seconds) => Some(named(name, (Some(seconds) != declared).then_some(seconds))),
                        Err(why) => {
                            wrong.push(Wrong::new(&format!("every.{name}"), &stream_label(name), capital(&why)));
                            None
                        }
                    }
                })
                .collect(),
            schedule => STREAMS
                .iter()
                .map(|stream| {
                    let set = EVIDENCE.iter().find(|(name, _)| schedule == "evidence" && *name == stream.name);
                    named(stream.name, set.map(|(_, seconds)| *seconds))
                })
                .collect(),
        }
    }

    /// When and how often: the fields.
    pub(super) fn schedule_fields(&self, wrong: &[Wrong]) -> Markup {
        let choices: Vec<Choice<'_>> = SCHEDULES
            .iter()
            .map(|(value, label, help)| Choice { value, label, help, on: self.schedule == *value })
            .collect();
        let every: Vec<(String, String, &str)> = EVERY
            .iter()
            .map(|name| {
                let value = self.every.get(name).map(String::as_str).unwrap_or_default();
                (format!("every.{name}"), stream_label(name), value)
            })
            .collect();
        let own = every.iter().map(|(name, label, value)| Field {
            name,
            label,
            help: "",
            error: error(wrong, name),
            required: true,
            kind: Kind::Mono(value),
        });
        html! {
            (field("schedule", "How often it is read", "", wrong, true, Kind::Radio(&choices)))
            (field("days", "Days between readings", "Of every few days: 7 is once a week.", wrong, true,
                Kind::Number(&self.days, 1, AUTOSYNC_DAYS_MAX.into())))
            details open[self.schedule == "own"] {
                summary { "Own intervals" }
                div.flow { @for field in own { (field.render()) } }
            }
            (field("start", "First reading", "A date and a time in UTC; empty for at once.", wrong, false, Kind::Moment(&self.start)))
            (field("once", "Read once only", "Everything is read once, and then only when somebody asks.", wrong, false, Kind::Switch(self.once)))
        }
    }

    /// What is imported: the fields.
    pub(super) fn import_fields(&self, wrong: &[Wrong]) -> Markup {
        let words = |known: &'static [&'static str], chosen: &[String]| -> Vec<(String, &'static str, bool)> {
            known.iter().map(|word| (plain(word), *word, chosen.iter().any(|one| one == word))).collect()
        };
        let severities = words(&SEVERITIES, &self.severities);
        let verdicts = words(&VERDICTS, &self.verdicts);
        let severities: Vec<Choice<'_>> =
            severities.iter().map(|(label, value, on)| Choice { value, label, help: "", on: *on }).collect();
        let verdicts: Vec<Choice<'_>> =
            verdicts.iter().map(|(label, value, on)| Choice { value, label, help: "", on: *on }).collect();
        let identities = [
            Choice {
                value: "correlation",
                label: "All that tells machines apart",
                help: "Serial numbers, hardware addresses and the like.",
                on: self.identity != "computer-name",
            },
            Choice {
                value: "computer-name",
                label: "The computer's name too",
                help: "A machine of the same name is taken for the same.",
                on: self.identity == "computer-name",
            },
        ];
        html! {
            (field("software", "Import software", "What is installed on each machine. Usual: yes.", wrong, false, Kind::Switch(self.software)))
            (field("vulnerabilities", "Import vulnerabilities", "What is known to be wrong with it. Usual: yes.", wrong, false, Kind::Switch(self.vulnerabilities)))
            (ui::needing("vulnerabilities", "No vulnerability is imported, so there is no severity to choose.",
                &field("severities", "Severities", "Of vulnerabilities that are imported. Usual: all.", wrong, false, Kind::Check(&severities))))
            (field("exclude_unknown", "Exclude unknown assets", "Leaves out machines that no scan knows; they are counted and listed. Usual: no.", wrong, false, Kind::Switch(self.exclude_unknown)))
            (field("auto_onboard", "Onboard new assets by themselves", "Off: only machines that another source knows already come in. Usual: yes.", wrong, false, Kind::Switch(self.auto_onboard)))
            (field("identity", "Known by", "By what another source knows the same machine.", wrong, true, Kind::Radio(&identities)))
            (field("update_metadata", "Update existing assets", "Name, domain, operating system, user, model and reported addresses follow the console. Usual: yes.", wrong, false, Kind::Switch(self.update_metadata)))
            (field("groups", "Console groups", "One a line: only agents of these, and what hangs on them. Empty for all that the token sees.", wrong, false, Kind::Area(&self.groups)))
            (field("verdicts", "Verdicts that count as failed", "A finding with another verdict is there, and not failed.", wrong, false, Kind::Check(&verdicts)))
            (field("tracked_only", "Tracked devices only", "Of devices that somebody untracked, nothing but the device. Usual: no.", wrong, false, Kind::Switch(self.tracked_only)))
        }
    }

    /// What is read at all: the fields.
    pub(super) fn read_fields(&self, wrong: &[Wrong]) -> Markup {
        let all: Vec<(String, &sync::Stream)> =
            STREAMS.iter().filter(|stream| !stream.core).map(|stream| (stream_label(stream.name), stream)).collect();
        let streams: Vec<Choice<'_>> = all
            .iter()
            .map(|(label, stream)| Choice {
                value: stream.name,
                label,
                help: stream.without,
                on: self.read.iter().any(|name| name == stream.name),
            })
            .collect();
        html! {
            (field("depth", "History, in days", "Of threats and activities; empty for all that there is.", wrong, false, Kind::Number(&self.depth, 1, DEPTH_DAYS_MAX.into())))
            (field("rate", "Requests a minute", "At most, with this token; 1,000 is usual. Muster sends fewer when the console asks.", wrong, true, Kind::Number(&self.rate, 1, RATE_MAX.into())))
            details open[error(wrong, "read").is_some()] {
                summary { "Collections" }
                (field("read", "Read also", "Agents, threats, activities, sites and groups are always read. What is missing without one stands below it.", wrong, false, Kind::Check(&streams)))
            }
        }
    }
}

/// One field with its error.
pub(super) fn field(name: &str, label: &str, help: &str, wrong: &[Wrong], required: bool, kind: Kind<'_>) -> Markup {
    Field { name, label, help, error: error(wrong, name), required, kind }.render()
}

/// Which of the rhythms that are offered it is.
fn schedule_of(options: &Options) -> &'static str {
    let evidence = || EVIDENCE.iter().map(|(name, seconds)| ((*name).to_owned(), *seconds)).collect::<BTreeMap<_, _>>();
    match options.autosync_days {
        Some(1) => "daily",
        Some(_) => "days",
        None if options.intervals.is_empty() => "signals",
        None if options.intervals == evidence() => "evidence",
        None => "own",
    }
}

fn identity_word(identity: Identity) -> &'static str {
    if identity == Identity::Correlation { "correlation" } else { "computer-name" }
}

/// `true_positive` as people read it.
fn plain(word: &str) -> String {
    let text = word.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

/// An interval as it is typed: `5m`.
fn short(seconds: i64) -> String {
    match seconds {
        seconds if seconds % DAY == 0 => format!("{}d", seconds / DAY),
        seconds if seconds % HOUR == 0 => format!("{}h", seconds / HOUR),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// How often it is read, in words.
pub(super) fn rhythm(options: &Options) -> String {
    let mut text = match schedule_of(options) {
        "daily" => "Everything daily at 01:15 UTC".to_owned(),
        "days" => format!("Everything every {} days at 01:15 UTC", options.autosync_days.unwrap_or(1)),
        "signals" => "Signals: threats 5 min, activities 10 min, agents 1 h".to_owned(),
        "evidence" => "Evidence: agents 24 h, threats 1 h, activities 6 h".to_owned(),
        _ => {
            let all = options.intervals.iter();
            let all = all
                .map(|(name, seconds)| format!("{} {}", stream_label(name).to_lowercase(), interval_words(*seconds)));
            format!("Own intervals: {}", all.collect::<Vec<_>>().join(", "))
        }
    };
    if options.once {
        text.push_str("; once only");
    }
    text
}

/// Everything that differs from what is usual, in words; empty if nothing does.
pub(super) fn settings(options: &Options) -> String {
    let mut said = options.import.in_words();
    let without: Vec<String> = options.without_streams.iter().map(|name| stream_label(name).to_lowercase()).collect();
    if !without.is_empty() {
        said.push(format!("without {}", without.join(", ")));
    }
    said.extend(options.depth_days.map(|days| format!("history of {days} days")));
    let rate = options.requests_per_minute;
    said.extend((rate != REQUESTS_PER_MINUTE).then(|| format!("at most {rate} requests a minute")));
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(values: &Values) -> Options {
        let mut options = Options::default();
        values.change().unwrap().apply(&mut options).unwrap();
        options
    }

    #[test]
    fn what_is_chosen_comes_back_from_its_own_form() {
        let mut options = Options {
            depth_days: Some(30),
            requests_per_minute: 500,
            starts_at: Some(1_795_230_000),
            once: true,
            without_streams: vec!["exclusions".to_owned()],
            ..Options::default()
        };
        options.intervals.insert("threats".to_owned(), 90);
        options.import.severities = vec!["high".to_owned()];
        options.import.groups = vec!["Servers, all".to_owned(), "B".to_owned()];
        options.import.tracked_only = true;
        for options in [Options::default(), options] {
            assert_eq!(after(&Values::of(&options)), options);
        }
    }

    #[test]
    fn each_rhythm_reads_back_as_itself() {
        for (schedule, ..) in SCHEDULES {
            let mut values = Values::of(&Options::default());
            values.schedule = schedule.to_owned();
            values.every.insert("threats", "15m".to_owned());
            assert_eq!(schedule_of(&after(&values)), schedule);
        }
    }

    #[test]
    fn every_field_that_is_wrong_is_said_at_once() {
        let mut values = Values::of(&Options::default());
        values.schedule = "own".to_owned();
        values.every.insert("threats", "10s".to_owned());
        values.depth = "-3".to_owned();
        values.start = "tomorrow".to_owned();
        values.severities.clear();
        let wrong = values.change().unwrap_err();
        let fields: Vec<&str> = wrong.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["depth", "every.threats", "start", "severities"]);
        assert!(wrong[1].error.contains("too often"), "{}", wrong[1].error);
    }
}
