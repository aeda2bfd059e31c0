//! Saves a store whose file was deleted, moved or replaced while it was in use.
//!
//! Its events are then only in files without a name, which the operating system deletes when this process ends. So they are
//! copied into a directory like that of a damaged store, from which `repair` brings them back.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Seek as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{
    OpenError, aside,
    end::{EndFile, EndMark},
    io_error,
    store::{self, sync_dir},
    wal::WalFiles,
};
use crate::log::files::{private_file, wal_path};

/// Copies an open store into a directory of its own in the data directory. No transaction may be open. Returns the
/// directory.
pub(super) fn save(
    dir: &Path,
    store: &File,
    wal: Option<&WalFiles>,
    mark: EndMark,
) -> Result<PathBuf, OpenError> {
    // It may have been deleted, too.
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error(dir))?;
    // No limit on their number: these events are nowhere else.
    let saved = aside::new_dir(dir)?;
    let path = saved.join(store::FILE_NAME);
    let copied =
        copy(store, &path).and_then(|()| wal.map_or(Ok(()), |wal| copy(wal.file(), &wal_path(&path))));
    if let Err(error) = copied.map_err(io_error(&path)).and_then(|()| EndFile::replace(&saved, mark)) {
        // A full disk does not get fuller by the attempts. The store is still open.
        fs::remove_dir_all(&saved).map_err(io_error(&saved))?;
        return Err(error);
    }
    sync_dir(&saved)?;
    sync_dir(dir)?;
    Ok(saved)
}

/// Copies a file without opening it again: closing it would drop SQLite's POSIX locks on it.
fn copy(mut from: &File, path: &Path) -> io::Result<()> {
    from.rewind()?;
    let mut to = private_file(path)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}
