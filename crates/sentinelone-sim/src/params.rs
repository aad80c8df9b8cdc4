//! The vendor's parameters, and how strictly a console holds a request to them.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Query parameters by endpoint, as facts of the vendor spec in our own form; the file explains its grammar.
const FACTS: &str = include_str!("../facts/parameters.txt");
/// Activity codes and their names.
const ACTIVITY_TYPES: &str = include_str!("../facts/activity_types.txt");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Bool,
}

/// One parameter of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) csv: bool,
    pub(crate) kind: Kind,
    least: Option<i64>,
    most: Option<i64>,
    most_items: Option<usize>,
    shortest: Option<usize>,
    required: bool,
    one_of: Option<Vec<&'static str>>,
}

/// The parameters of one endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    parameters: Vec<Parameter>,
}

/// Code (as text) and name of every activity type that is known in public; the name may be empty.
pub(crate) fn activity_types() -> &'static [(&'static str, &'static str)] {
    static TYPES: OnceLock<Vec<(&'static str, &'static str)>> = OnceLock::new();
    TYPES.get_or_init(|| {
        let lines = ACTIVITY_TYPES.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split_once(' ').unwrap_or((line, ""))).collect()
    })
}

/// The tables of all endpoints by path template (`/threats/{id}/notes`).
pub(crate) fn tables() -> &'static HashMap<&'static str, Table> {
    static TABLES: OnceLock<HashMap<&'static str, Table>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables: HashMap<&'static str, Table> = HashMap::new();
        let mut path = "";
        for line in FACTS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let Some(fact) = line.strip_prefix("  ") else {
                path = line;
                tables.insert(path, Table::default());
                continue;
            };
            let added: Vec<Parameter> = if fact == "paging" {
                PAGING.iter().map(|line| parse(line)).collect()
            } else if let Some(rest) = fact.strip_prefix("filters of ") {
                let (of, without) = rest.split_once(" without ").unwrap_or((rest, ""));
                let without: Vec<&str> =
                    without.split(' ').chain(PAGING.iter().filter_map(|p| p.split(' ').next())).collect();
                tables[of].parameters.iter().filter(|p| !without.contains(&p.name)).cloned().collect()
            } else {
                vec![parse(fact)]
            };
            tables.entry(path).or_default().parameters.extend(added);
        }
        tables
    })
}

const PAGING: [&str; 5] = ["skip int 0..1000", "limit int 1..1000", "cursor text", "countOnly bool", "skipCount bool"];

fn bounds(word: &str) -> Option<(Option<i64>, Option<i64>)> {
    let (least, most) = word.split_once("..")?;
    Some((least.parse().ok(), most.parse().ok()))
}

fn parse(fact: &'static str) -> Parameter {
    let (head, one_of) = match fact.split_once(" one of ") {
        Some((head, list)) => (head, Some(list)),
        None => (fact, None),
    };
    let one_of = one_of.map(|list| match list {
        "@activity-types" => activity_types().iter().map(|(code, _)| *code).collect(),
        list => list.split('|').collect(),
    });
    let mut words = head.split(' ');
    let name = words.next().unwrap_or_default();
    let mut parameter = Parameter {
        name,
        csv: false,
        kind: Kind::Text,
        least: None,
        most: None,
        most_items: None,
        shortest: None,
        required: false,
        one_of,
    };
    while let Some(word) = words.next() {
        match word {
            "csv" => parameter.csv = true,
            "int" => parameter.kind = Kind::Int,
            "bool" => parameter.kind = Kind::Bool,
            "required" => parameter.required = true,
            "items" => parameter.most_items = words.next().and_then(bounds).and_then(|b| b.1?.try_into().ok()),
            "length" => parameter.shortest = words.next().and_then(bounds).and_then(|b| b.0?.try_into().ok()),
            _ => {
                if let Some((least, most)) = bounds(word) {
                    (parameter.least, parameter.most) = (least, most);
                }
            }
        }
    }
    parameter
}

/// One parameter of a request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<String>,
}

/// The parameters of a request, checked, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) given: Vec<Given>,
}

impl Query {
    pub(crate) fn values(&self, name: &str) -> Option<&[String]> {
        self.given.iter().find(|g| g.name == name).map(|g| g.values.as_slice())
    }

    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.values(name)?.first().map(String::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.one(name).is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.one(name)?.parse().ok()
    }
}

/// Takes a query string apart and holds it to an endpoint's table. The error is the `detail` of a 400.
pub(crate) fn check(template: &str, query: &str) -> Result<Query, String> {
    static EMPTY: Table = Table { parameters: Vec::new() };
    let table = tables().get(template).unwrap_or(&EMPTY);
    let mut given: Vec<Given> = Vec::new();
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decode(key), decode(value));
        let Some(parameter) = table.parameters.iter().find(|p| p.name == key) else {
            return Err(format!("dict_values(['{key}']): Unknown field"));
        };
        if given.iter().any(|g| g.name == key) {
            return Err(format!("{key}: repeated parameter"));
        }
        let values: Vec<String> =
            if parameter.csv { value.split(',').map(str::to_owned).collect() } else { vec![value] };
        hold(parameter, &values)?;
        given.push(Given { name: parameter.name, values });
    }
    if let Some(missing) = table.parameters.iter().find(|p| p.required && !given.iter().any(|g| g.name == p.name)) {
        return Err(format!("{}: Missing data for required field.", missing.name));
    }
    given.sort_by_key(|g| g.name);
    Ok(Query { given })
}

