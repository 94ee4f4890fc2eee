//! Why a webhook is told nothing: whoever asked for it, or that by which they asked, lets nobody in any more.

use jiff::Timestamp;
use rehome_domain::{
    lang::Lang,
    ports::{AccountStore, StoreError},
    role::Role,
    webhook::Webhook,
};

use crate::texts;

/// Why a webhook is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Whoever asked for it may not listen now. It is told on when they may.
    #[error("who asked for this webhook may not listen any more: it is told nothing")]
    Owner,
    /// The token by which it was asked for was revoked, or has ended: for good.
    #[error("the token that asked for this webhook was revoked or has ended: it is told nothing")]
    Token,
}

impl Silence {
    /// What a person reads.
    pub(crate) fn sentence(self, lang: Lang) -> String {
        match self {
            Self::Owner => texts::webhook_owner_out(lang),
            Self::Token => texts::webhook_token_out(lang),
        }
    }
}

/// Whether a webhook may be told, and if not, why: what was asked for by a token ends with it, as all does that the token
/// allowed; what was asked for in a session is the account's.
///
/// # Errors
/// The store's.
pub async fn silence(
    accounts: &dyn AccountStore,
    webhook: &Webhook,
    now: Timestamp,
) -> Result<Option<Silence>, StoreError> {
    let Ok(name) = webhook.by.parse() else { return Ok(Some(Silence::Owner)) };
    let Some(account) = accounts.account(name).await? else { return Ok(Some(Silence::Owner)) };
    if account.disabled || account.role < Role::TO_LISTEN {
        return Ok(Some(Silence::Owner));
    }
    let Some(token) = webhook.token else { return Ok(None) };
    let passes = accounts.passes(Some(account.name.clone())).await?;
    let rights = passes.iter().find(|pass| pass.id == token).and_then(|pass| account.rights(pass, now));
    Ok(if rights >= Some(Role::TO_LISTEN) { None } else { Some(Silence::Token) })
}
