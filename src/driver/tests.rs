//! The driver against a whole Rehome in miniature ([`world`]).

mod flapping;
mod world;

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
};

use proptest::prelude::*;
use rehome_domain::{
    command::CommandKind as Do,
    journal::{Entry, replay},
    message::Input,
    order::{OrderKind, WorkOrder},
    request::{Deadlines, Place, Window},
    status::{CutoverStatus as C, RelocationStatus as R, ReservationStatus as P},
};
use uuid::Uuid;

use super::*;
use world::{Weather, World};

const FAIR: Weather = Weather { dies_after: None, room: 4096, echoes: false };

fn id(number: u16) -> RelocationId {
    RelocationId(Uuid::from_u128(u128::from(number) + 1))
}

fn request(number: u16) -> Request {
    let place = |side: &str, vlan| Place {
        l3_device: format!("gw-{side}"),
        l3_port: "ge-0/0/1".to_owned(),
        vlan,
        inner_vlan: None,
        l2_device: format!("sw-{side}"),
        l2_port: "7".to_owned(),
    };
    Request {
        service_id: format!("S{number}"),
        customer: "customer".to_owned(),
        old: place("old", number + 1),
        new: place("new", number + 1),
        ip: "192.0.2.1/30".to_owned(),
        vrf: None,
        description: "moved".to_owned(),
        window: None,
        external_id: None,
        hold: false,
        deadlines: Deadlines::default(),
    }
}

fn jobs(count: u16) -> Vec<Job> {
    (0..count).map(|number| Job { relocation: id(number), request: Arc::new(request(number)) }).collect()
}

fn options() -> Options<'static> {
    Options {
        in_flight: 8,
        deploy: Deploy::Auto,
        person: "tester".to_owned(),
        operator: None,
        window_wait: SignedDuration::from_secs(60),
        recheck: Duration::from_secs(5),
        now: || Timestamp::UNIX_EPOCH,
    }
}

/// Runs until the drive ends or the process dies. None: it died.
async fn live(world: &World, weather: Weather, jobs: &[Job], options: &Options<'_>) -> Option<Driven> {
    let (bus, running) = world.start(weather);
    let drive = drive(&*bus, world, jobs, options, std::future::pending(), |_| {});
    tokio::select! {
        driven = drive => Some(driven.unwrap()),
        () = running => None,
    }
}

fn on_paused_time<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work)
}

fn all_well(_: u64, _: &WorkOrder) -> bool {
    true
}

/// Fails about a quarter of all orders, the same ones each time.
fn by_lot(seed: u64, order: &WorkOrder) -> bool {
    let mut hasher = DefaultHasher::new();
    (seed, order.relocation, order.layer, order.kind, order.attempt).hash(&mut hasher);
    !hasher.finish().is_multiple_of(4)
}

/// What a person might script: force what can be forced, try again once where that may help.
fn operator(_: &Job, seen: &Seen, used: &[usize]) -> Option<Act> {
    let rules = [
        (R::Failed, None, Do::RetryReservation),
        (R::Failed, None, Do::ForceReservation),
        (R::CutoverPending, Some(C::L2TeardownFailed), Do::RetryCutover),
        (R::CutoverPending, Some(C::L2TeardownFailed), Do::ForceCompletion),
        (R::CutoverPending, None, Do::DeployCutover),
        (R::CutoverPending, Some(C::L3TornDownInstallFailed), Do::RetryRollback),
        (R::CutoverPending, Some(C::L3TornDownInstallFailed), Do::RetryCutover),
    ];
    let fits = |(rule, (relocation, cutover, _)): &(usize, (R, Option<C>, Do))| {
        !used.contains(rule) && seen.relocation == *relocation && seen.cutover == *cutover
    };
    let (rule, (_, _, command)) = rules.into_iter().enumerate().find(fits)?;
    Some(Act { rule, command, reason: "scripted".to_owned() })
}

fn given<'a>(entries: &'a [Entry], via: &str) -> Vec<&'a Entry> {
    let by = |entry: &&Entry| {
        matches!(&entry.input, Input::Command(_)) && entry.by.to_string().ends_with(&format!("({via})"))
    };
    entries.iter().filter(by).collect()
}

