-- In which transaction an entry was committed. No transaction below the lowest that is still open can add any more, so
-- whoever reads in this order up to there misses none, whatever the clocks say. Entries of one batch share an index entry.
ALTER TABLE journal ADD COLUMN commit bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint;
CREATE INDEX journal_commit ON journal (commit);

CREATE TABLE webhook (
    number     bigint GENERATED ALWAYS AS IDENTITY,
    id         uuid   NOT NULL PRIMARY KEY,
    -- As it was asked for.
    body       text   NOT NULL,
    -- How far it has been told.
    standing   text   NOT NULL,
    next_at    bigint NOT NULL,
    -- Who is at it, and until when it stays theirs if nothing more is heard of them.
    holder     uuid,
    held_until bigint
);
