//! What a ticket would change on its devices, before it does.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{
    id::RelocationId,
    lang::Lang,
    plan::{DevicePlan, PlannedOrder},
    role::Role,
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
    let filled = PlanPage {
        frame: view.frame(Section::Tickets, format!("{} · {}", ticket.request.service_id, say.plan())),
        say,
        id: ticket.id.to_string(),
        devices: plan.devices.iter().map(|told| device(lang, told)).collect(),
        fingerprint: plan.fingerprint,
    };
    Ok(page(HttpResponse::Ok(), &filled))
}

fn device(lang: Lang, told: &DevicePlan) -> Device {
    Device {
        name: format!("{} {}", told.layer.label(lang), told.device),
        unknown: told.unknown.as_ref().map(ToString::to_string),
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
        refused: told.refused.as_ref().map(ToString::to_string),
        changes: changes.flatten().collect(),
        lines: told.lines.clone(),
    }
}
