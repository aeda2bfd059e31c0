//! Damages to a data directory, at rest or under a running gateway.

use std::path::Path;

use super::{
    callbacks::{Bodies, Posting},
    check::{Depth, KEPT_OUT},
    damage::damage,
    outcome::{Outcome, Trouble},
    plan::{Course, Target},
    process::Gateway,
    random::Random,
    stores::{Shape, Store, serve},
    trial::{SERIES, Trial},
    watcher::Watcher,
};

/// Callbacks that are acknowledged before a damage to a running gateway, and after it.
const POSTED: usize = 10;

/// Damages a copy of a store. Returns a description of the damage, and the outcome.
pub async fn run(
    store: &Store,
    dir: &Path,
    (course, target, shape): (Course, Target, Shape),
    mut random: Random,
) -> (String, Result<Outcome, Trouble>) {
    // With 4 KiB of memory, all reads come from the disk.
    let more = vec![format!("--memory={}", random.pick(&["1MiB", "4KiB"]))];
    let mut trial = Trial {
        dir,
        more,
        model: store.model.clone(),
        accounts: &store.accounts,
        random,
        is_strict: course == Course::AtRest,
        server: None,
        depth: if shape == Shape::Indexed { Depth::Index } else { Depth::Full },
        series: SERIES,
    };
    let mut done = format!("{shape:?}");
    let outcome = match course {
        Course::AtRest => {
            done += &trial.damage(target);
            trial.starts().await
        }
        Course::Running | Course::Killed => trial.while_running(course, target, &mut done).await,
    };
    (done, outcome)
}

impl Trial<'_> {
    /// Damages the files. Returns the place.
    fn damage(&mut self, target: Target) -> String {
        let place = match target {
            Target::File(file, manner) => {
                damage(&self.dir.join(file.name()), manner, &mut self.random).unwrap()
            }
            Target::Rows(rows) => {
                let done = rows.damage(&self.dir.join("events.db"), &mut self.random);
                // The gateway may hold a lock.
                Some(done.unwrap_or_else(|error| format!("not done: {error}")))
            }
        };
        format!(", {}", place.as_deref().unwrap_or("nothing there"))
    }

    /// Damages the files of a running gateway while callbacks are posted.
    async fn while_running(
        &mut self,
        course: Course,
        target: Target,
        done: &mut String,
    ) -> Result<Outcome, Trouble> {
        let mut gateway = serve(self.dir, &self.more).await;
        let outcome = self.damage_under(&gateway, course, target, done).await;
        let outcome = gateway.or_died(outcome).await?;
        gateway.kill();
        if outcome == Outcome::Died || course == Course::Killed {
            // The files no longer change between reads.
            self.is_strict = true;
            return Ok(outcome.max(self.starts().await?));
        }
        Ok(outcome)
    }

    async fn damage_under(
        &mut self,
        gateway: &Gateway,
        course: Course,
        target: Target,
        done: &mut String,
    ) -> Result<Outcome, Trouble> {
        let mut client = gateway.client().await?;
        let mut watcher = Watcher::open(&mut client).await?;
        let mut posting = Posting::start(gateway.addresses.http, Bodies::Mixed, self.series, usize::MAX);
        if !posting.reaches(POSTED, KEPT_OUT).await {
            return Err(Trouble::broken("callbacks are refused before the damage"));
        }
        done.push_str(&self.damage(target));
        let before = posting.acknowledged();
        let is_accepted = posting.reaches(before + POSTED, KEPT_OUT).await;
        let posted = posting.stop().await?;
        let is_broken = posted.is_broken;
        let newest = posted.acknowledged.last().cloned().unwrap_or_default();
        self.model.add(posted);
        if is_broken {
            return Err(Trouble::Gone("the connection for callbacks broke".to_owned()));
        }
        watcher.sees(&newest).await?;
        watcher.judge(&mut self.model)?;
        let kept_out = if is_accepted { Outcome::Unharmed } else { self.check(gateway).kept_out().await? };
        // Reading may change the outcome: half of the killed gateways are not read.
        if course == Course::Killed && self.random.below(2) == 0 {
            return Ok(kept_out);
        }
        let depth = self.depth;
        let read = self.check(gateway).reads(depth).await?;
        if kept_out == Outcome::KeptOut || course == Course::Killed {
            return Ok(read.max(kept_out));
        }
        Ok(read.max(self.accepts(gateway).await?))
    }
}
