-- What answered on which port of which machine, as scans saw it.

-- The id is made of the record and of where the service is, so that it stays when the machine is scanned again.
CREATE TABLE inventory_service (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    service_id INTEGER NOT NULL,
    ip BLOB NOT NULL,
    port INTEGER NOT NULL,
    transport_term INTEGER,
    protocol_term INTEGER,
    product_term INTEGER,
    version_term INTEGER,
    banner TEXT,
    banner_folded TEXT,
    PRIMARY KEY (org_id, service_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX inventory_service_record ON inventory_service (org_id, record_id, port);
CREATE INDEX inventory_service_port ON inventory_service (org_id, port, record_id);

-- What the planner is to assume before there are rows.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_service', 'inventory_service', '500000 500000 1'),
    ('inventory_service', 'inventory_service_record', '500000 500000 5 1'),
    ('inventory_service', 'inventory_service_port', '500000 500000 2000 1');
ANALYZE sqlite_schema;
