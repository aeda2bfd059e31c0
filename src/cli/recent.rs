//! `recent`: stored events as a table.

use crate::proto::well_known::Timestamp;

use callback_gateway_client::Services;

use super::{
    Failure,
    connect::Connection,
    event_text,
    filter::Filter,
    follow, output,
    table::{Cell, DIM, Table},
    text::{self, order},
};
use crate::proto::{Event, Gap, ListEventsRequest, ListRefusalsRequest, ListRefusalsResponse, Refusal};

/// Maximum events of one request.
const PAGE_SIZE: usize = 1000;

/// List recent events, newest last
#[derive(Debug, clap::Args)]
#[command(after_help = "Rows are abbreviated. `get SEQUENCE` shows the whole event.

Examples:
  callback-gateway recent --since 1h
  callback-gateway recent --account alice --since 2026-11-22T08:00:00Z --limit 1000
  callback-gateway recent --command 'Group.*' --json | jq -r .cursor")]
pub(super) struct Recent {
    /// Maximum number of events, the newest
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only events received since this time: an age such as 10m, or a time in UTC
    #[arg(long, value_name = "TIME", value_parser = text::parse_past)]
    since: Option<Timestamp>,
    /// Only events received before this time: an age such as 10m, or a time in UTC
    #[arg(long, value_name = "TIME", value_parser = text::parse_past)]
    until: Option<Timestamp>,
    /// Print each event as a line of JSON
    #[arg(long)]
    json: bool,
    /// With --json: add the callback's body, byte for byte, as `rawBody`
    #[arg(long, requires = "json")]
    raw: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    connection: Connection,
}

/// Result of the search.
#[derive(Debug, Default)]
struct Found {
    /// Newest first.
    events: Vec<Event>,
    is_more: bool,
    /// Events that could not be compared with the filter.
    unmatched: u64,
    complete_since: Option<Timestamp>,
    /// Lost events, newest first.
    gaps: Vec<Gap>,
}

