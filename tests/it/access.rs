//! Bearer tokens for gRPC: authentication, and the rights of each token.

use std::{fs, net::SocketAddr};

use crate::support::*;
use callback_gateway::testing::access::Access;
use imcallback::{
    EventFilter, GetEventRequest, GetLogStatusRequest, ListEventsRequest, ListRefusalsRequest,
    ListSubscribersRequest, SubscribeRequest, SubscriberState, admin_service_client::AdminServiceClient,
    event_service_client::EventServiceClient, get_event_request,
};
use rustix::process::Signal;
use tempfile::TempDir;
use tonic::{
    Code, Request, Status,
    metadata::MetadataValue,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};
use tonic_types::StatusExt as _;

const READER: &str = "reader-reader-reader";
const FRIENDS: &str = "friends-friends-friends";
const OPERATOR: &str = "operator-operator";
const OTHER_APP: u32 = 8;

fn tokens() -> String {
    format!(
        "reader {READER} events\nfriends {FRIENDS} apps={APP_ID} commands=Sns.*\noperator {OPERATOR} admin\n"
    )
}

async fn gateway() -> Gateway {
    Gateway::start_with(|settings| {
        settings.sdk_app_ids.push(OTHER_APP);
        settings.grpc_access = Access::parse(&tokens()).unwrap();
    })
    .await
}

type With = InterceptedService<Channel, Box<dyn FnMut(Request<()>) -> Result<Request<()>, Status> + Send>>;

/// Returns a channel whose calls carry this header.
async fn with_header(address: SocketAddr, header: &str) -> With {
    let channel = Endpoint::new(format!("http://{address}")).unwrap().connect().await.unwrap();
    let value: Option<MetadataValue<_>> = (!header.is_empty()).then(|| header.parse().unwrap());
    InterceptedService::new(
        channel,
        Box::new(move |mut request: Request<()>| {
            if let Some(value) = &value {
                request.metadata_mut().insert("authorization", value.clone());
            }
            Ok(request)
        }),
    )
}

async fn events(address: SocketAddr, token: &str) -> EventServiceClient<With> {
    EventServiceClient::new(with_header(address, &format!("Bearer {token}")).await)
}

async fn admin(address: SocketAddr, token: &str) -> AdminServiceClient<With> {
    AdminServiceClient::new(with_header(address, &format!("Bearer {token}")).await)
}

fn by_sequence(sequence: u64) -> GetEventRequest {
    GetEventRequest { event: Some(get_event_request::Event::Sequence(sequence)), ..Default::default() }
}

/// Returns the outcome of every call that needs a token.
async fn every_call(channel: With) -> Vec<Result<(), Status>> {
    let mut events = EventServiceClient::new(channel);
    vec![
        events.subscribe(latest()).await.map(drop),
        events.list_events(ListEventsRequest::default()).await.map(drop),
        events.get_event(by_sequence(1)).await.map(drop),
    ]
}

async fn every_admin_call(channel: With) -> Vec<Result<(), Status>> {
    let mut admin = AdminServiceClient::new(channel);
    vec![
        admin.list_subscribers(ListSubscribersRequest::default()).await.map(drop),
        admin.get_log_status(GetLogStatusRequest {}).await.map(drop),
        admin.list_refusals(ListRefusalsRequest::default()).await.map(drop),
    ]
}

