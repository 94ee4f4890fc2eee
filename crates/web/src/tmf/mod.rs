//! TMF641 Service Ordering, version 4.1: relocations as service orders.
//!
//! ```text
//!  ServiceOrder_Create ─▶ create ─▶ Request ─▶ the supervisor's queue
//!  the ticket's journal ─▶ moments ─▶ order ─▶ ServiceOrder, CancelServiceOrder
//!                                └──▶ notice ─▶ notifications, posted by the webhooks
//! ```
//!
//! An order is a relocation, its id the relocation's. Nothing of it is kept beside the ticket and its journal: what is
//! told is worked out from them each time, so that it can't differ. `docs/tmf641.md` says how, and is printed from here
//! ([`guide`]).

pub mod cancel;
mod cancels;
pub mod create;
pub mod document;
pub mod guide;
mod hub;
mod list;
pub mod notice;
pub mod order;
mod orders;
pub mod resource;
pub mod state;

/// Under which path the API is.
pub const BASE: &str = "/tmf-api/serviceOrdering/v4";

/// The only item of an order.
pub const ITEM: &str = "1";

/// Its paths. They are under [`BASE`].
pub(crate) fn paths(config: &mut actix_web::web::ServiceConfig) {
    config
        .configure(orders::paths)
        .configure(cancels::paths)
        .configure(hub::paths)
        .configure(document::paths);
}
