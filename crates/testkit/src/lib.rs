//! For tests only: everything that more than one crate's tests need.

pub mod broker;
pub mod contract;
pub mod enumerate;
pub mod history;
pub mod memory;
pub mod postgres;
pub mod scenario;
pub mod stranger;
