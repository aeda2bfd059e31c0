//! How the command line connects to a gateway, and its messages when it cannot.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use crate::support::people::{CommandResult, command, on_a_terminal, run};
use crate::support::scripted_server::{Certificates, ScriptedServer};
use crate::support::*;
use axum::{
    body::Body,
    http::{Request, Response},
};
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

const TOKEN: &str = "b3arer-t0ken";

fn with_reason(code: Code, reason: &str, metadata: &[(&str, &str)]) -> Status {
    let metadata: HashMap<String, String> =
        metadata.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    Status::with_error_details(code, "no", ErrorDetails::with_error_info(reason, "imcallback.v1", metadata))
}

/// Accepts only calls with the token, and has no method for them.
fn guarded(request: &Request<Body>) -> Response<Body> {
    let is_known =
        request.headers().get("authorization").is_some_and(|value| value == &format!("Bearer {TOKEN}"));
    let status = if is_known {
        Status::unimplemented("")
    } else {
        with_reason(Code::Unauthenticated, "TOKEN_INVALID", &[])
    };
    status.into_http()
}

async fn status(address: &str, args: &[&str]) -> CommandResult {
    let unused = SocketAddr::from(([127, 0, 0, 1], 1));
    run(&mut command(unused, &[&["status", "--address", address], args].concat())).await
}

