//! A bus whose connections break again and again: every second events were missed, and no answer ever arrives.

use std::{sync::Arc, time::Duration};

use rehome_bus::Embedded;
use rehome_domain::{
    message::Envelope,
    order::Layer,
    ports::{
        Answered, Answers, Bus, BusError, DeadLetter, DeadQueue, Depth, Events, Heard, Inputs, NotResent,
        Outgoing, SteeringQueue, Wait, WorkQueue,
    },
};

pub(super) struct Flapping(pub(super) Arc<Embedded>);

struct Missing(Box<dyn Events>);

impl Events for Missing {
    fn next(&mut self) -> Wait<'_, Option<Heard>> {
        Box::pin(async {
            match tokio::time::timeout(Duration::from_secs(1), self.0.next()).await {
                Ok(heard) => heard,
                Err(_silence) => Some(Heard::Missed(1)),
            }
        })
    }
}

struct Lost(Box<dyn Answers>);

impl Answers for Lost {
    fn next(&mut self) -> Wait<'_, Option<Answered>> {
        Box::pin(async {
            while self.0.next().await.is_some() {}
            None
        })
    }
}

impl Bus for Flapping {
    fn send(&self, messages: Vec<Outgoing>) -> Wait<'_, Result<(), BusError>> {
        self.0.send(messages)
    }

    fn inputs(&self) -> Box<dyn Inputs> {
        self.0.inputs()
    }

    fn work(&self, layer: Layer) -> Box<dyn WorkQueue> {
        self.0.work(layer)
    }

    fn events(&self) -> Box<dyn Events> {
        Box::new(Missing(self.0.events()))
    }

    fn answers(&self, queue: &str) -> Box<dyn Answers> {
        Box::new(Lost(self.0.answers(queue)))
    }

    fn steering(&self) -> Box<dyn SteeringQueue> {
        self.0.steering()
    }

    fn dead(&self) -> Box<dyn DeadQueue> {
        self.0.dead()
    }

    fn said(&self, letter: &DeadLetter) -> Result<Envelope, NotResent> {
        self.0.said(letter)
    }

    fn depths(&self) -> Wait<'_, Result<Vec<Depth>, BusError>> {
        self.0.depths()
    }

    fn keeps_messages(&self) -> bool {
        self.0.keeps_messages()
    }

    fn close(&self) {
        self.0.close();
    }
}
