//! Reading the log as its users do: following it from a cursor, and listing it.
//!
//! A subscription is a cursor, a watch on the tail, and one loop. There is no
//! second path for 'live', so there is no seam where an event is lost or doubled.

mod filter;
mod follow;
mod frame;
mod list;
mod position;
mod progress;

pub use self::{
    filter::{Filter, FilterError, FilterLists, Fit, MAX_FILTER_BYTES, MAX_FILTER_ENTRIES},
    follow::{OnGap, Options, Start, Subscription},
    frame::{Events, Frame, Gap, GapReason, Leave},
    list::{List, MAX_LIST_SCAN, MAX_LIST_SCAN_BYTES, Query, complete_since, list},
    position::{Bounds, SubscribeError, bounds, check, first_from, is_replaced, position_after},
    progress::{Progress, SharedProgress},
};
