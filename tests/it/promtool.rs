//! Checks metrics and alerts with Prometheus' own tool, and checks that the dashboard and the alerts use
//! existing metrics.
//!
//! `./scripts/test` installs promtool. Where it cannot, it reports so and adds promtool to
//! CALLBACK_GATEWAY_TESTS_WITHOUT.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use crate::support::*;
use callback_gateway::testing::{
    callback::signature::{Token, Tokens},
    event::Timestamp,
};
use imcallback::{SubscribeRequest, subscribe_response::Frame};

/// Returns promtool, or `None` where `./scripts/test` reported that these tests are skipped.
fn promtool() -> Option<Command> {
    (!is_without("promtool")).then(|| Command::new(tools::tool("bin/promtool")))
}

fn prometheus(file: &str) -> PathBuf {
    package().join("deploy/prometheus").join(file)
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

/// Returns a scrape after traffic of every kind, so that each metric has a value.
async fn scrape() -> String {
    let gateway = Gateway::start_with(|settings| {
        settings.sdk_app_ids.push(7);
        settings.tokens = Tokens::parse("7 t0ken-of-the-test").unwrap();
    })
    .await;
    let time = Timestamp::now().seconds_and_nanos().0;
    let sign = Token::new("t0ken-of-the-test").unwrap().sign(&time.to_string());
    let mut http = Http::connect(gateway.addresses.http).await;
    http.send(format!(
        "POST /?SdkAppid=7&CallbackCommand=A.B&Sign={sign}&RequestTime={time} HTTP/1.1\r\nHost: x\r\n\
         Content-Length: 2\r\n\r\n{{}}"
    ))
    .await;
    assert!(http.answer().await.is_stored());
    assert!(gateway.post("Sns.CallbackFriendAdd", FRIEND_ADD).await.is_stored());
    assert_eq!(gateway.post("Sns..CallbackFriendAdd", "{}").await.status, 400);
    let mut client = gateway.client().await;
    let mut open = Vec::new();
    for name in ["orders", "search"] {
        let request = SubscribeRequest { subscriber: name.to_owned(), ..earliest() };
        let (mut subscriber, _) = Subscriber::open(&mut client, request).await.unwrap();
        while !matches!(subscriber.frame().await.unwrap(), Frame::CaughtUp(_)) {}
        open.push(subscriber);
    }
    drop(open.pop());
    let text = soon(async {
        loop {
            let text = get(gateway.addresses.admin, "/metrics").await.body;
            if text.contains("callback_gateway_subscriber_departed_seconds{") {
                break text;
            }
        }
    })
    .await;
    drop(open);
    gateway.stop().await;
    text
}

#[tokio::test]
async fn promtool_finds_no_fault_with_a_real_scrape() {
    let Some(mut promtool) = promtool() else { return };
    let text = scrape().await;
    let mut child = promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && said(&output).is_empty(), "{}\n{text}", said(&output));
}

#[test]
fn the_alerts_are_rules_and_fire_when_they_should() {
    for (args, file) in [(["check", "rules"], "alerts.yaml"), (["test", "rules"], "alerts_test.yaml")] {
        let Some(mut promtool) = promtool() else { return };
        let output = promtool.args(args).arg(prometheus(file)).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    let alerts = fs::read_to_string(prometheus("alerts.yaml")).unwrap();
    let tests = fs::read_to_string(prometheus("alerts_test.yaml")).unwrap();
    let names: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(names.len(), 15);
    for name in names {
        assert!(
            tests.matches(&format!("alertname: {name}\n")).count() >= 2,
            "the tests of {name} cover both a firing and a silent alert"
        );
    }
}

/// Returns the names of metrics in a text: the gateway's and the process metrics.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("callback_gateway_") || word.starts_with("process_")).collect()
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_use_existing_metrics() {
    let text = scrape().await;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let scraped: BTreeSet<_> = lines.map(|line| line.split(['{', ' ']).next().unwrap()).collect();
    let json = fs::read_to_string(package().join("deploy/grafana/callback-gateway.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&json).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has a unique ID");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    let alerts = fs::read_to_string(prometheus("alerts.yaml")).unwrap();
    let asked: Vec<_> = expressions.iter().copied().chain([alerts.as_str()]).flat_map(metrics_in).collect();
    assert!(asked.len() > 30);
    for name in asked {
        assert!(scraped.contains(name), "{name} is not in\n{text}");
    }
    // Expressions are checked too: as rules, with Grafana's variables replaced.
    let Some(mut promtool) = promtool() else { return };
    let rules = expressions.iter().enumerate().map(|(number, expression)| {
        let filled = expression.replace("$__rate_interval", "5m").replace("$instance", ".*");
        format!(
            "      - record: dashboard:panel:r{number}\n        expr: {}\n",
            serde_json::to_string(&filled).unwrap()
        )
    });
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("rules.yaml");
    let rules = format!("groups:\n  - name: dashboard\n    rules:\n{}", rules.collect::<String>());
    fs::write(&file, &rules).unwrap();
    let output = promtool.args(["check", "rules"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}\n{rules}", said(&output));
}
