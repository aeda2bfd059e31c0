//! Reading the log as its users do: following it from a cursor, and listing it.
//!
//! A subscription is a cursor, a watch on the tail, and one loop. There is no
//! second path for 'live', so there is no seam where an event is lost or doubled.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    event::{Cursor, Record, Sequence, StoredRecord, is_command},
    log::{EventLog, PAGE_RECORDS, ReadError, Tail},
    shutdown::Drain,
};

/// Most entries in each list of a filter.
pub const MAX_FILTER_ENTRIES: usize = 100;
/// Records that one call of [`list`] looks at before it returns what it has.
pub const MAX_LIST_SCAN: usize = 10_000;
/// Bytes of records, likewise.
pub const MAX_LIST_SCAN_BYTES: usize = 32 * 1024 * 1024;

/// Selects events: every list that is not empty must have an entry that fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Exact commands.
    commands: Vec<String>,
    /// Beginnings of commands, with the dot: `Sns.` for `Sns.*`.
    families: Vec<String>,
    sdk_app_ids: Vec<u32>,
}

/// What is wrong with a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// The filter's list.
    pub field: &'static str,
    message: String,
}

impl Filter {
    /// A filter from its lists; empty lists select everything.
    pub fn new(commands: &[String], sdk_app_ids: &[u32]) -> Result<Self, FilterError> {
        for (field, entries) in [("commands", commands.len()), ("sdk_app_ids", sdk_app_ids.len())] {
            if entries > MAX_FILTER_ENTRIES {
                let message = format!("at most {MAX_FILTER_ENTRIES} entries are taken; split the filter");
                return Err(FilterError { field, message });
            }
        }
        if sdk_app_ids.contains(&0) {
            return Err(FilterError { field: "sdk_app_ids", message: "0 is no SDKAppID".to_owned() });
        }
        let mut filter = Self { sdk_app_ids: sdk_app_ids.to_vec(), ..Self::default() };
        for (at, command) in commands.iter().enumerate() {
            let family = command.strip_suffix(".*");
            if !is_command(family.unwrap_or(command)) {
                let message = format!(
                    "entry {at} must be a command, such as Sns.CallbackFriendAdd, or a family, such as Sns.*"
                );
                return Err(FilterError { field: "commands", message });
            }
            match family {
                Some(family) => filter.families.push(format!("{family}.")),
                None => filter.commands.push(command.clone()),
            }
        }
        Ok(filter)
    }

    /// The commands and families, as a filter's list has them.
    pub fn commands(&self) -> impl Iterator<Item = String> {
        let families = self.families.iter().map(|family| format!("{family}*"));
        self.commands.iter().cloned().chain(families)
    }

    /// The SDKAppIDs.
    pub fn sdk_app_ids(&self) -> &[u32] {
        &self.sdk_app_ids
    }

    fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.families.is_empty() && self.sdk_app_ids.is_empty()
    }

    /// Whether an event fits.
    pub fn fits(&self, record: &StoredRecord) -> bool {
        let command = || {
            let command = record.command();
            self.commands.iter().any(|wanted| wanted == command)
                || self.families.iter().any(|family| command.starts_with(family.as_str()))
        };
        (self.sdk_app_ids.is_empty() || self.sdk_app_ids.contains(&record.sdk_app_id()))
            && ((self.commands.is_empty() && self.families.is_empty()) || command())
    }
}

/// Where a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the tail.
    Latest,
    /// At the oldest record.
    Earliest,
    /// After a record that was seen.
    After(Cursor),
}

/// What a subscription says.
#[derive(Debug, Clone)]
pub enum Frame {
    /// An event.
    Event(Record),
    /// Nothing was said for the heartbeat's interval. Everything up to the cursor was sent or left out.
    Heartbeat(Cursor),
    /// The tail was reached for the first time.
    CaughtUp(Cursor),
    /// The gateway shuts down; nothing follows.
    GoingAway(Cursor),
}

/// Why a position cannot be read from, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// Events after the cursor are gone.
    #[error("events after the cursor are no longer stored")]
    Expired,
    /// The cursor is of another epoch.
    #[error("the cursor belongs to another log: this one was wiped or replaced")]
    Replaced,
    /// The cursor is of this epoch, but not of this log: it is beyond the tail, or its record is another.
    #[error("the log went back behind the cursor, as by a restored backup")]
    Rewound,
    /// The log could not be read.
    #[error(transparent)]
    Read(ReadError),
}

impl From<ReadError> for SubscribeError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Trimmed { .. } => Self::Expired,
            ReadError::Unavailable(_) | ReadError::Record { .. } => Self::Read(error),
        }
    }
}

/// The cursors at a log's two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The position before the oldest record.
    pub oldest: Cursor,
    /// The position after the newest record.
    pub latest: Cursor,
}

/// The ends of a log at this moment.
pub fn bounds(log: &dyn EventLog) -> Bounds {
    let latest = log.tail().borrow().cursor;
    let sequence = log.oldest().previous();
    let oldest = if sequence == latest.sequence { latest } else { Cursor::unchecked(latest.epoch, sequence) };
    Bounds { oldest, latest }
}

/// Follows a log from a cursor on.
pub struct Subscription {
    log: Arc<dyn EventLog>,
    tail: watch::Receiver<Tail>,
    filter: Filter,
    drain: Drain,
    heartbeat: Duration,
    heartbeat_due: Instant,
    /// Everything up to here was given, or left out by the filter.
    position: Cursor,
    /// Where the next page begins.
    next: Sequence,
    /// Records that were read and not yet looked at.
    page: VecDeque<Record>,
    caught_up: bool,
    /// The page in hand is the last one: it was read after the end began.
    last_page: bool,
    ended: bool,
}

