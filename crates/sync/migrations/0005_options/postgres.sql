-- Which options and which translator the stored records of a stream were last judged by. While that is under way,
-- `target` is what they are to be judged by and `cursor` the last native id that has been.
CREATE TABLE sync_applied (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    applied TEXT COLLATE "C" NOT NULL,
    translator BIGINT NOT NULL,
    target TEXT COLLATE "C",
    cursor TEXT COLLATE "C",
    judged BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id, stream)
);
