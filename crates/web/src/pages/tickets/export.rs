//! The filtered list as a file.

use actix_web::{HttpResponse, web};
use rehome_domain::board::MAX_LIMIT;

use super::{super::view::View, Query, invalid};
use crate::{
    export::{self, Format},
    frame::Problem,
    site::Workbench,
};

pub(super) async fn export(
    view: View,
    format: web::Path<String>,
    pairs: web::Query<Vec<(String, String)>>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let format = match format.as_str() {
        "csv" => Format::Csv,
        "json" => Format::Json,
        _ => return Err(Problem::NotFound),
    };
    let query = Query::read(&pairs, view.lang()).map_err(invalid)?;
    export::export(&workbench.board, query.look(MAX_LIMIT), format).await
}
