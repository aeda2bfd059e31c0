//! Calls under way, other than open streams and watches: bounds on their number and on the bytes that they hold.
//!
//! A call passes through the phases of [`Phase`](table::Phase), and can be ended while it waits for its client. When the
//! gateway needs its permit or its memory, it ends the call whose request has been arriving for longest, or the call whose
//! client has not read its answer for longest. So a client that keeps calls open cannot keep others out.
//!
//! The front counts the statuses of calls whose requests are arriving, and sends them. This module counts those of answers.
//!
//! An answer that is ended leaves a piece or two behind in hyper and h2, until its client reads or leaves. Then the client
//! gets the status. Beyond [`MAX_LEFT_BEHIND`] such answers the calls that ended first are reset. Their connections stay
//! open, because the connection of a proxy carries the calls of many clients.
//!
//! [`Call`] is one call's handle, [`CallGroup`] the calls with common bounds, and `table` their state.

mod call;
mod group;
mod table;
#[cfg(test)]
mod tests;

pub(super) use self::{
    call::{AnswerPart, Call},
    group::{CallBounds, CallGroup},
    table::MAX_LEFT_BEHIND,
};
