#![allow(clippy::unwrap_used, clippy::panic)]

mod letters;

use std::sync::Arc;

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable},
};
use rehome_domain::{
    command::{By, Command, CommandKind},
    id::MessageId,
    message::{Envelope, Input},
    order::Layer,
    ports::{Incoming, Outgoing, ReplyTo},
    reply::{Failure, Reason, Report},
    role::Role,
    trace::Trace,
};
use rehome_testkit::{
    contract::bus::{command, order, order_id, relocation, reply, submission},
    history::START,
};
use serde_json::{Value, json};

use super::{dead, header, inward, key_of, outward};
use crate::amqp::{connection::Shared, options::Options};

fn shared() -> Arc<Shared> {
    let roles = |user: &str| if user == "boss" { Role::Supervisor } else { Role::Operator };
    let options = Options {
        role_of: Arc::new(roles),
        relays: vec!["us".to_owned()],
        ..Options::new("amqp://us:secret@127.0.0.1/test")
    };
    Shared::new(options).unwrap()
}

/// As the broker delivers what was packed.
fn delivered(outgoing: Outgoing) -> Delivery {
    let packed = outward::pack(&shared(), |_| None, outgoing).unwrap();
    let mut delivery = Delivery::mock(1, packed.exchange, packed.key, false, packed.body);
    delivery.properties = packed.properties;
    delivery
}

fn foreign(exchange: &str, key: &str, properties: BasicProperties, body: &Value) -> Delivery {
    let body = serde_json::to_vec(body).unwrap();
    let mut delivery = Delivery::mock(1, exchange.into(), key.into(), false, body);
    delivery.properties = properties;
    delivery
}

fn from_user(user: &str, id: &str) -> BasicProperties {
    BasicProperties::default().with_user_id(user.into()).with_message_id(id.into())
}

fn cancel() -> Value {
    json!({ "v": 1, "relocation": relocation(1), "reason": "off" })
}

fn read(delivery: &Delivery) -> Incoming {
    inward::input(&shared(), delivery).unwrap()
}

fn why(delivery: &Delivery) -> String {
    inward::input(&shared(), delivery).unwrap_err().to_string()
}

#[test]
fn every_command_goes_by_its_own_key_and_comes_back_as_it_was() {
    let keys = [
        (CommandKind::DeployReservation, "deploy.reservation"),
        (CommandKind::DeployCutover, "deploy.cutover"),
        (CommandKind::ForceReservation, "override.force_reservation"),
        (CommandKind::ForceCompletion, "override.force_completion"),
        (CommandKind::Cancel, "cancel"),
        (CommandKind::RetryReservation, "retry.reservation"),
        (CommandKind::RetryRollback, "retry.rollback"),
        (CommandKind::RetryCutover, "retry.cutover"),
    ];
    assert_eq!(keys.len(), CommandKind::ALL.len());
    for (kind, key) in keys {
        let sent = command(1, kind);
        let delivery = delivered(Outgoing::Command(sent.clone()));
        assert_eq!((delivery.routing_key.as_str(), key_of(kind)), (key, key));
        assert_eq!(delivery.properties.kind().as_ref().unwrap().as_str(), format!("{key}.v1"));
        assert_eq!(read(&delivery), sent);
    }
    let delivery = delivered(Outgoing::Command(submission(1)));
    assert_eq!(delivery.routing_key.as_str(), "order.submit");
    assert_eq!(read(&delivery), submission(1));
}

#[test]
fn a_message_says_what_it_is_about_and_outlives_the_broker() {
    let delivery = delivered(Outgoing::Order(order(7, Layer::L2)));
    let properties = &delivery.properties;
    assert_eq!(delivery.routing_key.as_str(), "l2.default");
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), order_id(7).to_string());
    assert_eq!(properties.correlation_id().as_ref().unwrap().as_str(), relocation(7).to_string());
    assert_eq!(properties.kind().as_ref().unwrap().as_str(), "work_order.v1");
    assert_eq!(properties.app_id().as_ref().unwrap().as_str(), "rehome");
    assert!(properties.timestamp().is_some());
    assert_eq!(inward::work_order(&shared(), Layer::L2, &delivery).unwrap(), order(7, Layer::L2));
}

