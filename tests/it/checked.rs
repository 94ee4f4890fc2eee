//! `rehome check` of a system that is scaled out: what is reachable, what is wrong, what to do.

use rehome_testkit::{broker::Vhost, postgres::Database};

use crate::{
    operations::{Serving, scaled_out},
    running::Said,
};

#[test]
fn a_system_that_works_is_well_and_what_it_lacks_is_told_with_what_to_do() {
    let (vhost, database) = (Vhost::new(), Database::create());
    let check = |args: &[&str]| {
        let args: Vec<&str> = ["check"].iter().chain(args).copied().collect();
        Said::of(&mut scaled_out(&args, &vhost.url(), &database.url()))
    };
    // Nothing has been started yet.
    let said = check(&[]);
    said.is(1, &["the queue rehome.supervisor is not there: start a process with the role supervisor"]);
    check(&["--lang", "zh"]).is(1, &["队列 rehome.supervisor 不存在"]);

    let supervisor = ["serve", "--roles", "supervisor"];
    let serving = Serving::start(scaled_out(&supervisor, &vhost.url(), &database.url()));
    serving.until_ready(true);
    let document = check(&["--json"]).json(0);
    assert_eq!(document["database"]["tickets"], 0, "{document}");
    let queues = document["broker"]["queues"].as_array().unwrap();
    let names: Vec<&str> = queues.iter().filter_map(|queue| queue["queue"].as_str()).collect();
    let all = ["intake", "supervisor", "steering", "l3", "l2", "dead", "unreadable"]
        .map(|name| format!("rehome.{name}"));
    assert_eq!(names, all);
    let consumers = |name: &str| {
        let queue = queues.iter().find(|queue| queue["queue"] == format!("rehome.{name}")).unwrap();
        queue["consumers"].clone()
    };
    assert_eq!((consumers("supervisor"), consumers("l3")), (1.into(), 0.into()));
    check(&[]).is(0, &["rehome.l3: 0 waiting, 0 taking"]);
}

#[test]
fn servers_that_are_away_or_refuse_us_are_wrong_each_by_itself() {
    let (vhost, database) = (Vhost::new(), Database::create());
    let nowhere = "127.0.0.1:1";
    let mut command =
        scaled_out(&["check", "--json"], &format!("amqp://guest:guest@{nowhere}"), &database.url());
    let document = Said::of(&mut command).json(1);
    let problem = document["broker"]["problems"][0].as_str().unwrap();
    assert!(problem.contains(nowhere), "{problem}");
    assert!(!document.to_string().contains("guest:guest"), "a password is shown");

    // Of several nodes each that is away is named, and no password.
    let cluster = format!("{},amqp://guest:guest@{nowhere}/{}", vhost.url(), vhost.name());
    let document = Said::of(&mut scaled_out(&["check", "--json"], &cluster, &database.url())).json(1);
    let problem = document["broker"]["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("URL 2 of the broker's 2: ") && problem.contains(nowhere), "{problem}");
    assert!(!document.to_string().contains("guest:guest"), "a password is shown");

    let missing = format!("{}_missing", database.url());
    let mut command = scaled_out(&["check", "--json"], &vhost.url(), &missing);
    let document = Said::of(&mut command).json(1);
    let problem = document["database"]["problems"][0].as_str().unwrap();
    assert!(problem.contains("_missing"), "{problem}");

    let stranger = vhost.url().replace("guest:guest", "guest:wrong");
    let document = Said::of(&mut scaled_out(&["check", "--json"], &stranger, &database.url())).json(1);
    let problem = document["broker"]["problems"][0].as_str().unwrap();
    assert!(problem.contains("ACCESS_REFUSED") || problem.contains("refused"), "{problem}");
}