impl Recent {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (found, refusals) = self.connection.run(async |mut gateway| {
            let found = self.find(&mut gateway).await?;
            let refusals =
                if found.events.is_empty() { self.refusals(&mut gateway, &found).await? } else { None };
            Ok((found, refusals))
        })?;
        let is_bounded = |time: &Timestamp| self.since.is_none_or(|since| order(&since) < order(time));
        let trimmed = found.complete_since.filter(is_bounded);
        if found.unmatched > 0 {
            output::notice(&follow::unmatched(found.unmatched));
        }
        found.gaps.iter().rev().for_each(|gap| output::notice(&follow::gone(gap)));
        if found.events.is_empty() {
            // A caller without a token may read all events.
            let may_read = if self.connection.has_token() { " that the token may read" } else { "" };
            let bound = |name: &str, time: Option<Timestamp>| {
                time.map(|time| format!(" {name} {}", text::time_in_seconds(Some(&time)))).unwrap_or_default()
            };
            let complete = found.complete_since;
            output::notice(&format!(
                "none{may_read}{}{}{}; the log is complete since {} ({}){}",
                self.filter.describe(),
                bound("since", self.since),
                bound("before", self.until),
                text::time_in_seconds(complete.as_ref()),
                text::ago_or_dash(complete.as_ref()),
                refusals.unwrap_or_default()
            ));
            return Ok(());
        }
        let events = found.events.iter().rev();
        if self.json {
            events.clone().try_for_each(output::json_line)?;
        } else {
            let mut table = Table::new(&["TIME", "SEQUENCE", "APP", "COMMAND", "WHAT"]);
            events.for_each(|event| table.row(row(event)));
            output::table(&table)?;
        }
        if found.is_more {
            output::notice(&format!("older events were omitted (--limit {})", self.limit));
        } else if let Some(time) = trimmed.filter(|_| self.since.is_some()) {
            output::notice(&format!(
                "the log is complete since {} only; earlier events may be missing: retention removed them, or the log did \
                 not exist yet",
                text::time_in_seconds(Some(&time))
            ));
        }
        Ok(())
    }

    async fn find(&self, gateway: &mut Services) -> Result<Found, Failure> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut request = ListEventsRequest {
            filter: self.filter.message(),
            include_raw_body: self.raw,
            start_time: self.since,
            end_time: self.until,
            ..Default::default()
        };
        let mut found = Found::default();
        loop {
            // Request one more than is shown, to know whether there are more.
            let page_size = (limit - found.events.len()).saturating_add(1).min(PAGE_SIZE);
            request.page_size = i32::try_from(page_size).unwrap_or(i32::MAX);
            let page = gateway.events.list_events(request.clone()).await?.into_inner();
            found.complete_since = page.complete_since;
            found.unmatched += page.unmatched_events;
            found.gaps.extend(page.gaps);
            found.events.extend(page.events);
            if found.events.len() > limit {
                found.events.truncate(limit);
                found.is_more = true;
                return Ok(found);
            }
            if page.next_page_token.is_empty() {
                return Ok(found);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Describes the refusals in the time range without events. `None` if this caller may not list refusals.
    async fn refusals(&self, gateway: &mut Services, found: &Found) -> Result<Option<String>, Failure> {
        // List all refusals: older ones show how far back the gateway remembers.
        let response = match gateway.admin.list_refusals(ListRefusalsRequest::default()).await {
            Ok(response) => response.into_inner(),
            Err(status)
                if matches!(status.code(), tonic::Code::PermissionDenied | tonic::Code::Unimplemented) =>
            {
                return Ok(None);
            }
            Err(status) => return Err(status.into()),
        };
        let start = [self.since, found.complete_since].into_iter().flatten().max_by_key(order);
        let range = Range { start, end: self.until };
        Ok(Some(format!("; {}", refused(&response, &range, self.filter.only_app()))))
    }
}

/// Time range: from `start`, to before `end`.
struct Range {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Range {
    fn begins_by(&self, time: &Timestamp) -> bool {
        self.start.is_none_or(|start| order(&start) <= order(time))
    }

    fn has(&self, time: &Timestamp) -> bool {
        self.begins_by(time) && self.end.is_none_or(|end| order(time) < order(&end))
    }
}

/// Describes how many callbacks were refused, as far as the gateway remembers: of all apps or of one.
fn refused(response: &ListRefusalsResponse, range: &Range, app: Option<u32>) -> String {
    let began = response.process_start_time;
    let ago = text::ago_or_dash(began.as_ref());
    if let (Some(began), Some(end)) = (&began, &range.end)
        && order(end) <= order(began)
    {
        return format!("refusals before the start of the gateway, {ago}, are unknown");
    }
    let is_of_app = |refusal: &&Refusal| app.is_none_or(|app| refusal.sdk_app_id == app);
    let is_in_time = |refusal: &&Refusal| refusal.time.as_ref().is_some_and(|time| range.has(time));
    let count = response.refusals.iter().filter(is_of_app).filter(is_in_time).count() as u64;
    // The gateway forgets the oldest refusals of a reason first. They may be in the range, unless a
    // remembered one is older.
    let may_be_more = response.counts.iter().any(|of| {
        let remembered = response.refusals.iter().filter(|refusal| refusal.reason == of.reason);
        let oldest = remembered.clone().filter_map(|refusal| refusal.time).min_by_key(order);
        of.count > remembered.count() as u64 && oldest.is_none_or(|oldest| range.begins_by(&oldest))
    });
    let time = match began.filter(|began| range.start.is_none_or(|start| order(&start) < order(began))) {
        None => "in that time".to_owned(),
        // Refusals before that are forgotten.
        Some(_) if range.end.is_some() => format!("in that time since the start of the gateway, {ago}"),
        Some(_) => format!("since the start of the gateway, {ago}"),
    };
    // Other gateways that share the log have their own refusals.
    let by = match response.replica.as_str() {
        "" => String::new(),
        name => format!(" by the gateway {name}"),
    };
    match (count, may_be_more) {
        (0, true) => format!(
            "the number of refusals {time} is unknown: the gateway remembers only the last ones of each reason \
             (callback-gateway refusals)"
        ),
        (0, false) => format!("0 refusals{by} {time}"),
        (count, _) => {
            let at_least = if may_be_more { "at least " } else { "" };
            format!("{at_least}{}{by} {time} (callback-gateway refusals)", text::count(count, "refusal"))
        }
    }
}

fn row(event: &Event) -> [Cell; 5] {
    [
        Cell::new(DIM, text::ago_or_dash(event.receive_time.as_ref())),
        event.sequence.to_string().into(),
        event.sdk_app_id.to_string().into(),
        Cell::new(event_text::command_style(event), &event.command),
        event_text::summary(event).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{RefusalCount, RefusalReason};

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    /// Returns the text for a gateway that began at 100 and remembers the last three of five refusals.
    fn said(start: i64, end: Option<i64>, app: Option<u32>) -> String {
        let reason = RefusalReason::SignWrong.into();
        let refusal = |seconds| Refusal { time: at(seconds), reason, sdk_app_id: 7, ..Refusal::default() };
        let response = ListRefusalsResponse {
            refusals: [500, 400, 300].map(refusal).into(),
            counts: vec![RefusalCount { reason, count: 5 }],
            process_start_time: at(100),
            replica: "a".to_owned(),
        };
        refused(&response, &Range { start: at(start), end: end.and_then(at) }, app)
    }

    #[test]
    fn forgotten_refusals_are_not_reported_as_none() {
        let unknown = "the number of refusals in that time is unknown: ";
        assert!(said(200, Some(300), None).starts_with(unknown));
        assert!(said(200, None, Some(8)).starts_with(unknown));
        assert!(said(200, Some(301), None).starts_with("at least 1 refusal by the gateway a in that time ("));
        assert!(said(301, None, None).starts_with("2 refusals by the gateway a in that time ("));
        assert_eq!(said(301, Some(400), None), "0 refusals by the gateway a in that time");
        assert_eq!(said(301, None, Some(8)), "0 refusals by the gateway a in that time");
    }

    #[test]
    fn refusals_before_the_process_are_not_reported_as_none() {
        assert!(said(50, Some(100), None).starts_with("refusals before the start of the gateway, "));
        let some = "at least 1 refusal by the gateway a in that time since the start of the gateway";
        assert!(said(50, Some(350), None).starts_with(some));
        let since = "at least 3 refusals by the gateway a since the start of the gateway, ";
        assert!(said(50, None, None).starts_with(since));
    }
}