#[test]
fn who_is_behind_a_command_is_what_the_broker_checked() {
    let by = |properties| read(&foreign("rehome.commands", "cancel", properties, &cancel())).envelope.by;
    let person = |name: &str, role| By::Person { name: name.to_owned(), via: "amqp".to_owned(), role };
    assert_eq!(by(from_user("boss", "1")), person("boss", Role::Supervisor));
    assert_eq!(by(from_user("anna", "1")), person("anna", Role::Operator));
    let unnamed = BasicProperties::default().with_message_id("1".into());
    assert_eq!(by(unnamed.clone()), By::Nobody { via: "amqp".to_owned() });

    let mut claims = FieldTable::default();
    claims.insert(header::PERSON.into(), outward::text("ceo"));
    claims.insert(header::ROLE.into(), outward::text("admin"));
    claims.insert(header::VIA.into(), outward::text("http"));
    let claiming = from_user("anna", "1").with_headers(claims.clone());
    assert_eq!(by(claiming), person("anna", Role::Operator), "who is no relay vouches for nobody");
    assert_eq!(by(unnamed.with_headers(claims.clone())), By::Nobody { via: "amqp".to_owned() });
    let relayed = from_user("us", "1").with_headers(claims.clone());
    let by_relay = By::Person { name: "ceo".to_owned(), via: "http".to_owned(), role: Role::Admin };
    assert_eq!(by(relayed), by_relay);

    claims.insert(header::ROLE.into(), outward::text("king"));
    let delivery = foreign("rehome.commands", "cancel", from_user("us", "1").with_headers(claims), &cancel());
    assert!(why(&delivery).contains("`rehome-role`: `king` is not a role"), "{}", why(&delivery));
}

#[test]
fn the_ids_of_different_users_never_meet_and_a_resend_is_the_same_message() {
    let submit = json!({ "v": 1, "request": submission(1).envelope.input_request() });
    let read = |user, id| {
        let envelope =
            read(&foreign("rehome.commands", "order.submit", from_user(user, id), &submit)).envelope;
        (envelope.relocation, envelope.cause)
    };
    assert_eq!(read("anna", "1"), read("anna", "1"));
    assert_eq!(read("anna", "1").1, MessageId("amqp:anna:1".to_owned()));
    let others =
        [read("anna", "2"), read("bert", "1"), read("a", "b:1"), read("a:b", "1"), read("a%3Ab", "1")];
    let mut ids: Vec<_> = others.into_iter().chain([read("anna", "1")]).collect();
    ids.sort_unstable();
    ids.dedup_by(|a, b| a.0 == b.0 || a.1 == b.1);
    assert_eq!(ids.len(), 6);
}

trait InputRequest {
    fn input_request(&self) -> Value;
}

impl InputRequest for Envelope {
    fn input_request(&self) -> Value {
        let Input::Submitted { request } = &self.input else { unreachable!() };
        serde_json::to_value(request).unwrap()
    }
}

type Change = fn(&mut Value);

#[test]
fn what_is_wrong_with_a_command_is_said_by_field() {
    let submit = |change: Change| {
        let mut body = json!({ "v": 1, "request": submission(1).envelope.input_request() });
        change(&mut body);
        why(&foreign("rehome.commands", "order.submit", from_user("anna", "1"), &body))
    };
    let wrong: [(Change, &str); 7] = [
        (|body| body["request"]["new"]["vlan"] = json!("ten"), "at `request.new.vlan`: invalid type"),
        (|body| body["request"]["old"]["color"] = json!(1), "at `request.old.color`: unknown field `color`"),
        (|body| body["priority"] = json!(1), "at `priority`: unknown field `priority`"),
        (|body| body["v"] = json!(2), "`v` is 2, and this binary knows versions up to 1: upgrade it"),
        (|body| body["v"] = json!(0), "`v` is 0"),
        (|body| *body = json!({ "v": 1 }), "missing field `request`"),
        (|body| body["relocation"] = json!("x"), "at `relocation`"),
    ];
    for (change, expected) in wrong {
        let why = submit(change);
        assert!(why.contains(expected), "{why} should contain {expected}");
    }
}

