//! Projections that are to be written, collected so that a page writes each table by one statement.

use kernel::{RecordId, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Keys, Kind, StoreError, Tx};

use crate::apply::{Context, InventoryError, Op, SOURCE_KEY};
use crate::change::{Subject, UNDOABLE};
use crate::holder;
use crate::left_out::{self, LeftOut, Onboard};
use crate::machine::AgentState;
use crate::memory::Head;
use crate::noun::Noun;
use crate::onboard;
use crate::out::{Child, Children, Out};
use crate::project::{self, Moved, shared};
use crate::projection::{MACHINE_OWN, Projection};
use crate::survive::{self, Machine, Words};

/// The rule by which a new record is an asset of its own; its evidence is the native id.
pub(crate) const RULE_NEW: &str = "new";

/// The rule by which a record belongs to the asset of the agent that it names; its evidence is the agent's native id.
pub(crate) const RULE_SAME_AGENT: &str = "same-agent";

/// What stands before the id of a device that network discovery saw, where a record names one instead of an agent.
pub(crate) const DISCOVERED: &str = "NDI:";

/// The stream of those devices.
const DEVICES: &str = "ranger_devices";

/// The columns of a link.
pub(crate) const LINK: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("record_id", Kind::Int),
    ("asset_id", Kind::Int),
    ("rule", Kind::Text),
    ("evidence", Kind::Text),
    ("since", Kind::Int),
    ("linked_by", Kind::Text),
];

const ASSET_KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("asset_id", Kind::Int)];

/// Whose noun is written, and what happened to it.
pub(crate) struct Subjected<'a, 'b> {
    pub record: i64,
    pub native_id: &'a str,
    pub op: &'b Op,
    /// The option that left it out until now.
    pub was_left: Option<&'b str>,
    /// Whether its source no longer has it, and says nothing new.
    pub retired: bool,
}

/// What became of a noun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// How many U+0000 were replaced.
    pub replaced_nuls: usize,
    /// Whether an option leaves it out.
    pub left: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Pending<'a> {
    /// By projection, in the order of [`Projection::ALL`].
    tables: [PendingTable<'a>; Projection::ALL.len()],
    /// Rows of new assets that have one record.
    assets: Vec<Value<'static>>,
    /// Links of new records.
    links: Vec<Value<'static>>,
    /// Child rows of new records.
    children: Children,
    /// New machines whose records name an agent.
    naming: Vec<New<'a>>,
    /// Assets that are projected from several records, or lose or get back one.
    several: Vec<i64>,
    /// Whether any of them changed by more than volatile fields.
    moved: Option<Moved>,
    /// Records that are back.
    returned: Vec<RecordId>,
    /// Records that are left out from now on, with the option.
    left: Vec<(i64, &'static str)>,
    /// Records that are left out no more, or by another option.
    back: Vec<i64>,
    /// Records whose rows go.
    hidden: Vec<(Projection, i64)>,
}

#[derive(Default)]
struct PendingTable<'a> {
    created: Vec<Value<'static>>,
    changed: Vec<Changed<'a>>,
    touched: Vec<Changed<'a>>,
}

/// A row that is stored already, and what it is to become.
struct Changed<'a> {
    record: i64,
    native_id: &'a str,
    /// The projection's own columns.
    values: Vec<Value<'static>>,
    children: Children,
    /// Whether it is a machine that has no asset until another source knows it.
    waits: bool,
    /// Whether its source no longer has it.
    retired: bool,
}

/// A machine that has no row yet.
struct New<'a> {
    record: i64,
    native_id: &'a str,
    values: Vec<Value<'static>>,
    waits: bool,
}

/// Where a stored machine stands.
struct Standing {
    contested: bool,
    identity: Option<i64>,
    /// Its asset and how many records that has.
    asset: Option<(i64, i64)>,
}

/// The places of a machine's own columns that are looked at here.
const IDENTITY: usize = 2;
const NAMED_AGENT: usize = 4;

