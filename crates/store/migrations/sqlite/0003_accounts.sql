-- Who may come in by the workbench and the API. A row for each version: the last is the account. Only that one keeps its
-- password's hash.
CREATE TABLE account (
    name     TEXT NOT NULL,
    version  INTEGER NOT NULL,
    body     TEXT NOT NULL,
    password TEXT,
    PRIMARY KEY (name, version)
) WITHOUT ROWID;

-- Sessions and tokens, by their secrets' digests. `until`: when it ends if it is not shown again, in microseconds.
CREATE TABLE pass (
    key     BLOB NOT NULL PRIMARY KEY,
    id      BLOB NOT NULL UNIQUE,
    account TEXT NOT NULL,
    kind    TEXT NOT NULL,
    until   INTEGER,
    body    TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX pass_account ON pass (account);
