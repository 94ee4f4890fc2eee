//! `rehome token`: what programs come in with by the API, said to the store directly.

use clap::value_parser;
use comfy_table::Cell;
use jiff::Timestamp;
use rehome_domain::{
    account::{AccountName, Pass, PassKind},
    lang::Lang,
    ports::AccountStore,
    role::Role,
};
use rehome_web::door::{DAYS, MOST_DAYS, NewToken, PassError, issue, revoke};
use serde_json::json;
use uuid::Uuid;

use super::{
    Ended, Failure, Setting, Told,
    offline::StoreArg,
    tables,
    user::{by, known, roles},
};
use crate::texts;

/// What programs come in with by the API
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome token add crm --label \"order entry\"
  rehome token add ann --label reports --role viewer --days 30
  rehome token list
  rehome token revoke 019346f2-4b6e-7c3a-9d2e-5f0a1b2c3d4e

A program sends it as `Authorization: Bearer rht_...`. It is shown once; only a digest of it is kept.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Issue a token, and show it this once
    Add(Add),
    /// List the tokens
    List(List),
    /// Take a token away
    Revoke(Gone),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Account whose token it is
    #[arg(value_name = "NAME")]
    name: AccountName,
    /// What it is for, to know it by
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    label: String,
    /// It allows no more than this; all that its account may, if not given
    #[arg(long, value_name = "ROLE", value_parser = roles())]
    role: Option<Role>,
    /// It ends after so many days
    #[arg(long, value_name = "N", default_value_t = DAYS, value_parser = value_parser!(i64).range(1..=MOST_DAYS))]
    days: i64,
    #[command(flatten)]
    at: StoreArg,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only this account's
    #[arg(value_name = "NAME")]
    name: Option<AccountName>,
    #[command(flatten)]
    at: StoreArg,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Gone {
    /// Which, as `rehome token list` shows it
    #[arg(value_name = "TOKEN")]
    id: Uuid,
    #[command(flatten)]
    at: StoreArg,
}

pub(super) async fn token(args: Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let at = match &args.what {
        What::Add(Add { at, .. }) | What::List(List { at, .. }) | What::Revoke(Gone { at, .. }) => at,
    };
    let store = at.open(lang, &setting.loaded.settings).await?;
    let accounts = store.accounts();
    let ended = match args.what {
        What::Add(args) => add(args, &*accounts, lang).await,
        What::List(args) => list(args, &*accounts, lang).await,
        What::Revoke(args) => take_away(args.id, &*accounts, lang).await,
    };
    store.close(true).await;
    ended
}

async fn add(args: Add, accounts: &dyn AccountStore, lang: Lang) -> Ended {
    let Add { name, label, role: at_most, days, json, .. } = args;
    let wanted = NewToken { id: Uuid::now_v7(), account: name, label, at_most, days };
    let issued = issue(accounts, wanted, &by(), Timestamp::now()).await;
    let (secret, pass) = issued.map_err(|error| failed(error, lang))?;
    let shown = secret.expose();
    let ends = pass.ends_at.map(|ends| format!("{ends:.0}")).unwrap_or_default();
    Ok(Told::good(if json {
        serde_json::to_string_pretty(&json!({ "token": shown, "pass": pass }))? + "\n"
    } else {
        texts::token_issued(lang, shown, pass.id, ends) + "\n"
    }))
}

async fn list(args: List, accounts: &dyn AccountStore, lang: Lang) -> Ended {
    if let Some(name) = &args.name {
        known(name, accounts, lang).await?;
    }
    let tokens = tokens(args.name, accounts).await?;
    if args.json {
        return Ok(Told::good(serde_json::to_string_pretty(&json!({ "tokens": tokens }))? + "\n"));
    }
    let mut table = tables::table(&[
        texts::head_token(lang),
        texts::head_user(lang),
        texts::head_label(lang),
        texts::head_at_most(lang),
        texts::head_issued(lang),
        texts::head_seen(lang),
        texts::head_ends(lang),
    ]);
    for token in tokens {
        let most = token.at_most.map(|role| tables::word(lang, role.wire(), role.label(lang)));
        let seen = (token.seen_at > token.issued_at).then(|| format!("{:.0}", token.seen_at));
        let ends = token.ends_at.map(|at| format!("{at:.0}"));
        let or_none = |given: Option<String>| Cell::new(given.unwrap_or_else(|| "-".to_owned()));
        table.add_row([
            Cell::new(token.id),
            Cell::new(&token.account),
            Cell::new(&token.label),
            or_none(most),
            Cell::new(format!("{:.0}", token.issued_at)),
            or_none(seen),
            or_none(ends),
        ]);
    }
    Ok(Told::good(tables::text(&table)))
}

async fn take_away(id: Uuid, accounts: &dyn AccountStore, lang: Lang) -> Ended {
    // Not a session's: whoever has its owner out disables them.
    let found = tokens(None, accounts).await?.into_iter().find(|token| token.id == id);
    let token = found.ok_or_else(|| Failure::Bad(texts::token_unknown(lang, id)))?;
    revoke(accounts, &token, &by(), Timestamp::now()).await.map_err(|error| failed(error, lang))?;
    Ok(Told::good(texts::token_revoked(lang, id) + "\n"))
}

fn failed(error: PassError, lang: Lang) -> Failure {
    match error {
        PassError::NoAccount(name) => Failure::Bad(texts::user_unknown(lang, name)),
        PassError::Above { account, role } => {
            Failure::Bad(texts::token_above(lang, account, role.label(lang)))
        }
        PassError::TooMany(name) => Failure::Bad(texts::token_too_many(lang, name)),
        other => Failure::Broken(other.into()),
    }
}

async fn tokens(of: Option<AccountName>, accounts: &dyn AccountStore) -> Result<Vec<Pass>, Failure> {
    let mut passes = accounts.passes(of).await?;
    passes.retain(|pass| pass.kind == PassKind::Token);
    Ok(passes)
}