impl<'a> Pending<'a> {
    /// Turns a noun into rows.
    pub fn project(
        &mut self,
        ctx: &Context,
        head: &mut Head,
        subject: &Subjected<'a, '_>,
        noun: Noun,
        left_out: Option<LeftOut>,
    ) -> Done {
        let Subjected { record, native_id, op, was_left, retired } = *subject;
        let projection = Projection::of(&noun);
        let left = left_out.or_else(|| match (ctx.onboard, projection) {
            (Onboard::WhenKnown(option), Some(Projection::Machine)) => {
                let unknown = *op == Op::Created || was_left == Some(option);
                unknown.then_some(LeftOut { option, waits: true })
            }
            _ => None,
        });
        if was_left.is_some() && left.map(|left| left.option) != was_left {
            self.back.push(record);
        }
        if let Some(left) = left
            && was_left != Some(left.option)
        {
            self.left.push((record, left.option));
        }
        if *op == Op::Returned {
            self.returned.push(RecordId(record));
        }
        let done = |replaced_nuls| Done { replaced_nuls, left: left.is_some() };
        let Some(projection) = projection else { return done(0) };
        let waits = projection == Projection::Machine && left.is_some_and(|left| left.waits);
        if left.is_some() && !waits {
            if *op != Op::Created {
                self.hidden.push((projection, record));
            }
            return done(0);
        }
        let table = &mut self.tables[projection as usize];
        if *op != Op::Created {
            let (mut values, mut children) = (Vec::new(), Children::default());
            let mut out = Out::new(ctx.org.0, record, head, &mut values, &mut children);
            noun.write(&mut out);
            let replaced = out.replaced_nuls();
            if retired && projection == Projection::Machine {
                survive::leave(&mut values, head.term("agent_state", AgentState::Retired.as_str()));
            }
            let changed = Changed { record, native_id, values, children, waits, retired };
            // What was hidden has no rows that touching could reach.
            let rewrite = *op != Op::Touched || was_left.is_some();
            let rows = if rewrite { &mut table.changed } else { &mut table.touched };
            rows.push(changed);
            return done(replaced);
        }
        if projection == Projection::Machine {
            let mut values = Vec::with_capacity(projection.columns().len());
            let mut out = Out::new(ctx.org.0, record, head, &mut values, &mut self.children);
            noun.write(&mut out);
            let replaced = out.replaced_nuls();
            self.add(ctx, head, New { record, native_id, values, waits });
            return done(replaced);
        }
        begin_row(ctx, projection, record, native_id, &mut table.created);
        let mut out = Out::new(ctx.org.0, record, head, &mut table.created, &mut self.children);
        noun.write(&mut out);
        done(out.replaced_nuls())
    }

    /// A machine that has no row yet. One that names an agent waits until the page knows which asset that has.
    fn add(&mut self, ctx: &Context, head: &mut Head, new: New<'a>) {
        if new.values[NAMED_AGENT] != Value::Null && !new.waits {
            self.naming.push(new);
        } else {
            self.create(ctx, head, new);
        }
    }

    /// Rows of a machine and of an asset that has no other record.
    fn create(&mut self, ctx: &Context, head: &mut Head, new: New) {
        let New { record, native_id, values, waits } = new;
        self.create_machine(ctx, record, native_id, &values);
        if !waits {
            self.create_asset(ctx, head, record, native_id, values);
        }
    }

