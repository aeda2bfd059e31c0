//! A live subscriber.

use imcallback::{GapPolicy, SubscribeRequest, subscribe_response::Frame};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tonic::Status;

use super::{
    model::{Item, Model, Story},
    outcome::Trouble,
    reads::{Client, READ, item, sequence},
};
use crate::support::latest;

/// Frames that the subscriber has received.
#[derive(Debug, Default)]
struct Seen {
    story: Story,
    /// Status of the stream, once it has ended.
    status: Option<Status>,
}

/// Subscriber that follows the log from its end on, and skips gaps.
pub struct Watcher {
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Watcher {
    pub async fn open(client: &mut Client) -> Result<Self, Trouble> {
        let request = SubscribeRequest { include_raw_body: true, on_gap: GapPolicy::Skip.into(), ..latest() };
        let opened = timeout(READ, client.subscribe(request)).await;
        let opened = opened.map_err(|_| Trouble::stuck("a live stream does not begin"))?;
        let mut stream =
            opened.map_err(|status| Trouble::Gone(format!("a live stream: {status:?}")))?.into_inner();
        let (sender, seen) = watch::channel(Seen::default());
        let task = tokio::spawn(async move {
            loop {
                let frame = match stream.message().await {
                    Ok(response) => response.and_then(|response| response.frame),
                    Err(status) => {
                        sender.send_modify(|seen| seen.status = Some(status));
                        return;
                    }
                };
                sender.send_modify(|seen| match frame {
                    Some(Frame::Subscribed(subscribed)) => {
                        seen.story.from = sequence(&subscribed.cursor).unwrap_or_default();
                    }
                    Some(Frame::Event(event)) => seen.story.items.push(Item::Event(Box::new(event))),
                    Some(Frame::Gap(gap)) => seen.story.items.push(item(&gap)),
                    _ => {}
                });
            }
        });
        Ok(Self { seen, task })
    }

    /// Waits for the event with this body, for a gap, or for the end of the stream.
    pub async fn sees(&mut self, body: &str) -> Result<(), Trouble> {
        let has_seen = |seen: &Seen| {
            let is_it = |item: &Item| match item {
                Item::Event(event) => event.raw_body == body,
                Item::Gap { .. } => true,
            };
            seen.status.is_some() || seen.story.items.iter().any(is_it)
        };
        match timeout(READ, self.seen.wait_for(has_seen)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Trouble::stuck("a live subscriber does not get what is acknowledged")),
        }
    }

    /// Ends the stream, and checks its frames.
    pub fn judge(self, model: &mut Model) -> Result<(), Trouble> {
        self.task.abort();
        let seen = self.seen.borrow();
        let mut story = seen.story.clone();
        story.end = story.items.last().map_or(story.from, |item| match item {
            Item::Event(event) => event.sequence,
            Item::Gap { last, .. } => *last,
        });
        model.judge_part("a live subscriber", &story)?;
        Ok(())
    }
}
