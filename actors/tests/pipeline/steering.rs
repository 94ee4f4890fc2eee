//! People pause and resume by message.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rehome_domain::{
    CommandKind, MessageId, RelocationStatus,
    action::WhyNot,
    command::By,
    message::Answer,
    ports::{Answered, Answers, Events, Heard, Outgoing, ReplyTo, SteeringStore, StoreError, Wait, Wish},
    role::Role,
    steering::{NotSteered, Scope, Steer, Steered, Turn, Verdict},
};

use crate::{
    bus::OddBus,
    world::{PATIENCE, World, on_system, request},
};

const ASKER: &str = "steering";

fn by(role: Role) -> By {
    By::Person { name: "ann".to_owned(), via: "amqp".to_owned(), role }
}

fn wish(id: &str, turn: Turn, by: By, reason: &str) -> Wish {
    let (scope, reason) = (Scope::Device { name: "gw-1".to_owned() }, reason.to_owned());
    let id = MessageId(id.to_owned());
    let reply_to = Some(ReplyTo { queue: ASKER.to_owned(), correlation: id.clone() });
    Wish { steer: Steer { id, turn, scope, by, reason }, reply_to }
}

async fn told(answers: &mut dyn Answers) -> Verdict {
    let Answered { answer, .. } = tokio::time::timeout(PATIENCE, answers.next()).await.unwrap().unwrap();
    let Answer::Steering(verdict) = answer else { panic!("{answer:?}") };
    verdict
}

async fn heard(events: &mut dyn Events) -> Steered {
    loop {
        match tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap() {
            Heard::Steered(line) => return line,
            _ => continue,
        }
    }
}

