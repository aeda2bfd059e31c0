//! Reads through the API. Each is bounded in time and in the number of gaps or pages.

use std::time::Duration;

use callback_gateway::testing::event::Cursor;
use imcallback::{
    Event, EventFilter, Gap, GapPolicy, GapReason, GetEventRequest, ListEventsRequest, ListOrder,
    SubscribeRequest, event_service_client::EventServiceClient, get_event_request, subscribe_response::Frame,
};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

use super::{
    model::{Item, Story},
    outcome::Trouble,
};
use crate::support::{after, earliest, nanos};

/// Deadline for a read of the whole log.
pub const READ: Duration = Duration::from_secs(30);
/// Most gaps that a read may report. The logs have fewer events.
const MAX_GAPS: usize = 2000;
/// Most pages of a list.
const MAX_PAGES: usize = 200;
/// Pause before a retry.
const PAUSE: Duration = Duration::from_millis(50);

pub type Client = EventServiceClient<Channel>;

/// Meaning of a status for a reader.
enum Answer {
    /// The reader must retry.
    Later,
    /// The cursor belongs to another epoch.
    Replaced,
    /// Events are lost. The reader resumes after `resume`.
    Lost {
        first: u64,
        last: u64,
        resume: String,
    },
    /// Events are trimmed. The reader resumes after `oldest`.
    Expired {
        oldest: String,
    },
    NotFound,
}

fn answer(way: &str, status: &Status) -> Result<Answer, Trouble> {
    let Some(info) = status.get_details_error_info() else {
        return Err(Trouble::Gone(format!("{way}: {status:?}")));
    };
    let get = |name: &str| info.metadata.get(name).cloned().unwrap_or_default();
    let number = |name: &str| get(name).parse().map_err(|_| Trouble::broken(format!("{way}: {status:?}")));
    Ok(match (status.code(), info.reason.as_str()) {
        (Code::Unavailable, "LOG_UNAVAILABLE" | "SHUTTING_DOWN") => Answer::Later,
        (Code::FailedPrecondition, "LOG_REPLACED") => Answer::Replaced,
        (Code::FailedPrecondition, "LOG_REWOUND") => {
            return Err(Trouble::silent(format!("{way}: the epoch is the same, but {}", status.message())));
        }
        (Code::DataLoss, "EVENTS_MISSING" | "LOG_DAMAGED") => {
            let (first, last) = (number("first_sequence")?, number("last_sequence")?);
            Answer::Lost { first, last, resume: get("resume_cursor") }
        }
        (Code::OutOfRange, "CURSOR_EXPIRED") => Answer::Expired { oldest: get("oldest_cursor") },
        (Code::NotFound, "EVENT_NOT_FOUND") => Answer::NotFound,
        _ => return Err(Trouble::broken(format!("{way}: {status:?}"))),
    })
}

pub fn sequence(cursor: &str) -> Result<u64, Trouble> {
    let cursor = cursor.parse::<Cursor>().map_err(|error| Trouble::broken(format!("{error}: {cursor}")))?;
    Ok(cursor.sequence.0)
}

pub fn item(gap: &Gap) -> Item {
    Item::Gap { first: gap.first_missing_sequence, last: gap.last_missing_sequence, reason: gap.reason() }
}

/// Result of following a log.
pub enum Followed {
    /// The log's epoch, the cursor of the first frame, and everything up to the end of the log.
    Story { epoch: String, start: String, story: Story },
    /// The cursor belongs to another epoch.
    Replaced,
}

/// Follows the log to its end, after a cursor or from the oldest event. With FAIL it resumes after each gap.
pub async fn follow(
    client: &mut Client,
    start: Option<&str>,
    policy: GapPolicy,
) -> Result<Followed, Trouble> {
    let way = format!("Subscribe {}", policy.as_str_name());
    let mut follower =
        Follower { way: way.clone(), policy, position: start.map(str::to_owned), ..Default::default() };
    follower.story.from = start.map_or(Ok(0), sequence)?;
    match timeout(READ, follower.run(client)).await {
        Ok(ended) => ended,
        Err(_) => {
            let (items, position) = (follower.story.items.len(), follower.position);
            Err(Trouble::stuck(format!(
                "{way}: not at the end after {READ:?}: {items} items, at {position:?}"
            )))
        }
    }
}

#[derive(Default)]
struct Follower {
    way: String,
    policy: GapPolicy,
    /// The cursor to resume after.
    position: Option<String>,
    /// Epoch and cursor of the first stream.
    begun: Option<(String, String)>,
    story: Story,
    gaps: usize,
}

impl Follower {
    async fn run(&mut self, client: &mut Client) -> Result<Followed, Trouble> {
        loop {
            let mut request = self.position.as_deref().map_or_else(earliest, after);
            request.on_gap = self.policy.into();
            request.include_raw_body = true;
            let Err(status) = self.stream(client, request).await? else {
                let (epoch, start) = self.begun.take().expect("a stream begins with `subscribed`");
                return Ok(Followed::Story { epoch, start, story: std::mem::take(&mut self.story) });
            };
            match answer(&self.way, &status)? {
                Answer::Later => sleep(PAUSE).await,
                Answer::Replaced => return Ok(Followed::Replaced),
                Answer::Lost { first, last, resume } if self.policy == GapPolicy::Fail => {
                    self.gap(Item::Gap { first, last, reason: GapReason::Missing })?;
                    self.position = Some(resume);
                }
                Answer::Expired { oldest } if self.policy == GapPolicy::Fail => {
                    let first = sequence(self.position.as_deref().unwrap_or_default())? + 1;
                    let last = sequence(&oldest)?;
                    self.gap(Item::Gap { first, last, reason: GapReason::Trimmed })?;
                    self.position = Some(oldest);
                }
                _ => return Err(Trouble::broken(format!("{}: {status:?}", self.way))),
            }
        }
    }

