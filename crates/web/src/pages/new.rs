//! A new relocation, by form or by sheet. A form is a sheet of one row: both are read by the same reader, with the same
//! words for what is wrong.

use std::sync::Arc;

use actix_multipart::Multipart;
use actix_web::{HttpResponse, web};
use askama::Template;
use futures::TryStreamExt as _;
use rehome_domain::{id::RelocationId, lang::Lang, request::Request, role::Role};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Frame, go, page, runs,
    view::{Section, View},
    words::{self, Say},
};
use crate::{
    frame::Problem,
    sheets::{self, LARGEST, SheetFault, SheetRow, TOLD},
    site::Workbench,
    submission,
};

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/new").route(web::get().to(form)).route(web::post().to(submit)))
        .service(web::resource("/new/sheet").route(web::post().to(sheet)));
}

/// A field of the form.
struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
    optional: bool,
    error: Option<String>,
}

/// Fields under a heading.
struct Group {
    title: &'static str,
    fields: Vec<Field>,
}

#[derive(Template)]
#[template(path = "new.html")]
struct New {
    frame: Frame,
    say: Say,
    id: String,
    groups: Vec<Group>,
    places: Vec<Group>,
    hold: bool,
    wrong: Option<String>,
    others: Vec<String>,
    /// The ticket of what was submitted before by this form.
    before: Option<String>,
}

/// A sheet's row, as it is shown before it is submitted.
struct Previewed {
    line: String,
    service: String,
    customer: String,
    from: String,
    to: String,
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct SheetPage {
    frame: Frame,
    say: Say,
    name: String,
    text: String,
    faults: Vec<(String, String, String)>,
    rows: Vec<Previewed>,
    count: String,
    cut: Option<String>,
}

/// The form with what was filled in and what is wrong with it.
fn filled(
    view: &View,
    id: &str,
    given: &[(String, String)],
    faults: &[SheetFault],
    wrong: Option<String>,
) -> New {
    let say = view.say;
    let value = |name: &str| {
        given.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let field = |name: &'static str, label: &'static str, hint: &'static str, optional: bool| Field {
        name,
        label,
        hint,
        value: value(name),
        optional,
        error: faults
            .iter()
            .find(|fault| fault.field.as_deref() == Some(name))
            .map(|fault| fault.problem.clone()),
    };
    let place = |title, names: [&'static str; 6]| Group {
        title,
        fields: vec![
            field(names[0], say.gateway(), "", false),
            field(names[1], say.gateway_port(), "", false),
            field(names[2], say.vlan(), "1–4094", false),
            field(names[3], say.inner_vlan(), "1–4094", true),
            field(names[4], say.switch(), "", false),
            field(names[5], say.switch_port(), "", false),
        ],
    };
    let places = vec![
        place(
            say.old_place(),
            ["old_l3_device", "old_l3_port", "old_vlan", "old_inner_vlan", "old_l2_device", "old_l2_port"],
        ),
        place(
            say.new_place(),
            ["new_l3_device", "new_l3_port", "new_vlan", "new_inner_vlan", "new_l2_device", "new_l2_port"],
        ),
    ];
    let groups = vec![
        Group {
            title: say.service(),
            fields: vec![
                field("service_id", say.service(), "", false),
                field("customer", say.customer(), "", false),
                field("ip", say.address(), say.ip_hint(), false),
                field("vrf", say.vrf(), "", true),
                field("description", say.description(), "", false),
            ],
        },
        Group {
            title: say.window(),
            fields: vec![
                field("window_start", say.window_start(), say.window_hint(), true),
                field("window_end", say.window_end(), say.window_hint(), true),
            ],
        },
    ];
    let shown: Vec<&str> =
        groups.iter().chain(&places).flat_map(|group| &group.fields).map(|field| field.name).collect();
    let others =
        faults.iter().filter(|fault| fault.field.as_deref().is_none_or(|field| !shown.contains(&field)));
    New {
        frame: view.frame(Section::New, say.new_relocation()),
        say,
        id: id.to_owned(),
        others: others.map(|fault| fault.problem.clone()).collect(),
        groups,
        places,
        hold: !value("hold").is_empty(),
        wrong,
        before: None,
    }
}

async fn form(view: View) -> Result<HttpResponse, Problem> {
    view.caller.needs(Role::TO_SUBMIT)?;
    let id = Uuid::now_v7().to_string();
    Ok(page(HttpResponse::Ok(), &filled(&view, &id, &[], &[], None)))
}

async fn submit(
    view: View,
    given: web::Form<Vec<(String, String)>>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    view.caller.needs(Role::TO_SUBMIT)?;
    let value = |name: &str| given.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim());
    let relocation: RelocationId = value("id").parse().map_err(|_| Problem::Malformed("id".to_owned()))?;
    let object: Map<String, Value> = given
        .iter()
        .filter(|(key, _)| key != "id" && key != "hold")
        .map(|(key, value)| (key.clone(), Value::String(value.trim().to_owned())))
        .collect();
    let one = Value::Array(vec![Value::Object(object)]).to_string();
    let row = match workbench.sheets.read("form.json", one.as_bytes(), view.lang()) {
        Ok(rows) => rows.into_iter().next().ok_or_else(|| Problem::Malformed("no row".to_owned()))?,
        Err(faults) => {
            let wrong = Some(view.say.some_wrong().to_owned());
            let again = filled(&view, value("id"), &given, &faults, wrong);
            return Ok(page(HttpResponse::UnprocessableEntity(), &again));
        }
    };
    let hold = !value("hold").is_empty();
    let request = Arc::new(Request { hold, ..Request::clone(&row.request) });
    let why = match submission::submit(&workbench, view.caller.by(), relocation, request).await {
        Ok(_) => return Ok(go(&format!("/tickets/{relocation}"))),
        Err(why @ (Problem::Refused(_) | Problem::Rejected(_) | Problem::SubmittedOtherwise { .. })) => why,
        Err(problem) => return Err(problem),
    };
    let mut again = filled(&view, &Uuid::now_v7().to_string(), &given, &[], Some(why.detail(view.lang())));
    if let Problem::SubmittedOtherwise { id, .. } = why {
        again.before = Some(id.to_string());
    }
    Ok(page(HttpResponse::Conflict(), &again))
}

