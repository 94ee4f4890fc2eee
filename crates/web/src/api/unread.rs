//! Why a parameter of a query can't be read.

use rehome_domain::{board, lang::Lang, status::UnknownStatus};

use crate::texts;

/// Why a parameter can't be read, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is given more than once.
    Repeated,
    /// It must be given.
    Missing,
    /// Nothing by this name is read there; these are.
    Unknown(String),
    /// It is none of these.
    NoneOf { given: String, known: String },
    /// It is no number in this range.
    NoNumber { given: String, least: usize, most: usize },
    /// It is no instant.
    NoInstant(String),
    /// It is no place that was told before.
    NoPlace,
    /// It is no place in the stream.
    NoMark(String),
    /// What a list can't be asked.
    List(board::Fault),
    /// A parser's own words.
    Parser(String),
}

impl Unread {
    /// The sentence a person reads after the parameter's name.
    pub(crate) fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Repeated => texts::parameter_repeated(lang),
            Self::Missing => texts::parameter_missing(lang),
            Self::Unknown(known) if known.is_empty() => texts::parameter_none(lang),
            Self::Unknown(known) => texts::parameter_unknown(lang, known),
            Self::NoneOf { given, known } => texts::none_of(lang, given, known),
            Self::NoNumber { given, least, most } => texts::no_number(lang, given, least, most),
            Self::NoInstant(given) => texts::no_instant(lang, given),
            Self::NoPlace => texts::no_place(lang),
            Self::NoMark(given) => texts::no_mark(lang, given),
            Self::List(fault) => fault.sentence(lang),
            Self::Parser(why) => why.clone(),
        }
    }
}

impl From<UnknownStatus> for Unread {
    fn from(UnknownStatus { given, expected, .. }: UnknownStatus) -> Self {
        Self::NoneOf { given, known: expected }
    }
}