fn hold(parameter: &Parameter, values: &[String]) -> Result<(), String> {
    let name = parameter.name;
    if let Some(most) = parameter.most_items
        && values.len() > most
    {
        return Err(format!("{name}: Longer than maximum length {most}."));
    }
    for (nth, value) in values.iter().enumerate() {
        let place = if parameter.csv { format!("{name}: {nth}") } else { name.to_owned() };
        match parameter.kind {
            Kind::Bool if !value.eq_ignore_ascii_case("true") && !value.eq_ignore_ascii_case("false") => {
                return Err(format!("{place}: Not a valid boolean."));
            }
            Kind::Int => {
                let Ok(number) = value.parse::<i64>() else { return Err(format!("{place}: Not a valid integer.")) };
                let (least, most) = (parameter.least.unwrap_or(i64::MIN), parameter.most.unwrap_or(i64::MAX));
                if number < least || number > most {
                    return Err(match (parameter.least, parameter.most) {
                        (Some(least), Some(most)) => format!("{place}: Must be between {least} and {most}."),
                        (Some(least), None) => format!("{place}: Must be greater than or equal to {least}."),
                        _ => format!("{place}: Must be less than or equal to {most}."),
                    });
                }
            }
            Kind::Text => {
                // A bound on text is the least id that the newer services take.
                if let Some(least) = parameter.least
                    && value.parse::<i64>().is_ok_and(|id| id < least)
                {
                    return Err(format!("{place}: Must be greater than or equal to {least}."));
                }
                if let Some(shortest) = parameter.shortest
                    && value.chars().count() < shortest
                {
                    return Err(format!("{place}: Shorter than minimum length {shortest}."));
                }
                if let Some((_, operator)) = name.rsplit_once("__")
                    && TIMES.iter().any(|t| name.starts_with(t))
                {
                    hold_time(&place, operator, value)?;
                }
            }
            Kind::Bool => {}
        }
        if parameter.kind != Kind::Bool
            && let Some(one_of) = &parameter.one_of
            && !one_of.contains(&value.as_str())
        {
            return Err(format!("{place}: \"{value}\" is not a valid choice."));
        }
    }
    Ok(())
}

/// Fields that are instants; their filters take RFC 3339 or, `__between`, a range of epoch milliseconds.
const TIMES: [&str; 9] = [
    "createdAt",
    "updatedAt",
    "registeredAt",
    "lastActiveDate",
    "lastSuccessfulScanDate",
    "decommissionedAt",
    "threatCreatedAt",
    "reportedAt",
    "riskUpdatedDate",
];

fn hold_time(place: &str, operator: &str, value: &str) -> Result<(), String> {
    let good = match operator {
        "between" => range(value).is_some(),
        "gt" | "gte" | "lt" | "lte" => crate::text::parse_instant(value).is_some(),
        _ => true,
    };
    if good { Ok(()) } else { Err(format!("{place}: Not a valid datetime.")) }
}

/// `1514978764288-1514978999999`: epoch milliseconds, both ends included, as µs.
pub(crate) fn range(value: &str) -> Option<(i64, i64)> {
    let (from, to) = value.split_once('-')?;
    let from: i64 = from.trim().parse().ok()?;
    let to: i64 = to.trim().parse().ok()?;
    Some((from.checked_mul(1000)?, to.checked_mul(1000)?.checked_add(999)?))
}

/// Undoes percent-encoding and `+`.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = match bytes[at] {
            b'+' => b' ',
            b'%' => match text.get(at + 1..at + 3).and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
                Some(byte) => {
                    at += 2;
                    byte
                }
                None => b'%',
            },
            byte => byte,
        };
        out.push(byte);
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_of_the_facts_is_read_with_its_parameters() {
        let tables = tables();
        assert_eq!(tables["/agents"].parameters.len(), 206);
        assert_eq!(tables["/agents/count"].parameters.len(), 199);
        assert_eq!(tables["/threats"].parameters.len(), 105);
        assert_eq!(tables["/activities"].parameters.len(), 26);
        assert_eq!(tables["/system/info"].parameters.len(), 0);
        assert!(activity_types().len() > 700);
    }

    #[test]
    fn a_request_is_refused_with_the_words_of_the_console() {
        let cases = [
            ("/agents", "limit=0"),
            ("/agents", "limit=1001"),
            ("/agents", "limit=ten"),
            ("/agents", "skip=1001"),
            ("/agents", "updated__gte=2025-01-01T00:00:00Z"),
            ("/agents", "osTypes=windows,beos"),
            ("/agents", "sortOrder=up"),
            ("/agents", "isDecommissioned=true,maybe"),
            ("/agents", "countOnly=1"),
            ("/agents", "limit=5&limit=6"),
            ("/agents", "externalIp__contains=1"),
            ("/agents", "updatedAt__gte=yesterday"),
            ("/agents", "createdAt__between=5"),
            ("/application-management/risks", "siteIds=5"),
            ("/application-management/risks", "siteIds=225494730938493804,225494730938493805"),
            ("/application-management/inventory/endpoints", "applicationName=x"),
            ("/activities", "activityTypes=17,100000"),
            ("/tenant/policy", "x=1"),
        ];
        let said: Vec<String> = cases
            .iter()
            .map(|(path, query)| format!("{path}?{query} -> {}", check(path, query).expect_err("it must be refused")))
            .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn encoded_values_and_ranges_are_understood() {
        let query = check("/agents", "updatedAt__gte=2025-01-01T00%3A00%3A00%2B02%3A00&osArches=64+bit,ARM64").unwrap();
        assert_eq!(query.one("updatedAt__gte"), Some("2025-01-01T00:00:00+02:00"));
        assert_eq!(query.values("osArches").unwrap(), ["64 bit", "ARM64"]);
        assert_eq!(range("1514978764288-1514978999999"), Some((1_514_978_764_288_000, 1_514_978_999_999_999)));
    }
}