/// What was uploaded.
#[derive(Default)]
struct Uploaded {
    name: String,
    file: Vec<u8>,
    text: Vec<u8>,
    go: bool,
}

async fn uploaded(mut parts: Multipart) -> Result<Uploaded, Problem> {
    let malformed = |error: actix_multipart::MultipartError| Problem::Malformed(error.to_string());
    let mut all = Uploaded::default();
    let mut length = 0;
    while let Some(mut part) = parts.try_next().await.map_err(malformed)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.content_disposition().and_then(|said| said.get_filename()).map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(piece) = part.try_next().await.map_err(malformed)? {
            length += piece.len();
            if length > LARGEST {
                return Err(Problem::TooLarge);
            }
            bytes.extend_from_slice(&piece);
        }
        match name.as_str() {
            "sheet" => (all.name, all.file) = (file_name.unwrap_or_default(), bytes),
            "name" if all.name.is_empty() => all.name = String::from_utf8_lossy(&bytes).into_owned(),
            "text" => all.text = bytes,
            "go" => all.go = true,
            _ => {}
        }
    }
    Ok(all)
}

async fn sheet(
    view: View,
    parts: Multipart,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    view.caller.needs(Role::TO_SUBMIT)?;
    let Uploaded { name, file, text, go: submits } = uploaded(parts).await?;
    let (lang, say) = (view.lang(), view.say);
    let bytes = if file.is_empty() { text } else { file };
    let read = workbench.sheets.read(&name, &bytes, lang);
    if submits && let Ok(rows) = &read {
        return Ok(runs::go_to(&*sheets::submit(&workbench, &view.caller, rows.clone())?));
    }
    let mut sheet = SheetPage {
        frame: view.frame(Section::New, say.by_sheet()),
        say,
        name,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        faults: Vec::new(),
        rows: Vec::new(),
        count: String::new(),
        cut: None,
    };
    let answer = match read {
        Err(faults) => {
            let line =
                |line: Option<usize>| line.map(|line| words::line_number(lang, line)).unwrap_or_default();
            let count = faults.len();
            sheet.cut = (count > TOLD).then(|| words::faults_cut(lang, TOLD, count));
            let told = faults.into_iter().take(TOLD);
            sheet.faults = told
                .map(|fault| (line(fault.line), fault.field.unwrap_or_default(), fault.problem))
                .collect();
            HttpResponse::UnprocessableEntity()
        }
        Ok(rows) => {
            let count = rows.len();
            sheet.count = words::rows_fine(lang, count);
            sheet.cut = (count > TOLD).then(|| words::rows_cut(lang, TOLD, count));
            sheet.rows = rows.iter().take(TOLD).map(|row| previewed(lang, row)).collect();
            HttpResponse::Ok()
        }
    };
    Ok(page(answer, &sheet))
}

fn previewed(lang: Lang, row: &SheetRow) -> Previewed {
    let request = &row.request;
    Previewed {
        line: words::line_number(lang, row.line),
        service: request.service_id.clone(),
        customer: request.customer.clone(),
        from: format!("{} + {}", request.old.l3(), request.old.l2()),
        to: format!("{} + {}", request.new.l3(), request.new.l2()),
    }
}
