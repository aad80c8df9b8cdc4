-- What an organization has chosen, by name.
CREATE TABLE access_setting (
    org_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (org_id, name)
) STRICT, WITHOUT ROWID;
