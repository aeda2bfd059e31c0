//! The writer's recovery: from write errors, and from a write-ahead log that was taken from under it.

use std::{
    io,
    sync::{Arc, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use super::{
    OpenError, aside, rescue, sqlite_error,
    store::Store,
    wal::{self, WalFiles},
    writer::{Writer, answer},
};
use crate::{
    event::Sequence,
    log::{AppendError, Cause, Hole, LogState, PAGE_RECORDS, files::identity, ring::Ring},
};

/// After so many failures one after another, damage is taken for permanent: about 2 seconds.
const MAX_DAMAGE_FAILURES: u32 = 8;
/// After so many attempts that did not find the store in its place, it is taken for gone: about 10 seconds, enough to put
/// it back.
const MAX_GONE_ATTEMPTS: u32 = 40;
/// Pause between attempts to recover from a write error.
const RECOVERY_PAUSE: Duration = Duration::from_millis(250);

impl Writer {
    /// Refuses appends until the store takes a write again. False if the queue was
    /// closed meanwhile, or the store is damaged and was set aside: the log has ended.
    pub(super) fn recover(&mut self) -> bool {
        self.shared.state.send_replace(LogState::Recovering);
        let mut last_error = String::new();
        loop {
            if self.damage_failures >= MAX_DAMAGE_FAILURES {
                self.give_up();
                return false;
            }
            if self.gone_attempts >= MAX_GONE_ATTEMPTS {
                match self.leave() {
                    Ok(()) => return false,
                    Err(error) => {
                        tracing::error!(%error, "the events of the deleted store cannot be saved; trying again");
                        self.gone_attempts = 0;
                    }
                }
            }
            // Appends that came in before the log was marked as recovering.
            let until = Instant::now() + RECOVERY_PAUSE;
            loop {
                match self.queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(queued) => answer(queued.reply, Err(AppendError::Recovering)),
                    Err(mpsc::RecvTimeoutError::Timeout) => break,
                    Err(mpsc::RecvTimeoutError::Disconnected) => {
                        self.save_at_end();
                        return false;
                    }
                }
            }
            let Err(error) = self.try_to_recover() else {
                self.note_works();
                return true;
            };
            self.note_failure(&error);
            let error = error.to_string();
            if error != last_error {
                tracing::error!(error, "the log cannot be written to; trying again");
                last_error = error;
            }
        }
    }

    /// Counts errors of a damaged store, unless damage is to keep callbacks out.
    pub(super) fn note_failure(&mut self, error: &OpenError) {
        if self.set_aside_damaged && error.is_unusable() {
            self.damage_failures += 1;
        }
        if self.set_aside_damaged && self.is_gone() {
            self.gone_attempts += 1;
        } else {
            self.gone_attempts = 0;
        }
    }

    /// Returns whether the store was deleted, moved or replaced.
    fn is_gone(&self) -> bool {
        identity(&self.path).map_or_else(
            |error| error.kind() == io::ErrorKind::NotFound,
            |found| found != self.shared.identity,
        )
    }

    /// Saves the events of a store that is no longer in its place. Without one there, a new one begins. Ending the log ends
    /// the gateway, and its next start opens what is there.
    fn leave(&mut self) -> Result<(), OpenError> {
        let shared = Arc::clone(&self.shared);
        let _gate = shared.checkpoint_gate.write();
        let mark = self.end_mark(self.next);
        let wal = self.store.as_ref().map(|store| &store.wal).or(self.left_wal.as_ref());
        let saved = rescue::save(self.dir(), shared.identity, wal, mark)?;
        wal.map_or(Ok(()), WalFiles::delete_own)?;
        shared.connections.close();
        if let Some(store) = self.store.take() {
            store.close_without_checkpoint()?;
        }
        // Otherwise the next start refuses.
        if self.set_aside_damaged && !self.path.exists() {
            aside::set_aside(self.dir(), self.next)?;
        }
        tracing::error!(
            path = %self.path.display(),
            saved_to = saved.map(|saved| saved.display().to_string()),
            "the store was deleted or replaced while in use; its events were saved, and the gateway ends: its next start \
             opens what is there, or a new log. `callback-gateway repair` brings back the saved events"
        );
        Ok(())
    }

    /// Sets the damaged store aside. Ending the log ends the gateway, and its next start opens a new log.
    fn give_up(&mut self) {
        let shared = Arc::clone(&self.shared);
        let _gate = shared.checkpoint_gate.write();
        // Readers would go on with files that are no longer there.
        shared.connections.close();
        let closed = self.store.take().map_or(Ok(()), |store| store.close_without_checkpoint().map(drop));
        match closed.and_then(|()| aside::set_aside(self.dir(), self.next)) {
            Ok(moved) => tracing::error!(
                moved_to = moved.map(|moved| moved.display().to_string()),
                "the store is damaged and takes no events; it was set aside, and the gateway ends: its next start opens a \
                 new log. `callback-gateway repair` brings back what can be read"
            ),
            Err(error) => tracing::error!(
                %error,
                "the store is damaged and takes no events, and it could not be set aside; the gateway ends"
            ),
        }
    }

    fn try_to_recover(&mut self) -> Result<(), OpenError> {
        if self.store.is_some() {
            let checked = self.check_files();
            if checked.as_ref().is_err_and(OpenError::is_wal_fault) {
                self.save_wal()?;
            } else {
                checked?;
                if !self.must_reopen {
                    return self.probe();
                }
                self.close_store();
            }
        }
        // Readers would be in the way of emptying the WAL.
        let shared = Arc::clone(&self.shared);
        let gate = shared.checkpoint_gate.write();
        // It may also have been replaced after the write error.
        if let Some(wal) = &mut self.left_wal
            && wal.check().is_err()
        {
            shared.connections.close();
            if !is_alone(self)? {
                return Err(OpenError::InTheWay { path: self.path.clone() });
            }
            self.discard_wal()?;
        }
        let store = self.reopen()?;
        shared.connections.fill()?;
        drop(gate);
        let state = store.state();
        self.store = Some(store);
        self.left_wal = None;
        (self.must_reopen, self.must_restore) = (false, false);
        self.last_time = self.last_time.max(state.last_time);
        // The failed write may have been a deletion.
        self.shared.note_trimmed(state.oldest);
        // Records of the failed batch may have turned up; readers get them from the disk.
        if state.tail.end > self.next {
            let ring_bytes = self.ring_bytes;
            self.publish(state.tail, |ring| *ring = Ring::new(ring_bytes, state.tail.end));
        }
        self.note_end();
        Ok(())
    }

    /// Tries a write after the store was only locked by another program: nothing is wrong with it.
    fn probe(&mut self) -> Result<(), OpenError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let probed = store.probe().map_err(sqlite_error(&self.path));
        if probed.as_ref().is_err_and(|error| !error.is_busy()) {
            self.must_reopen = true;
            self.close_store();
        }
        probed
    }

    /// Saves what is only in files that were deleted or replaced: it would be lost with this process.
    pub(super) fn save_at_end(&mut self) {
        if self.is_gone() {
            if let Err(error) = self.leave() {
                tracing::error!(%error, "the log ends, and the events of its deleted store could not be saved");
            }
            return;
        }
        let must_save = self.must_restore
            || self.left_wal.is_some()
            || self.check_files().is_err_and(|error| error.is_wal_fault());
        if must_save && let Err(error) = self.try_to_recover() {
            tracing::error!(%error, "the log ends before its write-ahead log could be saved");
        }
    }

    /// Closes the store after a write error, and keeps what is known of its WAL.
    pub(super) fn close_store(&mut self) {
        if let Some(store) = self.store.take() {
            self.left_wal = Some(store.wal);
        }
    }

    /// Saves what is in a WAL whose file was replaced, shortened or deleted, and closes the store.
    ///
    /// SQLite still has the file open, and the WAL's index in memory. So a whole one is moved into the main
    /// file as always. From one that was shortened nothing is moved: pages would be missing. The main file
    /// is as it was after the last checkpoint, and what was committed since is written again from memory.
    fn save_wal(&mut self) -> Result<(), OpenError> {
        let shared = Arc::clone(&self.shared);
        let _gate = shared.checkpoint_gate.write();
        let Some(store) = &mut self.store else { return Ok(()) };
        let in_the_way = || OpenError::InTheWay { path: self.path.clone() };
        if store.is_wal_short() {
            shared.connections.close();
            if let Some(store) = self.store.take() {
                self.left_wal = Some(store.close_without_checkpoint()?);
            }
            return Ok(());
        }
        if !store.reset_wal().map_err(sqlite_error(&self.path))? {
            return Err(in_the_way());
        }
        // They have the old file open, too.
        shared.connections.close();
        if !store.leave_wal().map_err(sqlite_error(&self.path))? {
            return Err(in_the_way());
        }
        self.store = None;
        Ok(())
    }

    /// Deletes a WAL that is not the one that was written to.
    fn discard_wal(&mut self) -> Result<(), OpenError> {
        self.must_restore = true;
        match self.left_wal.take() {
            Some(wal) => wal.delete(),
            None => Ok(()),
        }
    }

    /// Opens the store anew after an error, with the gate in hand.
    ///
    /// A sync that failed leaves the operating system's cache ahead of the disk
    /// and calls it clean. So whatever the WAL seems to hold is moved into the
    /// main file and synced before anything is built on it.
    fn reopen(&self) -> Result<Store, OpenError> {
        let mut store = Store::open(&self.path)?;
        let state = store.state();
        // A copy has another inode: the readers would go on reading the file that is gone.
        let is_same = store.identity() == self.shared.identity && state.epoch == self.shared.epoch;
        let is_shorter = state.tail.end < self.next;
        if !is_same || is_shorter && !self.must_restore {
            return Err(OpenError::Replaced { path: self.path.clone() });
        }
        if !store.reset_wal().map_err(sqlite_error(&self.path))? {
            return Err(OpenError::InTheWay { path: self.path.clone() });
        }
        if is_shorter {
            self.restore(&mut store, state.tail.end)?;
        }
        // Deletions went with the WAL, too.
        let oldest = Sequence(self.shared.oldest.load(Ordering::Relaxed));
        if state.oldest < oldest {
            store.delete_below(state.oldest, oldest).map_err(sqlite_error(&self.path))?;
        }
        store.try_insert().map_err(sqlite_error(&self.path))?;
        store.probe().map_err(sqlite_error(&self.path))?;
        Ok(store)
    }

    /// Writes again what the store lost and memory still has, from `next` up to the tail.
    fn restore(&self, store: &mut Store, mut next: Sequence) -> Result<(), OpenError> {
        let (mut restored, mut lost) = (0_usize, None::<(Sequence, Sequence)>);
        while next < self.next {
            let (page, start) = {
                let ring = self.shared.ring.read();
                (ring.read(next, PAGE_RECORDS), ring.start())
            };
            let Some(page) = page else {
                lost = Some((next, start.previous()));
                next = start;
                continue;
            };
            let records: Vec<_> = page.records.iter().cloned().collect();
            store.commit(&records).map_err(sqlite_error(&self.path))?;
            restored += records.len();
            next = page.next;
        }
        if let Some((first, last)) = lost {
            store.skip_to(self.next)?;
            // It was damaged while in use, and they are no longer in memory.
            self.shared.holes.note(Hole { first, last, cause: Cause::Missing }, None);
        }
        tracing::warn!(restored, "events of the damaged write-ahead log were written again from memory");
        Ok(())
    }
}

fn is_alone(writer: &Writer) -> Result<bool, OpenError> {
    wal::is_alone(&writer.path).map_err(sqlite_error(&writer.path))
}
