//! TLS on both listeners: real handshakes with good, bad and expired certificates.

use std::{io, net::SocketAddr, sync::Arc};

use crate::support::{
    certificates::{Authority, Identity, write},
    *,
};
use imcallback::{
    GetLogStatusRequest, admin_service_client::AdminServiceClient, event_service_client::EventServiceClient,
    subscribe_response::Frame,
};
use rustix::process::Signal;
use rustls::{ClientConfig, pki_types::ServerName};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

/// Posts a callback over HTTPS. Returns the status line of the answer.
async fn post(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::from(address.ip());
    let mut stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await?;
    let request = request("A.B", "{}").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

const STORED: &str = "HTTP/1.1 200 OK";

/// Returns the arguments that enable TLS on a listener.
fn tls_args(dir: &TempDir, listener: &str, server: &Identity, client_ca: Option<&str>) -> Vec<String> {
    let cert = write(dir.path(), &format!("{listener}.crt"), &server.cert);
    let key = write(dir.path(), &format!("{listener}.key"), &server.key);
    let mut args = vec![format!("--{listener}-tls-cert={cert}"), format!("--{listener}-tls-key={key}")];
    if let Some(pem) = client_ca {
        let path = write(dir.path(), &format!("{listener}-ca.crt"), pem);
        args.push(format!("--{listener}-tls-client-ca={path}"));
    }
    args
}

fn serve(dir: &TempDir, args: &[String]) -> Process {
    Process::start(program().args(serve_args(&dir.path().join("data"))).args(args).arg("--drain-delay=0s"))
}

async fn channel(
    address: SocketAddr,
    ca: &Authority,
    identity: Option<&Identity>,
) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca.pem()));
    if let Some(identity) = identity {
        tls = tls.identity(tonic::transport::Identity::from_pem(&identity.cert, &identity.key));
    }
    Endpoint::new(format!("https://{address}")).unwrap().tls_config(tls).unwrap().connect().await
}

