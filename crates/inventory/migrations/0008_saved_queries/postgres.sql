-- Questions that people keep. text is null where the question came with the program; then settings are all that is kept
-- of it: a JSON object of what its parameters are in this organization when nobody says.
CREATE TABLE inventory_saved_query (
    org_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    inventory TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C",
    prose TEXT COLLATE "C" NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    made_by TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, name)
);
