//! A supervisor over a real broker, and users of that broker with a role each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rehome_actors::{
    dead::collect,
    helm::{Helm, HelmParts},
    supervisor::{Gauge, SupervisorParts, supervise},
    wall_clock,
};
use rehome_bus::{
    Amqp,
    amqp::{Limits, Options},
};
use rehome_domain::{
    RelocationId, Ticket,
    journal::Entry,
    ports::{Bus, DeadLetter, Loaded, TicketStore},
    role::Role,
};
use rehome_store::Sqlite;
use rehome_testkit::{
    broker::Vhost,
    stranger::{RefusedByBroker, Said, Stranger, Tap},
};
use serde_json::Value;
use tempfile::TempDir;

/// The exchange of commands.
pub(super) const COMMANDS: &str = "rehome.commands";

/// Gives each user's queue a name of its own.
static TAPS: AtomicU32 = AtomicU32::new(0);

pub(super) struct World {
    pub(super) vhost: Vhost,
    pub(super) store: Arc<Sqlite>,
    pub(super) tickets: Arc<dyn TicketStore>,
    pub(super) amqp: Arc<Amqp>,
    _dir: TempDir,
}

impl World {
    /// A user of the broker for each role, named as it, who may write commands; nobody relays.
    pub(super) async fn new() -> Self {
        Self::with_relays(&[]).await
    }

    /// The same, and users whose processes may speak for people.
    pub(super) async fn with_relays(relays: &[&str]) -> Self {
        let vhost = Vhost::new();
        for role in Role::ALL {
            vhost.user_may(role.wire(), "^tap-.*", "^(tap-.*|rehome.commands)$", "^(tap-.*|rehome.events)$");
        }
        let names: Vec<(String, Role)> =
            Role::ALL.into_iter().map(|role| (vhost.named(role.wire()), role)).collect();
        let role_of = move |user: &str| {
            names.iter().find(|(name, _)| name == user).map_or(Role::Viewer, |(_, role)| *role)
        };
        let options = Options {
            role_of: Arc::new(role_of),
            relays: relays.iter().map(|user| vhost.named(user)).collect(),
            // Dead letters and answers are looked for at once.
            limits: Limits { reconnect_max: Duration::from_millis(500), ..Limits::default() },
            ..Options::new(&vhost.url())
        };
        let amqp = Amqp::connect(options).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = rehome_store::Options { full_sync: false, ..rehome_store::Options::default() };
        let store = Sqlite::open(&dir.path().join("rehome.db"), &options).unwrap();
        Self { vhost, tickets: Arc::clone(&store) as _, store, amqp, _dir: dir }
    }

    /// Supervisor, helm and collector at work.
    pub(super) fn at_work(&self) {
        self.at_work_on(&(Arc::clone(&self.amqp) as _));
    }

    /// The same, over another bus.
    pub(super) fn at_work_on(&self, bus: &Arc<dyn Bus>) {
        let helm = Helm::new(HelmParts {
            steering: Arc::clone(&self.store) as _,
            tickets: Arc::clone(&self.tickets),
            bus: Arc::clone(bus),
            domain_of: Arc::new(|_| "default".to_owned()),
            every: Duration::from_millis(50),
            now: wall_clock(),
        });
        tokio::spawn(supervise(SupervisorParts {
            tickets: Arc::clone(&self.tickets),
            bus: Arc::clone(bus),
            batch: 128,
            in_flight: 1_000_000,
            shared: true,
            helm: Arc::clone(&helm),
            now: wall_clock(),
            gauge: Arc::<Gauge>::default(),
        }));
        tokio::spawn(Arc::clone(&helm).obey(bus.steering()));
        tokio::spawn(helm.keep());
        tokio::spawn(collect(bus.dead(), Arc::clone(&self.tickets)));
    }

    /// A user of the broker with this role, with a queue of their own for answers.
    pub(super) async fn user(&self, role: Role) -> User {
        let stranger = Stranger::connect(&self.vhost.url_of(role.wire())).await;
        let queue = format!("tap-{}", TAPS.fetch_add(1, Ordering::Relaxed));
        let answers = stranger.listen(&queue, &[]).await;
        User { name: self.vhost.named(role.wire()), queue, stranger, answers }
    }

    pub(super) async fn ticket(&self, id: RelocationId) -> Ticket {
        match self.tickets.load(vec![id]).await.unwrap().remove(0) {
            Loaded::Ticket(ticket) => *ticket,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn last_entry(&self, id: RelocationId) -> Entry {
        self.tickets.journal(id).await.unwrap().pop().unwrap().unwrap()
    }

    /// The dead letter that fits, once there is one.
    pub(super) async fn dead_letter(&self, fits: impl Fn(&DeadLetter) -> bool) -> DeadLetter {
        let looking = async {
            loop {
                let letters = self.tickets.dead_letters(100).await.unwrap();
                if let Some(letter) = letters.into_iter().find(&fits) {
                    return letter;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), looking).await.expect("no such dead letter")
    }
}

/// A user of the broker.
pub(super) struct User {
    pub(super) name: String,
    queue: String,
    pub(super) stranger: Stranger,
    pub(super) answers: Tap,
}

impl User {
    /// What an honest user says of a message with this id.
    pub(super) fn said(&self, id: &str) -> Said {
        Said {
            message_id: Some(id.to_owned()),
            user_id: Some(self.name.clone()),
            reply_to: Some(self.queue.clone()),
            ..Said::default()
        }
    }

    pub(super) async fn send(&self, key: &str, id: &str, body: &Value) {
        self.publish(key, self.said(id), body).await.unwrap();
    }

    pub(super) async fn publish(&self, key: &str, said: Said, body: &Value) -> Result<(), RefusedByBroker> {
        self.stranger.publish(COMMANDS, key, said, body).await
    }

    /// The next answer, with its correlation.
    pub(super) async fn answer(&mut self) -> (String, Value) {
        let seen = self.answers.next().await;
        (seen.properties["correlation_id"].as_str().unwrap().to_owned(), seen.json())
    }
}
