//! Metrics, scraped from a gateway's admin listener.
//!
//! `UPDATE_DOCS=1 cargo test --test it metrics::` writes `docs/metrics.md` from the code.

use std::{collections::BTreeMap, fmt::Write as _, fs, sync::Arc};

use crate::support::*;
use callback_gateway::testing::{
    access::Access,
    callback::signature::{Token, Tokens},
    event::Timestamp,
    http,
    log::{AppendError, EventLog, Queue, ReadError, Usage, memory::MemoryLog},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use imcallback::{
    GapPolicy, GetLogStatusRequest, ListEventsRequest, ListRefusalsRequest, SubscribeRequest,
    admin_service_client::AdminServiceClient, subscribe_response::Frame,
};
use tonic::{Code, Request};

const TOKEN: &str = "t0ken-of-the-test";
const SIGNED: u32 = 7;

/// Content of `/metrics`: values by name and labels, in their text form.
struct Scraped(BTreeMap<String, f64>);

impl Scraped {
    async fn of(gateway: &Gateway) -> Self {
        let answer = get(gateway.addresses.admin, "/metrics").await;
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("text/plain; version=0.0.4"), "{}", answer.head);
        let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
        let value = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        Self(lines.map(value).collect())
    }

    /// Returns a value, or -1 if it is missing.
    fn get(&self, name: &str) -> f64 {
        self.0.get(&format!("callback_gateway_{name}")).copied().unwrap_or(-1.0)
    }

    fn callbacks(&self, app: &str, command: &str, outcome: &str) -> f64 {
        self.get(&format!("callbacks_total{{app=\"{app}\",command=\"{command}\",outcome=\"{outcome}\"}}"))
    }

    /// Returns the number of series of a metric.
    fn series(&self, name: &str) -> usize {
        let name = format!("callback_gateway_{name}{{");
        self.0.keys().filter(|key| key.starts_with(&name)).count()
    }
}

async fn post(gateway: &Gateway, query: &str, body: &str) -> u16 {
    let mut http = Http::connect(gateway.addresses.http).await;
    let length = body.len();
    http.send(format!("POST /?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")).await;
    http.answer().await.status
}

/// Posts more than a connection and its client buffer when the subscriber does not read.
async fn post_more_than_a_window(gateway: &Gateway) {
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 19));
    for _ in 0..16 {
        assert!(gateway.post("A.B", &body).await.is_stored());
    }
}

fn named(name: &str, request: SubscribeRequest) -> SubscribeRequest {
    SubscribeRequest { subscriber: name.to_owned(), ..request }
}

#[tokio::test]
async fn callbacks_are_counted_by_app_command_and_outcome() {
    let gateway = Gateway::start().await;
    let app = APP_ID.to_string();
    let before = Scraped::of(&gateway).await;
    assert_eq!(before.callbacks(&app, "other", "accepted"), 0.0, "the series exists from the start");
    assert!(gateway.post("Sns.CallbackFriendAdd", FRIEND_ADD).await.is_stored());
    assert!(gateway.post("Sns.CallbackFriendAdd", FRIEND_ADD).await.is_stored());
    for number in 0..20 {
        assert!(gateway.post(&format!("C2C.CallbackAfterX{number}"), "{}").await.is_stored());
        assert_eq!(post(&gateway, &format!("SdkAppid={number}&CallbackCommand=A.B"), "{}").await, 403);
    }
    assert_eq!(gateway.post("Sns.CallbackFriendAdd", &" ".repeat((1 << 20) + 1)).await.status, 413);
    let after = Scraped::of(&gateway).await;
    assert_eq!(after.callbacks(&app, "Sns.CallbackFriendAdd", "accepted"), 2.0);
    assert_eq!(after.callbacks(&app, "other", "accepted"), 20.0);
    assert_eq!(after.callbacks("other", "other", "app_id_unknown"), 20.0);
    assert_eq!(
        after.callbacks(&app, "other", "body_too_large"),
        1.0,
        "the callback is refused before the URL is checked"
    );
    assert_eq!(after.series("callbacks_total"), 4, "callbacks create no new series");
    assert_eq!(after.get("callback_seconds_count{outcome=\"accepted\"}"), 22.0);
    assert_eq!(after.get("callback_seconds_count{outcome=\"refused\"}"), 21.0);
    assert_eq!(after.get("append_seconds_count"), 22.0);
    let last = format!("last_accepted_timestamp_seconds{{app=\"{app}\"}}");
    assert!(before.get(&last) > 1.7e9 && after.get(&last) > before.get(&last));
    gateway.stop().await;
}