fn assert_refused(outcomes: Vec<Result<(), Status>>, code: Code, wanted: &str) {
    for outcome in outcomes {
        let status = outcome.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, wanted), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_known_token_every_call_is_unauthenticated() {
    let gateway = gateway().await;
    let address = gateway.addresses.grpc;
    for header in
        ["", "Bearer ", "Bearer nobody-nobody-nobody", READER, "Basic reader-reader-reader", "Bearer"]
    {
        assert_refused(
            every_call(with_header(address, header).await).await,
            Code::Unauthenticated,
            "TOKEN_INVALID",
        );
        assert_refused(
            every_admin_call(with_header(address, header).await).await,
            Code::Unauthenticated,
            "TOKEN_INVALID",
        );
    }
    let scrape = get(gateway.addresses.admin, "/metrics").await.body;
    let refused = format!("callback_gateway_grpc_calls_refused_total{{reason=\"token_invalid\"}} {}", 6 * 6);
    assert!(scrape.contains(&refused), "{scrape}");
    // The scheme is case-insensitive, and spaces around the token are ignored.
    let mut client = EventServiceClient::new(with_header(address, &format!("bearer  {READER}")).await);
    client.list_events(ListEventsRequest::default()).await.unwrap();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_need_no_token() {
    let gateway = gateway().await;
    let channel =
        Endpoint::new(format!("http://{}", gateway.addresses.grpc)).unwrap().connect().await.unwrap();
    HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    let list = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let requests = tokio_stream::once(list);
    let mut answers =
        ServerReflectionClient::new(channel).server_reflection_info(requests).await.unwrap().into_inner();
    assert!(soon(answers.message()).await.unwrap().is_some());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_calls_need_their_own_right_and_give_no_right_to_events() {
    let gateway = gateway().await;
    let address = gateway.addresses.grpc;
    let with = async |token: &str| with_header(address, &format!("Bearer {token}")).await;
    assert_refused(every_admin_call(with(READER).await).await, Code::PermissionDenied, "ACCESS_DENIED");
    assert!(every_admin_call(with(OPERATOR).await).await.iter().all(Result::is_ok));
    assert_refused(every_call(with(OPERATOR).await).await, Code::PermissionDenied, "ACCESS_DENIED");
    let scrape = get(gateway.addresses.admin, "/metrics").await.body;
    let refused = "callback_gateway_grpc_calls_refused_total{reason=\"access_denied\"} 6";
    assert!(scrape.contains(refused), "{scrape}");
    gateway.stop().await;
}

fn commands(commands: &[&str]) -> Option<EventFilter> {
    let commands = commands.iter().map(|command| (*command).to_owned()).collect();
    Some(EventFilter { commands, ..Default::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_reads_its_apps_and_commands_alone_by_every_call() {
    let gateway = gateway().await;
    let mut http = Http::connect(gateway.addresses.http).await;
    for (app_id, command) in [
        (APP_ID, "State.StateChange"),
        (OTHER_APP, "Sns.CallbackFriendAdd"),
        (APP_ID, "Sns.CallbackFriendAdd"),
        (APP_ID, "SnsOther.Command"),
        (APP_ID, "Sns.New"),
    ] {
        let request = request(command, "{}").replace(&APP_ID.to_string(), &app_id.to_string());
        http.send(request).await;
        assert!(http.answer().await.is_stored());
    }
    let mut client = events(gateway.addresses.grpc, FRIENDS).await;

    let mut frames = client.subscribe(earliest()).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        use imcallback::subscribe_response::Frame;
        match soon(frames.message()).await.unwrap().unwrap().frame.unwrap() {
            Frame::Subscribed(subscribed) => {
                let filter = subscribed.filter.unwrap();
                assert_eq!((filter.commands, filter.sdk_app_ids), (vec!["Sns.*".to_owned()], vec![APP_ID]));
            }
            Frame::Event(event) => seen.push(event.sequence),
            frame => panic!("unexpected {frame:?}"),
        }
    }
    assert_eq!(seen, [3, 5]);
    let listed = client.list_events(ListEventsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [5, 3]);
    assert_eq!(client.get_event(by_sequence(3)).await.unwrap().into_inner().event.unwrap().sequence, 3);
    for sequence in [1, 2, 4] {
        let status = client.get_event(by_sequence(sequence)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "ACCESS_DENIED"));
    }

    let narrower = ListEventsRequest { filter: commands(&["Sns.New"]), ..Default::default() };
    assert_eq!(client.list_events(narrower).await.unwrap().into_inner().events.len(), 1);
    for filter in [
        commands(&["State.StateChange"]),
        commands(&["Sns.New", "SnsOther.*"]),
        Some(EventFilter { sdk_app_ids: vec![APP_ID, OTHER_APP], ..Default::default() }),
    ] {
        let list = ListEventsRequest { filter: filter.clone(), ..Default::default() };
        let mut subscribe = latest();
        subscribe.filter = filter;
        let statuses = [
            client.list_events(list).await.map(drop).unwrap_err(),
            client.subscribe(subscribe).await.map(drop).unwrap_err(),
        ];
        for status in statuses {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "ACCESS_DENIED"));
            let metadata = status.get_details_error_info().unwrap().metadata;
            assert_eq!(metadata["token"], "friends");
            assert_eq!(metadata["sdk_app_ids"], APP_ID.to_string());
            assert_eq!(metadata["commands"], "Sns.*");
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_a_removed_token_ends_and_others_continue() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("tokens");
    fs::write(&file, tokens()).unwrap();
    let mut command = program();
    command.args(serve_args(&dir.path().join("data"))).arg("--grpc-tokens-file").arg(&file);
    let gateway = Process::start(&mut command);
    let address = gateway.addresses.grpc;
    let mut reader = events(address, READER).await.subscribe(latest()).await.unwrap().into_inner();
    let named = SubscribeRequest { subscriber: "friends".to_owned(), ..latest() };
    let mut friends = events(address, FRIENDS).await.subscribe(named).await.unwrap().into_inner();

    // One token has other rights now.
    fs::write(&file, tokens().replace("Sns.*", "State.*")).unwrap();
    gateway.signal(Signal::HUP);
    let ended = async {
        loop {
            if let Err(status) = friends.message().await {
                return status;
            }
        }
    };
    let status = soon(ended).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "TOKEN_INVALID"));
    events(address, FRIENDS).await.subscribe(latest()).await.unwrap();

    assert!(Http::connect(gateway.addresses.http).await.post("A.B", "{}").await.is_stored());
    loop {
        use imcallback::subscribe_response::Frame;
        let frame = soon(reader.message()).await.unwrap().unwrap().frame.unwrap();
        if let Frame::Event(event) = frame {
            assert_eq!(event.command, "A.B");
            break;
        }
    }
    // Operators see the reason of the end.
    let mut admin = admin(address, OPERATOR).await;
    let ended = soon(async {
        loop {
            let listed = admin.list_subscribers(ListSubscribersRequest::default()).await.unwrap();
            let mut listed = listed.into_inner().subscribers.into_iter();
            let friends = listed.find(|subscriber| subscriber.name == "friends").unwrap();
            if friends.state() == SubscriberState::Ended {
                return friends;
            }
        }
    });
    assert_eq!(ended.await.end_reason, "TOKEN_INVALID");
}

#[test]
fn a_grpc_listener_for_others_needs_tokens_certificates_or_a_word_that_it_is_open() {
    let check = |args: &[&str], tokens: &str| {
        let output = program()
            .args(["check-config", "--sdk-app-id=1"])
            .args(args)
            .env("CALLBACK_GATEWAY_GRPC_TOKENS", tokens)
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let open = "--grpc-listen=0.0.0.0:1";
    let (code, said) = check(&[open], "");
    assert_eq!(code, 64);
    for part in
        ["grpc.auth: ", "--grpc-tokens-file", "--grpc-tls-client-ca", "--grpc-auth none", "private messages"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(check(&["--grpc-listen=127.0.0.1:1"], "").0, 0);
    assert_eq!(check(&[open, "--grpc-auth=none"], "").0, 0);
    assert_eq!(check(&[open], &tokens()).0, 0);
    let (code, said) = check(&[open, "--grpc-auth=none"], &tokens());
    assert!(code == 64 && said.contains("none conflicts with"), "{said}");
    let (code, said) = check(&[], "reader short events");
    assert!(
        code == 64 && said.contains("grpc.tokens (CALLBACK_GATEWAY_GRPC_TOKENS): line 1: a token is"),
        "{said}"
    );
    assert!(!said.contains("short"), "{said}");
}
