//! The whole site over a real store, with a clock that is told the time, and without a network.

mod api;
mod bulk;
mod cross_site;
mod drains;
mod frame;
mod letters;
mod lists;
mod ordering;
mod passes;
mod passwords;
mod plans;
mod provider;
mod rights;
mod runs;
mod sessions;
mod stream;
mod ways;
mod world;