    fn create_machine(&mut self, ctx: &Context, record: i64, native_id: &str, values: &[Value<'static>]) {
        let rows = &mut self.tables[Projection::Machine as usize].created;
        rows.extend([ctx.org.into(), record.into(), ctx.integration.into(), native_id.to_owned().into()]);
        // Present, not superseded, not contested, not settled.
        rows.extend([ctx.site.into(), true.into(), false.into(), false.into(), false.into()]);
        rows.extend_from_slice(values);
    }

    fn create_asset(
        &mut self,
        ctx: &Context,
        head: &mut Head,
        record: i64,
        native_id: &str,
        mut values: Vec<Value<'static>>,
    ) {
        let asset = head.next_id();
        self.link(ctx, record, asset, RULE_NEW, native_id);
        let lifecycle = stand(&mut values, project::words(head), ctx);
        self.assets.extend([ctx.org.into(), asset.into(), ctx.site.into(), ctx.now.into(), ctx.now.into()]);
        self.assets.extend(values.drain(MACHINE_OWN..));
        self.assets.extend([1.into(), 1.into(), record.into(), lifecycle, false.into()]);
    }

    fn link(&mut self, ctx: &Context, record: i64, asset: i64, rule: &'static str, evidence: &str) {
        self.links.extend([
            ctx.org.into(),
            record.into(),
            asset.into(),
            rule.into(),
            evidence.to_owned().into(),
            ctx.now.into(),
            "sync".into(),
        ]);
    }

    /// Writes everything.
    pub fn write(mut self, tx: &mut Tx, ctx: &Context, head: &mut Head) -> Result<(), InventoryError> {
        let mut changes = Vec::new();
        let machines = &mut self.tables[Projection::Machine as usize];
        let (changed, touched) = (std::mem::take(&mut machines.changed), std::mem::take(&mut machines.touched));
        let standing = standing(tx, ctx, changed.iter().chain(&touched))?;
        let changed = self.with_rows(ctx, head, changed, &standing);
        let touched = self.with_rows(ctx, head, touched, &standing);
        self.name_agents(tx, ctx, head)?;
        self.write_changed_machines(tx, ctx, head, changed, &standing, &mut changes)?;
        self.write_touched_machines(tx, ctx, head, touched, &standing)?;
        self.find_agents(tx, ctx, head)?;
        let findings = self.findings();
        for projection in Projection::ALL {
            let pending = std::mem::take(&mut self.tables[projection as usize]);
            let mut created = pending.created;
            let changed = write_changed(tx, ctx, head, projection, pending.changed, &mut changes)?;
            let touched = write_touched(tx, ctx, projection, pending.touched)?;
            for row in changed.into_iter().chain(touched) {
                begin_row(ctx, projection, row.record, row.native_id, &mut created);
                created.extend(row.values);
                self.children.append(row.children);
            }
            tx.insert_many(projection.table(), projection.insert_columns(), &created, "")?;
        }
        tx.insert_many(Projection::Asset.table(), Projection::Asset.insert_columns(), &self.assets, "")?;
        tx.insert_many("inventory_link", LINK, &self.links, "")?;
        for child in Child::ALL {
            let table = child.table();
            tx.insert_many(table.table, table.columns, self.children.of(child), "")?;
        }
        crate::finding::merge(tx, ctx, &findings)?;
        self.hide(tx, ctx)?;
        left_out::write(tx, ctx.org, ctx.now, &self.left, &self.back)?;
        crate::retire::removed(tx, ctx, head, &self.returned, false, &mut changes)?;
        tx.insert_many("inventory_change", UNDOABLE, &changes, "")?;
        if !self.several.is_empty() {
            let moved = self.moved.unwrap_or(Moved::Volatile);
            project::assets(tx, ctx.org, ctx.now, head, &self.several, moved)?;
        }
        Ok(())
    }

    /// Puts the records of agents where rows name an agent by its native id.
    fn find_agents(&mut self, tx: &mut Tx, ctx: &Context, head: &mut Head) -> Result<(), StoreError> {
        for projection in Projection::ALL.into_iter().filter(|projection| projection.is_narrow()) {
            let Some(at) = projection.columns().iter().position(|column| column.name == holder::COLUMN) else {
                continue;
            };
            let width = projection.insert_columns().len();
            // The noun's columns come last.
            let new_at = width - projection.columns().len() + at;
            let table = &mut self.tables[projection as usize];
            let new = table.created.chunks_exact_mut(width).map(|row| &mut row[new_at]);
            let stored = table.changed.iter_mut().chain(&mut table.touched).map(|row| &mut row.values[at]);
            holder::find(tx, ctx, head, new.chain(stored))?;
        }
        Ok(())
    }

    /// The records of the findings that are to be written.
    fn findings(&self) -> Vec<i64> {
        let table = &self.tables[Projection::Finding as usize];
        let new = table.created.chunks_exact(Projection::Finding.insert_columns().len()).map(|row| &row[1]);
        let new = new.filter_map(|record| if let Value::Int(record) = record { Some(*record) } else { None });
        new.chain(table.changed.iter().map(|row| row.record)).collect()
    }

    /// Those of the rows that are stored; the others are new. So are those of records that were kept before anything
    /// was projected of them.
    fn with_rows(
        &mut self,
        ctx: &Context,
        head: &mut Head,
        rows: Vec<Changed<'a>>,
        standing: &FxHashMap<i64, Standing>,
    ) -> Vec<Changed<'a>> {
        let (stored, new): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| standing.contains_key(&row.record));
        // What was never shown and is not there any more needs no rows.
        for Changed { record, native_id, values, children, waits, .. } in new.into_iter().filter(|row| !row.retired) {
            self.children.append(children);
            self.add(ctx, head, New { record, native_id, values, waits });
        }
        stored
    }

    /// Links new records to the assets of the agents and devices that they name, as far as this integration knows those. The
    /// others are assets of their own until correlation has seen them.
    fn name_agents(&mut self, tx: &mut Tx, ctx: &Context, head: &mut Head) -> Result<(), InventoryError> {
        const NAMED: &str = "SELECT r.native_id, l.asset_id FROM inventory_source_record r
            JOIN inventory_link l ON l.org_id = r.org_id AND l.record_id = r.record_id
            WHERE r.org_id = $1 AND r.integration_id = $2 AND r.stream = $3 AND r.native_id IN KEYS";
        let naming = std::mem::take(&mut self.naming);
        if naming.is_empty() {
            return Ok(());
        }
        let agent = |new: &New| match &new.values[NAMED_AGENT] {
            Value::Text(agent) => agent.clone().into_owned(),
            _ => String::new(),
        };
        let mut agents: Vec<String> = naming.iter().map(agent).collect();
        agents.sort_unstable();
        agents.dedup();
        let mut known: FxHashMap<String, i64> = FxHashMap::default();
        for (stream, mark) in [("agents", ""), (DEVICES, DISCOVERED)] {
            let of_stream = agents.iter().filter(|agent| agent.starts_with(DISCOVERED) != mark.is_empty());
            let ids: Vec<&str> = of_stream.map(|agent| &agent[mark.len()..]).collect();
            if ids.is_empty() {
                continue;
            }
            let params = [ctx.org.into(), ctx.integration.into(), stream.into()];
            known.extend(tx.select_in(NAMED, &params, Keys::Texts(&ids), |row| {
                Ok((format!("{mark}{}", row.text(0)?), row.int(1)?))
            })?);
        }
        for new in naming {
            let agent = agent(&new);
            match known.get(&agent) {
                Some(asset) => {
                    self.create_machine(ctx, new.record, new.native_id, &new.values);
                    self.link(ctx, new.record, *asset, RULE_SAME_AGENT, &agent);
                    self.project_again(*asset, Moved::Anything);
                }
                None => self.create(ctx, head, new),
            }
        }
        Ok(())
    }

    fn project_again(&mut self, asset: i64, moved: Moved) {
        self.several.push(asset);
        if self.moved != Some(Moved::Anything) {
            self.moved = Some(moved);
        }
    }

    /// Rewrites machines whose meaning changed. An asset that has no other record follows at once; one that has is
    /// projected when everything is written.
    fn write_changed_machines(
        &mut self,
        tx: &mut Tx,
        ctx: &Context,
        head: &mut Head,
        rows: Vec<Changed>,
        standing: &FxHashMap<i64, Standing>,
        changes: &mut Vec<Value<'static>>,
    ) -> Result<(), InventoryError> {
        if rows.is_empty() {
            return Ok(());
        }
        let records: Vec<i64> = rows.iter().map(|row| row.record).collect();
        let before = Projection::Machine.select(tx, ctx.org, &records)?;
        let returned: FxHashSet<i64> = self.returned.iter().map(|record| record.0).collect();
        let words = project::words(head);
        let (mut updates, mut assets, mut unsettled, mut unlinked, mut present) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut children = Vec::with_capacity(rows.len());
        let (machine, mut kept) = (Projection::Machine, FxHashSet::default());
        for mut row in rows {
            let Standing { contested, identity, asset } = standing[&row.record];
            let mut subject = Subject {
                org: ctx.org.0,
                at: ctx.now,
                inventory: Projection::Machine.inventory(),
                asset: asset.map(|(asset, _)| asset),
                record: row.record,
                integration: ctx.integration.0,
            };
            if let Some(before) = before.get(&row.record)
                && onboard::keep_metadata(machine.columns(), before, &mut row.values, asset.is_some())
            {
                kept.insert(row.record);
            }
            updates.extend([ctx.org.into(), row.record.into()]);
            updates.extend_from_slice(&row.values);
            if contested || row.values[IDENTITY] != identity.into() {
                unsettled.extend([ctx.org.into(), row.record.into(), false.into()]);
            }
            if returned.contains(&row.record) {
                present.extend([ctx.org.into(), row.record.into(), true.into()]);
            }
            match asset {
                Some((asset, _)) if row.waits => {
                    unlinked.extend([ctx.org.into(), row.record.into()]);
                    self.project_again(asset, Moved::Anything);
                    subject.asset = None;
                }
                Some((asset, 1)) if !returned.contains(&row.record) => {
                    let lifecycle = stand(&mut row.values, words, ctx);
                    if let Some(before) = before.get(&row.record) {
                        let columns = &Projection::Machine.columns()[MACHINE_OWN..];
                        subject.compare(head, columns, shared(before), shared(&row.values), changes);
                    }
                    assets.extend([ctx.org.into(), asset.into()]);
                    assets.extend(row.values.drain(MACHINE_OWN..));
                    assets.extend([lifecycle, ctx.now.into()]);
                }
                Some((asset, _)) => self.project_again(asset, Moved::Anything),
                None if row.waits => {}
                None => self.create_asset(ctx, head, row.record, row.native_id, row.values),
            }
            children.push((subject, row.children));
        }
        tx.update_many(machine.table(), SOURCE_KEY, machine.update_columns(), &updates)?;
        tx.update_many(machine.table(), SOURCE_KEY, &[("settled", Kind::Int)], &unsettled)?;
        tx.update_many(machine.table(), SOURCE_KEY, &[("present", Kind::Int)], &present)?;
        tx.update_many(Projection::Asset.table(), ASSET_KEY, alone_columns(), &assets)?;
        tx.delete_many("inventory_link", SOURCE_KEY, &unlinked)?;
        for child in machine.children() {
            // Names and addresses that were taken in stay where metadata is not updated.
            let stays = if onboard::KEPT_CHILDREN.contains(child) { &kept } else { &FxHashSet::default() };
            write_changed_children(tx, ctx, head, *child, &mut children, stays, changes)?;
        }
        Ok(())
    }

    /// Updates what volatile fields feed, of machines and of their assets.
    fn write_touched_machines(
        &mut self,
        tx: &mut Tx,
        ctx: &Context,
        head: &mut Head,
        rows: Vec<Changed>,
        standing: &FxHashMap<i64, Standing>,
    ) -> Result<(), InventoryError> {
        if rows.is_empty() {
            return Ok(());
        }
        let words = project::words(head);
        let machine = Projection::Machine;
        let (mut updates, mut assets, mut unsettled) = (Vec::new(), Vec::new(), Vec::new());
        for mut row in rows {
            let Standing { contested, asset, .. } = standing[&row.record];
            let volatile = |values: &[Value<'static>], into: &mut Vec<Value<'static>>| {
                let columns = machine.columns().iter().zip(values);
                into.extend(columns.filter(|(column, _)| column.volatile).map(|(_, value)| value.clone()));
            };
            updates.extend([ctx.org.into(), row.record.into()]);
            volatile(&row.values, &mut updates);
            if contested {
                unsettled.extend([ctx.org.into(), row.record.into(), false.into()]);
            }
            match asset {
                Some((asset, 1)) => {
                    let lifecycle = stand(&mut row.values, words, ctx);
                    assets.extend([ctx.org.into(), asset.into()]);
                    volatile(&row.values, &mut assets);
                    assets.push(lifecycle);
                }
                Some((asset, _)) => self.project_again(asset, Moved::Volatile),
                None => {}
            }
        }
        tx.update_many(machine.table(), SOURCE_KEY, machine.touch_columns(), &updates)?;
        tx.update_many(machine.table(), SOURCE_KEY, &[("settled", Kind::Int)], &unsettled)?;
        tx.update_many(Projection::Asset.table(), ASSET_KEY, Projection::Asset.touch_columns(), &assets)?;
        Ok(())
    }

    /// Takes away the rows of records that are left out wholly. Their assets follow.
    fn hide(&mut self, tx: &mut Tx, ctx: &Context) -> Result<(), InventoryError> {
        const LINKS: &str = "SELECT asset_id FROM inventory_link WHERE org_id = $1 AND record_id IN KEYS";
        let hidden = std::mem::take(&mut self.hidden);
        for projection in Projection::ALL {
            let records: Vec<i64> =
                hidden.iter().filter(|(of, _)| *of == projection).map(|(_, record)| *record).collect();
            if records.is_empty() {
                continue;
            }
            let keys: Vec<Value> = records.iter().flat_map(|record| [ctx.org.into(), (*record).into()]).collect();
            if projection == Projection::Machine {
                for asset in tx.select_in(LINKS, &[ctx.org.into()], Keys::Ints(&records), |row| row.int(0))? {
                    self.project_again(asset, Moved::Anything);
                }
                tx.delete_many("inventory_link", SOURCE_KEY, &keys)?;
            }
            for child in projection.children() {
                tx.delete_many(child.table().table, SOURCE_KEY, &keys)?;
            }
            tx.delete_many(projection.table(), SOURCE_KEY, &keys)?;
        }
        Ok(())
    }
}

