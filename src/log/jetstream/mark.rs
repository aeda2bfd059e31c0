//! Newest position that this gateway has seen in the stream, in a small file named after the stream (`callbacks.end`).
//!
//! A stream that lost its end looks like a shorter, correct stream. It would give the lost sequences to other events, and no
//! reader would learn of the loss. So each gateway keeps a mark of its own, and compares it at its next start.
//!
//! The file holds a cursor as text, which has a checksum. It is not synced: after a power cut it may be behind, and the
//! gateway may then miss a loss.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::state::StreamState;
use crate::{event::Cursor, log::files::private_file};

const SUFFIX: &str = ".end";
/// Length of the file. Longer than any cursor, so that each mark overwrites the previous one.
const BYTES: usize = 64;
/// Longest time between two writes while the tail does not move.
const MAX_INTERVAL: Duration = Duration::from_secs(1);
/// Pause between two writes. The mark of a killed process misses at most the events of this time.
const INTERVAL: Duration = Duration::from_millis(10);

/// File with the mark.
#[derive(Debug)]
pub(super) struct MarkFile {
    path: PathBuf,
    file: File,
    /// The mark in the file. `None` if there is none, or it is damaged.
    pub(super) mark: Option<Cursor>,
    /// A failed write was logged.
    has_failed: bool,
}

impl MarkFile {
    /// Opens the file of a stream, creating it if it is missing.
    pub(super) fn open(dir: &Path, stream: &str) -> io::Result<Self> {
        // JetStream allows no path separators in a stream's name.
        let path = dir.join(format!("{stream}{SUFFIX}"));
        let file = private_file(&path)?;
        let mut bytes = [0; BYTES];
        let mark = match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => std::str::from_utf8(&bytes).ok().and_then(|text| text.trim_end().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        Ok(Self { path, file, mark, has_failed: false })
    }

    /// Writes the mark. Never moves it back within an epoch: what was seen once must be in the stream or be reported.
    fn write(&mut self, mark: Cursor) {
        let rank = |mark: &Cursor| (mark.sequence, mark.check.is_some());
        if self.mark.is_some_and(|old| old.epoch == mark.epoch && rank(&old) >= rank(&mark)) {
            return;
        }
        let text = format!("{:<1$}\n", mark.to_string(), BYTES - 1);
        match self.file.write_all_at(text.as_bytes(), 0) {
            Ok(()) => (self.mark, self.has_failed) = (Some(mark), false),
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    tracing::warn!(
                        path = %self.path.display(),
                        %error,
                        "cannot write the mark of the stream's end; the gateway may not notice a later loss of that end"
                    );
                }
            }
        }
    }
}

/// Keeps the mark at the tail's end until the log closes.
pub(super) async fn keep(state: Arc<StreamState>, file: MarkFile) {
    let file = Arc::new(Mutex::new(file));
    let write = async || {
        let (file, tail) = (Arc::clone(&file), *state.tail().borrow());
        if tail.cursor.epoch != state.epoch {
            return;
        }
        // Events can be acknowledged before the tail reaches them.
        let least_end = state.least_end();
        let is_behind = least_end > tail.end;
        let cursor =
            if is_behind { Cursor::unchecked(state.epoch, least_end.previous()) } else { tail.cursor };
        let written = spawn_blocking(move || file.lock().write(cursor));
        // It fails only when the runtime ends.
        written.await.ok();
    };
    let mut tail = state.tail();
    let work = async {
        loop {
            tail.borrow_and_update();
            write().await;
            sleep(INTERVAL).await;
            // An acknowledgement does not move the tail.
            if let Ok(Err(_)) = timeout(MAX_INTERVAL, tail.changed()).await {
                return;
            }
        }
    };
    state.health.until_closed(work).await;
    write().await;
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::event::{Epoch, Sequence};

    #[test]
    fn a_mark_is_read_as_it_was_written_and_never_moves_back() {
        let dir = TempDir::new().unwrap();
        let cursor =
            |epoch, sequence, check| Cursor { epoch: Epoch(epoch), sequence: Sequence(sequence), check };
        let mut file = MarkFile::open(dir.path(), "callbacks").unwrap();
        assert_eq!(file.mark, None);
        let longest = cursor(u64::MAX - 1, u64::MAX, Some(u32::MAX));
        for (written, read) in [
            (longest, longest),
            (cursor(7, 9, Some(5)), cursor(7, 9, Some(5))),
            (cursor(7, 8, Some(6)), cursor(7, 9, Some(5))),
            (cursor(7, 10, None), cursor(7, 10, None)),
            (cursor(7, 10, Some(1)), cursor(7, 10, Some(1))),
            (cursor(7, 10, None), cursor(7, 10, Some(1))),
            (cursor(8, 1, None), cursor(8, 1, None)),
        ] {
            file.write(written);
            assert_eq!(MarkFile::open(dir.path(), "callbacks").unwrap().mark, Some(read), "{written}");
        }
    }

    #[test]
    fn a_damaged_mark_is_ignored() {
        let dir = TempDir::new().unwrap();
        let mark = Cursor { epoch: Epoch(7), sequence: Sequence(9), check: Some(3) };
        MarkFile::open(dir.path(), "callbacks").unwrap().write(mark);
        let path = dir.path().join("callbacks.end");
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len(), BYTES);
        for bit in 0..mark.to_string().len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(MarkFile::open(dir.path(), "callbacks").unwrap().mark, None, "bit {bit}");
        }
        std::fs::write(&path, &whole[..BYTES - 1]).unwrap();
        assert_eq!(MarkFile::open(dir.path(), "callbacks").unwrap().mark, None);
    }
}
