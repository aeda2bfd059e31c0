//! Checks a gateway: reads the log in every way and compares the results with the model.

use std::{fs, path::Path, time::Duration};

use imcallback::{Event, GapPolicy, ListOrder, get_event_request};

use super::{
    callbacks::{Bodies, Posting},
    model::{Model, Reported, short},
    nats::last_message,
    outcome::{Outcome, Trouble},
    process::Gateway,
    random::Random,
    ranges::Ranges,
    reads::{Client, Followed, Got, follow, get},
};

/// Number of events that are requested one by one.
const SAMPLES: usize = 8;
/// Deadline for a gateway to accept callbacks. Later they count as kept out.
pub const KEPT_OUT: Duration = Duration::from_secs(30);
/// Events that a gateway with retention keeps.
pub const KEPT: u64 = 50;
/// Callbacks that are posted after the reads.
const POSTED: usize = 8;
/// Longest wait for the index to be built. Lists must be right without it.
const INDEXED: Duration = Duration::from_secs(3);
/// Longest wait for a gateway to read its NATS stream to the end.
const FOLLOWS: Duration = Duration::from_secs(15);

/// Number of ways to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every way.
    Full,
    /// Lists by account, while the index is built and afterwards.
    Index,
    /// One stream and one list.
    Brief,
    /// One stream. Retention may delete events meanwhile.
    Stream,
}

/// Running gateway over a damaged log, with the log's model.
pub struct Check<'a> {
    pub gateway: &'a Gateway,
    pub dir: &'a Path,
    pub model: &'a mut Model,
    pub random: &'a mut Random,
    /// Accounts that the bodies name.
    pub accounts: &'a [String],
    /// All reads must report the same, because the files do not change between them.
    pub is_strict: bool,
    /// URL of the NATS server, if the log is a stream.
    pub server: Option<&'a str>,
}

