//! Helpers for the SQLite files of the log and its index.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rusqlite::ffi;

/// Opens a file that only this user can access (0600). Creates it if it is missing.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Returns the path of a database's write-ahead log.
pub(super) fn wal_path(path: &Path) -> PathBuf {
    let mut wal_path = path.as_os_str().to_owned();
    wal_path.push("-wal");
    wal_path.into()
}

/// Returns the path of the write-ahead log's index, which connections share.
pub(super) fn shm_path(path: &Path) -> PathBuf {
    let mut shm_path = path.as_os_str().to_owned();
    shm_path.push("-shm");
    shm_path.into()
}

/// Deletes a file if it exists.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Deletes a database with its write-ahead log. No connection may be open.
pub(super) fn remove_database(path: &Path) -> io::Result<()> {
    // The main file first: SQLite ignores a WAL without a main file, but would accept a main file without its
    // WAL.
    [path, &wal_path(path), &shm_path(path)].into_iter().try_for_each(remove)
}

/// Returns the device and inode of a file.
pub(super) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Returns whether the disk failed to read a part of a database. Linux reports EIO for a bad sector, which
/// SQLite reports as a damaged file system.
pub(super) fn is_read_error(error: &rusqlite::Error) -> bool {
    let codes = [
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_IOERR_SHORT_READ,
        ffi::SQLITE_IOERR_DATA,
        ffi::SQLITE_IOERR_CORRUPTFS,
    ];
    error.sqlite_error().is_some_and(|error| codes.contains(&error.extended_code))
}
