//! The servers of a system that is scaled out: whether they let us in, and what is wrong with what they hold.

use std::time::{Duration, Instant};

use rehome_bus::amqp::{Amqp, Examined, Seen};
use rehome_domain::{
    lang::Lang,
    ports::{DeadLetter, Feed as _, SteeringStore as _, StoreError, TicketStore as _},
    steering::{Steered, pauses},
};
use rehome_store::Postgres;
use serde_json::{Value, json};

use super::LETTERS;
use crate::{
    app::{Roles, amqp_options, postgres_options},
    cli::steer,
    settings::{BusKind, Settings, StoreKind},
    texts, workbench,
};

/// How long what was committed may be held back: longer than any of our own transactions.
const HELD_UP: Duration = Duration::from_secs(30);

/// What was found of the servers that the settings name.
pub(super) struct Servers {
    broker: Option<Broker>,
    database: Option<Database>,
    /// The identity provider, and what is wrong with it.
    provider: Option<(String, Vec<String>)>,
}

struct Broker {
    examined: Option<Examined>,
    problems: Vec<String>,
}

#[derive(Default)]
struct Database {
    took: Duration,
    tickets: Option<u64>,
    quarantined: Vec<(String, String)>,
    letters: Vec<DeadLetter>,
    steering: Vec<Steered>,
    problems: Vec<String>,
}

impl Servers {
    /// Looks at them; at none if the settings name none.
    pub(super) async fn look(lang: Lang, settings: &Settings) -> Self {
        let broker = match settings.bus.kind {
            BusKind::Amqp => Some(Broker::look(lang, settings).await),
            BusKind::Embedded => None,
        };
        let database = match settings.store.kind {
            StoreKind::Postgres => Some(Database::look(lang, settings).await),
            StoreKind::Sqlite => None,
        };
        let provider = match workbench::provider(&settings.oidc) {
            Ok(None) => None,
            Ok(Some(provider)) => Some(provider.look().await.err().map(|why| why.to_string())),
            Err(error) => Some(Some(error.to_string())),
        };
        let provider = provider.map(|why| (settings.oidc.issuer.clone(), why.into_iter().collect()));
        Self { broker, database, provider }
    }

    pub(super) fn is_good(&self) -> bool {
        let broker = self.broker.as_ref().is_none_or(|broker| broker.problems.is_empty());
        let provider = self.provider.as_ref().is_none_or(|(_, problems)| problems.is_empty());
        broker && provider && self.database.as_ref().is_none_or(Database::is_good)
    }

    /// Whether the settings name any database that is no file.
    pub(super) const fn has_database(&self) -> bool {
        self.database.is_some()
    }

    /// What people read: a heading and lines, for each.
    pub(super) fn pages(&self, lang: Lang) -> Vec<(String, Vec<String>)> {
        let broker = self.broker.as_ref().map(|broker| (texts::broker(lang), broker.lines(lang)));
        let database = self.database.as_ref().map(|database| (texts::database(lang), database.lines(lang)));
        let provider = self.provider.as_ref().map(|(issuer, problems)| {
            let wrong = problems.iter().map(|problem| texts::wrong(lang, problem));
            (texts::provider(lang), std::iter::once(issuer.clone()).chain(wrong).collect())
        });
        broker.into_iter().chain(database).chain(provider).collect()
    }

    pub(super) fn documents(&self) -> [(&'static str, Value); 3] {
        let broker = self.broker.as_ref().map_or(Value::Null, Broker::document);
        let database = self.database.as_ref().map_or(Value::Null, Database::document);
        let provider = self.provider.as_ref().map_or(Value::Null, |(issuer, problems)| {
            json!({ "good": problems.is_empty(), "issuer": issuer, "problems": problems })
        });
        [("broker", broker), ("database", database), ("identity_provider", provider)]
    }
}

impl Broker {
    async fn look(lang: Lang, settings: &Settings) -> Self {
        match Amqp::examine(amqp_options(settings, Roles::NONE)).await {
            Err(error) => Self { examined: None, problems: vec![error.to_string()] },
            Ok(examined) => {
                let queues = examined.queues.iter().flat_map(|(queue, seen)| wrong_with(lang, queue, seen));
                let problems = examined.absent.iter().cloned().chain(queues).collect();
                Self { examined: Some(examined), problems }
            }
        }
    }

