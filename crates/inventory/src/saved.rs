//! Saved queries: questions with a name and parameters, those that come with the program and those of an organization.

use std::collections::BTreeMap;

use kernel::{OrgId, Timestamp};
use query::template::{FillError, Filled, Parameter};
use query::{Asking, Refused, Saved, Severity, Template, prepare};
use store::{StoreError, Tx};

use crate::ask::dictionary::Seen;
use crate::catalogue::catalogue;

/// The most saved queries of one organization.
pub const SAVED_QUERIES_MAX: usize = 1_000;

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// The longest description, in bytes.
pub const PROSE_BYTES_MAX: usize = 500;

/// A question with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedQuery {
    /// Its name: small letters, digits and `-`.
    pub name: String,
    /// The inventory that it asks.
    pub inventory: String,
    /// Its text, with parameters in braces.
    pub text: String,
    /// What it is for.
    pub prose: String,
    /// What can be set when it is run; defaults are the organization's, where it set any.
    pub parameters: Vec<Parameter>,
    /// What the organization set, by parameter.
    pub settings: BTreeMap<String, String>,
    /// Who saved it; `None`: it comes with the program.
    pub made_by: Option<String>,
    /// When it was saved, or its settings were; `None`: never.
    pub changed_at: Option<Timestamp>,
}

/// A question that is to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSaved {
    /// Its name.
    pub name: String,
    /// The inventory that it asks, by any of its names.
    pub inventory: String,
    /// Its text.
    pub text: String,
    /// What it is for; may be empty.
    pub prose: String,
    /// Whether it may take the place of one of the same name.
    pub replace: bool,
}

/// Why a saved query cannot be saved, found or filled in.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// There is none of that name.
    #[error("there is no saved query {name}{near}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// `; did you mean stale-agents?`, or nothing.
        near: String,
    },
    /// The name cannot be one.
    #[error("{0:?} cannot be the name of a saved query: it takes up to 64 small letters, digits and hyphens")]
    Name(String),
    /// The name is taken.
    #[error("there is a saved query {0} already: replace it on purpose, or take another name")]
    Taken(String),
    /// It comes with the program.
    #[error("{0} comes with Muster and stays as it is: save your own under another name")]
    Shipped(String),
    /// There are too many.
    #[error("there are {SAVED_QUERIES_MAX} saved queries, and no more are kept: remove one first")]
    Full,
    /// The description is too long.
    #[error("a description may have {PROSE_BYTES_MAX} bytes, this one has {0}")]
    Prose(usize),
    /// There is no such inventory.
    #[error("there is no inventory {0:?} to ask")]
    Inventory(String),
    /// Others ask it by its name.
    #[error("{by} asks saved:{name}: change that one first")]
    Asked {
        /// The query.
        name: String,
        /// One that names it.
        by: String,
    },
    /// Its text is no query.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A parameter was given wrongly, or not at all.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A question that comes with the program.
struct Shipped {
    name: &'static str,
    inventory: &'static str,
    text: &'static str,
    prose: &'static str,
}

/// What comes with the program. The first three are those that runZero's page on SentinelOne shows, word for word, but that
/// the third leaves out machines that no source has any more: nobody can install an agent on those. Of what no source has
/// any more no live agent is known either, so `edr.name` leaves it out by itself.
const SHIPPED: [Shipped; 7] = [
    Shipped {
        name: "sentinelone-assets",
        inventory: "assets",
        text: "source:SentinelOne",
        prose: "assets that SentinelOne told us about, those that it no longer has too",
    },
    Shipped {
        name: "sentinelone-protected",
        inventory: "assets",
        text: "edr.name:SentinelOne",
        prose: "assets that a live SentinelOne agent guards",
    },
    Shipped {
        name: "windows-without-sentinelone",
        inventory: "assets",
        text: "os:windows and not type:server and not edr.name:SentinelOne and removed:f",
        prose: "Windows assets, servers aside, that no live SentinelOne agent guards; without those that no source has any more",
    },
    Shipped {
        name: "missing-required-software",
        inventory: "assets",
        text: "has:edr.name and not product:({required:all})",
        prose: "guarded machines that lack any of the programs that you require; set the list once with muster saved set",
    },
    Shipped {
        name: "vulnerable-endpoints",
        inventory: "assets",
        text: "vulnerability:(severity:({severities:any=critical, high})) and removed:f",
        prose: "machines with a vulnerability of one of these severities; without those that no source has any more",
    },
    Shipped {
        name: "stale-agents",
        inventory: "assets",
        text: "has:edr.name and last_seen:>{age=14d}",
        prose: "machines whose agent has not been in touch for so long",
    },
    Shipped {
        name: "detect-mode-agents",
        inventory: "assets",
        text: "has:edr.name and mitigation_mode:detect",
        prose: "machines whose agent only reports what it finds, and stops nothing",
    },
];