/// Returns whether a call is answered. In TLS 1.3 a client learns of its rejection only after the
/// handshake.
async fn can_call(address: SocketAddr, ca: &Authority, identity: Option<&Identity>) -> bool {
    let Ok(channel) = channel(address, ca, identity).await else { return false };
    soon(AdminServiceClient::new(channel).get_log_status(GetLogStatusRequest {})).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_come_over_https_and_no_longer_over_http() {
    let (dir, ca) = (TempDir::new().unwrap(), Authority::new("servers"));
    let gateway = serve(&dir, &tls_args(&dir, "http", &ca.server(), None));
    let address = gateway.addresses.http;
    assert_eq!(post(address, &ca.client_config(None)).await.unwrap(), STORED);
    let stranger = Authority::new("strangers").client_config(None);
    assert!(post(address, &stranger).await.is_err(), "the client does not trust the CA of the certificate");
    let mut plain = Http::connect(address).await;
    plain.send(request("A.B", "{}")).await;
    assert!(!plain.closed().await.starts_with(b"HTTP/"));
    assert_eq!(
        post(address, &ca.client_config(None)).await.unwrap(),
        STORED,
        "the next callback is accepted"
    );
    assert_eq!(all_events(&mut gateway.client().await).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_client_certificate_must_be_shown_and_good() {
    let (dir, servers, clients) =
        (TempDir::new().unwrap(), Authority::new("servers"), Authority::new("clients"));
    let gateway = serve(&dir, &tls_args(&dir, "http", &servers.server(), Some(clients.pem())));
    let try_with = async |identity: Option<&Identity>| {
        post(gateway.addresses.http, &servers.client_config(identity)).await
    };
    assert_eq!(try_with(Some(&clients.client())).await.unwrap(), STORED);
    assert!(try_with(None).await.is_err());
    assert!(try_with(Some(&Authority::new("strangers").client())).await.is_err());
    assert!(try_with(Some(&clients.expired_client())).await.is_err());
    assert!(
        try_with(Some(&clients.server())).await.is_err(),
        "a server certificate is not accepted from a client"
    );
    assert_eq!(try_with(Some(&clients.client())).await.unwrap(), STORED);
    assert_eq!(all_events(&mut gateway.client().await).await.len(), 2);
    let scrape = get(gateway.addresses.admin, "/metrics").await.body;
    assert!(
        scrape.contains("callback_gateway_tls_handshake_failures_total{listener=\"http\"} 4"),
        "{scrape}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_client_certificate_must_be_good_if_it_is_shown() {
    let (dir, servers, clients) =
        (TempDir::new().unwrap(), Authority::new("servers"), Authority::new("clients"));
    let mut args = tls_args(&dir, "http", &servers.server(), Some(clients.pem()));
    args.push("--http-tls-client-auth=optional".to_owned());
    let gateway = serve(&dir, &args);
    let try_with = async |identity: Option<&Identity>| {
        post(gateway.addresses.http, &servers.client_config(identity)).await
    };
    assert_eq!(try_with(Some(&clients.client())).await.unwrap(), STORED);
    assert_eq!(try_with(None).await.unwrap(), STORED);
    assert!(try_with(Some(&clients.expired_client())).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_takes_good_certificates_only() {
    let (dir, servers, clients) =
        (TempDir::new().unwrap(), Authority::new("servers"), Authority::new("clients"));
    // If client certificates are required, remote clients need no token.
    let mut args = tls_args(&dir, "grpc", &servers.server(), Some(clients.pem()));
    args.push("--grpc-listen=0.0.0.0:0".to_owned());
    let listen = args.pop().unwrap();
    let mut all = serve_args(&dir.path().join("data"));
    let at = all.iter().position(|arg| arg == "--grpc-listen").unwrap();
    all.splice(at..at + 2, [listen]);
    let gateway = Process::start(program().args(all).args(args));
    let address = SocketAddr::from(([127, 0, 0, 1], gateway.addresses.grpc.port()));
    assert!(can_call(address, &servers, Some(&clients.client())).await);
    assert!(!can_call(address, &servers, None).await);
    assert!(!can_call(address, &servers, Some(&clients.expired_client())).await);
    assert!(!can_call(address, &servers, Some(&Authority::new("strangers").client())).await);
    assert!(!can_call(address, &Authority::new("strangers"), Some(&clients.client())).await);
    assert!(can_call(address, &servers, Some(&clients.client())).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_without_dropping_streams() {
    let (dir, old, new) = (TempDir::new().unwrap(), Authority::new("old"), Authority::new("new"));
    let mut args = tls_args(&dir, "grpc", &old.server(), None);
    args.extend(tls_args(&dir, "http", &old.server(), None));
    let gateway = serve(&dir, &args);
    let grpc = gateway.addresses.grpc;
    let mut client = EventServiceClient::new(channel(grpc, &old, None).await.unwrap());
    let (mut subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();

    // A key that does not match leaves the old pair in force.
    write(dir.path(), "grpc.key", &new.server().key);
    gateway.signal(Signal::HUP);
    let said =
        gateway.nth_line(0, |line| line["message"].as_str().unwrap_or("").contains("not reloaded")).await;
    assert!(said.to_string().contains("grpc.tls_key"), "{said}");
    assert!(can_call(grpc, &old, None).await);

    for listener in ["grpc", "http"] {
        tls_args(&dir, listener, &new.server(), None);
    }
    gateway.signal(Signal::HUP);
    gateway.line("the configuration was reloaded").await;
    assert!(can_call(grpc, &new, None).await);
    assert!(!can_call(grpc, &old, None).await);
    assert_eq!(post(gateway.addresses.http, &new.client_config(None)).await.unwrap(), STORED);
    assert_eq!(subscriber.event().await.unwrap().command, "A.B", "the existing connection stays open");
    assert!(matches!(subscriber.frame().await, Ok(Frame::CaughtUp(_) | Frame::Heartbeat(_))));
}

/// Connections that send nothing: more than the HTTP listener accepts at once, and one less than the
/// limit for gRPC.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_complete_their_handshake_do_not_delay_others() {
    let (dir, ca) = (TempDir::new().unwrap(), Authority::new("servers"));
    let mut args = tls_args(&dir, "http", &ca.server(), None);
    args.extend(tls_args(&dir, "grpc", &ca.server(), None));
    args.extend(["--http-max-connections=4".to_owned(), "--grpc-max-connections=4".to_owned()]);
    let gateway = serve(&dir, &args);
    let mut silent = Vec::new();
    for _ in 0..6 {
        silent.push(TcpStream::connect(gateway.addresses.http).await.unwrap());
    }
    for _ in 0..3 {
        silent.push(TcpStream::connect(gateway.addresses.grpc).await.unwrap());
    }
    assert_eq!(soon(post(gateway.addresses.http, &ca.client_config(None))).await.unwrap(), STORED);
    assert!(soon(can_call(gateway.addresses.grpc, &ca, None)).await);
    // They lose their connections, and so release their places.
    for mut stream in silent {
        soon(stream.read_to_end(&mut Vec::new())).await.ok();
    }
    let counted = "callback_gateway_tls_handshake_failures_total{listener=\"grpc\"} 3";
    soon(async { while !get(gateway.addresses.admin, "/metrics").await.body.contains(counted) {} }).await;
}

#[test]
fn files_that_do_not_fit_are_named_with_what_is_wrong() {
    let (dir, ca) = (TempDir::new().unwrap(), Authority::new("servers"));
    let (server, other) = (ca.server(), ca.server());
    let path = |name: &str, text: &str| write(dir.path(), name, text);
    let (cert, key) = (path("a.crt", &server.cert), path("a.key", &server.key));
    let (other_key, rubbish) = (path("b.key", &other.key), path("rubbish", "rubbish"));
    let check = |args: &[String]| {
        let output = program().args(["check-config", "--sdk-app-id=1"]).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let pair =
        |cert: &str, key: &str| vec![format!("--http-tls-cert={cert}"), format!("--http-tls-key={key}")];
    assert_eq!(check(&pair(&cert, &key)), (Some(0), String::new()));
    let with_ca = |path: &str| [pair(&cert, &key), vec![format!("--http-tls-client-ca={path}")]].concat();
    for (args, problem) in [
        (pair("/none", &key), "http.tls_cert (--http-tls-cert): /none: No such file"),
        (pair(&cert, "/none"), "http.tls_key (--http-tls-key): /none: No such file"),
        (pair(&rubbish, &key), "contains no PEM certificate"),
        (pair(&cert, &rubbish), "contains no PEM private key"),
        (pair(&cert, &other_key), "does not match the certificate"),
        (with_ca(&rubbish), "http.tls_client_ca (--http-tls-client-ca): "),
        (vec![format!("--http-tls-cert={cert}")], "http.tls_key: http.tls_cert needs it"),
        (
            vec![format!("--grpc-tls-client-ca={cert}")],
            "grpc.tls_client_ca (--grpc-tls-client-ca): it needs TLS",
        ),
    ] {
        let (code, said) = check(&args);
        assert_eq!(code, Some(64), "{problem}");
        assert!(said.contains(problem), "{problem}: {said}");
        assert!(!said.contains("PRIVATE KEY"), "{said}");
    }
}
