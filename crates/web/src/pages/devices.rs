//! The devices: what they have in hand, and what fails there.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{
    fleet::{Device, Reachable},
    lang::Lang,
    order::Layer,
    steering::{Scope, pauses},
    wording,
};

use super::{
    Frame, page,
    tone::Chip,
    view::{Section, View, When, age},
    words::{self, Say},
};
use crate::{frame::Problem, site::Workbench};

const PATH: &str = "/devices";
/// Devices shown; those in trouble come first.
const SHOWN: usize = 500;

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource(PATH).route(web::get().to(show)));
}

struct Row {
    name: String,
    layer: &'static str,
    /// The tickets that have to do with it.
    href: String,
    reachable: Chip,
    paused: bool,
    orders: u64,
    troubled: Option<String>,
    since: Option<(When, String)>,
    tickets: u64,
    failure: Option<Failed>,
}

struct Failed {
    ticket: String,
    text: String,
    or: Option<String>,
    at: When,
    next: Option<When>,
}

#[derive(Template)]
#[template(path = "devices.html")]
struct Page {
    frame: Frame,
    say: Say,
    told: String,
    rows: Vec<Row>,
}

async fn show(view: View, workbench: web::Data<Workbench>) -> Result<HttpResponse, Problem> {
    let (lang, say) = (view.lang(), view.say);
    let log = workbench.steering.steering().await?;
    let pauses = pauses(&log);
    let paused = |name: &str| {
        pauses.iter().any(|steered| match &steered.scope {
            Scope::Everything => true,
            Scope::Device { name: paused } => paused == name,
            Scope::Domain { .. } => false,
        })
    };
    let read = workbench.devices.get().await?;
    let told = if read.complete && read.devices.len() <= SHOWN {
        words::devices_told(lang, read.devices.len(), read.tickets)
    } else {
        words::devices_some(lang, read.devices.len().min(SHOWN), read.devices.len(), read.tickets)
    };
    let now = workbench.door.now();
    let devices = Page {
        frame: view.frame(Section::Devices, say.devices()),
        say,
        told,
        rows: read
            .devices
            .iter()
            .take(SHOWN)
            .map(|device| row(lang, device, paused(&device.name), now))
            .collect(),
    };
    Ok(page(HttpResponse::Ok(), &devices))
}

fn row(lang: Lang, device: &Device, paused: bool, now: jiff::Timestamp) -> Row {
    let tone = match device.reachable {
        Reachable::No => "bad",
        Reachable::Yes => "good",
        Reachable::Unknown => "unset",
    };
    let troubled = device.retrying + device.doubt;
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("device", &device.name).finish();
    Row {
        name: device.name.clone(),
        layer: match device.layer {
            Layer::L3 => lang.pick("gateway, L3", "网关（三层）"),
            Layer::L2 => lang.pick("switch, L2", "交换机（二层）"),
        },
        href: format!("/?{query}"),
        reachable: Chip {
            tone,
            label: device.reachable.label(lang).to_owned(),
            wire: device.reachable.wire(),
        },
        paused,
        orders: device.orders,
        troubled: (troubled > 0).then(|| words::devices_troubled(lang, device.retrying, device.doubt)),
        since: device.since.map(|since| (When::of(since), age(lang, since, now))),
        tickets: device.tickets,
        failure: device.last_failure.as_ref().map(|told| Failed {
            ticket: told.relocation.to_string(),
            text: wording::failure(lang, &told.failure),
            or: told.or.as_ref().map(|or| words::devices_or(lang, or)),
            at: When::of(told.at),
            next: told.next_at.map(When::of),
        }),
    }
}
