//! A bus that does as a test says.

use std::sync::Arc;

use rehome_domain::{
    Layer,
    message::Envelope,
    ports::{
        Answers, Bus, BusError, DeadLetter, DeadQueue, Depth, Events, Inputs, NotResent, Outgoing,
        SteeringQueue, Wait, WorkQueue,
    },
};

/// Says whether a message can never be sent.
type Refuses = dyn Fn(&Outgoing) -> bool + Send + Sync;

/// The embedded bus, but for what a test wants to be otherwise.
pub(crate) struct OddBus {
    inner: Arc<dyn Bus>,
    refuses: Box<Refuses>,
    keeps_messages: bool,
}

impl OddBus {
    /// One that does not take these messages, nor what is sent together with one.
    pub(crate) fn refusing(
        inner: &Arc<dyn Bus>,
        refuses: impl Fn(&Outgoing) -> bool + Send + Sync + 'static,
    ) -> Arc<dyn Bus> {
        Arc::new(Self { inner: Arc::clone(inner), refuses: Box::new(refuses), keeps_messages: false })
    }

    /// One that says that it keeps messages and others may be at work on it.
    pub(crate) fn shared(inner: &Arc<dyn Bus>) -> Arc<dyn Bus> {
        Arc::new(Self { inner: Arc::clone(inner), refuses: Box::new(|_| false), keeps_messages: true })
    }
}

impl Bus for OddBus {
    fn send(&self, messages: Vec<Outgoing>) -> Wait<'_, Result<(), BusError>> {
        if messages.iter().any(|message| (self.refuses)(&message.clone().untraced().0)) {
            let error = BusError::Failed { what: "sending", detail: "as the test wants it".to_owned() };
            return Box::pin(std::future::ready(Err(error)));
        }
        self.inner.send(messages)
    }

    fn inputs(&self) -> Box<dyn Inputs> {
        self.inner.inputs()
    }

    fn work(&self, layer: Layer) -> Box<dyn WorkQueue> {
        self.inner.work(layer)
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
        self.keeps_messages
    }

    fn close(&self) {
        self.inner.close();
    }
}
