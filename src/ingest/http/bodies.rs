//! Memory budget for the bodies of all connections.
//!
//! A body uses the budget for its bytes that have arrived, not for its announced length: a client that
//! announces a large body and sends one byte per second holds one byte. When the budget is used up, the
//! bodies that have been arriving for longest are dropped, because good clients send their body at once.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::rejection::Rejection;

/// Time that a body waits for others to be dropped. They are dropped as soon as their tasks run.
const GIVE_UP_WAIT: Duration = Duration::from_millis(200);
/// Minimum size of a buffer, in bytes.
const MIN_BUFFER: usize = 1024;

/// The budget and the bodies that use it.
#[derive(Debug)]
pub(super) struct Bodies {
    free: Arc<Semaphore>,
    arriving: Mutex<Arriving>,
}

/// Incomplete bodies, oldest first.
#[derive(Debug, Default)]
struct Arriving {
    last_key: Key,
    bodies: BTreeMap<Key, Held>,
}

/// Increases with each body.
type Key = u64;

#[derive(Debug)]
struct Held {
    bytes: usize,
    given_up: CancellationToken,
}

impl Bodies {
    pub(super) fn new(bytes: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes)), arriving: Mutex::default() }
    }

    /// Reads a body of at most `limit` bytes until `deadline`. Returns it with its permit of the budget.
    pub(super) async fn read(
        &self,
        mut body: Body,
        limit: usize,
        deadline: Instant,
    ) -> Result<(Vec<u8>, OwnedSemaphorePermit), Rejection> {
        // One buffer: a list of one-byte chunks would take 40 times their content.
        let mut reading = Reading { bodies: self, bytes: Vec::new(), permit: None, arriving: None };
        let read = async {
            while let Some(frame) = reading.frame(&mut body).await? {
                let data = frame.data_ref().ok_or(Rejection::Framing)?;
                if data.len() > limit - reading.bytes.len() {
                    return Err(Rejection::TooLarge);
                }
                let rest = body.size_hint().upper().and_then(|rest| usize::try_from(rest).ok());
                let most = rest.map_or(limit, |rest| reading.bytes.len() + data.len() + rest);
                reading.reserve(data.len(), most.min(limit)).await?;
                reading.bytes.extend_from_slice(data);
                if body.is_end_stream() {
                    break;
                }
                reading.note();
            }
            Ok(())
        };
        match timeout_at(deadline, read).await {
            Ok(Ok(())) => reading.finish(),
            Ok(Err(rejection)) => Err(rejection),
            Err(_) => Err(Rejection::BodyTimeout { read: reading.bytes.len() }),
        }
    }

    fn acquire(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Rejection> {
        let bytes = u32::try_from(bytes).map_err(|_| Rejection::TooLarge)?;
        Arc::clone(&self.free).try_acquire_many_owned(bytes).map_err(|_| Rejection::Busy)
    }

    /// Acquires budget by dropping bodies that began before `own`.
    async fn acquire_from_older(
        &self,
        bytes: usize,
        own: Option<Key>,
    ) -> Result<OwnedSemaphorePermit, Rejection> {
        if self.lock().give_up(bytes, own) == 0 {
            return Err(Rejection::Busy);
        }
        let bytes = u32::try_from(bytes).map_err(|_| Rejection::TooLarge)?;
        let acquired = timeout(GIVE_UP_WAIT, Arc::clone(&self.free).acquire_many_owned(bytes)).await;
        acquired.ok().and_then(Result::ok).ok_or(Rejection::Busy)
    }

    fn lock(&self) -> MutexGuard<'_, Arriving> {
        self.arriving.lock()
    }
}

impl Arriving {
    /// Drops bodies that began before `own`, oldest first, until they free this many bytes. Returns the freed
    /// bytes.
    fn give_up(&self, bytes: usize, own: Option<Key>) -> usize {
        let mut found = 0;
        for (_, held) in self.bodies.iter().take_while(|&(&key, _)| own.is_none_or(|own| key < own)) {
            if found >= bytes {
                break;
            }
            held.given_up.cancel();
            found += held.bytes;
        }
        found
    }
}

/// A body that is being read.
struct Reading<'a> {
    bodies: &'a Bodies,
    bytes: Vec<u8>,
    /// Permit for the capacity of the buffer.
    permit: Option<OwnedSemaphorePermit>,
    /// Set once a part has arrived. Most bodies arrive as a whole.
    arriving: Option<(Key, CancellationToken)>,
}

