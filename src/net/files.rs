//! Reading of configuration files.

use std::{fs, io, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

/// Maximum file size: a hundred times what any configuration file needs.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a regular file. Rejects a pipe: it may never end, and it returns its content only once, so a reload
/// would hang or read nothing.
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

/// Returns whether users other than the owner can read or change the file.
pub(crate) fn is_exposed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}
