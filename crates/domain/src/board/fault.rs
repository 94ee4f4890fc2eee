//! What can be wrong with what is asked of a list.

use super::{MAX_LIMIT, MAX_SKIP};
use crate::{lang::Lang, request::TEXT_LIMIT};

/// What is wrong with a field of what is asked, and what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is empty, and would filter by nothing.
    Empty,
    /// It has so many characters.
    TooLong(usize),
    /// It holds a control character.
    Control,
    /// So many rows are no page.
    Limit(usize),
    /// So many rows are too many to pass over.
    Skip(usize),
    /// The place to go on from is of a list in another order.
    OtherOrder,
}

impl Fault {
    /// The sentence a person reads after the field's name.
    #[must_use]
    pub fn sentence(self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Empty, _) => {
                lang.pick("is empty: leave it out to filter by nothing", "为空：不筛选时请省略").to_owned()
            }
            (Self::TooLong(has), Lang::En) => format!("has {has} characters, expected at most {TEXT_LIMIT}"),
            (Self::TooLong(has), Lang::Zh) => format!("有 {has} 个字符，最多 {TEXT_LIMIT} 个"),
            (Self::Control, _) => lang
                .pick("holds a control character, which no ticket does", "含有控制字符，工单中不会有")
                .to_owned(),
            (Self::Limit(is), Lang::En) => format!("is {is}, expected 1 to {MAX_LIMIT}"),
            (Self::Limit(is), Lang::Zh) => format!("是 {is}，应为 1 到 {MAX_LIMIT}"),
            (Self::Skip(is), Lang::En) => format!("is {is}, expected at most {MAX_SKIP}: narrow the list"),
            (Self::Skip(is), Lang::Zh) => format!("是 {is}，最多 {MAX_SKIP}：请缩小范围"),
            (Self::OtherOrder, _) => lang
                .pick(
                    "is of a list in another order: begin at its first page",
                    "属于另一种排序的列表：请从首页开始",
                )
                .to_owned(),
        }
    }
}
