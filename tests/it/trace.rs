//! Traces: a callback's `traceparent`, and the spans that a real OTLP receiver gets.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::support::*;
use callback_gateway::testing::log::AppendError;
use futures_util::stream;
use imcallback::SubscribeRequest;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::{Span, status::StatusCode},
};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::mpsc};
use tonic::{Request, Response, Status, transport::Server};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID: &str = "00f067aa0ba902b7";

/// Returns the `traceparent` of a caller, with these flags.
fn incoming(flags: &str) -> String {
    format!("00-{TRACE_ID}-{SPAN_ID}-{flags}")
}

/// OTLP collector.
struct Receiver(mpsc::UnboundedSender<Span>);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let attributes = &resource.resource.as_ref().unwrap().attributes;
            assert!(attributes.iter().any(|attribute| attribute.key == "service.name"
                && attribute.value.as_ref().unwrap().value
                    == Some(Value::StringValue("callback-gateway".to_owned()))));
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.0.send(span).ok();
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Starts a collector that runs as long as the test. Returns its address and the spans that it receives.
async fn collector() -> (SocketAddr, mpsc::UnboundedReceiver<Span>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (spans, received) = mpsc::unbounded_channel();
    let incoming = stream::unfold(listener, async |listener| {
        let connection = listener.accept().await.map(|(stream, _)| stream);
        Some((connection, listener))
    });
    let incoming = Box::pin(incoming);
    let server = Server::builder().add_service(TraceServiceServer::new(Receiver(spans)));
    tokio::spawn(server.serve_with_incoming(incoming));
    (address, received)
}

async fn gateway(collector: SocketAddr, sample_ratio: f64) -> Gateway {
    Gateway::start_with(|settings| {
        settings.trace_endpoint = Some(format!("http://{collector}"));
        settings.trace_sample_ratio = sample_ratio;
    })
    .await
}

/// Posts a callback with these header lines.
async fn post(http: SocketAddr, headers: &str, body: &str) -> Answer {
    let mut http = Http::connect(http).await;
    let length = body.len();
    let query = query("A.B");
    http.send(format!(
        "POST /?{query} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    ))
    .await;
    http.answer().await
}

async fn post_traced(http: SocketAddr, traceparent: &str) {
    assert!(post(http, &format!("traceparent: {traceparent}\r\n"), "{}").await.is_stored());
}

fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let value = |attribute: &'_ _| -> String {
        let attribute: &opentelemetry_proto::tonic::common::v1::KeyValue = attribute;
        text(attribute.value.as_ref().unwrap().value.as_ref().unwrap())
    };
    span.attributes.iter().map(|attribute| (attribute.key.as_str(), value(attribute))).collect()
}

/// Stops the gateway, which then sends its last spans. Returns the spans, sorted by name.
async fn spans_after(gateway: Gateway, mut received: mpsc::UnboundedReceiver<Span>) -> Vec<Span> {
    gateway.stop().await;
    let mut spans = Vec::new();
    while let Ok(span) = received.try_recv() {
        spans.push(span);
    }
    spans.sort_by(|a, b| a.name.cmp(&b.name));
    spans
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

/// Returns the `traceparent` that names this span.
fn named_by(span: &Span) -> String {
    format!("00-{}-{}-01", hex::encode(&span.trace_id), hex::encode(&span.span_id))
}

#[tokio::test]
async fn a_trace_goes_on_through_append_to_delivery_and_in_the_event() {
    let (collector, received) = collector().await;
    let gateway = gateway(collector, 0.0).await;
    let mut client = gateway.client().await;
    let request = SubscribeRequest { subscriber: "orders".to_owned(), ..latest() };
    let (mut subscriber, _) = Subscriber::open(&mut client, request).await.unwrap();
    post_traced(gateway.addresses.http, &incoming("01")).await;
    let event = subscriber.event().await.unwrap();
    drop((subscriber, client));

    let spans = spans_after(gateway, received).await;
    let [append, callback, deliver] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(names(&spans), ["append", "callback", "deliver"]);
    assert!(spans.iter().all(|span| hex::encode(&span.trace_id) == TRACE_ID));
    assert_eq!(hex::encode(&callback.parent_span_id), SPAN_ID);
    assert_eq!(append.parent_span_id, callback.span_id);
    assert_eq!(deliver.parent_span_id, callback.span_id);
    assert_eq!(event.traceparent, named_by(callback));
    assert!(callback.start_time_unix_nano <= append.start_time_unix_nano);
    assert!(append.end_time_unix_nano <= callback.end_time_unix_nano);
    let said = attributes(callback);
    assert_eq!(
        (said["callback.command"].as_str(), said["http.response.status_code"].as_str()),
        ("A.B", "200")
    );
    assert_eq!(said["callback.sdk_app_id"], APP_ID.to_string());
    let said = attributes(deliver);
    assert_eq!((said["callback.subscriber"].as_str(), said["callback.sequence"].as_str()), ("orders", "1"));
}

#[tokio::test]
async fn a_callback_without_a_trace_begins_one_at_the_ratio_that_is_set() {
    for (ratio, count) in [(1.0, 2), (0.0, 0)] {
        let (collector, received) = collector().await;
        let gateway = gateway(collector, ratio).await;
        assert!(gateway.post("A.B", "{}").await.is_stored());
        // A trace that was not sampled at its origin is not sampled here, whatever the ratio.
        post_traced(gateway.addresses.http, &incoming("00")).await;
        let events = all_events(&mut gateway.client().await).await;
        let spans: Vec<_> = spans_after(gateway, received).await;
        let own: Vec<_> = spans.iter().filter(|span| span.name != "deliver").collect();
        assert_eq!(own.len(), count, "{spans:#?}");
        if let [append, callback] = own[..] {
            assert!(callback.parent_span_id.is_empty(), "a root");
            assert_eq!(append.parent_span_id, callback.span_id);
            assert_eq!(events[0].traceparent, named_by(callback));
        } else {
            assert_eq!(events[0].traceparent, "");
        }
        assert_eq!(
            events[1].traceparent,
            incoming("00"),
            "the event has the caller's span, because the gateway has none"
        );
    }
}

#[tokio::test]
async fn without_a_collector_the_callbacks_own_context_is_kept_if_it_is_one() {
    let gateway = Gateway::start().await;
    let good = incoming("01");
    let line = |text: &str| format!("Traceparent: {text}\r\n");
    let wrong = [
        String::new(),
        line("00-x-y-01"),
        line(&good.to_uppercase()),
        line(&good.replace(TRACE_ID, &"0".repeat(32))),
        line(&good) + &line(&good),
        "tracestate: a=b\r\n".to_owned(),
    ];
    for headers in wrong.iter().chain([&line(&good)]) {
        assert!(post(gateway.addresses.http, headers, "{}").await.is_stored(), "{headers}");
    }
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events[wrong.len()].traceparent, good);
    assert!(events[..wrong.len()].iter().all(|event| event.traceparent.is_empty()));
    gateway.stop().await;
}