#[test]
fn a_pause_by_message_is_answered_told_and_in_the_log_and_holds_back_until_resumed_by_message() {
    on_system(async {
        let world = World::new();
        let helm = world.helm();
        world.supervise_under(&helm);
        world.configure_over(&world.inventory());
        let (mut answers, mut events) = (world.bus.answers(ASKER), world.bus.events());
        actix::spawn(Arc::clone(&helm).obey(world.bus.steering()));
        world.send(Outgoing::Steer(wish("m-1", Turn::Pause, by(Role::Admin), "line card swap"))).await;
        let verdict = told(&mut *answers).await;
        let line = heard(&mut *events).await;
        let log = world.store.steering().await.unwrap();
        assert_eq!(log, std::slice::from_ref(&line));
        assert_eq!((line.by.clone(), line.reason.as_str()), (by(Role::Admin), "line card swap"));
        let (turn, scope, at) = (Turn::Pause, line.scope.clone(), line.at);
        assert_eq!(verdict, Verdict::Accepted { turn, scope, at });

        // Answered, so in force here at once: nobody has looked again since.
        world.submit(1, request(1)).await;
        world.until(1, "held back", |ticket| ticket.held_back).await;
        let answer = world.ask(1, CommandKind::DeployReservation, "").await;
        assert!(matches!(answer, Answer::Refused { why: WhyNot::Paused { .. }, .. }), "{answer:?}");

        world.send(Outgoing::Steer(wish("m-2", Turn::Resume, by(Role::Admin), "swapped"))).await;
        assert!(matches!(told(&mut *answers).await, Verdict::Accepted { turn: Turn::Resume, .. }));
        assert_eq!(heard(&mut *events).await.turn, Turn::Resume);
        actix::spawn(helm.keep());
        world.until(1, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
    });
}

#[test]
fn a_wish_that_comes_again_is_answered_and_told_again_and_counts_once() {
    on_system(async {
        let world = World::new();
        let (mut answers, mut events) = (world.bus.answers(ASKER), world.bus.events());
        actix::spawn(world.helm().obey(world.bus.steering()));
        let pause = || Outgoing::Steer(wish("m-1", Turn::Pause, by(Role::Admin), "works"));
        world.send(pause()).await;
        let (verdict, line) = (told(&mut *answers).await, heard(&mut *events).await);
        world.send(Outgoing::Steer(wish("m-2", Turn::Resume, by(Role::Admin), "done"))).await;
        assert!(matches!(told(&mut *answers).await, Verdict::Accepted { turn: Turn::Resume, .. }));
        heard(&mut *events).await;
        world.send(pause()).await;
        assert_eq!((told(&mut *answers).await, heard(&mut *events).await), (verdict, line));
        let turns: Vec<Turn> = world.store.steering().await.unwrap().iter().map(|line| line.turn).collect();
        assert_eq!(turns, [Turn::Pause, Turn::Resume]);
    });
}

#[test]
fn a_refused_wish_changes_nothing_is_answered_and_kept_with_who_and_why() {
    on_system(async {
        let world = World::new();
        let mut answers = world.bus.answers(ASKER);
        actix::spawn(world.helm().obey(world.bus.steering()));
        let nobody = || By::Nobody { via: "amqp".to_owned() };
        let needs = Role::Admin;
        let low = Some(Role::Supervisor);
        let cases = [
            (Turn::Pause, by(Role::Supervisor), "works", NotSteered::NotAllowed { has: low, needs }),
            (Turn::Resume, by(Role::Supervisor), "works", NotSteered::NotAllowed { has: low, needs }),
            (Turn::Pause, nobody(), "works", NotSteered::NotAllowed { has: None, needs }),
            (Turn::Pause, by(Role::Admin), "", NotSteered::NeedsReason),
            (Turn::Resume, by(Role::Admin), "works", NotSteered::NotPaused),
        ];
        for (n, (turn, by, reason, expected)) in cases.into_iter().enumerate() {
            let id = format!("m-{n}");
            world.send(Outgoing::Steer(wish(&id, turn, by.clone(), reason))).await;
            let Verdict::Refused { why, .. } = told(&mut *answers).await else { panic!("accepted") };
            assert_eq!(why, expected);
            let kept = world.tickets.dead_letters(1).await.unwrap().remove(0);
            assert_eq!((kept.id.0, kept.by, kept.reason), (id, Some(by), expected.to_string()));
            assert_eq!(kept.origin, "commands");
        }
        assert_eq!(world.store.steering().await.unwrap(), []);
    });
}

/// A log that fails until it is mended.
struct Broken {
    inner: Arc<dyn SteeringStore>,
    mended: AtomicBool,
    met: tokio::sync::Notify,
}

impl SteeringStore for Broken {
    fn steer(&self, line: Steered) -> Wait<'_, Result<bool, StoreError>> {
        self.inner.steer(line)
    }

    fn steering(&self) -> Wait<'_, Result<Vec<Steered>, StoreError>> {
        if self.mended.load(Ordering::Acquire) {
            return self.inner.steering();
        }
        self.met.notify_one();
        let error = StoreError::Failed { what: "steering", detail: "as the test wants it".to_owned() };
        Box::pin(std::future::ready(Err(error)))
    }
}

#[test]
fn a_store_that_fails_delays_a_wish_and_does_not_lose_it() {
    on_system(async {
        let world = World::new();
        let inner = Arc::clone(&world.store) as _;
        let broken =
            Arc::new(Broken { inner, mended: AtomicBool::new(false), met: tokio::sync::Notify::new() });
        let mut answers = world.bus.answers(ASKER);
        actix::spawn(world.helm_over(Arc::clone(&broken) as _).obey(world.bus.steering()));
        world.send(Outgoing::Steer(wish("m-1", Turn::Pause, by(Role::Admin), "works"))).await;
        broken.met.notified().await;
        assert_eq!(world.store.steering().await.unwrap(), []);
        broken.mended.store(true, Ordering::Release);
        assert!(matches!(told(&mut *answers).await, Verdict::Accepted { .. }));
    });
}

/// A line as the command line writes it.
fn by_hand(id: &str, turn: Turn) -> Steered {
    let scope = Scope::Device { name: "gw-1".to_owned() };
    let (id, reason) = (MessageId(id.to_owned()), "works".to_owned());
    Steered { id, turn, scope, by: by(Role::Admin), at: jiff::Timestamp::now(), reason }
}

