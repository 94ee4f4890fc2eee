//! Spans, and the trace context that goes from one message to those it leads to.
//!
//! Without an exporter (`telemetry.otlp_endpoint`) a context is passed on as it came. With one, each step and each order
//! is a span: a child of what its message says, or, where a message says nothing (a person's command, a deadline), in the
//! trace that has the relocation's own id. So a relocation's trace is found by its id.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use rehome_domain::{
    Ticket, id::RelocationId, journal::Entry, message::Input, order::WorkOrder, ports::Incoming, trace::Trace,
};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Something being done, and where in a trace.
pub(crate) struct Traced {
    span: Span,
    from: Option<Trace>,
}

impl Traced {
    /// An input's step, until it is committed.
    pub(crate) fn step(incoming: &Incoming, from: Option<Trace>) -> Self {
        let envelope = &incoming.envelope;
        let (relocation, input) = (envelope.relocation, name(&envelope.input));
        let span =
            tracing::info_span!("step", %relocation, input, by = %envelope.by, seq = Empty, rows = Empty);
        Self::new(span, from, relocation)
    }

    /// An order being carried out, until its reply is sent.
    pub(crate) fn order(order: &WorkOrder, from: Option<Trace>) -> Self {
        let WorkOrder { id, relocation, layer, kind, attempt, .. } = order;
        let span = tracing::info_span!("order", %relocation, order = %id, %layer, %kind, attempt);
        Self::new(span, from, *relocation)
    }

    fn new(span: Span, from: Option<Trace>, relocation: RelocationId) -> Self {
        if !span.is_disabled() {
            let parent = from.as_ref().and_then(remote).unwrap_or_else(|| root(relocation));
            let context = opentelemetry::Context::new().with_remote_span_context(parent);
            // Without an exporter there is nothing to set.
            let _ = span.set_parent(context);
        }
        Self { span, from }
    }

    /// What the step came to.
    pub(crate) fn became(&self, ticket: &Ticket, entry: &Entry) {
        if !self.span.is_disabled() {
            self.span.record("seq", ticket.version).record("rows", entry.rows.join(","));
        }
    }

    /// The context of what this leads to.
    pub(crate) fn leads(&self) -> Option<Trace> {
        if self.span.is_disabled() {
            return self.from.clone();
        }
        let context = self.span.context();
        written(context.span().span_context()).or_else(|| self.from.clone())
    }

    /// The span.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }
}

fn name(input: &Input) -> &'static str {
    match input {
        Input::Command(command) => command.kind.wire(),
        other => other.word(),
    }
}

/// The trace that has the relocation's id.
fn root(relocation: RelocationId) -> SpanContext {
    let (high, low) = relocation.0.as_u64_pair();
    // A parent that nobody tells of: the spans under it are its trace's roots. It must not be nought.
    let span = SpanId::from_bytes((high ^ low).max(1).to_be_bytes());
    let trace = TraceId::from_bytes(relocation.0.into_bytes());
    SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
}

fn remote(from: &Trace) -> Option<SpanContext> {
    let mut parts = from.parent().split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
    let state = from.state().and_then(|state| state.parse().ok()).unwrap_or(TraceState::NONE);
    Some(SpanContext::new(trace, span, flags, true, state))
}

fn written(context: &SpanContext) -> Option<Trace> {
    let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags().to_u8());
    Trace::read(&format!("00-{trace:032x}-{span:016x}-{flags:02x}"), Some(&context.trace_state().header()))
}
