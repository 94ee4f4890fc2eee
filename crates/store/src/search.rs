//! What of a request stands in columns to be found by, and the pieces of text that an index finds it by.
//!
//! The pieces are of our own making and not a database extension's, because what people type here is often two
//! characters of Chinese, of which extensions that look at three letters at a time know nothing, and because they are
//! the same whatever locale a database was made with.

use std::collections::BTreeSet;

use rehome_domain::{
    board::{self, Named},
    request::Request,
};

/// Between two fields; no field holds one.
const BETWEEN: char = '\n';
/// Pieces of a search that the index is asked for; the rest is seen to by looking at what was found.
const MOST: usize = 16;

/// What of a request has columns of its own.
#[derive(Clone)]
pub(crate) struct Columns {
    pub(crate) service_id: String,
    pub(crate) customer: String,
    pub(crate) devices: String,
    pub(crate) told: String,
}

impl Columns {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            service_id: request.service_id.clone(),
            customer: request.customer.clone(),
            devices: between(board::devices(request).into_iter()),
            told: board::folded(&between(board::told(request))),
        }
    }

    /// The pieces of all that it is found by.
    pub(crate) fn grams(&self) -> BTreeSet<i16> {
        let mut grams = BTreeSet::new();
        for field in self.told.split(BETWEEN) {
            let letters: Vec<char> = field.chars().collect();
            for length in 1..=3 {
                grams.extend(letters.windows(length).filter(|piece| counts(piece)).map(gram));
            }
        }
        grams
    }
}

fn between<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let mut whole = String::from(BETWEEN);
    for field in fields {
        whole.push_str(field);
        whole.push(BETWEEN);
    }
    whole
}

/// The part of `devices` that a device's name, or its beginning, is found by.
pub(crate) fn in_devices(device: &Named) -> String {
    match device {
        Named::Exactly(name) => format!("{BETWEEN}{name}{BETWEEN}"),
        Named::StartsWith(start) => format!("{BETWEEN}{start}"),
    }
}

/// Pieces that whatever holds this text has; none if it is too short for the index to know it.
pub(crate) fn wanted(text: &str) -> BTreeSet<i16> {
    let letters: Vec<char> = board::folded(text).chars().collect();
    let pieces = letters.windows(letters.len().clamp(1, 3));
    pieces.filter(|piece| counts(piece)).map(gram).take(MOST).collect()
}

/// Whether a piece is indexed: three characters, or fewer of a script that says much with one.
fn counts(piece: &[char]) -> bool {
    piece.len() == 3 || piece.iter().any(|letter| !letter.is_ascii())
}

/// A piece as a number; several pieces may have the same. Stored, so it never changes (FNV-1a, folded).
fn gram(piece: &[char]) -> i16 {
    let mut hash: u32 = 0x811c_9dc5;
    for letter in piece {
        for byte in u32::from(*letter).to_le_bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
    let [a, b, c, d] = hash.to_le_bytes();
    i16::from_le_bytes([a ^ c, b ^ d])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assume, proptest};

    use super::*;

    fn columns(description: &str) -> Columns {
        let request = Request { description: description.to_owned(), ..rehome_testkit::history::request() };
        Columns::of(&request)
    }

    proptest! {
        #[test]
        fn whatever_holds_a_text_has_all_the_pieces_that_are_looked_for(
            text in "[aBc1İΣſ上海电信-]{1,12}",
            from in 0_usize..12,
            length in 1_usize..12,
        ) {
            let letters: Vec<char> = text.chars().collect();
            prop_assume!(from < letters.len());
            let part: String = letters[from..letters.len().min(from + length)].iter().collect();
            let columns = columns(&format!("x{text}y"));
            prop_assert!(columns.told.contains(&board::folded(&part)));
            prop_assert!(wanted(&part).is_subset(&columns.grams()), "{part} in {text}");
        }
    }

    #[test]
    fn one_chinese_character_is_found_by_the_index_and_two_latin_letters_are_not() {
        assert_eq!(wanted("海").len(), 1);
        assert_eq!(wanted("上海").len(), 1);
        assert!(wanted("gw").is_empty());
        assert_eq!(wanted("gw-1").len(), 2);
    }

    #[test]
    fn a_piece_once_stored_keeps_its_number() {
        let numbers = ["abc", "上海", "海"].map(|piece| gram(&piece.chars().collect::<Vec<_>>()));
        assert_eq!(numbers, [-5560, 2136, 24332]);
    }
}
