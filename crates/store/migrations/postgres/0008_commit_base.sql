-- Transactions count anew where a database is restored from a dump: what is added to their numbers, so that whatever is
-- committed after that comes after all that was committed before (commits.rs, which replaces the function then). Dumps
-- have it with them.
CREATE OR REPLACE FUNCTION rehome_commit_base() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 0::bigint';
ALTER TABLE journal ALTER COLUMN commit SET DEFAULT pg_current_xact_id()::text::bigint + rehome_commit_base();