    fn lines(&self, lang: Lang) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(Examined { user, took, queues, .. }) = &self.examined {
            lines.push(texts::broker_lets_in(lang, user, took.as_millis()));
            for (queue, seen) in queues {
                if let Seen::There { messages, consumers, .. } = seen {
                    lines.push(texts::queue_holds(lang, queue, messages, consumers));
                }
            }
        }
        lines.extend(self.problems.iter().map(|problem| texts::wrong(lang, problem)));
        lines
    }

    fn document(&self) -> Value {
        let queue = |(queue, seen): &(String, Seen)| match seen {
            Seen::Missing => json!({ "queue": queue, "there": false }),
            Seen::There { messages, consumers, differs } => json!({
                "queue": queue, "there": true, "messages": messages, "consumers": consumers, "differs": differs,
            }),
        };
        let examined = self.examined.as_ref();
        json!({
            "good": self.problems.is_empty(),
            "user": examined.map(|examined| &examined.user),
            "milliseconds": examined.map(|examined| examined.took.as_millis()),
            "queues": examined.map(|examined| examined.queues.iter().map(queue).collect::<Vec<_>>()),
            "problems": self.problems,
        })
    }
}

/// What is wrong with a queue, and what to do.
fn wrong_with(lang: Lang, queue: &str, seen: &Seen) -> Vec<String> {
    let short = queue.rsplit('.').next().unwrap_or(queue);
    match seen {
        Seen::Missing => vec![texts::queue_missing(lang, queue)],
        Seen::There { messages, consumers, differs } => {
            let role = match short {
                "l3" | "l2" => short,
                _ => "supervisor",
            };
            let left = (short != "unreadable" && *messages > 0 && *consumers == 0)
                .then(|| texts::queue_untaken(lang, queue, messages, role));
            let unreadable = (short == "unreadable" && *messages > 0)
                .then(|| texts::queue_unreadable(lang, queue, messages));
            differs.iter().cloned().chain(left).chain(unreadable).collect()
        }
    }
}

impl Database {
    async fn look(lang: Lang, settings: &Settings) -> Self {
        let mut found = Self::default();
        match Postgres::open_read_only(&postgres_options(settings)).await {
            Err(error) => found.problems.push(error.to_string()),
            Ok(store) => {
                if let Err(error) = found.look_into(lang, &store).await {
                    found.problems.push(error.to_string());
                }
            }
        }
        found
    }

    /// Counts, and what is set aside; not every ticket, of which there may be millions.
    async fn look_into(&mut self, lang: Lang, store: &Postgres) -> Result<(), StoreError> {
        let begun = Instant::now();
        self.letters = store.dead_letters(LETTERS).await?;
        self.took = begun.elapsed();
        self.tickets = Some(store.counts().await?.iter().map(|count| count.tickets).sum());
        let quarantined = store.quarantined().await?.into_iter();
        self.quarantined = quarantined.map(|(id, why)| (id.to_string(), why)).collect();
        self.steering = store.steering().await?;
        let held_up = store.held_up().await?;
        if held_up > HELD_UP {
            self.problems.push(texts::held_up(lang, held_up.as_secs()));
        }
        Ok(())
    }

    fn is_good(&self) -> bool {
        self.problems.is_empty() && self.quarantined.is_empty()
    }

    fn lines(&self, lang: Lang) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(tickets) = self.tickets {
            lines.push(texts::database_answers(lang, self.took.as_millis(), tickets));
        }
        lines.extend(pauses(&self.steering).into_iter().map(|line| steer::said(lang, line)));
        lines.extend(self.problems.iter().map(|problem| texts::wrong(lang, problem)));
        let aside = self.quarantined.iter();
        lines.extend(aside.map(|(id, why)| texts::wrong(lang, texts::can_not_go_on(lang, id, why))));
        lines.extend(self.letters.iter().map(|letter| super::letter(lang, letter)));
        lines
    }

    fn document(&self) -> Value {
        json!({
            "good": self.is_good(),
            "milliseconds": self.tickets.map(|_| self.took.as_millis()),
            "tickets": self.tickets,
            "quarantined": super::quarantine(&self.quarantined),
            "paused": pauses(&self.steering),
            "dead_letters": self.letters,
            "problems": self.problems,
        })
    }
}
