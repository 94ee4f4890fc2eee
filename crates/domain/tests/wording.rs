//! What people read of failures and outages, in both languages.

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    lang::Lang,
    reply::{Failure, Outcome, Reason, Report},
    ticket::Outage,
    wording,
};
use rehome_testkit::history::START;

fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

#[test]
fn an_outage_is_told_by_what_was_measured_of_it_and_no_more() {
    let told = |until, closed| wording::outage(Lang::En, &Outage { from: at(10), until }, closed, "ten");
    assert_eq!(told(Some(at(15)), false), "5000 ms");
    assert_eq!(told(Some(at(10)), true), "0 ms");
    assert_eq!(told(None, false), "lasts since ten");
    assert_eq!(told(None, true), "since ten, no end was measured");
    assert_eq!(told(Some(at(9)), true), "unknown: the clocks of the configurators differ");
    let differ = Outage { from: at(10), until: Some(at(9)) };
    assert_eq!((differ.ms(), differ.lasted()), (None, None));
    assert_eq!(wording::outage(Lang::Zh, &differ, true, "十"), "未知：各配置装置的时钟不一致");
}

#[test]
fn a_failure_is_told_in_chinese_by_its_reason_before_the_devices_own_words() {
    for reason in Reason::ALL {
        let failure = Failure { reason, text: "no room".to_owned() };
        let label = reason.label(Lang::Zh);
        assert!(!label.is_ascii() && wording::failure(Lang::Zh, &failure) == format!("{label}：no room"));
        assert_eq!(wording::failure(Lang::En, &failure), format!("{}: no room", reason.wire()));
        let report = Report::Release { outcome: Outcome::Failed(failure.clone()) };
        let refused = Report::CutoverRefused { failure: failure.clone() };
        let retrying = Report::Retrying { attempt: 1, failure, next_at: START };
        for report in [report, refused, retrying] {
            let told = wording::report(Lang::Zh, &report);
            assert!(told.contains(&format!("（{label}：no room）")), "{told}");
        }
    }
}
