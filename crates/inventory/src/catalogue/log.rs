//! The log's artifacts and the assets that they tell of.

use query::{Inventory, Scope};

/// The versions of an asset's records in the log. Integrations of one console share what they logged.
const OF_ASSET: &str = "FROM inventory_link l \
     JOIN inventory_source_record r ON r.org_id = l.org_id AND r.record_id = l.record_id \
     JOIN signals_reader g ON g.org_id = r.org_id AND g.integration_id = r.integration_id \
     JOIN signals_artifact {e} ON {e}.org_id = g.org_id AND {e}.console_id = g.console_id \
     AND {e}.stream = r.stream AND {e}.native_id = r.native_id \
     WHERE l.org_id = {t}.org_id AND l.asset_id = {t}.asset_id";

/// The asset of an artifact that tells of a machine.
const ASSET: &str = "FROM signals_reader g \
     JOIN inventory_source_record r ON r.org_id = g.org_id AND r.integration_id = g.integration_id \
     JOIN inventory_link l ON l.org_id = r.org_id AND l.record_id = r.record_id \
     JOIN inventory_asset {e} ON {e}.org_id = l.org_id AND {e}.asset_id = l.asset_id \
     WHERE g.org_id = {t}.org_id AND g.console_id = {t}.console_id \
     AND r.stream = {t}.stream AND r.native_id = {t}.native_id";

/// The artifacts, with what ties them to assets.
pub(super) fn artifacts() -> Inventory {
    let mut artifacts = signals::artifacts();
    artifacts.scopes.push(Scope {
        name: "asset",
        aliases: &["assets"],
        inventory: "assets",
        from: ASSET,
        title: "name",
        prose: "the asset whose record it is a version of",
    });
    artifacts
}

/// The scope of an asset that reaches them.
pub(super) fn scope_of_asset() -> Scope {
    Scope {
        name: "artifact",
        aliases: &["artifacts"],
        inventory: "artifacts",
        from: OF_ASSET,
        title: "text",
        prose: "one version of one of its records in the log",
    }
}
