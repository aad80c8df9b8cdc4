-- What happened to one agent: `activity:(..)` of an asset. Half of all activities concern none, and are left out.
CREATE INDEX inventory_activity_of_agent ON inventory_activity (org_id, integration_id, agent_native_id)
    WHERE agent_native_id IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_activity', 'inventory_activity_of_agent', '500000 500000 250000 25');
ANALYZE sqlite_schema;
