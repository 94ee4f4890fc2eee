//! Rehome: carries customers' circuit relocations through reservation and cutover, over a message bus.
//!
//! This package is the edge: [`settings`], the [`cli`] and the [`app`] that names the concrete adapters. What a
//! relocation is and how it moves is in `rehome_domain`.

pub mod app;
pub mod bench;
pub mod cli;
pub mod driver;
pub mod http;
pub mod settings;
pub mod sheet;
pub mod telemetry;
pub mod texts;
pub mod workbench;
