//! Every sentence the command line says to people, in both languages: one that lacks a language does not build.
//!
//! Wire names (statuses, commands, columns, keys) are never translated.

use std::fmt::Display;

use rehome_domain::lang::Lang;

macro_rules! texts {
    ($($name:ident($($part:ident),*): $en:literal, $zh:literal;)+) => {
        $(
            #[doc = $en]
            #[must_use]
            pub fn $name(lang: Lang, $($part: impl Display),*) -> String {
                match lang {
                    Lang::En => format!($en),
                    Lang::Zh => format!($zh),
                }
            }
        )+
    };
}

// Sheets.
texts! {
    sheet_unreadable(path, why): "the sheet {path} can't be read: {why}", "无法读取移机表 {path}：{why}";
    sheet_empty(): "the sheet is empty, expected a header and at least one row", "移机表为空，应有表头和至少一行";
    sheet_no_rows(): "the sheet has no rows", "移机表没有数据行";
    sheet_utf16(): "the sheet is written in UTF-16, expected UTF-8: save it as \"CSV UTF-8\"",
        "移机表编码为 UTF-16，应为 UTF-8：请另存为“CSV UTF-8”";
    sheet_encoding(line): "line {line}: is not UTF-8: save the sheet as \"CSV UTF-8\", or convert it (from GBK: iconv -f GBK -t UTF-8)",
        "第 {line} 行：不是 UTF-8 编码：请另存为“CSV UTF-8”，或转换编码（GBK：iconv -f GBK -t UTF-8）";
    sheet_open_quote(line): "line {line}: a quoted field begins here and never ends: the file is cut off, or a quote is missing",
        "第 {line} 行：此处开始的引号没有结束：文件被截断，或缺少引号";
    sheet_json(detail): "the sheet is not a JSON array of objects: {detail}", "移机表不是由对象组成的 JSON 数组：{detail}";
    sheet_header(problems): "line 1: {problems}", "第 1 行：{problems}";
    column_missing(column): "column `{column}` is missing", "缺少列 `{column}`";
    column_unknown(column): "column `{column}` is not known", "未知的列 `{column}`";
    column_twice(column): "column `{column}` stands there twice", "列 `{column}` 重复";
    wrong_separator(separator): "the columns are separated by `{separator}`, expected commas", "列以 `{separator}` 分隔，应使用逗号";
    at_line(line): "line {line}: ", "第 {line} 行：";
    at_object(number): "object {number}: ", "第 {number} 个对象：";
    wrong_field_count(found, expected): "has {found} fields, the header has {expected}", "有 {found} 个字段，表头有 {expected} 个";
    not_an_object(kind): "is {kind}, expected an object", "是{kind}，应为对象";
    not_a_value(kind): "is {kind}, expected a text or a number", "是{kind}，应为文本或数字";
    key_unknown(): "is not known", "未知的字段";
    key_twice(): "stands there twice", "字段重复";
    field_empty(): "is empty", "为空";
    not_a_tag(given): "is `{given}`, expected a VLAN tag from 1 to 4094", "是 `{given}`，应为 1 到 4094 的 VLAN";
    not_a_time(given): "is `{given}`, expected a time such as 2026-11-30T01:00:00Z or 2026-11-30T09:00:00+08:00",
        "是 `{given}`，应为时间，例如 2026-11-30T01:00:00Z 或 2026-11-30T09:00:00+08:00";
    half_a_window(other): "is empty although {other} is given", "为空，但已给出 {other}";
    wanted_twice(resource, line): "wants `{resource}`, which line {line} wants already", "占用 `{resource}`，与第 {line} 行重复";
}
