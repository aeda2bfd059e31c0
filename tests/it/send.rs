//! `send`: every command, from flags or a file, once or many times.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use crate::support::people::{CommandResult, Relay, Running, command, on_a_terminal, run};
use crate::support::scripted_server::{Certificates, ScriptedServer};
use crate::support::*;
use callback_gateway::testing::callback::signature::Tokens;
use imcallback::{DecodeStatus, event::Payload};
use serde_json::{Value, json};
use tempfile::TempDir;

fn send_to(url: &str, args: &[&str]) -> Command {
    let unused = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let mut command = command(unused, &[&["send"], args].concat());
    command.env("CALLBACK_GATEWAY_URL", url).env("CALLBACK_GATEWAY_SDK_APP_ID", APP_ID.to_string());
    command
}

fn send(gateway: &Gateway, args: &[&str]) -> Command {
    send_to(&format!("http://{}/", gateway.addresses.http), args)
}

fn assert_fails(ran: &CommandResult, code: i32, part: &str) {
    assert_eq!(ran.code(), Some(code), "{ran:?}");
    assert!(ran.stderr().contains(part), "{part}: {ran:?}");
}

/// Returns the flags of a command by member, according to its help.
async fn flags(command: &str) -> BTreeMap<String, String> {
    let help = run(send_to("http://x/", &[command, "--help"]).env("COLUMNS", "10000")).await.good();
    let (_, body) = help.split_once("Body:\n").expect(&help);
    let flag = |line: &str| {
        let (flag, about) = line.trim().split_once(" <").unwrap();
        let (_, about) = about.split_once("  ").unwrap();
        let (path, _) = about.trim().split_once(": ").unwrap();
        (path.to_owned(), flag.to_owned())
    };
    body.lines().take_while(|line| !line.is_empty()).map(flag).collect()
}

/// Adds members that some elements of a list lack, with their default values.
fn with_defaults(elements: &[&Value]) -> Vec<Value> {
    let mut defaults = serde_json::Map::new();
    for (name, value) in elements.iter().filter_map(|element| element.as_object()).flatten() {
        defaults.insert(name.clone(), if value.is_number() { json!(0) } else { json!("") });
    }
    let even = |element: &&Value| {
        let own = element.as_object().unwrap().clone();
        Value::Object(defaults.clone().into_iter().chain(own).collect())
    };
    elements.iter().map(even).collect()
}

