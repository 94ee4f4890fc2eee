//! Tokens and sessions as their owners and admins see, issue and end them: the same for the API and for the page.

use rehome_domain::{
    account::{AccountName, Pass, PassKind},
    lang::Lang,
    role::Role,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    door::{Caller, DAYS, MOST_DAYS, NewToken, PassError, Secret, issue, revoke},
    frame::{FieldProblem, Problem},
    site::Workbench,
    texts,
};

/// The longest label, in characters.
pub(crate) const LABEL: usize = 200;

/// A token that is wanted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewToken")]
pub(crate) struct Wish {
    /// What it is for, to know it by.
    #[schemars(length(min = 1, max = LABEL))]
    pub(crate) label: String,
    /// Whose; one's own if nothing is said.
    #[serde(default)]
    pub(crate) account: Option<String>,
    /// It allows no more than this, whatever its account may do.
    #[serde(default)]
    pub(crate) at_most: Option<Role>,
    /// It ends after so many days.
    #[serde(default = "days")]
    #[schemars(range(min = 1, max = MOST_DAYS))]
    pub(crate) days: i64,
}

const fn days() -> i64 {
    DAYS
}

/// The passes of this kind that a caller sees and that let somebody in: their own, an admin all.
///
/// # Errors
/// If the caller may see none, or the store fails.
pub(crate) async fn seen(
    caller: &Caller,
    workbench: &Workbench,
    kind: PassKind,
) -> Result<Vec<Pass>, Problem> {
    caller.needs(Role::Viewer)?;
    let all = caller.role() == Role::Admin;
    let of = (!all).then(|| caller.account().name.clone());
    let mut passes = workbench.door.accounts().passes(of).await?;
    let now = workbench.door.now();
    passes.retain(|pass| pass.kind == kind && pass.stands(now));
    Ok(passes)
}

/// Issues a token; the same form issues one once.
///
/// # Errors
/// If they came by a token, ask for another's without being an admin, what is wanted can't be, or was issued before.
pub(crate) async fn add(
    caller: &Caller,
    workbench: &Workbench,
    wish: Wish,
    form: Option<Uuid>,
    lang: Lang,
) -> Result<(Secret, Pass), Problem> {
    caller.needs_session()?;
    let Wish { label, account, at_most, days } = wish;
    let own = &caller.account().name;
    let account: AccountName = match account {
        Some(name) => name.parse().map_err(|_| Problem::field("account", texts::no_account(lang, &name)))?,
        None => own.clone(),
    };
    if account != *own {
        caller.needs(Role::Admin)?;
    }
    let mut wrong = Vec::new();
    if label.trim().is_empty() || label.chars().count() > LABEL {
        wrong.push(FieldProblem::new("label", texts::label_length(lang, LABEL)));
    }
    if !(1..=MOST_DAYS).contains(&days) {
        wrong.push(FieldProblem::new("days", texts::days_range(lang, days, MOST_DAYS)));
    }
    if !wrong.is_empty() {
        return Err(Problem::Invalid(wrong));
    }
    // An account's own for each form: nobody can take another's id by sending their form.
    let id = form.map_or_else(Uuid::now_v7, |form| Uuid::new_v5(&form, account.as_str().as_bytes()));
    let (door, wanted) = (&workbench.door, NewToken { id, account, label, at_most, days });
    let issued = issue(door.accounts(), wanted, own.as_str(), door.now()).await;
    // The account has a new version.
    door.forget();
    issued.map_err(|error| problem(error, lang))
}

/// Takes a token or a session away.
///
/// # Errors
/// If they came by a token, or see none with this id.
pub(crate) async fn take_away(
    caller: &Caller,
    workbench: &Workbench,
    kind: PassKind,
    id: Uuid,
    lang: Lang,
) -> Result<(), Problem> {
    caller.needs_session()?;
    let passes = seen(caller, workbench, kind).await?;
    let pass = passes.into_iter().find(|pass| pass.id == id).ok_or(Problem::NotFound)?;
    let (door, by) = (&workbench.door, caller.account().name.as_str());
    let revoked = revoke(door.accounts(), &pass, by, door.now()).await;
    door.forget();
    revoked.map_err(|error| problem(error, lang))
}

fn problem(error: PassError, lang: Lang) -> Problem {
    match error {
        PassError::NoAccount(name) => Problem::field("account", texts::no_account(lang, name)),
        PassError::Above { role, .. } => {
            Problem::field("at_most", texts::token_above(lang, role.label(lang)))
        }
        PassError::TooLong(_) => Problem::field("days", error.to_string()),
        PassError::Again(_) => Problem::Conflict(texts::token_was_shown(lang)),
        PassError::TooMany(_) => Problem::Conflict(texts::too_many_tokens(lang)),
        PassError::ChangedMeanwhile(_) => Problem::Unavailable(error.to_string()),
        PassError::Secret(error) => error.into(),
        PassError::Store(error) => error.into(),
    }
}
