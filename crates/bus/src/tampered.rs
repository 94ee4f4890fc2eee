//! A bus that loses, delays or doubles messages, for fault plans and tests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rehome_domain::{
    id::WorkOrderId,
    message::{Envelope, Input},
    order::{Layer, WorkOrder},
    ports::{
        Acks, Answers, Bus, BusError, DeadLetter, DeadQueue, Delivery, Depth, Events, Incoming, Inputs,
        NotResent, Outgoing, SteeringQueue, Wait, WorkQueue,
    },
    reply::Report,
};

/// What becomes of the replies to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They arrive.
    Deliver,
    /// They are lost.
    Drop,
    /// They arrive so much later.
    Late(Duration),
    /// They arrive twice.
    Twice,
}

/// Decides the fate of an order's replies. Pure, so that a system killed and started again meets the same fate.
pub type Decide = dyn Fn(&WorkOrder) -> Fate + Send + Sync;

/// What is done to messages.
pub struct Tampering {
    /// What becomes of the replies to an order.
    pub fate: Box<Decide>,
    /// Every command, order and reply is sent twice.
    pub all_twice: bool,
}

/// A bus before which messages are tampered with.
pub struct Tampered {
    inner: Arc<dyn Bus>,
    fates: Arc<Fates>,
    all_twice: bool,
}

/// What becomes of the replies to the orders that were handed out here.
struct Fates {
    decide: Box<Decide>,
    /// The fates other than `Deliver`. Bounded by the plan: only orders it names are here.
    known: Mutex<HashMap<WorkOrderId, Fate>>,
}

impl Fates {
    fn note(&self, order: &WorkOrder) {
        let fate = (self.decide)(order);
        if fate != Fate::Deliver {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(order.id, fate);
        }
    }

    fn of(&self, order: WorkOrderId) -> Fate {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&order).copied().unwrap_or(Fate::Deliver)
    }
}

impl Tampered {
    /// Puts the tampering before a bus.
    #[must_use]
    pub fn new(inner: Arc<dyn Bus>, tampering: Tampering) -> Arc<Self> {
        let Tampering { fate, all_twice } = tampering;
        let fates = Arc::new(Fates { decide: fate, known: Mutex::default() });
        Arc::new(Self { inner, fates, all_twice })
    }

    fn is_doubled(&self, message: &Outgoing) -> bool {
        self.all_twice
            && matches!(plain(message), Outgoing::Command(_) | Outgoing::Order(_) | Outgoing::Reply(_))
    }

    fn fate(&self, incoming: &Incoming) -> Fate {
        match &incoming.envelope.input {
            Input::Reply(reply) if !matches!(reply.report, Report::Retrying { .. }) => {
                self.fates.of(reply.order)
            }
            _ => Fate::Deliver,
        }
    }
}

/// A message, wherever it belongs in a trace.
fn plain(message: &Outgoing) -> &Outgoing {
    match message {
        Outgoing::Traced(_, message) => message,
        message => message,
    }
}

impl Bus for Tampered {
    fn send(&self, messages: Vec<Outgoing>) -> Wait<'_, Result<(), BusError>> {
        let mut passing = Vec::with_capacity(messages.len());
        for message in messages {
            if let Outgoing::Reply(incoming) = plain(&message) {
                match self.fate(incoming) {
                    Fate::Deliver => {}
                    Fate::Drop => continue,
                    Fate::Twice => passing.push(message.clone()),
                    Fate::Late(by) => {
                        let inner = Arc::clone(&self.inner);
                        tokio::spawn(async move {
                            tokio::time::sleep(by).await;
                            // A bus closed meanwhile has no use for it.
                            let _ = inner.send(vec![message]).await;
                        });
                        continue;
                    }
                }
            }
            if self.is_doubled(&message) {
                passing.push(message.clone());
            }
            passing.push(message);
        }
        self.inner.send(passing)
    }

    fn inputs(&self) -> Box<dyn Inputs> {
        self.inner.inputs()
    }

    fn work(&self, layer: Layer) -> Box<dyn WorkQueue> {
        Box::new(Noting { inner: self.inner.work(layer), fates: Arc::clone(&self.fates) })
    }

    fn events(&self) -> Box<dyn Events> {
        self.inner.events()
    }

    fn answers(&self, queue: &str) -> Box<dyn Answers> {
        self.inner.answers(queue)
    }

    fn steering(&self) -> Box<dyn SteeringQueue> {
        self.inner.steering()
    }

    fn dead(&self) -> Box<dyn DeadQueue> {
        self.inner.dead()
    }

    fn said(&self, letter: &DeadLetter) -> Result<Envelope, NotResent> {
        self.inner.said(letter)
    }

    fn depths(&self) -> Wait<'_, Result<Vec<Depth>, BusError>> {
        self.inner.depths()
    }

    fn keeps_messages(&self) -> bool {
        self.inner.keeps_messages()
    }

    fn close(&self) {
        self.inner.close();
    }
}

/// A work queue whose orders' fates are noted as they are handed out: where they are, their replies are sent.
struct Noting {
    inner: Box<dyn WorkQueue>,
    fates: Arc<Fates>,
}

impl WorkQueue for Noting {
    fn next(&mut self) -> Wait<'_, Option<Delivery<WorkOrder>>> {
        Box::pin(async move {
            let delivery = self.inner.next().await;
            if let Some(delivery) = &delivery {
                self.fates.note(&delivery.message);
            }
            delivery
        })
    }

    fn acks(&self) -> Arc<dyn Acks> {
        self.inner.acks()
    }
}
