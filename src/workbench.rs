//! The workbench and the API of this process: its door, its asker, and the first user.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rehome_actors::{plan::Foresight, wall_clock};
use rehome_domain::{
    account::{Account, AccountName},
    lang::Lang,
    ports::{AccountStore, StoreError},
    request::Deadlines,
    role::Role,
    webhook::Patience,
};
use rehome_web::{
    Asker, Changes, Door, Fresh, Listening, Pulse, Runs, SheetFault, SheetReader, SheetRow, Workbench,
    door::{Claims, Lifetimes, PasswordError, Passwords, Provider, ProviderParts, one_time},
    frame::Outside,
    webhooks::{Postman, PostmanParts, Reach, client::Client},
};

use crate::{
    app::{App, Store, domains},
    http::{self, NoCertificates},
    settings::{Oidc, Settings, Tls},
    sheet::{self, SheetError},
};

/// What the first user is called, who is made where there is none.
const FIRST: &str = "admin";

/// The first user could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FirstError {
    /// The store failed.
    #[error("the accounts can't be read or written: {0}")]
    Store(#[from] StoreError),
    /// The password can't be made.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Whether somebody can come in.
#[derive(Debug)]
pub enum First {
    /// There are users.
    Known,
    /// There were none: this one was made. The password is told nowhere else.
    Made {
        /// The name.
        name: AccountName,
        /// The password for the first sign-in.
        password: String,
    },
    /// There are none, and whoever reaches it must not find one waiting.
    Nobody,
}

/// Makes the first user where only this machine can reach the workbench.
///
/// # Errors
/// If the store fails, or the system has no randomness.
pub async fn first_user(accounts: &dyn AccountStore, loopback: bool) -> Result<First, FirstError> {
    if !accounts.accounts().await?.is_empty() {
        return Ok(First::Known);
    }
    let Some(name) = FIRST.parse::<AccountName>().ok().filter(|_| loopback) else {
        return Ok(First::Nobody);
    };
    let clear = one_time()?;
    let password = Some(Passwords::new()?.keep(clear.clone(), true).await?);
    let account = Account { password, ..Account::new(name.clone(), Role::Admin, "rehome", Timestamp::now()) };
    // Another process may have made one meanwhile, and has told its password.
    let made = accounts.keep_first_account(account).await?;
    Ok(if made { First::Made { name, password: clear } } else { First::Known })
}

/// What people and programs see and do in this process.
///
/// # Errors
/// If no password can be hashed on this machine.
pub fn open(
    settings: &Settings,
    app: &App,
    store: &Store,
    provider: Option<Provider>,
) -> Result<Arc<Workbench>, PasswordError> {
    let given = &settings.workbench;
    let lifetimes = Lifetimes { session: given.session(), idle: given.idle() };
    Ok(Arc::new(Workbench {
        door: Door::new(store.accounts(), wall_clock(), lifetimes)?.with_provider(provider),
        asker: Asker::start(Arc::clone(&app.bus), given.answer()),
        tickets: Arc::clone(&app.tickets),
        counts: Fresh::counts(Arc::clone(&app.tickets)),
        devices: Fresh::devices(Arc::clone(&app.tickets)),
        figures: Fresh::figures(store.board(), wall_clock()),
        planner: Arc::new(Foresight::new(Arc::clone(&app.inventory))),
        board: store.board(),
        letters: store.letters(),
        steering: store.steering(),
        under_way: Fresh::under_way(Arc::clone(&app.tickets)),
        domain_of: domains(settings),
        sheets: Arc::new(Sheets { deadlines: settings.deadlines }),
        runs: Runs::default(),
        pulse: Pulse::start(&*app.bus),
        changes: Changes::start(store.feed(), Arc::clone(&app.tickets)),
        webhooks: store.webhooks(),
        feed: store.feed(),
        reach: reach(settings),
        deadlines: settings.deadlines,
    }))
}

/// The identity provider, if one is configured.
///
/// # Errors
/// If the system's certificates can't be read.
pub fn provider(given: &Oidc) -> Result<Option<Provider>, NoCertificates> {
    if given.issuer.is_empty() {
        return Ok(None);
    }
    let roles = [
        (Role::Viewer, &given.viewers),
        (Role::Operator, &given.operators),
        (Role::Supervisor, &given.supervisors),
        (Role::Admin, &given.admins),
    ];
    Ok(Some(Provider::new(ProviderParts {
        issuer: given.issuer.clone(),
        client_id: given.client_id.clone(),
        client_secret: given.client_secret.clone(),
        callback: given.callback.clone(),
        scopes: given.scopes.clone(),
        claims: Claims {
            name: given.name_claim.clone(),
            groups: given.roles_claim.clone(),
            roles: roles.map(|(role, groups)| (role, groups.clone())).to_vec(),
        },
        label: given.label.clone(),
        agent: http::agent(Duration::from_millis(given.timeout_ms.into()))?,
    })))
}

/// Who may be told of changes. The settings were checked when they were read.
fn reach(settings: &Settings) -> Reach {
    Reach::read(&settings.webhooks.allow).unwrap_or_default()
}

/// Begins to tell webhooks of changes.
///
/// # Errors
/// If the system's certificates can't be read.
pub fn postman(settings: &Settings, app: &App, store: &Store) -> Result<Postman, NoCertificates> {
    let given = &settings.webhooks;
    let millis = |ms: u32| Duration::from_millis(ms.into());
    let signed = |ms: u32| SignedDuration::from_millis(ms.into());
    Ok(Postman::start(PostmanParts {
        feed: store.feed(),
        webhooks: store.webhooks(),
        tickets: Arc::clone(&app.tickets),
        accounts: store.accounts(),
        post: Arc::new(Client::new(reach(settings), millis(given.post_ms), http::tls()?)),
        patience: Patience {
            first: signed(given.first_ms),
            longest: signed(given.max_ms),
            tries: given.tries,
        },
        lease: signed(given.lease_ms),
        poll: millis(given.poll_ms),
        now: wall_clock(),
    }))
}

/// How it is served at an address.
#[must_use]
pub fn listening(settings: &Settings, at: SocketAddr) -> Listening {
    let given = &settings.http;
    let secure = match given.tls {
        Tls::Always => true,
        Tls::Never => false,
        Tls::Auto => !at.ip().is_loopback(),
    };
    // The settings were checked when they were read.
    let proxies = given.proxies.iter().filter_map(|proxy| proxy.parse().ok()).collect();
    Listening { threads: given.threads, outside: Outside { proxies, secure } }
}

/// What is wrong with a sheet, row by row; or with all of it.
fn faults(lang: Lang, error: SheetError) -> Vec<SheetFault> {
    match error {
        SheetError::Rows { problems, .. } => problems
            .into_iter()
            .map(|row| SheetFault {
                line: Some(row.line),
                field: row.field,
                problem: row.problem.sentence(lang),
            })
            .collect(),
        other => vec![SheetFault { line: None, field: None, problem: other.sentence(lang) }],
    }
}

/// Reads sheets as `rehome run` does.
struct Sheets {
    deadlines: Deadlines,
}

impl SheetReader for Sheets {
    fn read(&self, name: &str, bytes: &[u8], lang: Lang) -> Result<Vec<SheetRow>, Vec<SheetFault>> {
        let sheet =
            sheet::named(Path::new(name), bytes, self.deadlines).map_err(|error| faults(lang, error))?;
        let row = |row: sheet::Row| SheetRow { line: row.line, request: row.request };
        Ok(sheet.rows.into_iter().map(row).collect())
    }
}
