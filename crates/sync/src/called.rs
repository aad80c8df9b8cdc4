//! What people call the thing that a record tells of.

use inventory::noun::Noun;

use crate::Stream;
use crate::stream::Source;
use crate::translate::{Asked, host, translate};

/// What people call the thing that a record of a stream tells of: a computer's name, a threat's, what happened. Nothing if
/// the record does not say, or cannot be read.
#[must_use]
pub fn record_name(stream: &str, native_id: &str, record: &[u8]) -> Option<String> {
    called(&noun(stream, native_id, record)?).filter(|name| !name.trim().is_empty())
}

/// The noun of a record as it is kept.
pub(crate) fn noun(stream: &str, native_id: &str, record: &[u8]) -> Option<Noun> {
    let scope_id = native_id.split_once(':').map(|(scope, _)| scope);
    let endpoint = match stream {
        "applications" => crate::reapply::generation(record),
        name => {
            let of = Stream::named(name)?;
            if of.source == Source::File {
                return host::host(record).ok().map(|(noun, _)| noun);
            }
            of.endpoint()
        }
    };
    translate(endpoint, record, Asked { scope_id, ..Asked::default() }).ok().map(|(noun, _)| noun)
}

/// What people call it.
pub(crate) fn called(noun: &Noun) -> Option<String> {
    match noun {
        Noun::Machine(machine) => machine.name.clone(),
        Noun::Software(software) => {
            let version = software.version.as_deref().unwrap_or_default();
            Some(format!("{} {version}", software.product.as_deref()?).trim_end().to_owned())
        }
        Noun::Vulnerability(one) => {
            let product = one.product.as_deref().map(|product| format!(" in {product}")).unwrap_or_default();
            Some(format!("{}{product}", one.cve.as_deref()?))
        }
        Noun::Finding(finding) => finding.name.clone(),
        Noun::Event(event) => event.text.clone(),
        Noun::Activity(activity) => activity.description.clone().or_else(|| activity.type_name.clone()),
        Noun::ActivityType(kind) => kind.name.clone(),
        Noun::Policy(policy) => policy.name.clone(),
        Noun::Account(account) => account.name.clone(),
        Noun::ConsoleSite(site) => site.name.clone(),
        Noun::ConsoleGroup(group) => group.name.clone(),
        Noun::User(user) => user.name.clone().or_else(|| user.email.clone()),
        Noun::Plain => None,
    }
}
