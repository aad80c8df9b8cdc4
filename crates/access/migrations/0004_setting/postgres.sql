-- What an organization has chosen, by name.
CREATE TABLE access_setting (
    org_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, name)
);