/// All saved queries: those that come with the program, then the organization's own, each by name.
///
/// # Errors
/// The database fails.
pub fn saved_queries(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<SavedQuery>, StoreError> {
    const ALL: &str = "SELECT name, inventory, text, prose, settings, made_by, changed_at FROM inventory_saved_query \
        WHERE org_id = $1 ORDER BY name";
    let stored = tx.query(ALL, &[org.into()], |row| {
        Ok(SavedQuery {
            name: row.text(0)?.to_owned(),
            inventory: row.text(1)?.to_owned(),
            text: row.opt_text(2)?.unwrap_or_default().to_owned(),
            prose: row.text(3)?.to_owned(),
            parameters: Vec::new(),
            settings: serde_json::from_str(row.text(4)?).unwrap_or_default(),
            made_by: Some(row.text(5)?.to_owned()),
            changed_at: Some(Timestamp::from_micros(row.int(6)?)),
        })
    })?;
    let shipped = SHIPPED.iter().map(|shipped| {
        let of = stored.iter().find(|row| row.name == shipped.name);
        SavedQuery {
            name: shipped.name.to_owned(),
            inventory: shipped.inventory.to_owned(),
            text: shipped.text.to_owned(),
            prose: shipped.prose.to_owned(),
            parameters: Vec::new(),
            settings: of.map(|row| row.settings.clone()).unwrap_or_default(),
            made_by: None,
            changed_at: of.and_then(|row| row.changed_at),
        }
    });
    // What is stored under a shipped name holds settings only.
    let own = stored.iter().filter(|row| shipped_as(&row.name).is_none()).cloned();
    Ok(shipped.chain(own).map(with_parameters).collect())
}

/// The saved query of that name.
///
/// # Errors
/// There is none, or the database fails.
pub fn saved_query(tx: &mut Tx<'_>, org: OrgId, name: &str) -> Result<SavedQuery, SavedError> {
    let name = name.trim().trim_start_matches('@');
    let all = saved_queries(tx, org)?;
    let found = all.iter().find(|saved| saved.name.eq_ignore_ascii_case(name)).cloned();
    found.ok_or_else(|| {
        let near = super::ask::nearest(name, all.iter().map(|saved| saved.name.as_str()));
        let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
        SavedError::Unknown { name: name.to_owned(), near }
    })
}

/// Saves a question, and writes down who did. Its text is checked as it would be run.
///
/// # Errors
/// The name is taken or none, the text is no query, there are too many, or the database fails.
pub fn save_query(tx: &mut Tx<'_>, org: OrgId, new: &NewSaved, who: &str, now: Timestamp) -> Result<(), SavedError> {
    const SAVE: &str = "INSERT INTO inventory_saved_query \
        (org_id, name, inventory, text, prose, settings, made_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
        ON CONFLICT (org_id, name) DO UPDATE SET inventory = excluded.inventory, text = excluded.text, \
        prose = excluded.prose, settings = excluded.settings, made_by = excluded.made_by, changed_at = excluded.changed_at";
    let name = new.name.trim();
    check_name(name)?;
    if shipped_as(name).is_some() {
        return Err(SavedError::Shipped(name.to_owned()));
    }
    if new.prose.len() > PROSE_BYTES_MAX {
        return Err(SavedError::Prose(new.prose.len()));
    }
    let all = saved_queries(tx, org)?;
    let before = all.iter().find(|saved| saved.name == name);
    if before.is_some() && !new.replace {
        return Err(SavedError::Taken(name.to_owned()));
    }
    if before.is_none() && all.len() >= SAVED_QUERIES_MAX + SHIPPED.len() {
        return Err(SavedError::Full);
    }
    let inventory = catalogue().inventory(&new.inventory).filter(|inventory| inventory.listed);
    let Some(inventory) = inventory else { return Err(SavedError::Inventory(new.inventory.clone())) };
    let template = Template::parse(&new.text)?;
    check(tx, org, name, inventory.name, &template, now)?;
    // What was set of parameters that it still has stays.
    let has = |key: &String| template.parameters().iter().any(|parameter| parameter.name == *key);
    let mut settings = before.map(|saved| saved.settings.clone()).unwrap_or_default();
    settings.retain(|key, value| has(key) && template.fill(&[(key.clone(), value.clone())], now).is_ok());
    let values = [
        org.into(),
        name.into(),
        inventory.name.into(),
        template.text().into(),
        new.prose.trim().into(),
        json(&settings).into(),
        who.into(),
        now.into(),
    ];
    tx.execute(SAVE, &values)?;
    let what = if before.is_some() { "saved.replace" } else { "saved.add" };
    access::audit(tx, org, now, who, what, name, &format!("{} {}", inventory.name, template.text()))?;
    Ok(())
}

/// Gives a saved query of the organization's own another name, and writes down who did.
///
/// # Errors
/// There is none of that name, it comes with the program, another query asks it, the new name is none or taken, or the
/// database fails.
pub fn rename_saved(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: &str,
    new: &str,
    who: &str,
    now: Timestamp,
) -> Result<(), SavedError> {
    const RENAME: &str = "UPDATE inventory_saved_query SET name = $3, changed_at = $4 WHERE org_id = $1 AND name = $2";
    let new = new.trim();
    check_name(new)?;
    let saved = saved_query(tx, org, name)?;
    if saved.made_by.is_none() {
        return Err(SavedError::Shipped(saved.name));
    }
    if saved.name == new {
        return Ok(());
    }
    let all = saved_queries(tx, org)?;
    if all.iter().any(|other| other.name == new) {
        return Err(SavedError::Taken(new.to_owned()));
    }
    if let Some(other) = all.iter().find(|other| asks(&other.text, &saved.name)) {
        return Err(SavedError::Asked { name: saved.name, by: other.name.clone() });
    }
    tx.execute(RENAME, &[org.into(), saved.name.as_str().into(), new.into(), now.into()])?;
    access::audit(tx, org, now, who, "saved.rename", new, &format!("from {}", saved.name))?;
    Ok(())
}

/// Whether a text names a saved query: `saved:name`, `saved:"name days=60"`.
fn asks(text: &str, name: &str) -> bool {
    let text = text.to_lowercase();
    let named = |rest: &str| {
        let rest = rest.trim_start_matches(['"', '=', '(', ' ']);
        rest.strip_prefix(name)
            .is_some_and(|after| !after.starts_with(|next: char| next.is_alphanumeric() || next == '-'))
    };
    text.split("saved:").skip(1).any(named)
}

fn check_name(name: &str) -> Result<(), SavedError> {
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(plain) || name.starts_with('-') {
        return Err(SavedError::Name(name.to_owned()));
    }
    Ok(())
}

/// Checks a text with sample values; a mistake in a value that is still to be given is none of the text's.
fn check(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: &str,
    inventory: &str,
    template: &Template,
    now: Timestamp,
) -> Result<(), SavedError> {
    let Filled { text, values } = template.sample();
    let mut seen = Seen::new(tx, org, false);
    // It may name itself only after it is saved: a circle shows now.
    let this = Saved {
        name: name.to_owned(),
        inventory: inventory.to_owned(),
        text: template.text().to_owned(),
        settings: Vec::new(),
    };
    seen.keep(this);
    let asking = Asking { catalogue: catalogue(), inventory, now, as_of: None, known: &seen };
    let checked = prepare(&text, &asking);
    seen.finish()?;
    let Err(mut refused) = checked else { return Ok(()) };
    refused.problems.retain(|problem| {
        let of_value = |span: &query::Span| span.start <= problem.span.end && problem.span.start <= span.end;
        problem.severity == Severity::Error && !values.iter().any(of_value)
    });
    if refused.problems.is_empty() { Ok(()) } else { Err(refused.into()) }
}

/// Sets what parameters are when nobody says, and writes down who did; an empty value takes a setting away.
///
/// # Errors
/// There is no such query or parameter, a value is of the wrong kind, or the database fails.
pub fn set_saved(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: &str,
    given: &[(String, String)],
    who: &str,
    now: Timestamp,
) -> Result<SavedQuery, SavedError> {
    const SET: &str = "INSERT INTO inventory_saved_query \
        (org_id, name, inventory, text, prose, settings, made_by, changed_at) VALUES ($1, $2, $3, NULL, $4, $5, $6, $7) \
        ON CONFLICT (org_id, name) DO UPDATE SET settings = excluded.settings, changed_at = excluded.changed_at";
    let saved = saved_query(tx, org, name)?;
    let template = Template::parse(&saved.text)?;
    let mut settings = saved.settings.clone();
    for (key, value) in given {
        match value.trim() {
            "" => drop(settings.remove(key)),
            value => drop(settings.insert(key.clone(), value.to_owned())),
        }
    }
    // A parameter without a default may stay without a value; what has one is checked with all that is set.
    match template.fill(&settings.clone().into_iter().collect::<Vec<_>>(), now) {
        Ok(_) | Err(FillError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let values = [
        org.into(),
        saved.name.as_str().into(),
        saved.inventory.as_str().into(),
        saved.prose.as_str().into(),
        json(&settings).into(),
        who.into(),
        now.into(),
    ];
    tx.execute(SET, &values)?;
    let detail: Vec<String> = given.iter().map(|(key, value)| format!("{key}={value}")).collect();
    access::audit(tx, org, now, who, "saved.set", &saved.name, &detail.join(" "))?;
    Ok(with_parameters(SavedQuery { settings, changed_at: Some(now), ..saved }))
}

/// Removes a saved query, or what was set of one that comes with the program, and writes down who did.
///
/// # Errors
/// There is none of that name, nothing was set of a shipped one, or the database fails.
pub fn remove_saved(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: &str,
    who: &str,
    now: Timestamp,
) -> Result<SavedQuery, SavedError> {
    const REMOVE: &str = "DELETE FROM inventory_saved_query WHERE org_id = $1 AND name = $2";
    let saved = saved_query(tx, org, name)?;
    let removed = tx.execute(REMOVE, &[org.into(), saved.name.as_str().into()])?;
    if removed == 0 {
        return Err(SavedError::Shipped(saved.name));
    }
    access::audit(tx, org, now, who, "saved.remove", &saved.name, &saved.text)?;
    Ok(saved)
}

impl SavedQuery {
    /// The question with these values, then the organization's settings, then its defaults.
    ///
    /// # Errors
    /// A value of no parameter, one of the wrong kind, or none where one is needed.
    pub fn filled(&self, given: &[(String, String)], now: Timestamp) -> Result<String, SavedError> {
        let mut values: Vec<(String, String)> = self.settings.clone().into_iter().collect();
        values.extend_from_slice(given);
        Ok(Template::parse(&self.text)?.fill(&values, now)?.text)
    }
}

/// A query whose parameters are read from its text, with what was set in the place of defaults.
fn with_parameters(mut saved: SavedQuery) -> SavedQuery {
    let parameters = Template::parse(&saved.text).map(|template| template.parameters().to_vec()).unwrap_or_default();
    let set = |mut parameter: Parameter| {
        parameter.default = saved.settings.get(&parameter.name).cloned().or(parameter.default);
        parameter
    };
    saved.parameters = parameters.into_iter().map(set).collect();
    saved
}

/// What the language knows of saved queries.
pub(crate) fn known(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<Saved>, StoreError> {
    let known = |saved: SavedQuery| Saved {
        name: saved.name,
        inventory: saved.inventory,
        text: saved.text,
        settings: saved.settings.into_iter().collect(),
    };
    Ok(saved_queries(tx, org)?.into_iter().map(known).collect())
}

/// What comes with the program: name, inventory, text and what it is for.
pub(crate) fn shipped() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    SHIPPED.iter().map(|shipped| (shipped.name, shipped.inventory, shipped.text, shipped.prose))
}

fn shipped_as(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

fn json(settings: &BTreeMap<String, String>) -> String {
    serde_json::to_string(settings).expect("texts are JSON")
}