type Statuses = (R, Option<P>, Option<C>, Disposition);

/// Where each ticket stands, and the commands that took effect on it, in order.
fn outcome(world: &World) -> BTreeMap<RelocationId, (Statuses, Vec<Do>)> {
    let of = |ticket: Ticket| {
        let state = &ticket.state;
        let entries = world.entries(ticket.id);
        assert_eq!(replay(&entries).unwrap(), ticket, "the journal gives the ticket");
        let taken =
            entries.iter().filter(|entry| !entry.rows.is_empty()).filter_map(|entry| match &entry.input {
                Input::Command(command) => Some(command.kind),
                _ => None,
            });
        let statuses = (state.relocation, state.reservation, state.cutover, state.disposition);
        (ticket.id, (statuses, taken.collect()))
    };
    world.tickets().into_iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The heart of the matter: whenever the process dies, and however much of the traffic is lost to slow listeners,
    /// running it again ends where an undisturbed run ends, by the same commands, each given once.
    #[test]
    fn a_run_killed_anywhere_and_run_again_ends_like_one_that_was_never_disturbed(
        seed: u64,
        count in 1u16..16,
        in_flight in 1usize..8,
        deaths in prop::collection::vec(0usize..60, 0..5),
        room in prop_oneof![Just(1usize), Just(3), Just(4096)],
        scripted: bool,
        echoes: bool,
    ) {
        let jobs = jobs(count);
        let operator: Option<&Operator> = if scripted { Some(&operator) } else { None };
        let options = Options { in_flight, operator, ..options() };
        let (calm, rough) = (World::new(seed, by_lot), World::new(seed, by_lot));
        on_paused_time(async {
            live(&calm, FAIR, &jobs, &options).await.unwrap();
            for death in deaths {
                live(&rough, Weather { dies_after: Some(death), room, echoes }, &jobs, &options).await;
            }
            let driven = live(&rough, Weather { dies_after: None, room, echoes }, &jobs, &options).await.unwrap();
            for (job, standing) in jobs.iter().zip(&driven.standings) {
                let ticket = rough.tickets().into_iter().find(|ticket| ticket.id == job.relocation).unwrap();
                let Standing::At(seen) = standing else { panic!("{standing:?}") };
                assert_eq!(Seen { version: 0, ..*seen }, Seen { version: 0, ..Seen::from(&ticket) });
                assert!(!seen.in_flight, "nothing is left in flight");
            }
        });
        let (calm, rough) = (outcome(&calm), outcome(&rough));
        prop_assert_eq!(calm.len(), usize::from(count));
        prop_assert_eq!(calm, rough);
    }
}

#[test]
fn every_relocation_succeeds_where_nothing_fails_and_each_takes_one_command() {
    on_paused_time(async {
        let world = World::new(0, all_well);
        let driven = live(&world, FAIR, &jobs(50), &options()).await.unwrap();
        assert!(!driven.stopped);
        assert!(outcome(&world).values().all(|((relocation, ..), _)| *relocation == R::Succeeded));
        assert_eq!(world.commands(), 50);
    });
}

#[test]
fn no_more_relocations_than_allowed_are_under_way_at_once() {
    on_paused_time(async {
        let world = World::new(0, all_well);
        let (bus, running) = world.start(FAIR);
        let jobs = jobs(40);
        let options = Options { in_flight: 3, ..options() };
        let (mut under_way, mut most) = (0_i32, 0);
        let progress = |moved: Moved<'_>| {
            let busy = |standing: &Standing| match standing {
                Standing::Sent => 1,
                Standing::At(seen) => i32::from(!seen.is_closed()),
                _ => 0,
            };
            under_way += busy(moved.after) - busy(moved.before);
            most = most.max(under_way);
        };
        tokio::select! {
            driven = drive(&*bus, &world, &jobs, &options, std::future::pending(), progress) => { driven.unwrap(); }
            () = running => panic!("died"),
        }
        assert_eq!((under_way, most), (0, 3));
    });
}

