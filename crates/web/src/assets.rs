//! What pages are made of, in the binary: style, scripts, pictures.
//!
//! A file's path has a digest of what is in it, so that a browser may keep it for ever and a new release is seen at once.
//! To add one: a line in [`FILES`], and [`path`] in the page.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ETag, EntityTag, IfNoneMatch},
    web,
};
use sha2::{Digest, Sha256};

use crate::frame::Problem;

/// The scope they are in.
pub const ROOT: &str = "/assets";

/// How long a browser may keep one: the longest there is, since another content has another path.
const KEPT: &str = "public, max-age=31536000, immutable";

/// Each file: its name, what it is, what is in it.
const FILES: &[(&str, &str, &[u8])] = &[
    ("style.css", "text/css; charset=utf-8", include_bytes!("../assets/style.css")),
    ("live.js", "text/javascript; charset=utf-8", include_bytes!("../assets/live.js")),
];

/// A file with the digest of its content.
struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
    digest: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |(name, kind, content): &(&'static str, &'static str, &'static [u8])| {
        let digest = Sha256::digest(content);
        let digest = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Asset { name, kind, content, digest }
    };
    FILES.iter().map(asset).collect()
});

/// Where a file is found; one that there is not, nowhere.
#[must_use]
pub fn path(name: &str) -> String {
    let digest = ASSETS.iter().find(|asset| asset.name == name).map_or("none", |asset| &asset.digest);
    format!("{ROOT}/{digest}/{name}")
}

/// Their paths.
pub(crate) fn paths(config: &mut web::ServiceConfig) {
    config.route("/{digest}/{name:.*}", web::get().to(asset));
}

async fn asset(request: HttpRequest, which: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (digest, name) = which.into_inner();
    let asset = ASSETS.iter().find(|asset| asset.name == name && asset.digest == digest);
    let asset = asset.ok_or(Problem::NotFound)?;
    let tag = EntityTag::new_strong(asset.digest.clone());
    let known = match request.headers().get(header::IF_NONE_MATCH).map(|_| ()) {
        None => false,
        Some(()) => matches!(
            <IfNoneMatch as header::Header>::parse(&request),
            Ok(IfNoneMatch::Items(tags)) if tags.iter().any(|known| known.weak_eq(&tag))
        ),
    };
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header(ETag(tag)).insert_header((header::CACHE_CONTROL, KEPT));
    if known {
        return Ok(answer.finish());
    }
    Ok(answer.content_type(asset.kind).body(asset.content))
}
