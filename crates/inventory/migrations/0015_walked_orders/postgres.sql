-- A page walks an order and tests each row. What is asked most of an asset stands in the order's own index, so that
-- testing a row reads nothing else; and what leaves few rows (infected machines) has an index that has the order.
DROP INDEX IF EXISTS inventory_asset_seen;
DROP INDEX IF EXISTS inventory_asset_facet;
CREATE INDEX inventory_asset_seen ON inventory_asset (org_id, last_seen NULLS FIRST, asset_id, os_term, type_term, edr_term, infected, active, site_id);
CREATE INDEX inventory_asset_facet ON inventory_asset (org_id, os_term, type_term, edr_term, infected, active, last_seen, asset_id);
CREATE INDEX inventory_asset_infected ON inventory_asset (org_id, infected, active, last_seen, asset_id, os_term, type_term, edr_term);
-- What is asked of a program is asked of the releases: of this index alone, whatever is asked of them.
CREATE INDEX inventory_release_terms ON inventory_release
    (org_id, plain_term, maker_term, version_term, product_term, vendor_term, type_term, cpe_term, release_id);
