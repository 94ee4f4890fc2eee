//! What a ticket would change on its devices, before it does.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{
    action,
    command::CommandKind,
    id::RelocationId,
    lang::Lang,
    plan::{DevicePlan, PlannedOrder, Since},
    role::Role,
    ticket::Ticket,
    wording,
};

use super::{
    super::{
        Frame, page,
        view::{Section, View},
        words::Say,
    },
    loaded,
};
use crate::{frame::Problem, site::Workbench};

struct Device {
    name: String,
    unknown: Option<String>,
    now: Vec<(String, String)>,
    orders: Vec<Order>,
}

struct Order {
    label: &'static str,
    refused: Option<String>,
    /// Lines of the difference: what goes, or what comes.
    changes: Vec<(bool, String)>,
    lines: Vec<String>,
}

#[derive(Template)]
#[template(path = "plan.html")]
struct PlanPage {
    frame: Frame,
    say: Say,
    id: String,
    devices: Vec<Device>,
    fingerprint: String,
    version: u64,
    /// What may be begun by this plan now: the command and its label.
    begins: Option<(&'static str, &'static str)>,
    /// What is said where the ticket goes by another plan: accepting this one takes a reason.
    drifted: Option<&'static str>,
}

/// The command that a plan is shown before, if one of these may be given now.
fn begins(ticket: &Ticket, role: Role) -> Option<CommandKind> {
    let kinds = [
        CommandKind::DeployReservation,
        CommandKind::DeployCutover,
        CommandKind::RetryReservation,
        CommandKind::RetryCutover,
    ];
    kinds.into_iter().find(|kind| role >= Role::to(*kind) && action::allowed(&ticket.state, *kind).is_ok())
}

pub(super) async fn show(
    view: View,
    id: web::Path<RelocationId>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    view.caller.needs(Role::Operator)?;
    let (lang, say) = (view.lang(), view.say);
    let ticket = loaded(&workbench, id.into_inner(), lang).await?;
    let plan = workbench.planner.plan(ticket.id, &ticket.request).await;
    let known = plan.devices.iter().all(|device| device.unknown.is_none());
    let begins = begins(&ticket, view.caller.role()).filter(|_| known);
    let filled = PlanPage {
        frame: view.frame(Section::Tickets, format!("{} · {}", ticket.request.service_id, say.plan())),
        say,
        id: ticket.id.to_string(),
        devices: plan.devices.iter().map(|told| device(lang, told)).collect(),
        version: ticket.version,
        begins: begins.map(|kind| (kind.wire(), kind.label(lang))),
        drifted: match plan.since(&ticket) {
            Since::Same => None,
            Since::OwnCutover => Some(say.plan_left()),
            Since::Others => Some(say.plan_drifted()),
        },
        fingerprint: plan.fingerprint,
    };
    Ok(page(HttpResponse::Ok(), &filled))
}

fn device(lang: Lang, told: &DevicePlan) -> Device {
    Device {
        name: format!("{} {}", told.layer.label(lang), told.device),
        unknown: told.unknown.as_ref().map(|failure| wording::failure(lang, failure)),
        now: told
            .now
            .iter()
            .map(|spot| (spot.spot.to_string(), wording::held(lang, spot.held.as_ref())))
            .collect(),
        orders: told.orders.iter().map(|order| self::order(lang, order)).collect(),
    }
}

fn order(lang: Lang, told: &PlannedOrder) -> Order {
    let changes = told.changes.iter().flat_map(|change| {
        let line = |comes, held: &_| (comes, format!("{}  {}", change.spot, wording::held(lang, Some(held))));
        [change.from.as_ref().map(|held| line(false, held)), change.to.as_ref().map(|held| line(true, held))]
    });
    Order {
        label: told.order.label(lang),
        refused: told.refused.as_ref().map(|failure| wording::failure(lang, failure)),
        changes: changes.flatten().collect(),
        lines: told.lines.clone(),
    }
}
