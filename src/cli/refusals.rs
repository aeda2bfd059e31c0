//! `refusals`: lists refused callbacks and the reasons.

use std::{collections::BTreeSet, io::Write as _};

use crate::proto::well_known::Timestamp;

use super::{
    Failure,
    connect::Connection,
    output,
    table::{BAD, Cell, DIM, HEADING, Table},
    text,
};
use crate::proto::{ListRefusalsRequest, ListRefusalsResponse, Refusal, RefusalReason};

const PREFIX: &str = "REFUSAL_REASON_";

/// List refused callbacks with reasons and remedies
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The newest are last. The gateway remembers the last 50 of each reason until it restarts. Each of
several gateways has its own.

Examples:
  callback-gateway refusals --since 1h
  callback-gateway refusals --reason SIGN_WRONG --app 1400000000"
)]
pub(super) struct Refusals {
    /// Reason, such as SIGN_WRONG. Repeatable
    #[arg(long = "reason", value_name = "REASON", value_parser = parse_reason)]
    reasons: Vec<RefusalReason>,
    /// SDKAppID in the callback's URL
    #[arg(long, value_name = "N")]
    app: Option<u32>,
    /// Only refusals since this time: an age such as 10m, or a time in UTC
    #[arg(long, value_name = "TIME", value_parser = text::parse_past)]
    since: Option<Timestamp>,
    /// Maximum number of refusals, the newest
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print each as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Returns a reason's name without its prefix, or the number of an unknown one.
pub(super) fn reason_name(reason: i32) -> String {
    match RefusalReason::try_from(reason) {
        Ok(reason) => reason.as_str_name().trim_start_matches(PREFIX).to_owned(),
        Err(_) => format!("reason {reason}"),
    }
}

fn parse_reason(name: &str) -> Result<RefusalReason, String> {
    let known =
        RefusalReason::from_str_name(&format!("{PREFIX}{}", name.to_ascii_uppercase().replace('-', "_")));
    known.filter(|&reason| reason != RefusalReason::Unspecified).ok_or_else(|| {
        let all = (1..).map_while(|number| RefusalReason::try_from(number).ok());
        let names: Vec<String> = all.map(|reason| reason_name(reason.into())).collect();
        format!("use one of {}", names.join(", "))
    })
}

impl Refusals {
    pub(super) fn run(self) -> Result<(), Failure> {
        let request = ListRefusalsRequest {
            reasons: self.reasons.iter().map(|&reason| reason.into()).collect(),
            sdk_app_id: self.app.unwrap_or(0),
            start_time: self.since,
        };
        let mut response = self
            .connection
            .run(async |mut gateway| Ok(gateway.admin.list_refusals(request).await?.into_inner()))?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let left_out = response.refusals.len().saturating_sub(limit);
        response.refusals.truncate(limit);
        response.refusals.reverse();
        if self.json {
            return response.refusals.iter().try_for_each(output::json_line);
        }
        let start = text::ago_or_dash(response.process_start_time.as_ref());
        let gateway = match response.replica.as_str() {
            "" => "the gateway".to_owned(),
            name => format!("the gateway {name}"),
        };
        if response.refusals.is_empty() {
            // Later refusals with the same reason may have displaced the matching ones.
            let what = if response.counts.is_empty() {
                "none"
            } else {
                "no match among the last 50 refusals of each reason, which the gateway remembers"
            };
            output::notice(&format!("{what}; {gateway} started {start}{}", counts(&response)));
            return Ok(());
        }
        let mut table =
            Table::new(&["TIME", "REASON", "HTTP", "APP", "COMMAND", "SIZE", "SKEW", "PEER", "WHERE"]);
        for refusal in &response.refusals {
            table.row(row(refusal));
        }
        output::table(&table)?;
        if left_out > 0 {
            output::notice(&format!("{left_out} older refusals were omitted (--limit)"));
        }
        let mut out = anstream::stdout().lock();
        writeln!(out)?;
        for (reason, remedy) in remedies(&response.refusals) {
            writeln!(out, "{HEADING}{}{HEADING:#}: {}", text::escape(&reason), text::escape(remedy))?;
        }
        writeln!(out)?;
        let since = format!("T{} started {start}{}", &gateway[1..], counts(&response));
        Ok(writeln!(out, "{DIM}{}{DIM:#}", text::escape(&since))?)
    }
}

/// Returns the total of each reason, the most frequent first.
fn counts(response: &ListRefusalsResponse) -> String {
    let mut counts: Vec<_> = response.counts.iter().collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.count));
    let counts: Vec<String> =
        counts.iter().map(|count| format!("{} {}", count.count, reason_name(count.reason))).collect();
    if counts.is_empty() { String::new() } else { format!("; refused since then: {}", counts.join(", ")) }
}

/// Returns the gateway's response text for each reason.
fn remedies(refusals: &[Refusal]) -> BTreeSet<(String, &str)> {
    refusals.iter().map(|refusal| (reason_name(refusal.reason), refusal.error_info.as_str())).collect()
}

fn row(refusal: &Refusal) -> [Cell; 9] {
    let or_dash = |text: String| if text.is_empty() { "-".into() } else { Cell::from(text) };
    let app = Some(refusal.sdk_app_id).filter(|&app| app > 0);
    [
        Cell::new(DIM, text::ago_or_dash(refusal.time.as_ref())),
        Cell::new(BAD, reason_name(refusal.reason)),
        refusal.http_status.to_string().into(),
        or_dash(app.map(|app| app.to_string()).unwrap_or_default()),
        or_dash(refusal.command.clone()),
        or_dash(refusal.body_bytes.map(text::size).unwrap_or_default()),
        or_dash(refusal.clock_skew.as_ref().map(skew).unwrap_or_default()),
        or_dash(refusal.peer.clone()),
        or_dash(refusal.detail.clone()),
    ]
}

/// Describes the offset of the sender's clock: `3m 2s behind`.
fn skew(skew: &crate::proto::well_known::Duration) -> String {
    let is_behind = skew.seconds < 0 || skew.nanos < 0;
    let positive = crate::proto::well_known::Duration {
        seconds: skew.seconds.saturating_abs(),
        nanos: skew.nanos.saturating_abs(),
    };
    let span = text::duration(text::span(Some(&positive)));
    format!("{span} {}", if is_behind { "behind" } else { "ahead" })
}
