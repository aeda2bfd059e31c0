//! Conversions between messages of the API and types of the gateway. A wrong field of a request is INVALID_ARGUMENT, with the
//! name of the field and the remedy.

use std::{collections::BTreeSet, time::Duration};

use tonic::Status;

use super::status::{self, invalid};
use crate::{
    delivery::subscription::{Filter, FilterLists, Gap, GapReason, OnGap, Start},
    event::{Cursor, CursorError, Lane, Timestamp},
    log::{Cause, Order},
    observe::metrics::{OTHER, UNNAMED},
    proto::{
        self, CallbackKind, ErrorReason, EventFilter, GapPolicy, LaneSelector, ListOrder, RefusalReason,
        subscribe_request,
    },
};

/// Heartbeat interval of requests without one.
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(15);
const MIN_HEARTBEAT: Duration = Duration::from_secs(1);
const MAX_HEARTBEAT: Duration = Duration::from_secs(60);

const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 1000;

/// Length of the longest name of a subscriber.
const MAX_SUBSCRIBER_BYTES: usize = 64;

pub(super) fn start(start: Option<subscribe_request::Start>) -> Result<Start, Status> {
    Ok(match start {
        None | Some(subscribe_request::Start::Latest(_)) => Start::Latest,
        Some(subscribe_request::Start::Earliest(_)) => Start::Earliest,
        Some(subscribe_request::Start::AfterCursor(text)) => Start::After(cursor(
            "after_cursor",
            &text,
            "; pass the cursor unchanged, or start with earliest or latest",
        )?),
        Some(subscribe_request::Start::AtTime(at)) => Start::At(time("at_time", at)?),
    })
}

/// Parses a cursor. Appends `remedy` to an error text that has none.
pub(super) fn cursor(field: &str, text: &str, remedy: &str) -> Result<Cursor, Status> {
    text.parse().map_err(|problem| {
        let remedy = match problem {
            CursorError::OtherKind(_) => "",
            CursorError::Empty | CursorError::Malformed | CursorError::NewerForm => remedy,
        };
        status::with_field(ErrorReason::InvalidCursor, field, &format!("{field}: {problem}{remedy}"))
    })
}

pub(super) fn time(field: &str, time: crate::proto::well_known::Timestamp) -> Result<Timestamp, Status> {
    let nanos = u32::try_from(time.nanos).ok().filter(|&nanos| nanos < 1_000_000_000);
    nanos.and_then(|nanos| Timestamp::from_seconds_and_nanos(time.seconds, nanos)).ok_or_else(|| {
        invalid(
            field,
            &format!("{field} is not a valid time: nanos must be 0 to 999999999, and seconds in the range of a timestamp"),
        )
    })
}

pub(super) fn filter(filter: Option<&EventFilter>) -> Result<Filter, Status> {
    let Some(filter) = filter else { return Ok(Filter::default()) };
    let wrong = |field: &str, problem: &str| {
        let field = format!("filter.{field}");
        invalid(&field, &format!("{field}: {problem}"))
    };
    let kind = |&kind: &i32| {
        // Records have the number. The message has the names, which a client should use.
        CallbackKind::try_from(kind).ok().and_then(|kind| u8::try_from(kind as i32).ok()).ok_or_else(|| {
            wrong("kinds", "list CALLBACK_KIND_BEFORE, CALLBACK_KIND_AFTER or CALLBACK_KIND_UNSPECIFIED")
        })
    };
    let lists = FilterLists {
        commands: filter.commands.clone(),
        sdk_app_ids: filter.sdk_app_ids.clone(),
        accounts: filter.accounts.clone(),
        group_ids: filter.group_ids.clone(),
        kinds: filter.kinds.iter().map(kind).collect::<Result<_, _>>()?,
        lane: filter.lane.map(|LaneSelector { count, index }| Lane { count, index }),
    };
    Filter::new(lists).map_err(|problem| wrong(problem.field, &problem.to_string()))
}

/// Returns a filter as a message, or `None` if every event matches.
pub(super) fn filter_message(filter: &Filter) -> Option<EventFilter> {
    let lists = filter.lists();
    (!filter.is_empty()).then(|| EventFilter {
        commands: lists.commands,
        sdk_app_ids: lists.sdk_app_ids,
        accounts: lists.accounts,
        group_ids: lists.group_ids,
        kinds: lists.kinds.into_iter().map(i32::from).collect(),
        lane: lists.lane.map(|Lane { count, index }| LaneSelector { count, index }),
    })
}

