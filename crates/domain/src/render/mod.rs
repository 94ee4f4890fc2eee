//! The documents made from the table: the table itself for people, and the diagram of its states.
//!
//! Nothing here is written down twice: what is a row, a state or an arrow comes from [`ROWS`](crate::table::ROWS). Only
//! where a state stands on the page is laid by hand.

mod course;
mod course_svg;
mod graph;
mod layout;
mod mermaid;
mod svg;
mod table;

pub use self::{
    course::{Course, Next, Told},
    course_svg::course_svg,
    mermaid::diagram_mermaid,
    svg::diagram_svg,
    table::table_markdown,
};
