//! What operations ask of a process.

use actix_web::{HttpResponse, http::header, web};

use crate::site::Site;

/// Its paths.
pub(crate) fn paths(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics));
}

/// It answers, so it lives.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type(header::ContentType::plaintext()).body("ok\n")
}

async fn readyz(site: web::Data<Site>) -> HttpResponse {
    let readiness = site.probe.look().await;
    let mut answer = if readiness.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.insert_header((header::CACHE_CONTROL, "no-store")).json(readiness)
}

async fn metrics(site: web::Data<Site>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body((site.metrics)())
}
