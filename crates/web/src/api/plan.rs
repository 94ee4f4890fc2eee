//! What a ticket would change on its devices, before it does.

use actix_web::{http::Method, web};
use rehome_domain::{id::RelocationId, plan::Plan, role::Role};

use super::{route::Route, tickets::load};
use crate::{door::Caller, frame::Problem, site::Workbench};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/tickets/{id}/plan", "plan", plan)
            .is("Asks the devices what they hold now, and tells what reservation, cutover and each rollback would change from \
                 there, and what would be sent. Touches nothing")
            .needs(Some(Role::Operator))
            .answers::<Plan>(200, "The plan; a device that could not be asked is told of in it"),
    ]
}

async fn plan(
    caller: Caller,
    id: web::Path<RelocationId>,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Plan>, Problem> {
    caller.needs(Role::Operator)?;
    let ticket = load(&workbench, id.into_inner()).await?;
    Ok(web::Json(workbench.planner.plan(ticket.id, &ticket.request).await))
}
