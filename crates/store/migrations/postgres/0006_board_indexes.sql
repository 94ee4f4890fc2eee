-- After the rows have been filled in. The one index that every step changes, in place of the one it changed before: any
-- filter by status is a handful of standings, each in order of change.
DROP INDEX ticket_standing;
CREATE INDEX ticket_standing ON ticket (standing, changed_at, id);

-- Written once a ticket.
CREATE INDEX request_submitted ON request (submitted_at, ticket);
CREATE INDEX request_service ON request (service_id, ticket);
CREATE INDEX request_customer ON request (customer, ticket);
-- What waits to be put into it is looked through by whoever searches: so not much may wait.
CREATE INDEX request_grams ON request USING gin (grams) WITH (gin_pending_list_limit = 256);
