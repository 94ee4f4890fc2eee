-- Who may come in by the workbench and the API. A row for each version: the last is the account. Only that one keeps its
-- password's hash.
CREATE TABLE account (
    name     text NOT NULL,
    version  bigint NOT NULL,
    body     text NOT NULL,
    password text,
    PRIMARY KEY (name, version)
);

-- Sessions and tokens, by their secrets' digests. `until`: when it ends if it is not shown again, in microseconds.
CREATE TABLE pass (
    key     bytea NOT NULL PRIMARY KEY,
    id      uuid NOT NULL UNIQUE,
    account text NOT NULL,
    kind    text NOT NULL,
    until   bigint,
    body    text NOT NULL
);
CREATE INDEX pass_account ON pass (account);
