//! Traces for an OpenTelemetry collector, by OTLP over HTTP.

use std::{fmt, pin::Pin, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider},
};
use uuid::Uuid;

use crate::http;

/// What the collector knows the spans' service by.
const SERVICE: &str = "rehome";
/// Where a collector takes traces, unless its address says otherwise.
const PATH: &str = "/v1/traces";
/// Spans that wait to be told; what comes on top is dropped, so that a collector that is away costs no more than this.
/// A supervisor at its fastest makes some ten thousand a second.
const WAITING: usize = 32_768;
/// Spans told at once: some hundred kilobytes.
const TOLD_AT_ONCE: usize = 1024;
/// How long a span may wait for others.
const DELAY: Duration = Duration::from_secs(1);

/// Where spans are told, if anywhere.
#[derive(Debug, Clone)]
pub struct Collector {
    /// Its address, perhaps with a path.
    pub endpoint: String,
    /// How long it may take to answer.
    pub timeout: Duration,
}

impl Collector {
    fn url(&self) -> String {
        let (_, place) = self.endpoint.split_once("://").unwrap_or(("", &self.endpoint));
        match place.split_once('/') {
            Some((_, path)) if !path.is_empty() => self.endpoint.clone(),
            _ => format!("{}{PATH}", self.endpoint.trim_end_matches('/')),
        }
    }
}

/// Tells what is left when it is dropped.
pub struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that is away was warned of while it was.
        let _ = self.0.shutdown();
    }
}

/// Begins to tell spans.
///
/// # Errors
/// If the address can't be used.
pub fn start(collector: &Collector) -> Result<(Traces, SdkTracer), String> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client(http::agent(collector.timeout).map_err(|error| error.to_string())?))
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(collector.url())
        .with_timeout(collector.timeout)
        .build()
        .map_err(|error| error.to_string())?;
    let bounds = BatchConfigBuilder::default()
        .with_max_queue_size(WAITING)
        .with_max_export_batch_size(TOLD_AT_ONCE)
        .with_scheduled_delay(DELAY)
        .build();
    let process = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", Uuid::now_v7().to_string()),
        KeyValue::new("process.pid", i64::from(std::process::id())),
    ];
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(bounds).build())
        .with_resource(Resource::builder().with_service_name(SERVICE).with_attributes(process).build())
        .build();
    let tracer = provider.tracer(SERVICE);
    Ok((Traces(provider), tracer))
}

/// The exporter's HTTP client. It blocks, on the exporter's own thread.
struct Client(ureq::Agent);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl HttpClient for Client {
    fn send_bytes<'a, 'async_trait>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'a: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let (head, mut answer) = self.0.run(Request::from_parts(head, body.to_vec()))?.into_parts();
            Ok(Response::from_parts(head, answer.read_to_vec()?.into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_gets_the_standards() {
        for (given, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("https://collector/tenant/v1/traces", "https://collector/tenant/v1/traces"),
        ] {
            let collector = Collector { endpoint: given.to_owned(), timeout: DELAY };
            assert_eq!(collector.url(), url);
        }
    }
}