#[tokio::test]
async fn a_restart_does_not_hide_how_long_no_callback_came() {
    let dir = tempfile::TempDir::new().unwrap();
    let gateway = Gateway::start_in(dir.path()).await;
    let last = format!("last_accepted_timestamp_seconds{{app=\"{APP_ID}\"}}");
    let scraped = Scraped::of(&gateway).await;
    assert_eq!(scraped.get(&last), scraped.0["process_start_time_seconds"], "the log is empty");
    assert!(gateway.post("A.B", "{}").await.is_stored());
    let received = nanos(all_events(&mut gateway.client().await).await[0].receive_time) as f64 / 1e9;
    gateway.stop().await;

    let gateway = Gateway::start_in(dir.path()).await;
    let scraped = Scraped::of(&gateway).await;
    assert!(scraped.0["process_start_time_seconds"] > received);
    assert!(
        (scraped.get(&last) - received).abs() < 1e-5,
        "the metric is {}, and the event's receive time {received}",
        scraped.get(&last)
    );
    assert!(gateway.post("A.B", "{}").await.is_stored());
    let scraped = Scraped::of(&gateway).await;
    assert!(scraped.get(&last) > scraped.0["process_start_time_seconds"]);
    gateway.stop().await;
}

#[tokio::test]
async fn signatures_are_counted_by_token_and_failures_by_reason() {
    let gateway = Gateway::start_with(|settings| {
        settings.sdk_app_ids.push(SIGNED);
        settings.tokens = Tokens::parse(&format!("{SIGNED} old-token\n{SIGNED} {TOKEN}")).unwrap();
    })
    .await;
    let now = Timestamp::now().seconds_and_nanos().0;
    let signed = |time: i64| {
        let sign = Token::new(TOKEN).unwrap().sign(&time.to_string());
        format!("SdkAppid={SIGNED}&CallbackCommand=A.B&Sign={sign}&RequestTime={time}")
    };
    assert_eq!(post(&gateway, &signed(now), "{}").await, 200);
    assert_eq!(post(&gateway, &signed(now - 3600), "{}").await, 401);
    assert_eq!(post(&gateway, &signed(now).replace("Sign=", "Sign=0"), "{}").await, 401);
    assert_eq!(post(&gateway, &format!("SdkAppid={SIGNED}"), "{}").await, 401);
    let scraped = Scraped::of(&gateway).await;
    let failures = |reason| scraped.get(&format!("verification_failures_total{{reason=\"{reason}\"}}"));
    assert_eq!(["request_time_outside", "sign_wrong", "sign_missing"].map(failures), [1.0; 3]);
    assert_eq!(failures("request_time_missing"), 0.0);
    assert_eq!(scraped.get("verified_callbacks_total{app=\"7\",token=\"1\"}"), 1.0);
    assert_eq!(scraped.series("verified_callbacks_total"), 1);
    assert_eq!(post(&gateway, &signed(now).replace("CallbackCommand", "x"), "no").await, 400);
    let scraped = Scraped::of(&gateway).await;
    assert_eq!(
        scraped.get("verified_callbacks_total{app=\"7\",token=\"1\"}"),
        2.0,
        "the signature is counted although the body is refused"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn strangers_do_not_choose_which_series_there_are() {
    let gateway = Gateway::start_with(|settings| {
        settings.sdk_app_ids.push(SIGNED);
        settings.tokens = Tokens::parse(&format!("{SIGNED} {TOKEN}")).unwrap();
    })
    .await;
    let before = Scraped::of(&gateway).await.series("callbacks_total");
    let commands = ["Sns.CallbackFriendAdd", "Sns.CallbackFriendDelete", "State.StateChange"];
    let mut http = Http::connect(gateway.addresses.http).await;
    let mut refused = async |line: &str| {
        http.send(format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nno")).await;
        assert!(http.answer().await.status >= 400, "{line}");
    };
    for command in commands {
        let query = format!("SdkAppid={SIGNED}&CallbackCommand={command}");
        refused(&format!("POST /?{query}")).await;
        refused(&format!("POST /?{query}&Sign=x&RequestTime=1")).await;
        refused(&format!("PUT /?{query}")).await;
        refused(&format!("POST /elsewhere?{query}")).await;
    }
    let scraped = Scraped::of(&gateway).await;
    for outcome in ["sign_missing", "sign_wrong", "method", "path"] {
        assert_eq!(scraped.callbacks("7", "other", outcome), 3.0, "{outcome}");
    }
    assert_eq!(scraped.series("callbacks_total"), before + 4);
    // Callbacks with a valid URL are counted for their app and command, from any sender.
    let target = query(commands[0]);
    let mut http = Http::connect(gateway.addresses.http).await;
    http.send(format!("POST /?{target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{")).await;
    tokio::io::AsyncWriteExt::shutdown(&mut http.stream).await.unwrap();
    assert_eq!(http.answer().await.status, 400);
    let scraped = Scraped::of(&gateway).await;
    assert_eq!(scraped.callbacks(&APP_ID.to_string(), commands[0], "body_broken"), 1.0);
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut admin = soon(AdminServiceClient::connect(address)).await.unwrap();
    let remembered = soon(admin.list_refusals(ListRefusalsRequest::default())).await.unwrap().into_inner();
    assert_eq!(remembered.refusals.len(), 13);
    assert!(remembered.refusals.iter().all(|refusal| commands.contains(&refusal.command.as_str())));
    gateway.stop().await;
}

#[tokio::test]
async fn connections_that_end_without_a_request_are_counted() {
    let gateway = Gateway::start().await;
    let bad = |scraped: &Scraped| {
        ["malformed", "slow_head"]
            .map(|reason| scraped.get(&format!("http_bad_connections_total{{reason=\"{reason}\"}}")))
    };
    assert_eq!(bad(&Scraped::of(&gateway).await), [0.0; 2], "the series exist from the start");
    let head = "POST / HTTP/1.1\r\nHost: x\r\nX: ";
    let long = head.to_owned() + &"x".repeat(64 * 1024 - head.len());
    let after = async |malformed, slow_head| {
        let reached = async {
            loop {
                let found = bad(&Scraped::of(&gateway).await);
                assert!(found[0] <= malformed && found[1] <= slow_head, "{found:?}");
                if found == [malformed, slow_head] {
                    break;
                }
            }
        };
        soon(reached).await
    };
    let mut count = 0.0;
    // TLS, HTTP/2, garbage, and a head that is too long.
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice();
    for bytes in [hello, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\0\0", long.as_bytes()] {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(bytes).await;
        count += 1.0;
        after(count, 0.0).await;
    }
    let mut slow = Http::connect(gateway.addresses.http).await;
    slow.send("POST / HTTP/1.1\r\n").await;
    slow.closed().await;
    after(count, 1.0).await;
    // A connection without any bytes is not counted, nor is one on the admin listener.
    drop(Http::connect(gateway.addresses.http).await);
    let mut admin = Http::connect(gateway.addresses.admin).await;
    admin.send("nonsense\r\n\r\n").await;
    admin.closed().await;
    assert!(gateway.post("A.B", "{}").await.is_stored());
    after(count, 1.0).await;
    gateway.stop().await;
}

#[tokio::test]
async fn repeated_and_undecoded_callbacks_are_counted() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    let (mut subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    for body in [FRIEND_ADD, r#"{"PairList":7}"#] {
        assert!(gateway.post("Sns.CallbackFriendAdd", body).await.is_stored());
    }
    assert!(gateway.post("A.B", "{}").await.is_stored());
    subscriber.events_until(|event| event.command == "A.B").await;
    // Duplicate detection follows the log as subscribers do, so it may not mark the first repeats.
    let repeated = loop {
        assert!(gateway.post("A.B", "{}").await.is_stored());
        let event = subscriber.event().await.unwrap();
        if event.possible_duplicate_of > 0 {
            break event.sequence - 3;
        }
    };
    let scraped = Scraped::of(&gateway).await;
    let undecoded = |status| scraped.get(&format!("undecoded_bodies_total{{status=\"{status}\"}}"));
    assert_eq!(
        ["mismatch", "unknown_command", "too_large"].map(undecoded),
        [1.0, 1.0 + repeated as f64, 0.0]
    );
    assert_eq!(scraped.get("duplicates_total"), 1.0);
    assert_eq!(scraped.get("events_delivered_total"), 3.0 + repeated as f64);
    gateway.stop().await;
}

#[tokio::test]
async fn subscribers_show_their_lag_and_that_they_are_gone() {
    let gateway = Gateway::start().await;
    assert!(gateway.post("A.B", "{}").await.is_stored());
    let mut client = gateway.client().await;
    let mut open = Vec::new();
    for name in ["live", "live", "", ""] {
        let request = named(name, earliest());
        let (mut subscriber, _) = Subscriber::open(&mut client, request).await.unwrap();
        while !matches!(subscriber.frame().await.unwrap(), Frame::CaughtUp(_)) {}
        open.push(subscriber);
    }
    let (gone, _) = Subscriber::open(&mut client, named("gone", latest())).await.unwrap();
    drop(gone);
    let scraped = soon(async {
        loop {
            let scraped = Scraped::of(&gateway).await;
            if scraped.series("subscriber_departed_seconds") > 0 {
                break scraped;
            }
        }
    })
    .await;
    assert!(scraped.get("subscriber_departed_seconds{subscriber=\"gone\"}") >= 0.0);
    assert_eq!(scraped.get("streams"), 4.0);
    for name in ["live", "unnamed"] {
        assert_eq!(scraped.get(&format!("subscriber_lag_events{{subscriber=\"{name}\"}}")), 0.0);
        assert_eq!(scraped.get(&format!("subscriber_lag_seconds{{subscriber=\"{name}\"}}")), 0.0);
    }
    assert_eq!(scraped.series("subscriber_lag_events"), 2);

    // It reconnects and is then blocked: it reads nothing while events arrive.
    let (back, _) = Subscriber::open(&mut client, named("gone", latest())).await.unwrap();
    post_more_than_a_window(&gateway).await;
    let scraped = soon(async {
        loop {
            let scraped = Scraped::of(&gateway).await;
            if scraped.get("subscriber_lag_events{subscriber=\"gone\"}") > 0.0 {
                break scraped;
            }
        }
    })
    .await;
    assert!(scraped.get("subscriber_lag_seconds{subscriber=\"gone\"}") > 0.0);
    assert_eq!(scraped.series("subscriber_departed_seconds"), 0, "the subscriber is back");
    // Subscribers that have not read everything would delay the drain.
    drop((back, open));
    gateway.stop().await;
}

#[tokio::test]
async fn the_log_and_its_place_are_measured() {
    let gateway = Gateway::start().await;
    let empty = Scraped::of(&gateway).await;
    assert_eq!((empty.get("log_oldest_sequence"), empty.get("log_latest_sequence")), (1.0, 0.0));
    assert_eq!(empty.get("log_oldest_event_age_seconds"), -1.0, "missing");
    for _ in 0..3 {
        assert!(gateway.post("A.B", "{}").await.is_stored());
    }
    let scraped = soon(async {
        loop {
            let scraped = Scraped::of(&gateway).await;
            // The index lags behind the log.
            if scraped.get("log_index_lag_events") == 0.0 {
                break scraped;
            }
        }
    })
    .await;
    assert_eq!((scraped.get("log_oldest_sequence"), scraped.get("log_latest_sequence")), (1.0, 3.0));
    assert!(scraped.get("log_oldest_event_age_seconds") >= 0.0);
    assert!(scraped.get("log_bytes") > 0.0);
    assert_eq!((scraped.get("log_queue_records"), scraped.get("log_queue_bytes")), (0.0, 0.0));
    assert_eq!(scraped.get("log_retention_bytes"), (10_u64 << 30) as f64);
    assert_eq!(scraped.get("log_retention_seconds"), 7.0 * 86400.0);
    assert!(scraped.get("filesystem_free_bytes") > 0.0);
    assert!(scraped.get("filesystem_size_bytes") >= scraped.get("filesystem_free_bytes"));
    assert_eq!(["ready", "log_writable", "scrape_complete"].map(|name| scraped.get(name)), [1.0; 3]);
    assert_eq!(scraped.get(&format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    assert!(scraped.0["process_resident_memory_bytes"] > 1e6);
    assert!(scraped.0["process_cpu_seconds_total"] >= 0.0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_that_drains_is_not_ready_and_still_writable() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    // This subscriber does not read, so it keeps the drain open during the test.
    let (blocked, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    post_more_than_a_window(&gateway).await;
    gateway.begin_shutdown();
    let scraped = soon(async {
        loop {
            let scraped = Scraped::of(&gateway).await;
            if scraped.get("ready") == 0.0 {
                break scraped;
            }
        }
    })
    .await;
    assert_eq!(scraped.get("log_writable"), 1.0);
    drop(blocked);
    gateway.stop().await;
}

#[tokio::test]
async fn a_gap_that_is_told_is_counted() {
    let log = Arc::new(MemoryLog::new(2000).unwrap());
    let gateway = Gateway::start_over(log).await;
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(900));
    assert!(gateway.post("A.B", &body).await.is_stored());
    let mut client = gateway.client().await;
    let cursor = all_events(&mut client).await[0].cursor.clone();
    for _ in 0..10 {
        assert!(gateway.post("A.B", &body).await.is_stored());
    }
    let request = SubscribeRequest { on_gap: GapPolicy::Skip.into(), ..after(&cursor) };
    let (mut subscriber, _) = Subscriber::open(&mut client, request).await.unwrap();
    assert!(matches!(subscriber.frame().await.unwrap(), Frame::Gap(_)));
    assert_eq!(Scraped::of(&gateway).await.get("gaps_total"), 1.0);
    gateway.stop().await;
}

#[tokio::test]
async fn good_callbacks_that_are_not_stored_are_counted_by_reason() {
    let (log, mut appends) = scripted_log();
    let gateway = Gateway::start_over(log).await;
    let script = async { soon(appends.recv()).await.unwrap().1.send(Err(AppendError::Failed)).unwrap() };
    let (answer, ()) = tokio::join!(gateway.post("A.B", "{}"), script);
    assert_eq!(answer.status, 503);
    let scraped = Scraped::of(&gateway).await;
    let errors = |reason| scraped.get(&format!("append_errors_total{{reason=\"{reason}\"}}"));
    let reasons = ["busy", "late", "log_recovering", "log_failed", "log_closed"];
    assert_eq!(reasons.map(errors), [0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(
        scraped.get("append_seconds_count"),
        0.0,
        "refused appends are not samples of the disk's speed"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn appends_that_take_too_long_are_the_slowest_samples() {
    let (log, mut appends) = scripted_log();
    let gateway = Gateway::start_over(log).await;
    // The log never answers.
    let held = async { soon(appends.recv()).await.unwrap() };
    let (answer, held) = tokio::join!(gateway.post("A.B", "{}"), held);
    assert_eq!(answer.status, 503);
    let scraped = Scraped::of(&gateway).await;
    assert_eq!(scraped.get("append_errors_total{reason=\"late\"}"), 1.0);
    assert_eq!(scraped.get("append_seconds_count"), 1.0);
    assert_eq!(scraped.get("append_seconds_bucket{le=\"1\"}"), 0.0);
    drop(held);
    gateway.stop().await;
}

#[tokio::test]
async fn grpc_calls_that_fail_authentication_or_authorization_are_counted() {
    let gateway = Gateway::start_with(|settings| {
        settings.grpc_access = Access::parse("operator operator-operator admin").unwrap();
    })
    .await;
    let mut client = gateway.client().await;
    let mut request = Request::new(ListEventsRequest::default());
    let status = soon(client.list_events(ListEventsRequest::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    request.metadata_mut().insert("authorization", "Bearer operator-operator".parse().unwrap());
    assert_eq!(soon(client.list_events(request)).await.unwrap_err().code(), Code::PermissionDenied);
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut admin = soon(AdminServiceClient::connect(address)).await.unwrap();
    let status = soon(admin.get_log_status(GetLogStatusRequest {})).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let scraped = Scraped::of(&gateway).await;
    let refused = |reason| scraped.get(&format!("grpc_calls_refused_total{{reason=\"{reason}\"}}"));
    assert_eq!(["token_invalid", "access_denied"].map(refused), [2.0, 1.0]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_log_that_cannot_be_read_leaves_the_rest_of_the_metrics() {
    let (log, _appends) = scripted_log();
    let log = Arc::new(OverriddenLog(HangingLog(log)));
    let gateway = Gateway::start_over(log).await;
    assert_eq!(gateway.post("A..B", "{}").await.status, 400);
    let scraped = Scraped::of(&gateway).await;
    assert_eq!((scraped.get("scrape_complete"), scraped.get("log_bytes")), (0.0, -1.0));
    assert_eq!(scraped.callbacks(&APP_ID.to_string(), "other", "command_invalid"), 1.0);
    assert_eq!((scraped.get("ready"), scraped.get("log_queue_records")), (1.0, 3.0));
    gateway.stop().await;
}

/// Log whose disk usage never becomes known.
struct HangingLog(Arc<dyn EventLog>);

impl Overrides for HangingLog {
    fn log(&self) -> &dyn EventLog {
        &*self.0
    }
    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>> {
        std::future::pending().boxed()
    }
    fn queue(&self) -> Queue {
        Queue { records: 3, bytes: 300 }
    }
}

#[tokio::test]
async fn every_metric_that_is_scraped_is_documented() {
    let gateway = Gateway::start().await;
    assert!(gateway.post("A.B", "{}").await.is_stored());
    let documented = http::metrics([]).descriptions();
    for key in Scraped::of(&gateway).await.0.keys() {
        let name = key.split('{').next().unwrap();
        let parts = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        let is_known = |name| documented.iter().any(|metric| metric.name == name);
        assert!(is_known(name) || parts.is_some_and(is_known), "{name}");
    }
    gateway.stop().await;
}

#[test]
fn the_reference_page_is_what_the_code_says() {
    let path = package().join("docs/metrics.md");
    let mut page = PAGE_HEAD.to_owned();
    for metric in http::metrics([]).descriptions() {
        let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        writeln!(page, "| `{}` | {} | {labels} | {} |", metric.name, metric.kind, metric.help).unwrap();
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/metrics.md is stale: run `UPDATE_DOCS=1 cargo test --test it metrics::`");
}

const PAGE_HEAD: &str = "# Metrics

<!-- Generated from the code by `UPDATE_DOCS=1 cargo test --test it metrics::`. Do not edit. -->

`GET /metrics` on the admin listener returns Prometheus' text format. Counters and histograms start at 0 with the
process. Gauges are read at each scrape, with a deadline of 3 seconds. Values that could not be read by then are missing,
and `callback_gateway_scrape_complete` is 0.

Label values are bounded:

- `app` is an SDKAppID of the configuration, or `other`.
- `command` is one of [callbacks.md](callbacks.md), or `other`.
- `outcome` is `accepted`, or the name of a `RefusalReason` in lower case.
- `status` is the name of a `DecodeStatus` in lower case.
- `subscriber` is the subscriber's name: the first 100 in alphabetical order, then `other`. Subscribers without a name share
  `unnamed`. Several streams with one name are reported as the worst of them.

A metric has no series before its label values occur. The series of `callback_gateway_callbacks_total` start with the
first callback of their kind.

| Metric | Type | Labels | Meaning |
| --- | --- | --- | --- |
";