#[tokio::test]
async fn the_span_of_a_refused_callback_says_why_and_nothing_of_its_body() {
    let (collector, received) = collector().await;
    let gateway = gateway(collector, 1.0).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    let query = format!("SdkAppid={APP_ID}");
    http.send(format!("POST /?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\ns3cr3t")).await;
    assert_eq!(http.answer().await.status, 400);
    // An unauthenticated caller gets no span, whatever its `traceparent`.
    let mut http = Http::connect(gateway.addresses.http).await;
    http.send("POST /?SdkAppid=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(http.answer().await.status, 403);
    let spans = spans_after(gateway, received).await;
    assert_eq!(names(&spans), ["callback"]);
    let said = attributes(&spans[0]);
    assert_eq!(said["callback.refusal_reason"], "COMMAND_MISSING");
    assert_eq!(spans[0].status.as_ref().unwrap().code(), StatusCode::Error);
    let text = format!("{spans:?}");
    assert!(!text.contains("s3cr3t") && !text.contains("SdkAppid"), "{text}");
}

#[tokio::test]
async fn the_span_of_a_callback_that_could_not_be_stored_has_failed() {
    let (collector, received) = collector().await;
    let (log, mut appends) = scripted_log();
    let gateway = Gateway::start_over_with(log, |settings| {
        settings.trace_endpoint = Some(format!("http://{collector}"));
        settings.trace_sample_ratio = 1.0;
    })
    .await;
    let script = async { soon(appends.recv()).await.unwrap().1.send(Err(AppendError::Failed)).unwrap() };
    let (answer, ()) = tokio::join!(gateway.post("A.B", "{}"), script);
    assert_eq!(answer.status, 503);
    let spans = spans_after(gateway, received).await;
    assert_eq!(names(&spans), ["append", "callback"]);
    assert_eq!(attributes(&spans[1])["callback.refusal_reason"], "LOG_FAILED");
}

#[tokio::test]
async fn a_collector_that_never_answers_costs_spans_and_nothing_else() {
    // It accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = gateway(silent.local_addr().unwrap(), 1.0).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    // More spans than the queue holds.
    for _ in 0..2500 {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    drop(http);
    gateway.stop().await;
}

#[tokio::test]
async fn the_program_sends_its_last_spans_before_it_ends() {
    let (collector, mut received) = collector().await;
    let dir = TempDir::new().unwrap();
    let endpoint = format!("http://{collector}");
    let options = ["--trace-otlp-endpoint", &endpoint, "--trace-sample-ratio", "1.0", "--drain-delay", "0s"];
    let gateway = Process::serve(dir.path(), &options);
    assert!(Http::connect(gateway.addresses.http).await.post("A.B", "{}").await.is_stored());
    gateway.signal(Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success() && !log.iter().any(|line| line.contains("spans")), "{log:#?}");
    let names = [received.try_recv().unwrap().name, received.try_recv().unwrap().name];
    assert_eq!(names, ["append", "callback"]);
}

#[test]
fn a_wrong_endpoint_or_ratio_is_refused_and_a_password_is_not_shown() {
    for endpoint in ["127.0.0.1:4317", "https://collector:4317", "http://a:s3cr3t@b:4317", "http://b/path"] {
        let output = program()
            .args(["serve", "--sdk-app-id", "1", "--trace-otlp-endpoint", endpoint])
            .args(["--trace-sample-ratio", "1.5"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(text.contains("http://127.0.0.1:4317") && text.contains("must be 0 to 1"), "{text}");
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}
