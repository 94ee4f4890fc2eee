//! What open tickets tell of devices.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    command::By,
    fleet::{Device, Fleet, Reachable},
    id::{MessageId, RelocationId},
    message::{Envelope, Input},
    order::{Layer, MESSAGE_VERSION},
    reply::{Failure, Outcome, Reason, Reply, Report},
    request::Request,
    role::Role,
    step::{Context, Stepped, step},
    ticket::Ticket,
};
use rehome_testkit::history::request;

fn stepped(ticket: Option<&Ticket>, envelope: &Envelope, at: Timestamp) -> Ticket {
    match step(ticket, envelope, &Context::at(at)) {
        Stepped::Journaled(stepped) => stepped.0,
        other => unreachable!("{other:?}"),
    }
}

fn submitted(n: u64, request: &Request, at: Timestamp) -> Ticket {
    let relocation = RelocationId(uuid::Uuid::from_u64_pair(9, n));
    let input = Input::Submitted { request: Arc::new(request.clone()) };
    let by = By::Person { name: "ann".to_owned(), via: "test".to_owned(), role: Role::Operator };
    let envelope = Envelope { relocation, cause: MessageId(format!("{n}:submit")), by, input };
    stepped(None, &envelope, at)
}

/// The gateway's configurator says this of the order that is out.
fn said(ticket: &Ticket, report: Report, at: Timestamp) -> Ticket {
    let order = &ticket.l3.as_ref().unwrap().order;
    let reply =
        Reply { v: MESSAGE_VERSION, order: order.id, attempt: order.attempt, layer: Layer::L3, report };
    stepped(Some(ticket), &Envelope::reply(reply, "said"), at)
}

fn failure(reason: Reason) -> Failure {
    Failure { reason, text: "as the device says".to_owned() }
}

fn gateway(tickets: &[&Ticket]) -> Device {
    let mut fleet = Fleet::default();
    for ticket in tickets {
        fleet.hear(ticket);
    }
    let name = &tickets[0].request.new.l3_device;
    fleet.devices().into_iter().find(|device| device.name == *name && device.layer == Layer::L3).unwrap()
}

#[test]
fn a_device_has_what_is_out_to_it_and_is_not_reached_while_that_is_why_it_is_tried_again() {
    let at = Timestamp::UNIX_EPOCH;
    let request = request();
    let out = submitted(1, &request, at);
    let quiet = gateway(&[&out]);
    assert_eq!((quiet.orders, quiet.retrying, quiet.tickets), (1, 0, 1));
    assert_eq!((quiet.reachable, quiet.since), (Reachable::Unknown, Some(at)));

    let later = at + SignedDuration::from_secs(9);
    let retrying = Report::Retrying {
        attempt: 1,
        failure: failure(Reason::Unreachable),
        next_at: later + SignedDuration::from_secs(5),
    };
    let away = gateway(&[&out, &said(&submitted(2, &request, later), retrying, later)]);
    assert_eq!((away.orders, away.retrying, away.tickets), (2, 1, 2));
    assert_eq!((away.reachable, away.since), (Reachable::No, Some(at)));
    assert_eq!(away.last_failure.unwrap().next_at, Some(later + SignedDuration::from_secs(5)));
}

#[test]
fn the_latest_failure_counts_whichever_ticket_is_heard_first_and_a_refusal_is_an_answer() {
    let at = Timestamp::UNIX_EPOCH;
    let request = request();
    let failed = |n, reason, seconds| {
        let at = at + SignedDuration::from_secs(seconds);
        let outcome = Outcome::Failed(failure(reason));
        said(&submitted(n, &request, at), Report::Reserve { outcome, rollback: None }, at)
    };
    let (timed_out, refused) = (failed(1, Reason::TimedOut, 10), failed(2, Reason::Rejected, 20));
    for tickets in [[&timed_out, &refused], [&refused, &timed_out]] {
        let device = gateway(&tickets);
        assert_eq!(device.reachable, Reachable::Yes);
        assert_eq!(device.last_failure.unwrap().failure.reason, Reason::Rejected);
    }
    assert_eq!(gateway(&[&timed_out]).reachable, Reachable::No);
}
