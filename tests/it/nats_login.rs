//! Authentication of a gateway at NATS, and the secrecy of its credentials.

use std::path::Path;

use crate::support::burst::Burst;
use crate::support::{certificates::*, nats::Nats, *};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use imcallback::subscribe_response::Frame;
use nkeys::KeyPair;
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "s3cret-w0rd";

/// Posts and reads: so many bytes that the server uses flow control, and so many events that they are
/// read by a consumer.
async fn works(process: &Process) {
    let mut http = Http::connect(process.addresses.http).await;
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(200_000));
    for _ in 0..50 {
        assert!(http.post("A.B", &body).await.is_stored());
    }
    let burst = Burst::start(process.addresses.http, "many", 8).await;
    burst.stored(5000).await;
    burst.stop();
    let stored = 50 + burst.ended().await.stored.len();
    assert_eq!(all_events(&mut process.client().await).await.len(), stored);
}

fn serve(dir: &Path, args: &[&str], login: Option<&str>) -> std::process::Command {
    let mut command = program();
    // With almost nothing in memory, events are read from the stream.
    command
        .args(serve_args(dir))
        .args(["--log", "nats", "--nats-replicas", "1", "--memory", "1KiB"])
        .args(args);
    if let Some(login) = login {
        command.env("CALLBACK_GATEWAY_NATS_LOGIN", login);
    }
    command
}

/// Returns the rights that `docs/deployment.md` recommends.
fn permissions() -> String {
    let page = std::fs::read_to_string(package().join("docs/deployment.md")).unwrap();
    let at = page.find("permissions {").expect("the rights are on the page");
    page[at..at + page[at..].find("```").unwrap()].to_owned()
}