impl Reading<'_> {
    /// Returns the next frame, unless the body is dropped for others.
    async fn frame(&self, body: &mut Body) -> Result<Option<Frame<Bytes>>, Rejection> {
        let read = self.bytes.len();
        let frame = match &self.arriving {
            None => body.frame().await,
            Some((_, given_up)) => tokio::select! {
                frame = body.frame() => frame,
                () = given_up.cancelled() => return Err(Rejection::BodyTimeout { read }),
            },
        };
        frame.transpose().map_err(|_| Rejection::BodyBroken { read })
    }

    /// Reserves budget and buffer for `more` bytes. The body has at most `most` bytes.
    async fn reserve(&mut self, more: usize, most: usize) -> Result<(), Rejection> {
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let len = self.bytes.len();
        let needed = len + more;
        if needed <= held && held > 0 {
            return Ok(());
        }
        // Double the buffer, so that bytes are copied at most twice, but not beyond the maximum size of the
        // body.
        let size = needed.max(held * 2).max(MIN_BUFFER).min(most.max(needed));
        let permit = match self.bodies.acquire(size - held) {
            Err(Rejection::Busy) => {
                let own = self.arriving.as_ref().map(|(key, _)| *key);
                self.bodies.acquire_from_older(size - held, own).await?
            }
            acquired => acquired?,
        };
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        self.bytes.reserve_exact(size - len);
        Ok(())
    }

    /// Records the size of the body now that it waits for more bytes.
    fn note(&mut self) {
        let bytes = self.bytes.capacity();
        let mut arriving = self.bodies.lock();
        match &self.arriving {
            Some((key, _)) => {
                if let Some(held) = arriving.bodies.get_mut(key) {
                    held.bytes = bytes;
                }
            }
            None => {
                arriving.last_key += 1;
                let (key, given_up) = (arriving.last_key, CancellationToken::new());
                arriving.bodies.insert(key, Held { bytes, given_up: given_up.clone() });
                self.arriving = Some((key, given_up));
            }
        }
    }

    fn finish(mut self) -> Result<(Vec<u8>, OwnedSemaphorePermit), Rejection> {
        let bytes = mem::take(&mut self.bytes);
        let mut permit = self.permit.take().map_or_else(|| self.bodies.acquire(0), Ok)?;
        // Return the unused part of the buffer's permit.
        drop(permit.split(permit.num_permits().saturating_sub(bytes.len())));
        Ok((bytes, permit))
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some((key, _)) = &self.arriving {
            self.bodies.lock().bodies.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt as _, stream};
    use tokio::{sync::mpsc, task::yield_now};

    use super::*;

    /// Creates a body whose chunks the test sends.
    fn body() -> (mpsc::UnboundedSender<Vec<u8>>, Body) {
        let (sender, receiver) = mpsc::unbounded_channel::<Vec<u8>>();
        let pieces = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        (sender, Body::from_stream(pieces.map(Ok::<_, Infallible>)))
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    async fn until_free_is(bodies: &Bodies, bytes: usize) {
        // All tasks run on this thread.
        while bodies.free.available_permits() != bytes {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_body_uses_the_budget_for_its_arrived_bytes_and_finally_for_its_length() {
        let bodies = Arc::new(Bodies::new(100_000));
        let (sender, body) = body();
        let reading = tokio::spawn({
            let bodies = Arc::clone(&bodies);
            async move { bodies.read(body, 50_000, later()).await }
        });
        for (piece, taken) in [(10, MIN_BUFFER), (1014, MIN_BUFFER), (1, 2 * MIN_BUFFER), (10_000, 11_025)] {
            sender.send(vec![7; piece]).unwrap();
            until_free_is(&bodies, 100_000 - taken).await;
        }
        sender.send(vec![7; 38_975]).unwrap();
        drop(sender);
        let (bytes, permit) = reading.await.unwrap().unwrap();
        assert_eq!((bytes.len(), permit.num_permits()), (50_000, 50_000));
        drop(permit);
        assert_eq!(bodies.free.available_permits(), 100_000);
    }

    #[tokio::test]
    async fn the_oldest_body_is_dropped_for_a_newer_one() {
        let bodies = Arc::new(Bodies::new(10_000));
        let mut slow = Vec::new();
        for number in 1..=2 {
            let (sender, body) = body();
            sender.send(vec![7; 5000]).unwrap();
            let bodies = Arc::clone(&bodies);
            let reading = tokio::spawn({
                let bodies = Arc::clone(&bodies);
                async move { bodies.read(body, 10_000, later()).await.map(drop) }
            });
            until_free_is(&bodies, 10_000 - number * 5000).await;
            slow.push((sender, reading));
        }
        let whole = bodies.read(Body::from(vec![7; 4000]), 10_000, later()).await.unwrap();
        assert_eq!(whole.1.num_permits(), 4000);
        let (_oldest, reading) = slow.remove(0);
        assert_eq!(reading.await.unwrap(), Err(Rejection::BodyTimeout { read: 5000 }));
        // The oldest body that is left does not displace newer ones.
        let (sender, reading) = slow.remove(0);
        sender.send(vec![7; 4000]).unwrap();
        assert_eq!(reading.await.unwrap(), Err(Rejection::Busy));
        // A complete body, which is about to be stored, is not dropped.
        drop(bodies.read(Body::from(vec![7; 6000]), 10_000, later()).await.unwrap());
        let more = bodies.read(Body::from(vec![7; 6001]), 10_000, later()).await.map(drop);
        assert_eq!(more, Err(Rejection::Busy));
    }
}
