-- That a console asked for patience, how often in a row, and until when nobody asks it anything: what a process that
-- begins meanwhile has to know.
CREATE TABLE sync_refusal (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    throttles INTEGER NOT NULL,
    refused_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id)
) STRICT, WITHOUT ROWID;
