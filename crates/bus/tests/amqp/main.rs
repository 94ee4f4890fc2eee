//! The bus over RabbitMQ, on a real broker.
#![allow(clippy::unwrap_used)]

mod contract;
