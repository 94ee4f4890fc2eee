//! The devices, as the open tickets tell of them.

use actix_web::{http::Method, web};
use rehome_domain::{
    fleet::Device,
    role::Role,
    steering::{Scope, pauses},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::route::Route;
use crate::{door::Caller, frame::Problem, site::Workbench};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/devices", "devices", devices)
            .is("What the devices have in hand and what fails there, as the open tickets tell; may be a few seconds old")
            .answers::<Devices>(200, "The devices that open tickets have to do with, those in trouble first"),
    ]
}

/// The devices that open tickets have to do with.
#[derive(Serialize, JsonSchema)]
struct Devices {
    /// Those that were not reached first, then those with most in hand.
    devices: Vec<Seen>,
    /// So many open tickets tell of them.
    tickets: u64,
    /// No other open ticket does; otherwise the rest was not looked at.
    complete: bool,
    /// Everything is paused.
    paused: bool,
}

/// A device.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Device")]
struct Seen {
    #[serde(flatten)]
    device: Device,
    /// It is paused by its name.
    paused: bool,
}

async fn devices(caller: Caller, workbench: web::Data<Workbench>) -> Result<web::Json<Devices>, Problem> {
    caller.needs(Role::Viewer)?;
    let log = workbench.steering.steering().await?;
    let pauses = pauses(&log);
    let paused = |wanted: &Scope| pauses.iter().any(|steered| steered.scope == *wanted);
    let read = workbench.devices.get().await?;
    let seen = |device: &Device| Seen {
        paused: paused(&Scope::Device { name: device.name.clone() }),
        device: device.clone(),
    };
    Ok(web::Json(Devices {
        devices: read.devices.iter().map(seen).collect(),
        tickets: read.tickets,
        complete: read.complete,
        paused: paused(&Scope::Everything),
    }))
}
