//! Accounts and their passes.

use rehome_domain::{
    account::{Account, AccountName, Pass, PassKey},
    ports::{AccountStore, Revoke, StoreError, Wait},
};
use tokio_postgres::{Error, Row};

use super::{Postgres, session::Params, tickets::each};
use crate::rows::{self, RawAccount};

fn raw(row: &Row) -> Result<RawAccount, Error> {
    Ok(RawAccount { body: row.try_get(0)?, password: row.try_get(1)? })
}

impl Postgres {
    async fn keep(&self, account: Account, only_if_none: bool) -> Result<bool, StoreError> {
        const SQL: &str = "WITH kept AS (
                INSERT INTO account (name, version, body, password) SELECT $1, $2, $3, $4
                WHERE $2 = 1 + coalesce((SELECT max(version) FROM account WHERE name = $1), 0)
                    AND NOT ($5 AND EXISTS (SELECT FROM account))
                ON CONFLICT DO NOTHING RETURNING name, version
            ), forgotten AS (
                UPDATE account SET password = NULL FROM kept
                WHERE account.name = kept.name AND account.version < kept.version
            ) SELECT version FROM kept";
        let RawAccount { body, password } = RawAccount::new(&account)?;
        let (name, version) = (account.name.as_str(), account.version.cast_signed());
        let kept = self
            .single("keeping an account", false, SQL, &[&name, &version, &body, &password, &only_if_none])
            .await?;
        Ok(!kept.is_empty())
    }

    async fn some_accounts(&self, sql: &str, params: &Params<'_>) -> Result<Vec<Account>, StoreError> {
        let found = self.db.read(rows::ACCOUNTS, sql, params).await?;
        each(rows::ACCOUNTS, &found, raw)?.into_iter().map(RawAccount::account).collect()
    }
}

impl AccountStore for Postgres {
    fn account(&self, name: AccountName) -> Wait<'_, Result<Option<Account>, StoreError>> {
        const SQL: &str = "SELECT body, password FROM account WHERE name = $1 ORDER BY version DESC LIMIT 1";
        Box::pin(async move { Ok(self.some_accounts(SQL, &[&name.as_str()]).await?.pop()) })
    }

    fn accounts(&self) -> Wait<'_, Result<Vec<Account>, StoreError>> {
        const SQL: &str = "SELECT DISTINCT ON (name COLLATE \"C\") body, password FROM account
            ORDER BY name COLLATE \"C\", version DESC";
        Box::pin(async move { self.some_accounts(SQL, &[]).await })
    }

    fn account_history(&self, name: AccountName) -> Wait<'_, Result<Vec<Account>, StoreError>> {
        const SQL: &str = "SELECT body, password FROM account WHERE name = $1 ORDER BY version";
        Box::pin(async move { self.some_accounts(SQL, &[&name.as_str()]).await })
    }

    fn keep_account(&self, account: Account) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(self.keep(account, false))
    }

    fn keep_first_account(&self, account: Account) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(self.keep(account, true))
    }

    fn issue(&self, key: PassKey, pass: Pass) -> Wait<'_, Result<(), StoreError>> {
        const SQL: &str = "INSERT INTO pass (key, id, account, kind, until, body)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        Box::pin(async move {
            let (key, body, until) = (key.0.as_slice(), rows::json(&pass)?, rows::until(&pass));
            let (account, kind) = (pass.account.as_str(), pass.kind.wire());
            self.single("issuing a pass", true, SQL, &[&key, &pass.id, &account, &kind, &until, &body])
                .await?;
            Ok(())
        })
    }

    fn holder(&self, key: PassKey) -> Wait<'_, Result<Option<(Account, Pass)>, StoreError>> {
        const SQL: &str = "SELECT account.body, account.password, pass.body FROM pass
            JOIN account ON account.name = pass.account
            WHERE pass.key = $1 ORDER BY account.version DESC LIMIT 1";
        Box::pin(async move {
            let found = self.db.read(rows::ACCOUNTS, SQL, &[&key.0.as_slice()]).await?;
            let read = |row: &Row| Ok((raw(row)?, row.try_get::<_, String>(2)?));
            let found = each(rows::ACCOUNTS, &found, read)?.pop();
            found
                .map(|(account, pass)| Ok((account.account()?, rows::from_json(rows::ACCOUNTS, &pass)?)))
                .transpose()
        })
    }

    fn passes(&self, of: Option<AccountName>) -> Wait<'_, Result<Vec<Pass>, StoreError>> {
        const SQL: &str = "SELECT body FROM pass WHERE $1::text IS NULL OR account = $1";
        Box::pin(async move {
            let of = of.map(String::from);
            let found = self.db.read(rows::ACCOUNTS, SQL, &[&of]).await?;
            rows::passes(&each(rows::ACCOUNTS, &found, |row| row.try_get::<_, String>(0))?)
        })
    }

    fn seen(&self, pass: Pass) -> Wait<'_, Result<(), StoreError>> {
        const SQL: &str = "UPDATE pass SET until = $2, body = $3 WHERE id = $1";
        Box::pin(async move {
            let (body, until) = (rows::json(&pass)?, rows::until(&pass));
            self.single("noting that a pass was shown", true, SQL, &[&pass.id, &until, &body]).await?;
            Ok(())
        })
    }

    fn revoke(&self, which: Revoke) -> Wait<'_, Result<u64, StoreError>> {
        const WHAT: &str = "revoking passes";
        Box::pin(async move {
            let gone = match which {
                Revoke::One(id) => {
                    self.single(WHAT, true, "DELETE FROM pass WHERE id = $1 RETURNING id", &[&id]).await?
                }
                Revoke::Sessions { of, but } => {
                    let sql = "DELETE FROM pass WHERE account = $1 AND kind = 'session'
                        AND id IS DISTINCT FROM $2 RETURNING id";
                    self.single(WHAT, true, sql, &[&of.as_str(), &but]).await?
                }
                Revoke::Ended(at) => {
                    let sql = "DELETE FROM pass WHERE until <= $1 RETURNING id";
                    self.single(WHAT, true, sql, &[&rows::not_after(at)]).await?
                }
            };
            Ok(gone.len() as u64)
        })
    }
}
