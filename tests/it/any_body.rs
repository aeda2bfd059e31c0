//! Any JSON object with a valid envelope is accepted, stored and delivered byte for byte. Bodies are
//! generated character by character, because a JSON library writes only a small part of valid JSON.

use std::{cell::RefCell, collections::BTreeSet, fs};

use crate::support::*;
use imcallback::{DecodeStatus, SubscribeRequest};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use serde_json::Value;

/// Commands that are not in the catalogue.
const UNKNOWN: [&str; 5] =
    ["LiveGo.Something", "Sns.CallbackLater", "Push.Later", "x", "C2C.CallbackAfterMsgReadAll"];
/// Number of cases, each with a body for every command.
const CASES: u32 = 12;
/// Connections that post at the same time.
const CONNECTIONS: usize = 20;

fn commands() -> Vec<String> {
    let files = fs::read_dir(package().join("tests/fixtures")).unwrap();
    let mut commands: Vec<_> = files
        .map(|file| file.unwrap().file_name().to_str().unwrap().strip_suffix(".json").unwrap().to_owned())
        .collect();
    commands.sort();
    commands.extend(UNKNOWN.map(str::to_owned));
    commands
}

/// Returns the names of all members in the test packets, so that values are set in fields.
fn names() -> Vec<String> {
    fn collect(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                names.insert(name.clone());
                collect(value, names);
            }),
            Value::Array(elements) => elements.iter().for_each(|element| collect(element, names)),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    for dir in ["tests/fixtures", "tests/other_shapes"] {
        for file in fs::read_dir(package().join(dir)).unwrap() {
            let packet = fs::read_to_string(file.unwrap().path()).unwrap();
            collect(&serde_json::from_str(&packet).unwrap(), &mut names);
        }
    }
    // At the top level it must equal the command in the URL.
    names.remove("CallbackCommand");
    names.into_iter().collect()
}

fn white_space() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \t\r\n]{1,4}"]
}

fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9_ /{}\\[\\],:]{1,8}",
        1 => any::<char>().prop_filter("plain", |c| !matches!(c, '"' | '\\') && *c >= ' ').prop_map(String::from),
        1 => select(vec!["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"]).prop_map(str::to_owned),
        // Including lone surrogates, pairs and zero.
        1 => any::<u16>().prop_map(|unit| format!("\\u{unit:04x}")),
        1 => (0xd800_u16..0xe000).prop_map(|unit| format!("\\u{unit:04X}")),
        1 => select(vec!["\\ud83d\\uDE00", "\\u0000", "\\u0022", "\u{feff}", "\u{2028}", "🧧"]).prop_map(str::to_owned),
    ];
    vec(piece, 0..6).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "-?(0|[1-9][0-9]{0,19})",
        1 => "-?(0|[1-9][0-9]{0,19})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
        1 => (100_usize..500).prop_map(|digits| "9".repeat(digits)),
        1 => select(vec!["1e999", "-1E-999", "-0", "0.0e0", "9007199254740993", "18446744073709551616"])
            .prop_map(str::to_owned),
    ]
}

fn name(names: Vec<String>) -> BoxedStrategy<String> {
    prop_oneof![
        6 => select(names.clone()).prop_map(|name| format!("\"{name}\"")),
        // As in the `.proto` files, and as JSON may write it.
        1 => select(names.clone()).prop_map(|name| format!("\"{}\"", name.to_lowercase())),
        1 => select(names).prop_map(|name| {
            let (first, rest) = name.split_at(1);
            format!("\"\\u{:04x}{rest}\"", u32::from(first.chars().next().unwrap()))
        }),
        2 => string(),
    ]
    .boxed()
}

/// Joins parts between brackets, with white space where JSON allows it.
fn bracketed(open: char, parts: Vec<(String, String)>, close: char) -> String {
    let parts: Vec<_> = parts.into_iter().map(|(part, space)| format!("{space}{part}{space}")).collect();
    format!("{open}{}{close}", parts.join(","))
}

fn object(name: BoxedStrategy<String>, value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let member =
        (name, white_space(), value).prop_map(|(name, space, value)| format!("{name}{space}:{space}{value}"));
    let is_doubled = proptest::bool::weighted(0.1);
    (vec((member, white_space()), 0..7), is_doubled)
        .prop_map(|(mut members, is_doubled)| {
            let first = members.first().filter(|_| is_doubled).cloned();
            members.extend(first);
            bracketed('{', members, '}')
        })
        .boxed()
}

