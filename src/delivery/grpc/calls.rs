//! Calls under way, other than open streams and watches: bounds on their number and on the bytes that they hold.
//!
//! A call passes through [`Phase`](table::Phase)s. It gives way while it depends on its client: when the gateway needs its place or its
//! memory, the call whose request has been arriving for longest ends, or the one whose client has taken nothing of its
//! answer for longest. So a client that keeps calls open cannot keep others out.
//!
//! Statuses of calls whose requests are arriving are counted by the front, which sends them; those of answers here.
//!
//! An answer that is taken away leaves a piece or two behind in hyper and h2, until its client reads or leaves; then the
//! client gets the status. Beyond [`MAX_LEFT_BEHIND`] of them the calls that ended first are reset. Their connections stay
//! open: a proxy's connection carries the calls of many clients, of which one does not read.

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
