-- The journal's rowid is the order in which its entries were committed: there is one writer at a time, and no row goes.

CREATE TABLE webhook (
    number     INTEGER PRIMARY KEY,
    id         BLOB    NOT NULL UNIQUE,
    -- As it was asked for.
    body       TEXT    NOT NULL,
    -- How far it has been told.
    standing   TEXT    NOT NULL,
    next_at    INTEGER NOT NULL,
    -- Who is at it, and until when it stays theirs if nothing more is heard of them.
    holder     BLOB,
    held_until INTEGER
);
