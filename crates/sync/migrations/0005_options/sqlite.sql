-- Which options and which translator the stored records of a stream were last judged by. While that is under way,
-- `target` is what they are to be judged by and `cursor` the last native id that has been.
CREATE TABLE sync_applied (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    applied TEXT NOT NULL,
    translator INTEGER NOT NULL,
    target TEXT,
    cursor TEXT,
    judged INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id, stream)
) STRICT, WITHOUT ROWID;
