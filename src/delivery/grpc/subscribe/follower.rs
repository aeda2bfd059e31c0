//! A subscription's frames as the messages of its stream.

use std::{
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use pin_project_lite::pin_project;
use tonic::Status;

use super::{
    super::{codec, limits::PIECE_BYTES, status},
    slot::Messages,
};
use crate::{
    delivery::subscription::{Events, Frame, Subscription},
    log::EventLog,
    observe::{metrics::Metrics, trace::Tracer},
    proto::{self, subscribe_response::Frame as Message},
};

/// Makes a subscription's frames messages. What it needs is its own: for each event
/// nothing is touched that streams share.
pub(super) struct Follower {
    pub(super) following: Following,
    pub(super) include_raw_body: bool,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tracer: Option<Tracer>,
    /// The stream's name.
    pub(super) subscriber: String,
}

/// A subscription's frames, then its end.
#[allow(clippy::large_enum_variant, reason = "it is the large one until the stream ends")]
pub(super) enum Following {
    Running(Subscription),
    /// The last frame was sent; the status follows.
    Leaving(Status),
    Ended,
}

impl Follower {
    /// All messages, this one first.
    pub(super) fn messages(self, first: Message) -> Messages {
        let first = stream::once(std::future::ready(Ok(message(first))));
        // On the heap, so that it is not moved for every message.
        let others = stream::unfold(Box::new(self), async |mut follower| {
            let next = follower.next().await?;
            Some((next, follower))
        });
        Box::pin(Joined { messages: first.chain(others).fuse(), next: None })
    }

    async fn next(&mut self) -> Option<Result<Bytes, Status>> {
        let subscription = match &mut self.following {
            Following::Running(subscription) => subscription,
            following @ (Following::Leaving(_) | Following::Ended) => {
                return match mem::replace(following, Following::Ended) {
                    Following::Leaving(status) => Some(Err(status)),
                    Following::Running(_) | Following::Ended => None,
                };
            }
        };
        let frame = subscription.next().await?;
        let unmatched_events = subscription.unmatched();
        Some(Ok(message(match frame {
            Ok(Frame::Events(events)) => {
                if let Some(tracer) = &self.tracer {
                    trace(tracer, &events, &self.subscriber);
                }
                return Some(Ok(codec::events(&events, self.include_raw_body)));
            }
            Ok(Frame::Heartbeat(cursor)) => {
                Message::Heartbeat(proto::Heartbeat { cursor: cursor.to_string(), unmatched_events })
            }
            Ok(Frame::CaughtUp(cursor)) => {
                Message::CaughtUp(proto::CaughtUp { cursor: cursor.to_string(), unmatched_events })
            }
            Ok(Frame::FellBehind(cursor)) => {
                Message::FellBehind(proto::FellBehind { cursor: cursor.to_string(), unmatched_events })
            }
            Ok(Frame::Gap(gap)) => {
                self.metrics.gaps.inc();
                Message::Gap(gap.into())
            }
            Ok(Frame::GoingAway(cursor, leave)) => {
                let (reason, retry_delay, status) = status::leaving(leave);
                self.following = Following::Leaving(status);
                Message::GoingAway(proto::GoingAway {
                    cursor: cursor.to_string(),
                    reason: reason.into(),
                    retry_delay: Some(retry_delay.into()),
                    unmatched_events,
                })
            }
            Err(error) => {
                self.following = Following::Ended;
                return Some(Err(status::subscribe(&error, &*self.log)));
            }
        })))
    }
}

pin_project! {
    /// Joins what is ready at the same time, up to a piece of the body: a piece costs the
    /// connection several microseconds, and a filter leaves a few events in each run: it saves a
    /// third of what a filter costs.
    struct Joined<S> {
        #[pin]
        messages: S,
        // What is behind the messages that were given last.
        next: Option<Result<Bytes, Status>>,
    }
}

impl<S: Stream<Item = Result<Bytes, Status>>> Stream for Joined<S> {
    type Item = Result<Bytes, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let (mut joined, mut len) = (Vec::new(), 0);
        while len < PIECE_BYTES {
            let polled = match this.next.take() {
                Some(next) => Poll::Ready(Some(next)),
                None => this.messages.as_mut().poll_next(cx),
            };
            match polled {
                Poll::Ready(Some(Ok(messages))) if joined.is_empty() || messages.len() < PIECE_BYTES => {
                    len += messages.len();
                    joined.push(messages);
                }
                end if joined.is_empty() => return end,
                Poll::Ready(Some(next)) => {
                    *this.next = Some(next);
                    break;
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Ready(Some(Ok(match joined.pop() {
            Some(messages) if joined.is_empty() => messages,
            last => joined.into_iter().chain(last).collect::<Vec<_>>().concat().into(),
        })))
    }
}

/// Notes that a stream is given events whose callbacks are traced.
fn trace(tracer: &Tracer, events: &Events, subscriber: &str) {
    for record in events.iter() {
        if let Some(traceparent) = record.stored().traceparent() {
            tracer.delivered(traceparent, record.receive_time().into(), record.sequence().0, subscriber);
        }
    }
}

fn message(frame: Message) -> Bytes {
    codec::message(&proto::SubscribeResponse { frame: Some(frame) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(byte: u8, len: usize) -> Result<Bytes, Status> {
        Ok(vec![byte; len].into())
    }

    async fn joined(items: Vec<Result<Bytes, Status>>) -> Vec<Result<Vec<u8>, tonic::Code>> {
        let joined = Joined { messages: stream::iter(items).fuse(), next: None };
        joined.map(|item| item.map(Vec::from).map_err(|status| status.code())).collect().await
    }

    #[tokio::test]
    async fn few_messages_are_joined_up_to_a_piece_and_many_stay_as_they_are() {
        let few = PIECE_BYTES / 2;
        let items = vec![bytes(1, few), bytes(2, few), bytes(3, 1), bytes(4, PIECE_BYTES), bytes(5, 1)];
        let pieces = joined(items).await;
        let lens: Vec<_> = pieces.iter().map(|piece| piece.as_ref().unwrap().len()).collect();
        assert_eq!(lens, [2 * few, 1, PIECE_BYTES, 1]);
        let order: Vec<u8> = pieces.into_iter().flat_map(Result::unwrap).collect();
        assert!(order.is_sorted());
    }

    #[tokio::test]
    async fn what_was_ready_before_the_end_comes_before_it() {
        let items = vec![bytes(1, 1), bytes(2, 1), Err(Status::unavailable(""))];
        assert_eq!(joined(items).await, [Ok(vec![1, 2]), Err(tonic::Code::Unavailable)]);
    }

    #[tokio::test]
    async fn what_is_ready_does_not_wait_for_what_is_not() {
        let items = stream::iter([bytes(1, 1)]).chain(stream::pending());
        let mut joined = std::pin::pin!(Joined { messages: items, next: None });
        assert_eq!(joined.next().await.unwrap().unwrap(), vec![1]);
        assert!(futures_util::poll!(joined.next()).is_pending());
    }
}
