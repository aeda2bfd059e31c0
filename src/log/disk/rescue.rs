//! Saves a store whose file was deleted, moved or replaced while it was in use.
//!
//! Its events are then only in files without a name, which the operating system deletes when this process ends. So they are
//! copied into a directory like that of a damaged store, from which `repair` brings them back.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
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

/// Directory with the files that this process has open.
const OPEN_FILES: &str = "/proc/self/fd";

/// Copies the store with this identity into a directory of its own in the data directory. No transaction may be open.
///
/// Returns the directory, or `None` if this process no longer has the store open.
pub(super) fn save(
    dir: &Path,
    identity: (u64, u64),
    wal: Option<&WalFiles>,
    mark: EndMark,
) -> Result<Option<PathBuf>, OpenError> {
    let open_files = Path::new(OPEN_FILES);
    let Some(store) = open_file(open_files, identity).map_err(io_error(open_files))? else { return Ok(None) };
    // It may have been deleted, too.
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error(dir))?;
    let saved = aside::new_dir(dir)?;
    let path = saved.join(store::FILE_NAME);
    let copied =
        copy(store, &path).and_then(|()| wal.map_or(Ok(()), |wal| copy(wal.file()?, &wal_path(&path))));
    if let Err(error) = copied.map_err(io_error(&path)).and_then(|()| EndFile::replace(&saved, mark)) {
        // A full disk does not get fuller by the attempts. The store is still open.
        fs::remove_dir_all(&saved).map_err(io_error(&saved))?;
        return Err(error);
    }
    sync_dir(&saved)?;
    sync_dir(dir)?;
    Ok(Some(saved))
}

/// Opens the file with this device and inode once more, whatever its name is.
fn open_file(open_files: &Path, identity: (u64, u64)) -> io::Result<Option<File>> {
    for entry in fs::read_dir(open_files)? {
        let path = entry?.path();
        // Sockets have no file. A file may be closed meanwhile.
        if fs::metadata(&path).is_ok_and(|file| (file.dev(), file.ino()) == identity) {
            return File::open(&path).map(Some);
        }
    }
    Ok(None)
}

fn copy(mut from: File, path: &Path) -> io::Result<()> {
    let mut to = private_file(path)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}
