-- What was paused and resumed, in order: what is paused now is read off it.
CREATE TABLE steering (
    number INTEGER PRIMARY KEY,
    id     TEXT    NOT NULL UNIQUE,
    body   TEXT    NOT NULL
);

-- Tickets that a pause holds back are looked for when it ends.
ALTER TABLE ticket ADD COLUMN held_back INTEGER NOT NULL DEFAULT 0;
CREATE INDEX ticket_held_back ON ticket (id) WHERE held_back;
