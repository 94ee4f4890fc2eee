//! The notation of RFC 7047: JSON values one after the other, and OVSDB's own sets, maps and row ids in them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The largest message that is taken, in bytes. What we ask for is a few kilobytes a port; a server that sends more is
/// none, and would only fill the memory.
pub(super) const LARGEST: usize = 4 << 20;

/// A row of an answer.
pub(super) type Row = Map<String, Value>;

/// Why a stream is not one of JSON-RPC messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// What stands between messages is no message.
    #[error("it sent `{0}` where a message begins")]
    NoMessage(char),
    /// More than [`LARGEST`] bytes without an end.
    #[error("it sent a message of more than {LARGEST} bytes")]
    TooLarge,
    /// It is no JSON.
    #[error("it sent what is no JSON: {0}")]
    NoJson(String),
}

/// Takes a stream of bytes apart into messages: there is no framing, an object ends with its brace.
#[derive(Debug, Default)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    /// How far it has been looked through.
    seen: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Messages {
    /// Takes what has come.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message, if the whole of it has come.
    pub(super) fn next(&mut self) -> Result<Option<Value>, WireError> {
        while let Some(byte) = self.bytes.get(self.seen).copied() {
            self.seen += 1;
            if self.depth == 0 {
                match byte {
                    b'{' => self.depth = 1,
                    _ if byte.is_ascii_whitespace() => self.forget(),
                    _ => return Err(WireError::NoMessage(char::from(byte))),
                }
                continue;
            }
            if self.ends(byte) {
                let message = serde_json::from_slice(&self.bytes[..self.seen]);
                self.forget();
                return message.map(Some).map_err(|error| WireError::NoJson(error.to_string()));
            }
        }
        if self.bytes.len() > LARGEST { Err(WireError::TooLarge) } else { Ok(None) }
    }

    /// Whether this byte ends the message.
    fn ends(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }

    fn forget(&mut self) {
        self.bytes.drain(..self.seen);
        self.seen = 0;
    }
}

/// What an operation of a transaction answered that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}{}{details}", if details.is_empty() { "" } else { ": " })]
pub(super) struct OperationError {
    /// For machines, such as `constraint violation`.
    pub(super) error: String,
    /// For people.
    pub(super) details: String,
}

/// The answers of a transaction's operations, or the error of the one that failed. It may stand anywhere among the
/// answers, or after them if it is the commit that failed, and those after it are null.
pub(super) fn answers(result: &Value) -> Result<&[Value], OperationError> {
    let answers = result.as_array().map_or(&[][..], Vec::as_slice);
    let text = |answer: &Value, key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
    let failed = answers.iter().find_map(|answer| Some((text(answer, "error")?, answer)));
    match failed {
        Some((error, answer)) => {
            Err(OperationError { error, details: text(answer, "details").unwrap_or_default() })
        }
        None => Ok(answers),
    }
}

/// The rows that a `select` answered.
pub(super) fn rows(answer: Option<&Value>) -> impl Iterator<Item = &Row> {
    let rows = answer.and_then(|answer| answer.get("rows")).and_then(Value::as_array);
    rows.into_iter().flatten().filter_map(Value::as_object)
}

/// The elements of a set. One with a single element comes as that element.
pub(super) fn set(value: Option<&Value>) -> Vec<&Value> {
    match value.map(|value| (value, tagged(value, "set"))) {
        None => Vec::new(),
        Some((_, Some(elements))) => {
            elements.as_array().map(|elements| elements.iter().collect()).unwrap_or_default()
        }
        Some((element, None)) => vec![element],
    }
}

/// A map from text to text.
pub(super) fn map(value: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = value.and_then(|value| tagged(value, "map")).and_then(Value::as_array);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let pair = |pair: &Value| Some((text(pair.get(0))?, text(pair.get(1))?));
    pairs.into_iter().flatten().filter_map(pair).collect()
}

/// A row's id.
pub(super) fn uuid(value: Option<&Value>) -> Option<&str> {
    tagged(value?, "uuid")?.as_str()
}

/// A whole number.
pub(super) fn integer(value: Option<&Value>) -> Option<i64> {
    value.and_then(Value::as_i64)
}

/// A VLAN tag.
pub(super) fn vlan(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|tag| u16::try_from(tag).ok())
}

/// A set, as it is sent.
pub(super) fn to_set(elements: impl IntoIterator<Item = u16>) -> Value {
    json!(["set", elements.into_iter().collect::<Vec<_>>()])
}

/// A map, as it is sent.
pub(super) fn to_map(pairs: &BTreeMap<String, String>) -> Value {
    json!(["map", pairs.iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>()])
}

fn tagged<'a>(value: &'a Value, tag: &str) -> Option<&'a Value> {
    let [name, content] = value.as_array()?.as_slice() else { return None };
    (name.as_str() == Some(tag)).then_some(content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};
    use serde_json::{Value, json};

    use super::{LARGEST, Messages, OperationError, WireError, answers, map, set};

    /// What comes out of a stream that arrives in these pieces.
    fn apart(pieces: &[&[u8]]) -> Result<Vec<Value>, WireError> {
        let (mut messages, mut all) = (Messages::default(), Vec::new());
        for piece in pieces {
            messages.feed(piece);
            while let Some(message) = messages.next()? {
                all.push(message);
            }
        }
        Ok(all)
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_the_stream_is_cut(
            texts in prop::collection::vec(any::<String>(), 1..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
            between in "[ \r\n\t]{0,2}",
        ) {
            let sent: Vec<Value> =
                texts.iter().map(|text| json!({ "id": 1, text.as_str(): ["set", [{ "a": text }]] })).collect();
            let stream = sent.iter().map(|message| format!("{message}{between}")).collect::<String>().into_bytes();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            places.extend([0, stream.len()]);
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect();
            assert_eq!(apart(&pieces).unwrap(), sent);
        }
    }

    #[test]
    fn a_stream_that_is_none_of_messages_is_an_error_and_never_fills_the_memory() {
        assert_eq!(apart(&[b"SSH-2.0-OpenSSH"]), Err(WireError::NoMessage('S')));
        assert!(matches!(apart(&[b"{]"]), Err(WireError::NoJson(_))));
        let endless = vec![b'['; LARGEST];
        assert_eq!(apart(&[b"{\"a\":", &endless]), Err(WireError::TooLarge));
    }

    #[test]
    fn an_error_is_found_wherever_it_stands_among_the_answers() {
        let error = json!({ "error": "timed out", "details": "\"wait\" timed out" });
        let expected = OperationError { error: "timed out".into(), details: "\"wait\" timed out".into() };
        for result in [json!([error]), json!([{}, error, null]), json!([{}, { "count": 1 }, error])] {
            assert_eq!(answers(&result), Err(expected.clone()));
        }
        assert_eq!(answers(&json!([{ "rows": [] }, {}])).map(<[Value]>::len), Ok(2));
    }

    #[test]
    fn a_set_of_one_comes_as_its_element() {
        assert_eq!(set(Some(&json!(100))), [&json!(100)]);
        assert_eq!(set(Some(&json!(["set", [1, 2]]))), [&json!(1), &json!(2)]);
        assert!(set(Some(&json!(["set", []]))).is_empty() && set(None).is_empty());
        let id = json!(["uuid", "a"]);
        assert_eq!(set(Some(&id)), [&id]);
        assert_eq!(map(Some(&json!(["map", [["a", "b"]]])))["a"], "b");
    }
}
