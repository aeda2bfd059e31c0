//! The API as an operator uses it: through the real grpcurl.
//!
//! grpcurl 1.8.6 uses only reflection v1alpha. v1 is tested with a separate client.

use std::process::{Command, Stdio};

use crate::support::grpcurl::{CommandResult, Subscription, grpcurl_binary, run};
use crate::support::packets::post_packets;
use crate::support::{APP_ID, Gateway, HANG, OK_PACKET, people, program, soon};
use serde_json::{Value, json};
use tonic::{Code, transport::Endpoint};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const SUBSCRIBE: &str = "imcallback.v1.EventService/Subscribe";
const LIST_EVENTS: &str = "imcallback.v1.EventService/ListEvents";
const HEALTH: &str = "grpc.health.v1.Health/Check";

// The test blocks while it waits for programs, so the gateway runs on other threads.
#[tokio::test(flavor = "multi_thread")]
async fn reflection_shows_the_api_with_its_comments_and_options() {
    let gateway = Gateway::start().await;

    let services = grpcurl(&gateway, None, &["list"]).stdout();
    for service in ["imcallback.v1.EventService", "grpc.health.v1.Health"] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let methods = grpcurl(&gateway, None, &["list", "imcallback.v1.EventService"]).stdout();
    assert_eq!(
        methods.lines().collect::<Vec<_>>(),
        ["GetEvent", "ListEvents", "Subscribe"].map(|method| format!("imcallback.v1.EventService.{method}"))
    );

    let service = grpcurl(&gateway, None, &["describe", "imcallback.v1.EventService"]).stdout();
    let subscribe = "rpc Subscribe ( .imcallback.v1.SubscribeRequest ) returns ( stream .imcallback.v1.SubscribeResponse );";
    assert!(service.contains(subscribe), "{service}");
    assert!(service.contains("// Reads the log of callbacks."), "{service}");

    let event = grpcurl(&gateway, None, &["describe", ".imcallback.v1.Event"]).stdout();
    let option = r#"sns_friend_add = 101 [(.imcallback.v1.callback_command) = "Sns.CallbackFriendAdd", (.imcallback.v1.callback_kind) = CALLBACK_KIND_AFTER, (.imcallback.v1.order_key) = "PairList.From_Account"];"#;
    assert!(event.contains(option), "{event}");
    assert!(event.contains("// One callback of the IM backend"), "{event}");

    let pair = grpcurl(&gateway, None, &["describe", ".imcallback.v1.FriendPair"]).stdout();
    assert!(pair.contains(r#"string from_account = 1 [json_name = "From_Account"];"#), "{pair}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_v1_serves_the_same_api() {
    let gateway = Gateway::start().await;
    let endpoint = Endpoint::from_shared(format!("http://{}", gateway.addresses.grpc)).unwrap();
    let mut client = ServerReflectionClient::new(soon(endpoint.connect()).await.unwrap());
    let mut ask = async |question| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let mut answers =
            soon(client.server_reflection_info(tokio_stream::once(request))).await.unwrap().into_inner();
        soon(answers.message()).await.unwrap().unwrap().message_response.unwrap()
    };

    let answer = ask(MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    assert!(services.service.iter().any(|service| service.name == "imcallback.v1.EventService"));

    let answer = ask(MessageRequest::FileContainingSymbol("imcallback.v1.Event".to_owned())).await;
    let MessageResponse::FileDescriptorResponse(files) = answer else { panic!("{answer:?}") };
    let file = &files.file_descriptor_proto[0];
    let has = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("imcallback/v1/event.proto"));
    assert!(has("One callback of the IM backend"), "comments are served");
    assert!(has("Sns.CallbackBlackListAdd"), "custom options are served");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_prints_what_send_posted_under_the_vendors_names() {
    let gateway = Gateway::start().await;
    let pairs = ["--from", "alice", "--to", "bob", "--to", "carol", "--initiator", "bob"];
    send(
        &gateway,
        "friend-add",
        &[&pairs[..], &["--client-cmd", "friend_add", "--force-flag", "1"]].concat(),
    );
    send(&gateway, "black-list-add", &["--from", "alice", "--to", "mallory"]);

    let subscription = Subscription::start(&mut grpcurl_command(
        &gateway,
        Some(json!({ "earliest": {}, "include_raw_body": true })),
        &[SUBSCRIBE],
    ));
    let subscribed = &subscription.message()["subscribed"];
    assert_eq!(subscribed["includeRawBody"], true, "{subscribed}");
    assert_eq!(subscribed["heartbeatInterval"], "15s", "{subscribed}");

    let first = &subscription.message()["event"];
    assert_eq!(first["sdkAppId"], APP_ID, "{first}");
    assert_eq!(first["command"], "Sns.CallbackFriendAdd", "{first}");
    assert_eq!(first["clientIp"], "127.0.0.1", "{first}");
    assert_eq!(first["optPlatform"], "RESTAPI", "{first}");
    assert_eq!(first["decodeStatus"], "DECODE_STATUS_TYPED", "{first}");
    let friend_add = json!({
        "PairList": [
            { "From_Account": "alice", "To_Account": "bob", "Initiator_Account": "bob" },
            { "From_Account": "alice", "To_Account": "carol", "Initiator_Account": "bob" },
        ],
        "ClientCmd": "friend_add",
        "ForceFlag": 1,
    });
    assert_eq!(first["snsFriendAdd"], friend_add);
    let raw_body: Value = serde_json::from_str(first["rawBody"].as_str().unwrap()).unwrap();
    assert_eq!(raw_body["CallbackCommand"], "Sns.CallbackFriendAdd");
    assert_eq!(raw_body["PairList"], friend_add["PairList"]);

    let second = &subscription.message()["event"];
    assert_eq!(second["command"], "Sns.CallbackBlackListAdd", "{second}");
    let pairs = json!([{ "From_Account": "alice", "To_Account": "mallory" }]);
    assert_eq!(second["snsBlackListAdd"]["PairList"], pairs, "{second}");

    let caught_up = &subscription.message()["caughtUp"];
    assert_eq!(caught_up["cursor"], second["cursor"]);
    drop(subscription);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_subscription_prints_an_event_when_it_is_posted() {
    let gateway = Gateway::start().await;
    let subscription = Subscription::start(&mut grpcurl_command(&gateway, None, &[SUBSCRIBE]));
    assert!(subscription.message()["subscribed"].is_object());

    send(&gateway, "friend-add", &["--from", "alice", "--to", "bob"]);

    let event = loop {
        let mut message = subscription.message();
        if message["event"].is_object() {
            break message["event"].take();
        }
    };
    assert_eq!(event["snsFriendAdd"]["PairList"][0]["To_Account"], "bob", "{event}");
    drop(subscription);
    gateway.stop().await;
}

/// Converts numbers to doubles: 1 and 1.0 are equal in JSON.
fn with_doubles(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64().unwrap()),
        Value::Array(elements) => elements.iter_mut().for_each(with_doubles),
        Value::Object(members) => members.values_mut().for_each(with_doubles),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_has_the_same_json_in_every_command_as_in_grpcurl() {
    let gateway = Gateway::start().await;
    let count = post_packets(&gateway).await;
    let address = gateway.addresses.grpc;
    let request = json!({ "earliest": {}, "include_raw_body": true });
    let subscription = Subscription::start(&mut grpcurl_command(&gateway, Some(request), &[SUBSCRIBE]));
    let mut expected = Vec::new();
    while expected.len() < count {
        let mut message = subscription.message();
        if message["event"].is_object() {
            expected.push(message["event"].take());
        }
    }
    drop(subscription);
    expected.iter_mut().for_each(with_doubles);

    let all = count.to_string();
    let mut printed = vec![
        people::run(&mut people::command(address, &["export"])).await.json_lines(),
        people::run(&mut people::command(address, &["recent", "--json", "--raw", "--limit", &all]))
            .await
            .json_lines(),
        people::run(&mut people::command(
            address,
            &["tail", "--json", "--raw", "--from", "earliest", "--count", &all],
        ))
        .await
        .json_lines(),
    ];
    let mut got = Vec::new();
    for sequence in 1..=count {
        let get = ["get", &sequence.to_string(), "--json"];
        got.extend(people::run(&mut people::command(address, &get)).await.json_lines());
    }
    printed.push(got);
    for events in &mut printed {
        assert_eq!(events.len(), count);
        for (event, expected) in events.iter_mut().zip(&expected) {
            with_doubles(event);
            assert_eq!(event, expected);
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_events_are_listed_newest_first() {
    let gateway = Gateway::start().await;
    send(&gateway, "friend-add", &["--from", "alice", "--to", "bob"]);
    send(&gateway, "black-list-add", &["--from", "alice", "--to", "mallory"]);

    let page = grpcurl(&gateway, None, &[LIST_EVENTS]).json();
    let commands: Vec<_> =
        page["events"].as_array().unwrap().iter().map(|event| event["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["Sns.CallbackBlackListAdd", "Sns.CallbackFriendAdd"]);
    assert_eq!(page["events"][1]["snsFriendAdd"]["PairList"][0]["From_Account"], "alice", "{page}");

    let filter = json!({ "filter": { "commands": ["Sns.CallbackFriendAdd"] } });
    let page = grpcurl(&gateway, Some(filter), &[LIST_EVENTS]).json();
    assert_eq!(page["events"].as_array().unwrap().len(), 1, "{page}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_known_for_the_gateway_and_for_its_service_only() {
    let gateway = Gateway::start().await;
    for service in ["", "imcallback.v1.EventService"] {
        let health = grpcurl(&gateway, Some(json!({ "service": service })), &[HEALTH]).json();
        assert_eq!(health["status"], "SERVING", "{service:?}");
    }
    grpcurl(&gateway, Some(json!({ "service": "unknown" })), &[HEALTH]).failed_with(Code::NotFound);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn error_details_are_printed_as_json() {
    let gateway = Gateway::start().await;
    let error = grpcurl(&gateway, Some(json!({ "after_cursor": "" })), &[SUBSCRIBE])
        .failed_with(Code::InvalidArgument);
    let detail = error
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("1)"))
        .expect("grpcurl prints an error detail");
    let detail: Value = serde_json::from_str(detail).expect("the detail is JSON, not base64");
    assert_eq!(
        detail,
        json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "domain": "imcallback.v1",
            "reason": "INVALID_CURSOR",
            "metadata": { "field": "after_cursor" },
        })
    );
    gateway.stop().await;
}

/// Returns a grpcurl command. `what` is a method or a command such as `list`, with its arguments.
fn grpcurl_command(gateway: &Gateway, request: Option<Value>, what: &[&str]) -> Command {
    let mut command = Command::new(grpcurl_binary());
    command.args(["-plaintext", "-max-time", &HANG.as_secs().to_string()]).stdin(Stdio::null());
    if let Some(request) = request {
        command.args(["-d", &request.to_string()]);
    }
    command.arg(gateway.addresses.grpc.to_string()).args(what);
    command
}

fn grpcurl(gateway: &Gateway, request: Option<Value>, what: &[&str]) -> CommandResult {
    run(&mut grpcurl_command(gateway, request, what))
}

/// Posts a callback with the real program.
fn send(gateway: &Gateway, callback: &str, args: &[&str]) {
    let mut command = program();
    command.args(["send", callback, "--url", &format!("http://{}/", gateway.addresses.http)]);
    command.args(["--sdk-app-id", &APP_ID.to_string()]).args(args);
    assert_eq!(run(&mut command).stdout().trim_end(), OK_PACKET);
}
