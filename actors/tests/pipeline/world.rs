//! A small world for the actors' tests: a real store in a directory of its own, the embedded bus, simulated devices.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::Actor;
use jiff::{SignedDuration, Timestamp};
use rehome_actors::{
    clock::{Clock, ClockParts},
    configurator::{Configurator, ConfiguratorParts},
    helm::{Helm, HelmParts},
    retry::RetryPolicy,
    supervisor::{Gauge, SupervisorParts, supervise},
    wall_clock,
};
use rehome_bus::{Capacity, Embedded};
use rehome_devices::simulated::{Devices, Simulated};
use rehome_domain::{
    Command, CommandKind, Layer, MessageId, RelocationId, Request, Ticket,
    command::By,
    journal::Entry,
    message::{Answer, Envelope, Input},
    order::MESSAGE_VERSION,
    ports::{
        Answered, Bus, Change, Committed, Count, DeadLetter, DeviceMemory, FenceStore, Inventory, Loaded,
        Outgoing, ReadEntry, ReplyTo, SteeringStore, StoreError, TicketStore, Wait,
    },
    reply::{Reply, Report},
    request::{Deadlines, Place},
    role::Role,
    step::{Context, Stepped, step},
};
use rehome_store::Sqlite;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Patience with a condition before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The world.
pub(crate) struct World {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) store: Arc<Sqlite>,
    pub(crate) tickets: Arc<dyn TicketStore>,
    pub(crate) devices: Arc<dyn DeviceMemory>,
    pub(crate) _dir: TempDir,
}

/// Runs a test's body on an actix system.
pub(crate) fn on_system<F: Future<Output = ()> + 'static>(body: F) {
    actix::System::new().block_on(body);
}

