-- Of which version what lists go by was written. A process of before, still running, writes tickets without it: those are
-- found by the index and put right by any process of now (board/fill.rs).
ALTER TABLE ticket ADD COLUMN standing_of bigint NOT NULL DEFAULT -1;
CREATE INDEX ticket_stale ON ticket (id) WHERE standing_of <> version;
