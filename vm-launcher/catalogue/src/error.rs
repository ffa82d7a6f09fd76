// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what went wrong while something was looked for or read. Out: one sentence for people, with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be found or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where it happened.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk is full.
    #[error("no space left on the disk of {}: free some and run this again, it carries on where it stopped", .0.display())]
    DiskFull(PathBuf),
    /// A description, package or cache file is not what it should be.
    #[error("{what}: {why}")]
    Malformed {
        /// Which file or package.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// What lies in the cache must not be used.
    #[error("{}: {fault}; remove {} and build it again", path.display(), path.parent().unwrap_or(path).display())]
    Unsound {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// There is no app of that name.
    #[error("no app is called {name:?}; there are: {known}")]
    UnknownApp {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Something has not been built yet.
    #[error("{what} is not built yet: run `cofferdam-image ensure {app}`")]
    NotBuilt {
        /// What is missing.
        what: String,
        /// For which app.
        app: String,
    },
}

/// What is wrong with a finished layer or its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Root hash or salt is not a hash.
    #[error("a hash is not 64 lower-case hexadecimal digits")]
    Hash,
    /// The hash tree does not follow the data, or the file is shorter or longer than both.
    #[error("the layer's length is not what its manifest says")]
    Length,
    /// The data do not have the root hash that the manifest says.
    #[error("the layer's data do not have its root hash")]
    Root,
    /// A name in a manifest leads out of its directory.
    #[error("a path leads out of the directory")]
    Path,
    /// A text, list or file is longer than such a thing ever is.
    #[error("it is too long")]
    TooLong,
    /// A text holds bytes that no command line may hold.
    #[error("a text holds a zero byte")]
    Zero,
    /// Memory or data volume is outside of what a description may ask for.
    #[error("a size is out of bounds")]
    Size,
}

/// Short for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wraps an I/O error with the path where it happened; a full disk becomes its own kind.
    pub fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path),
            _ => Self::Io { path, source },
        }
    }

    /// Something is not what it should be.
    pub fn malformed(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Malformed { what: what.into(), why: why.to_string() }
    }
}

/// Adds the path to an I/O result.
pub(crate) trait At<T> {
    fn at(self, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|e| Error::io(path, e))
    }
}