impl World {
    /// A store and a bus, nobody at work yet.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&dir.path().join("rehome.db"), &rehome_store::Options::default()).unwrap();
        Self {
            bus: Embedded::new(Capacity::default()),
            tickets: Arc::clone(&store) as _,
            devices: Arc::clone(&store) as _,
            store,
            _dir: dir,
        }
    }

    /// Puts a supervisor to work over this ticket store.
    pub(crate) fn supervise_over(&self, tickets: Arc<dyn TicketStore>) {
        self.supervise(tickets, false, 64, self.helm());
    }

    /// Puts one of several supervisors to work, with room for so many relocations in flight; what others see of it.
    pub(crate) fn supervise_beside_others(&self, in_flight: usize) -> Arc<Gauge> {
        self.supervise(Arc::clone(&self.tickets), true, in_flight, self.helm())
    }

    /// Puts one of several supervisors to work over this ticket store.
    pub(crate) fn supervise_beside_others_over(&self, tickets: &Arc<dyn TicketStore>) {
        self.supervise(Arc::clone(tickets), true, 64, self.helm());
    }

    /// Puts a supervisor to work under this helm.
    pub(crate) fn supervise_under(&self, helm: &Arc<Helm>) {
        self.supervise(Arc::clone(&self.tickets), false, 64, Arc::clone(helm));
    }

    /// A helm that has not looked yet.
    pub(crate) fn helm(&self) -> Arc<Helm> {
        self.helm_over(Arc::clone(&self.store) as _)
    }

    /// The same over this log.
    pub(crate) fn helm_over(&self, steering: Arc<dyn SteeringStore>) -> Arc<Helm> {
        Helm::new(HelmParts {
            steering,
            tickets: Arc::clone(&self.tickets),
            bus: Arc::clone(&self.bus),
            domain_of: Arc::new(|device| device.split_once('-').map_or(device, |(kind, _)| kind).to_owned()),
            every: Duration::from_millis(5),
            now: wall_clock(),
        })
    }

    /// Puts one supervisor to work under this helm, with room for so many relocations in flight; what others see of it.
    pub(crate) fn supervise_within(&self, in_flight: usize, helm: &Arc<Helm>) -> Arc<Gauge> {
        self.supervise(Arc::clone(&self.tickets), false, in_flight, Arc::clone(helm))
    }

    fn supervise(
        &self,
        tickets: Arc<dyn TicketStore>,
        shared: bool,
        in_flight: usize,
        helm: Arc<Helm>,
    ) -> Arc<Gauge> {
        let gauge = Arc::<Gauge>::default();
        let supervisor = supervise(SupervisorParts {
            tickets,
            bus: Arc::clone(&self.bus),
            batch: 16,
            in_flight,
            shared,
            helm,
            now: wall_clock(),
            gauge: Arc::clone(&gauge),
        });
        actix::spawn(supervisor);
        gauge
    }

    /// Puts both configurators to work over these devices.
    pub(crate) fn configure_over(&self, inventory: &Arc<dyn Inventory>) {
        self.configure_remembering(&(Arc::clone(&self.store) as _), inventory);
    }

    /// The same with this memory.
    pub(crate) fn configure_remembering(&self, fences: &Arc<dyn FenceStore>, inventory: &Arc<dyn Inventory>) {
        for layer in Layer::ALL {
            Configurator::new(ConfiguratorParts {
                layer,
                bus: Arc::clone(&self.bus),
                fences: Arc::clone(fences),
                inventory: Arc::clone(inventory),
                retry: RetryPolicy {
                    max_tries: 3,
                    first: Duration::from_millis(1),
                    ..RetryPolicy::default()
                },
                hands: Arc::new(Semaphore::new(64)),
                now: wall_clock(),
                share: 8,
            })
            .start();
        }
    }

    /// The simulated devices.
    pub(crate) fn inventory(&self) -> Arc<dyn Inventory> {
        Arc::new(Simulated::new(Arc::clone(&self.devices), Devices::Any))
    }

    /// Supervisor, configurators and clock at work.
    pub(crate) fn at_work() -> Self {
        let world = Self::new();
        world.supervise_over(Arc::clone(&world.tickets));
        world.configure_over(&world.inventory());
        world.start_clock();
        world
    }

    pub(crate) fn start_clock(&self) {
        Clock::new(ClockParts {
            tickets: Arc::clone(&self.tickets),
            bus: Arc::clone(&self.bus),
            every: Duration::from_millis(5),
            lease: SignedDuration::from_millis(200),
            batch: 64,
            now: wall_clock(),
        })
        .start();
    }

    pub(crate) async fn submit(&self, n: u64, request: Request) {
        let input = Input::Submitted { request: Arc::new(request) };
        self.send(Outgoing::Command(envelope(n, "submit", input).into())).await;
    }

    /// A reply to what a layer has out, taken by another supervisor.
    pub(crate) async fn reply_elsewhere(&self, n: u64, layer: Layer, report: Report) {
        let ticket = self.ticket(n).await.unwrap();
        let order = ticket.out(layer).unwrap().order.id;
        let reply = Reply { v: MESSAGE_VERSION, order, attempt: 1, layer, report };
        self.stepped_elsewhere(&ticket, &Envelope::reply(reply, "done")).await;
    }

    /// Another supervisor has taken this command.
    pub(crate) async fn commanded_elsewhere(&self, n: u64, kind: CommandKind) {
        let command = Command { kind, reason: String::new(), expected_version: None, plan: None };
        let ticket = self.ticket(n).await.unwrap();
        self.stepped_elsewhere(&ticket, &envelope(n, "elsewhere", Input::Command(command))).await;
    }

    async fn stepped_elsewhere(&self, ticket: &Ticket, envelope: &Envelope) {
        let Stepped::Journaled(stepped) = step(Some(ticket), envelope, &Context::at(Timestamp::now())) else {
            panic!("not taken");
        };
        let (ticket, entry) = *stepped;
        let locked = ticket.state.needs_lock();
        let change = Change { ticket: Arc::new(ticket), entry: Arc::new(entry), locked };
        assert_eq!(self.tickets.commit(vec![change]).await.unwrap(), [Committed::Done]);
    }

    pub(crate) async fn send(&self, message: Outgoing) {
        self.bus.send(vec![message]).await.unwrap();
    }

    /// Sends a command and waits for its answer.
    pub(crate) async fn ask(&self, n: u64, kind: CommandKind, reason: &str) -> Answer {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let name = format!("asker{}", ASKED.fetch_add(1, Ordering::Relaxed));
        let mut answers = self.bus.answers(&name);
        let command = Command { kind, reason: reason.to_owned(), expected_version: None, plan: None };
        let mut incoming: rehome_domain::ports::Incoming = envelope(n, &name, Input::Command(command)).into();
        incoming.reply_to = Some(ReplyTo { queue: name.clone(), correlation: MessageId(name.clone()) });
        self.send(Outgoing::Command(incoming)).await;
        let Answered { answer, .. } = tokio::time::timeout(PATIENCE, answers.next()).await.unwrap().unwrap();
        answer
    }

    /// Sends a command, and waits for nothing.
    pub(crate) async fn command(&self, n: u64, kind: CommandKind, reason: &str) {
        let command = Command { kind, reason: reason.to_owned(), expected_version: None, plan: None };
        let what = format!("{}:{reason}", kind.wire());
        self.send(Outgoing::Command(envelope(n, &what, Input::Command(command)).into())).await;
    }

    pub(crate) async fn ticket(&self, n: u64) -> Option<Ticket> {
        match self.tickets.load(vec![id(n)]).await.unwrap().remove(0) {
            Loaded::Ticket(ticket) => Some(*ticket),
            _ => None,
        }
    }

    /// Waits until a ticket is so.
    pub(crate) async fn until(&self, n: u64, what: &str, condition: impl Fn(&Ticket) -> bool) -> Ticket {
        let looking = async {
            loop {
                if let Some(ticket) = self.ticket(n).await.filter(&condition) {
                    return ticket;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(ticket) => ticket,
            Err(_) => panic!("ticket {n} never got to: {what}; it is {:#?}", self.ticket(n).await),
        }
    }

    pub(crate) async fn journal(&self, n: u64) -> Vec<Entry> {
        self.tickets.journal(id(n)).await.unwrap().into_iter().map(Result::unwrap).collect()
    }
}

pub(crate) fn id(n: u64) -> RelocationId {
    RelocationId(Uuid::from_u64_pair(7, n))
}

pub(crate) fn envelope(n: u64, what: &str, input: Input) -> Envelope {
    let by = By::Person { name: "test".to_owned(), via: "cli".to_owned(), role: Role::Admin };
    Envelope { relocation: id(n), cause: MessageId(format!("{n}:{what}")), by, input }
}

/// A request of its own service and places, which deploys its reservation at once.
pub(crate) fn request(n: u64) -> Request {
    let place = |side: &str| Place {
        l3_device: format!("gw-{}", n % 3),
        l3_port: format!("{side}-{n}"),
        vlan: 100,
        inner_vlan: None,
        l2_device: format!("sw-{}", n % 3),
        l2_port: format!("{side}-{n}"),
    };
    Request {
        service_id: format!("S-{n}"),
        customer: "C".to_owned(),
        old: place("old"),
        new: place("new"),
        ip: "192.0.2.1/30".to_owned(),
        vrf: None,
        description: "d".to_owned(),
        window: None,
        external_id: None,
        hold: false,
        deadlines: Deadlines::default(),
    }
}

/// Says whether a commit fails, and how.
pub(crate) type Fails = dyn Fn(&[Change]) -> Option<StoreError> + Send + Sync;

/// Says what is read of a ticket instead of what the store has.
pub(crate) type Reads = dyn Fn(RelocationId, Loaded) -> Loaded + Send + Sync;

/// A ticket store that fails where a test wants it to.
pub(crate) struct Failing {
    inner: Arc<dyn TicketStore>,
    /// The error of a commit of this batch that fails.
    fails: Box<Fails>,
    reads: Box<Reads>,
}

impl Failing {
    /// One that fails these commits.
    pub(crate) fn commits(
        inner: &Arc<dyn TicketStore>,
        fails: impl Fn(&[Change]) -> Option<StoreError> + Send + Sync + 'static,
    ) -> Arc<dyn TicketStore> {
        Arc::new(Self { inner: Arc::clone(inner), fails: Box::new(fails), reads: Box::new(|_, it| it) })
    }

    /// One that reads this.
    pub(crate) fn reading(
        inner: &Arc<dyn TicketStore>,
        reads: impl Fn(RelocationId, Loaded) -> Loaded + Send + Sync + 'static,
    ) -> Arc<dyn TicketStore> {
        Arc::new(Self { inner: Arc::clone(inner), fails: Box::new(|_| None), reads: Box::new(reads) })
    }
}

macro_rules! pass {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)+) => {
        $(fn $name(&self, $($arg: $type),*) -> Wait<'_, Result<$result, StoreError>> {
            self.inner.$name($($arg),*)
        })+
    };
}

