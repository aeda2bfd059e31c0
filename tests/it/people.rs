//! Commands that show people the gateway's data: `recent`, `get`, `status`, `subscribers`, `refusals`.

use crate::support::people::{CommandResult, command, on_a_terminal, run, without_colours};
use crate::support::*;
use imcallback::SubscribeRequest;

/// Characters that could reverse a line, clear a screen or be invisible.
const NASTY: &str = "\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{200b}\u{2066}\r\n\u{e0041}";

fn is_nasty(text: &str) -> bool {
    text.contains(|c: char| {
        (c.is_control() && c != '\n') || NASTY.contains(c) && c != '\n' && !c.is_ascii_graphic()
    })
}

async fn ask(gateway: &Gateway, args: &[&str]) -> CommandResult {
    run(&mut command(gateway.addresses.grpc, args)).await
}

/// Returns a body for a new friend, with a name of this kind.
fn friend_add(from: &str, to: &str) -> String {
    let pair = serde_json::json!({ "From_Account": from, "To_Account": to, "Initiator_Account": from });
    serde_json::json!({ "CallbackCommand": "Sns.CallbackFriendAdd", "PairList": [pair] }).to_string()
}

async fn store(gateway: &Gateway, command: &str, body: &str) {
    let answer = gateway.post(command, body).await;
    assert!(answer.is_stored(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_is_a_table_with_the_newest_last() {
    let gateway = Gateway::start().await;
    store(&gateway, "Sns.CallbackFriendAdd", &friend_add("alice", "bob")).await;
    store(&gateway, "X.Unknown", r#"{"Text":"a b","N":7}"#).await;
    store(&gateway, "Sns.CallbackFriendAdd", &friend_add("alice", "carol")).await;

    let table = ask(&gateway, &["recent"]).await.good();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    let rest = |line: &str| {
        line.split_whitespace().skip_while(|word| *word != "1400000000").collect::<Vec<_>>().join(" ")
    };
    assert!(lines[0].starts_with("TIME") && lines[0].ends_with("WHAT"), "{table}");
    let pair = |to: &str| {
        format!("1400000000 Sns.CallbackFriendAdd From_Account=alice To_Account={to} Initiator_Account=alice")
    };
    assert_eq!(rest(lines[1]), pair("bob"));
    assert_eq!(rest(lines[2]), r#"1400000000 X.Unknown (unknown command) Text="a b" N=7"#);
    assert_eq!(rest(lines[3]), pair("carol"));

    let events = ask(&gateway, &["recent", "--json"]).await.json_lines();
    let sequences: Vec<_> = events.iter().map(|event| event["sequence"].as_str().unwrap()).collect();
    assert_eq!(sequences, ["1", "2", "3"]);
    assert!(events[0].get("rawBody").is_none());
    let raw = ask(&gateway, &["recent", "--json", "--raw"]).await.json_lines();
    assert_eq!(raw[0]["rawBody"], friend_add("alice", "bob"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_takes_filters_times_and_a_limit() {
    let gateway = Gateway::start().await;
    for to in ["bob", "carol", "dave"] {
        store(&gateway, "Sns.CallbackFriendAdd", &friend_add("alice", to)).await;
    }
    store(&gateway, "Group.CallbackBeforeSendMsg", r#"{"GroupId":"@g","From_Account":"bob"}"#).await;
    let sequences = async |args: &[&str]| {
        let ran = ask(&gateway, &[&["recent", "--json"], args].concat()).await;
        let of = |event: &serde_json::Value| event["sequence"].as_str().unwrap().to_owned();
        (ran.json_lines().iter().map(of).collect::<Vec<_>>().join(","), ran.stderr())
    };
    assert_eq!(sequences(&["--account", "bob"]).await.0, "1,4");
    assert_eq!(sequences(&["--account", "bob", "--account", "dave", "--command", "Sns.*"]).await.0, "1,3");
    assert_eq!(sequences(&["--group", "@g"]).await.0, "4");
    assert_eq!(sequences(&["--kind", "before"]).await.0, "4");
    assert_eq!(sequences(&["--app", "1400000000", "--since", "1h"]).await.0, "1,2,3,4");
    assert_eq!(sequences(&["--until", "2020-01-01T00:00:00Z"]).await.0, "");
    let (newest, notice) = sequences(&["--limit", "2"]).await;
    assert_eq!(newest, "3,4");
    assert_eq!(notice, "older events were omitted (--limit 2)\n");
    let (all, notice) = sequences(&["--limit", "4"]).await;
    assert_eq!((all.as_str(), notice.as_str()), ("1,2,3,4", ""));
    let since_before_the_log = sequences(&["--since", "1h"]).await.1;
    assert!(since_before_the_log.starts_with("the log is complete since "), "{since_before_the_log}");
    let perhaps =
        " only; earlier events may be missing: retention removed them, or the log did not exist yet\n";
    assert!(since_before_the_log.ends_with(perhaps), "{since_before_the_log}");
    gateway.stop().await;
}

/// More events than a page holds.
#[tokio::test(flavor = "multi_thread")]
async fn recent_goes_on_over_pages() {
    let gateway = Gateway::start().await;
    let mut http = Http::connect(gateway.addresses.http).await;
    for number in 0..1100 {
        assert!(http.post("A.B", &format!("{{\"n\":{number}}}")).await.is_stored());
    }
    let events = ask(&gateway, &["recent", "--json", "--limit", "1050"]).await.json_lines();
    let sequences: Vec<u64> =
        events.iter().map(|event| event["sequence"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(sequences, (51..=1100).collect::<Vec<_>>());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_without_matches_reports_the_period_and_refusals() {
    let gateway = Gateway::start().await;
    for _ in 0..3 {
        assert_eq!(gateway.post("Sns.CallbackFriendAdd", &" ".repeat((1 << 20) + 1)).await.status, 413);
    }
    let ran = ask(&gateway, &["recent", "--account", "alice", "--command", "Sns.*"]).await;
    assert_eq!(ran.good(), "");
    let text = ran.stderr();
    assert!(
        text.starts_with("none for command Sns.*, account alice; the log is complete since 20"),
        "{text}"
    );
    let refused = "; 3 refusals by the gateway test since the start of the gateway, ";
    assert!(
        text.contains(refused) || text.contains("; 3 refusals by the gateway test in that time"),
        "{text}"
    );
    assert!(text.ends_with("(callback-gateway refusals)\n"), "{text}");
    // Refusals of another app are not counted here.
    let other = ask(&gateway, &["recent", "--app", "7"]).await.stderr();
    assert!(other.contains("; 0 refusals ") && !other.contains("callback-gateway refusals"), "{other}");
    let earlier = ask(&gateway, &["recent", "--until", "2020-01-01T00:00:00Z"]).await.stderr();
    assert!(earlier.starts_with("none before 2020-01-01T00:00:00Z; the log is complete since "), "{earlier}");
    assert!(earlier.contains("; refusals before the start of the gateway, "), "{earlier}");
    let none = ask(&gateway, &["recent", "--json", "--since", "10m"]).await;
    assert_eq!(none.good(), "");
    assert!(none.stderr().starts_with("none since 20"), "{none:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_shows_an_event_by_sequence_or_cursor() {
    let gateway = Gateway::start().await;
    store(&gateway, "Sns.CallbackFriendAdd", FRIEND_ADD).await;
    store(&gateway, "X.Unknown", "{\"a\":\n[1]}").await;
    let event = &ask(&gateway, &["get", "1", "--json"]).await.json_lines()[0];
    assert_eq!(event["rawBody"], FRIEND_ADD);
    let cursor = event["cursor"].as_str().unwrap();
    let shown = ask(&gateway, &["get", cursor]).await.good();
    for part in [
        "sequence     1\n",
        "command      Sns.CallbackFriendAdd\n",
        "kind         after\n",
        "  \"snsFriendAdd\": {\n",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.contains(cursor) && shown.contains("(now)") | shown.contains("s ago)"), "{shown}");
    assert_eq!(ask(&gateway, &["get", "1", "--raw"]).await.good(), FRIEND_ADD, "byte for byte");
    for neither in ["abc", "AAAA", "-", "1042x"] {
        let ran = ask(&gateway, &["get", "--", neither]).await;
        assert!(
            ran.code() == Some(64) && ran.stderr().contains("neither a sequence nor a cursor"),
            "{ran:?}"
        );
    }
    let unknown = ask(&gateway, &["get", "2"]).await.good();
    assert!(unknown.ends_with("unknown command; the body as received:\n{\"a\":\n[1]}\n"), "{unknown}");

    let missing = ask(&gateway, &["get", "3"]).await;
    assert_eq!(
        (missing.code(), missing.stderr().as_str()),
        (Some(1), "error: no event has the sequence 3, or none yet\n")
    );
    for wrong in ["x", "", "-1", "AAAA"] {
        let ran = ask(&gateway, &["get", "--", wrong]).await;
        assert_eq!(ran.code(), Some(64), "{wrong}");
        assert!(ran.stderr().contains("use an event's sequence"), "{ran:?}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_the_log_holds_and_what_came_in_for_each_app() {
    let gateway = Gateway::start().await;
    let empty = ask(&gateway, &["status"]).await.good();
    assert!(
        empty.contains("callbacks  can be stored\n") && empty.contains("log        no event yet, "),
        "{empty}"
    );
    store(&gateway, "A.B", "{}").await;
    store(&gateway, "A.B", "{}").await;
    gateway.post("A..B", "{}").await;
    let status = ask(&gateway, &["status"]).await.good();
    assert!(status.contains("log        events 1 to 2, ") && status.contains(" (disk)\n"), "{status}");
    let app: Vec<&str> =
        status.lines().last().unwrap().split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(
        (app[0], app[1], app[2], app[4], app[6]),
        ("1400000000", "no token", "2", "1", "COMMAND_INVALID"),
        "{status}"
    );
    let json = &ask(&gateway, &["status", "--json"]).await.json_lines()[0];
    assert_eq!(
        (json["latestSequence"].as_str(), json["state"].as_str()),
        (Some("2"), Some("LOG_STATE_WRITABLE"))
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_tells_who_reads_and_who_has_left() {
    let gateway = Gateway::start().await;
    let none = ask(&gateway, &["subscribers"]).await;
    let no_subscriber = "no subscriber is connected to test, and no named stream has ended in the last 24 hours or since \
                         the gateway started, whichever is shorter; the gateway does not keep unnamed streams after \
                         they end\n";
    assert_eq!((none.good().as_str(), none.stderr().as_str()), ("", no_subscriber));
    // The notice must not deny that an unnamed stream existed: the gateway does not keep it after its
    // end.
    let (unnamed, _) = Subscriber::open(&mut gateway.client().await, latest()).await.unwrap();
    assert_eq!(ask(&gateway, &["subscribers", "--json"]).await.json_lines().len(), 1);
    drop(unnamed);
    let none = soon(async {
        loop {
            let ran = ask(&gateway, &["subscribers"]).await;
            if ran.good().is_empty() {
                return ran;
            }
        }
    })
    .await;
    assert_eq!(none.stderr(), no_subscriber);
    let mut client = gateway.client().await;
    let named = |name: &str| SubscribeRequest { subscriber: name.to_owned(), ..earliest() };
    let (mut orders, _) = Subscriber::open(&mut client, named("orders")).await.unwrap();
    let (left, _) = Subscriber::open(&mut client, named("left")).await.unwrap();
    store(&gateway, "A.B", "{}").await;
    orders.event().await.unwrap();
    drop(left);
    // The gateway notices the end on the same connection before it answers the next call.
    let rows = soon(async {
        loop {
            let table = ask(&gateway, &["subscribers"]).await.good();
            if table.contains("CLIENT_GONE") && table.contains("live") {
                return table;
            }
        }
    })
    .await;
    let cells = |name: &str| -> Vec<String> {
        let row = rows.lines().find(|line| line.starts_with(name)).expect(&rows);
        row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    assert!(rows.starts_with("NAME    STATE  UNSENT  WAITING  SENT  "), "{rows}");
    assert_eq!(cells("orders")[1..5], ["live", "0", "-", "1"], "{rows}");
    assert_eq!(cells("left")[1], "ended", "{rows}");
    assert!(cells("left")[7].ends_with(": CLIENT_GONE"), "{rows}");
    let json = ask(&gateway, &["subscribers", "--json"]).await.json_lines();
    assert_eq!(json.len(), 2);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_listed_with_what_to_do() {
    let gateway = Gateway::start().await;
    let none = ask(&gateway, &["refusals"]).await;
    assert!(none.stderr().starts_with("none; the gateway test started "), "{none:?}");
    gateway.post("A..B", "{}").await;
    // The query has the parameter already.
    gateway.post("A.B&OptPlatform=Web", "{}").await;
    gateway.post("A.C&OptPlatform=Web", "{}").await;
    let shown = ask(&gateway, &["refusals"]).await.good();
    let rows: Vec<Vec<&str>> = shown.lines().take(4).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["TIME", "REASON", "HTTP", "APP", "COMMAND", "SIZE", "SKEW", "PEER", "WHERE"]);
    let has = |row: &[&str], parts: &[&str]| parts.iter().all(|part| row.contains(part));
    assert!(has(&rows[1], &["COMMAND_INVALID", "400", "1400000000", "2"]), "{shown}");
    assert!(shown.contains("  CallbackCommand in the URL: a punctuation character at byte 2\n"), "{shown}");
    assert!(
        has(&rows[3], &["PARAMETER_REPEATED", "A.C", "2"]),
        "the newest refusal is the last row: {shown}"
    );
    assert!(
        shown.contains("COMMAND_INVALID: ")
            && shown.contains("  URL: OptPlatform more than once\n")
            && shown.contains("PARAMETER_REPEATED: "),
        "{shown}"
    );
    assert!(shown.ends_with("; refused since then: 2 PARAMETER_REPEATED, 1 COMMAND_INVALID\n"), "{shown}");

    let some = ask(&gateway, &["refusals", "--json", "--reason", "parameter-repeated", "--limit", "1"])
        .await
        .json_lines();
    assert_eq!((some.len(), some[0]["command"].as_str()), (1, Some("A.C")));
    let others = ask(&gateway, &["refusals", "--app", "7"]).await;
    assert!(others.stderr().starts_with("no match among the last 50 refusals of each reason, which the gateway remembers; the gateway test started"), "{others:?}");
    // The oldest refusal was evicted, so the counts at that time are no longer known.
    let first_is_over = humantime::format_rfc3339_nanos(std::time::SystemTime::now()).to_string();
    for _ in 0..51 {
        gateway.post("A..C", "{}").await;
        gateway.post("A.C&OptPlatform=Web", "{}").await;
    }
    let then = ask(&gateway, &["recent", "--until", &first_is_over]).await;
    assert!(then.stderr().contains("; the number of refusals "), "{then:?}");
    assert_eq!(ask(&gateway, &["refusals", "--limit", "0"]).await.code(), Some(64), "it would show none");
    let wrong = ask(&gateway, &["refusals", "--reason", "X"]).await;
    assert_eq!(wrong.code(), Some(64));
    assert!(wrong.stderr().contains("SIGN_WRONG"), "{wrong:?}");
    gateway.stop().await;
}

/// A client that misses events because of a filter or the token's rights sees the reason here.
#[tokio::test(flavor = "multi_thread")]
async fn subscribers_says_which_events_a_subscriber_gets() {
    let token = "friends-friends-friends";
    let gateway = Gateway::start_with(|settings| {
        let lines = format!("friends {token} commands=Sns.*\nboss boss-boss-boss-boss admin\n");
        settings.grpc_access = callback_gateway::testing::access::Access::parse(&lines).unwrap();
    })
    .await;
    let address = gateway.addresses.grpc;
    let with = |token: &str, args: &[&str]| {
        let mut command = command(address, args);
        command.env("CALLBACK_GATEWAY_CLIENT_TOKEN", token);
        command
    };
    let list = async |args: &[&str]| {
        run(&mut with("boss-boss-boss-boss", &[&["subscribers"], args].concat())).await.good()
    };
    store(&gateway, "A.B", "{}").await;
    let none = run(&mut with(token, &["recent"])).await;
    assert_eq!(none.good(), "");
    let said = "none that the token may read; the log is complete since ";
    assert!(
        none.stderr().starts_with(said),
        "the notice does not deny events that other clients may read: {none:?}"
    );

    let mut tails = Vec::new();
    for (streams, args) in [(1, &["tail"][..]), (2, &["tail", "--account", NASTY, "--account", "al"])] {
        tails.push(people::Running::start(&mut with(token, args)));
        soon(async { while list(&["--json"]).await.lines().count() < streams {} }).await;
    }
    let table = list(&[]).await;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert!(lines[1].contains("live") && lines[3].contains("live"), "{table}");
    assert_eq!(lines[2], "  only command Sns.*");
    assert!(lines[4].starts_with("  only command Sns.*, account ") && lines[4].contains("al"), "{table}");
    assert!(!is_nasty(&table), "{table:?}");
    let (_, seen) = on_a_terminal(with("boss-boss-boss-boss", &["subscribers"])).await;
    let plain = without_colours(&seen);
    assert!(plain.lines().all(|line| line.chars().count() <= 100), "{plain}");
    drop(tails);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_wrote_does_anything_to_a_terminal() {
    let gateway = Gateway::start().await;
    store(&gateway, "Sns.CallbackFriendAdd", &friend_add(NASTY, "bob")).await;
    let name = serde_json::to_string(&format!("{NASTY}x")).unwrap();
    store(&gateway, "X.Unknown", &format!("{{{name}:{name}}}")).await;
    for args in [
        &["recent"][..],
        &["tail", "--from", "earliest", "--count", "2"],
        &["tail", "--from", "earliest", "--count", "2", "--raw"],
        &["get", "1"],
        &["get", "2"],
        &["get", "2", "--raw"],
    ] {
        let (code, seen) = on_a_terminal(command(gateway.addresses.grpc, args)).await;
        assert_eq!(code, Some(0), "{args:?}: {seen}");
        let plain = without_colours(&seen).replace("\r\n", "\n");
        assert!(!is_nasty(&plain), "{args:?}: {plain:?}");
        assert!(plain.contains("1b"), "the characters are escaped: {args:?}: {plain:?}");
    }
    for args in [
        &["recent", "--json", "--raw"][..],
        &["tail", "--from", "earliest", "--count", "2", "--json", "--raw"],
        &["get", "1", "--json"],
        &["export"],
    ] {
        let ran = ask(&gateway, args).await;
        assert!(!is_nasty(&ran.stdout()), "{args:?}: {ran:?}");
        let events = ran.json_lines();
        assert_eq!(events[0]["snsFriendAdd"]["PairList"][0]["From_Account"], NASTY, "{args:?}");
        assert_eq!(events[0]["rawBody"], friend_add(NASTY, "bob"));
    }
    let absent = ask(&gateway, &["recent", "--account", &NASTY[..NASTY.len() - 4]]).await;
    assert!(!is_nasty(&absent.stderr()), "{absent:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_terminals_that_want_them() {
    let gateway = Gateway::start().await;
    store(&gateway, "Sns.CallbackFriendAdd", &friend_add("alice", "bob")).await;
    let many: Vec<String> = (0..40).map(|n| format!("\"user{n}\"")).collect();
    store(&gateway, "A.B", &format!("{{\"Long\":[{}],\"Text\":\"{}\"}}", many.join(","), "x".repeat(100)))
        .await;
    for args in [
        &["recent"][..],
        &["get", "1"],
        &["status"],
        &["subscribers"],
        &["tail", "--from", "earliest", "--count", "1"],
    ] {
        let (code, seen) = on_a_terminal(command(gateway.addresses.grpc, args)).await;
        assert!(code == Some(0) && seen.contains("\u{1b}["), "{args:?}: {seen}");
        let mut without = command(gateway.addresses.grpc, args);
        without.env("NO_COLOR", "1");
        let (_, seen) = on_a_terminal(without).await;
        assert!(!seen.contains('\u{1b}'), "{args:?}: {seen}");
        let piped = ask(&gateway, args).await;
        assert!(
            !piped.good().contains('\u{1b}') && !piped.stderr().contains('\u{1b}'),
            "{args:?}: {piped:?}"
        );
    }
    // The table fits the terminal. A pipe receives the full width.
    let (_, seen) = on_a_terminal(command(gateway.addresses.grpc, &["recent"])).await;
    let plain = without_colours(&seen);
    assert!(plain.lines().all(|line| line.chars().count() <= 100) && plain.contains('…'), "{plain}");
    assert!(ask(&gateway, &["recent"]).await.good().contains(&"x".repeat(100)));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gateway_does_not_take_is_named_by_its_option() {
    let gateway = Gateway::start().await;
    for (args, message) in [
        (&["recent", "--since", "1m", "--until", "2m"][..], "--until must be after --since"),
        (&["recent", "--account", ""], "--account: entry 0 must be"),
        (&["recent", "--group", ""], "--group: entry 0 must be"),
        (&["tail", "--command", "???"], "--command: entry 0 must be a command"),
        (&["tail", "--app", "0"], "--app: 0 is no SDKAppID"),
    ] {
        let ran = ask(&gateway, args).await;
        assert_eq!(ran.code(), Some(64), "{ran:?}");
        assert!(ran.stderr().starts_with(&format!("error: {message}")), "{ran:?}");
    }
    gateway.stop().await;
}

/// Standard output is a full disk, or it is closed. Only a closed pipe is not an error.
#[tokio::test(flavor = "multi_thread")]
async fn output_that_cannot_be_written_is_an_error() {
    let gateway = Gateway::start().await;
    store(&gateway, "A.B", "{}").await;
    gateway.post("A..B", "{}").await;
    let (_subscriber, _) = Subscriber::open(&mut gateway.client().await, latest()).await.unwrap();
    let url = format!("http://{}/", gateway.addresses.http);
    let send =
        ["send", "friend-add", "--sdk-app-id", "1400000000", "--from", "a", "--to", "b", "--url", &url];
    let many = [&send[..], &["--count", "2"]].concat();
    let refused = [&send[..3], &["7"], &send[4..]].concat();
    let pages = tempfile::TempDir::new().unwrap();
    for args in [
        &["check-config", "--sdk-app-id", "1"][..],
        &["print-config"],
        &["recent"],
        &["recent", "--json"],
        &["get", "1"],
        &["get", "1", "--raw"],
        &["get", "1", "--json"],
        &["tail", "--from", "earliest", "--count", "1"],
        &["tail", "--from", "earliest", "--count", "1", "--raw"],
        &["tail", "--from", "earliest", "--count", "1", "--json"],
        &["export"],
        &["export", "--format", "protobuf"],
        &["subscribers"],
        &["refusals"],
        &["status"],
        &["status", "--json"],
        &send,
        &many,
        &["completions", "bash"],
        &["completions", "zsh"],
        &["completions", "fish"],
        &["man"],
        &["man", "--dir", &pages.path().to_string_lossy()],
        &["subscribers", "--json"],
        &["refusals", "--json"],
        &["--help"],
        &["--version"],
        &["send", "friend-add", "--help"],
    ] {
        let (code, said) = into_a_full_disk(command(gateway.addresses.grpc, args)).await;
        assert_eq!(code, Some(1), "{args:?}: {said}");
        let problem = "error: cannot write to standard output: No space left on device";
        assert!(said.starts_with(problem), "{args:?}: {said}");

        for redirection in [">&-", "1</dev/null"] {
            let (code, said) = redirected(redirection, command(gateway.addresses.grpc, args)).await;
            assert_eq!(code, Some(1), "{redirection} {args:?}: {said}");
            let problem = "error: standard output is closed or read-only; ";
            assert!(said.starts_with(problem), "{redirection} {args:?}: {said}");
        }
    }
    // Output to `/dev/null` succeeds in both open modes.
    for options in [std::fs::File::options().write(true), std::fs::File::options().read(true).write(true)] {
        let mut status = command(gateway.addresses.grpc, &["status"]);
        let null = options.open("/dev/null").unwrap();
        let ended = tokio::task::spawn_blocking(move || status.stdout(null).status().unwrap());
        assert!(soon(ended).await.unwrap().success());
    }
    // The result of the command takes precedence over the failed write.
    for args in [&refused[..], &[&refused[..], &["--count", "2"]].concat()] {
        let (code, said) = into_a_full_disk(command(gateway.addresses.grpc, args)).await;
        assert!(code == Some(1) && said.contains("not "), "{said}");
        let mut sending = people::Running::start(&mut command(gateway.addresses.grpc, args));
        drop(sending.out.take());
        let (code, said) = sending.ended().await;
        assert!(code == Some(1) && said.contains("not "), "{said}");
    }
    gateway.stop().await;
}

/// Runs a command with a redirection of standard output, such as `COMMAND >&-`.
async fn redirected(redirection: &str, command: std::process::Command) -> (Option<i32>, String) {
    let ran = run(&mut people::in_shell(&format!(r#"exec "$0" "$@" {redirection}"#), &command)).await;
    assert_eq!(ran.stdout(), "");
    (ran.code(), ran.stderr())
}

async fn into_a_full_disk(mut command: std::process::Command) -> (Option<i32>, String) {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let child = command.stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    let output = soon(ended).await.unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_gateway_says_what_to_look_at() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    for args in
        [&["recent"][..], &["get", "1"], &["status"], &["subscribers"], &["refusals"], &["tail"], &["export"]]
    {
        let ran = run(&mut command(nobody, args)).await;
        assert_eq!(ran.code(), Some(1), "{args:?}");
        assert!(ran.stderr().contains("check that the gateway runs"), "{ran:?}");
    }
}