fn value(name: BoxedStrategy<String>) -> BoxedStrategy<String> {
    // Deeper than typed payloads may be, and up to the limit together with the outer levels.
    let deep = (1_usize..100, any::<bool>()).prop_map(|(depth, is_object)| {
        let (open, close) = if is_object { ("{\"a\":", "}") } else { ("[", "]") };
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    });
    let leaf = prop_oneof![
        12 => string(),
        12 => number(),
        4 => select(vec!["null", "true", "false", "{}", "[]", "[ ]"]).prop_map(str::to_owned),
        1 => deep,
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let elements = vec((inner.clone(), white_space()), 0..6);
        prop_oneof![elements.prop_map(|elements| bracketed('[', elements, ']')), object(name.clone(), inner),]
            .boxed()
    })
    .boxed()
}

/// Generates a body for a command: any object, or the command's packet with an additional first member.
fn body(
    command: &str,
    name: BoxedStrategy<String>,
    value: BoxedStrategy<String>,
    object: BoxedStrategy<String>,
) -> BoxedStrategy<String> {
    let own = vec![
        String::new(),
        format!("\"CallbackCommand\":\"{command}\""),
        format!("\"Callback\\u0043ommand\" : \"{command}\"\t"),
        "\"CallbackCommand\":null".to_owned(),
    ];
    let alone = (select(own), object, white_space()).prop_map(|(own, object, space)| {
        let members = &object[1..object.len() - 1];
        let comma = if own.is_empty() || members.trim().is_empty() { "" } else { "," };
        format!("{space}{{{own}{comma}{members}}}{space}")
    });
    let packet = fs::read_to_string(package().join(format!("tests/fixtures/{command}.json")));
    let packet = packet.unwrap_or_else(|_| "{\"x\":1}".to_owned());
    let with_packet = (name, value, white_space()).prop_map(move |(name, value, space)| {
        let members = packet.trim().strip_prefix('{').expect("a packet is an object");
        format!("{{{space}{name}:{value}{space},{members}{space}")
    });
    prop_oneof![2 => alone, 1 => with_packet].boxed()
}

/// Posts each body with its number as the client's address.
async fn post_all(gateway: &Gateway, bodies: &[(String, String)]) {
    let numbered: Vec<_> = bodies.iter().enumerate().collect();
    let posting = numbered.chunks(bodies.len().div_ceil(CONNECTIONS)).map(|bodies| async move {
        let mut http = Http::connect(gateway.addresses.http).await;
        for (number, (command, body)) in bodies {
            let length = body.len();
            http.send(format!(
                "POST /?SdkAppid={APP_ID}&CallbackCommand={command}&ClientIP={number} HTTP/1.1\r\n\
                 Host: gateway\r\nContent-Length: {length}\r\n\r\n{body}"
            ))
            .await;
            let answer = http.answer().await;
            assert!(answer.is_stored(), "{command} {body}: {answer:?}");
        }
    });
    futures_util::future::join_all(posting).await;
}

#[test]
fn any_json_object_is_stored_and_delivered_byte_for_byte() {
    let name = name(names());
    let value = value(name.clone());
    let object = object(name.clone(), value.clone());
    let bodies: Vec<_> = commands()
        .into_iter()
        .map(|command| {
            let body = body(&command, name.clone(), value.clone(), object.clone());
            body.prop_map(move |body| (command.clone(), body))
        })
        .collect();
    assert!(bodies.len() >= 55 + UNKNOWN.len());

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let gateway = runtime.block_on(Gateway::start());
    let client = runtime.block_on(gateway.client());
    let delivered = RefCell::new(Vec::new());
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&bodies, |bodies| {
        let events = runtime.block_on(async {
            let request = SubscribeRequest { include_raw_body: true, ..latest() };
            let (mut subscriber, _) = Subscriber::open(&mut client.clone(), request).await.unwrap();
            post_all(&gateway, &bodies).await;
            let mut left = bodies.len();
            subscriber
                .events_until(|_| {
                    left -= 1;
                    left == 0
                })
                .await
        });
        for event in &events {
            let (command, body) = &bodies[event.client_ip.parse::<usize>().unwrap()];
            prop_assert_eq!(&event.command, command);
            prop_assert_eq!(&event.raw_body, body);
            let is_typed = matches!(event.decode_status(), DecodeStatus::Typed | DecodeStatus::Partial);
            prop_assert_eq!(event.payload.is_some(), is_typed);
        }
        delivered.borrow_mut().extend(events);
        Ok(())
    });
    outcome.unwrap();

    let delivered = delivered.into_inner();
    let again = runtime.block_on(all_events(&mut client.clone()));
    assert!(again == delivered, "every read returns the same");
    let statuses: BTreeSet<_> = again.iter().map(|event| event.decode_status().as_str_name()).collect();
    assert_eq!(statuses.len(), 4, "bodies of every kind: {statuses:?}");
    drop(client);
    runtime.block_on(gateway.stop());
}
