//! Where an export goes: to standard output, or into a file that gets its name when it is whole.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use tempfile::TempPath;

use super::super::{Failure, text::escape};

/// The place, apart from the writing, which may have to be left behind.
pub(super) enum Destination {
    Stdout,
    File(Unfinished),
}

/// A file that goes away with this unless it gets its name.
pub(super) struct Unfinished {
    dir: PathBuf,
    path: PathBuf,
    /// Where it is until then.
    part: TempPath,
}

/// Writes to the place.
pub(super) enum Writer {
    Stdout,
    File { file: File, path: PathBuf },
}

impl Destination {
    /// Nothing, or `-`, is standard output.
    pub(super) fn open(path: Option<&Path>) -> Result<(Self, Writer), Failure> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            return Ok((Self::Stdout, Writer::Stdout));
        };
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Failure::Usage(format!("--output {}: it is no file's name", shown(path))));
        };
        refuse_existing(path)?;
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let mut prefix = name.to_owned();
        prefix.push(".");
        // Only its owner may read it: events hold private messages.
        let made = tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(dir);
        let (file, part) = made.map_err(|error| failed(path, &error))?.into_parts();
        let unfinished = Unfinished { dir: dir.to_owned(), path: path.to_owned(), part };
        Ok((Self::File(unfinished), Writer::File { file, path: path.to_owned() }))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::stdout().is_terminal()
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdout => "standard output".to_owned(),
            Self::File(unfinished) => shown(&unfinished.path),
        }
    }

    /// Gives the file its name, for good.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Self::File(Unfinished { dir, path, part }) = self else { return Ok(()) };
        refuse_existing(&path)?;
        part.persist(&path).map_err(|error| failed(&path, &error.error))?;
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

    /// Waits until a file is safe on its disk.
    pub(super) fn sync(&self) -> Result<(), Failure> {
        match self {
            Self::Stdout => Ok(()),
            Self::File { file, path } => file.sync_all().map_err(|error| failed(path, &error)),
        }
    }
}

/// An export never takes the place of another, nor of `/dev/null`.
fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::Other(format!(
            "--output: {} is there already; remove it, or choose another name",
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
