//! Collects request messages within the bounds of their calls, or discards them if the call is refused.

use std::{pin::pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, sleep_until};
use tonic::{Status, body::Body};

use super::{calls::Call, codec::PREFIX_BYTES, status};
use crate::net::shutdown::Drain;

/// Largest request message of `EventService` and `AdminService`. A filter with full lists has about 80 KiB.
pub(super) const MAX_REQUEST_BYTES: usize = 256 * 1024;
/// Deadline for the message of a call, from the headers on.
pub(super) const MESSAGE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time that a refused call waits for the end of its request.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Collects one request message.
pub(super) struct RequestCollector<'a> {
    call: &'a Call,
    until: Instant,
    /// Size of the largest message.
    limit: usize,
    message: BytesMut,
    /// Bytes that the call is charged for.
    held: usize,
    /// Status of a refused call, whose request is discarded.
    refusal: Option<Status>,
    discarded: usize,
}

impl<'a> RequestCollector<'a> {
    pub(super) fn new(call: &'a Call, began: Instant, limit: usize, refusal: Option<Status>) -> Self {
        let until = began + if refusal.is_some() { REFUSAL_TIMEOUT } else { MESSAGE_TIMEOUT };
        Self { call, until, limit, message: BytesMut::new(), held: 0, refusal, discarded: 0 }
    }

    /// Waits for the end of the request. Returns the message with its prefix.
    pub(super) async fn collect(mut self, mut body: Body, drain: &Drain) -> Result<Bytes, Status> {
        let _arriving = self.call.connection().begin_arrival();
        let mut late = pin!(sleep_until(self.until));
        let mut ending = pin!(drain.ending());
        loop {
            let frame = tokio::select! {
                biased;
                status = self.call.ended() => return Err(self.refusal.unwrap_or(status)),
                frame = body.frame() => frame,
                () = &mut late => return Err(self.refusal.unwrap_or_else(status::request_timeout)),
                () = &mut ending => return Err(self.refusal.unwrap_or_else(status::shutting_down)),
            };
            match frame {
                None => break,
                Some(Err(_)) => {
                    let incomplete = || status::request_malformed("the request ended before its message did");
                    return Err(self.refusal.unwrap_or_else(incomplete));
                }
                Some(Ok(frame)) => {
                    // Trailers of a request have no meaning.
                    if let Ok(data) = frame.into_data() {
                        self.take(&data)?;
                    }
                }
            }
        }
        match self.refusal {
            Some(status) => Err(status),
            None if self.expected_len() == Some(self.message.len()) => Ok(self.message.freeze()),
            None => Err(status::request_malformed("the request is not one whole message")),
        }
    }

    /// Keeps or discards bytes. An error ends the call at once.
    fn take(&mut self, data: &[u8]) -> Result<(), Status> {
        if let Some(status) = &self.refusal {
            self.discarded += data.len();
            return if self.discarded > MAX_REQUEST_BYTES { Err(status.clone()) } else { Ok(()) };
        }
        self.message.extend_from_slice(data);
        if let Err(status) = self.check_prefix() {
            self.refusal = Some(status);
            self.message = BytesMut::new();
            self.held = 0;
            self.call.release_request();
            return Ok(());
        }
        let held = self.message.capacity();
        let more = held - self.held;
        self.held = held;
        if more > 0 { self.call.hold(more) } else { Ok(()) }
    }

    /// Returns the length of the prefix and the message that it announces.
    fn expected_len(&self) -> Option<usize> {
        let len = self.message.get(1..PREFIX_BYTES)?.first_chunk().map(|len| u32::from_be_bytes(*len))?;
        usize::try_from(len).ok()?.checked_add(PREFIX_BYTES)
    }

    fn check_prefix(&self) -> Result<(), Status> {
        match self.message.first() {
            None | Some(0) => {}
            Some(1) => return Err(status::compression_unsupported()),
            Some(_) => return Err(status::request_malformed("the message's prefix is malformed")),
        }
        match self.expected_len() {
            Some(len) if len > self.limit + PREFIX_BYTES => Err(status::request_too_large(self.limit)),
            Some(len) if len < self.message.len() => {
                Err(status::request_malformed("the request has more than one message"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
