//! The bus over RabbitMQ, on a real broker.
#![allow(clippy::unwrap_used, clippy::large_futures)]

mod client;
mod contract;
mod definitions;
mod faults;
mod flow;
mod hostile;
mod newer;
mod node;
mod nodes;
mod queues;
mod raw;
mod rights;
