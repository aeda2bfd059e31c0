//! `status`: shows the state of the log and of each app's callbacks.

use std::io::Write as _;

use super::{
    Failure,
    connect::Connection,
    follow, output,
    refusals::reason_name,
    table::{BAD, Cell, DIM, GOOD, HEADING, NOTE, Table},
    text,
};
use crate::proto::{AppStatus, GetLogStatusRequest, GetLogStatusResponse, LogState};

/// Show whether callbacks can be stored, the extent of the log, and the last callbacks of each app
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// Print the status as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Status {
    pub(super) fn run(self) -> Result<(), Failure> {
        let status = self.connection.run(async |mut gateway| {
            Ok(gateway.admin.get_log_status(GetLogStatusRequest {}).await?.into_inner())
        })?;
        if self.json {
            return output::json_line(&status);
        }
        write_log(&status)?;
        if status.apps.is_empty() {
            return Ok(());
        }
        writeln!(anstream::stdout())?;
        let mut table = Table::new(&["APP", "SIGNED", "STORED", "LAST", "REFUSED", "LAST", "WHY"]);
        for app in &status.apps {
            table.row(row(app));
        }
        output::table(&table)
    }
}

/// Maximum gaps that are shown.
const SHOWN_GAPS: usize = 3;

fn write_log(status: &GetLogStatusResponse) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let mut line = |name: &str, cell: (anstyle::Style, String)| {
        let (style, value) = cell;
        writeln!(out, "{HEADING}{name:<11}{HEADING:#}{style}{}{style:#}", text::escape(&value))
    };
    let plain = anstyle::Style::new();
    let state = match status.state() {
        LogState::Writable => (GOOD, "can be stored".to_owned()),
        LogState::Recovering if !status.state_reason.is_empty() => {
            (BAD, format!("cannot be stored: {}", status.state_reason))
        }
        LogState::Recovering if status.backend == "nats" => (
            BAD,
            "cannot be stored: NATS does not accept writes at the moment (see the gateway's log)".to_owned(),
        ),
        LogState::Recovering => (
            BAD,
            "cannot be stored: the log is recovering from a write error, or a write takes too long (is the disk full? \
             see the gateway's log)"
                .to_owned(),
        ),
        LogState::Closed => (BAD, "cannot be stored: the gateway is shutting down".to_owned()),
        LogState::Unspecified => (plain, "?".to_owned()),
    };
    line("callbacks", state)?;
    let held = match (status.oldest_sequence, status.latest_sequence) {
        (0, 0) => "no event yet".to_owned(),
        (0, latest) => format!("no events left; the last one was {latest}"),
        (oldest, latest) => format!("events {oldest} to {latest}"),
    };
    line("log", (plain, format!("{held}, {} ({})", text::size(status.bytes), status.backend)))?;
    let moment = |time: Option<&crate::proto::well_known::Timestamp>| {
        time.map(|_| format!("{} ({})", text::ago_or_dash(time), text::time_in_seconds(time)))
    };
    for (name, time) in [("oldest", &status.oldest_receive_time), ("newest", &status.latest_receive_time)] {
        if let Some(moment) = moment(time.as_ref()) {
            line(name, (plain, moment))?;
        }
    }
    if status.lost_events > 0 {
        let lost = format!(
            "{}: {}",
            text::count(status.lost_events, "event"),
            status.gaps.iter().take(SHOWN_GAPS).map(follow::gone).collect::<Vec<_>>().join("; ")
        );
        let more = status.gaps.len().saturating_sub(SHOWN_GAPS);
        let more = if more > 0 { format!("; and {more} more gaps (--json)") } else { String::new() };
        line("lost", (BAD, lost + &more))?;
    }
    if status.damaged_stores > 0 {
        let count = text::count(status.damaged_stores.into(), "store");
        line(
            "damaged",
            (BAD, format!("{count} set aside; run `callback-gateway repair` to recover readable events")),
        )?;
    }
    let index = status.index_sequence.map(|end| status.latest_sequence.saturating_add(1).saturating_sub(end));
    let index = match index {
        None => (DIM, "none".to_owned()),
        Some(0) => (plain, "up to date".to_owned()),
        Some(behind) => {
            (NOTE, format!("{} behind; searches of these do not use it", text::count(behind, "event")))
        }
    };
    line("index", index)?;
    let epoch =
        format!("{}, began {}", status.epoch, moment(status.epoch_start.as_ref()).unwrap_or_default());
    line("epoch", (plain, epoch))?;
    if let Some(moment) = moment(status.process_start_time.as_ref()) {
        line("process", (plain, format!("began {moment}")))?;
    }
    if !status.replica.is_empty() {
        line("replica", (plain, status.replica.clone()))?;
    }
    Ok(())
}

fn row(app: &AppStatus) -> [Cell; 7] {
    let is_refused_last = match (&app.last_refusal_time, &app.last_accept_time) {
        (Some(refused), Some(accepted)) => text::order(refused) > text::order(accepted),
        (refused, _) => refused.is_some(),
    };
    let why = match app.last_refusal_time {
        Some(_) => Cell::new(if is_refused_last { BAD } else { DIM }, reason_name(app.last_refusal_reason)),
        None => "-".into(),
    };
    [
        app.sdk_app_id.to_string().into(),
        if app.is_verified { "must be".into() } else { Cell::new(NOTE, "no token") },
        app.accepted.to_string().into(),
        text::ago_or_dash(app.last_accept_time.as_ref()).into(),
        app.refused.to_string().into(),
        text::ago_or_dash(app.last_refusal_time.as_ref()).into(),
        why,
    ]
}