/// The columns of an asset that follow the only record it has: the record's, its lifecycle and when it changed.
fn alone_columns() -> &'static [(&'static str, Kind)] {
    static COLUMNS: std::sync::OnceLock<Vec<(&str, Kind)>> = std::sync::OnceLock::new();
    COLUMNS.get_or_init(|| {
        let machine = Projection::Machine.columns()[MACHINE_OWN..].iter().map(|column| (column.name, column.kind));
        machine.chain([("lifecycle_term", Kind::Int), ("updated_at", Kind::Int)]).collect()
    })
}

/// Sets whether an asset with this record alone is active, and answers its lifecycle.
fn stand(values: &mut [Value<'static>], words: Words, ctx: &Context) -> Value<'static> {
    let (lifecycle, active) = Machine::standing(values, words, ctx.now);
    values[survive::active_place()] = active;
    lifecycle
}

/// The columns of a new row that no noun fills.
fn begin_row(ctx: &Context, projection: Projection, record: i64, native_id: &str, row: &mut Vec<Value<'static>>) {
    row.extend([ctx.org.into(), record.into(), ctx.integration.into()]);
    if !projection.is_narrow() {
        row.push(native_id.to_owned().into());
    }
    if projection.has_first_recorded_at() {
        row.push(ctx.now.into());
    }
}

/// Where stored machines stand; those that have no row are left out.
fn standing<'a, 'b: 'a>(
    tx: &mut Tx,
    ctx: &Context,
    rows: impl Iterator<Item = &'a Changed<'b>>,
) -> Result<FxHashMap<i64, Standing>, StoreError> {
    const STANDING: &str = "SELECT m.record_id, m.contested, m.identity, a.asset_id, a.record_count
        FROM inventory_machine m
        LEFT JOIN inventory_link l ON l.org_id = m.org_id AND l.record_id = m.record_id
        LEFT JOIN inventory_asset a ON a.org_id = l.org_id AND a.asset_id = l.asset_id
        WHERE m.org_id = $1 AND m.record_id IN KEYS";
    let records: Vec<i64> = rows.map(|row| row.record).collect();
    if records.is_empty() {
        return Ok(FxHashMap::default());
    }
    let rows = tx.select_in(STANDING, &[ctx.org.into()], Keys::Ints(&records), |row| {
        let asset = row.opt_int(3)?.zip(row.opt_int(4)?);
        Ok((row.int(0)?, Standing { contested: row.int(1)? != 0, identity: row.opt_int(2)?, asset }))
    })?;
    Ok(rows.into_iter().collect())
}

/// Rewrites rows whose meaning changed, and writes down which fields did; answers those that are not stored.
fn write_changed<'a>(
    tx: &mut Tx,
    ctx: &Context,
    head: &mut Head,
    projection: Projection,
    rows: Vec<Changed<'a>>,
    changes: &mut Vec<Value<'static>>,
) -> Result<Vec<Changed<'a>>, InventoryError> {
    if rows.is_empty() {
        return Ok(rows);
    }
    let records: Vec<i64> = rows.iter().map(|row| row.record).collect();
    let before = projection.select(tx, ctx.org, &records)?;
    let (rows, missing): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| before.contains_key(&row.record));
    let mut updates = Vec::new();
    let mut children = Vec::with_capacity(rows.len());
    for row in rows {
        let subject = Subject {
            org: ctx.org.0,
            at: ctx.now,
            inventory: projection.inventory(),
            asset: None,
            record: row.record,
            integration: ctx.integration.0,
        };
        subject.compare(head, projection.columns(), &before[&row.record], &row.values, changes);
        updates.extend([ctx.org.into(), row.record.into()]);
        updates.extend(row.values);
        children.push((subject, row.children));
    }
    tx.update_many(projection.table(), projection.key_columns(), projection.update_columns(), &updates)?;
    for child in projection.children() {
        write_changed_children(tx, ctx, head, *child, &mut children, &FxHashSet::default(), changes)?;
    }
    Ok(missing)
}

