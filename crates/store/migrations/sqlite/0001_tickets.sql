-- Statuses stand in the rows by their wire names, so that whoever opens the file can read it. Instants are
-- microseconds since 1970, UTC. Bodies are the domain's own JSON, less what a column of the same row already says.

-- What every step writes hangs on `number`, not on the 16-byte id: the indexes stay small and grow at one end,
-- whatever ids the submitters choose.
CREATE TABLE ticket (
    number             INTEGER PRIMARY KEY,
    id                 BLOB    NOT NULL UNIQUE,
    version            INTEGER NOT NULL,
    relocation_status  TEXT    NOT NULL,
    reservation_status TEXT,
    cutover_status     TEXT,
    disposition        TEXT    NOT NULL,
    -- Whether it has its rows in resource_lock, so that a step that changes nothing about them costs nothing.
    locked             INTEGER NOT NULL,
    -- When the clock has something to say to it. A claim moves it to the end of the claim; the next step sets it anew.
    wakes_at           INTEGER,
    body               TEXT    NOT NULL
);
CREATE INDEX ticket_wakes ON ticket (wakes_at) WHERE wakes_at IS NOT NULL;
CREATE INDEX ticket_open ON ticket (id) WHERE disposition = 'open';
-- For the live counts: without it each look would read every ticket there ever was.
CREATE INDEX ticket_standing ON ticket (relocation_status, reservation_status, cutover_status, disposition);

-- What was asked for never changes, so it is not in the row that every step rewrites.
CREATE TABLE request (
    ticket INTEGER PRIMARY KEY REFERENCES ticket,
    body   TEXT NOT NULL
);

-- Rows go to the table's end in the order committed. That `seq` has no gaps and no doubles is seen to by the guard on
-- the ticket's version, in the same transaction: a second index for it would only be more to write.
CREATE TABLE journal (
    ticket INTEGER NOT NULL REFERENCES ticket,
    seq    INTEGER NOT NULL,
    cause  TEXT    NOT NULL,
    body   TEXT    NOT NULL,
    -- Once in effect: a message is journaled at most once per ticket.
    UNIQUE (ticket, cause)
);

-- Never twice the same resource: this primary key is the promise.
CREATE TABLE resource_lock (
    resource TEXT    NOT NULL PRIMARY KEY,
    ticket   INTEGER NOT NULL REFERENCES ticket
) WITHOUT ROWID;

-- No reference to ticket: what can't be stepped at all is set aside before it has a row.
CREATE TABLE quarantine (
    relocation BLOB NOT NULL PRIMARY KEY,
    reason     TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE dead_letter (
    id   TEXT    NOT NULL UNIQUE,
    at   INTEGER NOT NULL,
    body TEXT    NOT NULL
);
CREATE INDEX dead_letter_at ON dead_letter (at);

-- A configurator's memory: the highest fencing token it has begun for a ticket, and the order it concluded last.
CREATE TABLE fence (
    relocation      BLOB    NOT NULL,
    layer           TEXT    NOT NULL,
    begun           INTEGER NOT NULL,
    concluded_seq   INTEGER,
    concluded_index INTEGER,
    report          TEXT,
    PRIMARY KEY (relocation, layer)
) WITHOUT ROWID;

-- What simulated devices hold.
CREATE TABLE holding (
    layer      TEXT    NOT NULL,
    device     TEXT    NOT NULL,
    port       TEXT    NOT NULL,
    vlan       INTEGER NOT NULL,
    -- 0: the circuit has no inner tag. No tag is 0.
    inner_vlan INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    PRIMARY KEY (layer, device, port, vlan, inner_vlan)
) WITHOUT ROWID;
