-- Questions that people keep. text is null where the question came with the program; then settings are all that is kept
-- of it: a JSON object of what its parameters are in this organization when nobody says.
CREATE TABLE inventory_saved_query (
    org_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    inventory TEXT NOT NULL,
    text TEXT,
    prose TEXT NOT NULL,
    settings TEXT NOT NULL,
    made_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, name)
) STRICT, WITHOUT ROWID;