impl Subscription {
    /// Finds the starting point and checks that it is this log's.
    pub async fn open(
        log: Arc<dyn EventLog>,
        start: Start,
        filter: Filter,
        heartbeat: Duration,
        drain: Drain,
    ) -> Result<Self, SubscribeError> {
        let tail = log.tail();
        let position = match start {
            Start::Latest => tail.borrow().cursor,
            Start::Earliest => bounds(&*log).oldest,
            Start::After(cursor) => {
                check(&*log, cursor).await?;
                cursor
            }
        };
        Ok(Self {
            log,
            tail,
            filter,
            drain,
            heartbeat,
            heartbeat_due: Instant::now() + heartbeat,
            position,
            next: position.sequence.next(),
            page: VecDeque::new(),
            caught_up: false,
            last_page: false,
            ended: false,
        })
    }

    /// Everything up to here was given, or left out by the filter.
    pub fn position(&self) -> Cursor {
        self.position
    }

    /// The next frame; `None` after [`Frame::GoingAway`] or an error.
    pub async fn next(&mut self) -> Option<Result<Frame, SubscribeError>> {
        if self.ended {
            return None;
        }
        let frame = self.advance().await;
        self.heartbeat_due = Instant::now() + self.heartbeat;
        self.ended = matches!(frame, Err(_) | Ok(Frame::GoingAway(_)));
        Some(frame)
    }

    async fn advance(&mut self) -> Result<Frame, SubscribeError> {
        loop {
            while let Some(record) = self.page.pop_front() {
                self.position = record.cursor();
                if self.filter.fits(record.stored()) {
                    return Ok(Frame::Event(record));
                }
            }
            if self.last_page {
                return Ok(Frame::GoingAway(self.position));
            }
            // Asked before reading: what was stored before the end is still given, up to a page.
            let ending = self.drain.is_ending();
            let end = self.tail.borrow_and_update().end;
            if self.next < end {
                let page = self.log.read(self.next, PAGE_RECORDS).await?;
                assert!(page.next > self.next, "a page below the tail moves on");
                self.next = page.next;
                self.page = page.records.into();
                self.last_page = ending;
                if Instant::now() >= self.heartbeat_due {
                    return Ok(Frame::Heartbeat(self.position));
                }
                // A long run of events that the filter leaves out must not keep a worker to itself.
                tokio::task::consume_budget().await;
                continue;
            }
            if !self.caught_up {
                self.caught_up = true;
                return Ok(Frame::CaughtUp(self.position));
            }
            if ending {
                return Ok(Frame::GoingAway(self.position));
            }
            tokio::select! {
                changed = self.tail.changed() => if changed.is_err() {
                    return Ok(Frame::GoingAway(self.position));
                },
                () = sleep_until(self.heartbeat_due) => return Ok(Frame::Heartbeat(self.position)),
                () = self.drain.ending() => {}
            }
        }
    }
}

/// Checks that a cursor is a position of this log.
async fn check(log: &dyn EventLog, cursor: Cursor) -> Result<(), SubscribeError> {
    let Bounds { oldest, latest } = bounds(log);
    if cursor.epoch != latest.epoch {
        return Err(SubscribeError::Replaced);
    }
    if cursor.sequence > latest.sequence {
        return Err(SubscribeError::Rewound);
    }
    if cursor.sequence < oldest.sequence {
        return Err(SubscribeError::Expired);
    }
    let Some(check) = cursor.check else { return Ok(()) };
    match log.read(cursor.sequence, 1).await {
        Ok(page) => match page.records.first() {
            Some(record) if record.sequence() == cursor.sequence && record.check() != check => {
                Err(SubscribeError::Rewound)
            }
            _ => Ok(()),
        },
        // Its record is gone, but what follows may be there.
        Err(ReadError::Trimmed { oldest }) if cursor.sequence.next() >= oldest => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A page of [`list`].
#[derive(Debug)]
pub struct List {
    /// The events, newest first.
    pub records: Vec<Record>,
    /// Where to go on, as `before`; `None` at the log's oldest record.
    pub next: Option<Sequence>,
}

/// Lists events below `before` that fit, newest first: at most `max_records`
/// and, by `size`, about `max_bytes`; and it looks at no more than about
/// [`MAX_LIST_SCAN`] records and [`MAX_LIST_SCAN_BYTES`].
pub async fn list(
    log: &dyn EventLog,
    filter: &Filter,
    mut before: Sequence,
    max_records: usize,
    max_bytes: usize,
    size: impl Fn(&Record) -> usize,
) -> Result<List, ReadError> {
    let mut records: Vec<Record> = Vec::new();
    let (mut scanned, mut scanned_bytes, mut bytes) = (0, 0, 0);
    while scanned < MAX_LIST_SCAN && scanned_bytes < MAX_LIST_SCAN_BYTES {
        // Without a filter no more is read than is given, and one to know whether there is more.
        let wanted = if filter.is_empty() { max_records - records.len() + 1 } else { PAGE_RECORDS };
        let page = log.read_back(before, wanted).await?;
        if page.records.is_empty() && page.next <= log.oldest() {
            return Ok(List { records, next: None });
        }
        // Also a page that was empty costs something.
        scanned += page.records.len().max(1);
        before = page.next;
        for record in page.records {
            scanned_bytes += record.stored().bytes().len();
            if !filter.fits(record.stored()) {
                continue;
            }
            let sequence = record.sequence();
            let record_bytes = size(&record);
            if records.len() == max_records || (!records.is_empty() && bytes + record_bytes > max_bytes) {
                return Ok(List { records, next: Some(sequence.next()) });
            }
            bytes += record_bytes;
            records.push(record);
        }
        tokio::task::consume_budget().await;
    }
    Ok(List { records, next: (before > log.oldest()).then_some(before) })
}
