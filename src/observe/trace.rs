//! Tracing: parses W3C `traceparent` headers, creates spans, and exports them over OTLP.
//!
//! The span of a callback starts with its request's first byte. Its child `append` is the wait for
//! durability. Each delivery to a subscriber is a child `deliver`, also in another process that reads the
//! same log. Spans have the same data as log lines, never a body or a query.
//!
//! A bounded queue holds the spans for an exporter thread. When it is full, spans are dropped, so nothing
//! waits for the collector.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
        TraceState, Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
    },
};

/// Maximum spans in the queue. Beyond it, spans are dropped.
const QUEUED_SPANS: usize = 4096;
/// Maximum spans in one export request.
const BATCH_SPANS: usize = 512;
/// Maximum delay of a span that waits for a full batch.
const BATCH_DELAY: Duration = Duration::from_secs(1);
/// Deadline of an export request. Beyond it, its spans are dropped.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time to export the last spans at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum age of an event whose delivery is traced. Older events are replayed history, and their traces have
/// ended.
const DELIVERY_WINDOW: Duration = Duration::from_secs(600);

/// Position in a trace, as in a `traceparent` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

/// Error: the text is not a `traceparent` of W3C Trace Context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid traceparent")]
pub struct NoTraceParent;

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    fn from_str(text: &str) -> Result<Self, NoTraceParent> {
        let hex = |text: Option<&str>, digits: usize| {
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let text = text.filter(|text| text.len() == digits && text.bytes().all(is_hex));
            text.and_then(|text| u128::from_str_radix(text, 16).ok()).ok_or(NoTraceParent)
        };
        let mut parts = text.split('-');
        let version = hex(parts.next(), 2)?;
        let trace_id = hex(parts.next(), 32)?;
        let span_id = hex(parts.next(), 16)? as u64;
        let flags = hex(parts.next(), 2)? as u8;
        // A later version may append more fields, which are ignored.
        let is_version = version < 0xff && (version > 0 || parts.next().is_none());
        if is_version && trace_id != 0 && span_id != 0 {
            Ok(Self { trace_id, span_id, flags })
        } else {
            Err(NoTraceParent)
        }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl TraceParent {
    fn context(self) -> SpanContext {
        SpanContext::new(
            TraceId::from(self.trace_id),
            SpanId::from(self.span_id),
            TraceFlags::new(self.flags),
            true,
            TraceState::default(),
        )
    }
}

/// Creates spans and exports sampled ones.
#[derive(Debug, Clone)]
pub struct Tracer {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Tracer {
    /// Creates a tracer that exports to an endpoint over gRPC. Callbacks with a sampled context are always
    /// traced, others at the ratio, 0 to 1. Must be called within a runtime.
    pub fn new(endpoint: &str, sample_ratio: f64) -> Result<Self, ExporterBuildError> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUED_SPANS)
            .with_max_export_batch_size(BATCH_SPANS)
            .with_scheduled_delay(BATCH_DELAY)
            .build();
        let exporter = Reporting { exporter, is_failing: AtomicBool::new(false) };
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource =
            Resource::builder_empty().with_service_name("callback-gateway").with_attribute(version).build();
        let root = Sampler::TraceIdRatioBased(sample_ratio);
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(root)))
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .build();
        Ok(Self { tracer: provider.tracer("callback-gateway"), provider })
    }

    /// Starts the span of a callback that began at `start`. `None` if it is not sampled.
    pub fn callback(&self, parent: Option<TraceParent>, start: SystemTime) -> Option<Span> {
        let parent = parent.map_or_else(Context::new, |parent| within(parent.context()));
        let span = self.tracer.span_builder("callback").with_kind(SpanKind::Server).with_start_time(start);
        let span = self.tracer.build_with_context(span, &parent);
        span.is_recording().then(|| Span { span, tracer: self.tracer.clone() })
    }

    /// Records the delivery of an event with this context, received at `received`.
    pub fn delivered(&self, traceparent: &str, received: SystemTime, sequence: u64, subscriber: &str) {
        let Ok(parent) = traceparent.parse::<TraceParent>() else { return };
        let parent = parent.context();
        if !parent.is_sampled() || received.elapsed().is_ok_and(|age| age > DELIVERY_WINDOW) {
            return;
        }
        let attributes = [
            KeyValue::new("callback.subscriber", subscriber.to_owned()),
            KeyValue::new("callback.sequence", i64::try_from(sequence).unwrap_or(i64::MAX)),
        ];
        let span = self.tracer.span_builder("deliver").with_kind(SpanKind::Producer);
        let span = span.with_start_time(received).with_attributes(attributes);
        self.tracer.build_with_context(span, &within(parent)).end();
    }

    /// Exports the queued spans and stops.
    pub async fn shut_down(&self) {
        let provider = self.provider.clone();
        // The call blocks, and the export needs this runtime.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "exporting the last spans failed; they are lost"),
            Err(error) => tracing::error!(%error, "exporting the last spans panicked; they are lost"),
        }
    }
}

