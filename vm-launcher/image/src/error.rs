// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what went wrong in any step. Out: one sentence for people, with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be built or found.
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
    /// A description, package or cache file is not what it should be.
    #[error("{what}: {why}")]
    Malformed {
        /// Which file or package.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no app of that name.
    #[error("no app is called {name:?}; there are: {known}")]
    UnknownApp {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Something has not been built yet and building was not asked for.
    #[error("{what} is not built yet: run `cofferdam-image ensure {app}`")]
    NotBuilt {
        /// What is missing.
        what: String,
        /// For which app.
        app: String,
    },
}

/// Short for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wraps an I/O error with the path where it happened; a full disk becomes its own kind.
    pub(crate) fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path),
            _ => Self::Io { path, source },
        }
    }

    pub(crate) fn malformed(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Malformed { what: what.into(), why: why.to_string() }
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
