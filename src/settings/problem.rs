//! What can be wrong with a key or its value, in sentences.

use config::{Value, ValueKind};
use rehome_domain::lang::Lang;

use crate::texts;

/// What is wrong with a key or its value, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is no such key; those there are.
    Unknown(String),
    /// It is something else than the section of this name.
    NoSection(Given, String),
    /// It is no whole number.
    NoNumber(Given),
    /// It is no text.
    NoText(Given),
    /// It is no list of texts.
    NoList(Given),
    /// A number outside its range.
    OutOfRange {
        /// The number.
        given: i64,
        /// The least there may be.
        from: i64,
        /// The most there may be.
        to: i64,
    },
    /// A number that must not be less than another key's.
    LessThan {
        /// The number.
        given: i64,
        /// The other key.
        key: &'static str,
        /// Its value.
        least: i64,
    },
    /// It must not be empty.
    NoDirectory,
    /// It is no address to listen at.
    NoAddress(String),
    /// It names something that is no IP address.
    NoIp(String),
    /// It names something that is neither a network nor a host.
    NoReceiver(String),
    /// It is no URL of an HTTP server.
    NoUrl(String),
    /// It is no URL that is reached by TLS.
    NoSecureUrl(String),
    /// It is not where this site takes people back.
    NoCallback(String),
    /// It is empty, and another key takes it.
    Lacking(&'static str),
    /// A line of a list is not of this form.
    NoPair(String, &'static str),
    /// In the words of whoever reads the value, which have no Chinese.
    Other(String),
}

impl Problem {
    /// What a person reads after the key.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Unknown(known) => texts::setting_unknown(lang, known),
            Self::NoSection(given, section) => texts::setting_no_section(lang, given.label(lang), section),
            Self::NoNumber(given) => texts::setting_no_number(lang, given.label(lang)),
            Self::NoList(given) => texts::setting_no_list(lang, given.label(lang)),
            Self::NoText(given) => texts::setting_no_text(lang, given.label(lang)),
            Self::OutOfRange { given, from, to } => texts::setting_range(lang, given, from, to),
            Self::LessThan { given, key, least } => texts::setting_less(lang, given, key, least),
            Self::NoDirectory => texts::setting_no_directory(lang),
            Self::NoAddress(given) => texts::setting_no_address(lang, given),
            Self::NoIp(given) => texts::setting_no_ip(lang, given),
            Self::NoReceiver(given) => texts::setting_no_receiver(lang, given),
            Self::NoUrl(given) => texts::setting_no_url(lang, given),
            Self::NoSecureUrl(given) => texts::setting_no_secure_url(lang, given),
            Self::NoCallback(given) => texts::setting_no_callback(lang, given),
            Self::Lacking(key) => texts::setting_lacking(lang, key),
            Self::NoPair(given, form) => texts::setting_no_pair(lang, given, form),
            Self::Other(words) => words.clone(),
        }
    }
}

/// What was given, as a person would write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Keys.
    Section,
    /// A list.
    List,
    /// Nothing.
    Nothing,
    /// A value.
    Value(String),
}

impl From<&Value> for Given {
    fn from(value: &Value) -> Self {
        match &value.kind {
            ValueKind::Table(_) => Self::Section,
            ValueKind::Array(_) => Self::List,
            ValueKind::Nil => Self::Nothing,
            _ => Self::Value(value.to_string()),
        }
    }
}

impl Given {
    fn label(&self, lang: Lang) -> String {
        match self {
            Self::Section => lang.pick("a section", "一节").to_owned(),
            Self::List => lang.pick("a list", "列表").to_owned(),
            Self::Nothing => lang.pick("nothing", "空值").to_owned(),
            Self::Value(value) => format!("{}`{value}`", lang.pick("", " ")),
        }
    }
}