impl TicketStore for Failing {
    fn commit(&self, changes: Vec<Change>) -> Wait<'_, Result<Vec<Committed>, StoreError>> {
        if let Some(error) = (self.fails)(&changes) {
            return Box::pin(std::future::ready(Err(error)));
        }
        // What nobody here can read somebody else has written.
        let newer = |change: &Change| {
            matches!((self.reads)(change.ticket.id, Loaded::Missing), Loaded::Unreadable(_))
        };
        let moved: Vec<bool> = changes.iter().map(newer).collect();
        let rest = changes.into_iter().filter(|change| !newer(change)).collect();
        Box::pin(async move {
            let mut committed = self.inner.commit(rest).await?.into_iter();
            let answer = |moved| if moved { Some(Committed::Stale) } else { committed.next() };
            Ok(moved.into_iter().filter_map(answer).collect())
        })
    }

    fn load(&self, ids: Vec<RelocationId>) -> Wait<'_, Result<Vec<Loaded>, StoreError>> {
        Box::pin(async move {
            let loaded = self.inner.load(ids.clone()).await?;
            Ok(ids.into_iter().zip(loaded).map(|(id, loaded)| (self.reads)(id, loaded)).collect())
        })
    }

    fn open_tickets(
        &self,
        after: Option<RelocationId>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        Box::pin(async move {
            let page = self.inner.open_tickets(after, limit).await?;
            Ok(page.into_iter().map(|(id, loaded)| (id, (self.reads)(id, loaded))).collect())
        })
    }

    pass! {
        caused(messages: Vec<(RelocationId, MessageId)>) -> Vec<Option<ReadEntry>>;
        journal(relocation: RelocationId) -> Vec<ReadEntry>;
        claim_due(now: Timestamp, lease: SignedDuration, limit: usize) -> Vec<(RelocationId, Loaded)>;
        held_back(after: Option<RelocationId>, limit: usize) -> Vec<(RelocationId, Loaded)>;
        all_tickets(after: Option<RelocationId>, limit: usize) -> Vec<(RelocationId, Loaded)>;
        counts() -> Vec<Count>;
        quarantine(relocation: RelocationId, reason: String) -> bool;
        stored(relocation: RelocationId) -> Loaded;
        readmit(relocation: RelocationId) -> ();
        quarantined() -> Vec<(RelocationId, String)>;
        bury(letter: DeadLetter) -> ();
        dead_letters(limit: usize) -> Vec<DeadLetter>;
    }
}
