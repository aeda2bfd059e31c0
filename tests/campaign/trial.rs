//! Starts gateways over a damaged log and checks each of them.

use std::path::Path;

use super::{
    check::{Check, Depth, KEPT},
    model::Model,
    outcome::{Outcome, Trouble},
    process::{Gateway, Started},
    random::Random,
};

/// First series of callbacks that are posted to a copy. The series of undamaged logs are lower.
pub const SERIES: u64 = 100;

/// Damaged log, with its model.
pub struct Trial<'a> {
    /// The gateway's data directory.
    pub dir: &'a Path,
    /// Further arguments of the gateway.
    pub more: Vec<String>,
    pub model: Model,
    /// Accounts that the bodies name.
    pub accounts: &'a [String],
    pub random: Random,
    /// All reads must report the same, because the files do not change between them.
    pub is_strict: bool,
    /// URL of the NATS server, if the log is a stream.
    pub server: Option<String>,
    /// Depth of the reads from the first gateway.
    pub depth: Depth,
    /// Series of the latest callbacks.
    pub series: u64,
}

impl Trial<'_> {
    pub fn check<'b>(&'b mut self, gateway: &'b Gateway) -> Check<'b> {
        Check {
            gateway,
            dir: self.dir,
            model: &mut self.model,
            random: &mut self.random,
            accounts: self.accounts,
            is_strict: self.is_strict,
            server: self.server.as_deref(),
        }
    }

    /// Starts two gateways, one after the other. The second must have what the first one wrote. Some of the second ones
    /// delete old events.
    pub async fn starts(&mut self) -> Result<Outcome, Trouble> {
        let first = self.start(self.depth, &[]).await?;
        if first == Outcome::Refused {
            return Ok(first);
        }
        let second = if self.is_strict && self.random.below(4) == 0 {
            self.is_strict = false;
            match self.start(Depth::Stream, &[format!("--retention-count={KEPT}")]).await? {
                Outcome::Trimmed => Outcome::Unharmed,
                second => second,
            }
        } else {
            self.start(Depth::Brief, &[]).await?
        };
        if (first, second) == (Outcome::Died, Outcome::Died) {
            return Err(Trouble::broken("two gateways died"));
        }
        Ok(first.max(second))
    }

    /// Starts a gateway, reads, posts callbacks, and ends the gateway.
    async fn start(&mut self, depth: Depth, more: &[String]) -> Result<Outcome, Trouble> {
        let mut gateway = match Gateway::start(self.dir, &[&self.more[..], more].concat()).await? {
            Started::Ready(gateway) => gateway,
            Started::Refused { code, log } => return refused(code, &log),
        };
        let outcome = self.serve(&gateway, depth).await;
        let outcome = gateway.or_died(outcome).await?;
        if outcome != Outcome::Died && self.random.below(2) == 0 {
            gateway.stop().await?;
        } else {
            gateway.kill();
        }
        Ok(outcome)
    }

    async fn serve(&mut self, gateway: &Gateway, depth: Depth) -> Result<Outcome, Trouble> {
        let read = self.check(gateway).reads(depth).await?;
        Ok(read.max(self.accepts(gateway).await?))
    }

    /// Posts new callbacks.
    pub async fn accepts(&mut self, gateway: &Gateway) -> Result<Outcome, Trouble> {
        self.series += 1;
        let series = self.series;
        self.check(gateway).accepts(series).await
    }
}

/// Checks that a gateway that did not start named the reason.
fn refused(code: Option<i32>, log: &str) -> Result<Outcome, Trouble> {
    let reason = log.lines().next_back().unwrap_or_default();
    if reason.starts_with("error: cannot open the log: ") && code == Some(1) {
        return Ok(Outcome::Refused);
    }
    Err(Trouble::broken(format!("refused with code {code:?}\n{log}")))
}