fn assert_fails(ran: &CommandResult, code: i32, parts: &[&str]) {
    assert_eq!(ran.code(), Some(code), "{ran:?}");
    for part in parts {
        assert!(ran.stderr().contains(part), "{part}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_a_url_or_a_host_and_port() {
    let gateway = Gateway::start().await;
    let address = gateway.addresses.grpc.to_string();
    for address in [address.clone(), format!("http://{address}"), format!("http://{address}/")] {
        status(&address, &[]).await.good();
    }
    for wrong in ["", "ftp://x:1", "http://", "http://x:1/path", "x y", "http://a:b:c", "http://x:1?q"] {
        assert_fails(&status(wrong, &[]).await, 64, &["--address", "http://HOST:PORT"]);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_grpc_listener_is_named_so() {
    let gateway = Gateway::start().await;
    let callbacks = status(&gateway.addresses.http.to_string(), &[]).await;
    assert_fails(&callbacks, 1, &["check that --address is the gateway's gRPC listener"]);
    let tls = status(&format!("https://{}", gateway.addresses.grpc), &[]).await;
    assert_fails(&tls, 1, &["for a listener without TLS use http://"]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_was_renamed_is_named_and_not_used() {
    let server = ScriptedServer::plain(guarded);
    let dir = TempDir::new().unwrap();
    // Neither the token nor the file is set.
    let missing = dir.path().join("not there");
    for suffix in ["TOKEN", "TOKEN_FILE", "TLS_CA", "TLS_CERT", "TLS_KEY"] {
        let [old, new] = ["", "CLIENT_"].map(|prefix| format!("CALLBACK_GATEWAY_{prefix}{suffix}"));
        let notice = format!("warning: {old} is ignored; set {new} instead\n");
        for (args, code) in [(&["status"][..], 1), (&["tail"], 1), (&["export"], 1), (&["get", "1"], 1)] {
            let ran = run(command(server.address, args).env(&old, &missing)).await;
            assert_fails(&ran, code, &[&notice, "pass the client's token"]);
            assert_eq!(ran.stderr().matches("warning: ").count(), 1, "{ran:?}");
        }
        // The new name takes effect, and the old name is ignored without a warning.
        let mut both = command(server.address, &["status"]);
        let ran = run(both.env(&old, &missing).env(&new, &missing)).await;
        assert_eq!(ran.stderr().matches("warning: ").count(), 0, "{ran:?}");
        let without = run(command(server.address, &["status"]).env(&new, "")).await;
        assert!(ran.stderr() != without.stderr(), "{new} has no effect: {ran:?}");
        // An empty variable counts as none.
        let ran = run(command(server.address, &["status"]).env(&old, "")).await;
        assert_eq!(ran.stderr().matches("warning: ").count(), 0, "{ran:?}");
    }
    // Other commands than client commands have their own variables.
    let ran = run(command(server.address, &["print-config"]).env("CALLBACK_GATEWAY_TOKEN", "x")).await;
    assert_eq!((ran.code(), ran.stderr().as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_comes_from_a_file_or_the_environment() {
    let server = ScriptedServer::plain(guarded);
    let address = server.address.to_string();
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("token");
    fs::write(&path, format!("{TOKEN}\n")).unwrap();
    let known = "the server does not have this method";
    assert_fails(&status(&address, &["--token-file", path.to_str().unwrap()]).await, 1, &[known]);
    let with = async |token: &str| {
        run(command(server.address, &["status"]).env("CALLBACK_GATEWAY_CLIENT_TOKEN", token)).await
    };
    assert_fails(&with(TOKEN).await, 1, &[known]);
    for ran in [with("wrong").await, with("").await, status(&address, &[]).await] {
        assert_fails(
            &ran,
            1,
            &["no; pass the client's token in --token-file or CALLBACK_GATEWAY_CLIENT_TOKEN"],
        );
    }
    // Such as the token of the callbacks.
    for wrong in ["1400000000 s3cr3t", "s3cr3t\u{1b}", "ü"] {
        let ran = with(wrong).await;
        assert_fails(&ran, 64, &["CALLBACK_GATEWAY_CLIENT_TOKEN: not a valid token: it must be one word"]);
        assert!(!ran.stderr().contains("s3cr3t"), "{ran:?}");
    }
    let as_path = status(&address, &["--token-file", TOKEN]).await;
    assert_fails(&as_path, 64, &["--token-file (path not shown): No such file"]);
    assert!(!as_path.stderr().contains(TOKEN), "{as_path:?}");
}

/// Simulates a container setup that passes unset variables as empty ones.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_variable_counts_as_none() {
    let gateway = Gateway::start().await;
    let grpc = ["ADDRESS", "TOKEN", "TOKEN_FILE", "TLS_CA", "TLS_CERT", "TLS_KEY"];
    let send = ["URL", "TOKENS", "TOKENS_FILE", "CLIENT_IP", "PLATFORM", "SDK_APP_ID"];
    let with_all_empty = async |args: &[&str]| {
        let mut command = command(gateway.addresses.grpc, args);
        for name in grpc.iter().chain(&send) {
            command.env(format!("CALLBACK_GATEWAY_{name}"), "");
        }
        run(&mut command).await
    };
    let app = APP_ID.to_string();
    let url = format!("http://{}/", gateway.addresses.http);
    let friend_add = ["send", "friend-add", "--sdk-app-id", &app, "--from", "a", "--to", "b"];
    with_all_empty(&[&friend_add[..], &["--url", &url]].concat()).await.good();
    let body = package().join("crates/testkit/src/friend_add.json");
    let body = ["send", "--body", body.to_str().unwrap(), "--sdk-app-id", &app, "--url", &url];
    with_all_empty(&body).await.good();
    let stored = all_events(&mut gateway.client().await).await;
    assert_eq!(stored.iter().map(|event| &event.client_ip[..]).collect::<Vec<_>>(), ["127.0.0.1"; 2]);

    let address = gateway.addresses.grpc.to_string();
    for args in [
        &["status"][..],
        &["subscribers"],
        &["refusals"],
        &["recent"],
        &["get", "1"],
        &["tail", "--from", "earliest", "--count", "1"],
    ] {
        with_all_empty(&[args, &["--address", &address]].concat()).await.good();
    }
    // The default addresses do not use TLS.
    let default = with_all_empty(&["status", "--tls-ca", "x"]).await;
    assert_fails(&default, 64, &["--address must begin with https://"]);
    let default = with_all_empty(&[&friend_add[..], &["--tls-ca", "x"]].concat()).await;
    assert_fails(&default, 64, &["--url must begin with https://"]);
    // An empty option is probably a mistake.
    assert_fails(&status(&address, &["--token-file", ""]).await, 64, &["--token-file"]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_not_sent_in_plain_text_to_another_machine() {
    for address in ["http://192.0.2.1:50051", "gateway.example:50051", "127.0.0.1.example:1"] {
        let unused = SocketAddr::from(([127, 0, 0, 1], 1));
        let args = ["status", "--address", address];
        let ran = run(command(unused, &args).env("CALLBACK_GATEWAY_CLIENT_TOKEN", TOKEN)).await;
        assert_fails(&ran, 64, &["the token is not sent to", "https://"]);
    }
    let server = ScriptedServer::plain(guarded);
    let address = format!("localhost:{}", server.address.port());
    let args = ["status", "--address", &address];
    let ran = run(command(server.address, &args).env("CALLBACK_GATEWAY_CLIENT_TOKEN", TOKEN)).await;
    assert_fails(&ran, 1, &["the server does not have this method"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_trusts_the_ca_that_is_given_and_no_other() {
    let certificates = Certificates::new();
    let server = ScriptedServer::tls(&certificates, false, guarded);
    let ca = certificates.arg("ca.pem");
    let reached = "pass the client's token";
    assert_fails(&status(&server.https(), &["--tls-ca", &ca]).await, 1, &[reached]);
    let strangers = Certificates::new();
    let strange = status(&server.https(), &["--tls-ca", &strangers.arg("ca.pem")]).await;
    assert_fails(&strange, 1, &["certificate", "check --tls-ca"]);
    assert_fails(&status(&server.https(), &[]).await, 1, &["certificate", "check --tls-ca"]);
    let another_name = format!("https://localhost:{}", server.address.port());
    assert_fails(&status(&another_name, &["--tls-ca", &ca]).await, 1, &["certificate", "has the name"]);
    assert_fails(
        &status(&server.address.to_string(), &["--tls-ca", &ca]).await,
        64,
        &["--address must begin with https://"],
    );
    assert_fails(&status(&server.address.to_string(), &[]).await, 1, &["for TLS use https://"]);
    let with_token = run(command(server.address, &["status", "--address", &server.https(), "--tls-ca", &ca])
        .env("CALLBACK_GATEWAY_CLIENT_TOKEN", TOKEN))
    .await;
    assert_fails(&with_token, 1, &["the server does not have this method"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_shown_where_it_is_wanted() {
    let certificates = Certificates::new();
    let server = ScriptedServer::tls(&certificates, true, guarded);
    let [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(|name| certificates.arg(name));
    let with = ["--tls-ca", &ca, "--tls-cert", &cert, "--tls-key", &key];
    assert_fails(&status(&server.https(), &with).await, 1, &["pass the client's token"]);
    assert_fails(&status(&server.https(), &with[..2]).await, 1, &["error: "]);
    assert_fails(&status(&server.https(), &with[..4]).await, 64, &["--tls-key"]);
    let exchanged = ["--tls-ca", &ca, "--tls-cert", &key, "--tls-key", &cert];
    assert_fails(&status(&server.https(), &exchanged).await, 64, &["contains no PEM CERTIFICATE"]);
    let missing = status(&server.https(), &["--tls-ca", "/nowhere/ca.pem"]).await;
    assert_fails(&missing, 64, &["--tls-ca /nowhere/ca.pem: No such file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_what_to_do() {
    let next = Arc::new(Mutex::new(Status::ok("")));
    let answers = Arc::clone(&next);
    let server = ScriptedServer::plain(move |_| answers.lock().unwrap().clone().into_http());
    let address = server.address.to_string();
    let cases = [
        (
            with_reason(
                Code::PermissionDenied,
                "ACCESS_DENIED",
                &[("token", "audit"), ("sdk_app_ids", "7,8"), ("commands", "Sns.*")],
            ),
            "no; the token is `audit`; it may read the apps 7,8 (--app); it may read the commands Sns.* (--command)",
        ),
        (
            with_reason(Code::OutOfRange, "CURSOR_EXPIRED", &[("oldest_cursor", "Axyz")]),
            "no; the oldest cursor is Axyz",
        ),
        (
            with_reason(Code::FailedPrecondition, "LOG_REPLACED", &[("epoch_start", "2026-01-01T00:00:00Z")]),
            "began at 2026-01-01T00:00:00Z",
        ),
        (with_reason(Code::Unavailable, "LOG_UNAVAILABLE", &[]), "error: no\n"),
        (
            with_reason(Code::Unauthenticated, "OF_TOMORROW", &[]),
            "Unauthenticated: no; pass the client's token",
        ),
        (Status::permission_denied("rbac"), "PermissionDenied: rbac; this client lacks the right"),
        (
            Status::unavailable("no healthy upstream"),
            "Unavailable: no healthy upstream; the connection broke, or another server answered",
        ),
        (Status::resource_exhausted(""), "ResourceExhausted; the gateway or a proxy reached a limit"),
    ];
    for (status_answer, expected) in cases {
        *next.lock().unwrap() = status_answer;
        assert_fails(&status(&address, &[]).await, 1, &[expected]);
    }
    // The server may be under anyone's control.
    *next.lock().unwrap() =
        with_reason(Code::OutOfRange, "CURSOR_EXPIRED", &[("oldest_cursor", "\u{1b}[2J\u{202e}")]);
    let unused = SocketAddr::from(([127, 0, 0, 1], 1));
    let (code, seen) = on_a_terminal(command(unused, &["status", "--address", &address])).await;
    assert_eq!(code, Some(1));
    assert!(!seen.contains(['\u{1b}', '\u{202e}']) && seen.contains(r"\u{1b}[2J\u{202e}"), "{seen}");
    *next.lock().unwrap() = Status::internal("a\u{1b}[2J\nerror: b");
    let (_, seen) = on_a_terminal(command(unused, &["tail", "--address", &address])).await;
    assert!(!seen.contains('\u{1b}'), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_tls_and_tokens_is_asked_as_any_other() {
    const READER: &str = "reader-reader-reader";
    const OPERATOR: &str = "operator-operator";
    let certificates = Certificates::new();
    let dir = TempDir::new().unwrap();
    let tokens = dir.path().join("tokens");
    let app = APP_ID;
    fs::write(
        &tokens,
        format!("reader {READER} apps={app} commands=Sns.*\noperator {OPERATOR} events admin\n"),
    )
    .unwrap();
    let [ca, cert, key] = ["ca.pem", "server.pem", "server.key"].map(|name| certificates.arg(name));
    let gateway = Process::serve(
        dir.path(),
        &[
            "--grpc-tls-cert",
            &cert,
            "--grpc-tls-key",
            &key,
            "--grpc-tls-client-ca",
            &ca,
            "--grpc-tokens-file",
            tokens.to_str().unwrap(),
        ],
    );
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("Sns.CallbackFriendAdd", FRIEND_ADD).await.is_stored());
    let [client, client_key] = ["client.pem", "client.key"].map(|name| certificates.arg(name));
    let address = format!("https://{}", gateway.addresses.grpc);
    let ask = async |token: &str, args: &[&str]| {
        let tls = ["--address", &address, "--tls-ca", &ca, "--tls-cert", &client, "--tls-key", &client_key];
        run(command(gateway.addresses.grpc, &[args, &tls].concat())
            .env("CALLBACK_GATEWAY_CLIENT_TOKEN", token))
        .await
    };
    for args in [&["tail", "--from", "earliest", "--count", "1"][..], &["recent"], &["status"], &["refusals"]]
    {
        ask(OPERATOR, args).await.good();
    }
    let allowed = ["--command", "Sns.*", "--app", &app.to_string()];
    let mine = ask(READER, &[&["recent", "--json"], &allowed[..]].concat()).await;
    assert_eq!(mine.json_lines().len(), 1);
    // Refusals are not shown to this client; stored events are.
    let none = ask(READER, &[&["recent", "--account", "nobody"], &allowed[..]].concat()).await;
    assert_eq!(none.good(), "");
    assert!(
        none.stderr().starts_with("none that the token may read for ") && !none.stderr().contains("refusals"),
        "{none:?}"
    );
    let denied = ask(READER, &["status"]).await;
    assert_fails(&denied, 1, &["the token is `reader`"]);
    let stranger = ask("nobody-nobody-nobody", &["status"]).await;
    assert_fails(&stranger, 1, &["pass the client's token in --token-file or CALLBACK_GATEWAY_CLIENT_TOKEN"]);
}

/// Accepts connections and never answers.
#[cfg(feature = "slow-tests")]
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", silent.local_addr().unwrap());
    let ran = status(&address, &[]).await;
    assert_fails(&ran, 1, &["no connection to https://127.0.0.1", "within 10s"]);
}
