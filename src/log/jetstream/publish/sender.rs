//! Hands publishes to the client.
//!
//! The client keeps what its connection does not take, and sends it after a reconnect. So a publish is handed over only while
//! there is a connection, and dropped at its deadline: an event that was refused must not be stored much later.

use std::sync::Arc;

use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout_at},
};

use super::super::{connection::Connection, state::StreamState};

/// Number of publishes that wait for the connection. A publish that does not fit is retried later.
const OUTGOING: usize = 4096;

/// A publish for the connection.
pub(super) struct Outgoing {
    pub(super) id: u64,
    pub(super) deadline: Instant,
    pub(super) subject: Subject,
    pub(super) reply: Subject,
    pub(super) headers: HeaderMap,
    pub(super) payload: Bytes,
}

/// Queue of the task that hands publishes over.
pub(super) struct SendQueue {
    outgoing: mpsc::Sender<Outgoing>,
    /// Publishes that the client rejects, and why.
    rejected: mpsc::UnboundedReceiver<(u64, String)>,
}

impl SendQueue {
    /// Starts the task. It ends with the queue, or when the log closes.
    pub(super) fn start(state: &Arc<StreamState>) -> Self {
        let (outgoing, to_send) = mpsc::channel(OUTGOING);
        let (failed, rejected) = mpsc::unbounded_channel();
        let connection = state.api.status.connection.subscribe();
        let state = Arc::clone(state);
        tokio::spawn(async move {
            let sending = send(&state.api.client, connection, to_send, failed);
            state.health.until_closed(sending).await;
        });
        Self { outgoing, rejected }
    }

    /// Queues a publish, unless the queue is full.
    pub(super) fn try_send(&self, outgoing: Outgoing) {
        // The publisher retries it.
        self.outgoing.try_send(outgoing).ok();
    }

    /// Waits for a publish that the client rejects.
    pub(super) async fn rejected(&mut self) -> Option<(u64, String)> {
        self.rejected.recv().await
    }
}

async fn send(
    client: &async_nats::Client,
    mut connection: watch::Receiver<Connection>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    failed: mpsc::UnboundedSender<(u64, String)>,
) {
    while let Some(Outgoing { id, deadline, subject, reply, headers, payload }) = outgoing.recv().await {
        let publish = async {
            connection.wait_for(|connection| connection.is_up).await.map_err(|error| error.to_string())?;
            let publish = client.publish_with_reply_and_headers(subject, reply, headers, payload);
            publish.await.map_err(|error| error.to_string())
        };
        if deadline <= Instant::now() {
            continue;
        }
        // Limited also while there is a connection: it may be blocked.
        if let Ok(Err(error)) = timeout_at(deadline, publish).await {
            // Ignore the error: the publisher has ended.
            failed.send((id, error)).ok();
        }
    }
}