#[test]
fn a_line_that_nobody_sent_by_message_is_told_by_whoever_finds_it_and_what_stands_by_whoever_starts() {
    on_system(async {
        let world = World::new();
        let mut events = world.bus.events();
        for line in [
            by_hand("old pause", Turn::Pause),
            by_hand("old resume", Turn::Resume),
            by_hand("old drain", Turn::Drain),
        ] {
            world.store.steer(line).await.unwrap();
        }
        let helm = world.helm();
        helm.turn().await.unwrap();
        assert_eq!(heard(&mut *events).await.id.0, "old drain", "only that still stands");
        world.store.steer(by_hand("new resume", Turn::Resume)).await.unwrap();
        helm.turn().await.unwrap();
        helm.turn().await.unwrap();
        world.store.steer(by_hand("new pause", Turn::Pause)).await.unwrap();
        helm.turn().await.unwrap();
        for id in ["new resume", "new pause"] {
            assert_eq!(heard(&mut *events).await.id.0, id, "told once, in order");
        }
    });
}

#[test]
fn a_wish_whose_event_the_bus_does_not_take_is_told_at_the_next_turn() {
    on_system(async {
        let mut world = World::new();
        let (mut answers, mut events) = (world.bus.answers(ASKER), world.bus.events());
        let takes = Arc::new(AtomicBool::new(false));
        let refuses = {
            let takes = Arc::clone(&takes);
            move |message: &Outgoing| matches!(message, Outgoing::Steered(_)) && !takes.load(Ordering::SeqCst)
        };
        world.bus = OddBus::refusing(&world.bus, refuses);
        let helm = world.helm();
        helm.turn().await.unwrap();
        actix::spawn(Arc::clone(&helm).obey(world.bus.steering()));
        world.send(Outgoing::Steer(wish("m-1", Turn::Pause, by(Role::Admin), "works"))).await;
        // Sent after the event.
        assert!(matches!(told(&mut *answers).await, Verdict::Accepted { .. }));
        takes.store(true, Ordering::SeqCst);
        helm.turn().await.unwrap();
        assert_eq!(heard(&mut *events).await.id.0, "m-1");
    });
}

#[test]
fn a_drain_by_message_is_over_when_nothing_is_under_way_there_whoever_is_at_the_helm_by_then() {
    on_system(async {
        let world = World::new();
        let helm = world.helm();
        world.supervise_under(&helm);
        let (mut answers, mut events) = (world.bus.answers(ASKER), world.bus.events());
        actix::spawn(Arc::clone(&helm).obey(world.bus.steering()));
        world.submit(1, request(1)).await;
        world.until(1, "reserving", |ticket| ticket.state.in_flight()).await;
        world.send(Outgoing::Steer(wish("m-1", Turn::Drain, by(Role::Admin), "line card swap"))).await;
        assert!(matches!(told(&mut *answers).await, Verdict::Accepted { turn: Turn::Drain, .. }));
        let drain = heard(&mut *events).await;
        assert_eq!(drain.turn, Turn::Drain);

        // While it is under way no helm says otherwise, however long it looks.
        let long = drain.at + jiff::SignedDuration::from_millis(200);
        while jiff::Timestamp::now() < long {
            helm.turn().await.unwrap();
        }
        assert_eq!(world.store.steering().await.unwrap(), std::slice::from_ref(&drain));

        let another = world.helm();
        actix::spawn(another.keep());
        world.configure_over(&world.inventory());
        let drained = loop {
            let line = heard(&mut *events).await;
            if line.turn == Turn::Drained {
                break line;
            }
        };
        assert_eq!((&drained.id.0, &drained.scope), (&format!("drained:{}", drain.id), &drain.scope));
        world.send(Outgoing::Steer(wish("m-1", Turn::Drain, by(Role::Admin), "line card swap"))).await;
        assert_eq!(
            (heard(&mut *events).await, heard(&mut *events).await),
            (drain, drained.clone()),
            "told again"
        );
        let ticket = world.until(1, "at rest", |ticket| !ticket.state.in_flight()).await;
        assert!(ticket.changed_at <= drained.at, "it was at rest before that was said");
        let answer = world.ask(1, CommandKind::DeployCutover, "").await;
        assert!(matches!(answer, Answer::Refused { why: WhyNot::Paused { .. }, .. }), "it stays paused");
    });
}
