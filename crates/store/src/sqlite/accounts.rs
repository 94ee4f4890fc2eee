//! Accounts and their passes.

use rehome_domain::{
    account::{Account, AccountName, Pass, PassKey},
    ports::{AccountStore, Revoke, StoreError, Wait},
};
use rusqlite::{Connection, Row, params};

use super::{Sqlite, writer::Write};
use crate::rows::{self, RawAccount};

/// The last version of each account.
const CURRENT: &str =
    "account.version = (SELECT max(version) FROM account AS other WHERE other.name = account.name)";

fn raw(row: &Row<'_>) -> rusqlite::Result<RawAccount> {
    Ok(RawAccount { body: row.get(0)?, password: row.get(1)? })
}

struct Keep {
    name: String,
    version: i64,
    row: RawAccount,
    only_if_none: bool,
}

impl Write for Keep {
    type Answer = bool;
    const WHAT: &'static str = "keeping an account";

    fn execute(&self, db: &Connection) -> rusqlite::Result<bool> {
        let Self { name, version, row, only_if_none } = self;
        let added = db
            .prepare_cached(
                "INSERT INTO account (name, version, body, password) SELECT ?1, ?2, ?3, ?4
                 WHERE ?2 = 1 + coalesce((SELECT max(version) FROM account WHERE name = ?1), 0)
                     AND NOT (?5 AND EXISTS (SELECT 1 FROM account))",
            )?
            .execute(params![name, version, row.body, row.password, only_if_none])?;
        if added > 0 {
            db.prepare_cached("UPDATE account SET password = NULL WHERE name = ?1 AND version < ?2")?
                .execute(params![name, version])?;
        }
        Ok(added > 0)
    }
}

struct Issue {
    key: PassKey,
    pass: Pass,
    body: String,
}

impl Write for Issue {
    type Answer = ();
    const WHAT: &'static str = "issuing a pass";

    fn execute(&self, db: &Connection) -> rusqlite::Result<()> {
        let Pass { id, kind, account, .. } = &self.pass;
        db.prepare_cached(
            "INSERT INTO pass (key, id, account, kind, until, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            self.key.0.as_slice(),
            id.as_bytes().as_slice(),
            account.as_str(),
            kind.wire(),
            rows::until(&self.pass),
            self.body,
        ])?;
        Ok(())
    }
}

struct Seen {
    pass: Pass,
    body: String,
}

impl Write for Seen {
    type Answer = ();
    const WHAT: &'static str = "noting that a pass was shown";

    fn execute(&self, db: &Connection) -> rusqlite::Result<()> {
        db.prepare_cached("UPDATE pass SET until = ?2, body = ?3 WHERE id = ?1")?.execute(params![
            self.pass.id.as_bytes().as_slice(),
            rows::until(&self.pass),
            self.body
        ])?;
        Ok(())
    }
}

impl Write for Revoke {
    type Answer = u64;
    const WHAT: &'static str = "revoking passes";

    fn execute(&self, db: &Connection) -> rusqlite::Result<u64> {
        let gone = match self {
            Self::One(id) => db
                .prepare_cached("DELETE FROM pass WHERE id = ?1")?
                .execute(params![id.as_bytes().as_slice()])?,
            Self::Sessions { of, but } => db
                .prepare_cached("DELETE FROM pass WHERE account = ?1 AND kind = 'session' AND id IS NOT ?2")?
                .execute(params![of.as_str(), but.map(|id| id.as_bytes().to_vec())])?,
            Self::Ended(at) => db
                .prepare_cached("DELETE FROM pass WHERE until <= ?1")?
                .execute(params![rows::not_after(*at)])?,
        };
        Ok(gone as u64)
    }
}

impl Sqlite {
    async fn keep(&self, account: Account, only_if_none: bool) -> Result<bool, StoreError> {
        let (name, version) = (account.name.to_string(), account.version.cast_signed());
        self.write(Keep { name, version, row: RawAccount::new(&account)?, only_if_none }).await
    }

    async fn some_accounts(
        &self,
        sql: &'static str,
        name: Option<AccountName>,
    ) -> Result<Vec<Account>, StoreError> {
        let name = name.map(String::from);
        let read = move |db: &Connection| {
            db.prepare_cached(sql)?.query_map(params![name], raw)?.collect::<Result<Vec<_>, _>>()
        };
        self.read(rows::ACCOUNTS, read).await?.into_iter().map(RawAccount::account).collect()
    }
}

impl AccountStore for Sqlite {
    fn account(&self, name: AccountName) -> Wait<'_, Result<Option<Account>, StoreError>> {
        const SQL: &str = "SELECT body, password FROM account WHERE name = ?1 ORDER BY version DESC LIMIT 1";
        Box::pin(async move { Ok(self.some_accounts(SQL, Some(name)).await?.pop()) })
    }

    fn accounts(&self) -> Wait<'_, Result<Vec<Account>, StoreError>> {
        const SQL: &str = "SELECT body, password FROM account WHERE ?1 IS NULL
            AND version = (SELECT max(version) FROM account AS other WHERE other.name = account.name)
            ORDER BY name";
        Box::pin(self.some_accounts(SQL, None))
    }

    fn account_history(&self, name: AccountName) -> Wait<'_, Result<Vec<Account>, StoreError>> {
        const SQL: &str = "SELECT body, password FROM account WHERE name = ?1 ORDER BY version";
        Box::pin(self.some_accounts(SQL, Some(name)))
    }

    fn keep_account(&self, account: Account) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(self.keep(account, false))
    }

    fn keep_first_account(&self, account: Account) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(self.keep(account, true))
    }

    fn issue(&self, key: PassKey, pass: Pass) -> Wait<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let body = rows::json(&pass)?;
            self.write(Issue { key, pass, body }).await
        })
    }

    fn holder(&self, key: PassKey) -> Wait<'_, Result<Option<(Account, Pass)>, StoreError>> {
        Box::pin(async move {
            let read = move |db: &Connection| {
                let sql = format!(
                    "SELECT account.body, account.password, pass.body FROM pass
                     JOIN account ON account.name = pass.account AND {CURRENT} WHERE pass.key = ?1"
                );
                db.prepare_cached(&sql)?
                    .query_map(params![key.0.as_slice()], |row| Ok((raw(row)?, row.get(2)?)))?
                    .next()
                    .transpose()
            };
            let found: Option<(RawAccount, String)> = self.read(rows::ACCOUNTS, read).await?;
            found
                .map(|(account, pass)| Ok((account.account()?, rows::from_json(rows::ACCOUNTS, &pass)?)))
                .transpose()
        })
    }

    fn passes(&self, of: Option<AccountName>) -> Wait<'_, Result<Vec<Pass>, StoreError>> {
        Box::pin(async move {
            let of = of.map(String::from);
            let read = move |db: &Connection| {
                db.prepare_cached("SELECT body FROM pass WHERE ?1 IS NULL OR account = ?1")?
                    .query_map(params![of], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()
            };
            rows::passes(&self.read(rows::ACCOUNTS, read).await?)
        })
    }

    fn seen(&self, pass: Pass) -> Wait<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let body = rows::json(&pass)?;
            self.write(Seen { pass, body }).await
        })
    }

    fn revoke(&self, which: Revoke) -> Wait<'_, Result<u64, StoreError>> {
        Box::pin(self.write(which))
    }
}
