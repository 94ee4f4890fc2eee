-- Statuses stand in the rows by their wire names, so that whoever looks with psql can read them. Instants are
-- microseconds since 1970, UTC. Bodies are the domain's own JSON, less what a column of the same row already says.
--
-- Texts that are keys compare by their bytes (COLLATE "C"): what is locked in one order here is sorted in the same
-- order by the process that asks. What can't stand in a PostgreSQL text, the character 0, is escaped by the store.
--
-- No foreign keys: rows that belong together are written in one transaction, tickets are never deleted, and a check a
-- row would look up again what that transaction has just locked.

CREATE TABLE ticket (
    id                 uuid    NOT NULL PRIMARY KEY,
    version            bigint  NOT NULL,
    relocation_status  text    NOT NULL,
    reservation_status text,
    cutover_status     text,
    disposition        text    NOT NULL,
    -- Whether it has its rows in resource_lock, so that a step that changes nothing about them costs nothing.
    locked             boolean NOT NULL,
    -- When the clock has something to say to it. A claim moves it to the end of the claim; the next step sets it anew.
    wakes_at           bigint,
    body               text    NOT NULL,
    -- A pause holds it back; looked for when the pause ends.
    held_back          boolean NOT NULL
);
CREATE INDEX ticket_wakes ON ticket (wakes_at) WHERE wakes_at IS NOT NULL;
CREATE INDEX ticket_held_back ON ticket (id) WHERE held_back;
CREATE INDEX ticket_open ON ticket (id) WHERE disposition = 'open';
-- For the live counts: without it each look would read every ticket there ever was.
CREATE INDEX ticket_standing ON ticket (relocation_status, reservation_status, cutover_status, disposition);
-- Every step leaves a dead row behind: what is gone is cleared away while it is little.
ALTER TABLE ticket SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- What was asked for never changes, so it is not in the row that every step rewrites.
CREATE TABLE request (
    ticket uuid NOT NULL PRIMARY KEY,
    body   text NOT NULL
);

CREATE TABLE journal (
    relocation uuid   NOT NULL,
    seq        bigint NOT NULL,
    cause      text   NOT NULL COLLATE "C",
    body       text   NOT NULL,
    -- No entry twice, whoever writes: behind the row lock and the guard on the ticket's version.
    PRIMARY KEY (relocation, seq),
    -- Once in effect: a message is journaled at most once per ticket.
    UNIQUE (relocation, cause)
);

-- Never twice the same resource: this primary key is the promise.
CREATE TABLE resource_lock (
    resource text NOT NULL COLLATE "C" PRIMARY KEY,
    ticket   uuid NOT NULL
);

-- Also what can't be stepped at all, and is set aside before it is a ticket.
CREATE TABLE quarantine (
    relocation uuid NOT NULL PRIMARY KEY,
    reason     text NOT NULL
);

CREATE TABLE dead_letter (
    -- In the order kept.
    number bigint GENERATED ALWAYS AS IDENTITY,
    id     text   NOT NULL COLLATE "C" PRIMARY KEY,
    at     bigint NOT NULL,
    body   text   NOT NULL
);
CREATE INDEX dead_letter_at ON dead_letter (at, number);

-- What was paused and resumed, in order: what is paused now is read off it.
CREATE TABLE steering (
    number bigint GENERATED ALWAYS AS IDENTITY,
    id     text   NOT NULL COLLATE "C" PRIMARY KEY,
    body   text   NOT NULL
);
CREATE INDEX steering_number ON steering (number);

-- A configurator's memory: the highest fencing token it has begun for a ticket, and the order it concluded last.
CREATE TABLE fence (
    relocation      uuid     NOT NULL,
    layer           text     NOT NULL COLLATE "C",
    begun           bigint   NOT NULL,
    concluded_seq   bigint,
    concluded_index smallint,
    report          text,
    PRIMARY KEY (relocation, layer)
);

-- What simulated devices hold.
CREATE TABLE holding (
    layer      text     NOT NULL COLLATE "C",
    device     text     NOT NULL COLLATE "C",
    port       text     NOT NULL COLLATE "C",
    vlan       integer  NOT NULL,
    -- 0: the circuit has no inner tag. No tag is 0.
    inner_vlan integer  NOT NULL,
    body       text     NOT NULL,
    PRIMARY KEY (layer, device, port, vlan, inner_vlan)
);
