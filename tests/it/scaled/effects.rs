//! What was done to devices, counted by the database itself: a trigger of the test's own notes each change of what a
//! simulated device holds, whoever makes it.

use std::collections::BTreeMap;

use rehome_testkit::postgres::Database;

use super::system::make_tables;

const COUNT: &str = "
CREATE TABLE device_log (
    number bigint GENERATED ALWAYS AS IDENTITY,
    spot   text NOT NULL,
    before text NOT NULL,
    after  text NOT NULL
);
CREATE FUNCTION note_device() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one holding := coalesce(NEW, OLD);
BEGIN
    INSERT INTO device_log (spot, before, after) VALUES (
        concat_ws(' ', one.layer, one.device, one.port, one.vlan, one.inner_vlan),
        coalesce(OLD.body, 'nothing'),
        coalesce(NEW.body, 'nothing')
    );
    RETURN NULL;
END $$;
CREATE TRIGGER device_log AFTER INSERT OR UPDATE OR DELETE ON holding
    FOR EACH ROW EXECUTE FUNCTION note_device();
";

/// Makes the tables, and counts from now on.
pub(crate) fn count(database: &Database) {
    make_tables(database);
    database.sql(COUNT);
}

/// What was done at each spot, in order: what it held before and after each change, whose relocation included.
pub(crate) type Effects = BTreeMap<String, Vec<String>>;

/// All that was counted.
pub(crate) fn counted(database: &Database) -> Effects {
    let mut effects = Effects::new();
    for line in database.sql("SELECT spot, before || ' -> ' || after FROM device_log ORDER BY number").lines()
    {
        let (spot, change) = line.split_once('|').unwrap();
        effects.entry(spot.to_owned()).or_default().push(change.to_owned());
    }
    effects
}

/// How many effects there are.
pub(crate) fn total(effects: &Effects) -> usize {
    effects.values().map(Vec::len).sum()
}

/// The effects that are here more often than there.
pub(crate) fn beyond(here: &Effects, there: &Effects) -> Vec<String> {
    let mut beyond = Vec::new();
    for (spot, changes) in here {
        let mut expected = there.get(spot).cloned().unwrap_or_default();
        for change in changes {
            match expected.iter().position(|other| other == change) {
                Some(place) => drop(expected.swap_remove(place)),
                None => beyond.push(format!("{spot}: {change}")),
            }
        }
    }
    beyond
}