#[test]
fn what_can_not_be_a_command_is_refused_with_the_reason() {
    let good = || from_user("anna", "1");
    let say = |key, properties, body: &Value| why(&foreign("rehome.commands", key, properties, body));
    let nameless = BasicProperties::default().with_user_id("anna".into());
    assert!(say("cancel", nameless, &cancel()).contains("`message_id` is missing"));
    assert!(say("order.burn", good(), &cancel()).contains("`order.burn` names no command"));
    let newer = good().with_type("cancel.v2".into());
    assert!(say("cancel", newer, &cancel()).contains("`type` is `cancel.v2`, expected `cancel.v1`"));
    for queue in ["rehome.supervisor", "rehome.intake", "rehome.l3", "rehome.dead", "rehome.unreadable"] {
        let misled = good().with_reply_to(queue.into());
        assert!(say("cancel", misled, &cancel()).contains("not for answers"), "{queue}");
    }
    let past = foreign("", "rehome.supervisor", good(), &cancel());
    assert!(why(&past).contains("it came by the exchange ``"), "{}", why(&past));
    let mut huge = foreign("rehome.commands", "cancel", good(), &cancel());
    huge.data = vec![b' '; 1024 * 1024 + 1];
    assert!(why(&huge).contains("1048577 bytes"));
    for (body, reason) in [
        (&b"{\"v\":1"[..], "not JSON: EOF"),
        (&b"\xff\xfe"[..], "not JSON"),
        (&b""[..], "not JSON: EOF"),
        (&b"{\"v\":1} trailing"[..], "not JSON: trailing"),
    ] {
        let mut bad = foreign("rehome.commands", "cancel", good(), &cancel());
        bad.data = body.to_vec();
        assert!(why(&bad).contains(reason), "{}", why(&bad));
    }
    // No depth of nesting is followed far: where a field is known to be wrong it is not looked into, and where
    // anything may stand there is a limit.
    let nested = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let mut deep = foreign("rehome.commands", "cancel", good(), &cancel());
    deep.data = [&b"{\"v\":1,\"x\":"[..], &nested, &b"}"[..]].concat();
    assert!(why(&deep).contains("unknown field `x`"), "{}", why(&deep));
    let mut deep = foreign("rehome.replies", "l3.acme", good(), &cancel());
    deep.data = [&b"{\"v\":1,\"x\":"[..], &nested, &b"}"[..]].concat();
    assert!(why(&deep).contains("recursion limit"), "{}", why(&deep));
}

#[test]
fn an_answer_goes_where_its_asker_says_under_the_name_they_give_it() {
    let reply_to = |properties| read(&foreign("rehome.commands", "cancel", properties, &cancel())).reply_to;
    let asked = || from_user("anna", "17").with_reply_to("amq.gen-x".into());
    let to = |correlation: &str| ReplyTo {
        queue: "amq.gen-x".to_owned(),
        correlation: MessageId(correlation.to_owned()),
    };
    assert_eq!(reply_to(from_user("anna", "17")), None);
    assert_eq!(reply_to(asked()), Some(to("17")));
    assert_eq!(reply_to(asked().with_correlation_id("mine".into())), Some(to("mine")));
}

fn vendor(layer: &str, key: &str, id: Option<&str>, report: &Value) -> Delivery {
    let mut body = json!({ "v": 1, "order": order_id(1), "attempt": 1, "layer": layer });
    body.as_object_mut().unwrap().extend(report.as_object().unwrap().clone());
    let properties =
        id.map_or_else(BasicProperties::default, |id| BasicProperties::default().with_message_id(id.into()));
    foreign("rehome.replies", key, properties, &body)
}

#[test]
fn our_own_replies_keep_their_causes() {
    for what in ["done", "rolled_back", "Reserve:try1:1767225600000"] {
        let Input::Reply(inner) = reply(1).envelope.input else { unreachable!() };
        let sent = Envelope::reply(inner, what).in_domain(Some("north.7".to_owned()));
        let sent = Incoming::from(sent);
        assert_eq!(read(&delivered(Outgoing::Reply(sent.clone()))), sent);
    }
}

