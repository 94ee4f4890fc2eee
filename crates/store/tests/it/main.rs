//! The store from outside: the contracts of its ports, its files, and what survives.
#![allow(clippy::unwrap_used)]

mod contract;
mod crash;
mod database;
mod postgres;
mod steps;
