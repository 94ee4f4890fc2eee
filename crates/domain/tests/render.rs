//! The documents made from the table show all of it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use rehome_domain::{
    Lang,
    render::{Course, course_svg, diagram_mermaid, diagram_svg, table_markdown},
    table::{self, ROWS, SUBMITTED, Trigger},
};
use rehome_testkit::history::{self, Play};

const LANGS: [Lang; 2] = [Lang::En, Lang::Zh];

/// The rows a diagram shows: all but the side and doubt rows, which change no status.
fn drawn() -> BTreeSet<&'static str> {
    let rows = ROWS.iter().map(|row| row.id).filter(|id| !id.starts_with(['S', 'D']));
    std::iter::once(SUBMITTED).chain(rows).collect()
}

#[test]
fn the_table_has_every_row_once_in_order_and_every_line_has_the_same_cells() {
    for lang in LANGS {
        let table = table_markdown(lang);
        let cells = |line: &str| line.matches(" | ").count();
        let lines: Vec<&str> = table.lines().skip(2).collect();
        let ids: Vec<&str> =
            lines.iter().map(|line| line.split(" | ").next().unwrap().trim_start_matches("| ")).collect();
        let expected: Vec<&str> = std::iter::once(SUBMITTED).chain(ROWS.iter().map(|row| row.id)).collect();
        assert_eq!(ids, expected);
        assert!(lines.iter().all(|line| cells(line) == cells(table.lines().next().unwrap())), "{table}");
    }
}

#[test]
fn the_table_reads_as_the_law_does() {
    let english = table_markdown(Lang::En);
    let chinese = table_markdown(Lang::Zh);
    for line in [
        "| 3 | R = `reservation_pending`, L3 reserving | L3 done | P = `l3_reserved` | L2 `reserve` | – | claim 1, 3 |",
        "| 13 | R = `cutover_pending`, L3 cutting over | teardown ok, install failed | \
         C = `l3_torn_down_install_failed` | L3 `rollback_install`, L2 `cutover` | customer without service | claim 4, 5 |",
        "| S2 | L3 releasing its reservation | L3 release failed | L3 rollback failed | – | \
         L3 reservation rollback failed | resolution |",
    ] {
        assert!(english.contains(line), "{line}\nis not in\n{english}");
    }
    let line = "| 16 | R = 移机切换待部署；C = 三层切换成功；二层正在切换；三层切换无需确认 | 二层切换失败 | \
                C = 二层移机拆失败；二层切换：失败 | – | 二层切换失败 | 权利要求4 |";
    assert!(chinese.contains(line), "{line}\nis not in\n{chinese}");
}

#[test]
fn every_numbered_row_and_every_extension_is_an_arrow_or_a_loop_of_the_picture() {
    for lang in LANGS {
        let svg = diagram_svg(lang);
        let shown: BTreeSet<&str> = svg
            .split("data-rows=\"")
            .skip(1)
            .flat_map(|rest| rest.split('"').next().unwrap().split(' '))
            .collect();
        assert_eq!(shown, drawn());
    }
}

#[test]
fn every_numbered_row_and_every_extension_labels_an_arrow_of_the_mermaid_text() {
    for lang in LANGS {
        let mermaid = diagram_mermaid(lang);
        let labels = mermaid.lines().filter_map(|line| line.split_once(": ")).map(|(_, label)| label);
        let shown: BTreeSet<&str> =
            labels.flat_map(|label| label.split(" / ")).map(|row| row.split(' ').next().unwrap()).collect();
        assert_eq!(shown, drawn());
    }
}

#[test]
fn the_picture_is_well_formed_and_loads_nothing() {
    for lang in LANGS {
        let svg = diagram_svg(lang);
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name)),
                None if tag.ends_with('/') => {}
                None => open.push(tag.split([' ', '\n']).next().unwrap()),
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        }
        assert!(open.is_empty(), "{open:?} never closed");
        let without_namespace = svg.replace("http://www.w3.org/2000/svg", "");
        assert!(!without_namespace.contains("http") && !svg.contains("<script") && !svg.contains("@import"));
        assert!(svg.contains("prefers-color-scheme: dark"));
    }
}

#[test]
fn the_languages_differ_and_the_same_call_gives_the_same_text() {
    for document in [table_markdown, diagram_mermaid, diagram_svg] {
        assert_ne!(document(Lang::En), document(Lang::Zh));
        assert_eq!(document(Lang::Zh), document(Lang::Zh));
    }
    assert!(diagram_svg(Lang::Zh).contains("三层切换拆成功，装失败"));
}

/// A ticket's course ends in the ticket's own state, and what it says can come next is what the table admits there.
fn holds(play: &Play) {
    let rows: Vec<&str> =
        play.journal.iter().flat_map(|entry| entry.rows.iter().map(String::as_str)).collect();
    let course = Course::of(rows);
    assert_eq!(course.state(), &play.ticket.state);
    for lang in LANGS {
        let (svg, told) = (course_svg(&course, lang), course.told(lang));
        assert_eq!(svg.matches(" here ").count(), 1, "one node is where it stands");
        assert!(!svg.contains("style"), "a page's policy allows no styles in it");
        let admitted =
            Trigger::all().into_iter().filter(|on| !matches!(on, Trigger::Resume(_) | Trigger::Settled));
        let admitted = admitted.filter(|on| table::find(&play.ticket.state, *on).is_some());
        let expected: Vec<String> = admitted.map(|on| on.label(lang)).collect();
        assert_eq!(told.next.iter().map(|next| next.on.clone()).collect::<Vec<_>>(), expected);
        assert_eq!(svg.matches("way open").count() > 0, told.next.iter().any(|next| next.to.is_some()));
    }
}

proptest::proptest! {
    #[test]
    fn the_course_of_any_history_ends_where_its_ticket_stands(
        request in history::requests(),
        moves in proptest::collection::vec(history::moves(), 0..40),
    ) {
        let mut play = Play::submit(request).unwrap();
        for step in &moves {
            let _ = play.make(step);
        }
        holds(&play);
    }
}