#[test]
fn with_manual_deployment_all_wait_reserved_and_a_later_run_deploys_them() {
    on_paused_time(async {
        let world = World::new(0, all_well);
        let jobs = jobs(10);
        let manual = Options { deploy: Deploy::Manual, ..options() };
        let driven = live(&world, FAIR, &jobs, &manual).await.unwrap();
        let ready = |standing: &Standing| matches!(standing, Standing::At(seen) if seen.awaits_cutover());
        assert!(driven.standings.iter().all(ready), "{:?}", driven.standings);
        assert_eq!(world.commands(), 0);
        live(&world, FAIR, &jobs, &options()).await.unwrap();
        assert!(outcome(&world).values().all(|((relocation, ..), _)| *relocation == R::Succeeded));
    });
}

/// L3 fails to reserve; everything else works.
fn l3_does_not_reserve(_: u64, order: &WorkOrder) -> bool {
    !(order.kind == OrderKind::Reserve && order.layer == rehome_domain::Layer::L3)
}

#[test]
fn a_ticket_forced_on_is_deployed_only_where_a_scripted_operator_is_in_charge() {
    on_paused_time(async {
        let force = |_: &Job, seen: &Seen, used: &[usize]| {
            let fits = seen.relocation == R::Failed && !used.contains(&0);
            fits.then(|| Act { rule: 0, command: Do::ForceReservation, reason: "must move".to_owned() })
        };
        let world = World::new(0, l3_does_not_reserve);
        let jobs = jobs(1);
        let manual = Options { operator: Some(&force), deploy: Deploy::Manual, ..options() };
        live(&world, FAIR, &jobs, &manual).await.unwrap();
        assert_eq!(given(&world.entries(id(0)), "plan").len(), 1);

        live(&world, FAIR, &jobs, &options()).await.unwrap();
        assert_eq!(given(&world.entries(id(0)), "cli").len(), 0, "it waits for a person");
        live(&world, FAIR, &jobs, &Options { operator: Some(&force), ..options() }).await.unwrap();
        assert_eq!(outcome(&world)[&id(0)].0.0, R::Succeeded);
        assert_eq!(given(&world.entries(id(0)), "plan").len(), 1, "it was forced once");
    });
}

#[test]
fn a_run_ends_although_its_connections_break_every_second_and_no_answer_ever_arrives() {
    on_paused_time(async {
        let force = |_: &Job, seen: &Seen, used: &[usize]| {
            let fits = seen.relocation == R::Failed && !used.contains(&0);
            fits.then(|| Act { rule: 0, command: Do::ForceReservation, reason: "must move".to_owned() })
        };
        let world = World::new(0, l3_does_not_reserve);
        let (jobs, options) = (jobs(3), Options { operator: Some(&force), ..options() });
        let (bus, running) = world.start(FAIR);
        let bus = flapping::Flapping(bus);
        let drive = drive(&bus, &world, &jobs, &options, std::future::pending(), |_| {});
        let in_an_hour = tokio::time::timeout(Duration::from_secs(3600), drive);
        tokio::select! {
            driven = in_an_hour => drop(driven.unwrap().unwrap()),
            () = running => panic!("the system died"),
        }
        assert!(outcome(&world).values().all(|(statuses, _)| statuses.0 == R::Succeeded));
    });
}

#[test]
fn a_rule_that_is_refused_is_not_tried_again_and_the_run_ends() {
    on_paused_time(async {
        // Force needs a reason.
        let force = |_: &Job, seen: &Seen, used: &[usize]| {
            let fits = seen.relocation == R::Failed && !used.contains(&0);
            fits.then(|| Act { rule: 0, command: Do::ForceReservation, reason: String::new() })
        };
        let world = World::new(0, l3_does_not_reserve);
        let options = Options { operator: Some(&force), ..options() };
        live(&world, FAIR, &jobs(1), &options).await.unwrap();
        live(&world, FAIR, &jobs(1), &options).await.unwrap();
        assert_eq!(given(&world.entries(id(0)), "plan").len(), 1, "nor by a later run");
    });
}

