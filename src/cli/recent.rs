//! `recent`: stored events as a table.

use pbjson_types::Timestamp;

use super::{
    Failure,
    connect::{Connection, Gateway},
    event_text,
    filter::Filter,
    output,
    table::{Cell, DIM, Table},
    text::{self, order},
};
use crate::proto::{Event, ListEventsRequest, ListRefusalsRequest};

/// Most events that are asked for at once.
const PAGE_SIZE: usize = 1000;
/// Of each reason the gateway remembers so many refusals.
const REMEMBERED_REFUSALS: usize = 50;

/// List recent events, the newest last
#[derive(Debug, clap::Args)]
#[command(after_help = "What a row says is shortened: `get SEQUENCE` shows the whole event.

Examples:
  callback-gateway recent --since 1h
  callback-gateway recent --account alice --since 2026-11-22T08:00:00Z --limit 1000
  callback-gateway recent --command 'Group.*' --json | jq -r .cursor")]
pub(super) struct Recent {
    /// Show at most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only events received since: how long ago, such as 10m, or a time in UTC
    #[arg(long, value_name = "TIME", value_parser = text::parse_past)]
    since: Option<Timestamp>,
    /// Only events received before: how long ago, or a time in UTC
    #[arg(long, value_name = "TIME", value_parser = text::parse_past)]
    until: Option<Timestamp>,
    /// Print each event as a line of JSON
    #[arg(long)]
    json: bool,
    /// With --json: with the callback's body, byte for byte, in `rawBody`
    #[arg(long, requires = "json")]
    raw: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    connection: Connection,
}

/// What was found.
struct Found {
    /// Newest first.
    events: Vec<Event>,
    is_more: bool,
    complete_since: Option<Timestamp>,
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
        if found.events.is_empty() {
            let since = self.since.map(|since| format!(" since {}", text::time_in_seconds(Some(&since))));
            let complete = found.complete_since;
            output::notice(&format!(
                "none{}{}; the log is complete since {} ({}){}",
                self.filter.describe(),
                since.unwrap_or_default(),
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
            output::notice(&format!("there are more, older ones (--limit {})", self.limit));
        } else if let Some(time) = trimmed.filter(|_| self.since.is_some()) {
            output::notice(&format!(
                "the log is complete since {} only; of what came before, some or all is gone",
                text::time_in_seconds(Some(&time))
            ));
        }
        Ok(())
    }

    async fn find(&self, gateway: &mut Gateway) -> Result<Found, Failure> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut request = ListEventsRequest {
            filter: self.filter.message(),
            include_raw_body: self.raw,
            start_time: self.since,
            end_time: self.until,
            ..Default::default()
        };
        let mut found = Found { events: Vec::new(), is_more: false, complete_since: None };
        loop {
            // One more than is shown, to know whether there is one.
            let page_size = (limit - found.events.len()).saturating_add(1).min(PAGE_SIZE);
            request.page_size = i32::try_from(page_size).unwrap_or(i32::MAX);
            let page = gateway.events.list_events(request.clone()).await?.into_inner();
            found.complete_since = page.complete_since;
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

    /// What was refused in the time in which nothing was found. `None` where this
    /// caller may not know.
    async fn refusals(&self, gateway: &mut Gateway, found: &Found) -> Result<Option<String>, Failure> {
        let start_time = [self.since, found.complete_since].into_iter().flatten().max_by_key(order);
        let request = ListRefusalsRequest {
            reasons: Vec::new(),
            sdk_app_id: self.filter.only_app().unwrap_or(0),
            start_time,
        };
        let response = match gateway.admin.list_refusals(request).await {
            Ok(response) => response.into_inner(),
            Err(status)
                if matches!(status.code(), tonic::Code::PermissionDenied | tonic::Code::Unimplemented) =>
            {
                return Ok(None);
            }
            Err(status) => return Err(status.into()),
        };
        let is_in_time = |refusal: &&crate::proto::Refusal| match (&self.until, &refusal.time) {
            (Some(until), Some(time)) => order(time) < order(until),
            _ => true,
        };
        let refusals = response.refusals.iter().filter(is_in_time).count();
        let is_cut = response.counts.iter().any(|count| count.count > REMEMBERED_REFUSALS as u64);
        let at_least = if is_cut && refusals > 0 { "at least " } else { "" };
        // What was refused before the gateway's start is forgotten.
        let began = response
            .process_start_time
            .filter(|began| start_time.is_none_or(|start| order(&start) < order(began)));
        let time = match began {
            Some(_) => format!("since the gateway began to run, {}", text::ago_or_dash(began.as_ref())),
            None => "in that time".to_owned(),
        };
        let look = if refusals > 0 { " (callback-gateway refusals)" } else { "" };
        Ok(Some(format!("; {at_least}{} {time}{look}", text::count(refusals as u64, "refusal"))))
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
