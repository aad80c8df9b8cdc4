//! The console's levels as a tree: accounts, sites and groups, the policy that each obeys, and where one strays.

mod pages;

use std::collections::BTreeMap;

use access::Permission;
use inventory::Ask;
use kernel::{Cell, OrgId, Timestamp};
use store::Tx;

use crate::Problem;
use crate::inventories::{count, text};
use crate::route::{Route, Who, page};

/// Levels of one kind that are drawn; a console with more is asked by its lists.
const LEVELS_MAX: usize = 2_000;
/// Agents that only report although their policy says that they act.
pub(crate) const STRAYED: &str = "has:edr.name and mitigation_mode:detect and policy:(mitigation_mode:protect)";

/// Its routes.
pub fn routes() -> Vec<Route> {
    vec![page("/policies/tree", Who::May(Permission::ReadInventory), pages::tree)]
}

/// The settings of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Policy {
    mode: String,
    suspicious: String,
}

/// An account, a site or a group.
#[derive(Clone, Debug)]
struct Level {
    kind: &'static str,
    name: String,
    agents: i64,
    /// Its own settings; nothing if it takes those of the level above.
    own: Option<Policy>,
    /// The settings of the nearest level above that has any, and which level that is.
    above: Option<(Policy, String)>,
    below: Vec<Level>,
}

impl Level {
    /// The settings that its agents obey, and where they are from.
    fn obeys(&self) -> Option<(Policy, String)> {
        let own = || self.own.clone().map(|own| (own, format!("{} {}", self.kind, self.name)));
        own().or_else(|| self.above.clone())
    }

    fn hand_down(&mut self, above: Option<(Policy, String)>) {
        self.above = above;
        let obeyed = self.obeys();
        for level in &mut self.below {
            level.hand_down(obeyed.clone());
        }
    }
}

/// The tree, and what is wrong in it.
struct Tree {
    roots: Vec<Level>,
    /// There are more levels than are drawn.
    more: bool,
    strayed: u64,
}

fn load(tx: &mut Tx<'_>, org: OrgId, now: Timestamp) -> Result<Tree, Problem> {
    let mut more = false;
    let mut rows = |tx: &mut Tx<'_>, inventory: &str, fields: &[&str]| -> Result<Vec<Vec<Cell>>, Problem> {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        let ask = Ask { fields, limit: LEVELS_MAX, ..Ask::new(inventory, "removed:f", now) };
        let answer = inventory::ask_in(tx, org, &ask)?;
        more |= answer.next.is_some();
        Ok(answer.table.rows)
    };
    let settings = ["level", "scope.id", "inherited_from", "mitigation_mode", "mitigation_mode.suspicious"];
    let policies = rows(tx, "policies", &settings)?;
    let accounts = rows(tx, "accounts", &["name", "native_id", "agents"])?;
    let sites = rows(tx, "console_sites", &["name", "native_id", "agents", "account_id"])?;
    let groups = rows(tx, "console_groups", &["name", "native_id", "agents", "site_id", "inherits"])?;
    let own = own(&policies);
    let level = |kind: &'static str, row: &[Cell]| Level {
        kind,
        name: text(row.first()).to_owned(),
        agents: if let Some(Cell::Int(agents)) = row.get(2) { *agents } else { 0 },
        own: own.get(&(kind.to_owned(), text(row.get(1)).to_owned())).cloned(),
        above: None,
        below: Vec::new(),
    };
    let mut of_site: BTreeMap<&str, Vec<Level>> = BTreeMap::new();
    for row in distinct(&groups) {
        let inherits = matches!(row.get(4), Some(Cell::Bool(true)));
        let group = level("group", row);
        // What is still stored for a group that inherits does not count.
        let group = if inherits { Level { own: None, ..group } } else { group };
        of_site.entry(text(row.get(3))).or_default().push(group);
    }
    let mut of_account: BTreeMap<&str, Vec<Level>> = BTreeMap::new();
    for row in distinct(&sites) {
        let below = of_site.remove(text(row.get(1))).unwrap_or_default();
        of_account.entry(text(row.get(3))).or_default().push(Level { below, ..level("site", row) });
    }
    let mut roots = Vec::new();
    for row in distinct(&accounts) {
        let below = of_account.remove(text(row.get(1))).unwrap_or_default();
        roots.push(Level { below, ..level("account", row) });
    }
    // A token that sees a part of the console sees levels without what is above them.
    roots.extend(of_account.into_values().flatten());
    roots.extend(of_site.into_values().flatten());
    let tenant =
        own.get(&("tenant".to_owned(), String::new())).cloned().map(|own| (own, "the whole console".to_owned()));
    for root in &mut roots {
        root.hand_down(tenant.clone());
    }
    Ok(Tree { roots, more, strayed: count(tx, org, "assets", STRAYED, now)? })
}

/// Levels by their console's id, each once: two integrations may read one console.
fn distinct(rows: &[Vec<Cell>]) -> Vec<&[Cell]> {
    let mut seen = std::collections::BTreeSet::new();
    rows.iter().map(Vec::as_slice).filter(|row| seen.insert(text(row.get(1)))).collect()
}

/// Settings that a level has of its own, by kind and console's id.
fn own(policies: &[Vec<Cell>]) -> BTreeMap<(String, String), Policy> {
    let own = policies.iter().filter(|row| text(row.get(2)).is_empty());
    own.map(|row| {
        let of = |at: usize| text(row.get(at)).to_owned();
        ((of(0), of(1)), Policy { mode: of(3), suspicious: of(4) })
    })
    .collect()
}
