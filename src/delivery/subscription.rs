//! Reads of the log: following it from a cursor, and listing it.
//!
//! A [`Subscription`] is a cursor, a watch on the tail, and one loop. Live and stored events take the same path, so no
//! event is lost or duplicated between the two.
//!
//! [`list`] returns one page of the events that match a [`Filter`], and the position of the next page.

mod filter;
mod follow;
mod frame;
mod list;
mod position;
mod progress;
mod start;

pub use self::{
    filter::{Filter, FilterError, FilterLists, FilterMatch, MAX_FILTER_BYTES, MAX_FILTER_ENTRIES},
    follow::Subscription,
    frame::{Events, Frame, Gap, GapReason, LeaveReason},
    list::{List, MAX_LIST_SCAN, MAX_LIST_SCAN_BYTES, Query, complete_since, list},
    position::{LogBounds, SubscribeError, bounds, check, first_from, is_replaced, position_after},
    progress::{Progress, SharedProgress},
    start::{OnGap, Start, SubscribeOptions},
};
