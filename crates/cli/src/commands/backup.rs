//! `muster backup` and `muster restore`: the whole database as one file, and back.

use std::path::{Path, PathBuf};

use store::backup::{self, Backup as File, BackupError, Label, Manifest};

use crate::arguments::{Backup, Global, Restore};
use crate::failure::{Failure, unreadable};
use crate::place::{Place, SLICES, shell};
use crate::terminal::{Terminal, size};

/// The key's entry in a backup.
const KEY: &str = "key";

pub async fn backup(global: &Global, asked: &Backup, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let now = terminal.now();
    let path = file_in(&asked.target, &now.to_string());
    let keys = place.keys()?;
    let files = match (asked.with_key, keys.only_key_text()) {
        (false, _) => Vec::new(),
        (true, Some(text)) => vec![(KEY.to_owned(), text.as_bytes().to_vec())],
        (true, None) => {
            let failure = Failure::usage(match keys.is_empty() {
                true => "there is no key that a backup could carry".to_owned(),
                false => format!("there are several keys ({}), and a backup carries one", keys.ids().join(", ")),
            });
            return Err(failure.with("Make it without --with-key, and keep the keys by themselves."));
        }
    };
    let store = backup::open(&place.database)?;
    let label = Label { program: env!("CARGO_PKG_VERSION").to_owned(), created_at: now.to_string() };
    let to = path.clone();
    let manifest =
        store.read(move |tx| backup::write(tx, SLICES, signals::COMPUTED_TABLES, &files, label, &to)).await?;
    let bytes = std::fs::metadata(&path).map(|found| found.len()).unwrap_or_default();
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    if asked.json {
        let told = serde_json::json!({
            "file": path.display().to_string(), "bytes": bytes, "tables": manifest.tables.len(), "rows": rows,
            "with_key": asked.with_key, "created_at": manifest.created_at,
        });
        return terminal.result(&format!("{told}\n"));
    }
    terminal.result(&format!(
        "{}: {} rows of {} tables, {}.\n",
        path.display(),
        terminal.result_number(rows),
        manifest.tables.len(),
        size(bytes)
    ))?;
    terminal.note(&match (asked.with_key, keys.is_empty()) {
        (true, _) => {
            "The key is in it: whoever has this file has every token in it. Keep it as you keep the key.".to_owned()
        }
        (false, true) => "Nothing in it is sealed.".to_owned(),
        (false, false) => format!(
            "What is sealed in it opens with key {}, which is not in it: keep a copy of the key elsewhere.",
            keys.ids().join(", ")
        ),
    });
    Ok(())
}

pub fn restore(global: &Global, asked: &Restore, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let mut file = File::open(&asked.file).map_err(|error| match error {
        BackupError::File { path, source } => unreadable(&path.display().to_string(), &source),
        other => other.into(),
    })?;
    file.verify(SLICES)?;
    let manifest = file.manifest().clone();
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    let of = format!("of {} from a {} database", manifest.created_at, name_of(&manifest));
    if asked.check {
        if asked.json {
            return told(terminal, "whole", &place, &manifest, rows, None);
        }
        return terminal.result(&format!(
            "{} is whole: {} rows of {} tables, {of}.\n",
            asked.file.display(),
            terminal.result_number(rows),
            manifest.tables.len()
        ));
    }
    let key = file.file(KEY)?;
    let (now, who) = (terminal.now(), super::who());
    let detail = format!("{rows} rows {of}, written by {}", manifest.program);
    place.make_folder()?;
    let done = file.restore(&place.database, SLICES, asked.replace, move |tx| {
        access::after_restore(tx, &who, &detail, now).map_err(|error| match error {
            access::AccessError::Store(error) => BackupError::Store(error),
            other => BackupError::Store(store::StoreError::Content(other.to_string())),
        })
    })?;
    let put = match key {
        Some(text) if place.keys()?.is_empty() => Some(access::Keyring::put_key(&place.data_dir, &text)?),
        _ => None,
    };
    if asked.json {
        told(terminal, "restored", &place, &manifest, done.rows, put.as_deref())?;
    } else {
        terminal.result(&format!(
            "{} has its {} rows again, {of}.\n",
            place.database,
            terminal.result_number(done.rows)
        ))?;
    }
    if done.migrated > 0 {
        terminal.note(&format!("It was brought up to this version by {} migrations.", done.migrated));
    }
    if let Some(path) = put {
        terminal.note(&format!("The key that was in the backup is in {} now.", shell(&path)));
    }
    terminal.note(
        "Everybody is signed out, and open connection links are withdrawn. Tokens for programs, people and passwords are as \
         they were then: what was revoked or changed since must be so again.",
    );
    let keys = place.keys()?;
    let checked: Result<(), access::AccessError> =
        place.open_to_read()?.read_blocking(move |tx| access::check_keys(tx, &keys));
    if let Err(error) = checked {
        // It is restored, so this is no failure; but nothing can be read before somebody sees to it.
        terminal.note(&format!("warning: {}", Failure::from(error).what));
        terminal.note("  The data is restored; consoles can be read again once the key is in its place.");
    }
    Ok(())
}

fn told(
    terminal: &Terminal,
    outcome: &str,
    place: &Place,
    manifest: &Manifest,
    rows: u64,
    key: Option<&Path>,
) -> Result<(), Failure> {
    let told = serde_json::json!({
        "outcome": outcome, "database": place.database.to_string(), "created_at": manifest.created_at,
        "program": manifest.program, "from": manifest.database, "tables": manifest.tables.len(), "rows": rows,
        "key": key.map(|path| path.display().to_string()), "schema": schema(manifest),
    });
    terminal.result(&format!("{told}\n"))
}

/// The last migration of each slice.
fn schema(manifest: &Manifest) -> serde_json::Value {
    let mut last = serde_json::Map::new();
    for applied in &manifest.migrations {
        last.insert(applied.slice.clone(), applied.number.into());
    }
    last.into()
}

fn name_of(manifest: &Manifest) -> &'static str {
    if manifest.database == "postgres" { "PostgreSQL" } else { "SQLite" }
}

/// The file that is meant: a folder gets one that is named by the time, which sorts.
fn file_in(target: &Path, now: &str) -> PathBuf {
    let folder = target.is_dir() || target.as_os_str().as_encoded_bytes().ends_with(b"/");
    if !folder {
        return target.to_owned();
    }
    let seconds = now.split('.').next().unwrap_or(now).trim_end_matches('Z');
    let digits: String = seconds.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    target.join(format!("muster-{digits}Z.zip"))
}
