//! What open tickets tell of devices.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    command::{By, Command, CommandKind},
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
    let by = ann();
    let envelope = Envelope { relocation, cause: MessageId(format!("{n}:submit")), by, input };
    stepped(None, &envelope, at)
}

fn ann() -> By {
    By::Person { name: "ann".to_owned(), via: "test".to_owned(), role: Role::Operator }
}

/// The gateway's configurator says this of the order that is out.
fn said(ticket: &Ticket, report: Report, at: Timestamp) -> Ticket {
    says(Layer::L3, ticket, report, at)
}

fn says(layer: Layer, ticket: &Ticket, report: Report, at: Timestamp) -> Ticket {
    let order = &ticket.out(layer).unwrap().order;
    let reply = Reply { v: MESSAGE_VERSION, order: order.id, attempt: order.attempt, layer, report };
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
fn the_latest_failure_is_told_whichever_ticket_is_heard_first_and_one_that_is_over_tells_nothing_of_now() {
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
        let last = device.last_failure.unwrap();
        assert_eq!((last.failure.reason, last.or), (Reason::Rejected, None));
        assert_eq!(device.reachable, Reachable::Unknown);
    }
}

#[test]
fn what_goes_over_from_one_device_to_another_and_is_tried_again_may_be_either() {
    let at = Timestamp::UNIX_EPOCH;
    let done = || Report::Reserve { outcome: Outcome::Done, rollback: None };
    let reserved = said(&submitted(1, &request(), at), done(), at);
    let reserved = says(Layer::L2, &reserved, done(), at);
    let deploy = Input::Command(Command::plain(CommandKind::DeployCutover));
    let envelope =
        Envelope { relocation: reserved.id, cause: MessageId("deploy".to_owned()), by: ann(), input: deploy };
    let going_over = stepped(Some(&reserved), &envelope, at);
    let retrying = Report::Retrying { attempt: 1, failure: failure(Reason::Unreachable), next_at: at };
    let mut fleet = Fleet::default();
    fleet.hear(&said(&going_over, retrying, at));
    let gateways = fleet.devices().into_iter().filter(|device| device.layer == Layer::L3);
    let told: Vec<_> = gateways
        .map(|device| {
            (device.name, device.orders, device.reachable, device.last_failure.unwrap().or.unwrap())
        })
        .collect();
    let told_of = |name: &str, or: &str| (name.to_owned(), 1, Reachable::Unknown, or.to_owned());
    assert_eq!(told, [told_of("gw-east", "gw-west"), told_of("gw-west", "gw-east")]);
}

#[test]
fn a_ticket_counts_once_for_each_device_and_no_more_once_it_is_closed() {
    let at = Timestamp::UNIX_EPOCH;
    let mut elsewhere = request().new;
    elsewhere.l3_port.push('0');
    elsewhere.l2_port.push('0');
    let held = submitted(2, &Request { old: elsewhere, hold: true, ..request() }, at);
    let cancel = Command { reason: "not needed".to_owned(), ..Command::plain(CommandKind::Cancel) };
    let input = Input::Command(cancel);
    let envelope = Envelope { relocation: held.id, cause: MessageId("cancel".to_owned()), by: ann(), input };
    let closed = stepped(Some(&held), &envelope, at);
    assert!(closed.state.is_closed());
    let mut fleet = Fleet::default();
    for ticket in [submitted(1, &request(), at), held, closed] {
        fleet.hear(&ticket);
    }
    let counted: Vec<_> =
        fleet.devices().into_iter().map(|device| (device.name, device.tickets, device.orders)).collect();
    let expected = [("gw-west", 2, 1), ("sw-west", 2, 0), ("gw-east", 1, 0), ("sw-east", 1, 0)];
    assert_eq!(counted, expected.map(|(name, tickets, orders)| (name.to_owned(), tickets, orders)));
}