#[test]
fn a_vendors_replies_count_once_whatever_ids_they_carry() {
    let cause = |id: Option<&str>, report: Value| read(&vendor("l3", "l3.acme", id, &report)).envelope.cause;
    let done = || json!({ "report": "release", "outcome": "done" });
    let is = |what: &str| order_id(1).answer(what);
    assert_eq!(cause(None, done()), is("done"));
    assert_eq!(cause(Some("acme-4711"), done()), is("done"));
    assert_eq!(cause(None, json!({ "report": "rolled_back", "outcome": "done" })), is("rolled_back"));
    let retrying = |tried: u32| {
        let failure = Failure { reason: Reason::Locked, text: "busy".to_owned() };
        let report = Report::Retrying { attempt: tried, failure, next_at: START };
        serde_json::to_value(report).unwrap()
    };
    assert_eq!(cause(None, retrying(1)), is("retrying:1"));
    assert_eq!(cause(None, retrying(2)), is("retrying:2"));
    let own = is("second thoughts").0;
    assert_eq!(cause(Some(&own), done()).0, own);
    for ours in ["overdue:1767225600000", "undeliverable"] {
        let taken = is(ours).0;
        assert_eq!(cause(Some(&taken), done()), is("done"), "it must not take the place of our own message");
    }
}

#[test]
fn no_layer_can_answer_for_another_and_newer_replies_ask_for_an_upgrade() {
    let done = json!({ "report": "release", "outcome": "done" });
    let said = why(&vendor("l3", "l2.acme", None, &done));
    assert!(said.contains("one layer can't answer for another"), "{said}");
    assert_eq!(
        read(&vendor("l2", "l2.acme.south", None, &done)).envelope.by,
        By::Configurator { layer: Layer::L2, domain: Some("acme.south".to_owned()) }
    );
    for nowhere in ["l2", "l2."] {
        let said = why(&vendor("l2", nowhere, None, &done));
        assert!(said.contains("names no domain"), "{said}");
    }
    let newer = json!({ "report": "release", "outcome": "done", "v": 2 });
    let said = why(&vendor("l3", "l3.acme", None, &newer));
    assert!(said.contains("upgrade"), "{said}");
}

#[test]
fn a_reply_by_the_key_of_before_says_no_domain_and_counts() {
    let done = json!({ "report": "release", "outcome": "done" });
    let by = |key| inward::input(&shared(), &vendor("l3", key, None, &done)).unwrap().envelope.by;
    let of = |domain: Option<&str>| By::Configurator { layer: Layer::L3, domain: domain.map(str::to_owned) };
    assert_eq!(by("l3.reply"), of(None));
    assert_eq!(by("l3.north"), of(Some("north")));
}

#[test]
fn where_configuration_names_who_answers_for_a_domain_nobody_else_does() {
    let configurators = [("acme", "acme-1"), ("acme", "acme-2"), ("north", "us")];
    let configurators = configurators.map(|(of, user)| (of.to_owned(), user.to_owned())).to_vec();
    let options = Options { configurators, ..Options::new("amqp://us@127.0.0.1") };
    let shared = Shared::new(options).unwrap();
    let done = json!({ "report": "release", "outcome": "done" });
    let judged = |key: &str, user: Option<&str>| {
        let mut delivery = vendor("l3", key, None, &done);
        let properties = BasicProperties::default();
        delivery.properties = user.map_or(properties.clone(), |user| properties.with_user_id(user.into()));
        inward::input(&shared, &delivery).map(|_| ()).map_err(|why| why.to_string())
    };
    for (key, user) in [
        ("l3.acme", Some("acme-1")),
        ("l3.acme", Some("acme-2")),
        ("l3.north", Some("us")),
        ("l3.else", None),
        ("l3.else", Some("acme-1")),
    ] {
        assert_eq!(judged(key, user), Ok(()), "{key} {user:?}");
    }
    let stranger = judged("l3.acme", Some("us")).unwrap_err();
    assert_eq!(stranger, "the user `us` may not answer for the domain `acme`");
    let nameless = judged("l3.north", None).unwrap_err();
    assert!(nameless.contains("`user_id` is missing"), "{nameless}");
}

