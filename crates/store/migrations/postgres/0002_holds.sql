-- Which process is at an order of a ticket's layer, so that no two ever are.
ALTER TABLE fence
    ADD COLUMN holder   uuid,
    ADD COLUMN held_seq bigint;

-- The processes that may hold something. One that does not say again that it is alive is taken for dead; one that ends in
-- order takes its row away.
CREATE TABLE process (
    id          uuid        PRIMARY KEY,
    alive_until timestamptz NOT NULL
);
