//! An array of flat objects with the columns' names as keys.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{COLUMNS, Cells, JsonKind, Problem, Raw, RowProblem, SheetError, place_of};

/// Reads the objects. A key may be left out or null where a cell may be empty.
///
/// # Errors
/// If it is not JSON, or not an array.
pub(super) fn read(text: &str) -> Result<Vec<Raw>, SheetError> {
    let items: Vec<Item> =
        serde_json::from_str(text).map_err(|error| SheetError::Json { detail: error.to_string() })?;
    Ok(items
        .into_iter()
        .enumerate()
        .map(|(index, item)| Raw { line: index + 1, cells: cells(index + 1, item) })
        .collect())
}

fn cells(line: usize, item: Item) -> Result<Cells, Vec<RowProblem>> {
    let entries = match item {
        Item::Object(entries) => entries,
        Item::Other(kind) => {
            return Err(vec![RowProblem { line, field: None, problem: Problem::NotAnObject { kind } }]);
        }
    };
    let mut cells: Cells = Default::default();
    let mut seen = [false; COLUMNS.len()];
    let mut problems = Vec::new();
    for (key, value) in entries {
        let found = match place_of(&key) {
            None => Err(Problem::Unknown),
            Some(place) if std::mem::replace(&mut seen[place], true) => Err(Problem::Twice),
            Some(place) => cell(value).map(|cell| cells[place] = cell),
        };
        if let Err(problem) = found {
            problems.push(RowProblem { line, field: Some(key), problem });
        }
    }
    if problems.is_empty() { Ok(cells) } else { Err(problems) }
}

/// A value as the text it would be in a CSV file.
fn cell(value: Value) -> Result<String, Problem> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(_) => Err(Problem::NotAValue { kind: JsonKind::Boolean }),
        Value::Array(_) => Err(Problem::NotAValue { kind: JsonKind::Array }),
        Value::Object(_) => Err(Problem::NotAValue { kind: JsonKind::Object }),
    }
}

/// An element of the array. Keys are kept as they come, so that a doubled one is seen.
enum Item {
    Object(Vec<(String, Value)>),
    Other(JsonKind),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnItem)
    }
}

struct AnItem;

impl<'de> Visitor<'de> for AnItem {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let mut entries = Vec::with_capacity(COLUMNS.len());
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Item::Object(entries))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Item, A::Error> {
        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Item::Other(JsonKind::Array))
    }

    fn visit_str<E>(self, _: &str) -> Result<Item, E> {
        Ok(Item::Other(JsonKind::Text))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
        Ok(Item::Other(JsonKind::Boolean))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
        Ok(Item::Other(JsonKind::Number))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
        Ok(Item::Other(JsonKind::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
        Ok(Item::Other(JsonKind::Number))
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item::Other(JsonKind::Null))
    }
}
