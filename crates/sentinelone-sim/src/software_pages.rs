//! Pages of software: a walk along the fleet from the cursor's place. The count of a whole list is kept until something changes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};

use crate::catalog::{PROFILES, html};
use crate::list::{Ask, Key, Page, Position, Test, View, choose, flags, id_set, leaves, test, window};
use crate::params::Query;
use crate::software::{App, Fragment, Kind, Row};
use crate::state::State;

/// Which rows a request asks for.
struct Filter {
    groups: Vec<bool>,
    decommissioned: (bool, bool),
    titles: Option<Vec<u32>>,
    removals: bool,
    updated: Option<(i64, i64)>,
    detected: Option<(i64, i64)>,
    ids: Option<HashSet<u64>>,
    os_types: Option<Vec<String>>,
    slow: Vec<Test>,
}

impl Filter {
    /// Whether every application of a matching agent is one row, so that rows need not be made to be counted.
    fn is_plain(&self, kind: Kind) -> bool {
        kind == Kind::Installed && self.ids.is_none() && self.slow.is_empty() && self.titles.is_none()
    }

    fn holds(&self, row: &Row) -> bool {
        let within = |window: Option<(i64, i64)>, at: i64| window.is_none_or(|(from, to)| (from..=to).contains(&at));
        (self.removals || row.app.removed.is_none())
            && within(self.updated, row.updated)
            && within(self.detected, row.detected)
            && self.titles.as_ref().is_none_or(|titles| titles.contains(&row.app.title))
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&row.id))
    }
}

impl State {
    fn software_filter(&self, kind: Kind, ask: &Ask<'_>) -> (Filter, Vec<&'static str>) {
        let query = ask.query;
        let mut filter = Filter {
            groups: self.group_filter(ask.view, query),
            decommissioned: query.values("agentIsDecommissioned").map_or((false, true), flags),
            titles: None,
            removals: query.flag("includeRemovals"),
            updated: window(query, "riskUpdatedDate"),
            detected: window(query, "detectionDate"),
            ids: query.values("ids").map(id_set),
            os_types: query.values("osTypes").map(<[String]>::to_vec),
            slow: Vec::new(),
        };
        if kind == Kind::Endpoints {
            let (name, vendor) = (query.one("applicationName"), query.one("applicationVendor"));
            filter.titles = Some(self.software.titles_called(name.unwrap_or(""), vendor.unwrap_or("")));
        }
        let mut unheeded = Vec::new();
        for given in &query.given {
            let (base, _) = given.name.split_once("__").unwrap_or((given.name, ""));
            match base {
                "skip"
                | "limit"
                | "cursor"
                | "countOnly"
                | "skipCount"
                | "sortBy"
                | "sortOrder"
                | "siteIds"
                | "accountIds"
                | "groupIds"
                | "agentIsDecommissioned"
                | "includeRemovals"
                | "riskUpdatedDate"
                | "detectionDate"
                | "ids"
                | "osTypes"
                | "applicationName"
                | "applicationVendor"
                    if !given.name.ends_with("__contains") => {}
                _ => match test(ask.collection, given) {
                    Some(test) => filter.slow.push(test),
                    None => unheeded.push(given.name),
                },
            }
        }
        (filter, unheeded)
    }

    /// Visits the matching rows in the order of their ids, from an agent on, until told to stop.
    fn walk_software(
        &self,
        kind: Kind,
        filter: &Filter,
        first: usize,
        mut visit: impl FnMut(usize, &mut Option<Fragment>, &Row) -> bool,
    ) {
        let mut apps: Vec<App> = Vec::new();
        let mut rows: Vec<Row> = Vec::new();
        let mut text = Vec::new();
        // What is as it was drawn changed before the start: a question for later changes passes it by.
        let only_changed = filter.updated.is_some_and(|(from, _)| kind == Kind::Risks && from >= self.start);
        for agent in first..self.agents.len() {
            let row = &self.agents[agent];
            if !filter.groups[row.group as usize]
                || !self.tells_software(agent, kind, filter.decommissioned)
                || filter.os_types.as_ref().is_some_and(|wanted| {
                    let word = PROFILES[usize::from(row.profile)].os_type;
                    !wanted.iter().any(|w| w == word)
                })
                || only_changed && self.software.patched.is_empty() && self.software_is_as_drawn(agent)
            {
                continue;
            }
            self.applications(agent, &mut apps);
            let mut fragment = None;
            for app in &apps {
                rows.clear();
                self.software_rows(kind, agent, *app, &mut rows);
                for row in rows.iter().filter(|row| filter.holds(row)) {
                    if !filter.slow.is_empty() {
                        let fragment = fragment.get_or_insert_with(|| self.software_fragment(kind, agent));
                        text.clear();
                        self.write_software(kind, fragment, row, &mut text);
                        let record: Value = serde_json::from_slice(&text).unwrap_or_default();
                        if !filter.slow.iter().all(|test| test.holds(&record)) {
                            continue;
                        }
                    }
                    if !visit(agent, &mut fragment, row) {
                        return;
                    }
                }
            }
        }
    }

    fn software_total(&mut self, kind: Kind, filter: &Filter, ask: &Ask<'_>) -> u64 {
        let key = ask.fingerprint ^ ask.view.signature();
        if let Some(&(changes, total)) = self.counts.get(&key)
            && changes == self.changes
        {
            return total;
        }
        let mut total = 0;
        if filter.is_plain(kind) && filter.os_types.is_none() {
            for agent in 0..self.agents.len() {
                if filter.groups[self.agents[agent].group as usize]
                    && self.tells_software(agent, kind, filter.decommissioned)
                {
                    total += self.application_count(agent);
                }
            }
        } else {
            self.walk_software(kind, filter, 0, |_, _, _| {
                total += 1;
                true
            });
        }
        if self.counts.len() > crate::list::COUNTS_MAX {
            self.counts.clear();
        }
        self.counts.insert(key, (self.changes, total));
        total
    }

