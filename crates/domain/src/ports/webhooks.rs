//! What is told to others over HTTP: the order in which things happened, and who has been told how far.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, Wait};
use crate::webhook::{Mark, Standing, Webhook, WebhookId};

/// The journals' entries in the order in which they were committed, so that whoever reads on from a place misses none.
pub trait Feed: Send + Sync {
    /// A place from which on everything is found that is committed after this call, and little that was before.
    fn end(&self) -> Wait<'_, Result<Mark, StoreError>>;

    /// Up to `limit` entries after a place, in order. What is being committed, and all behind it, comes when that is
    /// settled.
    fn after(&self, mark: Mark, limit: usize) -> Wait<'_, Result<Vec<Mark>, StoreError>>;

    /// How old the oldest entry is that is committed and not given out yet, because something before it is not settled; zero
    /// if there is none.
    fn held_up(&self) -> Wait<'_, Result<Duration, StoreError>> {
        Box::pin(std::future::ready(Ok(Duration::ZERO)))
    }
}

/// The webhooks, and who is at which.
pub trait WebhookStore: Send + Sync {
    /// Keeps a new one; false if there are as many as there may be ([`MOST`](crate::webhook::MOST)).
    fn subscribe(&self, webhook: Webhook, standing: Standing) -> Wait<'_, Result<bool, StoreError>>;

    /// Forgets one; false if there is none.
    fn unsubscribe(&self, id: WebhookId) -> Wait<'_, Result<bool, StoreError>>;

    /// All of them, the oldest first.
    fn webhooks(&self) -> Wait<'_, Result<Vec<(Webhook, Standing)>, StoreError>>;

    /// Takes those whose time has come and that nobody holds, for a holder that no other call has named, until the given
    /// time.
    fn take_webhooks(
        &self,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Wait<'_, Result<Vec<(Webhook, Standing)>, StoreError>>;

    /// Writes down how far one has been told, and holds it on until the given time, or lets go of it. False, and nothing
    /// is written, if this holder has it no more.
    fn settle_webhook(
        &self,
        id: WebhookId,
        holder: Uuid,
        standing: Standing,
        until: Option<Timestamp>,
    ) -> Wait<'_, Result<bool, StoreError>>;

    /// Sets one anew, whoever holds it; false if there is none. Its holder learns of it when it settles next.
    fn reset_webhook(&self, id: WebhookId, standing: Standing) -> Wait<'_, Result<bool, StoreError>>;
}