pub(super) fn heartbeat(interval: Option<crate::proto::well_known::Duration>) -> Result<Duration, Status> {
    let Some(interval) = interval else { return Ok(DEFAULT_HEARTBEAT) };
    let parts = (u64::try_from(interval.seconds), u32::try_from(interval.nanos));
    let interval = match parts {
        (Ok(seconds), Ok(nanos)) if nanos < 1_000_000_000 => Some(Duration::new(seconds, nanos)),
        _ => None,
    };
    interval.filter(|interval| (MIN_HEARTBEAT..=MAX_HEARTBEAT).contains(interval)).ok_or_else(|| {
        invalid("heartbeat_interval", "heartbeat_interval must be 1 to 60 seconds, or unset for 15")
    })
}

pub(super) fn on_gap(policy: i32) -> Result<OnGap, Status> {
    match GapPolicy::try_from(policy) {
        Ok(GapPolicy::Unspecified | GapPolicy::Fail) => Ok(OnGap::Fail),
        Ok(GapPolicy::Skip) => Ok(OnGap::Skip),
        Err(_) => {
            Err(invalid("on_gap", "on_gap must be GAP_POLICY_FAIL or GAP_POLICY_SKIP, or unset for FAIL"))
        }
    }
}

pub(super) fn on_gap_message(on_gap: OnGap) -> GapPolicy {
    match on_gap {
        OnGap::Fail => GapPolicy::Fail,
        OnGap::Skip => GapPolicy::Skip,
    }
}

/// Returns the reasons without duplicates.
pub(super) fn refusal_reasons(reasons: &[i32]) -> Result<Vec<RefusalReason>, Status> {
    let reason = |&reason: &i32| {
        let known = RefusalReason::try_from(reason).ok();
        known.filter(|&reason| reason != RefusalReason::Unspecified).ok_or_else(|| {
            invalid("reasons", "reasons: list names of RefusalReason, without REFUSAL_REASON_UNSPECIFIED")
        })
    };
    let reasons = reasons.iter().map(reason).collect::<Result<BTreeSet<_>, _>>()?;
    Ok(reasons.into_iter().collect())
}

/// Checks the name of a subscriber, which becomes a label of metrics and part of log lines.
pub(super) fn subscriber(name: String) -> Result<String, Status> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if [OTHER, UNNAMED].contains(&name.as_str()) {
        let text =
            format!("subscriber must not be {OTHER} or {UNNAMED}: metrics use them for other subscribers");
        return Err(invalid("subscriber", &text));
    }
    if name.len() <= MAX_SUBSCRIBER_BYTES && name.bytes().all(is_plain) {
        Ok(name)
    } else {
        Err(invalid(
            "subscriber",
            "subscriber must be 1 to 64 letters, digits, dots, hyphens and underscores, or unset",
        ))
    }
}

pub(super) fn page_size(size: i32) -> Result<usize, Status> {
    match usize::try_from(size) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(invalid("page_size", "page_size must not be negative")),
    }
}

pub(super) fn order(order: i32) -> Result<Order, Status> {
    match ListOrder::try_from(order) {
        Ok(ListOrder::Unspecified | ListOrder::NewestFirst) => Ok(Order::NewestFirst),
        Ok(ListOrder::OldestFirst) => Ok(Order::OldestFirst),
        Err(_) => Err(invalid(
            "order",
            "order must be LIST_ORDER_NEWEST_FIRST or LIST_ORDER_OLDEST_FIRST, or unset for newest first",
        )),
    }
}

impl From<Gap> for proto::Gap {
    fn from(gap: Gap) -> Self {
        let reason = match gap.reason {
            GapReason::Trimmed => proto::GapReason::Trimmed,
            GapReason::Hole(Cause::Missing) => proto::GapReason::Missing,
            GapReason::Hole(Cause::Damaged) => proto::GapReason::Damaged,
            GapReason::Hole(Cause::NewerFormat(_)) => proto::GapReason::NewerFormat,
        };
        Self {
            cursor: gap.cursor.to_string(),
            first_missing_sequence: gap.first.map_or(0, |first| first.0),
            last_missing_sequence: gap.last.0,
            reason: reason.into(),
        }
    }
}
