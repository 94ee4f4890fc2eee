//! What a store of accounts must do.

use std::sync::Arc;

use jiff::Timestamp;
use rehome_domain::{
    account::{Account, AccountName, Pass, PassKey, PassKind, Password},
    ports::{AccountStore, Revoke},
    role::Role,
};
use uuid::Uuid;

use super::{Case, cases};

/// The suite.
pub const CASES: &[Case<dyn AccountStore>] = cases![
    an_account_comes_back_as_it_was_kept,
    only_the_version_after_the_last_is_kept,
    of_many_who_change_an_account_at_once_one_does,
    every_version_stays_but_only_the_last_has_a_password,
    the_first_account_is_kept_only_where_there_is_none,
    a_pass_comes_back_by_its_key_with_its_account_as_it_is_now,
    what_was_seen_is_kept_and_does_not_bring_back_what_was_revoked,
    passes_are_revoked_one_by_one_by_account_and_by_age,
];

fn name(name: &str) -> AccountName {
    name.parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn account(called: &str) -> Account {
    let password = Some(Password { hash: format!("$hash-of-{called}"), one_time: true });
    let display_name = "李雷 \" \0".to_owned();
    Account { display_name, password, ..Account::new(name(called), Role::Operator, "root", at(5)) }
}

fn key(number: u8) -> PassKey {
    PassKey([number; 32])
}

fn pass(number: u8, of: &str, kind: PassKind) -> Pass {
    Pass {
        id: Uuid::from_u128(number.into()),
        kind,
        account: name(of),
        label: format!("pass {number}"),
        at_most: (kind == PassKind::Token).then_some(Role::Viewer),
        issued_by: "root".to_owned(),
        issued_at: at(number.into()),
        seen_at: at(number.into()),
        ends_at: (kind == PassKind::Session).then(|| at(1000)),
        idle_ms: (kind == PassKind::Session).then_some(100_000),
    }
}

async fn an_account_comes_back_as_it_was_kept(store: Arc<dyn AccountStore>) {
    assert_eq!(store.account(name("ann")).await.unwrap(), None);
    assert_eq!(store.accounts().await.unwrap(), []);
    // Sorted by bytes, whatever the database's language.
    let names = ["a-b", "a.b", "aa", "ann", "b"];
    for called in names.iter().rev() {
        assert!(store.keep_account(account(called)).await.unwrap());
    }
    assert_eq!(store.account(name("ann")).await.unwrap(), Some(account("ann")));
    assert_eq!(store.accounts().await.unwrap(), names.map(account));
}

async fn only_the_version_after_the_last_is_kept(store: Arc<dyn AccountStore>) {
    let first = account("ann");
    let second = Account { role: Role::Admin, ..first.next("root", at(6)) };
    assert!(!store.keep_account(second.clone()).await.unwrap(), "before the first");
    assert!(store.keep_account(first.clone()).await.unwrap());
    assert!(!store.keep_account(first).await.unwrap(), "again");
    assert!(store.keep_account(second.clone()).await.unwrap());
    assert!(!store.keep_account(second.clone()).await.unwrap(), "again");
    let fourth = second.next("root", at(7)).next("root", at(8));
    assert!(!store.keep_account(fourth).await.unwrap(), "beyond the next");
    assert_eq!(store.account(name("ann")).await.unwrap(), Some(second));
}

async fn of_many_who_change_an_account_at_once_one_does(store: Arc<dyn AccountStore>) {
    let first = account("ann");
    store.keep_account(first.clone()).await.unwrap();
    let rivals = (0..8).map(|rival| {
        let (store, next) = (Arc::clone(&store), first.next(&format!("rival {rival}"), at(6)));
        tokio::spawn(async move { store.keep_account(next).await.unwrap() })
    });
    let mut kept = 0;
    for rival in rivals.collect::<Vec<_>>() {
        kept += usize::from(rival.await.unwrap());
    }
    assert_eq!((kept, store.account(name("ann")).await.unwrap().unwrap().version), (1, 2));
}

async fn every_version_stays_but_only_the_last_has_a_password(store: Arc<dyn AccountStore>) {
    let first = account("ann");
    let second = Account { disabled: true, reason: "has left".to_owned(), ..first.next("bob", at(6)) };
    let third = Account { role: Role::Viewer, ..second.next("eve", at(7)) };
    for version in [&first, &second, &third] {
        assert!(store.keep_account(version.clone()).await.unwrap());
    }
    store.keep_account(account("other")).await.unwrap();
    let forgotten = |version: &Account| Account { password: None, ..version.clone() };
    let expected = [forgotten(&first), forgotten(&second), third];
    assert_eq!(store.account_history(name("ann")).await.unwrap(), expected);
}

async fn the_first_account_is_kept_only_where_there_is_none(store: Arc<dyn AccountStore>) {
    assert!(store.keep_first_account(account("admin")).await.unwrap());
    assert!(!store.keep_first_account(account("admin")).await.unwrap());
    assert!(!store.keep_first_account(account("other")).await.unwrap());
    assert_eq!(store.accounts().await.unwrap(), [account("admin")]);
}

async fn a_pass_comes_back_by_its_key_with_its_account_as_it_is_now(store: Arc<dyn AccountStore>) {
    let first = account("ann");
    store.keep_account(first.clone()).await.unwrap();
    let (token, session) = (pass(1, "ann", PassKind::Token), pass(2, "ann", PassKind::Session));
    store.issue(key(1), token.clone()).await.unwrap();
    store.issue(key(2), session.clone()).await.unwrap();
    assert_eq!(store.holder(key(1)).await.unwrap(), Some((first.clone(), token)));
    assert_eq!(store.holder(key(3)).await.unwrap(), None);
    let disabled = Account { disabled: true, ..first.next("root", at(6)) };
    store.keep_account(disabled.clone()).await.unwrap();
    assert_eq!(store.holder(key(2)).await.unwrap(), Some((disabled, session)));
}

async fn what_was_seen_is_kept_and_does_not_bring_back_what_was_revoked(store: Arc<dyn AccountStore>) {
    store.keep_account(account("ann")).await.unwrap();
    store.issue(key(1), pass(1, "ann", PassKind::Session)).await.unwrap();
    let seen = Pass { seen_at: at(90), ..pass(1, "ann", PassKind::Session) };
    store.seen(seen.clone()).await.unwrap();
    assert_eq!(store.passes(None).await.unwrap(), std::slice::from_ref(&seen));
    // It lives longer now that it was seen.
    assert_eq!(store.revoke(Revoke::Ended(at(150))).await.unwrap(), 0);
    assert_eq!(store.revoke(Revoke::One(seen.id)).await.unwrap(), 1);
    store.seen(seen).await.unwrap();
    assert_eq!(store.holder(key(1)).await.unwrap(), None);
}

async fn passes_are_revoked_one_by_one_by_account_and_by_age(store: Arc<dyn AccountStore>) {
    use PassKind::{Session, Token};
    for called in ["ann", "bob"] {
        store.keep_account(account(called)).await.unwrap();
    }
    let all = [(1, "ann", Token), (2, "ann", Session), (3, "bob", Session), (4, "ann", Session)];
    for (number, of, kind) in all {
        store.issue(key(number), pass(number, of, kind)).await.unwrap();
    }
    let left = async |of: Option<&str>| -> Vec<u128> {
        let passes = store.passes(of.map(name)).await.unwrap();
        passes.iter().map(|pass| pass.id.as_u128()).collect()
    };
    assert_eq!(left(None).await, [1, 2, 3, 4]);
    assert_eq!(left(Some("ann")).await, [1, 2, 4]);
    let but = Some(Uuid::from_u128(4));
    assert_eq!(store.revoke(Revoke::Sessions { of: name("ann"), but }).await.unwrap(), 1);
    assert_eq!(left(None).await, [1, 3, 4]);
    assert_eq!(store.revoke(Revoke::One(Uuid::from_u128(3))).await.unwrap(), 1);
    assert_eq!(store.revoke(Revoke::One(Uuid::from_u128(3))).await.unwrap(), 0);
    // Idle since 4, for 100 seconds; the token has no end.
    assert_eq!(store.revoke(Revoke::Ended(at(103))).await.unwrap(), 0);
    assert_eq!(store.revoke(Revoke::Ended(at(104))).await.unwrap(), 1);
    assert_eq!(left(None).await, [1]);
    assert_eq!(store.revoke(Revoke::Sessions { of: name("ann"), but: None }).await.unwrap(), 0);
}
