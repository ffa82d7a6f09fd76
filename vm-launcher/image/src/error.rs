// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what went wrong in any step. Out: one sentence for people, with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be built or found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something could not be found, read or written.
    #[error(transparent)]
    Catalogue(#[from] cofferdam_catalogue::Error),
    /// A program of the host or of a bundle failed.
    #[error("{program} failed: {message}")]
    Tool {
        /// Name of the program.
        program: String,
        /// Its last words.
        message: String,
    },
    /// A program of the host is not installed.
    #[error("{program} is not installed: run `dist/setup` as root, or install the package {package}")]
    MissingTool {
        /// Name of the program.
        program: &'static str,
        /// Debian package that has it.
        package: &'static str,
    },
    /// This machine's apt configuration names no Debian mirror.
    #[error(
        "no Debian mirror in this machine's apt configuration: set COFFERDAM_DEBIAN_MIRROR to its address"
    )]
    NoMirror,
    /// The keys that sign the Debian archive are not installed.
    #[error("the keys of the Debian archive are missing: install the package debian-archive-keyring")]
    NoKeyring,
    /// A package holds what no layer may hold.
    #[error("{package}: {path:?}: {why}")]
    Refused {
        /// Which package.
        package: String,
        /// Path in it; empty if it is about the whole.
        path: String,
        /// What is wrong.
        why: Refusal,
    },
    /// A result of a tool is larger than such a thing ever is.
    #[error("{0} would be too large")]
    TooLarge(String),
    /// Packages could not be downloaded.
    #[error(
        "could not download {what}: {why}; check the network and run this again, it carries on where it stopped"
    )]
    Download {
        /// Which packages.
        what: String,
        /// What the transport said.
        why: String,
    },
}

/// Why a part of a package is not unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A path is absolute or goes up and out.
    #[error("the path leaves the tree")]
    Leaves,
    /// A symbolic link on the way goes out, in circles or nowhere.
    #[error("a symbolic link leads out of the tree or in circles")]
    Link,
    /// A hard link is to a file that the same package did not bring before.
    #[error("it is a hard link to something that is not the package's own file")]
    HardLink,
    /// A device, a pipe, a socket or something unknown.
    #[error("it is neither file, directory nor link")]
    Kind,
    /// A file is where a directory should be, or the other way round.
    #[error("something of another kind is in the way")]
    InTheWay,
    /// Too many bytes, packed or unpacked.
    #[error("it has too many bytes")]
    Bytes,
    /// Too many entries.
    #[error("there are too many files")]
    Files,
    /// A path or link is too long or too deep.
    #[error("the path is too long or too deep")]
    Name,
    /// The archive ends within the file.
    #[error("the file is cut off")]
    Cut,
}

/// Short for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        cofferdam_catalogue::Error::io(path, source).into()
    }

    pub(crate) fn malformed(what: impl Into<String>, why: impl ToString) -> Self {
        cofferdam_catalogue::Error::malformed(what, why).into()
    }

    pub(crate) fn refused(package: impl Into<String>, path: impl Into<String>, why: Refusal) -> Self {
        Self::Refused { package: package.into(), path: path.into(), why }
    }

    pub(crate) fn disk_full(path: impl Into<PathBuf>) -> Self {
        cofferdam_catalogue::Error::DiskFull(path.into()).into()
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(self, Self::Catalogue(cofferdam_catalogue::Error::DiskFull(_)))
    }

    pub(crate) fn tool(program: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Tool { program: program.into(), message: message.into() }
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
