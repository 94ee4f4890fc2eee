-- After its indexes (src/postgres/indexes.rs), which hold all that a list by device asks of the rows: rows are wide, and
-- those of one device lie apart. The keys' own indexes give place to those that have it with them, so that a step
-- changes as many as before.
ALTER TABLE ticket DROP CONSTRAINT ticket_pkey, ADD CONSTRAINT ticket_pkey PRIMARY KEY USING INDEX ticket_standing_of;
ALTER TABLE request DROP CONSTRAINT request_pkey, ADD CONSTRAINT request_pkey PRIMARY KEY USING INDEX request_named;
DROP INDEX request_devices;
