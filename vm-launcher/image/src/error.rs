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

/// Short for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        cofferdam_catalogue::Error::io(path, source).into()
    }

    pub(crate) fn malformed(what: impl Into<String>, why: impl ToString) -> Self {
        cofferdam_catalogue::Error::malformed(what, why).into()
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