/// Replaces the child rows of changed records where they differ. Earlier names are kept. Of a machine that has no asset
/// nothing is told.
fn write_changed_children(
    tx: &mut Tx,
    ctx: &Context,
    head: &mut Head,
    child: Child,
    records: &mut [(Subject, Children)],
    stays: &FxHashSet<i64>,
    changes: &mut Vec<Value<'static>>,
) -> Result<(), InventoryError> {
    let table = child.table();
    let ids: Vec<i64> = records.iter().map(|(subject, _)| subject.record).collect();
    let mut stored = child.select(tx, ctx.org, &ids)?;
    let (mut stale, mut fresh) = (Vec::new(), Vec::new());
    for (subject, children) in records.iter_mut().filter(|(subject, _)| !stays.contains(&subject.record)) {
        let mut before = stored.remove(&subject.record).unwrap_or_default();
        let after = children.of_mut(child);
        let mut kept = Vec::new();
        if child == Child::Name {
            kept = take_earlier_names(&mut before, after);
        }
        if before == *after {
            continue;
        }
        if subject.asset.is_some() || subject.inventory != Projection::Machine.inventory() {
            subject.compare_children(head, child, &before, after, changes);
        }
        stale.extend([ctx.org.into(), subject.record.into()]);
        fresh.append(after);
        fresh.append(&mut kept);
    }
    tx.delete_many(table.table, SOURCE_KEY, &stale)?;
    tx.insert_many(table.table, table.columns, &fresh, "")?;
    Ok(())
}

