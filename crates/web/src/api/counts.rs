//! How many tickets stand where.

use actix_web::{http::Method, web};
use rehome_domain::{
    ports::Count,
    role::Role,
    status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::route::Route;
use crate::{door::Caller, frame::Problem, site::Workbench};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/counts", "counts", counts)
            .is("How many tickets stand where; may be a few seconds old")
            .answers::<Vec<Standing>>(200, "The counts, of each way to stand that a ticket has"),
    ]
}

/// A way to stand, and how many tickets do.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Count")]
struct Standing {
    relocation: RelocationStatus,
    reservation: Option<ReservationStatus>,
    cutover: Option<CutoverStatus>,
    disposition: Disposition,
    attention: Attention,
    /// How many.
    tickets: u64,
}

impl From<Count> for Standing {
    fn from(count: Count) -> Self {
        let rehome_domain::attention::Standing { relocation, reservation, cutover, disposition, attention } =
            count.standing;
        Self { relocation, reservation, cutover, disposition, attention, tickets: count.tickets }
    }
}

async fn counts(
    caller: Caller,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Vec<Standing>>, Problem> {
    caller.needs(Role::Viewer)?;
    let counts = workbench.counts.get().await?;
    Ok(web::Json(counts.iter().copied().map(Standing::from).collect()))
}
