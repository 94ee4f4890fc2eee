//! `rehome user`: who may come in by the workbench and the API, said to the store directly.

mod asked;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use comfy_table::Cell;
use jiff::Timestamp;
use rehome_domain::{
    account::{Account, AccountName},
    identity::Identity,
    lang::Lang,
    ports::{AccountStore, Revoke},
    role::Role,
};
use rehome_web::door::Passwords;
use serde_json::json;

use self::asked::PasswordArg;
use super::{Ended, Failure, Setting, Told, offline::StoreArg, person, tables};
use crate::texts;

/// Who may come in by the workbench and the API
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome user add ann --role operator
  rehome user add crm --role operator --no-password
  rehome user list
  rehome user role ann supervisor --reason \"on call from May\"
  rehome user bind ann 5f83e0ca-2b8e-4e8c --reason \"has a carrier account now\"
  rehome user disable ann --reason \"has left\"

Works on the store, whether or not a process runs; one that runs heeds it within a second. A password given here is
for one sign-in: its owner must choose another then. Every version of an account is kept, with who, when and why.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make an account; asks for its password
    Add(Add),
    /// List the accounts, or the versions of one
    List(List),
    /// Give an account another role
    Role(Promote),
    /// Let an account in no more, whatever it has: sessions end, tokens give nothing
    Disable(Turn),
    /// Let a disabled account in again
    Enable(Turn),
    /// Give an account another password; its sessions end
    Password(Renew),
    /// Let somebody in as this account whom the identity provider (oidc.issuer) vouches for
    Bind(Bind),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Account, as it signs in and as journals call it
    #[arg(value_name = "NAME")]
    name: AccountName,
    /// What it may do
    #[arg(long, value_name = "ROLE", value_parser = roles())]
    role: Role,
    /// What people call them
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    display_name: String,
    #[command(flatten)]
    password: PasswordArg,
    /// Without a password: comes in by tokens only
    #[arg(long, conflicts_with = "password_stdin")]
    no_password: bool,
    #[command(flatten)]
    at: StoreArg,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Every version of this account
    #[arg(value_name = "NAME")]
    name: Option<AccountName>,
    #[command(flatten)]
    at: StoreArg,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Promote {
    /// Account, as it signs in and as journals call it
    #[arg(value_name = "NAME")]
    name: AccountName,
    /// What it may do
    #[arg(value_name = "ROLE", value_parser = roles())]
    role: Role,
    #[command(flatten)]
    why: Reason,
    #[command(flatten)]
    at: StoreArg,
}

#[derive(Debug, clap::Args)]
struct Turn {
    /// Account, as it signs in and as journals call it
    #[arg(value_name = "NAME")]
    name: AccountName,
    #[command(flatten)]
    why: Reason,
    #[command(flatten)]
    at: StoreArg,
}

#[derive(Debug, clap::Args)]
struct Renew {
    /// Account, as it signs in and as journals call it
    #[arg(value_name = "NAME")]
    name: AccountName,
    #[command(flatten)]
    password: PasswordArg,
    #[command(flatten)]
    at: StoreArg,
}

#[derive(Debug, clap::Args)]
struct Bind {
    /// Account, as it signs in and as journals call it
    #[arg(value_name = "NAME")]
    name: AccountName,
    /// What the provider calls them for ever: the `sub` of their ID token
    #[arg(value_name = "SUBJECT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    subject: String,
    /// The provider; oidc.issuer if not given
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    #[command(flatten)]
    why: Reason,
    #[command(flatten)]
    at: StoreArg,
}

#[derive(Debug, clap::Args)]
struct Reason {
    /// Why, for whoever looks into it later
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
}

/// Reads a role by its wire name, and lists them all in the help.
pub(super) fn roles() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.wire())).try_map(|word| word.parse::<Role>())
}

/// Who does it from a command line: no account has such a name.
pub(super) fn by() -> String {
    format!("cli:{}", person())
}

pub(super) async fn user(args: Args, setting: &Setting) -> Ended {
    let (lang, settings) = (setting.lang, &setting.loaded.settings);
    let at = match &args.what {
        What::Add(Add { at, .. })
        | What::List(List { at, .. })
        | What::Role(Promote { at, .. })
        | What::Disable(Turn { at, .. })
        | What::Enable(Turn { at, .. })
        | What::Password(Renew { at, .. })
        | What::Bind(Bind { at, .. }) => at,
    };
    // The first account may be made before the first start.
    let store = match &args.what {
        What::Add(_) => at.open_or_make(settings).await?,
        _ => at.open(lang, settings).await?,
    };
    let accounts = store.accounts();
    let ended = match args.what {
        What::Add(args) => add(args, &*accounts, lang).await,
        What::List(args) => list(args, &*accounts, lang).await,
        What::Role(Promote { name, role, why, .. }) => {
            change(name, &*accounts, lang, |next| Account { role, reason: why.reason, ..next }).await
        }
        What::Disable(Turn { name, why, .. }) => disable(name, why, &*accounts, lang).await,
        What::Enable(Turn { name, why, .. }) => {
            let enabled = |next| Account { disabled: false, reason: why.reason, ..next };
            change(name, &*accounts, lang, enabled).await
        }
        What::Password(args) => renew(args, &*accounts, lang).await,
        What::Bind(args) => bind(args, &settings.oidc.issuer, &*accounts, lang).await,
    };
    store.close(true).await;
    ended
}

