//! Mistakes in the arguments, in Chinese. The words a value's own parser says (`invalid digit found in string`) stay
//! as they are: they are the libraries'.

use clap::{
    builder::StyledStr,
    error::{ContextKind, Error, ErrorFormatter, ErrorKind},
};

/// Formats clap's errors in Chinese, from what they say about themselves.
pub(crate) enum InChinese {}

impl ErrorFormatter for InChinese {
    fn format_error(error: &Error<Self>) -> StyledStr {
        let mut text = format!("错误：{}\n", sentence(error));
        for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
        {
            if let Some(suggested) = context(error, kind) {
                text.push_str(&format!("\n  是否想用 '{suggested}'？\n"));
            }
        }
        if let Some(usage) = context(error, ContextKind::Usage) {
            text.push_str(&format!("\n用法: {}\n", usage.trim_start_matches("Usage:").trim()));
        }
        text.push_str("\n更多信息请用 '--help'。\n");
        text.into()
    }
}

fn sentence(error: &Error<InChinese>) -> String {
    let of = |kind| context(error, kind).unwrap_or_default();
    let (arg, value) = (of(ContextKind::InvalidArg), of(ContextKind::InvalidValue));
    match error.kind() {
        ErrorKind::UnknownArgument => format!("未知的参数 '{arg}'"),
        ErrorKind::InvalidSubcommand => format!("未知的命令 '{}'", of(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingSubcommand => {
            format!("缺少命令，可选：{}", of(ContextKind::ValidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => format!("缺少必需的参数：{arg}"),
        ErrorKind::ArgumentConflict if arg == of(ContextKind::PriorArg) => format!("参数 '{arg}' 重复"),
        ErrorKind::ArgumentConflict => {
            format!("参数 '{arg}' 不能与 '{}' 同用", of(ContextKind::PriorArg))
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("参数 '{arg}' 缺少值"),
        ErrorKind::InvalidValue => {
            format!("参数 '{arg}' 的值 '{value}' 无效，可选：{}", of(ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("参数 '{arg}' 的值 '{value}' 无效：{why}")
        }
        kind => kind.as_str().unwrap_or("unknown cause").to_owned(),
    }
}

fn context(error: &Error<InChinese>, kind: ContextKind) -> Option<String> {
    error.get(kind).map(ToString::to_string).filter(|text| !text.is_empty())
}
