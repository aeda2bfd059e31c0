//! The files that a configuration is read from.

use std::{fs, io, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

/// Largest file that is read: a hundred times what any of them needs.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a file. Not a pipe, which may never end, and gives what it has only once: a
/// reload would wait for ever, or find nothing.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("larger than 4 MiB"));
    }
    Ok(text)
}

/// Whether users other than its owner can read or change it.
pub(crate) fn is_exposed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}
