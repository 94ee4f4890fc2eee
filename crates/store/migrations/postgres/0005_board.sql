-- What lists go by. Rows of before are filled in after this step (migrations.rs). A process of before, still running,
-- goes on writing without these columns: its tickets keep the place they had until step 7's column tells them.
ALTER TABLE ticket
    -- How it stands as one number (rehome_domain::attention::Standing): -1 if that can't be told.
    ADD COLUMN standing   smallint NOT NULL DEFAULT -1,
    ADD COLUMN changed_at bigint   NOT NULL DEFAULT 0;

ALTER TABLE request
    ADD COLUMN submitted_at bigint NOT NULL DEFAULT 0,
    ADD COLUMN service_id   text   NOT NULL DEFAULT '' COLLATE "C",
    ADD COLUMN customer     text   NOT NULL DEFAULT '' COLLATE "C",
    -- The four devices, each between line feeds, which no name has: so that a name is found whole or by its beginning.
    ADD COLUMN devices      text   NOT NULL DEFAULT '' COLLATE "C",
    -- All that free text is looked for in, folded, each field between line feeds.
    ADD COLUMN told         text   NOT NULL DEFAULT '' COLLATE "C",
    -- The short pieces of it that an index finds it by (search.rs).
    ADD COLUMN grams        smallint[] NOT NULL DEFAULT '{}';

-- What was done about it, by whom and why.
ALTER TABLE dead_letter ADD COLUMN settled text;