impl Check<'_> {
    /// Reads the log, and checks every result.
    pub async fn reads(&mut self, depth: Depth) -> Result<Outcome, Trouble> {
        self.follows().await?;
        let mut client = self.gateway.client().await?;
        let (reported, is_replaced) = self.subscribe(&mut client).await?;
        match depth {
            Depth::Full => self.every_way(&mut client, &reported).await?,
            Depth::Index => {
                self.lists_of_accounts(&mut client, &reported).await?;
                self.indexed().await?;
                self.lists_of_accounts(&mut client, &reported).await?;
            }
            Depth::Brief => self.lists(&mut client, &[ListOrder::NewestFirst], &reported).await?,
            Depth::Stream => {}
        }
        self.gets(&mut client, &reported).await?;
        // Retention forgets the lost events that it passes, at any time.
        let kept = if depth == Depth::Stream { reported.end.saturating_sub(KEPT) + 1 } else { 0 };
        self.readyz(reported.lost.count_within(kept..=reported.end)).await?;
        Ok(match is_replaced {
            true => self.set_aside().await?,
            false if !reported.lost.is_empty() => Outcome::Reported,
            false if !reported.trimmed.is_empty() => Outcome::Trimmed,
            false => Outcome::Unharmed,
        })
    }

    /// Reads the log in every way.
    async fn every_way(&mut self, client: &mut Client, reported: &Reported) -> Result<(), Trouble> {
        let (resuming, _) = self.follow(client, GapPolicy::Fail).await?;
        self.compare("Subscribe with FAIL", reported, &resuming)?;
        self.lists(client, &[ListOrder::OldestFirst, ListOrder::NewestFirst], reported).await?;
        self.lists_of_accounts(client, reported).await?;
        self.resumes(client).await
    }

    /// Waits until the gateway has read its NATS stream to the end: it may acknowledge a callback before.
    async fn follows(&self) -> Result<(), Trouble> {
        let Some(server) = self.server else { return Ok(()) };
        // The reads report a missing stream.
        let Some(last) = last_message(server).await else { return Ok(()) };
        self.gateway.until(FOLLOWS, |status| status.latest_sequence >= last).await
    }

    /// Waits for the index to be complete.
    async fn indexed(&self) -> Result<(), Trouble> {
        self.gateway.until(INDEXED, |status| status.index_sequence == Some(status.latest_sequence + 1)).await
    }

    /// Follows the log from the oldest event on. If it has a new epoch, the gateway must reject old cursors.
    async fn subscribe(&mut self, client: &mut Client) -> Result<(Reported, bool), Trouble> {
        let former: Vec<Event> = self.samples().into_iter().cloned().collect();
        let (reported, is_replaced) = self.follow(client, GapPolicy::Skip).await?;
        if is_replaced {
            for event in former {
                let followed = follow(client, Some(&event.cursor), GapPolicy::Skip).await?;
                let got = get(client, get_event_request::Event::Cursor(event.cursor.clone())).await?;
                if !matches!((followed, got), (Followed::Replaced, Got::Replaced)) {
                    return Err(Trouble::silent(format!("the epoch is new, and {} is taken", short(&event))));
                }
            }
        }
        Ok((reported, is_replaced))
    }

    /// Follows the log to its end.
    async fn follow(&mut self, client: &mut Client, policy: GapPolicy) -> Result<(Reported, bool), Trouble> {
        let start = self.model.start.clone();
        let (followed, is_replaced) = match follow(client, Some(&start), policy).await? {
            Followed::Replaced => (follow(client, None, policy).await?, true),
            followed => (followed, false),
        };
        let Followed::Story { epoch, start, story } = followed else {
            return Err(Trouble::broken("the beginning of a log cannot be of another log"));
        };
        if is_replaced {
            self.model.begin_epoch(epoch, start);
        } else if epoch != self.model.epoch {
            return Err(Trouble::silent(format!(
                "the epoch is {epoch}, and cursors of another one are taken"
            )));
        }
        Ok((self.model.judge(&format!("Subscribe {}", policy.as_str_name()), &story)?, is_replaced))
    }

    /// Checks that two reads report the same.
    pub fn compare(&self, way: &str, one: &Reported, other: &Reported) -> Result<(), Trouble> {
        if !self.is_strict || one == other {
            return Ok(());
        }
        let lost = |reported: &Reported| format!("{} to {}", reported.lost, reported.end);
        Err(Trouble::broken(format!("{way} reports {}, and another read {}", lost(other), lost(one))))
    }

    /// Returns the oldest sequence that is not trimmed.
    pub fn oldest(&self, reported: &Reported) -> Result<u64, Trouble> {
        let start = self.model.start_sequence();
        let trimmed = reported.trimmed.count();
        if trimmed > 0 && reported.trimmed != Ranges::of([start + 1..=start + trimmed]) {
            return Err(Trouble::broken(format!("{} are trimmed, not at the beginning", reported.trimmed)));
        }
        Ok(start + trimmed + 1)
    }

    /// Returns some known events, among them the first and the last one.
    fn samples(&mut self) -> Vec<&Event> {
        let events: Vec<&Event> = self.model.events().collect();
        if events.is_empty() {
            return events;
        }
        let mut samples = vec![events[0], events[events.len() - 1]];
        samples.extend((2..SAMPLES).map(|_| events[self.random.below(events.len())]));
        samples
    }

    /// Gets some events, by sequence and by cursor.
    async fn gets(&mut self, client: &mut Client, reported: &Reported) -> Result<(), Trouble> {
        let samples: Vec<Event> = self.samples().into_iter().cloned().collect();
        for event in samples {
            let identities = [
                get_event_request::Event::Sequence(event.sequence),
                get_event_request::Event::Cursor(event.cursor.clone()),
            ];
            for identity in identities {
                let got = get(client, identity.clone()).await?;
                let is_lost = reported.lost.contains(event.sequence);
                let is_reported = match got {
                    Got::Event(got) => {
                        self.model.check(&got)?;
                        !is_lost
                    }
                    Got::Lost => is_lost,
                    Got::Expired => reported.trimmed.contains(event.sequence),
                    Got::NotFound | Got::Replaced => {
                        return Err(Trouble::silent(format!(
                            "{identity:?}: not found, it was {}",
                            short(&event)
                        )));
                    }
                };
                if self.is_strict && !is_reported {
                    return Err(Trouble::broken(format!("{identity:?}: another answer than a stream's")));
                }
            }
        }
        Ok(())
    }

    /// Resumes after some cursors.
    async fn resumes(&mut self, client: &mut Client) -> Result<(), Trouble> {
        let cursors: Vec<String> = self.samples().iter().take(4).map(|event| event.cursor.clone()).collect();
        for cursor in cursors {
            match follow(client, Some(&cursor), GapPolicy::Skip).await? {
                Followed::Story { story, .. } => {
                    self.model.judge_part(&format!("Subscribe after {cursor}"), &story)?;
                }
                Followed::Replaced => {
                    return Err(Trouble::broken(format!("{cursor} is refused as of another log")));
                }
            }
        }
        Ok(())
    }

    /// Checks that `/readyz` reports lost events.
    async fn readyz(&self, lost: u64) -> Result<(), Trouble> {
        let ready = self.gateway.admin("/readyz").await?;
        let is_told = match self.is_strict {
            true => ready.body.contains(&format!("lost events: {lost};")),
            false => ready.body.contains("lost events: "),
        };
        if is_told == (lost > 0) || !self.is_strict && lost == 0 {
            return Ok(());
        }
        Err(Trouble::silent(format!("{lost} events are lost, and /readyz says {:?}", ready.body)))
    }

    /// Checks that `/readyz` reports a damaged store that was set aside.
    async fn set_aside(&self) -> Result<Outcome, Trouble> {
        let mut entries = fs::read_dir(self.dir).unwrap().map(|entry| entry.unwrap().file_name());
        if !entries.any(|name| name.to_string_lossy().starts_with("damaged-")) {
            return Ok(Outcome::NewEpoch);
        }
        let ready = self.gateway.admin("/readyz").await?;
        if ready.body.contains("damaged stores set aside: ") {
            return Ok(Outcome::SetAside);
        }
        Err(Trouble::broken(format!("a store was set aside, and /readyz says {:?}", ready.body)))
    }

    /// Posts callbacks and reads them. A gateway that rejects them must not be ready.
    pub async fn accepts(&mut self, series: u64) -> Result<Outcome, Trouble> {
        let mut posting = Posting::start(self.gateway.addresses.http, Bodies::Mixed, series, POSTED);
        let is_accepted = posting.reaches(POSTED, KEPT_OUT).await;
        let posted = posting.stop().await?;
        let is_broken = posted.is_broken;
        self.model.add(posted);
        if is_broken {
            return Err(Trouble::Gone("the connection for callbacks broke".to_owned()));
        }
        if !is_accepted {
            return self.kept_out().await;
        }
        self.follows().await?;
        let mut client = self.gateway.client().await?;
        let (_, is_replaced) = self.follow(&mut client, GapPolicy::Skip).await?;
        if is_replaced { self.set_aside().await } else { Ok(Outcome::Unharmed) }
    }

    /// Checks that a gateway that rejects callbacks is not ready.
    pub async fn kept_out(&self) -> Result<Outcome, Trouble> {
        let ready = self.gateway.admin("/readyz").await?;
        if ready.status == 503 {
            return Ok(Outcome::KeptOut);
        }
        Err(Trouble::broken(format!("callbacks are refused, and /readyz says {:?}", ready.body)))
    }
}
