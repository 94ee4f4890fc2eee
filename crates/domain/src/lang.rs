//! The two languages every label and sentence exists in.

use serde::{Deserialize, Serialize};

/// The language a person reads. Wire names are never translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// Picks the text of this language: both must be given, or it does not build.
    #[must_use]
    pub fn pick<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

/// Sentences in both languages, each a function of its parts: one that lacks a language does not build.
///
/// ```
/// rehome_domain::texts! {
///     queued(count): "{count} queued", "排队 {count} 个";
/// }
/// assert_eq!(queued(rehome_domain::Lang::Zh, 3), "排队 3 个");
/// ```
#[macro_export]
macro_rules! texts {
    ($($name:ident($($part:ident),*): $en:literal, $zh:literal;)+) => {
        $(
            #[doc = $en]
            #[must_use]
            pub fn $name(lang: $crate::lang::Lang, $($part: impl ::std::fmt::Display),*) -> String {
                match lang {
                    $crate::lang::Lang::En => format!($en),
                    $crate::lang::Lang::Zh => format!($zh),
                }
            }
        )+
    };
}