#[test]
fn what_is_held_by_another_relocation_is_rejected_and_the_rest_goes_on() {
    on_paused_time(async {
        let world = World::new(0, all_well);
        let manual = Options { deploy: Deploy::Manual, ..options() };
        live(&world, FAIR, &jobs(1), &manual).await.unwrap();
        let mut others = jobs(3);
        others[0].relocation = id(100);
        let driven = live(&world, FAIR, &others, &options()).await.unwrap();
        assert_eq!(driven.standings[0], Standing::Rejected(Rejection::Held { by: id(0) }));
        assert_eq!(outcome(&world)[&id(2)].0.0, R::Succeeded);
    });
}

#[test]
fn a_ticket_that_is_set_aside_never_keeps_the_run_from_ending() {
    on_paused_time(async {
        let world = World::new(0, all_well);
        let jobs = jobs(3);
        live(&world, FAIR, &jobs, &Options { deploy: Deploy::Manual, ..options() }).await.unwrap();
        world.set_aside(id(1), "entry 2 is torn");
        let driven = live(&world, FAIR, &jobs, &options()).await.unwrap();
        assert_eq!(driven.standings[1], Standing::Unreadable("entry 2 is torn".to_owned()));
        assert_eq!(outcome(&world)[&id(2)].0.0, R::Succeeded);
    });
}

#[test]
fn stopping_ends_the_drive_at_once_and_running_again_completes_it() {
    on_paused_time(async {
        let world = World::new(0, all_well);
        let (bus, running) = world.start(FAIR);
        let jobs = jobs(30);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let mut stop = Some(stop);
        let mut heard = 0;
        let progress = |_: Moved<'_>| {
            heard += 1;
            if heard == 20
                && let Some(stop) = stop.take()
            {
                stop.send(()).unwrap();
            }
        };
        let stopped = async {
            let _ = stopped.await;
        };
        let options = options();
        let driven = tokio::select! {
            driven = drive(&*bus, &world, &jobs, &options, stopped, progress) => driven.unwrap(),
            () = running => panic!("died"),
        };
        assert!(driven.stopped);
        assert!(driven.standings.contains(&Standing::Waiting), "not all were begun");
        live(&world, FAIR, &jobs, &options).await.unwrap();
        assert!(outcome(&world).values().all(|((relocation, ..), _)| *relocation == R::Succeeded));
        assert_eq!(outcome(&world).len(), 30);
    });
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn a_window_far_off_is_left_to_a_later_run_and_a_missed_one_to_a_person() {
    on_paused_time(async {
        let world = World::new(0, all_well).with_clock(|| at(1_000_000));
        let window = |start, end| Some(Window { start: at(start), end: at(end) });
        let mut jobs = jobs(3);
        for (job, window) in jobs.iter_mut().zip([window(1_100_000, 1_200_000), window(0, 10), None]) {
            job.request = Arc::new(Request { window, ..(*job.request).clone() });
        }
        let options = Options { now: || at(1_000_000), ..options() };
        let driven = tokio::time::timeout(Duration::from_secs(3600), live(&world, FAIR, &jobs, &options));
        let driven = driven.await.expect("the run must not wait for either").unwrap();
        let ready = |standing: &Standing| matches!(standing, Standing::At(seen) if seen.awaits_cutover());
        assert_eq!(driven.standings.iter().map(ready).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(world.commands(), 1, "a window is the clock's: only the third is deployed");
    });
}

#[test]
fn the_same_relocation_told_of_twice_is_told_on_once() {
    on_paused_time(async {
        let world = World::new(0, all_well);
        let (bus, running) = world.start(Weather { room: 1, ..FAIR });
        let jobs = jobs(20);
        let mut told: HashMap<usize, u64> = HashMap::new();
        let progress = |moved: Moved<'_>| {
            if let Standing::At(seen) = moved.after {
                let before = told.insert(moved.job, seen.version);
                assert!(before.is_none_or(|before| before < seen.version), "only ever forwards");
            }
        };
        let options = options();
        tokio::select! {
            driven = drive(&*bus, &world, &jobs, &options, std::future::pending(), progress) => { driven.unwrap(); }
            () = running => panic!("died"),
        }
        assert_eq!(told.len(), 20);
    });
}