fn within(parent: SpanContext) -> Context {
    Context::new().with_remote_span_context(parent)
}

/// A span that ends when it is dropped.
#[derive(Debug)]
pub struct Span {
    span: opentelemetry_sdk::trace::Span,
    tracer: SdkTracer,
}

impl Span {
    /// Returns the context for children.
    pub fn traceparent(&self) -> TraceParent {
        let context = self.span.span_context();
        TraceParent {
            trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(context.span_id().to_bytes()),
            flags: context.trace_flags().to_u8(),
        }
    }

    /// Starts a child span.
    pub fn child(&self, name: &'static str) -> Self {
        let parent = within(self.span.span_context().clone());
        let span = self.tracer.build_with_context(self.tracer.span_builder(name), &parent);
        Self { span, tracer: self.tracer.clone() }
    }

    /// Sets an attribute.
    pub fn set(&mut self, key: &'static str, value: impl Into<opentelemetry::Value>) {
        self.span.set_attribute(KeyValue::new(key, value));
    }

    /// Marks the span as failed.
    pub fn fail(&mut self, why: &str) {
        self.span.set_status(Status::error(why.to_owned()));
    }
}

/// Exporter that logs when exports begin to fail, and when they succeed again.
#[derive(Debug)]
struct Reporting {
    exporter: opentelemetry_otlp::SpanExporter,
    is_failing: AtomicBool,
}

impl SpanExporter for Reporting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        match (&sent, self.is_failing.swap(sent.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => {
                tracing::warn!(%error, "exporting spans to the collector failed; spans are lost until it recovers")
            }
            (Ok(()), true) => tracing::info!("exporting spans succeeds again"),
            (Err(_), true) | (Ok(()), false) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_traceparent_is_kept_unchanged() {
        for text in [GOOD, &GOOD.replace("-01", "-00"), &GOOD.replace("-01", "-ff")] {
            assert_eq!(text.parse::<TraceParent>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn unknown_fields_of_a_later_version_are_ignored() {
        for later in [GOOD.replacen("00", "cc", 1), GOOD.replacen("00", "cc", 1) + "-what-the-future-brings"]
        {
            assert_eq!(later.parse::<TraceParent>().unwrap().to_string(), GOOD);
        }
    }

    #[test]
    fn an_invalid_traceparent_is_rejected() {
        let zeros = |count| "0".repeat(count);
        for text in [
            "",
            "-",
            "00",
            &GOOD.to_uppercase(),
            &GOOD.replace('-', "_"),
            &GOOD[..54],
            &format!("{GOOD}-"),
            &format!("{GOOD}-00"),
            &format!("{GOOD}0"),
            &format!(" {GOOD}"),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replacen("00", "0x", 1),
            &GOOD.replacen("4bf", "+bf", 1),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &zeros(32)),
            &GOOD.replace("00f067aa0ba902b7", &zeros(16)),
            &GOOD.replace("00f067aa0ba902b7", "00f067aa0ba902b"),
        ] {
            assert_eq!(text.parse::<TraceParent>(), Err(NoTraceParent), "{text}");
        }
    }
}
