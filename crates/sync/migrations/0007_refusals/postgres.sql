-- That a console asked for patience, how often in a row, and until when nobody asks it anything: what a process that
-- begins meanwhile has to know.
CREATE TABLE sync_refusal (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    throttles BIGINT NOT NULL,
    refused_at BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id)
);
