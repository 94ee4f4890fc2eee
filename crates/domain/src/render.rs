//! The documents made from the table.
