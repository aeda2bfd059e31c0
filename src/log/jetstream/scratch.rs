//! Directory of this gateway (`nats` in the data directory) with its index and its mark. The log works without it.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::log::files::private_file;

const NAME: &str = "nats";
const LOCK: &str = "lock";

/// The directory. No other gateway uses it until this value is dropped.
#[derive(Debug)]
pub(super) struct ScratchDir {
    pub(super) path: PathBuf,
    _lock: File,
}

impl ScratchDir {
    /// Opens the directory, creating it if it is missing.
    pub(super) fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(NAME);
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        let lock = private_file(&path.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another gateway uses it"),
            TryLockError::Error(error) => error,
        })?;
        Ok(Self { path, _lock: lock })
    }
}
