//! What is asked for while it is measured: each list, each filter, each page.

use form_urlencoded::Serializer;
use rehome_domain::status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus};

use super::fill::{SPREAD, customer, id};

/// A question.
pub(super) struct Question {
    /// What it is called in the report.
    pub(super) what: &'static str,
    /// Where it is asked: of the `n`th ticket, or the `n`th value of what is filtered by; `next` is where the last list
    /// goes on.
    pub(super) at: fn(n: u64, next: Option<&str>) -> String,
}

/// All of them.
pub(super) const QUESTIONS: &[Question] = &[
    Question { what: "list: first page", at: |_, _| list(&[]) },
    Question {
        what: "list: next page",
        at: |_, next| list(&next.map_or(vec![], |next| vec![("after", next)])),
    },
    Question { what: "list: by submission", at: |_, _| list(&[("sort", "-submitted")]) },
    Question { what: "list: by customer", at: |_, _| list(&[("sort", "customer")]) },
    Question {
        what: "filter: relocation status",
        at: |n, _| list(&[("relocation", nth(RelocationStatus::ALL, n).wire())]),
    },
    Question {
        what: "filter: reservation status",
        at: |n, _| list(&[("reservation", nth(ReservationStatus::ALL, n).wire())]),
    },
    Question {
        what: "filter: cutover status",
        at: |n, _| list(&[("cutover", nth(CutoverStatus::ALL, n).wire())]),
    },
    Question {
        what: "filter: disposition",
        at: |n, _| list(&[("disposition", nth(Disposition::ALL, n).wire())]),
    },
    Question { what: "filter: waits for", at: |n, _| list(&[("attention", nth(Attention::ALL, n).wire())]) },
    Question {
        what: "filter: device",
        at: |n, _| list(&[("device", &format!("gw-{:03}", n % SPREAD.gateways))]),
    },
    Question { what: "filter: devices", at: |n, _| list(&[("device", &format!("sw-{:02}*", n % 80))]) },
    Question { what: "filter: customer", at: |n, _| list(&[("customer", &customer(n))]) },
    Question {
        what: "filter: customer and status",
        at: |n, _| list(&[("customer", &customer(n)), ("disposition", "open")]),
    },
    Question { what: "text: a circuit", at: |n, _| list(&[("text", &format!("BENCH-{n:08}"))]) },
    Question { what: "text: two characters", at: |_, _| list(&[("text", "银行")]) },
    Question { what: "text: in every ticket", at: |_, _| list(&[("text", "leased line")]) },
    Question { what: "text: in none", at: |_, _| list(&[("text", "leased lint")]) },
    Question {
        what: "text and status",
        at: |n, _| list(&[("text", "江南"), ("attention", nth(Attention::ALL, n).wire())]),
    },
    Question { what: "counts", at: |_, _| "/api/v1/counts".to_owned() },
    Question { what: "ticket", at: |n, _| format!("/api/v1/tickets/{}", id(n)) },
    Question { what: "ticket: journal", at: |n, _| format!("/api/v1/tickets/{}/journal", id(n)) },
    Question { what: "page: tickets", at: |_, _| "/".to_owned() },
    Question { what: "page: tickets, text", at: |n, _| format!("/?text=BENCH-{n:08}") },
    Question { what: "page: ticket", at: |n, _| format!("/tickets/{}", id(n)) },
    Question { what: "page: overview", at: |_, _| "/overview".to_owned() },
];

fn nth<T: Copy>(all: &[T], n: u64) -> T {
    all[usize::try_from(n).unwrap_or(0) % all.len()]
}

fn list(query: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(query).finish();
    format!("/api/v1/tickets?{query}")
}
