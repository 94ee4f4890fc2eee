-- What lists go by. Rows of before are filled in after this step (migrations.rs).
-- How a ticket stands as one number (rehome_domain::attention::Standing): -1 if that can't be told.
ALTER TABLE ticket ADD COLUMN standing INTEGER NOT NULL DEFAULT -1;
ALTER TABLE ticket ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
-- Any filter by status is a handful of standings, each in order of change.
DROP INDEX ticket_standing;
CREATE INDEX ticket_standing ON ticket (standing, changed_at);

ALTER TABLE request ADD COLUMN submitted_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE request ADD COLUMN service_id TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN customer TEXT NOT NULL DEFAULT '';
-- The four devices, each between line feeds, which no name has: so that a name is found whole or by its beginning.
ALTER TABLE request ADD COLUMN devices TEXT NOT NULL DEFAULT '';
-- All that free text is looked for in, folded, each field between line feeds.
ALTER TABLE request ADD COLUMN told TEXT NOT NULL DEFAULT '';

-- What was done about it, by whom and why.
ALTER TABLE dead_letter ADD COLUMN settled TEXT;
