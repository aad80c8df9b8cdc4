//! What a value looks like in a table.

use kernel::{AssetId, Cell as Value};
use query::{Field, Type};
use ui::{Cell, Column, Icon, Markup, Severity, Source, html};

/// Values of a list that are shown; the rest are counted.
const VALUES_SHOWN: usize = 3;

/// The fields that name the machine of a row.
pub(super) const MACHINES: [&str; 2] = ["agent.name", "asset_name"];

/// A cell with the name of a machine, whose own page it leads to: another may have that name too.
pub(super) fn machine(name: &str, asset: AssetId) -> Cell {
    Cell::new(html! { a href={ "/assets/" (asset) } { (ui::words::name(name)) } })
}

/// A cell of a table.
pub(crate) fn cell(field: &Field, value: &Value) -> Cell {
    match (field.name, value) {
        (name, Value::Int(_) | Value::Real(_)) if name != "port" => Cell::number(inside(field, value)),
        _ => Cell::new(inside(field, value)),
    }
}

/// The heading of a field's column: numbers stand at the right, names of numbers do not.
pub(crate) fn heading<'a>(field: &Field, label: &'a str) -> Column<'a> {
    match field.ty {
        Type::Int | Type::Real if field.name != "port" => Column::number(label),
        _ => Column::new(label),
    }
}

/// A value, as it stands in a cell or beside its name.
pub(crate) fn inside(field: &Field, value: &Value) -> Markup {
    match (field.name, value) {
        ("sources" | "source", Value::List(all)) => sources(all),
        ("source", Value::Text(one)) => sources(&[Value::Text(one.clone())]),
        ("severity", Value::Text(word)) => severity(word),
        // Where it is not known which asset it is, to all that are called so.
        (field, Value::Text(name)) if MACHINES.contains(&field) => {
            html! { a href=(super::to("assets", &format!("name:={}", quoted(name)))) { (ui::words::name(name)) } }
        }
        (name, Value::Empty) => ui::absent(absent(name)),
        (_, Value::List(all)) if all.is_empty() => ui::absent("none"),
        (_, Value::List(all)) => html! {
            @for (at, one) in all.iter().take(VALUES_SHOWN).enumerate() { @if at > 0 { ", " } (plain(field, one)) }
            @if all.len() > VALUES_SHOWN { span.muted { " and " (all.len() - VALUES_SHOWN) " more" } }
        },
        (_, one) => plain(field, one),
    }
}

/// Where a CVE is described for everybody; nothing for what is none, since the name is the console's.
pub(super) fn about_cve(name: &str) -> Option<String> {
    let (year, number) = name.strip_prefix("CVE-")?.split_once('-')?;
    let is_number =
        |text: &str, least: usize| (least..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (year.len() == 4 && is_number(year, 4) && is_number(number, 4))
        .then(|| format!("https://nvd.nist.gov/vuln/detail/{name}"))
}

/// A text as a value of the query language.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What is said where a value is missing.
fn absent(field: &str) -> &'static str {
    match field {
        "owner" => "no owner",
        "user" => "nobody",
        "last_seen" | "seen_at" => "never seen",
        _ if field.starts_with("agent.") => "no agent",
        _ => "not said",
    }
}

fn plain(field: &Field, value: &Value) -> Markup {
    match value {
        Value::Empty => ui::absent("not said"),
        Value::Bool(yes) => html! { (if *yes { "yes" } else { "no" }) },
        Value::Int(number) if field.name == "port" || field.name == "type" => html! { (number) },
        Value::Int(number) => html! { @if *number < 0 { "−" } (ui::count(number.unsigned_abs())) },
        Value::Real(number) => html! { (number) },
        Value::Time(at) => ui::moment(*at),
        Value::Text(text) => match field.ty {
            _ if field.name == "cve" => match about_cve(text) {
                Some(address) => html! { a href=(ui::href(&address)) { (ui::mono(text)) } },
                None => ui::words::name(text),
            },
            Type::Ip | Type::Mac | Type::Id | Type::Version => ui::mono(text),
            Type::Enum(_) => html! { bdi { (text.replace('_', " ")) } },
            _ => ui::words::name(text),
        },
        Value::List(all) => html! { (all.len()) " values" },
    }
}

fn severity(word: &str) -> Markup {
    match word {
        "critical" => Severity::Critical.render(),
        "high" => Severity::High.render(),
        "medium" => Severity::Medium.render(),
        "low" => Severity::Low.render(),
        other => ui::absent(other),
    }
}

fn sources(all: &[Value]) -> Markup {
    let names: Vec<&str> = all
        .iter()
        .filter_map(|one| match one {
            Value::Text(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let shown: Vec<Source<'_>> =
        names.iter().map(|name| Source { icon: source_icon(name), name: called(name), gone: false }).collect();
    ui::sources(&shown)
}

/// What people call a source.
pub(crate) fn called(source: &str) -> &str {
    match source {
        "sentinelone" => "SentinelOne",
        "scan" => "Network scan",
        "netbox" => "NetBox",
        "servicenow" => "ServiceNow",
        "runzero" => "runZero",
        other => other,
    }
}

/// The glyph of a kind of source.
pub(crate) fn source_icon(source: &str) -> Icon {
    match source {
        "sentinelone" => Icon::SentinelOne,
        "crowdstrike" | "microsoft365defender" => Icon::Shield,
        "scan" | "runzero" | "shodan" | "censys" => Icon::Radar,
        "cartography" | "aws" | "azure" | "gcp" => Icon::Nodes,
        "json" => Icon::Braces,
        "person" => Icon::Pencil,
        _ => Icon::Grid,
    }
}

/// The glyph of a kind of machine, and its word.
pub(crate) fn icon_of_type(kind: &str) -> (Icon, &str) {
    match kind {
        "laptop" => (Icon::Laptop, "Laptop"),
        "desktop" | "workstation" => (Icon::Desktop, "Desktop"),
        "server" => (Icon::Server, "Server"),
        "mobile" | "phone" | "tablet" => (Icon::Phone, "Phone"),
        "printer" => (Icon::Printer, "Printer"),
        "router" | "switch" | "firewall" | "network" | "storage" => (Icon::Network, "Network device"),
        _ => (Icon::Unknown, "Kind of machine not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_name_of_a_cve_leads_out() {
        assert_eq!(about_cve("CVE-2024-3094").as_deref(), Some("https://nvd.nist.gov/vuln/detail/CVE-2024-3094"));
        for none in ["", "CVE-2024", "CVE-2024-1", "CVE-24-3094", "cve-2024-3094", "CVE-2024-3094/../x", "<img src=x>"]
        {
            assert_eq!(about_cve(none), None, "{none}");
        }
    }
}
