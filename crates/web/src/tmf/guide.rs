//! The page `docs/tmf641.md`, from the code that does what it says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use rehome_domain::{state::State, status::Disposition, table};

use super::{
    create::CHARACTERISTICS,
    notice::KINDS,
    order::MILESTONES,
    state::{OrderState, is_working},
};

const HEAD: &str = "\
# Relocations as service orders (TMF641 v4.1)

Printed by `rehome schema tmf641`. An order is a relocation: one item, action `modify`, the order's id is the relocation's.
Nothing of it is kept beside the ticket and its journal.

## An order

[examples/service-order.json](../examples/service-order.json) is one. With a token of an account with the role `operator` (`rehome
token add`):

```
curl -H \"Authorization: Bearer $REHOME_TOKEN\" -H 'Content-Type: application/json' \\
     -d @examples/service-order.json http://127.0.0.1:8080/tmf-api/serviceOrdering/v4/serviceOrder
```

The answer is the order, with its `id`, its `href` and its `state`.

## How an order stands

`failed` only when nothing can happen any more: a relocation that failed and can go on is `held`. What is refused becomes no
order, so none is ever `rejected`: the answer says why. Whether an order may be cancelled is known when it is asked for, so none
is ever in `assessingCancellation`.

| relocation status | cutover status | disposition | being cancelled | orders out | order's state |
|---|---|---|---|---|---|
";

/// The page.
#[must_use]
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for ([relocation, cutover, disposition, cancelling, working], states) in rows() {
        // Writing into a text does not fail.
        let _ = writeln!(
            page,
            "| `{relocation}` | {cutover} | `{disposition}` | {cancelling} | {working} | {states} |"
        );
    }
    page += "\nOrders out: other than a notice, which nothing waits for.\n\n## Characteristics of the service\n\n";
    page += "| name | is |\n|---|---|\n";
    for (name, what) in CHARACTERISTICS {
        let _ = writeln!(page, "| `{name}` | {what} |");
    }
    page += "\nThe port's description is the order's `description`, the customer the `relatedParty` with the role `customer`, \
        the\ncutover's window `requestedStartDate` to `requestedCompletionDate`. Places have the roles `old` and `new`; a \
        place's id is\nits access port, `device/port`.\n\n## Milestones\n\n| name | is reached when |\n|---|---|\n";
    for (name, what, _) in MILESTONES {
        let _ = writeln!(page, "| `{name}` | {what} |");
    }
    page += LISTS;
    page += "\n## Notifications\n\n";
    for kind in KINDS {
        let _ = writeln!(page, "- `{kind}`");
    }
    page
}

const LISTS: &str = "\
\n## Lists\n
`GET /serviceOrder` tells the newest first, by `offset` and `limit` (20 if nothing is said, at most 100), with `X-Total-Count` and
`X-Result-Count`; 206 if that is not all. A count beyond ten thousand says so many at least. Filters: `state`, `relatedParty.name`,
`orderDate.gte`, `orderDate.lt`. For `inProgress`, `held`, `pendingCancellation`, `failed` and `partial` the orders that may be in that
state are gone through, ten thousand at most, the newest first. `GET /cancelServiceOrder` needs `serviceOrder.id`. `fields` names attributes of
the first level; `id`, `href` and `@type` are always told. The OpenAPI document is at `openapi.json` beside these paths.

## Answers that come later

What is on its way and was not answered for yet is answered 202 with the order's place, and is done or refused all the same: look at
the order, or `POST` the same again under the same `Idempotency-Key`, which counts once. Orders and requests to cancel
take one; an order's `externalId` serves as one.
";

/// All states that a relocation can be in, as far as an order's state goes by them.
fn rows() -> BTreeMap<[String; 5], String> {
    let (states, _) = table::explore(|_| true);
    let mut found: BTreeMap<[String; 5], BTreeSet<OrderState>> = BTreeMap::new();
    for state in &states {
        found.entry(seen(state)).or_default().insert(OrderState::of(state));
    }
    let words = |states: BTreeSet<OrderState>| {
        states.into_iter().map(|state| format!("`{}`", state.wire())).collect::<Vec<_>>().join(" or ")
    };
    found.into_iter().map(|(seen, states)| (seen, words(states))).collect()
}

fn seen(state: &State) -> [String; 5] {
    let open = state.disposition == Disposition::Open;
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let cutover = state.cutover.map_or_else(|| "unset".to_owned(), |status| format!("`{status}`"));
    [
        state.relocation.to_string(),
        cutover,
        state.disposition.to_string(),
        if open { yes(state.cancelling) } else { "–".to_owned() },
        if open { yes(is_working(state)) } else { "–".to_owned() },
    ]
}