/// Takes from the stored names those that are no longer given, and answers all earlier ones as they are to be kept:
/// an asset is found by the name it used to have.
fn take_earlier_names(before: &mut Vec<Value<'static>>, after: &[Value<'static>]) -> Vec<Value<'static>> {
    let columns = Child::Name.table().columns;
    let (folded, current) = (2, columns.len() - 1);
    let mut kept = Vec::new();
    let mut still_current = Vec::new();
    for row in before.chunks_exact(columns.len()) {
        if row[current] == Value::from(true) {
            still_current.extend_from_slice(row);
        }
        if !after.chunks_exact(columns.len()).any(|name| name[folded] == row[folded]) {
            kept.extend_from_slice(&row[..current]);
            kept.push(false.into());
        }
    }
    *before = still_current;
    kept
}

/// Updates what volatile fields feed; answers the rows that are not stored.
fn write_touched<'a>(
    tx: &mut Tx,
    ctx: &Context,
    projection: Projection,
    rows: Vec<Changed<'a>>,
) -> Result<Vec<Changed<'a>>, InventoryError> {
    if rows.is_empty() {
        return Ok(rows);
    }
    let mut updates = Vec::with_capacity(rows.len() * (2 + projection.touch_columns().len()));
    for row in &rows {
        updates.extend([ctx.org.into(), row.record.into()]);
        let columns = projection.columns().iter().zip(&row.values);
        updates.extend(columns.filter(|(column, _)| projection.is_touched(column)).map(|(_, value)| value.clone()));
    }
    let table = projection.table();
    let updated = tx.update_many(table, projection.key_columns(), projection.touch_columns(), &updates)?;
    if updated == rows.len() as u64 {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT record_id FROM {table} WHERE org_id = $1 AND record_id IN KEYS");
    let records: Vec<i64> = rows.iter().map(|row| row.record).collect();
    let stored = tx.select_in(&sql, &[ctx.org.into()], Keys::Ints(&records), |row| row.int(0))?;
    let stored: FxHashSet<i64> = stored.into_iter().collect();
    Ok(rows.into_iter().filter(|row| !stored.contains(&row.record)).collect())
}