#[test]
fn what_the_supervisor_tells_itself_comes_back_as_it_was() {
    let to = ReplyTo { queue: "amq.gen-x".to_owned(), correlation: MessageId("c".to_owned()) };
    let mut put_back = Incoming { early: 7, reply_to: Some(to), ..command(1, CommandKind::Cancel) };
    put_back.envelope.input = Input::Command(Command {
        kind: CommandKind::Cancel,
        reason: "r".to_owned(),
        expected_version: Some(3),
        plan: None,
    });
    put_back.envelope.cause = MessageId("x".repeat(500));
    let inputs = [
        put_back,
        Incoming { early: 40, ..reply(2) },
        Envelope::overdue(order_id(3), START).into(),
        Envelope::undeliverable(order_id(4)).into(),
    ];
    for input in inputs {
        let delivery = delivered(Outgoing::Reply(input.clone()));
        assert_eq!(delivery.exchange.as_str(), "rehome.internal");
        assert_eq!(read(&delivery), input);
    }
}

#[test]
fn an_order_for_the_other_layer_or_about_another_ticket_is_refused() {
    let shared = shared();
    let delivery = delivered(Outgoing::Order(order(1, Layer::L3)));
    let error = inward::work_order(&shared, Layer::L2, &delivery).unwrap_err();
    assert!(error.to_string().contains("an order for L3, in the queue of L2"));
    let mut torn = order(1, Layer::L3);
    torn.relocation = relocation(2);
    let error = inward::work_order(&shared, Layer::L3, &delivered(Outgoing::Order(torn))).unwrap_err();
    assert!(error.to_string().contains("`relocation` is"));
}

#[test]
fn what_a_newer_broker_hands_out_again_and_again_is_set_aside_after_as_many_deliveries_as_elsewhere() {
    let mut delivery = delivered(Outgoing::Order(order(1, Layer::L3)));
    let mut handed_out = |times: i64| {
        let mut headers = FieldTable::default();
        headers.insert("x-acquired-count".into(), AMQPValue::LongLongInt(times));
        delivery.properties = std::mem::take(&mut delivery.properties).with_headers(headers);
        inward::worn_out(&shared(), &delivery)
    };
    assert_eq!(handed_out(20), Ok(()));
    assert!(handed_out(21).unwrap_err().to_string().contains("handed out 21 times"));
    assert_eq!(inward::worn_out(&shared(), &delivered(Outgoing::Order(order(1, Layer::L3)))), Ok(()));
}

#[test]
fn ids_longer_than_the_wire_allows_are_refused_and_do_not_panic() {
    let mut long = command(1, CommandKind::Cancel);
    long.envelope.cause = MessageId("x".repeat(256));
    assert!(outward::pack(&shared(), |_| None, Outgoing::Command(long)).is_err());
    let options = Options { domain_of: Arc::new(|_| "d".repeat(300)), ..Options::new("amqp://127.0.0.1") };
    let shared = Shared::new(options).unwrap();
    assert!(outward::pack(&shared, |_| None, Outgoing::Order(order(1, Layer::L3))).is_err());
}

#[test]
fn only_our_own_answer_queues_may_be_answered_among_ours() {
    let names = &shared().names;
    assert!(names.may_be_answered("rehome.answers.cli"));
    assert!(names.may_be_answered("amq.rabbitmq.reply-to.xyz"));
    assert!(names.may_be_answered("rehomeless"));
    assert!(!names.may_be_answered("rehome.l2"));
}

#[test]
fn a_trace_is_in_the_standards_headers_and_one_that_is_not_as_it_must_be_is_none() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = Trace::read(parent, Some("vendor=x"));
    let delivery = delivered(Outgoing::Order(order(1, Layer::L3)).traced(trace.clone()));
    let header = |name| outward::header_text(delivery.properties.headers().as_ref(), name);
    assert_eq!(header("traceparent").as_deref(), Some(parent));
    assert_eq!(header("tracestate").as_deref(), Some("vendor=x"));
    assert_eq!(inward::trace_of(&delivery.properties), trace);

    let letter = dead::dead_letter(&shared(), &letters::set_aside(&delivery, "because"));
    assert_eq!(letter.trace, trace, "a dead letter stays in its trace");

    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), outward::text("not one"));
    let foreign =
        foreign("rehome.commands", "cancel", from_user("anna", "1").with_headers(headers), &cancel());
    assert_eq!(inward::trace_of(&foreign.properties), None);
    assert!(inward::input(&shared(), &foreign).is_ok());
}