async fn add(args: Add, accounts: &dyn AccountStore, lang: Lang) -> Ended {
    let there_is = |name| Failure::Bad(texts::user_known(lang, name));
    if accounts.account(args.name.clone()).await?.is_some() {
        return Err(there_is(args.name));
    }
    let password = if args.no_password {
        None
    } else {
        Some(Passwords::new()?.keep(args.password.ask(lang, &args.name)?, true).await?)
    };
    let new = Account::new(args.name, args.role, &by(), Timestamp::now());
    let new = Account { display_name: args.display_name, password, ..new };
    if !accounts.keep_account(new.clone()).await? {
        return Err(there_is(new.name));
    }
    Ok(Told::good(stands(lang, &new)))
}

async fn disable(name: AccountName, why: Reason, accounts: &dyn AccountStore, lang: Lang) -> Ended {
    let disabled = |next| Account { disabled: true, reason: why.reason, ..next };
    let told = change(name.clone(), accounts, lang, disabled).await?;
    // Or they would go on when it is let in again.
    accounts.revoke(Revoke::Sessions { of: name, but: None }).await?;
    Ok(told)
}

async fn renew(args: Renew, accounts: &dyn AccountStore, lang: Lang) -> Ended {
    known(&args.name, accounts, lang).await?;
    let password = Passwords::new()?.keep(args.password.ask(lang, &args.name)?, true).await?;
    let renewed = |next| Account { password: Some(password), ..next };
    let told = change(args.name.clone(), accounts, lang, renewed).await?;
    accounts.revoke(Revoke::Sessions { of: args.name, but: None }).await?;
    Ok(told)
}

async fn bind(args: Bind, configured: &str, accounts: &dyn AccountStore, lang: Lang) -> Ended {
    let Bind { name, subject, issuer, why, .. } = args;
    let issuer = issuer.unwrap_or_else(|| configured.to_owned());
    if issuer.is_empty() {
        return Err(Failure::Bad(texts::user_no_provider(lang)));
    }
    let identity = Some(Identity { issuer, subject });
    change(name, accounts, lang, |next| Account { identity, reason: why.reason, ..next }).await
}

/// An account as it is now.
pub(super) async fn known(
    name: &AccountName,
    accounts: &dyn AccountStore,
    lang: Lang,
) -> Result<Account, Failure> {
    let found = accounts.account(name.clone()).await?;
    found.ok_or_else(|| Failure::Bad(texts::user_unknown(lang, name)))
}

/// Adds a version to an account, and tells how it stands then.
async fn change(
    name: AccountName,
    accounts: &dyn AccountStore,
    lang: Lang,
    change: impl FnOnce(Account) -> Account,
) -> Ended {
    let now = known(&name, accounts, lang).await?;
    let next = change(now.next(&by(), Timestamp::now()));
    if administers(&now) && !administers(&next) {
        let others = accounts.accounts().await?.into_iter().filter(|other| other.name != name);
        if !others.into_iter().any(|other| administers(&other)) {
            return Err(Failure::Bad(texts::user_last_admin(lang, name)));
        }
    }
    if accounts.keep_account(next.clone()).await? {
        Ok(Told::good(stands(lang, &next)))
    } else {
        Err(Failure::Broken(anyhow::anyhow!(texts::user_changed_meanwhile(lang, name))))
    }
}

fn administers(account: &Account) -> bool {
    account.role == Role::Admin && !account.disabled
}

fn stands(lang: Lang, account: &Account) -> String {
    texts::user_stands(lang, &account.name, account.role.label(lang), state(lang, account)) + "\n"
}

/// How an account comes in, if it does.
fn state(lang: Lang, account: &Account) -> String {
    match &account.password {
        _ if account.disabled => texts::user_disabled(lang),
        None if account.identity.is_some() => texts::user_by_provider(lang),
        None => texts::user_without_password(lang),
        Some(password) if password.one_time => texts::user_one_time(lang),
        Some(_) => texts::user_with_password(lang),
    }
}

async fn list(args: List, accounts: &dyn AccountStore, lang: Lang) -> Ended {
    let listed = match args.name {
        None => accounts.accounts().await?,
        Some(name) => {
            known(&name, accounts, lang).await?;
            accounts.account_history(name).await?
        }
    };
    if args.json {
        return Ok(Told::good(serde_json::to_string_pretty(&json!({ "users": listed }))? + "\n"));
    }
    let mut table = tables::table(&[
        texts::head_user(lang),
        texts::head_version(lang),
        texts::head_role(lang),
        texts::head_state(lang),
        texts::head_changed(lang),
        texts::head_who(lang),
        texts::head_reason(lang),
    ]);
    for (at, account) in listed.iter().enumerate() {
        // An older version has no password to say anything of.
        let last = listed.get(at + 1).is_none_or(|next| next.name != account.name);
        let stood = if last || account.disabled { state(lang, account) } else { String::new() };
        table.add_row([
            Cell::new(&account.name),
            tables::number(account.version),
            Cell::new(tables::word(lang, account.role.wire(), account.role.label(lang))),
            Cell::new(stood),
            Cell::new(format!("{:.0}", account.changed_at)),
            Cell::new(&account.changed_by),
            Cell::new(&account.reason),
        ]);
    }
    Ok(Told::good(tables::text(&table)))
}
