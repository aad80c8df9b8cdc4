-- What answered on which port of which machine, as scans saw it.

-- The id is made of the record and of where the service is, so that it stays when the machine is scanned again.
CREATE TABLE inventory_service (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    service_id BIGINT NOT NULL,
    ip BYTEA NOT NULL,
    port BIGINT NOT NULL,
    transport_term BIGINT,
    protocol_term BIGINT,
    product_term BIGINT,
    version_term BIGINT,
    banner TEXT COLLATE "C",
    banner_folded TEXT COLLATE "C",
    PRIMARY KEY (org_id, service_id)
);

CREATE INDEX inventory_service_record ON inventory_service (org_id, record_id, port);
CREATE INDEX inventory_service_port ON inventory_service (org_id, port, record_id);