/// The recommended rights are sufficient.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_logs_in_over_tls_with_a_password_a_certificate_and_few_rights() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::new("theirs");
    let (server, client) = (authority.server(), authority.client());
    let file = |name: &str, text: &str| write(dir.path(), name, text);
    let ca = file("ca.pem", authority.pem());
    let permissions = permissions();
    let nats = Nats::start_with(&format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {ca:?}, verify: true }}\n\
         authorization {{ users: [{{ user: gateway, password: {PASSWORD:?}, {permissions} }}] }}",
        file("server.pem", &server.cert),
        file("server.key", &server.key),
    ));
    let url = format!("tls://127.0.0.1:{}", nats.port);
    let login = file("login", &format!("gateway {PASSWORD}\n"));
    let (cert, key) = (file("client.pem", &client.cert), file("client.key", &client.key));
    let tls = ["--nats-url", &url, "--nats-tls-ca", &ca, "--nats-tls-cert", &cert, "--nats-tls-key", &key];

    let args = [&tls[..], &["--nats-login-file", &login]].concat();
    let process = Process::start(&mut serve(dir.path(), &args, None));
    works(&process).await;
    process.signal(rustix::process::Signal::TERM);
    let (exit, log) = process.ended().await;
    assert!(exit.success(), "{log:?}");
    assert!(!log.iter().any(|line| line.contains(PASSWORD)), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("does not let")), "{log:?}");

    let output = serve(dir.path(), &tls, Some("gateway wr0ng-w0rd")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot connect to NATS at tls://127.0.0.1"), "{said}");
    assert!(!said.contains("w0rd"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_lacks_a_right_does_not_start_and_says_which() {
    let missing = [
        ("$JS.API.STREAM.INFO.callbacks", "publish to $JS.API.STREAM.INFO.callbacks"),
        ("$JS.API.STREAM.CREATE.callbacks", "publish to $JS.API.STREAM.CREATE.callbacks"),
        ("$JS.API.STREAM.UPDATE.callbacks", "publish to $JS.API.STREAM.UPDATE.callbacks"),
        ("$JS.API.STREAM.MSG.GET.callbacks", "publish to $JS.API.STREAM.MSG.GET.callbacks"),
        ("$JS.API.CONSUMER.CREATE.callbacks", "publish to $JS.API.CONSUMER.CREATE.callbacks"),
        ("$JS.API.DIRECT.GET.callbacks", "publish to $JS.API.DIRECT.GET.callbacks"),
        ("_INBOX.>", "subscribe to _INBOX.>"),
        ("callbacks.>", "publish to callbacks.>"),
    ];
    for (right, named) in missing {
        let permissions = permissions().replace(&format!("{right:?}"), "\"nothing\"");
        let nats = Nats::start_with(&format!(
            "authorization {{ users: [{{ user: gateway, password: {PASSWORD:?}, {permissions} }}] }}"
        ));
        let dir = TempDir::new().unwrap();
        let login = format!("gateway {PASSWORD}");
        let output = serve(dir.path(), &["--nats-url", &nats.url()], Some(&login)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{right}: {said}");
        assert!(said.contains(&format!("NATS does not let this gateway {named}")), "{right}: {said}");
    }
}

/// The gateway loses the right while it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_may_not_publish_is_not_ready_until_it_may() {
    let dir = TempDir::new().unwrap();
    let rights = |permissions: &str| {
        let user = format!("{{ user: gateway, password: {PASSWORD:?}, {permissions} }}");
        write(dir.path(), "rights.conf", &format!("authorization {{ users: [{user}] }}"));
    };
    rights(&permissions());
    // Path relative to the server's directory, which is beside this one.
    let name = dir.path().file_name().unwrap().to_str().unwrap();
    let nats = Nats::start_with(&format!("include \"../{name}/rights.conf\""));
    let login = format!("gateway {PASSWORD}");
    let process = Process::start(&mut serve(dir.path(), &["--nats-url", &nats.url()], Some(&login)));
    let server = rustix::process::Pid::from_raw(nats.pid().unwrap().try_into().unwrap()).unwrap();
    let reload = || rustix::process::kill_process(server, rustix::process::Signal::HUP).unwrap();
    let mut http = Http::connect(process.addresses.http).await;
    assert!(http.post("A.B", "{}").await.is_stored());

    rights(&permissions().replace(r#""callbacks.>""#, r#""nothing""#));
    reload();
    let is_missing = |line: &Value| {
        let reason = line["reason"].as_str().unwrap_or_default();
        reason.contains("does not let this gateway publish to callbacks.")
    };
    // Callbacks from before the change took effect are still stored.
    let mut stored = 1;
    while http.post("A.B", "{}").await.is_stored() {
        stored += 1;
    }
    process.nth_line(0, is_missing).await;
    // It stays unready after the last callback has stopped waiting.
    assert_eq!(get(process.addresses.admin, "/readyz").await.status, 503);

    rights(&permissions());
    reload();
    until_ready_is(process.addresses.admin, 200).await;
    assert!(http.post("A.B", "{}").await.is_stored());
    let events = all_events(&mut process.client().await).await;
    // The check of the right has stored nothing.
    assert_eq!(events.len(), stored + 1);
}

/// The password is changed while the gateway runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_takes_a_new_login_without_a_restart() {
    let dir = TempDir::new().unwrap();
    let takes = |password: &str| {
        let user = format!("{{ user: gateway, password: {password:?} }}");
        write(dir.path(), "users.conf", &format!("authorization {{ users: [{user}] }}"));
    };
    takes(PASSWORD);
    // Path relative to the server's directory, which is beside this one.
    let name = dir.path().file_name().unwrap().to_str().unwrap();
    let nats = Nats::start_with(&format!("include \"../{name}/users.conf\""));
    let login = write(dir.path(), "login", &format!("gateway {PASSWORD}"));
    let url = nats.url();
    let args = ["--nats-url", &url, "--nats-login-file", &login];
    let process = Process::start(&mut serve(dir.path(), &args, None));
    let mut http = Http::connect(process.addresses.http).await;
    assert!(http.post("A.B", "{}").await.is_stored());

    // The server disconnects clients that used the old login.
    takes("n3w-w0rd");
    let server = rustix::process::Pid::from_raw(nats.pid().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::HUP).unwrap();
    process.line("callbacks cannot be stored; each waits until its deadline").await;
    assert!(!http.post("A.B", "{}").await.is_stored());

    write(dir.path(), "login", "gateway");
    process.signal(rustix::process::Signal::HUP);
    process
        .nth_line(0, |line| {
            line["message"].as_str().is_some_and(|said| said.contains("login: it must be one line"))
        })
        .await;
    write(dir.path(), "login", "gateway n3w-w0rd");
    process.signal(rustix::process::Signal::HUP);
    process.line("the configuration was reloaded").await;
    process.line("the stream accepts callbacks again").await;
    assert!(http.post("A.B", "{}").await.is_stored());
    process.signal(rustix::process::Signal::TERM);
    let (exit, log) = process.ended().await;
    assert!(exit.success() && !log.iter().any(|line| line.contains("w0rd")), "{log:?}");
}

/// The gateway may not answer the server's flow control requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_may_not_answer_consumers_gives_every_event_and_says_what_it_lacks() {
    let permissions = permissions().replace(r#""$JS.FC.callbacks.>""#, r#""nothing""#);
    let nats = Nats::start_with(&format!(
        "authorization {{ users: [{{ user: gateway, password: {PASSWORD:?}, {permissions} }}] }}"
    ));
    let dir = TempDir::new().unwrap();
    let login = format!("gateway {PASSWORD}");
    let process = Process::start(&mut serve(dir.path(), &["--nats-url", &nats.url()], Some(&login)));
    let (mut subscriber, _) = Subscriber::open(&mut process.client().await, earliest()).await.unwrap();
    let mut http = Http::connect(process.addresses.http).await;
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(200_000));
    for _ in 0..50 {
        assert!(http.post("A.B", &body).await.is_stored());
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&50) {
        // The gateway also reports that it falls behind.
        if let Frame::Event(event) = subscriber.frame().await.unwrap() {
            seen.push(event.sequence);
        }
    }
    assert!(seen.iter().copied().eq(1..=50), "{seen:?}");
    let said = process.line("the tail consumer cannot answer flow control and is interrupted").await;
    assert!(said["error"].as_str().unwrap().contains("publish to $JS.FC.callbacks.>"), "{said}");
}

/// Returns a JWT of a NATS key, signed by another key.
fn token(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: Value) -> String {
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let claims = json!({
        "jti": name, "iat": 1_700_000_000, "iss": issuer.public_key(), "sub": subject.public_key(), "name": name,
        "nats": nats,
    });
    let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_logs_in_with_a_credentials_file() {
    let (operator, user) = (KeyPair::new_operator(), KeyPair::new_user());
    let (account, system) = (KeyPair::new_account(), KeyPair::new_account());
    let all = json!({ "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1, "subs": -1, "conn": -1,
        "leaf": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true });
    let operator_token = token(&operator, &operator, "operator", json!({ "type": "operator", "version": 2 }));
    let of_account = json!({ "type": "account", "version": 2, "limits": all });
    let account_token = token(&operator, &account, "account", of_account);
    let of_system = json!({ "type": "account", "version": 2 });
    let system_token = token(&operator, &system, "system", of_system);
    let of_user = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
    let user_token = token(&account, &user, "user", of_user);
    let seed = user.seed().unwrap();
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\n{user_token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    let nats = Nats::start_with(&format!(
        "operator: {operator_token}\nresolver: MEMORY\nsystem_account: {1}\n\
         resolver_preload {{ {0}: {account_token}, {1}: {system_token} }}",
        account.public_key(),
        system.public_key()
    ));
    let dir = TempDir::new().unwrap();
    let file = write(dir.path(), "gateway.creds", &credentials);
    let url = nats.url();
    let args = ["--nats-url", &url, "--nats-credentials-file", &file];
    let process = Process::start(&mut serve(dir.path(), &args, None));
    works(&process).await;
    process.signal(rustix::process::Signal::TERM);
    let (exit, log) = process.ended().await;
    assert!(exit.success(), "{log:?}");
    assert!(!log.iter().any(|line| line.contains(&seed) || line.contains(&user_token)), "{log:?}");

    let nothing = write(dir.path(), "nothing.creds", "no credentials");
    let args = ["--nats-url", &url, "--nats-credentials-file", &nothing];
    let output = serve(dir.path(), &args, None).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("nothing.creds: it must hold a JWT"), "{said}");
    assert!(!said.contains("no credentials"), "{said}");
}
