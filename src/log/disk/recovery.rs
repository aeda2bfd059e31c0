//! Recovery of the writer from write errors, and from a store or write-ahead log that was replaced or deleted
//! while in use.

use std::{
    io,
    sync::{Arc, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use super::{
    OpenError, aside,
    end::EndFile,
    rescue, sqlite_error,
    store::Store,
    wal::{self, WalFiles},
    writer::{Writer, answer},
};
use crate::{
    event::Sequence,
    log::{AppendError, Cause, Hole, LogState, PAGE_RECORDS, files::identity, ring::Ring},
};

/// Number of consecutive failures after which damage counts as permanent: about 2 seconds.
const MAX_DAMAGE_FAILURES: u32 = 8;
/// Number of consecutive attempts without the store in its place after which it counts as gone: about 10
/// seconds, enough for an operator to put it back.
const MAX_GONE_ATTEMPTS: u32 = 40;
/// Pause between attempts to recover from a write error.
const RECOVERY_PAUSE: Duration = Duration::from_millis(250);

impl Writer {
    /// Rejects appends until the store accepts a write again. Returns false if the log has ended: the queue
    /// was closed, or the store is gone or damaged.
    pub(super) fn recover(&mut self) -> bool {
        self.shared.state.send_replace(LogState::Recovering);
        let mut last_error = String::new();
        loop {
            if self.damage_failures >= MAX_DAMAGE_FAILURES {
                self.abandon_damaged();
                return false;
            }
            if self.gone_attempts >= MAX_GONE_ATTEMPTS {
                match self.abandon_gone() {
                    Ok(()) => return false,
                    Err(error) => {
                        tracing::error!(%error, "the events of the deleted store cannot be saved; retrying");
                        self.gone_attempts = 0;
                    }
                }
            }
            // Reject appends that were queued before the log was marked as recovering.
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
                self.mark_writable();
                return true;
            };
            self.note_failure(&error);
            let error = error.to_string();
            if error != last_error {
                tracing::error!(error, "the log cannot be written to; refusing callbacks and retrying");
                last_error = error;
            }
        }
    }

    /// Counts consecutive failures of a store that is gone, or that is damaged and may be set aside.
    pub(super) fn note_failure(&mut self, error: &OpenError) {
        if self.is_gone() {
            self.gone_attempts += 1;
            return;
        }
        self.gone_attempts = 0;
        if self.set_aside_damaged && error.is_unusable() {
            self.damage_failures += 1;
        }
    }

    /// Returns whether the store was deleted, moved or replaced.
    fn is_gone(&self) -> bool {
        identity(&self.path).map_or_else(
            |error| error.kind() == io::ErrorKind::NotFound,
            |found| found != self.shared.identity,
        )
    }

    /// Saves the events of a store that is no longer in its place. Ending the log ends the gateway. Its next start opens the
    /// store that is in place, or handles a missing one.
    fn abandon_gone(&mut self) -> Result<(), OpenError> {
        let shared = Arc::clone(&self.shared);
        let mark = self.end_mark(self.next);
        let wal = self.store.as_ref().map(|store| &store.wal).or(self.left_wal.as_ref());
        shared.is_saving.store(true, Ordering::Relaxed);
        let saved = rescue::save(self.dir(), &shared.file, wal, mark);
        shared.is_saving.store(false, Ordering::Relaxed);
        let saved = saved?;
        // The next start compares, even if the whole directory was deleted.
        let marked = EndFile::replace(self.dir(), mark);
        let deleted = wal.map_or(Ok(()), WalFiles::delete_own);
        let _gate = shared.checkpoint_gate.write();
        shared.connections.close();
        // SQLite would delete a write-ahead log that now belongs to another store.
        let closed = self.store.take().map_or(Ok(()), |store| store.close_without_checkpoint().map(drop));
        // A failure from here on does not repeat the copy.
        if let Err(error) = marked.and(deleted).and(closed) {
            tracing::error!(%error, "the data directory could not be prepared for the next start");
        }
        tracing::error!(
            path = %self.path.display(),
            saved_to = %saved.display(),
            "the store was deleted or replaced while in use; its events were saved, and the gateway exits: its next start \
             opens the store at this path, or a new log. Run `callback-gateway repair` to recover the saved events"
        );
        Ok(())
    }

    /// Sets the damaged store aside. Ending the log ends the gateway, and its next start opens a new log.
    fn abandon_damaged(&mut self) {
        let shared = Arc::clone(&self.shared);
        let _gate = shared.checkpoint_gate.write();
        // Readers would continue to use files that are no longer in place.
        shared.connections.close();
        let closed = self.store.take().map_or(Ok(()), |store| store.close_without_checkpoint().map(drop));
        match closed.and_then(|()| aside::set_aside(self.dir(), self.next)) {
            Ok(moved) => tracing::error!(
                moved_to = moved.map(|moved| moved.display().to_string()),
                "the store is damaged and accepts no events; it was set aside, and the gateway exits: its next start opens \
                 a new log. Run `callback-gateway repair` to recover the readable events"
            ),
            Err(error) => tracing::error!(
                %error,
                "the store is damaged and accepts no events, and it could not be set aside; the gateway exits"
            ),
        }
    }

    fn try_to_recover(&mut self) -> Result<(), OpenError> {
        // SQLite must not open another store beside the write-ahead log of this one.
        if self.store.is_none() && self.is_gone() {
            return Err(OpenError::Replaced { path: self.path.clone() });
        }
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
        // Readers would prevent emptying the WAL.
        let shared = Arc::clone(&self.shared);
        let gate = shared.checkpoint_gate.write();
        // The WAL may have been replaced after the write error.
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
        // The failed write may have been a deletion that succeeded after all.
        self.shared.note_trimmed(state.oldest);
        // Records of the failed batch may have been stored after all. Readers get them from the disk.
        if state.tail.end > self.next {
            let ring_bytes = self.ring_bytes;
            self.publish(state.tail, |ring| *ring = Ring::new(ring_bytes, state.tail.end));
        }
        self.note_end();
        Ok(())
    }

    /// Tries a write after another program only locked the store, which is intact.
    fn probe(&mut self) -> Result<(), OpenError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let probed = store.probe().map_err(sqlite_error(&self.path));
        if probed.as_ref().is_err_and(|error| !error.is_busy()) {
            self.must_reopen = true;
            self.close_store();
        }
        probed
    }

    /// Saves events that are only in deleted or replaced files. They would be lost when this process ends.
    pub(super) fn save_at_end(&mut self) {
        if self.is_gone() {
            if let Err(error) = self.abandon_gone() {
                tracing::error!(%error, "the events of the deleted store could not be saved; the log ends without them");
            }
            return;
        }
        let must_save = self.must_restore
            || self.left_wal.is_some()
            || self.check_files().is_err_and(|error| error.is_wal_fault());
        if must_save && let Err(error) = self.try_to_recover() {
            tracing::error!(%error, "the write-ahead log could not be saved; the log ends without its events");
        }
    }

    /// Closes the store after a write error. Keeps the record of its WAL files.
    pub(super) fn close_store(&mut self) {
        if let Some(store) = self.store.take() {
            self.left_wal = Some(store.wal);
        }
    }

    /// Saves the events of a WAL that was replaced, shortened or deleted, and closes the store.
    ///
    /// SQLite still has the file open, and the WAL's index in memory. So a checkpoint moves a complete WAL
    /// into the main file as usual. A shortened WAL lacks pages and is not moved. The main file then has the
    /// state of the last checkpoint, and the events committed since are written again from memory.
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
        // The readers have the old file open, too.
        shared.connections.close();
        if !store.leave_wal_mode().map_err(sqlite_error(&self.path))? {
            return Err(in_the_way());
        }
        self.store = None;
        Ok(())
    }

    /// Deletes a WAL that is not the file that was written to.
    fn discard_wal(&mut self) -> Result<(), OpenError> {
        self.must_restore = true;
        match self.left_wal.take() {
            Some(wal) => wal.delete(),
            None => Ok(()),
        }
    }

    /// Reopens the store after an error. The caller holds the gate.
    ///
    /// A failed sync leaves the operating system's cache ahead of the disk, but marked as clean. So the
    /// apparent content of the WAL is moved into the main file and synced before it is relied on.
    fn reopen(&self) -> Result<Store, OpenError> {
        let mut store = Store::open(&self.path)?;
        let state = store.state();
        // A copy has another inode, and the readers still have the old file open.
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
        // The WAL may also have contained deletions.
        let oldest = Sequence(self.shared.oldest.load(Ordering::Relaxed));
        if state.oldest < oldest {
            store.delete_below(state.oldest, oldest).map_err(sqlite_error(&self.path))?;
        }
        store.try_insert().map_err(sqlite_error(&self.path))?;
        store.probe().map_err(sqlite_error(&self.path))?;
        Ok(store)
    }

    /// Writes the lost events that are still in memory to the store, from `next` up to the tail.
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
            // These events are no longer in memory.
            self.shared.holes.note(Hole { first, last, cause: Cause::Missing }, None);
        }
        tracing::warn!(restored, "events of the damaged write-ahead log were written again from memory");
        Ok(())
    }
}

fn is_alone(writer: &Writer) -> Result<bool, OpenError> {
    wal::is_alone(&writer.path).map_err(sqlite_error(&writer.path))
}
