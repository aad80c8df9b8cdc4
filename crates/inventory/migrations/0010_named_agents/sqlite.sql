-- Records of discovery that name an agent go where it goes, so they are found by it.
CREATE INDEX inventory_machine_named_agent ON inventory_machine (org_id, integration_id, agent_native_id)
    WHERE agent_native_id IS NOT NULL;

-- What the planner is to assume before anybody has counted.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_machine', 'inventory_machine_named_agent', '200000 200000 100000 1');
ANALYZE sqlite_schema;