    /// Reads one stream, to the end of the log or to the stream's status.
    async fn stream(
        &mut self,
        client: &mut Client,
        request: SubscribeRequest,
    ) -> Result<Result<(), Status>, Trouble> {
        let mut stream = match client.subscribe(request).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => return Ok(Err(status)),
        };
        loop {
            let frame = match stream.message().await {
                Ok(Some(response)) => response.frame,
                Ok(None) => return Err(Trouble::Gone(format!("{}: a stream without a status", self.way))),
                Err(status) => return Ok(Err(status)),
            };
            match frame {
                Some(Frame::Subscribed(subscribed)) => {
                    if self.position.is_none() {
                        self.story.from = sequence(&subscribed.cursor)?;
                        self.position = Some(subscribed.cursor.clone());
                    }
                    self.begun.get_or_insert((subscribed.epoch, subscribed.cursor));
                }
                Some(Frame::Event(event)) => {
                    self.position = Some(event.cursor.clone());
                    self.story.items.push(Item::Event(Box::new(event)));
                }
                Some(Frame::Gap(gap)) => {
                    self.gap(item(&gap))?;
                    self.position = Some(gap.cursor);
                }
                Some(Frame::CaughtUp(caught_up)) => {
                    self.story.end = sequence(&caught_up.cursor)?;
                    return Ok(Ok(()));
                }
                _ => {}
            }
        }
    }

    fn gap(&mut self, gap: Item) -> Result<(), Trouble> {
        self.gaps += 1;
        if self.gaps > MAX_GAPS {
            return Err(Trouble::stuck(format!("{}: gaps without end, the last {gap:?}", self.way)));
        }
        self.story.items.push(gap);
        Ok(())
    }
}

/// All pages of a list.
#[derive(Debug, Default)]
pub struct Listing {
    pub items: Vec<Item>,
    /// Latest `complete_since` of the pages, in nanoseconds.
    pub complete_since: i128,
}

/// Lists the events that name an account. Without an account it lists all events.
pub async fn list(
    client: &mut Client,
    order: ListOrder,
    account: Option<&str>,
    page_size: i32,
) -> Result<Listing, Trouble> {
    let way = format!("ListEvents {} {account:?}", order.as_str_name());
    let accounts = account.iter().map(|account| (*account).to_owned()).collect();
    let filter = EventFilter { accounts, ..Default::default() };
    let mut request =
        ListEventsRequest { filter: Some(filter), page_size, include_raw_body: true, ..Default::default() };
    request.set_order(order);
    match timeout(READ, pages(&way, client, request)).await {
        Ok(listed) => listed,
        Err(_) => Err(Trouble::stuck(format!("{way}: not at the end after {READ:?}"))),
    }
}

async fn pages(way: &str, client: &mut Client, mut request: ListEventsRequest) -> Result<Listing, Trouble> {
    let mut listing = Listing::default();
    let mut pages = 0;
    while pages < MAX_PAGES {
        let page = match client.list_events(request.clone()).await {
            Ok(page) => page.into_inner(),
            Err(status) => match answer(way, &status)? {
                Answer::Later => {
                    sleep(PAUSE).await;
                    continue;
                }
                _ => return Err(Trouble::broken(format!("{way}: {status:?}"))),
            },
        };
        pages += 1;
        listing.items.extend(page.events.into_iter().map(|event| Item::Event(Box::new(event))));
        listing.items.extend(page.gaps.iter().map(item));
        if page.unmatched_events > 0 {
            return Err(Trouble::broken(format!("{way}: {} unmatched events", page.unmatched_events)));
        }
        listing.complete_since = listing.complete_since.max(nanos(page.complete_since));
        if page.next_page_token.is_empty() {
            return Ok(listing);
        }
        request.page_token = page.next_page_token;
    }
    Err(Trouble::stuck(format!("{way}: more than {MAX_PAGES} pages")))
}

/// Result of [`get`].
pub enum Got {
    Event(Box<Event>),
    Lost,
    Expired,
    NotFound,
    Replaced,
}

/// Gets an event.
pub async fn get(client: &mut Client, event: get_event_request::Event) -> Result<Got, Trouble> {
    let way = format!("GetEvent {event:?}");
    let request = GetEventRequest { event: Some(event), include_raw_body: true };
    let getting = async {
        loop {
            let status = match client.get_event(request.clone()).await {
                Ok(got) => {
                    let event =
                        got.into_inner().event.ok_or_else(|| Trouble::broken(format!("{way}: nothing")))?;
                    return Ok(Got::Event(Box::new(event)));
                }
                Err(status) => status,
            };
            return Ok(match answer(&way, &status)? {
                Answer::Later => {
                    sleep(PAUSE).await;
                    continue;
                }
                Answer::Replaced => Got::Replaced,
                Answer::Lost { .. } => Got::Lost,
                Answer::Expired { .. } => Got::Expired,
                Answer::NotFound => Got::NotFound,
            });
        }
    };
    timeout(READ, getting)
        .await
        .unwrap_or_else(|_| Err(Trouble::stuck(format!("{way}: no answer after {READ:?}"))))
}
