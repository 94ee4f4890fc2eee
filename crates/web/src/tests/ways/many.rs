//! Acts on several tickets at once: a bulk command and a sheet are as many messages as there are tickets.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rehome_domain::{
    command::CommandKind, id::RelocationId, message::Input, ports::TicketStore as _, request::Request,
    ticket::Ticket,
};
use serde_json::{Value, json};

use super::{REASON, Way, common, load, world};
use crate::tests::{
    runs::sheet,
    world::{World, numbered},
};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

impl Way {
    async fn bulk(&self, world: &World, tickets: &[Ticket], kind: CommandKind) {
        match self {
            Self::Workbench(_) => {
                let mut form = vec![("command", kind.wire().to_owned()), ("reason", REASON.to_owned())];
                form.extend(
                    tickets.iter().map(|ticket| ("ticket", format!("{} {}", ticket.id, ticket.version))),
                );
                self.post(world, "/bulk", &form, &Value::Null).await;
            }
            Self::Api(_) => {
                let seen = |ticket: &Ticket| json!({ "id": ticket.id, "version": ticket.version });
                let seen: Vec<Value> = tickets.iter().map(seen).collect();
                let wish = json!({ "command": kind, "reason": REASON, "tickets": seen });
                self.post(world, "/bulk", &[], &wish).await;
            }
            Self::Message => {
                for ticket in tickets {
                    self.command(world, ticket, kind).await;
                }
            }
        }
    }

    async fn sheet(&self, world: &World, numbers: &[u16]) {
        match self {
            Self::Workbench(cookie) => {
                sheet(world, cookie, numbers, true).await;
            }
            Self::Api(_) => {
                let row = |number: &u16| json!({ "service_id": numbered(*number).service_id, "hold": true });
                let rows: Vec<Value> = numbers.iter().map(row).collect();
                self.post(world, "/sheets", &[], &json!(rows)).await;
            }
            Self::Message => {
                for number in numbers {
                    let request = Request { hold: true, ..numbered(*number) };
                    let id = request.relocation();
                    self.tell(world, id, Input::Submitted { request: Arc::new(request) }).await;
                }
            }
        }
    }
}

/// A ticket's journal, when it has so many entries: pages answer before all is done.
async fn journal(world: &World, way: &Way, id: RelocationId, entries: usize) -> Value {
    let until = Instant::now() + LONG;
    let journal = loop {
        let journal = world.store.journal(id).await.unwrap();
        if journal.len() >= entries {
            break json!(journal.into_iter().map(Result::unwrap).collect::<Vec<_>>());
        }
        assert!(Instant::now() < until, "{id} by {} has {} entries", way.via(), journal.len());
        tokio::task::yield_now().await;
    };
    let by = journal.as_array().unwrap().iter().all(|entry| entry["by"]["via"] == way.via());
    assert!(by, "{journal}");
    common(journal, &id.to_string())
}

#[actix_web::test]
async fn a_sheet_and_a_bulk_command_are_journaled_alike_by_page_by_api_and_by_message_but_for_the_way() {
    let (world, ways) = world().await;
    let mut told: Option<Vec<Value>> = None;
    for (number, way) in (0u16..).zip(&ways) {
        let numbers = [1, 2, 3].map(|row| 10 * number + row);
        let ids = numbers.map(|number| numbered(number).relocation());
        way.sheet(&world, &numbers).await;
        let mut tickets = Vec::new();
        for id in ids {
            journal(&world, way, id, 1).await;
            tickets.push(load(&world, id).await);
        }
        // One has moved on since: it is refused, in its journal too.
        way.command(&world, &tickets[0], CommandKind::Cancel).await;
        way.bulk(&world, &tickets, CommandKind::Cancel).await;
        let mut said = Vec::new();
        for (id, entries) in ids.into_iter().zip([3, 2, 2]) {
            said.push(journal(&world, way, id, entries).await);
        }
        let first = told.get_or_insert_with(|| said.clone());
        assert_eq!(*first, said, "by {}", way.via());
    }
}