    /// One page of software.
    pub(crate) fn page_of_software(&mut self, kind: Kind, ask: &Ask<'_>) -> Page {
        let (filter, unheeded) = self.software_filter(kind, ask);
        let sort = ask.query.one("sortBy").unwrap_or("id");
        if sort != "id" || ask.query.one("sortOrder") == Some("desc") {
            return self.sorted_software(kind, ask, &filter, unheeded, sort);
        }
        let total = if ask.query.flag("skipCount") { 0 } else { self.software_total(kind, &filter, ask) };
        if ask.query.flag("countOnly") {
            return Page::empty(ask, None, total, unheeded);
        }
        let after = ask.cursor.as_ref().and_then(|cursor| cursor.after.as_ref()).map_or(0, |position| position.id);
        let first = if after == 0 { 0 } else { State::agent_of_software(kind, after) };
        let mut skip = if ask.cursor.is_some() { 0 } else { ask.query.number("skip").unwrap_or(0) };
        let mut page = Page::empty(ask, None, total, unheeded);
        page.records.reserve(ask.limit * 800 + crate::list::CLOSING_BYTES);
        let mut last = 0;
        let mut more = false;
        self.walk_software(kind, &filter, first, |agent, fragment, row| {
            if row.id <= after {
                return true;
            }
            if skip > 0 {
                skip -= 1;
                return true;
            }
            if page.begins.len() == ask.limit {
                more = true;
                return false;
            }
            last = row.id;
            let fragment = fragment.get_or_insert_with(|| self.software_fragment(kind, agent));
            page.begin_record();
            self.write_software(kind, fragment, row, &mut page.records);
            true
        });
        page.next = more.then_some(Position { key: Key::Int(last as i64), id: last });
        page
    }

    /// The same in any other order, for which every row is made once.
    fn sorted_software(
        &mut self,
        kind: Kind,
        ask: &Ask<'_>,
        filter: &Filter,
        unheeded: Vec<&'static str>,
        sort: &str,
    ) -> Page {
        let mut rows: Vec<(usize, Row)> = Vec::new();
        let mut keyed = Vec::new();
        let mut text = Vec::new();
        self.walk_software(kind, filter, 0, |agent, fragment, row| {
            let key = match sort {
                "id" => Key::Int(row.id as i64),
                "installedAt" => Key::Int(row.app.installed),
                "detectionDate" => Key::Int(row.detected),
                _ => {
                    let fragment = fragment.get_or_insert_with(|| self.software_fragment(kind, agent));
                    text.clear();
                    self.write_software(kind, fragment, row, &mut text);
                    let record: Value = serde_json::from_slice(&text).unwrap_or_default();
                    let mut found = Vec::new();
                    leaves(&record, sort, &mut found);
                    Key::of(found.first().copied())
                }
            };
            keyed.push((key, row.id, rows.len() as u32));
            rows.push((agent, *row));
            true
        });
        let (chosen, next, total) = choose(keyed, ask);
        let mut page = Page::empty(ask, next, total, unheeded);
        for index in chosen {
            let (agent, row) = &rows[index as usize];
            let fragment = self.software_fragment(kind, *agent);
            page.begin_record();
            self.write_software(kind, &fragment, row, &mut page.records);
        }
        page
    }

    /// The products that the matching agents have, by name and vendor as the console spells them: versions and endpoints.
    pub(crate) fn inventory(&self, view: &View, query: &Query) -> BTreeMap<(String, String), (u64, u64)> {
        let groups = self.group_filter(view, query);
        let os_types = query.values("osTypes");
        let mut counts: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        let mut apps = Vec::new();
        for agent in 0..self.agents.len() {
            let row = &self.agents[agent];
            let word = PROFILES[usize::from(row.profile)].os_type;
            if groups[row.group as usize]
                && self.tells_software(agent, Kind::Endpoints, (false, true))
                && os_types.is_none_or(|wanted| wanted.iter().any(|w| w == word))
            {
                self.applications(agent, &mut apps);
                for app in apps.iter().filter(|app| app.removed.is_none()) {
                    let count = counts.entry(app.title).or_default();
                    count.0 |= 1 << app.version.min(63);
                    count.1 += 1;
                }
            }
        }
        let mut named: BTreeMap<(String, String), (BTreeSet<&str>, u64)> = BTreeMap::new();
        for (title, (versions, endpoints)) in counts {
            let key = (html(&self.software.name(title)), html(&self.software.title(title).vendor));
            let count = named.entry(key).or_default();
            let known = self.software.title(title).versions.iter().enumerate();
            count.0.extend(known.filter(|(nth, _)| versions >> nth & 1 == 1).map(|(_, version)| version.as_str()));
            count.1 += endpoints;
        }
        named.into_iter().map(|(key, (versions, endpoints))| (key, (versions.len() as u64, endpoints))).collect()
    }

    /// The rows of `GET /application-management/inventory`; kept until something changes.
    pub(crate) fn inventory_rows(&self, view: &View, query: &Query) -> Vec<(u64, Value)> {
        let rows = self.inventory(view, query).into_iter().map(|((name, vendor), (versions, endpoints))| {
            let id = crate::list::fingerprint_of(&[&name, &vendor]);
            let row = json!({
                "applicationName": name, "applicationVendor": vendor,
                "applicationVersionsCount": versions, "endpointsCount": endpoints, "estimate": false,
            });
            (id, row)
        });
        rows.collect()
    }
}
