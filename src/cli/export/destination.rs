//! Destination of an export: standard output, or a file that gets its name when it is complete.
//!
//! On Linux the file is unnamed until then if the file system supports it (ext4, XFS, Btrfs, tmpfs; not NFS).
//! An unnamed file disappears when the process ends. Elsewhere the file is `NAME.XXXXXX.part`, which the
//! program removes after every error and ordinary signal. It remains after SIGKILL or a machine crash.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD};
#[cfg(target_os = "linux")]
use rustix::fs::{Mode, OFlags};
use tempfile::TempPath;

use super::super::{Failure, text::escape};

/// The destination without its writer, which may have to be abandoned.
pub(super) enum Destination {
    Stdout,
    File(Unfinished),
}

/// A file that is removed on drop unless it got its name.
pub(super) struct Unfinished {
    dir: PathBuf,
    path: PathBuf,
    part: Part,
}

/// The incomplete file.
enum Part {
    /// Unnamed file. The kernel frees it when the process ends for any reason.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has them"))]
    Unnamed(File),
    /// Temporary name, for file systems without unnamed files. SIGKILL leaves this file behind.
    Named(TempPath),
}

/// Writer of the destination.
pub(super) enum Writer {
    Stdout,
    File { file: File, path: PathBuf },
}

impl Destination {
    /// Returns whether this is standard output: no path, or `-`.
    pub(super) fn is_stdout(path: Option<&Path>) -> bool {
        path.is_none_or(|path| path.as_os_str() == "-")
    }

    /// Creates the file without its name.
    pub(super) fn open(path: Option<&Path>) -> Result<(Self, Writer), Failure> {
        let Some(path) = path.filter(|path| !Self::is_stdout(Some(path))) else {
            return Ok((Self::Stdout, Writer::Stdout));
        };
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Failure::Usage(format!("--output {}: not a file name", shown(path))));
        };
        refuse_existing(path)?;
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let made = unnamed(dir).or_else(|_| named(dir, name));
        let (file, part) = made.map_err(|error| failed(path, &error))?;
        let unfinished = Unfinished { dir: dir.to_owned(), path: path.to_owned(), part };
        Ok((Self::File(unfinished), Writer::File { file, path: path.to_owned() }))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::stdout().is_terminal()
    }

    /// Returns the destination's name for messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdout => "standard output".to_owned(),
            Self::File(unfinished) => shown(&unfinished.path),
        }
    }

    /// Gives the file its name, durably.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Self::File(Unfinished { dir, path, part }) = self else { return Ok(()) };
        refuse_existing(&path)?;
        // Neither call replaces a file that another process has created since the check.
        let placed = match part {
            Part::Unnamed(file) => link(&file, &path),
            Part::Named(part) => part.persist_noclobber(&path).map_err(|error| error.error),
        };
        placed.map_err(|error| failed(&path, &error))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| failed(&path, &error))
    }
}

impl Writer {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                Ok(out.flush()?)
            }
            Self::File { file, path } => file.write_all(bytes).map_err(|error| failed(path, &error)),
        }
    }

    /// Waits until the file is durable.
    pub(super) fn sync(&self) -> Result<(), Failure> {
        match self {
            Self::Stdout => Ok(()),
            Self::File { file, path } => file.sync_all().map_err(|error| failed(path, &error)),
        }
    }
}

/// Creates an unnamed file. Fails if the file system or the operating system does not support it, or if
/// it could not get a name later. Only its owner may read it: events hold private messages.
#[cfg(target_os = "linux")]
fn unnamed(dir: &Path) -> io::Result<(File, Part)> {
    if !Path::new(DESCRIPTORS).exists() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(dir, flags, Mode::RUSR | Mode::WUSR)?);
    Ok((file.try_clone()?, Part::Unnamed(file)))
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path) -> io::Result<(File, Part)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Directory of the process's open files, by descriptor.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Gives an unnamed file its name.
fn link(file: &File, path: &Path) -> io::Result<()> {
    let from = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, from, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// Creates a file with a temporary name. Only its owner may read it.
fn named(dir: &Path, name: &OsStr) -> io::Result<(File, Part)> {
    let mut prefix = name.to_owned();
    prefix.push(".");
    let (file, part) =
        tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(dir)?.into_parts();
    Ok((file, Part::Named(part)))
}

/// Rejects an existing path: an export never replaces another one, or `/dev/null`.
fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::Other(format!(
            "--output: {} already exists; remove it or choose another name",
            shown(path)
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(path, &error)),
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Other(format!("--output: cannot write {}: {error}", shown(path)))
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use tempfile::TempDir;

    use super::*;

    type Create = fn(&Path) -> io::Result<(File, Part)>;

    /// Tests both kinds of file, independent of the file system that the tests run on.
    fn both() -> Vec<Create> {
        let mut ways: Vec<Create> = vec![|dir| named(dir, OsStr::new("x"))];
        if unnamed(&std::env::temp_dir()).is_ok() {
            ways.push(unnamed);
        }
        ways
    }

    fn names(dir: &TempDir) -> Vec<String> {
        fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_complete_file_gets_its_name_and_an_incomplete_one_is_removed() {
        for create in both() {
            let dir = TempDir::new().unwrap();
            let path = dir.path().join("x");
            let begin = || {
                let (file, part) = create(dir.path()).unwrap();
                let unfinished = Unfinished { dir: dir.path().to_owned(), path: path.clone(), part };
                let mut writer = Writer::File { file, path: path.clone() };
                assert!(writer.write(b"events").is_ok());
                Destination::File(unfinished)
            };
            drop(begin());
            assert_eq!(names(&dir), [""; 0]);
            assert!(begin().finish().is_ok());
            assert_eq!(fs::read(&path).unwrap(), b"events");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(names(&dir), ["x"]);
        }
    }

    #[test]
    fn a_file_that_another_process_created_is_kept() {
        for create in both() {
            let dir = TempDir::new().unwrap();
            let path = dir.path().join("x");
            let (_, part) = create(dir.path()).unwrap();
            fs::write(&path, "another's").unwrap();
            let placed = match part {
                Part::Unnamed(file) => link(&file, &path),
                Part::Named(part) => part.persist_noclobber(&path).map_err(|error| error.error),
            };
            assert_eq!(placed.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
            assert_eq!(names(&dir), ["x"]);
        }
    }
}