/// Collects the arguments for a packet: a flag for every value, in order.
fn arguments(packet: &Value, path: &str, flags: &BTreeMap<String, String>, args: &mut Vec<(String, String)>) {
    for (name, value) in packet.as_object().unwrap() {
        let at = format!("{path}{name}");
        let elements: Vec<&Value> = match value {
            Value::Array(elements) => elements.iter().collect(),
            value => vec![value],
        };
        match flags.get(&at) {
            Some(flag) => {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                args.extend(elements.into_iter().map(|value| (flag.clone(), text(value))));
            }
            None if matches!(name.as_str(), "CallbackCommand" | "EventTime") => {}
            None => {
                let elements = with_defaults(&elements);
                elements.iter().for_each(|element| arguments(element, &format!("{at}."), flags, args));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_catalogue_arrives_as_its_packet_does() {
    let gateway = Gateway::start().await;
    let mut sent = Vec::new();
    let mut untried: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for dir in ["tests/fixtures", "tests/other_shapes"] {
        for entry in fs::read_dir(package().join(dir)).unwrap() {
            let path = entry.unwrap().path();
            let command = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let body = [&command, "--body", path.to_str().unwrap()];
            assert_eq!(run(&mut send(&gateway, &body)).await.good().trim_end(), OK_PACKET);

            let packet: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let flags = flags(&command).await;
            let mut args = Vec::new();
            arguments(&packet, "", &flags, &mut args);
            let untried = untried.entry(command.clone()).or_insert_with(|| flags.into_values().collect());
            untried.retain(|flag| args.iter().all(|(tried, _)| tried != flag));
            let args: Vec<String> = args.into_iter().map(|(flag, value)| format!("{flag}={value}")).collect();
            let mut line = send(&gateway, &[&command]);
            assert_eq!(run(line.args(args)).await.good().trim_end(), OK_PACKET, "{command}");
            sent.push(command);
        }
    }
    assert!(untried.len() >= 55 && sent.len() >= 60);
    // Its message is that of CallbackAfterFollowAdd, for which there are packets of both shapes.
    untried.remove("Follow.CallbackAfterFollowDelete");
    assert!(untried.values().all(BTreeSet::is_empty), "{untried:?}");
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), 2 * sent.len());
    for (command, pair) in sent.iter().zip(events.chunks(2)) {
        assert_eq!((&pair[0].command, &pair[1].command), (command, command));
        assert_eq!(pair[0].decode_status(), DecodeStatus::Typed);
        assert_eq!(pair[0].payload, pair[1].payload, "{command}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_for_members_of_a_list_are_one_for_all_or_one_for_each() {
    let gateway = Gateway::start().await;
    let body = async |args: &[&str]| {
        let ran = run(&mut send(&gateway, args)).await;
        ran.good();
        let newest = all_events(&mut gateway.client().await).await.pop().unwrap();
        serde_json::from_str::<Value>(&newest.raw_body).unwrap()
    };
    let pair = |from: &str, to: &str| json!({ "From_Account": from, "To_Account": to });
    for name in ["Sns.CallbackBlackListAdd", "sns-black-list-add", "black-list-add"] {
        let one_for_all = body(&[name, "--from", "a,b", "--to", "x", "--to-account", "y"]).await;
        assert_eq!(one_for_all["PairList"], json!([pair("a,b", "x"), pair("a,b", "y")]));
        assert_eq!(one_for_all["CallbackCommand"], "Sns.CallbackBlackListAdd");
    }
    let each = body(&["black-list-add", "--from", "a", "--to", "x", "--from", "b", "--to", "y"]).await;
    assert_eq!(each["PairList"], json!([pair("a", "x"), pair("b", "y")]));
    let dashes = body(&["black-list-add", "--from", "-a", "--to", "--b"]).await;
    assert_eq!(dashes["PairList"], json!([pair("-a", "--b")]));
    assert_eq!(body(&["state-change"]).await, json!({ "CallbackCommand": "State.StateChange" }));

    let args = ["friend-add", "--from", "a", "--from", "b", "--to", "x", "--to", "y", "--to", "z"];
    let uneven = run(&mut send(&gateway, &args)).await;
    assert_fails(&uneven, 64, "--to-account occurs 3 times and --from-account 2 times");
    assert_fails(&run(&mut send(&gateway, &["friend-add", "--force-flag", "yes"])).await, 64, "use a number");
    let no_object = ["c2c-after-send-msg", "--msg-content", "hi"];
    assert_fails(&run(&mut send(&gateway, &no_object)).await, 64, "use a JSON object");
    assert_fails(
        &run(&mut send(&gateway, &["friend-add", "--body", "x", "--to", "a"])).await,
        64,
        "cannot be used with",
    );
    assert_fails(&run(&mut send(&gateway, &[])).await, 64, "send --help");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_goes_out_byte_for_byte_from_a_file_or_standard_input() {
    let gateway = Gateway::start().await;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("packet.json");
    let body = "{\"CallbackCommand\" : \"X.Of-Tomorrow\",\n \"a\": 1.0e0}\n";
    fs::write(&path, body).unwrap();
    let path = path.to_str().unwrap();
    run(&mut send(&gateway, &["--body", path])).await.good();
    let mut piped = send(&gateway, &["--body", "-"]);
    let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    assert!(soon(tokio::task::spawn_blocking(move || child.wait().unwrap())).await.unwrap().success());
    for event in all_events(&mut gateway.client().await).await {
        assert_eq!((event.command.as_str(), event.raw_body.as_str()), ("X.Of-Tomorrow", body));
    }
    // Under a different command in the query. The gateway stores the callback under that command, with a
    // status that reports the mismatch.
    run(&mut send(&gateway, &["friend-add", "--body", path])).await.good();
    let events = all_events(&mut gateway.client().await).await;
    let last = events.last().unwrap();
    assert_eq!((last.command.as_str(), last.raw_body.as_str()), ("Sns.CallbackFriendAdd", body));
    assert_eq!(last.decode_status(), DecodeStatus::CommandDisagrees);
    let empty = run(&mut send(&gateway, &["--body", "/dev/null"])).await;
    assert_fails(&empty, 64, "not JSON with a CallbackCommand");
    assert_fails(
        &run(&mut send(&gateway, &["--body", "/nowhere"])).await,
        64,
        "--body /nowhere: No such file",
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_sent_and_summed_up() {
    let gateway = Gateway::start().await;
    let relay = Relay::start(gateway.addresses.http).await;
    let url = format!("http://{}/", relay.address);
    let sums = run(&mut send_to(&url, &["state-change", "--to", "a", "--count", "50"])).await;
    let text = sums.good();
    assert!(
        text.starts_with("sent       50 in ") && text.contains("\nstored     50\nanswered   p50 "),
        "{text}"
    );
    assert_eq!(sums.stderr(), "", "a pipe gets no progress bar");
    assert_eq!(relay.accepted(), 1, "all callbacks use one connection");

    let rated = run(&mut send(&gateway, &["state-change", "--count", "50", "--rate", "500"])).await;
    assert!(rated.good().contains("\nstored     50\n"), "{rated:?}");
    assert_eq!(all_events(&mut gateway.client().await).await.len(), 100);

    let refused =
        run(&mut send_to(&format!("{url}x"), &["state-change", "--count", "3", "--rate", "1000"])).await;
    assert_fails(&refused, 1, "error: 3 of 3 were not stored");
    let text = refused.stdout();
    assert!(text.contains("\nnot stored 3\n           3 x not acknowledged: HTTP 404: "), "{text}");
    relay.lead_to(None);
    relay.cut();
    let gone = run(&mut send_to(&url, &["state-change", "--count", "2"])).await;
    assert_fails(&gone, 1, "error: 2 of 2 were not stored");
    // The errors may differ: a broken connection can cause several.
    let reasons: Vec<String> =
        gone.stdout().lines().skip(3).map(|line| line.trim()[1..].to_owned()).collect();
    assert!(
        !reasons.is_empty() && reasons.iter().all(|reason| reason.starts_with(" x no response from http://")),
        "{gone:?}"
    );
    assert!(!gone.stdout().contains("p50"), "no callback was answered: {gone:?}");

    for (args, part) in [
        (&["--rate", "5"][..], "--count"),
        (&["--rate", "0", "--count", "1"], "use a number of callbacks per second"),
        (&["--rate", "NaN", "--count", "1"], "use a number of callbacks per second"),
        (&["--count", "0"], "1..=1000000"),
        (&["--count", "1000001"], "1..=1000000"),
    ] {
        let args = [&["state-change"], args].concat();
        assert_fails(&run(&mut send(&gateway, &args)).await, 64, part);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_gets_a_progress_bar() {
    let gateway = Gateway::start().await;
    let (code, seen) =
        on_a_terminal(send(&gateway, &["state-change", "--count", "60", "--rate", "100"])).await;
    assert_eq!(code, Some(0), "{seen}");
    let (bars, summary) = seen.rsplit_once("\u{1b}[2K").expect(&seen);
    assert!(bars.contains("/60") && bars.contains(" a second") && bars.contains('█'), "{bars}");
    assert!(
        summary.contains("sent") && !summary.contains("/60"),
        "the progress bar is removed at the end: {summary}"
    );
    gateway.stop().await;
}

/// RequestTime is in seconds. A callback that was signed once would soon be too old.
#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_is_signed_afresh() {
    let gateway = Gateway::start_with(|settings| {
        settings.tokens = Tokens::parse(&format!("{APP_ID} s3cr3t-t0ken")).unwrap();
    })
    .await;
    let mut many = send(&gateway, &["state-change", "--count", "3", "--rate", "1"]);
    many.env("CALLBACK_GATEWAY_TOKENS", format!("{APP_ID} s3cr3t-t0ken"));
    run(&mut many).await.good();
    let events = all_events(&mut gateway.client().await).await;
    let times: BTreeSet<_> = events.iter().map(|event| event.request_time.unwrap().seconds).collect();
    // At least two seconds lie between the first and the last.
    assert!(events.len() == 3 && times.len() >= 2, "{times:?}");
    let unsigned = run(&mut send(&gateway, &["state-change", "--count", "2"])).await;
    assert_fails(&unsigned, 1, "2 of 2 were not stored");
    assert!(
        unsigned.stdout().contains("; to sign it, pass the app's token in --tokens-file"),
        "{unsigned:?}"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_it_with_the_sums_so_far() {
    let gateway = Gateway::start().await;
    let (mut subscriber, _) = Subscriber::open(&mut gateway.client().await, latest()).await.unwrap();
    let args = ["state-change", "--to", "a", "--count", "1000000", "--rate", "20"];
    let mut sending = Running::start(&mut send(&gateway, &args));
    let event = subscriber.event().await.unwrap();
    assert!(matches!(event.payload, Some(Payload::StateChange(_))), "{event:?}");
    sending.interrupt();
    assert!(sending.line().await.starts_with("sent "));
    let (code, notices) = sending.ended().await;
    assert_eq!(code, Some(1));
    assert!(notices.ends_with(" of 1000000 were not stored\n"), "{notices}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_go_over_tls_too() {
    let certificates = Certificates::new();
    let queries = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&queries);
    let server = ScriptedServer::tls(&certificates, true, move |request| {
        seen.lock().unwrap().push(request.uri().query().unwrap().to_owned());
        axum::http::Response::new(OK_PACKET.into())
    });
    let [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(|name| certificates.arg(name));
    let tls = ["state-change", "--tls-ca", &ca, "--tls-cert", &cert, "--tls-key", &key];
    let ran = run(&mut send_to(&server.https(), &tls)).await;
    assert_eq!(ran.good().trim_end(), OK_PACKET);
    assert!(queries.lock().unwrap()[0].starts_with("SdkAppid=1400000000&CallbackCommand=State.StateChange&"));

    // Environment variables for gRPC are not used.
    let mut elsewhere = send_to("http://127.0.0.1:1/", &["state-change"]);
    assert_fails(
        &run(elsewhere.env("CALLBACK_GATEWAY_CLIENT_TLS_CA", &ca)).await,
        1,
        "no response from http://127.0.0.1:1",
    );

    let strangers = Certificates::new();
    let strange = ["state-change", "--tls-ca", &strangers.arg("ca.pem")];
    assert_fails(&run(&mut send_to(&server.https(), &strange)).await, 1, "check --tls-ca");
    assert_fails(&run(&mut send_to(&server.https(), &["state-change"])).await, 1, "check --tls-ca");
    assert_fails(
        &run(&mut send_to(&server.https(), &tls[..3])).await,
        1,
        "no response from https://127.0.0.1",
    );
    assert_fails(&run(&mut send_to("http://localhost:1/", &tls)).await, 64, "--url must begin with https://");
    assert_eq!(queries.lock().unwrap().len(), 1);
}

/// The server at the other end may be under anyone's control.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_answer_holds_does_anything_to_a_terminal() {
    let nasty = "\u{1b}[2J\u{202e}";
    let packet = json!({ "ActionStatus": "FAIL", "ErrorInfo": nasty }).to_string();
    let server =
        ScriptedServer::plain(move |_| axum::http::Response::new(format!("{packet}\u{1b}[2J\u{9b}").into()));
    for more in [&[][..], &["--count", "2"]] {
        let args = [&["state-change"], more].concat();
        let (code, seen) = on_a_terminal(send_to(&format!("http://{}/", server.address), &args)).await;
        assert_eq!(code, Some(1), "{seen}");
        assert!(!seen.contains("\u{1b}[2J") && !seen.contains(['\u{202e}', '\u{9b}']), "{seen:?}");
    }
}
